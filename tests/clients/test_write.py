"""Writes: rows and columns, patches, deletes, the schema, and what the answers say."""

import re
import struct
import uuid
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
import turbopuffer

from .conftest import shown


def rows(namespace, *names) -> list[dict]:
    """All rows by id; all attributes, or those that are named."""
    include = list(names) or True
    answer = namespace.query(rank_by=("id", "asc"), limit=10_000, include_attributes=include)
    return shown(answer.rows)


def test_upsert_rows_replaces_the_whole_row(namespace):
    namespace.write(
        upsert_rows=[
            {"id": 1, "vector": [1, 2], "name": "one", "size": 1},
            {"id": 2, "vector": [3, 4], "name": "two"},
        ],
        distance_metric="euclidean_squared",
    )
    written = namespace.write(upsert_rows=[{"id": 1, "vector": [0.7, -2.5], "size": 10}])
    assert (written.status, written.rows_affected, written.rows_upserted) == ("OK", 1, 1)
    assert rows(namespace) == [
        {"id": 1, "vector": [0.7, -2.5], "size": 10},
        {"id": 2, "vector": [3.0, 4.0], "name": "two"},
    ]


def test_upsert_columns_with_base64_vectors_and_gaps(namespace):
    encoded = [b64encode(struct.pack("<2f", 0.1 * at, 1)).decode() for at in range(3)]
    namespace.write(
        upsert_columns={
            "id": [3, 1, 2],
            "vector": encoded,
            "name": ["c", None, "b"],
            "share": [0.5, 1.0, None],
        },
        distance_metric="cosine_distance",
    )
    assert rows(namespace, "name", "share", "vector") == [
        {"id": 1, "share": 1.0, "vector": [0.1, 1.0]},
        {"id": 2, "name": "b", "vector": [0.2, 1.0]},
        {"id": 3, "name": "c", "share": 0.5, "vector": [0.0, 1.0]},
    ]


def test_patches_set_the_named_attributes_only(namespace):
    namespace.write(
        upsert_rows=[{"id": at, "vector": [at, 1], "a": at, "b": "old"} for at in (1, 2, 3)],
        distance_metric="euclidean_squared",
    )
    written = namespace.write(patch_rows=[{"id": 1, "a": 10}, {"id": 2, "b": "new"}, {"id": 9, "a": 9}])
    assert written.rows_patched is not None
    namespace.write(patch_columns={"id": [2, 3], "a": [20, 30], "c": [True, False]})
    assert rows(namespace, "a", "b", "c") == [
        {"id": 1, "a": 10, "b": "old"},
        {"id": 2, "a": 20, "b": "new", "c": True},
        {"id": 3, "a": 30, "b": "old", "c": False},
    ]


def test_a_patch_to_null_takes_the_value_away(namespace):
    namespace.write(upsert_rows=[{"id": 1, "a": 1, "b": 2}])
    namespace.write(patch_rows=[{"id": 1, "a": None}])
    assert rows(namespace) == [{"id": 1, "b": 2}]


def test_deletes_and_writing_again(namespace):
    namespace.write(upsert_rows=[{"id": at, "n": at} for at in range(5)])
    written = namespace.write(deletes=[1, 3, 99])
    assert written.rows_deleted is not None
    assert [row["id"] for row in rows(namespace)] == [0, 2, 4]
    namespace.write(upsert_rows=[{"id": 3, "m": 1}], deletes=[4])
    assert rows(namespace) == [{"id": 0, "n": 0}, {"id": 2, "n": 2}, {"id": 3, "m": 1}]


def test_a_request_is_applied_as_a_whole(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}])
    with pytest.raises(turbopuffer.BadRequestError):
        namespace.write(upsert_rows=[{"id": 2, "n": 2}], patch_rows=[{"id": 1, "n": "text"}])
    assert rows(namespace) == [{"id": 1, "n": 1}]


def test_rows_survive_folding_into_parts(namespace, node):
    namespace.write(upsert_columns={"id": list(range(300)), "n": list(range(300))})
    namespace.write(patch_columns={"id": [0, 299], "n": [1000, 2000]})
    namespace.write(deletes=[5])
    deadline = datetime.now(UTC) + timedelta(seconds=120)
    while namespace.metadata().approx_row_count != 299 and datetime.now(UTC) < deadline:
        pass
    assert namespace.metadata().approx_row_count == 299
    found = {row["id"]: row["n"] for row in rows(namespace)}
    assert found == {at: at for at in range(300) if at != 5} | {0: 1000, 299: 2000}


