// The smaller parts of the model: history, rates, the message log, commands, forms, addresses, text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildFree, buildOffer, OFFERS } from '../../web/dashboard/model/catalog.js';
import { Commands } from '../../web/dashboard/model/commands.js';
import { age, count, decimals, duration, number, reading, size } from '../../web/dashboard/model/format.js';
import { Budget, Ring } from '../../web/dashboard/model/history.js';
import { LIMITS, parseJson } from '../../web/dashboard/model/json.js';
import { MessageLog } from '../../web/dashboard/model/log.js';
import * as profiles from '../../web/dashboard/model/profile.js';
import { Rate } from '../../web/dashboard/model/rate.js';
import { deviceHref, parseRoute } from '../../web/dashboard/model/routes.js';
import { hexDump, preview, shown } from '../../web/dashboard/model/text.js';
import { filterFault, matches, replyTopic, topicFault } from '../../web/dashboard/model/topics.js';

const utf8 = new TextEncoder();

test('a ring keeps the latest, in order', () => {
  const ring = new Ring(100, new Budget(1000));
  for (let i = 0; i < 250; i++) ring.push(i * 1000, i);
  assert.equal(ring.length, 100);
  assert.equal(ring.valueAt(0), 150);
  assert.equal(ring.valueAt(99), 249);
  assert.equal(ring.firstSince(200_000), 50);
  assert.equal(ring.firstSince(1e9), 100);
});

test('rings share a budget; one that gets no more keeps what it has', () => {
  const budget = new Budget(100);
  const first = new Ring(1000, budget);
  const second = new Ring(1000, budget);
  for (let i = 0; i < 200; i++) first.push(i, i);
  for (let i = 0; i < 200; i++) second.push(i, i);
  assert.equal(first.length, 64);
  assert.equal(first.valueAt(63), 199);
  assert.equal(second.length, 0);
  assert.equal(budget.refused, 2);
});

test('columns for a chart: a gap is a null, the line enters at the edge', () => {
  const ring = new Ring(10, new Budget(100));
  for (const [time, value] of [
    [1000, 5],
    [2000, 7],
    [9000, 1],
  ])
    ring.push(time ?? 0, value ?? 0);
  assert.deepEqual(ring.columns(1500, 3000), { x: [1, 2, 5.5, 9], y: [5, 7, null, 1], min: 1, max: 7 });
  assert.deepEqual(new Ring(10, new Budget(9)).columns(0, 1), { x: [], y: [], min: NaN, max: NaN });
});

test('rate: the mean of whole seconds, and none after silence', () => {
  const rate = new Rate();
  for (let ms = 0; ms < 5000; ms += 100) rate.count(1e6 + ms, 10);
  assert.equal(rate.perSecond(1e6 + 5000), 10);
  assert.equal(rate.perSecond(1e6 + 60_000), 0);
  assert.equal(rate.total, 50);
  assert.equal(rate.bytes, 500);
});

/** @param {string} topic @param {string} [text] */
const message = (topic, text = '') => ({ topic, payload: utf8.encode(text), qos: 0, retain: false, properties: {} });

/** @param {MessageLog} log */
const topicsIn = (log) => Array.from({ length: log.view.length }, (_, i) => log.view.at(i)?.topic);

test('log: count and bytes are bounded, what made room is counted', () => {
  const log = new MessageLog({ maxMessages: 3, maxBytes: 100_000 });
  for (let i = 0; i < 5; i++) log.add(message(`t/${i}`), 'in', i);
  assert.deepEqual(topicsIn(log), ['t/2', 't/3', 't/4']);
  assert.equal(log.forgotten, 2);
  const small = new MessageLog({ maxBytes: 5000 });
  for (let i = 0; i < 10; i++) small.add(message('t', 'x'.repeat(1000)), 'in', i);
  assert.equal(small.view.length, 4);
  assert.equal(small.forgotten, 6);
});

test('log: properties weigh something too', () => {
  const log = new MessageLog({ maxBytes: 10_000 });
  const properties = { userProperties: [['name', 'x'.repeat(1000)]], correlationData: new Uint8Array(500) };
  for (let i = 0; i < 10; i++) log.add({ ...message('t'), properties }, 'in', i);
  assert.equal(log.view.length, 3);
});

test('log: a large payload is kept in part, its size is told', () => {
  const log = new MessageLog({ maxPayload: 10 });
  log.add(message('t', 'x'.repeat(50)), 'in', 0);
  const entry = log.view.at(0);
  assert.equal(entry?.payload.length, 10);
  assert.equal(entry?.size, 50);
});

