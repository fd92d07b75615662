"""Copies of whole namespaces."""

import pytest
import turbopuffer

from .conftest import shown


def rows(namespace) -> list[dict]:
    return shown(namespace.query(rank_by=("id", "asc"), limit=10_000, include_attributes=True).rows)


@pytest.fixture
def source(client, namespace):
    """A namespace with rows in parts and in the delta, patched and deleted ones among them."""
    found = client.namespace(f"{namespace.id}-source")
    found.write(upsert_columns={"id": list(range(120)), "vector": [[at, 1] for at in range(120)],
                                "name": [f"row {at}" for at in range(120)]},
                distance_metric="euclidean_squared",
                schema={"name": {"type": "string", "filterable": False}})
    found.write(patch_rows=[{"id": 7, "name": "seven", "day": "2026-01-01T00:00:00Z"}], schema={"day": "datetime"})
    found.write(deletes=[0, 119])
    return found


def test_a_copy_has_the_rows_and_the_schema(namespace, source):
    written = namespace.write(copy_from_namespace=source.id)
    assert (written.rows_affected, written.rows_upserted) == (118, 118)
    assert rows(namespace) == rows(source)
    assert namespace.schema() == source.schema()
    found = namespace.query(rank_by=("vector", "ANN", [50, 1]), limit=3)
    assert [row.id for row in found.rows] == [50, 49, 51]


def test_source_and_copy_go_their_own_ways(namespace, source):
    namespace.write(copy_from_namespace={"source_namespace": source.id})
    before = rows(namespace)
    source.write(deletes=[1], patch_rows=[{"id": 2, "name": "changed"}])
    assert rows(namespace) == before
    namespace.write(upsert_rows=[{"id": 1000, "vector": [0, 0]}])
    source.delete_all()
    assert len(rows(namespace)) == 119


def test_an_empty_namespace_can_be_copied_and_filled(client, namespace):
    empty = client.namespace(f"{namespace.id}-empty")
    empty.write(schema={"id": "string", "n": "int"}, create_namespace=True)
    namespace.write(copy_from_namespace=empty.id)
    assert namespace.schema() == empty.schema()
    assert rows(namespace) == []


def test_what_cannot_be_copied(client, namespace, source):
    missing = f"{namespace.id}-missing"
    with pytest.raises(turbopuffer.NotFoundError, match=missing):
        namespace.write(copy_from_namespace=missing)
    assert not namespace.exists()
    for write in ({"upsert_rows": [{"id": 1}]}, {"schema": {"n": "int"}}):
        with pytest.raises(turbopuffer.BadRequestError, match="copy_from_namespace"):
            namespace.write(copy_from_namespace=source.id, **write)
    for body in ({"source_api_key": "k"}, {"source_region": "elsewhere"}):
        with pytest.raises(turbopuffer.BadRequestError, match="not supported yet"):
            namespace.write(copy_from_namespace={"source_namespace": source.id, **body})
    namespace.write(upsert_rows=[{"id": 1}])
    with pytest.raises(turbopuffer.BadRequestError, match="rows already"):
        namespace.write(copy_from_namespace=source.id)
    with pytest.raises(turbopuffer.BadRequestError, match="rows already"):
        source.write(copy_from_namespace=source.id)
    assert rows(namespace) == [{"id": 1}]
