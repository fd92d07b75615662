// Uses a node through the official TypeScript client: writes, every kind of filter, patches, deletes,
// pages, text, metadata. Ends with an error at the first answer that is not what the rows say.
//   node script.mjs URL          run where node_modules holds the client
import assert from 'node:assert/strict';
import Turbopuffer from '@turbopuffer/turbopuffer';

const client = new Turbopuffer({ baseURL: process.argv[2], apiKey: 'none', region: undefined });
const NAME = `typescript-${process.pid}`;
const ns = client.namespace(NAME);
const WORDS = ['deep water', 'shallow river', 'high mountain', 'deep valley', 'quiet lake'];

/** What row `id` holds. Every seventh row has neither number nor tags. */
function row(id) {
  const base = { id, vector: [id, 100 - id], name: `row-${id}`, flag: id % 2 === 0, text: WORDS[id % 5] };
  if (id % 7 === 0) return base;
  return {
    ...base,
    number: id % 10,
    share: id / 4,
    tags: [`t${id % 3}`, `u${id % 4}`],
    scores: [id % 5, id % 11],
    at: new Date(Date.UTC(2026, 0, 1 + id)).toISOString(),
    key: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
  };
}

let rows = Array.from({ length: 100 }, (_, at) => row(at + 1));
const has = (r, name) => r[name] !== undefined;

/** Each kind of filter with what it means for a row. */
const FILTERS = [
  [['number', 'Eq', 3], (r) => r.number === 3],
  [['number', 'Eq', null], (r) => !has(r, 'number')],
  [['number', 'NotEq', 3], (r) => r.number !== 3],
  [['name', 'In', ['row-1', 'row-50', 'nothing']], (r) => ['row-1', 'row-50'].includes(r.name)],
  [['name', 'NotIn', ['row-1', 'row-2']], (r) => !['row-1', 'row-2'].includes(r.name)],
  [['number', 'Gt', 6], (r) => r.number > 6],
  [['number', 'Gte', 6], (r) => r.number >= 6],
  [['share', 'Lt', 3.5], (r) => !has(r, 'share') || r.share < 3.5],
  [['share', 'Lte', 3.5], (r) => !has(r, 'share') || r.share <= 3.5],
  [['flag', 'Eq', true], (r) => r.flag],
  [['at', 'Gte', '2026-03-01T00:00:00Z'], (r) => has(r, 'at') && r.at >= '2026-03-01'],
  [['key', 'Eq', row(5).key], (r) => r.key === row(5).key],
  [['tags', 'Contains', 't1'], (r) => !!r.tags?.includes('t1')],
  [['tags', 'NotContains', 't1'], (r) => !r.tags?.includes('t1')],
  [['tags', 'ContainsAny', ['t2', 'u3']], (r) => !!r.tags?.some((t) => t === 't2' || t === 'u3')],
  [['tags', 'NotContainsAny', ['t2', 'u3']], (r) => !r.tags?.some((t) => t === 't2' || t === 'u3')],
  [['scores', 'AnyLt', 1], (r) => !!r.scores?.some((s) => s < 1)],
  [['scores', 'AnyLte', 1], (r) => !!r.scores?.some((s) => s <= 1)],
  [['scores', 'AnyGt', 9], (r) => !!r.scores?.some((s) => s > 9)],
  [['scores', 'AnyGte', 9], (r) => !!r.scores?.some((s) => s >= 9)],
  [['name', 'Glob', 'row-1*'], (r) => r.name.startsWith('row-1')],
  [['name', 'NotGlob', 'row-1*'], (r) => !r.name.startsWith('row-1')],
  [['name', 'IGlob', 'ROW-?'], (r) => r.name.length === 5],
  [['name', 'NotIGlob', 'ROW-?'], (r) => r.name.length !== 5],
  [['pattern', 'Regex', '^row-[13]+$'], (r) => /^row-[13]+$/.test(r.name)],
  [['text', 'ContainsAllTokens', 'water deep'], (r) => r.text === 'deep water'],
  [['text', 'ContainsAnyToken', 'river deep'], (r) => /river|deep/.test(r.text)],
  [['text', 'ContainsTokenSequence', 'deep water'], (r) => r.text === 'deep water'],
  [['And', [['flag', 'Eq', true], ['number', 'Gt', 6]]], (r) => r.flag && r.number > 6],
  [['Or', [['number', 'Eq', 1], ['number', 'Eq', 2]]], (r) => r.number === 1 || r.number === 2],
  [['Not', ['number', 'Gt', 2]], (r) => !(r.number > 2)],
];

const ids = (found) => found.map((r) => r.id);

async function filters() {
  for (const [filter, passes] of FILTERS) {
    const answer = await ns.query({ rank_by: ['id', 'asc'], top_k: 1000, filters: filter });
    const wanted = rows.filter(passes).map((r) => r.id);
    assert.deepEqual(ids(answer.rows), wanted, JSON.stringify(filter));
    const counted = await ns.query({ aggregate_by: { n: ['Count'] }, filters: filter });
    assert.equal(counted.aggregations.n, wanted.length, JSON.stringify(filter));
  }
}

