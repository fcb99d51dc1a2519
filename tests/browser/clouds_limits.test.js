// What services forbid, by the dashboard's own form: each rule of C's table that a person at the page can break is refused
// before anything is sent, in the table's words; what is only warned of is among the connection's warnings. And a person's own
// limits in place of the service's.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadProviders } from '../../web/providers/index.js';
import { startAws } from '../clouds/aws.js';
import { startPlain } from '../clouds/plain.js';
import { CASES, LIMIT, onStage } from './clouds.js';

/** @typedef {import('./seat_page.js').SeatPage} SeatPage */

const wasm = readFileSync(new URL('../../dist/providers.wasm', import.meta.url));
const providers = await loadProviders({ wasm });

/** How a rule is broken by what is published, or subscribed to. @typedef {import('./clouds.js').Case['topics']} Topics */
/** @type {Record<string, (topics: Topics, value: number) => any>} */
const PUBLISHED = {
  qos: ({ topic }) => ({ topic, qos: '2' }),
  retain: ({ topic, report }, value) => ({ topic: value === 0 ? topic : report, retain: true }),
  'retain-bytes': ({ topic }, value) => ({ topic, retain: true, payload: 'x'.repeat(value + 1) }),
  'payload-bytes': ({ topic }, value) => ({ topic, payload: 'x'.repeat(value + 1) }),
  'state-bytes': ({ report }, value) => ({ topic: report, payload: 'x'.repeat(value + 1) }),
  'packet-bytes': ({ topic }, value) => ({ topic, payload: 'x'.repeat(value) }),
  'topic-bytes': (_topics, value) => ({ topic: 'x'.repeat(value + 1) }),
  'topic-slashes': (_topics, value) => ({ topic: `x${'/x'.repeat(value + 1)}` }),
  topic: (_topics, value) => ({ topic: value === 0 ? 'no/such/topic' : '$no/such/topic' }),
};
/** @type {Record<string, (value: number) => { filter: string, qos?: string }[]>} */
const SUBSCRIBED = {
  'subscribe-qos': (value) => [{ filter: 'x', qos: `${value + 1}` }],
  filter: () => [{ filter: 'no/such/filter' }],
};
/** Of which no page of the dashboard makes any: wills, properties of CONNECT, subscription identifiers. */
const UNREACHABLE = ['version', 'will', 'will-topic', 'connect-properties', 'subscription-id'];

/** A rule's words as a pattern. @param {string} text */
const words = (text) => new RegExp(text.replace(/[^\w\s]/g, '\\$&'));

