// What a connection and its server have agreed on, in the words of the public interface.

import {
  wq_negotiated_t_identifiers_available,
  wq_negotiated_t_keep_alive,
  wq_negotiated_t_maximum_packet_size,
  wq_negotiated_t_maximum_qos,
  wq_negotiated_t_receive_maximum,
  wq_negotiated_t_retain_available,
  wq_negotiated_t_session_expiry_interval,
  wq_negotiated_t_shared_available,
  wq_negotiated_t_topic_alias_maximum,
  wq_negotiated_t_wildcard_available,
} from '../../build/gen/wasmqtt_layout.js';

/**
 * @param {import('../../wasm/core.js').Core} core
 * @param {import('./connection.js').Connection} connection
 * @param {string} clientId
 * @returns {import('./types.js').Negotiated}
 */
export function negotiatedOf(core, { version, warnings }, clientId) {
  const number = (/** @type {number} */ field) => core.negotiated(field);
  return {
    version: /** @type {3 | 4 | 5} */ (version),
    clientId,
    keepAlive: number(wq_negotiated_t_keep_alive),
    maximumQos: number(wq_negotiated_t_maximum_qos),
    retainAvailable: number(wq_negotiated_t_retain_available) !== 0,
    wildcardAvailable: number(wq_negotiated_t_wildcard_available) !== 0,
    identifiersAvailable: number(wq_negotiated_t_identifiers_available) !== 0,
    sharedAvailable: number(wq_negotiated_t_shared_available) !== 0,
    receiveMaximum: number(wq_negotiated_t_receive_maximum),
    topicAliasMaximum: number(wq_negotiated_t_topic_alias_maximum),
    maximumPacketSize: number(wq_negotiated_t_maximum_packet_size),
    sessionExpiryInterval: number(wq_negotiated_t_session_expiry_interval),
    warnings: [...warnings],
  };
}
