// The device API at Azure IoT Hub: property bags, messages to the device, modules, the twin, registration.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { azureIotHub, device } from '../../web/providers/index.js';
import { startAzureDps } from './azure_dps.js';
import { startAzureIotHub } from './azure_iot_hub.js';
import { awaited, clientOptions, profileOptions } from './seats.js';

const LIMIT = { timeout: 60_000 };

test('property bags go both ways; a message to the device takes no answer', LIMIT, async () => {
  const hub = await startAzureIotHub();
  const me = await device(azureIotHub(hub.form, profileOptions), clientOptions(hub));
  const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  await me.sendTelemetry({ t: 1 }, { properties: { 'room & hall': 'a/b', alone: null }, time });
  assert.deepEqual(hub.seen.telemetry[0].properties, {
    '$.ct': 'application/json',
    '$.ce': 'utf-8',
    'iothub-creation-time-utc': '2026-01-02T03:04:05.678Z',
    'room & hall': 'a/b',
    alone: null,
  });
  await me.sendEvent('door', { by: 'hand' });
  assert.equal(hub.seen.telemetry[1].properties?.event, 'door');
  /** @type {any} */
  let command;
  const came = awaited();
  await me.onCommand('', (given) => {
    command = given;
    came.resolve(true);
  });
  hub.cloud.send('dev-1', 'hello', { '$.mid': 'm 1', level: 'storé' });
  await came.promise;
  assert.deepEqual([command.kind, command.text()], ['message', 'hello']);
  assert.deepEqual([command.properties['$.mid'], command.properties.level], ['m 1', 'storé']);
  assert.deepEqual(hub.violations, []);
  await me.end();
  await hub.stop();
});

test('who was refused is no handler, and hears once what a second try gets', LIMIT, async () => {
  const hub = await startAzureIotHub();
  const me = await device(azureIotHub(hub.form, profileOptions), clientOptions(hub));
  const { subscribe } = hub;
  hub.subscribe = (_connection, { subscriptions }) =>
    subscriptions.map((/** @type {any} */ { topic }) => (topic.startsWith('$iothub/methods/') ? 1 : 0x80));
  /** @type {string[]} */
  const ran = [];
  await assert.rejects(
    me.onCommand('reboot', () => ran.push('refused')),
    /refused to subscribe/,
  );
  hub.subscribe = subscribe;
  await me.onCommand('count', () => ran.push('counted'));
  assert.equal((await hub.cloud.method('dev-1', 'reboot')).status, 404);
  assert.equal((await hub.cloud.method('dev-1', 'count')).status, 200);
  assert.deepEqual(ran, ['counted']);
  assert.equal(me.client.pending().length, 0);
  await me.end();
  await hub.stop();
});

test('a keep-alive that the hub would cap is told, with the limit', LIMIT, async () => {
  const hub = await startAzureIotHub();
  for (const [keepalive, sent] of [
    [60_000, 1177],
    [0, 1177],
    [1177, 1177],
  ]) {
    const me = await device(azureIotHub(hub.form, profileOptions), { ...clientOptions(hub), keepalive });
    const { keepAlive, warnings } = /** @type {any} */ (me.client.negotiated);
    assert.deepEqual([hub.open()[0].connect.keepalive, keepAlive], [sent, sent]);
    assert.match(warnings.join(), keepalive === sent ? /^$/ : /^Azure IoT Hub: the keep-alive is 1177 s at most/);
    await me.end();
  }
  await hub.stop();
});