test('log: the payload is an own copy', () => {
  const log = new MessageLog();
  const payload = Uint8Array.of(1, 2, 3);
  log.add({ ...message('t'), payload }, 'in', 0);
  payload.fill(9);
  assert.deepEqual([...(log.view.at(0)?.payload ?? [])], [1, 2, 3]);
});

test('log: a topic filter, or text in topic or payload', () => {
  const log = new MessageLog();
  log.add(message('devices/a/events', '{"door":"Open"}'), 'in', 0);
  log.add(message('devices/b/telemetry', '{}'), 'in', 0);
  log.add(message('other', 'c++'), 'in', 0);
  log.setFilter('devices/+/events');
  assert.deepEqual(topicsIn(log), ['devices/a/events']);
  log.setFilter('open');
  assert.deepEqual(topicsIn(log), ['devices/a/events']);
  log.setFilter('c++');
  assert.deepEqual(topicsIn(log), ['other']);
  log.add(message('other/2', 'C++ again'), 'in', 0);
  assert.deepEqual(topicsIn(log), ['other', 'other/2']);
  log.setFilter('');
  assert.equal(log.view.length, 4);
});

test('log: paused, the view stands still and tells how much is new', () => {
  const log = new MessageLog({ maxMessages: 2 });
  log.add(message('a'), 'in', 0);
  log.setPaused(true);
  for (const topic of ['b', 'c', 'd']) log.add(message(topic), 'in', 0);
  assert.deepEqual(topicsIn(log), ['a']);
  assert.equal(log.waiting, 3);
  log.setPaused(false);
  assert.deepEqual(topicsIn(log), ['c', 'd']);
  assert.equal(log.waiting, 0);
});

test('log: thousands of messages later the view is still the latest', () => {
  const log = new MessageLog({ maxMessages: 100 });
  for (let i = 0; i < 10_000; i++) log.add(message(String(i)), 'in', i);
  assert.equal(log.view.length, 100);
  assert.equal(log.view.at(0)?.topic, '9900');
  assert.equal(log.view.at(99)?.topic, '9999');
});

const base = { device: 'd', name: 'led', payload: '{}', correlation: 'aa', expectsAnswer: true, timeout: 1000 };

test('command: queued, sent, acknowledged, answered', () => {
  const commands = new Commands();
  const command = commands.create(base, 10);
  assert.equal(command.state, 'queued');
  commands.sent(command, 20);
  commands.acknowledged(command, 30);
  assert.equal(command.state, 'acknowledged');
  assert.equal(commands.answered('bb', utf8.encode('{}'), 35), null);
  assert.equal(commands.answered('aa', utf8.encode('{"ok":true}'), 40), command);
  assert.equal(command.state, 'answered');
  assert.deepEqual(command.times, { queued: 10, sent: 20, acknowledged: 30, ended: 40 });
  assert.equal(command.reply, '{"ok":true}');
  assert.equal(commands.answered('aa', utf8.encode('again'), 50), null);
});

test('command: the answer may overtake the acknowledgement', () => {
  const commands = new Commands();
  const command = commands.create(base, 0);
  commands.sent(command, 1);
  commands.answered('aa', utf8.encode('ok'), 2);
  commands.acknowledged(command, 3);
  assert.equal(command.state, 'answered');
  assert.equal(command.times.acknowledged, 3);
});

test('command: time counts from sending; a late answer is taken and marked', () => {
  const commands = new Commands();
  const command = commands.create(base, 0);
  assert.equal(commands.tick(5000), false);
  commands.sent(command, 5000);
  assert.equal(commands.tick(5999), false);
  assert.equal(commands.tick(6000), true);
  assert.equal(command.state, 'timed out');
  assert.equal(commands.tick(7000), false);
  commands.answered('aa', utf8.encode('{}'), 8000);
  assert.equal(command.state, 'answered');
  assert.equal(command.late, true);
});

test('command: an answer can be a refusal, with its reason', () => {
  for (const [answer, note] of [
    ['{"ok":false,"error":"busy"}', 'busy'],
    ['{"status":"error","reason":"no"}', 'no'],
    ['{"error":"bad"}', 'bad'],
    ['{"success":false}', 'The device refused, without a reason.'],
  ]) {
    const commands = new Commands();
    const command = commands.create(base, 0);
    commands.answered('aa', utf8.encode(answer), 1);
    assert.equal(command.state, 'failed', answer);
    assert.equal(command.note, note);
  }
});

