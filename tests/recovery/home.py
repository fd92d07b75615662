"""Clients in three regions swap one row's value on condition, while regions are cut off and the home region dies: it is
decided on in one place only, so that all swaps form one chain, whoever took them.
"""

import argparse
import time
from itertools import combinations
from pathlib import Path

from harness.process import wait_until
from harness.regions import REGIONS, Cluster

from .conditions import NAMESPACE, begin, race, verdict
from .ledger import Violation
from .program import run

SETTINGS = {"log.min_put_interval": "10ms", "server.owner_wait": "2s"}
RTT_MS = {frozenset(pair): rtt for pair, rtt in zip(combinations(REGIONS, 2), (20, 40, 60), strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    run("conditional writes from three regions", lambda home: at_home(args, home))


def at_home(args: argparse.Namespace, home: Path) -> str:
    cluster = Cluster(home, "minio", SETTINGS, rtt_ms=RTT_MS)
    cluster.start()
    nodes = cluster.alive()
    begin(nodes)
    cluster.converge([NAMESPACE])

    def storm() -> None:
        for _ in range(args.rounds):
            for region in (REGIONS[1], REGIONS[0], REGIONS[2]):
                time.sleep(2)
                cluster.cut(region)
                time.sleep(3)
                cluster.heal(region)
            time.sleep(2)
            nodes[0].kill()
            time.sleep(2)
            nodes[0].start()
        wait_until(lambda: all(closed(node) for node in nodes), "the regions ask each other again", 60, 0.2)
        time.sleep(3)

    # the home region answers its own clients before others can ask it
    clients = race(nodes, storm, pause_s=0.5)
    cluster.converge([NAMESPACE])
    said = verdict(nodes, clients)
    for name in REGIONS[1:]:
        applied = [swap for client in clients if client.node.name == name for swap in client.swaps if swap.applied]
        if not applied:
            raise Violation(f"no swap from {name} was applied: nothing was tested")
        said += f", {len(applied)} from {name}"
    cluster.stop()
    return said


def closed(node) -> bool:
    return all(region["breaker"] == "closed" for region in node.ask("GET", "/v2/regions").body["regions"])


if __name__ == "__main__":
    main()
