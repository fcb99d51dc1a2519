// The memory of one instance: the views on it, and blocks for the C side placed above what the linker laid out. Memory
// grows here and nowhere else (the module has no instruction that grows it), so the views are renewed here and nowhere
// else. Take a view from its field at each use, or at least after every call that may allocate: what a field holds is
// never stale.

const PAGE = 65536;
const ALIGNMENT = 16;

export class Memory {
  #memory;
  #next;
  /** @type {(memory: Memory) => void} */
  #renewed;
  /** @type {Uint8Array<ArrayBuffer>} */
  u8;
  /** @type {Uint16Array<ArrayBuffer>} */
  u16;
  /** @type {Uint32Array<ArrayBuffer>} */
  u32;
  /** @type {DataView<ArrayBuffer>} */
  view;

  /**
   * @param {WebAssembly.Memory} memory
   * @param {number} base the first address that is nobody's
   * @param {(memory: Memory) => void} renewed called now and whenever the views were made anew
   */
  constructor(memory, base, renewed) {
    this.#memory = memory;
    this.#next = base;
    this.#renewed = renewed;
    this.u8 = new Uint8Array(0);
    this.u16 = new Uint16Array(0);
    this.u32 = new Uint32Array(0);
    this.view = new DataView(new ArrayBuffer(0));
    this.#renew();
  }

  #renew() {
    const { buffer } = this.#memory;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.#renewed(this);
  }

  /**
   * A block that lasts as long as the instance. Throws a RangeError when the engine gives no more memory.
   * @param {number} length bytes
   * @returns {number} its address, aligned to 16 bytes
   */
  allocate(length) {
    const at = Math.ceil(this.#next / ALIGNMENT) * ALIGNMENT;
    const missing = at + length - this.u8.length;
    if (missing > 0) {
      // By a quarter at least, since some engines copy the memory when it grows.
      this.#memory.grow(Math.ceil(Math.max(missing, this.u8.length / 4) / PAGE));
      this.#renew();
    }
    this.#next = at + length;
    return at;
  }

  /**
   * The text of a C string.
   * @param {number} at
   */
  string(at) {
    return new TextDecoder().decode(this.u8.subarray(at, this.u8.indexOf(0, at)));
  }
}
