// The ready method of enhanced authentication.
import { Scram } from '../../wasm/scram.js';
import { MqttError } from './errors.js';

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) for the option `authentication`: the server never sees the password, and has to prove
 * that it knows of it before the connection counts. MQTT 5.0 only, and in a browser in secure contexts only (https://,
 * localhost), for it takes Web Crypto. A server that wants fewer than 4096 or more than 1000000 iterations is refused.
 *
 * User name (at most 255 bytes of UTF-8) and password (1024) are those of the mechanism; the options username and password
 * go besides, if given. They are used as they are: where SASLprep would change or forbid something that is not ASCII, that
 * is not done, so write it as it was when the password was set. Control characters are refused.
 * @param {{ username: string, password: string }} credentials
 * @returns {import('./auth.js').Authentication}
 */
export function scramSha256({ username, password }) {
  if (typeof username !== 'string' || typeof password !== 'string') {
    throw new MqttError('options', 'bad-option', 'scramSha256() wants { username, password }, both strings.');
  }
  return {
    method: 'SCRAM-SHA-256',
    async start({ signal, module }) {
      if (!globalThis.crypto?.subtle) {
        throw new MqttError('options', 'crypto-unavailable', 'SCRAM-SHA-256 needs Web Crypto, which is not here.', {
          hint: 'Browsers have it for pages from https:// and localhost only.',
        });
      }
      const scram = await Scram.start(module, username, password).catch((/** @type {Error} */ { message }) => {
        throw new MqttError('options', 'bad-option', message);
      });
      const data = scram.message;
      signal.addEventListener('abort', () => scram.end());
      if (signal.aborted) scram.end();
      return {
        data,
        continue: (message = new Uint8Array()) => scram.answer(message),
        done(message) {
          if (!message) throw new Error('The server did not prove that it knows the password.');
          scram.verify(message);
        },
      };
    },
  };
}
