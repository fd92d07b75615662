"""A local bucket whose file system has no room left: nothing is taken that grows, what deletes still is."""

import pytest
import turbopuffer

from harness.node import Node, local_bucket
from harness.process import wait_until


def test_a_full_disk_is_said_and_reads_and_deletes_go_on(tmp_path):
    bucket = local_bucket(tmp_path / "bucket")
    node = Node(bucket, tmp_path / "node")
    node.start()
    node.client().namespace("books").write(upsert_rows=[{"id": 1}, {"id": 2}])
    node.stop()

    # no disk is that large: all of it is kept free
    full = Node(bucket, tmp_path / "full", {"store.reserve": "1000PiB"})
    full.launch()
    wait_until(full.owns_log, "the node owns the log", 60)
    status, body = full.get("/readyz")
    assert status == 503 and "store.reserve" in body
    books = full.client(max_retries=0).namespace("books")
    for grows in ({"upsert_rows": [{"id": 3}]}, {"patch_rows": [{"id": 1, "name": "Tides"}]}):
        with pytest.raises(turbopuffer.APIStatusError, match="free space") as refused:
            books.write(**grows)
        assert refused.value.status_code == 507
    with pytest.raises(turbopuffer.APIStatusError) as refused:
        full.client(max_retries=0).namespace("copy").write(copy_from_namespace="books")
    assert refused.value.status_code == 507
    books.write(deletes=[2])
    assert [row.id for row in books.query(rank_by=("id", "asc"), limit=10).rows] == [1]
    full.stop()

    node.start()
    node.client().namespace("books").write(upsert_rows=[{"id": 4}])
    assert [row.id for row in node.client().namespace("books").query(rank_by=("id", "asc"), limit=10).rows] == [1, 4]
    node.stop()
