// The seats at a service: the form's layout, the desk of a device, what the session does with device() and operator().
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK_LIMITS, Desk, merged } from '../../web/dashboard/model/desk.js';
import * as profiles from '../../web/dashboard/model/profile.js';
import {
  ANY_BROKER,
  changesOf,
  effective,
  fieldsFor,
  initialValues,
  layoutOf,
  LIFTED,
  limitFaults,
  overridesOf,
  placeOfValues,
  seatFault,
  SERVICE_GROUPS,
  titleOf,
  valuesOf,
} from '../../web/dashboard/model/services.js';
import { readObject, readRows, readTyped } from '../../web/dashboard/model/typed.js';
import { Painter } from '../../web/dashboard/paint.js';
import { Session } from '../../web/dashboard/session.js';
import { sentenceOf } from '../../web/dashboard/trouble.js';
import * as library from 'wasmqtt/providers';

const utf8 = new TextEncoder();
const providers = await library.loadProviders();
const names = (/** @type {{ name: string }[]} */ fields) => fields.map(({ name }) => name);

/** @param {Partial<import('../../web/dashboard/model/profile.js').Profile>} more */
const profile = (more = {}) => ({ ...profiles.initialProfile({ protocol: 'https:', host: 'x.example' }), ...more });

test('the chooser names every service as the library does', () => {
  const offered = SERVICE_GROUPS.flatMap(({ services }) => services);
  const known = providers.services
    .filter(({ name }) => name !== ANY_BROKER)
    .map(({ name, title }) => ({ name, title }));
  assert.deepEqual(offered, known);
  assert.equal(titleOf(ANY_BROKER), providers.service(ANY_BROKER).title);
});

test('the form asks for what the way to sign in needs, and nothing else', () => {
  const azure = providers.service('azure-iot-hub');
  const asked = (/** @type {string} */ auth) => names(fieldsFor(azure, 'device', { auth }));
  assert.ok(!asked('device').includes('id-scope') && !asked('').includes('id-scope'));
  assert.ok(asked('dps').includes('id-scope') && !asked('dps').includes('module'));
  assert.ok(asked('module').includes('module'));
});

test('the device: not asked of an operator, wanted of a device', () => {
  const aws = providers.service('aws');
  assert.ok(!names(fieldsFor(aws, 'operator', {})).includes('device'));
  const fields = fieldsFor(aws, 'device', {});
  assert.equal(fields.find(({ name }) => name === 'device')?.required, true);
  assert.equal(seatFault(fields, 'device', { device: ' ' })?.field, 'device');
  assert.equal(seatFault(fields, 'device', { device: 'd' }), null);
  assert.equal(seatFault(fieldsFor(aws, 'operator', {}), 'operator', {}), null);
});

test('every field of every service has its place; what must be filled in is never folded away', () => {
  for (const service of providers.services) {
    const auth = service.fields.find(({ name }) => name === 'auth')?.choices ?? [{ value: '' }];
    for (const { value: way } of auth) {
      for (const seat of /** @type {const} */ (['operator', 'device'])) {
        const fields = fieldsFor(service, seat, { auth: way });
        const { main, more } = layoutOf(fields);
        assert.equal(main.length + more.length, fields.length);
        assert.deepEqual(names(more.filter(({ required, secret }) => required || secret)), [], service.name);
      }
    }
  }
});

test('fields begin with what counts if nothing is typed', () => {
  const values = initialValues(providers.service('mosquitto'));
  assert.deepEqual(values, { url: 'ws://localhost:9001/mqtt', prefix: 'devices' });
});

test('only what the form shows is given to the library', () => {
  const fields = fieldsFor(providers.service('cumulocity'), 'device', { auth: 'bootstrap' });
  assert.deepEqual(valuesOf(fields, { auth: 'bootstrap', tenant: 't1', password: '', device: 'd' }), {
    auth: 'bootstrap',
    device: 'd',
  });
});

test('profile: what is secret is not stored, the rest comes back', () => {
  /** @type {Map<string, string>} */
  const items = new Map();
  const storage = {
    getItem: (/** @type {string} */ key) => items.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void items.set(key, value),
  };
  const values = { host: 'a.example', device: 'd', url: 'wss://u:sesame@g.example/mqtt?token=sesame' };
  const aws = profile({
    service: 'aws',
    seat: 'device',
    values,
    secrets: { 'secret-key': 'sesame' },
    password: 'sesame',
  });
  profiles.remember(storage, aws);
  profiles.remember(storage, profile({ ...aws, seat: 'operator' }));
  const [operator, device] = profiles.recall(storage);
  assert.equal(operator?.seat, 'operator');
  assert.deepEqual(device?.values, { host: 'a.example', device: 'd', url: 'wss://g.example/mqtt' });
  assert.ok(![...items.values()].join().includes('sesame'));
  assert.deepEqual(profiles.withoutPasswords(aws).secrets, {});
});

