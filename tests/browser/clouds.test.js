// The dashboard at every IoT service, by its own form, against the stand-ins of tests/clouds: a device's seat at each, and
// an operator's where there is one.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { servedPolicy } from '../../web/csp.js';
import { startAlibaba } from '../clouds/alibaba.js';
import { startAws } from '../clouds/aws.js';
import { startAzureEventGrid } from '../clouds/azure_event_grid.js';
import { startAzureIotHub } from '../clouds/azure_iot_hub.js';
import { startClearBlade } from '../clouds/clearblade.js';
import { commandFree, noteFree } from '../clouds/free_topics.js';
import { startScaleway } from '../clouds/scaleway.js';
import { CloudServer } from '../clouds/server.js';
import { launchBrowser } from '../tools/browsers.js';
import { startCaddy } from '../tools/caddy.js';
import { until } from './stage.js';

/** @typedef {import('puppeteer-core').Page} Page */
/** @typedef {Record<string, string>} Form */

const json = (/** @type {any} */ seen) => JSON.parse(seen.text);

/**
 * What differs between services. Of a cloud: call() sends a command and gives its answer's { ok, result }.
 * @typedef {object} Case
 * @property {string} service
 * @property {() => Promise<any>} start
 * @property {(cloud: any) => Form} [form] default: cloud.form
 * @property {Form} wrong what spoils it
 * @property {(cloud: any, name: string, body: any) => Promise<{ ok: boolean, result: any }>} call
 * @property {(cloud: any, state: any) => any} desire
 * @property {(cloud: any) => any} reported
 * @property {{ topic: string, qos: string, says: RegExp }} forbidden
 */

/** Topics by convention. */
const free = {
  call: async (/** @type {any} */ cloud, /** @type {string} */ name, /** @type {any} */ body) => {
    cloud.cloud.command(cloud.form.device, name, body, { id: 'r1' });
    return json(await cloud.until(() => cloud.seen.answers[0]));
  },
  reported: (/** @type {any} */ cloud) => cloud.seen.state.length > 0 && json(cloud.seen.state.at(-1)),
  desire: (/** @type {any} */ cloud, /** @type {any} */ state) => cloud.cloud.setDesired(cloud.form.device, state),
};

/** A broker that takes everything but a password. */
class Plain extends CloudServer {
  /** @override */ versions = [3, 4, 5];
  /** @type {Form} */
  form = { url: '', device: 'dev-1' };
  cloud = {
    /** @param {string} id @param {string} name @param {any} body @param {any} more */
    command: (id, name, body, more) => commandFree(this, id, name, body, more),
    /** @param {string} id @param {any} state */
    setDesired: (id, state) =>
      this.route({ topic: `devices/${id}/desired`, payload: JSON.stringify(state), qos: 1, retain: true }),
  };
  /** @override @param {any} connection @param {any} packet */
  authenticate(connection, { password }) {
    if (password === undefined) return 0;
    this.violation('password', 'it is another one');
    return connection.version === 5 ? 0x86 : 4;
  }
  /** @override @param {any} _connection @param {any} packet */
  publish(_connection, packet) {
    noteFree(this, packet);
    this.route(packet);
    return 0;
  }
}

async function startPlain() {
  const server = await new Plain().listen({ tls: true });
  server.form.url = server.url;
  return server;
}

