// What a client tells of itself: types only.

/** @typedef {import('./errors.js').MqttError} MqttError */
/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./properties.js').Properties} Properties */

/**
 * 'connecting': an attempt is under way; 'connected'; 'waiting': for the next attempt; 'ending': end() waits for
 * acknowledgements; 'ended': by end(), or because it gave up.
 * @typedef {'connecting' | 'connected' | 'waiting' | 'ending' | 'ended'} State
 */

/**
 * @typedef {object} ConnectInfo
 * @property {boolean} sessionPresent the server knew this client, and kept its subscriptions
 * @property {string} clientId
 * @property {Properties} properties of CONNACK
 */

/**
 * What is in force on the present connection, or was on the last one.
 * @typedef {object} Negotiated
 * @property {3 | 4 | 5} version 3: MQTT 3.1, 4: 3.1.1, 5: 5.0
 * @property {string} clientId
 * @property {number} keepAlive seconds
 * @property {number} maximumQos
 * @property {boolean} retainAvailable
 * @property {boolean} wildcardAvailable wildcards in subscriptions
 * @property {boolean} identifiersAvailable subscription identifiers
 * @property {boolean} sharedAvailable shared subscriptions
 * @property {number} receiveMaximum messages with QoS 1 and 2 that the server takes at once; what is assumed in
 *   3.x
 * @property {number} topicAliasMaximum
 * @property {number} maximumPacketSize bytes that the server takes
 * @property {number} sessionExpiryInterval seconds; 4294967295: never
 * @property {string[]} warnings what this version cannot carry, and was left out
 */

/**
 * Counts since the client was made; queued to bufferedBytes are of now.
 * @typedef {object} Stats
 * @property {number} received messages
 * @property {number} published messages
 * @property {number} packetsIn
 * @property {number} packetsOut
 * @property {number} bytesIn
 * @property {number} bytesOut
 * @property {number} framesOut WebSocket messages sent
 * @property {number} connections
 * @property {number} unmatched messages that no handler wanted in time
 * @property {number} oversize messages that were too large (3.x)
 * @property {number} strayAcks
 * @property {number} topicsDecoded topic names made into strings
 * @property {number} queued outbound messages that wait
 * @property {number} inflight outbound messages under way
 * @property {number} unacked inbound messages that are not acknowledged
 * @property {number} oldestUnacked ms that the oldest of them has waited
 * @property {number} bufferedBytes bytes that wait to leave through the WebSocket
 */

/**
 * How a client ends.
 * @typedef {object} EndOptions
 * @property {boolean} [force] wait for nothing: no acknowledgement, no answer to the closing of the WebSocket, no store.
 *   That is given back as soon as it has written what there is: until then another client may find it 'store-in-use'
 * @property {number} [timeout] ms to wait for acknowledgements, and for a store; default 10000
 * @property {number} [reasonCode] of DISCONNECT (5.0); 4 has the server publish the will
 * @property {Properties} [properties] of DISCONNECT (5.0)
 */

/**
 * An MQTT packet that came whole, or was handed to the WebSocket whole. What does not apply is absent. There is no payload
 * in it, no user name, no password, no will, no authentication data: but topics may be private, too.
 * @typedef {object} PacketInfo
 * @property {'in' | 'out'} direction in: from the server
 * @property {'CONNECT' | 'CONNACK' | 'PUBLISH' | 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP' | 'SUBSCRIBE' | 'SUBACK' |
 *   'UNSUBSCRIBE' | 'UNSUBACK' | 'PINGREQ' | 'PINGRESP' | 'DISCONNECT' | 'AUTH'} type
 * @property {number} length bytes, with the fixed header
 * @property {number} [packetId] of PUBLISH with QoS 1 and 2, SUBSCRIBE, UNSUBSCRIBE, and what acknowledges them
 * @property {0 | 1 | 2 | 3} [qos] of PUBLISH; 3: the server breaks the protocol
 * @property {boolean} [retain] of PUBLISH
 * @property {boolean} [dup] of PUBLISH
 * @property {string} [topic] of PUBLISH; '' with a topic alias that stands for it (5.0)
 * @property {number} [reasonCode] of CONNACK, which calls it return code in 3.x; in 5.0 also of PUBACK, PUBREC, PUBREL,
 *   PUBCOMP, DISCONNECT and AUTH. 0 if the packet leaves it out, which is to say success
 */

/**
 * Arguments of listeners by event.
 * @typedef {object} ClientEvents
 * @property {[ConnectInfo]} connect CONNACK came, the first time and after each reconnect
 * @property {[{ attempt: number, delay: number, why: 'error' | 'renewal' | 'asked' }]} reconnect a new attempt begins, after
 *   a delay of so many ms: the last connection or attempt failed, its credentials are about to expire, or reconnect()
 * @property {[{ error: MqttError | null, delay: number | null }]} disconnect a connection or an attempt ended; the next
 *   attempt begins in so many ms, null: there will be none
 * @property {[Message]} message every message, whoever else gets it
 * @property {[unknown]} error something that no promise carries: a handler threw, the client gave up, another one seems to
 *   have its client id
 * @property {[State]} state
 * @property {[{ topic: string, qos: number, key: string | undefined, error: MqttError | undefined,
 *   reasonCode: number, properties: Properties }]} settled a message with QoS 1 or 2 is done with, and what the server's
 *   acknowledgement said, as publish() resolves with it
 * @property {[{ topic: string, size: number }]} oversize a message over maximumPacketSize was passed over (3.x); once a
 *   topic
 * @property {[PacketInfo]} packet for monitoring and debugging: each packet in and out, in their order, one that came
 *   before what it causes. Told on connections that began while somebody listened, until the last listener is taken away:
 *   a listener of what connect() resolved with is told from the next connection on, one of createClient() from the first.
 *   A server's packets are told before they are checked
 */

export {};
