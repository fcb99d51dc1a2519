// ClearBlade IoT Core, as Google's was: a JWT signed with the device's key, four topics, MQTT 3.1.1. The real one has TCP and
// TLS only; this one listens for both, and for WebSockets as what a gateway to it looks like.
import { generateKeyPairSync } from 'node:crypto';
import { decodeProtectedHeader, importSPKI, jwtVerify } from 'jose';
import { CloudServer } from './server.js';

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {any} Packet as mqtt-packet has it */

const EVENT = 262_144;
const STATE = 65_536;
/** A connection that is idle for so long is closed, in seconds. */
const IDLE = 1200;
/** How far clocks may differ, and how long a token may be good, in seconds. */
const SKEW = 600;
const LONGEST = 86_400;

/** @typedef {{ RS256?: string, ES256?: string }} PublicKeys PEM, by what they verify */

class ClearBlade extends CloudServer {
  /** @type {{ version: number, payload: string } | undefined} */
  config = undefined;

  /** @param {{ project: string, region: string, registry: string, device: string }} names @param {PublicKeys} keys */
  constructor(names, keys) {
    super();
    Object.assign(this, { paths: ['/mqtt', '/'], retains: false, wills: false, sessionSeconds: 0 });
    this.names = names;
    this.keys = keys;
    const { project, region, registry, device } = names;
    this.deviceId = `projects/${project}/locations/${region}/registries/${registry}/devices/${device}`;
    this.prefix = `/devices/${device}`;
  }

  // ------------------------------------------------------------------------------------------------ sign-in

  /** @param {Connection} connection @param {Packet} packet @override */
  async authenticate(connection, { clientId, password = '', clean, will }) {
    if (clientId !== this.deviceId) {
      this.violation('client-id', `${clientId} is not projects/.../devices/DEVICE`);
      return 2;
    }
    const trouble = await this.#tokenTrouble(connection, `${password}`);
    if (trouble !== undefined) {
      this.violation('credentials', trouble);
      return 4;
    }
    if (!clean) this.violation('clean', 'sessions are not kept');
    if (will) this.violation('will', 'it is ignored');
    return 0;
  }

