/** Messages a second, over the last few whole seconds. */

const SECONDS = 5;

export class Rate {
  constructor() {
    this.total = 0;
    this.bytes = 0;
    this.second = 0;
    this.buckets = new Float64Array(SECONDS + 1);
  }

  /**
   * @param {number} now ms
   * @param {number} [bytes]
   */
  count(now, bytes = 0) {
    this.advance(now);
    this.total++;
    this.bytes += bytes;
    this.buckets[this.second % this.buckets.length]++;
  }

  /**
   * @param {number} now ms
   * @returns {number} the mean of the last whole seconds, the running one left out
   */
  perSecond(now) {
    this.advance(now);
    let sum = 0;
    for (let back = 1; back <= SECONDS; back++) {
      sum += this.buckets[(this.second - back + this.buckets.length) % this.buckets.length] ?? 0;
    }
    return sum / SECONDS;
  }

  /** @param {number} now ms */
  advance(now) {
    const second = Math.floor(now / 1000);
    if (second === this.second) return;
    // A clock that went back, or a long sleep, starts afresh.
    if (second < this.second || second - this.second > SECONDS) this.buckets.fill(0);
    else for (let s = this.second + 1; s <= second; s++) this.buckets[s % this.buckets.length] = 0;
    this.second = second;
  }
}
