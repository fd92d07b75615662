"""PostgreSQL's protocol: sessions, transactions, cancellation, keys, TLS."""

import os
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest

from harness.node import Node, binary, local_bucket
from harness.process import free_port, wait_until

from .test_sql import rows as over_http
from .test_tls import Secure, certificate

SLOW = "SELECT sum(value % 7) FROM generate_series(1, 1000000000000)"


def connect(port: int, **options):
    options = {"user": "isobath", "dbname": "isobath", "connect_timeout": 20, "autocommit": True} | options
    return psycopg.connect(host="127.0.0.1", port=port, **options)


@pytest.fixture
def conn(node):
    with connect(node.postgres_port) as conn:
        yield conn


@pytest.fixture
def table(conn, request):
    name = f"pg_{request.node.originalname[5:40]}"
    conn.execute(f"DROP TABLE IF EXISTS {name}")
    conn.execute(f"CREATE TABLE {name} (id bigint PRIMARY KEY, embedding vector(2), name text, price float8)")
    for id in range(10):
        conn.execute(f"INSERT INTO {name} (id, embedding, name, price) VALUES (%s, %s, %s, %s)", (id, f"[{id},1]", f"n{id}", id / 2))
    return name


def test_values_of_every_type(conn):
    made = "SELECT true, 7::smallint, 7::int, 7::bigint, 0.5::real, 0.25::float8, 'a''b', NULL, ARRAY[1,2], ARRAY['x','y z'], " \
           "'[1,2]'::vector(2), date '2026-01-02', timestamp '2026-01-02 03:04:05.5'"
    for binary_form in (False, True):
        found = conn.execute(made, binary=binary_form).fetchone()
        assert found[:10] == (True, 7, 7, 7, 0.5, 0.25, "a'b", None, [1, 2], ["x", "y z"])
        assert str(found[11]) == "2026-01-02" and found[12].isoformat() == "2026-01-02T03:04:05.500000"
    assert conn.execute(made).fetchone()[10] == "[1,2]"


def test_parameters(conn, table):
    by = f"SELECT id FROM {table} WHERE price < %s AND name <> %s ORDER BY embedding <-> %s LIMIT %s OFFSET %s"
    for prepare in (False, True):
        found = conn.execute(by, (4.0, "n3", "[4,1]", 3, 1), prepare=prepare).fetchall()
        assert found == [(5,), (6,), (2,)]
    assert conn.execute(f"SELECT count(*) FROM {table} WHERE id = ANY(%s)", ([1, 2, 77],)).fetchone() == (2,)


def test_rows_come_in_pieces(conn, table):
    with conn.cursor() as cursor:
        cursor.execute("SELECT value FROM generate_series(1, 100000)")
        assert sum(1 for _ in cursor) == 100_000
    with conn.cursor() as cursor:
        assert [row for row in cursor.stream(f"SELECT id FROM {table} ORDER BY id")] == [(id,) for id in range(10)]


def test_several_statements_are_all_or_nothing(node, conn, table):
    with pytest.raises(psycopg.errors.UndefinedTable):
        conn.execute(f"DELETE FROM {table} WHERE id = 1; SELECT * FROM nothing_here".encode())
    assert conn.execute(f"SELECT count(*) FROM {table} WHERE id = 1").fetchone() == (1,)


def test_transactions(node, conn, table):
    total = f"SELECT sum(price) FROM {table}"
    with pytest.raises(ZeroDivisionError), conn.transaction():
        conn.execute(f"UPDATE {table} SET price = 1000 WHERE id = 1")
        raise ZeroDivisionError
    assert conn.execute(total).fetchone() == (22.5,)
    with conn.transaction():
        conn.execute(f"UPDATE {table} SET price = 1000 WHERE id = 1")
        conn.execute(f"INSERT INTO {table} (id, price) VALUES (100, 1)")
        conn.execute(f"DELETE FROM {table} WHERE id = 2")
        # nobody sees it before it is committed
        assert over_http(node, total) == [[22.5]]
    assert over_http(node, total) == [[22.5 - 0.5 + 1000 + 1 - 1]]


