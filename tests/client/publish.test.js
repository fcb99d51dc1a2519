// Publishing: every promise settles exactly once, and what becomes of messages without a connection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttError } from '../../web/client/index.js';
import { eventually, hungModule, Peer, publish, rejection, turn } from './peer.js';

test('payloads: text, bytes, buffers, JSON, nothing', async () => {
  const peer = new Peer();
  /** @type {string[]} */
  const seen = [];
  peer.answers.publish = ({ payload }) => seen.push(payload.toString());
  const client = await peer.connect();
  const bytes = Buffer.from('xbytesx').subarray(1, 6);
  const payloads = ['teẍt', bytes, new Uint8Array(Buffer.from('ab')).buffer, new DataView(Uint8Array.of(99).buffer)];
  for (const payload of [...payloads, { a: 1 }, [1], 5, true, null, undefined]) await client.publish('a', payload);
  await eventually(() => seen.length === 10);
  assert.deepEqual(seen, ['teẍt', 'bytes', 'ab', 'c', '{"a":1}', '[1]', '5', 'true', 'null', '']);
  await client.end();
});

test('text around the limits between core and host', async () => {
  const peer = new Peer();
  /** @type {string[]} */
  const seen = [];
  const client = await peer.connect();
  const { publish } = peer.answers;
  peer.answers.publish = (packet, connection) => {
    seen.push(packet.payload.toString());
    publish(packet, connection);
  };
  const sizes = [5461, 5462, 16384, 16385, 70000];
  for (const n of sizes) {
    await client.publish('a', 'é'.repeat(n), { qos: 1 });
    await client.publish('a', 'e'.repeat(n), { qos: 1 });
  }
  assert.deepEqual(
    seen.map((text) => text.length),
    sizes.flatMap((n) => [n, n]),
  );
  assert(seen.every((text) => /^(é+|e+)$/.test(text)));
  await client.end();
});

test('options travel: QoS, retain, properties', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await client.publish('a', 'x', {
    qos: 2,
    retain: true,
    properties: {
      contentType: 't',
      messageExpiryInterval: 5,
      payloadFormatIndicator: true,
      userProperties: { a: ['1', '2'] },
    },
  });
  const packet = await peer.last.packet('publish');
  assert.equal(packet.qos, 2);
  assert.equal(packet.retain, true);
  assert.equal(packet.properties.contentType, 't');
  assert.equal(packet.properties.messageExpiryInterval, 5);
  assert.equal(packet.properties.payloadFormatIndicator, true);
  assert.deepEqual({ ...packet.properties.userProperties }, { a: ['1', '2'] });
  await client.end();
});

test('the result tells the reason code and properties of the acknowledgement', async () => {
  const peer = new Peer();
  peer.answers.publish = ({ messageId }, connection) =>
    connection.send({ cmd: 'puback', messageId, reasonCode: 0x10, properties: { reasonString: 'nobody' } });
  const client = await peer.connect();
  const result = await client.publish('a', 'x', { qos: 1 });
  assert.equal(result.reasonCode, 0x10);
  assert.equal(result.properties.reasonString, 'nobody');
  await client.end();
});

test('a refusal rejects with its reason', async () => {
  const peer = new Peer();
  peer.answers.publish = ({ messageId, qos }, connection) =>
    connection.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0x87 });
  const client = await peer.connect();
  /** @type {any[]} */
  const settled = [];
  client.on('settled', (what) => settled.push(what));
  for (const qos of /** @type {const} */ ([1, 2])) {
    const error = await rejection(client.publish('a', 'x', { qos, key: 'k' }));
    assert(error instanceof MqttError);
    assert.equal(error.phase, 'publish');
    assert.equal(error.code, 'refused');
    assert.equal(error.reasonCode, 0x87);
    assert.match(error.message, /not authorized/i);
  }
  assert.deepEqual(
    settled.map(({ key, error }) => [key, error.reasonCode]),
    [
      ['k', 0x87],
      ['k', 0x87],
    ],
  );
  await client.end();
});