test('command: without MQTT 5 it ends at acknowledged, and a refused publish fails it', () => {
  const commands = new Commands();
  const command = commands.create({ ...base, expectsAnswer: false }, 0);
  commands.acknowledged(command, 1, 'why');
  assert.equal(command.settled, true);
  assert.equal(command.note, 'why');
  const other = commands.create(base, 0);
  commands.failed(other, 2, 'refused');
  assert.equal(other.state, 'failed');
  assert.equal(commands.answered('aa', utf8.encode('{}'), 3), null);
});

test('command: only so many are kept; those still open stay longest', () => {
  const commands = new Commands();
  const open = commands.create({ ...base, correlation: 'open' }, 0);
  for (let i = 0; i < 600; i++) {
    const command = commands.create({ ...base, correlation: String(i) }, i);
    commands.answered(String(i), utf8.encode('{}'), i);
    assert.equal(command.state, 'answered');
  }
  assert.equal(commands.list.length, 500);
  assert.equal(commands.forgotten, 101);
  assert.ok(commands.list.includes(open));
});

test('command forms: values are checked and become JSON', () => {
  const interval = OFFERS.find(({ name }) => name === 'set-interval');
  const led = OFFERS.find(({ name }) => name === 'led');
  assert.ok(interval && led);
  assert.deepEqual(buildOffer(interval, { ms: '500' }), { payload: '{"ms":500}', faults: {} });
  for (const ms of ['', 'x', '5', '1e9', 'Infinity']) assert.ok(buildOffer(interval, { ms }).faults['ms'], ms);
  assert.equal(buildOffer(led, { on: 'false' }).payload, '{"on":false}');
  assert.deepEqual(buildFree('x/y', ' { "a" : 1 } '), { payload: '{"a":1}', faults: {} });
  assert.ok(buildFree('', '').faults['name']);
  assert.ok(buildFree('a/#', '').faults['name']);
  assert.match(buildFree('a', '{').faults['payload'] ?? '', /^Not JSON: /);
});

test('JSON within limits only', () => {
  const parse = (/** @type {string} */ text) => parseJson(utf8.encode(text));
  assert.deepEqual(parse('{"a":[1,"]["]}'), { ok: true, value: { a: [1, ']['] } });
  assert.equal(parse('['.repeat(LIMITS.depth) + ']'.repeat(LIMITS.depth)).ok, true);
  assert.equal(parse('['.repeat(LIMITS.depth + 1) + ']'.repeat(LIMITS.depth + 1)).ok, false);
  assert.equal(parse(`[${'1,'.repeat(LIMITS.members)}1]`).ok, true);
  assert.equal(parse(`[${'1,'.repeat(LIMITS.members + 1)}1]`).ok, false);
  assert.equal(parse(`"${'x'.repeat(LIMITS.bytes)}"`).ok, false);
  assert.equal(parse(`"${'\\"['.repeat(100)}"`).ok, true);
});

