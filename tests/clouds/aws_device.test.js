// The device API at AWS: jobs, shadows by name, answers in MQTT 5.0's own way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aws, device } from '../../web/providers/index.js';
import { startAws } from './aws.js';
import { awaited, clientOptions, profileOptions } from './seats.js';

const LIMIT = { timeout: 60_000 };

test('jobs: one after the other, with progress; failed, rejected, and cancelled ones', LIMIT, async () => {
  const cloud = await startAws();
  const me = await device(aws(cloud.form, profileOptions), clientOptions(cloud));
  const job = (/** @type {string} */ id, /** @type {string} */ status) =>
    cloud.until(() => cloud.jobs('dash-1').executions.find((one) => one.jobId === id && one.status === status));
  cloud.cloud.startJob('dash-1', 'job-1', { operation: 'update', url: 'x' });
  cloud.cloud.startJob('dash-1', 'job-2', { operation: 'explode' });
  cloud.cloud.startJob('dash-1', 'job-3', { operation: 'unheard-of' });
  /** @type {any} */
  let command;
  const half = awaited();
  const go = awaited();
  await Promise.all([
    me.onJob('update', async (given) => {
      command = given;
      await given.progress({ at: 'half' });
      half.resolve(true);
      await go.promise;
      return { done: true, text: 'well' };
    }),
    me.onJob('explode', () => {
      throw new Error('no powder');
    }),
  ]);
  await half.promise;
  assert.deepEqual(cloud.jobs('dash-1').executions[0].statusDetails, { at: 'half' });
  assert.deepEqual([command.kind, command.id, command.json().url], ['job', 'job-1', 'x']);
  go.resolve(true);
  assert.deepEqual((await job('job-1', 'SUCCEEDED')).statusDetails, { done: 'true', text: 'well' });
  assert.deepEqual((await job('job-2', 'FAILED')).statusDetails, { error: 'no powder', status: '500' });
  await job('job-3', 'REJECTED');
  assert.deepEqual(cloud.violations, []);
  await me.end();
  await cloud.stop();
});

test('a job that is cancelled while it is at work: its handler is told, and no answer goes out', LIMIT, async () => {
  const cloud = await startAws();
  const me = await device(aws(cloud.form, profileOptions), clientOptions(cloud));
  const begun = awaited();
  const gone = awaited();
  await me.onJob('long', async ({ signal, progress }) => {
    begun.resolve(true);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await progress({ at: 'the end' }); // of what is no more
    gone.resolve(true);
  });
  await me.onJob('next', () => {});
  cloud.cloud.startJob('dash-1', 'job-1', { operation: 'long' });
  await begun.promise;
  cloud.cloud.cancelJob('dash-1', 'job-1');
  await gone.promise;
  cloud.cloud.startJob('dash-1', 'job-2', { operation: 'next' });
  await cloud.until(() =>
    cloud.jobs('dash-1').executions.find(({ jobId, status }) => jobId === 'job-2' && status === 'SUCCEEDED'),
  );
  assert.deepEqual(cloud.violations, []);
  await me.end();
  await cloud.stop();
});

test('a job goes on over a lost connection, and is done once', LIMIT, async () => {
  const cloud = await startAws();
  const me = await device(aws(cloud.form, profileOptions), clientOptions(cloud));
  let runs = 0;
  const begun = awaited();
  const go = awaited();
  await me.onJob('*', async () => {
    runs++;
    begun.resolve(true);
    await go.promise;
  });
  cloud.cloud.startJob('dash-1', 'job-1', {});
  await begun.promise;
  const back = awaited();
  me.client.on('connect', () => back.resolve(true));
  cloud.cloud.disconnect('dash-1');
  await back.promise;
  go.resolve(true);
  await cloud.until(() => cloud.jobs('dash-1').executions[0].status === 'SUCCEEDED');
  assert.equal(runs, 1);
  await me.end();
  await cloud.stop();
});

test('a shadow with a name; no shadow yet; a command of MQTT 5.0 is answered where it says', LIMIT, async () => {
  const cloud = await startAws();
  const me = await device(aws(cloud.form, profileOptions), { ...clientOptions(cloud), document: 'settings' });
  assert.deepEqual(await me.getState(), { desired: undefined, reported: undefined, version: undefined });
  await me.reportState({ a: 1 });
  assert.deepEqual(cloud.cloud.getShadow('dash-1', 'settings').state.reported, { a: 1 });
  assert.equal(cloud.cloud.getShadow('dash-1').version, 0);
  await me.onCommand('reboot', ({ properties }) => properties);
  const answer = awaited();
  await me.client.subscribe('desk/answers', (message) => answer.resolve(message));
  cloud.cloud.publish({
    topic: 'devices/dash-1/commands/reboot',
    payload: '',
    qos: 1,
    properties: {
      responseTopic: 'desk/answers',
      correlationData: Buffer.from('c1'),
      userProperties: { who: 'desk' },
    },
  });
  const message = /** @type {any} */ (await answer.promise);
  assert.deepEqual(message.json(), { ok: true, result: { who: 'desk' } });
  assert.deepEqual(Buffer.from(message.properties.correlationData).toString(), 'c1');
  await me.end();
  await cloud.stop();
});

test(
  'desired state: none where there is no shadow; reports at once; a handler may do with its own what it likes',
  LIMIT,
  async () => {
    const cloud = await startAws();
    const me = await device(aws(cloud.form, profileOptions), clientOptions(cloud));
    /** @type {any[]} */
    const told = [];
    const second = awaited();
    await me.onDesiredState((state) => {
      told.push({ ...state });
      delete state.fan;
    });
    await me.onDesiredState((state) => second.resolve(state));
    assert.deepEqual(told, [], 'there is no shadow yet');
    const versions = await Promise.all([me.reportState({ a: 1 }), me.reportState({ b: 2 })]);
    assert.deepEqual(
      versions.map(({ version }) => version),
      [1, 2],
    );
    assert.deepEqual(cloud.cloud.getShadow('dash-1').state.reported, { a: 1, b: 2 });
    cloud.cloud.setDesired('dash-1', { fan: 'on' });
    assert.deepEqual(await second.promise, { fan: 'on' });
    assert.deepEqual(told, [{ fan: 'on' }]);
    await me.end();
    await cloud.stop();
  },
);

test('what the policy does not allow is an error that says so', LIMIT, async () => {
  const cloud = await startAws();
  cloud.cloud.deny('$aws/things/dash-1/#');
  const me = await device(aws(cloud.form, profileOptions), clientOptions(cloud));
  await assert.rejects(
    me.onDesiredState(() => {}),
    /refused to subscribe/,
  );
  await assert.rejects(me.getState(), /refused to subscribe/);
  await assert.rejects(
    me.onJob('*', () => {}),
    /refused to subscribe/,
  );
  await me.sendTelemetry({ t: 1 });
  await me.end();
  await cloud.stop();
});
