// QoS 0 messages that wait for a connection. The core has none of them yet: without one it would not keep them.
import { WQ_E_EXPIRED } from '../../build/gen/wasmqtt_layout.js';
import { coreError } from './errors.js';
import { shortened } from './properties.js';
import { setTimer, Settling } from './settle.js';

/** @typedef {import('./errors.js').MqttError} MqttError */
/** @typedef {import('./outbox.js').PublishOptions} PublishOptions */
/** @typedef {import('./outbox.js').PublishResult} PublishResult */

/** @typedef {Pick<import('./pending.js').Pending, 'topic' | 'qos' | 'key' | 'size' | 'since' | 'restored'>} Waiting */

export class Offline {
  #machine;
  #publish;
  /** Oldest first, by what sends each, or rejects it. @type {Map<(error?: MqttError) => void, Waiting>} */
  #waiting = new Map();
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
   * @param {PublishOptions} options our own
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
      settling.reject(coreError(core, 'publish', WQ_E_EXPIRED));
    };
    const timer = setTimer(expire, lifetime);
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
      settling.follow(this.#publish(topic, payload, rest));
    };
    this.#waiting.set(send, { topic, qos: 0, key: options.key, size, since, restored: false });
    this.bytes += size;
    return settling.promise;
  }

  /**
   * Send all, or reject them.
   * @param {MqttError} [error]
   */
  flush(error) {
    for (const send of [...this.#waiting.keys()]) send(error);
  }

  /** Reject the oldest. @param {MqttError} error */
  drop(error) {
    for (const send of this.#waiting.keys()) return send(error);
  }

  /** What waits, oldest first. */
  get all() {
    return this.#waiting.values();
  }

  /**
   * Reject those of a key. Returns how many.
   * @param {string} key
   * @param {MqttError} error
   */
  remove(key, error) {
    const found = [...this.#waiting].filter(([, waiting]) => waiting.key === key);
    for (const [send] of found) send(error);
    return found.length;
  }
}
