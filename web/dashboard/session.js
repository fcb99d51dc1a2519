/**
 * Joins the model to a client: what comes in goes to fleet, log and commands; what the user does goes out. Knows the
 * public API of the client only, and is given `connect`, so that a stand-in can take its place.
 */

import { Commands } from './model/commands.js';
import { Fleet } from './model/fleet.js';
import { MessageLog } from './model/log.js';
import { Rate } from './model/rate.js';
import { hex } from './model/text.js';
import { DEVICE_FILTER, commandTopic, replyTopic } from './model/topics.js';
import { serviceOf, withoutPasswords, withoutSecrets } from './model/profile.js';
import { Desk } from './model/desk.js';
import { changesOf, overridesOf, placeOfValues, titleOf } from './model/services.js';
import { DeviceSeat } from './device_seat.js';
import { OperatorSeat } from './operator_seat.js';
import { CHANGED } from './paint.js';
import { Services } from './services.js';
import { sentenceOf, troubleOf } from './trouble.js';

/** @typedef {import('../client/index.js').Client} Client */
/** @typedef {import('../client/index.js').Message} Message */
/** @typedef {'idle' | 'connecting' | 'connected' | 'reconnecting'} Phase */
/** @typedef {import('./trouble.js').Trouble} Trouble */
/** @typedef {{ filter: string, state: 'asked' | 'granted' | 'refused', detail: string, ours: boolean }} Subscription */

/** Reason code of an acknowledged publish that nobody has subscribed to. */
const NO_SUBSCRIBERS = 0x10;

/** For subscriptions: messages are taken once each by the event 'message', however many filters match. */
const takenElsewhere = () => {};

/** A new broker is a new world: nothing of the old one is kept. */
export class World {
  desk = new Desk();
  fleet = new Fleet();
  log = new MessageLog();
  commands = new Commands();
  received = new Rate();
  published = new Rate();
}

export class Session {
  /**
   * @param {(url: string, options: Record<string, any>) => Promise<Client>} connect
   * @param {import('./paint.js').Painter} painter
   * @param {() => number} [now] wall time, ms
   * @param {() => Promise<import('./services.js').Library>} [loadServices]
   */
  constructor(connect, painter, now = Date.now, loadServices = () => Promise.reject(new Error('There are none.'))) {
    this.connect = connect;
    this.services = new Services(loadServices, painter);
    this.painter = painter;
    painter.painted = () => void this.fleet.takeDirty();
    this.now = now;
    /** @type {Client | null} */
    this.client = null;
    /** Counts connection attempts by the user, so that what belongs to an abandoned one is recognised. */
    this.generation = 0;
    /** Gives up the attempt that is under way. */
    this.attempt = new AbortController();
    /** @type {Phase} */
    this.phase = 'idle';
    /** @type {Trouble | null} why the last attempt or connection failed */
    this.trouble = null;
    /** @type {import('./model/profile.js').Profile | null} */
    this.profile = null;
    this.clientId = '';
    /** What was signed in with ends soon, and there is nothing newer. */
    this.expiring = false;
    /** When the next attempt is made, ms; 0 when none is planned or it is not known. */
    this.retryAt = 0;
    /** @type {Subscription[]} */
    this.subscriptions = [];
    /** The seat at a service; null: a broker, by its address. @type {DeviceSeat | OperatorSeat | null} */
    this.seat = null;
    /** What the service gave a device that registered, secrets too: shown once, kept nowhere. @type {[string, string][]} */
    this.registered = [];
    /** What one broker told. */
    this.world = new World();
  }

  get fleet() {
    return this.world.fleet;
  }

  get log() {
    return this.world.log;
  }

  get commands() {
    return this.world.commands;
  }

  get received() {
    return this.world.received;
  }

  get published() {
    return this.world.published;
  }

  /** @returns {DeviceSeat | null} */
  get device() {
    return this.seat instanceof DeviceSeat ? this.seat : null;
  }

  /** @returns {OperatorSeat | null} */
  get operator() {
    return this.seat instanceof OperatorSeat ? this.seat : null;
  }

  /** @returns {string} the broker's address, without anything secret, or what stands for it at a service */
  get broker() {
    if (!this.profile) return '';
    const place = serviceOf(this.profile) === '' ? this.profile.url : placeOfValues(this.profile.values);
    return place.includes('://') ? withoutSecrets(place) : place;
  }

