// One dialogue of src/provider/dialogue.h: a machine that is told what was heard, and says what to do. Each has an instance of
// the module of its own.
import { ProviderError } from './errors.js';

/** @typedef {import('../../wasm/providers.js').ProviderInstance} ProviderInstance */

/**
 * 'register': get credentials; 'state': keep it in step with the service's copy; 'jobs' of AWS; 'operations' of Cumulocity.
 * @typedef {'register' | 'state' | 'jobs' | 'operations'} DialogueKind
 */

/**
 * What happened. request: of the step that was published; codes: of SUBACK, in the order of the step's filters; code: of
 * CONNACK.
 * @typedef {object} Heard
 * @property {'nothing' | 'connected' | 'subscribed' | 'message' | 'published' | 'closed' | 'refused'} kind
 * @property {number} [code]
 * @property {number} [request]
 * @property {number[]} [codes]
 * @property {string} [topic]
 * @property {Uint8Array} [payload]
 */

/**
 * What to do.
 * @typedef {{ kind: 'wait', until: number } | { kind: 'connect' } | { kind: 'subscribe', filters: string[], qos: 0 | 1 } |
 *   PublishStep | TellStep | { kind: 'done', values: Record<string, string> } | FailedStep} Step
 *
 * @typedef {object} PublishStep
 * @property {'publish'} kind
 * @property {string} topic
 * @property {0 | 1} qos
 * @property {number} request
 * @property {string} head
 * @property {string} tail
 * @property {boolean} document the host's document goes between the two
 * @property {number} ticket whose document, of operations
 *
 * @typedef {object} TellStep see enum wq_tell
 * @property {'tell'} kind
 * @property {'state' | 'desired' | 'reported' | 'job' | 'job-gone' | 'job-updated' | 'operation'} tell
 * @property {number} status as in HTTP; 0: no answer came
 * @property {number} version
 * @property {number} ticket
 * @property {string} name
 * @property {any} desired
 * @property {any} reported
 * @property {any} details
 * @property {any} document of a job
 * @property {string} detail the service's words, if it does not work
 *
 * @typedef {object} FailedStep
 * @property {'failed'} kind
 * @property {string} code 'dialogue-unauthorized': see enum wq_dialogue_fault
 * @property {number} status
 * @property {string} message a sentence; with the service's words, if there are any
 */

const NOTHING = new Uint8Array(0);
const NEVER = 2n ** 64n - 1n;

export class Dialogue {
  #instance;
  #names;
  /** A block for payloads: its address and size. */
  #block = { at: 0, size: 0 };

