// A socket of one's own whose send() calls the client, as a loopback within the page does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, Peer } from './peer.js';

/**
 * A client whose socket does something when it next sends, after that.
 * @param {Peer} peer
 */
async function reentrant(peer) {
  /** @type {(() => void)[]} */
  const then = [];
  const webSocket = (/** @type {string} */ url, /** @type {string[]} */ protocols) => {
    const socket = peer.webSocket(url, protocols);
    const { send } = socket;
    socket.send = (/** @type {Uint8Array} */ bytes) => {
      send.call(socket, bytes);
      then.shift()?.();
    };
    return socket;
  };
  return { client: await peer.connect({ webSocket }), then };
}

/** What came, but for the acknowledgements. @param {Peer} peer */
const came = (peer) =>
  peer.last.packets
    .filter(({ cmd }) => cmd === 'publish' || cmd === 'subscribe')
    .map(({ cmd, topic, payload }) => (cmd === 'subscribe' ? cmd : `${topic} ${payload.length}`));

test('the first topic of all is published while something else is being sent', async () => {
  const peer = new Peer();
  const { client, then } = await reentrant(peer);
  then.push(() => void client.publish('first', 'x'));
  await client.subscribe('q');
  then.push(() => void client.publish('second', 'x'));
  await client.publish('é', 'outer', { qos: 2 });
  await eventually(() => came(peer).length >= 4);
  assert.deepEqual(came(peer), ['subscribe', 'first 1', 'é 5', 'second 1']);
  await client.end();
});

test('memory grows while something is being sent', async () => {
  const peer = new Peer();
  const { client, then } = await reentrant(peer);
  /** @type {Promise<unknown>[]} */
  const inner = [];
  then.push(() => {
    for (let i = 0; i < 100; i++) inner.push(client.publish('inner', new Uint8Array(16_000), { qos: 1 }));
  });
  await client.publish('outer', 'x', { qos: 2 });
  await Promise.all(inner);
  assert.deepEqual(came(peer), ['outer 1', ...Array(100).fill('inner 16000')]);
  await client.end();
});

test('a message is published while the 64 KiB before it are being sent', async () => {
  const peer = new Peer();
  const { client, then } = await reentrant(peer);
  /** @type {Promise<unknown>[]} */
  const all = [];
  then.push(() => all.push(client.publish('inner', 'x', { qos: 1 })));
  for (let i = 0; i < 5; i++) all.push(client.publish('outer', new Uint8Array(16_000 + i), { qos: 1 }));
  await Promise.all(all);
  assert.deepEqual(came(peer).sort(), ['inner 1', ...[0, 1, 2, 3, 4].map((i) => `outer ${16_000 + i}`)]);
  await client.end();
});
