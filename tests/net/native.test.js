// The native host against real peers: Mosquitto over ws, and over wss through Caddy; MQTT.js as the other client.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import mqtt from 'mqtt';
import { generate } from 'mqtt-packet';
import { WebSocketServer } from 'ws';
import { startCaddy } from '../tools/caddy.js';
import { startMosquitto } from '../tools/mosquitto.js';
import { freePort } from '../tools/ports.js';
import { Probe, pattern, probe } from './programs.js';

/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** CONNACK of MQTT 5.0: welcome. */
/** Of MQTT 5.0, with an Assigned Client Identifier, since the probe sends none. */
const connack = Buffer.from([0x20, 0x08, 0x00, 0x00, 0x05, 0x12, 0x00, 0x02, 0x69, 0x64]);

/** What a WebSocket travels on. @param {import('ws').WebSocket} socket @returns {import('node:net').Socket} */
const rawSocket = (socket) => /** @type {any} */ (socket)._socket;

/** @type {import('../tools/mosquitto.js').Mosquitto} */
let broker;
/** @type {import('mqtt').MqttClient} */
let other;

before(async () => {
  broker = await startMosquitto();
  other = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.tcpPort}`, { protocolVersion: 5 });
});

after(async () => {
  await other?.endAsync(true);
  await broker?.stop();
});

/**
 * Have the other client subscribe.
 * @param {string} topic
 * @returns {Promise<{ message: Promise<Buffer> }>} once it has; its next message on that topic
 */
async function listen(topic) {
  /** @type {Promise<Buffer>} */
  const message = new Promise((done) => {
    const look = (/** @type {string} */ name, /** @type {Buffer} */ payload) => {
      if (name !== topic) return;
      other.off('message', look);
      done(payload);
    };
    other.on('message', look); // first: a retained message may come together with SUBACK
  });
  await other.subscribeAsync(topic, { qos: 2 });
  return { message };
}

describe('round trips', () => {
  for (const [version, name] of [
    ['3', '3.1'],
    ['4', '3.1.1'],
    ['5', '5.0'],
  ]) {
    test(`MQTT ${name}: QoS 0, 1 and 2, from no byte to 20 000`, async () => {
      const sizes = [0, 1, 127, 128, 16_384, 16_385, 20_000];
      const topic = `round/${version}`;
      const steps = sizes.flatMap((size, i) => ['publish', topic, `${i % 3}`, '0', `${size}`, 'expect', '1']);
      const ran = await probe(
        '--version',
        version,
        '--id',
        `p${version}`,
        broker.url,
        'subscribe',
        topic,
        '2',
        ...steps,
      );
      assert.equal(ran.code, 0, ran.lines.join('\n'));
      assert.equal(ran.named('connected')[0].version, Number(version));
      assert.equal(ran.named('subscribed')[0].granted, 2);
      assert.deepEqual(
        ran.named('message').map(({ qos, length, sha256: sum }) => [qos, length, sum]),
        sizes.map((size, i) => [i % 3, size, sha256(pattern(size))]),
      );
    });
  }

  test('64 KiB come back whole, in pieces that the core leaves to the host', async () => {
    const ran = await probe(broker.url, 'subscribe', 'big', '2', 'publish', 'big', '2', '0', '65536', 'expect', '1');
    assert.equal(ran.code, 0, ran.lines.join('\n'));
    assert.equal(ran.named('message')[0].sha256, sha256(pattern(65_536)));
  });

  for (const qos of ['0', '1', '2']) {
    test(`1 MiB goes up at QoS ${qos}, and small messages behind it`, async () => {
      const topic = `up/${qos}`;
      const big = await listen(topic);
      const small = await listen(`${topic}/end`);
      const ran = await probe(
        broker.url,
        'publish',
        topic,
        qos,
        '0',
        '1048576',
        'publish',
        `${topic}/end`,
        '1',
        '0',
        '3',
      );
      assert.equal(ran.code, 0, ran.lines.join('\n'));
      assert.equal(sha256(await big.message), sha256(pattern(1_048_576)));
      assert.deepEqual([...(await small.message)], [...pattern(3)]);
    });
  }

  test('a retained message comes with its flag, properties with their text', async () => {
    await other.publishAsync('kept', 'x', { qos: 1, retain: true, properties: { contentType: 'text/plain' } });
    const ran = await probe(broker.url, 'subscribe', 'kept', '1', 'expect', '1');
    const [message] = ran.named('message');
    assert.equal(message.retain, true);
    assert.equal(message.contentType, 'text/plain');
    assert.equal(message.sha256, sha256(Buffer.from('x')));
  });

  test('what it publishes retained is there for those who come later', async () => {
    assert.equal((await probe(broker.url, 'publish', 'left', '1', '1', '7')).code, 0);
    const left = await listen('left');
    assert.deepEqual([...(await left.message)], [...pattern(7)]);
  });
});

describe('ends', () => {
  test('the will is published when the process is killed, and not when it disconnects', async () => {
    const gone = await listen('will/killed');
    const killed = new Probe(['--will', 'will/killed', broker.url, 'publish', 'ready', '1', '0', '0', 'wait']);
    await killed.line(/settled/);
    await killed.kill('SIGKILL');
    assert.equal(String(await gone.message), 'gone');

    let wills = 0;
    const count = (/** @type {string} */ name) => (wills += Number(name === 'will/closed'));
    other.on('message', count);
    await other.subscribeAsync('will/closed');
    assert.equal((await probe('--will', 'will/closed', broker.url, 'publish', 'bye', '1', '0', '0')).code, 0);
    const behind = await listen('behind');
    await other.publishAsync('behind', '');
    await behind.message; // whatever was published before it has come before it
    other.off('message', count);
    assert.equal(wills, 0);
  });

  test('after the broker was killed it reconnects, and its session is there', async () => {
    const steps = ['subscribe', 'again', '1', 'reconnected', 'publish', 'again', '1', '0', '9', 'expect', '1'];
    const running = new Probe(['--id', 'stays', '--keep', '--retry', '100', broker.url, ...steps]);
    await running.line(/subscribed/);
    await other.publishAsync('saved', '', { qos: 1 });
    await new Promise((done) => setTimeout(done, 1500)); // Mosquitto writes its sessions to disk once a second
    await broker.kill();
    await running.line(/"closed", "retry": true/);
    await broker.start();
    const { code } = await running.exit();
    assert.equal(code, 0, running.lines.join('\n'));
    assert.deepEqual(
      running.named('connected').map(({ session }) => session),
      [false, true],
    );
    assert.equal(running.named('message')[0].length, 9);
  });

  test('a broker that wants a password refuses, and that is not tried again', async () => {
    const closed = await startMosquitto({ users: { somebody: 'secret' } });
    for (const [version, text] of [
      ['4', /refused the MQTT connection: .*authori[sz]ed/i],
      ['5', /refused the MQTT connection: .*authori[sz]ed/i],
    ]) {
      const ran = await probe('--version', String(version), '--id', 'x', '--retry', '100', closed.url);
      const [end] = ran.named('closed');
      assert.equal(ran.code, 1);
      assert.equal(end.phase, 'mqtt');
      assert.equal(end.retry, false);
      assert.match(end.text, /** @type {RegExp} */ (text));
    }
    await closed.stop();
  });
});

describe('wss through Caddy', () => {
  /** @type {import('../tools/caddy.js').Caddy} */
  let caddy;
  /** @type {string} */
  let root;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'wasmqtt-empty-'));
    caddy = await startCaddy({ root, brokerPort: broker.wsPort, tls: true });
  });
  after(async () => {
    await caddy?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  test('with the CA file: messages of every QoS, and 1 MiB upwards', async () => {
    const big = await listen('tls/big');
    const steps = ['0', '1', '2'].flatMap((qos) => ['publish', 'tls', qos, '0', '5000', 'expect', '1']);
    const ran = await probe('--ca', caddy.caFile, caddy.mqttUrl, 'subscribe', 'tls', '2', ...steps, //
      'publish', 'tls/big', '1', '0', '1048576'); // prettier-ignore
    assert.equal(ran.code, 0, ran.lines.join('\n'));
    assert.deepEqual(
      ran.named('message').map(({ sha256: sum }) => sum),
      Array(3).fill(sha256(pattern(5000))),
    );
    assert.equal(sha256(await big.message), sha256(pattern(1_048_576)));
  });

  test('an address in the certificate is as good as a name', async () => {
    const ran = await probe('--ca', caddy.caFile, caddy.mqttUrl.replace('localhost', '127.0.0.1'));
    assert.equal(ran.code, 0, ran.lines.join('\n'));
  });

  test('without it the certificate is not trusted', async () => {
    const [end] = (await probe(caddy.mqttUrl)).named('closed');
    assert.equal(end.phase, 'tls');
    assert.match(end.text, /certificate of localhost:\d+ is not trusted .* CA file/);
  });

  test('a certificate for another name is refused', async () => {
    const port = Number(new URL(caddy.url).port);
    // The same server under an address that its certificate does not name.
    const detour = createServer((socket) => {
      const onwards = createConnection({ port, host: '127.0.0.1' });
      socket.on('error', () => {});
      onwards.on('error', () => {});
      socket.pipe(onwards).pipe(socket);
    });
    detour.listen(0, '127.0.0.2');
    await once(detour, 'listening');
    const { port: other } = /** @type {import('node:net').AddressInfo} */ (detour.address());
    const [end] = (await probe('--ca', caddy.caFile, `wss://127.0.0.2:${other}/mqtt`)).named('closed');
    detour.close();
    assert.equal(end.phase, 'tls');
    assert.match(end.text, /certificate of 127\.0\.0\.2:\d+ is for another name/);
  });

  test('a CA file that is none, or not there', async () => {
    for (const file of ['package.json', '/nowhere/ca.pem']) {
      const [end] = (await probe('--ca', file, caddy.mqttUrl)).named('closed');
      assert.equal(end.phase, 'options');
      assert.match(end.text, /CA file .* cannot be read/);
    }
  });

  test('ws to a TLS port, and wss to a plain one', async () => {
    const [plain] = (await probe(caddy.mqttUrl.replace('wss:', 'ws:'))).named('closed');
    assert.equal(plain.phase, 'upgrade');
    assert.match(plain.text, /ws or wss|wss:\/\//);
    const [tls] = (await probe(broker.url.replace('ws:', 'wss:'))).named('closed');
    assert.equal(tls.phase, 'tls');
    assert.match(tls.text, /does not speak TLS|closed the connection during the TLS handshake/);
  });

  test('a path where no WebSocket is', async () => {
    const [end] = (await probe('--ca', caddy.caFile, caddy.mqttUrl.replace(/mqtt$/, 'elsewhere?token=hunter2'))).named(
      'closed',
    );
    assert.equal(end.phase, 'upgrade');
    assert.equal(end.code, 404);
    assert.match(end.text, /\/elsewhere answered 404 .*: no WebSocket is at this path/);
    assert.doesNotMatch(end.text, /hunter2/);
  });
});

