// Enhanced authentication: the dialogue before CONNACK and on the connection, SCRAM-SHA-256 in it, and servers that do not
// play along.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scramSha256 } from '../../web/client/index.js';
import { eventually, Peer, publish, rejection, turn } from './peer.js';
import { ScramServer } from './scram_server.js';

/** @typedef {import('./peer.js').PeerConnection} PeerConnection */
/** @typedef {import('../../web/client/auth.js').Authentication} Authentication */

const METHOD = 'K';

/** @param {number} reasonCode @param {string | Uint8Array} [data] @param {object} [more] */
function auth(reasonCode, data, more = {}) {
  const authenticationData = data === undefined ? undefined : Buffer.from(/** @type {any} */ (data));
  return { cmd: 'auth', reasonCode, properties: { authenticationMethod: METHOD, authenticationData, ...more } };
}

/** @param {string | Uint8Array} [data] @param {object} [more] */
function connack(data, more = {}) {
  return { cmd: 'connack', reasonCode: 0, sessionPresent: false, properties: auth(0, data, more).properties };
}

/** A server that leaves CONNECT and AUTH to the test. */
function silent() {
  const peer = new Peer();
  peer.answers.connect = () => {};
  return peer;
}

const text = (/** @type {Uint8Array | undefined} */ data) => new TextDecoder().decode(data);

/** What came as Authentication Data. @param {any} packet */
function dataOf(packet) {
  return packet.properties.authenticationData?.toString();
}

/** @param {Partial<import('../../web/client/auth.js').AuthenticationDialogue>} [dialogue] @returns {Authentication} */
function method(dialogue = {}) {
  return { method: METHOD, start: () => ({ data: 'hello', ...dialogue }) };
}

/** A client whose first authentication is done. @param {Peer} peer @param {Authentication} authentication */
async function connected(peer, authentication, options = {}) {
  peer.answers.connect = (_packet, connection) => connection.send(connack());
  const client = await peer.connect({ authentication, ...options });
  return { client, connection: peer.last };
}

test('CONNECT, AUTH there and back, CONNACK: each has the method and the data [M5:4.12.0-3] [M5:4.12.0-5]', async () => {
  const peer = silent();
  /** @type {any[]} */
  const heard = [];
  const authentication = {
    method: METHOD,
    start: (/** @type {any} */ { reauthentication, signal, module }) => {
      assert.equal(reauthentication, false);
      assert(module instanceof WebAssembly.Module);
      signal.addEventListener('abort', () => heard.push('over'));
      return {
        data: 'hello',
        continue: async (/** @type {any} */ data, /** @type {any} */ info) => {
          heard.push([text(data), info]);
          await turn();
          return Uint8Array.of(0, 255);
        },
        done: (/** @type {any} */ data, /** @type {any} */ info) => void heard.push([text(data), info.reasonString]),
      };
    },
  };
  const ready = peer.connect({ authentication, properties: { userProperties: { site: 'north' } } });
  const connection = await peer.connection(1);
  const connect = await connection.packet('connect');
  assert.equal(connect.protocolVersion, 5);
  assert.equal(connect.properties.authenticationMethod, METHOD);
  assert.equal(dataOf(connect), 'hello');
  assert.equal(connect.properties.userProperties.site, 'north');
  connection.send(auth(0x18, 'and?', { reasonString: 'more', userProperties: { a: ['1', '2'] } }));
  const answer = await connection.packet('auth');
  assert.equal(answer.reasonCode, 0x18);
  assert.equal(answer.properties.authenticationMethod, METHOD);
  assert.deepEqual([...answer.properties.authenticationData], [0, 255]);
  connection.send(connack('welcome', { reasonString: 'fine' }));
  const client = await ready;
  assert.deepEqual(heard, [
    ['and?', { reasonString: 'more', userProperties: Object.assign(Object.create(null), { a: ['1', '2'] }) }],
    ['welcome', 'fine'],
    'over',
  ]);
  await client.end();
});

