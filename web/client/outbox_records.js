// Outbound messages in the store (see records.js): each is stored before the core has it, and taken up again in the next life
// of its session.
import { WQ_E_EXPIRED, WQ_WASM_RELEASED } from '../../build/gen/wasmqtt_layout.js';
import { coreError } from './errors.js';
import { shortened } from './properties.js';

/** @typedef {import('./errors.js').MqttError} MqttError */
/** @typedef {import('./pending.js').Pending} Pending */
/** @typedef {import('./outbox.js').PublishOptions} PublishOptions */
/** @typedef {import('./properties.js').Properties} Properties */

/**
 * What the outbox does for messages with a record as for all.
 * @typedef {object} Common
 * @property {import('./pending.js').PendingMessages} pending
 * @property {(topic: string, payload: Uint8Array | string, options: PublishOptions) => Pending} pendingOf
 * @property {(properties: Properties | undefined) => Uint8Array | undefined} encode
 * @property {(topic: string, payload: Uint8Array | string, options: PublishOptions) => void} judge throws
 * @property {(payload: Uint8Array | string, options: PublishOptions) => number} flags
 * @property {(pending: Pending, token: number) => void} keep the core has it
 * @property {(topic: string, payload: Uint8Array | string, options: PublishOptions) => number} hand
 * @property {(pending: Pending) => void} left
 * @property {(pending: Pending, error: MqttError) => void} tell
 */

export class OutboxRecords {
  #machine;
  #journal;
  #common;
  #order = 1;
  /** Messages that are not stored yet, oldest first, and the promises of that. @type {Map<Pending, Promise<void>>} */
  storing = new Map();
  /** Restored messages that settled when nobody could listen yet. @type {{ pending: Pending, error: any }[]} */
  #overdue = [];

  /**
   * @param {import('./machine.js').Machine} machine
   * @param {import('./journal.js').Journal} journal
   * @param {Common} common
   */
  constructor(machine, journal, common) {
    this.#machine = machine;
    this.#journal = journal;
    this.#common = common;
  }

  /* ---------------------------------------------------------------------------------------------- publishing */

  /**
   * The message goes to the core, and so to the server, when it is stored.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {PublishOptions} options QoS 1 or 2
   */
  publish(topic, payload, options) {
    const { encode, pendingOf, hand, keep, left } = this.#common;
    encode(options.properties); // throws now if it cannot be
    const own = ownBytes(payload);
    const { qos = 0, retain = false, resend = qos < 2, key, properties } = ownOptions(options);
    const record = { topic, payload: own, qos, retain, resend, properties, key, at: Date.now() };
    const pending = pendingOf(topic, own, options);
    const fail = (/** @type {unknown} */ error) => {
      left(pending);
      pending.reject(error);
    };
    const enter = () => {
      try {
        keep(pending, hand(topic, own, record));
      } catch (error) {
        fail(error);
      }
    };
    this.#add(pending, record, enter, fail);
    return pending.promise;
  }

  /**
   * @param {Pending} pending
   * @param {import('./records.js').MessageRecord} record
   * @param {() => void} stored
   * @param {(error: unknown) => void} failed
   */
  #add(pending, record, stored, failed) {
    pending.order = this.#order++;
    const promise = new Promise((resolve, reject) => {
      const storing = () => this.storing.delete(pending); // else it was taken back
      const succeed = () => {
        if (storing()) stored();
        resolve(undefined);
      };
      const fail = (/** @type {MqttError} */ error) => {
        if (storing()) failed(error);
        reject(error);
      };
      this.#journal.offer(`m:${pending.order}`, record, succeed, fail);
    });
    promise.catch(() => {}); // who does not ask for it hears by publish()
    this.storing.set(pending, promise);
  }

  /** Resolves when all messages so far are stored. */
  async stored() {
    await Promise.all(this.storing.values());
  }

  /** The message settled, or was taken back. @param {Pending} pending */
  delete({ order }) {
    this.#journal.delete(`m:${order}`);
    this.#journal.delete(`s:${order}`);
  }

  /* ---------------------------------------------------------------------------------------------- what the core records */

  /**
   * It went out with a packet id. Without the record, one of QoS 1 would be sent again as new, as it may be.
   * @param {number} token
   * @param {number} packetId
   * @param {boolean} released PUBREC came
   */
  sent(token, packetId, released) {
    const pending = this.#common.pending.get(token);
    if (pending) this.#journal.put(`s:${pending.order}`, { packetId, released }, pending.qos === 2);
  }

  /** Nothing counts as sent. */
  sessionLost() {
    this.#journal.deleteAll('s:', true);
  }

  /* ---------------------------------------------------------------------------------------------- the next life */

  /** @param {import('./records.js').RestoredMessage} restored */
  restore({ order, message, sent }) {
    const { core } = this.#machine;
    const { topic, payload, qos, key, at } = message;
    const waited = Math.max(0, Date.now() - at);
    const seconds = message.properties?.messageExpiryInterval ?? Infinity;
    const expired = seconds * 1000 <= waited;
    const pending = this.#common.pendingOf(topic, payload, { qos, key });
    pending.promise.catch(() => {}); // the event 'settled' tells
    Object.assign(pending, { order, restored: true, since: performance.now() - waited });
    this.#order = Math.max(this.#order, order + 1);
    /** @type {number} */
    let result = WQ_E_EXPIRED;
    try {
      if (!sent && !expired) this.#common.judge(topic, payload, message);
    } catch (error) {
      this.#overdue.push({ pending, error });
      return;
    }
    if (sent || !expired) {
      // What was sent does not expire. [M5:4.3.3-7]
      const left = expired
        ? { ...message.properties, messageExpiryInterval: 1 }
        : shortened(message.properties, waited);
      const flags = this.#common.flags(payload, message) | (sent?.released ? WQ_WASM_RELEASED : 0);
      const properties = this.#common.encode(left);
      result = core.restore(topic, properties, payload, flags, sent?.packetId ?? 0, this.#machine.now());
    }
    if (result > 0) this.#common.keep(pending, result);
    else this.#overdue.push({ pending, error: coreError(core, 'publish', result) });
  }

  /** Somebody may be listening now. */
  tellOverdue() {
    for (const { pending, error } of this.#overdue.splice(0)) {
      this.#common.left(pending);
      this.#common.tell(pending, error);
    }
  }
}

/**
 * A payload that stays as it is.
 * @param {Uint8Array | string} payload
 */
export function ownBytes(payload) {
  return typeof payload === 'string' ? payload : payload.slice();
}

/**
 * Options that stay as they are.
 * @param {PublishOptions} options
 * @returns {PublishOptions}
 */
export function ownOptions(options) {
  return { ...options, properties: options.properties && structuredClone(options.properties) };
}
