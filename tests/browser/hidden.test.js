// Pages that are hidden by another tab: keep-alive goes on by the timer worker, under the README's Content-Security-Policy
// with Trusted Types and in every form that the library and the dashboard have; and goes on as well as it can where the
// worker is missing or forbidden.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import mqttPacket from 'mqtt-packet';
import { WebSocketServer } from 'ws';
import { servedPolicy } from '../../web/csp.js';
import { PUPPET_ENGINES, launchBrowser } from '../tools/browsers.js';
import { connectBy, ONE_FILE, until, untilPhase } from './stage.js';

const PAGE = '<!doctype html><html lang="en"><title>app</title><link rel="icon" href="data:,"><h1>app</h1></html>';
const TYPES = { html: 'text/html', js: 'text/javascript', css: 'text/css', wasm: 'application/wasm' };

/** What each folder of the server changes. @type {Record<string, { policy?: string, hides?: string }>} */
const FOLDERS = {
  '': {},
  dashboard: {},
  missing: { hides: 'worker.js' },
  forbidden: { policy: servedPolicy.replace("worker-src 'self'", "worker-src 'none'") },
  untrusted: { policy: servedPolicy.replace('trusted-types wasmqtt', 'trusted-types') },
};

const server = createServer(async ({ url = '' }, response) => {
  const [, folder = '', name = ''] = /^(?:\/(\w+))?\/([\w.-]*)$/.exec(url) ?? [];
  const { policy = servedPolicy, hides } = FOLDERS[folder] ?? {};
  const file = new URL(`../../dist/${folder === 'dashboard' ? 'dashboard/' : ''}${name}`, import.meta.url);
  const end = (/** @type {number} */ status, /** @type {string} */ type, /** @type {string | Buffer} */ body) => {
    response.writeHead(status, { 'content-type': type, 'content-security-policy': policy });
    response.end(body);
  };
  if (name === '') end(200, 'text/html', PAGE);
  else if (name === 'demo.json') end(200, 'application/json', JSON.stringify({ url: '/mqtt' }));
  else if (name === hides) end(404, 'text/html', PAGE);
  else {
    const type = TYPES[/** @type {keyof typeof TYPES} */ (name.split('.').at(-1))];
    await readFile(file).then(
      (body) => end(200, type, body),
      () => end(404, 'text/plain', 'not here'),
    );
  }
});

let pings = 0;
let connections = 0;

/** A server that wants to hear from its clients once a second. @param {import('ws').WebSocket} socket */
function serve(socket) {
  const parser = mqttPacket.parser();
  const send = (/** @type {any} */ packet) => socket.send(mqttPacket.generate(packet, { protocolVersion: 5 }));
  parser.on('packet', (/** @type {any} */ { cmd, messageId, subscriptions }) => {
    if (cmd === 'connect') {
      connections++;
      send({ cmd: 'connack', reasonCode: 0, sessionPresent: false, properties: { serverKeepAlive: 1 } });
    } else if (cmd === 'subscribe') {
      send({ cmd: 'suback', messageId, granted: subscriptions.map(() => 0) });
    } else if (cmd === 'pingreq') {
      pings++;
      send({ cmd: 'pingresp' });
    }
  });
  socket.on('message', (data) => parser.parse(/** @type {Buffer} */ (data)));
  socket.on('error', () => {});
}

const mqtt = new WebSocketServer({ server });
mqtt.on('connection', serve);
let port = 0;

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  port = /** @type {import('node:net').AddressInfo} */ (server.address()).port;
});

after(() => {
  for (const socket of mqtt.clients) socket.terminate();
  mqtt.close();
  server.close();
});

