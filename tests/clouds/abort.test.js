// A seat that is given up before it is taken: while a device registers, or is about to begin.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alibaba, aws, azureIotHub, cumulocity, device, operator } from '../../web/providers/index.js';
import { startAlibaba } from './alibaba.js';
import { startAws } from './aws.js';
import { startAzureDps } from './azure_dps.js';
import { startAzureIotHub } from './azure_iot_hub.js';
import { startCumulocity } from './cumulocity.js';
import { clientOptions, profileOptions } from './seats.js';

const LIMIT = { timeout: 30_000 };

/**
 * Takes a seat, and gives up once the service has come so far. The service then has no connection, and gets no other.
 * @param {import('./server.js').CloudServer} cloud
 * @param {(options: any) => Promise<any>} take
 * @param {() => unknown} far
 */
async function givenUp(cloud, take, far) {
  const abort = new AbortController();
  const taken = take({ ...clientOptions(cloud), signal: abort.signal });
  await Promise.race([cloud.until(far), taken]);
  abort.abort(new Error('the person went away'));
  await assert.rejects(taken, (/** @type {any} */ error) => {
    assert.deepEqual([error.code, error.phase, error.cause.message], ['aborted', 'open', 'the person went away']);
    return true;
  });
  const { length } = cloud.connections;
  await cloud.until(() => cloud.open().length === 0);
  await new Promise(setImmediate);
  assert.equal(cloud.connections.length, length);
  await cloud.stop();
}

test('Cumulocity: while nobody has accepted the device', LIMIT, async () => {
  const cloud = await startCumulocity();
  const form = cumulocity(cloud.bootstrapForm, profileOptions);
  await givenUp(
    cloud,
    (options) => device(form, options),
    () => cloud.cloud.registrations().length > 0,
  );
});

test('Azure: while the provisioning service works on it', LIMIT, async () => {
  const hub = await startAzureIotHub();
  const dps = await startAzureDps({ hub, polls: 1000, retryAfter: 600 });
  let asked = 0;
  const publish = dps.publish.bind(dps);
  dps.publish = (connection, packet) => {
    asked++;
    return publish(connection, packet);
  };
  await givenUp(
    dps,
    (options) => device(azureIotHub(dps.form, profileOptions), options),
    () => asked > 0,
  );
  await hub.stop();
});

test('Alibaba: while the secret does not come', LIMIT, async () => {
  const cloud = await startAlibaba();
  cloud.connected = () => {};
  const form = alibaba(cloud.forms['register'], profileOptions);
  await givenUp(
    cloud,
    (options) => device(form, options),
    () => cloud.open().length > 0,
  );
});

/** Stops answering, and says when. @param {any} cloud @param {'publish' | 'subscribe'} what */
function silence(cloud, what) {
  const met = { asked: false };
  cloud[what] = () => {
    met.asked = true;
    cloud.changed();
  };
  return met;
}

test('a device whose first message is not acknowledged', LIMIT, async () => {
  const cloud = await startCumulocity();
  const met = silence(cloud, 'publish');
  await givenUp(
    cloud,
    (options) => device(cumulocity(cloud.form, profileOptions), options),
    () => met.asked,
  );
});

test('an operator whose first subscription is not answered', LIMIT, async () => {
  const cloud = await startAws();
  const met = silence(cloud, 'subscribe');
  const form = aws({ ...cloud.form, device: '', client: 'operator' }, profileOptions);
  await givenUp(
    cloud,
    (options) => operator(form, options),
    () => met.asked,
  );
});

test('before anything was tried', LIMIT, async () => {
  const cloud = await startCumulocity();
  const signal = AbortSignal.abort();
  for (const form of [cloud.form, cloud.bootstrapForm]) {
    await assert.rejects(device(cumulocity(form, profileOptions), { ...clientOptions(cloud), signal }), {
      code: 'aborted',
    });
  }
  assert.deepEqual([cloud.connections.length, cloud.cloud.registrations()], [0, []]);
  await cloud.stop();
});
