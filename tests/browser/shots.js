// Pictures of every page of the dashboard, light and dark, wide and narrow, over the made-up fleet of harness.js, to be
// looked at: `node tests/browser/shots.js FOLDER [ENGINE]`. Says what sticks out of the page and what is written to the
// console.
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { servedPolicy } from '../../web/csp.js';
import { launchBrowser } from '../tools/browsers.js';

const [folder, engine = 'chromium'] = process.argv.slice(2);
if (!folder || (engine !== 'chromium' && engine !== 'firefox')) {
  console.error('usage: node tests/browser/shots.js FOLDER [chromium | firefox]');
  process.exit(2);
}

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const bundle = await build({
  bundle: true,
  format: 'esm',
  target: 'es2022',
  loader: { '.wasm': 'binary' },
  external: ['node:*'],
  write: false,
  outdir: folder,
  entryPoints: { main: path('harness.js'), style: path('../../web/dashboard/style.css') },
});
/** @type {Map<string, { type: string, body: string }>} */
const files = new Map([
  ['/', { type: 'text/html', body: await readFile(path('../../web/dashboard/index.html'), 'utf8') }],
  ...bundle.outputFiles.map(({ path: name, text }) => {
    const type = name.endsWith('.css') ? 'text/css' : 'text/javascript';
    return /** @type {[string, { type: string, body: string }]} */ ([name.replace(/.*\//, '/'), { type, body: text }]);
  }),
]);
const server = createServer(({ url = '' }, response) => {
  const file = files.get(url);
  response.writeHead(file ? 200 : 404, { 'content-type': file?.type ?? '', 'content-security-policy': servedPolicy });
  response.end(file?.body);
});
await new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(undefined)));
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

await mkdir(folder, { recursive: true });
const browser = await launchBrowser(engine);
const { page, errors } = await browser.newTab();

/** Two frames and the work they cause. */
const settled = () =>
  page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100)))),
  );
/** @param {string} code run in the page, with `harness` in scope */
const run = (code) =>
  page.evaluate(
    `(async () => { const { session, standIn, standInDevice: device, fleet, service, advance } = harness; ${code} })()`,
  );

/** Names and payloads that nobody would want to show. */
const STRANGE = `
  const long = 'press-'.repeat(12) + 'end';
  const tag = '<img src=x onerror=alert(1)>';
  const markup = tag + '<b>bold</b>';
  for (const id of ['حساس-الحرارة', 'dev-\\u202egpj.exe', '🌡️🏭 Küche', tag, long, 'line\\nbreak']) {
    standIn.message('devices/' + id + '/status', { state: 'online', name: id, site: markup, alarms: id === tag ? [markup] : [] }, { retain: true });
    standIn.message('devices/' + id + '/telemetry', { temperature: 1e21, [long]: -0.00001, '<i>x</i>': 12, حرارة: 21 });
    standIn.message('devices/' + id + '/events', { type: markup, text: long + long });
  }
  standIn.message('site/' + 'level/'.repeat(40), JSON.stringify({ list: Array.from({ length: 300 }, (_, n) => ({ n, text: markup + long })) }));
  standIn.message('binary', new Uint8Array(300).map((_, n) => n * 7), { properties: { contentType: 'application/octet-stream', userProperties: { [markup]: long }, messageExpiryInterval: 60 } });
  standIn.message('empty', '');`;

const FAILURES = {
  user: `{ message: 'wss://broker.example/mqtt refused the connection: Bad User Name or Password.', hint: 'Look at user name and password.', code: 'refused', reasonCode: 0x86 }`,
  closed: `{ message: 'No WebSocket to ws://127.0.0.1:9001/mqtt.', hint: 'Nobody tells a page why. Is the server running, and is it the port of its WebSocket listener?', code: 'open-failed' }`,
};

