// Sessions in IndexedDB: what survives a reload and a crash of the tab, who may use it, and what is
// told when it cannot be used. tests/client has what a session does with its records, in memory.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { servedPolicy } from '../../web/csp.js';
import { ENGINES, launchBrowser } from '../tools/browsers.js';
import { startMosquitto } from '../tools/mosquitto.js';

/** @typedef {typeof import('../../web/client/index.js')} Library */
/** @typedef {import('puppeteer-core').Page} Page */

const PAGE = '<!doctype html><html lang="en"><title>app</title><link rel="icon" href="data:,"><h1>app</h1></html>';
const SOURCES = ['errors.js', 'store.js', 'store_indexeddb.js'];

const server = createServer(async ({ url = '' }, response) => {
  const path = url.slice(1);
  const file = SOURCES.includes(path) ? `web/client/${path}` : /^wasmqtt[.a-z]+$/.test(path) ? `dist/${path}` : '';
  response.writeHead(url === '/' || file ? 200 : 404, {
    'content-type': url === '/' ? 'text/html' : path.endsWith('.wasm') ? 'application/wasm' : 'text/javascript',
    'content-security-policy': servedPolicy,
  });
  response.end(file ? await readFile(new URL(`../../${file}`, import.meta.url)) : PAGE);
});

/** @type {Awaited<ReturnType<typeof startMosquitto>>} */
let mosquitto;
let origin = '';
let port = 0;

before(async () => {
  mosquitto = await startMosquitto();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  ({ port } = /** @type {import('node:net').AddressInfo} */ (server.address()));
  origin = `http://127.0.0.1:${port}`;
});

after(async () => {
  server.close();
  await mosquitto.stop();
});

/**
 * Puts `begin(url, options)` into the page: a client with a session in IndexedDB, and what it told. Errors come as their
 * code.
 */
async function install() {
  const { connect, createClient } = /** @type {Library} */ (await import(/** @type {string} */ ('/wasmqtt.js')));
  const page = /** @type {any} */ (globalThis);
  page.log = [];
  page.options = { clientId: 'page', clean: false, store: 'indexeddb', reconnect: { minDelay: 10, maxDelay: 50 } };
  page.open = async (/** @type {string} */ url, /** @type {object} */ more) => {
    try {
      page.client = await connect(url, { ...page.options, ...more });
      return 'connected';
    } catch (error) {
      return { code: /** @type {any} */ (error).code, hint: /** @type {any} */ (error).hint };
    }
  };
  page.create = (/** @type {string} */ url, /** @type {object} */ more) => {
    page.client = createClient(url, { ...page.options, ...more });
    page.client.on('settled', (/** @type {any} */ { key, error }) =>
      page.log.push(`${key} ${error?.code ?? 'settled'}`),
    );
    page.client.on('message', (/** @type {any} */ message) => page.log.push(`${message.topic} ${message.text()}`));
    page.client.on('error', (/** @type {any} */ error) => page.log.push(error.code));
  };
}

/** @param {Page} page @param {string} [address] */
async function load(page, address = origin) {
  await page.goto(address);
  await page.evaluate(install);
}

/** @param {Page} page @param {string} url @param {object} [more] */
const open = (page, url, more = {}) => page.evaluate((u, m) => /** @type {any} */ (globalThis).open(u, m), url, more);

/**
 * Waits until the page's log has so many lines, and gives it.
 * @param {Page} page
 * @param {number} lines
 * @returns {Promise<string[]>}
 */
async function log(page, lines) {
  await page.waitForFunction(
    (n) => /** @type {any} */ (globalThis).log.length >= n,
    { timeout: 20_000, polling: 20 },
    lines,
  );
  return page.evaluate(() => /** @type {any} */ (globalThis).log);
}

