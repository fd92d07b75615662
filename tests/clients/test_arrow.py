"""Arrow IPC streams: rows written as they lie in memory, answers read the same way."""

import datetime
import uuid
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pytest

from .wire import connect, exchange, head, post, read_answer

TYPE = "application/vnd.apache.arrow.stream"
WORDS = ["a", None, "b"]
UUIDS = [uuid.UUID(int=n).bytes for n in range(3)]
TIMES = [datetime.datetime(2024, 3, n + 1, tzinfo=datetime.timezone.utc) for n in range(3)]


def stream(*tables: pa.Table, **options) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, tables[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for table in tables:
            writer.write_table(table)
    return sink.getvalue().to_pybytes()


def vectors(values: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])


def sample() -> pa.Table:
    return pa.table({
        "id": [10, 11, 12],
        "vector": vectors(np.arange(6, dtype=np.float32).reshape(3, 2)),
        "half": vectors(np.ones((3, 4), dtype=np.float16)),
        "s": WORDS,
        "n": pa.array([1, None, -3], pa.int32()),
        "f": [0.5, float("nan"), None],
        "b": [True, None, False],
        "u": pa.array(UUIDS, pa.binary(16)),
        "at": pa.array(TIMES, pa.timestamp("us", "UTC")),
        "tags": pa.array([["x", "y"], [], None], pa.list_(pa.string())),
    })


def write(node, namespace, body: bytes, **params: str) -> tuple[int, str]:
    params = params or {"distance_metric": "cosine_distance"}
    path = f"/v2/namespaces/{namespace}?{urlencode(params)}"
    return exchange(node, head("POST", path, len(body), f"Content-Type: {TYPE}") + body)


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_a_stream_is_written_and_read_back(node, namespace, compression):
    status, text = write(node, namespace.id, stream(sample(), compression=compression))
    assert status == 200, text
    rows = namespace.query(rank_by=("id", "asc"), limit=10, include_attributes=True).rows
    assert [row.id for row in rows] == [10, 11, 12]
    first = rows[0].model_extra | {"vector": rows[0].vector}
    assert first["vector"] == [0, 1] and first["half"] == [1] * 4
    assert first["s"] == "a" and first["n"] == 1 and first["f"] == 0.5 and first["b"] is True
    assert first["u"] == str(uuid.UUID(int=0)) and first["tags"] == ["x", "y"]
    assert first["at"].startswith("2024-03-01T00:00:00")
    assert "f" not in rows[1].model_extra and "s" not in rows[1].model_extra
    found = namespace.query(rank_by=("vector", "ANN", [0, 1]), limit=1).rows[0]
    assert found.id == 10


def test_lists_are_vectors_where_their_items_are_small_floats(node, namespace):
    lists = pa.array([[1.0, 2.0], None], pa.list_(pa.float32()))
    assert write(node, namespace.id, stream(pa.table({"id": [1, 2], "v": lists})))[0] == 200
    rows = namespace.query(rank_by=("v", "ANN", [1, 2]), limit=5, include_attributes=True).rows
    assert [(row.id, row.model_extra["v"]) for row in rows] == [(1, [1, 2])]


def test_several_batches_and_a_schema(node, namespace):
    table = pa.table({"id": ["x", "y"], "u": [str(uuid.UUID(int=7)), None]})
    other = pa.table({"id": ["z", "w"], "u": [None, None]}).cast(table.schema)
    status, text = write(node, namespace.id, stream(table, other), schema='{"u":"uuid"}')
    assert status == 200, text
    assert namespace.schema()["u"].type == "uuid"
    assert len(namespace.query(rank_by=("id", "asc"), limit=10).rows) == 4


