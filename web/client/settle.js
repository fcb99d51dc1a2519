// A promise that settles exactly once: by an answer, by its time running out, or by its AbortSignal.
import { MqttError } from './errors.js';

/**
 * @typedef {object} WaitOptions
 * @property {AbortSignal} [signal] gives up: the promise rejects with code 'aborted'
 * @property {number} [timeout] ms after which the promise rejects with code 'timeout'; default: none
 */

const TIMER_MAX = 2 ** 31 - 1;
/** @type {WaitOptions} */
const NO_OPTIONS = {};

/**
 * setTimeout() for any number: it takes what is longer than it can do, as Infinity, for 1 ms. That never comes.
 * @param {() => void} ring
 * @param {number} after ms
 */
export function setTimer(ring, after) {
  return after <= TIMER_MAX ? setTimeout(ring, after) : undefined;
}

/**
 * Wait for what may never come. Settles as `work` does, or rejects when it is late; `work` goes on then.
 * @template T
 * @param {Promise<T>} work
 * @param {number} timeout ms
 * @param {(timeout: number) => MqttError} late
 * @returns {Promise<T>}
 */
export function inTime(work, timeout, late) {
  return new Promise((resolve, reject) => {
    const timer = setTimer(() => reject(late(timeout)), timeout);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** What the executor of the promise that is being made was given. @type {(value: any) => void} */
let resolveIt;
/** One for all: a closure for each would be garbage. @type {ConstructorParameters<typeof Promise<any>>[0]} */
const executor = (resolve) => {
  resolveIt = resolve;
};

/**
 * @template T
 */
export class Settling {
  /**
   * Null: settled already, further calls do nothing. It rejects, too, given a promise that does: a second function to keep
   * would cost every message.
   * @type {((value: any) => void) | null}
   */
  #resolve;
  /** What may reject it besides. @type {Limits | null} */
  #limits = null;

  /**
   * @param {import('./errors.js').Phase} phase
   * @param {WaitOptions} [options]
   * @param {(settling: any) => boolean | undefined} [giveUp] called before a rejection by time or signal: take back what can be.
   *   Returns whether it had left already, if that can be said
   */
  constructor(phase, options = NO_OPTIONS, giveUp) {
    /** @type {Promise<T>} */
    this.promise = new Promise(executor);
    /** @type {(value: T) => void} */
    this.#resolve = resolveIt;
    if (options.timeout !== undefined || options.signal) this.#limit(phase, options, giveUp);
  }

  /**
   * Apart from the constructor, since engines make an object of what closures need whenever a function with some is called.
   * @param {import('./errors.js').Phase} phase
   * @param {WaitOptions} options
   * @param {((settling: any) => boolean | undefined) | undefined} giveUp
   */
  #limit(phase, { signal, timeout }, giveUp) {
    this.#limits = new Limits(signal, timeout, (code, message, cause) => {
      const resolve = this.#settle(); // so that it is told as this, whatever taking back tells
      if (resolve === null) return;
      const sent = giveUp?.(this);
      const hint = sent ? 'The message had left already, and is completed in silence: it may arrive.' : '';
      resolve(Promise.reject(new MqttError(phase, code, message, { sent, hint, cause })));
    });
  }

  get done() {
    return this.#resolve === null;
  }

  /** What settles it; null: it is settled. */
  #settle() {
    const resolve = this.#resolve;
    this.#resolve = null;
    if (resolve !== null) this.#limits?.lift();
    return resolve;
  }

  /** Settle as another promise does. @param {Promise<T>} work */
  follow(work) {
    work.then(
      (value) => this.resolve(value),
      (error) => this.reject(error),
    );
    return this.promise;
  }

  /** @param {T} value */
  resolve(value) {
    this.#settle()?.(value);
  }

  /** @param {unknown} error */
  reject(error) {
    this.#settle()?.(Promise.reject(error));
  }
}

/** A time, a signal, or both. */
class Limits {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #signal;
  #aborted;

  /**
   * @param {AbortSignal | undefined} signal
   * @param {number | undefined} timeout ms
   * @param {(code: string, message: string, cause?: unknown) => void} fail
   */
  constructor(signal, timeout, fail) {
    if (signal && typeof signal.addEventListener !== 'function') {
      throw new MqttError('options', 'bad-option', 'The option signal is no AbortSignal.', {
        hint: 'An AbortController has it as its signal.',
      });
    }
    this.#signal = signal;
    this.#aborted = () => fail('aborted', 'It was aborted by its signal.', signal?.reason);
    signal?.addEventListener('abort', this.#aborted);
    if (signal?.aborted) queueMicrotask(this.#aborted);
    if (timeout !== undefined) {
      this.#timer = setTimer(() => fail('timeout', `No answer within ${timeout} ms.`), timeout);
    }
  }

  lift() {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#aborted);
  }
}
