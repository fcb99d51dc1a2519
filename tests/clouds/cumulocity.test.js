// The stand-in of Cumulocity, with MQTT.js as the device: what the platform's documentation shows, and what it refuses.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { closing, connack, client as connected, once } from './clients.js';
import { startCumulocity } from './cumulocity.js';

/** @typedef {Awaited<ReturnType<typeof startCumulocity>>} Cumulocity */
/** @typedef {import('mqtt').IClientOptions} Options */

/** @type {(() => Promise<unknown>)[]} */
const ends = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start() {
  const platform = await startCumulocity();
  ends.push(() => platform.stop());
  return platform;
}

/** The form's login. @param {Cumulocity} platform @param {Options} [options] */
const login = ({ form, ca }, options) => ({
  ca,
  clientId: `d:${form.device}`,
  username: `${form.tenant}/${form.username}`,
  password: form.password,
  ...options,
});

/** A device, with what it was sent. @param {Cumulocity} platform @param {Options} [options] */
async function device(platform, options) {
  const client = await connected(platform.url, login(platform, options));
  ends.push(() => client.endAsync(true));
  /** @type {[topic: string, text: string, qos: number][]} */
  const got = [];
  client.on('message', (topic, payload, { qos }) => got.push([topic, `${payload}`, qos]));
  return {
    client,
    got,
    /** @param {string} text @param {string} [topic] */
    send: (text, topic = 's/us') => client.publishAsync(topic, text, { qos: 1 }),
    /** What came since the last call, at least one message. */
    async next() {
      while (got.length === 0) await once(client, 'message');
      return got.splice(0).map(([topic, text]) => `${topic} ${text}`);
    },
  };
}

/** @param {Cumulocity} platform */
const rules = (platform) => platform.violations.map(({ rule }) => rule);

test('a login is answered with the platform’s return codes', async () => {
  const platform = await start();
  const code = (/** @type {Options} */ options) => connack(platform.url, login(platform, options));
  assert.equal(await code({}), 0);
  assert.equal(await code({ clientId: platform.form.device }), 0);
  assert.equal(await code({ clientId: 'd:one:template' }), 0);
  assert.equal(await code({ protocolId: 'MQIsdp', protocolVersion: 3 }), 0);
  assert.deepEqual(rules(platform), []);
  assert.equal(await code({ protocolVersion: 5 }), 1);
  assert.equal(await code({ clientId: 'x:one' }), 2);
  assert.equal(await code({ clientId: 'd:one:two:three' }), 2);
  assert.equal(await code({ password: 'wrong' }), 4);
  assert.equal(await code({ username: 'device_serial-1' }), 4);
  assert.equal(await code({ password: '' }), 5);
  assert.equal(await code({ clean: false }), 5);
  assert.equal(await code({ protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'd:12345678901234567890123' }), 5);
  platform.cloud.refuseNext(3);
  assert.equal(await code({}), 3);
  assert.equal(await code({}), 0);
});

test('a device registers: it asks until an operator accepts it, and then has a user of its own', async () => {
  const platform = await start();
  const { 'bootstrap-user': username, password, device: serial } = platform.bootstrapForm;
  const { client, got, next } = await device(platform, { clientId: serial, username, password });
  await client.subscribeAsync('s/dcr');
  await client.publishAsync('s/ucr', '', { qos: 1 });
  assert.deepEqual([platform.cloud.registrations(), got], [[serial], []]);
  platform.cloud.accept(serial);
  await client.publishAsync('s/ucr', '', { qos: 1 });
  const [answer] = await next();
  const [, tenant, user, secret] = answer.trim().split(',');
  assert.equal(answer, `s/dcr 70,t12345,device_${serial},${secret}\n`);
  const own = { ca: platform.ca, clientId: serial, username: `${tenant}/${user}`, password: secret };
  assert.equal(await connack(platform.url, own), 0);
  const other = await device(platform, { clientId: serial, username, password });
  const closed = closing(other.client);
  other.client.publish('s/us', '100');
  await closed;
  const attempts = /** @type {((client: import('mqtt').MqttClient) => unknown)[]} */ ([
    (client) => client.publish('s/ucr', 'now'),
    (client) => client.subscribe('s/ds'),
  ]);
  for (const attempt of attempts) {
    const { client: one } = await device(platform, { clientId: serial, username, password });
    const ended = closing(one);
    attempt(one);
    await ended;
  }
  assert.deepEqual(rules(platform), ['topic', 'payload', 'filter']);
});

