// Coming back: when, how often, and when not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttError } from '../../web/client/index.js';
import { Backoff, classify } from '../../web/client/retry.js';
import { eventually, Peer, rejection, turn } from './peer.js';

const closed = new MqttError('connected', 'connection-lost', '', { closeCode: 1006 });
const silence = new MqttError('connected', 'ping-timeout', '');
const unopened = new MqttError('open', 'open-failed', '');

test('delays grow to their limit, jitter takes a part, a stable connection begins anew', () => {
  const options = { minDelay: 100, maxDelay: 1000, jitter: /** @type {const} */ ('none'), stableTime: 50 };
  const plain = new Backoff(options);
  assert.deepEqual(
    [0, 0, 0, 0, 0, 0].map((lifetime) => plain.next(lifetime, silence)),
    [100, 200, 400, 800, 1000, 1000],
  );
  assert.equal(plain.next(49, silence), 1000, 'not stable yet');
  assert.equal(plain.next(50, silence), 100);
  const jittery = new Backoff({ ...options, jitter: 'full' }, () => 0.25);
  assert.deepEqual([jittery.next(0, silence), jittery.next(0, silence)], [25, 50]);
  const long = new Backoff({ ...options, maxDelay: 2 ** 31 - 1 });
  for (let i = 0; i < 2000; i++) assert(Number.isFinite(long.next(0, silence)));
});

test('a busy server is given ten times as long, and the upper half of the delay', () => {
  const options = { minDelay: 100, maxDelay: 3000, jitter: /** @type {const} */ ('full'), stableTime: 50 };
  for (const [phase, reasonCode] of /** @type {const} */ ([
    ['connack', 3],
    ['connack', 0x88],
    ['connack', 0x89],
    ['connack', 0x97],
    ['connack', 0x9c],
    ['connack', 0x9f],
    ['connected', 0x89],
    ['connected', 0x96],
    ['connected', 0x97],
  ])) {
    const busy = new MqttError(phase, 'refused', '', { reasonCode });
    const early = new Backoff(options, () => 0);
    assert.deepEqual([early.next(0, busy), early.next(0, busy), early.next(0, busy)], [500, 1000, 1500]);
    assert.equal(early.next(0, silence), 0, 'no longer busy');
    const late = new Backoff(options, () => 1);
    assert.deepEqual([late.next(0, busy), late.next(0, busy), late.next(0, busy)], [1000, 2000, 3000]);
  }
  assert.equal(new Backoff(options, () => 1).next(0, new MqttError('connack', 'refused', '', { reasonCode: 4 })), 100);
});

test('three connections closed soon after CONNACK: another client has our id, and is not fought', () => {
  const options = { minDelay: 100, maxDelay: 60_000, jitter: /** @type {const} */ ('none'), stableTime: 10_000 };
  /** @param {[number, MqttError, number, boolean][]} lives lifetime and error; delay and suspicion */
  const live = (...lives) => {
    const backoff = new Backoff(options);
    const got = lives.map(([lifetime, error]) => [lifetime, error, backoff.next(lifetime, error), backoff.suspicious]);
    assert.deepEqual(got, lives);
  };
  live(
    [50_000, closed, 100, false], // the other one came
    [9_999, closed, 200, false],
    [1, closed, 400, false],
    [1, closed, 60_000, true],
    [1, closed, 60_000, false], // once is enough
    [59_999, closed, 60_000, false], // it is still there
    [60_000, closed, 100, false], // it is gone
    [1, closed, 200, false],
    [1, closed, 400, false],
    [1, closed, 60_000, true],
  );
  // A network that fails is not taken for that: an attempt fails, or silence ends a connection.
  live([1, closed, 100, false], [1, closed, 200, false], [0, unopened, 400, false], [1, closed, 800, false]);
  live([1, closed, 100, false], [1, closed, 200, false], [1, silence, 400, false], [1, closed, 800, false]);
  assert.equal(new Backoff({ ...options, maxDelay: 50 }).next(1, closed), 50);
  const random = new Backoff({ ...options, jitter: 'full' }, () => 0);
  assert.deepEqual([random.next(1, closed), random.next(1, closed), random.next(1, closed)], [0, 0, 30_000]);
});

test('a server that closes each connection soon: an error says what to look at, and attempts become few', async () => {
  const peer = new Peer();
  /** @type {any[]} */
  const told = [];
  const client = peer
    .createClient({ reconnect: { minDelay: 1, maxDelay: 1_000_000, jitter: 'none' } })
    .on('error', (error) => told.push(error));
  client.on('connect', () => peer.last.drop());
  await eventually(() => told.length > 0);
  assert.equal(told[0].code, 'taken-over-suspected');
  assert.equal(told[0].cause.code, 'connection-lost');
  assert.match(told[0].hint, /client id/);
  assert.equal(client.state, 'waiting');
  assert.equal(peer.connections.length, 3);
  client.reconnect();
  await peer.connection(4);
  await eventually(() => client.state === 'waiting');
  assert.equal(told.length, 1);
  await client.end();
});

