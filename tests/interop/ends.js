// The two ends of a conversation through a broker, in one shape: our client over a WebSocket, and MQTT.js over TCP, as a
// device would speak. A test takes one as the sender and the other as the receiver, then the other way round.
import mqtt from 'mqtt';
import { WebSocket } from 'ws';
import { createClient } from '../../web/client/index.js';
import { wasm } from '../client/peer.js';
import { USER } from './brokers.js';

/** @typedef {import('./brokers.js').Version} Version */
/** @typedef {import('./brokers.js').Running} Running */
/** @typedef {0 | 1 | 2} Qos */
/** @typedef {import('../../web/client/index.js').Properties} Properties */
/** @typedef {{ qos?: Qos, retain?: boolean, properties?: Properties }} PublishOptions */

/**
 * @typedef {object} EndOptions
 * @property {string} [clientId]
 * @property {boolean} [clean]
 * @property {{ topic: string, payload: string, qos: Qos, retain?: boolean, properties?: Properties }} [will]
 * @property {Properties} [properties]
 */

/** @typedef {{ topic: string, payload: Buffer, qos: number, retain: boolean, properties: Properties }} Received */

/** Longest that a message is waited for, in milliseconds: for what does not come, not for what is slow. */
const PATIENCE = 15_000;
/** Room for a payload of 16 MiB and what is before it. */
const PACKET_MAX = 17 << 20;

/** What came, in order. */
class Arrivals {
  /** @type {Received[]} */ #got = [];
  #changed = () => {};

  /** @param {Received} message */
  add(message) {
    this.#got.push(message);
    this.#changed();
  }

  /**
   * Everything that came before the message on this topic, which is taken out too.
   * @param {string} topic
   * @returns {Promise<Received[]>}
   */
  async before(topic) {
    const last = () => this.#got.findIndex((message) => message.topic === topic);
    await this.#until(() => last() >= 0, `no message came on ${topic}`);
    return this.#got.splice(0, last() + 1).slice(0, -1);
  }

  /**
   * Wait until enough has come.
   * @param {(messages: readonly Received[]) => boolean} enough
   */
  async seen(enough) {
    await this.#until(() => enough(this.#got), 'not all of it came');
  }

  /**
   * @param {() => boolean} condition
   * @param {string} trouble if it does not come true
   */
  async #until(condition, trouble) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const late = new Promise((_resolve, reject) => {
      const came = () => this.#got.map((message) => `${message.topic} (${message.payload.length} bytes)`).join(', ');
      timer = setTimeout(() => reject(new Error(`${trouble}; what came: ${came()}`)), PATIENCE);
    });
    try {
      while (!condition()) await Promise.race([late, new Promise((resolve) => (this.#changed = () => resolve(null)))]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * @typedef {object} End
 * @property {boolean} sessionPresent
 * @property {Arrivals} arrivals
 * @property {(filter: string, qos: Qos) => Promise<number>} subscribe resolves with the QoS that was granted
 * @property {(topic: string, payload: string | Uint8Array, options?: PublishOptions) => Promise<unknown>} publish
 * @property {() => void} lose cut the connection without a word
 * @property {() => Promise<unknown>} end
 */

/** @typedef {(server: Running, version: Version, options?: EndOptions) => Promise<End>} Opener */

/** WebSockets of Node's `ws`, each kept for whoever wants to count or cut them. */
export class Sockets {
  /** @type {WebSocket[]} */ all = [];

  /** The option webSocket. @type {import('../../web/client/index.js').ClientOptions['webSocket']} */
  make = (url, protocols) => {
    const socket = new WebSocket(url, protocols, { perMessageDeflate: false });
    this.all.push(socket);
    return /** @type {import('../../web/client/index.js').WebSocketLike} */ (/** @type {unknown} */ (socket));
  };

  /** Cut the last one without a word. */
  cut() {
    this.all.at(-1)?.terminate();
  }
}

/** What our client is given for every broker. */
export const LOGIN = {
  username: USER.name,
  password: USER.password,
  wasm,
  maximumPacketSize: PACKET_MAX,
  queue: { maxBytes: PACKET_MAX },
};

const USER_OF_MQTTJS = { username: USER.name, password: USER.password };

/** Our client. @type {Opener} */
export async function ours(server, version, options = {}) {
  const sockets = new Sockets();
  const arrivals = new Arrivals();
  const client = createClient(server.url, {
    ...LOGIN,
    ...options,
    protocolVersion: version,
    webSocket: sockets.make,
    reconnect: false,
  });
  let sessionPresent = false;
  client.on('connect', (info) => ({ sessionPresent } = info));
  client.on('error', () => {}); // lose() leads to one
  client.on('message', (message) => {
    const { topic, qos, retain, properties } = message;
    arrivals.add({ topic, payload: Buffer.from(message.bytes()), qos, retain, properties });
  });
  await client.ready;
  return {
    sessionPresent,
    arrivals,
    subscribe: async (filter, qos) => (await client.subscribe(filter, { qos })).qos,
    publish: (topic, payload, more) => client.publish(topic, payload, more),
    lose: () => sockets.cut(),
    end: () => client.end(),
  };
}

/** MQTT.js. @type {Opener} */
export async function theirs(server, version, options = {}) {
  const arrivals = new Arrivals();
  const client = mqtt.connect(server.tcpUrl, {
    ...USER_OF_MQTTJS,
    .../** @type {object} */ (options),
    protocolVersion: version,
    protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    reconnectPeriod: 0,
  });
  client.on('message', (topic, payload, { qos, retain, properties = {} }) => {
    arrivals.add({ topic, payload, qos, retain, properties: /** @type {Properties} */ (properties) });
  });
  const { sessionPresent } = await new Promise((resolve, reject) => {
    client.once('connect', resolve).once('error', reject);
  });
  client.on('error', () => {}); // lose() may lead to one
  return {
    sessionPresent,
    arrivals,
    subscribe: async (filter, qos) => (await client.subscribeAsync(filter, { qos }))[0].qos,
    publish: (topic, payload, more) =>
      client.publishAsync(topic, Buffer.from(payload), /** @type {import('mqtt').IClientPublishOptions} */ (more)),
    lose: () => client.stream.destroy(),
    end: () => client.endAsync(),
  };
}
