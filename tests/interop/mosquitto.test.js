// The client with a real broker: Mosquitto, and with it what only MQTT 5.0 has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../web/client/index.js';
import { eventually } from '../client/peer.js';
import { mosquitto } from './brokers.js';
import { interop } from './cases.js';
import { LOGIN, ours, theirs } from './ends.js';

const running = interop(mosquitto);

for (const [arrow, from, to] of /** @type {const} */ ([
  ['to MQTT.js', ours, theirs],
  ['from MQTT.js', theirs, ours],
])) {
  test(`Mosquitto 5.0 ${arrow}: properties of messages and of wills`, async () => {
    const receiver = await to(running.server, 5);
    await receiver.subscribe('properties/+', 1);
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain; größe',
      responseTopic: 'answers/here',
      correlationData: Buffer.from([0, 255, 1]),
      userProperties: { site: 'nörd', twice: ['one', 'two'], '': '' },
    };
    const will = { topic: 'properties/will', payload: 'x', qos: /** @type {const} */ (1), properties };
    const sender = await from(running.server, 5, { will });
    await sender.publish('properties/message', 'text', {
      qos: 1,
      properties: { ...properties, messageExpiryInterval: 100 },
    });
    sender.lose();
    const [message] = await receiver.arrivals.before('properties/will');
    const { messageExpiryInterval, payloadFormatIndicator, correlationData, userProperties, ...rest } =
      message.properties;
    delete rest.subscriptionIdentifier; // ours gives each filter one
    assert(messageExpiryInterval !== undefined && messageExpiryInterval > 90 && messageExpiryInterval <= 100);
    assert.equal(Number(payloadFormatIndicator), 1);
    assert.deepEqual([...(correlationData ?? [])], [0, 255, 1]);
    assert.deepEqual({ ...userProperties }, properties.userProperties);
    assert.deepEqual({ ...rest }, { contentType: 'text/plain; größe', responseTopic: 'answers/here' });
    await Promise.all([sender.end(), receiver.end()]);
  });
}

for (const version of /** @type {const} */ ([3, 4, 5])) {
  test(`Mosquitto, version ${version}: it loses none of many messages with QoS 2 at once`, async () => {
    // What comes beyond its max_inflight_messages of 20 it would acknowledge, and drop; in 3.x it cannot say so.
    const receiver = await theirs(running.server, version);
    const topic = `many/${version}`;
    await receiver.subscribe(`${topic}/#`, 2);
    const client = await connect(running.server.url, { ...LOGIN, protocolVersion: version });
    const texts = Array.from({ length: 100 }, (_, i) => String(i));
    await Promise.all(texts.map((text) => client.publish(topic, text, { qos: 2 })));
    assert.equal(client.negotiated?.receiveMaximum, 20);
    await client.publish(`${topic}/end`, '', { qos: 2 });
    assert.deepEqual(
      (await receiver.arrivals.before(`${topic}/end`)).map(({ payload }) => payload.toString()),
      texts,
    );
    await Promise.all([client.end(), receiver.end()]);
  });
}

test('Mosquitto 5.0: a message that expired meanwhile is not delivered to a session', async () => {
  const session = { clientId: 'expiry', clean: false, properties: { sessionExpiryInterval: 60 } };
  const first = await ours(running.server, 5, session);
  await first.subscribe('expiry/+', 1);
  await first.end();
  const sender = await theirs(running.server, 5);
  await sender.publish('expiry/short', 'x', { qos: 1, properties: { messageExpiryInterval: 1 } });
  await sender.publish('expiry/long', 'x', { qos: 1, properties: { messageExpiryInterval: 1000 } });
  const sent = Date.now();
  await sender.publish('expiry/end', 'x', { qos: 1 });
  await eventually(() => Date.now() > sent + 2100); // Mosquitto counts whole seconds
  const second = await ours(running.server, 5, session);
  const got = await second.arrivals.before('expiry/end');
  assert.deepEqual(
    got.map(({ topic }) => topic),
    ['expiry/long'],
  );
  assert.ok(Number(got[0].properties.messageExpiryInterval) < 1000);
  await Promise.all([sender.end(), second.end()]);
});

test('Mosquitto 5.0: a shared subscription gives each message to one of its members', async () => {
  const sender = await theirs(running.server, 5);
  /** @type {string[][]} */
  const got = [[], []];
  const members = await Promise.all(got.map(() => connect(running.server.url, LOGIN)));
  for (const [i, member] of members.entries()) {
    await member.subscribe('$share/workers/shared/+', { qos: 1 }, (message) => got[i].push(message.text()));
  }
  const texts = Array.from({ length: 40 }, (_, i) => String(i));
  for (const text of texts) await sender.publish('shared/x', text, { qos: 1 });
  await eventually(() => got[0].length + got[1].length >= texts.length);
  assert.deepEqual(
    got.flat().sort((a, b) => Number(a) - Number(b)),
    texts,
  );
  assert(got[0].length > 0 && got[1].length > 0, `${got[0].length} and ${got[1].length}`);
  await Promise.all([sender.end(), ...members.map((member) => member.end())]);
});

