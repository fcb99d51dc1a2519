// Enhanced authentication of MQTT 5.0 [M5:4.12]: a dialogue between what the user gave as the option `authentication` and
// the server, in AUTH packets between CONNECT and CONNACK, and again on the established connection.
import { endedError, MqttError } from './errors.js';
import { Settling } from './settle.js';

/** @typedef {string | Uint8Array | undefined} AuthenticationData text is sent as UTF-8 */
/** @typedef {AuthenticationData | AuthenticationAnswer} AuthenticationReply */

/**
 * What one side says beside its data.
 * @typedef {object} AuthenticationInfo
 * @property {string} [reasonString]
 * @property {Record<string, string | string[]>} [userProperties]
 */

/**
 * @typedef {object} AuthenticationAnswer data, and what else the packet is to carry
 * @property {AuthenticationData} [data]
 * @property {AuthenticationInfo} [properties] of AUTH. To begin with, of CONNECT: userProperties only, beside those of the
 *   option properties
 */

/**
 * One dialogue, as authentication.start() made it. What it throws, or rejects with, ends the connection with code
 * 'auth-failed' and its message in the error's; the client stops then, as for wrong credentials.
 * @typedef {object} AuthenticationDialogue
 * @property {AuthenticationData} [data] Authentication Data to begin with
 * @property {AuthenticationInfo} [properties] what to begin with beside it: see AuthenticationAnswer
 * @property {(data: Uint8Array | undefined, info: AuthenticationInfo) =>
 *   AuthenticationReply | Promise<AuthenticationReply>} [continue] the server asks for more: what to answer. Without it, a
 *   server that asks ends the connection
 * @property {(data: Uint8Array | undefined, info: AuthenticationInfo) => void} [done] the server is satisfied: throws
 *   unless the server's last data is what it has to be. It must decide at once and not return a promise, since the
 *   connection counts from here on
 */

/**
 * Enhanced authentication: for a method with one step in each direction, `{ method: 'K', start: () => ({ data: token }) }`.
 * @typedef {object} Authentication
 * @property {string} method Authentication Method
 * @property {(circumstances: AuthenticationCircumstances) =>
 *   AuthenticationDialogue | Promise<AuthenticationDialogue>} start begins a dialogue: for each attempt to connect, when
 *   the WebSocket is open, and for each reauthenticate(). What it throws ends the attempt with code 'credentials-failed', as
 *   does what it gives if that cannot be sent
 */

/**
 * @typedef {object} AuthenticationCircumstances
 * @property {boolean} reauthentication on the established connection
 * @property {AbortSignal} signal aborted when this dialogue is over, however it ended: forget its secrets
 * @property {WebAssembly.Module} module the client's core, which has what scramSha256() needs
 */

/**
 * @typedef {object} AuthHandlers
 * @property {(properties: import('./properties.js').Properties, reason: number,
 *   phase: import('./errors.js').Phase) => void} say for CONNECT (reason 0) or AUTH; throws what keeps it from that
 * @property {(error: MqttError) => void} failed the connection has to end
 */

/** Reason codes of AUTH. [M5:4.12.0-3] */
const CONTINUE = 0x18;
const AGAIN = 0x19;

/** The authentication of one connection. */
export class Authenticator {
  #authentication;
  #module;
  #timeout;
  #handlers;
  /** Of the dialogue under way. @type {AbortController | null} */
  #controller = null;
  /** @type {AuthenticationDialogue} */
  #dialogue = {};
  /** It is for us to go on. */
  #ourTurn = false;
  /** The server has heard nothing of the dialogue. */
  #unsaid = true;
  /** The re-authentication under way. @type {Settling<void> | null} */
  #settling = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Authentication} authentication
   * @param {WebAssembly.Module} module
   * @param {number} timeout ms
   * @param {AuthHandlers} handlers
   */
  constructor(authentication, module, timeout, handlers) {
    this.#authentication = authentication;
    this.#module = module;
    this.#timeout = timeout;
    this.#handlers = handlers;
  }