test('static templates: the documentation’s tutorial', async () => {
  const platform = await start();
  const { tenant } = platform.cloud;
  const { send } = await device(platform);
  await send('100,My first MQTT device,c8y_MQTTdevice');
  await send('110,,MQTT test model,1.2.3\n117,10\n114,c8y_Command,c8y_Configuration');
  await send('210,-87\n211,24\n212,95\n');
  await send('200,myCustomTemperatureMeasurement,fahrenheit,75.2,F');
  await send('301,gpio_critical,There is a GPIO alarm\n304,simple_warning\n306,gpio_critical');
  await send('401,51.227741,6.773456');
  const self = tenant.devices.get('serial-1');
  assert.equal(self?.fragments.c8y_Position, undefined);
  await send('402,51.227741,6.773456\n400,c8y_Door,"open, and ""wide"" €"');
  assert.deepEqual([self?.name, self?.type], ['My first MQTT device', 'c8y_MQTTdevice']);
  assert.deepEqual(self?.fragments, {
    c8y_Hardware: { model: 'MQTT test model', revision: '1.2.3' },
    c8y_RequiredAvailability: { responseInterval: 10 },
    c8y_SupportedOperations: ['c8y_Command', 'c8y_Configuration'],
    c8y_Position: { lat: 51.227741, lng: 6.773456 },
  });
  assert.deepEqual(
    tenant.measurements.map(({ id: _id, time: _time, source: _source, type: _type, ...rest }) => rest),
    [
      { c8y_SignalStrength: { rssi: { value: -87, unit: 'dBm' } } },
      { c8y_TemperatureMeasurement: { T: { value: 24, unit: 'C' } } },
      { c8y_Battery: { level: { value: 95, unit: '%' } } },
      { myCustomTemperatureMeasurement: { fahrenheit: { value: 75.2, unit: 'F' } } },
    ],
  );
  assert.deepEqual(
    tenant.alarms.map(({ severity, type, status }) => [severity, type, status]),
    [
      ['CRITICAL', 'gpio_critical', 'CLEARED'],
      ['WARNING', 'simple_warning', 'ACTIVE'],
    ],
  );
  assert.deepEqual(
    tenant.events.map(({ type, text }) => [type, text]),
    [
      ['c8y_LocationUpdate', ''],
      ['c8y_LocationUpdate', ''],
      ['c8y_Door', 'open, and "wide" €'],
    ],
  );
  assert.deepEqual(
    Object.values(platform.seen).map((list) => list.length),
    [4, 6, 4, 0],
  );
  assert.deepEqual(platform.violations, []);
});

test('children: made by 101 or by what is sent for them, named by 105', async () => {
  const platform = await start();
  const { tenant } = platform.cloud;
  const { client, send, next } = await device(platform);
  await client.subscribeAsync('s/ds', { qos: 2 });
  await send('101,child-1,Kitchen,c8y_Room');
  await send('200,T,T,20', 's/us/child-1');
  await send('200,T,T,21', 's/us/child-2');
  await send('105\n123');
  assert.deepEqual(await next(), [`s/ds 106,child-1,child-2\n124,${tenant.devices.get('serial-1')?.id}\n`]);
  assert.deepEqual(
    tenant.measurements.map(({ source }) => source),
    ['child-1', 'child-2'],
  );
  assert.deepEqual(
    [...tenant.devices.values()].map(({ name, type, root }) => [name, type, root]),
    [
      ['MQTT Device serial-1', 'c8y_MQTTDevice', 'serial-1'],
      ['Kitchen', 'c8y_Room', 'serial-1'],
      ['MQTT Device child-2', 'c8y_MQTTChildDevice', 'serial-1'],
    ],
  );
  const operation = platform.cloud.operation('child-1', 510);
  assert.deepEqual(await next(), ['s/ds 510,child-1\n']);
  await send('501,c8y_Restart', 's/us/child-1');
  assert.equal(operation.status, 'EXECUTING');
});

