// Whatever a user and a legal server do, in whatever order: each promise settles, truly; messages arrive as often as their
// QoS says, in order, at the right handlers; nothing is pending at the end, and no error is lost or left unhandled.
//
// RUNS=5000 for more runs than usual, SEED=n for others; a failure prints seed and path, and the shortest run that fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MqttError } from '../../web/client/index.js';
import { ModelServer, numberOf, payloadOf } from './model_server.js';
import { turn } from './peer.js';

/** @typedef {import('../../web/client/index.js').Message} Message */

const RUNS = Number(process.env.RUNS ?? 250);
const SEED = Number(process.env.SEED ?? 1);
/** For what hangs, ms. */
const WATCHDOG = 3_000;

const LARGE = 20_000; // streamed, both ways
const FILTERS = ['#', 't/+', 't/0', 't/1', '+/2'];
const TOPICS = ['t/0', 't/1', 't/2', 'other/2'];
/** @type {Record<string, (topic: string) => boolean>} */
const MATCHES = {
  '#': () => true,
  't/+': (topic) => topic.startsWith('t/'),
  't/0': (topic) => topic === 't/0',
  't/1': (topic) => topic === 't/1',
  '+/2': (topic) => topic.endsWith('/2'),
};

const small = fc.nat(30);
const qos = /** @type {fc.Arbitrary<0 | 1 | 2>} */ (fc.constantFrom(0, 1, 2));
const size = fc.oneof({ weight: 8, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.constant(LARGE) });
const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('publish'),
      qos,
      size,
      how: fc.constantFrom('plain', 'plain', 'signal', 'timeout', 'aborted'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort'), which: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove'), which: small }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('subscribe'),
      qos,
      filter: fc.constantFrom(...FILTERS),
      kind: fc.constantFrom('plain', 'throws', 'resolves', 'rejects', 'manual', 'loop'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe'), which: small }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('acknowledge'), which: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('listen', 'reconnect') }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('read'), most: fc.integer({ min: 1, max: 4 }), refuse: fc.nat(8) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('answer'), which: fc.constantFrom(0, 0, 0, 1, 2, 5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send'), qos, size, topic: fc.constantFrom(...TOPICS) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('next') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut'), bytes: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('goodbye') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget') }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('turn') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause') }) },
);
const scenario = fc.record({
  version: fc.constantFrom(4, 5),
  clean: fc.boolean(),
  receiveMaximum: fc.constantFrom(1, 2, 65535),
  topicAliasMaximum: fc.constantFrom(0, 3),
  maxInflight: fc.constantFrom(1, 3, 100),
  qos0: fc.boolean(),
  connected: fc.boolean(),
  commands: fc.array(command, { maxLength: 60, size: 'max' }),
  force: fc.boolean(),
  early: fc.nat(9), // 0: end() comes while much is under way
});

/** @typedef {typeof scenario extends fc.Arbitrary<infer T> ? T : never} Scenario */

/** What a promise came to. */
class Watched {
  /** @type {any} */ value;
  /** @type {any} */ error;
  times = 0;

  /** @param {string} name @param {Promise<unknown>} promise */
  constructor(name, promise) {
    this.name = name;
    promise.then(
      (value) => {
        this.times++;
        this.value = value;
      },
      (error) => {
        this.times++;
        this.error = error;
      },
    );
  }
}

/** @typedef {{ watched: Watched, qos: number, how: string, number: number, controller: AbortController }} Published */
/** @typedef {{ message: Message, release: () => void }} Manual */
/**
 * @typedef {{ filter: string, kind: string, from: number, until: number, got: number[], gone: boolean, user: any }} Taker
 *   from, until: lengths of the log
 */

/** One run. */
class Run {
  /** @type {Watched[]} */
  promises = [];
  /** @type {Published[]} */
  published = [];
  /** @type {Map<string, any[]>} 'settled' events by key */
  settled = new Map();
  /** @type {Taker[]} */
  takers = [];
  /** Every delivery: number and connection. @type {{ number: number, topic: string, qos: number, connection: number }[]} */
  log = [];
  /** @type {Map<string, Set<object>>} who still holds a message, by number and connection */
  held = new Map();
  /** @type {Manual[]} */
  manual = [];
  /** @type {any[]} */
  errors = [];
  listening = false;
  listened = 0;
  ended = false;

