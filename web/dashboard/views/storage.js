/**
 * @returns {Storage | null} the page's localStorage, or null where the browser denies it
 */
export function storage() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}
