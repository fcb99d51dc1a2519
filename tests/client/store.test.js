// Stores and what is in them: the one in memory, options, the schema, and what becomes of errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore, MqttError } from '../../web/client/index.js';
import { migrate, restored } from '../../web/client/records.js';
import { Lives, TestStore } from './lives.js';
import { eventually, Peer, rejection } from './peer.js';

const bytes = Uint8Array.of(1, 2, 3);

test('memoryStore: what was written is there for the next who opens it, as a copy', async () => {
  const store = memoryStore();
  const first = await store.open('a');
  assert.deepEqual(await first.load(), []);
  const value = { n: 1, bytes };
  await first.write([
    { key: 'x', value },
    { key: 'y', value: 2 },
    { key: 'z', value: 3 },
  ]);
  value.n = 9;
  await first.write([{ key: 'y' }, { key: 'z', value: 4 }]);
  await first.close();
  const second = await store.open('a');
  const loaded = await second.load();
  assert.deepEqual(loaded, [
    ['x', { n: 1, bytes }],
    ['z', 4],
  ]);
  loaded[0][1].n = 8;
  assert.equal((await second.load())[0][1].n, 1);
  assert.deepEqual(await (await store.open('b')).load(), [], 'another session');
});

test('memoryStore: a session is for one at a time', async () => {
  const store = memoryStore();
  const first = await store.open('a');
  assert.equal((await rejection(store.open('a'))).code, 'store-in-use');
  await first.close();
  await store.open('a');
});

test('a second client on the same session is told at once, and others are not', async () => {
  const peer = new Peer();
  const store = memoryStore();
  const options = /** @type {const} */ ({ clientId: 'one', clean: false, store });
  const first = await peer.connect(options);
  const error = await rejection(peer.connect(options));
  assert.equal(error.code, 'store-in-use');
  assert.equal(error.phase, 'store');
  assert.equal(peer.connections.length, 1, 'it did not connect');
  const second = peer.createClient(options);
  const told = new Promise((resolve) => second.on('error', resolve));
  assert.equal((await rejection(second.ready)).code, 'store-in-use');
  assert.equal(/** @type {MqttError} */ (await told).code, 'store-in-use');
  assert.equal(second.state, 'ended');
  const other = await peer.connect({ ...options, clientId: 'two' });
  await first.end();
  const third = await peer.connect(options);
  await Promise.all([third.end(), other.end()]);
});

test("the session's name has the client id, and host and path of the URL without what is secret", async () => {
  const peer = new Peer();
  const store = new TestStore();
  const options = /** @type {const} */ ({ clientId: 'o"ne', clean: false, store });
  const client = await peer.connect(options, 'wss://user:secret@peer.test:8443/mqtt/x?token=secret');
  assert.equal(store.name, JSON.stringify(['peer.test:8443/mqtt/x', 'o"ne']));
  await client.end();
  const named = await peer.connect({ ...options, storeName: 'mine' });
  assert.equal(store.name, JSON.stringify(['mine', 'o"ne']));
  await named.end();
});

test('a store needs a client id that stays, and a session that does', async () => {
  const peer = new Peer();
  const store = memoryStore();
  for (const options of [{ clean: false }, { clientId: 'one' }, { clientId: 'one', clean: true }, { clientId: '' }]) {
    const error = await rejection(peer.connect({ ...options, store }));
    assert.equal(error.code, 'bad-option');
    assert.match(error.message, /clientId.*clean: false/);
    assert.throws(() => peer.createClient({ ...options, store: 'indexeddb' }), { code: 'bad-option' });
  }
  for (const store of ['indexedDB', {}, null]) {
    assert.throws(() => peer.createClient({ clientId: 'one', clean: false, store: /** @type {any} */ (store) }), {
      code: 'bad-option',
    });
  }
  const error = await rejection(
    peer.connect({ clientId: 'one', clean: false, store, credentials: () => ({ clientId: 'two' }) }),
  );
  assert.equal(error.code, 'bad-option');
  assert.match(error.message, /credentials\(\)/);
  const client = await peer.connect({ clientId: 'one', clean: false, store, credentials: () => ({ clientId: 'one' }) });
  await client.end();
});

