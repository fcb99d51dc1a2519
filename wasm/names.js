// Topic names that stand in wasm's memory, each found by its text: that is faster than to write a name there for each
// message, and than to ask whether it is well-formed.
const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** What cannot be wrong: all other topic names are C's to judge, and stand nowhere. */
const PLAIN_NAME = /^[,-~]+$/;
const NAME_MAX = 255;
/** Bytes of them. */
const SIZE = 65536;

export class Names {
  #memory;
  #at;
  #used = 0;
  /** @type {Map<string, number>} */
  #numbers = new Map();
  /** One was not taken for want of room: clear() as soon as no address is needed any more. */
  full = false;

  /** @param {import('./memory.js').Memory} memory */
  constructor(memory) {
    this.#memory = memory;
    this.#at = memory.allocate(SIZE); // now, since a call with a message must not fail for want of it, nor make views stale
  }

  /**
   * Where a topic name stands, as a number: address() and length() tell. 0: it does not.
   * @param {string} topic
   */
  find(topic) {
    return this.#numbers.get(topic) ?? this.#learn(topic);
  }

  /** @param {number} number */
  address(number) {
    return this.#at + (number >>> 8);
  }

  /** @param {number} number */
  length(number) {
    return number & 255;
  }

  clear() {
    this.#numbers.clear();
    this.#used = 0;
    this.full = false;
  }

  /** @param {string} topic */
  #learn(topic) {
    const { length } = topic;
    if (length > NAME_MAX || !PLAIN_NAME.test(topic)) return 0;
    if (length > SIZE - this.#used) {
      this.full = true;
      return 0;
    }
    const number = (this.#used << 8) | length;
    const name = encoder.encode(topic);
    this.#memory.u8.set(name, this.#at + this.#used);
    this.#used += length;
    // A key of our own: what was cut from a longer text keeps all of that in memory.
    this.#numbers.set(decoder.decode(name), number);
    return number;
  }
}
