// ClearBlade's stand-in, by transcripts with MQTT.js and jose's tokens: the vendor has no client for JavaScript.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importPKCS8, SignJWT } from 'jose';
import mqtt from 'mqtt';
import { startClearBlade } from './clearblade.js';
import { client as connect, closing, connack, once } from './clients.js';

/** @typedef {Awaited<ReturnType<typeof startClearBlade>>} ClearBlade */

/**
 * @param {ClearBlade} core
 * @param {{ alg?: string, iat?: number, exp?: number, aud?: string | string[], key?: string }} [change]
 */
async function login(core, { alg = 'ES256', iat = now(), exp = now() + 3600, aud = core.names.project, key } = {}) {
  const token = new SignJWT({ iat, exp, aud }).setProtectedHeader({ alg, typ: 'JWT' });
  const password = await token.sign(await importPKCS8(key ?? core.forms[alg].key, alg));
  return { ca: core.ca, clientId: core.deviceId, username: 'unused', password, keepalive: 60 };
}

function now() {
  return Math.floor(Date.now() / 1000);
}

/** @param {ClearBlade} core */
const rules = (core) => core.violations.map(({ rule }) => rule);

for (const [alg, tls] of /** @type {const} */ ([
  ['ES256', true],
  ['RS256', false],
])) {
  test(`${alg}: telemetry, state, a command and configurations, by WebSockets and ${tls ? 'TLS' : 'TCP'}`, async () => {
    const core = await startClearBlade({ tls });
    for (const url of [core.url, `${tls ? 'mqtts' : 'mqtt'}://localhost:${core.tcpPort}`]) {
      assert.throws(() => core.cloud.command('x'), /not subscribed/);
      const one = await connect(url, await login(core, { alg }));
      await one.publishAsync('/devices/my-device/events', 't', { qos: 1 });
      await one.publishAsync('/devices/my-device/events/alarms/hot', 'e', { qos: 1 });
      await one.publishAsync('/devices/my-device/events/responses/reboot', 'r', { qos: 1 });
      await one.publishAsync('/devices/my-device/state', 's', { qos: 1 });
      assert.deepEqual(
        Object.values(core.seen).map((all) => all.splice(0).map(({ device, text }) => device + text)),
        [['my-devicet'], ['my-devicee'], ['my-devices'], ['my-devicer']],
      );
      core.cloud.setConfig('first');
      const config = once(one, 'message');
      await one.subscribeAsync(['/devices/my-device/config', '/devices/my-device/commands/#'], { qos: 1 });
      assert.deepEqual((await config).slice(0, 2).map(String), ['/devices/my-device/config', 'first']);
      const second = once(one, 'message');
      core.cloud.setConfig('second');
      assert.equal(`${(await second)[1]}`, 'second');
      const command = once(one, 'message');
      core.cloud.command('now', 'reboot');
      assert.deepEqual((await command).slice(0, 2).map(String), ['/devices/my-device/commands/reboot', 'now']);
      await one.endAsync();
      await core.until(() => core.open().length === 0);
    }
    await core.stop();
    assert.deepEqual(core.violations, []);
  });
}

test('tokens: what is wrong gets CONNACK 4, another client id 2', async () => {
  const core = await startClearBlade();
  const of = async (/** @type {Parameters<typeof login>[1]} */ change) => connack(core.url, await login(core, change));
  const other = await startClearBlade();
  assert.equal(await of({ alg: 'RS256' }), 0);
  assert.equal(await of({ iat: now() + 500 }), 0);
  assert.equal(await of({ iat: now() - 3600, exp: now() + 82_800 }), 0);
  assert.deepEqual(rules(core), []);
  for (const change of [
    { key: other.forms.ES256.key },
    { aud: 'other' },
    { aud: ['my-project'] },
    { iat: now() + 700 },
    { exp: now() - 700 },
    { exp: now() + 87_100 },
  ]) {
    assert.equal(await of(change), 4, JSON.stringify(change));
  }
  const good = await login(core);
  assert.equal(await connack(core.url, { ...good, password: `${good.password}=` }), 4);
  assert.equal(await connack(core.url, { ...good, password: 'x' }), 4);
  assert.deepEqual(rules(core), Array(8).fill('credentials'));
  assert.equal(await connack(core.url, { ...good, clientId: 'my-device' }), 2);
  assert.equal(await connack(core.url, { ...good, protocolVersion: 5 }), 1);
  await other.stop();
  await core.stop();
});

test('the connection closes when the token expires; expired at once, it is refused', async () => {
  const core = await startClearBlade();
  const short = await connect(core.url, await login(core, { iat: now() - 10, exp: now() + 1 }));
  await closing(short);
  const token = await login(core, { iat: now() - 10 });
  const long = await connect(core.url, token);
  const closed = closing(long);
  core.expireNow();
  await closed;
  assert.equal(await connack(core.url, token), 4);
  assert.equal(await connack(core.url, await login(core)), 0);
  await core.stop();
});

test('what closes: QoS 2, topics of others, too large a payload', async () => {
  const core = await startClearBlade();
  /** @type {[string, string, number, 0 | 2][]} */
  const wrong = [
    ['qos', '/devices/my-device/events', 1, 2],
    ['topic', '/devices/other/events', 1, 0],
    ['topic', 'devices/my-device/events', 1, 0],
    ['topic', '/devices/my-device/other', 1, 0],
    ['topic', '/devices/my-device/state/x', 1, 0],
    ['payload', '/devices/my-device/state', 65_537, 0],
    ['payload', '/devices/my-device/events', 262_145, 0],
  ];
  for (const [rule, topic, size, qos] of wrong) {
    const one = await connect(core.url, await login(core));
    const closed = closing(one);
    one.publish(topic, Buffer.alloc(size), { qos });
    await closed;
    one.end(true);
    assert.deepEqual(rules(core), [rule], topic);
    core.violations.length = 0;
  }
  await core.stop();
});

test('what is ignored: retain, will, sessions; other filters get 0x80, QoS 2 is granted as 1', async () => {
  const core = await startClearBlade();
  const will = { topic: '/devices/my-device/state', payload: Buffer.from('gone'), qos: /** @type {const} */ (0) };
  const options = { ...(await login(core)), clean: false, will };
  const one = await connect(core.url, options);
  await one.publishAsync('/devices/my-device/state', 'x', { qos: 1, retain: true });
  /** @type {number[]} */
  const granted = [];
  one.on('packetreceive', (packet) => packet.cmd === 'suback' && granted.push(...packet.granted.map(Number)));
  const filters = ['commands/#', 'commands/reboot', 'config/', '#'].map((end) => `/devices/my-device/${end}`);
  for (const filter of filters) await one.subscribeAsync(filter, { qos: 2 }).catch(() => {});
  assert.deepEqual(granted, [1, 0x80, 0x80, 0x80]);
  assert.deepEqual(rules(core), ['clean', 'will', 'retain', 'filter', 'filter', 'filter']);
  core.open()[0].drop();
  const again = mqtt.connect(core.url, { ...options, reconnectPeriod: 0 });
  assert.equal((await once(again, 'connect'))[0].sessionPresent, false);
  assert.deepEqual(
    core.seen.state.map(({ text }) => text),
    ['x'],
  );
  await again.endAsync();
  one.end(true);
  await core.stop();
});
