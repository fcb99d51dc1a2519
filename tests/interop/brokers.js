// The brokers that the client is tested with: one row each, with what its MQTT is like.
import { startAedes } from '../tools/aedes.js';
import { startMosquitto } from '../tools/mosquitto.js';
import { startRabbitMq } from '../tools/rabbitmq.js';

/** @typedef {3 | 4 | 5} Version 3: MQTT 3.1, 4: 3.1.1, 5: 5.0 */
/** @typedef {{ url: string, tcpUrl: string, stop: () => Promise<void> }} Running */

/**
 * @typedef {object} Broker
 * @property {string} name
 * @property {() => Promise<Running>} start with nobody but USER let in
 * @property {Version[]} versions that it speaks
 * @property {Version} chosen what a client gets that lets the version open
 * @property {number} sockets WebSockets that are opened until then
 * @property {number} maximumQos that it grants, and takes as MQTT wants it
 * @property {boolean} [sparesQos] it delivers with the lesser QoS of publisher and subscription [M3:3.8.4-6]; unset: yes
 * @property {boolean} [sparesWill] after DISCONNECT on a WebSocket [M3:3.1.2-10]; unset: yes
 * @property {number} largest payload that is sent to a WebSocket, in bytes
 * @property {(version: Version | undefined) => { code: string, reasonCode?: number, closeCode?: number }} refusal of a wrong
 *   password; undefined: with the version open
 */

export const USER = { name: 'user', password: 'secret' };
const KIB = 1024;
const MIB = KIB * KIB;

/** @type {Broker} */
export const mosquitto = {
  name: 'Mosquitto',
  async start() {
    const server = await startMosquitto({ users: { [USER.name]: USER.password } });
    return { url: server.url, tcpUrl: `mqtt://127.0.0.1:${server.tcpPort}`, stop: () => server.stop() };
  },
  versions: [3, 4, 5],
  chosen: 5,
  sockets: 1,
  maximumQos: 2,
  largest: 128 * KIB, // Debian's sends one packet to a WebSocket at some 42 KB/s
  refusal: (version = 5) => ({ code: 'refused', reasonCode: version === 5 ? 0x87 : 5 }),
};

/** @type {Broker} */
export const rabbitMq = {
  name: 'RabbitMQ',
  start: () => startRabbitMq({ user: USER }),
  versions: [3, 4],
  chosen: 4, // a CONNECT of 5.0 is answered by closing the WebSocket, code 1011
  sockets: 2,
  maximumQos: 1,
  sparesWill: false,
  largest: 16 * MIB,
  refusal: () => ({ code: 'unauthenticated', closeCode: 1002 }),
};

/** @type {Broker} */
export const aedes = {
  name: 'aedes',
  start: () => startAedes({ user: USER }),
  versions: [3, 4],
  chosen: 4, // a CONNECT of 5.0 is answered by a CONNACK of 3.1.1
  sockets: 2,
  maximumQos: 2,
  sparesQos: false, // with that of the publisher, unless the subscription's is 0
  largest: 16 * MIB,
  refusal: () => ({ code: 'refused', reasonCode: 5 }),
};
