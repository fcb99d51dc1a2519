// What becomes of a session, on its way to the store: changes gather while others are being written, one batch at a time. The
// core does not wait for its records, so this file has the rule that makes them worth something: output does not leave
// before the records that were made before it are stored.
import { endedError } from './errors.js';
import { inTime } from './settle.js';
import { storeError, storeTimeout } from './store.js';

/** @typedef {import('./errors.js').MqttError} MqttError */
/** @typedef {import('./store.js').StoreSession} StoreSession */

/**
 * @typedef {object} Waiter
 * @property {() => void} stored
 * @property {(error: MqttError) => void} [failed] without it, the waiter stays until it succeeds
 */

/**
 * @typedef {object} Batch
 * @property {Map<string, any>} changes values by key; undefined: deleted
 * @property {Map<string | symbol, Waiter>} waiters oldest first; with a string, the key of a change that is given up if it
 *   cannot be written, and the others are
 * @property {boolean} holds output waits for it
 * @property {number} position of the output when the writing began: what the batch covers
 */

/** @returns {Batch} */
function emptyBatch() {
  return { changes: new Map(), waiters: new Map(), holds: false, position: 0 };
}

export class Journal {
  #session;
  #machine;
  #next = emptyBatch();
  /** @type {Batch | null} */
  #writing = null;
  /** A write will begin by itself. */
  #scheduled = false;
  /** Keys that may be in the store. @type {Set<string>} */
  #known;
  /** Bytes of this connection's output that were sent, and that may be while records are not stored. */
  #sent = 0;
  #cleared = 0;
  #released = () => {};
  /** @type {(error: MqttError) => void} */
  #blocked = () => {};
  #closed = false;
  /** @type {Promise<void> | null} */
  #closing = null;
  #timeout;
  #answered;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watch;
  /** The write under way takes too long. @type {MqttError | null} */
  #late = null;
  #meta;
  #begun;
  /** What the core's records mean; set by who knows. @type {(type: number, packetId: number, token: number) => void} */
  record = () => {};

  /**
   * @param {StoreSession} session
   * @param {Iterable<string>} keys that it has
   * @param {import('./machine.js').Machine} machine
   * @param {import('./records.js').Meta} meta
   * @param {number} timeout ms that a write may take
   * @param {() => void} answered the store, after a write that took longer
   */
  constructor(session, keys, machine, meta, timeout, answered) {
    this.#session = session;
    this.#known = new Set(keys);
    this.#machine = machine;
    this.#meta = meta;
    this.#begun = meta.begun;
    this.#timeout = timeout;
    this.#answered = answered;
  }

  /** Whether a server knows this session, for all that this client knows. */
  get begun() {
    return this.#begun;
  }

  /** A server has accepted it. */
  accepted() {
    this.#begun = true;
  }

  /* ---------------------------------------------------------------------------------------------- changes */

  /**
   * @param {string} key
   * @param {any} value not changed later
   * @param {boolean} [holds] output waits for it
   */
  put(key, value, holds = false) {
    this.#next.changes.set(key, value);
    this.#next.holds ||= holds;
    this.#schedule();
  }

  /**
   * @param {string} key
   * @param {boolean} [holds]
   */
  delete(key, holds = false) {
    const { changes, waiters } = this.#next;
    if (!this.#known.has(key)) {
      changes.delete(key);
      waiters.get(key)?.stored(); // there is nothing left to wait for
      waiters.delete(key);
      return;
    }
    changes.set(key, undefined);
    this.#next.holds ||= holds;
    this.#schedule();
  }

  /**
   * @param {string} prefix of keys
   * @param {boolean} holds
   */
  deleteAll(prefix, holds) {
    for (const key of [...this.#known, ...this.#next.changes.keys()]) {
      if (key.startsWith(prefix)) this.delete(key, holds);
    }
  }

  /**
   * put() of what is nobody's loss if it cannot be stored: then it is as if it had not been.
   * @param {string} key
   * @param {any} value
   * @param {() => void} stored called in the order of the calls
   * @param {(error: MqttError) => void} failed
   */
  offer(key, value, stored, failed) {
    this.#next.waiters.set(key, { stored, failed });
    this.put(key, value);
  }

  /** @param {() => void} stored called when all changes so far are */
  after(stored) {
    this.#next.waiters.set(Symbol(), { stored });
    this.#schedule();
  }

  /**
   * Resolves when all changes so far are stored; rejects if that fails now, or while the store does not answer.
   * @returns {Promise<void>}
   */
  flush() {
    return this.#late ? Promise.reject(this.#late) : this.#flush();
  }

  /** @returns {Promise<void>} */
  #flush() {
    return new Promise((stored, failed) => {
      this.#next.waiters.set(Symbol(), { stored, failed });
      this.#schedule();
    });
  }

  /* ---------------------------------------------------------------------------------------------- writing */

