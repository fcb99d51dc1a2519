// What was published, and subscriptions, over the lives of a session with a store: what is stored when, what may leave before
// that, and what the next life does with it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lives, sent, TestStore } from './lives.js';
import { eventually, Peer, publish, rejection, turn } from './peer.js';

/** A promise whose rejection is of no interest: its life ends. @param {Promise<unknown>} promise */
const ignore = (promise) => void promise.catch(() => {});

/* ------------------------------------------------------------------------------------------------ writing ahead */

test('a message leaves when it is stored, and QoS 2 when its packet id is', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  await eventually(() => lives.store.writes.length > 0);
  lives.store.writes.length = 0;
  lives.store.holding = true;
  const published = client.publish('t', 'x', { qos: 2 });
  await eventually(() => lives.store.held.length === 1);
  await turn();
  assert.deepEqual(sent(lives.connection), [], 'the message is being stored');
  lives.store.held.shift()?.();
  await eventually(() => lives.store.held.length === 1);
  await turn();
  assert.deepEqual(lives.store.keys, [['m:1']]);
  assert.deepEqual(sent(lives.connection), [], 'its packet id is being stored');
  lives.store.held.shift()?.();
  await lives.connection.packet('publish');
  assert.deepEqual(lives.store.writes[1], [['s:1', { packetId: 1, released: false }]]);
  await eventually(() => lives.store.held.length === 1);
  await turn();
  assert.deepEqual(sent(lives.connection), ['publish1 x'], 'that PUBREC came is being stored');
  lives.store.held.shift()?.();
  await lives.connection.packet('pubrel');
  assert.deepEqual(lives.store.writes[2], [['s:1', { packetId: 1, released: true }]]);
  await published;
  lives.store.release();
  await client.end();
  assert.deepEqual(lives.store.keys[3], ['-m:1', '-s:1']);
});

test('of many large messages that leave at once, each has its record', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  lives.peer.answers.publish = () => {};
  await eventually(() => lives.store.writes.length > 0);
  lives.store.writes.length = 0;
  for (let i = 0; i < 10; i++) ignore(client.publish('t', new Uint8Array(15_000), { qos: 2 }));
  await eventually(() => lives.connection.count('publish') === 10);
  await eventually(() => lives.store.keys.flat().filter((key) => key.startsWith('s:')).length >= 10);
  assert.deepEqual(
    lives.store.keys.flat().filter((key) => key.startsWith('s:')),
    Array.from({ length: 10 }, (_, i) => `s:${i + 1}`),
  );
  await client.end({ force: true });
});

test('QoS 1 leaves when the message is stored: sent again as new, it does no harm', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  lives.peer.answers.publish = () => {};
  await eventually(() => lives.store.writes.length > 0);
  lives.store.holding = true;
  const published = client.publish('t', 'x', { qos: 1 });
  await eventually(() => lives.store.held.length === 1);
  await turn();
  assert.equal(lives.connection.count('publish'), 0);
  lives.store.held.shift()?.();
  await lives.connection.packet('publish');
  await eventually(() => lives.store.held.length === 1); // the packet id, which nobody waited for
  lives.connection.send({ cmd: 'puback', messageId: 1 });
  await published;
  lives.store.release();
  await client.end();
});

test('what follows a packet that has to wait waits too, and all of it leaves in order', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  await eventually(() => lives.store.writes.length > 0);
  await client.publish('warm', 'up', { qos: 1 });
  lives.store.holding = true;
  const two = client.publish('t', 'two', { qos: 2 });
  await eventually(() => lives.store.held.length === 1);
  ignore(client.publish('t', 'before', { qos: 0 }));
  await lives.connection.until(() => sent(lives.connection).at(-1) === 'publish before');
  lives.store.held.shift()?.();
  await eventually(() => lives.store.held.length === 1);
  const zero = client.publish('t', 'after', { qos: 0 });
  await turn();
  assert.equal(sent(lives.connection).at(-1), 'publish before');
  lives.store.release();
  await Promise.all([two, zero]);
  assert.deepEqual(sent(lives.connection).slice(1, 5), ['publish before', 'publish2 two', 'publish after', 'pubrel2']);
  await client.end();
});

test('a large payload with QoS 2 follows its head, when that may leave', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  const payload = 'x'.repeat(100_000);
  await Promise.all([client.publish('t', payload, { qos: 2 }), client.publish('t', 'small', { qos: 2 })]);
  assert.deepEqual(
    lives.connection.packets.filter(({ cmd }) => cmd === 'publish').map((packet) => packet.payload.toString()),
    [payload, 'small'],
  );
  await client.end();
});

