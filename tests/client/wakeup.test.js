// What counts as waking up, and that a client asks its server at once when it did.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onWakeUp } from '../../web/client/wakeup.js';
import { eventually, Peer, turn } from './peer.js';

test('a wall clock that ran ahead of the monotonic one tells of sleep; both running on does not', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let ahead = 0;
  const wall = Date.now;
  t.mock.method(Date, 'now', () => wall() + ahead);
  let woken = 0;
  const stop = onWakeUp(() => woken++);
  t.mock.timers.tick(60_000);
  assert.equal(woken, 0);
  ahead = 30_000;
  t.mock.timers.tick(5000);
  assert.equal(woken, 1);
  t.mock.timers.tick(60_000);
  assert.equal(woken, 1, 'once');
  ahead = 0; // set back by hand
  t.mock.timers.tick(5000);
  assert.equal(woken, 2);
  stop();
  ahead = 90_000;
  t.mock.timers.tick(60_000);
  assert.equal(woken, 2, 'not after its end');
});

for (const event of ['online', 'pageshow']) {
  test(`'${event}' asks the server at once, and ends the wait for the next attempt`, async (t) => {
    const target = new EventTarget();
    for (const name of /** @type {const} */ (['addEventListener', 'removeEventListener'])) {
      const had = Object.hasOwn(globalThis, name);
      const before = globalThis[name];
      globalThis[name] = /** @type {any} */ (target[name].bind(target));
      t.after(() => {
        if (had) globalThis[name] = before;
        else delete (/** @type {any} */ (globalThis)[name]);
      });
    }
    const peer = new Peer();
    const client = await peer.connect({ keepalive: 60, reconnect: { minDelay: 60_000, jitter: 'none' } });
    await turn();
    assert.equal(peer.last.count('pingreq'), 0);
    target.dispatchEvent(Object.assign(new Event(event), { persisted: true }));
    await peer.last.packet('pingreq');
    peer.last.drop();
    await eventually(() => client.state === 'waiting');
    target.dispatchEvent(Object.assign(new Event(event), { persisted: true }));
    await eventually(() => client.state === 'connected'); // not after a minute
    assert.equal(peer.connections.length, 2);
    await client.end();
  });
}
