// The operator's seat, with devices of the same API on the other side.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { aws, azureEventGrid, azureIotHub, device, mosquitto, operator, scaleway } from '../../web/providers/index.js';
import { startAws } from './aws.js';
import { startAzureEventGrid } from './azure_event_grid.js';
import { startAzureIotHub } from './azure_iot_hub.js';
import { startPlain } from './plain.js';
import { startScaleway } from './scaleway.js';
import { awaited, clientOptions, profileOptions } from './seats.js';

/**
 * @typedef {object} Case
 * @property {string} title
 * @property {() => Promise<any>} start
 * @property {(values: any, options: any) => any} make
 * @property {(cloud: any) => any} operator what its form has
 */

/** @type {Case[]} */
const CASES = [
  {
    title: 'AWS IoT Core, MQTT 5.0',
    start: startAws,
    make: aws,
    operator: ({ form }) => ({ ...form, device: '', client: 'operator-1' }),
  },
  {
    title: 'Azure Event Grid',
    start: async () => {
      const grid = await startAzureEventGrid();
      grid.form.token = await grid.cloud.token();
      return grid;
    },
    make: azureEventGrid,
    operator: ({ form }) => ({ ...form, device: '', client: 'operator-1' }),
  },
  {
    title: 'Scaleway, MQTT 3.1.1',
    start: async () => {
      const cloud = await startScaleway();
      cloud.cloud.addDevice('11111111-92d4-4572-bc96-dfad83c3db4b');
      return cloud;
    },
    make: scaleway,
    operator: ({ form }) => ({ ...form, device: '', id: '11111111-92d4-4572-bc96-dfad83c3db4b' }),
  },
];

for (const one of CASES) {
  describe(one.title, () => {
    test('it sees devices and what they send, commands them, and sets their state', { timeout: 30_000 }, async (t) => {
      const cloud = await one.start();
      t.mock.method(crypto, 'randomUUID', () => assert.fail('a page over http has none'));
      const all = await operator(one.make(one.operator(cloud), profileOptions), clientOptions(cloud));
      const measured = awaited();
      const happened = awaited();
      const seen = awaited();
      all.onDevice(seen.resolve);
      all.onTelemetry(measured.resolve);
      all.onEvent(happened.resolve);

      const me = await device(one.make(cloud.form, profileOptions), clientOptions(cloud));
      await me.sendTelemetry({ temperature: 21.5 });
      const telemetry = /** @type {any} */ (await measured.promise);
      assert.deepEqual([telemetry.device, telemetry.json], [me.id, { temperature: 21.5 }]);
      await me.sendAlarm('hot', { severity: 'critical', text: 'Over 30' });
      const event = /** @type {any} */ (await happened.promise);
      assert.deepEqual([event.name, event.json.severity, event.json.text], ['hot', 'critical', 'Over 30']);
      assert.equal(/** @type {any} */ (await seen.promise).id, me.id);
      assert.deepEqual(
        all.devices().map(({ id }) => id),
        [me.id],
      );

      await Promise.all([
        me.onCommand('reboot', ({ json }) => ({ done: json() })),
        me.onCommand('explode', () => {
          throw Object.assign(new Error('not today'), { status: 409 });
        }),
        me.onCommand('sleep', () => new Promise(() => {})),
      ]);
      const { status, result } = await all.sendCommand(me.id, 'reboot', { in: 5 });
      assert.deepEqual([status, result], [200, { done: { in: 5 } }]);
      await assert.rejects(all.sendCommand(me.id, 'explode'), {
        code: 'provider-command',
        status: 409,
        message: /not today/,
      });
      await assert.rejects(all.sendCommand(me.id, 'sleep', '', { timeout: 50 }), { code: 'provider-timeout' });

      const desired = awaited();
      await me.onDesiredState((state) => state.fan === 'off' && desired.resolve(state));
      await all.setDesired(me.id, { fan: 'off' });
      assert.deepEqual(await desired.promise, { fan: 'off' });
      assert.deepEqual(cloud.violations, []);

      const waiting = assert.rejects(all.sendCommand(me.id, 'sleep'), { code: 'provider-ended' });
      await all.end();
      await waiting;
      await me.end();
      await cloud.stop();
    });
  });
}

test('where a client sees itself only, the reason is told, and nothing is connected', async () => {
  const hub = await startAzureIotHub();
  await assert.rejects(operator(azureIotHub(hub.form, profileOptions), clientOptions(hub)), {
    code: 'provider-no-such-thing',
    message: /^Azure IoT Hub: An IoT Hub/,
  });
  assert.equal(hub.connections.length, 0);
  await hub.stop();
});

test('an operator is no device', async () => {
  const cloud = await startAws();
  await assert.rejects(operator(aws(cloud.form, profileOptions), clientOptions(cloud)), { field: 'device' });
  await assert.rejects(device(aws({ ...cloud.form, device: '' }, profileOptions), clientOptions(cloud)), {
    field: 'device',
  });
  assert.equal(cloud.connections.length, 0);
  await cloud.stop();
});

test('values are asked for once until there is a seat, and for each connection from then on', async () => {
  const cloud = await startPlain();
  for (const [take, id] of /** @type {const} */ ([
    [device, 'dev-1'],
    [operator, ''],
  ])) {
    let asked = 0;
    const values = () => (asked++, { ...cloud.form, device: id });
    const profile = mosquitto(values, profileOptions);
    const seat = await take(profile, clientOptions(cloud));
    assert.equal(asked, 1);
    const again = awaited();
    seat.client.on('connect', again.resolve);
    cloud.open()[0].drop();
    await again.promise;
    assert.equal(asked, 2);
    await seat.end();
    await (await take(profile, clientOptions(cloud))).end();
    assert.equal(asked, 3);
  }
  await cloud.stop();
});
