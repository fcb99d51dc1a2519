// The services as tests of the dashboard's form need them: their stand-ins, and what differs between them; and the stage:
// a browser, the page, and a stand-in a test.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import { servedPolicy } from '../../web/csp.js';
import { startAlibaba } from '../clouds/alibaba.js';
import { startAws } from '../clouds/aws.js';
import { startAzureEventGrid } from '../clouds/azure_event_grid.js';
import { startAzureIotHub } from '../clouds/azure_iot_hub.js';
import { startClearBlade } from '../clouds/clearblade.js';
import { startCumulocity } from '../clouds/cumulocity.js';
import { startPlain } from '../clouds/plain.js';
import { startScaleway } from '../clouds/scaleway.js';
import { launchBrowser } from '../tools/browsers.js';
import { startCaddy } from '../tools/caddy.js';
import { SeatPage } from './seat_page.js';

/** @typedef {import('./seat_page.js').Form} Form */

const json = (/** @type {any} */ seen) => JSON.parse(seen.text);

/**
 * What differs between services. Of a cloud: call() sends a command and gives its answer's { ok, result }.
 * @typedef {object} Case
 * @property {string} service
 * @property {() => Promise<any>} start
 * @property {(cloud: any) => Form} [form] default: cloud.form
 * @property {Form} wrong what spoils it
 * @property {RegExp} [says] how that is told
 * @property {string} [command] its name; default: reboot
 * @property {RegExp} [asks] what the page shows of it; default: what call() was given
 * @property {(cloud: any, name: string, body: any) => Promise<{ ok: boolean, result: any }>} call
 * @property {(cloud: any, state: any) => any} [desire]
 * @property {(cloud: any) => any} reported
 * @property {(cloud: any) => string} [told] what the service has of events and alarms; default: what came in messages
 * @property {((cloud: any) => any)} [late] a command for a device that is away, where the service keeps it
 * @property {RegExp} [lateAs] how the page shows it
 * @property {{ report: string, topic: string }} topics of the device: its state, and one that is allowed
 */

/** Topics by convention. */
const free = {
  call: async (/** @type {any} */ cloud, /** @type {string} */ name, /** @type {any} */ body) => {
    cloud.cloud.command(cloud.form.device, name, body, { id: 'r1' });
    return json(await cloud.until(() => cloud.seen.answers[0]));
  },
  reported: (/** @type {any} */ cloud) => cloud.seen.state.length > 0 && json(cloud.seen.state.at(-1)),
  desire: (/** @type {any} */ cloud, /** @type {any} */ state) => cloud.cloud.setDesired(cloud.form.device, state),
  late: (/** @type {any} */ cloud) => cloud.cloud.command(cloud.form.device, 'late', { late: true }),
  topics: { report: 'devices/dev-1/state', topic: 'devices/dev-1/telemetry' },
};

