-- What psql shows of a node: tables, a table, a plan, a prepared statement, a transaction.
--   psql "host=127.0.0.1 port=PORT user=isobath dbname=isobath" -v ON_ERROR_STOP=1 -X -f script.sql
\set QUIET on
DROP TABLE IF EXISTS psql_items;
CREATE TABLE psql_items (id bigint PRIMARY KEY, embedding vector(3), name text, price double precision);
\dt psql_items
\d psql_items
INSERT INTO psql_items (id, embedding, name, price) VALUES
    (1, '[1,2,3]', 'one', 1.5), (2, '[4,5,6]', 'two', 2.5), (3, '[7,8,9]', 'it''s three', NULL);
SELECT id, name, price, embedding FROM psql_items ORDER BY embedding <-> '[3,3,3]' LIMIT 2;
EXPLAIN SELECT id FROM psql_items ORDER BY embedding <-> '[3,3,3]' LIMIT 2;
PREPARE nearest (text, bigint) AS SELECT id FROM psql_items ORDER BY embedding <-> $1 LIMIT $2;
EXECUTE nearest ('[9,9,9]', 1);
SET isobath.search_mode = 'exact';
EXPLAIN SELECT id FROM psql_items ORDER BY embedding <-> '[3,3,3]' LIMIT 2;
RESET isobath.search_mode;
BEGIN;
UPDATE psql_items SET price = price + 1 WHERE id = 1;
DELETE FROM psql_items WHERE id = 2;
ROLLBACK;
SELECT count(*), sum(price) FROM psql_items;
BEGIN;
UPDATE psql_items SET price = price + 1 WHERE id = 1;
DELETE FROM psql_items WHERE id = 2;
COMMIT;
SELECT count(*), sum(price) FROM psql_items;
DROP TABLE psql_items;
