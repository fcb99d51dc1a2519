// The convention of src/provider for services whose topics are free: PREFIX/DEVICE/telemetry and so on.

/** @type {[RegExp, 'telemetry' | 'events' | 'state' | 'answers'][]} */
const KINDS = [
  [/\/([^/]+)\/telemetry$/, 'telemetry'],
  [/\/([^/]+)\/events(?:\/[^/]+)?$/, 'events'],
  [/\/([^/]+)\/state$/, 'state'],
  [/\/([^/]+)\/responses\/[^/]+(?:\/[^/]+)?$/, 'answers'],
];

/**
 * Notes what a device sent.
 * @param {import('./server.js').CloudServer} server
 * @param {any} packet
 */
export function noteFree(server, packet) {
  for (const [pattern, kind] of KINDS) {
    const device = pattern.exec(packet.topic)?.[1];
    if (device !== undefined) return server.note(kind, device, packet);
  }
}

/**
 * A command to a device.
 * @param {import('./server.js').CloudServer} server
 * @param {string} device
 * @param {string} name
 * @param {unknown} [body] JSON
 * @param {{ id?: string, prefix?: string }} [options] id: the answer comes on .../responses/NAME/ID
 */
export function commandFree(server, device, name, body, { id, prefix = 'devices' } = {}) {
  const topic = [prefix, device, 'commands', name, ...(id === undefined ? [] : [id])].join('/');
  server.route({ topic, payload: body === undefined ? '' : JSON.stringify(body), qos: 1 });
}
