// Debian's Chromium, Firefox and WebKitGTK, unseen, each with a new profile; what a page writes to its console, and what goes
// wrong in it, is kept for the test to look at.
import puppeteer from 'puppeteer-core';
import { alive, commandLine, descendants } from './proc.js';
import { adopt, findProgram, removeFolder, temporaryFolder } from './process.js';
import { launchWebKit } from './webkit.js';

/** @typedef {'chromium' | 'firefox'} PuppetEngine */
/** @typedef {PuppetEngine | 'webkit'} Engine */

/** Every engine that browser tests run in. @type {readonly Engine[]} */
export const ENGINES = ['chromium', 'firefox', 'webkit'];
/**
 * Those of which tests can hide a tab or kill the processes. A tab of WebKitGTK stays visible behind another, and a session
 * of its driver ends with the process of a page, and takes what was stored with it. @type {readonly PuppetEngine[]}
 */
export const PUPPET_ENGINES = ['chromium', 'firefox'];

const PROGRAMS = { chromium: 'chromium', firefox: 'firefox-esr' };

const CHROMIUM_ARGS = [
  '--no-sandbox', // root has no other way; the pages are our own
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * @typedef {object} Tab
 * @property {import('puppeteer-core').Page} page
 * @property {string[]} console what the page wrote, one line each: "warn: text"
 * @property {string[]} errors uncaught errors, unhandled rejections and, in Firefox, what the CSP stopped; console.error too
 */

/** A running Chromium or Firefox. */
export class Browser {
  #browser;
  #profile;
  /** @readonly */ engine;

  /**
   * @param {PuppetEngine} engine
   * @param {import('puppeteer-core').Browser} browser
   * @param {string} profile
   */
  constructor(engine, browser, profile) {
    this.engine = engine;
    this.#browser = browser;
    this.#profile = profile;
  }

  /** @returns {Promise<Tab>} a new tab, at about:blank */
  async newTab() {
    const page = await this.#browser.newPage();
    /** @type {Tab} */
    const tab = { page, console: [], errors: [] };
    page.on('console', (message) => {
      tab.console.push(`${message.type()}: ${message.text()}`);
      if (message.type() === 'error') tab.errors.push(message.text());
    });
    page.on('pageerror', (error) => tab.errors.push(error instanceof Error ? error.message : String(error)));
    return tab;
  }

  /** The ids of the processes that run pages. */
  pagePids() {
    return descendants(/** @type {number} */ (this.#browser.process()?.pid)).filter((pid) => {
      const line = commandLine(pid);
      return this.engine === 'firefox' ? /[ \0]tab\0*$/.test(line) : line.includes('--type=renderer');
    });
  }

  /**
   * Kill the processes that run pages, as a crash would. What was asked of a page then may never be answered.
   * @param {import('puppeteer-core').Page} page one of them
   * @returns {Promise<import('puppeteer-core').Page>} a tab to go on in
   */
  async killPages(page) {
    const pids = this.pagePids();
    const crashed = new Promise((resolve) => page.once('error', resolve));
    for (const pid of pids.filter(alive)) process.kill(pid, 'SIGKILL');
    if (this.engine === 'chromium') {
      await crashed;
      return page;
    }
    // Firefox does not tell. It takes the tab to a notice of the crash, and is of use again when that is there.
    for (;;) {
      const next = await Promise.race([this.newTab(), new Promise((resolve) => setTimeout(resolve, 2000))]);
      if (next) return next.page;
    }
  }

  async close() {
    await this.#browser.close();
    removeFolder(this.#profile);
  }
}

/**
 * @template {Engine} E
 * @param {E} engine
 * @param {{ acceptInsecureCerts?: boolean, args?: string[], prefs?: Record<string, unknown>, networkEnabled?: boolean }} [options]
 *   args: further ones for Chromium; prefs: preferences for Firefox; networkEnabled: false: Chromium does not tell the driver
 *   of what goes over the network, which costs every WebSocket message as much as the browser's own work for it
 * @returns {Promise<E extends PuppetEngine ? Browser : Pick<Browser, 'engine' | 'newTab' | 'close'>>}
 */
export async function launchBrowser(engine, options = {}) {
  return /** @type {any} */ (engine === 'webkit' ? launchWebKit(options) : launchPuppet(engine, options));
}

/**
 * @param {PuppetEngine} engine
 * @param {{ acceptInsecureCerts?: boolean, args?: string[], prefs?: Record<string, unknown>, networkEnabled?: boolean }} options
 */
async function launchPuppet(engine, { acceptInsecureCerts = false, args = [], prefs = {}, networkEnabled = true }) {
  const executablePath = findProgram(PROGRAMS[engine]);
  if (!executablePath) throw new Error(`${PROGRAMS[engine]} is not installed: run \`make setup\``);
  const profile = temporaryFolder(engine);
  const browser = await puppeteer.launch({
    browser: engine === 'firefox' ? 'firefox' : 'chrome',
    executablePath,
    headless: true,
    userDataDir: profile,
    acceptInsecureCerts,
    networkEnabled,
    args: engine === 'chromium' ? [...CHROMIUM_ARGS, ...args] : [],
    extraPrefsFirefox: engine === 'firefox' ? prefs : undefined,
    env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' },
    handleSIGINT: false, // process.js ends it
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  const child = browser.process();
  if (child) adopt(child);
  return new Browser(engine, browser, profile);
}
