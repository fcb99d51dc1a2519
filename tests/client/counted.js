// Counts the calls into the wasm module, by wrapping what instances export from here on. Import it before clients are made.

/** @type {Map<string, number>} */
export const calls = new Map();

const instantiate = WebAssembly.instantiate;
// @ts-expect-error only the form that our loader uses
WebAssembly.instantiate = async (
  /** @type {WebAssembly.Module} */ module,
  /** @type {WebAssembly.Imports} */ imports,
) => {
  const instance = await instantiate(module, imports);
  const exports = Object.fromEntries(
    Object.entries(instance.exports).map(([name, value]) => [
      name,
      typeof value !== 'function'
        ? value
        : (/** @type {number[]} */ ...args) => {
            calls.set(name, (calls.get(name) ?? 0) + 1);
            return value(...args);
          },
    ]),
  );
  return { exports };
};

/** All calls since the last reset. */
export function total() {
  return [...calls.values()].reduce((sum, n) => sum + n, 0);
}
