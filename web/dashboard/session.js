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
import { withoutSecrets } from './model/profile.js';
import { CHANGED } from './paint.js';

/** @typedef {import('../client/index.js').Client} Client */
/** @typedef {import('../client/index.js').Message} Message */
/** @typedef {'idle' | 'connecting' | 'connected' | 'reconnecting'} Phase */
/** @typedef {{ message: string, hint: string, code: string, reasonCode: number | undefined }} Trouble an MqttError, as shown */
/** @typedef {{ filter: string, state: 'asked' | 'granted' | 'refused', detail: string, ours: boolean }} Subscription */

/** Reason code of an acknowledged publish that nobody has subscribed to. */
const NO_SUBSCRIBERS = 0x10;

/** For subscriptions: messages are taken once each by the event 'message', however many filters match. */
const takenElsewhere = () => {};

/** A new broker is a new world: nothing of the old one is kept. */
class World {
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
   */
  constructor(connect, painter, now = Date.now) {
    this.connect = connect;
    this.painter = painter;
    painter.painted = () => void this.fleet.takeDirty();
    this.now = now;
    /** @type {Client | null} */
    this.client = null;
    /** Counts connection attempts by the user, so that what belongs to an abandoned one is recognised. */
    this.generation = 0;
    /** @type {Phase} */
    this.phase = 'idle';
    /** @type {Trouble | null} why the last attempt or connection failed */
    this.trouble = null;
    /** @type {import('./model/profile.js').Profile | null} */
    this.profile = null;
    this.clientId = '';
    /** When the next attempt is made, ms; 0 when none is planned or it is not known. */
    this.retryAt = 0;
    /** @type {Subscription[]} */
    this.subscriptions = [];
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

  /** @returns {string} the broker's address, without anything secret */
  get broker() {
    return this.profile ? withoutSecrets(this.profile.url) : '';
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
    if (this.profile?.url !== profile.url) this.world = new World();
    this.profile = { ...profile, password: '' };
    this.clientId = profile.clientId || `dashboard-${randomHex(4)}`;
    this.trouble = null;
    this.setPhase('connecting');
    try {
      const client = await this.connect(profile.url, {
        clientId: this.clientId,
        keepalive: Number(profile.keepalive),
        clean: profile.clean,
        ...(profile.username === '' ? {} : { username: profile.username }),
        ...(profile.password === '' ? {} : { password: profile.password }),
        ...(profile.version === '' ? {} : { protocolVersion: Number(profile.version) }),
      });
      if (generation !== this.generation) {
        void client.end({ force: true });
        return false;
      }
      this.adopt(client, generation);
      return true;
    } catch (error) {
      if (generation !== this.generation) return false;
      this.trouble = troubleOf(error);
      this.setPhase('idle');
      return false;
    }
  }

  /** Ends the connection, or the attempt to make one. */
  close() {
    this.generation++;
    const client = this.client;
    this.client = null;
    this.retryAt = 0;
    this.setPhase('idle');
    // It says good-bye by itself; nobody waits for that.
    void client?.end();
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
    /** @param {() => void} act */
    const ifMine = (act) => {
      if (generation === this.generation) act();
    };
    this.client = client;
    client.on('message', (message) => ifMine(() => this.receive(message)));
    client.on('connect', () => ifMine(() => this.connected()));
    client.on('disconnect', ({ error, delay }) => ifMine(() => this.lost(error, delay)));
    client.on('reconnect', () => ifMine(() => this.trying()));
    client.on('error', (error) => {
      // Giving up is told by 'disconnect'; anything else is a fault of this page.
      if (client.state !== 'ended') console.error(error);
    });
    this.connected();
    this.subscriptions = [];
    void this.subscribe(DEVICE_FILTER, true);
    if (this.version === 5) void this.subscribe(`${replyTopic(this.clientId)}/#`, true);
  }

  connected() {
    const now = this.now();
    this.retryAt = 0;
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
   */
  async subscribe(filter, ours = false) {
    /** @type {Subscription} */
    const subscription = { filter, state: 'asked', detail: '', ours };
    this.subscriptions = [...this.subscriptions.filter((other) => other.filter !== filter), subscription];
    this.painter.touch(CHANGED.connection);
    try {
      const granted = await this.client?.subscribe(filter, { qos: 1 }, takenElsewhere);
      subscription.state = 'granted';
      subscription.detail = granted?.qos === undefined ? '' : `QoS ${granted.qos}`;
    } catch (error) {
      subscription.state = 'refused';
      const { message, hint } = troubleOf(error);
      subscription.detail = hint ? `${message} ${hint}` : message;
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
      const { message, hint } = troubleOf(error);
      this.commands.failed(command, this.now(), hint ? `${message} ${hint}` : message);
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
 * @param {unknown} error an MqttError, or anything else thrown
 * @returns {Trouble}
 */
function troubleOf(error) {
  const { message = '', hint = '', code = '', reasonCode } = /** @type {Partial<Trouble>} */ (error ?? {});
  return { message: String(message) || 'The connection was lost.', hint: String(hint), code: String(code), reasonCode };
}

/** @param {number} bytes */
function randomHex(bytes) {
  return hex(crypto.getRandomValues(new Uint8Array(bytes))).replaceAll(' ', '');
}
