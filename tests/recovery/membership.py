"""Regions come and go: two are added, one after the other, to one that is in use; one is lost with its bucket while it is
written to, and removed. On local directories the first has deleted what its log begins with before the others come.

Clients of the others meet no error, but that a node starts anew when it learns of the change; the new region holds all that
was written before it came, and what was written with `write_concern` of two regions outlives the bucket of the one that
wrote it.
"""

import argparse
import json
import shutil
import threading
import time
from pathlib import Path

from harness.process import wait_until
from harness.regions import REGIONS, Cluster, Region

from .ledger import Violation
from .program import run
from .regions import NAMESPACE, SETTINGS, Acked
from .sweep import collect


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    parser.add_argument("--writes", type=int, default=40, help="by each writer in each phase")
    parser.add_argument("--seconds", type=float, default=3, help="of writes at two regions, before and after one is lost")
    args = parser.parse_args()
    run(f"regions come and go on {args.store}", lambda home: come_and_go(args, home))


def come_and_go(args: argparse.Namespace, home: Path) -> str:
    cluster = Cluster(home, args.store, SETTINGS, members=REGIONS[:1])
    cluster.start()
    acked = Acked()
    acked.write(cluster.alive(), args.writes)
    if args.store == "file":
        # a store that is a server of its own does not believe that it is days later
        forget(cluster)
    for new in REGIONS[1:]:
        join(cluster, new, acked, args)
    lost = lose(cluster, acked, args)
    cluster.stop()
    if len(digests := cluster.digests()) != 1:
        raise Violation(f"the buckets hold different states: {digests}")
    return f"{len(acked.ids)} rows acked and there; {lost} of them came from a region that is gone"


def forget(cluster: Cluster) -> None:
    """The first region's bucket deletes what its log begins with, as it would days later."""
    first = cluster.nodes[REGIONS[0]]
    # a checkpoint
    time.sleep(5)
    first.stop()
    # floors first, and what they cover when they have stood for a while
    for days in (3, 6):
        collect(cluster.buckets[first.name], days)
    if cluster.copy_path(first.name, first.name, 1).exists():
        raise Violation("nothing of the log was deleted")
    first.start()


def join(cluster: Cluster, new: str, acked: Acked, args: argparse.Namespace) -> None:
    """A region is added while the others are written to; it starts from a checkpoint if the logs alone do not hold all."""
    others = cluster.alive()
    cluster.members.append(new)
    cluster.write_files()
    said = cluster.run("add-region", new).stdout
    if args.store == "file" and not said.startswith("copied "):
        raise Violation(f"{new} does not start from a checkpoint: {said}")
    cluster.nodes[new].start()
    acked.write(others, args.writes, patient=True)
    # it takes writes as soon as the others count it in
    acked.write([cluster.nodes[new]], args.writes, patient=True)
    acked.check(cluster)

    def settled() -> bool:
        said = [node.get("/v2/regions") for node in cluster.alive()]
        known = [len(json.loads(body)["regions"]) for status, body in said if status == 200]
        return known == [len(cluster.members)] * len(cluster.members)

    wait_until(settled, "all know of the new region", 60)


class Durable(threading.Thread):
    """Writes in one region, wanting each write in two, until it is told to end or meets an error."""

    def __init__(self, node: Region):
        super().__init__(daemon=True)
        self.node = node
        self.ended = threading.Event()
        self.acked: set[str] = set()
        self.failure: Exception | None = None

    def run(self) -> None:
        number = 0
        while not self.ended.is_set():
            number += 1
            row = {"id": f"durable-{self.node.name}-{number}", "vector": [1.0, 1.0], "by": self.node.name}
            try:
                answer = self.node.write(NAMESPACE, {"upsert_rows": [row], "write_concern": {"regions": 2}})
            except (AssertionError, OSError) as failure:
                self.failure = failure
                return
            if len(answer.body["replicated_to"]) > 1:
                self.acked.add(row["id"])


def lose(cluster: Cluster, acked: Acked, args: argparse.Namespace) -> int:
    """The second region is destroyed with its bucket amid writes; what it had written in two regions stays."""
    gone = cluster.nodes[REGIONS[1]]
    others = [node for node in cluster.alive() if node is not gone]
    writers = [Durable(node) for node in cluster.alive()]
    for writer in writers:
        writer.start()
    time.sleep(args.seconds)
    destroy(cluster, gone)
    time.sleep(args.seconds)
    wait_until(lambda: all(node.metric("isobath_region_up", peer=gone.name) == 0 for node in others), "it is seen to be down", 20)
    for writer in writers:
        writer.ended.set()
        writer.join(60)
        if writer.node is not gone and writer.failure:
            raise Violation(f"a client of {writer.node.name} saw {writer.failure}")
        acked.ids |= writer.acked
    before = writers[cluster.alive().index(gone)].acked
    cluster.run("remove-region", gone.name)
    cluster.members.remove(gone.name)
    acked.write(others, args.writes, patient=True)

    def removed() -> bool:
        said = [node.get("/v2/regions") for node in others]
        return all(status == 200 and len(json.loads(body)["regions"]) == 2 for status, body in said)

    wait_until(removed, "the others know that it is gone", 60)
    # what it had written in its own bucket only is lost with it
    there = others[0].rows(NAMESPACE)
    acked.ids = {id for id in acked.ids if not id.startswith(gone.name) or id in there}
    acked.check(cluster)
    if not before:
        raise Violation("no write was in two regions")
    return len(before)


def destroy(cluster: Cluster, region: Region) -> None:
    """Ends a region's store with all that it holds, under its process, and then the process."""
    if cluster.store == "minio":
        cluster.minios[region.name].destroy()
        region.kill()
    else:
        region.kill()
        shutil.rmtree(cluster.home / region.name / "bucket")


if __name__ == "__main__":
    main()
