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
