// The client as its user sees it: it joins the parts, and lives through connections until it is ended or gives up.
import {
  WQ_EVF_SESSION,
  wq_stats_t_inflight,
  wq_stats_t_packets_in,
  wq_stats_t_packets_out,
  wq_stats_t_queued,
  wq_stats_t_stray_acks,
  wq_stats_t_unacked,
} from '../../build/gen/wasmqtt_layout.js';
import { Core } from '../../wasm/core.js';
import { Dialer } from './dialer.js';
import { takenOverSuspected } from './doctor.js';
import { Emitter } from './emitter.js';
import { endedError, MqttError } from './errors.js';
import { Handler, Inbox } from './inbox.js';
import { Machine } from './machine.js';
import { negotiatedOf } from './negotiated.js';
import { settingsOf } from './options.js';
import { Outbox, payloadOf } from './outbox.js';
import { ownBytes, ownOptions } from './outbox_records.js';
import { Guide, isProfile } from './profile.js';
import { PropertyTable } from './properties.js';
import { Renewal } from './renewal.js';
import { Requests } from './request.js';
import { Backoff } from './retry.js';
import { openSession, recorder, startJournal } from './session.js';
import { inTime, Settling } from './settle.js';
import { storeTimeout } from './store.js';
import { Subscription } from './subscription.js';
import { Subscriptions, UNASKED } from './subscriptions.js';
import { onWakeUp } from './wakeup.js';
import { loadError, loadTimeout, loadWasm } from './wasm.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./properties.js').Properties} Properties */

/** @typedef {import('./types.js').State} State */
/** @typedef {import('./types.js').Negotiated} Negotiated */
/** @typedef {import('./types.js').Stats} Stats */
/** @typedef {import('./types.js').ClientEvents} ClientEvents */
/** @typedef {import('./types.js').EndOptions} EndOptions */

