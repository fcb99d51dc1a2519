/** The page's addresses: #/devices, #/device/{id}, #/log. */

/** @typedef {{ page: 'devices' | 'device' | 'log', device: string }} Route */

/**
 * @param {string} hash location.hash
 * @returns {Route} the devices for anything unknown
 */
export function parseRoute(hash) {
  if (hash === '#/log') return { page: 'log', device: '' };
  if (hash.startsWith('#/device/')) {
    try {
      return { page: 'device', device: decodeURIComponent(hash.slice('#/device/'.length)) };
    } catch {
      // A broken escape is an unknown address like any other.
    }
  }
  return { page: 'devices', device: '' };
}

/**
 * @param {string} id
 * @returns {string}
 */
export function deviceHref(id) {
  return `#/device/${encodeURIComponent(id)}`;
}
