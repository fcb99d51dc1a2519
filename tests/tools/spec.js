// Every numbered statement of MQTT 3.1.1 and 5.0, where the code obeys it and what tests it: `make spec`. The lists are
// tests/spec/*.tsv. Code and tests cite a statement by its id, [M3:4.3.2-2] or [M5:4.3.2-4]: code where it is enforced, a
// test in its title or beside its check. Ends with 1 if a statement is cited by only one of the two or by none, if an id
// that is cited does not exist, or if a list says something that the citations deny.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @type {[string, string][]} the prefix of ids, the list */
const LISTS = [
  ['M3', 'tests/spec/mqtt-3.1.1.tsv'],
  ['M5', 'tests/spec/mqtt-5.0.tsv'],
];
const COLUMNS = 'id\tconcerns\tclient_must_check\tsection\tsummary\tcover';
const ID = /\[(M[35]:[\d.]+-\d+)\]/g;

/**
 * @typedef {object} Statement
 * @property {string} id as it is cited, without brackets
 * @property {string} place in the list, "file:line"
 * @property {string} summary
 * @property {'' | 'host' | 'n/a' | 'open'} cover who answers for it: '' the code, 'host' the code of a host
 * @property {string} note behind the colon of cover
 *
 * @typedef {object} Citation
 * @property {string} place "file:line"
 * @property {string} title of the test it stands in; of code: ''
 *
 * @typedef {Map<string, Citation[]>} Citations id -> where
 */

/**
 * @param {string} path of the list
 * @param {string} prefix of its ids
 * @param {string} text
 * @param {string[]} problems is added to
 * @returns {Statement[]}
 */
function readList(path, prefix, text, problems) {
  const [head, ...lines] = text.replace(/\n$/, '').split('\n');
  if (head !== COLUMNS) problems.push(`${path}:1: the columns are not ${COLUMNS.replaceAll('\t', ', ')}`);
  return lines.map((line, i) => {
    const place = `${path}:${i + 2}`;
    const [name, concerns, check, section, summary, cover = ''] = line.split('\t');
    const number = /^MQTT-([\d.]+-\d+)$/.exec(name)?.[1];
    if (!number || !/^(client|server|both)$/.test(concerns) || !/^(yes|no)$/.test(check) || !section || !summary)
      problems.push(`${place}: this is no statement: ${line}`);
    const [, kind = '', note = ''] = /^(n\/a|host|open): (.*)$/.exec(cover) ?? [];
    if (cover && !kind)
      problems.push(`${place}: cover is empty, or n/a, host or open with a colon and words: ${cover}`);
    else if (kind && kind !== 'host' && !/\S+ \S+/.test(note)) problems.push(`${place}: ${kind} without a reason`);
    return { id: `${prefix}:${number}`, place, summary, cover: /** @type {Statement['cover']} */ (kind), note };
  });
}

