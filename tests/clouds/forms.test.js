// What the stand-ins say is to be filled in, is: src/provider makes a login of it, and the stand-in takes it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadProviders } from '../../web/providers/index.js';
import { startAzureDps } from './azure_dps.js';
import { startAzureEventGrid } from './azure_event_grid.js';
import { startAzureIotHub } from './azure_iot_hub.js';
import { connack } from './clients.js';
import { startCumulocity } from './cumulocity.js';

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
