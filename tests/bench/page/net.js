// Kind 2, end to end: the page's own WebSocket to the load server of load.c. A page has one client.
import { clientOf } from './clients.js';
import { topicName } from './packets.js';
import { Sink } from './sink.js';

/** @typedef {import('./packets.js').Version} Version */

/** @type {import('./clients.js').Session} */
let session;
/** @type {Sink} */
let sink;
const names = Array.from({ length: 1000 }, (_, n) => topicName(n));
const payload = new Uint8Array(64).fill(42);
const nothing = new Uint8Array(0);
let qos = 0;

/**
 * Connect the page's client.
 * @param {string} name
 * @param {string} url
 * @param {Version} version
 * @param {import('./clients.js').Direction} direction
 * @param {number} [perFrame]
 * @param {number} [level] QoS of what is published
 */
export async function connect(name, url, version, direction, perFrame = 1, level = 0) {
  qos = level;
  session = await clientOf(name).connect(`${url}/${version}/64/${perFrame}/1000`, version);
  sink = new Sink(perFrame);
  await session.subscribe(direction === 'in' ? 'site/#' : 'echo/#', 0, sink);
}

/**
 * Have the server send so many messages.
 * @param {number} messages
 * @returns {Promise<number>} milliseconds
 */
export async function receive(messages) {
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
  const began = performance.now();
  for (let i = 0; i < messages; i += batch) await session.publish(names, payload, qos, batch);
  const came = sink.expect(1);
  session.say('echo/end', nothing);
  await came;
  return performance.now() - began;
}

/**
 * Messages there and back, one after another.
 * @param {number} count
 * @returns {Promise<number[]>} milliseconds of each
 */
export async function echo(count) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    const came = sink.expect(1);
    session.say('echo/one', payload);
    await came;
    times.push(performance.now() - began);
  }
  return times;
}
