// AWS IoT Core: Signature Version 4 or a custom authorizer, MQTT 3.1.1 and 5.0, shadows, jobs, presence events.
import { createSign, createVerify, generateKeyPairSync } from 'node:crypto';
import { Jobs } from './aws_jobs.js';
import { Shadow } from './aws_shadow.js';
import { parameters, sigv4Trouble } from './aws_sigv4.js';
import { commandFree, noteFree } from './free_topics.js';
import { Rate } from './rate.js';
import { CloudServer } from './server.js';
import { matches, shared } from './topics.js';

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {any} Packet as mqtt-packet has it */

const DAY_MS = 86_400_000;
const LONGEST_SESSION = 604_800;
/** Reserved topics that a client may publish to, and subscribe to. */
const MAY_PUBLISH =
  /^\$aws\/(things\/[^/]+\/(shadow\/(name\/[^/]+\/)?(get|update|delete)|jobs\/.+|streams\/.+|defender\/.+)|rules\/.+|certificates\/.+|provisioning-templates\/.+)$/;
const MAY_SUBSCRIBE =
  /^\$aws\/(things\/[^/]+\/(shadow|jobs|streams|defender|tunnels)\/.+|events\/.+|certificates\/.+|provisioning-templates\/.+)$/;

/** Limits, as of PROVIDERS' newest figures; a test may lower or lift them. */
const LIMITS = {
  payload: 131_072,
  topicBytes: 256,
  slashes: 7,
  filtersAtOnce: 8,
  filters: 50,
  clientIdBytes: 128,
  publishesPerSecond: 100,
  connectsPerSecond: 1,
  topicAliases: 8,
  inflight: 100,
};

/**
 * @typedef {object} Authorizer
 * @property {string} [name] of the authorizer; empty: the default one
 * @property {string} [tokenKey]
 * @property {string} [token]
 * @property {string} [signature] base64, of the token
 * @property {string} [publicKey] PEM; absent: it does not check signatures
 * @property {string} [username]
 * @property {string} [password]
 */

class Aws extends CloudServer {
  limits = { ...LIMITS };
  /** Filters of topics that the policy does not allow. @type {string[]} */
  denied = [];
  /** CONNACK's code in 3.1.1 for who is not authorized: 5, as the specification has it, or 7. */
  refusal = 5;
  /** By "THING" or "THING/name/NAME". @type {Map<string, Shadow>} */
  #shadows = new Map();
  /** @type {Map<string, Jobs>} */
  #jobs = new Map();
  /** By client id. @type {Map<string, Rate>} */
  #connects = new Map();
  /** @type {WeakMap<Connection, Rate>} */
  #publishes = new WeakMap();

  /** @param {import('./aws_sigv4.js').Account} account @param {Authorizer} authorizer */
  constructor(account, authorizer) {
    super();
    Object.assign(this, {
      subprotocols: ['mqtt', 'mqttv3.1'],
      versions: [4, 5],
      retainedToWildcards: false,
      parents: false,
    });
    this.account = account;
    this.authorizer = authorizer;
  }

  // ------------------------------------------------------------------------------------------------ sign-in

  /** @param {import('./server.js').Upgrade} upgrade @override */
  async upgrade(upgrade) {
    if (!/(^|&)X-Amz-/.test(upgrade.query)) {
      upgrade.identity = { query: upgrade.query };
      return 0;
    }
    const trouble = await sigv4Trouble(upgrade, this.account, this.validFrom, Date.now() / 1000);
    if (trouble === undefined) {
      upgrade.identity = { signed: true };
      return 0;
    }
    this.violation('signature', trouble);
    return 403;
  }

  /** @param {Connection} connection @param {Packet} packet @override */
  authenticate(connection, packet) {
    const v5 = connection.version === 5;
    const { clientId } = packet;
    if (clientId === '' && v5) connection.clientId = `$GEN-${Math.random().toString(36).slice(2)}`;
    else if (clientId === '' || clientId.startsWith('$') || Buffer.byteLength(clientId) > this.limits.clientIdBytes) {
      this.violation('client-id', 'empty, too long, or its first character is $');
      return v5 ? 0x85 : 2;
    }
    if (!this.#within(this.#connects, connection.clientId, this.limits.connectsPerSecond)) {
      this.violation('connect-rate', `more than ${this.limits.connectsPerSecond} CONNECT a second`);
      return v5 ? 0x97 : 3;
    }
    const trouble = connection.identity.signed ? undefined : this.#authorizerTrouble(connection, packet);
    if (trouble !== undefined) {
      this.violation('authorizer', trouble);
      return v5 ? 0x87 : this.refusal;
    }
    if (packet.will?.qos === 2) {
      this.violation('qos', 'the will has QoS 2');
      return v5 ? 0x9b : this.refusal;
    }
    if (packet.properties?.sessionExpiryInterval > LONGEST_SESSION) {
      packet.properties.sessionExpiryInterval = LONGEST_SESSION;
    }
    return 0;
  }

