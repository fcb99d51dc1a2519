// A compiled module, from wherever its bytes are.

/**
 * Whether it was built with the JavaScript whose mark that is: numbers and structs are as they were told (web/layout.js).
 * @param {WebAssembly.Module} module
 * @param {string} mark
 */
export const isMarked = (module, mark) => WebAssembly.Module.customSections(module, mark).length > 0;

/**
 * The compiled module.
 * @param {URL | string | Response | BufferSource | WebAssembly.Module} source a string is a URL
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(source) {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof Response) return compileResponse(source);
  if (ArrayBuffer.isView(source) || source instanceof ArrayBuffer) return WebAssembly.compile(source);
  const url = new URL(source, globalThis.location?.href);
  if (url.protocol === 'file:' && globalThis.process?.versions?.node) {
    const { readFile } = await import('node:fs/promises');
    return WebAssembly.compile(await readFile(url));
  }
  return compileResponse(await fetch(url));
}

/** @param {Response} response */
async function compileResponse(response) {
  if (!response.ok) throw new Error(`wasm: ${response.url} answered ${response.status}`);
  // Streaming wants the right media type, which not every static host knows.
  if (response.headers.get('content-type')?.startsWith('application/wasm')) {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}
