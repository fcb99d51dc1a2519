// Credentials that expire: a connection with new ones takes the place of the old one, and nothing is lost by that.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { memoryStore } from '../../web/client/index.js';
import { Renewal, renewalTime } from '../../web/client/renewal.js';
import { Lives, TestStore } from './lives.js';
import { eventually, Peer, publish, rejection, turn } from './peer.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Soon after it is asked for, however long that took. */
class Soon extends Date {
  /** @override */
  valueOf() {
    return Date.now() + SECOND; // a busy machine may take long between two lines
  }
}

/**
 * Credentials that end soon after the server took them; the next ones are given when `ready` says so.
 * @param {() => unknown} [ready]
 */
function shortLived(ready = () => true) {
  let n = 0;
  return async () => {
    if (++n > 1) await eventually(ready);
    return { username: 'u', password: `p${n}`, expires: n === 1 ? new Soon() : Date.now() + HOUR };
  };
}

test('a tenth of their time ahead, 30 s to 5 min, and never more than half of it', () => {
  const ahead = (/** @type {number} */ left) => 1e12 + left - renewalTime(1e12 + left, 1e12);
  assert.equal(ahead(24 * HOUR), 5 * MINUTE);
  assert.equal(ahead(20 * MINUTE), 2 * MINUTE);
  assert.equal(ahead(2 * MINUTE), 30 * SECOND);
  assert.equal(ahead(10 * SECOND), 5 * SECOND);
  assert.equal(renewalTime(1e12, 1e12), Infinity);
});

test('a new connection with new credentials: DISCONNECT, then CONNECT to the same session; no failure', async () => {
  const peer = new Peer();
  let closedBefore;
  /** @type {any[]} */
  const told = [];
  peer.answers.connect = (_packet, connection) => {
    closedBefore = peer.connections[0].closed;
    connection.send({ ...peer.connack, sessionPresent: peer.connections.length > 1 });
  };
  let subscribed = false;
  const credentials = shortLived(() => subscribed);
  const client = peer.createClient({ credentials, will: { topic: 'gone' } });
  client.on('error', (error) => told.push(error));
  client.on('disconnect', (what) => told.push(what));
  client.on('reconnect', (what) => told.push(what));
  await client.subscribe('a/#', () => {});
  subscribed = true;
  const second = await peer.connection(2);
  await eventually(() => client.stats.connections === 2);
  assert.deepEqual(told, [
    { error: null, delay: 0 },
    { attempt: 1, delay: 0, why: 'renewal' },
  ]);
  const first = peer.connections[0];
  assert.deepEqual(
    first.packets.map(({ cmd }) => cmd),
    ['connect', 'subscribe', 'disconnect'],
  );
  const goodbye = first.packets[2];
  assert.equal(goodbye.reasonCode ?? 0, 0);
  assert.equal(goodbye.properties?.sessionExpiryInterval, undefined, 'the session stays');
  assert.notEqual(closedBefore, null, 'the old one is closed before');
  const again = await second.packet('connect');
  assert.equal(String(again.password), 'p2');
  assert.equal(again.clean, false);
  assert.equal(second.count('subscribe'), 0);
  await client.end();
});