  /** @returns {string} of the service; '': none was chosen */
  get title() {
    return this.profile?.service ? titleOf(this.profile.service) : '';
  }

  /** @returns {string[]} limits that the person changed, and what the service or the version in force does otherwise than asked */
  get warnings() {
    const { profile } = this;
    const limits = profile ? this.services.limitsOf(serviceOf(profile), profile.values) : [];
    return [...changesOf(profile?.overrides ?? {}, limits ?? []), ...(this.client?.negotiated?.warnings ?? [])];
  }

  /** @returns {number} 5, 4 (3.1.1) or 3 (3.1); 0 while not connected for the first time */
  get version() {
    return this.client?.negotiated?.version ?? 0;
  }

  /**
   * Connects; the outcome shows in `phase` and `trouble`.
   * @param {import('./model/profile.js').Profile} profile
   * @returns {Promise<boolean>} whether it is connected now
   */
  async open(profile) {
    this.close();
    const generation = ++this.generation;
    const ours = () => generation === this.generation;
    if (!this.profile || worldOf(this.profile) !== worldOf(profile)) this.world = new World();
    this.profile = withoutPasswords(profile);
    this.clientId = profile.clientId || `dashboard-${randomHex(4)}`;
    this.trouble = null;
    this.registered = [];
    this.setPhase('connecting');
    this.attempt = new AbortController();
    const { signal } = this.attempt;
    try {
      if (serviceOf(profile) === '') {
        const client = await this.connect(profile.url, {
          clientId: this.clientId,
          ...settingsOf(profile),
          ...(profile.username === '' ? {} : { username: profile.username }),
          ...(profile.password === '' ? {} : { password: profile.password }),
          signal,
        });
        if (ours()) this.adopt(client, generation);
        else void client.end({ force: true });
      } else {
        const seat = await this.take(profile, ours, signal);
        if (ours()) this.sit(seat, generation);
        else void seat.end();
      }
      return ours();
    } catch (error) {
      if (!ours()) return false;
      this.trouble = troubleOf(error);
      this.setPhase('idle');
      return false;
    }
  }

  /**
   * Takes a seat at a service.
   * @param {import('./model/profile.js').Profile} profile
   * @param {() => boolean} ours whether the user still wants it
   * @param {AbortSignal} signal
   */
  async take(profile, ours, signal) {
    const library = await this.services.want();
    const values = { ...profile.values, ...profile.secrets };
    const link = library.profile(serviceOf(profile), values, { overrides: overridesOf(profile.overrides) });
    const options = { ...settingsOf(profile), signal };
    const { painter, now } = this;
    if (profile.seat === 'operator') {
      return new OperatorSeat(await library.operator(link, options), this.world, painter, now);
    }
    const registered = (/** @type {import('../providers/index.js').Values} */ given) => {
      if (ours()) this.keepRegistered(given);
    };
    const device = await library.device(link, { ...options, registered });
    return new DeviceSeat(device, this.world.desk, painter, now);
  }

