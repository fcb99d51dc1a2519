// SmartREST 2.0, the text format of Cumulocity: rows that are checked before they are sent, and rows that came, with their
// fields by name.
import {
  WQ_E_FULL,
  WQ_SMARTREST_PACKET_MAX,
  WQ_WASM_SCRATCH_SIZE,
  sizeof_wq_bytes,
  wq_smartrest_arg_name,
  wq_smartrest_arg_repeats,
  wq_smartrest_failure_cause,
  wq_smartrest_failure_code,
  wq_smartrest_failure_id,
  wq_smartrest_reader_column,
  wq_smartrest_reader_count,
  wq_smartrest_reader_line,
  wq_smartrest_template_name,
  wq_smartrest_topic_kind,
} from '../../build/gen/providers_layout.js';
import { ProviderError } from './errors.js';

/** @typedef {import('../../wasm/providers.js').ProviderInstance} ProviderInstance */

/**
 * A field of a row that is to be sent. One that is left empty is ''; undefined and null are none, nor are objects, NaN, and
 * texts with half of a character (a lone surrogate): code 'provider-argument'.
 * @typedef {string | number | boolean} Cell
 */

/**
 * A row that was read. args: by the names of its template; of arguments that come again and again, all. A row of a template
 * that is not known has its fields only.
 * @typedef {object} Row
 * @property {string} id of the template
 * @property {string} name of the template: 'c8y_Restart'; '' if it is not known
 * @property {string[]} fields all of them, the id first
 * @property {Record<string, string | string[]>} args
 * @property {undefined} [error]
 */

/**
 * A row that cannot be had.
 * @typedef {object} RowError
 * @property {string} error what is wrong with it
 * @property {number} line from 1
 * @property {number} column in bytes, from 1
 */

/** Made by Providers.smartrest(): a writer and a reader of one's own. */
export class SmartRest {
  #instance;
  #reader;

  /**
   * @param {ProviderInstance} instance
   * @internal
   */
  constructor(instance) {
    this.#instance = instance;
    this.#reader = instance.x.wq_wasm_smartrest_reader();
  }

