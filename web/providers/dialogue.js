// One dialogue of src/provider/dialogue.h: a machine that is told what was heard, and says what to do. Each has an instance of
// the module of its own.
import {
  DIALOGUE,
  DIALOGUE_FAULT,
  HEARD,
  JOB,
  STEP,
  TELL,
  WQ_E_ARG,
  sizeof_wq_bytes,
  sizeof_wq_dialogue_value,
  wq_dialogue_value_name,
  wq_dialogue_value_value,
  wq_step_desired,
  wq_step_detail,
  wq_step_details,
  wq_step_document,
  wq_step_fault,
  wq_step_filters,
  wq_step_filters_n,
  wq_step_head,
  wq_step_kind,
  wq_step_name,
  wq_step_qos,
  wq_step_reported,
  wq_step_request,
  wq_step_status,
  wq_step_tail,
  wq_step_tell,
  wq_step_text,
  wq_step_ticket,
  wq_step_topic,
  wq_step_until_ms,
  wq_step_values,
  wq_step_values_n,
  wq_step_version,
} from '../../build/gen/providers_layout.js';
import { namesOf } from '../../wasm/providers.js';
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
const NEVER = 2 ** 64; // UINT64_MAX, as near as a number gets
const STEPS = namesOf(STEP);
const TELLS = namesOf(TELL);
const FAULTS = namesOf(DIALOGUE_FAULT);

export class Dialogue {
  #instance;
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
    const { x } = instance;
    const fits = instance.put(device, scope, name);
    if (!fits || x.wq_wasm_dialogue_begin(service, DIALOGUE[kind], 0, seconds, now) !== 0) {
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
    const at = instance.x.wq_wasm_dialogue_step(HEARD[kind], code, request, this.#block.at, bytes.length, now);
    return this.#read(at);
  }

  /** @param {number} at @returns {Step} */
  #read(at) {
    const instance = this.#instance;
    const { memory, x } = instance;
    const number = (/** @type {number} */ field) => instance.number(at, field);
    const text = (/** @type {number} */ field) => instance.text(at, field) ?? '';
    const json = (/** @type {number} */ field) => parsed(instance.text(at, field));
    const kind = STEPS.get(number(wq_step_kind));
    const list = (/** @type {number} */ field, /** @type {number} */ size, /** @type {number} */ count) =>
      Array.from({ length: count }, (_, i) => at + (field >> 8) + i * size);
    switch (kind) {
      case 'wait': {
        const until = number(wq_step_until_ms);
        return { kind, until: until === NEVER ? Infinity : until };
      }
      case 'subscribe': {
        const filters = list(wq_step_filters, sizeof_wq_bytes, number(wq_step_filters_n));
        return { kind, filters: filters.map((one) => instance.text(one) ?? ''), qos: qosOf(number(wq_step_qos)) };
      }
      case 'publish': {
        const qos = qosOf(number(wq_step_qos));
        const [request, ticket, document] = [
          number(wq_step_request),
          number(wq_step_ticket),
          number(wq_step_document) !== 0,
        ];
        return {
          kind,
          topic: text(wq_step_topic),
          qos,
          request,
          ticket,
          document,
          head: text(wq_step_head),
          tail: text(wq_step_tail),
        };
      }
      case 'tell': {
        const tell = /** @type {TellStep['tell']} */ (TELLS.get(number(wq_step_tell)));
        const [status, ticket, version] = [number(wq_step_status), number(wq_step_ticket), number(wq_step_version)];
        const documents = {
          desired: json(wq_step_desired),
          reported: json(wq_step_reported),
          details: json(wq_step_details),
        };
        const words = { name: text(wq_step_name), detail: text(wq_step_detail) };
        return { kind, tell, status, ticket, version, ...documents, document: json(wq_step_text), ...words };
      }
      case 'done': {
        const values = list(wq_step_values, sizeof_wq_dialogue_value, number(wq_step_values_n));
        const pairs = values.map((one) =>
          [wq_dialogue_value_name, wq_dialogue_value_value].map((part) => instance.text(one, part)),
        );
        return { kind, values: Object.fromEntries(pairs) };
      }
      case 'failed': {
        const fault = (number(wq_step_fault) << 16) >> 16;
        const detail = text(wq_step_detail);
        const message = memory.string(x.wq_wasm_dialogue_fault_text(fault));
        const code = `dialogue-${FAULTS.get(fault)}`;
        return {
          kind,
          code,
          status: number(wq_step_status),
          message: detail ? `${message} It says: ${detail}` : message,
        };
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
    return this.#instance.x.wq_wasm_dialogue_job(JOB[status], Number(details));
  }

  /**
   * Operations: one came, and is begun. Its ticket; below 0: it cannot be.
   * @param {string} child '': the device itself
   * @param {string} fragment
   */
  operation(child, fragment) {
    return this.#instance.put(child, fragment) ? this.#instance.x.wq_wasm_dialogue_operation() : WQ_E_ARG;
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
