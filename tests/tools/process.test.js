// That what the runners start is ended with them, however they end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { alive } from './proc.js';
import { findProgram, removeFolder, start } from './process.js';

/** @param {number[]} pids */
async function untilGone(pids) {
  while (pids.some(alive)) await new Promise((resolve) => setTimeout(resolve, 10));
}

/**
 * Start a Node program that makes a temporary folder and starts `command`, which has to print process ids.
 * @param {string} command for sh
 * @param {string} [then] what the program does when the ids are there
 */
async function startParent(command, then = '') {
  const script = `
    import { start, temporaryFolder } from ${JSON.stringify(new URL('process.js', import.meta.url))};
    const folder = temporaryFolder('test');
    start('sh', ['-c', ${JSON.stringify(command)}], { onOutput: (pids) => {
      process.stdout.write(JSON.stringify({ folder, pids: pids.trim().split(' ').map(Number) }), () => { ${then} });
    } });`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = await once(parent.stdout, 'data');
  return { parent, .../** @type {{ folder: string, pids: number[] }} */ (JSON.parse(String(line))) };
}

const FAMILY = 'sleep 1000 & echo $$ $!; wait';

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  test(`${signal} ends the program, its children and theirs, and removes the folder`, async () => {
    const { parent, pids, folder } = await startParent(FAMILY);
    assert.equal(pids.filter(alive).length, 2);
    parent.kill(signal);
    const [code] = await once(parent, 'exit');
    assert.ok(code > 128, `exit code ${code}`);
    await untilGone(pids);
    assert.equal(existsSync(folder), false);
  });
}

for (const [what, then] of [
  ['an exit', 'process.exit(0)'],
  ['an uncaught error', 'throw new Error()'],
]) {
  test(`${what} does likewise`, async () => {
    const { parent, pids, folder } = await startParent(FAMILY, then);
    if (parent.exitCode === null) await once(parent, 'exit');
    await untilGone(pids);
    assert.equal(existsSync(folder), false);
  });
}

test('a kill ends the children', { skip: !findProgram('setpriv') && 'needs setpriv of Linux' }, async () => {
  const { parent, pids, folder } = await startParent('echo $$; exec sleep 1000');
  assert.equal(pids.filter(alive).length, 1);
  parent.kill('SIGKILL');
  await untilGone(pids);
  removeFolder(folder); // that needs a process which lives
});

test('a program that ignores SIGTERM is killed', async () => {
  const child = start('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done']);
  await child.until(() => child.output.includes('ready'));
  assert.deepEqual(await child.stop(), { code: null, signal: 'SIGKILL' });
});

test('a program that ends too early is an error with its output', async () => {
  const child = start('sh', ['-c', 'echo what went wrong >&2; exit 3'], { name: 'the-server' });
  await assert.rejects(
    child.until(() => false, { what: 'listen' }),
    /^Error: the-server ended before it could listen:\nwhat went wrong/,
  );
  assert.deepEqual(await child.exited, { code: 3, signal: null });
});

test('a program that is not installed is an error that says what to do', () => {
  assert.throws(() => start('no-such-program', []), /no-such-program is not installed: run `make setup`/);
});
