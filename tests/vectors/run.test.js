// Replays the conversation vectors through dist/wasmqtt.wasm and wasm/core.js, at every chunk size: what run.c does
// natively. Two things do not cross the boundary and are not compared here: packet ids in the log, and byte sequences that
// no JavaScript string can hold (a topic given in hex).
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import * as c from '../../build/gen/wasmqtt_layout.js';
import { Chunk } from '../../wasm/chunk.js';
import { Core } from '../../wasm/core.js';
import { readScripts, hexBytes, Words } from './script.js';

/** @typedef {import('./script.js').Line} Line */

const folder = new URL('client/', import.meta.url);
const module = new WebAssembly.Module(readFileSync(new URL('../../dist/wasmqtt.wasm', import.meta.url)));
const STATUS = ['IDLE', 'CONNECTING', 'CONNECTED', 'DISCONNECTING', 'FAILED'];
const RECORDS = ['', 'SENT', 'RELEASED', 'RECEIVED', 'COMPLETED', 'SESSION_LOST'];
const NOTHING = new Uint8Array(0);

/** @param {Uint8Array} bytes */
function shown(bytes) {
  if (bytes.length <= 64) return Buffer.from(bytes).toString('hex');
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) >>> 0;
  return `${bytes.length}:${sum.toString(16).padStart(8, '0')}`;
}

/** @param {string} topic */
function shownTopic(topic) {
  const bytes = new TextEncoder().encode(topic);
  if (bytes.length > 64) return shown(bytes);
  return [...bytes]
    .map((b) => (b > 0x20 && b < 0x7f && b !== 0x5c ? String.fromCharCode(b) : `\\${b.toString(16).padStart(2, '0')}`))
    .join('');
}

