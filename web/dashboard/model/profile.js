/**
 * What the connect form holds, what of it is remembered (never a secret), and which field an error belongs to.
 */

/**
 * @typedef {object} Profile
 * @property {string} url
 * @property {string} clientId
 * @property {string} username
 * @property {string} password never stored
 * @property {'' | '5' | '4' | '3'} version '' tries 5, then 3.1.1, then 3.1
 * @property {string} keepalive seconds
 * @property {boolean} clean
 */

/** @typedef {keyof Profile} ProfileField */
/** @typedef {Omit<Profile, 'password'>} Remembered */
/** @typedef {{ getItem(key: string): string | null, setItem(key: string, value: string): void }} Storage the part used */

const KEY = 'wasmqtt.connections';
const MAX_REMEMBERED = 6;

/**
 * @param {{ protocol: string, host: string }} location of the page
 * @returns {Profile} the broker next to the page when the page came from a server
 */
export function initialProfile(location) {
  const { protocol, host } = location;
  const url = /^https?:$/.test(protocol) ? `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/mqtt` : 'wss://';
  return { url, clientId: '', username: '', password: '', version: '', keepalive: '60', clean: true };
}

/**
 * @param {string} relative for instance "/mqtt"
 * @param {string} base address of the page
 * @returns {string} a ws: or wss: address
 */
export function socketUrl(relative, base) {
  const url = new URL(relative, base);
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  return url.href;
}

/**
 * @param {Profile} profile
 * @returns {Partial<Record<ProfileField, string>>} what is wrong, by field
 */
export function faultsOf(profile) {
  /** @type {Partial<Record<ProfileField, string>>} */
  const faults = {};
  const fault = urlFault(profile.url.trim());
  if (fault) faults.url = fault;
  const keepalive = Number(profile.keepalive);
  if (!Number.isInteger(keepalive) || keepalive < 0 || keepalive > 65535) {
    faults.keepalive = 'Whole seconds from 0 (off) to 65535.';
  }
  if (profile.password !== '' && profile.username === '' && profile.version !== '5' && profile.version !== '') {
    faults.username = 'Before MQTT 5, a password needs a user name.';
  }
  return faults;
}

/**
 * @param {string} text
 * @returns {string}
 */
function urlFault(text) {
  if (text === '' || text === 'ws://' || text === 'wss://')
    return 'Where is the broker? For instance wss://broker.example/mqtt';
  let url;
  try {
    url = new URL(text);
  } catch {
    return 'Not an address. It looks like wss://broker.example/mqtt or ws://127.0.0.1:9001';
  }
  if (url.protocol === 'mqtt:' || url.protocol === 'mqtts:' || url.protocol === 'tcp:') {
    return 'A browser reaches MQTT over WebSockets only: use the ws:// or wss:// address of the broker.';
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') return 'The address starts with wss:// or ws://';
  if (url.username || url.password)
    return 'Put the user name and password into their own fields, not into the address.';
  return '';
}

/**
 * Where an error of the client is to be shown: beside the field that has to change, or over the whole form.
 * @param {{ code?: string | undefined, reasonCode?: number | undefined }} error an MqttError
 * @returns {ProfileField | 'form'}
 */
export function placeOf({ code = '', reasonCode }) {
  if (reasonCode === 0x86 || reasonCode === 0x87 || reasonCode === 4 || reasonCode === 5) return 'username';
  if (reasonCode === 0x85 || reasonCode === 2) return 'clientId';
  if (reasonCode === 0x84 || reasonCode === 1) return 'version';
  if (code.includes('url')) return 'url';
  return 'form';
}

/**
 * The address without what may be secret in it: user info and query (signed addresses carry credentials there).
 * @param {string} text
 * @returns {string}
 */
export function withoutSecrets(text) {
  try {
    const url = new URL(text);
    url.username = '';
    url.password = '';
    url.search = '';
    url.hash = '';
    return url.href;
  } catch {
    return '';
  }
}

/**
 * @param {Storage | null} storage null where the browser denies it
 * @returns {Remembered[]} latest first
 */
export function recall(storage) {
  try {
    const list = JSON.parse(storage?.getItem(KEY) ?? '[]');
    return Array.isArray(list) ? list.filter(isRemembered).slice(0, MAX_REMEMBERED) : [];
  } catch {
    return [];
  }
}

/**
 * @param {Storage | null} storage
 * @param {Profile} profile one that connected
 * @returns {Remembered[]} what is remembered now
 */
export function remember(storage, profile) {
  const { clientId, username, version, keepalive, clean } = profile;
  /** @type {Remembered} */
  const entry = { url: withoutSecrets(profile.url), clientId, username, version, keepalive, clean };
  const others = recall(storage).filter(({ url, username: user }) => url !== entry.url || user !== entry.username);
  const list = [entry, ...others].slice(0, MAX_REMEMBERED);
  save(storage, list);
  return list;
}

/**
 * @param {Storage | null} storage
 * @param {number} index
 * @returns {Remembered[]} what is left
 */
export function forget(storage, index) {
  const list = recall(storage).filter((_, i) => i !== index);
  save(storage, list);
  return list;
}

/**
 * @param {Storage | null} storage
 * @param {Remembered[]} list
 */
function save(storage, list) {
  try {
    storage?.setItem(KEY, JSON.stringify(list));
  } catch {
    // Full or denied: the list is a convenience, and the connection does not depend on it.
  }
}

/**
 * @param {unknown} value
 * @returns {value is Remembered}
 */
function isRemembered(value) {
  if (typeof value !== 'object' || value === null) return false;
  const entry = /** @type {Record<string, unknown>} */ (value);
  const texts = ['url', 'clientId', 'username', 'version', 'keepalive'];
  return texts.every((name) => typeof entry[name] === 'string') && typeof entry['clean'] === 'boolean';
}
