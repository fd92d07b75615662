"""Hostile use: malformed requests, connections that stand still, bodies that do not fit into memory.

Each malformed request is refused with a text that names the fault, changes nothing, and costs no memory.
"""

import base64
import gzip
import json
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.node import Node, local_bucket
from harness.process import wait_until

from .wire import connect, ended, exchange, head, post, read_answer

NS = "/v2/namespaces/hostile"
MIB = 1 << 20
# What the node of this file may hold of requests; and what it needs besides, at most.
REQUEST_MEMORY = 192 * MIB
REST_MIB = 330

F32_NAN = base64.b64encode(struct.pack("<2f", float("nan"), 1)).decode()
F32_INF = base64.b64encode(struct.pack("<2f", float("inf"), 1)).decode()


def row(**attributes: object) -> dict:
    return {"upsert_rows": [{"id": 7, **attributes}]}


def deep(left: str, inner: str, right: str, levels: int = 200_000) -> bytes:
    return (left * levels + inner + right * levels).encode()


def nested_filter(levels: int) -> bytes:
    return b'{"rank_by":["id","asc"],"limit":1,"filters":' + deep('["Not",', '["n","Eq",1]', "]", levels) + b"}"


# What is posted, the statuses that are right, and what the answer must name.
WRITES = [
    (b"", {400}, "JSON"),
    (b"null", {400, 422}, ""),
    (b"[]", {400, 422}, "map"),
    (b"7", {400, 422}, "map"),
    (b'"x"', {400, 422}, "map"),
    (b"{", {400}, "JSON"),
    (b"{}", {400}, "nothing"),
    (b'{"upsert_rows":[{"id":7}]} x', {400}, "JSON"),
    (b'{"upsert_rows":[{"id":7}],}', {400}, "JSON"),
    (b"\xef\xbb\xbf{}", {400}, "JSON"),
    (b'{"upsert_rows":[{"id":"\xff"}]}', {400}, ""),
    (b'{"upsert_rows":[{"id":7,"t":"\xc3\x28"}]}', {400}, ""),
    (b'{"upsert_rows":[{"id":7,"t":"\\ud800"}]}', {400}, ""),
    (b'{"upsert_rows":[{"id":7,"t":"\\x"}]}', {400}, ""),
    (b'{"upsert_rows":[{"id":7,"\xff":1}]}', {400}, ""),
    (b'{"upsert_rows":[{"id":7}],"upsert_rows":[{"id":8}]}', {400}, "upsert_rows"),
    (b'{"upsert_rows":[{"id":7,"id":8}]}', {400}, "id"),
    (b'{"upsert_rows":[{"id":7,"n":1,"n":2}]}', {400}, "n"),
    (b'{"upsert_rows":[{"id":7,"n":NaN}]}', {400}, ""),
    (b'{"upsert_rows":[{"id":7,"n":1e999}]}', {400}, ""),
    (b'{"upsert_rows":[{"id":7,"n":' + b"9" * 100_000 + b"}]}", {400}, ""),
    (b'{"upsert_rows":[{"id":7,"n":-' + b"9" * 400 + b"}]}", {400}, ""),
    (b'{"upsert_rows":' + deep("[", "1", "]") + b"}", {400, 422}, "upsert_rows"),
    (b'{"upsert_rows":[{"id":7,"n":' + deep("[", "1", "]") + b"}]}", {400}, ""),
    (b'{"upsert_rows":[{"id":7,"n":' + deep('{"a":', "1", "}") + b"}]}", {400}, ""),
    (deep('{"a":', "1", "}"), {400}, ""),
    (deep("[", "", ""), {400, 422}, ""),
    (b'{"schema":' + deep('{"a":', "1", "}") + b"}", {400, 422}, "schema"),
    ({"upsert_rows": None}, {400}, "nothing"),
    ({"upsert_rows": [None]}, {400, 422}, "upsert_rows"),
    ({"upsert_rows": [[1]]}, {400, 422}, "upsert_rows"),
    ({"upsert_rows": [{}]}, {400}, "id"),
    ({"upsert_rows": "x" * 100_000}, {400, 422}, "upsert_rows"),
    ({"upsert_rows": [{"id": None}]}, {400}, "id"),
    ({"upsert_rows": [{"id": True}]}, {400}, "id"),
    ({"upsert_rows": [{"id": [1]}]}, {400}, "id"),
    ({"upsert_rows": [{"id": {"a": 1}}]}, {400}, "id"),
    ({"upsert_rows": [{"id": 2**64}]}, {400}, "id"),
    ({"upsert_rows": [{"id": -1}]}, {400}, "id"),
    ({"upsert_rows": [{"id": 0.5}]}, {400}, "id"),
    ({"upsert_rows": [{"id": "x"}]}, {400}, "id"),
    ({"upsert_rows": [{"id": "x" * 65}]}, {400}, "id"),
    ({"upsert_rows": [{"id": 7}, {"id": 7}]}, {400}, "7"),
    ({"upsert_rows": [{"id": 7}], "deletes": [7]}, {400}, "7"),
    ({"deletes": [7, 7]}, {400}, "7"),
    ({"deletes": 7}, {400, 422}, "deletes"),
    ({"deletes": [[7]]}, {400, 422}, "deletes"),
    (row(n="x"), {400}, "n"),
    (row(n=[1]), {400}, "n"),
    (row(n={"a": 1}), {400}, "n"),
    (row(t=1), {400}, "t"),
    (row(mixed=[1, "a"]), {400}, "mixed"),
    (row(mixed=[[1], [2]]), {400}, "mixed"),
    (row(vector=[1]), {400}, "vector"),
    (row(vector=[1, 2, 3]), {400}, "vector"),
    (row(vector=[]), {400}, "vector"),
    (row(vector=7), {400}, "vector"),
    (row(vector=[1, "x"]), {400}, "vector"),
    (row(vector=[1, None]), {400}, "vector"),
    (row(vector=[1, [2]]), {400}, "vector"),
    (row(vector=[1e39, 1]), {400}, "vector"),
    (row(vector=F32_NAN), {400}, "vector"),
    (row(vector=F32_INF), {400}, "vector"),
    (row(vector="AAAA"), {400}, "vector"),
    (row(vector="AACAPwAAgD8"), {400}, "vector"),
    (row(vector="!!!!"), {400}, "vector"),
    (row(other=[0.5] * 20_000) | {"schema": {"other": "[20000]f32"}}, {400}, "other"),
    (row(**{"x" * 129: 1}), {400}, "x"),
    (row(**{"$dist": 1}), {400}, "$dist"),
    (row(**{"": 1}), {400}, ""),
    (row(**{f"a{n}": n for n in range(1100)}), {400}, "attributes"),
    ({"upsert_columns": {"id": [7, 8], "n": [1]}}, {400}, "n"),
    ({"upsert_columns": {"id": [7], "n": 1}}, {400, 422}, "n"),
    ({"upsert_columns": {"n": [1]}}, {400}, "id"),
    ({"upsert_columns": []}, {400, 422}, "upsert_columns"),
    ({"upsert_columns": {"id": [7, 7]}}, {400}, "7"),
    ({"patch_rows": [{"id": 1, "vector": {"$dims": {"9": 1}}}]}, {400}, "vector"),
    ({"patch_rows": [{"id": 1, "vector": {"$dims": {"-1": 1}}}]}, {400}, "vector"),
    ({"patch_rows": [{"id": 1, "vector": {"$dims": {"0": "x"}}}]}, {400}, "vector"),
    ({"patch_rows": [{"id": 1, "n": {"$dims": {"0": 1}}}]}, {400}, "n"),
    (row() | {"schema": {"a": "nosuch"}}, {400}, "a"),
    (row() | {"schema": {"a": "[0]f32"}}, {400}, "a"),
    (row() | {"schema": {"a": "[99999999999]f32"}}, {400}, "a"),
    (row() | {"schema": {"a": "[]" * 1000 + "int"}}, {400}, "a"),
    (row() | {"schema": {"id": "float"}}, {400}, "id"),
    (row() | {"schema": {"n": "string"}}, {400}, "n"),
    (row() | {"schema": []}, {400, 422}, "schema"),
    (row() | {"schema": {"a": {"type": "int", "colour": 1}}}, {400}, "colour"),
    (row() | {"distance_metric": "manhattan"}, {400, 422}, "distance_metric"),
    (row() | {"distance_metric": "euclidean_squared", **row(vector=[1, 2])}, {400}, "distance_metric"),
    (row() | {"unheard_of": 1}, {400}, "unheard_of"),
    (row() | {"encryption": {"mode": "rot13"}}, {400}, "encryption"),
    (row() | {"create_namespace": "yes"}, {400, 422}, "create_namespace"),
]

