// Scaleway's stand-in, by transcripts with MQTT.js: there is no client of the vendor's own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import mqtt from 'mqtt';
import { client as connect, closing, connack, once } from './clients.js';
import { startScaleway } from './scaleway.js';

/** @typedef {Awaited<ReturnType<typeof startScaleway>>} Scaleway */

/** @param {Scaleway} hub */
const login = (hub) => ({ ca: hub.ca, clientId: 'x', username: hub.form.id, password: '' });

/** @param {Scaleway} hub */
const rules = (hub) => hub.violations.map(({ rule }) => rule);

test('telemetry and a command, with the device id as user name or as client id', async () => {
  for (const plan of /** @type {const} */ (['shared', 'dedicated'])) {
    const hub = await startScaleway({ plan });
    const one = await connect(hub.url, login(hub));
    await one.subscribeAsync('devices/dev-1/commands/#');
    const came = once(one, 'message');
    await one.publishAsync('devices/dev-1/telemetry', '{"t":1}', { qos: 1 });
    assert.deepEqual([hub.seen.telemetry[0].device, hub.seen.telemetry[0].text], ['dev-1', '{"t":1}']);
    hub.cloud.command('dev-1', 'reboot', { in: 5 }, { id: '7' });
    const [topic, payload] = await came;
    assert.deepEqual([topic, `${payload}`], ['devices/dev-1/commands/reboot/7', '{"in":5}']);
    await one.endAsync();
    assert.equal(await connack(hub.url, { ca: hub.ca, clientId: hub.form.id }), 0);
    assert.deepEqual(hub.violations, []);
    assert.equal(await connack(hub.url, { ...login(hub), username: 'other' }), 4);
    assert.equal(await connack(hub.url, { ...login(hub), protocolVersion: 5 }), 1);
    assert.deepEqual(rules(hub), ['credentials', 'version']);
    await hub.stop();
  }
});

test('the shared plan: what it forbids is a hub event, and closes', async () => {
  const hub = await startScaleway();
  const watcher = await connect(hub.url, { ...login(hub), username: hub.cloud.addDevice() });
  await watcher.subscribeAsync('$SCW/events/#');
  /** @type {[string, (client: import('mqtt').MqttClient) => void][]} */
  const acts = [
    ['retain', (c) => c.publish('a', '', { retain: true })],
    ['qos', (c) => c.publish('a', '', { qos: 2 })],
    ['subscribe-qos', (c) => c.subscribe('a', { qos: 1 })],
  ];
  for (const [rule, act] of acts) {
    const one = await connect(hub.url, login(hub));
    const event = once(watcher, 'message');
    const closed = closing(one);
    act(one);
    await closed;
    one.end(true);
    const [topic, payload] = await event;
    assert.equal(topic, `$SCW/events/device/${hub.form.id}/error`);
    assert.match(`${payload}`, /^service level: /);
    assert.equal(rules(hub).at(-1), rule);
  }
  assert.equal(await connack(hub.url, { ...login(hub), clean: false }), 5);
  assert.equal(rules(hub).length, 4);
  await watcher.endAsync();
  await hub.stop();
});

test('a dedicated plan: QoS 2, retained messages, sessions', async () => {
  const hub = await startScaleway({ plan: 'dedicated' });
  const one = await connect(hub.url, { ...login(hub), clean: false });
  await one.publishAsync('a', 'kept', { qos: 2, retain: true });
  const came = once(one, 'message');
  await one.subscribeAsync('+', { qos: 2 });
  assert.deepEqual([`${(await came)[1]}`, (await came)[2].qos], ['kept', 2]);
  await one.endAsync();
  await hub.until(() => hub.open().length === 0);
  hub.cloud.publish({ topic: 'b', payload: 'while away', qos: 2 });
  const again = mqtt.connect(hub.url, { ...login(hub), clean: false, reconnectPeriod: 0 });
  const [[{ sessionPresent }], [topic]] = await Promise.all([once(again, 'connect'), once(again, 'message')]);
  assert.deepEqual([sessionPresent, topic], [true, 'b']);
  const closed = closing(again);
  const other = await connect(hub.url, { ...login(hub), clientId: 'y' });
  await closed; // one connection a device
  await other.endAsync();
  await hub.stop();
  assert.deepEqual(hub.violations, []);
});