test("'indexeddb' where there is none: an error that says what to do", async () => {
  const error = await rejection(new Peer().connect({ clientId: 'one', clean: false, store: 'indexeddb' }));
  assert.equal(error.code, 'store-unavailable');
  assert.match(error.hint, /memoryStore\(\)/);
});

test('without a store, stored() rejects: nothing is', async () => {
  const client = await new Peer().connect();
  assert.equal((await rejection(client.stored())).code, 'no-store');
  await client.end();
});

test('a store that cannot be opened or read ends the client, and is closed', async () => {
  const peer = new Peer();
  const cause = new Error('no disk');
  let closed = 0;
  const close = () => void closed++;
  for (const open of [
    () => Promise.reject(cause),
    async () => ({ load: () => Promise.reject(cause), write: async () => {}, close }),
  ]) {
    const error = await rejection(peer.connect({ clientId: 'one', clean: false, store: { open } }));
    assert.equal(error.code, 'store-failed');
    assert.match(error.message, /no disk/);
    assert.equal(error.cause, cause);
  }
  assert.equal(closed, 1);
  assert.equal(peer.connections.length, 0);
});

test('a core that does not load gives the session back', async () => {
  const peer = new Peer();
  const store = memoryStore();
  const options = /** @type {const} */ ({ clientId: 'one', clean: false, store });
  const wasm = Uint8Array.of(0, 0, 0, 0);
  assert.equal((await rejection(peer.connect({ ...options, wasm }))).code, 'wasm');
  await (await peer.connect(options)).end();
});

test('end() before the store is open gives the session back', async () => {
  const lives = new Lives();
  const client = lives.create();
  await client.end();
  await (await lives.begin()).end();
});

/* ------------------------------------------------------------------------------------------------ schema */

test('records of the last schema stay as they are, an empty store gets its meta record', () => {
  const empty = migrate(new Map(), []);
  assert.deepEqual(empty.changes, [{ key: 'meta', value: { schema: 1, maxInflight: 0, begun: false } }]);
  const records = new Map(
    /** @type {[string, any][]} */ ([
      ['meta', { schema: 1, maxInflight: 5, begun: true }],
      ['m:1', {}],
    ]),
  );
  assert.deepEqual(migrate(records, []), { records, changes: [] });
});

test('records of older schemas go through every step that they lack, and all changes are written', () => {
  const steps = [
    (/** @type {Map<string, any>} */ records) =>
      new Map([...records].map(([key, value]) => [key.replace('old', 'm'), value])),
    (/** @type {Map<string, any>} */ records) =>
      new Map(
        [...records].map(([key, value]) => (key.startsWith('m:') ? [key, { ...value, two: true }] : [key, value])),
      ),
  ];
  const meta = { schema: 1, maxInflight: 7, begun: true };
  const same = { done: true };
  const first = migrate(
    new Map(
      /** @type {[string, any][]} */ ([
        ['meta', meta],
        ['old:1', { a: 1 }],
        ['i:3', same],
      ]),
    ),
    steps,
  );
  const expected = [
    ['meta', { ...meta, schema: 3 }],
    ['m:1', { a: 1, two: true }],
    ['i:3', same],
  ];
  assert.deepEqual([...first.records].sort(), expected.sort());
  assert.deepEqual(
    first.changes.sort((a, b) => (a.key < b.key ? -1 : 1)),
    [{ key: 'm:1', value: { a: 1, two: true } }, { key: 'meta', value: { ...meta, schema: 3 } }, { key: 'old:1' }],
  );
  const second = migrate(
    new Map(
      /** @type {[string, any][]} */ ([
        ['meta', { ...meta, schema: 2 }],
        ['old:1', 1],
      ]),
    ),
    steps,
  );
  assert.deepEqual(
    second.changes.map(({ key }) => key),
    ['meta'],
    'the first step was done already',
  );
});

