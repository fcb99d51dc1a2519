// src/provider through dist/providers.single.js: the vectors, byte for byte; forms and faults; rules; topics.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compile, Core } from '../../wasm/core.js';
import { signWithFixedNonce } from '../vectors/es256.js';
import { readVectors, runVector } from '../vectors/provider.js';
import { loadProviders } from 'wasmqtt/providers';

const read = (/** @type {string} */ path) => readFileSync(new URL(`../../${path}`, import.meta.url));
const module = await compile(read('dist/wasmqtt.wasm'));
const providers = await loadProviders();
const vectors = readVectors(read('tests/vectors/provider/login.txt').toString());

test('there are as many vectors as the file has titles', () => {
  assert.ok(vectors.length > 30, String(vectors.length));
  for (const { title, wants } of vectors) assert.ok(wants.length > 0, title);
});

for (const vector of vectors) {
  test(`vector: ${vector.title}`, async () => {
    assert.deepEqual(await runVector(vector, { providers, Core, module }), []);
  });
}

test('ES256 with the nonce of RFC 6979, byte for byte', async () => {
  const restore = signWithFixedNonce();
  try {
    const some = vectors.filter(({ wants }) => wants.some(({ name }) => name === 'es256'));
    assert.ok(some.length > 0);
    for (const vector of some) assert.deepEqual(await runVector(vector, { providers, Core, module, exact: true }), []);
  } finally {
    restore();
  }
});

/* ------------------------------------------------------------------------------------------------ forms */

test('every service has a form whose fields are whole', () => {
  const { services } = providers;
  assert.equal(services.length, 13);
  assert.deepEqual(services[0].versions, [5, 4]);
  assert.equal(services[0].noOperator, null);
  const hub = providers.service('azure-iot-hub');
  assert.equal(hub.title, 'Azure IoT Hub');
  assert.match(hub.noOperator ?? '', /^An IoT Hub .*\.$/);
  const field = (/** @type {string} */ name) => hub.fields.find((one) => one.name === name);
  assert.deepEqual(
    field('auth')?.choices?.map(({ value }) => value),
    ['device', 'module', 'policy', 'dps', 'dps-group'],
  );
  assert.equal(field('auth')?.choices?.[3].label, 'Individual enrolment (DPS)');
  assert.deepEqual(field('module')?.when, ['module']);
  assert.deepEqual([field('ttl')?.initial, field('ttl')?.min, field('ttl')?.max], ['3600', 60, 31536000]);
  assert.deepEqual([field('key')?.kind, field('key')?.secret, field('key')?.required], ['base64', true, true]);
  assert.deepEqual([field('host')?.kind, field('host')?.secret, field('host')?.required], ['host', false, false]);
  for (const { name, fields } of services) {
    for (const { name: field, kind, label, initial, choices } of fields) {
      assert.ok(kind && label, `${name}, ${field}`);
      assert.equal(choices !== undefined, kind === 'choice');
      for (const choice of choices ?? []) assert.match(choice.label, /^[A-Z]/, `${name}, ${field}`);
      if (choices) assert.equal(initial, choices[0].value);
    }
    const secret = fields.filter(({ secret }) => secret).map(({ kind }) => kind);
    for (const kind of secret) assert.match(kind, /^(password|key|base64|private-key)$/);
  }
});

test('what is wrong with a value is told by field, code and sentence, never with the value', () => {
  const values = { host: 'HostName=h.azure-devices.net;x', device: 'd', key: 'c2VjcmV0' };
  assert.deepEqual(
    { ...providers.check('azure-iot-hub', values), message: '' },
    { code: 'provider-connection-string', field: 'host', message: '' },
  );
  assert.equal(providers.check('azure-iot-hub', { ...values, host: 'h.azure-devices.net' }), null);
  assert.equal(providers.check('azure-iot-hub', {})?.code, 'provider-missing');
  assert.equal(providers.check('broker', { url: `ws://${'x'.repeat(100_000)}` })?.code, 'provider-too-long');
  assert.throws(() => providers.check('nobody', {}), { code: 'provider-service' });
  assert.throws(() => providers.check('broker', { host: 'x' }), { code: 'provider-field', message: /url/ });
});

