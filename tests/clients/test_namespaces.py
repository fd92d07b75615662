"""Namespaces: listing, deleting, creating again, metadata; the probes and metrics of a node."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
import turbopuffer

from .conftest import shown


def test_listing_by_prefix_and_page(client):
    names = [f"listed-{at:02}" for at in range(7)]
    for name in names:
        client.namespace(name).write(upsert_rows=[{"id": 1}])
    assert [found.id for found in client.namespaces(prefix="listed-")] == names
    page = client.namespaces(prefix="listed-", page_size=3)
    assert [found.id for found in page.namespaces] == names[:3]
    assert page.next_cursor
    page = client.namespaces(prefix="listed-", page_size=3, cursor=page.next_cursor)
    assert [found.id for found in page.namespaces] == names[3:6]
    assert [found.id for found in client.namespaces(prefix="nosuch-")] == []


def test_a_deleted_namespace_is_gone_and_its_name_free(client, namespace):
    namespace.write(upsert_rows=[{"id": at, "n": at} for at in range(100)])
    assert namespace.delete_all().status == "OK"
    assert namespace.exists() is False
    assert namespace.id not in [found.id for found in client.namespaces(prefix=namespace.id)]
    for ask in (namespace.schema, namespace.metadata, namespace.delete_all,
                lambda: namespace.query(rank_by=("id", "asc"), limit=1)):
        with pytest.raises(turbopuffer.NotFoundError):
            ask()
    namespace.write(upsert_rows=[{"id": 7, "n": "another type"}])
    answer = namespace.query(rank_by=("id", "asc"), limit=10, include_attributes=True)
    assert shown(answer.rows) == [{"id": 7, "n": "another type"}]


def test_metadata(namespace):
    before = datetime.now(UTC) - timedelta(seconds=2)
    namespace.write(
        upsert_rows=[{"id": at, "vector": [at, 1], "n": at} for at in range(200)],
        distance_metric="cosine_distance",
    )
    deadline = time.monotonic() + 30
    while namespace.metadata().approx_row_count != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    metadata = namespace.metadata()
    assert metadata.approx_row_count == 200
    assert metadata.approx_logical_bytes >= 200 * (8 + 8 + 8)
    assert metadata.index.status == "up-to-date"
    assert before < metadata.created_at <= metadata.updated_at < datetime.now(UTC) + timedelta(seconds=2)
    assert metadata.schema_["vector"].type == "[2]f32"
    assert metadata.encryption.mode == "default"


def test_the_schema_says_null_where_metadata_says_nothing(node, namespace):
    namespace.write(upsert_rows=[{"id": 1, "vector": [1, 2]}], distance_metric="cosine_distance")
    status, body = node.get(f"/v1/namespaces/{namespace.id}/schema")
    assert status == 200
    assert '"full_text_search":null' in body and '"ann":true' in body
    for version in ("v1", "v2"):
        status, body = node.get(f"/{version}/namespaces/{namespace.id}/metadata")
        assert status == 200
        assert "null" not in body and '"distance_metric":"cosine_distance"' in body


@pytest.mark.parametrize("name", ["a b", "ä", "x" * 129, "a/b"])
def test_a_bad_name_is_refused(client, name):
    with pytest.raises((turbopuffer.BadRequestError, turbopuffer.NotFoundError)):
        client.namespace(name).write(upsert_rows=[{"id": 1}])


def test_the_path_may_start_with_a_region(node, namespace):
    namespace.write(upsert_rows=[{"id": 1}])
    status, _ = node.get(f"/gcp-us-central1/v1/namespaces/{namespace.id}/schema")
    assert status == 200


def test_probes_and_metrics(node):
    assert node.get("/healthz")[0] == 200
    assert node.get("/readyz")[0] == 200
    status, body = node.get("/metrics")
    assert status == 200
    assert "# TYPE" in body


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_read_only_namespace_takes_no_writes(node, namespace, version):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}])
    change = lambda body: patch(node, f"/{version}/namespaces/{namespace.id}/metadata", body)
    status, metadata = change({"read_only": True})
    assert (status, metadata["read_only"], "pinning" in metadata) == (200, True, False)
    for write in ({"upsert_rows": [{"id": 2}]}, {"deletes": [1]}, {"schema": {"m": "int"}},
                  {"delete_by_filter": ("n", "Eq", 1)}):
        with pytest.raises(turbopuffer.PermissionDeniedError, match="read-only"):
            namespace.write(**write)
    with pytest.raises(turbopuffer.PermissionDeniedError):
        namespace.delete_all()
    assert len(namespace.query(rank_by=("id", "asc"), limit=10).rows) == 1
    status, metadata = change({"read_only": False})
    assert status == 200 and "read_only" not in metadata
    namespace.write(upsert_rows=[{"id": 2}])


def test_pinning_is_remembered(node, namespace):
    path = f"/v1/namespaces/{namespace.id}/metadata"
    assert patch(node, path, {"pinning": True})[0] == 404
    namespace.write(upsert_rows=[{"id": 1, "n": 1}])
    plain = json.loads(node.get(path)[1])
    assert patch(node, path, {"pinning": True})[1]["pinning"] == {"replicas": 1}
    assert patch(node, path, {"pinning": {"replicas": 3}, "read_only": True})[1]["pinning"] == {"replicas": 3}
    assert patch(node, path, {"read_only": False})[1]["pinning"] == {"replicas": 3}
    status, metadata = patch(node, path, {"pinning": None})
    assert status == 200 and set(metadata) == set(plain)
    for body in ({}, {"pinning": 7}, {"pinning": {"replicas": 0}}, {"ttl": 1}):
        assert patch(node, path, body)[0] in (400, 422)


def patch(node, path: str, body: dict) -> tuple[int, dict]:
    """Status and body of a PATCH."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(node.url + path, json.dumps(body).encode(), headers, method="PATCH")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())
