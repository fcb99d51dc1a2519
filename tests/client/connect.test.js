// Connecting: what CONNECT carries, which versions are tried, and what an MqttError says when it fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, createClient, memoryStore, scramSha256, MqttError } from '../../web/client/index.js';
import wasmqtt from '../../web/client/index.js';
import { eventually, hungModule, module as wasm, Peer, refused, rejection } from './peer.js';

test('CONNECT carries what the options say', async () => {
  const peer = new Peer();
  const client = await peer.connect({
    clientId: 'me',
    username: 'u',
    password: 'p',
    keepalive: 7,
    properties: { sessionExpiryInterval: 9, receiveMaximum: 33, userProperties: { a: 'b' } },
    will: { topic: 'w', payload: 'gone', qos: 1, retain: true, properties: { willDelayInterval: 2 } },
  });
  const packet = await peer.last.packet('connect');
  assert.equal(packet.clientId, 'me');
  assert.equal(packet.username, 'u');
  assert.equal(String(packet.password), 'p');
  assert.equal(packet.keepalive, 7);
  assert.equal(packet.clean, true);
  assert.equal(packet.protocolVersion, 5);
  assert.equal(packet.properties.sessionExpiryInterval, 9);
  assert.equal(packet.properties.receiveMaximum, 33);
  assert.equal(packet.properties.userProperties.a, 'b');
  assert.equal(packet.will.topic, 'w');
  assert.equal(String(packet.will.payload), 'gone');
  assert.equal(packet.will.qos, 1);
  assert.equal(packet.will.retain, true);
  assert.equal(packet.will.properties.willDelayInterval, 2);
  assert.deepEqual(peer.last.protocols, ['mqtt']); // [M3:6.0.0-3] [M5:6.0.0-3]
  await client.end();
  assert.equal((await peer.last.packet('disconnect')).reasonCode ?? 0, 0);
});

test('without options: a client id of at most 23 characters, 60 s, a session that lasts for reconnects only', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const packet = await peer.last.packet('connect');
  assert.match(packet.clientId, /^wq-[0-9a-f]{20}$/);
  assert.equal(packet.keepalive, 60);
  assert.equal(packet.properties.sessionExpiryInterval, 300);
  assert.equal(client.clientId, packet.clientId);
  await client.end();
  assert.equal((await peer.last.packet('disconnect')).properties.sessionExpiryInterval, 0);
});

test('end() closes behind DISCONNECT [M3:3.14.4-1] [M5:3.14.4-2]', async () => {
  for (const protocolVersion of /** @type {const} */ ([4, 5])) {
    const peer = new Peer();
    if (protocolVersion === 4) peer.connack = { cmd: 'connack', returnCode: 0, sessionPresent: false };
    const client = await peer.connect({ protocolVersion });
    await client.end();
    assert.equal(peer.last.packets.at(-1).cmd, 'disconnect');
    assert.equal(peer.last.closed?.code, 1000);
  }
});

test('the default export has the same members', () => {
  assert.deepEqual(wasmqtt, { connect, createClient, memoryStore, scramSha256, MqttError });
});

test('negotiated tells the limits of CONNACK, and the assigned client id', async () => {
  const peer = new Peer();
  peer.connack.properties = {
    assignedClientIdentifier: 'given',
    maximumQoS: 1,
    retainAvailable: false,
    serverKeepAlive: 11,
    receiveMaximum: 3,
    maximumPacketSize: 2000,
    sharedSubscriptionAvailable: false,
  };
  /** @type {any} */
  let info;
  const client = peer.createClient().on('connect', (told) => (info = told));
  await client.ready;
  const { negotiated } = client;
  assert.equal(negotiated?.clientId, 'given');
  assert.equal(client.clientId, 'given');
  assert.equal(negotiated?.maximumQos, 1);
  assert.equal(negotiated?.retainAvailable, false);
  assert.equal(negotiated?.keepAlive, 11);
  assert.equal(negotiated?.receiveMaximum, 3);
  assert.equal(negotiated?.maximumPacketSize, 2000);
  assert.equal(negotiated?.sharedAvailable, false);
  assert.equal(info.properties.assignedClientIdentifier, 'given');
  assert.equal(info.sessionPresent, false);
  await client.end();
});