  /** @param {boolean} fits @param {string} what */
  #fits(fits, what) {
    if (!fits) throw new ProviderError('provider-too-long', `${what} is too long.`);
  }

  /**
   * Rows as payloads for a topic, each as long as it may be, cut between rows only. Throws a ProviderError with code
   * 'provider-row' for a row that is wrong, 'provider-argument' for what is no cell: nothing is to be sent then.
   * @param {string} topic as 's/us'
   * @param {Cell[][]} rows each begins with its template's id
   * @param {number} [packetMax] bytes of a whole packet with QoS 1; default: what Cumulocity takes, and no more than that
   * @returns {string[]}
   */
  write(topic, rows, packetMax = WQ_SMARTREST_PACKET_MAX) {
    const instance = this.#instance;
    const { x } = instance;
    this.#fits(instance.put(topic), 'The topic');
    if (x.wq_wasm_smartrest_writer(packetMax) !== 0) {
      throw new ProviderError('provider-topic', 'SmartREST has no such topic that rows are published to.');
    }
    const payloads = [];
    for (const [index, row] of rows.entries()) {
      const cells = Array.from(row, (cell, at) => textOf(cell, index, at));
      for (let again = true; again;) {
        this.#fits(instance.put(...cells), `Row ${index + 1}`);
        const error = x.wq_wasm_smartrest_row(row.length);
        again = error === WQ_E_FULL && x.wq_wasm_smartrest_rows() > 0;
        if (again) {
          payloads.push(instance.result(x.wq_wasm_smartrest_rows()));
          x.wq_wasm_smartrest_clear();
        } else if (error !== 0) throw new ProviderError('provider-row', `Row ${index + 1}: ${this.#description()}`);
      }
    }
    const length = x.wq_wasm_smartrest_rows();
    return length > 0 ? [...payloads, instance.result(length)] : payloads;
  }

  #description() {
    const { memory, x } = this.#instance;
    const length = x.wq_wasm_smartrest_describe();
    const at = x.wq_wasm_scratch();
    return new TextDecoder().decode(memory.u8.subarray(at, at + length));
  }

  /**
   * Rows of a message that came. What is malformed costs its row and no other.
   * @param {string} topic as 's/ds'
   * @param {string | Uint8Array} payload
   * @returns {(Row | RowError)[]}
   */
  read(topic, payload) {
    const instance = this.#instance;
    const { scratch, x } = instance;
    const at = instance.put(topic) ? x.wq_wasm_smartrest_topic() : 0;
    const kind = at === 0 ? 0 : instance.number(at, wq_smartrest_topic_kind);
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
    /** @type {(Row | RowError)[]} */
    const rows = [];
    const size = WQ_WASM_SCRATCH_SIZE;
    for (let from = 0, last = false; !last; from += size) {
      last = from + size >= bytes.length;
      const part = bytes.subarray(from, from + size);
      scratch.properties(part);
      x.wq_wasm_smartrest_feed(part.length);
      for (let result; (result = x.wq_wasm_smartrest_read(Number(last))) !== 0;) {
        rows.push(result > 0 ? this.#row(kind) : this.#error(result));
      }
    }
    return rows;
  }

  /**
   * Note rows that are published, so that an error can be tied to one of them.
   * @param {string} payload
   * @param {number} token the caller's, to know it again
   */
  sent(payload, token) {
    const { scratch, x } = this.#instance;
    const bytes = new TextEncoder().encode(payload);
    scratch.properties(bytes);
    x.wq_wasm_smartrest_sent(bytes.length, token);
  }

  /**
   * A message of s/e: what it says, and which row it is about.
   * @param {Uint8Array} payload
   * @returns {{ code: number, id: string, cause: string, count: number, token: number, row: number }} count: of the rows
   *   that were noted, how many it could be; of the latest, token and place, from 1. What the server says is for people
   */
  failure(payload) {
    const instance = this.#instance;
    const { memory, scratch, x } = instance;
    const bytes = payload.subarray(0, WQ_WASM_SCRATCH_SIZE);
    scratch.properties(bytes);
    const at = x.wq_wasm_smartrest_failure(bytes.length);
    const text = (/** @type {number} */ field) => instance.text(at, field) ?? '';
    const said = {
      code: instance.number(at, wq_smartrest_failure_code),
      id: text(wq_smartrest_failure_id),
      cause: text(wq_smartrest_failure_cause),
    };
    const count = x.wq_wasm_smartrest_cause();
    const result = x.wq_wasm_result();
    const [token, row] = [memory.view.getUint32(result, true), memory.view.getUint32(result + 4, true)];
    return { ...said, count, token, row };
  }

  /** @param {number} result @returns {RowError} */
  #error(result) {
    const { memory, x } = this.#instance;
    const number = (/** @type {number} */ field) => this.#instance.number(this.#reader, field);
    const error = memory.string(x.wq_wasm_smartrest_error_text(result));
    return { error, line: number(wq_smartrest_reader_line), column: number(wq_smartrest_reader_column) };
  }

  /** @param {number} kind of the topic @returns {Row} */
  #row(kind) {
    const instance = this.#instance;
    const { x } = instance;
    const count = instance.number(this.#reader, wq_smartrest_reader_count);
    const at = x.wq_wasm_smartrest_fields();
    const fields = Array.from({ length: count }, (_, i) => instance.text(at + i * sizeof_wq_bytes) ?? '');
    /** @type {Record<string, string | string[]>} */
    const args = {};
    const template = x.wq_wasm_smartrest_find(kind);
    for (let i = 1, arg; template !== 0 && i < count && (arg = x.wq_wasm_smartrest_arg(i)) !== 0; i++) {
      const name = instance.text(arg, wq_smartrest_arg_name) ?? '';
      if (!instance.number(arg, wq_smartrest_arg_repeats)) args[name] = fields[i];
      else args[name] = [.../** @type {string[]} */ (args[name] ?? []), fields[i]];
    }
    const name = template === 0 ? '' : (instance.text(template, wq_smartrest_template_name) ?? '');
    return { id: fields[0], name, fields, args };
  }
}

/** @param {any} cell @param {number} row @param {number} at */
function textOf(cell, row, at) {
  const text = typeof cell === 'string' && /** @type {any} */ (cell).isWellFormed?.() !== false;
  if (text || typeof cell === 'boolean' || Number.isFinite(cell)) return String(cell);
  const what = "it is a well-formed text, a number, true or false; '' if it is to be empty";
  throw new ProviderError('provider-argument', `Row ${row + 1}, field ${at + 1}: ${what}.`);
}
