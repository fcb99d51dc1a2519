// What several services' dialects need.

/** @typedef {import('../device_types.js').State} State */
/** @typedef {import('../smartrest.js').Cell} Cell */

/**
 * A command, as a dialect hands it to the device. Without `answer` the service takes none.
 * @typedef {object} Request
 * @property {string} name
 * @property {string} [id]
 * @property {string} [device] if it is for a child
 * @property {Uint8Array} payload
 * @property {Record<string, string | null>} [properties]
 * @property {AbortSignal} [signal]
 * @property {(answer: Answer) => Promise<unknown>} [answer]
 * @property {(details: Record<string, string>) => Promise<void>} [progress]
 */

/**
 * @typedef {object} Answer
 * @property {number} status below 400: it worked
 * @property {unknown} [result] as the handler gave it
 * @property {string} [error] in words
 * @property {boolean} [unknown] there is no handler
 */

/** @typedef {(request: Request) => void} Deliver */

/**
 * What a dialect is made with.
 * @typedef {import('../device_types.js').DeviceOwnOptions & { profile: import('../profiles.js').ServiceProfile }} DialectOptions
 */

/**
 * What a service does in its own way. A method that is not there is something that the service does not have; `none` says
 * why not, and what to do instead.
 * @typedef {object} Dialect
 * @property {Partial<Record<'report' | 'getState' | 'desired' | 'commands' | 'jobs' | 'properties' | 'child', string>>} none
 * @property {() => Promise<void>} [start] once connected
 * @property {(values: Record<string, any>, options: import('../device_types.js').SendOptions) => Promise<unknown>} telemetry
 * @property {(name: string, data: any, options: import('../device_types.js').SendOptions) => Promise<unknown>} event
 * @property {(type: string, options: import('../device_types.js').AlarmOptions) => Promise<unknown>} [alarm] default: an event
 *   with severity, text and cleared
 * @property {(change: State) => Promise<{ version: number | undefined }>} [report]
 * @property {() => Promise<import('../device_types.js').DeviceState>} [getState]
 * @property {(handler: import('../device_types.js').DesiredHandler) => Promise<() => void>} [desired]
 * @property {(deliver: Deliver, names: () => string[]) => Promise<void>} [commands] begin; names: that have a handler, '*' too
 * @property {() => Promise<void>} [named] there are more of them
 * @property {(deliver: Deliver) => Promise<void>} [jobs] begin
 * @property {(topic: string, rows: Cell[][], options: { qos?: 0 | 1 }) => Promise<void>} [sendRows]
 * @property {(topic: string, handler: (row: import('../smartrest.js').Row) => unknown) => Promise<() => void>} [onRows]
 * @property {() => void} [stop]
 */

/** For a dialect's `none`. */
export const NO_CHILDREN = 'it has no child devices; give each a connection of its own.';

/** Milliseconds since epoch. @param {Date | number} time */
export const msOf = (time) => Number(time);

/** As ISO 8601. @param {Date | number} time */
export const isoOf = (time) => new Date(time).toISOString();

/**
 * A measurement with its time, where the payload is JSON of our own.
 * @param {Record<string, any>} values
 * @param {Date | number | undefined} time
 */
export const timed = (values, time) => JSON.stringify(time === undefined ? values : { time: isoOf(time), ...values });

const decoder = new TextDecoder();

/** What a handler gave, as JSON. @param {unknown} result */
export const resultOf = (result) => (result instanceof Uint8Array ? decoder.decode(result) : result);

/**
 * What a handler gave, as a field of a row: '' for nothing, JSON of what is no plain value.
 * @param {any} value
 * @returns {Cell}
 */
export const cellOf = (value) => (typeof value === 'object' ? (value ? JSON.stringify(value) : '') : (value ?? ''));

/** What a handler gave, as JSON text; '' for nothing. @param {unknown} result */
export const jsonOf = (result) => (result === undefined ? '' : JSON.stringify(resultOf(result)));

/**
 * JSON of a stranger; undefined: it is none.
 * @param {import('../../client/index.js').Message} message
 */
export function parsed(message) {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}

/** An object of JSON, and no list. @param {any} value @returns {value is State} */
export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A change of state put into it: null deletes a member.
 * @param {State} state
 * @param {State} change
 * @returns {State}
 */
export function merged(state, change) {
  const result = new Map(Object.entries(state));
  for (const [key, value] of Object.entries(change)) {
    const old = result.get(key);
    if (value === null) result.delete(key);
    else result.set(key, isObject(value) ? merged(isObject(old) ? old : {}, value) : value);
  }
  return Object.fromEntries(result);
}

/** An error that nobody awaits. @param {unknown} error */
export function report(error) {
  if (typeof reportError === 'function') reportError(error);
  else console.error(error);
}

/** A handler's own mistakes are told, and harm nobody else. @param {() => unknown} call */
export async function run(call) {
  try {
    await call();
  } catch (error) {
    report(error);
  }
}