test("a caller's mistakes are named, and change nothing", async () => {
  const peer = new Peer();
  peer.connack.properties = { maximumQoS: 1, retainAvailable: false, maximumPacketSize: 500 };
  const client = await peer.connect();
  for (const [topic, payload, options, code] of /** @type {any[]} */ ([
    ['a/+', '', {}, 'topic'],
    ['', '', {}, 'topic'],
    [undefined, '', {}, 'bad-option'],
    ['a', '', { qos: 3 }, 'bad-option'],
    ['a', '', { qos: 4 }, 'bad-option'], // bits that mean other things to the core
    ['a\ud800', '', {}, 'bad-option'],
    ['a', () => {}, {}, 'bad-option'],
    ['a', new Blob(['x']), {}, 'bad-option'],
    ['a', '', { qos: 8 }, 'bad-option'],
    ['a', '', { qos: '1' }, 'bad-option'],
    ['a', '', { qos: 2 }, 'server-limit'],
    ['a', '', { retain: true }, 'server-limit'],
    ['a', 'x'.repeat(600), { qos: 1 }, 'server-limit'],
    ['a', '', { properties: { topicAlias: 1 } }, 'property'],
    ['a', '', { properties: { willDelayInterval: 1 } }, 'bad-property'],
    ['a', '', { properties: { contentType: 'half \ud800' } }, 'bad-property'],
    ['a', '', { properties: { userProperties: { '\udc00': 'x' } } }, 'bad-property'],
    ['a', '', { properties: { userProperties: { x: ['y', '\ud83d'] } } }, 'bad-property'],
  ])) {
    const error = await rejection(client.publish(topic, payload, options));
    assert.equal(error.code, code, JSON.stringify([topic, options]));
  }
  assert.equal(peer.last.count('publish'), 0);
  assert.equal(client.pending().length, 0);
  await client.end();
});

test('a drop that is followed by a reconnect settles nothing but QoS 0', async () => {
  const peer = new Peer();
  const { publish } = peer.answers;
  peer.answers.publish = () => {};
  const client = await peer.connect();
  let settled = 0;
  const sent = client.publish('a', 'x', { qos: 1 }).then(() => settled++);
  await peer.last.packet('publish');
  peer.answers.publish = publish;
  peer.connack.sessionPresent = true;
  peer.last.drop();
  const next = await peer.connection(2);
  const again = await next.packet('publish');
  assert.equal(again.dup, true);
  await sent;
  assert.equal(settled, 1);
  await client.end();
});

test('without a connection: QoS 0 rejects, or waits with queue.qos0; QoS 1 waits', async () => {
  const peer = new Peer();
  const refusing = peer.createClient();
  assert.equal((await rejection(refusing.publish('a', 'x'))).code, 'not-connected');
  await refusing.end();

  const other = new Peer();
  const client = other.createClient({ queue: { qos0: true } });
  const zero = client.publish('zero', 'x');
  const one = client.publish('one', 'x', { qos: 1 });
  await Promise.all([zero, one]);
  assert.deepEqual(
    other.last.packets
      .filter(({ cmd }) => cmd === 'publish')
      .map(({ topic }) => topic)
      .sort(),
    ['one', 'zero'],
  );
  await client.end();
});

test('a timeout takes back what has not left, and says so of what has', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  peer.connack.properties = { receiveMaximum: 1 };
  const client = await peer.connect();
  const sent = rejection(client.publish('a', 'x', { qos: 1, timeout: 20 }));
  const unsent = rejection(client.publish('b', 'x', { qos: 1, timeout: 10 }));
  const [first, second] = await Promise.all([sent, unsent]);
  assert.equal(first.code, 'timeout');
  assert.equal(first.sent, true);
  assert.equal(second.code, 'timeout');
  assert.equal(second.sent, false);
  const { messageId } = await peer.last.packet('publish');
  peer.last.send({ cmd: 'puback', messageId, reasonCode: 0 });
  await eventually(() => client.pending().length === 0);
  await turn();
  assert.equal(peer.last.count('publish'), 1, 'the one taken back is never sent');
  await client.end();
});