  /** @param {Scenario} scenario */
  constructor(scenario) {
    this.scenario = scenario;
    this.server = new ModelServer(scenario.version);
    this.server.limit(scenario.receiveMaximum, scenario.topicAliasMaximum);
    this.server.acknowledged = (number) => {
      if (this.held.get(this.here(number))?.size)
        this.server.faults.push(`message ${number} acknowledged while it is handled`);
    };
    const { clean, version, maxInflight, qos0 } = scenario;
    this.client = this.server.peer.createClient({
      clientId: 'property',
      protocolVersion: /** @type {4 | 5} */ (version),
      clean,
      maxInflight,
      keepalive: 0,
      queue: { qos0, maxMessages: 20 },
    });
    this.client.ready.catch(() => {});
    this.client.on('error', (error) => this.errors.push(error));
    this.client.on('connect', () => this.server.told());
    this.client.on('settled', (what) => {
      const key = String(what.key);
      this.settled.set(key, [...(this.settled.get(key) ?? []), what]);
    });
    this.client.handle('#', (message) => {
      const number = numberOf(message.payload);
      const { topic, size } = this.server.messages[number];
      assert.equal(message.topic, topic);
      assert.equal(message.payload.length, payloadOf(number, size).length);
      this.log.push({ number, topic, qos: message.qos, connection: this.server.peer.connections.length });
    });
  }

  /** A message on this connection. @param {number} number */
  here(number) {
    return `${number} on ${this.server.peer.connections.length}`;
  }

  /** @param {string} name @param {Promise<unknown>} promise */
  watch(name, promise) {
    const watched = new Watched(name, promise);
    this.promises.push(watched);
    return watched;
  }

  /** @param {{ qos: 0 | 1 | 2, size: number, how: string }} options */
  publish({ qos, size, how }) {
    const number = this.published.length;
    const controller = new AbortController();
    if (how === 'aborted') controller.abort();
    const options = {
      qos,
      key: String(number),
      signal: how === 'signal' || how === 'aborted' ? controller.signal : undefined,
      timeout: how === 'timeout' ? 4 : undefined,
    };
    const promise = this.client.publish(`t/${number % 4}`, payloadOf(number, size), options);
    this.published.push({ watched: this.watch(`publish ${number}`, promise), qos, how, number, controller });
  }

  /** @param {{ filter: string, qos: 0 | 1 | 2, kind: string }} options */
  subscribe({ filter, qos, kind }) {
    /** @type {Taker} */
    const taker = { filter, kind, from: this.log.length, until: Infinity, got: [], gone: false, user: null };
    const handler = (/** @type {Message} */ message) => {
      const number = numberOf(message.payload);
      taker.got.push(number);
      if (kind === 'plain') return undefined;
      if (kind === 'throws') throw new Error('boom');
      const mine = {};
      const key = this.here(number);
      const release = () => this.held.get(key)?.delete(mine);
      if (message.qos > 0) this.held.set(key, (this.held.get(key) ?? new Set()).add(mine));
      if (kind === 'manual') {
        // Acknowledged is acknowledged, whoever else holds it.
        this.manual.push({ message, release: () => this.held.get(key)?.clear() });
        return undefined;
      }
      return turn().then(() => {
        release();
        if (kind === 'rejects') throw new Error('boom');
      });
    };
    const options = { qos, manualAck: kind === 'manual', ack: /** @type {const} */ ('resolved') };
    const promise = this.client.subscribe(filter, options, kind === 'loop' ? undefined : handler);
    this.takers.push(taker);
    this.watch(
      `subscribe ${filter}`,
      promise.then(
        (user) => {
          taker.user = user;
          if (kind === 'loop' && !taker.gone) this.watch(`loop over ${filter}`, this.loop(user, taker));
        },
        (error) => {
          this.leave(taker);
          throw error;
        },
      ),
    );
  }

  /** @param {any} user @param {{ got: number[] }} taker */
  async loop(user, taker) {
    for await (const message of user) {
      taker.got.push(numberOf(message.payload));
      await turn();
    }
  }

