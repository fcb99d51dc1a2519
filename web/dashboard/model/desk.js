/**
 * What a device's seat holds: what it sent and what became of that, the commands that came and their answers, the state that
 * it is to have and the state that it reported.
 *
 * Everything that a service can make grow is bounded, and what made room is counted.
 */

import { isObject } from './json.js';
import { shown } from './text.js';

/** The most of each. */
export const DESK_LIMITS = { sent: 100, calls: 200, text: 16 * 1024, state: 128 * 1024 };

/** @typedef {'telemetry' | 'event' | 'alarm' | 'state'} SentKind */
/**
 * @typedef {object} Sent
 * @property {number} number
 * @property {SentKind} kind
 * @property {string} text what was sent, as JSON
 * @property {number} at ms
 * @property {'under way' | 'taken' | 'refused'} state
 * @property {string} note why it was refused
 */

/** @typedef {{ good: boolean, text: string, status: string }} Answer text: of the result, or why it failed */
/**
 * @typedef {object} Call a command that came
 * @property {number} number
 * @property {string} name
 * @property {'command' | 'message' | 'job'} kind
 * @property {string} device
 * @property {string} id
 * @property {string} payload
 * @property {[string, string][]} properties
 * @property {number} at ms
 * @property {'waiting' | 'answered' | 'failed' | 'heard' | 'gone'} state
 * @property {number} ended ms; 0: not yet
 * @property {string} answer as it was given
 * @property {string} note what the service said to that, or why nobody waits any longer
 */

/** @typedef {{ value: Record<string, unknown>, version: number | undefined, at: number }} State */

export class Desk {
  constructor() {
    /** @type {Sent[]} newest last */
    this.sent = [];
    /** @type {Call[]} newest last */
    this.calls = [];
    /** What made room. */
    this.forgotten = { sent: 0, calls: 0 };
    /** @type {State | null} */
    this.desired = null;
    /** @type {State | null} */
    this.reported = null;
    /** Why there is no state. */
    this.stateNote = '';
    /** Answers at once, by this one; null: by hand. @type {Answer | null} */
    this.auto = null;
    this.made = 0;
  }

  /**
   * @param {SentKind} kind
   * @param {unknown} what
   * @param {number} now ms
   */
  send(kind, what, now) {
    const text = clip(JSON.stringify(what));
    /** @type {Sent} */
    const sent = { number: ++this.made, kind, text, at: now, state: 'under way', note: '' };
    this.sent.push(sent);
    if (this.sent.length > DESK_LIMITS.sent) {
      this.sent.shift();
      this.forgotten.sent++;
    }
    return sent;
  }

  /**
   * @param {SentKind} kind
   * @returns {Sent | undefined} the last one of that kind
   */
  last(kind) {
    return this.sent.findLast((sent) => sent.kind === kind);
  }

  /**
   * A command came.
   * @param {Pick<Call, 'name' | 'kind' | 'device' | 'id'> & { text: string, properties: Record<string, string | null> }} command
   * @param {number} now ms
   */
  call({ name, kind, device, id, text, properties }, now) {
    const names = Object.entries(properties).slice(0, 32);
    /** @type {Call} */
    const call = {
      ...{ number: ++this.made, name, kind, device, id, payload: clip(text), at: now, ended: 0, answer: '', note: '' },
      properties: names.map(([key, value]) => [key, value ?? '']),
      state: 'waiting',
    };
    this.calls.push(call);
    if (this.calls.length > DESK_LIMITS.calls) this.#forget();
    if (kind === 'message') this.end(call, 'heard', now);
    return call;
  }

  /** One that is over goes first. */
  #forget() {
    const over = this.calls.findIndex(({ state }) => state !== 'waiting');
    this.calls.splice(Math.max(0, over), 1);
    this.forgotten.calls++;
  }

  /** @returns {Call[]} those that wait, the oldest first; then the others, the newest first */
  get ordered() {
    const waits = (/** @type {Call} */ { state }) => state === 'waiting';
    return [...this.calls.filter(waits), ...this.calls.filter((call) => !waits(call)).reverse()];
  }

  get waiting() {
    return this.calls.filter(({ state }) => state === 'waiting').length;
  }

  /**
   * @param {Call} call
   * @param {Call['state']} state
   * @param {number} now ms
   * @param {{ answer?: string, note?: string }} [more]
   * @returns {boolean} false: it was over already
   */
  end(call, state, now, { answer = '', note = '' } = {}) {
    if (call.state !== 'waiting') return false;
    Object.assign(call, { state, ended: now, answer: clip(answer), note });
    return true;
  }

  /**
   * The desired state, or what changed of it.
   * @param {Record<string, unknown>} state
   * @param {{ version?: number | undefined, whole: boolean }} info
   * @param {number} now ms
   */
  wanted(state, { version, whole }, now) {
    this.desired = kept(whole ? state : merged(this.desired?.value ?? {}, state), version, now);
  }

  /**
   * What the service has taken of the device's own report.
   * @param {Record<string, unknown>} change
   * @param {number} now ms
   */
  reports(change, now) {
    this.reported = kept(merged(this.reported?.value ?? {}, change), this.reported?.version, now);
  }

  /**
   * All of the state, as the service has it.
   * @param {{ desired?: Record<string, unknown> | undefined, reported?: Record<string, unknown> | undefined, version?: number | undefined }} state
   * @param {number} now ms
   */
  whole({ desired, reported, version }, now) {
    this.stateNote = '';
    this.desired = desired === undefined ? null : kept(desired, version, now);
    this.reported = reported === undefined ? null : kept(reported, version, now);
  }
}

/**
 * @param {Record<string, unknown>} value
 * @param {number | undefined} version
 * @param {number} at
 * @returns {State}
 */
function kept(value, version, at) {
  const long = JSON.stringify(value).length > DESK_LIMITS.state;
  return { value: long ? { '…': 'longer than this page shows' } : value, version, at };
}

/**
 * A change merged into a state: null deletes, objects merge. Neither is changed.
 * @param {Record<string, unknown>} state
 * @param {Record<string, unknown>} change
 * @param {number} [depth] levels that are merged; what is deeper replaces
 * @returns {Record<string, unknown>}
 */
export function merged(state, change, depth = 32) {
  // From entries, so that "__proto__" is a name like any other.
  const members = new Map(Object.entries(state));
  for (const [name, value] of Object.entries(change)) {
    const old = members.get(name);
    if (value === null) members.delete(name);
    else members.set(name, isObject(value) && depth > 0 ? merged(isObject(old) ? old : {}, value, depth - 1) : value);
  }
  return Object.fromEntries(members);
}

/** @param {string | undefined} text */
function clip(text = '') {
  return shown(text, DESK_LIMITS.text);
}
