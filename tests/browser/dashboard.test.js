// The dashboard as it is deployed, against a real broker and the demo fleet: what a person sees and does there.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { ENGINES, launchBrowser } from '../tools/browsers.js';
import { Stage, until, untilCount, untilMore, untilPhase } from './stage.js';

for (const engine of ENGINES) {
  describe(`dashboard in ${engine}`, { concurrency: false }, () => {
    /** @type {Stage} */
    let stage;
    /** @type {Pick<import('../tools/browsers.js').Browser, 'newTab' | 'close'>} */
    let browser;
    /** @type {import('../tools/browsers.js').Tab} */
    let tab;
    /** @type {import('puppeteer-core').Page} */
    let page;
    /** Errors that a test brings about on purpose: a lost WebSocket, in the words of the engines. @type {RegExp | null} */
    let expected;

    before(async () => {
      stage = await Stage.start();
      stage.fleet('--devices', '49', '--interval', '500');
      browser = await launchBrowser(engine);
    });

    after(async () => {
      await browser?.close();
      await stage?.stop();
    });

    beforeEach(async () => {
      expected = null;
      tab = await browser.newTab();
      page = tab.page;
      await page.setViewport({ width: 1280, height: 900 });
    });

    afterEach(async () => {
      const errors = tab.errors.filter((text) => !expected?.test(text));
      await page.close();
      assert.deepEqual(errors, [], 'errors in the console');
    });

    test('connects by itself and shows every device, live', async () => {
      const device = stage.fleet('--only', 'dev-0050');
      await page.goto(stage.caddy.url);
      await untilPhase(page, 'connected');
      await untilCount(page, 'online', 50);
      await until(page, 'a temperature with its unit', () =>
        /^\s*[−\d.]+\s*°C\s*$/.test(document.querySelector('.row[data-device] .metric')?.textContent ?? ''),
      );
      await untilMore(page);

      // A device that dies without a word is reported by its will.
      await device.stop('SIGKILL');
      await untilCount(page, 'offline', 1);
      await until(
        page,
        'dev-0050 offline',
        () => document.querySelector('[data-device=dev-0050][data-status=offline]') !== null,
      );
      stage.fleet('--only', 'dev-0050');
      await untilCount(page, 'online', 50);
    });

    test('a command gets its answer, a refusal its reason', async () => {
      await page.goto(`${stage.caddy.url}/#/device/dev-0007`);
      await until(page, 'a chart', () => document.querySelector('wq-chart canvas') !== null);
      const ordered = await page.evaluate(() => document.querySelector('.device-side + .device-rest') !== null);
      assert.ok(ordered, 'Tab goes as the eye on a narrow page does');
      await page.click('form[data-command=led] button');
      await until(
        page,
        'the answer',
        () => document.querySelector('.life[data-command=led][data-state=answered]') !== null,
      );
      const life = await page.$eval('.life[data-command=led]', (item) => item.textContent ?? '');
      assert.match(life, /queued\s+.*sent\s+\+\d.*acknowledged\s+\+\d.*answered\s+\+\d/s);
      assert.match(life, /"led":"on"/);
      await until(page, 'the LED in the state', () =>
        /led\s*on/.test(document.querySelector('.facts')?.textContent ?? ''),
      );

      await page.click('form[data-command=calibrate] button');
      await until(
        page,
        'the refusal',
        () => document.querySelector('.life[data-command=calibrate][data-state=failed]') !== null,
      );
      assert.match(
        await page.$eval('.life[data-command=calibrate]', (item) => item.textContent ?? ''),
        /no reference sensor is attached/,
      );

      // A command of one's own: JSON is checked before anything is sent.
      await page.click('.free summary');
      await page.type('#free-name', 'dance');
      await page.type('#free-payload', '{"style": ');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await until(page, 'the fault', () =>
        /Not JSON/.test(document.querySelector('#free-payload-note')?.textContent ?? ''),
      );
      await page.type('#free-payload', '"waltz"}');
      await page.click('.free button');
      await until(
        page,
        'the answer',
        () => document.querySelector('.life[data-command=dance][data-state=failed]') !== null,
      );
      assert.match(await page.$eval('.life[data-command=dance]', (item) => item.textContent ?? ''), /unknown command/);
    });

    test('addresses and the back button work', async () => {
      await page.goto(stage.caddy.url);
      await untilCount(page, 'online', 50);
      await page.focus('[role=grid]');
      await page.keyboard.press('ArrowDown');
      const chosen = await page.evaluate(() => {
        const id = document.querySelector('[role=grid]')?.getAttribute('aria-activedescendant') ?? '';
        return document.getElementById(id)?.getAttribute('data-device');
      });
      await page.keyboard.press('Enter');
      await until(page, 'the device page', (id) => document.querySelector('h1')?.textContent === id, chosen);
      await page.evaluate(() => history.back());
      await until(page, 'the table', () => document.querySelector('wq-devices') !== null);
      await page.evaluate(() => {
        location.hash = '#/log';
      });
      await until(page, 'messages', () => document.querySelectorAll('.log-grid .virtual .row').length > 5);
    });

    test('nothing sticks out of the page at any width, and all devices get onto paper', async () => {
      await page.goto(stage.caddy.url);
      await untilCount(page, 'online', 50);
      for (const width of [360, 760, 1000, 1280]) {
        await page.setViewport({ width, height: 700 });
        await until(page, `a page of ${width} px`, () => document.documentElement.scrollWidth <= innerWidth);
      }
      await until(page, 'all in the table', () => document.querySelector('.shown')?.textContent === '50 devices');
      const rows = () => document.querySelectorAll('.devices-grid .virtual .row').length;
      assert.ok((await page.evaluate(rows)) < 50, 'rows out of sight do not exist');
      // The printer is served while the event is.
      const printed = await page.evaluate(async () => {
        dispatchEvent(new Event('beforeprint'));
        await /** @type {any} */ (document.querySelector('wq-devices')).updateComplete;
        return document.querySelectorAll('.devices-grid .virtual .row').length;
      });
      assert.equal(printed, 50);
      await page.evaluate(() => dispatchEvent(new Event('afterprint')));
      await until(
        page,
        'the rows in sight alone',
        (many) => document.querySelectorAll('.devices-grid .virtual .row').length < many,
        50,
      );
    });

    test('the log filters, pauses and shows a message whole', async () => {
      await page.goto(`${stage.caddy.url}/#/log`);
      await until(page, 'messages', () => document.querySelectorAll('.log-grid .virtual .row').length > 5);
      await page.type('.tools input', 'devices/dev-0003/+');
      await until(page, 'one device only', () => {
        const topics = [...document.querySelectorAll('.log-grid .virtual .topic')].map((cell) =>
          cell.textContent?.trim(),
        );
        return topics.length > 2 && topics.every((topic) => topic?.startsWith('devices/dev-0003/'));
      });
      await page.click('.pause');
      const shown = () =>
        [...document.querySelectorAll('.log-grid .virtual .time')].map((cell) => cell.textContent).join();
      const standing = await page.evaluate(shown);
      await until(page, 'news behind the pause', () => /[1-9]\d* new while paused/.test(document.body.innerText));
      assert.equal(await page.evaluate(shown), standing);
      await page.evaluate(() => /** @type {HTMLElement} */ (document.querySelector('.log-grid .virtual .row')).click());
      await until(page, 'the payload as JSON', () =>
        /^\{\n {2}"/.test(document.querySelector('.payload')?.textContent ?? ''),
      );
      await page.click('.message-head button');
      await until(page, 'the keyboard back on the list', () => document.activeElement?.matches('.log-grid'));
      await page.click('.pause');
      await until(page, 'live again', () => !/while paused/.test(document.body.innerText));
    });

    test('a broker that restarts: reconnects, subscribes again, and the fleet is back without a reload', async () => {
      // The engines write a line of their own about a WebSocket that could not be opened.
      expected = /WebSocket|connection to ws:|can.t establish a connection/i;
      await page.goto(`${stage.caddy.url}/#/device/dev-0011`);
      await until(page, 'a chart', () => document.querySelector('wq-chart canvas') !== null);
      await page.evaluate(() => {
        Object.assign(window, { sameDocument: true });
        location.hash = '#/devices';
      });
      await untilCount(page, 'online', 50);
      await stage.mosquitto.kill();
      await untilPhase(page, 'reconnecting');
      await until(page, 'the strip', () =>
        /The connection is lost/.test(document.querySelector('.interruption')?.textContent ?? ''),
      );
      await stage.mosquitto.start();
      await untilPhase(page, 'connected');
      // The devices died with the broker: their wills said so. They come back, and live messages come in again.
      await untilCount(page, 'online', 50);
      await untilMore(page);
      assert.equal(await page.evaluate(() => 'sameDocument' in window), true);
    });
  });
}