test('profile: entries of before there were services are of a broker; rubbish is none', () => {
  const old = { url: 'ws://a/', clientId: '', username: '', version: '', keepalive: '60', clean: true };
  const stored = JSON.stringify([
    old,
    { ...old, seat: 'driver' },
    { ...old, values: { a: 1 } },
    { ...old, service: 5 },
    { ...old, overrides: { qos: 2 } },
  ]);
  const list = profiles.recall({ getItem: () => stored, setItem() {} });
  assert.deepEqual(list, [{ ...old, service: '', seat: 'operator', values: {}, overrides: {} }]);
});

test('profile: a device at any broker is that of the library; its address is checked by that', () => {
  assert.equal(profiles.serviceOf(profile()), '');
  assert.equal(profiles.serviceOf(profile({ seat: 'device' })), ANY_BROKER);
  assert.deepEqual(profiles.faultsOf(profile({ service: 'aws', url: '', keepalive: '' })), {});
  assert.ok(profiles.faultsOf(profile({ keepalive: '-1', service: 'aws' })).keepalive);
  assert.equal(profiles.placeOf({ field: 'key', reasonCode: 5 }, false), 'key');
  assert.equal(profiles.placeOf({ reasonCode: 5 }, false), 'form');
  assert.equal(placeOfValues({ host: '', product: 'p' }), 'p');
});

test('limits: what a person set in their place, and what is wrong with it', async () => {
  const { rules } = await providers.open({ service: 'aws', device: '', scope: '' });
  const limits = rules.all();
  const names = limits.map(({ rule }) => rule);
  assert.ok(names.includes('qos') && names.includes('publish-rate') && !names.includes('will'));
  const typed = { qos: LIFTED, 'payload-bytes': ' 262144 ', 'topic-bytes': '256', filters: '-1', will: '1' };
  assert.deepEqual(Object.keys(limitFaults(typed)), ['filters']);
  for (const bad of ['', '1.5', '1e3', '4294967296', 'lots']) assert.ok(limitFaults({ filters: bad })['filters'], bad);
  const set = effective(typed, limits);
  assert.deepEqual(set, { qos: LIFTED, 'payload-bytes': '262144', filters: '-1' });
  const { filters: _, ...good } = set;
  assert.deepEqual(overridesOf(good), { qos: false, 'payload-bytes': 262144 });
  assert.deepEqual(changesOf(good, limits), [
    'You lifted a limit: the highest QoS of a message is 1.',
    'You changed a limit: a payload has at most 262144 bytes, not 131072.',
  ]);
});

test('limits: the service is given them, the page tells of them, and they are remembered', async () => {
  const { session, asked } = sessionOver();
  await session.services.want();
  const overrides = { qos: LIFTED, filters: '60' };
  const mine = profile({ service: 'aws', seat: 'device', values: AWS, secrets: KEYS, overrides });
  assert.equal(await session.open(mine), true);
  const rules = await asked[0].link.rules();
  assert.deepEqual([rules.get('qos'), rules.get('filters')], [undefined, { action: 'refuse', value: 60 }]);
  assert.equal(session.services.limitsOf('aws', AWS), undefined);
  while (!session.services.limitsOf('aws', AWS)) await new Promise(setImmediate);
  assert.deepEqual(session.warnings.slice(0, 2), [
    'You lifted a limit: the highest QoS of a message is 1.',
    'You changed a limit: a connection has at most 60 filters, not 50.',
  ]);
  const items = new Map();
  const storage = { getItem: (/** @type {string} */ key) => items.get(key) ?? null, setItem: items.set.bind(items) };
  profiles.remember(storage, mine);
  assert.deepEqual(profiles.recall(storage)[0]?.overrides, overrides);
});

test('typed: JSON, or text; who begins with a bracket means JSON', () => {
  assert.deepEqual(readTyped(' {"a": 1} '), { value: { a: 1 }, fault: '' });
  assert.deepEqual(readTyped('done'), { value: 'done', fault: '' });
  assert.deepEqual(readTyped(' '), { value: undefined, fault: '' });
  assert.match(readTyped('{"a":').fault, /^Not JSON/);
  assert.match(readObject('[1]').fault, /object/);
  assert.deepEqual(readObject('{"__proto__": 1}').value, JSON.parse('{"__proto__": 1}'));
});

