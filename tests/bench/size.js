// What a page has to load, and how soon it can send.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { costRow } from './rows.js';

const ROUNDS = 15;
const gzipped = (/** @type {string[]} */ ...paths) =>
  paths
    .map((path) => gzipSync(readFileSync(new URL(`../../${path}`, import.meta.url)), { level: 9 }).length)
    .reduce((sum, length) => sum + length, 0) / 1000;

/**
 * @param {import('./stage.js').Stage} stage
 * @param {(name: string) => boolean} wanted
 * @param {(row: import('./rows.js').Row) => void} done
 */
export async function measure(stage, wanted, done) {
  const size = 'size, gzip -9';
  if (stage.engine === 'chromium' && wanted(size)) done(sizes(size));
  const name = 'start, import to first byte sent';
  if (!wanted(name)) return;
  /** @type {Record<string, number[]>} */
  const times = { wasmqtt: [], 'MQTT.js': [] };
  for (let round = 0; round < ROUNDS; round++) {
    const clients = Object.keys(times);
    for (const client of round % 2 === 0 ? clients : clients.reverse()) {
      times[client].push(await stage.once('start.js', 'start', client));
    }
  }
  const row = { kind: 'size', engine: stage.engine, name, unit: 'ms' };
  done(costRow(row, { times, failed: {} }, [{ against: 'MQTT.js', bound: 'least', limit: 1 }]));
}

/**
 * @param {string} name
 * @returns {import('./rows.js').Row}
 */
function sizes(name) {
  const client = gzipped('dist/wasmqtt.js', 'dist/wasmqtt.wasm');
  const providers = gzipped('dist/providers.js', 'dist/providers.wasm');
  const checks = [{ goal: { against: '', bound: /** @type {const} */ ('most'), limit: 40 }, measured: client }];
  return {
    kind: 'size',
    engine: '',
    name,
    unit: 'kB',
    values: { wasmqtt: client, 'MQTT.js': gzipped('node_modules/mqtt/dist/mqtt.esm.js') },
    checks,
    notes: [
      `of it ${gzipped('dist/wasmqtt.wasm').toFixed(1)} wasm; providers and SmartREST apart: ${providers.toFixed(1)}`,
    ],
  };
}
