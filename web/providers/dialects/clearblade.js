// ClearBlade IoT Core: events, state and config, commands in subfolders. A command has no answer of its own; ours goes out as
// an event of the subfolder "responses".
import { isObject, merged, NO_CHILDREN, parsed, resultOf, run, timed } from './common.js';

export class Clearblade {
  #link;
  /** All that was reported: a message holds all. */
  #reported = {};
  /** @type {import('./common.js').Dialect['none']} */
  none = {
    getState: 'a device cannot ask for its config; onDesiredState() is told it at each connection.',
    properties: 'messages have none; put them into the values.',
    jobs: 'there are no jobs here; send a command.',
    child: NO_CHILDREN,
  };

  /** @param {import('../link.js').Link} link */
  constructor(link) {
    this.#link = link;
  }

  /** @type {import('./common.js').Dialect['telemetry']} */
  telemetry(values, { qos = 1, time }) {
    return this.#link.publish('telemetry', {}, timed(values, time), { qos });
  }

  /** @type {import('./common.js').Dialect['event']} */
  event(name, data, { qos = 1, time }) {
    return this.#link.publish('event', { name }, timed(data, time), { qos });
  }

  /** @type {NonNullable<import('./common.js').Dialect['report']>} */
  async report(change) {
    this.#reported = merged(this.#reported, change);
    await this.#link.publish('report', {}, JSON.stringify(this.#reported));
    return { version: undefined };
  }

  /** @type {NonNullable<import('./common.js').Dialect['desired']>} */
  async desired(handler) {
    let on = true;
    await this.#link.subscribe(['desired'], (_, message) => {
      const state = parsed(message);
      if (on && isObject(state)) void run(() => handler(state, { version: undefined, whole: true }));
    });
    return () => void (on = false);
  }

  /** @param {import('./common.js').Deliver} deliver */
  commands(deliver) {
    const link = this.#link;
    return link.subscribe(['command'], ({ name }, message) => {
      deliver({
        name,
        payload: message.bytes(),
        answer:
          name === '' || name.includes('/')
            ? undefined
            : ({ status, result, error }) => {
                const ok = status < 400;
                const body = ok ? { ok, result: resultOf(result) } : { ok, error, status };
                return link.publish('answer', { name }, JSON.stringify(body));
              },
      });
    });
  }
}
