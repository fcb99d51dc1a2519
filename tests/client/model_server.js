// A server for property tests. It does nothing by itself: a test says when it reads, answers (in any order), sends, loses a
// session or a connection. It keeps the books of both directions, and notes in `faults` what a client must not do.
//
// A message is known by its number, which its payload begins with.
import { Peer, publish } from './peer.js';

/** @typedef {any} Packet as mqtt-packet has it */

/**
 * @typedef {object} Sent a message for the client
 * @property {number} number
 * @property {string} topic
 * @property {0 | 1 | 2} qos
 * @property {number} size
 * @property {'queued' | 'sent' | 'released' | 'done' | 'lost'} stage
 * @property {number} id
 * @property {number} on the connection that it, or its PUBREL, left on last
 */

/** Packet ids of messages for the client: few, so that they come again. */
const IDS = 30;

/** @param {number} number @param {number} size */
export const payloadOf = (number, size) => `${number}:${'x'.repeat(size)}`;
/** @param {Uint8Array} payload */
export const numberOf = (payload) => Number.parseInt(Buffer.from(payload.subarray(0, 10)).toString(), 10);

export class ModelServer {
  peer = new Peer();
  /** @type {string[]} */
  faults = [];
  /** @type {Packet[]} what came and was not read */
  #todo = [];
  /** @type {Packet[]} what is to be answered */
  #answers = [];
  /** @type {import('./peer.js').PeerConnection | null} */
  #connection = null;
  #greeted = false;
  #clean = false;
  /** Of this connection. */
  #limits = { receiveMaximum: 65535, topicAliasMaximum: 0 };
  /** @type {Map<number, string>} the client's aliases */
  #aliases = new Map();
  /** @type {Map<number, number>} packet ids in use by the client: the message's number, -1 for a request */
  #inUse = new Map();
  /** @type {Set<number>} QoS 2 ids without PUBREL; null: there is no session */
  #received = new Set();
  #hasSession = false;
  #told = false;
  /** The next CONNECT finds no session. */
  forgets = false;
  /** Sessions that were lost. */
  lostSessions = 0;
  /** @type {Map<number, { times: number, session: number }>} what the server took, by number */
  taken = new Map();
  /** @type {Map<number, number>} what it refused, and with which reason */
  refused = new Map();
  /** @type {Sent[]} */
  messages = [];
  /** Called when the client has acknowledged a message. @type {(number: number) => void} */
  acknowledged = () => {};

  /** @param {number} version */
  constructor(version) {
    this.version = version;
    for (const cmd of [
      ...['connect', 'publish', 'puback', 'pubrec', 'pubrel', 'pubcomp'],
      ...['subscribe', 'unsubscribe', 'pingreq', 'disconnect'],
    ])
      this.peer.answers[cmd] = (packet, connection) => this.#came(packet, connection);
  }

  /** @param {Packet} packet @param {import('./peer.js').PeerConnection} connection */
  #came(packet, connection) {
    if (packet.cmd === 'connect') {
      this.#connection = connection;
      this.#greeted = false;
      this.#todo = [];
      this.#answers = [];
      this.#aliases.clear();
      this.#inUse.clear();
    }
    if (connection !== this.#connection) return;
    this.#todo.push(packet);
  }

  /** The client has read CONNACK: it knows whether its session was kept. */
  told() {
    this.#told = true;
  }

  get up() {
    return this.#connection !== null && this.#greeted && !this.#connection.closed;
  }