async function ranks() {
  const near = await ns.query({ rank_by: ['vector', 'ANN', [7, 93]], top_k: 3, include_attributes: ['name'] });
  assert.deepEqual(ids(near.rows), [7, 6, 8]);
  assert.equal(near.rows[0].name, 'row-7');
  assert.equal(near.rows[0].$dist, 0);
  const filtered = await ns.query({ rank_by: ['vector', 'ANN', [7, 93]], top_k: 1, filters: ['flag', 'Eq', true] });
  assert.deepEqual(ids(filtered.rows), [6]);
  const texts = await ns.query({ rank_by: ['text', 'BM25', 'water'], top_k: 1000 });
  assert.deepEqual(new Set(ids(texts.rows)), new Set(rows.filter((r) => /water/.test(r.text)).map((r) => r.id)));
  const both = await ns.multiQuery({
    queries: [
      { rank_by: ['vector', 'ANN', [1, 99]], top_k: 1 },
      { rank_by: ['text', 'BM25', 'lake'], top_k: 1 },
    ],
  });
  assert.equal(both.results.length, 2);
  assert.deepEqual(ids(both.results[0].rows), [1]);
}

async function pages() {
  const seen = [];
  for (let last = 0; ; last = seen.at(-1)) {
    const { rows: page } = await ns.query({ rank_by: ['id', 'asc'], top_k: 17, filters: ['id', 'Gt', last] });
    if (page.length === 0) break;
    seen.push(...ids(page));
  }
  assert.deepEqual(seen, rows.map((r) => r.id));
}

async function changes() {
  const patched = await ns.write({ patch_rows: [{ id: 1, number: 77 }, { id: 999, number: 77 }] });
  assert.equal(patched.rows_patched, 1);
  await ns.write({ patch_columns: { id: [2, 3], number: [77, 77] } });
  rows = rows.map((r) => (r.id <= 3 ? { ...r, number: 77 } : r));
  const deleted = await ns.write({ deletes: [4, 5] });
  assert.equal(deleted.rows_deleted, 2);
  const many = await ns.write({ delete_by_filter: ['number', 'Eq', 9] });
  assert.equal(many.rows_deleted, rows.filter((r) => r.number === 9 && r.id !== 4 && r.id !== 5).length);
  rows = rows.filter((r) => r.id !== 4 && r.id !== 5 && r.number !== 9);
  const condition = await ns.write({
    upsert_rows: [{ ...row(6), number: 1 }, { ...row(500), number: 1 }],
    upsert_condition: ['id', 'Eq', null],
  });
  assert.equal(condition.rows_upserted, 1);
  rows.push({ ...row(500), number: 1 });
  const found = await ns.query({ rank_by: ['id', 'asc'], top_k: 1000, filters: ['number', 'Eq', 77] });
  assert.deepEqual(ids(found.rows), [1, 2, 3]);
}

async function facts() {
  const metadata = await ns.metadata();
  assert.equal(metadata.schema.vector.type, '[2]f32');
  assert.equal(metadata.schema.at.type, 'datetime');
  const schema = await ns.schema();
  assert.equal(schema.tags.type, '[]string');
  const listed = [];
  for await (const summary of client.namespaces({ prefix: 'typescript-' })) listed.push(summary.id);
  assert.ok(listed.includes(NAME));
  await assert.rejects(client.namespace('typescript-none').query({ top_k: 1, rank_by: ['id', 'asc'] }), { status: 404 });
  await assert.rejects(ns.query({ top_k: 1, rank_by: ['nothing', 'asc'] }), { status: 400 });
}

await ns.write({
  upsert_rows: rows.slice(0, 50),
  distance_metric: 'euclidean_squared',
  schema: {
    number: 'int', share: 'float', at: 'datetime', key: 'uuid', scores: '[]int',
    text: { type: 'string', full_text_search: true, filterable: true },
    pattern: { type: 'string', regex: true },
  },
});
const columns = {};
for (const name of ['vector', 'name', 'flag', 'text', 'number', 'share', 'tags', 'scores', 'at', 'key']) {
  columns[name] = rows.slice(50).map((r) => r[name] ?? null);
}
await ns.write({
  upsert_columns: { id: ids(rows.slice(50)), ...columns },
  distance_metric: 'euclidean_squared',
});
await ns.write({ patch_rows: rows.map((r) => ({ id: r.id, pattern: r.name })) });
await filters();
await ranks();
await pages();
await facts();
await changes();
await pages();
await filters();
await ns.deleteAll();
await assert.rejects(ns.metadata(), { status: 404 });
console.log(`ok TypeScript client: ${FILTERS.length} kinds of filters on ${rows.length} rows`);
