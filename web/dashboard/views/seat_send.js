/** What a device sends: measurements, events, alarms. What the service does not have says why. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { outcome } from './seat.js';
import { shape } from './shapes.js';
import { isObject } from '../model/json.js';
import { readRows, readTyped } from '../model/typed.js';
import { CHANGED } from '../paint.js';

/** @typedef {import('../model/typed.js').Row} Row */
/** @typedef {'values' | 'properties'} Table */

const SEVERITIES = /** @type {const} */ (['critical', 'major', 'minor', 'warning']);

export class SeatSendView extends View {
  /** @override */
  static properties = {
    seat: { attribute: false },
    rows: { state: true },
    faults: { state: true },
  };

  constructor() {
    super();
    /** @type {import('../device_seat.js').DeviceSeat} */
    this.seat = /** @type {any} */ (undefined);
    /** @type {Record<Table, Row[]>} */
    this.rows = { values: [{ name: 'temperature', value: '21.5' }], properties: [] };
    /** By the field's name. @type {Record<string, string>} */
    this.faults = {};
  }

  /**
   * @override
   * @param {number} bits
   */
  cares(bits) {
    return (bits & CHANGED.seat) !== 0;
  }

  /** @override */
  render() {
    const { can } = this.seat;
    return html`<section aria-labelledby="send-title">
      <h2 id="send-title">Send</h2>
      <form class="send" data-send="telemetry" novalidate @submit=${this.sendTelemetry}>
        <h3>Telemetry</h3>
        ${this.table('values', 'Value')}
        ${
          can.properties === true
            ? html`<details ?open=${this.rows.properties.length > 0}>
                <summary>Properties beside it</summary>
                ${this.table('properties', 'Property')}
              </details>`
            : nothing
        }
        <div class="line"><button type="submit">Send telemetry</button></div>
        ${this.outcome('telemetry')}
      </form>
      ${this.eventForm()}
    </section>`;
  }

