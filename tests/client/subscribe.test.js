// Subscriptions as intent, and the loops over their messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, Peer, publish, rejection, turn } from './peer.js';

/** @typedef {import('../../web/client/index.js').Message} Message */

test('subscribe() resolves with what was granted; options travel', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('a/+', {
    qos: 2,
    noLocal: true,
    retainAsPublished: true,
    retainHandling: 2,
    properties: { subscriptionIdentifier: 7, userProperties: { u: 'v' } },
  });
  assert.equal(subscription.filter, 'a/+');
  assert.equal(subscription.qos, 2);
  const packet = await peer.last.packet('subscribe');
  assert.deepEqual({ ...packet.subscriptions[0] }, { topic: 'a/+', qos: 2, nl: true, rap: true, rh: 2 });
  assert.equal(packet.properties.subscriptionIdentifier, 7);
  assert.equal(packet.properties.userProperties.u, 'v');
  await client.end();
});

test('filters that are too large for one SUBSCRIBE are asked for one by one; one that is so alone is refused', async () => {
  const peer = new Peer();
  peer.connack.properties = { maximumPacketSize: 60, subscriptionIdentifiersAvailable: false };
  const client = peer.createClient();
  const filters = ['a', 'b', 'c', 'd'].map((name, i) => name.repeat(i === 1 ? 80 : 30));
  const [a, b, c, d] = filters.map((filter) => client.subscribe(filter, () => {}));
  const error = await rejection(b);
  assert.deepEqual([error.phase, error.code], ['subscribe', 'server-limit']);
  await Promise.all([a, c, d]);
  const asked = peer.last.packets.filter(({ cmd }) => cmd === 'subscribe').map(({ subscriptions }) => subscriptions);
  assert.deepEqual(
    asked.map((all) => all.map((/** @type {any} */ one) => one.topic)),
    [[filters[0]], [filters[2]], [filters[3]]],
  );
  await client.end();
});

test('a handler is active from the moment its SUBSCRIBE is queued', async () => {
  const peer = new Peer();
  peer.answers.subscribe = ({ messageId }, connection) =>
    connection.send(publish('a', 'early', { retain: true }), { cmd: 'suback', messageId, granted: [0] });
  const client = await peer.connect();
  /** @type {string[]} */
  const got = [];
  await client.subscribe('a', {}, (message) => got.push(message.text()));
  assert.deepEqual(got, ['early']);
  await client.end();
});

test('options may be left out', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {string[]} */
  const got = [];
  await client.subscribe('a', (message) => got.push(message.text()));
  peer.last.send(publish('a', '1'));
  await eventually(() => got.length === 1);
  await client.end();
});

test('a refused subscription rejects with its reason, and is not wanted any more', async () => {
  const peer = new Peer();
  peer.answers.subscribe = ({ messageId }, connection) =>
    connection.send({ cmd: 'suback', messageId, granted: [0x87] });
  const client = await peer.connect();
  let got = 0;
  const error = await rejection(client.subscribe('secret', {}, () => got++));
  assert.equal(error.phase, 'subscribe');
  assert.equal(error.code, 'refused');
  assert.equal(error.reasonCode, 0x87);
  assert.match(error.message, /"secret"/);
  peer.last.drop();
  const next = await peer.connection(2);
  await eventually(() => client.state === 'connected');
  await turn();
  assert.equal(next.count('subscribe'), 0);
  next.sendNow(next.encode(publish('secret', '')));
  assert.equal(got, 0);
  await client.end();
});

test('filters that are none, and what the server has not, are refused here', async () => {
  const peer = new Peer();
  peer.connack.properties = { sharedSubscriptionAvailable: false, wildcardSubscriptionAvailable: false };
  const client = await peer.connect();
  for (const [filter, code] of [
    ['a/#/b', 'filter'],
    ['', 'filter'],
    ['$share/g/a', 'server-limit'],
    ['a/+', 'server-limit'],
  ]) {
    assert.equal((await rejection(client.subscribe(filter))).code, code, filter);
  }
  assert.equal(peer.last.count('subscribe'), 0);
  await client.end();
});

test('many at once: all are granted, though few may be under way', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const all = await Promise.all(Array.from({ length: 300 }, (_, i) => client.subscribe(`t/${i}`, { qos: 1 })));
  assert(all.every(({ qos }) => qos === 1));
  await client.end();
});

