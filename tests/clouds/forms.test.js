// What the stand-ins say is to be filled in, is: src/provider makes a login of it, and the stand-in takes it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadProviders } from '../../web/providers/index.js';
import { startAlibaba } from './alibaba.js';
import { startAws } from './aws.js';
import { startAzureDps } from './azure_dps.js';
import { startAzureEventGrid } from './azure_event_grid.js';
import { startAzureIotHub } from './azure_iot_hub.js';
import { deviceKey } from './azure_sas.js';
import { startClearBlade } from './clearblade.js';
import { connack } from './clients.js';
import { startCumulocity } from './cumulocity.js';
import { startScaleway } from './scaleway.js';

const wasm = readFileSync(new URL('../../dist/providers.wasm', import.meta.url));
const providers = await loadProviders({ wasm });

/**
 * @param {string} service
 * @param {import('./server.js').CloudServer} server
 * @param {Record<string, string>} form
 */
async function signsIn(service, server, form) {
  const names = providers.service(service).fields.map(({ name }) => name);
  assert.deepEqual(
    Object.keys(form).filter((name) => !names.includes(name)),
    [],
  );
  const { url, protocolVersions, properties, ...login } = await providers.login(service, form);
  const [protocolVersion] = protocolVersions;
  const { authenticationMethod, authenticationData = [] } = properties;
  const more = protocolVersion === 5 && {
    properties: { authenticationMethod, authenticationData: Buffer.from(authenticationData) },
  };
  assert.equal(await connack(url, { ...login, ca: server.ca, protocolVersion, ...more }), 0);
  assert.deepEqual(server.violations, []);
}

test('Azure IoT Hub and its provisioning service', async () => {
  const hub = await startAzureIotHub();
  const dps = await startAzureDps({ hub });
  for (const form of [hub.form, hub.moduleForm, hub.policyForm, { ...hub.policyForm, 'policy-scope': 'hub' }]) {
    await signsIn('azure-iot-hub', hub, form);
  }
  for (const form of [dps.form, dps.groupForm]) await signsIn('azure-iot-hub', dps, form);
  const { device: registration, key } = dps.groupForm;
  hub.cloud.add('Dev-9', deviceKey(key, registration));
  const named = { ...dps.groupForm, registration, device: 'Dev-9' };
  await signsIn('azure-iot-hub', dps, named);
  await signsIn('azure-iot-hub', hub, { ...named, host: hub.host });
  await dps.stop();
  await hub.stop();
});

test('Azure Event Grid', async () => {
  const grid = await startAzureEventGrid();
  await signsIn('azure-event-grid', grid, grid.form);
  await grid.stop();
});

test('Cumulocity', async () => {
  const platform = await startCumulocity();
  const { form, bootstrapForm } = platform;
  for (const some of [form, { ...form, template: 'mine' }, bootstrapForm]) await signsIn('cumulocity', platform, some);
  await platform.stop();
});

test('AWS IoT Core: keys, temporary keys, and the authorizer', async () => {
  for (const sessionToken of [undefined, 'FwoGZXIvYXdzEBYaDH+TEST/TOKEN+with/slashes==']) {
    const aws = await startAws({ sessionToken, limits: { connectsPerSecond: 10 } });
    for (const form of [...Object.values(aws.forms), { ...aws.form, expires: '60' }]) await signsIn('aws', aws, form);
    await aws.stop();
  }
});

test('ClearBlade, Alibaba Cloud, Scaleway', async () => {
  const clearblade = await startClearBlade();
  for (const form of Object.values(clearblade.forms)) await signsIn('clearblade', clearblade, form);
  await clearblade.stop();
  const alibaba = await startAlibaba();
  for (const form of Object.values(alibaba.forms)) {
    await signsIn('alibaba', alibaba, form);
    await signsIn('alibaba', alibaba, { ...form, 'sign-method': 'hmacsha1' });
  }
  await signsIn('alibaba', alibaba, { ...alibaba.form, client: 'x', timestamp: '789' });
  await alibaba.stop();
  const plain = await startAlibaba({ tls: false });
  await signsIn('alibaba', plain, plain.form);
  await plain.stop();
  const scaleway = await startScaleway();
  await signsIn('scaleway', scaleway, scaleway.form);
  await scaleway.stop();
});

test('a value that has no room is told as too long, with its field', async () => {
  const url = 'wss://broker.example';
  const { code, field } = providers.check('broker', { url, username: 'x', password: 'x'.repeat(65_536) }) ?? {};
  assert.deepEqual([code, field], ['provider-too-long', 'password']);
  assert.equal(providers.check('broker', { url, username: 'x', password: 'x'.repeat(65_535) }), null);
  for (const length of [20_000, 70_000, 80_000]) {
    // more than a login, a packet, and the memory for all values can hold
    const values = { url, username: 'x', password: 'x'.repeat(length) };
    const tooLong = {
      code: 'provider-too-long',
      field: 'password',
      message: 'MQTT broker, Password: This is too long.',
    };
    await assert.rejects(providers.login('broker', values), tooLong);
    if (length === 80_000) {
      assert.equal(providers.check('broker', values)?.field, 'password');
      assert.throws(() => providers.seat('broker', values), tooLong);
    }
  }
});
