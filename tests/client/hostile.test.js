// Servers that break the rules, at each state, to the client in Node: tests/client/hostile.js.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as hostile from './hostile.js';
import { eventually, wasm } from './peer.js';

const library = new URL('../../web/client/index.js', import.meta.url).href;
/** @type {hostile.HostileServer} */
let server;
before(async () => (server = await new hostile.HostileServer().start()));
after(() => server.stop());

for (const [version, stored] of /** @type {const} */ ([
  [4, false],
  [4, true],
  [5, false],
  [5, true],
])) {
  const how = `MQTT ${version === 5 ? '5.0' : '3.1.1'}${stored ? ', with a store' : ''}`;
  test(`each bad packet at each state, ${how}: closed, told, and connected again`, async () => {
    /** @type {unknown[]} */
    const unhandled = [];
    const note = (/** @type {unknown} */ error) => unhandled.push(error);
    process.on('unhandledRejection', note);
    const faults = [];
    for (const [i, one] of hostile.CASES.entries()) {
      if (one.version !== version) continue;
      const run = `node-${i}-${stored}`;
      const result = await hostile.drive(library, `${server.url}/${i}/${run}/1`, one, wasm.href, stored);
      faults.push(...hostile.judge(one, result, server, run));
    }
    process.off('unhandledRejection', note);
    assert.deepEqual(faults, []);
    assert.deepEqual(unhandled, []);
    await eventually(() => server.open === 0);
  });
}

test('floods, promises of bytes, silence, deafness, a wrong subprotocol', async () => {
  assert.deepEqual(await hostile.oddities(library, String(server.url), wasm.href), hostile.ODD_RESULTS);
});

test(`${hostile.ROUNDS} bad connections leave nothing behind`, async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const round = (/** @type {string} */ run) =>
    hostile.endure(library, `${server.url}/${hostile.ENDURED}/${run}/${hostile.ROUNDS}`, wasm.href);
  await round('first'); // what is made once is made
  collect();
  const before = process.memoryUsage().heapUsed;
  const { lost, first, last, left } = await round('second');
  assert(lost >= hostile.ROUNDS);
  assert.equal(last, first, 'wasm memory');
  assert.deepEqual(left, { timers: 0, listeners: 0 });
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  assert(grown < 2 << 20, `the heap grew by ${grown} bytes`);
});
