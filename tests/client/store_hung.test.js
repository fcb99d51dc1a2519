// Stores that do not answer: to open(), load(), write() or close(). What a user is told, what is held and what is not, and
// that end() comes to an end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttError } from '../../web/client/index.js';
import { Lives, sent } from './lives.js';
import { eventually, Peer, rejection, turn } from './peer.js';

/** A life whose store does not open; answer(): it does now. */
function unopened() {
  const lives = new Lives();
  const { store } = lives;
  let closed = 0;
  let asked = false;
  let answer = () => {};
  const open = store.open.bind(store);
  store.open = async (name) => {
    asked = true;
    await new Promise((resolve) => (answer = () => resolve(undefined)));
    const session = await open(name);
    return {
      ...session,
      async close() {
        closed++;
        await session.close();
      },
    };
  };
  return {
    lives,
    answer() {
      store.open = open;
      answer();
    },
    /** Somebody waits for it. */
    get asked() {
      return asked;
    },
    /** Sessions that were given back. */
    get closed() {
      return closed;
    },
  };
}

/** @param {import('./lives.js').Client} client */
function events(client) {
  const told = { errors: /** @type {any[]} */ ([]), ends: /** @type {any[]} */ ([]) };
  client.on('error', (error) => told.errors.push(error));
  client.on('disconnect', (end) => told.ends.push(end));
  return told;
}

/** @param {any} error */
function assertTimeout(error, ms = 100) {
  assert(error instanceof MqttError);
  assert.deepEqual([error.phase, error.code], ['store', 'store-timeout']);
  assert(error.message.includes(`${ms} ms`), error.message);
  assert.match(error.hint, /store of your own/);
}

test('connect() with a store that does not open rejects in time, and gives it back when it does', async () => {
  const hung = unopened();
  const { lives } = hung;
  assertTimeout(await rejection(lives.begin({ connectTimeout: 100 })));
  assert.equal(lives.peer.connections.length, 0);
  hung.answer();
  await eventually(() => hung.closed === 1);
  await (await lives.begin()).end();
});

test('connect() with a store that cannot be read, or does not write, rejects in time', async () => {
  const never = () => new Promise(() => {});
  for (const broken of [{ load: never }, { write: never }]) {
    const session = { load: async () => [], write: async () => {}, close() {}, ...broken };
    const store = /** @type {any} */ ({ open: async () => session });
    const peer = new Peer();
    assertTimeout(await rejection(peer.connect({ clientId: 'one', clean: false, store, connectTimeout: 100 })));
    assert.equal(peer.connections.length, 0);
  }
});

test('createClient() goes on with a store that does not open, and connects when it has', async () => {
  const hung = unopened();
  const client = hung.lives.create({ connectTimeout: 5 });
  const { ends, errors } = events(client);
  await eventually(() => ends.length >= 2);
  assertTimeout(ends[1].error, 5);
  assert.notEqual(ends[1].delay, null);
  assert.equal(hung.lives.peer.connections.length, 0);
  hung.answer();
  await client.ready;
  assert.deepEqual(errors, []);
  await client.end();
});

test('createClient() without reconnecting gives up', async () => {
  const hung = unopened();
  const client = hung.lives.create({ connectTimeout: 5, reconnect: false });
  const { ends, errors } = events(client);
  const published = rejection(client.publish('t', 'x', { qos: 1 }));
  assertTimeout(await rejection(client.ready), 5);
  assertTimeout(await published, 5);
  assert.equal(client.state, 'ended');
  assert.deepEqual([errors.length, ends.length], [1, 1]);
  hung.answer();
  await eventually(() => hung.closed === 1);
});

test('createClient() with a store that does not write connects when it has', async () => {
  const lives = new Lives();
  lives.store.holding = true;
  const client = lives.create({ connectTimeout: 5 });
  const { ends, errors } = events(client);
  await eventually(() => ends.length >= 3);
  for (const { error } of ends) assertTimeout(error, 5);
  assert.equal(errors.length, 1, 'told once');
  assert.equal(lives.peer.connections.length, 0);
  assert.equal(lives.store.held.length, 1, 'one write at a time');
  lives.store.release();
  await client.ready;
  await client.end();
});

test('a CONNECT that waits for the store: the attempt says so', async () => {
  const lives = new Lives();
  const client = lives.create({ connectTimeout: 30 });
  const { ends } = events(client);
  lives.store.fails = (changes) => {
    // The next write, of what begins with the first connection.
    if (changes.some(({ value }) => value?.begun === false)) lives.store.holding = true;
    return null;
  };
  await eventually(() => ends.length > 0);
  assertTimeout(ends[0].error, 30);
  assert.equal(lives.peer.connections.length, 1);
  assert.equal(lives.connection.packets.length, 0);
  lives.store.release();
  await client.ready;
  await client.end();
});

