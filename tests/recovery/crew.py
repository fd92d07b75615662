"""`Crew`: concurrent writers through official clients, and the comparison of all rows with their ledgers."""

import threading
import time
from dataclasses import dataclass

import turbopuffer
from turbopuffer import Turbopuffer

from harness.node import Node

from .ledger import IDS_PER_WRITER, Ledger, Violation, request

NAMESPACE = "ledger"
PAGE = 10_000


@dataclass(frozen=True)
class Failure:
    """A write that was not answered with success, retries included."""

    at: float
    writer: int
    error: turbopuffer.APIError

    @property
    def is_connection(self) -> bool:
        return isinstance(self.error, turbopuffer.APIConnectionError)


class Writer(threading.Thread):
    """Sends one write after the other while it may; never two at a time."""

    def __init__(self, number: int, node: Node, retries: int):
        super().__init__(daemon=True, name=f"writer-{number}")
        self.ledger = Ledger(number)
        self.node = node
        self.failures: list[Failure] = []
        self.ack_times: list[float] = []
        self.broken: BaseException | None = None
        self.may_run = threading.Event()
        self.idle = threading.Event()
        self.idle.set()
        self._client = node.client(max_retries=retries)

    def run(self) -> None:
        try:
            while True:
                self.idle.set()
                self.may_run.wait()
                self.idle.clear()
                if self.may_run.is_set():
                    self._write()
        except BaseException as broken:
            self.broken = broken
            self.idle.set()

    def _write(self) -> None:
        number = self.ledger.sent + 1
        self.ledger.sent = number
        try:
            namespace = self._client.namespace(NAMESPACE)
            namespace.write(**request(self.ledger.writer, number))
        except turbopuffer.APIError as error:
            self._fail(error)
            return
        self.ledger.acked.add(number)
        self.ack_times.append(time.monotonic())

    def _fail(self, error: turbopuffer.APIError) -> None:
        status = getattr(error, "status_code", 503)
        if status < 500 and status not in (409, 412, 429):
            raise Violation(f"a good write was refused: {error}") from error
        self.failures.append(Failure(time.monotonic(), self.ledger.writer, error))
        time.sleep(0.05)

    def longest_silence_s(self, since: float, until: float) -> float:
        """The longest time between two acks."""
        times = [since, *(at for at in self.ack_times if since < at < until), until]
        return max(after - before for before, after in zip(times, times[1:]))


class Crew:
    """Writers that work at the same time, each on its own rows of one namespace."""

    def __init__(self, nodes: list[Node], size: int = 6, retries: tuple[int, ...] = (4, 0)):
        # Default retries and none, in turn, on each of the nodes.
        self.writers = [
            Writer(at + 1, nodes[at % len(nodes)], retries[at // len(nodes) % len(retries)])
            for at in range(size)
        ]
        for writer in self.writers:
            writer.start()

    def resume(self) -> None:
        for writer in self.writers:
            writer.may_run.set()

    def pause(self, within_s: float = 90) -> None:
        """Waits until every writer knows what became of its write, or that it cannot know."""
        for writer in self.writers:
            writer.may_run.clear()
        deadline = time.monotonic() + within_s
        for writer in self.writers:
            if not writer.idle.wait(max(0, deadline - time.monotonic())):
                raise Violation(f"{writer.name} got no answer for {within_s} s")
            if writer.broken:
                raise writer.broken

    def check(self, node: Node) -> int:
        """Compares all rows, as `node` serves them, with the ledgers; returns how many there are."""
        rows = read_rows(node.client())
        for writer in self.writers:
            number = writer.ledger.writer
            own = {id: row for id, row in rows.items() if id // IDS_PER_WRITER == number}
            writer.ledger.check(own)
        foreign = [id for id in rows if not 1 <= id // IDS_PER_WRITER <= len(self.writers)]
        if foreign:
            raise Violation(f"rows {foreign[:5]} are nobody's")
        return len(rows)

    def acked(self) -> int:
        return sum(len(writer.ledger.acked) for writer in self.writers)

    def unanswered(self) -> int:
        return sum(writer.ledger.sent - len(writer.ledger.acked) for writer in self.writers)


def read_rows(client: Turbopuffer) -> dict[int, dict]:
    """All rows by id, in pages by id; a row that comes twice, or is counted otherwise, is a violation."""
    namespace = client.namespace(NAMESPACE)
    rows: dict[int, dict] = {}
    last = -1
    try:
        count = namespace.query(aggregate_by={"rows": ("Count",)}).aggregations["rows"]
    except turbopuffer.NotFoundError:
        return rows
    while True:
        page = namespace.query(
            rank_by=("id", "asc"), filters=("id", "Gt", last), limit=PAGE, include_attributes=True
        ).rows
        for row in page:
            if row.id <= last:
                raise Violation(f"row {row.id} comes twice, or out of order after {last}")
            last = row.id
            rows[row.id] = dict(row)
        if len(page) < PAGE:
            break
    if count != len(rows):
        raise Violation(f"Count says {count} rows, but {len(rows)} come")
    return rows
