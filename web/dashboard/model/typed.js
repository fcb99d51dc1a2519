/** What a person types: JSON, or text; an object; rows of names and values. */

import { isObject } from './json.js';

/**
 * @param {unknown} error that JSON.parse threw
 * @returns {string} for the person who typed it
 */
export function faultOfJson(error) {
  return `Not JSON: ${error instanceof Error ? error.message : String(error)}`;
}

/**
 * JSON where it is some, or else the text itself.
 * @param {string} text
 * @returns {{ value: unknown, fault: string }} value undefined: nothing was typed
 */
export function readTyped(text) {
  const trimmed = text.trim();
  if (trimmed === '') return { value: undefined, fault: '' };
  try {
    return { value: JSON.parse(trimmed), fault: '' };
  } catch (error) {
    // Who begins with a bracket means JSON.
    return /^[[{]/.test(trimmed) ? { value: undefined, fault: faultOfJson(error) } : { value: text, fault: '' };
  }
}

/**
 * @param {string} text
 * @returns {{ value: Record<string, unknown>, fault: string }}
 */
export function readObject(text) {
  try {
    const value = JSON.parse(text);
    return isObject(value) ? { value, fault: '' } : { value: {}, fault: 'An object is wanted: {"name": value}' };
  } catch (error) {
    return { value: {}, fault: faultOfJson(error) };
  }
}

/** @typedef {{ name: string, value: string }} Row */

/**
 * Rows without a name and a value are passed over. Numbers, true and false are taken as such; a value in quotes is text.
 * @param {Row[]} rows
 * @returns {{ values: Record<string, unknown>, fault: string, at: number }} at: the row at fault, else -1
 */
export function readRows(rows) {
  /** @type {[string, unknown][]} */
  const entries = [];
  const fault = (/** @type {number} */ at, /** @type {string} */ text) => ({ values: {}, fault: text, at });
  for (const [i, row] of rows.entries()) {
    const name = row.name.trim();
    const value = row.value.trim();
    if (name === '' && value === '') continue;
    if (name === '') return fault(i, 'This value needs a name.');
    if (entries.some(([other]) => other === name)) return fault(i, `There is another ${name}.`);
    if (value === '') return fault(i, `What is the value of ${name}?`);
    entries.push([name, scalarOf(value)]);
  }
  if (entries.length === 0) return fault(0, 'At least one name with its value, please.');
  return { values: Object.fromEntries(entries), fault: '', at: -1 };
}

/** @param {string} text */
function scalarOf(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' ? text : value;
  } catch {
    return text;
  }
}
