// Subscriptions as intent: what the user wants to receive, whatever becomes of connections and sessions. Each filter is one
// entry, which this file brings into agreement with the server: SUBSCRIBE and UNSUBSCRIBE go out when there is a connection
// and room, and again when the server has lost the session.
import {
  WQ_E_FULL,
  WQ_E_STATE,
  WQ_SUBACK,
  WQ_UNSUBACK,
  wq_negotiated_t_identifiers_available,
} from '../../build/gen/wasmqtt_layout.js';
import { checkLevel, coreError, endedError, MqttError } from './errors.js';
import { FilterTree } from './filters.js';
import { identifierOf } from './identifiers.js';
import { Settling } from './settle.js';

/**
 * @typedef {object} SubscribeOwnOptions
 * @property {0 | 1 | 2} [qos] the best quality of service that is wanted; default 0
 * @property {boolean} [noLocal] MQTT 5.0: not the messages that this client publishes
 * @property {boolean} [retainAsPublished] MQTT 5.0: message.retain as its publisher set it
 * @property {0 | 1 | 2} [retainHandling] MQTT 5.0: retained messages are sent always (0, default), only if the subscription
 *   is new (1), never (2)
 * @property {import('./properties.js').Properties} [properties] MQTT 5.0: userProperties; subscriptionIdentifier, by default
 *   one made of the filter, so that a message which the server sends once for each of several filters is given to the
 *   handler of its own filter only
 * @property {boolean} [manualAck] messages are acknowledged by message.ack() only; default: the client's option
 * @property {'returned' | 'resolved'} [ack] acknowledge when the handler returned, or when its promise settled; default:
 *   the client's option
 * @property {{ messages?: number, bytes?: number }} [highWaterMark] what an iterator keeps; default 1024 messages, 4 MiB
 * @property {'drop-oldest' | 'drop-newest' | 'error'} [overflow] what happens to QoS 0 messages beyond that; default
 *   'drop-oldest'. Others stay unacknowledged
 * @typedef {SubscribeOwnOptions & import('./settle.js').WaitOptions} SubscribeOptions
 */

/**
 * @typedef {object} UnsubscribeOwnOptions
 * @property {import('./properties.js').Properties} [properties] MQTT 5.0: userProperties. Left out in 3.x, if the server does
 *   not take as much, and if it hears of it in another life of this session only
 * @typedef {UnsubscribeOwnOptions & import('./settle.js').WaitOptions} UnsubscribeOptions
 */

/**
 * What the server said to a filter.
 * @typedef {object} FilterResult
 * @property {number} reasonCode of SUBACK the granted QoS; of UNSUBACK 0, or 0x11 if there was no such subscription. 0 if it
 *   had not to be asked
 * @property {import('./properties.js').Properties} properties as reasonString and userProperties; of the whole packet, which
 *   may have been about other filters too
 */

/**
 * @typedef {object} Entry one filter
 * @property {string} filter
 * @property {SubscribeOptions} options the last ones given
 * @property {import('./properties.js').Properties | undefined} farewell properties of its UNSUBSCRIBE
 * @property {boolean} wanted
 * @property {boolean} agreed the server has been told, and has agreed
 * @property {number} token of the request under way; 0: none
 * @property {Settling<FilterResult>[]} waiting for the next request to be answered
 * @property {Settling<FilterResult>[]} asked for the request under way to be answered
 */

/** @type {FilterResult} */
export const UNASKED = Object.freeze({ reasonCode: 0, properties: Object.freeze({}) });
/** Filters in one SUBSCRIBE, where no profile says that the service takes fewer. */
const BATCH = 8;

export class Subscriptions {
  #machine;
  #properties = /** @type {import('./properties.js').PropertyTable | null} */ (null);
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {FilterTree<string>} */
  #filters = new FilterTree();
  #changed;
  /** The filters by identifier; null: to be gathered anew. @type {Map<number, string[]> | null} */
  #identified = null;
  /** The server of this connection takes identifiers. */
  #identifies = false;
  /** @type {Map<number, Entry[]>} requests under way by token */
  #requests = new Map();
  /** A request found no room in the output. */
  #blocked = false;

