// What src/provider signs in with, compared with the services' own code over random values: as a URL, a token or a packet,
// whole, not only accepted. Where the vendor's code is known to be wrong, or to write the same thing in another way, the test
// says so.
//
// RUNS=5000 for more runs of each than usual, SEED=n for others; a failure prints seed and path, and the shortest that fails.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import azure from 'azure-iot-common';
import fc from 'fast-check';
import { jwtVerify } from 'jose';
import { generate } from 'mqtt-packet';
import { compile, Core } from '../../wasm/core.js';
import { loadProviders } from '../../web/providers/index.js';
import { runVector } from '../vectors/provider.js';
import { deviceKey } from './azure_sas.js';

const RUNS = Number(process.env.RUNS ?? 200);
const SEED = Number(process.env.SEED ?? 1);

const wasm = (/** @type {string} */ name) => readFileSync(new URL(`../../dist/${name}.wasm`, import.meta.url));
const providers = await loadProviders({ wasm: wasm('providers') });
const module = await compile(wasm('wasmqtt'));

/** Parts of packages that they do not list, without types. @type {(path: string) => any} */
const load = createRequire(import.meta.url);
const awsLegacy = load('aws-iot-device-sdk/device/index.js');
const awsUrl = load('aws-crt/dist.browser/browser/ws.js');
const awsAuthorizer = load('aws-crt/dist.browser/common/aws_iot_shared.js');
const aliyun = {
  Model: load('aliyun-iot-device-sdk/lib/model.js'),
  ...load('aliyun-iot-device-sdk/lib/utils.js'),
};
const alibabacloud = load('alibabacloud-iot-device-sdk/lib/model.js');

/** @typedef {Record<string, string>} Values */

/**
 * The same for RUNS values at random.
 * @template T
 * @param {fc.Arbitrary<T>} values
 * @param {(values: T) => Promise<void>} compare
 */
function compared(values, compare) {
  return fc.assert(fc.asyncProperty(values, compare), { numRuns: RUNS, seed: SEED });
}

// ------------------------------------------------------------------------------------------------ values

/** @param {string} chars @param {number} [min] @param {number} [max] */
const of = (chars, min = 1, max = 40) => fc.string({ unit: fc.constantFrom(...chars), minLength: min, maxLength: max });

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
const ALNUM = LETTERS + LETTERS.toUpperCase() + DIGITS;
const VISIBLE = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join('');

const label = fc.tuple(of(LETTERS, 1, 1), of(`${LETTERS}${DIGITS}`, 0, 20)).map((parts) => parts.join(''));
const port = fc.option(fc.integer({ min: 1, max: 65535 }), { nil: 443 });
/** Any text that a field takes: unicode, special characters, spaces inside. */
const text = fc
  .string({
    unit: fc.oneof(fc.constantFrom(...VISIBLE, ' '), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })),
  })
  .filter((some) => some !== '' && some.trim() === some && !/\p{C}/u.test(some));