/** @param {string} file @param {string} line @returns {string | undefined} the title of a test that begins here */
function titleIn(file, line) {
  if (/\.txt$/.test(file)) return /^(?:## |\* )(.*)/.exec(line)?.[1];
  if (/\.c$/.test(file)) return /\bcheck_case\("(.*?)"|^static void (\w+)\(/.exec(line)?.slice(1).find(Boolean);
  return /\b(?:test|describe)\(\s*(['"`])(.*?)\1/.exec(line)?.[2];
}

/**
 * @param {string} root
 * @param {string[]} folders
 * @param {RegExp} pattern of file names
 * @returns {Citations}
 */
function citations(root, folders, pattern) {
  /** @type {Citations} */
  const found = new Map();
  for (const folder of folders.filter((name) => existsSync(join(root, name)))) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => pattern.test(name)).sort()) {
      const path = `${folder}/${file}`;
      let title = '';
      readFileSync(join(root, path), 'utf8')
        .split('\n')
        .forEach((line, i) => {
          title = titleIn(file, line) ?? title;
          for (const [, id] of line.matchAll(ID))
            found.set(id, [...(found.get(id) ?? []), { place: `${path}:${i + 1}`, title }]);
        });
    }
  }
  return found;
}

// What is in tests/ without testing the protocol.
const NO_TESTS = ['tools', 'spec', 'bench', 'clouds'];

/**
 * @param {string} root of the tree
 * @returns {{ statements: Statement[], code: Citations, tests: Citations, problems: string[] }}
 */
export function trace(root) {
  /** @type {string[]} */
  const problems = [];
  const statements = LISTS.flatMap(([prefix, path]) =>
    readList(path, prefix, readFileSync(join(root, path), 'utf8'), problems),
  );
  const code = citations(root, ['src', 'wasm', 'web/client'], /\.(c|h|js)$/);
  const folders = readdirSync(join(root, 'tests')).filter((name) => !NO_TESTS.includes(name) && !name.includes('.'));
  const tests = citations(
    root,
    folders.sort().map((name) => `tests/${name}`),
    /\.(c|js|txt)$/,
  );

  const known = new Set();
  for (const { id, place } of statements) {
    if (known.has(id)) problems.push(`${place}: ${id} is listed twice`);
    known.add(id);
  }
  for (const [id, places] of [...code, ...tests])
    if (!known.has(id)) problems.push(...places.map(({ place }) => `${place}: there is no statement ${id}`));

  for (const { id, place, summary, cover, note } of statements) {
    const enforced = code.get(id) ?? [];
    const tested = tests.get(id) ?? [];
    const what = `${place}: ${id} (${summary})`;
    // A test may show what servers do.
    if (cover === 'n/a' && enforced.length)
      problems.push(`${what} is listed as n/a, and cited at ${enforced[0].place}`);
    else if (cover === 'open' && enforced.length && tested.length)
      problems.push(`${what} is listed as open, and cited by code and a test`);
    else if (cover === 'host' && !enforced.some((citation) => citation.place.startsWith(`${note}:`)))
      problems.push(`${what} is not cited in ${note}`);
    else if ((cover === '' || cover === 'host') && !enforced.length) problems.push(`${what} is cited by no code`);
    if ((cover === '' || cover === 'host') && !tested.length) problems.push(`${what} is cited by no test`);
  }
  return { statements, code, tests, problems };
}

/** @param {string} root */
function print(root) {
  const { statements, code, tests, problems } = trace(root);
  for (const { id, summary, cover, note } of statements) {
    if (cover === 'n/a') continue;
    console.log(`${id}  ${summary}`);
    if (cover === 'open') console.log(`  OPEN  ${note}`);
    for (const { place } of code.get(id) ?? []) console.log(`  code  ${place}`);
    for (const { place, title } of tests.get(id) ?? []) console.log(`  test  ${place}  ${title}`);
  }
  console.log('\nWhat does not concern a client:');
  for (const { id, summary, cover, note } of statements)
    if (cover === 'n/a') console.log(`${id}  ${summary}\n  n/a   ${note}`);
  const open = statements.filter(({ cover }) => cover === 'open');
  if (open.length) console.log(`\n${open.length} OPEN:`);
  for (const { id, summary, note } of open) console.log(`${id}  ${summary}\n  OPEN  ${note}`);
  console.log('');
  for (const problem of problems) console.log(problem);
  for (const [prefix, path] of LISTS) {
    const all = statements.filter(({ id }) => id.startsWith(`${prefix}:`));
    const count = (/** @type {Statement['cover']} */ kind) => all.filter(({ cover }) => cover === kind).length;
    console.log(
      `${path}: ${all.length} statements, ${count('')} by the core, ${count('host')} by its hosts, ` +
        `${count('n/a')} not a client's, ${count('open')} open`,
    );
  }
  console.log(`${problems.length} problems`);
  if (problems.length) process.exitCode = 1;
}

if (resolve(process.argv[1] ?? '') === fileURLToPath(import.meta.url))
  print(fileURLToPath(new URL('../..', import.meta.url)));
