// The device API at Cumulocity: rows, operations, children, complaints, registration.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cumulocity, device } from '../../web/providers/index.js';
import { startCumulocity } from './cumulocity.js';
import { awaited, clientOptions, profileOptions } from './seats.js';

/** @type {import('./cumulocity.js').Cumulocity} */
let cloud;
/** @type {import('../../web/providers/index.js').Device} */
let me;
/** @type {any} */
let tenant;

before(async () => {
  cloud = await startCumulocity({ device: 'serial-1' });
  tenant = cloud.cloud.tenant;
  me = await device(cumulocity(cloud.form, profileOptions), {
    ...clientOptions(cloud),
    about: { name: 'Pump, "big"', type: 'pump' },
  });
});
after(async () => {
  await me?.end();
  await cloud?.stop();
});

const operation = (/** @type {any} */ { id }, /** @type {string} */ status) =>
  cloud.until(() => tenant.operations.find((/** @type {any} */ one) => one.id === id && one.status === status));

test('the device is made with its name at connect', () => {
  const { name, type } = tenant.devices.get('serial-1');
  assert.deepEqual([name, type], ['Pump, "big"', 'pump']);
});

test('telemetry, events and alarms are rows, of a child too', { timeout: 30_000 }, async () => {
  const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  await me.sendTelemetry(
    { temperature: { value: 21.5, unit: 'C' }, c8y_Load: { a: 1, b: { value: 2, unit: '%' } } },
    { time },
  );
  const [measurement] = tenant.measurements;
  assert.deepEqual(measurement.temperature, { temperature: { value: 21.5, unit: 'C' } });
  assert.deepEqual(measurement.c8y_Load, { a: { value: 1 }, b: { value: 2, unit: '%' } });
  assert.equal(Date.parse(measurement.time), time);
  await me.sendTelemetry({ level: 3 }, { child: 'sensor-1' });
  assert.equal(tenant.measurements[1].source, 'sensor-1');
  await me.sendEvent('door', { text: 'opened, "wide"' });
  assert.equal(tenant.events[0].text, 'opened, "wide"');
  await me.sendEvent('door', { text: { by: 'hand' }, n: 1 });
  assert.equal(tenant.events[1].text, '{"by":"hand"} {"n":1}');
  await me.sendAlarm('hot', { severity: 'critical', text: 'Over 30' });
  assert.deepEqual([tenant.alarms[0].severity, tenant.alarms[0].status], ['CRITICAL', 'ACTIVE']);
  await me.sendAlarm('hot', { cleared: true });
  assert.equal(tenant.alarms[0].status, 'CLEARED');
  assert.deepEqual(cloud.violations, []);
});

test('a measurement of many values is cut at rows', { timeout: 30_000 }, async () => {
  const values = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`c8y_${'long'.repeat(10)}${i}`, i]));
  const before = tenant.measurements.length;
  await me.sendTelemetry(values);
  const made = tenant.measurements.slice(before);
  const names = made.flatMap((/** @type {any} */ one) => Object.keys(one).filter((name) => name in values));
  assert.equal(names.length, 1000);
  assert.deepEqual(cloud.violations, []);
});

test('a value of another type is refused before it is sent, by row and argument', async () => {
  const before = cloud.seen.telemetry.length;
  await assert.rejects(me.sendTelemetry({ temperature: 'warm' }), {
    code: 'provider-row',
    message: /argument \d+ \(value\)/,
  });
  assert.equal(cloud.seen.telemetry.length, before);
});

