// Events with typed names. Listeners are called in the order of their registration; one that throws is reported and stops
// nothing.

/**
 * @template {Record<string, any[]>} Events arguments of the listeners, by the name of the event
 */
export class Emitter {
  /** @type {Map<keyof Events, readonly ((...args: any[]) => unknown)[]>} */
  #listeners = new Map();
  #report;

  /** @param {(error: unknown) => void} report */
  constructor(report) {
    this.#report = report;
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(...args: Events[Name]) => unknown} listener
   */
  on(name, listener) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(...args: Events[Name]) => unknown} listener
   */
  off(name, listener) {
    const rest = this.#listeners.get(name)?.filter((other) => other !== listener);
    if (rest?.length) this.#listeners.set(name, rest);
    else this.#listeners.delete(name);
  }

  /** @param {keyof Events} name */
  has(name) {
    return this.#listeners.has(name);
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} args
   */
  emit(name, ...args) {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(...args);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
