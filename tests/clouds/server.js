// What every stand-in is built on: WebSockets (and TCP) on the loopback address, sessions, routing, and a list of the rules
// that clients broke. A service is a class that extends CloudServer and overrides what it does otherwise than a plain broker.
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { WebSocketServer } from 'ws';
import { Watched } from '../tools/watched.js';
import { Connection, Session } from './connection.js';
import { certificate } from './tls.js';
import { isFilter, matches, shared } from './topics.js';

const HOST = '127.0.0.1';
/** Largest WebSocket message taken, in bytes. */
const MAX_MESSAGE = 8 << 20;
/** Most messages that wait for a client that is not there. */
const MAX_QUEUE = 1000;

/** @typedef {any} Packet as mqtt-packet has it */
/** @typedef {{ rule: string, what: string }} Violation */
/** @typedef {{ topic: string, payload: string | Buffer, qos?: number, retain?: boolean, properties?: object }} Message */

/**
 * How a connection came.
 * @typedef {object} Upgrade
 * @property {boolean} web a WebSocket; else plain MQTT over TCP
 * @property {boolean} secure over TLS
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {string} path
 * @property {string} query as it came, without '?'
 * @property {any} identity what the service found out about the client, in upgrade()
 */

/**
 * What a client sent that the service took, by kind.
 * @typedef {object} Seen
 * @property {string} device
 * @property {string} topic
 * @property {string} text the payload
 * @property {Buffer} payload
 * @property {number} qos
 * @property {Record<string, string | null>} [properties] that the service keeps beside the payload
 */

export class CloudServer extends Watched {
  /** Paths that are served. */
  paths = ['/mqtt'];
  /** Subprotocols that are known; a client has to offer one of them. */
  subprotocols = ['mqtt'];
  /** Versions that CONNECT may ask for. */
  versions = [4];
  /** Whether it stores retained messages. */
  retains = true;
  /** Whether retained messages go to subscriptions with wildcards. */
  retainedToWildcards = true;
  /** Whether it publishes wills. */
  wills = true;
  /** "a/#" matches "a". */
  parents = true;
  /** How long a session outlives its connection in 3.x, in seconds; 0: there are none. */
  sessionSeconds = 3600;

  /** What clients did that the service forbids. @type {Violation[]} */
  violations = [];
  /** @type {{ telemetry: Seen[], events: Seen[], state: Seen[], answers: Seen[] }} */
  seen = { telemetry: [], events: [], state: [], answers: [] };
  /** Every connection that got as far as a WebSocket, closed ones included. @type {Connection[]} */
  connections = [];
  /** By client id. @type {Map<string, Session>} */
  sessions = new Map();
  /** @type {Map<string, Packet>} */
  retained = new Map();
  /** Credentials made before this time are expired, in Unix seconds. */
  validFrom = 0;
  /** Of the WebSocket listener, and of the TCP listener. */
  port = 0;
  tcpPort = 0;
  secure = false;
  /** PEM of the authority that a client has to trust; undefined without TLS. @type {string | undefined} */
  ca = undefined;
  /** @type {import('node:http').Server | undefined} */ #http;
  /** @type {import('node:net').Server | undefined} */ #tcp;
  #webSockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });
  /** @type {Set<import('node:stream').Duplex>} */ #sockets = new Set();
  #turn = 0;

  // ------------------------------------------------------------------------------------------------ what a service overrides

  /**
   * A WebSocket is asked for, on a path and with a subprotocol that are right.
   * @param {Upgrade} _upgrade may get an identity
   * @returns {number | void | Promise<number | void>} HTTP's status of a refusal
   */
  upgrade(_upgrade) {}

  /**
   * CONNECT came, in a version that is served.
   * @param {Connection} _connection may get an identity
   * @param {Packet} _packet
   * @returns {number | undefined | Promise<number | undefined>} CONNACK's code, 0 for yes; undefined: it was dealt with
   */
  authenticate(_connection, _packet) {
    return 0;
  }

  /**
   * The session that a client gets; one connection at a time has it.
   * @param {Connection} connection
   */
  sessionKey(connection) {
    return connection.clientId;
  }

