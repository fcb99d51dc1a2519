// `make demo` as its user meets it: page, broker and fleet answer, over http and https; trouble is one clear line; and
// Ctrl-C leaves nothing behind. (What the page shows is the browser tests' business.)
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import mqtt from 'mqtt';
import { servedPolicy } from '../../web/csp.js';
import { freePort, portTrouble } from '../tools/ports.js';
import { alive, descendants } from '../tools/proc.js';
import { Child } from '../tools/process.js';

const script = fileURLToPath(new URL('../../examples/demo/run.js', import.meta.url));

/** @param {Record<string, string>} env */
const runDemo = (env) =>
  new Child(process.execPath, [script], { name: 'demo', env: { DEVICES: '3', TLS: '', ...env } });

/** @param {Record<string, string>} env */
async function startDemo(env) {
  const demo = runDemo(env);
  await demo.until(() => demo.output.includes('Ctrl-C'), { what: 'start' });
  return demo;
}

/**
 * @param {string} url
 * @param {Buffer} [ca]
 * @returns {Promise<{ status?: number, headers: import('node:http').IncomingHttpHeaders, body: string }>}
 */
function fetchPage(url, ca) {
  return new Promise((resolve, reject) => {
    const request = ca ? getHttps(url, { ca }) : getHttp(url);
    request.once('error', reject);
    request.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => (body += text));
      response.once('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
  });
}

/**
 * The devices that are heard, through the web server, to send telemetry.
 * @param {string} url
 * @param {number} count how many to wait for
 * @param {Buffer} [ca]
 */
async function sendingDevices(url, count, ca) {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5, wsOptions: { ca } });
  /** @type {Set<string>} */
  const heard = new Set();
  const all = new Promise((resolve) => {
    client.on('message', (topic) => {
      heard.add(topic);
      if (heard.size === count) resolve(undefined);
    });
  });
  await client.subscribeAsync('devices/+/telemetry');
  await all;
  await client.endAsync();
  return [...heard].sort();
}

test('page, demo.json, broker and fleet answer; Ctrl-C stops it all', async () => {
  const port = await freePort();
  const demo = await startDemo({ PORT: String(port) });
  const url = `http://localhost:${port}/`;
  assert.ok(demo.output.includes(url), demo.output);

  const page = await fetchPage(url);
  assert.equal(page.status, 200);
  assert.equal(page.headers['content-security-policy'], servedPolicy);
  assert.match(page.body, /<script type="module" src="/);
  assert.deepEqual(JSON.parse((await fetchPage(`${url}demo.json`)).body), { url: '/mqtt' });
  assert.equal((await fetchPage(`${url}wasmqtt.wasm`)).headers['content-type'], 'application/wasm');
  assert.deepEqual(await sendingDevices(`ws://localhost:${port}/mqtt`, 3), [
    'devices/dev-0001/telemetry',
    'devices/dev-0002/telemetry',
    'devices/dev-0003/telemetry',
  ]);

  const started = descendants(/** @type {number} */ (demo.pid));
  assert.equal(started.length, 3, 'broker, web server, fleet');
  const { code } = await demo.stop('SIGINT');
  assert.equal(code, 130);
  assert.deepEqual(started.filter(alive), []);
  assert.equal(await portTrouble(port), undefined);
  assert.doesNotMatch(demo.output, /demo:/, 'stopping is no trouble');
});

test('TLS=1 serves https and wss by an authority whose certificate it names', async () => {
  const port = await freePort();
  const demo = await startDemo({ PORT: String(port), TLS: '1' });
  const ca = readFileSync(/\S+root\.crt/.exec(demo.output)?.[0] ?? 'no path in the output');
  assert.equal((await fetchPage(`https://localhost:${port}/`, ca)).status, 200);
  assert.equal((await sendingDevices(`wss://localhost:${port}/mqtt`, 1, ca)).length, 1);
  await demo.stop('SIGINT');
});

test('a port in use is one clear line', async () => {
  const port = await freePort();
  const first = await startDemo({ PORT: String(port) });
  const second = runDemo({ PORT: String(port) });
  assert.equal((await second.exited).code, 1);
  assert.equal(second.output, `demo: port ${port} is in use: try \`make demo PORT=9090\`\n`);
  assert.equal((await fetchPage(`http://localhost:${port}/`)).status, 200, 'the first one goes on');
  await first.stop('SIGINT');
});

test('a missing tool is one clear line', async () => {
  const demo = runDemo({ PORT: String(await freePort()), PATH: '/nonexistent' });
  // /usr/sbin is searched too, so Mosquitto may still be found; Caddy is in /usr/bin.
  assert.equal((await demo.exited).code, 1);
  assert.equal(demo.output, 'demo: caddy is not installed: run `make setup`\n');
});

for (const [name, value] of [
  ['PORT', '0'],
  ['PORT', 'eighty'],
  ['PORT', '65536'],
  ['DEVICES', '-1'],
  ['DEVICES', '1.5'],
]) {
  test(`${name}=${value} is one clear line`, async () => {
    const demo = runDemo({ [name]: value });
    assert.equal((await demo.exited).code, 1);
    assert.match(demo.output, new RegExp(`^demo: ${name}=${value}: a whole number from 1 to \\d+ is wanted\\n$`));
  });
}

test('the README shows the policy that is served', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  assert.ok(readme.replace(/\s+/g, ' ').includes(servedPolicy), `README.md has to show: ${servedPolicy}`);
});