test('a timeout longer than timers can do is none', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect();
  const sent = [Infinity, 2 ** 31].map((timeout) => client.publish('a', 'x', { qos: 1, timeout }));
  const { messageId } = await peer.last.packet('publish', 2);
  const ended = client.end({ timeout: Infinity });
  await new Promise((resolve) => setTimeout(resolve, 5)); // those of 1 ms have rung before
  peer.last.send({ cmd: 'puback', messageId: 1 }, { cmd: 'puback', messageId });
  await Promise.all([...sent, ended]);
});

test('a timeout and a signal count while the module is on its way', async () => {
  const client = new Peer().createClient({ wasm: hungModule().response });
  for (const qos of /** @type {const} */ ([0, 1])) {
    const error = await rejection(client.publish('a', 'x', { qos, timeout: 5 }));
    assert.deepEqual([error.phase, error.code, error.sent], ['publish', 'timeout', false]);
  }
  const signal = AbortSignal.timeout(5);
  assert.equal((await rejection(client.publish('a', 'x', { qos: 1, signal }))).code, 'aborted');
  assert.equal((await rejection(client.request('a', 'x', { timeout: 5 }))).code, 'timeout');
  assert.equal((await rejection(client.stored({ timeout: 5 }))).code, 'timeout');
  await client.end();
});

test('a signal aborts, before and after', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect();
  const before = await rejection(client.publish('a', 'x', { qos: 1, signal: AbortSignal.abort() }));
  assert.equal(before.code, 'aborted');
  assert.equal(peer.last.count('publish'), 0);
  const controller = new AbortController();
  const after = rejection(client.publish('a', 'x', { qos: 1, signal: controller.signal }));
  await peer.last.packet('publish');
  controller.abort('changed my mind');
  assert.equal((await after).sent, true);
  assert.equal((await after).cause, 'changed my mind');
  await client.end({ force: true });
});

test('what is no signal is refused, and leaves nothing behind', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const options = { timeout: 5, signal: /** @type {any} */ (new AbortController()) };
  for (const call of [client.publish('a', 'x', { qos: 1, ...options }), client.subscribe('a', options)]) {
    const error = await rejection(/** @type {Promise<any>} */ (call));
    assert.equal(error.code, 'bad-option');
    assert.match(error.message, /signal/);
  }
  await new Promise((resolve) => setTimeout(resolve, 20)); // no timer may ring for them
  await client.publish('b', 'x', { qos: 1 });
  assert.deepEqual(
    peer.last.packets.map(({ cmd }) => cmd),
    ['connect', 'publish'],
  );
  await client.end();
});

test('end() waits for acknowledgements; end({ force }) does not', async () => {
  const peer = new Peer();
  /** @type {number[]} */
  const ids = [];
  peer.answers.publish = ({ messageId }) => ids.push(messageId);
  const client = await peer.connect();
  const sent = client.publish('a', 'x', { qos: 1 });
  await eventually(() => ids.length === 1);
  let ended = false;
  const ending = client.end().then(() => (ended = true));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(ended, false);
  assert.equal(client.state, 'ending');
  assert.equal((await rejection(client.publish('b', 'x'))).code, 'connection-ended');
  peer.last.send({ cmd: 'puback', messageId: ids[0], reasonCode: 0 });
  await sent;
  await ending;
  assert.equal(client.state, 'ended');

  const hasty = await peer.connect();
  const open = rejection(hasty.publish('a', 'x', { qos: 1 }));
  await peer.last.packet('publish');
  await hasty.end({ force: true });
  assert.equal((await open).code, 'connection-ended');
  await peer.last.packet('disconnect');
});

test('end() while waiting for a connection settles all that waits', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const client = peer.createClient({ queue: { qos0: true } });
  const waiting = [
    rejection(client.publish('a', 'x', { qos: 1 })),
    rejection(client.publish('a', 'x')),
    rejection(client.subscribe('a')),
    rejection(client.ready),
  ];
  await peer.connection(1);
  await client.end();
  for (const error of await Promise.all(waiting)) assert.equal(error.code, 'connection-ended');
  /** @type {Promise<unknown>[]} */
  const late = [client.publish('a'), client.subscribe('a'), client.request('a')];
  for (const call of late) {
    assert.equal((await rejection(call)).code, 'connection-ended');
  }
  await client.end();
});

