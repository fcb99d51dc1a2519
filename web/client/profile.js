// Connecting by a profile: an object with a method login() that says what an attempt is to use, and with rules of what the
// service takes. `wasmqtt/providers` makes such objects for IoT services; anybody can write one. Nothing else is known of
// them here.
import { MqttError } from './errors.js';

/**
 * What a connection wants. The client's options go before it where they are given: clientId, keepalive, clean,
 * protocolVersion, protocols. The service's rules judge the outcome.
 * @typedef {object} ProfileLogin
 * @property {string} url ws:// or wss://
 * @property {readonly string[]} [protocols] WebSocket subprotocols
 * @property {string} [clientId]
 * @property {string} [username]
 * @property {string | Uint8Array} [password]
 * @property {import('./properties.js').Properties} [properties] of CONNECT, MQTT 5.0; authenticationMethod and
 *   authenticationData are enhanced authentication of one step
 * @property {number} [keepalive] seconds
 * @property {boolean} [clean]
 * @property {readonly (3 | 4 | 5)[]} [protocolVersions] that may be tried, the first one first
 * @property {string} [unopened] the error's hint if the WebSocket does not open, where the service refuses a login so that a
 *   browser hides why
 * @property {number} [expires] ms since epoch, when the service ends the connection: ahead of that, login() is asked again
 * @property {number} [renew] ms since epoch, when that is to be; default: see Credentials
 * @property {boolean} [reauthenticate] then, its authenticationData goes out in AUTH on the connection that there is, instead
 *   of a new connection
 */

/**
 * What a service says to something that is about to be sent.
 * @typedef {object} ProfileFinding
 * @property {string} rule its name
 * @property {'refuse' | 'adjust' | 'warn'} action refuse: nothing is sent; adjust: value is used instead (for
 *   'keep-alive-min', 'keep-alive-max', 'clean': `negotiated` and the log have the message), or it is sent in parts, or
 *   later; warn: it is sent, and `negotiated` and the log have the message
 * @property {number} value
 * @property {string} message for people: service, rule, what to do instead
 */

/**
 * The rules of a service; Rules of wasmqtt/providers is one. Payloads and properties are told by their bytes.
 * @typedef {object} ProfileRules
 * @property {(question: { version: number, clean: boolean, keepalive: number, clientId: string, userProperties: boolean,
 *   will?: { topic: string, payloadLength: number, qos: number, retain: boolean } }) =>
 *   readonly ProfileFinding[]} checkConnect
 * @property {(topic: string, payloadLength: number, message: { qos: number, retain: boolean, propertiesLength: number },
 *   version: number) => readonly ProfileFinding[]} checkPublish
 * @property {(filters: { filter: string, qos: number, retainHandling?: number }[], properties: {
 *   subscriptionIdentifier: boolean }, active: number) => readonly ProfileFinding[]} checkSubscribe active: filters that are
 *   subscribed to already
 * @property {(name: any) => { action: string, value: number } | undefined} get a rule by its name: 'inflight' and
 *   'filters-at-once' are taken as limits; 'publish-rate', if it adjusts, as how many messages leave in a second;
 *   'subscription-id' keeps identifiers out
 * @property {(name: 'connect-rate', now: number) => number} pace before each attempt. 0: now; or after how many ms to
 *   ask again
 */

/**
 * What connect() and createClient() take in place of a URL.
 * @typedef {object} Profile
 * @property {() => ProfileLogin | Promise<ProfileLogin>} login asked before each attempt. An error whose `phase` is
 *   'options' ends the client, with its code and message; any other is tried again
 * @property {() => ProfileRules | Promise<ProfileRules>} [rules] asked once, before the first attempt
 * @property {string} [service] its name, for the session's name in a store
 */

/** @param {unknown} what @returns {what is Profile} */
export function isProfile(what) {
  return typeof (/** @type {any} */ (what)?.login) === 'function';
}

const encoder = new TextEncoder();
/** What the core takes. */
const RATE_MAX = 1_000_000;

/** One client's way with its profile. */
export class Guide {
  #profile;
  #machine;
  #options;
  /** @type {ProfileRules | null} */
  #rules = null;
  /** What is to be signed in with by AUTH. @type {string | Uint8Array | undefined} */
  #data;
  /** The version that is in force, or is most likely to be. */
  #version = 5;
  /** Warnings for the connection to come. @type {Set<string>} */
  #warnings = new Set();

  /**
   * @param {Profile} profile
   * @param {import('./machine.js').Machine} machine
   * @param {import('./options.js').ClientOptions} options
   */
  constructor(profile, machine, options) {
    this.#profile = profile;
    this.#machine = machine;
    this.#options = options;
  }

  /** Before the core starts: its limits as the service has them. @param {import('../../wasm/core.js').CoreConfig} limits */
  async start(limits) {
    try {
      this.#rules = (await this.#profile.rules?.()) ?? null;
    } catch (cause) {
      throw asMqttError(cause, 'load');
    }
    const inflight = this.#rules?.get('inflight')?.value;
    return {
      ...limits,
      ...(inflight && { inflight_max: Math.min(limits.inflight_max ?? inflight, inflight) }),
      publish_rate: this.paces,
    };
  }