/** Expect an answer to a probe within so many ms. */
const PROBE_TIMEOUT = 5000;
/** end() waits so many ms for each thing that may not come. */
const END_TIMEOUT = 10_000;
/** An answer to request() is awaited so many ms. */
const REQUEST_TIMEOUT = 10_000;

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
  #loading;
  /** The core is there, and what was stored is in it. @type {Settling<void>} */
  #started = new Settling('store');
  #lived;
  /** @type {Promise<void> | null} */
  #ending = null;
  /** Ends the wait before the next attempt. */
  #wake = () => {};
  /** The last attempt or connection ended because the module, or the store, does not answer. */
  #unanswered = false;
  /** @type {Negotiated | null} */
  #negotiated = null;
  #connections = 0;
  #bytes = { in: 0, out: 0, frames: 0 };
  /** @type {Set<string>} */
  #oversized = new Set();
  #oversizeCount = 0;

  /**
   * @param {import('./options.js').Target} target
   * @param {import('./options.js').ClientOptions} options
   * @param {boolean} once the first round of attempts decides
   * @internal
   */
  constructor(target, options, once) {
    this.#settings = settingsOf(target, options);
    this.#once = once;
    this.#machine = new Machine((error) => this.#report(error), this.#settings.log, this.#settings.timerWorker);
    if (isProfile(target)) {
      const guide = (this.#machine.guide = new Guide(target, this.#machine, options));
      this.#settings.credentials = () => guide.credentials();
    }
    this.#inbox = new Inbox(this.#machine, this.#settings.unmatchedTimeout);
    this.#outbox = new Outbox(this.#machine, this.#settings.queue, this.#emitter);
    this.#subscriptions = new Subscriptions(this.#machine, () => this.#inbox.forgetRoutes());
    this.#inbox.subscriptions = this.#subscriptions;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {}); // who does not ask for it hears by the event 'error'
    this.#loading = this.#load();
    this.#started.promise.catch(() => {}); // the attempt that waits for it hears of it
    this.#start()
      .then(
        () => this.#started.resolve(),
        (error) => this.#started.reject(error),
      )
      .then(() => this.#answered());
    this.#lived = this.#live();
  }

  /** The core's module, and its limits as the service of a profile has them. */
  async #load() {
    const { wasm, core } = this.#settings;
    const module = await loadWasm(wasm);
    return { module, limits: (await this.#machine.guide?.start(core)) ?? core };
  }

  async #start() {
    const { store, sessionName, connectTimeout } = this.#settings;
    let opened;
    let core;
    try {
      const { module, limits } = await this.#loading;
      if (this.#started.done) return;
      opened = store && (await openSession(store, sessionName, limits));
      core = await Core.start(module, opened?.limits ?? limits);
      this.#machine.module = module;
    } catch (cause) {
      await opened?.session.close();
      throw cause instanceof MqttError ? cause : loadError(cause);
    }
    if (this.#started.done) {
      await opened?.session.close(); // nobody waited so long
      return;
    }
    const properties = (this.#properties = new PropertyTable());
    const parts = { inbox: this.#inbox, outbox: this.#outbox, subscriptions: this.#subscriptions, properties };
    this.#machine.core = core;
    this.#machine.journal = opened && startJournal(opened, this.#machine, connectTimeout, () => this.#answered());
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
    this.#machine.clock.open((throttled) => {
      core.throttled(throttled);
      this.#machine.kick();
    });
  }

  /**
   * Resolves when the core is there, with what is left of the timeout by then.
   * @param {import('./errors.js').Phase} phase of what waits for it
   * @param {import('./settle.js').WaitOptions} options
   */
  async #begun(phase, { signal, timeout }) {
    const since = performance.now();
    const begun = this.#started.promise.catch((error) => {
      throw error.code === 'connection-ended' ? endedError(phase) : error;
    });
    await new Settling(phase, { signal, timeout }, () => false).follow(begun);
    return timeout && timeout - (performance.now() - since);
  }

  #listenToRecords() {
    const { journal } = this.#machine;
    const records = /** @type {import('./outbox_records.js').OutboxRecords} */ (this.#outbox.records);
    /** @type {import('./journal.js').Journal} */ (journal).record = recorder(records, this.#inbox.exactly);
    // A listener of createClient() is there already; one of connect() can be when that resolved.
    const listening = this.#once ? this.ready : Promise.resolve();
    listening.then(
      () => setTimeout(() => records.tellOverdue()),
      () => {},
    );
  }

  /* ---------------------------------------------------------------------------------------------- its life */

  async #live() {
    const { clock } = this.#machine;
    const stopListening = onWakeUp(() => this.#probe());
    const { reconnect } = this.#settings;
    const backoff = reconnect && new Backoff(reconnect);
    for (let attempt = 1; !this.#ending; attempt++) {
      const { error, lifetime } = await this.#connectAndStay();
      if (this.#ending) break;
      if (error !== null) {
        this.#outbox.renewing = false;
        if (this.#dialer) this.#dialer.next = null; // it was meant for at once
      }
      const broken = this.#started.done && this.#machine.core === undefined; // the store, or the core, will not have us
      const first = this.#connections === 0 && this.#once;
      const asks = this.#settings.credentials !== undefined;
      if (!backoff || first || broken || (error !== null && backoff.hopeless(lifetime, error, asks))) {
        this.#emitter.emit('disconnect', { error, delay: null });
        this.#giveUp(error ?? endedError('connected'));
        break;
      }
      if (lifetime > 0) attempt = 1;
      const delay = error === null ? 0 : backoff.next(lifetime, error);
      if (error !== null && backoff.suspicious) this.#report(takenOverSuspected(error));
      this.#unanswered = error?.phase === 'load' || error?.phase === 'store';
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
      const { store, connectTimeout } = this.#settings;
      const { promise } = this.#started;
      const loaded = Promise.race([this.#loading.catch(() => {}), promise]);
      await inTime(loaded, connectTimeout, loadTimeout);
      await (store ? inTime(promise, connectTimeout, storeTimeout) : promise);
      await this.#machine.journal?.flush();
      if (this.#ending) throw endedError('open');
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

  /** The module has come, or the store has answered late: there is nothing to wait for, if that was the reason. */
  #answered() {
    if (this.#unanswered) this.#wake();
  }

  /**
   * CONNACK: everything that has to be done before the next event of the same input.
   * @param {import('./connection.js').Connection} connection
   * @param {import('../../wasm/core.js').CoreEvent} connack
   */
  #accepted(connection, connack) {
    const { core } = this.#machine;
    const sessionPresent = (connack.flags & WQ_EVF_SESSION) !== 0;
    const properties = this.#inbox.decodeProperties(connack.bytes, connack.props);
    const dialer = /** @type {Dialer} */ (this.#dialer);
    if (properties.assignedClientIdentifier) dialer.clientId = properties.assignedClientIdentifier;
    this.#machine.connection = connection;
    this.#machine.journal?.accepted();
    this.#connections++;
    this.#negotiated = negotiatedOf(core, connection, this.clientId);
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
    this.#close(error);
    void this.#machine.journal?.close(END_TIMEOUT);
    this.#ready.reject(error);
    this.#report(error);
  }

  /** @param {unknown} error what loops over messages throw; undefined: they just end */
  #close(error) {
    this.#started.reject(error ?? endedError('store'));
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
    if (this.#once && this.#connections === 0) return; // connect() rejects
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
  async #publishLater(topic, payload, options = {}) {
    const own = ownBytes(payloadOf(payload));
    const kept = ownOptions(options);
    const timeout = await this.#begun('publish', options);
    return this.#outbox.publish(topic, own, { ...kept, timeout });
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
      const granted = await this.#subscriptions.add(filter, options, () => void this.#leave(user, {}).catch(() => {}));
      user.qos = granted.reasonCode;
      user.properties = granted.properties;
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
   * @param {import('./subscriptions.js').UnsubscribeOptions} options
   */
  #leave(user, options) {
    let alone = this.#users.has(user);
    for (const other of this.#users) alone &&= other === user || other.filter !== user.filter;
    const left = alone ? this.#subscriptions.delete(user.filter, options) : Promise.resolve(UNASKED);
    this.#users.delete(user);
    return left;
  }

  /**
   * End every subscription of this client to a filter. Resolves when the server has confirmed, with what it said.
   * @param {string} filter as given to subscribe()
   * @param {import('./subscriptions.js').UnsubscribeOptions} [options]
   * @returns {Promise<import('./subscriptions.js').FilterResult>}
   */
  async unsubscribe(filter, options = {}) {
    const users = [...this.#users].filter((user) => user.filter === filter);
    const said = await Promise.all(users.map((user) => user.unsubscribe(options)));
    if (said.length > 0) return said[said.length - 1]; // the last one is who asks the server
    if (this.#inbox.closed || !this.#subscriptions.wants(filter)) return UNASKED;
    return this.#subscriptions.delete(filter, options);
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
    const timeout = await this.#begun('request', { timeout: REQUEST_TIMEOUT, ...options });
    if (this.#inbox.closed) throw endedError('request');
    const requester = {
      version: this.#negotiated?.version ?? 5,
      defaultTopic: this.#settings.responseTopic ?? `wasmqtt/${this.clientId.replace(/[+#/]/g, '-')}/answers`,
      subscribe: this.subscribe.bind(this),
      publish: this.publish.bind(this),
    };
    return this.#requests.ask(requester, topic, payload, { ...options, timeout });
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
   * Take back every message of that name which has not left; their promises reject with code 'removed'. With a store, a page
   * that dies in the next moment may not have stored that: then the next life sends them.
   * @param {string} key as given to publish()
   * @returns {number} how many
   */
  remove(key) {
    return this.#outbox.remove(key);
  }

  /**
   * Resolves when every message with QoS 1 and 2 that was given to publish() so far is in the store, and so will reach the
   * server even if the page dies now; rejects if one could not be stored, or with code 'no-store' without such a store.
   * @param {import('./settle.js').WaitOptions} [options] giving up changes nothing for the messages
   * @returns {Promise<void>}
   */
  async stored({ signal, timeout } = {}) {
    const left = this.#machine.core === undefined ? await this.#begun('store', { signal, timeout }) : timeout;
    return new Settling('store', { signal, timeout: left }).follow(this.#outbox.stored());
  }

  /** Messages that were published and are not settled, oldest first; after them QoS 0 that waits for a connection. */
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

  /** @returns {Stats} */
  get stats() {
    const core = /** @type {Core | undefined} */ (this.#machine.core);
    const count = (/** @type {number} */ field) => core?.stats(field) ?? 0;
    const { connection } = this.#machine;
    return {
      received: this.#inbox.received,
      published: this.#outbox.published,
      packetsIn: count(wq_stats_t_packets_in),
      packetsOut: count(wq_stats_t_packets_out),
      bytesIn: this.#bytes.in + (connection?.bytesIn ?? 0),
      bytesOut: this.#bytes.out + (connection?.bytesOut ?? 0),
      framesOut: this.#bytes.frames + (connection?.framesOut ?? 0),
      connections: this.#connections,
      unmatched: this.#inbox.unmatched.count,
      oversize: this.#oversizeCount,
      strayAcks: count(wq_stats_t_stray_acks),
      topicsDecoded: core?.topicsDecoded ?? 0,
      queued: count(wq_stats_t_queued) + this.#outbox.waiting,
      inflight: count(wq_stats_t_inflight),
      unacked: count(wq_stats_t_unacked),
      oldestUnacked: this.#inbox.oldestUnacked,
      bufferedBytes: connection?.bufferedBytes ?? 0,
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
   *
   * It takes `timeout` ms at most for the acknowledgements, 2 s for the WebSocket to send what waits and to close, and, with
   * a store, `timeout` ms for that to write and to close: what is late is given up or, the store, left to itself, which the
   * event 'error' tells ('store-timeout').
   * @param {EndOptions} [options]
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

  /** @param {EndOptions} options */
  async #end({ force = false, timeout = END_TIMEOUT, reasonCode = 0, properties }) {
    if (this.#state === 'ended') return;
    this.#inbox.closed = true;
    this.#outbox.closed = true;
    this.#renewal?.stop();
    this.#setState('ending');
    this.#wake();
    const { connection } = this.#machine;
    if (connection && !force) await inTime(this.#outbox.idle(), timeout, storeTimeout).catch(() => {});
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
    const patience = force ? 0 : timeout;
    // What was wanted while it was being opened is to be stored, too.
    if (this.#settings.store) {
      await inTime(this.#started.promise, patience, storeTimeout).catch(force ? () => {} : this.#machine.report);
    }
    const stored = this.#machine.journal?.close(patience);
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