test('a method without data, and one that answers nothing', async () => {
  const peer = silent();
  const ready = peer.connect({ authentication: { method: METHOD, start: () => ({ continue: () => undefined }) } });
  const connection = await peer.connection(1);
  assert.equal(dataOf(await connection.packet('connect')), undefined);
  connection.send(auth(0x18));
  assert.equal(dataOf(await connection.packet('auth')), undefined);
  connection.send(connack());
  await (await ready).end();
});

test('CONNECT waits for start(); each attempt has a dialogue of its own', async () => {
  const peer = silent();
  let begun = 0;
  const authentication = {
    method: METHOD,
    start: async () => {
      await turn();
      return { data: `hello ${++begun}` };
    },
  };
  peer.answers.connect = (_packet, connection) => connection.send(connack());
  const client = await peer.connect({ authentication });
  assert.equal(dataOf(await peer.last.packet('connect')), 'hello 1');
  peer.last.drop();
  const second = await peer.connection(2);
  assert.equal(dataOf(await second.packet('connect')), 'hello 2');
  await client.end();
});

test('only MQTT 5.0 is tried', async () => {
  const peer = silent();
  peer.answers.connect = (_packet, connection) => connection.sendBytes(Uint8Array.of(0x20, 2, 0, 1));
  const error = await rejection(peer.connect({ authentication: method() }));
  assert.equal(error.code, 'refused');
  assert.equal(peer.connections.length, 1);
  for (const protocolVersion of /** @type {const} */ ([3, 4])) {
    assert.match((await rejection(peer.connect({ authentication: method(), protocolVersion }))).message, /MQTT 5\.0/);
  }
});

test('options that cannot be', async () => {
  const peer = silent();
  const wrong = [null, 'K', {}, { method: 'K' }, { start: () => ({}) }, { method: 5, start: () => ({}) }];
  for (const authentication of wrong) {
    const error = await rejection(peer.connect({ authentication: /** @type {any} */ (authentication) }));
    assert.equal(error.code, 'bad-option', JSON.stringify(authentication));
  }
  for (const properties of [{ authenticationMethod: 'K' }, { authenticationData: Uint8Array.of(1) }]) {
    const error = await rejection(peer.connect({ authentication: method(), properties }));
    assert.match(error.message, /Both the option authentication and a property/);
  }
  assert.throws(() => scramSha256(/** @type {any} */ ({ username: 'user' })), { code: 'bad-option' });
  assert.equal(peer.connections.length, 0);
});

test('start() that fails sends nothing, and is tried again', async () => {
  const peer = silent();
  let tries = 0;
  const authentication = {
    method: METHOD,
    start: () => {
      if (++tries === 1) throw new Error('no token');
      return { data: 'token' };
    },
  };
  const client = peer.createClient({ authentication });
  const failed = new Promise((resolve) => client.on('disconnect', ({ error }) => error && resolve(error)));
  const error = await failed;
  assert.equal(error.code, 'credentials-failed');
  assert.equal(error.message, 'authentication.start() of K failed: no token');
  const second = await peer.connection(2);
  await second.packet('connect');
  assert.deepEqual(peer.connections[0].packets, []);
  second.send(connack());
  await client.ready;
  await client.end();
});

for (const [what, dialogue, message] of /** @type {[string, any, RegExp][]} */ ([
  [
    'continue() throws',
    {
      continue: () => {
        throw new Error('not you');
      },
    },
    /by K failed: not you/,
  ],
  [
    'continue() rejects',
    {
      continue: async () => {
        throw new Error('not you');
      },
    },
    /by K failed: not you/,
  ],
  ['continue() is missing', {}, /no continue\(\) to answer/],
  ['continue() answers what is no data', { continue: () => 5 }, /authenticationData is a Uint8Array/],
])) {
  test(`before CONNACK, ${what}: the connection ends, and the client stops`, async () => {
    const peer = silent();
    const client = peer.createClient({ authentication: method(dialogue) });
    client.on('error', () => {});
    const connection = await peer.connection(1);
    await connection.packet('connect');
    connection.send(auth(0x18, 'and?'));
    const error = await rejection(client.ready);
    assert.match(error.message, message);
    assert.equal(error.phase, 'connack');
    await connection.until(() => connection.closed);
    assert.equal(connection.count('auth'), 0);
    if (error.code === 'auth-failed') assert.equal(client.state, 'ended');
    await client.end();
  });
}

