// Receiving: what a handler is given, when a message is acknowledged, and what handlers may do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, Peer, publish, rejection, turn } from './peer.js';

/** @typedef {import('../../web/client/index.js').Message} Message */

test('a message: topic, payload in its forms, flags, properties', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {Message[]} */
  const got = [];
  await client.subscribe('a/#', {}, (message) => got.push(message));
  const properties = {
    contentType: 'application/json',
    correlationData: Buffer.from([1, 2]),
    messageExpiryInterval: 70000,
    userProperties: { __proto__: null, k: ['1', '2'], l: '3' },
  };
  peer.last.send(publish('a/ü', '{"x":[1,2]}', { retain: true, properties }), publish('a/b', ''));
  await eventually(() => got.length === 2);
  const [message, empty] = got;
  assert.equal(message.topic, 'a/ü');
  assert.equal(message.text(), '{"x":[1,2]}');
  assert.deepEqual(message.json(), { x: [1, 2] });
  assert.equal(Buffer.from(message.payload).toString(), '{"x":[1,2]}');
  assert.equal(message.bytes().buffer.byteLength, 11, 'an own copy');
  assert(message.payload.buffer.byteLength > 11, 'a view into what the socket gave');
  assert.equal(message.qos, 0);
  assert.equal(message.retain, true);
  assert.equal(message.dup, false);
  assert.equal(message.properties.contentType, 'application/json');
  assert.deepEqual(message.properties.correlationData, Uint8Array.of(1, 2));
  assert.equal(message.properties.messageExpiryInterval, 70000);
  assert.deepEqual({ ...message.properties.userProperties }, { k: ['1', '2'], l: '3' });
  assert.equal(empty.text(), '');
  assert.deepEqual(empty.properties, {});
  assert.throws(() => empty.json(), SyntaxError);
  await client.end();
});

test('a packet cut at every place arrives whole [M3:6.0.0-2] [M5:6.0.0-2]', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {string[]} */
  const got = [];
  await client.subscribe('#', {}, (message) =>
    got.push(`${message.topic} ${message.text()} ${message.properties.contentType}`),
  );
  const bytes = peer.last.encode(publish('some/topic', 'the payload', { properties: { contentType: 'text' } }));
  for (let cut = 1; cut < bytes.length; cut++) {
    peer.last.sendNow(bytes.subarray(0, cut));
    peer.last.sendNow(Buffer.concat([bytes.subarray(cut), bytes]));
  }
  assert.equal(got.length, 2 * (bytes.length - 1));
  assert.deepEqual([...new Set(got)], ['some/topic the payload text']);
  await client.end();
});

test('a large payload comes whole, in pieces of any size, with properties', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const payload = new Uint8Array(300_000).map((_, i) => i * 31);
  /** @type {Message[]} */
  const got = [];
  await client.subscribe('big', { qos: 1 }, (message) => got.push(message));
  const one = { qos: 1, messageId: 9, properties: { contentType: 'x' } };
  const bytes = Buffer.concat([
    peer.last.encode(publish('big', payload, one)),
    peer.last.encode(publish('big', 'after')),
  ]);
  for (const size of [bytes.length, 70_000, 16_384, 1000]) {
    got.length = 0;
    const acks = peer.last.count('puback');
    for (let at = 0; at < bytes.length; at += size) peer.last.sendNow(bytes.subarray(at, at + size));
    await eventually(() => got.length === 2);
    assert.deepEqual(Buffer.from(got[0].payload), Buffer.from(payload), `in pieces of ${size}`);
    assert.equal(got[0].properties.contentType, 'x');
    assert.equal(got[0].qos, 1);
    assert.equal(got[1].text(), 'after');
    await eventually(() => peer.last.count('puback') === acks + 1);
  }
  await client.end();
});

test('a large payload that never comes to its end reserves nothing, and ends with the connection', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let got = 0;
  await client.subscribe('big', {}, () => got++);
  const bytes = peer.last.encode(publish('big', new Uint8Array(200_000)));
  peer.last.sendNow(bytes.subarray(0, 100_000));
  peer.last.dropNow();
  const next = await peer.connection(2);
  await eventually(() => client.state === 'connected');
  next.sendNow(next.encode(publish('big', 'small')));
  assert.equal(got, 1);
  await client.end();
});

