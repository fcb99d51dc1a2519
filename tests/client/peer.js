// A scripted server in the same process: what stands in for a WebSocket, with an MQTT server behind it that answers as real
// ones do, or as a test tells it to. It reads and writes with mqtt-packet, so that no bug of ours meets itself.
import { readFile } from 'node:fs/promises';
import mqttPacket from 'mqtt-packet';
import { connect, createClient } from '../../web/client/index.js';
import { Watched } from '../tools/watched.js';

const wasm = new URL('../../dist/wasmqtt.wasm', import.meta.url);
/** Compiled once: clients do not wait for it. */
export const module = await WebAssembly.compile(await readFile(wasm));

/** @typedef {any} Packet as mqtt-packet has it */

/** One WebSocket, seen from the server. */
export class PeerConnection extends Watched {
  /** @type {Packet[]} all that came */
  packets = [];
  /** @type {Uint8Array[]} WebSocket messages that came */
  frames = [];
  /** The client's side. */
  socket;
  /** @type {{ code: number, reason: string } | null} how the client closed it */
  closed = null;
  /** Bytes that the client's socket claims to have not sent yet. */
  bufferedAmount = 0;
  #parser;
  #version = 5;
  #peer;

  /**
   * @param {Peer} peer
   * @param {string} url
   * @param {string[]} protocols
   */
  constructor(peer, url, protocols) {
    super();
    this.#peer = peer;
    this.url = url;
    this.protocols = protocols;
    this.#parser = mqttPacket.parser();
    this.#parser.on('packet', (packet) => this.#packet(packet));
    const connection = this;
    this.socket = {
      binaryType: '',
      /** @type {any} */ onopen: undefined,
      /** @type {any} */ onmessage: undefined,
      /** @type {any} */ onerror: undefined,
      /** @type {any} */ onclose: undefined,
      get bufferedAmount() {
        return connection.bufferedAmount;
      },
      /** @param {Uint8Array} data */
      send(data) {
        connection.frames.push(data.slice());
        connection.#parser.parse(Buffer.from(data));
      },
      /** @param {number} code @param {string} reason */
      close(code, reason) {
        connection.closed ??= { code, reason };
        connection.changed();
        setImmediate(() => connection.socket.onclose?.({ code: 1005, reason: '' }));
      },
    };
  }

  /** @param {Packet} packet */
  #packet(packet) {
    if (packet.cmd === 'connect') this.#version = packet.protocolVersion;
    this.packets.push(packet);
    const answer = this.#peer.answers[packet.cmd];
    if (answer) answer(packet, this);
    this.changed();
  }

  /**
   * The nth packet of that type.
   * @param {string} cmd
   * @param {number} [n]
   * @returns {Promise<Packet>}
   */
  packet(cmd, n = 1) {
    return this.until(() => this.packets.filter((packet) => packet.cmd === cmd)[n - 1]);
  }

  /** @param {string} cmd */
  count(cmd) {
    return this.packets.filter((packet) => packet.cmd === cmd).length;
  }

  /** @param {...Packet} packets as one WebSocket message, in a task of its own */
  send(...packets) {
    this.sendBytes(this.encode(...packets));
  }

  /** @param {...Packet} packets */
  encode(...packets) {
    return Buffer.concat(packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: this.#version })));
  }

  /** @param {Uint8Array} bytes */
  sendBytes(bytes) {
    const data = new Uint8Array(bytes).buffer;
    setImmediate(() => this.socket.onmessage?.({ data }));
  }

  /** In the same task: no real socket does this, but it shows whether input waits. @param {Uint8Array} bytes */
  sendNow(bytes) {
    this.socket.onmessage?.({ data: new Uint8Array(bytes).buffer });
  }

  /** @param {number} [code] @param {string} [reason] */
  drop(code = 1006, reason = '') {
    setImmediate(() => this.dropNow(code, reason));
  }

  /** @param {number} [code] @param {string} [reason] */
  dropNow(code = 1006, reason = '') {
    this.socket.onclose?.({ code, reason });
  }
}

