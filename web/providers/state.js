// A device's state where the service keeps it: a twin, a shadow, a document. The dialogue in C knows when it is complete.
import { Conversation } from './conversation.js';
import { run } from './dialects/common.js';
import { ProviderError } from './errors.js';

/** @typedef {import('./device_types.js').State} State */
/** @typedef {import('./device_types.js').DeviceState} DeviceState */
/** @typedef {import('./device_types.js').DesiredHandler} DesiredHandler */
/** @typedef {import('./dialogue.js').TellStep} TellStep */

/** No shadow has been made yet. */
const NONE = 404;

export class KeptState {
  #link;
  #name;
  #tidy;
  /** @type {import('./dialogue.js').Dialogue | null} */
  #dialogue = null;
  /** @type {Promise<Conversation> | null} */
  #begun = null;
  /** @type {((step: TellStep) => void)[]} who waits for the whole */
  #asked = [];
  /** @type {{ text: string, taken: (step: TellStep) => void } | null} */
  #report = null;
  /** One report at a time. */
  #turn = Promise.resolve();
  /** @type {DesiredHandler[]} */
  #handlers = [];
  /** Why there will be nothing more. @type {ProviderError | null} */
  #failure = null;

  /**
   * @param {import('./link.js').Link} link
   * @param {string} [name] of the shadow or document
   * @param {(state: any) => any} [tidy] takes out what the service puts into a state
   */
  constructor(link, name, tidy = (state) => state) {
    this.#link = link;
    this.#name = name;
    this.#tidy = tidy;
  }

  #begin() {
    return (this.#begun ??= this.#start().catch((error) => {
      this.#begun = null;
      throw error;
    }));
  }

  async #start() {
    const link = this.#link;
    this.#dialogue = await link.dialogue('state', { name: this.#name });
    const conversation = new Conversation(link.client, this.#dialogue, {
      tell: (step) => this.#tell(step),
      document: () => this.#report?.text ?? '',
      failed: ({ code, status, message }) =>
        this.#fail(new ProviderError(code, `${link.title}: ${message}`, { status })),
    });
    return conversation;
  }

  /** @param {ProviderError} error */
  #fail(error) {
    this.#failure = error;
    const told = /** @type {TellStep} */ ({ status: -1 });
    for (const asked of this.#asked.splice(0)) asked(told);
    this.#report?.taken(told);
  }

  /** @param {TellStep} step */
  #tell(step) {
    const { tell, status, desired, version } = step;
    if (tell === 'reported') this.#report?.taken(step);
    if (tell === 'state') {
      for (const asked of this.#asked.splice(0)) asked(step);
      if (status === 200) this.#desired(desired ?? {}, version, true);
    }
    if (tell === 'desired') this.#desired(desired, version, false);
  }

  /** @param {State} state @param {number} version @param {boolean} whole */
  #desired(state, version, whole) {
    for (const handler of this.#handlers)
      void run(() => handler(this.#tidy(structuredClone(state)), { version, whole }));
  }

  /**
   * @param {DesiredHandler} handler
   */
  async desired(handler) {
    const off = () => void (this.#handlers = this.#handlers.filter((one) => one !== handler));
    this.#handlers.push(handler);
    try {
      await this.get(); // it hears the whole too
    } catch (error) {
      off();
      throw error;
    }
    return off;
  }

  /** @returns {Promise<DeviceState>} */
  async get() {
    const conversation = await this.#begin();
    if (this.#failure) throw this.#failure;
    const told = new Promise((resolve) => this.#asked.push(resolve));
    this.#dialogue?.get();
    conversation.poke();
    const { status, desired, reported, version } = /** @type {TellStep} */ (await this.#worked(await told, NONE));
    return status === NONE
      ? { desired: undefined, reported: undefined, version: undefined }
      : { desired: this.#tidy(desired), reported: this.#tidy(reported), version };
  }

  /**
   * @param {State} change
   * @returns {Promise<{ version: number }>}
   */
  async report(change) {
    const text = JSON.stringify(change);
    this.#link.check('report', { name: this.#name }, text);
    const done = this.#turn.then(() => this.#send(text));
    this.#turn = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /** @param {string} text */
  async #send(text) {
    const conversation = await this.#begin();
    if (this.#failure) throw this.#failure;
    try {
      const told = new Promise((resolve) => (this.#report = { text, taken: resolve }));
      this.#dialogue?.report();
      conversation.poke();
      const { version } = await this.#worked(/** @type {TellStep} */ (await told));
      return { version };
    } finally {
      this.#report = null;
    }
  }

  /** @param {any} step @param {number} [also] a status that is as good */
  #worked(step, also) {
    if (step.status === -1) throw this.#failure;
    if ((step.status >= 200 && step.status < 300) || step.status === also) return step;
    const { status, detail } = step;
    const why = detail || (status === 0 ? 'it did not answer' : `status ${status}`);
    throw new ProviderError('provider-state', `${this.#link.title} did not do it: ${why}.`, { status });
  }

  stop() {
    this.#fail(new ProviderError('provider-ended', 'The device has ended.'));
    void this.#begun?.then((conversation) => conversation.stop());
  }
}
