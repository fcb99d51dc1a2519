// A reporter for `node --test` that says how many tests passed, failed and were skipped, as one line of JSON. A file that
// holds no test would count as passed; here it counts as failed.

/**
 * @param {AsyncIterable<import('node:test/reporters').TestEvent>} source
 */
export default async function* counts(source) {
  const counted = { passed: 0, failed: 0, skipped: 0, empty: /** @type {string[]} */ ([]) };
  for await (const { type, data } of source) {
    if (type === 'test:pass' && data.nesting === 0 && /\.test\.js$/.test(data.name)) {
      counted.empty.push(data.name); // the runner names a file's own entry after the file, and shows it only if it is empty
    } else if (type === 'test:diagnostic' && data.nesting === 0) {
      const [, what, number] = /^(pass|fail|cancelled|skipped|todo) (\d+)$/.exec(data.message) ?? [];
      if (what === 'pass') counted.passed += Number(number);
      else if (what === 'fail' || what === 'cancelled') counted.failed += Number(number);
      else if (what) counted.skipped += Number(number);
    }
  }
  counted.passed -= counted.empty.length;
  counted.failed += counted.empty.length;
  yield JSON.stringify(counted);
}
