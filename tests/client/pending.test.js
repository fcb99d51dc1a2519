// What is asked of messages that are not settled: by token, in order, taken out anywhere. A Map is the model.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Pending, PendingMessages } from '../../web/client/pending.js';

const ACCEPTED = Object.freeze({ reasonCode: 0, properties: {} });

/** @param {number} token */
function message(token) {
  const pending = new Pending({ qos: 1 }, () => true, 'a', 1, null, 0, ACCEPTED);
  pending.token = token;
  return pending;
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('add'), which: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('oldest'), which: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('get', 'delete', 'again'), which: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('gather'), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear'), which: fc.constant(0) }) },
);

test('messages that are not settled are found by token, and are in order, whatever is taken out', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const messages = new PendingMessages();
      /** @type {Map<number, Pending>} */
      const model = new Map();
      /** @type {Pending[]} */
      const gone = [];
      let token = 7;
      const take = (/** @type {Pending | undefined} */ pending) => {
        if (!pending) return;
        messages.delete(pending);
        model.delete(pending.token);
        gone.push(pending);
        assert.deepEqual([pending.older, pending.newer], [null, null]);
      };
      for (const { do: what, which } of steps) {
        const chosen = [...model.values()][which % Math.max(model.size, 1)];
        if (what === 'add') {
          const pending = message(token++);
          messages.add(pending);
          model.set(pending.token, pending);
        } else if (what === 'gather') {
          // The core tells the tokens of several at once; what is done meanwhile is so with those that have theirs.
          const several = Array.from({ length: which + 1 }, () => message(0));
          for (const pending of several) messages.add(pending);
          if (chosen) assert.equal(messages.get(chosen.token), chosen);
          if (which % 2) take(chosen);
          for (const pending of several) {
            pending.token = token++;
            model.set(pending.token, pending);
          }
        } else if (what === 'oldest') {
          const [oldest] = model.values();
          if (oldest) assert.equal(messages.get(oldest.token), oldest);
          take(oldest);
        } else if (what === 'get') {
          if (chosen) assert.equal(messages.get(chosen.token), chosen);
          assert.ok(!messages.get(token));
        } else if (what === 'delete') {
          take(chosen);
        } else if (what === 'again') {
          const done = gone[which % Math.max(gone.length, 1)];
          if (done) messages.delete(done);
          if (done) assert.ok(!messages.get(done.token));
        } else {
          messages.clear();
          gone.push(...model.values());
          model.clear();
        }
        assert.equal(messages.size, model.size);
        assert.deepEqual(
          [...messages].map((pending) => pending.token),
          [...model.keys()],
        );
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});
