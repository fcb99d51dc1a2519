// The server's side of SCRAM-SHA-256, by Node's cryptography: what tests log in to.
import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const hmac = (/** @type {Buffer} */ key, /** @type {string} */ text) => createHmac('sha256', key).update(text).digest();

export class ScramServer {
  #password;
  #iterations;
  #first = '';
  #nonce = '';
  #salt = randomBytes(16);

  /** @param {string} password @param {number} [iterations] */
  constructor(password, iterations = 4096) {
    this.#password = password;
    this.#iterations = iterations;
  }

  /** @param {Uint8Array} message client-first. Returns server-first. */
  challenge(message) {
    const [, bare, nonce] = /** @type {RegExpExecArray} */ (/^n,,(n=user,r=([!-+\--~]+))$/.exec(String(message)));
    this.#nonce = nonce + randomBytes(12).toString('base64');
    const first = `r=${this.#nonce},s=${this.#salt.toString('base64')},i=${this.#iterations}`;
    this.#first = `${bare},${first}`;
    return Buffer.from(first);
  }

  /** @param {Uint8Array} message client-final. Returns server-final, or null: the client does not know the password. */
  verdict(message) {
    const [, bare, nonce, proof] = /** @type {RegExpExecArray} */ (/^(c=biws,r=(.+)),p=(.{44})$/.exec(String(message)));
    assert.equal(nonce, this.#nonce);
    const salted = pbkdf2Sync(this.#password, this.#salt, this.#iterations, 32, 'sha256');
    const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
    const signed = `${this.#first},${bare}`;
    const clientKey = hmac(storedKey, signed).map((byte, i) => byte ^ Buffer.from(proof, 'base64')[i]);
    if (!createHash('sha256').update(clientKey).digest().equals(storedKey)) return null;
    return Buffer.from(`v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}`);
  }
}
