// The client in Node, by the package ws, against a real server: Mosquitto.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { connect, createClient } from '../../web/client/index.js';
import { startMosquitto } from '../tools/mosquitto.js';
import { freePort } from '../tools/ports.js';
import { eventually, rejection, wasm } from './peer.js';

/** @type {import('../tools/mosquitto.js').Mosquitto} */
let server;
before(async () => {
  server = await startMosquitto({ users: { user: 'secret' } });
});
after(() => server.stop());

const login = { username: 'user', password: 'secret', wasm };

for (const protocolVersion of /** @type {const} */ ([3, 4, 5])) {
  test(`version ${protocolVersion}: every QoS there and back, retained and large messages`, async () => {
    const client = await connect(server.url, { ...login, protocolVersion });
    assert.equal(client.negotiated?.version, protocolVersion);
    /** @type {string[]} */
    const got = [];
    const prefix = `v${protocolVersion}`;
    const large = 'x'.repeat(30_000);
    await client.publish(`${prefix}/kept`, 'retained', { qos: 1, retain: true });
    await client.subscribe(`${prefix}/#`, { qos: 2 }, (message) => {
      got.push(
        `${message.topic} ${message.text().slice(0, 10)} ${message.text().length} ${message.qos} ${message.retain}`,
      );
    });
    for (const qos of /** @type {const} */ ([0, 1, 2]))
      await client.publish(`${prefix}/q${qos}`, `QoS ${qos}`, { qos });
    await client.publish(`${prefix}/large`, large, { qos: 2 });
    await eventually(() => got.length === 5);
    assert.deepEqual(got, [
      `${prefix}/kept retained 8 1 true`,
      `${prefix}/q0 QoS 0 5 0 false`,
      `${prefix}/q1 QoS 1 5 1 false`,
      `${prefix}/q2 QoS 2 5 2 false`,
      `${prefix}/large xxxxxxxxxx 30000 2 false`,
    ]);
    await client.unsubscribe(`${prefix}/#`);
    await client.end();
  });
}

test('thousands of messages with QoS 1 and 2 arrive once and in order [M3:7.1.2-1] [M5:4.2.0-1]', async () => {
  const receiver = await connect(server.url, login);
  const sender = await connect(server.url, login);
  /** @type {number[][]} */
  const got = [[], [], []];
  await receiver.subscribe('many/+', { qos: 2 }, (message) => got[message.qos].push(Number(message.text())));
  const expected = Array.from({ length: 3000 }, (_, i) => i);
  for (const qos of /** @type {const} */ ([1, 2])) {
    await Promise.all(expected.map((i) => sender.publish(`many/${qos}`, String(i), { qos })));
    await eventually(() => got[qos].length === expected.length);
    assert.deepEqual(got[qos], expected);
  }
  await Promise.all([receiver.end(), sender.end()]);
});

test('request and response', async () => {
  const device = await connect(server.url, login);
  await device.subscribe('device/command', { qos: 1 }, (message) => {
    const { responseTopic = '', correlationData } = message.properties;
    void device.publish(responseTopic, { done: message.json() }, { qos: 1, properties: { correlationData } });
  });
  const client = await connect(server.url, login);
  assert.deepEqual((await client.request('device/command', { led: 1 })).json(), { done: { led: 1 } });
  assert.equal((await rejection(client.request('nobody/there', ''))).code, 'no-subscribers');
  await Promise.all([client.end(), device.end()]);
});

test('the will is published when the socket is lost, and not after end()', async () => {
  const watcher = await connect(server.url, login);
  /** @type {string[]} */
  const got = [];
  await watcher.subscribe('will/+', { qos: 1 }, (message) => void got.push(message.topic));
  const polite = await connect(server.url, { ...login, will: { topic: 'will/polite', payload: 'x', qos: 1 } });
  await polite.end();
  /** @type {any} */
  let socket;
  const { WebSocket } = await import('ws');
  const webSocket = (/** @type {string} */ url, /** @type {string[]} */ protocols) => {
    socket = new WebSocket(url, protocols);
    return socket;
  };
  const lost = await connect(server.url, {
    ...login,
    webSocket,
    will: { topic: 'will/lost', payload: 'x', qos: 1 },
    reconnect: false,
  });
  lost.on('error', () => {});
  socket.terminate();
  await eventually(() => got.length === 1);
  assert.deepEqual(got, ['will/lost']);
  await watcher.end();
});

test('two clients with one id suspect it, and both slow down', async () => {
  // Over a WebSocket, 2.0.11 says DISCONNECT 0x8E in no version: it just closes the older one.
  for (const protocolVersion of /** @type {const} */ ([4, 5])) {
    const reconnect = { minDelay: 10, maxDelay: 400, jitter: /** @type {const} */ ('none'), stableTime: 60_000 };
    const options = { ...login, protocolVersion, clientId: `twins-${protocolVersion}`, reconnect };
    /** @type {{ error: any, connections: number }[]} what each was told first, and how many connections it had by then */
    const told = [];
    const twins = [0, 1].map((i) => {
      const twin = createClient(server.url, options);
      return twin.on('error', (error) => (told[i] ??= { error, connections: twin.stats.connections }));
    });
    await eventually(() => told[0] && told[1]);
    for (const { error, connections } of told) {
      assert.equal(error.code, 'taken-over-suspected');
      assert(connections <= 4, `${connections} connections`);
    }
    await Promise.all(twins.map((twin) => twin.end({ force: true })));
  }
});

