"""Eight clients of two processes swap one row's value on condition, while owners of the log are killed.

Every value is written once and names the one that it replaced, so that the last row tells the whole history.
Checked: the swaps form one chain that holds each acked one, in an order that fits when they were sent and
acked; a swap that was refused was refused for a reason; a row that is inserted if absent has one inserter.
"""

import argparse
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import turbopuffer

from harness.node import Node

from .ledger import Violation
from .program import open_bucket, run
from .takeover import owner_first

NAMESPACE = "conditions"
CLIENTS = 8
ROW = 1
ABSENT = ("id", "Eq", None)


@dataclass
class Swap:
    """One attempt to replace a value."""

    value: str
    expected: str
    sent: float
    acked: float = 0
    # True and False are answers; None: the outcome is unknown.
    applied: bool | None = None


@dataclass
class Client(threading.Thread):
    number: int
    node: Node
    # Between two turns: who is fast wins all swaps.
    pause_s: float = 0
    swaps: list[Swap] = field(default_factory=list)
    inserted: list[int] = field(default_factory=list)
    broken: BaseException | None = None

    def __post_init__(self):
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self._namespace = self.node.client(max_retries=2, timeout=20).namespace(NAMESPACE)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        try:
            while not self.ended.is_set():
                try:
                    self._turn(len(self.swaps))
                except turbopuffer.APIError as error:
                    if isinstance(error, turbopuffer.BadRequestError):
                        raise Violation(f"a good write was refused: {error}") from error
                    time.sleep(0.1)
                self.ended.wait(self.pause_s)
        except BaseException as broken:
            self.broken = broken

    def _turn(self, number: int) -> None:
        rows = self._namespace.query(rank_by=("id", "asc"), limit=1, filters=("id", "Eq", ROW),
                                     include_attributes=["value"]).rows
        swap = Swap(f"{self.number}-{number}", rows[0].value, time.monotonic())
        self.swaps.append(swap)
        row = {"id": ROW, "value": swap.value, "before": swap.expected}
        written = self._namespace.write(upsert_rows=[row], upsert_condition=("value", "Eq", swap.expected))
        swap.acked, swap.applied = time.monotonic(), written.rows_upserted == 1
        # All clients insert the same rows, each its own number.
        row = {"id": 1000 + number, "by": self.number}
        if self._namespace.write(upsert_rows=[row], upsert_condition=ABSENT).rows_upserted == 1:
            self.inserted.append(number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="how often the owner is killed")
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    args = parser.parse_args()
    run(f"conditional writes, {args.rounds} kills on {args.store}", lambda home: conditions(args, home))


def conditions(args: argparse.Namespace, home: Path) -> str:
    bucket = open_bucket(args.store, home)
    nodes = [Node(bucket, home / name) for name in ("a", "b")]
    for node in nodes:
        node.start()

    def storm() -> None:
        for _ in range(args.rounds):
            time.sleep(3)
            owner, _ = owner_first(nodes)
            owner.kill()
            time.sleep(4)
            owner.start()
        time.sleep(3)

    begin(nodes)
    said = verdict(nodes, race(nodes, storm))
    for node in nodes:
        node.stop()
    return said


def begin(nodes: list[Node]) -> None:
    """Writes the first value."""
    namespace = nodes[0].client().namespace(NAMESPACE)
    namespace.write(upsert_rows=[{"id": ROW, "value": "first", "before": ""}])


def race(nodes: list[Node], storm: Callable[[], None], pause_s: float = 0) -> list[Client]:
    """The clients after they swapped all through a storm; those of the first node pause after each."""
    clients = [Client(number, nodes[number % len(nodes)]) for number in range(CLIENTS)]
    for client in clients[::len(nodes)]:
        client.pause_s = pause_s
    for client in clients:
        client.start()
    storm()
    for client in clients:
        client.ended.set()
    for client in clients:
        client.join(120)
        if client.broken or client.is_alive():
            raise Violation(f"client {client.number} failed: {client.broken}")
    return clients


def verdict(nodes: list[Node], clients: list[Client]) -> str:
    """Checks what was answered against what all of the nodes show."""
    for node in nodes:
        last = node.client().namespace(NAMESPACE).query(
            rank_by=("id", "asc"), limit=1, include_attributes=["value"]).rows[0].value
        chain = check_chain([swap for client in clients for swap in client.swaps], last)
    inserters = check_inserts(clients, nodes[0].client().namespace(NAMESPACE))
    unknown = sum(swap.applied is None for client in clients for swap in client.swaps)
    return f"{chain} swaps in one chain, {unknown} of unknown outcome, {inserters} rows with one inserter each"


def check_chain(swaps: list[Swap], last: str) -> int:
    """Walks from the last value back to the first one; the number of swaps on the way."""
    by_value = {swap.value: swap for swap in swaps}
    chain = []
    while last != "first":
        if last not in by_value or len(chain) > len(swaps):
            raise Violation(f"value {last} was never written, or twice")
        chain.append(by_value[last])
        last = by_value[last].expected
    chain.reverse()
    lost = {swap.value for swap in swaps if swap.applied} - {swap.value for swap in chain}
    if lost:
        raise Violation(f"acked swaps are not in the history: {sorted(lost)[:5]}")
    if doubled := [swap.value for swap in chain if swap.applied is False]:
        raise Violation(f"swaps that were told not to apply did: {doubled[:5]}")
    sent = 0.0
    for swap in chain:
        sent = max(sent, swap.sent)
        if swap.applied and swap.acked < sent:
            raise Violation(f"swap {swap.value} was acked before one ahead of it was sent")
    check_refusals(swaps, chain)
    return len(chain)


def check_refusals(swaps: list[Swap], chain: list[Swap]) -> None:
    """Nobody is refused while the value that he expects stands from before he asks until he is answered."""
    acked = {swap.value: swap.acked for swap in chain if swap.applied} | {"first": 0.0}
    replaced = {swap.expected: swap.sent for swap in chain}
    for swap in swaps:
        stands_until = replaced.get(swap.expected, float("inf"))
        stands_since = acked.get(swap.expected, float("inf"))
        if swap.applied is False and stands_since < swap.sent and swap.acked < stands_until:
            raise Violation(f"swap {swap.value} was refused though {swap.expected} stood all the time")


def check_inserts(clients: list[Client], namespace) -> int:
    """Every row was inserted by the client that it names, and by nobody else who was told so."""
    rows = namespace.query(rank_by=("id", "asc"), limit=10_000, filters=("id", "Gte", 1000),
                           include_attributes=["by"]).rows
    holder = {row.id - 1000: row.by for row in rows}
    for client in clients:
        for number in client.inserted:
            if holder.get(number) != client.number:
                raise Violation(f"row {number} was inserted by {client.number}, but holds {holder.get(number)}")
    return len(holder)


if __name__ == "__main__":
    main()
