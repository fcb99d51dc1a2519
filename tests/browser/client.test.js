// The library in a page and in a worker, as an app embeds it: the bundles of dist/ under the README's strict
// Content-Security-Policy, Trusted Types included, against a real Mosquitto; and how many WebSocket messages leave.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { servedPolicy } from '../../web/csp.js';
import { ENGINES, launchBrowser } from '../tools/browsers.js';
import { startMosquitto } from '../tools/mosquitto.js';

const PAGE = '<!doctype html><html lang="en"><title>app</title><link rel="icon" href="data:,"><h1>app</h1></html>';
/** The app has a policy of its own. */
const POLICY = servedPolicy.replace('trusted-types', 'trusted-types app');
const WORKER = `
  onmessage = async ({ data: { code, url } }) => {
    const { connect } = await import('/wasmqtt.js');
    const client = await connect(url, { clientId: 'in-a-worker' });
    const result = new Promise((resolve) => client.subscribe('worker/answer', { qos: 2 }, (m) => resolve(m.text())));
    await client.publish('worker/question', code, { qos: 2 });
    postMessage(await result);
    await client.end();
  };`;

/** @type {Record<string, { type: string, body: () => Promise<string | Buffer> }>} */
const FILES = {
  '/': { type: 'text/html', body: async () => PAGE },
  '/app_worker.js': { type: 'text/javascript', body: async () => WORKER },
};
for (const name of ['wasmqtt.js', 'wasmqtt.single.js', 'wasmqtt.wasm']) {
  const type = name.endsWith('.wasm') ? 'application/wasm' : 'text/javascript';
  FILES[`/${name}`] = { type, body: () => readFile(new URL(`../../dist/${name}`, import.meta.url)) };
}

const server = createServer(async ({ url }, response) => {
  const file = FILES[url ?? ''];
  response.writeHead(file ? 200 : 404, {
    'content-type': file?.type ?? 'text/plain',
    'content-security-policy': POLICY,
  });
  response.end(file ? await file.body() : 'not here');
});

/** @type {Awaited<ReturnType<typeof startMosquitto>>} */
let mosquitto;
let origin = '';

before(async () => {
  mosquitto = await startMosquitto();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  origin = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
});

after(async () => {
  server.close();
  await mosquitto.stop();
});

/**
 * Every QoS there and back, a large payload, a loop, a request and its answer. Runs in the page.
 * @param {string} library
 * @param {string} url
 */
async function useAll(library, url) {
  /** @type {typeof import('../../web/client/index.js')} */
  const { connect } = await import(library);
  const device = await connect(url, { clientId: `device-${library}` });
  const panel = await connect(url, { clientId: `panel-${library}` });
  await device.subscribe('device/commands/+', { qos: 1 }, async (command) => {
    const { responseTopic = '', correlationData } = command.properties;
    await device.publish(responseTopic, `done: ${command.text()}`, { properties: { correlationData } });
  });
  /** @type {string[]} */
  const seen = [];
  const data = await panel.subscribe('device/data/#', { qos: 2 });
  const large = new Uint8Array(40_000).map((_, i) => i * 7);
  const sent = [
    device.publish('device/data/0', 'zero'),
    device.publish('device/data/1', { one: 1 }, { qos: 1 }),
    device.publish('device/data/2', '', { qos: 2 }),
    device.publish('device/data/large', large, { qos: 1 }),
  ];
  for await (const message of data) {
    const bytes = message.bytes();
    const same = bytes.length === large.length && bytes.every((byte, i) => byte === large[i]);
    seen.push(`${message.topic} ${message.qos} ${same ? 'large' : message.text()}`);
    if (seen.length === 4) break;
  }
  await Promise.all(sent);
  const reply = await panel.request('device/commands/reboot', 'now');
  const result = { seen: seen.sort(), reply: reply.text(), version: panel.negotiated?.version };
  await Promise.all([device.end(), panel.end()]);
  return result;
}