test('a handler that throws, or rejects, is reported, and stops neither the batch nor the acknowledgements', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {unknown[]} */
  const errors = [];
  client.on('error', (error) => errors.push(/** @type {Error} */ (error).message));
  let n = 0;
  await client.subscribe('a', { qos: 1 }, () => {
    n++;
    if (n === 1) throw new Error('first');
    if (n === 2) return Promise.reject(new Error('second'));
    return undefined;
  });
  peer.last.send(...[1, 2, 3].map((messageId) => publish('a', 'x', { qos: 1, messageId })));
  await eventually(() => peer.last.count('puback') === 3);
  assert.equal(n, 3);
  await eventually(() => errors.length === 2);
  assert.deepEqual(errors, ['first', 'second']);
  await client.end();
});

test('a handler that returns an object whose `then` throws is reported, and stops neither', async () => {
  const odd = [
    {
      get then() {
        throw new Error('looked');
      },
    },
    {
      then() {
        throw new Error('called');
      },
    },
  ];
  for (const ack of /** @type {const} */ (['returned', 'resolved'])) {
    const peer = new Peer();
    const client = await peer.connect({ ack });
    /** @type {string[]} */
    const errors = [];
    client.on('error', (error) => errors.push(/** @type {Error} */ (error).message));
    await client.subscribe('a', { qos: 1 }, (message) => odd[Number(message.text())]);
    peer.last.send(...[0, 1, 2].map((n) => publish('a', `${n}`, { qos: 1, messageId: n + 1 })));
    await eventually(() => peer.last.count('puback') === 3 && errors.length === 2);
    assert.deepEqual(errors, ['looked', 'called']);
    await client.end();
  }
});

test('without an error listener a throwing handler is told to the console', async (t) => {
  const peer = new Peer();
  const client = await peer.connect();
  const told = t.mock.method(console, 'error', () => {});
  await client.subscribe('a', {}, () => {
    throw new Error('nobody listens');
  });
  peer.last.send(publish('a', 'x'));
  await eventually(() => told.mock.callCount() === 1);
  assert.match(String(told.mock.calls[0].arguments[0]), /nobody listens/);
  await client.end();
});

test('a listener of "error" that throws is not told of its own error for ever', async (t) => {
  const peer = new Peer();
  const client = await peer.connect();
  const told = t.mock.method(console, 'error', () => {});
  client.on('error', () => {
    throw new Error('again');
  });
  await client.subscribe('a', {}, () => {
    throw new Error('once');
  });
  peer.last.send(publish('a', 'x'));
  await eventually(() => told.mock.callCount() === 1);
  await client.end();
});

test('input that arrives while handlers run waits until they are done', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {string[]} */
  const order = [];
  await client.subscribe('#', {}, ({ topic }) => {
    order.push(`${topic} begins`);
    if (topic === 'a') peer.last.sendNow(peer.last.encode(publish('c', '')));
    order.push(`${topic} ends`);
  });
  peer.last.sendNow(peer.last.encode(publish('a', ''), publish('b', '')));
  assert.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  await client.end();
});

test('memory that grows in a handler disturbs neither the batch nor its payloads', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect();
  /** @type {string[]} */
  const got = [];
  /** @type {Promise<unknown>[]} */
  const sent = [];
  await client.subscribe('in/#', { qos: 1 }, (message) => {
    for (let i = 0; i < 100; i++) sent.push(client.publish('out', 'y'.repeat(2000), { qos: 1 }).catch(() => {}));
    got.push(message.topic + message.text());
  });
  const batch = Array.from({ length: 40 }, (_, i) => publish(`in/${i}`, String(i), { qos: 1, messageId: i + 1 }));
  const bytes = peer.last.encode(...batch);
  peer.last.sendNow(bytes.subarray(0, 77));
  peer.last.sendNow(bytes.subarray(77));
  assert.deepEqual(
    got,
    Array.from({ length: 40 }, (_, i) => `in/${i}${i}`),
  );
  assert.equal(client.stats.queued + client.stats.inflight, 4000);
  await client.end({ force: true });
  await Promise.all(sent);
});

