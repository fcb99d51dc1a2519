// Rounds of clients in turn, each in a page of its own: what one of them leaves to be collected is collected in no other's part.
import { PATIENCE, atMost } from './patience.js';

/** @typedef {import('./stage.js').Scene} Scene */

/**
 * @template Part what a part comes to
 * @typedef {object} Player
 * @property {string} name
 * @property {(scene: Scene) => Promise<() => Promise<Part>>} prepare connect in a new page and warm up; returns what does a
 *   part of a round
 */

/**
 * All do their part of each round, in another order each time.
 * @template Part
 * @param {import('./stage.js').Stage} stage
 * @param {string} module of page/
 * @param {readonly Player<Part>[]} players
 * @param {number} count of rounds
 * @returns {Promise<{ parts: Record<string, Part[]>, failed: Record<string, string> }>} by name: one part a round, or why
 *   there are none
 */
export async function rounds(stage, module, players, count) {
  /** @type {{ name: string, scene: Scene, part: () => Promise<Part>, parts: Part[] }[]} */
  const running = [];
  /** @type {Scene[]} */
  const scenes = [];
  /** @type {Record<string, string>} */
  const failed = {};
  /** @template T @param {string} name @param {Promise<T>} what */
  const tried = (name, what) =>
    atMost(PATIENCE, what).catch((error) => {
      failed[name] = error.message;
      return undefined;
    });
  try {
    for (const { name, prepare } of players) {
      const scene = await stage.open(module);
      scenes.push(scene);
      const part = await tried(name, prepare(scene));
      if (part) running.push({ name, scene, part, parts: [] });
    }
    for (let round = 0; round < count; round++) {
      for (let i = 0; i < running.length; i++) {
        const { name, scene, part, parts } = running[(i + round) % running.length];
        if (name in failed) continue;
        await scene.front();
        const came = await tried(name, part());
        if (came !== undefined) parts.push(came);
      }
    }
  } finally {
    await Promise.all(scenes.map((scene) => scene.close()));
  }
  const complete = running.filter(({ name }) => !(name in failed));
  return { parts: Object.fromEntries(complete.map(({ name, parts }) => [name, parts])), failed };
}