for (const [name, answer] of /** @type {[string, any][]} */ ([
  ['CONNACK 0x84', { cmd: 'connack', reasonCode: 0x84, sessionPresent: false }],
  ['a 3.1.1-shaped CONNACK 1', Uint8Array.of(0x20, 2, 0, 1)],
  ['a close without CONNACK', null],
])) {
  test(`5.0 answered by ${name}: 3.1.1 is tried on a new socket`, async () => {
    const peer = new Peer();
    peer.answers.connect = ({ protocolVersion }, connection) => {
      if (protocolVersion < 5) connection.send({ cmd: 'connack', returnCode: 0, sessionPresent: false });
      else if (answer === null) connection.drop(1011);
      else if (answer instanceof Uint8Array) connection.sendBytes(answer);
      else connection.send(answer);
    };
    const client = await peer.connect({ properties: { userProperties: { a: 'b' } } });
    assert.equal(client.negotiated?.version, 4);
    assert.equal(peer.connections.length, 2);
    assert.equal(client.negotiated?.warnings.length, 1);
    await client.end();
  });
}

test('the version that worked is remembered for a URL whose query is new each time', async () => {
  const peer = new Peer();
  peer.answers.connect = ({ protocolVersion }, connection) =>
    protocolVersion === 4 ? connection.send(peer.connack) : connection.drop(1011);
  let signature = 0;
  const credentials = async () => ({ url: `ws://peer.test/mqtt?signature=${signature++}` });
  const client = await peer.connect({ credentials });
  peer.last.drop();
  const third = await peer.connection(3);
  assert.equal((await third.packet('connect')).protocolVersion, 4);
  assert.match(third.url, /signature=1/);
  await client.end();
});

test('3.1 has its own subprotocol and comes last', async () => {
  const peer = new Peer();
  peer.answers.connect = ({ protocolVersion }, connection) => {
    if (protocolVersion === 3) connection.send({ cmd: 'connack', returnCode: 0, sessionPresent: false });
    else connection.drop(1002);
  };
  const client = await peer.connect();
  assert.equal(client.negotiated?.version, 3);
  assert.deepEqual(
    peer.connections.map(({ protocols }) => protocols),
    [['mqtt'], ['mqtt'], ['mqttv3.1']],
  );
  await client.end();
});

test('a fixed protocolVersion is not changed', async () => {
  const peer = new Peer();
  peer.answers.connect = (_packet, connection) => connection.drop(1011);
  const error = await rejection(peer.connect({ protocolVersion: 5 }));
  assert.equal(error.code, 'closed');
  assert.equal(peer.connections.length, 1);
});

test('a socket that does not open is no reason to try another version', async () => {
  let opened = 0;
  const webSocket = () => {
    opened++;
    const socket = /** @type {any} */ ({ close() {}, send() {}, bufferedAmount: 0 });
    setImmediate(() => socket.onclose({ code: 1006, reason: '' }));
    return socket;
  };
  const error = await rejection(connect('ws://peer.test/mqtt', { webSocket, wasm }));
  assert.equal(error.phase, 'open');
  assert.equal(error.code, 'open-failed');
  assert.equal(error.closeCode, 1006);
  assert.match(error.message, /ws:\/\/peer\.test\/mqtt/);
  assert.match(error.hint, /port/);
  assert.equal(opened, 1);
});

