// What connect() and createClient() take: checked, and with its defaults.
import { checkUrl } from './doctor.js';
import { isText, MqttError } from './errors.js';
import { isProfile } from './profile.js';
import { defaultWebSocket } from './socket.js';
import { indexedDb } from './store_indexeddb.js';
import { defaultTimerWorker } from './timer.js';

/**
 * @typedef {object} WillOptions the message that the server publishes when this client is lost
 * @property {string} topic
 * @property {string | Uint8Array} [payload] at most 65535 bytes; default: nothing
 * @property {0 | 1 | 2} [qos] default 0
 * @property {boolean} [retain] default false
 * @property {import('./properties.js').Properties} [properties] MQTT 5.0, e.g. willDelayInterval
 */

/**
 * @typedef {object} Credentials what one attempt uses in place of the options; what is left out stays
 * @property {string} [url]
 * @property {string} [username]
 * @property {string | Uint8Array} [password]
 * @property {string} [clientId]
 * @property {Date | number} [expires] when they end (a number: ms since epoch): ahead of that, by a tenth of their time but
 *   30 s to 5 min, credentials() is asked again and a connection with the new ones takes the place of the present one
 */

/**
 * @typedef {object} ClientOptions
 * @property {string} [clientId] default: a random one for each client object
 * @property {string} [username]
 * @property {string | Uint8Array} [password]
 * @property {number} [keepalive] seconds, 0..65535; default 60; 0: none. The server hears from us within it; one that says
 *   nothing for it and 20 s more counts as lost. A 5.0 server may say another interval
 * @property {boolean} [clean] begin without what the server kept of an earlier client with this id; default true. Reconnects
 *   of this client resume their session in any case, where MQTT 5.0 is spoken
 * @property {3 | 4 | 5} [protocolVersion] 5: MQTT 5.0, 4: 3.1.1, 3: 3.1; default: the newest that the server takes
 * @property {number} [connectTimeout] ms for an attempt, from opening the WebSocket to CONNACK; default 30000. Before that, the
 *   WebAssembly module, a store and credentials() may take as long each
 * @property {WillOptions} [will]
 * @property {import('./properties.js').Properties} [properties] of CONNECT, MQTT 5.0: sessionExpiryInterval (default 300 s
 *   while reconnecting is on, 7 days with a store that survives), receiveMaximum, topicAliasMaximum (of what comes, 0..1024;
 *   default 0), userProperties, ...
 * @property {() => Credentials | Promise<Credentials>} [credentials] asked before every attempt; may take connectTimeout
 * @property {import('./auth.js').Authentication} [authentication] enhanced authentication by AUTH packets, e.g. what
 *   scramSha256() returns. MQTT 5.0 has it and nothing older: no other version is tried then, since its server would let
 *   us in, or believe to, without asking. connectTimeout covers it
 * @property {import('./redirect.js').Redirect} [redirect] whether to follow a server that names another one (MQTT 5.0);
 *   default: to the same host only. At most five in a row; never from wss:// to ws://; credentials() is asked anew
 * @property {import('./retry.js').ReconnectOptions | false} [reconnect] false: a lost connection ends the client
 * @property {import('./outbox.js').QueueOptions} [queue]
 * @property {boolean} [manualAck] messages with QoS 1 and 2 are acknowledged by message.ack() only; default false
 * @property {'returned' | 'resolved'} [ack] acknowledge when every handler returned (default), or when the promises that
 *   they returned settled
 * @property {number} [maxInflight] messages with QoS 1 and 2 that are sent and not acknowledged, 1..65535; default 100,
 *   but 20 in MQTT 3.x, whose servers cannot say what they take: Mosquitto drops messages with QoS 2 beyond that
 * @property {number} [maximumPacketSize] bytes of a packet that is accepted, 1024..268435460; default 16 MiB
 * @property {number} [topicAliases] topics that are sent as a number of 3 bytes from their second message on, where the
 *   server takes aliases (MQTT 5.0), 0..1024; default 16; 0: none
 * @property {number} [unmatchedTimeout] ms that a message which no handler matches is kept for one; default 10000
 * @property {'memory' | 'indexeddb' | import('./store.js').Store} [store] where the session lives: messages with QoS 1 and 2
 *   until they are acknowledged, packet ids, subscriptions. 'memory' (default): in this object. 'indexeddb': it survives a
 *   reload, a crash and a restart of the browser. Or memoryStore(), or one of your own. Any but 'memory' needs a clientId and
 *   clean: false, and belongs to one client at a time: another one's code is 'store-in-use'. The first connection with an
 *   empty store begins a new session (MQTT 5.0). A store that does not answer for connectTimeout ms ends the attempt or the
 *   connection with code 'store-timeout', and the next attempt succeeds when it has answered: reconnecting goes on
 * @property {string} [storeName] with the clientId, the name of the session in the store; default: host and path of the
 *   first URL
 * @property {string[]} [protocols] WebSocket subprotocols; default: what the MQTT version wants, ['mqtt'] or ['mqttv3.1']
 * @property {import('./socket.js').WebSocketFactory} [webSocket] makes the WebSocket, or what stands in for it
 * @property {string} [responseTopic] where answers to request() are to come; default: one of this client's own
 * @property {(level: 'debug' | 'info' | 'warn', text: string, data?: unknown) => void} [log]
 * @property {URL | string | Response | BufferSource | WebAssembly.Module} [wasm] where the core comes from; default: beside
 *   this library, or inside it
 * @property {string | URL | false} [timerWorker] where worker.js of this package is served, from the page's own origin. While
 *   a page is hidden, browsers let its timers ring once a minute at worst; this worker's ring on time, for keep-alive and
 *   reconnecting. false: none. Default: beside this library, for the form that loads its files (wasmqtt/slim), unless wasm
 *   says that they are elsewhere; else false. Where it cannot be had, the client does as well as it can without
 */

