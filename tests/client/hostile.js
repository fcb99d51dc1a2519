// Servers that break the rules: what they send, when, and what must come of it. One table, played by a real WebSocket server
// to the client in Node and in browsers. The first connection of a run meets the bad server, the next a good one.
import { once } from 'node:events';
import mqttPacket from 'mqtt-packet';
import { WebSocketServer } from 'ws';

/** @typedef {any} Packet as mqtt-packet has it */

/** Reason code of DISCONNECT in 5.0, and the client's name for it. @type {Record<number, string>} */
const CODES = {
  0x81: 'malformed',
  0x82: 'protocol',
  0x90: 'topic-invalid',
  0x93: 'receive-max',
  0x94: 'topic-alias',
  0x95: 'packet-size',
};

/**
 * States of a connection, and the packet of the client that the bad bytes answer; QoS 1 and 2 in each stage.
 * @type {Record<string, string>}
 */
const STATES = {
  'before CONNACK': 'connect',
  'with CONNACK': 'connect',
  idle: 'publish 0',
  'PUBACK owed': 'publish 1',
  'PUBREC owed': 'publish 2',
  'PUBCOMP owed': 'pubrel',
  'PUBREL owed': 'pubrec',
  'SUBACK owed': 'subscribe',
  'UNSUBACK owed': 'unsubscribe',
  'large payload leaving': 'publish large',
  're-authenticating': 'auth',
  resuming: 'resume',
  ending: 'end',
  disconnecting: 'disconnect',
};

/**
 * Bad bytes. hex: of all versions, or of [3.1.1, 5.0], where '' is none; ID is the packet id of the client's packet.
 * early: it is the same before CONNACK, for the fixed header shows the fault, say. states: where it is one; default: all.
 * refused: in 3.1.1 the client takes it that the server has no QoS 2.
 * @type {{ what: string, hex: string | [string, string], reason: number, early?: boolean, states?: string[], refused?: boolean }[]}
 */