test('a refused CONNACK says why, and what to try', async () => {
  const peer = new Peer();
  peer.connack = {
    cmd: 'connack',
    reasonCode: 0x86,
    sessionPresent: false,
    properties: { reasonString: 'no such user' },
  };
  const error = await rejection(peer.connect());
  assert(error instanceof MqttError);
  assert.equal(error.name, 'MqttError');
  assert.equal(error.phase, 'connack');
  assert.equal(error.code, 'refused');
  assert.equal(error.reasonCode, 0x86);
  assert.match(error.message, /Bad User Name or Password/i);
  assert.match(error.message, /no such user/);
  assert.match(error.hint, /user name and password/);
  assert.equal(peer.connections.length, 1, 'connect() gives up');
});

test('a refused CONNACK of 3.1.1', async () => {
  const peer = new Peer();
  peer.connack = { cmd: 'connack', returnCode: 5, sessionPresent: false };
  const error = await rejection(peer.connect({ protocolVersion: 4 }));
  assert.equal(error.reasonCode, 5);
  assert.match(error.message, /not authorized/i);
});

test('a server that does not answer CONNECT', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const error = await rejection(peer.connect({ connectTimeout: 30 }));
  assert.equal(error.phase, 'connack');
  assert.equal(error.code, 'timeout');
  assert.match(error.hint, /subprotocol/);
});

test('a WebSocket that never opens', async () => {
  const webSocket = () => /** @type {any} */ ({ close() {}, send() {}, bufferedAmount: 0 });
  const error = await rejection(connect('ws://peer.test', { webSocket, wasm, connectTimeout: 20 }));
  assert.equal(error.phase, 'open');
  assert.equal(error.code, 'timeout');
});

test('an error without a close, and a constructor that throws, end the attempt', async () => {
  const mute = () => {
    const socket = /** @type {any} */ ({ close() {}, send() {}, bufferedAmount: 0 });
    setImmediate(() => socket.onerror({}));
    return socket;
  };
  assert.equal((await rejection(connect('ws://peer.test', { webSocket: mute, wasm }))).phase, 'open');
  const throws = () => {
    throw new Error('blocked');
  };
  assert.equal((await rejection(connect('ws://peer.test', { webSocket: throws, wasm }))).phase, 'open');
});

test('a server that talks something else is a malformed packet, not a hang', async () => {
  const peer = new Peer();
  peer.answers.connect = (_packet, connection) => connection.sendBytes(Buffer.from('HTTP/1.1 400 Bad Request'));
  const error = await rejection(peer.connect({ protocolVersion: 5 }));
  assert.equal(error.phase, 'connack');
  assert.match(error.code, /malformed|protocol/);
});

