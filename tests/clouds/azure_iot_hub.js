// Azure IoT Hub: SAS tokens, its own topics and no others, telemetry with property bags, messages from cloud to device, twins,
// direct methods. What it dislikes it answers by closing the connection.
import { randomBytes, randomUUID } from 'node:crypto';
import { Expired, readToken } from './azure_sas.js';
import { CloudServer } from './server.js';

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {import('./server.js').Packet} Packet */
/** @typedef {Record<string, string | null>} Properties null: a key without a value */

/**
 * @typedef {object} Identity a device, or a module of one
 * @property {string} id "device" or "device/module"
 * @property {string} device
 * @property {string} module '' for a device
 * @property {string} key base64
 * @property {{ desired: any, reported: any }} twin
 * @property {CloudMessage[]} queue messages that were not acknowledged yet
 *
 * @typedef {object} CloudMessage
 * @property {string} topic
 * @property {string} payload
 * @property {boolean} done acknowledged by the device, or sent with QoS 0
 */

const MAX_MESSAGE = 256 * 1024;
/** Longest silence, in seconds, whatever the keepalive. */
const MAX_SILENCE = 1767;
/** How a request that failed is told. @type {Record<number, [code: number, message: string]>} */
const ERRORS = {
  400: [400004, 'The properties are no JSON object'],
  412: [412002, 'The version is another'],
  429: [429001, 'Too many requests'],
};

/** @param {any} value */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {Buffer} payload */
function json(payload) {
  try {
    return JSON.parse(`${payload}`);
  } catch {
    return undefined;
  }
}

/**
 * Merge a patch into properties: null deletes, and whatever is no object replaces.
 * @param {any} properties
 * @param {any} patch
 */
function merge(properties, patch) {
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$version') continue;
    if (value === null) delete properties[key];
    else properties[key] = isObject(value) ? merge(isObject(properties[key]) ? properties[key] : {}, value) : value;
  }
  return properties;
}

/** @param {Properties} properties in their order, encoded as the hub does */
const bag = (properties) =>
  Object.entries(properties)
    .map(([key, value]) => encodeURIComponent(key) + (value === null ? '' : `=${encodeURIComponent(value)}`))
    .join('&');

/**
 * @param {string} text
 * @returns {Properties}
 */
function readBag(text) {
  const pairs = text.replace(/^\?/, '').replace(/\/$/, '').split('&');
  return Object.fromEntries(
    pairs.filter(Boolean).map((pair) => {
      const [key, value] = pair.split(/=(.*)/s);
      return [decodeURIComponent(key), value === undefined ? null : decodeURIComponent(value)];
    }),
  );
}

export class AzureIotHub extends CloudServer {
  /** @override */ paths = ['/$iothub/websocket'];
  /** @override */ retains = false;

  /** @type {Map<string, Identity>} by id */ #identities = new Map();
  /** Shared access policies: key and what it is good for. @type {Map<string, { key: string, connect: boolean }>} */
  #policies = new Map();
  /** Names that the hub goes by. @type {string[]} */ #names;
  #expired = new Expired();
  /** Methods that wait, by request. @type {Map<string, (answer: { status: number, payload: any } | Error) => void>} */
  #calls = new Map();
  #requests = 0;
  /** @type {number[]} statuses of the next twin requests */ #failing = [];

  /** What the service's side can do. A device or module goes by its id: "device", "device/module". */
  cloud = {
    /** A device or module; one that is there gets another key. @param {string} device @param {string} [key] base64 @param {string} [module] */
    add: (device, key = randomBytes(32).toString('base64'), module = '') => this.#add(device, key, module),
    /** The twin. @param {string} id */
    twin: (id) => this.#identity(id).twin,
    /** Change desired properties: null deletes. Returns their version. @param {string} id @param {object} patch */
    desired: (id, patch) => this.#desired(this.#identity(id), patch),
    /** The next twin request is answered with that status. @param {number} status 429, 500... */
    failTwin: (status) => void this.#failing.push(status),
    /**
     * Call a direct method. Rejects if the device is not there, or does not answer in time.
     * @param {string} id @param {string} name @param {any} [payload] @param {number} [seconds]
     */
    method: (id, name, payload = null, seconds = 30) => this.#method(this.#identity(id), name, payload, seconds),
    /**
     * A message to a device: kept until it has acknowledged it.
     * @param {string} device @param {string} payload
     * @param {Properties} [properties] of the system ("$.mid", "$.ct") and of one's own
     */
    send: (device, payload, properties = {}) => this.#send(this.#identity(device), payload, properties),
    /**
     * A message to a module's input: only if it is there.
     * @param {string} id @param {string} input @param {string} payload @param {Properties} [properties]
     */
    input: (id, input, payload, properties = {}) => {
      const { device, module } = this.#identity(id);
      const root = `devices/${device}/modules/${module}`;
      this.#tell(id, [`${root}/inputs/#`, `${root}/#`], `${root}/inputs/${input}/${bag(properties)}`, payload);
    },
  };

