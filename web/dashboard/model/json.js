/**
 * Reads JSON that a stranger sent.
 *
 * A device, or whoever may publish on its topic, decides these bytes; so size, depth and number of members are checked
 * before JSON.parse sees them, and what comes out is read through own members only ("__proto__" is a name like any other).
 */

/** The most bytes, levels and members that parseJson() accepts. */
export const LIMITS = { bytes: 128 * 1024, depth: 16, members: 2000 };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * @typedef {{ ok: true, value: unknown } | { ok: false, reason: string }} Parsed
 */

/**
 * Parses a payload as JSON within LIMITS.
 * @param {Uint8Array} bytes
 * @returns {Parsed} the value, or why there is none (a sentence fragment such as "not JSON")
 */
export function parseJson(bytes) {
  if (bytes.length === 0) return { ok: false, reason: 'empty' };
  if (bytes.length > LIMITS.bytes) return { ok: false, reason: `longer than ${LIMITS.bytes} bytes` };
  const tooMuch = measure(bytes);
  if (tooMuch) return { ok: false, reason: tooMuch };
  try {
    return { ok: true, value: JSON.parse(utf8.decode(bytes)) };
  } catch {
    return { ok: false, reason: 'not JSON' };
  }
}

/**
 * Counts levels and members without building anything.
 * @param {Uint8Array} bytes
 * @returns {string} why it is too much, or ''
 */
function measure(bytes) {
  let depth = 0;
  let members = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) {
      inString = true;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > LIMITS.depth) return `nested deeper than ${LIMITS.depth} levels`;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    } else if (byte === 0x2c && ++members > LIMITS.members) {
      return `more than ${LIMITS.members} members`;
    }
  }
  return '';
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>} true for a JSON object (not an array, not null)
 */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The first of these members that is a non-empty string (or a number, as text).
 * @param {Record<string, unknown>} object
 * @param {string[]} names
 * @returns {string} '' when there is none
 */
export function textMember(object, names) {
  for (const name of names) {
    if (!Object.hasOwn(object, name)) continue;
    const value = object[name];
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return '';
}

/**
 * Walks the leaves of a JSON value; nested members are named "outer.inner", list entries "list.0".
 * @param {unknown} value
 * @param {(name: string, leaf: string | number | boolean) => void} visit
 * @param {string} [name] the name given to a value that is itself a leaf
 */
export function forEachLeaf(value, visit, name = 'value') {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') {
    visit(name, value);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      forEachLeaf(inner, visit, name === 'value' ? key : `${name}.${key}`);
    }
  }
}
