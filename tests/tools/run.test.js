// That the runner's sum cannot hide a failure: an empty test file, a crash and a failed test all count.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { removeFolder, temporaryFolder } from './process.js';

const tools = fileURLToPath(new URL('.', import.meta.url));

/**
 * Run test files under the reporter that counts.
 * @param {Record<string, string>} files name -> text
 */
function count(files) {
  const folder = temporaryFolder('counts');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const paths = Object.entries(files).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
  const counts = join(folder, 'counts.json');
  const env = { ...process.env };
  delete env.NODE_TEST_CONTEXT; // else the inner runner reports to the outer one
  const args = ['--test', `--test-reporter=${tools}counts.js`, `--test-reporter-destination=${counts}`, ...paths];
  spawnSync(process.execPath, args, { env, stdio: 'ignore' });
  const { passed, failed, skipped, empty } = JSON.parse(readFileSync(counts, 'utf8'));
  removeFolder(folder);
  return { passed, failed, skipped, empty: empty.length };
}

const GOOD = "import { test } from 'node:test'; test('good', () => {}); test('too', () => {});";

test('passed, failed and skipped tests are counted', () => {
  const mixed = `${GOOD} test('bad', () => { throw new Error(); }); test.skip('not now', () => {});`;
  assert.deepEqual(count({ 'mixed.test.js': mixed }), {
    passed: 2,
    failed: 1,
    skipped: 1,
    empty: 0,
  });
});

test('a file without a test counts as failed', () => {
  assert.deepEqual(count({ 'good.test.js': GOOD, 'empty.test.js': 'export {};' }), {
    passed: 2,
    failed: 1,
    skipped: 0,
    empty: 1,
  });
});

test('a file that crashes counts as failed', () => {
  const { failed } = count({ 'crash.test.js': `${GOOD} setImmediate(() => process.exit(7));` });
  assert.equal(failed, 1);
});

test('a suite that nobody knows is refused', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(tools, 'run.js'), 'units'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /no such suite: units; there are lint, /);
});
