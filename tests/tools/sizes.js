// Prints what users load, in bytes as they are and after `gzip -9`, and how much of wasmqtt/providers is SmartREST. Of the
// module that is told by linking it without the functions for it, of the JavaScript by its files' part of the bundle.
// Called by `make size`, which gives the linker's command in LINK.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { readList } from './wasm-lists.js';

const MQTT_JS = 'node_modules/mqtt/dist/mqtt.min.js';

/** @param {Uint8Array | string} bytes */
const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
const kb = (/** @type {number} */ bytes) => `${(bytes / 1000).toFixed(1).padStart(7)} KB`;

/** @param {string} name @param {readonly string[]} paths */
function row(name, paths) {
  const files = paths.map((path) => readFileSync(path));
  const sums = [files.map(({ length }) => length), files.map(gzipped)].map((list) => list.reduce((a, b) => a + b));
  console.log(`${name.padEnd(36)}${sums.map(kb).join('')}`);
  return sums[1];
}

/** The providers' module with some of its functions. @param {readonly string[]} functions */
function linked(functions) {
  const file = 'build/size/providers.wasm';
  mkdirSync('build/size', { recursive: true });
  const objects = readdirSync('build/wasm/src', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.o'))
    .map((path) => `build/wasm/src/${path}`);
  const names = functions.map((name) => `_${name}`).join();
  const { status, stderr } = spawnSync(
    `${process.env.LINK} -o ${file} build/wasm/wasm/providers_shim.o ${objects.join(' ')} -sEXPORTED_FUNCTIONS=${names}`,
    { shell: true, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return gzipped(readFileSync(file));
}

/** The part of dist/providers.js that is made of the files whose names match. @param {RegExp} files */
async function partOf(files) {
  const { metafile } = await build({
    entryPoints: ['web/providers/index.js'],
    bundle: true,
    minify: true,
    format: 'esm',
    external: ['../client/index.js', './boundary.js', '../../wasm/boundary.js', 'node:*'],
    write: false,
    metafile: true,
  });
  const [{ bytes, inputs }] = Object.values(metafile.outputs);
  const these = Object.entries(inputs).filter(([path]) => files.test(path));
  return these.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0) / bytes;
}

console.log(`${''.padEnd(36)}     bytes   gzip -9`);
row('wasmqtt.js', ['dist/wasmqtt.js']);
row('wasmqtt.wasm', ['dist/wasmqtt.wasm']);
const client = row('  the client', ['dist/wasmqtt.js', 'dist/wasmqtt.wasm']);
const script = row('providers.js', ['dist/providers.js']);
row('providers.wasm', ['dist/providers.wasm']);
const providers = row('  the providers', ['dist/providers.js', 'dist/providers.wasm']);
const functions = readList('providers', 'exports').filter((name) => name !== 'memory');
const rest = functions.filter((name) => !name.includes('smartrest'));
const module = linked(functions) - linked(rest);
const smartrest = module + script * (await partOf(/smartrest/));
console.log(`${'    SmartREST of it, about'.padEnd(36)}${''.padStart(10)}${kb(smartrest)}`);
console.log(`${'  all of it'.padEnd(36)}${''.padStart(10)}${kb(client + providers)}`);
row('MQTT.js', [MQTT_JS]);
