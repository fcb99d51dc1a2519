// Several lives of one session: a store that a test can make slow, full or broken, and clients that die without a word.
import { memoryStore } from '../../web/client/index.js';
import { Peer } from './peer.js';

/** @typedef {import('../../web/client/index.js').Client} Client */
/** @typedef {import('../../web/client/index.js').ClientOptions} ClientOptions */
/** @typedef {import('../../web/client/store.js').StoreChange} StoreChange */

/** memoryStore(), one session of it, under control. */
export class TestStore {
  /** What was written, one array a transaction: "key" deleted, or [key, value]. @type {any[][]} */
  writes = [];
  /** What a write is to fail with. @type {(changes: StoreChange[]) => unknown} */
  fails = () => null;
  /** Writes that wait for release(). @type {(() => void)[]} */
  held = [];
  holding = false;
  #inner = memoryStore();
  /** @type {{ dead: boolean, session: import('../../web/client/store.js').StoreSession } | null} */
  #life = null;
  /** What open() has told. */
  name = '';

  /** @param {string} name */
  async open(name) {
    this.name = name;
    const session = await this.#inner.open(name);
    const life = { dead: false, session };
    this.#life = life;
    return {
      load: () => session.load(),
      write: async (/** @type {StoreChange[]} */ changes) => {
        if (this.holding) await new Promise((resolve) => this.held.push(() => resolve(undefined)));
        if (life.dead) return;
        const error = this.fails(changes);
        if (error) throw error;
        this.writes.push(changes.map(({ key, value }) => (value === undefined ? key : [key, value])));
        await session.write(changes);
      },
      close: () => (life.dead ? undefined : session.close()),
    };
  }

  /** Let writes go on. */
  release() {
    this.holding = false;
    for (const go of this.held.splice(0)) go();
  }

  /** A life has it open. */
  get alive() {
    return this.#life !== null && !this.#life.dead;
  }

  /** The life that has it open ends here: what is not stored never will be. */
  kill() {
    if (!this.#life || this.#life.dead) return;
    this.#life.dead = true;
    void this.#life.session.close();
    this.release();
  }

  /** Keys of all that was written, with their transactions in order. */
  get keys() {
    return this.writes.map((batch) => batch.map((change) => (typeof change === 'string' ? `-${change}` : change[0])));
  }

  /** All there is now. @returns {Promise<Record<string, any>>} */
  async records() {
    this.kill();
    const session = await this.#inner.open(this.name);
    const records = Object.fromEntries(await session.load());
    await session.close();
    return records;
  }
}

/** A server and a store, and the clients that use them one after the other. */
export class Lives {
  peer = new Peer();
  store = new TestStore();
  /** @type {Client | null} */
  client = null;

  /** @param {ClientOptions} [options] */
  #options(options) {
    return /** @type {const} */ ({ clientId: 'one', clean: false, store: this.store, ...options });
  }

  /** A life that is connected. @param {ClientOptions} [options] */
  async begin(options) {
    this.client = await this.peer.connect(this.#options(options));
    return this.client;
  }

  /** A life that may not be connected yet. @param {ClientOptions} [options] */
  create(options) {
    this.client = this.peer.createClient(this.#options(options));
    return this.client;
  }

  /** Where the present life is connected. */
  get connection() {
    return this.peer.last;
  }

  /** The page dies: nothing more is stored, sent or told. */
  async kill() {
    this.store.kill();
    for (const { socket } of this.peer.connections) {
      socket.send = () => {};
      socket.onopen = socket.onmessage = undefined;
    }
    await this.client?.end({ force: true });
    this.client = null;
  }
}

/**
 * Packets that came after CONNECT, as "publish1 2": type, packet id, and what follows from the type.
 * @param {import('./peer.js').PeerConnection} connection
 */
export function sent(connection) {
  return connection.packets.slice(1).map(({ cmd, messageId, dup, payload }) => {
    const rest = cmd === 'publish' ? ` ${payload}${dup ? ' dup' : ''}` : '';
    return `${cmd}${messageId ?? ''}${rest}`;
  });
}
