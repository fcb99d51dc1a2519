// Where the module comes from when the user does not say: a file beside the library, or bytes inside it (single.js).
import { MARK } from '../../build/gen/providers_layout.js';
import { _boundary } from '../../wasm/boundary.js';
import { ProviderInstance } from '../../wasm/providers.js';
import { ProviderError } from './errors.js';

/** @typedef {URL | string | Response | BufferSource | WebAssembly.Module} WasmSource */

/** @type {WasmSource} */
let source = new URL('./providers.wasm', import.meta.url);
/** @type {Promise<WebAssembly.Module> | null} */
let compiled = null;

/** @param {WasmSource} bytes */
export function setDefaultWasm(bytes) {
  source = bytes;
  compiled = null;
}

/**
 * The compiled module: the default one once only.
 * @param {WasmSource} [own]
 */
export async function loadModule(own) {
  try {
    if (own !== undefined) return await load(own);
    return await (compiled ??= load(source));
  } catch (cause) {
    if (own === undefined) compiled = null; // a failed download may succeed the next time
    if (cause instanceof ProviderError) throw cause;
    throw new ProviderError(
      'provider-wasm',
      'The WebAssembly module of the services could not be loaded: is providers.wasm served beside the library, or at the ' +
        "URL of the option `wasm`, and does the Content-Security-Policy have 'wasm-unsafe-eval' in script-src?",
      { cause },
    );
  }
}

/** @param {WasmSource} from */
async function load(from) {
  const module = await _boundary.compile(from);
  if (_boundary.isMarked(module, MARK)) return module;
  throw new ProviderError(
    'provider-wasm',
    'providers.wasm and providers.js are of different builds: serve both files of the same version. If you do, a cache ' +
      'may have kept an older one: reload.',
  );
}

/** @param {WebAssembly.Module} module */
export function startInstance(module) {
  return ProviderInstance.start(module);
}
