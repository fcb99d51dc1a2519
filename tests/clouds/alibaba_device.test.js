// The device API at Alibaba Cloud: the thing model's posts and services, property/set, RRPC, registration.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alibaba, device } from '../../web/providers/index.js';
import { startAlibaba } from './alibaba.js';
import { awaited, clientOptions, profileOptions } from './seats.js';

const LIMIT = { timeout: 60_000 };

test('posts, property/set and RRPC are answered as the platform wants', LIMIT, async () => {
  const cloud = await startAlibaba();
  const me = await device(alibaba(cloud.form, profileOptions), clientOptions(cloud));
  await me.sendTelemetry({ t: 21.5 }, { time: 1_700_000_000_000 });
  const post = JSON.parse(cloud.seen.telemetry[0].text);
  assert.deepEqual(post.params, { t: { value: 21.5, time: 1_700_000_000_000 } });
  assert.deepEqual([post.method, post.version], ['thing.event.property.post', '1.0']);
  await me.sendEvent('door', { by: 'hand' });
  const event = JSON.parse(cloud.seen.events[0].text);
  assert.deepEqual([event.method, event.params], ['thing.event.door.post', { by: 'hand' }]);

  const set = awaited();
  await me.onDesiredState(async (state, { whole }) => {
    if (whole) return;
    if (state.fan === 'broken') throw Object.assign(new Error('no fan'), { status: 6205 });
    set.resolve(state);
  });
  const done = await cloud.cloud.setProperties('example1', { fan: 'on' });
  assert.deepEqual([done.code, await set.promise], [200, { fan: 'on' }]);
  const failed = await cloud.cloud.setProperties('example1', { fan: 'broken' });
  assert.deepEqual([failed.code, failed.message], [6205, 'no fan']);

  await me.onCommand('', ({ text }) => `heard ${text()}`);
  assert.equal(await cloud.cloud.rrpc('example1', 'ping'), 'heard ping');
  assert.deepEqual(cloud.violations, []);
  await me.end();
  await cloud.stop();
});

for (const way of ['register', 'register-new']) {
  test(`registration with the product's secret: ${way}`, LIMIT, async () => {
    const cloud = await startAlibaba();
    /** @type {any} */
    let kept;
    const me = await device(alibaba(cloud.forms[way], profileOptions), {
      ...clientOptions(cloud),
      registered: (values) => (kept = values),
    });
    assert.deepEqual(kept, { auth: 'device', secret: cloud.devices.get(cloud.forms[way].device)?.secret });
    await me.sendTelemetry({ t: 1 });
    assert.equal(cloud.seen.telemetry[0].device, cloud.forms[way].device);
    await me.end();
    await cloud.stop();
  });
}
