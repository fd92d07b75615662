"""Filters on strings, integers, floats and booleans, against the same conditions in Python."""

import itertools

import pytest
import turbopuffer

COLORS = ["red", "green", "blue", None]
SIZES = [-5, 0, 3, 2**40, None]
SHARES = [-0.5, 0.0, 0.25, 1e9, None]
KINDS = [True, False, None]
ROWS = [
    {"id": at, "color": color, "size": size, "share": share, "kind": kind}
    for at, (color, size, share, kind) in enumerate(itertools.product(COLORS, SIZES, SHARES, KINDS))
]

# The filter, and what it means. Less-than also holds for rows without a value.
CASES = [
    (("color", "Eq", "red"), lambda r: r["color"] == "red"),
    (("color", "Eq", None), lambda r: r["color"] is None),
    (("color", "NotEq", None), lambda r: r["color"] is not None),
    (("color", "NotEq", "red"), lambda r: r["color"] != "red"),
    (("color", "In", ["red", "blue", "none"]), lambda r: r["color"] in ("red", "blue")),
    (("color", "NotIn", ["red", "blue"]), lambda r: r["color"] not in ("red", "blue")),
    (("color", "Gt", "green"), lambda r: r["color"] == "red"),
    (("color", "Lte", "green"), lambda r: r["color"] in ("blue", "green", None)),
    (("size", "Eq", 2**40), lambda r: r["size"] == 2**40),
    (("size", "In", [0, 3]), lambda r: r["size"] in (0, 3)),
    (("size", "Lt", 0), lambda r: r["size"] in (-5, None)),
    (("size", "Lte", 0), lambda r: r["size"] in (-5, 0, None)),
    (("size", "Gt", 0), lambda r: r["size"] in (3, 2**40)),
    (("size", "Gte", 0), lambda r: r["size"] in (0, 3, 2**40)),
    (("share", "Eq", 0.25), lambda r: r["share"] == 0.25),
    (("share", "Gt", 0), lambda r: r["share"] in (0.25, 1e9)),
    (("share", "Lt", 0.25), lambda r: r["share"] in (-0.5, 0.0, None)),
    (("kind", "Eq", True), lambda r: r["kind"] is True),
    (("kind", "NotEq", True), lambda r: r["kind"] is not True),
    (("kind", "In", [False]), lambda r: r["kind"] is False),
    (("id", "Gte", 290), lambda r: r["id"] >= 290),
    (("id", "In", [1, 7, 5000]), lambda r: r["id"] in (1, 7)),
    (("And", [("color", "Eq", "red"), ("size", "Gt", 0)]),
     lambda r: r["color"] == "red" and r["size"] in (3, 2**40)),
    (("Or", [("color", "Eq", "red"), ("share", "Eq", 1e9)]),
     lambda r: r["color"] == "red" or r["share"] == 1e9),
    (("Not", ("color", "Eq", "red")), lambda r: r["color"] != "red"),
    (("Not", ("size", "Lt", 0)), lambda r: r["size"] in (0, 3, 2**40)),
    (("Not", ("Or", [("kind", "Eq", None), ("And", [("size", "Gte", 0), ("share", "Lt", 0)])])),
     lambda r: r["kind"] is not None and not (r["size"] in (0, 3, 2**40) and r["share"] in (-0.5, None))),
    (("And", []), lambda r: True),
]


@pytest.fixture(scope="module")
def filled(client):
    namespace = client.namespace("filters")
    vectors = [[r["id"] / 100, 1.0] for r in ROWS]
    columns = {name: [r[name] for r in ROWS] for name in ROWS[0]}
    namespace.write(upsert_columns={**columns, "vector": vectors}, distance_metric="euclidean_squared")
    return namespace


@pytest.mark.parametrize("filters, holds", CASES, ids=[str(filters) for filters, _ in CASES])
def test_a_filter_chooses_rows(filled, filters, holds):
    wanted = [r["id"] for r in ROWS if holds(r)]
    by_id = filled.query(rank_by=("id", "asc"), filters=filters, limit=1000).rows
    assert [row.id for row in by_id] == wanted
    nearest = filled.query(rank_by=("vector", "ANN", [0, 1.0]), filters=filters, limit=1000).rows
    assert [row.id for row in nearest] == wanted
    count = filled.query(aggregate_by={"rows": ("Count",)}, filters=filters)
    assert count.aggregations == {"rows": len(wanted)}


@pytest.mark.parametrize("filters, named", [
    (("size", "Eq", "text"), "size"),
    (("color", "Gt", 5), "color"),
    (("size", "Near", 5), "Near"),
    (("Xor", [("size", "Eq", 1)]), "filters"),
], ids=str)
def test_a_bad_filter_is_named(filled, filters, named):
    with pytest.raises((turbopuffer.BadRequestError, turbopuffer.UnprocessableEntityError)) as refused:
        filled.query(rank_by=("id", "asc"), filters=filters, limit=1)
    assert named in str(refused.value)


@pytest.mark.parametrize("filters", [
    ("color", "Fuzzy", "red"),
], ids=str)
def test_a_filter_that_is_not_there_yet_is_named(filled, filters):
    with pytest.raises(turbopuffer.BadRequestError, match=filters[1]):
        filled.query(rank_by=("id", "asc"), filters=filters, limit=1)
