/**
 * One device: what it last reported, since when it is silent, its numbers, events and alarms.
 *
 * Everything a device can make grow is bounded here, and each bound has a counter in `unkept`, which the page shows.
 */

import { forEachLeaf, isObject, parseJson, textMember } from './json.js';
import { Ring } from './history.js';
import { asText, oneLine } from './text.js';
import { decimals, unitOf } from './format.js';

/** The most of each that one device may have. */
export const DEVICE_LIMITS = { metrics: 32, texts: 32, fields: 32, events: 200, alarms: 32, points: 3600, name: 64 };

/** A device is stale after this much silence, or three times its usual gap between messages if that is longer. */
export const STALE_AFTER = 10_000;

/** Names in telemetry that are the device's clock rather than a measurement. */
const CLOCKS = new Set(['ts', 'time', 'timestamp', 't']);

/**
 * What the devices of a fleet share: samples of metrics; names with what they hold (metrics, fields, texts, alarms); events.
 * @typedef {Record<'samples' | 'entries' | 'events', import('./history.js').Budget>} Budgets
 */
/** @typedef {'online' | 'offline' | 'stale' | 'unknown'} Status */
/**
 * @typedef {object} Metric
 * @property {string} name
 * @property {string} unit '' when the name does not say
 * @property {number} last
 * @property {number} lastAt ms
 * @property {number} decimals that its values have had, at most two: a column of them stays in line
 * @property {Ring} ring
 */
/** @typedef {{ at: number, title: string, detail: string, severity: Severity }} DeviceEvent */
/** @typedef {{ key: string, severity: Severity, title: string, detail: string, since: number, at: number }} Alarm `since` is 0 when it was raised before we listened */
/** @typedef {'critical' | 'major' | 'minor' | 'info'} Severity */

/** @type {Record<Severity, number>} */
export const SEVERITY_RANK = { critical: 3, major: 2, minor: 1, info: 0 };

/** @type {Record<string, Severity>} */
const SEVERITIES = {
  critical: 'critical',
  fatal: 'critical',
  emergency: 'critical',
  major: 'major',
  error: 'major',
  high: 'major',
  minor: 'minor',
  warning: 'minor',
  warn: 'minor',
  medium: 'minor',
  low: 'info',
  info: 'info',
  notice: 'info',
};

/**
 * @param {string} word
 * @param {Severity} fallback
 * @returns {Severity}
 */
function severityOf(word, fallback) {
  const key = word.toLowerCase();
  return Object.hasOwn(SEVERITIES, key) ? /** @type {Severity} */ (SEVERITIES[key]) : fallback;
}

export class Device {
  /**
   * @param {string} id
   * @param {number} now ms
   * @param {Budgets} budgets of the fleet
   */
  constructor(id, now, budgets) {
    this.id = id;
    this.budgets = budgets;
    this.firstSeen = now;
    /** When the last live (not retained) message came; 0 for never. */
    this.lastSeen = 0;
    /** The usual time between two telemetry messages, ms; 0 until known. */
    this.gap = 0;
    this.lastTelemetry = 0;
    this.messages = 0;
    /** @type {Status} */
    this.status = 'unknown';
    /** @type {'online' | 'offline' | ''} what the device (or its will) says itself */
    this.reported = '';
    this.reportedAt = 0;
    /** @type {Map<string, string>} other members of the status message */
    this.fields = new Map();
    /** @type {Map<string, Metric>} */
    this.metrics = new Map();
    /** @type {Map<string, string>} telemetry that is not a number */
    this.texts = new Map();
    /** @type {Map<string, Alarm>} the active ones */
    this.alarms = new Map();
    /** @type {DeviceEvent[]} newest last */
    this.events = [];
    /** What the bounds above turned away or let go, and payloads that could not be read. */
    this.unkept = { metrics: 0, fields: 0, events: 0, alarms: 0, unreadable: 0 };
    /** Why the last unreadable payload was unreadable. */
    this.unreadable = '';
  }

  /** @returns {Severity | ''} the worst active alarm */
  get worst() {
    /** @type {Severity | ''} */
    let worst = '';
    for (const { severity } of this.alarms.values()) {
      if (worst === '' || SEVERITY_RANK[severity] > SEVERITY_RANK[worst]) worst = severity;
    }
    return worst;
  }

  /**
   * Works out the status anew.
   * @param {number} now ms
   * @param {number} watchedSince since when messages could have come (a lost connection is not the device's silence)
   * @returns {boolean} whether it changed
   */
  settle(now, watchedSince) {
    const before = this.status;
    const heard = Math.max(this.lastTelemetry, watchedSince);
    const silent = this.lastTelemetry > 0 && now - heard > Math.max(STALE_AFTER, 3 * this.gap);
    if (this.reported === 'offline') this.status = 'offline';
    else if (silent) this.status = 'stale';
    else if (this.reported === 'online' || this.lastTelemetry > 0) this.status = 'online';
    else this.status = 'unknown';
    return this.status !== before;
  }

