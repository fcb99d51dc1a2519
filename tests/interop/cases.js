// What has to work with every broker, in both directions: our client sends and MQTT.js receives, then the other way round.
// `interop(broker)` makes the tests for one of them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, createClient } from '../../web/client/index.js';
import { eventually, rejection } from '../client/peer.js';
import { LOGIN, ours, Sockets, theirs } from './ends.js';

/** @typedef {import('./ends.js').Qos} Qos */
/** @typedef {import('./ends.js').Received} Received */

/** @type {readonly Qos[]} */
const LEVELS = [0, 1, 2];
const NAMES = { 3: '3.1', 4: '3.1.1', 5: '5.0' };
const DIRECTIONS = /** @type {const} */ ([
  { arrow: 'to MQTT.js', from: ours, to: theirs, toUs: false },
  { arrow: 'from MQTT.js', from: theirs, to: ours, toUs: true },
]);
const MIB = 1 << 20;
/** Around what a length's bytes, a WebSocket's lengths and the client's own limits can hold, in bytes. */
const SIZES = [0, 1, 121, 125, 126, 127, 128, 16_383, 16_384, 16_385, 65_535, 65_536, 131_072, MIB, 16 * MIB];

/** Longest that a test may take, in milliseconds: for what hangs. */
const GUARD = { timeout: 60_000 };

let tests = 0;
/** A topic that no other test has used. */
const freshTopic = () => `test${++tests}`;

/**
 * Bytes of which each position tells which it is, nearly.
 * @param {number} size
 */
function pattern(size) {
  const bytes = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 7919) >> 3;
  return bytes;
}

/** @param {Received} message */
const shown = ({ topic, payload, qos, retain }) => [topic, payload.toString(), qos, retain];

/**
 * @param {import('./brokers.js').Broker} broker
 * @returns {{ server: import('./brokers.js').Running }} filled in when tests run
 */
export function interop(broker) {
  const running = { server: /** @type {import('./brokers.js').Running} */ (/** @type {unknown} */ (undefined)) };
  before(async () => {
    running.server = await broker.start();
  });
  after(() => running.server?.stop());

  for (const version of broker.versions) {
    for (const direction of DIRECTIONS) conversations(broker, running, version, direction);
    outgoing(broker, running, version);
  }
  versions(broker, running);
  for (const version of [undefined, ...broker.versions]) refusals(broker, running, version);
  return running;
}

/**
 * @param {import('./brokers.js').Broker} broker
 * @param {ReturnType<typeof interop>} running
 * @param {import('./brokers.js').Version} version
 * @param {typeof DIRECTIONS[number]} direction
 */
