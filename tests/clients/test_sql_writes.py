"""SQL that writes, over HTTP: what a statement does, what it leaves alone, and what it refuses."""

import threading

import pytest

from .test_errors import post
from .test_sql import fault, plan, rows, run

Q = "'[0.1,0.2,0.3]'"


@pytest.fixture
def table(node, request):
    """A table of 3,000 rows, made and filled by SQL."""
    name = f"w_{request.node.originalname[5:40]}"
    post(node, "/v2/sql", {"sql": f"DROP TABLE IF EXISTS {name}"})
    done = run(node, f"CREATE TABLE {name} (id bigint PRIMARY KEY, embedding vector(3), category text, price double precision)")
    assert done["command"] == "CREATE TABLE"
    done = run(node, f"INSERT INTO {name} (id, embedding, category, price) SELECT value, "
                     "'[' || value || ',1,2]', CASE WHEN value % 2 = 0 THEN 'x' ELSE 'y' END, value % 100 "
                     "FROM generate_series(0, 2999)")
    assert (done["command"], done["rows_affected"]) == ("INSERT", 3_000)
    return name


def affected(node, sql, params=()):
    return run(node, sql, params)["rows_affected"]


def count(node, table, where="true"):
    return rows(node, f"SELECT count(*) FROM {table} WHERE {where}")[0][0]


def test_the_statements_of_the_design(node, table):
    """../shared/design/sql-acceptance/dml.sql, on a table of 3,000 rows."""
    for sql, said in (
        (f"DELETE FROM {table} WHERE id IN (SELECT column1 FROM (VALUES (1),(2)) v)", "subquery"),
        (f"DELETE FROM {table} WHERE EXISTS (SELECT 1)", "subquery"),
        (f"DELETE FROM {table} WHERE id = 1 LIMIT 1", "LIMIT"),
        (f"DELETE FROM {table} WHERE random() < 0.0", "volatile"),
        (f"UPDATE {table} SET price = 1 WHERE id IN (SELECT 1)", "subquery"),
    ):
        status, error = fault(node, sql)
        assert status == 400 and said in error, (sql, error)
    for where in ("false", "NULL", "id = 5 AND 1 = 2"):
        assert affected(node, f"DELETE FROM {table} WHERE {where}") == 0
    assert count(node, table) == 3_000
    assert affected(node, f"DELETE FROM {table} WHERE id IN (5,6) AND embedding <-> {Q} < 100") == 2
    assert count(node, table) == 2_998
    assert affected(node, f"UPDATE {table} SET price = price + 1 WHERE id = 7") == 1
    assert rows(node, f"SELECT price FROM {table} WHERE id = 7") == [[8.0]]
    assert affected(node, f"DELETE FROM {table}") == 2_998
    assert count(node, table) == 0


def test_nothing_is_changed_by_a_plan(node, table):
    for sql in (f"EXPLAIN DELETE FROM {table}", f"EXPLAIN ANALYZE DELETE FROM {table}", f"EXPLAIN INSERT INTO {table} (id) VALUES (1)"):
        assert fault(node, sql)[0] == 400
    assert count(node, table) == 3_000


def test_a_new_row_is_the_nearest_at_once(node, table):
    nearest = f"SELECT id FROM {table} ORDER BY embedding <-> '[-50,1,2]' LIMIT 1"
    for id, value in ((9_000, "'[-50,1,2]'::vector"), (9_001, "'[-50,1,2]'"), (9_002, "ARRAY[-50.0,1,2]"), (9_003, "$1")):
        assert affected(node, f"INSERT INTO {table} (id, embedding) VALUES ({id}, {value})", [[-50, 1, 2]] if value == "$1" else []) == 1
        assert rows(node, nearest) == [[id]]
        assert "AnnTopKExec" in plan(node, nearest)
        assert affected(node, f"DELETE FROM {table} WHERE id = {id}") == 1
    status, error = fault(node, f"INSERT INTO {table} (id, embedding) VALUES (9004, '[1,2]')")
    assert status == 400 and "expected 3 dimensions, not 2" in error
    assert count(node, table) == 3_000


def test_inserts_are_all_or_nothing(node, table):
    status, error = fault(node, f"INSERT INTO {table} (id, price) VALUES (9000, 1), (7, 2)")
    assert status == 409 and "id 7 already exists" in error
    assert count(node, table, "id >= 3000") == 0
    for sql, said in ((f"INSERT INTO {table} (id) VALUES (9000), (9000)", "twice"),
                      (f"INSERT INTO {table} (id) VALUES (NULL)", "null value"),
                      (f"INSERT INTO {table} (price) VALUES (1)", "null value"),
                      (f"INSERT INTO {table} (id, price) VALUES (9000, 'x')", "price"),
                      (f"INSERT INTO {table} VALUES (9000, NULL, 'x', 1)", "has to name its columns"),
                      (f"INSERT INTO {table} (id, nothing) VALUES (9000, 1)", "does not exist"),
                      (f"INSERT INTO {table} (id) VALUES (9000, 1)", "2 expressions for 1 columns")):
        assert said in fault(node, sql)[1], sql
    assert count(node, table, "id >= 3000") == 0


