// A server that keeps one client's session over connections, and loses nothing: what stands at the other end while
// connections are cut and pages killed. It reads and writes with mqtt-packet, and notes what arrived.
import mqttPacket from 'mqtt-packet';

/** @typedef {any} Packet as mqtt-packet has it */

/**
 * @typedef {object} Down a message to the client
 * @property {string} payload
 * @property {0 | 1 | 2} qos
 * @property {number} messageId
 * @property {'waits' | 'sent' | 'released' | 'done'} state
 */

export class SessionServer {
  /** @type {Down[]} */
  down;
  /** Payloads of the client, each time it arrived, by QoS. @type {string[][]} */
  arrived = [[], [], []];
  /** What a client may not do, and did. @type {string[]} */
  faults = [];
  #sessionPresent = false;
  /** Packet ids between PUBREC and PUBREL. @type {Set<number>} */
  #received = new Set();
  #version = 5;
  /** @type {mqttPacket.Parser} */
  #parser = mqttPacket.parser();
  /** @type {(bytes: Uint8Array) => void} */
  #send = () => {};

  /**
   * QoS 2 messages have one packet id for all, and so follow each other: an id that is kept too long, or forgotten too soon,
   * shows.
   * @param {(0 | 1 | 2)[]} down the QoS of each message to the client; its payload is its index
   */
  constructor(down) {
    this.down = down.map((qos, i) => ({ payload: `${i}`, qos, messageId: qos === 2 ? 7 : 100 + i, state: 'waits' }));
  }

  /**
   * A new connection.
   * @param {(bytes: Uint8Array) => void} send
   */
  connection(send) {
    this.#send = send;
    this.#parser = mqttPacket.parser();
    this.#parser.on('packet', (packet) => this.#packet(packet));
    this.#parser.on('error', (error) => this.faults.push(`malformed: ${error.message}`));
  }

  /** @param {Uint8Array} bytes */
  receive(bytes) {
    this.#parser.parse(Buffer.from(bytes));
  }

  /** @param {Packet} packet */
  #packet(packet) {
    const { cmd, messageId } = packet;
    switch (cmd) {
      case 'connect':
        this.#connect(packet);
        break;
      case 'publish':
        this.#publish(packet);
        break;
      case 'pubrel':
        this.#received.delete(messageId);
        this.#answer({ cmd: 'pubcomp', messageId, reasonCode: 0 });
        break;
      case 'puback':
        this.#acknowledged(messageId, ['sent'], 'done');
        break;
      case 'pubrec':
        this.#acknowledged(messageId, ['sent', 'released'], 'released');
        this.#answer({ cmd: 'pubrel', messageId, reasonCode: 0 });
        break;
      case 'pubcomp':
        this.#acknowledged(messageId, ['released'], 'done');
        this.#goOn();
        break;
      case 'subscribe':
        this.#answer({ cmd: 'suback', messageId, granted: packet.subscriptions.map(() => 2) });
        break;
      case 'pingreq':
        this.#answer({ cmd: 'pingresp' });
        break;
      case 'disconnect':
        break;
      default:
        this.faults.push(cmd);
    }
  }

  /** @param {Packet} packet */
  #connect({ protocolVersion, clean }) {
    this.#version = protocolVersion;
    if (clean && this.#sessionPresent) this.#giveUp();
    this.#answer({ cmd: 'connack', sessionPresent: this.#sessionPresent, reasonCode: 0, returnCode: 0 });
    this.#sessionPresent = true;
    for (const { state, messageId } of this.down) {
      if (state === 'released') this.#answer({ cmd: 'pubrel', messageId, reasonCode: 0 });
    }
    for (const message of this.down) if (message.state === 'sent') this.#deliver(message, true);
    this.#goOn();
  }

  /** What a session holds goes with it. */
  #giveUp() {
    this.faults.push('the session is given up');
    this.#sessionPresent = false;
    this.#received.clear();
    for (const message of this.down) if (message.state !== 'waits') message.state = 'done';
  }

  /** @param {Packet} packet */
  #publish({ qos, messageId, dup, payload }) {
    if (qos === 2 && this.#received.has(messageId)) {
      if (!dup) this.faults.push(`packet id ${messageId} is in use`);
    } else {
      this.arrived[qos].push(`${payload}`);
      if (qos === 2) this.#received.add(messageId);
    }
    if (qos > 0) this.#answer({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0 });
  }

  /** Send what waits and may be sent. */
  #goOn() {
    for (const message of this.down) {
      const taken = this.down.some(
        (other) => other.messageId === message.messageId && (other.state === 'sent' || other.state === 'released'),
      );
      if (message.state === 'waits' && !taken) this.#deliver(message, false);
    }
  }

  /**
   * @param {Down} message
   * @param {boolean} dup
   */
  #deliver(message, dup) {
    const { payload, qos, messageId } = message;
    message.state = qos === 0 ? 'done' : 'sent';
    this.#answer({ cmd: 'publish', topic: 'down', payload, qos, messageId, dup, retain: false });
  }

  /**
   * @param {number} id
   * @param {Down['state'][]} from
   * @param {Down['state']} to
   */
  #acknowledged(id, from, to) {
    const message = this.down.find(({ messageId, state }) => messageId === id && from.includes(state));
    if (message) message.state = to;
    else this.faults.push(`an acknowledgement of ${id}, which was not sent`);
  }

  /** @param {Packet} packet */
  #answer(packet) {
    this.#send(mqttPacket.generate(packet, { protocolVersion: this.#version }));
  }

  /** Everything that was to go to the client went, and was acknowledged. */
  get done() {
    return this.down.every(({ state }) => state === 'done');
  }
}
