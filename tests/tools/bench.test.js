// The benchmarks work, and count as they say; how fast anything is, is no test.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import * as cost from '../bench/cost.js';
import { CLIENTS, clientsFor } from '../bench/page/clients.js';
import { makeFrames, makePublish, topicName } from '../bench/page/packets.js';
import { Sender } from '../bench/page/sender.js';
import { WasmWalk } from '../bench/page/wasm_walk.js';
import { rounds } from '../bench/rounds.js';
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

test('a missed goal tells what a walk reaches by it, in rounds', () => {
  const times = { wasmqtt: [1, 2, 3], walk: [1, 1, 1], 'handing walk': [1, 1, 1], 'MQTT.js': [10, 20, 60] };
  const work = { ...times, 'MQTT.js': [10, 30, 60] };
  /** @type {import('../bench/rows.js').Goal[]} */
  const goals = [
    { against: 'MQTT.js', bound: 'least', limit: 10 },
    { against: 'MQTT.js', bound: 'least', limit: 11 },
    { against: 'handing walk', bound: 'most', limit: 1.5 },
    { against: 'Paho JS', bound: 'least', limit: 11 },
  ];
  assert.match(
    line(costRow(ROW, { times, failed: {} }, goals)),
    /: 10\.0× met; MQTT.js ≥ 11×: 10\.0× \(walk 20\.0×\) MISSED; handing walk ≤ 1\.5×: 2\.00× MISSED; Paho JS ≥ 11×: none$/m,
  );
  assert.match(
    line(costRow(ROW, { times, work, failed: {} }, goals)),
    /: 10\.0× \(work 15\.0×\) met; MQTT.js ≥ 11×: 10\.0× \(work 15\.0×, walk 20\.0×\) MISSED;/,
  );
  assert.match(
    line(rateRow(ROW, { times, failed: {} }, goals.slice(0, 2))),
    /: 10\.0× met; MQTT.js ≥ 11×: 10\.0× \(walk 20\.0×\) MISSED$/m,
  );
  const bare = costRow(ROW, { times: { ...times, 'handing walk': [1.5, 1.5, 3] }, failed: {} }, [
    { against: 'walk', bound: 'most', limit: 1.9 },
  ]);
  assert.match(line(bare), /walk ≤ 1\.9×: 2\.00× \(handing walk 1\.50×\) MISSED$/m);
  const both = { ...times, 'wasm walk': [1.25, 1.25, 1.25] };
  assert.match(
    line(costRow(ROW, { times: both, failed: {} }, goals)),
    /MQTT.js ≥ 11×: 10\.0× \(walk 20\.0×, wasm walk 16\.0×\) MISSED; handing walk ≤ 1\.5×: 2\.00× \(wasm walk 1\.25×\) MISSED;/,
  );
  const { walk: _, ...without } = times;
  assert.match(line(costRow(ROW, { times: without, failed: {} }, goals)), /MQTT.js ≥ 11×: 10\.0× MISSED;/);
});

test('who takes part in a row', () => {
  const names = (/** @type {Parameters<typeof clientsFor>} */ ...args) =>
    clientsFor(...args).ready.map(({ name }) => name);
  assert.deepEqual(
    names('in', 0, 4),
    CLIENTS.map(({ name }) => name),
  );
  assert.deepEqual(names('in', 1, 4), ['wasmqtt', 'Paho JS', 'MQTT.js']);
  assert.deepEqual(names('out', 0, 4), ['wasmqtt', 'walk', 'wasm walk', 'Paho JS', 'MQTT.js']);
  for (const qos of [1, 2]) assert.deepEqual(names('out', qos, 4), ['wasmqtt', 'walk', 'Paho JS', 'MQTT.js']);
  assert.deepEqual(names('echo', 0, 4), ['wasmqtt', 'walk', 'Paho JS', 'MQTT.js']);
  assert.deepEqual(clientsFor('in', 0, 5, ['walk', 'wasmqtt']).failed, {});
  assert.deepEqual(clientsFor('out', 0, 5).failed, { 'Paho JS': 'does not speak the version' });
});