test('after a reconnect without a session everything is subscribed again, in batches; with one, nothing', async () => {
  const peer = new Peer();
  peer.connack.properties = { subscriptionIdentifiersAvailable: false }; // with them, each has a SUBSCRIBE of its own
  const client = await peer.connect();
  let got = 0;
  for (let i = 0; i < 20; i++) await client.subscribe(`t/${i}`, { qos: 1 }, () => void got++);
  peer.last.drop();
  const second = await peer.connection(2);
  await eventually(
    () => second.packets.filter(({ cmd }) => cmd === 'subscribe').flatMap((p) => p.subscriptions).length === 20,
  );
  assert(second.count('subscribe') <= 3);
  second.send(publish('t/7', ''));
  await eventually(() => got === 1);

  peer.connack.sessionPresent = true;
  second.drop();
  const third = await peer.connection(3);
  await eventually(() => client.state === 'connected');
  await turn();
  assert.equal(third.count('subscribe'), 0);
  assert.equal((await third.packet('connect')).clean, false);
  third.send(publish('t/8', ''));
  await eventually(() => got === 2);
  await client.end();
});

test('a SUBSCRIBE that a drop cut off is sent again, and its promise settles then', async () => {
  const peer = new Peer();
  const { subscribe } = peer.answers;
  peer.answers.subscribe = () => {};
  const client = await peer.connect();
  const subscribed = client.subscribe('a', { qos: 1 });
  await peer.last.packet('subscribe');
  peer.answers.subscribe = subscribe;
  peer.connack.sessionPresent = true;
  peer.last.drop();
  assert.equal((await subscribed).qos, 1);
  assert.equal(peer.connections.length, 2);
  await client.end();
});

test('a subscription that is refused when sent again is reported', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await client.subscribe('a');
  peer.answers.subscribe = ({ messageId }, connection) =>
    connection.send({ cmd: 'suback', messageId, granted: [0x97] });
  /** @type {any} */
  let told;
  client.on('error', (error) => (told = error));
  peer.last.drop();
  await eventually(() => told);
  assert.equal(told.reasonCode, 0x97);
  await client.end();
});

test('a subscription made before the connection is sent with it', async () => {
  const peer = new Peer();
  const client = peer.createClient();
  const subscription = await client.subscribe('a', { qos: 1 });
  assert.equal(subscription.qos, 1);
  await client.end();
});

test('timeout and signal give up the wish', async () => {
  const peer = new Peer();
  peer.answers.subscribe = () => {};
  const client = await peer.connect();
  assert.equal((await rejection(client.subscribe('a', { timeout: 10 }))).code, 'timeout');
  assert.equal((await rejection(client.subscribe('b', { signal: AbortSignal.abort() }))).code, 'aborted');
  peer.last.drop();
  const next = await peer.connection(2);
  await eventually(() => client.state === 'connected');
  await turn();
  assert.equal(next.count('subscribe'), 0);
  await client.end();
});

test('a timeout before there is a connection is told as such', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const client = peer.createClient();
  await (await peer.connection(1)).packet('connect');
  assert.equal((await rejection(client.subscribe('a', { timeout: 5 }))).code, 'timeout');
  assert.equal((await rejection(client.subscribe('a', { signal: AbortSignal.timeout(5) }))).code, 'aborted');
  await client.end();
});

test('a filter that is no string, and options out of their range, are refused, and disturb nothing later', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  for (const filter of /** @type {any[]} */ ([undefined, null, 5, {}])) {
    assert.equal((await rejection(client.subscribe(filter))).code, 'bad-option');
    assert.equal((await rejection(client.subscribe(filter, () => {}))).code, 'bad-option');
    await client.unsubscribe(filter);
  }
  for (const options of /** @type {any[]} */ ([{ qos: 3 }, { qos: 256 }, { qos: '1' }, { retainHandling: 256 }])) {
    assert.equal((await rejection(client.subscribe('a', options))).code, 'bad-option');
  }
  assert.equal(peer.last.count('subscribe'), 0);
  await client.subscribe('a');
  await client.end();
});

