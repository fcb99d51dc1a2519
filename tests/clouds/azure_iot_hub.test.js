// The stand-in of Azure IoT Hub: Azure's own device client first, then with MQTT.js what that client never does.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import azure from 'azure-iot-common';
import device from 'azure-iot-device';
import transport from 'azure-iot-device-mqtt';
import mqtt from 'mqtt';
import { readToken } from './azure_sas.js';
import { startAzureIotHub } from './azure_iot_hub.js';
import { closing, connack, client as connected, detour, once } from './clients.js';

/** @typedef {Awaited<ReturnType<typeof startAzureIotHub>>} Hub */
/** @typedef {import('mqtt').IClientOptions} Options */

const NAME = 'contoso.azure-devices.net';

/** @type {(() => Promise<unknown>)[]} */
const ends = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start() {
  const hub = await startAzureIotHub({ name: NAME });
  ends.push(() => hub.stop());
  return hub;
}

/** @param {Hub} hub */
const connectionString = ({ form }) => `HostName=${NAME};DeviceId=${form.device};SharedAccessKey=${form.key}`;

/** Azure's device client. @param {Hub} hub @param {device.Client} [client] */
async function vendor(hub, client = device.Client.fromConnectionString(connectionString(hub), transport.MqttWs)) {
  await client.setOptions({ mqtt: { webSocketAgent: detour(hub) } });
  client.setRetryPolicy(new azure.NoRetry());
  await client.open();
  ends.push(() => client.close());
  return client;
}

/** @param {Hub} hub @param {{ id?: string, resource?: string, key?: string, policy?: string, seconds?: number }} [options] */
function login(hub, { id = hub.form.device, resource, key = hub.form.key, policy = '', seconds = 60 } = {}) {
  const sr = azure.encodeUriComponentStrict(resource ?? `${NAME}/devices/${id.replace('/', '/modules/')}`);
  const token = azure.SharedAccessSignature.create(sr, policy, key, Math.ceil(Date.now() / 1000) + seconds);
  return {
    ca: hub.ca,
    clientId: id,
    username: `${NAME}/${id}/?api-version=2021-04-12`,
    password: token.toString(),
  };
}

/** MQTT.js in a device's place. @param {Hub} hub @param {Options} [options] */
async function plain(hub, options) {
  const client = await connected(hub.url, { ...login(hub), ...options });
  ends.push(() => client.endAsync(true));
  return client;
}

/** @param {Hub} hub */
const rules = (hub) => hub.violations.map(({ rule }) => rule);

/** @param {Promise<any>} promise */
const failure = (promise) =>
  promise.then(
    () => assert.fail('it did not fail'),
    (error) => error,
  );

test('Azure’s client: telemetry with properties', async () => {
  const hub = await start();
  const client = await vendor(hub);
  const message = new device.Message('{"t":20}');
  Object.assign(message, {
    messageId: 'm 1',
    correlationId: 'c/2',
    contentType: 'application/json',
    contentEncoding: 'utf-8',
  });
  message.properties.add('prop 1', 'a&b=c');
  message.properties.add('level', 'storé');
  await client.sendEvent(message);
  const [{ text, properties, device: from }] = hub.seen.telemetry;
  assert.deepEqual([from, text], ['dev-1', '{"t":20}']);
  assert.deepEqual(properties, {
    '$.mid': 'm 1',
    '$.cid': 'c/2',
    '$.ct': 'application/json',
    '$.ce': 'utf-8',
    'prop 1': 'a&b=c',
    level: 'storé',
  });
  assert.deepEqual(hub.violations, []);
});

test('Azure’s client: messages to the device, each until it is acknowledged', async () => {
  const hub = await start();
  const early = hub.cloud.send('dev-1', 'early', { 'iothub-ack': 'full', 'a b': 'ü&=', empty: '' });
  const client = await vendor(hub);
  const came = once(client, 'message');
  const [message] = await came;
  assert.equal(message.getData().toString(), 'early');
  assert.equal(message.to, '/devices/dev-1/messages/deviceBound');
  assert.deepEqual(
    message.properties.propertyList.map((/** @type {any} */ { key, value }) => [key, value]),
    [
      ['iothub-ack', 'full'],
      ['a b', 'ü&='],
      ['empty', ''],
    ],
  );
  await hub.until(() => early.done);
  const next = once(client, 'message');
  hub.cloud.send('dev-1', 'late');
  assert.equal((await next)[0].getData().toString(), 'late');
});