  get #phase() {
    return this.#settling ? 'reauthenticate' : 'connack';
  }

  /** The WebSocket is open. The time until CONNACK is the connection's to watch. */
  begin() {
    this.#controller = new AbortController();
    this.#unsaid = true;
    const { signal } = this.#controller;
    const reauthentication = this.#settling !== null;
    this.#answer(reauthentication ? AGAIN : 0, async () => {
      const dialogue = await this.#authentication.start({ reauthentication, signal, module: this.#module });
      if (!signal.aborted) this.#dialogue = dialogue; // another has begun otherwise
      return { data: dialogue.data, properties: dialogue.properties };
    });
  }

  /**
   * On the established connection.
   * @param {import('./settle.js').WaitOptions} options
   * @returns {Promise<void>}
   */
  again(options) {
    if (this.#controller) throw new MqttError('reauthenticate', 'busy', 'A re-authentication is under way already.');
    const { promise } = (this.#settling = new Settling('reauthenticate', options));
    this.#timer = setTimeout(() => this.#failed(this.timeoutError()), this.#timeout);
    this.begin();
    return promise;
  }

  /**
   * @param {number} reason
   * @param {() => AuthenticationReply | undefined | Promise<AuthenticationReply>} work
   */
  async #answer(reason, work) {
    const { signal } = /** @type {AbortController} */ (this.#controller);
    this.#ourTurn = true;
    try {
      const reply = await work();
      if (signal.aborted) return;
      this.#ourTurn = false;
      this.#unsaid = false;
      const { data, properties: info } = isAnswer(reply) ? reply : { data: reply, properties: undefined };
      const authenticationData = typeof data === 'string' ? new TextEncoder().encode(data) : data;
      // The method is that of CONNECT for as long as the connection lasts. [M5:4.12.0-5] [M5:4.12.1-1]
      const properties = { ...info, authenticationMethod: this.#authentication.method, authenticationData };
      this.#handlers.say(properties, reason, this.#phase);
    } catch (cause) {
      if (signal.aborted) return;
      this.#unsaid ||= reason === AGAIN;
      this.#failed(this.#error(cause, reason !== CONTINUE));
    }
  }

  /** AUTH: the server wants more. @param {import('./properties.js').Properties} properties */
  asked({ authenticationData, reasonString, userProperties }) {
    const dialogue = this.#dialogue;
    if (!this.#due()) return;
    if (dialogue.continue) {
      this.#answer(CONTINUE, () => dialogue.continue?.(authenticationData, { reasonString, userProperties }));
    } else {
      this.#failed(
        this.#error(new Error('the server asks for another step, and there is no continue() to answer it'), false),
      );
    }
  }

  /**
   * CONNACK or AUTH with reason 0: the server is satisfied. False: we are not.
   * @param {import('./properties.js').Properties} properties
   */
  satisfied({ authenticationData, reasonString, userProperties }) {
    if (!this.#due()) return false;
    try {
      /** @type {unknown} */
      const result = this.#dialogue.done?.(authenticationData, { reasonString, userProperties });
      if (result !== undefined) {
        Promise.resolve(result).catch(() => {});
        throw new Error('done() has to throw or to return nothing, and to do so at once');
      }
    } catch (cause) {
      this.#failed(this.#error(cause, false));
      return false;
    }
    this.#over(null);
    return true;
  }

  /** Is it the server's turn? */
  #due() {
    if (this.#controller && !this.#ourTurn) return true;
    this.#failed(new MqttError(this.#phase, 'protocol', 'The server sent AUTH or CONNACK when it was not its turn.'));
    return false;
  }

  /**
   * @param {unknown} cause
   * @param {boolean} beginning
   */
  #error(cause, beginning) {
    if (cause instanceof MqttError && cause.phase === 'options') return cause; // fatal
    const { method } = this.#authentication;
    const text = cause instanceof Error ? cause.message : String(cause);
    if (!beginning) {
      return new MqttError(this.#phase, 'auth-failed', `Authentication by ${method} failed: ${text}`, { cause });
    }
    const start = `authentication.start() of ${method}`;
    const what = this.#ourTurn ? `${start} failed` : `What ${start} gave cannot be sent`;
    return new MqttError(this.#phase, 'credentials-failed', `${what}: ${text}`, { cause });
  }

  timeoutError() {
    const who = this.#ourTurn ? 'the functions of the option authentication' : 'the server';
    const text = `Authentication was not done within ${this.#timeout} ms: ${who} did not come to an end.`;
    return new MqttError(this.#phase, 'timeout', text);
  }

  /** @param {MqttError} error */
  #failed(error) {
    if (this.#settling && this.#unsaid) this.#over(error);
    else this.#handlers.failed(error);
  }

  /** The connection is over. @param {MqttError | null} error */
  stop(error) {
    this.#over(error ?? endedError(this.#phase));
  }

  /** @param {MqttError | null} error */
  #over(error) {
    clearTimeout(this.#timer);
    const settling = this.#settling;
    const controller = this.#controller;
    this.#settling = this.#controller = null;
    this.#dialogue = {};
    controller?.abort();
    if (error) settling?.reject(error);
    else settling?.resolve();
  }
}

/**
 * @param {AuthenticationReply} reply
 * @returns {reply is AuthenticationAnswer}
 */
function isAnswer(reply) {
  return typeof reply === 'object' && reply !== null && ('data' in reply || 'properties' in reply);
}
