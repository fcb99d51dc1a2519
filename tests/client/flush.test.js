// When output leaves, in how many WebSocket messages, and how often the boundary is crossed for what comes in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calls, total } from './counted.js';
import { eventually, Peer, publish, turn } from './peer.js';

const PAYLOAD = 'x'.repeat(64);

/** @param {Peer} peer @param {(packet: any) => void} [onPublish] */
function counting(peer, onPublish = () => {}) {
  let n = 0;
  peer.answers.publish = (packet) => {
    n++;
    onPublish(packet);
  };
  return () => n;
}

test('10 000 QoS 0 publishes awaited one by one leave in under 30 WebSocket messages', async () => {
  const peer = new Peer();
  const arrived = counting(peer);
  const client = await peer.connect();
  await turn();
  const before = peer.last.frames.length;
  for (let i = 0; i < 10_000; i++) await client.publish('bench/topic', PAYLOAD);
  await eventually(() => arrived() === 10_000);
  const frames = peer.last.frames.length - before;
  assert(frames < 30, `${frames} messages`);
  await client.end();
});

test('10 000 QoS 0 publishes that are not awaited leave in under 30 WebSocket messages', async () => {
  const peer = new Peer();
  const arrived = counting(peer);
  const client = await peer.connect();
  await turn();
  const before = peer.last.frames.length;
  const all = [];
  for (let i = 0; i < 10_000; i++) all.push(client.publish('bench/topic', PAYLOAD));
  await Promise.all(all);
  await eventually(() => arrived() === 10_000);
  const frames = peer.last.frames.length - before;
  assert(frames < 30, `${frames} messages`);
  await client.end();
});

test('a lone publish leaves in a microtask', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  const before = peer.last.frames.length;
  client.publish('a', '1');
  assert.equal(peer.last.frames.length, before, 'not at once');
  await null;
  assert.equal(peer.last.frames.length, before + 1);
  await client.end();
});

test('what follows in the same task leaves together at its end', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  const before = peer.last.frames.length;
  for (let i = 0; i < 5; i++) {
    client.publish('a', String(i));
    await null;
  }
  assert.equal(peer.last.frames.length, before + 1, 'only the first has left');
  await eventually(() => peer.last.count('publish') === 5);
  assert.equal(peer.last.frames.length, before + 2);
  await client.end();
});

test('each burst leaves in a microtask, until one is too small for a WebSocket message of its own', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  const before = peer.last.frames.length;
  const burst = async (/** @type {number} */ messages) => {
    for (let i = 0; i < messages; i++) client.publish('a', PAYLOAD);
    await null;
    return peer.last.frames.length - before;
  };
  assert.equal(await burst(200), 1);
  assert.equal(await burst(200), 2);
  assert.equal(await burst(1000), 4, 'what fills 64 KiB goes before, and counts');
  assert.equal(await burst(10), 5);
  assert.equal(await burst(200), 5, 'it waits for the end of the task');
  await eventually(() => peer.last.count('publish') === 1610);
  assert.equal(peer.last.frames.length - before, 6);
  assert.equal(await burst(1), 7, 'another task');
  await client.end();
});

test('64 KiB do not wait for the end of the task', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  const before = peer.last.frames.length;
  for (let i = 0; i < 70; i++) client.publish('a', 'x'.repeat(1000));
  assert.equal(peer.last.frames.length, before + 1, 'in the middle of the task');
  assert(peer.last.frames[before].length >= 65536);
  await client.end();
});

test('acknowledgements of a batch leave in one message, after its handlers', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let handled = 0;
  await client.subscribe('a', { qos: 1 }, () => {
    handled++;
    assert.equal(peer.last.count('puback'), 0, 'handlers come first');
  });
  await turn();
  const before = peer.last.frames.length;
  peer.last.send(...Array.from({ length: 20 }, (_, i) => publish('a', 'x', { qos: 1, messageId: i + 1 })));
  await eventually(() => peer.last.count('puback') === 20);
  assert.equal(handled, 20);
  assert.equal(peer.last.frames.length, before + 1);
  await client.end();
});

