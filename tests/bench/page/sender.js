// The bare sender: the least JavaScript that publishes. It checks nothing, and has as many messages under way as it is given.
// Its properties are ordinary ones, as the build makes of the client's private ones: Firefox takes longer for those.
/** @typedef {import('./packets.js').Version} Version */

const PUBREC = 0x50;
const PUBREL = 0x62;
/** Bytes that are sent together; a message must fit in. */
const BUFFER = 65_536;
/** More than a fixed header and a packet id have. */
const HEAD = 8;
const DONE = Promise.resolve();
const encoder = new TextEncoder();

export class Sender {
  /** Topics as they go over the wire. @type {Map<string, Uint8Array>} */
  names = new Map();
  buffer = new Uint8Array(BUFFER);
  length = 0;
  flushing = false;
  id = 0;
  /** What resolves a message's promise, by packet id. @type {((value?: unknown) => void)[]} */
  waiting = new Array(65_536).fill(undefined);
  send;
  version;

  /**
   * @param {(bytes: Uint8Array<ArrayBuffer>) => void} send after which the bytes may be written over
   * @param {Version} version
   */
  constructor(send, version) {
    this.send = send;
    this.version = version;
  }

  /**
   * @param {string} topic
   * @param {Uint8Array} payload
   * @param {{ qos: number }} options
   * @returns {Promise<unknown>} resolves at once with QoS 0, else when the server is done with it
   */
  publish(topic, payload, { qos }) {
    let name = this.names.get(topic);
    if (name === undefined) this.names.set(topic, (name = encoder.encode(topic)));
    const properties = this.version === 5 ? 1 : 0;
    const length = 2 + name.length + (qos > 0 ? 2 : 0) + properties + payload.length;
    if (this.length + HEAD + length > BUFFER) this.flush();
    const bytes = this.buffer;
    let at = this.length;
    bytes[at++] = 0x30 | (qos << 1);
    let rest = length;
    for (; rest > 127; rest >>= 7) bytes[at++] = (rest & 127) | 128;
    bytes[at++] = rest;
    bytes[at++] = name.length >> 8;
    bytes[at++] = name.length;
    bytes.set(name, at);
    at += name.length;
    let id = 0;
    if (qos > 0) {
      id = this.id = (this.id % 65_535) + 1;
      bytes[at++] = id >> 8;
      bytes[at++] = id;
    }
    if (properties > 0) bytes[at++] = 0;
    bytes.set(payload, at);
    this.length = at + payload.length;
    this.flushSoon();
    return qos === 0 ? DONE : new Promise((resolve) => (this.waiting[id] = resolve));
  }

  /**
   * Acknowledgements: whole packets of four bytes, without reasons.
   * @param {ArrayBuffer} buffer
   */
  take(buffer) {
    const bytes = new Uint8Array(buffer);
    for (let at = 0; at < bytes.length; at += 4) {
      if (bytes[at] === PUBREC) this.release(bytes[at + 2], bytes[at + 3]);
      else this.waiting[(bytes[at + 2] << 8) | bytes[at + 3]]();
    }
  }

  /** @param {number} high of the packet id @param {number} low */
  release(high, low) {
    if (this.length + 4 > BUFFER) this.flush();
    const bytes = this.buffer;
    bytes[this.length++] = PUBREL;
    bytes[this.length++] = 2;
    bytes[this.length++] = high;
    bytes[this.length++] = low;
    this.flushSoon();
  }

  flushSoon() {
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      this.flush();
    });
  }

  flush() {
    if (this.length > 0) this.send(this.buffer.subarray(0, this.length));
    this.length = 0;
  }
}