/** PINGREQs that came since. */
async function morePings(/** @type {number} */ many) {
  const wanted = pings + many;
  const end = Date.now() + 60_000;
  while (pings < wanted) {
    assert.ok(Date.now() < end, `${wanted - pings} of ${many} PINGREQs did not come`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Runs in a page before anything else: keeps what goes wrong, and which workers there are.
 * @param {boolean} deaf the page's own timers never ring while it is hidden: stricter than any engine
 */
function watch(deaf) {
  const seen = { wrong: /** @type {string[]} */ ([]), workers: 0, logged: /** @type {string[]} */ ([]) };
  Object.assign(window, { seen });
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    seen.wrong.push(`${violatedDirective} ${blockedURI}`),
  );
  addEventListener('error', ({ message }) => seen.wrong.push(message));
  addEventListener('unhandledrejection', ({ reason }) => seen.wrong.push(String(reason)));
  const { setTimeout, Worker } = window;
  window.Worker = class extends Worker {
    /** @param {string | URL} url @param {WorkerOptions} [options] */
    constructor(url, options) {
      super(url, options);
      seen.workers++;
    }
  };
  if (!deaf) return;
  Object.assign(window, {
    setTimeout: (/** @type {() => void} */ ring, /** @type {number} */ ms) =>
      setTimeout(ring, document.hidden ? 2 ** 30 : ms),
  });
}

/**
 * @param {import('../tools/browsers.js').Browser} browser
 * @param {import('puppeteer-core').Page} page
 */
async function hide(browser, page) {
  const { page: other } = await browser.newTab();
  await other.bringToFront();
  await until(page, 'hidden', () => document.visibilityState === 'hidden');
  return other;
}

/**
 * Connects in the page.
 * @param {string} library
 * @param {string} url
 * @param {import('../../web/client/options.js').ClientOptions} options
 */
async function connectIn(library, url, options) {
  /** @type {typeof import('../../web/client/index.js')} */
  const { connect } = await import(library);
  const { seen } = /** @type {any} */ (window);
  await connect(url, { ...options, log: (level, text) => level === 'info' && seen.logged.push(text) });
}

const look = () => /** @type {any} */ (window).seen;

for (const engine of PUPPET_ENGINES) {
  test(`hidden pages in ${engine}`, async (t) => {
    const browser = await launchBrowser(engine);
    t.after(() => browser.close());

    /** @param {string} name @param {boolean} deaf @param {(page: import('puppeteer-core').Page) => Promise<unknown>} open */
    async function inTheBackground(name, deaf, open) {
      const { page } = await browser.newTab();
      await page.bringToFront();
      await page.evaluateOnNewDocument(watch, deaf);
      await open(page);
      const before = connections;
      const other = await hide(browser, page);
      await morePings(5);
      assert.equal(connections, before, `${name}: the connection was kept`);
      const seen = await page.evaluate(look);
      await page.close();
      await other.close();
      return seen;
    }

    for (const [name, options] of /** @type {[string, object][]} */ ([
      ['/wasmqtt.js', {}],
      ['/wasmqtt.single.js', { timerWorker: '/worker.js' }],
    ])) {
      await t.test(`${name}: the worker rings, the policy is kept`, async () => {
        const seen = await inTheBackground(name, true, async (page) => {
          await page.goto(`http://127.0.0.1:${port}/`);
          await page.evaluate(connectIn, name, `ws://127.0.0.1:${port}/mqtt`, options);
        });
        assert.deepEqual(seen, { wrong: [], workers: 1, logged: [] });
      });
    }

    await t.test('the dashboard as files', async () => {
      const seen = await inTheBackground('dashboard', true, async (page) => {
        await page.goto(`http://127.0.0.1:${port}/dashboard/index.html`);
        await untilPhase(page, 'connected');
      });
      assert.deepEqual(seen, { wrong: [], workers: 1, logged: [] });
    });

    await t.test('the dashboard as one file, from disk', async () => {
      const seen = await inTheBackground('dashboard.html', true, async (page) => {
        await page.goto(pathToFileURL(ONE_FILE).href);
        await connectBy(page, { url: `ws://127.0.0.1:${port}/mqtt` });
        await untilPhase(page, 'connected');
      });
      assert.deepEqual(seen, { wrong: [], workers: 1, logged: [] });
    });

    // What the engines tell of the refusal itself differs; nothing else may go wrong.
    for (const [folder, refusal] of /** @type {[string, RegExp][]} */ ([
      ['missing', /^$/],
      ['forbidden', /^worker-src /],
      ['untrusted', /^(trusted-types|require-trusted-types-for) /],
    ])) {
      await t.test(`without a worker, which is ${folder}: the page's own timers do`, async () => {
        const seen = await inTheBackground(folder, false, async (page) => {
          await page.goto(`http://127.0.0.1:${port}/${folder}/`);
          await page.evaluate(connectIn, `/${folder}/wasmqtt.js`, `ws://127.0.0.1:${port}/mqtt`, {});
        });
        assert.deepEqual(
          seen.wrong.filter((/** @type {string} */ text) => !refusal.test(text)),
          [],
        );
        assert.equal(seen.logged.length, 1);
        assert.match(seen.logged[0], /no timer worker at http:.*\/worker\.js/i);
      });
    }
  });
}