@pytest.mark.parametrize(("first", "then", "said"), [
    ("INSERT INTO {t} (id) VALUES (50)", "SELECT count(*) FROM {t}", "reading table"),
    ("INSERT INTO {t} (id) VALUES (50)", "UPDATE {t} SET price = 1", "changing rows of table"),
    ("INSERT INTO {t} (id) VALUES (50)", "UPDATE {t} SET price = 1 WHERE id = 50", "changing rows of table"),
    ("INSERT INTO {t} (id) VALUES (50)", "INSERT INTO {t} (id) VALUES (50)", "writing to a row twice"),
    ("INSERT INTO {t} (id) VALUES (50)", "CREATE TABLE {t}_b (id bigint)", "another write beside CREATE TABLE"),
    ("INSERT INTO {t} (id) VALUES (50)", "INSERT INTO {t}_other (id) VALUES (50)", "several tables"),
])
def test_what_a_transaction_cannot_do_is_refused(conn, table, first, then, said):
    conn.execute(f"CREATE TABLE IF NOT EXISTS {table}_other (id bigint)")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match=said), conn.transaction():
        conn.execute(first.format(t=table))
        with pytest.raises(psycopg.errors.FeatureNotSupported, match=said):
            conn.execute(then.format(t=table))
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            conn.execute("SELECT 1")
        raise psycopg.errors.FeatureNotSupported(said)
    assert conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (10,)


def test_savepoints(conn, table):
    with conn.transaction():
        conn.execute(f"UPDATE {table} SET price = 1000 WHERE id = 1")
        with pytest.raises(psycopg.errors.UndefinedColumn), conn.transaction():
            conn.execute(f"UPDATE {table} SET price = 2000 WHERE id = 2")
            conn.execute(f"UPDATE {table} SET nothing = 1 WHERE id = 3")
        conn.execute(f"UPDATE {table} SET price = 3000 WHERE id = 2")
    assert conn.execute(f"SELECT id, price FROM {table} WHERE price > 100 ORDER BY id").fetchall() == [(1, 1000), (2, 3000)]


def test_two_transactions_on_one_row(node, conn, table):
    with connect(node.postgres_port) as other:
        conn.execute("BEGIN")
        conn.execute(f"UPDATE {table} SET price = price + 1 WHERE id = 1")
        other.execute(f"UPDATE {table} SET price = price + 10 WHERE id = 1")
        with pytest.raises(psycopg.errors.SerializationFailure):
            conn.execute("COMMIT")
    assert conn.execute(f"SELECT price FROM {table} WHERE id = 1").fetchone() == (10.5,)


def test_settings_are_those_of_a_connection(node, conn, table):
    plan = f"EXPLAIN SELECT id FROM {table} ORDER BY embedding <-> '[1,1]' LIMIT 1"
    with connect(node.postgres_port, options="-c isobath.max_k=5") as other:
        conn.execute("SET isobath.search_mode = 'exact'")
        assert "search_mode=exact" in str(conn.execute(plan).fetchall())
        assert "AnnTopKExec" in str(other.execute(plan).fetchall())
        assert other.execute("SHOW isobath.max_k").fetchone() == ("5",)
        assert conn.execute("SHOW isobath.max_k").fetchone() == ("10000",)
    conn.execute("RESET ALL")
    assert "AnnTopKExec" in str(conn.execute(plan).fetchall())
    for wrong in ("SET isobath.nothing = 1", "SET timezone = 'Europe/Zurich'", "SET isobath.search_mode = 'x'"):
        with pytest.raises(psycopg.Error):
            conn.execute(wrong)


