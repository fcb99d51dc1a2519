// AWS IoT Core's stand-in: AWS's own clients work with it, and what AWS forbids is met as AWS does.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { auth, io, iot, mqtt as crtMqtt } from 'aws-crt';
import mqtt from 'mqtt';
import WebSocket from 'ws';
import { Child } from '../tools/process.js';
import { startAws } from './aws.js';
import { parameters, sigv4Trouble } from './aws_sigv4.js';
import { client as connect, connack, once } from './clients.js';

// It has no types.
const awsIot = createRequire(import.meta.url)('aws-iot-device-sdk');

/** @typedef {Awaited<ReturnType<typeof startAws>>} Aws */

const KEYS = { region: 'us-east-1', accessKey: 'AKIDEXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const LIMITS = { connectsPerSecond: 100 };

/** What a client of aws-iot-device-sdk is told. @param {Aws} aws */
const sdkOptions = (aws) => ({
  /** @type {'wss'} */ protocol: 'wss',
  host: 'localhost',
  port: aws.port,
  region: KEYS.region,
  accessKeyId: aws.account.accessKey,
  secretKey: aws.account.secretKey,
  sessionToken: aws.account.sessionToken,
  websocketOptions: { ca: aws.ca },
});

/** A URL as aws-iot-device-sdk signs it. @param {Aws} aws @param {{ secretKey?: string, token?: string }} [other] */
function signedUrl(aws, { secretKey = aws.account.secretKey, token = aws.account.sessionToken } = {}) {
  const options = { host: 'localhost', port: aws.port, region: KEYS.region };
  return awsIot.device.prepareWebSocketUrl(options, aws.account.accessKey, secretKey, token);
}

/** @param {Aws} aws @param {import('mqtt').IClientOptions} [options] */
const client = (aws, options) => {
  return connect(signedUrl(aws), { ca: aws.ca, clientId: 'dash-1', keepalive: 60, ...options });
};

/** The status of a request for a WebSocket that is refused. @param {string} url @param {string} [ca] */
async function refusal(url, ca) {
  const socket = new WebSocket(url, 'mqtt', { ca });
  socket.on('error', () => {});
  return (await once(socket, 'unexpected-response'))[1].statusCode;
}

/** @param {Aws} aws */
const rules = (aws) => aws.violations.map(({ rule }) => rule);

for (const sessionToken of [undefined, 'FwoGZXIvYXdzEBYaDH+TEST/TOKEN+with/slashes==']) {
  test(`aws-iot-device-sdk connects, sends and gets a command, ${sessionToken ? 'with' : 'without'} a token`, async () => {
    const aws = await startAws({ ...KEYS, sessionToken });
    const device = new awsIot.device({ ...sdkOptions(aws), clientId: 'dash-1' });
    await once(device, 'connect');
    const came = once(device, 'message');
    await new Promise((resolve) => device.subscribe('devices/dash-1/commands/+', { qos: 1 }, () => resolve(0)));
    device.publish('devices/dash-1/telemetry', '{"t":1}', { qos: 1 });
    const [seen] = await aws.until(() => aws.seen.telemetry.length > 0 && aws.seen.telemetry);
    assert.deepEqual([seen.device, seen.text], ['dash-1', '{"t":1}']);
    aws.cloud.command('dash-1', 'reboot', { in: 5 });
    const [topic, payload] = await came;
    assert.deepEqual([topic, `${payload}`], ['devices/dash-1/commands/reboot', '{"in":5}']);
    device.end(true);
    await aws.stop();
    assert.deepEqual(aws.violations, []);
  });
}

test("aws-iot-device-sdk's thing shadow: reported, desired and deleted", async () => {
  const aws = await startAws(KEYS);
  const shadows = new awsIot.thingShadow({ ...sdkOptions(aws), clientId: 'lamp' });
  await once(shadows, 'connect');
  await new Promise((resolve) => shadows.register('lamp', { ignoreDeltas: false }, () => resolve(0)));
  const status = async (/** @type {() => unknown} */ send) => {
    const came = once(shadows, 'status');
    send();
    const [, stat, , body] = await came;
    return [stat, body];
  };
  assert.equal((await status(() => shadows.get('lamp')))[1].code, 404);
  const [accepted, body] = await status(() =>
    shadows.update('lamp', { state: { reported: { on: false, at: { x: 1 } } } }),
  );
  assert.deepEqual([accepted, body.version], ['accepted', 1]);
  const delta = once(shadows, 'delta');
  aws.cloud.setDesired('lamp', { on: true, at: { x: 1 } });
  assert.deepEqual((await delta)[1].state, { on: true });
  const [, document] = await status(() => shadows.get('lamp'));
  assert.deepEqual(document.state, {
    reported: { on: false, at: { x: 1 } },
    desired: { on: true, at: { x: 1 } },
    delta: { on: true },
  });
  assert.equal((await status(() => shadows.update('lamp', { state: { reported: { on: true } } })))[0], 'accepted');
  assert.equal(aws.cloud.getShadow('lamp').state.delta, undefined);
  assert.equal((await status(() => shadows.delete('lamp')))[0], 'accepted');
  assert.equal((await status(() => shadows.get('lamp')))[0], 'rejected');
  shadows.end(true);
  await aws.stop();
  assert.deepEqual(aws.violations, []);
});

test("aws-iot-device-sdk's jobs: notified, in progress, succeeded", async () => {
  const aws = await startAws(KEYS);
  const jobs = new awsIot.jobs({ ...sdkOptions(aws), clientId: 'lamp' });
  await once(jobs, 'connect');
  /** @type {Promise<any>} */
  const started = new Promise((resolve) => {
    jobs.subscribeToJobs('lamp', 'update', (/** @type {any} */ _error, /** @type {any} */ job) => resolve(job));
  });
  await aws.until(() => aws.open()[0]?.session.subscriptions.has('$aws/things/lamp/jobs/notify-next'));
  await new Promise((resolve) => jobs.startJobNotifications('lamp', resolve));
  const execution = aws.cloud.startJob('lamp', 'job-1', { operation: 'update', url: 'https://x/' });
  const job = await started;
  assert.deepEqual([job.id, job.document.url], ['job-1', 'https://x/']);
  job.inProgress({ step: '1' });
  await aws.until(() => execution.status === 'IN_PROGRESS');
  job.succeeded({ step: '2' });
  await aws.until(() => execution.status === 'SUCCEEDED');
  assert.deepEqual(execution.statusDetails, { step: '2' });
  jobs.end(true);
  await aws.stop();
  assert.deepEqual(aws.violations, []);
});

test('aws-crt connects with MQTT 3.1.1, sends and gets a command', async () => {
  const aws = await startAws(KEYS);
  const credentials = auth.AwsCredentialsProvider.newStatic(KEYS.accessKey, KEYS.secretKey);
  const config = iot.AwsIotMqttConnectionConfigBuilder.new_with_websockets({
    region: KEYS.region,
    credentials_provider: credentials,
  })
    .with_certificate_authority(/** @type {string} */ (aws.ca))
    .with_endpoint('localhost')
    .with_port(aws.port)
    .with_client_id('dash-1')
    .build();
  const connection = new crtMqtt.MqttClient(new io.ClientBootstrap()).new_connection(config);
  await connection.connect();
  /** @type {Promise<string>} */
  const came = new Promise((resolve) => {
    void connection.subscribe('devices/dash-1/commands/+', 1, (_topic, payload) =>
      resolve(Buffer.from(payload).toString()),
    );
  });
  await connection.publish('devices/dash-1/telemetry', '{"t":1}', 1);
  assert.equal(aws.seen.telemetry[0].text, '{"t":1}');
  await aws.until(() => aws.open()[0].session.subscriptions.size > 0);
  aws.cloud.command('dash-1', 'reboot', 5);
  assert.equal(await came, '5');
  await connection.disconnect();
  await aws.stop();
  assert.deepEqual(aws.violations, []);
});

for (const way of ['sigv4', 'authorizer']) {
  test(`aws-crt connects with MQTT 5: ${way}`, async () => {
    const aws = await startAws(KEYS);
    const env = { AWS: JSON.stringify({ port: aws.port, ca: aws.ca, form: aws.forms[way] }), NODE_NO_WARNINGS: '1' };
    const crt = new Child(process.execPath, [fileURLToPath(new URL('aws_crt5.js', import.meta.url))], { env });
    const { code } = await crt.exited;
    assert.equal(code, 0, crt.output);
    assert.match(crt.output, /\["hello",1,30\]/);
    await aws.stop();
    assert.deepEqual(aws.violations, []);
  });
}

test('a signature that is wrong, or has expired, is refused with 403 at the upgrade', async () => {
  const aws = await startAws({ ...KEYS, sessionToken: 'token' });
  assert.equal(await refusal(signedUrl(aws, { secretKey: 'another' }), aws.ca), 403);
  assert.equal(await refusal(signedUrl(aws, { token: 'another' }), aws.ca), 403);
  const connected = await client(aws);
  const closed = once(connected, 'close');
  aws.expireNow();
  await closed;
  aws.validFrom += 5;
  assert.equal(await refusal(signedUrl(aws), aws.ca), 403);
  assert.deepEqual(
    aws.violations.map(({ what }) => what),
    ['the signature is wrong', 'the session token is another one', 'the signature has expired'],
  );
  await aws.stop();
});

test('a signed query: what is checked of it', async () => {
  const host = 'a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com';
  const now = Date.parse('2015-08-30T12:36:00Z') / 1000;
  const start = 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2F';
  const plain = `${start}iotdevicegateway%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host`;
  const good = `${plain}&X-Amz-Signature=abaa19ec946afb81af70a8d779058f5587de5b38d677c12d9f47702a8744126e`;
  const expiring = plain.replace('&X-Amz-Signed', '&X-Amz-Expires=86400&X-Amz-Signed');
  const long = `${expiring}&X-Amz-Signature=2f7143213a5baee3a33ec530046f32a3bf8f7cba3c2cb0a63853efdbf578875c`;
  // What signs the token too, as other services want it.
  const other = `${expiring}&X-Amz-Signature=2e7cd6526bfb2cf1bed6639d88043a4b058a6951348eac7a32b170b5f5dcb696`;
  const token = '&X-Amz-Security-Token=';
  const trouble = (
    /** @type {string} */ query,
    at = now,
    sessionToken = /** @type {string | undefined} */ (undefined),
  ) => sigv4Trouble({ headers: { host }, path: '/mqtt', query }, { ...KEYS, sessionToken }, 0, at);
  assert.equal(await trouble(good), undefined);
  assert.equal(await trouble(good + token + 't%3D', now, 't='), undefined);
  assert.equal(await trouble(long, now + 86_400), undefined);
  assert.match((await trouble(long, now + 86_401)) ?? '', /expired/);
  assert.match((await trouble(good, now + 301)) ?? '', /date/);
  assert.match((await trouble(good, now - 301)) ?? '', /date/);
  assert.match((await trouble(other + token + 't', now, 't')) ?? '', /signature is wrong/);
  assert.match((await trouble(good.replace('us-east-1', 'us-west-1'))) ?? '', /scope/);
  assert.match((await trouble(good.replace('AKID', 'AKIE'))) ?? '', /scope/);
  assert.match((await trouble(good.replace('=host', '=x'))) ?? '', /not signed/);
  assert.match((await trouble(good.replace('SHA256', 'SHA1'))) ?? '', /algorithm/);
  assert.match((await trouble(good.slice(0, -1))) ?? '', /signature is wrong/);
  assert.match((await trouble(`${good}%`)) ?? '', /percent/);
  assert.equal(parameters('%'), undefined);
});

test('the custom authorizer: by URL and in CONNECT; wrong is refused with CONNACK 5 or 7, in MQTT 5 with 0x87', async () => {
  const aws = await startAws({ ...KEYS, limits: LIMITS });
  const { name, token, signature, username, password } = aws.authorizer;
  const query = `x-amz-customauthorizer-name=${name}&token=${encodeURIComponent(token ?? '')}&x-amz-customauthorizer-signature=${encodeURIComponent(signature ?? '')}`;
  const options = { ca: aws.ca, clientId: 'x', username, password };
  assert.equal(await connack(`${aws.url}?${query}`, options), 0);
  assert.equal(await connack(aws.url, { ...options, username: `${username}?${query}` }), 0);
  assert.equal(aws.violations.length, 0);
  assert.equal(await connack(aws.url, options), 5);
  assert.equal(await connack(`${aws.url}?${query}`, { ...options, password: 'wrong' }), 5);
  assert.equal(await connack(`${aws.url}?${query.replace('token=', 'token=x')}`, options), 5);
  assert.equal(await connack(`${aws.url}?${query.replace('name=', 'name=x')}`, options), 5);
  assert.equal(await connack(`${aws.url}?${query}`, { ...options, password: 'wrong', protocolVersion: 5 }), 0x87);
  aws.refusal = 7;
  assert.equal(await connack(aws.url, options), 7);
  assert.deepEqual(rules(aws), Array(6).fill('authorizer'));
  await aws.stop();
});

test('QoS 2 is never acknowledged in 3.1.1; in MQTT 5 it ends the connection with 0x9B', async () => {
  const aws = await startAws({ ...KEYS, limits: LIMITS });
  const one = await client(aws);
  /** @type {string[]} */
  const answers = [];
  one.on('packetreceive', ({ cmd }) => answers.push(cmd));
  one.publish('a', 'x', { qos: 2 }, () => {});
  one.subscribe('a', { qos: 2 }, () => {});
  await one.publishAsync('a', 'x', { qos: 1 }); // after the other two were read
  assert.deepEqual(answers, ['puback']);
  assert.deepEqual(rules(aws), ['qos', 'subscribe-qos']);
  one.end(true);
  for (const send of [
    (/** @type {import('mqtt').MqttClient} */ c) => c.publish('a', 'x', { qos: 2 }),
    (/** @type {import('mqtt').MqttClient} */ c) => c.subscribe('a', { qos: 2 }),
  ]) {
    const five = await client(aws, { protocolVersion: 5 });
    const gone = once(five, 'disconnect');
    send(five);
    assert.equal((await gone)[0].reasonCode, 0x9b);
    five.end(true);
  }
  await aws.stop();
});

/** @type {[rule: string, reason: number, act: (client: import('mqtt').MqttClient) => void][]} */
const CLOSING = [
  ['filters-at-once', 0x97, (c) => c.subscribe([...'abcdefghi'])],
  ['payload', 0x97, (c) => c.publish('a', Buffer.alloc(131_073))],
  ['topic', 0x90, (c) => c.publish('a/'.repeat(8), '')],
  ['topic', 0x90, (c) => c.publish('a'.repeat(257), '')],
  ['reserved', 0x90, (c) => c.publish('$aws/things/x/other', '')],
  ['reserved', 0x90, (c) => c.publish('$aws/things/x/jobs/other', '')],
  ['reserved', 0x8f, (c) => c.subscribe('$SYS/#')],
  ['retain', 0x90, (c) => c.publish('$aws/things/x/shadow/get', '', { retain: true })],
  ['policy', 0x87, (c) => c.publish('secret/a', '')],
  ['filters', 0x97, (c) => [...Array(51).keys()].forEach((i) => c.subscribe(`filter/${i}`))],
];
for (const [rule, reason, act] of CLOSING) {
  test(`${rule}: ${act.toString().slice(7, 60)} closes, in MQTT 5 with 0x${reason.toString(16)}`, async () => {
    const aws = await startAws({ ...KEYS, limits: LIMITS });
    aws.cloud.deny('secret/#');
    for (const protocolVersion of /** @type {const} */ ([4, 5])) {
      const one = await client(aws, { protocolVersion });
      one.on('error', () => {});
      let said;
      one.on('disconnect', ({ reasonCode }) => (said = reasonCode));
      const closed = once(one, 'close');
      act(one);
      await closed;
      one.end(true);
      assert.equal(said, protocolVersion === 5 ? reason : undefined);
      assert.deepEqual(rules(aws), Array(protocolVersion - 3).fill(rule));
    }
    await aws.stop();
  });
}

test('what the policy forbids to subscribe gets SUBACK 0x80, in MQTT 5 0x87; an acknowledged publish 0x87', async () => {
  const aws = await startAws({ ...KEYS, limits: LIMITS });
  aws.cloud.deny('secret/#');
  for (const [protocolVersion, code] of /** @type {const} */ ([
    [4, 0x80],
    [5, 0x87],
  ])) {
    const one = await client(aws, { protocolVersion });
    const came = aws.until(() => aws.violations.length > 0);
    const sub = new Promise((resolve) => one.on('packetreceive', (p) => p.cmd === 'suback' && resolve(p.granted)));
    one.subscribe(['a', 'secret/b'], () => {});
    assert.deepEqual(await sub, [0, code]);
    await came;
    if (protocolVersion === 5) {
      const puback = new Promise((resolve) =>
        one.on('packetreceive', (p) => p.cmd === 'puback' && resolve(p.reasonCode)),
      );
      one.publish('secret/b', '', { qos: 1 }, () => {});
      assert.equal(await puback, 0x87);
    }
    assert.ok(one.connected);
    await one.endAsync();
  }
  await aws.stop();
});

test('CONNECT: client ids, more than one a second', async () => {
  const aws = await startAws(KEYS);
  const options = { ca: aws.ca, keepalive: 60 };
  assert.equal(await connack(signedUrl(aws), { ...options, clientId: '$x' }), 2);
  assert.equal(await connack(signedUrl(aws), { ...options, clientId: 'x'.repeat(129) }), 2);
  assert.equal(await connack(signedUrl(aws), { ...options, clientId: '$x', protocolVersion: 5 }), 0x85);
  assert.equal(await connack(signedUrl(aws), { ...options, clientId: 'x' }), 0);
  assert.equal(await connack(signedUrl(aws), { ...options, clientId: 'x' }), 3);
  assert.deepEqual(rules(aws), ['client-id', 'client-id', 'client-id', 'connect-rate']);
  assert.equal(
    await connack(signedUrl(aws), { ...options, clientId: 'y', protocolVersion: 3, protocolId: 'MQIsdp' }),
    1,
  );
  await aws.stop();
});

test('MQTT 5: what CONNACK tells, keep-alive clamped, an id assigned', async () => {
  const aws = await startAws(KEYS);
  const one = mqtt.connect(signedUrl(aws), {
    ca: aws.ca,
    clientId: '',
    protocolVersion: 5,
    keepalive: 5000,
    reconnectPeriod: 0,
  });
  const [{ properties }] = await once(one, 'connect');
  const { maximumQoS, serverKeepAlive, topicAliasMaximum, subscriptionIdentifiersAvailable } = properties;
  assert.deepEqual([maximumQoS, serverKeepAlive, topicAliasMaximum], [1, 1200, 8]);
  assert.equal(subscriptionIdentifiersAvailable, false);
  assert.match(properties.assignedClientIdentifier, /./);
  await one.endAsync();
  await aws.stop();
});

test('retained messages reach exact filters only; "a/#" does not match "a"; groups share', async () => {
  const aws = await startAws(KEYS);
  const one = await client(aws);
  /** @type {string[]} */
  const came = [];
  one.on('message', (topic, payload) => came.push(`${topic}=${payload}`));
  await one.publishAsync('a', 'kept', { retain: true, qos: 1 });
  await one.subscribeAsync(['a/#', '+', '$share/g/b']);
  await one.subscribeAsync('a');
  await one.unsubscribeAsync('+');
  await one.unsubscribeAsync('a');
  await one.publishAsync('a', 'not matched', { qos: 1 });
  await one.publishAsync('b', 'shared', { qos: 1 });
  await aws.until(() => came.length >= 2 || undefined).then(() => assert.deepEqual(came, ['a=kept', 'b=shared']));
  await one.endAsync();
  await aws.stop();
});

test('presence and subscription events', async () => {
  const aws = await startAws(KEYS);
  const watcher = await client(aws, { clientId: 'watcher' });
  await watcher.subscribeAsync('$aws/events/#');
  /** @type {any[]} */
  const events = [];
  watcher.on('message', (topic, payload) => {
    events.push([topic.replace('$aws/events/', ''), JSON.parse(`${payload}`)]);
    aws.changed();
  });
  const one = await client(aws);
  await one.subscribeAsync('x');
  await one.unsubscribeAsync('x');
  await one.endAsync();
  const all = await aws.until(() => events.filter(([topic]) => topic.endsWith('/dash-1')).length === 4 && events);
  const ours = all.filter(([topic]) => topic.endsWith('/dash-1'));
  assert.deepEqual(
    ours.map(([topic]) => topic),
    [
      'presence/connected/dash-1',
      'subscriptions/subscribed/dash-1',
      'subscriptions/unsubscribed/dash-1',
      'presence/disconnected/dash-1',
    ],
  );
  assert.equal(ours[3][1].clientInitiatedDisconnect, true);
  await watcher.endAsync();
  await aws.stop();
});

test('shadows and jobs: what is rejected', async () => {
  const aws = await startAws(KEYS);
  const one = await client(aws);
  const ask = async (/** @type {string} */ path, /** @type {unknown} */ body) => {
    const came = once(one, 'message');
    one.publish(`$aws/things/t/${path}`, typeof body === 'string' ? body : JSON.stringify(body), { qos: 1 });
    const [topic, payload] = await came;
    return [topic.replace('$aws/things/t/', ''), JSON.parse(`${payload}`)];
  };
  await one.subscribeAsync(['$aws/things/t/shadow/+/rejected', '$aws/things/t/shadow/name/n/update/accepted']);
  for (const [body, code] of /** @type {[unknown, number][]} */ ([
    ['{', 400],
    [[], 400],
    [{}, 400],
    [{ state: { other: {} } }, 400],
    [{ state: { desired: 1 } }, 400],
    [{ state: {}, version: 7 }, 409],
    [{ state: { desired: { text: 'x'.repeat(8192) } } }, 413],
  ])) {
    const [topic, answer] = await ask('shadow/update', body);
    assert.deepEqual([topic, answer.code], ['shadow/update/rejected', code], JSON.stringify(body).slice(0, 50));
  }
  const [, answer] = await ask('shadow/get', { clientToken: 'c' });
  assert.deepEqual([answer.code, answer.clientToken], [404, 'c']);
  const [, named] = await ask('shadow/name/n/update', { state: { reported: { a: { b: 1, c: 2 } } }, clientToken: 'd' });
  assert.deepEqual([named.version, named.clientToken], [1, 'd']);
  await ask('shadow/name/n/update', { state: { reported: { a: { b: null } } } });
  assert.deepEqual(aws.cloud.getShadow('t', 'n').state.reported, { a: { c: 2 } });

  // Answers about jobs come without a subscription.
  assert.equal((await ask('jobs/j/get', {}))[1].code, 'ResourceNotFound');
  assert.equal((await ask('jobs/get', '{'))[1].code, 'InvalidJson');
  assert.equal((await ask('jobs/start-next', {}))[1].execution, undefined);
  aws.cloud.startJob('t', 'j', { do: 'it' });
  assert.equal((await ask('jobs/get', {}))[1].queuedJobs[0].jobId, 'j');
  assert.equal((await ask('jobs/j/update', { status: 'QUEUED' }))[1].code, 'InvalidRequest');
  assert.equal((await ask('jobs/j/update', { status: 'FAILED', expectedVersion: 9 }))[1].code, 'VersionMismatch');
  const [topic, started] = await ask('jobs/start-next', { clientToken: 'e' });
  assert.equal(topic, 'jobs/start-next/accepted');
  assert.deepEqual([started.execution.status, started.execution.versionNumber], ['IN_PROGRESS', 2]);
  assert.deepEqual(started.execution.jobDocument, { do: 'it' });
  assert.equal((await ask('jobs/$next/get', {}))[1].execution.jobId, 'j');
  assert.equal((await ask('jobs/j/update', { status: 'FAILED' }))[0], 'jobs/j/update/accepted');
  assert.equal((await ask('jobs/j/update', { status: 'SUCCEEDED' }))[1].code, 'InvalidStateTransition');
  await one.endAsync();
  await aws.stop();
  assert.deepEqual(aws.violations, []);
});

test('more than so many publishes a second are discarded', async () => {
  const aws = await startAws({ ...KEYS, limits: { publishesPerSecond: 3 } });
  const one = await client(aws);
  for (let i = 0; i < 5; i++) one.publish('devices/a/telemetry', `${i}`);
  await aws.until(() => aws.violations.length === 2);
  assert.equal(aws.seen.telemetry.length, 3);
  await one.endAsync();
  await aws.stop();
});
