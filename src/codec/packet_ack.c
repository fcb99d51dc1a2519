/* SPDX-License-Identifier: MIT
 * PUBACK, PUBREC, PUBREL, PUBCOMP; DISCONNECT and AUTH; PINGREQ and PINGRESP: the packets that are a reason code at
 * most. [M3:3.4]..[M3:3.7] [M3:3.12]..[M3:3.14] [M5:3.4]..[M5:3.7] [M5:3.12]..[M5:3.15] */
#include "packet.h"

#include "parts.h"
#include "prop.h"
#include "reasons.h"

/* The end that these packets share in 5.0: nothing (reason 0), the reason code alone, or the code and properties. */
static int read_reason(wq_reader *r, uint8_t type, uint8_t *reason, wq_bytes *properties) {
  if (wq_reader_left(r) == 0) return 0;
  *reason = wq_read_u8(r);
  if (wq_reason_listed(type, WQ_MQTT_5_0, *reason) == NULL)
    return WQ_E_PROTOCOL; /* [M5:3.4.2-1] [M5:3.5.2-1] [M5:3.6.2-1] [M5:3.7.2-1] [M5:3.14.2-1] [M5:3.15.2-1] */
  if (wq_reader_left(r) == 0) return 0;
  int error = wq_read_properties(r, WQ_MQTT_5_0, 1u << type, properties);
  if (error != 0) return error;
  return wq_reader_left(r) != 0 ? WQ_E_MALFORMED : 0;
}

/* bytes of the shortest such end */
static uint64_t reason_size(uint8_t version, uint8_t reason, wq_bytes properties) {
  if (version < WQ_MQTT_5_0 || (reason == 0 && properties.len == 0)) return 0;
  return 1 + (properties.len != 0 ? wq_properties_size(version, properties) : 0);
}

static void write_reason(wq_writer *w, uint8_t version, uint8_t reason, wq_bytes properties) {
  if (reason_size(version, reason, properties) == 0) return;
  wq_write_u8(w, reason);
  if (properties.len != 0) wq_write_properties(w, version, properties);
}

int wq_ack_decode(wq_ack_packet *p, uint8_t type, uint8_t version, wq_bytes body) {
  wq_reader r = wq_reader_of(body);
  *p = (wq_ack_packet){0};
  int error = wq_read_packet_id(&r, &p->packet_id);
  if (error != 0) return error;
  if (version < WQ_MQTT_5_0) return wq_reader_left(&r) != 0 ? WQ_E_MALFORMED : 0;
  return read_reason(&r, type, &p->reason, &p->properties);
}

uint32_t wq_ack_encode(uint8_t *dst, uint32_t room, uint8_t type, uint8_t version, const wq_ack_packet *p) {
  uint8_t flags = type == WQ_PUBREL ? 2 : 0; /* [M3:3.6.1-1] [M5:3.6.1-1] */
  wq_writer w = wq_packet_begin(dst, room, type, flags, 2 + reason_size(version, p->reason, p->properties));
  wq_write_u16(&w, p->packet_id);
  write_reason(&w, version, p->reason, p->properties);
  return wq_packet_end(&w, dst);
}

int wq_disconnect_decode(wq_reason_packet *p, uint8_t version, wq_bytes body) {
  wq_reader r = wq_reader_of(body);
  *p = (wq_reason_packet){0};
  if (version < WQ_MQTT_5_0) return body.len != 0 ? WQ_E_MALFORMED : 0;
  return read_reason(&r, WQ_DISCONNECT, &p->reason, &p->properties);
}

int wq_auth_decode(wq_reason_packet *p, wq_bytes body) {
  wq_reader r = wq_reader_of(body);
  *p = (wq_reason_packet){0};
  int error = read_reason(&r, WQ_AUTH, &p->reason, &p->properties);
  if (error != 0 || (p->reason == 0 && p->properties.len == 0)) /* success may be all there is [M5:3.15.2.1] */
    return error;
  wq_property method; /* else it must not be left out [M5:3.15.2.2.2] */
  return wq_properties_find(p->properties, WQ_P_AUTHENTICATION_METHOD, &method) ? 0 : WQ_E_PROTOCOL;
}

uint32_t wq_reason_encode(uint8_t *dst, uint32_t room, uint8_t type, uint8_t version, const wq_reason_packet *p) {
  if (type == WQ_AUTH && version < WQ_MQTT_5_0) return 0;
  wq_writer w = wq_packet_begin(dst, room, type, 0, reason_size(version, p->reason, p->properties));
  write_reason(&w, version, p->reason, p->properties);
  return wq_packet_end(&w, dst);
}

uint32_t wq_ping_encode(uint8_t *dst, uint32_t room, uint8_t type) {
  wq_writer w = wq_packet_begin(dst, room, type, 0, 0);
  return wq_packet_end(&w, dst);
}
