// What MQTT 5.0 lets packets say beside what they are for: reason codes, reason strings, user properties, in both
// directions, as far as the user gives and gets them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttError } from '../../web/client/index.js';
import { Lives } from './lives.js';
import { eventually, Peer, publish, rejection, turn } from './peer.js';

/** What a server says, as mqtt-packet writes it. */
const SAID = { reasonString: 'because', userProperties: { site: ['north', 'south'], n: '1' } };

/** @param {any} properties */
const plain = ({ userProperties, ...rest }) => ({ ...rest, userProperties: { ...userProperties } });

/** @param {any} properties */
function assertSaid(properties) {
  assert.deepEqual(plain(properties), SAID);
}

/* ------------------------------------------------------------------------------------------------ what the server says */

test('PUBACK: what it says is in the result, or in the error, and in the event "settled"', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {any[]} */
  const settled = [];
  client.on('settled', (message) => settled.push(message));
  let reasonCode = 0x10;
  peer.answers.publish = ({ messageId }, connection) =>
    connection.send({ cmd: 'puback', messageId, reasonCode, properties: SAID });
  const result = await client.publish('a', '1', { qos: 1 });
  assert.equal(result.reasonCode, 0x10);
  assertSaid(result.properties);
  reasonCode = 0x87;
  const error = await rejection(client.publish('a', '2', { qos: 1 }));
  assert.equal(error.reasonCode, 0x87);
  assert.match(error.message, /because/);
  assertSaid(error.properties);
  assert.deepEqual(
    settled.map(({ reasonCode, error: failure }) => [reasonCode, failure]),
    [
      [0x10, undefined],
      [0x87, error],
    ],
  );
  for (const { properties } of settled) assertSaid(properties);
  await client.end();
});

test('PUBREC and PUBCOMP: what both say is in the result; a refusal in the error', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let reasonCode = 0x10;
  peer.answers.publish = ({ messageId }, connection) =>
    connection.send({ cmd: 'pubrec', messageId, reasonCode, properties: SAID });
  const first = await client.publish('a', '1', { qos: 2 });
  assert.equal(first.reasonCode, 0x10);
  assertSaid(first.properties);
  peer.answers.pubrel = ({ messageId }, connection) =>
    connection.send({ cmd: 'pubcomp', messageId, reasonCode: 0, properties: { reasonString: 'done' } });
  const second = await client.publish('a', '2', { qos: 2 });
  assert.equal(second.reasonCode, 0x10);
  assert.deepEqual(plain(second.properties), { ...SAID, reasonString: 'done' });
  peer.answers.publish = ({ messageId }, connection) => connection.send({ cmd: 'pubrec', messageId, reasonCode: 0 });
  const third = await client.publish('a', '3', { qos: 2 });
  assert.deepEqual(third, { reasonCode: 0, properties: { reasonString: 'done' } });
  reasonCode = 0x97;
  peer.answers.publish = ({ messageId }, connection) =>
    connection.send({ cmd: 'pubrec', messageId, reasonCode, properties: SAID });
  const error = await rejection(client.publish('a', '4', { qos: 2 }));
  assert.equal(error.reasonCode, 0x97);
  assertSaid(error.properties);
  await client.end();
});

test('SUBACK: what it says is in the subscription, or in the error', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let code = 1;
  peer.answers.subscribe = ({ messageId }, connection) =>
    connection.send({ cmd: 'suback', messageId, granted: [code], properties: SAID });
  const subscription = await client.subscribe('a', { qos: 2 });
  assert.equal(subscription.qos, 1);
  assertSaid(subscription.properties);
  code = 0x87;
  const error = await rejection(client.subscribe('b'));
  assert.equal(error.reasonCode, 0x87);
  assertSaid(error.properties);
  await client.end();
});

