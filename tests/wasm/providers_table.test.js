// The page that compares the services says what the tables of src/provider say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { page, table } from '../../web/docs/providers.js';

const read = (/** @type {string} */ name) => readFileSync(new URL(`../../web/docs/${name}`, import.meta.url), 'utf8');

test('web/docs/providers.md and .json are what `make providers` would write', async () => {
  const services = await table();
  assert.deepEqual(JSON.parse(read('providers.json')), services);
  // prettier aligns the page's tables
  const words = (/** @type {string} */ text) => text.replace(/-{3,}/g, '-').replace(/\s+/g, ' ');
  assert.equal(words(read('providers.md')), words(page(services)));
});