test('every client has a page of its own; all are closed, also when one fails', async () => {
  /** @type {string[]} */
  const log = [];
  let pages = 0;
  const open = async () => {
    const page = ++pages;
    return {
      page,
      front: async () => void log.push(`front ${page}`),
      close: async () => void log.push(`close ${page}`),
    };
  };
  let late = 0;
  const players = ['one', 'unable', 'two', 'late'].map((name) => ({
    name,
    async prepare(/** @type {any} */ { page }) {
      if (name === 'unable') throw new Error('cannot');
      return async () => {
        log.push(name);
        if (name === 'late' && ++late === 2) throw new Error('is late');
        return page;
      };
    },
  }));
  const { parts, failed } = await rounds(/** @type {any} */ ({ open }), 'some.js', players, 3);
  assert.deepEqual(parts, { one: [1, 1, 1], two: [3, 3, 3] });
  assert.deepEqual(failed, { unable: 'cannot', late: 'is late' });
  assert.deepEqual(log.slice(0, 6), ['front 1', 'one', 'front 3', 'two', 'front 4', 'late']);
  assert.deepEqual(log.slice(6, 8), ['front 3', 'two'], 'in another order');
  assert.equal(log.filter((entry) => entry === 'late').length, 2);
  assert.deepEqual(log.slice(-4), ['close 1', 'close 2', 'close 3', 'close 4']);
});

test('the bare sender sends what a client would, together', async () => {
  /** @type {string[]} */
  const sent = [];
  const sender = new Sender((bytes) => void sent.push(Buffer.from(bytes).toString('hex')), 5);
  const payload = new Uint8Array([1, 2]);
  const acknowledge = (/** @type {number[]} */ ...bytes) => sender.take(new Uint8Array(bytes).buffer);
  const tell = (/** @type {string} */ what) => sent.push(what);
  await sender.publish('a', payload, { qos: 0 });
  assert.deepEqual(sent.splice(0), ['3006' + '000161' + '00' + '0102']);
  sender.publish('a', payload, { qos: 1 }).then(() => tell('first'));
  sender.publish('bc', payload, { qos: 2 }).then(() => tell('second'));
  await null;
  assert.deepEqual(sent.splice(0), [
    '3208' + '000161' + '0001' + '00' + '0102' + '3409' + '00026263' + '0002' + '00' + '0102',
  ]);
  acknowledge(0x50, 2, 0, 2, 0x40, 2, 0, 1);
  await null;
  await null;
  assert.deepEqual(sent.splice(0).sort(), ['62020002', 'first']);
  acknowledge(0x70, 2, 0, 2);
  await null;
  assert.deepEqual(sent.splice(0), ['second']);

  const large = new Uint8Array(1000);
  for (let i = 0; i < 100; i++) sender.publish('a', large, { qos: 0 });
  assert.equal(sent.length, 1, 'what is full goes at once');
  await null;
  assert.deepEqual(
    sent.map((hex) => hex.length / 2 / (1000 + 3 + 1 + 3)),
    [65, 35],
  );
});

test('the walk in wasm takes what comes, and sends what a client would, together', async () => {
  const module = await readFile(new URL('../../build/bench/walk.wasm', import.meta.url));
  for (const version of /** @type {const} */ ([4, 5])) {
    /** @type {Buffer[]} */
    const sent = [];
    const client = await WasmWalk.start(module, version, (bytes) => void sent.push(Buffer.from(bytes)));
    for (let round = 0; round < 2; round++) {
      /** @type {[string, number, number][]} */
      const came = [];
      for (const frame of makeFrames({ version, qos: 0, size: 300, perFrame: 32, topics: 50, frames: 2 })) {
        client.take(frame, ({ topic, payload }) => void came.push([topic, payload.length, payload[299]]));
      }
      const expected = Array.from({ length: 64 }, (_, n) => [topicName((n * 7) % 50), 300, n]);
      assert.deepEqual(came, expected);
    }
    const payload = new Uint8Array(1000).map((_, i) => i);
    for (let n = 0; n < 100; n++) client.publish(topicName(n % 3), payload.subarray(n * 10));
    await null;
    assert.equal(sent.length, 1);
    const expected = Array.from({ length: 100 }, (_, n) =>
      makePublish(version, topicName(n % 3), payload.subarray(n * 10)),
    );
    assert.deepEqual(Buffer.concat(sent), Buffer.concat(expected));
    await null;
    for (let n = 0; n < 100; n++) client.publish('a', payload);
    await null;
    assert.deepEqual(
      sent
        .splice(0)
        .slice(-2)
        .map(({ length }) => length % (1000 + 3 + 3 + (version === 5 ? 1 : 0))),
      [0, 0],
      'whole packets',
    );
  }
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
    const bare = name.startsWith('in, QoS 0')
      ? ['event', 'walk', 'handing walk', 'wasm walk']
      : name.startsWith('out')
        ? ['walk']
        : [];
    assert.deepEqual(Object.keys(values).sort(), [...clients, ...bare].sort(), name);
    assert.deepEqual(notes, [], name);
    for (const client of clients) assert.ok(Number.isFinite(values[client]), `${name}, ${client}`);
  }
});
