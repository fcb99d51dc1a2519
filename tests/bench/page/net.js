// Kind 2, end to end: the page's own WebSocket to the load server of load.c.
import { LOOKERS, loadClients } from './clients.js';
import { topicName } from './packets.js';
import { Runners } from './runners.js';
import { Sink } from './sink.js';

/** @typedef {import('./packets.js').Version} Version */

/** @type {Runners<{ session: import('./clients.js').Session, sink: Sink }>} */
const runners = new Runners();
const names = Array.from({ length: 1000 }, (_, n) => topicName(n));
const payload = new Uint8Array(64).fill(42);
const nothing = new Uint8Array(0);
let qos = 0;

/**
 * Connect everything that a case is for.
 * @param {string} url
 * @param {Version} version
 * @param {'in' | 'out' | 'echo'} direction
 * @param {number} [perFrame]
 * @param {number} [level] QoS of what is published
 * @returns {Promise<{ ready: string[], failed: Record<string, string> }>}
 */
export async function prepare(url, version, direction, perFrame = 1, level = 0) {
  qos = level;
  /** @type {Record<string, string>} */
  const failed = {};
  const lookers = LOOKERS.filter(({ name }) => (direction === 'in' ? name !== 'event' : name === 'walk'));
  for (const client of [...(direction === 'out' ? [] : lookers), ...(await loadClients())]) {
    if (!client.versions.includes(version)) {
      failed[client.name] = 'does not speak the version';
      continue;
    }
    try {
      const session = await client.connect(`${url}/${version}/64/${perFrame}/1000`, version);
      const sink = new Sink(perFrame);
      await session.subscribe(direction === 'in' ? 'site/#' : 'echo/#', 0, sink);
      runners.set(client.name, { session, sink });
    } catch (error) {
      failed[client.name] = String(error instanceof Error ? error.message : error);
    }
  }
  return { ready: [...runners.keys()], failed };
}

/**
 * Have the server send so many messages.
 * @param {string} name
 * @param {number} messages
 * @returns {Promise<number>} milliseconds
 */
export async function receive(name, messages) {
  const { session, sink } = runners.of(name);
  const began = performance.now();
  const came = sink.expect(messages);
  session.say('go', new TextEncoder().encode(String(messages)));
  await came;
  return performance.now() - began;
}

/**
 * Publish so many messages, `batch` at a time; it ends when the server has had them all.
 * @param {string} name
 * @param {number} messages
 * @param {number} batch
 * @returns {Promise<number>} milliseconds
 */
export async function publish(name, messages, batch) {
  const { session, sink } = runners.of(name);
  const began = performance.now();
  for (let i = 0; i < messages; i += batch) await session.publish(names, payload, qos, batch);
  const came = sink.expect(1);
  session.say('echo/end', nothing);
  await came;
  return performance.now() - began;
}

/**
 * A message there and back, by each in turn.
 * @param {number} count
 * @returns {Promise<Record<string, number[]>>} milliseconds, by client
 */
export async function echo(count) {
  /** @type {Record<string, number[]>} */
  const times = {};
  for (const name of runners.keys()) times[name] = [];
  for (let i = 0; i < count; i++) {
    for (const [name, { session, sink }] of runners) {
      const began = performance.now();
      const came = sink.expect(1);
      session.say('echo/one', payload);
      await came;
      times[name].push(performance.now() - began);
    }
  }
  return times;
}

export const finish = () => runners.end();
