// Certificates for tests: an authority of our own, and what it signs for servers on the loopback address and for clients.
// Made with the openssl program, since Node makes none.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './process.js';

/** @param {string[]} args */
function openssl(args) {
  execFileSync(findProgram('openssl') ?? 'openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/**
 * An authority: its certificate is `folder`/NAME.crt, its key `folder`/NAME.key.
 * @param {string} folder
 * @param {string} [name]
 */
export function makeAuthority(folder, name = 'ca') {
  const file = (/** @type {string} */ end) => join(folder, `${name}.${end}`);
  openssl(
    ['req', '-x509', ...CURVE, '-days', '2', '-subj', `/CN=${name} of the tests`, '-keyout', file('key')].concat([
      '-out',
      file('crt'),
    ]),
  );
  return { certificate: file('crt'), key: file('key') };
}

/**
 * A certificate signed by that authority, for 127.0.0.1 and localhost.
 * @param {string} folder
 * @param {string} name of the files, and who it is for
 * @param {string} [authority]
 */
export function makeCertificate(folder, name, authority = 'ca') {
  const file = (/** @type {string} */ end, who = name) => join(folder, `${who}.${end}`);
  writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\nbasicConstraints=CA:FALSE\n');
  openssl(['req', ...CURVE, '-subj', `/CN=${name}`, '-keyout', file('key'), '-out', file('csr')]);
  openssl(
    ['x509', '-req', '-days', '2', '-in', file('csr'), '-extfile', file('ext'), '-out', file('crt')].concat([
      '-CA',
      file('crt', authority),
      '-CAkey',
      file('key', authority),
      '-CAcreateserial',
    ]),
  );
  return { certificate: file('crt'), key: file('key') };
}
