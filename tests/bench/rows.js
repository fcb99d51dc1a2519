// What a measurement comes to: rows with a value for each client, ratios between them, and the goals beside those.
import { CLIENTS } from './page/clients.js';

/**
 * @typedef {object} Goal
 * @property {string} against another client of the row; '': the value itself
 * @property {string} [what] is bounded, if not the value
 * @property {'most' | 'least'} bound
 * @property {number} limit times; with no `against`, in the row's unit
 */

/**
 * @typedef {object} Check a goal, and what was measured
 * @property {Goal} goal
 * @property {number | undefined} measured undefined: nothing to compare with
 * @property {number} [byWork] the same of processor time alone
 * @property {{ client: string, measured: number | undefined }[]} [beside] what walks reach by it: the bare one where a real
 *   client is to be beaten; beside the bare one that which gives a function each payload, as a client has to; and that in wasm
 */

/**
 * @typedef {object} Row
 * @property {string} kind
 * @property {string} engine '': none
 * @property {string} name
 * @property {string} unit
 * @property {Record<string, number>} values by client
 * @property {Check[]} checks
 * @property {string[]} notes
 */

/**
 * @typedef {object} Measured
 * @property {Record<string, number[]>} times by client: what a message costs, one number a round
 * @property {Record<string, number[]>} [work] of that, the processor time
 * @property {Record<string, string>} failed by client: why it has none
 */

/** Columns of the table; what an event takes is told beside. */
const COLUMNS = CLIENTS.map(({ name }) => name).filter((name) => name !== 'event');
const REAL = CLIENTS.filter(({ real }) => real).map(({ name }) => name);

/** @param {readonly number[]} list */
export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * How many times more one client takes than another: the median of what each round says, since what disturbs one part of a
 * round often disturbs the next.
 * @param {readonly number[]} more
 * @param {readonly number[]} less
 */
export function ratio(more, less) {
  return median(more.map((value, round) => value / less[round]));
}

/**
 * A row of what costs: less is better. "At most" goals are how many times more wasmqtt takes than the other, "at least" goals
 * how many times more the other takes.
 * @param {Pick<Row, 'kind' | 'engine' | 'name' | 'unit'>} row
 * @param {Measured} measured
 * @param {readonly Goal[]} goals
 * @returns {Row}
 */
export function costRow(row, { times, work, failed }, goals) {
  const values = Object.fromEntries(Object.entries(times).map(([client, list]) => [client, median(list)]));
  const checks = goals.map((goal) => {
    const check = checked(goal, times);
    if (work && check.measured !== undefined) check.byWork = reached(goal, work, 'wasmqtt');
    return check;
  });
  return { ...row, values, checks, notes: notesOf(failed) };
}

/**
 * A row of messages a second, from microseconds a message: more is better. "At least" goals are how many times as many wasmqtt
 * manages.
 * @param {Pick<Row, 'kind' | 'engine' | 'name' | 'unit'>} row
 * @param {Measured} measured
 * @param {readonly Goal[]} goals
 * @returns {Row}
 */
export function rateRow(row, { times, failed }, goals) {
  const values = Object.fromEntries(Object.entries(times).map(([client, list]) => [client, 1e6 / median(list)]));
  return { ...row, values, checks: goals.map((goal) => checked(goal, times)), notes: notesOf(failed) };
}

/**
 * @param {Goal} goal
 * @param {Measured['times']} times
 * @returns {Check}
 */
function checked(goal, times) {
  const walks = REAL.includes(goal.against) ? ['walk', 'wasm walk'] : ['handing walk', 'wasm walk'];
  const beside = walks
    .filter((client) => client !== goal.against)
    .map((client) => ({ client, measured: reached(goal, times, client) }));
  return { goal, measured: reached(goal, times, 'wasmqtt'), beside };
}

/**
 * What a client reaches by the measure of a goal.
 * @param {Goal} goal
 * @param {Measured['times']} times
 * @param {string} client
 */
function reached({ against, bound }, times, client) {
  const [own, other] = [times[client], times[against]];
  if (!own || !other) return undefined;
  return bound === 'most' ? ratio(own, other) : ratio(other, own);
}

/** @param {Measured['failed']} failed */
export function notesOf(failed) {
  return Object.entries(failed).map(([client, why]) => `${client}: ${why}`);
}

/** @param {Check} check */
export function met({ goal, measured }) {
  if (measured === undefined) return undefined;
  return goal.bound === 'most' ? measured <= goal.limit : measured >= goal.limit;
}

/** @param {number} value */
export function number(value) {
  if (value >= 1000) return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
  if (value === 0) return '0';
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** @param {Check} check @param {string} unit */
function checkText(check, unit) {
  const { goal, measured, byWork, beside } = check;
  const sign = goal.bound === 'most' ? '≤' : '≥';
  if (goal.against === '') {
    const name = [goal.what, sign, number(goal.limit), unit].filter(Boolean).join(' ');
    return `${name}: ${measured === undefined ? 'none' : met(check) ? 'met' : 'MISSED'}`;
  }
  const wanted = `${goal.against} ${sign} ${goal.limit}×`;
  if (measured === undefined) return `${wanted}: none`;
  const missed = met(check) === false;
  const remarks = [];
  // A client that waits for timers of its own takes longer than it works.
  if (byWork !== undefined && Math.abs(byWork - measured) > measured / 10) remarks.push(`work ${number(byWork)}×`);
  for (const { client, measured: theirs } of beside ?? []) {
    if (missed && theirs !== undefined) remarks.push(`${client} ${number(theirs)}×`);
  }
  const more = remarks.length > 0 ? ` (${remarks.join(', ')})` : '';
  return `${wanted}: ${number(measured)}×${more} ${missed ? 'MISSED' : 'met'}`;
}

/** @param {Row} row */
function cells(row) {
  return [
    [row.engine, row.name].filter((text) => text !== '').join(', '),
    row.unit,
    ...COLUMNS.map((client) => (row.values[client] === undefined ? '' : number(row.values[client]))),
    row.checks.map((check) => checkText(check, row.unit)).join('; '),
    row.notes.join('; '),
  ];
}

const HEADINGS = ['row', 'unit', ...COLUMNS, 'goals', 'notes'];

/** For a terminal, a line as soon as there is one. @param {Row} row */
export function line(row) {
  const [name, unit, ...rest] = cells(row);
  const values = COLUMNS.map((client, i) => (rest[i] === '' ? '' : `${client} ${rest[i]}`)).filter(
    (text) => text !== '',
  );
  const others = Object.entries(row.values)
    .filter(([client]) => !COLUMNS.includes(client))
    .map(([client, value]) => `(${client} ${number(value)})`);
  const [goals, notes] = rest.slice(COLUMNS.length);
  const lines = [`${name}  [${unit}]`, `    ${[...values, ...others].join('  ')}`];
  if (goals) lines.push(`    ${goals}`);
  if (notes) lines.push(`    ${notes}`);
  return lines.join('\n');
}

/**
 * The table as Markdown.
 * @param {readonly Row[]} rows
 * @param {string} heading what was measured where and when
 */
export function markdown(rows, heading) {
  const text = (/** @type {string[]} */ list) => `| ${list.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = HEADINGS.map((_, i) => (i >= 2 && i < 2 + COLUMNS.length ? '---:' : '---'));
  return [heading, '', text(HEADINGS), text(rule), ...rows.map((row) => text(cells(row))), ''].join('\n');
}
