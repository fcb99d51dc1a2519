// Connecting by a profile: what login() gives is what CONNECT has; the service's rules hold before anything is sent; tokens
// are renewed. With profiles of wasmqtt/providers, and with one of this file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aws, azureEventGrid, azureIotHub, clearblade } from 'wasmqtt/providers';
import { eventually, Peer, rejection } from './peer.js';

const HUB = { host: 'h.azure-devices.net', device: 'd1', key: 'c2VjcmV0' };
const AWS = { host: 'x-ats.iot.us-east-1.amazonaws.com', 'access-key': 'AKIDEXAMPLE', 'secret-key': 'wJalrXUtnFEMI' };
const ONCE = /** @type {const} */ ({ reconnect: false });

/** A JWT that ends then. @param {number} s since epoch */
const jwt = (s) => `e30.${Buffer.from(JSON.stringify({ exp: s })).toString('base64url')}.c2ln`;

test('what login() gives is what the WebSocket and CONNECT have', async () => {
  const peer = new Peer();
  const client = await peer.connect({}, azureIotHub(HUB));
  const { url, protocols } = peer.last;
  const connect = await peer.last.packet('connect');
  assert.equal(url, 'wss://h.azure-devices.net/$iothub/websocket?iothub-no-client-cert=true');
  assert.deepEqual(protocols, ['mqtt']);
  assert.equal(connect.protocolVersion, 4, 'the only one that the service speaks');
  assert.equal(connect.clientId, 'd1');
  assert.equal(connect.username, 'h.azure-devices.net/d1/?api-version=2021-04-12');
  assert.match(String(connect.password), /^SharedAccessSignature sr=h\.azure-devices\.net%2Fdevices%2Fd1&sig=/);
  assert.deepEqual([connect.clean, connect.keepalive], [false, 240]);
  await client.end();
});

test('options go before what login() gives, as far as the rules let them; each is signed anew', async () => {
  const peer = new Peer();
  const client = await peer.connect({ keepalive: 5000, clean: true }, azureIotHub({ ...HUB, ttl: 60 }));
  const connect = await peer.last.packet('connect');
  assert.deepEqual([connect.clean, connect.keepalive], [true, 1177], 'clamped');
  peer.last.drop();
  const second = await peer.connection(2);
  assert.match(String((await second.packet('connect')).password), /^SharedAccessSignature/);
  await client.end({ force: true });
});

test('a rule that refuses CONNECT ends the client before a WebSocket opens', async () => {
  const peer = new Peer();
  const error = await rejection(peer.connect({ will: { topic: 'elsewhere' } }, azureIotHub(HUB)));
  assert.deepEqual([error.name, error.phase, error.code, error.rule], ['MqttError', 'options', 'rule', 'will-topic']);
  assert.match(error.message, /^Azure IoT Hub: a will can only go to the topic for telemetry/);
  assert.equal(peer.connections.length, 0);
  const old = await rejection(peer.connect({ protocolVersion: 5 }, azureIotHub(HUB)));
  assert.deepEqual([old.code, old.rule], ['rule', 'version']);
});

test('a value that is wrong ends the client, with field and code and without the value', async () => {
  const peer = new Peer();
  const client = peer.createClient({}, azureIotHub({ ...HUB, key: 'my secret' }));
  client.on('error', () => {});
  const error = await rejection(client.ready);
  assert.deepEqual([error.phase, error.code, error.field], ['options', 'provider-space', 'key']);
  assert.doesNotMatch(error.message, /my secret/);
  assert.equal(client.state, 'ended');
  assert.equal(peer.connections.length, 0);
});

test('publish: what is refused is not sent, and the next is', async () => {
  const peer = new Peer();
  const client = await peer.connect(ONCE, aws(AWS));
  const error = await rejection(client.publish('a', 'x', { qos: 2 }));
  assert.deepEqual([error.phase, error.code, error.rule], ['publish', 'rule', 'qos']);
  assert.match(error.message, /^AWS IoT Core: the highest QoS is 1; publish with QoS 1 or less/);
  const large = await rejection(client.publish('a', new Uint8Array(131073), { qos: 1 }));
  assert.equal(large.rule, 'payload-bytes');
  const umlauts = await rejection(client.publish('ä'.repeat(129), 'x'));
  assert.equal(umlauts.rule, 'topic-bytes');
  await client.publish('a', 'ok', { qos: 1 });
  assert.deepEqual(
    peer.last.packets.filter(({ cmd }) => cmd === 'publish').map(({ payload }) => String(payload)),
    ['ok'],
  );
  await client.end();
});

