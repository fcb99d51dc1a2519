// MQTT.js and vendors' clients against a stand-in, for tests.
import { once as onceOf } from 'node:events';
import { Agent } from 'node:https';
import mqtt from 'mqtt';

/** @typedef {import('./server.js').CloudServer} CloudServer */

/**
 * The arguments of the next event. (MQTT.js's client is an emitter, though not by its types.)
 * @param {any} emitter
 * @param {string} name
 * @returns {Promise<any[]>}
 */
export const once = (emitter, name) => onceOf(emitter, name);

/**
 * A client that is connected, and does not reconnect.
 * @param {string} url
 * @param {import('mqtt').IClientOptions} [options]
 */
export const client = (url, options) => mqtt.connectAsync(url, { reconnectPeriod: 0, ...options });

/**
 * Its end, whatever MQTT.js finds wrong on the way.
 * @param {import('mqtt').MqttClient} client
 * @returns {Promise<void>}
 */
export function closing(client) {
  client.on('error', () => {});
  return new Promise((resolve) => client.once('close', resolve));
}

/**
 * What CONNACK says to a client.
 * @param {string} url
 * @param {import('mqtt').IClientOptions} [options]
 * @returns {Promise<number>} its code; -1: the connection closed without one
 */
export async function connack(url, options) {
  const one = mqtt.connect(url, { reconnectPeriod: 0, ...options });
  let code = -1;
  one.on('packetreceive', (packet) => {
    if (packet.cmd !== 'connack') return;
    code = packet.returnCode ?? packet.reasonCode ?? 0;
    one.end(true);
  });
  await closing(one);
  return code;
}

/**
 * Leads a vendor's client, which knows its service's own host and port only, to a stand-in.
 * @param {CloudServer} server
 * @returns {Agent}
 */
export function detour(server) {
  const agent = new Agent({ ca: server.ca });
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, done) =>
    connect({ ...options, host: '127.0.0.1', port: server.port, servername: 'localhost' }, done);
  return agent;
}
