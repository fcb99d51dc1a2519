// The scratch area: where the bytes of a call's arguments lie, as the shims want them. Every method returns 0, or the
// number of an error if the arguments do not fit.

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
  #layout;
  #at;
  #size;
  /** The topic that stands at the beginning: most often the next message has the same one. */
  #topic = '';
  /** Bytes of the topic, properties and payload of the last message(). */
  topicLength = 0;
  propertiesLength = 0;
  payloadLength = 0;
  /** The whole area, and what follows the topic. */
  #all = NOTHING;
  #tail = NOTHING;
  #tailAt = -1;
  /** Where the arguments of connect() end. */
  #end = 0;

  /**
   * @param {import('./memory.js').Memory} memory
   * @param {import('./layout.js').Layout} layout
   * @param {number} at
   */
  constructor(memory, layout, at) {
    this.#memory = memory;
    this.#layout = layout;
    this.#at = at;
    this.#size = layout.numbers.WQ_WASM_SCRATCH_SIZE;
    this.renew();
  }

  /** The memory has grown: what stands there still does. */
  renew() {
    this.#all = this.#memory.u8.subarray(this.#at, this.#at + this.#size);
    this.#tailAt = -1;
  }

  /** Something else will stand there. */
  #forget() {
    this.#topic = '';
    this.topicLength = 0;
  }

  /**
   * Topic, properties and payload of a message.
   * @param {string} topic
   * @param {Uint8Array | undefined} properties
   * @param {Uint8Array | string} payload
   * @param {boolean} elsewhere the payload's bytes are not for here
   */
  message(topic, properties, payload, elsewhere) {
    const { WQ_E_ARG } = this.#layout.numbers;
    if (topic !== this.#topic) {
      const { length } = topic;
      this.topicLength = writeAscii(topic, this.#all, 0) ? length : encoder.encodeInto(topic, this.#all).written;
      this.#topic = topic;
    }
    let at = this.topicLength;
    this.propertiesLength = 0;
    if (properties !== undefined) {
      this.propertiesLength = properties.length;
      if (properties.length > this.#size - at) return WQ_E_ARG;
      this.#all.set(properties, at);
      at += properties.length;
    }
    if (typeof payload === 'string') return this.#text(payload, at);
    this.payloadLength = payload.length;
    if (elsewhere) return 0;
    if (payload.length > this.#size - at) return WQ_E_ARG;
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
    return read === text.length ? 0 : this.#layout.numbers.WQ_E_ARG;
  }

  /**
   * Properties alone.
   * @param {Uint8Array} [properties]
   */
  properties(properties = NOTHING) {
    this.#forget();
    if (properties.length > this.#size) return this.#layout.numbers.WQ_E_ARG;
    this.#all.set(properties);
    return 0;
  }

  /**
   * What CONNECT carries.
   * @param {import('./core.js').ConnectArgs} args
   */
  connect({ version, clean, keepAlive, timeout, clientId, username, password, properties, will, receiveMaximum }) {
    const size = this.#layout.numbers.wq_connect_args;
    this.#forget();
    this.#all.fill(0, 0, size);
    this.#layout.write(this.#memory, 'wq_connect_args', this.#at, {
      size,
      version,
      clean: Number(clean),
      has_will: Number(will !== undefined),
      will_retain: Number(will?.retain ?? false),
      will_qos: will?.qos ?? 0,
      keep_alive: keepAlive,
      connack_timeout_ms: timeout,
      receive_maximum: receiveMaximum ?? 0,
    });
    const parts = /** @type {[string, Uint8Array | undefined][]} */ ([
      ['client_id', encoder.encode(clientId)],
      ['username', username === undefined ? undefined : encoder.encode(username)],
      ['password', password],
      ['properties', properties],
      ['will_topic', will && encoder.encode(will.topic)],
      ['will_payload', will?.payload],
      ['will_properties', will?.properties],
    ]);
    this.#end = size;
    for (const [name, bytes] of parts) {
      if (bytes === undefined) continue;
      if (!this.#place(this.#layout.offset(`wq_connect_args.${name}`), bytes)) return this.#layout.numbers.WQ_E_FULL;
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
    this.#layout.write(this.#memory, 'wq_bytes', this.#at + where, { data: this.#at + this.#end, len: bytes.length });
    this.#end += bytes.length;
    return true;
  }

  /**
   * What SUBSCRIBE carries.
   * @param {import('./core.js').FilterArgs[]} filters
   * @param {Uint8Array} [properties]
   */
  subscriptions(filters, properties) {
    const size = this.#layout.numbers.wq_subscription;
    const error = this.#list(filters, size, this.#layout.offset('wq_subscription.filter'), properties);
    if (error !== 0) return error;
    for (const [i, { qos, noLocal, retainAsPublished, retainHandling }] of filters.entries()) {
      this.#layout.write(this.#memory, 'wq_subscription', this.#at + i * size, {
        qos,
        no_local: Number(noLocal ?? false),
        retain_as_published: Number(retainAsPublished ?? false),
        retain_handling: retainHandling ?? 0,
      });
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
    return this.#list(list, this.#layout.numbers.wq_bytes, 0, properties);
  }

  /**
   * Structs with a filter each, then the properties, then the filters' bytes.
   * @param {{ filter: string }[]} list
   * @param {number} size of a struct
   * @param {number} offset of the filter in it
   * @param {Uint8Array} [properties]
   */
  #list(list, size, offset, properties = NOTHING) {
    const { WQ_E_FULL } = this.#layout.numbers;
    this.#forget();
    this.#end = list.length * size;
    if (properties.length > this.#size - this.#end) return WQ_E_FULL;
    this.#all.fill(0, 0, this.#end);
    this.#all.set(properties, this.#end);
    this.#end += properties.length;
    for (const [i, { filter }] of list.entries()) {
      if (!this.#place(i * size + offset, encoder.encode(filter))) return WQ_E_FULL;
    }
    return 0;
  }
}