test('one wasm call for a socket message with 32 packets, beside the look at the output', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let handled = 0;
  await client.subscribe('t/#', {}, () => handled++);
  const bytes = peer.last.encode(...Array.from({ length: 32 }, (_, i) => publish(`t/${i}`, PAYLOAD)));
  peer.last.sendNow(bytes);
  await turn();
  calls.clear();
  for (let i = 0; i < 100; i++) peer.last.sendNow(bytes);
  assert.equal(handled, 32 * 101);
  assert.equal(calls.get('wq_wasm_feed'), 100);
  assert.equal(total(), 100, JSON.stringify([...calls]));
  await client.end();
});

test('the clock is asked once for a socket message, whatever is acknowledged', async (t) => {
  const peer = new Peer();
  const client = await peer.connect();
  await client.subscribe('t', { qos: 1 }, () => {});
  await turn();
  const bytes = peer.last.encode(
    ...Array.from({ length: 32 }, (_, i) => publish('t', 'x', { qos: 1, messageId: i + 1 })),
  );
  const asked = t.mock.method(Date, 'now');
  for (let i = 0; i < 20; i++) peer.last.sendNow(bytes);
  const times = asked.mock.callCount();
  asked.mock.restore();
  await eventually(() => peer.last.count('puback') === 20 * 32);
  assert.ok(times <= 40, `${times} times`);
  await client.end();
});

test('200 topics, 10 000 messages: 200 names are decoded', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {Set<string>} */
  const topics = new Set();
  let handled = 0;
  await client.subscribe('#', {}, ({ topic }) => {
    handled++;
    topics.add(topic);
  });
  const before = client.stats.topicsDecoded;
  for (let round = 0; round < 50; round++) {
    peer.last.sendNow(peer.last.encode(...Array.from({ length: 200 }, (_, i) => publish(`site/${i}/value`, 'x'))));
  }
  assert.equal(handled, 10_000);
  assert.equal(topics.size, 200);
  assert.equal(client.stats.topicsDecoded - before, 200);
  await client.end();
});

test('over the high-water mark a QoS 0 publish waits until the socket has sent', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await turn();
  peer.last.bufferedAmount = 2 << 20;
  let resolved = 0;
  const before = peer.last.frames.length;
  const waiting = client.publish('a', 'x').then(() => resolved++);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(resolved, 0);
  assert.equal(peer.last.frames.length, before, 'the socket is given no more');
  peer.last.bufferedAmount = 0;
  await waiting;
  assert.equal(peer.last.count('publish'), 1);
  await client.end();
});

test('a stalled socket and a flood of publishes: all are sent in order once it goes on', async () => {
  const peer = new Peer();
  /** @type {number[]} */
  const seen = [];
  peer.answers.publish = ({ payload }) => seen.push(Number(String(payload).slice(0, 6)));
  const client = await peer.connect();
  await turn();
  peer.last.bufferedAmount = 2 << 20;
  const all = [];
  for (let i = 0; i < 3000; i++) all.push(client.publish('a', String(i).padStart(6, '0') + PAYLOAD));
  await turn();
  peer.last.bufferedAmount = 0;
  await Promise.all(all);
  await eventually(() => seen.length === 3000);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  await client.end();
});

test('end() sends what waits, however much it is', async () => {
  const peer = new Peer();
  const arrived = counting(peer);
  const client = await peer.connect();
  for (let i = 0; i < 500; i++) client.publish('a', PAYLOAD);
  await client.end();
  assert.equal(arrived(), 500);
  assert.equal(peer.last.packets.at(-1).cmd, 'disconnect');
});

test('a long upload outlives its keep-alive: the answer to a PINGREQ waits behind the bytes', async () => {
  const peer = new Peer();
  const client = await peer.connect({ keepalive: 1 });
  await turn();
  const { last } = peer;
  peer.answers.pingreq = () => {}; // the server is silent, as long as the upload takes
  last.bufferedAmount = 900_000;
  client.publish('a', PAYLOAD);
  const leaving = setInterval(() => (last.bufferedAmount -= 10_000), 50);
  await last.packet('pingreq', 4); // 0.75 s for the first, 1 s of silence is the limit
  assert.equal(client.state, 'connected');
  clearInterval(leaving);
  last.bufferedAmount = 0;
  await eventually(() => client.state !== 'connected'); // nothing leaves any more, and still no answer
  await client.end({ force: true });
});