test('records of a newer schema are left alone', async () => {
  assert.throws(() => migrate(new Map([['meta', { schema: 2 }]]), []), { code: 'store-newer' });
  const lives = new Lives();
  const session = await lives.store.open(JSON.stringify(['peer.test/mqtt', 'one']));
  await session.write([{ key: 'meta', value: { schema: 2, other: 1 } }]);
  await session.close();
  lives.store.writes.length = 0;
  assert.equal((await rejection(lives.begin())).code, 'store-newer');
  assert.deepEqual(lives.store.writes, []);
  assert.equal(lives.peer.connections.length, 0);
});

test('what was stored is read back by kind, messages in the order of publish()', () => {
  const meta = { schema: 1, maxInflight: 5, begun: true };
  const sent = { packetId: 4, released: true };
  const records = new Map(
    /** @type {[string, any][]} */ ([
      ['m:10', 'ten'],
      ['s:10', sent],
      ['i:5', { done: false }],
      ['meta', meta],
      ['f:a/#:m:9', { qos: 1 }],
      ['m:9', 'nine'],
      ['i:6', { done: true }],
    ]),
  );
  assert.deepEqual(restored(records), {
    meta,
    messages: [
      { order: 9, message: 'nine', sent: undefined },
      { order: 10, message: 'ten', sent },
    ],
    received: new Map([
      [5, false],
      [6, true],
    ]),
    subscriptions: new Map([['a/#:m:9', { qos: 1 }]]),
  });
});

/* ------------------------------------------------------------------------------------------------ errors */

test('a store that fails while connected: an error, the connection ends, and is made again when it writes', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  /** @type {any[]} */
  const errors = [];
  /** @type {any[]} */
  const ends = [];
  client.on('error', (error) => errors.push(error));
  client.on('disconnect', (end) => ends.push(end));
  const cause = new Error('broken');
  lives.store.fails = (changes) => (changes.some(({ key }) => key.startsWith('s:')) ? cause : null);
  const published = client.publish('t', 'x', { qos: 2 });
  lives.peer.connack.sessionPresent = true;
  await eventually(() => ends.length >= 2);
  assert.equal(errors[0].code, 'store-failed');
  assert.equal(errors[0].cause, cause);
  assert.equal(ends[0].error, errors[0]);
  assert.equal(lives.peer.connections.length, 1, 'no other connection while what is owed is not stored');
  assert.equal(lives.peer.last.count('publish'), 0, 'it never left');
  lives.store.fails = () => null;
  await published;
  assert.equal(lives.peer.connections.length, 2);
  await client.end();
});

test('a store that was upgraded or deleted by another ends the client', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  const errors = /** @type {any[]} */ ([]);
  client.on('error', (error) => errors.push(error));
  await client.publish('a', 'x', { qos: 1 });
  await eventually(() => lives.store.keys.flat().includes('-m:1'));
  const gone = new MqttError('store', 'store-newer', 'gone');
  lives.store.fails = () => gone;
  assert.equal(await rejection(client.publish('a', 'x', { qos: 1 })), gone);
  await client.subscribe('a', { qos: 1 });
  await eventually(() => client.state === 'ended');
  assert.equal(errors[0], gone);
  assert.equal(lives.peer.connections.length, 1, 'it did not try again');
});

test('a publish that cannot be stored rejects and is not sent; the others are', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  const full = Object.assign(new Error('no room'), { name: 'QuotaExceededError' });
  const large = (/** @type {any} */ { value }) => value?.payload?.length > 1000;
  lives.store.fails = (changes) => (changes.some(large) ? full : null);
  const results = await Promise.allSettled([
    client.publish('t', 'x'.repeat(2000), { qos: 1 }),
    client.publish('t', new Uint8Array(30_000), { qos: 2 }),
    client.stored(),
  ]);
  assert.deepEqual(
    results.map((result) => /** @type {any} */ (result).reason?.code),
    ['store-full', 'store-full', 'store-full'],
  );
  assert.equal(client.pending().length, 0);
  await client.publish('t', 'small', { qos: 1 });
  await client.stored();
  assert.equal(lives.peer.last.count('publish'), 1);
  assert.equal(lives.peer.connections.length, 1);
  await client.end();
});
