// What a connection and its server have agreed on, in the words of the public interface.

/**
 * @param {import('../../wasm/core.js').Core} core
 * @param {import('./connection.js').Connection} connection
 * @param {string} clientId
 * @returns {import('./types.js').Negotiated}
 */
export function negotiatedOf(core, { version, warnings }, clientId) {
  const n = core.negotiated();
  return {
    version: /** @type {3 | 4 | 5} */ (version),
    clientId,
    keepAlive: n.keep_alive,
    maximumQos: n.maximum_qos,
    retainAvailable: n.retain_available !== 0,
    wildcardAvailable: n.wildcard_available !== 0,
    identifiersAvailable: n.identifiers_available !== 0,
    sharedAvailable: n.shared_available !== 0,
    receiveMaximum: n.receive_maximum,
    topicAliasMaximum: n.topic_alias_maximum,
    maximumPacketSize: n.maximum_packet_size,
    sessionExpiryInterval: n.session_expiry_interval,
    warnings: [...warnings],
  };
}
