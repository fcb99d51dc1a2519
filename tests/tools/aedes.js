// The broker aedes for tests, in this process: MQTT 3.1 and 3.1.1 over TCP and over WebSockets, on the loopback address only.
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';

const HOST = '127.0.0.1';

/** A running aedes. */
class AedesServer {
  #broker;
  #tcp = createServer();
  #web = new WebSocketServer({ host: HOST, port: 0, perMessageDeflate: false });

  /**
   * @param {Aedes} broker
   */
  constructor(broker) {
    this.#broker = broker;
    this.#tcp.on('connection', (socket) => void broker.handle(socket));
    this.#web.on('connection', (socket, request) => {
      const stream = createWebSocketStream(socket);
      stream.on('error', () => {}); // of a client that was lost: aedes looks at the close
      broker.handle(stream, request);
    });
  }

  async ready() {
    const web = new Promise((resolve, reject) => this.#web.once('listening', resolve).once('error', reject));
    const tcp = new Promise((resolve, reject) => this.#tcp.once('error', reject).listen(0, HOST, () => resolve(null)));
    await Promise.all([web, tcp]);
  }

  /** @param {{ address(): string | import('node:net').AddressInfo | null }} server */
  #port(server) {
    return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
  }

  /** Of its WebSockets listener. */
  get url() {
    return `ws://${HOST}:${this.#port(this.#web)}/mqtt`;
  }

  /** Of its TCP listener. */
  get tcpUrl() {
    return `mqtt://${HOST}:${this.#port(this.#tcp)}`;
  }

  /** Stop it and end every connection. */
  async stop() {
    await new Promise((resolve) => this.#broker.close(() => resolve(null)));
    for (const socket of this.#web.clients) socket.terminate();
    await Promise.all([this.#web, this.#tcp].map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/**
 * @param {{ user: { name: string, password: string } }} options the one who may connect; nobody else may
 * @returns {Promise<AedesServer>} ready for connections
 */
export async function startAedes({ user }) {
  const broker = await Aedes.createBroker({
    authenticate: (_client, name, password, done) =>
      done(null, name === user.name && String(password) === user.password),
  });
  const server = new AedesServer(broker);
  await server.ready();
  return server;
}
