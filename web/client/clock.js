// One timer for all that the core waits for. It is moved forward only: when it rings too early, it is set again.

export class Clock {
  #ring;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #at = Infinity;

  /** @param {() => void} ring */
  constructor(ring) {
    this.#ring = ring;
  }

  /**
   * Ring at `deadline` or before.
   * @param {number} deadline on the clock of now; Infinity: there is no need
   * @param {number} now
   */
  arm(deadline, now) {
    if (deadline >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = deadline;
    // Longer ones overflow.
    this.#timer = setTimeout(() => this.#rang(), Math.min(Math.max(deadline - now, 0), 2 ** 31 - 1));
  }

  #rang() {
    this.#at = Infinity;
    this.#ring();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }
}
