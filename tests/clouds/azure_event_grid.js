// An Azure Event Grid namespace: an MQTT 5 broker that is signed in to with a JWT, in the properties of CONNECT and then of AUTH.
import { randomUUID } from 'node:crypto';
import { SignJWT, generateKeyPair, jwtVerify } from 'jose';
import { commandFree, noteFree } from './free_topics.js';
import { CloudServer } from './server.js';

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {import('./server.js').Packet} Packet */
/** @typedef {Awaited<ReturnType<typeof generateKeyPair>>} KeyPair */

const MAX_PACKET = 512 * 1024;
const MAX_RETAINED = 64 * 1024;
const MAX_ALIAS = 10;
const MAX_KEEP_ALIVE = 1160;
const MAX_SESSION = 3600;
/** What waits for a client that is away, before its session ends: messages and bytes. */
const MAX_QUEUE = 100;
const MAX_QUEUE_BYTES = 1 << 20;
/** Issuers that are trusted, by authentication method. @type {Record<string, string>} */
const ISSUERS = { 'CUSTOM-JWT': 'https://issuer.example', 'OAUTH2-JWT': 'https://sts.windows.net/tenant/' };

/** @param {Packet} packet */
const hasUserProperties = ({ properties }) => properties?.userProperties !== undefined;

export class AzureEventGrid extends CloudServer {
  /** @override */ versions = [4, 5];
  /** @override */ sessionSeconds = MAX_SESSION;

  #keys;
  /** Tokens that expireNow() has ended, by their id. @type {Set<string>} */ #spent = new Set();
  /** Authentication names, by session. @type {Map<string, string>} */ #owners = new Map();