test('a login that fails says where, without the value', async () => {
  const values = { host: 'h.azure-devices.net', device: 'd', key: 'this is my secret' };
  await assert.rejects(providers.login('azure-iot-hub', values), (/** @type {any} */ error) => {
    assert.equal(error.name, 'ProviderError');
    assert.deepEqual([error.code, error.field, error.phase], ['provider-space', 'key', 'options']);
    assert.match(error.message, /^Azure IoT Hub, Key: There is a space/);
    assert.doesNotMatch(JSON.stringify({ ...error, message: error.message }), /my secret/);
    return true;
  });
});

test('without a secure context, the error says so', async (t) => {
  const values = { host: 'h.azure-devices.net', device: 'd', key: 'c2VjcmV0' };
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  t.mock.getter(globalThis, 'crypto', () => ({ getRandomValues }));
  await assert.rejects(providers.login('azure-iot-hub', values), {
    code: 'provider-insecure',
    message: /secure context/,
  });
});

/* ------------------------------------------------------------------------------------------------ rules */

const AWS = { service: 'aws', device: 'sensor', scope: 'devices' };

test('rules: what AWS refuses, in words; nothing is made when all is well', async () => {
  const { rules } = await providers.open(AWS);
  const none = rules.checkPublish('a/b', 10, { qos: 1 }, 5);
  assert.equal(none.length, 0);
  assert.equal(rules.checkPublish('a/b', 10), none, 'the same array');
  const [qos, ...more] = rules.checkPublish('a/b', 10, { qos: 2 });
  assert.deepEqual({ ...qos, message: '' }, { rule: 'qos', action: 'refuse', value: 1, index: 0, message: '' });
  assert.match(qos.message, /^AWS IoT Core: the highest QoS of a message is 1; publish with QoS 1 or less/);
  assert.deepEqual(more, []);
  const names = (/** @type {readonly { rule: string }[]} */ findings) => findings.map(({ rule }) => rule);
  assert.deepEqual(names(rules.checkPublish('$aws/nothing', 131073, { retain: true })), [
    'retain',
    'payload-bytes',
    'topic',
  ]);
  assert.deepEqual(names(rules.checkPublish('ä'.repeat(129), 0)), ['topic-bytes']);
  const ten = Array.from({ length: 10 }, (_, i) => ({ filter: `f/${i}`, qos: i === 3 ? 2 : 1, retainHandling: 2 }));
  const findings = rules.checkSubscribe(ten, { subscriptionIdentifier: true }, 45);
  assert.deepEqual(names(findings), ['subscribe-qos', 'subscription-id', 'filters-at-once', 'filters']);
  assert.equal(findings[0].index, 3);
  assert.deepEqual([findings[2].action, findings[2].value], ['adjust', 8]);
});

test('rules: CONNECT', async () => {
  const { rules } = await providers.open({ service: 'azure-iot-hub', device: 'd', scope: '' });
  const connect = { version: 4, clean: false, keepalive: 240, clientId: 'd' };
  const names = (/** @type {object} */ more) => rules.checkConnect({ ...connect, ...more }).map(({ rule }) => rule);
  assert.deepEqual(names({}), []);
  assert.deepEqual(names({ version: 5 }), ['version']);
  assert.deepEqual(names({ keepalive: 0 }), ['keep-alive-max']);
  assert.deepEqual(names({ will: { topic: 'x', payloadLength: 1, qos: 2, retain: true } }), [
    'qos',
    'retain',
    'will-topic',
  ]);
  assert.deepEqual(names({ will: { topic: 'devices/d/messages/events/', payloadLength: 300_000 } }), ['payload-bytes']);
  const grid = await providers.open({ service: 'azure-event-grid', device: 'd', scope: 'devices' });
  const five = { ...connect, version: 5, userProperties: true };
  assert.deepEqual(
    grid.rules.checkConnect(five).map(({ rule }) => rule),
    ['connect-properties'],
  );
});