for (const [what, done, message] of /** @type {[string, any, RegExp][]} */ ([
  [
    'throws',
    () => {
      throw new Error('an impostor');
    },
    /an impostor/,
  ],
  ['returns a promise', async () => {}, /at once/],
  [
    'returns a promise that rejects',
    async () => {
      throw new Error('late');
    },
    /at once/,
  ],
  ['returns something', () => false, /return nothing/],
])) {
  test(`done() ${what}: the client was never connected, and nothing that waited leaves`, async () => {
    const peer = silent();
    const client = peer.createClient({ authentication: method({ done }) });
    client.on('error', () => {});
    /** @type {any[]} */
    const seen = [];
    client.on('connect', () => seen.push('connect'));
    client.on('message', (m) => seen.push(m.topic));
    const publishes = Promise.allSettled(
      ['small', new Uint8Array(100_000)].map((payload) => client.publish('secret', payload, { qos: 1 })),
    );
    const connection = await peer.connection(1);
    await connection.packet('connect');
    connection.send(connack('trust me'), publish('a', 'b'));
    const error = await rejection(client.ready);
    assert.equal(error.code, 'auth-failed');
    assert.match(error.message, message);
    const { reasonCode } = await connection.packet('disconnect');
    assert.equal(reasonCode, 0x80);
    assert.equal(connection.count('publish'), 0);
    assert.deepEqual(seen, []);
    assert.equal(client.state, 'ended');
    assert.equal(client.negotiated, null);
    await publishes;
  });
}

test('a server that goes on out of its turn [M5:4.12.0-2]', async () => {
  for (const packets of [
    [auth(0x18, '1'), auth(0x18, '2')],
    [auth(0x18, '1'), connack()],
  ]) {
    const peer = silent();
    /** @type {(answer: string) => void} */
    let answer = () => {};
    const ready = peer.connect({
      authentication: method({ continue: () => new Promise((resolve) => (answer = resolve)) }),
    });
    const connection = await peer.connection(1);
    await connection.packet('connect');
    connection.send(...packets);
    const error = await rejection(ready);
    assert.equal(error.code, 'protocol');
    answer('too late');
    await turn();
    assert.equal(connection.count('auth'), 0);
  }
});

test('another method, success without the method, or AUTH with success before CONNACK [M5:4.12.0-5]', async () => {
  const other = auth(0x18, 'x', { authenticationMethod: 'L' });
  for (const packet of [other, { cmd: 'connack', reasonCode: 0, sessionPresent: false }, auth(0, 'x')]) {
    const peer = silent();
    const ready = peer.connect({ authentication: method({ continue: () => 'never' }) });
    const connection = await peer.connection(1);
    await connection.packet('connect');
    connection.send(packet);
    assert.equal((await rejection(ready)).code, 'protocol');
    assert.equal((await connection.packet('disconnect')).reasonCode, 0x82);
    assert.equal(connection.count('auth'), 0);
  }
});

test('a refusal is told with its code; AUTH without the option says what to do', async () => {
  let peer = silent();
  peer.answers.connect = (_packet, connection) => connection.send({ ...connack('secret'), reasonCode: 0x8c });
  const error = await rejection(peer.connect({ authentication: method() }));
  assert.deepEqual([error.reasonCode, error.properties.authenticationData], [0x8c, undefined]);

  peer = silent();
  peer.answers.connect = (_packet, connection) => connection.send(auth(0x18, 'and?'));
  const unanswered = await rejection(peer.connect({ properties: { authenticationMethod: METHOD } }));
  assert.equal(unanswered.code, 'auth-unsupported');
  assert.match(unanswered.hint, /option authentication/);
});

