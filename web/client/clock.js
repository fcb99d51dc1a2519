// One timer for all that a client waits for. It is moved forward only: when it rings too early, it is set again. While the
// page is hidden a worker's timer rings as well, since browsers slow down the page's own; where there is no worker, somebody
// is told of that.
import { joinTimer } from './timer.js';

export class Clock {
  /** What it is there for at the moment. */
  ring;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #at = Infinity;
  #url;
  #log;
  #hidden = false;
  /** Null: there is none. @type {ReturnType<typeof joinTimer> | null | undefined} */
  #worker;
  /** @type {(throttled: boolean) => void} */
  #tell = () => {};

  /**
   * @param {() => void} ring
   * @param {string | URL | false} url of the worker; false: none
   * @param {(level: 'info', text: string, data: unknown) => void} log
   */
  constructor(ring, url = false, log = () => {}) {
    this.ring = ring;
    this.#url = url;
    this.#log = log;
  }

  /**
   * Look after the page's being hidden, until close().
   * @param {(throttled: boolean) => void} tell whether timers may ring late, now and whenever that may have changed
   */
  open(tell) {
    this.#tell = tell;
    globalThis.document?.addEventListener('visibilitychange', this.#look);
    this.#look();
  }

  close() {
    globalThis.document?.removeEventListener('visibilitychange', this.#look);
    this.#worker?.leave();
    this.#worker = null;
    this.stop();
  }

  #look = () => {
    this.#hidden = globalThis.document?.visibilityState === 'hidden';
    if (this.#hidden && this.#worker === undefined) this.#join();
    if (this.#at < Infinity) this.#set(this.#at - performance.now());
    this.#tell(this.#hidden && !this.#worker);
  };

  #join() {
    this.#worker = null;
    if (this.#url === false) return;
    try {
      this.#worker = joinTimer(String(this.#url), {
        rang: () => this.#rang(),
        failed: (cause) => {
          this.#worker?.leave();
          this.#failed(cause);
          this.#look();
        },
      });
    } catch (cause) {
      this.#failed(cause);
    }
  }

  /** @param {unknown} cause */
  #failed(cause) {
    this.#worker = null;
    this.#log('info', `There is no timer worker at ${this.#url}: timers of the hidden page may ring late.`, cause);
  }

  /**
   * Ring at `deadline`, or before if it is armed for that already.
   * @param {number} deadline on the clock of now; Infinity: there is no need
   * @param {number} now
   */
  arm(deadline, now) {
    if (deadline >= this.#at) return;
    this.#at = deadline;
    this.#set(deadline - now);
  }

  /** @param {number} left ms */
  #set(left) {
    const after = Math.min(Math.max(left, 0), 2 ** 31 - 1); // longer ones overflow
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#rang(), after);
    if (this.#hidden) this.#worker?.set(after);
  }

  #rang() {
    if (this.#at === Infinity) return;
    const left = this.#at - performance.now();
    if (left > 0) {
      this.#set(left);
    } else {
      this.#at = Infinity;
      this.ring();
    }
  }

  stop() {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }
}
