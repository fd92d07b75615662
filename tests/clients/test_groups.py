"""Aggregates, groups, limits by kind, and fused answers."""

from collections import Counter

import pytest
import turbopuffer

from .conftest import shown
from .test_errors import post

KINDS = ["fish", "bird", None]
ROWS = [
    {"id": at, "kind": KINDS[at % 3], "price": at / 4, "n": at, "tags": [f"t{at % 2}", f"t{at % 5}"],
     "vector": [at, 1.0]}
    for at in range(60)
]


@pytest.fixture
def filled(namespace):
    rows = [{name: value for name, value in row.items() if value is not None} for row in ROWS]
    namespace.write(upsert_rows=rows, distance_metric="euclidean_squared",
                    schema={"tags": "[]string", "price": "float"})
    return namespace


def test_sums_and_counts(filled):
    ask = {"all": ("Count",), "kinds": ("Count", "kind"), "n": ("Sum", "n"), "price": ("Sum", "price")}
    answer = filled.query(aggregate_by=ask, filters=("n", "Lt", 30))
    assert answer.rows is None
    assert answer.aggregations == {"all": 30, "kinds": 20, "n": 435, "price": 435 / 4}
    assert answer.aggregation_groups is None


def test_sums_of_whole_numbers_are_exact(node, namespace):
    top = 2**64 - 1
    namespace.write(upsert_rows=[{"id": id, "u": top, "i": -(2**63)} for id in range(3)],
                    schema={"u": "uint", "i": "int"})
    ask = {"aggregate_by": {"u": ["Sum", "u"], "i": ["Sum", "i"]}}
    # Over the wire: the client reads such numbers as floats.
    _, answer = post(node, f"/v2/namespaces/{namespace.id}/query", ask)
    assert answer["aggregations"] == {"u": 3 * top, "i": -3 * 2**63}


def test_groups_come_by_key_with_null_first(filled):
    answer = filled.query(aggregate_by={"rows": ("Count",), "n": ("Sum", "n")}, group_by=["kind"])
    assert answer.aggregations is None
    assert answer.aggregation_groups == [
        {"kind": kind, "rows": 20, "n": sum(row["n"] for row in ROWS if row["kind"] == kind)}
        for kind in (None, "bird", "fish")
    ]
    first = filled.query(aggregate_by={"rows": ("Count",)}, group_by=["kind"], limit=2)
    assert [group["kind"] for group in first.aggregation_groups] == [None, "bird"]


def test_groups_by_elements_of_arrays(filled):
    answer = filled.query(
        aggregate_by={"rows": ("Count",)},
        group_by=[{"tag": ("ForEachUnique", "tags")}, "kind"],
        filters=("n", "Gte", 10),
    )
    wanted = Counter((tag, row["kind"]) for row in ROWS[10:] for tag in set(row["tags"]))
    found = {(group["tag"], group["kind"]): group["rows"] for group in answer.aggregation_groups}
    assert found == wanted
    assert list(found) == sorted(found, key=lambda key: (key[0], key[1] or ""))


def test_rows_and_groups_in_one_answer(filled):
    answer = filled.query(
        rank_by=("n", "desc"), limit=2, aggregate_by={"rows": ("Count",)}, group_by=["kind"]
    )
    assert [row.id for row in answer.rows] == [59, 58]
    assert len(answer.aggregation_groups) == 3


def test_what_cannot_be_grouped_is_named(filled):
    count = {"rows": ("Count",)}
    for by, named in [(["vector"], "vector"), (["tags"], "ForEachUnique"), (["nosuch"], "nosuch")]:
        with pytest.raises(turbopuffer.BadRequestError, match=named):
            filled.query(aggregate_by=count, group_by=by)
    with pytest.raises(turbopuffer.BadRequestError, match="kind"):
        filled.query(aggregate_by={"sum": ("Sum", "kind")})


@pytest.mark.parametrize("rank", [("n", "asc"), ("vector", "ANN", [0, 1]), ("vector", "kNN", [0, 1])])
def test_at_most_so_many_rows_of_a_kind(filled, rank):
    per = {"attributes": ["kind"], "limit": 2}
    rows = filled.query(rank_by=rank, limit={"total": 5, "per": per}).rows
    assert [row.id for row in rows] == [0, 1, 2, 3, 4]
    rows = filled.query(rank_by=rank, limit={"total": 50, "per": per}, offset=1).rows
    assert [row.id for row in rows] == [1, 2, 3, 4, 5]
    per = {"attributes": ["tags", "kind"], "limit": 1}
    rows = filled.query(rank_by=rank, limit={"total": 50, "per": per}).rows
    assert [row.id for row in rows] == list(range(30))


