// Alibaba Cloud IoT Platform: one product and its devices. Topics hold the product's key and the device's name; whatever is not
// the device's own is lost without a word.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { merge, parseObject } from './json.js';
import { CloudServer } from './server.js';

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {any} Packet as mqtt-packet has it */
/** @typedef {import('./json.js').Json} Json */

/** The vendor's own. @type {(algorithm: string, secret: string, content: string) => string} */
const hmacSign = createRequire(import.meta.url)('aliyun-iot-device-sdk/lib/utils.js').hmacSign;

const ALGORITHMS = ['hmacmd5', 'hmacsha1', 'hmacsha256'];
const PAYLOAD = 262_144;
const FILTERS = 100;
const CLIENT_ID = 64;
const SESSION_S = 604_800;

/**
 * @typedef {object} Device
 * @property {string} secret
 * @property {{ state: { desired?: Json, reported?: Json }, version: number }} shadow
 */

class Alibaba extends CloudServer {
  /** By name. @type {Map<string, Device>} */
  devices = new Map();
  #lastId = 0;

  /** @param {string} product its key @param {string} productSecret */
  constructor(product, productSecret) {
    super();
    Object.assign(this, { paths: ['/'], versions: [3, 4, 5], retains: false, wills: false, sessionSeconds: SESSION_S });
    this.product = product;
    this.productSecret = productSecret;
  }

  /** @param {string} name @param {string} [secret] */
  addDevice(name, secret = randomBytes(16).toString('hex')) {
    const device = { secret, shadow: { state: {}, version: 0 } };
    this.devices.set(name, device);
    return device;
  }

  // ------------------------------------------------------------------------------------------------ sign-in

  /** @param {Connection} connection @param {Packet} packet @override */
  authenticate(connection, packet) {
    const { clientId, username = '', password = '', keepalive } = packet;
    const refuse = (/** @type {string} */ what, /** @type {4 | 5} */ code) => {
      this.violation('credentials', what);
      return connection.version === 5 ? code + 0x82 : code;
    };
    if (keepalive < 30 || keepalive > 1200) return connection.punish('keepalive', `${keepalive} s is not 30 to 1200`);
    const [, id, list] = /^([^|]*)\|([^|]*)\|$/s.exec(clientId) ?? [];
    const [name, product] = username.split('&');
    if (list === undefined || id.length > CLIENT_ID) return refuse('the client id has another form', 4);
    if (!name || product !== this.product) return refuse('the user name is not DEVICE&PRODUCT', 4);
    const given = Object.fromEntries(list.split(',').map((/** @type {string} */ part) => part.trim().split('=')));
    const { securemode, signmethod = 'hmacmd5', timestamp, random, authType } = given;
    const mode = authType === 'regnwl' ? '-2' : connection.upgrade.secure ? '2' : '3';
    if (securemode !== mode) return refuse(`securemode is ${securemode}, and not ${mode}`, 5);
    if (!ALGORITHMS.includes(signmethod)) return refuse(`there is no signmethod ${signmethod}`, 4);
    const device = this.devices.get(name);
    const registering = authType === 'register' || authType === 'regnwl';
    if (!registering && authType !== undefined) return refuse(`there is no authType ${authType}`, 4);
    if (!device && authType !== 'regnwl') return refuse(`there is no device ${name}`, 5);
    const content = registering
      ? `deviceName${name}productKey${product}random${random}`
      : `clientId${id}deviceName${name}productKey${product}${timestamp === undefined ? '' : `timestamp${timestamp}`}`;
    const secret = registering ? this.productSecret : (device?.secret ?? '');
    if (hmacSign(signmethod.slice(4), secret, content) !== `${password}`.toLowerCase()) {
      return refuse('the signature is wrong', 5);
    }
    connection.identity = { name, registering };
    return 0;
  }

  /** One connection a device. @param {Connection} connection @override */
  sessionKey({ identity: { name, registering } }) {
    return registering ? `register ${name}` : name;
  }

  /** @param {Connection} connection @override */
  connected(connection) {
    const { name, registering } = connection.identity;
    if (!registering) return;
    const { secret } = this.devices.get(name) ?? this.addDevice(name);
    const certificate = { productKey: this.product, deviceName: name, deviceSecret: secret };
    connection.publish({ topic: '/ext/register', payload: JSON.stringify(certificate) });
  }

  // ------------------------------------------------------------------------------------------------ packets

