// From what a person filled in to what a connection wants. Each login has an instance of the module of its own, whose memory
// is zeroed at its end: no secret stays, and an operation that is late has nobody else's memory to write its result into.
import {
  FAULT,
  WQ_P_AUTHENTICATION_DATA,
  WQ_P_AUTHENTICATION_METHOD,
  wq_login_clean,
  wq_login_client_id,
  wq_login_expires_ms,
  wq_login_fault_field,
  wq_login_keep_alive,
  wq_login_password,
  wq_login_properties,
  wq_login_provisioning,
  wq_login_reauthenticate,
  wq_login_renew_ms,
  wq_login_seat_device,
  wq_login_seat_scope,
  wq_login_subprotocol,
  wq_login_unopened,
  wq_login_url,
  wq_login_username,
  wq_login_versions,
} from '../../build/gen/providers_layout.js';
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
  const { x } = instance;
  try {
    if (!instance.put(...texts)) throw forms.error(FAULT['too-long'], service, longest(texts));
    let status = x.wq_wasm_login_begin(index, texts.length, now);
    instance.scratch.wipe();
    while (status > 0) {
      await instance.pending();
      status = x.wq_wasm_login_step();
    }
    const at = x.wq_wasm_login();
    if (status === 0) return resultOf(instance, at, name);
    throw forms.error(status, service, instance.number(at, wq_login_fault_field));
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
  const text = (/** @type {number} */ field) => instance.text(at, field);
  const number = (/** @type {number} */ field) => instance.number(at, field);
  const [username, password] = [text(wq_login_username), text(wq_login_password)];
  const unopened = instance.string(at, wq_login_unopened);
  const [expires, renew] = [number(wq_login_expires_ms) || undefined, number(wq_login_renew_ms) || undefined];
  return {
    url: text(wq_login_url) ?? '',
    protocols: [text(wq_login_subprotocol) ?? ''],
    clientId: text(wq_login_client_id) ?? '',
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    properties: propertiesOf(instance.bytes(at, wq_login_properties)),
    keepalive: number(wq_login_keep_alive),
    clean: number(wq_login_clean) !== 0,
    protocolVersions: versionsOf(number(wq_login_versions)),
    ...(unopened && { unopened }),
    ...(expires !== undefined && { expires }),
    ...(renew !== undefined && { renew }),
    provisioning: number(wq_login_provisioning) !== 0,
    reauthenticate: number(wq_login_reauthenticate) !== 0,
    seat: { service, device: text(wq_login_seat_device) ?? '', scope: text(wq_login_seat_scope) ?? '' },
  };
}

/**
 * Encoded properties; a login has these two only: id, two bytes of length, value.
 * @param {Uint8Array} [bytes]
 */
function propertiesOf(bytes = new Uint8Array(0)) {
  /** @type {Login['properties']} */
  const properties = {};
  for (let at = 0; at < bytes.length;) {
    const id = bytes[at];
    const from = at + 3;
    at = from + bytes[at + 1] * 256 + bytes[at + 2];
    const value = bytes.slice(from, at);
    if (id === WQ_P_AUTHENTICATION_METHOD) properties.authenticationMethod = new TextDecoder().decode(value);
    else if (id === WQ_P_AUTHENTICATION_DATA) properties.authenticationData = value;
  }
  return properties;
}
