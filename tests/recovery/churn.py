"""Rows that change while the log is folded and parts are merged: what a search finds is what is there, and it stays
fast. Recall@10 is measured against the exact answer at random moments, no deleted row may be found, and the latency of
one client is compared with that at rest."""

import argparse
import base64
import threading
import time
from pathlib import Path

import numpy as np

from harness import wordnet
from harness.node import Node

from .ledger import Violation
from .program import open_bucket, run

NAMESPACE = "churn"
LOAD_BATCH = 5_000
BATCH = 100
QUERIES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000, help="115659 needs the whole data set")
    parser.add_argument("--changes", type=int, default=6_000)
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    parser.add_argument("--recall", type=float, default=0.97)
    parser.add_argument("--slower", type=float, default=0, help="the most that p99 may grow, as a factor; 0 = any")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    run(f"{args.changes} changes of {args.rows} rows on {args.store}", lambda home: churn(args, home))


def churn(args: argparse.Namespace, home: Path) -> str:
    sample = wordnet.load(args.rows)
    settings = {"fold.checkpoint_interval": "5s", "index.threads": "1"}
    if args.rows <= 2_000:
        settings |= {"fold.min_rows": "500", "fold.interval": "100ms", "index.min_rows_for_graph": "300"}
    node = Node(open_bucket(args.store, home), home / "node", settings)
    node.start()
    rows = Rows(sample, np.random.default_rng(args.seed))
    rows.load(node)
    settle(node)
    at_rest = Client(node, sample).measure(6)
    client = Client(node, sample)
    client.start()
    recalls, parts = [], []
    moments = set(rows.chance.choice(args.changes // BATCH, args.moments, replace=False).tolist())
    for number in range(args.changes // BATCH):
        rows.change(node)
        if number in moments:
            client.pause()
            recalls.append(rows.recall(node, sample))
            parts.append(node.metric("isobath_parts"))
            client.resume()
    during = client.finish()
    settle(node)
    recalls.append(rows.recall(node, sample))
    node.stop()
    if min(recalls) < args.recall:
        raise Violation(f"recall {min(recalls):.4f} of {[round(found, 4) for found in recalls]}")
    slower = during / at_rest
    if args.slower and slower > args.slower:
        raise Violation(f"p99 {during * 1e3:.1f} ms, {slower:.1f} times that at rest")
    return (
        f"recall at {len(recalls)} moments {min(recalls):.4f} to {max(recalls):.4f}, with {min(parts):.0f} to "
        f"{max(parts):.0f} parts; p99 {during * 1e3:.1f} ms, at rest {at_rest * 1e3:.1f} ms, {slower:.2f} times"
    )


def settle(node: Node) -> None:
    """Waits until there is nothing left to fold, merge or index."""
    namespace = node.client().namespace(NAMESPACE)
    quiet = 0
    while quiet < 8:
        busy = namespace.metadata().index.status != "up-to-date" or node.metric("isobath_parts") > 1
        quiet = 0 if busy else quiet + 1
        time.sleep(0.5)


class Rows:
    """What the namespace holds."""

    def __init__(self, sample: wordnet.Sample, chance: np.random.Generator):
        self.vectors = wordnet.vectors(sample.rows)
        self.vectors /= np.linalg.norm(self.vectors, axis=1, keepdims=True)
        self.live = np.ones(len(self.vectors), dtype=bool)
        self.original = self.vectors.copy()
        self.chance = chance
        self.kind = "f16" if sample.half else "f32"

    def write(self, node: Node, ids: np.ndarray) -> None:
        encoded = [base64.b64encode(self.vectors[row].astype("<f4").tobytes()).decode() for row in ids]
        node.client(max_retries=8).namespace(NAMESPACE).write(
            upsert_columns={"id": ids.tolist(), "vector": encoded},
            schema={"vector": {"type": f"[384]{self.kind}", "ann": True}},
            distance_metric="cosine_distance",
        )

    def load(self, node: Node) -> None:
        for start in range(0, len(self.vectors), LOAD_BATCH):
            self.write(node, np.arange(start, min(start + LOAD_BATCH, len(self.vectors))))

    def change(self, node: Node) -> None:
        """Gives rows the vectors of others, a little moved, deletes some, and brings deleted ones back."""
        if self.chance.random() < 0.35:
            gone = self.chance.choice(np.flatnonzero(self.live), BATCH, replace=False)
            node.client(max_retries=8).namespace(NAMESPACE).write(deletes=gone.tolist())
            self.live[gone] = False
            return
        ids = self.chance.choice(len(self.live), BATCH, replace=False)
        like = self.original[self.chance.choice(len(self.live), BATCH)]
        moved = like + self.chance.normal(0, 0.01, like.shape).astype(np.float32)
        self.vectors[ids] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        self.live[ids] = True
        self.write(node, ids)

    def recall(self, node: Node, sample: wordnet.Sample) -> float:
        """Recall@10 against the exact answer among the live rows; a deleted row may not be found."""
        chosen = self.chance.choice(len(sample.queries), QUERIES)
        ids = np.flatnonzero(self.live)
        similar = sample.queries[chosen] @ self.vectors[ids].T
        namespace = node.client().namespace(NAMESPACE)
        shares = []
        for number, row in zip(chosen, similar, strict=True):
            answer = namespace.query(rank_by=("vector", "ANN", sample.queries[number].tolist()), limit=10)
            found = {row.id for row in answer.rows}
            if not self.live[list(found)].all():
                raise Violation(f"deleted rows {found - set(ids.tolist())} were found")
            # rows as near as the tenth count: vectors are rounded when they are stored
            tenth = np.partition(row, -10)[-10]
            near = {int(ids[at]) for at in np.flatnonzero(row >= tenth - 2e-4)}
            shares.append(min(10, len(found & near)) / 10)
        return float(np.mean(shares))


class Client(threading.Thread):
    """One client that searches, one query after another."""

    def __init__(self, node: Node, sample: wordnet.Sample):
        super().__init__(daemon=True)
        self._namespace = node.client(max_retries=8).namespace(NAMESPACE)
        self._queries = sample.queries.tolist()
        self._seconds: list[float] = []
        self._ends = threading.Event()
        self._runs = threading.Event()
        self._runs.set()

    def run(self) -> None:
        while not self._ends.is_set():
            self._runs.wait()
            query = self._queries[len(self._seconds) % len(self._queries)]
            start = time.monotonic()
            self._namespace.query(rank_by=("vector", "ANN", query), limit=10)
            self._seconds.append(time.monotonic() - start)

    def pause(self) -> None:
        self._runs.clear()

    def resume(self) -> None:
        self._runs.set()

    def finish(self) -> float:
        """The time that 99 % of the queries took at most, in seconds."""
        self._ends.set()
        self._runs.set()
        self.join()
        return float(np.percentile(self._seconds, 99))

    def measure(self, seconds: float) -> float:
        self.start()
        time.sleep(seconds)
        return self.finish()


if __name__ == "__main__":
    main()