  get #number() {
    return this.peer.connections.length;
  }

  /** @param {Packet} packet */
  #send(packet) {
    this.#connection?.send(packet);
  }

  /** @param {boolean} good @param {string} what */
  #must(good, what) {
    if (!good) this.faults.push(what);
  }

  /* ---------------------------------------------------------------------------------------------- reading */

  /** Read what came, at most so many packets. @param {number} most @param {number} [reason] of acknowledgements */
  read(most, reason = 0) {
    for (let n = 0; n < most && this.#todo.length > 0; n++) this.#read(this.#todo.shift(), reason);
  }

  /** @param {Packet} packet @param {number} reason */
  #read(packet, reason) {
    const { cmd, messageId } = packet;
    this.#must(this.#greeted || cmd === 'connect', `${cmd} before CONNACK`);
    switch (cmd) {
      case 'connect':
        this.#connect(packet);
        break;
      case 'publish':
        this.#publish(packet, this.version === 5 ? reason : 0);
        break;
      case 'pubrel':
        this.#answers.push({ cmd: 'pubcomp', messageId, reasonCode: this.#released(messageId) });
        break;
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        this.#acknowledged(packet);
        break;
      case 'subscribe':
        this.#must(!this.#inUse.has(messageId), 'an id in use, in SUBSCRIBE');
        this.#inUse.set(messageId, -1);
        this.#answers.push({
          cmd: 'suback',
          messageId,
          granted: packet.subscriptions.map((/** @type {any} */ one) => (reason ? 0x80 : one.qos)),
        });
        break;
      case 'unsubscribe':
        this.#must(!this.#inUse.has(messageId), 'an id in use, in UNSUBSCRIBE');
        this.#inUse.set(messageId, -1);
        this.#answers.push({ cmd: 'unsuback', messageId, granted: packet.unsubscriptions.map(() => 0) });
        break;
      case 'pingreq':
        this.#answers.push({ cmd: 'pingresp' });
        break;
      default: // DISCONNECT: the client closes
    }
  }

  /** @param {Packet} packet */
  #connect({ clean }) {
    const kept = this.#hasSession && this.#told && !clean && !this.forgets;
    if (!kept) {
      if (this.#number > 1) this.lostSessions++;
      this.#received.clear();
      for (const message of this.messages)
        if (message.stage === 'sent' || message.stage === 'released') message.stage = 'lost';
    }
    this.forgets = false;
    this.#hasSession = true;
    this.#told = kept;
    this.#clean = clean;
    this.#greeted = true;
    const properties = this.version === 5 ? this.#limits : undefined;
    this.#send({ cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: kept, properties });
  }

  /** What the next CONNACK says. @param {number} receiveMaximum @param {number} topicAliasMaximum */
  limit(receiveMaximum, topicAliasMaximum) {
    if (!this.#greeted) this.#limits = { receiveMaximum, topicAliasMaximum };
  }

  /** @param {Packet} packet */
  #topic({ topic, properties }) {
    const alias = properties?.topicAlias;
    if (alias === undefined) return topic;
    this.#must(alias <= this.#limits.topicAliasMaximum, 'an alias over the maximum');
    if (topic) this.#aliases.set(alias, topic);
    return this.#aliases.get(alias);
  }

  /** @param {Packet} packet @param {number} reason */
  #publish(packet, reason) {
    const { qos, dup, messageId } = packet;
    const number = numberOf(packet.payload);
    this.#must(this.#topic(packet) === `t/${number % 4}`, `the topic of message ${number}`);
    if (qos === 0) {
      this.#take(number, qos);
      return;
    }
    const holder = this.#inUse.get(messageId);
    this.#must(holder === undefined, `id ${messageId} of ${number} is in use by ${holder}`);
    this.#inUse.set(messageId, number);
    const underWay = [...this.#inUse.values()].filter((other) => other >= 0).length;
    this.#must(this.version < 5 || underWay <= this.#limits.receiveMaximum, 'more than Receive Maximum');
    const repeat = qos === 2 && this.#received.has(messageId);
    if (repeat) this.#must(dup, `message ${number} again without DUP, or another with its id`);
    else if (reason < 0x80) this.#take(number, qos);
    else this.refused.set(number, reason);
    if (qos === 2 && (repeat || reason < 0x80)) this.#received.add(messageId);
    this.#answers.push({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: repeat ? 0 : reason });
  }

  /** @param {number} number @param {number} qos */
  #take(number, qos) {
    const before = this.taken.get(number);
    this.#must(!before || qos === 1, `message ${number} with QoS ${qos} arrived twice`);
    this.taken.set(number, { times: (before?.times ?? 0) + 1, session: this.lostSessions });
  }

  /** @param {number} messageId */
  #released(messageId) {
    return this.#received.delete(messageId) || this.version < 5 ? 0 : 0x92;
  }

  /** @param {Packet} packet */
  #acknowledged({ cmd, messageId, reasonCode }) {
    const message = this.messages.find(
      ({ id, stage }) => id === messageId && stage === (cmd === 'pubcomp' ? 'released' : 'sent'),
    );
    if (!message) {
      this.#must(cmd === 'pubcomp', `${cmd} for nothing`);
      return;
    }
    this.#must(cmd === 'puback' ? message.qos === 1 : message.qos === 2, `${cmd} for QoS ${message.qos}`);
    if (cmd !== 'pubcomp') this.acknowledged(message.number);
    if (cmd === 'pubrec' && !(reasonCode >= 0x80)) {
      message.stage = 'released';
      this.#answers.push({ cmd: 'pubrel', messageId, reasonCode: 0 });
    } else {
      message.stage = 'done';
    }
  }

  /* ---------------------------------------------------------------------------------------------- answering, sending */

  /** Send one of the answers that are due. @param {number} which */
  answer(which) {
    if (!this.up || this.#answers.length === 0) return;
    const [packet] = this.#answers.splice(which % this.#answers.length, 1);
    const final = packet.cmd !== 'pubrec' || packet.reasonCode >= 0x80;
    if (final && packet.cmd !== 'pubrel' && packet.messageId !== undefined) this.#inUse.delete(packet.messageId);
    if (packet.cmd === 'pubrel') this.#mark(packet.messageId);
    this.#send(packet);
  }

  /** @param {number} messageId */
  #mark(messageId) {
    const message = this.messages.find(({ id, stage }) => id === messageId && stage === 'released');
    if (message) message.on = this.#number;
  }

  /** A new message for the client. @param {string} topic @param {0 | 1 | 2} qos @param {number} size */
  queue(topic, qos, size) {
    this.messages.push({ number: this.messages.length, topic, qos, size, stage: 'queued', id: 0, on: 0 });
  }

  /** Send the first message that is to go: what was under way before, then new ones. @returns {boolean} there was one */
  next() {
    if (!this.up) return false;
    for (const message of this.messages) {
      const { number, topic, qos, stage, on, size, id } = message;
      if (stage === 'done' || stage === 'lost' || (stage !== 'queued' && on === this.#number)) continue;
      if (stage === 'released') {
        if (this.#answers.some(({ cmd, messageId }) => cmd === 'pubrel' && messageId === id)) continue;
        message.on = this.#number;
        this.#send({ cmd: 'pubrel', messageId: id, reasonCode: 0 });
        return true;
      }
      if (stage === 'queued' && qos > 0 && !this.#freeId(message)) return false;
      message.on = this.#number;
      message.stage = qos > 0 ? 'sent' : 'done';
      const more = { qos, dup: stage === 'sent', messageId: qos > 0 ? message.id : undefined };
      this.#send(publish(topic, payloadOf(number, size), more));
      return true;
    }
    return false;
  }

  /** @param {Sent} message */
  #freeId(message) {
    const used = new Set(
      this.messages.filter(({ stage }) => stage === 'sent' || stage === 'released').map(({ id }) => id),
    );
    for (let id = 1 + ((message.number * 7) % IDS), n = 0; n < IDS; n++, id = 1 + (id % IDS)) {
      if (used.has(id)) continue;
      message.id = id;
      return true;
    }
    return false;
  }

  /* ---------------------------------------------------------------------------------------------- ends */

  /** The network fails, in the middle of a packet that is never whole. @param {number} bytes of it that still arrive */
  cut(bytes) {
    const connection = this.#connection;
    if (!connection || connection.closed) return;
    if (this.#greeted) {
      const packet = connection.encode(publish('t/cut', 'never', { qos: 1, messageId: 999 }));
      connection.sendBytes(packet.subarray(0, bytes % packet.length));
    }
    this.#over();
    connection.drop();
  }

  /** The server says DISCONNECT and closes. */
  goodbye() {
    if (!this.up || this.version < 5) return;
    this.#send({ cmd: 'disconnect', reasonCode: 0x8b });
    this.#connection?.drop(1000);
    this.#over();
  }

  #over() {
    if (this.version < 5 && this.#clean) this.#hasSession = false;
    this.#connection = null;
    this.#greeted = false;
    this.#todo = [];
    this.#answers = [];
  }

  /** Nothing is left to do, for as long as the client sends nothing. */
  get idle() {
    return (
      this.#todo.length === 0 &&
      this.#answers.length === 0 &&
      this.messages.every(({ stage }) => stage === 'done' || stage === 'lost')
    );
  }

  /** Do all that there is to do. */
  work() {
    this.read(Infinity);
    while (this.up && this.#answers.length > 0) this.answer(0);
    while (this.next());
  }
}
