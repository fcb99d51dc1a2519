// A certificate for the loopback address, made at start: an authority that exists for this process only, and what it signed.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  const file = (/** @type {string} */ name) => join(folder, name);
  const openssl = (/** @type {string[]} */ ...args) => execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  try {
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '30',
      '-subj',
      '/CN=wasmqtt test authority',
    );
    openssl('req', ...newKey, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=localhost');
    writeFileSync(file('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n');
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'extensions'];
    openssl('x509', '-req', '-in', 'request.pem', ...signer, '-out', 'cert.pem', '-days', '30');
    const read = (/** @type {string} */ name) => readFileSync(file(name), 'utf8');
    return { key: read('key.pem'), cert: read('cert.pem'), ca: read('ca.pem') };
  } finally {
    removeFolder(folder);
  }
}
