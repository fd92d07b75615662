"""Many namespaces cost no more than one: a node over all of them is ready at once, asks the bucket for as little while
idle, and rows that trickle into all of them take as many PUTs as rows that trickle into one."""

import argparse
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.node import Node
from harness.servers import Minio

from .ledger import Violation
from .program import run
from .store_proxy import Moment, StoreProxy

SETTINGS = {"fold.checkpoint_interval": "4s", "fold.interval": "200ms", "log.min_put_interval": "1s"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespaces", type=int, default=1_000)
    parser.add_argument("--idle-s", type=float, default=12)
    parser.add_argument("--ready-s", type=float, default=2, help="what a node may take to be ready; 0 = any time")
    args = parser.parse_args()
    run(f"{args.namespaces} namespaces on minio", lambda home: many(args, home))


def many(args: argparse.Namespace, home: Path) -> str:
    proxy = StoreProxy(Minio(home / "minio").port)
    node = Node(Minio.bucket_at(proxy.port), home / "node", SETTINGS)
    node.start()
    one = trickle(proxy, node, 1, args.namespaces)
    idle_one = idle(proxy, args.idle_s)
    trickle(proxy, node, args.namespaces, args.namespaces)
    all_ = trickle(proxy, node, args.namespaces, args.namespaces)
    idle_all = idle(proxy, args.idle_s)
    node.stop()
    node.forget_cache()
    proxy.arm(None, Moment.BEFORE, lambda: None)
    ready = node.start()
    opening = proxy.disarm()
    if args.ready_s and ready > args.ready_s:
        raise Violation(f"ready after {ready:.1f} s")
    names = [namespace.id for namespace in node.client().namespaces(page_size=1_000)]
    if len(names) != args.namespaces:
        raise Violation(f"{len(names)} of {args.namespaces} namespaces are listed")
    rows = check(node, names)
    node.stop()
    puts = {name: sum(n for kind, n in counts.items() if kind.startswith("PUT")) for name, counts in (("one", one), ("all", all_))}
    if puts["all"] > puts["one"] * 1.25 + 4:
        raise Violation(f"rows for one namespace took {dict(one)}, for all {dict(all_)}")
    if sum(idle_all.values()) > sum(idle_one.values()) * 1.25 + 4:
        raise Violation(f"idle with one namespace: {dict(idle_one)}, with all: {dict(idle_all)}")
    return (
        f"ready after {ready:.2f} s and {sum(opening.values())} requests {dict(opening)}; {rows} rows; PUTs {puts}; "
        f"idle for {args.idle_s:.0f} s: {dict(idle_all)}"
    )


def trickle(proxy: StoreProxy, node: Node, namespaces: int, rows: int) -> Counter:
    """Writes `rows` rows, each to the next of `namespaces`, at one rate whatever their number; what it took."""
    proxy.arm(None, Moment.BEFORE, lambda: None)
    start, length = time.monotonic(), 15.0
    client = node.client(max_retries=8)

    def write(number: int) -> None:
        time.sleep(max(0.0, start + length * number / rows - time.monotonic()))
        namespace = client.namespace(f"n{number % namespaces:05}")
        namespace.write(upsert_rows=[{"id": number, "n": number, "text": "x" * 100}])

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(write, range(rows)))
    time.sleep(6)
    return Counter(proxy.disarm())


def idle(proxy: StoreProxy, seconds: float) -> Counter:
    proxy.arm(None, Moment.BEFORE, lambda: None)
    time.sleep(seconds)
    return Counter(proxy.disarm())


def check(node: Node, names: list[str]) -> int:
    """Every namespace answers, also those that are opened for it; the rows of all."""
    client = node.client(max_retries=8)

    def count(name: str) -> int:
        answer = client.namespace(name).query(aggregate_by={"n": ("Count",)})
        return answer.aggregations["n"]

    with ThreadPoolExecutor(16) as pool:
        counts = list(pool.map(count, names))
    if min(counts) < 1:
        raise Violation("a namespace has no rows")
    return sum(counts)


if __name__ == "__main__":
    main()