  /** @param {Connection} connection gets the time when it ends @param {string} token @returns {Promise<string | undefined>} */
  async #tokenTrouble(connection, token) {
    try {
      const { alg } = decodeProtectedHeader(token);
      const pem = alg === 'RS256' ? this.keys.RS256 : alg === 'ES256' ? this.keys.ES256 : undefined;
      if (pem === undefined) return `the device has no key for ${alg}`;
      const { payload } = await jwtVerify(token, await importSPKI(pem, /** @type {string} */ (alg)), {
        algorithms: ['RS256', 'ES256'],
        audience: this.names.project,
        clockTolerance: SKEW,
        requiredClaims: ['iat', 'exp'],
      });
      const { aud, iat = 0, exp = 0 } = payload;
      if (typeof aud !== 'string') return 'aud is no text';
      if (iat > Date.now() / 1000 + SKEW) return 'iat is in the future';
      if (exp - iat > LONGEST + SKEW) return 'it is good for more than a day';
      if (iat < this.validFrom) return 'it has expired';
      connection.identity = exp;
      return undefined;
    } catch (error) {
      return /** @type {Error} */ (error).message;
    }
  }

  /** @param {Connection} connection @override */
  connected(connection) {
    connection.expiresAt(connection.identity * 1000);
  }

  /** @param {Connection} connection @override */
  silence({ connect }) {
    return connect.keepalive === 0 ? IDLE : Math.min(connect.keepalive * 1.5, IDLE);
  }

  // ------------------------------------------------------------------------------------------------ packets

  /** @param {Connection} connection @param {Packet} packet @override */
  publish(connection, packet) {
    const { topic, payload, qos, retain } = packet;
    if (qos === 2) return connection.punish('qos', 'PUBLISH with QoS 2');
    if (!topic.startsWith(`${this.prefix}/`)) return connection.punish('topic', topic);
    const [kind, ...rest] = topic.slice(this.prefix.length + 1).split('/');
    const known = kind === 'events' || (rest.length === 0 && ['state', 'attach', 'detach'].includes(kind));
    if (!known) return connection.punish('topic', topic);
    const most = kind === 'state' ? STATE : EVENT;
    if (payload.length > most) return connection.punish('payload', `${payload.length} bytes`);
    if (retain) this.violation('retain', 'it is ignored');
    const { device } = this.names;
    if (kind === 'state') this.note('state', device, packet);
    else if (kind === 'events') {
      this.note(rest.length === 0 ? 'telemetry' : rest[0] === 'responses' ? 'answers' : 'events', device, packet);
    }
    return 0;
  }

  /** @param {Connection} _connection @param {string} filter @param {number} qos @override */
  grant(_connection, filter, qos) {
    if (['/config', '/commands/#', '/errors'].some((end) => filter === this.prefix + end)) return Math.min(qos, 1);
    this.violation('filter', filter);
    return 0x80;
  }

  /** @param {Connection} connection @param {string[]} filters @override */
  subscribed(connection, filters) {
    const filter = `${this.prefix}/config`;
    if (!filters.includes(filter) || !this.config) return;
    const qos = connection.session.subscriptions.get(filter);
    connection.publish({ topic: filter, payload: this.config.payload, qos });
  }

  // ------------------------------------------------------------------------------------------------ the cloud

  /**
   * A command; an Error if the device does not listen for commands.
   * @param {string} payload
   * @param {string} [subfolder]
   */
  command(payload, subfolder) {
    const [connection] = this.open();
    if (!connection?.session.subscriptions.has(`${this.prefix}/commands/#`)) {
      throw new Error('the device is not subscribed to commands');
    }
    const topic = `${this.prefix}/commands${subfolder === undefined ? '' : `/${subfolder}`}`;
    this.route({ topic, payload, qos: 1 });
  }

  /** The device's next configuration. @param {string} payload @returns {number} its version */
  setConfig(payload) {
    this.config = { version: (this.config?.version ?? 0) + 1, payload };
    this.route({ topic: `${this.prefix}/config`, payload, qos: 1 });
    return this.config.version;
  }
}

/** @param {'rsa' | 'ec'} type @returns {{ publicKey: string, privateKey: string }} PEM */
function keyPair(type) {
  const options = {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  };
  const more = type === 'rsa' ? { modulusLength: 2048 } : { namedCurve: 'P-256' };
  return /** @type {any} */ (generateKeyPairSync)(type, { ...more, ...options });
}

/**
 * @param {object} [options]
 * @param {number} [options.port] of the WebSockets; MQTT itself is on `tcpPort`
 * @param {boolean | import('./tls.js').Certificate} [options.tls] default true; of both ports
 * @param {string} [options.project]
 * @param {string} [options.region]
 * @param {string} [options.registry]
 * @param {string} [options.device]
 * @param {PublicKeys} [options.keys] default: of keys made at start, whose private halves are in `forms`
 */
export async function startClearBlade({
  port,
  tls = true,
  project = 'my-project',
  region = 'us-central1',
  registry = 'my-registry',
  device = 'my-device',
  keys,
} = {}) {
  const names = { project, region, registry, device };
  const rsa = keyPair('rsa');
  const ec = keyPair('ec');
  const clearblade = new ClearBlade(names, keys ?? { RS256: rsa.publicKey, ES256: ec.publicKey });
  await clearblade.listen({ port, tls, tcp: true });
  const { url } = clearblade;
  return Object.assign(clearblade, {
    form: { url, ...names, key: ec.privateKey },
    /** With each kind of key. @type {Record<string, Record<string, string>>} */
    forms: { ES256: { url, ...names, key: ec.privateKey }, RS256: { url, ...names, key: rsa.privateKey } },
    cloud: { command: clearblade.command.bind(clearblade), setConfig: clearblade.setConfig.bind(clearblade) },
  });
}
