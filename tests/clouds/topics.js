// Topics against filters, as a broker routes.

/**
 * @param {string} filter
 * @param {string} topic
 * @param {{ parents?: boolean }} [options] parents: "a/#" matches "a" too, as the specification has it; default true
 */
export function matches(filter, topic, { parents = true } = {}) {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const levels = topic.split('/');
  const wanted = filter.split('/');
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return levels.length > i || (parents && levels.length === i);
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false;
  }
  return levels.length === wanted.length;
}

/**
 * A shared subscription's parts.
 * @param {string} filter
 * @returns {{ group: string | undefined, filter: string }}
 */
export function shared(filter) {
  const [, group, rest] = /^\$share\/([^/]+)\/(.+)$/.exec(filter) ?? [];
  return { group, filter: rest ?? filter };
}

/** @param {string} filter @returns {boolean} */
export function isFilter(filter) {
  if (filter === '') return false;
  return filter
    .split('/')
    .every((level, i, levels) => !/[+#]/.test(level) || level === '+' || (level === '#' && i === levels.length - 1));
}