test('UNSUBACK: what it says is what unsubscribe() resolves with, or in the error', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  let code = 0x11;
  peer.answers.unsubscribe = ({ messageId }, connection) =>
    connection.send({ cmd: 'unsuback', messageId, granted: [code], properties: SAID });
  const subscription = await client.subscribe('a');
  const result = await subscription.unsubscribe();
  assert.equal(result.reasonCode, 0x11);
  assertSaid(result.properties);
  assert.deepEqual(await subscription.unsubscribe(), { reasonCode: 0, properties: {} }, 'nobody was asked');
  await client.subscribe('b');
  await client.subscribe('b');
  assertSaid((await client.unsubscribe('b')).properties);
  assert.deepEqual(await client.unsubscribe('never'), { reasonCode: 0, properties: {} });
  await client.subscribe('c');
  code = 0x87;
  const error = await rejection(client.unsubscribe('c'));
  assert.equal(error.phase, 'unsubscribe');
  assertSaid(error.properties);
  await client.end();
});

test('CONNACK that refuses, and DISCONNECT: what they say is in the error, but for authentication data', async () => {
  const peer = new Peer();
  const secret = { authenticationMethod: 'K', authenticationData: Buffer.from('secret') };
  peer.connack = { cmd: 'connack', reasonCode: 0x87, sessionPresent: false, properties: { ...SAID, ...secret } };
  const refused = await rejection(peer.connect({ authentication: { method: 'K', start: () => ({}) } }));
  assert.deepEqual(plain(refused.properties), { ...SAID, authenticationMethod: 'K' });
  peer.connack = { cmd: 'connack', reasonCode: 0, sessionPresent: false };
  const client = await peer.connect({ reconnect: false });
  client.on('error', () => {});
  /** @type {Promise<any>} */
  const ended = new Promise((resolve) => client.on('disconnect', ({ error }) => resolve(error)));
  peer.last.send({ cmd: 'disconnect', reasonCode: 0x98, properties: { ...SAID, serverReference: 'b.test' } });
  const error = await ended;
  assert(error instanceof MqttError);
  assert.deepEqual(plain(error.properties), { ...SAID, serverReference: 'b.test' });
});

test('an error that is not by a packet has no properties', () => {
  assert.deepEqual(new MqttError('options', 'x', 'y').properties, {});
});

/* ------------------------------------------------------------------------------------------------ what we say */

test('UNSUBSCRIBE carries user properties, by itself; those that cannot be change nothing', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((filter) => client.subscribe(filter)));
  const bad = /** @type {any} */ ({ contentType: 'x' });
  assert.equal((await rejection(a.unsubscribe({ properties: bad }))).code, 'bad-property');
  assert.equal((await rejection(client.unsubscribe('a', { properties: bad }))).code, 'bad-property');
  assert.equal(peer.last.count('unsubscribe'), 0);
  peer.last.send(publish('a', 'still'));
  for await (const message of a) {
    assert.equal(message.text(), 'still');
    break;
  }
  await Promise.all([
    b.unsubscribe(),
    a.unsubscribe({ properties: { userProperties: { why: 'moved' } } }),
    c.unsubscribe({}),
  ]);
  const sent = peer.last.packets.filter(({ cmd }) => cmd === 'unsubscribe');
  assert.deepEqual(
    sent.map(({ unsubscriptions, properties }) => [unsubscriptions, properties && { ...properties.userProperties }]),
    [
      [['b'], undefined],
      [['a'], { why: 'moved' }],
      [['c'], undefined],
    ],
  );
  await client.end();
});

test('UNSUBSCRIBE that is too large for the server goes without its properties, as in 3.x', async () => {
  const peer = new Peer();
  peer.connack = { ...peer.connack, properties: { maximumPacketSize: 40 } };
  const properties = { userProperties: { why: 'x'.repeat(40) } };
  for (const protocolVersion of /** @type {const} */ ([5, 4])) {
    const client = await peer.connect({ protocolVersion });
    await client.subscribe('a');
    await client.unsubscribe('a', { properties });
    const { unsubscriptions, properties: said } = await peer.last.packet('unsubscribe');
    assert.deepEqual([unsubscriptions, said], [['a'], undefined]);
    assert.equal(client.negotiated?.warnings.length, 1);
    await client.end();
  }
});

