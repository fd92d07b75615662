"""MinIO and Toxiproxy as processes. `.ci/tools` installs them."""

import json
import os
import shutil
import subprocess
import sys
import time
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

    def __init__(self, home: Path, buckets: Sequence[str] = ("isobath",), public_metrics: bool = False):
        program = tool("minio")
        self.port = free_port()
        self.home = home
        self.data = home / "data"
        # MinIO takes a directory at its root for a bucket.
        for name in buckets:
            (self.data / name).mkdir(parents=True)
        self._command = [program, "server", self.data, "--address", f"127.0.0.1:{self.port}"]
        self._command += ["--console-address", f"127.0.0.1:{free_port()}"]
        self._env = {"MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET}
        if public_metrics:
            self._env["MINIO_PROMETHEUS_AUTH_TYPE"] = "public"
        self.start()

    def start(self) -> None:
        """Starts it, at the same address as before, on what it holds."""
        self.process = Process(self._command, self.home / "log", self._env)
        healthy = f"http://127.0.0.1:{self.port}/minio/health/cluster"
        wait_until(lambda: answers(healthy), "MinIO is up", 60, 0.1)

    def bucket(self) -> Bucket:
        return self.bucket_at(self.port)

    def metric(self, name: str) -> float:
        """The sum of one of its counters over all labels, some seconds old; needs `public_metrics`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/minio/v2/metrics/node", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if line.startswith(name))
        return sum(float(value) for _, value in samples)

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

    def destroy(self) -> None:
        """Loses the server with all that it holds."""
        self.stop()
        shutil.rmtree(self.data)


class Mirror:
    """MinIO's own replication from one server's bucket to another's: asynchronous, object by object, in no order."""

    def __init__(self, home: Path):
        self._command = [tool("mc"), "--config-dir", home, "--quiet"]

    def start(self, source: Minio, target: Minio, prefix: str) -> None:
        """Copies what lies under `prefix`, now and from now on; never deletions."""
        for name, server in (("source", source), ("target", target)):
            self._run("alias", "set", name, f"http://127.0.0.1:{server.port}", KEY, SECRET)
            self._run("version", "enable", f"{name}/isobath")
        remote = f"http://{KEY}:{SECRET}@127.0.0.1:{target.port}/isobath"
        self._run("replicate", "add", "source/isobath", "--remote-bucket", remote, "--replicate", "existing-objects")
        # the command does not take a prefix, the rules do
        rules = json.loads(self._run("replicate", "export", "source/isobath"))
        for rule in rules["Rules"]:
            rule["Filter"] = {"Prefix": prefix}
        self._run("replicate", "import", "source/isobath", given=json.dumps(rules))
        # what comes before it has taken note is copied minutes later
        time.sleep(5)

    def _run(self, *words: str, given: str = "") -> str:
        command = [*self._command, *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"mc {words[0]}: {done.stdout}{done.stderr}"
        return done.stdout


class Toxiproxy:
    """Proxies that are slow, in front of other servers of this machine."""

    def __init__(self, home: Path):
        home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        command = [tool("server"), "-host", "127.0.0.1", "-port", str(self.port)]
        self.process = Process(command, home / "log")
        version = f"http://127.0.0.1:{self.port}/version"
        wait_until(lambda: answers(version), "Toxiproxy is up", 30)

    def delay(self, port: int, latency_ms: int, requests_ms: int = 0) -> int:
        """Opens a proxy in front of `port` that delays every answer, and every request; returns its port."""
        listen = free_port()
        self._post("/proxies", {
            "name": str(listen),
            "listen": f"127.0.0.1:{listen}",
            "upstream": f"127.0.0.1:{port}",
            "enabled": True,
        })
        late_ms = {"downstream": latency_ms} | ({"upstream": requests_ms} if requests_ms else {})
        for stream, latency in late_ms.items():
            self._post(f"/proxies/{listen}/toxics", {
                "type": "latency",
                "stream": stream,
                "attributes": {"latency": latency},
            })
        return listen

    def slow(self, listen: int, latency_ms: int) -> None:
        """Changes by how much the proxy on a port delays every answer."""
        toxic = f"/proxies/{listen}/toxics/latency_downstream"
        self._post(toxic, {"attributes": {"latency": latency_ms}})

    def enable(self, listen: int, enabled: bool) -> None:
        """Opens or shuts the proxy on a port; shut, it refuses connections and drops those that are open."""
        self._post(f"/proxies/{listen}", {"enabled": enabled})

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