function conversations(broker, running, version, { arrow, from, to, toUs }) {
  const title = `${broker.name} ${NAMES[version]} ${arrow}`;
  const levels = LEVELS.filter((qos) => toUs || qos <= broker.maximumQos);
  const granted = (/** @type {number} */ qos) => Math.min(qos, broker.maximumQos);

  test(`${title}: every QoS published, and subscribed with`, GUARD, async () => {
    const [sender, receiver] = await Promise.all([from(running.server, version), to(running.server, version)]);
    for (const wanted of LEVELS) {
      const topic = freshTopic();
      assert.equal(await receiver.subscribe(`${topic}/#`, wanted), granted(wanted));
      for (const qos of levels) await sender.publish(`${topic}/${qos}`, `published with ${qos}`, { qos });
      const delivered = (/** @type {number} */ qos) =>
        broker.sparesQos === false && wanted > 0 ? qos : Math.min(qos, granted(wanted));
      const expected = levels.map((qos) => [`${topic}/${qos}`, `published with ${qos}`, delivered(qos), false]);
      // Those of one QoS may overtake those of another [M3:4.6.0-6]: what must be last is sent when they are there.
      await receiver.arrivals.seen((messages) => messages.length >= levels.length);
      await sender.publish(`${topic}/end`, '', { qos: 1 });
      const got = (await receiver.arrivals.before(`${topic}/end`)).map(shown);
      assert.deepEqual(
        got.sort(([a], [b]) => (a < b ? -1 : 1)),
        expected,
      );
    }
    await Promise.all([sender.end(), receiver.end()]);
  });

  test(`${title}: UTF-8 in topics and payloads`, GUARD, async () => {
    const [sender, receiver] = await Promise.all([from(running.server, version), to(running.server, version)]);
    const topic = freshTopic();
    const texts = ['größe', '温度', '🌡', 'e\u0301', '\u{10fffd}', ' a b ', '\u{feff}'];
    await receiver.subscribe(`${topic}/#`, 1);
    for (const text of texts) await sender.publish(`${topic}/${text}/x`, text, { qos: 1 });
    await sender.publish(`${topic}/end`, '', { qos: 1 });
    const expected = texts.map((text) => [`${topic}/${text}/x`, text, 1, false]);
    assert.deepEqual((await receiver.arrivals.before(`${topic}/end`)).map(shown), expected);
    await Promise.all([sender.end(), receiver.end()]);
  });

  test(`${title}: wildcards`, GUARD, async () => {
    const [sender, receiver] = await Promise.all([from(running.server, version), to(running.server, version)]);
    const root = freshTopic();
    for (const filter of [`${root}/one/+`, `${root}/+/deep/#`, `/${root}/+`, `${root}/end`]) {
      await receiver.subscribe(filter, 1);
    }
    const matching = [`${root}/one/a`, `${root}/one/`, `${root}/x/deep`, `${root}/y/deep/er/still`, `/${root}/a`];
    const others = [root, `${root}/one`, `${root}/one/a/b`, `${root}/x/deeper`, `/${root}`, `/${root}/a/b`];
    for (const topic of [...others, ...matching]) await sender.publish(topic, topic, { qos: 1 });
    await sender.publish(`${root}/end`, '', { qos: 1 });
    const got = await receiver.arrivals.before(`${root}/end`);
    assert.deepEqual(
      got.map((message) => message.topic),
      matching,
    );
    await Promise.all([sender.end(), receiver.end()]);
  });

  test(`${title}: retained messages, replaced and taken away`, GUARD, async () => {
    const topic = freshTopic();
    const sender = await from(running.server, version);
    for (const text of ['old', 'new']) await sender.publish(`${topic}/kept`, text, { qos: 1, retain: true });
    await sender.publish(`${topic}/gone`, 'gone', { qos: 1, retain: true });
    await sender.publish(`${topic}/gone`, '', { qos: 1, retain: true });
    await sender.publish(`${topic}/passing`, 'x', { qos: 1 });
    const receiver = await to(running.server, version);
    await receiver.subscribe(`${topic}/kept`, 1);
    await receiver.subscribe(`${topic}/gone`, 1);
    await receiver.subscribe(`${topic}/passing`, 1);
    await receiver.subscribe(`${topic}/end`, 1);
    await sender.publish(`${topic}/end`, '', { qos: 1 });
    assert.deepEqual((await receiver.arrivals.before(`${topic}/end`)).map(shown), [[`${topic}/kept`, 'new', 1, true]]);
    await sender.publish(`${topic}/kept`, '', { qos: 1, retain: true });
    await Promise.all([sender.end(), receiver.end()]);
  });

  test(`${title}: the will of a client that is lost, and of none that says goodbye`, GUARD, async () => {
    const topic = freshTopic();
    const receiver = await to(running.server, version);
    await receiver.subscribe(`${topic}/#`, 1);
    const will = (/** @type {string} */ name) => ({ topic: `${topic}/${name}`, payload: 'verloren ⚠', qos: 1 });
    const polite = await from(running.server, version, { will: /** @type {any} */ (will('polite')) });
    await polite.end();
    const lost = await from(running.server, version, { will: /** @type {any} */ (will('lost')) });
    lost.lose();
    const others = await receiver.arrivals.before(`${topic}/lost`);
    if (toUs || broker.sparesWill !== false) assert.deepEqual(others, []);
    await Promise.all([lost.end(), receiver.end()]);
  });

  test(`${title}: binary payloads from 0 bytes on`, GUARD, async () => {
    const [sender, receiver] = await Promise.all([from(running.server, version), to(running.server, version)]);
    const topic = freshTopic();
    await receiver.subscribe(`${topic}/+`, 1);
    const sizes = SIZES.filter((size) => !toUs || size <= broker.largest);
    for (const size of sizes) await sender.publish(`${topic}/x`, pattern(size), { qos: 1 });
    await sender.publish(`${topic}/end`, '', { qos: 1 });
    const got = await receiver.arrivals.before(`${topic}/end`);
    assert.deepEqual(
      got.map(({ payload }) => payload.length),
      sizes,
    );
    for (const { payload } of got) assert(payload.equals(pattern(payload.length)), `${payload.length} bytes`);
    await Promise.all([sender.end(), receiver.end()]);
  });

  test(`${title}: a session that is kept brings what came meanwhile, in order`, GUARD, async () => {
    const topic = freshTopic();
    const session = { clientId: `kept-${toUs}-${version}`, clean: false, properties: expiry(version) };
    const first = await to(running.server, version, session);
    if (version > 3) assert.equal(first.sessionPresent, false); // 3.1 cannot tell
    await first.subscribe(`${topic}/+`, 1);
    await first.end();
    const sender = await from(running.server, version);
    const texts = Array.from({ length: 50 }, (_, i) => String(i));
    for (const text of texts) await sender.publish(`${topic}/x`, text, { qos: 1 });
    await sender.publish(`${topic}/end`, '', { qos: 1 });
    const second = await to(running.server, version, session);
    if (version > 3) assert.equal(second.sessionPresent, true);
    const got = await second.arrivals.before(`${topic}/end`);
    assert.deepEqual(
      got.map(({ payload }) => payload.toString()),
      texts,
    );
    await Promise.all([sender.end(), second.end()]);
    const third = await to(running.server, version, { clientId: session.clientId });
    assert.equal(third.sessionPresent, false);
    await third.end();
  });
}

