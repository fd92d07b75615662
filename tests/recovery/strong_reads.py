"""Random writes, each followed by a strong query, over eight connections and two processes.

The process of the write and that of the query are drawn for each; what the write did is always visible.
"""

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.node import Node

from .ledger import Violation
from .program import open_bucket, run

NAMESPACE = "pairs"
CONNECTIONS = 8
IDS = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--store", choices=["file", "minio"], default="minio")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    args = parser.parse_args()
    name = f"{args.pairs} strong reads on {args.store}, seed {args.seed}"
    run(name, lambda home: strong_reads(args, home))


def strong_reads(args: argparse.Namespace, home: Path) -> str:
    bucket = open_bucket(args.store, home)
    settings = {"fold.min_rows": "100", "fold.pause": "500ms", "fold.interval": "100ms"}
    nodes = [Node(bucket, home / name, settings) for name in ("a", "b")]
    for node in nodes:
        node.start()
    share = args.pairs // CONNECTIONS
    start = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        connections = [Connection(at, nodes, args.seed) for at in range(CONNECTIONS)]
        connections[0].write(0, 0)  # the schema is there before a query names its attributes
        done = [pool.submit(connection.pairs, share) for connection in connections]
        for pairs in done:
            pairs.result()
    rate = share * CONNECTIONS / (time.monotonic() - start)
    for node in nodes:
        node.stop()
    return f"every write was visible to the query after it; {rate:.0f} pairs/s"


class Connection:
    """One of the connections, with rows that only it writes."""

    def __init__(self, number: int, nodes: list[Node], seed: int):
        self.chance = random.Random(f"{seed}-{number}")
        self.namespaces = [node.client().namespace(NAMESPACE) for node in nodes]
        self.first_id = number * IDS
        self.number = number

    def pairs(self, count: int) -> None:
        for _ in range(count):
            id = self.first_id + self.chance.randrange(IDS)
            value = None if self.chance.random() < 0.1 else self.chance.randrange(2**40)
            self.write(id, value)
            ask = self.chance.choice([self.by_order, self.by_vector, self.by_count])
            ask(self.chance.choice(self.namespaces), id, value)

    def write(self, id: int, value: int | None) -> None:
        """Sets the row, or deletes it."""
        namespace = self.chance.choice(self.namespaces)
        if value is None:
            namespace.write(deletes=[id])
            return
        row = {"id": id, "value": value, "vector": [float(id), float(value % 97)]}
        namespace.write(upsert_rows=[row], distance_metric="euclidean_squared")

    def by_order(self, namespace, id: int, value: int | None) -> None:
        rows = namespace.query(
            rank_by=("id", "asc"), filters=("id", "Eq", id), limit=2, include_attributes=["value"]
        ).rows
        self.expect(id, [] if value is None else [value], [row.value for row in rows])

    def by_vector(self, namespace, id: int, value: int | None) -> None:
        """No two connections use the same vector: the row itself is nearest, if it is there."""
        near = [float(id), float((value or 0) % 97)]
        rows = namespace.query(
            rank_by=("vector", "ANN", near), limit=1, include_attributes=["value"]
        ).rows
        found = [row.value for row in rows if row.id == id]
        self.expect(id, [] if value is None else [value], found)

    def by_count(self, namespace, id: int, value: int | None) -> None:
        filters = ("id", "Eq", id) if value is None else ("value", "Eq", value)
        answer = namespace.query(aggregate_by={"rows": ("Count",)}, filters=filters)
        self.expect(id, 0 if value is None else 1, answer.aggregations["rows"])

    def expect(self, id: int, wanted: object, found: object) -> None:
        if found != wanted:
            raise Violation(f"connection {self.number}, row {id}: wrote {wanted}, then read {found}")


if __name__ == "__main__":
    main()
