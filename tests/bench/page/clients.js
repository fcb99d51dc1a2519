// The clients that are compared, each used as its documentation says and set to be as fast as it can be, behind one face.
import { handingWalk, makePublish, walk } from './packets.js';

/** @typedef {import('./packets.js').Version} Version */

/**
 * @typedef {object} Session a connected client
 * @property {(filter: string, qos: number, sink: import('./sink.js').Sink) => Promise<void>} subscribe once
 * @property {(topics: string[], payload: Uint8Array, qos: number, count: number) => Promise<unknown>} publish `count`
 *   messages at once; resolves when the client has told that all are done, or the last with QoS 0
 * @property {(topic: string, payload: Uint8Array) => void} say one message with QoS 0
 * @property {() => unknown} end
 */

/**
 * @typedef {object} Client
 * @property {string} name
 * @property {boolean} real it speaks MQTT
 * @property {readonly Version[]} versions that it speaks
 * @property {(url: string, version: Version) => Promise<Session>} connect
 */

/**
 * Ours. It sends 100 messages with QoS 1 and 2 ahead of their acknowledgements unless told otherwise, 20 in 3.1.1; the others
 * know no bound.
 * @param {typeof import('../../../web/client/index.js').connect} connect
 * @param {string} wasm
 * @returns {Client}
 */
function wasmqtt(connect, wasm) {
  return {
    name: 'wasmqtt',
    real: true,
    versions: [4, 5],
    async connect(url, version) {
      const client = await connect(url, { wasm, protocolVersion: version, keepalive: 0, maxInflight: 1000 });
      client.on('error', (error) => {
        throw error;
      });
      return {
        async subscribe(filter, qos, sink) {
          const options = /** @type {{ qos: 0 | 1 | 2 }} */ ({ qos });
          await client.subscribe(filter, options, (message) => sink.take(message.topic, message.payload));
        },
        async publish(topics, payload, qos, count) {
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
        },
        say: (topic, payload) => void client.publish(topic, payload),
        end: () => client.end(),
      };
    },
  };
}

/**
 * MQTT.js, its browser build: its own stream over the page's WebSocket, no keep-alive, no reconnecting, no log; and no
 * pause of a second when half a MiB waits in the socket.
 * @param {any} mqtt the module's default export
 * @returns {Client}
 */
function mqttJs(mqtt) {
  return {
    name: 'MQTT.js',
    real: true,
    versions: [4, 5],
    async connect(url, version) {
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
        end: () => client.endAsync(true),
      };
    },
  };
}

/**
 * Paho JS as it comes; it has no more to set than keep-alive and reconnecting.
 * @param {any} Paho the library's global
 * @returns {Client}
 */
function paho(Paho) {
  return {
    name: 'Paho JS',
    real: true,
    versions: [4],
    async connect(url, version) {
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
        end: () => client.disconnect(),
      };
    },
  };
}

/**
 * No client at all: what looking at the packets costs. `take` is given each WebSocket message.
 * @param {string} name
 * @param {(buffer: ArrayBuffer, version: Version, sink: import('./sink.js').Sink) => void} take
 * @returns {Client}
 */
function looker(name, take) {
  return {
    name,
    real: false,
    versions: [4, 5],
    async connect(url, version) {
      const socket = new WebSocket(url, ['mqtt']);
      socket.binaryType = 'arraybuffer';
      await new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = reject;
      });
      return {
        async subscribe(_filter, _qos, sink) {
          socket.onmessage = ({ data }) => take(data, version, sink);
        },
        publish: () => Promise.reject(new Error('it publishes nothing')),
        say: (topic, payload) => socket.send(makePublish(version, topic, payload)),
        end: () => socket.close(),
      };
    },
  };
}

/** @type {readonly Client[]} */
export const LOOKERS = [
  looker('event', (_buffer, _version, sink) => sink.add(sink.perFrame, 0)),
  looker('walk', walk),
  looker('handing walk', (buffer, version, sink) =>
    handingWalk(buffer, version, ({ payload }) => sink.take('', payload)),
  ),
];

/** The clients proper. */
export async function loadClients() {
  const load = (/** @type {string} */ url) => import(url);
  const [{ connect }, mqtt] = await Promise.all([load('/dist/wasmqtt.js'), load('/peers/mqtt.js')]);
  return [wasmqtt(connect, '/dist/wasmqtt.wasm'), mqttJs(mqtt.default), paho(/** @type {any} */ (globalThis).Paho)];
}
