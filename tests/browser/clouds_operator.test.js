// The operator's seat by the dashboard's own form, where a service has one: sees a device, sends it a command and a state.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CASES, LIMIT, onStage } from './clouds.js';

onStage('an operator at services', ['chromium', 'firefox'], (stage) => {
  // At a broker the preset is chosen: what nobody knows has a form of its own for operators.
  for (const service of ['aws', 'azure-event-grid', 'scaleway', 'mosquitto']) {
    test(service, LIMIT, async () => {
      const { seat: operator } = stage;
      const one = /** @type {any} */ (CASES.find((other) => other.service === service) ?? CASES.at(-1));
      const cloud = await stage.cloud(one.start);
      const { device, ...form } = cloud.form;
      const seat = await stage.another();
      await seat.choose(service, 'device');
      await seat.submit(cloud.form);
      await seat.seated();
      await seat.press('.automatic [name=on]');

      const { page } = operator;
      await page.bringToFront(); // a page that is not seen does not paint
      await operator.choose(service, 'operator');
      await operator.submit(cloud.addDevice ? { ...form, id: cloud.addDevice() } : form);
      await operator.shows('the devices', 'wq-devices');
      await seat.page.$eval('[data-send=telemetry]', (box) => /** @type {HTMLFormElement} */ (box).requestSubmit());
      await operator.shows('the device', `.row[data-device="${device}"]`);
      await page.evaluate((id) => void (location.hash = `#/device/${id}`), device);
      await operator.press('form[data-command=led] button');
      await operator.shows('the answer', '.life[data-command=led][data-state=answered]');
      await operator.type('#desired-state', '{"interval": 9}');
      await page.$eval('[data-desired]', (box) => /** @type {HTMLFormElement} */ (box).requestSubmit());
      await operator.text('that it was taken', '#desired-state-note', /Taken/);
      if (service !== 'scaleway') {
        await seat.page.bringToFront();
        await seat.desired(/"interval": 9/);
      }
      assert.deepEqual(cloud.violations, []);
    });
  }
});
