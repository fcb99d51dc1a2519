// Messages that have nothing but topic and payload enter the core together, and nobody can tell.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { calls, total } from './counted.js';
import { eventually, Peer, publish, rejection, turn } from './peer.js';

/** @param {Peer} peer */
const published = (peer) => peer.last.packets.filter(({ cmd }) => cmd === 'publish');

test('a call into wasm for the messages of a task, and one for each 64 KiB beside the looks at the output', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  calls.clear();
  for (let i = 0; i < 500; i++) client.publish(`t/${i % 20}`, 'x'.repeat(64));
  assert.equal(total(), 0);
  await eventually(() => published(peer).length === 500);
  assert.equal(calls.get('wq_wasm_publish_gathered'), 1);
  for (let i = 0; i < 10_000; i++) client.publish(`t/${i % 20}`, 'x'.repeat(64));
  await eventually(() => published(peer).length === 10_500);
  assert(total() < 100, JSON.stringify([...calls]));
  await client.end();
});

test('the same with QoS 1 and 2, and each has its own answer', async () => {
  for (const qos of /** @type {const} */ ([1, 2])) {
    const peer = new Peer();
    const says = qos === 1 ? 'puback' : 'pubrec';
    const answer = (/** @type {any} */ { messageId, payload }, /** @type {any} */ connection) => {
      const n = Number(payload.toString().slice(1));
      const reasonCode = n % 7 === 0 ? 0x87 : n % 3 === 0 ? 0x10 : 0;
      connection.send({ cmd: says, messageId, reasonCode });
    };
    peer.answers.publish = answer;
    const client = await peer.connect();
    for (let i = 0; i < 600; i++) client.publish('t', 'n1', { qos }); // the core gets the memory to keep so many
    await eventually(() => client.pending().length === 0);
    await turn();
    peer.last.packets.length = 0;
    calls.clear();
    const all = Array.from({ length: 500 }, (_, i) => client.publish(`t/${i % 20}`, `n${i}`, { qos }));
    assert.equal(total(), 0);
    for (const [i, outcome] of (await Promise.allSettled(all)).entries()) {
      if (i % 7 === 0) assert.equal(outcome.status === 'rejected' && outcome.reason.reasonCode, 0x87);
      else assert.equal(outcome.status === 'fulfilled' && outcome.value.reasonCode, i % 3 === 0 ? 0x10 : 0);
    }
    assert.equal(calls.get('wq_wasm_publish_gathered'), 1);
    assert.deepEqual(
      published(peer).map(({ payload, qos }) => `${payload} ${qos}`),
      all.map((_, i) => `n${i} ${qos}`),
    );
    assert.equal(client.pending().length, 0);
    await client.end();
  }
});

test('QoS 1: the server acknowledges in any order, while more is published', async () => {
  const peer = new Peer();
  /** @type {{ messageId: number, payload: Buffer }[]} */
  const unanswered = [];
  peer.answers.publish = (packet) => void unanswered.push(packet);
  const client = await peer.connect();
  /** @type {string[]} */
  const done = [];
  /** @type {string[]} */
  const wanted = [];
  const say = (/** @type {string} */ name) => void client.publish('t', name, { qos: 1 }).then(() => done.push(name));
  const acknowledge = async (/** @type {number} */ index) => {
    const [{ messageId, payload }] = unanswered.splice(index, 1);
    wanted.push(payload.toString());
    peer.last.sendNow(peer.last.encode({ cmd: 'puback', messageId, reasonCode: 0 }));
    await eventually(() => done.length === wanted.length);
  };
  for (const name of ['a', 'b', 'c']) say(name);
  await eventually(() => unanswered.length === 3);
  await acknowledge(1);
  for (const name of ['d', 'e']) say(name);
  await eventually(() => unanswered.length === 4);
  await acknowledge(3);
  say('f');
  client.publish('t', 'in between');
  await acknowledge(2); // f has no token yet
  await eventually(() => unanswered.length === 4);
  unanswered.splice(3, 1); // QoS 0
  for (const index of [1, 0, 0]) await acknowledge(index);
  assert.deepEqual(done, wanted);
  assert.deepEqual(done, ['b', 'e', 'd', 'c', 'a', 'f']);
  await client.end();
});

