/** The fields of a service's form, as the library describes them. */

import { html, nothing } from 'lit';
import { live } from 'lit/directives/live.js';
import { shape } from './shapes.js';

/** @typedef {import('../model/services.js').FormField} FormField */

/**
 * What a form lets its fields know and do.
 * @typedef {object} FormState
 * @property {(field: FormField) => string} value
 * @property {(field: FormField, value: string) => void} change
 * @property {(name: string) => string} fault beside the field
 * @property {(name: string) => boolean} revealed a secret that is shown
 * @property {(name: string) => void} reveal show it, or hide it again
 */

/** @param {string} name of the field; ids must not meet those of other controls */
export const idOf = (name) => `service-${name}`;

/**
 * @param {FormField} field
 * @param {FormState} state
 */
export function serviceField(field, state) {
  if (field.kind === 'flag') return flag(field, state);
  const { name, label, help, secret } = field;
  const id = idOf(name);
  const fault = state.fault(name);
  return html`<div class="field" data-field=${name}>
    <label for=${id}>${label}${isOptional(field) ? html` <span class="hint">(optional)</span>` : nothing}</label>
    <div class=${secret ? 'secret' : nothing}>
      ${control(field, state, id, fault !== '')}
      ${
        secret
          ? html`<button
              type="button"
              class="quiet"
              aria-pressed=${state.revealed(name)}
              aria-label="Show ${label}"
              @click=${() => state.reveal(name)}
            >
              ${state.revealed(name) ? 'Hide' : 'Show'}
            </button>`
          : nothing
      }
    </div>
    <div id="${id}-note">
      ${fault ? html`<p class="fault" role="alert">${shape('alarm')} ${fault}</p>` : nothing}
      ${help || secret ? html`<p class="hint">${helpOf(field)}</p>` : nothing}
    </div>
  </div>`;
}

/**
 * Whether it may stay empty. One that has a value to begin with says nothing of that, nor does a host name, which some ways
 * to sign in need.
 * @param {FormField} field
 */
function isOptional({ required, initial, kind }) {
  return !required && initial === '' && kind !== 'host' && kind !== 'choice';
}

/** @param {FormField} field */
function helpOf({ help, secret }) {
  if (!secret) return help;
  return `${help}${help === '' ? '' : /[.?]$/.test(help) ? ' ' : '. '}Never stored.`;
}

/**
 * @param {FormField} field
 * @param {FormState} state
 */
function flag(field, state) {
  const { name, label, help } = field;
  return html`<div data-field=${name}>
    <label class="check">
      <input
        id=${idOf(name)}
        type="checkbox"
        .checked=${live(state.value(field) === '1')}
        @change=${(/** @type {Event} */ e) => state.change(field, /** @type {HTMLInputElement} */ (e.target).checked ? '1' : '0')}
      />
      ${label} ${help ? html`<span class="hint">${help}</span>` : nothing}
    </label>
  </div>`;
}

/**
 * @param {FormField} field
 * @param {FormState} state
 * @param {string} id
 * @param {boolean} bad
 */
function control(field, state, id, bad) {
  const { name, kind, choices = [], min, max, secret } = field;
  const value = state.value(field);
  const changed = (/** @type {Event} */ e) => state.change(field, /** @type {HTMLInputElement} */ (e.target).value);
  if (kind === 'choice') {
    return html`<select id=${id} aria-describedby="${id}-note" @change=${changed}>
      ${choices.map((choice) => html`<option value=${choice.value} ?selected=${choice.value === value}>${choice.label}</option>`)}
    </select>`;
  }
  if (kind === 'private-key') {
    return html`<textarea
      id=${id}
      class="mono ${state.revealed(name) ? '' : 'masked'}"
      rows="4"
      autocomplete="off"
      autocapitalize="none"
      spellcheck="false"
      aria-invalid=${bad}
      aria-describedby="${id}-note"
      .value=${live(value)}
      @input=${changed}
    ></textarea>`;
  }
  const type = secret && !state.revealed(name) ? 'password' : kind === 'number' ? 'number' : 'text';
  return html`<input
    id=${id}
    type=${type}
    class=${kind === 'text' ? nothing : 'mono'}
    autocomplete=${secret ? 'new-password' : 'off'}
    autocapitalize="none"
    spellcheck="false"
    min=${min ?? nothing}
    max=${max ?? nothing}
    aria-invalid=${bad}
    aria-describedby="${id}-note"
    .value=${live(value)}
    @input=${changed}
  />`;
}
