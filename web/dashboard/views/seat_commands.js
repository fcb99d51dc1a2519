/** The commands, methods, operations and jobs that came to a device, and their answers: by hand, or by themselves. */

import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { View } from './view.js';
import { shape } from './shapes.js';
import { clock, count, duration } from '../model/format.js';
import { oneLine, shown } from '../model/text.js';
import { readTyped } from '../model/typed.js';
import { CHANGED } from '../paint.js';

/** @typedef {import('../model/desk.js').Call} Call */

/** @type {Record<Call['state'], { shape: string, tone: string, word: string }>} */
const STATES = {
  waiting: { shape: 'stale', tone: 'tone-warning', word: 'waits for an answer' },
  answered: { shape: 'done', tone: 'tone-online', word: 'answered' },
  failed: { shape: 'offline', tone: 'tone-alarm', word: 'answered: failed' },
  heard: { shape: 'done', tone: 'tone-none', word: 'takes no answer' },
  gone: { shape: 'unknown', tone: 'tone-none', word: 'over' },
};

const CALLS_SHOWN = 30;

const STATUS_FAULT = 'A status has three digits, as 404.';

export class SeatCommandsView extends View {
  /** @override */
  static properties = {
    seat: { attribute: false },
    faults: { state: true },
    all: { state: true },
  };

  constructor() {
    super();
    /** @type {import('../device_seat.js').DeviceSeat} */
    this.seat = /** @type {any} */ (undefined);
    /** By the number of the command; 0: the automatic answer. @type {Record<number, string>} */
    this.faults = {};
    this.all = false;
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
    const { can, desk } = this.seat;
    const calls = desk.ordered;
    const shownCalls = this.all ? calls : calls.slice(0, Math.max(CALLS_SHOWN, desk.waiting));
    const hidden = calls.length - shownCalls.length;
    return html`<section aria-labelledby="calls-title">
      <div class="section-head">
        <h2 id="calls-title">Commands</h2>
        <p class="hint" role="status">
          ${desk.waiting > 0 ? `${count(desk.waiting)} ${desk.waiting === 1 ? 'waits' : 'wait'} for an answer` : ''}
        </p>
      </div>
      ${can.commands === true ? this.automatic() : html`<p class="hint">${this.seat.lack('commands')}</p>`}
      ${can.commands === true && calls.length === 0 ? html`<p class="hint">None yet. They show here as they come.</p>` : nothing}
      <ol class="calls">
        ${repeat(
          shownCalls,
          ({ number }) => number,
          (call) => this.call(call),
        )}
      </ol>
      ${hidden > 0 ? html`<button type="button" class="more" @click=${() => (this.all = true)}>Show ${count(hidden)} older</button>` : nothing}
      ${desk.forgotten.calls > 0 ? html`<p class="hint">${count(desk.forgotten.calls)} older commands not kept.</p>` : nothing}
    </section>`;
  }

  automatic() {
    const { auto } = this.seat.desk;
    return html`<form
      class="automatic"
      novalidate
      @submit=${(/** @type {Event} */ e) => e.preventDefault()}
      @input=${this.setAutomatic}
    >
      <label class="check"><input type="checkbox" name="on" .checked=${auto !== null} /> Answer automatically</label>
      ${auto === null ? nothing : this.answerFields(0, 'auto')}
    </form>`;
  }

  /** @param {Event} event */
  setAutomatic(event) {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const data = new FormData(form);
    if (!data.has('on')) this.seat.desk.auto = null;
    else {
      const answer = this.read(0, form);
      // A text that is at fault changes nothing, so that nothing half typed is sent.
      if (answer) this.seat.desk.auto = answer;
      else this.seat.desk.auto ??= { good: true, text: '', status: '' };
    }
    this.requestUpdate();
  }

