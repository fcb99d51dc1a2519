/**
 * One metric over time: its value in large, and a line. All charts of a page share the cursor; the arrow keys move it.
 */

import { html } from 'lit';
import './locale.js';
import uPlot from 'uplot';
import { View } from './view.js';
import { clock, number, reading } from '../model/format.js';
import { STALE_AFTER } from '../model/device.js';
import { oneLine } from '../model/text.js';
import { CHANGED } from '../paint.js';

const HEIGHT = 132;

/** What the charts of a page share. */
const sync = uPlot.sync('device');

export class ChartView extends View {
  /** @override */
  static properties = {
    device: { attribute: false },
    metric: { attribute: false },
    /** Width of the time window, s. */
    span: { attribute: false },
  };

  constructor() {
    super();
    /** @type {import('../model/device.js').Device} */
    this.device = /** @type {any} */ (undefined);
    /** @type {import('../model/device.js').Metric} */
    this.metric = /** @type {any} */ (undefined);
    this.span = 300;
    /** @type {uPlot | null} */
    this.plot = null;
    this.paintedLength = -1;
    this.paintedAt = 0;
    /** Index under the cursor, -1 for none. */
    this.cursor = -1;
    this.theme = '';
    this.inSight = true;
    this.sizes = new ResizeObserver(() => this.fit());
    this.sights = new IntersectionObserver(([entry]) => {
      this.inSight = entry?.isIntersecting ?? true;
      if (this.inSight) this.requestUpdate();
    });
  }

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    this.sizes.observe(this);
    this.sights.observe(this);
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    this.sizes.disconnect();
    this.sights.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  /**
   * @override
   * @param {number} bits
   */
  cares(bits) {
    if (!this.inSight) return false;
    if (bits & CHANGED.time) return true;
    return (bits & CHANGED.devices) !== 0 && this.session.fleet.dirty.has(this.device);
  }

  /** @override */
  render() {
    const { name, unit, last } = this.metric;
    const label = oneLine(name, 64);
    const time = this.cursor >= 0 ? this.plot?.data[0][this.cursor] : undefined;
    const value = this.cursor >= 0 ? this.plot?.data[1]?.[this.cursor] : undefined;
    const pointed = time !== undefined && value !== undefined && value !== null;
    return html`
      <div class="chart-head">
        <h3><bdi>${label}</bdi></h3>
        <p class="reading" aria-live=${this.matches(':focus-within') ? 'polite' : 'off'}>
          ${
            pointed
              ? html`<span class="at">${clock(time * 1000)}</span> ${reading(value, this.metric)}<span class="unit"
                    >${unit}</span
                  >`
              : html`${reading(last, this.metric)}<span class="unit">${unit}</span>`
          }
        </p>
      </div>
      <div
        class="plot"
        role="img"
        tabindex="0"
        aria-label="${label}: ${reading(last, this.metric)} ${unit}. ${this.rangeText()} Arrow keys read single values."
        @keydown=${this.key}
        @blur=${() => this.point(-1)}
      ></div>
      <p class="range">${this.rangeText()}</p>
    `;
  }

  rangeText() {
    const { min, max } = this.data();
    const span = this.span < 3600 ? `${this.span / 60} min` : `${this.span / 3600} h`;
    return Number.isNaN(min)
      ? `No value in the last ${span}.`
      : `${reading(min, this.metric)} to ${reading(max, this.metric)} in ${span}`;
  }

  data() {
    const since = this.session.now() - this.span * 1000;
    return this.metric.ring.columns(since, Math.max(STALE_AFTER, this.device.gap * 3));
  }

  /**
   * @override
   * @param {Map<string, unknown>} changed
   */
  updated(changed) {
    const theme = getComputedStyle(this).color;
    if (!this.plot || changed.has('metric') || theme !== this.theme) {
      this.theme = theme;
      this.build();
    }
    const plot = /** @type {uPlot} */ (this.plot);
    const { x, y } = this.data();
    const now = this.session.now() / 1000;
    plot.batch(() => {
      plot.setData([x, y], false);
      plot.setScale('x', { min: now - this.span, max: now });
    });
  }

  build() {
    this.plot?.destroy();
    const host = /** @type {HTMLElement} */ (this.querySelector('.plot'));
    const ink = colour(this, '--ink-3');
    const line = colour(this, '--line');
    const accent = colour(this, '--accent');
    const font = `11px ${getComputedStyle(this).fontFamily}`;
    const axis = { stroke: ink, font, ticks: { show: false }, grid: { stroke: line, width: 1 } };
    this.plot = new uPlot(
      {
        width: Math.max(100, host.clientWidth),
        height: HEIGHT,
        padding: [8, 22, 0, 0],
        legend: { show: false },
        cursor: {
          y: false,
          drag: { x: false, y: false },
          sync: { key: sync.key, scales: ['x', null] },
          points: { size: 7, width: 0, fill: accent },
        },
        scales: { x: { time: true }, y: { range: (_, min, max) => around(min, max) } },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 24,
            space: 60,
            values: (_, splits) => {
              const length = splits.every((second) => second % 60 === 0) ? 5 : 8;
              return splits.map((second) => clock(second * 1000).slice(0, length));
            },
          },
          {
            ...axis,
            size: (_, labels) => Math.max(48, ...(labels ?? []).map(({ length }) => 12 + length * 7)),
            space: 32,
            values: (_, splits) => splits.map((value) => (value === null ? '' : tick(value))),
          },
        ],
        series: [
          {},
          {
            stroke: accent,
            width: 1.5,
            spanGaps: false,
            points: { show: (_, __, from, to) => to - from < 2, size: 4, fill: accent },
          },
        ],
        hooks: { setCursor: [(plot) => this.point(plot.cursor.idx ?? -1)] },
      },
      [[], []],
      host,
    );
  }

  /** @param {number} index */
  point(index) {
    if (index === this.cursor) return;
    this.cursor = index;
    this.requestUpdate();
  }

  fit() {
    const width = this.querySelector('.plot')?.clientWidth ?? 0;
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { plot } = this;
    const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
    if (!plot || step === 0) return;
    event.preventDefault();
    const last = plot.data[0].length - 1;
    const index = Math.max(0, Math.min(last, this.cursor < 0 ? last : this.cursor + step));
    const time = plot.data[0][index];
    if (time !== undefined) plot.setCursor({ left: plot.valToPos(time, 'x'), top: 0 });
  }
}

/**
 * @param {number} value
 * @returns {string} without zeros that say nothing
 */
function tick(value) {
  return number(value)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

/**
 * A range with room around the values, and not so narrow that noise fills the chart.
 * @param {number | null} min
 * @param {number | null} max
 * @returns {[number, number]}
 */
function around(min, max) {
  if (min === null || max === null) return [0, 1];
  const middle = (min + max) / 2;
  const half = Math.max((max - min) / 2, Math.abs(middle) * 0.001, 0.05) * 1.2;
  return [middle - half, middle + half];
}

/**
 * A colour of the style sheet as a canvas takes it: what the property resolves to in the theme in force.
 * @param {HTMLElement} element
 * @param {string} property
 * @returns {string}
 */
function colour(element, property) {
  const probe = document.createElement('i');
  probe.style.color = `var(${property})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
