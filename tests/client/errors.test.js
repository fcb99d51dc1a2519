// The list of codes at MqttError has all of them.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const read = (/** @type {string} */ path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** @param {string} text @param {RegExp} pattern with one group */
const all = (text, pattern) => [...text.matchAll(pattern)].map(([, found]) => found);

test('every code of an error is in the list that MqttError has', () => {
  const source = readdirSync(new URL('../../web/client', import.meta.url))
    .map((name) => read(`web/client/${name}`))
    .join('\n');
  const made = [
    ...all(source, /new MqttError\(\s*[^,]+,\s*'([a-z0-9-]+)'/g),
    ...all(source, /\bcode: '([a-z0-9-]+)'/g),
    ...all(source, /MqttError\(\s*'[a-z]+',\s*\w+ \? '([a-z0-9-]+)' : '/g),
    ...all(source, /MqttError\(\s*'[a-z]+',\s*\w+ \? '[a-z0-9-]+' : '([a-z0-9-]+)'/g),
    ...all(source, /error\('(aborted|timeout)'/g),
  ];
  const core = all(read('src/wasmqtt.h'), /^ *WQ_E_([A-Z_]+) *=/gm)
    .map((name) => name.toLowerCase().replaceAll('_', '-'))
    .filter((name) => !['memory', 'token', 'fatal', 'refused'].includes(name)); // these do not reach the user by this name
  const [list] = all(read('web/client/errors.js'), /A short name that stays:([^]*?)\* @type/g);
  const told = all(list.replace(/\([^)]*\)/g, ''), /(?<![\w'])([a-z][a-z0-9]*(?:-[a-z0-9]+)*)(?=[,;\s])/g);
  const missing = [...new Set([...made, ...core])].filter((code) => !told.includes(code));
  assert.deepEqual(missing, []);
});
