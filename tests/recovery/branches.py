"""A branch outlives what it was made of: its source is deleted, the log that both were written in is swept, and the branch
has all its rows on a node that has nothing; once the branch is deleted too, the bytes of both go."""

import argparse
import time
from pathlib import Path

import numpy as np

from harness.node import Node
from harness.process import wait_until

from .ledger import Violation
from .program import open_bucket, run
from .restore import command
from .stateless import SETTINGS
from .sweep import collect, expect_clean

DIMENSIONS = 16
ROWS = 2_000
# Several times as long as a node waits between two checkpoints where there is something new.
QUIET_S = 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    args = parser.parse_args()
    run("a branch without its source", lambda home: branches(args, home))


def branches(args: argparse.Namespace, home: Path) -> str:
    bucket = open_bucket("file", home)
    root = Path(bucket.url.removeprefix("file://"))
    node = Node(bucket, home / "a", SETTINGS)
    node.start()
    expected = write(node, args.rows)
    client = node.client()
    client.namespace("branch").write(branch_from_namespace="source")
    # the branch changes rows of its own, which are folded later
    client.namespace("branch").write(deletes=[3], patch_rows=[{"id": 4, "n": -4}])
    expected.pop(3)
    expected[4] = -4
    compare(node, expected, "the branch beside its source")
    shared = bytes_of(root, "source/part")
    client.namespace("source").delete_all()
    checkpointed(node)
    compare(node, expected, "the branch of a deleted source")
    node.stop()
    segments = len(list(root.glob("log/*/*/*.seg")))
    collect(bucket, 3)
    swept = segments - len(list(root.glob("log/*/*/*.seg")))
    if swept < 2:
        raise Violation(f"only {swept} of {segments} segments were swept: nothing was tested")
    if bytes_of(root, "source/part") == 0:
        raise Violation("the branch has parts of its own: nothing was tested")
    node.forget_cache()
    node.start()
    compare(node, expected, "the branch without its source and without the log")
    node.client().namespace("branch").delete_all()
    checkpointed(node)
    node.stop()
    collect(bucket, 6)
    expect_clean(bucket, 6)
    for name in ("source", "branch"):
        if left := bytes_of(root, name):
            raise Violation(f"{left} bytes of {name} are left, which nobody can read")
    command(bucket, "verify", bucket.url)
    return f"{args.rows} rows, {shared} bytes of parts shared, {swept} of {segments} segments swept in between; nothing left"


def write(node: Node, count: int) -> dict[int, int]:
    """Rows in parts, some of them changed and deleted since; by id what is known of each."""
    source = node.client().namespace("source")
    vectors = np.random.default_rng(1).normal(0, 1, (count, DIMENSIONS)).astype("<f4")
    columns = {"id": list(range(count)), "vector": vectors.tolist(), "n": [at % 7 for at in range(count)]}
    source.write(upsert_columns=columns, distance_metric="euclidean_squared")
    wait_until(lambda: node.metric("isobath_parts") >= 1, "the rows lie in a part", 60)
    source.write(deletes=[1, 2], patch_rows=[{"id": 5, "n": 55}])
    known = {at: at % 7 for at in range(count) if at not in (1, 2)}
    known[5] = 55
    return known


def checkpointed(node: Node) -> None:
    """Waits for another checkpoint, and until none follows: the first may be older than what was written last."""
    prefix = Path(node.bucket.url.removeprefix("file://")) / "checkpoint"
    newest = lambda: min((path.name for path in prefix.glob("*")), default="")
    before = newest()
    wait_until(lambda: newest() != before, "another checkpoint", 60)
    while before != newest():
        before = newest()
        time.sleep(QUIET_S)


def compare(node: Node, expected: dict[int, int], what: str) -> None:
    branch = node.client(max_retries=8).namespace("branch")
    found: dict[int, int] = {}
    after = -1
    while page := branch.query(rank_by=("id", "asc"), filters=("id", "Gt", after), limit=10_000, include_attributes=["n"]).rows:
        found.update((row.id, row.n) for row in page)
        after = page[-1].id
    if found != expected:
        wrong = {id for id in found.keys() | expected.keys() if found.get(id) != expected.get(id)}
        raise Violation(f"{what} has {len(found)} rows, {len(expected)} expected; wrong: {sorted(wrong)[:5]}")
    nearest = branch.query(rank_by=("vector", "ANN", [0.1] * DIMENSIONS), limit=10).rows
    if len(nearest) != 10 or any(row.id not in expected for row in nearest):
        raise Violation(f"{what} finds {[row.id for row in nearest]}")


def bytes_of(root: Path, name: str) -> int:
    return sum(path.stat().st_size for path in (root / "data" / name).rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
