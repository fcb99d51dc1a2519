// A certificate for the loopback address, made at start: an authority that exists for this process only, and what it signed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeAuthority, makeCertificate } from '../tools/certificates.js';
import { removeFolder, temporaryFolder } from '../tools/process.js';

/** @typedef {{ key: string, cert: string, ca: string }} Certificate all PEM; `ca` is the authority that a client has to trust */

/** @type {Certificate | undefined} */
let made;

/**
 * The process's certificate for localhost and 127.0.0.1; made at the first call.
 * @returns {Certificate}
 */
export function certificate() {
  return (made ??= make());
}

function make() {
  const folder = temporaryFolder('clouds');
  const read = (/** @type {string} */ name) => readFileSync(join(folder, name), 'utf8');
  try {
    makeAuthority(folder);
    makeCertificate(folder, 'server');
    return { key: read('server.key'), cert: read('server.crt'), ca: read('ca.crt') };
  } finally {
    removeFolder(folder);
  }
}
