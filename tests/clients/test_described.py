"""The description of the API holds: whatever schemathesis makes of it is answered as it says, and never
with a server's error. The examples are the same in every run.
"""

import os
import subprocess
import sys
from pathlib import Path

from harness.node import Node, binary, local_bucket

from .wire import post

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
# Requests go to a namespace that holds rows, and stays.
SETTINGS = """
[parameters]
"path.namespace" = "described"

[[operations]]
include-operation-id = "deleteNamespace"
enabled = false
"""


def test_requests_of_every_described_form(tmp_path):
    node = Node(local_bucket(tmp_path / "bucket"), tmp_path / "node")
    node.start()
    try:
        rows = [{"id": n, "n": n, "t": f"text {n}", "tags": ["a", "b"], "vector": [n, 1]} for n in range(20)]
        written = {"upsert_rows": rows, "distance_metric": "cosine_distance"}
        assert post(node, "/v2/namespaces/described", written)[0] == 200
        made = subprocess.run(
            [binary(), "keys", "create", "--access", "admin", "--url", node.url],
            env={name: value for name, value in os.environ.items() if name != "ISOBATH_API_KEY"},
            capture_output=True, text=True, timeout=60,
        )
        assert made.returncode == 0, made.stderr
        report = explore(node, made.stdout.strip(), tmp_path)
        assert report.returncode == 0, report.stdout[-6000:] + report.stderr[-2000:]
    finally:
        node.stop()


def explore(node: Node, key: str, home: Path) -> subprocess.CompletedProcess:
    settings = home / "schemathesis.toml"
    settings.write_text(SETTINGS)
    command = [Path(sys.executable).parent / "schemathesis", "--config-file", settings]
    command += ["run", f"{node.url}/openapi.json", "--phases", "coverage,fuzzing", "--mode", "all"]
    command += ["--checks", ",".join(CHECKS), "--max-examples", "25", "--seed", "1", "--no-shrink"]
    command += ["--header", f"Authorization: Bearer {key}", "--continue-on-failure"]
    command += ["--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off"]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=300)