  /** @param {Taker} taker */
  leave(taker) {
    taker.gone = true;
    taker.until = Math.min(taker.until, this.log.length);
  }

  /** @param {any} what */
  step(what) {
    const { server, client } = this;
    /** @type {(list: any[]) => any} */
    const one = (list) => list[what.which % (list.length || 1)];
    switch (what.do) {
      case 'publish':
        this.publish(what);
        break;
      case 'abort':
        one(this.published)?.controller.abort();
        break;
      case 'remove':
        client.remove(String(what.which));
        break;
      case 'subscribe':
        this.subscribe(what);
        break;
      case 'unsubscribe': {
        const taker = one(this.takers.filter(({ user, gone }) => user && !gone));
        if (!taker) break;
        this.leave(taker);
        this.watch(`unsubscribe ${taker.filter}`, taker.user.unsubscribe());
        break;
      }
      case 'acknowledge':
        this.acknowledge(one(this.manual));
        break;
      case 'listen':
        this.listening = !this.listening;
        if (this.listening) client.on('message', this.listener);
        else client.off('message', this.listener);
        break;
      case 'reconnect':
        client.reconnect();
        break;
      case 'read':
        server.read(what.most, what.refuse === 0 ? 0x97 : what.refuse === 1 ? 0x10 : 0);
        break;
      case 'answer':
        server.answer(what.which);
        break;
      case 'send':
        server.queue(what.topic, what.qos, what.size);
        server.next();
        break;
      case 'next':
        server.next();
        break;
      case 'cut':
        server.cut(what.bytes);
        break;
      case 'goodbye':
        server.goodbye();
        break;
      case 'forget':
        server.forgets = true;
        break;
      case 'settle':
        server.work();
        break;
    }
  }

  listener = () => {
    this.listened++;
  };

  /** @param {Manual | undefined} entry */
  acknowledge(entry) {
    if (!entry) return;
    this.manual.splice(this.manual.indexOf(entry), 1);
    entry.release();
    entry.message.ack();
  }

  /** Wait until it is so, with a server that does all it can. @param {() => boolean} condition */
  async calm(condition) {
    const from = performance.now();
    while (!condition()) {
      this.server.work();
      for (const entry of [...this.manual]) this.acknowledge(entry);
      await turn();
      if (performance.now() - from < WATCHDOG) continue;
      const pending = this.promises.filter(({ times }) => times === 0).map(({ name }) => name);
      const { state, stats } = this.client;
      assert.fail(
        `pending at the end: ${pending}; ${state} ${JSON.stringify(stats)} ${JSON.stringify(this.server.messages)}`,
      );
    }
  }

  async play() {
    const { client, scenario, server } = this;
    // Promises that the library made are ours to watch; nothing else may be left.
    if (scenario.connected) await this.calm(() => client.state === 'connected');
    for (const what of scenario.commands) {
      this.step(what);
      if (what.do === 'turn' || what.do === 'settle') await turn();
      if (what.do === 'pause') await new Promise((resolve) => setTimeout(resolve, 6));
    }
    if (scenario.early > 0) {
      const settled = () => this.published.every(({ watched }) => watched.times > 0);
      const handled = () => [...this.held.values()].every((who) => who.size === 0) && this.manual.length === 0;
      await this.calm(() => client.state === 'connected' && settled() && handled() && server.idle);
      await this.calm(
        () => server.idle && this.promises.every(({ name, times }) => times > 0 || name.startsWith('loop')),
      );
    }
    const end = this.watch('end', client.end({ force: scenario.force }));
    await this.calm(() => end.times > 0);
    await this.calm(() => this.promises.every(({ times }) => times > 0));
    await turn();
    this.check();
  }

  check() {
    assert.deepEqual(this.server.faults, []);
    assert.equal(this.client.state, 'ended');
    for (const { name, times } of this.promises) assert.equal(times, 1, name);
    for (const one of this.published) this.checkPublished(one);
    for (const one of this.promises) {
      if (one.name.startsWith('publish') || !one.error) continue;
      assert(one.error instanceof MqttError, `${one.name}: ${one.error}`);
      assert(['refused', 'overtaken', 'connection-ended'].includes(one.error.code), `${one.name}: ${one.error.code}`);
    }
    for (const error of this.errors)
      assert(error.message === 'boom' || (error instanceof MqttError && error.phase === 'subscribe'), String(error));
    this.checkDelivered();
    for (const { closed, socket } of this.server.peer.connections)
      assert(closed || socket.onmessage === undefined, 'a WebSocket was left open');
  }

