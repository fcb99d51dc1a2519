// The one error that this library rejects with and reports.

/**
 * Where it happened: before anything was tried, loading the wasm module, in the store, opening the WebSocket, between
 * CONNECT and CONNACK, on the established connection, or in the operation of that name.
 * @typedef {'options' | 'load' | 'store' | 'open' | 'connack' | 'connected' | 'publish' | 'subscribe' | 'unsubscribe' |
 *   'request' | 'reauthenticate' | 'handler'} Phase
 */

/**
 * What went wrong, for programs (code, reasonCode, closeCode) and for people (message: what happened; hint: what to try).
 */
export class MqttError extends Error {
  /**
   * @param {Phase} phase
   * @param {string} code
   * @param {string} message
   * @param {{ hint?: string, reasonCode?: number, closeCode?: number, sent?: boolean, serverReference?: string,
   *   properties?: import('./properties.js').Properties, rule?: string,
   *   field?: string, cause?: unknown }} [more]
   */
  constructor(phase, code, message, more = {}) {
    const { hint = '', reasonCode, closeCode, sent, serverReference, properties = {}, rule, field, cause } = more;
    super(message, cause === undefined ? undefined : { cause });
    /** @type {Phase} */
    this.phase = phase;
    /**
     * A short name that stays:
     * - what was asked for cannot be: bad-option, bad-url, bad-property, arg, topic, filter, property; rule (a service's);
     *   too-large, full; server-limit (over what the server takes); version, needs-mqtt-5; state; crypto-unavailable (no
     *   secure context); names beginning with provider- (what was filled in for a service)
     * - no connection: wasm, wasm-timeout; open-failed, mixed-content, offline, refused-connection, unknown-host,
     *   subprotocol, http-status, tls, hung-up, timeout (the WebSocket did not open); credentials-failed,
     *   credentials-timeout; closed, unauthenticated, refused, connack-timeout (in place of a good
     *   CONNACK); auth-failed, auth-unsupported
     * - the connection is over: connection-lost, disconnected, session-taken-over, taken-over-suspected, redirect-refused,
     *   flooded, ping-timeout; malformed, protocol, packet-size, receive-max, topic-alias, topic-invalid (the server broke a
     *   rule)
     * - an operation: refused, timeout, aborted, not-connected, connection-ended, overtaken, busy, no-authentication,
     *   no-subscribers, queue-full, dropped, removed, expired, outcome-unknown, iterator-overflow
     * - the store: no-store, store-failed, store-full, store-in-use, store-newer, store-timeout, store-unavailable
     * @type {string}
     */
    this.code = code;
    /** MQTT reason code (return code in 3.x) that the server gave. @type {number | undefined} */
    this.reasonCode = reasonCode;
    /** Close code of the WebSocket. @type {number | undefined} */
    this.closeCode = closeCode;
    /** What to try; may be empty. */
    this.hint = hint;
    /** Of a publish that timed out or was aborted: whether the message had left already. @type {boolean | undefined} */
    this.sent = sent;
    /** Other servers that the server names (MQTT 5.0): text from the network. @type {string | undefined} */
    this.serverReference = serverReference;
    /**
     * MQTT 5.0: what the server's packet says beside its reason code, as reasonString and userProperties: text from the
     * network. Empty if the error is not by such a packet.
     * @type {import('./properties.js').Properties}
     */
    this.properties = properties;
    /** Of code 'rule': the name of the service's rule, as of ProfileFinding. @type {string | undefined} */
    this.rule = rule;
    /** Of a profile's login: the name of the form's field that it is about. @type {string | undefined} */
    this.field = field;
  }
}
MqttError.prototype.name = 'MqttError';

/**
 * The error for a negative number of the C core.
 * @param {import('../../wasm/core.js').Core} core
 * @param {Phase} phase
 * @param {number} number
 */
export function coreError(core, phase, number) {
  const code = core
    .errorName(number)
    .replace(/^WQ_E_/, '')
    .toLowerCase()
    .replaceAll('_', '-');
  return new MqttError(phase, code, core.errorText(number));
}

/**
 * Bits beyond those of a QoS would mean something else to the core.
 * @param {unknown} value
 * @param {string} name of the option
 */
export function checkLevel(value, name) {
  if (value === 0 || value === 1 || value === 2 || value == null) return;
  throw new MqttError('options', 'bad-option', `The option ${name} has a value that it cannot have.`, {
    hint: 'It is 0, 1 or 2.',
  });
}

/**
 * A string that can be sent as it is: half of a character would go as another one, U+FFFD. [M3:1.5.3-1] [M5:1.5.4-1]
 * @param {unknown} value
 * @returns {value is string}
 */
export function isText(value) {
  return typeof value === 'string' && /** @type {any} */ (value).isWellFormed?.() !== false;
}

/**
 * @param {unknown} topic
 * @returns {asserts topic is string}
 */
export function checkTopic(topic) {
  if (isText(topic)) return;
  throw new MqttError('options', 'bad-option', 'A topic name, or a topic filter, is a well-formed string.');
}

/** @param {Phase} phase */
export function endedError(phase) {
  return new MqttError(phase, 'connection-ended', 'The client was ended before this was done.');
}

/** @param {Phase} phase */
export function notConnectedError(phase) {
  return new MqttError(phase, 'not-connected', 'There is no connection to the server right now.', {
    hint: 'Wait for the "connect" event, publish with QoS 1 or 2, or set queue.qos0 so that such messages wait.',
  });
}
