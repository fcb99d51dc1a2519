/** Commands to one device: the forms, and the life of each command that was sent. */

import { html, nothing } from 'lit';
import { View } from './view.js';
import { shape } from './shapes.js';
import { OFFERS, buildFree, buildOffer } from '../model/catalog.js';
import { clock, count, duration } from '../model/format.js';
import { shown } from '../model/text.js';
import { readObject } from '../model/typed.js';
import { CHANGED } from '../paint.js';

/** @typedef {import('../model/commands.js').Command} Command */
/** @typedef {import('../model/catalog.js').Offer} Offer */
/** @typedef {import('../model/catalog.js').Field} Field */

const TIMEOUT = 15_000;

export class CommandsView extends View {
  /** @override */
  static properties = {
    device: { attribute: false },
    faults: { state: true },
  };

  constructor() {
    super();
    /** Id of the device. */
    this.device = '';
    /** @type {Record<string, Record<string, string>>} by command, then by field; '' is the free command */
    this.faults = {};
  }

  /**
   * @override
   * @param {number} bits
   */
  cares(bits) {
    return (bits & (CHANGED.commands | CHANGED.connection)) !== 0;
  }

  /** @override */
  render() {
    const { commands } = this.session;
    const list = commands.of(this.device);
    return html`
      <section aria-labelledby="commands-title">
        <h2 id="commands-title">Commands</h2>
        <div class="offers">${OFFERS.map((offer) => this.offer(offer))}</div>
        ${this.free()} ${this.session.operator ? this.desired(this.session.operator) : nothing}
      </section>
      <section aria-labelledby="history-title">
        <h2 id="history-title">Sent</h2>
        <p class="visually-hidden" role="status">${list[0] ? `${list[0].name}: ${list[0].state}` : ''}</p>
        ${
          list.length === 0
            ? html`<p class="hint">Nothing yet. A command’s way shows here: queued, sent, acknowledged, answered.</p>`
            : html`<ol class="lives">
                ${list.map((command) => this.life(command))}
              </ol>`
        }
        ${commands.forgotten > 0 ? html`<p class="hint">${count(commands.forgotten)} older commands not kept.</p>` : nothing}
      </section>
    `;
  }

  /** @param {Offer} offer */
  offer(offer) {
    const faults = this.faults[offer.name] ?? {};
    return html`<form
      class="offer"
      novalidate
      data-command=${offer.name}
      @submit=${(/** @type {SubmitEvent} */ event) => this.sendOffer(event, offer)}
    >
      <div class="offer-text">
        <strong>${offer.label}</strong>
        <span class="hint">${offer.help}</span>
      </div>
      ${offer.fields.map((field) => this.field(offer, field, faults[field.key] ?? ''))}
      <button type="submit" aria-label="Send ${offer.label}">Send</button>
    </form>`;
  }

  /**
   * @param {Offer} offer
   * @param {Field} field
   * @param {string} fault
   */
  field(offer, field, fault) {
    const id = `${offer.name}-${field.key}`;
    return html`<div class="offer-field">
      <label for=${id}>${field.label}</label>
      ${
        field.type === 'choice'
          ? html`<select id=${id} name=${field.key}>
              ${field.options?.map(({ value, label }) => html`<option value=${String(value)}>${label}</option>`)}
            </select>`
          : html`<input
                id=${id}
                name=${field.key}
                type="number"
                step="any"
                value=${field.initial}
                aria-invalid=${fault ? 'true' : 'false'}
                aria-describedby=${fault ? `${id}-note` : nothing}
              /><span class="unit">${field.unit}</span>`
      }
      ${fault ? html`<p class="fault" id="${id}-note" role="alert">${shape('alarm')} ${fault}</p>` : nothing}
    </div>`;
  }

  free() {
    const faults = this.faults[''] ?? {};
    return html`<details class="free">
      <summary>Another command</summary>
      <form novalidate data-command="" @submit=${this.sendFree}>
        <div class="field">
          <label for="free-name">Name</label>
          <input
            id="free-name"
            name="name"
            class="mono"
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
            aria-invalid=${faults['name'] ? 'true' : 'false'}
            aria-describedby="free-name-note"
          />
          <p class=${faults['name'] ? 'fault' : 'hint'} id="free-name-note">
            ${faults['name'] ? html`${shape('alarm')} ${faults['name']}` : 'The last level of the topic.'}
          </p>
        </div>
        <div class="field">
          <label for="free-payload">Payload (JSON)</label>
          <textarea
            id="free-payload"
            name="payload"
            class="mono"
            rows="4"
            spellcheck="false"
            placeholder='{"key": "value"}'
            aria-invalid=${faults['payload'] ? 'true' : 'false'}
            aria-describedby="free-payload-note"
          ></textarea>
          <p class=${faults['payload'] ? 'fault' : 'hint'} id="free-payload-note">
            ${faults['payload'] ? html`${shape('alarm')} ${faults['payload']}` : 'May be empty.'}
          </p>
        </div>
        <button type="submit">Send</button>
      </form>
    </details>`;
  }