test('connectTimeout ends a dialogue without end, and functions that never answer', async () => {
  let peer = silent();
  peer.answers.connect = (_packet, connection) => connection.send(auth(0x18, 'and?'));
  peer.answers.auth = peer.answers.connect;
  const endless = await rejection(
    peer.connect({ authentication: method({ continue: () => 'so' }), connectTimeout: 100 }),
  );
  assert.equal(endless.code, 'timeout');
  assert.match(endless.message, /Authentication was not done within 100 ms/);
  assert(peer.last.count('auth') > 1);

  for (const authentication of /** @type {Authentication[]} */ ([
    { method: METHOD, start: () => new Promise(() => {}) },
    method({ continue: () => new Promise(() => {}) }),
  ])) {
    peer = silent();
    peer.answers.connect = (_packet, connection) => connection.send(auth(0x18, 'and?'));
    const stuck = await rejection(peer.connect({ authentication, connectTimeout: 50 }));
    assert.equal(stuck.code, 'timeout');
    assert.match(stuck.message, /functions of the option/);
  }
  peer = silent();
  const quiet = await rejection(peer.connect({ authentication: method(), connectTimeout: 50 }));
  assert.match(quiet.message, /the server did not come to an end/);
});

test('end() and a lost connection in the middle: the dialogue is told, and its answer goes nowhere', async () => {
  for (const stop of ['end', 'loss']) {
    const peer = silent();
    /** @type {AbortSignal | undefined} */
    let over;
    /** @type {(answer: string) => void} */
    let answer = () => {};
    const client = peer.createClient({
      authentication: {
        method: METHOD,
        start({ signal }) {
          over ??= signal;
          return { continue: () => new Promise((resolve) => (answer = resolve)) };
        },
      },
    });
    const connection = await peer.connection(1);
    await connection.packet('connect');
    connection.send(auth(0x18, 'and?'));
    await eventually(() => answer.length > 0);
    if (stop === 'end') await client.end();
    else {
      connection.dropNow();
      const second = await peer.connection(2);
      await second.packet('connect');
    }
    assert.equal(over?.aborted, true);
    answer('too late');
    await turn();
    for (const { packets } of peer.connections) assert(!packets.some(({ cmd }) => cmd === 'auth'));
    await client.end();
  }
});

/* ------------------------------------------------------------------------------------------------ re-authentication */

test('reauthenticate(): AUTH 0x19, 0x18 and success, with messages in between [M5:4.12.1-1]', async () => {
  const peer = new Peer();
  let dialogues = 0;
  /** @type {any[]} */
  const heard = [];
  const { client, connection } = await connected(peer, {
    method: METHOD,
    start({ reauthentication }) {
      dialogues++;
      return {
        data: reauthentication ? 'again' : 'hello',
        continue: (data) => `re: ${text(data)}`,
        done: (data) => void heard.push(data && text(data)),
      };
    },
  });
  const done = client.reauthenticate();
  const first = await connection.packet('auth');
  assert.equal(first.reasonCode, 0x19);
  assert.equal(first.properties.authenticationMethod, METHOD);
  assert.equal(dataOf(first), 'again');
  assert.equal((await rejection(client.reauthenticate())).code, 'busy');
  await client.publish('a', 'meanwhile', { qos: 1 });
  connection.send(auth(0x18, 'and?'));
  assert.equal(dataOf(await connection.packet('auth', 2)), 're: and?');
  connection.send(auth(0, 'welcome'));
  assert.equal(await done, undefined);
  const third = client.reauthenticate();
  await connection.packet('auth', 3);
  connection.send(auth(0));
  await third;
  assert.deepEqual(heard, [undefined, 'welcome', undefined]);
  assert.equal(dialogues, 3);
  assert.equal(peer.connections.length, 1);
  await client.end();
});

