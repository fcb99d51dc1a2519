/* SPDX-License-Identifier: MIT
 * The body of one control packet <-> a struct of views, for every packet and both directions. No state: what may come
 * when is the client's business. `version` is enum wq_version everywhere.
 *
 * Decoders take the body (after the fixed header) and check all that can be known from one packet alone: every length,
 * UTF-8, reserved bits, packet id not 0, reason codes the specification lists, properties by wq_properties_check(),
 * nothing left over. They return 0 or -201..-206: WQ_E_MALFORMED for what cannot be parsed, WQ_E_PROTOCOL for what
 * can but is not allowed, WQ_E_TOPIC_INVALID and WQ_E_TOPIC_ALIAS. Views point into the body; on an error the struct
 * is of no use.
 *
 * Encoders write the whole packet, fixed header included, and return its size; 0 if it does not fit in `room`, or could
 * not be a packet (over 268435455 bytes, a string over 65535). They do not validate views (the caller did). With 3.x,
 * properties and reason codes are left out. */
#ifndef WQ_CODEC_PACKET_H
#define WQ_CODEC_PACKET_H

#include "../wasmqtt.h"

typedef struct wq_connect_packet {
  uint8_t version; /* from protocol name and level: "MQIsdp" 3, "MQTT" 4 and 5. Others: WQ_E_PROTOCOL */
  bool clean;
  bool has_will;
  uint8_t will_qos;
  bool will_retain;
  uint16_t keep_alive;
  wq_bytes client_id, properties;
  wq_bytes username, password; /* data NULL: absent */
  wq_bytes will_topic, will_payload, will_properties;
} wq_connect_packet;

typedef struct wq_connack_packet {
  bool session_present; /* always false in 3.1 */
  uint8_t reason;       /* return code in 3.x */
  wq_bytes properties;
} wq_connack_packet;

typedef struct wq_publish_packet {
  uint8_t qos;
  bool retain, dup;
  uint16_t packet_id; /* 0 with QoS 0 */
  wq_bytes topic;     /* may be empty in 5.0 if a Topic Alias is given */
  wq_bytes properties;
  wq_bytes payload;
  uint16_t alias; /* encoding in 5.0: not 0 is a Topic Alias that goes behind `properties`, which have none then */
} wq_publish_packet;

/* PUBACK, PUBREC, PUBREL, PUBCOMP */
typedef struct wq_ack_packet {
  uint16_t packet_id;
  uint8_t reason;
  wq_bytes properties;
} wq_ack_packet;

/* SUBSCRIBE, UNSUBSCRIBE; `filters` is the encoded list, walked by wq_subscribe_next() or wq_unsubscribe_next() */
typedef struct wq_subscribe_packet {
  uint16_t packet_id;
  wq_bytes properties;
  wq_bytes filters;
} wq_subscribe_packet;

/* SUBACK, UNSUBACK (reasons is empty in an UNSUBACK of 3.x) */
typedef struct wq_suback_packet {
  uint16_t packet_id;
  wq_bytes properties;
  wq_bytes reasons;
} wq_suback_packet;

/* DISCONNECT, AUTH */
typedef struct wq_reason_packet {
  uint8_t reason;
  wq_bytes properties;
} wq_reason_packet;

int wq_connect_decode(wq_connect_packet *p, wq_bytes body);
int wq_connack_decode(wq_connack_packet *p, uint8_t version, wq_bytes body);
/* `body` may end early: what counts for a streamed payload is `remaining`, the length that the fixed header declares;
 * payload is then the part that is there. Returns also n > 0: the variable header is not whole, and at least n bytes of
 * body are needed to go on (only if body.len < remaining). `flags` are those that wq_frame_read() accepted. That the
 * topic is not empty where it must not be is checked, its text is not, for the caller may know the name already:
 * wq_topic_name_check() is left to it; wq_packet_decode() does check. */
int wq_publish_decode(wq_publish_packet *p, uint8_t version, uint8_t flags, wq_bytes body, uint32_t remaining);
int wq_ack_decode(wq_ack_packet *p, uint8_t type, uint8_t version, wq_bytes body);
int wq_subscribe_decode(wq_subscribe_packet *p, uint8_t version, wq_bytes body);
int wq_unsubscribe_decode(wq_subscribe_packet *p, uint8_t version, wq_bytes body);
int wq_suback_decode(wq_suback_packet *p, uint8_t version, wq_bytes body);
int wq_unsuback_decode(wq_suback_packet *p, uint8_t version, wq_bytes body);
int wq_disconnect_decode(wq_reason_packet *p, uint8_t version, wq_bytes body);
int wq_auth_decode(wq_reason_packet *p, wq_bytes body);

