"""`StoreProxy`: passes S3 requests on to MinIO, and lets a test act at any one of them."""

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from socketserver import StreamRequestHandler, ThreadingTCPServer


class Moment(Enum):
    """When a node dies at a request of its own."""

    BEFORE = "before it reaches the store"
    AFTER = "after it took effect, before the answer"
    LATE = "before it reaches the store, where it lands after a restart"


@dataclass(frozen=True)
class Point:
    """The `nth` request of a kind since the proxy was armed, as `PUT log`."""

    kind: str
    nth: int

    def __str__(self) -> str:
        return f"{self.kind} #{self.nth}"


class StoreProxy(ThreadingTCPServer):
    """Listens on a port of its own. Counts requests by kind; at the armed one it calls back."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, upstream: int):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.upstream = upstream
        self.port = self.server_address[1]
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._armed: tuple[Point, Moment, Callable[[], None]] | None = None
        self._late: list[bytes] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def arm(self, point: Point | None, moment: Moment, act: Callable[[], None]) -> None:
        """Counts from zero again, and acts once, at `point`; a LATE request is kept."""
        with self._lock:
            self._seen.clear()
            self._armed = (point, moment, act) if point else None

    def disarm(self) -> Counter[str]:
        """Acts no more; returns the requests by kind since it was armed."""
        with self._lock:
            self._armed = None
            return Counter(self._seen)

    def deliver_late(self) -> int:
        """Sends the kept requests to the store, whose senders are dead; returns how many."""
        late, self._late = self._late, []
        for request in late:
            with socket.create_connection(("127.0.0.1", self.upstream)) as store:
                store.sendall(request)
                read_answer(store.makefile("rb"), "PUT")
        return len(late)

    def moment(self, kind: str) -> tuple[Moment, Callable[[], None]] | None:
        """Counts a request; whether to act at it, and how."""
        with self._lock:
            self._seen[kind] += 1
            if self._armed is None or self._armed[0] != Point(kind, self._seen[kind]):
                return None
            _, moment, act = self._armed
            self._armed = None
            return moment, act

    def keep(self, request: bytes) -> None:
        self._late.append(request)


class _Connection(StreamRequestHandler):
    """One connection of a node, and one to the store for it."""

    server: StoreProxy
    disable_nagle_algorithm = True

    def handle(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self.server.upstream)) as store:
                store.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                answers = store.makefile("rb")
                while request := read_message(self.rfile):
                    self._pass_on(request, store, answers)
        except (ConnectionError, EOFError):
            return

    def _pass_on(self, request: bytes, store: socket.socket, answers) -> None:
        moment, act = self.server.moment(kind_of(request)) or (None, None)
        if moment in (Moment.BEFORE, Moment.LATE):
            act()
            if moment is Moment.LATE:
                self.server.keep(request)
            raise EOFError
        store.sendall(request)
        answer = read_answer(answers, request.split(b" ", 1)[0].decode())
        if moment is Moment.AFTER:
            act()
            raise EOFError
        self.wfile.write(answer)


def kind_of(request: bytes) -> str:
    """Method and first segment of the key below the region's prefix: `PUT log`, `LIST claim`; of data objects what they
    are: `PUT run`, `GET part`."""
    method, target = request.split(b" ", 2)[:2]
    path, _, query = target.decode().partition("?")
    if listed := re.search(r"prefix=[^&]*?(?:%2F|/)(\w*)", query):
        return f"LIST {listed.group(1) or 'all'}"
    key = path.split("/")[3:]
    if key and key[0] == "data":
        key = key[1:] if len(key) < 4 else key[2:]
    return f"{method.decode()} {key[0] if key else '-'}"


def read_message(stream) -> bytes:
    """A request with its body; empty at the end of the connection."""
    head = read_head(stream)
    if not head:
        return b""
    length = header(head, b"content-length")
    return head + read_exactly(stream, int(length or 0))


def read_answer(stream, method: str) -> bytes:
    """An answer with its body, however its length is given."""
    head = read_head(stream)
    if not head:
        raise EOFError
    status = head.split(b" ", 2)[1]
    if method == "HEAD" or status in (b"204", b"304"):
        return head
    if b"chunked" in (header(head, b"transfer-encoding") or b""):
        return head + read_chunks(stream)
    return head + read_exactly(stream, int(header(head, b"content-length") or 0))


def read_head(stream) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b""
        head += line
    return head


def read_chunks(stream) -> bytes:
    chunks = b""
    while True:
        size = stream.readline()
        chunks += size + read_exactly(stream, int(size.split(b";")[0], 16) + 2)
        if int(size.split(b";")[0], 16) == 0:
            return chunks


def read_exactly(stream, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data


def header(head: bytes, name: bytes) -> bytes | None:
    found = re.search(rb"\r\n" + name + rb":[ \t]*([^\r]*)", head, re.IGNORECASE)
    return found.group(1) if found else None
