// A server that names another one: where the client goes, and where it does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttError } from '../../web/client/index.js';
import { follow } from '../../web/client/redirect.js';
import { eventually, Peer, rejection } from './peer.js';

const USE_ANOTHER = 0x9c;
const MOVED = 0x9d;

/**
 * @param {string} from
 * @param {string} serverReference
 * @param {import('../../web/client/redirect.js').Redirect} [redirect]
 */
const followed = (from, serverReference, redirect) =>
  follow(from, new MqttError('connack', 'refused', '', { reasonCode: MOVED, serverReference }), redirect);
const anywhere = (/** @type {string} */ _from, /** @type {string} */ to) => to;

/**
 * A server at each URL that sends clients on by this table: URL to reason code and server reference.
 * @param {Record<string, [number, string]>} table
 */
function senders(table) {
  const peer = new Peer();
  peer.answers.connect = (_packet, connection) => {
    const row = table[connection.url];
    if (!row) return connection.send(peer.connack);
    const [reasonCode, serverReference] = row;
    connection.send({ cmd: 'connack', reasonCode, sessionPresent: false, properties: { serverReference } });
  };
  return peer;
}

/** @param {Peer} peer */
const urls = (peer) => peer.connections.map(({ url }) => url);

test('a reference is a list of hosts with ports; scheme and path are kept', () => {
  const from = 'wss://user:secret@a.test:8084/mqtt?token=t';
  for (const [reference, expected] of /** @type {[string, string[]][]} */ ([
    ['b.test', ['wss://b.test:8084/mqtt']],
    ['b.test:9001 c.test:443', ['wss://b.test:9001/mqtt', 'wss://c.test/mqtt']],
    ['[2001:db8::1]:9001', ['wss://[2001:db8::1]:9001/mqtt']],
    ['[::1]', ['wss://[::1]:8084/mqtt']],
    ['a.test:9001', ['wss://user:secret@a.test:9001/mqtt?token=t']],
    ['A.TEST', [from]],
    ['nonsense:0 b.test', ['wss://b.test:8084/mqtt']],
    ['1.test 2.test 3.test 4.test 5.test 6.test', [1, 2, 3, 4, 5].map((n) => `wss://${n}.test:8084/mqtt`)],
  ])) {
    assert.deepEqual(followed(from, reference, anywhere), expected, reference);
  }
});

test('what is no host goes nowhere', () => {
  for (const reference of [
    '',
    ' ',
    ':9001',
    'b.test:',
    'b.test:99999',
    'b.test:9001:9002',
    'b.test/path',
    'ws://b.test',
    'javascript:alert(1)',
    'user@b.test',
    'user:secret@b.test',
    'b.test?x',
    'b.test#x',
    'b.test\\@c.test',
    '[::1',
    '[b.test]',
    '2001:db8::1',
    '1.2.3.4.5',
    'bücher.test',
    'b.test\t',
    'b.test\nx',
  ]) {
    assert.throws(
      () => followed('wss://a.test/', reference, anywhere),
      { code: 'redirect-refused', message: /cannot be understood/ },
      JSON.stringify(reference),
    );
  }
});

test('the same host only, or where the option redirect says so; never from wss to ws', () => {
  assert.deepEqual(followed('ws://a.test/', 'b.test a.test:9'), ['ws://a.test:9/']);
  assert.throws(() => followed('ws://a.test/', 'b.test'), { code: 'redirect-refused', hint: /option redirect/ });
  assert.throws(() => followed('ws://a.test/', 'a.test.evil.test'), { code: 'redirect-refused' });
  assert.throws(() => followed('ws://a.test/', 'a.test:9', () => false), { code: 'redirect-refused' });
  assert.deepEqual(
    followed('ws://a.test/x', 'b.test', () => new URL('wss://c.test/y')),
    ['wss://c.test/y'],
  );
  for (const bad of /** @type {any[]} */ ([
    'ws://a.test/',
    'mqtt://a.test',
    undefined,
    Promise.resolve('wss://b.test'),
  ])) {
    assert.throws(() => followed('wss://a.test/', 'b.test', () => bad), { code: 'redirect-refused', hint: /false/ });
  }
});