/**
 * " props=..." or nothing.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function shownProps(bytes, at) {
  if (at < 0) return '';
  let length = 0;
  let byte;
  let shift = 0;
  do {
    byte = bytes[at++];
    length |= (byte & 127) << shift;
    shift += 7;
  } while (byte >= 128);
  return length ? ` props=${shown(bytes.subarray(at, at + length))}` : '';
}

class Run {
  stopped = false;
  now = 1_000_000;
  /** @type {string[]} */
  log = [];
  /** @type {Uint8Array[]} */
  out = [];
  /** @type {number[]} */
  tokens = [];
  /** @type {number[]} */
  acks = [];
  /** @type {string[]} */
  names = [];

  /**
   * @param {Core} core
   * @param {number} chunk
   */
  constructor(core, chunk) {
    this.core = core;
    this.chunk = chunk;
  }

  /* ---- the sink */

  /** @type {import('../../wasm/core.js').Sink['onPublish']} */
  onPublish(id, topic, { bytes }, off, length, flags, props, handle) {
    if (id !== 0) this.names[id] = topic;
    if (handle) this.acks.push(handle);
    const bit = (/** @type {number} */ mask) => Number((flags & mask) !== 0);
    this.log.push(
      `PUBLISH topic=${shownTopic(topic)} qos=${flags & c.WQ_EVF_QOS} retain=${bit(c.WQ_EVF_RETAIN)} ` +
        `dup=${bit(c.WQ_EVF_DUP)}${shownProps(bytes, props)} payload=${shown(bytes.subarray(off, off + length))}`,
    );
  }
  /** @param {number} id */
  onTopic(id) {
    if (this.names[id]) this.log.push('GONE'); // which one depends on the hash's seed
    this.names[id] = '';
  }
  /** @type {import('../../wasm/core.js').Sink['onSettled']} */
  onSettled(token, result, reason, bytes, props) {
    const name = result ? this.core.errorName(result) : 'ok';
    this.log.push(`SETTLED #${this.tokens.indexOf(token) + 1} ${name} reason=${reason}${shownProps(bytes, props)}`);
  }
  /** @param {import('../../wasm/core.js').CoreEvent} event */
  onEvent({ type, flags, reason, aux, topic, off, length, bytes, props }) {
    const p = shownProps(bytes, props);
    const answer = () => `#${this.tokens.indexOf(aux) + 1} codes=${shown(bytes.subarray(off, off + length))}${p}`;
    /** @type {Record<number, () => string>} */
    const lines = {
      [c.WQ_EV_CONNACK]: () => `CONNACK session=${Number((flags & c.WQ_EVF_SESSION) !== 0)} reason=${reason}${p}`,
      [c.WQ_EV_SUBACK]: () => `SUBACK ${answer()}`,
      [c.WQ_EV_UNSUBACK]: () => `UNSUBACK ${answer()}`,
      [c.WQ_EV_DISCONNECT]: () => `DISCONNECT reason=${reason}${p}`,
      [c.WQ_EV_AUTH]: () => `AUTH reason=${reason}${p}`,
      [c.WQ_EV_PONG]: () => 'PONG',
      [c.WQ_EV_OVERSIZE]: () => `OVERSIZE topic=${shownTopic(topic)} length=${length}`,
      [c.WQ_EV_RECEIVED]: () => `TAKEN #${this.tokens.indexOf(aux) + 1} reason=${reason}${p}`,
      [c.WQ_EV_STRAY_ACK]: () => `STRAY type=${aux}`,
    };
    this.log.push(lines[type]());
  }
  onBatch() {
    this.core.takeRecords((type, packetId, token) => {
      const of = token ? ` #${this.tokens.indexOf(token) + 1}` : '';
      this.log.push(`RECORD ${RECORDS[type]}${of}${packetId ? ` packet=${packetId}` : ''}`);
    });
    while (this.core.outputLength > 0 || this.core.outputToken !== 0) {
      const bytes = this.core.output().slice();
      const token = this.core.outputToken;
      this.out.push(bytes);
      if (token) this.out.push(new Uint8Array(this.hosted[this.tokens.indexOf(token)]).fill(0x50));
      this.core.outputSent(bytes.length);
    }
  }
  /** Lengths of payloads that stayed here, by the order of their tokens. @type {number[]} */
  hosted = [];

  /* ---- commands */

  settle() {
    while (this.core.deadline <= this.now && this.core.tick(this.now, this) >= 0);
  }

  /** @param {string} hex */
  in(hex) {
    const bytes = hexBytes(hex);
    for (let at = 0; at < bytes.length; at += this.chunk) {
      const part = Uint8Array.from(bytes.slice(at, at + this.chunk));
      const got = this.core.receive(new Chunk(part.buffer), 0, this.now, this);
      if (got < 0) return void this.log.push(`ERROR ${this.core.errorName(got)}`);
      if (got < part.length) this.log.push('WAITS');
      this.settle();
    }
  }

  /** @param {Words} words */
  connect(words) {
    const topic = words.value('will_topic');
    return this.core.connect(
      {
        version: words.number('version', 5),
        clean: words.number('clean', 1) !== 0,
        keepAlive: words.number('keep_alive', 0),
        timeout: words.number('timeout', 0),
        clientId: words.text('client_id') ?? '',
        username: words.text('username'),
        password: words.bytes('password'),
        properties: words.bytes('props'),
        receiveMaximum: words.number('receive_max', 0),
        will:
          topic === undefined
            ? undefined
            : {
                topic,
                payload: words.bytes('will_payload') ?? NOTHING,
                qos: words.number('will_qos', 0),
                retain: words.number('will_retain', 0) !== 0,
                properties: words.bytes('will_props'),
              },
      },
      this.now,
    );
  }

  /**
   * @param {Words} words
   * @param {boolean} restored
   */
  publish(words, restored) {
    const host = words.value('host');
    const flags =
      words.number('qos', 0) |
      (words.number('retain', 0) ? c.WQ_WASM_RETAIN : 0) |
      (words.number('resend', words.number('qos', 0) < 2 ? 1 : 2) === 1 ? c.WQ_WASM_RESEND : 0) |
      (host === undefined ? 0 : c.WQ_WASM_HOST_PAYLOAD);
    const payload = host === undefined ? (words.bytes('payload') ?? NOTHING) : new Uint8Array(Number(host));
    // QoS 3 has no bits of its own at the boundary
    if (words.number('qos', 0) > c.WQ_WASM_QOS) throw new Error('QoS out of range');
    const args = /** @type {const} */ ([words.text('topic') ?? '', words.bytes('props'), payload]);
    const token = restored
      ? this.core.restore(
          ...args,
          flags | (words.number('released', 0) ? c.WQ_WASM_RELEASED : 0),
          words.number('packet', 0),
          this.now,
        )
      : this.core.publish(...args, flags, this.now);
    if (token > 0) this.hosted[this.tokens.length] = payload.length;
    return token;
  }

  /** @param {Words} words */
  subscribe(words) {
    const filters = words.filters().map((f) => ({
      filter: f.value('filter') ?? '',
      qos: f.number('qos', 0),
      noLocal: f.number('no_local', 0) !== 0,
      retainAsPublished: f.number('retain_as_published', 0) !== 0,
      retainHandling: f.number('retain_handling', 0),
    }));
    return this.core.subscribe(filters, words.bytes('props'), this.now);
  }

  /** @param {Words} words */
  unsubscribe(words) {
    const filters = words.filters().map((f) => f.value('filter') ?? '');
    return this.core.unsubscribe(filters, words.bytes('props'), this.now);
  }

  /**
   * @param {Words} words
   * @param {number[]} list
   */
  referred(words, list) {
    return list[Number(words.words[0].slice(1)) - 1];
  }

  /**
   * Do a command; returns what C returned.
   * @param {Line} line
   */
  act({ name, words: list }) {
    const words = new Words(list);
    const reason = words.number('reason', 0);
    switch (name) {
      case 'connect':
        return this.connect(words);
      case 'publish':
        return this.publish(words, false);
      case 'restore':
        return this.publish(words, true);
      case 'restore_received':
        return this.core.restoreReceived(words.number('packet', 0));
      case 'subscribe':
        return this.subscribe(words);
      case 'unsubscribe':
        return this.unsubscribe(words);
      case 'ack':
        return this.core.ack(this.referred(words, this.acks), reason, words.bytes('props'), this.now);
      case 'remove':
        return this.core.remove(this.referred(words, this.tokens));
      case 'disconnect':
        return this.core.disconnect(reason, words.bytes('props'), this.now);
      case 'auth':
        return this.core.auth(reason, words.bytes('props'), this.now);
      case 'accept':
        return this.core.accept(this.now);
      case 'ping':
        return this.core.ping(words.number('timeout', 0), this.now);
      case 'alive':
        this.core.alive(this.now);
        return 0;
      case 'hold':
      case 'go_on':
        this.core.hold(name === 'hold');
        return 0;
      case 'lost':
        return this.core.lost(this.now, this);
      case 'tick':
        this.now += words.number('ms', 0);
        return this.core.tick(this.now, this);
      default:
        throw new Error(`no such command: ${name}`);
    }
  }

  /** @param {Line} line */
  command(line) {
    const got = this.act(line);
    const gives = line.name === 'publish' || line.name === 'restore' || line.name.endsWith('subscribe');
    if (gives && got > 0) this.tokens.push(got);
    this.onBatch();
    this.settle();
    const is = got < 0 ? this.core.errorName(got) : gives && got === 0 ? 'sent' : 'ok';
    assert.equal(is, line.expect ?? 'ok', line.name);
  }

  /** @param {Line} line */
  step(line) {
    const { name, rest } = line;
    if (name === 'log') {
      const wanted = rest.replace(/ id=\d+/, '');
      assert.equal(this.log.shift(), wanted);
    } else if (name === 'out') {
      assert.equal(Buffer.concat(this.out).toString('hex'), Buffer.from(hexBytes(rest)).toString('hex'), 'output');
      this.out = [];
    } else if (name === 'deadline') {
      const at = this.core.deadline;
      assert.equal(at === Infinity ? 'never' : String(at - this.now), rest, 'deadline');
    } else if (name === 'status') {
      assert.equal(STATUS[this.core.status], rest);
    } else if (name !== 'config') {
      assert.deepEqual(this.log, [], 'nothing more in the log');
      if (name === 'in') this.in(rest);
      else this.command(line);
    }
  }
}

