/** Topic filters, and what a topic says about a device. */

/**
 * @param {string} filter
 * @param {string} topic
 * @returns {boolean} whether the filter matches, by the rules of MQTT ($-topics are not matched by a leading wildcard)
 */
export function matches(filter, topic) {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false;
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

/**
 * @param {string} filter
 * @returns {string} what is wrong with the filter, or ''
 */
export function filterFault(filter) {
  if (filter === '') return 'A topic filter needs at least one character.';
  if (filter.includes('\0')) return 'A topic filter cannot hold a NUL character.';
  const levels = filter.split('/');
  for (const [i, level] of levels.entries()) {
    if (level.includes('#') && (level !== '#' || i !== levels.length - 1)) {
      return '# stands alone, as the last level: devices/#';
    }
    if (level.includes('+') && level !== '+') return '+ stands for a whole level: devices/+/telemetry';
  }
  return '';
}

/**
 * @param {string} topic
 * @returns {string} what is wrong with a topic to publish on, or ''
 */
export function topicFault(topic) {
  if (topic === '') return 'A topic needs at least one character.';
  if (/[+#]/.test(topic)) return 'A topic to publish on cannot hold + or #.';
  if (topic.includes('\0')) return 'A topic cannot hold a NUL character.';
  return '';
}

/** The filter that brings everything the device page needs. */
export const DEVICE_FILTER = 'devices/#';

/**
 * @param {string} topic
 * @returns {{ device: string, kind: string, rest: string } | null} for devices/{id}/{kind}[/{rest}], else null
 */
export function deviceTopic(topic) {
  if (!topic.startsWith('devices/')) return null;
  const idEnd = topic.indexOf('/', 8);
  if (idEnd <= 8) return null;
  const kindEnd = topic.indexOf('/', idEnd + 1);
  const kind = topic.slice(idEnd + 1, kindEnd < 0 ? topic.length : kindEnd);
  if (kind === '') return null;
  return { device: topic.slice(8, idEnd), kind, rest: kindEnd < 0 ? '' : topic.slice(kindEnd + 1) };
}

/**
 * @param {string} device
 * @param {string} command
 * @returns {string}
 */
export function commandTopic(device, command) {
  return `devices/${device}/commands/${command}`;
}

/**
 * Where a client wants its answers. Characters that would be levels or wildcards in a topic are replaced.
 * @param {string} clientId
 * @returns {string}
 */
export function replyTopic(clientId) {
  return `replies/${clientId.replace(/[+#/\0]/g, '_')}`;
}
