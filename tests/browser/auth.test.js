// SCRAM-SHA-256 in pages of real browsers, with their Web Crypto under the strict Content-Security-Policy, against a server
// that does its side by Node's cryptography.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import mqttPacket from 'mqtt-packet';
import { WebSocketServer } from 'ws';
import { servedPolicy } from '../../web/csp.js';
import { ScramServer } from '../client/scram_server.js';
import { ENGINES, launchBrowser } from '../tools/browsers.js';

const FILES = new Map([
  [
    '/',
    { type: 'text/html', body: '<!doctype html><html lang="en"><link rel="icon" href="data:,"><h1>app</h1></html>' },
  ],
]);

const server = createServer(({ url = '' }, response) => {
  const file = FILES.get(url);
  const type = file?.type ?? 'text/plain';
  response.writeHead(file ? 200 : 404, { 'content-type': type, 'content-security-policy': servedPolicy });
  response.end(file?.body ?? 'not here');
});

/** @param {import('ws').WebSocket} socket */
function serve(socket) {
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  /** @type {ScramServer} */
  let scram;
  let accepted = false;
  const send = (/** @type {any} */ packet) => socket.send(mqttPacket.generate(packet, { protocolVersion: 5 }));
  parser.on('packet', (/** @type {any} */ packet) => {
    const { cmd, reasonCode, properties } = packet;
    const answer = (/** @type {Uint8Array | null} */ authenticationData) => ({
      properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData },
    });
    if (cmd === 'connect' || reasonCode === 0x19) {
      scram = new ScramServer('pencil');
      send({ cmd: 'auth', reasonCode: 0x18, ...answer(scram.challenge(properties.authenticationData)) });
    } else if (cmd === 'auth') {
      const verdict = scram.verdict(properties.authenticationData);
      if (verdict === null) send({ cmd: 'connack', reasonCode: 0x87, sessionPresent: false });
      else if (accepted) send({ cmd: 'auth', reasonCode: 0, ...answer(verdict) });
      else send({ cmd: 'connack', reasonCode: 0, sessionPresent: false, ...answer(verdict) });
      accepted = verdict !== null;
    }
  });
  socket.on('message', (data) => parser.parse(/** @type {Buffer} */ (data)));
}

let origin = '';

before(async () => {
  for (const [name, type] of [
    ['wasmqtt.js', 'text/javascript'],
    ['wasmqtt.wasm', 'application/wasm'],
  ]) {
    const body = await readFile(new URL(`../../dist/${name}`, import.meta.url));
    FILES.set(`/${name}`, { type, body: /** @type {any} */ (body) });
  }
  new WebSocketServer({ server, path: '/mqtt' }).on('connection', serve);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  origin = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
});

after(() => {
  server.close();
});

/** Runs in the page. @param {string} password */
async function logIn(password) {
  /** @type {typeof import('../../web/client/index.js')} */
  const { connect, scramSha256 } = await import(/** @type {string} */ ('/wasmqtt.js'));
  try {
    const client = await connect('/mqtt', { authentication: scramSha256({ username: 'user', password }) });
    await client.reauthenticate();
    await client.end();
    return 'both are satisfied';
  } catch (error) {
    return /** @type {import('../../web/client/errors.js').MqttError} */ (error).reasonCode;
  }
}

for (const engine of ENGINES) {
  test(`${engine}: SCRAM-SHA-256 in a page, on connecting and once more`, async (t) => {
    const browser = await launchBrowser(engine);
    t.after(() => browser.close());
    const { page, errors } = await browser.newTab();
    await page.goto(origin);
    assert.equal(await page.evaluate(logIn, 'pencil'), 'both are satisfied');
    assert.equal(await page.evaluate(logIn, 'pen'), 0x87);
    assert.deepEqual(errors, []);
  });
}