test('Azure’s client: the twin, both ways', async () => {
  const hub = await start();
  hub.cloud.desired('dev-1', { interval: 10, nested: { a: 1, b: 2 } });
  const twin = await (await vendor(hub)).getTwin();
  assert.deepEqual(twin.properties.desired, { interval: 10, nested: { a: 1, b: 2 }, $version: 2 });
  const update = (/** @type {any} */ patch) =>
    new Promise((resolve, reject) => {
      twin.properties.reported.update(patch, (/** @type {any} */ error) => (error ? reject(error) : resolve(null)));
    });
  await update({ interval: 10, lamp: { on: true, level: 3 } });
  await update({ lamp: { level: null } });
  assert.deepEqual(hub.cloud.twin('dev-1').reported, { interval: 10, lamp: { on: true }, $version: 3 });
  const changes = /** @type {any[]} */ ([]);
  const changed = new Promise((resolve) => {
    twin.on('properties.desired', (delta) => changes.push(delta) === 2 && resolve(null));
  });
  await hub.until(() => hub.open()[0].session.subscriptions.has('$iothub/twin/PATCH/properties/desired/#'));
  assert.equal(hub.cloud.desired('dev-1', { nested: { b: null } }), 3);
  await changed;
  assert.deepEqual(changes[1], { nested: { b: null }, $version: 3 });
  assert.deepEqual(hub.cloud.twin('dev-1').desired, { interval: 10, nested: { a: 1 }, $version: 3 });
  hub.cloud.failTwin(429);
  assert.match((await failure(update({ a: 1 }))).message, /Too many requests/);
  assert.deepEqual(hub.violations, []);
});

test('Azure’s client: direct methods', async () => {
  const hub = await start();
  await assert.rejects(hub.cloud.method('dev-1', 'reboot'), /not online/);
  const client = await vendor(hub);
  client.onDeviceMethod('reboot', (request, response) => {
    response.send(request.payload.now ? 200 : 409, { done: request.payload.now }, () => {});
  });
  client.onDeviceMethod('slow', () => {});
  await hub.until(() => hub.open()[0].session.subscriptions.has('$iothub/methods/POST/#'));
  assert.deepEqual(await hub.cloud.method('dev-1', 'reboot', { now: true }), { status: 200, payload: { done: true } });
  assert.deepEqual(await hub.cloud.method('dev-1', 'reboot', { now: false }), {
    status: 409,
    payload: { done: false },
  });
  await assert.rejects(hub.cloud.method('dev-1', 'slow', null, 0.05), /in time/);
  assert.equal(hub.seen.answers.length, 2);
});

test('Azure’s client: a module', async () => {
  const hub = await start();
  const { device: id, module, key } = hub.moduleForm;
  const of = `HostName=${NAME};DeviceId=${id};ModuleId=${module};SharedAccessKey=${key}`;
  const client = device.ModuleClient.fromConnectionString(of, transport.MqttWs);
  await client.setOptions({ mqtt: { webSocketAgent: detour(hub) } });
  await client.open();
  ends.push(() => client.close());
  const came = once(client, 'inputMessage');
  await client.sendOutputEvent('out', new device.Message('1'));
  assert.deepEqual(
    [hub.seen.telemetry[0].device, hub.seen.telemetry[0].properties],
    ['dev-1/mod-1', { '$.on': 'out' }],
  );
  await hub.until(() => hub.open()[0].session.subscriptions.size > 0);
  hub.cloud.input('dev-1/mod-1', 'in', 'hello', { a: 'b' });
  const [input, message] = await came;
  assert.deepEqual([input, message.getData().toString()], ['in', 'hello']);
  assert.deepEqual(hub.violations, []);
});

