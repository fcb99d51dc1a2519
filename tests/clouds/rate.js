// So many a second, and no more.

export class Rate {
  /** @type {number[]} */
  #times = [];
  #limit;

  /** @param {number} limit in any second */
  constructor(limit) {
    this.#limit = limit;
  }

  /** @returns {boolean} one more is within the limit */
  take() {
    const now = performance.now();
    while (this.#times.length > 0 && this.#times[0] <= now - 1000) this.#times.shift();
    if (this.#times.length >= this.#limit) return false;
    this.#times.push(now);
    return true;
  }
}