test('a device has what is its own', async () => {
  const platform = await start();
  const { tenant } = platform.cloud;
  const { client, send, next } = await device(platform);
  await client.subscribeAsync(['s/ds', 's/e']);
  await send('101,child\n100,Name,type');
  assert.equal(tenant.devices.get('serial-1')?.name, 'MQTT Device serial-1', 'it was there already');
  const foreign = platform.cloud.operation('other', 511, 'x');
  platform.cloud.operation('serial-1', 511, 'y');
  await next();
  await send('500');
  assert.deepEqual(await next(), ['s/ds 511,serial-1,y\n']);
  await send('501,c8y_Command');
  assert.equal(foreign.status, 'PENDING');
  await send('101,other');
  assert.match((await next())[0], /^s\/e 50,101,other belongs to another device/);
  await send('301,door,open\n302,door,still open');
  assert.deepEqual(
    tenant.alarms.map(({ count, severity, text }) => [count, severity, text]),
    [[2, 'MAJOR', 'still open']],
  );
});

test('operations: delivered, asked for with 500, taken in order, answered', async () => {
  const platform = await start();
  const { client, got, send, next } = await device(platform);
  const early = platform.cloud.operation('serial-1', 511, 'first, with a "quote"\nand a second line');
  await client.subscribeAsync('s/ds', { qos: 1 });
  const late = platform.cloud.operation('serial-1', 511, 'second');
  assert.deepEqual(await next(), ['s/ds 511,serial-1,second\n']);
  const relay = platform.cloud.operation('serial-1', 519, 'OPEN', 'CLOSED');
  await next();
  await send('500');
  assert.deepEqual(got.splice(0), [
    [
      's/ds',
      '511,serial-1,"first, with a \\"quote\\"\nand a second line"\n511,serial-1,second\n519,serial-1,OPEN,CLOSED\n',
      1,
    ],
  ]);
  await send('501,c8y_Command');
  assert.deepEqual([early.status, late.status], ['EXECUTING', 'PENDING']);
  await send('503,c8y_Command,Everything went fine');
  assert.deepEqual([early.status, early.result], ['SUCCESSFUL', ['Everything went fine']]);
  await send('501,c8y_Command\n502,c8y_Command,"no such command"');
  assert.deepEqual([late.status, late.failureReason], ['FAILED', 'no such command']);
  await send(`504,${relay.id}\n506,${relay.id},OPEN`);
  assert.deepEqual([relay.status, relay.result], ['SUCCESSFUL', ['OPEN']]);
  const [one, other] = [platform.cloud.operation('serial-1', 510), platform.cloud.operation('serial-1', 517, 'log')];
  await send(`504,${one.id}\n505,${one.id},cannot\n504,${other.id}\n507`);
  assert.deepEqual([one.status, one.failureReason, other.status], ['FAILED', 'cannot', 'FAILED']);
  assert.deepEqual(platform.violations, []);
});

test('what is wrong with a row is told on s/e, and the other rows are done', async () => {
  const platform = await start();
  const { client, send, next } = await device(platform);
  await send('999,nobody listens');
  await client.subscribeAsync('s/e');
  await send('999,I made this up');
  assert.deepEqual(await next(), ['s/e 40,999,No static template for this message id']);
  const wrong = ['200,c8y_T,T', '200,c8y_T,T,warm', '211,1,yesterday', '305,a,BAD', '306,none', '503,c8y_Command'];
  const codes = ['45,200', '45,200', '45,211', '45,305', '50,306', '50,503'];
  for (const [i, row] of wrong.entries()) {
    await send(row);
    assert.match((await next())[0], new RegExp(`^s/e ${codes[i]},`), row);
  }
  await send('211,1\n400,door,"open" wide\n211,2\n');
  assert.deepEqual(await next(), ['s/e 42,400,Malformed line 2, column 16']);
  assert.equal(platform.cloud.tenant.measurements.length, 2);
  assert.equal(rules(platform).filter((rule) => rule === 'row').length, 9);
});

