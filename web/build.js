// Makes the JavaScript that users take, into dist/. `node web/build.js STEP`, called by the Makefile:
//   webcrypto  build/gen/webcrypto.js: the Emscripten library of bindings as an ES module, for our own loader
//   library    dist/wasmqtt.js (wasm beside it), dist/wasmqtt.single.js (wasm inside), dist/worker.js; the same two forms of
//              dist/providers.js
//   types      dist/wasmqtt.d.ts and dist/providers.d.ts, from the JSDoc
//   dashboard  dist/dashboard/ (files, for a strict Content-Security-Policy) and dist/dashboard.html (one file)
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { build, transform } from 'esbuild';
import { diskPolicy } from './csp.js';
import { privateNames } from './private_names.js';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const SLIM = 'web/client/index.js';
const SINGLE = 'web/client/single.js';
const PROVIDERS = 'web/providers/index.js';
const PROVIDERS_SINGLE = 'web/providers/single.js';
const DISK = 'web/client/disk.js';
const WORKER = 'web/client/timer_worker.js';
/** What wasmqtt.d.ts is called while the declarations of wasmqtt/providers are made. */
const CLIENT_PACKAGE = 'the-client';
const PAGE = 'web/dashboard/index.html';

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'inline',
  logLevel: 'warning',
  external: ['ws', 'node:*'], // Node only, and only when asked for at run time
  loader: { '.wasm': 'binary' },
};

const ordinary = privateNames(root);

/**
 * Emscripten merges the library into a scope of its own, where HEAPU8 is the memory, and `$name` is a variable `name`. Here
 * that scope is a function, called once an instance; HEAPU8 becomes a field of its argument, so that it can be renewed, and
 * what only emcc reads is left out.
 */
async function webcrypto() {
  const source = await readFile('wasm/library_webcrypto.js', 'utf8');
  const scope = { LibraryManager: { library: {} }, mergeInto: Object.assign };
  runInNewContext(source, scope, { filename: 'wasm/library_webcrypto.js' });
  const names = Object.keys(scope.LibraryManager.library);
  const shared = names.filter((name) => name.startsWith('$')).map((name) => name.slice(1));
  const bindings = names.filter((name) => !/^\$|__(sig|deps)$/.test(name));
  const { code } = await transform(
    `export default function bind(heap) {
  const LibraryManager = { library: {} };
  const mergeInto = Object.assign;
  ${source.replace(/^ *\w+__(sig|deps):.*\n/gm, '')}
  const { library } = LibraryManager;
  ${shared.map((name) => `var ${name} = library.$${name};`).join('\n')}
  return { ${bindings.map((name) => `${name}: library.${name}`).join(', ')} };
}`,
    { define: { HEAPU8: 'heap.u8' } },
  );
  await mkdir('build/gen', { recursive: true });
  await writeFile(
    'build/gen/webcrypto.js',
    `// @ts-nocheck Made from wasm/library_webcrypto.js by web/build.js: do not edit.

/**
 * The module's imports from \`env\`, for one instance.
 * @param {{ u8: Uint8Array }} heap its memory: set u8 before the module calls, and anew whenever the memory has grown
 * @returns {Record<${bindings.map((name) => `'${name}'`).join(' | ')}, (...args: number[]) => number | void>}
 */
${code}`,
  );
}

/**
 * wasmqtt/providers connects with the client that the page has from wasmqtt, not with one of its own, and takes from it what
 * both have of wasm/.
 * @param {string} path
 * @returns {import('esbuild').Plugin}
 */
const clientIn = (path) => ({
  name: 'client-beside',
  setup(on) {
    on.onResolve({ filter: /(client\/index|\/boundary)\.js$/ }, () => ({ path, external: true }));
  },
});

/**
 * A client's entry, and what wasmqtt/providers takes from its bundle besides.
 * @param {string} path
 */
const client = (path) => ({
  contents: ["* from './PATH'", "{ default } from './PATH'", "{ _boundary } from './wasm/boundary.js'"]
    .map((what) => `export ${what.replace('PATH', path)};`)
    .join('\n'),
  resolveDir: root,
});

async function library() {
  await build({ ...common, ...ordinary, stdin: client(SLIM), outfile: 'dist/wasmqtt.js' });
  await build({ ...common, ...ordinary, stdin: client(SINGLE), outfile: 'dist/wasmqtt.single.js' });
  await build({
    ...common,
    entryPoints: [PROVIDERS],
    outfile: 'dist/providers.js',
    plugins: [clientIn('./wasmqtt.js')],
  });
  const plugins = [clientIn('./wasmqtt.single.js')];
  await build({ ...common, entryPoints: [PROVIDERS_SINGLE], outfile: 'dist/providers.single.js', plugins });
  // A classic worker: Chromium makes no other kind from a blob in a page from disk.
  await build({ ...common, format: 'iife', entryPoints: [WORKER], outfile: 'dist/worker.js' });
}

