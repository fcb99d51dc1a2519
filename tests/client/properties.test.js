// Properties: every one there and back by the table that C tells, and what is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import mqttPacket from 'mqtt-packet';
import { PropertyTable } from '../../web/client/properties.js';

const table = new PropertyTable();

/** @param {Uint8Array | undefined} encoded @returns {Uint8Array} with the length before them */
function whole(encoded = new Uint8Array(0)) {
  let rest = encoded.length;
  const length = [];
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Uint8Array.from([...length, ...encoded]);
}

test('what is encoded is decoded, in every packet that we send', () => {
  const text = { userProperties: Object.assign(Object.create(null), { a: ['1', '2'], b: '3', __proto__: '4' }) };
  for (const [packet, properties] of /** @type {[any, any][]} */ ([
    [
      'connect',
      {
        sessionExpiryInterval: 0xffffffff,
        authenticationMethod: 'm',
        authenticationData: Uint8Array.of(0, 255),
        requestProblemInformation: 0,
        requestResponseInformation: 1,
        receiveMaximum: 65535,
        topicAliasMaximum: 256,
        maximumPacketSize: 0x80000000,
        ...text,
      },
    ],
    [
      'will',
      { willDelayInterval: 70000, contentType: 'é', responseTopic: 'r', correlationData: Uint8Array.of(1), ...text },
    ],
    ['publish', { payloadFormatIndicator: 1, messageExpiryInterval: 1, contentType: '', ...text }],
    ['subscribe', { subscriptionIdentifier: [268435455], ...text }],
    ['disconnect', { sessionExpiryInterval: 1, reasonString: 'bye', ...text }],
  ])) {
    const encoded = whole(table.encode(properties, packet, 'publish'));
    assert.deepEqual(table.decode(encoded, 0), properties, packet);
  }
});

test('another implementation reads what is encoded', () => {
  const properties = {
    contentType: 'text/plain',
    correlationData: Buffer.from('c'),
    userProperties: { k: ['v', 'w'] },
  };
  const encoded = whole(table.encode(properties, 'publish', 'publish'));
  const packet = Uint8Array.from([0x30, 3 + encoded.length, 0, 1, 0x61, ...encoded]);
  /** @type {any} */
  let read;
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  parser.on('packet', (/** @type {any} */ one) => (read = one));
  parser.parse(Buffer.from(packet));
  assert.equal(read.properties.contentType, 'text/plain');
  assert.deepEqual(read.properties.correlationData, Buffer.from('c'));
  assert.deepEqual({ ...read.properties.userProperties }, { k: ['v', 'w'] });
});

test('nothing to encode', () => {
  assert.equal(table.encode(undefined, 'publish', 'publish'), undefined);
  assert.equal(table.encode({}, 'publish', 'publish'), undefined);
  assert.equal(table.encode({ contentType: undefined }, 'publish', 'publish'), undefined);
  assert.deepEqual(table.decode(new Uint8Array(1), 0), {});
  assert.deepEqual(table.decode(new Uint8Array(0), -1), {});
});

test('many properties: a length of more than one byte', () => {
  const userProperties = Object.assign(Object.create(null), { k: Array.from({ length: 500 }, (_, i) => `value ${i}`) });
  const encoded = whole(table.encode({ userProperties }, 'publish', 'publish'));
  assert.deepEqual(table.decode(encoded, 0).userProperties, userProperties);
});

test('what cannot be is refused by name', () => {
  for (const [properties, pattern] of /** @type {[any, RegExp][]} */ ([
    [{ contenttype: 'x' }, /contenttype is not a property/],
    [{ sessionExpiryInterval: 1 }, /cannot be in PUBLISH/],
    [{ messageExpiryInterval: -1 }, /whole number/],
    [{ messageExpiryInterval: 2 ** 32 }, /4294967295/],
    [{ messageExpiryInterval: 1.5 }, /whole number/],
    [{ messageExpiryInterval: '1' }, /whole number/],
    [{ payloadFormatIndicator: 2 }, /from 0 to 1/],
    [{ contentType: 5 }, /is a well-formed string/],
    [{ contentType: 'x'.repeat(65536) }, /65535/],
    [{ correlationData: 'text' }, /Uint8Array/],
    [{ userProperties: 'x' }, /is an object/],
    [{ userProperties: { a: 1 } }, /no well-formed string/],
  ])) {
    assert.throws(() => table.encode(properties, 'publish', 'publish'), { code: 'bad-property', message: pattern });
  }
});