test('all messages of a task go in one transaction', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  await eventually(() => lives.store.writes.length > 0);
  lives.store.writes.length = 0;
  await Promise.all(Array.from({ length: 50 }, (_, i) => client.publish('t', `${i}`, { qos: 1 })));
  assert.deepEqual(
    lives.store.keys[0],
    Array.from({ length: 50 }, (_, i) => `m:${i + 1}`),
  );
  await client.end();
  assert.deepEqual(Object.keys(await lives.store.records()), ['meta']);
});

test('what settles while something else is being written leaves no record of its packet id', async () => {
  const lives = new Lives();
  lives.peer.answers.publish = () => {};
  const client = await lives.begin({ maxInflight: 1 });
  const published = [client.publish('t', 'a', { qos: 1 }), client.publish('t', 'b', { qos: 1 })];
  await eventually(() => lives.store.keys.flat().includes('s:1'));
  lives.store.holding = true;
  published.push(client.publish('t', 'c', { qos: 1 }));
  await eventually(() => lives.store.held.length === 1);
  lives.connection.send({ cmd: 'puback', messageId: 1 });
  await lives.connection.packet('publish', 2);
  lives.connection.send({ cmd: 'puback', messageId: 2 });
  await published[1];
  lives.store.release();
  await lives.connection.packet('publish', 3);
  lives.connection.send({ cmd: 'puback', messageId: 3 });
  await Promise.all(published);
  await client.end();
  assert(!lives.store.keys.flat().includes('s:2'));
  assert.deepEqual(Object.keys(await lives.store.records()), ['meta']);
});

test('end() says DISCONNECT after what had to wait for the store', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  await client.subscribe('in', { qos: 2 }, () => {
    lives.store.holding = true;
  });
  lives.connection.send(publish('in', 'x', { qos: 2, messageId: 1 }));
  await eventually(() => lives.store.held.length === 1);
  const ended = client.end();
  await turn();
  assert.equal(lives.connection.closed, null);
  lives.store.release();
  await ended;
  assert.deepEqual(sent(lives.connection).slice(-2), ['pubrec1', 'disconnect']);
});

test('a server that breaks the protocol is told so after what had to wait for the store', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  client.on('error', () => {});
  lives.peer.answers.publish = () => {};
  ignore(client.publish('t', 'x', { qos: 2 }));
  await client.stored();
  await eventually(() => lives.store.keys.flat().includes('s:1'));
  lives.store.holding = true;
  lives.connection.send({ cmd: 'pubrec', messageId: 1 });
  await eventually(() => lives.store.held.length === 1);
  const { connection } = lives;
  connection.sendNow(Uint8Array.of(0xf1, 0)); // AUTH with reserved bits set
  await turn();
  assert.deepEqual(sent(connection), ['publish1 x']);
  lives.store.release();
  assert.equal((await connection.packet('disconnect')).reasonCode, 0x81);
  assert.deepEqual(sent(connection), ['publish1 x', 'pubrel1', 'disconnect']);
  await client.end({ force: true });
});

/* ------------------------------------------------------------------------------------------------ the next life */