  /** All of a task goes together. */
  #schedule() {
    if (this.#scheduled || this.#writing || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#writing) void this.#write();
    });
  }

  async #write() {
    this.take();
    const batch = this.#next;
    this.#next = emptyBatch();
    this.#writing = batch;
    batch.position = this.#sent + this.#machine.core.outputLength;
    const added = [...batch.changes.keys()].filter((key) => !this.#known.has(key));
    for (const key of added) this.#known.add(key);
    let error = null;
    if (!this.#closing) this.#watch = setTimeout(() => this.#stuck(), this.#timeout);
    try {
      const changes = [...batch.changes].map(([key, value]) => ({ key, value }));
      if (changes.length > 0) await this.#session.write(changes);
    } catch (cause) {
      error = storeError(cause);
    }
    clearTimeout(this.#watch);
    if (this.#late) this.#answered();
    this.#late = null;
    this.#writing = null;
    if (!error) return this.#stored(batch);
    for (const key of added) this.#known.delete(key);
    return this.#failed(batch, error);
  }

  /** @param {Batch} batch */
  #stored({ changes, waiters, position }) {
    for (const [key, value] of changes) if (value === undefined) this.#known.delete(key);
    this.#cleared = position;
    for (const { stored } of waiters.values()) stored();
    this.#released();
    this.#again();
  }

  /**
   * What was offered is given up, and the rest tried without it. If that fails too, nothing that waits for it may happen on
   * this connection.
   * @param {Batch} batch
   * @param {MqttError} error
   */
  #failed(batch, error) {
    const all = [...batch.waiters];
    const offered = all.filter(([id]) => typeof id === 'string');
    const gone = offered.length > 0 ? offered : all.filter(([, { failed }]) => failed);
    for (const [id] of gone) {
      batch.waiters.delete(id);
      batch.changes.delete(/** @type {string} */ (id));
    }
    const { changes, waiters, holds } = this.#next;
    for (const [key, value] of changes) batch.changes.set(key, value);
    for (const [id, waiter] of waiters) batch.waiters.set(id, waiter);
    this.#next = { changes: batch.changes, waiters: batch.waiters, holds: batch.holds || holds, position: 0 };
    for (const [, { failed }] of gone) failed?.(error);
    if (offered.length > 0) return this.#again();
    this.#machine.report(error);
    return this.#blocked(error);
  }

  /**
   * The store says nothing. What it does with the batch will show, and no other is given to it before: until then there is
   * no connection, where what has to be stored would hold back all else, and a PINGREQ with it.
   */
  #stuck() {
    this.#late = storeTimeout(this.#timeout);
    this.#fail(([id]) => typeof id === 'symbol', this.#late);
    this.#machine.report(this.#late);
    this.#blocked(this.#late);
  }

  /**
   * Nobody is to wait any longer.
   * @param {(waiter: [string | symbol, Waiter]) => boolean} which of those that would hear of a failure
   * @param {MqttError} error
   */
  #fail(which, error) {
    for (const batch of [this.#writing, this.#next]) {
      for (const waiter of [...(batch?.waiters ?? [])].filter(which)) {
        const [id, { failed }] = waiter;
        if (failed && batch?.waiters.delete(id)) failed(error);
      }
    }
  }

  #again() {
    const { changes, waiters } = this.#next;
    if (changes.size > 0 || waiters.size > 0) this.#schedule();
  }

  /** Take over what the core wants to have stored. */
  take() {
    this.#machine.core.takeRecords(this.record);
  }

  /**
   * Write what there is, and give the session back. That goes on for as long as the store takes, but this resolves within
   * `patience` ms: then those who wait for what they published to be stored are told that it may not be.
   * @param {number} patience 0: none, as with a store that is late already
   */
  async close(patience) {
    this.#closing ??= this.#close();
    clearTimeout(this.#watch);
    try {
      await inTime(this.#closing, this.#late ? 0 : patience, storeTimeout);
    } catch (cause) {
      const error = this.#late ?? (patience > 0 ? /** @type {MqttError} */ (cause) : endedError('store'));
      this.#fail(([id]) => typeof id === 'string', error);
      if (patience > 0 && !this.#late) this.#machine.report(error);
    }
  }

  async #close() {
    try {
      await this.#flush();
    } catch {
      // it was reported
    }
    this.#closed = true;
    try {
      await this.#session.close();
    } catch (error) {
      this.#machine.report(storeError(error));
    }
  }

  /* ---------------------------------------------------------------------------------------------- output */

  /**
   * A connection begins. CONNECT too is output that waits: were it forgotten that there is a session, the next life would
   * begin a new one, and the server's half would be lost.
   * @param {() => void} released called whenever more may be sent
   * @param {(error: MqttError) => void} blocked what output waits for cannot be stored
   */
  begin(released, blocked) {
    this.#sent = 0;
    this.#cleared = 0;
    if (this.#writing) this.#writing.position = 0; // the output that it covers is gone
    this.#released = released;
    this.#blocked = blocked;
    if (this.#meta.begun) return this.#again();
    this.#meta = { ...this.#meta, begun: true };
    return this.put('meta', this.#meta, true);
  }

  /** How many bytes of the core's output may be sent now. */
  free() {
    this.take();
    return this.#writing?.holds || this.#next.holds ? Math.max(0, this.#cleared - this.#sent) : Infinity;
  }

  /** @param {number} count bytes of output that were sent */
  sent(count) {
    this.#sent += count;
  }
}
