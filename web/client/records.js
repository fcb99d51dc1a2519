// The records of a session in its store:
//   meta         schema, and what the next life has to know
//   m:ORDER      a message that was published and is not settled; ORDER: 1, 2, ... as publish() was called
//   s:ORDER      it was sent: its packet id, and whether PUBREC came
//   i:PACKETID   an inbound message with QoS 2: handed to a handler (done: false), or acknowledged and not released
//   f:FILTER     a subscription that the server has granted; or (wanted: false) that is to end, until the server has confirmed
import { MqttError } from './errors.js';

/** @typedef {import('./store.js').StoreChange} StoreChange */
/** @typedef {Map<string, any>} Records */

/**
 * @typedef {object} Meta
 * @property {number} schema
 * @property {number} maxInflight the most that any life of this session had in flight
 * @property {boolean} begun a server may know this session: there may be state of it at either end
 */

/**
 * @typedef {object} MessageRecord
 * @property {string} topic
 * @property {string | Uint8Array} payload
 * @property {0 | 1 | 2} qos 1 or 2
 * @property {boolean} retain
 * @property {boolean} resend
 * @property {import('./properties.js').Properties | undefined} properties
 * @property {string | undefined} key
 * @property {number} at when publish() was called, ms since 1970
 */

/** @typedef {{ packetId: number, released: boolean }} SentRecord */

/** @typedef {import('./subscriptions.js').SubscribeOptions & { wanted?: boolean }} FilterRecord wanted: default true */

/**
 * @typedef {object} RestoredMessage
 * @property {number} order
 * @property {MessageRecord} message
 * @property {SentRecord | undefined} sent
 */

/**
 * @typedef {object} RestoredSession
 * @property {Meta} meta
 * @property {RestoredMessage[]} messages oldest first
 * @property {Map<number, boolean>} received by packet id: done
 * @property {Map<string, FilterRecord>} subscriptions by filter
 */

/** What brings records of schema 1, 2, ... to the next. @type {readonly ((records: Records) => Records)[]} */
const MIGRATIONS = [];

/**
 * Records in the form of the last schema, and what has to be written for that.
 * @param {Records} records as they were stored
 * @param {readonly ((records: Records) => Records)[]} [steps] each takes records and gives others; the meta record is not its
 *   business
 * @returns {{ records: Records, changes: StoreChange[] }}
 */
export function migrate(records, steps = MIGRATIONS) {
  const current = steps.length + 1;
  const meta = records.get('meta') ?? { schema: current, maxInflight: 0, begun: false };
  if (meta.schema > current) {
    throw new MqttError('store', 'store-newer', 'What is stored was written by a newer version of this app.', {
      hint: 'Reload the page to get that version.',
    });
  }
  let migrated = records;
  for (const step of steps.slice(meta.schema - 1)) migrated = step(migrated);
  migrated = new Map([...migrated, ['meta', meta.schema === current ? meta : { ...meta, schema: current }]]);
  const gone = [...records.keys()].filter((key) => !migrated.has(key));
  const changed = [...migrated].filter(([key, value]) => records.get(key) !== value);
  return {
    records: migrated,
    changes: [...gone.map((key) => ({ key })), ...changed.map(([key, value]) => ({ key, value }))],
  };
}

/**
 * @param {Records} records of the last schema
 * @returns {RestoredSession}
 */
export function restored(records) {
  /** @type {RestoredSession} */
  const session = { meta: records.get('meta'), messages: [], received: new Map(), subscriptions: new Map() };
  for (const [key, value] of records) {
    const rest = key.slice(2);
    if (key.startsWith('m:')) {
      session.messages.push({ order: Number(rest), message: value, sent: records.get(`s:${rest}`) });
    } else if (key.startsWith('i:')) {
      session.received.set(Number(rest), value.done);
    } else if (key.startsWith('f:')) {
      session.subscriptions.set(rest, value);
    }
  }
  session.messages.sort((a, b) => a.order - b.order);
  return session;
}
