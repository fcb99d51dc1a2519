// Free TCP ports on the loopback address, for servers that tests and the demo start.
import { createServer } from 'node:net';

const HOST = '127.0.0.1';
// Below the range from which Linux takes the ports of outgoing connections, so that none of those gets there first.
const FIRST = 20_000;
const COUNT = 12_000;

/**
 * Try to listen on a port, and let it go again.
 * @param {number} port
 * @returns {Promise<string | undefined>} undefined if it can be had, else the system's code for why not ("EADDRINUSE")
 */
export function portTrouble(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (/** @type {NodeJS.ErrnoException} */ error) => resolve(error.code ?? error.message));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/**
 * A port that is free now. Nothing keeps it free: start the server at once.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if ((await portTrouble(port)) === undefined) return port;
  }
  throw new Error(`no free port found on ${HOST} from ${FIRST} to ${FIRST + COUNT - 1}`);
}
