// One function a service: what a person filled in, as something that a client connects by: `connect(aws({ host, ... }))`.
// A client knows of it the method login() and, if it is there, rules(); see Profile in web/client/profile.js.
import { loadProviders } from './providers.js';

/** @typedef {import('./forms.js').Values} Values */
/** @typedef {import('./login.js').Login} Login */
/** @typedef {import('./login.js').Seat} Seat */

/**
 * @typedef {object} ProfileOptions
 * @property {import('./rules.js').Overrides} [overrides] rules that are to be others than the service's
 * @property {import('./wasm.js').WasmSource} [wasm] where providers.wasm comes from
 */

/**
 * Values, or what gives them: asked for each login, so that a token which another server makes can be a new one, and when
 * something else has to be known of them (rules, who the device is): connect() asks twice at first. device() and operator()
 * ask once until they are connected, and again after a registration.
 * @typedef {Values | (() => Values | Promise<Values>)} ValuesSource
 */

/** A service with what a person filled in. Nothing of it can be seen but by its methods. */
export class ServiceProfile {
  /** The name of the service. */
  service;
  #source;
  #options;
  /** See held(). @type {Values | undefined} */
  #held;
  /** @type {Promise<{ seat: Seat, rules: import('./rules.js').Rules, topics: import('./topics.js').Topics }> | null} */
  #opened = null;

  /**
   * @param {string} service
   * @param {ValuesSource} values
   * @param {ProfileOptions} [options]
   */
  constructor(service, values, options = {}) {
    this.service = service;
    this.#source = values;
    this.#options = options;
  }

  async #values() {
    const source = this.#held ?? this.#source;
    return typeof source === 'function' ? source() : source;
  }

  /**
   * The same, with the values as they are now until release(): a device's seat needs them several times.
   * @internal
   */
  async held() {
    const profile = this.with({});
    profile.#held = await this.#values();
    return profile;
  }

  /** @internal */
  release() {
    this.#held = undefined;
  }

  /**
   * What a connection wants, made anew: see Login.
   * @returns {Promise<Login>}
   */
  async login() {
    const providers = await loadProviders(this.#options);
    return providers.login(this.service, await this.#values());
  }

  /**
   * Title of the service, its form, and the values that are no secrets: for showing.
   * @returns {Promise<{ service: import('./forms.js').Service, values: Values }>}
   */
  async about() {
    const service = (await loadProviders(this.#options)).service(this.service);
    const values = await this.#values();
    const shown = service.fields.filter(({ name, secret }) => !secret && values[name] !== undefined);
    return { service, values: Object.fromEntries(shown.map(({ name }) => [name, values[name]])) };
  }

  /**
   * Who the client is to the service, what the service forbids or changes, what its topics mean.
   * @returns {Promise<{ seat: Seat, rules: import('./rules.js').Rules, topics: import('./topics.js').Topics }>}
   */
  open() {
    this.#opened ??= this.#open().catch((error) => {
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }

  async #open() {
    const providers = await loadProviders(this.#options);
    const values = await this.#values();
    const seat = providers.seat(this.service, values);
    return { seat, ...(await providers.open(seat, { values, overrides: this.#options.overrides })) };
  }

  /**
   * The same with other values in place of some.
   * @param {Values} values
   */
  with(values) {
    return new ServiceProfile(this.service, async () => ({ ...(await this.#values()), ...values }), this.#options);
  }

  /** @internal */
  providers() {
    return loadProviders(this.#options);
  }

  /** @returns {Promise<Seat>} */
  async seat() {
    return (await this.open()).seat;
  }

  /** @returns {Promise<import('./rules.js').Rules>} */
  async rules() {
    return (await this.open()).rules;
  }

  /** @returns {Promise<import('./topics.js').Topics>} */
  async topics() {
    return (await this.open()).topics;
  }
}

/**
 * A profile of any service, by its name.
 * @param {string} service as 'aws': see Providers.services
 * @param {ValuesSource} values
 * @param {ProfileOptions} [options]
 */
export function profile(service, values, options) {
  return new ServiceProfile(service, values, options);
}

/** @param {string} service */
const named =
  (service) =>
  (/** @type {ValuesSource} */ values, /** @type {ProfileOptions} */ options = {}) =>
    new ServiceProfile(service, values, options);

/** AWS IoT Core: values host, auth, access-key, secret-key, ... */
export const aws = named('aws');
/** Azure IoT Hub, with or without the Device Provisioning Service: values auth, host, device, key, ... */
export const azureIotHub = named('azure-iot-hub');
/** Azure Event Grid namespaces: values host, token, ... */
export const azureEventGrid = named('azure-event-grid');
/** ClearBlade IoT Core, which was Google's: values url, project, region, registry, device, key, ... */
export const clearblade = named('clearblade');
/** Alibaba Cloud IoT: values product, device, secret, region, ... */
export const alibaba = named('alibaba');
/** Scaleway IoT Hub: values device, plan, ... */
export const scaleway = named('scaleway');
/** Cumulocity IoT: values host, auth, device, tenant, username, password, ... */
export const cumulocity = named('cumulocity');
/** Eclipse Mosquitto. */
export const mosquitto = named('mosquitto');
/** EMQX. */
export const emqx = named('emqx');
/** HiveMQ. */
export const hivemq = named('hivemq');
/** RabbitMQ with Web MQTT. */
export const rabbitmq = named('rabbitmq');
/** VerneMQ. */
export const vernemq = named('vernemq');
/** Any other broker: values url, username, password, ... */
export const broker = named('broker');