for (const engine of ENGINES) {
  test(`${engine}: messages, packet ids and subscriptions survive a reload`, async () => {
    const browser = await launchBrowser(engine);
    try {
      const { page, errors } = await browser.newTab();
      await load(page);
      // Nobody answers there: what is published waits.
      await page.evaluate(async () => {
        const { create } = /** @type {any} */ (globalThis);
        create('ws://127.0.0.1:9/', { storeName: 'mine' });
        const { client } = /** @type {any} */ (globalThis);
        const keep = (/** @type {Promise<unknown>} */ promise) => void promise.catch(() => {});
        keep(client.publish('store/a', 'one', { qos: 1, key: 'one' }));
        keep(client.publish('store/a', new Uint8Array(40_000).fill(65), { qos: 2, key: 'large' }));
        keep(client.publish('store/a', { three: 3 }, { qos: 2, key: 'three', properties: { contentType: 'json' } }));
        await client.stored();
      });
      await page.reload();
      await page.evaluate(install);
      const watcher = await browser.newTab();
      await load(watcher.page);
      await watcher.page.evaluate(async (url) => {
        const { create, client } = /** @type {any} */ (globalThis);
        create(url, { clientId: 'watcher' });
        await /** @type {any} */ (globalThis).client.subscribe('store/#', { qos: 2 }, () => {});
        return client;
      }, mosquitto.url);
      await page.evaluate((url) => /** @type {any} */ (globalThis).create(url, { storeName: 'mine' }), mosquitto.url);
      assert.deepEqual((await log(page, 3)).sort(), ['large settled', 'one settled', 'three settled']);
      const got = await log(watcher.page, 3);
      assert.deepEqual(
        got.map((line) => `${line.slice(0, 20)} ${line.length}`),
        ['store/a one 11', `store/a ${'A'.repeat(12)} 40008`, 'store/a {"three":3} 19'],
      );
      // A subscription, and what comes while the page is away.
      await page.evaluate(async () => {
        const { client } = /** @type {any} */ (globalThis);
        await client.subscribe('store/to-page', { qos: 2 }, () => {});
        await client.publish('store/barrier', 'x', { qos: 2 }); // stored after the subscription
      });
      await page.goto('about:blank');
      await watcher.page.evaluate(() =>
        /** @type {any} */ (globalThis).client.publish('store/to-page', 'while away', { qos: 2 }),
      );
      await load(page);
      await page.evaluate((url) => /** @type {any} */ (globalThis).create(url, { storeName: 'mine' }), mosquitto.url);
      assert.deepEqual(await log(page, 1), ['store/to-page while away']);
      await page.evaluate(() => /** @type {any} */ (globalThis).client.unsubscribe('store/to-page'));
      assert.deepEqual(
        errors.filter((error) => !/127\.0\.0\.1:9\b/.test(error)),
        [],
      );
    } finally {
      await browser.close();
    }
  });

  test(`${engine}: a second tab is told at once; the session is free when the first is closed, crashed or reloaded`, async () => {
    const browser = await launchBrowser(engine);
    try {
      const first = await browser.newTab();
      const second = await browser.newTab();
      await load(first.page);
      await load(second.page);
      assert.equal(await open(first.page, mosquitto.url), 'connected');
      const refused = await open(second.page, mosquitto.url);
      assert.equal(/** @type {any} */ (refused).code, 'store-in-use');
      assert.equal(await open(second.page, mosquitto.url, { clientId: 'other' }), 'connected');
      await second.page.evaluate(() => /** @type {any} */ (globalThis).client.end());
      for (let i = 0; i < 3; i++) {
        await first.page.reload();
        await first.page.evaluate(install);
        assert.equal(await open(first.page, mosquitto.url), 'connected', `after reload ${i}`);
      }
      await first.page.evaluate(() => /** @type {any} */ (globalThis).client.end());
      assert.equal(await open(second.page, mosquitto.url), 'connected', 'after end()');
      if (engine === 'chromium') {
        void second.page.goto('chrome://crash').catch(() => {});
        await new Promise((resolve) => second.page.once('error', resolve));
      } else {
        await second.page.close();
      }
      const third = await browser.newTab();
      await load(third.page);
      assert.equal(await open(third.page, mosquitto.url), 'connected', 'after a crash');
    } finally {
      await browser.close();
    }
  });

  test(`${engine}: a database of a newer version is left alone`, async () => {
    const browser = await launchBrowser(engine);
    try {
      const { page } = await browser.newTab();
      await load(page);
      const newer = () =>
        page.evaluate(
          () =>
            new Promise((resolve, reject) => {
              const request = indexedDB.open('wasmqtt', 1000);
              request.onsuccess = () => {
                resolve(`${request.result.version} ${request.result.objectStoreNames.length}`);
                request.result.close();
              };
              request.onerror = () => reject(request.error);
            }),
        );
      assert.equal(await newer(), '1000 0');
      assert.equal(/** @type {any} */ (await open(page, mosquitto.url)).code, 'store-newer');
      assert.equal(await newer(), '1000 0');
    } finally {
      await browser.close();
    }
  });

  test(`${engine}: another tab that upgrades or deletes the database can, and the client ends`, async () => {
    const browser = await launchBrowser(engine);
    try {
      const { page } = await browser.newTab();
      for (const [version, code] of /** @type {const} */ ([
        [1000, 'store-newer'],
        [0, 'store-unavailable'],
      ])) {
        await load(page);
        await page.evaluate(async (url) => {
          /** @type {any} */ (globalThis).create(url);
          await /** @type {any} */ (globalThis).client.ready;
        }, mosquitto.url);
        const result = await page.evaluate(async (to) => {
          const change = () => (to === 0 ? indexedDB.deleteDatabase('wasmqtt') : indexedDB.open('wasmqtt', to));
          await new Promise((resolve, reject) => {
            const request = change();
            request.onsuccess = () => {
              request.result?.close();
              resolve(undefined);
            };
            request.onblocked = () => reject(new Error('blocked'));
          });
          const { client } = /** @type {any} */ (globalThis);
          const error = await client.publish('a', 'x', { qos: 1 }).catch((/** @type {any} */ e) => e);
          await client.subscribe('a', { qos: 1 }, () => {}).catch(() => {});
          await new Promise((resolve) => {
            if (client.state === 'ended') resolve(undefined);
            client.on('state', (/** @type {string} */ state) => state === 'ended' && resolve(undefined));
          });
          indexedDB.deleteDatabase('wasmqtt');
          return error.code;
        }, version);
        assert.equal(result, code);
      }
    } finally {
      await browser.close();
    }
  });

  test(`${engine}: an upgrade runs the steps that are missing, waits for nobody, and says who is in its way`, async () => {
    const browser = await launchBrowser(engine);
    try {
      const { page } = await browser.newTab();
      await load(page);
      const result = await page.evaluate(async () => {
        /** @type {typeof import('../../web/client/store_indexeddb.js')} */
        const { openDatabase } = await import(/** @type {string} */ ('/store_indexeddb.js'));
        const steps = ['one', 'two', 'three'].map(
          (name) => (/** @type {IDBDatabase} */ database) => void database.createObjectStore(name),
        );
        const first = await openDatabase('upgrade', steps.slice(0, 1));
        const blocked = await openDatabase('upgrade', steps).catch((error) => error.code);
        first.close();
        let second;
        for (;;) {
          second = await openDatabase('upgrade', steps).catch(() => null);
          if (second) break;
        }
        return { blocked, stores: [...second.objectStoreNames] };
      });
      assert.deepEqual(result, { blocked: 'store-unavailable', stores: ['one', 'three', 'two'] });
    } finally {
      await browser.close();
    }
  });

  const nowhere = engine === 'webkit' && 'WebKitGTK has no way to be told where elsewhere.test is';
  test(
    `${engine}: without Web Locks, as on a page by http: from elsewhere, the error says so`,
    { skip: nowhere },
    async () => {
      const args = ['--host-resolver-rules=MAP elsewhere.test 127.0.0.1'];
      const browser = await launchBrowser(engine, { args, prefs: { 'network.dns.localDomains': 'elsewhere.test' } });
      try {
        const { page } = await browser.newTab();
        await load(page, `http://elsewhere.test:${port}/`);
        const error = /** @type {any} */ (await open(page, mosquitto.url));
        assert.equal(error.code, 'store-unavailable');
        assert.match(error.hint, /https: or from localhost/);
      } finally {
        await browser.close();
      }
    },
  );

  test(`${engine}: where a page may store nothing, the error says so`, async () => {
    const browser = await launchBrowser(engine);
    try {
      const { page } = await browser.newTab();
      await load(page);
      const error = await page.evaluate(async () => {
        // As the engines do when site data is blocked.
        IDBFactory.prototype.open = () => {
          throw new DOMException('The operation is insecure.', 'SecurityError');
        };
        return /** @type {any} */ (globalThis).open('ws://127.0.0.1:9/', {});
      });
      assert.equal(error.code, 'store-unavailable');
      assert.match(error.hint, /site data/);
      assert.equal(
        await page.evaluate(async () => (await navigator.locks.query()).held?.length),
        0,
        'the lock was given back',
      );
    } finally {
      await browser.close();
    }
  });
}

test('chromium: a full disk rejects the publish that does not fit; what fits goes on', async () => {
  const browser = await launchBrowser('chromium');
  try {
    const { page } = await browser.newTab();
    await load(page);
    const session = await page.createCDPSession();
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 2_000_000 });
    const result = await page.evaluate(async (url) => {
      /** @type {any} */ (globalThis).create(url);
      const { client } = /** @type {any} */ (globalThis);
      await client.ready;
      // What cannot be compressed.
      const large = new Uint8Array(8_000_000);
      for (let at = 0; at < large.length; at += 65536) crypto.getRandomValues(large.subarray(at, at + 65536));
      const failed = await client.publish('store/large', large, { qos: 1 }).catch((/** @type {any} */ error) => error);
      const { reasonCode } = await client.publish('store/small', 'x', { qos: 2 });
      return { code: failed.code, hint: failed.hint, reasonCode, pending: client.pending().length };
    }, mosquitto.url);
    assert.equal(result.code, 'store-full');
    assert.match(result.hint, /room|space/i);
    assert.equal(result.pending, 0);
    assert(result.reasonCode < 0x80);
  } finally {
    await browser.close();
  }
});
