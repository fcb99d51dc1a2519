// Scaleway IoT Hub: a device's id is all it takes; topics are free; Cloud Twins hold state. The shared plan forbids much of MQTT.
import { randomUUID } from 'node:crypto';
import { commandFree, noteFree } from './free_topics.js';
import { isObject, merge, parseObject } from './json.js';
import { CloudServer } from './server.js';
import { matches } from './topics.js';

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {any} Packet as mqtt-packet has it */
/** @typedef {import('./json.js').Json} Json */

const PAYLOAD = 4 << 20;

class Scaleway extends CloudServer {
  /** Ids. @type {Set<string>} */
  devices = new Set();
  /** Filters of topics that devices may not publish to, and not subscribe to. */
  denied = { publish: /** @type {string[]} */ ([]), subscribe: /** @type {string[]} */ ([]) };
  /** Documents, by "DEVICE/NAME". @type {Map<string, { version: number, data: Json }>} */
  #twins = new Map();

  /** @param {'shared' | 'dedicated'} plan */
  constructor(plan) {
    super();
    this.shared = plan === 'shared';
  }

  /** @param {string} [device] its id */
  addDevice(device = randomUUID()) {
    this.devices.add(device);
    return device;
  }

  // ------------------------------------------------------------------------------------------------ sign-in

  /** @param {Connection} connection @param {Packet} packet @override */
  authenticate(connection, { clientId, username, clean }) {
    const device = username ?? clientId;
    if (!this.devices.has(device)) {
      this.violation('credentials', 'there is no such device');
      return 4;
    }
    connection.clientId ||= randomUUID();
    connection.identity = device;
    if (this.shared && !clean) {
      this.#forbidden(connection, 'clean', 'a session that is kept');
      return 5;
    }
    return 0;
  }

  /** One connection a device. @param {Connection} connection @override */
  sessionKey({ identity }) {
    return identity;
  }

  // ------------------------------------------------------------------------------------------------ packets

  /** @param {Connection} connection @param {Packet} packet @override */
  publish(connection, packet) {
    const { topic, payload, qos, retain } = packet;
    if (this.shared && retain) return this.#forbidden(connection, 'retain', 'a retained message');
    if (this.shared && qos === 2) return this.#forbidden(connection, 'qos', 'PUBLISH with QoS 2');
    const [, twin, document, method] = /^\$SCW\/twins\/([^/]+)\/([^/]+)\/(get|put|patch)$/.exec(topic) ?? [];
    if (method !== undefined) {
      this.#twin(connection, packet, { twin, document, method });
    } else if (payload.length > PAYLOAD) {
      this.#lost(connection, 'payload', 'payload too large');
    } else if (topic.startsWith('$') || this.denied.publish.some((filter) => matches(filter, topic))) {
      this.#lost(connection, 'topic', `publish rejected: ${topic}`);
    } else {
      noteFree(this, packet);
      this.route(packet);
    }
    return 0;
  }

  /** @param {Connection} connection @param {Packet} packet @override */
  subscribe(connection, packet) {
    if (this.shared && packet.subscriptions.some((/** @type {any} */ { qos }) => qos > 0)) {
      return this.#forbidden(connection, 'subscribe-qos', 'SUBSCRIBE with QoS 1 or 2');
    }
    return super.subscribe(connection, packet);
  }

  /** @param {Connection} connection @param {string} filter @param {number} qos @override */
  grant(connection, filter, qos) {
    if (!this.denied.subscribe.some((denied) => denied === filter || matches(denied, filter))) return qos;
    this.#lost(connection, 'filter', `subscribe rejected: ${filter}`);
    return 0x80;
  }

