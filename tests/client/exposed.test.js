// What a user of the built library gets hold of: objects with the properties that they are documented to have, and behind
// which no secret can be reached. The build makes ordinary properties of private names in modules of its choice
// (web/private_names.js), so it is the bundle that is looked at.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect, types } from 'node:util';
import { connect, memoryStore } from 'wasmqtt/slim';
import { withoutPrivateNames } from '../../web/private_names.js';
import { eventually, Peer, publish, rejection } from './peer.js';

const PASSWORD = 'secret-of-the-password';
const TOKEN = 'secret-of-the-token';
const SECRET = /secret-of-the-/;

/** @param {any} object */
const own = (object) => Reflect.ownKeys(object).map(String).sort();
/** @param {any} object */
const inherited = (object) => own(Object.getPrototypeOf(object));

/**
 * All that can be reached by properties and prototypes, accessors included, with the way to it.
 * @param {unknown} root
 * @returns {Generator<[way: string, value: unknown]>}
 */
function* reachable(root) {
  const seen = new Set([Object.prototype, Function.prototype, Promise.prototype, globalThis]);
  const waiting = /** @type {[string, any][]} */ ([['', root]]);
  for (let next; (next = waiting.shift()) !== undefined;) {
    const [way, value] = next;
    yield [way, value];
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue;
    seen.add(value);
    if (types.isMap(value) || types.isSet(value)) waiting.push([`${way}.entries`, [...value]]);
    if (ArrayBuffer.isView(value)) continue;
    const prototype = Object.getPrototypeOf(value);
    for (const [where, holder] of [[way, value], ...(prototype ? [[`${way}.__proto__`, prototype]] : [])]) {
      for (const key of Reflect.ownKeys(holder)) {
        const { get, value: plain } = /** @type {any} */ (Object.getOwnPropertyDescriptor(holder, key));
        let found = plain;
        try {
          if (get) found = get.call(value);
        } catch {
          continue; // it is not for this object
        }
        waiting.push([`${where}.${String(key)}`, found]);
      }
    }
  }
}

/** @param {string} name @param {unknown} root */
function assertNoSecret(name, root) {
  for (const [way, value] of reachable(root)) {
    const text = ArrayBuffer.isView(value) ? Buffer.from(value.buffer).toString('latin1') : value;
    assert.ok(typeof text !== 'string' || !SECRET.test(text), `${name}${way} has a secret`);
    assert.ok(!(value instanceof WebAssembly.Memory), `${name}${way} is the memory`);
  }
  assert.doesNotMatch(inspect(root, { depth: Infinity, showHidden: true, getters: true }), SECRET, name);
}

/** What the user of a client with secrets gets, by name. */
async function gather() {
  const peer = new Peer();
  peer.connack.properties = { authenticationMethod: 'K' };
  /** @type {Record<string, any>} */
  const held = {};
  /**
   * A function of the user, that keeps what it is called on, and with.
   * @param {string} name
   * @param {(...args: any[]) => any} [then]
   * @returns {(...args: any[]) => any}
   */
  const note = (name, then = () => {}) =>
    /** @this {unknown} @param {any[]} args */
    function (...args) {
      held[`this of ${name}`] = this;
      held[`arguments of ${name}`] = args;
      return then(...args);
    };
  const memory = memoryStore();
  const store = {
    open: note('store.open', async (name) => {
      const session = await memory.open(name);
      return {
        load: note('session.load', session.load),
        write: note('session.write', session.write),
        close: note('session.close', session.close),
      };
    }),
  };
  const client = await connect('ws://peer.test/mqtt', {
    ...peer.options,
    webSocket: note('webSocket', peer.webSocket),
    credentials: note('credentials', () => ({ username: 'me', password: PASSWORD })),
    authentication: { method: 'K', start: note('start', () => ({ data: TOKEN })) },
    log: note('log'),
    store,
    clientId: 'c',
    clean: false,
  });
  held.client = client;
  held.socket = peer.last.socket;
  held.subscription = await client.subscribe('a/#', {}, note('handler'));
  held.iterator = held.subscription[Symbol.asyncIterator]();
  for (const name of /** @type {const} */ (['message', 'settled', 'packet', 'disconnect', 'error', 'state']))
    client.on(name, note(name));
  held.answer = await client.publish('b', 'x', { qos: 1 });
  peer.last.send(publish('a/b', 'hello', { properties: { userProperties: { k: 'v' } } }));
  held.message = (await held.iterator.next()).value;
  held.error = await rejection(client.publish('+', 'x'));
  held.aborted = await rejection(client.publish('b', 'x', { signal: AbortSignal.abort() }));
  peer.answers.connect = (_packet, connection) => connection.send({ cmd: 'connack', reasonCode: 0x87 });
  peer.last.send({ cmd: 'disconnect', reasonCode: 0x8b });
  await eventually(() => 'arguments of log' in held && client.state === 'ended');
  return held;
}

