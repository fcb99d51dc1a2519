// AWS IoT Core's device shadows: documents with a desired and a reported state, answered on .../accepted and .../rejected.

import { isObject, merge } from './json.js';

/** Largest document, in bytes. */
const MAX_DOCUMENT = 8192;

/** @typedef {import('./json.js').Json} Json */

/** What is desired, and not reported so. @param {any} desired @param {any} reported @returns {any} undefined: nothing */
function difference(desired, reported) {
  if (!isObject(desired) || !isObject(reported)) {
    return JSON.stringify(desired) === JSON.stringify(reported) ? undefined : desired;
  }
  const parts = Object.entries(desired).map(([key, value]) => [key, difference(value, reported[key])]);
  const left = parts.filter(([, value]) => value !== undefined);
  return left.length > 0 ? Object.fromEntries(left) : undefined;
}

/** The time of each value. @param {any} value @param {number} timestamp @returns {any} */
function stamps(value, timestamp) {
  if (!isObject(value)) return { timestamp };
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, stamps(part, timestamp)]));
}

/** @param {Json} state @param {number} timestamp */
const stampsOf = ({ desired, reported }, timestamp) => ({
  ...(desired && { desired: stamps(desired, timestamp) }),
  ...(reported && { reported: stamps(reported, timestamp) }),
});

export class Shadow {
  /** @type {{ desired?: Json, reported?: Json }} */
  state = {};
  /** @type {Json} */
  metadata = {};
  version = 0;
  exists = false;
  #name;
  #send;

  /**
   * @param {string} name in messages
   * @param {(topic: string, body: Json) => void} send the topic is what is behind .../shadow/
   */
  constructor(name, send) {
    this.#name = name;
    this.#send = send;
  }

  /** @param {string} verb get, update or delete @param {Buffer} payload */
  request(verb, payload) {
    /** @type {Json} */
    let body = {};
    const reject = (/** @type {number} */ code, /** @type {string} */ message) => {
      const { clientToken } = body;
      this.#send(`${verb}/rejected`, { code, message, timestamp: now(), ...(clientToken && { clientToken }) });
    };
    if (payload.length > MAX_DOCUMENT) return reject(413, 'The payload exceeds the maximum size allowed');
    try {
      body = payload.length > 0 || verb === 'update' ? JSON.parse(payload.toString()) : {};
    } catch {
      return reject(400, 'Payload contains invalid json');
    }
    if (!isObject(body)) return ((body = {}), reject(400, 'State node must be an object'));
    const { state, version, clientToken } = body;
    const token = clientToken ? { clientToken } : {};
    if (verb === 'update') {
      if (!isObject(state)) return reject(400, 'Missing required node: state');
      if (Object.keys(state).some((key) => key !== 'desired' && key !== 'reported')) {
        return reject(400, 'State contains an invalid node');
      }
      if (Object.values(state).some((part) => part !== null && !isObject(part))) {
        return reject(400, 'State node must be an object');
      }
      if (version !== undefined && version !== this.version) return reject(409, 'Version conflict');
      return this.update(state, token);
    }
    if (!this.exists) return reject(404, `No shadow exists with name: '${this.#name}'`);
    const { version: last } = this;
    if (verb === 'get') return this.#send('get/accepted', { ...this.document(), timestamp: now(), ...token });
    this.exists = false;
    this.state = {};
    this.metadata = {};
    return this.#send('delete/accepted', { version: last, timestamp: now(), ...token });
  }

  /** @param {Json} state the part to change @param {Json} [token] */
  update(state, token = {}) {
    const timestamp = now();
    const previous = this.document();
    this.exists = true;
    this.version++;
    for (const part of /** @type {const} */ (['desired', 'reported'])) {
      if (!(part in state)) continue;
      if (state[part] === null) {
        delete this.state[part];
        delete this.metadata[part];
      } else {
        this.state[part] = merge(this.state[part] ?? {}, structuredClone(state[part]));
        this.metadata[part] = stamps(this.state[part], timestamp);
      }
    }
    const { version } = this;
    this.#send('update/accepted', { state, metadata: stampsOf(state, timestamp), version, timestamp, ...token });
    this.#send('update/documents', { previous, current: this.document(), timestamp, ...token });
    const delta = this.delta();
    if (delta) {
      this.#send('update/delta', { version, timestamp, state: delta, metadata: stamps(delta, timestamp), ...token });
    }
  }

  delta() {
    return this.state.desired && difference(this.state.desired, this.state.reported ?? {});
  }

  document() {
    const delta = this.delta();
    const state = structuredClone({ ...this.state, ...(delta && { delta }) });
    return { state, metadata: structuredClone(this.metadata), version: this.version };
  }
}

function now() {
  return Math.floor(Date.now() / 1000);
}