const BYTES = [
  { what: 'packet type 0', hex: '0000', reason: 0x81, early: true },
  { what: 'reserved flags', hex: '41020001', reason: 0x81, early: true },
  { what: 'PUBREL without its flags', hex: '60020001', reason: 0x81, early: true },
  { what: 'a length of five bytes', hex: '30ffffffff01', reason: 0x81, early: true },
  { what: 'a length not in its shortest form', hex: 'd08000', reason: 0x81, early: true },
  { what: 'QoS 3', hex: '36050001610001', reason: 0x81, early: true },
  { what: 'DUP with QoS 0', hex: ['3803000161', '380400016100'], reason: 0x82, early: true },
  { what: 'a PUBACK too short', hex: '400100', reason: 0x81 },
  { what: 'a PINGRESP with a body', hex: 'd00100', reason: 0x81 },
  { what: 'a topic longer than its packet', hex: '3003ffff61', reason: 0x81 },
  { what: 'a topic that is not UTF-8', hex: ['30040002c328', '30050002c32800'], reason: 0x81 },
  { what: 'a topic with U+0000', hex: ['3003000100', '300400010000'], reason: 0x81 },
  { what: 'a topic with a wildcard', hex: ['3003000123', '300400012300'], reason: 0x90 },
  { what: 'packet id 0', hex: ['32050001610000', '3206000161000000'], reason: 0x82 },
  { what: 'a forbidden property', hex: ['', '300700016103210001'], reason: 0x81 },
  { what: 'a repeated property', hex: ['', '3008000161040101' + '0101'], reason: 0x82 },
  { what: 'properties that do not end', hex: ['', '300500016105' + '01'], reason: 0x81 },
  { what: 'Topic Alias 0', hex: ['', '300700016103230000'], reason: 0x94 },
  { what: 'a Topic Alias over the maximum', hex: ['', '300700016103230fff'], reason: 0x94 },
  { what: 'a Topic Alias never defined', hex: ['', '3006000003230001'], reason: 0x94 },
  { what: 'CONNECT', hex: ['100c00044d5154540402003c0000', '100d00044d5154540502003c000000'], reason: 0x82 },
  { what: 'SUBSCRIBE', hex: ['8206000100016100', '820700010000016100'], reason: 0x82 },
  { what: 'UNSUBSCRIBE', hex: ['a20500010001' + '61', 'a2060001000001' + '61'], reason: 0x82 },
  { what: 'PINGREQ', hex: 'c000', reason: 0x82 },
  {
    what: 'AUTH that nobody asked for',
    hex: ['f000', 'f00218' + '00'],
    reason: 0x82,
    states: without('re-authenticating'),
  },
  { what: 'AUTH of another method', hex: ['', 'f0061804150001' + '58'], reason: 0x82, states: ['re-authenticating'] },
  {
    what: 'CONNACK with reserved flags',
    hex: ['20020200', '2003020000'],
    reason: 0x81,
    early: true,
    states: ['before CONNACK'],
  },
  { what: 'CONNACK too short', hex: ['200100', '200100'], reason: 0x81, early: true, states: ['before CONNACK'] },
  { what: 'a packet id 0 of PUBACK', hex: '40020000', reason: 0x82 },
  { what: 'a topic with a surrogate', hex: ['30050003eda080', '30060003eda08000'], reason: 0x81 },
  { what: 'DISCONNECT of a server of 3.1.1', hex: ['e000', ''], reason: 0x82 },
  { what: 'a second CONNACK', hex: ['20020000', '2003000000'], reason: 0x82, states: without('before CONNACK') },
  { what: 'SUBACK too large', hex: ['90ff7f0001', ''], reason: 0x95, early: true },
  { what: 'a packet too large', hex: ['', '30ff7f000161'], reason: 0x95, early: true },
  {
    what: 'more than Receive Maximum',
    hex: ['', ['0009', '000a', '000b'].map((id) => `3206000161${id}00`).join('')],
    reason: 0x93,
    states: ['idle', 'PUBACK owed', 'SUBACK owed'],
  },
  { what: 'PUBREC for QoS 1', hex: '5002ID', reason: 0x82, states: ['PUBACK owed', 'large payload leaving'] },
  { what: 'PUBACK for QoS 2', hex: '4002ID', reason: 0x82, states: ['PUBREC owed', 'PUBCOMP owed'], refused: true },
  { what: 'PUBCOMP before PUBREC', hex: '7002ID', reason: 0x82, states: ['PUBREC owed'] },
  {
    what: 'SUBACK for a PUBLISH',
    hex: ['9003ID00', '9004ID0000'],
    reason: 0x82,
    states: ['PUBACK owed', 'PUBREC owed'],
  },
  { what: 'PUBACK for a SUBSCRIBE', hex: '4002ID', reason: 0x82, states: ['SUBACK owed'] },
  { what: 'UNSUBACK for a SUBSCRIBE', hex: ['b002ID', 'b004ID0000'], reason: 0x82, states: ['SUBACK owed'] },
  { what: 'SUBACK with too many codes', hex: ['9004ID0000', '9005ID000000'], reason: 0x82, states: ['SUBACK owed'] },
  { what: 'SUBACK without codes', hex: ['9002ID', '9003ID00'], reason: 0x82, states: ['SUBACK owed'] },
  { what: 'SUBACK for an UNSUBSCRIBE', hex: ['9003ID00', '9004ID0000'], reason: 0x82, states: ['UNSUBACK owed'] },
  { what: 'UNSUBACK with too many codes', hex: ['', 'b005ID000000'], reason: 0x82, states: ['UNSUBACK owed'] },
  { what: 'UNSUBACK without codes', hex: ['', 'b003ID00'], reason: 0x82, states: ['UNSUBACK owed'] },
  { what: 'UNSUBACK with codes in 3.1.1', hex: ['b003ID00', ''], reason: 0x81, states: ['UNSUBACK owed'] },
  { what: 'SUBACK with a code that is none', hex: ['9003ID05', '9004ID0005'], reason: 0x82, states: ['SUBACK owed'] },
];

/** @param {string} state */
function without(state) {
  return Object.keys(STATES).filter((other) => other !== state);
}

/** How a WebSocket itself can misbehave. @type {Record<string, (socket: any) => void>} */
const SOCKETS = {
  'text instead of bytes': (socket) => socket.send('hello'),
  'text that looks like a packet': (socket) => socket.send('\x20\x02\0\0'),
  'close code 4999': (socket) => socket.close(4999, 'x'.repeat(123)),
  'close code 1011': (socket) => socket.close(1011),
  'close without a code': (socket) => socket.close(),
  'no close at all': (socket) => socket.terminate(),
  'a frame that is none': (socket) => socket._socket.write(Buffer.of(0xff, 0)),
};

