// Why a connection did not come about, or ended, in words that help. Browsers do not tell a page why a WebSocket did not
// open; what can be known from the URL, the engine's text and the server's codes is said, the rest is a list of what to
// look at. Nothing here repeats a password, or what stands in a URL behind the path.
import { MqttError } from './errors.js';
import { storeTimeout } from './store.js';

/** @typedef {import('./socket.js').SocketEnd} SocketEnd */

/** Ports of MQTT without WebSockets. */
const TCP_PORTS = new Set(['1883', '8883']);
const WEBSOCKET_PORTS =
  'Brokers often have WebSockets on port 9001, 8080, 8083, 8084, 8000 or 443, and path /mqtt or /ws';

/**
 * A URL as it may be shown: without user, password, query and fragment.
 * @param {string} url
 */
export function publicUrl(url) {
  try {
    const { protocol, host, pathname, search } = new URL(url);
    return `${protocol}//${host}${pathname}${search ? '?...' : ''}`;
  } catch {
    return 'the URL';
  }
}

/**
 * Check what the user gave as a URL.
 * @param {unknown} url
 * @returns {string} one that WebSocket takes
 */
export function checkUrl(url) {
  const text = String(url);
  let parsed;
  try {
    parsed = new URL(text, globalThis.location?.href);
  } catch {
    throw new MqttError('options', 'bad-url', 'That is not a URL.', {
      hint: 'Write it in full, like wss://broker.example/mqtt or ws://localhost:9001.',
    });
  }
  const { protocol, port } = parsed;
  if (protocol === 'http:' || protocol === 'https:') {
    // Relative to the page, or as some people write it; Node's ws wants the real scheme.
    parsed.protocol = protocol === 'http:' ? 'ws:' : 'wss:';
  } else if (protocol !== 'ws:' && protocol !== 'wss:') {
    throw new MqttError('options', 'bad-url', `${protocol}// is not a WebSocket: a URL begins with ws:// or wss://.`, {
      hint:
        protocol === 'mqtt:' || protocol === 'mqtts:' || protocol === 'tcp:' || TCP_PORTS.has(port)
          ? `MQTT over plain TCP is not possible from here; the broker needs a WebSocket listener. ${WEBSOCKET_PORTS}.`
          : 'Write it like wss://broker.example/mqtt or ws://localhost:9001.',
    });
  }
  if (parsed.hash) {
    throw new MqttError('options', 'bad-url', 'A WebSocket URL has no # part.', {
      hint: 'Take it away, or write %23.',
    });
  }
  return parsed.href;
}

/**
 * The WebSocket did not open.
 * @param {{ url: string, protocols: string[], unopened?: string | undefined }} attempt unopened: what to try, if the server
 *   did not say why
 * @param {SocketEnd} end
 */
export function openError({ url, protocols, unopened }, { closeCode, detail }) {
  const shown = publicUrl(url);
  const { code, message, hint } = openFailure(url, protocols, detail);
  return new MqttError('open', code, `No WebSocket to ${shown}${message}.`, {
    hint: unopened && /^(open-failed|http-status)$/.test(code) ? unopened : hint,
    closeCode: closeCode || undefined,
  });
}

/**
 * @param {string} url
 * @param {string[]} protocols
 * @param {string} detail
 * @returns {{ code: string, message: string, hint: string }}
 */
