// Kind 1, what a client itself costs: the page's WebSocket is the in-page peer of peer.js, so that no network is in it.
// The driver has each client do its part of a round, and looks at the time that the page's thread took meanwhile.
import { LOOKERS, loadClients } from './clients.js';
import { makeFrames, topicName } from './packets.js';
import { InPageSocket } from './peer.js';
import { Runners } from './runners.js';
import { Sink } from './sink.js';

/** @typedef {import('./packets.js').Version} Version */

/**
 * @typedef {object} Case
 * @property {'in' | 'out'} direction
 * @property {number} qos
 * @property {number} size of payloads, bytes
 * @property {number} [perFrame] inbound: packets in each WebSocket message
 * @property {number} [topics] default 1000
 * @property {number} [subscriptions] inbound: that there are besides, which match none of the messages
 */

/** Inbound QoS 1 and 2: messages under way, less than any of the clients allows. */
const WINDOW = 512;
/** Bytes of frames that are made, at least. */
const FRAMES = 4 << 20;

/**
 * @typedef {object} Runner one client, connected
 * @property {import('./clients.js').Session} session
 * @property {InPageSocket} socket
 * @property {Sink} sink
 * @property {Load} load
 * @property {number} next of the load's frames
 */

/**
 * @typedef {object} Load what a case sends
 * @property {number} qos
 * @property {number} perFrame
 * @property {ArrayBuffer[]} frames
 * @property {string[]} names
 * @property {Uint8Array} payload
 */

/** @type {Runners<Runner>} */
const runners = new Runners();
const RealWebSocket = globalThis.WebSocket;

/**
 * Connect all clients that a case is for. Several cases can be there at once.
 * @param {Case} what
 * @param {Version} version
 * @param {string[]} [only] the clients that take part
 * @param {string} [label] stands before their names
 * @returns {Promise<{ ready: string[], failed: Record<string, string> }>}
 */
export async function prepare(what, version, only, label = '') {
  const { direction, qos, size, perFrame = 1, topics = 1000, subscriptions = 0 } = what;
  const inbound = direction === 'in';
  globalThis.WebSocket = RealWebSocket;
  const clients = await loadClients();
  globalThis.WebSocket = /** @type {any} */ (InPageSocket);
  const count = Math.max(Math.floor(FRAMES / perFrame / (size + 36)), Math.ceil(topics / perFrame));
  /** @type {Load} */
  const load = {
    qos,
    perFrame,
    frames: inbound ? makeFrames({ version, qos, size, perFrame, topics, frames: count }) : [],
    names: inbound ? [] : Array.from({ length: topics }, (_, n) => topicName(n)),
    payload: new Uint8Array(size).fill(42),
  };
  const ready = [];
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
      await Promise.all(Array.from({ length: subscriptions }, (_, n) => session.subscribe(otherFilter(n), qos, sink)));
      ready.push(label + client.name);
      runners.set(label + client.name, { session, sink, socket, load, next: 0 });
    } catch (error) {
      failed[client.name] = String(error instanceof Error ? error.message : error);
    }
  }
  return { ready, failed };
}

/** A filter that begins as the topics do, and matches none. @param {number} n */
function otherFilter(n) {
  const kinds = [
    `site/${n}/pump/#`,
    `site/${n}/+/humidity`,
    `site/+/sensor/${n}`,
    `+/${n}/sensor/pressure`,
    `hall/${n}`,
  ];
  return kinds[n % kinds.length];
}

/**
 * Have a client receive so many messages, and acknowledge them.
 * @param {string} name
 * @param {number} messages
 */
export async function receive(name, messages) {
  const { socket, sink, load } = runners.of(name);
  const { perFrame, qos } = load;
  const all = socket.acknowledged + messages;
  const came = sink.expect(messages);
  socket.feed(nextFrames(runners.of(name), messages / perFrame), perFrame, qos > 0 ? WINDOW : Infinity);
  await came;
  if (qos > 0) await until(socket, () => socket.acknowledged === all);
}

/**
 * Frames in turn, so that every topic has its.
 * @param {Runner} of
 * @param {number} count
 */
function nextFrames(of, count) {
  const { frames } = of.load;
  const chosen = [];
  for (let i = 0; i < count; i++) {
    chosen.push(frames[of.next]);
    of.next = (of.next + 1) % frames.length;
  }
  return chosen;
}

/**
 * Have a client publish so many messages, `batch` at a time: the next when those are done.
 * @param {string} name
 * @param {number} messages
 * @param {number} batch
 */
export async function publish(name, messages, batch) {
  const { session, socket, load } = runners.of(name);
  for (let i = 0; i < messages; i += batch) {
    const all = socket.published + batch;
    await session.publish(load.names, load.payload, load.qos, batch);
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
  const { socket } = runners.of(name);
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

export const finish = () => runners.end();

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
