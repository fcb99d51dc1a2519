// What the dialects have of the connection: topics by what they are for, and the service's rules where a choice is left.
import { connect, MqttError } from '../client/index.js';
import { ProviderError } from './errors.js';

/** @typedef {import('../client/index.js').Message} Message */
/** @typedef {import('./topics.js').TopicKind} TopicKind */
/** @typedef {import('./topics.js').TopicParts} TopicParts */
/** @typedef {Partial<Omit<TopicParts, 'kind'>>} Parts */

/** Bytes that a dialogue puts around a document, at most. */
const FRAME = 128;

/**
 * As connect() rejects when it is given up.
 * @param {AbortSignal} signal
 */
export const abortError = ({ reason }) =>
  new MqttError('open', 'aborted', 'It was aborted by its signal.', { cause: reason });

/**
 * Connects, and takes a seat there: logins after the first ask for values anew. If that fails, or is given up by its signal,
 * nothing is left behind.
 * @template Seated
 * @param {import('./profiles.js').ServiceProfile} profile held
 * @param {import('./device_types.js').SeatOptions} options
 * @param {(client: import('../client/index.js').Client) => Promise<Seated>} take
 * @returns {Promise<Seated>}
 */
export async function seated(profile, options, take) {
  const { signal } = options;
  const client = await connect(profile, options);
  profile.release();
  const end = () => void client.end({ force: true });
  signal?.addEventListener('abort', end);
  try {
    const made = await take(client);
    if (signal?.aborted) throw abortError(signal);
    return made;
  } catch (error) {
    await client.end({ force: true });
    throw signal?.aborted ? abortError(signal) : error;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

export class Link {
  /** @type {import('../client/index.js').Client} */
  client;
  /** @type {import('./login.js').Seat} */
  seat;
  /** @type {import('./topics.js').Topics} */
  topics;
  /** @type {import('./rules.js').Rules} */
  rules;
  /** The service's title. @type {string} */
  title;
  /** @type {(kind: import('./dialogue.js').DialogueKind, options?: { name?: string }) => Promise<import('./dialogue.js').Dialogue>} */
  dialogue;
  /** @type {() => Promise<import('./smartrest.js').SmartRest>} */
  smartrest;
  /** What the service complains of, and no promise can be given. @type {(error: ProviderError) => void} */
  complain = () => {};
  #qos;

  /**
   * @param {import('../client/index.js').Client} client
   * @param {import('./providers.js').Providers} providers
   * @param {import('./login.js').Seat} seat
   * @param {{ rules: import('./rules.js').Rules, topics: import('./topics.js').Topics }} opened
   */
  constructor(client, providers, seat, { rules, topics }) {
    this.client = client;
    this.seat = seat;
    this.topics = topics;
    this.rules = rules;
    this.title = providers.service(seat.service).title;
    this.dialogue = (kind, options) => providers.dialogue(seat, kind, options);
    this.smartrest = () => providers.smartrest();
    this.#qos = /** @type {0 | 1} */ (Math.min(1, this.#least('subscribe-qos')));
  }

  /** @param {'subscribe-qos' | 'retain'} name */
  #least(name) {
    const rule = this.rules.get(name);
    return rule?.action === 'refuse' ? rule.value : 1;
  }

  /** Whether a message may be retained, on a topic of one's own. */
  get retains() {
    return this.#least('retain') > 0;
  }

  /** Properties of MQTT 5.0 go with messages. */
  get properties() {
    return this.client.negotiated?.version === 5;
  }

  /**
   * @param {TopicKind} kind
   * @param {Parts} parts
   * @param {import('../client/index.js').Payload} payload
   * @param {import('../client/index.js').PublishOptions} [options]
   */
  async publish(kind, parts, payload, options = {}) {
    return this.client.publish(this.topics.build(kind, parts), payload, { qos: 1, ...options });
  }

  /**
   * Throws what publishing that would reject with, for what is sent by a dialogue, with a frame around it.
   * @param {TopicKind} kind
   * @param {Parts} parts
   * @param {string} text
   */
  check(kind, parts, text) {
    const length = new TextEncoder().encode(text).length + FRAME;
    const found = this.rules.checkPublish(this.topics.build(kind, parts), length);
    const refused = found.find(({ action }) => action === 'refuse');
    if (refused) throw new MqttError('publish', 'rule', refused.message);
  }

  /**
   * Subscribe to all that is of these kinds. Resolves when it is granted; rejects if some is not, and then has none.
   * @param {TopicKind[]} kinds
   * @param {(parts: TopicParts, message: Message) => void} handler
   */
  async subscribe(kinds, handler) {
    const take = (/** @type {Message} */ message) => {
      const parts = this.topics.read(message.topic);
      if (parts && kinds.includes(parts.kind)) handler(parts, message);
    };
    const filters = this.topics.filters(...kinds);
    const asked = filters.map((filter) => this.client.subscribe(filter, { qos: this.#qos }, take));
    try {
      await Promise.all(asked);
    } catch (error) {
      for (const one of asked) one.then((granted) => granted.unsubscribe()).catch(() => {});
      throw error;
    }
  }

  /**
   * What the service did not take.
   * @param {string} why
   * @param {number} status
   */
  refused(why, status) {
    return new ProviderError('provider-refused', `${this.title} did not take it: ${why}.`, { status });
  }

  /**
   * What the service does not have.
   * @param {string} what
   * @returns {never}
   */
  none(what) {
    throw new ProviderError('provider-no-such-thing', `${this.title}: ${what}`);
  }
}
