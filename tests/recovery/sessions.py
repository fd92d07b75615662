"""Sessions that hop between three regions with their tokens, while now and then one region is cut off: each sees its own
writes, and never less than it saw before, wherever it asks.

A trial is a session of its own: some writes and reads, each in a region chosen at random and at a level chosen at random.
In every region somebody raises a number meanwhile; a session that saw one never sees a lower one. A region that was cut
off may refuse to answer, or have another region answer, but it must not show less.
"""

import argparse
import random
import threading
import time
from collections import Counter
from itertools import combinations, count
from pathlib import Path

from harness.regions import REGIONS, Cluster, Region

from .ledger import Violation
from .program import run

NAMESPACE = "sessions"
CLIENTS = 16
SETTINGS = {"log.min_put_interval": "10ms", "fold.interval": "1s", "fold.checkpoint_interval": "5s"}
RTT_MS = {frozenset(pair): rtt for pair, rtt in zip(combinations(REGIONS, 2), (20, 40, 60), strict=True)}
# How a session reads: consistency, header x-isobath-on-stale, how long it waits.
WAYS = [
    ({"level": "strong"}, "error", 800),
    ({"level": "eventual"}, "error", 800),
    ({"level": "eventual"}, "error", 20),
    ({"level": "eventual"}, "remote", 0),
    ({"level": "strong"}, "remote", 20),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    run(f"{args.trials} sessions that hop", lambda home: sessions(args, home))


class Runner:
    """What all sessions share."""

    def __init__(self, cluster: Cluster, args: argparse.Namespace):
        self.nodes = cluster.alive()
        self.seed = args.seed
        self.trials = iter(range(args.trials))
        self.turn = threading.Lock()
        self.ended = threading.Event()
        self.counted: Counter[str] = Counter()
        self.failure: Exception | None = None

    def next(self) -> int | None:
        with self.turn:
            return None if self.failure else next(self.trials, None)

    def count(self, what: str) -> None:
        with self.turn:
            self.counted[what] += 1

    def guard(self, work, *args) -> threading.Thread:
        """A thread that ends all if its work fails."""

        def guarded() -> None:
            try:
                work(*args)
            except Exception as failure:
                self.failure = self.failure or failure

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread

    def client(self) -> None:
        while (trial := self.next()) is not None:
            Session(self, trial).run()

    def raise_number(self, node: Region) -> None:
        """Writes a row of the region's own, again and again."""
        for number in count(1):
            if self.ended.wait(0.02):
                return
            node.write(NAMESPACE, {"upsert_rows": [{"id": f"clock-{node.name}", "vector": [0.0, 1.0], "number": number}]})


class Session:
    """One client with its token."""

    def __init__(self, runner: Runner, trial: int):
        self.runner, self.trial = runner, trial
        self.chance = random.Random(runner.seed * 1_000_003 + trial)
        self.own = f"own-{trial}"
        self.ids = [self.own, *(f"clock-{name}" for name in REGIONS)]
        self.token: dict[str, str] = {}
        self.seen: Counter[str] = Counter()

    def run(self) -> None:
        self.write(self.chance.choice(self.runner.nodes))
        for _ in range(self.chance.randrange(3, 8)):
            node = self.chance.choice(self.runner.nodes)
            if self.chance.random() < 0.35:
                self.write(node)
            else:
                self.read(node)

    def write(self, node: Region) -> None:
        number = self.seen[self.own] + 1
        body = {"upsert_rows": [{"id": self.own, "vector": [1.0, 1.0], "number": number}]}
        answer = node.ask("POST", f"/v2/namespaces/{NAMESPACE}", body, self.token | {"x-isobath-wait-ms": "800"})
        if answer.status == 412:
            # nothing was written: the region lacks what the session saw elsewhere
            return self.runner.count("writes refused")
        if answer.status != 200:
            raise Violation(f"trial {self.trial}: a write in {node.name} is answered {answer}")
        self.seen[self.own] = number
        self.token = {"x-isobath-min-token": answer.token}
        self.runner.count("writes")

    def read(self, node: Region) -> None:
        consistency, on_stale, wait_ms = self.chance.choice(WAYS)
        headers = self.token | {"x-isobath-on-stale": on_stale, "x-isobath-wait-ms": str(wait_ms)}
        ask = {"rank_by": ["id", "asc"], "limit": 10, "filters": ["id", "In", self.ids],
               "include_attributes": ["number"], "consistency": consistency}
        answer = node.query(NAMESPACE, ask, headers)
        if answer.status == 412:
            return self.runner.count("reads refused")
        if answer.status != 200:
            raise Violation(f"trial {self.trial}: a read in {node.name} is answered {answer}")
        found = {row["id"]: row["number"] for row in answer.body["rows"]}
        by = answer.headers.get("x-isobath-served-by")
        for id in self.ids:
            if found.get(id, 0) < self.seen[id] or (id == self.own and found.get(id, 0) != self.seen[id]):
                raise Violation(f"trial {self.trial}: {by or node.name}, asked in {node.name} at {consistency}, shows "
                                f"{found.get(id)} of {id} after {self.seen[id]} was seen")
            self.seen[id] = found.get(id, 0)
        self.token = {"x-isobath-min-token": answer.token}
        self.runner.count("reads by another region" if by else "reads")


def sessions(args: argparse.Namespace, home: Path) -> str:
    cluster = Cluster(home, "minio", SETTINGS, rtt_ms=RTT_MS)
    cluster.start()
    runner = Runner(cluster, args)
    runner.nodes[0].write(NAMESPACE, {"upsert_rows": [{"id": "first", "vector": [0.0, 0.0], "number": 0}],
                                      "distance_metric": "euclidean_squared"})
    cluster.converge([NAMESPACE])
    clients = [runner.guard(runner.client) for _ in range(CLIENTS)]
    writers = [runner.guard(runner.raise_number, node) for node in runner.nodes]
    chance, cuts = random.Random(args.seed), 0
    while any(client.is_alive() for client in clients):
        region = chance.choice(REGIONS)
        cluster.cut(region)
        cuts += 1
        time.sleep(chance.uniform(0.5, 1.5))
        cluster.heal(region)
        deadline = time.monotonic() + chance.uniform(1, 4)
        while time.monotonic() < deadline and any(client.is_alive() for client in clients):
            time.sleep(0.1)
    runner.ended.set()
    for thread in [*clients, *writers]:
        thread.join(60)
    if runner.failure:
        raise Violation(f"{type(runner.failure).__name__}: {runner.failure}")
    for what in ("reads", "writes"):
        if runner.counted[what] < args.trials:
            raise Violation(f"only {runner.counted[what]} {what} in {args.trials} trials")
    cluster.converge([NAMESPACE])
    cluster.stop()
    said = ", ".join(f"{number} {what}" for what, number in sorted(runner.counted.items()))
    return f"{said}; {cuts} cuts"


if __name__ == "__main__":
    main()
