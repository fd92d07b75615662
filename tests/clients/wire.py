"""Requests written by hand, byte by byte: what no client library would send."""

import json
import socket
import time
from typing import BinaryIO

from harness.node import Node


def head(method: str, path: str, length: int | None, *lines: str) -> bytes:
    """The head of a request."""
    all_lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines]
    if length is not None:
        all_lines.append(f"Content-Length: {length}")
    return "\r\n".join([*all_lines, "", ""]).encode("latin-1")


def connect(node: Node, timeout_s: float = 30) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", node.port), timeout=timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_answer(answers: BinaryIO) -> tuple[int, bytes]:
    """Status and body of the next answer; status 0 where the connection ended before it."""
    lines = []
    while (line := answers.readline()).strip():
        lines.append(line.decode("latin-1").strip().lower())
    if not line:
        return 0, b""
    status = int(lines[0].split(" ")[1])
    headers = dict(line.split(": ", 1) for line in lines[1:])
    if headers.get("transfer-encoding") != "chunked":
        return status, answers.read(int(headers.get("content-length", 0)))
    body = b""
    while size := int(answers.readline(), 16):
        body += answers.read(size)
        answers.readline()
    answers.readline()
    return status, body


def exchange(node: Node, request: bytes, timeout_s: float = 60) -> tuple[int, str]:
    """Sends bytes on a connection of their own; status and text of the answer."""
    with connect(node, timeout_s) as connection:
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # an answer may have come before the end
        try:
            with connection.makefile("rb") as answers:
                status, body = read_answer(answers)
        except ConnectionResetError:
            return 0, ""
    return status, body.decode("utf-8", "replace")


def post(node: Node, path: str, body: object, *lines: str) -> tuple[int, str]:
    """Posts bytes as they are, anything else as JSON; status and the error's text."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = head("POST", path, len(data), "Content-Type: application/json", *lines)
    status, text = exchange(node, sent + data)
    try:
        return status, str(json.loads(text).get("error", ""))
    except json.JSONDecodeError:
        return status, text


def ended(connection: socket.socket, within_s: float) -> bool:
    """Whether the other side ends the connection, or answers that it will."""
    connection.settimeout(within_s)
    start = time.monotonic()
    try:
        while time.monotonic() - start < within_s:
            if not connection.recv(65536):
                return True
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return False
