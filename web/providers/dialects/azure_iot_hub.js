// Azure IoT Hub: telemetry with a property bag in its topic, direct methods with a status, messages to the device, the twin.
import { KeptState } from '../state.js';
import { isoOf, jsonOf, NO_CHILDREN } from './common.js';

/** What the hub wants to know if it is to read the body. */
const JSON_BODY = { '$.ct': 'application/json', '$.ce': 'utf-8' };

export class AzureIotHub {
  #link;
  #twin;
  /** @type {import('./common.js').Dialect['none']} */
  none = { jobs: 'jobs of the hub come as direct methods and desired properties.', child: NO_CHILDREN };

  /** @param {import('../link.js').Link} link */
  constructor(link) {
    this.#link = link;
    // Its versions are in the states, where a device cannot write them.
    this.#twin = new KeptState(link, undefined, (state) => {
      const { $version: _version, $metadata: _metadata, ...own } = state ?? {};
      return own;
    });
  }

  /**
   * @param {'telemetry' | 'event'} kind
   * @param {any} body
   * @param {import('../device_types.js').SendOptions} options
   * @param {Record<string, string>} [more]
   */
  #send(kind, body, { qos = 1, properties, time }, more) {
    /** @type {Record<string, string>} */
    const created = time === undefined ? {} : { 'iothub-creation-time-utc': isoOf(time) };
    const bag = { ...JSON_BODY, ...created, ...more, ...properties };
    return this.#link.publish(kind, { bag }, JSON.stringify(body), { qos });
  }

  /** @type {import('./common.js').Dialect['telemetry']} */
  telemetry(values, options) {
    return this.#send('telemetry', values, options);
  }

  /** The hub has no events of its own: a message with the property `event`. @type {import('./common.js').Dialect['event']} */
  event(name, data, options) {
    return this.#send('event', data, options, { event: name });
  }

  /** @type {NonNullable<import('./common.js').Dialect['report']>} */
  report(change) {
    return this.#twin.report(change);
  }

  getState() {
    return this.#twin.get();
  }

  /** @type {NonNullable<import('./common.js').Dialect['desired']>} */
  desired(handler) {
    return this.#twin.desired(handler);
  }

  /** @param {import('./common.js').Deliver} deliver */
  commands(deliver) {
    const link = this.#link;
    return link.subscribe(['command'], ({ name, request, bag }, message) => {
      deliver({
        name,
        id: request,
        payload: message.bytes(),
        properties: bag,
        answer: request
          ? ({ status, result, error }) => {
              const body = error === undefined ? jsonOf(result) : JSON.stringify({ error });
              return link.publish('answer', { status, request }, body, { qos: 0 });
            }
          : undefined,
      });
    });
  }

  stop() {
    this.#twin.stop();
  }
}
