// The session between model and client, over a stand-in for the client.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialProfile } from '../../web/dashboard/model/profile.js';
import { Painter } from '../../web/dashboard/paint.js';
import { Session } from '../../web/dashboard/session.js';

const utf8 = new TextEncoder();
const profile = { ...initialProfile({ protocol: 'http:', host: 'localhost' }), clientId: 'me' };

/** A client as far as the session uses one. */
class StandIn {
  /** @type {Map<string, (value?: any) => void>} */
  listeners = new Map();
  /** @type {{ topic: string, options: any, settle: (result: any) => void, refuse: (error: unknown) => void }[]} */
  published = [];
  /** @type {string[]} */
  subscribed = [];
  ended = false;
  negotiated = { version: 5 };

  /** @param {string} name @param {(value?: any) => void} listener */
  on(name, listener) {
    this.listeners.set(name, listener);
  }

  /** @param {string} name @param {any} [value] */
  emit(name, value) {
    this.listeners.get(name)?.(value);
  }

  /** @param {string} topic @param {string} text @param {object} [properties] */
  message(topic, text, properties = {}) {
    this.emit('message', { topic, payload: utf8.encode(text), qos: 0, retain: false, properties });
  }

  /** @param {string} filter */
  async subscribe(filter) {
    this.subscribed.push(filter);
    return { qos: 1 };
  }

  /** @param {string} topic @param {Uint8Array} _payload @param {object} options */
  publish(topic, _payload, options) {
    return new Promise((settle, refuse) => this.published.push({ topic, options, settle, refuse }));
  }

  async end() {
    this.ended = true;
  }
}

/** @param {(url: string, options: Record<string, any>) => Promise<any>} connect */
function sessionOver(connect) {
  const clock = { now: 1000 };
  return { session: new Session(connect, new Painter(() => {}), () => clock.now), clock };
}

/** A session that is connected. */
async function connected() {
  const client = new StandIn();
  const { session, clock } = sessionOver(async () => client);
  assert.equal(await session.open(profile), true);
  return { session, client, clock };
}

test('a refused connection shows as trouble, with message and hint', async () => {
  const { session } = sessionOver(async () => {
    throw Object.assign(new Error('refused'), { hint: 'try this', code: 'refused', reasonCode: 0x86 });
  });
  assert.equal(await session.open(profile), false);
  assert.equal(session.phase, 'idle');
  assert.deepEqual(session.trouble, { message: 'refused', hint: 'try this', code: 'refused', reasonCode: 0x86 });
});

test('the password goes to the client and is not kept', async () => {
  /** @type {Record<string, any>} */
  let given = {};
  const { session } = sessionOver(async (_url, options) => {
    given = options;
    return new StandIn();
  });
  await session.open({ ...profile, username: 'u', password: 'p', version: '4' });
  const { signal, ...options } = given;
  assert.ok(signal instanceof AbortSignal);
  assert.deepEqual(options, {
    clientId: 'me',
    keepalive: 60,
    clean: true,
    username: 'u',
    password: 'p',
    protocolVersion: 4,
  });
  assert.equal(session.profile?.password, '');
});

test('cancelled while connecting: the late client is ended, nothing of it arrives', async () => {
  const client = new StandIn();
  /** @type {(client: any) => void} */
  let arrive = () => {};
  const { session } = sessionOver(() => new Promise((resolve) => (arrive = resolve)));
  const opening = session.open(profile);
  assert.equal(session.phase, 'connecting');
  session.close();
  arrive(client);
  assert.equal(await opening, false);
  assert.equal(client.ended, true);
  assert.equal(session.phase, 'idle');
  assert.equal(session.client, null);
});

test('subscribes to the devices and to its own answers', async () => {
  const { client } = await connected();
  assert.deepEqual(client.subscribed, ['devices/#', 'replies/me/#']);
});

test('lost, trying, connected again: the devices are kept, and commands that waited count as sent', async () => {
  const { session, client, clock } = await connected();
  client.message('devices/a/telemetry', '1');
  client.emit('disconnect', { error: new Error('gone'), delay: 500 });
  assert.equal(session.phase, 'reconnecting');
  assert.equal(session.retryAt, 1500);
  void session.command('a', 'led', '{}', 1000);
  const [command] = session.commands.list;
  assert.equal(command?.state, 'queued');
  client.emit('reconnect');
  assert.equal(session.retryAt, 0);
  clock.now = 2000;
  client.emit('connect');
  assert.equal(session.phase, 'connected');
  assert.equal(session.trouble, null);
  assert.equal(command?.state, 'sent');
  assert.equal(command?.times.sent, 2000);
  assert.equal(session.fleet.devices.size, 1);
});

test('given up: back to the form, with the reason', async () => {
  const { session, client } = await connected();
  client.emit('disconnect', { error: new Error('Another client uses the same client id.'), delay: null });
  assert.equal(session.phase, 'idle');
  assert.equal(session.client, null);
  assert.match(session.trouble?.message ?? '', /Another client/);
});

test('a command: its own echo is no answer, the reply is', async () => {
  const { session, client } = await connected();
  const sending = session.command('a', 'led', '{"on":true}', 1000);
  const [published] = client.published;
  assert.ok(published);
  assert.equal(published.topic, 'devices/a/commands/led');
  const { responseTopic, correlationData } = published.options.properties;
  assert.match(responseTopic, /^replies\/me\//);
  published.settle({ reasonCode: 0, properties: {} });
  await sending;
  const [command] = session.commands.list;
  client.message(published.topic, '{"on":true}', { responseTopic, correlationData });
  assert.equal(command?.state, 'acknowledged');
  client.message(responseTopic, '{"ok":true}', { correlationData });
  assert.equal(command?.state, 'answered');
});

test('a command nobody hears, and one that is refused', async () => {
  const { session, client } = await connected();
  const unheard = session.command('a', 'led', '', 1000);
  client.published[0]?.settle({ reasonCode: 0x10, properties: {} });
  await unheard;
  assert.match(session.commands.list[0]?.note ?? '', /nobody is subscribed/);
  const refused = session.command('a', 'led', '', 1000);
  client.published[1]?.refuse(Object.assign(new Error('Not authorized.'), { hint: 'Ask.' }));
  await refused;
  assert.equal(session.commands.list[1]?.state, 'failed');
  assert.equal(session.commands.list[1]?.note, 'Not authorized. Ask.');
});

test('another broker is another world, the same one is not', async () => {
  const { session, client } = await connected();
  client.message('devices/a/telemetry', '1');
  await session.open(profile);
  assert.equal(session.fleet.devices.size, 1);
  await session.open({ ...profile, url: 'ws://other/' });
  assert.equal(session.fleet.devices.size, 0);
});

test('painting: one frame however much changed, and nothing without a frame', () => {
  /** @type {(() => void)[]} */
  const frames = [];
  const painter = new Painter((callback) => frames.push(callback));
  /** @type {number[]} */
  const seen = [];
  const stop = painter.watch((bits) => seen.push(bits));
  painter.touch(1);
  painter.touch(4);
  painter.touch(1);
  assert.equal(frames.length, 1);
  frames.shift()?.();
  assert.deepEqual(seen, [5]);
  painter.touch(2);
  stop();
  frames.shift()?.();
  assert.deepEqual(seen, [5]);
});
