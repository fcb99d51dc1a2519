// Reads the reviewed lists of a module's imports and exports (wasm/MODULE_imports.txt, wasm/MODULE_exports.txt), and puts
// the exports into the forms that the build needs: `linked MODULE` for emcc (C names with an underscore, one a line), `layout
// MODULE` likewise, with what tells the layout; `graph MODULE` for wasm-metadce (the exports that a host may reach; the rest
// of the module is dropped).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The names in a reviewed list: one a line; blank lines and what follows a # do not count.
 * @param {'wasmqtt' | 'providers'} module
 * @param {'imports' | 'exports'} which
 * @returns {string[]}
 */
export function readList(module, which) {
  return readFileSync(new URL(`../../wasm/${module}_${which}.txt`, import.meta.url), 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((name) => name !== '');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [form, module] = process.argv.slice(2);
  const exports = readList(/** @type {any} */ (module), 'exports');
  if (form !== 'graph') {
    const told = form === 'layout' ? ['wq_wasm_layout', 'wq_wasm_property_info'] : [];
    const functions = [...exports.filter((name) => name !== 'memory'), ...told];
    console.log(functions.map((name) => `_${name}`).join('\n'));
  } else {
    const nodes = exports.map((name) => ({ name, export: name }));
    console.log(JSON.stringify([{ name: 'host', root: true, reaches: exports }, ...nodes]));
  }
}
