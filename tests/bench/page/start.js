// How soon a page that was just loaded can send: from the import of a client to its first byte.
import { InPageSocket } from './peer.js';

const load = (/** @type {string} */ url) => import(url);

/** @type {Record<string, () => Promise<unknown>>} */
const CLIENTS = {
  wasmqtt: async () => (await load('/dist/wasmqtt.js')).connect('ws://bench.test/mqtt', { wasm: '/dist/wasmqtt.wasm' }),
  'MQTT.js': async () => (await load('/peers/mqtt.js')).default.connectAsync('ws://bench.test/mqtt', { keepalive: 0 }),
};

/**
 * @param {string} name
 * @returns {Promise<number>} milliseconds
 */
export async function start(name) {
  globalThis.WebSocket = /** @type {any} */ (InPageSocket);
  const began = performance.now();
  await CLIENTS[name]();
  return InPageSocket.last.firstSent - began;
}
