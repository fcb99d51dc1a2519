// The in-page peer: a WebSocket without a network, with an MQTT server at its other end. A WebSocket message comes as an
// event that the engine dispatches, with a buffer of its own; as many as an engine hands out in one task, microtasks in
// between. What the server itself does can be measured, to be subtracted.
//
// The server answers as a fast one would: everything that a client sent before its task comes up is answered by one
// WebSocket message. It keeps to a window of messages with QoS 1 and 2 that are not acknowledged.
import { join } from './packets.js';

const CONNECT = 1;
const PUBLISH = 3;
const PUBACK = 4;
const PUBREC = 5;
const PUBREL = 6;
const PUBCOMP = 7;
const SUBSCRIBE = 8;
const UNSUBSCRIBE = 10;
const PINGREQ = 12;
const DISCONNECT = 14;

const NONE = new Uint8Array(0);
/** Events in one task, if so many wait. */
const PER_TASK = 16;
const EVENTS = /** @type {const} */ (['open', 'message', 'error', 'close']);

/** Stands in for the page's WebSocket; made by the clients, hence all the settings are static. */
export class InPageSocket extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;
  /** The one that was made last. @type {InPageSocket} */
  static last;

  CONNECTING = 0;
  OPEN = 1;
  readyState = 0;
  binaryType = 'blob';
  bufferedAmount = 0;
  extensions = '';
  /** @type {((event: any) => void) | null} */ onopen = null;
  /** @type {((event: any) => void) | null} */ onmessage = null;
  /** @type {((event: any) => void) | null} */ onerror = null;
  /** @type {((event: any) => void) | null} */ onclose = null;
  #taskPending = false;
  /** What is to come with the next task. @type {number[]} */
  #answers = [];
  /** @type {Uint8Array[] | null} */
  #recorded = null;
  /** A packet's beginning. @type {Uint8Array} */
  #part = NONE;
  #version = 0;

  /** Nothing is answered any more. */
  mute = false;
  /** Messages that the client sent, each once: with QoS 1 and 2 they count when the server is done with them. */
  published = 0;
  /** When the client sent its first bytes; 0: it did not. */
  firstSent = 0;
  /** Messages to the client that it has acknowledged to the end. */
  acknowledged = 0;
  /** Called when the client has sent something. */
  changed = () => {};

  /** @type {ArrayBuffer[]} */
  #frames = [];
  #next = 0;
  #perFrame = 1;
  #window = Infinity;
  #inFlight = 0;

  /**
   * @param {string} url
   * @param {string | string[]} [protocols]
   */
  constructor(url, protocols = '') {
    super();
    this.url = url;
    this.protocol = [protocols].flat()[0] ?? '';
    for (const type of EVENTS) this.addEventListener(type, (event) => this[`on${type}`]?.(event));
    this.#soon();
    InPageSocket.last = this;
  }

  /** Have a task come. */
  #soon() {
    if (this.#taskPending) return;
    this.#taskPending = true;
    scheduler.postTask(() => this.#task());
  }

  async #task() {
    this.#taskPending = false;
    if (this.readyState === 0) {
      this.readyState = 1;
      this.dispatchEvent(new Event('open'));
    }
    if (this.#answers.length > 0) this.#message(this.#bytesOfAnswers());
    for (let i = 0; i < PER_TASK && this.#next < this.#frames.length && this.#fits(); i++) {
      if (this.#window !== Infinity) this.#inFlight += this.#perFrame;
      this.#message(this.#frames[this.#next++].slice(0));
      await null;
    }
    if (this.readyState === 2) {
      this.readyState = 3;
      this.dispatchEvent(Object.assign(new Event('close'), { code: 1000, reason: '', wasClean: true }));
    } else if (this.#next < this.#frames.length && this.#fits()) {
      this.#soon();
    }
  }

  /** @param {ArrayBuffer} data */
  #message(data) {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  /** The window has room for one more frame. */
  #fits() {
    return this.#inFlight + this.#perFrame <= this.#window;
  }

  /**
   * Send frames to the client, as fast as the window lets.
   * @param {ArrayBuffer[]} frames
   * @param {number} perFrame messages in each
   * @param {number} window messages with QoS 1 and 2 that may be under way; Infinity with QoS 0
   */
  feed(frames, perFrame, window) {
    this.#frames = frames;
    this.#next = 0;
    this.#perFrame = perFrame;
    this.#window = window;
    this.#inFlight = 0;
    this.#soon();
  }

  /** @param {Uint8Array | ArrayBuffer} data */
  send(data) {
    const came = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    this.firstSent ||= performance.now();
    if (this.mute) return;
    this.#recorded?.push(came.slice());
    this.#take(came);
    if (this.#answers.length > 0 || this.#next < this.#frames.length) this.#soon();
    this.changed();
  }

  /** @param {Uint8Array} came */
  #take(came) {
    this.#serve(this.#part.length > 0 ? join([this.#part, came]) : came);
  }

  /** Keep what the client sends until the function that this returns is called, which gives it back. */
  record() {
    /** @type {Uint8Array[]} */
    const kept = [];
    this.#recorded = kept;
    return () => {
      this.#recorded = null;
      return kept;
    };
  }

  /**
   * Do once more the server's part, and answer nothing.
   * @param {readonly Uint8Array[]} sent
   */
  replay(sent) {
    const { published, acknowledged } = this;
    const inFlight = this.#inFlight;
    for (const one of sent) this.#take(one);
    this.#bytesOfAnswers();
    Object.assign(this, { published, acknowledged });
    this.#inFlight = inFlight;
  }

  #bytesOfAnswers() {
    const { buffer } = Uint8Array.from(this.#answers);
    this.#answers = [];
    return buffer;
  }

  /** @param {Uint8Array} bytes */
  #serve(bytes) {
    let at = 0;
    while (at < bytes.length) {
      let length = 0;
      let unit = 1;
      let i = at + 1;
      let byte = 128;
      while (byte >= 128 && i < bytes.length) {
        byte = bytes[i++];
        length += (byte & 127) * unit;
        unit *= 128;
      }
      if (byte >= 128 || i + length > bytes.length) break;
      this.#packet(bytes[at], bytes, i, i + length);
      at = i + length;
    }
    this.#part = at < bytes.length ? bytes.slice(at) : NONE;
  }

  /**
   * @param {number} head
   * @param {Uint8Array} bytes
   * @param {number} at
   * @param {number} end
   */
  #packet(head, bytes, at, end) {
    const answers = this.#answers;
    const qos = (head >> 1) & 3;
    switch (head >> 4) {
      case PUBLISH: {
        if (qos === 0) {
          this.published++;
          break;
        }
        const id = at + 2 + ((bytes[at] << 8) | bytes[at + 1]);
        answers.push((qos === 1 ? PUBACK : PUBREC) << 4, 2, bytes[id], bytes[id + 1]);
        if (qos === 1) this.published++;
        break;
      }
      case PUBREL:
        answers.push(PUBCOMP << 4, 2, bytes[at], bytes[at + 1]);
        this.published++;
        break;
      case PUBREC:
        answers.push((PUBREL << 4) | 2, 2, bytes[at], bytes[at + 1]);
        break;
      case PUBACK:
      case PUBCOMP:
        this.#inFlight--;
        this.acknowledged++;
        break;
      case CONNECT:
        this.#version = bytes[at + 2 + bytes[at + 1]];
        answers.push(...(this.#version === 5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0]));
        break;
      case SUBSCRIBE:
        this.#granted(0x90, bytes, at, end, 1, 2);
        break;
      case UNSUBSCRIBE:
        this.#granted(0xb0, bytes, at, end, 0, 0);
        break;
      case PINGREQ:
        answers.push(0xd0, 0);
        break;
      case DISCONNECT:
        break;
      default:
        throw new Error(`the client sent a packet of type ${head >> 4}`);
    }
  }

  /**
   * SUBACK or UNSUBACK.
   * @param {number} head
   * @param {Uint8Array} bytes
   * @param {number} at
   * @param {number} end
   * @param {number} options bytes behind each filter
   * @param {number} code for each filter
   */
  #granted(head, bytes, at, end, options, code) {
    const body = [bytes[at], bytes[at + 1]];
    let i = at + 2;
    if (this.#version === 5) {
      i += 1 + bytes[i]; // properties: never as long as 128 bytes here
      body.push(0);
    }
    for (; i < end; i += 2 + ((bytes[i] << 8) | bytes[i + 1]) + options) {
      if (head === 0x90 || this.#version === 5) body.push(code);
    }
    this.#answers.push(head, ...(body.length > 127 ? [(body.length & 127) | 128, body.length >> 7] : [body.length]));
    for (const byte of body) this.#answers.push(byte);
  }

  close() {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    this.#soon();
  }
}
