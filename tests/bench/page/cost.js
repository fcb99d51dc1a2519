// Kind 1, what a client itself costs: the page's WebSocket is the in-page peer of peer.js, so that no network is in it.
// The driver has each client do its part of a round, and looks at the time that the page's thread took meanwhile.
import { LOOKERS, loadClients } from './clients.js';
import { makeFrames, topicName } from './packets.js';
import { InPageSocket } from './peer.js';
import { Sink } from './sink.js';

/** @typedef {import('./packets.js').Version} Version */

/**
 * @typedef {object} Case
 * @property {'in' | 'out'} direction
 * @property {number} qos
 * @property {number} size of payloads, bytes
 * @property {number} [perFrame] inbound: packets in each WebSocket message
 * @property {number} [topics] default 1000
 */

/** Inbound QoS 1 and 2: messages under way, less than any of the clients allows. */
const WINDOW = 512;
/** Bytes of frames that are made. */
const FRAMES = 4 << 20;

/**
 * @typedef {object} Runner one client, connected
 * @property {import('./clients.js').Session} session
 * @property {InPageSocket} socket
 * @property {Sink} sink
 */

/** @type {Map<string, Runner>} */
const runners = new Map();
/** @type {ArrayBuffer[]} */
let frames = [];
/** @type {string[]} */
let names = [];
let payload = new Uint8Array(0);
let qos = 0;
let perFrame = 1;

/**
 * Connect all clients that a case is for.
 * @param {Case} what
 * @param {Version} version
 * @param {string[]} [only] the clients that take part
 * @returns {Promise<{ ready: string[], failed: Record<string, string>, most: number }>} most: messages that there are
 */
export async function prepare(what, version, only) {
  const { direction, size, topics = 1000 } = what;
  const clients = await loadClients();
  globalThis.WebSocket = /** @type {any} */ (InPageSocket);
  ({ qos, perFrame = 1 } = what);
  const inbound = direction === 'in';
  if (inbound) {
    const count = Math.floor(FRAMES / perFrame / (size + 36));
    frames = makeFrames({ version, qos, size, perFrame, topics, frames: count });
  } else {
    names = Array.from({ length: topics }, (_, n) => topicName(n));
    payload = new Uint8Array(size).fill(42);
  }
  /** @type {Record<string, string>} */
  const failed = {};
  for (const client of [...(inbound && qos === 0 ? LOOKERS : []), ...clients]) {
    if (only && !only.includes(client.name)) continue;
    if (!client.versions.includes(version)) {
      failed[client.name] = 'does not speak the version';
      continue;
    }
    try {
      const session = await client.connect('ws://bench.test/mqtt', version);
      const sink = new Sink(perFrame);
      const socket = InPageSocket.last;
      if (inbound) await session.subscribe('site/#', qos, sink);
      runners.set(client.name, { session, sink, socket });
    } catch (error) {
      failed[client.name] = String(error instanceof Error ? error.message : error);
    }
  }
  return { ready: [...runners.keys()], failed, most: inbound ? frames.length * perFrame : Number.MAX_SAFE_INTEGER };
}

/**
 * Have a client receive so many messages, and acknowledge them.
 * @param {string} name
 * @param {number} messages
 */
export async function receive(name, messages) {
  const { socket, sink } = runner(name);
  const all = socket.acknowledged + messages;
  const came = sink.expect(messages);
  socket.feed(frames.slice(0, messages / perFrame), perFrame, qos > 0 ? WINDOW : Infinity);
  await came;
  if (qos > 0) await until(socket, () => socket.acknowledged === all);
}

/**
 * Have a client publish so many messages, `batch` at a time: the next when those are done.
 * @param {string} name
 * @param {number} messages
 * @param {number} batch
 */
export async function publish(name, messages, batch) {
  const { session, socket } = runner(name);
  for (let i = 0; i < messages; i += batch) {
    const all = socket.published + batch;
    await session.publish(names, payload, qos, batch);
    await until(socket, () => socket.published === all);
  }
}

/**
 * What the server's work for messages costs that is part of what was measured, in microseconds a message.
 * @param {string} name
 * @param {number} messages
 * @param {number} [batch]
 */
export async function serverCost(name, messages, batch) {
  const { socket } = runner(name);
  const record = socket.record();
  await (batch === undefined ? receive(name, messages) : publish(name, messages, batch));
  const sent = record();
  let least = Infinity;
  for (let i = 0; i < 30; i++) {
    const began = performance.now();
    socket.replay(sent);
    least = Math.min(least, performance.now() - began);
  }
  return (least * 1000) / messages;
}

/** What calling alone costs. */
export function nothing() {}

const TIMED = { receive, publish, nothing };

/**
 * Milliseconds that one of these takes.
 * @param {keyof typeof TIMED} name
 * @param {any[]} args
 */
export async function timed(name, ...args) {
  const began = performance.now();
  await /** @type {any} */ (TIMED[name])(...args);
  return performance.now() - began;
}

export async function finish() {
  for (const { session } of runners.values()) await session.end();
}

/** @param {string} name */
function runner(name) {
  const found = runners.get(name);
  if (!found) throw new Error(`${name} is not connected`);
  return found;
}

/**
 * @param {InPageSocket} socket
 * @param {() => boolean} reached
 */
function until(socket, reached) {
  return new Promise((resolve) => {
    socket.changed = () => {
      if (reached()) resolve(undefined);
    };
    socket.changed();
  });
}