def test_ids_can_be_numbers_up_to_64_bits(namespace):
    ids = [0, 2**53 + 1, 2**63, 2**64 - 1]
    namespace.write(upsert_rows=[{"id": id, "n": at} for at, id in enumerate(ids)])
    assert [row["id"] for row in rows(namespace)] == ids


def test_ids_can_be_strings(namespace):
    namespace.write(upsert_rows=[{"id": id, "n": len(id)} for id in ("b", "a", "ä", "a" * 64)])
    assert [row["id"] for row in rows(namespace)] == ["a", "a" * 64, "b", "ä"]
    namespace.write(deletes=["b"])
    assert [row["id"] for row in rows(namespace)] == ["a", "a" * 64, "ä"]


def test_ids_can_be_uuids(namespace):
    ids = sorted(str(uuid.uuid4()) for _ in range(5))
    namespace.write(upsert_rows=[{"id": id, "n": 1} for id in reversed(ids)], schema={"id": "uuid"})
    assert [row["id"] for row in rows(namespace)] == ids
    assert namespace.schema()["id"].type == "uuid"


def test_types_are_inferred(namespace):
    namespace.write(
        upsert_rows=[{"id": 1, "vector": [1, 2], "s": "x", "i": -3, "f": 1.5, "b": True}],
        distance_metric="cosine_distance",
    )
    types = {name: config.type for name, config in namespace.schema().items()}
    assert types == {"id": "uint", "vector": "[2]f32", "s": "string", "i": "int", "f": "float", "b": "bool"}


def test_the_schema_types_attributes(namespace):
    schema = {"u": "uint", "day": "datetime", "key": "uuid", "f": "float"}
    key = str(uuid.uuid4())
    row = {"id": 1, "u": 2**64 - 1, "day": "2026-01-02T03:04:05.678Z", "key": key, "f": 3}
    namespace.write(upsert_rows=[row], schema=schema)
    types = {name: config.type for name, config in namespace.schema().items()}
    assert types == {"id": "uint", **schema}
    [found] = rows(namespace)
    assert (found["u"], found["key"], found["f"]) == (2**64 - 1, key, 3.0)
    assert datetime.fromisoformat(found["day"]) == datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)


def test_a_type_never_changes(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}])
    with pytest.raises(turbopuffer.BadRequestError, match="`?n`?"):
        namespace.write(upsert_rows=[{"id": 2, "n": "text"}])
    with pytest.raises(turbopuffer.BadRequestError):
        namespace.write(schema={"n": "string"})
    with pytest.raises(turbopuffer.BadRequestError):
        namespace.write(upsert_rows=[{"id": "text", "n": 1}])


def test_an_update_of_the_schema(namespace):
    namespace.write(upsert_rows=[{"id": 1, "name": "x"}])
    schema = namespace.update_schema(schema={"name": {"type": "string", "filterable": False}})
    assert schema["name"].filterable is False
    with pytest.raises(turbopuffer.BadRequestError, match="name"):
        namespace.query(rank_by=("id", "asc"), filters=("name", "Eq", "x"), limit=1)


def test_create_namespace_without_rows(namespace):
    with pytest.raises(turbopuffer.NotFoundError):
        namespace.write(upsert_rows=[{"id": 1}], create_namespace=False)
    namespace.write(schema={"id": "uint", "n": "int"}, create_namespace=True)
    assert rows(namespace) == []
    assert namespace.schema()["n"].type == "int"


def test_a_namespace_is_created_only_with_the_type_of_its_ids(namespace):
    with pytest.raises(turbopuffer.BadRequestError, match="create_namespace"):
        namespace.write(schema={"n": "int"}, create_namespace=True)
    with pytest.raises(turbopuffer.NotFoundError):
        namespace.write(schema={"n": "int"})
    assert not namespace.exists()


