// Alibaba Cloud's stand-in: the vendor's own client works with it, and what the platform forbids is met as the platform does.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import mqtt from 'mqtt';
import { startAlibaba } from './alibaba.js';
import { client as connect, closing, connack, once } from './clients.js';

// The vendor's packages have no types.
const SIGNER = 'aliyun-iot-device-sdk/lib/utils.js';
const require = createRequire(import.meta.url);
/** @type {(algorithm: string, secret: string, content: string) => string} */
const hmacSign = require(SIGNER).hmacSign;

/** @typedef {Awaited<ReturnType<typeof startAlibaba>>} Alibaba */

/** A vendor's client, which takes no authority. @param {string} name @param {Alibaba} alibaba @param {object} [options] */
function vendor(name, alibaba, options) {
  const sdk = require(name);
  const its = createRequire(require.resolve(name))('mqtt');
  const { connect: original } = its;
  its.connect = (/** @type {string} */ url, /** @type {object} */ more) =>
    original(url, { ...more, ca: alibaba.ca, reconnectPeriod: 0 });
  try {
    const { product: productKey, device: deviceName, secret: deviceSecret } = alibaba.form;
    return sdk.device({ productKey, deviceName, deviceSecret, brokerUrl: alibaba.url, ...options });
  } finally {
    its.connect = original;
  }
}

/** MQTT.js's options. @param {Alibaba} alibaba @param {{ id?: string, method?: string, mode?: number, secret?: string }} [change] */
function login(
  alibaba,
  { id = 'x', method = 'hmacsha256', mode = alibaba.secure ? 2 : 3, secret = alibaba.form.secret } = {},
) {
  const { product, device } = alibaba.form;
  return {
    ca: alibaba.ca,
    keepalive: 60,
    clientId: `${id}|securemode=${mode},signmethod=${method},timestamp=789|`,
    username: `${device}&${product}`,
    password: hmacSign(method.slice(4), secret, `clientId${id}deviceName${device}productKey${product}timestamp789`),
  };
}

/** @param {Alibaba} alibaba */
const rules = (alibaba) => alibaba.violations.map(({ rule }) => rule);

for (const tls of [true, false]) {
  test(`alibabacloud-iot-device-sdk over ${tls ? 'wss' : 'ws'}: properties, events, services, RRPC, shadow`, async () => {
    const alibaba = await startAlibaba({ tls });
    const device = vendor('alibabacloud-iot-device-sdk', alibaba);
    await once(device, 'connect');
    const posted = await new Promise((resolve) => device.postProps({ t: 21 }, resolve));
    assert.deepEqual([posted.code, posted.method], [200, 'thing.event.property.post']);
    assert.deepEqual(JSON.parse(alibaba.seen.telemetry[0].text).params, { t: 21 });
    const raised = await new Promise((resolve) => device.postEvent('hot', { t: 99 }, resolve));
    assert.equal(raised.code, 200);
    assert.match(alibaba.seen.events[0].topic, /\/thing\/event\/hot\/post$/);

    device.onProps((/** @type {any} */ { id, params }) => {
      device.publish(
        `/sys/${alibaba.form.product}/${alibaba.form.device}/thing/service/property/set_reply`,
        JSON.stringify({ id, code: 200, data: params }),
      );
    });
    assert.deepEqual((await alibaba.cloud.setProperties('example1', { on: 1 })).data, { on: 1 });
    device.onService('reboot', (/** @type {any} */ { id, params }, /** @type {any} */ reply) => {
      reply({ id, code: 200, data: { after: params.after } }, params.sync ? 'sync' : 'async');
    });
    await alibaba.until(() =>
      alibaba.open()[0].session.subscriptions.has('/sys/a1X2bEnP82z/example1/thing/service/reboot'),
    );
    assert.deepEqual((await alibaba.cloud.command('example1', 'reboot', { after: 5 })).data, { after: 5 });
    const call = JSON.stringify({ method: 'thing.service.reboot', id: '1', params: { after: 6, sync: true } });
    assert.deepEqual(JSON.parse(await alibaba.cloud.rrpc('example1', call)).data, { after: 6 });

    /** @type {any[]} */
    const shadows = [];
    device.onShadow((/** @type {any} */ shadow) => {
      shadows.push(shadow);
      alibaba.changed();
    });
    device.postShadow({ a: 1, b: 2 });
    await alibaba.until(() => shadows.length === 1);
    assert.equal(shadows[0].payload.status, 'success');
    device.deleteShadow('b');
    await alibaba.until(() => shadows.length === 2);
    alibaba.cloud.setDesired('example1', { c: 3 });
    await alibaba.until(() => shadows.length === 3);
    assert.deepEqual([shadows[2].method, shadows[2].payload.state.desired], ['control', { c: 3 }]);
    device.getShadow();
    await alibaba.until(() => shadows.length === 4);
    assert.deepEqual(shadows[3].payload.state, { reported: { t: 21, a: 1 }, desired: { c: 3 } });
    device.end(true);
    await alibaba.stop();
    assert.deepEqual(alibaba.violations, []);
  });
}

