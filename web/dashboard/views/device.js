/** One device: what it says of itself, its alarms, its numbers over time, its events, and the commands to it. */

import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { View } from './view.js';
import { severityShape, shape } from './shapes.js';
import { age, clock, count } from '../model/format.js';
import { oneLine } from '../model/text.js';
import { CHANGED } from '../paint.js';

/** @typedef {import('../model/device.js').Device} Device */

const SPANS = [
  { seconds: 60, label: '1 min' },
  { seconds: 300, label: '5 min' },
  { seconds: 900, label: '15 min' },
  { seconds: 3600, label: '1 h' },
];

const EVENTS_SHOWN = 15;

export class DeviceView extends View {
  /** @override */
  static properties = {
    device: { attribute: false },
    span: { state: true },
    allEvents: { state: true },
  };

  constructor() {
    super();
    /** Id of the device. */
    this.device = '';
    this.span = 300;
    this.allEvents = false;
  }

  /**
   * @override
   * @param {number} bits
   */
  cares(bits) {
    if (bits & (CHANGED.time | CHANGED.connection)) return true;
    const known = this.session.fleet.devices.get(this.device);
    return (bits & CHANGED.devices) !== 0 && known !== undefined && this.session.fleet.dirty.has(known);
  }

  /** @override */
  render() {
    const device = this.session.fleet.devices.get(this.device);
    return html`
      <p class="crumb"><a href="#/devices">Devices</a></p>
      <header class="device-head">
        <h1><bdi>${oneLine(this.device, 128)}</bdi></h1>
        ${device ? this.state(device) : nothing}
      </header>
      ${device ? this.known(device) : this.unknown()}
    `;
  }

  unknown() {
    return html`<div class="empty">
      <p><strong>This device has not spoken yet.</strong></p>
      <p>It appears as soon as something arrives on <code>devices/${oneLine(this.device, 64)}/…</code></p>
    </div>`;
  }

  /** @param {Device} device */
  state(device) {
    const now = this.session.now();
    return html`<p class="device-state" role="status" data-status=${device.status}>
        ${shape(device.status)} <strong>${device.status}</strong>
      </p>
      <p class="seen">
        ${device.lastSeen ? html`last seen ${this.ago(now - device.lastSeen)}` : 'not seen live yet'}
      </p>`;
  }

  /** @param {number} ms */
  ago(ms) {
    return ms < 1000 ? 'just now' : `${age(ms)} ago`;
  }

  /** @param {Device} device */
  known(device) {
    const metrics = [...device.metrics.values()];
    return html`
      ${device.alarms.size > 0 ? this.alarms(device) : nothing}
      <div class="device-columns">
        <section class="device-charts" aria-labelledby="charts-title">
          <div class="section-head">
            <h2 id="charts-title">Telemetry</h2>
            ${this.spans()}
          </div>
          ${metrics.length === 0 ? html`<p class="hint">No numeric telemetry yet.</p>` : nothing}
          <div class="charts">
            ${repeat(
              metrics,
              ({ name }) => `${device.id}/${name}`,
              (metric) =>
                html`<wq-chart
                  .session=${this.session}
                  .device=${device}
                  .metric=${metric}
                  .span=${this.span}
                ></wq-chart>`,
            )}
          </div>
        </section>
        <wq-commands class="device-side" .session=${this.session} .device=${device.id}></wq-commands>
        <div class="device-rest">${this.facts(device)} ${this.events(device)}</div>
      </div>
    `;
  }

  spans() {
    return html`<fieldset class="segments">
      <legend class="visually-hidden">Time window</legend>
      ${SPANS.map(
        ({ seconds, label }) =>
          html`<label>
            <input
              type="radio"
              name="span"
              .checked=${this.span === seconds}
              @change=${() => (this.span = seconds)}
            /><span>${label}</span>
          </label>`,
      )}
    </fieldset>`;
  }

  /** @param {Device} device */
  alarms(device) {
    const now = this.session.now();
    return html`<section class="alarms-now" aria-label="Active alarms">
      <ul>
        ${[...device.alarms.values()].map(
          (alarm) =>
            html`<li>
              ${severityShape(alarm.severity)} <strong><bdi>${alarm.title}</bdi></strong>
              <span class="severity">${alarm.since ? alarm.severity : ''}</span>
              <span class="detail"><bdi>${alarm.detail}</bdi></span>
              <span class="hint"
                >${alarm.since ? html`since ${clock(alarm.since)}, ${this.ago(now - alarm.since)}` : 'since before this page was connected'}</span
              >
            </li>`,
        )}
      </ul>
    </section>`;
  }

  /** @param {Device} device */
  facts(device) {
    const facts = [...device.fields, ...device.texts];
    const { unkept } = device;
    const lost = [
      { many: unkept.metrics, what: 'Numbers', why: 'too many, or a name too long' },
      { many: unkept.fields, what: 'Fields', why: 'too many, or a name too long' },
      { many: unkept.alarms, what: 'Alarms', why: 'too many' },
      { many: unkept.unreadable, what: 'Unreadable payloads', why: `last ${device.unreadable}` },
    ].filter(({ many }) => many !== 0);
    return html`<section aria-labelledby="state-title">
      <h2 id="state-title">State</h2>
      <dl class="facts">
        ${facts.map(
          ([name, value]) =>
            html`<div>
              <dt><bdi>${oneLine(name, 64)}</bdi></dt>
              <dd><bdi>${value}</bdi></dd>
            </div>`,
        )}
        <div>
          <dt>messages</dt>
          <dd>${count(device.messages)}</dd>
        </div>
      </dl>
      ${lost.map(({ many, what, why }) => html`<p class="hint">${shape('info')} ${what} not kept: ${count(many)} (${why}).</p>`)}
    </section>`;
  }

  /** @param {Device} device */
  events(device) {
    const latest = device.events.slice(this.allEvents ? 0 : -EVENTS_SHOWN).reverse();
    const hidden = device.events.length - latest.length;
    return html`<section aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      ${latest.length === 0 ? html`<p class="hint">None yet.</p>` : nothing}
      <ul class="events">
        ${latest.map(
          (event) =>
            html`<li>
              <time>${clock(event.at)}</time>
              ${severityShape(event.severity)}
              <span
                ><strong><bdi>${event.title}</bdi></strong> <span class="detail"><bdi>${event.detail}</bdi></span></span
              >
            </li>`,
        )}
      </ul>
      ${
        hidden > 0
          ? html`<button type="button" class="more" @click=${() => (this.allEvents = true)}>
              Show ${count(hidden)} older
            </button>`
          : nothing
      }
      ${device.unkept.events > 0 ? html`<p class="hint">${count(device.unkept.events)} older events not kept.</p>` : nothing}
    </section>`;
  }
}
