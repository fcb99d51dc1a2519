// A conversation over connections that break: what it holds of the client does not become more with each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation } from '../../web/providers/conversation.js';
import { Peer } from '../client/peer.js';

/** It subscribes on each connection, and wants no more. @param {...string} filters */
const dialogue = (...filters) =>
  /** @type {any} */ ({
    step: (/** @type {import('../../web/providers/dialogue.js').Heard} */ { kind }) =>
      kind === 'connected' ? { kind: 'subscribe', filters, qos: 1 } : { kind: 'nothing' },
  });

/** The subscriptions that are held of a client. @param {import('../../web/client/index.js').Client} client */
function heldOf(client) {
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
  return held;
}

test('however often a connection breaks, before SUBACK or after it, one subscription is held', async () => {
  const peer = new Peer();
  const grant = peer.answers.subscribe;
  peer.answers.subscribe = (packet, connection) => {
    if (peer.connections.length % 2 === 0) connection.drop();
    else grant(packet, connection);
  };
  const client = await peer.connect();
  const held = heldOf(client);
  const conversation = new Conversation(client, dialogue('answers'), { failed: ({ message }) => assert.fail(message) });
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

test('where one of several subscriptions is refused, none is held', async () => {
  const peer = new Peer();
  let deny = '';
  peer.answers.subscribe = ({ messageId, subscriptions }, connection) =>
    connection.send({
      cmd: 'suback',
      messageId,
      granted: subscriptions.map((/** @type {any} */ { topic }) => (topic === deny ? 0x87 : 1)),
    });
  const client = await peer.connect();
  const held = heldOf(client);
  for (const refused of ['first', 'last']) {
    deny = '';
    /** @type {(step: import('../../web/providers/dialogue.js').FailedStep) => void} */
    let fail = () => {};
    const failed = new Promise((resolve) => (fail = resolve));
    const conversation = new Conversation(client, dialogue('first', 'last'), { failed: (step) => fail(step) });
    await conversation.ready;
    assert.equal(held.size, 2);
    deny = refused;
    peer.last.drop();
    assert.equal((await failed).status, 0x87);
    await client.publish('after', 'UNSUBSCRIBE', { qos: 1 });
    assert.equal(held.size, 0);
  }
  await client.end();
});