test('a message is refused with a reason; QoS 2 is over then, and its id means another message [M5:4.3.3-9]', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {import('../../web/client/index.js').Message[]} */
  const messages = [];
  await client.subscribe('a', { qos: 2, manualAck: true }, (message) => void messages.push(message));
  peer.last.send(publish('a', '1', { qos: 1, messageId: 1 }), publish('a', '2', { qos: 2, messageId: 2 }));
  await eventually(() => messages.length === 2);
  messages[0].ack({ reasonCode: 0x99, properties: SAID });
  messages[1].ack({ reasonCode: 0x97, properties: { reasonString: 'no' } });
  messages[1].ack({ reasonCode: 0x80 });
  const puback = await peer.last.packet('puback');
  assert.equal(puback.reasonCode, 0x99);
  assertSaid(puback.properties);
  const pubrec = await peer.last.packet('pubrec');
  assert.equal(pubrec.reasonCode, 0x97);
  assert.deepEqual(pubrec.properties.reasonString, 'no');
  peer.answers.pubrec = () => {};
  peer.last.send(publish('a', '3', { qos: 2, messageId: 2 }));
  await eventually(() => messages.length === 3);
  assert.equal(messages[2].redelivered, false);
  messages[2].ack();
  assert.equal((await peer.last.packet('pubrec', 2)).reasonCode, 0);
  assert.equal(peer.last.count('pubrec'), 2);
  await client.end();
});

test('a handler that refuses is not overruled by what acknowledges when it returned', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await client.subscribe('a', { qos: 1 }, (message) => message.ack({ reasonCode: 0x83 }));
  peer.last.send(publish('a', '1', { qos: 1, messageId: 1 }));
  assert.equal((await peer.last.packet('puback')).reasonCode, 0x83);
  await turn();
  assert.equal(peer.last.count('puback'), 1);
  await client.end();
});

test('an acknowledgement that cannot be says so and changes nothing', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {any[]} */
  const messages = [];
  await client.subscribe('a', { qos: 2, manualAck: true }, (message) => void messages.push(message));
  peer.last.send(publish('a', '1', { qos: 1, messageId: 1 }));
  await eventually(() => messages.length === 1);
  const [message] = messages;
  for (const reasonCode of [1, 0x10, 0x92, 0x183, -1]) {
    assert.throws(() => message.ack({ reasonCode }), { name: 'MqttError', code: 'bad-option' }, String(reasonCode));
  }
  assert.throws(() => message.ack({ properties: { contentType: 'x' } }), { code: 'bad-property' });
  assert.throws(() => message.ack({ properties: { reasonString: 1 } }), { code: 'bad-property' });
  await turn();
  assert.equal(peer.last.count('puback'), 0);
  assert.equal(client.stats.unacked, 1);
  message.ack({ properties: { userProperties: { a: 'b' } } });
  const { reasonCode, properties } = await peer.last.packet('puback');
  assert.deepEqual([reasonCode, { ...properties.userProperties }], [0, { a: 'b' }]);
  await client.end();
});

test('3.x cannot refuse; properties are left out, and said to be', async () => {
  const peer = new Peer();
  const client = await peer.connect({ protocolVersion: 4 });
  /** @type {any[]} */
  const messages = [];
  await client.subscribe('a', { qos: 2, manualAck: true }, (message) => void messages.push(message));
  peer.last.send(publish('a', '1', { qos: 2, messageId: 1 }));
  await eventually(() => messages.length === 1);
  assert.throws(() => messages[0].ack({ reasonCode: 0x80 }), { code: 'needs-mqtt-5' });
  await turn();
  assert.equal(peer.last.count('pubrec'), 0);
  messages[0].ack({ properties: { reasonString: 'x' } });
  await peer.last.packet('pubrec');
  assert.equal(client.negotiated?.warnings.length, 1);
  await client.end();
});

test('acknowledgements larger than the core has memory for at first', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {any[]} */
  const messages = [];
  await client.subscribe('a', { qos: 2, manualAck: true }, (message) => void messages.push(message));
  peer.last.send(publish('a', '1', { qos: 1, messageId: 1 }), publish('a', '2', { qos: 1, messageId: 2 }));
  await eventually(() => messages.length === 2);
  const reasonString = 'x'.repeat(60_000);
  messages[1].ack({ reasonCode: 0x80, properties: { reasonString } });
  messages[0].ack({ reasonCode: 0x80, properties: { reasonString } });
  for (const n of [1, 2]) assert.equal((await peer.last.packet('puback', n)).properties.reasonString, reasonString);
  await client.end();
});

