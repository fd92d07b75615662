"""`Node`: one `isobath serve` process, which a test starts, kills, pauses and asks."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from turbopuffer import Turbopuffer

from .process import Process, free_port, wait_until

REPO = Path(__file__).resolve().parents[2]
REGION = "use1"


@cache
def binary() -> Path:
    """The program under test: $ISOBATH_BIN, else what cargo builds here."""
    if chosen := os.environ.get("ISOBATH_BIN"):
        return Path(chosen).resolve()
    command = ["cargo", "build", "--workspace", "--bin", "isobath", "--message-format", "json"]
    output = subprocess.run(command, cwd=REPO, stdout=subprocess.PIPE, check=True).stdout
    messages = (json.loads(line) for line in output.splitlines())
    [path] = {message["executable"] for message in messages if message.get("executable")}
    return Path(path)


@dataclass(frozen=True)
class Bucket:
    """Where a region keeps its data, and the environment that reaching it takes."""

    url: str
    env: Mapping[str, str] = field(default_factory=dict)


def local_bucket(directory: Path) -> Bucket:
    directory.mkdir(parents=True, exist_ok=True)
    return Bucket(f"file://{directory}")


class Node:
    """One process of a region on a bucket. Its address stays the same when it is started again."""

    def __init__(
        self, bucket: Bucket, home: Path, settings: Mapping[str, str] | None = None, region: str = REGION, port: int | None = None
    ):
        self.home = home
        self.region = region
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.bucket = bucket
        self._settings = dict(settings or {})
        self.process: Process | None = None
        home.mkdir(parents=True, exist_ok=True)

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    def command(self) -> list[str | Path]:
        command = [binary(), "serve", "--region", self.region, "--bucket", self.bucket.url]
        command += ["--listen", f"127.0.0.1:{self.port}", "--cache", self.cache]
        for key, value in self._settings.items():
            command += ["--set", f"{key}={value}"]
        return command

    def start(self, ready_within_s: float = 60, prefix: list[str] | None = None) -> float:
        """Starts it and waits until it serves; returns the seconds that took."""
        self.launch(prefix)
        return self.wait_ready(ready_within_s)

    def launch(self, prefix: list[str] | None = None) -> None:
        """Starts it, under the command `prefix` if there is one, and does not wait."""
        command = [*(prefix or []), *self.command()]
        self.process = Process(command, self.home / "log", self.bucket.env)

    def wait_ready(self, within_s: float = 60) -> float:
        def ready() -> bool:
            if not self.process.running():
                raise AssertionError(f"the node ended before it was ready\n{self.process.tail()}")
            return self.get("/readyz")[0] == 200

        try:
            return wait_until(ready, "the node is ready", within_s)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.process.tail()}") from None

    def get(self, path: str, timeout_s: float = 5) -> tuple[int, str]:
        """Status and body of a GET; status 0 where nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout_s) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over its labels, those with these values; 0 where it was never recorded."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = self.get("/metrics")[1].splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        found = ((key, value) for key, value in samples if key.split("{")[0] == name)
        return sum(float(value) for key, value in found if all(label in key for label in wanted))

    def owns_log(self) -> bool:
        """Whether it owns the region's log, by its own account."""
        status, body = self.get("/internal/v1/ping")
        return status == 200 and bool(json.loads(body)["owned"])

    def client(self, **options) -> Turbopuffer:
        """An official client of this node."""
        return Turbopuffer(base_url=self.url, api_key="none", **options)

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        """Ends it by SIGTERM, which must succeed."""
        code = self.process.stop()
        assert code == 0, f"exit code {code} after SIGTERM\n{self.process.tail()}"

    def forget_cache(self) -> None:
        """Loses its local disk; only while it does not run."""
        shutil.rmtree(self.cache, ignore_errors=True)
