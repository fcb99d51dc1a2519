// Packets that a server would send, and the least that a client in JavaScript could do with them.

/** @typedef {4 | 5} Version protocol level: MQTT 3.1.1 or 5.0 */

/**
 * @typedef {object} Stream what a server sends
 * @property {Version} version
 * @property {number} qos
 * @property {number} perFrame packets in each WebSocket message
 * @property {number} frames
 * @property {number} size of a payload, bytes
 * @property {number} topics how many different ones
 */

/** Packet ids of messages go from 1 to this, and again. */
const IDS = 60_000;

/** @param {number} n */
export function topicName(n) {
  return `site/${n}/sensor/temperature`;
}

/**
 * A PUBLISH.
 * @param {Version} version
 * @param {string} topic
 * @param {Uint8Array} payload
 * @param {number} [qos]
 * @param {number} [id] packet id
 */
export function makePublish(version, topic, payload, qos = 0, id = 0) {
  const name = new TextEncoder().encode(topic);
  const length = 2 + name.length + (qos > 0 ? 2 : 0) + (version === 5 ? 1 : 0) + payload.length;
  const head = [0x30 | (qos << 1)];
  for (let rest = length; ; rest >>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  bytes.set([name.length >> 8, name.length & 255], head.length);
  bytes.set(name, head.length + 2);
  if (qos > 0) bytes.set([id >> 8, id & 255], head.length + 2 + name.length);
  bytes.set(payload, bytes.length - payload.length);
  return bytes;
}

/**
 * @param {Stream} stream
 * @returns {ArrayBuffer[]} the WebSocket messages
 */
export function makeFrames(stream) {
  const payload = new Uint8Array(stream.size);
  const frames = [];
  for (let f = 0, n = 0; f < stream.frames; f++) {
    const packets = [];
    for (let i = 0; i < stream.perFrame; i++, n++) {
      const topic = topicName((n * 7) % stream.topics);
      packets.push(makePublish(stream.version, topic, payload.fill(n & 127), stream.qos, (n % IDS) + 1));
    }
    frames.push(join(packets).buffer);
  }
  return frames;
}

/** @param {Uint8Array[]} parts */
export function join(parts) {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * The bare walk: find the packets and the lengths of their topics, look at a byte of each payload. Checks nothing. All of
 * them are PUBLISH with QoS 0.
 * @param {ArrayBuffer} buffer
 * @param {Version} version
 * @param {import('./sink.js').Sink} sink
 */
export function walk(buffer, version, sink) {
  const bytes = new Uint8Array(buffer);
  const properties = version === 5 ? 1 : 0;
  let sum = 0;
  let messages = 0;
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
    sum += bytes[i + 2 + topic + properties];
    messages++;
    at = i + length;
  }
  sink.add(messages, sum);
}

/**
 * The handing walk: the same, and a function is given an object with a view of the payload for each message.
 * @param {ArrayBuffer} buffer
 * @param {Version} version
 * @param {(message: { payload: Uint8Array }) => void} handler
 */
export function handingWalk(buffer, version, handler) {
  const bytes = new Uint8Array(buffer);
  const properties = version === 5 ? 1 : 0;
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
    handler({ payload: bytes.subarray(i + 2 + topic + properties, end) });
    at = end;
  }
}
