// The gateway: pages to a broker's TCP and TLS ports. Mosquitto behind it, our client and MQTT.js before it, and plain
// sockets on either side where something has to go wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import mqtt from 'mqtt';
import WebSocket from 'ws';
import { connect } from '../../web/client/index.js';
import { clearblade } from '../../web/providers/index.js';
import { eventually } from '../client/peer.js';
import { startClearBlade } from '../clouds/clearblade.js';
import { makeAuthority, makeCertificate } from '../tools/certificates.js';
import { startMosquitto } from '../tools/mosquitto.js';
import { freePort } from '../tools/ports.js';
import { removeFolder, temporaryFolder } from '../tools/process.js';
import { Program, startGateway } from './programs.js';

const ORIGIN = 'http://localhost:8000';
const wasm = readFileSync(new URL('../../dist/wasmqtt.wasm', import.meta.url));
const providersWasm = readFileSync(new URL('../../dist/providers.wasm', import.meta.url));

/** @type {import('../tools/mosquitto.js').Mosquitto} */
let broker;
/** @type {string} */
let folder;
/** @type {number} */
let tlsPort;
/** What is to be ended after a test. @type {(() => unknown)[]} */
const endings = [];

before(async () => {
  folder = temporaryFolder('gateway');
  makeAuthority(folder);
  makeAuthority(folder, 'other');
  makeCertificate(folder, 'server');
  makeCertificate(folder, 'device');
  tlsPort = await freePort();
  broker = await startMosquitto({
    config: [
      `listener ${tlsPort} 127.0.0.1`,
      `cafile ${join(folder, 'ca.crt')}`,
      `certfile ${join(folder, 'server.crt')}`,
      `keyfile ${join(folder, 'server.key')}`,
      'require_certificate true',
    ],
  });
});

after(async () => {
  await broker?.stop();
  removeFolder(folder);
});

/**
 * As a page would open it.
 * @param {string} url
 * @param {{ origin?: string, protocols?: string[], headers?: Record<string, string> }} [options]
 */
function open(url, { origin = ORIGIN, protocols = ['mqtt'], headers } = {}) {
  const socket = new WebSocket(url, protocols, { ...(origin && { origin }), headers, perMessageDeflate: false });
  endings.push(() => socket.terminate());
  socket.on('error', () => {});
  return socket;
}

/** @param {WebSocket} socket @returns {Promise<[number, string]>} code and reason */
async function closed(socket) {
  const [code, reason] = await once(socket, 'close');
  return [code, String(reason)];
}

/** @param {WebSocket} socket @returns {Promise<number>} the status of the answer that is no WebSocket */
async function refused(socket) {
  const [, response] = await once(socket, 'unexpected-response');
  response.resume();
  return response.statusCode;
}

/** A broker's stand-in that only moves bytes. @param {(socket: import('node:net').Socket) => void} serve */
async function startTarget(serve) {
  const server = createServer((socket) => {
    endings.push(() => socket.destroy());
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(await freePort(), '127.0.0.1');
  await once(server, 'listening');
  endings.push(() => server.close());
  return `tcp://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
}

/** @param {...string} args */
async function withGateway(...args) {
  const gateway = await startGateway(...args);
  endings.push(gateway.stop);
  return gateway;
}

/** A test whose servers and sockets are gone after it. @param {string} name @param {() => Promise<void>} body */
const it = (name, body) =>
  test(name, async () => {
    try {
      await body();
    } finally {
      for (const end of endings.splice(0)) await end();
    }
  });

/**
 * Our client and MQTT.js, each through the gateway, talk to one another.
 * @param {string} url
 */
async function converse(url) {
  const ours = await connect(url, { wasm, clientId: 'page', reconnect: false });
  const other = await mqtt.connectAsync(url, { clientId: 'other', protocolVersion: 5, wsOptions: { origin: ORIGIN } });
  endings.unshift(
    () => ours.end({ force: true }),
    () => other.endAsync(true),
  );
  const subscription = await ours.subscribe('up/#', { qos: 2 });
  const big = new Uint8Array(1_048_576).map((_, i) => i % 251);
  /** @type {Promise<[string, Buffer]>} */
  const echoed = new Promise((done) => other.once('message', (...message) => done([message[0], message[1]])));
  await other.subscribeAsync('down/#', { qos: 2 });
  await ours.publish('down/big', big, { qos: 2 });
  const [topic, payload] = await echoed;
  assert.equal(topic, 'down/big');
  assert.deepEqual(new Uint8Array(payload), big);
  for (let n = 0; n < 100; n++) await other.publishAsync('up/n', `${n}`, { qos: 2 });
  let n = 0;
  for await (const message of subscription) {
    assert.equal(message.text(), `${n++}`);
    if (n === 100) break;
  }
}

describe('MQTT passes', () => {
  it("to Mosquitto's TCP port: 1 MiB down, 100 messages of QoS 2 up", async () => {
    const { url } = await withGateway(`tcp://127.0.0.1:${broker.tcpPort}`);
    await converse(url);
  });

  it('to its TLS port, with the client certificate that it wants', async () => {
    const { url } = await withGateway(
      ...['--ca', join(folder, 'ca.crt'), '--cert', join(folder, 'device.crt'), '--key', join(folder, 'device.key')],
      `tls://localhost:${tlsPort}`,
    );
    await converse(url);
  });

  it('in MQTT 3.1, under its own subprotocol, on another path', async () => {
    const { url } = await withGateway('--path', '/other', `tcp://127.0.0.1:${broker.tcpPort}`);
    const client = await connect(url, { wasm, protocolVersion: 3, clientId: 'old', reconnect: false });
    assert.equal(client.negotiated?.version, 3);
    await client.end();
  });

  it("a page's last words reach the target when it leaves at once", async () => {
    /** @type {Promise<Buffer>} */
    let heard;
    const target = await startTarget((socket) => {
      /** @type {Buffer[]} */
      const parts = [];
      heard = new Promise((done) =>
        socket.on('data', (part) => parts.push(part)).on('end', () => done(Buffer.concat(parts))),
      );
    });
    const { url } = await withGateway(target);
    const socket = open(url);
    await once(socket, 'open');
    const words = Buffer.alloc(300_000, 'words');
    socket.send(words);
    socket.close(1000);
    await closed(socket);
    // @ts-ignore set once the gateway connected, which it has
    assert.ok(words.equals(await heard));
  });
});

