// The dashboard at every IoT service, by its own form, against the stand-ins of tests/clouds: a device's seat at each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAws } from '../clouds/aws.js';
import { startCumulocity } from '../clouds/cumulocity.js';
import { CASES, keepsNoSecret, LIMIT, onStage } from './clouds.js';

onStage('the dashboard at services', ['chromium', 'firefox'], (stage) => {
  for (const one of CASES) {
    test(`a device at ${one.service || 'any broker'}`, LIMIT, async () => {
      const { seat } = stage;
      const cloud = await stage.cloud(one.start);
      const form = one.form?.(cloud) ?? cloud.form;

      // Wrong credentials: one error, at the form, which says nothing of them; nobody tries on.
      await seat.choose(one.service, 'device');
      await seat.submit({ ...form, ...one.wrong });
      const refusal = await seat.refusal();
      for (const value of Object.values(one.wrong)) assert.ok(!refusal.includes(value), refusal);
      if (one.says) assert.match(refusal, one.says);
      const tries = cloud.violations.length;
      assert.ok(tries >= 1 && tries <= 3, JSON.stringify(cloud.violations)); // one for each version that may be meant

      await seat.submit(one.service === '' ? { username: '', password: '' } : form);
      await seat.seated();
      await seat.sendTelemetry();
      await cloud.until(() => cloud.seen.telemetry.length > 0);
      assert.match(cloud.seen.telemetry[0].text, /temperature\W.*21\.5/);

      await seat.sendEvent('door-opened', '{"text": "by hand"}');
      await seat.alarm('too-hot', 'Over 30');
      const came = () => [...cloud.seen.events, ...cloud.seen.telemetry].map(({ text }) => text).join();
      const told = () => (one.told ?? came)(cloud);
      await cloud.until(() => /by hand/.test(told()) && /too-hot/.test(told()) && /cleared/i.test(told()));

      // A command waits for the person, who answers it.
      const { command = 'reboot' } = one;
      const answer = one.call(cloud, command, { in: 5 });
      assert.match(await seat.waiting(command), one.asks ?? /"in":\s*5/);
      await seat.answer(command, '{"done": true}');
      const { ok, result } = await answer;
      assert.deepEqual([ok, result], [true, { done: true }]);

      // State, both ways; what is no JSON is told at the field.
      await seat.report('{"fan": ');
      await seat.text('the fault', '#report-note', /Not JSON/);
      await seat.report('{"fan": "on"}');
      await seat.outcome('state', 'taken');
      await cloud.until(() => one.reported(cloud)?.fan === 'on');
      if (one.desire) {
        await one.desire(cloud, { interval: 7 });
        await seat.desired(/"interval": 7/);
      } else await seat.text('why there is none', '[data-state=desired] .hint', /operation/);

      assert.equal(await seat.phase(), 'connected');
      assert.equal(cloud.violations.length, tries, JSON.stringify(cloud.violations));
      assert.equal(cloud.open().length, 1);
      await keepsNoSecret(seat, form);
    });
  }

  test('operations that the form names are offered at cumulocity', LIMIT, async () => {
    const { seat } = stage;
    const cloud = await stage.cloud(startCumulocity);
    const offered = () => cloud.cloud.tenant.devices.get('serial-1')?.fragments.c8y_SupportedOperations;
    await seat.choose('cumulocity', 'device');
    await seat.submit(cloud.form);
    await seat.seated();
    await cloud.until(offered);
    assert.deepEqual(offered(), ['c8y_Restart', 'c8y_Command']);
    await seat.disconnect();
    await seat.submit({ ...cloud.form, operations: 'c8y_Relay' });
    await seat.seated();
    await cloud.until(() => offered().length === 1);
    assert.deepEqual(offered(), ['c8y_Relay']);
    cloud.cloud.operation('serial-1', 518, 'OPEN');
    assert.match(await seat.waiting('c8y_Relay'), /OPEN/);
    assert.deepEqual(cloud.violations, []);
  });

  test('a job at aws: progress, its end, and one that fails', LIMIT, async () => {
    const { seat } = stage;
    const cloud = await stage.cloud(startAws);
    await seat.choose('aws', 'device');
    await seat.submit(cloud.form);
    await seat.seated();
    const job = (/** @type {string} */ id, /** @type {string} */ status) =>
      cloud.until(() =>
        cloud.jobs('dash-1').executions.find((/** @type {any} */ one) => one.jobId === id && one.status === status),
      );
    cloud.cloud.startJob('dash-1', 'job-1', { operation: 'update', version: '2.5' });
    cloud.cloud.startJob('dash-1', 'job-2', { operation: 'explode' });
    assert.match(await seat.waiting('update'), /2\.5/);
    await seat.type('.call[data-name=update] [name=text]', 'half');
    await seat.press('.call[data-name=update] button:not(.primary)');
    await cloud.until(() => cloud.jobs('dash-1').executions[0].statusDetails?.progress === 'half');
    await seat.answer('update', '{"now": "2.5"}');
    assert.deepEqual((await job('job-1', 'SUCCEEDED')).statusDetails.now, '2.5');
    await seat.waiting('explode');
    const status = '.call[data-name=explode] [name=status]';
    await seat.type(status, '4');
    await seat.answer('explode', 'no powder', 'no');
    await seat.shows('the fault at the status', `${status}[aria-invalid=true]:focus`);
    await seat.type(status, '409');
    await seat.press('.call[data-name=explode] .primary');
    assert.match(JSON.stringify((await job('job-2', 'FAILED')).statusDetails), /no powder/);
    assert.deepEqual(cloud.violations, []);
  });
});
