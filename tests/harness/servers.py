"""MinIO and Toxiproxy as processes. `.ci/tools` installs them."""

import json
import os
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from .node import Bucket
from .process import Process, free_port, wait_until

KEY = "isobath-test"
SECRET = "isobath-test-secret"


class Missing(Exception):
    """A server that is not installed here."""


def tool(name: str) -> Path:
    """A program that `.ci/tools` installed."""
    cache = os.environ.get("ISOBATH_TOOLS") or Path.home() / ".cache/isobath"
    path = Path(cache) / "bin" / name
    if not path.is_file():
        raise Missing(f"{path} is not there; .ci/tools installs it")
    return path


def skip(why: object) -> int:
    """Says that a part is skipped; the exit code for that, which fails where CI=true."""
    print(f"skipped: {why}", file=sys.stderr)
    return 1 if os.environ.get("CI") == "true" else 0


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


class Minio:
    """An S3 server on a directory, with these buckets."""

    def __init__(self, home: Path, buckets: Sequence[str] = ("isobath",)):
        program = tool("minio")
        self.port = free_port()
        self.data = home / "data"
        # MinIO takes a directory at its root for a bucket.
        for name in buckets:
            (self.data / name).mkdir(parents=True)
        command = [program, "server", self.data, "--address", f"127.0.0.1:{self.port}"]
        command += ["--console-address", f"127.0.0.1:{free_port()}"]
        env = {"MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET}
        self.process = Process(command, home / "log", env)
        healthy = f"http://127.0.0.1:{self.port}/minio/health/cluster"
        wait_until(lambda: answers(healthy), "MinIO is up", 60, 0.1)

    def bucket(self) -> Bucket:
        return self.bucket_at(self.port)

    @staticmethod
    def bucket_at(port: int) -> Bucket:
        """The bucket, reached through `port`: the server's own, or that of a proxy."""
        env = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
        }
        return Bucket("s3://isobath/region", env)

    def stop(self) -> None:
        self.process.kill()


class Toxiproxy:
    """Proxies that are slow, in front of other servers of this machine."""

    def __init__(self, home: Path):
        home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        command = [tool("server"), "-host", "127.0.0.1", "-port", str(self.port)]
        self.process = Process(command, home / "log")
        version = f"http://127.0.0.1:{self.port}/version"
        wait_until(lambda: answers(version), "Toxiproxy is up", 30)

    def delay(self, port: int, latency_ms: int) -> int:
        """Opens a proxy in front of `port` that delays every answer; returns its port."""
        listen = free_port()
        self._post("/proxies", {
            "name": str(listen),
            "listen": f"127.0.0.1:{listen}",
            "upstream": f"127.0.0.1:{port}",
            "enabled": True,
        })
        self._post(f"/proxies/{listen}/toxics", {
            "type": "latency",
            "stream": "downstream",
            "attributes": {"latency": latency_ms},
        })
        return listen

    def stop(self) -> None:
        self.process.kill()

    def _post(self, path: str, body: object) -> None:
        url = f"http://127.0.0.1:{self.port}{path}"
        data = json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            answer.read()


def directory_bytes(path: Path) -> int:
    """Bytes of all files below `path`; files that go away meanwhile do not count."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue
    return total