  /**
   * @param {number} number of the command; 0: the automatic answer
   * @param {string} id
   */
  answerFields(number, id) {
    const fault = this.faults[number] ?? '';
    return html`<div class="answer-fields">
      <div class="field">
        <label for="${id}-good">Outcome</label>
        <select id="${id}-good" name="good">
          <option value="yes">Done</option>
          <option value="no">Failed</option>
        </select>
      </div>
      <div class="field wide">
        <label for="${id}-text">Result, or why it failed</label>
        <input
          id="${id}-text"
          name="text"
          class="mono"
          autocomplete="off"
          spellcheck="false"
          placeholder='{"done": true}'
          aria-invalid=${fault !== '' && fault !== STATUS_FAULT}
          aria-describedby="${id}-note"
        />
      </div>
      <div class="field status">
        <label for="${id}-status">Status</label>
        <input
          id="${id}-status"
          name="status"
          inputmode="numeric"
          autocomplete="off"
          placeholder="500"
          title="Of a failure, where the service has one"
          aria-invalid=${fault === STATUS_FAULT}
          aria-describedby="${id}-note"
        />
      </div>
      <p class="fault" id="${id}-note" ?hidden=${!fault}>${shape('alarm')} ${fault}</p>
    </div>`;
  }

  /** @param {Call} call */
  call(call) {
    const { number, name, kind, state, device, payload, properties, at, ended, answer, note, id } = call;
    const { shape: form, tone, word } = STATES[state];
    return html`<li class="call" data-name=${name} data-kind=${kind} data-state=${state}>
      <div class="life-head">
        ${shape(form, tone)}
        <strong class="mono"><bdi>${oneLine(name, 64) || (kind === 'command' ? 'command' : kind)}</bdi></strong>
        ${kind === 'command' || name === '' ? nothing : html`<span class="tag">${kind}</span>`}
        <span class="hint"
          >${word}${ended && state !== 'heard' ? html` <span class="after">+${duration(ended - at)}</span>` : nothing}</span
        >
        <time>${clock(at)}</time>
      </div>
      ${
        id || device !== this.seat.id || properties.length > 0
          ? html`<p class="hint call-more">
              ${id ? html`<span>id <bdi>${oneLine(id, 80)}</bdi></span>` : nothing}
              ${device && device !== this.seat.id ? html`<span>for <bdi>${oneLine(device, 80)}</bdi></span>` : nothing}
              ${properties.map(([key, value]) => html`<span><bdi>${oneLine(key, 64)}</bdi>: <bdi>${oneLine(value, 120)}</bdi></span>`)}
            </p>`
          : nothing
      }
      ${payload ? html`<pre class="reply" tabindex="0" aria-label="Payload">${shown(payload, 4000)}</pre>` : nothing}
      ${
        state === 'waiting'
          ? html`<form class="answer" novalidate @submit=${(/** @type {SubmitEvent} */ e) => this.answer(e, call)}>
              ${this.answerFields(number, `answer-${number}`)}
              <div class="line">
                <button type="submit" class="primary">Answer</button>
                ${kind === 'job' ? html`<button type="submit" value="progress">Tell as progress</button>` : nothing}
              </div>
            </form>`
          : nothing
      }
      ${
        answer
          ? html`<p class="hint">
              Answer: <code><bdi>${oneLine(answer, 300)}</bdi></code>
            </p>`
          : nothing
      }
      ${note ? html`<p class="hint">${shown(note, 300)}</p>` : nothing}
    </li>`;
  }

  /**
   * @param {SubmitEvent} event
   * @param {Call} call
   */
  async answer(event, call) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    if (/** @type {HTMLButtonElement | null} */ (event.submitter)?.value === 'progress') {
      void this.seat.progress(call, String(new FormData(form).get('text')).trim());
      return;
    }
    const answer = this.read(call.number, form);
    if (answer) return this.seat.answer(call, answer);
    await this.updateComplete;
    /** @type {HTMLElement | null} */ (form.querySelector('[aria-invalid=true]'))?.focus();
  }

  /**
   * @param {number} number of the command
   * @param {HTMLFormElement} form
   * @returns {import('../model/desk.js').Answer | null} null: there is a fault, which is shown
   */
  read(number, form) {
    const data = new FormData(form);
    const text = String(data.get('text') ?? '').trim();
    const status = String(data.get('status') ?? '').trim();
    const good = data.get('good') !== 'no';
    let fault = good ? readTyped(text).fault : '';
    if (!good && status !== '' && !/^[1-9]\d\d$/.test(status)) fault = STATUS_FAULT;
    this.faults = { ...this.faults, [number]: fault };
    return fault ? null : { good, text: good ? text : text || 'The device refused.', status };
  }
}
