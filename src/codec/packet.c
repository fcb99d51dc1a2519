/* SPDX-License-Identifier: MIT
 * One packet of any kind: what tests, fuzzers and tools use. */
#include "packet.h"

#include "frame.h"
#include "parts.h"
#include "topic.h"

static int decode_publish(wq_publish_packet *p, uint8_t version, uint8_t flags, wq_bytes body) {
  int error = wq_publish_decode(p, version, flags, body, body.len);
  if (error != 0) return error;
  return p->topic.len != 0 ? wq_topic_name_check(p->topic) : 0; /* [M3:3.3.2-2] [M5:3.3.2-2] */
}

static int decode_body(wq_packet *p, uint8_t version, uint8_t flags, wq_bytes body) {
  switch (p->type) {
  case WQ_CONNECT: return wq_connect_decode(&p->u.connect, body);
  case WQ_CONNACK: return wq_connack_decode(&p->u.connack, version, body);
  case WQ_PUBLISH: return decode_publish(&p->u.publish, version, flags, body);
  case WQ_PUBACK:
  case WQ_PUBREC:
  case WQ_PUBREL:
  case WQ_PUBCOMP: return wq_ack_decode(&p->u.ack, p->type, version, body);
  case WQ_SUBSCRIBE: return wq_subscribe_decode(&p->u.subscribe, version, body);
  case WQ_SUBACK: return wq_suback_decode(&p->u.suback, version, body);
  case WQ_UNSUBSCRIBE: return wq_unsubscribe_decode(&p->u.subscribe, version, body);
  case WQ_UNSUBACK: return wq_unsuback_decode(&p->u.suback, version, body);
  case WQ_DISCONNECT: return wq_disconnect_decode(&p->u.reason, version, body);
  case WQ_AUTH: return wq_auth_decode(&p->u.reason, body);
  default: /* WQ_PINGREQ, WQ_PINGRESP */ return body.len != 0 ? WQ_E_MALFORMED : 0;
  }
}

int64_t wq_packet_decode(wq_packet *p, uint8_t version, wq_bytes bytes) {
  wq_frame frame;
  int error = wq_frame_read(bytes, version, &frame);
  if (error <= 0) return error;
  if (bytes.len - frame.header < frame.remaining) return 0;
  *p = (wq_packet){.type = frame.type};
  error = decode_body(p, version, frame.flags, (wq_bytes){bytes.data + frame.header, frame.remaining});
  return error != 0 ? error : (int64_t)frame.header + frame.remaining;
}

/* SUBSCRIBE and UNSUBSCRIBE with their list as it stands */
static uint32_t encode_request(uint8_t *dst, uint32_t room, uint8_t type, uint8_t version,
                               const wq_subscribe_packet *p) {
  wq_writer w = wq_packet_begin(dst, room, type, 2, 2 + wq_properties_size(version, p->properties) + p->filters.len);
  wq_write_u16(&w, p->packet_id);
  wq_write_properties(&w, version, p->properties);
  wq_write_bytes(&w, p->filters);
  return wq_packet_end(&w, dst);
}

uint32_t wq_packet_encode(uint8_t *dst, uint32_t room, uint8_t version, const wq_packet *p) {
  switch (p->type) {
  case WQ_CONNECT: return wq_connect_encode(dst, room, &p->u.connect);
  case WQ_CONNACK: return wq_connack_encode(dst, room, version, &p->u.connack);
  case WQ_PUBLISH: return wq_publish_encode(dst, room, version, &p->u.publish);
  case WQ_PUBACK:
  case WQ_PUBREC:
  case WQ_PUBREL:
  case WQ_PUBCOMP: return wq_ack_encode(dst, room, p->type, version, &p->u.ack);
  case WQ_SUBSCRIBE:
  case WQ_UNSUBSCRIBE: return encode_request(dst, room, p->type, version, &p->u.subscribe);
  case WQ_SUBACK:
  case WQ_UNSUBACK: return wq_suback_encode(dst, room, p->type, version, &p->u.suback);
  case WQ_PINGREQ:
  case WQ_PINGRESP: return wq_ping_encode(dst, room, p->type);
  case WQ_DISCONNECT:
  case WQ_AUTH: return wq_reason_encode(dst, room, p->type, version, &p->u.reason);
  default: return 0;
  }
}
