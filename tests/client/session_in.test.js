// Messages of the server with QoS 2 over the lives of a session with a store: each is handled once, but for the one that was
// in a handler when the page died, which comes again and says so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lives, sent } from './lives.js';
import { eventually, Peer, publish, turn } from './peer.js';

/** @typedef {import('../../web/client/index.js').Message} Message */

/** @param {string} text @param {number} messageId @param {object} [more] */
const two = (text, messageId, more) => publish('in', text, { qos: 2, messageId, ...more });

/** A handler that notes what it is given, and ends when it is told to. */
class Slow {
  /** @type {string[]} */
  begun = [];
  /** @type {(() => void)[]} */
  #ends = [];

  /** @param {Message} message */
  handle = (message) => {
    this.begun.push(message.text() + (message.redelivered ? ' again' : ''));
    return new Promise((resolve) => this.#ends.push(() => resolve(undefined)));
  };

  /** The oldest call ends. */
  end() {
    this.#ends.shift()?.();
  }
}

/** @param {Lives} lives @param {string} prefix */
const keysOf = (lives, prefix) => lives.store.keys.flat().filter((key) => key.startsWith(prefix));

test('messages are handed out one at a time: begun is stored before the handler has it, done before the next', async () => {
  const lives = new Lives();
  const slow = new Slow();
  const client = await lives.begin({ ack: 'resolved' });
  await client.subscribe('in', { qos: 2 }, slow.handle);
  await eventually(() => keysOf(lives, 'f:').length === 1);
  lives.store.writes.length = 0;
  lives.store.holding = true;
  lives.connection.send(two('a', 1), two('b', 2), publish('in', 'one', { qos: 1, messageId: 3 }));
  await eventually(() => lives.store.held.length === 1);
  await turn();
  assert.deepEqual(slow.begun, ['one'], 'QoS 1 goes by');
  lives.store.held.shift()?.();
  await eventually(() => slow.begun.length === 2);
  assert.deepEqual(lives.store.writes, [[['i:1', { done: false }]]]);
  await turn();
  assert.deepEqual(slow.begun, ['one', 'a']);
  slow.end();
  slow.end();
  await eventually(() => lives.store.held.length === 1);
  await turn();
  assert.deepEqual(slow.begun, ['one', 'a'], 'that a is done is being stored');
  assert.equal(lives.connection.count('pubrec'), 0);
  lives.store.held.shift()?.();
  await eventually(() => slow.begun.length === 3);
  assert.deepEqual(
    lives.store.writes[1].sort(),
    [
      ['i:1', { done: true }],
      ['i:2', { done: false }],
    ],
    'in one transaction',
  );
  await lives.connection.packet('pubrec');
  lives.store.release();
  slow.end();
  await lives.connection.packet('pubcomp', 2);
  await client.end();
  assert.deepEqual(Object.keys(await lives.store.records()).sort(), ['f:in', 'meta']);
});

test('PUBCOMP leaves when it is stored that the packet id is free [M5:4.3.3-11]', async () => {
  const lives = new Lives();
  lives.peer.answers.pubrec = () => {};
  const client = await lives.begin();
  await client.subscribe('in', { qos: 2 }, () => {});
  lives.connection.send(two('a', 1));
  await lives.connection.packet('pubrec');
  lives.store.holding = true;
  lives.connection.send({ cmd: 'pubrel', messageId: 1 });
  await eventually(() => lives.store.held.length === 1);
  await turn();
  assert.equal(lives.connection.count('pubcomp'), 0);
  lives.store.release();
  await lives.connection.packet('pubcomp');
  assert.deepEqual(lives.store.keys.at(-1), ['-i:1']);
  await client.end();
});

test('the page dies: what was in a handler comes again and says so, what waited comes as new, what was done does not [M3:4.3.3-2] [M5:4.3.3-10]', async () => {
  const lives = new Lives();
  const slow = new Slow();
  lives.peer.answers.pubrec = () => {};
  const first = await lives.begin({ ack: 'resolved' });
  await first.subscribe('in', { qos: 2 }, slow.handle);
  lives.connection.send(two('done', 1), two('handled', 2), two('waiting', 3));
  await eventually(() => slow.begun.length === 1);
  slow.end();
  await eventually(() => slow.begun.length === 2);
  await lives.connection.packet('pubrec');
  await lives.kill();

  lives.peer.connack.sessionPresent = true;
  const second = lives.create();
  /** @type {string[]} */
  const got = [];
  second.handle('in', (message) => {
    got.push(message.text() + (message.redelivered ? ' again' : ''));
  });
  await second.ready;
  const dup = { dup: true };
  lives.connection.send(two('done', 1, dup), two('handled', 2, dup), two('waiting', 3, dup));
  await lives.connection.packet('pubrec', 3);
  assert.deepEqual(got, ['handled again', 'waiting']);
  lives.connection.send({ cmd: 'pubrel', messageId: 1 });
  assert.equal((await lives.connection.packet('pubcomp')).reasonCode ?? 0, 0, 'its packet id was known');
  lives.connection.send(two('new', 1));
  await eventually(() => got.length === 3);
  assert.deepEqual(got, ['handled again', 'waiting', 'new']);
  await lives.kill();
});

test('the page dies between PUBREC and PUBREL: the id is known, and free after PUBCOMP', async () => {
  const lives = new Lives();
  lives.peer.answers.pubrec = () => {};
  const first = await lives.begin();
  await first.subscribe('in', { qos: 2 }, () => {});
  lives.connection.send(two('a', 7));
  await lives.connection.packet('pubrec');
  await lives.kill();
  lives.peer.connack.sessionPresent = true;
  await lives.begin();
  lives.connection.send({ cmd: 'pubrel', messageId: 7 });
  assert.equal((await lives.connection.packet('pubcomp')).reasonCode ?? 0, 0);
  await lives.kill();
  assert.deepEqual(Object.keys(await lives.store.records()).sort(), ['f:in', 'meta']);
});

test('if the server lost the session, packet ids mean nothing: a message with an old one is new', async () => {
  const lives = new Lives();
  const slow = new Slow();
  lives.peer.answers.pubrec = () => {};
  const first = await lives.begin({ ack: 'resolved' });
  await first.subscribe('in', { qos: 2 }, slow.handle);
  lives.connection.send(two('done', 1), two('handled', 2));
  await eventually(() => slow.begun.length === 1);
  slow.end();
  await eventually(() => slow.begun.length === 2);
  await lives.kill();

  const answer = lives.peer.answers.connect;
  lives.peer.answers.connect = (_packet, connection) =>
    connection.sendBytes(connection.encode(lives.peer.connack, two('one', 1), two('two', 3)));
  const second = lives.create();
  /** @type {string[]} */
  const got = [];
  second.handle('in', (message) => {
    got.push(message.text() + (message.redelivered ? ' again' : ''));
  });
  await eventually(() => got.length === 2);
  assert.deepEqual(got, ['one', 'two']);
  await lives.connection.packet('pubrec', 2);
  await lives.kill();
  const keys = Object.keys(await lives.store.records());
  assert.deepEqual(keys.filter((key) => key.startsWith('i:')).sort(), ['i:1', 'i:3']);
  const begun = lives.store.writes.flat().filter(([key, value]) => key === 'i:1' && !value.done);
  assert.equal(begun.length, 2, 'noted before the handler had it in the second life too');
  lives.peer.answers.connect = answer;
  lives.peer.connack.sessionPresent = true;
  const third = await lives.begin();
  third.handle('in', (message) => got.push(message.text()));
  lives.connection.send(two('one', 1, { dup: true }));
  await lives.connection.packet('pubrec');
  assert.equal(got.length, 2, 'it was done in the second life');
  await lives.kill();
});

test('manual acknowledgement holds up nobody, and all that is open comes again', async () => {
  const lives = new Lives();
  /** @type {Message[]} */
  const got = [];
  const first = await lives.begin({ manualAck: true });
  await first.subscribe('in', { qos: 2 }, (message) => got.push(message));
  lives.connection.send(two('a', 1), two('b', 2), two('c', 3));
  await eventually(() => got.length === 3);
  got[0].ack();
  await lives.connection.packet('pubcomp');
  got[2].ack(); // its PUBREC waits for that of b
  await eventually(() => keysOf(lives, 'i:3').length === 2);
  await lives.kill();
  lives.peer.connack.sessionPresent = true;
  const second = lives.create();
  /** @type {string[]} */
  const again = [];
  second.on('message', (message) => again.push(`${message.text()} ${message.redelivered}`));
  await second.ready;
  lives.connection.send(two('b', 2, { dup: true }), two('c', 3, { dup: true }));
  await lives.connection.packet('pubrec', 2);
  assert.deepEqual(again, ['b true'], 'c was acknowledged');
  await lives.kill();
});

test('a loop is given one at a time; what it had not taken goes to who asks next', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  const subscription = await client.subscribe('in', { qos: 2 });
  lives.connection.send(two('a', 1), two('b', 2), two('c', 3));
  for await (const message of subscription) {
    assert.equal(message.text(), 'a');
    await turn();
    assert.equal(keysOf(lives, 'i:2').length, 0);
    break;
  }
  await lives.connection.packet('pubrec');
  /** @type {string[]} */
  const got = [];
  client.handle('in', (message) => void got.push(message.text()));
  await lives.connection.packet('pubcomp', 3);
  assert.deepEqual(got, ['b', 'c']);
  await client.end();
});

