// From what a person filled in to what a connection wants. Each login has an instance of the module of its own, whose memory
// is zeroed at its end: no secret stays, and an operation that is late has nobody else's memory to write its result into.
import { longest, versionsOf } from './forms.js';
import { startInstance } from './wasm.js';

/** @typedef {import('../../wasm/providers.js').ProviderInstance} ProviderInstance */

/**
 * Whose topics are meant.
 * @typedef {object} Seat
 * @property {string} service its name
 * @property {string} device empty: an operator's, who watches and commands devices
 * @property {string} scope what else stands in the service's topics: Alibaba the ProductKey, Azure the module (or ''),
 *   Cumulocity the child device (or ''), where topics are free what they begin with
 */

/**
 * What a connection wants. URL, password and properties can be secrets.
 * @typedef {object} Login
 * @property {string} url ws:// or wss://
 * @property {string[]} protocols WebSocket subprotocols
 * @property {string} clientId
 * @property {string} [username]
 * @property {string} [password]
 * @property {{ authenticationMethod?: string, authenticationData?: Uint8Array }} properties of CONNECT
 * @property {number} keepalive seconds
 * @property {boolean} clean
 * @property {(3 | 4 | 5)[]} protocolVersions that may be tried, the newest first
 * @property {string} [unopened] what to check if the WebSocket does not open: the service refuses a login there, and a browser
 *   hides why
 * @property {number} [expires] ms since epoch, when the service ends the connection; absent: never
 * @property {number} [renew] ms since epoch, from when on a new login should take its place
 * @property {boolean} provisioning good for registering the device only; another login follows, with what that gave
 * @property {boolean} reauthenticate a new login's authenticationData may go out in AUTH, on the same connection
 * @property {Seat} seat
 */

/**
 * @param {WebAssembly.Module} module
 * @param {import('./forms.js').Forms} forms
 * @param {string} name of the service
 * @param {import('./forms.js').Values} values
 * @param {number} now ms since epoch
 * @returns {Promise<Login>}
 */
export async function login(module, forms, name, values, now) {
  const { index, service } = forms.find(name);
  const texts = forms.texts(service, values);
  const instance = await startInstance(module);
  const { numbers, x } = instance;
  try {
    if (!instance.put(...texts)) throw forms.error(numbers['fault TOO_LONG'], service, longest(texts));
    let status = x.wq_wasm_login_begin(index, texts.length, now);
    instance.scratch.wipe();
    while (status > 0) {
      await instance.pending();
      status = x.wq_wasm_login_step();
    }
    const at = x.wq_wasm_login();
    if (status === 0) return resultOf(instance, at, name);
    throw forms.error(status, service, instance.number(at, 'wq_login.fault_field'));
  } finally {
    instance.wipe();
  }
}

/**
 * @param {ProviderInstance} instance
 * @param {number} at
 * @param {string} service
 * @returns {Login}
 */
function resultOf(instance, at, service) {
  const text = (/** @type {string} */ name) => instance.text(at, `wq_login.${name}`);
  const number = (/** @type {string} */ name) => instance.number(at, `wq_login.${name}`);
  const time = (/** @type {string} */ name) =>
    Number(instance.memory.view.getBigUint64(at + instance.layout.offset(`wq_login.${name}`, 8), true)) || undefined;
  const [username, password] = [text('username'), text('password')];
  const unopened = instance.string(at, 'wq_login.unopened');
  const [expires, renew] = [time('expires_ms'), time('renew_ms')];
  return {
    url: text('url') ?? '',
    protocols: [text('subprotocol') ?? ''],
    clientId: text('client_id') ?? '',
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    properties: propertiesOf(instance, instance.bytes(at, 'wq_login.properties')),
    keepalive: number('keep_alive'),
    clean: number('clean') !== 0,
    protocolVersions: versionsOf(number('versions')),
    ...(unopened && { unopened }),
    ...(expires !== undefined && { expires }),
    ...(renew !== undefined && { renew }),
    provisioning: number('provisioning') !== 0,
    reauthenticate: number('reauthenticate') !== 0,
    seat: { service, device: text('seat.device') ?? '', scope: text('seat.scope') ?? '' },
  };
}

/**
 * Encoded properties; a login has only such as hold text or bytes: id, two bytes of length, value.
 * @param {ProviderInstance} instance
 * @param {Uint8Array} [bytes]
 */
function propertiesOf(instance, bytes = new Uint8Array(0)) {
  /** @type {Record<string, string | Uint8Array>} */
  const properties = {};
  for (let at = 0; at < bytes.length;) {
    const info = instance.x.wq_wasm_property_info(bytes[at]);
    const from = at + 3;
    at = from + bytes[at + 1] * 256 + bytes[at + 2];
    const value = bytes.slice(from, at);
    const isText = instance.number(info, 'wq_property_info_t.type') === instance.numbers.WQ_T_STRING;
    properties[instance.string(info, 'wq_property_info_t.name') ?? ''] = isText
      ? new TextDecoder().decode(value)
      : value;
  }
  return properties;
}
