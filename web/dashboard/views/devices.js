/** The fleet: a summary that puts first what is wrong, and a table of all devices, live, sorted, filtered, by keyboard too. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { shape, severityShape } from './shapes.js';
import { VirtualRows } from './virtual.js';
import { select } from '../model/fleet.js';
import { age, count, reading, unitOf } from '../model/format.js';
import { oneLine } from '../model/text.js';
import { CHANGED } from '../paint.js';
import { deviceHref } from '../model/routes.js';

/** @typedef {import('../model/device.js').Device} Device */
/** @typedef {import('../model/fleet.js').Condition} Condition */
/** @typedef {import('../model/fleet.js').Order} Order */

/** @type {{ key: Condition, word: string }[]} worst first */
const CONDITIONS = [
  { key: 'alarm', word: 'with alarms' },
  { key: 'offline', word: 'offline' },
  { key: 'stale', word: 'stale' },
  { key: 'unknown', word: 'unknown' },
  { key: 'online', word: 'online' },
];

const METRIC_COLUMNS = 4;

/** How often a list ordered by live values is ordered anew, ms: rows must not dance. */
const REORDER = 2000;

export class DevicesView extends View {
  /** @override */
  static properties = {
    search: { state: true },
    condition: { state: true },
    order: { state: true },
    active: { state: true },
  };

  constructor() {
    super();
    this.search = '';
    /** @type {Condition | ''} */
    this.condition = '';
    /** @type {Order} */
    this.order = { key: 'trouble', down: false };
    /** Index of the row that the keyboard is on. */
    this.active = 0;
    /** @type {Device[]} */
    this.list = [];
    this.listedRevision = -1;
    this.listedAt = 0;
    /** @type {import('../model/fleet.js').Fleet | null} */
    this.listedFleet = null;
    this.rows = new VirtualRows(this);
  }

  /**
   * @override
   * @param {number} bits
   */
  cares(bits) {
    if (bits & (CHANGED.time | CHANGED.connection)) return true;
    if (!(bits & CHANGED.devices)) return false;
    const { fleet } = this.session;
    if (fleet.revision !== this.listedRevision) return true;
    for (let i = this.rows.first; i < this.rows.last; i++) {
      const device = this.list[i];
      if (device && fleet.dirty.has(device)) return true;
    }
    return false;
  }

  /**
   * @override
   * @param {Map<string, unknown>} changed
   */
  willUpdate(changed) {
    const { fleet } = this.session;
    const now = performance.now();
    const asked = changed.has('search') || changed.has('condition') || changed.has('order');
    const late = now - this.listedAt > REORDER || fleet !== this.listedFleet || this.list.length === 0;
    if (!asked && !late && (fleet.revision === this.listedRevision || now - this.listedAt < 250)) return;
    const onRow = this.list[this.active];
    this.list = select(fleet, this);
    this.listedAt = now;
    this.listedRevision = fleet.revision;
    this.listedFleet = fleet;
    // The keyboard stays on its device, wherever that went.
    const moved = onRow ? this.list.indexOf(onRow) : -1;
    this.active = moved >= 0 && !asked ? moved : Math.max(0, Math.min(this.active, this.list.length - 1));
  }

  /** @override */
  render() {
    const { fleet } = this.session;
    const columns = fleet.columns(METRIC_COLUMNS);
    const { first, last } = this.rows.range(this.list.length);
    return html`
      <h1 class="visually-hidden">Devices</h1>
      ${this.summary()}
      <div class="tools">
        <label class="search">
          <span class="visually-hidden">Search devices</span>
          <input
            type="search"
            placeholder="Search id, state, alarm"
            .value=${this.search}
            @input=${(/** @type {Event} */ e) => (this.search = /** @type {HTMLInputElement} */ (e.target).value)}
          />
        </label>
        ${this.sortChoice(columns)}
        <p class="shown" role="status">${this.shownText()}</p>
      </div>
      ${fleet.devices.size === 0 ? this.nothingYet() : this.table(columns, first, last)}
    `;
  }

  summary() {
    const { counts } = this.session.fleet;
    return html`<div class="summary" role="group" aria-label="Show only devices that are">
      ${CONDITIONS.map(({ key, word }) => {
        const many = counts[key];
        return html`<button
          type="button"
          class="count ${many === 0 ? 'none' : ''}"
          data-condition=${key}
          aria-pressed=${this.condition === key}
          @click=${() => (this.condition = this.condition === key ? '' : key)}
        >
          <span class="figure">${count(many)}</span>
          <span class="word">${shape(key, many === 0 ? 'tone-none' : `tone-${key}`)} ${word}</span>
        </button>`;
      })}
    </div>`;
  }

  shownText() {
    const { fleet } = this.session;
    const all = fleet.devices.size;
    const parts = [
      `${this.list.length === all ? '' : `${count(this.list.length)} of `}${count(all)} ${all === 1 ? 'device' : 'devices'}`,
    ];
    if (fleet.unkept > 0) parts.push(`${count(fleet.unkept)} messages of further devices not kept`);
    const { refused } = fleet.budgets.samples;
    if (refused > 0) parts.push(`${count(refused)} histories shortened`);
    return parts.join(' · ');
  }

  /** @param {string[]} columns */
  sortChoice(columns) {
    const choices = [
      ['trouble', 'Trouble first'],
      ['id', 'Device'],
      ['seen', 'Last seen'],
      ...columns.map((name) => [`metric:${name}`, oneLine(name, 24)]),
    ];
    return html`<label class="sort"
      ><span>Sort by</span>
      <select
        @change=${(/** @type {Event} */ e) => {
          const key = /** @type {Order['key']} */ (/** @type {HTMLSelectElement} */ (e.target).value);
          this.order = { key, down: false };
        }}
      >
        ${choices.map(([key, label]) => html`<option value=${key} ?selected=${key === this.order.key}>${label}</option>`)}
      </select>
    </label>`;
  }

