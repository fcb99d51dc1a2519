/** Above the log: which topics come in, and a box to publish from. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { shape } from './shapes.js';
import { filterFault, topicFault } from '../model/topics.js';
import { oneLine } from '../model/text.js';
import { CHANGED } from '../paint.js';
import { sentenceOf } from '../trouble.js';

/** A service may take less than the usual 1. */
const levels = () =>
  ['0, at most once', '1, at least once', '2, exactly once'].map(
    (label, qos) => html`<option value=${qos} ?selected=${qos === 1}>${label}</option>`,
  );

export class TrafficView extends View {
  /** @override */
  static properties = {
    filterFault: { state: true },
    topicFault: { state: true },
    outcome: { state: true },
  };

  constructor() {
    super();
    this.filterFault = '';
    this.topicFault = '';
    /** What became of the last publish. */
    this.outcome = '';
    this.refused = false;
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
    return html`<div class="traffic">
      <details>
        <summary>Subscriptions (${this.session.subscriptions.length})</summary>
        ${this.subscriptions()}
      </details>
      <details>
        <summary>Publish</summary>
        ${this.publishBox()}
      </details>
    </div>`;
  }

  subscriptions() {
    return html`
      <ul class="subscriptions">
        ${this.session.subscriptions.map(
          ({ filter, state, detail, ours }) =>
            html`<li>
              ${state === 'refused' ? shape('offline', 'tone-alarm') : shape(state === 'granted' ? 'done' : 'pending', 'tone-online')}
              <code><bdi>${oneLine(filter, 200)}</bdi></code>
              <span class="hint"
                >${state === 'asked' ? 'asked for' : state}${detail ? `${state === 'refused' ? ':' : ','} ${detail}` : ''}</span
              >
              ${
                ours
                  ? nothing
                  : html`<button
                      type="button"
                      class="quiet"
                      aria-label="Unsubscribe ${filter}"
                      @click=${() => this.session.unsubscribe(filter)}
                    >
                      Remove
                    </button>`
              }
            </li>`,
        )}
      </ul>
      <form class="line" novalidate @submit=${this.subscribe}>
        <div class="field">
          <label for="filter">Topic filter</label>
          <input
            id="filter"
            name="filter"
            class="mono"
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
            placeholder="site/+/temperature"
            aria-invalid=${this.filterFault ? 'true' : 'false'}
            aria-describedby=${this.filterFault ? 'filter-note' : nothing}
          />
          ${this.filterFault ? html`<p class="fault" id="filter-note" role="alert">${shape('alarm')} ${this.filterFault}</p>` : nothing}
        </div>
        <div class="field">
          <label for="filter-qos">QoS</label>
          <select id="filter-qos" name="qos">
            ${levels()}
          </select>
        </div>
        <button type="submit">Subscribe</button>
      </form>
    `;
  }

  publishBox() {
    return html`<form class="publish" novalidate @submit=${this.publish}>
      <div class="field">
        <label for="publish-topic">Topic</label>
        <input
          id="publish-topic"
          name="topic"
          class="mono"
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          aria-invalid=${this.topicFault ? 'true' : 'false'}
          aria-describedby=${this.topicFault ? 'publish-note' : nothing}
        />
        ${this.topicFault ? html`<p class="fault" id="publish-note" role="alert">${shape('alarm')} ${this.topicFault}</p>` : nothing}
      </div>
      <div class="field">
        <label for="publish-payload">Payload</label>
        <textarea id="publish-payload" name="payload" class="mono" rows="3" spellcheck="false"></textarea>
      </div>
      <div class="line">
        <div class="field">
          <label for="publish-qos">QoS</label>
          <select id="publish-qos" name="qos">
            ${levels()}
          </select>
        </div>
        <label class="check"><input type="checkbox" name="retain" /> Retain</label>
        <button type="submit">Publish</button>
        ${
          this.refused
            ? html`<p class="fault" role="alert">${shape('alarm')} ${this.outcome}</p>`
            : html`<p class="hint" role="status">${this.outcome}</p>`
        }
      </div>
    </form>`;
  }

  /** @param {SubmitEvent} event */
  subscribe(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const data = new FormData(form);
    const filter = String(data.get('filter') ?? '').trim();
    this.filterFault = filterFault(filter);
    if (this.filterFault) return;
    form.reset();
    void this.session.subscribe(filter, false, /** @type {0 | 1 | 2} */ (Number(data.get('qos'))));
  }

  /** @param {SubmitEvent} event */
  async publish(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const topic = String(form.get('topic') ?? '').trim();
    this.topicFault = topicFault(topic);
    if (this.topicFault) return;
    const qos = /** @type {0 | 1 | 2} */ (Number(form.get('qos')));
    this.outcome = 'Publishing…';
    this.refused = false;
    try {
      await this.session.publish(topic, String(form.get('payload') ?? ''), qos, form.has('retain'));
      this.outcome = qos === 0 ? 'Sent.' : 'Acknowledged by the broker.';
    } catch (error) {
      this.outcome = sentenceOf(error);
      this.refused = true;
    }
  }
}
