// Both modules are marked with what their JavaScript was built for, and one that is not is refused in words.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { loadProviders, ProviderError } from 'wasmqtt/providers';
import { connect, MqttError } from 'wasmqtt';
import { MARK as PROVIDERS_MARK } from '../../build/gen/providers_layout.js';
import { MARK } from '../../build/gen/wasmqtt_layout.js';

const read = (/** @type {string} */ name) => readFile(new URL(`../../dist/${name}.wasm`, import.meta.url));
const [client, providers] = await Promise.all(['wasmqtt', 'providers'].map(read));

/** The same module of another build. @param {Buffer} bytes @param {string} mark */
function remarked(bytes, mark) {
  const other = Buffer.from(bytes);
  other.write('wq-00000000', other.lastIndexOf(mark));
  assert.ok(WebAssembly.validate(other));
  return other;
}

test('a mark is a hash of 32 bits, and each module has its own', () => {
  assert.match(MARK, /^wq-[0-9a-f]{8}$/);
  assert.match(PROVIDERS_MARK, /^wq-[0-9a-f]{8}$/);
  assert.notEqual(MARK, PROVIDERS_MARK);
  assert.equal(WebAssembly.Module.customSections(new WebAssembly.Module(client), MARK).length, 1);
  assert.equal(WebAssembly.Module.customSections(new WebAssembly.Module(providers), PROVIDERS_MARK).length, 1);
});

test('wasmqtt.wasm of another build: what happened, and what to try', async () => {
  for (const wasm of [remarked(client, MARK), providers]) {
    const error = await connect('ws://localhost:1', { wasm }).catch((cause) => cause);
    assert.ok(error instanceof MqttError);
    assert.deepEqual([error.phase, error.code], ['load', 'wasm']);
    assert.match(error.message, /^wasmqtt\.wasm and wasmqtt\.js are of different builds\.$/);
    assert.match(error.hint, /same version/);
  }
});

test('providers.wasm of another build likewise', async () => {
  for (const wasm of [remarked(providers, PROVIDERS_MARK), client]) {
    await assert.rejects(loadProviders({ wasm }), (error) => {
      assert.ok(error instanceof ProviderError);
      assert.equal(error.code, 'provider-wasm');
      assert.match(error.message, /^providers\.wasm and providers\.js are of different builds: .*same version/);
      return true;
    });
  }
});
