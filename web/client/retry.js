// When to try again, and whether at all.

/** @typedef {import('./errors.js').MqttError} MqttError */

/**
 * @typedef {object} ReconnectOptions
 * @property {number} [minDelay] ms before the first attempt, at most; default 1000. Ten times as much if the server says
 *   that it has too much to do
 * @property {number} [maxDelay] ms that the delay grows to; default 120000
 * @property {'full' | 'none'} [jitter] 'full' (default): a random part of the delay, so that a fleet does not come back all
 *   at once
 * @property {number} [stableTime] ms after which a connection counts as good, and delays begin anew; default 10000
 */

/** Connections in a row that the server closed soon, each after an attempt that succeeded: somebody takes them over. */
const TAKEN_OVER = 3;
/** The first delay after a server that has too much to do, as a multiple of minDelay. */
const BUSY = 10;
/** Attempts after refusals that may have been for load, in a row. */
const DOUBTS = 3;

/**
 * Delays double from minDelay to maxDelay. Two cases wait longer, and in the upper half of the delay, for there nobody is
 * to come back early:
 * - A server with too much to do, see isBusy(): the delay begins at ten times minDelay.
 * - Another client with our id, seemingly: servers of 3.x just close the older connection, so both would take it from
 *   each other for ever. A network that fails now and then looks different: attempts fail too, or silence ends a
 *   connection. If it is one all the same, then this delay is all the harm: maxDelay, until a connection has outlived that.
 */
export class Backoff {
  #options;
  #random;
  #failures = 0;
  /** Connections in a row that may have been taken over. */
  #taken = 0;
  /** The last call of next() found that another client seems to have our id, and the one before did not. */
  suspicious = false;
  /** In a row, without a connection that lasted. */
  #refusals = 0;

  /**
   * @param {Required<ReconnectOptions>} options
   * @param {() => number} [random] 0..1
   */
  constructor(options, random = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /**
   * Whether other attempts would end as this one did.
   * @param {number} lifetime ms that the last connection was good for; 0: there was none
   * @param {MqttError} error why it ended, or did not come about
   * @param {boolean} asks there is somebody to ask for other credentials, which is done once
   */
  hopeless(lifetime, error, asks) {
    const kind = classify(error);
    if (kind === 'transient' || lifetime >= this.#options.stableTime) this.#refusals = 0;
    if (kind === 'transient' || kind === 'fatal') return kind === 'fatal';
    return this.#refusals++ >= (kind === 'doubtful' ? DOUBTS : Number(asks));
  }

  /**
   * The delay before the next attempt, in ms.
   * @param {number} lifetime ms that the last connection was good for; 0: there was none
   * @param {MqttError} error why it ended, or did not come about
   */
  next(lifetime, error) {
    const { minDelay, maxDelay, jitter, stableTime } = this.#options;
    if (lifetime >= stableTime) this.#failures = 0;
    const lost = lifetime > 0 && error.code === 'connection-lost';
    const before = this.#taken;
    if (!lost || lifetime >= Math.max(stableTime, maxDelay)) this.#taken = 0;
    else if (lifetime < stableTime) this.#taken++;
    const taken = this.#taken >= TAKEN_OVER;
    this.suspicious = taken && before < TAKEN_OVER;
    const busy = isBusy(error);
    const first = busy ? minDelay * BUSY : minDelay;
    const delay = taken ? maxDelay : Math.min(maxDelay, first * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    if (jitter === 'none') return delay;
    return taken || busy ? delay * (0.5 + this.#random() / 2) : delay * this.#random();
  }
}

/** CONNACK and DISCONNECT reason codes of 5.0 that will be the same the next time [M5:2.4]. */
const FATAL = new Set([0x81, 0x82, 0x84, 0x85, 0x8a, 0x8c, 0x8e, 0x90, 0x95, 0x99, 0x9a, 0x9b, 0x9d]);
const CREDENTIALS = new Set([0x86, 0x87]);
/** CONNACK return codes of 3.x [M3:3.2.2.3]. */
const FATAL_3 = new Set([1, 2]);
const CREDENTIALS_3 = new Set([4, 5]);
/** Server unavailable, busy, asked too much of: in CONNACK and DISCONNECT of 5.0, in CONNACK of 3.x. */
const BUSY_CODES = new Set([3, 0x88, 0x89, 0x96, 0x97, 0x9c, 0x9f]);
/** Errors that waiting does not heal. */
const FATAL_CODES = new Set(['wasm', 'store-newer', 'store-unavailable']);

/**
 * What an ended attempt or connection means: 'fatal' (stop), 'credentials' (others are needed), 'transient' (try again),
 * 'doubtful' (the same, a few times).
 * @param {MqttError} error
 */
export function classify({ phase, code, reasonCode }) {
  if (phase === 'options' || FATAL_CODES.has(code)) return 'fatal';
  if (code === 'redirected') return 'transient'; // the next attempt goes there
  // Told by closing, without a reason code; found by ourselves.
  if (code === 'unauthenticated' || code === 'auth-failed') return 'credentials';
  if (reasonCode === undefined) return 'transient';
  const old = (phase === 'connack' || phase === 'connected') && reasonCode < 0x80;
  if (mayBeLoad({ phase, reasonCode })) return 'doubtful';
  if ((old ? FATAL_3 : FATAL).has(reasonCode)) return 'fatal';
  return (old ? CREDENTIALS_3 : CREDENTIALS).has(reasonCode) ? 'credentials' : 'transient';
}

/**
 * Not authorized, said by a second CONNACK: at Cumulocity that is many things, load among them.
 * @param {{ phase: string, reasonCode?: number }} error
 */
function mayBeLoad({ phase, reasonCode }) {
  return phase === 'connected' && reasonCode === 5;
}

/** The server wants to be left alone for a while. @param {MqttError} error */
function isBusy(error) {
  return mayBeLoad(error) || (error.code !== 'redirected' && BUSY_CODES.has(error.reasonCode ?? 0));
}
