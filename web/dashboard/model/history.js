/**
 * The past of one number: a ring of two Float64Array columns (time, value).
 *
 * A ring starts small and doubles as samples come, up to its own maximum and only while the budget that all rings share
 * allows; after that it keeps the latest and forgets the oldest. So ten thousand devices cannot fill the memory.
 */

const FIRST = 64;

/** What all devices of a fleet may hold together: of samples, of entries, of events. */
export class Budget {
  /** @param {number} units */
  constructor(units) {
    this.left = units;
    /** Rings that wanted to grow and could not: their history is shorter than it would be. */
    this.refused = 0;
  }

  /**
   * @param {number} units
   * @returns {boolean} false: there are not so many left, and none was taken
   */
  take(units) {
    if (units > this.left) return false;
    this.left -= units;
    return true;
  }

  /** @param {number} units that were taken before */
  give(units) {
    this.left += units;
  }
}

export class Ring {
  /**
   * @param {number} max the most samples kept
   * @param {Budget} budget
   */
  constructor(max, budget) {
    this.max = max;
    this.budget = budget;
    this.times = new Float64Array(0);
    this.values = new Float64Array(0);
    this.start = 0;
    this.length = 0;
    this.cramped = false;
  }

  /**
   * @param {number} time ms
   * @param {number} value
   */
  push(time, value) {
    if (this.length === this.times.length) this.grow();
    const capacity = this.times.length;
    if (capacity === 0) return;
    if (this.length === capacity) {
      this.start = (this.start + 1) % capacity;
      this.length--;
    }
    const at = (this.start + this.length) % capacity;
    this.times[at] = time;
    this.values[at] = value;
    this.length++;
  }

  grow() {
    const old = this.times.length;
    const wanted = Math.min(this.max, old === 0 ? FIRST : old * 2);
    if (wanted <= old || this.cramped) return;
    if (!this.budget.take(wanted - old)) {
      this.cramped = true;
      this.budget.refused++;
      return;
    }
    const times = new Float64Array(wanted);
    const values = new Float64Array(wanted);
    for (let i = 0; i < this.length; i++) {
      times[i] = this.timeAt(i);
      values[i] = this.valueAt(i);
    }
    this.times = times;
    this.values = values;
    this.start = 0;
  }

  /**
   * @param {number} i 0 is the oldest kept
   * @returns {number}
   */
  timeAt(i) {
    return this.times[(this.start + i) % this.times.length] ?? NaN;
  }

  /**
   * @param {number} i 0 is the oldest kept
   * @returns {number}
   */
  valueAt(i) {
    return this.values[(this.start + i) % this.values.length] ?? NaN;
  }

  /**
   * The index of the first sample at or after a time (samples are in order of arrival).
   * @param {number} time ms
   * @returns {number} `length` when there is none
   */
  firstSince(time) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.timeAt(middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The samples since a time as columns for a chart, with a null where the silence was longer than `gap`.
   * @param {number} since ms
   * @param {number} gap ms
   * @returns {{ x: number[], y: (number | null)[], min: number, max: number }} x in seconds; NaN min/max when empty
   */
  columns(since, gap) {
    const x = [];
    const y = [];
    let min = NaN;
    let max = NaN;
    let before = Infinity;
    // One sample earlier than asked, so that the line enters the chart at its edge.
    for (let i = Math.max(0, this.firstSince(since) - 1); i < this.length; i++) {
      const time = this.timeAt(i);
      const value = this.valueAt(i);
      if (time - before > gap) {
        x.push((before + time) / 2000);
        y.push(null);
      }
      x.push(time / 1000);
      y.push(value);
      before = time;
      if (time >= since) {
        if (!(value >= min)) min = value;
        if (!(value <= max)) max = value;
      }
    }
    return { x, y, min, max };
  }
}
