"""Multi-queries see one version, while writers replace all rows of a namespace again and again."""

import argparse
import threading
import time
from pathlib import Path

from harness.node import Node

from .ledger import Violation
from .program import open_bucket, run

NAMESPACE = "versions"
ROWS = 60
WRITERS = 3

QUERIES = [
    {"rank_by": ("id", "asc"), "limit": ROWS, "include_attributes": ["version"]},
    {"rank_by": ("vector", "ANN", [0.5, 0.5]), "limit": ROWS, "include_attributes": ["version"]},
    {"rank_by": ("version", "desc"), "limit": ROWS, "include_attributes": ["version"]},
    {"rank_by": ("id", "desc"), "filters": ("version", "Gte", 0), "limit": ROWS,
     "include_attributes": ["version"]},
] * 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    args = parser.parse_args()
    run(f"multi-queries under writes on {args.store}", lambda home: snapshots(args, home))


def snapshots(args: argparse.Namespace, home: Path) -> str:
    bucket = open_bucket(args.store, home)
    settings = {"fold.min_rows": "200", "fold.pause": "200ms", "fold.interval": "100ms"}
    nodes = [Node(bucket, home / name, settings) for name in ("a", "b")]
    for node in nodes:
        node.start()
    replace(nodes[0], 0)
    writers = [Replacer(at, nodes[at % 2]) for at in range(WRITERS)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    end = time.monotonic() + args.seconds
    while time.monotonic() < end:
        seen.append(one_version(nodes[len(seen) % 2]))
    written = sum(writer.finish() for writer in writers)
    for node in nodes:
        node.stop()
    if len(set(seen)) < 5:
        raise Violation(f"{len(seen)} multi-queries saw only versions {set(seen)}")
    return f"{len(seen)} of {len(QUERIES)} queries each, {len(set(seen))} versions seen, {written} written"


def replace(node: Node, version: int) -> None:
    """Gives every row `version`, in one write."""
    columns = {
        "id": list(range(ROWS)),
        "version": [version] * ROWS,
        "vector": [[at / ROWS, 1.0] for at in range(ROWS)],
    }
    namespace = node.client().namespace(NAMESPACE)
    namespace.write(upsert_columns=columns, distance_metric="euclidean_squared")


def one_version(node: Node) -> int:
    """The version that a multi-query sees everywhere."""
    answer = node.client().namespace(NAMESPACE).multi_query(queries=QUERIES)
    versions = {row.version for result in answer.results for row in result.rows}
    counts = {len(result.rows) for result in answer.results}
    if len(versions) != 1 or counts != {ROWS}:
        raise Violation(f"one multi-query saw versions {versions}, and {counts} rows")
    return versions.pop()


class Replacer(threading.Thread):
    """Replaces all rows again and again; no version is used twice."""

    def __init__(self, number: int, node: Node):
        super().__init__(daemon=True)
        self.number = number
        self.node = node
        self.written = 0
        self._finished = threading.Event()

    def run(self) -> None:
        while not self._finished.is_set():
            self.written += 1
            replace(self.node, self.written * WRITERS + self.number)

    def finish(self) -> int:
        self._finished.set()
        self.join()
        return self.written


if __name__ == "__main__":
    main()
