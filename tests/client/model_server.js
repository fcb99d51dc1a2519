// A server for property tests. It does nothing by itself: a test says when it reads, answers (in any order), sends, loses a
// session or a connection. It keeps the books of both directions and of what is subscribed to, and notes in `faults` what a
// client must not do.
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
 * @property {boolean} retain
 * @property {string[]} filters the subscriptions that it is sent for
 * @property {number[]} identifiers theirs
 */

/** @typedef {{ topic: string, qos: 0 | 1 | 2, size: number, retain: boolean }} Queued */

/** Packet ids of messages for the client: few, so that they come again. */
const IDS = 30;

/** Filters of the runs, and what they match. @type {Record<string, (topic: string) => boolean>} */
export const MATCHES = {
  '#': () => true,
  't/+': (topic) => topic.startsWith('t/'),
  't/0': (topic) => topic === 't/0',
  't/1': (topic) => topic === 't/1',
  '+/2': (topic) => topic.endsWith('/2'),
};

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
  /** @type {Map<number, number>} QoS 2 ids without PUBREL: the message's number */
  #received = new Map();
  /** @type {Map<number, { id: number, qos: number, on: number }>} what was read in this session, by the message's number */
  #known = new Map();
  /** @type {Map<string, { qos: number, identifier: number | undefined }>} of this session */
  subscriptions = new Map();
  /** Filters whose last SUBSCRIBE was refused. @type {Set<string>} */
  refusedFilters = new Set();
  /** @type {Map<string, Queued>} by topic */
  #retained = new Map();
  /** Connections that there were: of the last, or of the one before what is being opened, packets are read. */
  #number = 0;
  /** The first connection of this session. */
  #began = 1;
  /** The last message that was new, by topic and QoS. @type {Map<string, number>} */
  #newest = new Map();
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

  /** @param {number} version @param {boolean} identifies it knows subscription identifiers (5.0) */
  constructor(version, identifies) {
    this.version = version;
    this.identifies = identifies && version === 5;
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
      this.#number++;
      this.#greeted = false;
      this.#todo = [];
      this.#answers = [];
      this.#aliases.clear();
      this.#inUse.clear();
    }
    if (connection !== this.#connection) return;
    this.#todo.push(packet);
  }

  /** What the client may have in flight, whatever the server takes. */
  maxInflight = 65535;

  /** The client has read CONNACK: it knows whether its session was kept. */
  told() {
    this.#told = true;
  }

  get up() {
    return this.#connection !== null && this.#greeted && !this.#connection.closed;
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
        this.#use(messageId, cmd);
        this.#answers.push({ cmd: 'suback', messageId, granted: this.#subscribe(packet, reason) });
        break;
      case 'unsubscribe':
        this.#use(messageId, cmd);
        for (const filter of packet.unsubscriptions) this.subscriptions.delete(filter);
        this.#answers.push({ cmd: 'unsuback', messageId, granted: packet.unsubscriptions.map(() => 0) });
        break;
      case 'pingreq':
        this.#answers.push({ cmd: 'pingresp' });
        break;
      default: // DISCONNECT: the client closes
    }
  }

  /** @param {number} messageId @param {string} cmd */
  #use(messageId, cmd) {
    this.#must(!this.#inUse.has(messageId) && !this.#received.has(messageId), `an id in use, in ${cmd}`);
    this.#inUse.set(messageId, -1);
  }

  /** @param {Packet} packet @param {number} reason */
  #subscribe({ subscriptions, properties }, reason) {
    const identifier = properties?.subscriptionIdentifier;
    this.#must(this.identifies || identifier === undefined, 'an identifier that the server does not know');
    return subscriptions.map((/** @type {any} */ { topic: filter, qos }) => {
      if (reason > 0) {
        this.refusedFilters.add(filter);
        this.subscriptions.delete(filter);
        return 0x80;
      }
      this.refusedFilters.delete(filter);
      this.subscriptions.set(filter, { qos, identifier: [identifier].flat()[0] });
      for (const kept of this.#retained.values()) if (MATCHES[filter](kept.topic)) this.#put(kept, [filter]);
      return qos;
    });
  }

  /** @param {Packet} packet */
  #connect({ clean }) {
    // A server of 3.1 has no way to say that it has no session.
    const kept = this.#hasSession && !clean && (this.version === 3 || (this.#told && !this.forgets));
    if (!kept) {
      if (this.#number > 1) this.lostSessions++;
      this.#received.clear();
      this.#known.clear();
      this.subscriptions.clear();
      this.#began = this.#number;
      for (const message of this.messages) if (message.stage !== 'done') message.stage = 'lost';
    }
    this.forgets = false;
    this.#hasSession = true;
    this.#told = kept;
    this.#clean = clean;
    this.#greeted = true;
    const properties =
      this.version === 5 ? { ...this.#limits, subscriptionIdentifiersAvailable: this.identifies } : undefined;
    const sessionPresent = kept && this.version > 3;
    this.#send({ cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent, properties });
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
    this.#recognize(number, packet);
    const holder = this.#inUse.get(messageId);
    this.#must(holder === undefined, `id ${messageId} of ${number} is in use by ${holder}`);
    this.#inUse.set(messageId, number);
    const underWay = [...this.#inUse.values()].filter((other) => other >= 0).length;
    this.#must(this.version < 5 || underWay <= this.#limits.receiveMaximum, 'more than Receive Maximum');
    this.#must(underWay <= this.maxInflight, 'more than maxInflight');
    const repeat = this.#received.has(messageId);
    if (repeat)
      this.#must(dup && this.#received.get(messageId) === number, `message ${number} with an id that is not released`);
    else if (reason < 0x80) this.#take(number, qos);
    else this.refused.set(number, reason);
    if (qos === 2 && (repeat || reason < 0x80)) this.#received.set(messageId, number);
    this.#answers.push({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: repeat ? 0 : reason });
  }

  /**
   * What comes again has its id and DUP; and messages come in their order.
   * @param {number} number
   * @param {Packet} packet
   */
  #recognize(number, { dup, messageId, qos }) {
    const known = this.#known.get(number);
    if (known && known.on < this.#number)
      this.#must(dup && known.id === messageId, `message ${number} came again as new`);
    if (known) this.#must(known.on < this.#number, `message ${number} twice on a connection`);
    else this.#must(!dup || this.#number > this.#began, `message ${number} with DUP, which never came`);
    this.#known.set(number, { id: messageId, qos, on: this.#number });
  }

  /** The client died, and with it its memory of the QoS 1 messages that left. */
  died() {
    for (const [number, { qos }] of this.#known) if (qos === 1) this.#known.delete(number);
  }

  /** @param {number} number @param {number} qos */
  #take(number, qos) {
    const before = this.taken.get(number);
    const stream = `${number % 4} ${qos}`;
    if (!before) {
      this.#must(number > (this.#newest.get(stream) ?? -1), `message ${number} after ${this.#newest.get(stream)}`);
      this.#newest.set(stream, number);
    }
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

  /** Somebody publishes a message. @param {Queued} message */
  queue(message) {
    if (message.retain) this.#retained.set(message.topic, message);
    const filters = [...this.subscriptions.keys()].filter((filter) => MATCHES[filter](message.topic));
    if (filters.length > 0) this.#put({ ...message, retain: false }, filters);
  }

  /** A message for the client, once for all of its subscriptions. @param {Queued} message @param {string[]} filters */
  #put({ topic, qos, size, retain }, filters) {
    const subscriptions = filters.map((filter) => this.subscriptions.get(filter));
    const granted = /** @type {0 | 1 | 2} */ (Math.min(qos, Math.max(...subscriptions.map((one) => one?.qos ?? 0))));
    const identifiers = subscriptions.flatMap((one) => one?.identifier ?? []);
    const number = this.messages.length;
    const rest = { stage: /** @type {const} */ ('queued'), id: 0, on: 0 };
    this.messages.push({ number, topic, qos: granted, size, retain, filters, identifiers, ...rest });
  }

  /** Send the first message that is to go: what was under way before, then new ones. @returns {boolean} there was one */
  next() {
    if (!this.up) return false;
    for (const message of this.messages) {
      const { number, topic, qos, stage, on, size, id, retain, identifiers } = message;
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
      const properties = identifiers.length > 0 ? { subscriptionIdentifier: identifiers } : undefined;
      const more = { qos, retain, properties, dup: stage === 'sent', messageId: qos > 0 ? message.id : undefined };
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
    if (this.version < 5 && this.#clean) {
      this.#hasSession = false;
      this.subscriptions.clear();
    }
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
