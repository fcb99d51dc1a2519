// What grows with topics, subscriptions, messages and payloads.
import { FULL, compare } from './cost.js';
import { startLoad } from './load.js';
import { median, notesOf, ratio } from './rows.js';

/** @typedef {import('./rows.js').Goal} Goal */
/** @typedef {import('./rows.js').Row} Row */

const INBOUND = /** @type {const} */ ({ direction: 'in', qos: 0, size: 64, perFrame: 32 });
const CLIENTS = ['walk', 'wasmqtt'];
const MIB = 1 << 20;
const LARGE = 32 * MIB;

/**
 * @param {import('./stage.js').Stage} stage
 * @param {(name: string) => boolean} wanted
 * @param {(row: Row) => void} done
 */
export async function measure(stage, wanted, done) {
  const { engine } = stage;
  /** @type {[string, (row: Pick<Row, 'kind' | 'engine' | 'name' | 'notes'>) => Promise<Row>][]} */
  const all = [
    ['10 to 100 000 topics, 32 a frame', (row) => topics(stage, row)],
    ['1 to 10 000 subscriptions, 32 a frame', (row) => subscriptions(stage, row)],
    ['growth over 10 million messages', (row) => growth(stage, row)],
    ['10 000 QoS 1 waiting, each', (row) => queue(stage, row)],
    ['32 MiB there and back', (row) => large(stage, row)],
  ];
  for (const [name, measureIt] of all) {
    const full = `scale, ${name}`;
    if (wanted(full)) done(await measureIt({ kind: 'scale', engine, name: full, notes: [] }));
  }
}

/**
 * How many times a message costs more with 100 000 topics, without what the walk over them costs more (more memory is looked at).
 * @param {import('./stage.js').Stage} stage
 * @param {Pick<Row, 'kind' | 'engine' | 'name' | 'notes'>} row
 * @returns {Promise<Row>}
 */
async function topics(stage, row) {
  const cases = [10, 100_000].map((topics) => ({ label: `${topics} `, what: { ...INBOUND, topics } }));
  const { times, failed } = await compare(stage, cases, 5, { ...FULL, part: 60, warmUp: 400 }, CLIENTS);
  /** @type {Goal} */
  const goal = { against: '10 topics', bound: 'most', limit: 2 };
  if (Object.keys(failed).length > 0) return incomplete(row, goal, failed);
  const [few, many, walkFew, walkMany] = ['10 wasmqtt', '100000 wasmqtt', '10 walk', '100000 walk'].map(
    (name) => times[name],
  );
  const measured = median(many.map((cost, i) => (cost - (walkMany[i] - walkFew[i])) / few[i]));
  return {
    ...row,
    unit: 'µs a message',
    values: { wasmqtt: median(many), walk: median(walkMany) },
    checks: [{ goal, measured }],
    notes: [`10 topics: ${median(few).toFixed(3)}, walk ${median(walkFew).toFixed(3)}`],
  };
}

/**
 * @param {import('./stage.js').Stage} stage
 * @param {Pick<Row, 'kind' | 'engine' | 'name' | 'notes'>} row
 * @returns {Promise<Row>}
 */
async function subscriptions(stage, row) {
  const cases = [0, 9999].map((subscriptions) => ({ label: `${subscriptions} `, what: { ...INBOUND, subscriptions } }));
  const { times, failed } = await compare(stage, cases, 5, FULL, ['wasmqtt']);
  /** @type {Goal} */
  const goal = { against: '1 subscription', bound: 'most', limit: 1.2 };
  if (Object.keys(failed).length > 0) return incomplete(row, goal, failed);
  const [one, many] = [times['0 wasmqtt'], times['9999 wasmqtt']];
  return {
    ...row,
    unit: 'µs a message',
    values: { wasmqtt: median(many) },
    checks: [{ goal, measured: ratio(many, one) }],
    notes: [`1 subscription: ${median(one).toFixed(3)}`],
  };
}

/**
 * A row of which a part is missing.
 * @param {Pick<Row, 'kind' | 'engine' | 'name' | 'notes'>} row
 * @param {Goal} goal
 * @param {Record<string, string>} failed
 * @returns {Row}
 */
