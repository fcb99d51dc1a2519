// Runs test suites one after the other and sums up: `node tests/tools/run.js [SUITE...]`, called by `make test`, which
// builds what they need. Shows the output of what failed; the last line is `N passed, N failed`, with `, N skipped` if any
// were. A suite that holds no test, or that ends otherwise than by counting its tests, counts as failed.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, findProgram, removeFolder, temporaryFolder } from './process.js';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

/** Longest that one program, or all of a suite's Node tests, may run, in milliseconds: for what hangs, not for what is slow. */
const WATCHDOG = 900_000;

/**
 * @typedef {{ passed: number, failed: number, skipped: number, output: string }} Result
 * @typedef {() => Promise<Result>} Step
 */

/**
 * Run a program to its end.
 * @param {string} program
 * @param {string[]} args
 */
async function run(program, args) {
  let output = '';
  const path = findProgram(program) ?? program;
  // A make that we run is none of the make that runs us.
  const env = { MAKEFLAGS: undefined, MFLAGS: undefined, MAKELEVEL: undefined };
  const child = new Child(path, args, { env, onOutput: (text) => (output += text) });
  const timer = setTimeout(() => {
    output += `\n${program} was stopped: it ran for ${WATCHDOG / 60_000} minutes\n`;
    void child.stop('SIGKILL');
  }, WATCHDOG);
  const { code, signal } = await child.exited;
  clearTimeout(timer);
  if (code !== 0) output += `\n${program} ended with ${signal ?? `exit code ${code}`}\n`;
  return { code, output };
}

/**
 * A C program that counts its own tests.
 * @param {string} program
 * @returns {Step}
 */
const native = (program) => async () => {
  const { code, output } = await run(program, []);
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? [undefined, '0', '0'];
  const trouble = (code !== 0 && Number(failed) === 0) || Number(passed) + Number(failed) === 0;
  return { passed: Number(passed), failed: Number(failed) + Number(trouble), skipped: 0, output };
};

/**
 * All *.test.js files of a folder.
 * @param {string} folder
 * @param {number} concurrency files at once
 * @returns {Step}
 */
const node = (folder, concurrency) => async () => {
  const files = list(folder, /\.test\.js$/);
  if (files.length === 0) return { passed: 0, failed: 1, skipped: 0, output: `${folder} has no *.test.js\n` };
  const temporary = temporaryFolder('run');
  const counts = join(temporary, 'counts.json');
  const reporters = ['spec', 'stdout', './tests/tools/counts.js', counts].map((value, i) =>
    i % 2 ? `--test-reporter-destination=${value}` : `--test-reporter=${value}`,
  );
  const { code, output } = await run(process.execPath, [
    '--test',
    `--test-concurrency=${concurrency}`,
    ...reporters,
    ...files,
  ]);
  try {
    const { passed, failed, skipped, empty } = JSON.parse(readFileSync(counts, 'utf8'));
    const trouble = (code !== 0 && failed === 0) || passed + failed === 0;
    const note = empty.map((/** @type {string} */ file) => `${file} holds no test\n`).join('');
    return { passed, failed: failed + Number(trouble), skipped, output: output + note };
  } catch {
    return { passed: 0, failed: 1, skipped: 0, output: `${output}\nthe tests were not counted\n` };
  } finally {
    removeFolder(temporary);
  }
};

/**
 * A program whose success counts as one test.
 * @param {string} program
 * @param {string[]} args
 * @returns {Step}
 */
const succeeds = (program, args) => async () => {
  const { code, output } = await run(program, args);
  return { passed: Number(code === 0), failed: Number(code !== 0), skipped: 0, output };
};

/**
 * @param {string} folder
 * @param {RegExp} pattern
 */
function list(folder, pattern) {
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

// A fixed number of inputs from a fixed seed: the same ones each time. `make fuzz` looks for new ones.
const FUZZ = ['-runs=50000', '-seed=1', '-verbosity=0'];

const fuzzPrograms = list('tests/fuzz', /_fuzz\.c$/).map((file) =>
  file.replace(/^tests\/fuzz\/(.*)\.c$/, 'build/fuzz/$1'),
);
const unitPrograms = list('tests/unit', /_test\.c$/).map((file) =>
  file.replace(/^tests\/unit\/(.*)\.c$/, 'build/test/$1'),
);

/** @type {Record<string, Step[]>} */
const suites = {
  lint: [succeeds('make', ['--no-print-directory', 'lint'])],
  tools: [node('tests/tools', 2)],
  unit: unitPrograms.map(native),
  vectors: [native('build/test/vectors'), node('tests/vectors', 1)],
  fuzz: fuzzPrograms.map((program) => succeeds(program, FUZZ)),
  wasm: [node('tests/wasm', 2)],
  client: [node('tests/client', 2)],
  provider: [node('tests/provider', 2)],
  clouds: [node('tests/clouds', 2)],
  interop: [node('tests/interop', 2)],
  dashboard: [node('tests/dashboard', 2)],
  net: [node('tests/net', 1)],
  browser: [node('tests/browser', 2)],
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(suites);
const unknown = chosen.filter((name) => !(name in suites));
if (unknown.length > 0) {
  console.error(`no such suite: ${unknown.join(', ')}; there are ${Object.keys(suites).join(', ')}`);
  process.exit(2);
}

const sum = { passed: 0, failed: 0, skipped: 0 };
for (const name of chosen) {
  const from = performance.now();
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const step of suites[name]) {
    const result = await step();
    total.passed += result.passed;
    total.failed += result.failed;
    total.skipped += result.skipped;
    if (result.failed > 0) console.log(result.output.trimEnd());
  }
  if (suites[name].length === 0) {
    total.failed = 1;
    console.log(`the suite ${name} holds no test`);
  }
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  const columns = [`${total.passed} passed`, `${total.failed} failed`, `${total.skipped} skipped`, `${seconds} s`];
  console.log(name.padEnd(10) + columns.map((text) => text.padStart(14)).join(''));
  sum.passed += total.passed;
  sum.failed += total.failed;
  sum.skipped += total.skipped;
}
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped ? `, ${sum.skipped} skipped` : ''}`);
process.exitCode = sum.failed > 0 ? 1 : 0;
