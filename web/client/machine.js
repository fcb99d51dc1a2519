// What the parts of a client share: the core, its clock, and the way to have its output sent.

import { Clock } from './clock.js';

/** @typedef {import('../../wasm/core.js').Core} Core */

export class Machine {
  /** Set before anything else of this object is used. @type {Core} */
  // @ts-expect-error it comes when the module is loaded
  core;
  /** Set with the core: what it is an instance of. @type {WebAssembly.Module} */
  // @ts-expect-error it comes when it is loaded
  module;
  /** @type {import('./connection.js').Connection | null} the one whose CONNACK came */
  connection = null;
  /** With a store that survives. @type {import('./journal.js').Journal | null} */
  journal = null;
  /** With a profile. @type {import('./profile.js').Guide | null} */
  guide = null;
  /** When performance.now() was last asked, on the clock of Date.now(). */
  #wall = NaN;
  #now = 0;
  /** While somebody listens to the event 'packet'. @type {((packet: import('./types.js').PacketInfo) => void) | null} */
  packets = null;
  /** @type {(level: 'debug' | 'info' | 'warn', text: string, data?: unknown) => void} */
  log;
  /** Tell the user of an error that no promise carries. @type {(error: unknown) => void} */
  report;

  /**
   * @param {(error: unknown) => void} report
   * @param {((level: 'debug' | 'info' | 'warn', text: string, data?: unknown) => void) | undefined} log
   * @param {string | URL | false} timerWorker
   */
  constructor(report, log, timerWorker) {
    this.report = report;
    this.log = (level, text, data) => {
      try {
        log?.(level, text, data); // it must not have this object as its `this`
      } catch (error) {
        report(error); // and stops nothing
      }
    };
    this.clock = new Clock(() => {}, timerWorker, this.log);
  }

  /** Whole milliseconds, never going back. A browser takes many times longer for performance.now() than for Date.now(). */
  now() {
    const wall = Date.now();
    if (wall !== this.#wall) {
      this.#wall = wall;
      this.#now = Math.floor(performance.now());
    }
    return this.#now;
  }

  /** The same, or the time when this task had its first input or output. */
  taskNow() {
    return this.connection?.inTask ? this.#now : this.now();
  }

  /** The MQTT version in force; 0: not connected. */
  get version() {
    return this.connection?.version ?? 0;
  }

  /** Something may be in the output now. */
  kick() {
    this.connection?.kick();
  }
}