test('end() in a handler stops delivery; the rest stays unacknowledged', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let got = 0;
  await client.subscribe('a', { qos: 1 }, () => {
    got++;
    void client.end();
  });
  peer.last.send(...[1, 2, 3].map((messageId) => publish('a', 'x', { qos: 1, messageId })));
  await peer.last.packet('disconnect');
  assert.equal(got, 1);
  assert.equal(peer.last.count('puback'), 1, 'the one that was handled');
});

test('a socket lost in a handler stops delivery, and settles what the same batch acknowledged', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect();
  let got = 0;
  await client.subscribe('a', {}, () => {
    got++;
    peer.connections[0].dropNow();
  });
  const sent = client.publish('out', 'x', { qos: 1 });
  const { messageId } = await peer.last.packet('publish');
  const first = peer.last;
  first.sendNow(first.encode(publish('a', ''), publish('a', ''), { cmd: 'puback', messageId, reasonCode: 0 }));
  assert.equal(got, 1);
  await sent;
  await client.end({ force: true });
});

test('a message that nobody wants is held for a handler', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  peer.last.send(publish('late', 'zero'), publish('late', 'one', { qos: 1, messageId: 1 }));
  await turn();
  assert.equal(peer.last.count('puback'), 0);
  /** @type {string[]} */
  const got = [];
  client.handle('late', (message) => void got.push(message.text()));
  await eventually(() => peer.last.count('puback') === 1);
  assert.deepEqual(got, ['zero', 'one']);
  assert.equal(client.stats.unmatched, 0);
  await client.end();
});

test('a held message is acknowledged and counted after unmatchedTimeout [M3:4.5.0-2] [M5:4.5.0-2]', async () => {
  for (const protocolVersion of /** @type {const} */ ([4, 5])) {
    const peer = new Peer();
    if (protocolVersion === 4) peer.connack = { cmd: 'connack', returnCode: 0, sessionPresent: false };
    const client = await peer.connect({ protocolVersion, unmatchedTimeout: 20 });
    peer.last.send(publish('late', 'zero'), publish('late', 'one', { qos: 2, messageId: 1 }));
    await peer.last.packet('pubcomp');
    assert.equal(client.stats.unmatched, 2);
    assert.equal(client.stats.unacked, 0);
    await client.end();
  }
});

test('held QoS 0 messages are bounded', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  for (let i = 0; i < 300; i++) peer.last.sendNow(peer.last.encode(publish('late', 'x'.repeat(10_000))));
  assert(client.stats.unmatched > 150, String(client.stats.unmatched));
  let got = 0;
  client.on('message', () => got++);
  await eventually(() => got > 0);
  assert.equal(got + client.stats.unmatched, 300);
  await client.end();
});

test('the event "message" takes every message, and off() ends that', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let handled = 0;
  let heard = 0;
  const listener = () => heard++;
  client.on('message', listener);
  await client.subscribe('a', { qos: 1 }, () => void handled++);
  peer.last.send(publish('a', '', { qos: 1, messageId: 1 }), publish('b', '', { qos: 1, messageId: 2 }));
  await eventually(() => peer.last.count('puback') === 2);
  assert.equal(handled, 1);
  assert.equal(heard, 2);
  client.off('message', listener);
  peer.last.send(publish('a', ''));
  await eventually(() => handled === 2);
  assert.equal(heard, 2);
  await client.end();
});

