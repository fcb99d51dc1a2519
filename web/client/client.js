// The client as its user sees it: it joins the parts, and lives through connections until it is ended or gives up.
import { Core } from '../../wasm/core.js';
import { Dialer } from './dialer.js';
import { takenOverSuspected } from './doctor.js';
import { Emitter } from './emitter.js';
import { endedError, MqttError } from './errors.js';
import { Handler, Inbox } from './inbox.js';
import { Machine } from './machine.js';
import { settingsOf } from './options.js';
import { Outbox, payloadOf } from './outbox.js';
import { ownBytes } from './outbox_records.js';
import { PropertyTable } from './properties.js';
import { Renewal } from './renewal.js';
import { Requests } from './request.js';
import { Backoff, classify } from './retry.js';
import { openSession, startJournal } from './session.js';
import { Settling } from './settle.js';
import { Subscription } from './subscription.js';
import { Subscriptions } from './subscriptions.js';
import { onWakeUp } from './wakeup.js';
import { loadWasm } from './wasm.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./properties.js').Properties} Properties */

/** @typedef {import('./types.js').State} State */
/** @typedef {import('./types.js').Negotiated} Negotiated */
/** @typedef {import('./types.js').Stats} Stats */
/** @typedef {import('./types.js').ClientEvents} ClientEvents */

/** Expect an answer to a probe within so many ms. */
const PROBE_TIMEOUT = 5000;

export class Client {
  /** Resolves with this client at its first connection; rejects if it gives up before. @type {Promise<Client>} */
  ready;
  #settings;
  /** @type {PropertyTable | null} */
  #properties = null;
  #once;
  /** @type {Emitter<{ [Name in keyof ClientEvents]: ClientEvents[Name] }>} */
  #emitter = new Emitter((error) => this.#report(error));
  #machine;
  #inbox;
  #outbox;
  #subscriptions;
  #requests = new Requests();
  /** @type {Dialer | null} */
  #dialer = null;
  /** @type {Renewal | null} */
  #renewal = null;
  /** @type {Set<Subscription>} */
  #users = new Set();
  /** @type {State} */
  #state = 'connecting';
  /** @type {Settling<Client>} */
  #ready = new Settling('connack');
  #started;
  #lived;
  /** @type {Promise<void> | null} */
  #ending = null;
  /** Ends the wait before the next attempt. */
  #wake = () => {};
  /** @type {Negotiated | null} */
  #negotiated = null;
  #connections = 0;
  #bytes = { in: 0, out: 0, frames: 0 };
  /** @type {Set<string>} */
  #oversized = new Set();
  #oversizeCount = 0;

  /**
   * @param {string | URL | readonly (string | URL)[]} urls
   * @param {import('./options.js').ClientOptions} options
   * @param {boolean} once the first round of attempts decides
   * @internal
   */
  constructor(urls, options, once) {
    this.#settings = settingsOf(urls, options);
    this.#once = once;
    this.#machine = new Machine((error) => this.#report(error), this.#settings.log, this.#settings.timerWorker);
    this.#inbox = new Inbox(this.#machine, this.#settings.unmatchedTimeout);
    this.#outbox = new Outbox(this.#machine, this.#settings.queue, (message) => this.#emitter.emit('settled', message));
    this.#subscriptions = new Subscriptions(this.#machine, () => this.#inbox.forgetRoutes());
    this.#inbox.subscriptions = this.#subscriptions;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {}); // who does not ask for it hears by the event 'error'
    this.#started = this.#start();
    this.#lived = this.#live();
  }