function openFailure(url, protocols, detail) {
  const { hostname, port, protocol, pathname } = new URL(url);
  const loopback = /^(localhost|127\..*|\[::1\])$/.test(hostname); // as secure as https: in some browsers
  if (protocol === 'ws:' && globalThis.location?.protocol === 'https:' && !loopback) {
    return {
      code: 'mixed-content',
      message: ': a page from https:// may only open wss://',
      hint: 'Use wss://, which the server, or a web server before it, has to offer; or serve the page by http://.',
    };
  }
  const status = /response: (\d+)/.exec(detail)?.[1];
  if (/ECONNREFUSED/.test(detail)) {
    return {
      code: 'refused-connection',
      message: ': nothing listens at that host and port',
      hint: `Is the server running, and is it the port of its WebSocket listener? ${WEBSOCKET_PORTS}.`,
    };
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(detail)) {
    return { code: 'unknown-host', message: ': there is no such host', hint: 'Look at the host name in the URL.' };
  }
  if (/subprotocol/i.test(detail)) {
    return {
      code: 'subprotocol',
      message: `: the server does not take the subprotocol ${named(protocols)}`,
      hint: 'Is it an MQTT server? Older ones may want the option protocols: ["mqttv3.1"], or none: protocols: [].',
    };
  }
  if (status) {
    return {
      code: 'http-status',
      message: `: the server answered HTTP ${status} for ${pathname}`,
      hint:
        status === '404'
          ? 'The path is wrong, most likely: /mqtt and /ws are usual.'
          : 'Something answers there that does not offer a WebSocket: look at host, port, path and credentials.',
    };
  }
  if (/certificate|self.signed|CERT_|TLS|SSL/i.test(detail)) {
    return {
      code: 'tls',
      message: ': its certificate is not trusted, or it does not speak TLS',
      hint: 'Use a certificate that the system trusts; for a test, give Node a CA with NODE_EXTRA_CA_CERTS.',
    };
  }
  if (/hang up|ECONNRESET/.test(detail)) {
    return {
      code: 'hung-up',
      message: ': the server hung up instead of answering',
      hint: [
        `It may not take the subprotocol ${named(protocols)}: look at the option protocols.`,
        TCP_PORTS.has(port) ? openHint(protocol, port, protocols) : 'It may be no WebSocket listener, or want wss://.',
      ].join(' '),
    };
  }
  if (globalThis.navigator?.onLine === false && !loopback) {
    return { code: 'offline', message: ': this device is offline', hint: 'The network is away, as the system says.' };
  }
  return { code: 'open-failed', message: '', hint: openHint(protocol, port, protocols, pathname) };
}

/** @param {string[]} protocols */
function named(protocols) {
  return protocols.map((protocol) => JSON.stringify(protocol)).join(' or ') || '(none)';
}

/**
 * @param {string} protocol
 * @param {string} port
 * @param {string[]} protocols
 * @param {string} [path]
 */
function openHint(protocol, port, protocols, path) {
  if (TCP_PORTS.has(port)) return `Port ${port} is for MQTT over plain TCP, most likely. ${WEBSOCKET_PORTS}.`;
  const secure = protocol === 'wss:';
  return [
    'Nobody tells a page why. Is the server running, and is it the port of its WebSocket listener?',
    path === '/'
      ? 'The URL has no path: most servers want /mqtt or /ws.'
      : 'Is the path right (/mqtt and /ws are usual)?',
    `Does the server take the subprotocol ${named(protocols)}?`,
    secure ? 'Is its certificate trusted? Open the URL with https:// in a tab to see.' : '',
    !secure && globalThis.location?.protocol === 'https:' ? 'A page from https:// may only open wss://.' : '',
    globalThis.document ? "Does the page's Content-Security-Policy allow it in connect-src?" : '',
  ]
    .filter(Boolean)
    .join(' ');
}

/** @param {number} timeout ms */
export function credentialsTimeout(timeout) {
  return new MqttError('open', 'credentials-timeout', `The function credentials() took more than ${timeout} ms.`, {
    hint: 'Does its promise settle in every case? The option connectTimeout is how long it may take.',
  });
}

/**
 * The attempt took too long before the WebSocket was open.
 * @param {string} url
 * @param {number} timeout ms
 */
export function openTimeout(url, timeout) {
  return new MqttError('open', 'timeout', `No WebSocket to ${publicUrl(url)} within ${timeout} ms.`, {
    hint: 'Something between here and there swallows the attempt: a firewall, a proxy, or a wrong address.',
  });
}

/**
 * The WebSocket was open, and closed before CONNACK came.
 * @param {string} url
 * @param {SocketEnd} end
 */
export function noConnack(url, { closeCode, reason }) {
  const said = reason ? `, saying ${JSON.stringify(reason)}` : '';
  const code = closeCode ? ` (code ${closeCode}${said})` : '';
  const unauthenticated = /unauth/i.test(reason); // RabbitMQ says so
  return new MqttError(
    'connack',
    unauthenticated ? 'unauthenticated' : 'closed',
    `${publicUrl(url)} closed the WebSocket instead of answering CONNECT${code}.`,
    {
      closeCode: closeCode || undefined,
      hint: unauthenticated
        ? 'Look at user name and password.'
        : closeCode === 1002
          ? 'Some servers do this when user name or password are wrong.'
          : 'User name, password, client id or MQTT version may not suit the server; its log should say.',
    },
  );
}

/**
 * The WebSocket was open, and CONNACK did not come in time.
 * @param {string} url
 * @param {number} sent bytes that left; 0: CONNECT waits for what is to be stored before it
 * @param {number} timeout ms
 */
