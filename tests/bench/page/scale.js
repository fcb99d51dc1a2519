// What grows with the load: memory.
import { clientOf } from './clients.js';
import { makeFrames, topicName } from './packets.js';
import { InPageSocket } from './peer.js';
import { Sink } from './sink.js';

/** @type {WebAssembly.Memory[]} */
const memories = [];
const { instantiate } = WebAssembly;
WebAssembly.instantiate = /** @type {any} */ (
  async (/** @type {WebAssembly.Module} */ module, /** @type {WebAssembly.Imports} */ imports) => {
    const instance = await instantiate(module, imports);
    memories.push(/** @type {WebAssembly.Memory} */ (instance.exports.memory));
    return instance;
  }
);

/** Bytes of wasm memory that the client has. */
export function wasmBytes() {
  return memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}

/** @type {import('./clients.js').Session} */
let session;
/** @type {Sink} */
let sink;
/** @type {ArrayBuffer[]} */
let frames = [];
const PER_FRAME = 32;

async function library() {
  return /** @type {any} */ (await import(/** @type {any} */ ('/dist/wasmqtt.js')));
}

/** A client that is to receive. */
export async function prepareReceiving() {
  globalThis.WebSocket = /** @type {any} */ (InPageSocket);
  frames = makeFrames({ version: 5, qos: 0, size: 64, perFrame: PER_FRAME, topics: 1000, frames: 1000 });
  session = await clientOf('wasmqtt').connect('ws://bench.test/mqtt', 5);
  sink = new Sink(PER_FRAME);
  await session.subscribe('site/#', 0, sink);
}

/** @param {number} messages */
export async function receive(messages) {
  for (let rest = messages / PER_FRAME; rest > 0; rest -= frames.length) {
    const some = frames.slice(0, rest);
    const came = sink.expect(some.length * PER_FRAME);
    InPageSocket.last.feed(some, PER_FRAME, Infinity);
    await came;
  }
}

/** @type {any} */
let queueing;
/** @type {Promise<unknown>[]} */
const promises = [];

/** A client whose server acknowledges nothing, with as many messages under way as it lets. */
export async function prepareQueue() {
  const { connect } = await library();
  globalThis.WebSocket = /** @type {any} */ (InPageSocket);
  queueing = await connect('ws://bench.test/mqtt', {
    wasm: '/dist/wasmqtt.wasm',
    keepalive: 0,
    queue: { maxMessages: 100_000 },
  });
  InPageSocket.last.mute = true;
  await queue(1000);
}

/**
 * Publish messages with QoS 1, 64 bytes.
 * @param {number} count
 * @returns {Promise<number>} bytes of wasm that each took: how much wasm memory grew, by how many messages it takes to fill
 *   that; NaN if it did not grow twice
 */
export async function queue(count) {
  const payload = new Uint8Array(64).fill(42);
  const grown = [];
  for (let i = 0, size = wasmBytes(); i < count; i++) {
    promises.push(queueing.publish(topicName(i % 1000), payload, { qos: 1 }));
    const now = wasmBytes();
    if (now > size) grown.push({ i, by: now - size });
    size = now;
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  const last = grown.at(-1);
  const before = grown.at(-2);
  return last && before ? before.by / (last.i - before.i) : NaN;
}

/**
 * A large message there and back.
 * @param {string} url
 * @param {number} size
 * @returns {Promise<{ before: number, after: number, took: number }>} wasm's bytes, milliseconds
 */
export async function large(url, size) {
  const { connect } = await library();
  const client = await connect(`${url}/5/64/1/1`, {
    wasm: '/dist/wasmqtt.wasm',
    keepalive: 0,
    maximumPacketSize: size + 1024,
  });
  const payload = new Uint8Array(size).fill(42);
  const before = wasmBytes();
  const began = performance.now();
  /** @type {Uint8Array} */
  const came = await new Promise((resolve, reject) => {
    client
      .subscribe('echo/#', {}, (/** @type {{ payload: Uint8Array }} */ message) => resolve(message.payload))
      .then(() => client.publish('echo/large', payload))
      .catch(reject);
  });
  const took = performance.now() - began;
  if (came.length !== size || came[size - 1] !== 42) throw new Error('another payload came back');
  const after = wasmBytes();
  await client.end();
  return { before, after, took };
}
