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
  /** @type {Float64Array<ArrayBuffer>} */
  f64;
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
    this.f64 = new Float64Array(0);
    this.view = new DataView(new ArrayBuffer(0));
    this.#renew();
  }

  #renew() {
    const { buffer } = this.#memory;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
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
   * A number in the struct at an address.
   * @param {number} at
   * @param {number} field as build/gen has it: its offset << 8 | how many bytes it has
   */
  get(at, field) {
    const { view } = this;
    const from = at + (field >> 8);
    switch (field & 255) {
      case 1:
        return view.getUint8(from);
      case 2:
        return view.getUint16(from, true);
      case 4:
        return view.getUint32(from, true);
      default:
        return Number(view.getBigUint64(from, true));
    }
  }

  /**
   * Set a number of at most four bytes in the struct at an address.
   * @param {number} at
   * @param {number} field as get() takes it
   * @param {number} value
   */
  set(at, field, value) {
    const { view } = this;
    const from = at + (field >> 8);
    if ((field & 255) === 1) view.setUint8(from, value);
    else if ((field & 255) === 2) view.setUint16(from, value, true);
    else view.setUint32(from, value, true);
  }

  /**
   * The text of a C string.
   * @param {number} at
   */
  string(at) {
    return new TextDecoder().decode(this.u8.subarray(at, this.u8.indexOf(0, at)));
  }
}
