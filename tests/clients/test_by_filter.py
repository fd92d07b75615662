"""Deletes and patches of all rows that pass a filter."""

import threading
from pathlib import Path

import pytest
import turbopuffer

from harness.node import Node, local_bucket
from harness.process import wait_until

from .conftest import shown


def rows(namespace) -> list[dict]:
    return shown(namespace.query(rank_by=("id", "asc"), limit=10_000, include_attributes=True).rows)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A node where a write by filter may change few rows."""
    home: Path = tmp_path_factory.mktemp("narrow")
    settings = {"server.delete_by_filter_rows": "10", "server.patch_by_filter_rows": "5"}
    node = Node(local_bucket(home / "bucket"), home / "node", settings)
    node.start()
    yield node.client(max_retries=0)
    node.stop()


def test_delete_by_filter(namespace):
    namespace.write(upsert_rows=[{"id": at, "n": at % 3} for at in range(9)])
    nothing = namespace.write(delete_by_filter=("n", "Eq", 42))
    assert (nothing.rows_affected, nothing.rows_deleted, nothing.rows_remaining) == (0, 0, None)
    written = namespace.write(delete_by_filter=("n", "Eq", 1), return_affected_ids=True)
    assert (written.rows_affected, written.rows_deleted) == (3, 3)
    assert sorted(written.deleted_ids) == [1, 4, 7]
    assert [row["id"] for row in rows(namespace)] == [0, 2, 3, 5, 6, 8]


def test_patch_by_filter(namespace):
    namespace.write(upsert_rows=[{"id": at, "n": at, "old": True} for at in range(6)])
    written = namespace.write(
        patch_by_filter={"filters": ("n", "Gte", 4), "patch": {"tag": "late", "old": None, "n": 0}},
        return_affected_ids=True,
    )
    assert (written.rows_affected, written.rows_patched) == (2, 2)
    assert sorted(written.patched_ids) == [4, 5]
    assert rows(namespace) == [{"id": at, "n": at, "old": True} for at in range(4)] + [
        {"id": at, "n": 0, "tag": "late"} for at in (4, 5)]


def test_the_parts_of_a_request_follow_each_other(namespace):
    namespace.write(upsert_rows=[{"id": at, "n": at} for at in range(6)])
    written = namespace.write(
        delete_by_filter=("n", "Lt", 2),
        patch_by_filter={"filters": ("n", "Lt", 4), "patch": {"n": 9}},
        upsert_rows=[{"id": 0, "n": 100}, {"id": 2, "n": 200}],
        upsert_condition=("id", "Eq", None),
        patch_rows=[{"id": 3, "m": 1}, {"id": 4, "m": 1}],
        patch_condition=("n", "Eq", 9),
        deletes=[5],
        return_affected_ids=True,
    )
    assert (written.rows_deleted, written.rows_patched, written.rows_upserted) == (3, 2, 1)
    assert (sorted(written.deleted_ids), sorted(written.patched_ids)) == ([0, 1, 5], [2, 3])
    assert rows(namespace) == [{"id": 0, "n": 100}, {"id": 2, "n": 9}, {"id": 3, "m": 1, "n": 9}, {"id": 4, "n": 4}]


def test_rows_in_parts_are_found_too(namespace):
    namespace.write(upsert_columns={"id": list(range(400)), "n": list(range(400))})
    wait_until(lambda: namespace.metadata().approx_row_count == 400, "the rows are folded", 60)
    namespace.write(patch_rows=[{"id": 399, "n": -1}])
    assert namespace.write(delete_by_filter=("n", "Lt", 100)).rows_deleted == 101
    assert [row["id"] for row in rows(namespace)] == list(range(100, 399))


def test_more_rows_than_one_write_may_change(narrow):
    namespace = narrow.namespace("caps")
    namespace.write(upsert_rows=[{"id": at, "n": at} for at in range(25)])
    with pytest.raises(turbopuffer.BadRequestError, match="delete_by_filter.*10 rows"):
        namespace.write(delete_by_filter=("n", "Gte", 0))
    with pytest.raises(turbopuffer.BadRequestError, match="patch_by_filter.*5 rows"):
        namespace.write(patch_by_filter={"filters": ("n", "Gte", 0), "patch": {"m": 1}})
    assert len(rows(namespace)) == 25
    patch = {"filters": ("m", "Eq", None), "patch": {"m": 1}}
    written = namespace.write(patch_by_filter=patch, patch_by_filter_allow_partial=True)
    assert (written.rows_patched, written.rows_remaining) == (5, True)
    deleted = []
    while True:
        written = namespace.write(delete_by_filter=("n", "Gte", 0), delete_by_filter_allow_partial=True)
        deleted.append(written.rows_deleted)
        if not written.rows_remaining:
            break
    assert deleted == [10, 10, 5]
    assert rows(namespace) == []


def test_a_namespace_that_is_not_there(client, namespace):
    assert namespace.write(delete_by_filter=("n", "Eq", 1)).rows_deleted in (0, None)
    assert not namespace.exists()
    namespace.write(patch_by_filter={"filters": ("n", "Eq", 1), "patch": {"n": 1}})
    assert not namespace.exists()
    namespace.write(upsert_rows=[{"id": 1, "n": "text"}])


def test_bad_filters(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}])
    for write in (
        {"delete_by_filter": ("n", "Eq", "text")},
        {"delete_by_filter": ("n", "Near", 1)},
        {"patch_by_filter": {"filters": ("n", "Eq", 1), "patch": {"n": "text"}}},
        {"patch_by_filter": {"filters": ("n", "Eq", 1), "patch": {"id": 2}}},
        {"patch_by_filter": {"filters": ("n", "Eq", 1), "patch": {"vector": [1]}}},
    ):
        with pytest.raises(turbopuffer.BadRequestError):
            namespace.write(**write)
    assert rows(namespace) == [{"id": 1, "n": 1}]


def test_every_row_is_moved_once(node, namespace):
    """Patches and deletes by filter race: each row is patched by one of them, and none is lost."""
    namespace.write(upsert_columns={"id": list(range(200)), "state": ["new"] * 200})
    taken = []

    def take(number: int) -> None:
        own = node.client(max_retries=0).namespace(namespace.id)
        written = own.write(patch_by_filter={"filters": ("state", "Eq", "new"), "patch": {"state": f"by {number}"}},
                            return_affected_ids=True)
        taken.extend(written.patched_ids or [])

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(200))