test('with a store, a refused message leaves nothing there, and the next one is given', async () => {
  const lives = new Lives();
  const client = await lives.begin({ manualAck: true });
  /** @type {any[]} */
  const messages = [];
  await client.subscribe('in', { qos: 2 }, (message) => void messages.push(message));
  lives.connection.send(publish('in', 'a', { qos: 2, messageId: 1 }), publish('in', 'b', { qos: 2, messageId: 2 }));
  await eventually(() => messages.length === 2);
  await eventually(() => lives.store.keys.flat().includes('i:1'));
  messages[0].ack({ reasonCode: 0x83, properties: { reasonString: 'no' } });
  assert.equal((await lives.connection.packet('pubrec')).reasonCode, 0x83);
  assert.equal('i:1' in (await lives.store.records()), false);
  assert.equal('i:2' in (await lives.store.records()), true);
  await client.end();
});

test('authentication: what is given beside the data is in CONNECT and AUTH', async () => {
  const peer = new Peer();
  const properties = { authenticationMethod: 'K' };
  peer.answers.connect = (_packet, connection) => connection.send({ cmd: 'auth', reasonCode: 0x18, properties });
  peer.answers.auth = ({ reasonCode }, connection) =>
    connection.send(
      reasonCode === 0x18
        ? { cmd: 'connack', reasonCode: 0, sessionPresent: false, properties }
        : { cmd: 'auth', reasonCode: 0, properties },
    );
  let reauthentication = false;
  const authentication = {
    method: 'K',
    start: () => ({
      data: 'hello',
      properties: reauthentication ? SAID : { userProperties: { step: '1' } },
      continue: () => ({ data: 'more', properties: SAID }),
    }),
  };
  const client = await peer.connect({ authentication, properties: { userProperties: { site: 'north' } } });
  const connect = await peer.last.packet('connect');
  assert.deepEqual({ ...connect.properties.userProperties }, { site: 'north', step: '1' });
  assert.equal(connect.properties.authenticationData.toString(), 'hello');
  const first = await peer.last.packet('auth');
  assert.equal(first.properties.authenticationData.toString(), 'more');
  assert.equal(first.properties.reasonString, 'because');
  assert.deepEqual({ ...first.properties.userProperties }, SAID.userProperties);
  reauthentication = true;
  await client.reauthenticate();
  const second = await peer.last.packet('auth', 2);
  assert.deepEqual([second.reasonCode, second.properties.reasonString], [0x19, 'because']);
  await client.end();
});

test('authentication: what CONNECT cannot carry ends the attempt; an answer without data is one', async () => {
  const peer = new Peer();
  const properties = { authenticationMethod: 'K' };
  const refused = await rejection(
    peer.connect({ authentication: { method: 'K', start: () => ({ properties: { reasonString: 'x' } }) } }),
  );
  assert.equal(refused.code, 'credentials-failed');
  assert.match(refused.message, /reasonString cannot be in CONNECT/);
  peer.answers.connect = (_packet, connection) => connection.send({ cmd: 'auth', reasonCode: 0x18, properties });
  peer.answers.auth = (_packet, connection) =>
    connection.send({ cmd: 'connack', reasonCode: 0, sessionPresent: false, properties });
  const start = () => ({ continue: () => ({ properties: { userProperties: { a: 'b' } } }) });
  const client = await peer.connect({ authentication: { method: 'K', start } });
  const answer = await peer.last.packet('auth');
  assert.equal(answer.properties.authenticationData, undefined);
  assert.deepEqual({ ...answer.properties.userProperties }, { a: 'b' });
  await client.end();
});

test('DISCONNECT of end() carries reason string and user properties', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  await client.end({ reasonCode: 4, properties: SAID });
  const { reasonCode, properties } = await peer.last.packet('disconnect');
  assert.equal(reasonCode, 4);
  assert.equal(properties.reasonString, 'because');
  assert.deepEqual({ ...properties.userProperties }, SAID.userProperties);
});