  /** @param {Connection} connection @param {Packet} packet @override */
  publish(connection, packet) {
    const { name, registering } = connection.identity;
    if (packet.qos === 2) return connection.punish('qos', 'PUBLISH with QoS 2', 0x9b);
    if (packet.payload.length > PAYLOAD) return connection.punish('payload', `${packet.payload.length} bytes`, 0x95);
    if (packet.retain) this.violation('retain', 'it is ignored');
    if (!registering && this.#take(name, packet)) return 0;
    this.violation('topic', `${packet.topic} is lost`);
    return connection.version === 5 ? 0x87 : 0;
  }

  /** @param {string} name @param {Packet} packet @returns {boolean} the device may publish there */
  #take(name, packet) {
    const { topic } = packet;
    const { product } = this;
    if (topic === `/shadow/update/${product}/${name}`) {
      this.#shadow(name, packet);
    } else if (topic === `/ext/ntp/${product}/${name}/request`) {
      const { deviceSendTime } = parseObject(packet.payload) ?? {};
      const times = { deviceSendTime, serverRecvTime: `${Date.now()}`, serverSendTime: `${Date.now()}` };
      this.#send(`/ext/ntp/${product}/${name}/response`, times);
    } else if (topic.startsWith(`/sys/${product}/${name}/rrpc/response/`)) {
      this.note('answers', name, packet);
    } else if (topic.startsWith(`/sys/${product}/${name}/thing/`)) {
      this.#thing(name, packet);
    } else if (topic.startsWith(`/${product}/${name}/user/`)) {
      this.note('telemetry', name, packet);
      this.route(packet);
    } else if (new RegExp(`^/broadcast/${product}/[^/]+$`).test(topic)) {
      this.route(packet);
    } else return /^\/(ota\/device\/(inform|progress|request)|ext\/(session|rrpc))\//.test(topic);
    return true;
  }

  /** What the thing specification has: reported, raised, answered. @param {string} name @param {Packet} packet */
  #thing(name, packet) {
    const { topic, payload } = packet;
    const path = topic.split('/').slice(5).join('/');
    const body = parseObject(payload);
    if (path === 'event/property/post') {
      this.note('telemetry', name, packet);
      const device = this.devices.get(name);
      if (device && body) merge((device.shadow.state.reported ??= {}), body.params ?? {});
    } else if (/^event\/.+\/post$/.test(path)) this.note('events', name, packet);
    else if (/^service\/.+_reply$/.test(path)) return this.note('answers', name, packet);
    if (path.endsWith('_reply')) return;
    const { id, method } = body ?? {};
    const result = body ? { code: 200, message: 'success' } : { code: 460, message: 'request parameter error' };
    this.#send(`${topic}_reply`, { ...result, data: {}, id, method, version: '1.0' });
  }

  /** @param {string} name @param {Packet} packet */
  #shadow(name, packet) {
    const { shadow } = /** @type {Device} */ (this.devices.get(name));
    const body = parseObject(packet.payload) ?? {};
    const { method, state, version } = body;
    const fail = (/** @type {number} */ errorcode, /** @type {string} */ errormessage) =>
      this.#shadowTo(name, 'reply', { status: 'error', content: { errorcode, errormessage } });
    if (method === 'get') return this.#shadowTo(name, 'reply', { status: 'success', state: shadow.state });
    if (method !== 'update' && method !== 'delete') return fail(400, 'there is no such method');
    if (version !== -1 && !(version > shadow.version)) return fail(409, `the version is ${shadow.version}`);
    this.note('state', name, packet);
    shadow.version = version === -1 ? 0 : version;
    const { reported, desired } = state ?? {};
    if (desired === 'null') delete shadow.state.desired;
    if (reported === 'null') delete shadow.state.reported;
    else {
      // A key whose value is the text "null" goes away.
      const patch = Object.entries(reported ?? {}).map(([key, value]) => [key, value === 'null' ? null : value]);
      shadow.state.reported = merge(shadow.state.reported ?? {}, Object.fromEntries(patch));
    }
    return this.#shadowTo(name, 'reply', { status: 'success' });
  }

  /** @param {Connection} connection @param {string} filter @param {number} qos @override */
  grant(connection, filter, qos) {
    const { name, registering } = connection.identity;
    const { product } = this;
    const own = [`/sys/${product}/${name}/`, `/${product}/${name}/user/`, `/ext/ntp/${product}/${name}/`];
    const others = [
      `/shadow/get/${product}/${name}`,
      `/ota/device/upgrade/${product}/${name}`,
      `/ext/error/${product}/${name}`,
      '/ext/register',
    ];
    const broadcast = new RegExp(`^/broadcast/${product}/[^/]+$`).test(filter);
    const session = /^\/ext\/(session|rrpc)\//.test(filter);
    const mine = own.some((start) => filter.startsWith(start)) || others.includes(filter) || broadcast || session;
    const { subscriptions } = connection.session;
    const room = subscriptions.has(filter) || subscriptions.size < FILTERS;
    if (!registering && mine && room) return Math.min(qos, 1);
    this.violation(mine ? 'filters' : 'filter', filter);
    return connection.version === 5 ? 0x87 : 0x80;
  }

  /** A subscriber's QoS does not count. @param {number} _granted @param {number} published @override */
  deliveredQos(_granted, published) {
    return published;
  }

  // ------------------------------------------------------------------------------------------------ the cloud

  /** @param {string} topic @param {Json} body */
  #send(topic, body) {
    this.route({ topic, payload: JSON.stringify(body), qos: 1 });
  }

  /** @param {string} name @param {'reply' | 'control'} method @param {Json} payload */
  #shadowTo(name, method, payload) {
    const version = this.devices.get(name)?.shadow.version;
    this.#send(`/shadow/get/${this.product}/${name}`, { method, payload, version, timestamp: now() });
  }

  /**
   * Invokes a service of the thing specification, or sets properties, and waits for the answer.
   * @param {string} name of the device
   * @param {string} service its id, or "property/set"
   * @param {Json} params
   * @returns {Promise<Json>}
   */
  async invoke(name, service, params) {
    const id = `${++this.#lastId}`;
    const method = `thing.service.${service.replaceAll('/', '.')}`;
    const topic = `/sys/${this.product}/${name}/thing/service/${service}`;
    this.#send(topic, { method, id, params, version: '1.0.0' });
    return this.until(() => {
      const answers = this.seen.answers.filter((answer) => answer.topic === `${topic}_reply`);
      return answers.map(({ payload }) => parseObject(payload)).find((answer) => answer?.id === id);
    });
  }

  /**
   * Calls the device, and waits for its answer (RRPC).
   * @param {string} name
   * @param {string} payload
   * @returns {Promise<string>}
   */
  async rrpc(name, payload) {
    const id = `${++this.#lastId}${Date.now()}`;
    const path = `/sys/${this.product}/${name}/rrpc`;
    this.route({ topic: `${path}/request/${id}`, payload, qos: 0 });
    return this.until(() => this.seen.answers.find(({ topic }) => topic === `${path}/response/${id}`)?.text);
  }

  /** The shadow's desired state, told to the device. @param {string} name @param {Json} desired a patch */
  setDesired(name, desired) {
    const { shadow } = /** @type {Device} */ (this.devices.get(name));
    shadow.version++;
    shadow.state.desired = merge(shadow.state.desired ?? {}, desired);
    this.#shadowTo(name, 'control', { status: 'success', state: shadow.state });
  }
}

