// The payload of a large inbound message, put together here while its bytes pass by the core. The buffer grows as bytes
// come: a length that a stranger declares reserves nothing.
import { Chunk } from './chunk.js';

const FIRST = 65536;
const NOTHING = new Uint8Array(0);

export class Stream {
  #open = false;
  #id = 0;
  #topic = '';
  #flags = 0;
  #props = -1;
  #total = 0;
  /** Properties (if any), then the payload as far as it came. */
  #bytes = NOTHING;
  #filled = 0;
  #payloadAt = 0;

  /**
   * @param {number} id
   * @param {string} topic
   * @param {number} flags
   * @param {Uint8Array} bytes
   * @param {number} props where in bytes the properties are, their length before them; -1: none
   * @param {number} length of the whole payload
   */
  begin(id, topic, flags, bytes, props, length) {
    this.clear();
    this.#open = true;
    this.#id = id;
    this.#topic = topic;
    this.#flags = flags;
    this.#total = length;
    if (props >= 0) {
      this.#props = 0;
      this.take(bytes.subarray(props, props + propertiesSize(bytes, props)));
    }
    this.#payloadAt = this.#filled;
    this.#total += this.#filled;
  }

  /**
   * Bytes that follow. Ignored if no payload is being kept.
   * @param {Uint8Array} part
   */
  take(part) {
    if (!this.#open) return;
    const filled = this.#filled + part.length;
    if (filled > this.#bytes.length) {
      const size = Math.max(filled, Math.min(this.#total, Math.max(FIRST, this.#bytes.length * 2)));
      const grown = new Uint8Array(size);
      grown.set(this.#bytes.subarray(0, this.#filled));
      this.#bytes = grown;
    }
    this.#bytes.set(part, this.#filled);
    this.#filled = filled;
  }

  /**
   * All is there.
   * @param {import('./core.js').Sink} sink
   * @param {number} handle
   */
  finish(sink, handle) {
    const chunk = new Chunk(this.#bytes.buffer);
    const from = this.#payloadAt;
    const length = this.#filled - from;
    const [id, topic, flags, props] = [this.#id, this.#topic, this.#flags, this.#props];
    this.clear();
    sink.onPublish(id, topic, chunk, from, length, flags, props, handle);
  }

  clear() {
    this.#open = false;
    this.#bytes = NOTHING;
    this.#filled = 0;
    this.#props = -1;
  }
}

/**
 * The size of encoded properties with the length before them.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
export function propertiesSize(bytes, at) {
  let length = 0;
  let used = 0;
  let byte;
  do {
    byte = bytes[at + used];
    length += (byte & 127) * 128 ** used;
    used++;
  } while (byte >= 128);
  return used + length;
}
