"""A bucket whose log the store itself copies to another one, as cloud providers do between regions, is destroyed in the
middle of a run of writes: the copy alone gives back every moment that it holds."""

import argparse
import copy
import random
from pathlib import Path

from harness.node import Node
from harness.process import wait_until
from harness.servers import Minio, Mirror

from .program import run
from .restore import State, check, commit_time
from .stateless import SETTINGS, change


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=60)
    parser.add_argument("--moments", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    run("a restore from a copy that the store made", lambda home: replicated(args, home))


def replicated(args: argparse.Namespace, home: Path) -> str:
    chance = random.Random(args.seed)
    source, target = Minio(home / "source"), Minio(home / "target")
    Mirror(home / "mc").start(source, target, "region/log/")
    # one client alone would be slowed down to a segment a second, which saves requests
    node = Node(source.bucket(), home / "a", SETTINGS | {"log.min_put_interval": "10ms"})
    node.start()
    written: State = {}
    history: list[tuple[str, State]] = []
    for write in range(args.writes):
        change(chance, node, written)
        history.append((commit_time(node, write), copy.deepcopy(written)))
    half = len(history) // 2
    segments = segments_of(source)
    # what comes after the last moment asked for may be lost with the bucket
    for write in range(args.writes // 4):
        change(chance, node, written)
    wait_until(lambda: segments_of(target) >= segments, "the store copied the log", 120)
    node.kill()
    source.destroy()
    moments = [history[-1], *chance.sample(history[half:-1], k=args.moments)]
    digests = [check(target.bucket(), home / f"at-{n}", expected, ["--at", at]) for n, (at, expected) in enumerate(moments)]
    target.stop()
    return f"{len(history)} writes, {len(moments)} moments, digest {digests[0][:8]}"


def segments_of(minio: Minio) -> set[str]:
    """The segments in a bucket, as its server keeps them: a directory each."""
    log = minio.data / "isobath/region/log"
    return {str(path.relative_to(log)) for path in log.glob("*/*/*.seg")}


if __name__ == "__main__":
    main()
