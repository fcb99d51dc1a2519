// Debian's WebKitGTK (MiniBrowser) on a display of its own, through WebKitWebDriver: as much of Puppeteer's Page as our tests
// use, so that they are the same for every engine.
import { freePort } from './ports.js';
import { removeFolder, start, temporaryFolder } from './process.js';

/** What a script in a page may take, ms; the longest fill ten thousand rows. */
const SCRIPT_TIMEOUT = 120_000;
/** As Puppeteer's. */
const WAIT_TIMEOUT = 30_000;
const SCREEN = '1440x1000x24';
/** The name that WebDriver gives to references of elements. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
/** Keys that are not a character, as WebDriver names them. @type {Record<string, string>} */
const KEYS = {
  Backspace: '\ue003',
  Tab: '\ue004',
  Enter: '\ue007',
  Escape: '\ue00c',
  Space: ' ',
  PageUp: '\ue00e',
  PageDown: '\ue00f',
  End: '\ue010',
  Home: '\ue011',
  ArrowLeft: '\ue012',
  ArrowUp: '\ue013',
  ArrowRight: '\ue014',
  ArrowDown: '\ue015',
};

/** One browser's session with its driver: a command at a time, each in the tab that it is for. */
class Session {
  #url;
  #tab = '';
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {string} url of the driver, then of the session */
  constructor(url) {
    this.#url = url;
  }

