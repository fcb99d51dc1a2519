// src/crypto.h by Web Crypto, called through the module as the core will call it, against Node's own cryptography.
import assert from 'node:assert/strict';
import { createHash, createHmac, createPublicKey, generateKeyPairSync, pbkdf2Sync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { wq_crypto_op_length, wq_crypto_op_result, wq_crypto_op_status } from '../../build/gen/wasmqtt_layout.js';
import bind from '../../build/gen/webcrypto.js';
import { compile } from '../../wasm/core.js';
import { Memory } from '../../wasm/memory.js';

/** The numbers of src/crypto.h by name. @type {Record<string, number>} */
const NUMBERS = Object.fromEntries(
  [...readFileSync(new URL('../../src/crypto.h', import.meta.url), 'utf8').matchAll(/\b(WQ_\w+) = (-?\d+)/g)].map(
    ([, name, value]) => [name, Number(value)],
  ),
);
const { WQ_SHA1: SHA1, WQ_SHA256: SHA256, WQ_RS256: RS256, WQ_ES256: ES256 } = NUMBERS;
const module = await compile(new URL('../../dist/wasmqtt.wasm', import.meta.url));

/** An instance, without the client in it. */
async function start() {
  const heap = { u8: new Uint8Array(0) };
  const { exports } = await WebAssembly.instantiate(module, { env: bind(heap) });
  const x = /** @type {any} */ (exports);
  const memory = new Memory(x.memory, x.wq_wasm_heap(), ({ u8 }) => {
    heap.u8 = u8;
  });
  const op = x.wq_wasm_crypto_op();
  const status = () => memory.get(op, wq_crypto_op_status) | 0;
  const parts = (/** @type {Uint8Array[]} */ ...list) => {
    let at = x.wq_wasm_scratch();
    for (const bytes of list) {
      memory.u8.set(bytes, at);
      at += bytes.length;
    }
  };
  const done = async () => {
    while (status() === NUMBERS.WQ_CRYPTO_PENDING) await new Promise((resolve) => setImmediate(resolve));
    const length = memory.get(op, wq_crypto_op_length);
    const from = op + (wq_crypto_op_result >> 8);
    return { status: status(), result: Buffer.from(memory.u8.slice(from, from + length)) };
  };
  return { x, memory, parts, done };
}

test('random bytes, more than one call of Web Crypto gives', async () => {
  const { x, memory } = await start();
  const length = 70_000;
  assert.equal(x.wq_wasm_random(length), 0);
  const bytes = memory.u8.slice(x.wq_wasm_scratch(), x.wq_wasm_scratch() + length);
  for (let at = 0; at < length; at += 1000) {
    assert(new Set(bytes.subarray(at, at + 1000)).size > 200, 'no part is left as it was');
  }
});

for (const [hash, name] of /** @type {const} */ ([
  [SHA1, 'sha1'],
  [SHA256, 'sha256'],
])) {
  test(`digest ${name}`, async () => {
    const { x, parts, done } = await start();
    for (const text of ['', 'abc', 'x'.repeat(10_000)]) {
      parts(Buffer.from(text));
      x.wq_wasm_digest(hash, text.length);
      assert.deepEqual(await done(), { status: 0, result: createHash(name).update(text).digest() });
    }
  });

  test(`HMAC ${name}, with an empty key too`, async () => {
    const { x, parts, done } = await start();
    for (const key of ['', 'k', 'key'.repeat(100)]) {
      parts(Buffer.from(key), Buffer.from('data'));
      x.wq_wasm_hmac(hash, key.length, 4);
      assert.deepEqual(await done(), { status: 0, result: createHmac(name, key).update('data').digest() });
    }
  });

  test(`PBKDF2 ${name}`, async () => {
    const { x, parts, done } = await start();
    parts(Buffer.from('password'), Buffer.from('salt'));
    x.wq_wasm_pbkdf2(hash, 8, 4, 1000, 40);
    assert.deepEqual(await done(), { status: 0, result: pbkdf2Sync('password', 'salt', 1000, 40, name) });
  });
}

test('HMAC of RFC 4231, case 2', async () => {
  const { x, parts, done } = await start();
  parts(Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'));
  x.wq_wasm_hmac(SHA256, 4, 28);
  const { result } = await done();
  assert.equal(result.toString('hex'), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
});

test('RS256 and ES256 signatures verify', async () => {
  const { x, parts, done } = await start();
  const data = Buffer.from('header.claims');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = (/** @type {any} */ key) => createPublicKey(key.export({ type: 'spki', format: 'pem' }));
  for (const [algorithm, pair, length] of /** @type {[number, any, number][]} */ ([
    [RS256, rsa, 256],
    [ES256, ec, 64],
  ])) {
    const key = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
    parts(key, data);
    x.wq_wasm_sign(algorithm, key.length, data.length);
    const { status, result } = await done();
    assert.equal(status, 0);
    assert.equal(result.length, length);
    const publicKey = { key: spki(pair.publicKey), dsaEncoding: /** @type {const} */ ('ieee-p1363') };
    assert(verify('sha256', data, publicKey, result));
  }
});

test('what cannot be is told as such', async () => {
  const { x, parts, done } = await start();
  x.wq_wasm_digest(7, 0);
  assert.equal((await done()).status, NUMBERS.WQ_CRYPTO_E_ARG);
  x.wq_wasm_pbkdf2(SHA256, 1, 1, 0, 32);
  assert.equal((await done()).status, NUMBERS.WQ_CRYPTO_E_ARG);
  x.wq_wasm_pbkdf2(SHA256, 1, 1, 1, 65);
  assert.equal((await done()).status, NUMBERS.WQ_CRYPTO_E_ARG);
  parts(Buffer.from('this is no key'));
  x.wq_wasm_sign(RS256, 14, 0);
  assert.equal((await done()).status, NUMBERS.WQ_CRYPTO_E_KEY);
});

test('without Web Crypto, as in a page over http, it is unavailable', async (t) => {
  const { x, done } = await start();
  t.mock.getter(globalThis, 'crypto', () => ({ getRandomValues: () => {} }));
  x.wq_wasm_digest(SHA256, 0);
  assert.equal((await done()).status, NUMBERS.WQ_CRYPTO_E_UNAVAILABLE);
});

test('no bytes of a key stay in JavaScript, whether or not it could be imported', async (t) => {
  const { x, parts, done } = await start();
  const { subtle } = crypto;
  /** @type {Uint8Array[]} */
  const kept = [];
  let lengths = '';
  const importKey = (
    /** @type {string} */ format,
    /** @type {Uint8Array<ArrayBuffer>} */ bytes,
    /** @type {any[]} */ ...rest
  ) => {
    kept.push(bytes);
    lengths += `${bytes.length}${bytes.some((byte) => byte !== 0) ? '' : ' zeros'} `;
    return subtle.importKey(/** @type {any} */ (format), bytes, .../** @type {[any, any, any]} */ (rest));
  };
  const { sign, deriveBits } = Object.getPrototypeOf(subtle);
  const double = { importKey, sign: sign.bind(subtle), deriveBits: deriveBits.bind(subtle) };
  t.mock.getter(globalThis, 'crypto', () => ({ subtle: double }));
  parts(Buffer.from('secret'), Buffer.from('data'));
  x.wq_wasm_hmac(SHA256, 6, 4);
  assert.equal((await done()).status, 0);
  parts(Buffer.from('password'), Buffer.from('salt'));
  x.wq_wasm_pbkdf2(SHA256, 8, 4, 1, 32);
  assert.equal((await done()).status, 0);
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'der' });
  parts(key, Buffer.from('data'));
  x.wq_wasm_sign(ES256, key.length, 4);
  assert.equal((await done()).status, 0);
  parts(Buffer.from('no key'), Buffer.from('data'));
  x.wq_wasm_sign(ES256, 6, 4);
  assert.equal((await done()).status, NUMBERS.WQ_CRYPTO_E_KEY);
  assert.equal(lengths, `6 8 ${key.length} 6 `);
  for (const bytes of kept) assert.ok(bytes.every((byte) => byte === 0));
});

test('memory that grows while an operation is under way gets the result', async () => {
  const { x, memory, parts, done } = await start();
  parts(Buffer.from('abc'));
  x.wq_wasm_digest(SHA256, 3);
  const before = memory.u8;
  memory.allocate(1 << 20);
  assert.equal(before.length, 0, 'the old view is dead');
  assert.deepEqual((await done()).result, createHash('sha256').update('abc').digest());
});
