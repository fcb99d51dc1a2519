// State that the service keeps, over a dialogue that a test plays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Alibaba } from '../../web/providers/dialects/alibaba.js';
import { KeptState } from '../../web/providers/state.js';

/**
 * A connected client, and a service whose answer to "what is the state?" is to be given. It is asked so by itself at first.
 * @param {() => any} answer
 * @param {() => Promise<any>} [grant] what becomes of a subscription
 */
function seat(answer, grant = () => setImmediate({ qos: 1 })) {
  /** @type {Map<string, (info: any) => void>} */
  const handlers = new Map();
  const begin = () => {
    let [subscribed, wanted] = [false, false];
    return {
      step: (/** @type {import('../../web/providers/dialogue.js').Heard} */ { kind }) => {
        if (kind === 'connected') return { kind: 'subscribe', filters: ['answers'], qos: 1 };
        if (kind === 'subscribed') subscribed = wanted = true;
        if (!subscribed || !wanted) return { kind: 'wait', until: Infinity };
        wanted = false;
        return { kind: 'tell', tell: 'state', version: 1, ...answer() };
      },
      get: () => (wanted = true),
      report() {},
    };
  };
  return /** @type {any} */ ({
    client: {
      state: 'connected',
      on: (/** @type {string} */ name, /** @type {(info: any) => void} */ handler) => handlers.set(name, handler),
      off: (/** @type {string} */ name) => handlers.delete(name),
      handle: () => () => {},
      subscribe: grant,
      /** The connection, and the session with it; another is there at once. */
      lose() {
        handlers.get('disconnect')?.({});
        handlers.get('connect')?.({ sessionPresent: false });
      },
    },
    title: 'A service',
    dialogue: async () => begin(),
    subscribe: async () => {},
  });
}

const WELL = { status: 200, desired: { fan: 'on' } };

test('who was refused is no handler: at first, later, and where a second way to hear failed', async () => {
  let answer = /** @type {any} */ (WELL);
  const link = seat(() => answer);
  const state = new KeptState(link);
  /** @type {string[]} */
  const heard = [];
  await state.desired(() => heard.push('first'));
  answer = { status: 500, detail: 'busy' };
  await assert.rejects(
    state.desired(() => heard.push('refused')),
    { code: 'provider-state', status: 500, message: /busy/ },
  );
  answer = WELL;
  await state.get();
  assert.deepEqual(heard, ['first', 'first']);

  const begin = link.dialogue;
  const other = new KeptState(link);
  link.dialogue = () => Promise.reject(new Error('not loaded'));
  await assert.rejects(
    other.desired(() => heard.push('refused')),
    /not loaded/,
  );
  link.dialogue = begin;
  await other.desired(() => heard.push('second'));
  assert.deepEqual(heard.slice(2), ['second']);

  const alibaba = new Alibaba(link);
  const desired = () => alibaba.desired(() => heard.push('refused'));
  link.subscribe = () => Promise.reject(new Error('refused to subscribe'));
  await assert.rejects(desired(), /refused to subscribe/);
  await alibaba.getState(); // the whole is told to who wants it
  /** @type {(parts: null, message: object) => Promise<void>} */
  let set = async () => {};
  link.subscribe = async (/** @type {any} */ _kinds, /** @type {any} */ take) => void (set = take);
  answer = { status: 500 };
  await assert.rejects(desired(), { code: 'provider-state' });
  await set(null, { json: () => ({ id: '1', params: { fan: 'off' } }) });
  assert.deepEqual(heard.slice(3), []);
});

test('a first handler hears of an error as later ones do, and is none; a state that is not there yet is no error', async () => {
  let answer = /** @type {any} */ ({ status: 500, detail: 'busy' });
  const state = new KeptState(seat(() => answer));
  /** @type {string[]} */
  const heard = [];
  await assert.rejects(
    state.desired(() => heard.push('refused')),
    { code: 'provider-state', status: 500, message: /busy/ },
  );
  answer = WELL;
  await state.get();
  assert.equal(heard.length, 0);
  answer = { status: 404 };
  await state.desired(() => heard.push('kept'));
  answer = WELL;
  await state.get();
  assert.deepEqual(heard, ['kept']);
});

test('a subscription that is refused: who waits is told why, and who asks next subscribes anew', async () => {
  const granted = () => setImmediate({ qos: 1 });
  const refused = async () => {
    await setImmediate();
    throw Object.assign(new Error('The server refused to subscribe.'), { code: 'subscribe', reasonCode: 0x87 });
  };
  let grant = /** @type {() => Promise<any>} */ (refused);
  const link = seat(
    () => WELL,
    () => grant(),
  );
  link.check = () => {};
  const state = new KeptState(link);
  /** @type {string[]} */
  const heard = [];
  const why = { code: 'subscribe', status: 0x87, message: 'A service: The server refused to subscribe.' };
  const waiting = [state.get(), state.report({ a: 1 }), state.desired(() => heard.push('refused'))];
  await Promise.all(waiting.map((one) => assert.rejects(one, why)));
  await assert.rejects(state.get(), why);
  grant = granted;
  assert.deepEqual(await state.get(), { desired: WELL.desired, reported: undefined, version: 1 });
  assert.equal(heard.length, 0);

  // On a later connection: who had heard until then hears again.
  await state.desired(() => heard.push('kept'));
  grant = refused;
  link.client.lose();
  await setImmediate();
  await assert.rejects(state.get(), why);
  grant = granted;
  await state.get();
  assert.deepEqual(heard, ['kept', 'kept']);
  state.stop();
  await assert.rejects(state.get(), { code: 'provider-ended' });
});

test('a report that is too long is told at once, whatever the service is doing', async () => {
  const link = seat(() => WELL);
  link.dialogue = () => new Promise(() => {});
  link.check = (/** @type {any} */ ...[kind, { name }, text]) => {
    assert.deepEqual([kind, name], ['report', 'settings']);
    if (text.length > 20) throw new Error('too long');
  };
  const state = new KeptState(link, 'settings');
  void state.report({ a: 1 }); // waits for its answer
  await assert.rejects(state.report({ a: 'x'.repeat(20) }), /too long/);
});