  nothingYet() {
    return html`<div class="empty">
      <p><strong>No device has spoken yet.</strong></p>
      <p>
        Whatever is published on <code>devices/{id}/telemetry</code>, <code>/status</code>, <code>/events</code> or
        <code>/alarms</code> appears here. The <a href="#/log">message log</a> shows all that comes in.
      </p>
    </div>`;
  }

  /**
   * @param {string[]} columns
   * @param {number} first
   * @param {number} last
   */
  table(columns, first, last) {
    const now = this.session.now();
    const shown = this.list.slice(first, last);
    // As many decimals as any row in sight needs, so that a column stays in line.
    const digits = columns.map((name) => Math.max(...shown.map(({ metrics }) => metrics.get(name)?.decimals ?? 0)));
    return html`<div
      class="grid devices-grid"
      role="grid"
      tabindex="0"
      aria-label="Devices"
      aria-rowcount=${this.list.length + 1}
      aria-activedescendant=${this.active >= first && this.active < last ? `row-${this.active}` : nothing}
      @keydown=${this.key}
    >
      <div role="rowgroup" class="grid-head">
        <div role="row" aria-rowindex="1" class="row">
          ${this.head('id', 'Device')} ${this.head('status', 'Status')} ${this.head('alarms', 'Alarms')}
          ${columns.map((name) => this.head(`metric:${name}`, oneLine(name, 24), 'num'))}
          ${this.head('seen', 'Last seen', 'num')}
        </div>
      </div>
      <div role="rowgroup" class="virtual">
        <div class="virtual-rows" role="presentation">
          ${shown.map((device, i) => this.row(device, first + i, columns, digits, now))}
        </div>
      </div>
      ${this.list.length === 0 ? html`<p class="empty">No device matches.</p>` : nothing}
    </div>`;
  }

  /**
   * @param {Order['key']} key
   * @param {string} label
   * @param {string} [kind]
   */
  head(key, label, kind = '') {
    const mine = this.order.key === key;
    const direction = mine ? (this.order.down ? 'descending' : 'ascending') : 'none';
    return html`<div role="columnheader" class="cell ${kind}" aria-sort=${direction}>
      <button type="button" @click=${() => (this.order = { key, down: mine && !this.order.down })}>
        <span class="label">${label}</span
        ><span class="arrow" aria-hidden="true">${mine ? (this.order.down ? '↑' : '↓') : ''}</span>
      </button>
    </div>`;
  }

  /**
   * @param {Device} device
   * @param {number} index
   * @param {string[]} columns
   * @param {number[]} digits decimals of each column
   * @param {number} now
   */
  row(device, index, columns, digits, now) {
    const { worst } = device;
    return html`<div
      role="row"
      id="row-${index}"
      class="row ${index === this.active ? 'active' : ''}"
      aria-rowindex=${index + 2}
      data-device=${device.id}
      data-status=${device.status}
      @click=${() => (location.hash = deviceHref(device.id))}
    >
      <div role="gridcell" class="cell id">
        <a href=${deviceHref(device.id)} tabindex="-1"><bdi>${oneLine(device.id, 128)}</bdi></a>
        <bdi class="place ellipsis">${placeOf(device)}</bdi>
      </div>
      <div role="gridcell" class="cell state">${shape(device.status)} ${device.status}</div>
      <div role="gridcell" class="cell alarms">
        ${
          worst
            ? html`${severityShape(worst)} <span class="alarm-count">${device.alarms.size}</span>
                <bdi class="ellipsis">${[...device.alarms.values()].map(({ title }) => title).join(', ')}</bdi>`
            : html`<span class="visually-hidden">none</span>`
        }
      </div>
      ${columns.map((name, i) => {
        const metric = device.metrics.get(name);
        return html`<div role="gridcell" class="cell num metric ${metric ? '' : 'missing'}">
          ${
            metric
              ? html`${reading(metric.last, { decimals: digits[i] ?? 0 })}<span class="unit">${unitOf(name)}</span>`
              : html`<span class="visually-hidden">none</span>`
          }
        </div>`;
      })}
      <div role="gridcell" class="cell num seen">
        ${device.lastSeen ? age(now - device.lastSeen) : html`<span class="visually-hidden">never</span>`}
      </div>
    </div>`;
  }

  /** @override */
  updated() {
    const grid = /** @type {HTMLElement | null} */ (this.querySelector('.grid'));
    grid?.style.setProperty('--metrics', String(Math.min(METRIC_COLUMNS, this.session.fleet.metricUse.size)));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor(innerHeight / this.rows.rowHeight) - 4);
    const last = this.list.length - 1;
    /** @type {Record<string, number>} */
    const moves = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.active,
      End: last - this.active,
    };
    const move = moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      this.active = Math.max(0, Math.min(last, this.active + move));
      const head = this.querySelector('.grid-head')?.getBoundingClientRect();
      this.rows.reveal(this.active, Math.max(0, head ? head.bottom : 0));
    } else if (event.key === 'Enter') {
      const device = this.list[this.active];
      if (device) location.hash = deviceHref(device.id);
    }
  }
}

/**
 * @param {Device} device
 * @returns {string} what people know it by, besides its id
 */
function placeOf({ fields }) {
  return fields.get('name') ?? fields.get('site') ?? fields.get('location') ?? '';
}