QUERIES = [
    (b"", {400}, "JSON"),
    (b"[]", {400, 422}, "map"),
    (deep("[", "", ""), {400, 422}, ""),
    ({"limit": -1}, {400, 422}, "limit"),
    ({"limit": 1.5}, {400, 422}, "limit"),
    ({"limit": 10_001}, {400}, "limit"),
    ({"limit": 2**70}, {400, 422}, "limit"),
    ({"limit": 1, "offset": -1}, {400, 422}, "offset"),
    ({"rank_by": []}, {400}, "rank_by"),
    ({"rank_by": ["vector"]}, {400}, "rank_by"),
    ({"rank_by": {"vector": "ANN"}}, {400, 422}, "rank_by"),
    ({"rank_by": ["vector", "ANN", [1]], "limit": 1}, {400}, "vector"),
    ({"rank_by": ["vector", "ANN", [1, 2, 3]], "limit": 1}, {400}, "vector"),
    ({"rank_by": ["vector", "ANN", []], "limit": 1}, {400}, "rank_by"),
    ({"rank_by": ["vector", "ANN", ["x", "y"]], "limit": 1}, {400}, "rank_by"),
    ({"rank_by": ["vector", "ANN", F32_NAN], "limit": 1}, {400}, "rank_by"),
    ({"rank_by": ["vector", "ANN", [1e39, 0]], "limit": 1}, {400}, "rank_by"),
    ({"rank_by": ["vector", "ANN", [0.1] * 20_000], "limit": 1}, {400}, ""),
    ({"rank_by": ["nosuch", "ANN", [1, 2]], "limit": 1}, {400}, "nosuch"),
    ({"rank_by": ["n", "ANN", [1, 2]], "limit": 1}, {400}, "n"),
    ({"rank_by": ["n", "sideways"], "limit": 1}, {400}, "rank_by"),
    ({"rank_by": [["n", "asc"]] * 100_000, "limit": 1}, {400, 200}, ""),
    ({"filters": ["n", "Eq"]}, {400}, "filters"),
    ({"filters": ["n", "Resembles", 1]}, {400}, "filters"),
    ({"filters": ["n", "Eq", "x"]}, {400}, "n"),
    ({"filters": ["n", "Eq", {"a": 1}]}, {400}, "n"),
    ({"filters": ["And", 7]}, {400, 422}, "filters"),
    ({"filters": "n = 1"}, {400, 422}, "filters"),
    (nested_filter(1_000), {400}, "filters"),
    (nested_filter(150_000), {400}, "filters"),
    ({"include_attributes": 7}, {400, 422}, "include_attributes"),
    ({"include_attributes": True, "exclude_attributes": ["n"]}, {400}, "exclude_attributes"),
    ({"aggregate_by": {"a": ["Median", "n"]}}, {400}, "aggregate_by"),
    ({"aggregate_by": ["Count"]}, {400, 422}, "aggregate_by"),
    ({"queries": [{"limit": 1}] * 17}, {400}, "queries"),
    ({"queries": [{"queries": []}]}, {400}, "queries"),
    ({"consistency": {"level": "token", "token": "x" * 10_000}}, {400, 412}, "token"),
    ({"vector_encoding": "morse"}, {400, 422}, "vector_encoding"),
    ({"limit": 1, "unheard_of": 1}, {400}, "unheard_of"),
]