test('two users of a filter: the server is told to end it when the last one goes', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let first = 0;
  let second = 0;
  const one = await client.subscribe('a', {}, () => first++);
  const two = await client.subscribe('a', {}, () => second++);
  peer.last.sendNow(peer.last.encode(publish('a', '')));
  assert.deepEqual([first, second], [1, 1]);
  await one.unsubscribe();
  await one.unsubscribe();
  assert.equal(peer.last.count('unsubscribe'), 0);
  peer.last.sendNow(peer.last.encode(publish('a', '')));
  assert.deepEqual([first, second], [1, 2]);
  await two.unsubscribe();
  assert.deepEqual((await peer.last.packet('unsubscribe')).unsubscriptions, ['a']);
  await client.end();
});

test('after unsubscribe() no handler is called, and what still comes is acknowledged', async () => {
  const peer = new Peer();
  peer.answers.unsubscribe = ({ messageId }, connection) =>
    connection.send(publish('a', '', { qos: 1, messageId: 3 }), { cmd: 'unsuback', messageId, granted: [0] });
  const client = await peer.connect();
  let got = 0;
  await client.subscribe('a', { qos: 1 }, () => got++);
  await client.unsubscribe('a');
  await peer.last.packet('puback');
  assert.equal(got, 0);
  assert.equal(client.stats.unmatched, 0);
  await client.end();
});

test('a message that one still handles is not acknowledged because another unsubscribed', async () => {
  const peer = new Peer();
  peer.answers.unsubscribe = () => {};
  const client = await peer.connect();
  /** @type {any[]} */
  const got = [];
  await client.subscribe('a', { qos: 1, manualAck: true }, (message) => got.push(message));
  const other = await client.subscribe('#', { qos: 1 }, () => {});
  const left = other.unsubscribe().catch(() => {});
  peer.last.send(publish('a', 'x', { qos: 1, messageId: 1 }));
  await eventually(() => got.length === 1);
  await turn();
  assert.equal(peer.last.count('puback'), 0);
  got[0].ack();
  await peer.last.packet('puback');
  await client.end({ force: true });
  await left;
});

test('unsubscribe() without a connection is told to a session that was kept', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('a');
  peer.answers.connect = () => {};
  peer.last.drop();
  const second = await peer.connection(2);
  await second.packet('connect');
  const left = subscription.unsubscribe();
  second.send({ ...peer.connack, sessionPresent: true });
  await left;
  assert.equal(second.count('unsubscribe'), 1);
  assert.equal(second.count('subscribe'), 0);
  await client.end();
});

test('a loop gets messages in order, and acknowledges each when it asks for the next', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('a', { qos: 1 });
  peer.last.send(...[1, 2, 3].map((messageId) => publish('a', String(messageId), { qos: 1, messageId })));
  const got = [];
  for await (const message of subscription) {
    got.push(message.text());
    await turn();
    assert.equal(peer.last.count('puback'), got.length - 1);
    assert.equal(message.payload.buffer.byteLength, 1, 'what is kept owns its bytes');
    if (got.length === 3) break;
  }
  assert.deepEqual(got, ['1', '2', '3']);
  await eventually(() => peer.last.count('puback') === 3);
  await client.end();
});

test('a loop ends with unsubscribe() and with end(), and throws when the client gives up', async () => {
  const peer = new Peer();
  const loop = async (/** @type {AsyncIterable<Message>} */ messages) => {
    let n = 0;
    for await (const _message of messages) n++;
    return n;
  };
  const client = await peer.connect();
  const subscription = await client.subscribe('a');
  const looped = loop(subscription);
  await turn();
  peer.last.sendNow(peer.last.encode(publish('a', '')));
  await turn();
  await subscription.unsubscribe();
  assert.equal(await looped, 1);
  assert.equal(await loop(subscription), 0, 'it stays ended');

  const other = loop(await client.subscribe('b'));
  await client.end();
  assert.equal(await other, 0);

  const doomed = await peer.connect();
  doomed.on('error', () => {});
  const thrown = rejection(loop(await doomed.subscribe('c')));
  await turn();
  peer.last.send({ cmd: 'disconnect', reasonCode: 0x8e });
  assert.equal((await thrown).code, 'session-taken-over');
});

