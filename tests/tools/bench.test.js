// The benchmarks work, and count as they say; how fast anything is, is no test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as cost from '../bench/cost.js';
import { costRow, line, markdown, met, ratio, rateRow } from '../bench/rows.js';
import { openStage } from '../bench/stage.js';

const ROW = { kind: 'cost', engine: 'chromium', name: 'in', unit: 'µs a message' };

test('a ratio is the median of what the rounds say', () => {
  assert.equal(ratio([10, 40, 1000], [1, 2, 10]), 20);
});

test('a goal is met, missed, or has nothing to compare with', () => {
  const times = { wasmqtt: [1, 2, 3], walk: [1, 1, 1], 'MQTT.js': [10, 20, 30] };
  const row = costRow(ROW, { times, failed: { 'Paho JS': 'is late' } }, [
    { against: 'walk', bound: 'most', limit: 2 },
    { against: 'walk', bound: 'most', limit: 1.9 },
    { against: 'MQTT.js', bound: 'least', limit: 10 },
    { against: 'MQTT.js', bound: 'least', limit: 11 },
    { against: 'Paho JS', bound: 'least', limit: 1 },
  ]);
  assert.deepEqual(row.checks.map(met), [true, false, true, false, undefined]);
  assert.deepEqual(row.values, { wasmqtt: 2, walk: 1, 'MQTT.js': 20 });
  assert.deepEqual(row.notes, ['Paho JS: is late']);
  assert.match(line(row), /walk ≤ 1\.9×: 2\.00× MISSED; MQTT\.js ≥ 10×: 10\.0× met/);
  assert.match(markdown([row], 'here'), /^here\n\n\| row .*\n\| --- .*\n\| chromium, in \| µs a message \| 2\.00 \|/);
});

test('of messages a second, more is better', () => {
  const row = rateRow(ROW, { times: { wasmqtt: [2], walk: [1] }, failed: {} }, [
    { against: 'walk', bound: 'least', limit: 0.5 },
    { against: 'walk', bound: 'least', limit: 0.6 },
  ]);
  assert.deepEqual(row.values, { wasmqtt: 500_000, walk: 1_000_000 });
  assert.deepEqual(row.checks.map(met), [true, false]);
});

test('a small round of some cases, by every client in Chromium', { timeout: 120_000 }, async () => {
  const stage = await openStage('chromium');
  /** @type {import('../bench/rows.js').Row[]} */
  const rows = [];
  try {
    const wanted = (/** @type {string} */ name) => /^(in, QoS 0, 32|in, QoS 2|out, QoS 2).*, 3\.1\.1$/.test(name);
    await cost.measure(stage, wanted, (row) => rows.push(row), { rounds: 1, part: 1, warmUp: 1 });
  } finally {
    await stage.close();
  }
  assert.equal(rows.length, 3);
  for (const { name, values, notes } of rows) {
    const clients = ['wasmqtt', 'Paho JS', 'MQTT.js'];
    const looked = name.startsWith('in, QoS 0') ? ['event', 'walk', 'handing walk'] : [];
    assert.deepEqual(Object.keys(values).sort(), [...clients, ...looked].sort(), name);
    assert.deepEqual(notes, [], name);
    for (const client of clients) assert.ok(Number.isFinite(values[client]), `${name}, ${client}`);
  }
});
