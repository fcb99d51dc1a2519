// AWS's jobs, one after the other.
import { Conversation } from './conversation.js';
import { isObject, resultOf } from './dialects/common.js';
import { failure, ProviderError } from './errors.js';

/** @typedef {import('./dialogue.js').TellStep} TellStep */

export class Jobs {
  #link;
  /** @type {import('./dialogue.js').Dialogue | null} */
  #dialogue = null;
  /** @type {Conversation | null} */
  #conversation = null;
  /** @type {import('./dialects/common.js').Deliver} */
  #deliver = () => {};
  /** The job at hand. @type {{ id: string, gone: AbortController } | null} */
  #job = null;
  /** @type {{ text: string, taken: (step: TellStep | null) => void } | null} */
  #update = null;
  /** @type {Promise<unknown>} one update at a time */
  #turn = Promise.resolve();
  /** @type {(error: Error) => void} */
  #fail = () => {};

  /** @param {import('./link.js').Link} link */
  constructor(link) {
    this.#link = link;
  }

  /** @param {import('./dialects/common.js').Deliver} deliver */
  async begin(deliver) {
    const link = this.#link;
    this.#deliver = deliver;
    this.#dialogue = await link.dialogue('jobs');
    /** @type {Promise<never>} */
    const failed = new Promise((_, reject) => (this.#fail = reject));
    let begun = false;
    this.#conversation = new Conversation(link.client, this.#dialogue, {
      tell: (step) => this.#tell(step),
      document: () => this.#update?.text ?? '',
      failed: (step) => {
        if (begun) link.complain(failure(`${link.title} sends no more commands`, step));
        else this.#fail(failure(link.title, step));
      },
      // Answers come to who asked, subscribed or not: all beside what is subscribed to.
      listen: ([filter]) => [`${filter.slice(0, filter.lastIndexOf('/'))}/#`],
    });
    await Promise.race([this.#conversation.ready, failed]);
    begun = true;
  }

  /** @param {TellStep} step */
  #tell(step) {
    const { tell, name, document, details } = step;
    if (tell === 'job-updated') this.#update?.taken(step);
    if (tell === 'job-gone' && name === this.#job?.id) {
      this.#job.gone.abort();
      this.#job = null;
      this.#update?.taken(null);
    }
    if (tell !== 'job' || name === this.#job?.id) return;
    const job = (this.#job = { id: name, gone: new AbortController() });
    this.#deliver({
      name: isObject(document) && typeof document.operation === 'string' ? document.operation : '',
      id: name,
      payload: new TextEncoder().encode(JSON.stringify(document)),
      properties: isObject(details) ? details : {},
      signal: job.gone.signal,
      progress: (more) => this.#send(job, 'in-progress', more),
      answer: async ({ status, result, error, unknown }) => {
        const text = resultOf(result);
        if (status < 400)
          await this.#send(job, 'succeeded', isObject(text) ? text : text === undefined ? {} : { result: text });
        else await this.#send(job, unknown ? 'rejected' : 'failed', { error, status });
        if (this.#job === job) this.#job = null;
      },
    });
  }

  /**
   * @param {{ id: string, gone: AbortController }} job
   * @param {'in-progress' | 'succeeded' | 'failed' | 'rejected'} status
   * @param {Record<string, any>} details
   */
  #send(job, status, details) {
    const texts = Object.entries(details).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
    const done = this.#turn.then(async () => {
      if (job.gone.signal.aborted) return;
      const text = JSON.stringify(Object.fromEntries(texts));
      this.#link.check('job-update', { request: job.id }, text);
      try {
        /** @type {TellStep | null} */
        const step = await new Promise((taken) => {
          this.#update = { text, taken };
          if (this.#dialogue && this.#dialogue.job(status, texts.length > 0) < 0) taken(null); // it is over
          this.#conversation?.poke();
        });
        if (step === null || step.status === 200) return;
        throw new ProviderError('provider-job', `${this.#link.title} did not take it: ${step.detail || step.status}.`, {
          status: step.status,
        });
      } finally {
        this.#update = null;
      }
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  stop() {
    this.#job?.gone.abort();
    this.#update?.taken(null);
    this.#fail(new ProviderError('provider-ended', 'The device has ended.'));
    this.#conversation?.stop();
  }
}
