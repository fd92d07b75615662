"""Runs all of the official client's own live tests against a fresh node.

The tests come with the client's source archive; they are fetched when they are run.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from harness.node import Node, local_bucket

ARCHIVE = "turbopuffer-3.1.0"

# So many tests run at least; those that need an account of their own skip themselves.
LEAST = 133


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="isobath-live-") as home:
        tests = fetch(Path(home))
        node = Node(local_bucket(Path(home) / "bucket"), Path(home) / "node")
        node.start()
        code, passed = run(tests, node)
        node.stop()
    fine = code == 0 and passed >= LEAST
    print(f"{'ok' if fine else 'FAILED'} live suite of {ARCHIVE}: {passed} tests passed")
    return 0 if fine else 1


def fetch(home: Path) -> Path:
    """Unpacks the client's source archive; returns its directory."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
               "--no-binary", ":all:", "--no-deps", "turbopuffer==3.1.0"]
    subprocess.run(command, cwd=home, check=True)
    with tarfile.open(home / f"{ARCHIVE}.tar.gz") as archive:
        archive.extractall(home, filter="data")
    return home / ARCHIVE


def run(tests: Path, node: Node) -> tuple[int, int]:
    """Runs the tests in one process, as they share a namespace; the exit code, and how many passed."""
    environment = {"TURBOPUFFER_BASE_URL": node.url, "TURBOPUFFER_API_KEY": "none"}
    report = tests / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=",
               f"--junit-xml={report}", "tests/custom"]
    code = subprocess.run(command, cwd=tests, env={**os.environ, **environment}).returncode
    suite = ElementTree.parse(report).getroot().find("testsuite").attrib
    left_out = sum(int(suite[kind]) for kind in ("failures", "errors", "skipped"))
    return code, int(suite["tests"]) - left_out


if __name__ == "__main__":
    sys.exit(main())
