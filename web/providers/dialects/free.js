// Services whose topics are free: PREFIX/DEVICE/telemetry and so on, JSON in them. State is kept as the service has it: AWS's
// shadows and jobs, Scaleway's Cloud Twin; elsewhere in retained messages.
import { Jobs } from '../jobs.js';
import { KeptState } from '../state.js';
import { isObject, merged, NO_CHILDREN, parsed, resultOf, run, timed } from './common.js';

/** @typedef {import('./common.js').Deliver} Deliver */

/** The document of a Cloud Twin, where none is named. */
const DOCUMENT = 'state';

export class Free {
  #link;
  /** @type {KeptState | null} */
  #kept = null;
  /** @type {Jobs | null} */
  #jobs = null;
  /** All that was reported, where a message holds all. */
  #reported = {};
  /** What the service does not have. @type {import('./common.js').Dialect['none']} */
  none = { child: NO_CHILDREN };

  /**
   * @param {import('../link.js').Link} link
   * @param {{ document?: string }} options
   */
  constructor(link, { document }) {
    this.#link = link;
    const { service } = link.seat;
    if (service === 'aws') {
      this.#kept = new KeptState(link, document);
      this.#jobs = new Jobs(link);
    } else {
      this.none.jobs = 'there are no jobs here; send a command.';
      if (service === 'scaleway') this.#kept = new KeptState(link, document ?? DOCUMENT);
      else this.none.getState = 'it keeps no state for devices to ask for; onDesiredState() is told what is retained.';
    }
    if (!link.properties) this.none.properties = 'only MQTT 5.0 has properties; put them into the values.';
  }

  /** @param {import('../device_types.js').SendOptions} options */
  #with({ qos = 1, properties = {} }) {
    const pairs = Object.entries(properties).map(([name, value]) => [name, value ?? '']);
    return pairs.length === 0 ? { qos } : { qos, properties: { userProperties: Object.fromEntries(pairs) } };
  }

  /** @type {import('./common.js').Dialect['telemetry']} */
  telemetry(values, options) {
    return this.#link.publish('telemetry', {}, timed(values, options.time), this.#with(options));
  }

  /** @type {import('./common.js').Dialect['event']} */
  event(name, data, options) {
    return this.#link.publish('event', { name }, timed(data, options.time), this.#with(options));
  }

  /** @type {NonNullable<import('./common.js').Dialect['report']>} */
  async report(change) {
    if (this.#kept) return this.#kept.report(change);
    this.#reported = merged(this.#reported, change);
    await this.#link.publish('report', {}, JSON.stringify(this.#reported), { retain: this.#link.retains });
    return { version: undefined };
  }

  /** @type {NonNullable<import('./common.js').Dialect['getState']>} */
  async getState() {
    if (!this.#kept) return this.#link.none(this.none.getState ?? '');
    const state = await this.#kept.get();
    // A document of a Cloud Twin is one state, which both sides write.
    return this.#link.seat.service === 'scaleway' ? { ...state, reported: state.desired } : state;
  }

  /** @type {NonNullable<import('./common.js').Dialect['desired']>} */
  async desired(handler) {
    if (this.#kept && this.#link.seat.service === 'aws') return this.#kept.desired(handler);
    let on = true;
    await this.#link.subscribe(['desired'], (_, message) => {
      const state = parsed(message);
      if (on && isObject(state)) void run(() => handler(state, { version: undefined, whole: true }));
    });
    return () => void (on = false);
  }

  /** @param {Deliver} deliver */
  commands(deliver) {
    const link = this.#link;
    return link.subscribe(['command'], ({ name, request }, message) => {
      const { responseTopic, correlationData, userProperties = {} } = message.properties;
      const topic = responseTopic ?? (request ? link.topics.build('answer', { name, request }) : undefined);
      const properties = correlationData && responseTopic ? { correlationData } : undefined;
      deliver({
        name,
        id: request,
        payload: message.bytes(),
        properties: Object.fromEntries(Object.entries(userProperties).map(([key, value]) => [key, `${value}`])),
        answer:
          topic === undefined
            ? undefined
            : ({ status, result, error }) => {
                const ok = status < 400;
                const body = ok ? { ok, result: resultOf(result) } : { ok, error, status };
                return link.client.publish(topic, JSON.stringify(body), { qos: 1, properties });
              },
      });
    });
  }

  /** @param {Deliver} deliver */
  async jobs(deliver) {
    if (!this.#jobs) return this.#link.none(this.none.jobs ?? '');
    return this.#jobs.begin(deliver);
  }

  stop() {
    this.#kept?.stop();
    this.#jobs?.stop();
  }
}