test('processing modes: what is kept, and what is told to who watches', async () => {
  const platform = await start();
  const { send } = await device(platform);
  for (const mode of ['s', 't', 'q', 'c']) await send(`400,${mode},text\n301,${mode}`, `${mode}/us`);
  const { events, alarms, realtime, cep } = platform.cloud.tenant;
  assert.deepEqual(
    [events, alarms, realtime, cep].map((list) => list.map(({ type }) => type).join('')),
    ['sq', 'sqc', 'ssttqc', 'c'],
  );
});

test('template collections: made once, then used with their own ids', async () => {
  const platform = await start();
  const { tenant } = platform.cloud;
  const { client, send, next } = await device(platform, { clientId: 'd:serial-1:mine' });
  await client.subscribeAsync(['s/dt', 's/dc/mine', 's/e']);
  await send('', 's/ut/mine');
  assert.deepEqual(await next(), ['s/dt 41,mine\n']);
  const rows = [
    '10,999,POST,MEASUREMENT,,c8y_MyMeasurement,,c8y_MyMeasurement.M.value,NUMBER,',
    '10,998,GET,INVENTORY,,true',
    '10,997,PUT,INVENTORY,true,false,c8y_Serial,c8y_Configuration,,',
    '10,995,POST,EVENT,,t,,,a,STRING,,a.b,STRING,',
    '11,888,,c8y_IsDevice,type,c8y_Test,c8y_Configuration',
    '11,111,c8y_CustomConfiguration,deviceId,val1,val2,customValues[*]',
  ];
  await send(rows.join('\n'), 's/ut/mine');
  assert.match((await next())[0], /^s\/dt 20,mine,\d+\n$/);
  await send(rows[0], 's/ut/mine');
  assert.match((await next())[0], /^s\/e 41,mine,/);
  await send('', 's/ut/mine');
  assert.match((await next())[0], /^s\/dt 20,mine,\d+\n$/);
  await send('999,2016-06-22T17:03:14.000+02:00,25', 's/uc/mine');
  await send('999,,26', 's/ud');
  assert.deepEqual(
    tenant.measurements.map((it) => [it.type, it.c8y_MyMeasurement.M.value]),
    [
      ['c8y_MyMeasurement', 25],
      ['c8y_MyMeasurement', 26],
    ],
  );
  assert.equal(tenant.measurements[0].time, '2016-06-22T17:03:14.000+02:00');
  const self = tenant.device('serial-1');
  tenant.set(self, 'c8y_IsDevice', {});
  await send('997,serial-1,"val1=1\nval2=2"', 's/uc/mine');
  assert.deepEqual(await next(), ['s/dc/mine 888,c8y_MQTTDevice,,"val1=1\nval2=2"\n']);
  await send(`998,${self.id}`, 's/uc/mine');
  assert.deepEqual(await next(), ['s/dc/mine 888,c8y_MQTTDevice,,"val1=1\nval2=2"\n']);
  const value = { val1: 1, val2: 2, customValues: ['a', 'b', 'c'] };
  const operation = platform.cloud.customOperation('serial-1', 'c8y_CustomConfiguration', value);
  assert.deepEqual(await next(), ['s/dc/mine 111,serial-1,1,2,a,b,c\n']);
  await send('501,c8y_CustomConfiguration\n503,c8y_CustomConfiguration');
  assert.equal(operation.status, 'SUCCESSFUL');
  for (const [row, code] of [
    ['996,1', '40,996'],
    ['999,,warm', '45,999'],
    ['995,text,,1,2', '45,995'],
  ]) {
    await send(row, 's/uc/mine');
    assert.match((await next())[0], new RegExp(`^s/e ${code},`));
  }
});

