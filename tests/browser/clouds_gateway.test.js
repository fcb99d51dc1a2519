// A service without WebSockets, by the dashboard's own form: ClearBlade's stand-in on its TLS port, behind examples/gateway.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startClearBlade } from '../clouds/clearblade.js';
import { startGateway } from '../net/programs.js';
import { removeFolder, temporaryFolder } from '../tools/process.js';
import { CASES, keepsNoSecret, LIMIT, onStage } from './clouds.js';

/** The stand-in and a gateway to it, as one. */
async function startBehindGateway() {
  const cloud = await startClearBlade({ tls: true });
  const folder = temporaryFolder('clouds-gateway');
  const authority = join(folder, 'authority.crt');
  writeFileSync(authority, cloud.ca ?? '');
  const gateway = await startGateway('--ca', authority, `tls://localhost:${cloud.tcpPort}`);
  const stop = cloud.stop.bind(cloud);
  cloud.form.url = gateway.url;
  cloud.stop = async () => {
    await gateway.stop();
    await stop();
    removeFolder(folder);
  };
  return cloud;
}

const [clearblade] = CASES.filter(({ service }) => service === 'clearblade');

onStage('through the gateway', ['chromium', 'firefox'], (stage) => {
  test('clearblade: telemetry, a command and its answer, state both ways', LIMIT, async () => {
    const { seat } = stage;
    const one = /** @type {import('./clouds.js').Case} */ (clearblade);
    const cloud = await stage.cloud(startBehindGateway);
    await seat.choose('clearblade', 'device');
    await seat.submit({ ...cloud.form, ...one.wrong });
    await seat.refusal();
    assert.equal(cloud.violations.length, 1, JSON.stringify(cloud.violations));

    await seat.submit(cloud.form);
    await seat.seated();
    const [connection] = cloud.open();
    assert.deepEqual([connection.upgrade.web, connection.upgrade.secure], [false, true]);
    await seat.sendTelemetry();
    await cloud.until(() => cloud.seen.telemetry.length > 0);
    assert.match(cloud.seen.telemetry[0].text, /temperature\W.*21\.5/);
    const answer = one.call(cloud, 'reboot', { in: 5 });
    assert.match(await seat.waiting('reboot'), /"in":\s*5/);
    await seat.answer('reboot', '{"done": true}');
    const { ok, result } = await answer;
    assert.deepEqual([ok, result], [true, { done: true }]);
    await seat.report('{"fan": "on"}');
    await seat.outcome('state', 'taken');
    await cloud.until(() => one.reported(cloud)?.fan === 'on');
    await one.desire?.(cloud, { interval: 7 });
    await seat.desired(/"interval": 7/);
    assert.equal(cloud.violations.length, 1, JSON.stringify(cloud.violations));
    await keepsNoSecret(seat, cloud.form);
  });
});
