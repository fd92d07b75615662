"""What a bucket costs: bytes and requests for writes and for idling, and the first query of a node that has nothing, next
to LanceDB's on the same server with the same delay.

    PYTHONPATH=tests $(tests/harness/venv) tests/bench/bucket.py [--rows N] [--lance PYTHON]

Runs on MinIO (.ci/tools installs it), whose own counters are read, so that both are counted alike; Toxiproxy delays every
request of the first queries by 30 ms. Vectors are made up: clusters in 128 dimensions. LanceDB runs under the interpreter
given with --lance, which has to have it:

    python3 -m venv /tmp/lance && /tmp/lance/bin/pip install lancedb numpy

The program under test is $ISOBATH_BIN, else what cargo builds in its dev profile, which is slow.
"""

import argparse
import json
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

from harness.node import Node
from harness.process import wait_until
from harness.servers import Minio, Toxiproxy, directory_bytes
from recovery.large import indexed, load, recall

DELAY_MS = 30
MIB = 2**20
MONTH_S = 30 * 24 * 3600
LANCE = Path(__file__).with_name("lance_first_query.py")


def main() -> None:
    args = parse()
    with tempfile.TemporaryDirectory(prefix="isobath-bucket-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        base, queries, truth = clusters(args.rows)
        minio, toxiproxy = Minio(home / "minio", public_metrics=True), Toxiproxy(home / "toxi")
        slow = toxiproxy.delay(minio.port, DELAY_MS)
        compacted(minio, home, base, args)
        first_queries(minio, slow, home, queries, truth, args.fresh)
        if args.lance:
            lance(minio, slow, home, base, queries, truth, args)
        costs(home, args)
        toxiproxy.stop()
        minio.stop()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--fresh", type=int, default=5, help="how many nodes ask their first query")
    parser.add_argument("--lance", type=Path, help="a Python interpreter that has lancedb")
    parser.add_argument("--idle-s", type=float, default=60, help="how long idling is watched")
    parser.add_argument("--write-s", type=float, default=20, help="how long single rows are written")
    return parser.parse_args()


def clusters(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, queries, and the ids of the ten rows nearest to each."""
    chance = np.random.default_rng(1)
    centres = chance.normal(0, 1, (1000, 128)).astype("<f4")
    pick = lambda count: centres[chance.integers(0, 1000, count)] + chance.normal(0, 0.4, (count, 128)).astype("<f4")
    base, queries = pick(rows), pick(100)
    squares = (base * base).sum(1)
    return base, queries, np.array([np.argpartition(squares - 2 * base @ query, 10)[:10] for query in queries])


def compacted(minio: Minio, home: Path, base: np.ndarray, args: argparse.Namespace) -> None:
    """Loads the rows into one part with its index: how fast, and how many bytes were written for them."""
    node = Node(minio.bucket(), home / "owner", {"fold.checkpoint_interval": "5s"})
    node.start()
    start = time.monotonic()
    load(node, base)
    loaded = time.monotonic() - start
    wait_until(lambda: node.metric("isobath_parts") == 1 and indexed(node), "one part with its index", 3600, 0.5)
    settled = time.monotonic() - start
    written = minio.metric("minio_s3_traffic_received_bytes")
    time.sleep(8)
    node.stop()
    raw = base.nbytes
    kept = directory_bytes(minio.data)
    print(f"{args.rows} x 128: loaded in {loaded:.1f} s, in one indexed part after {settled:.1f} s: {args.rows / settled:.0f} rows/s compacted")
    print(f"bytes written / bytes of vectors {written / raw:.2f}; in the bucket {kept / raw:.2f}")


def first_queries(minio: Minio, slow: int, home: Path, queries: np.ndarray, truth: np.ndarray, fresh: int) -> None:
    """The first query of each of some nodes that have nothing."""
    for number in range(fresh):
        node = Node(Minio.bucket_at(slow), home / f"cold-{number}", {"roles": "query"})
        ready = node.start()
        time.sleep(2)
        body = {"rank_by": ["vector", "ANN", queries[number].tolist()], "limit": 10}
        start = time.perf_counter()
        answer = post(f"{node.url}/v2/namespaces/large/query", body)
        took = (time.perf_counter() - start) * 1000
        found = len({row["id"] for row in answer["rows"]} & set(truth[number].tolist()))
        said = answer["performance"]
        print(
            f"isobath   first query {took:5.0f} ms, {said.get('object_store_round_trips')} round trips, "
            f"{said.get('object_store_requests')} requests, {said.get('object_store_bytes', 0) / MIB:.1f} MiB, "
            f"{found}/10 found; ready after {ready:.1f} s"
        )
        if number == 0:
            time.sleep(5)
            print(f"isobath   warm recall@10 {recall(node, queries, truth):.3f}")
        node.stop()


def lance(
    minio: Minio, slow: int, home: Path, base: np.ndarray, queries: np.ndarray, truth: np.ndarray, args: argparse.Namespace
) -> None:
    np.save(home / "base.npy", base)
    np.save(home / "queries.npy", queries)
    np.save(home / "truth.npy", truth)
    subprocess.run([args.lance, LANCE, "load", str(minio.port), home], check=True)
    for number in range(args.fresh):
        before = minio.metric("minio_s3_requests_total"), minio.metric("minio_s3_traffic_sent_bytes")
        said = subprocess.run([args.lance, LANCE, "ask", str(slow), home, str(number)], check=True, capture_output=True, text=True)
        time.sleep(12)
        requests = minio.metric("minio_s3_requests_total") - before[0]
        sent = (minio.metric("minio_s3_traffic_sent_bytes") - before[1]) / MIB
        print(f"lancedb   {said.stdout.strip()}; {requests:.0f} requests, {sent:.1f} MiB in all")


def costs(home: Path, args: argparse.Namespace) -> None:
    """What a store that charges for requests would ask, by the node's own count."""
    minio = Minio(home / "paid")
    node = Node(minio.bucket(), home / "paid-node")
    node.start()
    namespace = node.client().namespace("trickle")
    namespace.write(upsert_rows=[{"id": 0, "vector": [0.0] * 128}], distance_metric="euclidean_squared")
    before, rows, end = dollars(node), 0, time.monotonic() + args.write_s
    while time.monotonic() < end:
        rows += 1
        namespace.write(upsert_rows=[{"id": rows, "vector": [float(rows)] * 128}])
    spent = dollars(node) - before
    print(f"one client, one row at a time: {rows / args.write_s:.0f} rows/s, ${spent / rows * 1e6:.2f} a million writes")
    time.sleep(30)
    before = dollars(node)
    time.sleep(args.idle_s)
    print(f"idle: ${(dollars(node) - before) / args.idle_s * MONTH_S:.2f} a month")
    node.stop()
    minio.stop()


def dollars(node: Node) -> float:
    return node.metric("isobath_estimated_dollars")


def post(url: str, body: object) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
