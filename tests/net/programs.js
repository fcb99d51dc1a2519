// The native programs under test: started, listened to line by line, ended.
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../tools/process.js';

const root = resolve(fileURLToPath(import.meta.url), '../../..');

/** A program of ours whose output is lines. */
export class Program {
  #rest = '';
  /** Called when there may be something new to see. @type {Set<() => void>} */ #waiting = new Set();
  /** @type {string[]} */ lines = [];
  /** @readonly */ child;
  ended = false;

  /**
   * @param {string} path from the top of the tree
   * @param {string[]} args
   */
  constructor(path, args) {
    this.child = new Child(resolve(root, path), args, { onOutput: (text) => this.#take(text) });
    void this.child.exited.then(() => {
      this.ended = true;
      this.#look();
    });
  }

  /** @param {string} text */
  #take(text) {
    const parts = (this.#rest + text).split('\n');
    this.#rest = /** @type {string} */ (parts.pop());
    this.lines.push(...parts);
    this.#look();
  }

  #look() {
    for (const look of this.#waiting) look();
  }

  /**
   * The first line from index `from` on that matches; an Error with the output if the program ends without one.
   * @param {RegExp} wanted
   * @param {number} [from]
   * @returns {Promise<string>}
   */
  line(wanted, from = 0) {
    return new Promise((done, fail) => {
      const look = () => {
        const found = this.lines.slice(from).find((line) => wanted.test(line));
        if (found === undefined && !this.ended) return;
        this.#waiting.delete(look);
        if (found !== undefined) done(found);
        else fail(new Error(`${this.child.name} ended without a line like ${wanted}:\n${this.lines.join('\n')}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} once it has ended */
  async exit() {
    return this.child.exited;
  }

  /** @param {NodeJS.Signals} signal */
  async kill(signal) {
    return this.child.stop(signal);
  }
}

/** What native_probe.c prints. @typedef {Record<string, any> & { event: string }} ProbeEvent */

/** The native host, steered by the arguments of native_probe.c. */
export class Probe extends Program {
  /** @param {string[]} args */
  constructor(args) {
    super('build/test/native_probe', args);
  }

  /** @returns {ProbeEvent[]} */
  get events() {
    return this.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  }

  /** @param {string} name */
  named(name) {
    return this.events.filter(({ event }) => event === name);
  }
}

/**
 * Run a probe to its end.
 * @param {string[]} args
 * @returns {Promise<Probe & { code: number | null }>}
 */
export async function probe(...args) {
  const running = new Probe(args);
  const { code } = await running.exit();
  return Object.assign(running, { code });
}

/** The payload that native_probe.c publishes. @param {number} size */
export function pattern(size) {
  return Uint8Array.from({ length: size }, (_, i) => i * 31 + Math.floor(i / 256));
}

/**
 * A gateway on a free port.
 * @param {...string} args its target last
 */
export async function startGateway(...args) {
  const program = new Program('build/test/gateway', ['--listen', '127.0.0.1:0', ...args]);
  const line = await program.line(/ leads to /);
  const [, url] = /** @type {RegExpExecArray} */ (/(ws:\S+)/.exec(line));
  const stop = async () => {
    await program.kill('SIGTERM');
    const { code } = await program.exit();
    assert.equal(code, 0, program.lines.join('\n')); // also what the sanitizers say
  };
  return { program, url, port: Number(new URL(url).port), stop };
}
