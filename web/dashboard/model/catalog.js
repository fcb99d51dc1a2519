/**
 * The commands that the page offers with a form of their own. Any other is sent by name with a JSON payload.
 */

import { faultOfJson } from './typed.js';

/**
 * @typedef {object} Field
 * @property {string} key member of the payload
 * @property {string} label
 * @property {'number' | 'choice'} type
 * @property {string} initial
 * @property {string} [unit]
 * @property {number} [min]
 * @property {number} [max]
 * @property {{ value: string | boolean, label: string }[]} [options] of a choice
 */

/**
 * @typedef {object} Offer
 * @property {string} name last level of the command topic
 * @property {string} label
 * @property {string} help
 * @property {Field[]} fields
 */

/** @type {Offer[]} */
export const OFFERS = [
  { name: 'reboot', label: 'Reboot', help: 'Restarts the device. It is offline for a moment.', fields: [] },
  {
    name: 'set-interval',
    label: 'Set interval',
    help: 'How often the device sends telemetry.',
    fields: [{ key: 'ms', label: 'Every', type: 'number', initial: '1000', unit: 'ms', min: 100, max: 3_600_000 }],
  },
  {
    name: 'led',
    label: 'LED',
    help: 'Switches the light that helps to find the device.',
    fields: [
      {
        key: 'on',
        label: 'Light',
        type: 'choice',
        initial: 'true',
        options: [
          { value: true, label: 'On' },
          { value: false, label: 'Off' },
        ],
      },
    ],
  },
  { name: 'self-test', label: 'Self-test', help: 'Takes some seconds.', fields: [] },
  { name: 'calibrate', label: 'Calibrate', help: 'Sets the sensors against the reference sensor.', fields: [] },
];

/** @typedef {{ payload: string, faults: Record<string, string> }} Built faults by field; the payload counts without any */

/**
 * @param {Offer} offer
 * @param {Record<string, string>} values what was typed, by field
 * @returns {Built}
 */
export function buildOffer(offer, values) {
  /** @type {Record<string, unknown>} */
  const payload = {};
  /** @type {Record<string, string>} */
  const faults = {};
  for (const field of offer.fields) {
    const typed = (values[field.key] ?? field.initial).trim();
    if (field.type === 'choice') {
      payload[field.key] = field.options?.find(({ value }) => String(value) === typed)?.value;
      continue;
    }
    const value = Number(typed);
    const { min = -Infinity, max = Infinity } = field;
    if (typed === '' || !Number.isFinite(value)) faults[field.key] = 'A number, please.';
    else if (value < min || value > max) faults[field.key] = `Between ${min} and ${max}.`;
    else payload[field.key] = value;
  }
  return { payload: JSON.stringify(payload), faults };
}

/**
 * @param {string} name
 * @param {string} text JSON, or nothing
 * @returns {Built}
 */
export function buildFree(name, text) {
  /** @type {Record<string, string>} */
  const faults = {};
  if (name.trim() === '') faults['name'] = 'The command needs a name.';
  else if (/[+#\0]/.test(name)) faults['name'] = 'A name cannot hold + or #.';
  let payload = '';
  if (text.trim() !== '') {
    try {
      payload = JSON.stringify(JSON.parse(text));
    } catch (error) {
      faults['payload'] = faultOfJson(error);
    }
  }
  return { payload, faults };
}
