/**
 * Commands to devices, and the life of each:
 *
 *   queued -> sent -> acknowledged -> answered
 *
 * with "failed" (it was refused, or the answer says no) and "timed out" (no answer in time) as the other ends. An answer
 * that comes after the time is still taken, and marked late. Without MQTT 5 there is no answer to wait for: the life ends
 * at "acknowledged", and `note` says why.
 */

import { isObject, parseJson, textMember } from './json.js';
import { asText, preview } from './text.js';

/** @typedef {'queued' | 'sent' | 'acknowledged' | 'answered' | 'failed' | 'timed out'} CommandState */

const MAX_KEPT = 500;
const MAX_REPLY = 64 * 1024;

export class Command {
  /**
   * @param {{ number: number, device: string, name: string, payload: string, correlation: string, expectsAnswer: boolean, timeout: number }} what
   * @param {number} now ms
   */
  constructor({ number, device, name, payload, correlation, expectsAnswer, timeout }, now) {
    this.number = number;
    this.device = device;
    this.name = name;
    this.payload = payload;
    this.correlation = correlation;
    this.expectsAnswer = expectsAnswer;
    this.timeout = timeout;
    /** @type {CommandState} */
    this.state = 'queued';
    /** When each step was reached, ms; 0 for not yet. */
    this.times = { queued: now, sent: 0, acknowledged: 0, ended: 0 };
    /** The answer as text, '' before it came. */
    this.reply = '';
    /** Why it failed, or what the state cannot tell. */
    this.note = '';
    this.late = false;
  }

  /** @returns {boolean} nothing more is expected */
  get settled() {
    if (this.state === 'acknowledged') return !this.expectsAnswer;
    return this.state === 'answered' || this.state === 'failed' || this.state === 'timed out';
  }
}

export class Commands {
  constructor() {
    /** @type {Command[]} newest last */
    this.list = [];
    /** @type {Map<string, Command>} by correlation, until answered */
    this.waiting = new Map();
    this.made = 0;
    /** Settled commands that made room for later ones. */
    this.forgotten = 0;
  }

  /**
   * @param {{ device: string, name: string, payload: string, correlation: string, expectsAnswer: boolean, timeout: number }} what
   *   `correlation` is the correlation data in hex; `timeout` in ms, from the moment of sending
   * @param {number} now ms
   * @returns {Command}
   */
  create(what, now) {
    const command = new Command({ ...what, number: ++this.made }, now);
    this.list.push(command);
    if (command.expectsAnswer) this.waiting.set(command.correlation, command);
    if (this.list.length > MAX_KEPT) this.forget();
    return command;
  }

  forget() {
    const index = Math.max(
      0,
      this.list.findIndex((command) => command.settled),
    );
    const [gone] = this.list.splice(index, 1);
    if (gone) this.waiting.delete(gone.correlation);
    this.forgotten++;
  }

  /**
   * @param {Command} command
   * @param {number} now
   */
  sent(command, now) {
    if (command.state !== 'queued') return;
    command.state = 'sent';
    command.times.sent = now;
  }

  /**
   * @param {Command} command
   * @param {number} now
   * @param {string} [note] what the acknowledgement itself tells, for instance that nobody is subscribed
   */
  acknowledged(command, now, note = '') {
    this.sent(command, now);
    // The answer can overtake the acknowledgement.
    command.times.acknowledged = now;
    if (command.state !== 'sent') return;
    command.state = 'acknowledged';
    command.note = note;
  }

  /**
   * @param {Command} command
   * @param {number} now
   * @param {string} why
   */
  failed(command, now, why) {
    if (command.settled && command.state !== 'acknowledged') return;
    this.waiting.delete(command.correlation);
    command.state = 'failed';
    command.times.ended = now;
    command.note = why;
  }

  /**
   * @param {string} correlation hex
   * @param {Uint8Array} payload
   * @param {number} now
   * @returns {Command | null} the command this answers
   */
  answered(correlation, payload, now) {
    const command = this.waiting.get(correlation);
    if (!command) return null;
    this.waiting.delete(correlation);
    this.sent(command, now);
    command.late = command.state === 'timed out';
    command.times.ended = now;
    command.reply = asText(payload.subarray(0, MAX_REPLY)) ?? preview(payload);
    const refusal = refusalIn(payload);
    command.state = refusal === null ? 'answered' : 'failed';
    command.note = refusal ?? '';
    return command;
  }

  /**
   * @param {number} now ms
   * @returns {boolean} whether a command timed out
   */
  tick(now) {
    let changed = false;
    for (const command of this.waiting.values()) {
      const open = command.state === 'sent' || command.state === 'acknowledged';
      if (!open || now - command.times.sent < command.timeout) continue;
      this.timedOut(command, now);
      changed = true;
    }
    return changed;
  }

  /**
   * @param {Command} command
   * @param {number} now
   */
  timedOut(command, now) {
    if (command.settled) return;
    command.state = 'timed out';
    command.times.ended = now;
  }

  /**
   * @param {string} device
   * @returns {Command[]} newest first
   */
  of(device) {
    return this.list.filter((command) => command.device === device).reverse();
  }
}

/**
 * @param {Uint8Array} payload
 * @returns {string | null} why the device refused, null when the answer is no refusal
 */
function refusalIn(payload) {
  const parsed = parseJson(payload);
  if (!parsed.ok || !isObject(parsed.value)) return null;
  const answer = parsed.value;
  const state = textMember(answer, ['status', 'result', 'state']).toLowerCase();
  const error = textMember(answer, ['error', 'reason', 'message']);
  const refused =
    answer['ok'] === false || answer['success'] === false || ['error', 'failed', 'refused'].includes(state);
  if (refused) return error || 'The device refused, without a reason.';
  return Object.hasOwn(answer, 'error') && answer['error'] ? error || 'The device reported an error.' : null;
}
