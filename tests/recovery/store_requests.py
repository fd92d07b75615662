"""What a commit costs: one PUT and at most one GET on MinIO, and no LIST while nothing goes wrong."""

import argparse
from pathlib import Path

from harness.node import Node
from harness.servers import Minio

from .ledger import Violation
from .program import run
from .store_proxy import Moment, StoreProxy

NAMESPACE = "cost"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=40)
    args = parser.parse_args()
    run("requests per commit on minio", lambda home: cost(args.writes, home))


def cost(writes: int, home: Path) -> str:
    proxy = StoreProxy(Minio(home / "minio").port)
    node = Node(Minio.bucket_at(proxy.port), home / "node")
    node.start()
    write(node, 0)
    proxy.arm(None, Moment.BEFORE, lambda: None)
    for number in range(1, writes + 1):
        write(node, number)
    requests = proxy.disarm()
    node.stop()
    puts = total(requests, "PUT")
    # A write that waits for its answer is a commit of its own; a heartbeat may come on top.
    if not writes <= puts <= writes + 2 or set(requests) - {"PUT log", "GET log", "GET floor", "GET marker"}:
        raise Violation(f"{writes} commits took {dict(requests)}")
    if total(requests, "GET") > puts or total(requests, "LIST"):
        raise Violation(f"{puts} commits took {dict(requests)}")
    return f"{writes} writes took {dict(requests)}"


def write(node: Node, number: int) -> None:
    namespace = node.client().namespace(NAMESPACE)
    namespace.write(upsert_rows=[{"id": number, "n": number}])


def total(requests: dict[str, int], method: str) -> int:
    return sum(count for kind, count in requests.items() if kind.startswith(method))


if __name__ == "__main__":
    main()
