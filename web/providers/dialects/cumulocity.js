// Cumulocity: SmartREST rows on s/us, operations on s/ds, complaints on s/e, and JSON where a row cannot say it.
import { malformed, Operations } from '../operations.js';
import { cellOf, isObject, isoOf, run } from './common.js';

/** Values of one 201 row: as many as fit a packet however long their names are. */
const VALUES_MAX = 64;
const SEVERITIES = { critical: '301', major: '302', minor: '303', warning: '304' };
const CLEARED = '306';

export class Cumulocity {
  #link;
  #about;
  #profile;
  #operations;
  /** What 114 said last. */
  #supported = '';
  /** @type {() => string[]} */
  #names = () => [];
  /** @type {import('../smartrest.js').SmartRest | undefined} */
  #rows;
  /** Messages that were sent last, and what becomes of them if they are complained of. @type {Map<number, (error: Error) => void>} */
  #sent = new Map();
  #token = 0;
  /** @type {import('./common.js').Dialect['none']} */
  none = {
    getState: 'a device cannot ask for its state over MQTT; keep what it needs.',
    desired: 'there is no desired state; operations such as c8y_Configuration come by onCommand().',
    properties: 'a row has none; put them into the values.',
    jobs: 'there are no jobs here; operations come by onCommand().',
  };

  /**
   * @param {import('../link.js').Link} link
   * @param {import('./common.js').DialectOptions} options
   */
  constructor(link, { about = {}, profile }) {
    this.#link = link;
    this.#about = about;
    this.#profile = profile;
    this.#operations = new Operations(link);
  }

  async start() {
    const link = this.#link;
    this.#rows = await link.smartrest();
    await link.subscribe(['error'], (_, message) => this.#complaint(message.bytes()));
    const { name = '', type = '' } = this.#about;
    await this.#send([['100', name, type]]);
  }

  /**
   * Rows of one kind: all or none.
   * @param {(string | number)[][]} rows
   * @param {import('../device_types.js').SendOptions} [options]
   */
  async #send(rows, { child = '', qos } = {}) {
    await this.sendRows(this.#link.topics.build('telemetry', { scope: child }), rows, { qos });
  }

  /** @type {NonNullable<import('./common.js').Dialect['sendRows']>} */
  async sendRows(topic, rows, { qos = 1 }) {
    const smartrest = /** @type {import('../smartrest.js').SmartRest} */ (this.#rows);
    const payloads = smartrest.write(topic, rows, this.#link.rules.get('packet-bytes')?.value);
    await Promise.all(payloads.map((payload) => this.#publish(topic, payload, qos)));
  }

  /** @type {NonNullable<import('./common.js').Dialect['onRows']>} */
  async onRows(topic, handler) {
    const smartrest = /** @type {import('../smartrest.js').SmartRest} */ (this.#rows);
    const subscription = await this.#link.client.subscribe(topic, { qos: 1 }, (message) => {
      for (const row of smartrest.read(topic, message.bytes())) {
        if (row.error === undefined) void run(() => handler(row));
        else this.#link.complain(malformed(this.#link, row));
      }
    });
    return () => void subscription.unsubscribe().catch(() => {});
  }

  /**
   * Resolves when it is acknowledged; rejects if the service complains of it before.
   * @param {string} topic
   * @param {string} payload
   * @param {0 | 1} qos
   */
  async #publish(topic, payload, qos) {
    const token = (this.#token = (this.#token + 1) >>> 0);
    this.#rows?.sent(payload, token);
    try {
      await new Promise((resolve, reject) => {
        this.#sent.set(token, reject);
        this.#link.client.publish(topic, payload, { qos }).then(resolve, reject);
      });
    } finally {
      this.#sent.delete(token);
    }
  }

  /** @param {Uint8Array} payload of s/e */
  #complaint(payload) {
    const smartrest = /** @type {import('../smartrest.js').SmartRest} */ (this.#rows);
    const { code, id, cause, count, token, row } = smartrest.failure(payload);
    const where = count === 0 ? '' : ` (row ${row} of what was sent)`;
    const error = this.#link.refused(`${cause || 'an error without words'}${id && `, template ${id}`}${where}`, code);
    // Of several rows with that template the latest is a guess: a good one if it is under way just now.
    const reject = count > 0 ? this.#sent.get(token) : undefined;
    if (reject) reject(error);
    else this.#link.complain(error);
  }

  /** @type {import('./common.js').Dialect['telemetry']} */
  async telemetry(values, options) {
    const all = Object.entries(values).flatMap(([fragment, value]) => seriesOf(fragment, value));
    const time = options.time === undefined ? '' : isoOf(options.time);
    const rows = [];
    for (let from = 0; from < all.length; from += VALUES_MAX) {
      rows.push(['201', 'telemetry', time, ...all.slice(from, from + VALUES_MAX).flat()]);
    }
    return this.#send(rows, options);
  }

  /** @type {import('./common.js').Dialect['event']} */
  async event(name, data, options) {
    const { text, ...rest } = isObject(data) ? data : { text: data };
    const more = Object.keys(rest).length > 0 ? JSON.stringify(rest) : '';
    const words = [cellOf(text), more].filter(Boolean).join(' ') || name;
    return this.#send([['400', name, words, ...timeOf(options)]], options);
  }

  /** @type {NonNullable<import('./common.js').Dialect['alarm']>} */
  async alarm(type, { severity = 'major', text = '', cleared = false, ...options }) {
    const row = cleared ? [CLEARED, type] : [SEVERITIES[severity], type, text, ...timeOf(options)];
    return this.#send([row], options);
  }

  /** Fragments of the device in the inventory. @type {NonNullable<import('./common.js').Dialect['report']>} */
  async report(change) {
    await this.#link.publish('report', {}, JSON.stringify(change));
    return { version: undefined };
  }

  /**
   * @param {import('./common.js').Deliver} deliver
   * @param {() => string[]} names
   */
  async commands(deliver, names) {
    this.#names = names;
    await this.#operations.begin(deliver, /** @type {import('../smartrest.js').SmartRest} */ (this.#rows));
  }

  /** The operations that the device does, for the buttons of its page. */
  async named() {
    const names = new Set(this.#names());
    if (names.delete('*')) {
      const { service, values } = await this.#profile.about();
      const initial = service.fields.find(({ name }) => name === 'operations')?.initial;
      for (const name of String(values.operations || initial).match(/[^\s,]+/g) ?? []) names.add(name);
    }
    const said = [...names].join();
    if (names.size === 0 || said === this.#supported) return;
    this.#supported = said;
    try {
      await this.#send([['114', ...names]]);
    } catch (error) {
      this.#supported = ''; // nobody knows what the service has now
      throw error;
    }
  }

  stop() {
    this.#operations.stop();
  }
}

/** @param {{ time?: Date | number }} options */
function timeOf({ time }) {
  return time === undefined ? [] : [isoOf(time)];
}

/**
 * Fragment, series, value and unit of each: of a number, of { value, unit }, or of an object of these.
 * @param {string} fragment
 * @param {any} value
 * @returns {(string | number)[][]}
 */
function seriesOf(fragment, value) {
  const one = (/** @type {string} */ series, /** @type {any} */ it) =>
    isObject(it) ? [fragment, series, it.value, it.unit ?? ''] : [fragment, series, it, ''];
  if (!isObject(value) || 'value' in value) return [one(fragment, value)];
  return Object.entries(value).map(([series, it]) => one(series, it));
}
