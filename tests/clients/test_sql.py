"""SQL over HTTP: every statement is carried out by SQLite, too, which knows the distance functions from here."""

import json
import math
import os
import random
import sqlite3

import pyarrow as pa
import pytest

from .test_errors import post

Q, FAR = "'[0.1,0.2,0.3]'", "'[0.9,0.9,0.9]'"
COUNT = 3_000
WORDS = ["red", "blue", "shoe", "lamp", "chair", "fast", "slow", "vector", "log", "ocean"]
COLUMNS = ["id", "embedding", "category", "price", "title", "stock", "active"]


def vector(text):
    return None if text is None else json.loads(text) if isinstance(text, str) else text


def l2(a, b):
    return None if a is None or b is None else math.dist(vector(a), vector(b))


def some_rows() -> list[dict]:
    chance = random.Random(7)
    rows = []
    for at in range(COUNT):
        title = f"{WORDS[at % 10]} {WORDS[at // 10 % 10]} {WORDS[at // 100 % 10]}"
        rows.append({
            "id": at,
            "embedding": None if at % 97 == 96 else [round(chance.random(), 6) for _ in range(3)],
            "category": None if at % 50 == 49 else "xyz"[at % 3],
            "price": None if at % 31 == 30 else float(at % 100),
            "title": title,
            "stock": None if at % 7 == 6 else at * 13 % 50 - 10,
            "active": None if at % 11 == 10 else at % 2 == 0,
        })
    return rows


ROWS = some_rows()


@pytest.fixture(scope="module")
def docs(node, client):
    """The table `docs` here and in SQLite: most rows in parts, some replaced, some deleted, the last ones new."""
    namespace = client.namespace("docs")
    schema = {"embedding": {"type": "[3]f32", "ann": True}, "price": "float", "category": "string",
              "title": {"type": "string", "filterable": True}, "stock": "int", "active": "bool"}
    plain = [{name: value for name, value in row.items() if value is not None} for row in ROWS]
    stale = [{**row, "price": -1.0, "title": "stale"} for row in plain[:200]]
    namespace.write(upsert_rows=[*stale, *({"id": id, "title": "gone"} for id in range(COUNT, COUNT + 90))],
                    schema=schema, distance_metric="euclidean_squared")
    namespace.write(upsert_rows=plain[:2_900])
    namespace.write(deletes=list(range(COUNT, COUNT + 90)))
    namespace.write(upsert_rows=plain[2_900:])
    oracle = sqlite3.connect(":memory:")
    oracle.execute("PRAGMA case_sensitive_like = ON")
    for name in ("l2_distance", "array_distance"):
        oracle.create_function(name, 2, l2, deterministic=True)
    oracle.create_function("l2_squared_distance", 2, lambda a, b: None if (d := l2(a, b)) is None else d * d,
                           deterministic=True)
    oracle.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, embedding, category TEXT, price REAL, title TEXT, "
                   "stock INTEGER, active BOOLEAN)")
    oracle.executemany(f"INSERT INTO docs VALUES ({','.join('?' * len(COLUMNS))})",
                       [[json.dumps(row[name]) if name == "embedding" and row[name] else row[name]
                         for name in COLUMNS] for row in ROWS])
    return oracle


def run(node, sql, params=(), **more):
    status, answer = post(node, "/v2/sql", {"sql": sql, "params": list(params), **more})
    assert status == 200, (sql, answer)
    return answer


def rows(node, sql, params=(), **more):
    return [list(row.values()) for row in run(node, sql, params, **more)["rows"]]


def plan(node, sql, params=()):
    return "\n".join(line for [line] in rows(node, f"EXPLAIN {sql}", params))


def fault(node, sql, params=()):
    status, answer = post(node, "/v2/sql", {"sql": sql, "params": list(params)})
    assert 400 <= status < 500, (status, sql, answer)
    return status, answer["error"]


