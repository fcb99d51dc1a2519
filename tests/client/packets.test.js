// The event 'packet': what is told of each packet, beside what mqtt-packet reads in the same bytes, however they are cut;
// what is never told; and that nobody who does not listen pays for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import mqttPacket from 'mqtt-packet';
import { PacketTap } from '../../web/client/packets.js';
import { eventually, Peer, publish, turn } from './peer.js';

/** @typedef {import('../../web/client/types.js').PacketInfo} PacketInfo */
/** @typedef {'in' | 'out'} Direction */

const SECRETS = ['the-user', 'the-password', 'the-will', 'the-proof', 'the-challenge', 'the-payload'];
const USER = { username: 'the-user', password: 'the-password', will: { topic: 'the-will', payload: 'the-will' } };

/**
 * What mqtt-packet finds in the bytes, in the form of the event.
 * @param {Direction} direction
 * @param {Uint8Array} bytes
 * @param {number} version
 */
function read(direction, bytes, version) {
  /** @type {any[]} */
  const told = [];
  const parser = mqttPacket.parser({ protocolVersion: version });
  parser.on('packet', (/** @type {any} */ packet) => {
    const { cmd, messageId, qos, retain, dup, topic, returnCode } = packet;
    const remaining = packet.length ?? 0;
    const header = 1 + [0, 128, 16384, 2097152].filter((least) => remaining >= least || least === 0).length;
    /** @type {any} */
    const info = { direction, type: cmd.toUpperCase(), length: header + remaining };
    if (cmd === 'publish') Object.assign(info, { qos, retain, dup, topic: topic ?? '' });
    const reasonCode = packet.reasonCode ?? (cmd === 'connack' ? returnCode : undefined);
    const coded = /^(connack|pub(ack|rec|rel|comp)|disconnect|auth)$/.test(cmd);
    if (coded && (version === 5 || cmd === 'connack')) info.reasonCode = reasonCode ?? 0;
    if (messageId !== undefined) info.packetId = messageId;
    told.push(info);
  });
  parser.parse(Buffer.from(bytes));
  return told;
}

/** @param {any[]} packets @param {number} version */
function encode(packets, version) {
  return Buffer.concat(packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: version })));
}

/** A tap of its own, and what it tells. @param {number} version */
function tapped(version) {
  /** @type {PacketInfo[]} */
  const told = [];
  const tap = new PacketTap(
    /** @type {any} */ ({ packets: (/** @type {PacketInfo} */ info) => told.push(info) }),
    version,
  );
  return { tap, told };
}

/** A peer that keeps what it sent in `down`; each connection anew. */
function recording() {
  const peer = new Peer();
  /** @type {Uint8Array[]} */
  const down = [];
  peer.answers.connect = (_packet, connection) => {
    const { sendBytes } = connection;
    down.length = 0;
    connection.sendBytes = (bytes) => {
      down.push(bytes);
      sendBytes.call(connection, bytes);
    };
    connection.send(peer.connack);
  };
  return { peer, down };
}

/** A client that listens from the beginning. @param {Peer} peer @param {import('../../web/client/index.js').ClientOptions} [options] */
function listening(peer, options) {
  /** @type {PacketInfo[]} */
  const told = [];
  const client = peer.createClient(options);
  client.on('packet', (info) => told.push(info));
  return { client, told };
}

const brief = (/** @type {PacketInfo[]} */ told) => told.map(({ direction, type }) => `${direction} ${type}`);
const of = (/** @type {Direction} */ direction, /** @type {PacketInfo[]} */ told) =>
  told.filter((info) => info.direction === direction);