test('aliyun-iot-device-sdk signs with SHA-256', async () => {
  const alibaba = await startAlibaba();
  const device = vendor('aliyun-iot-device-sdk', alibaba, { signAlgorithm: 'sha256' });
  await once(device, 'connect');
  await new Promise((resolve) => device.postProps({ t: 21 }, resolve));
  assert.equal(alibaba.seen.telemetry.length, 1);
  device.end(true);
  await alibaba.stop();
});

test('sign-in: what is wrong gets CONNACK 4 or 5, in MQTT 5 0x86 or 0x87', async () => {
  const alibaba = await startAlibaba();
  const of = (/** @type {object} */ change) => connack(alibaba.url, { ...login(alibaba), ...change });
  assert.equal(await of({}), 0);
  assert.equal(await of({ password: login(alibaba).password.toUpperCase() }), 0);
  assert.equal(await of(login(alibaba, { method: 'hmacsha1' })), 0);
  assert.equal(await of(login(alibaba, { method: 'hmacmd5' })), 0);
  assert.equal(await of(login(alibaba, { id: 'x'.repeat(64) })), 0);
  assert.deepEqual(rules(alibaba), []);
  assert.equal(await of({ clientId: 'x' }), 4);
  assert.equal(await of(login(alibaba, { id: 'x'.repeat(65) })), 4);
  assert.equal(await of({ username: 'example1' }), 4);
  assert.equal(await of({ username: 'example1&other' }), 4);
  assert.equal(await of({ username: 'other&a1X2bEnP82z' }), 5);
  assert.equal(await of(login(alibaba, { secret: 'wrong' })), 5);
  assert.equal(await of({ ...login(alibaba, { secret: 'wrong' }), protocolVersion: 5 }), 0x87);
  assert.equal(await of({ clientId: 'x', protocolVersion: 5 }), 0x86);
  assert.equal(await of(login(alibaba, { mode: 3 })), 5);
  assert.equal(await of({ clientId: 'x|securemode=2,signmethod=other|' }), 4);
  assert.equal(await of({ clientId: 'x|securemode=2,authType=other|' }), 4);
  assert.equal(await of({ keepalive: 29 }), -1);
  assert.equal(await of({ keepalive: 1201 }), -1);
  assert.deepEqual(rules(alibaba).slice(-3), ['credentials', 'keepalive', 'keepalive']);
  await alibaba.stop();
  const plain = await startAlibaba({ tls: false });
  assert.equal(await connack(plain.url, login(plain)), 0);
  assert.equal(await connack(plain.url, login(plain, { mode: 2 })), 5);
  await plain.stop();
});