test('bad URLs and options are refused before anything is opened', async () => {
  for (const [url, pattern] of /** @type {[string, RegExp][]} */ ([
    ['nonsense', /URL/],
    ['mqtt://broker.test:1883', /mqtt:/],
    ['ws://broker.test/#x', /#/],
  ])) {
    const error = await rejection(connect(url));
    assert.equal(error.phase, 'options');
    assert.equal(error.code, 'bad-url');
    assert.match(error.message, pattern);
    assert.notEqual(error.hint, '');
  }
  for (const options of /** @type {any[]} */ ([
    { keepalive: 70000 },
    { keepAlive: 60 },
    { reconnect: { jitter: 'some' } },
    { queue: { maxMessages: 0 } },
    { will: { payload: 'x' } },
    { protocolVersion: 6 },
    { topicAliases: 1025 },
    { topicAliases: -1 },
    { clientId: 'half \ud800' },
    { username: '\udfff' },
    { password: '\ud800\ud800' },
    { will: { topic: 'gone/\ud800' } },
  ])) {
    assert.equal((await rejection(connect('ws://peer.test', options))).code, 'bad-option', JSON.stringify(options));
    assert.throws(() => createClient('ws://peer.test', options), { code: 'bad-option' });
  }
});

test('a limit of ours that is out of its range is named, with the range', async () => {
  for (const [properties, name, range] of /** @type {[object, string, RegExp][]} */ ([
    [{ topicAliasMaximum: 1025 }, 'topicAliasMaximum', /0 to 1024/],
    [{ topicAliasMaximum: -1 }, 'topicAliasMaximum', /0 to 1024/],
    [{ receiveMaximum: 0 }, 'receiveMaximum', /1 to 65535/],
    [{ maximumPacketSize: 1023 }, 'maximumPacketSize', /1024 to 268435460/],
  ])) {
    const error = await rejection(connect('ws://peer.test', { properties }));
    assert.equal(error.phase, 'options');
    assert.equal(error.code, 'bad-option');
    assert(error.message.includes(`properties.${name}`));
    assert.match(error.hint, range);
  }
  const peer = new Peer();
  await (await peer.connect({ properties: { topicAliasMaximum: 1024 } })).end();
  assert.equal(peer.last.packets[0].properties.topicAliasMaximum, 1024);
});

test('a property that CONNECT cannot carry is named', async () => {
  const peer = new Peer();
  for (const properties of /** @type {any[]} */ ([{ topicAlias: 3 }, { nonsense: 1 }, { sessionExpiryInterval: -1 }])) {
    const error = await rejection(peer.connect({ properties }));
    assert.equal(error.code, 'bad-property');
    assert(error.message.includes(Object.keys(properties)[0]));
  }
  assert.equal(peer.connections.length, 0);
});

test('errors and the log hold no password and nothing behind the path of the URL', async () => {
  /** @type {string[]} */
  const told = [];
  const url = 'ws://user:secret1@peer.test/mqtt?token=secret2';
  const peer = new Peer();
  peer.connack = { cmd: 'connack', reasonCode: 0x87, sessionPresent: false };
  const log = (/** @type {any[]} */ ...args) => told.push(JSON.stringify(args));
  const errors = [
    await rejection(peer.connect({ password: 'secret3', username: 'u', log }, url)),
    await rejection(
      connect(url, { wasm, log, webSocket: () => /** @type {any} */ ({ close() {} }), connectTimeout: 5 }),
    ),
  ];
  for (const error of errors) told.push(error.message, error.hint, error.stack, JSON.stringify(error));
  assert.doesNotMatch(told.join('\n'), /secret\d/);
});

test('a log() that throws is reported, and stops nothing', async () => {
  const peer = new Peer();
  const client = peer.createClient({
    credentials: () => ({ expires: 1 }), // which is worth a warning, in the middle of CONNACK
    log() {
      throw new Error('the disk is full');
    },
  });
  /** @type {string[]} */
  const errors = [];
  client.on('error', (error) => errors.push(/** @type {Error} */ (error).message));
  await client.ready;
  assert.deepEqual(errors, ['the disk is full']);
  await client.publish('a', 'x', { qos: 1 });
  await client.end();
});

test('credentials() is asked before every attempt', async () => {
  const peer = new Peer();
  let n = 0;
  peer.answers.connect = ({ password }, connection) =>
    connection.send({ cmd: 'connack', reasonCode: String(password) === 'p2' ? 0 : 0x86, sessionPresent: false });
  const client = peer.createClient({
    credentials: async () => ({ username: 'u', password: `p${++n}`, url: 'ws://other.test/x', clientId: `c${n}` }),
  });
  await client.ready;
  assert.equal(n, 2);
  assert.equal(peer.last.url, 'ws://other.test/x');
  assert.equal((await peer.last.packet('connect')).clientId, 'c2');
  await client.end();
});

test('credentials that are refused twice are not tried a third time', async () => {
  const peer = new Peer();
  peer.connack = { cmd: 'connack', reasonCode: 0x86, sessionPresent: false };
  let asked = 0;
  const client = peer.createClient({ credentials: () => ({ password: String(asked++) }) }).on('error', () => {});
  assert.equal((await rejection(client.ready)).reasonCode, 0x86);
  assert.equal(asked, 2);
  assert.equal(client.state, 'ended');
});

test('each URL is tried once, and the last error is told', async () => {
  const peer = new Peer();
  peer.answers.connect = (_packet, connection) => {
    if (connection.url.includes('good')) connection.send(peer.connack);
    else connection.send({ cmd: 'connack', reasonCode: 0x88, sessionPresent: false });
  };
  const client = await peer.connect({}, ['ws://one.test/', 'ws://good.test/']);
  assert.equal(peer.last.url, 'ws://good.test/');
  await client.end();
  const error = await rejection(peer.connect({}, ['ws://one.test/', 'ws://two.test/']));
  assert.match(error.message, /two\.test/);
});

test('end() while connecting rejects ready, once, and closes', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const client = peer.createClient();
  const connection = await peer.connection(1);
  await connection.packet('connect');
  const ready = rejection(client.ready);
  await client.end();
  assert.equal((await ready).code, 'connection-ended');
  await connection.until(() => connection.closed);
  assert.equal(client.state, 'ended');
});

