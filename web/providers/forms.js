// The services as C has them: their forms, and what is wrong with what a person filled in.
import {
  FAULT,
  FIELD,
  WQ_SERVICES,
  wq_seat_device,
  wq_seat_scope,
  wq_service_info_form,
  wq_service_info_name,
  wq_service_info_no_operator,
  wq_service_info_title,
  wq_service_info_versions,
} from '../../build/gen/providers_layout.js';
import { namesOf } from '../../wasm/providers.js';
import { ProviderError } from './errors.js';

/** @typedef {import('../../wasm/providers.js').ProviderInstance} ProviderInstance */

/**
 * What a field holds. 'id': a name that stands in topics and addresses; 'topic': the beginning of topics; 'host': a host
 * name, with :port if it is not 443; 'url': of a WebSocket; 'path': of a URL, with its leading slash; 'flag': '1' or '0';
 * 'key': a key or token; 'base64': a key in base64; 'private-key': PKCS#8, as PEM or its base64 alone, or a JSON Web Key.
 * @typedef {'text' | 'id' | 'topic' | 'host' | 'url' | 'path' | 'number' | 'choice' | 'flag' | 'password' | 'key' |
 *   'base64' | 'private-key'} FieldKind
 */

/**
 * @typedef {object} Choice
 * @property {string} value
 * @property {string} label for people
 */

/**
 * One field of a form.
 * @typedef {object} Field
 * @property {string} name the key in Values
 * @property {FieldKind} kind
 * @property {boolean} required
 * @property {string[]} when values of the field `auth` with which this one counts; otherwise it belongs not into the form,
 *   and what it holds is ignored. None: always
 * @property {string} initial what counts when nothing is filled in
 * @property {Choice[]} [choices] of kind 'choice'
 * @property {number} [min] of kind 'number'
 * @property {number} [max] of kind 'number'
 * @property {string} label
 * @property {string} help where the value is found; may be empty
 * @property {boolean} secret must not be shown, logged, or stored in clear
 */

/**
 * One service.
 * @typedef {object} Service
 * @property {string} name 'azure-iot-hub': it stays
 * @property {string} title 'Azure IoT Hub'
 * @property {(3 | 4 | 5)[]} versions of MQTT that it speaks, the newest first
 * @property {string | null} noOperator why one client cannot watch and command many devices, as a sentence; null: it can
 * @property {Field[]} fields
 */

/**
 * What a person filled in, by the names of fields. What is missing or empty has its initial value; space around a value is
 * passed over (but in passwords). Numbers and booleans are taken as text and as '1' or '0'.
 * @typedef {Record<string, string | number | boolean | undefined>} Values
 */

/**
 * What is wrong with a value.
 * @typedef {object} Fault
 * @property {string} code as of ProviderError
 * @property {string | undefined} field its name; undefined: it is about all
 * @property {string} message a sentence for the person at the form
 */

const KINDS = namesOf(FIELD);
const FAULTS = namesOf(FAULT);

/** Versions out of a set of bits, the newest first. @param {number} bits */
export function versionsOf(bits) {
  return /** @type {const} */ ([5, 4, 3]).filter((version) => (bits >> version) & 1);
}

/** Which of the values that have no room is to be told. @param {string[]} texts */
export const longest = (texts) => texts.reduce((most, { length }, i) => (length > texts[most].length ? i : most), 0);

export class Forms {
  #instance;
  /** @type {Service[]} */
  services;

