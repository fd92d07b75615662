"""LanceDB's side of bucket.py, under an interpreter of its own: `load PORT HOME`, then `ask PORT HOME N` in a fresh process."""

import sys
import time
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa

KEY, SECRET = "isobath-test", "isobath-test-secret"


def main() -> None:
    what, port, home = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    options = {
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
        "aws_endpoint": f"http://127.0.0.1:{port}",
        "aws_region": "us-east-1",
        "allow_http": "true",
    }
    connect = lambda: lancedb.connect("s3://isobath/lance", storage_options=options)
    load(connect(), home) if what == "load" else ask(connect, home, int(sys.argv[4]))


def load(database: "lancedb.DBConnection", home: Path) -> None:
    base = np.load(home / "base.npy")
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(base.reshape(-1)), base.shape[1])
    rows = pa.table({"id": pa.array(np.arange(len(base))), "vector": vectors})
    table = database.create_table("large", rows)
    table.create_index(metric="l2", num_partitions=int(np.sqrt(len(base))), num_sub_vectors=32)


def ask(connect, home: Path, number: int) -> None:
    query, nearest = np.load(home / "queries.npy")[number], set(np.load(home / "truth.npy")[number].tolist())
    start = time.perf_counter()
    table = connect().open_table("large")
    opened = time.perf_counter()
    rows = table.search(query).limit(10).nprobes(20).refine_factor(10).to_list()
    done = time.perf_counter()
    found = len({row["id"] for row in rows} & nearest)
    print(f"first query {(done - opened) * 1000:5.0f} ms, {(opened - start) * 1000:.0f} ms to open before, {found}/10 found")


if __name__ == "__main__":
    main()