test('a slow loop: QoS 0 beyond the mark is dropped by the policy and counted, QoS 1 waits unacknowledged', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const mark = { highWaterMark: { messages: 3 } };
  const oldest = await client.subscribe('a', { ...mark, overflow: 'drop-oldest' });
  const newest = await client.subscribe('a', { ...mark, overflow: 'drop-newest' });
  const failing = await client.subscribe('a', { ...mark, overflow: 'error' });
  const iterators = [oldest, newest, failing].map((subscription) => subscription[Symbol.asyncIterator]());
  const batch = [1, 2, 3, 4, 5].map((n) => publish('a', String(n)));
  peer.last.sendNow(peer.last.encode(...batch, publish('a', 'kept', { qos: 1, messageId: 1 })));
  const take = async (/** @type {AsyncIterator<Message>} */ iterator, /** @type {number} */ n) => {
    const texts = [];
    for (let i = 0; i < n; i++) texts.push((await iterator.next()).value.text());
    return texts;
  };
  assert.deepEqual(await take(iterators[0], 4), ['3', '4', '5', 'kept']);
  assert.deepEqual(await take(iterators[1], 4), ['1', '2', '3', 'kept']);
  assert.deepEqual(await take(iterators[2], 3), ['1', '2', '3']);
  assert.equal((await rejection(iterators[2].next())).code, 'iterator-overflow');
  assert.deepEqual([oldest.dropped, newest.dropped], [2, 2]);
  assert.equal(peer.last.count('puback'), 0);
  await client.end();
});

test('what is dropped as the oldest has QoS 0: a message with QoS 1 stays, wherever it stands', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('a', { qos: 1, highWaterMark: { messages: 2 }, overflow: 'drop-oldest' });
  const iterator = subscription[Symbol.asyncIterator]();
  const [kept, ...loose] = ['kept', '1', '2', '3'];
  peer.last.sendNow(
    peer.last.encode(publish('a', kept, { qos: 1, messageId: 1 }), ...loose.map((text) => publish('a', text))),
  );
  const texts = [(await iterator.next()).value.text(), (await iterator.next()).value.text()];
  assert.deepEqual(texts, ['kept', '3']);
  assert.equal(subscription.dropped, 2);
  await client.end();
});

test('a loop that has failed gives what it had, says so once, and stays ended', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('a', { qos: 1, highWaterMark: { messages: 1 }, overflow: 'error' });
  const iterator = subscription[Symbol.asyncIterator]();
  peer.last.sendNow(
    peer.last.encode(
      publish('a', '1', { qos: 1, messageId: 1 }),
      publish('a', '2'),
      publish('a', '3', { qos: 1, messageId: 2 }),
    ),
  );
  assert.equal((await iterator.next()).value.text(), '1');
  assert.equal((await rejection(iterator.next())).code, 'iterator-overflow');
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  await client.end();
});

test('the mark counts bytes too', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('a', { highWaterMark: { bytes: 2002 } }); // two, with their topics, just fit
  const iterator = subscription[Symbol.asyncIterator]();
  const send = (/** @type {number} */ n) =>
    peer.last.sendNow(peer.last.encode(...Array(n).fill(publish('a', 'x'.repeat(1000)))));
  send(4);
  assert.equal(subscription.dropped, 2);
  await iterator.next();
  await iterator.next();
  send(2);
  assert.equal(subscription.dropped, 2, 'neither what was taken nor what was dropped counts');
  await client.end();
});

test('by default a loop keeps 1024 messages, and 4 MiB', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const many = await client.subscribe('m');
  const large = await client.subscribe('l');
  void many[Symbol.asyncIterator]();
  void large[Symbol.asyncIterator]();
  const send = (/** @type {number} */ n, /** @type {any} */ message) =>
    peer.last.sendNow(peer.last.encode(...Array(n).fill(message)));
  send(1024, publish('m', 'x'));
  send(4, publish('l', 'x'.repeat((1 << 20) - 1)));
  assert.deepEqual([many.dropped, large.dropped], [0, 0]);
  send(1, publish('m', 'x'));
  send(1, publish('l', ''));
  assert.deepEqual([many.dropped, large.dropped], [1, 1]);
  await client.end();
});