  /**
   * At a service that keeps the state that a device is to have.
   * @param {import('../operator_seat.js').OperatorSeat} operator
   */
  desired(operator) {
    const outcome = operator.desired.get(this.device);
    const fault = this.faults['desired']?.['state'] ?? '';
    const note = outcome && !outcome.good ? outcome.text : fault;
    return html`<details class="free">
      <summary>Desired state</summary>
      <form novalidate data-desired @submit=${(/** @type {SubmitEvent} */ e) => this.setDesired(e, operator)}>
        <div class="field">
          <label for="desired-state">What the state is to be (JSON)</label>
          <textarea
            id="desired-state"
            name="state"
            class="mono"
            rows="4"
            spellcheck="false"
            placeholder='{"interval": 10}'
            aria-invalid=${note !== ''}
            aria-describedby="desired-state-note"
          ></textarea>
          <p class=${note ? 'fault' : 'hint'} id="desired-state-note" role="status">
            ${note ? html`${shape('alarm')} ${shown(note, 500)}` : (outcome?.text ?? 'Only what changes.')}
          </p>
        </div>
        <button type="submit">Set</button>
      </form>
    </details>`;
  }

  /**
   * @param {SubmitEvent} event
   * @param {import('../operator_seat.js').OperatorSeat} operator
   */
  setDesired(event, operator) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const { value, fault } = readObject(String(form.get('state') ?? ''));
    operator.desired.delete(this.device);
    this.faults = { ...this.faults, desired: { state: fault } };
    if (!fault) void operator.setDesired(this.device, value);
  }

  /**
   * @param {SubmitEvent} event
   * @param {Offer} offer
   */
  sendOffer(event, offer) {
    event.preventDefault();
    this.send(event, offer.name, offer.name, (values) => buildOffer(offer, values));
  }

  /** @param {SubmitEvent} event */
  sendFree(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const name = String(form.get('name') ?? '').trim();
    this.send(event, '', name, (values) => buildFree(name, values['payload'] ?? ''));
  }

  /**
   * @param {SubmitEvent} event
   * @param {string} key of the form
   * @param {string} name of the command
   * @param {(values: Record<string, string>) => import('../model/catalog.js').Built} build
   */
  send(event, key, name, build) {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    /** @type {Record<string, string>} */
    const values = {};
    for (const [field, value] of new FormData(form)) values[field] = String(value);
    const { payload, faults } = build(values);
    this.faults = { ...this.faults, [key]: faults };
    const [first] = Object.keys(faults);
    if (first) /** @type {HTMLElement | null} */ (form.elements.namedItem(first))?.focus();
    else void this.session.command(this.device, name, payload, TIMEOUT);
  }

  /** @param {Command} command */
  life(command) {
    const { times, state } = command;
    return html`<li class="life" data-command=${command.name} data-state=${state}>
      <div class="life-head">
        <strong class="mono"><bdi>${shown(command.name, 64)}</bdi></strong>
        ${command.payload && command.payload !== '{}' ? html`<code class="ellipsis">${shown(command.payload, 120)}</code>` : nothing}
        <time>${clock(times.queued)}</time>
      </div>
      <ol class="steps" aria-label="Steps">
        ${this.step('queued', times.queued, 0)} ${this.step('sent', times.sent, times.queued)}
        ${
          // A service may tell of the answer alone.
          times.acknowledged === 0 && this.session.operator
            ? nothing
            : this.step('acknowledged', times.acknowledged, times.sent)
        }
        ${this.ending(command)}
      </ol>
      ${command.note ? html`<p class=${state === 'failed' ? 'fault' : 'hint'}>${shown(command.note, 300)}</p>` : nothing}
      ${command.reply ? html`<pre class="reply" tabindex="0" aria-label="Reply">${shown(command.reply, 4000)}</pre>` : nothing}
    </li>`;
  }

  /**
   * @param {string} word
   * @param {number} at
   * @param {number} since
   */
  step(word, at, since) {
    return html`<li class=${at ? 'reached' : 'ahead'}>
      ${shape(at ? 'done' : 'pending', at ? 'tone-online' : 'tone-none')} ${word}
      ${at && since ? html`<span class="after">+${duration(at - since)}</span>` : nothing}
    </li>`;
  }

  /** @param {Command} command */
  ending({ state, times, late, expectsAnswer }) {
    const after = times.ended
      ? html`<span class="after">+${duration(times.ended - (times.sent || times.queued))}</span>`
      : nothing;
    if (state === 'failed') return html`<li class="reached bad">${shape('offline', 'tone-alarm')} failed ${after}</li>`;
    if (state === 'timed out') return html`<li class="reached bad">${shape('stale')} timed out ${after}</li>`;
    if (state === 'answered') {
      return html`<li class="reached">
        ${shape('done', 'tone-online')} ${late ? 'answered late' : 'answered'} ${after}
      </li>`;
    }
    if (!expectsAnswer) return html`<li class="ahead">${shape('unknown', 'tone-none')} no answer in this version</li>`;
    return html`<li class="ahead">${shape('pending', 'tone-none')} answered</li>`;
  }
}
