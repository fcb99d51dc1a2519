// The device API against every stand-in: what is the same for all services, in one table.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  alibaba,
  aws,
  azureEventGrid,
  azureIotHub,
  broker,
  clearblade,
  device,
  scaleway,
} from '../../web/providers/index.js';
import { startAlibaba } from './alibaba.js';
import { startAws } from './aws.js';
import { startAzureEventGrid } from './azure_event_grid.js';
import { startAzureIotHub } from './azure_iot_hub.js';
import { startClearBlade } from './clearblade.js';
import { startPlain } from './plain.js';
import { startScaleway } from './scaleway.js';
import { awaited, clientOptions, profileOptions } from './seats.js';

/** @typedef {import('../../web/providers/index.js').Device} Device */
/** @typedef {import('../../web/providers/profiles.js').ServiceProfile} ServiceProfile */

/**
 * @typedef {object} Case
 * @property {string} title
 * @property {() => Promise<any>} start
 * @property {(values: any, options: any) => ServiceProfile} make
 * @property {(cloud: any) => any} [form] what is filled in; default: cloud.form
 * @property {Record<string, string>} wrong what spoils it
 * @property {(cloud: any) => any} [measured] the values of the first telemetry as the cloud has them
 * @property {(cloud: any, name: string, body: any) => Promise<any>} call a command; the answer's { ok, result, error }
 * @property {((cloud: any, state: any) => any) | null} desire
 * @property {(cloud: any) => any} [reported] the state as the cloud has it
 * @property {{ topic: string, options: any, payload?: any, says: RegExp }} forbidden
 * @property {(cloud: any) => any} [values] what gives the values, where each login needs others
 * @property {(cloud: any, body: any) => any} [late] a command for a client that is away, where the service keeps it
 */

const json = (/** @type {any} */ seen) => JSON.parse(seen.text);
const free = {
  measured: (/** @type {any} */ cloud) => json(cloud.seen.telemetry[0]),
  call: async (/** @type {any} */ cloud, /** @type {string} */ name, /** @type {any} */ body) => {
    const { device: id } = cloud.form;
    const request = `r${(free.count += 1)}`;
    cloud.cloud.command(id, name, body, { id: request });
    return json(
      await cloud.until(() =>
        cloud.seen.answers.find((/** @type {any} */ { topic }) => topic.endsWith(`/responses/${name}/${request}`)),
      ),
    );
  },
  count: 0,
  late: (/** @type {any} */ cloud, /** @type {any} */ body) => cloud.cloud.command(cloud.form.device, 'late', body),
  reported: (/** @type {any} */ cloud) => json(cloud.seen.state.at(-1)),
  forbidden: { topic: 'devices/x/telemetry', options: { qos: 2 }, says: /QoS/ },
};