def same(found, expected):
    """Whether two tables are equal, numbers more or less."""
    def equal(a, b):
        if isinstance(a, bool) or isinstance(b, bool):
            return int(a) == int(b) if a is not None and b is not None else a is b
        if isinstance(a, (int, float)) and isinstance(b, (int, float)):
            return math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-6)
        return a == b
    return len(found) == len(expected) and all(
        len(a) == len(b) and all(map(equal, a, b)) for a, b in zip(found, map(list, expected), strict=True))


ANN = "AnnTopKExec"

# The statement, what its plan says, and what SQLite is asked instead where that is not the same.
ACCEPTED = [
    ("SELECT id, l2_distance(embedding, [0.1,0.2,0.3]) AS d FROM docs WHERE category='x' AND price<10 "
     "ORDER BY d LIMIT 10", ANN,
     f"SELECT id, l2_distance(embedding, {Q}) AS d FROM docs WHERE category='x' AND price<10 "
     "ORDER BY d NULLS LAST LIMIT 10"),
    *((f"SELECT id FROM docs ORDER BY {order} LIMIT 5", ANN,
       f"SELECT id FROM docs ORDER BY l2_distance(embedding, {Q}) NULLS LAST LIMIT 5")
      for order in (f"embedding <-> {Q}", f"embedding <-> {Q}::vector", f"embedding <-> {Q}::vector(3)",
                    "embedding <-> ARRAY[0.1,0.2,0.3]::real[]", "array_distance(embedding, [0.1,0.2,0.3])",
                    f"l2_distance({Q}, embedding)", f"2.5 * l2_squared_distance(embedding, {Q})",
                    f"sqrt(l2_squared_distance(embedding, {Q}))", f"1 + (embedding <-> {Q})")),
    (f"SELECT id FROM docs ORDER BY embedding <=> {Q} LIMIT 5", "index was built for another metric", None),
    (f"SELECT id, -(embedding <#> {Q}) ip FROM docs ORDER BY embedding <#> {Q} LIMIT 5",
     "index was built for another metric", None),
    (f"SELECT id FROM docs ORDER BY embedding <-> {Q} DESC NULLS LAST LIMIT 5", "farthest-first order",
     f"SELECT id FROM docs ORDER BY l2_distance(embedding, {Q}) DESC NULLS LAST LIMIT 5"),
    (f"SELECT id FROM docs WHERE embedding IS NOT NULL ORDER BY embedding <-> {Q}", "no LIMIT",
     f"SELECT id FROM docs WHERE embedding IS NOT NULL ORDER BY l2_distance(embedding, {Q})"),
    (f"SELECT id FROM docs ORDER BY embedding <-> {Q} LIMIT 5 OFFSET 7", "k=12",
     f"SELECT id FROM docs ORDER BY l2_distance(embedding, {Q}) NULLS LAST LIMIT 5 OFFSET 7"),
    (f"SELECT id FROM docs ORDER BY embedding <-> {Q} LIMIT 0", "EmptyExec", "SELECT id FROM docs LIMIT 0"),
    (f"SELECT count(*) FROM (SELECT id FROM docs ORDER BY embedding <-> {Q} LIMIT 100000) t",
     "k above isobath.max_k", "SELECT count(*) FROM docs"),
    (f"SELECT id, l2_distance(embedding, {Q}) d FROM docs ORDER BY d, id LIMIT 5", "extra sort keys",
     f"SELECT id, l2_distance(embedding, {Q}) d FROM docs ORDER BY d NULLS LAST, id LIMIT 5"),
    (f"SELECT id, l2_distance(embedding, {Q}) d FROM docs ORDER BY category, d LIMIT 5", "VectorScanExec",
     f"SELECT id, l2_distance(embedding, {Q}) d FROM docs ORDER BY category NULLS LAST, d NULLS LAST LIMIT 5"),
    (f"SELECT id, 1/(1 + l2_distance(embedding, {Q})) s FROM docs ORDER BY s DESC NULLS LAST LIMIT 5",
     "not a monotone function", "same"),
    (f"SELECT id, 1 - l2_distance(embedding, {Q}) s FROM docs ORDER BY s DESC NULLS LAST LIMIT 5", ANN, "same"),
    (f"SELECT 1 - l2_distance(embedding, {Q}) s FROM docs ORDER BY s DESC LIMIT 5",
     "NULLS FIRST on a nullable distance",
     f"SELECT 1 - l2_distance(embedding, {Q}) s FROM docs ORDER BY s DESC NULLS FIRST LIMIT 5"),
    (f"SELECT id FROM docs WHERE embedding IS NOT NULL ORDER BY 1 - l2_distance(embedding, {Q}) DESC LIMIT 3", ANN,
     "same"),
    *((f"SELECT id FROM docs WHERE {within} ORDER BY l2_distance(embedding, {Q}) LIMIT 50", radius, "same")
      for within, radius in ((f"l2_distance(embedding, {Q}) < 0.1", "radius<0.1"),
                             (f"0.07 > l2_distance(embedding, {Q})", "radius<0.07"),
                             (f"l2_distance(embedding, {Q}) <= 0.12 AND price > 50", "radius<=0.12"))),
    (f"SELECT id, d FROM (SELECT id, l2_distance(embedding, {Q}) d FROM docs) t WHERE d < 0.1 ORDER BY d LIMIT 3",
     "radius<0.1", "same"),
    (f"SELECT id FROM docs WHERE l2_distance(embedding, {FAR}) < 0.3 ORDER BY l2_distance(embedding, {Q}) LIMIT 5",
     ANN, "same"),
    (f"SELECT id FROM docs WHERE l2_distance(embedding, {Q}) < 0.1 ORDER BY id", "VectorScanExec", "same"),
    (f"SELECT id FROM docs WHERE random() < 0.5 ORDER BY embedding <-> {Q} LIMIT 5",
     "predicate cannot be evaluated inside the scan", None),
    *((f"SELECT id FROM docs WHERE {where} ORDER BY l2_distance(embedding, {Q}) LIMIT 5", ANN,
       f"SELECT id FROM docs WHERE {where} ORDER BY l2_distance(embedding, {Q}) NULLS LAST LIMIT 5")
      for where in ("(category='x' OR price > 95) AND title LIKE '%red%'", "category = 'nope'",
                    "category NOT IN ('x','y')", "category = 'x' OR category IS NULL")),
    (f"SELECT id, price FROM (SELECT id, price, l2_distance(embedding, {Q}) d FROM docs ORDER BY d LIMIT 10) t "
     "WHERE price < 50", ANN,
     f"SELECT id, price FROM (SELECT id, price, l2_distance(embedding, {Q}) d FROM docs ORDER BY d NULLS LAST "
     "LIMIT 10) t WHERE price < 50"),
    ("WITH q AS (SELECT embedding FROM docs WHERE id = 7) SELECT id FROM docs "
     "ORDER BY l2_distance(embedding, (SELECT embedding FROM q)) LIMIT 5", ANN,
     "WITH q AS (SELECT embedding FROM docs WHERE id = 7) SELECT id FROM docs "
     "ORDER BY l2_distance(embedding, (SELECT embedding FROM q)) NULLS LAST LIMIT 5"),
    ("SELECT count(*) FROM (SELECT id FROM docs ORDER BY embedding <-> (SELECT embedding FROM docs WHERE id = -1) "
     "LIMIT 3) t", ANN, "SELECT 3"),
    ("SELECT d.id FROM docs d JOIN (VALUES (1),(2),(5000)) v(x) ON d.id = v.x "
     f"ORDER BY d.embedding <-> {Q} LIMIT 2", "joins, groups or windows",
     f"SELECT id FROM docs WHERE id IN (1, 2) ORDER BY l2_distance(embedding, {Q}) LIMIT 2"),
    ("SELECT id FROM docs WHERE id IN (SELECT id FROM docs WHERE price < 3) "
     f"ORDER BY l2_distance(embedding, {Q}) LIMIT 5", "joins, groups or windows",
     "SELECT id FROM docs WHERE id IN (SELECT id FROM docs WHERE price < 3) "
     f"ORDER BY l2_distance(embedding, {Q}) NULLS LAST LIMIT 5"),
    (f"SELECT DISTINCT category, l2_distance(embedding, {Q}) d FROM docs ORDER BY d LIMIT 5", "AggregateExec",
     f"SELECT DISTINCT category, l2_distance(embedding, {Q}) d FROM docs ORDER BY d NULLS LAST LIMIT 5"),
    (f"SELECT category, min(l2_distance(embedding, {Q})) m FROM docs GROUP BY category ORDER BY m LIMIT 3",
     "AggregateExec", "same"),
    (f"SELECT * FROM (SELECT id FROM docs ORDER BY embedding <-> {Q} LIMIT 2) a UNION ALL "
     f"SELECT * FROM (SELECT id FROM docs ORDER BY embedding <-> {FAR} LIMIT 2) b ORDER BY id", ANN,
     f"SELECT * FROM (SELECT id FROM docs ORDER BY l2_distance(embedding, {Q}) NULLS LAST LIMIT 2) UNION ALL "
     f"SELECT * FROM (SELECT id FROM docs ORDER BY l2_distance(embedding, {FAR}) NULLS LAST LIMIT 2) ORDER BY id"),
    ("SELECT a.id x, b.id y FROM docs a, docs b WHERE a.id < 3 AND b.id < 50 AND a.id < b.id "
     "ORDER BY l2_distance(a.embedding, b.embedding) LIMIT 3", "VectorScanExec", "same"),
    (f"SELECT row_number() OVER (ORDER BY l2_distance(embedding, {Q})) rn, id FROM docs "
     "WHERE embedding IS NOT NULL ORDER BY rn LIMIT 3", "VectorScanExec", "same"),
    (f"SELECT x.i FROM (SELECT id i, embedding e FROM docs WHERE price<10) x ORDER BY l2_distance(x.e, {Q}) LIMIT 3",
     ANN, f"SELECT id FROM docs WHERE price<10 ORDER BY l2_distance(embedding, {Q}) NULLS LAST LIMIT 3"),
    (f"SELECT id, l2_distance(embedding, {Q}) FROM docs ORDER BY 2 LIMIT 3", ANN,
     f"SELECT id, l2_distance(embedding, {Q}) FROM docs ORDER BY 2 NULLS LAST LIMIT 3"),
    *((f"SELECT id FROM docs WHERE embedding IS NOT NULL ORDER BY {order} LIMIT 3", "VectorScanExec", "same")
      for order in (f"l2_distance(embedding, {Q}) + l2_distance(embedding, {FAR})",
                    f"CASE WHEN price < 5 THEN l2_distance(embedding, {Q}) ELSE 9 END, id")),
    (f"SELECT count(*) FROM (SELECT id FROM docs ORDER BY embedding <-> {Q} LIMIT 3 OFFSET 2998) t", ANN, "SELECT 2"),
    (f"SELECT id FROM docs ORDER BY embedding <-> {Q} FETCH FIRST 3 ROWS ONLY", ANN,
     f"SELECT id FROM docs ORDER BY l2_distance(embedding, {Q}) NULLS LAST LIMIT 3"),
    ("SELECT 1 <=> NULL, 1 <=> 1", "ProjectionExec", "SELECT 0, 1"),
    ("SELECT category, count(*) n, avg(price) p, sum(stock) s FROM docs WHERE active GROUP BY category "
     "HAVING count(*) > 10 ORDER BY category", "AggregateExec",
     "SELECT category, count(*) n, avg(price) p, sum(stock) s FROM docs WHERE active GROUP BY category "
     "HAVING count(*) > 10 ORDER BY category NULLS LAST"),
    ("SELECT a.category, count(*) FROM docs a JOIN docs b ON a.stock = b.id GROUP BY a.category ORDER BY 2, 1",
     "HashJoinExec", "same"),
]


