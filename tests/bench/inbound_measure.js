// The measurement of inbound.js; runs the same in Node and in a page.

const TOPICS = 1000;
const PER_FRAME = 32;
const PAYLOAD = 64;
const FRAMES = 1000;
const ROUNDS = 60;

/** A PUBLISH of MQTT 5.0 with QoS 0. @param {string} topic @param {number} seed */
function publish(topic, seed) {
  const name = new TextEncoder().encode(topic);
  const remaining = 2 + name.length + 1 + PAYLOAD;
  const head = remaining < 128 ? [0x30, remaining] : [0x30, (remaining & 127) | 128, remaining >> 7];
  const bytes = new Uint8Array(head.length + remaining);
  bytes.set(head);
  bytes.set([0, name.length], head.length);
  bytes.set(name, head.length + 2);
  bytes.fill(seed & 127, bytes.length - PAYLOAD);
  return bytes;
}

function makeFrames() {
  const frames = [];
  for (let f = 0, n = 0; f < FRAMES; f++) {
    const packets = [];
    for (let i = 0; i < PER_FRAME; i++, n++) packets.push(publish(`site/${(n * 7) % TOPICS}/sensor/temperature`, n));
    const frame = new Uint8Array(packets.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const packet of packets) {
      frame.set(packet, at);
      at += packet.length;
    }
    frames.push(frame.buffer);
  }
  return frames;
}

/**
 * The least that a client in JavaScript could do: find the packets, read their topic lengths, look at one payload byte.
 * @param {ArrayBuffer} buffer
 */
function walk(buffer) {
  const bytes = new Uint8Array(buffer);
  let sum = 0;
  for (let at = 0; at < bytes.length;) {
    let length = 0;
    let unit = 1;
    let i = at + 1;
    let byte;
    do {
      byte = bytes[i++];
      length += (byte & 127) * unit;
      unit *= 128;
    } while (byte >= 128);
    const topic = (bytes[i] << 8) | bytes[i + 1];
    sum += bytes[i + 2 + topic + 1];
    at = i + length;
  }
  return sum;
}

/**
 * The same, with what every user needs: the topic as a string and the payload as a view, given to a function.
 * @param {ArrayBuffer} buffer
 * @param {(topic: string, payload: Uint8Array) => void} handler
 */
function decode(buffer, handler) {
  const bytes = new Uint8Array(buffer);
  for (let at = 0; at < bytes.length;) {
    let length = 0;
    let unit = 1;
    let i = at + 1;
    let byte;
    do {
      byte = bytes[i++];
      length += (byte & 127) * unit;
      unit *= 128;
    } while (byte >= 128);
    const topic = (bytes[i] << 8) | bytes[i + 1];
    const end = i + length;
    const name = decoder.decode(bytes.subarray(i + 2, i + 2 + topic));
    handler(name, bytes.subarray(i + 2 + topic + 1, end));
    at = end;
  }
}
const decoder = new TextDecoder();

/** A WebSocket without a network: answers CONNECT, SUBSCRIBE and UNSUBSCRIBE with fixed bytes. */
class Loopback {
  binaryType = '';
  bufferedAmount = 0;
  /** @type {any} */ onopen;
  /** @type {any} */ onmessage;
  /** @type {any} */ onclose;
  constructor() {
    setTimeout(() => this.onopen({}));
  }
  /** @param {Uint8Array} bytes */
  send(bytes) {
    const answers = /** @type {Record<number, number[]>} */ ({
      0x10: [0x20, 3, 0, 0, 0],
      0x82: [0x90, 4, bytes[2], bytes[3], 0, 0],
      0xa2: [0xb0, 4, bytes[2], bytes[3], 0, 0],
    });
    const answer = answers[bytes[0]];
    if (answer) setTimeout(() => this.onmessage({ data: Uint8Array.from(answer).buffer }));
  }
  close() {
    setTimeout(() => this.onclose?.({ code: 1000, reason: '' }));
  }
}

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {(buffer: ArrayBuffer) => void} take
 * @property {() => Promise<unknown>} [before] sets up for its round
 * @property {() => Promise<unknown>} [after]
 */

/**
 * Medians of alternating rounds, in ns a message. Each message is given in a buffer of its own, as a socket gives it; making
 * it is part of every case's time, and a case by itself.
 * @param {ArrayBuffer[]} frames
 * @param {Case[]} cases
 */
async function time(frames, cases) {
  const times = cases.map(() => /** @type {number[]} */ ([]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { take, before, after }] of cases.entries()) {
      await before?.();
      const began = performance.now();
      for (const frame of frames) take(frame.slice(0));
      times[i].push(performance.now() - began);
      await after?.();
    }
  }
  const median = (/** @type {number[]} */ list) => list.sort((a, b) => a - b)[list.length >> 1];
  return cases.map(({ name }, i) => ({ name, nanoseconds: (median(times[i]) * 1e6) / (FRAMES * PER_FRAME) }));
}

/**
 * @param {typeof import('../../web/client/index.js').connect} connect
 * @param {URL | string} wasm
 * @param {string} engine
 */
export async function measure(connect, wasm, engine) {
  const frames = makeFrames();
  /** @type {Loopback} */
  let socket;
  const webSocket = () => (socket = new Loopback());
  const client = await connect('ws://bench.test', { webSocket, wasm, protocolVersion: 5, keepalive: 0 });
  const take = (/** @type {ArrayBuffer} */ data) => socket.onmessage({ data });
  let sum = 0;
  let seen = 0;
  let bytes = 0;
  /** @type {import('../../web/client/subscription.js').Subscription} */
  let subscription;
  const after = () => subscription.unsubscribe();
  const [buffers, ...rows] = await time(frames, [
    { name: 'a fresh buffer alone', take: (frame) => void (bytes += frame.byteLength) },
    { name: 'bare header walk', take: (frame) => void (sum += walk(frame)) },
    {
      name: 'walk, topic decoded, payload view',
      take: (frame) => decode(frame, (_topic, payload) => (bytes += payload.length)),
    },
    {
      name: 'client, handler called',
      take,
      before: async () => (subscription = await client.subscribe('site/#', {}, () => void seen++)),
      after,
    },
    {
      name: 'client, topic and payload read',
      take,
      before: async () =>
        (subscription = await client.subscribe('site/#', {}, ({ topic, payload }) => {
          bytes += topic.length + payload.length;
        })),
      after,
    },
  ]);
  await client.end();
  if (seen !== ROUNDS * FRAMES * PER_FRAME || sum === 0 || bytes === 0) throw new Error('messages were missed');
  const [{ nanoseconds: walked }] = rows;
  return { engine, buffers, rows: rows.map((row) => ({ ...row, ratio: row.nanoseconds / walked })) };
}
