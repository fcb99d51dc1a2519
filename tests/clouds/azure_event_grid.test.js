// The stand-in of an Azure Event Grid namespace, with MQTT.js. (Azure has no client of its own for it.)
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import mqtt from 'mqtt';
import mqttPacket from 'mqtt-packet';
import { startAzureEventGrid } from './azure_event_grid.js';
import { closing, connack, client as connected, once } from './clients.js';

/** @typedef {Awaited<ReturnType<typeof startAzureEventGrid>>} EventGrid */
/** @typedef {import('mqtt').IClientOptions} Options */
/** @typedef {import('mqtt').MqttClient} Client */

const METHOD = 'CUSTOM-JWT';

/** @type {(() => Promise<unknown>)[]} */
const ends = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start() {
  const grid = await startAzureEventGrid();
  ends.push(() => grid.stop());
  return grid;
}

/** @param {EventGrid} grid @param {{ token?: string, method?: string, more?: object }} [options] @returns {Options} */
const login = (grid, { token = grid.form.token, method = METHOD, more } = {}) => ({
  ca: grid.ca,
  protocolVersion: 5,
  clientId: 'session-1',
  username: grid.form.username,
  properties: { authenticationMethod: method, authenticationData: Buffer.from(token), ...more },
});

/** A client, and the reason codes of the DISCONNECTs that come. @param {EventGrid} grid @param {Options} [options] */
async function plain(grid, options = login(grid)) {
  const client = await connected(grid.url, options);
  ends.push(() => client.endAsync(true));
  /** @type {number[]} */
  const reasons = [];
  client.on('disconnect', ({ reasonCode }) => reasons.push(reasonCode ?? 0));
  return { client, reasons };
}

/** @param {Client} client @param {object} packet as mqtt-packet has it, which MQTT.js would not send */
const raw = (client, packet) =>
  client.stream.write(mqttPacket.generate(/** @type {any} */ (packet), { protocolVersion: 5 }));

/** @param {Client} client @param {string} token @param {object} [more] */
const renew = (client, token, more) =>
  raw(client, {
    cmd: 'auth',
    reasonCode: 0x19,
    properties: { authenticationMethod: METHOD, authenticationData: Buffer.from(token), ...more },
  });

/** @param {EventGrid} grid */
const rules = (grid) => grid.violations.map(({ rule }) => rule);

test('a login is answered with its reason code', async () => {
  const grid = await start();
  const code = (/** @type {Parameters<typeof login>[1]} */ parts, /** @type {Options} */ options = {}) =>
    connack(grid.url, { ...login(grid, parts), ...options });
  assert.equal(await code({}), 0);
  assert.equal(await code({ method: 'OAUTH2-JWT', token: await grid.cloud.token({ method: 'OAUTH2-JWT' }) }), 0);
  assert.deepEqual(grid.violations, []);
  const token = (/** @type {Parameters<EventGrid['cloud']['token']>[0]} */ options) => grid.cloud.token(options);
  assert.equal(await code({ token: 'a.b.c' }), 0x87);
  assert.equal(await code({ token: `${grid.form.token.slice(0, -8)}AAAAAAAA` }), 0x87);
  assert.equal(await code({ token: await token({ seconds: -1 }) }), 0x87);
  assert.equal(await code({ token: await token({ audience: grid.host }) }), 0x87);
  assert.equal(await code({ token: await token({ method: 'OAUTH2-JWT' }) }), 0x87);
  const other = await start();
  assert.equal(await code({ token: await other.cloud.token({ audience: `${grid.host}/` }) }), 0x87);
  assert.equal(await code({ method: 'JWT' }), 0x8c);
  assert.equal(await code({}, { properties: {} }), 0x87);
  assert.equal(await code({}, { protocolVersion: 4, properties: {} }), 5);
  assert.equal(await code({ more: { userProperties: { a: 'b' } } }), 0x83);
  assert.equal(await code({}, { clientId: '' }), 0x85);
});