/** Each step changes the page, which is then taken. @type {[string, string][]} */
const STEPS = [
  ['connect', ''],
  ['connect-aws', `await service('aws', 'operator', { host: 'a1b2-ats.iot.eu-west-1.amazonaws.com' });`],
  [
    'connect-azure-fault',
    `const form = await service('azure-iot-hub', 'device', { host: 'hub.azure-devices.net', device: 'dev-1', key: 'HostName=hub' });
     document.querySelector('form.connect').requestSubmit();`,
  ],
  ['connect-azure-dps', `await service('azure-iot-hub', 'device', { auth: 'dps' });`],
  [
    'connect-clearblade',
    `await service('clearblade', 'device', { key: '-----BEGIN PRIVATE KEY-----\\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg' });`,
  ],
  ['connect-cumulocity', `await service('cumulocity', 'device'); document.querySelector('.more-fields').open = true;`],
  [
    'connect-limits',
    `const form = await service('aws', 'operator', {});
     document.querySelector('.limits').open = true;
     document.querySelector('[data-rule=qos] button').click();
     const input = document.querySelector('#limit-payload-bytes');
     input.value = '262144';
     input.dispatchEvent(new Event('input'));`,
  ],
  ['connect-any-device', `await service('', 'device');`],
  [
    'seat',
    `await service('aws', 'device', { host: 'a1b2-ats.iot.eu-west-1.amazonaws.com', 'access-key': 'AKIA', 'secret-key': 'x', device: 'dev-1' });
     await session.open(document.querySelector('wq-connect').profile);
     standIn.negotiated = { version: 5, warnings: ['AWS IoT Core: keep alive is 30 to 1200 seconds. It uses 1200. Choose one between.'] };
     session.forgetRegistered();`,
  ],
  [
    'seat-busy',
    `device.call('self-test', undefined).then(() => {});
     document.querySelector('.call[data-name=self-test] .answer')?.requestSubmit();
     await new Promise((done) => setTimeout(done, 50));
     document.querySelector('.call[data-name=self-test] .answer').requestSubmit();
     device.call('set-interval', { ms: 5000 }, { properties: { priority: 'high' } });
     device.call('firmware', { operation: 'firmware', url: 'https://example.com/fw-2.5.bin' }, { kind: 'job', id: 'job-17' });
     device.call('', { text: 'Battery is to be changed' }, { kind: 'message' });
     device.desired({ interval: 5 }, { version: 8, whole: false });
     for (const send of ['telemetry', 'event', 'alarm']) {
       const form = document.querySelector('form[data-send=' + send + ']');
       for (const input of form.querySelectorAll('input')) if (!input.value) input.value = input.placeholder;
       form.requestSubmit(form.querySelector('[type=submit]'));
     }
     session.keepRegistered({ tenant: 't1234', username: 'device_dev-1', password: 's3cret' });
     document.querySelector('.warnings').open = true;`,
  ],
  ['after', `session.close(); session.forgetRegistered(); standIn.negotiated = { version: 5 };`],
  [
    'connect-refused',
    `document.querySelector('wq-connect').chooseService(''); session.trouble = ${FAILURES.user}; session.setPhase('idle');`,
  ],
  ['connect-closed', `session.trouble = ${FAILURES.closed}; session.setPhase('idle');`],
  ['devices', `await fleet(50, 600);`],
  [
    'devices-filtered',
    `document.querySelector('[data-condition=alarm]').click(); document.querySelector('.grid').focus();`,
  ],
  ['device', `location.hash = '#/device/dev-0007';`],
  [
    'device-commands',
    `const send = (name) => document.querySelector('form[data-command=' + name + '] button').click();
     ['reboot', 'calibrate', 'self-test'].forEach(send);
     await new Promise((done) => setTimeout(done, 100));
     advance(16000);
     send('led');`,
  ],
  ['log', `location.hash = '#/log';`],
  ['log-message', `document.querySelectorAll('.virtual .row')[4].click();`],
  ['log-traffic', `for (const details of document.querySelectorAll('.traffic details')) details.open = true;`],
  ['expiring', `location.hash = '#/devices'; session.expiring = true; session.setPhase('connected');`],
  ['lost', `location.hash = '#/devices'; session.lost(new Error('The connection was lost (code 1006).'), 7000);`],
  ['connecting', `session.close(); session.setPhase('connecting');`],
  ['empty', `session.profile = null; await fleet(0, 0);`],
  ['empty-log', `location.hash = '#/log';`],
  ['empty-device', `location.hash = '#/device/nobody';`],
  ['strange', `location.hash = '#/devices'; ${STRANGE}`],
  ['device-strange', `location.hash = '#/device/' + encodeURIComponent('<img src=x onerror=alert(1)>');`],
  ['strange-log', `location.hash = '#/log';`],
  ['strange-binary', `document.querySelectorAll('.virtual .row')[1].click();`],
  ['strange-json', `document.querySelectorAll('.virtual .row')[2].click();`],
];

for (const theme of ['light', 'dark']) {
  for (const [width, height] of [
    [1440, 900],
    [360, 740],
  ]) {
    await page.setViewport({ width, height });
    await page.goto(`http://127.0.0.1:${port}/`);
    await run(`document.documentElement.dataset.theme = '${theme}';`);
    for (const [name, code] of STEPS) {
      await run(code);
      await settled();
      const shot = `${name}-${width}-${theme}`;
      const fullPage = /^(device|connect|seat)-/.test(name);
      await page.screenshot({ path: `${folder}/${shot}.png`, fullPage });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) console.log(`${shot}: ${wide} px wide`);
    }
  }
}
for (const error of errors) console.log(error);
await browser.close();
server.close();