def test_fused_answers(filled):
    queries = [
        {"rank_by": ("n", "asc"), "limit": 5, "include_attributes": ["n"]},
        {"rank_by": ("vector", "ANN", [4.2, 1]), "limit": 5, "include_attributes": ["kind"]},
    ]
    scores = Counter()
    for ids in ([0, 1, 2, 3, 4], [4, 5, 3, 6, 2]):
        for rank, id in enumerate(ids, start=1):
            scores[id] += 1 / (60 + rank)
    wanted = sorted(scores, key=lambda id: (-scores[id], id))
    [answer] = filled.multi_query(queries=queries, rerank_by=("RRF",)).results
    assert [row.id for row in answer.rows] == wanted
    for row in answer.rows:
        assert row["$dist"] == pytest.approx(scores[row.id], rel=1e-6)
    four = shown(answer.rows)[wanted.index(4)]
    assert (four["n"], four["kind"]) == (4, "bird")
    [page] = filled.multi_query(queries=queries, rerank_by=("RRF",), limit=2, offset=1).results
    assert [row.id for row in page.rows] == wanted[1:3]
    weights = {"rank_constant": 1, "weights": [5, 0.1]}
    [answer] = filled.multi_query(queries=queries, rerank_by=("RRF", weights), limit=1).results
    assert [row.id for row in answer.rows] == [0]


def test_a_plan_in_words(filled):
    plan = filled.explain_query(
        rank_by=("vector", "ANN", [0, 1]), limit=3, filters=("kind", "Eq", "fish")
    ).plan_text
    assert "20 rows pass, 33.3 %" in plan
    assert "the 3 nearest by `vector`" in plan
    assert "compared" in plan


BAD = [
    ({"group_by": ["kind"]}, "aggregate_by"),
    ({"group_by": ["rows"], "aggregate_by": {"rows": ["Count"]}}, "twice"),
    ({"aggregate_by": {"x": ["Max", "n"]}}, "aggregate_by.x"),
    ({"limit": {"total": 3, "per": {"attributes": [], "limit": 1}}}, "limit.per.attributes"),
    ({"limit": {"total": 3, "per": {"attributes": ["nosuch"], "limit": 1}}}, "nosuch"),
    ({"queries": [{"limit": 1}], "rerank_by": ["RRF", {"weights": [1, 1]}]}, "weights"),
    ({"queries": [{"limit": 1}], "rerank_by": {"model": "m", "query": "q"}}, "model"),
    ({"queries": [{"limit": 1}], "limit": 1}, "rerank_by"),
]


@pytest.mark.parametrize("body, named", BAD, ids=lambda value: str(value)[:60])
def test_a_bad_request_is_refused(node, filled, body, named):
    status, answer = post(node, f"/v2/namespaces/{filled.id}/query", body)
    assert status == 400
    assert named in answer["error"]


def test_text_and_vectors_are_fused_and_limited_by_kind(namespace):
    words = ["deep sea", "deep water", "high hill", "deep deep sea"]
    namespace.write(
        upsert_rows=[{"id": at, "text": text, "vector": [at, 1], "kind": at % 2} for at, text in enumerate(words)],
        distance_metric="euclidean_squared", schema={"text": {"type": "string", "full_text_search": True}},
    )
    text = {"rank_by": ("text", "BM25", "deep sea"), "limit": 4}
    found = [row.id for row in namespace.query(**text).rows]
    assert set(found) == {0, 1, 3}
    near = {"rank_by": ("vector", "ANN", [2, 1]), "limit": 1}
    [answer] = namespace.multi_query(queries=[text, near], rerank_by=("RRF",)).results
    # The best text and the nearest row are both first once: their ids decide.
    assert [row.id for row in answer.rows[:2]] == sorted([found[0], 2])
    per = {"attributes": ["kind"], "limit": 1}
    kinds = [row.id for row in namespace.query(**{**text, "limit": {"total": 4, "per": per}}).rows]
    assert len(kinds) == 2 and kinds[0] == found[0] and kinds[0] % 2 != kinds[1] % 2
