// Inbound messages with QoS 2: which of them the user may have had before; and with a store, the order of things that lets
// them survive a crash. There they are handed out one at a time: each is noted as begun before a handler has it, and the next
// follows when the one before is noted as done. So the server still has what no handler had, and of those it has again, one
// at most was in a handler when the page died.
import { messageHandle } from './message.js';

/** @typedef {import('./message.js').Message} Message */

/**
 * @typedef {object} Giver
 * @property {(message: Message) => readonly import('./inbox.js').Target[]} targets who would take a message
 * @property {(message: Message) => void} distribute to them
 * @property {(message: Message) => void} hold nobody would
 */

export class ExactlyOnce {
  #journal;
  #giver;
  /** Packet ids by handle, of messages that are not acknowledged. @type {Map<number, number>} */
  #ids = new Map();
  /** Packet ids of messages that were with the user when their connection, or their life, ended. @type {Set<number>} */
  #again = new Set();
  /** Messages that wait for their turn. @type {Message[]} */
  #queue = [];
  /** The one whose turn it is, while the note that it is begun is not stored yet. @type {Message | null} */
  #beginning = null;
  /** Handle of the one whose turn it is; 0: none. */
  #current = 0;
  /** Acknowledgements count: there is a connection, and it will stay. */
  #live = false;

  /**
   * @param {import('./journal.js').Journal | null} journal
   * @param {Giver} giver
   */
  constructor(journal, giver) {
    this.#journal = journal;
    this.#giver = giver;
  }

  /**
   * @param {import('../../wasm/core.js').Core} core
   * @param {ReadonlyMap<number, boolean>} received packet ids of an earlier life: done
   */
  restore(core, received) {
    for (const [packetId, done] of received) {
      if (done) core.restoreReceived(packetId);
      else this.#again.add(packetId);
    }
  }

  /** Messages have to wait for their turn. */
  get inTurn() {
    return this.#journal !== null;
  }

  /**
   * A message came. True: the user may have had it before.
   * @param {number} handle
   * @param {number} packetId
   */
  arrived(handle, packetId) {
    this.#ids.set(handle, packetId);
    return this.#again.delete(packetId);
  }

  /**
   * A message was acknowledged, or nobody has it now who would.
   * @param {number} handle
   */
  done(handle) {
    this.#ids.delete(handle);
    this.next(handle);
  }

  /** It is nobody's turn, if it was that message's. @param {number} handle */
  next(handle) {
    if (handle !== this.#current) return;
    this.#current = 0;
    this.#pump();
  }

  /** @param {Message} message */
  queue(message) {
    this.#queue.push(message);
    this.#pump();
  }

  #pump() {
    const journal = /** @type {import('./journal.js').Journal} */ (this.#journal);
    while (this.#live && this.#current === 0 && this.#queue.length > 0) {
      const message = /** @type {Message} */ (this.#queue.shift());
      if (this.#giver.targets(message).length === 0) {
        this.#giver.hold(message);
        continue;
      }
      this.#current = messageHandle(message);
      this.#beginning = message;
      const packetId = this.#ids.get(this.#current);
      journal.take(); // what the core says of this packet id is older
      if (packetId !== undefined) journal.put(`i:${packetId}`, { done: false });
      journal.after(() => this.#begin(message));
    }
  }

  /** @param {Message} message */
  #begin(message) {
    if (message !== this.#beginning) return; // its connection was lost
    this.#beginning = null;
    const targets = this.#giver.targets(message);
    const handle = this.#current;
    if (targets.length === 0) this.#giver.hold(message);
    else this.#giver.distribute(message);
    // Its acknowledgement may come much later, and in another order.
    if (targets.length === 0 || targets.some(({ manual }) => manual)) this.next(handle);
  }

  /* ---------------------------------------------------------------------------------------------- what the core records */

  /** @param {number} packetId */
  received(packetId) {
    this.#journal?.put(`i:${packetId}`, { done: true }, true);
  }

  /** @param {number} packetId */
  completed(packetId) {
    this.#journal?.delete(`i:${packetId}`, true);
  }

  sessionLost() {
    this.#journal?.deleteAll('i:', true);
  }

  /* ---------------------------------------------------------------------------------------------- connections */

  /**
   * CONNACK came.
   * @param {boolean} sessionPresent the server sends again what it has no acknowledgement for
   */
  connected(sessionPresent) {
    this.#live = true;
    if (sessionPresent) {
      for (const message of this.#queue.splice(0)) this.#ids.delete(messageHandle(message));
      for (const packetId of this.#ids.values()) this.#again.add(packetId);
    } else {
      this.#again.clear();
    }
    this.#ids.clear();
    if (this.#journal !== null) this.#pump();
  }

  /** The connection is about to be left: no further message has its turn on it. */
  rest() {
    this.#live = false;
  }

  /** The connection ended. */
  lost() {
    this.#live = false;
    if (this.#beginning === null) return;
    this.#queue.unshift(this.#beginning);
    this.#beginning = null;
    this.#current = 0;
  }
}
