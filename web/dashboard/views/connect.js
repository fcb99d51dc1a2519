/** The first screen: where to connect and who we are; recent connections; what went wrong, beside what has to change. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { idOf, serviceField } from './service_fields.js';
import { limitId, serviceLimits } from './service_limits.js';
import { shape } from './shapes.js';
import { faultsOf, forget, initialProfile, placeOf, recall, serviceOf, withoutPasswords } from '../model/profile.js';
import {
  ANY_BROKER,
  effective,
  fieldsFor,
  initialValues,
  layoutOf,
  limitFaults,
  placeOfValues,
  seatFault,
  SERVICE_GROUPS,
  titleOf,
  valuesOf,
} from '../model/services.js';
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
    /** @type {Record<string, string | undefined>} */
    this.faults = {};
    /** Secrets that are shown. @type {Set<string>} */
    this.revealed = new Set();
    this.recent = recall(storage());
    /** The trouble whose field was led to. @type {import('../trouble.js').Trouble | false | null} */
    this.led = null;
  }

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    // After a connection that ended, the form starts from what was used; passwords have to be typed again.
    const [latest] = this.recent;
    if (this.session.profile) this.profile = this.session.profile;
    else if (latest && (latest.url || latest.service)) this.profile = withoutPasswords(latest);
    this.wantServices();
  }

  /** The service of the form; undefined: none, or its form is not there yet. */
  get service() {
    return this.session.services.find(serviceOf(this.profile));
  }

  get plain() {
    return serviceOf(this.profile) === '';
  }

  /** The fields of the service that count, with what was filled in. */
  get fields() {
    const { service, profile } = this;
    return service ? fieldsFor(service, profile.seat, profile.values) : [];
  }

  /** What the service limits, once it is known. */
  get limits() {
    const { profile, session } = this;
    return this.service ? session.services.limitsOf(serviceOf(profile), profile.values) : undefined;
  }

  /** Loads the services if the form needs one. */
  wantServices() {
    if (!this.plain)
      this.session.services.want().then(
        () => this.loaded(),
        () => {},
      );
  }

  /** The form is there: a service with one seat has that, and fields begin with what counts if nothing is typed. */
  loaded() {
    const { service, profile } = this;
    if (!service) return;
    const seat = service.noOperator === null ? profile.seat : 'device';
    this.profile = { ...profile, seat, values: { ...initialValues(service), ...profile.values } };
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
    const overAll = trouble && !this.known(placeOf(trouble, this.plain));
    return html`
      <form class="connect" novalidate @submit=${this.submit} aria-busy=${busy}>
        <h1>Connect</h1>
        ${overAll ? this.alert(trouble) : nothing} ${this.chooser()} ${this.plain ? this.broker() : this.serviceForm()}
        <div class="actions">
          <button class="primary" type="submit" ?disabled=${busy || (!this.plain && !this.service)}>
            ${busy ? 'Connecting…' : 'Connect'}
          </button>
          ${busy ? html`<button type="button" @click=${() => this.session.close()}>Cancel</button>` : nothing}
        </div>
        ${this.plain ? html`<p class="hint">No broker at hand? <code>make demo</code> starts one with fifty simulated devices.</p>` : nothing}
      </form>
      ${this.recent.length > 0 ? this.recentList() : nothing}
    `;
  }

  chooser() {
    const { service, profile } = this;
    const denied = service?.noOperator ?? null;
    const why =
      denied ??
      (profile.seat === 'device' ? 'This page plays one device: it sends telemetry and answers commands.' : '');
    return html`<div class="pair">
        <div class="field">
          <label for="service">Service</label>
          <select id="service" @change=${(/** @type {Event} */ e) => this.chooseService(valueOf(e))}>
            <option value="" ?selected=${profile.service === ''}>Any broker</option>
            ${SERVICE_GROUPS.map(
              ({ label, services }) =>
                html`<optgroup label=${label}>
                  ${services.map(({ name, title }) => html`<option value=${name} ?selected=${name === profile.service}>${title}</option>`)}
                </optgroup>`,
            )}
          </select>
        </div>
        <fieldset class="field seats" aria-describedby="seat-note">
          <legend>Connect as</legend>
          <div class="segments">
            ${this.seatChoice('operator', 'An operator', denied !== null)}
            ${this.seatChoice('device', 'A device', false)}
          </div>
        </fieldset>
      </div>
      <p class="hint seat-note" id="seat-note">
        ${why || html`Devices that publish on <code>${profile.values['prefix'] || 'devices'}/{id}/…</code> appear by themselves.`}
      </p>`;
  }

  /**
   * @param {Profile['seat']} seat
   * @param {string} label
   * @param {boolean} disabled
   */
  seatChoice(seat, label, disabled) {
    return html`<label class=${disabled ? 'denied' : nothing}>
      <input
        type="radio"
        name="seat"
        value=${seat}
        ?disabled=${disabled}
        .checked=${this.profile.seat === seat}
        @change=${() => this.chooseSeat(seat)}
      /><span>${label}</span>
    </label>`;
  }

  broker() {
    return html`
      ${this.text('url', 'Broker address', { type: 'url', hint: 'MQTT over WebSockets: wss://host/mqtt', mono: true })}
      ${this.text('clientId', 'Client id', { hint: 'Leave empty for a random one.', mono: true })}
      <div class="pair">
        ${this.text('username', 'User name', { autocomplete: 'username' })}
        ${this.text('password', 'Password', { type: 'password', autocomplete: 'current-password', hint: 'Never stored.' })}
      </div>
      <details>
        <summary>Advanced</summary>
        ${this.settings([5, 4, 3])}
      </details>
    `;
  }

  serviceForm() {
    const { service, session } = this;
    const { trouble } = session.services;
    if (!service && trouble) {
      return html`<div class="alert" role="alert">
        ${shape('alarm')}
        <div>
          <strong>The form of the service could not be loaded.</strong>
          <p>${trouble}</p>
          <p><button type="button" @click=${() => this.wantServices()}>Try again</button></p>
        </div>
      </div>`;
    }
    if (!service) return html`<p class="hint" role="status">Loading the form…</p>`;
    const { main, more } = layoutOf(this.fields);
    const show = (/** @type {import('../model/services.js').FormField} */ field) =>
      serviceField(field, this.formState());
    return html`
      <div class="service-fields">${main.map(show)}</div>
      <details class="more-fields">
        <summary>More</summary>
        <div class="service-fields">${more.map(show)}</div>
        ${this.settings(service.versions)}
      </details>
      ${this.limitList(service)}
    `;
  }

  /** @param {{ title: string, versions: number[] }} service */
  limitList({ title, versions }) {
    const { limits, profile } = this;
    if (!limits) return nothing;
    return serviceLimits(title, limits, profile.overrides, {
      change: (rule, text) => {
        const { [rule]: _, ...others } = this.profile.overrides;
        this.profile = { ...this.profile, overrides: text === undefined ? others : { ...others, [rule]: text } };
        this.faults = { ...this.faults, [limitId(rule)]: undefined };
      },
      fault: (rule) => this.faults[limitId(rule)] ?? '',
      five: versions.includes(5),
    });
  }

  /** @returns {import('./service_fields.js').FormState} */
  formState() {
    const of = (/** @type {{ secret: boolean }} */ { secret }) => (secret ? 'secrets' : 'values');
    return {
      value: (field) => this.profile[of(field)][field.name] ?? '',
      change: (field, value) => {
        const kind = of(field);
        this.profile = { ...this.profile, [kind]: { ...this.profile[kind], [field.name]: value } };
        this.faults = { ...this.faults, [field.name]: undefined };
      },
      fault: (name) => this.faultText(name),
      revealed: (name) => this.revealed.has(name),
      reveal: (name) => {
        if (!this.revealed.delete(name)) this.revealed.add(name);
        this.requestUpdate();
      },
    };
  }

  /**
   * What is the same for all.
   * @param {number[]} versions that can be chosen
   */
  settings(versions) {
    const offered = VERSIONS.filter(({ value }) => value === '' || versions.includes(Number(value)));
    return html`<div class="pair">
        <div class="field">
          <label for="version">Protocol version</label>
          <select
            id="version"
            @change=${(/** @type {Event} */ e) => this.change('version', /** @type {Profile['version']} */ (valueOf(e)))}
          >
            ${offered.map(
              ({ value, label }) =>
                html`<option value=${value} ?selected=${value === this.profile.version}>${label}</option>`,
            )}
          </select>
          ${this.fault('version')}
        </div>
        ${this.text('keepalive', 'Keep alive', { unit: 's', type: 'number', hint: this.plain ? '' : 'Empty: as the service has it.' })}
      </div>
      <label class="check">
        <input
          type="checkbox"
          .checked=${this.profile.clean}
          @change=${(/** @type {Event} */ e) => this.change('clean', /** @type {HTMLInputElement} */ (e.target).checked)}
        />
        Clean start <span class="hint">(the broker forgets an earlier session of this client id)</span>
      </label>`;
  }

  recentList() {
    return html`<section class="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">Recent</h2>
      <ul>
        ${this.recent.map(
          (entry, i) =>
            html`<li>
              <button type="button" class="plain" @click=${() => this.use(i)}>${recentName(entry)}</button>
              <button
                type="button"
                class="quiet"
                aria-label="Forget ${placeOfRecent(entry)}"
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

  /**
   * Whether the form shows that field.
   * @param {string} name
   */
  known(name) {
    return this.plain ? name !== 'form' : this.fields.some((field) => field.name === name);
  }

  /** @param {string} name */
  faultText(name) {
    const { trouble } = this.session;
    if (this.faults[name]) return this.faults[name];
    if (!trouble || placeOf(trouble, this.plain) !== name) return '';
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

  /** @param {string} service */
  chooseService(service) {
    const { profile } = this;
    const values = { ...(profile.values['device'] ? { device: profile.values['device'] } : {}) };
    const keepalive = service === '' ? '60' : '';
    this.profile = { ...withoutPasswords(profile), service, values, overrides: {}, version: '', keepalive };
    if (this.plain) this.profile = { ...this.profile, seat: 'operator' };
    this.begin();
  }

  /** @param {Profile['seat']} seat */
  chooseSeat(seat) {
    const { profile } = this;
    this.profile = { ...profile, seat };
    if (profile.service === '') {
      // The same broker in another form.
      const { values, secrets } = profile;
      if (seat === 'device') {
        const same = { url: profile.url, client: profile.clientId, username: profile.username };
        this.profile.values = { ...values, ...same };
        this.profile.secrets = { password: profile.password };
      } else {
        const { url = '', client: clientId = '', username = '' } = values;
        Object.assign(this.profile, { url, clientId, username, password: secrets['password'] ?? '', secrets: {} });
      }
    }
    this.begin();
  }

  /** Another form begins. */
  begin() {
    this.faults = {};
    this.revealed.clear();
    this.session.forgive();
    this.wantServices();
  }

  /** @param {number} index */
  async use(index) {
    const entry = this.recent[index];
    if (!entry) return;
    this.profile = withoutPasswords(entry);
    this.begin();
    if (!this.plain) await this.session.services.want().catch(() => {});
    await this.updateComplete;
    const secret = this.fields.find((field) => field.secret);
    this.focusOn(this.plain ? (entry.username ? 'password' : 'url') : idOf(secret?.name ?? ''));
  }

  /** @param {string} id */
  focusOn(id) {
    const field = /** @type {HTMLElement | null} */ (this.querySelector(`#${id}`));
    field?.closest('details')?.setAttribute('open', '');
    field?.focus();
    return field !== null;
  }

  /**
   * What is wrong with the form of a service: its words are the library's, the first fault comes first.
   * @param {Profile} profile
   * @returns {Record<string, string>}
   */
  serviceFaults(profile) {
    const { fields, session } = this;
    const all = { ...profile.values, ...profile.secrets };
    const fault =
      session.services.providers?.check(serviceOf(profile), valuesOf(fields, all)) ??
      seatFault(fields, profile.seat, all);
    return fault ? { [fault.field ?? fields[0]?.name ?? 'form']: fault.message } : {};
  }

  /** @param {Event} event */
  async submit(event) {
    event.preventDefault();
    let profile = { ...this.profile, url: this.profile.url.trim(), clientId: this.profile.clientId.trim() };
    const faults = faultsOf(profile);
    /** @type {Record<string, string>} */
    let inForm = {};
    if (!this.plain) {
      inForm = this.serviceFaults(profile);
      // What another way to sign in would use, and limits of another plan, are not sent, and not remembered.
      const { fields, limits } = this;
      const overrides = limits ? effective(profile.overrides, limits) : profile.overrides;
      profile = {
        ...profile,
        overrides,
        values: valuesOf(fields, profile.values),
        secrets: valuesOf(fields, profile.secrets),
      };
      for (const [rule, fault] of Object.entries(limitFaults(overrides))) {
        Object.assign(faults, { [limitId(rule)]: fault });
      }
    }
    this.faults = { ...inForm, ...faults };
    await this.updateComplete;
    const [first] = Object.keys(this.faults);
    if (!first) this.dispatchEvent(new CustomEvent('wq-connect', { detail: profile, bubbles: true }));
    else this.focusOn(first in inForm ? idOf(first) : first);
  }

  /** @override */
  updated() {
    const { trouble } = this.session;
    const place = trouble ? placeOf(trouble, this.plain) : '';
    // Once, as soon as the field is there: it may be folded away, or its service not loaded yet.
    if (trouble && trouble !== this.led) this.led = this.focusOn(this.plain ? place : idOf(place)) && trouble;
  }
}

/** @param {import('../model/profile.js').Remembered} entry */
function placeOfRecent(entry) {
  return serviceOf(entry) === '' ? entry.url : `${titleOf(entry.service || ANY_BROKER)} ${placeOfValues(entry.values)}`;
}

/** @param {import('../model/profile.js').Remembered} entry */
function recentName(entry) {
  const service = serviceOf(entry);
  const place = service === '' ? entry.url : placeOfValues(entry.values);
  const who =
    entry.seat === 'device' ? entry.values['device'] : service === '' ? entry.username : entry.values['username'];
  return html`${entry.service ? html`<strong>${titleOf(entry.service)}</strong>` : nothing}
    <span class="mono">${place}</span>
    ${who ? html`<span class="hint">${entry.seat === 'device' ? 'as device' : 'as'} ${who}</span>` : nothing}`;
}

/** @param {Event} event */
function valueOf(event) {
  return /** @type {HTMLInputElement} */ (event.target).value;
}
