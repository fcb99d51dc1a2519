// The demo fleet against a real Mosquitto, seen through MQTT.js.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import mqtt from 'mqtt';
import { startMosquitto } from '../tools/mosquitto.js';
import { freePort } from '../tools/ports.js';
import { Program } from './programs.js';

/** @param {string[]} args */
const startFleet = (...args) => new Program('build/native/fleet', args);

/** @type {import('../tools/mosquitto.js').Mosquitto} */
let broker;
/** @type {import('mqtt').MqttClient} */
let other;

before(async () => {
  broker = await startMosquitto();
  other = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.tcpPort}`, { protocolVersion: 5, reconnectPeriod: 200 });
  const kinds = ['status', 'telemetry', 'events', 'alarms'];
  await other.subscribeAsync([...kinds.map((kind) => `devices/+/${kind}`), 'replies'], { qos: 1 });
});

after(async () => {
  await other?.endAsync(true);
  await broker?.stop();
});

/** @typedef {{ topic: string, json: any, packet: import('mqtt').IPublishPacket }} Seen */

/**
 * The first message from now on that `wanted` accepts.
 * @param {(seen: Seen) => boolean} wanted
 * @returns {Promise<Seen>}
 */
function next(wanted) {
  return new Promise((done) => {
    /** @type {import('mqtt').OnMessageCallback} */
    const look = (topic, payload, packet) => {
      const seen = { topic, json: JSON.parse(String(payload)), packet };
      if (!wanted(seen)) return;
      other.off('message', look);
      done(seen);
    };
    other.on('message', look);
  });
}

/**
 * The next status of a device that says it is in that state.
 * @param {string} id
 * @param {'online' | 'offline'} state
 */
const status = (id, state) => next(({ topic, json }) => topic === `devices/${id}/status` && json.state === state);

/**
 * What is retained as a device's status.
 * @param {string} id
 */
async function retained(id) {
  const late = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.tcpPort}`, { protocolVersion: 5 });
  const message = new Promise((done) => late.once('message', (_, payload) => done(JSON.parse(String(payload)))));
  await late.subscribeAsync(`devices/${id}/status`);
  const json = await message;
  await late.endAsync(true);
  return json;
}

let commands = 0;

/**
 * Send a command and wait for its answer.
 * @param {string} id
 * @param {string} name
 * @param {string | object} [args] an object is sent as JSON
 */
async function command(id, name, args = '') {
  const correlationData = Buffer.from([0, 255, ++commands]); // bytes, not text
  const reply = next(
    ({ topic, packet }) => topic === 'replies' && packet.properties?.correlationData?.equals(correlationData) === true,
  );
  await other.publishAsync(`devices/${id}/commands/${name}`, typeof args === 'string' ? args : JSON.stringify(args), {
    qos: 1,
    properties: { responseTopic: 'replies', correlationData },
  });
  return (await reply).json;
}