test("operations: EXECUTING, then SUCCESSFUL or FAILED, a child's too", { timeout: 30_000 }, async () => {
  /** @type {any} */
  let command;
  const begun = awaited();
  const go = awaited();
  const handlers = [
    me.onCommand('c8y_Command', async (/** @type {any} */ given) => {
      command = given;
      begun.resolve(true);
      await go.promise;
      return 'done, "well"';
    }),
    me.onCommand('c8y_Restart', () => {
      throw new Error('busy, "very"');
    }),
  ];
  await Promise.all(handlers);
  assert.deepEqual(tenant.devices.get('serial-1').fragments.c8y_SupportedOperations, ['c8y_Command', 'c8y_Restart']);
  const one = cloud.cloud.operation('serial-1', 511, 'ls, "all"');
  await begun.promise;
  await operation(one, 'EXECUTING');
  assert.deepEqual([command.json(), command.kind, command.device], [{ text: 'ls, "all"' }, 'command', 'serial-1']);
  go.resolve(true);
  assert.deepEqual((await operation(one, 'SUCCESSFUL')).result, ['done, "well"']);
  const two = cloud.cloud.operation('serial-1', 510);
  assert.equal((await operation(two, 'FAILED')).failureReason, 'busy, "very"');
  const three = cloud.cloud.operation('sensor-1', 511, 'x');
  await operation(three, 'SUCCESSFUL');
  assert.equal(command.device, 'sensor-1');
  const four = cloud.cloud.operation('serial-1', 513, 'a=1');
  assert.match((await operation(four, 'FAILED')).failureReason, /no command c8y_Configuration/);
  assert.deepEqual(cloud.violations, []);
});

test(
  'an answer is a row whatever the handler gave; one that cannot be sent is a failure',
  { timeout: 30_000 },
  async () => {
    for (const [given, sent] of /** @type {[any, string[]][]} */ ([
      [undefined, []],
      [
        ['a', undefined, null, 1, { b: [2] }],
        ['a', '', '', '1', '{"b":[2]}'],
      ],
    ])) {
      await me.onCommand('c8y_Command', () => given);
      assert.deepEqual((await operation(cloud.cloud.operation('serial-1', 511, 'x'), 'SUCCESSFUL')).result, sent);
    }
    for (const unfit of [
      () => 'half \ud800',
      () => 1n,
      () => {
        throw new Error('long'.repeat(5000));
      },
    ]) {
      await me.onCommand('c8y_Command', unfit);
      const { failureReason } = await operation(cloud.cloud.operation('serial-1', 511, 'x'), 'FAILED');
      assert.match(failureReason, /could not be sent: Row 1/);
    }
    await me.onCommand('c8y_Command', () => {});
  },
);

test("for '*' the form's operations are offered, beside those with a handler", { timeout: 30_000 }, async () => {
  for (const [operations, offered] of /** @type {const} */ ([
    ['', ['c8y_Relay', 'c8y_Restart', 'c8y_Command']],
    [' c8y_LogfileRequest,  c8y_Relay ', ['c8y_Relay', 'c8y_LogfileRequest']],
  ])) {
    const other = await startCumulocity({ device: 'serial-2' });
    const it = await device(cumulocity({ ...other.form, operations }, profileOptions), clientOptions(other));
    try {
      const { fragments } = /** @type {any} */ (other.cloud.tenant.devices.get('serial-2'));
      await it.onCommand('c8y_Relay', () => {});
      assert.deepEqual(fragments.c8y_SupportedOperations, ['c8y_Relay']);
      await it.onCommand('*', () => {});
      assert.deepEqual(fragments.c8y_SupportedOperations, offered);
      assert.deepEqual(other.violations, []);
    } finally {
      await it.end();
      await other.stop();
    }
  }
});

test('what could not be told of operations is no handler, and is told with the next', { timeout: 30_000 }, async () => {
  const other = await startCumulocity({ device: 'serial-3' });
  const it = await device(cumulocity(other.form, profileOptions), clientOptions(other));
  try {
    const { fragments } = /** @type {any} */ (other.cloud.tenant.devices.get('serial-3'));
    /** @type {string[]} */
    const ran = [];
    await assert.rejects(
      it.onCommand('x'.repeat(20_000), () => {}),
      { code: 'provider-row' },
    );
    const { publish } = other;
    other.publish = (connection, packet) => {
      if (!`${packet.payload}`.startsWith('114,')) return publish.call(other, connection, packet);
      connection.publish({ topic: 's/e', payload: '50,114,try again', qos: 0 });
      other.publish = publish;
      return 0;
    };
    const restart = () => it.onCommand('c8y_Restart', () => void ran.push('c8y_Restart'));
    await assert.rejects(restart(), { code: 'provider-refused', message: /try again/ });
    await restart();
    assert.deepEqual(fragments.c8y_SupportedOperations, ['c8y_Restart']);
    const { id } = other.cloud.operation('serial-3', 510);
    await other.until(() => other.cloud.tenant.operations.find((one) => one.id === id && one.status === 'SUCCESSFUL'));
    assert.deepEqual(ran, ['c8y_Restart']);
    assert.deepEqual(other.violations, []);
  } finally {
    await it.end();
    await other.stop();
  }
});

