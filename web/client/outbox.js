// Outbound messages until their promises settle. The core holds what waits and what is under way; here is who waits for it,
// the payloads that are too large for the core, and the limit in bytes.
import {
  WQ_E_FULL,
  WQ_E_REFUSED,
  WQ_E_STATE,
  WQ_IDLE,
  WQ_PUBACK,
  WQ_WASM_HOST_PAYLOAD,
  WQ_WASM_RESEND,
  WQ_WASM_RETAIN,
  wq_stats_t_inflight,
} from '../../build/gen/wasmqtt_layout.js';
import { Clock } from './clock.js';
import { checkTopic, checkLevel, coreError, endedError, MqttError, notConnectedError } from './errors.js';
import { Offline } from './outbox_offline.js';
import { OutboxRecords, ownBytes, ownOptions } from './outbox_records.js';
import { Pending, PendingMessages } from './pending.js';
import { Settling } from './settle.js';

/**
 * What a message carries: text, bytes, or anything else as JSON. undefined: nothing. Half of a character in a text (a lone
 * surrogate) is sent as U+FFFD; in topics and properties it is refused.
 * @typedef {string | Uint8Array | ArrayBuffer | ArrayBufferView | object | number | boolean | null | undefined} Payload
 */

/**
 * @typedef {object} PublishOwnOptions
 * @property {0 | 1 | 2} [qos] quality of service; default 0
 * @property {boolean} [retain] the server keeps it as the topic's last message; default false
 * @property {import('./properties.js').Properties} [properties] MQTT 5.0; left out towards a 3.x server
 * @property {string} [key] a name for pending() and remove()
 * @property {boolean} [resend] whether it is sent again, and so maybe twice, if it was not acknowledged and the server has
 *   lost the session by the next connection; default true with QoS 1, false with QoS 2. Where not, the promise rejects with
 *   code 'outcome-unknown'. In a session that goes on it is always sent again, as MQTT has it. [M3:4.4.0-1] [M5:4.4.0-1]
 * @typedef {PublishOwnOptions & import('./settle.js').WaitOptions} PublishOptions
 */

/**
 * @typedef {object} PublishResult
 * @property {number} reasonCode 0, or 0x10 if the server says that nobody has subscribed
 * @property {import('./properties.js').Properties} properties of the acknowledgement, as reasonString and userProperties;
 *   with QoS 2 of PUBREC, and those of PUBCOMP over them
 */

/**
 * @typedef {object} QueueOptions messages that wait for the server or its acknowledgement
 * @property {number} [maxMessages] 1..1000000; default 10000
 * @property {number} [maxBytes] topics and payloads; default 16 MiB. A message whose payload alone has more rejects with code
 *   'too-large'; any other finds room in an empty queue
 * @property {'reject' | 'drop-oldest' | 'drop-newest'} [policy] what gives way when they are too many; default 'reject'
 * @property {boolean} [qos0] keep QoS 0 messages too while there is no connection; default false: they reject with code
 *   'not-connected'
 */

/**
 * @typedef {object} PendingMessage
 * @property {string} topic
 * @property {number} qos
 * @property {string | undefined} key
 * @property {number} bytes of the payload
 * @property {number} age ms since publish()
 * @property {boolean} restored it was published in an earlier life of this session: no promise waits for it, but the event
 *   'settled' will tell of it
 */

const CORE_PAYLOAD_MAX = 16384;
/** A string of so many characters has at most CORE_PAYLOAD_MAX bytes. */
const TEXT_MAX = Math.floor(CORE_PAYLOAD_MAX / 3);
/** @type {PublishResult} */
const ACCEPTED = Object.freeze({ reasonCode: 0, properties: Object.freeze({}) });
const RESOLVED = Promise.resolve(ACCEPTED);
const NO_OPTIONS = /** @type {PublishOptions} */ (Object.freeze({}));
/** ms to look whether an attempt to connect, which has the core's deadline meanwhile, still goes on. */
const ATTEMPT_POLL = 1000;
const encoder = new TextEncoder();

/**
 * @param {Payload} payload
 * @returns {Uint8Array | string} a string only if the core can take it
 */
