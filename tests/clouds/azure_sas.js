// Shared access signatures, checked with the code that Azure's own clients sign with.
import { createHmac } from 'node:crypto';
import azure from 'azure-iot-common';

const { SharedAccessSignature } = azure;

/** @typedef {{ resource: string, policy: string | undefined, expires: number }} Token expires: Unix seconds */

/**
 * What a token says, if one of these keys signed it and its time is not over.
 * @param {string} password
 * @param {(token: Token) => string[]} keysFor the keys, in base64, that may sign for such a token
 * @returns {Token | undefined}
 */
export function readToken(password, keysFor) {
  try {
    const { sr, sig, se, skn } = /** @type {any} */ (SharedAccessSignature.parse(password, ['sr', 'sig', 'se']));
    if (!/^\d{1,12}$/.test(se)) return undefined;
    const policy = skn === undefined ? undefined : decodeURIComponent(skn);
    const token = { resource: decodeURIComponent(sr), policy, expires: Number(se) };
    // What is signed is the resource in the very form in which it was sent.
    const signed = keysFor(token).some((key) => {
      const own = /** @type {any} */ (SharedAccessSignature.create(sr, '', key, se));
      return decodeURIComponent(own.sig) === decodeURIComponent(sig);
    });
    return signed && token.expires > Date.now() / 1000 ? token : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A device's key, where its enrolment is that of a group.
 * @param {string} groupKey base64
 * @param {string} registrationId
 */
export function deviceKey(groupKey, registrationId) {
  return createHmac('sha256', Buffer.from(groupKey, 'base64')).update(registrationId).digest('base64');
}

/** Tokens that were in use when their time was said to be over. They carry no time of their own, only one of their end. */
export class Expired {
  /** When each was first seen, as of Date.now(). @type {Map<string, number>} */ #first = new Map();
  #since = 0;

  /** All that were seen until now. */
  now() {
    this.#since = Date.now();
  }

  /**
   * Was it seen before the others expired? One that is made in the same second is the same text.
   * @param {string} token
   */
  has(token) {
    const now = Date.now();
    const first = this.#first.get(token) ?? now;
    this.#first.set(token, first);
    return first < this.#since && now - first > 2000;
  }
}
