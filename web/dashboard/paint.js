/**
 * When to paint. The model goes on at its own pace; whatever changed is noted as bits, and once per animation frame the
 * views that care for one of them are told. A hidden page gets no animation frames, so it paints nothing.
 */

/** What can change. @enum {number} */
export const CHANGED = {
  devices: 1,
  log: 2,
  commands: 4,
  connection: 8,
  /** A second went by: ages and charts move. */
  time: 16,
  /** What a device's seat holds. */
  seat: 32,
};

export class Painter {
  /** @param {(callback: () => void) => void} schedule requestAnimationFrame, or a stand-in */
  constructor(schedule) {
    this.schedule = schedule;
    this.bits = 0;
    /** @type {Set<(bits: number) => void>} */
    this.watchers = new Set();
    /** Called when all watchers of a frame were. */
    this.painted = () => {};
  }

  /** @param {number} bits of CHANGED */
  touch(bits) {
    const idle = this.bits === 0;
    this.bits |= bits;
    if (idle) this.schedule(() => this.flush());
  }

  flush() {
    const bits = this.bits;
    this.bits = 0;
    for (const watcher of this.watchers) watcher(bits);
    this.painted();
  }

  /**
   * @param {(bits: number) => void} watcher called at most once per frame
   * @returns {() => void} ends it
   */
  watch(watcher) {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}
