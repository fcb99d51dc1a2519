// One conversation of SCRAM-SHA-256 (src/provider/scram.h) in an instance of the module of its own, whose memory is zeroed
// at its end: no secret stays, and an operation that is still under way has nobody else's memory to write its result into.
import bind from '../build/gen/webcrypto.js';

const encoder = new TextEncoder();
/** Bytes of all arguments of a call: what MQTT carries as one value, and less than the scratch area. */
const ARGUMENTS_MAX = 65535;

/** @typedef {Record<string, (...args: number[]) => number>} Calls */

export class Scram {
  #heap;
  #x;
  #pending;
  #ended = false;

  /**
   * @param {WebAssembly.Module} module
   * @param {string} username
   * @param {string} password
   * @param {string} [nonce] for tests; default: made at random
   */
  static async start(module, username, password, nonce = '') {
    const heap = { u8: new Uint8Array(0) };
    /** @type {{ result: unknown }} the promise of the last operation */
    const pending = { result: undefined };
    const imports = Object.entries(bind(heap)).map(([name, call]) => [
      name,
      (/** @type {number[]} */ ...args) => (pending.result = call(...args)),
    ]);
    const { exports } = await WebAssembly.instantiate(module, { env: Object.fromEntries(imports) });
    const { memory, ...calls } = exports;
    heap.u8 = new Uint8Array(/** @type {WebAssembly.Memory} */ (memory).buffer);
    const scram = new Scram(heap, /** @type {any} */ (calls), pending);
    await scram.#done(scram.#call('start', username, password, nonce));
    return scram;
  }

  /**
   * @param {{ u8: Uint8Array }} heap the memory, which does not grow
   * @param {Calls} calls
   * @param {{ result: unknown }} pending
   */
  constructor(heap, calls, pending) {
    this.#heap = heap;
    this.#x = calls;
    this.#pending = pending;
  }

  /** What is to be sent. */
  get message() {
    return this.#text(this.#x.wq_wasm_scram_message());
  }

  /**
   * The server's first message. Resolves with the answer; rejects with an Error that says what is wrong with it.
   * @param {string | Uint8Array} message
   */
  async answer(message) {
    await this.#done(this.#call('receive', message));
    return this.message;
  }

  /**
   * The server's last message: throws an Error unless it proves that the server knows the password.
   * @param {string | Uint8Array} message
   */
  verify(message) {
    const result = this.#call('receive', message);
    if (result !== 0) throw this.#error(result);
    this.end();
  }

  /** Leave nothing behind. May come at any time. */
  end() {
    this.#ended = true;
    this.#heap.u8.fill(0);
  }

  /**
   * @param {'start' | 'receive'} name
   * @param {...(string | Uint8Array)} args
   */
  #call(name, ...args) {
    if (this.#ended) return -1;
    const { u8 } = this.#heap;
    const scratch = this.#x.wq_wasm_scratch();
    let at = scratch;
    const lengths = args.map((arg) => {
      const bytes = typeof arg === 'string' ? encoder.encode(arg) : arg;
      if (at + bytes.length > scratch + ARGUMENTS_MAX) throw new Error('That is too long for SCRAM.');
      u8.set(bytes, at);
      at += bytes.length;
      return bytes.length;
    });
    const result = this.#x[`wq_wasm_scram_${name}`](...lengths);
    u8.fill(0, scratch, at);
    return result;
  }

  /** Go on until nothing is pending. @param {number} result of the first call */
  async #done(result) {
    while (result > 0) {
      await this.#pending.result;
      if (this.#ended) this.end(); // a result was written meanwhile
      result = this.#ended ? -1 : this.#x.wq_wasm_scram_step();
    }
    if (result !== 0) throw this.#error(result);
  }

  /** @param {number} result */
  #error(result) {
    const word = this.message; // of the server; else nothing
    const text = this.#text(this.#x.wq_wasm_scram_error_text(result));
    this.end();
    return new Error(word ? `${text} It says ${JSON.stringify(word)}.` : text);
  }

  /** @param {number} at of a C string */
  #text(at) {
    const { u8 } = this.#heap;
    return new TextDecoder().decode(u8.subarray(at, u8.indexOf(0, at)));
  }
}