test('a module: telemetry, methods, inputs', LIMIT, async () => {
  const hub = await startAzureIotHub();
  const me = await device(azureIotHub(hub.moduleForm, profileOptions), clientOptions(hub));
  await me.sendTelemetry({ t: 1 });
  assert.match(hub.seen.telemetry[0].topic, /^devices\/dev-1\/modules\/mod-1\/messages\/events\//);
  const came = awaited();
  await Promise.all([me.onCommand('reboot', () => 'yes'), me.onCommand('in', ({ json }) => came.resolve(json()))]);
  assert.deepEqual(await hub.cloud.method('dev-1/mod-1', 'reboot'), { status: 200, payload: 'yes' });
  hub.cloud.input('dev-1/mod-1', 'in', '{"n":1}');
  assert.deepEqual(await came.promise, { n: 1 });
  assert.deepEqual(hub.violations, []);
  await me.end();
  await hub.stop();
});

test(
  'the twin: whole at first, then changes; a change that was missed brings the whole; busy is asked again',
  LIMIT,
  async () => {
    const hub = await startAzureIotHub();
    const me = await device(azureIotHub(hub.form, profileOptions), clientOptions(hub));
    hub.cloud.desired('dev-1', { a: 1 });
    hub.cloud.failTwin(429);
    /** @type {any[]} */
    const told = [];
    let more = () => {};
    await me.onDesiredState((state, info) => {
      told.push([state, info]);
      more();
    });
    const until = (/** @type {number} */ count) =>
      new Promise((resolve) => {
        more = () => told.length >= count && resolve(undefined);
        more();
      });
    await until(1);
    hub.cloud.desired('dev-1', { b: 2 });
    await until(2);
    const lost = awaited();
    me.client.on('disconnect', () => lost.resolve(true));
    hub.connection('dev-1')?.drop();
    await lost.promise;
    hub.cloud.desired('dev-1', { a: null });
    await until(3);
    assert.deepEqual(told, [
      [{ a: 1 }, { version: 2, whole: true }],
      [{ b: 2 }, { version: 3, whole: false }],
      [{ b: 2 }, { version: 4, whole: true }],
    ]);
    const second = awaited();
    await me.onDesiredState((state, { whole }) => whole && second.resolve(state));
    assert.deepEqual(await second.promise, { b: 2 });
    await assert.rejects(me.reportState({ toJSON: () => [1] }), { code: 'provider-state', status: 400 });
    await assert.rejects(me.reportState({ big: 'x'.repeat(300_000) }), { code: 'rule' });
    assert.deepEqual(await me.reportState({ c: 3 }), { version: 2 });
    await me.end();
    await assert.rejects(me.getState(), { code: 'provider-ended' });
    await hub.stop();
  },
);

for (const way of /** @type {const} */ (['form', 'groupForm'])) {
  test(`registration with the provisioning service first, by ${way}`, LIMIT, async () => {
    const hub = await startAzureIotHub();
    const dps = await startAzureDps({ hub });
    /** @type {any} */
    let kept;
    const me = await device(azureIotHub(dps[way], profileOptions), {
      ...clientOptions({ ca: `${hub.ca}\n${dps.ca}` }),
      registered: (values) => (kept = values),
    });
    assert.deepEqual(Object.keys(kept).sort(), ['device', 'host', 'registration']);
    await me.sendTelemetry({ t: 1 });
    assert.equal(hub.seen.telemetry[0].device, kept.device);
    await me.end();
    const again = await device(azureIotHub({ ...dps[way], ...kept }, profileOptions), clientOptions(hub));
    assert.equal(again.id, kept.device);
    await again.end();
    assert.deepEqual([hub.violations, dps.violations], [[], []]);
    await dps.stop();
    await hub.stop();
  });
}

test('registration goes on over a connection that is lost', LIMIT, async () => {
  const hub = await startAzureIotHub();
  const dps = await startAzureDps({ hub });
  const publish = dps.publish.bind(dps);
  let drops = 1;
  dps.publish = (connection, packet) => {
    if (drops-- <= 0) return publish(connection, packet);
    connection.drop();
    return undefined;
  };
  const me = await device(azureIotHub(dps.form, profileOptions), clientOptions({ ca: `${hub.ca}\n${dps.ca}` }));
  assert.equal(dps.connections.length, 2);
  await me.end();
  await dps.stop();
  await hub.stop();
});

test('registration that is refused: one clear error, and no more tries', LIMIT, async () => {
  const hub = await startAzureIotHub();
  const dps = await startAzureDps({ hub });
  const key = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';
  await assert.rejects(
    device(azureIotHub({ ...dps.form, key }, profileOptions), clientOptions(dps)),
    (/** @type {any} */ error) => {
      assert.equal(error.code, 'dialogue-refused');
      assert.match(error.message, /^Azure IoT Hub: The service refused the login/);
      return true;
    },
  );
  assert.equal(dps.connections.length, 1);
  await dps.stop();
  await hub.stop();
});
