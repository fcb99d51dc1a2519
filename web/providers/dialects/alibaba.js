// Alibaba Cloud IoT Platform: the thing model in JSON (property and event posts with replies, services, property/set), RRPC, and
// the device's shadow.
import { ProviderError } from '../errors.js';
import { KeptState } from '../state.js';
import { isObject, msOf, NO_CHILDREN, parsed, resultOf, run } from './common.js';

/** A post without a reply for so long, in ms, is lost. */
const REPLY_TIMEOUT = 10_000;
/** Of the format. */
const VERSION = '1.0';
const OK = 200;

const encoder = new TextEncoder();

export class Alibaba {
  #link;
  #shadow;
  /** Ids below 2^31: those above are the dialogue's in C. */
  #lastId = 0;
  /** Posts without a reply yet. @type {Map<string, (body: any) => void>} */
  #posts = new Map();
  /** @type {Promise<void> | null} */
  #replies = null;
  /** @type {import('./common.js').Dialect['none']} */
  none = {
    properties: 'a post has none; put them into the values.',
    jobs: 'there are no jobs here; call a service.',
    child: NO_CHILDREN,
  };

  /** @param {import('../link.js').Link} link */
  constructor(link) {
    this.#link = link;
    this.#shadow = new KeptState(link);
  }

  /**
   * @param {'telemetry' | 'event'} kind
   * @param {string} name
   * @param {string} method
   * @param {any} params
   * @param {0 | 1} qos
   */
  async #post(kind, name, method, params, qos) {
    const link = this.#link;
    await (this.#replies ??= link.subscribe(['reported'], (_, message) => {
      const body = parsed(message);
      this.#posts.get(body?.id)?.(body);
    }));
    const id = `${(this.#lastId = (this.#lastId % 0x7fffffff) + 1)}`;
    const text = JSON.stringify({ id, version: VERSION, params, method });
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    try {
      const reply = new Promise((resolve) => {
        this.#posts.set(id, resolve);
        timer = setTimeout(resolve, REPLY_TIMEOUT, { code: 0, message: 'there was no reply' });
      });
      await link.publish(kind, { name }, text, { qos });
      const { code, message } = await reply;
      if (code === OK) return;
      throw new ProviderError('provider-refused', `${link.title} did not take it: ${message ?? code}.`, {
        status: code,
      });
    } finally {
      clearTimeout(timer);
      this.#posts.delete(id);
    }
  }

  /** @type {import('./common.js').Dialect['telemetry']} */
  telemetry(values, { qos = 1, time }) {
    const stamped = (/** @type {[string, any]} */ [name, value]) => [
      name,
      time === undefined ? value : { value, time: msOf(time) },
    ];
    const params = Object.fromEntries(Object.entries(values).map(stamped));
    return this.#post('telemetry', '', 'thing.event.property.post', params, qos);
  }

  /** @type {import('./common.js').Dialect['event']} */
  event(name, data, { qos = 1, time }) {
    const params = time === undefined ? data : { value: data, time: msOf(time) };
    return this.#post('event', name, `thing.event.${name}.post`, params, qos);
  }

  /** @type {NonNullable<import('./common.js').Dialect['report']>} */
  report(change) {
    return this.#shadow.report(change);
  }

  getState() {
    return this.#shadow.get();
  }

  /** The shadow's desired state, and property/set. @type {NonNullable<import('./common.js').Dialect['desired']>} */
  async desired(handler) {
    const link = this.#link;
    let on = true;
    await link.subscribe(['desired'], async (_, message) => {
      const { id, params } = parsed(message) ?? {};
      if (!on || !isObject(params)) return;
      let body = { id, code: OK, data: {}, message: 'success' };
      try {
        await handler(params, { version: undefined, whole: false });
      } catch (/** @type {any} */ error) {
        body = { id, code: statusOf(error), data: {}, message: String(error?.message ?? error) };
      }
      await run(() => link.publish('desired-done', {}, JSON.stringify(body)));
    });
    try {
      const off = await this.#shadow.desired(handler);
      return () => {
        on = false;
        off();
      };
    } catch (error) {
      on = false;
      throw error;
    }
  }

  /** @param {import('./common.js').Deliver} deliver */
  commands(deliver) {
    const link = this.#link;
    return link.subscribe(['command'], ({ name, request }, message) => {
      if (request) {
        deliver({
          ...{ name: '', id: request, payload: message.bytes() },
          answer: ({ result, error }) => {
            const plain = resultOf(error ?? result);
            return link.publish(
              'answer',
              { request },
              typeof plain === 'string' ? plain : JSON.stringify(plain ?? {}),
              { qos: 0 },
            );
          },
        });
        return;
      }
      const { id, params } = parsed(message) ?? {};
      deliver({
        ...{ name, id: `${id ?? ''}`, payload: encoder.encode(JSON.stringify(params ?? {})) },
        answer: ({ status, result, error }) => {
          const plain = resultOf(result);
          const data = isObject(plain) ? plain : plain === undefined ? {} : { result: plain };
          const body = error === undefined ? { id, code: OK, data } : { id, code: status, data: {}, message: error };
          return link.publish('answer', { name }, JSON.stringify(body));
        },
      });
    });
  }

  stop() {
    for (const reply of this.#posts.values()) reply({ code: 0, message: 'the device has ended' });
    this.#shadow.stop();
  }
}

/** @param {any} error */
function statusOf(error) {
  return Number.isInteger(error?.status) && error.status !== OK ? error.status : 500;
}