/** What a server may do after it accepted, by the first part of its URL. @type {Record<string, (socket: any) => void>} */
const ODDITIES = {
  // Messages in frames of one byte.
  flood: (socket) => {
    for (let n = 0; n < 2000; n++) for (const byte of [0x30, 3, 0, 1, 0x6d]) socket.send(Buffer.of(byte));
  },
  // 100 MiB declared, and nothing behind it.
  declared: (socket) => socket.send(Buffer.from('30808080320001', 'hex')),
  // A message of 10 MiB whose end does not come.
  stalled: (socket) => socket.send(Buffer.concat([Buffer.from('308080800500016d', 'hex'), Buffer.alloc(40_000)])),
  // Neither reads nor closes.
  deaf: (socket) => socket._socket.pause(),
};

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {4 | 5} version
 * @property {string} state
 * @property {string} does what the client does to come into that state
 * @property {string | null} code of the error that the client reports; null: whatever, or none
 * @property {string} hex what the server sends; empty: the WebSocket misbehaves
 * @property {number} reason of the DISCONNECT that leaves; -1: none is asked for
 * @property {1 | 2} again QoS that works afterwards
 */

/** @type {(Case & { socket: string })[]} */
const ALL = [];
for (const version of /** @type {const} */ ([4, 5])) {
  for (const { what, hex, reason, early, states = Object.keys(STATES), refused } of BYTES) {
    const bytes = Array.isArray(hex) ? hex[version - 4] : hex;
    if (bytes === '') continue;
    for (const state of states) {
      if (version === 4 && state === 're-authenticating') continue;
      const meant = state === 'before CONNACK' && !early ? 0x82 : reason;
      const ending = state === 'disconnecting' || state === 'ending';
      ALL.push({
        name: `${version === 5 ? '5.0' : '3.1.1'}, ${state}: ${what}`,
        version,
        state,
        does: STATES[state],
        code: ending ? null : CODES[meant],
        reason: version === 5 && !ending ? meant : -1,
        hex: bytes,
        socket: '',
        again: refused && version === 4 ? 1 : 2,
      });
    }
  }
  for (const socket of Object.keys(SOCKETS))
    for (const state of ['before CONNACK', 'idle', 'PUBREC owed', 'resuming', 'ending', 'disconnecting'])
      ALL.push({
        name: `${version === 5 ? '5.0' : '3.1.1'}, ${state}: ${socket}`,
        version,
        state,
        does: STATES[state],
        code: null,
        reason: -1,
        hex: '',
        socket,
        again: 2,
      });
}

/** @type {readonly Case[]} */
export const CASES = ALL;

