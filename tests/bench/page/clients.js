// The clients that are compared, each used as its documentation says and set to be as fast as it can be, behind one face.
import { handingWalk, makePublish, walk } from './packets.js';
import { Sender } from './sender.js';
import { WasmWalk } from './wasm_walk.js';

/** @typedef {import('./packets.js').Version} Version */

/**
 * @typedef {object} Session a connected client
 * @property {(filter: string, qos: number, sink: import('./sink.js').Sink) => Promise<void>} subscribe once
 * @property {(topics: string[], payload: Uint8Array, qos: number, count: number) => Promise<unknown>} publish `count`
 *   messages at once; resolves when the client has told that all are done, or the last with QoS 0
 * @property {(topic: string, payload: Uint8Array) => void} say one message with QoS 0
 */

/** @typedef {'in' | 'out' | 'echo'} Direction of messages that are measured: to the client, from it, there and back */

/**
 * @typedef {object} Client
 * @property {string} name
 * @property {boolean} real it speaks MQTT
 * @property {readonly Version[]} versions that it speaks
 * @property {(direction: Direction, qos: number) => boolean} does such messages
 * @property {(url: string, version: Version) => Promise<Session>} connect
 */

const load = (/** @type {string} */ url) => import(url);
const anything = () => true;

/**
 * The app of a client that returns promises.
 * @param {{ publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1 | 2 }): Promise<unknown> }} client
 * @param {string[]} topics
 * @param {Uint8Array} payload
 * @param {number} qos
 * @param {number} count
 */
async function publishAll(client, topics, payload, qos, count) {
  const options = /** @type {{ qos: 0 | 1 | 2 }} */ ({ qos });
  if (qos === 0) {
    for (let i = 1; i < count; i++) client.publish(topics[i % topics.length], payload, options);
    return client.publish(topics[0], payload, options);
  }
  const all = [];
  for (let i = 0; i < count; i++) all.push(client.publish(topics[i % topics.length], payload, options));
  // Promise.all() takes Firefox twice as long.
  for (const one of all) await one;
  return undefined;
}

/**
 * Ours. It sends 100 messages with QoS 1 and 2 ahead of their acknowledgements unless told otherwise, 20 in 3.1.1; the others
 * know no bound.
 * @type {Client}
 */
const wasmqtt = {
  name: 'wasmqtt',
  real: true,
  versions: [4, 5],
  does: anything,
  async connect(url, protocolVersion) {
    /** @type {typeof import('../../../web/client/index.js')} */
    const { connect } = await load('/dist/wasmqtt.js');
    const client = await connect(url, {
      wasm: '/dist/wasmqtt.wasm',
      protocolVersion,
      keepalive: 0,
      maxInflight: 1000,
    });
    client.on('error', (error) => {
      throw error;
    });
    return {
      async subscribe(filter, qos, sink) {
        const options = /** @type {{ qos: 0 | 1 | 2 }} */ ({ qos });
        await client.subscribe(filter, options, (message) => sink.take(message.topic, message.payload));
      },
      publish: (topics, payload, qos, count) => publishAll(client, topics, payload, qos, count),
      say: (topic, payload) => void client.publish(topic, payload),
    };
  },
};

/**
 * MQTT.js, its browser build: its own stream over the page's WebSocket, no keep-alive, no reconnecting, no log; and no
 * pause of a second when half a MiB waits in the socket.
 * @type {Client}
 */
const mqttJs = {
  name: 'MQTT.js',
  real: true,
  versions: [4, 5],
  does: anything,
  async connect(url, version) {
    const { default: mqtt } = await load('/peers/mqtt.js');
    const client = await mqtt.connectAsync(url, {
      protocolVersion: version,
      keepalive: 0,
      reconnectPeriod: 0,
      browserBufferSize: 1 << 30,
    });
    return {
      async subscribe(filter, qos, sink) {
        client.on('message', (/** @type {string} */ topic, /** @type {Uint8Array} */ payload) =>
          sink.take(topic, payload),
        );
        await client.subscribeAsync(filter, { qos });
      },
      publish(topics, payload, qos, count) {
        const options = { qos };
        if (qos === 0) {
          for (let i = 1; i < count; i++) client.publish(topics[i % topics.length], payload, options);
          return client.publishAsync(topics[0], payload, options);
        }
        return new Promise((resolve, reject) => {
          let done = 0;
          const called = (/** @type {unknown} */ error) => {
            if (error) reject(error);
            else if (++done === count) resolve(undefined);
          };
          for (let i = 0; i < count; i++) client.publish(topics[i % topics.length], payload, options, called);
        });
      },
      say: (topic, payload) => void client.publish(topic, payload),
    };
  },
};

/**
 * Paho JS as it comes, a script of the page; it has no more to set than keep-alive and reconnecting.
 * @type {Client}
 */
