// The stage for browser tests: Mosquitto, a fleet of simulated devices, and Caddy serving dist/dashboard/ under the strict
// Content-Security-Policy with /mqtt passed on to the broker, as in a real deployment. And ways to wait for what a page
// shows.
import { fileURLToPath } from 'node:url';
import { servedPolicy } from '../../web/csp.js';
import { startCaddy } from '../tools/caddy.js';
import { startMosquitto } from '../tools/mosquitto.js';
import { Child } from '../tools/process.js';

const path = (/** @type {string} */ name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** The page as one file. */
export const ONE_FILE = path('dist/dashboard.html');

/** How long a state is waited for before the test gives up, ms. */
const PATIENCE = 60_000;

export class Stage {
  /** @param {import('../tools/mosquitto.js').Mosquitto} mosquitto @param {import('../tools/caddy.js').Caddy} caddy */
  constructor(mosquitto, caddy) {
    this.mosquitto = mosquitto;
    this.caddy = caddy;
    /** @type {Child[]} */
    this.children = [];
  }

  /** @param {{ demo?: boolean, mosquitto?: import('../tools/mosquitto.js').MosquittoOptions }} [options] demo: the page connects by itself */
  static async start({ demo = true, mosquitto: options } = {}) {
    const mosquitto = await startMosquitto(options);
    const caddy = await startCaddy({
      root: path('dist/dashboard'),
      brokerPort: mosquitto.wsPort,
      policy: servedPolicy,
      texts: demo ? { '/demo.json': JSON.stringify({ url: '/mqtt' }) } : {},
    });
    return new Stage(mosquitto, caddy);
  }

  /**
   * Starts devices in a process of their own.
   * @param {string[]} args of build/native/fleet
   */
  fleet(...args) {
    const child = new Child(path('build/native/fleet'), ['--url', this.mosquitto.url, ...args]);
    this.children.push(child);
    return child;
  }

  async stop() {
    for (const child of this.children) await child.stop();
    await this.caddy.stop();
    await this.mosquitto.stop();
  }
}

/**
 * Waits until a function, run in the page again and again, returns something truthy.
 * @template {any[]} Args
 * @template Result
 * @param {import('puppeteer-core').Page} page
 * @param {string} what is waited for, in words
 * @param {(...args: Args) => Result} look
 * @param {Args} args
 * @returns {Promise<Result>}
 */
export async function until(page, what, look, ...args) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const result = await page.evaluate(/** @type {(...args: unknown[]) => Result} */ (look), ...args);
    if (result) return /** @type {Result} */ (result);
    if (Date.now() > end) {
      const text = await page.evaluate(() => document.body.innerText.slice(0, 2000));
      throw new Error(`The page did not come to show: ${what}. It shows:\n${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Waits until the summary counts exactly so many devices as being so.
 * @param {import('puppeteer-core').Page} page
 * @param {'alarm' | 'offline' | 'stale' | 'unknown' | 'online'} condition
 * @param {number} many
 */
export function untilCount(page, condition, many) {
  return until(
    page,
    `${many} devices ${condition}`,
    (key, wanted) => document.querySelector(`.count[data-condition=${key}] .figure`)?.textContent?.trim() === wanted,
    condition,
    String(many),
  );
}

/**
 * Waits until fifty more messages have come in.
 * @param {import('puppeteer-core').Page} page
 */
export async function untilMore(page) {
  const total = (/** @type {number} */ over) => {
    const shown = Number(document.querySelectorAll('.rates b')[1]?.textContent?.replace(/\D/g, ''));
    return shown > over ? shown : 0;
  };
  const before = await until(page, 'messages', total, 0);
  await until(page, 'more messages', total, before + 50);
}

/**
 * Waits until the top bar shows this phase.
 * @param {import('puppeteer-core').Page} page
 * @param {'connected' | 'reconnecting'} phase
 */
export function untilPhase(page, phase) {
  return until(page, phase, (wanted) => document.querySelector(`.phase[data-phase=${wanted}]`) !== null, phase);
}

/**
 * Types into fields of the connect form, by id, and submits it.
 * @param {import('puppeteer-core').Page} page
 * @param {Record<string, string>} values
 */
export async function connectBy(page, values) {
  await until(page, 'the connect form', () => document.querySelector('form.connect #url') !== null);
  for (const [id, value] of Object.entries(values)) {
    await page.evaluate((field) => {
      const input = /** @type {HTMLInputElement} */ (document.getElementById(field));
      input.focus();
      input.select();
    }, id);
    if (value === '') await page.keyboard.press('Backspace');
    else await page.keyboard.type(value);
  }
  await page.keyboard.press('Enter');
}
