// The stand-in of Azure's Device Provisioning Service: Azure's own client first, then MQTT.js.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import azure from 'azure-iot-common';
import provisioning from 'azure-iot-provisioning-device';
import transport from 'azure-iot-provisioning-device-mqtt';
import security from 'azure-iot-security-symmetric-key';
import { startAzureDps } from './azure_dps.js';
import { startAzureIotHub } from './azure_iot_hub.js';
import { deviceKey } from './azure_sas.js';
import { closing, connack, client as connected, detour, once } from './clients.js';

/** @typedef {Awaited<ReturnType<typeof startAzureDps>>} Dps */
/** @typedef {import('mqtt').IClientOptions} Options */

/** @type {(() => Promise<unknown>)[]} */
const ends = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start() {
  const hub = await startAzureIotHub();
  ends.push(() => hub.stop());
  const dps = await startAzureDps({ hub, retryAfter: 0 });
  ends.push(() => dps.stop());
  return { hub, dps };
}

/**
 * Register with Azure's client.
 * @param {Dps} dps @param {string} id @param {string} key
 * @returns {Promise<any>}
 */
async function register(dps, id, key) {
  const mqtt = new transport.MqttWs();
  // It has a place for the agent, but no call that puts it there.
  /** @type {any} */ (mqtt)._mqttBase.setOptions({ mqtt: { webSocketAgent: detour(dps) } });
  const host = 'global.azure-devices-provisioning.net';
  const secret = /** @type {any} */ (new security.SymmetricKeySecurityClient(id, key));
  const client = provisioning.ProvisioningDeviceClient.create(host, dps.form['id-scope'], mqtt, secret);
  return client.register();
}

/**
 * @param {Dps} dps
 * @param {{ id?: string, key?: string, policy?: string, seconds?: number, resource?: string }} [options]
 */
function login(
  dps,
  { id = dps.form.device, key = dps.form.key, policy = 'registration', seconds = 60, resource } = {},
) {
  const own = `${dps.form['id-scope']}/registrations/${id}`;
  const sr = azure.encodeUriComponentStrict(resource ?? own);
  const token = azure.SharedAccessSignature.create(sr, policy, key, Math.ceil(Date.now() / 1000) + seconds);
  return { ca: dps.ca, clientId: id, username: `${own}/api-version=2019-03-31`, password: token.toString() };
}

/** A client, and what it is answered. @param {Dps} dps @param {Parameters<typeof login>[1]} [options] */
async function plain(dps, options) {
  const client = await connected(dps.url, login(dps, options));
  ends.push(() => client.endAsync(true));
  await client.subscribeAsync('$dps/registrations/res/#', { qos: 1 });
  return {
    client,
    /** @param {string} topic @param {string} [body] @returns {Promise<[string, any]>} */
    async ask(topic, body = '') {
      const came = once(client, 'message');
      client.publish(`$dps/registrations/${topic}`, body, { qos: 1 });
      const [answer, payload] = await came;
      return [answer, JSON.parse(payload)];
    },
  };
}

test('Azure’s client: an individual enrolment, then the hub', async () => {
  const { hub, dps } = await start();
  const { device, key } = dps.form;
  const result = await register(dps, device, key);
  assert.deepEqual([result.status, result.assignedHub, result.deviceId], ['assigned', hub.host, device]);
  const sr = azure.encodeUriComponentStrict(`${hub.host}/devices/${device}`);
  const password = azure.SharedAccessSignature.create(sr, '', key, Math.ceil(Date.now() / 1000) + 60).toString();
  const username = `${hub.host}/${device}/?api-version=2021-04-12`;
  assert.equal(await connack(hub.url, { ca: hub.ca, clientId: device, username, password }), 0);
  assert.deepEqual([...hub.violations, ...dps.violations], []);
});

test('Azure’s client: an enrolment group, and a device that gets another id there', async () => {
  const { hub, dps } = await start();
  const { device, key } = dps.groupForm;
  const registered = async () => {
    const { assignedHub, deviceId } = await register(dps, device, deviceKey(key, device));
    return [assignedHub, deviceId];
  };
  assert.deepEqual(await registered(), [hub.host, device]);
  dps.cloud.decide(device, 'assigned', 'Dev-9');
  assert.deepEqual(await registered(), [hub.host, 'Dev-9']);
});

test('Azure’s client: a wrong key, and registrations that end badly', async () => {
  const { dps } = await start();
  const { device, key } = dps.form;
  await assert.rejects(register(dps, device, Buffer.from('wrong').toString('base64')), /Not authorized/i);
  dps.cloud.decide(device, 'failed');
  await assert.rejects(register(dps, device, key), /registration failed/);
  dps.cloud.decide(device, 'disabled');
  await assert.rejects(register(dps, device, key), /disabled/);
  dps.cloud.decide(device, 'assigned');
  dps.cloud.fail(401);
  await assert.rejects(register(dps, device, key));
});

