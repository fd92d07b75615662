"""A large namespace with its roles in processes of their own: what a compactor and a query node need of memory, how fast
rows become parts, how many bytes are written for each byte of rows, and what is found in the end."""

import argparse
import base64
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from harness.node import Node
from harness.process import wait_until
from harness.servers import directory_bytes

from .ledger import Violation
from .program import open_bucket, run


NAMESPACE = "large"
BATCH = 10_000
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with base.fbin, query.fbin, gt_query.ibin; else made up")
    parser.add_argument("--rows", type=int, default=30_000, help="how many of them")
    parser.add_argument("--store", choices=["file", "minio"], default="minio")
    parser.add_argument("--compactor-mib", type=int, default=1024)
    parser.add_argument("--anonymous-mib", type=int, default=150)
    parser.add_argument("--mapped", type=float, default=0.55, help="mapped index bytes over those of the vectors")
    args = parser.parse_args()
    run(f"{args.rows} rows in processes of their own on {args.store}", lambda home: large(args, home))


def large(args: argparse.Namespace, home: Path) -> str:
    base, queries, truth = data(args)
    bucket = open_bucket(args.store, home)
    often = {"fold.checkpoint_interval": "5s"} if args.rows < 100_000 else {}
    writer = Node(bucket, home / "writer", {"roles": "write"})
    compactor = Node(bucket, home / "compactor", {"roles": "compact"} | often)
    indexer = Node(bucket, home / "indexer", {"roles": "index"} | often)
    query = Node(bucket, home / "query", {"roles": "query"} | often)
    nodes = (writer, compactor, indexer, query)
    for node in nodes:
        node.start()
    start = time.monotonic()
    load(writer, base)
    loaded = time.monotonic() - start
    wait_until(lambda: query.metric("isobath_parts") == 1 and indexed(query), "one part with its index", 3600, 1)
    settled = time.monotonic() - start
    found = recall(query, queries, truth)
    anonymous, raw = memory(query, "RssAnon"), base.nbytes / MIB
    mapped = sum(path.stat().st_size for path in (query.cache).rglob("*") if path.is_file()) / MIB - raw
    peak, building = compactor.process.peak_rss_mib(), indexer.process.peak_rss_mib()
    stored = directory_bytes(home / "minio" / "data") if args.store == "minio" else directory_bytes(home / "bucket")
    for node in reversed(nodes):
        node.stop()
    said = (
        f"loaded in {loaded:.0f} s, one indexed part after {settled:.0f} s; compactor at most {peak} MiB, "
        f"index builder {building} MiB; query node "
        f"{anonymous:.0f} MiB anonymous and {mapped:.0f} MiB of index for {raw:.0f} MiB of vectors; "
        f"{stored / MIB:.0f} MiB in the bucket, {stored / base.nbytes:.1f} times the vectors; recall {found:.4f}"
    )
    if peak > args.compactor_mib or anonymous > args.anonymous_mib or found < 0.95:
        raise Violation(said)
    return said


def data(args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, queries, and the rows nearest to them."""
    if args.data:
        base = np.fromfile(args.data / "base.fbin", "<f4", offset=8).reshape(-1, 128)
        queries = np.fromfile(args.data / "query.fbin", "<f4", offset=8).reshape(-1, 128)
    else:
        chance = np.random.default_rng(1)
        centres = chance.normal(0, 1, (200, 128))
        pick = lambda count: (centres[chance.integers(0, 200, count)] + chance.normal(0, 0.3, (count, 128))).astype("<f4")
        base, queries = pick(args.rows), pick(100)
    base = base[: args.rows]
    squares = (base * base).sum(1)
    nearest = [np.argpartition(squares - 2 * base @ query, 10)[:10] for query in queries]
    return base, queries, np.array(nearest)


def load(node: Node, base: np.ndarray) -> None:
    namespace = node.client(max_retries=8, timeout=120).namespace(NAMESPACE)

    def write(start: int) -> None:
        rows = base[start : start + BATCH]
        encoded = [base64.b64encode(row.tobytes()).decode() for row in rows]
        columns = {"id": list(range(start, start + len(rows))), "vector": encoded}
        schema = {"vector": {"type": "[128]f32", "ann": True}}
        namespace.write(upsert_columns=columns, schema=schema, distance_metric="euclidean_squared")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(0, len(base), BATCH)))


def indexed(node: Node) -> bool:
    return node.client().namespace(NAMESPACE).metadata().index.status == "up-to-date"


def recall(node: Node, queries: np.ndarray, truth: np.ndarray) -> float:
    namespace = node.client().namespace(NAMESPACE)
    shares = []
    for query, nearest in zip(queries.tolist(), truth, strict=True):
        rows = namespace.query(rank_by=("vector", "ANN", query), limit=10).rows
        shares.append(len({row.id for row in rows} & set(nearest.tolist())) / 10)
    return float(np.mean(shares))


def memory(node: Node, what: str) -> float:
    """A line of the process's memory, in MiB."""
    for line in Path(f"/proc/{node.process.pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