test('topic filters', () => {
  for (const [filter, topic, expected] of /** @type {[string, string, boolean][]} */ ([
    ['a/+/c', 'a/b/c', true],
    ['a/+', 'a/b/c', false],
    ['a/#', 'a', true],
    ['#', 'a/b', true],
    ['#', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['+', '/a', false],
    ['/+', '/a', true],
  ])) {
    assert.equal(matches(filter, topic), expected, `${filter} ${topic}`);
  }
  for (const bad of ['', 'a#', '#/a', 'a+/b', 'a\0']) assert.ok(filterFault(bad), bad);
  assert.equal(filterFault('a/+/#'), '');
  for (const bad of ['', 'a/+', '#', '\0']) assert.ok(topicFault(bad), bad);
  assert.equal(replyTopic('a/b+c#'), 'replies/a_b_c_');
});

test('addresses of the page survive any id', () => {
  for (const id of ['dev-0001', 'a b', '50%', '<img>', 'ü/', '..']) {
    assert.deepEqual(parseRoute(deviceHref(id)), { page: 'device', device: id });
  }
  assert.equal(parseRoute('#/device/%').page, 'devices');
  assert.equal(parseRoute('#/log').page, 'log');
  assert.equal(parseRoute('').page, 'devices');
});

/** @returns {import('../../web/dashboard/model/profile.js').Profile} */
const profile = () => ({ ...profiles.initialProfile({ protocol: 'https:', host: 'x.example' }) });

/** A localStorage in memory. */
function fakeStorage() {
  const items = new Map();
  return {
    items,
    getItem: (/** @type {string} */ key) => items.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void items.set(key, value),
  };
}

test('connect form: the address of the page is the first guess', () => {
  assert.equal(profile().url, 'wss://x.example/mqtt');
  assert.equal(profiles.initialProfile({ protocol: 'file:', host: '' }).url, 'wss://');
  assert.equal(profiles.socketUrl('/mqtt', 'http://localhost:8080/index.html'), 'ws://localhost:8080/mqtt');
  assert.equal(profiles.socketUrl('mqtt', 'https://a.example/x/'), 'wss://a.example/x/mqtt');
});

test('connect form: faults name the field', () => {
  for (const url of ['', 'wss://', 'nonsense', 'mqtt://a:1883', 'http://a', 'wss://me:secret@a/']) {
    assert.ok(profiles.faultsOf({ ...profile(), url }).url, url);
  }
  assert.ok(profiles.faultsOf({ ...profile(), keepalive: '70000' }).keepalive);
  assert.ok(profiles.faultsOf({ ...profile(), keepalive: 'x' }).keepalive);
  assert.deepEqual(profiles.faultsOf(profile()), {});
});

test('connect form: an error is shown where it can be put right', () => {
  assert.equal(profiles.placeOf({ code: 'refused', reasonCode: 0x86 }), 'username');
  assert.equal(profiles.placeOf({ code: 'refused', reasonCode: 5 }), 'username');
  assert.equal(profiles.placeOf({ code: 'refused', reasonCode: 0x85 }), 'clientId');
  assert.equal(profiles.placeOf({ code: 'refused', reasonCode: 1 }), 'version');
  assert.equal(profiles.placeOf({ code: 'timeout' }), 'form');
});

test('recent connections: latest first, never a secret, rubbish ignored', () => {
  const storage = fakeStorage();
  profiles.remember(storage, { ...profile(), url: 'wss://u:p@a.example/mqtt?token=hidden', password: 'secret' });
  profiles.remember(storage, { ...profile(), url: 'ws://b.example/' });
  profiles.remember(storage, { ...profile(), url: 'wss://a.example/mqtt' });
  assert.deepEqual(
    profiles.recall(storage).map(({ url }) => url),
    ['wss://a.example/mqtt', 'ws://b.example/'],
  );
  assert.doesNotMatch([...storage.items.values()].join(), /secret|hidden|u:p/);
  assert.equal(profiles.forget(storage, 0).length, 1);
  for (const rubbish of ['{', '7', '[1,null,{}]', '[{"url":1}]']) {
    storage.setItem('wasmqtt.connections', rubbish);
    assert.deepEqual(profiles.recall(storage), [], rubbish);
  }
  assert.deepEqual(profiles.recall(null), []);
});

test('text of strangers: bounded, no control or direction characters', () => {
  assert.equal(shown('a\u0000b\u001b[31m\u202etxt.exe'), 'a\ufffdb\ufffd[31m\ufffdtxt.exe');
  assert.equal(shown('x'.repeat(10), 5), 'xxxx…');
  assert.equal(preview(utf8.encode('a\nb')), 'a b');
  assert.equal(preview(Uint8Array.of(0xff, 0x00)), 'ff 00');
  assert.equal(preview(utf8.encode('é'.repeat(1000)), 10), `${'é'.repeat(9)}…`);
  assert.equal(hexDump(utf8.encode('Hi\n')), '000000  48 69 0a                                         Hi.');
});

test('numbers, ages and sizes as people read them', () => {
  assert.equal(number(-63), '\u221263');
  assert.equal(number(4.256), '4.26');
  assert.equal(number(54.26), '54.3');
  assert.equal(number(1013.57), '1\u202f013.6');
  assert.equal(number(NaN), '–');
  assert.deepEqual([1, 0.5, 1.25, 20.1, 1018.6, 1 / 3, -0.10000000001].map(decimals), [0, 1, 2, 1, 1, 2, 1]);
  const one = { decimals: 1 };
  assert.deepEqual(
    [64, 8.25, -3, 1018.64, 0.001, 123456].map((value) => reading(value, one)),
    ['64.0', '8.3', '\u22123.0', '1\u202f018.6', '0.0010', '123\u202f456'],
  );
  assert.equal(count(1234567), '1\u202f234\u202f567');
  assert.deepEqual([999, 59_999, 60_000, 7_200_000].map(age), ['now', '59 s', '1 min', '2 h']);
  assert.deepEqual([12, 1234].map(duration), ['12 ms', '1.2 s']);
  assert.deepEqual([64, 1536].map(size), ['64 B', '1.5 KiB']);
});