test('QoS 1: what is gathered can be asked for, and has left for whom takes it back', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect();
  await turn();
  const controller = new AbortController();
  const kept = client.publish('t', '1', { qos: 1, key: 'k' });
  const left = client.publish('t', '2', { qos: 1, signal: controller.signal });
  assert.deepEqual(
    client.pending().map(({ key, bytes }) => [key, bytes]),
    [
      ['k', 1],
      [undefined, 1],
    ],
  );
  assert.equal(client.remove('k'), 0);
  controller.abort();
  const error = await rejection(left);
  assert.deepEqual([error.code, error.sent], ['aborted', true]);
  for (const messageId of [1, 2]) peer.last.send({ cmd: 'puback', messageId, reasonCode: 0 });
  assert.equal((await kept).reasonCode, 0);
  await client.end();
});

test('QoS 1: beyond what the server takes at once, messages wait, and can be taken back', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  peer.connack.properties = { receiveMaximum: 2 };
  const client = await peer.connect();
  await turn();
  const all = Array.from({ length: 5 }, (_, i) => client.publish('t', String(i), { qos: 1, key: `k${i}` }));
  assert.equal(client.remove('k3'), 1);
  assert.equal(client.remove('k1'), 0);
  assert.equal((await rejection(all[3])).code, 'removed');
  await eventually(() => published(peer).length === 2);
  peer.last.send({ cmd: 'puback', messageId: 1, reasonCode: 0 }, { cmd: 'puback', messageId: 2, reasonCode: 0 });
  await Promise.all([all[0], all[1]]);
  await eventually(() => published(peer).length === 4);
  assert.deepEqual(
    published(peer).map(({ payload }) => payload.toString()),
    ['0', '1', '2', '4'],
  );
  peer.last.send({ cmd: 'puback', messageId: 3, reasonCode: 0 }, { cmd: 'puback', messageId: 4, reasonCode: 0 });
  await client.end();
});

test('QoS 1 and 2: what the queue or the server does not take is refused alone', async () => {
  const peer = new Peer();
  peer.connack.properties = { maximumQoS: 1 };
  const client = await peer.connect({ queue: { maxMessages: 10 } });
  await turn();
  const all = Array.from({ length: 20 }, (_, i) => client.publish('t', String(i), { qos: i === 3 ? 2 : 1 }));
  all.push(client.publish('a/+', '', { qos: 1 }));
  const outcomes = await Promise.allSettled(all);
  const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : ''));
  assert.deepEqual(codes, [
    ...Array(3).fill(''),
    'server-limit',
    ...Array(7).fill(''),
    ...Array(9).fill('queue-full'),
    'topic',
  ]);
  assert.equal(published(peer).length, 10);
  await client.publish('t', 'room again', { qos: 1 });
  await client.end();
});

test('QoS 1: what is refused takes no room, and nothing gives way to it', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect({ queue: { maxBytes: 1000, policy: 'drop-oldest' } });
  const first = client.publish('t', new Uint8Array(700), { qos: 1 });
  for (let i = 0; i < 5; i++) {
    assert.equal((await rejection(client.publish('a/#', new Uint8Array(200), { qos: 1 }))).code, 'topic');
    assert.equal((await rejection(client.publish('a\ud800', new Uint8Array(900), { qos: 1 }))).code, 'bad-option');
  }
  const second = client.publish('t', new Uint8Array(200), { qos: 1 });
  assert.equal(client.pending().length, 2);
  peer.last.send({ cmd: 'puback', messageId: 1, reasonCode: 0 }, { cmd: 'puback', messageId: 2, reasonCode: 0 });
  await Promise.all([first, second]);
  await client.end();
});