test('a module that cannot be loaded is told as such', async () => {
  const error = await rejection(connect('ws://peer.test', { wasm: new Uint8Array([1, 2, 3]) }));
  assert.equal(error.phase, 'load');
  assert.match(error.hint, /wasm-unsafe-eval/);
});

test('a module that does not come: connect() says so in time, createClient() goes on and is there with it', async () => {
  const error = await rejection(new Peer().connect({ wasm: hungModule().response, connectTimeout: 10 }));
  assert.deepEqual([error.phase, error.code], ['load', 'wasm-timeout']);

  const hung = hungModule();
  const peer = new Peer();
  const reconnect = { minDelay: 60_000, jitter: /** @type {const} */ ('none') };
  const client = peer.createClient({ wasm: hung.response, connectTimeout: 10, reconnect });
  await eventually(() => client.state === 'waiting');
  assert.equal(peer.connections.length, 0);
  await hung.come();
  await client.ready; // not after a minute
  await client.end();
});

test('connect() is given up by a signal, at any time, and leaves nothing behind', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const loading = peer.connect({ wasm: hungModule().response, signal: AbortSignal.timeout(5) });
  assert.equal((await rejection(loading)).code, 'aborted');
  const controller = new AbortController();
  const connecting = rejection(peer.connect({ signal: controller.signal }));
  await (await peer.connection(1)).packet('connect');
  controller.abort('enough');
  const error = await connecting;
  assert.deepEqual([error.phase, error.code, error.cause], ['open', 'aborted', 'enough']);
  await eventually(() => peer.last.closed);
  const late = new AbortController();
  const client = await new Peer().connect({ signal: late.signal });
  late.abort();
  await client.publish('a', 'b', { qos: 1 });
  assert.equal(client.state, 'connected');
  await client.end();
});

for (const [detail, code, hint] of /** @type {[string, string, RegExp][]} */ ([
  ['connect ECONNREFUSED 127.0.0.1:9001', 'refused-connection', /WebSocket listener/],
  ['getaddrinfo ENOTFOUND nowhere', 'unknown-host', /host name/],
  ['Server sent no subprotocol', 'subprotocol', /MQTT server/],
  ['Unexpected server response: 401', 'http-status', /credentials/],
  ['Unexpected server response: 404', 'http-status', /path/],
  ['self-signed certificate', 'tls', /certificate/],
  ['socket hang up', 'hung-up', /subprotocol "mqtt"/],
  ['', 'open-failed', /port/],
])) {
  test(`what the engine says, "${detail}", becomes ${code}`, async () => {
    const webSocket = refused(detail);
    const error = await rejection(connect('wss://peer.test/mqtt', { webSocket, wasm }));
    assert.equal(error.code, code);
    assert.match(error.hint, hint);
  });
}

/** A WebSocket that fails as browsers' do: without a word. */
const silentFailure = () => {
  const socket = /** @type {any} */ ({ close() {}, send() {}, bufferedAmount: 0 });
  setImmediate(() => {
    socket.onerror({});
    socket.onclose({ code: 1006, reason: '' });
  });
  return socket;
};

/** @param {import('node:test').TestContext} t @param {string} name @param {unknown} value of a global, for this test */
function setGlobal(t, name, value) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true });
  t.after(() => {
    if (before) Object.defineProperty(globalThis, name, before);
    else delete (/** @type {any} */ (globalThis)[name]);
  });
}

