// Uses a node through node-postgres: parameters, prepared statements, transactions, errors.
//   node script.mjs PORT         run where node_modules holds pg
import assert from 'node:assert/strict';
import pg from 'pg';

const options = { host: '127.0.0.1', port: Number(process.argv[2]), user: 'isobath', database: 'isobath' };
const client = new pg.Client(options);
await client.connect();

await client.query('DROP TABLE IF EXISTS node_items');
await client.query('CREATE TABLE node_items (id bigint PRIMARY KEY, embedding vector(2), name text, price float8, flag boolean)');
for (let id = 0; id < 20; id++) {
  const values = [id, JSON.stringify([id, 1]), `item ${id}`, id / 2, id % 2 === 0];
  const inserted = await client.query('INSERT INTO node_items (id, embedding, name, price, flag) VALUES ($1, $2, $3, $4, $5)', values);
  assert.equal(inserted.rowCount, 1);
}

const nearest = 'SELECT id, name, price, flag FROM node_items WHERE price < $2 ORDER BY embedding <-> $1 LIMIT $3';
const found = await client.query(nearest, ['[5.2,1]', 9, 3]);
assert.deepEqual(found.rows.map((row) => row.id), ['5', '6', '4']);
assert.deepEqual(found.rows[0], { id: '5', name: 'item 5', price: 2.5, flag: false });
for (let at = 0; at < 3; at++) {
  const named = await client.query({ name: 'nearest', text: nearest, values: [`[${at},1]`, 9, 1] });
  assert.equal(named.rows[0].id, String(at));
}

await client.query('BEGIN');
await client.query('UPDATE node_items SET price = price + 1 WHERE id = $1', [3]);
await client.query('ROLLBACK');
assert.equal((await client.query('SELECT price FROM node_items WHERE id = 3')).rows[0].price, 1.5);

await assert.rejects(client.query('INSERT INTO node_items (id) VALUES (3)'), (error) => error.code === '23505');
await assert.rejects(client.query('SELECT nothing FROM node_items'), (error) => error.code === '42703');
assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, '1');

const pool = new pg.Pool({ ...options, max: 4 });
const counts = await Promise.all(Array.from({ length: 16 }, () => pool.query('SELECT count(*) AS n FROM node_items')));
assert.ok(counts.every((answer) => answer.rows[0].n === '20'));
await pool.end();

await client.query('DROP TABLE node_items');
await client.end();
console.log('node-postgres: ok');