/** @type {Case[]} */
export const CASES = [
  {
    service: 'aws',
    start: () => startAws({ limits: { connectsPerSecond: 10 } }),
    wrong: { 'secret-key': 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEX' },
    says: /HTTP 403.*session token.*region.*clock/,
    ...free,
    reported: (cloud) => cloud.cloud.getShadow(cloud.form.device).state.reported,
    topics: { report: '$aws/things/dash-1/shadow/update', topic: 'devices/dash-1/telemetry' },
  },
  {
    service: 'azure-iot-hub',
    start: startAzureIotHub,
    wrong: { key: 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=' },
    call: async (cloud, name, body) => {
      const { status, payload } = await cloud.cloud.method('dev-1', name, body);
      return { ok: status === 200, result: payload };
    },
    desire: (cloud, state) => cloud.cloud.desired('dev-1', state),
    reported: (cloud) => cloud.cloud.twin('dev-1').reported,
    late: (cloud) => cloud.cloud.send('dev-1', '{"late":true}'),
    topics: { report: '$iothub/twin/PATCH/properties/reported/?$rid=1', topic: 'devices/dev-1/messages/events/' },
  },
  {
    service: 'azure-event-grid',
    start: async () => {
      const grid = await startAzureEventGrid();
      grid.form.token = await grid.cloud.token();
      return grid;
    },
    wrong: { token: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.AAAA' },
    ...free,
    desire: (cloud, state) => cloud.cloud.desired('dev-1', state),
  },
  {
    service: 'clearblade',
    start: startClearBlade,
    wrong: { registry: 'another-registry' },
    call: async (cloud, name, body) => {
      cloud.cloud.command(JSON.stringify(body), name);
      return json(await cloud.until(() => cloud.seen.answers[0]));
    },
    desire: (cloud, state) => cloud.cloud.setConfig(JSON.stringify(state)),
    reported: free.reported,
    topics: { report: '/devices/my-device/state', topic: '/devices/my-device/events' },
  },
  {
    service: 'alibaba',
    start: startAlibaba,
    wrong: { secret: 'another' },
    call: async (cloud, name, body) => {
      const { code, data } = await cloud.cloud.command('example1', name, body);
      return { ok: code === 200, result: data };
    },
    desire: (cloud, state) => cloud.cloud.setDesired('example1', state),
    reported: (cloud) => cloud.cloud.getShadow('example1').state.reported,
    late: (cloud) => void cloud.cloud.command('example1', 'late', { late: true }),
    topics: {
      report: '/shadow/update/a1X2bEnP82z/example1',
      topic: '/sys/a1X2bEnP82z/example1/thing/event/property/post',
    },
  },
  {
    service: 'scaleway',
    start: startScaleway,
    wrong: { id: '00000000-92d4-4572-bc96-dfad83c3db4b' },
    ...free,
    reported: (cloud) => cloud.cloud.getTwin(cloud.form.id, 'state')?.data,
    late: undefined, // the shared plan has no sessions
  },
  {
    service: 'cumulocity',
    start: startCumulocity,
    wrong: { password: 'another-one' },
    command: 'c8y_Command',
    asks: /ls -l/,
    call: async (cloud) => {
      const { id } = cloud.cloud.operation('serial-1', 511, 'ls -l');
      const over = () =>
        cloud.cloud.tenant.operations.find((/** @type {any} */ one) => one.id === id && /SUCC|FAIL/.test(one.status));
      const { status, result } = await cloud.until(over);
      return { ok: status === 'SUCCESSFUL', result: JSON.parse(result[0]) };
    },
    reported: (cloud) => cloud.cloud.tenant.devices.get('serial-1').fragments,
    told: ({ cloud: { tenant } }) => JSON.stringify([tenant.alarms, tenant.events]),
    late: (cloud) => cloud.cloud.operation('serial-1', 511, 'late'),
    lateAs: /late/,
    topics: { report: 'inventory/managedObjects/update/serial-1', topic: 's/us' },
  },
  {
    service: '',
    start: startPlain,
    wrong: { username: 'x', password: 'wrong-horse' },
    ...free,
  },
];

/** A test that waits for what does not come ends. */
export const LIMIT = { timeout: 60_000 };

/**
 * @typedef {object} Stage
 * @property {SeatPage} seat the page, at the connect form
 * @property {() => Promise<SeatPage>} another page
 * @property {(start: () => Promise<any>) => Promise<any>} cloud starts a stand-in, which ends with the test
 */

/**
 * Tests with a page each, that of dist/dashboard under its Content-Security-Policy.
 * @param {string} title
 * @param {readonly ('chromium' | 'firefox')[]} engines
 * @param {(stage: Stage, engine: string) => void} tests
 */
export function onStage(title, engines, tests) {
  for (const engine of engines) {
    describe(`${title}, in ${engine}`, { concurrency: false, timeout: 600_000 }, () => {
      /** @type {import('../tools/browsers.js').Browser} */
      let browser;
      /** @type {Awaited<ReturnType<typeof startCaddy>>} */
      let web;
      /** What a test began. @type {(() => unknown)[]} */
      let begun = [];
      /** @type {Stage} */
      const stage = {
        seat: /** @type {any} */ (undefined),
        another: async () => {
          const { page } = await browser.newTab();
          begun.push(() => page.close());
          await page.goto(web.url);
          return new SeatPage(page);
        },
        cloud: async (start) => {
          const cloud = await start();
          begun.push(() => cloud.stop());
          return cloud;
        },
      };

      before(async () => {
        const root = fileURLToPath(new URL('../../dist/dashboard', import.meta.url));
        web = await startCaddy({ root, brokerPort: 1, policy: servedPolicy });
        // The stand-ins' certificates are from an authority that nobody knows.
        const args = engine === 'chromium' ? ['--ignore-certificate-errors'] : [];
        browser = await launchBrowser(engine, { acceptInsecureCerts: true, args });
      });

      after(async () => {
        await browser?.close();
        await web?.stop();
      });

      beforeEach(async () => {
        stage.seat = await stage.another();
      });

      afterEach(async () => {
        await stage.seat.page.evaluate(() => localStorage.clear());
        for (const end of begun.reverse()) await end();
        begun = [];
      });

      tests(stage, engine);
    });
  }
}

/** Secrets of a form are nowhere in what the page stored. @param {SeatPage} seat @param {Form} form */
export async function keepsNoSecret(seat, form) {
  const kept = await seat.stored();
  assert.match(kept, /"seat":"device"/);
  for (const name of ['key', 'secret', 'secret-key', 'product-secret', 'access-key', 'token', 'password', 'id']) {
    if (form[name]) assert.ok(!kept.includes(JSON.stringify(form[name]).slice(1, -1)), `${name} is stored`);
  }
}