for (const stored of [false, true]) {
  test(`what is queued, in flight, or QoS 0 in between arrives${stored ? ', with a store too' : ''}`, async () => {
    const peer = new Peer();
    peer.connack.properties = { receiveMaximum: 2 };
    const { publish } = peer.answers;
    peer.answers.publish = () => {};
    peer.answers.connect = (_packet, connection) => {
      if (peer.connections.length > 1) peer.answers.publish = publish;
      connection.send({ ...peer.connack, sessionPresent: peer.connections.length > 1 });
    };
    const store = stored ? { store: memoryStore(), clientId: 'me', clean: false } : {};
    const credentials = shortLived(() => peer.last.count('publish') >= 2);
    const client = await peer.connect({ credentials, ...store });
    /** @type {Promise<unknown>[]} */
    const sent = [];
    peer.answers.disconnect = () => {
      peer.answers.disconnect = () => {};
      setImmediate(() => {
        for (const qos of /** @type {const} */ ([0, 1])) sent.push(client.publish(`between/${qos}`, 'x', { qos }));
      });
    };
    sent.push(client.publish('inflight/1', 'x', { qos: 1 }));
    sent.push(client.publish('inflight/2', 'x', { qos: 2 }));
    sent.push(client.publish('queued', 'x', { qos: 1 }));
    for (let i = 0; i < 50; i++) sent.push(client.publish(`zero/${i}`, new Uint8Array(3000)));
    const second = await peer.connection(2);
    await eventually(() => sent.length === 55 && client.state === 'connected');
    await Promise.all(sent);
    const topics = (/** @type {any} */ { packets }) =>
      packets.filter((/** @type {any} */ { cmd }) => cmd === 'publish').map((/** @type {any} */ { topic }) => topic);
    const acknowledged = topics(peer.connections[0]).filter((/** @type {string} */ topic) => !topic.startsWith('zero'));
    assert.deepEqual(acknowledged, ['inflight/1', 'inflight/2']);
    assert.equal(topics(peer.connections[0]).length, 52);
    assert.deepEqual(topics(second).slice(0, 2), ['inflight/1', 'inflight/2']);
    assert.deepEqual(topics(second).slice(2).sort(), ['between/0', 'between/1', 'queued']);
    assert(second.packets.filter(({ topic }) => topic?.startsWith('inflight')).every(({ dup }) => dup));
    await client.end();
  });
}

for (const way of ['out', 'in']) {
  test(`with a store, QoS 2 without a pause does not put it off: ${way}`, async () => {
    const lives = new Lives();
    const { peer, store } = lives;
    const { connect, pubrec } = peer.answers;
    peer.answers.connect = (packet, connection) => {
      peer.connack.sessionPresent = peer.connections.length > 1;
      connect(packet, connection);
    };
    store.open = async (name) => {
      const session = await TestStore.prototype.open.call(store, name);
      const write = async (/** @type {any} */ changes) => {
        if (way === 'out' && count > 0) again();
        for (let i = 0; i < 5; i++) await turn(); // so long that there always is one
        await session.write(changes);
      };
      return { ...session, write };
    };
    let count = 0;
    let busy = true;
    const again = () => {
      if (!busy || count === 1000) return;
      count++;
      if (way === 'out') void lives.client?.publish('t', 'x', { qos: 2 });
      else peer.last.send(publish('t', 'x', { qos: 2, messageId: count }));
    };
    const given = shortLived(() => {
      if (count === 0) for (let i = 0; i < 10; i++) again();
      return count > 30;
    });
    peer.answers.pubrec = (packet, connection) => {
      pubrec(packet, connection);
      if (connection === peer.connections[0]) again();
    };
    const client = await lives.begin({ credentials: given });
    await client.subscribe('t', { qos: 2 }, () => {});
    await peer.connection(2);
    busy = false;
    assert(count < 1000);
    assert.equal(peer.connections[0].count('disconnect'), 1);
    await eventually(() => client.stats.connections === 2 && client.pending().length === 0);
    await client.end();
  });
}

test('without a session that goes on, acknowledgements are awaited before', async () => {
  const peer = new Peer();
  peer.connack = { cmd: 'connack', returnCode: 0, sessionPresent: false };
  const { pubrel } = peer.answers;
  let renewing = false;
  peer.answers.pubrel = async (packet, connection) => {
    await eventually(() => renewing);
    await turn();
    pubrel(packet, connection);
  };
  const credentials = shortLived(() => (renewing = peer.connections[0].count('pubrel') > 0));
  const client = await peer.connect({ protocolVersion: 4, credentials });
  await client.publish('two', 'x', { qos: 2 });
  await peer.connection(2);
  assert.deepEqual(
    peer.connections[0].packets.map(({ cmd }) => cmd),
    ['connect', 'publish', 'pubrel', 'disconnect'],
  );
  await client.end({ force: true });
});