  /**
   * @param {string} kind the level after the id: telemetry, status, events, alarms; others only count as a sign of life
   * @param {string} rest what follows the kind in the topic
   * @param {Uint8Array} payload
   * @param {boolean} retain a retained message tells of the past, so it is no sign of life
   * @param {number} now ms
   */
  apply(kind, rest, payload, retain, now) {
    this.messages++;
    if (kind === 'status') this.applyStatus(payload, now);
    else if (kind === 'telemetry') this.applyTelemetry(rest, payload, retain, now);
    else if (kind === 'events') this.applyEvent(rest, payload, now);
    else if (kind === 'alarms') this.applyAlarm(rest, payload, now);
    // A command is ours or another operator's, and a will is the broker's: neither shows that the device lives.
    if (!retain && kind !== 'commands' && !(kind === 'status' && this.reported === 'offline')) this.lastSeen = now;
  }

  /**
   * @param {Uint8Array} payload
   * @param {number} now
   */
  applyStatus(payload, now) {
    this.reportedAt = now;
    if (payload.length === 0) {
      this.reported = '';
      this.clearFields();
      return;
    }
    const parsed = parseJson(payload);
    const value = parsed.ok ? parsed.value : (asText(payload) ?? '');
    this.reported = reportedStatus(value);
    // A will says little more than "offline": what the device was is still worth knowing.
    if (this.reported !== 'offline') this.clearFields();
    if (isObject(value)) {
      const { alarms, ...fields } = value;
      if (Array.isArray(alarms)) this.reconcileAlarms(alarms, now);
      forEachLeaf(fields, (name, leaf) => this.keepText(this.fields, DEVICE_LIMITS.fields, name, leaf));
    } else if (this.reported === '') {
      this.noteUnreadable('status', parsed.ok ? 'neither an object nor online/offline' : parsed.reason);
    }
  }

  clearFields() {
    this.budgets.entries.give(this.fields.size);
    this.fields.clear();
  }

  /**
   * Room for one more name?
   * @param {string} name
   * @param {Map<string, unknown>} map where it is to go
   * @param {number} max
   * @returns {boolean}
   */
  admits(name, map, max) {
    return map.size < max && name.length <= DEVICE_LIMITS.name && this.budgets.entries.take(1);
  }

  /**
   * @param {string} rest
   * @param {Uint8Array} payload
   * @param {boolean} retain
   * @param {number} now
   */
  applyTelemetry(rest, payload, retain, now) {
    const parsed = parseJson(payload);
    if (!parsed.ok) {
      this.noteUnreadable('telemetry', parsed.reason);
      return;
    }
    forEachLeaf(
      parsed.value,
      (name, leaf) => {
        if (typeof leaf === 'number') this.keepNumber(name, leaf, now);
        else this.keepText(this.texts, DEVICE_LIMITS.texts, name, leaf);
      },
      rest === '' ? 'value' : rest,
    );
    if (retain) return;
    if (this.lastTelemetry > 0) {
      const gap = now - this.lastTelemetry;
      // A smoothed gap; one long silence must not make the next one seem normal.
      this.gap = this.gap === 0 ? gap : this.gap + (Math.min(gap, this.gap * 4 + 1000) - this.gap) / 8;
    }
    this.lastTelemetry = now;
  }

  /**
   * @param {string} name
   * @param {number} value
   * @param {number} now
   */
  keepNumber(name, value, now) {
    if (!Number.isFinite(value) || CLOCKS.has(name)) return;
    let metric = this.metrics.get(name);
    if (!metric) {
      if (!this.admits(name, this.metrics, DEVICE_LIMITS.metrics)) {
        this.unkept.metrics++;
        return;
      }
      const ring = new Ring(DEVICE_LIMITS.points, this.budgets.samples);
      metric = { name, unit: unitOf(name), last: value, lastAt: now, decimals: 0, ring };
      this.metrics.set(name, metric);
    }
    metric.last = value;
    if (metric.decimals < 2) metric.decimals = Math.max(metric.decimals, decimals(value));
    metric.lastAt = now;
    metric.ring.push(now, value);
  }

  /**
   * @param {Map<string, string>} map
   * @param {number} max
   * @param {string} name
   * @param {string | number | boolean} leaf
   */
  keepText(map, max, name, leaf) {
    if (map.has(name) || this.admits(name, map, max)) map.set(name, oneLine(String(leaf)));
    else this.unkept.fields++;
  }

  /**
   * @param {string} rest
   * @param {Uint8Array} payload
   * @param {number} now
   */
  applyEvent(rest, payload, now) {
    const { object, text } = this.read('event', payload);
    const title = textMember(object, ['event', 'type', 'name', 'code']) || rest || text || 'event';
    const detail = describe(object, ['event', 'type', 'name', 'code', 'severity', 'level', ...CLOCKS]);
    this.addEvent({
      at: now,
      title: oneLine(title, 80),
      detail,
      severity: severityOf(textMember(object, ['severity', 'level']), 'info'),
    });
  }