test('Azure’s client: it tries again where it is asked to', async () => {
  const { dps } = await start();
  dps.cloud.fail(429);
  assert.equal((await register(dps, dps.form.device, dps.form.key)).status, 'assigned');
});

test('a group’s key makes the device’s key as in the worked example', () => {
  const key = deviceKey('Z3JvdXAtbWFzdGVyLWtleS1mb3ItdGVzdGluZy1vbmx5', 'reg-01');
  assert.equal(key, 'mGTVKecX17flpj+QONwu6BRT5W4xd5XWi3Rdyh/t8qU=');
});

test('requests: wait, poll, be told', async () => {
  const { hub, dps } = await start();
  const { ask } = await plain(dps);
  const { device } = dps.form;
  const [first, { operationId, status }] = await ask('PUT/iotdps-register/?$rid=1', `{"registrationId":"${device}"}`);
  assert.deepEqual([first, status], ['$dps/registrations/res/202/?$rid=1&retry-after=0', 'assigning']);
  const poll = `GET/iotdps-get-operationstatus/?$rid=2&operationId=${operationId}`;
  const id = 'reg-9';
  const other = await plain(dps, { id, key: deviceKey(dps.groupForm.key, id) });
  assert.equal((await other.ask(poll))[0], '$dps/registrations/res/404/?$rid=2');
  assert.deepEqual(await ask(poll), ['$dps/registrations/res/202/?$rid=2&retry-after=0', { operationId, status }]);
  const [last, body] = await ask(poll);
  assert.equal(last, '$dps/registrations/res/200/?$rid=2');
  assert.deepEqual([body.status, body.registrationState.assignedHub], ['assigned', hub.host]);
});

test('requests that are wrong are answered with their status', async () => {
  const { dps } = await start();
  const { ask } = await plain(dps);
  assert.match((await ask('PUT/iotdps-register/?$rid=a', '{'))[0], /res\/400\/\?\$rid=a$/);
  assert.match((await ask('PUT/iotdps-register/?$rid=b', '{"registrationId":"other"}'))[0], /res\/400\/\?\$rid=b$/);
  assert.match((await ask('GET/iotdps-get-operationstatus/?$rid=c&operationId=1'))[0], /res\/404\/\?\$rid=c$/);
  for (const [status, retry] of /** @type {const} */ ([
    [401, ''],
    [429, '&retry-after=0'],
    [500, '&retry-after=0'],
  ])) {
    dps.cloud.fail(status);
    const [topic, { errorCode }] = await ask('PUT/iotdps-register/?$rid=d');
    assert.equal(topic, `$dps/registrations/res/${status}/?$rid=d${retry}`);
    assert.equal(Math.floor(errorCode / 1000), status);
  }
});

test('a login is answered with CONNACK 0, 4 or 5', async () => {
  const { dps } = await start();
  const code = (/** @type {Options} */ options) => connack(dps.url, options);
  const good = login(dps);
  assert.equal(await code(good), 0);
  assert.equal(await code({ ...good, username: `${good.username}&ClientVersion=x` }), 0);
  assert.equal(await code({ ...good, username: good.username.replace('/api-version', '/?api-version') }), 4);
  assert.equal(await code({ ...good, clientId: 'other' }), 4);
  assert.equal(await code(login(dps, { policy: '' })), 5);
  assert.equal(await code(login(dps, { resource: `${dps.form['id-scope']}/registrations/other` })), 5);
  assert.equal(await code(login(dps, { id: 'other' })), 5);
  assert.equal(await code(login(dps, { seconds: -2 })), 5);
});

test('the connection ends with its token', async () => {
  const { dps } = await start();
  const { client } = await plain(dps, { seconds: 4 });
  await closing(client);
  assert.equal(dps.open().length, 0);
});

test('other topics close the connection, and so does the end of the token', async () => {
  const { dps } = await start();
  const attempts = /** @type {((client: import('mqtt').MqttClient) => unknown)[]} */ ([
    (client) => client.subscribe('$dps/#'),
    (client) => client.publish('$dps/registrations/PUT/iotdps-register/', '{}'),
    (client) => client.publish('$dps/registrations/PUT/iotdps-register/?$rid=1', '{}', { qos: 2 }),
    () => dps.expireNow(),
  ]);
  for (const attempt of attempts) {
    const { client } = await plain(dps);
    const closed = closing(client);
    attempt(client);
    await closed;
  }
  assert.deepEqual(
    dps.violations.map(({ rule }) => rule),
    ['filter', 'topic', 'topic'],
  );
});
