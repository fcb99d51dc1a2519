// Request and response: a message goes out with a response topic and correlation data, and the message that comes back with
// the same data settles the promise [M5:4.10].
import { endedError, MqttError } from './errors.js';
import { ownMessage } from './message.js';
import { Settling } from './settle.js';

/** @typedef {import('./message.js').Message} Message */

/**
 * @typedef {object} RequestOwnOptions
 * @property {number} [timeout] ms for the answer; default 10000
 * @property {string} [responseTopic] where the answer comes; default: the client's
 * @property {(message: Message) => boolean} [match] tells the answer among what comes on responseTopic; default: by
 *   correlation data, which needs MQTT 5.0 on both sides
 * @typedef {Omit<import('./outbox.js').PublishOptions, 'timeout'> & RequestOwnOptions} RequestOptions
 */

/**
 * @typedef {object} Asked
 * @property {Settling<Message>} settling
 * @property {(message: Message) => boolean} match
 */

/**
 * What this needs of the client.
 * @typedef {object} Requester
 * @property {number} version
 * @property {string} defaultTopic
 * @property {(filter: string, options: import('./subscriptions.js').SubscribeOptions,
 *   handler: (message: Message) => void) => Promise<unknown>} subscribe
 * @property {import('./outbox.js').Outbox['publish']} publish
 */

const NO_SUBSCRIBERS = 0x10;

export class Requests {
  /** @type {Map<string, Promise<unknown>>} subscriptions by response topic */
  #topics = new Map();
  /** @type {Set<Asked>} */
  #asked = new Set();

  /**
   * @param {Requester} client
   * @param {string} topic
   * @param {import('./outbox.js').Payload} payload
   * @param {RequestOptions} options
   * @returns {Promise<Message>}
   */
  async ask(client, topic, payload, { timeout, responseTopic, match, signal, properties, ...options }) {
    if (client.version < 5 && !(match && responseTopic)) {
      throw new MqttError('request', 'needs-mqtt-5', 'Response topic and correlation data exist in MQTT 5.0 only.', {
        hint: 'Give responseTopic, and match: (message) => boolean, if the other side has a way of its own to answer.',
      });
    }
    const back = responseTopic ?? client.defaultTopic;
    const correlation = crypto.getRandomValues(new Uint8Array(16));
    /** @type {Asked} */
    const asked = {
      settling: new Settling('request', { signal, timeout }),
      match: match ?? ((message) => same(message.properties.correlationData, correlation)),
    };
    this.#asked.add(asked);
    try {
      const sent = this.#send(client, topic, payload, back, {
        qos: 1,
        ...options,
        properties: { responseTopic: back, correlationData: correlation, ...properties },
      });
      sent.catch((error) => asked.settling.reject(error));
      return await asked.settling.promise;
    } finally {
      this.#asked.delete(asked);
    }
  }

  /**
   * @param {Requester} client
   * @param {string} topic
   * @param {import('./outbox.js').Payload} payload
   * @param {string} back
   * @param {import('./outbox.js').PublishOptions} options
   */
  async #send(client, topic, payload, back, options) {
    let subscribed = this.#topics.get(back);
    if (!subscribed) {
      subscribed = client.subscribe(back, { qos: 1 }, (message) => this.#answer(message));
      this.#topics.set(back, subscribed);
    }
    try {
      await subscribed;
    } catch (error) {
      this.#topics.delete(back);
      throw error;
    }
    const { reasonCode } = await client.publish(topic, payload, options);
    if (reasonCode === NO_SUBSCRIBERS) {
      throw new MqttError('request', 'no-subscribers', `Nobody has subscribed to ${JSON.stringify(topic)}.`, {
        reasonCode,
        hint: 'Is the one who should answer connected?',
      });
    }
  }

  /** @param {Message} message */
  #answer(message) {
    for (const { settling, match } of this.#asked) {
      if (!match(message)) continue;
      ownMessage(message);
      settling.resolve(message);
      return;
    }
  }

  /** The client has ended. */
  close() {
    for (const { settling } of this.#asked) settling.reject(endedError('request'));
    this.#topics.clear();
  }
}

/**
 * @param {Uint8Array | undefined} a
 * @param {Uint8Array} b
 */
function same(a, b) {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