def running(node) -> bool:
    """Whether statements use the processor."""
    used = lambda: sum(map(int, Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
    before = used()
    time.sleep(0.5)
    return used() - before > 20


def test_a_statement_ends_at_its_time(node, conn):
    conn.execute("SET statement_timeout = '200ms'")
    with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
        conn.execute(SLOW)
    assert conn.execute("SELECT 1").fetchone() == (1,)
    wait_until(lambda: not running(node), "the statement has stopped", 60)


def test_cancel_stops_the_work(node, conn):
    cancel = threading.Timer(0.5, conn.cancel)
    cancel.start()
    with pytest.raises(psycopg.errors.QueryCanceled, match="user request"):
        conn.execute(SLOW)
    assert conn.execute("SELECT 1").fetchone() == (1,)
    wait_until(lambda: not running(node), "the statement has stopped", 60)


def test_a_client_that_leaves_stops_its_work(node):
    left = socket.create_connection(("127.0.0.1", node.postgres_port))
    begin = struct.pack(">I", 196608) + b"user\0isobath\0\0"
    left.sendall(struct.pack(">I", len(begin) + 4) + begin)
    query = SLOW.encode() + b"\0"
    left.sendall(b"Q" + struct.pack(">I", len(query) + 4) + query)
    wait_until(lambda: running(node), "the statement runs", 60)
    left.close()
    wait_until(lambda: not running(node), "the statement has stopped", 60)


def test_broken_messages_end_their_connection_only(node, conn):
    begin = struct.pack(">I", 196608) + b"user\0isobath\0\0"
    hello = struct.pack(">I", len(begin) + 4) + begin
    for wrong in (b"\xff" * 64, struct.pack(">I", 2**31 - 1), hello + b"Q" + struct.pack(">I", 2**31 - 1), hello + b"\x01\0\0\0\x04",
                  hello + b"B\0\0\0\x08\0\0\xff\xff", hello + b"p\0\0\0\x05\0"):
        with socket.create_connection(("127.0.0.1", node.postgres_port), timeout=30) as sock:
            try:
                sock.sendall(wrong)
                while sock.recv(4096):
                    pass
            except ConnectionResetError:
                pass  # closed before all was read
    assert conn.execute("SELECT 1").fetchone() == (1,)


def test_the_catalog(conn, table):
    found = conn.execute(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a "
        f"WHERE a.attrelid = '{table}'::regclass AND a.attnum > 0 ORDER BY a.attnum").fetchall()
    assert found == [("id", "bigint"), ("embedding", "vector(2)"), ("name", "text"), ("price", "double precision")]
    assert conn.execute("SELECT current_schema(), current_database(), version() LIKE 'PostgreSQL 15%'").fetchone() == (
        "public", "isobath", True)
    assert conn.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = 5").fetchall() == []
    assert psycopg.types.TypeInfo.fetch(conn, "vector").oid == conn.execute("SELECT '[1]'::vector").description[0].type_code


def create_key(node: Node, env: dict, **options: str) -> str:
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    done = subprocess.run([binary(), "keys", "create", *words, "--url", node.url, "--patience", "20s"],
                          env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_keys_are_passwords(tmp_path):
    port = free_port()
    node = Node(local_bucket(tmp_path / "bucket"), tmp_path / "node", {"sql.listen": f"127.0.0.1:{port}"})
    node.start()
    try:
        connect(port).close()  # while there are no keys
        root = create_key(node, {}, access="admin")
        reader = create_key(node, {"ISOBATH_API_KEY": root}, access="read", prefix="team_")
        for password in ("", "wrong", reader + "x"):
            with pytest.raises(psycopg.OperationalError):
                connect(port, password=password)
        with connect(port, password=root) as conn:
            conn.execute("CREATE TABLE team_a (id bigint)")
            conn.execute("CREATE TABLE other (id bigint)")
        with connect(port, password=reader) as conn:
            assert conn.execute("SELECT count(*) FROM team_a").fetchone() == (0,)
            assert conn.execute("SELECT relname FROM pg_class").fetchall() == [("team_a",)]
            for sql in ("SELECT 1 FROM other", "INSERT INTO team_a VALUES (1)", "DROP TABLE team_a",
                        "SELECT * FROM vector_search('other', 'v', '[1]', 1)"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute(sql)
    finally:
        node.stop()


@pytest.mark.skipif(os.system("command -v openssl >/dev/null") != 0 and os.environ.get("CI") != "true", reason="openssl is not installed")
def test_tls(tmp_path):
    files = certificate(tmp_path, "a")
    node = Secure(local_bucket(tmp_path / "bucket"), tmp_path / "node", files, files[0])
    port = free_port()
    node._settings["sql.listen"] = f"127.0.0.1:{port}"
    node.start()
    try:
        with connect(port, sslmode="verify-full", sslrootcert=str(files[0])) as conn:
            assert conn.pgconn.ssl_in_use and conn.execute("SELECT 1").fetchone() == (1,)
    finally:
        node.stop()
