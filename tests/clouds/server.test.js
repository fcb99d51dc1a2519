// The base of the stand-ins, with MQTT.js as the client: what a service inherits.
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import mqtt from 'mqtt';
import mqttPacket from 'mqtt-packet';
import WebSocket from 'ws';
import { client as connected, once } from './clients.js';
import { CloudServer } from './server.js';
import { certificate } from './tls.js';
import { isFilter, matches } from './topics.js';

/**
 * @param {Partial<CloudServer>} [settings]
 * @param {Parameters<CloudServer['listen']>[0]} [options]
 */
async function start(settings = {}, options = {}) {
  return Object.assign(new CloudServer(), { versions: [3, 4, 5] }, settings).listen(options);
}

/**
 * @param {CloudServer} server
 * @param {import('mqtt').IClientOptions} [options]
 */
const client = (server, options) => connected(server.url, options);

/** What the server answers to a request for a WebSocket. @param {string} url @param {string[]} protocols */
async function status(url, protocols) {
  const socket = new WebSocket(url, protocols);
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  return response.statusCode;
}

test('filters match topics as the specification says', () => {
  for (const [filter, topic, matched] of /** @type {const} */ ([
    ['a/b', 'a/b', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/b/c', false],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['+/b', '$x/b', false],
    ['#', '$x', false],
    ['#', 'a/b', true],
    ['$x/#', '$x/b', true],
    ['a', 'a/b', false],
  ])) {
    assert.equal(matches(filter, topic), matched, `${filter} ${topic}`);
  }
  assert.equal(matches('a/#', 'a', { parents: false }), false);
  assert.equal(matches('a/#', 'a/b', { parents: false }), true);
  assert.deepEqual(['', 'a#', '#/a', 'a/+b'].filter(isFilter), []);
});

test('a path or a subprotocol that it does not know is refused with 400', async () => {
  const server = await start();
  assert.equal(await status(`ws://${server.host}/other`, ['mqtt']), 400);
  assert.equal(await status(`ws://${server.host}/mqtt`, ['wamp']), 400);
  assert.deepEqual(
    server.violations.map(({ rule }) => rule),
    ['path', 'subprotocol'],
  );
  await server.stop();
});

test('a service refuses a WebSocket with a status of its own', async () => {
  const server = await start({ upgrade: () => 403 });
  assert.equal(await status(server.url, ['mqtt']), 403);
  await server.stop();
});

test('messages go to who subscribed, over ws, wss and TCP', async () => {
  for (const tls of [false, true]) {
    const server = await start({}, { tls, tcp: true });
    const one = await client(server, { ca: server.ca });
    const scheme = tls ? 'mqtts' : 'mqtt';
    const other = await connected(`${scheme}://localhost:${server.tcpPort}`, { ca: server.ca });
    await one.subscribeAsync('room/+', { qos: 2 });
    for (const qos of /** @type {const} */ ([0, 1, 2])) {
      const came = once(one, 'message');
      await other.publishAsync('room/1', `${qos}`, { qos });
      const [topic, payload, packet] = await came;
      assert.deepEqual([topic, `${payload}`, packet.qos], ['room/1', `${qos}`, qos]);
    }
    await one.endAsync();
    await other.endAsync();
    await server.stop();
    assert.deepEqual(server.violations, []);
  }
});

test('the certificate is good for the authority that comes with it, and for nobody else', async () => {
  const server = await start({}, { tls: certificate() });
  await assert.rejects(client(server), /self-signed certificate|unable to verify/);
  await server.stop();
});

test('a session is kept for who wants it: its subscriptions, its messages', async () => {
  const server = await start();
  const options = { clientId: 'kept', clean: false };
  const first = await client(server, options);
  await first.subscribeAsync('a', { qos: 1 });
  await first.endAsync();
  await server.until(() => server.open().length === 0);
  server.route({ topic: 'a', payload: 'while away', qos: 1 });
  const second = mqtt.connect(server.url, { ...options, reconnectPeriod: 0 });
  const [[connack], [topic, payload]] = await Promise.all([once(second, 'connect'), once(second, 'message')]);
  assert.deepEqual([connack.sessionPresent, topic, `${payload}`], [true, 'a', 'while away']);
  await second.endAsync();
  const third = mqtt.connect(server.url, { ...options, clean: true, reconnectPeriod: 0 });
  assert.equal((await once(third, 'connect'))[0].sessionPresent, false);
  await third.endAsync();
  await server.stop();
});

test('a client id is taken over: the old connection is closed, in MQTT 5 with 0x8E', async () => {
  for (const protocolVersion of /** @type {const} */ ([4, 5])) {
    const server = await start();
    const first = await client(server, { clientId: 'x', protocolVersion });
    /** @type {number[]} */
    const reasons = [];
    first.on('disconnect', ({ reasonCode }) => reasons.push(reasonCode ?? 0));
    const closed = once(first, 'close');
    const second = await client(server, { clientId: 'x', protocolVersion });
    await closed;
    assert.deepEqual(reasons, protocolVersion === 5 ? [0x8e] : []);
    assert.equal(server.open().length, 1);
    await second.endAsync();
    await server.stop();
  }
});

test('retained messages and wills', async () => {
  const server = await start();
  const one = await client(server, { clientId: 'one', will: { topic: 'gone', payload: Buffer.from('one'), qos: 1 } });
  await one.publishAsync('kept', 'value', { retain: true });
  const other = await client(server);
  const came = once(other, 'message');
  await other.subscribeAsync(['kept', 'gone']);
  const [topic, payload, packet] = await came;
  assert.deepEqual([topic, `${payload}`, packet.retain], ['kept', 'value', true]);
  const will = once(other, 'message');
  server.connection('one')?.drop();
  assert.equal(`${(await will)[1]}`, 'one');
  await other.endAsync();
  await server.stop();
});

test('packets before CONNACK, text frames and malformed bytes are violations, and close', async () => {
  const server = await start();
  /** @type {[string, Buffer | string][]} */
  const wrong = [
    ['order', mqttPacket.generate({ cmd: 'pingreq' })],
    ['binary', 'text'],
    ['malformed', Buffer.from([0, 0])],
  ];
  for (const [rule, bytes] of wrong) {
    const socket = new WebSocket(server.url, 'mqtt');
    await once(socket, 'open');
    socket.send(bytes);
    const [code] = await once(socket, 'close');
    assert.equal(code, 1006);
    assert.equal(server.violations.at(-1)?.rule, rule);
  }
  await server.stop();
});

test('silence closes the connection', async () => {
  const server = await start({ silence: () => 0.05 });
  const quiet = await client(server, { keepalive: 0 });
  await once(quiet, 'close');
  assert.deepEqual(
    server.violations.map(({ rule }) => rule),
    ['keepalive'],
  );
  await server.stop();
});

test('credentials that expire close the connection, all at once or each in its time', async () => {
  const server = await start({ connected: (connection) => connection.expiresAt(Date.now() + 50) });
  await once(await client(server), 'close');
  server.connected = () => {};
  const lasting = await client(server);
  const closed = once(lasting, 'close');
  server.expireNow();
  await closed;
  assert.ok(server.validFrom > 0);
  await server.stop();
});

test('stop() leaves no listener and no connection', async () => {
  const server = await start({}, { tcp: true });
  const { port, tcpPort } = server;
  const one = await client(server);
  const closed = once(one, 'close');
  await server.stop();
  await closed;
  for (const gone of [port, tcpPort]) {
    const [error] = await once(createConnection(gone, '127.0.0.1'), 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  }
});
