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
   * A service with its form, once they are loaded.
   * @param {string} name
   */
  find(name) {
    return this.providers?.services.find((service) => service.name === name);
  }
}