describe('a fleet of five', () => {
  /** @type {Program} */
  let fleet;

  before(async () => {
    fleet = startFleet('--url', broker.url, '--devices', '5', '--seed', '7');
    await fleet.line(/^fleet: 5 devices online$/);
  });
  after(async () => fleet?.kill('SIGKILL'));

  test('each device is online, and its status stays for those who come later', async () => {
    for (const id of ['dev-0001', 'dev-0002', 'dev-0003', 'dev-0004', 'dev-0005']) {
      const json = await retained(id);
      assert.equal(json.state, 'online');
      for (const name of ['model', 'firmware', 'site']) assert.match(json[name], /./, name);
      assert.equal(json.led, 'off');
      assert.equal(json.interval, 1000);
      assert.ok(Number.isInteger(json.uptime));
      assert.ok(Array.isArray(json.alarms));
    }
  });

  test('telemetry is JSON with believable numbers, again and again', async () => {
    for (let i = 0; i < 3; i++) {
      const { json, packet } = await next(({ topic }) => topic === 'devices/dev-0003/telemetry');
      assert.equal(packet.retain, false);
      /** @type {[string, number, number][]} */
      const ranges = [
        ['temperature', -10, 40],
        ['humidity', 5, 100],
        ['pressure', 950, 1080],
        ['battery', 0, 100],
        ['vibration', 0, 20],
      ];
      for (const [name, low, high] of ranges) {
        assert.ok(json[name] >= low && json[name] <= high, `${name}: ${json[name]}`);
      }
      assert.match(json.door, /^(open|closed)$/);
    }
  });

  test('led: on, a colour, off; the status follows', async () => {
    for (const [args, led] of /** @type {const} */ ([
      [{ on: true }, 'on'],
      [{ color: '#00FF88' }, '#00FF88'],
      [{ on: false }, 'off'],
    ])) {
      const follows = next(({ topic, json }) => topic === 'devices/dev-0001/status' && json.led === led);
      assert.deepEqual(await command('dev-0001', 'led', args), { ok: true, result: { led } });
      await follows;
    }
  });

  test('arguments that are wrong are refused with a reason', async () => {
    for (const [name, args, reason] of /** @type {const} */ ([
      ['led', '', /give on/],
      ['led', { on: 1 }, /give on/],
      ['led', { color: 'red' }, /give on/],
      ['led', { on: false, color: '#000000' }, /give on/],
      ['led', '[true]', /not a JSON object/],
      ['led', '{"on":true', /not a JSON object/],
      ['led', '{"on":true} x', /not a JSON object/],
      ['set-interval', { ms: 99 }, /100 to 3600000/],
      ['set-interval', { ms: 250.5 }, /100 to 3600000/],
      ['set-interval', { ms: '500' }, /100 to 3600000/],
      ['set-interval', '{"ms":1e999}', /100 to 3600000/],
      ['set-interval', { ms: { deep: 1 } }, /not a JSON object/],
      ['set-interval', '\u0000', /not a JSON object/],
    ])) {
      const { ok, error } = await command('dev-0001', name, args);
      assert.equal(ok, false, JSON.stringify(args));
      assert.match(error, reason);
    }
  });

  test('set-interval changes how often it reports', async () => {
    assert.deepEqual(await command('dev-0002', 'set-interval', { ms: 100 }), { ok: true, result: { interval: 100 } });
    assert.equal((await retained('dev-0002')).interval, 100);
    /** @type {string[]} */
    const order = [];
    while (order.filter((topic) => topic.includes('0003')).length < 2) {
      order.push((await next(({ topic }) => /dev-000[23]\/telemetry/.test(topic))).topic);
    }
    assert.ok(order.filter((topic) => topic.includes('0002')).length >= 3, order.join(' '));
  });

  test('calibrate fails with a reason', async () => {
    assert.deepEqual(await command('dev-0004', 'calibrate'), { ok: false, error: 'no reference sensor is attached' });
  });

  test('an unknown command is refused by name', async () => {
    assert.deepEqual(await command('dev-0004', 'fly"\\\\'), { ok: false, error: 'unknown command "fly"\\\\"' });
  });

  test('self-test answers late, reports its progress, and is not run twice at once', async () => {
    /** @type {number[]} */
    const progress = [];
    const done = next(({ topic, json }) => {
      if (topic !== 'devices/dev-0005/events' || json.type !== 'self-test') return false;
      progress.push(json.progress);
      return json.progress === 100;
    });
    const first = command('dev-0005', 'self-test');
    assert.deepEqual(await command('dev-0005', 'self-test'), { ok: false, error: 'a self-test is running already' });
    assert.equal((await first).ok, true);
    await done;
    assert.deepEqual(progress, [25, 50, 75, 100]);
  });

  test('without a response topic a command is carried out in silence', async () => {
    const follows = next(({ topic, json }) => topic === 'devices/dev-0004/status' && json.led === 'on');
    await other.publishAsync('devices/dev-0004/commands/led', '{"on":true}', { qos: 1 });
    await follows;
  });

  test('reboot answers first, then goes offline and comes back', async () => {
    /** @type {string[]} */
    const order = [];
    const watched = next(({ topic, json }) => {
      if (topic === 'replies') order.push('answer');
      if (topic === 'devices/dev-0004/status') order.push(json.state);
      return order.at(-1) === 'online';
    });
    assert.deepEqual(await command('dev-0004', 'reboot'), { ok: true, result: 'rebooting' });
    await watched;
    assert.deepEqual(order, ['answer', 'offline', 'online']);
  });

  test('after the broker was restarted all of it comes back', async () => {
    const from = fleet.lines.length;
    await broker.restart();
    await fleet.line(/^fleet: connection lost, trying again: /, from);
    await fleet.line(/^fleet: 5 devices online$/, from);
    assert.deepEqual(await command('dev-0001', 'led', { on: true }), { ok: true, result: { led: 'on' } });
  });

  test('Ctrl-C: every device says that it is offline, and the program ends well', async () => {
    await fleet.kill('SIGINT');
    assert.deepEqual(await fleet.exit(), { code: 0, signal: null });
    for (const id of ['dev-0001', 'dev-0005']) {
      assert.deepEqual(await retained(id), { state: 'offline', reason: 'shutdown' });
    }
  });
});

