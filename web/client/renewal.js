// Credentials that expire. Others are asked for ahead of time, while the connection goes on; when they are there, a new
// connection takes the place of the old one in good order: what can be sent is sent, DISCONNECT is said (so there is no
// will), and the session goes on. Where none outlives the connection, messages with QoS 1 and 2 are held before, until the
// acknowledgements of those under way have come. If credentials() fails, the old connection stays for as long as the server
// likes.
import { wq_negotiated_t_session_expiry_interval } from '../../build/gen/wasmqtt_layout.js';
import { endedError, MqttError } from './errors.js';
import { Backoff } from './retry.js';
import { inTime } from './settle.js';

/** So much before their end, in ms: a tenth of their time, within these bounds, at most half of it. */
const AHEAD_MIN = 30_000;
const AHEAD_MAX = 300_000;
/** Acknowledgements are awaited so long, ms. */
const SETTLE_TIMEOUT = 10_000;
const TIMER_MAX = 2 ** 31 - 1; // longer ones overflow

/**
 * When to ask for other credentials; Infinity: they have expired already, so this clock or theirs is wrong.
 * @param {number} expires ms since epoch
 * @param {number} now
 */
export function renewalTime(expires, now) {
  const left = expires - now;
  return left > 0 ? expires - Math.min(Math.max(left / 10, AHEAD_MIN), AHEAD_MAX, left / 2) : Infinity;
}

export class Renewal {
  #machine;
  #outbox;
  #dialer;
  #left;
  #reconnect;
  #backoff;
  /** ms since epoch */
  #at = Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Counts connections: an answer of credentials() may come too late for its own. */
  #era = 0;
  #asking = false;

  /**
   * @param {import('./machine.js').Machine} machine
   * @param {import('./outbox.js').Outbox} outbox
   * @param {import('./dialer.js').Dialer} dialer
   * @param {Required<import('./retry.js').ReconnectOptions>} reconnect
   * @param {() => void} left told when the machine is done with the old connection
   */
  constructor(machine, outbox, dialer, reconnect, left) {
    this.#machine = machine;
    this.#outbox = outbox;
    this.#dialer = dialer;
    this.#reconnect = reconnect;
    this.#backoff = new Backoff(reconnect);
    this.#left = left;
  }

  /** CONNACK came. */
  accepted() {
    const { expires = Infinity, renew = 0 } = this.#dialer;
    const now = Date.now();
    if (expires <= now) this.#machine.log('warn', 'credentials() says that what it gave has expired already');
    this.#backoff = new Backoff(this.#reconnect);
    this.#set(renew > now ? renew : renewalTime(expires, now));
  }

  /** The connection is gone, or going. */
  stop() {
    this.#era++;
    this.#asking = false;
    this.#at = Infinity;
    clearTimeout(this.#timer);
    this.#outbox.release();
  }

  /** Timers stand still while a machine sleeps: look at the clock. */
  check() {
    this.#set(this.#at);
  }

  /** @param {number} at */
  #set(at) {
    this.#at = at;
    clearTimeout(this.#timer);
    if (at === Infinity || this.#asking) return;
    const rest = at - Date.now();
    if (rest <= 0) void this.#renew();
    else this.#timer = setTimeout(() => this.check(), Math.min(rest, TIMER_MAX));
  }

  async #renew() {
    const era = this.#era;
    const before = this.#dialer.expires ?? 0;
    this.#asking = true;
    try {
      const given = await this.#dialer.credentials();
      if (era !== this.#era) return;
      if (Number(given.expires ?? Infinity) <= before) {
        throw new MqttError(
          'open',
          'credentials-failed',
          'credentials() gave none that last longer than the present ones.',
        );
      }
      if (given.reauthenticate && this.#machine.connection) {
        await this.#machine.connection.reauthenticate({});
        if (era !== this.#era) return;
        this.#dialer.taken(given);
        this.#asking = false;
        this.accepted();
        return;
      }
      await this.#settled();
      if (era !== this.#era) return;
      this.#dialer.next = given;
      this.#outbox.renewing = true;
      await this.#machine.connection?.retire();
      if (era === this.#era) this.#left();
    } catch (error) {
      if (era !== this.#era) return;
      this.#asking = false;
      this.#machine.report(error);
      this.#set(Date.now() + this.#backoff.next(0, /** @type {MqttError} */ (error)));
    }
  }

  /** Nothing is in flight that a new session would not know of, and nothing will be; or it takes too long. */
  async #settled() {
    if (this.#machine.core.negotiated(wq_negotiated_t_session_expiry_interval) > 0) return;
    await inTime(this.#outbox.hold(), SETTLE_TIMEOUT, () => endedError('connected')).catch(() => {});
  }
}
