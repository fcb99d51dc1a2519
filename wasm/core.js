// One instance of the C core, as a JavaScript object. It knows nothing of sockets, timers or promises: bytes and the time go
// in, calls on a sink and bytes to send come out. Two rules keep it fast: one call into wasm for each 64 KiB of input
// however many packets they hold, and no string, object or view made for a message here.
//
// Calls that take a sink are input calls: they may end with calls of the sink's methods, in which input calls are
// forbidden and all others are allowed.
import * as c from '../build/gen/wasmqtt_layout.js';
import bind from '../build/gen/webcrypto.js';
import { NO_CHUNK, Chunk, setAt } from './chunk.js';
import { Memory } from './memory.js';
import { Names } from './names.js';
import { Scratch } from './scratch.js';
import { Stream } from './stream.js';

export { compile, isMarked } from './compile.js';

/**
 * Where the core tells what came. Views into `bytes` are good until the method returns. Those into a chunk last as long as
 * that; it is the one that receive() was given, or a copy.
 * @typedef {object} Sink
 * @property {boolean} stopped nothing more is to be fed; what was fed is still told
 * @property {(id: number, topic: string, chunk: Chunk, off: number, length: number, flags: number, props: number,
 *   handle: number) => void} onPublish a message: payload at chunk[off..off+length), properties (with their length before
 *   them) at chunk[props], -1: none; id: of the topic, 0: none; flags: WQ_EVF_*; handle: for ack()
 * @property {(id: number) => void} onTopic from here on, a topic id means nothing, or another topic
 * @property {(token: number, result: number, reason: number, bytes: Uint8Array, props: number) => void} onSettled
 * @property {(event: CoreEvent) => void} onEvent anything else
 * @property {() => void} onBatch all events of one call were told: acknowledge, send the output
 */

/**
 * An event that is neither a message nor a settlement.
 * @typedef {object} CoreEvent
 * @property {number} type WQ_EV_*
 * @property {number} flags WQ_EVF_*
 * @property {number} reason reason code
 * @property {number} result 0, or an error
 * @property {number} aux token, or what else the type says
 * @property {string} topic of WQ_EV_OVERSIZE
 * @property {number} off of the reason codes in bytes
 * @property {number} length of the reason codes; of the payload in WQ_EV_OVERSIZE
 * @property {Uint8Array} bytes
 * @property {number} props properties with their length before them, at bytes[props]; -1: none
 */

/**
 * Limits and sizes of wq_config (wasmqtt.h); what is left out has its default. topic_alias_out_max may be 0: none.
 * @typedef {Partial<Record<'events_max' | 'output_size' | 'carry_size' | 'topics_max' | 'queue_max' | 'inflight_max' |
 *   'receive_max' | 'packet_size_max' | 'topic_alias_max' | 'stream_min' | 'topic_alias_out_max' | 'records_max' |
 *   'publish_rate', number>>} CoreConfig
 */

/**
 * What CONNECT carries. Times in milliseconds, keepAlive in seconds; properties are encoded.
 * @typedef {object} ConnectArgs
 * @property {number} version
 * @property {boolean} clean
 * @property {number} keepAlive
 * @property {number} timeout
 * @property {string} clientId
 * @property {string} [username]
 * @property {Uint8Array} [password]
 * @property {Uint8Array} [properties]
 * @property {number} [receiveMaximum] in 3.x: see wq_connect_args
 * @property {{ topic: string, payload: Uint8Array, qos: number, retain: boolean, properties?: Uint8Array }} [will]
 */

/**
 * @typedef {object} FilterArgs one topic filter of a SUBSCRIBE
 * @property {string} filter
 * @property {number} qos
 * @property {boolean} [noLocal]
 * @property {boolean} [retainAsPublished]
 * @property {number} [retainHandling]
 */

/**
 * @typedef {object} Tracked a message that the core will tell of
 * @property {number} token
 */

const NOTHING = new Uint8Array(0);
/** Bits of an event's first word: its type, and flags that it has not if it is whole in the fed data and names no new topic. */
const PLAIN_MASK = ((c.WQ_EVF_CARRY | c.WQ_EVF_NEW_TOPIC | c.WQ_EVF_STREAM) << 16) | 0xff;

