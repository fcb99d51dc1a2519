// Kind 1, client cost: which cases, and the goals for each.
import { PATIENCE, atMost } from './patience.js';
import { costRow, median } from './rows.js';

/** @typedef {import('./rows.js').Goal} Goal */

const VERSIONS = /** @type {const} */ ([
  [4, '3.1.1'],
  [5, '5.0'],
]);

/** @param {number} limit @returns {Goal[]} */
const ahead = (limit) => [
  { against: 'Paho JS', bound: 'least', limit },
  { against: 'MQTT.js', bound: 'least', limit },
];

/** @type {readonly { name: string, what: import('./page/cost.js').Case, goals: Goal[] }[]} */
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
      if (wanted(row.name)) done(costRow(row, await rounds(stage, [{ label: '', what }], version, effort), goals));
    }
  }
}

/**
 * Rounds of all clients in turn, each time in another order.
 * @param {import('./stage.js').Stage} stage
 * @param {readonly { label: string, what: import('./page/cost.js').Case }[]} cases labels stand before clients' names
 * @param {import('./page/packets.js').Version} version
 * @param {Effort} effort
 * @param {string[]} [only] the clients that take part
 * @returns {Promise<import('./rows.js').Measured>} in microseconds a message
 */
export async function rounds(stage, cases, version, effort, only) {
  const scene = await stage.open('cost.js');
  /** @type {Record<string, string>} */
  const failed = {};
  const nothing = median((await times(20, () => scene.timed('nothing'))).map(({ work }) => work));
  /** Microseconds a message. @param {string} client @param {number} messages @param {number | undefined} batch */
  const run = async (client, messages, batch) => {
    const times = await scene.timed(batch === undefined ? 'receive' : 'publish', client, messages, batch);
    const work = Math.max(times.work - nothing, 0);
    return { work: work / messages, elapsed: Math.max(times.elapsed, work) / messages };
  };
  /** @type {{ client: string, messages: number, batch: number | undefined, server: number }[]} */
  const running = [];
  /** @param {string} client @param {import('./page/cost.js').Case} what */
  const warmUp = async (client, what) => {
    const batches = what.direction === 'in' ? [undefined] : what.qos === 0 ? [1000] : BATCHES;
    let best = { client, messages: 0, batch: batches[0], cost: Infinity };
    for (const batch of batches) {
      const unit = batch ?? what.perFrame ?? 1;
      let messages = Math.ceil(1000 / unit) * unit;
      let cost = 0;
      // Every topic comes twice at least, since the first time is another matter.
      let seen = 0;
      for (let spent = 0; spent < effort.warmUp * 1000 || seen < 2 * (what.topics ?? 0);) {
        cost = (await run(client, messages, batch)).elapsed;
        spent += Math.max(cost * messages, 100);
        seen += messages;
        messages = Math.max(1, Math.round((effort.part * 1000) / cost / unit)) * unit;
      }
      if (cost < best.cost) best = { client, messages, batch, cost };
    }
    const server = await scene.call('serverCost', client, best.messages, best.batch);
    running.push({ ...best, server });
  };
  for (const { label, what } of cases) {
    const prepared = await scene.call('prepare', what, version, only, label);
    Object.assign(failed, prepared.failed);
    for (const client of prepared.ready) {
      await atMost(PATIENCE, warmUp(client, what)).catch((error) => (failed[client] = error.message));
    }
  }
  /** @type {Record<string, number[]>} */
  const elapsed = Object.fromEntries(running.map(({ client }) => [client, []]));
  const work = structuredClone(elapsed);
  for (let round = 0; round < effort.rounds; round++) {
    for (let i = 0; i < running.length; i++) {
      const { client, messages, batch, server } = running[(i + round) % running.length];
      const took = await run(client, messages, batch);
      elapsed[client].push(took.elapsed - server);
      work[client].push(took.work - server);
    }
  }
  await scene.call('finish');
  await scene.close();
  return { times: elapsed, work, failed };
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