for (const version of /** @type {(3 | 4 | 5)[]} */ ([5, 4, 3])) {
  test(`every packet of a conversation is told once, in its order, as another parser reads it: version ${version}`, async (t) => {
    const { peer, down } = recording();
    peer.connack = version === 5 ? { ...peer.connack } : { cmd: 'connack', returnCode: 0, sessionPresent: false };
    const globals = /** @type {any} */ (globalThis);
    const had = globals.addEventListener;
    t.after(() => (globals.addEventListener = had));
    let online = () => {};
    globals.addEventListener = (/** @type {string} */ name, /** @type {() => void} */ wake) => {
      if (name === 'online') online = wake;
    };
    const { client, told } = listening(peer, { protocolVersion: version, ...USER });
    await client.ready;
    const got = /** @type {string[]} */ ([]);
    const subscription = await client.subscribe('down/#', { qos: 2 }, ({ topic }) => got.push(topic));
    await client.publish('up/0', 'the-payload', { retain: true });
    await client.publish('up/1', 'the-payload', { qos: 1 });
    await client.publish('up/é', 'the-payload', { qos: 2 });
    const { last } = peer;
    last.send(publish('down/0', 'the-payload'), publish('down/1', '', { qos: 1, messageId: 700, dup: true }));
    last.send(publish('down/2', 'the-payload', { qos: 2, messageId: 0x1234, retain: true }));
    await last.packet('pubcomp');
    online();
    await last.packet('pingreq');
    await eventually(() => told.some(({ type }) => type === 'PINGRESP'));
    await subscription.unsubscribe();
    await client.end();

    assert.deepEqual(got, ['down/0', 'down/1', 'down/2']);
    const publishing = [
      'out PUBLISH',
      'out PUBLISH',
      'in PUBACK',
      'out PUBLISH',
      'in PUBREC',
      'out PUBREL',
      'in PUBCOMP',
    ];
    const receiving = [
      'in PUBLISH',
      'in PUBLISH',
      'out PUBACK',
      'in PUBLISH',
      'out PUBREC',
      'in PUBREL',
      'out PUBCOMP',
    ];
    const ending = ['out PINGREQ', 'in PINGRESP', 'out UNSUBSCRIBE', 'in UNSUBACK', 'out DISCONNECT'];
    const beginning = ['out CONNECT', 'in CONNACK', 'out SUBSCRIBE', 'in SUBACK'];
    assert.deepEqual(brief(told), [...beginning, ...publishing, ...receiving, ...ending]);
    assert.deepEqual(of('out', told), read('out', Buffer.concat(last.frames), version));
    assert.deepEqual(of('in', told), read('in', Buffer.concat(down), version));
    for (const secret of SECRETS) assert(!JSON.stringify(told).includes(secret), secret);
  });
}

test('AUTH both ways and DISCONNECT of the server: the reason codes, and nothing of the dialogue', async () => {
  const peer = new Peer();
  const auth = (/** @type {number} */ reasonCode) => ({
    cmd: 'auth',
    reasonCode,
    properties: { authenticationMethod: 'K', authenticationData: Buffer.from('the-challenge') },
  });
  peer.answers.connect = (_packet, connection) => connection.send(auth(0x18));
  peer.answers.auth = (packet, connection) =>
    connection.send(packet.reasonCode === 0x18 ? { ...peer.connack, properties: auth(0).properties } : auth(0));
  const authentication = { method: 'K', start: () => ({ data: 'the-proof', continue: () => 'the-proof' }) };
  const { client, told } = listening(peer, { ...USER, authentication });
  await client.ready;
  await client.reauthenticate();
  peer.last.send({ cmd: 'disconnect', reasonCode: 0x8b });
  await eventually(() => told.some(({ type }) => type === 'DISCONNECT'));
  await client.end();
  const codes = told.map(({ type, reasonCode }) => `${type} ${reasonCode}`);
  const dialogue = ['CONNECT undefined', 'AUTH 24', 'AUTH 24', 'CONNACK 0', 'AUTH 25', 'AUTH 0', 'DISCONNECT 139'];
  assert.deepEqual(codes.slice(0, 7), dialogue);
  const names = new Set(told.flatMap((info) => Object.keys(info)));
  assert.deepEqual([...names].sort(), ['direction', 'length', 'reasonCode', 'type']);
});

