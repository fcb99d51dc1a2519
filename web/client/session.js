// A session that outlives its client: opened, read and brought to the schema of this version.
import {
  WQ_RECORD_COMPLETED,
  WQ_RECORD_RECEIVED,
  WQ_RECORD_RELEASED,
  WQ_RECORD_SENT,
} from '../../build/gen/wasmqtt_layout.js';
import { Journal } from './journal.js';
import { migrate, restored } from './records.js';
import { storeError } from './store.js';

/** Records of the core that may wait to be taken over: thousands of packets in one WebSocket message. */
const RECORDS_MAX = 4096;

/** @typedef {import('../../wasm/core.js').CoreConfig} CoreConfig */

/**
 * @typedef {object} OpenSession
 * @property {import('./store.js').StoreSession} session
 * @property {string[]} keys in the store
 * @property {import('./store.js').StoreChange[]} changes that are to be stored
 * @property {import('./records.js').RestoredSession} restored
 * @property {CoreConfig} limits with room for all that was restored
 */

/**
 * @param {import('./store.js').Store} store
 * @param {string} name
 * @param {CoreConfig} limits
 * @returns {Promise<OpenSession>}
 */
export async function openSession(store, name, limits) {
  /** @type {import('./store.js').StoreSession | undefined} */
  let session;
  try {
    session = await store.open(name);
    const loaded = new Map(await session.load());
    const { records, changes } = migrate(loaded);
    const all = restored(records);
    const { meta, messages } = all;
    const inflight = Math.max(limits.inflight_max ?? 0, meta.maxInflight);
    if (inflight > meta.maxInflight) {
      all.meta = { ...meta, maxInflight: inflight };
      changes.push({ key: 'meta', value: all.meta });
    }
    const queue = Math.max(limits.queue_max ?? 0, messages.length);
    const room = { ...limits, records_max: RECORDS_MAX, inflight_max: inflight, queue_max: queue };
    return { session, keys: [...loaded.keys()], changes, restored: all, limits: room };
  } catch (error) {
    await session?.close();
    throw storeError(error);
  }
}

/**
 * What is to be stored: see wq_record_type in wasmqtt.h.
 * @param {import('./outbox_records.js').OutboxRecords} records
 * @param {import('./exactly_once.js').ExactlyOnce} exactly
 * @returns {Journal['record']}
 */
export function recorder(records, exactly) {
  return (type, packetId, token) => {
    if (type === WQ_RECORD_SENT) records.sent(token, packetId, false);
    else if (type === WQ_RECORD_RELEASED) records.sent(token, packetId, true);
    else if (type === WQ_RECORD_RECEIVED) exactly.received(packetId);
    else if (type === WQ_RECORD_COMPLETED) exactly.completed(packetId);
    else {
      records.sessionLost();
      exactly.sessionLost();
    }
  };
}

/**
 * The core is there.
 * @param {OpenSession} opened
 * @param {import('./machine.js').Machine} machine
 * @param {number} timeout ms that a write may take
 * @param {() => void} answered the store, after a write that took longer
 */
export function startJournal({ session, keys, changes, restored: { meta } }, machine, timeout, answered) {
  const journal = new Journal(session, keys, machine, meta, timeout, answered);
  for (const { key, value } of changes) {
    if (value === undefined) journal.delete(key);
    else journal.put(key, value);
  }
  return journal;
}