for (const protocolVersion of /** @type {const} */ ([4, 5])) {
  test(`${protocolVersion}: without a session, under constant traffic: nothing is lost, nothing comes twice`, async () => {
    const peer = new Peer();
    peer.connack = { cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false };
    for (const type of ['publish', 'pubrel']) {
      const answer = peer.answers[type];
      peer.answers[type] = (packet, connection) => void turn().then(() => answer(packet, connection));
    }
    const properties = { sessionExpiryInterval: 0 };
    const credentials = shortLived(() => peer.connections[0].count('publish') > 8);
    const client = await peer.connect({ protocolVersion, properties, credentials });
    let sent = 0;
    const publisher = async (/** @type {1 | 2} */ qos) => {
      while (client.stats.connections < 2 || peer.connections[1].count('publish') < 100)
        await client.publish(`${sent++}`, 'x', { qos });
    };
    await Promise.all([1, 2, 1, 2, 1, 2, 1, 2].map((qos) => publisher(/** @type {1 | 2} */ (qos))));
    const topics = peer.connections.flatMap(({ packets }) =>
      packets.filter(({ cmd }) => cmd === 'publish').map(({ topic }) => Number(topic)),
    );
    assert.equal(peer.connections.length, 2);
    assert.deepEqual(
      topics.sort((a, b) => a - b),
      Array.from({ length: sent }, (_, i) => i),
    );
    await client.end();
  });
}

test('end() while messages are held for the renewal sends them', async () => {
  const peer = new Peer();
  peer.connack = { cmd: 'connack', returnCode: 0, sessionPresent: false };
  const { publish } = peer.answers;
  peer.answers.publish = () => {};
  let renewing = false;
  const credentials = shortLived(() => (renewing = peer.last.count('publish') > 0));
  const client = await peer.connect({ protocolVersion: 4, credentials });
  const first = client.publish('first', 'x', { qos: 2 });
  await eventually(() => renewing);
  await turn();
  peer.answers.publish = publish;
  const held = client.publish('held', 'x', { qos: 1 });
  await turn();
  assert.equal(peer.last.count('publish'), 1);
  const ended = client.end();
  await peer.last.packet('publish', 2);
  peer.last.send({ cmd: 'pubrec', messageId: (await peer.last.packet('publish')).messageId });
  await Promise.all([first, held, ended]);
  assert.equal(peer.connections.length, 1);
});

test('an old connection that is lost before its place is taken: credentials are asked for anew', async () => {
  const peer = new Peer();
  const memory = memoryStore();
  let goOn = () => {};
  /** @type {Promise<void>} */
  const stored = new Promise((resolve) => (goOn = resolve));
  /** @type {import('../../web/client/store.js').Store} */
  const store = {
    async open(name) {
      const session = await memory.open(name);
      const isSent = (/** @type {{ key: string }} */ { key }) => key.startsWith('s:');
      return {
        ...session,
        async write(changes) {
          if (changes.some(isSent)) await stored;
          return session.write(changes);
        },
      };
    },
  };
  let renewing = false;
  let published = false;
  const credentials = shortLived(() => (renewing = published));
  const client = await peer.connect({ credentials, store, clientId: 'me', clean: false });
  const sent = client.publish('two', 'x', { qos: 2, resend: true }); // its id is not stored, so the output waits, and so the renewal
  await eventually(() => client.stats.inflight === 1);
  published = true;
  await eventually(() => renewing);
  await turn();
  peer.connections[0].dropNow();
  goOn();
  await sent;
  assert.equal(peer.connections[0].count('disconnect'), 0);
  assert.equal(String((await peer.connections[1].packet('connect')).password), 'p3');
  await client.end();
});

