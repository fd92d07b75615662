"""Queries: nearest rows by each metric, order, counts, what a row shows, several queries at once."""

import math
import struct
from base64 import b64decode, b64encode

import numpy as np
import pytest
import turbopuffer

from .conftest import shown

CHANCE = np.random.default_rng(7)
BASE = CHANCE.normal(size=(400, 16)).astype(np.float32)
QUERIES = CHANCE.normal(size=(10, 16)).astype(np.float32)


def distances(metric: str, query: np.ndarray) -> np.ndarray:
    base, query = BASE.astype(np.float64), query.astype(np.float64)
    if metric == "euclidean_squared":
        return ((base - query) ** 2).sum(axis=1)
    products = base @ query
    if metric == "dot_product":
        return -products
    return 1 - products / np.linalg.norm(base, axis=1) / np.linalg.norm(query)


@pytest.fixture
def filled(namespace):
    namespace.write(
        upsert_columns={
            "id": list(range(400)),
            "vector": BASE.tolist(),
            "n": [at % 10 for at in range(400)],
            "name": [f"name {at}" for at in range(400)],
        },
        distance_metric="euclidean_squared",
    )
    return namespace


@pytest.mark.parametrize("metric", ["euclidean_squared", "cosine_distance", "dot_product"])
@pytest.mark.parametrize("operator", ["ANN", "kNN"])
def test_the_nearest_rows(namespace, metric, operator):
    namespace.write(
        upsert_columns={"id": list(range(400)), "vector": BASE.tolist()}, distance_metric=metric
    )
    hits = 0
    for query in QUERIES:
        wanted = distances(metric, query)
        filters = {"filters": ("id", "Gte", 0)} if operator == "kNN" else {}
        rows = namespace.query(rank_by=("vector", operator, query.tolist()), limit=10, **filters).rows
        found = [row["$dist"] for row in rows]
        assert found == sorted(found)
        for row in rows:
            assert row["$dist"] == pytest.approx(wanted[row.id], rel=1e-4, abs=1e-4)
        hits += len({row.id for row in rows} & set(np.argsort(wanted)[:10].tolist()))
    assert hits >= (100 if operator == "kNN" else 97)


def test_a_query_vector_in_base64(filled):
    query = b64encode(struct.pack("<16f", *BASE[17])).decode()
    [row] = filled.query(rank_by=("vector", "ANN", query), limit=1).rows
    assert (row.id, row["$dist"]) == (17, 0.0)


def test_vectors_in_the_answer(filled):
    ask = {"rank_by": ("id", "asc"), "limit": 1, "include_attributes": ["vector"]}
    [row] = filled.query(**ask).rows
    assert row.vector == [pytest.approx(float(x)) for x in BASE[0]]
    assert [float(np.float32(x)) for x in row.vector] == [float(x) for x in BASE[0]]
    [row] = filled.query(**ask, vector_encoding="base64").rows
    assert b64decode(row.vector) == BASE[0].tobytes()


def test_equally_near_rows_come_by_id(namespace):
    namespace.write(
        upsert_rows=[{"id": id, "vector": [1, 1]} for id in (5, 3, 9, 1)],
        distance_metric="euclidean_squared",
    )
    rows = namespace.query(rank_by=("vector", "ANN", [0, 0]), limit=3).rows
    assert [row.id for row in rows] == [1, 3, 5]
    assert [row["$dist"] for row in rows] == [2.0, 2.0, 2.0]


def test_order_by_an_attribute(namespace):
    values = {1: 2.5, 2: None, 3: -1.0, 4: 7.0, 5: None}
    namespace.write(upsert_rows=[{"id": id, "x": x, "y": 1.0} for id, x in values.items()])
    ids = lambda direction: [row.id for row in namespace.query(rank_by=("x", direction), limit=5).rows]
    assert ids("asc") == [2, 5, 3, 1, 4]
    assert ids("desc")[:3] == [4, 1, 3]
    assert sorted(ids("desc")[3:]) == [2, 5]


def test_no_rank_by_means_by_id(filled):
    rows = filled.query(limit=3, filters=("n", "Eq", 4)).rows
    assert shown(rows) == [{"id": 4}, {"id": 14}, {"id": 24}]