test('reasons are classed', () => {
  const connack = (/** @type {number} */ reasonCode) =>
    classify(new MqttError('connack', 'refused', '', { reasonCode }));
  assert.deepEqual([0x84, 0x85, 0x8a, 1, 2].map(connack), Array(5).fill('fatal'));
  assert.deepEqual([0x86, 0x87, 4, 5].map(connack), Array(4).fill('credentials'));
  assert.deepEqual([0x80, 0x88, 0x89, 0x97, 0x9f, 3].map(connack), Array(6).fill('transient'));
  assert.equal(classify(new MqttError('connected', 'session-taken-over', '', { reasonCode: 0x8e })), 'fatal');
  assert.equal(classify(new MqttError('connected', 'connection-lost', '', { closeCode: 1006 })), 'transient');
  assert.equal(classify(new MqttError('open', 'open-failed', '')), 'transient');
  assert.equal(classify(new MqttError('connack', 'closed', '', { closeCode: 1011 })), 'transient');
  assert.equal(classify(new MqttError('connack', 'unauthenticated', '', { closeCode: 1002 })), 'credentials');
  assert.equal(classify(new MqttError('load', 'wasm', '')), 'fatal');
});

test('a second CONNACK of 3.x is classed by its code', () => {
  const second = (/** @type {number} */ reasonCode) => new MqttError('connected', 'disconnected', '', { reasonCode });
  assert.deepEqual(
    [1, 2, 3, 4, 5, 13].map((code) => classify(second(code))),
    ['fatal', 'fatal', 'transient', 'credentials', 'doubtful', 'transient'],
  );
  const options = { minDelay: 100, maxDelay: 3000, jitter: /** @type {const} */ ('none'), stableTime: 50 };
  const backoff = new Backoff(options);
  const ends = (/** @type {[number, MqttError][]} */ ...lives) => lives.map(([t, e]) => backoff.hopeless(t, e, true));
  const five = second(5);
  assert.deepEqual(ends([1, five], [49, five], [0, five], [1, five]), [false, false, false, true]);
  assert.deepEqual(ends([50, five], [1, five], [1, silence], [1, five]), [false, false, false, false], 'not in a row');
  assert.deepEqual(ends([50, second(4)], [1, second(4)]), [false, true], 'asked for others once');
  assert.equal(new Backoff(options).hopeless(1, second(4), false), true, 'nobody to ask');
  assert.equal(new Backoff(options).hopeless(1, second(2), true), true);
  assert.equal(new Backoff(options).next(1, five), 1000, 'it may have too much to do');
});

test('a server that ends each connection by a second CONNACK with 5 is tried three times more', async () => {
  const peer = new Peer();
  const client = peer.createClient({ protocolVersion: 4 });
  /** @type {any[]} */
  const errors = [];
  client.on('error', (error) => errors.push(error));
  client.on('connect', () => peer.last.sendBytes(Uint8Array.of(0x20, 2, 0, 5)));
  await eventually(() => client.state === 'ended');
  assert.equal(peer.connections.length, 4);
  assert.deepEqual(
    errors.map(({ code, reasonCode }) => [code, reasonCode]),
    [['disconnected', 5]],
  );
  assert.match(errors[0].hint, /too much to do/);
});

test('a second CONNACK with 4: other credentials are asked for once, after a connection that lasted once more', async () => {
  const peer = new Peer();
  let asked = 0;
  const client = peer.createClient({
    protocolVersion: 4,
    credentials: () => ({ username: 'u', password: String(asked++) }),
    reconnect: { minDelay: 1, maxDelay: 5, jitter: 'none', stableTime: 30 },
  });
  client.on('error', () => {});
  const revoke = () => peer.last.sendBytes(Uint8Array.of(0x20, 2, 0, 4));
  const stable = () => new Promise((resolve) => setTimeout(resolve, 40)); // longer than stableTime
  await client.ready;
  revoke();
  await eventually(() => client.state !== 'connected');
  await eventually(() => client.state === 'connected');
  await stable();
  revoke();
  await peer.connection(3);
  await eventually(() => client.state === 'connected');
  revoke();
  await eventually(() => client.state === 'ended');
  assert.equal(asked, 3);
});

test('a lost connection: states and events in order', async () => {
  const peer = new Peer();
  /** @type {string[]} */
  const told = [];
  const client = peer.createClient();
  client.on('state', (state) => told.push(state));
  client.on('connect', () => told.push('connect'));
  client.on('disconnect', ({ error, delay }) => told.push(`disconnect ${error?.code} ${delay}`));
  client.on('reconnect', ({ attempt }) => told.push(`reconnect ${attempt}`));
  assert.equal(client.state, 'connecting');
  await client.ready;
  peer.last.drop(1001, 'going away');
  await peer.connection(2);
  await eventually(() => client.state === 'connected');
  await client.end();
  assert.deepEqual(told, [
    'connected',
    'connect',
    'waiting',
    'disconnect connection-lost 1',
    'connecting',
    'reconnect 1',
    'connected',
    'connect',
    'ending',
    'disconnect undefined null',
    'ended',
  ]);
  assert.equal(client.stats.connections, 2);
});

