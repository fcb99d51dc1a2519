// What subscribe() gives: one user's part of a filter, with its handler or its iterators.
import { Handler } from './inbox.js';
import { MessageIterator } from './iterator.js';
import { releaseMessage } from './message.js';
import { UNASKED } from './subscriptions.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./subscriptions.js').SubscribeOptions} SubscribeOptions */
/** @typedef {import('./subscriptions.js').UnsubscribeOptions} UnsubscribeOptions */
/** @typedef {import('./subscriptions.js').FilterResult} FilterResult */

const ITERATOR_MESSAGES = 1024;
const ITERATOR_BYTES = 4 << 20;

/** @type {import('./inbox.js').Target} takes what still comes after unsubscribe(), until the server has confirmed */
class Nobody {
  manual = false;

  /** @param {Message} message */
  deliver(message) {
    releaseMessage(message); // another may be at work on it
  }
}

export class Subscription {
  /** The filter. @type {string} */
  filter;
  /** Quality of service that the server granted. @type {number} */
  qos = 0;
  /** What else the server said when it granted that (MQTT 5.0). @type {import('./properties.js').Properties} */
  properties = {};
  #inbox;
  #rule;
  #options;
  #leave;
  /** @type {import('./inbox.js').Target | null} */
  #handler = null;
  /** @type {Set<MessageIterator>} */
  #iterators = new Set();
  /** Messages that iterators dropped and that are gone now. */
  #dropped = 0;
  #active = true;

  /**
   * @param {string} filter
   * @param {SubscribeOptions} options
   * @param {((message: Message) => unknown) | undefined} handler
   * @param {import('./inbox.js').AckRule} rule
   * @param {import('./inbox.js').Inbox} inbox
   * @param {(error: unknown) => void} report
   * @param {(subscription: Subscription, options: UnsubscribeOptions) => Promise<FilterResult>} leave throws for options
   *   that cannot be
   * @internal
   */
  constructor(filter, options, handler, rule, inbox, report, leave) {
    this.filter = filter;
    this.#options = options;
    this.#rule = rule;
    this.#inbox = inbox;
    this.#leave = leave;
    if (handler) {
      this.#handler = new Handler(handler, rule, report);
      inbox.add(filter, this.#handler);
    }
  }

  /** Messages with QoS 0 that iterators were too slow for. */
  get dropped() {
    let sum = this.#dropped;
    for (const { dropped } of this.#iterators) sum += dropped;
    return sum;
  }

  /**
   * `for await (const message of subscription)`: every loop gets every message. A message with QoS 1 or 2 is acknowledged
   * when the loop asks for the next one, or is left. After unsubscribe() and end() the loop ends; it throws when the
   * client gives up.
   * @returns {AsyncIterableIterator<Message>}
   */
  [Symbol.asyncIterator]() {
    const { highWaterMark, overflow } = this.#options;
    const limits = {
      messages: highWaterMark?.messages ?? ITERATOR_MESSAGES,
      bytes: highWaterMark?.bytes ?? ITERATOR_BYTES,
    };
    const iterator = new MessageIterator(limits, overflow ?? 'drop-oldest', this.#rule.manual, (rest) => {
      this.#inbox.delete(this.filter, iterator);
      this.#iterators.delete(iterator);
      this.#dropped += iterator.dropped;
      for (const message of rest) this.#inbox.hold(message);
    });
    if (this.#active) {
      this.#iterators.add(iterator);
      this.#inbox.add(this.filter, iterator);
    } else {
      iterator.end(undefined);
    }
    return iterator;
  }

  /**
   * Receive no more. The server is told when nobody else of this client wants the filter; resolves when it has confirmed,
   * with what it said.
   * @param {UnsubscribeOptions} [options]
   * @returns {Promise<FilterResult>}
   */
  async unsubscribe(options = {}) {
    if (!this.#active) return UNASKED;
    const nobody = new Nobody();
    this.#inbox.add(this.filter, nobody);
    try {
      const left = this.#leave(this, options);
      this.stop(undefined);
      return await left;
    } finally {
      this.#inbox.delete(this.filter, nobody);
    }
  }

  /** @returns {Promise<void>} */
  async [Symbol.asyncDispose]() {
    await this.unsubscribe();
  }

  /**
   * Give up handler and iterators.
   * @param {unknown} error what loops throw; undefined: they just end
   * @internal
   */
  stop(error) {
    this.#active = false;
    if (this.#handler) this.#inbox.delete(this.filter, this.#handler);
    this.#handler = null;
    for (const iterator of [...this.#iterators]) iterator.end(error);
  }

  /** The server will send again what it has no acknowledgement for. @internal */
  forgetUnacknowledged() {
    for (const iterator of this.#iterators) iterator.forgetUnacknowledged();
  }
}