@pytest.mark.parametrize(("sql", "said", "instead"), ACCEPTED)
def test_acceptance(node, docs, sql, said, instead):
    assert said in plan(node, sql), sql
    found = rows(node, sql)
    if instead is not None:
        expected = docs.execute(sql if instead == "same" else instead).fetchall()
        assert same(found, expected), (found[:5], expected[:5])


@pytest.mark.parametrize(("sql", "said"), [
    ("SELECT id FROM docs ORDER BY embedding <-> '[0.1,0.2]' LIMIT 5", "different vector dimensions 3 and 2"),
    ("SELECT id FROM docs ORDER BY embedding <-> '[0.1,NaN,0.2]' LIMIT 5", "NaN not allowed"),
    ("SELECT id FROM docs ORDER BY embedding <-> 'hello' LIMIT 5", "invalid input syntax for type vector"),
    (f"SELECT id FROM docs WHERE 0.001 > embedding <=> {Q} LIMIT 3", "comparison"),
    (f"SELECT id FROM docs ORDER BY embedding <+> {Q} LIMIT 3", "syntax error"),
    ("SELECT id FROM docs ORDER BY embedding <-> (SELECT embedding FROM docs WHERE id < 2) LIMIT 3", "more than one"),
    ("SELECT q.id, n.id FROM (SELECT * FROM docs WHERE id < 3) q CROSS JOIN LATERAL "
     "(SELECT d.id FROM docs d ORDER BY d.embedding <-> q.embedding LIMIT 2) n", ""),
    ("SELECT nothing FROM docs", "nothing"),
    ("SELECT 1; SELECT 2", "expected one statement"),
    ("SELECT id FROM docs FOR UPDATE", "FOR UPDATE"),
    ("SET isobath.search_mode = 'exact'", "not supported yet"),
    ("DELETE FROM docs WHERE id = 1 RETURNING id", "not supported yet"),
    ("SELECT count(*) FROM docs a, docs b, docs c WHERE a.price + b.price + c.price < 0", "pairs of rows"),
    ("SELECT $1", "parameter $1"),
    ("COPY docs TO 'x'", "not supported yet"),
    (f"SELECT {'(' * 200}1{')' * 200}", "nested too deeply"),
])
def test_what_cannot_be_done_is_refused(node, docs, sql, said):
    status, error = fault(node, sql)
    assert status == 400 and said in error, error


