// Sessions in IndexedDB: they survive a reload, a crash of the tab or the browser, and a restart. One database has the
// sessions of all clients of the origin; a Web Lock for each sees to it that one client at a time uses it.
import { MqttError } from './errors.js';
import { inUseError, storeError } from './store.js';

const DATABASE = 'wasmqtt';
/** The object store; its keys are [session, key]. */
const RECORDS = 'records';
/** What brings a database to version 1, 2, ... @type {((database: IDBDatabase) => void)[]} */
const UPGRADES = [(database) => void database.createObjectStore(RECORDS)];

/**
 * @param {string} why
 * @param {string} hint
 * @param {unknown} [cause]
 */
function unavailable(why, hint, cause) {
  return new MqttError('store', 'store-unavailable', why, { hint, cause });
}

/** The database changed under us: what this client knows of it is worth nothing. @param {number | null} version */
function overtaken(version) {
  if (version !== null) return newer();
  return unavailable('The database was deleted while it was in use.', 'Reload the page to begin anew.');
}

function newer() {
  return new MqttError('store', 'store-newer', 'A newer version of this app has changed what is stored.', {
    hint: 'Reload the page to get that version.',
  });
}

/** @param {unknown} cause */
function openError(cause) {
  const { name, message } = /** @type {Partial<Error>} */ (cause ?? {});
  if (cause instanceof MqttError || name === 'QuotaExceededError') return storeError(cause);
  if (name === 'VersionError') return newer();
  return unavailable(
    `The browser does not let this page store anything: ${message ?? cause}.`,
    "Allow cookies and site data for this page, leave private mode, or use store: 'memory'.",
    cause,
  );
}

/**
 * Resolves with the function that gives the lock back.
 * @param {string} name
 * @returns {Promise<() => void>}
 */
function lock(name) {
  const locks = /** @type {LockManager | undefined} */ (globalThis.navigator?.locks);
  if (!locks) {
    const hint = "Serve the page by https: or from localhost, or use store: 'memory'.";
    throw unavailable('Without Web Locks two tabs could use the same session at once.', hint);
  }
  return new Promise((resolve, reject) => {
    const held = (/** @type {Lock | null} */ granted) => {
      if (granted) return new Promise((release) => resolve(() => release(undefined)));
      reject(inUseError());
      return undefined;
    };
    locks.request(name, { ifAvailable: true }, held).catch(reject);
  });
}

/**
 * @param {string} name
 * @param {readonly ((database: IDBDatabase) => void)[]} upgrades
 * @returns {Promise<IDBDatabase>}
 */
export function openDatabase(name, upgrades) {
  return new Promise((resolve, reject) => {
    let late = false;
    const request = indexedDB.open(name, upgrades.length);
    request.onupgradeneeded = ({ oldVersion }) => {
      for (const upgrade of upgrades.slice(oldVersion)) upgrade(request.result);
    };
    request.onblocked = () => {
      late = true;
      const hint = 'Close or reload the other tabs of this site.';
      reject(unavailable('Another tab holds the database in an older version.', hint));
    };
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      if (late) request.result.close();
      else resolve(request.result);
    };
  });
}

/** @implements {StoreSession} */
class Session {
  #name;
  #database;
  #release;
  /** Why nothing can be written any more. @type {MqttError | null} */
  #lost = null;

  /**
   * @param {string} name
   * @param {IDBDatabase} database
   * @param {() => void} release
   */
  constructor(name, database, release) {
    this.#name = name;
    this.#database = database;
    this.#release = release;
    // Another tab waits for us to let it upgrade or delete the database.
    database.onversionchange = ({ newVersion }) => {
      database.close();
      this.#lost = overtaken(newVersion);
    };
    // The user cleared the site's data, or the disk failed.
    database.onclose = () => {
      this.#lost = overtaken(null);
    };
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(records: IDBObjectStore) => T} work
   * @returns {Promise<T>}
   */
  #transaction(mode, work) {
    return new Promise((resolve, reject) => {
      if (this.#lost) throw this.#lost;
      // 'strict': complete means on the disk, so that a loss of power takes nothing either.
      const transaction = this.#database.transaction(RECORDS, mode, { durability: 'strict' });
      transaction.onabort = () => reject(this.#lost ?? storeError(transaction.error));
      try {
        const result = work(transaction.objectStore(RECORDS));
        transaction.oncomplete = () => resolve(result);
        transaction.commit();
      } catch (error) {
        transaction.abort();
        throw error;
      }
    });
  }

  /** @returns {Promise<[key: string, value: any][]>} */
  async load() {
    const range = IDBKeyRange.bound([this.#name], [this.#name, []]); // an array comes after every string
    const [keys, values] = await this.#transaction('readonly', (records) => [
      records.getAllKeys(range),
      records.getAll(range),
    ]);
    return values.result.map((value, i) => [/** @type {string[]} */ (keys.result[i])[1], value]);
  }

  /** @param {import('./store.js').StoreChange[]} changes */
  async write(changes) {
    await this.#transaction('readwrite', (records) => {
      for (const { key, value } of changes) {
        if (value === undefined) records.delete([this.#name, key]);
        else records.put(value, [this.#name, key]);
      }
    });
  }

  close() {
    this.#database.close();
    this.#release();
  }
}

/** @typedef {import('./store.js').StoreSession} StoreSession */

/** @type {import('./store.js').Store} */
export const indexedDb = {
  async open(name) {
    if (typeof globalThis.indexedDB === 'undefined') {
      throw unavailable(
        'There is no IndexedDB here.',
        'In Node, give the option store a store of your own, or memoryStore().',
      );
    }
    const release = await lock(`wasmqtt ${name}`);
    try {
      return new Session(name, await openDatabase(DATABASE, UPGRADES), release);
    } catch (error) {
      release();
      throw openError(error);
    }
  },
};
