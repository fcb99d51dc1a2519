/**
 * All devices, as their topics tell of them; the counts for the summary; and the set of those changed since last painted.
 */

import { Device, SEVERITY_RANK } from './device.js';
import { Budget } from './history.js';
import { deviceTopic } from './topics.js';

/** What all devices may have together. 4 million samples are 64 MB of columns. */
const DEFAULTS = { maxDevices: 20_000, maxIdLength: 128, samples: 4_000_000, entries: 400_000, events: 100_000 };

/** Names of metrics that are candidates for a column. */
const MAX_METRIC_NAMES = 256;

/** Metrics put first among the table's columns. */
const PREFERRED = ['temperature', 'humidity', 'battery'];

/** @typedef {'alarm' | import('./device.js').Status} Condition what the summary counts; alarm comes beside a status */

export class Fleet {
  /** @param {Partial<typeof DEFAULTS>} [options] */
  constructor(options = {}) {
    this.options = { ...DEFAULTS, ...options };
    const { samples, entries, events } = this.options;
    this.budgets = { samples: new Budget(samples), entries: new Budget(entries), events: new Budget(events) };
    /** @type {Map<string, Device>} */
    this.devices = new Map();
    /** @type {Set<Device>} changed since takeDirty() */
    this.dirty = new Set();
    /** Grows when a device comes, or when the status or alarms of one change: then an ordered list is out of date. */
    this.revision = 0;
    this.watchedSince = 0;
    /** Messages for devices that there was no room for. */
    this.unkept = 0;
    /** @type {Record<Condition, number>} devices in each condition */
    this.counts = { alarm: 0, offline: 0, stale: 0, unknown: 0, online: 0 };
    /** @type {Map<string, number>} how many devices have a metric */
    this.metricUse = new Map();
  }

  /**
   * Takes a message, if its topic tells of a device.
   * @param {string} topic
   * @param {Uint8Array} payload
   * @param {boolean} retain
   * @param {number} now ms
   * @returns {Device | null} the device it was for
   */
  apply(topic, payload, retain, now) {
    const place = deviceTopic(topic);
    return place && this.take(place, payload, retain, now);
  }

  /**
   * Takes what a device said.
   * @param {{ device: string, kind: string, rest: string }} place its id, and what deviceTopic() makes of a topic
   * @param {Uint8Array} payload
   * @param {boolean} retain
   * @param {number} now ms
   * @returns {Device | null} null: there was no room
   */
  take(place, payload, retain, now) {
    let device = this.devices.get(place.device);
    if (!device) {
      // A command to a device that never spoke, or a status taken back, makes no device.
      if (place.kind === 'commands' || payload.length === 0) return null;
      if (this.devices.size >= this.options.maxDevices || place.device.length > this.options.maxIdLength) {
        this.unkept++;
        return null;
      }
      device = new Device(place.device, now, this.budgets);
      this.devices.set(device.id, device);
      this.counts.unknown++;
      this.revision++;
    }
    const alarms = device.alarms.size;
    const metrics = device.metrics.size;
    const status = device.status;
    device.apply(place.kind, place.rest, payload, retain, now);
    if (device.metrics.size !== metrics) this.countMetrics(device, metrics);
    device.settle(now, this.watchedSince);
    this.recount(device, status, alarms > 0);
    if (device.alarms.size !== alarms) this.revision++;
    this.dirty.add(device);
    return device;
  }

  /**
   * Lets silence show. Call about once a second while connected.
   * @param {number} now ms
   */
  tick(now) {
    for (const device of this.devices.values()) {
      const status = device.status;
      if (!device.settle(now, this.watchedSince)) continue;
      this.recount(device, status, device.alarms.size > 0);
      this.dirty.add(device);
    }
  }

  /**
   * The connection is (again) there: silence counts from now.
   * @param {number} now ms
   */
  watchFrom(now) {
    this.watchedSince = now;
  }

