// A device's state where the service keeps it: a twin, a shadow, a document. The dialogue in C knows when it is complete.
import { Conversation } from './conversation.js';
import { run } from './dialects/common.js';
import { failure, ProviderError } from './errors.js';

/** @typedef {import('./device_types.js').State} State */
/** @typedef {import('./device_types.js').DeviceState} DeviceState */
/** @typedef {import('./device_types.js').DesiredHandler} DesiredHandler */
/** @typedef {import('./dialogue.js').TellStep} TellStep */

/** No shadow has been made yet. */
const NONE = 404;

/**
 * A conversation, and why there is nothing more in it.
 * @typedef {{ dialogue: import('./dialogue.js').Dialogue, conversation: Conversation, failure?: ProviderError }} Talk
 */
/** @typedef {(step: TellStep | Promise<never>) => void} Taken a promise: there will be no answer */

export class KeptState {
  #link;
  #name;
  #tidy;
  /** null: none yet, or it failed, and who asks next begins another. @type {Promise<Talk> | null} */
  #begun = null;
  /** @type {Taken[]} who waits for the whole */
  #asked = [];
  /** @type {{ text: string, taken: Taken } | null} */
  #report = null;
  /** One report at a time. */
  #turn = Promise.resolve();
  /** @type {DesiredHandler[]} */
  #handlers = [];
  /** @type {ProviderError | undefined} */
  #ended;

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
    const talk = /** @type {Talk} */ ({ dialogue: await link.dialogue('state', { name: this.#name }) });
    talk.conversation = new Conversation(link.client, talk.dialogue, {
      tell: (step) => this.#tell(step),
      document: () => this.#report?.text ?? '',
      failed: (step) => {
        this.#begun = null;
        this.#fail((talk.failure = failure(link.title, step)));
      },
    });
    return talk;
  }

  /** @param {ProviderError} error */
  #fail(error) {
    const told = Promise.reject(error);
    told.catch(() => {}); // perhaps nobody waits
    for (const asked of this.#asked.splice(0)) asked(told);
    this.#report?.taken(told);
  }

  /**
   * @param {'get' | 'report'} what
   * @param {(taken: Taken) => void} wait
   * @param {number} [also] a status that is as good
   * @returns {Promise<TellStep>}
   */
  async #ask(what, wait, also) {
    const talk = await this.#begin();
    const failure = this.#ended ?? talk.failure;
    if (failure) throw failure;
    const told = new Promise(wait);
    talk.dialogue[what]();
    talk.conversation.poke();
    const step = await told;
    const { status, detail } = step;
    if ((status >= 200 && status < 300) || status === also) return step;
    const why = detail || (status === 0 ? 'it did not answer' : `status ${status}`);
    throw new ProviderError('provider-state', `${this.#link.title} did not do it: ${why}.`, { status });
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
    const step = await this.#ask('get', (taken) => this.#asked.push(taken), NONE);
    const { status, desired, reported, version } = step;
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
    try {
      const { version } = await this.#ask('report', (taken) => (this.#report = { text, taken }));
      return { version };
    } finally {
      this.#report = null;
    }
  }

  stop() {
    this.#fail((this.#ended = new ProviderError('provider-ended', 'The device has ended.')));
    this.#begun?.then(
      ({ conversation }) => conversation.stop(),
      () => {},
    );
  }
}
