"""Sparse vectors: written as rows and columns, given back, ranked by their dot product."""

import json

import numpy as np
import pytest
import turbopuffer

from .conftest import shown
from .test_errors import post

SCHEMA = {"terms": {"type": "{}f16", "sparse_knn": {"distance_metric": "dot_product"}}}
CHANCE = np.random.default_rng(11)


def vector(dims: int) -> dict[str, float]:
    """Weights that a 16-bit float holds exactly."""
    chosen = CHANCE.choice(50, size=dims, replace=False)
    return {str(dim): float(CHANCE.integers(-8, 9)) / 8 for dim in chosen}


def test_written_vectors_come_back(node, namespace):
    namespace.write(upsert_rows=[{"id": 1, "terms": {"7": 0.5, "4294967295": -2}}, {"id": 2}], schema=SCHEMA)
    namespace.write(upsert_columns={"id": [3, 4], "terms": [{"1": 1.0}, None]})
    namespace.write(patch_rows=[{"id": 2, "terms": {"9": 3}}, {"id": 3, "terms": None}])
    rows = namespace.query(rank_by=("id", "asc"), limit=10, include_attributes=True).rows
    assert shown(rows) == [
        {"id": 1, "terms": {"7": 0.5, "4294967295": -2.0}}, {"id": 2, "terms": {"9": 3.0}}, {"id": 3}, {"id": 4},
    ]
    for resource in ("schema", "metadata"):
        answer = json.loads(node.get(f"/v1/namespaces/{namespace.id}/{resource}")[1])
        terms = answer.get("schema", answer)["terms"]
        assert (terms["type"], terms["sparse_knn"]) == ("{}f16", {"distance_metric": "dot_product"})


@pytest.mark.parametrize("filters", [None, ("n", "Lt", 3)])
def test_the_highest_dot_products(namespace, filters):
    vectors = [vector(12) for _ in range(300)]
    namespace.write(
        upsert_columns={"id": list(range(300)), "terms": vectors, "n": [at % 10 for at in range(300)]},
        schema=SCHEMA,
    )
    for _ in range(5):
        query = vector(6)
        products = {at: sum(query[dim] * other.get(dim, 0) for dim in query)
                    for at, other in enumerate(vectors) if filters is None or at % 10 < 3}
        wanted = sorted((at for at in products if products[at]), key=lambda at: (-products[at], at))
        ask = {"filters": filters} if filters else {}
        rows = namespace.query(rank_by=("terms", "SparseKNN", query), limit=20, **ask).rows
        assert [row.id for row in rows] == wanted[:20]
        assert [row["$dist"] for row in rows] == [products[at] for at in wanted[:20]]


def test_sparse_and_dense_answers_are_fused(namespace):
    namespace.write(
        upsert_rows=[{"id": at, "vector": [at, 1], "terms": {"1": at}} for at in range(1, 9)],
        distance_metric="euclidean_squared", schema=SCHEMA,
    )
    [answer] = namespace.multi_query(
        queries=[{"rank_by": ("terms", "SparseKNN", {"1": 1.0}), "limit": 8},
                 {"rank_by": ("vector", "ANN", [1, 1]), "limit": 3}],
        rerank_by=("RRF",), limit=2,
    ).results
    assert [row.id for row in answer.rows] == [1, 2]


BAD = [
    ({"1": 70_000}, "f16"),
    ({"x": 1}, "dimension"),
    ({"-1": 1}, "dimension"),
    ({"4294967296": 1}, "dimension"),
    ({str(dim): 1 for dim in range(1025)}, "1024"),
    ([1, 2], "{}f16"),
    ("text", "{}f16"),
]


@pytest.mark.parametrize("value, named", BAD, ids=lambda value: str(value)[:30])
def test_what_is_no_sparse_vector_is_refused(node, namespace, value, named):
    namespace.write(upsert_rows=[{"id": 1}], schema=SCHEMA)
    status, answer = post(node, f"/v2/namespaces/{namespace.id}", {"upsert_rows": [{"id": 2, "terms": value}]})
    assert status == 400, answer
    assert "terms" in answer["error"] and named in answer["error"]


def test_a_bad_ranking_is_refused(namespace):
    namespace.write(upsert_rows=[{"id": 1, "n": 1}], schema=SCHEMA)
    for rank, named in [(("n", "SparseKNN", {"1": 1}), "n"), (("terms", "SparseKNN", {}), "weight")]:
        with pytest.raises(turbopuffer.BadRequestError, match=named):
            namespace.query(rank_by=rank, limit=1)
