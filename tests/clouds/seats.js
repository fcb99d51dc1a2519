// The device API from its sources, against stand-ins: for tests.
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { compile } from '../../wasm/compile.js';

const read = (/** @type {string} */ name) => compile(readFileSync(new URL(`../../dist/${name}`, import.meta.url)));

/** For profiles. */
export const profileOptions = { wasm: await read('providers.wasm') };
const wasm = await read('wasmqtt.wasm');

/**
 * Options of a client that trusts the stand-in, and does not wait long.
 * @param {{ ca?: string }} server
 */
export const clientOptions = ({ ca }) => ({
  wasm,
  connectTimeout: 10_000,
  reconnect: { minDelay: 10, maxDelay: 100, jitter: /** @type {const} */ ('none') },
  webSocket: (/** @type {string} */ url, /** @type {string[]} */ protocols) =>
    /** @type {any} */ (new WebSocket(url, protocols, { ca, perMessageDeflate: false })),
});

/**
 * A promise to wait for, with what settles it.
 * @template T
 * @returns {{ promise: Promise<T>, resolve: (value: T) => void }}
 */
export function awaited() {
  /** @type {(value: T) => void} */
  let resolve = () => {};
  const promise = /** @type {Promise<T>} */ (new Promise((done) => (resolve = done)));
  return { promise, resolve };
}