  eventForm() {
    return html`<form class="send" data-send="event" novalidate @submit=${this.sendEvent}>
        <h3>Event</h3>
        <div class="send-pair">
          ${this.text('event-name', 'Name', 'door-opened')}
          ${this.text('event-details', 'Details (JSON or text)', '{"by": "hand"}')}
        </div>
        <div class="line"><button type="submit">Send event</button></div>
        ${this.outcome('event')}
      </form>
      <form class="send" data-send="alarm" novalidate @submit=${this.sendAlarm}>
        <h3>Alarm</h3>
        <div class="send-pair">
          ${this.text('alarm-type', 'Type', 'temperature-high')}
          <div class="field">
            <label for="alarm-severity">Severity</label>
            <select id="alarm-severity" name="severity">
              ${SEVERITIES.map((severity) => html`<option ?selected=${severity === 'major'}>${severity}</option>`)}
            </select>
          </div>
        </div>
        ${this.text('alarm-text', 'Text', 'Over 30 °C')}
        <div class="line">
          <button type="submit" name="act" value="raise">Raise</button>
          <button type="submit" name="act" value="clear">Clear</button>
        </div>
        ${this.outcome('alarm')}
      </form>`;
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {string} placeholder
   */
  text(name, label, placeholder) {
    const fault = this.faults[name] ?? '';
    return html`<div class="field">
      <label for=${name}>${label}</label>
      <input
        id=${name}
        name=${name}
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        placeholder=${placeholder}
        aria-invalid=${fault !== ''}
        aria-describedby="${name}-note"
      />
      <p class="fault" id="${name}-note" ?hidden=${!fault}>${shape('alarm')} ${fault}</p>
    </div>`;
  }

  /**
   * Rows of names and values.
   * @param {Table} table
   * @param {string} what
   */
  table(table, what) {
    const rows = this.rows[table];
    const fault = this.faults[table] ?? '';
    const cell = (/** @type {number} */ i, /** @type {keyof Row} */ part, /** @type {string} */ placeholder) =>
      html`<input
        aria-label="${part === 'name' ? `Name of ${what.toLowerCase()}` : what} ${i + 1}"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        data-part=${part}
        placeholder=${placeholder}
        aria-invalid=${fault !== ''}
        .value=${rows[i]?.[part] ?? ''}
        @input=${(/** @type {Event} */ e) => this.change(table, i, part, /** @type {HTMLInputElement} */ (e.target).value)}
      />`;
    return html`<div class="rows" data-table=${table}>
        ${rows.map(
          (_, i) =>
            html`<div class="row-pair">
              ${cell(i, 'name', 'name')} ${cell(i, 'value', 'value')}
              <button
                type="button"
                class="quiet"
                aria-label="Remove ${what.toLowerCase()} ${i + 1}"
                @click=${() => this.drop(table, i)}
              >
                ${shape('offline', 'tone-none')}
              </button>
            </div>`,
        )}
        <button type="button" class="quiet add" @click=${() => this.add(table)}>Add a ${what.toLowerCase()}</button>
      </div>
      ${fault ? html`<p class="fault" role="alert">${shape('alarm')} ${fault}</p>` : nothing}`;
  }

  /** @param {import('../model/desk.js').SentKind} kind */
  outcome(kind) {
    const last = this.seat.desk.last(kind);
    return last ? outcome(last) : nothing;
  }

  /**
   * @param {Table} table
   * @param {number} i
   * @param {keyof Row} part
   * @param {string} text
   */
  change(table, i, part, text) {
    const rows = this.rows[table].map((row, at) => (at === i ? { ...row, [part]: text } : row));
    this.rows = { ...this.rows, [table]: rows };
    this.faults = { ...this.faults, [table]: '' };
  }

  /** @param {Table} table */
  async add(table) {
    this.rows = { ...this.rows, [table]: [...this.rows[table], { name: '', value: '' }] };
    await this.updateComplete;
    /** @type {HTMLElement | null} */ (
      this.querySelector(`[data-table=${table}] .row-pair:last-of-type [data-part=name]`)
    )?.focus();
  }

  /**
   * @param {Table} table
   * @param {number} i
   */
  drop(table, i) {
    this.rows = { ...this.rows, [table]: this.rows[table].filter((_, at) => at !== i) };
    this.faults = { ...this.faults, [table]: '' };
  }

  /** @param {SubmitEvent} event */
  sendTelemetry(event) {
    event.preventDefault();
    const { values, fault } = readRows(this.rows.values);
    const beside = this.rows.properties.filter(({ name }) => name.trim() !== '');
    this.faults = { ...this.faults, values: fault };
    if (fault) return;
    void this.seat.telemetry(values, Object.fromEntries(beside.map(({ name, value }) => [name.trim(), value])));
  }

  /** @param {SubmitEvent} event */
  sendEvent(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const name = String(form.get('event-name')).trim();
    const details = readTyped(String(form.get('event-details')));
    if (this.refuse({ 'event-name': name ? '' : 'The event needs a name.', 'event-details': details.fault })) return;
    const { value } = details;
    // The library wants an object.
    void this.seat.event(name, value === undefined || isObject(value) ? value : { text: value });
  }

  /** @param {SubmitEvent} event */
  sendAlarm(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const type = String(form.get('alarm-type')).trim();
    if (this.refuse({ 'alarm-type': type ? '' : 'The alarm needs a type.' })) return;
    const severity = /** @type {typeof SEVERITIES[number]} */ (form.get('severity'));
    const cleared = /** @type {HTMLButtonElement | null} */ (event.submitter)?.value === 'clear';
    void this.seat.alarm(type, { severity, text: String(form.get('alarm-text')).trim(), cleared });
  }

  /**
   * @param {Record<string, string>} faults by field
   * @returns {boolean} whether there are any; the first has the keyboard then
   */
  refuse(faults) {
    this.faults = { ...this.faults, ...faults };
    const first = Object.keys(faults).find((name) => faults[name]);
    if (first) /** @type {HTMLElement | null} */ (this.querySelector(`#${first}`))?.focus();
    return first !== undefined;
  }
}
