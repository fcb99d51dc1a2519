// JSON of clients, which may be anything.

/** @typedef {Record<string, any>} Json */

/** @param {any} value @returns {value is Json} */
export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {Buffer | string} text @returns {Json | undefined} the object that it is */
export function parseObject(text) {
  try {
    const value = JSON.parse(`${text}`);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Changes an object as a patch says: null removes a key, objects are merged, anything else replaces.
 * @param {Json} target
 * @param {Json} patch
 * @returns {Json} target
 */
export function merge(target, patch) {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete target[key];
    else target[key] = isObject(value) ? merge(isObject(target[key]) ? target[key] : {}, value) : value;
  }
  return target;
}