export class Peer extends Watched {
  /** @type {PeerConnection[]} */
  connections = [];
  /** What is in CONNACK. @type {Packet} */
  connack = { cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: false };
  /** What is done with a packet of the client. @type {Record<string, (packet: Packet, connection: PeerConnection) => void>} */
  answers = {
    connect: (_packet, connection) => connection.send(this.connack),
    subscribe: ({ messageId, subscriptions }, connection) =>
      connection.send({ cmd: 'suback', messageId, granted: subscriptions.map((/** @type {any} */ s) => s.qos) }),
    unsubscribe: ({ messageId, unsubscriptions }, connection) =>
      connection.send({ cmd: 'unsuback', messageId, granted: unsubscriptions.map(() => 0) }),
    publish: ({ messageId, qos }, connection) => {
      if (qos === 1) connection.send({ cmd: 'puback', messageId, reasonCode: 0 });
      if (qos === 2) connection.send({ cmd: 'pubrec', messageId, reasonCode: 0 });
    },
    pubrel: ({ messageId }, connection) => connection.send({ cmd: 'pubcomp', messageId, reasonCode: 0 }),
    pubrec: ({ messageId }, connection) => connection.send({ cmd: 'pubrel', messageId, reasonCode: 0 }),
    pingreq: (_packet, connection) => connection.send({ cmd: 'pingresp' }),
  };

  /** @type {(url: string, protocols: string[]) => any} */
  webSocket = (url, protocols) => {
    const connection = new PeerConnection(this, url, protocols);
    this.connections.push(connection);
    setImmediate(() => connection.socket.onopen?.({}));
    this.changed();
    return connection.socket;
  };

  /**
   * The nth WebSocket that was opened.
   * @param {number} n
   * @returns {Promise<PeerConnection>}
   */
  connection(n) {
    return this.until(() => this.connections[n - 1]);
  }

  get last() {
    return this.connections[this.connections.length - 1];
  }

  /**
   * @param {import('../../web/client/options.js').ClientOptions & import('../../web/client/index.js').ConnectOptions} [options]
   * @param {import('../../web/client/options.js').Target} [url]
   */
  connect(options = {}, url = 'ws://peer.test/mqtt') {
    return connect(url, { ...this.options, ...options });
  }

  /**
   * @param {import('../../web/client/options.js').ClientOptions} [options]
   * @param {import('../../web/client/options.js').Target} [url]
   */
  createClient(options = {}, url = 'ws://peer.test/mqtt') {
    return createClient(url, { ...this.options, ...options });
  }

  get options() {
    return {
      webSocket: this.webSocket,
      wasm: module,
      reconnect: { minDelay: 1, maxDelay: 5, jitter: /** @type {const} */ ('none') },
    };
  }
}

/** @param {string} topic @param {string | Uint8Array} payload @param {object} [more] */
export function publish(topic, payload, more = {}) {
  return {
    cmd: 'publish',
    topic,
    payload: Buffer.from(/** @type {any} */ (payload)),
    qos: 0,
    dup: false,
    retain: false,
    ...more,
  };
}

/** What the option wasm takes, of which nothing comes until come(). */
export function hungModule() {
  /** @type {ReadableStreamDefaultController} */
  let controller;
  const body = new ReadableStream({ start: (c) => void (controller = c) });
  return {
    response: new Response(body, { headers: { 'content-type': 'application/wasm' } }),
    async come() {
      controller.enqueue(new Uint8Array(await readFile(wasm)));
      controller.close();
    },
  };
}

/** A turn of the event loop, with all that is due in it. */
export function turn() {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** @param {() => unknown} condition */
export async function eventually(condition) {
  for (let i = 0; i < 2000 && !(await condition()); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  if (!(await condition())) throw new Error(`never came true: ${condition}`);
}

/**
 * What a promise did: its value or its error, and how often it settled by then.
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<any>} the error
 */
export async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not reject');
}

/**
 * Makes WebSockets that do not open.
 * @param {string} detail what the engine says of it; '' as in browsers
 * @returns {() => any}
 */
export const refused = (detail) => () => {
  const socket = /** @type {any} */ ({ close() {}, send() {}, bufferedAmount: 0 });
  setImmediate(() => {
    socket.onerror({ message: detail });
    socket.onclose({ code: 1006, reason: '' });
  });
  return socket;
};

export { wasm };
