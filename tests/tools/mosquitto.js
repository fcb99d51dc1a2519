// A Mosquitto of our own for tests and the demo: MQTT over TCP and over WebSockets, on the loopback address only, its files
// in a temporary folder.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.js';
import { accepts, findProgram, removeFolder, start, temporaryFolder } from './process.js';

/**
 * @typedef {object} MosquittoOptions
 * @property {number} [tcpPort] default: a free one
 * @property {number} [wsPort] default: a free one
 * @property {Record<string, string>} [users] name -> password; without it everybody may connect
 * @property {string} [acl] text of an ACL file
 * @property {string[]} [config] further configuration lines
 */

export class Mosquitto {
  #folder = temporaryFolder('mosquitto');
  /** @type {import('./process.js').Child | undefined} */ #child;
  /** @readonly */ tcpPort;
  /** @readonly */ wsPort;

  /**
   * @param {number} tcpPort
   * @param {number} wsPort
   * @param {MosquittoOptions} options
   */
  constructor(tcpPort, wsPort, { users, acl, config = [] }) {
    this.tcpPort = tcpPort;
    this.wsPort = wsPort;
    const file = (/** @type {string} */ name) => join(this.#folder, name);
    const lines = [
      'per_listener_settings false',
      `allow_anonymous ${users === undefined}`,
      // Sessions and retained messages survive a restart, and even a kill.
      'persistence true',
      `persistence_location ${this.#folder}/`,
      'autosave_interval 1',
      'autosave_on_changes true',
      // Nobody but the user who starts this is asked for rights: root would otherwise become `mosquitto`.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      'log_dest stderr',
      `listener ${tcpPort} 127.0.0.1`,
      `listener ${wsPort} 127.0.0.1`,
      'protocol websockets',
      'socket_domain ipv4', // a WebSockets listener on 127.0.0.1 does not start without
      ...config,
    ];
    if (users !== undefined) {
      const passwords = file('passwords');
      const text = Object.entries(users).map(([name, password]) => `${name}:${password}\n`);
      writeFileSync(passwords, text.join(''), { mode: 0o600 });
      execFileSync(findProgram('mosquitto_passwd') ?? 'mosquitto_passwd', ['-U', passwords]);
      lines.unshift(`password_file ${passwords}`);
    }
    if (acl !== undefined) {
      writeFileSync(file('acl'), acl, { mode: 0o600 });
      lines.unshift(`acl_file ${file('acl')}`);
    }
    writeFileSync(file('mosquitto.conf'), `${lines.join('\n')}\n`);
  }

  /** Of its WebSockets listener. */
  get url() {
    return `ws://127.0.0.1:${this.wsPort}/mqtt`;
  }

  /** What it logged of late. */
  get log() {
    return this.#child?.output ?? '';
  }

  /** Start it, or start it again. Resolves when both ports accept connections. */
  async start() {
    this.#child = start('mosquitto', ['-c', join(this.#folder, 'mosquitto.conf')]);
    const what = `listen on 127.0.0.1:${this.tcpPort} and :${this.wsPort}`;
    await this.#child.until(async () => (await accepts(this.tcpPort)) && (await accepts(this.wsPort)), { what });
  }

  /** Stop it as an administrator would; sessions are kept for start(). */
  async halt() {
    await this.#child?.stop();
  }

  /** Stop it without a chance to say goodbye; sessions are kept for start(). */
  async kill() {
    await this.#child?.stop('SIGKILL');
  }

  async restart() {
    await this.halt();
    await this.start();
  }

  /** Stop it for good and remove its files. */
  async stop() {
    await this.halt();
    removeFolder(this.#folder);
  }
}

/**
 * @param {MosquittoOptions} [options]
 * @returns {Promise<Mosquitto>} ready for connections
 */
export async function startMosquitto(options = {}) {
  const mosquitto = new Mosquitto(options.tcpPort ?? (await freePort()), options.wsPort ?? (await freePort()), options);
  try {
    await mosquitto.start();
  } catch (error) {
    await mosquitto.stop();
    throw error;
  }
  return mosquitto;
}