  /** What the service's side can do. */
  cloud = {
    /**
     * A token of an issuer that is trusted, made now.
     * @param {{ seconds?: number, name?: string, method?: string, audience?: string }} [options] name: the token's subject
     */
    token: ({ seconds = 3600, name = 'client-1', method = 'CUSTOM-JWT', audience = `${this.host}/` } = {}) =>
      new SignJWT()
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
        .setIssuer(ISSUERS[method])
        .setSubject(name)
        .setAudience(audience)
        .setIssuedAt()
        .setJti(randomUUID())
        .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
        .sign(this.#keys.privateKey),
    /** @param {string} device @param {string} name @param {unknown} [body] @param {{ id?: string, prefix?: string }} [options] */
    command: (device, name, body, options) => commandFree(this, device, name, body, options),
    /** A desired state, retained. @param {string} device @param {unknown} state @param {string} [prefix] */
    desired: (device, state, prefix = 'devices') =>
      this.route({ topic: `${prefix}/${device}/desired`, payload: JSON.stringify(state), qos: 1, retain: true }),
  };

  /** What to fill in. */
  form = { host: '', method: 'CUSTOM-JWT', token: '', username: 'client-1', client: '', device: 'dev-1' };

  /** @param {KeyPair} keys of the issuers */
  constructor(keys) {
    super();
    this.#keys = keys;
  }

  // ------------------------------------------------------------------------------------------------ signing in

  /**
   * @param {string} method
   * @param {Buffer | undefined} token
   * @returns {Promise<import('jose').JWTPayload | undefined>} its claims
   */
  async #verify(method, token) {
    try {
      const { payload } = await jwtVerify(`${token}`, this.#keys.publicKey, {
        issuer: ISSUERS[method],
        audience: `${this.host}/`,
        algorithms: ['RS256', 'ES256'],
        requiredClaims: ['exp', 'sub'],
      });
      return this.#spent.has(`${payload.jti}`) ? undefined : payload;
    } catch {
      return undefined;
    }
  }

  /** @override @param {Connection} connection @param {Packet} packet */
  async authenticate(connection, packet) {
    const { clientId, username, protocolVersion, properties = {} } = packet;
    const refuse = (/** @type {number} */ code, /** @type {string} */ rule, /** @type {string} */ what) => {
      this.violation(rule, what);
      return code;
    };
    if (protocolVersion !== 5) return refuse(5, 'credentials', 'a token needs MQTT 5');
    if (hasUserProperties(packet)) return refuse(0x83, 'user properties', 'in CONNECT');
    if (clientId === '') return refuse(0x85, 'client id', 'there is none');
    const { authenticationMethod: method, authenticationData } = properties;
    if (method === undefined) return refuse(0x87, 'credentials', 'there is no authentication method');
    if (!Object.hasOwn(ISSUERS, method)) return refuse(0x8c, 'credentials', `${method} is not known`);
    const claims = await this.#verify(method, authenticationData);
    if (!claims) return refuse(0x87, 'credentials', 'the token is not good');
    const name = username || claims.sub;
    const session = this.sessions.get(clientId);
    const owned = session !== undefined && session.expires > Date.now();
    if (owned && this.#owners.get(clientId) !== name) return refuse(0x87, 'session', `${clientId} is another client’s`);
    this.#owners.set(clientId, name);
    const wish = properties.sessionExpiryInterval ?? 0;
    packet.properties = { ...properties, sessionExpiryInterval: Math.min(wish, MAX_SESSION) };
    connection.identity = { method, claims, name, shortened: wish > MAX_SESSION };
    return 0;
  }

  /** @override @param {Connection} connection */
  connackProperties({ connect, identity }) {
    const { keepalive } = connect;
    return {
      maximumQoS: 1,
      maximumPacketSize: MAX_PACKET,
      topicAliasMaximum: MAX_ALIAS,
      subscriptionIdentifiersAvailable: false,
      sharedSubscriptionAvailable: false,
      authenticationMethod: identity.method,
      ...((keepalive === 0 || keepalive > MAX_KEEP_ALIVE) && { serverKeepAlive: MAX_KEEP_ALIVE }),
      ...(identity.shortened && { sessionExpiryInterval: MAX_SESSION }),
    };
  }

  /** @override @param {Connection} connection */
  silence({ connect }) {
    return 1.5 * Math.min(connect.keepalive || MAX_KEEP_ALIVE, MAX_KEEP_ALIVE);
  }

  /** @override @param {Connection} connection */
  connected(connection) {
    connection.expiresAt(connection.identity.claims.exp * 1000);
  }

  /** @override @param {Connection} connection @param {Packet} packet */
  async auth(connection, { reasonCode, properties = {} }) {
    const { identity } = connection;
    const { authenticationMethod: method, authenticationData } = properties;
    if (reasonCode !== 0x19 || method !== identity.method) {
      return this.#end(connection, 0x82, 'auth', `AUTH with ${reasonCode} and ${method}`);
    }
    const claims = await this.#verify(method, authenticationData);
    if (!claims || claims.sub !== identity.claims.sub) {
      return this.#end(connection, 0x87, 'credentials', 'the new token is not good');
    }
    identity.claims = claims;
    this.connected(connection);
    connection.send({ cmd: 'auth', reasonCode: 0, properties: { authenticationMethod: method } });
  }

  /** @override */
  expireNow() {
    for (const { identity } of this.open()) this.#spent.add(`${identity.claims.jti}`);
    super.expireNow();
  }

  // ------------------------------------------------------------------------------------------------ rules

  /** @param {Connection} connection @param {number} code @param {string} rule @param {string} what */
  #end(connection, code, rule, what) {
    this.violation(rule, what);
    connection.end(code);
    return undefined;
  }

  /** @override @param {Connection} connection @param {Packet} packet */
  async handle(connection, packet) {
    if (!connection.open) return super.handle(connection, packet);
    const { cmd, length = 0, properties, reasonCode } = packet;
    const alias = properties?.topicAlias;
    if (length > MAX_PACKET) this.#end(connection, 0x95, 'packet size', `${length} bytes`);
    else if (alias !== undefined && (alias < 1 || alias > MAX_ALIAS))
      this.#end(connection, 0x94, 'topic alias', `${alias}`);
    else if (cmd === 'puback' && reasonCode >= 0x80) this.#end(connection, 0x83, 'puback', `with ${reasonCode}`);
    else if (/^(puback|auth|disconnect)$/.test(cmd) && hasUserProperties(packet)) {
      this.#end(connection, 0x83, 'user properties', `in ${cmd.toUpperCase()}`);
    } else await super.handle(connection, packet);
  }

  /** @override @param {Connection} connection @param {Packet} packet */
  subscribe(connection, packet) {
    if (packet.properties?.subscriptionIdentifier !== undefined) {
      return this.#end(connection, 0xa1, 'subscription identifier', 'there are none');
    }
    const forbidden = hasUserProperties(packet);
    if (forbidden) this.violation('user properties', 'in SUBSCRIBE');
    return packet.subscriptions.map((/** @type {any} */ { topic, qos }) => {
      if (forbidden) return 0x83;
      if (!topic.startsWith('$share/')) return Math.min(qos, 1);
      this.violation('filter', `${topic} is a shared subscription`);
      return 0x9e;
    });
  }

  /** @override @param {Connection} connection @param {Packet} packet */
  publish(connection, packet) {
    if (packet.qos === 2) return this.#end(connection, 0x9b, 'qos', 'QoS 2');
    if (packet.retain && packet.payload.length > MAX_RETAINED) {
      this.violation('retain', `${packet.payload.length} bytes`);
      return 0x97;
    }
    this.route(packet);
    noteFree(this, packet);
    return 0;
  }

  /** A queue that is too long ends its session. @override @param {import('./server.js').Message} message */
  route(message) {
    super.route(message);
    for (const session of this.sessions.values()) {
      const bytes = session.queue.reduce((sum, { payload }) => sum + payload.length, 0);
      const full = session.queue.length > MAX_QUEUE || bytes > MAX_QUEUE_BYTES;
      if (full && !this.connectionOf(session)) this.sessions.delete(session.clientId);
    }
  }

  /** @override */
  async listen(/** @type {Parameters<CloudServer['listen']>[0]} */ options) {
    await super.listen(options);
    Object.assign(this.form, { host: this.host, token: await this.cloud.token() });
    return this;
  }
}

/**
 * Start one.
 * @param {object} [options]
 * @param {number} [options.port]
 * @param {boolean} [options.tls] default true
 */
export async function startAzureEventGrid({ port, tls = true } = {}) {
  return new AzureEventGrid(await generateKeyPair('ES256')).listen({ port, tls });
}