/** @type {Case[]} */
const CASES = [
  {
    title: 'AWS IoT Core',
    start: startAws,
    make: aws,
    wrong: { 'secret-key': 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEX' },
    ...free,
    desire: (cloud, state) => cloud.cloud.setDesired('dash-1', state),
    reported: (cloud) => cloud.cloud.getShadow('dash-1').state.reported,
  },
  {
    title: 'Azure IoT Hub',
    start: startAzureIotHub,
    make: azureIotHub,
    wrong: { key: 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=' },
    measured: free.measured,
    call: async (cloud, name, body) => {
      const { status, payload } = await cloud.cloud.method('dev-1', name, body);
      return { ok: status === 200, result: payload, error: payload?.error, status };
    },
    desire: (cloud, state) => cloud.cloud.desired('dev-1', state),
    reported: ({ cloud }) => {
      const { $version: _version, ...reported } = cloud.twin('dev-1').reported;
      return reported;
    },
    forbidden: { topic: 'devices/dev-1/telemetry', options: {}, says: /Azure IoT Hub: .*topic/i },
    late: (cloud, body) => cloud.cloud.send('dev-1', JSON.stringify(body)),
  },
  {
    title: 'Azure Event Grid',
    start: async () => {
      const grid = await startAzureEventGrid();
      grid.form.token = await grid.cloud.token();
      return grid;
    },
    make: azureEventGrid,
    wrong: { token: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.AAAA' },
    ...free,
    values: (cloud) => async () => ({ ...cloud.form, token: await cloud.cloud.token() }),
    desire: (cloud, state) => cloud.cloud.desired('dev-1', state),
  },
  {
    title: 'ClearBlade IoT Core',
    start: startClearBlade,
    make: clearblade,
    form: (cloud) => cloud.forms.ES256,
    wrong: { registry: 'another-registry' },
    measured: free.measured,
    call: async (cloud, name, body) => {
      const before = cloud.seen.answers.length;
      cloud.cloud.command(JSON.stringify(body), name);
      return json(await cloud.until(() => cloud.seen.answers[before]));
    },
    desire: (cloud, state) => cloud.cloud.setConfig(JSON.stringify(state)),
    reported: free.reported,
    forbidden: { topic: '/devices/my-device/other', options: {}, says: /ClearBlade.*topic/i },
  },
  {
    title: 'Alibaba Cloud',
    start: startAlibaba,
    make: alibaba,
    wrong: { secret: 'another' },
    measured: (cloud) => json(cloud.seen.telemetry[0]).params,
    call: async (cloud, name, body) => {
      const { code, data, message } = await cloud.cloud.command('example1', name, body);
      return { ok: code === 200, result: data, error: message, status: code };
    },
    desire: (cloud, state) => cloud.cloud.setDesired('example1', state),
    reported: (cloud) => {
      const { temperature: _measured, ...reported } = cloud.cloud.getShadow('example1').state.reported;
      return reported;
    },
    forbidden: {
      topic: '/sys/a1X2bEnP82z/example1/thing/event/property/post',
      options: { qos: 2 },
      says: /Alibaba.*QoS/,
    },
    late: (cloud, body) => void cloud.cloud.command('example1', 'late', body),
  },
  {
    title: 'Scaleway IoT Hub',
    start: startScaleway,
    make: scaleway,
    wrong: { id: '00000000-92d4-4572-bc96-dfad83c3db4b' },
    ...free,
    desire: (cloud, state) => cloud.cloud.setDesired('dev-1', state),
    reported: (cloud) => cloud.cloud.getTwin(cloud.form.id, 'state').data,
    forbidden: { topic: 'x', options: { qos: 2 }, says: /Scaleway.*QoS/ },
    late: undefined, // the shared plan has no sessions
  },
  {
    title: 'any broker',
    start: startPlain,
    make: broker,
    wrong: { username: 'x', password: 'wrong' },
    ...free,
    desire: (cloud, state) => cloud.cloud.setDesired('dev-1', state),
    forbidden: { topic: 'x/+', options: {}, says: /topic/i },
  },
];

for (const one of CASES) {
  describe(one.title, { timeout: 60_000 }, () => {
    /** @type {any} */
    let cloud;
    /** @type {Device} */
    let me;
    const form = () => one.form?.(cloud) ?? cloud.form;

    before(async () => {
      cloud = await one.start();
      me = await device(one.make(one.values?.(cloud) ?? form(), profileOptions), clientOptions(cloud));
    });
    after(async () => {
      await me?.end();
      await cloud?.stop();
    });

    test('telemetry goes out, and the service has it', async () => {
      await me.sendTelemetry({ temperature: 21.5 });
      await cloud.until(() => cloud.seen.telemetry.length > 0);
      assert.deepEqual(one.measured?.(cloud), { temperature: 21.5 });
    });

    test('what is of another service is refused, with what to do instead', async () => {
      const rejected = { code: 'provider-no-such-thing', message: /`client`/ };
      await assert.rejects(me.sendRows('s/us', [['100']]), rejected);
      await assert.rejects(
        me.onRows('s/ds', () => {}),
        rejected,
      );
    });

    test('a command comes in, and its answer goes back; so does a failure', async () => {
      /** @type {any} */
      let command;
      await me.onCommand('reboot', (/** @type {any} */ given) => {
        command = given;
        return { done: given.json() };
      });
      const { ok, result } = await one.call(cloud, 'reboot', { in: 5 });
      assert.deepEqual([ok, result], [true, { done: { in: 5 } }]);
      assert.deepEqual([command.name, command.kind, command.device], ['reboot', 'command', me.id]);
      await me.onCommand('explode', () => {
        throw Object.assign(new Error('not today'), { status: 409 });
      });
      const failed = await one.call(cloud, 'explode', {});
      assert.deepEqual([failed.ok, failed.error, failed.status], [false, 'not today', 409]);
      const unknown = await one.call(cloud, 'nobody', {});
      assert.deepEqual([unknown.ok, unknown.status], [false, 404]);
    });

    test('a result that cannot be sent is a failure for who asked, and not silence', async (t) => {
      const told = t.mock.method(console, 'error', () => {});
      await me.onCommand('count', () => 1n);
      const { ok, error } = await one.call(cloud, 'count', {});
      assert.equal(ok, false);
      assert.match(error, /could not be sent.*BigInt/);
      assert.equal(told.mock.callCount(), 1);
      const limit = (await one.make(form(), profileOptions).rules()).get('payload-bytes');
      if (!limit) return;
      await me.onCommand('long', () => 'x'.repeat(limit.value));
      assert.match((await one.call(cloud, 'long', {})).error, /at most \d+ bytes/);
      await me.onCommand('long', () => {
        throw new Error('x'.repeat(limit.value));
      });
      assert.match((await one.call(cloud, 'long', {})).error, /at most \d+ bytes/);
    });

    test('wrong arguments are refused at once, and what follows them goes on', async () => {
      const wrong = { code: 'provider-argument' };
      for (const values of [undefined, null, 'text', [1]]) {
        await assert.rejects(me.sendTelemetry(/** @type {any} */ (values)), wrong);
        await assert.rejects(me.reportState(/** @type {any} */ (values)), wrong);
      }
      await assert.rejects(me.sendEvent(''), wrong);
      await assert.rejects(me.sendAlarm(''), wrong);
      await assert.rejects(me.sendAlarm('hot', { severity: /** @type {any} */ ('terrible') }), wrong);
      await assert.rejects(me.onCommand('reboot', /** @type {any} */ (undefined)), wrong);
      assert.deepEqual(cloud.violations, []);
    });

    test('state goes both ways', async () => {
      const { version } = await me.reportState({ fan: 'on', left: 1 });
      await me.reportState({ left: null });
      await cloud.until(() => one.reported?.(cloud)?.left === undefined);
      assert.deepEqual(one.reported?.(cloud), { fan: 'on' });
      const told = awaited();
      await me.onDesiredState((state) => state.fan === 'off' && told.resolve(state));
      await one.desire?.(cloud, { fan: 'off' });
      assert.deepEqual(await told.promise, { fan: 'off' });
      if (me.can.getState !== true) {
        await assert.rejects(me.getState(), { code: 'provider-no-such-thing' });
        return;
      }
      assert.ok(version !== undefined);
      const { reported } = await me.getState();
      assert.equal(reported?.fan, 'on');
    });

    test('what a rule forbids is refused here, with its words, and the connection stays', async () => {
      const { topic, options, payload = 'x', says } = one.forbidden;
      const { connections } = me.client.stats;
      await assert.rejects(me.client.publish(topic, payload, options), (/** @type {any} */ error) => {
        assert.match(error.message, says);
        return true;
      });
      await me.sendTelemetry({ temperature: 22 });
      assert.equal(me.client.stats.connections, connections);
      assert.deepEqual(cloud.violations, []);
    });

    test('credentials expire: others take their place, and nothing is lost on the way', async () => {
      const second = () => Math.floor(Date.now() / 1000);
      const first = second();
      while (second() < first + 1) await new Promise((resolve) => setTimeout(resolve, 20)); // others than the first ones
      const { connections } = me.client.stats;
      const arrived = awaited();
      await me.onCommand('*', ({ json }) => arrived.resolve(json()));
      const sent = [];
      for (let n = 0; n < 40; n++) {
        sent.push(me.sendTelemetry({ n }));
        if (n !== 20) continue;
        cloud.expireNow();
        one.late?.(cloud, { late: true });
      }
      await Promise.all(sent);
      assert.equal(me.client.stats.connections, connections + 1);
      const got = new Set(
        cloud.seen.telemetry.map((/** @type {any} */ seen) => /"n":\{?(?:"value":)?(\d+)/.exec(seen.text)?.[1]),
      );
      for (let n = 0; n < 40; n++) assert.ok(got.has(`${n}`), `message ${n}`);
      if (one.late) assert.deepEqual(await arrived.promise, { late: true });
    });

    test('wrong credentials: one clear error, and no more tries', async () => {
      const tries = () => cloud.violations.length;
      const before = tries();
      const profile = one.make({ ...form(), ...one.wrong }, profileOptions);
      await assert.rejects(device(profile, clientOptions(cloud)), (/** @type {any} */ error) => {
        assert.ok(error.message.length > 10);
        for (const value of Object.values(one.wrong)) assert.ok(!error.message.includes(value), error.message);
        return true;
      });
      assert.ok(tries() - before <= 3, JSON.stringify(cloud.violations)); // one for each version that may be meant
    });
  });
}
