"""A large namespace with its roles in processes of their own: what a compactor and a query node need of memory and disk,
how fast rows become parts, how many bytes are written for each byte of rows, and what is found in the end."""

import argparse
import base64
import os
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from harness.node import Bucket, Node, binary
from harness.process import wait_until
from harness.servers import directory_bytes

from .ledger import Violation
from .program import open_bucket, run


NAMESPACE = "large"
BATCH = 10_000
ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "1048576"}
"""As the unit and the image in ops/ have it: what is measured is what is in use."""
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with base.fbin, query.fbin, gt_query.ibin; else made up")
    parser.add_argument("--rows", type=int, default=30_000, help="how many of them")
    parser.add_argument("--store", choices=["file", "minio"], default="minio")
    parser.add_argument("--compactor-mib", type=int, default=1024)
    parser.add_argument("--anonymous-mib", type=int, default=150)
    parser.add_argument("--mapped", type=float, default=0.55, help="mapped index bytes over those of the vectors")
    parser.add_argument("--fold", action="append", default=[], help="a setting of all nodes, as key=value")
    args = parser.parse_args()
    run(f"{args.rows} rows in processes of their own on {args.store}", lambda home: large(args, home))


def large(args: argparse.Namespace, home: Path) -> str:
    base, queries, truth = data(args)
    bucket = open_bucket(args.store, home)
    often = {"fold.checkpoint_interval": "5s"} if args.rows < 100_000 else {}
    often |= dict(setting.split("=", 1) for setting in args.fold)
    writer = Node(bucket, home / "writer", {"roles": "write"})
    compactor = Node(bucket, home / "compactor", {"roles": "compact"} | often)
    indexer = Node(bucket, home / "indexer", {"roles": "index"} | often)
    query = Node(bucket, home / "query", {"roles": "query"} | often)
    nodes = (writer, compactor, indexer, query)
    os.environ |= ALLOCATOR
    for node in nodes:
        node.start()
    peaks = {node: Peak(node) for node in (compactor, indexer, query)}
    start = time.monotonic()
    load(writer, base)
    loaded = time.monotonic() - start
    wait_until(lambda: query.metric("isobath_parts") == 1 and indexed(query), "one part with its index", 3600, 1)
    settled = time.monotonic() - start
    found = recall(query, queries, truth)
    anonymous, raw = memory(query, "RssAnon"), base.nbytes / MIB
    parts, index = on_disk(query)
    peak, building = compactor.process.peak_rss_mib(), indexer.process.peak_rss_mib()
    measured = {node: peak.stop() for node, peak in peaks.items()}
    stored = directory_bytes(home / "minio" / "data") if args.store == "minio" else directory_bytes(home / "bucket")
    for node in reversed(nodes):
        node.stop()
    restoring = restored(bucket, home, args.rows)
    said = (
        f"loaded in {loaded:.0f} s, one indexed part after {settled:.0f} s; compactor at most {peak} MiB, "
        f"{measured[compactor]:.0f} of them anonymous; index builder {building} MiB, "
        f"{measured[indexer]:.0f} anonymous; query node "
        f"{anonymous:.0f} MiB anonymous, at most {measured[query]:.0f}, and on disk {parts:.0f} MiB of parts and {index:.0f} MiB "
        f"of index for {raw:.0f} MiB of vectors; "
        f"{stored / MIB:.0f} MiB in the bucket, {stored / base.nbytes:.1f} times the vectors; recall {found:.4f}; {restoring}"
    )
    too_much = peak > args.compactor_mib or anonymous > args.anonymous_mib
    # few rows need more of everything that is not a row
    if args.rows >= 100_000:
        too_much |= index > args.mapped * raw or parts > 1.2 * raw
    if too_much or found < 0.95:
        raise Violation(said)
    return said


def restored(bucket: Bucket, home: Path, rows: int) -> str:
    """Restores the bucket, which says how far it is and how fast, and has the digest of what was restored."""
    words = [binary(), "restore", "--from", bucket.url, "--to", home / "restored"]
    done = subprocess.run(words, env={**os.environ, **bucket.env}, capture_output=True, text=True)
    told = re.findall(r"^restored (\d+) rows, .* in ([\d.]+) s: (\d+) rows/s, [\d.]+ MB/s$", done.stderr, re.MULTILINE)
    if done.returncode != 0 or not told:
        raise Violation(f"restore ended with {done.returncode} and said {done.stderr}")
    restored, spent, rate = told[-1]
    if int(restored) != rows or (float(spent) > 5 and len(told) < 2):
        raise Violation(f"restore of {rows} rows told {told}")
    verified = subprocess.run([binary(), "verify", home / "restored"], capture_output=True, text=True)
    if verified.returncode != 0 or verified.stdout.splitlines()[-1] != done.stdout.splitlines()[-1]:
        raise Violation(f"restore says {done.stdout}, verify {verified.stdout}{verified.stderr}")
    return f"restored at {rate} rows/s, told {len(told)} times"


class Peak:
    """The most anonymous memory of a node's process, in MiB, looked at ten times a second."""

    def __init__(self, node: Node):
        self._node, self._most, self._ended = node, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self._most = max(self._most, memory(self._node, "RssAnon"))

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._most


def on_disk(node: Node) -> tuple[float, float]:
    """MiB of parts, which begin like every Arrow file, and of everything else in a node's cache."""
    parts = others = 0
    for path in node.cache.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                arrow = file.read(6) == b"ARROW1"
            parts, others = (parts + path.stat().st_size, others) if arrow else (parts, others + path.stat().st_size)
    return parts / MIB, others / MIB


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
