// Kind 1, what a client itself costs: the page's WebSocket is the in-page peer of peer.js, so that no network is in it.
// A page has one client. The driver has it do its part of a round, and looks at the time that the page's thread took meanwhile.
import { clientOf } from './clients.js';
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
 * @property {number} [subscriptions] inbound: that there are besides, which match none of the messages
 */

/** Inbound QoS 1 and 2: messages under way, less than any of the clients allows. */
const WINDOW = 512;
/** Bytes of frames that are made, at least. */
const FRAMES = 4 << 20;

/** @type {import('./clients.js').Session} */
let session;
/** @type {InPageSocket} */
let socket;
/** @type {Sink} */
let sink;
/** What the case sends. @type {{ qos: number, perFrame: number, frames: ArrayBuffer[], names: string[], payload: Uint8Array }} */
let load;
/** Of the load's frames. */
let next = 0;

/**
 * Connect the page's client.
 * @param {string} name
 * @param {Case} what
 * @param {Version} version
 */
export async function connect(name, what, version) {
  const { direction, qos, size, perFrame = 1, topics = 1000, subscriptions = 0 } = what;
  const inbound = direction === 'in';
  globalThis.WebSocket = /** @type {any} */ (InPageSocket);
  const count = Math.max(Math.floor(FRAMES / perFrame / (size + 36)), Math.ceil(topics / perFrame));
  load = {
    qos,
    perFrame,
    frames: inbound ? makeFrames({ version, qos, size, perFrame, topics, frames: count }) : [],
    names: inbound ? [] : Array.from({ length: topics }, (_, n) => topicName(n)),
    payload: new Uint8Array(size).fill(42),
  };
  session = await clientOf(name).connect('ws://bench.test/mqtt', version);
  sink = new Sink(perFrame);
  socket = InPageSocket.last;
  if (inbound) await session.subscribe('site/#', qos, sink);
  await Promise.all(Array.from({ length: subscriptions }, (_, n) => session.subscribe(otherFilter(n), qos, sink)));
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
 * Have the client receive so many messages, and acknowledge them.
 * @param {number} messages
 */
export async function receive(messages) {
  const { perFrame, qos } = load;
  const all = socket.acknowledged + messages;
  const came = sink.expect(messages);
  socket.feed(nextFrames(messages / perFrame), perFrame, qos > 0 ? WINDOW : Infinity);
  await came;
  if (qos > 0) await until(() => socket.acknowledged === all);
}

/**
 * Frames in turn, so that every topic has its.
 * @param {number} count
 */
function nextFrames(count) {
  const { frames } = load;
  const chosen = [];
  for (let i = 0; i < count; i++) {
    chosen.push(frames[next]);
    next = (next + 1) % frames.length;
  }
  return chosen;
}

/**
 * Have the client publish so many messages, `batch` at a time: the next when those are done.
 * @param {number} messages
 * @param {number} batch
 */
export async function publish(messages, batch) {
  for (let i = 0; i < messages; i += batch) {
    const all = socket.published + batch;
    await session.publish(load.names, load.payload, load.qos, batch);
    await until(() => socket.published === all);
  }
}

/**
 * What the server's work for messages costs that is part of what was measured, in microseconds a message.
 * @param {number} messages
 * @param {number} [batch]
 */
export async function serverCost(messages, batch) {
  const record = socket.record();
  await (batch === undefined ? receive(messages) : publish(messages, batch));
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

/** @param {() => boolean} reached */
function until(reached) {
  return new Promise((resolve) => {
    socket.changed = () => {
      if (reached()) resolve(undefined);
    };
    socket.changed();
  });
}