  /** @param {object} capabilities */
  async begin(capabilities) {
    const { sessionId } = await this.#send('POST', '/session', { capabilities: { alwaysMatch: capabilities } });
    this.#url += `/session/${sessionId}`;
    await this.#send('POST', '/timeouts', { script: SCRIPT_TIMEOUT, pageLoad: WAIT_TIMEOUT });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async #send(method, path, body) {
    const response = await fetch(this.#url + path, { method, body: body && JSON.stringify(body) });
    const { value } = /** @type {any} */ (await response.json());
    if (!response.ok) throw new Error(`WebKitWebDriver: ${value.error}: ${value.message}`);
    return value;
  }

  /**
   * @param {string} tab '': whichever
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  command(tab, method, path, body) {
    const run = async () => {
      if (tab !== '' && tab !== this.#tab) {
        await this.#send('POST', '/window', { handle: tab });
        this.#tab = tab;
      }
      return this.#send(method, path, body);
    };
    const done = this.#last.then(run);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** Notes what goes wrong in a page: the driver does not tell. Runs in the page. */
function watch() {
  const page = /** @type {any} */ (globalThis);
  if (page.webkitErrors) return;
  /** @type {string[]} */
  const errors = (page.webkitErrors = []);
  const { error } = console;
  console.error = (...args) => {
    errors.push(args.join(' '));
    error.apply(console, args);
  };
  addEventListener('error', (event) => errors.push(event.message));
  addEventListener('unhandledrejection', ({ reason }) => errors.push(String(reason?.message ?? reason)));
  addEventListener('securitypolicyviolation', (event) => errors.push(`${event.effectiveDirective} stopped something`));
}

/** A tab, with the methods of Puppeteer's Page that tests call. */
class Page {
  #session;
  #handle;
  #errors;
  #leave;
  keyboard = {
    type: (/** @type {string} */ text) => this.#keys([...text]),
    press: (/** @type {string} */ key) => this.#keys([KEYS[key] ?? key]),
  };

  /**
   * @param {Session} session
   * @param {string} handle
   * @param {string[]} errors where to put the page's
   * @param {() => Promise<boolean>} leave true: the tab stays, empty
   */
  constructor(session, handle, errors, leave) {
    this.#session = session;
    this.#handle = handle;
    this.#errors = errors;
    this.#leave = leave;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  #command(method, path, body) {
    return this.#session.command(this.#handle, method, path, body);
  }

  /** @param {string} url */
  async goto(url) {
    await this.#command('POST', '/url', { url });
    await this.evaluate(watch);
  }

  async reload() {
    await this.#command('POST', '/refresh', {});
    await this.evaluate(watch);
  }

  /**
   * @param {(...args: any[]) => unknown} fn
   * @param {...unknown} args
   */
  async evaluate(fn, ...args) {
    const script = `
      const tell = arguments[arguments.length - 1];
      const args = [...arguments].slice(0, -1);
      const errors = () => globalThis.webkitErrors?.splice(0) ?? [];
      (async () => (${fn})(...args))().then(
        (value) => tell({ value, errors: errors() }),
        (error) => tell({ failed: String(error?.stack ? error + '\\n' + error.stack : error), errors: errors() }),
      );`;
    const { value, failed, errors } = await this.#command('POST', '/execute/async', { script, args });
    this.#errors.push(...errors);
    if (failed !== undefined) throw new Error(failed);
    return value ?? undefined;
  }

  /**
   * @param {(...args: any[]) => unknown} fn
   * @param {{ timeout?: number, polling?: unknown }} [options]
   * @param {...unknown} args
   */
  async waitForFunction(fn, { timeout = WAIT_TIMEOUT } = {}, ...args) {
    const deadline = Date.now() + timeout;
    for (;;) {
      const value = await this.evaluate(fn, ...args);
      if (value) return { jsonValue: async () => value };
      if (Date.now() > deadline) throw new Error(`Waiting failed: ${timeout}ms exceeded`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** @param {string} selector */
  async #element(selector) {
    const element = await this.#command('POST', '/element', { using: 'css selector', value: selector });
    return `/element/${element[ELEMENT]}`;
  }

  /** @param {string} selector @param {string} fn @param {unknown[]} args */
  async #on(selector, fn, args = []) {
    const element = { [ELEMENT]: (await this.#element(selector)).slice('/element/'.length) };
    return this.#command('POST', '/execute/sync', {
      script: `return (${fn})(...arguments);`,
      args: [element, ...args],
    });
  }

  /** @param {string} selector @param {(element: any, ...args: any[]) => unknown} fn @param {...unknown} args */
  $eval(selector, fn, ...args) {
    return this.#on(selector, String(fn), args);
  }

  /** @param {string} selector */
  async click(selector) {
    await this.#command('POST', `${await this.#element(selector)}/click`, {});
  }

  /** @param {string} selector */
  async focus(selector) {
    await this.#on(selector, '(element) => element.focus()');
  }

  /** @param {string} selector @param {string} text */
  async type(selector, text) {
    await this.focus(selector);
    await this.keyboard.type(text);
  }

  /** @param {string} selector @param {string} value */
  async select(selector, value) {
    await this.#on(
      selector,
      `(element, value) => {
        element.value = value;
        for (const name of ['input', 'change']) element.dispatchEvent(new Event(name, { bubbles: true }));
      }`,
      [value],
    );
  }

  /** @param {string[]} keys */
  async #keys(keys) {
    const actions = keys.flatMap((value) => ['keyDown', 'keyUp'].map((type) => ({ type, value })));
    await this.#command('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
  }

  /** @param {{ width: number, height: number }} size */
  async setViewport({ width, height }) {
    await this.#command('POST', '/window/rect', { width, height });
  }

  async close() {
    await this.evaluate(() => {}); // for its errors
    if (!(await this.#leave())) await this.#command('DELETE', '/window');
  }
}

/** A running MiniBrowser; see Browser in browsers.js. */
export class WebKit {
  /** @readonly */ engine = 'webkit';
  #session;
  #stop;
  #first = '';
  #firstFree = true;

  /** @param {Session} session @param {() => Promise<void>} stop */
  constructor(session, stop) {
    this.#session = session;
    this.#stop = stop;
  }

  /** @returns {Promise<import('./browsers.js').Tab>} a new tab, at about:blank; its `console` stays empty */
  async newTab() {
    // The first one stays, since what is closed can open nothing; it alone has no borders, and so can be narrow. The others
    // are windows, since a new tab would be behind it, where nothing is painted.
    this.#first ||= await this.#session.command('', 'GET', '/window');
    const first = this.#firstFree;
    if (first) this.#firstFree = false;
    const handle = first
      ? this.#first
      : (await this.#session.command(this.#first, 'POST', '/window/new', { type: 'window' })).handle;
    /** @type {string[]} */
    const errors = [];
    const page = new Page(this.#session, handle, errors, async () => {
      if (!first) return false;
      await page.goto('about:blank');
      return (this.#firstFree = true);
    });
    return { page: /** @type {any} */ (page), console: [], errors };
  }

  async close() {
    await this.#session.command('', 'DELETE', '').catch(() => {});
    await this.#stop();
  }
}

/** @param {{ acceptInsecureCerts?: boolean }} options */
export async function launchWebKit({ acceptInsecureCerts = false }) {
  const home = temporaryFolder('webkit');
  let display = '';
  const screen = start('Xvfb', ['-displayfd', '1', '-screen', '0', SCREEN, '-nolisten', 'tcp'], {
    onOutput: (text) => (display += text),
  });
  await screen.until(() => /^\d+\n/m.test(display));
  const port = await freePort();
  const folders = { HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, XDG_CONFIG_HOME: home };
  const driver = start('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
    // navigator.language is "C" then, which the engine's own Intl does not take: pages have to live with that.
    env: { ...folders, LC_ALL: 'C.UTF-8', DISPLAY: `:${/^\d+$/m.exec(display)?.[0]}` },
  });
  const url = `http://127.0.0.1:${port}`;
  await driver.until(() =>
    fetch(`${url}/status`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const session = new Session(url);
  // Without --full-screen a window is at least 447 px wide.
  await session.begin({ acceptInsecureCerts, 'webkitgtk:browserOptions': { args: ['--automation', '--full-screen'] } });
  return new WebKit(session, async () => {
    await driver.stop();
    await screen.stop();
    removeFolder(home);
  });
}
