// Carries on a dialogue over a client: does what it says, and tells it what happened.

/** @typedef {import('../client/index.js').Client} Client */
/** @typedef {import('../client/index.js').Message} Message */
/** @typedef {import('./dialogue.js').Dialogue} Dialogue */
/** @typedef {import('./dialogue.js').TellStep} TellStep */
/** @typedef {import('./dialogue.js').FailedStep} FailedStep */

const LONGEST_TIMER = 2 ** 31 - 1;
const NOTHING = /** @type {const} */ ({ kind: 'nothing' });

/**
 * What a conversation is for.
 * @typedef {object} Talk
 * @property {(step: TellStep) => void} [tell]
 * @property {(ticket: number) => string} [document] the host's document that a step wants
 * @property {(values: Record<string, string>) => void} [done]
 * @property {(step: FailedStep) => void} failed nothing more will come
 * @property {(filters: string[]) => string[]} [listen] on what answers come, if the service sends some that nobody
 *   subscribes to; default: the filters that are subscribed to
 */

export class Conversation {
  #client;
  #dialogue;
  #talk;
  /** @type {import('./dialogue.js').Heard[]} */
  #heard = [];
  #running = false;
  #over = false;
  /** What was granted last. @type {import('../client/index.js').Subscription[]} */
  #held = [];
  #sessionPresent = false;
  /** Ends with the connection. */
  #connection = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** What is asked just now: the beginning of the payload. */
  asking = '';
  /** @type {(() => void)[]} */
  #handlers = [];
  /** @type {() => void} */
  #subscribed = () => {};
  /** Resolves when the service has granted what is subscribed to, for the first time. @type {Promise<void>} */
  ready = new Promise((resolve) => (this.#subscribed = resolve));

  /**
   * @param {Client} client
   * @param {Dialogue} dialogue
   * @param {Talk} talk
   */
  constructor(client, dialogue, talk) {
    this.#client = client;
    this.#dialogue = dialogue;
    this.#talk = talk;
    client.on('connect', this.#connected);
    client.on('disconnect', this.#lost);
    if (client.state === 'connected') this.#hear({ kind: 'connected' });
  }

  /** What the app wants has changed. */
  poke() {
    this.#hear(NOTHING);
  }

  /** No more of it. */
  stop() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#client.off('connect', this.#connected);
    this.#client.off('disconnect', this.#lost);
    for (const off of this.#handlers.splice(0)) off();
    this.#connection.abort();
  }

  #connected = (/** @type {{ sessionPresent: boolean }} */ { sessionPresent }) => {
    this.#connection.abort();
    this.#connection = new AbortController();
    this.#sessionPresent = sessionPresent;
    this.#hear({ kind: 'connected' });
  };

  #lost = () => {
    this.#connection.abort();
    this.#hear({ kind: 'closed' });
  };

  /** @param {import('./dialogue.js').Heard} heard */
  #hear(heard) {
    this.#heard.push(heard);
    if (this.#running) return; // what a step led to
    this.#running = true;
    try {
      for (let next; !this.#over && (next = this.#heard.shift());) this.#steps(next);
    } finally {
      this.#running = false;
    }
  }

  /** @param {import('./dialogue.js').Heard} heard */
  #steps(heard) {
    for (let now = heard; !this.#over; now = NOTHING) {
      const step = this.#dialogue.step(now, performance.now());
      switch (step.kind) {
        case 'subscribe':
          void this.#subscribe(step.filters, step.qos);
          break;
        case 'publish':
          void this.#publish(step);
          break;
        case 'tell':
          this.#talk.tell?.(step);
          break;
        case 'done':
          this.stop();
          return this.#talk.done?.(step.values);
        case 'failed':
          this.stop();
          return this.#talk.failed(step);
        case 'wait':
          return this.#wait(step.until);
        default:
          return; // connecting is not done here
      }
    }
  }

  /** @param {number} until */
  #wait(until) {
    clearTimeout(this.#timer);
    const ms = Math.min(Math.max(until - performance.now(), 0), LONGEST_TIMER);
    if (until !== Infinity) this.#timer = setTimeout(() => this.#hear(NOTHING), Math.ceil(ms));
  }

  /**
   * @param {string[]} filters
   * @param {0 | 1} qos
   */
  async #subscribe(filters, qos) {
    const client = this.#client;
    const { signal } = this.#connection;
    if (this.#handlers.length === 0) {
      const heard = (/** @type {Message} */ { topic, payload }) => this.#hear({ kind: 'message', topic, payload });
      const listen = this.#talk.listen?.(filters) ?? filters;
      this.#handlers = listen.map((filter) => client.handle(filter, heard));
    }
    /** @type {number[]} */
    let codes = [];
    /** @type {Promise<import('../client/index.js').Subscription>[]} */
    let asked = [];
    try {
      if (!this.#sessionPresent || this.#held.length === 0) {
        const before = this.#held;
        asked = filters.map((filter) => client.subscribe(filter, { qos }));
        const granted = await Promise.all(asked);
        const late = signal.aborted && !this.#over; // the next connection has its own
        if (!late) this.#held = granted;
        for (const old of late ? granted : before) void old.unsubscribe(); // the filter is still wanted
        if (signal.aborted) return;
        codes = granted.map((one) => one.qos);
      }
    } catch (/** @type {any} */ error) {
      if (signal.aborted || this.#over) return;
      this.stop();
      // Another conversation may follow: nothing is left of this one.
      for (const old of [...asked, ...this.#held])
        Promise.resolve(old)
          .then((one) => one.unsubscribe())
          .catch(() => {});
      return this.#talk.failed({
        kind: 'failed',
        code: error.code,
        status: error.reasonCode ?? 0,
        message: error.message,
      });
    }
    this.#hear({ kind: 'subscribed', codes });
    this.#subscribed();
  }

  /** @param {import('./dialogue.js').PublishStep} step */
  async #publish({ topic, qos, request, ticket, head, tail, document }) {
    const { signal } = this.#connection;
    const payload = head + (document ? (this.#talk.document?.(ticket) ?? '') : '') + tail;
    this.asking = head;
    try {
      await this.#client.publish(topic, payload, { qos, signal, resend: false });
    } catch {
      return; // the dialogue asks again, or gives up
    } finally {
      this.asking = '';
    }
    if (!signal.aborted) this.#hear({ kind: 'published', request });
  }
}
