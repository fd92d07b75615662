"""Regions come and go: one is added to two that are in use, one is lost with its bucket and removed.

Clients of the others meet nothing worse than a node that starts anew; the new region holds all that was written before it came, and what was written
with `write_concern` of two regions outlives the bucket of the one that wrote it.
"""

import argparse
import json
import shutil
from pathlib import Path

from harness.process import wait_until
from harness.regions import REGIONS, Cluster

from .ledger import Violation
from .program import run
from .regions import NAMESPACE, SETTINGS, Acked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=40, help="by each writer in each phase")
    args = parser.parse_args()
    run("regions come and go", lambda home: come_and_go(args, home))


def come_and_go(args: argparse.Namespace, home: Path) -> str:
    cluster = Cluster(home, "file", SETTINGS, members=REGIONS[:2])
    cluster.start()
    acked = Acked()
    acked.write(cluster.alive(), args.writes)
    join(cluster, acked, args)
    lost = lose(cluster, acked, args)
    cluster.stop()
    return f"{len(acked.ids)} rows acked and there; {lost} of them came from a region that is gone"


def join(cluster: Cluster, acked: Acked, args: argparse.Namespace) -> None:
    """The third region is added while the others are written to."""
    new = REGIONS[2]
    cluster.members.append(new)
    cluster.write_files()
    cluster.run("add-region", new)
    cluster.nodes[new].start()
    acked.write(cluster.alive()[:2], args.writes, patient=True)
    # it takes writes as soon as the others count it in
    acked.write([cluster.nodes[new]], args.writes, patient=True)
    acked.check(cluster)

    def settled() -> bool:
        said = [node.get("/v2/regions") for node in cluster.alive()]
        return all(status == 200 and len(json.loads(body)["regions"]) == 3 for status, body in said)

    wait_until(settled, "all know of the new region", 60)


def lose(cluster: Cluster, acked: Acked, args: argparse.Namespace) -> int:
    """The second region is destroyed with its bucket; what it had written in two regions stays."""
    gone = cluster.nodes[REGIONS[1]]
    before = {}
    for at in range(args.writes):
        row = {"id": f"durable-{at}", "vector": [1.0, 1.0], "by": gone.name}
        answer = gone.write(NAMESPACE, {"upsert_rows": [row], "write_concern": {"regions": 2}})
        if len(answer.body["replicated_to"]) > 1:
            before[row["id"]] = row
    gone.kill()
    shutil.rmtree(cluster.home / gone.name / "bucket")
    others = [node for node in cluster.alive() if node is not gone]
    acked.write(others, args.writes, patient=True)
    cluster.run("remove-region", gone.name)
    cluster.members.remove(gone.name)
    acked.write(others, args.writes, patient=True)

    def removed() -> bool:
        said = [node.get("/v2/regions") for node in others]
        return all(status == 200 and len(json.loads(body)["regions"]) == 2 for status, body in said)

    wait_until(removed, "the others know that it is gone", 60)
    acked.ids |= before.keys()
    acked.ids = {id for id in acked.ids if not id.startswith(gone.name) or id in others[0].rows(NAMESPACE)}
    acked.check(cluster)
    if not before:
        raise Violation("no write was in two regions")
    return len(before)


if __name__ == "__main__":
    main()