test('rules: a user knows better; plans have rules of their own', async () => {
  const overrides = {
    qos: 2,
    'payload-bytes': /** @type {const} */ (false),
    retain: { action: /** @type {const} */ ('warn'), value: 0 },
  };
  const { rules } = await providers.open(AWS, { overrides });
  const findings = rules.checkPublish('a', 200_000, { qos: 2, retain: true });
  assert.deepEqual(
    findings.map(({ rule, action }) => [rule, action]),
    [['retain', 'warn']],
  );
  assert.deepEqual(rules.get('qos'), { action: 'refuse', value: 2 });
  assert.equal(rules.get('payload-bytes'), undefined);
  for (const wrong of [{ nothing: 1 }, { qos: -1 }, { qos: { action: 'maybe', value: 1 } }, { qos: 1.5 }]) {
    await assert.rejects(providers.open(AWS, { overrides: /** @type {any} */ (wrong) }), { code: 'provider-rule' });
  }
  const scaleway = { service: 'scaleway', device: 'd', scope: 'devices' };
  const shared = await providers.open(scaleway, { values: { plan: 'shared' } });
  const dedicated = await providers.open(scaleway, { values: { plan: 'dedicated' } });
  assert.notDeepEqual(shared.rules.get('qos'), dedicated.rules.get('qos'));
});

test('rules: a pace', async () => {
  const { rules } = await providers.open(AWS, { overrides: { 'publish-rate': 2 } });
  assert.deepEqual(
    [1, 2, 3].map(() => rules.pace('publish-rate', 1000)),
    [0, 0, 500],
  );
  assert.equal(rules.pace('publish-rate', 1500), 0);
  const { rules: free } = await providers.open(AWS, { overrides: { 'publish-rate': false } });
  for (let i = 0; i < 1000; i++) assert.equal(free.pace('publish-rate', 0), 0);
});

/* ------------------------------------------------------------------------------------------------ topics */

test('topics: made, read back, subscribed to', async () => {
  const { topics } = await providers.open({ service: 'azure-iot-hub', device: 'd', scope: '' });
  const bag = { 'iothub-creation-time-utc': '2026-01-01T00:00:00Z', 'ä b': '/', alone: null };
  const topic = topics.build('telemetry', { bag });
  assert.equal(
    topic,
    'devices/d/messages/events/iothub-creation-time-utc=2026-01-01T00%3A00%3A00Z&%C3%A4%20b=%2F&alone',
  );
  assert.deepEqual(topics.filters('command', 'desired'), [
    '$iothub/methods/POST/#',
    'devices/d/messages/devicebound/#',
    '$iothub/twin/PATCH/properties/desired/#',
  ]);
  const command = topics.read('$iothub/methods/POST/reboot/?$rid=7');
  assert.deepEqual(command, {
    ...{ kind: 'command', status: 0, device: '', scope: '', name: 'reboot', request: '7', bag: { $rid: '7' } },
  });
  assert.equal(topics.build('answer', { status: 200, request: '7' }), '$iothub/methods/res/200/?$rid=7');
  const message = topics.read('devices/d/messages/devicebound/a=1&b');
  assert.deepEqual([message?.kind, message?.bag], ['command', { a: '1', b: null }]);
  assert.equal(topics.read('elsewhere'), null);
  assert.throws(() => topics.build('job-next'), { code: 'provider-topic' });
  assert.throws(() => topics.build('answer', { status: 200, request: 'a/b' }), { message: /character/ });
  assert.throws(() => topics.build('telemetry', { bag: { a: 'x'.repeat(9000) } }), { message: /long/ });
  assert.throws(() => topics.build(/** @type {any} */ ('nothing')), { code: 'provider-topic' });
});

