/**
 * The library of services, loaded when the first one is wanted: a page that connects to a broker by its address needs none
 * of it.
 */

import { CHANGED } from './paint.js';

/** @typedef {Pick<typeof import('../providers/index.js'), 'loadProviders' | 'profile' | 'device' | 'operator'>} Library */

export class Services {
  /** @type {Promise<Library> | null} */
  #loading = null;

  /**
   * @param {() => Promise<Library>} load
   * @param {import('./paint.js').Painter} painter
   */
  constructor(load, painter) {
    this.load = load;
    this.painter = painter;
    /** @type {import('../providers/index.js').Providers | null} */
    this.providers = null;
    /** By service and plan; undefined: asked for. @type {Map<string, import('./model/services.js').Limit[] | undefined>} */
    this.limits = new Map();
    /** Why it could not be loaded. */
    this.trouble = '';
  }

  /** @returns {Promise<Library>} */
  want() {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load() {
    this.trouble = '';
    try {
      const library = await this.load();
      this.providers = await library.loadProviders();
      return library;
    } catch (error) {
      this.#loading = null; // what failed may succeed the next time
      this.trouble = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      this.painter.touch(CHANGED.connection);
    }
  }

  /**
   * What the service limits, with the plan that was chosen; undefined: not known yet, the views are told when it is.
   * @param {string} name
   * @param {import('./model/services.js').Values} values
   */
  limitsOf(name, values) {
    const chosen = (this.find(name)?.fields ?? []).filter(({ kind }) => kind === 'choice');
    const plan = Object.fromEntries(chosen.map((field) => [field.name, values[field.name]]));
    const key = JSON.stringify([name, plan]);
    if (this.providers && this.find(name) && !this.limits.has(key)) {
      this.limits.set(key, undefined);
      void this.#limits(this.providers, key, name, plan);
    }
    return this.limits.get(key);
  }

  /**
   * @param {import('../providers/index.js').Providers} providers
   * @param {string} key
   * @param {string} service
   * @param {import('../providers/index.js').Values} values
   */
  async #limits(providers, key, service, values) {
    const { rules } = await providers.open({ service, device: '', scope: '' }, { values });
    // The versions are chosen elsewhere on the form.
    const limits = rules.all().filter(({ rule }) => rule !== 'version');
    this.limits.set(key, limits);
    this.painter.touch(CHANGED.connection);
  }

  /**
   * A service with its form, once they are loaded.
   * @param {string} name
   */
  find(name) {
    return this.providers?.services.find((service) => service.name === name);
  }
}
