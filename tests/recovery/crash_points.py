"""Kill -9 of a node at every kind of request that it sends to its store, and at calls on a local bucket.

The bucket is all that outlives a node, so that a crash shows nowhere but between two requests. On MinIO each
point is tried three ways: the request is lost; it took effect, but the answer is lost; it lands only after
the next owner has started. On a local directory strace kills the node as it enters a call. After a restart
nothing acked may be missing, nothing be there that was not sent.
"""

import argparse
import threading
from pathlib import Path

from harness.node import Bucket, Node, local_bucket
from harness.process import wait_until
from harness.servers import Minio

from .crew import Crew
from .ledger import Violation
from .program import run
from .store_proxy import Moment, Point, StoreProxy

CALLS = ["linkat", "fsync", "unlink", "rename"]
ACKS = 30
LATE_S = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["file", "minio"], default="minio")
    parser.add_argument("--per-kind", type=int, default=2, help="points of each kind of request")
    args = parser.parse_args()
    test = on_minio if args.store == "minio" else on_file
    run(f"crash points on {args.store}", lambda home: test(args.per_kind, home))


def on_minio(per_kind: int, home: Path) -> str:
    minio = Minio(home / "minio")
    proxy = StoreProxy(minio.port)
    buckets = (prefix(minio.bucket_at(proxy.port), number) for number in range(10**6))
    points = find_points(proxy, Trial(next(buckets), home / "count"), per_kind)
    crashed = 0
    for number, (point, moment) in enumerate((p, m) for p in points for m in moments(p)):
        trial = Trial(next(buckets), home / f"trial-{number}")
        with naming(f"{point} {moment.value}"):
            crashed += crash_at(proxy, trial, point, moment)
    return f"{crashed} crashes at {len(points)} points: " + ", ".join(map(str, points))


def on_file(per_kind: int, home: Path) -> str:
    crashed = 0
    for call in CALLS:
        for nth in range(1, per_kind + 1):
            trial = Trial(local_bucket(home / f"{call}-{nth}"), home / f"trial-{call}-{nth}")
            inject = ["strace", "-D", "-f", "-o", "/dev/null", "-e", f"trace={call}",
                      "-e", f"inject={call}:signal=SIGKILL:when={nth}"]
            with naming(f"{call} #{nth}"):
                trial.first_life()
                crashed += trial.second_life(inject)
                trial.third_life()
    return f"{crashed} crashes on entering {', '.join(CALLS)}"


def moments(point: Point) -> list[Moment]:
    """What a read answers changes nothing in the bucket: one moment is as good as another."""
    return list(Moment) if point.kind.startswith("PUT") else [Moment.BEFORE]


def prefix(bucket: Bucket, number: int) -> Bucket:
    return Bucket(f"{bucket.url}-{number}", bucket.env)


class naming:
    """Says at which point a violation came up."""

    def __init__(self, point: str):
        self.point = point

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, AssertionError):
            raise Violation(f"at {self.point}: {error}") from error


class Trial:
    """A node with three lives: it writes and is killed, meets the point, and is checked."""

    def __init__(self, bucket: Bucket, home: Path):
        settings = {
            "fold.min_rows": "50",
            "fold.pause": "200ms",
            "fold.interval": "50ms",
            "fold.min_part_bytes": "1kB",
            "fold.checkpoint_interval": "150ms",
        }
        self.node = Node(bucket, home, settings)
        self.crew: Crew | None = None

    def first_life(self) -> None:
        self.node.start()
        self.crew = Crew([self.node], size=3)
        self._write(ACKS)
        self.node.kill()

    def second_life(self, prefix: list[str] | None = None) -> bool:
        """Takes over from the first, until it dies; whether it did."""
        self.crew.resume()
        self.node.launch(prefix)
        enough = self.crew.acked() + 3 * ACKS
        died = lambda: not self.node.process.running()
        wait_until(lambda: died() or self.crew.acked() > enough, "a crash, or enough acks", 60)
        crashed = died()
        self.node.kill()
        return crashed

    def third_life(self) -> None:
        self.node.start()
        self._write(ACKS)
        self.crew.check(self.node)
        self.node.kill()

    def _write(self, acks: int) -> None:
        enough = self.crew.acked() + acks
        self.crew.resume()
        wait_until(lambda: self.crew.acked() >= enough or self._broken(), "writes are acked", 60)
        self.crew.pause()

    def _broken(self) -> bool:
        return any(writer.broken for writer in self.crew.writers)


def find_points(proxy: StoreProxy, trial: Trial, per_kind: int) -> list[Point]:
    """The first requests of each kind, from a second life in which nothing happens."""
    trial.first_life()
    proxy.arm(None, Moment.BEFORE, lambda: None)
    trial.second_life()
    kinds = proxy.disarm()
    trial.third_life()
    # The probe's own objects mean nothing to anybody; it alone deletes, by POST.
    kinds = {kind: count for kind, count in sorted(kinds.items())
             if "probe" not in kind and not kind.startswith("POST")}
    return [Point(kind, nth) for kind in kinds for nth in range(1, min(per_kind, kinds[kind]) + 1)]


def crash_at(proxy: StoreProxy, trial: Trial, point: Point, moment: Moment) -> bool:
    trial.first_life()
    proxy.arm(point, moment, lambda: trial.node.process.kill())
    crashed = trial.second_life()
    proxy.disarm()
    late = threading.Timer(LATE_S, proxy.deliver_late)
    late.start()
    trial.third_life()
    late.join()
    return crashed


if __name__ == "__main__":
    main()
