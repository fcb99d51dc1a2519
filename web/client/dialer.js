// One round of attempts: every URL, and for each the MQTT versions that may suit it, until a server accepts.
import { Connection } from './connection.js';
import { endedError, MqttError } from './errors.js';
import { checkUrl, credentialsTimeout } from './doctor.js';
import { passwordBytes } from './options.js';
import { follow, HOPS_MAX, inCircles, isPermanent, isRedirect } from './redirect.js';
import { inTime } from './settle.js';

/** @typedef {import('./options.js').Settings} Settings */
/** @typedef {import('../../wasm/core.js').CoreEvent} CoreEvent */

/**
 * @typedef {object} DialerHandlers
 * @property {(connection: Connection, connack: CoreEvent) => void} accepted CONNACK came; called in the middle of input
 * @property {(topic: string, size: number) => void} oversize
 */

/**
 * What a profile gives beside Credentials.
 * @typedef {object} Given
 * @property {number} [keepalive]
 * @property {boolean} [clean]
 * @property {readonly string[]} [protocols]
 * @property {readonly number[]} [versions]
 * @property {string} [unopened] the error's hint if the WebSocket does not open
 * @property {number} [renew] ms since epoch
 * @property {boolean} [reauthenticate]
 * @property {import('./properties.js').Properties} [properties] of CONNECT
 * @property {import('./auth.js').Authentication} [authentication]
 * @typedef {import('./options.js').Credentials & Given} Credentials
 */

/**
 * @typedef {object} Sent
 * @property {string} home the URL whose server sends us
 * @property {string[]} urls where to
 * @property {boolean} moved for good
 */

/** Reasons of a CONNACK that say: not this version. */
const UNSUPPORTED_VERSION = new Set([0x84, 1]);
/** Seconds to come back in; the second one with a store that survives. */
const SESSION_EXPIRY = 300;
const STORED_SESSION_EXPIRY = 7 * 86400;

export class Dialer {
  #machine;
  #parts;
  #settings;
  #handlers;
  /** @type {Map<string, number>} the version that worked, by URL without its query, which may be new each time */
  #worked = new Map();
  /** @type {Map<string, string>} where the server of a URL has moved to */
  #moved = new Map();
  /** Where the server of the last connection sent us when it ended it. @type {Sent | null} */
  #sent = null;
  /** The URL that the attempt under way began with. */
  #home = '';
  /** @type {Connection | null} */
  #connection = null;
  #stopped = false;
  /** Reconnects resume the session. */
  #resumes = false;
  /** What the next attempt is to use, asked for already. @type {Credentials | null} */
  next = null;
  /** When to ask for others, if that was said; ms since epoch. @type {number | undefined} */
  renew;
  /** When the credentials of the present connection end, in ms since epoch. */
  expires = Infinity;
  /** As the server assigned it. */
  clientId;
  /** Whose session this client has its half of. @type {string | undefined} */
  #sessionOf;

  /**
   * @param {import('./machine.js').Machine} machine
   * @param {ConstructorParameters<typeof Connection>[1]} parts
   * @param {Settings} settings
   * @param {DialerHandlers} handlers
   */
  constructor(machine, parts, settings, handlers) {
    this.#machine = machine;
    this.#parts = parts;
    this.#settings = settings;
    this.#handlers = handlers;
    this.clientId = settings.clientId;
  }

