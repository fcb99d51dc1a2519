/** The first screen: where the broker is and who we are; recent connections; what went wrong, beside what has to change. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { shape } from './shapes.js';
import { faultsOf, forget, initialProfile, placeOf, recall } from '../model/profile.js';
import { CHANGED } from '../paint.js';
import { storage } from './storage.js';

/** @typedef {import('../model/profile.js').Profile} Profile */
/** @typedef {import('../model/profile.js').ProfileField} ProfileField */

const VERSIONS = [
  { value: '', label: 'Automatic' },
  { value: '5', label: 'MQTT 5.0' },
  { value: '4', label: 'MQTT 3.1.1' },
  { value: '3', label: 'MQTT 3.1' },
];

export class ConnectView extends View {
  /** @override */
  static properties = {
    profile: { state: true },
    faults: { state: true },
    recent: { state: true },
  };

  constructor() {
    super();
    /** @type {Profile} */
    this.profile = initialProfile(location);
    /** @type {Partial<Record<ProfileField, string>>} */
    this.faults = {};
    this.recent = recall(storage());
  }

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    // After a connection that ended, the form starts from what was used; the password has to be typed again.
    if (this.session.profile) this.profile = { ...this.session.profile, password: '' };
    else if (this.recent[0] && this.recent[0].url) this.profile = { ...this.recent[0], password: '' };
  }

  /**
   * @override
   * @param {number} bits
   */
  cares(bits) {
    return (bits & CHANGED.connection) !== 0;
  }

  /** @override */
  render() {
    const { trouble, phase } = this.session;
    const busy = phase === 'connecting';
    const place = trouble ? placeOf(trouble) : null;
    return html`
      <form class="connect" novalidate @submit=${this.submit} aria-busy=${busy}>
        <h1>Connect to a broker</h1>
        <p class="lead">Devices that publish on <code>devices/{id}/…</code> appear by themselves.</p>
        ${trouble && place === 'form' ? this.alert(trouble) : nothing}
        ${this.text('url', 'Broker address', { type: 'url', hint: 'MQTT over WebSockets: wss://host/mqtt', mono: true })}
        ${this.text('clientId', 'Client id', { hint: 'Leave empty for a random one.', mono: true })}
        <div class="pair">
          ${this.text('username', 'User name', { autocomplete: 'username' })}
          ${this.text('password', 'Password', { type: 'password', autocomplete: 'current-password', hint: 'Never stored.' })}
        </div>
        <details>
          <summary>Advanced</summary>
          <div class="pair">
            <div class="field">
              <label for="version">Protocol version</label>
              <select
                id="version"
                @change=${(/** @type {Event} */ e) => this.change('version', /** @type {Profile['version']} */ (valueOf(e)))}
              >
                ${VERSIONS.map(
                  ({ value, label }) =>
                    html`<option value=${value} ?selected=${value === this.profile.version}>${label}</option>`,
                )}
              </select>
              ${this.fault('version')}
            </div>
            ${this.text('keepalive', 'Keep alive', { unit: 's', type: 'number' })}
          </div>
          <label class="check">
            <input
              type="checkbox"
              .checked=${this.profile.clean}
              @change=${(/** @type {Event} */ e) => this.change('clean', /** @type {HTMLInputElement} */ (e.target).checked)}
            />
            Clean start <span class="hint">(the broker forgets an earlier session of this client id)</span>
          </label>
        </details>
        <div class="actions">
          <button class="primary" type="submit" ?disabled=${busy}>${busy ? 'Connecting…' : 'Connect'}</button>
          ${busy ? html`<button type="button" @click=${() => this.session.close()}>Cancel</button>` : nothing}
        </div>
        <p class="hint">No broker at hand? <code>make demo</code> starts one with fifty simulated devices.</p>
      </form>
      ${this.recent.length > 0 ? this.recentList() : nothing}
    `;
  }

  recentList() {
    return html`<section class="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">Recent</h2>
      <ul>
        ${this.recent.map(
          (entry, i) =>
            html`<li>
              <button type="button" class="plain" @click=${() => this.use(i)}>
                <span class="mono">${entry.url}</span>
                ${entry.username ? html`<span class="hint">as ${entry.username}</span>` : nothing}
              </button>
              <button
                type="button"
                class="quiet"
                aria-label="Forget ${entry.url}"
                @click=${() => (this.recent = forget(storage(), i))}
              >
                Forget
              </button>
            </li>`,
        )}
      </ul>
    </section>`;
  }

  /** @param {{ message: string, hint: string }} trouble */
  alert({ message, hint }) {
    return html`<div class="alert" role="alert">
      ${shape('alarm')}
      <div>
        <strong>${message}</strong>
        ${hint ? html`<p>${hint}</p>` : nothing}
      </div>
    </div>`;
  }

  /**
   * @param {Exclude<ProfileField, 'clean'>} name
   * @param {string} label
   * @param {{ type?: string, hint?: string, unit?: string, autocomplete?: string, mono?: boolean }} [options]
   */
  text(name, label, { type = 'text', hint = '', unit = '', autocomplete = 'off', mono = false } = {}) {
    const fault = this.faultText(name);
    return html`<div class="field">
      <label for=${name}>${label}${unit ? html` <span class="hint">(${unit})</span>` : nothing}</label>
      <input
        id=${name}
        name=${name}
        type=${type}
        class=${mono ? 'mono' : ''}
        autocomplete=${autocomplete}
        autocapitalize="none"
        spellcheck="false"
        aria-invalid=${fault ? 'true' : 'false'}
        aria-describedby="${name}-note"
        .value=${this.profile[name]}
        @input=${(/** @type {Event} */ e) => this.change(name, valueOf(e))}
      />
      ${fault ? this.fault(name) : html`<p class="hint" id="${name}-note">${hint}</p>`}
    </div>`;
  }

  /** @param {ProfileField} name */
  faultText(name) {
    const { trouble } = this.session;
    if (this.faults[name]) return this.faults[name];
    if (!trouble || placeOf(trouble) !== name) return '';
    return trouble.hint ? `${trouble.message} ${trouble.hint}` : trouble.message;
  }

  /** @param {ProfileField} name */
  fault(name) {
    const text = this.faultText(name);
    if (!text) return nothing;
    return html`<p class="fault" id="${name}-note" role="alert">${shape('alarm')} ${text}</p>`;
  }

  /**
   * @template {ProfileField} F
   * @param {F} name
   * @param {Profile[F]} value
   */
  change(name, value) {
    this.profile = { ...this.profile, [name]: value };
    this.faults = { ...this.faults, [name]: undefined };
  }

  /** @param {number} index */
  use(index) {
    const entry = this.recent[index];
    if (!entry) return;
    this.profile = { ...entry, password: '' };
    this.faults = {};
    void this.updateComplete.then(() => this.focusOn(entry.username ? 'password' : 'url'));
  }

  /** @param {string} id */
  focusOn(id) {
    /** @type {HTMLElement | null} */ (this.querySelector(`#${id}`))?.focus();
  }

  /** @param {Event} event */
  async submit(event) {
    event.preventDefault();
    const profile = { ...this.profile, url: this.profile.url.trim(), clientId: this.profile.clientId.trim() };
    this.faults = faultsOf(profile);
    await this.updateComplete;
    const [first] = Object.keys(this.faults);
    if (first) {
      if (first === 'keepalive') this.querySelector('details')?.setAttribute('open', '');
      this.focusOn(first);
      return;
    }
    this.dispatchEvent(new CustomEvent('wq-connect', { detail: profile, bubbles: true }));
  }

  /** @override */
  updated() {
    const { trouble } = this.session;
    if (trouble && placeOf(trouble) === 'version') this.querySelector('details')?.setAttribute('open', '');
  }
}

/** @param {Event} event */
function valueOf(event) {
  return /** @type {HTMLInputElement} */ (event.target).value;
}