PATHS = [
    ("POST", "/v2/namespaces/../../etc/passwd"),
    ("POST", "/v2/namespaces/%2e%2e%2f%2e%2e"),
    ("POST", "/v2/namespaces/a%2Fb"),
    ("POST", "/v2/namespaces/a%00b"),
    ("POST", "/v2/namespaces/%ff%fe"),
    ("POST", "/v2/namespaces/%zz"),
    ("POST", "/v2/namespaces/" + "x" * 129),
    ("POST", "/v2/namespaces/%C3%A4"),
    ("POST", "/v2/namespaces/a%20b"),
    ("POST", "/v2/namespaces/_isobath.keys"),
    ("POST", "/v2/namespaces//query"),
    ("POST", "//v2/namespaces/x"),
    ("POST", "/v2/namespaces/x/"),
    ("POST", "/eu/eu/v2/namespaces/x"),
    ("GET", "/v1/namespaces?page_size=0"),
    ("GET", "/v1/namespaces?page_size=99999999999999999999"),
    ("GET", "/v1/namespaces?page_size=x"),
    ("GET", "/v1/namespaces?cursor=%00"),
    ("GET", "/v1/namespaces?prefix=a&prefix=b"),
    ("PUT", "/v2/namespaces/x"),
    ("BREW", "/v2/namespaces/x"),
    ("GET", "/v2/namespaces/x/query"),
    ("GET", "/" + "a/" * 10_000),
]