/**
 * @typedef {object} Settings checked options
 * @property {string[]} urls
 * @property {string} clientId
 * @property {string | undefined} username
 * @property {Uint8Array | undefined} password
 * @property {number} keepalive
 * @property {boolean} clean
 * @property {number | undefined} version
 * @property {number} connectTimeout
 * @property {{ topic: string, payload: Uint8Array, qos: number, retain: boolean,
 *   properties: import('./properties.js').Properties | undefined } | undefined} will
 * @property {import('./properties.js').Properties} properties
 * @property {ClientOptions['credentials']} credentials
 * @property {ClientOptions['redirect']} redirect
 * @property {ClientOptions['authentication']} authentication
 * @property {Required<import('./retry.js').ReconnectOptions> | null} reconnect
 * @property {Required<import('./outbox.js').QueueOptions>} queue
 * @property {import('./inbox.js').AckRule} ackRule
 * @property {import('./store.js').Store | null} store
 * @property {string} sessionName
 * @property {number} unmatchedTimeout
 * @property {string[] | undefined} protocols
 * @property {import('./socket.js').WebSocketFactory} webSocket
 * @property {string | undefined} responseTopic
 * @property {ClientOptions['log']} log
 * @property {ClientOptions['wasm']} wasm
 * @property {string | URL | false} timerWorker
 * @property {number} receiveMaximum of servers that cannot say it
 * @property {import('../../wasm/core.js').CoreConfig} core
 */

/** @typedef {string | URL | readonly (string | URL)[] | import('./profile.js').Profile} Target where to connect to */

/** Stands for the URL that a profile's login will say. */
const PROFILED = 'wss://profile.invalid';
const EVENTS_MAX = 4096; // 64 KiB of small packets in one call
const encoder = new TextEncoder();

/** @typedef {((value: any) => boolean) & { hint?: string }} Rule what an option has to be */