function now() {
  return Math.floor(Date.now() / 1000);
}

/**
 * @param {object} [options]
 * @param {number} [options.port]
 * @param {boolean | import('./tls.js').Certificate} [options.tls] default true; false: ws, where securemode has to be 3
 * @param {string} [options.product] ProductKey
 * @param {string} [options.productSecret]
 * @param {string} [options.device] DeviceName
 * @param {string} [options.secret] DeviceSecret
 */
export async function startAlibaba({
  port,
  tls = true,
  product = 'a1X2bEnP82z',
  productSecret = 'productsecret',
  device = 'example1',
  secret = 'ga7XA6KdlEeiPXQPpRbAjOZXwG8ydgSe',
} = {}) {
  const alibaba = new Alibaba(product, productSecret);
  alibaba.addDevice(device, secret);
  await alibaba.listen({ port, tls });
  const base = { host: alibaba.host, product, device, tls: tls ? '1' : '0' };
  return Object.assign(alibaba, {
    form: { ...base, auth: 'device', secret },
    /** Each way to sign in. @type {Record<string, Record<string, string>>} */
    forms: {
      device: { ...base, auth: 'device', secret },
      register: { ...base, auth: 'register', 'product-secret': productSecret },
      'register-new': { ...base, device: 'example2', auth: 'register-new', 'product-secret': productSecret },
    },
    cloud: {
      /** A message of any topic. */
      publish: alibaba.route.bind(alibaba),
      addDevice: alibaba.addDevice.bind(alibaba),
      /** A service of the thing specification; resolves with the answer. */
      command: alibaba.invoke.bind(alibaba),
      rrpc: alibaba.rrpc.bind(alibaba),
      /** Resolves with the answer. @param {string} name @param {Json} params */
      setProperties: (name, params) => alibaba.invoke(name, 'property/set', params),
      setDesired: alibaba.setDesired.bind(alibaba),
      /** @param {string} name */
      getShadow: (name) => alibaba.devices.get(name)?.shadow,
    },
  });
}