test('CONNACK says what there is, and keeps what is asked for within it', async () => {
  const grid = await start();
  const options = { ...login(grid, { more: { sessionExpiryInterval: 86400 } }), keepalive: 2000, reconnectPeriod: 0 };
  const client = mqtt.connect(grid.url, options);
  ends.push(() => client.endAsync(true));
  const [{ properties }] = await once(client, 'connect');
  assert.deepEqual(
    { ...properties },
    {
      maximumQoS: 1,
      maximumPacketSize: 524288,
      topicAliasMaximum: 10,
      subscriptionIdentifiersAvailable: false,
      sharedSubscriptionAvailable: false,
      authenticationMethod: METHOD,
      serverKeepAlive: 1160,
      sessionExpiryInterval: 3600,
    },
  );
});

test('messages with all that belongs to them, wildcards, retained messages, commands', async () => {
  const grid = await start();
  const { client } = await plain(grid);
  const { client: other } = await plain(grid, { ...login(grid), clientId: 'session-2' });
  const properties = { userProperties: { a: 'b' }, responseTopic: 'r', correlationData: Buffer.from('1') };
  await client.publishAsync('devices/dev-1/state', '{}', { qos: 1, retain: true });
  const retained = once(other, 'message');
  await other.subscribeAsync('devices/+/#', { qos: 1 });
  assert.equal((await retained)[0], 'devices/dev-1/state');
  const came = once(other, 'message');
  await client.publishAsync('devices/dev-1/telemetry', '1', { qos: 1, properties });
  const [, , packet] = await came;
  assert.deepEqual([{ ...packet.properties.userProperties }, packet.properties.responseTopic], [{ a: 'b' }, 'r']);
  const command = once(other, 'message');
  grid.cloud.command('dev-1', 'reboot', { now: true }, { id: '7' });
  assert.deepEqual((await command).slice(0, 2).map(String), ['devices/dev-1/commands/reboot/7', '{"now":true}']);
  grid.cloud.desired('dev-1', { interval: 1 });
  const desired = once(client, 'message');
  await client.subscribeAsync('devices/dev-1/desired');
  assert.equal(`${(await desired)[1]}`, '{"interval":1}');
  assert.deepEqual([grid.seen.telemetry.length, grid.seen.state.length], [1, 1]);
  assert.deepEqual(grid.violations, []);
});

test('a token ends: the connection does too, unless AUTH brought another', async () => {
  const grid = await start();
  const short = login(grid, { token: await grid.cloud.token({ seconds: 5 }) });
  const { client: kept } = await plain(grid, { ...short, clientId: 'kept' });
  const answer = once(kept, 'packetreceive');
  renew(kept, await grid.cloud.token());
  const [{ cmd, reasonCode, properties }] = await answer;
  assert.deepEqual([cmd, reasonCode, properties.authenticationMethod], ['auth', 0, METHOD]);
  const { client, reasons } = await plain(grid, short);
  await closing(client);
  assert.deepEqual(reasons, [0x87]);
  await kept.publishAsync('a', '1', { qos: 1 });
  assert.equal(kept.connected, true);
});

test('expireNow() ends the tokens in use; new ones are good', async () => {
  const grid = await start();
  const { client, reasons } = await plain(grid);
  const closed = closing(client);
  grid.expireNow();
  await closed;
  assert.deepEqual(reasons, [0x87]);
  assert.equal(await connack(grid.url, login(grid)), 0x87);
  assert.equal(await connack(grid.url, login(grid, { token: await grid.cloud.token() })), 0);
});

