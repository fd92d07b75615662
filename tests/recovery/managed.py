"""Two regions whose buckets the store itself replicates, `log/` only, object by object and in no order. The process of one
region and its store are killed while the other is written to, and started again: both regions become equal.
"""

import argparse
import time
from pathlib import Path

from harness.regions import REGIONS, Cluster
from harness.servers import Mirror

from .ledger import Violation
from .program import run
from .regions import SETTINGS, Acked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=40, help="by each writer in each phase")
    parser.add_argument("--dead-s", type=float, default=3)
    args = parser.parse_args()
    run("regions whose stores replicate", lambda home: managed(args, home))


def managed(args: argparse.Namespace, home: Path) -> str:
    settings = SETTINGS | {"replicate.gap_timeout": "2s"}
    cluster = Cluster(home, "minio", settings, "managed", members=REGIONS[:2])
    source, target = (cluster.minios[name] for name in cluster.members)
    Mirror(home / "there").start(source, target, f"region/log/{REGIONS[0]}/")
    Mirror(home / "back").start(target, source, f"region/log/{REGIONS[1]}/")
    cluster.start()
    first, second = cluster.alive()
    acked = Acked()
    acked.write([first, second], args.writes)
    acked.check(cluster)
    by_store = copies_by_store(first) + copies_by_store(second)
    second.kill()
    target.stop()
    start = time.monotonic()
    acked.write([first], args.writes)
    while time.monotonic() - start < args.dead_s:
        acked.write([first], args.writes // 4)
    target.start()
    second.forget_cache()
    second.start()
    acked.write([first, second], args.writes)
    acked.check(cluster)
    read_through = sum(copies_read_through(node) for node in (first, second))
    cluster.stop()
    if len(digests := cluster.digests()) != 1:
        raise Violation(f"the buckets hold different states: {digests}")
    if by_store <= 0:
        raise Violation("the stores have replicated nothing: nothing was tested")
    return (f"{len(acked.ids)} rows acked and there in both; before the kill the stores brought {by_store:.0f} segments, "
            f"in all {read_through:.0f} were read from their origin; {digests.pop()[:15]}")


def copies_by_store(node) -> float:
    """Copies in its bucket that nobody but the store has made."""
    held = node.metric("isobath_replication_held_seq")
    return held - copies_read_through(node)


def copies_read_through(node) -> float:
    return node.metric("isobath_replication_lag_seconds_count", path="readthrough")


if __name__ == "__main__":
    main()
