// Inbound messages on their way to who asked for them. The targets of a topic are looked up once per topic id and kept.
import { WQ_E_ARG, WQ_EVF_QOS } from '../../build/gen/wasmqtt_layout.js';
import { coreError, MqttError } from './errors.js';
import { ExactlyOnce } from './exactly_once.js';
import { FilterTree, matches } from './filters.js';
import { onlyIdentifier } from './identifiers.js';
import { holdMessage, Message, messageHandle, ownMessage, REDELIVERED, releaseMessage } from './message.js';
import { Unmatched } from './unmatched.js';
import { setAt } from '../../wasm/chunk.js';

/**
 * Who takes messages. deliver() must not throw, and sees to it that releaseMessage() is called once for each.
 * @typedef {object} Target
 * @property {(message: Message) => void} deliver
 * @property {boolean} manual it acknowledges when it likes: releaseMessage() is not called
 */

/**
 * @typedef {object} AckOptions
 * @property {number} [reasonCode] default 0; an error code of PUBACK and PUBREC refuses the message: 0x80 unspecified, 0x83
 *   implementation specific, 0x87 not authorized, 0x90 topic name invalid, 0x91 packet identifier in use, 0x97 quota
 *   exceeded, 0x99 payload format invalid. A server does not send it again; what else it makes of that is its affair. Not
 *   possible in 3.x: code 'needs-mqtt-5'
 * @property {import('./properties.js').Properties} [properties] reasonString, userProperties. Left out if they make the packet
 *   larger than the server takes, and in 3.x
 */

/**
 * @typedef {object} AckRule when a message with QoS over 0 is acknowledged
 * @property {boolean} manual only by message.ack()
 * @property {boolean} resolved when the promise that the handler returned settled, not already when it returned
 */

/** A function given by the user. @implements {Target} */
export class Handler {
  #fn;
  #rule;
  #report;

  /**
   * @param {(message: Message) => unknown} fn
   * @param {AckRule} rule
   * @param {(error: unknown) => void} report
   */
  constructor(fn, rule, report) {
    this.#fn = fn;
    this.#rule = rule;
    this.#report = report;
    this.manual = rule.manual;
  }

  /** @param {Message} message */
  deliver(message) {
    const fn = this.#fn; // so that it does not have this object as its `this`
    let result;
    let later = false;
    try {
      result = fn(message);
      later = result !== undefined && isThenable(result); // which asks an object of the user's
    } catch (error) {
      this.#report(error);
    }
    if (later) this.#later(message, Promise.resolve(result));
    else if (!this.#rule.manual) releaseMessage(message);
  }

  /**
   * @param {Message} message
   * @param {Promise<unknown>} result
   */
  #later(message, result) {
    const { manual, resolved } = this.#rule;
    const done = () => {
      if (resolved && !manual) releaseMessage(message);
    };
    result.then(done, (error) => {
      this.#report(error);
      done();
    });
    if (!resolved && !manual) releaseMessage(message);
  }
}

/** @param {unknown} value */
function isThenable(value) {
  return typeof (/** @type {any} */ (value)?.then) === 'function';
}

/**
 * Who takes the messages of a topic.
 * @typedef {object} Route
 * @property {readonly Target[]} all
 * @property {Map<number, readonly Target[]> | undefined} identified by the only subscription identifier. Only where
 *   subscriptions overlap: elsewhere, looking at every message's properties would be for nothing, and costs as much as the rest
 */

/** Identifiers of a topic whose targets are kept: a server may make up as many as it likes. */
const IDENTIFIERS_MAX = 64;

export class Inbox {
  /** @type {FilterTree<Target>} */
  #tree = new FilterTree();
  /** By topic id, without holes. @type {(Route | undefined)[]} */
  #routes = [];
  /** The filters of targets that are for one subscription. @type {Map<Target, string>} */
  #filters = new Map();
  /** @type {import('./subscriptions.js').Subscriptions} */
  // @ts-expect-error it comes when there is one
  subscriptions;
  /** @type {Map<number, number>} arrival by handle, of messages that are not acknowledged yet */
  #unacked = new Map();
  #machine;
  #properties = /** @type {import('./properties.js').PropertyTable | null} */ (null);
  #offered = true;
  /** @type {Target | null} takes every message: the 'message' event */
  #listener = null;
  /** Messages with QoS 2. @type {ExactlyOnce} */
  // @ts-expect-error it comes with the core
  exactly;
  /** Messages that arrived. */
  received = 0;
  /** Set when the client is ending: what still comes is not delivered, and not acknowledged. */
  closed = false;

