/** The frame of the page: connection and rates on top, below it the page that the address names. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { shape } from './shapes.js';
import { storage } from './storage.js';
import { count, rate } from '../model/format.js';
import { remember } from '../model/profile.js';
import { parseRoute } from '../model/routes.js';
import { shown } from '../model/text.js';
import { CHANGED } from '../paint.js';

const THEMES = ['auto', 'light', 'dark'];
const THEME_KEY = 'wasmqtt.theme';

/** @type {Record<import('../session.js').Phase, { shape: string, word: string }>} */
const PHASES = {
  idle: { shape: 'unknown', word: 'Not connected' },
  connecting: { shape: 'pending', word: 'Connecting' },
  connected: { shape: 'online', word: 'Connected' },
  reconnecting: { shape: 'stale', word: 'Reconnecting' },
};

export class AppView extends View {
  /** @override */
  static properties = {
    route: { state: true },
    theme: { state: true },
  };

  constructor() {
    super();
    this.route = parseRoute(location.hash);
    this.theme = storage()?.getItem(THEME_KEY) ?? 'auto';
    this.routed = () => {
      const next = parseRoute(location.hash);
      if (next.page !== this.route.page || next.device !== this.route.device) scrollTo(0, 0);
      this.route = next;
    };
  }

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    addEventListener('hashchange', this.routed);
    this.applyTheme();
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener('hashchange', this.routed);
  }

  /**
   * @override
   * @param {number} bits
   */
  cares(bits) {
    return (bits & (CHANGED.connection | CHANGED.time | CHANGED.seat)) !== 0;
  }

  /** @override */
  render() {
    const { client } = this.session;
    return html`
      <a class="skip" href="#main" @click=${this.skip}>Skip to content</a>
      <header class="bar">
        <p class="brand">wasmqtt</p>
        ${client ? this.navigation() : nothing}
        <div class="link">${client ? this.link() : nothing}</div>
        <div class="bar-actions">
          <button type="button" class="quiet theme" @click=${this.nextTheme} aria-label="Theme: ${this.theme}">
            Theme<span class="roomy">: ${this.theme}</span>
          </button>
          ${client ? html`<button type="button" class="quiet" @click=${() => this.session.close()}>Disconnect</button>` : nothing}
        </div>
      </header>
      ${client ? this.interruption() : nothing}
      <main id="main" tabindex="-1" class="page-${client ? this.pageName : 'connect'}" @wq-connect=${this.connect}>
        ${client ? this.page() : html`<wq-connect .session=${this.session}></wq-connect>`}
      </main>
    `;
  }

  /** A device has one page beside the log. */
  get pageName() {
    const { page } = this.route;
    return page !== 'log' && this.session.device ? 'seat' : page;
  }

  navigation() {
    const { page } = this.route;
    const waiting = this.session.device?.desk.waiting ?? 0;
    return html`<nav aria-label="Pages">
      <a href="#/devices" aria-current=${page !== 'log' ? 'page' : nothing}>
        ${this.session.device ? 'Device' : 'Devices'}${page === 'log' && waiting > 0 ? html` <span class="badge">${count(waiting)}</span>` : nothing}
      </a>
      <a href="#/log" aria-current=${page === 'log' ? 'page' : nothing}>Messages</a>
    </nav>`;
  }

  link() {
    const { session } = this;
    const { shape: name, word } = PHASES[session.phase];
    const now = session.now();
    const version = { 5: 'MQTT 5.0', 4: 'MQTT 3.1.1', 3: 'MQTT 3.1' }[session.version] ?? '';
    return html`
      <p class="phase" role="status" data-phase=${session.phase}>${shape(name)} ${word}</p>
      <p class="broker mono" title="${session.title} ${session.broker} ${version}">
        <bdi>${hostOf(session.broker) || session.title}</bdi> <span class="version">${version}</span>
      </p>
      ${this.warnings()}
      <p class="rates">
        <span><b>${rate(session.received.perSecond(now))}</b> msg/s</span>
        <span class="roomy"><b>${count(session.received.total)}</b> in</span>
        <span class="roomy"><b>${count(session.published.total)}</b> out</span>
      </p>
    `;
  }

  /** What the service does otherwise than asked. */
  warnings() {
    const { warnings } = this.session;
    if (warnings.length === 0) return nothing;
    return html`<details class="warnings">
      <summary>
        ${shape('alarm', 'tone-warning')} ${count(warnings.length)} ${warnings.length === 1 ? 'warning' : 'warnings'}
      </summary>
      <ul>
        ${warnings.map((warning) => html`<li>${shown(warning, 500)}</li>`)}
      </ul>
    </details>`;
  }

  interruption() {
    const { phase, trouble, retryAt, expiring } = this.session;
    if (phase !== 'reconnecting') return expiring ? this.expiry() : nothing;
    const seconds = Math.max(0, Math.ceil((retryAt - this.session.now()) / 1000));
    return html`<div class="interruption">
      ${shape('stale')}
      <p>
        <strong>The connection is lost.</strong> What is shown is as it was.
        ${trouble ? html`<span class="detail">${trouble.message} ${trouble.hint}</span>` : nothing}
      </p>
      <p class="countdown">${seconds > 0 ? `Next try in ${seconds} s` : 'Trying now'}</p>
      <button type="button" @click=${() => this.session.retry()}>Try now</button>
    </div>`;
  }

  /** Credentials that a person pasted cannot be renewed without that person. */
  expiry() {
    return html`<div class="interruption expiry" role="status">
      ${shape('stale')}
      <p>
        <strong>Your sign-in expires soon.</strong>
        <span class="detail"
          >The connection ends with it. Get a new token and sign in with that; the form keeps the rest.</span
        >
      </p>
      <button type="button" @click=${() => this.session.close()}>Sign in again</button>
    </div>`;
  }

  page() {
    const { page, device } = this.route;
    if (page === 'log') return html`<wq-log .session=${this.session}></wq-log>`;
    const { device: seat } = this.session;
    if (seat) return html`<wq-seat .session=${this.session} .seat=${seat}></wq-seat>`;
    if (page === 'device') return html`<wq-device .session=${this.session} .device=${device}></wq-device>`;
    return html`<wq-devices .session=${this.session}></wq-devices>`;
  }

  /** @param {CustomEvent<import('../model/profile.js').Profile>} event */
  async connect({ detail }) {
    // What a registration gave is remembered with it.
    if (await this.session.open(detail)) remember(storage(), this.session.profile ?? detail);
  }

  /** @param {Event} event */
  skip(event) {
    // The address is the route; it must not become #main.
    event.preventDefault();
    /** @type {HTMLElement | null} */ (this.querySelector('#main'))?.focus();
  }

  nextTheme() {
    this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length] ?? 'auto';
    this.applyTheme();
    try {
      storage()?.setItem(THEME_KEY, this.theme);
    } catch {
      // Then it holds until the page is closed.
    }
  }

  applyTheme() {
    if (this.theme === 'auto') document.documentElement.removeAttribute('data-theme');
    else document.documentElement.setAttribute('data-theme', this.theme);
    this.session.painter.touch(CHANGED.time);
  }

  /** @override */
  updated() {
    const { phase, fleet } = this.session;
    const { page, device } = this.route;
    const where = !this.session.client
      ? 'Connect'
      : page === 'device' && !this.session.device
        ? device
        : page === 'log'
          ? 'Messages'
          : (this.session.device?.id ?? 'Devices');
    const alarms = phase === 'connected' && fleet.counts.alarm > 0 ? `(${fleet.counts.alarm}) ` : '';
    document.title = `${alarms}${where} · wasmqtt`;
  }
}

/** @param {string} url */
function hostOf(url) {
  if (!url.includes('://')) return url;
  try {
    return new URL(url).host;
  } catch {
    return '';
  }
}
