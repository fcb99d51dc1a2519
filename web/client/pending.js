// Outbound messages whose promises have not settled.
import { Settling } from './settle.js';

/** @typedef {import('./outbox.js').PublishResult} PublishResult */

/**
 * A message until it is settled, and the promise of that: one object, for what lives until an acknowledgement comes is what
 * engines take longest for.
 * @extends {Settling<PublishResult>}
 */
export class Pending extends Settling {
  /**
   * @param {import('./settle.js').WaitOptions & { qos?: number, key?: string }} options
   * @param {(pending: Pending) => boolean} giveUp see Settling
   * @param {string} topic
   * @param {number} size bytes of topic and payload
   * @param {Uint8Array | null} payload if the core will not have it
   * @param {number} since
   * @param {PublishResult} accepted
   */
  constructor(options, giveUp, topic, size, payload, since, accepted) {
    const { qos = 0, key } = options; // now, since it may be given up from here on
    super('publish', options, giveUp);
    /** Of the core; 0: it does not have it yet. */
    this.token = 0;
    /** In the store; 0: it is not stored. */
    this.order = 0;
    /** It was published in an earlier life of the session. */
    this.restored = false;
    this.topic = topic;
    this.qos = qos;
    this.key = key;
    this.size = size;
    this.payload = payload;
    this.since = since;
    /** What PUBREC said. @type {PublishResult} */
    this.taken = accepted;
    /** Neighbours in PendingMessages. @type {Pending | null} */
    this.older = null;
    /** @type {Pending | null} */
    this.newer = null;
  }
}

/**
 * What the core has, oldest first, and by token. Servers acknowledge in the order of publishing [M3:4.6.0-2] [M5:4.6.0-2], so
 * the one that is asked for is the oldest nearly always. Only when it is not, a Map is made, and kept until all are done:
 * to put a message there and take it out again costs Firefox as much as its promise.
 */
export class PendingMessages {
  size = 0;
  /** @type {Pending | null} */
  #first = null;
  /** @type {Pending | null} */
  #last = null;
  /** Without the newest, from #newcomer on. @type {Map<number, Pending> | null} */
  #byToken = null;
  /** @type {Pending | null} */
  #newcomer = null;

  /** The newest. @param {Pending} pending */
  add(pending) {
    const last = this.#last;
    pending.older = last;
    if (last === null) this.#first = pending;
    else last.newer = pending;
    this.#last = pending;
    this.#newcomer ??= pending;
    this.size++;
  }

  /**
   * @param {number} token
   * @returns {Pending | null | undefined}
   */
  get(token) {
    const first = this.#first;
    if (first === null || first.token === token) return first;
    this.#byToken ??= new Map();
    return this.#byToken.get(token) ?? this.#meet(this.#byToken).get(token);
  }

  /** Those that came since, and have their token by now. @param {Map<number, Pending>} byToken */
  #meet(byToken) {
    for (; this.#newcomer !== null && this.#newcomer.token !== 0; this.#newcomer = this.#newcomer.newer) {
      byToken.set(this.#newcomer.token, this.#newcomer);
    }
    return byToken;
  }

  /** Nothing happens if it is not here. @param {Pending} pending */
  delete(pending) {
    const { older, newer } = pending;
    if (older === null && this.#first !== pending) return;
    if (older === null) this.#first = newer;
    else older.newer = newer;
    if (newer === null) this.#last = older;
    else newer.older = older;
    if (this.#newcomer === pending) this.#newcomer = newer;
    pending.older = pending.newer = null; // a message that is done keeps no other alive
    this.size--;
    if (this.size === 0) this.#byToken = null;
    else this.#byToken?.delete(pending.token);
  }

  clear() {
    for (const pending of [...this]) this.delete(pending);
  }

  *[Symbol.iterator]() {
    for (let pending = this.#first; pending !== null; pending = pending.newer) yield pending;
  }
}
