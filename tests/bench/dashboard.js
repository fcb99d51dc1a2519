// Kind 3: the dashboard under the telemetry of a fleet. How many messages a second it takes without falling behind, and how many
// frames a second it paints meanwhile. There is no goal: it is printed to be looked at.
import { startLoad } from './load.js';
import { PATIENCE, atMost } from './patience.js';

const RATES = [2000, 5000, 10_000, 20_000, 40_000, 80_000];
const DEVICES = 200;
/** Seconds that each rate is looked at, after the first. */
const SECONDS = 3;
/** It falls behind if the server could not send what was due so many seconds ago. */
const BEHIND = 0.25;

/**
 * @param {import('./stage.js').Stage} stage
 * @param {(name: string) => boolean} wanted
 * @param {(row: import('./rows.js').Row) => void} done
 */
export async function measure(stage, wanted, done) {
  const name = `dashboard, telemetry of ${DEVICES} devices, 1 a frame`;
  if (!wanted(name)) return;
  let best = { rate: 0, frames: 0 };
  const notes = [];
  for (const rate of RATES) {
    const { kept, frames } = await at(stage, rate);
    if (!kept) {
      notes.push(`at ${rate}: falls behind`);
      break;
    }
    best = { rate, frames };
  }
  done({
    kind: 'dashboard',
    engine: stage.engine,
    name,
    unit: 'messages/s',
    values: { wasmqtt: best.rate },
    checks: [],
    notes: [`${best.frames.toFixed(0)} frames painted a second`, ...notes],
  });
}

/**
 * @param {import('./stage.js').Stage} stage
 * @param {number} rate
 */
async function at(stage, rate) {
  /** @type {{ sent: number, due: number }[]} */
  const told = [];
  let heard = () => {};
  const load = await startLoad((text) => {
    for (const [, sent, due] of text.matchAll(/^sent (\d+) due (\d+)$/gm)) {
      told.push({ sent: Number(sent), due: Number(due) });
    }
    heard();
  });
  const until = (/** @type {number} */ count) =>
    /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        heard = () => {
          if (told.length >= count) resolve();
        };
        heard();
      })
    );
  const page = await stage.dashboard(`${load.url}/5/${rate}/1/${DEVICES}/fleet`);
  try {
    await atMost(PATIENCE, until(1));
    const counting = page.evaluate(
      (ms) =>
        new Promise((resolve) => {
          let frames = 0;
          const began = performance.now();
          const painted = () => {
            const gone = performance.now() - began;
            if (gone >= ms) resolve((frames * 1000) / gone);
            frames++;
            requestAnimationFrame(painted);
          };
          requestAnimationFrame(painted);
        }),
      SECONDS * 1000,
    );
    await atMost(PATIENCE, until(1 + SECONDS));
    const { sent, due } = told[SECONDS];
    return { kept: due - sent <= rate * BEHIND, frames: /** @type {number} */ (await counting) };
  } finally {
    await page.close();
    await load.stop();
  }
}
