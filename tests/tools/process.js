// Child processes that cannot be left behind: each has a process group of its own, which is ended when it is stopped, when
// this process ends for any reason it can see, and (where Linux's setpriv is there) even when this process is killed. And
// temporary folders that go the same way.
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Process groups that are to end with us, by the id of their leader. @type {Set<number>} */
const groups = new Set();
/** Folders that are to be removed. @type {Set<string>} */
const folders = new Set();
/** How long a process that was told to end is waited for before it is killed, in milliseconds. */
const GRACE = 5000;
/** How much of a process's output is kept for error messages, in characters. */
const OUTPUT_KEPT = 20_000;

/**
 * Where a program is. Servers are in /usr/sbin, which the PATH of an ordinary user lacks.
 * @param {string} name
 * @returns {string | undefined}
 */
export function findProgram(name) {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

/**
 * @param {number} group
 * @param {NodeJS.Signals} signal
 */
function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch {
    // it has ended
  }
}

let guarded = false;
function guard() {
  if (guarded) return;
  guarded = true;
  process.on('exit', () => {
    groups.forEach((group) => signalGroup(group, 'SIGKILL'));
    folders.forEach(removeFolder);
  });
  for (const [signal, number] of /** @type {const} */ ([
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ])) {
    process.once(signal, async () => {
      await stopAll();
      process.exit(128 + number);
    });
  }
}

/**
 * Have a process group that somebody else started end with us.
 * @param {import('node:child_process').ChildProcess} child leader of its group (spawned with `detached`)
 */
export function adopt(child) {
  const { pid } = child;
  if (pid === undefined) return;
  guard();
  groups.add(pid);
  child.once('exit', () => {
    signalGroup(pid, 'SIGKILL'); // what it left in its group
    groups.delete(pid);
  });
}

/**
 * A new folder for a process's files; removed when this process ends, or by removeFolder().
 * @param {string} name what it is for
 */
export function temporaryFolder(name) {
  guard();
  const folder = mkdtempSync(join(tmpdir(), `wasmqtt-${name}-`));
  folders.add(folder);
  return folder;
}

/** @param {string} folder from temporaryFolder() */
export function removeFolder(folder) {
  // A browser that was killed may still be writing for a moment.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  folders.delete(folder);
}

/** @type {Set<Child>} */
const children = new Set();

/** End every child, the last started first, since it may need those before it to say goodbye. */
async function stopAll() {
  for (const child of [...children].reverse()) await child.stop();
}

/** A running program. */
export class Child {
  /** @type {import('node:child_process').ChildProcess} */ #process;
  #output = '';
  /** Its name in messages. @readonly */ name;
  /** Settles when it has ended. @readonly @type {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} */
  exited;

  /**
   * @param {string} program path of the executable
   * @param {string[]} args
   * @param {{ name?: string, cwd?: string, env?: NodeJS.ProcessEnv, onOutput?: (text: string) => void }} [options]
   */
  constructor(program, args, { name = program.replace(/.*\//, ''), cwd, env, onOutput } = {}) {
    guard();
    this.name = name;
    // Killed without a chance to act, we could not stop it: let the kernel.
    const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined;
    const command = setpriv ? [setpriv, '--pdeathsig', 'TERM', program, ...args] : [program, ...args];
    this.#process = spawn(command[0], command.slice(1), {
      cwd,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    adopt(this.#process);
    children.add(this);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        this.#output = (this.#output + text).slice(-OUTPUT_KEPT);
        onOutput?.(text);
      });
    }
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        this.#output += `${error.message}\n`;
        children.delete(this);
        resolve({ code: 127, signal: null });
      });
      this.#process.once('close', (code, signal) => {
        children.delete(this);
        resolve({ code, signal });
      });
    });
  }

  get pid() {
    return this.#process.pid;
  }

  /** The last of what it wrote to its standard output and standard error. */
  get output() {
    return this.#output;
  }

  get running() {
    return children.has(this);
  }

  /**
   * Tell it to end, and wait until it has; it is killed if it does not.
   * @param {NodeJS.Signals} [signal]
   */
  async stop(signal = 'SIGTERM') {
    if (this.running && this.pid !== undefined) {
      signalGroup(this.pid, signal);
      const timer = setTimeout(() => signalGroup(/** @type {number} */ (this.pid), 'SIGKILL'), GRACE);
      await this.exited;
      clearTimeout(timer);
    }
    return this.exited;
  }

  /**
   * Wait until `ready` is true, asking again and again; an Error with the output if the program ends before, or takes
   * too long.
   * @param {() => boolean | Promise<boolean>} ready
   * @param {{ what?: string, timeout?: number }} [options] what is waited for; milliseconds
   */
  async until(ready, { what = 'be ready', timeout = 30_000 } = {}) {
    const end = Date.now() + timeout;
    for (;;) {
      if (!this.running) throw new Error(`${this.name} ended before it could ${what}:\n${this.output}`);
      if (await ready()) return;
      if (Date.now() > end) {
        await this.stop();
        throw new Error(`${this.name} did not ${what} within ${timeout / 1000} s:\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

/**
 * Start a program by name; an Error that says what to do if it is not installed.
 * @param {string} program
 * @param {string[]} args
 * @param {ConstructorParameters<typeof Child>[2]} [options]
 */
export function start(program, args, options) {
  const path = findProgram(program);
  if (!path) throw new Error(`${program} is not installed: run \`make setup\``);
  return new Child(path, args, options);
}

/**
 * Does something accept connections on this port of the loopback address?
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function accepts(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
