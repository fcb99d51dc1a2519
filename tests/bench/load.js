// Starts the load server, build/native/load.
import { fileURLToPath } from 'node:url';
import { Child } from '../tools/process.js';

const PROGRAM = fileURLToPath(new URL('../../build/native/load', import.meta.url));

/** @param {(text: string) => void} [onOutput] */
export async function startLoad(onOutput) {
  const child = new Child(PROGRAM, [], { onOutput });
  await child.until(() => /^port \d+$/m.test(child.output), { what: 'listen' });
  const [, port] = /^port (\d+)$/m.exec(child.output) ?? [];
  return { url: `ws://127.0.0.1:${port}`, stop: () => child.stop() };
}
