"""Errors: status, shape of the body, and that the text names what is wrong."""

import gzip
import json
import urllib.error
import urllib.request

import pytest

from .conftest import shown


def post(node, path: str, body: object, headers: dict[str, str] | None = None) -> tuple[int, dict]:
    """Status and body of a POST, as they come over the wire."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(node.url + path, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


# What is posted to a namespace that holds one row, the status, and what the text must name.
WRITES = [
    (b"{", 400, ""),
    (b"\xff\xfe", 400, ""),
    ({"upsert_rows": {"id": 1}}, 422, "invalid type: map, expected a sequence"),
    ({"upsert_rows": [{"n": 1}]}, 400, "id"),
    ({"upsert_rows": [{"id": 1}, {"id": 1}]}, 400, "1"),
    ({"upsert_rows": [{"id": 1}], "deletes": [1]}, 400, "1"),
    ({"upsert_rows": [{"id": -1}]}, 400, "id"),
    ({"upsert_rows": [{"id": 1.5}]}, 400, "id"),
    ({"upsert_rows": [{"id": 1}, {"id": "a"}]}, 400, "id"),
    ({"upsert_rows": [{"id": 2, "vector": ["x"]}]}, 400, "vector"),
    ({"upsert_rows": [{"id": 2, "vector": "not base64!"}]}, 400, "vector"),
    ({"upsert_rows": [{"id": 2, "vector": [1e39, 0]}]}, 400, "vector"),
    ({"upsert_columns": {"id": [1, 2], "n": [1]}}, 400, "n"),
    ({"upsert_columns": {"n": [1]}}, 400, "id"),
    ({"nonsense": 1}, 400, "nonsense"),
    ({"delete_by_filter": ["n", "Eq", "x"]}, 400, "`n`"),
    ({"delete_by_filter": "n"}, 400, "delete_by_filter"),
    ({"patch_by_filter": {"filters": ["n", "Eq", 1]}}, 422, "patch_by_filter"),
    ({"patch_by_filter": {"filters": ["n", "Eq", 1], "patch": {"id": 1}}}, 400, "patch_by_filter.patch.id"),
    ({"upsert_rows": [{"id": 1}], "upsert_condition": ["n", "Eq", "x"]}, 400, "`n`"),
    ({"upsert_rows": [{"id": 1}], "upsert_condition": ["n", "Eq", {"$ref_new": 1}]}, 400, "upsert_condition"),
    ({"upsert_rows": [{"id": 1}], "return_affected_ids": 1}, 422, "return_affected_ids"),
    ({"upsert_rows": [{"id": 1}], "disable_backpressure": 1}, 422, "disable_backpressure"),
    ({"upsert_rows": [{"id": 1}], "sharding": {"num_shards": 2}}, 400, "sharding"),
    ({"upsert_rows": [{"id": 1}], "encryption": {"mode": "customer-managed", "key_name": "k"}}, 400,
     "Malformed Cloud KMS crypto key: k"),
    ({"upsert_rows": [{"id": 1}], "create_namespace": "yes"}, 422, "create_namespace"),
    ({"schema": {"n": "string"}}, 400, "schema.n"),
    ({"schema": {"vector": "[3]f32"}}, 400, "schema.vector"),
    ({"schema": {"vector": {"type": "[2]f32", "ann": {"distance_metric": "dot_product"}}}}, 400, "vector"),
    ({"copy_from_namespace": "other"}, 404, "other"),
    ({"copy_from_namespace": "o/o"}, 400, "copy_from_namespace"),
    ({"branch_from_namespace": "other"}, 404, "other"),
    ({"branch_from_namespace": "o/o"}, 400, "branch_from_namespace"),
    ({"upsert_rows": [{"id": 3}], "schema": {"t": {"type": "int", "full_text_search": True}}},
     400, "full_text_search"),
    ({"upsert_rows": [{"id": 3}], "schema": {"t": "nosuchtype"}}, 400, "t"),
    ({"upsert_rows": [{"id": 3}], "distance_metric": "manhattan"}, 422, "manhattan"),
    ({}, 400, ""),
]

QUERIES = [
    ({"rank_by": ["n", "BM25", "text"], "limit": 1}, 400, "full_text_search"),
    ({"rank_by": ["n", "asc"], "limit": "ten"}, 422, "limit"),
    ({"rank_by": ["n", "asc"], "limit": 0}, 400, "limit"),
    ({"rank_by": ["n", "sideways"], "limit": 1}, 400, "rank_by"),
    ({"rank_by": ["n", "asc"], "limit": 1, "group_by": ["n"]}, 400, "group_by"),
    ({"rank_by": ["n", "asc"], "limit": 1, "compute_attributes": {}}, 400, "compute_attributes"),
    ({"rank_by": ["n", "asc"], "limit": 1, "consistency": "eventual"}, 422,
     'invalid type: string "eventual", expected struct Consistency'),
    ({"rank_by": ["n", "asc"], "limit": 1, "consistency": {"level": "x"}}, 422,
     "unknown variant `x`, expected `strong` or `eventual`"),
    ({"rank_by": ["n", "asc"], "limit": 1, "nonsense": 1}, 400, "nonsense"),
    ({"aggregate_by": {"sum": ["Sum", "vector"]}}, 400, "Sum"),
    ({"queries": []}, 400, "queries"),
]


@pytest.fixture(scope="module")
def filled(client):
    namespace = client.namespace("errors")
    namespace.write(upsert_rows=[{"id": 1, "n": 1, "vector": [1, 2]}], distance_metric="cosine_distance")
    return namespace


def check(answer: tuple[int, dict], status: int, named: str) -> None:
    assert answer[0] == status, answer
    assert answer[1]["status"] == "error"
    assert named in answer[1]["error"]


@pytest.mark.parametrize("body, status, named", WRITES, ids=lambda value: str(value)[:60])
def test_a_bad_write(node, filled, body, status, named):
    check(post(node, f"/v2/namespaces/{filled.id}", body), status, named)


@pytest.mark.parametrize("body, status, named", QUERIES, ids=lambda value: str(value)[:60])
def test_a_bad_query(node, filled, body, status, named):
    check(post(node, f"/v2/namespaces/{filled.id}/query", body), status, named)


def test_a_missing_namespace_is_404(node):
    answer = post(node, "/v2/namespaces/nosuch/query", {"rank_by": ["id", "asc"], "limit": 1})
    check(answer, 404, "nosuch")


def test_an_unknown_path_is_404(node):
    status, _ = node.get("/v9/nothing")
    assert status == 404


def test_a_body_that_is_too_large_is_413(node, filled):
    body = b'{"upsert_rows":[{"id":1,"t":"' + b"x" * (65 << 20) + b'"}]}'
    check(post(node, f"/v2/namespaces/{filled.id}", body), 413, "")


def test_a_small_body_that_inflates_is_413(node, filled):
    body = gzip.compress(b'{"upsert_rows":[{"id":1,"t":"' + b"x" * (65 << 20) + b'"}]}', 1)
    answer = post(node, f"/v2/namespaces/{filled.id}", body, {"Content-Encoding": "gzip"})
    check(answer, 413, "")


def test_nothing_of_that_was_written(filled):
    rows = filled.query(rank_by=("id", "asc"), limit=10, include_attributes=["n"]).rows
    assert shown(rows) == [{"id": 1, "n": 1}]