export class Core {
  #exports;
  #memory;
  /** Where wq_wasm_state is, in words. */
  #state;
  #input;
  #area;
  #topics;
  /** Address of the event that is being told, in words. */
  #current = 0;
  #stream = new Stream();
  #draining = false;
  /** @type {string[]} */
  #names = [];
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true }); // a byte order mark is text like any other
  /** How many names of topics were decoded. */
  topicsDecoded = 0;

  /**
   * An instance with a client in it.
   * @param {WebAssembly.Module} module
   * @param {CoreConfig} config
   */
  static async start(module, config) {
    const heap = { u8: NOTHING };
    const instance = await WebAssembly.instantiate(module, { env: bind(heap) });
    return new Core(instance.exports, heap, config);
  }

  /**
   * @param {WebAssembly.Exports} exports
   * @param {{ u8: Uint8Array }} heap what the bindings take for the memory
   * @param {CoreConfig} config
   */
  constructor(exports, heap, config) {
    const x = /** @type {Record<string, (...args: number[]) => number>} */ (/** @type {unknown} */ (exports));
    this.#exports = x;
    this.#memory = new Memory(/** @type {WebAssembly.Memory} */ (exports.memory), x.wq_wasm_heap(), ({ u8 }) => {
      heap.u8 = u8;
      this.#area?.renew();
    });
    this.#area = new Scratch(this.#memory, x.wq_wasm_scratch(), c.WQ_WASM_SCRATCH_SIZE);
    this.#topics = new Names(this.#memory);
    this.#input = x.wq_wasm_input();
    this.#state = x.wq_wasm_state_at() >> 2;

    const at = x.wq_wasm_config();
    for (const [name, value] of Object.entries(config)) {
      const field = c.CONFIG[/** @type {keyof CoreConfig} */ (name)];
      if (field === undefined) throw new Error(`wasm: no number ${name}`);
      const none = field === c.CONFIG.topic_alias_out_max && value === 0;
      this.#memory.set(at, field, none ? c.WQ_NO_ALIASES : value);
    }
    const size = x.wq_wasm_client_size();
    const error = size === 0 ? c.WQ_E_ARG : x.wq_wasm_init(this.#memory.allocate(size), size);
    if (error !== 0) throw new Error(`wasm: the core does not start (${this.errorName(error)})`);
  }

  /* ---------------------------------------------------------------------------------------------- what is the case */

  /** WQ_IDLE, WQ_CONNECTING, ... */
  get status() {
    return this.#memory.u32[this.#state + c.wq_wasm_state_status];
  }
  /** When tick() wants to be called, on the clock of `now`; Infinity: never. */
  get deadline() {
    return this.#memory.f64[(this.#state >> 1) + c.wq_wasm_state_deadline];
  }
  /** Events that the last input call told. */
  get eventCount() {
    return this.#memory.u32[this.#state + c.wq_wasm_state_events_count];
  }
  /** Bytes of output that wait. */
  get outputLength() {
    this.flush();
    return this.#memory.u32[this.#state + c.wq_wasm_state_output_len];
  }
  /** Payload that follows the output's bytes, and that the host keeps: its token; 0: none. */
  get outputToken() {
    return this.#memory.u32[this.#state + c.wq_wasm_state_output_token];
  }
  /** The bytes to send: a view, good until the next call. */
  output() {
    this.flush();
    const { u8, u32 } = this.#memory;
    const at = u32[this.#state + c.wq_wasm_state_output_data];
    return u8.subarray(at, at + u32[this.#state + c.wq_wasm_state_output_len]);
  }
  /**
   * What wq_negotiated() tells; valid while connected.
   * @param {number} field wq_negotiated_t_*
   */
  negotiated(field) {
    return this.#memory.get(this.#x.wq_wasm_negotiated(), field);
  }
  /**
   * What wq_stats() tells.
   * @param {number} field wq_stats_t_*
   */
  stats(field) {
    return this.#memory.get(this.#x.wq_wasm_stats(), field);
  }
  /** @param {number} error */
  errorName(error) {
    return this.#memory.string(this.#exports.wq_wasm_error_name(error));
  }
  /** @param {number} error */
  errorText(error) {
    return this.#memory.string(this.#exports.wq_wasm_error_text(error));
  }
  /**
   * @param {number} packetType
   * @param {number} version
   * @param {number} reason
   */
  reasonName(packetType, version, reason) {
    return this.#memory.string(this.#exports.wq_wasm_reason_name(packetType, version, reason));
  }

  /* ---------------------------------------------------------------------------------------------- input calls */

  /**
   * Bytes from the network. Returns how many of chunk[from..] were taken in all, or an error below 0. Fewer than there are:
   * the sink stopped, or the core waits for ack(): give it the rest afterwards.
   * @param {Chunk} chunk must stay as it is for as long as the sink's user keeps messages
   * @param {number} from
   * @param {number} now
   * @param {Sink} sink
   */
  receive(chunk, from, now, sink) {
    const { bytes } = chunk;
    let at = from;
    while (at < bytes.length && !sink.stopped) {
      const skip = this.#memory.u32[this.#state + c.wq_wasm_state_skip];
      const length = Math.min(skip || c.WQ_WASM_INPUT_SIZE, bytes.length - at);
      if (skip > 0) {
        this.#stream.take(bytes.subarray(at, at + length));
        this.#x.wq_wasm_skipped(length, now);
        at += length;
        this.#drain(chunk, at, at, sink);
        continue;
      }
      this.#memory.u8.set(length === bytes.length ? bytes : bytes.subarray(at, at + length), this.#input);
      let taken = this.#x.wq_wasm_feed(length, now);
      while (taken === c.WQ_E_MEMORY) {
        this.#addMemory();
        taken = this.#x.wq_wasm_feed(length, now);
      }
      const events = this.#memory.u32[this.#state + c.wq_wasm_state_events_count];
      this.#drain(chunk, at, at + Math.max(taken, 0), sink);
      if (taken < 0) return taken;
      at += taken;
      if (taken === 0 && events === 0) break;
    }
    return at - from;
  }

  /**
   * @param {number} now
   * @param {Sink} sink
   */
  tick(now, sink) {
    const error = this.#enough(() => this.#x.wq_wasm_tick(now));
    this.#drain(NO_CHUNK, 0, 0, sink);
    return error;
  }

  /**
   * The transport is gone.
   * @param {number} now
   * @param {Sink} sink
   */
  lost(now, sink) {
    this.#stream.clear();
    const error = this.#x.wq_wasm_lost(now);
    this.#drain(NO_CHUNK, 0, 0, sink);
    return error;
  }

  /**
   * A transport is open: put CONNECT into the output.
   * @param {ConnectArgs} args
   * @param {number} now
   */
  connect(args, now) {
    const error = this.#scratch.connect(args) || this.#enough(() => this.#x.wq_wasm_connect(now));
    this.#scratch.wipe();
    return error;
  }

  /* ---------------------------------------------------------------------------------------------- other calls */

  /**
   * Count bytes of output() as handed to the transport.
   * @param {number} count
   */
  outputSent(count) {
    return this.#x.wq_wasm_output_ack(count);
  }

  /**
   * One message. Returns 0, a token, or an error below 0 (see wq_publish in wasmqtt.h).
   * @param {string} topic
   * @param {Uint8Array | undefined} properties encoded
   * @param {Uint8Array | string} payload a string of at most a third of 16 KiB characters, or bytes
   * @param {number} flags WQ_WASM_*; with WQ_WASM_HOST_PAYLOAD the payload's bytes stay here and are sent when
   *   outputToken says so
   * @param {number} now
   */
  publish(topic, properties, payload, flags, now) {
    const scratch = this.#scratch;
    const error = this.#message(topic, properties, payload, flags);
    if (error !== 0) return error;
    for (;;) {
      const { topicAt, topicLength, propertiesLength, payloadLength } = scratch;
      const result = this.#x.wq_wasm_publish(topicAt, topicLength, propertiesLength, payloadLength, flags, now);
      if (result !== c.WQ_E_MEMORY) return result;
      this.#addMemory();
    }
  }

  /**
   * A message of an earlier life of this session, before the first connect(). Returns a token, or an error below 0 (see
   * wq_restore in wasmqtt.h).
   * @param {string} topic
   * @param {Uint8Array | undefined} properties encoded
   * @param {Uint8Array | string} payload as publish() takes it
   * @param {number} flags as of publish(), and WQ_WASM_RELEASED
   * @param {number} packetId 0: it was not sent
   * @param {number} now
   */
  restore(topic, properties, payload, flags, packetId, now) {
    const scratch = this.#scratch;
    return (
      this.#message(topic, properties, payload, flags) ||
      this.#enough(() => {
        const { topicAt, topicLength, propertiesLength, payloadLength } = scratch;
        return this.#x.wq_wasm_restore(topicAt, topicLength, propertiesLength, payloadLength, flags, packetId, now);
      })
    );
  }

  /**
   * @param {string} topic
   * @param {Uint8Array | undefined} properties
   * @param {Uint8Array | string} payload
   * @param {number} flags
   */
  #message(topic, properties, payload, flags) {
    const scratch = this.#scratch; // no message is gathered now whose topic would have to stay where it is
    if (this.#topics.full) this.#topics.clear();
    return scratch.message(topic, this.#topics, properties, payload, (flags & c.WQ_WASM_HOST_PAYLOAD) !== 0);
  }

  /**
   * An inbound QoS 2 message of an earlier life was handled: it will not be told again.
   * @param {number} packetId
   */
  restoreReceived(packetId) {
    return this.#x.wq_wasm_restore_received(packetId);
  }

  /**
   * Take over what has to be stored of the session: see wq_records() in wasmqtt.h.
   * @param {(type: number, packetId: number, token: number) => void} take type: WQ_RECORD_*
   */
  takeRecords(take) {
    const { u32, u16, u8 } = this.#memory;
    const count = u32[this.#state + c.wq_wasm_state_records_count];
    if (count === 0) return;
    for (
      let i = 0, at = u32[this.#state + c.wq_wasm_state_records] >> 2;
      i < count;
      i++, at += c.sizeof_wq_record >> 2
    ) {
      take(u8[at * 4 + c.wq_record_type], u16[at * 2 + c.wq_record_packet_id], u32[at + c.wq_record_token]);
    }
    this.#x.wq_wasm_records_done(count);
  }

  /** The packet id of the message that the sink's onPublish() is being told of; 0 with QoS 0. */
  get packetId() {
    return this.#memory.u16[this.#current * 2 + c.wq_event_packet_id];
  }

  /** @param {number} token */
  remove(token) {
    return this.#x.wq_wasm_remove(token);
  }

  /**
   * @param {FilterArgs[]} filters
   * @param {Uint8Array | undefined} properties encoded
   * @param {number} now
   * @returns {number} a token, or an error below 0
   */
  subscribe(filters, properties, now) {
    const call = () => this.#x.wq_wasm_subscribe(filters.length, properties?.length ?? 0, now);
    return this.#scratch.subscriptions(filters, properties) || this.#enough(call);
  }

  /**
   * @param {string[]} filters
   * @param {Uint8Array | undefined} properties encoded
   * @param {number} now
   * @returns {number} a token, or an error below 0
   */
  unsubscribe(filters, properties, now) {
    const call = () => this.#x.wq_wasm_unsubscribe(filters.length, properties?.length ?? 0, now);
    return this.#scratch.filters(filters, properties) || this.#enough(call);
  }

  /**
   * @param {number} handle
   * @param {number} reason
   * @param {Uint8Array | undefined} properties encoded
   * @param {number} now
   */
  ack(handle, reason, properties, now) {
    return properties === undefined
      ? this.#x.wq_wasm_ack(handle, reason, 0, now)
      : this.#ackWith(handle, reason, properties, now);
  }

  /**
   * @param {number} handle
   * @param {number} reason
   * @param {Uint8Array} properties
   * @param {number} now
   */
  #ackWith(handle, reason, properties, now) {
    const call = () => this.#x.wq_wasm_ack(handle, reason, properties.length, now);
    return this.#scratch.properties(properties) || this.#enough(call);
  }

  /**
   * The server is there although nothing comes from it: see wq_alive().
   * @param {number} now
   */
  alive(now) {
    this.#x.wq_wasm_alive(now);
  }

  /**
   * Timers ring late, or when they should: see wq_throttled().
   * @param {boolean} yes
   */
  throttled(yes) {
    this.#x.wq_wasm_throttled(Number(yes));
  }

  /**
   * Messages with QoS 1 and 2 wait, or go on: see wq_hold().
   * @param {boolean} yes
   */
  hold(yes) {
    this.#x.wq_wasm_hold(Number(yes));
  }

  /**
   * @param {number} timeout ms
   * @param {number} now
   */
  ping(timeout, now) {
    return this.#x.wq_wasm_ping(timeout, now);
  }

  /**
   * @param {number} reason
   * @param {Uint8Array | undefined} properties encoded
   * @param {number} now
   */
  disconnect(reason, properties, now) {
    const error = this.#scratch.properties(properties);
    return error || this.#x.wq_wasm_disconnect(reason, properties?.length ?? 0, now);
  }

  /**
   * The server that sent CONNACK has proved itself: see wq_accept().
   * @param {number} now
   */
  accept(now) {
    return this.#x.wq_wasm_accept(now);
  }

  /**
   * @param {number} reason
   * @param {Uint8Array | undefined} properties encoded
   * @param {number} now
   */
  auth(reason, properties, now) {
    const error = this.#scratch.properties(properties);
    return error || this.#x.wq_wasm_auth(reason, properties?.length ?? 0, now);
  }

  /* ---------------------------------------------------------------------------------------------- gathered messages */

  /**
   * A topic name that is in order, whatever the core would say; false says nothing.
   * @param {string} topic
   */
  isPlain(topic) {
    return this.#topics.find(topic) !== 0;
  }

  /** Messages that wait to enter the core together, before anything else does: see gather(). */
  gathered = 0;
  /** When the first of them came. */
  #gatheredAt = 0;
  /** Bytes that their packets may still have. */
  #room = 0;
  /** Bytes, as wq_queue_room() counts them, that those with QoS 1 and 2 may still have, up to this QoS. */
  #queueRoom = 0;
  #maximumQos = 0;
  /** Those that are to be told their tokens. @type {(Tracked | null)[]} */
  #tracked = [];
  #trackedCount = 0;

  /**
   * Messages may be gathered, while nothing else is called.
   * @param {number} outputMax bytes that the output may come to have
   * @param {number} now
   */
  beginGathering(outputMax, now) {
    const { u32 } = this.#memory;
    this.#room = Math.min(
      u32[this.#state + c.wq_wasm_state_publish_room],
      outputMax - u32[this.#state + c.wq_wasm_state_output_len],
    );
    this.#queueRoom = u32[this.#state + c.wq_wasm_state_queue_room];
    this.#maximumQos = u32[this.#state + c.wq_wasm_state_maximum_qos];
    this.#gatheredAt = now;
  }

  /**
   * A message with QoS 0, not retained, without properties. All that were gathered take one call. False: it was not taken, and
   * publish() has to say what becomes of it.
   * @param {string} topic
   * @param {Uint8Array | string} payload of at most 16 KiB: see publish()
   */
  gather(topic, payload) {
    const topics = this.#topics;
    const name = topics.find(topic);
    const length = topics.length(name);
    const room = this.#room - c.WQ_PUBLISH_HEAD - length;
    if (name === 0 || payload.length > room) return false;
    if (!this.#area.gather(topics.address(name), length, payload, room)) return false;
    this.#room = room - this.#area.payloadLength;
    this.gathered++;
    return true;
  }

  /**
   * The same with QoS 1 or 2.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {number} flags WQ_WASM_RESEND and the QoS
   * @param {Tracked} tracked has its token after flush()
   */
  gatherTracked(topic, payload, flags, tracked) {
    const topics = this.#topics;
    const name = topics.find(topic);
    const length = topics.length(name);
    const room = this.#room - c.WQ_PUBLISH_HEAD - length;
    const queueRoom = this.#queueRoom - c.WQ_QUEUE_HEAD - length;
    const most = Math.min(room, queueRoom);
    if (name === 0 || payload.length > most || (flags & c.WQ_WASM_QOS) > this.#maximumQos) return false;
    if (!this.#area.gather(topics.address(name), length | (flags << 16), payload, most)) return false;
    this.#room = room - this.#area.payloadLength;
    this.#queueRoom = queueRoom - this.#area.payloadLength;
    this.#tracked[this.#trackedCount++] = tracked;
    this.gathered++;
    return true;
  }

  /** Have what was gathered enter the core. */
  flush() {
    if (this.gathered === 0) return;
    const length = this.#area.gathered;
    const count = this.#trackedCount;
    this.gathered = this.#area.gathered = this.#room = this.#trackedCount = 0;
    const error = this.#exports.wq_wasm_publish_gathered(length, this.#gatheredAt);
    if (error !== 0) throw new Error(`wasm: ${this.errorText(error)}`); // there was room for valid ones
    const tracked = this.#tracked;
    for (let i = 0; i < count; i++) {
      /** @type {Tracked} */ (tracked[i]).token = this.#area.word(i);
      tracked[i] = null;
    }
  }

  /** What is called sees the messages that were gathered before. */
  get #x() {
    this.flush();
    return this.#exports;
  }

  /** The same of what else is written there. */
  get #scratch() {
    this.flush();
    return this.#area;
  }

  /* ---------------------------------------------------------------------------------------------- inside */

  #addMemory() {
    const wanted = this.#memory.u32[this.#state + c.wq_wasm_state_memory_wanted];
    const error = this.#x.wq_wasm_add_memory(this.#memory.allocate(wanted), wanted);
    if (error !== 0) throw new Error(`wasm: ${this.errorText(error)}`);
  }

  /**
   * A call, again for as long as it wants memory first.
   * @param {() => number} call
   */
  #enough(call) {
    for (;;) {
      const result = call();
      if (result !== c.WQ_E_MEMORY) return result;
      this.#addMemory();
    }
  }

  /**
   * The name of a topic that stands in bytes.
   * @param {Uint8Array} bytes
   * @param {number} off
   * @param {number} length
   */
  #decodeTopic(bytes, off, length) {
    this.topicsDecoded++;
    return this.#decoder.decode(bytes.subarray(off, off + length));
  }

  /**
   * Tell the sink all events of the last call.
   * @param {Chunk} chunk the fed data is chunk[base..end)
   * @param {number} base
   * @param {number} end
   * @param {Sink} sink
   */
  #drain(chunk, base, end, sink) {
    if (this.#draining) throw new Error('wasm: input while events are being told');
    this.#draining = true;
    try {
      let { u32 } = this.#memory;
      const names = this.#names;
      const count = u32[this.#state + c.wq_wasm_state_events_count];
      /** @type {Chunk | null} */
      let carry = null;
      for (
        let i = 0, at = u32[this.#state + c.wq_wasm_state_events] >> 2;
        i < count;
        i++, at += c.sizeof_wq_event >> 2
      ) {
        u32 = this.#memory.u32; // memory may have grown in a method of the sink
        this.#current = at;
        const head = u32[at]; // type, reason and flags
        const id = u32[at + c.wq_event_topic_id];
        if ((head & PLAIN_MASK) === c.WQ_EV_PUBLISH && id !== 0) {
          // What nearly all events are: a message with a known topic, whole in the fed data.
          const props = u32[at + c.wq_event_props_off];
          sink.onPublish(
            id,
            names[id],
            chunk,
            base + u32[at + c.wq_event_off],
            u32[at + c.wq_event_len],
            head >>> 16,
            props === c.WQ_NO_PROPS ? -1 : base + props,
            u32[at + c.wq_event_aux],
          );
        } else if ((head & PLAIN_MASK) === c.WQ_EV_SETTLED) {
          const props = u32[at + c.wq_event_props_off];
          const reason = (head >>> 8) & 0xff;
          const where = props === c.WQ_NO_PROPS ? -1 : base + props;
          sink.onSettled(u32[at + c.wq_event_aux], u32[at + c.wq_event_topic_off] | 0, reason, chunk.bytes, where);
        } else {
          const flags = head >>> 16;
          if ((flags & c.WQ_EVF_CARRY) === 0) this.#tell(at, flags, chunk, base, end, sink);
          else this.#tell(at, flags, (carry ??= this.#copyCarry()), 0, end, sink, chunk, base);
        }
      }
    } finally {
      this.#draining = false;
    }
    sink.onBatch();
  }

  /** The packet that came in pieces: a copy, since the core's own goes with the next call. */
  #copyCarry() {
    const at = this.#memory.u32[this.#state + c.wq_wasm_state_carry];
    return new Chunk(this.#memory.u8.slice(at, at + this.#memory.u32[this.#state + c.wq_wasm_state_carry_len]).buffer);
  }

  /**
   * One event. Its offsets are into the chunk from `base` on.
   * @param {number} at the record's address, in words
   * @param {number} flags
   * @param {Chunk} chunk
   * @param {number} base
   * @param {number} end where the fed data ends
   * @param {Sink} sink
   * @param {Chunk} fed into which a streamed payload's offset is in any case
   * @param {number} fedBase
   */
  #tell(at, flags, chunk, base, end, sink, fed = chunk, fedBase = base) {
    const { u8, u32 } = this.#memory;
    const { bytes } = chunk;
    const type = u8[at * 4 + c.wq_event_type];
    const id = u32[at + c.wq_event_topic_id];
    const off = u32[at + c.wq_event_off];
    const length = u32[at + c.wq_event_len];
    const propsOff = u32[at + c.wq_event_props_off];
    const aux = u32[at + c.wq_event_aux];
    const props = propsOff === c.WQ_NO_PROPS ? -1 : base + propsOff;
    const topicOff = u32[at + c.wq_event_topic_off];
    if (type === c.WQ_EV_PUBLISH || type === c.WQ_EV_OVERSIZE) {
      let topic = this.#names[id];
      if (id === 0 || (flags & c.WQ_EVF_NEW_TOPIC) !== 0) {
        topic = this.#decodeTopic(bytes, base + topicOff, this.#memory.u16[at * 2 + c.wq_event_topic_len]);
        if (id !== 0) {
          setAt(this.#names, id, topic, '');
          sink.onTopic(id);
        }
      }
      if (type === c.WQ_EV_OVERSIZE) {
        sink.onEvent({ type, flags, reason: 0, result: 0, aux, topic, off: 0, length, bytes: NOTHING, props: -1 });
      } else if ((flags & c.WQ_EVF_STREAM) === 0) {
        sink.onPublish(id, topic, chunk, base + off, length, flags, props, aux);
      } else {
        const from = fedBase + off;
        this.#stream.begin(id, topic, flags, bytes, props, length);
        this.#stream.take(fed.bytes.subarray(from, Math.min(from + length, end)));
      }
    } else if (type === c.WQ_EV_SETTLED) {
      sink.onSettled(aux, topicOff | 0, u8[at * 4 + c.wq_event_reason], bytes, props);
    } else if (type === c.WQ_EV_PAYLOAD) {
      this.#stream.finish(sink, aux);
    } else if (type === c.WQ_EV_TOPIC_GONE) {
      setAt(this.#names, id, '', '');
      sink.onTopic(id);
    } else {
      const reason = u8[at * 4 + c.wq_event_reason];
      const result = type === c.WQ_EV_CONNACK ? topicOff | 0 : 0;
      sink.onEvent({ type, flags, reason, result, aux, topic: '', off: base + off, length, bytes, props });
    }
  }
}