  async #start() {
    const { store, sessionName, wasm, core: limits } = this.#settings;
    const opened = store && (await openSession(store, sessionName, limits));
    let core;
    try {
      this.#machine.module = await loadWasm(wasm);
      core = await Core.start(this.#machine.module, opened?.limits ?? limits);
    } catch (cause) {
      await opened?.session.close();
      throw new MqttError('load', 'wasm', 'The WebAssembly module of the client could not be loaded.', {
        cause,
        hint:
          'Is wasmqtt.wasm served beside the library, or at the URL of the option `wasm`? ' +
          "A Content-Security-Policy has to have 'wasm-unsafe-eval' in script-src.",
      });
    }
    const properties = (this.#properties = new PropertyTable(core));
    const parts = { inbox: this.#inbox, outbox: this.#outbox, subscriptions: this.#subscriptions, properties };
    this.#machine.core = core;
    this.#machine.journal = opened && startJournal(opened, this.#machine);
    const { messages, received, subscriptions } = opened?.restored ?? NOTHING;
    this.#inbox.start(properties, received);
    this.#outbox.start(properties, messages);
    this.#subscriptions.start(properties, subscriptions);
    if (opened) this.#listenToRecords();
    this.#dialer = new Dialer(this.#machine, parts, this.#settings, {
      accepted: (connection, connack) => this.#accepted(connection, connack),
      oversize: (topic, size) => this.#oversize(topic, size),
    });
    const { credentials, reconnect } = this.#settings;
    if (credentials && reconnect) {
      this.#renewal = new Renewal(this.#machine, this.#outbox, this.#dialer, reconnect, () => this.#disconnected());
    }
    return properties;
  }

  /** What is to be stored: see wq_record_type in wasmqtt.h. */
  #listenToRecords() {
    const { core, journal } = this.#machine;
    const { numbers } = core;
    const { exactly } = this.#inbox;
    const records = /** @type {import('./outbox_records.js').OutboxRecords} */ (this.#outbox.records);
    /** @type {import('./journal.js').Journal} */ (journal).record = (type, packetId, token) => {
      if (type === numbers.WQ_RECORD_SENT) records.sent(token, packetId, false);
      else if (type === numbers.WQ_RECORD_RELEASED) records.sent(token, packetId, true);
      else if (type === numbers.WQ_RECORD_RECEIVED) exactly.received(packetId);
      else if (type === numbers.WQ_RECORD_COMPLETED) exactly.completed(packetId);
      else {
        records.sessionLost();
        exactly.sessionLost();
      }
    };
    // A listener of createClient() is there already; one of connect() can be when that resolved.
    const listening = this.#once ? this.ready : Promise.resolve();
    listening.then(
      () => setTimeout(() => records.tellOverdue()),
      () => {},
    );
  }

  /* ---------------------------------------------------------------------------------------------- its life */