test('what a loop was given and left goes to the next who asks', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('a', { qos: 1 });
  const iterator = subscription[Symbol.asyncIterator]();
  peer.last.sendNow(
    peer.last.encode(...[1, 2].map((messageId) => publish('a', String(messageId), { qos: 1, messageId }))),
  );
  assert.equal((await iterator.next()).value.text(), '1');
  await iterator.return?.();
  for await (const message of subscription) {
    assert.equal(message.text(), '2');
    break;
  }
  await eventually(() => peer.last.count('puback') === 2);
  await client.end();
});

test('a resumed session sends again what was not acknowledged: a loop sees it once', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('a', { qos: 2 });
  const iterator = subscription[Symbol.asyncIterator]();
  const message = { qos: 2, messageId: 4 };
  peer.last.sendNow(peer.last.encode(publish('a', 'once', message)));
  peer.connack.sessionPresent = true;
  peer.last.drop();
  const second = await peer.connection(2);
  await eventually(() => client.state === 'connected');
  second.sendNow(second.encode(publish('a', 'once', { ...message, dup: true }), publish('a', 'last')));
  assert.equal((await iterator.next()).value.text(), 'once');
  assert.equal((await iterator.next()).value.text(), 'last');
  await second.packet('pubcomp');
  await client.end();
});

test('what a handler has acknowledged is not sent again, so a loop that has still to come to it keeps it', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const subscription = await client.subscribe('a', { qos: 2 });
  const loops = [subscription[Symbol.asyncIterator](), subscription[Symbol.asyncIterator]()];
  client.handle('a', (message) => message.text() === 'acknowledged' && message.ack());
  const again = publish('a', 'again', { qos: 1, messageId: 2 });
  peer.last.send(publish('a', 'acknowledged', { qos: 2, messageId: 1 }), again);
  await peer.last.packet('pubcomp');
  peer.connack.sessionPresent = true;
  peer.last.drop();
  const second = await peer.connection(2);
  await second.packet('connect');
  await eventually(() => client.state === 'connected');
  second.send({ ...again, dup: true }, publish('a', 'last'));
  for (const loop of loops) {
    for (const text of ['acknowledged', 'again', 'last']) assert.equal((await loop.next()).value.text(), text);
  }
  await client.end();
});

test('handle() takes messages without subscribing, until its return value is called', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let got = 0;
  const stop = client.handle('$aws/+', () => got++);
  peer.last.sendNow(peer.last.encode(publish('$aws/x', '')));
  stop();
  peer.last.sendNow(peer.last.encode(publish('$aws/x', '')));
  assert.equal(got, 1);
  assert.equal(peer.last.count('subscribe'), 0);
  await client.end();
});

test('a refusal that crosses with a change of mind: each promise gets its own answer', async () => {
  const peer = new Peer();
  let answer = () => {};
  peer.answers.subscribe = ({ messageId, subscriptions }, connection) => {
    const granted = [subscriptions[0].qos === 2 ? 0x97 : subscriptions[0].qos];
    answer = () => connection.send({ cmd: 'suback', messageId, granted });
    if (subscriptions[0].qos !== 2) answer();
  };
  const client = await peer.connect();
  const first = rejection(client.subscribe('a', { qos: 2 }));
  await peer.last.packet('subscribe');
  const second = client.subscribe('a', { qos: 1 });
  answer();
  assert.equal((await first).reasonCode, 0x97);
  assert.equal((await second).qos, 1);
  await client.end();
});

test('unsubscribe() overtakes a subscribe() that waits for a connection', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const client = peer.createClient();
  const wanted = rejection(client.subscribe('a'));
  await (await peer.connection(1)).packet('connect');
  await client.unsubscribe('a', { timeout: 10 }).catch(() => {});
  assert.equal((await wanted).code, 'overtaken');
  peer.last.send(peer.connack);
  await client.ready;
  await turn();
  assert.equal(peer.last.count('subscribe'), 0);
  await client.end();
});

test('a SUBSCRIBE that finds the output taken by a large payload goes out behind it', async () => {
  const peer = new Peer();
  const client = peer.createClient();
  const subscribed = client.subscribe('a', { qos: 1 });
  const published = client.publish('b', 'x'.repeat(20_000), { qos: 1 });
  assert.equal((await subscribed).qos, 1);
  await published;
  await client.end();
});