test('what was not sent is sent by the next life, in order, with all that it had [M3:4.1.0-1] [M5:4.1.0-1]', async () => {
  const lives = new Lives();
  const properties = { contentType: 'text', userProperties: { a: ['1', '2'] }, correlationData: Uint8Array.of(7) };
  lives.peer.webSocket = ((webSocket) => (url, protocols) => {
    const socket = webSocket(url, protocols);
    socket.send = () => {}; // CONNECT is never answered
    return socket;
  })(lives.peer.webSocket);
  const first = lives.create();
  ignore(first.publish('t', 'one', { qos: 1, retain: true, properties, key: 'k' }));
  ignore(first.publish('t', new Uint8Array(20_000).fill(65), { qos: 2 }));
  ignore(first.publish('t', { three: 3 }, { qos: 1 }));
  properties.contentType = 'changed';
  await first.stored();
  await lives.kill();

  const { store } = lives;
  const again = new Lives();
  again.store = store;
  again.peer.answers.publish = () => {};
  const client = await again.begin();
  assert.deepEqual(
    client.pending().map(({ topic, qos, key, bytes, restored }) => [topic, qos, key, bytes, restored]),
    [
      ['t', 1, 'k', 3, true],
      ['t', 2, undefined, 20_000, true],
      ['t', 1, undefined, 11, true],
    ],
  );
  await again.connection.packet('publish', 3);
  const [one, two, three] = again.connection.packets.filter(({ cmd }) => cmd === 'publish');
  assert.deepEqual(
    [one, two, three].map(({ payload, dup }) => [payload.length, dup]),
    [
      [3, false],
      [20_000, false],
      [11, false],
    ],
  );
  assert.equal(one.retain, true);
  assert.equal(one.properties.contentType, 'text');
  assert.deepEqual({ ...one.properties.userProperties }, { a: ['1', '2'] });
  assert.deepEqual(one.properties.correlationData, Buffer.from([7]));
  assert.equal(three.payload.toString(), '{"three":3}');
  /** @type {any[]} */
  const settled = [];
  client.on('settled', ({ topic, qos, key, error }) => settled.push([topic, qos, key ?? '', error]));
  again.connection.send(
    { cmd: 'puback', messageId: 1 },
    { cmd: 'pubrec', messageId: 2 },
    { cmd: 'puback', messageId: three.messageId },
  );
  await eventually(() => settled.length === 3);
  assert.deepEqual(settled.sort(), [
    ['t', 1, '', undefined],
    ['t', 1, 'k', undefined],
    ['t', 2, '', undefined],
  ]);
  assert.deepEqual(client.pending(), []);
  await client.end();
  assert.deepEqual(Object.keys(await store.records()), ['meta']);
});

test('what was sent goes on where it was: PUBLISH with DUP, or PUBREL, with the old packet ids [M3:4.4.0-1] [M5:4.4.0-1]', async () => {
  const lives = new Lives();
  lives.peer.answers.publish = () => {};
  lives.peer.answers.pubrel = () => {};
  const first = await lives.begin();
  for (const [payload, qos] of /** @type {const} */ ([
    ['a', 2],
    ['b', 1],
    ['c', 2],
    ['d', 1],
  ])) {
    ignore(first.publish('t', payload, { qos }));
  }
  await lives.connection.packet('publish', 4);
  lives.connection.send({ cmd: 'pubrec', messageId: 3 });
  await lives.connection.packet('pubrel');
  await eventually(() => lives.store.keys.flat().filter((key) => key.startsWith('s:')).length === 5);
  await lives.kill();

  lives.peer.connack.sessionPresent = true;
  const client = await lives.begin();
  ignore(client.publish('t', 'e', { qos: 2 }));
  await lives.connection.packet('publish', 4);
  assert.deepEqual(sent(lives.connection).sort(), [
    'publish1 a dup',
    'publish2 b dup',
    'publish4 d dup',
    'publish5 e',
    'pubrel3',
  ]);
  const { connection } = lives;
  connection.send({ cmd: 'puback', messageId: 4 }, { cmd: 'pubcomp', messageId: 3 });
  await eventually(() => client.pending().length === 3);
  assert.deepEqual(
    client.pending().map(({ restored }) => restored),
    [true, true, false],
  );
  await lives.kill();

  const third = await lives.begin();
  await lives.connection.packet('publish', 3);
  assert.deepEqual(sent(lives.connection), ['publish1 a dup', 'publish2 b dup', 'publish5 e dup']);
  lives.peer.answers.pubrel = ({ messageId }, at) => at.send({ cmd: 'pubcomp', messageId });
  lives.connection.send(
    { cmd: 'pubrec', messageId: 1 },
    { cmd: 'puback', messageId: 2 },
    { cmd: 'pubrec', messageId: 5 },
  );
  await eventually(() => third.pending().length === 0);
  await third.end();
  assert.deepEqual(Object.keys(await lives.store.records()), ['meta']);
});

