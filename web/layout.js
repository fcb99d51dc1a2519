// What JavaScript knows of the C side when it is built: numbers, where the fields of structs are, the table of properties.
// C has told it in the rows of wasm/layout.h; they are typed nowhere else. Called by the Makefile:
//   node web/layout.js read MODULE  build/gen/MODULE_layout.js, of build/wasm/MODULE.layout.wasm, which has the rows
//   node web/layout.js mark MODULE  dist/MODULE.wasm, of build/wasm/MODULE.small.wasm: as it is, and marked
// A mark is a custom section without content. Its name is a 32-bit hash of the layout and of the functions that the module
// has, with the number of their arguments; the loaders look for it, so that no module works with another one's JavaScript.
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';

const [step, module] = process.argv.slice(2);
const generated = `build/gen/${module}_layout.js`;
const CUSTOM = 0; // the id of such a section

/** What the layout's module says. */
async function read() {
  const compiled = await WebAssembly.compile(await readFile(`build/wasm/${module}.layout.wasm`));
  const imports = WebAssembly.Module.imports(compiled).map(({ name }) => name);
  const env = Object.fromEntries(imports.map((name) => [name, () => 0]));
  const { exports } = await WebAssembly.instantiate(compiled, { env });
  const { memory, wq_wasm_layout, wq_wasm_property_info, ...functions } = /** @type {any} */ (exports);
  const bytes = new Uint8Array(memory.buffer);
  const view = new DataView(memory.buffer);
  const word = (/** @type {number} */ at) => view.getUint32(at, true);
  const text = (/** @type {number} */ at) => Buffer.from(bytes.subarray(at, bytes.indexOf(0, at))).toString();

  /** Numbers by name. @type {Map<string, number>} */
  const numbers = new Map();
  /** Groups of names, by the group's. @type {Map<string, Record<string, number>>} */
  const groups = new Map();
  for (let at = wq_wasm_layout(); word(at + 4) !== 0; at += 16) {
    const name = text(word(at + 4));
    const value = Number(view.getBigInt64(at + 8, true));
    if (word(at) === 0) {
      numbers.set(name.replaceAll('.', '_'), value);
      continue;
    }
    const group = text(word(at));
    // Enumerators are in capitals, fields are not.
    const own = name === name.toUpperCase() ? name.toLowerCase().replaceAll('_', '-') : name;
    groups.set(group, { ...groups.get(group), [own]: value });
  }

  const field = (/** @type {string} */ name) => Number(numbers.get(`wq_property_info_t_${name}`)) >> 8;
  const properties = [];
  for (let id = 0; id < 256 && numbers.has('wq_property_info_t_name'); id++) {
    const at = wq_wasm_property_info(id);
    if (at === 0) continue;
    const [type, repeats] = [bytes[at + field('type')], bytes[at + field('repeats')] !== 0];
    properties.push({ id, type, repeats, packets: word(at + field('packets')), name: text(word(at + field('name'))) });
  }

  const constants = [...numbers, ...groups, ...(properties.length > 0 ? [['PROPERTIES', properties]] : [])];
  const lines = constants.map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`).join('');
  const arity = Object.entries(functions).map(([name, { length }]) => `${name} ${length}\n`);
  const hash = createHash('sha256').update([lines, ...arity.sort(), ...imports.sort()].join());
  await mkdir('build/gen', { recursive: true });
  await writeFile(
    generated,
    `// Made from what C tells of itself (wasm/layout.h) by web/layout.js: do not edit.
/** The name of the section that ${module}.wasm is marked with. */
export const MARK = 'wq-${hash.digest('hex').slice(0, 8)}';
${lines}`,
  );
}

/** Append the section. Nothing in it is so long that a length takes more than a byte. */
async function mark() {
  const { MARK } = await import(`../${generated}`);
  const section = Uint8Array.of(CUSTOM, MARK.length + 1, MARK.length, ...Buffer.from(MARK));
  await writeFile(`dist/${module}.wasm`, Buffer.concat([await readFile(`build/wasm/${module}.small.wasm`), section]));
}

await (step === 'mark' ? mark() : read());