  /** What to fill in, with the key of a device; of a module; of a policy. */
  form = { host: '', auth: 'device', device: '', key: '' };
  moduleForm = { host: '', auth: 'module', device: '', module: '', key: '' };
  policyForm = { host: '', auth: 'policy', device: '', key: '', policy: 'device', 'policy-scope': 'device' };

  /** @param {{ device: string, module: string, name?: string }} options */
  constructor({ device, module, name }) {
    super();
    this.#names = name === undefined ? [] : [name];
    for (const [policy, connect] of /** @type {[string, boolean][]} */ ([
      ['device', true],
      ['service', false],
    ])) {
      this.#policies.set(policy, { key: randomBytes(32).toString('base64'), connect });
    }
    Object.assign(this.form, { device, key: this.#add(device, randomBytes(32).toString('base64'), '').key });
    Object.assign(this.moduleForm, { device, module });
    this.moduleForm.key = this.#add(device, randomBytes(32).toString('base64'), module).key;
    Object.assign(this.policyForm, { device, key: this.#policies.get('device')?.key });
  }

  /** A policy's key, whatever it is good for. @param {string} name */
  policyKey(name) {
    return this.#policies.get(name)?.key;
  }

  /** @param {string} device @param {string} key @param {string} module */
  #add(device, key, module) {
    const id = module === '' ? device : `${device}/${module}`;
    const known = this.#identities.get(id);
    if (known) return Object.assign(known, { key });
    /** @type {Identity} */
    const made = { id, device, module, key, twin: { desired: { $version: 1 }, reported: { $version: 1 } }, queue: [] };
    this.#identities.set(id, made);
    return made;
  }

  /** @param {string} id */
  #identity(id) {
    const found = this.#identities.get(id);
    if (!found) throw new Error(`there is no ${id}`);
    return found;
  }

  // ------------------------------------------------------------------------------------------------ connections

  /** @override @param {Connection} connection @param {Packet} packet */
  authenticate(connection, { clientId, username, password, will }) {
    const refuse = (/** @type {number} */ code, /** @type {string} */ what) => {
      this.violation('credentials', what);
      return code;
    };
    const [, name, id, version] = /^([^/]+)\/(.+)\/\?api-version=([^&]*)(?:&.*)?$/.exec(`${username}`) ?? [];
    const known = [this.host, ...this.#names].find((it) => it.toLowerCase() === name?.toLowerCase());
    if (!known) return refuse(4, 'the user name is not HUB/DEVICE/?api-version=DATE');
    if (!/^20\d\d-\d\d-\d\d(-preview)?$/.test(version)) return refuse(4, `no API version: ${version}`);
    if (id !== clientId) return refuse(4, `client id ${clientId}, user name of ${id}`);
    const identity = this.#identities.get(clientId);
    const token = readToken(`${password ?? ''}`, ({ resource, policy }) =>
      this.#keys(known, resource, policy, identity),
    );
    if (!identity || !token) return refuse(5, 'the token is not good for this device');
    if (this.#expired.has(`${password}`)) return refuse(5, 'the token has expired');
    if (will && (will.qos === 2 || !this.#isEvents(identity, will.topic))) {
      this.violation('will', `${will.topic} with QoS ${will.qos}`);
      connection.drop();
      return undefined;
    }
    connection.identity = { ...identity, expires: token.expires };
    return 0;
  }

  /**
   * The keys that may sign for a resource.
   * @param {string} name @param {string} resource @param {string | undefined} policy @param {Identity | undefined} identity
   */
  #keys(name, resource, policy, identity) {
    if (!identity) return [];
    const { device, module, key } = identity;
    const own = `${name}/devices/${device}${module && `/modules/${module}`}`;
    const { key: shared, connect } = this.#policies.get(policy ?? '') ?? {};
    if (policy !== undefined) return shared && connect && [own, name].includes(resource) ? [shared] : [];
    return resource === own ? [key] : [];
  }

  /** @override @param {Connection} connection */
  silence({ connect }) {
    return Math.min(connect.keepalive * 1.5 || MAX_SILENCE, MAX_SILENCE);
  }

  /** @override @param {Connection} connection */
  connected(connection) {
    connection.expiresAt(connection.identity.expires * 1000);
    this.#deliver(connection);
  }

  /** @override */
  expireNow() {
    this.#expired.now();
    super.expireNow();
  }

  // ------------------------------------------------------------------------------------------------ subscriptions

  /** @override @param {Connection} connection @param {Packet} packet */
  subscribe(connection, packet) {
    const { device, module } = connection.identity;
    const root = `devices/${device}/modules/${module}`;
    const own = module ? [`${root}/inputs/#`, `${root}/#`] : [`devices/${device}/messages/devicebound/#`];
    const all = [...own, '$iothub/twin/res/#', '$iothub/twin/PATCH/properties/desired/#', '$iothub/methods/POST/#'];
    const wanted = packet.subscriptions.map((/** @type {any} */ { topic }) => topic);
    const wrong = wanted.find((/** @type {string} */ topic) => !all.includes(topic));
    if (wrong !== undefined) return this.violated(connection, 'filter', `${wrong} is none of this device`);
    // The hub takes five filters of a client at most; no client has more than these.
    return packet.subscriptions.map((/** @type {any} */ { qos }) => Math.min(qos, 1));
  }

  /** @override @param {Connection} connection */
  subscribed(connection) {
    this.#deliver(connection);
  }

  /**
   * To a client that is there and has one of these subscriptions.
   * @param {string} id
   * @param {string[]} filters
   * @param {string} topic
   * @param {string} payload
   */
  #tell(id, filters, topic, payload) {
    const connection = this.connection(id);
    const filter = filters.find((it) => connection?.session.subscriptions.has(it));
    if (!connection || filter === undefined) return false;
    connection.publish({ topic, payload, qos: connection.session.subscriptions.get(filter) });
    return true;
  }

  // ------------------------------------------------------------------------------------------------ what devices send

  /** @param {Identity} identity @param {string} topic */
  #isEvents({ device, module }, topic) {
    return topic.startsWith(`devices/${device}/${module && `modules/${module}/`}messages/events/`);
  }

  /** @override @param {Connection} connection @param {Packet} packet */
  publish(connection, packet) {
    const { topic, payload, qos } = packet;
    if (qos === 2) return this.violated(connection, 'qos', 'QoS 2');
    const size = Buffer.byteLength(topic) + payload.length;
    if (size > MAX_MESSAGE) return this.violated(connection, 'payload', `${size} bytes`);
    if (this.#isEvents(connection.identity, topic)) return this.#telemetry(connection, packet);
    const [, kind, name, query] = /^\$iothub\/(twin|methods)\/(.+)\/\?(.*)$/.exec(topic) ?? [];
    let properties;
    try {
      properties = readBag(query ?? '');
    } catch {
      properties = /** @type {Properties} */ ({});
    }
    const request = properties.$rid;
    if (request && kind === 'twin' && name === 'GET') this.#twin(connection, request, () => [200, '']);
    else if (request && kind === 'twin' && name === 'PATCH/properties/reported') {
      this.#twin(connection, request, () => this.#reported(connection, packet, properties.$version));
    } else if (request && kind === 'methods' && /^res\/-?\d+$/.test(name)) {
      const answer = payload.length > 0 ? json(payload) : null;
      if (answer === undefined) return this.violated(connection, 'payload', 'the answer to a method is no JSON');
      this.note('answers', connection.clientId, packet);
      this.#calls.get(request)?.({ status: Number(name.slice(4)), payload: answer });
    } else return this.violated(connection, 'topic', `${topic} is none of this device`);
    return 0;
  }

  /** @param {Connection} connection @param {Packet} packet */
  #telemetry(connection, packet) {
    let properties;
    try {
      properties = readBag(packet.topic.slice(packet.topic.indexOf('/messages/events/') + '/messages/events/'.length));
    } catch {
      return this.violated(connection, 'topic', 'its properties are not percent-encoded');
    }
    if (packet.retain) properties['mqtt-retain'] = 'true';
    if (connection.closed) properties['iothub-MessageType'] = 'Will';
    this.note('telemetry', connection.clientId, packet, properties);
    return 0;
  }

  /**
   * @param {Connection} connection
   * @param {string} request
   * @param {() => [status: number, more: string]} act
   */
  #twin({ clientId, identity }, request, act) {
    const failing = this.#failing.shift();
    const [status, more] = failing ? [failing, ''] : act();
    const [errorCode, message] = ERRORS[status] ?? [status * 1000, 'It failed'];
    const body = status === 200 ? identity.twin : status >= 300 ? { errorCode, message } : undefined;
    const topic = `$iothub/twin/res/${status}/?$rid=${encodeURIComponent(request)}${more}`;
    this.#tell(clientId, ['$iothub/twin/res/#'], topic, body === undefined ? '' : JSON.stringify(body));
  }

  /**
   * @param {Connection} connection
   * @param {Packet} packet
   * @param {string | null | undefined} base the version that the patch is for
   * @returns {[status: number, more: string]}
   */
  #reported({ clientId, identity }, packet, base) {
    const { reported } = identity.twin;
    const patch = json(packet.payload);
    if (!isObject(patch)) return [400, ''];
    if (base && Number(base) !== reported.$version) return [412, ''];
    merge(reported, patch);
    reported.$version++;
    this.note('state', clientId, packet);
    return [204, `&$version=${reported.$version}`];
  }