test('a loop that is ended lets go of what it was given', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  const subscription = await client.subscribe('in', { qos: 2 });
  const loop = subscription[Symbol.asyncIterator]();
  client.handle('other', () => {});
  lives.connection.send(two('a', 1));
  await eventually(() => keysOf(lives, 'i:1').length === 1);
  await loop.return?.(); // it was in the loop's buffer
  lives.connection.send(publish('other', 'b', { qos: 2, messageId: 2 }));
  await eventually(() => keysOf(lives, 'i:2').length > 0);
  assert.equal(lives.connection.count('pubrec'), 0, 'a is still to be handled, and goes first');
  const again = (async () => {
    for await (const message of subscription) return message.text();
    return '';
  })();
  assert.equal(await again, 'a');
  await lives.connection.packet('pubcomp', 2);
  await client.end();
});

test('what nobody asks for holds up nobody, and has its turn when somebody does', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  /** @type {string[]} */
  const got = [];
  client.handle('other', (message) => void got.push(message.text()));
  lives.connection.send(two('a', 1), publish('other', 'b', { qos: 2, messageId: 2 }), two('c', 3));
  await eventually(() => got.length === 1);
  assert.deepEqual(keysOf(lives, 'i:1'), [], 'no handler had it: the server has it still');
  const slow = new Slow();
  await client.subscribe('in', { qos: 2, ack: 'resolved' }, slow.handle);
  await eventually(() => slow.begun.length === 1);
  await turn();
  assert.deepEqual(slow.begun, ['a']);
  slow.end();
  await eventually(() => slow.begun.length === 2);
  slow.end();
  await lives.connection.packet('pubcomp', 3);
  await client.end();
});

