// One instance of the C core, as a JavaScript object. It knows nothing of sockets, timers or promises: bytes and the time go
// in, calls on a sink and bytes to send come out. Two rules keep it fast: one call into wasm for each 64 KiB of input
// however many packets they hold, and no string, object or view made for a message here.
//
// Calls that take a sink are input calls: they may end with calls of the sink's methods, in which input calls are
// forbidden and all others are allowed.
import bind from '../build/gen/webcrypto.js';
import { NO_CHUNK, Chunk } from './chunk.js';
import { Layout } from './layout.js';
import { Memory } from './memory.js';
import { Scratch } from './scratch.js';
import { Stream } from './stream.js';

export { compile } from './compile.js';

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

const NOTHING = new Uint8Array(0);

export class Core {
  #x;
  #memory;
  #state;
  #input;
  #inputSize;
  #scratch;
  #config = 0;
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
    this.#x = x;
    this.#memory = new Memory(/** @type {WebAssembly.Memory} */ (exports.memory), x.wq_wasm_heap(), ({ u8 }) => {
      heap.u8 = u8;
      this.#scratch?.renew();
    });
    this.layout = new Layout(this.#memory, x.wq_wasm_layout());
    this.numbers = this.layout.numbers;
    this.properties = this.#readProperties();
    this.#input = x.wq_wasm_input();
    this.#inputSize = this.numbers.WQ_WASM_INPUT_SIZE;
    this.#scratch = new Scratch(this.#memory, this.layout, x.wq_wasm_scratch());
    this.#state = stateFields(this.layout, x.wq_wasm_state_at());
    this.#event = eventFields(this.layout);
    this.#record = recordFields(this.layout);
    this.#type = eventTypes(this.numbers);
    this.#flag = eventFlags(this.numbers);
    this.#word = eventWords(this.layout);
    this.#plain = plainHeads(this.numbers);
    this.#noProps = this.numbers.WQ_NO_PROPS >>> 0;

    this.#config = x.wq_wasm_config();
    const noAliases = config.topic_alias_out_max === 0 ? { topic_alias_out_max: this.numbers.WQ_NO_ALIASES } : {};
    this.layout.write(this.#memory, 'wq_config', this.#config, { ...config, ...noAliases });
    const size = x.wq_wasm_client_size();
    const error = size === 0 ? this.numbers.WQ_E_ARG : x.wq_wasm_init(this.#memory.allocate(size), size);
    if (error !== 0) throw new Error(`wasm: the core does not start (${this.errorName(error)})`);
  }
  #event;
  #record;
  /** Address of the event that is being told. */
  #current = 0;
  #type;
  #flag;
  #word;
  #plain;
  #noProps;

  /* ---------------------------------------------------------------------------------------------- what is the case */

  /** WQ_IDLE, WQ_CONNECTING, ... */
  get status() {
    return this.#memory.u32[this.#state.status];
  }
  /** When tick() wants to be called, on the clock of `now`; Infinity: never. */
  get deadline() {
    return this.#memory.view.getFloat64(this.#state.deadline, true);
  }
  /** Events that the last input call told. */
  get eventCount() {
    return this.#memory.u32[this.#state.eventsCount];
  }
  /** Bytes of output that wait. */
  get outputLength() {
    return this.#memory.u32[this.#state.outputLength];
  }
  /** Payload that follows the output's bytes, and that the host keeps: its token; 0: none. */
  get outputToken() {
    return this.#memory.u32[this.#state.outputToken];
  }
  /** The bytes to send: a view, good until the next call. */
  output() {
    const { u8, u32 } = this.#memory;
    const at = u32[this.#state.outputData];
    return u8.subarray(at, at + u32[this.#state.outputLength]);
  }
  /** What wq_negotiated() tells, under C's names; valid while connected. */
  negotiated() {
    return this.layout.read(this.#memory, 'wq_negotiated_t', this.#x.wq_wasm_negotiated());
  }
  /** What wq_stats() tells, under C's names. */
  stats() {
    return this.layout.read(this.#memory, 'wq_stats_t', this.#x.wq_wasm_stats());
  }
  /** @param {number} error */
  errorName(error) {
    return this.#memory.string(this.#x.wq_wasm_error_name(error));
  }
  /** @param {number} error */
  errorText(error) {
    return this.#memory.string(this.#x.wq_wasm_error_text(error));
  }
  /**
   * @param {number} packetType
   * @param {number} version
   * @param {number} reason
   */
  reasonName(packetType, version, reason) {
    return this.#memory.string(this.#x.wq_wasm_reason_name(packetType, version, reason));
  }

  #readProperties() {
    /** @type {import('./layout.js').PropertyInfo[]} */
    const rows = [];
    for (let id = 1; id < 256; id++) {
      const at = this.#x.wq_wasm_property_info(id);
      if (at === 0) continue;
      const { type, repeats, packets, name } = this.layout.read(this.#memory, 'wq_property_info_t', at);
      rows.push({ id, type, repeats: repeats !== 0, packets, name: this.#memory.string(name) });
    }
    return rows;
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
      const skip = this.#memory.u32[this.#state.skip];
      const length = Math.min(skip || this.#inputSize, bytes.length - at);
      if (skip > 0) {
        this.#stream.take(bytes.subarray(at, at + length));
        this.#x.wq_wasm_skipped(length, now);
        at += length;
        this.#drain(chunk, at, at, sink);
        continue;
      }
      this.#memory.u8.set(length === bytes.length ? bytes : bytes.subarray(at, at + length), this.#input);
      let taken = this.#x.wq_wasm_feed(length, now);
      while (taken === this.numbers.WQ_E_MEMORY) {
        this.#addMemory();
        taken = this.#x.wq_wasm_feed(length, now);
      }
      const events = this.#memory.u32[this.#state.eventsCount];
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
    const elsewhere = (flags & this.numbers.WQ_WASM_HOST_PAYLOAD) !== 0;
    const error = scratch.message(topic, properties, payload, elsewhere);
    if (error !== 0) return error;
    for (;;) {
      const { topicLength, propertiesLength, payloadLength } = scratch;
      const result = this.#x.wq_wasm_publish(topicLength, propertiesLength, payloadLength, flags, now);
      if (result !== this.numbers.WQ_E_MEMORY) return result;
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
    const elsewhere = (flags & this.numbers.WQ_WASM_HOST_PAYLOAD) !== 0;
    return (
      scratch.message(topic, properties, payload, elsewhere) ||
      this.#enough(() => {
        const { topicLength, propertiesLength, payloadLength } = scratch;
        return this.#x.wq_wasm_restore(topicLength, propertiesLength, payloadLength, flags, packetId, now);
      })
    );
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
    const count = u32[this.#state.recordsCount];
    if (count === 0) return;
    const record = this.#record;
    for (let i = 0, at = u32[this.#state.records]; i < count; i++, at += record.size) {
      take(u8[at + record.type], u16[(at + record.packetId) >> 1], u32[(at + record.token) >> 2]);
    }
    this.#x.wq_wasm_records_done(count);
  }

  /** The packet id of the message that the sink's onPublish() is being told of; 0 with QoS 0. */
  get packetId() {
    return this.#memory.u16[(this.#current + this.#event.packetId) >> 1];
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
    if (properties === undefined) return this.#x.wq_wasm_ack(handle, reason, 0, now);
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

  /* ---------------------------------------------------------------------------------------------- inside */

  #addMemory() {
    const wanted = this.#memory.u32[this.#state.memoryWanted];
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
      if (result !== this.numbers.WQ_E_MEMORY) return result;
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
      const { head, topicId, off, length, topicOff, propsOff, aux } = this.#word;
      const { plainMask, plainPublish, plainSettled } = this.#plain;
      const names = this.#names;
      const noProps = this.#noProps;
      const count = u32[this.#state.eventsCount];
      const size = this.numbers.wq_event >> 2;
      /** @type {Chunk | null} */
      let carry = null;
      for (let i = 0, at = u32[this.#state.events] >> 2; i < count; i++, at += size) {
        u32 = this.#memory.u32; // memory may have grown in a method of the sink
        this.#current = at * 4;
        const first = u32[at + head];
        const id = u32[at + topicId];
        if ((first & plainMask) === plainPublish && id !== 0) {
          // What nearly all events are: a message with a known topic, whole in the fed data.
          const props = u32[at + propsOff];
          sink.onPublish(
            id,
            names[id],
            chunk,
            base + u32[at + off],
            u32[at + length],
            first >>> 16,
            props === noProps ? -1 : base + props,
            u32[at + aux],
          );
        } else if ((first & plainMask) === plainSettled) {
          const props = u32[at + propsOff];
          const reason = (first >>> 8) & 0xff;
          const where = props === noProps ? -1 : base + props;
          sink.onSettled(u32[at + aux], u32[at + topicOff] | 0, reason, chunk.bytes, where);
        } else {
          const flags = first >>> 16;
          if ((flags & this.#flag.CARRY) === 0) this.#tell(at * 4, flags, chunk, base, end, sink);
          else this.#tell(at * 4, flags, (carry ??= this.#copyCarry()), 0, end, sink, chunk, base);
        }
      }
    } finally {
      this.#draining = false;
    }
    sink.onBatch();
  }

  /** The packet that came in pieces: a copy, since the core's own goes with the next call. */
  #copyCarry() {
    const at = this.#memory.u32[this.#state.carry];
    return new Chunk(this.#memory.u8.slice(at, at + this.#memory.u32[this.#state.carryLength]).buffer);
  }

  /**
   * One event. Its offsets are into the chunk from `base` on.
   * @param {number} at the record's address
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
    const event = this.#event;
    const type = u8[at + event.type];
    const id = u32[(at + event.topicId) >> 2];
    const off = u32[(at + event.off) >> 2];
    const length = u32[(at + event.length) >> 2];
    const propsOff = u32[(at + event.propsOff) >> 2];
    const aux = u32[(at + event.aux) >> 2];
    const props = propsOff === this.#noProps ? -1 : base + propsOff;
    const topicOff = u32[(at + event.topicOff) >> 2];
    if (type === this.#type.PUBLISH || type === this.#type.OVERSIZE) {
      let topic = this.#names[id];
      if (id === 0 || (flags & this.#flag.NEW_TOPIC) !== 0) {
        topic = this.#decodeTopic(bytes, base + topicOff, this.#memory.u16[(at + event.topicLength) >> 1]);
        if (id !== 0) {
          this.#names[id] = topic;
          sink.onTopic(id);
        }
      }
      if (type === this.#type.OVERSIZE) {
        sink.onEvent({ type, flags, reason: 0, result: 0, aux, topic, off: 0, length, bytes: NOTHING, props: -1 });
      } else if ((flags & this.#flag.STREAM) === 0) {
        sink.onPublish(id, topic, chunk, base + off, length, flags, props, aux);
      } else {
        const from = fedBase + off;
        this.#stream.begin(id, topic, flags, bytes, props, length);
        this.#stream.take(fed.bytes.subarray(from, Math.min(from + length, end)));
      }
    } else if (type === this.#type.SETTLED) {
      sink.onSettled(aux, topicOff | 0, u8[at + event.reason], bytes, props);
    } else if (type === this.#type.PAYLOAD) {
      this.#stream.finish(sink, aux);
    } else if (type === this.#type.TOPIC_GONE) {
      this.#names[id] = '';
      sink.onTopic(id);
    } else {
      const reason = u8[at + event.reason];
      const result = type === this.#type.CONNACK ? topicOff | 0 : 0;
      sink.onEvent({ type, flags, reason, result, aux, topic: '', off: base + off, length, bytes, props });
    }
  }
}

/**
 * Where in the views the fields of wq_wasm_state at `at` are.
 * @param {Layout} layout
 * @param {number} at
 */
function stateFields(layout, at) {
  const word = (/** @type {string} */ name) => (at + layout.offset(`wq_wasm_state.${name}`, 4)) >> 2;
  return {
    deadline: at + layout.offset('wq_wasm_state.deadline', 8),
    events: word('events'),
    eventsCount: word('events_count'),
    carry: word('carry'),
    carryLength: word('carry_len'),
    outputData: word('output.data'),
    outputLength: word('output.len'),
    outputToken: word('output.token'),
    skip: word('skip'),
    status: word('status'),
    memoryWanted: word('memory_wanted'),
    records: word('records'),
    recordsCount: word('records_count'),
  };
}

/** @param {Layout} layout */
function eventFields(layout) {
  return {
    type: layout.offset('wq_event.type', 1),
    reason: layout.offset('wq_event.reason', 1),
    flags: layout.offset('wq_event.flags', 2),
    topicId: layout.offset('wq_event.topic_id', 4),
    off: layout.offset('wq_event.off', 4),
    length: layout.offset('wq_event.len', 4),
    topicLength: layout.offset('wq_event.topic_len', 2),
    packetId: layout.offset('wq_event.packet_id', 2),
    topicOff: layout.offset('wq_event.topic_off', 4),
    propsOff: layout.offset('wq_event.props_off', 4),
    aux: layout.offset('wq_event.aux', 4),
  };
}

/** @param {Layout} layout */
function recordFields(layout) {
  return {
    size: layout.numbers.wq_record,
    type: layout.offset('wq_record.type', 1),
    packetId: layout.offset('wq_record.packet_id', 2),
    token: layout.offset('wq_record.token', 4),
  };
}

/**
 * The same for a walk by words; `head` is type, reason and flags in one.
 * @param {Layout} layout
 */
function eventWords(layout) {
  const word = (/** @type {string} */ field) => layout.offset(`wq_event.${field}`, 4) >> 2;
  const bytes = ['type', 'reason'].map((field) => layout.offset(`wq_event.${field}`, 1));
  if (bytes[0] !== 0 || bytes[1] !== 1 || layout.offset('wq_event.flags', 2) !== 2) {
    throw new Error('wasm: the head of wq_event has another form');
  }
  return {
    head: 0,
    topicId: word('topic_id'),
    off: word('off'),
    length: word('len'),
    topicOff: word('topic_off'),
    propsOff: word('props_off'),
    aux: word('aux'),
  };
}

/**
 * How the head of an event tells what came whole in the fed data: a message whose topic was named before, a settlement.
 * @param {Readonly<Record<string, number>>} numbers
 */
function plainHeads({ WQ_EV_PUBLISH, WQ_EV_SETTLED, WQ_EVF_CARRY, WQ_EVF_NEW_TOPIC, WQ_EVF_STREAM }) {
  const plainMask = ((WQ_EVF_CARRY | WQ_EVF_NEW_TOPIC | WQ_EVF_STREAM) << 16) | 0xff;
  return { plainMask, plainPublish: WQ_EV_PUBLISH, plainSettled: WQ_EV_SETTLED };
}

/** @param {Readonly<Record<string, number>>} numbers */
function eventTypes(numbers) {
  return {
    CONNACK: numbers.WQ_EV_CONNACK,
    PUBLISH: numbers.WQ_EV_PUBLISH,
    PAYLOAD: numbers.WQ_EV_PAYLOAD,
    SETTLED: numbers.WQ_EV_SETTLED,
    TOPIC_GONE: numbers.WQ_EV_TOPIC_GONE,
    OVERSIZE: numbers.WQ_EV_OVERSIZE,
  };
}

/** @param {Readonly<Record<string, number>>} numbers */
function eventFlags(numbers) {
  return { CARRY: numbers.WQ_EVF_CARRY, NEW_TOPIC: numbers.WQ_EVF_NEW_TOPIC, STREAM: numbers.WQ_EVF_STREAM };
}
