// A clock that tests turn by hand, behind performance.now(), Date.now(), setTimeout() and setInterval(); and on it a page
// that can be hidden, whose timers then ring once a minute, as Chromium does after five, and workers whose timers do not.
// Everything else (microtasks, messages, the peer) goes on by itself between two rings.
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';

const WORKER = readFileSync(new URL('../../web/client/timer_worker.js', import.meta.url), 'utf8');
const MINUTE = 60_000;
/** A message and its answer, and what they cause, are through in so many turns of the event loop. */
const TURNS = 3;

export class VirtualTime {
  /** Since the page began, ms. */
  now = 1000;
  /** What the wall clock shows more. */
  wall = 1_700_000_000_000;
  #lastId = 0;
  /** @type {Map<number, { at: number, ring: () => void, every: number, page: boolean }>} */
  #timers = new Map();
  #hidden = false;
  document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  /** Made and not terminated. @type {Set<{ onmessage: (event: { data: unknown }) => void }>} */
  workers = new Set();
  workersMade = 0;
  /** URLs at which there is a worker. @type {string[]} */
  served = [];

  /** @param {import('node:test').TestContext} t restores all at its end */
  constructor(t) {
    const set =
      (/** @type {boolean} */ page, /** @type {boolean} */ again) =>
      /** @type {(ring: (...args: any[]) => void, after?: number) => number} */
      (ring, after = 0) =>
        this.#set(ring, Math.max(after, 1), page, again);
    const clear = (/** @type {number} */ id) => void this.#timers.delete(id);
    const time = this;
    class PageWorker {
      /** @type {(event: { data: unknown }) => void} */ onmessage = () => {};
      /** @type {(event: Event) => void} */ onerror = () => {};
      /** @type {any} */ #scope;
      /** @type {number[]} */ #timers = [];

      /** @param {string} url */
      constructor(url) {
        if (url === 'https://elsewhere.test/worker.js') throw new Error('SecurityError');
        time.workersMade++;
        time.workers.add(this);
        if (!time.served.includes(url)) {
          setImmediate(() => this.onerror(new Event('error', { cancelable: true })));
          return;
        }
        this.#scope = {
          setTimeout: (/** @type {() => void} */ ring, /** @type {number} */ after) => {
            const id = set(false, false)(ring, after);
            this.#timers.push(id);
            return id;
          },
          clearTimeout: clear,
          postMessage: (/** @type {unknown} */ data) =>
            setImmediate(() => time.workers.has(this) && this.onmessage({ data })),
        };
        runInNewContext(WORKER, this.#scope);
      }

      /** @param {unknown} data */
      postMessage(data) {
        setImmediate(() => this.#scope?.onmessage({ data }));
      }

      terminate() {
        time.workers.delete(this);
        for (const id of this.#timers) clear(id);
      }
    }
    /** @type {[object, string, unknown][]} */
    const replaced = [
      [globalThis, 'document', this.document],
      [globalThis, 'Worker', PageWorker],
      [globalThis, 'setTimeout', set(true, false)],
      [globalThis, 'setInterval', set(true, true)],
      [globalThis, 'clearTimeout', clear],
      [globalThis, 'clearInterval', clear],
      [performance, 'now', () => this.now],
      [Date, 'now', () => this.now + this.wall],
    ];
    for (const [object, name, value] of replaced) {
      const before = Object.getOwnPropertyDescriptor(object, name);
      Object.defineProperty(object, name, { value, configurable: true, writable: true });
      t.after(() => {
        if (before) Object.defineProperty(object, name, before);
        else delete (/** @type {any} */ (object)[name]);
      });
    }
  }

  /**
   * @param {(...args: any[]) => void} ring
   * @param {number} after
   * @param {boolean} page
   * @param {boolean} again
   */
  #set(ring, after, page, again) {
    const id = ++this.#lastId;
    this.#timers.set(id, { at: this.now + after, ring, every: again ? after : 0, page });
    return id;
  }

  /**
   * Something outside of the page, which nothing slows down.
   * @param {number} after ms
   * @param {() => void} happen
   */
  later(after, happen) {
    this.#set(happen, after, false, false);
  }

  /** Timers that are set, all in all. */
  get set() {
    return this.#timers.size;
  }

  /** @param {boolean} hidden */
  hide(hidden) {
    this.#hidden = hidden;
    this.document.visibilityState = hidden ? 'hidden' : 'visible';
    this.document.dispatchEvent(new Event('visibilitychange'));
  }

  /** @param {{ at: number, page: boolean }} timer */
  #when({ at, page }) {
    const then = Math.max(at, this.now);
    return page && this.#hidden ? Math.ceil(then / MINUTE) * MINUTE : then;
  }

  /**
   * Let so much time go by.
   * @param {number} ms
   */
  async run(ms) {
    const end = this.now + ms;
    await this.settle();
    for (;;) {
      let first = 0;
      let at = Infinity;
      for (const [id, timer] of this.#timers) {
        const then = this.#when(timer);
        if (then < at) [first, at] = [id, then];
      }
      if (at > end) break;
      this.now = at;
      const timer = /** @type {{ at: number, ring: () => void, every: number }} */ (this.#timers.get(first));
      if (timer.every === 0) this.#timers.delete(first);
      else timer.at = at + timer.every;
      timer.ring();
      await this.settle(timer.every === 0 ? TURNS : 1); // what rings all the time hardly ever has something to do
    }
    this.now = end;
  }

  /** All that follows without time going by. */
  async settle(turns = TURNS) {
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /**
   * Nothing runs for so long, as when the machine sleeps; whatever should have rung rings now.
   * @param {number} ms
   * @param {boolean} monotonic performance.now() goes on in sleep, as on some systems; timers are on its clock
   */
  sleep(ms, monotonic) {
    if (monotonic) this.now += ms;
    else this.wall += ms;
  }
}