test('QoS 1: what was gathered when its connection went is sent on the next', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  client.on('error', () => {}); // the server is suspected
  await turn();
  const all = ['1', '2'].map((payload) => client.publish('t', payload, { qos: 1 }));
  peer.last.dropNow();
  all.push(client.publish('t', '3', { qos: 1 }));
  await Promise.all(all);
  assert.equal(peer.connections.length, 2);
  assert.deepEqual(
    published(peer).map(({ payload, dup }) => `${payload} ${dup}`),
    ['1 false', '2 false', '3 false'],
  );
  await client.end();
});

test('QoS 1: options that give up, or change, while they are looked at', async () => {
  const warned = /** @param {AbortController} controller */ (controller) => ({
    protocolVersion: /** @type {const} */ (4),
    log: (/** @type {string} */ _level, /** @type {string} */ text) =>
      void (/left out/.test(text) && controller.abort()),
  });
  const looked = (/** @type {AbortController} */ controller, /** @type {string} */ name) => ({
    get [name]() {
      controller.abort();
      return undefined;
    },
  });
  for (const how of ['log', 'resend', 'retain', 'key', 'timeout', 'properties']) {
    const peer = new Peer();
    peer.answers.publish = () => {};
    const controller = new AbortController();
    const { signal } = controller;
    const queue = { maxBytes: 2000 };
    const client = await peer.connect({ queue, ...(how === 'log' ? warned(controller) : {}) });
    const options = how === 'log' ? { properties: { contentType: 'a' } } : looked(controller, how);
    const error = await rejection(
      client.publish(
        't',
        'x'.repeat(1000),
        Object.defineProperties({ qos: 1, signal }, Object.getOwnPropertyDescriptors(options)),
      ),
    );
    assert.equal(error.code, 'aborted', how);
    await turn();
    assert.equal(published(peer).length, error.sent ? 1 : 0, `${how}: ${error.sent}`);
    for (const { messageId } of published(peer)) peer.last.send({ cmd: 'puback', messageId, reasonCode: 0 });
    await eventually(() => client.pending().length === 0);
    const rest = Array.from({ length: 4 }, () => client.publish('t', 'y'.repeat(900), { qos: 1 }));
    assert.equal(client.pending().length, 2, how);
    assert.equal((await rejection(rest[2])).code, 'queue-full');
    peer.answers.publish = ({ messageId }) => peer.last.send({ cmd: 'puback', messageId, reasonCode: 0 });
    for (const { messageId } of published(peer)) peer.last.send({ cmd: 'puback', messageId, reasonCode: 0 });
    await Promise.allSettled(rest);
    await client.end();
  }
});

test('QoS 1: a QoS that is another each time it is asked for', async () => {
  const peer = new Peer();
  peer.answers.publish = ({ messageId, payload, qos }, connection) => {
    const reasonCode = payload.toString() === 'bad' ? 0x87 : 0;
    if (qos > 0) connection.send({ cmd: 'puback', messageId, reasonCode });
  };
  const client = await peer.connect();
  await turn();
  for (let zero = 1; zero < 6; zero++) {
    let reads = 0;
    const options = /** @type {any} */ ({
      get qos() {
        return reads++ < zero ? 1 : 0;
      },
    });
    const odd = client.publish('t', 'odd', options);
    const rest = ['good', 'bad', 'good'].map((payload) => client.publish('t', payload, { qos: 1 }));
    const outcomes = await Promise.allSettled([odd, ...rest]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
      `${zero}`,
    );
  }
  assert.equal(client.pending().length, 0);
  await client.end();
});