test('if the server lost the session: QoS 1 anew, released QoS 2 done, the rest unknown or, if so wished, anew', async () => {
  const lives = new Lives();
  lives.peer.answers.publish = () => {};
  lives.peer.answers.pubrel = () => {};
  const first = await lives.begin();
  ignore(first.publish('t', 'released', { qos: 2 }));
  ignore(first.publish('t', 'unknown', { qos: 2 }));
  ignore(first.publish('t', 'again', { qos: 2, resend: true }));
  ignore(first.publish('t', 'one', { qos: 1 }));
  await lives.connection.packet('publish', 4);
  lives.connection.send({ cmd: 'pubrec', messageId: 1 });
  await lives.connection.packet('pubrel');
  await eventually(() => lives.store.keys.flat().filter((key) => key.startsWith('s:')).length === 5);
  await lives.kill();

  const client = lives.create();
  /** @type {any[]} */
  const settled = [];
  client.on('settled', ({ error }) => settled.push(error?.code));
  await client.ready;
  await lives.connection.packet('publish', 2);
  assert.deepEqual(sent(lives.connection), ['publish1 again', 'publish2 one']);
  assert.deepEqual(settled.sort(), ['outcome-unknown', undefined]);
  await lives.kill();
  const records = await lives.store.records();
  assert.deepEqual(
    Object.keys(records)
      .filter((key) => /^[ms]:/.test(key))
      .sort(),
    ['m:3', 'm:4', 's:3', 's:4'],
  );
  assert.deepEqual(records['s:3'], { packetId: 1, released: false });
});

test('if the server lost the session, what waits again has no packet id in the store', async () => {
  const lives = new Lives();
  lives.peer.answers.publish = () => {};
  const first = await lives.begin();
  ignore(first.publish('t', 'a', { qos: 1 }));
  ignore(first.publish('t', 'b', { qos: 1 }));
  await eventually(() => lives.store.keys.flat().filter((key) => key.startsWith('s:')).length === 2);
  await lives.kill();
  lives.peer.connack.properties = { receiveMaximum: 1 };
  await lives.begin();
  await lives.connection.packet('publish');
  await eventually(() => lives.store.keys.flat().includes('-s:2'));
  await lives.kill();
  const keys = Object.keys(await lives.store.records()).filter((key) => /^[ms]:/.test(key));
  assert.deepEqual(keys.sort(), ['m:1', 'm:2', 's:1']);
});

test('a message that settled is not sent by the next life, and none is stored with QoS 0', async () => {
  const lives = new Lives();
  const first = await lives.begin();
  await first.publish('t', 'zero', { qos: 0 });
  await first.publish('t', 'x', { qos: 1 });
  await first.publish('t', 'y', { qos: 2 });
  await eventually(() => lives.store.keys.flat().includes('-m:2'));
  await lives.kill();
  lives.peer.connack.sessionPresent = true;
  const client = await lives.begin();
  await client.publish('t', 'new', { qos: 1 });
  assert.deepEqual(sent(lives.connection), ['publish1 new']);
  assert.deepEqual(
    Object.keys(await lives.store.records()).filter((key) => key.startsWith('m:0')),
    [],
  );
  await lives.kill();
});

test('end() leaves what is not acknowledged to the next life', async () => {
  const lives = new Lives();
  lives.peer.answers.publish = () => {};
  const first = await lives.begin();
  const published = rejection(first.publish('t', 'x', { qos: 1 }));
  await lives.connection.packet('publish');
  await first.end({ force: true });
  assert.equal((await published).code, 'connection-ended');
  const offline = lives.create();
  const late = rejection(offline.publish('t', 'y', { qos: 1 }));
  await offline.end();
  assert.equal((await late).code, 'connection-ended');
  await lives.begin();
  await lives.connection.packet('publish');
  assert.equal(sent(lives.connection)[0], 'publish1 x');
  await lives.kill();
});

test('more in flight than this life wants, and more waiting: all are taken up', async () => {
  const lives = new Lives();
  lives.peer.answers.publish = () => {};
  const first = await lives.begin({ maxInflight: 300 });
  for (let i = 0; i < 400; i++) ignore(first.publish('t', `${i}`, { qos: 2 }));
  await lives.connection.packet('publish', 300);
  await eventually(() => lives.store.keys.flat().filter((key) => key.startsWith('s:')).length === 300);
  await lives.kill();
  lives.peer.connack.sessionPresent = true;
  const client = await lives.begin({ maxInflight: 2, queue: { maxMessages: 5 } });
  assert.equal(client.pending().length, 400);
  await lives.connection.packet('publish', 300);
  assert.deepEqual(
    sent(lives.connection),
    Array.from({ length: 300 }, (_, i) => `publish${i + 1} ${i} dup`),
  );
  assert.equal((await rejection(client.publish('t', 'x', { qos: 1 }))).code, 'queue-full');
  await lives.kill();
});

