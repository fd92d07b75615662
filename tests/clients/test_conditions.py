"""Conditional writes: which rows of a write are written, by what they hold."""

import threading
import uuid

import pytest
import turbopuffer

from .conftest import shown

THREADS = 8


def rows(namespace) -> list[dict]:
    return shown(namespace.query(rank_by=("id", "asc"), limit=10_000, include_attributes=True).rows)


def test_an_upsert_only_where_the_condition_holds(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}, {"id": 2, "n": 5}])
    written = namespace.write(
        upsert_rows=[{"id": 1, "n": 10}, {"id": 2, "n": 20}, {"id": 3, "n": 30}],
        upsert_condition=("n", "Lt", 3),
        return_affected_ids=True,
    )
    assert (written.rows_affected, written.rows_upserted) == (2, 2)
    assert written.upserted_ids == [1, 3]
    assert rows(namespace) == [{"id": 1, "n": 10}, {"id": 2, "n": 5}, {"id": 3, "n": 30}]


def test_a_row_is_inserted_if_it_is_absent(namespace):
    absent = ("id", "Eq", None)
    for at in range(3):
        written = namespace.write(upsert_rows=[{"id": "a", "n": at}], upsert_condition=absent)
        assert written.rows_upserted == (1 if at == 0 else 0)
    assert rows(namespace) == [{"id": "a", "n": 0}]
    namespace.write(deletes=["a"])
    assert namespace.write(upsert_rows=[{"id": "a", "n": 7}], upsert_condition=absent).rows_upserted == 1


def test_only_newer_rows_replace_older_ones(namespace):
    newer = ("Or", [("at", "Lt", {"$ref_new": "at"}), ("at", "Eq", None)])
    schema = {"at": "datetime"}
    day = "2026-01-0{}T00:00:00Z".format
    namespace.write(upsert_rows=[{"id": 1, "at": day(2), "n": 1}, {"id": 2, "n": 1}, {"id": 3, "at": day(5), "n": 1}],
                    schema=schema)
    written = namespace.write(upsert_rows=[{"id": id, "at": day(3), "n": 2} for id in (1, 2, 3, 4)],
                              upsert_condition=newer, schema=schema)
    assert written.rows_upserted == 3
    assert [row["n"] for row in rows(namespace)] == [2, 2, 1, 2]


def test_patches_and_deletes_skip_rows_that_are_not_there(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}, {"id": 2, "n": 2}])
    written = namespace.write(patch_rows=[{"id": 1, "m": 1}, {"id": 2, "m": 1}, {"id": 3, "m": 1}],
                              patch_condition=("n", "Gte", 2), return_affected_ids=True)
    assert (written.rows_patched, written.patched_ids) == (1, [2])
    written = namespace.write(deletes=[1, 2, 3], delete_condition=("n", "Lt", 2), return_affected_ids=True)
    assert (written.rows_deleted, written.deleted_ids) == (1, [1])
    assert rows(namespace) == [{"id": 2, "n": 2, "m": 1}]


def test_in_a_delete_what_is_written_is_null(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}, {"id": 2, "m": 1}])
    written = namespace.write(deletes=[1, 2], delete_condition=("n", "Eq", {"$ref_new": "n"}))
    assert written.rows_deleted == 1
    assert [row["id"] for row in rows(namespace)] == [1]


def test_each_kind_of_write_has_its_own_condition(namespace):
    namespace.write(upsert_rows=[{"id": at, "n": at} for at in range(6)])
    written = namespace.write(
        upsert_rows=[{"id": 0, "n": 10}, {"id": 1, "n": 11}], upsert_condition=("n", "Eq", 1),
        patch_rows=[{"id": 2, "m": 1}, {"id": 3, "m": 1}], patch_condition=("n", "Eq", 2),
        deletes=[4, 5], delete_condition=("n", "Eq", 4),
    )
    assert (written.rows_upserted, written.rows_patched, written.rows_deleted) == (1, 1, 1)
    assert rows(namespace) == [{"id": 0, "n": 0}, {"id": 1, "n": 11}, {"id": 2, "n": 2, "m": 1},
                               {"id": 3, "n": 3}, {"id": 5, "n": 5}]