def test_a_dropped_attribute_may_come_back_as_another(namespace):
    namespace.write(upsert_rows=[{"id": 1, "a": 1, "b": 1, "vector": [1, 2]}, {"id": 2, "a": 2, "b": 2}],
                    distance_metric="cosine_distance")
    namespace.write(upsert_rows=[{"id": 2, "a": "text", "vector": [1, 2, 3]}], distance_metric="dot_product",
                    schema={"a": {"drop": True}, "b": {"drop": True}, "vector": {"drop": True}})
    assert rows(namespace) == [{"id": 1}, {"id": 2, "a": "text", "vector": [1.0, 2.0, 3.0]}]
    types = {name: config.type for name, config in namespace.schema().items()}
    assert types == {"id": "uint", "a": "string", "vector": "[3]f32"}
    namespace.write(schema={"a": {"drop": True}})
    namespace.write(patch_rows=[{"id": 1, "a": True}])
    assert rows(namespace, "a") == [{"id": 1, "a": True}, {"id": 2}]


def test_the_encryption_of_the_bucket_is_accepted(namespace):
    namespace.write(upsert_rows=[{"id": 1}], encryption={"mode": "default"}, disable_backpressure=True)
    key = {"mode": "customer-managed", "key_name": "projects/p/locations/l/keyRings/r/cryptoKeys/k"}
    with pytest.raises(turbopuffer.BadRequestError, match="not supported yet"):
        namespace.write(upsert_rows=[{"id": 2}], encryption=key)
    assert rows(namespace) == [{"id": 1}]


def test_the_answer_names_the_rows_that_changed(namespace):
    first = namespace.write(upsert_rows=[{"id": "b"}, {"id": "a"}], deletes=["c"], return_affected_ids=True)
    assert (first.upserted_ids, first.patched_ids, first.deleted_ids) == (["b", "a"], None, None)
    assert (first.rows_affected, first.rows_deleted) == (2, 0)
    second = namespace.write(patch_rows=[{"id": "a", "n": 1}, {"id": "x", "n": 1}], deletes=["b"],
                             return_affected_ids=True)
    assert (second.upserted_ids, second.patched_ids, second.deleted_ids) == (None, ["a"], ["b"])
    silent = namespace.write(upsert_rows=[{"id": "a"}])
    assert silent.upserted_ids is None


def test_half_precision_vectors(namespace):
    schema = {"vector": {"type": "[3]f16", "ann": True}}
    namespace.write(
        upsert_rows=[{"id": 1, "vector": [0.1, 0.5, 2]}, {"id": 2, "vector": [1, 0, 0]}],
        schema=schema,
        distance_metric="euclidean_squared",
    )
    assert namespace.schema()["vector"].type == "[3]f16"
    answer = namespace.query(rank_by=("vector", "ANN", [0.1, 0.5, 2]), limit=1, include_attributes=["vector"])
    [row] = answer.rows
    assert row.id == 1
    assert row.vector == pytest.approx([0.1, 0.5, 2], abs=1e-4)
    assert row["$dist"] == pytest.approx(0, abs=1e-6)


def test_the_answer_says_when_and_where(namespace):
    before = datetime.now(UTC) - timedelta(seconds=2)
    answer = namespace.with_raw_response.write(upsert_rows=[{"id": 1, "n": 1}])
    body = answer.http_response.json()
    assert before < datetime.fromisoformat(body["committed_at"]) < datetime.now(UTC) + timedelta(seconds=2)
    assert body["token"] == answer.headers["x-isobath-token"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", body["token"])
    assert body["billing"]["billable_logical_bytes_written"] > 0
    assert body["performance"]["server_total_ms"] >= 1


def test_gzip_both_ways(client, namespace):
    zipped = client.with_options(compression=True).namespace(namespace.id)
    zipped.write(
        upsert_rows=[{"id": at, "vector": [0.5] * 512} for at in range(20)],
        distance_metric="cosine_distance",
    )
    answer = zipped.with_raw_response.query(rank_by=("id", "asc"), limit=20, include_attributes=True)
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.parse().rows) == 20
    plain = namespace.with_raw_response.query(rank_by=("id", "asc"), limit=20, include_attributes=True)
    assert "content-encoding" not in plain.headers


def test_a_repeated_key_is_applied_once(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 0}])
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = namespace.write(upsert_rows=[{"id": 1, "n": 1}], extra_headers=key)
    again = namespace.write(upsert_rows=[{"id": 1, "n": 1}], extra_headers=key)
    assert (first.rows_affected, first.committed_at) == (again.rows_affected, again.committed_at)
