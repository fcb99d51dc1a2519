// One MQTT connection, seen from a stand-in: packets both ways by mqtt-packet, one handled after the other, and the session
// that they belong to.
import mqttPacket from 'mqtt-packet';

/** @typedef {any} Packet as mqtt-packet has it */

/** What outlives a connection, where the service keeps it. */
export class Session {
  /** Granted, by filter. @type {Map<string, number>} */
  subscriptions = new Map();
  /** Sent with QoS 1 or 2, not yet acknowledged. @type {Map<number, Packet>} */
  unacknowledged = new Map();
  /** What waits for a connection, or for room. @type {Packet[]} */
  queue = [];
  /** Packet ids between PUBREC and PUBREL. @type {Set<number>} */
  received = new Set();
  /** When it is forgotten, as of Date.now(). */
  expires = Infinity;
  #lastId = 0;

  /** @param {string} clientId */
  constructor(clientId) {
    this.clientId = clientId;
  }

  nextId() {
    do this.#lastId = (this.#lastId % 65535) + 1;
    while (this.unacknowledged.has(this.#lastId));
    return this.#lastId;
  }
}

/**
 * @typedef {object} Transport
 * @property {(bytes: Buffer) => void} write
 * @property {() => void} drop end the TCP connection once all is written
 */

export class Connection {
  /** Of CONNECT, or as the service assigned it. */
  clientId = '';
  /** 3 (MQTT 3.1), 4 (3.1.1) or 5; 0 before CONNECT. */
  version = 0;
  /** The CONNECT packet. @type {Packet} */
  connect = null;
  /** CONNACK has said yes, and nobody has closed since. */
  open = false;
  closed = false;
  /** What the service knows of who this is. @type {any} */
  identity = undefined;
  /** @type {Session} */
  session = new Session('');
  /** Of the client, by alias. @type {Map<number, string>} */
  aliases = new Map();
  /** It ended with DISCONNECT. */
  graceful = false;
  #server;
  #transport;
  #parser = mqttPacket.parser();
  #work = Promise.resolve();
  /** @type {NodeJS.Timeout | undefined} */ #silence;
  /** @type {NodeJS.Timeout | undefined} */ #expiry;

  /**
   * @param {import('./server.js').CloudServer} server
   * @param {Transport} transport
   * @param {import('./server.js').Upgrade} upgrade how it came
   */
  constructor(server, transport, upgrade) {
    this.#server = server;
    this.#transport = transport;
    this.upgrade = upgrade;
    this.#parser.on('packet', (packet) => {
      this.#work = this.#work.then(() => (this.closed ? undefined : server.handle(this, packet)));
    });
    this.#parser.on('error', (error) => {
      this.violation('malformed', error.message);
      this.drop();
    });
  }

  /** @param {Buffer} bytes from the client */
  receive(bytes) {
    if (!this.closed) this.#parser.parse(bytes);
  }

  /** @param {string} rule @param {string} what */
  violation(rule, what) {
    this.#server.violation(rule, what);
  }

  /** @param {Packet} packet */
  send(packet) {
    if (this.closed) return;
    this.#transport.write(mqttPacket.generate(packet, { protocolVersion: this.version }));
  }

  /**
   * A message to the client, whether it subscribed to it or not: sent at once, or as soon as the client's Receive Maximum
   * has room.
   * @param {{ topic: string, payload: string | Buffer, qos?: number, retain?: boolean, properties?: object }} message
   */
  publish({ topic, payload, qos = 0, retain = false, properties }) {
    const more = this.version === 5 ? { properties } : {};
    const packet = { cmd: 'publish', topic, payload: Buffer.from(payload), qos, retain, dup: false, ...more };
    if (qos === 0) this.send(packet);
    else this.session.queue.push(packet);
    this.flush();
  }

  /** Sends what waits, as far as the client has room. */
  flush() {
    const { queue, unacknowledged } = this.session;
    const room = this.connect?.properties?.receiveMaximum ?? 65535;
    while (this.open && queue.length > 0 && unacknowledged.size < room) {
      const packet = { ...queue.shift(), messageId: this.session.nextId() };
      unacknowledged.set(packet.messageId, packet);
      this.send(packet);
    }
  }

  /** After a reconnection: what was not acknowledged, again. */
  resume() {
    for (const packet of this.session.unacknowledged.values()) {
      this.send(packet.cmd === 'publish' ? { ...packet, dup: true } : packet);
    }
    this.flush();
  }

  /**
   * Close after nothing came for that long.
   * @param {number} seconds 0: never
   */
  silenceAfter(seconds) {
    clearTimeout(this.#silence);
    if (seconds > 0) this.#silence = setTimeout(() => this.#server.silent(this), seconds * 1000);
  }

  /** Another sign of life. */
  alive() {
    this.#silence?.refresh();
  }

  /**
   * When what it signed in with ends.
   * @param {number} time as of Date.now()
   */
  expiresAt(time) {
    clearTimeout(this.#expiry);
    const wait = time - Date.now();
    // A timer takes no more than 2^31 - 1 ms.
    const longest = 2 ** 31 - 1;
    this.#expiry = setTimeout(
      () => {
        if (wait > longest) this.expiresAt(time);
        else this.#server.expired(this);
      },
      Math.min(Math.max(wait, 0), longest),
    );
  }

  /**
   * The client broke a rule, and the service closes for it.
   * @param {string} rule
   * @param {string} what
   * @param {number} [code] of the DISCONNECT before it, in MQTT 5
   * @returns {undefined}
   */
  punish(rule, what, code = 0x82) {
    this.violation(rule, what);
    this.end(code);
  }

  /** Sends CONNACK with a refusal, and closes. @param {number} code of the version that the client speaks */
  refuse(code) {
    this.send({ cmd: 'connack', sessionPresent: false, returnCode: code, reasonCode: code });
    this.drop();
  }

  /** Closes: with a DISCONNECT before it in MQTT 5, without a word in 3.x. @param {number} code MQTT 5's reason code */
  end(code) {
    if (this.version === 5 && this.open) this.send({ cmd: 'disconnect', reasonCode: code });
    this.drop();
  }

  /** Closes the TCP connection: the client sees no WebSocket closing handshake. */
  drop() {
    if (!this.closed) this.#transport.drop();
    this.gone();
  }

  /** The transport has closed. */
  gone() {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.#silence);
    clearTimeout(this.#expiry);
    const { open } = this;
    this.open = false;
    this.#server.closed(this, open);
  }
}
