// An operator's seat: watches devices and commands them, where the service lets one client do that. See device_types.js.
import { isObject, parsed, run } from './dialects/common.js';
import { ProviderError } from './errors.js';
import { Link, seated } from './link.js';

/** @typedef {import('./device_types.js').DeviceReport} DeviceReport */
/** @typedef {import('./device_types.js').CommandAnswer} CommandAnswer */
/** @typedef {import('../client/index.js').Message} Message */

/** Devices that are remembered. */
const DEVICES_MAX = 10_000;
const ANSWER_TIMEOUT = 10_000;

/**
 * Connect as an operator, and listen to all devices. Rejects as connect() does, and with code 'provider-no-such-thing' where
 * the service lets nobody see other devices.
 * @param {import('./profiles.js').ServiceProfile} profile whose value `device` is empty
 * @param {import('./device_types.js').SeatOptions} [options]
 * @returns {Promise<Operator>}
 */
export async function operator(profile, options = {}) {
  const own = await profile.held();
  const [providers, opened] = await Promise.all([own.providers(), own.open()]);
  const { noOperator, title } = providers.service(profile.service);
  if (noOperator) throw new ProviderError('provider-no-such-thing', `${title}: ${noOperator}`);
  if (opened.seat.device !== '') {
    throw new ProviderError('provider-operator', 'An operator is no device: leave the device empty.', {
      field: 'device',
    });
  }
  return seated(own, options, async (client) => {
    const made = new Operator(client, new Link(client, providers, opened.seat, opened));
    await made.begin();
    return made;
  });
}

/** Made by operator(). */
export class Operator {
  /** The MQTT client. @type {import('../client/index.js').Client} */
  client;
  #link;
  /** @type {Map<string, { id: string, seen: number }>} */
  #devices = new Map();
  /** @type {Record<'device' | 'telemetry' | 'event' | 'report', Set<(what: any) => unknown>>} */
  #handlers = { device: new Set(), telemetry: new Set(), event: new Set(), report: new Set() };
  /** Commands without an answer yet, by request. @type {Map<string, (message: Message) => void>} */
  #asked = new Map();
  #ended = new AbortController();

  /**
   * @param {import('../client/index.js').Client} client
   * @param {Link} link
   * @internal
   */
  constructor(client, link) {
    this.client = client;
    this.#link = link;
  }

  /** @internal */
  async begin() {
    const link = this.#link;
    /** @type {import('./topics.js').TopicKind[]} */
    const kinds = ['telemetry', 'event', 'answer'];
    if (link.topics.filters('report').length > 0) kinds.push('report');
    await link.subscribe(kinds, ({ kind, device, name, request }, message) => {
      this.#seen(device);
      if (kind === 'answer') return this.#answered(request, message);
      /** @type {DeviceReport} */
      const report = { device, name, json: parsed(message), message };
      this.#tell(/** @type {'telemetry' | 'event' | 'report'} */ (kind), report);
    });
  }