  // ------------------------------------------------------------------------------------------------ what devices are sent

  /** @param {Identity} identity @param {object} patch */
  #desired({ id, twin: { desired } }, patch) {
    const $version = desired.$version + 1;
    merge(desired, patch);
    desired.$version = $version;
    const topic = `$iothub/twin/PATCH/properties/desired/?$version=${$version}`;
    this.#tell(id, ['$iothub/twin/PATCH/properties/desired/#'], topic, JSON.stringify({ ...patch, $version }));
    return $version;
  }

  /**
   * @param {Identity} identity @param {string} name @param {any} payload @param {number} seconds
   * @returns {Promise<{ status: number, payload: any }>}
   */
  async #method({ id }, name, payload, seconds) {
    const request = (++this.#requests).toString(16);
    const topic = `$iothub/methods/POST/${name}/?$rid=${request}`;
    if (!this.#tell(id, ['$iothub/methods/POST/#'], topic, JSON.stringify(payload))) {
      throw new Error(`${id} is not online (404103)`);
    }
    return new Promise((resolve, reject) => {
      const late = () => this.#calls.get(request)?.(new Error(`${id} did not answer in time (504101)`));
      const timer = setTimeout(late, seconds * 1000);
      this.#calls.set(request, (answer) => {
        clearTimeout(timer);
        this.#calls.delete(request);
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
    });
  }

  /** @param {Identity} identity @param {string} payload @param {Properties} properties */
  #send({ id, device, queue }, payload, properties) {
    const all = { '$.mid': randomUUID(), '$.to': `/devices/${device}/messages/deviceBound`, ...properties };
    const message = { topic: `devices/${device}/messages/devicebound/${bag(all)}`, payload, done: false };
    queue.push(message);
    const connection = this.connection(id);
    if (connection) this.#deliver(connection);
    return message;
  }

  /** Sends what waits for a device, if it has subscribed. @param {Connection} connection */
  #deliver(connection) {
    const { session, identity } = connection;
    const qos = session.subscriptions.get(`devices/${identity.device}/messages/devicebound/#`);
    if (qos === undefined) return;
    const sent = new Set([...session.queue, ...session.unacknowledged.values()].map(({ topic }) => topic));
    for (const message of [...identity.queue]) {
      if (sent.has(message.topic)) continue;
      connection.publish({ topic: message.topic, payload: message.payload, qos });
      if (qos === 0) this.#done(identity, message.topic);
    }
  }

  /** @param {Identity} identity @param {string} topic */
  #done({ queue }, topic) {
    const index = queue.findIndex((message) => message.topic === topic);
    if (index >= 0) queue.splice(index, 1)[0].done = true;
    this.changed();
  }

  /** An acknowledgement ends a message to a device. @override @param {Connection} connection @param {Packet} packet */
  async handle(connection, packet) {
    const { open, session, identity } = connection;
    const sent = packet.cmd === 'puback' ? session.unacknowledged.get(packet.messageId) : undefined;
    await super.handle(connection, packet);
    if (open && sent) this.#done(identity, sent.topic);
  }

  /** @override */
  async stop() {
    for (const settle of this.#calls.values()) settle(new Error('the hub has stopped'));
    await super.stop();
  }

  /** @override */
  async listen(/** @type {Parameters<CloudServer['listen']>[0]} */ options) {
    await super.listen(options);
    for (const form of [this.form, this.moduleForm, this.policyForm]) form.host = this.host;
    return this;
  }
}

/**
 * Start one.
 * @param {object} [options]
 * @param {number} [options.port]
 * @param {boolean} [options.tls] default true
 * @param {string} [options.device]
 * @param {string} [options.module]
 * @param {string} [options.name] a hub's name that clients may use, beside the host and port where it listens
 */
export async function startAzureIotHub({ port, tls = true, device = 'dev-1', module = 'mod-1', name } = {}) {
  return new AzureIotHub({ device, module, name }).listen({ port, tls });
}