describe('servers that are none', () => {
  /** @type {import('node:net').Server[]} */
  const servers = [];
  after(() => servers.forEach((server) => server.close()));

  /** @param {(socket: import('node:net').Socket) => void} serve what to do with a connection */
  async function serveRaw(serve) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      serve(socket);
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    return `ws://127.0.0.1:${port}/mqtt`;
  }

  test('a closed port', async () => {
    const ran = await probe(`ws://127.0.0.1:${await freePort()}/mqtt`);
    assert.equal(ran.code, 1);
    const [end] = ran.named('closed');
    assert.equal(end.phase, 'tcp');
    assert.match(end.text, /Connection refused.*is the broker running/);
  });

  test('a name that does not exist', async () => {
    const [end] = (await probe('ws://no-such-host.invalid/')).named('closed');
    assert.equal(end.phase, 'resolve');
    assert.match(end.text, /cannot find the address of no-such-host\.invalid/);
  });

  test('a URL that is none', async () => {
    const [end] = (await probe('mqtt://127.0.0.1:1883')).named('closed');
    assert.equal(end.phase, 'options');
    assert.match(end.text, /must begin with ws:\/\/ or wss:\/\//);
  });

  test('a plain MQTT port', async () => {
    const [end] = (await probe(`ws://127.0.0.1:${broker.tcpPort}/mqtt`)).named('closed');
    assert.equal(end.phase, 'upgrade');
    assert.match(end.text, /plain MQTT/);
  });

  test('something that does not speak HTTP', async () => {
    const [end] = (await probe(await serveRaw((socket) => socket.write('220 mail.example ESMTP\r\n')))).named('closed');
    assert.equal(end.phase, 'upgrade');
    assert.match(end.text, /does not answer in HTTP/);
  });

  test('headers without an end', async () => {
    const url = await serveRaw((socket) => {
      const more = () => {
        while (socket.writable && socket.write(`X-More: ${'x'.repeat(1000)}\r\n`));
      };
      socket.write('HTTP/1.1 101 Switching Protocols\r\n');
      socket.on('drain', more);
      more();
    });
    const [end] = (await probe(url)).named('closed');
    assert.equal(end.phase, 'upgrade');
    assert.match(end.text, /more than 8192 bytes/);
  });

  test('one that says nothing at all', async () => {
    const [end] = (await probe('--timeout', '300', await serveRaw(() => {}))).named('closed');
    assert.equal(end.phase, 'upgrade');
    assert.match(end.text, /did not answer the WebSocket request/);
  });

  test('a redirect is shown and not followed', async () => {
    const url = await serveRaw((socket) =>
      socket.end('HTTP/1.1 301 Moved\r\nLocation: wss://other.example/ws?k=1\r\n\r\n'),
    );
    const [end] = (await probe(url)).named('closed');
    assert.equal(end.code, 301);
    assert.match(end.text, /redirects to "wss:\/\/other\.example\/ws"/);
  });
});