test('the default collection answers on s/dd, others on their own topics', async () => {
  const platform = await start();
  const { client, send, next } = await device(platform, { clientId: 'd:serial-1:mine' });
  await client.subscribeAsync(['s/dd', 's/dc/other']);
  for (const name of ['mine', 'other']) await send('10,1,GET,INVENTORY,,false\n11,2,,type,type', `s/ut/${name}`);
  await send('1,serial-1', 's/ud');
  assert.deepEqual(await next(), ['s/dd 2,c8y_MQTTDevice\n']);
  await send('1,serial-1', 's/uc/other');
  assert.deepEqual(await next(), ['s/dc/other 2,c8y_MQTTDevice\n']);
});

test('JSON in place of SmartREST', async () => {
  const platform = await start();
  const { tenant } = platform.cloud;
  const { client, send, next } = await device(platform);
  await client.subscribeAsync(['error', 'devicecontrol/notifications']);
  await send('{"type":"t","T":{"T":{"value":1}}}', 'measurement/measurements/create');
  await send('{"events":[{"type":"a"},{"type":"b"}]}', 'event/events/createBulk');
  await send('{"type":"c"}', 't/event/events/create');
  await send('{"text":"new"}', `event/events/update/${tenant.events[0].id}`);
  await send('', `event/events/delete/${tenant.events[1].id}`);
  assert.deepEqual([tenant.measurements.length, tenant.events.length, tenant.events[0].text], [1, 1, 'new']);
  await send('{', 'alarm/alarms/create');
  assert.match((await next())[0], /^error {"error":/);
  platform.cloud.customOperation('serial-1', 'c8y_Light', { on: true });
  assert.match((await next())[0], /^devicecontrol\/notifications {.*"c8y_Light":{"on":true}}$/);
});

test('what is forbidden ends in a second CONNACK, and then the connection', async () => {
  const platform = await start();
  const attempts = /** @type {[rule: string, (client: import('mqtt').MqttClient) => unknown][]} */ ([
    ['filter', (client) => client.subscribe('s/us')],
    ['filter', (client) => client.subscribe('s/#')],
    ['topic', (client) => client.publish('telemetry', '1')],
    ['topic', (client) => client.publish('s/ud', '999,1')],
    ['packet size', (client) => client.publish('s/us', '1'.repeat(16176))],
  ]);
  for (const [rule, attempt] of attempts) {
    const { client } = await device(platform);
    const closed = closing(client);
    /** @type {any[]} */
    const packets = [];
    client.on('packetreceive', (packet) => packets.push(packet));
    attempt(client);
    await closed;
    assert.deepEqual(
      packets.map(({ cmd, returnCode }) => [cmd, returnCode]),
      [['connack', 5]],
      rule,
    );
    assert.equal(platform.violations.at(-1)?.rule, rule);
  }
});

test('the largest packet is taken', async () => {
  const platform = await start();
  const { send } = await device(platform);
  await send('1'.repeat(16173));
  assert.deepEqual(rules(platform), ['row']);
});

test('the platform ends a session with a CONNACK of its own accord', async () => {
  const platform = await start();
  for (const act of [() => platform.cloud.refuse('serial-1', 3), () => platform.expireNow()]) {
    const { client } = await device(platform);
    const codes = /** @type {number[]} */ ([]);
    client.on('packetreceive', (packet) => codes.push(/** @type {any} */ (packet).returnCode));
    const closed = closing(client);
    act();
    await closed;
    assert.deepEqual(codes, [act.toString().includes('expireNow') ? 5 : 3]);
  }
  assert.equal(await connack(platform.url, login(platform)), 0);
});

test('a device has one connection, whatever its client id looks like', async () => {
  const platform = await start();
  const first = await device(platform, { clientId: 'serial-1' });
  const closed = closing(first.client);
  await device(platform, { clientId: 'd:serial-1:mine' });
  await closed;
  assert.equal(platform.open().length, 1);
});

test('the will is a message of the device', async () => {
  const platform = await start();
  const will = { topic: 's/us', payload: Buffer.from('400,c8y_ConnectionEvent,"Device connection was lost."'), qos: 1 };
  await device(platform, { will: /** @type {any} */ (will) });
  platform.open()[0].drop();
  await platform.until(() => platform.cloud.tenant.events.length > 0);
  assert.equal(platform.cloud.tenant.events[0].text, 'Device connection was lost.');
});