test('Message Expiry Interval counts while no client lives, but not for what was sent [M5:4.3.3-7]', async (t) => {
  const lives = new Lives();
  lives.peer.answers.publish = () => {};
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const first = await lives.begin({ maxInflight: 1 });
  const give = (/** @type {string} */ payload, /** @type {number} */ messageExpiryInterval) =>
    ignore(first.publish('t', payload, { qos: 1, properties: { messageExpiryInterval, contentType: payload } }));
  give('sent', 5);
  give('short', 60);
  give('long', 100);
  await lives.connection.packet('publish');
  await eventually(() => lives.store.keys.flat().includes('s:1'));
  await lives.kill();

  t.mock.timers.setTime(1_000_000 + 60_000);
  lives.peer.connack.sessionPresent = true;
  const client = await lives.begin({ maxInflight: 1 });
  /** @type {any[]} */
  const settled = [];
  client.on('settled', ({ error }) => settled.push(error?.code));
  await eventually(() => settled.length === 1);
  assert.deepEqual(settled, ['expired'], 'told to who could listen only when connect() had resolved');
  const { properties } = await lives.connection.packet('publish');
  assert.deepEqual(properties, { messageExpiryInterval: 1, contentType: 'sent' });
  lives.connection.send({ cmd: 'puback', messageId: 1 });
  assert.deepEqual((await lives.connection.packet('publish', 2)).properties, {
    messageExpiryInterval: 40,
    contentType: 'long',
  });
  await lives.kill();
  t.mock.timers.setTime(0); // the clock was set back: no time is added
  await lives.begin({ maxInflight: 1 });
  assert.equal((await lives.connection.packet('publish')).properties.messageExpiryInterval, 100);
  await lives.kill();
  assert.deepEqual(
    Object.keys(await lives.store.records()).filter((key) => key.startsWith('m:')),
    ['m:3'],
  );
});

test('a message that expired is told of also without a connection', async (t) => {
  const lives = new Lives();
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  lives.peer.answers = { connect() {} };
  const first = lives.create();
  ignore(first.publish('t', 'x', { qos: 1, key: 'k', properties: { messageExpiryInterval: 1 } }));
  await first.stored();
  await lives.kill();
  t.mock.timers.setTime(1_001_000);
  const client = lives.create();
  const told = await new Promise((resolve) => client.on('settled', resolve));
  assert.equal(told.key, 'k');
  assert.equal(told.error.code, 'expired');
  await lives.kill();
  assert.deepEqual(
    Object.keys(await lives.store.records()).filter((key) => key.startsWith('m:')),
    [],
  );
});

/* ------------------------------------------------------------------------------------------------ taking back */

test('abort, timeout and remove() while a message is being stored take it back', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  await eventually(() => lives.store.writes.length > 0);
  lives.store.holding = true;
  const aborter = new AbortController();
  const results = [
    rejection(client.publish('t', 'a', { qos: 1, signal: aborter.signal })),
    rejection(client.publish('t', 'b', { qos: 1, timeout: 5 })),
    rejection(client.publish('t', 'c', { qos: 2, key: 'k' })),
  ];
  await eventually(() => lives.store.held.length === 1);
  results.push(rejection(client.publish('t', 'd', { qos: 2, key: 'k' }))); // not even being written
  const kept = client.publish('t', 'e', { qos: 1 });
  aborter.abort();
  assert.equal(client.remove('k'), 2);
  const errors = await Promise.all(results);
  assert.deepEqual(
    errors.map(({ code, sent: left }) => [code, left]),
    [
      ['aborted', false],
      ['timeout', false],
      ['removed', undefined],
      ['removed', undefined],
    ],
  );
  lives.store.release();
  await kept;
  await eventually(() => client.pending().length === 0);
  assert.equal(lives.connection.count('publish'), 1);
  await client.end();
  assert(!lives.store.keys.flat().includes('m:4'));
  assert.deepEqual(Object.keys(await lives.store.records()), ['meta']);
});

test('the limits of the queue count what is being stored, and what gives way leaves the store', async () => {
  const lives = new Lives();
  lives.peer.answers = { connect() {} };
  const client = lives.create({ queue: { maxMessages: 3, policy: 'drop-oldest' } });
  const published = Array.from({ length: 5 }, (_, i) => client.publish('t', `${i}`, { qos: 1 }));
  const dropped = await Promise.all(published.slice(0, 2).map(rejection));
  assert.deepEqual(
    dropped.map(({ code }) => code),
    ['dropped', 'dropped'],
  );
  published.slice(2).forEach(ignore);
  await client.stored();
  ignore(client.publish('t', '5', { qos: 1 }));
  await rejection(published[2]);
  await client.stored();
  assert.equal(client.pending().length, 3);
  await lives.kill();
  const again = lives.create();
  /** @type {any[]} */
  const settled = [];
  again.on('settled', ({ key, error }) => settled.push([key, error?.code]));
  await eventually(() => again.pending().length === 3);
  lives.store.writes.length = 0;
  again.remove(/** @type {any} */ (undefined)); // what has no key
  assert.deepEqual(settled, Array(3).fill([undefined, 'removed']), 'nobody has their promises');
  await eventually(() => lives.store.writes.length > 0);
  await lives.kill();
  assert.deepEqual(
    Object.keys(await lives.store.records()).filter((key) => key.startsWith('m:')),
    [],
  );
});

