// MQTT 5.0 properties as plain objects, by the table of the C core: names, types, and which packet may carry what.
import {
  PROPERTIES,
  WQ_AUTH,
  WQ_CONNECT,
  WQ_DISCONNECT,
  WQ_IN_WILL,
  WQ_PUBACK,
  WQ_PUBLISH,
  WQ_SUBSCRIBE,
  WQ_T_BINARY,
  WQ_T_BYTE,
  WQ_T_PAIR,
  WQ_T_STRING,
  WQ_T_U16,
  WQ_T_U32,
  WQ_T_VARINT,
  WQ_UNSUBSCRIBE,
} from '../../build/gen/wasmqtt_layout.js';
import { isText, MqttError } from './errors.js';

/**
 * Properties by name, as in `{ contentType: 'text/plain', userProperties: { site: 'north' } }`. Numbers and switches are
 * numbers (true and false are taken too), binary ones Uint8Array. userProperties: values by name, an array where a name
 * repeats. A property that may repeat (subscriptionIdentifier of a received message) is an array of numbers.
 * @typedef {object} Properties
 * @property {number | boolean} [payloadFormatIndicator] 1: the payload is UTF-8 text
 * @property {number} [messageExpiryInterval] seconds
 * @property {string} [contentType]
 * @property {string} [responseTopic]
 * @property {Uint8Array} [correlationData]
 * @property {number | number[]} [subscriptionIdentifier] 1..268435455
 * @property {number} [sessionExpiryInterval] seconds; 4294967295: never
 * @property {string} [assignedClientIdentifier]
 * @property {number} [serverKeepAlive] seconds
 * @property {string} [authenticationMethod]
 * @property {Uint8Array} [authenticationData]
 * @property {number | boolean} [requestProblemInformation]
 * @property {number} [willDelayInterval] seconds
 * @property {number | boolean} [requestResponseInformation]
 * @property {string} [responseInformation]
 * @property {string} [serverReference]
 * @property {string} [reasonString]
 * @property {number} [receiveMaximum] 1..65535
 * @property {number} [topicAliasMaximum] 0..65535
 * @property {number} [topicAlias]
 * @property {number} [maximumQoS]
 * @property {number | boolean} [retainAvailable]
 * @property {Record<string, string | string[]>} [userProperties]
 * @property {number} [maximumPacketSize] bytes
 * @property {number | boolean} [wildcardSubscriptionAvailable]
 * @property {number | boolean} [subscriptionIdentifiersAvailable]
 * @property {number | boolean} [sharedSubscriptionAvailable]
 */

/** @typedef {typeof PROPERTIES[number]} PropertyInfo wq_property_info_t in wasmqtt.h */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const STRING_MAX = 65535;

const BY_NAME = new Map(PROPERTIES.map((row) => [row.name, row]));
/** @type {PropertyInfo[]} */
const BY_ID = [];
for (const row of PROPERTIES) BY_ID[row.id] = row;
const PACKETS = {
  connect: 1 << WQ_CONNECT,
  will: WQ_IN_WILL,
  publish: 1 << WQ_PUBLISH,
  puback: 1 << WQ_PUBACK,
  subscribe: 1 << WQ_SUBSCRIBE,
  unsubscribe: 1 << WQ_UNSUBSCRIBE,
  disconnect: 1 << WQ_DISCONNECT,
  auth: 1 << WQ_AUTH,
};

export class PropertyTable {
  /**
   * Encoded properties without the length before them; undefined if there are none. Throws an MqttError that names the
   * property which is unknown, out of place or out of range.
   * @param {Properties | undefined} properties
   * @param {'connect' | 'will' | 'publish' | 'puback' | 'subscribe' | 'unsubscribe' | 'disconnect' | 'auth'} packet puback:
   *   or PUBREC
   * @param {import('./errors.js').Phase} phase
   * @returns {Uint8Array | undefined}
   */
  encode(properties, packet, phase) {
    if (!properties) return undefined;
    /** @type {number[]} */
    const out = [];
    for (const [name, value] of Object.entries(properties)) {
      if (value === undefined) continue;
      const row = BY_NAME.get(name);
      if (!row) throw wrong(phase, name, 'is not a property of MQTT 5.0');
      if ((row.packets & PACKETS[packet]) === 0) throw wrong(phase, name, `cannot be in ${packet.toUpperCase()}`);
      if (row.type === WQ_T_PAIR) this.#encodePairs(out, row, value, phase);
      else for (const one of Array.isArray(value) ? value : [value]) this.#encodeOne(out, row, one, phase);
    }
    return out.length === 0 ? undefined : Uint8Array.from(out);
  }

