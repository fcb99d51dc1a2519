// Subscription Identifiers (MQTT 5.0): the server says with each message for which subscriptions it is. Where filters
// overlap it may send a copy for each, and every copy is for the handlers of its own filter only.
//
// An identifier is made of its filter, so that it means the same in the next life of a session. Should two filters have one,
// both get what comes for either.
const MAX = 0x0fffffff;
const ID = 0x0b; // the property

/**
 * The identifier of a filter for which the user gives none: FNV-1a, in 28 bits.
 * @param {string} filter
 */
export function identifierOf(filter) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < filter.length; i++) hash = Math.imul(hash ^ filter.charCodeAt(i), 0x01000193);
  return hash & MAX || 1; // 0 is none
}

/**
 * The identifier in a message's properties; 0: it is not the only property.
 * @param {Uint8Array} bytes
 * @param {number} at of the properties' length
 */
export function onlyIdentifier(bytes, at) {
  const length = bytes[at];
  if (length < 2 || length > 5 || bytes[at + 1] !== ID) return 0;
  let id = 0;
  for (let i = 0; i < length - 1; i++) {
    const byte = bytes[at + 2 + i];
    id += (byte & 127) * 128 ** i;
    if (byte < 128) return i === length - 2 ? id : 0;
  }
  return 0;
}