test('publish before the core is there is judged too', async () => {
  const peer = new Peer();
  const client = peer.createClient(ONCE, aws(AWS));
  assert.equal((await rejection(client.publish('a', 'x', { qos: 2 }))).rule, 'qos');
  await client.ready;
  await client.end();
});

test('what the service changes is a warning, once', async () => {
  const peer = new Peer();
  /** @type {string[]} */
  const logged = [];
  const log = (/** @type {string} */ level, /** @type {string} */ text) => level === 'warn' && logged.push(text);
  const key =
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ';
  const values = { url: 'wss://g.example', project: 'p', region: 'r', registry: 'g', device: 'd', key };
  const client = await peer.connect({ will: { topic: '/devices/d/events' }, log, clean: false }, clearblade(values));
  assert.equal((await peer.last.packet('connect')).clean, true, 'adjusted');
  assert.match(client.negotiated?.warnings[0] ?? '', /wills are not published/);
  for (let i = 0; i < 3; i++) await client.publish('/devices/d/events', 'x', { qos: 1, retain: true });
  const [, retain, ...more] = client.negotiated?.warnings ?? [];
  assert.match(retain, /nothing is retained/);
  assert.deepEqual(more, []);
  assert.equal(logged.filter((text) => /retained/.test(text)).length, 1);
  assert.equal(peer.last.count('publish'), 3);
  await client.end();
});

test('subscribe: refused, split, without identifiers, and 0x80 told by filter', async () => {
  const peer = new Peer();
  const client = peer.createClient(ONCE, aws(AWS, { overrides: { 'filters-at-once': 3, filters: 12 } }));
  const wanted = Array.from({ length: 10 }, (_, i) => client.subscribe(`f/${i}`, { qos: 1 }, () => {}));
  peer.answers.subscribe = ({ messageId, subscriptions }, connection) => {
    const granted = subscriptions.map((/** @type {any} */ { topic, qos }) => (topic === 'f/4' ? 0x80 : qos));
    connection.send({ cmd: 'suback', messageId, granted });
  };
  const settled = await Promise.allSettled(wanted);
  assert.deepEqual(
    settled.map(({ status }) => status === 'fulfilled'),
    wanted.map((_, i) => i !== 4),
  );
  assert.equal(/** @type {any} */ (settled[4]).reason.reasonCode, 0x80);
  assert.match(/** @type {any} */ (settled[4]).reason.message, /"f\/4"/);
  const requests = peer.last.packets.filter(({ cmd }) => cmd === 'subscribe');
  assert.deepEqual(
    requests.map(({ subscriptions }) => subscriptions.length),
    [3, 3, 3, 1],
  );
  assert.ok(requests.every(({ properties }) => properties?.subscriptionIdentifier === undefined));
  const qos = await rejection(client.subscribe('g', { qos: 2 }, () => {}));
  assert.deepEqual([qos.phase, qos.code, qos.rule], ['subscribe', 'rule', 'subscribe-qos']);
  for (const i of [1, 2, 3]) await client.subscribe(`more/${i}`, () => {});
  assert.equal((await rejection(client.subscribe('more/4', () => {}))).rule, 'filters');
  await client.end();
});

/** A profile whose service takes as many messages as `tokens` says. */
function paced() {
  const rules = {
    tokens: 0,
    checkConnect: () => [],
    checkPublish: () => [],
    checkSubscribe: () => [],
    get: () => undefined,
    pace: (/** @type {string} */ name) => {
      if (name === 'connect-rate') return 0;
      if (rules.tokens === 0) return 1;
      rules.tokens--;
      return 0;
    },
  };
  return { rules, profile: { login: () => ({ url: 'ws://own.example' }), rules: () => rules } };
}