test('reauthenticate() while much waits to be sent, and larger than the output has room for', async () => {
  const peer = new Peer();
  const { client, connection } = await connected(peer, method({ continue: () => 'x'.repeat(60_000) }));
  connection.bufferedAmount = 1 << 22;
  for (let i = 0; i < 100; i++) void client.publish('a', 'x'.repeat(1000));
  await turn();
  assert(connection.count('publish') < 100);
  const done = client.reauthenticate();
  await turn();
  connection.bufferedAmount = 0;
  await connection.packet('auth');
  connection.bufferedAmount = 1 << 22;
  connection.send(auth(0x18));
  await turn();
  connection.bufferedAmount = 0;
  assert.equal(dataOf(await connection.packet('auth', 2)).length, 60_000);
  connection.send(auth(0));
  await done;
  await client.end();
});

test('reauthenticate() that cannot be', async () => {
  const peer = new Peer();
  const plain = await peer.connect();
  assert.equal((await rejection(plain.reauthenticate())).code, 'no-authentication');
  await plain.end();
  assert.equal((await rejection(plain.reauthenticate())).code, 'not-connected');
});

test('reauthenticate() rejects with what ended the connection [M5:4.12.1-2]', async () => {
  for (const [how, code] of [
    ['refused', 'disconnected'],
    ['lost', 'connection-lost'],
    ['ended', 'connection-ended'],
  ]) {
    const peer = new Peer();
    const { client, connection } = await connected(peer, method());
    const done = rejection(client.reauthenticate());
    await connection.packet('auth');
    if (how === 'refused') connection.send({ cmd: 'disconnect', reasonCode: 0x87 });
    else if (how === 'lost') connection.drop();
    else await client.end();
    const error = await done;
    assert.equal(error.code, code);
    if (how === 'refused') assert.equal(error.reasonCode, 0x87);
    client.on('error', () => {});
    await client.end();
  }
});

test('a re-authentication that we refuse ends the connection with DISCONNECT [M5:4.12.1-2]', async () => {
  const fails = () => {
    throw new Error('not you');
  };
  for (const [packet, dialogue] of /** @type {[any, any][]} */ ([
    [auth(0x18), { continue: fails }],
    [auth(0, 'x'), { done: (/** @type {any} */ data) => data && fails() }],
  ])) {
    const peer = new Peer();
    const { client, connection } = await connected(peer, method(dialogue));
    client.on('error', () => {});
    const done = rejection(client.reauthenticate());
    await connection.packet('auth');
    connection.send(packet);
    const error = await done;
    assert.equal(error.code, 'auth-failed');
    assert.equal(error.phase, 'reauthenticate');
    assert.equal((await connection.packet('disconnect')).reasonCode, 0x80);
    await eventually(() => client.state === 'ended');
  }
});

test('start() that fails for a re-authentication leaves the connection as it is', async () => {
  const peer = new Peer();
  const { client, connection } = await connected(peer, {
    method: METHOD,
    start({ reauthentication }) {
      if (reauthentication) throw new Error('no token');
      return {};
    },
  });
  assert.equal((await rejection(client.reauthenticate())).code, 'credentials-failed');
  await client.publish('a', 'b', { qos: 1 });
  assert.equal(connection.count('auth'), 0);
  await client.end();
});

test('AUTH that cannot be sent leaves the connection as it is', async () => {
  const peer = new Peer();
  let data = 'x'.repeat(100);
  const authentication = { method: METHOD, start: () => ({ data: peer.last.count('connect') ? data : 'hello' }) };
  peer.answers.connect = (_packet, connection) => connection.send(connack(undefined, { maximumPacketSize: 60 }));
  const client = await peer.connect({ authentication });
  const error = await rejection(client.reauthenticate());
  assert.deepEqual([error.code, error.cause.code], ['credentials-failed', 'server-limit']);
  assert.match(error.message, /^What authentication\.start\(\) of K gave cannot be sent: /);
  await client.publish('a', 'b', { qos: 1 });
  data = 'short';
  const done = client.reauthenticate();
  const packet = await peer.last.packet('auth');
  assert.equal(dataOf(packet), 'short');
  peer.last.send(auth(0));
  await done;
  assert.equal(peer.connections.length, 1);
  await client.end();
});