it('ClearBlade, which has TLS only: a page connects by its form, sends, and gets commands and configurations', async () => {
  const core = await startClearBlade({ tls: true });
  endings.push(() => core.stop());
  writeFileSync(join(folder, 'clearblade.crt'), core.ca ?? '');
  const { url } = await withGateway('--ca', join(folder, 'clearblade.crt'), `tls://localhost:${core.tcpPort}`);
  const profile = clearblade({ ...core.forms.ES256, url }, { wasm: providersWasm });
  const client = await connect(profile, { wasm, reconnect: false });
  endings.unshift(() => client.end({ force: true }));
  const topics = await profile.topics();
  /** @type {string[]} */
  const heard = [];
  for (const filter of topics.filters('command', 'desired'))
    await client.subscribe(
      filter,
      (message) => void heard.push(`${topics.read(message.topic)?.kind} ${message.text()}`),
    );
  await client.publish(topics.build('telemetry'), '21.5', { qos: 1 });
  assert.deepEqual(
    core.seen.telemetry.map(({ text }) => text),
    ['21.5'],
  );
  core.cloud.setConfig('warm');
  core.cloud.command('now', 'reboot');
  await eventually(() => heard.length === 2);
  assert.deepEqual(heard.sort(), ['command now', 'desired warm']);
  assert.deepEqual(core.violations, []);
});

