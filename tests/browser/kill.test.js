// A page that is killed at each of its steps, with a session in IndexedDB, and opened again: whatever was under way in either
// direction, nothing is lost, and what QoS 2 promises is kept. A step is a message that comes or leaves, a transaction that
// begins or is complete, a handler that is called or returns. The page stops there by itself, in a request that is never
// answered, until its process is killed. tests/client/cut.test.js does the same in one process.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { servedPolicy } from '../../web/csp.js';
import { SessionServer } from '../client/session_server.js';
import { PUPPET_ENGINES, launchBrowser } from '../tools/browsers.js';

/** QoS of the messages in each direction. @type {(0 | 1 | 2)[]} */
const DOWN = [2, 1, 2];
/** @type {(0 | 1 | 2)[]} */
const UP = [1, 2];
/**
 * Firefox shows no page any more after a few crashes, so it is started anew every `lives` kills; since that takes its time,
 * `make test` tries only each third step in it. EVERY_STEP=1 tries all.
 */
const PACE = {
  chromium: { lives: Infinity, stride: 1 },
  firefox: { lives: 4, stride: process.env.EVERY_STEP ? 1 : 3 },
};

const PAGE = '<!doctype html><html lang="en"><title>app</title><link rel="icon" href="data:,"><h1>app</h1></html>';

/** A run: what a page told the server that serves it. */
class Run {
  server = new SessionServer(DOWN);
  /** @type {{ payload: string, qos: number, redelivered: boolean }[]} */
  handled = [];
  /** All of UP is in the page's store. */
  accepted = false;
  /** Nothing of UP is left that is not settled. */
  settled = false;
  /** The page stands still. */
  frozen = false;
  /** @type {string[]} */
  errors = [];
  #changed = () => {};

  /** @param {URL} url */
  tell({ pathname, searchParams }) {
    if (pathname === '/handled') {
      const { payload, qos, redelivered } = Object.fromEntries(searchParams);
      this.handled.push({ payload, qos: Number(qos), redelivered: redelivered === 'true' });
    } else if (pathname === '/accepted') this.accepted = true;
    else if (pathname === '/settled') this.settled = true;
    else if (pathname === '/error') this.errors.push(searchParams.get('text') ?? '');
    else if (pathname === '/frozen') this.frozen = true;
    this.#changed();
  }

  /** @param {() => unknown} condition */
  async until(condition) {
    const deadline = Date.now() + 20_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`never came true: ${condition}; ${this.errors.join('; ')}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#changed = () => {
          clearTimeout(timer);
          resolve(undefined);
        };
      });
    }
  }
}

let run = new Run();

const files = /** @type {Record<string, string>} */ ({
  '/wasmqtt.js': 'text/javascript',
  '/wasmqtt.wasm': 'application/wasm',
});
const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '', 'http://server');
  const type = files[url.pathname];
  if (url.pathname !== '/' && !type) run.tell(url);
  if (url.pathname === '/frozen') return; // for ever
  response.writeHead(200, { 'content-type': type ?? 'text/html', 'content-security-policy': servedPolicy });
  response.end(type ? await readFile(new URL(`../../dist${url.pathname}`, import.meta.url)) : PAGE);
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  const session = run.server;
  session.connection((bytes) => socket.send(bytes));
  socket.on('message', (data) => session.receive(/** @type {Buffer} */ (data)));
});

let host = '';
before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  host = `127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
});
after(() => {
  sockets.close();
  server.close();
  server.closeAllConnections();
});

/**
 * The application. Runs in the page.
 * @param {string} url
 * @param {string} clientId
 * @param {number[]} up QoS of what it publishes; none in its second life
 * @param {number} last the step that it does not do any more
 */
