/* SPDX-License-Identifier: MIT
 * CONNECT and CONNACK [M3:3.1] [M3:3.2] [M5:3.1] [M5:3.2]. */
#include "packet.h"

#include "parts.h"
#include "reasons.h"
#include "topic.h"
#include "utf8.h"

#define CLEAN 0x02u
#define WILL 0x04u
#define WILL_RETAIN 0x20u
#define PASSWORD 0x40u
#define USERNAME 0x80u

static const wq_bytes name_3_1 = {(const uint8_t *)"MQIsdp", 6};
static const wq_bytes name_later = {(const uint8_t *)"MQTT", 4};

/* protocol name and level [M3:3.1.2-1] [M3:3.1.2-2] [M5:3.1.2-1] [M5:3.1.2-2] */
static int read_version(wq_reader *r, uint8_t *version) {
  wq_bytes name = wq_read_binary(r);
  uint8_t level = wq_read_u8(r);
  if (r->failed) return WQ_E_MALFORMED;
  *version = level;
  if (level == WQ_MQTT_3_1) return wq_bytes_equal(name, name_3_1) ? 0 : WQ_E_PROTOCOL;
  bool known = level == WQ_MQTT_3_1_1 || level == WQ_MQTT_5_0;
  return known && wq_bytes_equal(name, name_later) ? 0 : WQ_E_PROTOCOL;
}

static int flags_check(uint8_t flags, uint8_t version) {
  uint8_t will_qos = flags >> 3 & 3;
  if ((flags & 1) != 0) /* reserved [M3:3.1.2-3] [M5:3.1.2-3] */
    return WQ_E_MALFORMED;
  if (will_qos == 3) /* [M3:3.1.2-14] [M5:3.1.2-12] */
    return WQ_E_MALFORMED;
  if ((flags & WILL) == 0 && (will_qos != 0 || (flags & WILL_RETAIN) != 0))
    return WQ_E_MALFORMED; /* [M3:3.1.2-11] [M3:3.1.2-13] [M3:3.1.2-15] [M5:3.1.2-11] [M5:3.1.2-13] */
  if (version < WQ_MQTT_5_0 && (flags & (USERNAME | PASSWORD)) == PASSWORD) /* [M3:3.1.2-22] */
    return WQ_E_MALFORMED;
  return 0;
}

static int read_text(wq_reader *r, wq_bytes *text) {
  *text = wq_read_binary(r);
  return !r->failed && wq_utf8_valid(*text) ? 0 : WQ_E_MALFORMED;
}

static int read_will(wq_connect_packet *p, wq_reader *r) {
  int error = wq_read_properties(r, p->version, WQ_IN_WILL, &p->will_properties);
  if (error != 0) return error;
  p->will_topic = wq_read_binary(r);
  p->will_payload = wq_read_binary(r);
  return r->failed ? WQ_E_MALFORMED : wq_topic_name_check(p->will_topic); /* [M3:3.1.3-10] [M5:3.1.3-11] */
}

/* the payload's parts, in their order [M3:3.1.3-1] [M5:3.1.3-1] */
static int read_payload(wq_connect_packet *p, wq_reader *r, uint8_t flags) {
  int error = read_text(r, &p->client_id); /* [M3:3.1.3-3] [M3:3.1.3-4] [M5:3.1.3-3] [M5:3.1.3-4] */
  if (error == 0 && p->has_will) error = read_will(p, r);
  if (error != 0) return error;
  /* 3.1 keeps a rule of its forerunner: the packet's length counts for more than these two flags */
  bool may_lack = p->version == WQ_MQTT_3_1;
  if ((flags & USERNAME) != 0 && !(may_lack && wq_reader_left(r) == 0))
    error = read_text(r, &p->username); /* [M3:3.1.3-11] [M5:3.1.3-12] */
  if (error == 0 && (flags & PASSWORD) != 0 && !(may_lack && wq_reader_left(r) == 0)) p->password = wq_read_binary(r);
  return error;
}

int wq_connect_decode(wq_connect_packet *p, wq_bytes body) {
  wq_reader r = wq_reader_of(body);
  *p = (wq_connect_packet){0};
  int error = read_version(&r, &p->version);
  if (error != 0) return error;
  uint8_t flags = wq_read_u8(&r);
  p->clean = (flags & CLEAN) != 0;
  p->has_will = (flags & WILL) != 0;
  p->will_qos = flags >> 3 & 3;
  p->will_retain = (flags & WILL_RETAIN) != 0;
  p->keep_alive = wq_read_u16(&r);
  error = flags_check(flags, p->version);
  if (error == 0) error = wq_read_properties(&r, p->version, 1u << WQ_CONNECT, &p->properties);
  if (error == 0) error = read_payload(p, &r, flags);
  if (error != 0) return error;
  return r.failed || wq_reader_left(&r) != 0 ? WQ_E_MALFORMED : 0;
}