  /**
   * MQTT 5's properties of CONNACK.
   * @param {Connection} _connection
   * @returns {object | undefined}
   */
  connackProperties(_connection) {
    return undefined;
  }

  /** The client has its CONNACK. @param {Connection} _connection */
  connected(_connection) {}

  /** The client's connection is gone. @param {Connection} _connection */
  disconnected(_connection) {}

  /**
   * PUBLISH came. A client's message is acknowledged with what this returns.
   * @param {Connection} _connection
   * @param {Packet} packet
   * @returns {number | undefined | Promise<number | undefined>} reason code of the acknowledgement; undefined: there is none
   */
  publish(_connection, packet) {
    this.route(packet);
    return 0;
  }

  /**
   * SUBSCRIBE came.
   * @param {Connection} connection
   * @param {Packet} packet
   * @returns {number[] | undefined | Promise<number[] | undefined>} SUBACK's codes; undefined: there is none
   */
  subscribe(connection, packet) {
    return packet.subscriptions.map((/** @type {any} */ { topic, qos }) => this.grant(connection, topic, qos));
  }

  /**
   * SUBACK's code for one filter.
   * @param {Connection} _connection
   * @param {string} _filter
   * @param {number} qos
   */
  grant(_connection, _filter, qos) {
    return qos;
  }

  /** The client has its SUBACK. @param {Connection} _connection @param {string[]} _filters that were granted */
  subscribed(_connection, _filters) {}

  /** UNSUBSCRIBE came, and was obeyed. @param {Connection} _connection @param {string[]} _filters */
  unsubscribed(_connection, _filters) {}

  /** AUTH came. @param {Connection} connection @param {Packet} _packet */
  auth(connection, _packet) {
    this.violation('auth', 'there is no AUTH here');
    connection.end(0x82);
  }

  /**
   * The QoS that a message is delivered with.
   * @param {number} granted
   * @param {number} published
   */
  deliveredQos(granted, published) {
    return Math.min(granted, published);
  }

  /**
   * Seconds of silence after which the connection is closed; 0: never.
   * @param {Connection} connection
   */
  silence(connection) {
    return connection.connect.keepalive * 1.5;
  }

  /** Nothing came for too long. @param {Connection} connection */
  silent(connection) {
    this.violation('keepalive', `nothing came from ${connection.clientId}`);
    connection.end(0x8d);
  }

  /** What the client signed in with has expired. @param {Connection} connection */
  expired(connection) {
    connection.end(0x87);
  }

  // ------------------------------------------------------------------------------------------------ what the cloud does

  /** Expires every credential in use now: connections close as they do at the end of a credential, and it is refused. */
  expireNow() {
    this.validFrom = Math.floor(Date.now() / 1000);
    for (const connection of this.open()) this.expired(connection);
  }

  /** Connections that are signed in. */
  open() {
    return this.connections.filter(({ open }) => open);
  }

  /**
   * The connection that a session has now.
   * @param {Session} session
   */
  connectionOf(session) {
    return this.open().find((connection) => connection.session === session);
  }

  /** @param {string} clientId */
  connection(clientId) {
    return this.open().find((connection) => connection.clientId === clientId);
  }

