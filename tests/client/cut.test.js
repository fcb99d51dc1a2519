// The connection cut after every byte, in both directions, of a conversation with QoS 0, 1 and 2 both ways; and the client
// killed at each of its steps, with a store. The server keeps the session: at the end nothing is lost, and what QoS 2
// promises is kept. tests/unit/cut_test.c does the same natively, tests/browser/kill.test.js with pages and IndexedDB.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createClient, memoryStore } from '../../web/client/index.js';
import { eventually, wasm } from './peer.js';
import { SessionServer } from './session_server.js';

const module = new WebAssembly.Module(readFileSync(wasm));
/** QoS of the messages in each direction. @type {(0 | 1 | 2)[]} */
const DOWN = [0, 1, 2, 2, 1];
/** @type {(0 | 1 | 2)[]} */
const UP = [1, 2, 0, 2, 1];

/** How far a connection gets before it is cut; once. */
class Cut {
  happened = false;

  /** @param {{ up?: number, down?: number }} bytes */
  constructor({ up = Infinity, down = Infinity }) {
    this.left = { up, down };
  }

  /**
   * The part of bytes that passes.
   * @param {'up' | 'down'} direction
   * @param {Uint8Array} bytes
   */
  pass(direction, bytes) {
    const part = bytes.subarray(0, this.left[direction]);
    this.left[direction] -= part.length;
    if (part.length < bytes.length) {
      this.happened = true;
      this.left = { up: Infinity, down: Infinity };
      return { part, whole: false };
    }
    return { part, whole: true };
  }
}

/** One life of the client: it ends before the step of that number; what it does later has no effect. */
class Life {
  steps = 0;
  #last;
  /** @type {() => void} */
  died = () => {};
  dead = false;

  /** @param {number} last */
  constructor(last) {
    this.#last = last;
  }