BAD = [
    (stream(sample(), compression="lz4"), "lz4"),
    (b"", "Arrow"),
    (b"ARROW1\0\0", "Arrow"),
    (b"\xff" * 64, "Arrow"),
    (stream(sample())[:-200], "Arrow"),
    (stream(sample())[:300], "Arrow"),
    (b"\xff\xff\xff\xff\xff\xff\xff\x7f", "Arrow"),
    (stream(pa.table({"n": [1]})), "id"),
    (stream(pa.table({"id": [1, 1]})), "id"),
    (stream(pa.table({"id": [-1]})), "id"),
    (stream(pa.table({"id": [0.5]})), "id"),
    (stream(pa.table({"id": pa.array([1, None])})), "id"),
    (stream(pa.table({"id": ["x" * 65]})), "id"),
    (stream(pa.table({"id": [1], "a": pa.array([{"x": 1}])})), "a"),
    (stream(pa.table({"id": [1], "a": pa.array(["x"]).dictionary_encode()})), "a"),
    (stream(pa.table({"id": [1], "a": [float("inf")]})), "a"),
    (stream(pa.table({"id": [1], "a": vectors(np.array([[np.nan, 1]], np.float32))})), "a"),
    (stream(pa.table({"id": [1], "a": vectors(np.zeros((1, 20_000), np.float32))})), "a"),
    (stream(pa.table({"id": [1, 2], "a": pa.array([[1.0], [1.0, 2.0]], pa.list_(pa.float32()))})), "a"),
    (stream(pa.table({"id": [1], "$dist": [1]})), "$dist"),
    (stream(pa.table([pa.array([1]), pa.array([1]), pa.array([2])], names=["id", "a", "a"])), "a"),
    (stream(pa.table({"id": [1], "n": ["not a number"]})), "n"),
    (stream(pa.table({"id": [1], "vector": vectors(np.ones((1, 3), np.float32))})), "vector"),
]


@pytest.mark.parametrize("body, named", BAD, ids=lambda value: str(value)[:30])
def test_a_bad_stream_is_refused(node, client, body, named):
    namespace = client.namespace("bad-arrow")
    namespace.write(upsert_rows=[{"id": 5, "n": 1, "vector": [1, 2]}], distance_metric="cosine_distance")
    status, text = write(node, namespace.id, body)
    assert status == 400 and named in text, (status, text)
    assert len(namespace.query(rank_by=("id", "asc"), limit=10).rows) == 1


PARAMS = [{"distance_metric": "miles"}, {"schema": "{"}, {"unheard_of": "1"}, {"schema": '{"n":"string"}'}]


@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_bad_parameters_are_refused(node, client, params):
    namespace = client.namespace("bad-arrow")
    namespace.write(upsert_rows=[{"id": 5, "n": 1, "vector": [1, 2]}], distance_metric="cosine_distance")
    assert write(node, namespace.id, stream(pa.table({"id": [1], "n": [1]})), **params)[0] == 400


def test_an_answer_as_a_stream(node, namespace):
    assert write(node, namespace.id, stream(sample()))[0] == 200
    body = b'{"rank_by":["vector","ANN",[0,1]],"limit":3,"include_attributes":["s","vector","n"]}'
    path = f"/v2/namespaces/{namespace.id}/query"
    lines = ["Content-Type: application/json", f"Accept: {TYPE}"]
    status, answer = exchange_bytes(node, head("POST", path, len(body), *lines) + body)
    assert status == 200, answer
    table = pa.ipc.open_stream(answer).read_all()
    assert table.column_names == ["id", "$dist", "n", "s", "vector"]
    assert table["id"].to_pylist()[0] == 10
    assert dict(zip(table["id"].to_pylist(), table["s"].to_pylist())) == dict(zip([10, 11, 12], WORDS))
    assert table.schema.field("vector").type == pa.list_(pa.field("item", pa.float32(), False), 2)
    assert post(node, path, {"aggregate_by": {"n": ["Count"]}}, f"Accept: {TYPE}")[0] == 400


def exchange_bytes(node, request: bytes) -> tuple[int, bytes]:
    with connect(node) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as answers:
            return read_answer(answers)
