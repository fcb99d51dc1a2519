// Cumulocity's operations: rows that come, and answers whose order the dialogue in C sees to.
import { WQ_E_ARG } from '../../build/gen/providers_layout.js';
import { Conversation } from './conversation.js';
import { cellOf, resultOf } from './dialects/common.js';
import { failure, ProviderError } from './errors.js';

/** Asks what waits. */
const PENDING = '500';

/**
 * A row that came and cannot be read.
 * @param {import('./link.js').Link} link
 * @param {import('./smartrest.js').RowError} row
 */
export const malformed = (link, { line, column, error }) =>
  new ProviderError(
    'provider-row',
    `${link.title} sent a row that cannot be read, line ${line}, column ${column}: ${error}.`,
  );

/**
 * An operation that nobody does: it names no device, and could be for any child, or one that cannot be.
 * @param {import('./link.js').Link} link
 * @param {import('./smartrest.js').Row} row
 */
const nobody = (link, { id, name, args }) =>
  new ProviderError(
    'provider-row',
    `${link.title} sent an operation that names ${args.serial ? 'a device that cannot be' : 'no device'}: ${id}, ${name}.`,
  );

export class Operations {
  #link;
  /** @type {import('./smartrest.js').SmartRest | null} */
  #rows = null;
  /** @type {import('./dialects/common.js').Deliver} */
  #deliver = () => {};
  /** @type {import('./dialogue.js').Dialogue | null} */
  #dialogue = null;
  /** @type {Conversation | null} */
  #conversation = null;
  /** Answers that are not taken yet, by ticket. @type {Map<number, { text: string, taken: (status: number) => void }>} */
  #answers = new Map();
  /** Rows that came since it was asked what waits. @type {string[]} */
  #came = [];
  /** @type {(error: Error) => void} */
  #fail = () => {};
  /** @type {() => void} */
  #off = () => {};

  /** @param {import('./link.js').Link} link */
  constructor(link) {
    this.#link = link;
  }

  /**
   * @param {import('./dialects/common.js').Deliver} deliver
   * @param {import('./smartrest.js').SmartRest} rows
   */
  async begin(deliver, rows) {
    const link = this.#link;
    this.#deliver = deliver;
    this.#rows = rows;
    this.#dialogue = await link.dialogue('operations');
    const [topic] = link.topics.filters('command');
    this.#off = link.client.handle(topic, (message) => this.#read(topic, message.bytes()));
    /** @type {Promise<never>} */
    const failed = new Promise((_, reject) => (this.#fail = reject));
    failed.catch(() => {});
    let begun = false;
    this.#conversation = new Conversation(link.client, this.#dialogue, {
      tell: ({ ticket, status }) => this.#answers.get(ticket)?.taken(status),
      document: (ticket) => this.#answers.get(ticket)?.text ?? '',
      failed: (step) => {
        if (begun) link.complain(failure(`${link.title} sends no more commands`, step));
        else this.#fail(failure(link.title, step));
        this.#settle();
      },
    });
    try {
      await Promise.race([this.#conversation.ready, failed]);
      begun = true;
    } catch (error) {
      this.#off();
      throw error;
    }
  }

  /** @param {string} topic @param {Uint8Array} payload */
  #read(topic, payload) {
    const rows = /** @type {import('./smartrest.js').SmartRest} */ (this.#rows);
    // What comes while the question is under way may be in the answer once more: rows have no number to tell it by.
    const asking = this.#conversation?.asking === PENDING;
    const before = asking ? this.#came : [];
    this.#came = [];
    for (const row of rows.read(topic, payload)) {
      const text = row.error === undefined ? JSON.stringify(row.fields) : '';
      const at = before.indexOf(text);
      if (asking) this.#came.push(text);
      if (at >= 0) {
        before.splice(at, 1);
        continue;
      }
      if (row.error !== undefined) {
        this.#link.complain(malformed(this.#link, row));
      } else if (row.args.serial) this.#begun(row);
      else if (row.name.startsWith('c8y_')) this.#link.complain(nobody(this.#link, row));
    }
    this.#conversation?.poke();
  }

  /** @param {import('./smartrest.js').Row} row */
  #begun(row) {
    const { name, args } = row;
    const { serial, ...fields } = args;
    const device = String(serial);
    const ticket = this.#dialogue?.operation(device === this.#link.seat.device ? '' : device, name) ?? -1;
    if (ticket === WQ_E_ARG) this.#link.complain(nobody(this.#link, row));
    if (ticket < 0) return; // too many: the service keeps it, and tells it again
    this.#deliver({
      name,
      device,
      payload: new TextEncoder().encode(JSON.stringify(fields)),
      answer: ({ status, result, error }) => this.#answer(ticket, name, status < 400, error ?? resultOf(result)),
    });
  }

  /**
   * @param {number} ticket
   * @param {string} name
   * @param {boolean} good
   * @param {unknown} result
   */
  async #answer(ticket, name, good, result) {
    const values = Array.isArray(result) ? result : result === undefined ? [] : [result];
    const text = this.#fields(name, good, values.map(cellOf));
    const status = await new Promise((taken) => {
      this.#answers.set(ticket, { text, taken });
      this.#dialogue?.finish(ticket, good, text !== '');
      this.#conversation?.poke();
    });
    this.#answers.delete(ticket);
    if (status === 200) return;
    throw this.#link.refused(
      `the connection broke while ${name} was answered; if it still waits, it comes again`,
      status,
    );
  }

  /** Fields as a row has them. @param {string} name @param {boolean} good @param {import('./smartrest.js').Cell[]} fields */
  #fields(name, good, fields) {
    const topic = this.#link.topics.build('answer');
    const [row] = this.#rows?.write(topic, [[good ? '503' : '502', name, ...fields]]) ?? [];
    return row.slice('503,'.length + name.length + 1);
  }

  stop() {
    this.#off();
    this.#fail(new ProviderError('provider-ended', 'The device has ended.'));
    this.#conversation?.stop();
    this.#settle();
  }

  /** No answer will be taken any more. */
  #settle() {
    for (const { taken } of this.#answers.values()) taken(0);
  }
}
