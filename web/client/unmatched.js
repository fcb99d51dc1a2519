// Messages that nobody has asked for yet, so that none is lost between a subscription and its handler: kept for a while,
// then acknowledged and counted [M3:4.5.0-2] [M5:4.5.0-2].
import { forgetMessage, messageSize, ownMessage } from './message.js';

/** @typedef {import('./message.js').Message} Message */

const QOS0_BYTES = 1 << 20;

export class Unmatched {
  /** @type {{ message: Message, until: number }[]} oldest first */
  #held = [];
  #qos0Bytes = 0;
  #timeout;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Messages that found no taker. */
  count = 0;

  /** @param {number} timeout ms */
  constructor(timeout) {
    this.#timeout = timeout;
  }

  /**
   * Keep a message. One with QoS over 0 stays unacknowledged: the server's Receive Maximum bounds them.
   * @param {Message} message
   */
  hold(message) {
    if (message.qos === 0) {
      if (this.#qos0Bytes + messageSize(message) > QOS0_BYTES) {
        this.count++;
        return;
      }
      this.#qos0Bytes += messageSize(message);
    }
    ownMessage(message);
    this.#held.push({ message, until: performance.now() + this.#timeout });
    this.#timer ??= setTimeout(() => this.#expire(), this.#timeout);
  }

  /**
   * Offer every message again.
   * @param {(message: Message) => boolean} take false: still nobody's
   */
  offer(take) {
    const held = this.#held;
    this.#held = [];
    this.#qos0Bytes = 0;
    for (const entry of held) {
      if (take(entry.message)) continue;
      this.#held.push(entry);
      if (entry.message.qos === 0) this.#qos0Bytes += messageSize(entry.message);
    }
  }

  /** The server will send again what it has no acknowledgement for. */
  forgetUnacknowledged() {
    this.#held = this.#held.filter(({ message }) => !forgetMessage(message));
  }

  clear() {
    this.#held = [];
    this.#qos0Bytes = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expire() {
    this.#timer = undefined;
    const now = performance.now();
    while (this.#held.length > 0 && this.#held[0].until <= now) {
      const [{ message }] = this.#held.splice(0, 1);
      if (message.qos === 0) this.#qos0Bytes -= messageSize(message);
      this.count++;
      message.ack();
    }
    if (this.#held.length > 0) this.#timer = setTimeout(() => this.#expire(), this.#held[0].until - now);
  }
}
