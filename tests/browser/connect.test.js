// The connect form: what a person is told when it does not work, the page from disk, older MQTT versions; and that neither
// a hostile publisher nor ten thousand devices can harm the page.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { connectAsync } from 'mqtt';
import { ENGINES, launchBrowser } from '../tools/browsers.js';
import { freePort } from '../tools/ports.js';
import { connectBy, ONE_FILE, Stage, until, untilCount, untilPhase } from './stage.js';

const USER = { username: 'operator', password: 'correct-horse' };

for (const engine of ENGINES) {
  describe(`connecting in ${engine}`, { concurrency: false }, () => {
    /** @type {Stage} */
    let stage;
    /** @type {Pick<import('../tools/browsers.js').Browser, 'newTab' | 'close'>} */
    let browser;
    /** @type {import('../tools/browsers.js').Tab} */
    let tab;
    /** @type {import('puppeteer-core').Page} */
    let page;
    /** Errors that a test brings about on purpose. @type {RegExp | null} */
    let expected;

    before(async () => {
      stage = await Stage.start({ demo: false, mosquitto: { users: { [USER.username]: USER.password } } });
      browser = await launchBrowser(engine);
    });

    after(async () => {
      await browser?.close();
      await stage?.stop();
    });

    beforeEach(async () => {
      // Without demo.json, the one request for it is answered 404, and Chromium says so.
      expected = /404/;
      tab = await browser.newTab();
      page = tab.page;
      await page.setViewport({ width: 1280, height: 900 });
    });

    afterEach(async () => {
      const errors = tab.errors.filter((text) => !expected?.test(text));
      await page.close();
      assert.deepEqual(errors, [], 'errors in the console');
    });

    /** A publisher beside the page. */
    const publisher = () =>
      connectAsync(`mqtt://127.0.0.1:${stage.mosquitto.tcpPort}`, { ...USER, protocolVersion: 5 });

    /** @param {Record<string, string>} [values] */
    async function connected(values = {}) {
      await page.goto(stage.caddy.url);
      await connectBy(page, { url: stage.caddy.mqttUrl, ...USER, ...values });
      await untilPhase(page, 'connected');
    }

    test('the address of the page is the first guess; the password is masked and never stored', async () => {
      await page.goto(stage.caddy.url);
      await until(page, 'the form', () => document.querySelector('#url') !== null);
      assert.equal(
        await page.$eval('#url', (input) => /** @type {HTMLInputElement} */ (input).value),
        stage.caddy.mqttUrl,
      );
      assert.equal(await page.$eval('#password', (input) => input.getAttribute('type')), 'password');
      await connectBy(page, USER);
      await untilPhase(page, 'connected');
      const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
      assert.match(kept, /operator/);
      assert.doesNotMatch(kept, /correct-horse/);
    });

    test('an address that cannot be one is told at its field, before anything is tried', async () => {
      await page.goto(stage.caddy.url);
      await connectBy(page, { url: 'mqtt://broker.example:1883' });
      const fault = await until(page, 'the fault', () => document.querySelector('#url-note.fault')?.textContent);
      assert.match(fault ?? '', /WebSockets only/);
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'url');
      assert.equal(await page.$eval('#url', (input) => input.getAttribute('aria-invalid')), 'true');
    });

    test('a closed port and a path without a broker: what happened, and what to try', async () => {
      expected = /404|WebSocket|can.t establish a connection/i;
      await page.goto(stage.caddy.url);
      for (const url of [
        `ws://127.0.0.1:${await freePort()}/mqtt`,
        `${stage.caddy.mqttUrl.replace('/mqtt', '/nothing')}`,
      ]) {
        await connectBy(page, { url });
        const alert = await until(
          page,
          `an error about ${url}`,
          (wanted) => {
            const text = document.querySelector('.alert')?.textContent ?? '';
            return text.includes(wanted) && text;
          },
          url,
        );
        assert.match(alert || '', /No WebSocket to .*Is the server running/s);
      }
    });

    test('a refused CONNACK is told at the user name, and the right password helps', async () => {
      await page.goto(stage.caddy.url);
      await connectBy(page, { url: stage.caddy.mqttUrl, ...USER, password: 'wrong' });
      const fault = await until(page, 'the refusal', () => document.querySelector('#username-note.fault')?.textContent);
      assert.match(fault ?? '', /refused the connection/);
      assert.doesNotMatch(fault ?? '', /wrong/);
      await connectBy(page, { password: USER.password });
      await untilPhase(page, 'connected');
    });

    test('from disk: one file, by the form, to any broker', async () => {
      expected = null;
      await page.goto(pathToFileURL(ONE_FILE).href);
      await connectBy(page, { url: stage.mosquitto.url, ...USER });
      await untilPhase(page, 'connected');
      const client = await publisher();
      await client.publishAsync('devices/from-disk/telemetry', '{"temperature": 4.5}');
      await untilCount(page, 'online', 1);
      await client.endAsync();
    });

    test('MQTT 3.1.1: a command ends at acknowledged, and the page says why', async () => {
      await page.goto(stage.caddy.url);
      await until(page, 'the form', () => document.querySelector('#url') !== null);
      await page.click('.connect summary');
      await page.select('#version', '4');
      await connectBy(page, USER);
      await untilPhase(page, 'connected');
      assert.match(await page.$eval('.version', (item) => item.textContent ?? ''), /3\.1\.1/);
      const client = await publisher();
      await client.publishAsync('devices/old/telemetry', '1');
      await page.evaluate(() => {
        location.hash = '#/device/old';
      });
      await until(page, 'the commands', () => document.querySelector('form[data-command=reboot] button') !== null);
      await page.click('form[data-command=reboot] button');
      const life = await until(
        page,
        'the acknowledgement',
        () => document.querySelector('.life[data-state=acknowledged]')?.textContent,
      );
      assert.match(life ?? '', /no answer in this version.*Before MQTT 5 there is no response topic/s);
      await client.endAsync();
    });

    test('names, topics and payloads are text, whatever they hold', async () => {
      await connected();
      const evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
      const id = evil.replaceAll('/', '|');
      const client = await publisher();
      const publish = (/** @type {string} */ topic, /** @type {unknown} */ payload) =>
        client.publishAsync(topic, typeof payload === 'string' ? payload : JSON.stringify(payload), { qos: 1 });
      await publish(`devices/${id}/status`, { state: 'online', site: evil, [evil]: evil, alarms: [evil] });
      await publish(`devices/${id}/telemetry`, { [evil]: 1, temperature: 2, text: evil });
      await publish(`devices/${id}/events`, { type: evil, text: evil });
      await publish(`devices/${id}/alarms`, { code: `${evil}2`, text: evil, severity: evil });
      await publish(`devices/${id}/telemetry`, evil);
      await untilCount(page, 'alarm', 1);
      const shownAsText = () => document.querySelector('main')?.textContent?.includes('<img src=x onerror=');
      await until(page, 'the table', shownAsText);
      await page.evaluate((device) => {
        location.hash = `#/device/${encodeURIComponent(device)}`;
      }, id);
      await until(
        page,
        'the device page',
        () =>
          document.querySelector('h1')?.textContent?.includes('<img src=x') &&
          document.querySelector('wq-chart') !== null,
      );
      await page.evaluate(() => {
        location.hash = '#/log';
      });
      await until(page, 'the log', shownAsText);
      await page.evaluate(() => /** @type {HTMLElement} */ (document.querySelector('.log-grid .virtual .row')).click());
      await until(page, 'the message', () => document.querySelector('.payload')?.textContent?.includes('<script>'));
      assert.equal(await page.evaluate(() => 'pwned' in window || document.images.length > 0), false);
      await client.endAsync();
    });

    test('ten thousand devices: only the rows in sight exist, the last can be reached and found', async () => {
      await connected();
      const client = await publisher();
      const many = 10_000;
      for (let n = 1; n <= many; n++) {
        const sent = client.publishAsync(`devices/unit-${String(n).padStart(5, '0')}/status`, 'online', { qos: 1 });
        if (n % 100 === 0) await sent;
      }
      await until(page, 'ten thousand', () => document.querySelector('[aria-rowcount="10001"]') !== null);
      const rows = () => document.querySelectorAll('.devices-grid .virtual .row').length;
      assert.ok((await page.evaluate(rows)) < 100);
      await page.focus('[role=grid]');
      await page.keyboard.press('End');
      await until(page, 'the last row', () => {
        const row = document.querySelector('.row.active')?.getBoundingClientRect();
        return (
          row &&
          row.top >= 0 &&
          row.bottom <= innerHeight &&
          document.querySelector('.row.active')?.getAttribute('data-device') === 'unit-10000'
        );
      });
      assert.ok((await page.evaluate(rows)) < 100);
      await page.evaluate(() => scrollTo(0, 0));
      await page.type('.search input', 'unit-04711');
      await until(page, 'the one found', () => {
        const found = [...document.querySelectorAll('.devices-grid .virtual .row')].map((row) =>
          row.getAttribute('data-device'),
        );
        return found.join() === 'unit-04711';
      });
      await client.endAsync();
    });

    test('at 360 px and for a screen reader: nothing sticks out, everything has a name', async () => {
      await page.setViewport({ width: 360, height: 740 });
      const nameless = () =>
        [...document.querySelectorAll('button, a[href], input, select, textarea, [role=grid], [role=img], fieldset')]
          .filter((element) => {
            const labels = 'labels' in element ? /** @type {HTMLInputElement} */ (element).labels : null;
            const legend = element.querySelector(':scope > legend')?.textContent;
            const text = element.matches('button, a') ? element.textContent : '';
            const name =
              element.getAttribute('aria-label') ||
              text ||
              legend ||
              [...(labels ?? [])].map((l) => l.textContent).join('');
            return !name?.trim();
          })
          .map((element) => element.outerHTML);
      /** @param {string} where */
      const check = async (where) => {
        assert.deepEqual(await page.evaluate(nameless), [], `${where}: without a name`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= 360, `${where} is ${wide} px wide`);
        const structure = await page.evaluate(() => [
          document.querySelectorAll('h1').length,
          document.querySelectorAll('main').length,
        ]);
        assert.deepEqual(structure, [1, 1], `${where}: one h1, one main`);
        const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map(({ id }) => id));
        assert.equal(new Set(ids).size, ids.length, `${where}: ids are unique`);
      };
      await page.goto(stage.caddy.url);
      await until(page, 'the form', () => document.querySelector('#url') !== null);
      await page.click('.connect summary');
      await check('the form');
      await connectBy(page, { url: stage.caddy.mqttUrl, ...USER });
      await untilPhase(page, 'connected');
      const client = await publisher();
      const long = 'a-rather-long-device-name-that-somebody-gave-without-a-break'.repeat(2);
      await client.publishAsync(
        `devices/${long}/status`,
        JSON.stringify({ state: 'online', site: 'x'.repeat(80), alarms: ['y'.repeat(60)] }),
        { qos: 1 },
      );
      await client.publishAsync(
        `devices/${long}/telemetry`,
        JSON.stringify({ temperature: 4.5, ['z'.repeat(60)]: 1e12 }),
        { qos: 1 },
      );
      await untilCount(page, 'alarm', 1);
      await check('the table');
      await page.evaluate((id) => {
        location.hash = `#/device/${id}`;
      }, long);
      await until(page, 'charts', () => document.querySelectorAll('wq-chart canvas').length === 2);
      await page.click('.free summary');
      await check('the device');
      await page.evaluate(() => {
        location.hash = '#/log';
      });
      await until(
        page,
        'messages',
        () =>
          document.querySelectorAll('.log-grid .virtual .row').length > 0 || document.querySelector('.empty') !== null,
      );
      await page.evaluate(() => {
        for (const details of document.querySelectorAll('details')) details.open = true;
        /** @type {HTMLElement | null} */ (document.querySelector('.log-grid .virtual .row'))?.click();
      });
      await check('the log');
      await client.endAsync();
    });
  });
}