  /**
   * Resolves when a server has accepted, with the promise of that connection's end: an error, or null if we wished it.
   * Rejects with the last URL's error.
   * @returns {Promise<{ ended: Promise<MqttError | null> }>}
   */
  async round() {
    let failure;
    const sent = this.#sent ? [this.#sent] : [];
    this.#sent = null;
    for (const url of [...sent, ...this.#settings.urls]) {
      try {
        return await this.#tryUrl(url);
      } catch (error) {
        failure = error;
        this.#machine.log('info', /** @type {Error} */ (error).message);
      }
      if (this.#stopped) break;
    }
    throw failure;
  }

  /**
   * One URL, and those that its server sends us to.
   * @param {string | Sent} from
   */
  async #tryUrl(from) {
    let given = this.next ?? (await this.credentials());
    this.next = null;
    const sent = typeof from === 'string' ? this.#from(given.url ?? from) : from;
    const { home } = sent;
    let { urls, moved } = sent;
    this.#home = home;
    for (let hops = typeof from === 'string' ? 0 : 1; ; hops++) {
      const url = /** @type {string} */ (urls.shift());
      try {
        const accepted = await this.#tryVersions(url, given);
        if (hops > 0 && moved) this.#moved.set(home, url);
        return accepted;
      } catch (failure) {
        const error = /** @type {MqttError} */ (failure);
        if (isRedirect(error)) {
          if (hops === HOPS_MAX) throw inCircles(error);
          urls = follow(url, error, this.#settings.redirect);
          moved &&= isPermanent(error);
        }
        if (urls.length === 0 || hops === HOPS_MAX) throw error;
        this.#machine.log('info', error.message);
      }
      given = await this.credentials();
    }
  }

  /** @param {string} listed @returns {Sent} */
  #from(listed) {
    const home = checkUrl(listed);
    return { home, urls: [this.#moved.get(home) ?? home], moved: true };
  }

  /**
   * @param {string} url
   * @param {Credentials} given
   */
  async #tryVersions(url, given) {
    const fixed = this.#settings.version ?? this.#worked.get(placeOf(url));
    const versions = fixed ? [fixed] : [...(given.versions ?? [5, 4, 3])];
    for (;;) {
      if (this.#stopped) throw endedError('open');
      const version = /** @type {number} */ (versions.shift());
      try {
        return await this.#dial(url, version, given);
      } catch (error) {
        if (versions.length === 0 || !mayBeVersion(/** @type {MqttError} */ (error))) throw error;
      }
    }
  }

  /**
   * Ask the user for what the next attempt is to use, for as long as an attempt may take.
   * @returns {Promise<Credentials>}
   */
  async credentials() {
    const { credentials, connectTimeout } = this.#settings;
    if (!credentials) return {};
    try {
      const asked = (async () => credentials())();
      const given = (await inTime(asked, connectTimeout, credentialsTimeout)) ?? {};
      if (Number.isNaN(Number(given.expires ?? 0))) throw new Error('expires is neither a Date nor ms since epoch');
      return given;
    } catch (cause) {
      if (cause instanceof MqttError) throw cause;
      throw new MqttError('open', 'credentials-failed', 'The function credentials() of the options failed.', { cause });
    }
  }

  /**
   * @param {string} url
   * @param {number} version
   * @param {Credentials} given
   * @returns {Promise<{ ended: Promise<MqttError | null> }>}
   */
  #dial(url, version, given) {
    const { webSocket, authentication = given.authentication } = this.#settings;
    const protocols = this.#settings.protocols ?? given.protocols?.slice();
    const args = {
      url,
      protocols: protocols ?? [version === 3 ? 'mqttv3.1' : 'mqtt'], // [M3:6.0.0-3] [M5:6.0.0-3]
      webSocket,
      unopened: given.unopened,
      authentication,
      connect: this.#connectArgs(version, given),
    };
    return new Promise((resolve, reject) => {
      /** @type {(error: MqttError | null) => void} */
      let tellEnd = () => {};
      /** @type {Promise<MqttError | null>} */
      const ended = new Promise((tell) => {
        tellEnd = tell;
      });
      const connection = new Connection(this.#machine, this.#parts, args, {
        accepted: (connack) => {
          this.#worked.set(placeOf(url), version);
          this.#resumes = version === 5;
          if (version < 5) this.#warn(connection);
          this.#machine.guide?.accepted(connection);
          this.taken(given);
          this.#handlers.accepted(connection, connack);
          this.#sessionOf = this.clientId;
          resolve({ ended });
        },
        ended: (error) => {
          this.#connection = null;
          reject(error ?? endedError('open'));
          tellEnd(error && this.#sentOn(url, error));
        },
        oversize: this.#handlers.oversize,
      });
      this.#connection = connection;
    });
  }

  /**
   * The end of a connection may say where to go on.
   * @param {string} url
   * @param {MqttError} error
   */
  #sentOn(url, error) {
    if (error.phase !== 'connected' || !isRedirect(error)) return error;
    try {
      const urls = follow(url, error, this.#settings.redirect);
      const there = url === (this.#moved.get(this.#home) ?? this.#home);
      this.#sent = { home: this.#home, urls, moved: there && isPermanent(error) };
      error.code = 'redirected';
      return error;
    } catch (refusal) {
      return /** @type {MqttError} */ (refusal);
    }
  }

  /**
   * @param {number} version
   * @param {Credentials} given
   * @returns {import('../../wasm/core.js').ConnectArgs}
   */
  #connectArgs(version, given) {
    const { connectTimeout, username, password, will, receiveMaximum } = this.#settings;
    const { clean = this.#settings.clean, keepalive = this.#settings.keepalive } = given;
    const { properties } = this.#parts;
    const v5 = version === 5;
    const { journal } = this.#machine;
    if (journal !== null && (given.clientId ?? this.clientId) !== this.clientId) {
      throw new MqttError('options', 'bad-option', 'credentials() gave another clientId, but the store is for one.', {
        hint: 'Leave clientId out of what credentials() returns.',
      });
    }
    if (given.clientId !== undefined) this.clientId = given.clientId;
    // With an empty store there is no half of a session on this side, so that the other half would be of no use.
    const alone = v5 && journal !== null && !journal.begun; // [M5:3.2.2-4]
    // The session of another id is none of ours, whoever began it. [M3:3.1.3-2] [M5:3.1.3-2]
    const other = this.#sessionOf !== undefined && this.#sessionOf !== this.clientId;
    const all = this.#properties(given);
    const args = {
      version,
      clean: other || alone || (clean && !(v5 && this.#resumes)),
      keepAlive: keepalive,
      timeout: connectTimeout,
      clientId: this.clientId,
      username: given.username ?? username,
      password: passwordBytes(given.password) ?? password,
      properties: v5 ? properties.encode(all, 'connect', 'options') : undefined,
      receiveMaximum,
      will: will && {
        ...will,
        properties: v5 ? properties.encode(will.properties, 'will', 'options') : undefined,
      },
    };
    return this.#machine.guide?.connect(args, v5 && all.userProperties !== undefined) ?? args;
  }

  /**
   * These credentials are in use.
   * @param {Credentials} given
   */
  taken({ expires, renew }) {
    this.expires = expires === undefined ? Infinity : Number(expires);
    this.renew = renew;
  }

  /** @param {Credentials} given */
  #properties(given) {
    const { properties, reconnect } = this.#settings;
    const expiry = this.#machine.journal ? STORED_SESSION_EXPIRY : reconnect ? SESSION_EXPIRY : undefined;
    return { sessionExpiryInterval: expiry, ...given.properties, ...properties };
  }

  /** The session would outlive this client only because we asked so: the server need not keep it. */
  get endsSession() {
    const { clean, properties, reconnect } = this.#settings;
    return this.#resumes && clean && reconnect !== null && properties.sessionExpiryInterval === undefined;
  }

  /** @param {Connection} connection */
  #warn(connection) {
    const { properties, will } = this.#settings;
    if (Object.keys(properties).length > 0) connection.warn('properties of the connection are left out');
    if (will?.properties) connection.warn('properties of the will are left out');
  }

  /** Give up the attempt under way, and all that would follow. */
  stop() {
    this.#stopped = true;
    this.#connection?.abandon(null);
  }
}

/** A URL without its query, which may be another one each time. @param {string} url */
function placeOf(url) {
  return url.split('?', 1)[0];
}

/**
 * Could an older version of MQTT help? Not if the WebSocket did not open.
 * @param {MqttError} error
 */
function mayBeVersion({ phase, code, reasonCode }) {
  return phase === 'connack' && (code === 'closed' || UNSUPPORTED_VERSION.has(reasonCode ?? 0));
}
