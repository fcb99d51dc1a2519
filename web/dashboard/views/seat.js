/** The page of a device's seat: who it is, the commands that came, its state, and what it sends. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { shape } from './shapes.js';
import { clock, count } from '../model/format.js';
import { oneLine, shown } from '../model/text.js';
import { readObject } from '../model/typed.js';
import { CHANGED } from '../paint.js';

/** @typedef {import('../device_seat.js').DeviceSeat} DeviceSeat */

/** @type {Record<import('../model/desk.js').Sent['state'], { shape: string, tone: string }>} */
const OUTCOMES = {
  'under way': { shape: 'pending', tone: 'tone-none' },
  taken: { shape: 'done', tone: 'tone-online' },
  refused: { shape: 'offline', tone: 'tone-alarm' },
};

const SENT_SHOWN = 12;

export class SeatView extends View {
  /** @override */
  static properties = {
    seat: { attribute: false },
    shownSecrets: { state: true },
    reportFault: { state: true },
    allSent: { state: true },
  };

  constructor() {
    super();
    /** @type {DeviceSeat} */
    this.seat = /** @type {any} */ (undefined);
    this.shownSecrets = false;
    this.reportFault = '';
    this.allSent = false;
  }

  /**
   * @override
   * @param {number} bits
   */
  cares(bits) {
    return (bits & (CHANGED.seat | CHANGED.connection)) !== 0;
  }

  /** @override */
  render() {
    const { seat, session } = this;
    return html`
      <header class="device-head">
        <h1><bdi>${oneLine(seat.id, 128) || 'This device'}</bdi></h1>
        <p class="seen">a device${session.title ? ` at ${session.title}` : ''}</p>
      </header>
      ${session.registered.length > 0 ? this.registered() : nothing}
      <div class="seat-columns">
        <wq-seat-commands class="seat-commands" .session=${session} .seat=${seat}></wq-seat-commands>
        <wq-seat-send class="seat-send" .session=${session} .seat=${seat}></wq-seat-send>
        <div class="seat-state">${this.state()} ${this.sent()}</div>
      </div>
    `;
  }

  registered() {
    const { session } = this;
    const fields = session.services.find(session.profile?.service ?? '')?.fields ?? [];
    const named = session.registered.map(([name, value]) => ({
      value,
      ...(fields.find((field) => field.name === name) ?? { label: name, secret: true }),
    }));
    const secret = named.some((value) => value.secret);
    return html`<section class="notice" aria-labelledby="registered-title">
      <h2 id="registered-title">${shape('info')} The device is registered</h2>
      <p>
        The service gave it these values for the connect form.
        ${secret ? html`<strong>Keep what is secret: it is told once, and this page stores it nowhere.</strong>` : nothing}
      </p>
      <dl class="facts">
        ${named.map(
          ({ label, value, secret: hidden }) =>
            html`<div>
              <dt>${label}</dt>
              <dd class="mono">${hidden && !this.shownSecrets ? '••••••••' : shown(value, 500)}</dd>
            </div>`,
        )}
      </dl>
      <div class="actions">
        ${
          secret
            ? html`<button
                type="button"
                aria-pressed=${this.shownSecrets}
                @click=${() => (this.shownSecrets = !this.shownSecrets)}
              >
                ${this.shownSecrets ? 'Hide secrets' : 'Show secrets'}
              </button>`
            : nothing
        }
        <button type="button" @click=${() => session.forgetRegistered()}>Done</button>
      </div>
    </section>`;
  }

  state() {
    const { can, desk } = this.seat;
    return html`<section class="states" aria-labelledby="seat-state-title">
      <div class="section-head">
        <h2 id="seat-state-title">State</h2>
        ${can.getState === true ? html`<button type="button" class="quiet" @click=${() => this.seat.refresh()}>Get it anew</button>` : nothing}
      </div>
      ${desk.stateNote ? html`<p class="fault" role="alert">${shape('alarm')} ${shown(desk.stateNote, 500)}</p>` : nothing}
      <div class="state-pair">
        ${this.document('Desired', 'desired', desk.desired, this.seat.lack('desired'))}
        ${this.document('Reported', 'reported', desk.reported, this.seat.lack('report'))}
      </div>
      ${can.report === true ? this.reportForm() : nothing}
    </section>`;
  }

