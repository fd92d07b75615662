"""Nodes own nothing: whatever was written is read the same by a node that starts from the bucket alone, while two
nodes race to compact it and are killed."""

import argparse
import random
from pathlib import Path

from harness.node import Node

from .ledger import Violation
from .program import open_bucket, run

SMALL = 12
"""Namespaces that get a write now and then, beside one that gets most."""

SETTINGS = {
    "fold.min_rows": "150",
    "fold.pause": "300ms",
    "fold.interval": "50ms",
    "fold.min_part_bytes": "20kB",
    "fold.checkpoint_interval": "300ms",
    "index.min_rows_for_graph": "200",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--writes", type=int, default=60, help="per round")
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    run(f"stateless nodes on {args.store}", lambda home: stateless(args, home))


def stateless(args: argparse.Namespace, home: Path) -> str:
    chance = random.Random(args.seed)
    bucket = open_bucket(args.store, home)
    compactors = [Node(bucket, home / name, SETTINGS) for name in ("a", "b")]
    follower = Node(bucket, home / "c", SETTINGS | {"roles": "query"})
    written: dict[str, dict[int, int]] = {}
    checkpoints = 0
    for round_ in range(args.rounds):
        for node in compactors:
            node.start()
        if round_ % 2 == 0:
            follower.start()
        for write in range(args.writes):
            change(chance, compactors[write % 2], written)
        for node in (*compactors, *([follower] if follower.process.running() else [])):
            compare(node, written)
        killed = chance.sample(compactors, k=2)
        killed[0].kill()
        change(chance, killed[1], written)
        compare(killed[1], written)
        (killed[1].kill if chance.random() < 0.5 else killed[1].stop)()
        if round_ % 2 == 1:
            follower.kill()
        for node in compactors:
            node.forget_cache()
        checkpoints = newest_checkpoint(compactors[0], bucket.url)
    if args.store == "file" and checkpoints < args.rounds:
        raise Violation(f"only {checkpoints} checkpoints were made in {args.rounds} rounds")
    alone = Node(bucket, home / "d", SETTINGS | {"roles": "query"})
    alone.start()
    names = {namespace.id for namespace in alone.client().namespaces()}
    live = {name for name, rows in written.items() if rows}
    if not live <= names:
        raise Violation(f"a node that starts from the bucket does not list {live - names}")
    rows = compare(alone, written)
    alone.stop()
    return f"{args.rounds} rounds of {args.writes} writes, {rows} rows in {len(live)} namespaces, {checkpoints} checkpoints"


def change(chance: random.Random, node: Node, written: dict[str, dict[int, int]]) -> None:
    """One write, and what it does in `written`."""
    large = chance.random() < 0.6
    name = "large" if large else f"small-{chance.randrange(SMALL)}"
    rows = written.setdefault(name, {})
    namespace = node.client(max_retries=8).namespace(name)
    if rows and chance.random() < 0.02 and not large:
        namespace.delete_all()
        del written[name]
        return
    if rows and chance.random() < 0.3:
        gone = chance.sample(sorted(rows), k=min(len(rows), 5))
        namespace.write(deletes=gone)
        for row in gone:
            del rows[row]
        return
    if rows and chance.random() < 0.3:
        patched = chance.sample(sorted(rows), k=min(len(rows), 5))
        version = chance.randrange(1_000_000)
        namespace.write(patch_columns={"id": patched, "version": [version] * len(patched)})
        rows.update({row: version for row in patched})
        return
    ids = chance.sample(range(2_000 if large else 50), k=40 if large else 3)
    version = chance.randrange(1_000_000)
    columns = {
        "id": ids,
        "version": [version] * len(ids),
        "vector": [[chance.random() for _ in range(16)] for _ in ids],
    }
    namespace.write(upsert_columns=columns, distance_metric="euclidean_squared")
    rows.update({row: version for row in ids})


def compare(node: Node, written: dict[str, dict[int, int]]) -> int:
    """The rows of all namespaces as a node sees them, which must be those that were written."""
    total = 0
    for name, expected in written.items():
        if not expected:
            continue
        namespace = node.client(max_retries=8).namespace(name)
        answer = namespace.query(rank_by=("id", "asc"), limit=10_000, include_attributes=["version"])
        found = {row.id: row.version for row in answer.rows}
        if found != expected:
            wrong = {row for row in found.keys() | expected.keys() if found.get(row) != expected.get(row)}
            raise Violation(f"{name}: rows {sorted(wrong)[:5]} of {len(wrong)} differ\n{node.process.tail()}")
        answer = namespace.query(rank_by=("vector", "ANN", [0.5] * 16), limit=20, include_attributes=["version"])
        if any(expected.get(row.id) != row.version for row in answer.rows):
            raise Violation(f"{name}: a search found rows that are not there")
        total += len(found)
    return total


def newest_checkpoint(node: Node, url: str) -> int:
    """The number of the newest checkpoint in a local bucket; 0 elsewhere."""
    folder = Path(url.removeprefix("file://")) / "checkpoint"
    names = [int(path.name) for path in folder.glob("*")] if url.startswith("file://") else []
    return 2**64 - 1 - min(names) if names else 0


if __name__ == "__main__":
    main()
