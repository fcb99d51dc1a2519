/**
 * Turns bytes and strings of unknown origin into text that is safe to show: bounded, without control characters and
 * without the direction overrides that could make one text look like another.
 */

// C0, DEL and C1 but for tab and line feed; then the bidirectional controls.
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const strict = new TextDecoder('utf-8', { fatal: true });

/**
 * @param {string} text
 * @param {number} [max] the most UTF-16 units kept; a cut is shown by an ellipsis
 * @returns {string}
 */
export function shown(text, max = 1000) {
  const clean = text.replace(UNSAFE, '\ufffd');
  return clean.length > max ? `${clean.slice(0, max - 1)}…` : clean;
}

/**
 * The same on one line, for table cells.
 * @param {string} text
 * @param {number} [max]
 * @returns {string}
 */
export function oneLine(text, max = 200) {
  return shown(text.slice(0, max + 1).replace(/[\t\n]+/g, ' '), max);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string | null} the text, or null when the bytes are not UTF-8 or hold a NUL (so: binary)
 */
export function asText(bytes) {
  if (bytes.includes(0)) return null;
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * A one-line look at a payload, without decoding more of it than is shown.
 * @param {Uint8Array} bytes
 * @param {number} [max]
 * @returns {string}
 */
export function preview(bytes, max = 200) {
  const head = bytes.subarray(0, max * 4);
  // A cut through a character must not make text look binary: lend the decoder up to three bytes less.
  for (let cut = 0; cut < 4; cut++) {
    const text = asText(head.subarray(0, head.length - (head.length < bytes.length ? cut : 0)));
    if (text !== null) return oneLine(text, max);
    if (head.length === bytes.length) break;
  }
  return hex(bytes.subarray(0, 32)) + (bytes.length > 32 ? ' …' : '');
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} "0a ff 00"
 */
export function hex(bytes) {
  let out = '';
  for (let i = 0; i < bytes.length; i++) out += (i === 0 ? '' : ' ') + (bytes[i] ?? 0).toString(16).padStart(2, '0');
  return out;
}

/**
 * A hex dump: offset, sixteen bytes, their ASCII.
 * @param {Uint8Array} bytes
 * @param {number} [max] the most bytes dumped
 * @returns {string}
 */
export function hexDump(bytes, max = 4096) {
  const lines = [];
  for (let at = 0; at < bytes.length && at < max; at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, max, bytes.length));
    const ascii = Array.from(row, (b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex(row).padEnd(47)}  ${ascii}`);
  }
  return lines.join('\n');
}
