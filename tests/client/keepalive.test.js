// Keep-alive over days on a clock of the test's own: visible and hidden pages, with and without the timer worker, sleep, and
// servers that fall silent. What counts is what the peer saw, and when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Peer, publish } from './peer.js';
import { VirtualTime } from './virtual.js';

const HOUR = 3_600_000;
const WEEK = 168 * HOUR;
const WORKER = 'https://app.test/worker.js';

/** Notes when packets came, and answers PINGREQ when it is told to. */
class Watcher extends Peer {
  pings = 0;
  /** The longest time between two packets of a client, ms. */
  gap = 0;
  /** After how long a PINGREQ is answered, ms; Infinity: never. */
  delay = 0;
  #at = 0;

  /** @param {VirtualTime} time */
  constructor(time) {
    super();
    /** @type {Peer['answers']['']} */
    const pingreq = (_packet, connection) => {
      this.pings++;
      if (this.delay === 0) connection.send({ cmd: 'pingresp' });
      else if (this.delay < Infinity) time.later(this.delay, () => connection.send({ cmd: 'pingresp' }));
    };
    for (const [cmd, answer] of Object.entries({ ...this.answers, pingreq })) {
      this.answers[cmd] = (packet, connection) => {
        if (cmd !== 'connect') this.gap = Math.max(this.gap, time.now - this.#at);
        this.#at = time.now;
        connection.packets.length = connection.frames.length = 0; // there will be a week of them
        answer(packet, connection);
      };
    }
  }
}

/** Time that goes on until an answer is overdue, ms. */
const quiet = (/** @type {number} */ keepalive) => keepalive * 1000 - Math.min(keepalive * 250, 5000);

for (const { keepalive, ms } of [
  { keepalive: 1, ms: 6 * HOUR },
  { keepalive: 5, ms: 24 * HOUR },
  { keepalive: 60, ms: WEEK },
  { keepalive: 1200, ms: WEEK },
  { keepalive: 65535, ms: WEEK },
  { keepalive: 0, ms: WEEK },
]) {
  test(`keepalive ${keepalive}: ${ms / HOUR} hours`, async (t) => {
    const time = new VirtualTime(t);
    const peer = new Watcher(time);
    const client = await peer.connect({ keepalive });
    await time.run(ms);
    assert.equal(peer.pings, keepalive && Math.floor(ms / quiet(keepalive)));
    assert.ok(peer.gap <= quiet(keepalive), `${peer.gap} ms`);
    assert.equal(client.stats.connections, 1);
    assert.equal(time.workersMade, 0);
    await client.end();
  });
}

test('a week with slow answers and traffic both ways', async (t) => {
  const time = new VirtualTime(t);
  const peer = new Watcher(time);
  const client = await peer.connect({ keepalive: 60 });
  await client.subscribe('t', () => {});
  peer.delay = 19_000;
  for (let elapsed = 0, i = 0; elapsed < WEEK; i++) {
    const ms = (i * 7919) % 240_000;
    await time.run(ms);
    elapsed += ms;
    if (i % 2) await client.publish('t', 'x');
    else peer.last.send(publish('t', 'y'));
  }
  assert.ok(peer.gap <= 60_000, `${peer.gap} ms`);
  assert.ok(peer.pings > 4000, `${peer.pings}`);
  assert.equal(client.stats.connections, 1);
  await client.end();
});

for (const busy of [false, true]) {
  test(`a server that falls silent is left in time${busy ? ', though messages with QoS 0 can be sent to it' : ''}`, async (t) => {
    const time = new VirtualTime(t);
    const peer = new Watcher(time);
    const client = await peer.connect({ keepalive: 60, reconnect: false });
    client.on('error', () => {});
    let lost = 0;
    /** @type {string | undefined} */
    let code;
    client.on('disconnect', ({ error }) => {
      lost = time.now;
      code = error?.code;
    });
    await time.run(HOUR);
    await client.publish('t', 'x', { qos: 1 }); // answered: the last that is heard
    await time.settle();
    const heard = time.now;
    peer.delay = Infinity;
    for (let i = 0; i < 10 && lost === 0; i++) {
      await time.run(10_000);
      if (busy && lost === 0) await client.publish('t', 'x');
    }
    assert.equal(code, 'ping-timeout');
    assert.equal(lost - heard, busy ? 80_000 : 75_000);
  });
}

test('in a hidden page the worker rings on time, one for all clients of the page', async (t) => {
  const time = new VirtualTime(t);
  time.served = [WORKER];
  const peers = [5, 60].map((keepalive) => ({ keepalive, peer: new Watcher(time) }));
  const clients = [];
  for (const { peer, keepalive } of peers) clients.push(await peer.connect({ keepalive, timerWorker: WORKER }));
  await time.run(100_000);
  assert.equal(time.workersMade, 0, 'not before it is needed');
  for (let i = 0; i < 6; i++) {
    time.hide(true);
    await time.run(HOUR);
    time.hide(false);
    await time.run(HOUR);
  }
  for (const { peer, keepalive } of peers) {
    assert.ok(peer.gap <= quiet(keepalive), `keepalive ${keepalive}: ${peer.gap} ms`);
    assert.ok(peer.pings <= (13 * HOUR) / quiet(keepalive), 'and not more often than in a visible page');
  }
  assert.equal(time.workersMade, 1);
  for (let i = 0; i < 20; i++) {
    time.hide(i % 2 === 0);
    await time.run(10);
  }
  time.hide(true);
  await time.settle();
  assert.equal(time.set, 6, 'for each client: its timer, the one in the worker, and the look at the clocks');
  await clients[0].end();
  assert.equal(time.workers.size, 1);
  await clients[1].end();
  assert.equal(time.workers.size, 0);
  assert.equal(time.set, 0);
});

test('in a hidden page the worker rings for the next attempt to connect, too', async (t) => {
  const time = new VirtualTime(t);
  time.served = [WORKER];
  const peer = new Watcher(time);
  const reconnect = { minDelay: 3000, jitter: /** @type {const} */ ('none') };
  const client = await peer.connect({ timerWorker: new URL(WORKER), reconnect });
  time.hide(true);
  await time.run(5000);
  peer.last.drop();
  await time.run(1000);
  // A ring that was on its way when the clock was set for something else.
  for (const { onmessage } of time.workers) for (let id = 0; id < 100; id++) onmessage({ data: id });
  await time.run(1999);
  assert.equal(peer.connections.length, 1);
  await time.run(2);
  assert.equal(peer.connections.length, 2);
  await client.end();
});

for (const [name, timerWorker, logged] of /** @type {[string, string | false, number][]} */ ([
  ['not wanted', false, 0],
  ['not there', 'https://app.test/missing.js', 1],
  ['forbidden', 'https://elsewhere.test/worker.js', 1],
])) {
  test(`a hidden page whose timer worker is ${name}: pings come early, since timers ring once a minute`, async (t) => {
    const time = new VirtualTime(t);
    const peer = new Watcher(time);
    const noted = t.mock.fn();
    const log = (/** @type {string} */ level, /** @type {string} */ text) => level === 'info' && noted(text);
    const client = await peer.connect({ keepalive: 60, timerWorker, log });
    time.hide(true);
    await time.run(24 * HOUR);
    assert.ok(peer.gap < 90_000, `${peer.gap} ms: the server lets go after 90 s`);
    assert.equal(client.stats.connections, 1);
    peer.pings = 0;
    time.hide(false);
    await time.run(HOUR);
    assert.equal(peer.pings, 1 + Math.floor(HOUR / 55_000), 'one at once, and then no more than there have to be');
    time.hide(true);
    await time.run(HOUR);
    assert.equal(noted.mock.callCount(), logged, 'once');
    assert.equal(time.workers.size, 0);
    await client.end();
  });
}

test('a page that is hidden without a worker sets its timer for an early ping at once', async (t) => {
  const time = new VirtualTime(t);
  const peer = new Watcher(time);
  const client = await peer.connect({ keepalive: 600, timerWorker: false });
  await time.run(100_000);
  time.hide(true);
  await time.run(200_000);
  assert.equal(peer.pings, 1);
  await client.end();
});

test('a hidden page without a worker: what comes is a chance to ping', async (t) => {
  const time = new VirtualTime(t);
  const peer = new Watcher(time);
  const client = await peer.connect({ keepalive: 30, timerWorker: false });
  await client.subscribe('t', () => {});
  time.hide(true);
  for (let i = 0; i < 2000; i++) {
    await time.run(8000);
    peer.last.send(publish('t', 'x'));
  }
  assert.ok(peer.gap <= 18_000, `${peer.gap} ms`);
  await client.end();
});

for (const clocks of ['both clocks', 'the wall clock only']) {
  test(`sleep while a PINGREQ is unanswered, ${clocks} going on: the answer is read after the wake-up`, async (t) => {
    const time = new VirtualTime(t);
    const peer = new Watcher(time);
    const client = await peer.connect({ keepalive: 60 });
    await time.run(54_000);
    peer.delay = Infinity;
    await time.run(2000);
    assert.equal(peer.pings, 1);
    time.sleep(600_000, clocks === 'both clocks');
    time.later(1, () => peer.last.send({ cmd: 'pingresp' })); // it was in the socket's buffer; timers come first
    peer.delay = 100;
    await time.run(600_000);
    assert.equal(client.stats.connections, 1);
    assert.equal(peer.connections.length, 1);
    await client.end();
  });

  test(`sleep through which the server went away, ${clocks} going on: it is asked, and left 5 s later`, async (t) => {
    const time = new VirtualTime(t);
    const peer = new Watcher(time);
    const client = await peer.connect({ keepalive: 60 });
    await time.run(10_000);
    peer.delay = Infinity;
    time.sleep(600_000, clocks === 'both clocks');
    const woken = time.now;
    let lost = 0;
    client.on('disconnect', () => (lost ||= time.now));
    await time.run(12_000);
    assert.ok(peer.pings > 0);
    assert.ok(
      lost > 0 && lost - woken <= 10_001,
      `${lost - woken} ms: 5 s until it is noticed at the latest, 5 s to answer`,
    );
    await client.end();
  });
}
