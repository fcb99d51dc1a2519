// Messages for `for await`: a bounded buffer between the socket, which does not wait, and a loop that takes its time.
import { MqttError } from './errors.js';
import { forgetMessage, messageSize, ownMessage, releaseMessage } from './message.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./inbox.js').Target} Target */
/** @typedef {'drop-oldest' | 'drop-newest' | 'error'} Overflow */

/**
 * @implements {AsyncIterableIterator<Message>}
 * @implements {Target}
 */
export class MessageIterator {
  /** @type {Message[]} */
  #buffer = [];
  #bytes = 0;
  /** @type {Message | null} the one that the loop is at work on */
  #current = null;
  /** @type {{ resolve: (result: IteratorResult<Message>) => void, reject: (error: unknown) => void }[]} */
  #takers = [];
  /** @type {{ error: unknown } | null} */
  #ended = null;
  #limits;
  #overflow;
  #closed;
  /** Messages with QoS 0 that the loop was too slow for. */
  dropped = 0;

  /**
   * @param {{ messages: number, bytes: number }} limits
   * @param {Overflow} overflow
   * @param {boolean} manual the loop acknowledges by message.ack()
   * @param {(rest: Message[]) => void} closed the loop was left; `rest` was not taken
   */
  constructor(limits, overflow, manual, closed) {
    this.#limits = limits;
    this.#overflow = overflow;
    this.manual = manual;
    this.#closed = closed;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @param {Message} message */
  deliver(message) {
    if (this.#ended) return releaseMessage(message);
    // The socket's buffer may be far larger than the message, and the loop may come to it late.
    ownMessage(message);
    const taker = this.#takers.shift();
    if (taker) {
      this.#release();
      this.#current = message;
      taker.resolve({ done: false, value: message });
      return undefined;
    }
    if (this.#full(message) && message.qos === 0 && !this.#makeRoom()) {
      this.dropped++;
      return undefined;
    }
    this.#buffer.push(message);
    this.#bytes += messageSize(message);
    return undefined;
  }

  /** @param {Message} message */
  #full(message) {
    return this.#buffer.length >= this.#limits.messages || this.#bytes + messageSize(message) > this.#limits.bytes;
  }

  /** What the policy says to a message with QoS 0 when the buffer is full. False: it is not taken. */
  #makeRoom() {
    if (this.#overflow === 'error') {
      this.#finish(
        new MqttError('handler', 'iterator-overflow', 'Messages came faster than the loop over them took them.', {
          hint: "Raise highWaterMark, or choose overflow: 'drop-oldest'.",
        }),
      );
    }
    if (this.#overflow !== 'drop-oldest') return false;
    const oldest = this.#buffer.findIndex(({ qos }) => qos === 0);
    if (oldest < 0) return false;
    const [message] = this.#buffer.splice(oldest, 1);
    this.#bytes -= messageSize(message);
    this.dropped++;
    return true;
  }

  /** @returns {Promise<IteratorResult<Message>>} */
  next() {
    this.#release();
    const message = this.#buffer.shift();
    if (message) {
      this.#bytes -= messageSize(message);
      this.#current = message;
      return Promise.resolve({ done: false, value: message });
    }
    if (!this.#ended) return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
    const { error } = this.#ended;
    this.#ended = { error: undefined };
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  }

  /** The loop was left. @returns {Promise<IteratorResult<Message>>} */
  return() {
    this.#release();
    this.#finish(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The loop asks for the next one, so it is done with the one before. */
  #release() {
    const message = this.#current;
    this.#current = null;
    if (message && !this.manual) releaseMessage(message);
  }

  /** @param {unknown} error undefined: the loop ends as if there were no more */
  end(error) {
    for (const message of this.#buffer.splice(0)) releaseMessage(message); // else those after it could not be acknowledged
    this.#finish(error);
  }

  /** The server will send again what it has no acknowledgement for. */
  forgetUnacknowledged() {
    this.#buffer = this.#buffer.filter((message) => !forgetMessage(message));
    this.#bytes = this.#buffer.reduce((sum, message) => sum + messageSize(message), 0);
  }

  /** @param {unknown} error */
  #finish(error) {
    if (this.#ended) return;
    this.#ended = { error };
    for (const { resolve, reject } of this.#takers.splice(0)) {
      if (error === undefined) resolve({ done: true, value: undefined });
      else reject(error);
    }
    // With an error the loop first sees what is there.
    const rest = error === undefined ? this.#buffer.splice(0) : [];
    this.#closed(rest);
  }
}
