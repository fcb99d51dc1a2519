// The services, once the module is there.
import { Dialogue } from './dialogue.js';
import { Forms } from './forms.js';
import { login } from './login.js';
import { Rules } from './rules.js';
import { SmartRest } from './smartrest.js';
import { Topics } from './topics.js';
import { loadModule, startInstance } from './wasm.js';

/** @typedef {import('./forms.js').Values} Values */
/** @typedef {import('./login.js').Login} Login */
/** @typedef {import('./login.js').Seat} Seat */

/** @type {Promise<Providers> | null} */
let loaded = null;

/**
 * Load the services: once, whoever asks.
 * @param {{ wasm?: import('./wasm.js').WasmSource }} [options] wasm: where providers.wasm comes from; default: beside this
 *   library, or inside it
 * @returns {Promise<Providers>} rejects with a ProviderError with code 'provider-wasm'
 */
export async function loadProviders({ wasm } = {}) {
  if (wasm !== undefined) return Providers.start(wasm);
  loaded ??= Providers.start(undefined).catch((error) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

/** Made by loadProviders(). */
export class Providers {
  #module;
  #forms;

  /**
   * @param {import('./wasm.js').WasmSource | undefined} wasm
   * @internal
   */
  static async start(wasm) {
    const module = await loadModule(wasm);
    return new Providers(module, new Forms(await startInstance(module)));
  }

  /**
   * @param {WebAssembly.Module} module
   * @param {Forms} forms
   * @internal
   */
  constructor(module, forms) {
    this.#module = module;
    this.#forms = forms;
  }

  /** All services, each with its form. */
  get services() {
    return this.#forms.services;
  }

  /**
   * The service of that name. Throws a ProviderError with code 'provider-service' if there is none.
   * @param {string} name
   */
  service(name) {
    return this.#forms.find(name).service;
  }

  /**
   * What is wrong with what a person filled in: the first fault; null: nothing. Throws a ProviderError for a field that the
   * service does not have.
   * @param {string} service its name
   * @param {Values} values
   */
  check(service, values) {
    return this.#forms.check(service, values);
  }

  /**
   * Make of values what a connection wants. Rejects with a ProviderError that says what is wrong, never with a value.
   * Signing needs a secure context (https or localhost); elsewhere the code is 'provider-insecure'.
   * @param {string} service its name
   * @param {Values} values
   * @param {{ now?: number }} [options] now: ms since epoch; default: of this computer
   * @returns {Promise<Login>}
   */
  login(service, values, { now = Date.now() } = {}) {
    return login(this.#module, this.#forms, service, values, now);
  }

  /**
   * The seat that a login with these values has.
   * @param {string} service its name
   * @param {Values} values
   * @returns {Seat}
   */
  seat(service, values) {
    return this.#forms.seat(service, values);
  }

  /**
   * Rules and topics for a client in that seat.
   * @param {Seat} seat of a login, or of seat()
   * @param {{ values?: Values, overrides?: import('./rules.js').Overrides }} [options] values: a plan that was chosen may
   *   change rules; overrides: see Overrides, since services change
   * @returns {Promise<{ rules: Rules, topics: Topics }>}
   */
  async open(seat, { values = {}, overrides = {} } = {}) {
    const { index, service } = this.#forms.find(seat.service);
    const instance = await startInstance(this.#module);
    const names = [...instance.keep(seat.device), ...instance.keep(seat.scope)];
    const texts = this.#forms.texts(service, values);
    const count = instance.put(...texts) ? texts.length : 0;
    const at = instance.x.wq_wasm_rules_init(index, ...names, count);
    instance.scratch.wipe();
    return { rules: new Rules(instance, at, overrides), topics: new Topics(instance) };
  }

  /**
   * A writer and a reader of SmartREST, Cumulocity's text format.
   * @returns {Promise<SmartRest>}
   */
  async smartrest() {
    return new SmartRest(await startInstance(this.#module));
  }

  /**
   * A dialogue of that seat with its service. Throws a ProviderError if there is none.
   * @param {Seat} seat
   * @param {import('./dialogue.js').DialogueKind} kind
   * @param {{ name?: string, seconds?: number }} [options] name: of a state; seconds: of a registration, all in all
   * @internal
   */
  async dialogue(seat, kind, options = {}) {
    const { index } = this.#forms.find(seat.service);
    return new Dialogue(await startInstance(this.#module), index, kind, seat, options, performance.now());
  }
}
