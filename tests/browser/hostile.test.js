// Servers that break the rules, at each state, to the library in a page: nothing is thrown there, nothing spins or stays,
// and the page works on. The table, and what must come of it, is tests/client/hostile.js.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { servedPolicy } from '../../web/csp.js';
import * as hostile from '../client/hostile.js';
import { ENGINES, launchBrowser } from '../tools/browsers.js';

const LIBRARY = '/wasmqtt.js';
/** What browsers themselves write about a WebSocket that failed; no page can keep them from it. */
const ABOUT_SOCKETS = /WebSocket|can.t establish a connection|was interrupted/i;

const pages = createServer(async ({ url }, response) => {
  const name = ['/wasmqtt.js', '/wasmqtt.wasm'].find((path) => path === url);
  const type = name ? (name.endsWith('.js') ? 'text/javascript' : 'application/wasm') : 'text/html';
  response.writeHead(200, { 'content-type': type, 'content-security-policy': servedPolicy });
  if (name) response.end(await readFile(new URL(`../../dist${name}`, import.meta.url)));
  else response.end('<!doctype html><html lang="en"><title>app</title><link rel="icon" href="data:,"></html>');
});
/** @type {hostile.HostileServer} */
let server;
let origin = '';

before(async () => {
  server = await new hostile.HostileServer().start();
  await new Promise((resolve) => pages.listen(0, '127.0.0.1', () => resolve(undefined)));
  origin = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (pages.address()).port}`;
});

after(async () => {
  pages.close();
  await server.stop();
});

/** Bytes of JavaScript that live; NaN where the engine does not say. @param {import('puppeteer-core').Page} page */
async function heap(page) {
  const session = await page.createCDPSession();
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  return usedSize;
}

for (const engine of ENGINES) {
  test(`${engine}: hostile servers`, async (t) => {
    const browser = await launchBrowser(engine);
    t.after(() => browser.close());
    const { page, errors } = await browser.newTab();
    await page.goto(origin);

    await t.test('each bad packet at each state: closed, told, and connected again', async () => {
      const faults = [];
      for (const [i, one] of hostile.CASES.entries()) {
        const run = `${engine}-${i}`;
        const result = await page.evaluate(hostile.drive, LIBRARY, `${server.url}/${i}/${run}/1`, one, '', i % 2 === 0);
        faults.push(...hostile.judge(one, result, server, run));
      }
      assert.deepEqual(faults, []);
    });

    await t.test('floods, promises of bytes, silence, deafness, a wrong subprotocol', async () => {
      const results = await page.evaluate(hostile.oddities, LIBRARY, String(server.url), '');
      assert.deepEqual(results, hostile.ODD_RESULTS);
    });

    await t.test(`${hostile.ROUNDS} bad connections leave nothing behind`, async () => {
      const round = (/** @type {string} */ run) => {
        const url = `${server.url}/${hostile.ENDURED}/${engine}-${run}/${hostile.ROUNDS}`;
        return page.evaluate(hostile.endure, LIBRARY, url, '');
      };
      await round('first'); // what is made once is made
      const before = engine === 'chromium' ? await heap(page) : 0;
      const { lost, first, last, left } = await round('second');
      assert(lost >= hostile.ROUNDS);
      assert.equal(last, first, 'wasm memory');
      assert.deepEqual(left, { timers: 0, listeners: 0 });
      if (engine !== 'chromium') return; // Firefox does not tell
      const grown = (await heap(page)) - before;
      assert(grown < 2 << 20, `the heap grew by ${grown} bytes`);
    });

    assert.deepEqual(
      errors.filter((text) => !ABOUT_SOCKETS.test(text)),
      [],
    );
  });
}
