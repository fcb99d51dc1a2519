// A WebSocket, opened: what engines do differently ends here. A constructor that throws, an error without a close, and a
// socket that never answers are all ends of the attempt.

/**
 * What stands in for a WebSocket, with the part of its interface that is used. Its binaryType is set to 'arraybuffer', and
 * its four handlers are set at once. send() must have copied or sent the bytes when it returns; close() must lead to
 * onclose. Bytes that were handed to send() and not sent yet are counted in bufferedAmount.
 * @typedef {object} WebSocketLike
 * @property {string} binaryType
 * @property {number} bufferedAmount bytes
 * @property {(event: any) => void} [onopen]
 * @property {(event: { data: any }) => void} [onmessage]
 * @property {(event: any) => void} [onerror]
 * @property {(event: { code: number, reason: string }) => void} [onclose]
 * @property {(data: Uint8Array<ArrayBuffer>) => void} send
 * @property {(code?: number, reason?: string) => void} close
 */

/** @typedef {(url: string, protocols: string[]) => WebSocketLike | Promise<WebSocketLike>} WebSocketFactory */

/**
 * @typedef {object} SocketEnd how it ended
 * @property {number} closeCode of WebSocket; 0: it never came to a close
 * @property {string} reason of the server
 * @property {string} detail what the engine says, if anything; never more than a browser shows anybody
 */

/**
 * The engine's own class in a page or a worker, `ws` in Node: bytes in order and none lost [M3:7.1.2-1] [M5:4.2.0-1]. Both
 * fail by themselves where the server chooses none of `protocols` [M3:6.0.0-4] [M5:6.0.0-4].
 * @param {string} url
 * @param {string[]} protocols
 * @returns {Promise<WebSocketLike>}
 */
export async function defaultWebSocket(url, protocols) {
  if (!globalThis.process?.versions?.node) return asLike(new WebSocket(url, protocols));
  const { WebSocket: NodeWebSocket } = await import('ws');
  // Compression would read the bytes after send() returned.
  return asLike(new NodeWebSocket(url, protocols, { perMessageDeflate: false }));
}

/**
 * Their handlers have a `this` and events of their own, which nobody looks at here.
 * @param {object} socket
 */
function asLike(socket) {
  return /** @type {WebSocketLike} */ (socket);
}

/**
 * Open a socket. Handlers are called until `ended`, which is called exactly once.
 * @typedef {object} SocketHandlers
 * @property {() => void} opened
 * @property {(data: ArrayBuffer) => void} received
 * @property {(end: SocketEnd) => void} ended
 */

export class Socket {
  /** @type {WebSocketLike | null} */
  #socket = null;
  /** @type {SocketHandlers} */
  #handlers;
  #ended = false;
  #detail = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #errorTimer;
  /** A browser's own takes a view of the wasm memory; others might read it later. */
  #copies = true;

  /**
   * @param {string} url
   * @param {string[]} protocols
   * @param {WebSocketFactory} factory
   * @param {SocketHandlers} handlers
   */
  constructor(url, protocols, factory, handlers) {
    this.#handlers = handlers;
    this.#open(url, protocols, factory).catch((error) => this.#end(0, '', String(error?.message ?? error)));
  }

  /**
   * @param {string} url
   * @param {string[]} protocols
   * @param {WebSocketFactory} factory
   */
  async #open(url, protocols, factory) {
    // Without a promise in between where there is none: a loopback may open at once.
    const made = factory(url, protocols);
    const socket = made instanceof Promise ? await made : made;
    if (this.#ended) {
      socket.close();
      return;
    }
    this.#socket = socket;
    this.#copies = !(globalThis.WebSocket && socket instanceof WebSocket && !globalThis.process?.versions?.node);
    socket.binaryType = 'arraybuffer';
    let opened = false;
    socket.onopen = () => {
      opened = true;
      if (!this.#ended) this.#handlers.opened();
    };
    socket.onmessage = ({ data }) => {
      if (!this.#ended && data instanceof ArrayBuffer) this.#handlers.received(data);
      else if (!this.#ended) this.#end(0, '', 'The server sent text, which MQTT does not.'); // [M3:6.0.0-1] [M5:6.0.0-1]
    };
    socket.onerror = (event) => {
      this.#detail ||= String(event?.message ?? '');
      // Some engines close after this and some do not: wait for the reason, but not for ever.
      this.#errorTimer ??= setTimeout(() => this.#end(0, '', this.#detail), opened ? 1000 : 200);
    };
    socket.onclose = ({ code, reason }) => this.#end(code, reason, this.#detail);
  }

  /** Bytes that wait in the engine. */
  get bufferedAmount() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes may change after this returned */
  send(bytes) {
    try {
      this.#socket?.send(this.#copies ? bytes.slice() : bytes);
    } catch (error) {
      this.#end(0, '', String(error instanceof Error ? error.message : error));
    }
  }

  /** Say good-bye; what was sent before still goes. `ended` is called when the other side has answered. */
  close() {
    try {
      this.#socket?.close(1000);
    } catch (error) {
      this.#end(0, '', String(error));
    }
    if (!this.#socket) this.#end(0, '', '');
  }

  /** Let go of it without waiting. `ended` is called at once, if it was not before. */
  abandon() {
    const socket = this.#socket;
    this.#end(0, '', '');
    try {
      socket?.close(1000);
    } catch {
      // It was gone already.
    }
  }

  /**
   * @param {number} closeCode
   * @param {string} reason
   * @param {string} detail
   */
  #end(closeCode, reason, detail) {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#errorTimer);
    const socket = this.#socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = undefined;
      socket.onerror = () => {}; // Node's ws throws where nobody listens
    }
    this.#handlers.ended({ closeCode, reason, detail });
  }
}