  /**
   * A message to all who subscribed to it, and to keep if it is to be retained.
   * @param {Message} message
   */
  route(message) {
    if (message.retain && this.retains) this.#retain(message);
    /** @type {Map<string, { session: Session, qos: number }[]>} */
    const groups = new Map();
    for (const session of this.sessions.values()) {
      let best = -1;
      for (const [subscription, qos] of session.subscriptions) {
        const { group, filter } = shared(subscription);
        if (!matches(filter, message.topic, this)) continue;
        if (group === undefined) best = Math.max(best, qos);
        else groups.set(subscription, [...(groups.get(subscription) ?? []), { session, qos }]);
      }
      if (best >= 0) this.#deliver(session, message, best);
    }
    for (const members of groups.values()) {
      const { session, qos } = members[this.#turn++ % members.length];
      this.#deliver(session, message, qos);
    }
  }

  /** @param {string} rule @param {string} what */
  violation(rule, what) {
    this.violations.push({ rule, what });
    this.changed();
  }

  /**
   * A violation that the service answers by closing the connection, without a word.
   * @param {Connection} connection
   * @param {string} rule
   * @param {string} what
   * @returns {undefined}
   */
  violated(connection, rule, what) {
    this.violation(rule, what);
    connection.drop();
  }

  /**
   * Notes what a client sent.
   * @param {'telemetry' | 'events' | 'state' | 'answers'} kind
   * @param {string} device
   * @param {Packet} packet
   * @param {Seen['properties']} [properties]
   */
  note(kind, device, { topic, payload, qos }, properties) {
    this.seen[kind].push({ device, topic, text: payload.toString(), payload, qos, ...(properties && { properties }) });
    this.changed();
  }

  // ------------------------------------------------------------------------------------------------ start and stop

  /**
   * @param {object} [options]
   * @param {number} [options.port] default: one that is free
   * @param {boolean | import('./tls.js').Certificate} [options.tls] true: with the certificate of tls.js
   * @param {boolean} [options.tcp] MQTT without WebSockets too, on another port
   */
  async listen({ port = 0, tls = false, tcp = false } = {}) {
    const identity = tls === true ? certificate() : tls || undefined;
    this.secure = identity !== undefined;
    this.ca = identity?.ca;
    const http = identity ? createHttps(identity) : createHttp();
    this.#http = http;
    http.on('request', (_request, response) => response.writeHead(400).end());
    http.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    this.#track(http);
    this.port = await listening(http, port);
    if (tcp) {
      const take = (/** @type {import('node:net').Socket} */ socket) => this.#socket(socket);
      this.#tcp = identity ? createTls(identity, take) : createTcp(take);
      this.#track(this.#tcp);
      this.tcpPort = await listening(this.#tcp, 0);
    }
    return this;
  }

  /** Its host and port, as they stand in a URL. */
  get host() {
    return `localhost:${this.port}`;
  }

  get url() {
    return `${this.secure ? 'wss' : 'ws'}://${this.host}${this.paths[0]}`;
  }

  /** Closes every connection and both listeners; nothing of it is left. */
  async stop() {
    for (const connection of this.connections) connection.drop();
    const closed = [this.#http, this.#tcp].map(
      (server) => new Promise((resolve) => (server ? server.close(resolve) : resolve(0))),
    );
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  /** @param {import('node:net').Server} server */
  #track(server) {
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  // ------------------------------------------------------------------------------------------------ connections

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:stream').Duplex} socket
   * @param {Buffer} head
   */
  async #upgrade(request, socket, head) {
    socket.on('error', () => {});
    const [path, query = ''] = (request.url ?? '').split(/\?(.*)/s);
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/);
    /** @type {Upgrade} */
    const upgrade = {
      web: true,
      secure: this.secure,
      headers: request.headers,
      path,
      query,
      identity: undefined,
    };
    let status;
    if (!this.paths.includes(path)) {
      this.violation('path', `${path} is not ${this.paths.join(' or ')}`);
      status = 400;
    } else if (!offered.some((name) => this.subprotocols.includes(name))) {
      this.violation('subprotocol', `${offered} is not ${this.subprotocols.join(' or ')}`);
      status = 400;
    } else status = await this.upgrade(upgrade);
    if (status) {
      socket.end(
        `HTTP/1.1 ${status} ${status === 403 ? 'Forbidden' : 'Bad Request'}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      return;
    }
    this.#webSockets.options.handleProtocols = (names) =>
      [...names].find((name) => this.subprotocols.includes(name)) ?? false;
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const write = (/** @type {Buffer} */ bytes) => webSocket.send(bytes);
      const drop = () => void (/** @type {import('node:net').Socket} */ (socket).destroySoon());
      const connection = this.#connection({ write, drop }, upgrade);
      webSocket.on('error', () => {});
      webSocket.on('close', () => connection.gone());
      webSocket.on('message', (data, isBinary) => {
        if (isBinary) return connection.receive(/** @type {Buffer} */ (data));
        connection.violation('binary', 'a text frame came');
        connection.drop();
      });
    });
  }

  /** @param {import('node:net').Socket} socket */
  #socket(socket) {
    const upgrade = { web: false, secure: this.secure, headers: {}, path: '', query: '', identity: undefined };
    const write = (/** @type {Buffer} */ bytes) => void socket.write(bytes);
    const connection = this.#connection({ write, drop: () => socket.destroySoon() }, upgrade);
    socket.on('error', () => {});
    socket.on('close', () => connection.gone());
    socket.on('data', (bytes) => connection.receive(bytes));
  }

  /** @param {import('./connection.js').Transport} transport @param {Upgrade} upgrade */
  #connection(transport, upgrade) {
    const connection = new Connection(this, transport, upgrade);
    connection.identity = upgrade.identity;
    this.connections.push(connection);
    this.changed();
    return connection;
  }

  /**
   * For Connection: it has closed.
   * @param {Connection} connection
   * @param {boolean} open it was signed in
   */
  closed(connection, open) {
    const { session, connect } = connection;
    if (open) {
      const seconds = this.#sessionSeconds(connection);
      if (seconds > 0) session.expires = Date.now() + seconds * 1000;
      else if (this.sessions.get(session.clientId) === session) this.sessions.delete(session.clientId);
      const { will } = connect;
      if (will && this.wills && !connection.graceful)
        void this.publish(connection, { cmd: 'publish', dup: false, ...will });
      this.disconnected(connection);
    }
    this.changed();
  }

  /** @param {Connection} connection */
  #sessionSeconds({ version, connect }) {
    if (version === 5) return connect.properties?.sessionExpiryInterval ?? 0;
    return connect.clean ? 0 : this.sessionSeconds;
  }

  // ------------------------------------------------------------------------------------------------ packets

  /** For Connection: a packet came. @param {Connection} connection @param {Packet} packet */
  async handle(connection, packet) {
    if (packet.cmd === 'connect') return connection.connect ? connection.drop() : this.#connect(connection, packet);
    if (!connection.open) {
      this.violation('order', `${packet.cmd} before CONNACK`);
      return connection.drop();
    }
    connection.alive();
    await this.#open(connection, packet);
    this.changed();
  }

  /** @param {Connection} connection @param {Packet} packet */
  async #connect(connection, packet) {
    connection.connect = packet;
    connection.version = packet.protocolVersion;
    connection.clientId = packet.clientId;
    if (!this.versions.includes(packet.protocolVersion)) {
      this.violation('version', `MQTT ${packet.protocolVersion} is not served`);
      connection.version = 4; // in whose form any client reads a refusal
      return connection.refuse(1);
    }
    const code = await this.authenticate(connection, packet);
    if (connection.closed || code === undefined) return;
    if (code !== 0) return connection.refuse(code);
    const key = this.sessionKey(connection);
    let session = this.sessions.get(key);
    const old = session && this.connectionOf(session);
    old?.end(0x8e);
    session = this.sessions.get(key);
    const resumed = !packet.clean && session !== undefined && session.expires > Date.now();
    connection.session = resumed && session ? session : new Session(key);
    connection.session.expires = Infinity;
    this.sessions.set(key, connection.session);
    connection.open = true;
    const more = connection.version === 5 ? { properties: this.connackProperties(connection) } : {};
    connection.send({ cmd: 'connack', sessionPresent: resumed, returnCode: 0, reasonCode: 0, ...more });
    connection.silenceAfter(this.silence(connection));
    this.connected(connection);
    connection.resume();
    this.changed();
  }

  /** @param {Connection} connection @param {Packet} packet */
  async #open(connection, packet) {
    const { messageId } = packet;
    const { session } = connection;
    switch (packet.cmd) {
      case 'publish':
        return this.#publish(connection, packet);
      case 'pubrel':
        session.received.delete(messageId);
        return connection.send({ cmd: 'pubcomp', messageId, reasonCode: 0 });
      case 'pubrec':
        session.unacknowledged.set(messageId, { cmd: 'pubrel', messageId, reasonCode: 0 });
        return connection.send({ cmd: 'pubrel', messageId, reasonCode: 0 });
      case 'puback':
      case 'pubcomp':
        session.unacknowledged.delete(messageId);
        return connection.flush();
      case 'subscribe':
        return this.#subscribe(connection, packet);
      case 'unsubscribe': {
        const had = packet.unsubscriptions.map((/** @type {string} */ filter) => session.subscriptions.delete(filter));
        connection.send({
          cmd: 'unsuback',
          messageId,
          granted: had.map((/** @type {boolean} */ it) => (it ? 0 : 0x11)),
        });
        return this.unsubscribed(connection, packet.unsubscriptions);
      }
      case 'pingreq':
        return connection.send({ cmd: 'pingresp' });
      case 'auth':
        return this.auth(connection, packet);
      case 'disconnect':
        connection.graceful = packet.reasonCode !== 4;
        return connection.drop();
      default:
        this.violation('packet', `${packet.cmd} is no packet of a client`);
        return connection.drop();
    }
  }

  /** @param {Connection} connection @param {Packet} packet */
  async #publish(connection, packet) {
    const { messageId, qos } = packet;
    const { received } = connection.session;
    const alias = packet.properties?.topicAlias;
    if (alias !== undefined) {
      if (packet.topic === '') packet.topic = connection.aliases.get(alias) ?? '';
      else connection.aliases.set(alias, packet.topic);
      delete packet.properties.topicAlias;
    }
    if (packet.topic === '') {
      this.violation('topic', 'there is none');
      return connection.end(0x82);
    }
    if (qos === 2 && received.has(messageId)) return connection.send({ cmd: 'pubrec', messageId, reasonCode: 0 });
    const reasonCode = await this.publish(connection, packet);
    if (qos === 0 || reasonCode === undefined) return;
    if (qos === 2 && reasonCode < 0x80) received.add(messageId);
    connection.send({ cmd: qos === 2 ? 'pubrec' : 'puback', messageId, reasonCode });
  }

  /** @param {Connection} connection @param {Packet} packet */
  async #subscribe(connection, packet) {
    const { messageId, subscriptions } = packet;
    const wrong = subscriptions.find((/** @type {any} */ { topic }) => !isFilter(topic));
    if (wrong) {
      this.violation('filter', `${wrong.topic} is none`);
      return connection.end(0x82);
    }
    const granted = await this.subscribe(connection, packet);
    if (granted === undefined || connection.closed) return;
    /** @type {string[]} */
    const filters = [];
    granted.forEach((qos, i) => {
      if (qos >= 0x80) return;
      filters.push(subscriptions[i].topic);
      connection.session.subscriptions.set(subscriptions[i].topic, qos);
    });
    connection.send({ cmd: 'suback', messageId, granted });
    filters.forEach((filter) => this.#retainedTo(connection, filter));
    this.subscribed(connection, filters);
  }

  // ------------------------------------------------------------------------------------------------ messages

  /** @param {Message} message */
  #retain(message) {
    if (message.payload.length === 0) this.retained.delete(message.topic);
    else this.retained.set(message.topic, message);
  }

  /** @param {Connection} connection @param {string} filter */
  #retainedTo(connection, filter) {
    if (shared(filter).group !== undefined || (!this.retainedToWildcards && /[+#]/.test(filter))) return;
    const granted = connection.session.subscriptions.get(filter) ?? 0;
    for (const message of this.retained.values()) {
      if (!matches(filter, message.topic, this)) continue;
      connection.publish({ ...message, qos: this.deliveredQos(granted, message.qos ?? 0) });
    }
  }

  /** @param {Session} session @param {Message} message @param {number} granted */
  #deliver(session, message, granted) {
    const qos = this.deliveredQos(granted, message.qos ?? 0);
    const { topic, payload, properties } = message;
    const connection = this.connectionOf(session);
    if (connection) connection.publish({ topic, payload, qos, properties });
    else if (qos > 0 && session.queue.length < MAX_QUEUE) {
      session.queue.push({
        cmd: 'publish',
        topic,
        payload: Buffer.from(payload),
        qos,
        retain: false,
        dup: false,
        properties,
      });
    }
  }
}

/**
 * @param {import('node:net').Server} server
 * @param {number} port 0: any
 * @returns {Promise<number>} the port
 */
function listening(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => resolve(/** @type {import('node:net').AddressInfo} */ (server.address()).port));
  });
}