test('where nobody says why, what can be known from the URL is said: port, path, subprotocol', async () => {
  for (const [url, said, unsaid] of /** @type {[string, RegExp, RegExp][]} */ ([
    ['wss://peer.test:8883/mqtt', /Port 8883 is for MQTT over plain TCP/, /certificate/],
    ['ws://peer.test:1883', /Port 1883 is for MQTT over plain TCP/, /certificate/],
    ['wss://peer.test', /no path: most servers want \/mqtt/, /Is the path right/],
    ['wss://peer.test/x', /Is the path right/, /no path/],
    ['ws://peer.test/mqtt', /subprotocol "mqtt"/, /certificate/],
  ])) {
    const { code, hint } = await rejection(connect(url, { webSocket: silentFailure, wasm }));
    assert.equal(code, 'open-failed');
    assert.match(hint, said);
    assert.doesNotMatch(hint, unsaid);
  }
});

test('offline is told as such, but for the own machine', async (t) => {
  setGlobal(t, 'navigator', { onLine: false });
  const far = await rejection(connect('wss://peer.test/mqtt', { webSocket: silentFailure, wasm }));
  assert.equal(far.code, 'offline');
  const near = await rejection(connect('ws://127.0.0.1:9001/mqtt', { webSocket: silentFailure, wasm }));
  assert.equal(near.code, 'open-failed');
});

test('ws:// from a page of https:// is named as what it is, but for the own machine', async (t) => {
  setGlobal(t, 'location', new URL('https://page.test/'));
  const webSocket = () => {
    throw new Error('The operation is insecure.');
  };
  for (const [url, code] of [
    ['ws://peer.test/mqtt', 'mixed-content'],
    ['ws://localhost:9001/', 'open-failed'],
    ['ws://127.0.0.1:9001/', 'open-failed'],
    ['ws://[::1]:9001/', 'open-failed'],
    ['wss://peer.test/mqtt', 'open-failed'],
  ]) {
    const error = await rejection(connect(url, { webSocket, wasm }));
    assert.equal(error.code, code, url);
    assert.match(error.hint, /wss:\/\/|https:\/\//);
  }
});

test('3.1.1: a second CONNACK says why the connection ends, and the client comes back; reserved codes are told', async () => {
  const peer = new Peer();
  const client = await peer.connect({ protocolVersion: 4, clientId: 'twice' });
  /** @type {any[]} */
  const ends = [];
  client.on('disconnect', ({ error }) => ends.push(error));
  peer.last.sendBytes(Uint8Array.of(0x20, 2, 0, 5));
  await peer.connection(2);
  assert.deepEqual(
    ends.map(({ phase, code, reasonCode }) => [phase, code, reasonCode]),
    [['connected', 'disconnected', 5]],
  );
  assert.match(ends[0].message, /not authorized/i);
  await client.end();
  peer.answers.connect = (_packet, connection) => connection.sendBytes(Uint8Array.of(0x20, 2, 0, 13));
  const error = await rejection(peer.connect({ protocolVersion: 4 }));
  assert.deepEqual([error.code, error.reasonCode], ['refused', 13]);
});

test('end() with properties that cannot be rejects and changes nothing', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  const bad = /** @type {any} */ ({ bogus: 1 });
  assert.equal((await rejection(client.end({ force: true, properties: bad }))).code, 'bad-property');
  assert.equal(client.state, 'connected');
  await client.publish('still/there', '', { qos: 1 });
  await client.end();
  assert.equal(client.state, 'ended');
});

test('a server that opens and says nothing is not asked in an older version: it knows its own time', async () => {
  const peer = new Peer();
  peer.answers.connect = () => {};
  const error = await rejection(peer.connect({ connectTimeout: 30, reconnect: false }));
  assert.deepEqual([error.phase, error.code, peer.connections.length], ['connack', 'timeout', 1]);
});
