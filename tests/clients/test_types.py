"""Types: every kind of value through writes, answers and orders; ids; several vectors; limits."""

import time
import uuid

import pytest
import turbopuffer

from .conftest import shown

KEYS = sorted(str(uuid.UUID(int=at)) for at in (1, 2**70, 2**127))
TIMES = ["1969-12-31T23:59:59.999Z", "2024-03-01T00:00:00.000Z", "2024-03-01T10:00:00.000Z"]
# By type three values in order.
VALUES = {
    "string": ["", "a", "ä"],
    "int": [-(2**63), 0, 2**63 - 1],
    "uint": [0, 2**53 + 1, 2**64 - 1],
    "float": [-1e308, 0.1, 1e-9 + 1],
    "uuid": KEYS,
    "datetime": TIMES,
    "bool": [False, False, True],
}
SCALARS = [(type, values) for type, values in VALUES.items()]
ARRAYS = [("[]" + type, [[], values[:1], values[1:]]) for type, values in VALUES.items()]


@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("type, values", SCALARS + ARRAYS, ids=lambda value: value if isinstance(value, str) else "")
def test_values_come_back_as_they_were(namespace, type, values, layout):
    schema = {"a": type}
    if layout == "rows":
        rows = [{"id": at, "a": value} for at, value in enumerate(values)]
        namespace.write(upsert_rows=[*rows, {"id": 3}, {"id": 4, "a": None}], schema=schema)
    else:
        namespace.write(upsert_columns={"id": list(range(5)), "a": [*values, None, None]}, schema=schema)
    assert namespace.schema()["a"].type == type
    found = namespace.query(rank_by=("id", "asc"), limit=10, include_attributes=True)
    assert shown(found.rows) == [*({"id": at, "a": value} for at, value in enumerate(values)), {"id": 3}, {"id": 4}]


def test_every_type_is_patched_and_folded(namespace):
    types = {f"a{at}": (type, values) for at, (type, values) in enumerate(SCALARS + ARRAYS)}
    schema = {name: type for name, (type, _) in types.items()}
    ids = list(range(120))
    wanted = [{"id": id, **{name: values[id % 3] for name, (_, values) in types.items()}} for id in ids]
    namespace.write(upsert_rows=wanted, schema=schema)
    patched = {name: [values[0], values[2], None] for name, (_, values) in types.items()}
    namespace.write(patch_columns={"id": [1, 50, 119], **patched})
    for at, id in enumerate([1, 50]):
        wanted[id] = {"id": id, **{name: values[at] for name, values in patched.items()}}
    wanted[119] = {"id": 119}
    deadline = time.monotonic() + 60
    while True:
        found = namespace.query(rank_by=("id", "asc"), limit=1000, include_attributes=True)
        assert shown(found.rows) == wanted
        for name, (type, values) in types.items():
            answer = namespace.query(aggregate_by={"n": ("Count",)}, filters=(name, "Eq", values[2]))
            equal = sum(row.get(name) == values[2] for row in wanted)
            assert answer.aggregations == {"n": equal}, type
        if namespace.metadata().approx_row_count == len(ids):
            break
        assert time.monotonic() < deadline, "not folded"