const id = text.filter((some) => !/[/+#]/.test(some));
/** As keys and tokens are. */
const key = of(VISIBLE, 1, 90).filter((some) => !/SharedAccess|aws_|^A[KS]IA/.test(some));
const base64 = fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const maybe = (/** @type {fc.Arbitrary<string>} */ some) => fc.option(some, { nil: '' });
const seconds = fc.integer({ min: 0, max: 4_102_444_800 }); // to 2100

/** @param {string} host @param {number} port */
const withPort = (host, port) => (port === 443 ? host : `${host}:${port}`);

/** RFC 3986, with which the services' own code differs in the case of hex digits. */
const encoded = (/** @type {string} */ some) =>
  encodeURIComponent(some).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

// ------------------------------------------------------------------------------------------------ AWS

const endpoint = fc.oneof(
  fc
    .record({ prefix: label, region: fc.constantFrom('us-east-1', 'eu-central-1', 'ap-southeast-2', 'us-gov-west-1') })
    .map(({ prefix, region }) => ({ host: `${prefix}-ats.iot.${region}.amazonaws.com`, region, china: false })),
  fc.record({ prefix: label, region: fc.constantFrom('cn-north-1', 'cn-northwest-1') }).map(({ prefix, region }) => ({
    host: `${prefix}.ats.iot.${region}.amazonaws.com.cn`,
    region,
    china: true,
  })),
);
const keys = { secret: key, now: seconds, mixedCase: fc.boolean(), regionGiven: fc.boolean() };

/** @param {{ host: string, region: string }} endpoint @param {number} port @param {any} keys */
function sigv4Form({ host, region }, port, { accessKey, secret, token, mixedCase, regionGiven }) {
  return {
    ...{
      host: withPort(mixedCase ? host.toUpperCase() : host, port),
      auth: 'sigv4',
      region: regionGiven ? region : '',
    },
    ...{ 'access-key': accessKey, 'secret-key': secret, 'session-token': token },
  };
}

test('SigV4: URLs as aws-iot-device-sdk and aws-crt make them, with and without a token, ports, China', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  const values = { ...keys, accessKey: of(ALNUM, 16, 24), token: maybe(of(`${ALNUM}+/=`, 1, 1200)) };
  await compared(fc.record({ endpoint, port, keys: fc.record(values) }), async ({ endpoint, port, keys }) => {
    const { host, region, china } = endpoint;
    const { accessKey, secret, token, now } = keys;
    const { url } = await providers.login('aws', sigv4Form(endpoint, port, keys), { now: now * 1000 });
    t.mock.timers.setTime(now * 1000);
    assert.equal(url, awsLegacy.prepareWebSocketUrl({ host, port, region }, accessKey, secret, token || undefined));
    const credentials = { aws_access_id: accessKey, aws_secret_key: secret, aws_region: region, aws_sts_token: token };
    const config = { service: 'iotdevicegateway', credentials, date: new Date(now * 1000) };
    const crt = awsUrl.create_websocket_url({
      host_name: host,
      port,
      websocket: { create_signing_config: () => config },
    });
    // With a port of its own, aws-crt signs another Host header than a browser sends, and leaves the port out of the URL.
    if (port === 443) assert.equal(url, crt);
    // In China, the region that it finds is the label "iot".
    assert.equal(awsAuthorizer.extractRegionFromEndpoint(host), china ? 'iot' : region);
  });
});

test('SigV4 with X-Amz-Expires: the signature of @smithy/signature-v4, the token unsigned behind it', async () => {
  const values = {
    ...keys,
    accessKey: key,
    token: maybe(of(VISIBLE, 1, 1200)),
    expires: fc.integer({ min: 1, max: 604800 }),
  };
  await compared(fc.record({ endpoint, port, keys: fc.record(values) }), async ({ endpoint, port, keys }) => {
    const { accessKey, secret, token, expires, now } = keys;
    const form = { ...sigv4Form(endpoint, port, keys), expires: String(expires) };
    const { url } = await providers.login('aws', form, { now: now * 1000 });
    /** @param {object} more @returns {Promise<any>} */
    const signed = async (more) => {
      const credentials = { accessKeyId: accessKey, secretAccessKey: secret, ...more };
      const service = 'iotdevicegateway';
      const signer = new SignatureV4({ credentials, region: endpoint.region, service, sha256: Sha256 });
      const host = withPort(endpoint.host, port);
      const request = { method: 'GET', protocol: 'wss:', hostname: endpoint.host, path: '/mqtt', headers: { host } };
      const options = { expiresIn: expires, signingDate: new Date(now * 1000) };
      return (await signer.presign(/** @type {any} */ ({ ...request, query: {} }), options)).query;
    };
    const { 'X-Amz-Signature': signature, ...query } = await signed({});
    const names = Object.keys(query).sort();
    const pairs = names.map((name) => `${name}=${encoded(query[name])}`).join('&');
    const end = token && `&X-Amz-Security-Token=${encoded(token)}`;
    assert.equal(url, `wss://${withPort(endpoint.host, port)}/mqtt?${pairs}&X-Amz-Signature=${signature}${end}`);
    // It signs a token as other services want it: with a token, it is no example.
    if (token) assert.notEqual((await signed({ sessionToken: token }))['X-Amz-Signature'], signature);
  });
});

const authorizer = fc.record({
  authorizer: maybe(text),
  token: fc.option(fc.record({ 'token-key': text, token: key, 'token-signature': base64 }), { nil: undefined }),
  escaped: fc.boolean(),
  username: maybe(
    fc.oneof(
      text.filter((some) => !some.includes('?')),
      fc.constant('me?SDK=JavaScript&Version=2.2.16'),
    ),
  ),
  password: maybe(text),
  endpoint,
  port,
});

test('custom authorizer in CONNECT: the user name of aws-crt’s builders', async () => {
  await compared(authorizer, async ({ authorizer, token, escaped, username, password, endpoint, port }) => {
    const host = withPort(endpoint.host, port);
    const signature = token && (escaped ? encoded(token['token-signature']) : token['token-signature']);
    const form = { host, auth: 'authorizer-connect', authorizer, username, password, ...token };
    const login = await providers.login('aws', { ...form, ...(token && { 'token-signature': signature }) });
    const fields = { tokenKeyName: token?.['token-key'], tokenValue: token?.token, tokenSignature: signature };
    const config = { ...fields, authorizerName: authorizer, username };
    const built = awsAuthorizer.buildMqtt5FinalUsername(awsAuthorizer.canonicalizeCustomAuthConfig(config));
    // Without parameters, its question mark has nothing behind it.
    const wanted = authorizer || token ? built : username || (password && '');
    assert.equal(login.username ?? '', wanted);
    assert.equal(login.password ?? '', password);
    assert.equal(login.url, `wss://${host}/mqtt`);
    // The builder for 3.1.1 has the parameters in another order, and adds no name to a value that holds it.
    const signed = awsAuthorizer.canonicalizeCustomAuthTokenSignature(signature) ?? '';
    const words = ['x-amz-customauthorizer-', `${token?.['token-key']}=`];
    if (![authorizer, token?.token ?? '', username].some((value) => words.some((word) => value.includes(word)))) {
      const old = awsAuthorizer.populate_username_string_with_custom_authorizer(
        ...['', username, authorizer, signed, '', token?.['token-key'], token?.token],
      );
      const parts = (/** @type {string} */ name) => name.split(/[?&]/).sort();
      assert.deepEqual(parts(login.username ?? ''), parts(old));
    }
  });
});

test('custom authorizer in the URL: aws-iot-device-sdk’s URL, with parameters that decode to what was filled in', async () => {
  await compared(authorizer, async ({ authorizer, token, escaped, username, password, endpoint, port }) => {
    const signature = token && (escaped ? encoded(token['token-signature']) : token['token-signature']);
    const form = { host: withPort(endpoint.host, port), auth: 'authorizer', authorizer, username, password, ...token };
    const login = await providers.login('aws', { ...form, ...(token && { 'token-signature': signature }) });
    const pairs = [
      ...(authorizer ? [['x-amz-customauthorizer-name', authorizer]] : []),
      ...(token ? [[token['token-key'], token.token]] : []),
      ...(token ? [['x-amz-customauthorizer-signature', token['token-signature']]] : []),
    ];
    const query = pairs.map((pair) => pair.map(encoded).join('=')).join('&');
    const options = { host: endpoint.host, port, customAuthQueryString: query && `?${query}` };
    assert.equal(login.url, awsLegacy.prepareWebSocketCustomAuthUrl(options));
    assert.deepEqual([...new URL(login.url).searchParams], pairs);
    assert.deepEqual([login.username ?? '', login.password ?? ''], [username, password]);
  });
});

// ------------------------------------------------------------------------------------------------ Azure

/** As Azure's code encodes, but for its lower case in %2a and its kin: both are valid, since what is sent is what is signed. */
const strict = (/** @type {string} */ some) =>
  azure.encodeUriComponentStrict(some).replace(/%../g, (hex) => hex.toUpperCase());

/** @param {string} resource @param {string} policy @param {string} key @param {number} expires */
function token(resource, policy, key, expires) {
  const signed = azure.SharedAccessSignature.create(strict(resource), policy, key, expires);
  return `${signed}`.replace(/&skn=[^&]*/, policy && `&skn=${strict(policy)}`);
}

const hub = fc.record({ name: label, port }).map(({ name, port }) => withPort(`${name}.azure-devices.net`, port));
const device = fc.oneof(
  of(`${ALNUM}-.%_*?!(),:=@$'`, 1, 128),
  id.filter((some) => Buffer.byteLength(some) < 129),
);
const ttl = fc.integer({ min: 60, max: 31_536_000 });
const azureForm = { hub, device, module: id, key: base64, policy: text, ttl, now: seconds };

test('Azure IoT Hub: the tokens of azure-iot-common, of a device, a module and a policy', async () => {
  await compared(fc.record(azureForm), async ({ hub, device, module, key, policy, ttl, now }) => {
    const expires = now + ttl;
    const own = `${hub}/devices/${device}`;
    const version = azure.endpoint.versionQueryString().replace(/=.*/, '=2021-04-12');
    const rows = /** @type {[Values, string, string, string][]} */ ([
      [{ auth: 'device' }, own, '', device],
      [{ auth: 'module', module }, `${own}/modules/${module}`, '', `${device}/${module}`],
      [{ auth: 'policy', policy }, own, policy, device],
      [{ auth: 'policy', policy, 'policy-scope': 'hub' }, hub, policy, device],
    ]);
    for (const [values, resource, name, clientId] of rows) {
      const form = { ...values, host: hub, device, key, ttl: String(ttl) };
      const login = await providers.login('azure-iot-hub', form, { now: now * 1000 });
      assert.equal(login.password, token(resource, name, key, expires));
      assert.deepEqual([login.clientId, login.username], [clientId, `${hub}/${clientId}/${version}`]);
      assert.equal(login.url, `wss://${hub}/$iothub/websocket?iothub-no-client-cert=true`);
      assert.equal(login.expires, expires * 1000);
    }
  });
});

test('Azure DPS: the tokens of azure-iot-common for registering, and then the hub; a group’s keys', async () => {
  const values = fc.record({ ...azureForm, scope: id, registration: maybe(device) });
  await compared(values, async ({ hub, device, key, ttl, now, scope, registration }) => {
    const expires = now + ttl;
    const name = registration || device;
    const resource = `${scope}/registrations/${name}`;
    const own = { dps: key, 'dps-group': deviceKey(key, name) };
    for (const auth of /** @type {const} */ (['dps', 'dps-group'])) {
      const form = { auth, device, registration, key, 'id-scope': scope, ttl: String(ttl) };
      const first = await providers.login('azure-iot-hub', form, { now: now * 1000 });
      assert.equal(first.password, token(resource, 'registration', own[auth], expires));
      assert.deepEqual([first.clientId, first.username], [name, `${resource}/api-version=2019-03-31`]);
      assert.equal(first.seat.device, name);
      const second = await providers.login('azure-iot-hub', { ...form, host: hub }, { now: now * 1000 });
      assert.equal(second.password, token(`${hub}/devices/${device}`, '', own[auth], expires));
      assert.equal(second.clientId, device);
    }
  });
});

// ------------------------------------------------------------------------------------------------ JWT

const RSA = Array.from({ length: 3 }, () => generateKeyPairSync('rsa', { modulusLength: 2048 }));
const EC = Array.from({ length: 20 }, () => generateKeyPairSync('ec', { namedCurve: 'P-256' }));

for (const [alg, pairs] of /** @type {const} */ ([
  ['RS256', RSA],
  ['ES256', EC],
])) {
  test(`ClearBlade: tokens with ${alg} that jose takes`, async () => {
    const values = fc.record({
      ...{
        pair: fc.constantFrom(...pairs),
        form: fc.constantFrom('pem', 'base64', 'jwk'),
        now: seconds,
        ttl: fc.integer({ min: 60, max: 86400 }),
      },
      ...{ project: id.filter((some) => !/["\\A-Z]/.test(some)), region: id, registry: id, device: id },
    });
    await compared(values, async ({ pair, form, now, ttl, ...names }) => {
      const pem = `${pair.privateKey.export({ type: 'pkcs8', format: 'pem' })}`;
      const key = {
        pem,
        base64: pem.replace(/-----.*?-----|\n/g, ''),
        jwk: JSON.stringify(pair.privateKey.export({ format: 'jwk' })),
      }[form];
      const filled = { ...names, key, url: 'wss://gateway.example/mqtt', ttl: String(ttl) };
      const login = await providers.login('clearblade', filled, { now: now * 1000 });
      const options = { currentDate: new Date(now * 1000), audience: names.project, algorithms: [alg] };
      const { payload, protectedHeader } = await jwtVerify(login.password ?? '', pair.publicKey, options);
      assert.deepEqual(protectedHeader, { alg, typ: 'JWT' });
      assert.deepEqual(payload, { iat: now, exp: now + ttl, aud: names.project });
      await assert.rejects(jwtVerify(login.password ?? '', pairs[pairs.indexOf(pair) ? 0 : 1].publicKey, options));
    });
  });
}

// ------------------------------------------------------------------------------------------------ Alibaba

/** The host's name begins with it. */
const product = of(`${ALNUM}-`, 1, 20).filter((some) => !/^-|-$/.test(some));
const alibabaForm = { product, device: id.filter((some) => !/[|&]/.test(some)), secret: key, now: seconds };

/** What stands between the bars of a client id; aliyun-iot-device-sdk has line feeds there. @param {string} clientId */
function parameters(clientId) {
  const [bare, list] = clientId.split('|');
  const pairs = list.split(',').map((pair) => pair.trim().split('='));
  return { bare, ...Object.fromEntries(pairs.filter(([name]) => name !== 'lan' && name !== '_v')) };
}

for (const method of ['sha1', 'sha256']) {
  test(`Alibaba, hmac${method}: the logins of aliyun-iot-device-sdk${method === 'sha1' ? ' and the other one' : ''}`, async () => {
    const client = id.filter((some) => !some.includes('|') && Buffer.byteLength(some) <= 64);
    const timestamp = of(DIGITS, 1, 20);
    const values = fc.record({ ...alibabaForm, client, timestamp, tls: fc.boolean() });
    await compared(values, async ({ product, device, secret, client, timestamp, tls, now }) => {
      const form = { product, device, secret, client, timestamp, tls, 'sign-method': `hmac${method}` };
      const login = await providers.login('alibaba', form, { now: now * 1000 });
      const names = { productKey: product, deviceName: device, deviceSecret: secret };
      const vendor = (/** @type {any} */ Model) =>
        Object.assign(new Model({ ...names, tls, signAlgorithm: method }), {
          clientId: client,
          timestamp,
        }).genConnectPrarms();
      const wanted = vendor(aliyun.Model);
      assert.deepEqual([login.username, login.password], [wanted.username, wanted.password]);
      assert.deepEqual(parameters(login.clientId), parameters(wanted.clientId));
      assert.equal(new URL(login.url).protocol, tls ? 'wss:' : 'ws:');
      // alibabacloud-iot-device-sdk says hmacsha256 if it is told so, and makes the HMAC with SHA-1 all the same.
      const other = vendor(alibabacloud);
      assert.equal(other.password === login.password, method === 'sha1');
      assert.deepEqual(parameters(login.clientId), parameters(other.clientId));
    });
  });
}

test('Alibaba without a timestamp, and dynamic registration: node:crypto, since no vendor’s code has them', async () => {
  const sign = fc.constantFrom('sha1', 'sha256');
  await compared(fc.record({ ...alibabaForm, sign }), async ({ product, device, secret, sign, now }) => {
    const form = { product, device, 'sign-method': `hmac${sign}` };
    const hmac = (/** @type {string} */ content) => createHmac(sign, secret).update(content).digest('hex');
    const login = async (/** @type {Values} */ more) => {
      const { clientId, password } = await providers.login('alibaba', { ...form, ...more }, { now: now * 1000 });
      return { ...parameters(clientId), password };
    };
    const bare = `${product}.${device}`;
    const common = { bare, signmethod: `hmac${sign}` };
    assert.deepEqual(await login({ auth: 'device', secret }), {
      ...{ ...common, securemode: '2' },
      password: hmac(`clientId${bare}deviceName${device}productKey${product}`),
    });
    for (const [auth, securemode, authType] of [
      ['register', '2', 'register'],
      ['register-new', '-2', 'regnwl'],
    ]) {
      const { random, ...rest } = /** @type {any} */ (await login({ auth, 'product-secret': secret }));
      const password = hmac(`deviceName${device}productKey${product}random${random}`);
      assert.match(random, /^\d+$/);
      assert.deepEqual(rest, { ...common, securemode, authType, password });
    }
  });
});

// ------------------------------------------------------------------------------------------------ packets

/** Of our client in runVector(). */
const LARGEST = { maximumPacketSize: 268_435_455 };

/**
 * The login's CONNECT, as our client makes it, is mqtt-packet's, byte for byte.
 * @param {string} service
 * @param {Values} values
 * @param {Record<string, any>} packet
 * @param {{ now?: number, expects?: Record<string, string> }} [more] expects: other results, by name
 */
async function sameConnect(service, values, packet, { now = 0, expects = {} } = {}) {
  const connect = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 60, ...packet };
  const hex = generate(/** @type {any} */ (connect)).toString('hex');
  const wants = Object.entries({ ...expects, connect: hex }).map(([name, value]) => ({ sign: '>', name, value }));
  const vector = { title: service, service, time: now, random: 0n, version: connect.protocolVersion, will: undefined };
  assert.deepEqual(await runVector({ ...vector, values, wants }, { providers, Core, module }), []);
}

test('Scaleway: CONNECT is mqtt-packet’s', async () => {
  const values = fc.record({ id: fc.oneof(fc.uuid(), key), client: maybe(text) });
  await compared(values, async ({ id, client }) => {
    await sameConnect('scaleway', { id, client }, { clientId: client || id, username: id, password: Buffer.alloc(0) });
  });
});

test('Cumulocity: CONNECT is mqtt-packet’s, with a user and with the bootstrap user, in 3.1 and 3.1.1', async () => {
  const part = id.filter((some) => !some.includes(':'));
  const values = fc.record({
    ...{ device: part, template: maybe(part), tenant: id, username: text, password: text, user: maybe(text) },
    version: fc.constantFrom(3, 4),
  });
  await compared(values, async ({ device, template, tenant, username, password, user, version }) => {
    const packet = {
      password: Buffer.from(password),
      protocolVersion: version,
      ...(version === 3 && { protocolId: 'MQIsdp' }),
    };
    const form = { host: 't.cumulocity.com', device, password };
    await sameConnect(
      'cumulocity',
      { ...form, template, tenant, username },
      {
        ...packet,
        clientId: `d:${device}${template && `:${template}`}`,
        username: `${tenant}/${username}`,
      },
    );
    await sameConnect(
      'cumulocity',
      { ...form, auth: 'bootstrap', 'bootstrap-user': user },
      {
        ...packet,
        clientId: device,
        username: user || 'management/devicebootstrap',
      },
    );
  });
});

test('Event Grid: CONNECT with its authentication properties is mqtt-packet’s; the token’s expiry is found', async () => {
  const claims = fc.dictionary(text, fc.oneof(text, fc.integer(), fc.constant(null), fc.array(text)), { maxKeys: 5 });
  const values = fc.record({
    ...{ claims, signature: base64, username: maybe(text), client: text, device: maybe(id), now: seconds },
    ...{ left: fc.integer({ min: 1, max: 86400 }), method: fc.constantFrom('CUSTOM-JWT', 'OAUTH2-JWT') },
  });
  const part = (/** @type {unknown} */ some) => Buffer.from(JSON.stringify(some)).toString('base64url');
  await compared(values, async ({ claims, signature, now, left, ...form }) => {
    const exp = now + left;
    const end = Buffer.from(signature, 'base64').toString('base64url');
    const token = `${part({ alg: 'RS256' })}.${part({ ...claims, aud: 'ns.example/', exp })}.${end}`;
    const properties = { authenticationMethod: form.method, authenticationData: Buffer.from(token) };
    const { client: clientId, username } = form;
    const packet = {
      protocolVersion: 5,
      clientId,
      ...(username && { username }),
      properties: { ...LARGEST, ...properties },
    };
    const expects = { expires: String(exp), url: 'wss://ns.example/mqtt' };
    await sameConnect('azure-event-grid', { ...form, host: 'ns.example', token }, packet, { now, expects });
  });
});

test('brokers: CONNECT is mqtt-packet’s, with and without user name and password', async () => {
  const version = fc.constantFrom(3, 4, 5);
  const values = fc.record({ client: text, username: maybe(text), password: maybe(text), version });
  await compared(values, async ({ client, username, password, version }) => {
    const packet = {
      ...{ clientId: client, protocolVersion: version, protocolId: version === 3 ? 'MQIsdp' : 'MQTT' },
      ...((username || password) && { username }),
      ...(password && { password: Buffer.from(password) }),
      properties: LARGEST,
    };
    await sameConnect('broker', { url: 'wss://h.example/mqtt', client, username, password }, packet);
  });
});