test('while credentials() fails, the old connection stays; then it is replaced', async () => {
  const peer = new Peer();
  let asked = 0;
  /** @type {any[]} */
  const told = [];
  const credentials = shortLived();
  const client = await peer.connect({
    credentials: () => {
      asked++;
      if (asked === 2) throw new Error('no token today');
      if (asked === 3) return { expires: 1 }; // no longer than before: nothing is gained
      return credentials();
    },
  });
  client.on('error', (/** @type {any} */ error) => told.push([error.code, client.state, peer.connections.length]));
  await peer.connection(2);
  assert.deepEqual(told, [
    ['credentials-failed', 'connected', 1],
    ['credentials-failed', 'connected', 1],
  ]);
  assert.equal(asked, 4);
  await eventually(() => client.stats.connections === 2);
  await client.end();
});

test('a server that does not take the new credentials: QoS 0 does not wait any longer, QoS 1 does', async () => {
  const peer = new Peer();
  peer.answers.connect = (_packet, connection) => {
    const reasonCode = peer.connections.length === 2 ? 0x88 : 0;
    connection.send({ cmd: 'connack', reasonCode, sessionPresent: false });
  };
  const client = await peer.connect({ credentials: shortLived() });
  /** @type {any[]} */
  const whys = [];
  client.on('reconnect', ({ why }) => whys.push(why));
  /** @type {Promise<any> | undefined} */
  let zero;
  /** @type {Promise<any> | undefined} */
  let one;
  peer.answers.disconnect = () => {
    peer.answers.disconnect = () => {};
    setImmediate(() => {
      zero = rejection(client.publish('zero', 'x'));
      one = client.publish('one', 'x', { qos: 1 });
    });
  };
  await peer.connection(3);
  assert.equal((await zero).code, 'not-connected');
  await one;
  assert.deepEqual(whys, ['renewal', 'error']);
  await client.end();
});

test('credentials() that take too long are a transient failure of the attempt', async () => {
  const peer = new Peer();
  const never = () => new Promise(() => {});
  const error = await rejection(peer.connect({ connectTimeout: 20, credentials: /** @type {any} */ (never) }));
  assert.equal(error.phase, 'open');
  assert.equal(error.code, 'credentials-timeout');
  assert.match(error.hint, /connectTimeout/);
  assert.equal(peer.connections.length, 0);
  let asked = 0;
  const client = peer.createClient({
    connectTimeout: 20,
    credentials: () => (++asked < 3 ? /** @type {any} */ (never()) : {}),
  });
  await client.ready;
  assert.equal(asked, 3);
  await client.end();
});

test('expires that is no time is told', async () => {
  const credentials = () => /** @type {any} */ ({ expires: 'tomorrow' });
  const error = await rejection(new Peer().connect({ credentials }));
  assert.equal(error.code, 'credentials-failed');
  assert.match(error.cause.message, /expires/);
});

test('reconnect() and errors say why a new attempt begins', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {any[]} */
  const whys = [];
  client.on('reconnect', ({ why }) => whys.push(why));
  client.reconnect();
  await eventually(() => client.stats.connections === 2 && client.state === 'connected');
  peer.last.drop();
  await eventually(() => client.stats.connections === 3);
  assert.deepEqual(whys, ['asked', 'error']);
  await client.end();
});