test('the order is that of the calls, whatever is published or asked', async () => {
  for (const version of /** @type {const} */ ([4, 5])) {
    const peer = new Peer();
    peer.connack.properties = { topicAliasMaximum: 3 };
    const client = await peer.connect({ protocolVersion: version });
    /** @type {Promise<unknown>[]} */
    const done = [];
    /** @type {string[]} */
    const wanted = [];
    let n = 0;
    const say = (/** @type {string} */ topic, /** @type {any} */ options = {}) => {
      wanted.push(`publish ${topic} ${n}`);
      done.push(client.publish(topic, n % 2 ? String(n) : new TextEncoder().encode(String(n)), options));
      n++;
    };
    for (let round = 0; round < 3; round++) {
      say('plain/a');
      say('plain/b', { qos: 0 });
      say('plain/c', { retain: true });
      say('plain/d');
      say('grün/☃');
      say('$SYS/x');
      say('plain/e');
      say('plain/f', { qos: 1 });
      say('plain/g');
      say('plain/h', { properties: { contentType: 'text/plain' } });
      say('x'.repeat(255));
      say('y'.repeat(256));
      say('plain/i', { qos: 2 });
      say('plain/j');
      wanted.push('subscribe');
      done.push(client.subscribe(`f/${round}`));
      say('plain/k');
    }
    await Promise.all(done);
    const known = new Map();
    const came = peer.last.packets
      .filter(({ cmd }) => cmd === 'publish' || cmd === 'subscribe')
      .map(({ cmd, topic, payload, properties }) => {
        if (cmd === 'subscribe') return cmd;
        const alias = properties?.topicAlias;
        if (alias && topic) known.set(alias, topic);
        return `publish ${topic || known.get(alias)} ${payload}`;
      });
    // subscribe() asks in a microtask: what was published since goes before it.
    const without = (/** @type {string[]} */ list) => list.filter((line) => line !== 'subscribe');
    assert.deepEqual(without(came), without(wanted));
    assert.equal(came.filter((line) => line === 'subscribe').length, 3);
    await client.end();
  }
});

test('what is wrong is refused alone', async () => {
  const peer = new Peer();
  peer.connack.properties = { maximumPacketSize: 100_000 };
  const client = await peer.connect();
  const wrong = ['', 'a/+', '#', 'a\0b', 'a\ud800', 'x'.repeat(65536)];
  const good = [];
  for (let i = 0; i < 3; i++) {
    for (const topic of wrong) {
      good.push(client.publish('good', String(good.length)));
      const error = await rejection(client.publish(topic, 'bad'));
      assert(['topic', 'bad-option', 'arg'].includes(error.code), `${topic.slice(0, 9)}: ${error.code}`);
    }
  }
  const error = await rejection(client.publish('good', new Uint8Array(100_000)));
  assert.equal(error.code, 'server-limit');
  await Promise.all(good);
  await eventually(() => published(peer).length === good.length);
  assert.deepEqual(
    published(peer).map(({ payload }) => Number(payload)),
    good.map((_, i) => i),
  );
  await client.end();
});

test('payloads of every size around the limits', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const sizes = [0, 1, 127, 128, 255, 256, 16382, 16383, 16384, 16385, 65535, 65536, 70000, 3];
  for (const size of sizes) {
    await client.publish('bytes', new Uint8Array(size).fill(size));
    await client.publish('text', 'ü'.repeat(size));
  }
  await client.end();
  const [bytes, texts] = ['bytes', 'text'].map((name) => published(peer).filter(({ topic }) => topic === name));
  assert.deepEqual(
    bytes.map(({ payload }) => [
      payload.length,
      payload.every((/** @type {number} */ b) => b === (payload.length & 255)),
    ]),
    sizes.map((size) => [size, true]),
  );
  assert.deepEqual(
    texts.map(({ payload }) => payload.toString()),
    sizes.map((size) => 'ü'.repeat(size)),
  );
});

test('more topic names than the core keeps: those of gathered messages stay, and new ones are kept again', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {string[]} */
  const wanted = [];
  for (let i = 0; i < 5000; i++) {
    for (const topic of ['same', `many/${'x'.repeat(30)}/${i}`]) {
      client.publish(topic, String(i));
      wanted.push(`${topic} ${i}`);
    }
  }
  await eventually(() => published(peer).length === wanted.length);
  assert.deepEqual(
    published(peer).map(({ topic, payload }) => `${topic} ${payload}`),
    wanted,
  );
  client.publish('new', ''); // for which there is room by now
  await turn();
  calls.clear();
  for (let i = 0; i < 500; i++) client.publish(i % 2 ? 'same' : 'new', 'x');
  assert.equal(total(), 0);
  await client.end();
});

