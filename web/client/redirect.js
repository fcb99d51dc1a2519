// Where a server sends its clients: the Server Reference of MQTT 5.0 (4.11). It is text from the network, so only its hosts
// and ports are taken, and only to where this client may go.
import { checkUrl, publicUrl } from './doctor.js';
import { MqttError } from './errors.js';

/**
 * Whether to follow a server that sends this client elsewhere: the URL to go to, or false. `from` is the URL that answered;
 * `to` has its scheme and path, and its query too if the host is the same.
 * @typedef {(from: string, to: string) => string | URL | false} Redirect
 */

/** Servers that one attempt asks because others said so: they may send their clients in a circle. */
export const HOPS_MAX = 5;

/** A name or an address, one of IPv6 in brackets, and maybe a port. */
const REFERENCE = /^([\w.-]+|\[[\da-f:.]+\])(?::([1-9]\d{0,4}))?$/i;
const USE_ANOTHER = 0x9c;
const MOVED = 0x9d;

/** Does the server name another one? @param {MqttError} error */
export function isRedirect({ reasonCode, serverReference }) {
  return serverReference !== undefined && (reasonCode === USE_ANOTHER || reasonCode === MOVED);
}

/** It will be there for good. @param {MqttError} error */
export function isPermanent({ reasonCode }) {
  return reasonCode === MOVED;
}

/** @param {MqttError} error the last of many */
export function inCircles({ phase, reasonCode, serverReference }) {
  return new MqttError(phase, 'redirect-refused', `Servers sent this client on more than ${HOPS_MAX} times.`, {
    reasonCode,
    serverReference,
    hint: 'They may send it in a circle: ask who runs them.',
  });
}

/**
 * The URLs that a reference names; what is no host is passed over.
 * @param {URL} from
 * @param {string} reference
 */
function named(from, reference) {
  const found = [];
  for (const one of reference.split(' ', HOPS_MAX)) {
    const [, host, port = from.port] = REFERENCE.exec(one) ?? [];
    let to;
    try {
      to = new URL(`${from.protocol}//${host ?? ''}:${port}`);
    } catch {
      continue;
    }
    to.pathname = from.pathname;
    if (to.hostname === from.hostname) {
      to.search = from.search;
      to.username = from.username;
      to.password = from.password;
    }
    found.push(to);
  }
  return found;
}

/**
 * Where to go. Throws with code 'redirect-refused' if that is nowhere.
 * @param {string} from the URL that answered
 * @param {MqttError} error what it said, see isRedirect()
 * @param {Redirect | undefined} redirect the user's rule; default: to the same host only
 * @returns {string[]} to be tried in this order
 */
export function follow(from, error, redirect) {
  const { phase, reasonCode, serverReference = '' } = error;
  const home = new URL(from);
  const offered = named(home, serverReference);
  const urls = [];
  try {
    for (const to of offered) {
      const answer = redirect ? redirect(from, to.href) : to.hostname === home.hostname && to;
      if (answer === false) continue;
      if (typeof answer !== 'string' && !(answer instanceof URL)) throw new Error(`${typeof answer} is no URL`);
      const url = checkUrl(answer);
      if (home.protocol === 'wss:' && !url.startsWith('wss:')) throw new Error('from wss:// to ws:// is not followed');
      urls.push(url);
    }
  } catch (cause) {
    throw new MqttError(
      phase,
      'redirect-refused',
      'The function redirect() of the options failed, or gave no such URL.',
      {
        cause,
        reasonCode,
        serverReference,
        hint: 'It returns a URL like wss://broker.example/mqtt, or false; a server of wss:// is not left for one of ws://.',
      },
    );
  }
  if (urls.length > 0) return urls;
  const to = offered.length > 0 ? publicUrl(offered[0].href) : 'a server whose name cannot be understood';
  throw new MqttError(phase, 'redirect-refused', `${publicUrl(from)} sends this client to ${to}.`, {
    reasonCode,
    serverReference,
    hint: 'Another host is followed only if the option redirect says so, like redirect: (from, to) => to. Or connect there.',
  });
}
