// Connecting by a profile: what login() gives is what CONNECT has; the service's rules hold before anything is sent; tokens
// are renewed. With profiles of wasmqtt/providers, and with one of this file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore, MqttError } from '../../web/client/index.js';
import { aws, azureEventGrid, azureIotHub, clearblade } from 'wasmqtt/providers';
import { eventually, Peer, refused, rejection } from './peer.js';

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

for (const [detail, code, said, given] of /** @type {[string, string, RegExp, any][]} */ ([
  ['', 'open-failed', /HTTP 403.*session token.*region.*clock/, AWS],
  ['Unexpected server response: 403', 'http-status', /session token.*clock/, AWS],
  ['connect ECONNREFUSED 127.0.0.1:9001', 'refused-connection', /Is the server running/, AWS],
  ['', 'open-failed', /Is the server running/, { host: AWS.host, auth: 'authorizer' }],
])) {
  test(`a service that refuses before the WebSocket opens, and a profile that says what to check: ${code}, ${said}`, async () => {
    const webSocket = refused(detail);
    const error = await rejection(new Peer().connect({ webSocket, ...ONCE }, aws(given)));
    assert.equal(error.code, code);
    assert.match(error.hint, said);
    assert.doesNotMatch(error.message, /AKID|Signature/);
  });
}

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
  assert.match(error.message, /^AWS IoT Core: the highest QoS of a message is 1; publish with QoS 1 or less/);
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
  const [will, changed] = client.negotiated?.warnings ?? [];
  assert.match(will, /wills are not published/);
  assert.match(changed, /sessions are not kept/);
  for (let i = 0; i < 3; i++) await client.publish('/devices/d/events', 'x', { qos: 1, retain: true });
  const [, , retain, ...more] = client.negotiated?.warnings ?? [];
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

/**
 * A profile with rules of its own.
 * @param {Partial<import('../../web/client/profile.js').ProfileRules>} rules
 */
const ruled = (rules) => ({
  login: () => ({ url: 'ws://own.example' }),
  rules: () => ({
    checkConnect: () => [],
    checkPublish: () => [],
    checkSubscribe: () => [],
    get: () => undefined,
    pace: () => 0,
    ...rules,
  }),
});
/** One message a second. */
const slow = (action = 'adjust') =>
  ruled({ get: (name) => (name === 'publish-rate' ? { action, value: 1 } : undefined) });
const payloadsOf = (/** @type {import('./peer.js').PeerConnection} */ connection) =>
  connection.packets.filter(({ cmd }) => cmd === 'publish').map(({ payload }) => String(payload));

test('what a profile gives gives way to the options; its rules are asked about what comes of both', async () => {
  const peer = new Peer();
  /** @type {any[]} */
  const asked = [];
  const profile = {
    ...ruled({ checkConnect: (question) => (asked.push(question), []) }),
    login: () => ({ url: 'ws://own.example', clientId: 'theirs', protocols: ['theirs'], protocolVersions: [4] }),
  };
  const will = { topic: 'w', payload: 'gone', qos: /** @type {const} */ (1), retain: true };
  const options = { ...ONCE, clientId: 'mine', protocols: ['mine'], keepalive: 7, clean: false, will };
  const client = await peer.connect(options, /** @type {any} */ (profile));
  const { clientId } = await peer.last.packet('connect');
  assert.deepEqual([clientId, peer.last.protocols], ['mine', ['mine']]);
  assert.deepEqual(asked, [
    {
      ...{ version: 4, clean: false, keepalive: 7, clientId: 'mine', userProperties: false },
      will: { topic: 'w', payloadLength: 4, qos: 1, retain: true },
    },
  ]);
  await client.end();
});

test('rules are asked about text by its bytes, about identifiers, and about the version that is likely', async () => {
  const peer = new Peer();
  /** @type {any[]} */
  const asked = [];
  const long = { rule: 'payload-bytes', action: /** @type {const} */ ('refuse'), value: 5, message: 'No.' };
  const profile = {
    ...ruled({
      checkPublish: (topic, length, message, version) => (asked.push(version), length > 5 ? [long] : []),
      checkSubscribe: (filters, { subscriptionIdentifier }) => (asked.push(subscriptionIdentifier), []),
    }),
    login: () => ({ url: 'ws://own.example', protocolVersions: [4] }),
  };
  const { connect } = peer.answers;
  peer.answers.connect = () => {};
  const client = peer.createClient(ONCE, /** @type {any} */ (profile));
  const before = client.publish('t', 'eeeee', { qos: 1 }); // 15 bytes if each were of three
  connect(await (await peer.connection(1)).packet('connect'), peer.last);
  await before;
  for (const text of ['eeeeee', 'ééé', '€€']) assert.equal((await rejection(client.publish('t', text))).code, 'rule');
  assert.deepEqual([...new Set(asked.splice(0))], [4]);
  await client.subscribe('f', { properties: { subscriptionIdentifier: 7 } }, () => {});
  await client.subscribe('g', () => {});
  assert.deepEqual(asked, [true, false]);
  await client.end();
});