async function app(url, clientId, up, last) {
  const ask = (/** @type {string} */ path) => {
    const request = new XMLHttpRequest();
    request.open('GET', path, false);
    request.send();
  };
  let steps = 0;
  const step = () => {
    if (steps++ === last) ask('/frozen');
  };
  const { transaction } = IDBDatabase.prototype;
  IDBDatabase.prototype.transaction = function (/** @type {Parameters<typeof transaction>} */ ...args) {
    step();
    const begun = transaction.apply(this, args);
    begun.addEventListener('complete', step);
    return begun;
  };
  const webSocket = (/** @type {string} */ address, /** @type {string[]} */ protocols) => {
    const socket = new WebSocket(address, protocols);
    const send = socket.send.bind(socket);
    socket.addEventListener('message', step); // before the client's own
    return Object.assign(socket, {
      send: (/** @type {Uint8Array<ArrayBuffer>} */ data) => {
        step();
        send(data);
      },
    });
  };
  /** @type {typeof import('../../web/client/index.js')} */
  const { createClient } = await import(/** @type {string} */ ('/wasmqtt.js'));
  const begin = () => {
    const client = createClient(url, {
      clientId,
      clean: false,
      protocolVersion: 5,
      store: 'indexeddb',
      reconnect: { minDelay: 1, maxDelay: 1 },
      webSocket: /** @type {any} */ (webSocket),
    });
    client.on('error', (/** @type {any} */ error) => ask(`/error?text=${encodeURIComponent(`${error}`)}`));
    client.handle('down', (message) => {
      const { qos, redelivered } = message;
      ask(`/handled?payload=${message.text()}&qos=${qos}&redelivered=${redelivered}`);
      step();
    });
    return client.ready;
  };
  /** @type {Awaited<ReturnType<typeof begin>> | undefined} */
  let client;
  while (!client) {
    client = await begin().catch(async (error) => {
      if (error.code !== 'store-in-use') throw error;
      // The lock of a process that was killed is freed a little later.
      await new Promise((resolve) => setTimeout(resolve, 20));
      return undefined;
    });
  }
  const all = up.map((qos, i) => client.publish('up', `${i}`, { qos: /** @type {0 | 1 | 2} */ (qos) }));
  await client.stored();
  ask('/accepted');
  await Promise.all(all);
  while (client.pending().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  ask('/settled');
}

/** @param {string[]} list */
const distinct = (list) => [...new Set(list)];

/**
 * @param {import('../tools/browsers.js').Browser} browser
 * @param {number} step
 * @returns {Promise<boolean>} false: it was over before
 */
async function killRun(browser, step) {
  run = new Run();
  const done = () => run.settled && run.server.done;
  let { page } = await browser.newTab();
  const live = async (/** @type {number[]} */ up, /** @type {number} */ last) => {
    await page.goto(`http://${host}/`);
    page.evaluate(app, `ws://${host}/mqtt`, `c${step}`, up, last).catch((error) => run.errors.push(`${error}`));
    await run.until(() => run.frozen || done());
  };
  await live(UP, step);
  const { frozen, accepted, handled } = run;
  const before = handled.length;
  if (frozen) {
    page = await browser.killPages(page);
    run.frozen = run.settled = false;
    await live([], -1);
  }
  await page.close();
  assert.deepEqual(run.server.faults, []);
  const of = (/** @type {number} */ qos) => handled.filter((one) => one.qos === qos).map(({ payload }) => payload);
  assert.deepEqual(distinct(of(1)), ['1'], 'QoS 1 at least once');
  assert.deepEqual(distinct(of(2)), ['0', '2'], 'QoS 2, in order');
  const again = handled.filter(({ qos, payload }, i) => {
    return qos === 2 && handled.slice(0, i).some((one) => one.qos === 2 && one.payload === payload);
  });
  assert.ok(again.length <= 1, 'at most one QoS 2 message comes again');
  assert.ok(handled.slice(0, before).every(({ redelivered }) => !redelivered));
  assert.ok(again.every(({ redelivered }) => redelivered));
  const { arrived } = run.server;
  assert.deepEqual(distinct(arrived[2]), arrived[2], 'QoS 2 at most once');
  if (accepted) assert.deepEqual([distinct(arrived[1]), arrived[2]], [['0'], ['1']], 'what was accepted arrived');
  return frozen;
}

for (const engine of PUPPET_ENGINES) {
  const { lives, stride } = PACE[engine];
  const steps = stride === 1 ? 'each step' : `every ${stride}rd step`;
  test(`${engine}: a page is killed at ${steps}, and goes on from IndexedDB [M5:4.4.0-1] [M5:4.3.3-10]`, async (t) => {
    /** @type {import('../tools/browsers.js').Browser} */
    let browser;
    t.after(() => browser.close());
    let step = 0;
    for (let killed = true; killed; await browser.close()) {
      browser = await launchBrowser(engine);
      for (let kills = 0; killed && kills < lives; kills++) {
        killed = await killRun(browser, step);
        if (killed) step += stride;
      }
    }
    assert.ok(step > 20, `${step} steps`);
  });
}