/** @type {Record<string, Rule>} */
const RULES = {
  clientId: isText,
  username: isText,
  password: (value) => isText(value) || value instanceof Uint8Array,
  keepalive: within(0, 65535),
  clean: isBoolean,
  protocolVersion: within(3, 5),
  connectTimeout: within(1, 2 ** 31 - 1),
  will: isObject,
  properties: isObject,
  credentials: isFunction,
  redirect: isFunction,
  authentication: Object.assign((/** @type {any} */ value) => isText(value?.method) && isFunction(value.start), {
    hint: 'It is { method, start }: a string and a function.',
  }),
  reconnect: (value) => value === false || isObject(value),
  queue: isObject,
  manualAck: isBoolean,
  ack: oneOf('returned', 'resolved'),
  maxInflight: within(1, 65535),
  maximumPacketSize: within(1024, 268435460),
  topicAliases: within(0, 1024),
  unmatchedTimeout: within(0, 2 ** 31 - 1),
  store: (value) => value === 'memory' || value === 'indexeddb' || isFunction(value?.open),
  storeName: isText,
  protocols: (value) => Array.isArray(value) && value.every(isText),
  webSocket: isFunction,
  responseTopic: isText,
  log: isFunction,
  wasm: (value) => value != null,
  timerWorker: (value) => value === false || isText(value) || value instanceof URL,
};
/** @type {Record<string, Rule>} */
const RECONNECT_RULES = {
  minDelay: within(0, 2 ** 31 - 1),
  maxDelay: within(0, 2 ** 31 - 1),
  jitter: oneOf('full', 'none'),
  stableTime: within(0, 2 ** 31 - 1),
};
/** @type {Record<string, Rule>} */
const QUEUE_RULES = {
  maxMessages: within(1, 1000000),
  maxBytes: within(1, Number.MAX_SAFE_INTEGER),
  policy: oneOf('reject', 'drop-oldest', 'drop-newest'),
  qos0: isBoolean,
};
/** @type {Record<string, Rule>} */
const WILL_RULES = {
  topic: isText,
  payload: (value) => typeof value === 'string' || value instanceof Uint8Array,
  qos: within(0, 2),
  retain: isBoolean,
  properties: isObject,
};

/** Properties of CONNECT that are limits of our side: the core's to announce. @type {Record<string, Rule>} */
const LIMIT_RULES = {
  receiveMaximum: within(1, 65535),
  maximumPacketSize: within(1024, 268435460),
  topicAliasMaximum: within(0, 1024),
};

/** @param {unknown} value */
function isBoolean(value) {
  return typeof value === 'boolean';
}
/** @param {unknown} value */
function isFunction(value) {
  return typeof value === 'function';
}
/** @param {unknown} value */
function isObject(value) {
  return typeof value === 'object' && value !== null;
}
/**
 * @param {number} low
 * @param {number} high
 */
