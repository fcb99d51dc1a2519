// The package as its users meet it: both entries load in Node, the declarations fit the README's example, and nothing that
// they need is left out of what is published.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

for (const name of ['wasmqtt', 'wasmqtt/slim']) {
  test(`import '${name}' gives the interface, also as its default export`, async () => {
    const library = await import(name);
    assert.deepEqual(Object.keys(library).sort(), [
      'MqttError',
      '_boundary', // no part of it: what wasmqtt/providers takes from the same bundle
      'connect',
      'createClient',
      'default',
      'memoryStore',
      'scramSha256',
    ]);
    assert.equal(library.default.connect, library.connect);
    assert.equal(library.default.createClient, library.createClient);
    assert.equal(library.default.memoryStore, library.memoryStore);
    assert.equal(library.default.MqttError, library.MqttError);
  });
}

/**
 * What a user's compiler says to a module in the package's folder. The declarations are checked with it.
 * @param {string} text
 */
function diagnose(text) {
  const path = `${root}example.ts`; // it need not exist
  const options = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'],
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (file) => (file === path ? text : readFile(file));
  host.fileExists = (file) => file === path || fileExists(file);
  const program = ts.createProgram([path], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText, file, start }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

test("the README's example fits the declarations", () => {
  const [, example] = /```js\n([^]*?)```/.exec(readFileSync(`${root}README.md`, 'utf8')) ?? [];
  assert.ok(example.split('\n').length <= 30, 'it is to be short');
  assert.deepEqual(diagnose(example), []);
});

test('the client of a device is the Client of wasmqtt, and of wasmqtt/slim', () => {
  const found = diagnose(`
    import { connect, type Client, type Message, type Profile } from 'wasmqtt';
    import { type Client as SlimClient } from 'wasmqtt/slim';
    import { aws, device, type DeviceReport } from 'wasmqtt/providers';
    const profile: Profile = aws({});
    let client: Client = (await device(aws({}), { keepalive: 60 })).client; // its private parts make the class one of a kind
    client = await connect(profile);
    // @ts-expect-error: it is a type, and not any
    export const wrong: string = (await device(aws({}))).client;
    const slim: SlimClient = client;
    export const topic = ({ message }: DeviceReport, like: Message = message) => slim.state + like.topic;
  `);
  assert.deepEqual(found, []);
});

test('what package.json names is published', () => {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  const published = JSON.parse(stdout)[0].files.map((/** @type {{ path: string }} */ { path }) => path);
  const named = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? entry : Object.values(entry)));
  for (const path of [...named, './README.md', './LICENSE', './package.json']) {
    assert.ok(published.includes(path.replace('./', '')), `${path} is not in the package`);
  }
  assert.deepEqual(
    published.filter((/** @type {string} */ path) => /^(tests|build|examples|web|wasm)\//.test(path)),
    [],
  );
});