test('queue: reject, drop-newest, drop-oldest; by number and by bytes', async () => {
  for (const [policy, queue, expected] of /** @type {any[]} */ ([
    ['reject', { maxMessages: 2 }, [null, null, 'queue-full']],
    ['drop-newest', { maxMessages: 2 }, [null, null, 'dropped']],
    ['drop-oldest', { maxMessages: 2 }, ['dropped', null, null]],
    ['reject', { maxBytes: 250 }, [null, null, 'queue-full']],
    ['drop-oldest', { maxBytes: 250 }, ['dropped', null, null]],
    ['reject', { maxBytes: 100 }, [null, 'queue-full', 'queue-full']], // the first with its topic has 101
    ['drop-oldest', { maxBytes: 100 }, ['dropped', 'dropped', null]],
    ['drop-oldest', { maxBytes: 99 }, ['too-large', 'too-large', 'too-large']],
  ])) {
    for (const qos of /** @type {const} */ ([0, 1])) {
      const peer = new Peer();
      let open = () => {};
      peer.answers.connect = (_packet, connection) => (open = () => connection.send(peer.connack));
      const client = peer.createClient({ queue: { policy, qos0: true, ...queue } });
      const results = ['a', 'b', 'c'].map((topic) =>
        client.publish(topic, 'x'.repeat(100), { qos }).then(
          () => null,
          (error) => error.code,
        ),
      );
      await (await peer.connection(1)).packet('connect');
      open();
      assert.deepEqual(await Promise.all(results), expected, `${policy} ${JSON.stringify(queue)} QoS ${qos}`);
      await client.end();
    }
  }
});

test('drop-oldest: QoS 0 that waits for a connection does not give way in vain to what waits in the core', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const client = peer.createClient({ queue: { maxMessages: 3, policy: 'drop-oldest', qos0: true } });
  await (await peer.connection(1)).packet('connect');
  const settled = (/** @type {string} */ topic, /** @type {0 | 1} */ qos) =>
    client.publish(topic, 'x', { qos }).then(
      () => 'sent',
      (error) => error.code,
    );
  const zero = ['a', 'b'].map((topic) => settled(topic, 0));
  const one = ['c', 'd', 'e', 'f', 'g'].map((topic) => settled(topic, 1));
  assert.deepEqual(await Promise.all(one.slice(0, 2)), ['dropped', 'dropped']);
  assert.deepEqual(
    client.pending().map(({ topic }) => topic),
    ['e', 'f', 'g', 'a', 'b'],
  );
  peer.last.send(peer.connack);
  assert.deepEqual(await Promise.all([...one.slice(2), ...zero]), Array(5).fill('sent'));
  await client.end();
});

test('pending() lists what is not settled; remove() takes back by key what has not left', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const client = peer.createClient();
  const kept = client.publish('a', 'xyz', { qos: 1, key: 'keep' });
  const removed = rejection(client.publish('b', 'x', { qos: 2, key: 'go' }));
  await (await peer.connection(1)).packet('connect');
  assert.deepEqual(
    client.pending().map(({ topic, qos, key, bytes }) => ({ topic, qos, key, bytes })),
    [
      { topic: 'a', qos: 1, key: 'keep', bytes: 3 },
      { topic: 'b', qos: 2, key: 'go', bytes: 1 },
    ],
  );
  assert.equal(client.remove('go'), 1);
  assert.equal((await removed).code, 'removed');
  assert.equal(client.remove('go'), 0);
  peer.last.send(peer.connack);
  await kept;
  assert.equal(peer.last.count('publish'), 1);
  await client.end();
});