/** A packet of each type and of each length that matters. @type {any[]} */
const EVERY = [
  { cmd: 'connect', clientId: 'c', protocolId: 'MQTT', protocolVersion: 5, clean: true, keepalive: 0, ...USER },
  { cmd: 'connack', reasonCode: 0x87, returnCode: 5, sessionPresent: false },
  publish('a', ''),
  publish('', 'x', { properties: { topicAlias: 1 } }),
  publish('t/'.repeat(100), 'y'.repeat(300), { qos: 1, messageId: 65535, retain: true }),
  publish('\ufeff\u{1f600}', 'z'.repeat(17000), { qos: 2, messageId: 1, dup: true }),
  ...Object.entries({ puback: 0x97, pubrec: 0x87, pubrel: 0x92, pubcomp: 0x92 }).flatMap(([cmd, reasonCode]) => [
    { cmd, messageId: 258, reasonCode: 0 },
    { cmd, messageId: 259, reasonCode, properties: { reasonString: 'because' } },
  ]),
  { cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'f/#', qos: 1 }] },
  { cmd: 'suback', messageId: 3, granted: [1] },
  { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['f/#'] },
  { cmd: 'unsuback', messageId: 4, granted: [0] },
  { cmd: 'pingreq' },
  { cmd: 'pingresp' },
  { cmd: 'disconnect', reasonCode: 0 },
  { cmd: 'disconnect', reasonCode: 0x8e },
  { cmd: 'auth', reasonCode: 0x19, properties: { authenticationMethod: 'K' } },
  publish('the/end', 'z'),
];
EVERY[0] = { ...EVERY[0], will: { topic: 'the-will', payload: Buffer.from('the-will'), qos: 0, retain: false } };

test('bytes cut anywhere, and into single ones, tell the same in both directions', async () => {
  // Success left out, as mqtt-packet does not write it, nor read all of it.
  const short = Buffer.from([0x40, 2, 0, 9, 0x70, 2, 1, 0, 0xe0, 0, 0xf0, 0, 0x50, 3, 0, 9, 0x10]);
  const bytes = Buffer.concat([short, encode(EVERY, 5)]);
  const expected = [
    { direction: 'in', type: 'PUBACK', length: 4, packetId: 9, reasonCode: 0 },
    { direction: 'in', type: 'PUBCOMP', length: 4, packetId: 256, reasonCode: 0 },
    { direction: 'in', type: 'DISCONNECT', length: 2, reasonCode: 0 },
    { direction: 'in', type: 'AUTH', length: 2, reasonCode: 0 },
    { direction: 'in', type: 'PUBREC', length: 5, packetId: 9, reasonCode: 16 },
    ...read('in', encode(EVERY, 5), 5),
  ];
  assert.equal(expected.length, EVERY.length + 5);
  assert.deepEqual(new Set(expected.map(({ type }) => type)).size, 15);
  const outwards = expected.map((info) => ({ ...info, direction: 'out' }));
  const inner = (/** @type {number} */ at) => at < 1200 || at > bytes.length - 400; // not each byte of the long payload
  for (let at = 0; at <= bytes.length; at++) {
    if (!inner(at)) continue;
    const { tap, told } = tapped(5);
    tap.received(bytes.subarray(0, at));
    tap.received(bytes.subarray(at));
    assert.deepEqual(told, expected, `cut at ${at}`);
    told.length = 0;
    tap.sent(bytes.subarray(0, at));
    tap.sent(bytes.subarray(at));
    await null;
    assert.deepEqual(told, outwards, `cut at ${at}`);
  }
  const { tap, told } = tapped(5);
  for (const byte of bytes) tap.received(Uint8Array.of(byte));
  assert.deepEqual(told, expected);
});

test('a packet is told when its last byte was there; what was sent before is told before', async () => {
  const bytes = encode([publish('a/b', 'x'.repeat(500), { qos: 1, messageId: 5 })], 5);
  const { tap, told } = tapped(5);
  tap.received(bytes.subarray(0, -1));
  assert.deepEqual(told, []);
  tap.sent(Uint8Array.of(0xc0, 0));
  assert.deepEqual(told, [], 'not in the middle of sending');
  tap.received(bytes.subarray(-1));
  assert.deepEqual(brief(told), ['out PINGREQ', 'in PUBLISH']);
  await null;
  assert.equal(told.length, 2);
});

test('what is sent may be overwritten at once', async () => {
  const bytes = encode([publish('a/b', 'x')], 5);
  const { tap, told } = tapped(5);
  for (const part of [bytes.subarray(0, 6), bytes.subarray(6)]) {
    const memory = Uint8Array.from(part);
    tap.sent(memory);
    memory.fill(0);
  }
  await null;
  assert.deepEqual(told, read('out', bytes, 5));
});

