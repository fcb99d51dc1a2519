// ECDSA on P-256 with the nonce of RFC 6979, in place of Web Crypto's, which takes another one each time: so that what is
// signed can be compared byte for byte. For tests: nothing here hides how long it takes.

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const G = /** @type {const} */ ([
  0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
]);

const mod = (/** @type {bigint} */ a, m = P) => ((a % m) + m) % m;

/** @param {bigint} a @param {bigint} m @returns {bigint} by Fermat, since m is prime */
function inverse(a, m) {
  let result = 1n;
  let base = mod(a, m);
  for (let e = m - 2n; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * base) % m;
    base = (base * base) % m;
  }
  return result;
}

/** @typedef {readonly [bigint, bigint] | null} Point null: infinity */

/** @param {Point} a @param {Point} b @returns {Point} */
function add(a, b) {
  if (a === null || b === null) return a ?? b;
  if (a[0] === b[0] && a[1] !== b[1]) return null;
  const slope =
    a[0] === b[0] ? (3n * a[0] * a[0] - 3n) * inverse(2n * a[1], P) : (b[1] - a[1]) * inverse(b[0] - a[0], P);
  const x = mod(slope * slope - a[0] - b[0]);
  return [x, mod(slope * (a[0] - x) - a[1])];
}

/** @param {bigint} k */
function times(k) {
  /** @type {Point} */
  let sum = null;
  /** @type {Point} */
  let point = G;
  for (; k > 0n; k >>= 1n) {
    if (k & 1n) sum = add(sum, point);
    point = add(point, point);
  }
  return /** @type {readonly [bigint, bigint]} */ (sum);
}

const number = (/** @type {Uint8Array} */ bytes) => bytes.reduce((n, byte) => n * 256n + BigInt(byte), 0n);
const bytes = (/** @type {bigint} */ n) =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(248 - 8 * i)) & 255n));

/** RFC 6979, 3.2, whose first candidate is as good as always below the order. @param {bigint} x @param {bigint} h */
async function nonceOf(x, h) {
  const hmac = async (/** @type {Uint8Array} */ key, /** @type {number[]} */ data) => {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const imported = await crypto.subtle.importKey('raw', new Uint8Array(key), algorithm, false, ['sign']);
    return new Uint8Array(await subtle.sign.call(crypto.subtle, 'HMAC', imported, Uint8Array.from(data)));
  };
  let k = new Uint8Array(32);
  let v = new Uint8Array(32).fill(1);
  for (const octet of [0, 1]) {
    k = await hmac(k, [...v, octet, ...bytes(x), ...bytes(h)]);
    v = await hmac(k, [...v]);
  }
  return number(await hmac(k, [...v]));
}

const subtle = { sign: crypto.subtle.sign, importKey: crypto.subtle.importKey };
/** The private numbers of the keys that were imported. @type {WeakMap<CryptoKey, bigint>} */
const secrets = new WeakMap();

/** From now on, keys on P-256 sign so. Returns what puts everything back. */
export function signWithFixedNonce() {
  crypto.subtle.importKey = /** @type {any} */ (
    async (/** @type {any[]} */ ...args) => {
      // PrivateKeyInfo: the number lies behind 36 bytes of head
      const secret = args[0] === 'pkcs8' && args[2].name === 'ECDSA' ? number(args[1].slice(36, 68)) : 0n;
      const key = await subtle.importKey.apply(crypto.subtle, /** @type {any} */ (args));
      if (secret) secrets.set(key, secret);
      return key;
    }
  );
  crypto.subtle.sign = /** @type {any} */ (
    async (/** @type {any} */ algorithm, /** @type {CryptoKey} */ key, /** @type {BufferSource} */ data) => {
      const x = secrets.get(key);
      if (x === undefined) return subtle.sign.call(crypto.subtle, algorithm, key, data);
      const h = mod(number(new Uint8Array(await crypto.subtle.digest('SHA-256', data))), N);
      const k = await nonceOf(x, h);
      const r = mod(times(k)[0], N);
      const s = mod((h + r * x) * inverse(k, N), N);
      return Uint8Array.from([...bytes(r), ...bytes(s)]).buffer;
    }
  );
  return () => Object.assign(crypto.subtle, subtle);
}