test('the connection is lost: what waited for its turn comes again from the server, and once', async () => {
  const lives = new Lives();
  const slow = new Slow();
  const client = await lives.begin({ ack: 'resolved' });
  await client.subscribe('in', { qos: 2 }, slow.handle);
  lives.connection.send(two('a', 1), two('b', 2));
  await eventually(() => slow.begun.length === 1);
  lives.peer.connack.sessionPresent = true;
  const next = lives.peer.connection(lives.peer.connections.length + 1);
  lives.connection.drop();
  await (await next).packet('connect');
  const dup = { dup: true };
  lives.connection.send(two('a', 1, dup), two('b', 2, dup));
  await eventually(() => client.stats.received === 4);
  await turn();
  assert.deepEqual(slow.begun, ['a'], 'it is still in the handler');
  slow.end();
  await eventually(() => slow.begun.length === 2);
  slow.end();
  await eventually(() => slow.begun.length === 3);
  slow.end();
  await lives.connection.packet('pubcomp', 2);
  assert.deepEqual(slow.begun, ['a', 'a again', 'b']);
  await client.end();
});

test('the connection is lost while it is being stored that a message is begun: it comes again as new', async () => {
  const lives = new Lives();
  const slow = new Slow();
  const client = await lives.begin({ ack: 'resolved' });
  await client.subscribe('in', { qos: 2 }, slow.handle);
  await eventually(() => keysOf(lives, 'f:').length === 1);
  lives.store.holding = true;
  lives.connection.send(two('a', 1));
  await eventually(() => lives.store.held.length === 1);
  lives.peer.connack.sessionPresent = true;
  const next = lives.peer.connection(lives.peer.connections.length + 1);
  lives.connection.drop();
  await eventually(() => client.state !== 'connected');
  lives.store.release();
  await (await next).packet('connect');
  lives.connection.send(two('a', 1, { dup: true }));
  await eventually(() => slow.begun.length === 1);
  slow.end();
  await lives.connection.packet('pubcomp');
  assert.deepEqual(slow.begun, ['a']);
  await client.end();
});

test('connection and session are lost: what waited for its turn has it all the same', async () => {
  const lives = new Lives();
  const slow = new Slow();
  const client = await lives.begin({ ack: 'resolved' });
  await client.subscribe('in', { qos: 2 }, slow.handle);
  lives.connection.send(two('a', 1), two('b', 2));
  await eventually(() => slow.begun.length === 1);
  const next = lives.peer.connection(lives.peer.connections.length + 1);
  lives.connection.drop();
  await (await next).packet('subscribe');
  slow.end();
  await eventually(() => slow.begun.length === 2);
  slow.end();
  lives.connection.send(two('c', 1));
  await eventually(() => slow.begun.length === 3);
  slow.end();
  await lives.connection.packet('pubcomp');
  assert.deepEqual(slow.begun, ['a', 'b', 'c']);
  assert.equal(lives.connection.count('pubrec'), 1);
  await client.end();
});

