// Memory and the core's use of it: views are never stale, whatever grows when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import mqttPacket from 'mqtt-packet';
import { WQ_CONNECTED, WQ_E_ARG, WQ_WASM_SCRATCH_SIZE } from '../../build/gen/wasmqtt_layout.js';
import { Chunk } from '../../wasm/chunk.js';
import { compile, Core } from '../../wasm/core.js';
import { Memory } from '../../wasm/memory.js';

const module = await compile(new URL('../../dist/wasmqtt.wasm', import.meta.url));

/** @param {any[]} packets */
function encode(...packets) {
  return new Uint8Array(Buffer.concat(packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: 4 }))));
}

/** @param {string} topic @param {string | Buffer} payload */
function publish(topic, payload) {
  return { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false };
}

/** @param {Uint8Array} bytes */
function chunkOf(bytes) {
  return new Chunk(Uint8Array.from(bytes).buffer);
}

/** @param {(topic: string, payload: Uint8Array) => void} onPublish */
function sinkOf(onPublish) {
  return {
    stopped: false,
    /** @type {import('../../wasm/core.js').Sink['onPublish']} */
    onPublish: (_id, topic, { bytes }, off, length) => onPublish(topic, bytes.subarray(off, off + length)),
    onTopic() {},
    onSettled() {},
    onEvent() {},
    onBatch() {},
  };
}

/** @param {import('../../wasm/core.js').CoreConfig} config */
async function connected(config) {
  const core = await Core.start(module, config);
  const args = { version: 4, clean: true, keepAlive: 0, timeout: 1000, clientId: 'x' };
  assert.equal(core.connect(args, 1), 0);
  core.outputSent(core.outputLength);
  assert.equal(
    core.receive(
      chunkOf(encode({ cmd: 'connack', returnCode: 0, sessionPresent: false })),
      0,
      1,
      sinkOf(() => {}),
    ),
    4,
  );
  assert.equal(core.status, WQ_CONNECTED);
  return core;
}

test('blocks are aligned, apart, and all the views are renewed when the memory grows', () => {
  const raw = new WebAssembly.Memory({ initial: 1 });
  let renewed = 0;
  const memory = new Memory(raw, 100, () => renewed++);
  assert.equal(renewed, 1);
  const first = memory.allocate(10);
  const old = [memory.u8, memory.u16, memory.u32, memory.view];
  const second = memory.allocate(200_000);
  assert.equal(renewed, 2);
  assert.equal(first % 16, 0);
  assert.equal(second % 16, 0);
  assert(first >= 100 && second >= first + 10);
  assert(memory.u8.length >= second + 200_000);
  for (const view of [memory.u8, memory.u16, memory.u32, memory.view]) {
    assert.equal(view.buffer, raw.buffer);
    assert(!old.includes(/** @type {any} */ (view)));
  }
  memory.allocate(1);
  assert.equal(renewed, 2, 'only then');
});

test('text of C strings', () => {
  const memory = new Memory(new WebAssembly.Memory({ initial: 1 }), 0, () => {});
  memory.u8.set(new TextEncoder().encode('größe\0rest'), 40);
  assert.equal(memory.string(40), 'größe');
});

test('topics that need more memory while a batch is read', async () => {
  const core = await connected({});
  /** @type {string[]} */
  const got = [];
  const sink = sinkOf((topic, payload) => got.push(`${topic}=${Buffer.from(payload)}`));
  const expected = [];
  for (let n = 0; n < 20; n++) {
    const topics = Array.from({ length: 500 }, (_, i) => `some/longer/name/of/a/topic/${n}/${i}`);
    expected.push(...topics.map((topic) => `${topic}=${topic.length}`));
    const bytes = encode(...topics.map((topic) => publish(topic, String(topic.length))));
    assert.equal(core.receive(chunkOf(bytes), 0, 1, sink), bytes.length);
  }
  assert.deepEqual(got, expected);
});

test('a growing memory in every callback', async () => {
  const core = await connected({ queue_max: 100_000 });
  /** @type {string[]} */
  const got = [];
  const text = 'y'.repeat(5000);
  const sink = sinkOf((topic, payload) => {
    for (let i = 0; i < 20; i++) assert(core.publish(`out/${i}`, undefined, text, 1, 1) > 0);
    got.push(`${topic}=${Buffer.from(payload)}`);
  });
  const bytes = encode(...Array.from({ length: 100 }, (_, i) => publish(`in/${i}`, `${i}`)));
  for (const cut of [1, 50, bytes.length - 1]) {
    got.length = 0;
    core.receive(chunkOf(bytes.subarray(0, cut)), 0, 1, sink);
    core.receive(chunkOf(bytes.subarray(cut)), 0, 1, sink);
    assert.deepEqual(
      got,
      Array.from({ length: 100 }, (_, i) => `in/${i}=${i}`),
    );
  }
});