test('a message that is given up while it enters the core has left', async () => {
  const lives = new Lives();
  const { connect } = lives.peer.answers;
  lives.peer.answers = { connect() {} };
  const controller = new AbortController();
  const { signal } = controller;
  const client = lives.create({
    protocolVersion: 4,
    log: (_level, text) => void (/left out/.test(text) && controller.abort()),
    queue: { maxBytes: 2000 },
  });
  await (await lives.peer.connection(1)).packet('connect');
  lives.store.holding = true;
  const rejected = rejection(
    client.publish('t', new Uint8Array(1000), { qos: 1, signal, properties: { contentType: 'a' } }),
  );
  await eventually(() => lives.store.held.length === 1);
  connect({}, lives.connection);
  await client.ready;
  lives.store.release(); // now it enters, and the log tells that its properties do not
  const { code, sent: left } = await rejected;
  assert.deepEqual([code, left], ['aborted', true]);
  assert.equal((await lives.connection.packet('publish')).payload.length, 1000);
  lives.connection.send({ cmd: 'puback', messageId: 1 });
  await eventually(() => client.pending().length === 0);
  const rest = Array.from({ length: 3 }, () => client.publish('t', new Uint8Array(900), { qos: 1 }));
  assert.equal((await rejection(rest[2])).code, 'queue-full', 'what had left is counted once');
  rest.forEach(ignore);
  await lives.kill();
});

test('a message that cannot be is refused before it is stored, or right after', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  const bad = { topicAlias: 1 };
  assert.equal(
    (await rejection(client.publish('t', '', { qos: 1, properties: { serverReference: 'x' } }))).code,
    'bad-property',
  );
  assert.equal((await rejection(client.publish('t', '', { qos: 1, properties: bad }))).code, 'property');
  assert.equal((await rejection(client.publish('t/#', '', { qos: 1 }))).code, 'topic');
  await client.end();
  assert.deepEqual(Object.keys(await lives.store.records()), ['meta']);
});

test('stored() rejects if one of the messages could not be stored, and resolves after a connection or without', async () => {
  const lives = new Lives();
  lives.peer.answers = { connect() {} };
  const client = lives.create();
  ignore(client.publish('t', 'x', { qos: 2 }));
  await client.stored();
  assert(lives.store.keys.flat().includes('m:1'));
  lives.store.fails = (changes) => (changes.some(({ key }) => key === 'm:3') ? new Error('no') : null);
  ignore(client.publish('t', 'y', { qos: 2 }));
  ignore(client.publish('t', 'z', { qos: 2 }));
  assert.equal((await rejection(client.stored())).code, 'store-failed');
  await client.stored();
  await lives.kill();
});

/* ------------------------------------------------------------------------------------------------ the session */

test('the first life begins clean, the others go on: session expiry 7 days unless said otherwise [M5:3.2.2-4]', async () => {
  const lives = new Lives();
  await lives.begin();
  const [connect] = lives.connection.packets;
  assert.equal(connect.clean, true, 'without its half a session cannot go on');
  assert.equal(connect.properties.sessionExpiryInterval, 7 * 86400);
  await lives.kill();
  await lives.begin({ properties: { sessionExpiryInterval: 10 } });
  assert.equal(lives.connection.packets[0].clean, false);
  assert.equal(lives.connection.packets[0].properties.sessionExpiryInterval, 10);
  const reconnected = lives.peer.connection(lives.peer.connections.length + 1);
  lives.connection.drop();
  assert.equal((await (await reconnected).packet('connect')).clean, false);
  await lives.kill();
});