async function types() {
  /** @type {(script: string, ...args: string[]) => void} */
  const run = (script, ...args) => {
    const done = spawnSync(process.execPath, [join('node_modules', script), ...args], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`${script} failed:\n${done.stdout}${done.stderr}`);
  };
  /** @type {(name: string, text: object) => Promise<string>} */
  const config = async (name, text) => {
    const path = `build/types/${name}.json`;
    await writeFile(path, JSON.stringify({ extends: '../../tsconfig.json', ...text }));
    return path;
  };
  await rm('build/types', { recursive: true, force: true });
  await mkdir('build/types', { recursive: true });
  await mkdir('dist', { recursive: true });
  const emit = { noEmit: false, declaration: true, emitDeclarationOnly: true, stripInternal: true };
  const declarations = { ...emit, rootDir: '../..', outDir: '.' };
  run(
    'typescript/bin/tsc',
    '-p',
    await config('emit', { compilerOptions: declarations, include: [SLIM, PROVIDERS].map((path) => `../../${path}`) }),
  );
  for (const [path, file] of [
    [SLIM, 'dist/wasmqtt.d.ts'],
    [PROVIDERS, 'dist/providers.d.ts'],
  ]) {
    if (path === PROVIDERS) await clientAsPackage();
    // What a user's compiler will see: no types of Node.
    const entry = path.replace(/\.js$/, '.d.ts');
    const project = await config('bundle', { compilerOptions: { types: [] }, include: [entry] });
    // Exported is what the entry exports, and nothing for being mentioned there.
    const options = ['--project', project, '--export-referenced-types=false', '--no-banner', '--silent'];
    run(
      'dts-bundle-generator/dist/bin/dts-bundle-generator.js',
      ...[...options, '--out-file', `build/types/${file}`, join('build/types', entry)],
    );
    const text = await readFile(`build/types/${file}`, 'utf8');
    await writeFile(file, text.replaceAll(CLIENT_PACKAGE, './wasmqtt.js'));
  }
}

/**
 * Client, Message and the like are one type each, whether it is named to wasmqtt or to wasmqtt/providers: the latter's
 * declarations import those of the former, which a bundler of declarations does for packages only.
 */
async function clientAsPackage() {
  const folder = `build/types/node_modules/${CLIENT_PACKAGE}`;
  await mkdir(folder, { recursive: true });
  await copyFile('dist/wasmqtt.d.ts', `${folder}/index.d.ts`);
  await writeFile(`${folder}/package.json`, JSON.stringify({ name: CLIENT_PACKAGE, types: 'index.d.ts' }));
  const providers = 'build/types/web/providers';
  for (const name of await readdir(providers, { recursive: true })) {
    if (!name.endsWith('.d.ts')) continue;
    const text = await readFile(join(providers, name), 'utf8');
    await writeFile(join(providers, name), text.replace(/(["'])(\.\.\/)+client\/\w+\.js\1/g, `'${CLIENT_PACKAGE}'`));
  }
}

/**
 * The dashboard is written against web/client/index.js and web/providers/index.js, as any web app; its one-file form takes
 * the entries with everything inside instead.
 * @type {import('esbuild').Plugin}
 */
const allInside = {
  name: 'all-inside',
  setup(on) {
    const inside = new Map([
      [SLIM, DISK],
      [PROVIDERS, PROVIDERS_SINGLE],
    ]);
    on.onResolve({ filter: /\/(client|providers)\/index\.js$/ }, ({ path, resolveDir }) => {
      const whole = inside.get(relative(root, resolve(resolveDir, path)));
      return whole ? { path: resolve(whole) } : undefined;
    });
  },
};

const sha256 = (/** @type {string} */ text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/**
 * Replace what must be there exactly once.
 * @param {string} text
 * @param {RegExp} pattern
 * @param {string} replacement
 */
function replaceOne(text, pattern, replacement) {
  const parts = text.split(pattern);
  if (parts.length !== 2) throw new Error(`${PAGE}: expected ${pattern} once, found it ${parts.length - 1} times`);
  return parts.join(replacement);
}

async function dashboard() {
  const folder = 'dist/dashboard';
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const entryPoints = { main: 'web/dashboard/main.js', style: 'web/dashboard/style.css' };
  // What is imported on demand is a file of its own, as is what both parts share.
  const files = { ...entryPoints, providers: PROVIDERS };
  await build({ ...common, ...ordinary, entryPoints: files, outdir: folder, splitting: true });
  for (const file of ['wasmqtt.wasm', 'providers.wasm', 'worker.js'])
    await copyFile(`dist/${file}`, join(folder, file));

  const define = { TIMER_WORKER: JSON.stringify(await readFile('dist/worker.js', 'utf8')) };
  const plugins = [allInside, ...ordinary.plugins];
  const inside = await build({ ...common, ...ordinary, entryPoints, outdir: folder, define, write: false, plugins });
  const text = (/** @type {string} */ suffix) => {
    const file = inside.outputFiles.find(({ path }) => path.endsWith(suffix));
    if (!file) throw new Error(`esbuild made no ${suffix}`);
    return file.text.trim();
  };
  // A bundle must not close the element that it stands in.
  const script = text('main.js').replace(/<\/script/gi, '<\\/script');
  const style = text('style.css').replace(/<\/style/gi, '<\\/style');
  const html = await readFile(PAGE, 'utf8');
  let one = replaceOne(html, /<link\s[^>]*href="\.?\/?style\.css"[^>]*>/, `<style>${style}</style>`);
  one = replaceOne(one, /<script\s[^>]*src="\.?\/?main\.js"[^>]*><\/script>/, '');
  one = replaceOne(one, /<\/body>/, `<script type="module">${script}</script>\n  </body>`);
  const meta = `<meta http-equiv="Content-Security-Policy" content="${diskPolicy(sha256(script), sha256(style))}" />`;
  one = replaceOne(one, /<meta charset="utf-8"\s*\/?>/i, `<meta charset="utf-8" />\n    ${meta}`);
  await writeFile('dist/dashboard.html', one);
  await writeFile(join(folder, 'index.html'), html);
}

const steps = { webcrypto, library, types, dashboard };
const step = steps[/** @type {keyof typeof steps} */ (process.argv[2])];
if (!step) {
  console.error(`usage: node ${relative(root, fileURLToPath(import.meta.url))} ${Object.keys(steps).join('|')}`);
  process.exit(2);
}
await step();
