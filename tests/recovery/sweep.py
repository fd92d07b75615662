"""Garbage collection is killed again and again while it deletes, days after the last write: every row stays, nothing that
was deleted comes back, and in the end nothing is left that nobody needs."""

import argparse
import os
import random
import subprocess
import time
from pathlib import Path

from harness.node import Bucket, Node, binary
from harness.servers import Missing

from .ledger import Violation
from .program import open_bucket, run
from .stateless import SETTINGS, change, compare

LIBRARIES = [Path(f"/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1") for machine in ("x86_64", "aarch64")]
"""Where Debian's `faketime` puts what bends the clock of one process."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2, help="of writes, each with its own kills")
    parser.add_argument("--writes", type=int, default=60, help="in a round")
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    run(f"collections that are killed on {args.store}", lambda home: sweeps(args, home))


def sweeps(args: argparse.Namespace, home: Path) -> str:
    chance = random.Random(args.seed)
    bucket = open_bucket(args.store, home)
    node = Node(bucket, home / "a", SETTINGS)
    written: dict[str, dict[int, int]] = {}
    went = kills = 0
    for round_ in range(1, args.rounds + 1):
        node.start()
        for _ in range(args.writes):
            change(chance, node, written)
        # some time for checkpoints, or there is little to delete
        time.sleep(4)
        node.stop()
        days = 3 * round_
        objects = len(going(bucket, days))
        for _ in range(args.kills):
            kills += collect_and_kill(chance, bucket, days)
        collect(bucket, days)
        went += objects
        expect_clean(bucket, days)
        said = subprocess.run([binary(), "verify", bucket.url], env=os.environ | bucket.env, capture_output=True, text=True)
        if said.returncode != 0:
            raise Violation(f"verify ends with {said.returncode} after collections: {said.stdout}{said.stderr}")
        node.forget_cache()
        node.start()
        compare(node, written)
        node.stop()
    if kills == 0 or went == 0:
        raise Violation(f"{kills} collections were killed, and {went} objects were to go: nothing was tested")
    return f"{args.rounds} rounds, {kills} collections killed, at least {went} objects went"


def later(bucket: Bucket, days: int, extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that lives some days from now."""
    library = next((path for path in LIBRARIES if path.is_file()), None)
    if library is None:
        raise Missing("libfaketime is not there; .ci/tools installs it")
    bent = {"LD_PRELOAD": str(library), "FAKETIME": f"+{days}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return os.environ | bucket.env | bent | (extra or {})


def collect_and_kill(chance: random.Random, bucket: Bucket, days: int) -> int:
    """Starts a collection and kills it after some of its objects went; whether it was still running."""
    slow = {"ISOBATH_STORE__ADDED_LATENCY": "40ms"}
    words = [binary(), "gc", "--bucket", bucket.url]
    quiet = subprocess.DEVNULL
    before = len(going(bucket, days))
    child = subprocess.Popen(words, env=later(bucket, days, slow), stdout=quiet, stderr=quiet)
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(chance.random() * 0.3)
        if len(going(bucket, days)) < before or chance.random() < 0.1:
            break
    running = child.poll() is None
    child.kill()
    child.wait()
    return int(running)


def collect(bucket: Bucket, days: int) -> None:
    """Collects until nothing goes any more."""
    for _ in range(8):
        result = next(line for line in gc(bucket, days).splitlines() if " objects went" in line)
        objects, floors = int(result.split()[0]), int(result.split(";")[1].split()[0])
        if objects == floors == 0:
            return
    raise Violation(f"collections do not come to an end: {result}")


def going(bucket: Bucket, days: int) -> list[str]:
    """What a collection would delete."""
    return [line for line in gc(bucket, days, "--dry-run").splitlines() if line.startswith("delete")]


def expect_clean(bucket: Bucket, days: int) -> None:
    if left := going(bucket, days):
        raise Violation(f"after all collections {len(left)} objects would still go: {left[:3]}")


def gc(bucket: Bucket, days: int, *words: str) -> str:
    command = [binary(), "gc", "--bucket", bucket.url, *words]
    done = subprocess.run(command, env=later(bucket, days), capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise Violation(f"gc ends with {done.returncode}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