  /** @param {string} id */
  #seen(id) {
    const known = this.#devices.get(id);
    if (known) known.seen = Date.now();
    else if (this.#devices.size < DEVICES_MAX) {
      const made = { id, seen: Date.now() };
      this.#devices.set(id, made);
      this.#tell('device', { ...made });
    }
  }

  /** @param {'device' | 'telemetry' | 'event' | 'report'} kind @param {any} what */
  #tell(kind, what) {
    for (const handler of this.#handlers[kind]) void run(() => handler(what));
  }

  /**
   * @param {'device' | 'telemetry' | 'event' | 'report'} kind
   * @param {(what: any) => unknown} handler
   */
  #on(kind, handler) {
    this.#handlers[kind].add(handler);
    return () => void this.#handlers[kind].delete(handler);
  }

  /** Devices that were heard of, 10 000 at most. @returns {import('./device_types.js').SeenDevice[]} */
  devices() {
    return [...this.#devices.values()].map((device) => ({ ...device }));
  }

  /**
   * A device is heard of for the first time. As the other three, it returns what takes the handler away.
   * @param {(device: import('./device_types.js').SeenDevice) => unknown} handler
   */
  onDevice(handler) {
    return this.#on('device', handler);
  }

  /** @param {(report: DeviceReport) => unknown} handler */
  onTelemetry(handler) {
    return this.#on('telemetry', handler);
  }

  /** @param {(report: DeviceReport) => unknown} handler */
  onEvent(handler) {
    return this.#on('event', handler);
  }

  /** State that a device reports, in messages: not where the service keeps it (AWS). @param {(report: DeviceReport) => unknown} handler */
  onState(handler) {
    return this.#on('report', handler);
  }

  /**
   * Send a command and await its answer. Rejects with code 'provider-timeout' if none comes in time, with 'provider-command'
   * if the device says that it failed (`status` is the device's), and as publish() does.
   * @param {string} device its id
   * @param {string} name
   * @param {import('../client/index.js').Payload} [payload]
   * @param {import('./device_types.js').CommandOptions} [options]
   * @returns {Promise<CommandAnswer>}
   */
  async sendCommand(device, name, payload = '', { timeout = ANSWER_TIMEOUT, qos = 1 } = {}) {
    const link = this.#link;
    const random = crypto.getRandomValues(new Uint8Array(16)); // randomUUID() is for secure contexts only
    const request = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const five = link.properties;
    const topic = link.topics.build('command', { device, name, ...(!five && { request }) });
    // Both ways lead to the same place: the topic for answers that this seat has subscribed to.
    const properties = five && {
      responseTopic: link.topics.build('answer', { device, name, request }),
      correlationData: new TextEncoder().encode(request),
    };
    const { signal } = this.#ended;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let ended = () => {};
    try {
      const answer = new Promise((resolve, reject) => {
        this.#asked.set(request, resolve);
        const late = `There is no answer of ${device} within ${timeout} ms: is it connected?`;
        timer = setTimeout(() => reject(new ProviderError('provider-timeout', late)), timeout);
        ended = () => reject(new ProviderError('provider-ended', 'The operator has ended.'));
        signal.addEventListener('abort', ended);
      });
      answer.catch(() => {});
      await this.client.publish(topic, payload, { qos, ...(properties && { properties }) });
      return answerOf(await answer, device, name);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', ended);
      this.#asked.delete(request);
    }
  }

  /** @param {string} request @param {Message} message */
  #answered(request, message) {
    this.#asked.get(request)?.(message);
  }

  /**
   * Set a device's desired state: AWS, in its shadow, where null deletes a member; elsewhere all of it, retained if the service
   * does that.
   * @param {string} device its id
   * @param {import('./device_types.js').State} desired
   */
  async setDesired(device, desired) {
    const link = this.#link;
    if (!isObject(desired)) throw new ProviderError('provider-argument', 'A desired state is an object.');
    if (link.seat.service === 'aws') {
      await link.publish('report', { device }, JSON.stringify({ state: { desired } }));
    } else {
      await link.publish('desired', { device }, JSON.stringify(desired), { retain: link.retains });
    }
  }

  /** @param {Parameters<import('../client/index.js').Client['end']>[0]} [options] */
  async end(options) {
    this.#ended.abort();
    await this.client.end(options);
  }

  /** @returns {Promise<void>} */
  [Symbol.asyncDispose]() {
    return this.end();
  }
}

/**
 * What a device answered; JSON of another form than ours counts as the result.
 * @param {Message} message
 * @param {string} device
 * @param {string} name
 * @returns {CommandAnswer}
 */
function answerOf(message, device, name) {
  const body = parsed(message);
  if (!isObject(body) || typeof body.ok !== 'boolean') return { status: 200, result: body ?? message.text(), message };
  if (body.ok) return { status: 200, result: body.result, message };
  const status = Number.isInteger(body.status) ? body.status : 500;
  throw new ProviderError('provider-command', `${device} did not do ${name}: ${body.error ?? status}`, { status });
}
