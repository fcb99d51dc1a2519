// Topics of a service in both directions: made of what a message is for, and read back into that.
import {
  TOPIC,
  TOPIC_ERROR,
  sizeof_wq_bytes,
  wq_topic_device,
  wq_topic_kind,
  wq_topic_name,
  wq_topic_request,
  wq_topic_scope,
  wq_topic_status,
} from '../../build/gen/providers_layout.js';
import { namesOf } from '../../wasm/providers.js';
import { ProviderError } from './errors.js';

/** @typedef {import('../../wasm/providers.js').ProviderInstance} ProviderInstance */

/**
 * What a message is for. From a device: 'telemetry': measurements; 'event'; 'report': its state; 'state-get': it asks for
 * its state as the service has it; 'desired-done': it has taken on a desired state, or not; 'answer': to a command;
 * 'job-next': it asks for its next job; 'job-update': how a job goes; 'register': it asks for credentials; 'register-poll':
 * what became of that. To a device: 'reported': answer to a report; 'state': answer to 'state-get'; 'desired': the state
 * that it should take on; 'command'; 'job'; 'job-updated': answer to 'job-update'; 'error': the service's complaint;
 * 'registered': answer to 'register'. 'other': the service's, for none of these.
 * @typedef {'other' | 'telemetry' | 'event' | 'report' | 'reported' | 'state-get' | 'state' | 'desired' | 'desired-done' |
 *   'command' | 'answer' | 'job-next' | 'job' | 'job-update' | 'job-updated' | 'error' | 'register' | 'register-poll' |
 *   'registered'} TopicKind
 */

/**
 * Properties that a service puts into a topic; null: a name without a value.
 * @typedef {Record<string, string | null>} Bag
 */

/**
 * The parts of a topic that was read. A part that it does not have is '' or 0.
 * @typedef {object} TopicParts
 * @property {TopicKind} kind
 * @property {number} status as in HTTP; 200 and 400 where a service only says yes or no
 * @property {string} device
 * @property {string} scope
 * @property {string} name of a command, event, shadow, document
 * @property {string} request which request this answers, or is to be answered
 * @property {Bag} bag
 */

const NAMES = namesOf(TOPIC);
const KINDS = new Map(Object.entries(TOPIC));
const ERRORS = {
  [TOPIC_ERROR.kind]: 'The service has no such topic, or a part that it needs is missing.',
  [TOPIC_ERROR.part]: 'A part of the topic has a character such as / + or # where that cannot be.',
  [TOPIC_ERROR.room]: 'The topic would be too long.',
};

/** The topics for one seat. */
export class Topics {
  #instance;

  /**
   * @param {ProviderInstance} instance in which wq_rules_init() was called
   * @internal
   */
  constructor(instance) {
    this.#instance = instance;
  }

  /** @param {TopicKind} kind */
  #kind(kind) {
    const number = KINDS.get(kind);
    if (number === undefined) throw new ProviderError('provider-topic', `There is no kind of topic ${kind}.`);
    return number;
  }

  /** @param {number} result its length, or enum wq_topic_error */
  #topic(result) {
    if (result >= 0) return this.#instance.result(result);
    throw new ProviderError('provider-topic', ERRORS[result] ?? ERRORS[TOPIC_ERROR.room]);
  }

  /**
   * The topic to publish to. Parts that are left out are the seat's; parts that this topic has no place for are passed over.
   * Throws a ProviderError with code 'provider-topic' if the service has no such topic.
   * @param {TopicKind} kind
   * @param {Partial<Omit<TopicParts, 'kind'>>} [parts]
   */
  build(kind, { status = 0, device = '', scope = '', name = '', request = '', bag = {} } = {}) {
    const instance = this.#instance;
    const { x } = instance;
    const number = this.#kind(kind);
    x.wq_wasm_bag_clear();
    for (const [key, value] of Object.entries(bag)) {
      const full = !instance.put(key, value ?? '') || x.wq_wasm_bag_write(Number(value !== null)) !== 0;
      if (full) throw new ProviderError('provider-topic', ERRORS[TOPIC_ERROR.room]);
    }
    if (!instance.put(device, scope, name, request))
      throw new ProviderError('provider-topic', ERRORS[TOPIC_ERROR.room]);
    return this.#topic(x.wq_wasm_topic_build(number, status));
  }

  /**
   * What a received topic means; null: it is none of the service's. A device knows topics to devices, an operator those of
   * devices.
   * @param {string} topic
   * @returns {TopicParts | null}
   */
  read(topic) {
    const instance = this.#instance;
    const at = instance.put(topic) ? instance.x.wq_wasm_topic_read() : 0;
    if (at === 0) return null;
    const text = (/** @type {number} */ field) => instance.text(at, field) ?? '';
    /** @type {[string, string | null][]} */
    const bag = [];
    const parts = {
      kind: /** @type {TopicKind} */ (NAMES.get(instance.number(at, wq_topic_kind))),
      status: instance.number(at, wq_topic_status),
      ...{
        device: text(wq_topic_device),
        scope: text(wq_topic_scope),
        name: text(wq_topic_name),
        request: text(wq_topic_request),
      },
    };
    for (let pair; (pair = instance.x.wq_wasm_bag_read()) !== 0;) {
      bag.push([instance.text(pair) ?? '', instance.text(pair + sizeof_wq_bytes) ?? null]);
    }
    return { ...parts, bag: Object.fromEntries(bag) };
  }

  /**
   * The filters to subscribe to for messages of these kinds.
   * @param {TopicKind[]} kinds
   * @returns {string[]}
   */
  filters(...kinds) {
    const set = kinds.reduce((bits, kind) => bits | (1 << this.#kind(kind)), 0);
    const filters = [];
    for (let index = 0, length; (length = this.#instance.x.wq_wasm_topic_filter(set, index)) !== 0; index++) {
      filters.push(this.#topic(length));
    }
    return filters;
  }
}