/**
 * Lines that JavaScript cannot say: bytes that are no text, a QoS without bits.
 * @param {Line} line
 */
const crosses = ({ name, words }) =>
  new Words(words).isText(['topic', 'client_id', 'username']) && !(name === 'publish' && words.includes('qos=3'));

/**
 * @param {Line[]} lines
 * @param {number} chunk
 */
async function replay(lines, chunk) {
  const config = Object.fromEntries([['topics_max', 16]]);
  for (const line of lines.filter(({ name }) => name === 'config')) {
    for (const word of line.words) config[word.split('=')[0]] = Number(word.split('=')[1]);
  }
  const run = new Run(await Core.start(module, config), chunk);
  for (const line of lines.filter(crosses)) {
    try {
      run.step(line);
    } catch (error) {
      throw new Error(`line ${line.number}, chunks of ${chunk}: ${error}`, { cause: error });
    }
  }
  assert.deepEqual(run.log, [], 'nothing more in the log');
  assert.deepEqual(run.out, [], 'nothing more was sent');
}

for (const name of readdirSync(folder).sort()) {
  for (const { title, lines } of readScripts(new URL(name, folder))) {
    test(`${name.replace('.txt', '')}: ${title}`, async () => {
      const longest = Math.max(1, ...lines.filter((l) => l.name === 'in').map((l) => hexBytes(l.rest).length));
      for (let chunk = 1; chunk < longest; chunk += chunk < 256 ? 1 : Math.floor(chunk / 3)) await replay(lines, chunk);
      await replay(lines, longest);
    });
  }
}
