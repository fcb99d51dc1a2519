// `make cloud-sim`: every stand-in on the loopback address, what to fill in on the connect form for each, and what comes in, until
// Ctrl-C. The environment may set PORT, of the first one; the others follow. 0: whatever is free.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { portTrouble } from '../tools/ports.js';
import { temporaryFolder } from '../tools/process.js';
import { startAlibaba } from './alibaba.js';
import { startAws } from './aws.js';
import { startAzureDps } from './azure_dps.js';
import { startAzureEventGrid } from './azure_event_grid.js';
import { startAzureIotHub } from './azure_iot_hub.js';
import { startClearBlade } from './clearblade.js';
import { startCumulocity } from './cumulocity.js';
import { startScaleway } from './scaleway.js';
import { certificate } from './tls.js';

const FIRST_PORT = 9700;
/** How much of a payload is shown, in characters. */
const SHOWN = 200;

/** @typedef {import('./server.js').CloudServer} CloudServer */
/** @typedef {{ title: string, server: CloudServer, forms: object[] }} Service */

/** @param {() => number} next the next port @returns {Promise<Service[]>} */
async function start(next) {
  const aws = await startAws({ port: next() });
  const hub = await startAzureIotHub({ port: next() });
  const dps = await startAzureDps({ port: next(), hub });
  const grid = await startAzureEventGrid({ port: next() });
  const clearblade = await startClearBlade({ port: next() });
  const alibaba = await startAlibaba({ port: next() });
  const scaleway = await startScaleway({ port: next() });
  const cumulocity = await startCumulocity({ port: next() });
  return [
    { title: 'AWS IoT Core', server: aws, forms: Object.values(aws.forms) },
    { title: 'Azure IoT Hub', server: hub, forms: [hub.form, hub.moduleForm, hub.policyForm] },
    { title: 'Azure Device Provisioning Service', server: dps, forms: [dps.form, dps.groupForm] },
    { title: 'Azure Event Grid', server: grid, forms: [grid.form] },
    { title: 'ClearBlade IoT Core', server: clearblade, forms: Object.values(clearblade.forms) },
    { title: 'Alibaba Cloud IoT', server: alibaba, forms: Object.values(alibaba.forms) },
    { title: 'Scaleway IoT Hub', server: scaleway, forms: [scaleway.form] },
    { title: 'Cumulocity', server: cumulocity, forms: [cumulocity.form, cumulocity.bootstrapForm] },
  ];
}

/** @param {string} text that a client sent: control characters are none of a terminal's business */
const printable = (text) => text.replace(/[^\x20-\x7e\xa0-\uffff]/g, '\ufffd').slice(0, SHOWN);

/** Prints what comes in from now on. @param {Service} service */
function report({ title, server }) {
  const say = (/** @type {string} */ kind, /** @type {string} */ text) =>
    console.log(`${title}: ${kind}: ${printable(text)}`);
  void server.until(() => {
    for (const [kind, all] of Object.entries(server.seen)) {
      for (const { topic, text } of all.splice(0)) say(kind, `${topic} ${text}`);
    }
    for (const { rule, what } of server.violations.splice(0)) say(`broken rule ${rule}`, what);
    return false;
  });
}

/** @param {object} form */
function show(form) {
  const fields = Object.entries(form).filter(([, value]) => value !== '');
  const width = Math.max(...fields.map(([name]) => name.length)) + 2;
  for (const [name, value] of fields) {
    console.log(`    ${name.padEnd(width)}${`${value}`.trimEnd().replaceAll('\n', `\n    ${' '.repeat(width)}`)}`);
  }
  console.log('');
}

async function main() {
  const text = process.env.PORT || `${FIRST_PORT}`;
  let port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_000) {
    throw new Error(`PORT=${text}: a whole number from 0 to 65000 is wanted`);
  }
  const next = () => (port === 0 ? 0 : port++);
  if (port !== 0) {
    for (let i = port; i < port + 8; i++) {
      const code = await portTrouble(i);
      if (code) throw new Error(`port ${i} cannot be used (${code}): try \`make cloud-sim PORT=${FIRST_PORT + 100}\``);
    }
  }
  const services = await start(next);
  const caFile = join(temporaryFolder('cloud-sim'), 'ca.pem');
  writeFileSync(caFile, certificate().ca);
  console.log('\nFill in on the connect form, under the names that src/provider has for the fields:\n');
  for (const { title, server, forms } of services) {
    console.log(`  ${title}   ${server.url}${server.tcpPort === 0 ? '' : `   and MQTT on port ${server.tcpPort}`}`);
    forms.forEach(show);
  }
  console.log(`  The certificates are from an authority that exists for as long as this runs. Import it in the browser's certificate
  settings, or give it to your client:
  ${caFile}

  What comes in is shown here. Ctrl-C stops it all.\n`);
  services.forEach(report);
}

try {
  await main();
} catch (error) {
  console.error(`cloud-sim: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
