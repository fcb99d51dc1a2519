// Who may know whom. Reads the includes of every C file and the imports of every JavaScript file, and says where one breaks
// the rules below: `node tests/tools/layering.js [ROOT]`. A file that no rule names may not exist, so a new folder has to
// find its place here first.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * The first rule whose `files` a file begins with is its rule.
 * @typedef {object} Rule
 * @property {string} files how its path begins
 * @property {(string | RegExp)[]} may what it may name: how another file's path begins, or a package or system header
 *   entirely (RegExp)
 */

// The core has no memory of its own, no clock, no input and output, no randomness and no `assert` (it drags imports into
// the wasm module), so these are all the system headers that it can have a use for.
const CORE_HEADERS = /^<(stdbool|stddef|stdint|string|limits)\.h>$/;
const ANY_HEADER = /^<.*>$/;
const NODE = /^node:/;

/** @type {Rule[]} */
const C_RULES = [
  { files: 'src/codec/', may: ['src/codec/', 'src/wasmqtt.h', CORE_HEADERS] },
  { files: 'src/client/', may: ['src/client/', 'src/codec/', 'src/wasmqtt.h', CORE_HEADERS] },
  {
    files: 'src/provider/',
    may: ['src/provider/', /^src\/codec\/(bytes|topic|utf8)\.h$/, 'src/wasmqtt.h', 'src/crypto.h', CORE_HEADERS],
  },
  { files: 'src/native/', may: ['src/native/', 'src/wasmqtt.h', 'src/crypto.h', ANY_HEADER] },
  { files: 'src/', may: ['src/codec/', 'src/wasmqtt.h', CORE_HEADERS] },
  {
    files: 'wasm/',
    may: [
      'wasm/',
      'src/wasmqtt.h',
      'src/crypto.h',
      /^src\/provider\/(dialogue|provider|scram|smartrest)\.h$/,
      CORE_HEADERS,
    ],
  },
  { files: 'examples/', may: ['examples/', 'src/native/', 'src/wasmqtt.h', 'src/crypto.h', ANY_HEADER] },
  { files: 'tests/', may: ['tests/', 'src/', ANY_HEADER] },
];

/** @type {Rule[]} */
const JS_RULES = [
  { files: 'wasm/', may: ['wasm/', 'build/gen/', NODE] },
  {
    files: 'web/client/',
    may: ['web/client/', 'wasm/', 'build/gen/wasmqtt_layout.js', 'dist/wasmqtt.wasm', /^ws$/, NODE],
  },
  {
    files: 'web/providers/',
    may: [
      'web/providers/',
      'web/client/index.js',
      'wasm/',
      'build/gen/providers_layout.js',
      'dist/providers.wasm',
      NODE,
    ],
  },
  { files: 'web/docs/', may: ['web/providers/index.js', NODE] },
  { files: 'web/dashboard/model/', may: ['web/dashboard/model/'] },
  {
    files: 'web/dashboard/',
    may: ['web/dashboard/', 'web/client/index.js', 'web/providers/index.js', /^lit(\/.*)?$/, /^uplot$/],
  },
  { files: 'web/', may: ['web/csp.js', 'web/private_names.js', /^(esbuild|typescript)$/, NODE] },
  { files: 'examples/demo/', may: ['examples/demo/', 'tests/tools/', 'web/csp.js', NODE] },
  { files: 'examples/', may: ['examples/', /^wasmqtt(\/.*)?$/, NODE] },
  { files: 'tests/', may: ['', /./] },
];

/** Names that stand for something other than a file of ours. */
const isForeign = (/** @type {string} */ name) => !name.startsWith('.');

/**
 * @param {string} text
 * @returns {{ name: string, at: number }[]}
 */
function includes(text) {
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(<[^>]*>|"[^"]*")/gm)].map(({ 1: name, index }) => ({
    name,
    at: index,
  }));
}

/**
 * Import and export declarations, import() calls, and import() types in comments.
 * @param {string} text
 * @returns {{ name: string, at: number }[]}
 */
function imports(text) {
  const code = ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName, pos }) => ({ name: fileName, at: pos }));
  const types = [...text.matchAll(/\{[^}\n]*\bimport\('([^']+)'\)/g)].map(({ 1: name, index }) => ({
    name,
    at: index,
  }));
  return [...code, ...types];
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]} paths of files, relative to root
 */
function walk(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) return [];
    return entry.isDirectory() ? walk(root, path) : [path];
  });
}

/**
 * Every breach of the rules, one line each: "file:line: what".
 * @param {string} root folder of the tree
 * @returns {string[]}
 */
export function breaches(root) {
  /** @type {string[]} */
  const found = [];
  const files = ['src', 'wasm', 'web', 'examples', 'tests'].flatMap((folder) => {
    try {
      return walk(root, folder);
    } catch {
      return [];
    }
  });
  for (const file of files) {
    const isC = /\.[ch]$/.test(file);
    if (!isC && !/\.js$/.test(file)) continue;
    const text = readFileSync(join(root, file), 'utf8');
    const rule = (isC ? C_RULES : JS_RULES).find(({ files }) => file.startsWith(files));
    if (!rule) {
      found.push(`${file}:1: no layer has this file: give it a rule in tests/tools/layering.js`);
      continue;
    }
    for (const { name, at } of isC ? includes(text) : imports(text)) {
      const target = isC
        ? headerPath(file, name, files)
        : isForeign(name)
          ? name
          : normalize(join(dirname(file), name));
      const allowed = rule.may.some((may) => (typeof may === 'string' ? target.startsWith(may) : may.test(target)));
      const line = text.slice(0, at).split('\n').length;
      if (!allowed) found.push(`${file}:${line}: ${rule.files} may not know ${target}`);
    }
  }
  return found;
}

/**
 * What an include names: the file beside it, or below src/ (as the compiler is told to look), or the system's header.
 * @param {string} file
 * @param {string} name with its quotes or brackets
 * @param {string[]} files all there are
 */
function headerPath(file, name, files) {
  if (name.startsWith('<')) return name;
  const beside = normalize(join(dirname(file), name.slice(1, -1)));
  return files.includes(beside) ? beside : normalize(join('src', name.slice(1, -1)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = breaches(process.argv[2] ?? fileURLToPath(new URL('../..', import.meta.url)));
  for (const line of found) console.error(line);
  process.exitCode = found.length > 0 ? 1 : 0;
}