  /**
   * @param {Device} device
   * @param {import('./device.js').Status} status what it was counted under
   * @param {boolean} alarmed whether it was counted as having an alarm
   */
  recount(device, status, alarmed) {
    if (device.status !== status) {
      this.counts[status]--;
      this.counts[device.status]++;
      this.revision++;
    }
    this.counts.alarm += (device.alarms.size > 0 ? 1 : 0) - (alarmed ? 1 : 0);
  }

  /**
   * @param {Device} device
   * @param {number} known how many of its metrics are counted already (a Map keeps the order in which they came)
   */
  countMetrics(device, known) {
    for (const name of [...device.metrics.keys()].slice(known)) {
      const use = this.metricUse.get(name);
      if (use !== undefined || this.metricUse.size < MAX_METRIC_NAMES) this.metricUse.set(name, (use ?? 0) + 1);
    }
    this.revision++;
  }

  /**
   * @param {number} max
   * @returns {string[]} the metrics most worth a column: well-known ones first, then those that most devices have
   */
  columns(max) {
    const rank = (/** @type {string} */ name) =>
      PREFERRED.includes(name) ? PREFERRED.indexOf(name) : PREFERRED.length;
    return [...this.metricUse]
      .sort(([a, usedByA], [b, usedByB]) => rank(a) - rank(b) || usedByB - usedByA || (a < b ? -1 : 1))
      .slice(0, max)
      .map(([name]) => name);
  }

  /** @returns {Set<Device>} the devices changed since the last call */
  takeDirty() {
    const dirty = this.dirty;
    this.dirty = new Set();
    return dirty;
  }
}

/** @type {Record<import('./device.js').Status, number>} what is wrong comes first */
const STATUS_RANK = { offline: 3, stale: 2, unknown: 1, online: 0 };

/** @typedef {{ key: 'trouble' | 'id' | 'status' | 'alarms' | 'seen' | `metric:${string}`, down: boolean }} Order */

/**
 * The devices to list.
 * @param {Fleet} fleet
 * @param {{ search: string, condition: Condition | '', order: Order }} wish `search` is looked for in id and status fields
 * @returns {Device[]}
 */
export function select(fleet, { search, condition, order }) {
  const wanted = search.trim().toLowerCase();
  const list = [];
  for (const device of fleet.devices.values()) {
    if (condition === 'alarm' ? device.alarms.size === 0 : condition !== '' && device.status !== condition) continue;
    if (wanted !== '' && !mentions(device, wanted)) continue;
    list.push(device);
  }
  const compare = comparison(order.key);
  const sign = order.down ? -1 : 1;
  return list.sort((a, b) => sign * compare(a, b) || (a.id < b.id ? -1 : 1));
}

/**
 * @param {Device} device
 * @param {string} wanted lower case
 */
function mentions(device, wanted) {
  if (device.id.toLowerCase().includes(wanted)) return true;
  for (const value of device.fields.values()) if (value.toLowerCase().includes(wanted)) return true;
  for (const alarm of device.alarms.values()) if (alarm.title.toLowerCase().includes(wanted)) return true;
  return false;
}

/**
 * @param {Order['key']} key
 * @returns {(a: Device, b: Device) => number}
 */
function comparison(key) {
  switch (key) {
    case 'trouble':
      return (a, b) => trouble(b) - trouble(a);
    case 'id':
      return (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
    case 'status':
      return (a, b) => STATUS_RANK[b.status] - STATUS_RANK[a.status];
    case 'alarms':
      return (a, b) => alarmWeight(b) - alarmWeight(a);
    case 'seen':
      return (a, b) => b.lastSeen - a.lastSeen;
    default: {
      const name = key.slice('metric:'.length);
      return (a, b) => (b.metrics.get(name)?.last ?? -Infinity) - (a.metrics.get(name)?.last ?? -Infinity) || 0;
    }
  }
}

/** @param {Device} device */
function alarmWeight(device) {
  return device.worst === '' ? 0 : (SEVERITY_RANK[device.worst] + 1) * 100 + device.alarms.size;
}

/** @param {Device} device */
function trouble(device) {
  return alarmWeight(device) * 10 + STATUS_RANK[device.status];
}
