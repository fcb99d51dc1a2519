// The scratch area: where the bytes of a call's arguments lie, as the shims want them. Every method returns 0, or the
// number of an error if the arguments do not fit. Both modules have the structs and numbers that are used here.
import * as c from '../build/gen/wasmqtt_layout.js';

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
/** Calling the encoder takes as long as so many characters do here. */
const SHORT = 64;

/**
 * Write a short text of ASCII. False: it is none, or there is no room; what stands there then means nothing.
 * @param {string} text
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function writeAscii(text, bytes, at) {
  const { length } = text;
  if (length > SHORT || length > bytes.length - at) return false;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return false;
    bytes[at + i] = code;
  }
  return true;
}

export class Scratch {
  #memory;
  #at;
  #size;
  /** Where the topic of the last message() stands, and bytes of its topic, properties and payload. */
  topicAt = 0;
  topicLength = 0;
  propertiesLength = 0;
  payloadLength = 0;
  /** The whole area, and what follows #tailAt. */
  #all = NOTHING;
  #tail = NOTHING;
  #tailAt = -1;
  /** Where the arguments of connect() end. */
  #end = 0;
  /** Bytes of the messages of gather(). */
  gathered = 0;

  /**
   * @param {import('./memory.js').Memory} memory
   * @param {number} at
   * @param {number} size
   */
  constructor(memory, at, size) {
    this.#memory = memory;
    this.#at = at;
    this.#size = size;
    this.renew();
  }

  /** The memory has grown: what stands there still does. */
  renew() {
    this.#all = this.#memory.u8.subarray(this.#at, this.#at + this.#size);
    this.#tailAt = -1;
  }

  /**
   * One more message behind those that were gathered. False: there is no room.
   * @param {number} topicAt address
   * @param {number} topicLengthFlags see wq_wasm_gathered
   * @param {Uint8Array | string} payload
   * @param {number} most bytes that the payload may have
   */
  gather(topicAt, topicLengthFlags, payload, most) {
    const at = this.gathered;
    const from = at + c.sizeof_wq_wasm_gathered;
    if (from + payload.length > this.#size) return false;
    if (typeof payload !== 'string') {
      this.#all.set(payload, from);
      this.payloadLength = payload.length;
    } else if (this.#text(payload, from) !== 0 || this.payloadLength > most) {
      return false;
    }
    const { u32 } = this.#memory;
    const word = (this.#at + at) >> 2;
    u32[word + c.wq_wasm_gathered_topic] = topicAt;
    u32[word + c.wq_wasm_gathered_topic_len_flags] = topicLengthFlags;
    u32[word + c.wq_wasm_gathered_payload_len] = this.payloadLength;
    this.gathered = (from + this.payloadLength + 3) & ~3;
    return true;
  }

  /** A number that the core has put there. @param {number} index */
  word(index) {
    return this.#memory.u32[(this.#at >> 2) + index];
  }

  /**
   * Topic, properties and payload of a message.
   * @param {string} topic
   * @param {import('./names.js').Names} names
   * @param {Uint8Array | undefined} properties
   * @param {Uint8Array | string} payload
   * @param {boolean} elsewhere the payload's bytes are not for here
   */
  message(topic, names, properties, payload, elsewhere) {
    const name = names.find(topic);
    let at = name === 0 ? encoder.encodeInto(topic, this.#all).written : 0;
    this.topicAt = name === 0 ? this.#at : names.address(name);
    this.topicLength = name === 0 ? at : names.length(name);
    this.propertiesLength = 0;
    if (properties !== undefined) {
      this.propertiesLength = properties.length;
      if (properties.length > this.#size - at) return c.WQ_E_ARG;
      this.#all.set(properties, at);
      at += properties.length;
    }
    if (typeof payload === 'string') return this.#text(payload, at);
    this.payloadLength = payload.length;
    if (elsewhere) return 0;
    if (payload.length > this.#size - at) return c.WQ_E_ARG;
    this.#all.set(payload, at);
    return 0;
  }

  /**
   * @param {string} text
   * @param {number} at
   */
  #text(text, at) {
    this.payloadLength = text.length;
    if (writeAscii(text, this.#all, at)) return 0;
    if (at !== this.#tailAt) {
      this.#tail = this.#all.subarray(at);
      this.#tailAt = at;
    }
    const { read, written } = encoder.encodeInto(text, this.#tail);
    this.payloadLength = written;
    return read === text.length ? 0 : c.WQ_E_ARG;
  }

  /**
   * Properties alone.
   * @param {Uint8Array} [properties]
   */
  properties(properties = NOTHING) {
    if (properties.length > this.#size) return c.WQ_E_ARG;
    this.#all.set(properties);
    return 0;
  }

  /**
   * What CONNECT carries.
   * @param {import('./core.js').ConnectArgs} args
   */
  connect({ version, clean, keepAlive, timeout, clientId, username, password, properties, will, receiveMaximum }) {
    const memory = this.#memory;
    const at = this.#at;
    const size = c.sizeof_wq_connect_args;
    this.#all.fill(0, 0, size);
    memory.set(at, c.wq_connect_args_size, size);
    memory.set(at, c.wq_connect_args_version, version);
    memory.set(at, c.wq_connect_args_clean, Number(clean));
    memory.set(at, c.wq_connect_args_has_will, Number(will !== undefined));
    memory.set(at, c.wq_connect_args_will_retain, Number(will?.retain ?? false));
    memory.set(at, c.wq_connect_args_will_qos, will?.qos ?? 0);
    memory.set(at, c.wq_connect_args_keep_alive, keepAlive);
    memory.set(at, c.wq_connect_args_connack_timeout_ms, timeout);
    memory.set(at, c.wq_connect_args_receive_maximum, receiveMaximum ?? 0);
    const parts = /** @type {[number, Uint8Array | undefined][]} */ ([
      [c.wq_connect_args_client_id, encoder.encode(clientId)],
      [c.wq_connect_args_username, username === undefined ? undefined : encoder.encode(username)],
      [c.wq_connect_args_password, password],
      [c.wq_connect_args_properties, properties],
      [c.wq_connect_args_will_topic, will && encoder.encode(will.topic)],
      [c.wq_connect_args_will_payload, will?.payload],
      [c.wq_connect_args_will_properties, will?.properties],
    ]);
    this.#end = size;
    for (const [field, bytes] of parts) {
      if (bytes !== undefined && !this.#place(field >> 8, bytes)) return c.WQ_E_FULL;
    }
    return 0;
  }

  /** Leave nothing of connect() behind: there was a password in it. */
  wipe() {
    this.#all.fill(0, 0, this.#end);
  }

  /**
   * Put bytes at the end, and a wq_bytes that points to them at `where`. False: they do not fit.
   * @param {number} where
   * @param {Uint8Array} bytes
   */
  #place(where, bytes) {
    if (bytes.length > this.#size - this.#end) return false;
    this.#all.set(bytes, this.#end);
    this.#memory.set(this.#at + where, c.wq_bytes_data, this.#at + this.#end);
    this.#memory.set(this.#at + where, c.wq_bytes_len, bytes.length);
    this.#end += bytes.length;
    return true;
  }

  /**
   * What SUBSCRIBE carries.
   * @param {import('./core.js').FilterArgs[]} filters
   * @param {Uint8Array} [properties]
   */
  subscriptions(filters, properties) {
    const size = c.sizeof_wq_subscription;
    const error = this.#list(filters, size, c.wq_subscription_filter >> 8, properties);
    if (error !== 0) return error;
    for (const [i, { qos, noLocal, retainAsPublished, retainHandling }] of filters.entries()) {
      const at = this.#at + i * size;
      this.#memory.set(at, c.wq_subscription_qos, qos);
      this.#memory.set(at, c.wq_subscription_no_local, Number(noLocal ?? false));
      this.#memory.set(at, c.wq_subscription_retain_as_published, Number(retainAsPublished ?? false));
      this.#memory.set(at, c.wq_subscription_retain_handling, retainHandling ?? 0);
    }
    return 0;
  }

  /**
   * What UNSUBSCRIBE carries.
   * @param {string[]} filters
   * @param {Uint8Array} [properties]
   */
  filters(filters, properties) {
    const list = filters.map((filter) => ({ filter }));
    return this.#list(list, c.sizeof_wq_bytes, 0, properties);
  }

  /**
   * Structs with a filter each, then the properties, then the filters' bytes.
   * @param {{ filter: string }[]} list
   * @param {number} size of a struct
   * @param {number} offset of the filter in it
   * @param {Uint8Array} [properties]
   */
  #list(list, size, offset, properties = NOTHING) {
    this.#end = list.length * size;
    if (properties.length > this.#size - this.#end) return c.WQ_E_FULL;
    this.#all.fill(0, 0, this.#end);
    this.#all.set(properties, this.#end);
    this.#end += properties.length;
    for (const [i, { filter }] of list.entries()) {
      if (!this.#place(i * size + offset, encoder.encode(filter))) return c.WQ_E_FULL;
    }
    return 0;
  }
}