test('CONNACK 0x9C and 0x9D are followed at once, with credentials asked anew', async () => {
  for (const reasonCode of [USE_ANOTHER, MOVED]) {
    const peer = senders({ 'ws://a.test/mqtt': [reasonCode, 'a.test:81'] });
    let asked = 0;
    const credentials = () => ({ username: `u${++asked}` });
    const client = await peer.connect({ credentials }, 'ws://a.test/mqtt');
    assert.deepEqual(urls(peer), ['ws://a.test/mqtt', 'ws://a.test:81/mqtt']);
    assert.deepEqual(
      peer.connections.map(({ packets }) => packets[0].username),
      ['u1', 'u2'],
    );
    peer.last.drop();
    await peer.connection(3 + Number(reasonCode === USE_ANOTHER));
    await eventually(() => client.state === 'connected');
    // For good, or only for this time.
    assert.deepEqual(urls(peer).slice(2), reasonCode === MOVED ? [urls(peer)[1]] : urls(peer).slice(0, 2));
    await client.end();
  }
});

test('servers of a list are tried in their order', async () => {
  const peer = senders({
    'ws://a.test/': [USE_ANOTHER, 'b.test c.test d.test'],
    'ws://b.test/': [0x88, ''],
  });
  const client = await peer.connect({ redirect: anywhere }, 'ws://a.test/');
  assert.deepEqual(urls(peer), ['ws://a.test/', 'ws://b.test/', 'ws://c.test/']);
  await client.end();
});

test('a circle ends after five hops', async () => {
  const peer = senders({ 'ws://a.test/': [USE_ANOTHER, 'b.test'], 'ws://b.test/': [MOVED, 'a.test'] });
  const error = await rejection(peer.connect({ redirect: anywhere }, 'ws://a.test/'));
  assert.equal(error.code, 'redirect-refused');
  assert.match(error.hint, /circle/);
  assert.equal(peer.connections.length, 6);
});

test('a hop that is temporary is not remembered, though one for good follows', async () => {
  const peer = senders({ 'ws://a.test/': [USE_ANOTHER, 'b.test'], 'ws://b.test/': [MOVED, 'c.test'] });
  const client = await peer.connect({ redirect: anywhere }, 'ws://a.test/');
  peer.last.drop();
  await peer.connection(6);
  assert.deepEqual(urls(peer).slice(3), ['ws://a.test/', 'ws://b.test/', 'ws://c.test/']);
  await client.end({ force: true });
});

test('DISCONNECT with a server reference is followed too', async () => {
  for (const reasonCode of [USE_ANOTHER, MOVED]) {
    const peer = new Peer();
    const client = await peer.connect({}, 'ws://a.test/');
    /** @type {any[]} */
    const told = [];
    client.on('disconnect', ({ error }) => told.push(error));
    peer.last.send({ cmd: 'disconnect', reasonCode, properties: { serverReference: 'a.test:81' } });
    await peer.connection(2);
    await eventually(() => client.state === 'connected');
    peer.last.drop();
    await peer.connection(3);
    await eventually(() => client.state === 'connected');
    const there = reasonCode === MOVED ? 'ws://a.test:81/' : 'ws://a.test/';
    assert.deepEqual(urls(peer), ['ws://a.test/', 'ws://a.test:81/', there]);
    assert.equal(told[0].code, 'redirected');
    assert.equal(told[0].serverReference, 'a.test:81');
    await client.end();
  }
});

test('what is not followed says where to, and names the option', async () => {
  const peer = senders({ 'ws://a.test/mqtt': [MOVED, 'b.test:81'] });
  const error = await rejection(peer.connect({}, 'ws://a.test/mqtt'));
  assert.equal(error.phase, 'connack');
  assert.equal(error.code, 'redirect-refused');
  assert.equal(error.reasonCode, MOVED);
  assert.equal(error.serverReference, 'b.test:81');
  assert.match(error.message, /ws:\/\/a\.test\/mqtt sends this client to ws:\/\/b\.test:81\/mqtt/);
  assert.match(error.hint, /redirect/);
  assert.equal(peer.connections.length, 1);

  const other = new Peer();
  const client = await other.connect({}, 'ws://a.test/');
  /** @type {any} */
  let told;
  client.on('error', (reason) => (told = reason));
  other.last.send({ cmd: 'disconnect', reasonCode: MOVED, properties: { serverReference: 'b.test' } });
  await eventually(() => client.state === 'ended');
  assert.equal(told.code, 'redirect-refused');
  assert.equal(other.connections.length, 1);
});