test('a first life that no server has accepted yet begins clean at each attempt; that there may be a session is stored first', async () => {
  const lives = new Lives();
  const answer = lives.peer.answers.connect;
  lives.peer.answers.connect = (_packet, connection) => connection.drop();
  lives.store.holding = true;
  const client = lives.create({ protocolVersion: 5 });
  await eventually(() => lives.store.held.length === 1);
  await turn();
  lives.store.held.shift()?.(); // the limits
  await eventually(() => lives.store.held.length === 1 && lives.peer.connections.length === 1);
  await turn();
  assert.equal(lives.connection.packets.length, 0, 'CONNECT waits');
  lives.store.release();
  const second = await lives.peer.connection(2);
  lives.peer.answers.connect = answer;
  assert.equal((await second.packet('connect')).clean, true);
  await client.ready;
  await lives.kill();
  assert.equal((await lives.store.records()).meta.begun, true);
});

test('a server that has a session where the store has none breaks the protocol [M5:3.2.2-4]', async () => {
  const lives = new Lives();
  lives.peer.connack.sessionPresent = true;
  const error = await rejection(lives.begin());
  assert.equal(error.code, 'protocol');
  assert.equal(lives.connection.packets.at(-1).cmd, 'disconnect');
});

test('with 3.1.1 a session is never begun clean: it would end with its connection', async () => {
  const lives = new Lives();
  const client = await lives.begin({ protocolVersion: 4 });
  assert.equal(lives.connection.packets[0].clean, false);
  await client.end();
});

test('subscriptions are wanted again: a session that is there needs no SUBSCRIBE, a new one does', async () => {
  const lives = new Lives();
  const first = await lives.begin();
  await first.subscribe('a/+', { qos: 2, noLocal: true, retainHandling: 1 }, () => {});
  const gone = await first.subscribe('b', { qos: 1 });
  const left = await first.subscribe('c', { qos: 1 });
  await gone.unsubscribe();
  assert.equal(left.qos, 1);
  await eventually(() => lives.store.keys.flat().includes('-f:b'));
  await lives.kill();

  lives.peer.connack.sessionPresent = true;
  const second = await lives.begin();
  await second.publish('t', 'x', { qos: 1 });
  assert.deepEqual(sent(lives.connection), ['publish1 x']);
  await second.unsubscribe('c'); // nobody of this life subscribed to it
  assert.deepEqual(lives.connection.packets.at(-1).unsubscriptions, ['c']);
  await second.unsubscribe('c');
  await second.unsubscribe('never');
  assert.equal(lives.connection.count('unsubscribe'), 1);
  await eventually(() => lives.store.keys.flat().includes('-f:c'));
  await lives.kill();

  lives.peer.connack.sessionPresent = false;
  const third = await lives.begin();
  const { subscriptions } = await lives.connection.packet('subscribe');
  assert.deepEqual(subscriptions, [{ topic: 'a/+', qos: 2, nl: true, rap: false, rh: 1 }]);
  await third.subscribe('a/+', { qos: 1 }, () => {});
  assert.equal(lives.connection.packets.at(-1).subscriptions[0].qos, 1, 'asked for by this life: told to the server');
  await third.end();
});

/**
 * A subscription 'a' is stored, its life is over, and the next one is not connected: it may be told what it wants no more.
 * @param {(client: import('./lives.js').Client) => Promise<unknown>} [leave]
 */
async function unsubscribedInVain(leave = (client) => client.unsubscribe('a')) {
  const lives = new Lives();
  await (await lives.begin()).subscribe('a', { qos: 1 }, () => {});
  await eventually(() => lives.store.keys.flat().includes('f:a'));
  await lives.kill();
  const { connect } = lives.peer.answers;
  lives.peer.answers.connect = () => {};
  ignore(leave(lives.create()));
  await lives.peer.connection(2);
  return { lives, online: () => (lives.peer.answers.connect = connect) };
}

for (const [how, end] of /** @type {[string, (lives: Lives) => Promise<unknown> | undefined][]} */ ([
  ['end()', (lives) => lives.client?.end()],
  [
    'the death of the page',
    async (lives) => {
      await eventually(() => lives.store.keys.filter((keys) => keys.includes('f:a')).length === 2);
      await lives.kill();
    },
  ],
])) {
  test(`unsubscribe() without a connection, then ${how}: the next life tells the server, and forgets`, async () => {
    const { lives, online } = await unsubscribedInVain();
    await end(lives);
    online();
    lives.peer.connack.sessionPresent = true;
    await lives.begin();
    const { unsubscriptions } = await lives.connection.packet('unsubscribe');
    assert.deepEqual(unsubscriptions, ['a']);
    assert.equal(lives.connection.count('subscribe'), 0);
    await eventually(() => lives.store.keys.flat().includes('-f:a'));
    await lives.client?.end();
    assert.deepEqual(Object.keys(await lives.store.records()), ['meta']);
  });
}