test('a publish rate: messages wait for their turn, in their order; end() awaits them', async () => {
  const peer = new Peer();
  const { rules, profile } = paced();
  const client = await peer.connect(ONCE, profile);
  const controller = new AbortController();
  const bytes = new Uint8Array([48]);
  rules.tokens = 1;
  const sent = [client.publish('t', 'first', { qos: 1 }), client.publish('t', bytes, { qos: 1 })];
  bytes[0] = 49; // it may change once publish() has returned
  const given = client.publish('t', 'never', { qos: 1, signal: controller.signal });
  sent.push(client.publish('t', '1', { qos: 0 }), client.publish('t', '2', { qos: 1, timeout: 60_000 }));
  await sent[0];
  controller.abort();
  const error = await rejection(given);
  assert.deepEqual([error.code, error.sent], ['aborted', false]);
  assert.equal(peer.last.count('publish'), 1);
  const late = await rejection(client.publish('t', 'late', { qos: 1, timeout: 5 }));
  assert.deepEqual([late.code, late.sent], ['timeout', false]);
  const ended = client.end();
  assert.equal((await rejection(client.publish('t', 'x'))).code, 'connection-ended');
  rules.tokens = 3;
  await ended;
  await Promise.all(sent);
  const came = peer.last.packets.filter(({ cmd }) => cmd === 'publish').map(({ payload }) => String(payload));
  assert.deepEqual(came, ['first', '0', '1', '2']);
});

test('messages that wait for their turn are bounded, and rejected when the client ends', async () => {
  const peer = new Peer();
  const { profile } = paced();
  const client = await peer.connect({ ...ONCE, queue: { maxMessages: 3, maxBytes: 100 } }, profile);
  client.on('error', () => {});
  const waiting = [1, 2].map((i) => client.publish('t', String(i), { qos: 1 }));
  assert.equal((await rejection(client.publish('t', 'x'.repeat(100), { qos: 1 }))).code, 'queue-full');
  waiting.push(client.publish('t', '3', { qos: 1 }));
  assert.equal((await rejection(client.publish('t', '4', { qos: 1 }))).code, 'queue-full');
  peer.last.drop();
  for (const promise of waiting) assert.equal((await rejection(promise)).code, 'connection-ended');
  await eventually(() => client.state === 'ended');
});

test('in flight as the service takes it', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const client = await peer.connect(ONCE, aws(AWS, { overrides: { inflight: 2, 'publish-rate': false } }));
  for (let i = 0; i < 5; i++) client.publish('t', String(i), { qos: 1 }).catch(() => {});
  await peer.last.packet('publish', 2);
  await eventually(() => client.stats.inflight === 2);
  assert.equal(peer.last.count('publish'), 2);
  await client.end({ force: true });
});

test('Event Grid: the token is in CONNECT, and a new one goes out in AUTH on the same connection', async () => {
  const peer = new Peer();
  peer.connack.properties = { authenticationMethod: 'CUSTOM-JWT' };
  peer.answers.auth = ({ properties }, connection) => {
    const { authenticationMethod } = properties;
    connection.send({ cmd: 'auth', reasonCode: 0, properties: { authenticationMethod } });
  };
  const start = Math.floor(Date.now() / 1000);
  const tokens = [jwt(start + 2), jwt(start + 3600)];
  const values = () => ({ host: 'g.example', device: 'd', token: /** @type {string} */ (tokens[asked++ < 2 ? 0 : 1]) });
  let asked = 0;
  const client = await peer.connect({}, azureEventGrid(values));
  const { properties } = await peer.last.packet('connect');
  assert.equal(properties.authenticationMethod, 'CUSTOM-JWT');
  assert.equal(String(properties.authenticationData), tokens[0]);
  const auth = await peer.last.packet('auth');
  assert.equal(auth.reasonCode, 0x19);
  assert.equal(String(auth.properties.authenticationData), tokens[1]);
  await client.publish('t', 'x', { qos: 1 });
  assert.equal(peer.connections.length, 1);
  await client.end();
});

test('anybody can write a profile', async () => {
  const peer = new Peer();
  const secret = 'sesame';
  const login = async () => ({
    url: 'ws://own.example/x',
    username: 'u',
    password: secret,
    clientId: 'me',
    keepalive: 7,
  });
  const client = await peer.connect(ONCE, { login });
  const connect = await peer.last.packet('connect');
  assert.deepEqual([peer.last.url, connect.clientId, connect.keepalive], ['ws://own.example/x', 'me', 7]);
  await client.publish('any/thing', 'x', { qos: 2, retain: true });
  await client.end();
  const failing = await rejection(peer.connect(ONCE, { login: () => Promise.reject(new Error('no luck')) }));
  assert.deepEqual([failing.code, failing.phase], ['credentials-failed', 'open']);
  assert.match(failing.message, /no luck/);
  const empty = await rejection(peer.connect(ONCE, { login: () => /** @type {any} */ ({}) }));
  assert.match(empty.message, /no URL/);
  const both = await rejection(peer.connect({ credentials: () => ({}) }, { login }));
  assert.equal(both.code, 'bad-option');
});
