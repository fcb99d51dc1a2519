// Where the core's module comes from when the user does not say: a file beside the library, or bytes inside it
// (single.js). It is compiled once, and each client has an instance of its own.
import { MARK } from '../../build/gen/wasmqtt_layout.js';
import { compile, isMarked } from '../../wasm/core.js';
import { MqttError } from './errors.js';

/** @typedef {URL | string | Response | BufferSource | WebAssembly.Module} WasmSource */

/** @type {WasmSource} */
let source = new URL('./wasmqtt.wasm', import.meta.url);
/** @type {Promise<WebAssembly.Module> | null} */
let compiled = null;

/** @param {WasmSource} bytes */
export function setDefaultWasm(bytes) {
  source = bytes;
  compiled = null;
}

/**
 * @param {WasmSource | undefined} own
 * @returns {Promise<WebAssembly.Module>}
 */
export function loadWasm(own) {
  if (own !== undefined) return load(own);
  compiled ??= load(source).catch((error) => {
    compiled = null; // a failed download may succeed the next time
    throw error;
  });
  return compiled;
}

/** @param {WasmSource} from */
async function load(from) {
  const module = await compile(from);
  if (isMarked(module, MARK)) return module;
  throw new MqttError('load', 'wasm', 'wasmqtt.wasm and wasmqtt.js are of different builds.', {
    hint: 'Serve both files of the same version. If you do, a cache may have kept an older one: reload.',
  });
}

/** @param {number} timeout ms */
export function loadTimeout(timeout) {
  return new MqttError('load', 'wasm-timeout', `The client's WebAssembly module did not come within ${timeout} ms.`, {
    hint: 'A slow network, or a server that does not answer: other attempts wait for the same download.',
  });
}

/** @param {unknown} cause */
export function loadError(cause) {
  return new MqttError('load', 'wasm', 'The WebAssembly module of the client could not be loaded.', {
    cause,
    hint:
      'Is wasmqtt.wasm served beside the library, or at the URL of the option `wasm`? ' +
      "A Content-Security-Policy has to have 'wasm-unsafe-eval' in script-src.",
  });
}