test('dynamic registration: the secret comes unasked, and is good', async () => {
  const alibaba = await startAlibaba();
  const { product } = alibaba.form;
  for (const [authType, mode, name] of [
    ['register', 2, 'example1'],
    ['regnwl', -2, 'brand-new'],
  ]) {
    const options = {
      ca: alibaba.ca,
      keepalive: 60,
      clientId: `x|securemode=${mode},authType=${authType},random=7,signmethod=hmacsha256|`,
      username: `${name}&${product}`,
    };
    const password = hmacSign('sha256', 'productsecret', `deviceName${name}productKey${product}random7`);
    assert.equal(await connack(alibaba.url, { ...options, password: `${password}0` }), 5);
    const one = mqtt.connect(alibaba.url, { ...options, password, reconnectPeriod: 0 });
    const [topic, payload] = await once(one, 'message');
    const { deviceName, deviceSecret } = JSON.parse(`${payload}`);
    assert.deepEqual([topic, deviceName], ['/ext/register', name]);
    assert.equal(deviceSecret, alibaba.devices.get(`${name}`)?.secret);
    await one.endAsync();
  }
  const unknown = `other&${product}`;
  const password = hmacSign('sha256', 'productsecret', `deviceNameotherproductKey${product}random7`);
  const clientId = 'x|securemode=2,authType=register,random=7,signmethod=hmacsha256|';
  assert.equal(await connack(alibaba.url, { ca: alibaba.ca, clientId, username: unknown, password }), 5);
  await alibaba.stop();
});

test('filters of others get SUBACK 0x80, and the connection stays; topics of others lose the message', async () => {
  const alibaba = await startAlibaba();
  const one = await connect(alibaba.url, login(alibaba));
  /** @type {any[]} */
  const granted = [];
  one.on('packetreceive', (packet) => packet.cmd === 'suback' && granted.push(...packet.granted));
  for (const filter of [
    '/sys/a1X2bEnP82z/other/thing/service/+',
    '#',
    '/a1X2bEnP82z/example1/user/get',
    '/broadcast/a1X2bEnP82z/x',
  ]) {
    await one.subscribeAsync(filter, { qos: 2 }).catch(() => {});
  }
  assert.deepEqual(granted, [0x80, 0x80, 1, 1]);
  await one.unsubscribeAsync('#');
  await one.publishAsync('/sys/a1X2bEnP82z/other/thing/event/property/post', '{}', { qos: 1 });
  await one.publishAsync('/a1X2bEnP82z/example1/user/update', 'x', { qos: 1, retain: true });
  assert.deepEqual(rules(alibaba), ['filter', 'filter', 'topic', 'retain']);
  assert.deepEqual(
    alibaba.seen.telemetry.map(({ text }) => text),
    ['x'],
  );
  // A message comes with its publisher's QoS.
  await one.subscribeAsync('/a1X2bEnP82z/example1/user/get', { qos: 0 });
  const came = once(one, 'message');
  alibaba.cloud.publish({ topic: '/a1X2bEnP82z/example1/user/get', payload: 'y', qos: 1 });
  assert.equal((await came)[2].qos, 1);
  await one.endAsync();
  await alibaba.stop();
});

test('QoS 2 and too large a payload close', async () => {
  for (const [rule, payload, qos] of /** @type {const} */ ([
    ['qos', 'x', 2],
    ['payload', Buffer.alloc(262_145), 0],
  ])) {
    const alibaba = await startAlibaba();
    const one = await connect(alibaba.url, login(alibaba));
    const closed = closing(one);
    one.publish('/a1X2bEnP82z/example1/user/update', Buffer.from(payload), { qos });
    await closed;
    one.end(true);
    assert.deepEqual(rules(alibaba), [rule]);
    await alibaba.stop();
  }
});

test('a session keeps subscriptions; another connection of the device takes it over; a will is not published', async () => {
  const alibaba = await startAlibaba();
  const will = { topic: '/a1X2bEnP82z/example1/user/get', payload: Buffer.from('will'), qos: /** @type {const} */ (1) };
  const first = await connect(alibaba.url, { ...login(alibaba), clean: false, will });
  await first.subscribeAsync('/a1X2bEnP82z/example1/user/get');
  const closed = closing(first);
  const second = mqtt.connect(alibaba.url, { ...login(alibaba, { id: 'y' }), clean: false, reconnectPeriod: 0 });
  const came = once(second, 'message');
  const [{ sessionPresent }] = await once(second, 'connect');
  await closed;
  assert.equal(sessionPresent, true);
  alibaba.cloud.publish({ topic: '/a1X2bEnP82z/example1/user/get', payload: 'not the will', qos: 1 });
  assert.equal(`${(await came)[1]}`, 'not the will');
  await second.endAsync();
  await alibaba.stop();
});