test('what was published with memory that grew in between is what is sent', async () => {
  const core = await connected({ inflight_max: 1000 });
  const payloads = Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(1000, 'x'));
  for (const payload of payloads) assert(core.publish('same/topic', undefined, payload, 1, 1) > 0);
  /** @type {string[]} */
  const sent = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', (/** @type {any} */ { topic, payload }) => sent.push(`${topic} ${payload}`));
  while (core.outputLength > 0) {
    parser.parse(Buffer.from(core.output()));
    core.outputSent(core.outputLength);
    core.tick(
      2,
      sinkOf(() => {}),
    );
  }
  assert.deepEqual(
    sent,
    payloads.map((payload) => `same/topic ${payload}`),
  );
});

test('text arrives as it is, of any length and alphabet', async () => {
  const core = await connected({});
  const texts = [
    '',
    ...Array.from({ length: 70 }, (_, n) => ['a', 'é', '\u{1F600}'].map((last) => 'x'.repeat(n) + last)),
  ];
  /** @type {string[]} */
  const sent = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', (/** @type {any} */ { topic, payload }) => sent.push(`${topic} ${payload}`));
  const expected = [];
  for (const text of texts.flat()) {
    const topic = text || 't';
    assert.equal(core.publish(topic, undefined, text, 0, 1), 0);
    expected.push(`${topic} ${text}`);
    parser.parse(Buffer.from(core.output()));
    core.outputSent(core.outputLength);
  }
  assert.deepEqual(sent, expected);
});

test('text that does not fit behind what else there is is refused', async () => {
  const core = await connected({});
  const properties = new Uint8Array(WQ_WASM_SCRATCH_SIZE - 50);
  assert.equal(core.publish('a', properties, 'x'.repeat(51), 0, 1), WQ_E_ARG); // whose topic stands elsewhere
  assert.equal(core.publish('é', properties, 'x'.repeat(49), 0, 1), WQ_E_ARG);
});

test('events of a message over 64 KiB point to the right place of it', async () => {
  const core = await connected({});
  let n = 0;
  const bytes = encode(
    ...Array.from({ length: 3000 }, (_, i) => publish(`t/${i % 7}`, `payload ${i}`.padEnd(60, '.'))),
  );
  assert(bytes.length > 3 * 65536);
  const sink = sinkOf((topic, payload) => {
    assert.equal(topic, `t/${n % 7}`);
    assert.equal(Buffer.from(payload).toString(), `payload ${n}`.padEnd(60, '.'));
    n++;
  });
  assert.equal(core.receive(chunkOf(bytes), 0, 1, sink), bytes.length);
  assert.equal(n, 3000);
});

test('input while events are told is refused', async () => {
  const core = await connected({});
  const bytes = encode(publish('a', ''));
  let told = 0;
  const sink = sinkOf(() => {
    told++;
    assert.throws(() => core.receive(chunkOf(bytes), 0, 1, sink), /while events are being told/);
  });
  core.receive(chunkOf(bytes), 0, 1, sink);
  assert.equal(told, 1);
});

test('the password does not stay in the memory after CONNECT', async () => {
  let memory = /** @type {WebAssembly.Memory | null} */ (null);
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = async (/** @type {any} */ source, /** @type {any} */ imports) => {
    const instance = /** @type {any} */ (await instantiate(source, imports));
    memory = instance.exports.memory;
    return instance;
  };
  const core = await Core.start(module, {});
  WebAssembly.instantiate = instantiate;
  const password = new TextEncoder().encode('a password to look for');
  core.connect({ version: 5, clean: true, keepAlive: 0, timeout: 1, clientId: 'x', username: 'u', password }, 1);
  const found = () => Buffer.from(/** @type {WebAssembly.Memory} */ (memory).buffer).indexOf(password);
  const at = found();
  const output = core.output();
  assert(at >= output.byteOffset && at < output.byteOffset + output.length, 'it is in the output');
  output.fill(0);
  assert.equal(found(), -1, 'and nowhere else');
});
