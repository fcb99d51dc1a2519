// When to try again, and whether at all.

/**
 * @typedef {object} ReconnectOptions
 * @property {number} [minDelay] ms before the first attempt, at most; default 1000
 * @property {number} [maxDelay] ms that the delay grows to; default 120000
 * @property {'full' | 'none'} [jitter] 'full' (default): a random part of the delay, so that a fleet does not come back all
 *   at once
 * @property {number} [stableTime] ms after which a connection counts as good, and delays begin anew; default 10000
 */

export class Backoff {
  #options;
  #random;
  #failures = 0;

  /**
   * @param {Required<ReconnectOptions>} options
   * @param {() => number} [random] 0..1
   */
  constructor(options, random = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /** @param {number} lifetime ms that the last connection was good for; 0: there was none */
  next(lifetime) {
    const { minDelay, maxDelay, jitter, stableTime } = this.#options;
    if (lifetime >= stableTime) this.#failures = 0;
    const delay = Math.min(maxDelay, minDelay * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return jitter === 'full' ? this.#random() * delay : delay;
  }
}

/** CONNACK and DISCONNECT reason codes of 5.0 that will be the same the next time [M5:2.4]. */
const FATAL = new Set([0x81, 0x82, 0x84, 0x85, 0x8a, 0x8c, 0x8e, 0x90, 0x95, 0x99, 0x9a, 0x9b, 0x9d]);
const CREDENTIALS = new Set([0x86, 0x87]);
/** CONNACK return codes of 3.x [M3:3.2.2.3]. */
const FATAL_3 = new Set([1, 2]);
const CREDENTIALS_3 = new Set([4, 5]);
/** Errors that waiting does not heal. */
const FATAL_PHASES = new Set(['options', 'load']);

/**
 * What an ended attempt or connection means: 'fatal' (stop), 'credentials' (others are needed), 'transient' (try again).
 * @param {import('./errors.js').MqttError} error
 */
export function classify({ phase, code, reasonCode }) {
  if (FATAL_PHASES.has(phase)) return 'fatal';
  if (code === 'redirected') return 'transient'; // the next attempt goes there
  if (code === 'unauthenticated') return 'credentials'; // told by closing, without a reason code
  if (reasonCode === undefined) return 'transient';
  const old = phase === 'connack' && reasonCode < 0x80;
  if ((old ? FATAL_3 : FATAL).has(reasonCode)) return 'fatal';
  return (old ? CREDENTIALS_3 : CREDENTIALS).has(reasonCode) ? 'credentials' : 'transient';
}