test('what was sent just before the last listener was taken away is not told', async () => {
  const machine = { packets: /** @type {any} */ (() => assert.fail('told')) };
  const tap = new PacketTap(/** @type {any} */ (machine), 5);
  tap.sent(Uint8Array.of(0xc0, 0));
  machine.packets = null;
  await null;
});

test('100 KB both ways, in parts: told once, at its end', async () => {
  const { peer, down } = recording();
  const payload = Buffer.alloc(100_000, '0\x10');
  const { client, told } = listening(peer);
  await client.ready;
  await client.publish('up', payload, { qos: 1 });
  const sizes = /** @type {number[]} */ ([]);
  client.handle('down', (message) => sizes.push(message.payload.length));
  const bytes = peer.last.encode(publish('down', payload));
  for (let at = 0; at < bytes.length; at += 999) peer.last.sendBytes(bytes.subarray(at, at + 999));
  await eventually(() => sizes.length > 0);
  assert.deepEqual(sizes, [payload.length]);
  await client.end();
  assert.deepEqual(of('out', told), read('out', Buffer.concat(peer.last.frames), 5));
  assert.deepEqual(of('in', told), read('in', Buffer.concat(down), 5));
  assert.equal(told.filter(({ length }) => length > payload.length).length, 2);
});

/** @type {[string, number[], object[]][]} */
const BROKEN = [
  ['a length of five bytes', [0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 0xd0, 0], []],
  ['a length of five bytes, but small', [0x30, 0x80, 0x80, 0x80, 0x80, 0x00, 0xd0, 0], []],
  ['a length of four bytes for none', [0xd0, 0x80, 0x80, 0x80, 0x00], [{ type: 'PINGRESP', length: 5 }]],
  ['type 0', [0x00, 0x00, 0xd0, 0], []],
  ['type 0 with a body', [0x00, 0x02, 0xd0, 0, 0xd0, 0], []],
  ['the longest of lengths, and little of it', [0x30, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 1, 2, 3], []],
  ['PUBLISH without anything', [0x30, 0], [{ type: 'PUBLISH', length: 2, qos: 0, retain: false, dup: false }]],
  ['PUBLISH with half a length', [0x33, 1, 0], [{ type: 'PUBLISH', length: 3, qos: 1, retain: true, dup: false }]],
  [
    'a topic over the end',
    [0x30, 4, 0, 3, 65, 66],
    [{ type: 'PUBLISH', length: 6, qos: 0, retain: false, dup: false }],
  ],
  [
    'a packet id over the end',
    [0x3e, 4, 0, 1, 65, 66],
    [{ type: 'PUBLISH', length: 6, qos: 3, retain: false, dup: true, topic: 'A' }],
  ],
  ['PUBACK without an id', [0x40, 0], [{ type: 'PUBACK', length: 2 }]],
  ['PUBACK with half an id', [0x40, 1, 7], [{ type: 'PUBACK', length: 3 }]],
  ['CONNACK without a code', [0x20, 1, 0], [{ type: 'CONNACK', length: 3 }]],
];

test('malformed packets are told as far as they go, and where no packet can be found nothing is', () => {
  for (const [name, bytes, expected] of BROKEN) {
    const whole = tapped(5);
    whole.tap.received(Uint8Array.from(bytes));
    const wanted = expected.map((info) => ({ direction: 'in', ...info }));
    assert.deepEqual(whole.told, wanted, name);
    const { tap, told } = tapped(5);
    for (const byte of bytes) tap.received(Uint8Array.of(byte));
    assert.deepEqual(told, wanted, `${name}, byte by byte`);
  }
});

test('after bytes that end the connection the next one is told from its beginning', async () => {
  for (const [name, bytes] of BROKEN.filter(([, sent]) => sent[1] !== 0xff || sent[4] === 0xff)) {
    const peer = new Peer();
    const { client, told } = listening(peer);
    await client.ready;
    peer.last.sendBytes(Uint8Array.from(bytes));
    await peer.connection(2);
    told.length = 0;
    await eventually(() => client.state === 'connected');
    assert.deepEqual(brief(told), ['out CONNECT', 'in CONNACK'], name);
    await client.end();
  }
});