test('AUTH on the connection that we did not begin', async () => {
  for (const packet of [auth(0x18, 'and?'), auth(0)]) {
    const peer = new Peer();
    const { client, connection } = await connected(peer, method({ continue: () => 'never' }));
    connection.send(packet);
    assert.equal((await connection.packet('disconnect')).reasonCode, 0x82);
    assert.equal(connection.count('auth'), 0);
    await client.end();
  }
});

test('re-authentication has its time, too; giving up on the promise leaves it to itself', async () => {
  const peer = new Peer();
  const { client, connection } = await connected(peer, method(), { connectTimeout: 50 });
  const error = await rejection(client.reauthenticate());
  assert.equal(error.code, 'timeout');
  await connection.packet('disconnect');
  const second = await peer.connection(2);
  await second.packet('connect');
  await eventually(() => client.state === 'connected');
  const abort = new AbortController();
  const done = rejection(client.reauthenticate({ signal: abort.signal }));
  await second.packet('auth');
  abort.abort();
  assert.equal((await done).code, 'aborted');
  assert.equal((await rejection(client.reauthenticate())).code, 'busy');
  second.send(auth(0));
  await turn();
  const again = client.reauthenticate();
  await second.packet('auth', 2);
  second.send(auth(0));
  await again;
  await client.end();
});

/* ------------------------------------------------------------------------------------------------ SCRAM-SHA-256 */

/**
 * A server that asks for SCRAM-SHA-256.
 * @param {{ password?: string, iterations?: number, final?: (right: Buffer | null) => Uint8Array | undefined }} [options]
 */
function scramPeer({ password = 'pencil', iterations, final = (right) => right ?? undefined } = {}) {
  const peer = silent();
  const properties = (/** @type {any} */ authenticationData) => ({
    authenticationMethod: 'SCRAM-SHA-256',
    authenticationData,
  });
  /** @type {ScramServer} */
  let server;
  let again = false;
  const challenge = (/** @type {any} */ packet, /** @type {PeerConnection} */ connection) => {
    server = new ScramServer(password, iterations);
    const data = server.challenge(packet.properties.authenticationData);
    connection.send({ cmd: 'auth', reasonCode: 0x18, properties: properties(data) });
  };
  peer.answers.connect = (packet, connection) => {
    assert.equal(packet.properties.authenticationMethod, 'SCRAM-SHA-256');
    again = false;
    challenge(packet, connection);
  };
  peer.answers.auth = (packet, connection) => {
    if (packet.reasonCode === 0x19) {
      again = true;
      challenge(packet, connection);
      return;
    }
    const verdict = final(server.verdict(packet.properties.authenticationData));
    if (again) connection.send({ cmd: 'auth', reasonCode: 0, properties: properties(verdict) });
    else connection.send({ cmd: 'connack', reasonCode: 0, sessionPresent: false, properties: properties(verdict) });
  };
  return peer;
}

test('SCRAM-SHA-256: logs in, and once more on the connection; one object for two clients', async () => {
  const peer = scramPeer();
  const authentication = scramSha256({ username: 'user', password: 'pencil' });
  const first = await peer.connect({ authentication });
  await first.reauthenticate();
  await first.reauthenticate();
  const second = await peer.connect({ authentication });
  await Promise.all([first.publish('a', 'b', { qos: 1 }), second.publish('a', 'b', { qos: 1 })]);
  await Promise.all([first.end(), second.end()]);
});

for (const [what, options, message] of /** @type {[string, any, RegExp][]} */ ([
  ['that sends no proof', { final: () => undefined }, /did not prove/],
  ['with a wrong proof', { final: (/** @type {Buffer} */ right) => ((right[5] ^= 1), right) }, /SCRAM|password/],
  [
    'that knows another password',
    { password: 'pen', final: () => Buffer.from(`v=${'A'.repeat(43)}=`) },
    /does not know/,
  ],
  ['that answers with an error in it', { final: () => Buffer.from('e=invalid-proof') }, /It says "invalid-proof"/],
  ['that wants too much work', { iterations: 1_000_001 }, /more than 1000000/],
  ['that wants too little', { iterations: 1 }, /fewer than 4096/],
])) {
  test(`SCRAM-SHA-256: a server ${what} is refused`, async () => {
    const peer = scramPeer(options);
    const error = await rejection(
      peer.connect({ authentication: scramSha256({ username: 'user', password: 'pencil' }) }),
    );
    assert.equal(error.code, 'auth-failed');
    assert.match(error.message, message);
    assert.doesNotMatch(`${error.message} ${error.hint} ${error.stack} ${error.cause?.stack}`, /pencil/);
    assert.equal(peer.connections.length, 1);
  });
}

