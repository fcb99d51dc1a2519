// The clients of a page that are connected, by name.

/**
 * @template {{ session: import('./clients.js').Session }} Runner one client, connected, and what its measurement needs
 * @extends {Map<string, Runner>}
 */
export class Runners extends Map {
  /**
   * @param {string} name
   * @returns {Runner}
   */
  of(name) {
    const found = this.get(name);
    if (!found) throw new Error(`${name} is not connected`);
    return found;
  }

  async end() {
    for (const { session } of this.values()) await session.end();
  }
}
