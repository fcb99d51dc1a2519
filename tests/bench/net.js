// Kind 2, end to end: which cases, and the goals for each.
import { startLoad } from './load.js';
import { clientsFor } from './page/clients.js';
import { rounds } from './rounds.js';
import { median, notesOf, rateRow } from './rows.js';

/** @typedef {import('./rows.js').Goal} Goal */
/** @typedef {import('./stage.js').Scene} Scene */

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {'in' | 'out'} direction
 * @property {number} [qos]
 * @property {number} [perFrame]
 * @property {Record<string, Goal[]>} goals by engine
 */

/** @param {string} against @param {number} limit @returns {Goal} */
const least = (against, limit) => ({ against, bound: 'least', limit });

/** @type {readonly Case[]} */
const CASES = [
  { name: 'out, QoS 0', direction: 'out', qos: 0, goals: { chromium: [least('MQTT.js', 25)] } },
  { name: 'out, QoS 1', direction: 'out', qos: 1, goals: { chromium: [least('MQTT.js', 7)] } },
  { name: 'out, QoS 2', direction: 'out', qos: 2, goals: { chromium: [least('MQTT.js', 20)] } },
  {
    name: 'in, QoS 0, 32 a frame',
    direction: 'in',
    perFrame: 32,
    goals: { chromium: [least('MQTT.js', 15), least('walk', 0.85)], firefox: [least('MQTT.js', 40)] },
  },
  { name: 'in, QoS 0, 1 a frame', direction: 'in', perFrame: 1, goals: { chromium: [least('walk', 0.95)] } },
];

/** All clients speak it. */
const VERSION = 4;
const TITLE = '3.1.1';
const ROUNDS = 7;
/** Milliseconds of a client's part of a round. */
const PART = 120;
const WARM_UP = 500;
/** Round trips in a client's part of a round, the rounds, and round trips before those. */
const ECHOES = 200;
const ECHO_ROUNDS = 25;
const ECHO_WARM_UP = 1000;
/** A round trip may take so many microseconds longer than a bare WebSocket's, or so many times as long. */
const ECHO_MORE = 50;
const ECHO_TIMES = 1.15;

/**
 * @param {import('./stage.js').Stage} stage
 * @param {(name: string) => boolean} wanted
 * @param {(row: import('./rows.js').Row) => void} done
 */
export async function measure(stage, wanted, done) {
  const load = await startLoad();
  try {
    for (const what of CASES) {
      const row = { kind: 'net', engine: stage.engine, name: `net, ${what.name}, ${TITLE}`, unit: 'messages/s' };
      if (wanted(row.name)) done(rateRow(row, await compare(stage, load.url, what), what.goals[stage.engine] ?? []));
    }
    const name = `net, round trip, ${TITLE}`;
    if (wanted(name)) done(await echo(stage, load.url, name));
  } finally {
    await load.stop();
  }
}

/**
 * @param {import('./stage.js').Stage} stage
 * @param {string} url
 * @param {Case} what
 * @returns {Promise<import('./rows.js').Measured>} microseconds a message
 */
async function compare(stage, url, what) {
  const { direction, qos = 0, perFrame = 1 } = what;
  const { ready, failed } = clientsFor(direction, qos, VERSION);
  // What an event costs without a network is told by `cost`.
  const players = ready
    .filter(({ name }) => name !== 'event')
    .map(({ name }) => ({
      name,
      prepare: async (/** @type {Scene} */ scene) => {
        await scene.call('connect', name, url, VERSION, direction, perFrame, qos);
        return warmUp(scene, what);
      },
    }));
  const { parts, failed: late } = await rounds(stage, 'net.js', players, ROUNDS);
  return { times: parts, failed: { ...failed, ...late } };
}

/**
 * Have a page's client run for a while.
 * @param {Scene} scene
 * @param {Case} what
 * @returns {Promise<() => Promise<number>>} does a part: microseconds a message
 */
async function warmUp(scene, { direction, qos = 0, perFrame = 1 }) {
  const run = async (/** @type {number} */ messages, /** @type {number} */ batch) => {
    const took = await scene.call(direction === 'in' ? 'receive' : 'publish', messages, batch);
    return (took * 1000) / messages;
  };
  let best = { messages: 0, batch: 0, cost: Infinity };
  for (const batch of direction === 'in' ? [perFrame] : qos === 0 ? [1000] : [100, 1000]) {
    let messages = batch;
    let cost = 0;
    for (let spent = 0; spent < WARM_UP;) {
      cost = await run(messages, batch);
      spent += (cost * messages) / 1000;
      // Not by more than ten times: the first message is the slowest.
      messages = Math.min(messages * 10, Math.ceil((PART * 1000) / cost / batch) * batch);
    }
    if (cost < best.cost) best = { messages, batch, cost };
  }
  return () => run(best.messages, best.batch);
}

/**
 * @param {import('./stage.js').Stage} stage
 * @param {string} url
 * @param {string} name
 * @returns {Promise<import('./rows.js').Row>}
 */
async function echo(stage, url, name) {
  const { ready, failed: none } = clientsFor('echo', 0, VERSION);
  const players = ready.map((client) => ({
    name: client.name,
    prepare: async (/** @type {Scene} */ scene) => {
      await scene.call('connect', client.name, url, VERSION, 'echo');
      await scene.call('echo', ECHO_WARM_UP);
      return async () => /** @type {number[]} */ (await scene.call('echo', ECHOES));
    },
  }));
  const { parts, failed } = await rounds(stage, 'net.js', players, ECHO_ROUNDS);
  const values = Object.fromEntries(
    Object.entries(parts).map(([client, lists]) => [client, median(lists.flat()) * 1000]),
  );
  const limit = Math.max(values.walk * ECHO_TIMES, values.walk + ECHO_MORE);
  return {
    kind: 'net',
    engine: stage.engine,
    name,
    unit: 'µs',
    values,
    checks:
      stage.engine === 'chromium' ? [{ goal: { against: '', bound: 'most', limit }, measured: values.wasmqtt }] : [],
    notes: notesOf({ ...none, ...failed }),
  };
}