onStage('what services forbid', ['chromium'], (stage) => {
  for (const { service, start, topics } of CASES.filter(({ service }) => service !== '')) {
    test(`${service}: each refusal is told beside the action, and nothing is sent`, LIMIT, async () => {
      const { seat } = stage;
      const cloud = await stage.cloud(start);
      const { rules } = await providers.open(providers.seat(service, cloud.form), { values: cloud.form });
      await seat.choose(service, 'device');
      await seat.submit(cloud.form);
      await seat.seated();
      let said = 0;
      for (const { rule, action, value } of rules.all()) {
        if (action !== 'refuse' || UNREACHABLE.includes(rule)) continue;
        const told = words(`Not sent. ${rules.text(rule)}`);
        if (PUBLISHED[rule]) {
          await seat.publish(PUBLISHED[rule](topics, value));
          await seat.refused(told);
        } else if (SUBSCRIBED[rule]) {
          for (const { filter, qos } of SUBSCRIBED[rule](value)) await seat.subscribe(filter, qos);
          await seat.text('the refusal', '.subscriptions li', told);
        } else if (/^(filters|client-id-.*)$/.test(rule)) continue;
        else assert.fail(`${service} refuses by ${rule}: how does the page show it?`);
        said++;
      }
      assert.ok(said > 0);
      assert.equal(await seat.phase(), 'connected');
      assert.equal(cloud.connections.length, 1);
      assert.deepEqual(cloud.violations, []);
    });
  }

  test('any broker: a topic with a wildcard is told at its field', LIMIT, async () => {
    const { seat } = stage;
    const cloud = await stage.cloud(startPlain);
    await seat.choose('', 'device');
    await seat.submit(cloud.form);
    await seat.seated();
    await seat.publish({ topic: 'x/+' });
    await seat.refused(/cannot hold \+/);
    assert.equal(await seat.phase(), 'connected');
    assert.deepEqual(cloud.violations, []);
  });

  test('rabbitmq: what its preset refuses is not sent, what it warns of is among the warnings', LIMIT, async () => {
    const { seat } = stage;
    const cloud = await stage.cloud(startPlain);
    const { rules } = await providers.open(providers.seat('rabbitmq', cloud.form));
    const refused = rules.all().filter(({ rule, action }) => action === 'refuse' && !UNREACHABLE.includes(rule));
    assert.deepEqual(
      refused.map(({ rule, value }) => [rule, value]),
      [['qos', 1]],
    );
    await seat.choose('rabbitmq', 'device');
    await seat.submit(cloud.form);
    await seat.seated();
    await seat.publish({ topic: 'x', qos: '2' });
    await seat.refused(words(`Not sent. ${rules.text('qos')}`));
    await seat.subscribe('x', '2');
    await seat.text('the warning', '.warnings li', words(rules.text('subscribe-qos')));
    assert.equal(await seat.phase(), 'connected');
    assert.deepEqual(cloud.violations, []);
  });

  test('aws: one filter more than a connection may have', LIMIT, async () => {
    const { seat } = stage;
    const cloud = await stage.cloud(startAws);
    const { rules } = await providers.open(providers.seat('aws', cloud.form));
    await seat.choose('aws', 'device');
    await seat.submit(cloud.form);
    await seat.seated();
    const most = rules.get('filters')?.value ?? 0;
    for (let n = 0; n < most; n++) await seat.subscribe(`x/${n}`);
    await seat.text('the refusal', '.subscriptions li', words(`Not sent. ${rules.text('filters')}`));
    assert.deepEqual(cloud.violations, []);
  });

  test('aws: a client id that cannot be is told at the form', LIMIT, async () => {
    const { seat } = stage;
    const cloud = await stage.cloud(startAws);
    const { rules } = await providers.open(providers.seat('aws', cloud.form));
    await seat.choose('aws', 'device');
    for (const [client, rule] of /** @type {const} */ ([
      ['x'.repeat(129), 'client-id-bytes'],
      ['$x', 'client-id-first'],
    ])) {
      await seat.submit({ ...cloud.form, client });
      await seat.text('the refusal', '.alert', words(rules.text(rule)));
    }
    assert.equal(cloud.connections.length, 0);
  });

  test('alibaba: what is adjusted is sent otherwise, what is warned of is among the warnings', LIMIT, async () => {
    const { seat } = stage;
    const [alibaba] = CASES.filter(({ service }) => service === 'alibaba');
    const cloud = await stage.cloud(/** @type {any} */ (alibaba).start);
    const { rules } = await providers.open(providers.seat('alibaba', cloud.form));
    await seat.choose('alibaba', 'device');
    await seat.type('#keepalive', '5');
    await seat.submit(cloud.form);
    await seat.seated();
    assert.equal(cloud.open()[0].connect.keepalive, 30);
    await seat.text('what was adjusted', '.warnings li', words(rules.text('keep-alive-min')));
    await seat.publish({ .../** @type {any} */ (alibaba).topics, retain: true, payload: '{}' });
    await seat.text('the warning', '.warnings li', words(rules.text('retain')));
    assert.deepEqual(cloud.violations, [{ rule: 'retain', what: 'it is ignored' }]);
  });

  test(
    "a person's own limits: shown as changed, kept with the connection, and they are what holds",
    LIMIT,
    async () => {
      const { seat } = stage;
      const cloud = await stage.cloud(startAws);
      await seat.choose('aws', 'device');
      await seat.fill(cloud.form);
      assert.equal(await seat.page.$('.limits .changed'), null);
      await seat.type('#limit-payload-bytes', '');
      await seat.submit();
      await seat.text('the fault', '.limits .fault', /whole number/);
      await seat.type('#limit-payload-bytes', '40');
      await seat.press('[data-rule=topic-slashes] button');
      await seat.text('what was changed', '.limits summary', /2 changed by you/);
      await seat.text('what it was', '[data-rule=payload-bytes] .hint', /131072 by default\s*$/);
      await seat.press('[data-rule=qos] button');
      await seat.text('lifted', '[data-rule=qos] .hint', /lifted by you/);
      await seat.text('what holds all the same', '[data-rule=qos] .announced', /With MQTT 5.*announces/);
      await seat.press('[data-rule=qos] button');
      await seat.submit();
      await seat.seated();
      await seat.text('what was changed', '.warnings li', /You lifted a limit: a topic has at most 7 slashes/);
      await seat.publish({ topic: 'devices/dash-1/telemetry', payload: 'x'.repeat(41) });
      await seat.refused(/a payload has at most 40 bytes/);
      assert.deepEqual(cloud.violations, []);
      await seat.publish({ topic: 'devices/dash-1/a/b/c/d/e/f/g' });
      await cloud.until(() => cloud.violations.length > 0); // it went out
      assert.match(JSON.stringify(cloud.violations), /slash/);

      await seat.disconnect();
      await seat.page.reload();
      await seat.text('what was changed', '.limits summary', /2 changed by you/);
      await seat.press('[data-rule=topic-slashes] button');
      await seat.press('[data-rule=payload-bytes] button');
      await seat.text('that nothing is changed', '.limits summary', /^\s*Limits\s*$/);
    },
  );
});
