// Messages with an expiry, and topic aliases: what the core does with them reaches the user.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, Peer, rejection } from './peer.js';

const SECOND = { messageExpiryInterval: 1 };

test('a message that expires without a connection rejects when its time is over, whatever its QoS', async () => {
  const peer = new Peer();
  peer.connack.properties = { sessionExpiryInterval: 300 };
  const client = await peer.connect({ queue: { qos0: true }, reconnect: { minDelay: 60_000, jitter: 'none' } });
  peer.last.drop();
  await eventually(() => client.state !== 'connected');
  const began = performance.now();
  const errors = await Promise.all([
    rejection(client.publish('a', 'x', { qos: 1, properties: SECOND })),
    rejection(client.publish('a', 'x', { qos: 2, properties: SECOND })),
    rejection(client.publish('a', 'x', { properties: SECOND })),
  ]);
  assert(performance.now() - began >= 990);
  for (const error of errors) {
    assert.equal(error.code, 'expired');
    assert.equal(error.phase, 'publish');
    assert.match(error.message, /Message Expiry Interval/);
  }
  assert.deepEqual(client.pending(), []);
  await client.end();
});

test('what was queued before the connection was lost expires as well', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  peer.connack.properties = { receiveMaximum: 1 };
  const client = await peer.connect({ reconnect: { minDelay: 60_000, jitter: 'none' } });
  const first = rejection(client.publish('a', 'x', { qos: 1, properties: SECOND }));
  const second = rejection(client.publish('a', 'y', { qos: 1, properties: SECOND }));
  await peer.last.packet('publish');
  peer.last.drop();
  assert.equal((await second).code, 'expired');
  assert.equal(client.pending().length, 1); // what was sent does not expire
  await client.end();
  assert.equal((await first).code, 'connection-ended');
});

test('the time of a message begins when it is published, however long the task has gone on by then', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  peer.connack.properties = { receiveMaximum: 1 };
  const client = await peer.connect();
  const first = client.publish('a', 'x', { qos: 1 });
  const began = performance.now();
  while (performance.now() - began < 1100);
  const second = client.publish('a', 'y', { qos: 1, properties: SECOND });
  const { messageId } = await peer.last.packet('publish');
  peer.answers.publish = (packet, connection) =>
    connection.send({ cmd: 'puback', messageId: packet.messageId, reasonCode: 0 });
  peer.last.send({ cmd: 'puback', messageId, reasonCode: 0 });
  await Promise.all([first, second]);
  assert.equal((await peer.last.packet('publish', 2)).properties.messageExpiryInterval, 1);
  await client.end();
});

test('what waits for a connection goes out with the rest of its time', async () => {
  const peer = new Peer();
  let open = () => {};
  peer.answers.connect = (_packet, connection) => (open = () => connection.send(peer.connack));
  const client = peer.createClient({ queue: { qos0: true } });
  const properties = { messageExpiryInterval: 10 };
  const all = [client.publish('a', 'x', { properties }), client.publish('a', 'x', { qos: 1, properties })];
  await (await peer.connection(1)).packet('connect');
  await new Promise((resolve) => setTimeout(resolve, 1050));
  open();
  await Promise.all(all);
  const sent = peer.last.packets.filter(({ cmd }) => cmd === 'publish');
  assert.deepEqual(
    sent.map((packet) => packet.properties.messageExpiryInterval),
    [9, 9],
  );
  await client.end();
});

test('topic aliases: by default, limited, and none', async () => {
  for (const [topicAliases, expected] of /** @type {[number | undefined, string[]][]} */ ([
    [undefined, ['site/a 1', 'site/b 2', ' 1', ' 2']],
    [1, ['site/a 1', 'site/b -', ' 1', 'site/b -']],
    [0, ['site/a -', 'site/b -', 'site/a -', 'site/b -']],
  ])) {
    const peer = new Peer();
    peer.connack.properties = { topicAliasMaximum: 10 };
    const client = await peer.connect({ topicAliases });
    for (const topic of ['site/a', 'site/b', 'site/a', 'site/b']) await client.publish(topic, 'x');
    const packets = () => peer.last.packets.filter(({ cmd }) => cmd === 'publish');
    await eventually(() => packets().length === 4);
    assert.deepEqual(
      packets().map(({ topic, properties }) => `${topic} ${properties?.topicAlias ?? '-'}`),
      expected,
    );
    await client.end();
  }
});