  /** @param {Published} one */
  checkPublished({ watched: { error, value }, qos, how, number }) {
    const { server, scenario } = this;
    const taken = server.taken.get(number)?.times ?? 0;
    const events = this.settled.get(String(number)) ?? [];
    const name = `message ${number} with QoS ${qos}: ${error?.code ?? JSON.stringify(value)}, taken ${taken} times`;
    assert(events.length <= 1, `${name}, settled ${events.length} times`);
    if (qos !== 1) assert(taken <= 1, name);
    if (!error) {
      if (qos > 0) assert(taken >= 1 && events.length === 1 && !events[0].error, name);
      return;
    }
    assert(error instanceof MqttError, String(error));
    assert.equal(error.phase, 'publish');
    switch (error.code) {
      case 'refused':
        assert.equal(error.reasonCode, server.refused.get(number), name);
        break;
      case 'aborted':
      case 'timeout':
        assert(error.code === 'timeout' ? how === 'timeout' : how === 'signal' || how === 'aborted', name);
        if (!error.sent && server.lostSessions === 0 && qos > 0) assert.equal(taken, 0, name);
        break;
      case 'removed':
        if (server.lostSessions === 0) assert.equal(taken, 0, name);
        break;
      case 'outcome-unknown':
        assert(qos === 2 && server.lostSessions > 0, name);
        break;
      case 'connection-lost':
        assert.equal(qos, 0, name);
        break;
      case 'not-connected':
        assert(qos === 0 && !scenario.qos0, name);
        break;
      case 'connection-ended':
      case 'queue-full':
        break;
      default:
        assert.fail(name);
    }
  }

  checkDelivered() {
    const { log, server } = this;
    /** @type {Map<number, Set<number>>} */
    const on = new Map();
    let last = { number: -1, connection: 0 };
    for (const entry of log) {
      const { number, connection } = entry;
      if (connection === last.connection) assert(number > last.number, `message ${number} after ${last.number}`);
      last = entry;
      if (!on.has(number)) on.set(number, new Set());
      on.get(number)?.add(connection);
    }
    for (const { number, qos, stage } of server.messages) {
      const times = on.get(number)?.size ?? 0;
      if (qos > 0 && stage === 'done') assert(times >= 1, `message ${number} with QoS ${qos} was not delivered`);
    }
    for (const taker of this.takers) {
      const matched = log.slice(taker.from, taker.until).filter(({ topic }) => MATCHES[taker.filter](topic));
      const numbers = matched.map(({ number }) => number);
      if (taker.kind === 'loop') {
        assert(taker.got.every((number) => log.some((entry) => entry.number === number)));
        continue;
      }
      assert.deepEqual(
        taker.got.slice(0, numbers.length),
        numbers.slice(0, taker.got.length),
        `what ${taker.filter} got`,
      );
      if (!taker.gone) assert.equal(taker.got.length, numbers.length, `how much ${taker.filter} got`);
    }
  }
}

test(`${RUNS} runs of a user and a server by chance`, async () => {
  /** @type {unknown[]} */
  const unhandled = [];
  const note = (/** @type {unknown} */ error) => unhandled.push(error);
  process.on('unhandledRejection', note);
  const property = fc.asyncProperty(scenario, async (input) => {
    await new Run(input).play();
    assert.deepEqual(unhandled.splice(0), []);
  });
  try {
    const path = process.env.SHRUNK;
    const result = await fc.check(property, { numRuns: RUNS, seed: SEED, path });
    if (!result.failed) return;
    const { seed, counterexamplePath, counterexample, errorInstance } = result;
    const what = errorInstance instanceof Error ? errorInstance.stack : String(errorInstance);
    const how = `SEED=${seed} SHRUNK=${counterexamplePath}: ${JSON.stringify(counterexample?.[0])}`;
    assert.fail(`${how}\n${what}`);
  } finally {
    process.off('unhandledRejection', note);
  }
});
