// `make bench-native`: what the core alone costs, natively, and how many instructions a message takes. Nanoseconds are of
// this machine and this moment; instructions, counted by valgrind if it is installed, are the same every time.
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../tools/process.js';

const bench = fileURLToPath(new URL('../../build/native/bench', import.meta.url));
const valgrind = findProgram('valgrind');
const BATCHES = 1000;
const PER_BATCH = 32;

const lines = execFileSync(bench, { encoding: 'utf8' }).trimEnd().split('\n');

/** All instructions of a run. @param {number} index of the case @param {number} batches */
function instructions(index, batches) {
  const args = ['--tool=callgrind', '--callgrind-out-file=/dev/null', bench, String(index), String(batches)];
  const { stderr } = spawnSync(/** @type {string} */ (valgrind), args, { encoding: 'utf8' });
  const [, count] = /Collected : (\d+)/.exec(stderr) ?? [];
  if (count === undefined) throw new Error(`valgrind counted nothing:\n${stderr}`);
  return Number(count);
}

for (const [index, line] of lines.entries()) {
  const count =
    valgrind === undefined
      ? undefined
      : (instructions(index, BATCHES) - instructions(index, 0)) / (BATCHES * PER_BATCH);
  console.log(count === undefined ? line : `${line} ${count.toFixed(0).padStart(6)} instructions`);
}
if (!valgrind) console.log('(instructions are counted where valgrind is installed)');
