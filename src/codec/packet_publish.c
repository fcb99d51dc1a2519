/* SPDX-License-Identifier: MIT
 * PUBLISH [M3:3.3] [M5:3.3]: the hot path both ways, and the one packet that is decoded before all of it came. */
#include "packet.h"

#include "frame.h"
#include "parts.h"
#include "prop.h"

/* The property length at `at`, of which a part may be missing. On success *at is moved behind it and 0 returned; else
 * the bytes of body that are needed, or an error. */
static int read_length(wq_bytes body, uint32_t remaining, uint32_t *at, uint32_t *length) {
  wq_bytes field = {body.data + *at, body.len - *at};
  uint32_t n = 0;
  while (n < field.len && n < 4 && field.data[n] >= 0x80)
    n++;
  if (n == field.len && n < 4) /* all that is there says that more follows */
    return *at + n < remaining ? (int)(*at + n + 1) : WQ_E_MALFORMED;
  wq_reader r = wq_reader_of(field);
  *length = wq_read_varint(&r);
  if (r.failed) return WQ_E_MALFORMED;
  *at = body.len - wq_reader_left(&r);
  return 0;
}

/* an empty topic name is none, unless an alias stands for it [M5:3.3.2.1] */
static int empty_topic_check(const wq_publish_packet *p, uint8_t version) {
  if (version < WQ_MQTT_5_0) return WQ_E_TOPIC_INVALID; /* [M3:4.7.3-1] */
  wq_property alias;
  return wq_properties_find(p->properties, WQ_P_TOPIC_ALIAS, &alias) ? 0 : WQ_E_PROTOCOL;
}

/* The properties at body[at..]; returns as wq_publish_decode(). */
static int read_properties(wq_publish_packet *p, wq_bytes body, uint32_t remaining, uint32_t at) {
  uint32_t length;
  int more = read_length(body, remaining, &at, &length);
  if (more != 0) return more;
  if (length > remaining - at) return WQ_E_MALFORMED;
  if (length > body.len - at) return (int)(at + length);
  p->properties = (wq_bytes){body.data + at, length};
  p->payload = (wq_bytes){body.data + at + length, body.len - at - length};
  return wq_properties_check(p->properties, 1u << WQ_PUBLISH);
}

int wq_publish_decode(wq_publish_packet *p, uint8_t version, uint8_t flags, wq_bytes body, uint32_t remaining) {
  *p = (wq_publish_packet){.qos = flags >> 1 & 3, .retain = (flags & 1) != 0, .dup = (flags & 8) != 0};
  if (remaining < 2) return WQ_E_MALFORMED;
  if (body.len < 2) return 2;
  p->topic = (wq_bytes){body.data + 2, (uint32_t)(body.data[0] << 8 | body.data[1])}; /* [M3:3.3.2-1] [M5:3.3.2-1] */
  const bool has_properties = version == WQ_MQTT_5_0;
  uint32_t at = 2 + p->topic.len;
  uint32_t need = at + (p->qos != 0 ? 2 : 0) + has_properties;
  if (need > body.len) return need > remaining ? WQ_E_MALFORMED : (int)need;
  if (p->qos != 0) { /* [M3:2.3.1-5] [M5:2.2.1-2] */
    p->packet_id = (uint16_t)(body.data[at] << 8 | body.data[at + 1]);
    if (p->packet_id == 0) /* [M3:2.3.1-1] [M5:2.2.1-4] */
      return WQ_E_PROTOCOL;
    at += 2;
  }
  if (has_properties && body.data[at] != 0) {
    int error = read_properties(p, body, remaining, at);
    if (error != 0) return error;
  } else {
    if (has_properties) p->properties = (wq_bytes){body.data + ++at, 0};
    p->payload = (wq_bytes){body.data + at, body.len - at};
  }
  return p->topic.len != 0 ? 0 : empty_topic_check(p, version);
}

static uint64_t remaining_of(uint8_t version, const wq_publish_packet *p) {
  if (p->topic.len > WQ_STRING_MAX) return UINT64_MAX;
  const wq_bytes properties = {NULL, wq_publish_properties_len(p)};
  return wq_binary_size(p->topic) + (p->qos != 0 ? 2 : 0) + wq_properties_size(version, properties) + p->payload.len;
}

uint64_t wq_publish_size(uint8_t version, const wq_publish_packet *p) {
  return wq_packet_size(remaining_of(version, p));
}

uint32_t wq_publish_head_encode(uint8_t *dst, uint32_t room, uint8_t version, const wq_publish_packet *p) {
  uint64_t remaining = remaining_of(version, p), size = wq_packet_size(remaining);
  if (size == UINT64_MAX || size - p->payload.len > room) return 0;
  uint8_t flags = (uint8_t)((p->dup ? 8u : 0u) | (unsigned)p->qos << 1 | (p->retain ? 1u : 0u));
  uint32_t head = wq_frame_head_write(dst, WQ_PUBLISH, flags, (uint32_t)remaining);
  wq_writer w = wq_writer_of(dst + head, room - head);
  wq_write_binary(&w, p->topic);
  if (p->qos != 0) wq_write_u16(&w, p->packet_id);
  if (p->alias != 0 && version == WQ_MQTT_5_0) {
    wq_write_varint(&w, wq_publish_properties_len(p));
    wq_write_bytes(&w, p->properties);
    wq_write_alias(&w, p->alias);
  } else {
    wq_write_properties(&w, version, p->properties);
  }
  return wq_packet_end(&w, dst);
}

uint32_t wq_publish_encode(uint8_t *dst, uint32_t room, uint8_t version, const wq_publish_packet *p) {
  uint32_t head = wq_publish_head_encode(dst, room, version, p);
  if (head == 0 || p->payload.len > room - head) return 0;
  wq_writer w = wq_writer_of(dst + head, room - head);
  wq_write_bytes(&w, p->payload);
  return head + p->payload.len;
}

uint32_t wq_publish_plain_encode(uint8_t *dst, uint8_t version, uint8_t qos, uint16_t packet_id, wq_bytes topic,
                                 wq_bytes payload) {
  const bool has_properties = version == WQ_MQTT_5_0;
  uint8_t *at = dst;
  *at++ = (uint8_t)(WQ_PUBLISH << 4 | qos << 1);
  uint32_t rest = 2 + topic.len + (qos != 0 ? 2 : 0) + has_properties + payload.len; /* the Remaining Length */
  for (; rest >= 0x80; rest >>= 7)
    *at++ = (uint8_t)(rest | 0x80);
  *at++ = (uint8_t)rest;
  *at++ = (uint8_t)(topic.len >> 8);
  *at++ = (uint8_t)topic.len;
  wq_copy(at, topic.data, topic.len);
  at += topic.len;
  if (qos != 0) {
    *at++ = (uint8_t)(packet_id >> 8);
    *at++ = (uint8_t)packet_id;
  }
  if (has_properties) *at++ = 0;
  wq_copy(at, payload.data, payload.len);
  return (uint32_t)(at - dst) + payload.len;
}