  /**
   * @param {number[]} out
   * @param {PropertyInfo} row
   * @param {unknown} value
   * @param {import('./errors.js').Phase} phase
   */
  #encodePairs(out, row, value, phase) {
    if (typeof value !== 'object' || value === null) throw wrong(phase, row.name, 'is an object: values by name');
    for (const [key, values] of Object.entries(value)) {
      for (const one of Array.isArray(values) ? values : [values]) {
        if (!isText(one) || !isText(key)) {
          throw wrong(phase, row.name, `has a name or value that is no well-formed string (${key})`);
        }
        out.push(row.id);
        pushBinary(out, encoder.encode(key), row.name, phase);
        pushBinary(out, encoder.encode(one), row.name, phase);
      }
    }
  }

  /**
   * @param {number[]} out
   * @param {PropertyInfo} row
   * @param {unknown} value
   * @param {import('./errors.js').Phase} phase
   */
  #encodeOne(out, { id, type, name }, value, phase) {
    out.push(id);
    if (type === WQ_T_STRING) {
      if (!isText(value)) throw wrong(phase, name, 'is a well-formed string');
      pushBinary(out, encoder.encode(value), name, phase);
    } else if (type === WQ_T_BINARY) {
      if (!(value instanceof Uint8Array)) throw wrong(phase, name, 'is a Uint8Array');
      pushBinary(out, value, name, phase);
    } else {
      const max = type === WQ_T_BYTE ? 1 : type === WQ_T_U16 ? 0xffff : type === WQ_T_U32 ? 0xffffffff : 0xfffffff;
      const number = typeof value === 'boolean' ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > max) {
        throw wrong(phase, name, `is a whole number from 0 to ${max}`);
      }
      if (type === WQ_T_BYTE) out.push(number);
      else if (type === WQ_T_U16) out.push(number >> 8, number & 255);
      else if (type === WQ_T_U32) out.push(number >>> 24, (number >> 16) & 255, (number >> 8) & 255, number & 255);
      else pushVarint(out, number);
    }
  }

  /**
   * The properties at bytes[at..], which begin with their length. The core has checked them: nothing is checked again but
   * the end.
   * @param {Uint8Array} bytes
   * @param {number} at -1: none
   * @returns {Properties}
   */
  decode(bytes, at) {
    /** @type {Record<string, any>} */
    const properties = {};
    if (at < 0) return properties;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const varint = () => {
      let value = 0;
      let byte;
      let unit = 1;
      do {
        byte = bytes[at++];
        value += (byte & 127) * unit;
        unit *= 128;
      } while (byte >= 128);
      return value;
    };
    const binary = () => {
      const from = at + 2;
      at = from + view.getUint16(at);
      return bytes.subarray(from, at);
    };
    const length = varint();
    const end = at + length;
    while (at < end) {
      const row = BY_ID[bytes[at++]];
      if (row.type === WQ_T_PAIR) {
        const key = decoder.decode(binary());
        addPair((properties[row.name] ??= Object.create(null)), key, decoder.decode(binary()));
        continue;
      }
      let value;
      if (row.type === WQ_T_STRING) value = decoder.decode(binary());
      else if (row.type === WQ_T_BINARY) value = binary().slice();
      else if (row.type === WQ_T_VARINT) value = varint();
      else if (row.type === WQ_T_BYTE) value = bytes[at++];
      else if (row.type === WQ_T_U16) value = view.getUint16((at += 2) - 2);
      else value = view.getUint32((at += 4) - 4);
      if (row.repeats) (properties[row.name] ??= []).push(value);
      else properties[row.name] = value;
    }
    return properties;
  }
}

/**
 * Properties whose message has waited: messageExpiryInterval is less.
 * @param {Properties | undefined} properties
 * @param {number} waited ms
 */
export function shortened(properties, waited) {
  const seconds = properties?.messageExpiryInterval;
  if (seconds === undefined) return properties;
  return { ...properties, messageExpiryInterval: seconds - Math.floor(waited / 1000) };
}

/**
 * @param {Record<string, string | string[]>} pairs
 * @param {string} key
 * @param {string} value
 */
function addPair(pairs, key, value) {
  const there = pairs[key];
  if (there === undefined) pairs[key] = value;
  else if (typeof there === 'string') pairs[key] = [there, value];
  else there.push(value);
}

/**
 * @param {import('./errors.js').Phase} phase
 * @param {string} name
 * @param {string} what
 */
function wrong(phase, name, what) {
  return new MqttError(phase, 'bad-property', `properties.${name} ${what}.`);
}

/**
 * @param {number[]} out
 * @param {Uint8Array} bytes
 * @param {string} name
 * @param {import('./errors.js').Phase} phase
 */
function pushBinary(out, bytes, name, phase) {
  if (bytes.length > STRING_MAX) throw wrong(phase, name, `is longer than ${STRING_MAX} bytes`);
  out.push(bytes.length >> 8, bytes.length & 255);
  for (const byte of bytes) out.push(byte);
}

/**
 * @param {number[]} out
 * @param {number} value
 */
function pushVarint(out, value) {
  let rest = value;
  do {
    const more = rest >= 128;
    out.push((rest & 127) | (more ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
}
