// Which rules of the specification the code says it enforces, by their ids ([M3:4.3.2-2] for MQTT 3.1.1, [M5:4.3.2-4] for
// 5.0), and which of those no test names: `make ids`. A test names an id in its title, or beside its check.
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * @param {string[]} folders
 * @param {RegExp} pattern of file names
 * @returns {Map<string, string>} id -> the first place, "file:line"
 */
function idsIn(folders, pattern) {
  /** @type {Map<string, string>} */
  const places = new Map();
  for (const folder of folders) {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => pattern.test(name));
    for (const file of files.sort().map((name) => `${folder}/${name}`)) {
      readFileSync(file, 'utf8')
        .split('\n')
        .forEach((line, i) => {
          for (const [id] of line.matchAll(/\[M[35]:[\d.]+-\d+\]/g)) {
            if (!places.has(id)) places.set(id, `${file}:${i + 1}`);
          }
        });
    }
  }
  return places;
}

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
const enforced = idsIn(['src', 'wasm', 'web/client'], /\.(c|h|js)$/);
const tested = idsIn(['tests'], /\.(c|js|txt)$/);
const untested = [...enforced].filter(([id]) => !tested.has(id));
for (const [id, place] of untested) console.log(`${place}: ${id} has no test`);
console.log(`${enforced.size} ids in the code, ${untested.length} without a test`);
