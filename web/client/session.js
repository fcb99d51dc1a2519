// A session that outlives its client: opened, read and brought to the schema of this version.
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
 * The core is there.
 * @param {OpenSession} opened
 * @param {import('./machine.js').Machine} machine
 */
export function startJournal({ session, keys, changes, restored: { meta } }, machine) {
  const journal = new Journal(session, keys, machine, meta);
  for (const { key, value } of changes) {
    if (value === undefined) journal.delete(key);
    else journal.put(key, value);
  }
  return journal;
}
