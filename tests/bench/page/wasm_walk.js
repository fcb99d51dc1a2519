// The walk in wasm (walk.c) and what JavaScript has to do around it: bytes into wasm and out, an object with topic and
// payload for each message that comes. The least that a client can be whose core is wasm; it checks nothing. It has no
// private properties, as the bare sender (sender.js).
/** @typedef {import('./packets.js').Version} Version */

/** Bytes that are sent together. */
const BUFFER = 65_536;
/** Of a message in `messages` and of one that is gathered, in words; bytes that one may take beside topic and payload. */
const MESSAGE = 4;
const GATHERED = 3;
const HEAD = 16;
const DONE = Promise.resolve();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class WasmWalk {
  x;
  u8;
  u32;
  input;
  output;
  messages;
  names;
  version;
  send;
  /** Names of topics that came, by number. @type {string[]} */
  topics = [];
  /** Names in wasm's memory of topics that are published to. @type {Map<string, { at: number, length: number }>} */
  known = new Map();
  namesLength = 0;
  /** Bytes of what is gathered, there and in the output. */
  gathered = 0;
  size = 0;

  /**
   * @param {BufferSource} module
   * @param {Version} version
   * @param {(bytes: Uint8Array<ArrayBuffer>) => void} send after which the bytes may be written over
   */
  static async start(module, version, send) {
    const { instance } = await WebAssembly.instantiate(module, {});
    return new WasmWalk(instance.exports, version, send);
  }

  /**
   * @param {any} exports
   * @param {Version} version
   * @param {(bytes: Uint8Array<ArrayBuffer>) => void} send
   */
  constructor(exports, version, send) {
    this.x = exports;
    this.u8 = new Uint8Array(exports.memory.buffer);
    this.u32 = new Uint32Array(exports.memory.buffer);
    this.input = exports.walk_input();
    this.output = exports.walk_output();
    this.messages = exports.walk_messages() >> 2;
    this.names = exports.walk_names();
    this.version = version;
    this.send = send;
  }

  /**
   * PUBLISH packets with QoS 0, all of them whole.
   * @param {ArrayBuffer} buffer
   * @param {(message: { topic: string, payload: Uint8Array }) => void} handler
   */
  take(buffer, handler) {
    const bytes = new Uint8Array(buffer);
    this.u8.set(bytes, this.input);
    const count = this.x.walk_take(bytes.length, this.version);
    const u32 = this.u32;
    for (let i = 0, at = this.messages; i < count; i++, at += MESSAGE) {
      const from = u32[at + 2];
      const topic = this.topics[u32[at]] ?? this.learn(bytes, at);
      handler({ topic, payload: new Uint8Array(buffer, from, u32[at + 3] - from) });
    }
  }

  /** @param {Uint8Array} bytes @param {number} at */
  learn(bytes, at) {
    const [number, from, payload] = this.u32.subarray(at, at + 3);
    const name = decoder.decode(bytes.subarray(from, payload - (this.version === 5 ? 1 : 0)));
    while (this.topics.length < number) this.topics.push('');
    return (this.topics[number] = name);
  }

  /**
   * With QoS 0.
   * @param {string} topic
   * @param {Uint8Array} payload
   */
  publish(topic, payload) {
    const name = this.known.get(topic) ?? this.keep(topic);
    const size = HEAD + name.length + payload.length;
    if (this.size + size > BUFFER) this.flush();
    if (this.gathered === 0) queueMicrotask(this.flush);
    const at = this.input + this.gathered;
    const word = at >> 2;
    const u32 = this.u32;
    u32[word] = name.at;
    u32[word + 1] = name.length;
    u32[word + 2] = payload.length;
    this.u8.set(payload, at + GATHERED * 4);
    this.gathered = (this.gathered + GATHERED * 4 + payload.length + 3) & ~3;
    this.size += size;
    return DONE;
  }

  /** @param {string} topic */
  keep(topic) {
    const bytes = encoder.encode(topic);
    const name = { at: this.namesLength, length: bytes.length };
    this.u8.set(bytes, this.names + name.at);
    this.namesLength += bytes.length;
    this.known.set(topic, name);
    return name;
  }

  flush = () => {
    if (this.gathered === 0) return;
    const length = this.x.walk_write(this.gathered, this.version);
    this.gathered = this.size = 0;
    this.send(this.u8.subarray(this.output, this.output + length));
  };
}
