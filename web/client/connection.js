// One network connection, from an opened WebSocket to its end: bytes to the core and back, and the rule for when output
// leaves. It begins in the state "CONNECT sent"; `accepted` and `ended` tell its fate.
//
// The flush rule: output that comes first after an idle task leaves in a microtask, so a lone message waits for nothing.
// What follows in the same task leaves together at its end, or as soon as 64 KiB wait: a WebSocket frame costs far more
// than what is in it. Only when that microtask has sent a burst, the next output has a microtask of its own: to be told of a
// task's end costs more than such frames. What handlers cause (acknowledgements, answers) leaves when their batch is done.
import {
  WQ_CONNACK,
  WQ_CONNECTING,
  WQ_DISCONNECT,
  WQ_EV_AUTH,
  WQ_EV_CONNACK,
  WQ_EV_DISCONNECT,
  WQ_EV_OVERSIZE,
  WQ_EV_RECEIVED,
  WQ_EV_SUBACK,
  WQ_EV_UNSUBACK,
  WQ_E_CONNACK_TIMEOUT,
  WQ_E_REFUSED,
  WQ_MQTT_3_1_1,
} from '../../build/gen/wasmqtt_layout.js';
import { Authenticator } from './auth.js';
import * as doctor from './doctor.js';
import { coreError, MqttError } from './errors.js';
import { PacketTap } from './packets.js';
import { Socket } from './socket.js';
import { Chunk } from '../../wasm/chunk.js';

/** Output that does not wait for the end of the task. */
const FLUSH_AT = 65536;
/** Bytes that are worth a WebSocket frame. */
const BURST = 8192;
/** Bytes in the socket's own buffer beyond which it is given no more: awaiting publish() is the back-pressure. */
const HIGH_WATER = 1 << 20;
/** A WebSocket does not say when its buffer empties: look every so many ms. */
const POLL = 5;
/** Bytes that wait to leave and do not become fewer for so many ms are not leaving. */
const STALL_TIMEOUT = 20_000;
/** Input that may wait while messages are not acknowledged; a server that sends on beyond it is cut off. */
const WAITING_MAX = 32 << 20;
/** Some servers, and some engines, do not answer a close. */
const CLOSE_TIMEOUT = 2000;
/** Reason codes of DISCONNECT. */
const UNSPECIFIED_ERROR = 0x80;
const PROTOCOL_ERROR = 0x82;

/**
 * @typedef {object} ConnectionHandlers
 * @property {(event: import('../../wasm/core.js').CoreEvent) => void} accepted CONNACK came, and said yes
 * @property {(error: MqttError | null) => void} ended called once; null: as we wished
 * @property {(topic: string, size: number) => void} oversize
 */

/** @typedef {import('../../wasm/core.js').Sink} Sink */

/** @implements {Sink} */
export class Connection {
  /** MQTT version in force. */
  version;
  url;
  /** What the version in force cannot carry, and was left out. @type {Set<string>} */
  warnings = new Set();
  /** It is over: see Sink. */
  stopped = false;
  #ended = false;
  /** The core is told, and may serve another connection. */
  #left = false;
  /** CONNACK came. */
  established = false;
  bytesIn = 0;
  bytesOut = 0;
  framesOut = 0;

  #machine;
  #parts;
  #handlers;
  #args;
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #openTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pollTimer;
  /** Socket messages that came while the core was busy, or waits for acknowledgements; the first from #waitingAt on. */
  #waiting = /** @type {Chunk[]} */ ([]);
  /** The one that is being fed, from #waitingAt on. @type {Chunk | null} */
  #current = null;
  #waitingAt = 0;
  #waitingBytes = 0;
  /** Events are being told, or the machine is pumped: input has to wait. */
  #busy = false;
  /** The rest of a large payload that must leave before anything else. */
  #payload = /** @type {Uint8Array | null} */ (null);
  #payloadAt = 0;
  /** Bytes that have left the socket, and when there were last more of them than before. */
  #sentBytes = 0;
  #sentAt = 0;
  /** What is to be done when all output has left. @type {(() => void) | null} */
  #afterwards = null;
  #channel = new MessageChannel();
  /** A microtask is to send what this one puts into the output, which began when so many bytes had left. */
  #soon = false;
  #burstFrom = 0;
  /** This task had its first output: what follows waits for its end. */
  #taskPending = false;
  #error = /** @type {MqttError | null} */ (null);
  #closing = false;
  #auth;
  #tap;
  /** When the attempt began, ms. */
  #began = performance.now();