  async #live() {
    try {
      await this.#started;
    } catch (error) {
      this.#giveUp(/** @type {MqttError} */ (error));
      return;
    }
    const { clock } = this.#machine;
    const stopListening = onWakeUp(() => this.#probe());
    clock.open((throttled) => {
      this.#machine.core.throttled(throttled);
      this.#machine.kick();
    });
    const { reconnect } = this.#settings;
    const backoff = reconnect && new Backoff(reconnect);
    let asked = false; // for other credentials, once in a row
    for (let attempt = 1; !this.#ending; attempt++) {
      const { error, lifetime } = await this.#connectAndStay();
      if (this.#ending) break;
      if (error !== null) this.#outbox.renewing = false;
      const kind = error === null ? 'transient' : classify(error);
      const refusedTwice = kind === 'credentials' && (asked || !this.#settings.credentials);
      asked = kind === 'credentials';
      const first = this.#connections === 0 && this.#once;
      if (!backoff || first || kind === 'fatal' || refusedTwice) {
        this.#emitter.emit('disconnect', { error, delay: null });
        this.#giveUp(error ?? endedError('connected'));
        break;
      }
      if (lifetime > 0) attempt = 1;
      const delay = error === null ? 0 : backoff.next(lifetime, error);
      if (error !== null && backoff.suspicious) this.#report(takenOverSuspected(error));
      this.#setState('waiting');
      this.#emitter.emit('disconnect', { error, delay });
      await this.#pause(delay);
      if (this.#ending) break;
      this.#setState('connecting');
      const why = error !== null ? 'error' : this.#outbox.renewing ? 'renewal' : 'asked';
      this.#emitter.emit('reconnect', { attempt, delay, why });
    }
    stopListening();
    clock.close();
  }

  /** One round of attempts and, if it brings a connection, that to its end. Lifetime: ms, 0: there was none. */
  async #connectAndStay() {
    /** @type {MqttError | null} */
    let error;
    let began = 0;
    try {
      await this.#machine.journal?.flush();
      const { ended } = await /** @type {Dialer} */ (this.#dialer).round();
      began = performance.now();
      error = await ended;
    } catch (failure) {
      error = /** @type {MqttError} */ (failure);
    }
    this.#disconnected();
    return { error, lifetime: began === 0 ? 0 : performance.now() - began };
  }

  /** @param {number} delay ms */
  #pause(delay) {
    const { clock } = this.#machine;
    return new Promise((resolve) => {
      this.#wake = clock.ring = () => {
        this.#wake = () => {}; // the clock is another's by then
        clock.stop();
        resolve(undefined);
      };
      const now = this.#machine.now();
      clock.arm(now + delay, now);
    });
  }

  /**
   * CONNACK: everything that has to be done before the next event of the same input.
   * @param {import('./connection.js').Connection} connection
   * @param {import('../../wasm/core.js').CoreEvent} connack
   */
  #accepted(connection, connack) {
    const { core } = this.#machine;
    const sessionPresent = (connack.flags & core.numbers.WQ_EVF_SESSION) !== 0;
    const properties = this.#inbox.decodeProperties(connack.bytes, connack.props);
    const dialer = /** @type {Dialer} */ (this.#dialer);
    if (properties.assignedClientIdentifier) dialer.clientId = properties.assignedClientIdentifier;
    this.#machine.connection = connection;
    this.#machine.journal?.accepted();
    this.#connections++;
    this.#negotiated = this.#readNegotiated(connection);
    if (sessionPresent) {
      this.#inbox.unmatched.forgetUnacknowledged();
      for (const user of this.#users) user.forgetUnacknowledged();
    }
    this.#inbox.exactly.connected(sessionPresent);
    if (this.#ending) return;
    this.#setState('connected');
    this.#subscriptions.connected(sessionPresent);
    this.#outbox.connected();
    this.#renewal?.accepted();
    this.#ready.resolve(this);
    this.#emitter.emit('connect', { sessionPresent, clientId: dialer.clientId, properties });
  }

  #disconnected() {
    const { connection } = this.#machine;
    if (!connection) return;
    this.#renewal?.stop();
    this.#machine.connection = null;
    this.#bytes.in += connection.bytesIn;
    this.#bytes.out += connection.bytesOut;
    this.#bytes.frames += connection.framesOut;
    this.#inbox.lost();
    this.#outbox.lost();
    this.#subscriptions.lost();
  }

  /** The network came back, or the tab to the front. */
  #probe() {
    this.#wake();
    this.#renewal?.check();
    this.#machine.connection?.probe(PROBE_TIMEOUT);
  }

  /** @param {MqttError} error */
  #giveUp(error) {
    const silent = this.#once && this.#connections === 0; // connect() rejects
    this.#close(error);
    void this.#machine.journal?.close();
    this.#ready.reject(error);
    if (!silent) this.#report(error);
  }

  /** @param {unknown} error what loops over messages throw; undefined: they just end */
  #close(error) {
    this.#inbox.closed = true;
    this.#inbox.unmatched.clear();
    this.#outbox.close();
    this.#subscriptions.close();
    this.#requests.close();
    for (const user of this.#users) user.stop(error);
    this.#users.clear();
    this.#setState('ended');
  }