  /**
   * @param {import('./machine.js').Machine} machine
   * @param {() => void} changed there are others, or with other identifiers
   */
  constructor(machine, changed) {
    this.#machine = machine;
    this.#changed = () => {
      this.#identified = null;
      changed();
    };
  }

  /**
   * The core is there.
   * @param {import('./properties.js').PropertyTable} properties
   * @param {ReadonlyMap<string, import('./records.js').FilterRecord>} records of an earlier life: what was granted is
   *   agreed if the session is there
   */
  start(properties, records) {
    this.#properties = properties;
    for (const entry of this.#entries.values()) if (!entry.wanted) this.#put(entry);
    for (const [filter, { wanted = true, ...options }] of records) {
      if (this.#entries.has(filter)) continue; // this life has decided already
      Object.assign(this.#entry(filter), { options, wanted, agreed: wanted });
    }
  }

  /** Somebody wants a filter, in this life or from an earlier one; before start(), maybe. @param {string} filter */
  wants(filter) {
    return this.#entries.get(filter)?.wanted ?? this.#properties === null;
  }

  /**
   * Want a filter. Resolves when the server has granted it.
   * @param {string} filter
   * @param {SubscribeOptions} options
   * @param {() => void} giveUp called before a rejection by time or signal
   */
  add(filter, options, giveUp) {
    checkLevel(options.qos, 'qos');
    checkLevel(options.retainHandling, 'retainHandling');
    this.#machine.guide?.subscribe(filter, options, this.#others(filter));
    const settling = new Settling('subscribe', options, () => void giveUp()); // throws for what is no signal
    const entry = this.#entry(filter);
    entry.options = options;
    this.#changed();
    return this.#wish(entry, true, settling);
  }

  /**
   * Want a filter no longer. Resolves when the server has confirmed, or has no session to confirm it for. Throws for
   * properties that cannot be, and nothing has changed then.
   * @param {string} filter
   * @param {UnsubscribeOptions} options
   */
  delete(filter, options) {
    this.#properties?.encode(options.properties, 'unsubscribe', 'unsubscribe');
    const settling = new Settling('unsubscribe', options);
    const entry = this.#entry(filter);
    entry.farewell = options.properties;
    return this.#wish(entry, false, settling);
  }

  /**
   * The filters that an identifier of the server means.
   * @param {number} identifier
   * @returns {readonly string[]}
   */
  filtersOf(identifier) {
    if (this.#identified === null) {
      this.#identified = new Map();
      for (const { filter, options } of this.#entries.values()) {
        const id = Number(options.properties?.subscriptionIdentifier ?? identifierOf(filter));
        this.#identified.set(id, [...(this.#identified.get(id) ?? []), filter]);
      }
    }
    return this.#identified.get(identifier) ?? [];
  }

  /** How many other filters are wanted. @param {string} filter */
  #others(filter) {
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.wanted && entry.filter !== filter) count++;
    return count;
  }

  /** More than one filter matches. @param {string} topic */
  overlap(topic) {
    return this.#filters.match(topic).length > 1;
  }

  /** @param {string} filter */
  #entry(filter) {
    let entry = this.#entries.get(filter);
    if (!entry) {
      entry = {
        filter,
        options: {},
        farewell: undefined,
        wanted: false,
        agreed: false,
        token: 0,
        waiting: [],
        asked: [],
      };
      this.#filters.add(filter, filter);
      this.#entries.set(filter, entry);
      this.#changed();
    }
    return entry;
  }

  /**
   * @param {Entry} entry
   * @param {boolean} wanted
   * @param {Settling<FilterResult>} settling
   */
  #wish(entry, wanted, settling) {
    if (entry.wanted !== wanted) this.#overtake(entry);
    entry.wanted = wanted;
    entry.agreed = false;
    entry.waiting.push(settling);
    if (!wanted) this.#put(entry); // the server may hear of it in the next life only
    this.pump();
    return settling.promise;
  }

  /** The opposite is wanted now: who waited for the other will not get it. @param {Entry} entry */
  #overtake(entry) {
    const { waiting } = entry;
    entry.waiting = [];
    for (const settling of waiting) {
      settling.reject(
        new MqttError(entry.wanted ? 'subscribe' : 'unsubscribe', 'overtaken', 'It was revoked meanwhile.'),
      );
    }
  }

  /* ---------------------------------------------------------------------------------------------- requests */

  /** Ask for what is not agreed, as far as there is a connection and room. */
  pump() {
    if (this.#machine.connection === null) return;
    /** @type {Entry[]} */
    let batch = [];
    let unsubscribing = false;
    const most = Math.min(this.#machine.guide?.batch ?? BATCH, BATCH);
    for (const entry of [...this.#entries.values()]) {
      if (entry.agreed || entry.token !== 0) continue;
      const properties = entry.wanted ? entry.options.properties : entry.farewell;
      const alone = properties !== undefined || (entry.wanted && this.#identifies);
      if (batch.length > 0 && (batch.length >= most || alone || entry.wanted === unsubscribing)) {
        if (!this.#request(batch)) return;
        batch = [];
      }
      unsubscribing = !entry.wanted;
      batch.push(entry);
      if (alone) {
        if (!this.#request(batch)) return;
        batch = [];
      }
    }
    if (batch.length > 0) this.#request(batch);
  }

  /** Something had no room in the output. */
  get blocked() {
    return this.#blocked;
  }

  /** The output is empty: what had no room in it is asked for now. @returns {boolean} there is output again */
  roomy() {
    if (!this.#blocked) return false;
    this.#blocked = false;
    this.pump();
    return this.#machine.core.outputLength > 0;
  }

  /**
   * One SUBSCRIBE or UNSUBSCRIBE. False: there is no room for more now.
   * @param {Entry[]} batch
   * @returns {boolean}
   */
  #request(batch) {
    const { core } = this.#machine;
    let result;
    try {
      result = batch[0].wanted ? this.#subscribe(batch) : this.#unsubscribe(batch);
    } catch (error) {
      this.#refuse(batch[0], error);
      return true;
    }
    this.#blocked = result === WQ_E_FULL;
    if (this.#blocked || result === WQ_E_STATE) return false;
    if (result < 0 && batch.length > 1) return batch.every((entry) => this.#request([entry]));
    if (result < 0 && !batch[0].wanted && batch[0].farewell) {
      this.#machine.connection?.warn('properties of UNSUBSCRIBE that are too large for the server are left out');
      batch[0].farewell = undefined;
      return this.#request(batch);
    }
    if (result < 0) {
      this.#refuse(batch[0], coreError(core, batch[0].wanted ? 'subscribe' : 'unsubscribe', result));
      return true;
    }
    this.#requests.set(result, batch);
    for (const entry of batch) {
      entry.token = result;
      entry.asked = entry.waiting;
      entry.waiting = [];
      entry.agreed = true; // as far as was asked; a change of mind sets it back
    }
    this.#machine.kick();
    return true;
  }

  /** @param {Entry[]} batch */
  #subscribe(batch) {
    const { core, version, connection } = this.#machine;
    /** @type {import('../../wasm/core.js').FilterArgs[]} */
    let filters = batch.map(({ filter, options: { qos, noLocal, retainAsPublished, retainHandling } }) => ({
      filter,
      qos: qos ?? 0,
      noLocal,
      retainAsPublished,
      retainHandling,
    }));
    const given = batch[0].options.properties;
    const subscriptionIdentifier = this.#identifies ? identifierOf(batch[0].filter) : undefined;
    const all = this.#identifies ? { subscriptionIdentifier, ...given } : given;
    let properties = this.#properties?.encode(all, 'subscribe', 'subscribe');
    if (version < 5) {
      if (properties || filters.some((f) => f.noLocal || f.retainAsPublished || f.retainHandling)) {
        connection?.warn('options of subscriptions that are of MQTT 5.0 are left out');
      }
      filters = filters.map(({ filter, qos }) => ({ filter, qos }));
      properties = undefined;
    }
    return core.subscribe(filters, properties, this.#machine.now());
  }

  /** @param {Entry[]} batch */
  #unsubscribe(batch) {
    const { core, version, connection } = this.#machine;
    const filters = batch.map(({ filter }) => filter);
    let properties = this.#properties?.encode(batch[0].farewell, 'unsubscribe', 'unsubscribe');
    if (version < 5 && properties) {
      connection?.warn('properties of UNSUBSCRIBE are left out');
      properties = undefined;
    }
    return core.unsubscribe(filters, properties, this.#machine.now());
  }

  /**
   * The server, or our own core, will not have it: it is wanted no more.
   * @param {Entry} entry
   * @param {unknown} error
   */
  #refuse(entry, error) {
    const waiting = [...entry.asked, ...entry.waiting];
    this.#delete(entry);
    if (waiting.length === 0) this.#machine.report(error); // sent again after a reconnect
    for (const settling of waiting) settling.reject(error);
  }

  /**
   * SUBACK or UNSUBACK.
   * @param {number} token
   * @param {Uint8Array} codes a reason code for each filter; none in an UNSUBACK of 3.x
   * @param {import('./properties.js').Properties} properties
   */
  answered(token, codes, properties) {
    const batch = this.#requests.get(token);
    if (!batch) return;
    this.#requests.delete(token);
    batch.forEach((entry, i) => this.#agree(entry, { reasonCode: codes[i] ?? 0, properties }));
    this.pump();
  }

  /**
   * @param {Entry} entry
   * @param {FilterResult} answer
   */
  #agree(entry, answer) {
    entry.token = 0;
    const { asked } = entry;
    if (answer.reasonCode >= 0x80) {
      const error = this.#refusal(entry, answer);
      if (entry.agreed) {
        this.#refuse(entry, error);
        return;
      }
      // Something else is wanted meanwhile, and is asked for next.
      for (const settling of asked) settling.reject(error);
    }
    entry.asked = [];
    for (const settling of asked) settling.resolve(answer);
    if (!entry.agreed) return;
    if (entry.wanted) this.#put(entry);
    else this.#delete(entry);
  }

  /** @param {Entry} entry */
  #put(entry) {
    this.#machine.journal?.put(`f:${entry.filter}`, recordOf(entry));
  }

  /** A filter is wanted no more. @param {Entry} entry */
  #delete({ filter }) {
    this.#entries.delete(filter);
    this.#filters.delete(filter, filter);
    this.#changed();
    this.#machine.journal?.delete(`f:${filter}`);
  }

  /**
   * @param {Entry} entry
   * @param {FilterResult} answer
   */
  #refusal({ filter, wanted }, { reasonCode, properties }) {
    const { core, version } = this.#machine;
    const type = wanted ? WQ_SUBACK : WQ_UNSUBACK;
    const phase = wanted ? 'subscribe' : 'unsubscribe';
    const why = properties.reasonString ?? core.reasonName(type, version, reasonCode);
    return new MqttError(phase, 'refused', `The server refused to ${phase} ${JSON.stringify(filter)}: ${why}.`, {
      reasonCode,
      properties,
      hint: wanted ? 'Look whether this user may read the topic, and whether the server allows such filters.' : '',
    });
  }

  /* ---------------------------------------------------------------------------------------------- connections */

  /**
   * CONNACK came.
   * @param {boolean} sessionPresent the server knows what it was told before
   */
  connected(sessionPresent) {
    const { core, guide, version } = this.#machine;
    this.#identifies =
      version === 5 &&
      core.negotiated(wq_negotiated_t_identifiers_available) !== 0 &&
      (guide === null || guide.identifies);
    for (const entry of [...this.#entries.values()]) {
      if (entry.wanted) {
        entry.agreed &&= sessionPresent;
        if (!entry.agreed) this.#judge(entry);
      } else if (!sessionPresent) {
        this.#delete(entry);
        for (const settling of entry.waiting) settling.resolve(UNASKED);
      }
    }
    this.pump();
  }

  /** What was wanted before the service's rules were known, or in an earlier life, they may refuse. @param {Entry} entry */
  #judge(entry) {
    const { filter, options } = entry;
    try {
      this.#machine.guide?.subscribe(filter, options, this.#others(filter));
    } catch (error) {
      this.#refuse(entry, error);
    }
  }

  /** The connection is gone, and requests under way with it. */
  lost() {
    for (const batch of this.#requests.values()) {
      for (const entry of batch) {
        entry.token = 0;
        entry.agreed = false;
        entry.waiting = [...entry.asked, ...entry.waiting];
        entry.asked = [];
      }
    }
    this.#requests.clear();
  }

  /** The client has ended. */
  close() {
    for (const { waiting, asked, wanted } of this.#entries.values()) {
      for (const settling of [...asked, ...waiting]) {
        if (wanted) settling.reject(endedError('subscribe'));
        else settling.resolve(UNASKED);
      }
    }
    this.#entries.clear();
    this.#requests.clear();
  }
}

/**
 * What a SUBSCRIBE says, and whether it still counts: the rest is of one life.
 * @param {Entry} entry
 * @returns {import('./records.js').FilterRecord}
 */
function recordOf({ options: { qos, noLocal, retainAsPublished, retainHandling, properties }, wanted }) {
  return structuredClone({ qos, noLocal, retainAsPublished, retainHandling, properties, wanted });
}
