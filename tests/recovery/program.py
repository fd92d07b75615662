"""How every program of this directory runs: its buckets, its one closing line, its exit code."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness.node import Bucket, local_bucket
from harness.servers import Minio, Missing, skip


def open_bucket(store: str, home: Path) -> Bucket:
    """A fresh bucket: a local directory, or one on a MinIO that ends with the program."""
    return local_bucket(home / "bucket") if store == "file" else Minio(home / "minio").bucket()


def run(name: str, test: Callable[[Path], str]) -> None:
    """Runs `test` in a fresh directory, prints what it returns, and ends the program."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="isobath-", ignore_cleanup_errors=True) as home:
        try:
            summary = test(Path(home))
        except Missing as missing:
            sys.exit(skip(f"{name}: {missing}"))
        except AssertionError as violation:
            print(f"FAILED {name} after {time.monotonic() - start:.0f} s: {violation}")
            sys.exit(1)
    print(f"ok {name} ({time.monotonic() - start:.0f} s): {summary}")
    sys.exit(0)