  /**
   * @param {string} title
   * @param {string} name
   * @param {import('../model/desk.js').State | null} state
   * @param {string} lack why there is none
   */
  document(title, name, state, lack) {
    return html`<div class="document" data-state=${name}>
      <h3>
        ${title}
        ${state ? html`<span class="hint">${state.version === undefined ? '' : `version ${state.version}, `}${clock(state.at)}</span>` : nothing}
      </h3>
      ${
        lack
          ? html`<p class="hint">${lack}</p>`
          : state
            ? html`<pre class="reply" tabindex="0" aria-label="${title} state">
${shown(JSON.stringify(state.value, null, 2), 16_384)}</pre>`
            : html`<p class="hint">Nothing yet.</p>`
      }
    </div>`;
  }

  reportForm() {
    const last = this.seat.desk.last('state');
    return html`<form class="send" data-send="state" novalidate @submit=${this.report}>
      <div class="field">
        <label for="report">Report state</label>
        <textarea
          id="report"
          name="report"
          class="mono"
          rows="4"
          spellcheck="false"
          placeholder='{"interval": 10}'
          aria-invalid=${this.reportFault !== ''}
          aria-describedby="report-note"
        ></textarea>
        <p class=${this.reportFault ? 'fault' : 'hint'} id="report-note">
          ${this.reportFault ? html`${shape('alarm')} ${this.reportFault}` : 'JSON: what changes; null takes a member away.'}
        </p>
      </div>
      <div class="line">
        <button type="submit">Report</button>
        ${this.seat.desk.desired ? html`<button type="button" class="quiet" @click=${this.copyDesired}>Take over what is desired</button>` : nothing}
      </div>
      ${last ? outcome(last) : nothing}
    </form>`;
  }

  /** @param {SubmitEvent} event */
  report(event) {
    event.preventDefault();
    const area = this.reportArea();
    const { value, fault } = readObject(area.value);
    this.reportFault = fault;
    if (fault) area.focus();
    else void this.seat.report(value);
  }

  copyDesired() {
    this.reportArea().value = JSON.stringify(this.seat.desk.desired?.value ?? {}, null, 2);
    this.reportFault = '';
  }

  reportArea() {
    return /** @type {HTMLTextAreaElement} */ (this.querySelector('#report'));
  }

  sent() {
    const { sent, forgotten } = this.seat.desk;
    const latest = sent.slice(this.allSent ? 0 : -SENT_SHOWN).reverse();
    const hidden = sent.length - latest.length;
    return html`<section aria-labelledby="sent-title">
      <h2 id="sent-title">Sent</h2>
      ${latest.length === 0 ? html`<p class="hint">Nothing yet.</p>` : nothing}
      <ul class="events sent">
        ${latest.map(
          ({ at, kind, text, state, note }) =>
            html`<li data-kind=${kind} data-outcome=${state}>
              <time>${clock(at)}</time>
              ${shape(OUTCOMES[state].shape, OUTCOMES[state].tone)}
              <span>
                <strong>${kind}</strong> <code><bdi>${oneLine(text, 300)}</bdi></code>
                ${state === 'under way' ? html`<span class="hint">under way</span>` : nothing}
                ${note ? html`<span class="fault">${shown(note, 300)}</span>` : nothing}
              </span>
            </li>`,
        )}
      </ul>
      ${
        hidden > 0
          ? html`<button type="button" class="more" @click=${() => (this.allSent = true)}>
              Show ${count(hidden)} older
            </button>`
          : nothing
      }
      ${forgotten.sent > 0 ? html`<p class="hint">${count(forgotten.sent)} older ones not kept.</p>` : nothing}
    </section>`;
  }
}

/**
 * What became of it, beside the action.
 * @param {import('../model/desk.js').Sent} sent
 */
export function outcome({ state, note, at }) {
  const { shape: name, tone } = OUTCOMES[state];
  if (state === 'refused') return html`<p class="fault outcome" role="alert">${shape('alarm')} ${shown(note, 500)}</p>`;
  const words = state === 'taken' ? `Taken by the service, ${clock(at)}` : 'Under way…';
  return html`<p class="hint outcome" role="status">${shape(name, tone)} ${words}</p>`;
}