test('createClient() goes on until the server is there', async () => {
  const peer = new Peer();
  let refused = 0;
  peer.answers.connect = (_packet, connection) => {
    if (++refused < 4) connection.send({ cmd: 'connack', reasonCode: 0x88, sessionPresent: false });
    else connection.send(peer.connack);
  };
  const client = peer.createClient();
  await client.ready;
  assert.equal(peer.connections.length, 4);
  await client.end();
});

test('5.0 resumes its session; 3.x with clean stays clean; clean: false is never clean', async () => {
  for (const [options, expected] of /** @type {any[]} */ ([
    [{}, [true, false]],
    [{ protocolVersion: 4 }, [true, true]],
    [{ clean: false }, [false, false]],
    [{ clean: false, protocolVersion: 4 }, [false, false]],
  ])) {
    const peer = new Peer();
    const client = await peer.connect(options);
    const id = (await peer.last.packet('connect')).clientId;
    peer.last.drop();
    const second = await peer.connection(2);
    const again = await second.packet('connect');
    assert.deepEqual([peer.connections[0].packets[0].clean, again.clean], expected, JSON.stringify(options));
    assert.equal(again.clientId, id);
    await client.end();
  }
});

test('the session of one client id is not resumed under another [M3:3.1.3-2] [M5:3.1.3-2]', async () => {
  for (const protocolVersion of /** @type {const} */ ([4, 5])) {
    const peer = new Peer();
    if (protocolVersion === 4) peer.connack = { cmd: 'connack', returnCode: 0, sessionPresent: false };
    const ids = ['one', 'one', 'two', 'two'];
    const client = await peer.connect({
      protocolVersion,
      clean: false,
      credentials: async () => ({ clientId: ids[peer.connections.length] ?? 'two' }),
    });
    for (let n = 1; n < ids.length; n++) {
      peer.connections[n - 1].drop();
      await (await peer.connection(n + 1)).packet('connect');
      await eventually(() => client.state === 'connected');
    }
    assert.deepEqual(
      peer.connections.map(({ packets }) => [packets[0].clientId, packets[0].clean]),
      [
        ['one', false],
        ['one', false],
        ['two', true],
        ['two', false],
      ],
    );
    await client.end();
  }
});

test('another client with our id is not fought', async () => {
  const peer = new Peer();
  const client = await peer.connect();
  /** @type {any} */
  let told;
  client.on('error', (error) => (told = error));
  peer.last.send({ cmd: 'disconnect', reasonCode: 0x8e });
  await eventually(() => client.state === 'ended');
  assert.equal(told.code, 'session-taken-over');
  assert.match(told.hint, /client id/);
  await turn();
  assert.equal(peer.connections.length, 1);
});

test('reconnect: false ends the client with the connection', async () => {
  const peer = new Peer();
  const client = await peer.connect({ reconnect: false });
  client.on('error', () => {});
  peer.last.drop();
  await eventually(() => client.state === 'ended');
  assert.equal((await rejection(client.publish('a', ''))).code, 'connection-ended');
});

test('reconnect() does not wait, and drops a connection that is up', async () => {
  const peer = new Peer();
  const client = await peer.connect({ reconnect: { minDelay: 1_000_000, jitter: 'none' } });
  peer.last.drop();
  await eventually(() => client.state === 'waiting');
  client.reconnect();
  await eventually(() => client.state === 'connected');
  client.reconnect();
  await peer.connection(3);
  await eventually(() => client.state === 'connected');
  assert.equal(peer.connections.length, 3);
  await client.end();
  assert.throws(() => client.reconnect(), { code: 'connection-ended' });
});

test('a silent server is found out by keepalive [M5:3.12.4-1]', async (t) => {
  const peer = new Peer();
  const client = await peer.connect({ keepalive: 1 });
  const first = peer.last;
  await first.packet('pingreq');
  assert.equal(client.state, 'connected');
  peer.answers.pingreq = () => {};
  /** @type {any} */
  let lost;
  client.on('disconnect', (what) => (lost ??= what));
  await eventually(() => lost);
  t.diagnostic(lost.error.message);
  assert.equal(lost.error.code, 'ping-timeout');
  await client.end({ force: true });
});

test('nothing is left running after end(): no timer, no socket, no port', async () => {
  const { spawnSync } = await import('node:child_process');
  const script = `
    import { Peer } from ${JSON.stringify(new URL('./peer.js', import.meta.url).href)};
    const client = await new Peer().connect();
    await client.publish('a', 'x', { qos: 1 });
    await client.end();`;
  const { status, signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 30_000,
    encoding: 'utf8',
  });
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' });
});

test('a wake-up while CONNACK is awaited leaves the attempt its time', async () => {
  const peer = new Peer();
  const client = await peer.connect({ connectTimeout: 60 });
  peer.answers.connect = () => {}; // silent from now on
  peer.last.drop();
  await (await peer.connection(2)).packet('connect');
  client.reconnect();
  await peer.connection(4); // each attempt ends, and another follows
  await client.end();
});
