// Registration: what a login is that is good for nothing else, and what it gives.
import { connect } from '../client/index.js';
import { ProviderError } from './errors.js';
import { abortError } from './link.js';

const LONGEST_TIMER = 2 ** 31 - 1;
const NOTHING = /** @type {const} */ ({ kind: 'nothing' });

/**
 * Ask for credentials until they are there. Resolves with values of the service's form; rejects with a ProviderError, or as
 * connect() does where the server cannot be reached at all, or the signal gives up.
 * @param {import('./profiles.js').ServiceProfile} profile
 * @param {import('./login.js').Seat} seat
 * @param {import('./device_types.js').SeatOptions} options
 * @param {number} [timeout] ms
 * @returns {Promise<Record<string, string>>}
 */
export async function register(profile, seat, options, timeout) {
  const providers = await profile.providers();
  const { title } = providers.service(seat.service);
  const seconds = timeout === undefined ? 0 : Math.max(1, Math.ceil(timeout / 1000));
  const dialogue = await providers.dialogue(seat, 'register', { seconds });
  /** @type {import('../client/index.js').Client | undefined} */
  let client;
  const { signal } = options;
  let wake = () => {};
  const aborted = () => wake();
  signal?.addEventListener('abort', aborted);
  /** @type {import('./dialogue.js').Heard[]} */
  const heard = [];
  const hear = (/** @type {import('./dialogue.js').Heard} */ one) => {
    heard.push(one);
    wake();
  };
  // The client's own tries would keep the dialogue from hearing of an end.
  const once = { ...options, reconnect: /** @type {const} */ (false), store: undefined, will: undefined };

  const dial = async () => {
    await client?.end({ force: true });
    client = undefined;
    try {
      const made = (client = await connect(profile, once));
      made.on('error', () => {});
      made.on('disconnect', () => client === made && hear({ kind: 'closed' }));
      // Answers may come before, or without, a subscription.
      made.on('message', ({ topic, payload }) => hear({ kind: 'message', topic, payload: payload.slice() }));
      hear({ kind: 'connected' });
    } catch (/** @type {any} */ error) {
      if (error.phase === 'options' || error.phase === 'load') throw error;
      if (error.phase === 'connack' && error.reasonCode !== undefined)
        hear({ kind: 'refused', code: error.reasonCode });
      else hear({ kind: 'closed' });
    }
  };

  try {
    for (;;) {
      if (signal?.aborted) throw abortError(signal);
      const step = dialogue.step(heard.shift() ?? NOTHING, performance.now());
      switch (step.kind) {
        case 'connect':
          await dial();
          break;
        case 'subscribe': {
          const granted = step.filters.map((filter) => client?.subscribe(filter, { qos: step.qos }));
          Promise.all(granted).then(
            (all) => hear({ kind: 'subscribed', codes: all.map((one) => one?.qos ?? 0) }),
            ({ reasonCode }) => reasonCode !== undefined && hear({ kind: 'subscribed', codes: [reasonCode] }),
          );
          break;
        }
        case 'publish':
          client?.publish(step.topic, step.head + step.tail, { qos: step.qos }).then(
            () => hear({ kind: 'published', request: step.request }),
            () => {},
          );
          break;
        case 'done':
          return step.values;
        case 'failed':
          throw new ProviderError(step.code, `${title}: ${step.message}`, { status: step.status });
        case 'wait':
          if (heard.length === 0) {
            const ms = Math.min(Math.max(step.until - performance.now(), 0), LONGEST_TIMER);
            /** @type {ReturnType<typeof setTimeout> | undefined} */
            let timer;
            await new Promise((resolve) => {
              wake = () => resolve(undefined);
              if (step.until !== Infinity) timer = setTimeout(wake, Math.ceil(ms));
            });
            clearTimeout(timer);
          }
      }
    }
  } finally {
    signal?.removeEventListener('abort', aborted);
    dialogue.wipe();
    await client?.end({ force: true });
  }
}
