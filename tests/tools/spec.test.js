// That each statement of the specifications is obeyed and tested in our own tree, and that the check of it fails where it
// should: one lie of each kind, in a tree of its own.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './process.js';
import { trace } from './spec.js';

const HEAD = 'id\tconcerns\tclient_must_check\tsection\tsummary\tcover\n';
const row = (/** @type {string} */ cover, number = '1.1.1-1') =>
  `MQTT-${number}\tboth\tyes\tStrings\tno nonsense\t${cover}\n`;

/**
 * @param {Record<string, string>} files path -> text, besides empty lists
 */
function traced(files) {
  const root = temporaryFolder('spec');
  const lists = { 'tests/spec/mqtt-3.1.1.tsv': HEAD, 'tests/spec/mqtt-5.0.tsv': HEAD };
  for (const [path, text] of Object.entries({ ...lists, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return trace(root);
}

test('our own tree: every statement is covered, or has its reason', () => {
  const { statements, problems } = trace(fileURLToPath(new URL('../..', import.meta.url)));
  assert.deepEqual(problems, []);
  assert.equal(statements.filter(({ id }) => id.startsWith('M3:')).length, 141);
  assert.equal(statements.filter(({ id }) => id.startsWith('M5:')).length, 251);
});

test('a test is known by the title it stands in', () => {
  const { tests } = traced({
    'tests/vectors/packets.txt': '* PUBLISH of nonsense [M3:1.1.1-1]\n< 30\n',
    'tests/vectors/client/a.txt': '## nonsense comes [M3:1.1.1-1]\n  in 30\n',
    'tests/unit/a_test.c':
      'static void nonsense(void) {\n  check(0); /* [M3:1.1.1-1] */\n}\n\n' +
      '  check_case("no nonsense [M3:1.1.1-1]", nonsense);\n',
    'tests/client/a.test.js': "test('none', () => {\n  assert.ok(0); // [M3:1.1.1-1]\n});\n",
    'tests/tools/a.test.js': "test('no test of the protocol [M3:1.1.1-1]', () => {});\n",
  });
  assert.deepEqual(
    tests.get('M3:1.1.1-1')?.map(({ place, title }) => `${place} ${title}`),
    [
      'tests/client/a.test.js:2 none',
      'tests/unit/a_test.c:2 nonsense',
      'tests/unit/a_test.c:5 no nonsense [M3:1.1.1-1]',
      'tests/vectors/client/a.txt:1 nonsense comes [M3:1.1.1-1]',
      'tests/vectors/packets.txt:1 PUBLISH of nonsense [M3:1.1.1-1]',
    ],
  );
});

const CODE = { 'src/a.c': 'check(); /* [M3:1.1.1-1] */\n' };
const HOST = { 'web/client/a.js': 'check(); // [M3:1.1.1-1]\n' };
const TEST = { 'tests/vectors/packets.txt': '* nonsense [M3:1.1.1-1]\n' };
const list = (/** @type {string[]} */ ...rows) => ({ 'tests/spec/mqtt-3.1.1.tsv': HEAD + rows.join('') });

/** @type {[string, Record<string, string>][]} */
const right = [
  ['by code and test', { ...list(row('')), ...CODE, ...TEST }],
  ['by a host and a test', { ...list(row('host: web/client/a.js')), ...HOST, ...TEST }],
  ['not a client to see', list(row('n/a: the server alone can see it'))],
  [
    'not a client to see, but a test of servers shows it',
    { ...list(row('n/a: the server alone can see it')), ...TEST },
  ],
  ['open, and said so', { ...list(row('open: nobody checks it')), ...TEST }],
];
for (const [title, files] of right) {
  test(`enough: ${title}`, () => assert.deepEqual(traced(files).problems, []));
}

/** @type {[string, Record<string, string>, RegExp][]} */
const wrong = [
  ['no test', { ...list(row('')), ...CODE }, /^tests\/spec\/mqtt-3\.1\.1\.tsv:2: M3:1\.1\.1-1 .* by no test$/],
  ['no code', { ...list(row('')), ...TEST }, /by no code$/],
  [
    'cited in the other version only',
    { ...list(row('')), ...CODE, 'tests/unit/a.c': '/* [M5:1.1.1-2] */' },
    /M5:1\.1\.1-2/,
  ],
  ['an id in code that does not exist', { 'src/a.h': '\n/* [M5:1.1.1-2] */' }, /^src\/a\.h:2: there is no statement/],
  [
    'an id in a test that does not exist',
    { 'tests/unit/a.c': '/* [M5:1.1.1-2] */' },
    /^tests\/unit\/a\.c:1: there is no/,
  ],
  ['n/a without a reason', list(row('n/a: ')), /n\/a without a reason$/],
  ['n/a with one word', list(row('n/a: server')), /n\/a without a reason$/],
  ['n/a, and cited', { ...list(row('n/a: the server alone can see it')), ...CODE }, /and cited at src\/a\.c:1$/],
  ['open without a word', list(row('open: ')), /open without a reason$/],
  ['open, and done', { ...list(row('open: nobody checks it')), ...CODE, ...TEST }, /listed as open/],
  [
    'a host elsewhere',
    { ...list(row('host: web/client/b.js')), ...HOST, ...TEST },
    /is not cited in web\/client\/b\.js$/,
  ],
  ['a host without a test', { ...list(row('host: web/client/a.js')), ...HOST }, /by no test$/],
  ['another word', list(row('later: some day')), /cover is empty, or/],
  ['listed twice', { ...list(row(''), row('')), ...CODE, ...TEST }, /listed twice$/],
  ['other columns', { 'tests/spec/mqtt-5.0.tsv': 'id\n' }, /the columns are not/],
  ['no statement', list('MQTT-x\n'), /this is no statement/],
];
for (const [title, files, expected] of wrong) {
  test(`found: ${title}`, () => {
    const { problems } = traced(files);
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      problems.join('\n') || 'no problem was found',
    );
  });
}
