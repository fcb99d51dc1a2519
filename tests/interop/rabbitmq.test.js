// The client with a real broker: RabbitMQ, and where its Web MQTT is not what the specification says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../web/client/index.js';
import { rejection } from '../client/peer.js';
import { rabbitMq } from './brokers.js';
import { interop } from './cases.js';
import { LOGIN, Sockets } from './ends.js';

const running = interop(rabbitMq);

test('RabbitMQ: QoS 2 is answered by PUBACK, which ends the connection with an error that says so', async () => {
  const sockets = new Sockets();
  const client = createClient(running.server.url, { ...LOGIN, webSocket: sockets.make, reconnect: false });
  /** @type {any[]} */
  const ends = [];
  client.on('disconnect', ({ error }) => ends.push(error));
  client.on('error', () => {}); // the same one
  await client.ready;
  /** @type {number[]} */
  const types = [];
  sockets.all.at(-1)?.on('message', (data) => types.push(new Uint8Array(/** @type {ArrayBuffer} */ (data))[0] >> 4));
  assert.equal((await rejection(client.publish('once', 'x', { qos: 2 }))).code, 'connection-ended');
  assert.deepEqual(types, [4], 'PUBACK');
  assert.deepEqual(
    ends.map(({ phase, code }) => [phase, code]),
    [['connected', 'protocol']],
  );
});
