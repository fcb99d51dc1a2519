// A conversation over connections that break: what it holds of the client does not become more with each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation } from '../../web/providers/conversation.js';
import { Peer } from '../client/peer.js';

/** It subscribes to one filter on each connection, and wants no more. */
const dialogue = /** @type {any} */ ({
  step: (/** @type {import('../../web/providers/dialogue.js').Heard} */ { kind }) =>
    kind === 'connected' ? { kind: 'subscribe', filters: ['answers'], qos: 1 } : { kind: 'nothing' },
});

test('however often a connection breaks, before SUBACK or after it, one subscription is held', async () => {
  const peer = new Peer();
  const grant = peer.answers.subscribe;
  peer.answers.subscribe = (packet, connection) => {
    if (peer.connections.length % 2 === 0) connection.drop();
    else grant(packet, connection);
  };
  const client = await peer.connect();
  /** @type {Set<object>} */
  const held = new Set();
  const { subscribe } = client;
  client.subscribe = /** @type {any} */ (
    async (/** @type {[any]} */ ...args) => {
      const one = await subscribe.apply(client, args);
      const { unsubscribe } = one;
      held.add(one);
      one.unsubscribe = () => (held.delete(one), unsubscribe.call(one));
      return one;
    }
  );
  const conversation = new Conversation(client, dialogue, { failed: ({ message }) => assert.fail(message) });
  await conversation.ready;
  for (let n = 3; n < 10; n += 2) {
    peer.last.drop(); // n - 1 is granted nothing
    await (await peer.connection(n)).packet('subscribe');
    await client.publish('after', 'SUBACK', { qos: 1 });
  }
  assert.equal(held.size, 1);
  assert.equal(peer.last.count('unsubscribe'), 0);
  conversation.stop();
  await client.end();
});
