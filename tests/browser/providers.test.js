// The services in pages of real browsers, with their Web Crypto under the strict Content-Security-Policy: every vector, byte
// for byte, by dist/providers.wasm; and what a page without a secure context is told.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { servedPolicy } from '../../web/csp.js';
import { ENGINES, launchBrowser } from '../tools/browsers.js';
import { readVectors } from '../vectors/provider.js';

const ROOT = new URL('../../', import.meta.url);
const SERVED = /^\/(dist|wasm|build\/gen|tests\/vectors)(\/\w+)+(\.\w+)+$/;
const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.txt': 'text/plain' };
const PAGE = '<!doctype html><html lang="en"><link rel="icon" href="data:,"><h1>app</h1></html>';
/** A name that browsers take for no loopback address; those that can be told where it is are. */
const INSECURE = 'insecure.test';

const server = createServer(async ({ url = '' }, response) => {
  const type = TYPES[/** @type {keyof typeof TYPES} */ (extname(url))];
  const body =
    url === '/' ? PAGE : SERVED.test(url) ? await readFile(new URL(`.${url}`, ROOT)).catch(() => null) : null;
  response.writeHead(body === null ? 404 : 200, {
    'content-type': type ?? 'text/html',
    'content-security-policy': servedPolicy,
  });
  response.end(body);
});
let port = 0;

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  port = /** @type {import('node:net').AddressInfo} */ (server.address()).port;
});

after(() => {
  server.close();
});

/** Runs in the page: what the vectors want and do not get. @param {boolean} exact see runVector() */
async function runVectors(exact) {
  const path = (/** @type {string} */ name) => /** @type {any} */ (`/${name}`); // not for tsc to follow
  const { compile, Core } = await import(path('wasm/core.js'));
  const { loadProviders } = await import(path('dist/providers.js'));
  const { readVectors, runVector } = await import(path('tests/vectors/provider.js'));
  const { signWithFixedNonce } = await import(path('tests/vectors/es256.js'));
  const tools = {
    ...{ Core, exact, providers: await loadProviders() },
    module: await compile(new URL('/dist/wasmqtt.wasm', location.href)),
  };
  /** @type {import('../vectors/provider.js').Vector[]} */
  const vectors = readVectors(await (await fetch('/tests/vectors/provider/login.txt')).text());
  const chosen = vectors.filter(({ wants }) => !exact || wants.some(({ name }) => name === 'es256'));
  const restore = exact ? signWithFixedNonce() : () => {};
  const wrong = [];
  for (const vector of chosen) wrong.push(...(await runVector(vector, tools)));
  restore();
  return { titles: chosen.map(({ title }) => title), wrong };
}

/**
 * Runs in the page: how a login ends.
 * @param {string} service
 * @param {Record<string, string>} values
 */
async function logIn(service, values) {
  const { loadProviders } = await import(/** @type {any} */ ('/dist/providers.js'));
  try {
    return { url: (await (await loadProviders()).login(service, values, { now: 0 })).url };
  } catch (/** @type {any} */ { code, field, message }) {
    return { code, field, message };
  }
}

const HUB = { host: 'h.azure-devices.net', device: 'd', key: 'c2VjcmV0' };
const ALIBABA = { product: 'p', device: 'd', secret: 's', region: 'cn-shanghai' };

for (const engine of ENGINES) {
  describe(`services in ${engine}`, { concurrency: false }, () => {
    /** @type {Pick<import('../tools/browsers.js').Browser, 'newTab' | 'close'>} */
    let browser;
    /** @param {string} host */
    const opened = async (host) => {
      const tab = await browser.newTab();
      await tab.page.goto(`http://${host}:${port}/`);
      return tab;
    };

    before(async () => {
      browser = await launchBrowser(engine, {
        args: [`--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`],
        prefs: { 'network.dns.localDomains': INSECURE },
      });
    });

    after(() => browser?.close());

    test('every vector; ES256 by verification, and byte for byte with the nonce of RFC 6979', async () => {
      const { page, errors } = await opened('127.0.0.1');
      const file = await readFile(new URL('tests/vectors/provider/login.txt', ROOT), 'utf8');
      const titles = readVectors(file).map(({ title }) => title);
      assert.deepEqual(await page.evaluate(runVectors, false), { titles, wrong: [] });
      const { titles: signed, wrong } = await page.evaluate(runVectors, true);
      assert.ok(signed.length > 0);
      assert.deepEqual(wrong, []);
      assert.deepEqual(errors, []);
    });

    test('MD5 is refused, with what to choose instead', async () => {
      const { page } = await opened('127.0.0.1');
      const { code, field, message } = await page.evaluate(logIn, 'alibaba', { ...ALIBABA, 'sign-method': 'hmacmd5' });
      assert.deepEqual([code, field], ['provider-md5', 'sign-method']);
      assert.match(message, /MD5.*hmacsha256/s);
    });

    test(
      'over http, what has to be signed says that the page is no secure context',
      { skip: engine === 'webkit' && 'WebKitGTK cannot be told where a host name is' },
      async () => {
        const { page, errors } = await opened(INSECURE);
        assert.equal(await page.evaluate(() => isSecureContext), false);
        const { code, message } = await page.evaluate(logIn, 'azure-iot-hub', HUB);
        assert.equal(code, 'provider-insecure');
        assert.match(message, /secure context/);
        const broker = await page.evaluate(logIn, 'broker', { url: 'ws://h.example/mqtt' });
        assert.deepEqual(broker, { url: 'ws://h.example/mqtt' }, 'the rest works');
        assert.deepEqual(errors, []);
      },
    );
  });
}