@pytest.mark.parametrize("type, values", SCALARS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_type_has_an_order(namespace, type, values):
    rows = [{"id": 9 - at, "a": value} for at, value in enumerate(values)]
    namespace.write(upsert_rows=[*rows, {"id": 1}], schema={"a": type})
    for direction, reverse in (("asc", False), ("desc", True)):
        found = namespace.query(rank_by=("a", direction), limit=10, include_attributes=["a"]).rows
        wanted = sorted(values, reverse=reverse)
        assert [row.get("a") for row in shown(found)] == (wanted + [None] if reverse else [None] + wanted)


@pytest.mark.parametrize("type, value", [
    ("int", 2**63), ("int", 0.5), ("int", "1"), ("uint", -1), ("float", "x"), ("uuid", "x"),
    ("datetime", 5), ("datetime", "2024-02-30"), ("bool", 1), ("string", 1), ("string", ["x"]), ("[]string", "x"),
    ("[]string", [1]), ("[]int", [1, None]), ("[]int", [[1]]), ("string", {"x": 1}),
])
def test_what_is_no_value_of_the_type_is_refused(namespace, type, value):
    with pytest.raises(turbopuffer.BadRequestError, match=r"upsert_rows\[1\]\.a"):
        namespace.write(upsert_rows=[{"id": 1}, {"id": 2, "a": value}], schema={"a": type})
    assert not namespace.exists()


def test_arrays_and_scalars_do_not_mix(namespace):
    namespace.write(upsert_rows=[{"id": 1, "a": [1, 2]}])
    with pytest.raises(turbopuffer.BadRequestError, match="a"):
        namespace.write(upsert_rows=[{"id": 2, "a": 1}])
    assert namespace.schema()["a"].type == "[]int"


@pytest.mark.parametrize("ids", [
    [1, "a"], ["x" * 65], [""], [1e30], [-1], [1.5], [None], [True], [[1]],
], ids=str)
def test_what_is_no_id_is_refused(namespace, ids):
    with pytest.raises(turbopuffer.BadRequestError, match="id"):
        namespace.write(upsert_rows=[{"id": id} for id in ids])
    with pytest.raises(turbopuffer.BadRequestError, match="id"):
        namespace.write(upsert_columns={"id": ids})


@pytest.mark.parametrize("schema, ids", [
    ({}, [0, 2**53 + 1, 2**64 - 1]),
    ({}, ["a", "x" * 64, "ä"]),
    ({"id": "uuid"}, KEYS),
], ids=["uint", "string", "uuid"])
def test_ids_are_filtered_patched_and_deleted(namespace, schema, ids):
    namespace.write(upsert_rows=[{"id": id, "n": at} for at, id in enumerate(ids)], schema=schema)

    def found(filters):
        return [row.id for row in namespace.query(rank_by=("id", "asc"), filters=filters, limit=10).rows]

    assert found(("id", "Gt", ids[0])) == ids[1:]
    assert found(("id", "In", ids[::2])) == ids[::2]
    assert found(("id", "NotEq", ids[1])) == ids[::2]
    namespace.write(patch_rows=[{"id": ids[2], "n": 7}], deletes=[ids[0]])
    rows = namespace.query(rank_by=("id", "desc"), limit=10, include_attributes=["n"]).rows
    assert shown(rows) == [{"id": ids[2], "n": 7}, {"id": ids[1], "n": 1}]


def test_uuid_ids_are_uuids(namespace):
    namespace.write(upsert_rows=[{"id": KEYS[0]}], schema={"id": "uuid"})
    with pytest.raises(turbopuffer.BadRequestError, match="id"):
        namespace.write(upsert_rows=[{"id": "seven"}])
    with pytest.raises(turbopuffer.BadRequestError, match="id"):
        namespace.write(upsert_rows=[{"id": 7}])


def test_two_vectors_each_with_its_metric(namespace):
    schema = {
        "title": {"type": "[2]f32", "ann": {"distance_metric": "cosine_distance"}},
        "image": {"type": "[3]f16", "ann": {"distance_metric": "euclidean_squared"}},
    }
    # More rows than a part needs, so that each vector gets an index of its own.
    ids = list(range(200))
    namespace.write(
        upsert_columns={
            "id": ids,
            "title": [[1 + id, 0.5] for id in ids],
            "image": [[id, 1, 1] if id % 2 == 0 else None for id in ids],
        },
        schema=schema,
    )
    for _ in range(2):
        near = namespace.query(rank_by=("image", "ANN", [6.6, 1, 1]), limit=3)
        assert [row.id for row in near.rows] == [6, 8, 4]
        assert near.rows[0]["$dist"] == pytest.approx(0.36, abs=0.01)
        near = namespace.query(rank_by=("title", "ANN", [1, 0]), limit=2, filters=("id", "Lt", 100))
        assert [row.id for row in near.rows] == [99, 98]
        assert near.rows[0]["$dist"] < 1e-4
        namespace.write(patch_rows=[{"id": 199, "n": 1}])
    described = namespace.metadata().to_dict()["schema"]
    assert described["title"]["ann"] == {"distance_metric": "cosine_distance"}
    assert described["image"]["ann"] == {"distance_metric": "euclidean_squared"}
    with pytest.raises(turbopuffer.BadRequestError, match="dimensions"):
        namespace.query(rank_by=("title", "ANN", [6, 1, 1]), limit=3)
    with pytest.raises(turbopuffer.BadRequestError, match="at most 2 vector"):
        namespace.write(upsert_rows=[{"id": 1, "vector": [1]}], distance_metric="cosine_distance")


def test_half_precision_holds_its_range(namespace):
    schema = {"vector": {"type": "[2]f16", "ann": True}}
    namespace.write(
        upsert_rows=[{"id": 1, "vector": [0.1, 65504]}], schema=schema, distance_metric="euclidean_squared"
    )
    [row] = namespace.query(rank_by=("id", "asc"), limit=1, include_attributes=["vector"]).rows
    assert row.vector == pytest.approx([0.1, 65504], rel=1e-3)
    with pytest.raises(turbopuffer.BadRequestError, match="f16"):
        namespace.write(upsert_rows=[{"id": 2, "vector": [0, 1e6]}])


def test_attributes_are_left_out(namespace):
    namespace.write(
        upsert_rows=[{"id": 1, "a": 1, "b": [2], "vector": [1, 2]}], distance_metric="cosine_distance"
    )

    def shows(**asked):
        [row] = namespace.query(rank_by=("id", "asc"), limit=1, **asked).rows
        return set(shown([row])[0])

    assert shows(exclude_attributes=["vector", "nosuch"]) == {"id", "a", "b"}
    assert shows(exclude_attributes=[]) == {"id", "a", "b", "vector"}
    assert shows(exclude_attributes=["id", "a"]) == {"id", "b", "vector"}
    assert shows() == {"id"}
    with pytest.raises(turbopuffer.BadRequestError, match="exclude_attributes"):
        shows(exclude_attributes=["a"], include_attributes=["b"])


@pytest.mark.parametrize("row, schema, named", [
    ({"a": "x" * 4097}, {}, "filterable"),
    ({"a": ["x" * 4097]}, {}, "filterable"),
    ({"a": "x" * (8 << 20) + "x"}, {"a": {"type": "string", "filterable": False}}, "8388608"),
    ({"x" * 129: 1}, {}, "128"),
    ({"$a": 1}, {}, "a"),
    ({f"a{at}": at for at in range(1025)}, {}, "1024"),
], ids=["filterable", "element", "value", "name", "reserved", "attributes"])
def test_what_is_too_large_is_named(namespace, row, schema, named):
    with pytest.raises(turbopuffer.BadRequestError, match=named):
        namespace.write(upsert_rows=[{"id": 1, **row}], schema=schema)
    assert not namespace.exists()


def test_long_values_where_no_filter_may_name_them(namespace):
    long = "x" * (8 << 20)
    schema = {"a": {"type": "string", "filterable": False}}
    namespace.write(upsert_rows=[{"id": 1, "a": long, "b": "y" * 4096}], schema=schema)
    [row] = namespace.query(rank_by=("id", "asc"), limit=1, include_attributes=["a"]).rows
    assert row.a == long


def test_a_namespace_has_so_many_attributes(namespace):
    namespace.write(upsert_rows=[{"id": 1, **{f"a{at}": at for at in range(1024)}}])
    namespace.write(upsert_rows=[{"id": 2, "a0": 1}])
    with pytest.raises(turbopuffer.BadRequestError, match="1024"):
        namespace.write(upsert_rows=[{"id": 2, "b": 1}])
