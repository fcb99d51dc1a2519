/** A service's limits, as the library has them, which a person may know better: services change. */

import { html, nothing } from 'lit';
import { live } from 'lit/directives/live.js';
import { shape } from './shapes.js';
import { effective, LIFTED } from '../model/services.js';

/** @typedef {import('../model/services.js').Limit} Limit */
/** @typedef {import('../model/services.js').Overrides} Overrides */

/** @param {string} rule */
export const limitId = (rule) => `limit-${rule}`;

/** What a server of MQTT 5 says of itself in CONNACK; a client keeps to that whatever the person knows. */
const ANNOUNCED = ['qos', 'retain', 'packet-bytes', 'inflight', 'wildcards', 'subscription-id'];

const THEN = { refuse: 'else refused', adjust: 'else adjusted', warn: 'else a warning' };

/**
 * @param {string} title of the service
 * @param {Limit[]} limits
 * @param {Overrides} overrides
 * @param {object} state
 * @param {(rule: string, text: string | undefined) => void} state.change undefined: as the service has it
 * @param {(rule: string) => string} state.fault
 * @param {boolean} state.five the service speaks MQTT 5
 */
export function serviceLimits(title, limits, overrides, state) {
  const changed = Object.keys(effective(overrides, limits)).length;
  const mark = html`: <span class="changed">${shape('stale', 'tone-warning')} ${changed} changed by you</span>`;
  return html`<details class="limits">
    <summary>Limits${changed > 0 ? mark : nothing}</summary>
    <p class="hint">
      ${
        limits.length > 0
          ? `What ${title} takes, as far as is known here. Services change: change or lift what is no longer so.`
          : `Nothing is known here that ${title} forbids.`
      }
    </p>
    <ul>
      ${limits.map((limit) => row(limit, overrides[limit.rule], state))}
    </ul>
  </details>`;
}

/**
 * @param {Limit} limit
 * @param {string | undefined} text
 * @param {Parameters<typeof serviceLimits>[3]} state
 */
function row({ rule, action, value, clause }, text, { change, fault, five }) {
  const id = limitId(rule);
  const lifted = text === LIFTED;
  const changed = text !== undefined && text.trim() !== String(value);
  const wrong = fault(rule);
  const [before = '', after] = sentence(clause).split('#');
  return html`<li data-rule=${rule} ?data-changed=${changed}>
    <label class=${lifted ? 'lifted' : nothing} for=${lifted || after === undefined ? nothing : id}>
      ${before}${
        after === undefined
          ? nothing
          : lifted
            ? html`<b class="number">${value}</b>${after}`
            : html`<input
                  id=${id}
                  type="number"
                  inputmode="numeric"
                  min="0"
                  aria-describedby="${id}-note"
                  aria-invalid=${wrong !== ''}
                  .value=${live(text ?? String(value))}
                  @input=${(/** @type {Event} */ e) => change(rule, /** @type {HTMLInputElement} */ (e.target).value)}
                />${after}`
      }
    </label>
    <span class="hint" id="${id}-note">
      ${
        changed
          ? html`<span class="changed"
              >${shape('stale', 'tone-warning')} ${lifted ? 'lifted by you' : `${value} by default`}</span
            >`
          : THEN[action]
      }
    </span>
    ${
      changed
        ? html`<button
            type="button"
            class="quiet"
            aria-label="Restore: ${clause}"
            @click=${() => change(rule, undefined)}
          >
            Restore
          </button>`
        : html`<button type="button" class="quiet" aria-label="Lift: ${clause}" @click=${() => change(rule, LIFTED)}>
            Lift
          </button>`
    }
    ${
      changed && five && ANNOUNCED.includes(rule)
        ? html`<p class="hint announced">With MQTT 5, what the server announces holds all the same.</p>`
        : nothing
    }
    ${wrong ? html`<p class="fault" role="alert">${shape('alarm')} ${wrong}</p>` : nothing}
  </li>`;
}

/** @param {string} clause */
function sentence(clause) {
  return clause.slice(0, 1).toUpperCase() + clause.slice(1);
}
