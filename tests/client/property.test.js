// Whatever a user and a legal server do, in whatever order, in MQTT 3.1, 3.1.1 and 5.0, without a store and with one that
// clients die on: each promise settles, truly; messages arrive as often as their QoS says, in order, at the right handlers;
// the server has the subscriptions that are wanted; nothing is pending at the end, and no error is lost or left unhandled.
//
// RUNS=5000 for more runs than usual, SEED=n for others; a failure prints seed and path, and the shortest run that fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MqttError } from '../../web/client/index.js';
import { TestStore } from './lives.js';
import { MATCHES, ModelServer, numberOf, payloadOf } from './model_server.js';
import { turn } from './peer.js';

/** @typedef {import('../../web/client/index.js').Message} Message */

const RUNS = Number(process.env.RUNS ?? 600);
const SEED = Number(process.env.SEED ?? 1);
/** For what hangs, ms. */
const WATCHDOG = 3_000;

const LARGE = 20_000; // streamed, both ways
const FILTERS = Object.keys(MATCHES);
const TOPICS = ['t/0', 't/1', 't/2', 'other/2'];

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
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('send'),
      qos,
      size,
      topic: fc.constantFrom(...TOPICS),
      retain: fc.nat(5).map((n) => n === 0),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('next') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut'), bytes: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('goodbye') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('die', 'hold', 'release') }) }, // with a store
  { weight: 8, arbitrary: fc.record({ do: fc.constant('turn') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause') }) },
);
const scenario = fc.record({
  version: fc.constantFrom(3, 4, 5, 5),
  identifies: fc.boolean(),
  store: fc.boolean(),
  clean: fc.boolean(), // without a store
  subscribed: fc.boolean(),
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
 * @typedef {object} Taker a subscription
 * @property {string} filter
 * @property {string} kind
 * @property {number} from length of the log when it began; of a loop, when that did
 * @property {number} until when it ended
 * @property {number[]} got
 * @property {boolean} gone
 * @property {any} user what subscribe() gave
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
  /**
   * Every delivery.
   * @type {{ number: number, topic: string, qos: number, connection: number, redelivered: boolean }[]}
   */
  log = [];
  /** QoS 2 messages that were acknowledged: they may not come again. @type {Set<number>} */
  finished = new Set();
  store = new TestStore();
  /** Numbers of published messages that were in the store when a life ended. @type {Set<number>} */
  surviving = new Set();
  /** Lives so far. */
  lives = 0;
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
    this.server = new ModelServer(scenario.version, scenario.identifies);
    this.server.limit(scenario.receiveMaximum, scenario.topicAliasMaximum);
    this.server.maxInflight = scenario.maxInflight;
    this.server.acknowledged = (number) => {
      if (this.held.get(this.here(number))?.size)
        this.server.faults.push(`message ${number} acknowledged while it is handled`);
    };
    this.client = this.begin();
  }

  /** A client is made. */
  begin() {
    this.lives++;
    const { clean, version, maxInflight, qos0, store } = this.scenario;
    const client = this.server.peer.createClient({
      clientId: 'property',
      protocolVersion: /** @type {3 | 4 | 5} */ (version),
      clean: clean && !store,
      maxInflight,
      keepalive: 0,
      queue: { qos0, maxMessages: 20 },
      ...(store && { store: this.store }),
    });
    client.ready.catch(() => {});
    client.on('error', (error) => this.errors.push(error));
    client.on('connect', () => this.server.told());
    client.on('settled', (what) => {
      const key = String(what.key);
      this.settled.set(key, [...(this.settled.get(key) ?? []), what]);
    });
    client.handle('#', (message) => this.arrived(message));
    return client;
  }

  /** @param {Message} message */
  arrived(message) {
    const number = numberOf(message.payload);
    const { topic, size, qos, retain } = this.server.messages[number];
    const { redelivered } = message;
    assert.deepEqual([message.topic, message.qos, message.retain], [topic, qos, retain]);
    assert.equal(message.payload.length, payloadOf(number, size).length);
    const before = this.log.filter((entry) => entry.number === number);
    if (redelivered !== (qos === 2 && before.length > 0)) {
      // A life may end after it noted that a message is begun, and before a handler has it.
      if (!redelivered || this.lives === 1) this.server.faults.push(`message ${number}: redelivered is ${redelivered}`);
    }
    if (this.finished.has(number)) this.server.faults.push(`message ${number} came again`);
    const connection = this.server.peer.connections.length;
    this.log.push({ number, topic, qos, connection, redelivered });
  }

  /** The page dies, and is opened again. */
  die() {
    const { server, store, client } = this;
    if (!store.alive) return;
    store.kill();
    for (const { socket } of server.peer.connections) {
      socket.send = () => {};
      socket.onopen = socket.onmessage = undefined;
    }
    server.cut(0);
    server.died();
    for (const taker of this.takers) this.leave(taker);
    this.manual = [];
    this.held.clear();
    // What is not in the store did not happen.
    const records = new Map(
      store.writes.flat().map((change) => (typeof change === 'string' ? [change, undefined] : change)),
    );
    this.finished.clear();
    for (const { number, id, stage, qos } of server.messages)
      if (qos === 2 && (stage === 'sent' || stage === 'released') && records.get(`i:${id}`)?.done)
        this.finished.add(number);
    for (const [key, record] of records) if (key.startsWith('m:') && record) this.surviving.add(Number(record.key));
    this.watch('end of a life', client.end({ force: true }));
    this.listening = false;
    this.client = this.begin();
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

  /** @param {any} user @param {Taker} taker */
  async loop(user, taker) {
    taker.from = this.log.length;
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
    const { server, client, store } = this;
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
        server.queue(what);
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
      case 'die':
        this.die();
        break;
      case 'hold':
        store.holding = true;
        break;
      case 'release':
        store.release();
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
      this.store.release();
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
    const { scenario, server } = this;
    // Promises that the library made are ours to watch; nothing else may be left.
    if (scenario.connected) await this.calm(() => this.client.state === 'connected');
    if (scenario.subscribed) {
      this.subscribe({ filter: '#', qos: 2, kind: 'plain' });
      await turn();
      if (scenario.connected) this.server.work();
    }
    for (const what of scenario.commands) {
      this.step(what);
      if (what.do === 'turn' || what.do === 'settle') await turn();
      if (what.do === 'pause') await new Promise((resolve) => setTimeout(resolve, 6));
    }
    if (scenario.early > 0) {
      const settled = () => this.published.every(({ watched }) => watched.times > 0);
      const handled = () => [...this.held.values()].every((who) => who.size === 0) && this.manual.length === 0;
      const quiet = () =>
        this.client.state === 'connected' &&
        server.up && // or the client has not heard yet that it was cut off
        settled() &&
        handled() &&
        server.idle &&
        this.client.pending().length === 0 &&
        this.promises.every(({ name, times }) => times > 0 || name.startsWith('loop'));
      await this.calm(quiet);
      await this.calm(quiet);
      this.checkSubscriptions();
      for (const topic of TOPICS) server.queue({ topic, qos: 2, size: 1, retain: false });
      await this.calm(quiet);
      // What another handler has acknowledged may still wait for a loop.
      await this.calm(() => this.takers.every((taker) => this.missedByLoop(taker).length === 0));
    }
    const end = this.watch('end', this.client.end({ force: scenario.force }));
    await this.calm(() => end.times > 0);
    await this.calm(() => this.promises.every(({ times }) => times > 0));
    await turn();
    this.check();
  }

  /** What is wanted is what the server has; of an earlier life it may have more. */
  checkSubscriptions() {
    const { subscriptions, refusedFilters } = this.server;
    const wanted = new Set(this.takers.filter(({ user, gone }) => user && !gone).map(({ filter }) => filter));
    for (const filter of wanted)
      if (!refusedFilters.has(filter)) assert(subscriptions.has(filter), `${filter} is not subscribed to any more`);
    if (this.lives > 1) return;
    for (const filter of subscriptions.keys()) assert(wanted.has(filter), `${filter} is still subscribed to`);
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
      assert(
        error.message === 'boom' ||
          (error instanceof MqttError && (error.phase === 'subscribe' || error.code === 'taken-over-suspected')),
        String(error),
      );
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
    assert(events.length <= this.lives, `${name}, settled ${events.length} times`);
    if (qos !== 1) assert(taken <= 1, name);
    if (!error) {
      if (qos > 0) assert(taken >= 1 && events.length >= 1 && !events[0].error, name);
      return;
    }
    assert(error instanceof MqttError, String(error));
    assert.equal(error.phase, 'publish');
    // Not if the page died before that was stored.
    const takenBack = server.lostSessions === 0 && !this.surviving.has(number);
    switch (error.code) {
      case 'refused':
        assert.equal(error.reasonCode, server.refused.get(number), name);
        break;
      case 'aborted':
      case 'timeout':
        assert(error.code === 'timeout' ? how === 'timeout' : how === 'signal' || how === 'aborted', name);
        if (!error.sent && takenBack && qos > 0) assert.equal(taken, 0, name);
        break;
      case 'removed':
        if (takenBack) assert.equal(taken, 0, name);
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
        // It survived: the next life told what became of it.
        if (!this.surviving.has(number) || scenario.early === 0) break;
        assert(events.length >= 1, name);
        if (events.every((event) => !event.error)) assert(taken >= 1, name);
        break;
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
    /** The last one, by QoS where QoS 2 waits for the store. @type {Map<number, { number: number, connection: number }>} */
    const last = new Map();
    for (const entry of log) {
      const { number, connection } = entry;
      const stream = this.scenario.store ? entry.qos : 0;
      const before = last.get(stream);
      if (connection === before?.connection) assert(number > before.number, `message ${number} after ${before.number}`);
      last.set(stream, entry);
      if (!on.has(number)) on.set(number, new Set());
      on.get(number)?.add(connection);
    }
    for (const { number, qos, stage } of server.messages) {
      const times = on.get(number)?.size ?? 0;
      if (qos > 0 && stage === 'done') assert(times >= 1, `message ${number} with QoS ${qos} was not delivered`);
    }
    for (const taker of this.takers) this.checkTaker(taker);
  }

  /** Messages with QoS 1 and 2 that a loop has still to get. @param {Taker} taker */
  missedByLoop(taker) {
    if (taker.kind !== 'loop' || taker.gone) return [];
    return this.meant(taker).filter(
      (number) =>
        this.server.messages[number].qos > 0 &&
        this.server.messages[number].stage === 'done' &&
        !taker.got.includes(number),
    );
  }

  /** Messages for a handler: with identifiers, it gets what its own subscription brings. @param {Taker} taker */
  meant({ filter, from, until }) {
    const { messages } = this.server;
    const own = (/** @type {number} */ number) =>
      messages[number].identifiers.length === 0 || messages[number].filters.includes(filter);
    const matched = this.log.slice(from, until).filter(({ topic }) => MATCHES[filter](topic));
    return matched.map(({ number }) => number).filter(own);
  }

  /** @param {Taker} taker */
  checkTaker(taker) {
    const { filter, from, until, got, gone, kind } = taker;
    const numbers = this.log
      .slice(from, until)
      .filter(({ topic }) => MATCHES[filter](topic))
      .map(({ number }) => number);
    if (kind === 'loop') {
      assert(got.every((number) => this.log.some((entry) => entry.number === number)));
      if (this.scenario.early > 0)
        assert.deepEqual(this.missedByLoop(taker), [], `what the loop over ${filter} did not get`);
      return;
    }
    let at = 0;
    for (const number of got) {
      at = numbers.indexOf(number, at) + 1;
      assert(at > 0 || gone, `${filter} got ${number} out of turn`);
      if (at === 0) break; // after unsubscribe()
    }
    if (gone) return;
    const missed = this.meant(taker).filter((number) => !got.includes(number));
    assert.deepEqual(missed, [], `what ${filter} did not get`);
    if (!this.scenario.identifies) assert.equal(got.length, numbers.length, `how much ${filter} got`);
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
