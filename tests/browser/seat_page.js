// The dashboard as a person uses it at a service: the connect form, the page of a device, the messages.
import { until } from './stage.js';

/** @typedef {import('puppeteer-core').Page} Page */
/** @typedef {Record<string, string>} Form */

const present = (/** @type {string} */ selector) => document.querySelector(selector) !== null;

export class SeatPage {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
  }

  /**
   * Waits until what is found by the selector has a text, and gives it.
   * @param {string} what in words
   * @param {string} selector
   * @param {RegExp} [like]
   */
  text(what, selector, like = /./) {
    const look = (/** @type {string} */ found, /** @type {string} */ source) =>
      [...document.querySelectorAll(found)]
        .map((one) => one.textContent ?? '')
        .find((text) => new RegExp(source).test(text));
    return /** @type {Promise<string>} */ (until(this.page, what, look, selector, like.source));
  }

  /** @param {string} what in words @param {string} selector */
  shows(what, selector) {
    return until(this.page, what, present, selector);
  }

  /** A click that needs no place on the screen. @param {string} selector */
  async press(selector) {
    await this.shows(selector, selector);
    await this.page.$eval(selector, (button) => /** @type {HTMLElement} */ (button).click());
  }

  /** @param {string} selector @param {string} text */
  async type(selector, text) {
    await this.shows(selector, selector);
    await this.page.$eval(
      selector,
      (input, value) => {
        /** @type {HTMLInputElement} */ (input).value = value;
        input.dispatchEvent(new Event(input.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true }));
      },
      text,
    );
  }

  // ------------------------------------------------------------------------------------------------ the form

  /**
   * Chooses a service and a seat.
   * @param {string} service
   * @param {'operator' | 'device'} seat
   */
  async choose(service, seat) {
    await this.shows('the chooser', '#service');
    await this.page.select('#service', service);
    await this.press(`[name=seat][value=${seat}]`);
    if (service !== '' || seat === 'device') await this.shows('the form', '.service-fields .field');
  }

  /** Fills in fields of the service. @param {Form} form */
  async fill(form) {
    // What chooses the other fields comes first.
    const order = Object.entries(form).sort(([a], [b]) => Number(b === 'auth') - Number(a === 'auth'));
    for (const [name, value] of order) {
      const field = `#service-${name}`;
      await this.shows(name, field);
      const flag = await this.page.$eval(field, (input) => /** @type {HTMLInputElement} */ (input).type === 'checkbox');
      if (!flag) await this.type(field, value);
      else if ((await this.page.$eval(field, (input) => /** @type {any} */ (input).checked)) !== (value === '1')) {
        await this.press(field);
      }
    }
  }

  /** Fills in and submits. @param {Form} [form] */
  async submit(form = {}) {
    await this.fill(form);
    await this.press('.connect .primary');
  }

  /** What the form says is wrong, once it says so and nothing is tried any longer. */
  async refusal() {
    const told = await this.text('the error', '.alert, .connect .fault');
    await this.shows('the end of it', '.connect[aria-busy=false]');
    return told;
  }

  /** The page of the device is there. */
  seated() {
    return this.shows('the seat', 'wq-seat h1');
  }

  async disconnect() {
    await this.page.evaluate(() => {
      const buttons = [...document.querySelectorAll('.bar-actions button')];
      /** @type {HTMLElement | undefined} */ (buttons.find(({ textContent }) => textContent === 'Disconnect'))?.click();
    });
    await this.shows('the form', 'form.connect');
  }

  /** Everything that the page stored. */
  stored() {
    return this.page.evaluate(() => Object.values({ ...localStorage, ...sessionStorage }).join());
  }

  /** @returns {Promise<string | null>} */
  phase() {
    return this.page.evaluate(() => document.querySelector('.phase')?.getAttribute('data-phase') ?? null);
  }

  // ------------------------------------------------------------------------------------------------ the device

  /** @param {'telemetry' | 'event' | 'alarm' | 'state'} kind @param {'taken' | 'refused'} outcome */
  outcome(kind, outcome) {
    return this.shows(`${kind} ${outcome}`, `[data-kind=${kind}][data-outcome=${outcome}]`);
  }

  async sendTelemetry() {
    await this.press('[data-send=telemetry] [type=submit]');
    await this.outcome('telemetry', 'taken');
  }

  /** Many measurements at once, as `n`. @param {number} from @param {number} to */
  async burst(from, to) {
    await this.page.evaluate(
      (first, last) => {
        const form = /** @type {HTMLFormElement} */ (document.querySelector('[data-send=telemetry]'));
        const [name, value] = /** @type {HTMLInputElement[]} */ ([
          ...form.querySelectorAll('[data-table=values] input'),
        ]);
        const type = (/** @type {HTMLInputElement} */ input, /** @type {string} */ text) => {
          input.value = text;
          input.dispatchEvent(new Event('input', { bubbles: true }));
        };
        type(/** @type {HTMLInputElement} */ (name), 'n');
        for (let n = first; n < last; n++) {
          type(/** @type {HTMLInputElement} */ (value), `${n}`);
          form.requestSubmit();
        }
      },
      from,
      to,
    );
  }

  /** @param {string} name @param {string} details */
  async sendEvent(name, details) {
    await this.type('#event-name', name);
    await this.type('#event-details', details);
    await this.press('[data-send=event] [type=submit]');
    await this.outcome('event', 'taken');
  }

  /** Raises an alarm, and clears it. @param {string} type @param {string} text */
  async alarm(type, text) {
    await this.type('#alarm-type', type);
    await this.type('#alarm-text', text);
    await this.press('[data-send=alarm] [value=raise]');
    await this.shows('the alarm', '[data-kind=alarm][data-outcome=taken]');
    await this.press('[data-send=alarm] [value=clear]');
    await this.text('the end of the alarm', '[data-kind=alarm][data-outcome=taken]', /cleared/);
  }

  /** A command that waits for the person, as its element; what came with it. @param {string} name */
  async waiting(name) {
    const call = `.call[data-name="${name}"][data-state=waiting]`;
    await this.shows(`the command ${name}`, call);
    return this.page.evaluate((found) => document.querySelector(`${found} .reply`)?.textContent ?? '', call);
  }

  /** @param {string} name of a command that waits @param {string} text @param {'yes' | 'no'} [good] */
  async answer(name, text, good = 'yes') {
    const call = `.call[data-name="${name}"][data-state=waiting]`;
    await this.type(`${call} [name=good]`, good);
    await this.type(`${call} [name=text]`, text);
    await this.press(`${call} .primary`);
  }

  /** @param {string} text */
  async report(text) {
    await this.type('#report', text);
    await this.press('[data-send=state] [type=submit]');
  }

  /** @param {RegExp} like */
  desired(like) {
    return this.text('the desired state', '[data-state=desired] pre', like);
  }

  // ------------------------------------------------------------------------------------------------ the messages

  async openLog() {
    await this.page.evaluate(() => void (location.hash = '#/log'));
    await this.shows('the log', '#publish-topic');
  }

  /**
   * Publishes from the log.
   * @param {{ topic: string, qos?: string, retain?: boolean, payload?: string }} message
   */
  async publish({ topic, qos = '1', retain = false, payload = 'x' }) {
    await this.openLog();
    await this.type('#publish-topic', topic);
    await this.type('#publish-payload', payload);
    await this.type('#publish-qos', qos);
    await this.page.$eval('.publish [name=retain]', (box, on) => void Object.assign(box, { checked: on }), retain);
    await this.page.$eval('.publish', (box) => /** @type {HTMLFormElement} */ (box).requestSubmit());
  }

  /** What is said of what was published, or of its topic. @param {RegExp} like */
  refused(like) {
    return this.text('the refusal', '.publish .fault', like);
  }

  /** @param {string} filter @param {string} [qos] */
  async subscribe(filter, qos = '1') {
    await this.openLog();
    await this.type('#filter', filter);
    await this.type('#filter-qos', qos);
    await this.page.$eval('#filter', (input) => /** @type {HTMLInputElement} */ (input).form?.requestSubmit());
  }
}