  /** What the shared plan does not have. @param {Connection} connection @param {string} rule @param {string} what @returns {undefined} */
  #forbidden(connection, rule, what) {
    this.#lost(connection, rule, `service level: ${what} is not allowed`);
    if (connection.open) connection.drop();
  }

  /** A violation, with the hub's event of it. @param {Connection} connection @param {string} rule @param {string} what */
  #lost({ identity }, rule, what) {
    this.violation(rule, what);
    this.route({ topic: `$SCW/events/device/${identity}/error`, payload: what, qos: 0 });
  }

  // ------------------------------------------------------------------------------------------------ twins

  /**
   * A request about a document; the answer is for this connection alone.
   * @param {Connection} connection
   * @param {Packet} packet
   * @param {{ twin: string, document: string, method: string }} request
   */
  #twin(connection, packet, { twin, document, method }) {
    const { identity, session } = connection;
    const answer = (/** @type {'success' | 'error'} */ how, /** @type {Json} */ body) => {
      const topic = `${packet.topic}/response/${how}`;
      const qos = [...session.subscriptions].filter(([filter]) => matches(filter, topic)).map(([, granted]) => granted);
      if (qos.length > 0)
        connection.publish({ topic, payload: JSON.stringify(body), qos: Math.min(...qos, packet.qos) });
    };
    if (twin !== 'me' && twin !== identity) return answer('error', { error: 'there is no such twin' });
    if (!/^[-_.~0-9a-zA-Z]+$/.test(document) || document === '_config') {
      return answer('error', { error: 'the name of the document is not allowed' });
    }
    const key = `${identity}/${document}`;
    const stored = this.#twins.get(key);
    if (method === 'get') {
      return stored ? answer('success', stored) : answer('error', { error: 'there is no such document' });
    }
    const body = parseObject(packet.payload);
    if (!body || !isObject(body.data)) return answer('error', { error: 'the payload is no object with data' });
    if (body.version && body.version !== (stored?.version ?? 0)) {
      const versions = { expected_version: body.version, actual_version: stored?.version ?? 0 };
      const error = 'the version is another one';
      return answer('error', { error, twin_id: identity, document_name: document, ...versions });
    }
    this.note('state', identity, packet);
    return answer('success', this.setTwin(identity, document, body.data, method === 'put'));
  }

  /**
   * Changes a document.
   * @param {string} device
   * @param {string} document its name
   * @param {Json} data
   * @param {boolean} [replace] all of it; else as a patch
   */
  setTwin(device, document, data, replace = false) {
    const key = `${device}/${document}`;
    const stored = this.#twins.get(key) ?? { version: 0, data: {} };
    const changed = { version: stored.version + 1, data: merge(replace ? {} : structuredClone(stored.data), data) };
    this.#twins.set(key, changed);
    return changed;
  }

  /** @param {string} device @param {string} document */
  getTwin(device, document) {
    return this.#twins.get(`${device}/${document}`);
  }
}

/**
 * @param {object} [options]
 * @param {number} [options.port]
 * @param {boolean | import('./tls.js').Certificate} [options.tls] default true
 * @param {'shared' | 'dedicated'} [options.plan]
 * @param {string} [options.id] the device's
 */
export async function startScaleway({
  port,
  tls = true,
  plan = 'shared',
  id = 'f926489b-92d4-4572-bc96-dfad83c3db4b',
} = {}) {
  const scaleway = new Scaleway(plan);
  scaleway.addDevice(id);
  await scaleway.listen({ port, tls });
  return Object.assign(scaleway, {
    form: { id, plan, host: scaleway.host, device: 'dev-1' },
    cloud: {
      /** A message of any topic. */
      publish: scaleway.route.bind(scaleway),
      addDevice: scaleway.addDevice.bind(scaleway),
      /**
       * A command by the convention for free topics.
       * @param {string} device
       * @param {string} name
       * @param {unknown} [body] JSON
       * @param {{ id?: string, prefix?: string }} [more]
       */
      command: (device, name, body, more) => commandFree(scaleway, device, name, body, more),
      /** By the convention for free topics. @param {string} device @param {Json} desired */
      setDesired: (device, desired) => {
        scaleway.route({ topic: `devices/${device}/desired`, payload: JSON.stringify(desired), qos: 0, retain: true });
      },
      setTwin: scaleway.setTwin.bind(scaleway),
      getTwin: scaleway.getTwin.bind(scaleway),
      /** Message filters: what is rejected from now on. @param {Partial<Scaleway['denied']>} filters */
      deny: (filters) => void Object.assign(scaleway.denied, filters),
    },
  });
}
