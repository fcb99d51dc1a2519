// The vectors of provider/login.txt (its head explains their form) through dist/providers, in Node and in browsers alike:
// nothing here is Node's.

/**
 * @typedef {object} Vector
 * @property {string} title
 * @property {string} service
 * @property {number} time s since epoch
 * @property {bigint} random
 * @property {number} version
 * @property {{ topic: string, payload: string } | undefined} will
 * @property {Record<string, string>} values
 * @property {{ sign: string, name: string, value: string }[]} wants
 */

/** @param {string} text @returns {Vector[]} */
export function readVectors(text) {
  /** @type {Vector[]} */
  const vectors = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, word, rest] = /** @type {RegExpExecArray} */ (/^(\S+) (.*)$/.exec(line));
    const vector = vectors.at(-1);
    const [, name, value] = /^ *(\S+) ?([^]*)$/.exec(rest) ?? [];
    if (word === '*') {
      const defaults = { service: '', time: 0, random: 0n, version: 4, will: undefined };
      vectors.push({ title: rest, ...defaults, values: {}, wants: [] });
    } else if (!vector) throw new Error(`no vector has this: ${line}`);
    else if (word === 'service') vector.service = rest;
    else if (word === 'time') vector.time = Number(rest);
    else if (word === 'random') vector.random = BigInt(rest);
    else if (word === 'version') vector.version = Number(rest);
    else if (word === 'will') vector.will = { topic: name, payload: value };
    else if (word === '<') vector.values[name] = value;
    else if (word === 'connect') vector.wants.push({ sign: '=', name: 'connect', value: rest });
    else if ('>!x'.includes(word)) vector.wants.push({ sign: word, name, value });
    else throw new Error(`what is this: ${line}`);
  }
  return vectors;
}

const hex = (/** @type {Uint8Array} */ bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

/** Properties of CONNECT that a login can have, as MQTT has them. @param {any} properties */
function encoded({ authenticationMethod, authenticationData }) {
  /** @param {number} id @param {Uint8Array} value */
  const one = (id, value) => [id, value.length >> 8, value.length & 255, ...value];
  return Uint8Array.from([
    ...(authenticationMethod === undefined ? [] : one(0x15, new TextEncoder().encode(authenticationMethod))),
    ...(authenticationData === undefined ? [] : one(0x16, authenticationData)),
  ]);
}

/** A result by the name that vectors have for it. @param {any} login @param {string} name */
function resultOf(login, name) {
  const results = {
    ...{ url: login.url, subprotocol: login.protocols[0], client_id: login.clientId },
    ...{ username: login.username ?? '(none)', password: login.password ?? '(none)', es256: login.password },
    ...{ device: login.seat.device, scope: login.seat.scope, properties: hex(encoded(login.properties)) },
    ...{ expires: (login.expires ?? 0) / 1000, renew: (login.renew ?? 0) / 1000 },
    ...{ provisioning: Number(login.provisioning), reauthenticate: Number(login.reauthenticate) },
  };
  if (!(name in results)) throw new Error(`a login has no ${name}`);
  return String(results[/** @type {keyof typeof results} */ (name)] ?? '');
}

/**
 * CONNECT in hex, as the client makes it of a login.
 * @param {typeof import('../../wasm/core.js').Core} Core
 * @param {WebAssembly.Module} module
 * @param {Vector} vector
 * @param {any} login
 */
async function connectPacket(Core, module, { version, will }, login) {
  // what is a default of 5.0 is left out of CONNECT
  const core = await Core.start(module, { receive_max: 65535, packet_size_max: 268435455 });
  const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
  const error = core.connect(
    {
      ...{ version, clean: login.clean, keepAlive: login.keepalive, timeout: 1000 },
      ...{ clientId: login.clientId, username: login.username },
      password: login.password === undefined ? undefined : bytes(login.password),
      properties: encoded(login.properties),
      will: will && { topic: will.topic, payload: bytes(will.payload), qos: 0, retain: false },
    },
    1,
  );
  return error === 0 ? hex(core.output()) : core.errorName(error);
}

/** @param {string} text */
const base64url = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));

/** The public half of the key of the vector for ES256. */
const PUBLIC = {
  kty: 'EC',
  crv: 'P-256',
  x: 'YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y',
  y: 'eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk',
};

/** A signature is new each time: what is signed is the vector's, and the vector's key accepts the rest. */
async function es256Verifies(/** @type {string} */ got, /** @type {string} */ want) {
  const signed = got.slice(0, got.lastIndexOf('.'));
  if (signed !== want.slice(0, want.lastIndexOf('.'))) return false;
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('jwk', PUBLIC, algorithm, false, ['verify']);
  const signature = base64url(got.slice(signed.length + 1));
  return crypto.subtle.verify(algorithm, key, signature, new TextEncoder().encode(signed));
}

/**
 * What one vector wants and does not get: nothing, if all is well.
 * @param {Vector} vector
 * @param {{ providers: any, Core: typeof import('../../wasm/core.js').Core, module: WebAssembly.Module,
 *   exact?: boolean }} tools exact: signatures by ES256 are made with the nonce of RFC 6979
 * @returns {Promise<string[]>}
 */
export async function runVector(vector, { providers, Core, module, exact = false }) {
  const wrong = [];
  const expect = (/** @type {string} */ what, /** @type {unknown} */ got, /** @type {unknown} */ want) => {
    if (got !== want) wrong.push(`${vector.title}: ${what} is ${got}, not ${want}`);
  };
  const { getRandomValues } = crypto;
  let login;
  /** @type {any} */
  let error;
  crypto.getRandomValues = /** @type {any} */ (
    (/** @type {Uint8Array} */ bytes) => {
      new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, vector.random, true);
      return bytes;
    }
  );
  try {
    login = await providers.login(vector.service, vector.values, { now: vector.time * 1000 });
  } catch (failure) {
    error = failure;
  }
  crypto.getRandomValues = getRandomValues;
  const refused = vector.wants.length === 1 && vector.wants[0].sign === 'x';
  if (error && !refused) return [`${vector.title}: ${error}`];
  const seat = providers.seat(vector.service, vector.values);
  if (login) expect('the seat', JSON.stringify(login.seat), JSON.stringify(seat));
  for (const { sign, name, value } of vector.wants) {
    if (sign === 'x') {
      const fault = FAULTS[/** @type {keyof typeof FAULTS} */ (name)];
      expect('the error', error?.code, fault);
      expect('the field', error?.field ?? '(none)', value);
      if (!error?.message.endsWith('.') && !error?.message.includes(': ')) wrong.push(`${vector.title}: no sentence`);
      for (const { name, secret } of providers.service(vector.service).fields) {
        const value = secret && vector.values[name];
        if (value && error?.message.includes(value)) wrong.push(`${vector.title}: tells the value of ${name}`);
      }
    } else if (name === 'connect') {
      expect('CONNECT', await connectPacket(Core, module, vector, login), value);
    } else if (name === 'es256' && !exact) {
      expect('a verified signature', await es256Verifies(resultOf(login, name), value), true);
    } else if (sign === '!') {
      expect(`${name} as it must not be`, resultOf(login, name) === value, false);
    } else {
      expect(name, resultOf(login, name), value);
    }
  }
  return wrong;
}

/** Codes of the faults that vectors have by number. */
const FAULTS = { '-1': 'provider-missing', '-4': 'provider-id', '-16': 'provider-md5', '-18': 'provider-expired' };
