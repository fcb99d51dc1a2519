// Kind 2, end to end: the page's own WebSocket to the load server of load.c.
import { clientOf } from './clients.js';
import { topicName } from './packets.js';
import { Sink } from './sink.js';

/** @typedef {import('./packets.js').Version} Version */

/** Those of the page, by name: one, but for round trips. @type {Map<string, { session: import('./clients.js').Session, sink: Sink }>} */
const connected = new Map();
const names = Array.from({ length: 1000 }, (_, n) => topicName(n));
const payload = new Uint8Array(64).fill(42);
const nothing = new Uint8Array(0);
let qos = 0;

/**
 * Connect a client.
 * @param {string} name
 * @param {string} url
 * @param {Version} version
 * @param {import('./clients.js').Direction} direction
 * @param {number} [perFrame]
 * @param {number} [level] QoS of what is published
 */
export async function connect(name, url, version, direction, perFrame = 1, level = 0) {
  qos = level;
  const session = await clientOf(name).connect(`${url}/${version}/64/${perFrame}/1000`, version);
  const sink = new Sink(perFrame);
  await session.subscribe(direction === 'in' ? 'site/#' : 'echo/#', 0, sink);
  connected.set(name, { session, sink });
}

/**
 * Have the server send so many messages.
 * @param {number} messages
 * @returns {Promise<number>} milliseconds
 */
export async function receive(messages) {
  const [{ session, sink }] = connected.values();
  const began = performance.now();
  const came = sink.expect(messages);
  session.say('go', new TextEncoder().encode(String(messages)));
  await came;
  return performance.now() - began;
}

/**
 * Publish so many messages, `batch` at a time; it ends when the server has had them all.
 * @param {number} messages
 * @param {number} batch
 * @returns {Promise<number>} milliseconds
 */
export async function publish(messages, batch) {
  const [{ session, sink }] = connected.values();
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
  for (const name of connected.keys()) times[name] = [];
  for (let i = 0; i < count; i++) {
    for (const [name, { session, sink }] of connected) {
      const began = performance.now();
      const came = sink.expect(1);
      session.say('echo/one', payload);
      await came;
      times[name].push(performance.now() - began);
    }
  }
  return times;
}
