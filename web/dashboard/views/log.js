/** The message log: what comes and goes, live, with a filter and a pause; subscriptions and a box to publish from. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { VirtualRows } from './virtual.js';
import { clock, count, size } from '../model/format.js';
import { oneLine, preview } from '../model/text.js';
import { CHANGED } from '../paint.js';

/** @typedef {import('../model/log.js').Entry} Entry */

export class LogView extends View {
  /** @override */
  static properties = {
    selected: { state: true },
    active: { state: true },
  };

  constructor() {
    super();
    /** @type {Entry | null} the message shown whole */
    this.selected = null;
    /** Number of the message that the keyboard is on; 0 for the newest. */
    this.active = 0;
    this.shownLast = 0;
    this.shownRevision = -1;
    this.rows = new VirtualRows(this);
  }

  /**
   * @override
   * @param {number} bits
   */
  cares(bits) {
    if (bits & CHANGED.connection) return true;
    return (bits & CHANGED.log) !== 0 && this.session.log.revision !== this.shownRevision;
  }

  /** @override */
  render() {
    const { log } = this.session;
    this.shownRevision = log.revision;
    const { first, last } = this.rows.range(log.view.length);
    return html`
      <h1 class="visually-hidden">Message log</h1>
      <wq-traffic .session=${this.session}></wq-traffic>
      <div class="tools">
        <label class="search">
          <span class="visually-hidden">Filter by topic filter or text</span>
          <input
            type="search"
            class="mono"
            placeholder="devices/+/events or any text"
            .value=${log.filter}
            @input=${(/** @type {Event} */ e) => {
              log.setFilter(/** @type {HTMLInputElement} */ (e.target).value);
              this.requestUpdate();
            }}
          />
        </label>
        <button type="button" aria-pressed=${log.paused} class="pause" @click=${this.pause}>
          ${log.paused ? 'Resume' : 'Pause'}
        </button>
        <button
          type="button"
          @click=${() => {
            log.clear();
            this.selected = null;
            this.requestUpdate();
          }}
        >
          Clear
        </button>
        <p class="shown">${this.shownText()}</p>
      </div>
      <div class="log-columns ${this.selected ? 'with-detail' : ''}">
        ${this.list(first, last)}
        ${
          this.selected
            ? html`<aside class="detail-panel" aria-label="Message" @wq-close=${this.closed}>
                <wq-message .session=${this.session} .entry=${this.selected}></wq-message>
              </aside>`
            : nothing
        }
      </div>
    `;
  }

  shownText() {
    const { log } = this.session;
    const parts = [`${count(log.view.length)} shown of ${count(log.total)}`];
    if (log.forgotten > 0) parts.push(`${count(log.forgotten)} dropped to make room`);
    if (log.paused) parts.push(`${count(log.waiting)} new while paused`);
    return parts.join(' · ');
  }

  /**
   * @param {number} first
   * @param {number} last
   */
  list(first, last) {
    const { log } = this.session;
    const activeRow = this.active ? this.indexOf(this.active) : 0;
    return html`<div
      class="grid log-grid"
      role="grid"
      tabindex="0"
      aria-label="Messages, newest first"
      aria-rowcount=${log.view.length + 1}
      aria-activedescendant=${activeRow >= first && activeRow < last ? `row-${activeRow}` : nothing}
      @keydown=${this.key}
    >
      <div role="rowgroup" class="grid-head">
        <div role="row" aria-rowindex="1" class="row">
          <div role="columnheader" class="cell">Time</div>
          <div role="columnheader" class="cell">Topic</div>
          <div role="columnheader" class="cell">QoS</div>
          <div role="columnheader" class="cell num">Size</div>
          <div role="columnheader" class="cell">Payload</div>
        </div>
      </div>
      <div role="rowgroup" class="virtual">
        <div class="virtual-rows" role="presentation">
          ${this.window(first, last).map((entry, i) => this.row(entry, first + i, activeRow))}
        </div>
      </div>
      ${
        log.view.length === 0
          ? html`<p class="empty">${log.total === 0 ? 'Nothing has come in yet.' : 'No message passes the filter.'}</p>`
          : nothing
      }
    </div>`;
  }