  /** So many messages leave in a second, and the others wait; 0: there is no such rule. */
  get paces() {
    const rate = this.#rules?.get('publish-rate');
    return rate?.action === 'adjust' ? Math.min(rate.value, RATE_MAX) : 0;
  }

  /** What the next attempt uses. @returns {Promise<import('./options.js').Credentials & import('./dialer.js').Given>} */
  async credentials() {
    for (let wait; (wait = this.#rules?.pace('connect-rate', this.#machine.now()) ?? 0) > 0;) {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    let login;
    try {
      login = await this.#profile.login();
      if (typeof login?.url !== 'string') throw new Error('login() gave no URL.');
    } catch (cause) {
      throw asMqttError(cause, 'open');
    }
    const { clientId, keepalive, clean, protocols } = this.#options;
    const { authenticationMethod, authenticationData, ...properties } = login.properties ?? {};
    const { url, username, password, unopened, expires, renew, reauthenticate, protocolVersions } = login;
    this.#data = authenticationData;
    this.#version = protocolVersions?.[0] ?? 5;
    return {
      ...{ url, username, password, unopened, expires, renew, reauthenticate, properties },
      clientId: clientId ?? login.clientId,
      keepalive: keepalive ?? login.keepalive,
      clean: clean ?? login.clean,
      protocols: protocols ?? login.protocols,
      versions: protocolVersions,
      authentication:
        authenticationMethod === undefined
          ? undefined
          : { method: authenticationMethod, start: () => ({ data: this.#data }) },
    };
  }

  /**
   * CONNECT as the service takes it. Throws what the service refuses.
   * @param {import('../../wasm/core.js').ConnectArgs} args
   * @param {boolean} userProperties
   */
  connect(args, userProperties) {
    const { version, clean, keepAlive, clientId, will } = args;
    this.#version = version;
    const { topic = '', payload, qos = 0, retain = false } = will ?? {};
    const findings = this.#rules?.checkConnect({
      ...{ version, clean, keepalive: keepAlive, clientId, userProperties },
      will: payload && { topic, payloadLength: payload.length, qos, retain },
    });
    for (const { rule, value, message } of this.#judge(findings, 'options')) {
      this.#warnings.add(message); // what was asked for is another thing
      if (rule.startsWith('keep-alive')) args.keepAlive = value;
      if (rule === 'clean') args.clean = value !== 0;
    }
    return args;
  }

  /** CONNACK came. @param {import('./connection.js').Connection} connection */
  accepted(connection) {
    for (const warning of this.#warnings) connection.warn(warning);
    this.#warnings.clear();
  }

  /**
   * A message is given to publish(), or comes from an earlier life. Throws what the service refuses.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {import('./outbox.js').PublishOptions} options
   * @param {number} propertiesLength
   */
  publish(topic, payload, { qos = 0, retain = false }, propertiesLength) {
    const rules = this.#rules;
    if (rules === null) return;
    const message = { qos, retain, propertiesLength };
    const version = this.#machine.version || this.#version;
    const text = typeof payload === 'string';
    // Text has at most three bytes a character; how many exactly is counted only if that is too many.
    let findings = rules.checkPublish(topic, text ? payload.length * 3 : payload.length, message, version);
    if (text && findings.length > 0)
      findings = rules.checkPublish(topic, encoder.encode(payload).length, message, version);
    this.#judge(findings, 'publish');
  }

  /**
   * A filter is about to be subscribed to. Throws what the service refuses.
   * @param {string} filter
   * @param {import('./subscriptions.js').SubscribeOptions} options
   * @param {number} active
   */
  subscribe(filter, { qos = 0, retainHandling, properties }, active) {
    const subscriptionIdentifier = properties?.subscriptionIdentifier !== undefined;
    this.#judge(
      this.#rules?.checkSubscribe([{ filter, qos, retainHandling }], { subscriptionIdentifier }, active),
      'subscribe',
    );
  }

  /** Filters in one SUBSCRIBE at most; undefined: no rule. */
  get batch() {
    return this.#rules?.get('filters-at-once')?.value;
  }

  /** Whether subscriptions may have identifiers. */
  get identifies() {
    return this.#rules?.get('subscription-id') === undefined;
  }

  /**
   * Throws what is refused, tells what is warned of; returns what is to be adjusted.
   * @param {readonly ProfileFinding[]} findings
   * @param {import('./errors.js').Phase} phase
   */
  #judge(findings = [], phase) {
    if (findings.length === 0) return findings;
    const refused = findings.find(({ action }) => action === 'refuse');
    if (refused) throw new MqttError(phase, 'rule', refused.message, { rule: refused.rule });
    for (const { action, message } of findings) {
      if (action !== 'warn') continue;
      const { connection } = this.#machine;
      if (connection) connection.warn(message);
      else this.#warnings.add(message);
    }
    return findings.filter(({ action }) => action === 'adjust');
  }
}

/**
 * @param {any} cause
 * @param {import('./errors.js').Phase} phase
 */
function asMqttError(cause, phase) {
  if (cause instanceof MqttError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  if (cause?.phase === 'options' && typeof cause.code === 'string') {
    return new MqttError('options', cause.code, text, { cause, field: cause.field });
  }
  return new MqttError(phase, 'credentials-failed', `The profile's login failed: ${text}`, { cause });
}