test('Azure’s client: a wrong key, a device that is not there', async () => {
  const hub = await start();
  const wrong = Buffer.from('wrong').toString('base64');
  for (const of of [
    `HostName=${NAME};DeviceId=dev-1;SharedAccessKey=${wrong}`,
    `HostName=${NAME};DeviceId=dev-2;SharedAccessKey=${hub.form.key}`,
  ]) {
    const client = device.Client.fromConnectionString(of, transport.MqttWs);
    assert.match((await failure(vendor(hub, client))).message, /Not authorized/i);
  }
  assert.deepEqual(rules(hub), ['credentials', 'credentials']);
});

test('Azure’s client: a new token is a new connection, to the same session', async () => {
  const hub = await start();
  const token = login(hub).password;
  const client = await vendor(hub, device.Client.fromSharedAccessSignature(token, transport.MqttWs));
  client.on('message', () => {});
  await hub.until(() => hub.open()[0]?.session.subscriptions.size);
  const { password } = login(hub, { seconds: 900 });
  await client.updateSharedAccessSignature(password);
  await hub.until(() => hub.connections.length === 2 && hub.open().length === 1);
  assert.equal(hub.open()[0].session.subscriptions.size, 1);
  assert.equal(hub.open()[0].connect.password.toString(), password);
});

test('tokens of other makers: other case of the hex digits, other order, a resource that is not encoded', () => {
  const key = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';
  const good = [
    'sr=contoso.azure-devices.net%2Fdevices%2FMyDevice01&sig=XpKA7BGcdWvp7wEi4awDizodd4ycaLFVylF2HAJ%2FqAE%3D&se=1893456000',
    'sig=XpKA7BGcdWvp7wEi4awDizodd4ycaLFVylF2HAJ%2fqAE%3d&se=1893456000&sr=contoso.azure-devices.net%2Fdevices%2FMyDevice01',
    'sr=contoso.azure-devices.net&sig=qntaV5IT1dM2apsDoJXawvLIz4ZKnzKlcX2pfrRfwRU%3D&skn=iothubowner&se=1893456000',
    'sr=contoso.azure-devices.net%2Fdevices%2Fdev-1.%25_%2A%3F%21%28%29%2C%3A%3D%40%24%27&sig=bfySgZDocbqlGt%2Bpi%2Fmyu5Rzo75ZKplmubQdoF4Go%2FU%3D&se=1893456000',
    'sr=contoso.azure-devices.net%2Fdevices%2Fdev-1.%25_%2a%3F%21%28%29%2C%3A%3D%40%24%27&sig=S11RKJAJiglNfpv1F7WA%2F8fStyQ417gkV6Cz7IH1I6E%3D&se=1893456000',
  ];
  for (const fields of good)
    assert.ok(
      readToken(`SharedAccessSignature ${fields}`, () => [key]),
      fields,
    );
  const [first] = good;
  for (const fields of [
    first.replace('Device01', 'Device02'),
    first.replace('se=18', 'se=19'),
    first.replace('qAE', 'qAF'),
  ]) {
    assert.equal(
      readToken(`SharedAccessSignature ${fields}`, () => [key]),
      undefined,
    );
  }
  assert.equal(
    readToken(first, () => [key]),
    undefined,
  );
  assert.equal(
    readToken(`SharedAccessSignature ${first}`, () => [Buffer.from('other').toString('base64')]),
    undefined,
  );
});