def test_a_table_that_is_not_there(node, docs):
    assert fault(node, "SELECT 1 FROM nothing_here")[0] == 404


def test_parameters(node, docs):
    sql = "SELECT id FROM docs WHERE category = $1 AND price < $4 ORDER BY embedding <-> $2 LIMIT $3"
    expected = docs.execute("SELECT id FROM docs WHERE category = 'x' AND price < 50 "
                            f"ORDER BY l2_distance(embedding, {Q}) NULLS LAST LIMIT 4").fetchall()
    for query in ([0.1, 0.2, 0.3], "[0.1,0.2,0.3]"):
        assert same(rows(node, sql, ["x", query, 4, 50]), expected)
        assert ANN in plan(node, sql, ["x", query, 4, 50])
    assert rows(node, "SELECT $1, $2, $3", [None, True, "it's"]) == [[None, True, "it's"]]


def test_answers_say_what_they_are(node, docs):
    answer = run(node, "SELECT id, embedding, category, price FROM docs WHERE id = 3")
    assert answer["columns"] == [
        {"name": "id", "type": "bigint"}, {"name": "embedding", "type": "vector(3)"},
        {"name": "category", "type": "text"}, {"name": "price", "type": "double precision"}]
    assert answer["rows"] == [{name: ROWS[3][name] for name in ("id", "embedding", "category", "price")}]
    assert answer["token"] and "server_total_ms" in answer["performance"]
    again = run(node, "SELECT count(*) AS n FROM docs", token=answer["token"])
    assert again["rows"] == [{"n": COUNT}]


