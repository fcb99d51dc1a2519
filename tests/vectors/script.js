// The text of a conversation vector (README.md), line by line: what script.c does for the native runner.
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';

/** Commands whose rest is bytes or a line of the log, not words. */
const RAW = new Set(['in', 'out', 'log']);

/**
 * @typedef {object} Line
 * @property {number} number
 * @property {string} name
 * @property {string} rest after the name
 * @property {string[]} words after the name, without what is expected
 * @property {string} [expect]
 */

/**
 * @param {URL} file
 * @returns {{ title: string, lines: Line[] }[]}
 */
export function readScripts(file) {
  /** @type {{ title: string, lines: Line[] }[]} */
  const scripts = [];
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((text, i) => {
      if (text.startsWith('## ')) scripts.push({ title: text.slice(3), lines: [] });
      else if (/^ +[^# ]/.test(text)) scripts[scripts.length - 1].lines.push(readLine(text.trim(), i + 1));
    });
  return scripts;
}

/**
 * @param {string} text
 * @param {number} number
 * @returns {Line}
 */
function readLine(text, number) {
  const [name] = text.split(' ', 1);
  const rest = text.slice(name.length + 1);
  if (RAW.has(name)) return { number, name, rest, words: [] };
  const [command, expect] = rest.split('=> ');
  return { number, name, rest, words: command.split(' ').filter(Boolean), expect };
}

/**
 * The bytes that text writes down.
 * @param {string} text
 */
export function hexBytes(text) {
  const plain = text.replace(/\((..)\*(\d+)\)/g, (_, pair, times) => pair.repeat(Number(times))).replace(/ /g, '');
  if (!/^([0-9a-f]{2})*$/i.test(plain)) throw new Error(`not hex: ${text}`);
  return new Uint8Array(Buffer.from(plain, 'hex'));
}

/** The key=value words of a line, or of a part of them. */
export class Words {
  /** @param {string[]} words */
  constructor(words) {
    this.words = words;
  }
  /** @param {string} key */
  value(key) {
    return this.words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  }
  /**
   * @param {string} key
   * @param {number} fallback
   */
  number(key, fallback) {
    const value = this.value(key);
    return value === undefined ? fallback : Number(value);
  }
  /** @param {string} key */
  bytes(key) {
    const hex = this.value(`${key}_hex`);
    const text = this.value(key);
    if (text !== undefined) return new TextEncoder().encode(text);
    return hex === undefined ? undefined : hexBytes(hex);
  }
  /** @param {string} key */
  text(key) {
    const bytes = this.bytes(key);
    return bytes && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  }
  /** Are all of them strings, as far as they are there? @param {string[]} keys */
  isText(keys) {
    return keys.every((key) => isUtf8(this.bytes(key) ?? new Uint8Array()));
  }
  /** The words of each filter: it and the options after it. */
  filters() {
    /** @type {Words[]} */
    const found = [];
    for (const word of this.words) {
      if (word.startsWith('filter=')) found.push(new Words([]));
      found.at(-1)?.words.push(word);
    }
    return found;
  }
}
