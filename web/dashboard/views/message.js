/** One message of the log, whole: as text, as JSON, or as bytes, with its properties. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { clock, count, size } from '../model/format.js';
import { parseJson } from '../model/json.js';
import { asText, hex, hexDump, oneLine, shown } from '../model/text.js';

/** @typedef {'json' | 'text' | 'hex'} Form */

const TEXT_STEP = 16_384;
const HEX_STEP = 4096;

export class MessageView extends View {
  /** @override */
  static properties = {
    entry: { attribute: false },
    form: { state: true },
    more: { state: true },
  };

  constructor() {
    super();
    /** @type {import('../model/log.js').Entry} */
    this.entry = /** @type {any} */ (undefined);
    /** @type {Form | ''} '' takes the richest form there is */
    this.form = '';
    /** How many steps of a long payload are shown. */
    this.more = 1;
  }

  /** @override */
  cares() {
    return false;
  }

  /**
   * @override
   * @param {Map<string, unknown>} changed
   */
  willUpdate(changed) {
    if (changed.has('entry')) this.more = 1;
  }

  /** @returns {{ form: Form, forms: Form[], text: string, rest: number }} */
  payload() {
    const { payload } = this.entry;
    const text = asText(payload);
    const json = text === null ? { ok: false } : parseJson(payload);
    /** @type {Form[]} */
    const forms = [
      ...(json.ok ? /** @type {const} */ (['json']) : []),
      ...(text === null ? [] : /** @type {const} */ (['text'])),
      'hex',
    ];
    const form = this.form && forms.includes(this.form) ? this.form : /** @type {Form} */ (forms[0]);
    if (form === 'hex') {
      const max = HEX_STEP * this.more;
      return { form, forms, text: hexDump(payload, max), rest: Math.max(0, payload.length - max) };
    }
    const whole = form === 'json' && 'value' in json ? JSON.stringify(json.value, null, 2) : (text ?? '');
    const max = TEXT_STEP * this.more;
    return { form, forms, text: shown(whole.slice(0, max), max), rest: Math.max(0, whole.length - max) };
  }

  /** @override */
  render() {
    const { entry } = this;
    const { form, forms, text, rest } = this.payload();
    const properties = Object.entries(entry.properties).filter(([, value]) => value !== undefined);
    return html`
      <div class="message-head">
        <h2 class="mono"><bdi>${shown(entry.topic, 400)}</bdi></h2>
        <button
          type="button"
          class="quiet"
          @click=${() => this.dispatchEvent(new CustomEvent('wq-close', { bubbles: true }))}
        >
          Close
        </button>
      </div>
      <dl class="facts">
        <div>
          <dt>${entry.direction === 'in' ? 'received' : 'published'}</dt>
          <dd>${clock(entry.at, true)}</dd>
        </div>
        <div>
          <dt>QoS</dt>
          <dd>${entry.qos}</dd>
        </div>
        <div>
          <dt>retained</dt>
          <dd>${entry.retain ? 'yes' : 'no'}</dd>
        </div>
        <div>
          <dt>size</dt>
          <dd>${size(entry.size)}</dd>
        </div>
        ${properties.map(
          ([name, value]) =>
            html`<div class="wide">
              <dt>${inWords(name)}</dt>
              <dd><bdi>${propertyText(value)}</bdi></dd>
            </div>`,
        )}
      </dl>
      <fieldset class="segments">
        <legend class="visually-hidden">Show payload as</legend>
        ${forms.map(
          (name) =>
            html`<label>
              <input type="radio" name="form" .checked=${form === name} @change=${() => (this.form = name)} /><span
                >${name === 'json' ? 'JSON' : name}</span
              >
            </label>`,
        )}
      </fieldset>
      ${
        entry.size === 0
          ? html`<p class="hint">No payload.</p>`
          : html`<pre class="payload ${form}" tabindex="0" aria-label="Payload">${text}</pre>`
      }
      ${
        rest > 0
          ? html`<button type="button" @click=${() => this.more++}>Show more (${count(rest)} left)</button>`
          : nothing
      }
      ${
        entry.payload.length < entry.size
          ? html`<p class="hint">The log keeps the first ${size(entry.payload.length)} of ${size(entry.size)}.</p>`
          : nothing
      }
    `;
  }
}

/**
 * @param {string} name of an MQTT 5 property, as the client has it
 * @returns {string} in the specification's words
 */
function inWords(name) {
  return oneLine(name, 64).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/**
 * @param {unknown} value of an MQTT 5 property
 * @returns {string}
 */
function propertyText(value) {
  if (value instanceof Uint8Array) return hex(value);
  return shown(typeof value === 'object' ? JSON.stringify(value) : String(value), 400);
}
