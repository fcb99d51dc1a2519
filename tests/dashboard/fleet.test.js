// The device registry: what topics and payloads, friendly or not, make of the fleet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE_LIMITS } from '../../web/dashboard/model/device.js';
import { Fleet, select } from '../../web/dashboard/model/fleet.js';

const utf8 = new TextEncoder();

/**
 * @param {Fleet} fleet
 * @param {string} topic
 * @param {unknown} payload a string as it is, anything else as JSON
 * @param {{ retain?: boolean, at?: number }} [options]
 */
function tell(fleet, topic, payload, { retain = false, at = 1000 } = {}) {
  return fleet.apply(topic, utf8.encode(typeof payload === 'string' ? payload : JSON.stringify(payload)), retain, at);
}

/** @param {Fleet} fleet */
function only(fleet) {
  const [device, ...others] = fleet.devices.values();
  assert.ok(device);
  assert.equal(others.length, 0);
  return device;
}

test('telemetry makes a device with its numbers and texts', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/telemetry', { temperature: 4.5, door: 'open', gps: { lat: 1, lon: 2 }, ts: 12345 });
  const device = only(fleet);
  assert.equal(device.status, 'online');
  assert.equal(device.lastSeen, 1000);
  assert.deepEqual([...device.metrics.keys()], ['temperature', 'gps.lat', 'gps.lon']);
  assert.equal(device.metrics.get('temperature')?.unit, '°C');
  assert.equal(device.texts.get('door'), 'open');
});

test('a bare number is a metric, named by the rest of the topic', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/telemetry', '21.5');
  tell(fleet, 'devices/a/telemetry/humidity', '40');
  assert.deepEqual(
    [...only(fleet).metrics.values()].map(({ name, last }) => [name, last]),
    [
      ['value', 21.5],
      ['humidity', 40],
    ],
  );
});

test('topics of another shape make no device', () => {
  const fleet = new Fleet();
  for (const topic of [
    'devices',
    'devices/',
    'devices//telemetry',
    'devices/a',
    'devices/a/',
    'other/a/telemetry',
    '',
  ]) {
    assert.equal(tell(fleet, topic, { x: 1 }), null, topic);
  }
  assert.equal(tell(fleet, 'devices/a/commands/led', { on: true }), null);
  assert.equal(tell(fleet, 'devices/a/status', ''), null);
  assert.equal(fleet.devices.size, 0);
});

test('status words and objects', () => {
  for (const [payload, status] of /** @type {[unknown, string][]} */ ([
    ['online', 'online'],
    ['"OFFLINE"', 'offline'],
    ['1', 'online'],
    ['0', 'offline'],
    ['true', 'online'],
    [{ state: 'online' }, 'online'],
    [{ online: false, reason: 'will' }, 'offline'],
    [{ status: { nested: 1 }, state: 'offline' }, 'offline'],
    [{ something: 'else' }, 'unknown'],
    ['rubbish', 'unknown'],
  ])) {
    const fleet = new Fleet();
    tell(fleet, 'devices/a/status', payload, { retain: true });
    assert.equal(only(fleet).status, status, JSON.stringify(payload));
  }
});

test('a status taken back (empty payload) leaves the status unknown', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/status', 'online');
  tell(fleet, 'devices/a/status', '');
  assert.equal(only(fleet).status, 'unknown');
  assert.deepEqual(fleet.counts, { alarm: 0, offline: 0, stale: 0, unknown: 1, online: 0 });
});

test('silence makes a device stale, a message makes it online again', () => {
  const fleet = new Fleet();
  for (let at = 1000; at <= 5000; at += 1000) tell(fleet, 'devices/a/telemetry', { x: at }, { at });
  fleet.tick(14_900);
  assert.equal(only(fleet).status, 'online');
  fleet.tick(15_100);
  assert.equal(only(fleet).status, 'stale');
  assert.equal(fleet.counts.stale, 1);
  tell(fleet, 'devices/a/telemetry', { x: 1 }, { at: 20_000 });
  assert.equal(only(fleet).status, 'online');
  assert.equal(fleet.counts.stale, 0);
});

test('a device that reports each minute is not stale after twenty seconds', () => {
  const fleet = new Fleet();
  for (let minute = 1; minute <= 5; minute++) tell(fleet, 'devices/a/telemetry', { x: 1 }, { at: minute * 60_000 });
  fleet.tick(5 * 60_000 + 20_000);
  assert.equal(only(fleet).status, 'online');
  fleet.tick(9 * 60_000);
  assert.equal(only(fleet).status, 'stale');
});

test('our own lost connection is not the silence of the devices', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/telemetry', { x: 1 }, { at: 1000 });
  fleet.watchFrom(100_000);
  fleet.tick(105_000);
  assert.equal(only(fleet).status, 'online');
  fleet.tick(111_000);
  assert.equal(only(fleet).status, 'stale');
});