test('QoS 0 that waits for a connection is pending, counted and removed as all', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const client = peer.createClient({ queue: { qos0: true } });
  await (await peer.connection(1)).packet('connect');
  const removed = rejection(client.publish('a', 'xyz', { key: 'go' }));
  const one = client.publish('b', 'x', { qos: 1 });
  const kept = client.publish('c', 'x', { key: 'keep' });
  assert.deepEqual(
    client.pending().map(({ topic, qos, key, bytes, restored }) => [topic, qos, key, bytes, restored]),
    [
      ['b', 1, undefined, 1, false],
      ['a', 0, 'go', 3, false],
      ['c', 0, 'keep', 1, false],
    ],
  );
  assert.equal(client.stats.queued, 3);
  assert.equal(client.remove('go'), 1);
  assert.equal((await removed).code, 'removed');
  assert.deepEqual([client.remove('go'), client.stats.queued], [0, 2]);
  peer.last.send(peer.connack);
  await Promise.all([one, kept]);
  assert.equal(peer.last.count('publish'), 2);
  await client.end();
});

for (const [title, loaded] of /** @type {const} */ ([
  ['without a connection', true],
  ['before the core is there', false],
])) {
  test(`${title}: what publish() was given may change once it has returned`, async () => {
    const peer = new Peer();
    const { connect } = peer.answers;
    peer.answers.connect = () => {};
    const client = peer.createClient({ queue: { qos0: true } });
    if (loaded) await peer.connection(1);
    const options = { retain: true, properties: { userProperties: { a: '0' } } };
    const payload = new Uint8Array([48]);
    const sent = client.publish('t', payload, options);
    options.retain = false;
    options.properties.userProperties.a = '1';
    payload[0] = 49;
    await peer.connection(1);
    connect(await peer.last.packet('connect'), peer.last);
    await sent;
    const { retain, properties, payload: got } = await peer.last.packet('publish');
    assert.deepEqual([retain, { ...properties.userProperties }, String(got)], [true, { a: '0' }, '0']);
    await client.end();
  });
}

test('a QoS 2 message without PUBREC is of unknown outcome when the session is lost', async () => {
  const peer = new Peer();
  const { publish } = peer.answers;
  peer.answers.publish = () => {};
  const client = await peer.connect();
  const unknown = rejection(client.publish('a', 'x', { qos: 2 }));
  const again = client.publish('b', 'x', { qos: 2, resend: true });
  const one = client.publish('c', 'x', { qos: 1 });
  await peer.last.packet('publish', 3);
  peer.answers.publish = publish;
  peer.last.drop();
  assert.equal((await unknown).code, 'outcome-unknown');
  await Promise.all([again, one]);
  await client.end();
});

test('a QoS 1 message with resend: false is not sent on another session', async () => {
  const peer = new Peer();
  const { publish } = peer.answers;
  peer.answers.publish = () => {};
  const client = await peer.connect();
  const unknown = rejection(client.publish('a', 'x', { qos: 1, resend: false }));
  const one = client.publish('b', 'x', { qos: 1 });
  await peer.last.packet('publish', 2);
  peer.answers.publish = publish;
  peer.last.drop();
  assert.equal((await unknown).code, 'outcome-unknown');
  await one;
  assert.deepEqual(peer.last.packets.map(({ cmd, topic }) => topic ?? cmd).slice(0, 2), ['connect', 'b']);
  assert.equal(peer.last.count('publish'), 1);
  await client.end();
});

test('a large payload is sent from a copy, in slices, and again after a reconnect', async () => {
  const peer = new Peer();
  const { publish } = peer.answers;
  peer.answers.publish = () => {};
  const client = await peer.connect();
  const payload = new Uint8Array(200_000).fill(1);
  const sent = client.publish('big', payload, { qos: 1 });
  const small = client.publish('small', 'x', { qos: 1 });
  payload.fill(2);
  const first = await peer.last.packet('publish');
  assert.deepEqual(first.payload, Buffer.alloc(200_000, 1));
  assert(Math.max(...peer.last.frames.map(({ length }) => length)) <= 65536);
  peer.answers.publish = publish;
  peer.connack.sessionPresent = true;
  peer.last.drop();
  await Promise.all([sent, small]);
  assert.deepEqual((await peer.last.packet('publish')).payload, Buffer.alloc(200_000, 1));
  await client.end();
});