/**
 * How many WebSocket messages 10 000 publishes leave in, the page's WebSocket replaced by one that only counts.
 * @param {boolean} awaited
 */
async function countFrames(awaited) {
  /** @type {typeof import('../../web/client/index.js')} */
  const { connect } = await import(/** @type {string} */ ('/wasmqtt.js'));
  let frames = 0;
  let bytes = 0;
  const real = globalThis.WebSocket;
  class Counter {
    binaryType = '';
    bufferedAmount = 0;
    /** @type {any} */ onopen;
    /** @type {any} */ onmessage;
    /** @type {any} */ onclose;
    constructor() {
      setTimeout(() => this.onopen({}));
    }
    /** @param {Uint8Array} data */
    send(data) {
      if (data[0] === 0x10) setTimeout(() => this.onmessage({ data: Uint8Array.of(0x20, 3, 0, 0, 0).buffer }));
      else if (data[0] !== 0xe0) {
        frames++;
        bytes += data.length;
      }
    }
    close() {
      setTimeout(() => this.onclose?.({ code: 1000, reason: '' }));
    }
  }
  globalThis.WebSocket = /** @type {any} */ (Counter);
  const client = await connect('ws://counter.test/mqtt');
  globalThis.WebSocket = real;
  await new Promise((resolve) => setTimeout(resolve));
  const payload = 'x'.repeat(64);
  const all = [];
  for (let i = 0; i < 10_000; i++) {
    const sent = client.publish('bench/topic', payload);
    if (awaited) await sent;
    else all.push(sent);
  }
  await Promise.all(all);
  // What is left leaves at the end of its task, of which WebKit tells by way of another process.
  for (let i = 0; i < 500 && bytes < 10_000 * 80; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  const result = { frames, bytes };
  await client.end();
  return result;
}

for (const engine of ENGINES) {
  test(`${engine}: the library`, async (t) => {
    const browser = await launchBrowser(engine);
    t.after(() => browser.close());
    const { page, errors } = await browser.newTab();
    await page.goto(origin);

    for (const library of ['/wasmqtt.js', '/wasmqtt.single.js']) {
      await t.test(`${library} in a page`, async () => {
        assert.deepEqual(await page.evaluate(useAll, library, mosquitto.url), {
          seen: ['device/data/0 0 zero', 'device/data/1 1 {"one":1}', 'device/data/2 2 ', 'device/data/large 1 large'],
          reply: 'done: now',
          version: 5,
        });
      });
    }

    await t.test('in a module worker', async () => {
      const answer = await page.evaluate(async (url) => {
        const { connect } = /** @type {typeof import('../../web/client/index.js')} */ (
          await import(/** @type {string} */ ('/wasmqtt.js'))
        );
        const other = await connect(url);
        await other.subscribe('worker/question', { qos: 2 }, (m) => other.publish('worker/answer', `re: ${m.text()}`));
        const policy = /** @type {any} */ (window).trustedTypes.createPolicy('app', {
          createScriptURL: (/** @type {string} */ address) => address,
        });
        const worker = new Worker(policy.createScriptURL('/app_worker.js'), { type: 'module' });
        const done = new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
        worker.postMessage({ code: '42', url });
        const text = await done;
        worker.terminate();
        await other.end();
        return text;
      }, mosquitto.url);
      assert.equal(answer, 're: 42');
    });

    for (const awaited of [true, false]) {
      await t.test(
        `10 000 publishes ${awaited ? 'awaited one by one' : 'not awaited'}: under 30 messages`,
        async () => {
          const { frames, bytes } = await page.evaluate(countFrames, awaited);
          assert.equal(bytes, 10_000 * (2 + 2 + 'bench/topic'.length + 1 + 64));
          assert.ok(frames < 30, `${frames} WebSocket messages`);
        },
      );
    }

    assert.deepEqual(errors, []);
  });
}