test('an operation that came while the device was away is done when it is back', { timeout: 30_000 }, async () => {
  const back = awaited();
  me.client.on('connect', () => back.resolve(true));
  cloud.connection('serial-1')?.drop() ?? cloud.open()[0].drop();
  const one = cloud.cloud.operation('serial-1', 511, 'late');
  await back.promise;
  await operation(one, 'SUCCESSFUL');
});

test('a row whose acknowledgement was lost is not sent again', { timeout: 30_000 }, async () => {
  const { publish } = cloud;
  /** @type {any} */
  let late;
  cloud.publish = (connection, packet) => {
    const code = publish.call(cloud, connection, packet);
    if (late !== undefined || !`${packet.payload}`.startsWith('501,')) return code;
    connection.drop();
    late = cloud.cloud.operation('serial-1', 511, 'late');
    return undefined;
  };
  const early = cloud.cloud.operation('serial-1', 511, 'early');
  await operation(early, 'FAILED'); // what became of it is not known
  await operation(late, 'SUCCESSFUL'); // a second 501 would have been for this one
  cloud.publish = publish;
  assert.deepEqual(cloud.violations, []);
});

test('state goes into the inventory; what there is not is refused with what to do instead', async () => {
  await me.reportState({ c8y_Mine: { fan: 'on' } });
  assert.deepEqual(tenant.devices.get('serial-1').fragments.c8y_Mine, { fan: 'on' });
  await assert.rejects(me.getState(), { code: 'provider-no-such-thing' });
  await assert.rejects(
    me.onDesiredState(() => {}),
    { code: 'provider-no-such-thing', message: /onCommand/ },
  );
  await assert.rejects(me.sendTelemetry({ a: 1 }, { properties: { b: '2' } }), { code: 'provider-no-such-thing' });
});