  /**
   * Something went wrong that nobody awaits.
   * @param {unknown} error
   */
  #report(error) {
    if (this.#emitter.has('error') && !this.#reporting) {
      this.#reporting = true; // a listener that throws is not told of its own error
      this.#emitter.emit('error', error);
      this.#reporting = false;
    } else if (typeof reportError === 'function') {
      reportError(error);
    } else {
      console.error(error);
    }
  }
  #reporting = false;

  /** @param {State} state */
  #setState(state) {
    if (this.#state === state || this.#state === 'ended' || (this.#state === 'ending' && state !== 'ended')) return;
    this.#state = state;
    this.#emitter.emit('state', state);
  }

  /* ---------------------------------------------------------------------------------------------- messages */

  /**
   * Publish a message. QoS 0 resolves when it was accepted and not too much waits to be sent, QoS 1 and 2 when the server
   * has acknowledged. Rejects with an MqttError: refused by the server, not connected (QoS 0), queue full, timed out,
   * aborted, or connection ended.
   * @param {string} topic
   * @param {import('./outbox.js').Payload} [payload] a Uint8Array must not change before this returned
   * @param {import('./outbox.js').PublishOptions} [options]
   * @returns {Promise<import('./outbox.js').PublishResult>}
   */
  publish(topic, payload, options) {
    if (this.#machine.core !== undefined) return this.#outbox.publish(topic, payload, options);
    return this.#publishLater(topic, payload, options);
  }

  /**
   * The core is not there yet, and what is given may change until then.
   * @param {string} topic
   * @param {import('./outbox.js').Payload} payload
   * @param {import('./outbox.js').PublishOptions} [options]
   */
  async #publishLater(topic, payload, options) {
    const own = ownBytes(payloadOf(payload));
    const properties = options?.properties && structuredClone(options.properties);
    await this.#started;
    return this.#outbox.publish(topic, own, { ...options, properties });
  }

  /**
   * Subscribe to a topic filter. Resolves when the server has granted it; messages are taken from now on, by `handler` if
   * there is one, else by `for await` over the subscription. It is kept over reconnects.
   * @param {string} filter
   * @param {import('./subscriptions.js').SubscribeOptions | ((message: Message) => unknown)} [options]
   * @param {(message: Message) => unknown} [handler] messages with QoS 1 and 2 are acknowledged when it returned (see
   *   the options ack and manualAck)
   * @returns {Promise<Subscription>}
   */
  async subscribe(filter, options = {}, handler = undefined) {
    if (typeof options === 'function') return this.subscribe(filter, {}, options);
    if (this.#inbox.closed) throw endedError('subscribe');
    const report = this.#machine.report;
    const user = new Subscription(filter, options, handler, this.#rule(options), this.#inbox, report, (one, wait) =>
      this.#leave(one, wait),
    );
    this.#users.add(user);
    try {
      user.qos = await this.#subscriptions.add(filter, options, () => void this.#leave(user, {}).catch(() => {}));
    } catch (error) {
      user.stop(undefined);
      this.#users.delete(user);
      throw error;
    }
    return user;
  }

  /** @param {{ manualAck?: boolean, ack?: 'returned' | 'resolved' }} options */
  #rule({ manualAck, ack }) {
    const { manual, resolved } = this.#settings.ackRule;
    return { manual: manualAck ?? manual, resolved: ack === undefined ? resolved : ack === 'resolved' };
  }

  /**
   * @param {Subscription} user
   * @param {import('./settle.js').WaitOptions} options
   */
  async #leave(user, options) {
    if (!this.#users.delete(user)) return;
    for (const { filter } of this.#users) if (filter === user.filter) return;
    await this.#subscriptions.delete(user.filter, options);
  }

  /**
   * End every subscription of this client to a filter. Resolves when the server has confirmed.
   * @param {string} filter as given to subscribe()
   * @param {import('./settle.js').WaitOptions} [options]
   */
  async unsubscribe(filter, options = {}) {
    const users = [...this.#users].filter((user) => user.filter === filter);
    await Promise.all(users.map((user) => user.unsubscribe(options)));
    if (users.length > 0 || this.#inbox.closed || !this.#subscriptions.wants(filter)) return;
    await this.#subscriptions.delete(filter, options);
  }

  /**
   * Handle messages that match a filter without subscribing: what a resumed session brings, or the server by itself.
   * @param {string} filter
   * @param {(message: Message) => unknown} handler
   * @param {{ manualAck?: boolean, ack?: 'returned' | 'resolved' }} [options] default: the client's
   * @returns {() => void} takes the handler away
   */
  handle(filter, handler, options = {}) {
    const target = new Handler(handler, this.#rule(options), this.#machine.report);
    this.#inbox.add(filter, target, false);
    return () => this.#inbox.delete(filter, target);
  }

  /**
   * Publish a request and await its answer, by response topic and correlation data.
   * @param {string} topic
   * @param {import('./outbox.js').Payload} [payload]
   * @param {import('./request.js').RequestOptions} [options]
   * @returns {Promise<Message>}
   */
  async request(topic, payload, options = {}) {
    await this.#started;
    if (this.#inbox.closed) throw endedError('request');
    const requester = {
      version: this.#negotiated?.version ?? 5,
      defaultTopic: this.#settings.responseTopic ?? `wasmqtt/${this.clientId.replace(/[+#/]/g, '-')}/answers`,
      subscribe: this.subscribe.bind(this),
      publish: this.publish.bind(this),
    };
    return this.#requests.ask(requester, topic, payload, options);
  }

  /**
   * Authenticate once more on the present connection, by a new dialogue of the option `authentication`: MQTT 5.0. Resolves
   * when both sides are satisfied. If one is not, or the dialogue takes longer than connectTimeout, the connection ends,
   * and the promise rejects; if start() fails, the connection stays as it is. One at a time; messages go on meanwhile.
   * @param {import('./settle.js').WaitOptions} [options] giving up leaves the dialogue to itself
   * @returns {Promise<void>}
   */
  async reauthenticate(options = {}) {
    const { connection } = this.#machine;
    if (!connection) throw new MqttError('reauthenticate', 'not-connected', 'There is no connection right now.');
    await connection.reauthenticate(options);
  }

  /**
   * Take back every message of that name which has not left; their promises reject with code 'removed'.
   * @param {string} key as given to publish()
   * @returns {number} how many
   */
  remove(key) {
    return this.#outbox.remove(key);
  }

  /**
   * Resolves when every message with QoS 1 and 2 that was given to publish() so far is in the store, and so will reach the
   * server even if the page dies now; rejects if one could not be stored, or with code 'no-store' without such a store.
   * @returns {Promise<void>}
   */
  async stored() {
    await this.#started;
    return this.#outbox.stored();
  }

  /** Messages that were published and are not settled, oldest first. */
  pending() {
    return this.#outbox.list();
  }

  /** @param {string} topic @param {number} size */
  #oversize(topic, size) {
    this.#oversizeCount++;
    if (this.#oversized.has(topic)) return;
    if (this.#oversized.size < OVERSIZED_MAX) this.#oversized.add(topic);
    this.#emitter.emit('oversize', { topic, size });
  }

  /* ---------------------------------------------------------------------------------------------- what is the case */

  /** @type {State} */
  get state() {
    return this.#state;
  }

  /** As given, made at random, or assigned by the server. */
  get clientId() {
    return this.#dialer?.clientId ?? this.#settings.clientId;
  }

  /** What is in force on the present or last connection; null before the first. */
  get negotiated() {
    const warnings = this.#machine.connection?.warnings;
    if (this.#negotiated && warnings) this.#negotiated.warnings = [...warnings];
    return this.#negotiated;
  }

  /** @param {import('./connection.js').Connection} connection @returns {Negotiated} */
  #readNegotiated({ version, warnings }) {
    const n = this.#machine.core.negotiated();
    return {
      version: /** @type {3 | 4 | 5} */ (version),
      clientId: this.clientId,
      keepAlive: n.keep_alive,
      maximumQos: n.maximum_qos,
      retainAvailable: n.retain_available !== 0,
      wildcardAvailable: n.wildcard_available !== 0,
      identifiersAvailable: n.identifiers_available !== 0,
      sharedAvailable: n.shared_available !== 0,
      receiveMaximum: n.receive_maximum,
      topicAliasMaximum: n.topic_alias_maximum,
      maximumPacketSize: n.maximum_packet_size,
      sessionExpiryInterval: n.session_expiry_interval,
      warnings: [...warnings],
    };
  }

  /** @returns {Stats} */
  get stats() {
    const core = /** @type {Core | undefined} */ (this.#machine.core);
    const n = core?.stats() ?? {};
    const { connection } = this.#machine;
    return {
      received: this.#inbox.received,
      published: this.#outbox.published,
      packetsIn: n.packets_in ?? 0,
      packetsOut: n.packets_out ?? 0,
      bytesIn: this.#bytes.in + (connection?.bytesIn ?? 0),
      bytesOut: this.#bytes.out + (connection?.bytesOut ?? 0),
      framesOut: this.#bytes.frames + (connection?.framesOut ?? 0),
      connections: this.#connections,
      unmatched: this.#inbox.unmatched.count,
      oversize: this.#oversizeCount,
      strayAcks: n.stray_acks ?? 0,
      topicsDecoded: core?.topicsDecoded ?? 0,
      queued: n.queued ?? 0,
      inflight: n.inflight ?? 0,
      unacked: n.unacked ?? 0,
      oldestUnacked: this.#inbox.oldestUnacked,
    };
  }

  /**
   * @template {keyof ClientEvents} Name
   * @param {Name} name
   * @param {(...args: ClientEvents[Name]) => unknown} listener
   * @returns {this}
   */
  on(name, listener) {
    this.#emitter.on(name, listener);
    this.#listen();
    return this;
  }

  /**
   * @template {keyof ClientEvents} Name
   * @param {Name} name
   * @param {(...args: ClientEvents[Name]) => unknown} listener
   * @returns {this}
   */
  off(name, listener) {
    this.#emitter.off(name, listener);
    this.#listen();
    return this;
  }

  #listening = false;
  /** The event 'message' takes messages as a handler does, and 'packet' reads along, while somebody listens to it. */
  #listen() {
    this.#machine.packets = this.#emitter.has('packet') ? (packet) => this.#emitter.emit('packet', packet) : null;
    const listening = this.#emitter.has('message');
    if (listening === this.#listening) return;
    this.#listening = listening;
    const emit = (/** @type {Message} */ message) => this.#emitter.emit('message', message);
    this.#inbox.listener = listening ? new Handler(emit, this.#settings.ackRule, this.#machine.report) : null;
  }

  /* ---------------------------------------------------------------------------------------------- ending */

  /** Connect anew at once: give up the present connection, or the wait for the next attempt. */
  reconnect() {
    if (this.#inbox.closed) throw endedError('connected');
    this.#wake();
    this.#machine.connection?.abandon(null);
  }

  /**
   * Say good-bye to the server, after the acknowledgements of what was published have come. Every promise that is still
   * open then rejects with code 'connection-ended'. The client cannot be used again.
   * @param {{ force?: boolean, reasonCode?: number, properties?: Properties }} [options] force: do not wait for
   *   acknowledgements; reasonCode 4 (5.0) has the server publish the will
   * @returns {Promise<void>}
   */
  end(options = {}) {
    try {
      this.#goodbye(options.properties);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#ending ??= this.#end(options);
    return this.#ending;
  }

  /** @returns {Promise<void>} */
  [Symbol.asyncDispose]() {
    return this.end();
  }

  /** @param {{ force?: boolean, reasonCode?: number, properties?: Properties }} options */
  async #end({ force = false, reasonCode = 0, properties }) {
    if (this.#state === 'ended') return;
    this.#inbox.closed = true;
    this.#outbox.closed = true;
    this.#renewal?.stop();
    this.#setState('ending');
    this.#wake();
    const { connection } = this.#machine;
    if (connection && !force) await this.#outbox.idle();
    if (connection && this.#machine.connection === connection) {
      connection.close(reasonCode, this.#goodbye(properties));
      if (force) connection.abandon(null);
    } else {
      this.#dialer?.stop();
    }
    if (connection) {
      await this.#lived;
      this.#emitter.emit('disconnect', { error: null, delay: null });
    }
    this.#ready.reject(endedError('connack'));
    if (this.#settings.store) await this.#started.catch(() => {});
    const stored = this.#machine.journal?.close();
    this.#close(undefined); // whatever the store does
    await stored;
  }

  /**
   * Properties of DISCONNECT. Throws for some that cannot be.
   * @param {Properties | undefined} properties
   */
  #goodbye(properties) {
    if (this.#machine.version < 5) return undefined;
    const own = this.#dialer?.endsSession ? { sessionExpiryInterval: 0 } : {};
    return this.#properties?.encode({ ...own, ...properties }, 'disconnect', 'options');
  }
}

/** What a client takes up without a store. */
const NOTHING = { messages: [], received: new Map(), subscriptions: new Map() };
/** Topics that are remembered as reported. */
const OVERSIZED_MAX = 1000;