describe('WebSockets that are no broker', () => {
  /** @type {WebSocketServer[]} */
  const servers = [];
  after(() => servers.forEach((server) => server.close()));

  /**
   * @param {(socket: import('ws').WebSocket) => void} serve what to do with a connection
   * @param {(offered: Set<string>) => string | false} [choose] the subprotocol
   */
  async function serveWebSocket(serve, choose = () => 'mqtt') {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: choose });
    servers.push(server);
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      serve(socket);
    });
    await once(server, 'listening');
    return `ws://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/mqtt`;
  }

  test('one that chooses no subprotocol [M3:6.0.0-4] [M5:6.0.0-4]', async () => {
    const [end] = (
      await probe(
        await serveWebSocket(
          () => {},
          () => false,
        ),
      )
    ).named('closed');
    assert.equal(end.phase, 'upgrade');
    assert.match(end.text, /did not choose the subprotocol "mqtt"/);
  });

  test('one that sends text [M3:6.0.0-1] [M5:6.0.0-1]', async () => {
    const [end] = (await probe(await serveWebSocket((socket) => socket.send('hello')))).named('closed');
    assert.equal(end.phase, 'websocket');
    assert.match(end.text, /text message/);
  });

  test('one that closes before CONNACK, with a reason that is not to be trusted', async () => {
    const url = await serveWebSocket((socket) => socket.close(1011, 'no \u001b[31m5.0'));
    const [end] = (await probe(url)).named('closed');
    assert.equal(end.phase, 'websocket');
    assert.equal(end.code, 1011);
    assert.match(end.text, /code 1011: no \?\[31m5\.0\) before it answered CONNECT: it may not speak MQTT 5\.0/);
  });

  test('one that breaks off', async () => {
    const [end] = (await probe(await serveWebSocket((socket) => socket.terminate()))).named('closed');
    assert.equal(end.phase, 'websocket');
    assert.equal(end.code, 1006);
  });

  test('one that breaks the framing', async () => {
    // A reserved bit; and a masked frame, which only a client may send.
    for (const frame of [
      [0xc2, 0x01, 0x00],
      [0x82, 0x81, 1, 2, 3, 4, 5],
    ]) {
      const url = await serveWebSocket((socket) => rawSocket(socket).write(Buffer.from(frame)));
      const [end] = (await probe(url)).named('closed');
      assert.equal(end.phase, 'websocket');
      assert.match(end.text, /broke the WebSocket protocol/);
    }
  });

  test('one that breaks MQTT is told so, and closed', async () => {
    /** @type {Buffer[]} */
    const got = [];
    /** @type {(code: number) => void} */
    let closed;
    const code = new Promise((done) => (closed = done));
    const url = await serveWebSocket((socket) => {
      socket.on('message', (data) => got.push(/** @type {Buffer} */ (data)));
      socket.on('close', closed);
      socket.send(connack);
      socket.send(Buffer.from([0x00, 0x00]));
    });
    const [end] = (await probe(url, 'wait')).named('closed');
    assert.equal(end.phase, 'mqtt');
    assert.ok(end.code <= -201 && end.code > -300, `${end.code}`);
    assert.equal(await code, 1002);
    const disconnect = Buffer.concat(got).subarray(-3);
    assert.deepEqual([...disconnect], [0xe0, 0x01, 0x81]); // with the reason Malformed Packet
  });

  test('frames cut anywhere, with pings in between, mean the same', async () => {
    const payload = pattern(50_000);
    const publish = generate({ cmd: 'publish', topic: 'cut', payload: Buffer.from(payload), qos: 0, dup: false, retain: false }, { protocolVersion: 5 }); // prettier-ignore
    const bytes = Buffer.concat([connack, publish, publish]);
    const url = await serveWebSocket((socket) => {
      let at = 0;
      for (let size = 1; at < bytes.length; size = (size * 7 + 3) % 5000) {
        const last = at + size >= bytes.length;
        socket.send(bytes.subarray(at, (at += size)), { fin: last || size % 3 === 0 });
        socket.ping();
      }
    });
    const ran = await probe(url, 'expect', '2');
    assert.equal(ran.code, 0, ran.lines.join('\n'));
    assert.deepEqual(
      ran.named('message').map(({ sha256: sum }) => sum),
      [sha256(payload), sha256(payload)],
    );
  });

  test('a frame that declares more than anybody has reserves nothing', async () => {
    // 2^62 bytes, of which one comes.
    const head = Buffer.from([0x82, 127, 0x40, 0, 0, 0, 0, 0, 0, 0, 0xff]);
    const url = await serveWebSocket((socket) => rawSocket(socket).write(head));
    const [end] = (await probe(url)).named('closed');
    assert.ok(['mqtt', 'websocket'].includes(end.phase), JSON.stringify(end));
  });
});