  /** @param {DeviceEvent} event */
  addEvent(event) {
    if (this.events.length === DEVICE_LIMITS.events || !this.budgets.events.take(1)) {
      this.unkept.events++;
      if (this.events.length === 0) return;
      this.events.shift();
    }
    this.events.push(event);
  }

  /**
   * @param {string} rest
   * @param {Uint8Array} payload an alarm, or nothing to clear the one the topic names
   * @param {number} now
   */
  applyAlarm(rest, payload, now) {
    const { object, text } = payload.length > 0 ? this.read('alarm', payload) : { object: {}, text: '' };
    const title = textMember(object, ['alarm', 'type', 'code', 'name', 'id']) || rest || text || 'alarm';
    const key = title.slice(0, DEVICE_LIMITS.name);
    const old = this.alarms.get(key);
    if (payload.length === 0 || isCleared(object)) {
      if (!old) return;
      this.dropAlarm(key);
      this.addEvent({ at: now, title: `${old.title} cleared`, detail: old.detail, severity: 'info' });
      return;
    }
    if (!old && !this.admits(key, this.alarms, DEVICE_LIMITS.alarms)) {
      this.unkept.alarms++;
      return;
    }
    const severity = severityOf(textMember(object, ['severity', 'level']), 'major');
    const elsewhere = ['alarm', 'type', 'code', 'name', 'id', 'severity', 'level', 'state', 'status', 'active'];
    const detail = describe(object, [...elsewhere, ...CLOCKS]);
    const alarm = { key, severity, title: oneLine(title, 80), detail, since: old ? old.since : now, at: now };
    this.alarms.set(key, alarm);
    if (!old) this.addEvent({ at: now, title: `${alarm.title} raised`, detail, severity });
  }

  /** @param {string} key */
  dropAlarm(key) {
    if (this.alarms.delete(key)) this.budgets.entries.give(1);
  }

  /**
   * A status that lists the active alarms tells of those raised before we listened, and of those cleared unheard.
   * @param {unknown[]} names
   * @param {number} now
   */
  reconcileAlarms(names, now) {
    const active = new Set(
      names.filter((name) => typeof name === 'string').map((name) => name.slice(0, DEVICE_LIMITS.name)),
    );
    for (const key of this.alarms.keys()) if (!active.has(key)) this.dropAlarm(key);
    for (const key of active) {
      if (this.alarms.has(key)) continue;
      if (!this.admits(key, this.alarms, DEVICE_LIMITS.alarms)) this.unkept.alarms++;
      else this.alarms.set(key, { key, severity: 'major', title: oneLine(key, 80), detail: '', since: 0, at: now });
    }
  }

  /**
   * @param {string} what
   * @param {Uint8Array} payload
   * @returns {{ object: Record<string, unknown>, text: string }} an object, or the text that is there instead
   */
  read(what, payload) {
    const parsed = parseJson(payload);
    if (parsed.ok && isObject(parsed.value)) return { object: parsed.value, text: '' };
    const text = parsed.ok && typeof parsed.value === 'string' ? parsed.value : asText(payload);
    if (text === null) this.noteUnreadable(what, 'not text');
    return { object: {}, text: oneLine(text ?? '', 80) };
  }

  /**
   * @param {string} what
   * @param {string} why
   */
  noteUnreadable(what, why) {
    this.unkept.unreadable++;
    this.unreadable = `${what}: ${why}`;
  }
}

/**
 * @param {unknown} value a status payload: an object with online/status/state, or a word, or true/false/1/0
 * @returns {'online' | 'offline' | ''}
 */
function reportedStatus(value) {
  if (isObject(value)) {
    for (const name of ['online', 'status', 'state', 'connected']) {
      if (Object.hasOwn(value, name) && !isObject(value[name])) return reportedStatus(value[name]);
    }
    return '';
  }
  const word = String(value).trim().toLowerCase();
  if (['online', 'true', '1', 'connected', 'up'].includes(word)) return 'online';
  if (['offline', 'false', '0', 'disconnected', 'down'].includes(word)) return 'offline';
  return '';
}

/**
 * @param {Record<string, unknown>} object
 * @returns {boolean}
 */
function isCleared(object) {
  if (Object.hasOwn(object, 'active')) return object['active'] === false;
  return ['cleared', 'clear', 'resolved', 'inactive', 'ok'].includes(
    textMember(object, ['state', 'status']).toLowerCase(),
  );
}

/**
 * @param {Record<string, unknown>} object
 * @param {string[]} except members that are shown elsewhere
 * @returns {string} its message, then its other members as "name value"
 */
function describe(object, except) {
  const parts = [];
  const message = textMember(object, ['message', 'text', 'description']);
  if (message) parts.push(message);
  for (const [name, value] of Object.entries(object)) {
    if (except.includes(name) || ['message', 'text', 'description'].includes(name)) continue;
    forEachLeaf(value, (leafName, leaf) => parts.length < 8 && parts.push(`${leafName} ${leaf}`), name);
  }
  return oneLine(parts.join(', '), 300);
}
