// The timer worker of a page (timer_worker.js), one for all clients that wait on it: made when the first comes, ended when
// the last goes.

/** @type {string | URL | false} */
let source = new URL('./worker.js', import.meta.url);

/** @param {string | false} url */
export function setDefaultTimerWorker(url) {
  source = url;
}

/** Where it comes from when the user does not say: a file beside the library. */
export const defaultTimerWorker = () => source;

/**
 * @typedef {object} TimerUser
 * @property {() => void} rang it may be somewhat early, and it may no longer be wanted
 * @property {(cause: unknown) => void} failed there is no such worker
 */

/** @type {Map<string, { worker: Worker, users: Map<number, TimerUser> }>} by URL */
const workers = new Map();
let lastId = 0;
/** @type {{ createScriptURL: (url: string) => any } | undefined} */
let policy;

/**
 * Where Trusted Types are enforced, a worker's URL has to come out of a policy.
 * @param {string} url
 */
function trusted(url) {
  policy ??= /** @type {any} */ (globalThis).trustedTypes?.createPolicy('wasmqtt', {
    createScriptURL: (/** @type {string} */ given) => given,
  });
  return policy ? policy.createScriptURL(url) : url;
}

/** @param {string} url */
function start(url) {
  const worker = new Worker(trusted(url), { name: 'wasmqtt timer' });
  /** @type {Map<number, TimerUser>} */
  const users = new Map();
  worker.onmessage = ({ data }) => users.get(data)?.rang();
  worker.onerror = (event) => {
    event.preventDefault(); // it is not the page's
    for (const user of users.values()) user.failed(event);
  };
  return { worker, users };
}

/**
 * Throws if there can be no such worker; often that shows later only.
 * @param {string} url
 * @param {TimerUser} user
 */
export function joinTimer(url, user) {
  const shared = workers.get(url) ?? start(url);
  workers.set(url, shared);
  const id = ++lastId;
  shared.users.set(id, user);
  return {
    /** @param {number} after ms, in place of what was set before */
    set: (after) => shared.worker.postMessage([id, after]),
    leave: () => {
      shared.users.delete(id);
      if (shared.users.size > 0) return;
      shared.worker.terminate();
      workers.delete(url);
    },
  };
}