export function payloadOf(payload) {
  if (typeof payload === 'string') return payload.length <= TEXT_MAX ? payload : encoder.encode(payload);
  if (payload instanceof Uint8Array) return payload;
  if (payload === undefined) return '';
  if (payload instanceof ArrayBuffer) return new Uint8Array(payload);
  if (ArrayBuffer.isView(payload)) return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  // What JSON has no word for, or would say {} of.
  const opaque = globalThis.Blob !== undefined && payload instanceof Blob;
  const text = opaque ? undefined : JSON.stringify(payload);
  if (text !== undefined) return payloadOf(text);
  throw new MqttError('options', 'bad-option', 'That cannot be a payload.', {
    hint: 'It is a string, bytes, or what JSON can say. Of a Blob, give await blob.arrayBuffer().',
  });
}

export class Outbox {
  #machine;
  #queue;
  #properties = /** @type {import('./properties.js').PropertyTable | null} */ (null);
  /** What the core has; messages that it does not have yet are newer, and in `records`. */
  #pending = new PendingMessages();
  /** With a store that survives. @type {OutboxRecords | null} */
  records = null;
  #offline;
  /** @type {Settling<PublishResult>[]} accepted QoS 0 messages, to be resolved when fewer bytes wait */
  #crowd = [];
  #bytes = 0;
  #emitter;
  /** While there is no connection: messages that wait may expire. */
  #clock = new Clock(() => this.#expire());
  /** For input calls of the core without a connection, or that end one: nothing but settlements can come of them. */
  settler = {
    stopped: true,
    onPublish() {},
    onTopic() {},
    onEvent() {},
    onBatch() {},
    onSettled: this.settle.bind(this),
  };
  /** See renewing. */
  #renewing = false;
  /** Of messages with a time or a signal: see Settling. @param {Pending} pending */
  #giveUp = (pending) => !this.#takeBack(pending);
  /** Who waits for messages to settle: see #until. @type {Set<(lost: boolean) => void>} */
  #waiters = new Set();
  /** Accepted messages. */
  published = 0;
  /** @type {boolean} */
  closed = false;

  /**
   * @param {import('./machine.js').Machine} machine
   * @param {Required<QueueOptions>} queue
   * @param {import('./emitter.js').Emitter<import('./types.js').ClientEvents>} emitter told of each message with QoS 1 or 2 that is
   *   done with: the event 'settled'
   */
  constructor(machine, queue, emitter) {
    this.#machine = machine;
    this.#queue = queue;
    this.#emitter = emitter;
    this.#offline = new Offline(machine, this.publish.bind(this));
  }

