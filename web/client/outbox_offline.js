// QoS 0 messages that wait for a connection. The core has none of them yet: without one it would not keep them.
import { coreError } from './errors.js';
import { shortened } from './properties.js';
import { Settling } from './settle.js';

/** @typedef {import('./errors.js').MqttError} MqttError */
/** @typedef {import('./outbox.js').PublishOptions} PublishOptions */
/** @typedef {import('./outbox.js').PublishResult} PublishResult */

const TIMER_MAX = 2 ** 31 - 1; // longer ones overflow

export class Offline {
  #machine;
  #publish;
  /** Oldest first: each sends its message, or rejects it. @type {Set<(error?: MqttError) => void>} */
  #waiting = new Set();
  /** Topics and payloads. */
  bytes = 0;

  /**
   * @param {import('./machine.js').Machine} machine
   * @param {(topic: string, payload: Uint8Array | string, options: PublishOptions) => Promise<PublishResult>} publish
   */
  constructor(machine, publish) {
    this.#machine = machine;
    this.#publish = publish;
  }

  /** How many wait. */
  get count() {
    return this.#waiting.size;
  }

  /**
   * @param {string} topic
   * @param {Uint8Array | string} payload our own
   * @param {PublishOptions} options
   * @returns {Promise<PublishResult>}
   */
  add(topic, payload, options) {
    const size = payload.length + topic.length;
    /** @type {Settling<PublishResult>} */
    const settling = new Settling('publish', options, () => {
      forget();
      return false;
    });
    const { core } = this.#machine;
    const lifetime = (options.properties?.messageExpiryInterval ?? Infinity) * 1000;
    const since = performance.now();
    const expire = () => {
      forget();
      settling.reject(coreError(core, 'publish', core.numbers.WQ_E_EXPIRED));
    };
    const timer = lifetime <= TIMER_MAX ? setTimeout(expire, lifetime) : undefined;
    const forget = () => {
      clearTimeout(timer);
      if (this.#waiting.delete(send)) this.bytes -= size;
    };
    const send = (/** @type {MqttError | undefined} */ error) => {
      const waited = performance.now() - since;
      if (waited >= lifetime) return expire();
      forget();
      if (settling.done) return;
      if (error) return settling.reject(error);
      const properties = shortened(options.properties, waited);
      const rest = { ...options, properties, signal: undefined, timeout: undefined };
      this.#publish(topic, payload, rest).then(
        (result) => settling.resolve(result),
        (/** @type {unknown} */ failure) => settling.reject(failure),
      );
    };
    this.#waiting.add(send);
    this.bytes += size;
    return settling.promise;
  }

  /**
   * Send all, or reject them.
   * @param {MqttError} [error]
   */
  flush(error) {
    for (const send of [...this.#waiting]) send(error);
  }

  /** Reject the oldest. @param {MqttError} error */
  drop(error) {
    for (const send of this.#waiting) return send(error);
  }
}
