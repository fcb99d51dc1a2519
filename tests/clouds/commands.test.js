// Jobs and operations, over a dialogue that a test plays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Jobs } from '../../web/providers/jobs.js';
import { Operations } from '../../web/providers/operations.js';

/** A connected client of a service that grants its subscription at first, and a later connection on which it does not. */
function seat() {
  /** @type {Map<string, (info: any) => void>} */
  const handlers = new Map();
  /** Of whom hears what is sent, the first. @type {((message: any) => void) | undefined} */
  let heard;
  let grants = true;
  /** @type {any[]} */
  const complaints = [];
  return /** @type {any} */ ({
    complaints,
    tell: (/** @type {any} */ message) => heard?.(message),
    lose() {
      grants = false;
      handlers.get('disconnect')?.({});
      handlers.get('connect')?.({ sessionPresent: false });
    },
    client: {
      state: 'connected',
      on: (/** @type {string} */ name, /** @type {(info: any) => void} */ handler) => handlers.set(name, handler),
      off: (/** @type {string} */ name) => handlers.delete(name),
      handle: (/** @type {string} */ _filter, /** @type {(message: any) => void} */ handler) => {
        heard ??= handler;
        return () => {};
      },
      async subscribe() {
        await setImmediate();
        if (grants) return { qos: 1, unsubscribe: async () => {} };
        throw Object.assign(new Error('The server refused to subscribe.'), { code: 'subscribe', reasonCode: 0x87 });
      },
    },
    title: 'A service',
    topics: { filters: () => ['s/ds'], build: () => 's/us' },
    seat: { device: 'd' },
    refused: (/** @type {string} */ message) => new Error(message),
    complain: (/** @type {any} */ { code, status, message }) => complaints.push({ code, status, message }),
    dialogue: async () => ({
      step: (/** @type {any} */ { kind }) =>
        kind === 'connected'
          ? { kind: 'subscribe', filters: ['commands/#'], qos: 1 }
          : { kind: 'wait', until: Infinity },
      operation: () => 1,
      finish() {},
    }),
  });
}

const WHY = {
  code: 'subscribe',
  status: 0x87,
  message: 'A service sends no more commands: The server refused to subscribe.',
};

test('jobs: a service that refuses them on a later connection is no silence', async () => {
  const link = seat();
  const jobs = new Jobs(link);
  await jobs.begin(() => {});
  link.lose();
  for (let i = 0; i < 3; i++) await setImmediate();
  assert.deepEqual(link.complaints, [WHY]);
  jobs.stop();
  await setImmediate();
  assert.equal(link.complaints.length, 1);
});

test('operations: the same, and what is answered is not taken', async () => {
  const link = seat();
  const operations = new Operations(link);
  /** @type {any[]} */
  const delivered = [];
  const rows = /** @type {any} */ ({
    read: () => [{ id: '510', name: 'c8y_Restart', args: { serial: 'd' }, fields: [] }],
    write: () => ['503,c8y_Restart'],
  });
  await operations.begin((command) => void delivered.push(command), rows);
  link.tell({ bytes: () => new Uint8Array(0) });
  const answered = delivered[0].answer({ status: 200 });
  link.lose();
  await assert.rejects(answered, /the connection broke while c8y_Restart was answered/);
  assert.deepEqual(link.complaints, [WHY]);
  operations.stop();
  await setImmediate();
  assert.equal(link.complaints.length, 1);
});
