// SmartREST written another way than in C: by regular expressions over the whole text, one character a byte (latin1).

/** In quotes: \" and "" are a quote, and a backslash before anything else is itself. */
const QUOTED = String.raw`"(?:[^"\\]|""|\\"|\\(?!"))*"(?!")`;
const PLAIN = String.raw`[^",\n]*`;
/** As much of a row as is well-formed. */
const ROW = new RegExp(`(?:(?:${QUOTED}|${PLAIN}),)*(?:${QUOTED}\\r?|${PLAIN})`, 'y');
const FIELD = new RegExp(`(${QUOTED}|${PLAIN})(,|\\r?$)`, 'y');

/** @typedef {string[] | [number, number, number]} Result fields, or an error's number, line and column */

/**
 * @param {string} text
 * @returns {Result[]} rows and errors
 */
export function read(text) {
  /** @type {Result[]} */
  const results = [];
  for (let from = 0, line = 1; from < text.length;) {
    ROW.lastIndex = from;
    const [row] = /** @type {RegExpExecArray} */ (ROW.exec(text));
    let end = from + row.length;
    if (end === text.length || text[end] === '\n') {
      if (row.replace(/\r$/, '') !== '') results.push(fields(row.replace(/\r$/, '')));
      line += row.split('\n').length;
      from = end + 1;
      continue;
    }
    const before = text.slice(from, end);
    const unclosed = text[end] === '"' && /(^|,)$/.test(before);
    results.push([
      unclosed ? -252 : -251,
      line + before.split('\n').length - 1,
      before.length - before.lastIndexOf('\n'),
    ]);
    end = text.indexOf('\n', from);
    from = end < 0 ? text.length : end + 1;
    line++;
  }
  return results;
}

/** @param {string} row */
function fields(row) {
  const found = [];
  for (FIELD.lastIndex = 0; ;) {
    const [, field, end] = /** @type {RegExpExecArray} */ (FIELD.exec(row));
    found.push(field.startsWith('"') ? field.slice(1, -1).replace(/""|\\"/g, '"') : field);
    if (end !== ',') return found;
  }
}

/**
 * @param {string[]} row
 * @param {boolean} doubled
 */
export function write(row, doubled) {
  return row
    .map((field) =>
      /[",\n\r\t]|^[\0- ]|[\0- ]$/.test(field) ? `"${field.replaceAll('"', doubled ? '""' : '\\"')}"` : field,
    )
    .join(',');
}