  /**
   * @param {import('./machine.js').Machine} machine
   * @param {number} unmatchedTimeout ms
   */
  constructor(machine, unmatchedTimeout) {
    this.#machine = machine;
    this.unmatched = new Unmatched(unmatchedTimeout);
  }

  /**
   * The core is there.
   * @param {import('./properties.js').PropertyTable} properties
   * @param {ReadonlyMap<number, boolean>} received packet ids of an earlier life: done
   */
  start(properties, received) {
    const { core, journal } = this.#machine;
    this.#properties = properties;
    this.exactly = new ExactlyOnce(journal, {
      targets: (message) => this.#targets(this.#route(message)),
      distribute: (message) => void this.#distribute(message, this.#route(message)),
      hold: (message) => this.unmatched.hold(message),
    });
    this.exactly.restore(core, received);
  }

  /* ---------------------------------------------------------------------------------------------- targets */

  /**
   * @param {string} filter
   * @param {Target} target
   * @param {boolean} [subscribed] it is for messages of the subscription to that filter, as far as the server says which is
   */
  add(filter, target, subscribed = true) {
    this.#tree.add(filter, target);
    if (subscribed) this.#filters.set(target, filter);
    this.#changed();
  }

  /**
   * @param {string} filter
   * @param {Target} target
   */
  delete(filter, target) {
    this.#tree.delete(filter, target);
    this.#filters.delete(target);
    this.#changed();
  }

  /** @param {Target | null} listener */
  set listener(listener) {
    this.#listener = listener;
    this.#changed();
  }

  /** Other subscriptions: what was known of topics is not any more. */
  forgetRoutes() {
    this.#routes = [];
  }

  #changed() {
    this.forgetRoutes();
    if (!this.#offered) return;
    // After the caller has set up what it needs to take messages.
    this.#offered = false;
    queueMicrotask(() => {
      this.#offered = true;
      if (!this.closed) this.unmatched.offer((message) => this.#offer(message));
    });
  }

  /** A message that nobody wanted until now. False: still nobody does. @param {Message} message */
  #offer(message) {
    const route = this.#route(message);
    if (message.qos < 2 || !this.exactly.inTurn) return this.#distribute(message, route);
    if (this.#targets(route).length === 0) return false;
    this.exactly.queue(message);
    return true;
  }

  /** Keep a message until somebody asks for it. @param {Message} message */
  hold(message) {
    this.unmatched.hold(message);
    this.exactly.next(messageHandle(message));
  }

  /** @param {Message} message */
  #route({ topic, properties }) {
    return this.#narrow(topic, this.#tree.match(topic), properties.subscriptionIdentifier);
  }