const paho = {
  name: 'Paho JS',
  real: true,
  versions: [4],
  does: anything,
  async connect(url, version) {
    const { Paho } = /** @type {any} */ (globalThis);
    const client = new Paho.Client(url, `bench-${Math.random().toString(36).slice(2)}`);
    await new Promise((resolve, reject) => {
      client.connect({
        mqttVersion: version,
        keepAliveInterval: 0,
        reconnect: false,
        onSuccess: resolve,
        onFailure: reject,
      });
    });
    return {
      async subscribe(filter, qos, sink) {
        client.onMessageArrived = (/** @type {any} */ message) =>
          sink.take(message.destinationName, message.payloadBytes);
        await new Promise((onSuccess, onFailure) => client.subscribe(filter, { qos, onSuccess, onFailure }));
      },
      publish(topics, payload, qos, count) {
        return new Promise((resolve) => {
          let done = 0;
          if (qos === 0) resolve(undefined);
          else {
            client.onMessageDelivered = () => {
              if (++done === count) resolve(undefined);
            };
          }
          for (let i = 0; i < count; i++) client.send(topics[i % topics.length], payload, qos, false);
        });
      },
      say: (topic, payload) => client.send(topic, payload, 0, false),
    };
  },
};

/**
 * No client at all: what looking at the packets costs, or writing them.
 * @param {string} name
 * @param {Client['does']} does
 * @param {(buffer: ArrayBuffer, version: Version, sink: import('./sink.js').Sink) => void} take is given each WebSocket
 *   message, unless it publishes
 * @returns {Client}
 */
function bare(name, does, take) {
  return {
    name,
    real: false,
    versions: [4, 5],
    does,
    async connect(url, version) {
      const socket = await opened(url);
      const sender = new Sender((bytes) => socket.send(bytes), version);
      return {
        async subscribe(_filter, _qos, sink) {
          socket.onmessage = ({ data }) => take(data, version, sink);
        },
        async publish(topics, payload, qos, count) {
          const { onmessage } = socket;
          socket.onmessage = ({ data }) => sender.take(data);
          await publishAll(sender, topics, payload, qos, count);
          socket.onmessage = onmessage;
        },
        say: (topic, payload) => socket.send(makePublish(version, topic, payload)),
      };
    },
  };
}

/**
 * A connected WebSocket.
 * @param {string} url
 */
async function opened(url) {
  const socket = new WebSocket(url, ['mqtt']);
  socket.binaryType = 'arraybuffer';
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  return socket;
}

/**
 * No client either: what one cannot do without whose core is wasm.
 * @type {Client}
 */
const wasmWalk = {
  name: 'wasm walk',
  real: false,
  versions: [4, 5],
  does: (direction, qos) => direction !== 'echo' && qos === 0,
  async connect(url, version) {
    const socket = await opened(url);
    const module = await (await fetch('/bench/walk.wasm')).arrayBuffer();
    const client = await WasmWalk.start(module, version, (bytes) => socket.send(bytes));
    return {
      async subscribe(_filter, _qos, sink) {
        socket.onmessage = ({ data }) => client.take(data, ({ topic, payload }) => sink.take(topic, payload));
      },
      publish: (topics, payload, qos, count) => publishAll(client, topics, payload, qos, count),
      say: (topic, payload) => void client.publish(topic, payload),
    };
  },
};

const receives = (/** @type {Direction} */ direction, /** @type {number} */ qos) => direction === 'in' && qos === 0;

/** All of them, in the order of the table. @type {readonly Client[]} */
export const CLIENTS = [
  wasmqtt,
  bare('walk', (direction, qos) => direction !== 'in' || qos === 0, walk),
  bare('handing walk', receives, (buffer, version, sink) =>
    handingWalk(buffer, version, ({ payload }) => sink.take('', payload)),
  ),
  wasmWalk,
  paho,
  mqttJs,
  bare('event', receives, (_buffer, _version, sink) => sink.add(sink.perFrame, 0)),
];

/** @param {string} name */
export function clientOf(name) {
  return /** @type {Client} */ (CLIENTS.find((client) => client.name === name));
}

/**
 * Those that a row is for.
 * @param {Direction} direction
 * @param {number} qos
 * @param {Version} version
 * @param {readonly string[]} [only] which of them
 * @returns {{ ready: Client[], failed: Record<string, string> }} failed: why the others have no part in it, by name
 */
export function clientsFor(direction, qos, version, only = CLIENTS.map(({ name }) => name)) {
  const able = CLIENTS.filter((client) => only.includes(client.name) && client.does(direction, qos));
  const speaks = (/** @type {Client} */ client) => client.versions.includes(version);
  const mute = able.filter((client) => !speaks(client));
  return {
    ready: able.filter(speaks),
    failed: Object.fromEntries(mute.map(({ name }) => [name, 'does not speak the version'])),
  };
}