test('objects of a user have the properties that they are documented to have', async () => {
  const held = await gather();
  const { client, subscription, iterator, message, error } = held;
  const asyncDispose = String(Symbol.asyncDispose);
  const asyncIterator = String(Symbol.asyncIterator);
  assert.deepEqual(own(client), ['ready']);
  assert.deepEqual(
    inherited(client),
    (
      'clientId constructor end handle negotiated off on pending publish reauthenticate reconnect remove request state ' +
      'stats stored subscribe unsubscribe'
    )
      .split(' ')
      .concat(asyncDispose)
      .sort(),
  );
  assert.equal(JSON.stringify(client), '{"ready":{}}');
  assert.deepEqual(own(message), ['topic']);
  assert.deepEqual(
    inherited(message),
    'ack bytes constructor dup json payload properties qos redelivered retain text'.split(' '),
  );
  assert.equal(JSON.stringify(message), '{"topic":"a/b"}');
  assert.match(inspect(message, { depth: Infinity }), /^\w+ \{ topic: 'a\/b' \}$/);
  assert.deepEqual(structuredClone(message), { topic: 'a/b' });
  assert.deepEqual(own(subscription), ['filter', 'properties', 'qos']);
  assert.deepEqual(
    inherited(subscription),
    ['constructor', 'dropped', 'forgetUnacknowledged', 'stop', 'unsubscribe', asyncDispose, asyncIterator].sort(),
  );
  assert.deepEqual(own(iterator), ['dropped', 'manual']);
  assert.deepEqual(
    inherited(iterator),
    ['constructor', 'deliver', 'end', 'forgetUnacknowledged', 'next', 'return', asyncIterator].sort(),
  );
  assert.deepEqual(
    own(error),
    'closeCode code field hint message phase properties reasonCode rule sent serverReference stack'.split(' '),
  );
});

test('no secret can be reached from what a user has, or is called with', async () => {
  const held = await gather();
  for (const name of ['handler', 'log', 'message', 'packet', 'webSocket', 'credentials']) {
    assert.equal(held[`this of ${name}`], undefined);
    assert.ok(`arguments of ${name}` in held, `${name} was not called`);
  }
  for (const [name, value] of Object.entries(held)) assertNoSecret(name, value);
});

test('the build makes ordinary properties of private names, or says why not', () => {
  const text = "class A { #a = '#b'; #b() { return this.#a + this.#a; } } class B { #c; get c() { return this.#c; } }";
  assert.equal(
    withoutPrivateNames(text, 'x.js'),
    "class A { _private_0 = '#b'; _private_1() { return this._private_0 + this._private_0; } } " +
      'class B { _private_0; get c() { return this._private_0; } }',
  );
  assert.throws(
    () => withoutPrivateNames('class A { #a; is(o) { return #a in o; } }', 'x.js'),
    /x\.js:1: 'in' asks for #a/,
  );
  assert.throws(
    () => withoutPrivateNames('\nclass A extends B { #a; }', 'x.js'),
    /x\.js:2: a class that extends another has #a/,
  );
});