/* Walk a list that was decoded: 1 and the next entry, or 0 at its end. */
int wq_subscribe_next(wq_bytes *filters, wq_subscription *subscription);
int wq_unsubscribe_next(wq_bytes *filters, wq_bytes *filter);

uint32_t wq_connect_encode(uint8_t *dst, uint32_t room, const wq_connect_packet *p);
uint32_t wq_connack_encode(uint8_t *dst, uint32_t room, uint8_t version, const wq_connack_packet *p);
uint32_t wq_publish_encode(uint8_t *dst, uint32_t room, uint8_t version, const wq_publish_packet *p);
/* The part of a PUBLISH before its payload, for a payload sent from elsewhere (p->payload.len counts). */
uint32_t wq_publish_head_encode(uint8_t *dst, uint32_t room, uint8_t version, const wq_publish_packet *p);
/* A PUBLISH that is sent for the first time, not retained, and has no properties, at half the cost. dst has room for topic,
 * payload and 10 bytes; both are short enough for a packet. */
uint32_t wq_publish_plain_encode(uint8_t *dst, uint8_t version, uint8_t qos, uint16_t packet_id, wq_bytes topic,
                                 wq_bytes payload);
uint32_t wq_ack_encode(uint8_t *dst, uint32_t room, uint8_t type, uint8_t version, const wq_ack_packet *p);
uint32_t wq_subscribe_encode(uint8_t *dst, uint32_t room, uint8_t version, uint16_t packet_id, wq_bytes properties,
                             const wq_subscription *subscriptions, size_t count);
uint32_t wq_unsubscribe_encode(uint8_t *dst, uint32_t room, uint8_t version, uint16_t packet_id, wq_bytes properties,
                               const wq_bytes *filters, size_t count);
/* type: WQ_SUBACK or WQ_UNSUBACK */
uint32_t wq_suback_encode(uint8_t *dst, uint32_t room, uint8_t type, uint8_t version, const wq_suback_packet *p);
/* type: WQ_DISCONNECT or WQ_AUTH */
uint32_t wq_reason_encode(uint8_t *dst, uint32_t room, uint8_t type, uint8_t version, const wq_reason_packet *p);
/* type: WQ_PINGREQ or WQ_PINGRESP; always 2 bytes */
uint32_t wq_ping_encode(uint8_t *dst, uint32_t room, uint8_t type);

/* The sizes the encoders will need, known before anything is written; over 268435460 means "cannot be a packet". */
uint64_t wq_publish_size(uint8_t version, const wq_publish_packet *p);
/* The length of its properties, alias included. */
static inline uint32_t wq_publish_properties_len(const wq_publish_packet *p) {
  return p->properties.len + (p->alias != 0 ? 3u : 0u); /* see wq_write_alias() */
}
uint64_t wq_subscribe_size(uint8_t version, wq_bytes properties, const wq_subscription *subscriptions, size_t count);
uint64_t wq_unsubscribe_size(uint8_t version, wq_bytes properties, const wq_bytes *filters, size_t count);

/* One packet of any kind; what tests, fuzzers and tools use. */
typedef struct wq_packet {
  uint8_t type;
  union {
    wq_connect_packet connect;
    wq_connack_packet connack;
    wq_publish_packet publish;
    wq_ack_packet ack;
    wq_subscribe_packet subscribe;
    wq_suback_packet suback;
    wq_reason_packet reason;
  } u;
} wq_packet;

/* wq_packet_decode - the packet at the start of `bytes`. Returns its size, 0 if more bytes are needed, or an error.
 * version: as negotiated; a CONNECT tells its own. */
int64_t wq_packet_decode(wq_packet *p, uint8_t version, wq_bytes bytes);
/* wq_packet_encode - the reverse; SUBSCRIBE and UNSUBSCRIBE write `filters` as they stand. 0 if it does not fit. */
uint32_t wq_packet_encode(uint8_t *dst, uint32_t room, uint8_t version, const wq_packet *p);
#endif