test('offline by will outranks staleness, and retained messages are no sign of life', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/telemetry', { x: 1 }, { retain: true });
  assert.equal(only(fleet).lastSeen, 0);
  tell(fleet, 'devices/a/status', { state: 'offline', reason: 'connection lost' });
  assert.equal(only(fleet).lastSeen, 0);
  fleet.tick(1e9);
  assert.equal(only(fleet).status, 'offline');
  assert.equal(only(fleet).fields.get('reason'), 'connection lost');
});

test('a will leaves in place what the device said of itself', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/status', { state: 'online', site: 'Market', led: 'on' });
  tell(fleet, 'devices/a/status', { state: 'offline', reason: 'connection lost' });
  assert.deepEqual(Object.fromEntries(only(fleet).fields), {
    state: 'offline',
    site: 'Market',
    led: 'on',
    reason: 'connection lost',
  });
  tell(fleet, 'devices/a/status', { state: 'online', site: 'Market' });
  assert.deepEqual(Object.fromEntries(only(fleet).fields), { state: 'online', site: 'Market' });
});

test('alarms are raised, counted, and cleared', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/alarms', { code: 'hot', severity: 'critical', state: 'raised', text: 'Too hot', value: 90 });
  tell(fleet, 'devices/a/alarms', { code: 'low', severity: 'warning', state: 'raised' });
  const device = only(fleet);
  assert.equal(device.worst, 'critical');
  assert.equal(device.alarms.get('hot')?.detail, 'Too hot, value 90');
  assert.equal(fleet.counts.alarm, 1);
  tell(fleet, 'devices/a/alarms', { code: 'hot', state: 'cleared' });
  assert.equal(device.worst, 'minor');
  tell(fleet, 'devices/a/alarms/low', '');
  assert.equal(fleet.counts.alarm, 0);
  assert.deepEqual(
    device.events.map(({ title }) => title),
    ['hot raised', 'low raised', 'hot cleared', 'low cleared'],
  );
});

test('a status that lists alarms tells of those raised before, and ends those it lacks', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/status', { state: 'online', alarms: ['hot', 7, null] }, { retain: true });
  const device = only(fleet);
  assert.deepEqual([...device.alarms.keys()], ['hot']);
  assert.equal(device.alarms.get('hot')?.since, 0);
  tell(fleet, 'devices/a/status', { state: 'online', alarms: [] });
  assert.equal(fleet.counts.alarm, 0);
});

test('payloads of every wrong kind change nothing but a counter', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/status', 'online');
  const device = only(fleet);
  const wrong = [
    '',
    '{',
    '[',
    'NaN',
    '\u0000',
    '{"a":',
    `${'['.repeat(5000)}`,
    `[${'1,'.repeat(5000)}1]`,
    'x'.repeat(200_000),
  ];
  for (const payload of wrong) tell(fleet, 'devices/a/telemetry', payload);
  fleet.apply('devices/a/telemetry', Uint8Array.of(0x22, 0xc3, 0x28, 0x22), false, 1);
  assert.equal(device.metrics.size, 0);
  assert.equal(device.unkept.unreadable, wrong.length + 1);
  for (const payload of ['null', 'true', '"text"', '[]', '{}']) tell(fleet, 'devices/a/telemetry', payload);
  assert.equal(device.metrics.size, 0);
});

test('numbers that are none are not kept', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/telemetry', '{"big": 1e999, "ok": 1}');
  assert.deepEqual([...only(fleet).metrics.keys()], ['ok']);
});

test('member names are only names', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/__proto__/telemetry', '{"__proto__": 1, "constructor": 2, "toString": {"valueOf": 3}}');
  tell(fleet, 'devices/__proto__/status', '{"__proto__": {"online": false}, "hasOwnProperty": "x"}');
  tell(
    fleet,
    'devices/__proto__/alarms',
    '{"__proto__": {"active": false}, "code": "constructor", "severity": "toString"}',
  );
  const device = only(fleet);
  assert.deepEqual([...device.metrics.keys()], ['__proto__', 'constructor', 'toString.valueOf']);
  assert.equal(device.alarms.get('constructor')?.severity, 'major');
  assert.equal(/** @type {any} */ ({}).online, undefined);
});