def test_an_arrow_stream(node, docs):
    import urllib.request
    body = json.dumps({"sql": "SELECT id, embedding FROM docs WHERE id < 5 ORDER BY id"}).encode()
    request = urllib.request.Request(f"{node.url}/v2/sql", body, {
        "content-type": "application/json", "accept": "application/vnd.apache.arrow.stream"})
    with urllib.request.urlopen(request) as answer:
        table = pa.ipc.open_stream(answer.read()).read_all()
    assert table.column("id").to_pylist() == [0, 1, 2, 3, 4]
    assert table.schema.field("embedding").type.list_size == 3


def test_the_information_schema(node, docs):
    found = rows(node, "SELECT column_name FROM information_schema.columns WHERE table_name = 'docs' "
                       "AND table_schema = 'public' ORDER BY ordinal_position")
    assert [name for [name] in found] == ["id", *sorted(COLUMNS[1:])]
    assert rows(node, "SELECT table_type FROM information_schema.tables WHERE table_name = 'docs'") == [["BASE TABLE"]]


def test_the_same_rows_as_the_query_api(node, client, docs):
    for filters, where in ((None, "true"), (("category", "Eq", "x"), "category = 'x'"), (("price", "Gt", 97), "price > 97")):
        ask = {"rank_by": ("embedding", "ANN", [0.1, 0.2, 0.3]), "top_k": 10}
        if filters:
            ask["filters"] = filters
        expected = [row.id for row in client.namespace("docs").query(**ask).rows]
        found = rows(node, f"SELECT id FROM docs WHERE {where} ORDER BY embedding <-> {Q} LIMIT 10")
        assert [id for [id] in found] == expected


