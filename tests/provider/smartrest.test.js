// SmartREST in C (smartrest_probe.c) against the vectors, and against a second one that is written another way.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { read, write } from './smartrest_other.js';

const program = fileURLToPath(new URL('../../build/test/smartrest_probe', import.meta.url));
/** @type {{ shapes: Record<string, string>, quoting: { fields: string[], escaped: string, doubled: string }[], rows: string[], collection: string[],
 *   refused: { topic: string, row: string, error: number, says: string }[],
 *   named: { kind: number, row: string, id: number, role: string, name: string, args: [string, number, string][] }[] }} */
const vectors = JSON.parse(readFileSync(new URL('../vectors/smartrest.json', import.meta.url), 'utf8'));

/** Texts here have one character a byte, so that any bytes can be tried. @param {string} text */
const bytes = (text) => Buffer.from(text, 'utf8').toString('latin1');
/** @param {string} text */
const hex = (text) => (text === '' ? '-' : Buffer.from(text, 'latin1').toString('hex'));
/** @param {string} text */
const unhex = (text) => Buffer.from(text, 'hex').toString('latin1');

/**
 * Run commands.
 * @param {string[]} commands
 * @returns {any[]} their answers
 */
function probe(commands) {
  const { status, stdout, stderr } = spawnSync(program, {
    input: commands.join('\n') + '\n',
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, stderr);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/**
 * @param {string[][]} messages each in its pieces
 * @returns {import('./smartrest_other.js').Result[][]}
 */
const readAll = (messages) =>
  probe(messages.map((pieces) => `read ${pieces.map(hex).join(' ')}`)).map((rows) =>
    rows.map((/** @type {any[]} */ row) => row.map((field) => (typeof field === 'number' ? field : unhex(field)))),
  );

/** @typedef {{ topic?: string, max?: number, doubled?: boolean, rows: string[][] }} Writing */
/** @typedef {{ results: [number, string][], payloads: string[] }} Written */

/**
 * @param {Writing[]} writings
 * @returns {Written[]}
 */
const writeAll = (writings) =>
  probe(
    writings.map(({ topic = 's/us', max = 16175, doubled = false, rows }) =>
      ['write', hex(topic), max, doubled ? 'doubled' : 'escaped', ...rows.map((row) => row.map(hex).join(','))].join(
        ' ',
      ),
    ),
  ).map(({ results, payloads }) => ({ results, payloads: payloads.map(unhex) }));

/** Mulberry32: the same numbers each time. @param {number} seed @returns {(below: number) => number} */
function random(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** The row of a text that is known to be well-formed. @param {string} text */
const fieldsOf = (text) => /** @type {string[]} */ (read(bytes(text))[0]);

test('quoting: the vectors, in both forms, out and in', () => {
  for (const doubled of [false, true]) {
    const lines = vectors.quoting.map(({ escaped, doubled: other }) => bytes(doubled ? other : escaped));
    const rows = vectors.quoting.map(({ fields }) => fields.map(bytes));
    // Of a template that the table does not know, since some are none of its rows.
    const written = writeAll(rows.map((row) => ({ topic: 's/uc/xid', doubled, rows: [row] })));
    assert.deepEqual(
      written.flatMap(({ payloads }) => payloads),
      lines,
    );
    assert.deepEqual(readAll(lines.map((line) => [line])).flat(), rows);
    assert.deepEqual(readAll([[lines.join('\n')]])[0], rows, 'all in one message');
    assert.deepEqual(readAll([[...lines.map((line) => `${line}\r\n`).join('')]])[0], rows, 'byte by byte');
  }
  assert.deepEqual(
    readAll([['100,"a ""b"" c"'], ['100,"a \\"b\\" c"'], ['100,a\n200,f,s,1\n'], ['100,"a\\nb\\"\\\\ "']]),
    [
      [['100', 'a "b" c']],
      [['100', 'a "b" c']],
      [
        ['100', 'a'],
        ['200', 'f', 's', '1'],
      ],
      [['100', 'a\\nb"\\\\ ']],
    ],
  );
});

test('quoting: values that cannot be written are refused, in quotes only', () => {
  const rows = [
    ['9', 'ends, with\\'],
    ['9', 'C:\\'],
    ['9', 'a\\"b'],
    ['9', '\xff'],
    ['9', 'a\0b'],
    ['9', 'a\\b,'],
  ];
  const [escaped, doubled] = writeAll([false, true].map((form) => ({ topic: 's/ud', doubled: form, rows })));
  assert.deepEqual(
    escaped.results.map(([error]) => error),
    [-155, 0, 0, -154, -154, 0],
  );
  assert.deepEqual(
    doubled.results.map(([error]) => error),
    [-155, 0, -155, -154, -154, 0],
  );
  assert.deepEqual(escaped.payloads, ['9,C:\\\n9,"a\\\\"b"\n9,"a\\b,"']);
});

test('static templates and collections: the documented rows are written as they are', () => {
  for (const [topic, rows] of /** @type {const} */ ([
    ['s/us', vectors.rows],
    ['s/ut/xid', vectors.collection],
  ])) {
    const written = writeAll(rows.map((row) => ({ topic, rows: [fieldsOf(row)] })));
    written.forEach(({ results, payloads }, i) => {
      assert.deepEqual(results, [[0, '']], rows[i]);
      assert.deepEqual(payloads, [bytes(rows[i])]);
    });
  }
});

test('static templates and collections: a wrong row is refused, with its place and what was wanted', () => {
  const written = writeAll(vectors.refused.map(({ topic, row }) => ({ topic, rows: [fieldsOf(row)] })));
  written.forEach(({ results, payloads }, i) => {
    const { row, error, says } = vectors.refused[i];
    assert.deepEqual(results, [[error, says]], row);
    assert.deepEqual(payloads, [], row);
  });
});

test('a wrong row costs no other', () => {
  const [{ results, payloads }] = writeAll([{ rows: ['100,a', '200,f,s,warm', '211,x', '400,t'].map(fieldsOf) }]);
  assert.deepEqual(
    results.map(([error]) => error),
    [0, -153, -153, -151],
  );
  assert.deepEqual(payloads, ['100,a']);
});

test('operations and answers have named fields', () => {
  const read = probe(vectors.named.map(({ kind, row }) => `named ${kind} ${hex(bytes(row))}`));
  read.forEach((got, i) => {
    const { id, role, name, args } = vectors.named[i];
    const texts = got.args.map((/** @type {any[]} */ [arg, round, value]) => [arg, round, unhex(value)]);
    assert.deepEqual({ ...got, args: texts }, { id, role, name, args });
  });
  assert.deepEqual(probe([`named 8 ${hex('510,serial')}`, `named 7 ${hex('100,name')}`]), [null, null]);
});

test('the table: every template, its arguments and their types', () => {
  const [list] = probe(['list']);
  /** @type {Record<string, string>} */
  const shapes = {};
  for (const [id, , role, name, args] of list) {
    assert.match(name, role === '!' ? /^c8y_[A-Z][A-Za-z]+$/ : /^[a-z][A-Za-z]+$/, id);
    if (role === '!') assert.equal(args[0][0], 'serial', id);
    assert.equal(id in shapes, false, `${id} is there once`);
    shapes[id] = args
      .map((/** @type {any[]} */ [arg, type, required, repeats]) => {
        assert.match(arg, type === '$' ? /^\$[A-Z]+$/ : /^[a-z][A-Za-z]*$/, id);
        const letter = required ? type.toUpperCase() : type === '$' ? '?' : type;
        return repeats ? `(${letter})` : letter;
      })
      .join('')
      .replaceAll(')(', '');
  }
  assert.deepEqual(shapes, vectors.shapes);
  const names = list.map((/** @type {any[]} */ [, kind, , name]) => `${kind} ${name}`);
  const twice = names.filter((/** @type {string} */ name, /** @type {number} */ i) => names.indexOf(name) !== i);
  // Operations that have a newer form with more arguments.
  assert.deepEqual(twice.sort(), [
    '7 c8y_DownloadConfigFile',
    '7 c8y_Firmware',
    '7 c8y_SoftwareUpdate',
    '7 c8y_UploadConfigFile',
  ]);
});

test('modes: measurements and events in any, all else where it is stored or seen', () => {
  const rows = ['200,f,s,1', '400,t,x', '100,a', '301,a', '999,own'].map(fieldsOf);
  const written = writeAll(['s/us', 't/us', 'q/us/child', 'c/us', 'q/uc/xid'].map((topic) => ({ topic, rows })));
  assert.deepEqual(
    written.map(({ results }) => results.map(([error]) => error)),
    [
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
      [0, 0, -157, -157, 0],
      [0, 0, -157, -157, 0],
      [0, 0, 0, 0, 0],
    ],
  );
});

/** Bytes that matter, more often than others. */
const LETTERS = [
  '"',
  '"',
  '"',
  ',',
  ',',
  '\\',
  '\n',
  '\r',
  '\t',
  ' ',
  'a',
  '7',
  '\0',
  '\xff',
  '\\"',
  '""',
  ',"',
  '",',
  '"\n',
];

/**
 * A text cut into pieces.
 * @param {string} text
 * @param {(below: number) => number} pick
 */
function cut(text, pick) {
  const pieces = [];
  for (let at = 0; at < text.length;) {
    const end = at + 1 + pick(pick(4) === 0 ? text.length : 4);
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces.length > 0 ? pieces : [''];
}

test('10 000 random lines, cut anywhere: as a second reader reads them', () => {
  const pick = random(1);
  /** @type {string[]} */
  const texts = [];
  for (let lines = 0; lines < 10_000;) {
    const wild = pick(2) === 0;
    const length = 1 + pick(6);
    let text = '';
    for (let i = 0; i < length; i++, lines++) {
      if (wild) {
        for (let n = pick(16); n > 0; n--) text += LETTERS[pick(LETTERS.length)];
      } else {
        const row = Array.from({ length: 1 + pick(5) }, () =>
          Array.from({ length: pick(6) }, () => LETTERS[pick(LETTERS.length)]).join(''),
        );
        text += write(row, pick(2) === 0);
      }
      if (i + 1 < length || pick(2) === 0) text += pick(4) === 0 ? '\r\n' : '\n';
    }
    texts.push(text);
  }
  const got = readAll(texts.map((text) => cut(text, pick)));
  let rows = 0;
  let errors = 0;
  texts.forEach((text, i) => {
    const want = read(text);
    assert.deepEqual(got[i], want, JSON.stringify(text));
    for (const [first] of want) typeof first === 'number' ? errors++ : rows++;
  });
  assert.ok(rows > 5000 && errors > 2000, `${rows} rows and ${errors} errors are enough of both`);
});

test('random values: written as by a second writer, and read back as they were', () => {
  const pick = random(2);
  const characters = [...'",\\\n\r\t ab7é☃🙂'].map(bytes);
  const value = () => Array.from({ length: pick(12) }, () => characters[pick(characters.length)]).join('');
  for (const doubled of [false, true]) {
    const rows = Array.from({ length: 3000 }, () => [`${1 + pick(2000)}`, ...Array.from({ length: pick(6) }, value)]);
    const written = writeAll(rows.map((row) => ({ topic: 's/uc/xid', doubled, rows: [row] })));
    const read = readAll(written.map(({ payloads }) => [payloads[0] ?? '']));
    let refused = 0;
    rows.forEach((row, i) => {
      const { results, payloads } = written[i];
      // What has no form that can be read in one way only is refused.
      const hopeless = row.some((field) => {
        const quoted = write([field], doubled) !== field;
        return quoted && (field.endsWith('\\') || (doubled && field.includes('\\"')));
      });
      assert.equal(results[0][0], hopeless ? -155 : 0, JSON.stringify(row));
      if (hopeless) {
        refused++;
        return;
      }
      assert.deepEqual(payloads, [write(row, doubled)]);
      assert.deepEqual(read[i], [row]);
    });
    assert.ok(refused > 100 && refused < 2000, `${refused}`);
  }
});

test('many rows: as few payloads as can be, cut at rows only', () => {
  const pick = random(3);
  const writings = Array.from({ length: 200 }, () => ({
    topic: 's/ud',
    max: 20 + pick(100),
    rows: Array.from({ length: 1 + pick(40) }, () => ['7', 'a\n"b",'.repeat(pick(4)), 'x'.repeat(pick(30))]),
  }));
  writeAll(writings).forEach(({ results, payloads }, i) => {
    const { max, rows } = writings[i];
    const texts = rows.map((row) => write(row, false));
    assert.deepEqual(
      results.map(([error]) => error),
      texts.map((text) => (text.length <= max ? 0 : -160)),
    );
    /** @type {string[]} */
    const want = [];
    for (const text of texts.filter((text) => text.length <= max)) {
      const last = want[want.length - 1];
      if (last !== undefined && last.length + 1 + text.length <= max) want[want.length - 1] = `${last}\n${text}`;
      else want.push(text);
    }
    assert.deepEqual(payloads, want);
  });
});

test('a collection is one payload, and has a message id once', () => {
  const rows = ['10,12,GET,INVENTORY,,true', '11,1,,,a', '10,1,GET,INVENTORY,,true', '10,"1,2",GET,INVENTORY,,true'];
  const again = ['10,1,POST,INVENTORY,,x', '11,1,,,b', '10,"1,2",GET,INVENTORY,,true'];
  const [{ results, payloads }] = writeAll([{ topic: 's/ut/xid', rows: [...rows, ...again].map(fieldsOf) }]);
  assert.deepEqual(
    results.map(([error]) => error),
    [0, 0, 0, 0, -159, -159, -159],
  );
  assert.deepEqual(payloads, [rows.join('\n')]);
  const [small] = writeAll([{ topic: 's/ut/xid', max: 40, rows: rows.map(fieldsOf) }]);
  assert.deepEqual(
    small.results.map(([error]) => error),
    [0, 0, -160, -160],
  );
});
