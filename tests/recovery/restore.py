"""Any moment of a bucket's history can be restored while it is written to and compacted, from the bucket or from a copy
of its log; an interrupted restore is no bucket; damage is named."""

import argparse
import copy
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

from harness.node import Bucket, Node, binary

from .ledger import Violation
from .program import open_bucket, run
from .stateless import SETTINGS, change, compare

CORRUPT = 4

State = dict[str, dict[int, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=90)
    parser.add_argument("--moments", type=int, default=2)
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    run(f"restore from {args.store}", lambda home: restores(args, home))


def restores(args: argparse.Namespace, home: Path) -> str:
    chance = random.Random(args.seed)
    bucket = open_bucket(args.store, home)
    node = Node(bucket, home / "a", SETTINGS)
    node.start()
    written: State = {}
    history: list[tuple[str, State]] = []
    moments = sorted(chance.sample(range(args.writes // 3, args.writes), k=args.moments))
    for write in range(args.writes):
        change(chance, node, written)
        history.append((commit_time(node, write), copy.deepcopy(written)))
        if write in moments:
            at, expected = history[chance.randrange(len(history))]
            check(bucket, home / f"at-{write}", expected, ["--at", at])
    digest = command(bucket, "snapshot", "create", bucket.url, "--name", "last")
    node.kill()
    at, expected = history[-1]
    digest = check(bucket, home / "last", expected, [])
    if (verified := command(bucket, "verify", bucket.url).splitlines()[-1]) != f"digest {digest}":
        raise Violation(f"verify says {verified}, restore {digest}")
    if args.store == "file":
        source = Path(bucket.url.removeprefix("file://"))
        shutil.copytree(source / "log", home / "copy" / "log")
        shutil.move(source, home / "gone")
        again = check(Bucket(f"file://{home / 'copy'}"), home / "from-copy", expected, [])
        if again != digest:
            raise Violation(f"the copy of the log has digest {again}, the bucket had {digest}")
        interrupted(chance, home / "gone", home)
        damaged(home / "gone", home / "damaged")
    return f"{args.writes} writes, {args.moments} moments between them, a copy of the log, digest {digest[:8]}"


def commit_time(node: Node, write: int) -> str:
    """When everything so far was committed: that of one more write, which changes nothing that is compared."""
    answer = node.client(max_retries=8).namespace("clock").write(upsert_rows=[{"id": 1, "write": write}])
    return answer.committed_at


def command(bucket: Bucket, *words: str | Path, code: int = 0) -> str:
    """What a command of the program prints; its errors where it is to fail with `code`."""
    env = {**os.environ, **bucket.env}
    done = subprocess.run([binary(), *words], env=env, capture_output=True, text=True, timeout=300)
    if done.returncode != code:
        raise Violation(f"{words[0]} ended with {done.returncode}: {done.stdout}\n{done.stderr}")
    return done.stdout if code == 0 else done.stdout + done.stderr


def check(bucket: Bucket, home: Path, expected: State, how: list[str]) -> str:
    """Restores, serves what was restored and compares it; returns the digest."""
    target = Bucket(f"file://{home / 'bucket'}")
    said = command(bucket, "restore", "--from", bucket.url, "--to", target.url, "--region", "use1", *how)
    digest = said.splitlines()[-1].removeprefix("digest ")
    node = Node(target, home / "node", SETTINGS)
    node.start()
    compare(node, expected)
    names = {namespace.id for namespace in node.client().namespaces()} - {"clock"}
    if names != {name for name, rows in expected.items() if rows} and not names <= set(expected):
        raise Violation(f"restored {names}, expected {set(expected)}")
    # it takes writes where the log went on
    change(random.Random(7), node, copy.deepcopy(expected))
    node.stop()
    command(target, "verify", target.url)
    return digest


def interrupted(chance: random.Random, source: Path, home: Path) -> None:
    """A restore that is killed leaves nothing that is served, and is not taken up by another."""
    slow = {**os.environ, "ISOBATH_STORE__ADDED_LATENCY": "30ms"}

    def start(target: Path) -> subprocess.Popen:
        words = [binary(), "restore", "--from", source, "--to", target]
        return subprocess.Popen(words, env=slow, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    begun = time.monotonic()
    start(home / "uncut").wait()
    whole = time.monotonic() - begun
    left = 0
    for attempt in range(6):
        target = home / f"cut-{attempt}"
        child = start(target)
        time.sleep(whole * (0.3 + 0.6 * chance.random()))
        child.kill()
        child.wait()
        if (target / "marker").exists() or not any(path.is_file() for path in target.rglob("*") if "probe" not in path.parts):
            continue
        left += 1
        again = command(Bucket(str(source)), "restore", "--from", source, "--to", target, code=2)
        if "empty it first" not in again:
            raise Violation(f"a second restore says: {again}")
        command(Bucket(str(target)), "serve", "--bucket", target, "--cache", home / "c", "--listen", "127.0.0.1:0", code=1)
    if left == 0:
        print("note: no restore was interrupted in the middle")


def damaged(source: Path, home: Path) -> None:
    """Verification names each damaged object and ends with the code for it."""

    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 8
        path.write_bytes(content)

    def cut(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-7])

    kinds = {
        "data/*/part/*": flip,
        "manifest/*/*": cut,
        "log/*/*/*": Path.unlink,
        "data/*/index/*/*": Path.unlink,
        "data/run/*": flip,
        "checkpoint/*": cut,
    }
    for pattern, harm in kinds.items():
        shutil.copytree(source, home)
        paths = sorted(path for path in home.glob(pattern) if path.is_file() and path.name != "meta")
        if not paths and "data" in pattern:
            shutil.rmtree(home)
            continue
        newest = paths[0] if pattern.startswith(("manifest", "checkpoint")) else paths[len(paths) // 2]
        for path in [newest] if "data" not in pattern else paths:
            harm(path)
        said = command(Bucket(str(home)), "verify", str(home), code=CORRUPT)
        names = [str(path.relative_to(home)) for path in paths]
        if not any(name in said for name in names):
            raise Violation(f"{pattern}: verify does not name {newest}: {said}")
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