def test_explain_analyze_counts(node, docs):
    found = plan(node, f"ANALYZE SELECT id FROM docs WHERE price < 50 ORDER BY embedding <-> {Q} LIMIT 3")
    assert "filter_matches" in found and "visited" in found


def test_a_statement_ends_at_its_time(node, docs):
    status, answer = post(node, "/v2/sql", {
        "sql": "SELECT sum(value % 7) FROM generate_series(1, 1000000000000)", "timeout_ms": 300})
    assert status == 503 and "timeout" in answer["error"]


def test_a_statement_that_takes_too_much_memory_harms_nobody(node, docs):
    many = "SELECT a.id * 3000 + b.id AS n, a.title FROM docs a, docs b"
    status, answer = post(node, "/v2/sql", {"sql": f"SELECT n, title FROM ({many}) t ORDER BY title, n DESC"})
    assert status == 400 and "memory" in answer["error"], answer
    assert rows(node, "SELECT 1") == [[1]]


def generated(chance: random.Random) -> tuple[str, bool]:
    """A statement that both understand, and whether its rows come in an order."""
    def predicate(depth=0):
        kind = chance.randrange(12 if depth < 3 else 9)
        number, whole = round(chance.uniform(-5, 105), 2), chance.randint(-15, 45)
        return [
            lambda: f"price {chance.choice(['<', '<=', '>', '>=', '=', '<>'])} {number}",
            lambda: f"stock {chance.choice(['<', '<=', '>', '>=', '=', '<>'])} {whole}",
            lambda: f"category {chance.choice(['=', '<>', '<', '>='])} '{chance.choice('xyzw')}'",
            lambda: f"{chance.choice(['price', 'stock', 'category', 'embedding', 'active'])} IS "
                    f"{chance.choice(['', 'NOT '])}NULL",
            lambda: f"title LIKE '{chance.choice(['%red%', 'blue%', '%ocean', '_ed%', '%z%'])}'",
            lambda: f"category {chance.choice(['', 'NOT '])}IN ('{chance.choice('xy')}', 'z')",
            lambda: f"stock BETWEEN {whole} AND {whole + chance.randint(0, 30)}",
            lambda: chance.choice(["active", "NOT active"]),
            lambda: f"id {chance.choice(['<', '>', '='])} {chance.randrange(COUNT)}",
            lambda: f"({predicate(depth + 1)} AND {predicate(depth + 1)})",
            lambda: f"({predicate(depth + 1)} OR {predicate(depth + 1)})",
            lambda: f"NOT ({predicate(depth + 1)})",
        ][kind]()

    query = "'[" + ",".join(f"{chance.random():.3f}" for _ in range(3)) + "]'"
    distance = f"l2_distance(embedding, {query})"
    where = f"WHERE {predicate()}" if chance.random() < 0.9 else ""
    limit = f"LIMIT {chance.choice([1, 3, 10, 60])}" + (f" OFFSET {chance.randint(1, 20)}" if chance.random() < 0.3 else "")
    ranked = f"SELECT id, {distance} AS d FROM docs {where} ORDER BY d NULLS LAST {limit}"
    return chance.choice([
        lambda: (ranked, True),
        lambda: (ranked, True),
        lambda: (f"SELECT id, {distance} AS d FROM docs {where} ORDER BY d NULLS LAST, id {limit}", True),
        lambda: (f"SELECT id FROM docs {where} ORDER BY {chance.choice(['price', 'stock'])} DESC NULLS LAST, id {limit}", True),
        lambda: (f"SELECT category, count(*), min({distance}), sum(price) FROM docs {where} GROUP BY category "
                 "ORDER BY category NULLS LAST", True),
        lambda: (f"SELECT DISTINCT category, active FROM docs {where}", False),
        lambda: (f"WITH near AS ({ranked}) SELECT near.id, docs.title FROM near JOIN docs ON near.id = docs.id "
                 f"WHERE near.d IS NOT NULL AND docs.stock > {chance.randint(-10, 20)}", False),
        lambda: (f"SELECT count(*), max(d) FROM ({ranked}) t", True),
    ])()


