// One instance of the second module (dist/providers.wasm): src/provider for JavaScript. It knows nothing of services; it
// puts arguments where providers_shim.c wants them, and reads what that tells.
import { _boundary } from './boundary.js';

const { bind, Layout, Memory, Scratch } = _boundary;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class ProviderInstance {
  /** The exports. @type {Record<string, (...args: number[]) => number>} */
  x;
  memory;
  layout;
  numbers;
  scratch;
  #pending;
  #at;

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
    this.layout = new Layout(this.memory, this.x.wq_wasm_layout());
    this.numbers = this.layout.numbers;
    this.scratch = new Scratch(this.memory, this.layout, this.x.wq_wasm_scratch());
    this.#at = { data: this.layout.offset('wq_bytes.data', 4), len: this.layout.offset('wq_bytes.len', 4) };
  }

  /**
   * The names of an enum by its numbers, in JavaScript's style: 'private-key'.
   * @param {string} group
   * @returns {Map<number, string>}
   */
  names(group) {
    const names = new Map();
    for (const [name, number] of Object.entries(this.numbers)) {
      if (!name.startsWith(`${group} `)) continue;
      names.set(
        number,
        name
          .slice(group.length + 1)
          .toLowerCase()
          .replaceAll('_', '-'),
      );
    }
    return names;
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
   * A field of the struct at an address, a number of 1, 2 or 4 bytes or a boolean.
   * @param {number} at
   * @param {string} name as in C: 'wq_login.keep_alive'
   */
  number(at, name) {
    const { view } = this.memory;
    const field = this.layout.field(name);
    if (field.size === 1) return view.getUint8(at + field.at);
    return field.size === 2 ? view.getUint16(at + field.at, true) : view.getUint32(at + field.at, true);
  }

  /**
   * The C string that a field points to; undefined: NULL.
   * @param {number} at
   * @param {string} name
   */
  string(at, name) {
    const from = this.number(at, name);
    return from === 0 ? undefined : this.memory.string(from);
  }

  /**
   * The text of a wq_bytes; undefined: absent.
   * @param {number} at its address, or that of a struct
   * @param {string} [name] of the field in that struct
   */
  text(at, name) {
    const bytes = this.bytes(at, name);
    return bytes && decoder.decode(bytes);
  }

  /**
   * The bytes of a wq_bytes: a view, good until the next call.
   * @param {number} at
   * @param {string} [name]
   */
  bytes(at, name) {
    const { u8, view } = this.memory;
    const from = at + (name === undefined ? 0 : this.layout.offset(name));
    const data = view.getUint32(from + this.#at.data, true);
    return data === 0 ? undefined : u8.subarray(data, data + view.getUint32(from + this.#at.len, true));
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
