// Subscription identifiers: each copy of a message is for the handlers of its own filter, and nothing is lost by that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifierOf, onlyIdentifier } from '../../web/client/identifiers.js';
import { eventually, Peer, publish, turn } from './peer.js';

/** @param {...number} ids */
const withIds = (...ids) => ({ properties: { subscriptionIdentifier: ids.length > 1 ? ids : ids[0] } });
const A = identifierOf('a/#');
const B = identifierOf('a/b');

/** A client with handlers of overlapping filters that note their filter. */
async function overlapping(options = {}) {
  const peer = new Peer();
  const client = await peer.connect(options);
  /** @type {string[]} */
  const got = [];
  for (const filter of ['a/#', 'a/b', 'other']) await client.subscribe(filter, {}, () => void got.push(filter));
  client.handle('a/+', () => void got.push('handle'));
  client.on('message', () => void got.push('event'));
  /** Who gets messages of topic a/b in one WebSocket message. @param {any[]} more what they have besides */
  const takers = async (...more) => {
    got.length = 0;
    peer.last.send(...more.map((one) => publish('a/b', 'x', one)));
    await turn();
    return got.sort().join(' ');
  };
  return { peer, client, takers };
}

test('the only identifier is read, of any length, and nothing else is taken for one', () => {
  const bytes = (/** @type {number[]} */ ...list) => onlyIdentifier(Uint8Array.of(...list), 0);
  assert.equal(bytes(2, 0x0b, 1), 1);
  assert.equal(bytes(3, 0x0b, 0x80, 1), 128);
  assert.equal(bytes(5, 0x0b, 0xff, 0xff, 0xff, 0x7f), 0x0fffffff);
  assert.equal(bytes(4, 0x0b, 1, 0x0b, 2), 0);
  assert.equal(bytes(4, 0x0b, 1, 1, 1), 0);
  assert.equal(bytes(2, 1, 1), 0);
  assert.equal(bytes(0), 0);
});

test('every filter has an identifier of its own, the same in each life', async () => {
  for (let life = 0; life < 2; life++) {
    const { peer, client } = await overlapping();
    assert.deepEqual(
      peer.last.packets
        .filter(({ cmd }) => cmd === 'subscribe')
        .map(({ properties, subscriptions }) => [properties.subscriptionIdentifier, subscriptions[0].topic]),
      ['a/#', 'a/b', 'other'].map((filter) => [identifierOf(filter), filter]),
    );
    await client.end();
  }
  const ids = Array.from({ length: 1000 }, (_, i) => identifierOf(`site/${i}/#`));
  assert.equal(new Set(ids).size, 1000);
  assert(ids.every((id) => id >= 1 && id <= 0x0fffffff));
});

test("none where the server knows none; the user's own stays", async () => {
  const peer = new Peer();
  peer.connack.properties = { subscriptionIdentifiersAvailable: false };
  const client = await peer.connect();
  await client.subscribe('a', () => {});
  assert.equal((await peer.last.packet('subscribe')).properties, undefined);
  await client.end();
  const { peer: other, client: user } = await overlapping();
  await user.subscribe('mine', { properties: { subscriptionIdentifier: 7, userProperties: { a: 'b' } } }, () => {});
  const { properties } = await other.last.packet('subscribe', 4);
  assert.equal(properties.subscriptionIdentifier, 7);
  await user.end();
});

test('a copy is for its own handlers, for handle() and the event; what says nothing is for all', async () => {
  const { client, takers } = await overlapping();
  for (let round = 0; round < 2; round++) {
    assert.equal(await takers(withIds(A)), 'a/# event handle');
    assert.equal(await takers(withIds(B)), 'a/b event handle');
    assert.equal(await takers(withIds(A), withIds(B)), 'a/# a/b event event handle handle');
    assert.equal(await takers(withIds(A, B)), 'a/# a/b event handle');
    assert.equal(await takers({ properties: { subscriptionIdentifier: B, contentType: 't' } }), 'a/b event handle');
    const all = 'a/# a/b event handle';
    assert.equal(await takers({}), all);
    assert.equal(await takers({ properties: { contentType: 't' } }), all);
    assert.equal(await takers(withIds(12345)), all, 'of an earlier life');
    assert.equal(await takers(withIds(A, 12345)), all);
    assert.equal(await takers(withIds(identifierOf('other'))), all, 'it means something else there');
  }
  await client.end();
});

test('filters with one identifier share their copies; a filter that is new is known at once', async () => {
  const { client, takers } = await overlapping();
  assert.equal(await takers(withIds(7)), 'a/# a/b event handle');
  /** @type {number[]} */
  const mine = [];
  for (const filter of ['+/b', 'a/b/#']) {
    await client.subscribe(filter, { properties: { subscriptionIdentifier: 7 } }, () => void mine.push(7));
  }
  assert.equal(await takers(withIds(7)), 'event handle');
  assert.deepEqual(mine, [7, 7]);
  await client.unsubscribe('+/b');
  await client.unsubscribe('a/b/#');
  assert.equal(await takers(withIds(7)), 'a/# a/b event handle');
  await client.end();
});

test('the copy of a subscription that has no handler yet waits for its loop', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let handled = 0;
  await client.subscribe('a/b', () => void handled++);
  const loop = await client.subscribe('a/#', { qos: 2 });
  for (const qos of [0, 1, 2]) {
    const more = { qos, messageId: qos || undefined };
    peer.last.send(publish('a/b', `own ${qos}`, { ...more, ...withIds(A) }));
  }
  peer.last.send(publish('a/b', 'x', withIds(B)));
  await eventually(() => handled > 0);
  /** @type {string[]} */
  const got = [];
  for await (const message of loop) {
    got.push(message.text());
    if (got.length === 3) break;
  }
  assert.deepEqual(got.sort(), ['own 0', 'own 1', 'own 2']);
  assert.equal(handled, 1);
  await client.end();
});