  /**
   * Those of a topic's targets that a message with these identifiers is for. One that was given in an earlier life, or to a
   * filter that does not match, says nothing: then it is for all.
   * @param {string} topic
   * @param {readonly Target[]} route
   * @param {number | number[] | undefined} identifiers
   */
  #narrow(topic, route, identifiers) {
    if (identifiers === undefined) return route;
    /** @type {Set<string>} */
    const wanted = new Set();
    for (const identifier of [identifiers].flat()) {
      const filters = this.subscriptions.filtersOf(identifier).filter((filter) => matches(filter, topic));
      if (filters.length === 0) return route;
      for (const filter of filters) wanted.add(filter);
    }
    return route.filter((target) => {
      const filter = this.#filters.get(target);
      return filter === undefined || wanted.has(filter);
    });
  }

  /** @param {readonly Target[]} route */
  #targets(route) {
    return this.#listener === null ? route : [...route, this.#listener];
  }

  /* ---------------------------------------------------------------------------------------------- messages */

  /**
   * See Sink.onPublish in wasm/core.js.
   * @param {number} id
   * @param {string} topic
   * @param {import('../../wasm/chunk.js').Chunk} chunk
   * @param {number} off
   * @param {number} length
   * @param {number} flags
   * @param {number} props
   * @param {number} handle
   */
  receive(id, topic, chunk, off, length, flags, props, handle) {
    if (this.closed) return;
    this.received++;
    const { all, identified } = this.#routes[id] ?? this.#learn(id, topic);
    const said = identified !== undefined && props >= 0 && chunk.bytes[props] > 0;
    const targets = said ? this.#identify(identified, topic, all, chunk.bytes, props) : all;
    if (handle !== 0) this.#unacked.set(handle, this.#machine.taskNow());
    const exactly = (flags & WQ_EVF_QOS) === 2;
    if (exactly && this.exactly.arrived(handle, this.#machine.core.packetId)) flags |= REDELIVERED;
    const message = new Message(topic, this, chunk, off, length, flags, props, handle);
    if (exactly && this.exactly.inTurn) {
      ownMessage(message);
      this.exactly.queue(message);
    } else if (targets.length === 1 && this.#listener === null) {
      targets[0].deliver(message);
    } else if (!this.#distribute(message, targets)) {
      this.unmatched.hold(message);
    }
  }

  /**
   * @param {number} id 0: it is not kept
   * @param {string} topic
   * @returns {Route}
   */
  #learn(id, topic) {
    const identified = this.subscriptions.overlap(topic) ? new Map() : undefined;
    const route = { all: this.#tree.match(topic), identified };
    if (id !== 0) setAt(this.#routes, id, route, undefined);
    return route;
  }

  /**
   * See #narrow(); with a cache for what servers say nearly always: one identifier, and no other property.
   * @param {Map<number, readonly Target[]>} known
   * @param {string} topic
   * @param {readonly Target[]} route
   * @param {Uint8Array} bytes
   * @param {number} props
   */
  #identify(known, topic, route, bytes, props) {
    const identifier = onlyIdentifier(bytes, props);
    if (identifier === 0) return this.#narrow(topic, route, this.decodeProperties(bytes, props).subscriptionIdentifier);
    const kept = known.get(identifier);
    if (kept !== undefined) return kept;
    const narrow = this.#narrow(topic, route, identifier);
    if (known.size < IDENTIFIERS_MAX) known.set(identifier, narrow);
    return narrow;
  }

  /**
   * @param {Message} message
   * @param {readonly Target[]} route
   */
  #distribute(message, route) {
    const listener = this.#listener;
    const count = route.length + (listener === null ? 0 : 1);
    if (count === 0) return false;
    holdMessage(message, count);
    for (let i = 0; i < route.length; i++) route[i].deliver(message);
    if (listener !== null) listener.deliver(message);
    return true;
  }

  /** @param {number} id */
  forgetTopic(id) {
    setAt(this.#routes, id, undefined, undefined);
  }

  /**
   * @param {number} handle
   * @param {number} qos
   * @param {AckOptions} [options]
   */
  ack(handle, qos, options) {
    if (this.#unacked.has(handle)) {
      if (options) this.#answer(handle, options);
      else this.#machine.core.ack(handle, 0, undefined, this.#machine.taskNow());
      this.#unacked.delete(handle);
      this.#machine.kick();
      if (qos === 2) this.exactly.done(handle);
    } else if (qos === 2) {
      this.exactly.next(handle); // its connection ended: it will come again
    }
  }

  /**
   * @param {number} handle
   * @param {AckOptions} options
   */
  #answer(handle, { reasonCode = 0, properties }) {
    const { core, version, connection } = this.#machine;
    let encoded = this.#properties?.encode(properties, 'puback', 'handler');
    if (version < 5 && reasonCode !== 0) {
      throw new MqttError('handler', 'needs-mqtt-5', 'An acknowledgement has a reason code in MQTT 5.0 only.', {
        hint: 'In 3.x a message can be acknowledged as it is, or not at all.',
      });
    }
    if (version < 5 && encoded) {
      connection?.warn('properties of acknowledgements are left out');
      encoded = undefined;
    }
    const error = reasonCode > 255 ? WQ_E_ARG : core.ack(handle, reasonCode, encoded, this.#machine.now());
    if (error === WQ_E_ARG) {
      throw new MqttError(
        'handler',
        'bad-option',
        `A message cannot be acknowledged like this (reason ${reasonCode}).`,
        {
          hint: 'reasonCode is 0, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97 or 0x99, and properties are less than 80 KiB.',
        },
      );
    }
    if (error !== 0) throw coreError(core, 'handler', error);
  }

  /** Nobody has a message, and the server will send it again. @param {number} handle */
  forget(handle) {
    this.exactly.done(handle);
  }

  /** Messages wait for their acknowledgement since so many milliseconds; 0: none does. */
  get oldestUnacked() {
    for (const since of this.#unacked.values()) return this.#machine.now() - since;
    return 0;
  }

  /** The connection ended: handles of it mean nothing. */
  lost() {
    this.#unacked.clear();
    this.exactly.lost();
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} at
   */
  decodeProperties(bytes, at) {
    return this.#properties?.decode(bytes, at) ?? {};
  }
}
