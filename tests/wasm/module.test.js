// The module as built: what it imports and exports, that it cannot grow its own memory, and what it tells of its layout.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
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

test('every offset and number is told once, and fits what JavaScript reads', async () => {
  const core = await Core.start(module, {});
  assert.equal(core.numbers.wq_event, 32);
  const at = (/** @type {string} */ name, /** @type {number} */ size) => core.layout.offset(`wq_event.${name}`, size);
  const fields = /** @type {[string, number][]} */ ([
    ['type', 1],
    ['reason', 1],
    ['flags', 2],
    ['topic_id', 4],
    ['off', 4],
    ['len', 4],
    ['topic_len', 2],
    ['packet_id', 2],
    ['topic_off', 4],
    ['props_off', 4],
    ['aux', 4],
  ]);
  const taken = new Set(fields.flatMap(([name, size]) => Array.from({ length: size }, (_, i) => at(name, size) + i)));
  assert.equal(taken.size, 32, 'the fields cover the record, and none overlaps another');
  assert.throws(() => core.layout.offset('wq_event.nothing'), /no field/);
  assert.throws(() => core.layout.offset('wq_event.type', 4), /no field/);
});

test('numbers are those of the header', async () => {
  const core = await Core.start(module, {});
  const header = await readFile(new URL('../../src/wasmqtt.h', import.meta.url), 'utf8');
  let compared = 0;
  for (const [, name, value] of header.matchAll(/\b(WQ_[A-Z0-9_]+) = (-?(?:0x[0-9A-Fa-f]+|\d+))/g)) {
    if (!(name in core.numbers)) continue;
    assert.equal(core.numbers[name], Number(value), name);
    compared++;
  }
  assert(compared > 35, String(compared));
});

test('all 27 properties are told, with names in the style of JavaScript', async () => {
  const { properties, numbers } = await Core.start(module, {});
  assert.equal(properties.length, 27);
  assert.equal(new Set(properties.map(({ name }) => name)).size, 27);
  for (const { name, packets, type } of properties) {
    assert.match(name, /^[a-z][A-Za-z]+$/);
    assert.notEqual(packets, 0);
    assert(type >= numbers.WQ_T_BYTE && type <= numbers.WQ_T_PAIR);
  }
});

test('errors and reasons have names and sentences', async () => {
  const core = await Core.start(module, {});
  assert.equal(core.errorName(core.numbers.WQ_E_MEMORY), 'WQ_E_MEMORY');
  assert.match(core.errorText(core.numbers.WQ_E_STATE), /^[A-Z].*\.$/);
  assert.equal(core.reasonName(core.numbers.WQ_CONNACK, 5, 0x87), 'Not authorized');
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