test('a device that is killed turns offline by its will', async () => {
  const online = status('dev-0007', 'online');
  const device = startFleet('--url', broker.url, '--only', 'dev-0007');
  await online;
  const offline = status('dev-0007', 'offline');
  await device.kill('SIGKILL');
  assert.deepEqual((await offline).json, { state: 'offline' });
  assert.deepEqual(await retained('dev-0007'), { state: 'offline' });
});

/**
 * The next alarm in that state, and the status that the same device publishes after it.
 * @param {'raised' | 'cleared'} state
 */
async function alarm(state) {
  /** @type {Seen | undefined} */
  let found;
  const { json } = await next((seen) => {
    if (!found && seen.topic.endsWith('/alarms') && seen.json.state === state) found = seen;
    return found !== undefined && seen.topic === found.topic.replace('alarms', 'status');
  });
  return { alarm: /** @type {Seen} */ (found).json, status: json };
}

test('alarms are raised and cleared, and stand in the status meanwhile', async () => {
  const raising = alarm('raised');
  const clearing = alarm('cleared');
  const fleet = startFleet('--url', broker.url, '--first', '100', '--devices', '300', '--seed', '1');
  const raised = await raising;
  assert.match(raised.alarm.code, /^(temperature-high|battery-low|vibration-high)$/);
  assert.match(raised.alarm.severity, /^(warning|minor|major)$/);
  assert.match(raised.alarm.text, /./);
  assert.equal(typeof raised.alarm.value, 'number');
  assert.ok(Date.parse(raised.alarm.time) > 0);
  assert.ok(raised.status.alarms.includes(raised.alarm.code), JSON.stringify(raised));
  const cleared = await clearing;
  assert.ok(!cleared.status.alarms.includes(cleared.alarm.code), JSON.stringify(cleared));
  await fleet.kill('SIGINT');
  assert.equal((await fleet.exit()).code, 0);
});

test('five hundred devices in one process', async () => {
  const fleet = startFleet('--url', broker.url, '--devices', '500', '--first', '1000', '--interval', '5000');
  await fleet.line(/^fleet: 500 devices online$/);
  await fleet.kill('SIGINT');
  assert.deepEqual(await fleet.exit(), { code: 0, signal: null });
  assert.equal((await retained('dev-1499')).state, 'offline');
});

test('without a broker it says so in one line, and fails', async () => {
  const fleet = startFleet('--url', `ws://127.0.0.1:${await freePort()}/mqtt`);
  assert.deepEqual(await fleet.exit(), { code: 1, signal: null });
  const said = fleet.lines.filter((line) => !line.startsWith('fleet: connecting '));
  assert.equal(said.length, 1, said.join('\n'));
  assert.match(
    said[0],
    /^fleet: cannot connect to 127\.0\.0\.1 port \d+ \(Connection refused\).*is the broker running/,
  );
});

test('options that are wrong', async () => {
  for (const [args, says] of /** @type {[string[], RegExp][]} */ ([
    [['--devices', '0'], /bad value for --devices/],
    [['--devices', '50x'], /bad value for --devices/],
    [['--interval'], /missing value for --interval/],
    [['--only', 'sensor-1'], /bad value for --only/],
    [['--first', '9999', '--devices', '2'], /numbered up to 9999/],
    [['--colour', 'red'], /unknown option --colour/],
  ])) {
    const fleet = startFleet(...args);
    assert.equal((await fleet.exit()).code, 2);
    assert.match(fleet.lines.join('\n'), says);
  }
  const fleet = startFleet('--url', 'mqtt://127.0.0.1');
  assert.equal((await fleet.exit()).code, 1);
  assert.match(fleet.lines.join('\n'), /must begin with ws:\/\/ or wss:\/\//);
});