test('what finds no room in the middle leaves nothing behind', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  for (let i = 0; i < 4; i++) client.publish('fill', new Uint8Array(15_000));
  client.publish('same', 'retained', { retain: true });
  client.publish('same', 'ü'.repeat(4000)); // of which it is known too late
  client.publish('same', 'after');
  await client.end();
  assert.deepEqual(
    published(peer).map(({ topic, payload }) => `${topic} ${payload.length}`),
    [...Array(4).fill('fill 15000'), 'same 8', 'same 8000', 'same 5'],
  );
});

test('topics that were cut from long texts do not keep those in memory', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  const peer = new Peer();
  const client = await peer.connect();
  const used = async () => {
    await turn();
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = await used();
  for (let i = 0; i < 40; i++) {
    const long = Buffer.alloc(1 << 20, `reply/to/${i}/`).toString('latin1');
    await client.publish(long.slice(0, 20), 'x');
    peer.last.packets.length = peer.last.frames.length = 0;
  }
  const grown = (await used()) - before;
  assert(grown < 10 << 20, `${grown} bytes`);
  await client.end();
});

test('a large message that fills the 64 KiB leaves at once, with its payload', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  for (let i = 0; i < 4; i++) client.publish('t', new Uint8Array(15_000));
  client.publish('t', new Uint8Array(65_532 - client.stats.bufferedBytes - 7));
  assert.equal(client.stats.bufferedBytes, 65_532);
  const large = client.publish('t', new Uint8Array(20_000));
  const after = client.publish('t', 'after');
  await Promise.all([large, after]);
  await eventually(() => published(peer).length === 7);
  assert.deepEqual(
    published(peer).map(({ payload }) => payload.length),
    [15_000, 15_000, 15_000, 15_000, published(peer)[4].payload.length, 20_000, 5],
  );
  await client.end();
});

test('a payload may change when publish() has returned', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const payload = new Uint8Array(10);
  for (let i = 0; i < 10; i++) {
    payload.fill(i);
    client.publish('a', payload);
  }
  await eventually(() => published(peer).length === 10);
  for (const [i, one] of published(peer).entries()) assert.deepEqual([...one.payload], Array(10).fill(i));
  await client.end();
});

test('a handler publishes among what it receives', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await client.subscribe('in', (message) => {
    for (let i = 0; i < 40; i++) client.publish('out', `${message.text()} ${i}`);
  });
  const text = 'x'.repeat(60);
  for (let round = 0; round < 10; round++) {
    peer.last.send(...Array.from({ length: 32 }, (_, i) => publish('in', `${text}${round} ${i}`)));
  }
  await eventually(() => published(peer).length === 10 * 32 * 40);
  assert.deepEqual(
    published(peer).map(({ payload }) => payload.toString()),
    Array.from(
      { length: 10 * 32 * 40 },
      (_, i) => `${text}${Math.floor(i / 1280)} ${Math.floor(i / 40) % 32} ${i % 40}`,
    ),
  );
  await client.end();
});

test('what was accepted before end() is sent before DISCONNECT', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  for (let i = 0; i < 100; i++) client.publish('a', String(i));
  await client.end();
  const last = peer.last.packets.slice(-101).map(({ cmd }) => cmd);
  assert.deepEqual(last, [...Array(100).fill('publish'), 'disconnect']);
});

test('what was gathered goes with its connection', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  client.on('error', () => {}); // the server is suspected
  for (let life = 1; life <= 3; life++) {
    await eventually(() => client.state === 'connected' && peer.connections.length === life);
    await turn();
    client.publish('a', `first ${life}`);
    client.publish('a', `second ${life}`);
    peer.last.dropNow();
    assert.equal((await rejection(client.publish('a', `late ${life}`))).code, 'not-connected');
  }
  await eventually(() => client.state === 'connected' && peer.connections.length === 4);
  await client.publish('a', 'end');
  assert.deepEqual(
    published(peer).map(({ payload }) => payload.toString()),
    ['end'],
  );
  await client.end();
});

test('statistics count what is gathered', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  const before = client.stats;
  client.publish('a', '12345');
  client.publish('a', '12345');
  assert.equal(client.stats.bufferedBytes - before.bufferedBytes, 2 * 11);
  await client.end();
});
