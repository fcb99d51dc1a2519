// New devices by the dashboard's own form: registration, what it gives, and Cancel while it lasts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAlibaba } from '../clouds/alibaba.js';
import { startAzureDps } from '../clouds/azure_dps.js';
import { startAzureIotHub } from '../clouds/azure_iot_hub.js';
import { startCumulocity } from '../clouds/cumulocity.js';
import { keepsNoSecret, LIMIT, onStage } from './clouds.js';

/** @typedef {import('./seat_page.js').SeatPage} SeatPage */

/**
 * The seat that registration led to: it sends, and what was given is shown once, the secrets when asked to.
 * @param {SeatPage} seat
 * @param {any} cloud
 * @param {string | null} secret null: it gave none
 */
async function registered(seat, cloud, secret) {
  await seat.seated();
  const shown = () => seat.page.$eval('.notice', (notice) => /** @type {HTMLElement} */ (notice).innerText);
  await seat.shows('what was given', '.notice');
  if (secret !== null) {
    assert.ok(!(await shown()).includes(secret), 'hidden at first');
    await seat.press('.notice [aria-pressed]');
    await seat.text('the secret', '.notice dd', new RegExp(secret.replace(/[^\w]/g, '\\$&')));
  }
  await seat.sendTelemetry();
  await cloud.until(() => cloud.seen.telemetry.length > 0);
  await seat.press('.notice .actions button:last-child');
  assert.ok(secret === null || !(await seat.stored()).includes(secret));
}

onStage('registration from the form', ['chromium', 'firefox'], (stage) => {
  for (const way of /** @type {const} */ (['form', 'groupForm'])) {
    test(`Azure's provisioning service, by ${way}; the hub alone the next time`, LIMIT, async () => {
      const { seat } = stage;
      const hub = await stage.cloud(startAzureIotHub);
      const dps = await stage.cloud(() => startAzureDps({ hub }));
      await seat.choose('azure-iot-hub', 'device');
      await seat.submit(dps[way]);
      await registered(seat, hub, null);
      await keepsNoSecret(seat, dps[way]);
      const before = dps.connections.length;
      await seat.disconnect();
      await seat.submit({ key: dps[way].key });
      await seat.seated();
      await seat.sendTelemetry();
      assert.equal(dps.connections.length, before);
      assert.deepEqual([hub.violations, dps.violations], [[], []]);
    });
  }

  test('Azure: an enrolment that is refused is one clear error', LIMIT, async () => {
    const { seat } = stage;
    const hub = await stage.cloud(startAzureIotHub);
    const dps = await stage.cloud(() => startAzureDps({ hub }));
    const key = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';
    await seat.choose('azure-iot-hub', 'device');
    await seat.submit({ ...dps.form, key });
    const told = await seat.refusal();
    assert.match(told, /Azure IoT Hub: The service refused the login/);
    assert.ok(!told.includes(key));
    assert.deepEqual([dps.connections.length, hub.connections.length], [1, 0]);
  });

  test('Cumulocity: asks until it is accepted; Cancel ends that at once', LIMIT, async () => {
    const { seat } = stage;
    const cloud = await stage.cloud(startCumulocity);
    const id = cloud.bootstrapForm.device;
    await seat.choose('cumulocity', 'device');
    await seat.submit(cloud.bootstrapForm);
    await cloud.until(() => cloud.cloud.registrations().includes(id));
    await seat.press('.connect .actions button:not(.primary)');
    await seat.shows('the form', '.connect[aria-busy=false]');
    await cloud.until(() => cloud.open().length === 0);
    const { length } = cloud.connections;
    assert.equal(await seat.page.$('.alert'), null, 'who cancels is told nothing');

    cloud.cloud.accept(id);
    await seat.submit({ password: cloud.bootstrapForm.password });
    await seat.seated();
    assert.equal(cloud.connections.length, length + 2, 'to ask, and to be there');
    const { password } = await cloud.open()[0].connect;
    await registered(seat, cloud, String(password));
    await keepsNoSecret(seat, cloud.bootstrapForm);
    assert.equal(cloud.cloud.tenant.measurements.at(-1).source, id);
    assert.deepEqual(cloud.violations, []);
  });

  test('Azure and Alibaba: Cancel while the service works on it', LIMIT, async () => {
    const { seat } = stage;
    const hub = await stage.cloud(startAzureIotHub);
    const dps = await stage.cloud(() => startAzureDps({ hub, polls: 1000, retryAfter: 600 }));
    const alibaba = await stage.cloud(startAlibaba);
    alibaba.connected = () => {};
    for (const [service, cloud, form] of [
      ['azure-iot-hub', dps, dps.form],
      ['alibaba', alibaba, alibaba.forms['register']],
    ]) {
      await seat.choose(service, 'device');
      await seat.submit(form);
      await cloud.until(() => cloud.open().length > 0);
      await seat.press('.connect .actions button:not(.primary)');
      await seat.shows('the form', '.connect[aria-busy=false]');
      await cloud.until(() => cloud.open().length === 0);
    }
  });

  for (const way of ['register', 'register-new']) {
    test(`Alibaba, ${way}: the secret is shown, and not stored`, LIMIT, async () => {
      const { seat } = stage;
      const cloud = await stage.cloud(startAlibaba);
      await seat.choose('alibaba', 'device');
      await seat.submit(cloud.forms[way]);
      await seat.seated();
      const { secret } = cloud.devices.get(cloud.forms[way].device);
      await registered(seat, cloud, secret);
      await keepsNoSecret(seat, cloud.forms[way]);
      assert.deepEqual(cloud.violations, []);
    });
  }
});