  /** Does the next step still happen? */
  step() {
    if (this.dead) return false;
    if (this.steps++ < this.#last) return true;
    this.dead = true;
    this.died();
    return false;
  }
}

/**
 * A WebSocket to the server. Messages take a task each.
 * @param {SessionServer} server
 * @param {Cut} cut
 * @param {Life} life
 */
function socketTo(server, cut, life) {
  let open = true;
  /** @type {any} */
  const socket = {
    bufferedAmount: 0,
    send(/** @type {Uint8Array} */ data) {
      if (!open || !life.step()) return;
      const { part, whole } = cut.pass('up', data);
      server.receive(part);
      if (!whole) lose(1006);
    },
    close: () => lose(1005),
  };
  const lose = (/** @type {number} */ code) => {
    open = false;
    setImmediate(() => socket.onclose?.({ code, reason: '' }));
  };
  setImmediate(() => {
    if (!life.step()) return;
    server.connection((bytes) => {
      const data = new Uint8Array(bytes);
      setImmediate(() => {
        if (!open || !life.step()) return;
        const { part, whole } = cut.pass('down', data);
        socket.onmessage({ data: part.slice().buffer });
        if (!whole) lose(1006);
      });
    });
    socket.onopen({});
  });
  return socket;
}

/**
 * A store whose transactions are steps of a life, and which a death closes.
 * @param {import('../../web/client/store.js').Store} store
 * @param {Life} life
 * @returns {import('../../web/client/store.js').Store}
 */
function storeOf(store, life) {
  return {
    async open(name) {
      const session = await store.open(name);
      life.died = () => void session.close();
      const never = new Promise(() => {});
      return {
        load: () => session.load(),
        async write(changes) {
          if (!life.step()) return /** @type {Promise<never>} */ (never);
          await session.write(changes);
          if (!life.step()) return /** @type {Promise<never>} */ (never);
        },
        close: () => (life.dead ? undefined : session.close()),
      };
    },
  };
}

/**
 * What the application did with a message.
 * @typedef {{ payload: string, qos: number, redelivered: boolean }} Handled
 */

/**
 * @param {Life} life
 * @param {Cut} cut
 * @param {SessionServer} server
 * @param {4 | 5} protocolVersion
 * @param {import('../../web/client/options.js').ClientOptions} options
 * @param {Handled[]} handled
 */
function start(life, cut, server, protocolVersion, options, handled) {
  const client = createClient('ws://session.test/mqtt', {
    wasm: module,
    webSocket: () => socketTo(server, cut, life),
    reconnect: { minDelay: 1, maxDelay: 1, jitter: 'none' },
    clientId: 'c',
    clean: false,
    protocolVersion,
    ...options,
  });
  client.on('error', () => {});
  client.handle('down', (message) => {
    if (!life.step()) return;
    handled.push({ payload: message.text(), qos: message.qos, redelivered: message.redelivered });
    life.step(); // it may die in the handler
  });
  return client;
}

/** @param {number} qos */
const expected = (qos) => UP.flatMap((one, i) => (one === qos ? [`${i}`] : []));

/** @param {string[]} list */
const distinct = (list) => [...new Set(list)];

/**
 * @param {SessionServer} server
 * @param {Handled[]} handled
 */
function checkDown(server, handled) {
  assert.deepEqual(server.faults, []);
  const of = (/** @type {number} */ qos) => handled.filter((one) => one.qos === qos).map(({ payload }) => payload);
  assert.deepEqual(distinct(of(1)), ['1', '4'], 'QoS 1 at least once, in order');
  assert.deepEqual(distinct(of(2)), ['2', '3'], 'QoS 2, in order');
  assert.ok(of(0).length <= 1, 'QoS 0 at most once');
  return of(2);
}

/** @param {SessionServer} server */
function checkUp(server) {
  assert.deepEqual(distinct(server.arrived[1]), expected(1), 'QoS 1 at least once, in order');
  assert.deepEqual(server.arrived[2], expected(2), 'QoS 2 exactly once, in order');
  assert.ok(server.arrived[0].length <= 1, 'QoS 0 at most once');
}

/**
 * One run whose connection is cut. False: it was over before.
 * @param {4 | 5} version
 * @param {{ up?: number, down?: number }} bytes
 */
async function cutRun(version, bytes) {
  const server = new SessionServer(DOWN);
  const cut = new Cut(bytes);
  /** @type {Handled[]} */
  const handled = [];
  const client = start(new Life(Infinity), cut, server, version, {}, handled);
  await client.ready;
  const results = await Promise.allSettled(UP.map((qos, i) => client.publish('up', `${i}`, { qos })));
  await eventually(() => server.done);
  const { happened } = cut; // before DISCONNECT
  await client.end({ force: true });
  for (const [i, { status }] of results.entries()) if (UP[i] > 0) assert.equal(status, 'fulfilled');
  assert.deepEqual(checkDown(server, handled), ['2', '3'], 'QoS 2 exactly once');
  checkUp(server);
  return happened;
}

/**
 * One run whose client is killed before a step, and followed by another life. False: it was over before.
 * @param {4 | 5} version
 * @param {number} step
 */
async function killRun(version, step) {
  const server = new SessionServer(DOWN);
  const store = memoryStore();
  const cut = new Cut({});
  /** @type {Handled[]} */
  const handled = [];
  const life = new Life(step);
  let accepted = false; // all of UP is in the store, as far as the application knows

  const first = start(life, cut, server, version, { store: storeOf(store, life) }, handled);
  const publishing = first.ready.then(async () => {
    const all = UP.map((qos, i) => first.publish('up', `${i}`, { qos }));
    for (const one of all) one.catch(() => {});
    await first.stored();
    accepted = !life.dead;
    await Promise.allSettled(all);
  });
  publishing.catch(() => {});
  let over = false;
  publishing.then(() => (over = true)).catch(() => {});
  await eventually(() => life.dead || (over && server.done && first.pending().length === 0));
  const killed = life.dead;
  const before = handled.length;
  first.end({ force: true }).catch(() => {}); // a ghost: nothing that it does has any effect

  if (killed) {
    const second = start(new Life(Infinity), cut, server, version, { store }, handled);
    await second.ready;
    await eventually(() => server.done && second.pending().length === 0);
    await second.end();
  }
  const twice = checkDown(server, handled);
  const again = handled.slice(before).filter(({ qos, payload }, i) => {
    return qos === 2 && handled.slice(0, before + i).some((one) => one.qos === 2 && one.payload === payload);
  });
  assert.ok(again.length <= 1, 'at most one QoS 2 message comes again');
  assert.equal(twice.length, 2 + again.length);
  assert.ok(again.every(({ redelivered }) => redelivered));
  if (accepted) checkUp(server);
  else assert.deepEqual(distinct(server.arrived[2]), server.arrived[2], 'QoS 2 at most once');
  return killed;
}

for (const version of /** @type {const} */ ([4, 5])) {
  const ids = version === 4 ? '[M3:4.4.0-1] [M3:4.3.3-1] [M3:4.3.3-2]' : '[M5:4.4.0-1] [M5:4.3.3-6] [M5:4.3.3-10]';
  for (const direction of /** @type {const} */ (['up', 'down'])) {
    test(`version ${version}: the connection is cut after each byte ${direction} ${ids}`, async () => {
      let n = 0;
      while (await cutRun(version, { [direction]: n })) n++;
      assert.ok(n > 60, `${n} bytes`);
    });
  }

  test(`version ${version}: the client is killed at each step, and goes on from its store ${ids}`, async () => {
    let n = 0;
    while (await killRun(version, n)) n++;
    assert.ok(n > 40, `${n} steps`);
  });
}
