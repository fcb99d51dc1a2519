// That the layering check fails where it should: one breach of each kind, in a tree of its own, and none in ours.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { breaches } from './layering.js';
import { temporaryFolder } from './process.js';

/**
 * @param {Record<string, string>} files path -> text
 * @returns {string[]} what is wrong with a tree of these files
 */
function check(files) {
  const root = temporaryFolder('layering');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return breaches(root);
}

test('our own tree keeps the rules', () => {
  assert.deepEqual(breaches(fileURLToPath(new URL('../..', import.meta.url))), []);
});

test('a tree that keeps them has no breach', () => {
  assert.deepEqual(
    check({
      'src/codec/a.c': '#include "a.h"\n#include "wasmqtt.h"\n#include <string.h>\n',
      'src/codec/a.h': '#include "../wasmqtt.h"\n',
      'src/wasmqtt.h': '#include <stdint.h>\n',
      'src/client/b.c': '#include "codec/a.h"\n',
      'src/native/c.c': '#include <stdlib.h>\n#include "wasmqtt.h"\n',
      'web/client/index.js': "import './socket.js';\nconst { WebSocket } = await import('ws');\n",
      'web/dashboard/main.js': "import { connect } from '../client/index.js';\nimport { html } from 'lit';\n",
    }),
    [],
  );
});

/** @type {[string, Record<string, string>, string][]} */
const wrong = [
  ['codec knows client', { 'src/codec/a.c': '\n#include "client/c.h"\n' }, 'src/codec/a.c:2: '],
  ['codec knows client by a relative path', { 'src/codec/a.c': '#include "../client/c.h"\n' }, 'src/codec/a.c:1: '],
  ['client knows wasm', { 'src/client/a.c': '#include "../../wasm/w.h"\n' }, 'src/client/a.c:1: '],
  ['client knows a provider', { 'src/client/a.h': '#include "provider/aws.h"\n' }, 'src/client/a.h:1: '],
  ['the core has assert', { 'src/client/a.c': '#include <assert.h>\n' }, 'src/client/a.c:1: '],
  ['the core has malloc', { 'src/codec/a.c': '# include <stdlib.h>\n' }, 'src/codec/a.c:1: '],
  ['the core has a clock', { 'src/provider/a.c': '#include <time.h>\n' }, 'src/provider/a.c:1: '],
  ['the boundary has stdio', { 'wasm/shim.c': '#include <stdio.h>\n' }, 'wasm/shim.c:1: '],
  ['the boundary knows the codec', { 'wasm/shim.c': '#include "../src/codec/a.h"\n' }, 'wasm/shim.c:1: '],
  ['a host knows the client machine', { 'src/native/a.c': '#include "../client/client.h"\n' }, 'src/native/a.c:1: '],
  ['wasm knows the glue', { 'wasm/core.js': "import '../web/client/index.js';\n" }, 'wasm/core.js:1: '],
  [
    'the glue knows the dashboard',
    { 'web/client/a.js': "export * from '../dashboard/m.js';\n" },
    'web/client/a.js:1: ',
  ],
  [
    'the page knows the inside of the glue',
    { 'web/dashboard/a.js': "import '../client/socket.js';\n" },
    'web/dashboard/',
  ],
  [
    'the page knows wasm',
    { 'web/dashboard/a.js': "\nawait import('../../wasm/core.js');\n" },
    'web/dashboard/a.js:2: ',
  ],
  [
    'a type counts',
    { 'web/dashboard/a.js': "/** @type {import('../client/socket.js').S} */\n" },
    'web/dashboard/a.js:1: ',
  ],
  [
    'the model knows views',
    { 'web/dashboard/model/a.js': "import '../views/v.js';\n" },
    'web/dashboard/model/a.js:1: ',
  ],
  ['a package that is not ours to use', { 'web/client/a.js': "import 'left-pad';\n" }, 'web/client/a.js:1: '],
  ['a folder without a rule', { 'src/codec/a.c': '', 'wasm/a.c': '', 'web/a.c': '' }, 'web/a.c:1: '],
];
for (const [title, files, expected] of wrong) {
  test(`found: ${title}`, () => {
    const found = check(files);
    assert.equal(found.length, 1, found.join('\n'));
    assert.ok(found[0].startsWith(expected), found[0]);
  });
}
