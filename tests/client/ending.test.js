// end() towards servers that do not do their part: it comes to an end, and says what became of what was open.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, Peer, rejection } from './peer.js';
import { VirtualTime } from './virtual.js';

test('end({ timeout }) gives up acknowledgements that do not come, and says DISCONNECT', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect({ keepalive: 0 });
  const open = rejection(client.publish('a', 'x', { qos: 1 }));
  await client.end({ timeout: 10 });
  assert.equal((await open).code, 'connection-ended');
  assert.equal(peer.last.packets.at(-1).cmd, 'disconnect');
  assert(peer.last.closed);
});

test('end() towards a server that reads nothing, answers nothing and does not close takes 12 s', async (t) => {
  const time = new VirtualTime(t);
  const peer = new Peer();
  const client = peer.createClient({ keepalive: 60 });
  await client.ready;
  const { last } = peer;
  last.bufferedAmount = 2 << 20;
  last.socket.send = () => {};
  let closed = 0;
  last.socket.close = () => void closed++;
  const open = rejection(client.publish('a', 'y'.repeat(100_000), { qos: 1 }));
  let ended = false;
  void client.end().then(() => (ended = true));
  await time.run(9_999);
  assert.deepEqual([client.state, closed], ['ending', 0], 'acknowledgements may come');
  await time.run(1);
  assert.deepEqual([ended, closed], [false, 1], 'DISCONNECT is with the socket');
  await time.run(2000);
  assert.equal(ended, true);
  assert.equal(client.state, 'ended');
  assert.equal((await open).code, 'connection-ended');
  assert.equal(time.set, 0, 'nothing keeps the page busy');
});

test('end() with an acknowledgement in time waits no longer', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect();
  const published = client.publish('a', 'x', { qos: 1 });
  const { messageId } = await peer.last.packet('publish');
  const ended = client.end({ timeout: 2 ** 31 - 1 });
  await eventually(() => client.state === 'ending');
  peer.last.send({ cmd: 'puback', messageId, reasonCode: 0 });
  await Promise.all([published, ended]);
});

test('end() waits no longer for acknowledgements when the connection is lost that they would come by', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect();
  const open = rejection(client.publish('a', 'x', { qos: 1 }));
  await peer.last.packet('publish');
  const ended = client.end({ timeout: 2 ** 31 - 1 });
  await eventually(() => client.state === 'ending');
  peer.last.drop();
  await ended;
  assert.equal((await open).code, 'connection-ended');
});