test('a warning of what waited for a connection is told on that one, and not on the next', async () => {
  const peer = new Peer();
  const warning = { rule: 'retain', action: /** @type {const} */ ('warn'), value: 0, message: 'It is not kept.' };
  const profile = ruled({ checkPublish: (topic, length, { retain }) => (retain ? [warning] : []) });
  const { connect } = peer.answers;
  peer.answers.connect = () => {};
  const client = peer.createClient({}, profile);
  await peer.connection(1);
  const sent = client.publish('t', 'x', { qos: 1, retain: true });
  const packet = await peer.last.packet('connect');
  peer.answers.connect = connect;
  connect(packet, peer.last);
  await sent;
  assert.deepEqual(client.negotiated?.warnings, ['It is not kept.']);
  peer.last.drop();
  await eventually(() => client.stats.connections === 2);
  assert.deepEqual(client.negotiated?.warnings, []);
  await client.end();
});

test('a connect rate: an attempt waits for its turn, and is not begun before', async () => {
  const peer = new Peer();
  const waits = [3, 1, 0];
  /** @type {(string | number)[]} */
  const told = [];
  const pace = (/** @type {string} */ name) => (told.push(name), waits.shift() ?? 0);
  const rules = ruled({ pace });
  const login = () => (told.push('login'), rules.login());
  const client = await peer.connect(ONCE, { ...rules, login });
  assert.deepEqual(told, ['connect-rate', 'connect-rate', 'connect-rate', 'login']);
  await client.end();
});

test('limits: the smaller of the option and the rule; a rate beyond what can be counted is none', async () => {
  const peer = new Peer();
  peer.answers.publish = () => {};
  const rules = ruled({
    get: (name) =>
      name === 'inflight'
        ? { action: 'adjust', value: 3 }
        : name === 'publish-rate'
          ? { action: 'adjust', value: 2e6 }
          : undefined,
  });
  const client = await peer.connect({ ...ONCE, maxInflight: 1 }, rules);
  for (const text of ['1', '2']) client.publish('t', text, { qos: 1 }).catch(() => {});
  await peer.last.packet('publish');
  assert.deepEqual([client.stats.inflight, client.stats.queued], [1, 1]);
  await client.end({ force: true });
});

test('an error of login() that is an MqttError stays as it is', async () => {
  const error = new MqttError('open', 'my-code', 'As I said.');
  const told = await rejection(new Peer().connect(ONCE, { login: () => Promise.reject(error) }));
  assert.equal(told, error);
});

test('a publish rate: messages wait for their turn, can be seen and taken back; end() awaits them', async () => {
  const peer = new Peer();
  const client = await peer.connect(ONCE, slow());
  const controller = new AbortController();
  const bytes = new Uint8Array([48]);
  const sent = [client.publish('t', 'first', { qos: 1 }), client.publish('t', bytes, { qos: 1 })];
  bytes[0] = 49; // it may change once publish() has returned
  const given = client.publish('t', 'never', { qos: 1, signal: controller.signal });
  const removed = client.publish('t', 'nor', { key: 'k' });
  const late = client.publish('t', 'late', { qos: 1, timeout: 5 });
  sent.push(client.publish('t', 'last'));
  assert.equal(client.stats.queued, 5);
  assert.equal(client.pending().length, 6);
  controller.abort();
  const aborted = await rejection(given);
  assert.deepEqual([aborted.code, aborted.sent], ['aborted', false]);
  assert.equal(client.remove('k'), 1);
  assert.equal((await rejection(removed)).code, 'removed');
  const timeout = await rejection(late);
  assert.deepEqual([timeout.code, timeout.sent], ['timeout', false]);
  await client.end();
  await Promise.all(sent);
  assert.deepEqual(payloadsOf(peer.last), ['first', '0', 'last']);
});

test('a publish rate: what publish() was given may change once it has returned', async () => {
  const peer = new Peer();
  const client = await peer.connect(ONCE, slow());
  const properties = { userProperties: { a: '0' }, correlationData: new Uint8Array([48]) };
  const large = new Uint8Array(20_000).fill(48);
  const options = { qos: /** @type {const} */ (1), properties };
  const sent = [client.publish('t', 'first'), client.publish('t', large, options)];
  large.fill(49);
  options.properties.userProperties.a = '1';
  properties.correlationData[0] = 49;
  await Promise.all(sent);
  const [, second] = peer.last.packets.filter(({ cmd }) => cmd === 'publish');
  assert.deepEqual(second.payload, Buffer.alloc(20_000, 48));
  assert.deepEqual({ ...second.properties.userProperties }, { a: '0' });
  assert.equal(String(second.properties.correlationData), '0');
  await client.end();
});