  /** @param {ProviderInstance} instance */
  constructor(instance) {
    this.#instance = instance;
    this.services = Array.from({ length: WQ_SERVICES }, (_, index) => this.#service(index));
  }

  /** @param {number} index @returns {Service} */
  #service(index) {
    const instance = this.#instance;
    const at = instance.x.wq_wasm_service(index);
    const text = (/** @type {number} */ field) => instance.string(at, field);
    const rows = /** @type {string} */ (text(wq_service_info_form)).split('\n').slice(0, -1);
    return {
      name: text(wq_service_info_name) ?? '',
      title: text(wq_service_info_title) ?? '',
      versions: versionsOf(instance.number(at, wq_service_info_versions)),
      noOperator: text(wq_service_info_no_operator) ?? null,
      fields: rows.map((row) => this.#field(row.split('|'))),
    };
  }

  /** @param {string[]} columns see wq_service_info.form @returns {Field} */
  #field([kind, name, when, initial, label, help]) {
    const code = kind.charCodeAt(0);
    const kindName = /** @type {FieldKind} */ (KINDS.get(code));
    const words = initial.split(',');
    const choices = words.map((word) => {
      const [value, label] = word.split('=');
      return { value, label };
    });
    return {
      name,
      kind: kindName,
      required: kind.length > 1,
      when: when === '' ? [] : when.split(','),
      initial: choices[0].value,
      ...(kindName === 'choice' && { choices }),
      ...(kindName === 'number' && { min: Number(words[1]), max: Number(words[2]) }),
      label,
      help,
      secret: this.#instance.x.wq_wasm_field_secret(code) !== 0,
    };
  }

  /**
   * The service of that name, with its number.
   * @param {string} name
   */
  find(name) {
    const index = this.services.findIndex((service) => service.name === name);
    if (index < 0) throw new ProviderError('provider-service', `There is no service ${name}.`);
    return { index, service: this.services[index] };
  }

  /**
   * Values in the order of the fields, as C takes them.
   * @param {Service} service
   * @param {Values} values
   */
  texts(service, values) {
    const fields = new Set(service.fields.map(({ name }) => name));
    for (const name of Object.keys(values)) {
      if (fields.has(name)) continue;
      throw new ProviderError('provider-field', `${service.title} has no field ${name}: ${[...fields].join(', ')}.`);
    }
    return service.fields.map(({ name }) => {
      const value = values[name] ?? '';
      return typeof value === 'boolean' ? String(Number(value)) : String(value);
    });
  }

  /**
   * @param {number} fault enum wq_fault
   * @param {Service} service
   * @param {number} index of the field
   * @returns {Fault}
   */
  fault(fault, service, index) {
    const code = `provider-${FAULTS.get(fault)}`;
    const message = this.#instance.memory.string(this.#instance.x.wq_wasm_fault_text(fault));
    return { code, field: service.fields[index]?.name, message };
  }

  /**
   * The same as an error, which names the field.
   * @param {number} fault
   * @param {Service} service
   * @param {number} index
   */
  error(fault, service, index) {
    const { code, field, message } = this.fault(fault, service, index);
    const label = service.fields[index]?.label;
    return new ProviderError(code, label ? `${service.title}, ${label}: ${message}` : message, { field });
  }

  /**
   * What is wrong with the values; null: nothing.
   * @param {string} name of the service
   * @param {Values} values
   */
  check(name, values) {
    const { index, service } = this.find(name);
    const { scratch, x } = this.#instance;
    const texts = this.texts(service, values);
    if (!this.#instance.put(...texts)) return this.fault(FAULT['too-long'], service, longest(texts));
    const fault = x.wq_wasm_values_check(index, texts.length);
    scratch.wipe();
    return fault === 0 ? null : this.fault(fault, service, x.wq_wasm_fault_field());
  }

  /**
   * The seat that a login with these values has.
   * @param {string} name
   * @param {Values} values
   * @returns {import('./login.js').Seat}
   */
  seat(name, values) {
    const { index, service } = this.find(name);
    const instance = this.#instance;
    const texts = this.texts(service, values);
    if (!instance.put(...texts)) throw this.error(FAULT['too-long'], service, longest(texts));
    const at = instance.x.wq_wasm_seat(index, texts.length);
    const device = instance.text(at, wq_seat_device) ?? '';
    const scope = instance.text(at, wq_seat_scope) ?? '';
    instance.scratch.wipe();
    return { service: name, device, scope };
  }
}