# 400 statements; the full size of the tests takes more than 1,000.
@pytest.mark.parametrize("seed", range(int(os.environ.get("ISOBATH_SQL_SEEDS", "10"))))
def test_generated_statements(node, docs, seed):
    chance = random.Random(seed)
    for _ in range(40):
        sql, ordered = generated(chance)
        found, expected = rows(node, sql), [list(row) for row in docs.execute(sql)]
        if not ordered:
            found, expected = (sorted(table, key=str) for table in (found, expected))
        if "NULLS LAST LIMIT" in sql and "AS d" in sql and found and len(found[0]) == 2:
            # rows without a distance are as good as each other
            found, expected = ([row if row[1] is not None else [None, None] for row in table] for table in (found, expected))
        if "active" in sql and "DISTINCT" in sql:
            expected = sorted(([c, None if a is None else bool(a)] for c, a in expected), key=str)
            found = sorted(found, key=str)
        assert same(found, expected), (sql, found[:5], expected[:5])


@pytest.fixture(scope="module")
def passages(node, client):
    """Texts with vectors, for both kinds of search."""
    namespace = client.namespace("passages")
    chance = random.Random(5)
    namespace.write(
        upsert_rows=[{"id": at, "vector": [round(chance.random(), 6) for _ in range(4)], "year": at % 40,
                      "body": " ".join(chance.choices(WORDS, k=6))} for at in range(600)],
        schema={"body": {"type": "string", "full_text_search": True}}, distance_metric="cosine_distance")
    return namespace


def test_search_functions_give_what_the_query_api_gives(node, passages):
    query = [0.3, 0.9, 0.1, 0.4]
    for filter, filters in ((None, None), ("year < 10 AND year <> 3", ("And", (("year", "Lt", 10), ("year", "NotEq", 3))))):
        more = {"filters": filters} if filters else {}
        args = f", '{filter}'" if filter else ""
        expected = passages.query(rank_by=("vector", "ANN", query), top_k=12, **more).rows
        found = rows(node, f"SELECT id, _distance FROM vector_search('passages', 'vector', $1, 12{args}) ORDER BY 2, 1", [query])
        assert same(found, [[row.id, row["$dist"]] for row in expected])
        expected = passages.query(rank_by=("body", "BM25", "red ocean log"), top_k=12, **more).rows
        found = rows(node, f"SELECT id, _score FROM text_search('passages', 'body', $1, 12{args}) ORDER BY 2 DESC, 1",
                     ["red ocean log"])
        assert same(found, [[row.id, row["$dist"]] for row in expected]), (found, expected)