test("ack: 'resolved' waits for the handler's promise, and holds back later acknowledgements", async () => {
  const peer = new Peer();
  const client = await peer.connect({ ack: 'resolved' });
  let finish = () => {};
  await client.subscribe('slow', { qos: 1 }, () => new Promise((resolve) => (finish = () => resolve(undefined))));
  await client.subscribe('fast', { qos: 1 }, () => {});
  peer.last.send(publish('slow', '', { qos: 1, messageId: 1 }), publish('fast', '', { qos: 1, messageId: 2 }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(peer.last.count('puback'), 0);
  assert.equal(client.stats.unacked, 2);
  assert(client.stats.oldestUnacked >= 10);
  finish();
  await eventually(() => peer.last.count('puback') === 2);
  assert.deepEqual(
    peer.last.packets.filter(({ cmd }) => cmd === 'puback').map(({ messageId }) => messageId),
    [1, 2],
  );
  assert.equal(client.stats.oldestUnacked, 0);
  await client.end();
});

test('manualAck: only ack() acknowledges, once', async () => {
  const peer = new Peer();
  const client = await peer.connect({ manualAck: true });
  /** @type {Message[]} */
  const got = [];
  await client.subscribe('a', { qos: 1 }, (message) => got.push(message));
  await client.subscribe('b', { qos: 1, manualAck: false }, () => {});
  peer.last.send(publish('a', '', { qos: 1, messageId: 1 }), publish('b', '', { qos: 1, messageId: 2 }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(peer.last.count('puback'), 0);
  got[0].ack();
  got[0].ack();
  await eventually(() => peer.last.count('puback') === 2);
  assert.equal(client.stats.unacked, 0);
  await client.end();
});

test('ack() after its connection ended does nothing', async () => {
  const peer = new Peer();
  const client = await peer.connect({ manualAck: true });
  /** @type {Message[]} */
  const got = [];
  await client.subscribe('a', { qos: 1 }, (message) => got.push(message));
  peer.last.send(publish('a', '', { qos: 1, messageId: 1 }));
  await eventually(() => got.length === 1);
  peer.last.drop();
  await peer.connection(2);
  await eventually(() => client.state === 'connected');
  got[0].ack();
  await turn();
  assert.equal(peer.last.count('puback'), 0);
  await client.end();
});

test('QoS 2 comes once', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let got = 0;
  await client.subscribe('a', { qos: 2 }, () => void got++);
  peer.last.send(publish('a', '', { qos: 2, messageId: 5 }));
  await peer.last.packet('pubcomp');
  assert.equal(got, 1);
  await client.end();
});

test('input waits when too many messages are unacknowledged, and goes on with them', async () => {
  const peer = new Peer();
  peer.connack = { cmd: 'connack', returnCode: 0, sessionPresent: false };
  const client = await peer.connect({ protocolVersion: 4, manualAck: true, properties: { receiveMaximum: 4 } });
  /** @type {Message[]} */
  const got = [];
  await client.subscribe('a', { qos: 1 }, (message) => got.push(message));
  for (let i = 1; i <= 10; i++) peer.last.send(publish('a', String(i), { qos: 1, messageId: i }));
  await turn();
  await turn();
  assert.equal(got.length, 4);
  for (let i = 0; i < 10; i++) {
    await eventually(() => got.length > i);
    got[i].ack();
  }
  await eventually(() => peer.last.count('puback') === 10);
  assert.deepEqual(
    got.map((message) => message.text()),
    ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'],
  );
  await client.end();
});

test('3.x: a message over maximumPacketSize is passed over, acknowledged and reported once a topic', async () => {
  const peer = new Peer();
  const client = await peer.connect({ protocolVersion: 4, maximumPacketSize: 2000 });
  /** @type {any[]} */
  const told = [];
  client.on('oversize', (what) => told.push(what));
  /** @type {string[]} */
  const got = [];
  await client.subscribe('#', { qos: 1 }, (message) => void got.push(message.topic));
  const large = 'x'.repeat(5000);
  peer.last.send(
    publish('large', large, { qos: 1, messageId: 1 }),
    publish('small', '', { qos: 1, messageId: 2 }),
    publish('large', large, { qos: 1, messageId: 3 }),
  );
  await eventually(() => peer.last.count('puback') === 3);
  assert.deepEqual(told, [{ topic: 'large', size: 5000 }]);
  assert.deepEqual(got, ['small']);
  assert.equal(client.stats.oversize, 2);
  await client.end();
});

test('5.0: a packet over maximumPacketSize is the server breaking the protocol', async () => {
  const peer = new Peer();
  const client = await peer.connect({ maximumPacketSize: 2000 });
  /** @type {any} */
  let ended;
  client.on('disconnect', (what) => (ended ??= what));
  const first = peer.last;
  first.send(publish('large', 'x'.repeat(5000)));
  assert.equal((await first.packet('disconnect')).reasonCode, 0x95);
  await eventually(() => ended);
  assert.equal(ended.error.code, 'packet-size');
  await client.end({ force: true });
});

test('text ends the connection [M3:6.0.0-1] [M5:6.0.0-1]', async () => {
  const peer = new Peer();
  const client = await peer.connect({ reconnect: false });
  /** @type {any} */
  let told;
  client.on('disconnect', (what) => (told = what));
  peer.last.socket.onmessage({ data: '\xd0\0' });
  await peer.last.until(() => peer.last.closed);
  await eventually(() => client.state === 'ended');
  assert.match(`${told.error.message} ${told.error.hint}`, /text/);
});

test('a server that does not wait while messages are unacknowledged is left, and tried again [M3:4.8.0-2]', async () => {
  const peer = new Peer();
  peer.connack = { cmd: 'connack', returnCode: 0, sessionPresent: false };
  const client = await peer.connect({ protocolVersion: 4, manualAck: true, properties: { receiveMaximum: 1 } });
  await client.subscribe('a', { qos: 1 }, () => {});
  /** @type {any} */
  let told;
  client.on('disconnect', (what) => (told ??= what));
  const first = peer.last;
  const bytes = first.encode(publish('a', '', { qos: 1, messageId: 1 }), publish('a', 'x'.repeat(1 << 20)));
  for (let i = 0; i < 40 && !first.closed; i++) {
    first.sendNow(bytes);
    await turn();
  }
  assert.equal(told.error.code, 'flooded');
  assert(first.closed);
  await peer.connection(2);
  await client.end({ force: true });
});

test('bytes that are no MQTT end the connection with the reason in DISCONNECT', async () => {
  const peer = new Peer();
  const client = await peer.connect({ reconnect: false });
  client.on('error', () => {});
  const sent = rejection(client.publish('a', 'x', { qos: 1 }));
  peer.answers.publish = () => {};
  const first = peer.last;
  first.sendNow(Uint8Array.of(0x36, 0xff, 0xff, 0xff, 0xff, 0xff));
  assert.equal((await first.packet('disconnect')).reasonCode, 0x81);
  assert.equal((await sent).code, 'connection-ended');
  assert.equal(client.state, 'ended');
});

test('hostile bytes: every change of one byte, and every cut, is read or refused; nothing escapes and nothing hangs', async () => {
  const peer = new Peer();
  const client = peer.createClient({ protocolVersion: 5, reconnect: { minDelay: 0, maxDelay: 0 } });
  client.on('error', (error) => assert.fail(/** @type {Error} */ (error)));
  client.handle('#', (message) => {
    void message.topic;
    void message.text();
    void message.properties;
  });
  await client.ready;
  const properties = { contentType: 'c', correlationData: Buffer.from('d'), userProperties: { k: 'v' } };
  const frame = peer.last.encode(
    publish('a/b', 'payload', { qos: 1, messageId: 3, properties }),
    { cmd: 'suback', messageId: 1, granted: [0], properties: { reasonString: 'r' } },
    { cmd: 'puback', messageId: 7, reasonCode: 0x10 },
  );
  let refused = 0;
  client.on('disconnect', () => refused++);
  for (let at = 0; at < frame.length; at++) {
    for (const change of [0x01, 0x80, 0xff]) {
      await eventually(() => client.state === 'connected');
      const bytes = Buffer.from(frame);
      bytes[at] ^= change;
      peer.last.sendNow(bytes);
      peer.last.sendNow(frame.subarray(0, at));
      // Whatever the server did, the next connection begins anew.
      const before = peer.connections.length;
      peer.last.dropNow();
      await peer.connection(before + 1);
    }
  }
  assert(refused > 100);
  await client.end({ force: true });
});
