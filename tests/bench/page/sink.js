// Where received messages end: a handler that reads topic and payload, as the least that an app would do, and counts.

export class Sink {
  /** Messages that came. */
  count = 0;
  /** Made of what was read, so that reading is not left out. */
  sum = 0;
  #goal = Infinity;
  #reached = () => {};

  /** @param {number} perFrame messages in each WebSocket message */
  constructor(perFrame) {
    this.perFrame = perFrame;
  }

  /**
   * @param {string} topic
   * @param {Uint8Array} payload
   */
  take(topic, payload) {
    this.sum += topic.length + payload.length;
    if (++this.count >= this.#goal) this.#done();
  }

  /**
   * Many at once.
   * @param {number} messages
   * @param {number} sum
   */
  add(messages, sum) {
    this.sum += sum;
    this.count += messages;
    if (this.count >= this.#goal) this.#done();
  }

  /**
   * Resolves when so many more came.
   * @param {number} messages
   */
  expect(messages) {
    this.#goal = this.count + messages;
    return new Promise((resolve) => (this.#reached = () => resolve(undefined)));
  }

  #done() {
    this.#goal = Infinity;
    this.#reached();
  }
}