test('a store that stops to answer ends the connection; messages wait within their limits, and all go on with it', async () => {
  const lives = new Lives();
  const client = await lives.begin({ connectTimeout: 100, queue: { maxMessages: 3 } });
  const { ends, errors } = events(client);
  await eventually(() => lives.store.writes.length > 0);
  lives.store.holding = true;
  lives.peer.connack.sessionPresent = true;
  const published = [client.publish('t', 'one', { qos: 2 })];
  await eventually(() => lives.store.held.length === 1);
  published.push(client.publish('t', 'two', { qos: 1 }));
  await eventually(() => ends.length >= 2);
  assertTimeout(errors[0]);
  assert.equal(ends[0].error, errors[0]);
  assert.equal(errors.length, 1);
  assert.equal(lives.peer.connections.length, 1, 'no other connection meanwhile');
  assert.deepEqual(sent(lives.connection), []);
  published.push(client.publish('t', 'three', { qos: 1 }));
  assert.equal((await rejection(client.publish('t', 'four', { qos: 1 }))).code, 'queue-full');
  assert.equal(lives.store.held.length, 1, 'no other write meanwhile');
  lives.store.release();
  await Promise.all(published);
  assert.equal(lives.peer.connections.length, 2);
  const arrived = lives.connection.packets.filter(({ cmd }) => cmd === 'publish').map(({ payload }) => String(payload));
  assert.deepEqual(arrived, ['one', 'two', 'three']);
  assert.equal(errors.length, 1);
  await client.end();
});

test('the next attempt comes with the answer of the store, whatever the delay', async () => {
  const reconnect = { minDelay: 60_000, jitter: /** @type {const} */ ('none') };
  const hung = unopened();
  const opening = hung.lives.create({ connectTimeout: 300, reconnect });
  await eventually(() => opening.state === 'waiting');
  hung.answer();
  await opening.ready;
  await opening.end();

  const lives = new Lives();
  const client = await lives.begin({ connectTimeout: 300, reconnect });
  await eventually(() => lives.store.writes.length > 0);
  lives.peer.connack.sessionPresent = true;
  lives.store.holding = true;
  const published = client.publish('t', 'x', { qos: 1 });
  await eventually(() => client.state === 'waiting');
  lives.store.release();
  await published;
  await client.end();
});

test('a store that answers late does not cut short a wait for the server', async () => {
  const lives = new Lives();
  const reconnect = { minDelay: 60_000, jitter: /** @type {const} */ ('none') };
  const client = await lives.begin({ connectTimeout: 300, reconnect });
  const { errors } = events(client);
  await eventually(() => lives.store.writes.length > 0);
  lives.connection.drop();
  await eventually(() => client.state === 'waiting');
  lives.store.holding = true;
  const published = rejection(client.publish('t', 'x', { qos: 1 }));
  await eventually(() => errors.length === 1);
  assertTimeout(errors[0], 300);
  const stored = client.stored();
  lives.store.release();
  await stored;
  await turn();
  assert.deepEqual([client.state, lives.peer.connections.length], ['waiting', 1]);
  await client.end();
  assert.equal((await published).code, 'connection-ended');
});

test('stored() is given up by its timeout and its signal; what is published is not', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  lives.store.holding = true;
  const published = client.publish('t', 'x', { qos: 1 });
  assert.equal((await rejection(client.stored({ timeout: 5 }))).code, 'timeout');
  assert.equal((await rejection(client.stored({ signal: AbortSignal.timeout(5) }))).code, 'aborted');
  lives.store.release();
  await published;
  await client.end();
});

test('a store that fails in the end is told as one that fails', async () => {
  const lives = new Lives();
  const client = await lives.begin({ connectTimeout: 100 });
  const { errors } = events(client);
  await eventually(() => lives.store.writes.length > 0);
  lives.store.holding = true;
  const published = rejection(client.publish('t', 'x', { qos: 1 }));
  await eventually(() => errors.length === 1);
  lives.store.fails = () => new Error('broken');
  lives.store.release();
  assert.equal((await published).code, 'store-failed');
  lives.store.fails = () => null;
  await lives.peer.connection(2);
  await client.end();
});