test('unsubscribe() without a connection, then a session that is lost: nothing is to be told, and it is forgotten', async () => {
  const { lives, online } = await unsubscribedInVain();
  await lives.client?.end();
  online();
  const client = await lives.begin();
  await client.publish('t', 'x', { qos: 1 });
  assert.deepEqual(sent(lives.connection), ['publish1 x']);
  await client.end();
  assert.deepEqual(Object.keys(await lives.store.records()), ['meta']);
});

test('a page that dies between unsubscribe() and UNSUBACK: the next life asks again', async () => {
  const lives = new Lives();
  const first = await lives.begin();
  await first.subscribe('a', { qos: 1 }, () => {});
  await eventually(() => lives.store.keys.flat().includes('f:a'));
  const { unsubscribe } = lives.peer.answers;
  lives.peer.answers.unsubscribe = () => {};
  ignore(first.unsubscribe('a'));
  await lives.connection.packet('unsubscribe');
  await lives.kill();
  lives.peer.answers.unsubscribe = unsubscribe;
  lives.peer.connack.sessionPresent = true;
  await lives.begin();
  await lives.connection.packet('unsubscribe');
  await eventually(() => lives.store.keys.flat().includes('-f:a'));
  await lives.client?.end();
});

test('what was wanted no more, and is again, is subscribed to in that life', async () => {
  const { lives, online } = await unsubscribedInVain();
  await lives.client?.end();
  online();
  lives.peer.connack.sessionPresent = true;
  const client = lives.create();
  await client.subscribe('a', { qos: 1 }, () => {});
  assert.deepEqual(sent(lives.connection), ['subscribe1']);
  await client.end();
  assert.equal((await lives.store.records())['f:a'].wanted, true);
});

test('unsubscribe() before the store is open counts, for what an earlier life wanted too', async () => {
  for (const leave of [
    (/** @type {import('./lives.js').Client} */ client) => client.unsubscribe('a'),
    async (/** @type {import('./lives.js').Client} */ client) => {
      ignore(client.subscribe('a', () => {}));
      await client.unsubscribe('a');
    },
  ]) {
    const { lives } = await unsubscribedInVain(leave);
    await lives.client?.end();
    assert.equal((await lives.store.records())['f:a'].wanted, false);
  }
  const client = new Lives().create();
  await client.end();
  await client.unsubscribe('a');
});

test('a subscription of an earlier life that the server refuses now is reported, and wanted no more', async () => {
  const lives = new Lives();
  const first = await lives.begin();
  await first.subscribe('a', { qos: 1 }, () => {});
  await eventually(() => lives.store.keys.flat().includes('f:a'));
  await lives.kill();
  lives.peer.answers.subscribe = ({ messageId }, connection) =>
    connection.send({ cmd: 'suback', messageId, granted: [0x87] });
  const client = lives.create();
  const error = /** @type {any} */ (await new Promise((resolve) => client.on('error', resolve)));
  assert.equal(error.code, 'refused');
  await client.end();
  assert.deepEqual(Object.keys(await lives.store.records()), ['meta']);
});

test('a store of the user: writes come one at a time, values do not change', async () => {
  const store = new TestStore();
  let writing = 0;
  let most = 0;
  /** @type {{ now: string, value: any }[]} */
  const seen = [];
  const peer = new Peer();
  const client = await peer.connect({
    clientId: 'one',
    clean: false,
    store: {
      async open(name) {
        const session = await store.open(name);
        return {
          ...session,
          async write(changes) {
            most = Math.max(most, ++writing);
            for (const { value } of changes) seen.push({ now: JSON.stringify(value), value });
            await turn();
            await session.write(changes);
            writing--;
          },
        };
      },
    },
  });
  const payload = new Uint8Array(10);
  const properties = { contentType: '' };
  for (let i = 0; i < 20; i++) {
    const published = client.publish('t', payload, { qos: 2, properties });
    payload.fill(i + 1);
    properties.contentType = `${i}`;
    if (i % 3 === 0) await published;
    else ignore(published);
  }
  await client.end();
  assert.equal(most, 1);
  for (const { now, value } of seen) assert.equal(JSON.stringify(value), now);
});