ENCODED = [
    ("gzip", b"this is no gzip"),
    ("gzip", gzip.compress(b'{"upsert_rows":[{"id":7}]}')[:-9]),
    ("gzip", gzip.compress(b'{"upsert_rows":[{"id":7}]}') + b"garbage"),
    ("gzip", gzip.compress(b'{"upsert_rows":[{"id":7}]}')[:10] + b"\xff" * 50),
    ("gzip", zlib.compress(b'{"upsert_rows":[{"id":7}]}')),
    ("deflate", zlib.compress(b'{"upsert_rows":[{"id":7}]}')),
    ("br", b"\x0b\x02\x80"),
    ("gzip, gzip", gzip.compress(gzip.compress(b'{"upsert_rows":[{"id":7}]}'))),
    ("snappy", b'{"upsert_rows":[{"id":7}]}'),
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A node of small limits, with one row."""
    home = tmp_path_factory.mktemp("hostile")
    settings = {
        "server.request_memory": f"{REQUEST_MEMORY} B",
        "search.max_answer": "8 MiB",
        "server.idle_timeout": "6s",
        "server.body_timeout": "3s",
    }
    node = Node(local_bucket(home / "bucket"), home / "node", settings)
    node.start()
    kept = {"id": 1, "n": 1, "t": "text", "vector": [1, 2]}
    assert post(node, NS, {"upsert_rows": [kept], "distance_metric": "cosine_distance"})[0] == 200
    yield node
    node.stop()


@pytest.fixture(autouse=True)
def nothing_changes(hostile):
    before = state(hostile)
    yield
    assert hostile.process.running(), hostile.process.tail()
    assert state(hostile) == before
    panicked = [line for line in hostile.process.log.read_text().splitlines() if "panick" in line]
    assert not panicked


def state(node: Node) -> tuple:
    """The rows, the schema and the namespaces."""
    path = f"{NS}/query"
    body = json.dumps({"rank_by": ["id", "asc"], "limit": 100, "include_attributes": True}).encode()
    status, text = exchange(node, head("POST", path, len(body)) + body)
    assert status == 200, text
    rows = json.loads(text)["rows"]
    return rows, node.get("/v1/namespaces/hostile/schema"), node.get("/v1/namespaces")


def rss_mib(node: Node) -> int:
    return node.process.peak_rss_mib()


def named(value: object) -> str:
    return str(value)[:50]


@pytest.mark.parametrize("body, statuses, name", WRITES, ids=named)
def test_a_malformed_write(hostile, body, statuses, name):
    status, error = post(hostile, NS, body)
    assert status in statuses, (status, error[:200])
    assert name in error
    assert len(error) < 1000


@pytest.mark.parametrize("body, statuses, name", QUERIES, ids=named)
def test_a_malformed_query(hostile, body, statuses, name):
    if isinstance(body, dict) and "queries" not in body:
        body = {"limit": 1, **body}
    status, error = post(hostile, f"{NS}/query", body)
    assert status in statuses, (status, error[:200])
    assert name in error
    assert len(error) < 1000 or status == 200


@pytest.mark.parametrize("method, path", PATHS, ids=named)
def test_a_tricky_path(hostile, method, path):
    body = b'{"upsert_rows":[{"id":7}]}'
    status, text = exchange(hostile, head(method, path, len(body)) + body)
    assert 400 <= status < 500, (status, text[:200])
    assert len(text) < 2000 or status in (404, 414)


@pytest.mark.parametrize("encoding, body", ENCODED, ids=named)
def test_a_badly_encoded_body(hostile, encoding, body):
    status, error = post(hostile, NS, body, f"Content-Encoding: {encoding}")
    assert status in (400, 415), (status, error)
    assert error


def test_gzip_of_several_members_is_one_body(hostile):
    """As the format says; nothing of it may be left out in silence."""
    parts = gzip.compress(b'{"deletes":') + gzip.compress(b"[99]}")
    assert post(hostile, NS, parts, "Content-Encoding: gzip")[0] == 200


def test_memory_stays_flat(hostile):
    """Every malformed request, again and again: the process grows no further."""
    bodies = [(NS, body) for body, *_ in WRITES] + [(f"{NS}/query", body) for body, *_ in QUERIES]

    def all_of_them(_: int) -> None:
        for path, body in bodies:
            post(hostile, path, body)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(all_of_them, range(4)))
        first = current_rss_mib(hostile)
        list(pool.map(all_of_them, range(8)))
    assert current_rss_mib(hostile) - first < 64


def current_rss_mib(node: Node) -> int:
    with open(f"/proc/{node.process.pid}/status") as status:
        [line] = [line for line in status if line.startswith("VmRSS:")]
    return int(line.split()[1]) // 1024


RAW = [
    (b"\x00" * 100, {0, 400}),
    (b"\r\n" * 1000, {0, 400}),
    (b"GET\r\n\r\n", {0, 400}),
    (b"GET / HTTP/9.9\r\n\r\n", {0, 400, 505}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, {0, 400}),
    (b"GET /v1/namespaces HTTP/1.1\r\n\r\n", {200, 400}),
    (head("GET", "/v1/namespaces", None, "X: " + "y" * 200_000), {0, 400, 431}),
    (head("GET", "/v1/namespaces", None, *[f"X{n}: y" for n in range(2000)]), {0, 400, 431}),
    (head("GET", "/v1/namespaces", None, "X : y"), {0, 400}),
    (head("GET", "/v1/namespaces", None, "X: a\x00b"), {0, 400}),
    (head("GET", "/v1/namespaces", None, "X: a\r\n b"), {0, 200, 400}),
    (head("POST", NS, None, "Content-Length: -5"), {0, 400}),
    (head("POST", NS, None, "Content-Length: 5", "Content-Length: 6") + b"{}   ", {0, 400}),
    (head("POST", NS, None, "Content-Length: 99999999999999999999"), {0, 400, 413}),
    (head("POST", NS, None, "Content-Length: 1000000000000"), {0, 400, 408, 413}),
    (head("POST", NS, 5, "Transfer-Encoding: chunked") + b"0\r\n\r\n", {0, 400}),
    (head("POST", NS, None, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n", {0, 400}),
    (head("POST", NS, None, "Transfer-Encoding: chunked") + b"fffffffffffffffff\r\n{}", {0, 400}),
    (head("POST", NS, None, "Transfer-Encoding: gzip") + b"{}", {0, 400, 501}),
    (head("POST", NS, 2, "Expect: 200-maybe") + b"{}", {0, 100, 400, 417}),
    (head("CONNECT", "127.0.0.1:22", None), {0, 400, 404, 405}),
    (head("OPTIONS", "*", None), {0, 400, 404, 405}),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 200, {0, 400}),
]


@pytest.mark.parametrize("request_bytes, statuses", RAW, ids=named)
def test_what_is_no_request(hostile, request_bytes, statuses):
    try:
        status, _ = exchange(hostile, request_bytes, 20)
    except ValueError:
        status = 0  # an HTTP/2 answer
    assert status in statuses


def test_pipelined_requests_are_answered_in_order(hostile):
    query = b'{"rank_by":["id","asc"],"limit":1}'
    good = head("POST", f"{NS}/query", len(query)) + query
    bad = head("POST", f"{NS}/query", 1) + b"{"
    with connect(hostile) as connection:
        connection.sendall(good + bad + good + head("GET", "/healthz", None))
        answers = connection.makefile("rb")
        assert [read_answer(answers)[0] for _ in range(4)] == [200, 400, 200, 200]
        answers.close()


def test_half_requests_end(hostile):
    """A client that stops in the middle of a head or a body does not keep its connection."""
    stopped = [connect(hostile) for _ in range(5)]
    stopped[0].sendall(b"POST /v2/namesp")
    stopped[1].sendall(head("POST", NS, 1000)[:-2])
    stopped[2].sendall(head("POST", NS, 1000) + b'{"upsert')
    stopped[3].sendall(head("POST", NS, None, "Transfer-Encoding: chunked") + b"5\r\n{")
    slow = threading.Thread(target=drip, args=(stopped[4],))
    slow.start()
    for connection in stopped[:4]:
        assert ended(connection, 75), "a half request keeps its connection"
    slow.join(75)
    for connection in stopped:
        connection.close()
    assert not slow.is_alive(), "a head that comes byte by byte keeps its connection"


def drip(connection) -> None:
    """A head, one byte after the other."""
    try:
        for byte in head("POST", NS, 2, *[f"X{n}: y" for n in range(50)]):
            connection.sendall(bytes([byte]))
            time.sleep(0.3)
    except (BrokenPipeError, ConnectionResetError):
        pass


def test_bombs_do_not_go_off(hostile):
    """A thousandth of its size on the wire, gigabytes inflated."""
    layer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = layer.compress(b'{"upsert_rows":[{"id":7,"t":"')
    for _ in range(512):
        bomb += layer.compress(b"x" * (4 * MIB))
    bomb += layer.flush()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(hostile, NS, bomb, "Content-Encoding: gzip"), range(8)))
    assert {status for status, _ in answers} <= {413, 429, 0}, answers
    assert rss_mib(hostile) < REQUEST_MEMORY // MIB + REST_MIB


def test_large_bodies_side_by_side(hostile):
    """64 bodies of the largest size: memory stays bounded, small requests are still answered."""
    body = b'{"nothing":"' + b"x" * (64 * MIB - 20) + b'"}'
    slowest = 0.0
    done = threading.Event()

    def small() -> None:
        nonlocal slowest
        query = {"rank_by": ["vector", "ANN", [1, 1]], "limit": 1}
        while not done.is_set():
            start = time.monotonic()
            status, error = post(hostile, f"{NS}/query", query)
            assert status == 200, error
            slowest = max(slowest, time.monotonic() - start)

    watcher = ThreadPoolExecutor(1)
    watching = watcher.submit(small)
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: post(hostile, NS, body), range(64)))
    done.set()
    watching.result(60)
    assert {status for status, _ in answers} <= {400, 429, 0}, answers
    assert 400 in {status for status, _ in answers}, "none of them was read"
    assert rss_mib(hostile) < REQUEST_MEMORY // MIB + REST_MIB


def test_an_answer_is_not_larger_than_it_may_be(hostile):
    path = "/v2/namespaces/large"
    schema = {"t": {"type": "string", "filterable": False}}
    for n in range(0, 20, 5):
        rows = [{"id": n + at, "t": "x" * MIB} for at in range(5)]
        assert post(hostile, path, {"upsert_rows": rows, "schema": schema})[0] == 200
    query = {"rank_by": ["id", "asc"], "include_attributes": True}
    assert post(hostile, f"{path}/query", {**query, "limit": 5})[0] == 200
    for asked in ({**query, "limit": 20}, {"queries": [{**query, "limit": 5}] * 4}):
        status, error = post(hostile, f"{path}/query", asked)
        assert status == 400 and "too large" in error, (status, error)
    assert exchange(hostile, head("DELETE", path, 0))[0] == 200


def test_idle_connections_cost_little_and_end(hostile):
    before = current_rss_mib(hostile)
    idle = [connect(hostile) for _ in range(2000)]
    assert hostile.get("/healthz", 30)[0] == 200
    assert post(hostile, f"{NS}/query", {"rank_by": ["id", "asc"], "limit": 1})[0] == 200
    assert current_rss_mib(hostile) - before < 200
    for connection in idle:
        assert ended(connection, 120), "an idle connection is not ended"
        connection.close()
    wait_until(lambda: hostile.get("/healthz")[0] == 200, "the node answers", 10)


def test_a_client_that_does_not_read_loses_its_connection(hostile):
    with connect(hostile) as connection:
        request = head("GET", "/metrics", None)
        connection.settimeout(5)
        try:
            while True:
                connection.sendall(request * 100)
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
        assert hostile.get("/healthz", 30)[0] == 200
        time.sleep(7)
        assert ended(connection, 60)