/** A server whose URL says what it does: /CASE/RUN/BAD, the first BAD connections of a run meet that case. */
export class HostileServer {
  /** Connections of each run. @type {Map<string, number>} */
  #runs = new Map();
  /** By run: what came after the bad bytes of its last bad connection. @type {Map<string, Packet[]>} */
  after = new Map();
  /** @type {Map<string, number>} WebSocket messages after them */
  frames = new Map();
  #server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: (protocols, { url }) => (url?.startsWith('/nonsense') ? 'nonsense' : [...protocols][0]),
  });

  async start() {
    this.#server.on('connection', (socket, { url }) => this.#serve(socket, String(url)));
    await once(this.#server, 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    this.url = `ws://127.0.0.1:${port}`;
    return this;
  }

  /** WebSockets that are open. */
  get open() {
    return this.#server.clients.size;
  }

  async stop() {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** @param {any} socket @param {string} url */
  #serve(socket, url) {
    const [, index, run, bad] = url.split('/');
    const odd = ODDITIES[index];
    const count = (this.#runs.get(run) ?? 0) + 1;
    this.#runs.set(run, count);
    const one = ALL[Number(index)];
    const resumes = one?.does === 'resume';
    const hostile = count <= Number(bad) + Number(resumes) ? one : undefined;
    const sessionPresent = resumes && count === 2;
    socket.on('error', () => {});
    const parser = mqttPacket.parser();
    let version = 4;
    let done = false;
    if (hostile) {
      this.after.set(run, []);
      this.frames.set(run, 0);
    }
    const send = (/** @type {Packet} */ packet) =>
      socket.send(mqttPacket.generate(packet, { protocolVersion: version }));
    const misbehave = (/** @type {number} */ id) => {
      if (!hostile || done) return;
      done = true;
      if (hostile.socket) SOCKETS[hostile.socket](socket);
      else socket.send(Buffer.from(hostile.hex.replaceAll('ID', id.toString(16).padStart(4, '0')), 'hex'));
    };
    parser.on('packet', (/** @type {Packet} */ packet) => {
      if (packet.cmd === 'connect') version = packet.protocolVersion;
      if (done) this.after.get(run)?.push(packet);
      else if (hostile && is(packet, hostile)) {
        if (hostile.state === 'with CONNACK') send(CONNACK);
        if (resumes && count === 1) socket.terminate();
        else misbehave(packet.messageId ?? 1);
      } else if (!odd || packet.cmd === 'connect') {
        answer(packet, send, sessionPresent);
        odd?.(socket);
      } else if (index === 'flood') answer(packet, send);
    });
    socket.on('message', (/** @type {Buffer} */ data) => {
      if (done) this.frames.set(run, (this.frames.get(run) ?? 0) + 1);
      parser.parse(data);
      // A large PUBLISH is answered while it is on its way.
      if (hostile?.does === 'publish large' && data.length > 60_000) misbehave(1);
    });
  }
}

const CONNACK = { cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: false };

/** Is this the packet that the case waits for? @param {Packet} packet @param {Case} hostile */
function is({ cmd, qos, topic }, { does }) {
  if (cmd === 'connect' && does !== 'connect') return false;
  if (does === 'end' || does === 'resume') return cmd === 'publish';
  return does === cmd || (does === `publish ${qos}` && cmd === 'publish' && topic === 'go');
}

/** As a good server does. @param {Packet} packet @param {(packet: Packet) => void} send @param {boolean} [sessionPresent] */
function answer(
  { cmd, messageId, qos, topic, subscriptions, unsubscriptions, properties },
  send,
  sessionPresent = false,
) {
  const ack = (/** @type {string} */ name) => send({ cmd: name, messageId, reasonCode: 0 });
  if (cmd === 'connect') {
    const { authenticationMethod } = properties ?? {};
    send({ ...CONNACK, sessionPresent, properties: authenticationMethod && { authenticationMethod } });
  }
  if (cmd === 'unsubscribe') send({ cmd: 'unsuback', messageId, granted: unsubscriptions.map(() => 0) });
  if (cmd === 'subscribe') send({ cmd: 'suback', messageId, granted: subscriptions.map(() => 0) });
  if (cmd === 'publish' && qos === 1) ack('puback');
  if (cmd === 'publish' && qos === 2) ack('pubrec');
  if (cmd === 'pubrel') ack('pubcomp');
  if (cmd === 'pubrec') ack('pubrel');
  if (cmd === 'pingreq') send({ cmd: 'pingresp' });
  if (cmd === 'publish' && topic === 'want') send({ ...MESSAGE, qos: 2, messageId: 5 });
}

const MESSAGE = { cmd: 'publish', topic: 'm', payload: 'x', dup: false, retain: false };

/**
 * One run, in a page or in Node: come into the state, be treated badly, connect again, work, end. Nothing from outside is
 * used in here, for it is sent to pages as text.
 * @param {string} library
 * @param {string} url
 * @param {Case} one
 * @param {string} wasm URL, where the library does not find it by itself
 * @param {boolean} stored with a store
 */
export async function drive(library, url, { version, does, again }, wasm, stored) {
  /** @type {typeof import('../../web/client/index.js')} */
  const { createClient, memoryStore } = await import(library);
  let timers = 0;
  const { setTimeout: original } = globalThis;
  globalThis.setTimeout = /** @type {any} */ (
    (/** @type {() => void} */ fn, /** @type {number} */ ms, /** @type {any[]} */ ...rest) => {
      timers++;
      return original(fn, ms, ...rest);
    }
  );
  /** @type {{ phase?: string, code: string, message: string, name: string }[]} */
  const errors = [];
  const client = createClient(url, {
    protocolVersion: version,
    clientId: 'hostile',
    maximumPacketSize: 2048,
    properties: { receiveMaximum: 2 },
    manualAck: true,
    wasm: wasm || undefined,
    reconnect: { minDelay: 1, maxDelay: 20, jitter: 'none' },
    clean: !stored && does !== 'resume',
    ...(stored && { store: memoryStore() }),
    ...(does === 'auth' && { authentication: { method: 'M', start: () => ({ continue: () => '' }) } }),
  });
  /** @type {Promise<unknown>[]} */
  const promises = [];
  client.on('error', (error) => errors.push(/** @type {any} */ (error)));
  client.on('message', (message) => {
    if (message.topic === 'm') message.ack();
  });
  let losses = does === 'resume' ? 2 : 1;
  const lost = new Promise((resolve) => client.on('disconnect', ({ error }) => --losses === 0 && resolve(error)));
  const ready = client.ready.catch(() => {});
  let error;
  if (does === 'connect') {
    error = await lost;
  } else {
    await ready;
    const qos = /** @type {0 | 1 | 2} */ (Number(/\d/.exec(does)?.[0] ?? 0));
    if (does === 'subscribe') promises.push(client.subscribe('a/#'));
    else if (does === 'publish large') promises.push(client.publish('go', 'x'.repeat(400_000), { qos: 1 }));
    else if (does === 'pubrel') promises.push(client.publish('to', '', { qos: 2 }));
    else if (does === 'pubrec') promises.push(client.publish('want', ''));
    else if (does === 'unsubscribe') promises.push(client.subscribe('a/#', () => {}).then((one) => one.unsubscribe()));
    else if (does === 'auth') promises.push(client.reauthenticate());
    else if (does === 'resume' || does === 'end') promises.push(client.publish('go', '', { qos: 2 }));
    else if (does !== 'disconnect') promises.push(client.publish('go', '', { qos }));
    for (const promise of promises) promise.catch(() => {});
    if (does === 'disconnect' || does === 'end') await client.end();
    if (does !== 'end') error = await lost;
  }
  if (does === 'end') {
    await Promise.allSettled(promises);
  } else if (does !== 'disconnect') {
    // The good server: what was under way is done, and something new.
    await client.publish('again', 'x', { qos: again });
    await Promise.allSettled(promises);
    await client.end();
  }
  globalThis.setTimeout = original;
  return {
    code: /** @type {any} */ (error)?.code ?? null,
    phase: /** @type {any} */ (error)?.phase ?? null,
    named: /** @type {any} */ (error)?.name ?? null,
    reported: errors.map(({ message }) => message),
    state: client.state,
    timers,
  };
}

/**
 * What must be so after a run.
 * @param {Case} one
 * @param {Awaited<ReturnType<typeof drive>>} result
 * @param {HostileServer} server
 * @param {string} run
 * @returns {string[]} what is not
 */
export function judge(one, result, server, run) {
  const faults = [];
  const after = server.after.get(run) ?? [];
  const goodbye = after.find(({ cmd }) => cmd === 'disconnect');
  if (one.code !== null && result.code !== one.code) faults.push(`the error is ${result.code}, not ${one.code}`);
  const ending = one.does === 'disconnect' || one.does === 'end';
  if (!ending && result.named !== 'MqttError') faults.push(`no MqttError but ${result.named}`);
  if (one.reason >= 0 && goodbye?.reasonCode !== one.reason)
    faults.push(`DISCONNECT says ${goodbye?.reasonCode}, not ${one.reason}`);
  if (one.version === 4 && one.hex !== '' && one.does !== 'disconnect' && goodbye) faults.push('DISCONNECT in 3.1.1');
  if (result.reported.length > 0) faults.push(`reported: ${result.reported}`);
  if (result.state !== 'ended') faults.push(`in the end it is ${result.state}`);
  if (result.timers > 60) faults.push(`${result.timers} timers`);
  if ((server.frames.get(run) ?? 0) > 20) faults.push(`${server.frames.get(run)} messages afterwards`);
  return faults.map((fault) => `${one.name}: ${fault}`);
}

/**
 * What else a server can do. As drive().
 * @param {string} library
 * @param {string} base
 * @param {string} wasm
 */
export async function oddities(library, base, wasm) {
  /** @type {typeof import('../../web/client/index.js')} */
  const { connect } = await import(library);
  const options = {
    wasm: wasm || undefined,
    protocolVersion: /** @type {const} */ (4),
    keepalive: 1,
    reconnect: /** @type {const} */ (false),
  };
  const flood = async () => {
    let count = 0;
    const client = await connect(`${base}/flood`, options);
    await new Promise((resolve) => client.on('message', () => ++count === 2000 && resolve(undefined)));
    await client.publish('x', '', { qos: 1 });
    await client.end();
    return `${count} messages`;
  };
  const silent = async (/** @type {string} */ path) => {
    const client = await connect(`${base}/${path}`, options);
    return new Promise((resolve) => {
      client.on('error', (/** @type {any} */ { code }) => resolve(`${code}, ${client.state}`));
    });
  };
  const deaf = async (/** @type {boolean} */ force) => {
    const client = await connect(`${base}/deaf`, options);
    const sent = force ? [1, 2, 3, 4].map(() => client.publish('x', new Uint8Array(2 << 20)).catch(() => {})) : [];
    await client.end({ force });
    await Promise.all(sent);
    return client.state;
  };
  const subprotocol = () => connect(`${base}/nonsense`, options).then(String, ({ name, phase }) => `${name}, ${phase}`);
  return Promise.all([flood(), silent('declared'), silent('stalled'), deaf(true), deaf(false), subprotocol()]);
}

export const ODD_RESULTS = [
  '2000 messages',
  'ping-timeout, ended',
  'ping-timeout, ended',
  'ended',
  'ended',
  'MqttError, open',
];

/** Of endure(): what is bad, with CONNACK. */
export const ENDURED = ALL.findIndex(({ state, version }) => state === 'with CONNACK' && version === 5);
export const ROUNDS = 200;

/**
 * One client, treated badly again and again, then well; its wasm memory before and after. As drive().
 * @param {string} library
 * @param {string} url
 * @param {string} wasm
 */
export async function endure(library, url, wasm) {
  /** @type {typeof import('../../web/client/index.js')} */
  const { createClient } = await import(library);
  /** @type {WebAssembly.Memory | undefined} */
  let memory;
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = /** @type {any} */ (
    async (/** @type {any} */ module, /** @type {any} */ imports) => {
      const made = await instantiate(module, imports);
      memory = /** @type {any} */ (made).exports?.memory ?? /** @type {any} */ (made).instance?.exports.memory;
      return made;
    }
  );
  // What is set and not cleared, heard of and not left.
  const { setTimeout: set, clearTimeout: clear, addEventListener: add, removeEventListener: remove } = globalThis;
  const timers = new Set();
  let listeners = 0;
  Object.assign(globalThis, {
    setTimeout: (/** @type {() => void} */ fn, /** @type {number} */ ms) => {
      const timer = set(() => {
        timers.delete(timer);
        fn();
      }, ms);
      timers.add(timer);
      return timer;
    },
    clearTimeout: (/** @type {any} */ timer) => {
      timers.delete(timer);
      clear(timer);
    },
    addEventListener: (/** @type {[any, any]} */ ...args) => {
      listeners++;
      add?.(...args);
    },
    removeEventListener: (/** @type {[any, any]} */ ...args) => {
      listeners--;
      remove?.(...args);
    },
  });
  let lost = 0;
  /** @type {number | undefined} */
  let first;
  const client = createClient(url, {
    protocolVersion: 5,
    wasm: wasm || undefined,
    reconnect: { minDelay: 1, maxDelay: 1, jitter: 'none' },
  });
  client.on('disconnect', () => {
    if (++lost === 5) first = memory?.buffer.byteLength;
  });
  await client.publish('again', 'x', { qos: 1 });
  const last = memory?.buffer.byteLength;
  await client.end();
  for (let i = 0; i < 100 && timers.size > 0; i++) await new Promise((resolve) => set(resolve, 20));
  WebAssembly.instantiate = instantiate;
  Object.assign(globalThis, {
    setTimeout: set,
    clearTimeout: clear,
    addEventListener: add,
    removeEventListener: remove,
  });
  return { lost, first, last, left: { timers: timers.size, listeners } };
}