test('message filters: a publish is lost, a subscription gets 0x80; so are payloads over 4 MiB', async () => {
  const hub = await startScaleway();
  hub.cloud.deny({ publish: ['secret/#'], subscribe: ['secret/#'] });
  const one = await connect(hub.url, login(hub));
  await one.subscribeAsync('devices/+/telemetry');
  await assert.rejects(one.subscribeAsync('secret/a'));
  await one.publishAsync('secret/a', '', { qos: 1 });
  await one.publishAsync('$SCW/other', '', { qos: 1 });
  await one.publishAsync('devices/a/telemetry', Buffer.alloc((4 << 20) + 1), { qos: 1 });
  assert.deepEqual(rules(hub), ['filter', 'topic', 'topic', 'payload']);
  assert.equal(hub.seen.telemetry.length, 0);
  assert.ok(one.connected);
  await one.endAsync();
  await hub.stop();
});

test('Cloud Twins: put, patch, get, versions, errors; for the requesting connection only', async () => {
  const hub = await startScaleway();
  const { id } = hub.form;
  const one = await connect(hub.url, login(hub));
  await one.subscribeAsync(['$SCW/twins/me/#', `$SCW/twins/${id}/#`]);
  const other = await connect(hub.url, { ...login(hub), username: hub.cloud.addDevice() });
  await other.subscribeAsync('$SCW/twins/#');
  other.on('message', (topic) => assert.fail(topic));
  const ask = async (/** @type {string} */ path, /** @type {unknown} */ body) => {
    const came = once(one, 'message');
    one.publish(`$SCW/twins/${path}`, body === undefined ? '' : JSON.stringify(body));
    const [topic, payload] = await came;
    return [topic.replace(`$SCW/twins/${path}/response/`, ''), JSON.parse(`${payload}`)];
  };
  assert.equal((await ask('me/state/get', undefined))[0], 'error');
  const first = { a: 1, b: { c: [1, 2], d: 2 } };
  assert.deepEqual(await ask('me/state/put', { data: first }), ['success', { version: 1, data: first }]);
  const patched = { a: 1, b: { c: [3], d: 2 } };
  assert.deepEqual(await ask(`${id}/state/patch`, { version: 1, data: { b: { c: [3] } } }), [
    'success',
    { version: 2, data: patched },
  ]);
  assert.deepEqual(await ask('me/state/patch', { version: 1, data: {} }), [
    'error',
    {
      error: 'the version is another one',
      twin_id: id,
      document_name: 'state',
      expected_version: 1,
      actual_version: 2,
    },
  ]);
  hub.cloud.setTwin(id, 'state', { a: null });
  assert.deepEqual((await ask('me/state/get', undefined))[1], { version: 3, data: { b: patched.b } });
  for (const [path, body] of /** @type {[string, unknown][]} */ ([
    ['me/_config/get', undefined],
    ['me/b d/put', { data: {} }],
    ['me/state/put', []],
    ['me/state/put', { data: 1 }],
  ])) {
    assert.equal((await ask(path, body))[0], 'error', path);
  }
  assert.deepEqual(hub.cloud.getTwin(id, 'state'), { version: 3, data: { b: patched.b } });
  // Who did not subscribe gets no answer.
  await one.unsubscribeAsync(['$SCW/twins/me/#', `$SCW/twins/${id}/#`]);
  one.on('message', (topic) => assert.fail(topic));
  await one.publishAsync('$SCW/twins/me/state/get', '', { qos: 1 });
  await one.endAsync();
  await other.endAsync();
  await hub.stop();
});