  /**
   * @param {ProviderInstance} instance of its own
   * @param {number} service
   * @param {DialogueKind} kind
   * @param {{ device: string, scope: string }} seat
   * @param {{ name?: string, seconds?: number }} options name: of a state; seconds: of a registration, all in all
   * @param {number} now ms, of a clock that does not go back
   */
  constructor(instance, service, kind, { device, scope }, { name = '', seconds = 0 }, now) {
    this.#instance = instance;
    const { numbers, x } = instance;
    this.#names = {
      step: instance.names('step'),
      tell: instance.names('tell'),
      fault: instance.names('dialogue_fault'),
    };
    const number = numbers[`dialogue ${kind.toUpperCase()}`];
    const fits = instance.put(device, scope, name);
    if (!fits || x.wq_wasm_dialogue_begin(service, number, 0, seconds, now) !== 0) {
      throw new ProviderError(
        'provider-dialogue',
        'A name is missing, too long, or has a character that it cannot have.',
      );
    }
  }

  /**
   * @param {Heard} heard
   * @param {number} now ms
   * @returns {Step}
   */
  step({ kind, code = 0, request = 0, codes, topic = '', payload = NOTHING }, now) {
    const instance = this.#instance;
    const bytes = codes ? Uint8Array.from(codes) : payload;
    if (bytes.length > this.#block.size) {
      this.#block = { at: instance.memory.allocate(2 * bytes.length), size: 2 * bytes.length };
    }
    instance.memory.u8.set(bytes, this.#block.at);
    if (!instance.put(topic)) return { kind: 'wait', until: now };
    const number = instance.numbers[`heard ${kind.toUpperCase()}`];
    const at = instance.x.wq_wasm_dialogue_step(number, code, request, this.#block.at, bytes.length, now);
    return this.#read(at);
  }

  /** @param {number} at @returns {Step} */
  #read(at) {
    const instance = this.#instance;
    const { layout, memory, x } = instance;
    const number = (/** @type {string} */ name) => instance.number(at, `wq_step.${name}`);
    const big = (/** @type {string} */ name) =>
      memory.view.getBigUint64(at + layout.offset(`wq_step.${name}`, 8), true);
    const text = (/** @type {string} */ name) => instance.text(at, `wq_step.${name}`) ?? '';
    const json = (/** @type {string} */ name) => parsed(instance.text(at, `wq_step.${name}`));
    const kind = this.#names.step.get(number('kind'));
    const list = (/** @type {string} */ field, /** @type {number} */ size, /** @type {number} */ count) =>
      Array.from({ length: count }, (_, i) => at + layout.offset(`wq_step.${field}`) + i * size);
    switch (kind) {
      case 'wait': {
        const until = big('until_ms');
        return { kind, until: until === NEVER ? Infinity : Number(until) };
      }
      case 'subscribe': {
        const filters = list('filters', instance.numbers.wq_bytes, number('filters_n'));
        return { kind, filters: filters.map((one) => instance.text(one) ?? ''), qos: qosOf(number('qos')) };
      }
      case 'publish': {
        const qos = qosOf(number('qos'));
        const [request, ticket, document] = [number('request'), number('ticket'), number('document') !== 0];
        return { kind, topic: text('topic'), qos, request, ticket, document, head: text('head'), tail: text('tail') };
      }
      case 'tell': {
        const tell = /** @type {TellStep['tell']} */ (this.#names.tell.get(number('tell')));
        const [status, ticket, version] = [number('status'), number('ticket'), Number(big('version'))];
        const documents = { desired: json('desired'), reported: json('reported'), details: json('details') };
        const words = { name: text('name'), detail: text('detail') };
        return { kind, tell, status, ticket, version, ...documents, document: json('text'), ...words };
      }
      case 'done': {
        const values = list('values', instance.numbers.wq_dialogue_value, number('values_n'));
        const pairs = values.map((one) =>
          ['name', 'value'].map((part) => instance.text(one, `wq_dialogue_value.${part}`)),
        );
        return { kind, values: Object.fromEntries(pairs) };
      }
      case 'failed': {
        const fault = (number('fault') << 16) >> 16;
        const detail = text('detail');
        const message = memory.string(x.wq_wasm_dialogue_fault_text(fault));
        const code = `dialogue-${this.#names.fault.get(fault)}`;
        return { kind, code, status: number('status'), message: detail ? `${message} It says: ${detail}` : message };
      }
      default:
        return { kind: 'connect' };
    }
  }

  // What the app wants: the next step begins it. Below 0: not now, or not in this kind of dialogue.

  /** State: fetch the whole again. */
  get() {
    return this.#instance.x.wq_wasm_dialogue_get();
  }

  /** State: send the host's document. */
  report() {
    return this.#instance.x.wq_wasm_dialogue_report(0);
  }

  /**
   * Jobs: how it goes.
   * @param {'in-progress' | 'succeeded' | 'failed' | 'rejected'} status
   * @param {boolean} details the host's document goes with it
   */
  job(status, details) {
    const number = this.#instance.numbers[`job ${status.toUpperCase().replace('-', '_')}`];
    return this.#instance.x.wq_wasm_dialogue_job(number, Number(details));
  }

  /**
   * Operations: one came, and is begun. Its ticket; below 0: it cannot be.
   * @param {string} child '': the device itself
   * @param {string} fragment
   */
  operation(child, fragment) {
    const { numbers, x } = this.#instance;
    return this.#instance.put(child, fragment) ? x.wq_wasm_dialogue_operation() : numbers.WQ_E_ARG;
  }

  /**
   * Operations: it is over.
   * @param {number} ticket
   * @param {boolean} good
   * @param {boolean} document the host's document goes with it
   */
  finish(ticket, good, document) {
    return this.#instance.x.wq_wasm_dialogue_finish(ticket, Number(good), Number(document));
  }

  /** Nothing more: what was secret in it is gone. */
  wipe() {
    this.#instance.wipe();
  }
}

/** @param {number} qos @returns {0 | 1} */
function qosOf(qos) {
  return qos === 0 ? 0 : 1;
}

/** JSON that C has checked to be such. @param {string | undefined} text */
function parsed(text) {
  return text ? JSON.parse(text) : undefined;
}