test('credentials that expire are renewed: no will, and the session goes on', async () => {
  const watcher = await connect(server.url, login);
  /** @type {string[]} */
  const got = [];
  await watcher.subscribe('renewal/+', { qos: 1 }, (message) => void got.push(`${message.topic} ${message.text()}`));
  let asked = 0;
  const client = await connect(server.url, {
    ...login,
    will: { topic: 'renewal/will', payload: 'x', qos: 1 },
    credentials: () => ({ username: 'user', expires: Date.now() + (++asked === 1 ? 2000 : 1e6) }),
  });
  await client.subscribe('renewal/own', { qos: 1 }, (message) => void got.push(`own ${message.text()}`));
  /** @type {any[]} */
  const told = [];
  client.on('error', (error) => told.push(error));
  client.on('connect', ({ sessionPresent }) => told.push(sessionPresent));
  for (let i = 0; told.length === 0; i++) await client.publish('renewal/own', String(i), { qos: 1 });
  assert.deepEqual(told, [true]);
  await client.publish('renewal/end', '', { qos: 1 });
  await eventually(() => got.includes('renewal/end '));
  const own = [...new Set(got.filter((text) => text.startsWith('own')))]; // QoS 1 may come twice
  assert.deepEqual(
    own,
    Array.from(own, (_, i) => `own ${i}`),
  );
  assert.deepEqual(
    got.filter((text) => text.startsWith('renewal/will')),
    [],
  );
  await Promise.all([watcher.end(), client.end()]);
});

test('a server that restarts: the client comes back, subscribed, and loses no QoS 1 message', async () => {
  const options = { ...login, reconnect: { minDelay: 20, maxDelay: 100 } };
  // Mosquitto 2.0.11 does not write down a session that began clean.
  const receiver = await connect(server.url, { ...options, clean: false });
  const sender = await connect(server.url, options);
  /** @type {Set<string>} */
  const got = new Set();
  await receiver.subscribe('restart', { qos: 1 }, (message) => void got.add(message.text()));
  const sent = [sender.publish('restart', '1', { qos: 1 })];
  await Promise.all(sent);
  await server.halt();
  sent.push(sender.publish('restart', '2', { qos: 1 }));
  assert.equal((await rejection(sender.publish('restart', 'zero'))).phase, 'publish');
  await server.start();
  await eventually(() => receiver.state === 'connected');
  await Promise.all(sent);
  await eventually(() => got.size === 2);
  assert.equal(receiver.stats.connections, 2);
  await Promise.all([receiver.end(), sender.end()]);
});

test('wrong password: what happened, and what to try', async () => {
  const error = await rejection(connect(server.url, { ...login, password: 'wrong' }));
  assert.equal(error.phase, 'connack');
  assert.equal(error.code, 'refused');
  assert.match(error.hint, /[Uu]ser/);
  assert.doesNotMatch(error.message + error.hint, /wrong|secret/);
});

test('closed port', async () => {
  const error = await rejection(connect(`ws://127.0.0.1:${await freePort()}/mqtt`, login));
  assert.equal(error.phase, 'open');
  assert.equal(error.code, 'refused-connection');
  assert.match(error.message, /nothing listens/);
  assert.match(error.hint, /WebSocket/);
});

test('the TCP port of the server', async () => {
  const error = await rejection(connect(`ws://127.0.0.1:${server.tcpPort}/mqtt`, login));
  assert.equal(error.phase, 'open');
  assert.notEqual(error.hint, '');
});

test('unknown host', async () => {
  const error = await rejection(connect('ws://no-such-host.invalid/mqtt', login));
  assert.equal(error.phase, 'open');
  assert.match(error.code, /unknown-host|open-failed/);
});

test('wrong subprotocol [M3:6.0.0-4] [M5:6.0.0-4]', async () => {
  const error = await rejection(connect(server.url, { ...login, protocols: ['nonsense'] }));
  assert.equal(error.phase, 'open');
  assert.match(error.hint, /subprotocol "nonsense"/);
});

test('wrong path, and a web server that has no WebSocket', async () => {
  const web = createServer((_request, response) => response.writeHead(404).end());
  await new Promise((resolve) => web.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (web.address());
  const error = await rejection(connect(`http://127.0.0.1:${port}/wrong?key=secret`, login));
  assert.equal(error.code, 'http-status');
  assert.match(error.message, /404/);
  assert.match(error.hint, /path/);
  assert.doesNotMatch(error.message, /secret/);
  web.close();
});

test('createClient() waits for a server that is not there yet', async () => {
  await server.halt();
  const client = createClient(server.url, { ...login, reconnect: { minDelay: 20, maxDelay: 50 } });
  const early = client.publish('early', 'x', { qos: 1 });
  await eventually(() => client.state === 'waiting');
  await server.start();
  await client.ready;
  await early;
  await client.end();
});

test('1 MiB out', async () => {
  const sender = await connect(server.url, login);
  const payload = new Uint8Array(1 << 20).map((_, i) => (i * 7919) >> 3);
  await sender.publish('mib', payload, { qos: 1 });
  assert(sender.stats.bytesOut > 1 << 20);
  await sender.end();
});
