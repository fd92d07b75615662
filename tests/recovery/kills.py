"""Random kill -9 of one node under six concurrent writers, again and again.

After each restart no acked write may be missing, none be there that was not sent, none be doubled.
"""

import argparse
import random
import statistics
import time
from pathlib import Path

from harness.node import Node

from .crew import Crew
from .ledger import Violation
from .program import open_bucket, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    parser.add_argument("--lose-cache", action="store_true", help="delete the cache at each restart")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    args = parser.parse_args()
    lost = " and lost caches" if args.lose_cache else ""
    name = f"{args.rounds} kills{lost} on {args.store}, seed {args.seed}"
    run(name, lambda home: kills(args, home))


def kills(args: argparse.Namespace, home: Path) -> str:
    chance = random.Random(args.seed)
    # Folds and merges often, so that kills also hit a node at those.
    settings = {"fold.min_rows": "200", "fold.pause": "500ms", "fold.interval": "100ms"}
    node = Node(open_bucket(args.store, home), home / "node", settings)
    node.start()
    crew = Crew([node])
    restarts = []
    for number in range(1, args.rounds + 1):
        acked = crew.acked()
        crew.resume()
        time.sleep(chance.uniform(0.1, 1.5))
        node.kill()
        if args.lose_cache:
            node.forget_cache()
        restarts.append(node.start())
        crew.pause()
        try:
            rows = crew.check(node)
        except Violation as violation:
            raise Violation(f"round {number}: {violation}") from violation
        if crew.acked() == acked:
            raise Violation(f"round {number}: not one write was acked")
    node.stop()
    return (f"{crew.acked()} writes acked, {crew.unanswered()} not answered, {rows} rows; "
            f"ready again after {statistics.median(restarts):.1f} s, at most {max(restarts):.1f} s")


if __name__ == "__main__":
    main()
