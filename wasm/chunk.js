// Bytes of the network: a buffer, and a view on all of it beside it, since to ask a view for its buffer takes longer than all
// else that is done here for a message.
export class Chunk {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
  }
}

export const NO_CHUNK = new Chunk(new ArrayBuffer(0));

/**
 * list[id] = value, with `none` for ids before it that have nothing yet. Ids of topics come with gaps, for which an engine makes
 * the list a hash table: looking there takes longer than all else that is done for a message here.
 * @template T
 * @param {T[]} list
 * @param {number} id
 * @param {T} value
 * @param {T} none
 */
export function setAt(list, id, value, none) {
  while (list.length < id) list.push(none);
  list[id] = value;
}
