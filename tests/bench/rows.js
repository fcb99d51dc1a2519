// What a measurement comes to: rows with a value for each client, ratios between them, and the goals beside those.

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

/** Columns of the table. */
export const CLIENTS = ['wasmqtt', 'walk', 'handing walk', 'Paho JS', 'MQTT.js'];

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
  const own = times.wasmqtt;
  const values = Object.fromEntries(Object.entries(times).map(([client, list]) => [client, median(list)]));
  const checks = goals.map((goal) => {
    const compare = (/** @type {Record<string, number[]>} */ all) =>
      goal.bound === 'most' ? ratio(all.wasmqtt, all[goal.against]) : ratio(all[goal.against], all.wasmqtt);
    if (!own || !times[goal.against]) return { goal, measured: undefined };
    return { goal, measured: compare(times), byWork: work && compare(work) };
  });
  return { ...row, values, checks, notes: Object.entries(failed).map(([client, why]) => `${client}: ${why}`) };
}

/**
 * A row of messages a second, from microseconds a message: more is better. Goals are how many times as many wasmqtt manages.
 * @param {Pick<Row, 'kind' | 'engine' | 'name' | 'unit'>} row
 * @param {Measured} measured
 * @param {readonly Goal[]} goals
 * @returns {Row}
 */
export function rateRow(row, { times, failed }, goals) {
  const values = Object.fromEntries(Object.entries(times).map(([client, list]) => [client, 1e6 / median(list)]));
  const checks = goals.map((goal) => {
    const other = times[goal.against];
    return { goal, measured: times.wasmqtt && other && ratio(other, times.wasmqtt) };
  });
  return { ...row, values, checks, notes: Object.entries(failed).map(([client, why]) => `${client}: ${why}`) };
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
  const { goal, measured, byWork } = check;
  const sign = goal.bound === 'most' ? '≤' : '≥';
  if (goal.against === '') {
    const name = [goal.what, sign, number(goal.limit), unit].filter(Boolean).join(' ');
    return `${name}: ${measured === undefined ? 'none' : met(check) ? 'met' : 'MISSED'}`;
  }
  const wanted = `${goal.against} ${sign} ${goal.limit}×`;
  if (measured === undefined) return `${wanted}: none`;
  // A client that waits for timers of its own takes longer than it works.
  const work = byWork !== undefined && Math.abs(byWork - measured) > measured / 10 ? ` (work ${number(byWork)}×)` : '';
  return `${wanted}: ${number(measured)}×${work} ${met(check) ? 'met' : 'MISSED'}`;
}

/** @param {Row} row */
function cells(row) {
  return [
    [row.engine, row.name].filter((text) => text !== '').join(', '),
    row.unit,
    ...CLIENTS.map((client) => (row.values[client] === undefined ? '' : number(row.values[client]))),
    row.checks.map((check) => checkText(check, row.unit)).join('; '),
    row.notes.join('; '),
  ];
}

const HEADINGS = ['row', 'unit', ...CLIENTS, 'goals', 'notes'];

/** For a terminal, a line as soon as there is one. @param {Row} row */
export function line(row) {
  const [name, unit, ...rest] = cells(row);
  const values = CLIENTS.map((client, i) => (rest[i] === '' ? '' : `${client} ${rest[i]}`)).filter(
    (text) => text !== '',
  );
  const others = Object.entries(row.values)
    .filter(([client]) => !CLIENTS.includes(client))
    .map(([client, value]) => `(${client} ${number(value)})`);
  const [goals, notes] = rest.slice(CLIENTS.length);
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
  const rule = HEADINGS.map((_, i) => (i >= 2 && i < 2 + CLIENTS.length ? '---:' : '---'));
  return [heading, '', text(HEADINGS), text(rule), ...rows.map((row) => text(cells(row))), ''].join('\n');
}
