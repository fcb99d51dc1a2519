/**
 * The device's seat: joins the desk to what device() of the library gave. What the person does goes out, commands and states
 * come in; whatever the service calls them, it is the same here.
 */

import { asText, preview } from './model/text.js';
import { readTyped } from './model/typed.js';
import { CHANGED } from './paint.js';
import { sentenceOf } from './trouble.js';

/** @typedef {import('./model/desk.js').Answer} Answer */
/** @typedef {import('./model/desk.js').Call} Call */
/** @typedef {import('./model/desk.js').SentKind} SentKind */
/** @typedef {Record<string, unknown>} State */

/** @typedef {import('../providers/index.js').Device} Device */
/** @typedef {import('../providers/index.js').Command} Command */

/** A failure that the device tells: message and, where the service has one, status. */
class Refusal extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export class DeviceSeat {
  /** Answers of commands that wait. @type {Map<Call, { resolve: (value: unknown) => void, reject: (error: Error) => void, command: Command }>} */
  #open = new Map();

  /**
   * @param {Device} device
   * @param {import('./model/desk.js').Desk} desk
   * @param {import('./paint.js').Painter} painter
   * @param {() => number} now wall time, ms
   */
  constructor(device, desk, painter, now) {
    this.device = device;
    this.desk = desk;
    this.painter = painter;
    this.now = now;
  }

  get can() {
    return this.device.can;
  }

  /**
   * Why the service does not have that, as a sentence; '': it has.
   * @param {keyof Device['can']} what
   */
  lack(what) {
    const why = this.can[what];
    return why === true ? '' : why.slice(0, 1).toUpperCase() + why.slice(1);
  }

  /** The id that the service knows it by. */
  get id() {
    return this.device.id;
  }

  /** Commands and states come from now on. */
  start() {
    const { can, device, desk } = this;
    const failed = (/** @type {unknown} */ error) => {
      desk.stateNote = sentenceOf(error);
      this.#changed();
    };
    /** @type {(start: () => unknown) => Promise<void>} */
    const begin = async (start) => {
      try {
        await start();
      } catch (error) {
        failed(error);
      }
    };
    if (can.commands === true) void begin(() => device.onCommand('*', (command) => this.#command(command)));
    if (can.jobs === true) void begin(() => device.onJob('*', (command) => this.#command(command)));
    if (can.desired === true) {
      void begin(() =>
        device.onDesiredState((state, info) => {
          desk.wanted(state, info, this.now());
          this.#changed();
        }),
      );
    }
    if (can.getState === true) void this.refresh();
  }

  /** Asks for the whole state. */
  async refresh() {
    try {
      this.desk.whole(await this.device.getState(), this.now());
    } catch (error) {
      this.desk.stateNote = sentenceOf(error);
    }
    this.#changed();
  }

  /** @param {State} values @param {Record<string, string>} [properties] */
  telemetry(values, properties) {
    return this.#send('telemetry', values, () => this.device.sendTelemetry(values, optionsOf(properties)));
  }

  /** @param {string} name @param {State} [values] @param {Record<string, string>} [properties] */
  event(name, values, properties) {
    const shown = values === undefined ? name : { [name]: values };
    return this.#send('event', shown, () => this.device.sendEvent(name, values, optionsOf(properties)));
  }

  /**
   * @param {string} type
   * @param {{ severity: 'critical' | 'major' | 'minor' | 'warning', text: string, cleared: boolean }} alarm
   */
  alarm(type, { severity, text, cleared }) {
    const alarm = cleared ? { cleared } : { severity, ...(text && { text }) };
    return this.#send('alarm', { [type]: cleared ? 'cleared' : alarm }, () => this.device.sendAlarm(type, alarm));
  }

  /** @param {State} state */
  async report(state) {
    const taken = await this.#send('state', state, () => this.device.reportState(state));
    if (taken) this.desk.reports(state, this.now());
    this.#changed();
    return taken;
  }

  /**
   * @param {SentKind} kind
   * @param {unknown} what
   * @param {() => Promise<unknown>} send
   * @returns {Promise<boolean>} whether the service took it
   */
  async #send(kind, what, send) {
    const sent = this.desk.send(kind, what, this.now());
    this.#changed();
    try {
      await send();
      sent.state = 'taken';
    } catch (error) {
      sent.state = 'refused';
      sent.note = sentenceOf(error);
    }
    this.#changed();
    return sent.state === 'taken';
  }

  /**
   * @param {Command} command
   * @returns {unknown} what the service is told, once the person or the automatic answer said it
   */
  #command(command) {
    const { payload, signal } = command;
    const text = asText(payload) ?? preview(payload);
    const call = this.desk.call({ ...command, text }, this.now());
    this.#changed();
    if (call.state !== 'waiting') return undefined;
    return new Promise((resolve, reject) => {
      this.#open.set(call, { resolve, reject, command });
      signal.addEventListener('abort', () => this.#gone(call), { once: true });
      if (signal.aborted) this.#gone(call);
      else if (this.desk.auto) this.answer(call, this.desk.auto);
    });
  }

  /** @param {Call} call */
  #gone(call) {
    this.#open.get(call)?.resolve(undefined);
    this.#open.delete(call);
    this.desk.end(call, 'gone', this.now(), { note: 'Nobody waits for the answer any longer.' });
    this.#changed();
  }

  /**
   * @param {Call} call
   * @param {Answer} answer whose text was checked by readTyped()
   */
  answer(call, { good, text, status }) {
    const open = this.#open.get(call);
    if (!open) return;
    this.#open.delete(call);
    if (good) open.resolve(readTyped(text).value);
    else open.reject(new Refusal(text, Number(status) || 500));
    this.desk.end(call, good ? 'answered' : 'failed', this.now(), { answer: text });
    this.#changed();
  }

  /**
   * How a job goes.
   * @param {Call} call
   * @param {string} text
   */
  async progress(call, text) {
    try {
      await this.#open.get(call)?.command.progress({ progress: text });
      call.note = `Told: ${text}`;
    } catch (error) {
      call.note = sentenceOf(error);
    }
    this.#changed();
  }

  #changed() {
    this.painter.touch(CHANGED.seat);
  }

  /** The connection is over for good. */
  end() {
    for (const call of [...this.#open.keys()]) this.#gone(call);
    return this.device.end();
  }
}

/** @param {Record<string, string>} [properties] */
function optionsOf(properties = {}) {
  return Object.keys(properties).length > 0 ? { properties } : {};
}
