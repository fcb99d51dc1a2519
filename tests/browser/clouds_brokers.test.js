// The brokers' presets of the dashboard's form, with Mosquitto in the place of all of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMosquitto } from '../tools/mosquitto.js';
import { LIMIT, onStage } from './clouds.js';

onStage("brokers' presets", ['chromium', 'firefox'], (stage) => {
  for (const [service, address] of [
    ['mosquitto', 'ws://localhost:9001/mqtt'],
    ['emqx', 'ws://localhost:8083/mqtt'],
    ['hivemq', 'ws://localhost:8000/mqtt'],
    ['rabbitmq', 'ws://localhost:15675/ws'],
    ['vernemq', 'ws://localhost:8080/mqtt'],
  ]) {
    test(
      `${service}: its address stands in the form; a device sends, and what comes back is shown`,
      LIMIT,
      async () => {
        const { seat } = stage;
        const broker = await stage.cloud(startMosquitto);
        await seat.choose(/** @type {string} */ (service), 'device');
        assert.equal(await seat.page.$eval('#service-url', (input) => /** @type {any} */ (input).value), address);
        await seat.submit({ url: broker.url, device: 'dev-1' });
        await seat.seated();
        await seat.sendTelemetry();
        await seat.publish({ topic: 'devices/dev-1/commands/reboot/r1', payload: '{"in": 5}' });
        await seat.page.evaluate(() => void (location.hash = '#/devices'));
        assert.match(await seat.waiting('reboot'), /"in": 5/);
      },
    );
  }
});
