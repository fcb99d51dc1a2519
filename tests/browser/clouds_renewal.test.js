// Credentials that expire while the dashboard plays a device: others take their place, and no message is lost on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CASES, LIMIT, onStage } from './clouds.js';

/** Credentials that are made from now on are others than those before. */
async function nextSecond() {
  const second = () => Math.floor(Date.now() / 1000);
  const first = second();
  while (second() === first) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** The measurements `n` that a cloud has, as JSON or in a row. @param {any} cloud */
const numbers = (cloud) =>
  new Set(
    cloud.seen.telemetry.map((/** @type {any} */ { text }) => {
      const found = /"n":\{?(?:"value":)?(\d+)|,n,n,(\d+)/.exec(text);
      return found?.[1] ?? found?.[2];
    }),
  );

/** Event Grid is chosen in the form, for a device. @param {import('./clouds.js').Stage} stage */
async function eventGrid(stage) {
  const one = /** @type {any} */ (CASES.find(({ service }) => service === 'azure-event-grid'));
  const cloud = await stage.cloud(one.start);
  await stage.seat.choose(one.service, 'device');
  return cloud;
}

onStage('credentials that expire', ['chromium', 'firefox'], (stage) => {
  for (const one of CASES.filter(({ service }) => service !== 'azure-event-grid')) {
    test(`${one.service || 'any broker'}: signed in anew, nothing lost`, LIMIT, async () => {
      const { seat } = stage;
      const cloud = await stage.cloud(one.start);
      await seat.choose(one.service, 'device');
      await seat.submit(one.form?.(cloud) ?? cloud.form);
      await seat.seated();
      await seat.sendTelemetry();
      await nextSecond();
      const { length } = cloud.connections;
      await seat.burst(0, 20);
      cloud.expireNow();
      one.late?.(cloud);
      await seat.burst(20, 40);
      const all = Array.from({ length: 40 }, (_, n) => `${n}`);
      await cloud.until(() => all.every((n) => numbers(cloud).has(n)));
      await seat.shows('the connection', '.phase[data-phase=connected]');
      if (one.late) await seat.text('what was sent meanwhile', '.call .reply', one.lateAs ?? /late/);
      await seat.shows('that all is taken', '.sent:not(:has([data-outcome="under way"]))');
      assert.equal(await seat.page.$('[data-outcome=refused]'), null);
      assert.equal(cloud.connections.length, length + 1);
      assert.deepEqual(cloud.violations, []);
    });
  }

  test(
    'azure-event-grid: a token that was pasted is told to end before it does; then the form asks for one',
    LIMIT,
    async () => {
      const { seat } = stage;
      const cloud = await eventGrid(stage);
      await seat.submit({ ...cloud.form, token: await cloud.cloud.token({ seconds: 3600 }) });
      await seat.seated();
      assert.equal(await seat.page.$('.expiry'), null);
      await seat.disconnect();
      await seat.submit({ token: await cloud.cloud.token({ seconds: 15 }) });
      await seat.text('what is to be done', '.expiry', /new token/);
      await seat.press('.expiry button');
      await seat.shows('the form', 'form.connect');
      await seat.submit({ token: await cloud.cloud.token({ seconds: 3 }) });
      await seat.text('the fault', '.connect .fault', /token has expired/);
      assert.equal(await seat.page.evaluate(() => document.activeElement?.id), 'service-token');
      await seat.submit({ token: await cloud.cloud.token() });
      await seat.seated();
      assert.equal(await seat.page.$('.expiry'), null);
    },
  );

  test(
    'azure-event-grid: a token that was pasted ends; one error asks for another, and nobody tries on',
    LIMIT,
    async () => {
      const { seat } = stage;
      const cloud = await eventGrid(stage);
      await seat.submit(cloud.form);
      await seat.seated();
      await seat.sendTelemetry();
      await nextSecond();
      cloud.expireNow();
      const told = await seat.refusal();
      assert.ok(told.length > 10 && !told.includes(cloud.form.token), told);
      const { length } = cloud.connections;
      assert.ok(length <= 3, `${length} connections`);
      await seat.submit({ token: await cloud.cloud.token() });
      await seat.seated();
      await seat.sendTelemetry();
      assert.equal(cloud.connections.length, length + 1);
    },
  );
});
