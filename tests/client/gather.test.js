// Messages with QoS 0 that have nothing but topic and payload enter the core together, and nobody can tell.
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
