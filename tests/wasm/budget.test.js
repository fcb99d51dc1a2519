// The built modules have the imports and exports of the reviewed lists and no others, and what users load stays within
// tests/budget.txt.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readList } from '../tools/wasm-lists.js';

const read = (/** @type {string} */ path) => readFileSync(new URL(`../../${path}`, import.meta.url));
for (const name of /** @type {const} */ (['wasmqtt', 'providers'])) {
  const module = new WebAssembly.Module(read(`dist/${name}.wasm`));

  test(`the module exports what wasm/${name}_exports.txt lists`, () => {
    const exports = WebAssembly.Module.exports(module);
    assert.deepEqual(exports.map(({ name }) => name).sort(), readList(name, 'exports').sort());
    assert.deepEqual(
      exports.filter(({ name, kind }) => kind !== (name === 'memory' ? 'memory' : 'function')),
      [],
    );
  });

  test(`the module imports what wasm/${name}_imports.txt lists, all functions of \`env\``, () => {
    const imports = WebAssembly.Module.imports(module);
    assert.deepEqual(imports.map(({ name }) => name).sort(), readList(name, 'imports').sort());
    assert.deepEqual(
      imports.filter(({ module: from, kind }) => from !== 'env' || kind !== 'function'),
      [],
    );
  });
}

const budget = read('tests/budget.txt')
  .toString()
  .split('\n')
  .map((line) => line.replace(/#.*/, '').trim())
  .filter((line) => line !== '');
for (const line of budget) {
  const [path, ...limits] = line.split(/\s+/);
  const [bytes, gzipped] = limits.map(Number);
  test(`${path} has at most ${bytes} bytes, ${gzipped} gzipped`, () => {
    const file = read(path);
    const compressed = gzipSync(file, { level: 9 }).length;
    assert.ok(
      file.length <= bytes && compressed <= gzipped,
      `it has ${file.length} bytes, ${compressed} gzipped: make it smaller, or raise tests/budget.txt and say why`,
    );
  });
}