test('a server whose QoS 2 message is large: it is kept while it waits', async () => {
  const lives = new Lives();
  const client = await lives.begin();
  /** @type {number[]} */
  const got = [];
  await client.subscribe('in', { qos: 2 }, (message) => void got.push(message.payload.length));
  lives.connection.send(two('x'.repeat(200_000), 1), two('y'.repeat(50_000), 2));
  await lives.connection.packet('pubcomp', 2);
  assert.deepEqual(got, [200_000, 50_000]);
  await client.end();
});

/* ------------------------------------------------------------------------------------------------ without a store */

test('without a store: a message that was in a handler when the connection was lost says so when it comes again', async () => {
  const peer = new Peer();
  const slow = new Slow();
  peer.answers.pubrec = () => {};
  const client = await peer.connect({ ack: 'resolved' });
  await client.subscribe('in', { qos: 2 }, slow.handle);
  const loop = await client.subscribe('loop', { qos: 2 });
  const iterator = loop[Symbol.asyncIterator]();
  const inLoop = (/** @type {string} */ text, /** @type {number} */ messageId) =>
    publish('loop', text, { qos: 2, messageId });
  peer.last.send(
    two('done', 1),
    two('handled', 2),
    inLoop('taken', 3),
    inLoop('buffered', 4),
    publish('none', 'held', { qos: 2, messageId: 5 }),
  );
  await eventually(() => slow.begun.length === 2);
  slow.end();
  await peer.last.packet('pubrec');
  assert.equal((await iterator.next()).value.text(), 'taken');
  peer.connack.sessionPresent = true;
  const next = peer.connection(2);
  peer.last.drop();
  await next;
  await eventually(() => client.state === 'connected');
  /** @type {string[]} */
  const held = [];
  client.handle('none', (message) => void held.push(`${message.text()} ${message.redelivered}`));
  peer.last.send(
    two('done', 1, { dup: true }),
    two('handled', 2, { dup: true }),
    inLoop('taken', 3),
    inLoop('buffered', 4),
    publish('none', 'held', { qos: 2, messageId: 5 }),
  );
  await eventually(() => slow.begun.length === 3 && held.length === 1);
  assert.deepEqual(slow.begun, ['done', 'handled', 'handled again']);
  const rest = [(await iterator.next()).value, (await iterator.next()).value];
  assert.deepEqual(
    rest.map((message) => `${message.text()} ${message.redelivered}`),
    ['taken true', 'buffered false'],
  );
  assert.deepEqual(held, ['held false']);
  await client.end({ force: true });
});

test('without a store: a message that a handler asked for while there was no connection comes again, and says so', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  peer.last.send(two('a', 1));
  await eventually(() => client.stats.received === 1);
  peer.connack.sessionPresent = true;
  const next = peer.connection(2);
  peer.last.dropNow();
  /** @type {boolean[]} */
  const got = [];
  client.handle('in', ({ redelivered }) => void got.push(redelivered));
  await eventually(() => got.length === 1);
  await (await next).packet('connect');
  peer.last.send(two('a', 1, { dup: true }));
  await peer.last.packet('pubcomp');
  assert.deepEqual(got, [false, true]);
  await client.end();
});

test('without a store: the packet id of a session that is lost says nothing', async () => {
  const peer = new Peer();
  const slow = new Slow();
  const client = await peer.connect({ ack: 'resolved' });
  await client.subscribe('in', { qos: 2 }, slow.handle);
  peer.last.send(two('a', 1));
  await eventually(() => slow.begun.length === 1);
  const next = peer.connection(2);
  peer.last.drop();
  await (await next).packet('subscribe');
  peer.last.send(two('b', 1));
  await eventually(() => slow.begun.length === 2);
  assert.deepEqual(slow.begun, ['a', 'b']);
  await client.end({ force: true });
});

test('a loop that is ended acknowledges what it had not taken, so that later acknowledgements are not held up', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('loop', { qos: 1 });
  const loop = subscription[Symbol.asyncIterator]();
  await client.subscribe('in', { qos: 1 }, () => {});
  peer.last.send(publish('loop', 'a', { qos: 1, messageId: 1 }), publish('in', 'b', { qos: 1, messageId: 2 }));
  await eventually(() => client.stats.received === 2);
  await turn();
  assert.equal(peer.last.count('puback'), 0);
  await subscription.unsubscribe();
  await peer.last.packet('puback', 2);
  assert.deepEqual(
    sent(peer.last).filter((packet) => packet.startsWith('puback')),
    ['puback1', 'puback2'],
  );
  assert.equal((await loop.next()).done, true);
  await client.end();
});
