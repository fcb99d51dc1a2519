// Where a session lives that is to outlive its client object: the interface of stores, and the one in memory.
import { MqttError } from './errors.js';

/**
 * A value that the structured clone algorithm copies: plain objects, arrays, strings, numbers, booleans and Uint8Array.
 * @typedef {any} StoreValue
 */

/**
 * @typedef {object} StoreChange
 * @property {string} key
 * @property {StoreValue} [value] what the key has from now on; undefined: the key is deleted
 */

/**
 * One session's records, while a client uses them. What a method rejects with reaches the user: an MqttError as it is, any
 * other error as the `cause` of one with code 'store-failed'. One that does not settle within connectTimeout is told with
 * code 'store-timeout', and still waited for: see the option store.
 * @typedef {object} StoreSession
 * @property {() => Promise<[key: string, value: StoreValue][]>} load all there is, in any order; called once, first
 * @property {(changes: StoreChange[]) => Promise<void>} write resolves when the changes will be there after whatever the
 *   store is to survive: all of them or, if it rejects, none. In the order given; the next call is made after this one
 *   settled. Values do not change later
 * @property {() => void | Promise<void>} close others may open it now
 */

/**
 * Where sessions live. A store of your own is an object with this method; the option `store` takes it.
 * @typedef {object} Store
 * @property {(name: string) => Promise<StoreSession>} open rejects while another client uses the session of that name, which
 *   no store may allow: with `new MqttError('store', 'store-in-use', text)`, so that it is told as with ours
 */

export function inUseError() {
  return new MqttError('store', 'store-in-use', 'Another client, maybe in another tab, uses this session.', {
    hint: 'Close the other tab, or give this client a clientId of its own.',
  });
}

/**
 * What a store failed with, as an MqttError.
 * @param {unknown} cause
 */
export function storeError(cause) {
  if (cause instanceof MqttError) return cause;
  const { name, message } = /** @type {Partial<Error>} */ (cause ?? {});
  if (name === 'QuotaExceededError') {
    return new MqttError('store', 'store-full', 'The browser has no room left for what is to be stored.', {
      cause,
      hint: 'Free space on the disk, delete what this site has stored, or publish less while there is no connection.',
    });
  }
  return new MqttError('store', 'store-failed', `The store failed: ${message ?? cause}.`, { cause });
}

/**
 * A store that says neither yes nor no.
 * @param {number} timeout ms
 */
export function storeTimeout(timeout) {
  return new MqttError('store', 'store-timeout', `The store did not answer within ${timeout} ms.`, {
    hint:
      'Is the disk slow or full? Reloading the page, or restarting the browser, helps a database that is stuck. In a store ' +
      'of your own, each promise has to settle.',
  });
}

/**
 * Sessions in memory: they outlive a client object, not the page. For tests, and for apps that make clients anew.
 * @returns {Store}
 */
export function memoryStore() {
  /** @type {Map<string, Map<string, StoreValue>>} */
  const sessions = new Map();
  /** @type {Set<string>} */
  const open = new Set();
  return {
    async open(name) {
      if (open.has(name)) throw inUseError();
      open.add(name);
      /** @type {Map<string, StoreValue>} */
      const records = sessions.get(name) ?? new Map();
      sessions.set(name, records);
      return {
        load: async () => structuredClone([...records]),
        async write(changes) {
          for (const { key, value } of structuredClone(changes)) {
            if (value === undefined) records.delete(key);
            else records.set(key, value);
          }
        },
        close: () => void open.delete(name),
      };
    },
  };
}
