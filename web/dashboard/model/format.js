/** Numbers, ages, sizes and clocks as people read them. */

/** Units that a metric's name alone makes certain enough to show. */
const UNITS = new Map([
  ['temperature', '°C'],
  ['temp', '°C'],
  ['humidity', '%'],
  ['battery', '%'],
  ['pressure', 'hPa'],
  ['rssi', 'dBm'],
  ['voltage', 'V'],
  ['current', 'A'],
  ['power', 'W'],
  ['uptime', 's'],
  ['co2', 'ppm'],
  ['vibration', 'mm/s'],
]);

/**
 * @param {string} metric
 * @returns {string} the unit, or '' when the name does not say
 */
export function unitOf(metric) {
  return UNITS.get(metric.toLowerCase()) ?? '';
}

/**
 * @param {number} value
 * @returns {string} one decimal from 10 on, two below (four below 0.1), none from 10 000 on; thousands grouped by thin spaces; a true minus
 */
export function number(value) {
  if (!Number.isFinite(value)) return '–';
  if (value < 0) return `\u2212${number(-value)}`;
  if (value >= 1e9 || (value > 0 && value < 1e-3)) return value.toExponential(2);
  if (Number.isInteger(value) || value >= 10_000) return count(Math.round(value));
  const [whole, decimals] = value.toFixed(value >= 10 ? 1 : value >= 0.1 ? 2 : 4).split('.');
  return `${count(Number(whole))}.${decimals}`;
}

/**
 * @param {number} value
 * @returns {number} how many decimals tell it, at most two
 */
export function decimals(value) {
  if (Number.isInteger(value)) return 0;
  return Number.isInteger(value * 10) || value.toFixed(2).endsWith('0') ? 1 : 2;
}

/**
 * One of a metric's values, with as many decimals as they all have.
 * @param {number} value
 * @param {{ decimals: number }} metric
 * @returns {string}
 */
export function reading(value, metric) {
  const size = Math.abs(value);
  if (!(size < 10_000) || (size > 0 && size < 0.01)) return number(value);
  const [whole = '', rest] = size.toFixed(metric.decimals).split('.');
  return `${value < 0 ? '\u2212' : ''}${count(Number(whole))}${rest === undefined ? '' : `.${rest}`}`;
}

/**
 * @param {number} value a whole number
 * @returns {string} 12 345 (thin no-break spaces)
 */
export function count(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/**
 * @param {number} ms
 * @returns {string} "now", "12 s", "3 min", "2 h", "4 d"
 */
export function age(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/**
 * @param {number} ms
 * @returns {string} "380 ms", "1.2 s", then as age()
 */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return age(ms);
}

/**
 * @param {number} bytes
 * @returns {string} "64 B", "1.5 KiB", "3.2 MiB"
 */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/**
 * @param {number} perSecond
 * @returns {string}
 */
export function rate(perSecond) {
  return perSecond < 10 && !Number.isInteger(perSecond) ? perSecond.toFixed(1) : count(Math.round(perSecond));
}

/**
 * @param {number} unixMs
 * @param {boolean} [millis] show milliseconds too
 * @returns {string} local time of day, "14:03:27" or "14:03:27.114"
 */
export function clock(unixMs, millis = false) {
  const date = new Date(unixMs);
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return millis ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time;
}