test('a publish rate holds for what waited for the connection', async () => {
  const peer = new Peer();
  const client = peer.createClient(ONCE, slow());
  client.on('error', () => {});
  const sent = [1, 2, 3].map((i) => client.publish('t', String(i), { qos: 1 }));
  await sent[0];
  assert.equal(client.stats.queued, 2);
  peer.last.drop();
  for (const promise of sent.slice(1)) assert.equal((await rejection(promise)).code, 'connection-ended');
  assert.deepEqual(payloadsOf(peer.last), ['1']);
});

test('a publish rate that only warns holds nothing back', async () => {
  const peer = new Peer();
  const client = await peer.connect(ONCE, slow('warn'));
  await Promise.all([1, 2, 3].map((i) => client.publish('t', String(i))));
  assert.equal(client.stats.queued, 0);
  await client.end();
});

test('messages that wait for their turn are bounded, and rejected when the client ends', async () => {
  const peer = new Peer();
  const client = await peer.connect({ ...ONCE, queue: { maxMessages: 3, maxBytes: 100 } }, slow());
  client.on('error', () => {});
  await client.publish('t', '0', { qos: 1 });
  const waiting = [1, 2].map((i) => client.publish('t', String(i), { qos: 1 }));
  for (const qos of /** @type {const} */ ([0, 1])) {
    assert.equal((await rejection(client.publish('t', 'x'.repeat(100), { qos }))).code, 'queue-full');
  }
  waiting.push(client.publish('t', '3', { qos: 1 }));
  assert.equal((await rejection(client.publish('t', '4', { qos: 1 }))).code, 'queue-full');
  peer.last.drop();
  for (const promise of waiting) assert.equal((await rejection(promise)).code, 'connection-ended');
  await eventually(() => client.state === 'ended');
});

/** Refuses what has "bad" in it. @param {{ on: boolean }} switched */
const choosy = (switched) => {
  const check = (/** @type {string} */ text) =>
    switched.on && text.includes('bad')
      ? [{ rule: 'topic', action: /** @type {const} */ ('refuse'), value: 0, message: 'No.' }]
      : [];
  return ruled({ checkPublish: check, checkSubscribe: ([{ filter }]) => check(filter) });
};

test('a filter that was wanted before the rules were known is refused by them, and is not sent', async () => {
  const peer = new Peer();
  const client = peer.createClient(ONCE, choosy({ on: true }));
  const bad = rejection(client.subscribe('bad', () => {}));
  await client.subscribe('good', () => {});
  const error = await bad;
  assert.deepEqual([error.code, error.rule], ['rule', 'topic']);
  const asked = peer.last.packets
    .filter(({ cmd }) => cmd === 'subscribe')
    .flatMap(({ subscriptions }) => subscriptions);
  assert.deepEqual(
    asked.map(({ topic }) => topic),
    ['good'],
  );
  await client.end();
});

test('messages and filters of an earlier life are refused by the rules of this one', async () => {
  const peer = new Peer();
  const options = /** @type {const} */ ({ ...ONCE, store: memoryStore(), clientId: 'a', clean: false, maxInflight: 1 });
  const rules = { on: false };
  const { publish } = peer.answers;
  peer.answers.publish = () => {};
  const first = await peer.connect(options, choosy(rules));
  first.on('error', () => {});
  for (const filter of ['bad', 'good']) await first.subscribe(filter, () => {});
  for (const topic of ['a', 'bad']) first.publish(topic, 'x', { qos: 1 }).catch(() => {});
  await first.stored();
  await peer.last.packet('publish');
  await first.end({ force: true });

  rules.on = true;
  peer.answers.publish = publish;
  /** @type {any[]} */
  const told = [];
  const client = peer.createClient(options, choosy(rules));
  client.on('error', (error) => told.push(error));
  client.on('settled', ({ topic, error }) => told.push(topic, error?.code));
  await client.ready;
  await eventually(() => told.length === 5);
  assert.deepEqual(told.map((one) => one?.rule ?? one).sort(), ['a', 'bad', 'rule', 'topic', undefined]);
  const topics = peer.last.packets.flatMap(({ cmd, topic, subscriptions }) =>
    cmd === 'publish' ? topic : cmd === 'subscribe' ? subscriptions[0].topic : [],
  );
  assert.deepEqual(topics.sort(), ['a', 'good']);
  await client.end();
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