def test_search_functions_are_searches(node, passages):
    vector_plan = plan(node, "SELECT id FROM vector_search('passages', 'vector', '[1,0,0,0]', 5, 'year < 10') v WHERE id > 100")
    assert "AnnTopKExec" in vector_plan and "year@" in vector_plan.split("AnnTopKExec")[1]
    # what stands outside is no part of the search
    assert "id@" in vector_plan.split("SortExec")[0]
    text_plan = plan(node, "SELECT id FROM text_search('passages', 'body', 'red', 5, 'year < 10') t WHERE id > 100")
    assert "TextTopKExec" in text_plan and "year@" in text_plan.split("TextTopKExec")[1] and "id@" in text_plan.split("SortExec")[0]
    for sql, said in (
        ("SELECT 1 FROM vector_search('passages', 'year', '[1]', 5)", "no vector column"),
        ("SELECT 1 FROM vector_search('passages', 'vector', '[1]', 5)", "dimensions"),
        ("SELECT 1 FROM vector_search('passages', 'vector', '[1,0,0,0]', 5, '_distance < 1')", "_distance"),
        ("SELECT 1 FROM text_search('passages', 'year', 'red', 5)", "year"),
        ("SELECT 1 FROM text_search('passages', 'body', 'red', 5, '_score > 1')", "only be about the columns"),
        ("SELECT 1 FROM text_search('passages', 'body', 'red', 5, 'year = (SELECT 1)')", "subquery"),
    ):
        status, error = fault(node, sql)
        assert status == 400 and said in error, (sql, error)
    assert fault(node, "SELECT 1 FROM text_search('nothing_here', 'body', 'red', 5)")[0] == 404


def test_reciprocal_ranks_are_those_of_the_query_api(node, passages):
    query, text = [0.3, 0.9, 0.1, 0.4], "red ocean log"
    answer = post(node, "/v2/namespaces/passages/query", {
        "rerank_by": ["RRF"], "limit": 10,
        "queries": [{"rank_by": ["vector", "ANN", query], "limit": 40}, {"rank_by": ["body", "BM25", text], "limit": 40}]})
    assert answer[0] == 200, answer
    found = rows(node, """
        WITH v AS (SELECT id, row_number() OVER (ORDER BY _distance, id) AS rank
                   FROM vector_search('passages', 'vector', $1, 40)),
             t AS (SELECT id, row_number() OVER (ORDER BY _score DESC, id) AS rank
                   FROM text_search('passages', 'body', $2, 40))
        SELECT coalesce(v.id, t.id) AS id, coalesce(1.0 / (60 + v.rank), 0) + coalesce(1.0 / (60 + t.rank), 0) AS score
        FROM v FULL OUTER JOIN t ON v.id = t.id ORDER BY score DESC, id LIMIT 10""", [query, text])
    assert same(found, [[row["id"], row["$dist"]] for row in answer[1]["results"][0]["rows"]]), (found, answer[1])


def test_a_list_as_long_as_the_table_finds_what_a_scan_finds(node, passages):
    sql = "SELECT id FROM passages ORDER BY vector <=> '[0.3,0.9,0.1,0.4]' LIMIT 20"
    exact = rows(node, sql, settings={"isobath.search_mode": "exact"})
    assert rows(node, sql, settings={"isobath.search_l": "600"}) == exact
    assert len(rows(node, sql, settings={"isobath.search_l": "1"})) == 20
    shown = str(run(node, f"EXPLAIN {sql}", settings={"isobath.search_l": "77"})["rows"])
    assert ANN in shown and "search_l=77" in shown and "recall_target" not in shown
    for wrong in ("-1", "1e9", "100001", "many"):
        status, answer = post(node, "/v2/sql", {"sql": sql, "settings": {"isobath.search_l": wrong}})[:2]
        assert status == 400 and "isobath.search_l" in str(answer), (wrong, answer)


def test_settings_of_one_statement(node, docs):
    sql = f"EXPLAIN SELECT id FROM docs ORDER BY embedding <-> {Q} LIMIT 3"
    assert "search_mode=exact" in str(run(node, sql, settings={"isobath.search_mode": "exact"})["rows"])
    assert ANN in str(run(node, sql)["rows"])
    assert post(node, "/v2/sql", {"sql": sql, "settings": {"isobath.nothing": "1"}})[0] == 400
