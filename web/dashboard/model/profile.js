/**
 * What the connect form holds, what of it is remembered (never a secret), and which field an error belongs to.
 */

import { isObject } from './json.js';
import { ANY_BROKER } from './services.js';

/**
 * @typedef {object} Profile
 * @property {string} service the library's name of it; '': any broker, by its address
 * @property {import('./services.js').SeatKind} seat
 * @property {import('./services.js').Values} values of the service's form, without those that are secret
 * @property {import('./services.js').Values} secrets the secret ones; never stored
 * @property {import('./services.js').Overrides} overrides of the service's limits
 * @property {string} url
 * @property {string} clientId
 * @property {string} username
 * @property {string} password never stored
 * @property {'' | '5' | '4' | '3'} version '' tries 5, then 3.1.1, then 3.1
 * @property {string} keepalive seconds; '': as the service has it
 * @property {boolean} clean
 */

/** @typedef {keyof Profile} ProfileField */
/** @typedef {Omit<Profile, 'password' | 'secrets'>} Remembered */
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
  const login = { clientId: '', username: '', password: '', keepalive: '60', clean: true };
  return { service: '', seat: 'operator', values: {}, secrets: {}, overrides: {}, url, version: '', ...login };
}

/**
 * The service whose form is filled in; '': none, an operator connects to a broker by its address.
 * @param {Pick<Profile, 'service' | 'seat'>} profile
 */
export function serviceOf({ service, seat }) {
  return service === '' && seat === 'device' ? ANY_BROKER : service;
}

/**
 * The profile with nothing secret in it.
 * @param {Profile | Remembered} profile
 * @returns {Profile}
 */
export function withoutPasswords(profile) {
  return { ...profile, password: '', secrets: {} };
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
  const plain = serviceOf(profile) === '';
  const fault = plain ? urlFault(profile.url.trim()) : '';
  if (fault) faults.url = fault;
  const keepalive = !plain && profile.keepalive === '' ? 60 : Number(profile.keepalive);
  if (!Number.isInteger(keepalive) || keepalive < 0 || keepalive > 65535) {
    faults.keepalive = 'Whole seconds from 0 (off) to 65535.';
  }
  if (
    plain &&
    profile.password !== '' &&
    profile.username === '' &&
    profile.version !== '5' &&
    profile.version !== ''
  ) {
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
 * @param {{ code?: string | undefined, reasonCode?: number | undefined, field?: string | undefined }} error an MqttError
 * @param {boolean} [plain] the form is that of a broker, not of a service; the fields of those are named in the error
 * @returns {string} name of the field, or 'form'
 */
export function placeOf({ code = '', reasonCode, field }, plain = true) {
  if (!plain) return field ?? 'form';
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
    return Array.isArray(list) ? list.map(withService).filter(isRemembered).slice(0, MAX_REMEMBERED) : [];
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
  const { service, seat, overrides, clientId, username, version, keepalive, clean } = profile;
  const kept = Object.entries(profile.values).map(([name, value]) => [
    name,
    /^wss?:/i.test(value) ? withoutSecrets(value) : value,
  ]);
  const broker = { url: withoutSecrets(profile.url), clientId, username, version, keepalive, clean };
  /** @type {Remembered} */
  const entry = { service, seat, values: Object.fromEntries(kept), overrides, ...broker };
  const others = recall(storage).filter((other) => keyOf(other) !== keyOf(entry));
  const list = [entry, ...others].slice(0, MAX_REMEMBERED);
  save(storage, list);
  return list;
}

/**
 * Entries with the same one are the same connection, with other settings.
 * @param {Remembered} entry
 */
function keyOf({ service, seat, values, url, username }) {
  const { host, device, module, product } = values;
  const plain = serviceOf({ service, seat }) === '';
  return JSON.stringify(plain ? [url, username] : [service, seat, host, values['url'], product, device, module]);
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
 * Entries from before there were services are of a broker.
 * @param {unknown} value
 */
function withService(value) {
  const before = { service: '', seat: 'operator', values: {}, overrides: {} };
  return typeof value === 'object' && value !== null ? { ...before, ...value } : value;
}

/**
 * @param {unknown} value
 * @returns {value is Remembered}
 */
function isRemembered(value) {
  if (typeof value !== 'object' || value === null) return false;
  const entry = /** @type {Record<string, unknown>} */ (value);
  const texts = ['service', 'url', 'clientId', 'username', 'version', 'keepalive'];
  const { values, overrides, seat, clean } = entry;
  const isTexts = (/** @type {unknown} */ held) =>
    isObject(held) && Object.values(held).every((text) => typeof text === 'string');
  return (
    texts.every((name) => typeof entry[name] === 'string') &&
    typeof clean === 'boolean' &&
    (seat === 'operator' || seat === 'device') &&
    isTexts(values) &&
    isTexts(overrides)
  );
}