  /** @param {Connection} connection @param {Packet} packet */
  #authorizerTrouble({ identity }, { username = '', password = '' }) {
    const { name = '', tokenKey = '', token, publicKey, username: user, password: secret } = this.authorizer;
    const [first, behind = ''] = username.split(/\?(.*)/s);
    const given = parameters(identity.query || behind);
    if (!given) return 'the parameters are not percent-encoded';
    if ((given['x-amz-customauthorizer-name'] ?? name) !== name) return 'there is no such authorizer';
    if (publicKey !== undefined) {
      const signature = Buffer.from(given['x-amz-customauthorizer-signature'] ?? '', 'base64');
      const text = given[tokenKey] ?? '';
      if (!createVerify('RSA-SHA256').update(text).verify(publicKey, signature))
        return "the token's signature is wrong";
    }
    if (token !== undefined && given[tokenKey] !== token) return 'the token is another one';
    if (user !== undefined && (first !== user || `${password}` !== secret)) return 'user name or password is wrong';
    return undefined;
  }

  /** @param {Connection} connection @override */
  connackProperties(connection) {
    const { connect, clientId } = connection;
    return {
      maximumQoS: 1,
      retainAvailable: true,
      subscriptionIdentifiersAvailable: false,
      topicAliasMaximum: this.limits.topicAliases,
      receiveMaximum: this.limits.inflight,
      maximumPacketSize: this.limits.payload + 18_432,
      serverKeepAlive: clamped(connect.keepalive),
      sessionExpiryInterval: connect.properties?.sessionExpiryInterval ?? 0,
      ...(connect.clientId === '' && { assignedClientIdentifier: clientId }),
    };
  }

  /** @param {Connection} connection @override */
  silence({ connect }) {
    return clamped(connect.keepalive) * 1.5;
  }

  /** @param {Connection} connection @override */
  connected(connection) {
    if (connection.identity.signed) connection.expiresAt(Date.now() + DAY_MS);
    this.#event('presence/connected', connection, {});
  }

  /** @param {Connection} connection @override */
  disconnected(connection) {
    this.#event('presence/disconnected', connection, { clientInitiatedDisconnect: connection.graceful });
  }

  // ------------------------------------------------------------------------------------------------ packets

  /** @param {Connection} connection @param {Packet} packet @override */
  publish(connection, packet) {
    const { topic, payload, qos, retain } = packet;
    if (qos === 2) {
      this.violation('qos', 'PUBLISH with QoS 2');
      if (connection.version === 5) connection.end(0x9b);
      return undefined; // nothing ever comes back
    }
    if (payload.length > this.limits.payload) return connection.punish('payload', `${payload.length} bytes`, 0x97);
    if (this.#tooLong(topic)) return connection.punish('topic', 'more than 256 bytes or 7 slashes', 0x90);
    if (this.denied.some((filter) => matches(filter, topic))) {
      if (connection.version !== 5 || qos === 0) return connection.punish('policy', topic, 0x87);
      this.violation('policy', topic);
      return 0x87;
    }
    if (topic.startsWith('$') && !MAY_PUBLISH.test(topic)) return connection.punish('reserved', topic, 0x90);
    if (topic.startsWith('$') && retain) return connection.punish('retain', 'on a reserved topic', 0x90);
    if (!this.#within(this.#publishes, connection, this.limits.publishesPerSecond)) {
      this.violation('publish-rate', `more than ${this.limits.publishesPerSecond} a second`);
      return connection.version === 5 ? 0x97 : undefined;
    }
    if (topic.startsWith('$')) this.#reserved(connection, packet);
    else {
      noteFree(this, packet);
      this.route(packet);
    }
    return 0;
  }

  /** @param {Connection} connection @param {Packet} packet */
  #reserved(connection, packet) {
    const [, thing, path] = /^\$aws\/things\/([^/]+)\/(.+)$/.exec(packet.topic) ?? [];
    const [, name, verb] = /^shadow\/(?:name\/([^/]+)\/)?([^/]+)$/.exec(path ?? '') ?? [];
    if (verb !== undefined) {
      if (verb === 'update') this.note('state', thing, packet);
      return this.shadow(thing, name).request(verb, packet.payload);
    }
    if (path?.startsWith('jobs/')) {
      if (path.endsWith('/update')) this.note('answers', thing, packet);
      const answer = (/** @type {string} */ topic, /** @type {object} */ body) =>
        connection.publish({ topic: `$aws/things/${thing}/jobs/${topic}`, payload: JSON.stringify(body), qos: 0 });
      if (!this.jobs(thing).request(path.slice(5), packet.payload, answer)) {
        connection.punish('reserved', packet.topic, 0x90);
      }
      return undefined;
    }
    if (packet.topic.startsWith('$aws/rules/')) return this.note('telemetry', connection.clientId, packet);
    return undefined;
  }

  /** @param {Connection} connection @param {Packet} packet @override */
  subscribe(connection, packet) {
    const { subscriptions, properties } = packet;
    if (subscriptions.length > this.limits.filtersAtOnce) {
      return connection.punish('filters-at-once', `${subscriptions.length} filters in a SUBSCRIBE`, 0x97);
    }
    if (properties?.subscriptionIdentifier !== undefined)
      return connection.punish('subscription-id', 'there are none', 0xa1);
    if (subscriptions.some((/** @type {any} */ { qos }) => qos === 2)) {
      this.violation('subscribe-qos', 'SUBSCRIBE with QoS 2');
      if (connection.version === 5) connection.end(0x9b);
      return undefined; // nothing ever comes back
    }
    const reserved = subscriptions.find((/** @type {any} */ { topic }) => {
      return /^\$(?!share\/)/.test(topic) && !MAY_SUBSCRIBE.test(topic);
    });
    if (reserved) return connection.punish('reserved', reserved.topic, 0x8f);
    const had = connection.session.subscriptions;
    const names = new Set([...had.keys(), ...subscriptions.map((/** @type {any} */ { topic }) => topic)]);
    if (names.size > this.limits.filters) return connection.punish('filters', `${names.size} filters`, 0x97);
    return super.subscribe(connection, packet);
  }

  /** @param {Connection} connection @param {string} filter @param {number} qos @override */
  grant(connection, filter, qos) {
    const bare = shared(filter).filter;
    if (this.#tooLong(bare)) {
      this.violation('filter', 'more than 256 bytes or 7 slashes');
      return connection.version === 5 ? 0x8f : 0x80;
    }
    if (this.denied.some((denied) => denied === bare || matches(denied, bare))) {
      this.violation('policy', filter);
      return connection.version === 5 ? 0x87 : 0x80;
    }
    return qos;
  }

  /** @param {Connection} connection @param {string[]} topics @override */
  subscribed(connection, topics) {
    this.#event('subscriptions/subscribed', connection, { topics });
  }

  /** @param {Connection} connection @param {string[]} topics @override */
  unsubscribed(connection, topics) {
    this.#event('subscriptions/unsubscribed', connection, { topics });
  }

  // ------------------------------------------------------------------------------------------------ the cloud

  /** @param {string} thing @param {string} [name] of the shadow; absent: the classic one */
  shadow(thing, name) {
    const path = `${thing}/shadow${name === undefined ? '' : `/name/${name}`}`;
    return entry(this.#shadows, path, () => {
      return new Shadow(name ?? thing, (topic, body) => {
        this.route({ topic: `$aws/things/${path}/${topic}`, payload: JSON.stringify(body), qos: 1 });
      });
    });
  }

  /** @param {string} thing */
  jobs(thing) {
    return entry(this.#jobs, thing, () => {
      return new Jobs(thing, (topic, body) => {
        this.route({ topic: `$aws/things/${thing}/jobs/${topic}`, payload: JSON.stringify(body), qos: 1 });
      });
    });
  }

  /** @param {string} kind @param {Connection} connection @param {object} more */
  #event(kind, { clientId }, more) {
    if (/[+#]/.test(clientId)) return; // such clients have none
    const event = { clientId, timestamp: Date.now(), eventType: kind.replace(/.*\//, ''), ...more };
    this.route({ topic: `$aws/events/${kind}/${clientId}`, payload: JSON.stringify(event), qos: 1 });
  }

  /** @param {string} topic */
  #tooLong(topic) {
    const counted = topic.replace(/^\$aws\/rules\/[^/]+\//, '');
    return Buffer.byteLength(counted) > this.limits.topicBytes || counted.split('/').length - 1 > this.limits.slashes;
  }

  /**
   * @template {object | string} K
   * @param {{ get(key: K): Rate | undefined, set(key: K, rate: Rate): unknown }} rates
   * @param {K} key
   * @param {number} limit
   */
  #within(rates, key, limit) {
    return entry(rates, key, () => new Rate(limit)).take();
  }
}

/** The keep-alive interval that counts, in seconds. @param {number} keepalive */
function clamped(keepalive) {
  return keepalive === 0 ? 1200 : Math.min(Math.max(keepalive, 30), 1200);
}

/**
 * @template K, V
 * @param {{ get(key: K): V | undefined, set(key: K, value: V): unknown }} map
 * @param {K} key
 * @param {() => V} make
 * @returns {V}
 */
function entry(map, key, make) {
  const old = map.get(key);
  if (old !== undefined) return old;
  const made = make();
  map.set(key, made);
  return made;
}

/**
 * @param {object} [options]
 * @param {number} [options.port]
 * @param {boolean | import('./tls.js').Certificate} [options.tls] default true
 * @param {string} [options.region]
 * @param {string} [options.accessKey]
 * @param {string} [options.secretKey]
 * @param {string} [options.sessionToken] absent: credentials that last
 * @param {Authorizer & { privateKey?: string }} [options.authorizer] default: one that checks token, signature, user name and
 *   password
 * @param {Partial<typeof LIMITS>} [options.limits]
 * @param {number} [options.refusal] CONNACK's code in 3.1.1 for who is not authorized: 5 or 7
 */
export async function startAws({
  port,
  tls = true,
  region = 'us-east-1',
  accessKey = 'AKIDEXAMPLE',
  secretKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken,
  authorizer = signedAuthorizer(),
  limits,
  refusal = 5,
} = {}) {
  const aws = new Aws({ region, accessKey, secretKey, sessionToken }, authorizer);
  Object.assign(aws.limits, limits);
  aws.refusal = refusal;
  await aws.listen({ port, tls });
  const base = { host: aws.host, device: 'dash-1' };
  const custom = {
    ...base,
    authorizer: authorizer.name ?? '',
    'token-key': authorizer.tokenKey ?? '',
    token: authorizer.token ?? '',
    'token-signature': authorizer.signature ?? '',
    username: authorizer.username ?? '',
    password: authorizer.password ?? '',
  };
  const keys = { region, 'access-key': accessKey, 'secret-key': secretKey };
  /** Each way to sign in. @type {Record<string, Record<string, string>>} */
  const forms = {
    sigv4: { ...base, auth: 'sigv4', ...keys, ...(sessionToken !== undefined && { 'session-token': sessionToken }) },
    authorizer: { ...custom, auth: 'authorizer' },
    'authorizer-connect': { ...custom, auth: 'authorizer-connect' },
  };
  return Object.assign(aws, {
    form: forms.sigv4,
    forms,
    cloud: {
      /** A message of any topic. */
      publish: aws.route.bind(aws),
      /** A command by the convention for free topics. @type {(...args: Tail<Parameters<typeof commandFree>>) => void} */
      command: (device, name, body, more) => commandFree(aws, device, name, body, more),
      /** @param {string} thing @param {Record<string, any> | null} desired a patch @param {string} [name] of the shadow */
      setDesired: (thing, desired, name) => aws.shadow(thing, name).update({ desired }),
      /** @param {string} thing @param {string} [name] of the shadow */
      getShadow: (thing, name) => aws.shadow(thing, name).document(),
      /** @param {string} thing @param {string} jobId @param {Record<string, any>} document */
      startJob: (thing, jobId, document) => aws.jobs(thing).add(jobId, document),
      /** @param {string} thing @param {string} jobId */
      cancelJob: (thing, jobId) => aws.jobs(thing).cancel(jobId),
      /** As DeleteConnection of the API does. @param {string} clientId */
      disconnect: (clientId) => aws.connection(clientId)?.end(0x98),
      /** The policy forbids topics from now on. @param {...string} filters */
      deny: (...filters) => void aws.denied.push(...filters),
    },
  });
}

/**
 * @template {any[]} T
 * @typedef {T extends [any, ...infer Rest] ? Rest : never} Tail
 */

/** An authorizer that checks everything, with a key of its own. @returns {Authorizer} */
function signedAuthorizer() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const token = 'dashboard+token/1=';
  return {
    name: 'dashboard',
    tokenKey: 'token',
    token,
    signature: createSign('RSA-SHA256').update(token).sign(privateKey, 'base64'),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    username: 'operator',
    password: 'open sesame',
  };
}