  /**
   * What registration gave: what is no secret goes into the form, all of it is shown.
   * @param {import('../providers/index.js').Values} values
   */
  keepRegistered(values) {
    const { profile } = this;
    if (!profile) return;
    const given = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value ?? '')]));
    const fields = this.services.find(serviceOf(profile))?.fields ?? [];
    const open = Object.entries(given).filter(([name]) => fields.some((field) => field.name === name && !field.secret));
    this.profile = { ...profile, values: { ...profile.values, ...Object.fromEntries(open) } };
    this.registered = Object.entries(given);
    this.painter.touch(CHANGED.connection);
  }

  /** The registration's values were noted down. */
  forgetRegistered() {
    this.registered = [];
    this.painter.touch(CHANGED.connection);
  }

  /** Ends the connection, or the attempt to make one. */
  close() {
    this.generation++;
    this.attempt.abort();
    const ending = this.seat ?? this.client;
    this.client = null;
    this.seat = null;
    this.retryAt = 0;
    this.setPhase('idle');
    // It says good-bye by itself; nobody waits for that.
    void ending?.end();
  }

  /** The person goes on to something else: what failed is not shown any longer. */
  forgive() {
    if (!this.trouble || this.phase !== 'idle') return;
    this.trouble = null;
    this.painter.touch(CHANGED.connection);
  }

  /** Tries again now instead of at the end of the back-off. */
  retry() {
    this.client?.reconnect();
  }

  /**
   * @param {Client} client
   * @param {number} generation
   */
  adopt(client, generation) {
    this.watch(client, generation);
    void this.subscribe(DEVICE_FILTER, true);
    if (this.version === 5) void this.subscribe(`${replyTopic(this.clientId)}/#`, true);
  }

  /**
   * @param {DeviceSeat | OperatorSeat} seat
   * @param {number} generation
   */
  sit(seat, generation) {
    const { client } = seat instanceof DeviceSeat ? seat.device : seat.operator;
    this.seat = seat;
    this.watch(client, generation);
    seat.start();
  }

  /**
   * @param {Client} client
   * @param {number} generation
   */
  watch(client, generation) {
    /** @param {() => void} act */
    const ifMine = (act) => {
      if (generation === this.generation) act();
    };
    this.client = client;
    client.on('message', (message) => ifMine(() => this.receive(message)));
    client.on('connect', () => ifMine(() => this.connected()));
    client.on('disconnect', ({ error, delay }) => ifMine(() => this.lost(error, delay)));
    client.on('reconnect', () => ifMine(() => this.trying()));
    client.on('error', (/** @type {any} */ error) => {
      // A pasted token: the same one is no renewal. It is tried again and again; saying so once is enough.
      if (error.code === 'credentials-failed')
        return ifMine(() => {
          this.expiring = true;
          this.painter.touch(CHANGED.connection);
        });
      // Giving up is told by 'disconnect'; anything else is a fault of this page.
      if (client.state !== 'ended') console.error(error);
    });
    this.connected();
    this.subscriptions = [];
  }

  connected() {
    const now = this.now();
    this.retryAt = 0;
    this.expiring = false;
    this.trouble = null;
    this.fleet.watchFrom(now);
    this.setPhase('connected');
    for (const command of this.commands.list) this.commands.sent(command, now);
    this.painter.touch(CHANGED.commands);
  }

  /**
   * @param {unknown} error
   * @param {number | null} delay ms until the next attempt; null: there will be none
   */
  lost(error, delay) {
    this.trouble = troubleOf(error);
    if (delay === null) {
      this.client = null;
      void this.seat?.end();
      this.seat = null;
      this.setPhase('idle');
      return;
    }
    this.retryAt = this.now() + delay;
    this.setPhase('reconnecting');
  }

  /** The next attempt begins. */
  trying() {
    this.retryAt = 0;
    this.setPhase('reconnecting');
  }

  /** @param {Phase} phase */
  setPhase(phase) {
    this.phase = phase;
    this.painter.touch(CHANGED.connection);
  }

  /** @param {Message} message */
  receive(message) {
    const now = this.now();
    // Each of these is worked out by the client when asked for: ask once.
    const { topic, payload, qos, retain, properties } = message;
    this.received.count(now, payload.length);
    this.log.add({ topic, payload, qos, retain, properties }, 'in', now);
    if (this.seat) {
      this.painter.touch(CHANGED.log);
      return;
    }
    let bits = CHANGED.log;
    if (this.fleet.apply(topic, payload, retain, now)) bits |= CHANGED.devices;
    // Our own commands come back to us too, since we watch the devices: an answer is what comes where answers belong.
    const correlation = topic.startsWith(`${replyTopic(this.clientId)}/`) ? properties.correlationData : undefined;
    if (correlation && this.commands.answered(hex(correlation), payload, now)) bits |= CHANGED.commands;
    this.painter.touch(bits);
  }

  /** A second went by. */
  tick() {
    const now = this.now();
    let bits = CHANGED.time;
    if (this.phase === 'connected') this.fleet.tick(now);
    if (this.fleet.dirty.size > 0) bits |= CHANGED.devices;
    if (this.commands.tick(now)) bits |= CHANGED.commands;
    this.painter.touch(bits);
  }

  /**
   * @param {string} filter
   * @param {boolean} [ours] asked for by the page itself, so not to be removed by the user
   * @param {0 | 1 | 2} [qos]
   */
  async subscribe(filter, ours = false, qos = 1) {
    /** @type {Subscription} */
    const subscription = { filter, state: 'asked', detail: '', ours };
    this.subscriptions = [...this.subscriptions.filter((other) => other.filter !== filter), subscription];
    this.painter.touch(CHANGED.connection);
    try {
      const granted = await this.client?.subscribe(filter, { qos }, takenElsewhere);
      subscription.state = 'granted';
      subscription.detail = granted?.qos === undefined ? '' : `QoS ${granted.qos}`;
    } catch (error) {
      subscription.state = 'refused';
      subscription.detail = sentenceOf(error);
    }
    this.painter.touch(CHANGED.connection);
  }

  /** @param {string} filter */
  async unsubscribe(filter) {
    this.subscriptions = this.subscriptions.filter((subscription) => subscription.filter !== filter);
    this.painter.touch(CHANGED.connection);
    await this.client?.unsubscribe(filter).catch(() => {});
  }

  /**
   * Sends a command to a device; its life shows in `commands`.
   * @param {string} device
   * @param {string} name
   * @param {string} payload JSON, or nothing
   * @param {number} timeout ms to wait for the answer
   */
  async command(device, name, payload, timeout) {
    if (this.operator) return this.operator.command(device, name, payload, timeout);
    const correlation = crypto.getRandomValues(new Uint8Array(16));
    const expectsAnswer = this.version === 5;
    const what = { device, name, payload, correlation: hex(correlation), expectsAnswer, timeout };
    const command = this.commands.create(what, this.now());
    const properties = { responseTopic: `${replyTopic(this.clientId)}/${device}`, correlationData: correlation };
    const sending = this.publish(commandTopic(device, name), payload, 1, false, expectsAnswer ? properties : {});
    if (this.phase === 'connected') this.commands.sent(command, this.now());
    this.painter.touch(CHANGED.commands);
    try {
      const { reasonCode } = await sending;
      const unheard =
        reasonCode === NO_SUBSCRIBERS ? 'The broker has it, but nobody is subscribed to the command’s topic.' : '';
      const blind = 'Before MQTT 5 there is no response topic: whether the device did it shows in its state only.';
      this.commands.acknowledged(command, this.now(), unheard || (expectsAnswer ? '' : blind));
    } catch (error) {
      this.commands.failed(command, this.now(), sentenceOf(error));
    }
    this.painter.touch(CHANGED.commands);
  }

  /**
   * @param {string} topic
   * @param {string} payload
   * @param {0 | 1 | 2} qos
   * @param {boolean} retain
   * @param {Record<string, any>} [properties]
   * @returns {Promise<import('../client/index.js').PublishResult>} rejects with an MqttError when it is refused or ended
   */
  async publish(topic, payload, qos, retain, properties = {}) {
    if (!this.client) throw new Error('Not connected.');
    const bytes = new TextEncoder().encode(payload);
    const now = this.now();
    this.published.count(now, bytes.length);
    this.log.add({ topic, payload: bytes, qos, retain, properties }, 'out', now);
    this.painter.touch(CHANGED.log);
    const sent = this.version === 5 ? { qos, retain, properties } : { qos, retain };
    return this.client.publish(topic, bytes, sent);
  }
}

/**
 * The client's options of a form; what is left to a service is not in them.
 * @param {import('./model/profile.js').Profile} profile
 */
function settingsOf(profile) {
  const { keepalive, clean, version } = profile;
  const plain = serviceOf(profile) === '';
  return {
    ...(keepalive === '' ? {} : { keepalive: Number(keepalive) }),
    ...(plain || !clean ? { clean } : {}),
    ...(version === '' ? {} : { protocolVersion: /** @type {3 | 4 | 5} */ (Number(version)) }),
  };
}

/**
 * Connections with the same one show the same devices.
 * @param {import('./model/profile.js').Profile} profile
 */
function worldOf(profile) {
  const service = serviceOf(profile);
  return service === '' ? profile.url : JSON.stringify([service, profile.seat, Object.entries(profile.values)]);
}

/** @param {number} bytes */
function randomHex(bytes) {
  return hex(crypto.getRandomValues(new Uint8Array(bytes))).replaceAll(' ', '');
}
