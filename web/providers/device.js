// A device's seat at a service, the same for all of them: see device_types.js.
import { Alibaba } from './dialects/alibaba.js';
import { AzureIotHub } from './dialects/azure_iot_hub.js';
import { Clearblade } from './dialects/clearblade.js';
import { isObject, report, run } from './dialects/common.js';
import { Cumulocity } from './dialects/cumulocity.js';
import { Free } from './dialects/free.js';
import { ProviderError } from './errors.js';
import { Link, seated } from './link.js';
import { register } from './register.js';

/** @typedef {import('./device_types.js').Command} Command */
/** @typedef {import('./device_types.js').CommandHandler} CommandHandler */
/** @typedef {import('./device_types.js').SendOptions} SendOptions */
/** @typedef {import('./dialects/common.js').Dialect} Dialect */
/** @typedef {import('./dialects/common.js').Request} Request */

/** @type {Record<string, new (link: Link, options: import('./dialects/common.js').DialectOptions) => Dialect>} */
const DIALECTS = {
  'azure-iot-hub': AzureIotHub,
  clearblade: Clearblade,
  alibaba: Alibaba,
  cumulocity: Cumulocity,
};

const NO_ROWS = "rows of SmartREST are Cumulocity's; publish by `client`.";
const SEVERITIES = ['critical', 'major', 'minor', 'warning'];
const decoder = new TextDecoder();

/** @param {unknown} good @param {string} wanted */
function need(good, wanted) {
  if (!good) throw new ProviderError('provider-argument', wanted);
}

/** Whether a result cannot be sent as it is: it is no JSON, or more than the service takes. @param {any} error */
const unfit = (error) =>
  error instanceof TypeError ||
  ['rule', 'provider-argument', 'provider-row', 'provider-too-long'].includes(error?.code);

/**
 * Connect as a device; register it first, where the profile's values are good for that only. Rejects as connect() does:
 * with one error that says what to try, or with code 'aborted' by its signal, and leaves nothing behind.
 * @param {import('./profiles.js').ServiceProfile} profile
 * @param {import('./device_types.js').DeviceOptions} [options]
 * @returns {Promise<Device>}
 */
export async function device(profile, options = {}) {
  const { registered, registerTimeout, document, about, ...clientOptions } = options;
  let own = await profile.held();
  const { provisioning, seat: asked } = await own.login();
  if (asked.device === '') {
    throw new ProviderError('provider-missing', 'Which device? Fill in its name; operator() is for watching others.', {
      field: 'device',
    });
  }
  if (provisioning) {
    const values = await register(profile, asked, clientOptions, registerTimeout);
    await registered?.(values);
    own = await profile.with(values).held();
  }
  const [providers, opened] = await Promise.all([own.providers(), own.open()]);
  return seated(own, clientOptions, async (client) => {
    const link = new Link(client, providers, opened.seat, opened);
    const dialect = new (DIALECTS[opened.seat.service] ?? Free)(link, { document, about, profile: own });
    await dialect.start?.();
    return new Device(client, link, dialect);
  });
}

/** Made by device(). */
export class Device {
  /** The MQTT client: its events, `negotiated`, and whatever else is to be sent. @type {import('../client/index.js').Client} */
  client;
  /** The id that the service knows it by. @type {string} */
  id;
  /**
   * What the service has: true, or a sentence why not and what to do instead.
   * @type {Record<'report' | 'getState' | 'desired' | 'commands' | 'jobs' | 'properties' | 'child', true | string>}
   */
  can;
  #link;
  #dialect;
  /** @type {Record<'commands' | 'jobs', Map<string, CommandHandler>>} */
  #handlers = { commands: new Map(), jobs: new Map() };
  /** @type {Partial<Record<'commands' | 'jobs', Promise<void>>>} */
  #begun = {};
  /** @type {Set<(error: ProviderError) => unknown>} */
  #complaints = new Set();
  #ended = new AbortController();

  /**
   * @param {import('../client/index.js').Client} client
   * @param {Link} link
   * @param {Dialect} dialect
   * @internal
   */
  constructor(client, link, dialect) {
    this.client = client;
    this.id = link.seat.device;
    this.#link = link;
    this.#dialect = dialect;
    link.complain = (error) => {
      if (this.#complaints.size === 0) report(error);
      for (const handler of this.#complaints) void run(() => handler(error));
    };
    const names = /** @type {const} */ (['report', 'getState', 'desired', 'commands', 'jobs', 'properties', 'child']);
    this.can = /** @type {Device['can']} */ (
      Object.fromEntries(names.map((name) => [name, dialect.none[name] ?? true]))
    );
  }

  /** @param {keyof Device['can']} what */
  #need(what) {
    const can = this.can[what];
    if (can !== true) this.#link.none(can);
  }

  /** @param {SendOptions} options */
  #check({ properties, child }) {
    if (properties !== undefined) this.#need('properties');
    if (child !== undefined) this.#need('child');
  }