test('a login is answered with CONNACK 0, 4 or 5', async () => {
  const hub = await start();
  const code = (/** @type {Options} */ options) => connack(hub.url, options);
  const good = login(hub);
  const policyKey = hub.policyForm.key;
  assert.equal(await code(good), 0);
  const { password } = login(hub, { resource: `${hub.host}/devices/dev-1` });
  const username = `${hub.host}/dev-1/?api-version=2018-06-30&DeviceClientType=x`;
  assert.equal(await code({ ...good, username, password }), 0);
  assert.equal(await code(login(hub, { id: 'dev-1/mod-1', key: hub.moduleForm.key })), 0);
  assert.equal(await code(login(hub, { key: policyKey, policy: 'device' })), 0);
  assert.equal(await code(login(hub, { key: policyKey, policy: 'device', resource: NAME })), 0);
  assert.deepEqual(hub.violations, []);
  assert.equal(await code({ ...good, username: `${NAME}/dev-1/api-version=2021-04-12` }), 4);
  assert.equal(await code({ ...good, username: `${NAME}/dev-1/?api-version=1` }), 4);
  assert.equal(await code({ ...good, username: `other.azure-devices.net/dev-1/?api-version=2021-04-12` }), 4);
  assert.equal(await code({ ...good, clientId: 'dev-2' }), 4);
  assert.equal(await code({ ...good, password: undefined }), 5);
  assert.equal(await code({ ...good, password: `${good.password}0` }), 5);
  assert.equal(await code(login(hub, { seconds: -2 })), 5);
  assert.equal(await code(login(hub, { resource: `${NAME}/devices/dev-2` })), 5);
  assert.equal(await code(login(hub, { resource: NAME })), 5);
  assert.equal(await code(login(hub, { key: policyKey, policy: 'other' })), 5);
  const other = `${NAME}/devices/dev-2`;
  assert.equal(await code(login(hub, { key: policyKey, policy: 'device', resource: other })), 5);
  assert.equal(await code(login(hub, { key: hub.policyKey('service'), policy: 'service' })), 5);
  assert.equal(await code({ ...good, protocolVersion: 5 }), 1);
});

test('the connection ends with its token; the same token is not taken again after expireNow()', async () => {
  const hub = await start();
  const short = await plain(hub, login(hub, { seconds: 4 }));
  await closing(short);
  const kept = login(hub);
  const first = await plain(hub, kept);
  const closed = closing(first);
  hub.expireNow();
  await closed;
  assert.equal(await connack(hub.url, login(hub, { seconds: 900 })), 0);
  let code = 0;
  while (code === 0) code = await connack(hub.url, kept);
  assert.equal(code, 5);
});

test('what it dislikes, it closes', async () => {
  const hub = await start();
  const attempts = /** @type {[rule: string, (client: import('mqtt').MqttClient) => unknown][]} */ ([
    ['qos', (client) => client.publish('devices/dev-1/messages/events/', '1', { qos: 2 })],
    ['topic', (client) => client.publish('devices/dev-2/messages/events/', '1')],
    ['topic', (client) => client.publish('devices/dev-1/messages/events', '1')],
    ['topic', (client) => client.publish('devices/dev-1/messages/events/a=%', '1')],
    ['topic', (client) => client.publish('devices/dev-1/modules/mod-1/messages/events/', '1')],
    ['topic', (client) => client.publish('$iothub/twin/GET/', '')],
    ['payload', (client) => client.publish('devices/dev-1/messages/events/', Buffer.alloc(256 * 1024))],
    ['payload', (client) => client.publish('$iothub/methods/res/200/?$rid=1', '{')],
    ['filter', (client) => client.subscribe('devices/dev-1/messages/devicebound/+')],
    ['filter', (client) => client.subscribe('$iothub/#')],
    ['filter', (client) => client.subscribe(['$iothub/twin/res/#', 'devices/dev-2/messages/devicebound/#'])],
  ]);
  for (const [rule, attempt] of attempts) {
    const client = await plain(hub);
    const closed = closing(client);
    let packets = 0;
    client.on('packetreceive', () => packets++);
    attempt(client);
    await closed;
    assert.deepEqual([hub.violations.at(-1)?.rule, packets], [rule, 0]);
  }
  const topic = 'devices/dev-2/messages/events/';
  assert.equal(await connack(hub.url, { ...login(hub), will: { topic, payload: Buffer.from('1'), qos: 0 } }), -1);
  assert.equal(hub.violations.at(-1)?.rule, 'will');
});