test('a complaint is the rejection of what caused it', { timeout: 30_000 }, async () => {
  await assert.rejects(me.sendAlarm('never-raised', { cleared: true }), (/** @type {any} */ error) => {
    assert.equal(error.code, 'provider-refused');
    assert.match(error.message, /No open alarm of type never-raised, template 306 \(row 1/);
    return true;
  });
});

test('rows of a template collection: made, used, heard', { timeout: 30_000 }, async () => {
  const made = awaited();
  const heard = awaited();
  await me.onRows('s/dt', made.resolve);
  const off = await me.onRows('s/dc/pump', heard.resolve);
  await me.sendRows('s/ut/pump', [
    ['10', '999', 'POST', 'MEASUREMENT', '', 'c8y_Pump', '', 'c8y_Pump.M.value', 'NUMBER', ''],
    ['11', '111', 'c8y_Custom', 'deviceId', 'val1'],
  ]);
  /** @type {any} */
  const { id, args } = await made.promise;
  assert.deepEqual([id, args.xid], ['20', 'pump']);
  await me.sendRows('s/uc/pump', [['999', '', 25]]);
  assert.equal(tenant.measurements.at(-1).c8y_Pump.M.value, 25);
  cloud.cloud.customOperation('serial-1', 'c8y_Custom', { val1: 'one' });
  /** @type {any} */
  const row = await heard.promise;
  assert.deepEqual([row.name, row.fields], ['', ['111', 'serial-1', 'one']]);
  await assert.rejects(me.sendRows('s/uc/pump', [['999', '', 'warm']]), {
    code: 'provider-refused',
    message: /template 999 \(row 1/,
  });
  await assert.rejects(me.sendRows('s/ut/other', [['12', 'x']]), { code: 'provider-row', message: /^Row 1: / });
  off();
});

test('rows of static templates: processing modes, answers by name, cut between rows', { timeout: 30_000 }, async () => {
  const { length } = tenant.events;
  const before = cloud.violations.length;
  await me.sendRows('t/us/sensor-1', [['400', 'seen', 'now']]);
  assert.deepEqual([tenant.events.length, tenant.realtime.at(-1).source], [length, 'sensor-1']);
  await me.sendRows('s/us/sensor-1', [['114', 'c8y_Restart']]);
  assert.deepEqual(tenant.devices.get('sensor-1').fragments.c8y_SupportedOperations, ['c8y_Restart']);
  await assert.rejects(me.sendRows('q/us', [['301', 'hot']]), { code: 'provider-row' });
  const answer = awaited();
  const off = await me.onRows('s/ds', answer.resolve);
  await me.sendRows('s/us', [['105']]);
  /** @type {any} */
  const { id, args } = await answer.promise;
  assert.deepEqual([id, Object.values(args)], ['106', [['sensor-1']]]);
  off();
  const many = Array.from({ length: 1500 }, (_, i) => ['400', 'counted', `${'x'.repeat(i % 50)} é ${i}`]);
  await me.sendRows('s/us', many);
  assert.deepEqual(
    tenant.events.slice(length).map((/** @type {any} */ it) => it.text),
    many.map(([, , text]) => text),
  );
  assert.equal(cloud.violations.length, before);
});

test('what comes and cannot be read is told, and costs no other row', { timeout: 30_000 }, async () => {
  const told = awaited();
  const heard = awaited();
  const offs = [me.onRefused(told.resolve), await me.onRows('s/dd', heard.resolve)];
  cloud.open()[0].publish({ topic: 's/dd', payload: '1,a"b\n2,c', qos: 1 });
  const { code, message } = /** @type {any} */ (await told.promise);
  assert.deepEqual([code, /line 1, column 4/.test(message)], ['provider-row', true]);
  assert.deepEqual(/** @type {any} */ (await heard.promise).fields, ['2', 'c']);
  for (const off of offs) off();
});

test('an operation that names no usable device is told, and done by nobody', { timeout: 30_000 }, async () => {
  for (const [row, what] of [
    ['510', 'no device'],
    ['510,', 'no device'],
    ['511,,ls', 'no device'],
    ['510,a/b', 'a device that cannot be'],
    ['510,a b', 'a device that cannot be'],
    [`511,${'x'.repeat(300)},ls`, 'a device that cannot be'],
  ]) {
    const told = awaited();
    const off = me.onRefused(told.resolve);
    const { published } = me.client.stats;
    cloud.open()[0].publish({ topic: 's/ds', payload: row, qos: 1 });
    const { code, message } = /** @type {any} */ (await told.promise);
    assert.deepEqual([code, message.includes(`names ${what}: ${row.slice(0, 3)}, c8y_`)], ['provider-row', true]);
    assert.equal(me.client.stats.published, published);
    off();
  }
});

test('a new device asks until it is accepted, and is told what to keep', { timeout: 60_000 }, async () => {
  const id = cloud.bootstrapForm.device;
  /** @type {any} */
  let kept;
  void cloud.until(() => cloud.cloud.registrations().includes(id)).then(() => cloud.cloud.accept(id));
  const other = await device(cumulocity(cloud.bootstrapForm, profileOptions), {
    ...clientOptions(cloud),
    registered: (values) => (kept = values),
  });
  assert.deepEqual([kept.auth, kept.tenant, kept.username], ['password', 't12345', `device_${id}`]);
  await other.sendTelemetry({ a: 1 });
  assert.equal(tenant.measurements.at(-1).source, id);
  await other.end();
});

test('wrong credentials: one clear error, and no more tries', { timeout: 30_000 }, async () => {
  const before = cloud.violations.length;
  const profile = cumulocity({ ...cloud.form, password: 'wrong one' }, profileOptions);
  await assert.rejects(device(profile, clientOptions(cloud)), (/** @type {any} */ error) => {
    assert.match(error.message, /./);
    assert.doesNotMatch(error.message, /wrong one/);
    return true;
  });
  assert.equal(cloud.violations.length - before, 1);
});
