"""Runs the official client's own live tests against a node: those that issue only what is supported.

The tests come with the client's source archive; they are fetched when they are run.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from harness.node import Node, local_bucket

ARCHIVE = "turbopuffer-3.1.0"

# The telemetry and respond-async tests talk to a mock of their own.
MUST_PASS = [
    "test_async.py::test_order_by_attribute",
    "test_async.py::test_exists",
    "test_bm25.py::test_bm25",
    "test_bm25.py::test_bm25_product_operator",
    "test_bm25.py::test_bm25_ContainsAllTokens",
    "test_bm25.py::test_bm25_pre_tokenized_array",
    "test_compression.py::test_compression_disabled_by_default",
    "test_compression.py::test_async_compression_disabled_by_default",
    "test_compression.py::test_compression_enabled_large_request",
    "test_compression.py::test_compression_enabled_small_request",
    "test_compression.py::test_async_compression_enabled_large_request",
    "test_compression.py::test_async_compression_enabled_small_request",
    "test_copy_from_namespace.py::test_copy_from_namespace",
    "test_no_cmek.py::test_no_cmek",
    "test_order_by.py::test_order_by_attribute",
    "test_patch.py::test_patches",
    "test_performance.py::test_perf_metrics",
    "test_schema.py::test_schema",
    "test_vectors.py::test_upsert_rows",
    "test_vectors.py::test_delete_by_filter",
    "test_vectors.py::test_delete_vectors",
    "test_vectors.py::test_upsert_columns",
    "test_vectors.py::test_query_vectors",
    "test_vectors.py::test_delete_all",
    "test_vectors.py::test_string_ids",
    "test_vectors.py::test_attribute_types",
    "test_vectors.py::test_not_found_error",
    "test_vectors.py::test_list_in_empty_namespace",
    "test_vectors.py::test_upsert_base64_vectors",
    "test_vectors.py::test_query_vectors_vector_encoding_format",
    "test_vectors.py::test_exists",
]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="isobath-live-") as home:
        tests = fetch(Path(home))
        node = Node(local_bucket(Path(home) / "bucket"), Path(home) / "node")
        node.start()
        code = run(tests, node)
        node.stop()
    print(f"{'ok' if code == 0 else 'FAILED'} live suite of {ARCHIVE}: {len(MUST_PASS)} tests")
    return code


def fetch(home: Path) -> Path:
    """Unpacks the client's source archive; returns its directory."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
               "--no-binary", ":all:", "--no-deps", "turbopuffer==3.1.0"]
    subprocess.run(command, cwd=home, check=True)
    with tarfile.open(home / f"{ARCHIVE}.tar.gz") as archive:
        archive.extractall(home, filter="data")
    return home / ARCHIVE


def run(tests: Path, node: Node) -> int:
    """Runs the tests in one process, as they share a namespace."""
    environment = {"TURBOPUFFER_BASE_URL": node.url, "TURBOPUFFER_API_KEY": "none"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts="]
    command += [f"tests/custom/{name}" for name in MUST_PASS]
    return subprocess.run(command, cwd=tests, env={**os.environ, **environment}).returncode


if __name__ == "__main__":
    sys.exit(main())