test('typed: rows become values; a row without its half is a fault', () => {
  const row = (/** @type {string} */ name, /** @type {string} */ value) => ({ name, value });
  const { values } = readRows([row('t', '21.5'), row('on', 'true'), row('s', '"7"'), row('w', 'warm'), row('', ' ')]);
  assert.deepEqual(values, { t: 21.5, on: true, s: '7', w: 'warm' });
  assert.equal(readRows([row('t', '1'), row('t', '2')]).at, 1);
  assert.equal(readRows([row('t', '')]).at, 0);
  assert.equal(readRows([row('', '2')]).at, 0);
  assert.ok(readRows([]).fault);
});

test('desk: changes merge, null deletes, and no name is special', () => {
  assert.deepEqual(merged({ a: { b: 1, c: 2 }, d: 1 }, { a: { b: null, e: 3 }, d: [1] }), {
    a: { c: 2, e: 3 },
    d: [1],
  });
  const odd = merged({}, JSON.parse('{"__proto__": {"polluted": true}}'));
  assert.ok(Object.hasOwn(odd, '__proto__'));
  assert.equal(/** @type {any} */ ({}).polluted, undefined);
  const desk = new Desk();
  desk.wanted({ a: 1, b: 2 }, { version: 3, whole: true }, 5);
  desk.wanted({ b: null }, { version: 4, whole: false }, 6);
  assert.deepEqual(desk.desired, { value: { a: 1 }, version: 4, at: 6 });
  desk.wanted({ c: 1 }, { version: 5, whole: true }, 7);
  assert.deepEqual(desk.desired?.value, { c: 1 });
});

/** @param {object} [more] */
const command = (more) => ({
  name: 'reboot',
  kind: /** @type {const} */ ('command'),
  device: 'd',
  id: '',
  text: '',
  properties: {},
  ...more,
});

test('desk: what waits comes first and makes room last; everything is bounded', () => {
  const desk = new Desk();
  const first = desk.call(command(), 0);
  for (let i = 0; i < DESK_LIMITS.calls + 5; i++) desk.call(command({ kind: 'message', text: 'x'.repeat(1e6) }), i);
  assert.equal(desk.calls.length, DESK_LIMITS.calls);
  assert.equal(desk.forgotten.calls, 6);
  assert.equal(desk.ordered[0], first);
  assert.equal(desk.waiting, 1);
  assert.equal(desk.calls[1]?.payload.length, DESK_LIMITS.text);
  assert.equal(desk.calls[1]?.state, 'heard');
  assert.equal(desk.end(first, 'answered', 9), true);
  assert.equal(desk.end(first, 'gone', 10), false);
  assert.equal(first.state, 'answered');
  for (let i = 0; i < DESK_LIMITS.sent + 3; i++) desk.send('telemetry', { i }, i);
  assert.equal(desk.sent.length, DESK_LIMITS.sent);
  assert.equal(desk.forgotten.sent, 3);
});

/** A client as far as the session uses one. */
class StandIn {
  /** @type {Map<string, (value?: any) => void>} */
  listeners = new Map();
  negotiated = { version: 4, warnings: ['The service ignores retain.'] };
  /** @param {string} name @param {(value?: any) => void} listener */
  on(name, listener) {
    this.listeners.set(name, listener);
  }
}

/** What device() gives. */
class StandInDevice {
  id = 'd';
  client = new StandIn();
  /** @type {Record<string, any>} */
  can = { report: true, getState: true, desired: true, commands: true, jobs: 'it has none', properties: true };
  /** @type {(command: any) => any} */
  command = () => {};
  /** @type {Map<string, unknown[]>} */
  done = new Map();
  /** @type {Error | null} thrown by what is sent */
  error = null;
  ended = 0;

  /** @param {string} what @param {unknown[]} args */
  async note(what, args) {
    if (this.error) throw this.error;
    this.done.set(what, args);
  }

  /** @param {unknown[]} args */ sendTelemetry = (...args) => this.note('telemetry', args);
  /** @param {unknown[]} args */ sendEvent = (...args) => this.note('event', args);
  /** @param {unknown[]} args */ sendAlarm = (...args) => this.note('alarm', args);
  /** @param {unknown[]} args */ reportState = (...args) => this.note('report', args);
  getState = async () => ({ desired: { a: 1 }, reported: {}, version: 2 });
  onDesiredState = () => {};
  onJob = () => assert.fail('it has no jobs');
  /** @param {string} _name @param {(command: any) => any} handler */
  onCommand(_name, handler) {
    this.command = handler;
  }
  async end() {
    this.ended++;
  }
}

const AWS = { host: 'a.iot.eu-west-1.amazonaws.com', device: 'd' };
const KEYS = { 'access-key': 'AKIA', 'secret-key': 'sesame' };