/** @type {Case[]} */
const CASES = [
  {
    service: 'aws',
    start: () => startAws({ limits: { connectsPerSecond: 10 } }),
    wrong: { 'secret-key': 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEX' },
    ...free,
    reported: (cloud) => cloud.cloud.getShadow(cloud.form.device).state.reported,
    forbidden: { topic: 'x', qos: '2', says: /Not sent\. AWS IoT Core: .*QoS/ },
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
    forbidden: { topic: 'devices/dev-1/telemetry', qos: '1', says: /Not sent\. Azure IoT Hub: .*topic/i },
  },
  {
    service: 'azure-event-grid',
    start: startAzureEventGrid,
    wrong: { token: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.AAAA' },
    ...free,
    desire: (cloud, state) => cloud.cloud.desired('dev-1', state),
    forbidden: { topic: 'x', qos: '2', says: /Not sent\. Azure Event Grid: .*QoS/ },
  },
  {
    service: 'clearblade',
    start: startClearBlade,
    form: (cloud) => cloud.forms.ES256,
    wrong: { registry: 'another-registry' },
    call: async (cloud, name, body) => {
      cloud.cloud.command(JSON.stringify(body), name);
      return json(await cloud.until(() => cloud.seen.answers[0]));
    },
    desire: (cloud, state) => cloud.cloud.setConfig(JSON.stringify(state)),
    reported: free.reported,
    forbidden: { topic: 'x', qos: '1', says: /Not sent\. ClearBlade.*topic/i },
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
    forbidden: {
      topic: '/sys/a1X2bEnP82z/example1/thing/event/property/post',
      qos: '2',
      says: /Not sent\. Alibaba.*QoS/,
    },
  },
  {
    service: 'scaleway',
    start: startScaleway,
    wrong: { id: '00000000-92d4-4572-bc96-dfad83c3db4b' },
    ...free,
    reported: (cloud) => cloud.cloud.getTwin(cloud.form.id, 'state')?.data,
    forbidden: { topic: 'x', qos: '2', says: /Not sent\. Scaleway.*QoS/ },
  },
  {
    service: '',
    start: startPlain,
    wrong: { username: 'x', password: 'wrong-horse' },
    ...free,
    forbidden: { topic: 'x/+', qos: '1', says: /cannot hold \+/ },
  },
];

/**
 * Chooses a service and a seat on the connect form.
 * @param {Page} page
 * @param {string} service
 * @param {'operator' | 'device'} seat
 */
async function choose(page, service, seat) {
  await until(page, 'the chooser', () => document.querySelector('#service') !== null);
  await page.select('#service', service);
  await page.evaluate(
    (value) => /** @type {HTMLElement} */ (document.querySelector(`[name=seat][value=${value}]`)).click(),
    seat,
  );
  if (service !== '' || seat === 'device') {
    await until(page, 'the form', () => document.querySelector('.service-fields .field') !== null);
  }
}

/**
 * Fills in fields of a service, and connects.
 * @param {Page} page
 * @param {Form} form
 */
async function submit(page, form) {
  // What chooses the other fields comes first.
  const order = Object.entries(form).sort(([a], [b]) => Number(b === 'auth') - Number(a === 'auth'));
  for (const [name, value] of order) {
    await until(page, name, (id) => document.getElementById(id) !== null, `service-${name}`);
    await page.evaluate(
      (id, text) => {
        const input = /** @type {HTMLInputElement} */ (document.getElementById(id));
        input.value = text;
        input.dispatchEvent(new Event(input.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true }));
      },
      `service-${name}`,
      value,
    );
  }
  await page.click('.connect .primary');
}

/** @param {Page} page @param {string} field @param {string} text */
async function type(page, field, text) {
  await page.$eval(field, (input, value) => void Object.assign(input, { value }), text);
}

const ENGINES = /** @type {const} */ (['chromium', 'firefox']);

for (const engine of ENGINES) {
  describe(`the dashboard at services, in ${engine}`, { concurrency: false }, () => {
    /** @type {import('../tools/browsers.js').Browser} */
    let browser;
    /** @type {Awaited<ReturnType<typeof startCaddy>>} */
    let web;
    /** @type {import('../tools/browsers.js').Tab} */
    let tab;
    /** @type {Page} */
    let page;
    /** @type {any} */
    let cloud;

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
      tab = await browser.newTab();
      page = tab.page;
      await page.goto(web.url);
    });

    afterEach(async () => {
      await page.evaluate(() => localStorage.clear());
      await page.close();
      await cloud?.stop();
      cloud = undefined;
    });

    for (const one of CASES) {
      test(`a device at ${one.service || 'any broker'}`, async () => {
        cloud = await one.start();
        if (one.service === 'azure-event-grid') cloud.form.token = await cloud.cloud.token();
        const form = one.form?.(cloud) ?? cloud.form;

        // Wrong credentials: one error, at the form, which says nothing of them; nobody tries on.
        await choose(page, one.service, 'device');
        await submit(page, { ...form, ...one.wrong });
        const told = await until(
          page,
          'the error',
          () => document.querySelector('.alert, .connect .fault')?.textContent,
        );
        for (const value of Object.values(one.wrong)) assert.ok(!told?.includes(value), told);
        await until(page, 'the end of it', () => document.querySelector('.connect[aria-busy=false]') !== null);
        const tries = cloud.violations.length;
        assert.ok(tries >= 1 && tries <= 3, JSON.stringify(cloud.violations)); // one for each version that may be meant

        if (one.service === '') await submit(page, { username: '', password: '' });
        else await submit(page, form);
        await until(page, 'the seat', () => document.querySelector('wq-seat h1') !== null);

        await page.click('[data-send=telemetry] [type=submit]');
        await until(
          page,
          'telemetry taken',
          () => document.querySelector('[data-kind=telemetry][data-outcome=taken]') !== null,
        );
        await cloud.until(() => cloud.seen.telemetry.length > 0);
        assert.match(cloud.seen.telemetry[0].text, /"temperature":\s*21\.5/);

        // A command waits for the person, who answers it.
        const answer = one.call(cloud, 'reboot', { in: 5 });
        await until(
          page,
          'the command',
          () => document.querySelector('.call[data-name=reboot][data-state=waiting]') !== null,
        );
        assert.match(await page.$eval('.call .reply', (payload) => payload.textContent ?? ''), /"in":\s*5/);
        await type(page, '.call [name=text]', '{"done": true}');
        await page.click('.call .primary');
        const { ok, result } = await answer;
        assert.deepEqual([ok, result], [true, { done: true }]);

        // State, both ways; what is no JSON is told at the field.
        await type(page, '#report', '{"fan": ');
        await page.click('[data-send=state] [type=submit]');
        await until(page, 'the fault', () =>
          /Not JSON/.test(document.querySelector('#report-note')?.textContent ?? ''),
        );
        await type(page, '#report', '{"fan": "on"}');
        await page.click('[data-send=state] [type=submit]');
        await until(page, 'the report', () => document.querySelector('[data-kind=state][data-outcome=taken]') !== null);
        await cloud.until(() => one.reported(cloud)?.fan === 'on');
        await one.desire(cloud, { interval: 7 });
        await until(page, 'the desired state', () =>
          /"interval": 7/.test(document.querySelector('[data-state=desired] pre')?.textContent ?? ''),
        );

        // What a rule forbids is told beside the action, and the connection stays.
        await page.evaluate(() => void (location.hash = '#/log'));
        await until(page, 'the log', () => document.querySelector('#publish-topic') !== null);
        await type(page, '#publish-topic', one.forbidden.topic);
        await page.$eval('#publish-qos', (select, value) => void Object.assign(select, { value }), one.forbidden.qos);
        await page.$eval('.publish', (box) => /** @type {HTMLFormElement} */ (box).requestSubmit());
        const refusal = await until(page, 'the refusal', () =>
          document.querySelector('.publish .fault')?.textContent?.trim(),
        );
        assert.match(refusal ?? '', one.forbidden.says);
        assert.equal(await page.$eval('.phase', (phase) => phase.getAttribute('data-phase')), 'connected');
        assert.equal(cloud.violations.length, tries, JSON.stringify(cloud.violations));
        assert.equal(cloud.open().length, 1);

        const kept = await page.evaluate(() => Object.values({ ...localStorage, ...sessionStorage }).join());
        assert.match(kept, /"seat":"device"/);
        for (const name of ['key', 'secret', 'secret-key', 'access-key', 'token', 'password', 'id']) {
          if (form[name]) assert.ok(!kept.includes(JSON.stringify(form[name]).slice(1, -1)), `${name} is stored`);
        }
      });
    }

    for (const one of CASES.filter(({ service }) => service === 'aws' || service === 'scaleway')) {
      test(`an operator at ${one.service}: sees a device, sends it a command and a state`, async () => {
        cloud = await one.start();
        const { device, ...form } = cloud.form;
        const other = cloud.addDevice ? { ...form, id: cloud.addDevice() } : form;
        const { page: seat } = await browser.newTab();
        await seat.goto(web.url);
        await choose(seat, one.service, 'device');
        await submit(seat, cloud.form);
        await until(seat, 'the seat', () => document.querySelector('wq-seat h1') !== null);
        await seat.click('.automatic [name=on]');

        await page.bringToFront(); // a page that is not seen does not paint
        await choose(page, one.service, 'operator');
        await submit(page, other);
        await until(page, 'the devices', () => document.querySelector('wq-devices') !== null);
        await seat.$eval('[data-send=telemetry]', (box) => /** @type {HTMLFormElement} */ (box).requestSubmit());
        await until(page, 'the device', (id) => document.querySelector(`.row[data-device="${id}"]`) !== null, device);
        await page.evaluate((id) => void (location.hash = `#/device/${id}`), device);
        await until(page, 'its page', () => document.querySelector('form[data-command=led]') !== null);
        await page.click('form[data-command=led] button');
        await until(
          page,
          'the answer',
          () => document.querySelector('.life[data-command=led][data-state=answered]') !== null,
        );
        await type(page, '#desired-state', '{"interval": 9}');
        await page.$eval('[data-desired]', (box) => /** @type {HTMLFormElement} */ (box).requestSubmit());
        await until(page, 'that it was taken', () =>
          /Taken/.test(document.querySelector('#desired-state-note')?.textContent ?? ''),
        );
        if (one.service === 'aws') {
          await seat.bringToFront();
          await until(seat, 'the desired state', () =>
            /"interval": 9/.test(document.querySelector('[data-state=desired] pre')?.textContent ?? ''),
          );
        }
        await seat.close();
      });
    }
  });
}