  /**
   * @param {import('./machine.js').Machine} machine
   * @param {{ inbox: import('./inbox.js').Inbox, outbox: import('./outbox.js').Outbox,
   *   subscriptions: import('./subscriptions.js').Subscriptions,
   *   properties: import('./properties.js').PropertyTable }} parts
   * @param {{ url: string, protocols: string[], unopened?: string | undefined, webSocket: import('./socket.js').WebSocketFactory,
   *   authentication: import('./auth.js').Authentication | undefined,
   *   connect: import('../../wasm/core.js').ConnectArgs }} args
   * @param {ConnectionHandlers} handlers
   */
  constructor(machine, parts, args, handlers) {
    this.#machine = machine;
    this.#parts = parts;
    this.#handlers = handlers;
    this.#args = args;
    this.url = args.url;
    this.version = args.connect.version;
    this.#tap = machine.packets && new PacketTap(machine, this.version);
    const { timeout } = args.connect;
    machine.clock.ring = () => this.#pump();
    const auth = args.authentication
      ? new Authenticator(args.authentication, machine.module, timeout, {
          say: (properties, reason, phase) => this.#say(properties, reason, phase),
          failed: (error) => this.#refuse(error),
        })
      : null;
    this.#auth = auth;
    this.#channel.port1.onmessage = () => this.#taskEnded();
    unref(this.#channel.port1);
    let opened = false;
    this.#openTimer = setTimeout(
      () => this.#end(opened && auth ? auth.timeoutError() : doctor.openTimeout(args.url, timeout)),
      timeout,
    );
    this.#socket = new Socket(args.url, args.protocols, args.webSocket, {
      opened: () => {
        opened = true;
        if (auth) auth.begin();
        else this.#connect(undefined);
      },
      received: (data) => this.#received(new Chunk(data)),
      ended: (end) => this.#end(opened ? this.#why(end) : doctor.openError(args, end)),
    });
  }

  /** @param {import('./socket.js').SocketEnd} end */
  #why(end) {
    return this.established ? doctor.lost(end) : doctor.noConnack(this.url, end);
  }

  /** @param {Uint8Array | undefined} more properties, encoded */
  #connect(more) {
    clearTimeout(this.#openTimer);
    const { core, journal } = this.#machine;
    const { connect } = this.#args;
    const timeout = Math.max(1, Math.round(connect.timeout - (performance.now() - this.#began)));
    const properties = more ? Uint8Array.from([...(connect.properties ?? []), ...more]) : connect.properties;
    journal?.begin(
      () => this.#pump(),
      (error) => this.abandon(error),
    );
    const error = core.connect({ ...connect, properties, timeout }, this.#machine.now());
    if (error !== 0) this.#end(coreError(core, 'options', error));
    else this.#pump();
  }

  /** Note what this connection cannot carry, once. @param {string} what */
  warn(what) {
    if (this.warnings.has(what)) return;
    this.warnings.add(what);
    this.#machine.log('warn', `MQTT ${VERSION_NAMES[this.version]}: ${what}`);
  }

  /* ---------------------------------------------------------------------------------------------- input */

  /** @param {Chunk} chunk */
  #received(chunk) {
    if (this.stopped) return;
    const { length } = chunk.bytes;
    this.bytesIn += length;
    this.#tap?.received(chunk.bytes);
    if (this.#current === null) this.#current = chunk;
    else this.#waiting.push(chunk);
    this.#waitingBytes += length;
    if (!this.#busy) this.#pump();
    else if (this.#waitingBytes > WAITING_MAX) this.#flooded();
  }

  /** No room for more, which may pass: close, and try again. [M3:4.8.0-2] */
  #flooded() {
    this.#end(
      new MqttError('connected', 'flooded', 'The server goes on sending while messages wait for acknowledgement.', {
        hint: 'A handler, or a loop over messages, does not come to an end: see stats.oldestUnacked.',
      }),
    );
  }

  /** Feed what waits, and send what comes of it. True: more waits, and may be taken by now. @param {number} now */
  #feed(now) {
    const chunk = this.#current;
    if (chunk === null) {
      this.#send(false);
      return false;
    }
    const taken = this.#machine.core.receive(chunk, this.#waitingAt, now, this);
    if (taken < 0) {
      this.#failed(taken);
      return true;
    }
    this.#waitingAt += taken;
    this.#waitingBytes -= taken;
    if (this.#waitingAt === chunk.bytes.length) {
      this.#current = this.#waiting.length > 0 ? /** @type {Chunk} */ (this.#waiting.shift()) : null;
      this.#waitingAt = 0;
      return this.#current !== null;
    }
    if (this.#waitingBytes > WAITING_MAX) this.#flooded();
    return taken > 0;
  }

  /** The server broke the protocol, or fell silent: what the core still has to say goes first. @param {number} number */
  #failed(number) {
    const { core } = this.#machine;
    const error =
      number === WQ_E_CONNACK_TIMEOUT
        ? (this.#auth?.timeoutError() ?? doctor.connackTimeout(this.url, this.bytesOut, this.#args.connect.timeout))
        : coreError(core, this.established ? 'connected' : 'connack', number);
    this.#finally(
      () => this.#end(error),
      () => this.#end(error),
    );
  }

  /**
   * Send all there is, and be done.
   * @param {() => void} then
   * @param {() => void} late instead, if it takes too long
   */
  #finally(then, late) {
    clearTimeout(this.#openTimer);
    this.#openTimer = setTimeout(late, CLOSE_TIMEOUT);
    this.#afterwards = then;
    this.#send(true);
  }

  /**
   * Everything that is due: input that waits, output, what the core wants to do at this time. Runs by itself only: a call
   * from within (a handler) comes back at the end.
   */
  #pump() {
    if (this.#busy || this.stopped) return;
    this.#busy = true;
    const { core } = this.#machine;
    let now = 0;
    try {
      for (let more = true; more && !this.stopped;) {
        now = this.#machine.now(); // once: it costs more than all else that is done for a small message
        more = this.#feed(now);
        if (!this.stopped && core.deadline <= now) {
          if (this.#uploading(now)) core.alive(now);
          const error = core.tick(now, this);
          if (error < 0) this.#failed(error);
          else more ||= core.eventCount > 0 || (core.outputLength > 0 && !this.#stalled && this.#free > 0);
        }
      }
    } finally {
      this.#busy = false;
    }
    if (this.stopped) this.#finish();
    else this.#wait(now);
  }

  /** Set the timers for what comes next. @param {number} now */
  #wait(now) {
    const { deadline } = this.#machine.core;
    if (deadline > now) this.#machine.clock.arm(deadline, now);
    // What is due already waits for room, too.
    if (deadline <= now || (this.#waits && (this.#stalled || this.#parts.outbox.crowd))) {
      this.#pollTimer ??= setTimeout(this.#poll, POLL);
    }
  }

  /* ---------------------------------------------------------------------------------------------- output */

  /** Something waits for room in the socket. After most input nothing does, and the socket need not be asked. */
  get #waits() {
    const { outputLength, outputToken } = this.#machine.core;
    const { outbox, subscriptions } = this.#parts;
    return outputLength > 0 || outputToken !== 0 || this.#payload !== null || outbox.crowd || subscriptions.blocked;
  }

  get #stalled() {
    return this.#socket.bufferedAmount >= HIGH_WATER;
  }

  /**
   * Much waits to leave, and it is leaving: a PINGREQ and its answer would wait behind it, so silence proves nothing.
   * @param {number} now
   */
  #uploading(now) {
    const buffered = this.#socket.bufferedAmount;
    const left = this.bytesOut - buffered;
    if (left > this.#sentBytes) this.#sentAt = now;
    this.#sentBytes = left;
    return (buffered > FLUSH_AT || this.#payload !== null) && now - this.#sentAt < STALL_TIMEOUT;
  }

  /** Bytes that wait to leave. */
  get bufferedBytes() {
    const payload = this.#payload === null ? 0 : this.#payload.length - this.#payloadAt;
    return this.#socket.bufferedAmount + this.#machine.core.outputLength + payload;
  }

  /** More bytes wait than a publisher should add to. */
  get crowded() {
    return this.#machine.core.outputLength >= FLUSH_AT || this.#stalled;
  }

  /**
   * Send a message of the most frequent kind: not retained, without properties, at most 16 KiB. False: it was not taken, and
   * the core has to be asked about it alone.
   * @param {string} topic
   * @param {Uint8Array | string} payload
   * @param {number} flags see Core.gatherTracked()
   * @param {import('../../wasm/core.js').Tracked | null} tracked
   */
  say(topic, payload, flags, tracked) {
    const { core } = this.#machine;
    if (this.stopped) return false;
    if (core.gathered === 0) {
      if (this.#stalled) return false;
      core.beginGathering(FLUSH_AT, this.#machine.now());
    }
    const taken = tracked ? core.gatherTracked(topic, payload, flags, tracked) : core.gather(topic, payload);
    if (!taken) return false;
    this.#sendSoon();
    return true;
  }

  /** Something was put into the output. */
  kick() {
    if (this.#busy || this.stopped) return;
    if (this.#machine.core.outputLength >= FLUSH_AT) {
      this.#busy = true; // or what a socket's send() publishes would send this again
      try {
        this.#send(false);
      } finally {
        this.#busy = false;
      }
    }
    if (this.stopped) this.#finish();
    else this.#sendSoon();
  }

  /** What comes now comes in the same task as the input or output before it. */
  get inTask() {
    return this.#busy || this.#soon || this.#taskPending;
  }

  #sendSoon() {
    if (this.#soon || this.#taskPending || this.#busy) return;
    this.#soon = true;
    this.#burstFrom = this.bytesOut;
    queueMicrotask(this.#microtask);
  }

  /** Made once: where one is made, each call takes an object for what it needs, whether it comes to that or not. */
  #microtask = () => {
    this.#soon = false;
    this.#pump();
    if (this.stopped || this.bytesOut - this.#burstFrom >= BURST) return;
    this.#taskPending = true;
    /** @type {{ ref?: () => void }} */ (this.#channel.port1).ref?.();
    this.#channel.port2.postMessage(0);
  };
  #poll = () => {
    this.#pollTimer = undefined;
    this.#pump();
  };

  #taskEnded() {
    this.#taskPending = false;
    unref(this.#channel.port1);
    this.#pump();
  }

  /**
   * Hand the output to the socket.
   * @param {boolean} all even if much waits there
   */
  #send(all) {
    const { core, journal } = this.#machine;
    const { outbox, subscriptions } = this.#parts;
    journal?.take();
    for (;;) {
      if (!all && this.#afterwards === null && (!this.#waits || this.#stalled)) return;
      if (this.#payload !== null) {
        const part = this.#payload.subarray(this.#payloadAt, this.#payloadAt + FLUSH_AT);
        this.#payloadAt += part.length;
        if (this.#payloadAt === this.#payload.length) this.#payload = null;
        this.#write(part);
        continue;
      }
      const token = core.outputToken;
      if (token === 0 && core.outputLength === 0) {
        if (subscriptions.roomy()) continue;
        break;
      }
      const free = this.#free;
      const output = core.output();
      const bytes = output.length > free ? output.subarray(0, free) : output;
      const { length } = bytes; // asked now: if a socket's send() calls the client, memory may grow, and the view be none
      if (length < output.length && length === 0) return;
      if (token !== 0 && length === output.length) {
        this.#payload = outbox.payload(token);
        this.#payloadAt = 0;
      }
      if (length > 0) this.#write(bytes);
      core.outputSent(length);
      journal?.sent(length);
    }
    if (outbox.crowd) outbox.roomy();
    this.#afterwards?.();
    this.#afterwards = null;
  }

  /** Bytes of the output that need not wait for what is being stored. */
  get #free() {
    return this.#machine.journal?.free() ?? Infinity;
  }

  /** @param {Uint8Array} bytes */
  #write(bytes) {
    this.bytesOut += bytes.length;
    this.framesOut++;
    this.#tap?.sent(bytes);
    this.#socket.send(/** @type {Uint8Array<ArrayBuffer>} */ (bytes));
  }

  /* ---------------------------------------------------------------------------------------------- events of the core */

  /**
   * @param {number} id
   * @param {string} topic
   * @param {Chunk} chunk
   * @param {number} off
   * @param {number} length
   * @param {number} flags
   * @param {number} props
   * @param {number} handle
   */
  onPublish(id, topic, chunk, off, length, flags, props, handle) {
    if (!this.stopped) this.#parts.inbox.receive(id, topic, chunk, off, length, flags, props, handle);
  }

  /** @param {number} id */
  onTopic(id) {
    this.#parts.inbox.forgetTopic(id);
  }

  /**
   * @param {number} token
   * @param {number} result
   * @param {number} reason
   * @param {Uint8Array} bytes
   * @param {number} props
   */
  onSettled(token, result, reason, bytes, props) {
    this.#parts.outbox.settle(token, result, reason, bytes, props);
  }

  /** @param {import('../../wasm/core.js').CoreEvent} event */
  onEvent(event) {
    if (this.stopped) return;
    const { core } = this.#machine;
    const { outbox, properties, subscriptions } = this.#parts;
    switch (event.type) {
      case WQ_EV_CONNACK:
        this.#connack(event);
        break;
      case WQ_EV_SUBACK:
      case WQ_EV_UNSUBACK: {
        const codes = event.bytes.subarray(event.off, event.off + event.length);
        subscriptions.answered(event.aux, codes, properties.decode(event.bytes, event.props));
        break;
      }
      case WQ_EV_RECEIVED:
        outbox.taken(event.aux, event.reason, properties.decode(event.bytes, event.props));
        break;
      case WQ_EV_DISCONNECT: {
        const name = core.reasonName(WQ_DISCONNECT, this.version, event.reason);
        this.#end(doctor.disconnected(event.reason, name, properties.decode(event.bytes, event.props)));
        break;
      }
      case WQ_EV_AUTH:
        this.#authenticate(event.reason, properties.decode(event.bytes, event.props));
        break;
      case WQ_EV_OVERSIZE:
        this.#handlers.oversize(event.topic, event.length);
        break;
      default: // PINGRESP and stray acknowledgements are for statistics
    }
  }

  /** @param {import('../../wasm/core.js').CoreEvent} event */
  #connack(event) {
    const { core } = this.#machine;
    if (event.result === 0) {
      const { properties } = this.#parts;
      if (this.#auth && !this.#auth.satisfied(properties.decode(event.bytes, event.props))) return;
      if (core.status === WQ_CONNECTING) core.accept(this.#machine.now());
      this.established = true;
      this.#handlers.accepted(event);
      return;
    }
    const code = WQ_E_REFUSED - event.result;
    const properties = this.#parts.properties.decode(event.bytes, event.props);
    // A server that does not know 5.0 may answer in the form of 3.1.1.
    const version = code > 0 && code < 0x80 ? WQ_MQTT_3_1_1 : this.version;
    const name = core.reasonName(WQ_CONNACK, version, code);
    this.#end(this.established ? doctor.revoked(code, name) : doctor.refused(this.url, code, name, properties));
  }

  onBatch() {
    if (!this.stopped) this.#send(false);
  }

  /* ---------------------------------------------------------------------------------------------- authentication */

  /**
   * AUTH came.
   * @param {number} reason
   * @param {import('./properties.js').Properties} properties
   */
  #authenticate(reason, properties) {
    if (this.#auth === null) {
      this.#refuse(
        new MqttError(this.established ? 'connected' : 'connack', 'auth-unsupported', 'The server sent AUTH.', {
          hint: 'To answer it, give the option authentication in place of properties.authenticationMethod.',
        }),
      );
    } else if (reason === 0) this.#auth.satisfied(properties);
    else this.#auth.asked(properties);
  }

  /**
   * Our part of the dialogue, in CONNECT or in AUTH.
   * @param {import('./properties.js').Properties} properties
   * @param {number} reason 0: in CONNECT
   * @param {import('./errors.js').Phase} phase
   */
  #say(properties, reason, phase) {
    const { core } = this.#machine;
    const encoded = this.#parts.properties.encode(properties, reason === 0 ? 'connect' : 'auth', phase);
    if (reason === 0) {
      this.#connect(encoded);
      return;
    }
    this.#send(true); // so that there is room
    const error = core.auth(reason, encoded, this.#machine.now());
    if (error !== 0) throw coreError(core, phase, error);
    this.kick();
  }

  /** This server will not do. What waits is not for it, unless it was accepted before. @param {MqttError} error */
  #refuse(error) {
    const { core } = this.#machine;
    if (!this.established) while (core.outputToken || core.outputLength) core.outputSent(core.outputLength);
    const reason = error.code === 'protocol' ? PROTOCOL_ERROR : UNSPECIFIED_ERROR;
    core.disconnect(reason, undefined, this.#machine.now()); // possible after CONNACK only [M5:4.12.1-2]
    const end = () => this.#end(error);
    if (this.established) {
      this.#finally(end, end);
    } else {
      if (core.outputLength) this.#write(core.output()); // it waits for nothing that is being stored
      end();
    }
  }

  /**
   * Authenticate once more on the established connection.
   * @param {import('./settle.js').WaitOptions} options
   */
  reauthenticate(options) {
    if (this.#auth) return this.#auth.again(options);
    throw new MqttError('reauthenticate', 'no-authentication', 'The option authentication was not given.');
  }

  /* ---------------------------------------------------------------------------------------------- the end */

  /** Ask the server whether it is still there, and expect an answer within `timeout` ms. @param {number} timeout */
  probe(timeout) {
    if (this.stopped || !this.established) return;
    this.#machine.core.ping(timeout, this.#machine.now());
    this.kick();
  }

  /**
   * Say DISCONNECT, send all there is, close, and be done when the other side has closed too. [M3:3.14.4-1] [M5:3.14.4-2]
   * @param {number} reason
   * @param {Uint8Array | undefined} properties
   */
  close(reason, properties) {
    if (this.stopped || this.#closing) return;
    this.#closing = true;
    const { core } = this.#machine;
    const error = this.established ? core.disconnect(reason, properties, this.#machine.now()) : 0;
    if (error !== 0) this.#machine.log('warn', core.errorText(error));
    this.#finally(
      () => this.#socket.close(),
      () => this.#end(null),
    );
  }

  /**
   * The same, but what can be sent is sent before. Resolves when the core is free, without waiting for the other side.
   */
  async retire() {
    const { core, journal } = this.#machine;
    if (journal !== null && !this.stopped) {
      // Nothing new that has to be stored before more is sent: there might never be an end of it.
      core.hold(true);
      this.#parts.inbox.exactly.rest();
    }
    while (!this.stopped && !this.#closing) {
      this.#drain();
      if (core.outputLength === 0 && this.#free === Infinity) {
        this.close(0, undefined);
        this.#leave();
      } else {
        await journal?.flush().catch(() => {}); // it was reported
      }
    }
  }

  #drain() {
    const { core } = this.#machine;
    this.#busy = true;
    do this.#send(true);
    while (!this.stopped && core.tick(this.#machine.now(), this) >= 0 && core.outputLength > 0 && this.#free > 0);
    this.#busy = false;
    if (this.stopped) this.#finish();
  }

  /** Let go of it at once. @param {MqttError | null} error */
  abandon(error) {
    this.#end(error);
  }

  /**
   * It is over; what is being told is told to the end first.
   * @param {MqttError | null} error
   */
  #end(error) {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = this.#closing ? null : error;
    clearTimeout(this.#openTimer);
    this.#stop();
    // Not in the middle of the socket's constructor, where an engine may already fail.
    queueMicrotask(() => this.#socket.abandon());
    if (!this.#busy) this.#finish();
  }

  #stop() {
    this.stopped = true;
    this.#auth?.stop(this.#error);
    this.#machine.clock.stop();
    clearTimeout(this.#pollTimer);
    this.#channel.port1.close();
    this.#current = null;
    this.#waiting = [];
    this.#payload = null;
    this.#afterwards = null;
  }

  #leave() {
    if (this.#left) return;
    this.#left = true;
    this.#stop();
    this.#machine.core.lost(this.#machine.now(), this.#parts.outbox.settler);
  }

  #finish() {
    this.#leave();
    this.#handlers.ended(this.#error);
  }
}

/** @type {Record<number, string>} */
const VERSION_NAMES = { 3: '3.1', 4: '3.1.1', 5: '5.0' };

/** Let Node end while nothing is under way. @param {MessagePort} port */
function unref(port) {
  /** @type {{ unref?: () => void }} */ (port).unref?.();
}