function within(low, high) {
  const rule = (/** @type {unknown} */ value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
  return Object.assign(rule, { hint: `It is a whole number, ${low} to ${high}.` });
}
/** @param {...string} allowed */
function oneOf(...allowed) {
  return (/** @type {unknown} */ value) => allowed.includes(/** @type {string} */ (value));
}

/**
 * @param {object} options
 * @param {Record<string, Rule>} rules
 * @param {string} path
 */
function check(options, rules, path) {
  for (const [name, value] of Object.entries(options)) {
    const rule = rules[name];
    if (!rule) {
      throw new MqttError('options', 'bad-option', `There is no option ${path}${name}.`, {
        hint: `There are: ${Object.keys(rules).join(', ')}.`,
      });
    }
    if (value !== undefined && !rule(value)) {
      const { hint } = rule;
      throw new MqttError('options', 'bad-option', `The option ${path}${name} has a value that it cannot have.`, {
        hint,
      });
    }
  }
}

/** @param {string | Uint8Array} value */
function bytes(value) {
  return typeof value === 'string' ? encoder.encode(value) : value.slice();
}

/** Bytes for a password. @param {string | Uint8Array | undefined} password */
export function passwordBytes(password) {
  return password === undefined ? undefined : bytes(password);
}

/**
 * The store of a session that survives, and the session's name in it.
 * @param {ClientOptions} options
 * @param {string} url
 */
function storeOf({ store = 'memory', storeName, clientId, clean }, url) {
  if (store === 'memory') return { store: null, sessionName: '' };
  if (!clientId || clean !== false) {
    throw new MqttError('options', 'bad-option', 'The option store needs a clientId, and clean: false.', {
      hint: 'A session can be taken up again only by its clientId, and only if connecting does not end it.',
    });
  }
  const { host, pathname } = new URL(url);
  const sessionName = JSON.stringify([storeName ?? host + pathname, clientId]);
  return { store: store === 'indexeddb' ? indexedDb : store, sessionName };
}

/** 23 characters, as many as MQTT 3.1 allows. */
function randomClientId() {
  const random = crypto.getRandomValues(new Uint8Array(10));
  return `wq-${[...random].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/**
 * @param {Target} target
 * @param {ClientOptions} options
 * @returns {Settings}
 */
export function settingsOf(target, options) {
  const profile = isProfile(target) ? target : null;
  const list = Array.isArray(target) ? target : [profile ? PROFILED : target];
  if (profile && (options.credentials || options.authentication)) {
    throw new MqttError('options', 'bad-option', 'A profile signs in by itself.', {
      hint: 'Leave out the options credentials and authentication.',
    });
  }
  if (list.length === 0) throw new MqttError('options', 'bad-url', 'There is no URL to connect to.');
  check(options, RULES, '');
  check(options.reconnect || {}, RECONNECT_RULES, 'reconnect.');
  check(options.queue ?? {}, QUEUE_RULES, 'queue.');
  check(options.will ?? {}, WILL_RULES, 'will.');
  if (options.will && options.will.topic === undefined) {
    throw new MqttError('options', 'bad-option', 'The option will.topic is missing.');
  }
  const { will, queue, reconnect, authentication } = options;
  if (authentication && (options.protocolVersion ?? 5) < 5) {
    throw new MqttError(
      'options',
      'bad-option',
      'The option authentication is for MQTT 5.0, and protocolVersion is older.',
    );
  }
  const { receiveMaximum, maximumPacketSize, topicAliasMaximum, ...properties } = options.properties ?? {};
  if (authentication && (properties.authenticationMethod ?? properties.authenticationData) !== undefined) {
    const text = 'Both the option authentication and a property authenticationMethod or authenticationData are given.';
    throw new MqttError('options', 'bad-option', text, { hint: 'The option gives both to the server by itself.' });
  }
  check({ receiveMaximum, maximumPacketSize, topicAliasMaximum }, LIMIT_RULES, 'properties.');
  return {
    urls: list.map(checkUrl),
    clientId: options.clientId ?? randomClientId(),
    username: options.username,
    password: passwordBytes(options.password),
    keepalive: options.keepalive ?? 60,
    clean: options.clean ?? true,
    version: authentication ? 5 : options.protocolVersion,
    connectTimeout: options.connectTimeout ?? 30_000,
    will: will && {
      topic: will.topic,
      payload: bytes(will.payload ?? ''),
      qos: will.qos ?? 0,
      retain: will.retain ?? false,
      properties: will.properties,
    },
    properties,
    credentials: options.credentials,
    redirect: options.redirect,
    authentication,
    reconnect:
      reconnect === false
        ? null
        : { minDelay: 1000, maxDelay: 120_000, jitter: 'full', stableTime: 10_000, ...defined(reconnect) },
    queue: { maxMessages: 10_000, maxBytes: 16 << 20, policy: 'reject', qos0: false, ...defined(queue) },
    ackRule: { manual: options.manualAck ?? false, resolved: options.ack === 'resolved' },
    unmatchedTimeout: options.unmatchedTimeout ?? 10_000,
    ...storeOf({ ...options, storeName: options.storeName ?? profile?.service }, checkUrl(list[0])),
    protocols: options.protocols,
    webSocket: options.webSocket ?? defaultWebSocket,
    responseTopic: options.responseTopic,
    log: options.log,
    wasm: options.wasm,
    timerWorker: options.timerWorker ?? (options.wasm === undefined && defaultTimerWorker()),
    receiveMaximum: options.maxInflight ?? 20,
    core: {
      events_max: EVENTS_MAX,
      queue_max: queue?.maxMessages ?? 10_000,
      inflight_max: options.maxInflight ?? 100,
      packet_size_max: options.maximumPacketSize ?? maximumPacketSize ?? 16 << 20,
      ...defined({
        receive_max: receiveMaximum,
        topic_alias_max: topicAliasMaximum,
        topic_alias_out_max: options.topicAliases,
      }),
    },
  };
}

/**
 * Without what is undefined.
 * @template {object} T
 * @param {T | undefined} options
 * @returns {{ [K in keyof T]: Exclude<T[K], undefined> }}
 */
function defined(options) {
  const entries = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return /** @type {any} */ (Object.fromEntries(entries));
}
