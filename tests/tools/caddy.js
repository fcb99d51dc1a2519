// A Caddy of our own for tests and the demo, in the shape of a real deployment: a folder of static files, and /mqtt passed
// on to a broker's WebSockets listener. On the loopback address only; certificates, if wanted, from a CA of its own that
// lives in a temporary folder.
import { readFileSync, writeFileSync } from 'node:fs';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { join, resolve } from 'node:path';
import { freePort } from './ports.js';
import { removeFolder, start, temporaryFolder } from './process.js';

/**
 * @typedef {object} CaddyOptions
 * @property {string} root folder of the files to serve
 * @property {number} brokerPort WebSockets port of the broker behind /mqtt
 * @property {number} [port] default: a free one
 * @property {boolean} [tls] https and wss, with a certificate from an own CA
 * @property {string} [policy] Content-Security-Policy header
 * @property {Record<string, string>} [texts] further small JSON files: path -> text
 */

/**
 * @param {number} port
 * @param {CaddyOptions} options
 */
function caddyfile(port, { root, brokerPort, tls = false, policy, texts = {} }, /** @type {string} */ folder) {
  const scheme = tls ? 'https' : 'http';
  const quote = (/** @type {string} */ text) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
  const small = Object.entries(texts).map(
    ([path, text]) => `
  handle ${path} {
    header Content-Type application/json
    respond ${quote(text)}
  }`,
  );
  return `{
  admin off
  skip_install_trust
  auto_https disable_redirects
  storage file_system ${quote(join(folder, 'storage'))}
  log {
    level WARN
  }
}
${scheme}://localhost:${port}, ${scheme}://127.0.0.1:${port} {
  bind 127.0.0.1
  ${tls ? 'tls internal' : ''}
  handle /mqtt {
    reverse_proxy 127.0.0.1:${brokerPort}
  }${small.join('')}
  handle {
    root * ${quote(resolve(root))}
    header {
      Cache-Control no-cache
      X-Content-Type-Options nosniff
      Referrer-Policy no-referrer
      ${policy === undefined ? '' : `Content-Security-Policy ${quote(policy)}`}
    }
    file_server
  }
}
`;
}

/**
 * Does the server answer a request for a page?
 * @param {string} url
 * @param {string | undefined} ca
 * @returns {Promise<boolean>}
 */
function answers(url, ca) {
  return new Promise((done) => {
    const request = ca === undefined ? getHttp(url) : getHttps(url, { ca });
    request.once('response', (response) => {
      response.resume();
      done(true);
    });
    request.once('error', () => done(false));
  });
}

/** A running Caddy. */
export class Caddy {
  #folder;
  #child;
  /** The site's address, without a slash at its end. @readonly */ url;
  /** Where a WebSocket reaches the broker. @readonly */ mqttUrl;
  /** File with the certificate of its CA; only with `tls`. @readonly @type {string} */ caFile;

  /**
   * @param {number} port
   * @param {CaddyOptions} options
   */
  constructor(port, options) {
    const folder = temporaryFolder('caddy');
    const config = join(folder, 'Caddyfile');
    this.#folder = folder;
    this.url = `${options.tls ? 'https' : 'http'}://localhost:${port}`;
    this.mqttUrl = `${options.tls ? 'wss' : 'ws'}://localhost:${port}/mqtt`;
    this.caFile = join(folder, 'storage/pki/authorities/local/root.crt');
    writeFileSync(config, caddyfile(port, options, folder));
    this.#child = start('caddy', ['run', '--adapter', 'caddyfile', '--config', config], {
      env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    });
  }

  /** @param {boolean} tls */
  async ready(tls) {
    const readCa = () => {
      try {
        return readFileSync(this.caFile, 'utf8');
      } catch {
        return undefined; // not made yet
      }
    };
    await this.#child.until(
      async () => {
        const ca = tls ? readCa() : undefined;
        return (!tls || ca !== undefined) && answers(`${this.url}/`, ca);
      },
      { what: `answer at ${this.url}` },
    );
  }

  /** Stop it and remove its files. */
  async stop() {
    await this.#child.stop();
    removeFolder(this.#folder);
  }
}

/**
 * @param {CaddyOptions} options
 * @returns {Promise<Caddy>} ready for requests
 */
export async function startCaddy(options) {
  const caddy = new Caddy(options.port ?? (await freePort()), options);
  try {
    await caddy.ready(options.tls ?? false);
  } catch (error) {
    await caddy.stop();
    throw error;
  }
  return caddy;
}