uint32_t wq_connect_encode(uint8_t *dst, uint32_t room, const wq_connect_packet *p) {
  wq_bytes name = p->version == WQ_MQTT_3_1 ? name_3_1 : name_later;
  uint8_t flags = p->clean ? CLEAN : 0;
  uint64_t size =
      wq_binary_size(name) + 4 + wq_properties_size(p->version, p->properties) + wq_binary_size(p->client_id);
  /* a flag and its field come together, or neither does [M3:3.1.2-9] [M3:3.1.2-11] [M3:3.1.2-13] [M3:3.1.2-15]
   * [M5:3.1.2-11] [M5:3.1.2-13] [M3:3.1.2-18] [M3:3.1.2-19] [M3:3.1.2-20]
   * [M3:3.1.2-21] [M5:3.1.2-9] [M5:3.1.2-16] [M5:3.1.2-17] [M5:3.1.2-18] [M5:3.1.2-19] */
  if (p->has_will) {
    flags |= (uint8_t)(WILL | (unsigned)p->will_qos << 3 | (p->will_retain ? WILL_RETAIN : 0));
    size += wq_properties_size(p->version, p->will_properties) + wq_binary_size(p->will_topic) +
            wq_binary_size(p->will_payload);
  }
  if (p->username.data != NULL) {
    flags |= USERNAME;
    size += wq_binary_size(p->username);
  }
  if (p->password.data != NULL) {
    flags |= PASSWORD;
    size += wq_binary_size(p->password);
  }
  wq_writer w = wq_packet_begin(dst, room, WQ_CONNECT, 0, size);
  wq_write_binary(&w, name);
  wq_write_u8(&w, p->version);
  wq_write_u8(&w, flags);
  wq_write_u16(&w, p->keep_alive);
  wq_write_properties(&w, p->version, p->properties);
  wq_write_binary(&w, p->client_id);
  if (p->has_will) {
    wq_write_properties(&w, p->version, p->will_properties);
    wq_write_binary(&w, p->will_topic);
    wq_write_binary(&w, p->will_payload);
  }
  if (p->username.data != NULL) wq_write_binary(&w, p->username);
  if (p->password.data != NULL) wq_write_binary(&w, p->password);
  return wq_packet_end(&w, dst);
}

int wq_connack_decode(wq_connack_packet *p, uint8_t version, wq_bytes body) {
  wq_reader r = wq_reader_of(body);
  *p = (wq_connack_packet){0};
  uint8_t flags = wq_read_u8(&r);
  p->reason = wq_read_u8(&r);
  int error = wq_read_properties(&r, version, 1u << WQ_CONNACK, &p->properties);
  if (r.failed || wq_reader_left(&r) != 0) return WQ_E_MALFORMED;
  if (error != 0) return error;
  if (version != WQ_MQTT_3_1) { /* 3.1 has no Session Present, and leaves the byte unused */
    if (flags > 1)              /* [M3:3.2.2.1] [M5:3.2.2-1] */
      return WQ_E_MALFORMED;
    p->session_present = flags == 1;
  }
  /* [M5:3.2.2-8]. In 3.x other codes are reserved, and services use some: AWS IoT 7, ClearBlade 13. */
  if (version == WQ_MQTT_5_0 && wq_reason_listed(WQ_CONNACK, version, p->reason) == NULL) return WQ_E_PROTOCOL;
  return p->session_present && p->reason != 0 ? WQ_E_PROTOCOL : 0; /* [M3:3.2.2-4] [M5:3.2.2-6] */
}

uint32_t wq_connack_encode(uint8_t *dst, uint32_t room, uint8_t version, const wq_connack_packet *p) {
  wq_writer w = wq_packet_begin(dst, room, WQ_CONNACK, 0, 2 + wq_properties_size(version, p->properties));
  wq_write_u8(&w, p->session_present && version != WQ_MQTT_3_1);
  wq_write_u8(&w, p->reason);
  wq_write_properties(&w, version, p->properties);
  return wq_packet_end(&w, dst);
}
