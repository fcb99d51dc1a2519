/**
 * The message log: the latest messages within a count and a byte limit, and the view on them that a filter and a pause
 * make. What the limits pushed out is counted, never silently gone.
 */

import { asText } from './text.js';
import { filterFault, matches } from './topics.js';

const DEFAULTS = { maxMessages: 5000, maxBytes: 8 * 1024 * 1024, maxPayload: 256 * 1024 };

/**
 * @typedef {object} Entry
 * @property {number} number counts up from 1
 * @property {number} at ms
 * @property {'in' | 'out'} direction
 * @property {string} topic
 * @property {Uint8Array} payload an own copy, at most `maxPayload` bytes of it
 * @property {number} size of the whole payload, bytes
 * @property {number} qos 0, 1 or 2
 * @property {boolean} retain
 * @property {Record<string, unknown>} properties MQTT 5 properties, as the client gives them
 */

export class MessageLog {
  /** @param {Partial<typeof DEFAULTS>} [options] */
  constructor(options = {}) {
    this.limits = { ...DEFAULTS, ...options };
    /** @type {Queue<Entry>} */
    this.kept = new Queue();
    /** @type {Queue<Entry>} the kept entries that pass the filter; frozen while paused */
    this.view = new Queue();
    this.bytes = 0;
    this.total = 0;
    /** Messages that made room for later ones. */
    this.forgotten = 0;
    this.paused = false;
    /** Messages that came since the pause began and pass the filter. */
    this.waiting = 0;
    this.filter = '';
    /** @type {(entry: Entry) => boolean} */
    this.passes = () => true;
    /** Grows with every change of the view. */
    this.revision = 0;
  }

  /**
   * @param {{ topic: string, payload: Uint8Array, qos: number, retain: boolean, properties: Record<string, unknown> }} message
   * @param {'in' | 'out'} direction
   * @param {number} now ms
   */
  add(message, direction, now) {
    const size = message.payload.length;
    const payload = message.payload.slice(0, this.limits.maxPayload);
    const { topic, qos, retain, properties } = message;
    /** @type {Entry} */
    const entry = { number: ++this.total, at: now, direction, topic, payload, size, qos, retain, properties };
    this.kept.push(entry);
    this.bytes += cost(entry);
    if (this.passes(entry)) {
      if (this.paused) this.waiting++;
      else this.view.push(entry);
      this.revision++;
    }
    while (this.kept.length > this.limits.maxMessages || this.bytes > this.limits.maxBytes) {
      const oldest = /** @type {Entry} */ (this.kept.shift());
      this.bytes -= cost(oldest);
      this.forgotten++;
      if (!this.paused && this.view.at(0) === oldest) this.view.shift();
    }
  }

  /**
   * A filter with + or # is a topic filter; anything else is looked for in topic and text payload.
   * @param {string} filter
   */
  setFilter(filter) {
    this.filter = filter;
    const wanted = filter.trim();
    const folded = wanted.toLowerCase();
    if (wanted === '') this.passes = () => true;
    else if (/[+#]/.test(wanted) && filterFault(wanted) === '') this.passes = (entry) => matches(wanted, entry.topic);
    else this.passes = (entry) => mentions(entry, folded);
    this.rebuild();
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    this.paused = paused;
    if (!paused) this.rebuild();
  }

  clear() {
    this.kept = new Queue();
    this.bytes = 0;
    this.forgotten = 0;
    this.rebuild();
  }

  rebuild() {
    this.view = new Queue();
    for (let i = 0; i < this.kept.length; i++) {
      const entry = /** @type {Entry} */ (this.kept.at(i));
      if (this.passes(entry)) this.view.push(entry);
    }
    this.waiting = 0;
    this.revision++;
  }
}

/** @param {Entry} entry */
function cost(entry) {
  // A record and its strings weigh something too, or a million empty messages would cost nothing.
  return entry.payload.length + weight(entry.topic) + weight(entry.properties) + 200;
}

/**
 * @param {unknown} value
 * @returns {number} about how many bytes it takes
 */
function weight(value) {
  if (typeof value === 'string') return value.length * 2;
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let sum = 0;
  for (const [name, inner] of Object.entries(value)) sum += name.length * 2 + weight(inner);
  return sum;
}

/**
 * @param {Entry} entry
 * @param {string} wanted lower case
 */
function mentions(entry, wanted) {
  return entry.topic.toLowerCase().includes(wanted) || (asText(entry.payload) ?? '').toLowerCase().includes(wanted);
}

/**
 * First in, first out, with access by index; shifting is cheap because the array is compacted only now and then.
 * @template T
 */
export class Queue {
  constructor() {
    /** @type {T[]} */
    this.items = [];
    this.head = 0;
  }

  get length() {
    return this.items.length - this.head;
  }

  /**
   * @param {number} i
   * @returns {T | undefined}
   */
  at(i) {
    return this.items[this.head + i];
  }

  /** @param {T} item */
  push(item) {
    this.items.push(item);
  }

  /** @returns {T | undefined} */
  shift() {
    if (this.length === 0) return undefined;
    const item = this.items[this.head];
    this.head++;
    if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}