test('topics: an operator reads those of devices', async () => {
  const { topics } = await providers.open({ service: 'broker', device: '', scope: 'devices' });
  assert.deepEqual(topics.filters('telemetry'), ['devices/+/telemetry']);
  const parts = topics.read('devices/pump/telemetry');
  assert.deepEqual([parts?.kind, parts?.device], ['telemetry', 'pump']);
  assert.equal(topics.build('command', { device: 'pump', name: 'stop' }), 'devices/pump/commands/stop');
});

/* ------------------------------------------------------------------------------------------------ SmartREST */

test('SmartREST: rows are written, checked, and cut between rows', async () => {
  const smartrest = await providers.smartrest();
  assert.deepEqual(
    smartrest.write('s/us', [
      ['100', 'my, device', 'type'],
      ['200', 'T', 'c', 21.5],
    ]),
    ['100,"my, device",type\n200,T,c,21.5'],
  );
  assert.throws(
    () =>
      smartrest.write('s/us', [
        ['100', 'a', 'b'],
        ['200', 'T', 'c', 'warm'],
      ]),
    {
      code: 'provider-row',
      message: /^Row 2: 200 \w+, argument 3 \(value\): .* a number$/,
    },
  );
  for (const none of [undefined, null, {}, ['x'], NaN, Infinity, 'half \ud83d', '\ude00', Symbol('x'), 1n]) {
    const row = ['400', 'type', /** @type {any} */ (none)];
    assert.throws(() => smartrest.write('s/us', [['400', 'a', 'b'], row]), {
      code: 'provider-argument',
      message: /^Row 2, field 3: /,
    });
  }
  assert.deepEqual(smartrest.write('s/us', [['503', 'c8y_X', true, '', -0.5, '\u{1f600}']]), [
    '503,c8y_X,true,,-0.5,😀',
  ]);
  assert.throws(() => smartrest.write('elsewhere', [['100']]), { code: 'provider-topic' });
  const rows = Array.from({ length: 1000 }, (_, i) => ['200', 'T', 'c', i]);
  const payloads = smartrest.write('s/us', rows, 1000);
  assert.ok(payloads.length > 10 && payloads.every((text) => text.length <= 1000));
  assert.equal(payloads.join('\n').split('\n').length, 1000);
  // A payload of 'x' that fills the packet, of 3 + 2 + 4 + 2 bytes and itself, and one that is a byte too long.
  const row = (/** @type {number} */ length) => [['100', 'x'.repeat(length - 4)]];
  assert.equal(smartrest.write('s/us', row(16184 - 11))[0].length, 16173);
  assert.throws(() => smartrest.write('s/us', row(16184 - 10)), { code: 'provider-row' });
});

test('SmartREST: rows are read, named, and a malformed one costs itself only', async () => {
  const smartrest = await providers.smartrest();
  const read = (/** @type {string} */ text) => /** @type {any[]} */ (smartrest.read('s/ds', text));
  const [restart, other] = read('510,serial\r\n999,"say ""hi""",x');
  assert.deepEqual([restart.id, restart.name, restart.fields], ['510', 'c8y_Restart', ['510', 'serial']]);
  assert.deepEqual(Object.values(restart.args), ['serial']);
  assert.deepEqual(other, { id: '999', name: '', fields: ['999', 'say "hi"', 'x'], args: {} });
  const [bad, good] = read('510,a"b\n510,c');
  assert.deepEqual([bad.line, bad.column], [1, 6]);
  assert.match(bad.error, /./);
  assert.equal(good.fields[1], 'c');
  const long = read(Array.from({ length: 20_000 }, (_, i) => `510,s${i}`).join('\n'));
  assert.equal(long.length, 20_000, 'over the edge of the scratch area');
  assert.equal(long[19_999].fields[1], 's19999');
});
