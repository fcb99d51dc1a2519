// SCRAM-SHA-256 in wasm with Web Crypto: the conversation of RFC 7677, and that nothing is left in memory. What the machine
// refuses is tested natively (tests/unit/scram_test.c).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../../wasm/core.js';
import { Scram } from '../../wasm/scram.js';

const module = await compile(new URL('../../dist/wasmqtt.wasm', import.meta.url));
const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const FIRST = `r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';
const ANSWER = `c=biws,r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;

/**
 * The memory of the instance of the module that is made next.
 * @param {import('node:test').TestContext} t
 */
function watchMemory(t) {
  const { instantiate } = WebAssembly;
  /** @type {{ bytes: () => Buffer }} */
  const watched = { bytes: () => Buffer.alloc(0) };
  t.mock.method(WebAssembly, 'instantiate', async (/** @type {any} */ ...args) => {
    const instance = await /** @type {any} */ (instantiate)(...args);
    if (args[0] === module) watched.bytes = () => Buffer.from(instance.exports.memory.buffer);
    return instance;
  });
  return watched;
}

/** @param {Buffer} bytes */
function assertZero(bytes) {
  assert(bytes.length > 0);
  const left = [...bytes.entries()].filter(([, byte]) => byte !== 0);
  assert.deepEqual(left, [], 'places and bytes that are left');
}

test('the conversation of RFC 7677, in text and in bytes; the password goes when it is used, all else at the end', async (t) => {
  for (const form of [(/** @type {string} */ text) => text, (/** @type {string} */ text) => Buffer.from(text)]) {
    const memory = watchMemory(t);
    const scram = await Scram.start(module, 'user', 'pencil', NONCE);
    assert.equal(scram.message, `n,,n=user,r=${NONCE}`);
    assert.equal(memory.bytes().toString('latin1').split('pencil').length, 2, 'in one place');
    assert.equal(await scram.answer(form(FIRST)), ANSWER);
    assert(!memory.bytes().includes('pencil'));
    scram.verify(form(FINAL));
    assertZero(memory.bytes());
  }
});

test('whatever goes wrong is told, and leaves nothing', async (t) => {
  const memory = watchMemory(t);
  await assert.rejects(Scram.start(module, 'a\nb', 'p'), /user name is empty, too long, or has control/);
  assertZero(memory.bytes());
  await assert.rejects(Scram.start(module, 'a', 'p'.repeat(70_000)), /too long for SCRAM/);

  let scram = await Scram.start(module, 'user', 'pencil', NONCE);
  await assert.rejects(scram.answer(FIRST.replace('4096', '4095')), /fewer than 4096/);
  assertZero(memory.bytes());
  await assert.rejects(scram.answer(FIRST));

  scram = await Scram.start(module, 'user', 'pencil', NONCE);
  await assert.rejects(scram.answer('e=unknown-user'), { message: 'The server refused. It says "unknown-user".' });

  scram = await Scram.start(module, 'user', 'pencil', NONCE);
  await scram.answer(FIRST);
  assert.throws(() => scram.verify(FINAL.replace('6rr', '7rr')), /does not know the password/);
  assertZero(memory.bytes());

  scram = await Scram.start(module, 'user', 'pencil', NONCE);
  await scram.answer(FIRST);
  await assert.rejects(scram.answer(FIRST), /not one of SCRAM/);
});

test('ended while the password is being hashed: the result is not kept', async (t) => {
  const memory = watchMemory(t);
  const scram = await Scram.start(module, 'user', 'pencil', NONCE);
  const answer = scram.answer(FIRST);
  scram.end();
  assertZero(memory.bytes());
  await assert.rejects(answer);
  assertZero(memory.bytes());
  assert.throws(() => scram.verify(FINAL));
});

test('without Web Crypto the host says so', async (t) => {
  const scram = await Scram.start(module, 'user', 'pencil', NONCE);
  t.mock.getter(globalThis, 'crypto', () => ({ getRandomValues: () => {} }));
  await assert.rejects(scram.answer(FIRST), /cryptography of this host failed/);
});
