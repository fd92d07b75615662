"""HTTPS: certificates of files, read again when they change."""

import json
import os
import shutil
import ssl
import subprocess
import urllib.request
from http.client import HTTPException
from pathlib import Path

import pytest

from harness.node import Node, binary, local_bucket
from harness.process import Process, wait_until

# With CI=true they run, and fail where openssl is missing: a skip would prove nothing.
pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None and os.environ.get("CI") != "true", reason="openssl is not installed"
)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for this machine that vouches for itself, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def shown(node: Node) -> str:
    """The certificate that the node shows."""
    return ssl.get_server_certificate(("127.0.0.1", node.port), timeout=10)


def get(node: Node, path: str, trusted: Path) -> int:
    context = ssl.create_default_context(cafile=trusted)
    with urllib.request.urlopen(f"https://127.0.0.1:{node.port}{path}", timeout=10, context=context) as answer:
        return answer.status


class Secure(Node):
    """A node that speaks HTTPS."""

    def __init__(self, bucket, home: Path, files: tuple[Path, Path], trusted: Path):
        settings = {"server.tls.cert": str(files[0]), "server.tls.key": str(files[1])}
        super().__init__(bucket, home, settings | {"server.tls.ca": str(trusted)})
        self.trusted = trusted
        self.url = f"https://127.0.0.1:{self.port}"

    def get(self, path: str, timeout_s: float = 5) -> tuple[int, str]:
        context = ssl.create_default_context(cafile=self.trusted)
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout_s, context=context) as answer:
                return answer.status, answer.read().decode()
        except OSError:
            return 0, ""


def test_a_certificate_is_replaced_while_the_server_runs(tmp_path):
    first, second = certificate(tmp_path, "first"), certificate(tmp_path, "second")
    used = tmp_path / "used.pem", tmp_path / "used.key"

    def install(files: tuple[Path, Path]) -> None:
        for file, place in zip(files, used):
            shutil.copy(file, place)

    install(first)
    node = Secure(local_bucket(tmp_path / "bucket"), tmp_path / "node", used, first[0])
    node.start()
    try:
        assert get(node, "/v1/namespaces", first[0]) == 200
        used[0].write_text("this is no certificate")
        wait_until(lambda: "stays as it is" in node.process.log.read_text(), "the fault is told", 30)
        assert get(node, "/v1/namespaces", first[0]) == 200
        install(second)
        wait_until(lambda: shown(node) == second[0].read_text(), "the new certificate is shown", 30, 0.2)
        assert get(node, "/v1/namespaces", second[0]) == 200
        with pytest.raises(OSError):
            get(node, "/v1/namespaces", first[0])
        with pytest.raises((OSError, HTTPException)):
            urllib.request.urlopen(f"http://127.0.0.1:{node.port}/healthz", timeout=10)
    finally:
        node.trusted = second[0]
        node.stop()


def test_nodes_forward_writes_over_https(tmp_path):
    files = certificate(tmp_path, "both")
    bucket = local_bucket(tmp_path / "bucket")
    nodes = [Secure(bucket, tmp_path / name, files, files[0]) for name in ("a", "b")]
    for node in nodes:
        node.start()
    try:
        context = ssl.create_default_context(cafile=files[0])
        for number, node in enumerate(nodes):
            body = json.dumps({"upsert_rows": [{"id": number}]}).encode()
            request = urllib.request.Request(f"{node.url}/v2/namespaces/tls", body)
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                assert answer.status == 200
    finally:
        for node in nodes:
            node.stop()


@pytest.mark.parametrize("break_it, said", [
    (lambda cert, key: cert.unlink(), "cannot read"),
    (lambda cert, key: cert.write_text("nothing"), "holds no certificate"),
    (lambda cert, key: key.write_text("nothing"), "holds no private key"),
    (lambda cert, key: shutil.copy(certificate(key.parent, "other")[1], key), "cannot be used"),
], ids=["missing", "no certificate", "no key", "key of another"])
def test_bad_files_end_the_start(tmp_path, break_it, said):
    cert, key = certificate(tmp_path, "broken")
    break_it(cert, key)
    command = [binary(), "serve", "--region", "use1", "--bucket", f"file://{tmp_path}/bucket"]
    command += ["--cache", tmp_path / "cache", "--listen", "127.0.0.1:0"]
    process = Process([*command, "--tls-cert", cert, "--tls-key", key], tmp_path / "log")
    wait_until(lambda: not process.running(), "the server ends", 30)
    assert said in process.tail(), process.tail()