test('without a listener nothing looks at the bytes; one that comes late is told from the next connection on', async (t) => {
  const calls = ['received', 'sent'].map((name) => t.mock.method(PacketTap.prototype, /** @type {any} */ (name)).mock);
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {PacketInfo[]} */
  const told = [];
  client.on('packet', (info) => told.push(info));
  await client.publish('a', '', { qos: 1 });
  for (const { callCount } of calls.map((mock) => ({ callCount: mock.callCount() }))) assert.equal(callCount, 0);
  assert.deepEqual(told, []);
  client.reconnect();
  const connection = await peer.connection(2);
  await connection.packet('connect');
  await eventually(() => client.state === 'connected');
  assert.deepEqual(brief(told).slice(0, 2), ['out CONNECT', 'in CONNACK']);
  await client.end();
});

test('taking the last listener away stops it within a WebSocket message, and what passes then is not guessed', async () => {
  const peer = new Peer();
  /** @type {PacketInfo[]} */
  const told = [];
  const client = peer.createClient();
  let enough = Infinity;
  const listener = (/** @type {PacketInfo} */ info) => {
    if (told.push(info) === enough) client.off('packet', listener);
  };
  client.on('packet', listener);
  await client.ready;
  await turn();
  enough = told.length + 1;
  const { last } = peer;
  last.send(publish('a', ''), publish('b', ''));
  await eventually(() => client.stats.packetsIn === 3);
  assert.equal(told.length, enough);
  last.send(publish('c', ''));
  await eventually(() => client.stats.packetsIn === 4);
  enough = Infinity;
  const before = told.length;
  client.on('packet', listener); // the walker knows no more where packets begin
  last.send(publish('d', ''), publish('e', ''));
  await eventually(() => client.stats.packetsIn === 6);
  assert.equal(told.length, before);
  client.reconnect();
  await peer.connection(2);
  await eventually(() => client.state === 'connected');
  assert.deepEqual(brief(told.slice(before)).slice(0, 2), ['out CONNECT', 'in CONNACK']);
  await client.end();
});

test('a listener may change places with another while no bytes pass', async () => {
  const peer = new Peer();
  const { client, told } = listening(peer);
  await client.ready;
  const second = (/** @type {PacketInfo} */ info) => told.push(info);
  client.on('packet', second).off('packet', second);
  told.length = 0;
  await client.publish('a', '', { qos: 1 });
  assert.deepEqual(brief(told), ['out PUBLISH', 'in PUBACK']);
  await client.end();
});

test('a listener that throws is reported, and stops nothing', async () => {
  const peer = new Peer();
  const client = peer.createClient();
  /** @type {unknown[]} */
  const errors = [];
  let told = 0;
  client.on('error', (error) => errors.push(error));
  client.on('packet', ({ type }) => {
    told++;
    throw new Error(type);
  });
  await client.ready;
  await client.publish('a', '', { qos: 1 });
  assert.deepEqual(
    errors.map((error) => /** @type {Error} */ (error).message),
    ['CONNECT', 'CONNACK', 'PUBLISH', 'PUBACK'],
  );
  await client.end();
  assert.equal(told, 5);
});

test('a listener may publish much, and end the client', async () => {
  const peer = new Peer();
  const client = peer.createClient();
  const large = 'x'.repeat(70_000);
  client.on('packet', ({ direction, topic, type }) => {
    if (direction === 'out' && topic === 'first') {
      void client.publish('second', large);
      for (let i = 0; i < 300; i++) void client.publish('small', 'y'.repeat(300));
    }
    if (type === 'PUBACK') void client.end({ force: true });
  });
  await client.ready;
  void client.publish('first', large, { qos: 1 }).catch(() => {});
  await eventually(() => client.state === 'ended');
  const topics = peer.last.packets.filter(({ cmd }) => cmd === 'publish').map(({ topic }) => topic);
  assert.deepEqual(topics.slice(0, 2), ['first', 'second']);
  assert.equal(topics.length, 302);
});