/**
 * Of a session that is to be kept.
 * @param {import('./brokers.js').Version} version
 */
const expiry = (version) => (version === 5 ? { sessionExpiryInterval: 60 } : undefined);

/**
 * What only our client is asked for: to bring out everything that it was given, whatever happens to its connection.
 * @param {import('./brokers.js').Broker} broker
 * @param {ReturnType<typeof interop>} running
 * @param {import('./brokers.js').Version} version
 */
function outgoing(broker, running, version) {
  test(
    `${broker.name} ${NAMES[version]}: a connection cut under way loses no message, doubles none of QoS 2`,
    GUARD,
    async (t) => {
      const topic = freshTopic();
      const receiver = await theirs(running.server, version);
      await receiver.subscribe(`${topic}/#`, 2);
      const sockets = new Sockets();
      const client = await connect(running.server.url, {
        ...LOGIN,
        clientId: `cut-${version}`,
        clean: false,
        properties: expiry(version),
        protocolVersion: version,
        webSocket: sockets.make,
        reconnect: { minDelay: 1, maxDelay: 20 },
      });
      t.after(() => client.end({ force: true }));
      await client.subscribe(`${topic}/own`, { qos: 1 }); // RabbitMQ keeps no session without
      const texts = Array.from({ length: 300 }, (_, i) => String(i));
      const sent = [];
      for (const text of texts) {
        if (broker.maximumQos === 2) sent.push(client.publish(`${topic}/once`, text, { qos: 2 }));
        sent.push(client.publish(`${topic}/least`, text, { qos: 1 }));
        if (text === '100' || text === '200') {
          const connections = client.stats.connections;
          await sent[sent.length - 20];
          sockets.cut();
          await eventually(() => client.stats.connections > connections);
        }
      }
      await Promise.all(sent);
      assert.equal(client.stats.connections, 3);
      const on = (/** @type {string} */ name, /** @type {readonly Received[]} */ messages) =>
        messages
          .filter((message) => message.topic === `${topic}/${name}`)
          .map(({ payload }) => Number(payload))
          .sort((a, b) => a - b);
      const numbers = texts.map(Number);
      const once = broker.maximumQos === 2 ? numbers : [];
      // Brokers let messages of one QoS overtake those of another, so what must be last is sent when all are there.
      await receiver.arrivals.seen(
        (messages) =>
          on('once', messages).length >= once.length && new Set(on('least', messages)).size >= numbers.length,
      );
      await client.publish(`${topic}/end`, '', { qos: 1 });
      const got = await receiver.arrivals.before(`${topic}/end`);
      assert.deepEqual(on('once', got), once);
      assert.deepEqual([...new Set(on('least', got))], numbers);
      await Promise.all([client.end(), receiver.end()]);
    },
  );
}

