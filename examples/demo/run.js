// `make demo`: a broker, a web server with the dashboard, and a fleet of simulated devices, all on the loopback address,
// until Ctrl-C. The shape is that of a real deployment: the web server serves static files and passes /mqtt on to the
// broker's WebSockets listener. Settings come from the environment:
//   PORT     of the web server; default 8080, with TLS 8443
//   DEVICES  how many; default 50
//   TLS      1: https and wss, by a certificate authority of the web server's own
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startCaddy } from '../../tests/tools/caddy.js';
import { startMosquitto } from '../../tests/tools/mosquitto.js';
import { portTrouble } from '../../tests/tools/ports.js';
import { Child } from '../../tests/tools/process.js';
import { servedPolicy } from '../../web/csp.js';

const FLEET = fileURLToPath(new URL('../../build/native/fleet', import.meta.url));
const DASHBOARD = fileURLToPath(new URL('../../dist/dashboard', import.meta.url));

/**
 * @param {string} name of the environment variable
 * @param {number} fallback
 * @param {number} max
 */
function number(name, fallback, max) {
  const text = process.env[name] || String(fallback);
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new Error(`${name}=${text}: a whole number from 1 to ${max} is wanted`);
  }
  return value;
}

/** @param {number} port */
async function checkPort(port) {
  const code = await portTrouble(port);
  if (code === 'EADDRINUSE')
    throw new Error(`port ${port} is in use: try \`make demo PORT=${port === 9090 ? 9091 : 9090}\``);
  if (code === 'EACCES')
    throw new Error(`port ${port} may not be used by you: try one over 1023, \`make demo PORT=9090\``);
  if (code) throw new Error(`port ${port} cannot be used (${code})`);
}

async function main() {
  const tls = !['', '0'].includes(process.env.TLS ?? '');
  const port = number('PORT', tls ? 8443 : 8080, 65535);
  const devices = number('DEVICES', 50, 9999);
  for (const path of [FLEET, `${DASHBOARD}/index.html`]) {
    if (!existsSync(path)) throw new Error(`${path} is not there: run \`make demo\`, which builds it`);
  }
  await checkPort(port);

  const mosquitto = await startMosquitto();
  const caddy = await startCaddy({
    root: DASHBOARD,
    brokerPort: mosquitto.wsPort,
    port,
    tls,
    policy: servedPolicy,
    // Where the page finds this, it connects by itself.
    texts: { '/demo.json': JSON.stringify({ url: '/mqtt' }) },
  });
  const fleet = new Child(FLEET, ['--url', mosquitto.url, '--devices', String(devices)]);
  // So that the page shows them all at once.
  await fleet.until(() => fleet.output.includes('devices online'), { what: `bring ${devices} devices online` });

  console.log(`
  Dashboard   ${caddy.url}/
  MQTT        ${caddy.mqttUrl}   (through the web server, as the page does)
              ws://127.0.0.1:${mosquitto.wsPort}/mqtt   mqtt://127.0.0.1:${mosquitto.tcpPort}   (the broker itself)
  Devices     ${devices}`);
  if (tls) {
    console.log(`
  The certificate is from an authority that exists for this demo only. Either accept the browser's warning, or trust the
  authority for as long as the demo runs, by importing this file in the browser's certificate settings:
  ${caddy.caFile}`);
  }
  console.log('\n  Ctrl-C stops it all.\n');

  const { code, signal } = await fleet.exited;
  throw new Error(`the fleet ended (${signal ?? `exit code ${code}`}):\n${fleet.output.trimEnd()}`);
}

// process.js ends what we started, and then us. What fails for that is no trouble.
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => (stopping = true));

try {
  await main();
} catch (error) {
  if (!stopping) {
    console.error(`demo: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
}
