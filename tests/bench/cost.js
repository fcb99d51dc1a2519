// Kind 1, client cost: which cases, and the goals for each.
import { clientsFor } from './page/clients.js';
import { rounds } from './rounds.js';
import { costRow, median } from './rows.js';

/** @typedef {import('./page/cost.js').Case} Case */
/** @typedef {import('./rows.js').Goal} Goal */
/** @typedef {import('./stage.js').Scene} Scene */

const VERSIONS = /** @type {const} */ ([
  [4, '3.1.1'],
  [5, '5.0'],
]);

/** @param {number} limit @returns {Goal[]} */
const ahead = (limit) => [
  { against: 'Paho JS', bound: 'least', limit },
  { against: 'MQTT.js', bound: 'least', limit },
];

/** @type {readonly { name: string, what: Case, goals: Goal[] }[]} */
export const CASES = [
  {
    name: 'in, QoS 0, 32 a frame',
    what: { direction: 'in', qos: 0, size: 64, perFrame: 32 },
    goals: [
      { against: 'handing walk', bound: 'most', limit: 2 },
      { against: 'Paho JS', bound: 'least', limit: 12 },
      { against: 'MQTT.js', bound: 'least', limit: 60 },
    ],
  },
  {
    name: 'in, QoS 0, 1 a frame',
    what: { direction: 'in', qos: 0, size: 64, perFrame: 1 },
    goals: [{ against: 'walk', bound: 'most', limit: 1.15 }],
  },
  { name: 'in, QoS 1, 32 a frame', what: { direction: 'in', qos: 1, size: 64, perFrame: 32 }, goals: ahead(4) },
  { name: 'in, QoS 2, 32 a frame', what: { direction: 'in', qos: 2, size: 64, perFrame: 32 }, goals: ahead(4) },
  { name: 'out, QoS 0', what: { direction: 'out', qos: 0, size: 64 }, goals: ahead(40) },
  { name: 'out, QoS 1', what: { direction: 'out', qos: 1, size: 64 }, goals: ahead(15) },
  { name: 'out, QoS 2', what: { direction: 'out', qos: 2, size: 64 }, goals: ahead(15) },
  {
    name: 'in, QoS 0, 1 KiB, 1 a frame',
    what: { direction: 'in', qos: 0, size: 1024, perFrame: 1 },
    goals: [{ against: 'walk', bound: 'most', limit: 1.3 }],
  },
  {
    name: 'in, QoS 0, 1 KiB, 32 a frame',
    what: { direction: 'in', qos: 0, size: 1024, perFrame: 32 },
    goals: [{ against: 'walk', bound: 'most', limit: 3 }],
  },
];

/**
 * @typedef {object} Effort
 * @property {number} rounds
 * @property {number} part about so many milliseconds each client takes of a round
 * @property {number} warmUp each client runs for so many milliseconds first
 */

/** The whole measurement; a test takes less. @type {Effort} */
export const FULL = { rounds: 11, part: 25, warmUp: 200 };
/** QoS 1 and 2, outbound: the app has so many messages under way, whichever suits the client better. */
const BATCHES = [100, 1000];

/**
 * @param {import('./stage.js').Stage} stage
 * @param {(name: string) => boolean} wanted
 * @param {(row: import('./rows.js').Row) => void} done
 * @param {Effort} [effort]
 */
export async function measure(stage, wanted, done, effort = FULL) {
  for (const { name, what, goals } of CASES) {
    for (const [version, title] of VERSIONS) {
      const row = { kind: 'cost', engine: stage.engine, name: `${name}, ${title}`, unit: 'µs a message' };
      if (wanted(row.name)) done(costRow(row, await compare(stage, [{ label: '', what }], version, effort), goals));
    }
  }
}

/**
 * What a message costs the clients.
 * @param {import('./stage.js').Stage} stage
 * @param {readonly { label: string, what: Case }[]} cases labels stand before clients' names
 * @param {import('./page/packets.js').Version} version
 * @param {Effort} effort
 * @param {string[]} [only] the clients that take part
 * @returns {Promise<import('./rows.js').Measured>} in microseconds
 */
export async function compare(stage, cases, version, effort, only) {
  /** @type {Record<string, string>} */
  const none = {};
  const players = cases.flatMap(({ label, what }) => {
    const { ready, failed } = clientsFor(what.direction, what.qos, version, only);
    Object.assign(none, failed);
    return ready.map(({ name }) => ({
      name: label + name,
      prepare: async (/** @type {Scene} */ scene) => {
        await scene.call('connect', name, what, version);
        return warmUp(scene, what, effort);
      },
    }));
  });
  const { parts, failed } = await rounds(stage, 'cost.js', players, effort.rounds);
  const all = (/** @type {keyof import('./stage.js').Times} */ kind) =>
    Object.fromEntries(Object.entries(parts).map(([name, list]) => [name, list.map((times) => times[kind])]));
  return { times: all('elapsed'), work: all('work'), failed: { ...none, ...failed } };
}

/**
 * Have a page's client run for a while.
 * @param {Scene} scene
 * @param {Case} what
 * @param {Effort} effort
 * @returns {Promise<() => Promise<import('./stage.js').Times>>} does a part: microseconds a message
 */
async function warmUp(scene, what, effort) {
  const nothing = median((await times(20, () => scene.timed('nothing'))).map(({ work }) => work));
  const run = async (/** @type {number} */ messages, /** @type {number | undefined} */ batch, server = 0) => {
    const took = await scene.timed(batch === undefined ? 'receive' : 'publish', messages, batch);
    const work = Math.max(took.work - nothing, 0);
    return { work: work / messages - server, elapsed: Math.max(took.elapsed, work) / messages - server };
  };
  const batches = what.direction === 'in' ? [undefined] : what.qos === 0 ? [1000] : BATCHES;
  let best = { messages: 0, batch: batches[0], cost: Infinity };
  for (const batch of batches) {
    const unit = batch ?? what.perFrame ?? 1;
    let messages = Math.ceil(1000 / unit) * unit;
    let cost = 0;
    // Every topic comes twice at least, since the first time is another matter.
    let seen = 0;
    for (let spent = 0; spent < effort.warmUp * 1000 || seen < 2 * (what.topics ?? 0);) {
      cost = (await run(messages, batch)).elapsed;
      spent += Math.max(cost * messages, 100);
      seen += messages;
      // Not by more than ten times: too short a part may seem to cost nothing.
      messages = Math.min(messages * 10, Math.max(1, Math.round((effort.part * 1000) / cost / unit)) * unit);
    }
    if (cost < best.cost) best = { messages, batch, cost };
  }
  const server = await scene.call('serverCost', best.messages, best.batch);
  return () => run(best.messages, best.batch, server);
}

/**
 * @template T
 * @param {number} count
 * @param {() => Promise<T>} what
 */
async function times(count, what) {
  const all = [];
  for (let i = 0; i < count; i++) all.push(await what());
  return all;
}