describe('the target', () => {
  it('that is not there: close code 1014 and a reason that a page can show', async () => {
    const { url } = await withGateway(`tcp://127.0.0.1:${await freePort()}`);
    const [code, reason] = await closed(open(url));
    assert.equal(code, 1014);
    assert.match(reason, /cannot connect to 127\.0\.0\.1 .*nothing listens there/);
  });

  it('whose certificate is signed by another authority', async () => {
    const { url } = await withGateway('--ca', join(folder, 'other.crt'), `tls://localhost:${tlsPort}`);
    const [code, reason] = await closed(open(url));
    assert.equal(code, 1014);
    assert.match(reason, /certificate of localhost\S* is not trusted/);
  });

  it('that wants a client certificate and gets none', async () => {
    const { url } = await withGateway('--ca', join(folder, 'ca.crt'), `tls://localhost:${tlsPort}`);
    const [code, reason] = await closed(open(url));
    assert.equal(code, 1014);
    assert.match(reason, /certificate required/);
  });

  it('that is asked for a protocol by --alpn', async () => {
    const { createServer: createTlsServer } = await import('node:tls');
    const file = (/** @type {string} */ name) => readFileSync(join(folder, name));
    const server = createTlsServer({
      key: file('server.key'),
      cert: file('server.crt'),
      ALPNProtocols: ['x-amzn-mqtt-ca'],
    });
    server.listen(await freePort(), '127.0.0.1');
    endings.push(() => server.close());
    await once(server, 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    const { url } = await withGateway(
      '--ca',
      join(folder, 'ca.crt'),
      '--alpn',
      'x-amzn-mqtt-ca',
      `tls://localhost:${port}`,
    );
    const connection = once(server, 'secureConnection');
    open(url);
    const [socket] = await connection;
    endings.push(() => socket.destroy());
    assert.equal(socket.alpnProtocol, 'x-amzn-mqtt-ca');
    assert.equal(socket.servername, 'localhost');
  });

  it('that closes: what it sent before still comes, then 1000', async () => {
    const target = await startTarget((socket) => socket.end('goodbye'));
    const { url } = await withGateway(target);
    const socket = open(url);
    const message = once(socket, 'message');
    assert.deepEqual(await closed(socket), [1000, 'the target closed the connection']);
    assert.equal(String((await message)[0]), 'goodbye');
  });

  it('that does not read: the page is not read either', async () => {
    const target = await startTarget((socket) => socket.pause());
    const { url, program } = await withGateway(target);
    const socket = open(url);
    await once(socket, 'open');
    const total = 128 << 20;
    for (let sent = 0; sent < total; sent += 1 << 20) socket.send(Buffer.alloc(1 << 20));
    // What the kernels hold on the way is some MiB; all else must still be here once it moves no more.
    let waiting = Infinity;
    for (let still = 0; still < 5; still += 1) {
      await new Promise((done) => setTimeout(done, 100));
      if (socket.bufferedAmount < waiting) still = 0;
      waiting = socket.bufferedAmount;
    }
    assert.ok(waiting > total / 2, `only ${waiting} bytes wait at the page`);
    assert.equal(program.ended, false);
  });

  it('is not read while the page does not read', async () => {
    let pushed = 0;
    let full = () => {};
    /** @type {Promise<void>} */
    const isFull = new Promise((done) => (full = done));
    const target = await startTarget((socket) => {
      const push = () => {
        while (pushed < 1 << 28) {
          pushed += 1 << 20;
          if (!socket.write(Buffer.alloc(1 << 20))) return;
        }
      };
      socket.on('drain', push);
      push();
      let seen = -1;
      const watch = setInterval(() => {
        if (seen === pushed) full();
        seen = pushed;
      }, 300);
      endings.push(() => clearInterval(watch));
    });
    const { url } = await withGateway(target);
    const socket = open(url);
    await once(socket, 'open');
    socket.pause();
    await isFull;
    assert.ok(pushed < 1 << 27, `${pushed} bytes were taken from the target`);
  });
});

describe('who may come', () => {
  /** @param {string[]} args @param {Record<string, number>} expected status by origin */
  const origins = async (args, expected) => {
    const { url } = await withGateway(...args, `tcp://127.0.0.1:${broker.tcpPort}`);
    for (const [origin, status] of Object.entries(expected)) {
      const socket = open(url, { origin });
      if (status === 101) await once(socket, 'open');
      else assert.equal(await refused(socket), status, origin);
    }
  };

  it("pages of this machine's sites, and programs, which send no Origin", async () => {
    await origins([], {
      '': 101,
      'http://localhost': 101,
      'http://localhost:3000': 101,
      'https://127.0.0.1:8443': 101,
      'http://[::1]:80': 101,
      null: 403,
      'https://evil.example': 403,
      'http://localhost.evil.example': 403,
      'http://127.0.0.1.evil.example:80': 403,
      'http://evil.example/http://localhost': 403,
    });
  });

  it('with --origin, just those', async () => {
    await origins(['--origin', 'https://app.example', '--origin', 'null'], {
      'https://app.example': 101,
      null: 101,
      'http://localhost': 403,
      'https://app.example.evil': 403,
      'https://app.example:444': 403,
    });
  });

  it('one more than --max is told so', async () => {
    const { url } = await withGateway('--max', '2', `tcp://127.0.0.1:${broker.tcpPort}`);
    const [first, second] = [open(url), open(url)];
    await Promise.all([once(first, 'open'), once(second, 'open')]);
    assert.equal(await refused(open(url)), 503);
    first.close();
    await closed(first);
    const again = async () => {
      const socket = open(url);
      const [name] = await Promise.race([once(socket, 'open').then(() => [1]), refused(socket).then(() => [0])]);
      return name === 1;
    };
    while (!(await again())); // its place is free once the gateway has said goodbye to the target too
  });
});

describe('a request that is none', () => {
  const HEAD = [
    'Host: localhost',
    'Upgrade: websocket',
    'Connection: keep-alive, Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: chat, mqtt',
  ];
  /** @param {string} name @param {string} value */
  const but = (name, value) => HEAD.map((line) => (line.startsWith(`${name}:`) ? `${name}: ${value}` : line));
  /** @param {string} name */
  const without = (name) => HEAD.filter((line) => !line.startsWith(`${name}:`));
  const GET = 'GET /mqtt?x=1 HTTP/1.1';

  for (const [name, status, first, lines] of /** @type {[string, string, string, string[]][]} */ ([
    ['the sample of RFC 6455 passes', '101 Switching Protocols', GET, HEAD],
    ['another path', '404', 'GET /mqtt/x HTTP/1.1', HEAD],
    ['another method', '405', 'POST /mqtt HTTP/1.1', HEAD],
    ['HTTP/1.0', '400', 'GET /mqtt HTTP/1.0', HEAD],
    ['no version', '400', 'GET /mqtt', HEAD],
    ['no Host', '400', GET, without('Host')],
    ['a header without colon', '400', GET, [...HEAD, 'nonsense']],
    ['two keys', '400', GET, [...HEAD, HEAD[3]]],
    ['two origins', '400', GET, [...HEAD, 'Origin: http://localhost', 'Origin: https://evil.example']],
    ['a short key', '400', GET, but('Sec-WebSocket-Key', 'abc')],
    ['no key', '400', GET, without('Sec-WebSocket-Key')],
    ['no upgrade', '426', GET, without('Upgrade')],
    ['another version', '426', GET, but('Sec-WebSocket-Version', '8')],
    ['no subprotocol', '400', GET, without('Sec-WebSocket-Protocol')],
    ['other subprotocols', '400', GET, but('Sec-WebSocket-Protocol', 'mqttv5, MQTT, chat')],
    ['headers over 8 KiB', '431', GET, [...HEAD, `X: ${'x'.repeat(9000)}`]],
  ])) {
    it(name, async () => {
      const { port, program } = await withGateway(`tcp://127.0.0.1:${broker.tcpPort}`);
      const socket = createConnection({ port, host: '127.0.0.1' });
      endings.unshift(() => socket.destroy());
      socket.write(`${[first, ...lines].join('\r\n')}\r\n\r\n`);
      let text = '';
      for await (const part of socket) {
        text += part;
        if (text.includes('\r\n\r\n')) break;
      }
      assert.ok(text.startsWith(`HTTP/1.1 ${status}`), text);
      if (status.startsWith('101')) {
        assert.match(text, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n/);
      } else {
        await program.line(/ended: 0 bytes up, 0 down; /);
      }
    });
  }

  it('one that never ends is given up after ten seconds', async () => {
    const { port, program } = await withGateway(`tcp://127.0.0.1:${broker.tcpPort}`);
    const socket = createConnection({ port, host: '127.0.0.1' });
    endings.unshift(() => socket.destroy());
    socket.write('GET /mqtt HTTP/1.1\r\n');
    socket.resume();
    await once(socket, 'close');
    await program.line(/did not finish its request/);
  });

  it('a text message ends it with 1003; an unmasked frame ends it', async () => {
    const { url, port } = await withGateway(`tcp://127.0.0.1:${broker.tcpPort}`);
    const socket = open(url);
    await once(socket, 'open');
    socket.send('text');
    assert.equal((await closed(socket))[0], 1003);

    const raw = createConnection({ port, host: '127.0.0.1' });
    endings.unshift(() => raw.destroy());
    raw.write(`${[GET, ...HEAD].join('\r\n')}\r\n\r\n`);
    await once(raw, 'data');
    raw.write(Buffer.from([0x82, 0x02, 0xc0, 0x00]));
    await once(raw.resume(), 'close');
  });
});

describe('the command line', () => {
  for (const [name, args, message] of /** @type {[string, string[], RegExp][]} */ ([
    ['no target', [], /the target is missing/],
    ['two targets', ['tcp://a', 'tcp://b'], /one gateway has one target/],
    ['a target of the web', ['https://a'], /begins with tcp:\/\/ or tls:\/\//],
    ['a path', ['tcp://a/b'], /has a path/],
    ['a bad port', ['tcp://a:0'], /port must be a number/],
    ['an unknown option', ['--what', '1', 'tcp://a'], /unknown option --what/],
    ['a missing value', ['--ca'], /missing value for --ca/],
    ['a certificate without TLS', ['--cert', 'x', 'tcp://a'], /are for tls:\/\/ targets/],
    ['a CA file that is none', ['--ca', '/dev/null', 'tls://a'], /holds no certificate in PEM form/],
    [
      'a certificate that is none',
      ['--cert', '/dev/null', 'tls://a'],
      /\/dev\/null: cannot be read, or holds no certificate/,
    ],
    ['too many files', ['--max', '0', 'tcp://a'], /bad value for --max/],
  ])) {
    it(name, async () => {
      const program = new Program('build/test/gateway', ['--listen', '127.0.0.1:0', ...args]);
      const { code } = await program.exit();
      assert.notEqual(code, 0);
      assert.match(program.lines.join('\n'), message);
    });
  }

  it('--help tells all options', async () => {
    const program = new Program('build/test/gateway', ['--help']);
    assert.equal((await program.exit()).code, 0);
    const text = program.lines.join('\n');
    for (const option of ['listen', 'path', 'origin', 'ca', 'cert', 'key', 'alpn', 'max'])
      assert.match(text, new RegExp(`^  --${option} `, 'm'));
  });
});
