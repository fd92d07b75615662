"""What the official Python client sees of the server, against a handler that does nothing.

    PYTHONPATH=tests $(tests/harness/venv) tests/bench/python_client.py [--check]

Starts a node on a local directory and the handler of `isobath bench --canned`, which reads a request to
its end and answers all alike. One client alone asks both in turn, so that both see the same machine:

- single queries of ten rows: how long half of them take at most;
- columnar writes of 5,000 rows: rows a second.

The program under test is $ISOBATH_BIN, else what cargo builds in its dev profile, which is slow: give it a
release build. Prints a table; with --check it fails where a ratio misses its target.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from turbopuffer import Turbopuffer

from harness import wordnet
from harness.node import Node, binary, local_bucket
from harness.process import Process, free_port, wait_until

BATCH = 5000
# At most so many times the handler's latency, at least so much of its rate.
LATENCY, RATE = 1.2, 0.8


def main() -> int:
    args = parse()
    sample = wordnet.load(args.rows)
    with tempfile.TemporaryDirectory(prefix="isobath-python-") as home:
        node = Node(local_bucket(Path(home) / "bucket"), Path(home) / "node")
        node.start()
        canned = start_canned(Path(home) / "canned.log")
        clients = [Turbopuffer(base_url=url, api_key="none") for url in (node.url, canned)]
        namespaces = [client.namespace("bench") for client in clients]
        rates = ingest(namespaces, sample, args.rounds)
        wait_until(lambda: indexed(namespaces[0]), "all rows are indexed", 300, 0.25)
        time.sleep(args.settle_s)
        wait_until(lambda: indexed(namespaces[0]), "all rows are indexed", 300, 0.25)
        latencies = queries(namespaces, sample, args.queries)
        node.stop()
    return report(latencies, rates, args.check)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=115659, help="how many; 2000 needs no other data")
    parser.add_argument("--queries", type=int, default=3000, help="how many to each")
    parser.add_argument("--rounds", type=int, default=1, help="how often all rows are written")
    parser.add_argument("--settle-s", type=float, default=10, help="pause until parts are merged")
    parser.add_argument("--check", action="store_true", help="fail where a ratio misses its target")
    return parser.parse_args()


def start_canned(log: Path) -> str:
    address = f"127.0.0.1:{free_port()}"
    process = Process([binary(), "bench", "--canned", address], log)
    url = f"http://{address}"
    client = Turbopuffer(base_url=url, api_key="none", max_retries=0)

    def answers() -> bool:
        assert process.running(), process.tail()
        try:
            return bool(client.namespace("any").query(rank_by=("id", "asc"), limit=1).rows)
        except OSError:
            return False
        except Exception as error:  # the client's own wrapper of a refused connection
            if "onnect" in str(error):
                return False
            raise

    wait_until(answers, "the canned handler answers", 20, 0.1)
    return url


def ingest(namespaces: list, sample: wordnet.Sample, rounds: int) -> list[float]:
    """Rows a second of each: batch by batch in turn, without the time to make the batches."""
    seconds = [0.0, 0.0]
    kind = "f16" if sample.half else "f32"
    schema = {"vector": {"type": f"[384]{kind}", "ann": True}}
    rows = 0
    for _ in range(rounds):
        for columns in sample.batches(BATCH):
            rows += len(columns["id"])
            for which, namespace in enumerate(namespaces):
                seconds[which] += timed(
                    lambda: namespace.write(
                        upsert_columns=columns, schema=schema, distance_metric="cosine_distance"
                    )
                )
    return [rows / spent for spent in seconds]


def queries(namespaces: list, sample: wordnet.Sample, count: int) -> list[float]:
    """Half of the queries take at most so many milliseconds, of each."""
    vectors = [vector.tolist() for vector in sample.queries]
    times: list[list[float]] = [[], []]
    for number in range(count + 200):
        rank_by = ("vector", "ANN", vectors[number % len(vectors)])
        for which, namespace in enumerate(namespaces):
            spent = timed(lambda: namespace.query(rank_by=rank_by, limit=10))
            if number >= 200:
                times[which].append(spent * 1000)
    return [statistics.median(spent) for spent in times]


def timed(call: Callable) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def indexed(namespace) -> bool:
    return namespace.metadata().index.status == "up-to-date"


def report(latencies: list[float], rates: list[float], check: bool) -> int:
    slower, share = latencies[0] / latencies[1], rates[0] / rates[1]
    print(f"{'official Python client, alone':32}{'isobath':>12}{'canned':>12}{'ratio':>8}  target")
    print(f"{'query, p50 ms':32}{latencies[0]:12.3f}{latencies[1]:12.3f}{slower:8.2f}  at most {LATENCY}")
    print(f"{'columnar writes, rows/s':32}{rates[0]:12.0f}{rates[1]:12.0f}{share:8.2f}  at least {RATE}")
    return int(check and (slower > LATENCY or share < RATE))


if __name__ == "__main__":
    sys.exit(main())
