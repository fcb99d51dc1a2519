// A received message. It is the only object made for a message that arrives, so it holds what the core told as plain
// fields, and everything else is made when asked for.

import { WQ_EVF_DUP, WQ_EVF_QOS, WQ_EVF_RETAIN } from '../../build/gen/wasmqtt_layout.js';
import { Chunk } from '../../wasm/chunk.js';
import { propertiesSize } from '../../wasm/stream.js';

const decoder = new TextDecoder();
/** A bit of a message's flags that the core does not have. */
export const REDELIVERED = 0x10000;

/** @type {(message: Message, holds: number) => void} */
export let holdMessage;
/** @type {(message: Message) => void} */
export let releaseMessage;
/** @type {(message: Message) => void} */
export let ownMessage;
/** @type {(message: Message) => number} bytes that a kept message takes */
export let messageSize;
/** @type {(message: Message) => number} what its acknowledgement names; 0: it is acknowledged, or has none */
export let messageHandle;
/** @type {(message: Message) => boolean} the server will send it again; false: it will not, for it is acknowledged */
export let forgetMessage;

export class Message {
  /** All in one, since each private field would take its time to be set; `holds`: who has not finished with it yet. */
  #inner;

  /**
   * @param {string} topic
   * @param {import('./inbox.js').Inbox} inbox
   * @param {Chunk} chunk
   * @param {number} off
   * @param {number} length
   * @param {number} flags
   * @param {number} props
   * @param {number} handle
   * @internal
   */
  constructor(topic, inbox, chunk, off, length, flags, props, handle) {
    /** The topic name. */
    this.topic = topic;
    this.#inner = { inbox, chunk, off, length, flags, props, handle, holds: 1 };
  }

  static {
    holdMessage = (message, holds) => {
      message.#inner.holds = holds;
    };
    releaseMessage = (message) => {
      const inner = message.#inner;
      if (inner.handle !== 0 && --inner.holds === 0) message.ack();
    };
    ownMessage = (message) => message.#own();
    messageSize = (message) => message.#inner.length + message.topic.length;
    messageHandle = (message) => message.#inner.handle;
    forgetMessage = (message) => {
      const { inbox, handle } = message.#inner;
      if (handle === 0) return false;
      inbox.forget(handle);
      return true;
    };
  }

  /**
   * The payload: a view into a larger buffer (mind its byteOffset), which keeps that buffer alive. Keep bytes() instead.
   * @returns {Uint8Array}
   */
  get payload() {
    const { chunk, off, length } = this.#inner;
    return new Uint8Array(chunk.buffer, off, length);
  }

  /**
   * The payload as an own copy.
   * @returns {Uint8Array}
   */
  bytes() {
    const { chunk, off, length } = this.#inner;
    return chunk.bytes.slice(off, off + length);
  }

  /** The payload as text; bytes that are no UTF-8 become U+FFFD. */
  text() {
    return decoder.decode(this.payload);
  }

  /**
   * The payload, parsed as JSON. Throws a SyntaxError if it is none.
   * @returns {any}
   */
  json() {
    return JSON.parse(this.text());
  }

  /** Quality of service that the server delivered it with: 0, 1 or 2. */
  get qos() {
    return this.#inner.flags & WQ_EVF_QOS;
  }

  /** The server had kept it from before the subscription (or, with retainAsPublished, it was published so). */
  get retain() {
    return (this.#inner.flags & WQ_EVF_RETAIN) !== 0;
  }

  /** The server sent it before, and does not know whether it arrived. */
  get dup() {
    return (this.#inner.flags & WQ_EVF_DUP) !== 0;
  }

  /**
   * With QoS 2: a handler, or a loop, may have had it before, but did not come to its end: the connection was lost or, with a
   * store, the page died. Never true of a message that was acknowledged.
   */
  get redelivered() {
    return (this.#inner.flags & REDELIVERED) !== 0;
  }

  /**
   * The MQTT 5.0 properties; empty in 3.x.
   * @returns {import('./properties.js').Properties}
   */
  get properties() {
    const { inbox, chunk, props } = this.#inner;
    return inbox.decodeProperties(chunk.bytes, props);
  }

  /**
   * Acknowledge it (QoS 1 and 2; for manualAck, harmless otherwise). Once is enough; after its connection ended it does
   * nothing, and the server sends the message again.
   * @param {import('./inbox.js').AckOptions} [options] what else to say in MQTT 5.0; with an error code the message is
   *   refused, for every handler. Throws an MqttError for what cannot be said, and nothing has changed then
   */
  ack(options) {
    const inner = this.#inner;
    const { inbox, handle } = inner;
    if (handle === 0) return;
    inner.handle = 0;
    try {
      inbox.ack(handle, this.qos, options);
    } catch (error) {
      inner.handle = handle;
      throw error;
    }
  }

  /** Take what is needed out of the buffer that the socket gave, which may be far larger. */
  #own() {
    const inner = this.#inner;
    const { chunk, length, props } = inner;
    const some = props >= 0 && chunk.bytes[props] > 0;
    const size = some ? propertiesSize(chunk.bytes, props) : 0;
    const own = new Chunk(new ArrayBuffer(length + size));
    own.bytes.set(this.payload);
    if (some) own.bytes.set(chunk.bytes.subarray(props, props + size), length);
    inner.props = some ? length : -1;
    inner.chunk = own;
    inner.off = 0;
  }
}