def test_on_conflict(node, table):
    values = "VALUES (7, 'new', 70), (9000, 'new', 90)"
    assert affected(node, f"INSERT INTO {table} (id, category, price) {values} ON CONFLICT DO NOTHING") == 1
    assert rows(node, f"SELECT id, category, price FROM {table} WHERE id IN (7, 9000) ORDER BY id") == [
        [7, "y", 7.0], [9000, "new", 90.0]]
    again = "VALUES (7, 'newer', 71), (9001, 'newer', 91)"
    set = f"INSERT INTO {table} (id, category, price) {again} ON CONFLICT (id) DO UPDATE SET category = EXCLUDED.category"
    assert affected(node, set) == 2
    assert rows(node, f"SELECT id, category, price FROM {table} WHERE id IN (7, 9001) ORDER BY id") == [
        [7, "newer", 7.0], [9001, "newer", 91.0]]
    assert rows(node, f"SELECT embedding FROM {table} WHERE id = 7") == [[[7, 1, 2]]]
    assert "only id is unique" in fault(node, f"INSERT INTO {table} (id) VALUES (1) ON CONFLICT (price) DO NOTHING")[1]


def test_updates(node, table):
    assert affected(node, f"UPDATE {table} SET price = price * 2, category = upper(category) WHERE id < 10 AND category = 'y'") == 5
    assert rows(node, f"SELECT id, price, category FROM {table} WHERE id IN (3, 4) ORDER BY id") == [[3, 6.0, "Y"], [4, 4.0, "x"]]
    assert affected(node, f"UPDATE {table} SET embedding = '[-9,0,0]', price = NULL WHERE id = $1", [3]) == 1
    assert rows(node, f"SELECT id, price FROM {table} ORDER BY embedding <-> '[-9,0,0]' LIMIT 1") == [[3, None]]
    assert affected(node, f"UPDATE {table} SET price = 1 WHERE id = -1 OR false") == 0
    for sql, said in ((f"UPDATE {table} SET id = 5 WHERE id = 4", "changing an id"),
                      (f"UPDATE {table} SET nothing = 5", "does not exist"),
                      (f"UPDATE {table} SET price = 1, price = 2", "multiple assignments"),
                      (f"UPDATE {table} SET price = 1 RETURNING id", "RETURNING")):
        assert said in fault(node, sql)[1], sql


def test_concurrent_updates_lose_nothing(node, table):
    """Each reads what it changes; none of them overwrites another."""
    failed = []

    def add(times: int) -> None:
        for _ in range(times):
            status, answer = post(node, "/v2/sql", {"sql": f"UPDATE {table} SET price = price + 1 WHERE id = 0"})
            if status != 200:
                failed.append(answer)

    threads = [threading.Thread(target=add, args=(15,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # who finds the row changed again and again gives up, and has changed nothing
    assert all("changed by others" in answer["error"] for answer in failed), failed[:1]
    assert rows(node, f"SELECT price FROM {table} WHERE id = 0") == [[60.0 - len(failed)]]


def test_tables(node):
    post(node, "/v2/sql", {"sql": "DROP TABLE IF EXISTS w_made"})
    made = "CREATE TABLE {} w_made (id text PRIMARY KEY, v vector(2), tags text[], at timestamptz, u uuid, n int, f real, b bool) " \
           "WITH (distance_metric = 'cosine_distance')"
    run(node, made.format(""))
    assert fault(node, made.format(""))[0] == 409
    run(node, made.format("IF NOT EXISTS"))
    run(node, "INSERT INTO w_made (id, tags) VALUES ('z', '{a,\"b c\"}')")
    assert rows(node, "SELECT tags FROM w_made") == [[["a", "b c"]]]
    run(node, "DELETE FROM w_made WHERE id = ANY('{y,z}')")
    assert rows(node, "SELECT * FROM w_made") == []
    values = ["a", [1, 0], ["x", "y"], "2026-01-02T03:04:05Z", "00000000-0000-4000-8000-000000000001", 5, 0.5, True]
    run(node, "INSERT INTO w_made (id, v, tags, at, u, n, f, b) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", values)
    assert rows(node, "SELECT id, v, tags, u, n, f, b FROM w_made") == [[*values[:3], *values[4:]]]
    assert rows(node, "SELECT id FROM w_made WHERE at = '2026-01-02T03:04:05Z'") == [["a"]]
    assert "AnnTopKExec" in plan(node, "SELECT id FROM w_made ORDER BY v <=> '[1,1]' LIMIT 1")
    for sql, said in (("CREATE TABLE w_bad (id bigint, v vector)", "number of dimensions"),
                      ("CREATE TABLE w_bad (v vector(3))", "needs a column id"),
                      ("CREATE TABLE w_bad (id bigint, x money)", "not supported yet"),
                      ("CREATE TABLE w_bad (id bigserial)", "not supported yet"),
                      ("CREATE TABLE w_bad (id bigint, x int DEFAULT 1)", "not supported yet"),
                      ("CREATE TABLE w_bad AS SELECT 1 AS id", "not supported yet"),
                      ("CREATE INDEX i ON w_made USING hnsw (v vector_cosine_ops)", "not supported yet"),
                      ("TRUNCATE w_made", "not supported yet"),
                      ("ALTER TABLE w_made ADD COLUMN x int", "not supported yet")):
        assert said in fault(node, sql)[1], sql
    run(node, "DROP TABLE w_made")
    assert fault(node, "DROP TABLE w_made")[0] == 404
    assert fault(node, "SELECT 1 FROM w_made")[0] == 404


def test_the_same_limits_as_the_query_api(node, table):
    status, error = fault(node, f"UPDATE {table} SET category = repeat('x', 5000) WHERE id = 1")
    assert status == 400 and "category" in error
    assert rows(node, f"SELECT category FROM {table} WHERE id = 1") == [["y"]]
