/**
 * Shapes that stand for a state, so that colour never stands alone. They are decoration: the word is always beside them.
 */

import { html, svg } from 'lit';

/** @type {Record<string, import('lit').TemplateResult>} */
const PATHS = {
  online: svg`<circle cx="6" cy="6" r="4.5" fill="currentColor" />`,
  offline: svg`<path d="M2 2l8 8M10 2l-8 8" stroke="currentColor" stroke-width="2" />`,
  stale: svg`<circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.5" /><path d="M6 2a4 4 0 010 8z" fill="currentColor" />`,
  unknown: svg`<circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2 2.2" />`,
  alarm: svg`<path d="M6 .8L11.6 11H.4z" fill="currentColor" />`,
  info: svg`<path d="M6 1l5 5-5 5-5-5z" fill="none" stroke="currentColor" stroke-width="1.5" />`,
  pending: svg`<circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.5" />`,
  done: svg`<path d="M1.5 6.5l3 3 6-7" fill="none" stroke="currentColor" stroke-width="2" />`,
};

/**
 * @param {string} name a key of PATHS
 * @param {string} [tone] class that colours it; default: tone-{name}
 */
export function shape(name, tone = `tone-${name}`) {
  return html`<svg class="shape ${tone}" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
    ${PATHS[name]}
  </svg>`;
}

/** @type {Record<import('../model/device.js').Severity, string>} */
const SEVERITY_TONES = { critical: 'tone-alarm', major: 'tone-alarm', minor: 'tone-warning', info: 'tone-info' };

/** @param {import('../model/device.js').Severity} severity */
export function severityShape(severity) {
  return shape(severity === 'info' ? 'info' : 'alarm', SEVERITY_TONES[severity]);
}