test('a large payload with options that cannot be: it rejects, and nothing of it is sent', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const payload = new Uint8Array(20_000);
  const odd = /** @type {any[]} */ ([
    { signal: new AbortController() }, // it is no signal, but has one
    {
      get key() {
        throw new Error('no key');
      },
    },
  ]);
  for (const options of odd) {
    for (const qos of /** @type {const} */ ([0, 1, 2])) {
      await assert.rejects(client.publish('big', payload, Object.assign(options, { qos })));
    }
  }
  const uncopied = Object.assign(new Uint8Array(20_000), {
    slice() {
      throw new RangeError('no memory');
    },
  });
  await assert.rejects(client.publish('big', uncopied, { qos: 1 }), /no memory/);
  await client.publish('small', 'x', { qos: 1 });
  assert.equal(peer.last.count('publish'), 1);
  assert.equal(client.pending().length, 0);
  await client.end();
});

test('a connection lost in the middle of a large payload leaves nothing behind on the next', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  peer.last.bufferedAmount = 0;
  const first = peer.last;
  Object.defineProperty(first, 'bufferedAmount', { get: () => (first.frames.length > 3 ? 2 << 20 : 0) });
  const sent = client.publish('big', new Uint8Array(400_000).fill(3), { qos: 1 });
  await eventually(() => first.frames.length > 3);
  assert.equal(first.count('publish'), 0);
  first.drop();
  await sent;
  assert.deepEqual((await peer.last.packet('publish')).payload, Buffer.alloc(400_000, 3));
  await client.end();
});

test('towards 3.1.1 the properties of a message are left out, with a warning', async () => {
  const peer = new Peer();
  peer.connack = { cmd: 'connack', returnCode: 0, sessionPresent: false };
  const client = await peer.connect({ protocolVersion: 4 });
  await client.publish('a', 'x', { qos: 1, properties: { contentType: 't' } });
  assert.equal(peer.last.count('publish'), 1);
  assert.equal(client.negotiated?.warnings.length, 1);
  await client.end();
});

test('stats: bytes that wait to leave', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect();
  assert.equal(client.stats.bufferedBytes, 0);
  client.publish('a', new Uint8Array(100_000), { qos: 1 }).catch(() => {});
  peer.last.bufferedAmount = 500;
  const { bufferedBytes } = client.stats;
  assert(bufferedBytes > 500 && bufferedBytes < 600, 'a header in the core, and what the socket has');
  await peer.last.packet('publish');
  assert.equal(client.stats.bufferedBytes, 500);
  await client.end({ force: true });
  assert.equal(client.stats.bufferedBytes, 0);
});

test('two clients at once do not disturb each other', async () => {
  const peers = [new Peer(), new Peer()];
  const clients = await Promise.all(peers.map((peer) => peer.connect()));
  await Promise.all(
    clients.flatMap((client, i) => [1, 2, 3].map((n) => client.publish(`t${i}`, String(n), { qos: 1 }))),
  );
  for (const [i, peer] of peers.entries()) {
    const topics = peer.last.packets.filter(({ cmd }) => cmd === 'publish').map(({ topic }) => topic);
    assert.deepEqual(topics, [`t${i}`, `t${i}`, `t${i}`]);
  }
  await Promise.all(clients.map((client) => client.end()));
});

test('QoS 0 in the moment after a connection ended: as without one', async () => {
  const peer = new Peer();
  for (const qos0 of [false, true]) {
    const client = await peer.connect({ queue: { qos0 } });
    client.reconnect();
    const published = client.publish('a', 'x');
    if (qos0) await published;
    else assert.equal((await rejection(published)).code, 'not-connected');
    await client.end();
  }
  // A handler that publishes while the rest of the same input breaks the protocol.
  const client = await peer.connect();
  /** @type {any} */
  let error;
  await client.subscribe('#', {}, () => client.publish('a', 'x').catch((why) => (error = why)));
  const broken = Buffer.concat([peer.last.encode(publish('b', '')), Buffer.of(0)]);
  peer.last.sendBytes(broken);
  await eventually(() => error);
  assert.equal(error.code, 'not-connected');
  await client.end();
});
