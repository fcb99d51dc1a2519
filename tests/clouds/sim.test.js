// `make cloud-sim` as its user meets it: every stand-in answers with what is printed; what comes in is shown; trouble is one
// clear line; Ctrl-C leaves nothing behind.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { portTrouble } from '../tools/ports.js';
import { Child } from '../tools/process.js';
import { client as connect, connack } from './clients.js';

const script = fileURLToPath(new URL('sim.js', import.meta.url));
const run = (/** @type {string} */ PORT) => new Child(process.execPath, [script], { name: 'cloud-sim', env: { PORT } });

test('all are there until Ctrl-C', async () => {
  const sim = run('0');
  await sim.until(() => sim.output.includes('Ctrl-C'), { what: 'start' });
  const caFile = /\S+ca\.pem/.exec(sim.output)?.[0] ?? 'no path in the output';
  const ca = readFileSync(caFile);
  const urls = [...sim.output.matchAll(/^ {2}(\S.*?) {3}(wss:\S+)/gm)].map(([, title, url]) => ({ title, url }));
  assert.deepEqual(
    urls.map(({ title }) => title),
    [
      'AWS IoT Core',
      'Azure IoT Hub',
      'Azure Device Provisioning Service',
      'Azure Event Grid',
      'ClearBlade IoT Core',
      'Alibaba Cloud IoT',
      'Scaleway IoT Hub',
      'Cumulocity',
    ],
  );
  // Nobody lets a stranger in, and each says so in MQTT or by closing.
  for (const { title, url } of urls) assert.notEqual(await connack(url, { ca, keepalive: 60 }), 0, title);
  await sim.until(() => sim.output.includes('Scaleway IoT Hub: broken rule credentials'), { what: 'show the refusal' });

  const { url } = urls[6];
  const username = /^ {4}id +(\S+)$/m.exec(sim.output)?.[1];
  const one = await connect(url, { ca, username, password: '' });
  await one.publishAsync('devices/dev-1/telemetry', 'a\x1b[2Jb', { qos: 1 });
  const line = 'Scaleway IoT Hub: telemetry: devices/dev-1/telemetry a\ufffd[2Jb\n';
  await sim.until(() => sim.output.includes(line), { what: 'show the telemetry' });
  one.end(true);

  const { code } = await sim.stop('SIGINT');
  assert.equal(code, 130);
  assert.ok(!existsSync(caFile));
  for (const { url: gone } of urls) assert.equal(await portTrouble(Number(new URL(gone).port)), undefined);
});

test('trouble is one clear line', async () => {
  for (const PORT of ['eighty', '-1', '65001', '1.5']) {
    const sim = run(PORT);
    assert.equal((await sim.exited).code, 1);
    assert.equal(sim.output, `cloud-sim: PORT=${PORT}: a whole number from 0 to 65000 is wanted\n`);
  }
  const taken = createServer();
  const port = await new Promise((resolve) => {
    taken.listen(0, '127.0.0.1', () => resolve(/** @type {import('node:net').AddressInfo} */ (taken.address()).port));
  });
  const sim = run(`${port - 7}`);
  assert.equal((await sim.exited).code, 1);
  assert.match(sim.output, /^cloud-sim: port \d+ cannot be used \(EADDRINUSE\): try `make cloud-sim PORT=9800`\n$/);
  await new Promise((resolve) => taken.close(resolve));
});
