"""`Process`: a program that a test starts, watches and ends."""

import atexit
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Process:
    """A running program. Its output goes to a file; it ends with the test at the latest."""

    def __init__(self, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None):
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
            )
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        return self._child.pid

    def running(self) -> bool:
        return self._child.poll() is None

    def kill(self) -> None:
        """Ends it as a power failure would: it gets no chance to do anything more."""
        if self.running():
            self._child.kill()
        self._child.wait()
        atexit.unregister(self.kill)

    def stop(self, within_s: float = 30) -> int:
        """Asks it to end, waits until it has, and returns its exit code."""
        if self.running():
            self._child.terminate()
        try:
            code = self._child.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {within_s} s after SIGTERM\n{self.tail()}") from None
        atexit.unregister(self.kill)
        return code

    def pause(self) -> None:
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._child.send_signal(signal.SIGCONT)

    def tail(self, lines: int = 20) -> str:
        """The end of its output."""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"--- {self.log}", *text])

    def peak_rss_mib(self) -> int:
        """The most memory it has held so far."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
        raise AssertionError("the kernel does not say VmHWM")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_until(met: Callable[[], bool], what: str, within_s: float, every_s: float = 0.02) -> float:
    """Waits until `met()`; returns the seconds that took."""
    start = time.monotonic()
    while not met():
        if time.monotonic() - start > within_s:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(every_s)
    return time.monotonic() - start