/** @param {object} [replaced] of the library */
function sessionOver(replaced = {}) {
  const me = new StandInDevice();
  /** @type {any[]} */
  const asked = [];
  const load = async () => ({
    ...library,
    device: async (/** @type {any} */ link, /** @type {any} */ options) => (asked.push({ link, options }), me),
    operator: async () => assert.fail('nobody asked for an operator'),
    ...replaced,
  });
  const connect = () => Promise.reject(new Error('not by its address'));
  const session = new Session(connect, new Painter(() => {}), () => 1000, /** @type {any} */ (load));
  return { session, me, asked };
}

/** A device that is connected. */
async function seated() {
  const all = sessionOver();
  assert.equal(
    await all.session.open(profile({ service: 'aws', seat: 'device', values: AWS, secrets: KEYS, keepalive: '' })),
    true,
  );
  const { device } = all.session;
  assert.ok(device);
  return { ...all, device };
}

test('a device: its service is given the values, the session keeps no secret', async () => {
  const { session, asked, device } = await seated();
  assert.equal(asked[0].link.service, 'aws');
  const { values } = await asked[0].link.about();
  assert.deepEqual(values, AWS);
  assert.deepEqual(Object.keys(asked[0].options), ['signal', 'registered']);
  assert.ok(!JSON.stringify(session.profile).includes('sesame'));
  assert.equal(session.title, 'AWS IoT Core');
  assert.equal(session.broker, AWS.host);
  assert.deepEqual(session.warnings, ['The service ignores retain.']);
  assert.equal(device.id, 'd');
  await new Promise(setImmediate);
  assert.deepEqual(device.desk.desired?.value, { a: 1 });
});

test('a device sends: taken, or refused with the words of the rule', async () => {
  const { device, me } = await seated();
  assert.equal(await device.telemetry({ t: 1 }, { room: '7' }), true);
  assert.deepEqual(me.done.get('telemetry'), [{ t: 1 }, { properties: { room: '7' } }]);
  assert.equal(device.desk.last('telemetry')?.state, 'taken');
  await device.alarm('hot', { severity: 'minor', text: 'x', cleared: true });
  assert.deepEqual(me.done.get('alarm'), ['hot', { cleared: true }]);
  await device.report({ led: 'on' });
  assert.deepEqual(device.desk.reported?.value, { led: 'on' });
  me.error = Object.assign(new Error('AWS IoT Core: too long.'), { code: 'rule' });
  assert.equal(await device.report({ led: 'off' }), false);
  assert.deepEqual(device.desk.reported?.value, { led: 'on' });
  assert.equal(device.desk.last('state')?.note, 'Not sent. AWS IoT Core: too long.');
});

/** @param {object} [more] */
const came = (more) => ({
  ...command(more),
  payload: utf8.encode('{"in":5}'),
  signal: new AbortController().signal,
  ...more,
});

test('a command waits for the person: a result, or a refusal with its status', async () => {
  const { device, me } = await seated();
  const result = me.command(came());
  const [call] = device.desk.calls;
  assert.ok(call);
  assert.equal(call.payload, '{"in":5}');
  assert.equal(call.state, 'waiting');
  device.answer(call, { good: true, text: '{"done":true}', status: '' });
  assert.deepEqual(await result, { done: true });
  assert.equal(call.state, 'answered');
  const refusal = me.command(came());
  device.answer(/** @type {any} */ (device.desk.calls[1]), { good: false, text: 'too hot', status: '409' });
  await assert.rejects(refusal, { message: 'too hot', status: 409 });
});

test('a command that nobody waits for any longer; a message; the answer by itself', async () => {
  const { device, me } = await seated();
  const stop = new AbortController();
  const late = me.command(came({ signal: stop.signal }));
  stop.abort();
  await late;
  const [call] = device.desk.calls;
  assert.equal(call?.state, 'gone');
  device.answer(/** @type {any} */ (call), { good: true, text: '', status: '' });
  assert.equal(call?.state, 'gone');
  assert.equal(me.command(came({ kind: 'message' })), undefined);
  device.desk.auto = { good: true, text: 'yes', status: '' };
  assert.equal(await me.command(came()), 'yes');
  const open = me.command(came({ kind: 'job' }));
  assert.equal(await open, 'yes');
});

test('what is left open ends with the seat; the device is ended once', async () => {
  const { session, device, me } = await seated();
  const open = me.command(came());
  session.close();
  assert.equal(await open, undefined);
  assert.equal(device.desk.calls[0]?.state, 'gone');
  assert.equal(me.ended, 1);
  assert.equal(session.device, null);
});

