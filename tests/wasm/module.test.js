// The module as built: what it imports and exports, that it cannot grow its own memory, and what JavaScript is
// told of its layout.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as c from '../../build/gen/wasmqtt_layout.js';
import { compile, Core } from '../../wasm/core.js';
import { readList } from '../tools/wasm-lists.js';

const url = new URL('../../dist/wasmqtt.wasm', import.meta.url);
const module = await compile(url);

test('imports are the reviewed list, all from env', () => {
  const imports = WebAssembly.Module.imports(module);
  assert.deepEqual(imports.map(({ name }) => name).sort(), readList('wasmqtt', 'imports'));
  assert.deepEqual([...new Set(imports.map(({ module: from }) => from))], ['env']);
});

test('exports are the reviewed list', () => {
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  assert.deepEqual(names.sort(), readList('wasmqtt', 'exports'));
});

test('the lists are sorted and without doubles', () => {
  for (const module of /** @type {const} */ (['wasmqtt', 'providers'])) {
    for (const which of /** @type {const} */ (['imports', 'exports'])) {
      const list = readList(module, which);
      assert.deepEqual(list, [...new Set(list)].sort());
    }
  }
});

test('no instruction grows the memory: it grows between calls only', () => {
  const text = execFileSync('wasm-dis', [fileURLToPath(url)], { encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.match(text, /\(func /);
  assert.doesNotMatch(text, /memory\.grow/);
});

test('the fields of an event cover it, and none overlaps another', () => {
  assert.equal(c.sizeof_wq_event, 32);
  const fields = [
    ...[c.wq_event_type, c.wq_event_reason].map((index) => [index]),
    ...[c.wq_event_flags, c.wq_event_topic_len, c.wq_event_packet_id].map((index) => [2 * index, 2 * index + 1]),
    ...[
      c.wq_event_topic_id,
      c.wq_event_off,
      c.wq_event_len,
      c.wq_event_topic_off,
      c.wq_event_props_off,
      c.wq_event_aux,
    ].map((index) => [0, 1, 2, 3].map((byte) => 4 * index + byte)),
  ].flat();
  assert.deepEqual(
    fields.sort((a, b) => a - b),
    Array.from({ length: 32 }, (_, i) => i),
  );
});

test('a field has its offset and its size', () => {
  assert.equal(c.wq_bytes_data, (0 << 8) | 4);
  assert.equal(c.wq_bytes_len, (4 << 8) | 4);
  assert.equal(c.wq_subscription_qos, (8 << 8) | 1);
  assert.equal(c.wq_crypto_op_result & 255, 0, 'it is no number');
});

test('numbers are those of the header', async () => {
  const numbers = /** @type {Record<string, unknown>} */ (c);
  const header = await readFile(new URL('../../src/wasmqtt.h', import.meta.url), 'utf8');
  let compared = 0;
  for (const [, name, value] of header.matchAll(/\b(WQ_[A-Z0-9_]+) = (-?(?:0x[0-9A-Fa-f]+|\d+))/g)) {
    if (!(name in numbers)) continue;
    assert.equal(numbers[name], Number(value), name);
    compared++;
  }
  assert(compared > 35, String(compared));
});

test('all 27 properties are told, with names in the style of JavaScript', () => {
  assert.equal(c.PROPERTIES.length, 27);
  assert.equal(new Set(c.PROPERTIES.map(({ name }) => name)).size, 27);
  for (const { name, packets, type } of c.PROPERTIES) {
    assert.match(name, /^[a-z][A-Za-z]+$/);
    assert.notEqual(packets, 0);
    assert(type >= c.WQ_T_BYTE && type <= c.WQ_T_PAIR);
  }
});

test('errors and reasons have names and sentences', async () => {
  const core = await Core.start(module, {});
  assert.equal(core.errorName(c.WQ_E_MEMORY), 'WQ_E_MEMORY');
  assert.match(core.errorText(c.WQ_E_STATE), /^[A-Z].*\.$/);
  assert.equal(core.reasonName(c.WQ_CONNACK, 5, 0x87), 'Not authorized');
});

test('a config out of range does not start', async () => {
  await assert.rejects(Core.start(module, { events_max: 1 }), /does not start/);
  await assert.rejects(Core.start(module, /** @type {any} */ ({ nonsense: 1 })), /no number/);
});

test('compile() takes bytes, a Response, a URL, a module; and says when there is none', async () => {
  const bytes = await readFile(url);
  const response = new Response(bytes, { headers: { 'content-type': 'application/wasm' } });
  const untyped = new Response(bytes);
  for (const source of [bytes, new Uint8Array(bytes).buffer, response, untyped, url, url.href, module]) {
    assert(/** @type {any} */ (await compile(source)) instanceof WebAssembly.Module);
  }
  await assert.rejects(compile(new Response('', { status: 404 })), /404/);
});
