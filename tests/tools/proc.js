// What the kernel says of other processes (Linux), for tests that look whether something was left behind.
import { readFileSync, readdirSync } from 'node:fs';

/**
 * The process's parent, or undefined if there is no such process. One that has ended but was not waited for (a zombie) does
 * not count.
 * @param {number} pid
 */
function parentOf(pid) {
  try {
    // The name in parentheses may hold anything, so look behind its end.
    const [, state, parent] = /.*\) (\w) (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state === 'Z' ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

/**
 * How long a process's first thread has run on a processor, and how long it could have run and waited for one, in
 * microseconds.
 * @param {number} pid
 */
export function threadTimes(pid) {
  try {
    const [ran, waited] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
    return { ran: Number(ran) / 1000, waited: Number(waited) / 1000 };
  } catch {
    return { ran: 0, waited: 0 }; // there is none any more
  }
}

/** @param {number} pid */
export const alive = (pid) => parentOf(pid) !== undefined;

/**
 * How the process was called; nothing if there is none any more.
 * @param {number} pid
 */
export function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * The processes that a process started, and those that they started, and so on.
 * @param {number} root
 * @returns {number[]} their ids
 */
export function descendants(root) {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(Number(name)) }));
  /** @type {(above: number) => number[]} */
  const below = (above) => parents.filter(({ parent }) => parent === above).flatMap(({ pid }) => [pid, ...below(pid)]);
  return below(root);
}
