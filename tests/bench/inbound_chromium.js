// Runs inbound_measure.js in headless Chromium, with the library as users take it.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { launchBrowser } from '../tools/browsers.js';

const FILES = {
  '/': { type: 'text/html', file: null },
  '/wasmqtt.js': { type: 'text/javascript', file: new URL('../../dist/wasmqtt.js', import.meta.url) },
  '/wasmqtt.wasm': { type: 'application/wasm', file: new URL('../../dist/wasmqtt.wasm', import.meta.url) },
  '/measure.js': { type: 'text/javascript', file: new URL('./inbound_measure.js', import.meta.url) },
};

/** @returns {ReturnType<typeof import('./inbound_measure.js').measure>} */
export async function inChromium() {
  const server = createServer(async ({ url }, response) => {
    const found = FILES[/** @type {keyof typeof FILES} */ (url)];
    response.writeHead(found ? 200 : 404, { 'content-type': found?.type ?? 'text/plain' });
    response.end(found?.file ? await readFile(found.file) : '<!doctype html><link rel="icon" href="data:," />');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const browser = await launchBrowser('chromium');
  try {
    const { page } = await browser.newTab();
    await page.goto(`http://127.0.0.1:${port}/`);
    return /** @type {any} */ (
      await page.evaluate(`(async () => {
        const [{ connect }, { measure }] = await Promise.all([import('/wasmqtt.js'), import('/measure.js')]);
        return measure(connect, '/wasmqtt.wasm', navigator.userAgent.match(/Chrome\\/[0-9]+/)[0]);
      })()`)
    );
  } finally {
    await browser.close();
    server.close();
  }
}
