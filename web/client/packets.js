// The event 'packet': a tap on the bytes of one connection that tells each packet in them, and a walker per direction that
// finds the packets in bytes cut anywhere. Of a packet's body only what is told is ever kept: no payload, and nothing of
// CONNECT or of AUTH's properties. A walker judges nothing: that is the core's part, which ends the connection.

/** @typedef {import('./types.js').PacketInfo} PacketInfo */
/** @typedef {(packet: PacketInfo) => void} Tell */

/** By type; 0 is none. */
const NAMES = [
  ...'- CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE'.split(' '),
  ...'SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH'.split(' '),
];
const CONNACK = 2;
const PUBLISH = 3;
/** Bytes at the beginning of a body that are looked at, by type; of PUBLISH, where its topic's length is. */
const LOOKS = [0, 0, 2, 2, 3, 3, 3, 3, 2, 2, 2, 2, 0, 0, 1, 1];
/** Where the reason code is in a body, by type; -1: nowhere, or after the properties. */
const REASON_AT = [-1, -1, 1, -1, 2, 2, 2, 2, -1, -1, -1, -1, -1, -1, 0, 0];

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

class Walker {
  #direction;
  #v5;
  #tell;
  /** The fixed header, and what is looked at of the body. @type {number[]} */
  #head = [];
  /** As long as #head is to become, as far as is known, if the packet is; Infinity: the bytes are not MQTT. */
  #look = 2;
  /** Where the body begins in #head; 0: not known yet. */
  #body = 0;
  /** Bytes of the packet that are still to come. */
  #left = Infinity;
  #length = 0;

  /**
   * @param {'in' | 'out'} direction
   * @param {boolean} v5
   * @param {Tell} tell
   */
  constructor(direction, v5, tell) {
    this.#direction = direction;
    this.#v5 = v5;
    this.#tell = tell;
  }

  /** @param {Uint8Array} bytes */
  walk(bytes) {
    for (let at = 0; at < bytes.length && this.#look < Infinity;) {
      if (this.#head.length < this.#look) {
        this.#left--;
        if (this.#head.push(bytes[at++]) === this.#look) this.#looked();
      } else {
        const passed = Math.min(this.#left, bytes.length - at);
        this.#left -= passed;
        at += passed;
      }
      if (this.#left === 0) this.#whole();
    }
  }

  get #type() {
    return this.#head[0] >> 4;
  }

  get #qos() {
    return (this.#head[0] >> 1) & 3;
  }

  /** A word of the body; undefined: the packet ends before. @param {number} at */
  #word(at) {
    const { [this.#body + at]: high, [this.#body + at + 1]: low } = this.#head;
    return low === undefined ? undefined : (high << 8) | low;
  }

  /** #head is as long as it was to become: how much more? */
  #looked() {
    const head = this.#head;
    if (this.#body === 0) {
      if (head[this.#look - 1] > 127 || this.#type === 0) {
        this.#look += this.#look < 5 && this.#type > 0 ? 1 : Infinity;
        return;
      }
      this.#body = this.#look;
      this.#left = head.reduceRight((sum, byte, at) => (at === 0 ? sum : sum * 128 + (byte & 127)), 0);
      this.#length = this.#body + this.#left;
      this.#look += LOOKS[this.#type];
    } else if (this.#type === PUBLISH) {
      this.#look = this.#body + 2 + (this.#word(0) ?? 0) + (this.#qos ? 2 : 0);
    }
  }

  /** The packet is there to its last byte. */
  #whole() {
    const head = this.#head;
    const type = this.#type;
    /** @type {Record<string, unknown>} */
    const packet = { direction: this.#direction, type: NAMES[type], length: this.#length };
    /** @type {(name: string, value: unknown) => void} */
    const add = (name, value) => {
      if (value !== undefined) packet[name] = value;
    };
    if (type === PUBLISH) {
      const from = this.#body + 2;
      const to = from + (this.#word(0) ?? Infinity);
      packet.qos = this.#qos;
      packet.retain = (head[0] & 1) !== 0;
      packet.dup = (head[0] & 8) !== 0;
      if (to <= head.length) packet.topic = decoder.decode(Uint8Array.from(head.slice(from, to)));
      if (this.#qos) add('packetId', this.#word(to - this.#body));
    } else if (LOOKS[type] > 1 && type !== CONNACK) {
      add('packetId', this.#word(0));
    }
    const reasonAt = REASON_AT[type];
    if (type === CONNACK) add('reasonCode', head[this.#body + reasonAt]);
    else if (reasonAt >= 0 && this.#v5) {
      const success = this.#length === this.#body + reasonAt; // it may be left out [M5:3.4.2.1]
      add('reasonCode', success ? 0 : head[this.#body + reasonAt]);
    }
    this.#head = [];
    this.#look = 2;
    this.#body = 0;
    this.#left = Infinity;
    this.#tell(/** @type {PacketInfo} */ (packet));
  }
}

/** The tap of one connection; made only if somebody listens when that begins. */
export class PacketTap {
  #machine;
  #in;
  #out;
  /** Packets that were sent and are not told yet. @type {PacketInfo[]} */
  #sent = [];
  /** Bytes passed while nobody listened: where packets begin is not known any more. */
  #lost = false;

  /**
   * @param {import('./machine.js').Machine} machine
   * @param {number} version
   */
  constructor(machine, version) {
    this.#machine = machine;
    this.#in = new Walker('in', version === 5, (packet) => machine.packets?.(packet));
    // In a microtask: no code of the user's runs in the middle of sending.
    this.#out = new Walker('out', version === 5, (packet) => {
      if (this.#sent.push(packet) === 1) queueMicrotask(() => this.#tellSent());
    });
  }

  #tellSent() {
    for (const packet of this.#sent.splice(0)) this.#machine.packets?.(packet);
  }

  /** @param {Uint8Array} bytes */
  received(bytes) {
    this.#tellSent(); // it came first
    this.#walk(this.#in, bytes);
  }

  /** @param {Uint8Array} bytes they may change after this returned */
  sent(bytes) {
    this.#walk(this.#out, bytes);
  }

  /** @param {Walker} walker @param {Uint8Array} bytes */
  #walk(walker, bytes) {
    this.#lost ||= this.#machine.packets === null;
    if (!this.#lost) walker.walk(bytes);
  }
}