/**
 * @param {import('./brokers.js').Broker} broker
 * @param {ReturnType<typeof interop>} running
 */
function versions(broker, running) {
  test(
    `${broker.name}: with the version left open it is ${NAMES[broker.chosen]}, which is remembered`,
    GUARD,
    async (t) => {
      const sockets = new Sockets();
      const client = await connect(running.server.url, {
        ...LOGIN,
        webSocket: sockets.make,
        properties: { userProperties: { site: 'north' } },
        reconnect: { minDelay: 1, maxDelay: 20 },
      });
      t.after(() => client.end({ force: true }));
      assert.equal(client.negotiated?.version, broker.chosen);
      assert.deepEqual(
        client.negotiated?.warnings,
        broker.chosen === 5 ? [] : ['properties of the connection are left out'],
      );
      assert.equal(sockets.all.length, broker.sockets);
      assert.equal((await client.publish(freshTopic(), 'x', { qos: 1 })).reasonCode < 0x80, true);
      sockets.cut();
      await eventually(() => client.stats.connections === 2);
      assert.equal(client.negotiated?.version, broker.chosen);
      assert.equal(sockets.all.length, broker.sockets + 1);
      await client.end();
    },
  );
}

/**
 * @param {import('./brokers.js').Broker} broker
 * @param {ReturnType<typeof interop>} running
 * @param {import('./brokers.js').Version | undefined} version
 */
function refusals(broker, running, version) {
  const shownVersion = version === undefined ? 'any version' : NAMES[version];
  test(
    `${broker.name} ${shownVersion}: a wrong password is one clear error, and no storm of attempts`,
    GUARD,
    async (t) => {
      const sockets = new Sockets();
      const reconnect = { minDelay: 1, maxDelay: 1 };
      const options = { ...LOGIN, password: 'mistaken', protocolVersion: version, webSocket: sockets.make, reconnect };
      const expected = { phase: 'connack', ...broker.refusal(version) };
      const attempts = version === undefined ? broker.sockets : 1;
      const error = await rejection(connect(running.server.url, options));
      for (const [name, value] of Object.entries(expected)) assert.equal(error[name], value, name);
      assert.match(error.hint, /[Uu]ser/);
      assert.doesNotMatch(error.message + error.hint, /mistaken|secret/);
      assert.equal(sockets.all.length, attempts);
      /** @type {any[]} */
      const errors = [];
      const client = createClient(running.server.url, options);
      t.after(() => client.end({ force: true }));
      client.on('error', (told) => errors.push(told));
      await rejection(client.ready);
      assert.equal(client.state, 'ended');
      assert.deepEqual(
        errors.map(({ code }) => code),
        [expected.code],
      );
      assert.equal(sockets.all.length, 2 * attempts);
    },
  );
}