def test_limit_offset_and_their_bounds(filled):
    assert len(filled.query(rank_by=("id", "asc"), top_k=7).rows) == 7
    page = filled.query(rank_by=("id", "asc"), limit={"total": 5}, offset=20).rows
    assert [row.id for row in page] == [20, 21, 22, 23, 24]
    assert len(filled.query(rank_by=("id", "asc"), limit=10_000).rows) == 400
    with pytest.raises(turbopuffer.BadRequestError, match="limit"):
        filled.query(rank_by=("id", "asc"), limit=10_001)


def test_included_and_excluded_attributes(filled):
    def keys(**include) -> set[str]:
        [row] = shown(filled.query(rank_by=("id", "asc"), limit=1, **include).rows)
        return set(row)

    assert keys() == {"id"}
    assert keys(include_attributes=False) == {"id"}
    assert keys(include_attributes=True) == {"id", "vector", "n", "name"}
    assert keys(include_attributes=["name", "id"]) == {"id", "name"}
    assert keys(exclude_attributes=["vector", "unknown"]) == {"id", "n", "name"}
    with pytest.raises(turbopuffer.BadRequestError):
        keys(include_attributes=["n"], exclude_attributes=["name"])


def test_an_unknown_attribute_is_named(filled):
    with pytest.raises(turbopuffer.BadRequestError, match="nosuch"):
        filled.query(rank_by=("nosuch", "asc"), limit=1)
    with pytest.raises(turbopuffer.BadRequestError, match="nosuch"):
        filled.query(rank_by=("nosuch", "ANN", [1.0]), limit=1)


def test_count(filled):
    answer = filled.query(aggregate_by={"all": ("Count",)})
    assert (answer.aggregations, answer.rows) == ({"all": 400}, None)
    answer = filled.query(aggregate_by={"some": ("Count",)}, filters=("n", "Lt", 3))
    assert answer.aggregations == {"some": 120}


def test_several_queries_at_once(filled):
    answer = filled.multi_query(
        queries=[
            {"rank_by": ("vector", "ANN", BASE[3].tolist()), "limit": 1},
            {"rank_by": ("id", "desc"), "limit": 2, "include_attributes": ["n"]},
            {"aggregate_by": {"rows": ("Count",)}, "filters": ("n", "Eq", 0)},
        ]
    )
    nearest, last, count = answer.results
    assert [row.id for row in nearest.rows] == [3]
    assert shown(last.rows) == [{"id": 399, "n": 9}, {"id": 398, "n": 8}]
    assert count.aggregations == {"rows": 40}
    assert answer.performance.approx_namespace_size == 400
    with pytest.raises(turbopuffer.BadRequestError, match="queries"):
        filled.multi_query(queries=[{"rank_by": ("id", "asc"), "limit": 1}] * 17)


def test_what_a_query_cost(filled):
    answer = filled.query(rank_by=("vector", "ANN", QUERIES[0].tolist()), limit=5)
    assert answer.performance.approx_namespace_size == 400
    assert answer.performance.query_execution_ms >= 1
    assert answer.performance.server_total_ms >= 1
    assert answer.performance.cache_temperature in ("hot", "warm", "cold")
    assert 0 <= answer.performance.cache_hit_ratio <= 1
    assert answer.billing.billable_logical_bytes_queried >= 256_000_000
    assert answer.billing.billable_logical_bytes_returned == 5 * (8 + 4)


def test_recall_is_measured(filled):
    found = filled.recall(num=5, top_k=10, include_ground_truth=True)
    assert found.avg_recall >= 0.9
    assert math.isclose(found.avg_exhaustive_count, 10)
    assert len(found.ground_truth) == 5
    assert len(found.ground_truth[0].nearest_neighbors) == 10


def test_a_vector_of_another_dimension_is_refused(filled):
    with pytest.raises(turbopuffer.BadRequestError, match="vector"):
        filled.query(rank_by=("vector", "ANN", [1.0, 2.0]), limit=1)
    with pytest.raises(turbopuffer.BadRequestError, match="vector"):
        filled.write(upsert_rows=[{"id": 1, "vector": [1.0, 2.0]}])


def test_caches_are_purged_and_warm(node, filled):
    path = f"/v1/namespaces/{filled.id}/_debug"
    ask = {"filters": ("n", "Eq", 4), "aggregate_by": {"rows": ("Count",)}}
    before = filled.query(**ask).aggregations
    assert node.get(f"{path}/purge_cache")[0] == 200
    assert filled.query(**ask).aggregations == before
    assert node.get(f"{path}/warm_cache")[0] == 409
    assert node.get("/v1/namespaces/nosuch/_debug/warm_cache")[0] == 404
