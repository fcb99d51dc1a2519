// The dashboard's Content-Security-Policy, in one place for the build (the page opened from disk carries it in itself), the
// servers that demo and tests start, and the README, which a test compares with this.

/**
 * The form takes any broker, so any WebSocket may be opened; https: is for credentials fetched from a server.
 * @param {{ script?: string, style?: string, connect?: string, worker?: string }} [sources] where things may come from;
 *   default: files beside the page
 * @returns {string}
 */
function policy({ script = "'self'", style = "'self'", connect = "'self' ", worker = "'self'" } = {}) {
  return [
    "default-src 'none'",
    `script-src ${script} 'wasm-unsafe-eval'`,
    `style-src ${style}`,
    `connect-src ${connect}ws: wss: https:`,
    'img-src data:',
    `worker-src ${worker}`,
    "base-uri 'none'",
    "form-action 'none'",
    'trusted-types wasmqtt lit-html',
    "require-trusted-types-for 'script'",
  ].join('; ');
}

/** For dist/dashboard/, as a header. */
export const servedPolicy = `${policy()}; frame-ancestors 'none'`;

/**
 * For dist/dashboard.html, as a meta element. A worker of a page from disk can only be a blob.
 * @param {string} script source expression for its one script
 * @param {string} style source expression for its one style sheet
 */
export const diskPolicy = (script, style) => policy({ script, style, connect: '', worker: 'blob:' });
