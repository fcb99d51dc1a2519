// `make bench`: speed, measured against other clients and against the least that could be done. See README.md beside this.
//
//   node tests/bench/bench.js [WORD...]     which kinds, engines and rows: all that each word fits
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import * as cost from './cost.js';
import * as dashboard from './dashboard.js';
import * as net from './net.js';
import { line, markdown, met } from './rows.js';
import * as scale from './scale.js';
import * as size from './size.js';
import { openStage } from './stage.js';

const KINDS = { cost, net, dashboard, scale, size };
const ENGINES = /** @type {const} */ (['chromium', 'firefox']);
const OUTPUT = new URL('../../build/bench.md', import.meta.url);

const words = process.argv.slice(2).map((word) => word.toLowerCase());
const among = (/** @type {readonly string[]} */ names) => {
  const chosen = names.filter((name) => words.includes(name));
  return chosen.length > 0 ? chosen : names;
};
const kinds = among(Object.keys(KINDS));
const engines = among(ENGINES);
const rest = words.filter((word) => !(word in KINDS) && !ENGINES.some((name) => name === word));
const wanted = (/** @type {string} */ name) => rest.every((word) => name.toLowerCase().includes(word));

/** @type {import('./rows.js').Row[]} */
const rows = [];
const done = (/** @type {import('./rows.js').Row} */ row) => {
  rows.push(row);
  console.log(line(row));
};

for (const engine of ENGINES.filter((name) => engines.includes(name))) {
  const stage = await openStage(engine);
  try {
    for (const kind of kinds) await KINDS[/** @type {keyof typeof KINDS} */ (kind)].measure(stage, wanted, done);
  } finally {
    await stage.close();
  }
}

const cpu = (/** @type {string} */ what) =>
  new RegExp(`^${what}\\s*: (.*)`, 'm').exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
const machine = `${cpu('vendor_id')} family ${cpu('cpu family')} model ${cpu('model')}, ${cpus().length} cores`;
const heading = `${machine}; ${new Date().toISOString().slice(0, 10)}`;
await mkdir(new URL('.', OUTPUT), { recursive: true });
await writeFile(OUTPUT, markdown(rows, heading));
const checks = rows.flatMap((row) => row.checks).map(met);
const count = (/** @type {boolean | undefined} */ what) => checks.filter((one) => one === what).length;
console.log(`${heading}: ${count(true)} goals met, ${count(false)} missed; ${fileURLToPath(OUTPUT)}`);