test('a fault of the login is told with its field; an attempt that is given up is aborted, and a late device ended', async () => {
  const wrong = Object.assign(new Error('No key.'), { code: 'provider-key', field: 'key' });
  const { session } = sessionOver({ device: () => Promise.reject(wrong) });
  assert.equal(await session.open(profile({ service: 'aws', seat: 'device', values: AWS })), false);
  assert.equal(session.trouble?.field, 'key');
  session.forgive();
  assert.equal(session.trouble, null);

  /** @type {(device: any) => void} */
  let arrive = () => {};
  /** @type {AbortSignal | undefined} */
  let given;
  const waiting = sessionOver({
    device: (/** @type {any} */ _link, /** @type {any} */ { signal }) => {
      given = signal;
      return new Promise((resolve) => (arrive = resolve));
    },
  });
  const opening = waiting.session.open(profile({ service: 'aws', seat: 'device', values: AWS }));
  await waiting.session.services.want();
  await new Promise(setImmediate);
  assert.equal(given?.aborted, false);
  waiting.session.close();
  assert.equal(given?.aborted, true);
  arrive(waiting.me);
  assert.equal(await opening, false);
  assert.equal(waiting.me.ended, 1);
});

test('what registration gave: all of it is shown, what is no secret goes into the form', async () => {
  const { session, asked } = await seated();
  asked[0].options.registered({ host: 'b.example', 'secret-key': 'sesame' });
  assert.deepEqual(session.registered, [
    ['host', 'b.example'],
    ['secret-key', 'sesame'],
  ]);
  assert.equal(session.profile?.values.host, 'b.example');
  assert.ok(!JSON.stringify(session.profile).includes('sesame'));
  session.close();
  asked[0].options.registered({ host: 'late.example' });
  assert.equal(session.profile?.values.host, 'b.example');
});

test('an operator: reports reach the fleet, a command its answer, a refusal its words', async () => {
  /** @type {Record<string, (report: any) => void>} */
  const on = {};
  /** @type {any} */
  let outcome = null;
  const all = {
    client: new StandIn(),
    onTelemetry: (/** @type {any} */ handler) => void (on.telemetry = handler),
    onEvent: (/** @type {any} */ handler) => void (on.event = handler),
    onState: (/** @type {any} */ handler) => void (on.state = handler),
    sendCommand: async () => {
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    setDesired: async () => {
      throw Object.assign(new Error('Scaleway has none.'), { hint: 'Use its API.' });
    },
    end: async () => {},
  };
  const { session } = sessionOver({ operator: async () => all });
  const values = { url: 'ws://b.example/', prefix: 'site/1' };
  await session.open(profile({ service: 'mosquitto', seat: 'operator', values }));
  const { operator } = session;
  assert.ok(operator);
  const message = (/** @type {unknown} */ body) => ({ payload: utf8.encode(JSON.stringify(body)), retain: false });
  on.telemetry?.({ device: 'a', name: '', message: message({ temp: 1 }) });
  on.event?.({ device: 'a', name: 'opened', message: message({ by: 'hand' }) });
  on.state?.({ device: 'a', name: '', message: message({ led: 'on' }) });
  const device = session.fleet.devices.get('a');
  assert.equal(device?.metrics.get('temp')?.last, 1);
  assert.equal(device?.events[0]?.title, 'opened');
  assert.equal(device?.fields.get('led'), 'on');

  outcome = { status: 200, result: {}, message: message({ ok: true }) };
  await session.command('a', 'reboot', '{"in":5}', 1000);
  outcome = Object.assign(new Error('a did not do dance: 404'), { code: 'provider-command' });
  await session.command('a', 'dance', '', 1000);
  outcome = Object.assign(new Error('No answer.'), { code: 'provider-timeout' });
  await session.command('a', 'sleep', '', 1000);
  outcome = Object.assign(new Error('The service: no.'), { code: 'rule' });
  await session.command('a', 'fly', '', 1000);
  assert.deepEqual(
    session.commands.list.map(({ state, note }) => [state, note]),
    [
      ['answered', ''],
      ['failed', 'a did not do dance: 404'],
      ['timed out', ''],
      ['failed', 'Not sent. The service: no.'],
    ],
  );
  await operator.setDesired('a', {});
  assert.deepEqual(operator.desired.get('a'), { good: false, text: 'Scaleway has none. Use its API.' });
});

test('an error in one sentence', () => {
  assert.equal(sentenceOf(Object.assign(new Error('A.'), { hint: 'B.', code: 'rule' })), 'Not sent. A. B.');
  assert.equal(sentenceOf(null), 'The connection was lost.');
});