test('Mosquitto 5.0: topic aliases of either client are resolved by the broker', async () => {
  const receiver = await ours(running.server, 5, { properties: { topicAliasMaximum: 5 } });
  await receiver.subscribe('alias/#', 1);
  const device = await theirs(running.server, 5);
  const page = await connect(running.server.url, LOGIN);
  assert.equal(page.negotiated?.topicAliasMaximum, 10);
  const topics = Array.from({ length: 15 }, (_, i) => `alias/${'long/'.repeat(20)}${i}`);
  const texts = [];
  for (let round = 0; round < 3; round++) {
    for (const [i, topic] of topics.entries()) {
      texts.push(`${topic} page`);
      await page.publish(topic, `${topic} page`, { qos: 1 });
      if (i >= 5) continue;
      texts.push(`${topic} device`);
      const name = round === 0 ? topic : ''; // MQTT.js sends the alias alone for an empty name
      await device.publish(name, `${topic} device`, { qos: 1, properties: { topicAlias: i + 1 } });
    }
  }
  await page.publish('alias/end', '', { qos: 1 });
  const got = await receiver.arrivals.before('alias/end');
  for (const { topic, payload } of got) assert.equal(topic, payload.toString().split(' ')[0]);
  assert.deepEqual(
    got.map(({ payload }) => payload.toString()),
    texts,
  );
  await Promise.all([device.end(), page.end(), receiver.end()]);
});

test('Mosquitto 5.0: it sends a copy for each of overlapping subscriptions, and each is for its own handler', async () => {
  const client = await connect(running.server.url, LOGIN);
  /** @type {string[]} */
  const got = [];
  const filters = ['overlap/#', 'overlap/+', 'overlap/x'];
  for (const [i, filter] of filters.entries()) {
    const properties = i === 2 ? { subscriptionIdentifier: 7 } : undefined;
    await client.subscribe(filter, { qos: 1, properties }, (message) => {
      if (i === 2) assert.deepEqual(message.properties.subscriptionIdentifier, [7]);
      got.push(`${filter} ${message.text()}`);
    });
  }
  const texts = ['1', '2', '3'];
  for (const text of texts) await client.publish('overlap/x', text, { qos: 1 });
  await client.publish('overlap/end', 'end', { qos: 1 });
  await eventually(() => got.filter((text) => text.endsWith('end')).length === 2);
  const expected = [...filters.flatMap((filter) => texts.map((text) => `${filter} ${text}`))];
  assert.deepEqual(got.sort(), [...expected, 'overlap/# end', 'overlap/+ end'].sort());
  await client.end();
});

test('Mosquitto 5.0: options of a subscription, and $SYS outside of wildcards', async () => {
  const client = await connect(running.server.url, LOGIN);
  const sender = await theirs(running.server, 5);
  await sender.publish('options/kept', 'kept', { qos: 1, retain: true });
  /** @type {string[]} */
  const got = [];
  /** @param {string} name */
  const note = (name) => (/** @type {import('../../web/client/index.js').Message} */ message) =>
    void got.push(`${name}: ${message.topic} ${message.retain}`);
  await client.subscribe(
    'options/+',
    { qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 },
    note('plus'),
  );
  await client.subscribe('#', { qos: 0, retainHandling: 2 }, (message) => assert.doesNotMatch(message.topic, /^\$/));
  await client.publish('options/own', 'x', { qos: 1, retain: true });
  await sender.publish('options/flagged', 'x', { qos: 1, retain: true });
  await eventually(() => got.includes('plus: options/flagged true'));
  await client.unsubscribe('options/+');
  await client.unsubscribe('#');
  await client.subscribe('options/kept', { qos: 1, retainHandling: 0 }, note('kept'));
  await eventually(() => got.includes('kept: options/kept true'));
  for (const topic of ['options/kept', 'options/own', 'options/flagged']) {
    await sender.publish(topic, '', { qos: 1, retain: true });
  }
  await Promise.all([client.end(), sender.end()]);
});

test('Mosquitto 5.0: a message that was refused with a reason is over; UNSUBSCRIBE says why it goes out', async () => {
  const client = await connect(running.server.url, LOGIN);
  /** @type {string[]} */
  const texts = [];
  await client.subscribe('said/+', { qos: 2 }, (message) => {
    texts.push(message.text());
    if (texts.length === 1)
      message.ack({ reasonCode: 0x83, properties: { reasonString: 'no', userProperties: { a: 'b' } } });
  });
  for (const text of ['refused', 'taken']) await client.publish('said/us', text, { qos: 2 });
  await eventually(() => texts.length === 2);
  const { reasonCode } = await client.unsubscribe('said/+', { properties: { userProperties: { why: 'done' } } });
  assert.deepEqual([texts, reasonCode], [['refused', 'taken'], 0]);
  await client.end();
});
