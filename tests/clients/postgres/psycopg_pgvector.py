"""psycopg 3 with pgvector's types, as their documentation has it.

    python psycopg_pgvector.py "host=127.0.0.1 port=PORT user=isobath"
"""

import sys

import numpy as np
import psycopg
from pgvector import Vector
from pgvector.psycopg import register_vector


def main() -> None:
    with psycopg.connect(sys.argv[1], autocommit=True) as conn:
        conn.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(conn)
        conn.execute("DROP TABLE IF EXISTS psycopg_items")
        conn.execute("CREATE TABLE psycopg_items (id bigint PRIMARY KEY, embedding vector(3), tags text[], price real)")
        with conn.transaction(), conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO psycopg_items (id, embedding, tags, price) VALUES (%s, %s, %s, %s)",
                [(id, np.array([id, 0, 0], dtype=np.float32), ["a", f"t{id % 3}"], id / 2) for id in range(20)])

        query = np.array([4.1, 0, 0], dtype=np.float32)
        nearest = "SELECT id, embedding FROM psycopg_items ORDER BY embedding <-> %s LIMIT 3"
        for given in (query, Vector(query), "[4.1,0,0]"):
            for binary in (False, True):
                rows = conn.execute(nearest, (given,), binary=binary).fetchall()
                assert [id for id, _ in rows] == [4, 5, 3], rows
                assert np.array_equal(np.asarray(rows[0][1].to_numpy() if hasattr(rows[0][1], "to_numpy") else rows[0][1]),
                                      np.array([4, 0, 0], dtype=np.float32))
        for _ in range(8):  # prepared by psycopg from the sixth time on
            assert conn.execute(nearest, (query,)).fetchone()[0] == 4
        assert "AnnTopKExec" in "\n".join(line for [line] in conn.execute("EXPLAIN " + nearest, (query,)))
        filtered = "SELECT id FROM psycopg_items WHERE price < %s AND id <> %s ORDER BY embedding <-> %s LIMIT %s"
        assert [id for [id] in conn.execute(filtered, (2.5, 4, query, 2))] == [3, 2]
        assert conn.execute("SELECT tags FROM psycopg_items WHERE id = 1").fetchone() == (["a", "t1"],)
        assert conn.execute("SELECT avg(embedding <-> %s) FROM psycopg_items WHERE id = 4", (query,)).fetchone()[0] < 0.2

        conn.execute("UPDATE psycopg_items SET embedding = %s WHERE id = 7", (np.array([100, 0, 0], dtype=np.float32),))
        far = conn.execute("SELECT id FROM psycopg_items ORDER BY embedding <-> %s LIMIT 1", (np.array([99, 0, 0]),))
        assert far.fetchone() == (7,)
        assert conn.execute("DELETE FROM psycopg_items WHERE id = ANY(%s)", ([1, 2, 3],)).rowcount == 3
        with conn.cursor() as cursor:
            cursor.execute("SELECT id FROM psycopg_items ORDER BY id")
            assert cursor.fetchmany(2) == [(0,), (4,)]
        conn.execute("DROP TABLE psycopg_items")


main()
