// A browser and a server with what its page needs: the library as users take it, the other clients, the measurements.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { connectBy, untilPhase } from '../browser/stage.js';
import { launchBrowser } from '../tools/browsers.js';
import { threadTimes } from '../tools/proc.js';

const root = new URL('../../', import.meta.url);
const file = (/** @type {string} */ path) => fileURLToPath(new URL(path, root));

/** What is served from where. @type {readonly [RegExp, (match: RegExpMatchArray) => string][]} */
const ROUTES = [
  [/^\/dist\/([a-z]+\.(?:js|wasm|html))$/, ([, name]) => file(`dist/${name}`)],
  [/^\/bench\/walk\.wasm$/, () => file('build/bench/walk.wasm')],
  [/^\/bench\/([a-z_]+\.js)$/, ([, name]) => file(`tests/bench/page/${name}`)],
  [/^\/peers\/mqtt\.js$/, () => file('node_modules/mqtt/dist/mqtt.esm.js')],
  [/^\/peers\/paho\.js$/, () => file('tests/bench/node_modules/paho-mqtt/paho-mqtt-min.js')],
];

const TYPES = { js: 'text/javascript', wasm: 'application/wasm', html: 'text/html' };

const PAGE = '<!doctype html><link rel="icon" href="data:,"><script src="/peers/paho.js"></script>';

/** A page that is alone in its process gets a clock of 5 microseconds. */
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

async function serve() {
  const server = createServer(async ({ url = '' }, response) => {
    const [path] = url.split('?');
    const headers = { ...ISOLATED, 'cache-control': 'no-store' };
    if (path === '/') {
      response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end(PAGE);
      return;
    }
    for (const [pattern, where] of ROUTES) {
      const match = pattern.exec(path);
      if (!match) continue;
      const name = where(match);
      const type = TYPES[/** @type {keyof typeof TYPES} */ (name.replace(/.*\./, ''))];
      const body = await readFile(name);
      response.writeHead(200, { ...headers, 'content-type': type }).end(body);
      return;
    }
    response.writeHead(404, headers).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}/`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * @param {import('../tools/browsers.js').PuppetEngine} engine
 */
export async function openStage(engine) {
  const server = await serve();
  const browser = await launchBrowser(engine, {
    networkEnabled: false,
    prefs: {
      'privacy.reduceTimerPrecision': false,
      // The driver has Firefox note the stack of every promise in its pages, as developer tools do; else it does not.
      'javascript.options.asyncstack': false,
      // Else all pages that are isolated share one process, and with it the collector of garbage.
      'dom.ipc.processCount.webCOOP+COEP': 16,
    },
  }).catch((error) => {
    server.close();
    throw error;
  });
  /** @param {string} module */
  const enter = async (module) => {
    const { page, errors } = await browser.newTab();
    await page.goto(server.url);
    await page.evaluate(`import('/bench/${module}').then((module) => { globalThis.bench = module; })`);
    /** @type {Scene['call']} */
    const call = async (name, ...args) => {
      const given = args.map((arg) => JSON.stringify(arg) ?? 'undefined').join(', ');
      try {
        return await page.evaluate(`bench.${name}(${given})`);
      } catch (error) {
        const text = [`${name}(${given}): ${/** @type {Error} */ (error).message}`, ...errors].join('; ');
        throw new Error(text, { cause: error });
      }
    };
    return { page, call };
  };
  return {
    engine,
    /**
     * A new page with the dashboard, connected.
     * @param {string} url of the broker
     */
    async dashboard(url) {
      const { page } = await browser.newTab();
      await page.setViewport({ width: 1280, height: 900 });
      await page.goto(`${server.url}dist/dashboard.html`);
      await connectBy(page, { url });
      await untilPhase(page, 'connected');
      return page;
    },
    /**
     * A new page with a module of page/ in it.
     * @param {string} module
     * @returns {Promise<Scene>}
     */
    async open(module) {
      const { page, call } = await enter(module);
      /** @type {number | undefined} */
      let pid;
      return {
        page,
        call,
        async timed(name, ...args) {
          pid ??= await renderer(browser, page);
          const before = threadTimes(pid);
          const took = (await call('timed', name, ...args)) * 1000;
          const after = threadTimes(pid);
          return { work: after.ran - before.ran, elapsed: took - (after.waited - before.waited) };
        },
        front: () => page.bringToFront(),
        close: () => page.close(),
      };
    },
    /**
     * Call one function of a module in a page of its own.
     * @param {string} module
     * @param {string} name
     * @param {...unknown} args
     */
    async once(module, name, ...args) {
      const { page, call } = await enter(module);
      const result = await call(name, ...args);
      await page.close();
      return result;
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}

/**
 * The process whose first thread runs a page: the one that is busy whenever the page is, and only then.
 * @param {import('../tools/browsers.js').Browser} browser
 * @param {import('puppeteer-core').Page} page
 */
async function renderer(browser, page) {
  const pids = browser.pagePids();
  const score = pids.map(() => 0);
  for (let i = 0; i < 6; i++) {
    const before = pids.map((pid) => threadTimes(pid).ran);
    if (i % 2 === 0) await page.evaluate('for (const began = performance.now(); performance.now() - began < 60;);');
    else await new Promise((resolve) => setTimeout(resolve, 60));
    pids.forEach((pid, at) => (score[at] += (threadTimes(pid).ran - before[at]) * (i % 2 === 0 ? 1 : -1)));
  }
  return pids[score.indexOf(Math.max(...score))];
}

/**
 * @typedef {object} Times microseconds of the page's thread
 * @property {number} work on a processor, with the call itself
 * @property {number} elapsed from the function's beginning to its end, but for waiting for a processor that others had
 */

/**
 * @typedef {object} Scene
 * @property {import('puppeteer-core').Page} page
 * @property {(name: string, ...args: unknown[]) => Promise<any>} call a function of the module, whose promise is waited for
 * @property {(name: string, ...args: unknown[]) => Promise<Times>} timed the same by the module's function `timed`
 * @property {() => Promise<void>} front bring the page to the front: the timers of others are throttled
 * @property {() => Promise<void>} close
 */

/** @typedef {Awaited<ReturnType<typeof openStage>>} Stage */