test('what is forbidden ends the connection, and says why', async () => {
  const grid = await start();
  const good = await grid.cloud.token();
  const others = await grid.cloud.token({ name: 'client-2' });
  const userProperties = { a: 'b' };
  const attempts = /** @type {[rule: string, code: number, (client: Client) => unknown][]} */ ([
    ['qos', 0x9b, (client) => raw(client, { cmd: 'publish', topic: 'a', payload: '1', qos: 2, messageId: 9 })],
    [
      'packet size',
      0x95,
      (client) => raw(client, { cmd: 'publish', topic: 'a', payload: Buffer.alloc(524288), qos: 0 }),
    ],
    [
      'topic alias',
      0x94,
      (client) => raw(client, { cmd: 'publish', topic: 'a', payload: '1', qos: 0, properties: { topicAlias: 11 } }),
    ],
    ['subscription identifier', 0xa1, (client) => client.subscribe('a', { properties: { subscriptionIdentifier: 1 } })],
    ['puback', 0x83, (client) => raw(client, { cmd: 'puback', messageId: 9, reasonCode: 0x80 })],
    [
      'user properties',
      0x83,
      (client) => raw(client, { cmd: 'puback', messageId: 9, reasonCode: 0, properties: { userProperties } }),
    ],
    [
      'user properties',
      0x83,
      (client) => raw(client, { cmd: 'disconnect', reasonCode: 0, properties: { userProperties } }),
    ],
    ['user properties', 0x83, (client) => renew(client, good, { userProperties })],
    ['credentials', 0x87, (client) => renew(client, 'a.b.c')],
    ['credentials', 0x87, (client) => renew(client, others)],
    ['auth', 0x82, (client) => renew(client, good, { authenticationMethod: 'OAUTH2-JWT' })],
  ]);
  for (const [rule, code, attempt] of attempts) {
    const { client, reasons } = await plain(grid);
    const closed = closing(client);
    attempt(client);
    await closed;
    assert.deepEqual([grid.violations.at(-1)?.rule, reasons], [rule, [code]], rule);
  }
});

test('what is forbidden and does not end the connection', async () => {
  const grid = await start();
  const { client } = await plain(grid);
  const codes = /** @type {number[]} */ ([]);
  client.on('packetreceive', (packet) => codes.push(.../** @type {any} */ (packet).granted));
  for (const [messageId, topic, properties] of /** @type {const} */ ([
    [1, 'a', { userProperties: { a: 'b' } }],
    [2, '$share/group/a', {}],
    [3, 'a', {}],
  ])) {
    const answer = once(client, 'packetreceive');
    raw(client, { cmd: 'subscribe', messageId, subscriptions: [{ topic, qos: 2 }], properties });
    await answer;
  }
  assert.deepEqual(codes, [0x83, 0x9e, 1]);
  client.removeAllListeners('packetreceive');
  const retained = client.publishAsync('a', Buffer.alloc(65537), { qos: 1, retain: true });
  await assert.rejects(retained, (/** @type {any} */ error) => error.code === 0x97);
  assert.deepEqual(rules(grid), ['user properties', 'filter', 'retain']);
  assert.equal(client.connected, true);
});

test('a session belongs to one client, and ends when too much waits for it', async () => {
  const grid = await start();
  const options = login(grid, { more: { sessionExpiryInterval: 600, receiveMaximum: 1 } });
  const { client } = await plain(grid, options);
  await client.subscribeAsync('a', { qos: 1 });
  assert.equal(await connack(grid.url, { ...options, username: 'client-2' }), 0x87);
  assert.equal(client.connected, true);
  for (let i = 0; i < 200; i++) grid.route({ topic: 'a', payload: '1', qos: 1 });
  assert.equal(grid.sessions.size, 1, 'it is there to take them');
  const session = grid.open()[0].session;
  await grid.until(() => session.queue.length + session.unacknowledged.size === 0);
  await client.endAsync();
  await grid.until(() => grid.open().length === 0);
  assert.equal(await connack(grid.url, { ...options, username: 'client-2', clean: false }), 0x87);
  for (let i = 0; i < 100; i++) grid.route({ topic: 'a', payload: '1', qos: 1 });
  assert.equal(grid.sessions.size, 1);
  grid.route({ topic: 'a', payload: '1', qos: 1 });
  assert.equal(grid.sessions.size, 0);
  assert.equal(await connack(grid.url, { ...options, username: 'client-2', clean: false }), 0);
});

test('a session that is over belongs to nobody; one that is silent for too long ends', async () => {
  const grid = await start();
  const options = login(grid, { more: { sessionExpiryInterval: 1 } });
  const { client } = await plain(grid, options);
  await client.endAsync();
  let code = 0x87;
  while (code === 0x87) code = await connack(grid.url, { ...options, username: 'client-2', clean: false });
  assert.equal(code, 0);
  const silence = (/** @type {number} */ keepalive) => grid.silence(/** @type {any} */ ({ connect: { keepalive } }));
  assert.deepEqual([60, 1161, 0].map(silence), [90, 1740, 1740]);
});
