// What a service forbids or changes, asked before anything is sent.
import {
  ACTION,
  RULE,
  WQ_WASM_CLEAN,
  WQ_WASM_NAMED,
  WQ_WASM_RETAIN,
  WQ_WASM_WILL,
  sizeof_wq_finding,
  wq_finding_action,
  wq_finding_index,
  wq_finding_rule,
  wq_finding_value,
  wq_rules_action,
  wq_rules_number,
} from '../../build/gen/providers_layout.js';
import { namesOf } from '../../wasm/providers.js';
import { ProviderError } from './errors.js';

/** @typedef {import('../../wasm/providers.js').ProviderInstance} ProviderInstance */

/**
 * The rules by name. A rule's number says how much or, where nothing else is said, 0 for "not at all". 'version': a set of
 * bits, 1 << version; 'qos': the highest to publish with, wills too; 'retain': 0: none, 1: not on topics with $;
 * 'retain-bytes': of a retained payload; 'will'; 'will-topic': only the topic for telemetry; 'clean': 1: `clean` must be
 * true; 'keep-alive-min', 'keep-alive-max': seconds; 'client-id-bytes'; 'client-id-first': the character that it cannot
 * begin with; 'connect-properties': user properties in CONNECT; 'payload-bytes'; 'state-bytes': of a payload that reports
 * state; 'packet-bytes': of a whole PUBLISH; 'topic-bytes', 'topic-slashes': in topics and filters; 'topic': 0: only topics
 * that the service knows, 1: that holds for those with $; 'subscribe-qos'; 'filter': only filters that the service knows;
 * 'wildcards'; 'wildcard-retained': retained messages through a filter with wildcards; 'subscription-id';
 * 'filters-at-once': in one SUBSCRIBE; 'filters': on one connection; 'inflight': messages with QoS 1 and 2 under way;
 * 'publish-rate', 'connect-rate': a second.
 * @typedef {'version' | 'qos' | 'retain' | 'retain-bytes' | 'will' | 'will-topic' | 'clean' | 'keep-alive-min' |
 *   'keep-alive-max' | 'client-id-bytes' | 'client-id-first' | 'connect-properties' | 'payload-bytes' | 'state-bytes' |
 *   'packet-bytes' | 'topic-bytes' | 'topic-slashes' | 'topic' | 'subscribe-qos' | 'filter' | 'wildcards' |
 *   'wildcard-retained' | 'subscription-id' | 'filters-at-once' | 'filters' | 'inflight' | 'publish-rate' |
 *   'connect-rate'} RuleName
 */

/**
 * 'warn': go on, and tell what the service will do; 'adjust': use the finding's value instead, or send in parts, or later;
 * 'refuse': do not send.
 * @typedef {'warn' | 'adjust' | 'refuse'} RuleAction
 */

/**
 * @typedef {object} Finding
 * @property {RuleName} rule
 * @property {RuleAction} action
 * @property {number} value the rule's number; with 'adjust' what to use instead
 * @property {number} index of the filter that it is about, in checkSubscribe()
 * @property {string} message service, rule, and what to do instead: for people
 */

/**
 * Rules that are to be others than the service's, by name: a number, an action and a number, or false for "no such rule".
 * A number alone leaves the action; where the service has no such rule, it is 'refuse'.
 * @typedef {Partial<Record<RuleName, number | false | { action: RuleAction, value: number }>>} Overrides
 */

/**
 * What CONNECT would carry.
 * @typedef {object} ConnectQuestion
 * @property {number} version 3, 4 or 5
 * @property {boolean} clean
 * @property {number} keepalive seconds
 * @property {string} clientId
 * @property {{ topic: string, payloadLength: number, qos?: number, retain?: boolean }} [will]
 * @property {boolean} [userProperties] whether there are any
 */

/** @type {Finding[]} */
const NOTHING = [];
Object.freeze(NOTHING);
const NAMES = namesOf(RULE);
const ACTIONS = namesOf(ACTION);
const NUMBERS = new Map(Object.entries(RULE));
const ACTION_NUMBERS = new Map(Object.entries(ACTION));

/**
 * The rules for one seat. Each check gives the findings in the order of RuleName, one a rule at most; the same empty array
 * when all is well. What cannot be valid MQTT is for others to find.
 */
export class Rules {
  #instance;
  #at;
  #findings;

  /**
   * @param {ProviderInstance} instance
   * @param {number} at of the wq_rules
   * @param {Overrides} overrides
   * @internal
   */
  constructor(instance, at, overrides) {
    this.#instance = instance;
    this.#at = { action: at + (wq_rules_action >> 8), number: at + (wq_rules_number >> 8) };
    this.#findings = instance.x.wq_wasm_findings();
    for (const [name, change] of Object.entries(overrides)) this.#override(name, change);
  }

