// The client with a real broker: RabbitMQ, and where its Web MQTT is not what the specification says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../web/client/index.js';
import { rejection } from '../client/peer.js';
import { rabbitMq } from './brokers.js';
import { interop } from './cases.js';
import { LOGIN, Sockets } from './ends.js';

const running = interop(rabbitMq);

test('RabbitMQ: QoS 2 is answered by PUBACK: an error says so, and the client goes on with QoS 1', async (t) => {
  const sockets = new Sockets();
  const client = createClient(running.server.url, {
    ...LOGIN,
    clean: false,
    clientId: 'no-qos2',
    webSocket: sockets.make,
    reconnect: { minDelay: 1 },
  });
  t.after(() => client.end({ force: true }));
  /** @type {any[]} */
  const ends = [];
  client.on('disconnect', ({ error }) => ends.push(error));
  client.on('error', () => {}); // the same one
  await client.ready;
  const before = sockets.all.length;
  /** @type {number[]} */
  const types = [];
  sockets.all.at(-1)?.on('message', (data) => types.push(new Uint8Array(/** @type {ArrayBuffer} */ (data))[0] >> 4));
  assert.equal((await rejection(client.publish('once', 'x', { qos: 2 }))).code, 'server-limit');
  assert.equal(types[0], 4, 'PUBACK');
  await client.publish('once', 'z', { qos: 1 });
  assert.deepEqual(
    ends.map(({ phase, code }) => [phase, code]),
    [['connected', 'protocol']],
  );
  assert.equal(client.negotiated?.maximumQos, 1);
  assert.equal((await rejection(client.publish('once', 'y', { qos: 2 }))).code, 'server-limit');
  assert.equal(sockets.all.length, before + 1, 'one connection more, and no others');
});