def test_a_condition_holds_for_the_whole_patch(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1, "vector": [1, 2]}], distance_metric="euclidean_squared")
    written = namespace.write(patch_rows=[{"id": 1, "n": 2, "vector": {"$dims": {"0": 9}}}],
                              patch_condition=("n", "Eq", 1), return_affected_ids=True)
    assert (written.rows_patched, written.patched_ids) == (1, [1])
    assert rows(namespace) == [{"id": 1, "n": 2, "vector": [9.0, 2.0]}]


def test_a_bad_condition_writes_nothing(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}])
    for condition in (("n", "Lt", "text"), ("n", "Like", 1), ("n", "In", [{"$ref_new": "n"}]),
                      ("n", "Lt", {"$ref_new": "t"})):
        with pytest.raises(turbopuffer.BadRequestError, match="n"):
            namespace.write(upsert_rows=[{"id": 1, "n": 2, "t": "x"}], upsert_condition=condition)
    assert rows(namespace) == [{"id": 1, "n": 1}]


def test_a_repeat_under_a_key_says_the_same(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}])
    key = {"Idempotency-Key": str(uuid.uuid4())}
    write = dict(patch_rows=[{"id": 1, "n": 2}], patch_condition=("n", "Eq", 1), return_affected_ids=True,
                 extra_headers=key)
    first, again = namespace.write(**write), namespace.write(**write)
    assert first.patched_ids == again.patched_ids == [1]
    assert first.rows_patched == again.rows_patched == 1
    skipped = dict(patch_rows=[{"id": 1, "n": 3}], patch_condition=("n", "Eq", 1),
                   extra_headers={"Idempotency-Key": str(uuid.uuid4())})
    assert namespace.write(**skipped).rows_patched == 0
    namespace.write(upsert_rows=[{"id": 1, "n": 1}])
    assert namespace.write(**skipped).rows_patched == 0


def test_a_marked_retry_that_may_be_another_write_is_unknown(namespace):
    """Two clients may send the same insert: the retry of one must not be told that it won."""
    write = dict(upsert_rows=[{"id": 1, "n": 1}], upsert_condition=("id", "Eq", None))
    retry = {"extra_headers": {"x-stainless-retry-count": "1"}}
    assert namespace.write(**write, **retry).rows_upserted == 1
    with pytest.raises(turbopuffer.InternalServerError, match="unknown") as unknown:
        namespace.write(**write, **retry)
    assert unknown.value.status_code == 503
    assert unknown.value.response.headers["x-should-retry"] == "false"


def together(work) -> None:
    """Runs `work(number)` on some threads at once."""
    broken = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken, broken


def test_one_row_has_one_inserter(node, namespace):
    winners = [[] for _ in range(20)]

    def insert(number: int) -> None:
        own = node.client(max_retries=0).namespace(namespace.id)
        for id, won in enumerate(winners):
            written = own.write(upsert_rows=[{"id": id, "by": number}], upsert_condition=("id", "Eq", None))
            if written.rows_upserted:
                won.append(number)

    together(insert)
    assert [len(won) for won in winners] == [1] * len(winners)
    assert {row["id"]: row["by"] for row in rows(namespace)} == {id: won[0] for id, won in enumerate(winners)}


def test_counters_lose_no_step(node, namespace):
    steps = 25
    namespace.write(upsert_rows=[{"id": 1, "n": 0}])

    def count(number: int) -> None:
        own = node.client(max_retries=0).namespace(namespace.id)
        done = 0
        while done < steps:
            known = own.query(rank_by=("id", "asc"), limit=1, include_attributes=["n"]).rows[0].n
            done += own.write(patch_rows=[{"id": 1, "n": known + 1}], patch_condition=("n", "Eq", known)).rows_patched

    together(count)
    assert rows(namespace) == [{"id": 1, "n": THREADS * steps}]