  /**
   * @param {string} name
   * @param {Overrides[RuleName]} change
   */
  #override(name, change) {
    if (change === undefined) return;
    const { memory } = this.#instance;
    const rule = NUMBERS.get(name);
    const { action, value } = typeof change === 'object' ? change : { action: undefined, value: Number(change) };
    const code = action && ACTION_NUMBERS.get(action);
    if (
      rule === undefined ||
      (action && code === undefined) ||
      !(Number.isInteger(value) && value >= 0 && value < 2 ** 32)
    ) {
      throw new ProviderError('provider-rule', `There is no rule ${name} that could be changed so.`);
    }
    memory.view.setUint32(this.#at.number + 4 * rule, value, true);
    if (change === false) memory.u8[this.#at.action + rule] = 0;
    else memory.u8[this.#at.action + rule] = code ?? (memory.u8[this.#at.action + rule] || ACTION.refuse);
  }

  /**
   * What the service says to a rule: its action and number; undefined: it has no such rule.
   * @param {RuleName} name
   * @returns {{ action: RuleAction, value: number } | undefined}
   */
  get(name) {
    const { memory } = this.#instance;
    const rule = NUMBERS.get(name) ?? -1;
    const action = rule < 0 ? 0 : memory.u8[this.#at.action + rule];
    if (action === 0) return undefined;
    const value = memory.view.getUint32(this.#at.number + 4 * rule, true);
    return { action: /** @type {RuleAction} */ (ACTIONS.get(action)), value };
  }

  /**
   * All that the service has, in the order of RuleName, for showing. clause: the rule in words, with # where its number
   * stands, as in 'the highest QoS of a message is #'; without a # the number is no amount.
   * @returns {{ rule: RuleName, action: RuleAction, value: number, clause: string }[]}
   */
  all() {
    return [...NAMES].flatMap(([number, name]) => {
      const rule = /** @type {RuleName} */ (name);
      const found = this.get(rule);
      return found
        ? [{ rule, ...found, clause: this.#instance.result(this.#instance.x.wq_wasm_rule_clause(number)) }]
        : [];
    });
  }

  /**
   * A rule in words: service, rule, what to do instead.
   * @param {RuleName} name
   */
  text(name) {
    return this.#instance.result(this.#instance.x.wq_wasm_rule_text(NUMBERS.get(name) ?? -1));
  }

  /** @param {number} count @returns {readonly Finding[]} */
  #found(count) {
    if (count === 0) return NOTHING;
    const instance = this.#instance;
    return Array.from({ length: count }, (_, i) => {
      const at = this.#findings + i * sizeof_wq_finding;
      const number = (/** @type {number} */ field) => instance.number(at, field);
      const rule = /** @type {RuleName} */ (NAMES.get(number(wq_finding_rule)));
      const action = /** @type {RuleAction} */ (ACTIONS.get(number(wq_finding_action)));
      return {
        rule,
        action,
        value: number(wq_finding_value),
        index: number(wq_finding_index),
        message: this.text(rule),
      };
    });
  }

  /** What does not even fit is broken somewhere else. @param {boolean} fits */
  #fits(fits) {
    if (!fits) throw new ProviderError('provider-too-long', 'That is longer than MQTT allows.');
  }

  /**
   * @param {ConnectQuestion} question
   */
  checkConnect({ version, clean, keepalive, clientId, will, userProperties = false }) {
    const { x } = this.#instance;
    this.#fits(this.#instance.put(clientId, will?.topic ?? ''));
    let flags = 0;
    if (clean) flags |= WQ_WASM_CLEAN;
    if (userProperties) flags |= WQ_WASM_NAMED;
    if (will) flags |= WQ_WASM_WILL | (will.qos ?? 0) | (will.retain ? WQ_WASM_RETAIN : 0);
    return this.#found(x.wq_wasm_check_connect(version, flags, keepalive, will?.payloadLength ?? 0));
  }

  /**
   * @param {string} topic
   * @param {number} payloadLength bytes
   * @param {{ qos?: number, retain?: boolean, propertiesLength?: number }} [message] propertiesLength: bytes, encoded,
   *   without their length
   * @param {number} [version] in force or intended, since it decides how long a packet is; default 4
   */
  checkPublish(topic, payloadLength, { qos = 0, retain = false, propertiesLength = 0 } = {}, version = 4) {
    this.#fits(this.#instance.put(topic));
    const flags = retain ? qos | WQ_WASM_RETAIN : qos;
    return this.#found(this.#instance.x.wq_wasm_check_publish(payloadLength, propertiesLength, flags, version));
  }

  /**
   * @param {{ filter: string, qos: number, retainHandling?: number }[]} filters of one SUBSCRIBE
   * @param {{ subscriptionIdentifier?: boolean }} [properties] whether there is one
   * @param {number} [active] filters that are subscribed to already
   */
  checkSubscribe(filters, { subscriptionIdentifier = false } = {}, active = 0) {
    const { scratch, x } = this.#instance;
    this.#fits(scratch.subscriptions(filters) === 0);
    return this.#found(x.wq_wasm_check_subscribe(filters.length, subscriptionIdentifier ? WQ_WASM_NAMED : 0, active));
  }

  /**
   * One more message or connection: 0: now; or after how many ms to ask again, and then nothing was taken. What the rule
   * adjusts is paced, a second's worth at once at most.
   * @param {'publish-rate' | 'connect-rate'} name
   * @param {number} now ms, of a clock that does not go back
   */
  pace(name, now) {
    return this.#instance.x.wq_wasm_pace_take(/** @type {number} */ (NUMBERS.get(name)), now);
  }
}