test('what is taken back while the store does not answer leaves nothing behind', async () => {
  const lives = new Lives();
  const client = await lives.begin({ queue: { maxMessages: 3 } });
  await eventually(() => lives.store.writes.length > 0);
  lives.store.holding = true;
  const first = client.publish('t', 'first', { qos: 1 });
  await eventually(() => lives.store.held.length === 1);
  for (let i = 0; i < 5; i++) {
    const late = rejection(client.publish('t', 'late', { qos: 1, timeout: 1 }));
    const removed = rejection(client.publish('t', 'removed', { qos: 1, key: 'k' }));
    assert.equal((await late).code, 'timeout');
    assert.equal(client.remove('k'), 1);
    assert.equal((await removed).code, 'removed');
  }
  let all = false;
  const stored = client.stored().then(() => (all = true));
  assert.equal(all, false, 'the first is being stored');
  lives.store.release();
  await Promise.all([first, stored]);
  assert.equal(client.pending().length, 0);
  await client.end();
  assert.deepEqual(
    lives.store.keys.flat().filter((key) => key.includes('m:')),
    ['m:1', '-m:1'],
  );
});

test('stored() does not wait for what was taken back', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  await eventually(() => lives.store.writes.length > 0);
  lives.store.holding = true;
  client.subscribe('a', () => {}).catch(() => {}); // its record is what hangs
  await eventually(() => lives.store.held.length === 1);
  const taken = rejection(client.publish('t', 'x', { qos: 1, key: 'k' }));
  const stored = client.stored();
  client.remove('k');
  await Promise.all([taken, stored]);
  lives.store.release();
  await client.end();
});

/* ------------------------------------------------------------------------------------------------ end() */

for (const [how, options] of /** @type {const} */ ([
  ['end()', { timeout: 20 }],
  ['end({ force })', { force: true }],
])) {
  test(`${how} with a store that does not open settles all that is open`, async () => {
    const hung = unopened();
    const client = hung.lives.create();
    const { errors } = events(client);
    const open = [
      rejection(client.publish('t', 'x', { qos: 1 })),
      rejection(client.publish('t', 'x')),
      rejection(client.subscribe('a', () => {})),
      rejection(client.stored()),
      rejection(client.request('t', 'x')),
      rejection(client.ready),
    ];
    await eventually(() => hung.asked);
    await client.end(options);
    assert.equal(client.state, 'ended');
    const errorsOf = await Promise.all(open);
    assert.deepEqual([...new Set(errorsOf.map(({ code }) => code))], ['connection-ended']);
    const phases = errorsOf.map(({ phase }) => phase);
    assert.deepEqual(phases, ['publish', 'publish', 'subscribe', 'store', 'request', 'connack']);
    if ('force' in options) assert.deepEqual(errors, []);
    else assertTimeout(errors[0], 20);
    hung.answer();
    await eventually(() => hung.closed === 1);
    assert.deepEqual(Object.keys(await hung.lives.store.records()), []);
  });

  test(`${how} with a store that does not write settles all that is open, and leaves the rest to the store`, async () => {
    const lives = new Lives();
    const client = await lives.begin();
    const { errors } = events(client);
    await eventually(() => lives.store.writes.length > 0);
    lives.store.holding = true;
    lives.peer.answers.subscribe = () => {};
    const published = rejection(client.publish('t', 'x', { qos: 1 }));
    const subscribed = rejection(client.subscribe('a'));
    const stored = rejection(client.stored());
    await eventually(() => lives.store.held.length === 1);
    await client.end(options);
    assert.equal((await published).code, 'connection-ended');
    assert.equal((await subscribed).code, 'connection-ended');
    assert.equal((await stored).code, 'force' in options ? 'connection-ended' : 'store-timeout');
    if ('force' in options) assert.deepEqual(errors, []);
    else assertTimeout(errors[0], 20);
    assert.equal(
      (await rejection(lives.peer.connect({ clientId: 'one', clean: false, store: lives.store }))).code,
      'store-in-use',
    );
    lives.store.release();
    await eventually(() => lives.store.keys.flat().includes('m:1'));
    const next = await lives.begin();
    assert.equal(next.pending().length, 1);
    await lives.kill();
  });
}

test('end() does not wait for a store that is late already', async () => {
  const lives = new Lives();
  const client = await lives.begin({ connectTimeout: 100 });
  const { errors, ends } = events(client);
  await eventually(() => lives.store.writes.length > 0);
  lives.store.holding = true;
  const published = rejection(client.publish('t', 'x', { qos: 1 }));
  const stored = rejection(client.stored());
  await eventually(() => ends.length > 0);
  await client.end({ timeout: 2 ** 31 - 1 });
  assert.equal((await published).code, 'connection-ended');
  assertTimeout(await stored);
  assert.equal(errors.length, 1, 'told once');
  lives.store.release();
});

test('end() with a store that does not close comes to an end', async () => {
  const lives = new Lives();
  const open = lives.store.open.bind(lives.store);
  lives.store.open = async (name) => ({ ...(await open(name)), close: () => new Promise(() => {}) });
  const client = await lives.begin();
  const { errors } = events(client);
  await client.end({ timeout: 20 });
  assertTimeout(errors[0], 20);
});