  /**
   * The core is there.
   * @param {import('./properties.js').PropertyTable} properties
   * @param {readonly import('./records.js').RestoredMessage[]} messages of an earlier life
   */
  start(properties, messages) {
    this.#properties = properties;
    const { journal } = this.#machine;
    if (journal === null) return;
    this.records = new OutboxRecords(this.#machine, journal, {
      pending: this.#pending,
      pendingOf: this.#pendingOf.bind(this),
      encode: this.#encode.bind(this),
      judge: this.#judge.bind(this),
      flags: this.#flags.bind(this),
      hand: this.#hand.bind(this),
      keep: this.#keep.bind(this),
      left: this.#left.bind(this),
      tell: this.#tell.bind(this),
    });
    for (const message of messages) this.records.restore(message);
  }

  /** Messages that were published and are not settled. */
  get #count() {
    return this.#pending.size + (this.records?.storing.size ?? 0);
  }

  /** The same, oldest first. */
  get #all() {
    return [...this.#pending, ...(this.records?.storing.keys() ?? [])];
  }

  /** Messages that the core does not have yet. */
  get waiting() {
    return this.#offline.count + (this.records?.storing.size ?? 0);
  }

  /** Resolves when every message is settled, or the connection is lost that would settle them. */
  idle() {
    return this.#until(() => this.#count === 0);
  }

  /** Messages with QoS 1 and 2 wait. Resolves when none is in flight any more, or the connection is lost. */
  hold() {
    const { core } = this.#machine;
    core.hold(true);
    return this.#until(() => core.stats(wq_stats_t_inflight) === 0);
  }

  /** They need not wait any longer. */
  release() {
    this.#machine.core.hold(false);
    this.#machine.kick();
  }

  /**
   * @param {() => boolean} settled
   * @returns {Promise<void>}
   */
  #until(settled) {
    return new Promise((resolve) => {
      const look = (/** @type {boolean} */ lost) => {
        if (!lost && !settled()) return;
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
      look(false);
    });
  }

  /** Resolves when every message so far is in the store. @returns {Promise<void>} */
  async stored() {
    if (this.records) return this.records.stored();
    throw new MqttError('store', 'no-store', 'This client has no store that outlives it.', {
      hint: "Give it the option store: 'indexeddb'.",
    });
  }

  /* ---------------------------------------------------------------------------------------------- publishing */

  /**
   * @param {string} topic
   * @param {Payload} payload
   * @param {PublishOptions} [options]
   * @returns {Promise<PublishResult>}
   */
  publish(topic, payload, options = NO_OPTIONS) {
    try {
      if (this.closed) throw endedError('publish');
      if (typeof topic !== 'string') checkTopic(topic);
      const { qos } = options;
      checkLevel(qos, 'qos');
      const bytes = payloadOf(payload);
      this.#judge(topic, bytes, options);
      return this.#publish(topic, bytes, options, qos ?? 0);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Throws if the service would refuse it.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {PublishOptions} options
   */
  #judge(topic, payload, options) {
    const { guide } = this.#machine;
    if (!guide) return;
    checkTopic(topic);
    guide.publish(topic, payload, options, this.#encode(options.properties)?.length ?? 0);
  }

  /**
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {PublishOptions} options
   * @param {number} qos
   * @returns {Promise<PublishResult>}
   */
  #publish(topic, payload, options, qos) {
    if (options.signal?.aborted) return new Settling('publish', options).promise;
    const connection = this.#machine.connection;
    const large = payload.length > CORE_PAYLOAD_MAX;
    const plain = !large && !options.retain && options.properties === undefined;
    if (qos > 0) return this.#track(topic, payload, options, qos, plain, large);
    if (plain && connection?.say(topic, payload, 0, null)) {
      this.published++;
      return RESOLVED;
    }
    if (!this.#machine.core.isPlain(topic)) checkTopic(topic);
    if (connection === null || connection.stopped) return this.#wait(topic, payload, options);
    if (this.#machine.guide?.paces) this.#makeRoom(topic, payload, false);
    if (large) return this.#enter(topic, payload, options, qos, plain, large);
    const token = this.#hand(topic, payload, options);
    if (token === 0) {
      connection.kick();
      return connection.crowded ? this.#crowded(options) : RESOLVED;
    }
    const pending = this.#pendingOf(topic, payload, options);
    this.#keep(pending, token);
    return pending.promise;
  }

  /**
   * A message with QoS 1 or 2.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {PublishOptions} options
   * @param {number} qos
   * @param {boolean} plain not large, not retained, no properties
   * @param {boolean} large
   * @returns {Promise<PublishResult>}
   */
  #track(topic, payload, options, qos, plain, large) {
    if (this.records !== null) checkTopic(topic);
    this.#makeRoom(topic, payload, false);
    if (this.records !== null) {
      if (this.#count >= this.#queue.maxMessages && !this.#giveWay(0)) throw this.#tooMany();
      return this.records.publish(topic, payload, options);
    }
    return this.#enter(topic, payload, options, qos, plain, large);
  }

  /**
   * Who waits for it is there before the core has it, whose payload may be asked for at once.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {PublishOptions} options
   * @param {number} qos
   * @param {boolean} plain see #track
   * @param {boolean} large
   * @returns {Promise<PublishResult>}
   */
  #enter(topic, payload, options, qos, plain, large) {
    const { connection } = this.#machine;
    const { resend = qos < 2 } = options;
    const own = large ? ownBytes(payload) : payload;
    const pending = this.#pendingOf(topic, own, options);
    let token;
    try {
      if (plain && connection?.say(topic, own, resend ? qos | WQ_WASM_RESEND : qos, pending)) {
        this.published++;
        this.#pending.add(pending);
        return pending.promise;
      }
      checkTopic(topic);
      token = this.#hand(topic, own, options);
    } catch (error) {
      this.#left(pending);
      pending.reject(error);
      return pending.promise;
    }
    this.#keep(pending, token);
    return pending.promise;
  }

  /**
   * Give a message to the core. Returns 0 if it is in the output, else its token.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {PublishOptions} options
   */
  #hand(topic, payload, options) {
    const { core } = this.#machine;
    const properties = this.#encode(options.properties);
    const flags = this.#flags(payload, options);
    // What may expire counts from now on, not from the beginning of the task.
    const now = properties === undefined ? this.#machine.taskNow() : this.#machine.now();
    let result = core.publish(topic, properties, payload, flags, now);
    if (result === WQ_E_FULL && this.#giveWay(0)) result = core.publish(topic, properties, payload, flags, now);
    if (result === WQ_E_STATE) throw notConnectedError('publish'); // the server's last packet ended it
    if (result < 0) throw result === WQ_E_FULL ? this.#tooMany() : coreError(core, 'publish', result);
    this.published++;
    return result;
  }

  /**
   * @param {Uint8Array | string} payload
   * @param {PublishOptions} options
   */
  #flags(payload, { qos = 0, retain, resend = qos < 2 }) {
    return (
      qos |
      (retain ? WQ_WASM_RETAIN : 0) |
      (resend ? WQ_WASM_RESEND : 0) |
      (payload.length > CORE_PAYLOAD_MAX ? WQ_WASM_HOST_PAYLOAD : 0)
    );
  }

  /** @param {import('./properties.js').Properties | undefined} properties */
  #encode(properties) {
    if (properties === undefined) return undefined;
    const encoded = this.#properties?.encode(properties, 'publish', 'publish');
    const { connection, version } = this.#machine;
    if (encoded === undefined || version === 0 || version === 5) return encoded;
    connection?.warn('properties of messages are left out');
    return undefined;
  }

  /**
   * @param {PublishOptions} options
   * @returns {Promise<PublishResult>}
   */
  #crowded(options) {
    /** @type {Settling<PublishResult>} */
    const settling = new Settling('publish', options, () => true);
    this.#crowd.push(settling);
    return settling.promise;
  }

  /**
   * @param {string} topic
   * @param {Uint8Array | string} payload our own if it is large
   * @param {PublishOptions} options
   */
  #pendingOf(topic, payload, options) {
    const size = payload.length + topic.length;
    const large = payload.length > CORE_PAYLOAD_MAX ? /** @type {Uint8Array} */ (payload) : null;
    const pending = new Pending(options, this.#giveUp, topic, size, large, this.#machine.taskNow(), ACCEPTED);
    this.#bytes += size;
    return pending;
  }

  /**
   * The core has it. Only now may it leave, since then its payload, and what is stored of it, are asked for by its token.
   * @param {Pending} pending
   * @param {number} token
   */
  #keep(pending, token) {
    pending.token = token;
    this.#pending.add(pending);
    if (this.#machine.connection === null) this.#watch();
    else this.#machine.connection.kick();
  }

  /**
   * QoS 0 without a connection.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {PublishOptions} options
   * @returns {Promise<PublishResult>}
   */
  #wait(topic, payload, options) {
    if (!this.#queue.qos0 && !this.#renewing) throw notConnectedError('publish');
    const many = this.#offline.count + this.#count >= this.#queue.maxMessages;
    this.#makeRoom(topic, payload, many);
    return this.#offline.add(topic, ownBytes(payload), ownOptions(options));
  }

  /** Have the core tell what expires while no connection asks it. */
  #watch() {
    const { core } = this.#machine;
    const now = this.#machine.now();
    if (this.#pending.size === 0) return;
    if (core.status === WQ_IDLE) this.#clock.arm(core.deadline, now);
    else if (this.#machine.connection === null) this.#clock.arm(now + ATTEMPT_POLL, now); // the attempt may fail
  }

  #expire() {
    const { core } = this.#machine;
    if (this.closed) return;
    if (core.status === WQ_IDLE) core.tick(this.#machine.now(), this.settler);
    this.#watch();
  }

  /* ---------------------------------------------------------------------------------------------- taking back */

  /**
   * Forget a message that has not left. False: it has.
   * @param {Pending} pending
   */
  #takeBack(pending) {
    const { core } = this.#machine;
    core.flush(); // before that, what was gathered has no token
    // Without one it waits to be stored, or is just entering the core.
    if (pending.token === 0 ? !this.records?.storing.delete(pending) : core.remove(pending.token) !== 0) return false;
    this.#left(pending);
    return true;
  }

  /** A message is done with. @param {Pending} pending */
  #left(pending) {
    this.#pending.delete(pending);
    this.#bytes -= pending.size;
    this.records?.delete(pending);
    if (this.#waiters.size > 0) for (const look of this.#waiters) look(false);
  }

  /** A message of so many bytes may wait: one alone always. @param {number} size */
  #fits(size) {
    const bytes = this.#bytes + this.#offline.bytes;
    return bytes === 0 || bytes + size <= this.#queue.maxBytes;
  }

  /**
   * Throws if a message may not wait, even if others give way.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {boolean} many there is no room for one more, of whatever size
   */
  #makeRoom(topic, { length }, many) {
    const { maxBytes } = this.#queue;
    const size = topic.length + length;
    if (length > maxBytes) {
      throw new MqttError('publish', 'too-large', `The payload has ${length} bytes, and ${maxBytes} may wait.`, {
        hint: 'Raise queue.maxBytes, or send it in parts.',
      });
    }
    if (!many && this.#fits(size)) return;
    checkTopic(topic); // before others give way to it
    if (!this.#giveWay(size)) throw this.#tooMany();
  }

  /**
   * Make room by the queue's policy. False: there is none.
   * @param {number} size bytes that are to fit; 0: one message is to fit into the core, where what waits offline takes no room
   */
  #giveWay(size) {
    if (this.#queue.policy !== 'drop-oldest') return false;
    let dropped = 0;
    for (; size > 0 && this.#offline.count > 0; dropped++) {
      if (dropped > 0 && this.#fits(size)) return true;
      this.#offline.drop(this.#dropped());
    }
    for (const pending of this.#all) {
      if (dropped > 0 && this.#fits(size)) return true;
      if (!this.#takeBack(pending)) continue;
      this.#reject(pending, this.#dropped());
      dropped++;
    }
    return dropped > 0 && this.#fits(size);
  }

  #dropped() {
    return new MqttError('publish', 'dropped', 'The message gave way to newer ones: the queue is full.');
  }

  #tooMany() {
    if (this.#queue.policy === 'drop-newest') {
      return new MqttError('publish', 'dropped', 'The message was dropped: the queue is full.');
    }
    return new MqttError('publish', 'queue-full', 'Too many messages wait for the server.', {
      hint: 'Await publish() before publishing more, or raise queue.maxMessages and queue.maxBytes.',
    });
  }

  /**
   * Take back every message of that name which has not left; their promises reject with code 'removed'.
   * @param {string} key
   * @returns {number} how many
   */
  remove(key) {
    let count = this.#offline.remove(key, removed());
    for (const pending of this.#all) {
      if (pending.key !== key || !this.#takeBack(pending)) continue;
      this.#reject(pending, removed());
      count++;
    }
    return count;
  }

  /** @returns {PendingMessage[]} */
  list() {
    const now = this.#machine.now();
    const all = [...this.#all, ...this.#offline.all];
    return all.map(({ topic, qos, key, size, since, restored }) => ({
      topic,
      qos,
      key,
      bytes: size - topic.length,
      age: now - since,
      restored,
    }));
  }

  /* ---------------------------------------------------------------------------------------------- what becomes of them */

  /**
   * The payload that the core asks to send.
   * @param {number} token
   */
  payload(token) {
    const payload = this.#pending.get(token)?.payload;
    if (!payload) throw new Error('wasm: a payload is asked for that was never given');
    return payload;
  }

  /**
   * See Sink.onSettled in wasm/core.js.
   * @param {number} token
   * @param {number} result
   * @param {number} reason
   * @param {Uint8Array} bytes
   * @param {number} props
   */
  settle(token, result, reason, bytes, props) {
    const pending = this.#pending.get(token);
    if (!pending) return;
    this.#left(pending);
    let error;
    const { taken } = pending;
    let answer = taken;
    if (reason !== 0 || props >= 0) {
      const properties = { ...taken.properties, ...this.#properties?.decode(bytes, props) };
      answer = { reasonCode: reason || taken.reasonCode, properties };
    }
    if (result === 0) {
      pending.resolve(answer);
    } else {
      error = this.#failure(result, answer);
      pending.reject(error);
    }
    if (pending.qos > 0) this.#tell(pending, error, answer);
  }

  /**
   * PUBREC says more than that the server has the message.
   * @param {number} token
   * @param {number} reasonCode
   * @param {import('./properties.js').Properties} properties
   */
  taken(token, reasonCode, properties) {
    const pending = this.#pending.get(token);
    if (pending) pending.taken = { reasonCode, properties };
  }

  /**
   * @param {Pending} pending
   * @param {MqttError | undefined} error
   * @param {PublishResult} [answer]
   */
  #tell({ topic, qos, key }, error, answer = ACCEPTED) {
    if (this.#emitter.has('settled')) this.#emitter.emit('settled', { topic, qos, key, error, ...answer });
  }

  /**
   * A message was taken back for another reason than its own signal or timeout.
   * @param {Pending} pending
   * @param {MqttError} error
   */
  #reject(pending, error) {
    pending.reject(error);
    if (pending.restored) this.#tell(pending, error); // it has no promise
  }

  /**
   * @param {number} result
   * @param {PublishResult} answer
   */
  #failure(result, { reasonCode, properties }) {
    const { core, version } = this.#machine;
    if (result === WQ_E_STATE) {
      return new MqttError('publish', 'connection-lost', 'The connection was lost before the message left.');
    }
    if (result > WQ_E_REFUSED) return coreError(core, 'publish', result);
    const why = properties.reasonString ?? core.reasonName(WQ_PUBACK, version, reasonCode);
    return new MqttError('publish', 'refused', `The server refused the message: ${why}.`, { reasonCode, properties });
  }

  /** Fewer bytes wait than the high-water mark. */
  roomy() {
    for (const settling of this.#crowd.splice(0)) settling.resolve(ACCEPTED);
  }

  /** Somebody awaits roomy(). */
  get crowd() {
    return this.#crowd.length > 0;
  }

  /** The connection is about to be replaced by another: until then QoS 0 messages wait too. @param {boolean} going */
  set renewing(going) {
    const failed = this.#renewing && !going && !this.#queue.qos0;
    this.#renewing = going;
    if (failed) this.#offline.flush(notConnectedError('publish'));
  }

  get renewing() {
    return this.#renewing;
  }

  /** A connection is up: what waited for one goes out. */
  connected() {
    this.#renewing = false;
    this.#offline.flush();
  }

  /** The connection is gone; the core settles what is lost with it. */
  lost() {
    for (const look of this.#waiters) look(true);
    this.#watch();
    for (const settling of this.#crowd.splice(0)) {
      settling.reject(new MqttError('publish', 'connection-lost', 'The connection was lost before the message left.'));
    }
  }

  /** The client has ended: nothing will be sent any more. */
  close() {
    this.closed = true;
    this.#clock.stop();
    this.#offline.flush(endedError('publish'));
    for (const settling of this.#crowd.splice(0)) settling.reject(endedError('publish'));
    for (const pending of this.#all) pending.reject(endedError('publish'));
    this.#pending.clear();
    this.records?.storing.clear();
    this.#bytes = 0;
  }
}

function removed() {
  return new MqttError('publish', 'removed', 'The message was removed before it left.');
}