test('virtual clock: the service says when; an answer that is no longer one, and a failure, are told and tried again', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1e12 });
  t.after(() => mock.timers.reset());
  /** @type {(() => any)[]} */
  const answers = [];
  let asked = 0;
  const dialer = {
    expires: 1e12 + HOUR,
    renew: 1e12 - 1, // over: as if it had said nothing
    credentials: async () => (asked++, answers.shift()?.()),
  };
  /** @type {any[]} */
  const told = [];
  const machine = { log() {}, report: (/** @type {any} */ error) => told.push(error.code) };
  const renewal = new Renewal(
    /** @type {any} */ (machine),
    /** @type {any} */ ({ release() {} }),
    /** @type {any} */ (dialer),
    { minDelay: SECOND, maxDelay: SECOND, jitter: 'none', stableTime: 1 },
    () => {},
  );
  answers.push(
    () => ({ expires: dialer.expires }),
    () => Promise.reject(Object.assign(new Error('no'), { code: 'mine' })),
  );
  renewal.accepted();
  mock.timers.tick(HOUR - 5 * MINUTE - 1);
  assert.equal(asked, 0);
  for (const [n, codes] of /** @type {[number, string[]][]} */ ([
    [1, ['credentials-failed']],
    [2, ['credentials-failed', 'mine']],
  ])) {
    mock.timers.tick(1);
    await turn();
    assert.deepEqual([asked, told], [n, codes]);
    mock.timers.tick(SECOND - 1);
    await turn();
    assert.equal(asked, n);
  }
  renewal.stop();
  dialer.renew = Date.now() + MINUTE;
  renewal.accepted();
  mock.timers.tick(MINUTE - 1);
  assert.equal(asked, 2);
  mock.timers.tick(1);
  assert.equal(asked, 3);
  renewal.stop();
});

test('virtual clock: credentials of two months, and a machine that slept', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1e12 });
  const { setTimeout: set } = globalThis;
  globalThis.setTimeout = /** @type {any} */ (
    (/** @type {() => void} */ ring, /** @type {number} */ ms) => {
      assert.ok(ms < 2 ** 31, 'an engine would ring at once');
      return set(ring, ms);
    }
  );
  t.after(() => mock.timers.reset());
  let asked = 0;
  const dialer = {
    expires: 1e12 + 60 * 24 * HOUR,
    credentials: () => {
      asked++;
      return new Promise(() => {});
    },
  };
  const machine = { log() {} };
  const options = { minDelay: 1, maxDelay: 1, jitter: /** @type {const} */ ('none'), stableTime: 1 };
  const renewal = new Renewal(
    /** @type {any} */ (machine),
    /** @type {any} */ ({ release() {} }),
    /** @type {any} */ (dialer),
    options,
    () => {},
  );
  renewal.accepted();
  for (let day = 0; day < 59; day++) mock.timers.tick(24 * HOUR);
  mock.timers.tick(24 * HOUR - 5 * MINUTE - 1);
  assert.equal(asked, 0);
  mock.timers.tick(1);
  assert.equal(asked, 1);
  renewal.check();
  assert.equal(asked, 1, 'once');
  // The next connection: its timer stands still, the clock does not.
  dialer.expires = Date.now() + HOUR;
  renewal.stop();
  renewal.accepted();
  mock.timers.setTime(dialer.expires - 30 * SECOND);
  renewal.check();
  await turn();
  assert.equal(asked, 2);
  renewal.stop();
});

test('virtual clock: a server that acknowledges nothing does not hold up the renewal for ever', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1e12 });
  t.after(() => mock.timers.reset());
  let retired = 0;
  const machine = {
    log() {},
    core: { negotiated: () => ({ session_expiry_interval: 0 }) },
    connection: { retire: () => void retired++ },
  };
  const outbox = { renewing: false, hold: () => new Promise(() => {}), release() {} };
  const dialer = { expires: 1e12 + HOUR, next: null, credentials: () => ({ password: 'new' }) };
  const options = { minDelay: 1, maxDelay: 1, jitter: /** @type {const} */ ('none'), stableTime: 1 };
  const renewal = new Renewal(
    /** @type {any} */ (machine),
    /** @type {any} */ (outbox),
    /** @type {any} */ (dialer),
    options,
    () => {},
  );
  renewal.accepted();
  mock.timers.tick(HOUR);
  await turn();
  mock.timers.tick(10 * SECOND - 1);
  await turn();
  assert.equal(retired, 0);
  mock.timers.tick(1);
  await turn();
  assert.equal(retired, 1);
  assert.deepEqual(dialer.next, { password: 'new' });
  assert(outbox.renewing);
});