test('what one device can make grow is bounded and counted', () => {
  const fleet = new Fleet();
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${i}`, i]));
  const words = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`w${i}`, 'x']));
  tell(fleet, 'devices/a/telemetry', many);
  tell(fleet, 'devices/a/telemetry', words);
  for (let i = 0; i < 300; i++) tell(fleet, 'devices/a/events', { type: `e${i}` });
  for (let i = 0; i < 100; i++) tell(fleet, 'devices/a/alarms', { code: `a${i}` });
  const device = only(fleet);
  assert.equal(device.metrics.size, DEVICE_LIMITS.metrics);
  assert.equal(device.texts.size, DEVICE_LIMITS.texts);
  assert.equal(device.events.length, DEVICE_LIMITS.events);
  assert.equal(device.alarms.size, DEVICE_LIMITS.alarms);
  assert.equal(device.unkept.metrics, 100 - DEVICE_LIMITS.metrics);
  assert.equal(device.unkept.fields, 100 - DEVICE_LIMITS.texts);
  assert.equal(device.unkept.alarms, 100 - DEVICE_LIMITS.alarms);
  assert.equal(device.unkept.events, 300 + DEVICE_LIMITS.alarms - DEVICE_LIMITS.events);
});

test('all devices together are bounded too, and what is given up can be used again', () => {
  const fleet = new Fleet({ entries: 4, events: 3 });
  tell(fleet, 'devices/a/status', { state: 'online', one: 1 });
  tell(fleet, 'devices/b/telemetry', { x: 1, y: 2, z: 3, word: 'w' });
  const b = fleet.devices.get('b');
  assert.deepEqual([...(b?.metrics.keys() ?? [])], ['x', 'y']);
  assert.deepEqual([b?.unkept.metrics, b?.unkept.fields], [1, 1]);
  tell(fleet, 'devices/b/alarms', { code: 'hot' });
  assert.equal(b?.unkept.alarms, 1);
  tell(fleet, 'devices/a/status', '');
  tell(fleet, 'devices/b/alarms', { code: 'hot' });
  assert.equal(b?.alarms.size, 1);
  tell(fleet, 'devices/b/alarms', { code: 'hot', state: 'cleared' });
  assert.equal(fleet.budgets.entries.left, 2);
  for (const type of ['e', 'f']) tell(fleet, 'devices/b/events', { type });
  tell(fleet, 'devices/a/events', { type: 'g' });
  assert.deepEqual(
    b?.events.map(({ title }) => title),
    ['hot cleared', 'e', 'f'],
  );
  assert.deepEqual([b?.unkept.events, fleet.devices.get('a')?.unkept.events], [1, 1]);
});

test('devices beyond the limit are counted, known ones go on', () => {
  const fleet = new Fleet({ maxDevices: 2 });
  for (const id of ['a', 'b', 'c', 'd']) tell(fleet, `devices/${id}/telemetry`, { x: 1 });
  tell(fleet, `devices/${'long'.repeat(100)}/telemetry`, { x: 1 });
  tell(fleet, 'devices/a/telemetry', { x: 2 });
  assert.equal(fleet.devices.size, 2);
  assert.equal(fleet.unkept, 3);
  assert.equal(fleet.devices.get('a')?.metrics.get('x')?.last, 2);
});

test('the list puts what is wrong first', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/fine/status', 'online');
  tell(fleet, 'devices/gone/status', 'offline');
  tell(fleet, 'devices/minor/alarms', { code: 'x', severity: 'warning' });
  tell(fleet, 'devices/critical/alarms', { code: 'x', severity: 'critical' });
  const ids = (/** @type {Partial<Parameters<typeof select>[1]>} */ wish) =>
    select(fleet, { search: '', condition: '', order: { key: 'trouble', down: false }, ...wish }).map(({ id }) => id);
  assert.deepEqual(ids({}), ['critical', 'minor', 'gone', 'fine']);
  assert.deepEqual(ids({ order: { key: 'id', down: true } }), ['minor', 'gone', 'fine', 'critical']);
  assert.deepEqual(ids({ condition: 'offline' }), ['gone']);
  assert.deepEqual(ids({ condition: 'alarm' }), ['critical', 'minor']);
  assert.deepEqual(ids({ search: ' FIN ' }), ['fine']);
});

test('a list ordered by a metric puts devices without it last', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/none/status', 'online');
  tell(fleet, 'devices/low/telemetry', { t: -5 });
  tell(fleet, 'devices/high/telemetry', { t: 5 });
  const list = select(fleet, { search: '', condition: '', order: { key: 'metric:t', down: false } });
  assert.deepEqual(
    list.map(({ id }) => id),
    ['high', 'low', 'none'],
  );
});

test('columns are the well-known metrics, then those most devices have', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/telemetry', { z: 1, y: 1, battery: 1 });
  tell(fleet, 'devices/b/telemetry', { z: 1, temperature: 1 });
  assert.deepEqual(fleet.columns(3), ['temperature', 'battery', 'z']);
});

test('only what changed is dirty', () => {
  const fleet = new Fleet();
  tell(fleet, 'devices/a/telemetry', { x: 1 });
  tell(fleet, 'devices/b/telemetry', { x: 1 });
  fleet.takeDirty();
  tell(fleet, 'devices/b/telemetry', { x: 2 });
  assert.deepEqual(
    [...fleet.takeDirty()].map(({ id }) => id),
    ['b'],
  );
  assert.equal(fleet.takeDirty().size, 0);
});
