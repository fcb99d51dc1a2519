// Waiting for what happens in a part of a test, without polling.

/** A thing whose state changes, and that says so. */
export class Watched {
  /** @type {Set<() => void>} */
  #watchers = new Set();

  /**
   * Resolves with what `find` finds, now or after a change.
   * @template T
   * @param {() => T | undefined | false | null} find
   * @returns {Promise<T>}
   */
  until(find) {
    return new Promise((resolve) => {
      const look = () => {
        const found = find();
        if (!found) return;
        this.#watchers.delete(look);
        resolve(/** @type {T} */ (found));
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Something happened that somebody may wait for. */
  changed() {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