test('QoS 2 is granted as 1; retain and will become properties', async () => {
  const hub = await start();
  const topic = 'devices/dev-1/messages/events/';
  const client = await plain(hub, { will: { topic: `${topic}a=b`, payload: Buffer.from('gone'), qos: 1 } });
  assert.equal((await client.subscribeAsync('devices/dev-1/messages/devicebound/#', { qos: 2 }))[0].qos, 1);
  await client.publishAsync(topic, '1', { qos: 1, retain: true });
  hub.open()[0].drop();
  await hub.until(() => hub.seen.telemetry.length === 2);
  assert.deepEqual(
    hub.seen.telemetry.map(({ properties }) => properties),
    [{ 'mqtt-retain': 'true' }, { a: 'b', 'iothub-MessageType': 'Will' }],
  );
  assert.deepEqual(hub.violations, []);
});

test('a message waits for the device; with clean session 0 it needs no new subscription', async () => {
  const hub = await start();
  const filter = 'devices/dev-1/messages/devicebound/#';
  const first = await plain(hub, { clean: false });
  await first.subscribeAsync(filter, { qos: 1 });
  await first.endAsync();
  await hub.until(() => hub.open().length === 0);
  const message = hub.cloud.send('dev-1', '1', { '$.mid': 'm', flag: null });
  const second = mqtt.connect(hub.url, { ...login(hub), clean: false, reconnectPeriod: 0 });
  const [[connack], [topic, payload]] = await Promise.all([once(second, 'connect'), once(second, 'message')]);
  assert.deepEqual([connack.sessionPresent, `${payload}`], [true, '1']);
  assert.equal(
    topic,
    'devices/dev-1/messages/devicebound/%24.mid=m&%24.to=%2Fdevices%2Fdev-1%2Fmessages%2FdeviceBound&flag',
  );
  await hub.until(() => message.done);
  await second.endAsync();
});

test('a message that is not acknowledged comes again, to a new session too', async () => {
  const hub = await start();
  const filter = 'devices/dev-1/messages/devicebound/#';
  const message = hub.cloud.send('dev-1', '1');
  const first = await plain(hub, {
    customHandleAcks: () => {},
  });
  const lost = closing(first);
  first.subscribe(filter, { qos: 1 });
  await hub.until(() => hub.open()[0].session.unacknowledged.size === 1);
  await first.subscribeAsync(filter, { qos: 1 });
  assert.equal(hub.open()[0].session.unacknowledged.size, 1);
  hub.open()[0].drop();
  await lost;
  assert.equal(message.done, false);
  const second = await plain(hub);
  const came = once(second, 'message');
  await second.subscribeAsync(filter, { qos: 1 });
  assert.equal(`${(await came)[1]}`, '1');
  await hub.until(() => message.done);
});

test('twin requests: versions and statuses', async () => {
  const hub = await start();
  const client = await plain(hub);
  await client.subscribeAsync('$iothub/twin/res/#');
  const reported = '$iothub/twin/PATCH/properties/reported/';
  for (const [topic, body, answer] of [
    [`${reported}?$rid=a%20b`, '{"a":1}', '204/?$rid=a%20b&$version=2'],
    [`${reported}?$rid=2&$version=2`, '{"a":2}', '204/?$rid=2&$version=3'],
    [`${reported}?$rid=3&$version=2`, '{"a":3}', '412/?$rid=3'],
    [`${reported}?$rid=4`, '[1]', '400/?$rid=4'],
    [`${reported}?$rid=5`, '{', '400/?$rid=5'],
    ['$iothub/twin/GET/?$rid=6', '', '200/?$rid=6'],
  ]) {
    const came = once(client, 'message');
    client.publish(topic, body);
    assert.equal((await came)[0], `$iothub/twin/res/${answer}`);
  }
  assert.deepEqual(hub.cloud.twin('dev-1').reported, { a: 2, $version: 3 });
  for (const status of [429, 500]) {
    hub.cloud.failTwin(status);
    const came = once(client, 'message');
    client.publish('$iothub/twin/GET/?$rid=7', '');
    assert.equal((await came)[0], `$iothub/twin/res/${status}/?$rid=7`);
  }
});

test('silence is borne for one and a half times the keepalive, but no longer than the hub’s own limit', async () => {
  const hub = await start();
  const silence = (/** @type {number} */ keepalive) => hub.silence(/** @type {any} */ ({ connect: { keepalive } }));
  assert.deepEqual([60, 1177, 1178, 0].map(silence), [90, 1765.5, 1767, 1767]);
});