export function connackTimeout(url, sent, timeout) {
  if (sent === 0) return storeTimeout(timeout);
  return new MqttError('connack', 'timeout', `${publicUrl(url)} opened a WebSocket, but did not answer CONNECT.`, {
    hint: 'Is it an MQTT server? Mosquitto is silent when the subprotocol "mqtt" is missing: look at the option protocols.',
  });
}

/** Hints by reason code of a CONNACK: 5.0, then 3.x. @type {Record<number, string>} */
const CONNACK_HINTS = {
  0x84: 'Leave protocolVersion unset, and older versions are tried.',
  0x85: 'The server has rules for client ids: try another, or leave it out.',
  0x86: 'Look at user name and password.',
  0x87: 'This user may not connect, or not with this client id.',
  0x88: 'Try again later.',
  0x89: 'Try again later.',
  0x8a: 'The server has banned this client: ask who runs it.',
  0x8c: 'The server wants another authenticationMethod.',
  0x90: "Look at the will's topic.",
  0x95: 'The will or the properties are too large for the server.',
  0x97: 'A quota is used up: look at the limits of your account.',
  0x99: 'The payload of the will is not what its payloadFormatIndicator says.',
  0x9a: 'The server keeps no messages: set will.retain to false.',
  0x9b: 'Give the will a lower QoS.',
  0x9c: 'The server wants you to use another one.',
  0x9d: 'The server has moved.',
  0x9f: 'Too many connections in a short time: wait.',
  1: 'Leave protocolVersion unset, and older versions are tried.',
  2: 'The server has rules for client ids: try another, or a shorter one.',
  3: 'Try again later.',
  4: 'Look at user name and password.',
  5: 'User name and password may be missing or wrong, or this user may not connect.',
};

/**
 * CONNACK with a refusal.
 * @param {string} url
 * @param {number} reasonCode
 * @param {string} name the specification's name for it
 * @param {import('./properties.js').Properties} properties what else the server says
 */
export function refused(url, reasonCode, name, { authenticationData: _secret, ...properties }) {
  const { reasonString, serverReference } = properties;
  const why = reasonString ? `${name} (${JSON.stringify(reasonString)})` : name;
  return new MqttError('connack', 'refused', `${publicUrl(url)} refused the connection: ${why}.`, {
    reasonCode,
    serverReference,
    properties,
    hint: CONNACK_HINTS[reasonCode] ?? '',
  });
}

/**
 * A second CONNACK, which says why the connection ends: Cumulocity does so in 3.x.
 * @param {number} reasonCode
 * @param {string} name
 */
export function revoked(reasonCode, name) {
  return new MqttError('connected', 'disconnected', `The server ended the connection: ${name}.`, {
    reasonCode,
    hint:
      reasonCode === 5
        ? 'This user may not do what was done last, the server could not read it, or it has too much to do.'
        : (CONNACK_HINTS[reasonCode] ?? ''),
  });
}

/**
 * The server's DISCONNECT.
 * @param {number} reasonCode
 * @param {string} name
 * @param {import('./properties.js').Properties} properties
 */
export function disconnected(reasonCode, name, properties) {
  const { reasonString, serverReference } = properties;
  const why = reasonString ? `${name} (${JSON.stringify(reasonString)})` : name;
  const taken = reasonCode === 0x8e;
  return new MqttError('connected', taken ? 'session-taken-over' : 'disconnected', `The server disconnected: ${why}.`, {
    reasonCode,
    serverReference,
    properties,
    hint: taken ? 'Another client uses the same client id. This one does not fight it: give each its own.' : '',
  });
}

/**
 * Connections are closed again and again soon after they were accepted.
 * @param {MqttError} cause the last one's end
 */
export function takenOverSuspected(cause) {
  return new MqttError(
    'connected',
    'taken-over-suspected',
    'The server closes each connection soon after accepting it.',
    {
      cause,
      hint:
        'Another client uses the same client id, most likely: give each its own. Or the server does not like what this ' +
        'client does first; its log should say. The next attempts wait longer.',
    },
  );
}

/**
 * The WebSocket of an established connection closed.
 * @param {SocketEnd} end
 */
export function lost({ closeCode, reason, detail }) {
  const said = reason || detail;
  const why = [closeCode ? `code ${closeCode}` : '', said ? JSON.stringify(said) : ''].filter(Boolean).join(', ');
  return new MqttError('connected', 'connection-lost', `The connection was lost${why ? ` (${why})` : ''}.`, {
    closeCode: closeCode || undefined,
  });
}
