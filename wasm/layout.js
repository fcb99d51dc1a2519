// What C tells about itself at start (wasm/layout.h): numbers, offsets of struct fields. The only things known beforehand
// are the shape of that table, and that a name beginning with a dot or a space goes on from the last one that does not.

/**
 * @typedef {object} PropertyInfo one row of the property table
 * @property {number} id
 * @property {number} type one of the numbers WQ_T_*
 * @property {boolean} repeats may stand more than once in a packet
 * @property {number} packets bit (1 << packet type) for each packet that it may be in
 * @property {string} name
 */

export class Layout {
  /** @type {Readonly<Record<string, number>>} every number of the C side by its name, e.g. WQ_EV_PUBLISH; sizes of structs by theirs */
  numbers;
  /** @type {Map<string, { at: number, size: number }>} */
  #fields = new Map();

  /**
   * @param {import('./memory.js').Memory} memory
   * @param {number} table
   */
  constructor(memory, table) {
    /** @type {Record<string, number>} */
    const numbers = Object.create(null);
    const [at, size, values] = [0, 4, 8].map((word) => memory.view.getUint32(table + word, true));
    const names = new TextDecoder().decode(memory.u8.subarray(at, at + size)).split('\0');
    let whole = '';
    for (const [i, part] of names.entries()) {
      const value = memory.view.getInt32(values + 4 * i, true);
      const name = /^[. ]/.test(part) ? whole + part : (whole = part);
      if (part.startsWith('.')) this.#fields.set(name, { at: value >> 8, size: value & 255 });
      else numbers[name] = value;
    }
    this.numbers = Object.freeze(numbers);
  }

  /**
   * The offset of a field in its struct. `size` is what the caller goes on to read: another one is a mistake.
   * @param {string} name as in C: 'wq_event.topic_id'
   * @param {number} [size] bytes
   */
  offset(name, size) {
    const field = this.#fields.get(name);
    if (!field || (size !== undefined && field.size !== size)) throw new Error(`wasm: no field ${name} of that size`);
    return field.at;
  }

  /**
   * A field's offset and its size.
   * @param {string} name as in C
   */
  field(name) {
    const field = this.#fields.get(name);
    if (!field) throw new Error(`wasm: no field ${name}`);
    return field;
  }

  /**
   * All fields of the struct at an address, by their names.
   * @param {import('./memory.js').Memory} memory
   * @param {string} struct
   * @param {number} at
   * @returns {Record<string, number>}
   */
  read({ view }, struct, at) {
    /** @type {Record<string, number>} */
    const values = {};
    for (const [name, field] of this.#fields) {
      if (!name.startsWith(`${struct}.`)) continue;
      const from = at + field.at;
      const key = name.slice(struct.length + 1);
      if (field.size === 1) values[key] = view.getUint8(from);
      else if (field.size === 2) values[key] = view.getUint16(from, true);
      else if (field.size === 4) values[key] = view.getUint32(from, true);
      else values[key] = Number(view.getBigUint64(from, true));
    }
    return values;
  }

  /**
   * Set fields of the struct at an address.
   * @param {import('./memory.js').Memory} memory
   * @param {string} struct
   * @param {number} at
   * @param {Record<string, number>} values by the fields' names
   */
  write({ view }, struct, at, values) {
    for (const [key, value] of Object.entries(values)) {
      const field = this.#fields.get(`${struct}.${key}`);
      if (field?.size === 1) view.setUint8(at + field.at, value);
      else if (field?.size === 2) view.setUint16(at + field.at, value, true);
      else if (field?.size === 4) view.setUint32(at + field.at, value, true);
      else throw new Error(`wasm: no number ${struct}.${key}`);
    }
  }
}
