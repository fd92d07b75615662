"""The first query of a node that has nothing: few round trips and bytes, and the answer of an open namespace."""

import argparse
import random
import time
from pathlib import Path

from harness.node import Node

from .ledger import Violation
from .program import open_bucket, run

DIMENSIONS = 16
TEXT = "x" * 1_500
"""What makes a part too large to be fetched whole."""

SETTINGS = {
    "fold.pause": "300ms",
    "fold.interval": "100ms",
    "fold.min_part_bytes": "20kB",
    "fold.checkpoint_interval": "300ms",
    "index.min_rows_for_graph": "500",
    "index.bits": "4",
    "index.degree": "16",
    "index.build_list": "16",
}

ROUND_TRIPS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    args = parser.parse_args()
    run(f"cold queries on {args.store}", lambda home: cold(args, home))


def cold(args: argparse.Namespace, home: Path) -> str:
    chance = random.Random(5)
    bucket = open_bucket(args.store, home)
    owner = Node(bucket, home / "owner", SETTINGS)
    owner.start()
    rows = {row: [chance.gauss(0, 1) for _ in range(DIMENSIONS)] for row in range(args.rows)}
    books = owner.client(max_retries=8).namespace("books")
    ids = sorted(rows)
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        columns = {"id": some, "vector": [rows[row] for row in some], "text": [TEXT] * len(some)}
        books.write(upsert_columns=columns, distance_metric="euclidean_squared")
    wait_indexed(owner)
    # what ends in order leaves a checkpoint of all that it did
    owner.stop()
    first = Node(bucket, home / "first", SETTINGS | {"roles": "query"})
    first.start()
    used = compare_cold(first, chance, rows)

    # what is written after the node is ready hides rows of the part, and adds others
    second = Node(bucket, home / "second", SETTINGS | {"roles": "query"})
    # a checkpoint between the read of the namespace and the answer would have it opened
    quiet = {"fold.pause": "1h", "fold.min_rows": "1000000", "fold.checkpoint_interval": "1h"}
    owner = Node(bucket, home / "owner", SETTINGS | quiet)
    owner.start()
    second.start()
    books = owner.client(max_retries=8).namespace("books")
    gone, moved = chance.sample(ids, k=40), chance.sample(ids, k=40)
    books.write(deletes=gone)
    for row in gone:
        del rows[row]
    vectors = {row: [chance.gauss(0, 1) for _ in range(DIMENSIONS)] for row in [*moved, 900_001, 900_002]}
    rows |= vectors
    columns = {"id": list(vectors), "vector": list(vectors.values()), "text": ["y"] * len(vectors)}
    books.write(upsert_columns=columns, distance_metric="euclidean_squared")
    compare_cold(second, chance, rows, near=[rows[900_001], *(rows[row] for row in moved[:3])])
    # an open namespace sees the same
    deadline = time.monotonic() + 60
    while (answer := ask(second, rows[900_002])).performance.cache_temperature != "hot":
        if time.monotonic() > deadline:
            raise Violation("the namespace was not opened after a cold query")
        time.sleep(0.2)
    check(answer, rows[900_002], rows)
    for node in (first, second, owner):
        node.stop()
    return f"{args.rows} rows, {used}"


def wait_indexed(node: Node) -> None:
    """Waits until all rows are in an indexed part."""
    books = node.client(max_retries=8).namespace("books")
    deadline = time.monotonic() + 300
    while True:
        answer = books.query(rank_by=("vector", "ANN", [0.1] * DIMENSIONS), limit=1)
        if answer.performance.model_extra.get("path") == "graph":
            break
        if time.monotonic() > deadline:
            raise Violation(f"the rows were not indexed\n{node.process.tail()}")
        time.sleep(0.2)


def ask(node: Node, vector: list[float]):
    books = node.client(max_retries=8).namespace("books")
    return books.query(rank_by=("vector", "ANN", vector), limit=10)


def compare_cold(node: Node, chance: random.Random, rows: dict, near: list | None = None) -> str:
    """The first answer of a node, which must come from the bucket in few round trips; and some more."""
    vectors = near or [[chance.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(4)]
    answer = ask(node, vectors[0])
    performance = answer.performance.model_dump()
    if performance["cache_temperature"] != "cold":
        raise Violation(f"the first answer is {performance}\n{node.process.tail()}")
    trips = performance["object_store_round_trips"]
    if not 0 < trips <= ROUND_TRIPS:
        raise Violation(f"the first answer took {trips} round trips")
    check(answer, vectors[0], rows)
    for vector in vectors[1:]:
        check(ask(node, vector), vector, rows)
    asked = performance["object_store_requests"], performance["object_store_bytes"]
    return f"{trips} round trips, {asked[0]} requests, {asked[1]} bytes"


def check(answer, vector: list[float], rows: dict) -> None:
    """The answer is that of the live rows; of ten rows one may be missed."""
    def distance(row: int) -> float:
        return sum((a - b) ** 2 for a, b in zip(vector, rows[row]))

    nearest = sorted(rows, key=distance)[:10]
    found = [row.id for row in answer.rows]
    if any(row not in rows for row in found):
        raise Violation(f"rows {[row for row in found if row not in rows]} do not exist")
    for row in answer.rows:
        if abs(row.model_extra["$dist"] - distance(row.id)) > 1e-3 * (1 + distance(row.id)):
            raise Violation(f"row {row.id} is at {distance(row.id)}, not {row.model_extra['$dist']}")
    if len(found) != 10 or len(set(found) & set(nearest)) < 9:
        raise Violation(f"found {found}, the nearest are {nearest}")


if __name__ == "__main__":
    main()
