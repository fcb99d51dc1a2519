// One instance of the second module (dist/providers.wasm): src/provider for JavaScript. It knows nothing of services; it
// puts arguments where providers_shim.c wants them, and reads what that tells.
import { WQ_WASM_SCRATCH_SIZE, wq_bytes_data, wq_bytes_len } from '../build/gen/providers_layout.js';
import { _boundary } from './boundary.js';

const { bind, Memory, Scratch } = _boundary;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The names of an enum by their numbers.
 * @param {Record<string, number>} group of build/gen/providers_layout.js
 */
export const namesOf = (group) => new Map(Object.entries(group).map(([name, number]) => [number, name]));

export class ProviderInstance {
  /** The exports. @type {Record<string, (...args: number[]) => number>} */
  x;
  memory;
  scratch;
  #pending;

  /** @param {WebAssembly.Module} module */
  static async start(module) {
    const heap = { u8: new Uint8Array(0) };
    /** @type {{ result: unknown }} the promise of the last cryptographic operation */
    const pending = { result: undefined };
    const env = Object.fromEntries(
      Object.entries(bind(heap)).map(([name, call]) => [
        name,
        (/** @type {number[]} */ ...args) => (pending.result = call(...args)),
      ]),
    );
    const { exports } = await WebAssembly.instantiate(module, { env });
    return new ProviderInstance(exports, heap, pending);
  }

  /**
   * @param {WebAssembly.Exports} exports
   * @param {{ u8: Uint8Array }} heap
   * @param {{ result: unknown }} pending
   */
  constructor(exports, heap, pending) {
    this.x = /** @type {any} */ (exports);
    this.#pending = pending;
    this.memory = new Memory(/** @type {WebAssembly.Memory} */ (exports.memory), this.x.wq_wasm_heap(), ({ u8 }) => {
      heap.u8 = u8;
      this.scratch?.renew();
    });
    this.scratch = new Scratch(this.memory, this.x.wq_wasm_scratch(), WQ_WASM_SCRATCH_SIZE);
  }

  /** What the last cryptographic operation is waited for by. */
  pending() {
    return this.#pending.result;
  }

  /**
   * Texts as arguments. False: they do not fit.
   * @param {string[]} texts
   */
  put(...texts) {
    return this.scratch.filters(texts) === 0;
  }

  /**
   * A field of the struct at an address, a number or a boolean.
   * @param {number} at
   * @param {number} field as build/gen has it: wq_login_keep_alive
   */
  number(at, field) {
    return this.memory.get(at, field);
  }

  /**
   * The C string that a field points to; undefined: NULL.
   * @param {number} at
   * @param {number} field
   */
  string(at, field) {
    const from = this.number(at, field);
    return from === 0 ? undefined : this.memory.string(from);
  }

  /**
   * The text of a wq_bytes; undefined: absent.
   * @param {number} at its address, or that of a struct
   * @param {number} [field] of that struct
   */
  text(at, field) {
    const bytes = this.bytes(at, field);
    return bytes && decoder.decode(bytes);
  }

  /**
   * The bytes of a wq_bytes: a view, good until the next call.
   * @param {number} at
   * @param {number} [field]
   */
  bytes(at, field = 0) {
    const from = at + (field >> 8);
    const data = this.number(from, wq_bytes_data);
    return data === 0 ? undefined : this.memory.u8.subarray(data, data + this.number(from, wq_bytes_len));
  }

  /**
   * So many bytes of the result, as text.
   * @param {number} length
   */
  result(length) {
    const from = this.x.wq_wasm_result();
    return decoder.decode(this.memory.u8.subarray(from, from + length));
  }

  /**
   * A block of this instance with that text in it: its address and length.
   * @param {string} text
   */
  keep(text) {
    const bytes = new TextEncoder().encode(text);
    const at = this.memory.allocate(bytes.length);
    this.memory.u8.set(bytes, at);
    return [at, bytes.length];
  }

  /** Zeros everywhere: no secret stays, and nothing else can be done with the instance. */
  wipe() {
    this.memory.u8.fill(0);
  }
}
