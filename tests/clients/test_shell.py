"""The SQL shell on a terminal."""

import os
import pty
import select
import subprocess
import time

from harness.node import binary


def typed(node, text: bytes, until: bytes) -> bytes:
    """What the shell shows when `text` reaches its terminal at once, up to `until`."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"ISOBATH_SQL_HISTORY": "", "TERM": "xterm"}
    shell = subprocess.Popen(
        [binary(), "sql", "--url", node.url], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True)
    os.close(theirs)
    end = time.monotonic() + 60
    try:
        wait_for(ours, b"isobath> ", end)
        os.write(ours, text)
        return wait_for(ours, until, end)
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


def wait_for(terminal: int, wanted: bytes, end: float) -> bytes:
    shown = b""
    while wanted not in shown:
        left = end - time.monotonic()
        assert left > 0, shown.decode(errors="replace")
        if select.select([terminal], [], [], left)[0]:
            shown += os.read(terminal, 65536)
    return shown


def test_lines_that_arrive_at_once_are_all_taken(node):
    text = b"SELECT 40 + 1 AS a;\rSELECT 40\r + 2 AS b;\rSELECT 'la' || 'st' AS c;\r"
    shown = typed(node, text, b"last")
    for value in (b"41", b"42"):
        assert value in shown, shown.decode(errors="replace")