  /**
   * The newest is row 0.
   * @param {number} first
   * @param {number} last
   * @returns {Entry[]}
   */
  window(first, last) {
    const { view } = this.session.log;
    const entries = [];
    for (let row = first; row < last; row++) {
      const entry = view.at(view.length - 1 - row);
      if (entry) entries.push(entry);
    }
    return entries;
  }

  /**
   * @param {Entry} entry
   * @param {number} index
   * @param {number} activeRow
   */
  row(entry, index, activeRow) {
    return html`<div
      role="row"
      id="row-${index}"
      class="row ${index === activeRow ? 'active' : ''} ${entry === this.selected ? 'selected' : ''}"
      aria-rowindex=${index + 2}
      aria-selected=${entry === this.selected}
      @click=${() => this.open(entry)}
    >
      <div role="gridcell" class="cell time">${clock(entry.at, true)}</div>
      <div role="gridcell" class="cell topic mono">
        ${entry.direction === 'out' ? html`<span class="tag">out</span>` : nothing}<bdi class="ellipsis"
          >${oneLine(entry.topic, 300)}</bdi
        >
      </div>
      <div role="gridcell" class="cell qos">
        ${entry.qos}${entry.retain ? html` <span class="tag">retained</span>` : nothing}
      </div>
      <div role="gridcell" class="cell num size">${size(entry.size)}</div>
      <div role="gridcell" class="cell preview mono"><bdi class="ellipsis">${preview(entry.payload)}</bdi></div>
    </div>`;
  }

  /** @param {Entry} entry */
  open(entry) {
    this.selected = entry;
    this.active = entry.number;
  }

  /** The keyboard goes back to where the message was opened from. */
  closed() {
    this.selected = null;
    /** @type {HTMLElement | null} */ (this.querySelector('.grid'))?.focus({ preventScroll: true });
  }

  pause() {
    const { log } = this.session;
    log.setPaused(!log.paused);
    this.requestUpdate();
  }

  /**
   * @param {number} number
   * @returns {number} the row of a message, 0 when it is no longer there
   */
  indexOf(number) {
    const { view } = this.session.log;
    let low = 0;
    let high = view.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((view.at(middle)?.number ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return view.at(low)?.number === number ? view.length - 1 - low : 0;
  }

  /** @override */
  updated() {
    const { log } = this.session;
    const newest = log.view.at(log.view.length - 1)?.number ?? 0;
    const list = this.querySelector('.virtual');
    // Reading further down, the rows keep their place while new ones come in above.
    if (newest > this.shownLast && this.shownLast > 0 && list && list.getBoundingClientRect().top < 0) {
      const came = log.view.length - 1 - this.indexAfter(this.shownLast);
      if (came > 0) scrollBy(0, came * this.rows.rowHeight);
    }
    this.shownLast = newest;
  }

  /**
   * @param {number} number
   * @returns {number} position in the view of the last message that is not newer
   */
  indexAfter(number) {
    const { view } = this.session.log;
    let at = view.length - 1;
    while (at >= 0 && (view.at(at)?.number ?? 0) > number) at--;
    return at;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.target !== event.currentTarget) return;
    const { view } = this.session.log;
    const row = this.active ? this.indexOf(this.active) : 0;
    const page = Math.max(1, Math.floor(innerHeight / this.rows.rowHeight) - 4);
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -row, End: view.length };
    const move = moves[event.key];
    if (event.key === 'Escape') this.selected = null;
    if (move === undefined && event.key !== 'Enter') return;
    event.preventDefault();
    const next = Math.max(0, Math.min(view.length - 1, row + (move ?? 0)));
    const entry = view.at(view.length - 1 - next);
    if (!entry) return;
    this.active = entry.number;
    if (event.key === 'Enter' || this.selected) this.selected = entry;
    const head = this.querySelector('.grid-head')?.getBoundingClientRect();
    this.rows.reveal(next, Math.max(0, head ? head.bottom : 0));
  }
}