function incomplete(row, goal, failed) {
  return { ...row, unit: 'µs a message', values: {}, checks: [{ goal, measured: undefined }], notes: notesOf(failed) };
}

/**
 * Bytes that a page's JavaScript holds on to, after everything else was collected. Only Chromium tells.
 * @param {import('./stage.js').Scene} scene
 */
async function heapBytes(scene) {
  const session = await scene.page.createCDPSession();
  for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize = 0 } = /** @type {any} */ (await session.send('Runtime.getHeapUsage'));
  await session.detach();
  return usedSize + backingStorageSize;
}

/**
 * @param {import('./stage.js').Stage} stage
 * @param {Pick<Row, 'kind' | 'engine' | 'name' | 'notes'>} row
 * @returns {Promise<Row>}
 */
async function growth(stage, row) {
  const scene = await stage.open('scale.js');
  await scene.call('prepareReceiving');
  await scene.call('receive', 1_000_000);
  const chromium = stage.engine === 'chromium';
  const heap = async () => (chromium ? await heapBytes(scene) : 0);
  const [heapBefore, wasmBefore] = [await heap(), await scene.call('wasmBytes')];
  for (let i = 0; i < 10; i++) await scene.call('receive', 1_000_000);
  const wasm = (await scene.call('wasmBytes')) - wasmBefore;
  const grown = Math.max(0, (await heap()) - heapBefore) + wasm;
  await scene.close();
  return {
    ...row,
    unit: 'KiB',
    values: { wasmqtt: grown / 1024 },
    // What the engine compiled meanwhile is in it.
    checks: [{ goal: { against: '', bound: 'most', limit: 64 }, measured: grown / 1024 }],
    notes: [`wasm ${wasm / 1024}`, chromium ? `heap ${((grown - wasm) / 1024).toFixed(1)}` : 'heap is not told'],
  };
}

/**
 * @param {import('./stage.js').Stage} stage
 * @param {Pick<Row, 'kind' | 'engine' | 'name' | 'notes'>} row
 * @returns {Promise<Row>}
 */
async function queue(stage, row) {
  const scene = await stage.open('scale.js');
  await scene.call('prepareQueue');
  const chromium = stage.engine === 'chromium';
  const heap = async () => (chromium ? await heapBytes(scene) : 0);
  const [heapBefore, wasmBefore] = [await heap(), await scene.call('wasmBytes')];
  const count = 10_000;
  const payload = 64;
  const each = (await scene.call('queue', count)) - payload; // which is kept there
  const reserved = ((await scene.call('wasmBytes')) - wasmBefore) / count;
  const both = ((await heap()) - heapBefore) / count + each;
  await scene.close();
  return {
    ...row,
    unit: 'bytes',
    values: { wasmqtt: chromium ? both : each },
    checks: [
      { goal: { against: '', what: 'JS and wasm', bound: 'most', limit: 1024 }, measured: chromium ? both : undefined },
      { goal: { against: '', what: 'wasm', bound: 'most', limit: 160 }, measured: each },
    ],
    notes: [
      `wasm ${each.toFixed(0)}, beyond ${payload} of payload; with what it has in reserve ${reserved.toFixed(0)}`,
    ],
  };
}

/**
 * @param {import('./stage.js').Stage} stage
 * @param {Pick<Row, 'kind' | 'engine' | 'name' | 'notes'>} row
 * @returns {Promise<Row>}
 */
async function large(stage, row) {
  const load = await startLoad();
  try {
    const scene = await stage.open('scale.js');
    const { before, after, took } = await scene.call('large', load.url, LARGE);
    await scene.close();
    const grown = (after - before) / MIB;
    return {
      ...row,
      unit: 'MiB of wasm',
      values: { wasmqtt: after / MIB },
      checks: [{ goal: { against: '', what: 'growth', bound: 'most', limit: 1 }, measured: grown }],
      notes: [`grown by ${grown.toFixed(2)}; ${took.toFixed(0)} ms`],
    };
  } finally {
    await load.stop();
  }
}