test('SCRAM-SHA-256: a name that cannot be, or no Web Crypto, stops the client before anything is sent', async (t) => {
  const peer = scramPeer();
  const client = peer.createClient({ authentication: scramSha256({ username: 'a\n', password: 'p' }) });
  client.on('error', () => {});
  assert.match((await rejection(client.ready)).message, /user name is empty, too long, or has control characters/);
  assert.equal(client.state, 'ended');
  assert.deepEqual(peer.last.packets, []);
  t.mock.getter(globalThis, 'crypto', () => ({ getRandomValues: (/** @type {any} */ bytes) => bytes }));
  const error = await rejection(peer.connect({ authentication: scramSha256({ username: 'a', password: 'p' }) }));
  assert.equal(error.code, 'crypto-unavailable');
  assert.match(error.hint, /https/);
});

test('SCRAM-SHA-256: nothing is left in memory, whether it came to its end or not', async (t) => {
  const { instantiate } = WebAssembly;
  /** @type {WebAssembly.Memory[]} */
  const memories = [];
  let goOn = () => {};
  t.mock.method(WebAssembly, 'instantiate', async (/** @type {any} */ ...args) => {
    const instance = await /** @type {any} */ (instantiate)(...args);
    if (memories.push(instance.exports.memory) === 6) await new Promise((resolve) => (goOn = () => resolve(null)));
    return instance;
  });
  const zero = (/** @type {WebAssembly.Memory} */ { buffer }) => new Uint8Array(buffer).every((byte) => byte === 0);
  const authentication = scramSha256({ username: 'user', password: 'pencil' });
  const client = await scramPeer().connect({ authentication });
  assert.deepEqual(memories.map(zero), [false, true], "the client's own, the conversation's");
  await client.end();

  const peer = scramPeer();
  peer.answers.connect = () => {};
  const other = peer.createClient({ authentication });
  await (await peer.connection(1)).packet('connect');
  assert.deepEqual(memories.slice(2).map(zero), [false, false]);
  await other.end();
  assert.deepEqual(memories.slice(2).map(zero), [false, true]);

  const third = peer.createClient({ authentication });
  const connection = await peer.connection(2);
  await eventually(() => memories.length === 6);
  await third.end(); // within start()
  goOn();
  await eventually(() => zero(memories[5]));
  assert.deepEqual(connection.packets, []);
});

test('a start() that answers when its dialogue was given up does not touch the next one', async () => {
  const peer = new Peer();
  /** @type {(() => void)[]} */
  const late = [];
  /** @type {string[]} */
  const asked = [];
  let dialogues = 0;
  const authentication = {
    method: 'K',
    start: async (/** @type {{ reauthentication: boolean }} */ { reauthentication }) => {
      const name = `${dialogues++}`;
      if (reauthentication && name === '1') await new Promise((resolve) => late.push(() => resolve(undefined)));
      return { data: name, continue: () => void asked.push(name) };
    },
  };
  const { client, connection } = await connected(peer, authentication, { connectTimeout: 100 });
  client.on('error', () => {});
  assert.equal((await rejection(client.reauthenticate())).code, 'timeout');
  const again = client.reauthenticate();
  await connection.packet('auth');
  late[0]();
  await turn();
  connection.send({ cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'K' } });
  await connection.packet('auth', 2);
  connection.send({ cmd: 'auth', reasonCode: 0, properties: { authenticationMethod: 'K' } });
  await again;
  assert.deepEqual(asked, ['2']);
  await client.end();
});