  /**
   * Send measurements. Resolves when the service has them (with QoS 0: when they left).
   * @param {Record<string, any>} values by name; Cumulocity: numbers, or { value, unit }
   * @param {SendOptions} [options]
   */
  async sendTelemetry(values, options = {}) {
    this.#check(options);
    need(isObject(values), 'Measurements are an object: their values by their names.');
    await this.#dialect.telemetry(values, options);
  }

  /**
   * Something happened.
   * @param {string} name what kind of thing
   * @param {any} [data] an object
   * @param {SendOptions} [options]
   */
  async sendEvent(name, data = {}, options = {}) {
    this.#check(options);
    need(name && typeof name === 'string', 'An event has a name.');
    await this.#dialect.event(name, data, options);
  }

  /**
   * Something is wrong, or no longer is.
   * @param {string} type what kind of thing; one alarm of a type is active at a time
   * @param {import('./device_types.js').AlarmOptions} [options]
   */
  async sendAlarm(type, options = {}) {
    this.#check(options);
    const { severity = 'major', text = '', cleared = false } = options;
    need(type && typeof type === 'string', 'An alarm has a type, which is a text.');
    need(SEVERITIES.includes(severity), `The severity of an alarm is one of ${SEVERITIES.join(', ')}.`);
    if (this.#dialect.alarm) return void (await this.#dialect.alarm(type, options));
    await this.#dialect.event(type, { alarm: type, severity, text, cleared }, options);
  }

  /**
   * Tell the service what has changed of the device's state: null deletes a member. Resolves when it was taken, with the
   * version that it has now, if the service counts.
   * @param {import('./device_types.js').State} change
   * @returns {Promise<{ version: number | undefined }>}
   */
  async reportState(change) {
    this.#need('report');
    need(isObject(change), 'A change of the state is an object.');
    return /** @type {NonNullable<Dialect['report']>} */ (this.#dialect.report).call(this.#dialect, change);
  }

  /**
   * The state as the service has it.
   * @returns {Promise<import('./device_types.js').DeviceState>}
   */
  async getState() {
    this.#need('getState');
    return /** @type {NonNullable<Dialect['getState']>} */ (this.#dialect.getState).call(this.#dialect);
  }

  /**
   * Hear of the state that the device should take on: the whole at first, where the service keeps it, and what changes. After
   * a lost connection the whole comes again where something could have been missed. Resolves once subscribed and, where the
   * service keeps the state, once it has answered; rejects if it answers with an error (that there is no state yet is none).
   * A handler whose promise rejects is none.
   * @param {import('./device_types.js').DesiredHandler} handler
   * @returns {Promise<() => void>} takes the handler away
   */
  async onDesiredState(handler) {
    this.#need('desired');
    return /** @type {NonNullable<Dialect['desired']>} */ (this.#dialect.desired).call(this.#dialect, handler);
  }

  /**
   * Do a command, however the service calls it. One that nobody handles is answered with 404, so give all handlers before
   * awaiting the first. Resolves once subscribed; a handler whose promise rejects is none. Cumulocity is told the names, and
   * with '*' those of the form's field `operations` too: it offers no others for the device. A child may do others, so what
   * is offered for it is the caller's to tell: `sendRows('s/us/CHILD', [['114', 'c8y_Restart']])`.
   * @param {string} name '*': all that have no handler
   * @param {CommandHandler} handler
   * @returns {Promise<() => void>} takes the handler away
   */
  onCommand(name, handler) {
    return this.#on('commands', name, handler);
  }

  /**
   * Do a job, as onCommand(): jobs wait at the service, come one after the other, and come again after a restart until they
   * are answered. `command.progress()` tells how it goes.
   * @param {string} name the `operation` of the job's document; '*': all that have no handler
   * @param {CommandHandler} handler
   * @returns {Promise<() => void>} takes the handler away
   */
  onJob(name, handler) {
    return this.#on('jobs', name, handler);
  }

  /**
   * @param {'commands' | 'jobs'} kind
   * @param {string} name
   * @param {CommandHandler} handler
   */
  async #on(kind, name, handler) {
    this.#need(kind);
    need(typeof handler === 'function', 'A handler is a function.');
    const handlers = this.#handlers[kind];
    const off = () => void (handlers.get(name) === handler && handlers.delete(name));
    handlers.set(name, handler);
    this.#begun[kind] ??= this.#begin(kind).catch((error) => {
      delete this.#begun[kind];
      throw error;
    });
    try {
      await this.#begun[kind];
      await this.#dialect.named?.();
    } catch (error) {
      off();
      throw error;
    }
    return off;
  }

  /**
   * Hear what the service complains of later than its promise can tell (Cumulocity's s/e), what it sends that cannot be read,
   * and that it sends no more jobs or operations, since it refused to on a later connection. Without a handler it is reported as an error that nobody caught.
   * @param {(error: ProviderError) => unknown} handler
   * @returns {() => void} takes the handler away
   */
  onRefused(handler) {
    this.#complaints.add(handler);
    return () => void this.#complaints.delete(handler);
  }

  /**
   * Cumulocity: send rows of SmartREST, also those that no other method has. They are checked before anything is sent, as
   * many as fit go into one packet, and it rejects with what the service complains of meanwhile on s/e.
   * @param {string} topic 's/us': static templates; 's/us/CHILD': for a child; 't/us', 'q/us', 'c/us': processed as transient,
   *   quiescent or for CEP; 's/ut/XID': a template collection, in rows of 10 and 11; 's/uc/XID', 's/ud': rows of one
   * @param {import('./smartrest.js').Cell[][]} rows each begins with its template's id
   * @param {{ qos?: 0 | 1 }} [options] default 1
   */
  async sendRows(topic, rows, options = {}) {
    if (!this.#dialect.sendRows) return this.#link.none(NO_ROWS);
    await this.#dialect.sendRows(topic, rows, options);
  }

  /**
   * Cumulocity: hear rows of SmartREST, with their fields by name where the template is static. One that cannot be read is
   * told to onRefused(). Resolves once subscribed.
   * @param {string} topic 's/ds': operations and answers; 's/dt': what became of a template collection; 's/dc/XID', 's/dd':
   *   answers and operations of one
   * @param {(row: import('./smartrest.js').Row) => unknown} handler
   * @returns {Promise<() => void>} takes the handler away
   */
  async onRows(topic, handler) {
    if (!this.#dialect.onRows) return this.#link.none(NO_ROWS);
    return this.#dialect.onRows(topic, handler);
  }

  /** @param {'commands' | 'jobs'} kind */
  async #begin(kind) {
    const handlers = this.#handlers[kind];
    await this.#dialect[kind]?.(
      (request) => void this.#run(request, kind === 'jobs', handlers),
      () => [...handlers.keys()],
    );
  }

  /**
   * @param {Request} request
   * @param {boolean} job
   * @param {Map<string, CommandHandler>} handlers
   */
  async #run(request, job, handlers) {
    const { name, id = '', device: of = this.id, payload, properties = {}, progress = nothing } = request;
    const handler = handlers.get(name) ?? handlers.get('*');
    const text = () => decoder.decode(payload);
    /** @type {Command} */
    const command = {
      ...{ name, id, device: of, payload, properties, text, progress },
      kind: job ? 'job' : request.answer ? 'command' : 'message',
      json: () => (payload.length === 0 ? undefined : JSON.parse(text())),
      signal: request.signal ?? this.#ended.signal,
    };
    /** @type {import('./dialects/common.js').Answer} */
    let answer = { status: 404, error: `There is no command ${name}.`, unknown: true };
    if (handler) {
      try {
        answer = { status: 200, result: await handler(command) };
      } catch (/** @type {any} */ error) {
        const status =
          Number.isInteger(error?.status) && error.status >= 400 && error.status <= 999 ? error.status : 500;
        answer = { status, error: String(error?.message ?? error) };
        if (!request.answer) report(error);
      }
    }
    if (!request.answer || this.#ended.signal.aborted) return;
    try {
      await request.answer(answer);
    } catch (/** @type {any} */ error) {
      if (this.#ended.signal.aborted) return;
      report(error);
      // Who asked shall not wait in vain, nor an operation stay at work for ever.
      const why = `The answer could not be sent: ${error?.message ?? error}`;
      if (unfit(error)) await run(() => request.answer?.({ status: 500, error: why }));
    }
  }

  /**
   * The end of it: commands that are at work hear of it by their signal, then client.end().
   * @param {Parameters<import('../client/index.js').Client['end']>[0]} [options]
   */
  async end(options) {
    this.#ended.abort();
    this.#dialect.stop?.();
    await this.client.end(options);
  }

  /** @returns {Promise<void>} */
  [Symbol.asyncDispose]() {
    return this.end();
  }
}

const nothing = async () => {};
