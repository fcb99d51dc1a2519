/* SPDX-License-Identifier: MIT
 * SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK [M3:3.8]..[M3:3.11] [M5:3.8]..[M5:3.11]. */
#include "packet.h"

#include "parts.h"
#include "reasons.h"
#include "topic.h"

#define QOS_MASK 0x03u
#define NO_LOCAL 0x04u
#define RETAIN_AS_PUBLISHED 0x08u
#define RESERVED_3X 0xFCu
#define RESERVED 0xC0u

static uint8_t options_of(uint8_t version, const wq_subscription *s) {
  if (version < WQ_MQTT_5_0) return s->qos;
  return (uint8_t)(s->qos | (s->no_local ? NO_LOCAL : 0) | (s->retain_as_published ? RETAIN_AS_PUBLISHED : 0) |
                   (unsigned)s->retain_handling << 4);
}

static int options_check(uint8_t version, uint8_t options, wq_bytes filter) {
  if (version < WQ_MQTT_5_0) /* [M3:3.8.3-4]; 3.1 leaves the upper bits unused, and so 0 too */
    return (options & RESERVED_3X) != 0 || options == 3 ? WQ_E_MALFORMED : 0;
  if ((options & RESERVED) != 0) /* [M5:3.8.3-5] */
    return WQ_E_MALFORMED;
  if ((options & QOS_MASK) == 3 || options >> 4 == 3) /* QoS or Retain Handling 3 [M5:3.8.3.1] */
    return WQ_E_PROTOCOL;
  return (options & NO_LOCAL) != 0 && wq_topic_filter_is_shared(filter) ? WQ_E_PROTOCOL : 0; /* [M5:3.8.3-4] */
}

/* packet id, properties, and the rest: one filter at least [M3:3.8.3-3] [M3:3.10.3-2] [M5:3.8.3-2] [M5:3.10.3-2] */
static int read_request(wq_subscribe_packet *p, uint8_t type, uint8_t version, wq_bytes body) {
  wq_reader r = wq_reader_of(body);
  *p = (wq_subscribe_packet){0};
  int error = wq_read_packet_id(&r, &p->packet_id);
  if (error == 0) error = wq_read_properties(&r, version, 1u << type, &p->properties);
  if (error != 0) return error;
  p->filters = wq_read_bytes(&r, wq_reader_left(&r));
  return p->filters.len != 0 ? 0 : WQ_E_PROTOCOL;
}

int wq_subscribe_decode(wq_subscribe_packet *p, uint8_t version, wq_bytes body) {
  int error = read_request(p, WQ_SUBSCRIBE, version, body);
  if (error != 0) return error;
  wq_reader r = wq_reader_of(p->filters);
  while (wq_reader_left(&r) != 0) {
    wq_bytes filter = wq_read_binary(&r);
    uint8_t options = wq_read_u8(&r);
    if (r.failed || !wq_topic_filter_valid(filter)) /* [M3:3.8.3-1] [M5:3.8.3-1] */
      return WQ_E_MALFORMED;
    error = options_check(version, options, filter);
    if (error != 0) return error;
  }
  return 0;
}

int wq_unsubscribe_decode(wq_subscribe_packet *p, uint8_t version, wq_bytes body) {
  int error = read_request(p, WQ_UNSUBSCRIBE, version, body);
  if (error != 0) return error;
  wq_reader r = wq_reader_of(p->filters);
  while (wq_reader_left(&r) != 0) {
    wq_bytes filter = wq_read_binary(&r);
    if (r.failed || !wq_topic_filter_valid(filter)) /* [M3:3.10.3-1] [M5:3.10.3-1] */
      return WQ_E_MALFORMED;
  }
  return 0;
}

int wq_subscribe_next(wq_bytes *filters, wq_subscription *subscription) {
  wq_reader r = wq_reader_of(*filters);
  wq_bytes filter = wq_read_binary(&r);
  uint8_t options = wq_read_u8(&r);
  if (r.failed) return 0;
  *filters = (wq_bytes){r.at, wq_reader_left(&r)};
  *subscription = (wq_subscription){.filter = filter,
                                    .qos = options & QOS_MASK,
                                    .no_local = (options & NO_LOCAL) != 0,
                                    .retain_as_published = (options & RETAIN_AS_PUBLISHED) != 0,
                                    .retain_handling = options >> 4 & 3};
  return 1;
}

int wq_unsubscribe_next(wq_bytes *filters, wq_bytes *filter) {
  wq_reader r = wq_reader_of(*filters);
  wq_bytes next = wq_read_binary(&r);
  if (r.failed) return 0;
  *filters = (wq_bytes){r.at, wq_reader_left(&r)};
  *filter = next;
  return 1;
}

static uint64_t subscribe_remaining(uint8_t version, wq_bytes properties, const wq_subscription *subscriptions,
                                    size_t count) {
  uint64_t size = 2 + wq_properties_size(version, properties);
  for (size_t i = 0; i < count; i++) {
    if (subscriptions[i].filter.len > WQ_STRING_MAX) return UINT64_MAX;
    size += wq_binary_size(subscriptions[i].filter) + 1;
  }
  return size;
}

static uint64_t unsubscribe_remaining(uint8_t version, wq_bytes properties, const wq_bytes *filters, size_t count) {
  uint64_t size = 2 + wq_properties_size(version, properties);
  for (size_t i = 0; i < count; i++) {
    if (filters[i].len > WQ_STRING_MAX) return UINT64_MAX;
    size += wq_binary_size(filters[i]);
  }
  return size;
}

uint64_t wq_subscribe_size(uint8_t version, wq_bytes properties, const wq_subscription *subscriptions, size_t count) {
  return wq_packet_size(subscribe_remaining(version, properties, subscriptions, count));
}

uint64_t wq_unsubscribe_size(uint8_t version, wq_bytes properties, const wq_bytes *filters, size_t count) {
  return wq_packet_size(unsubscribe_remaining(version, properties, filters, count));
}

/* flags 2: [M3:3.8.1-1] [M3:3.10.1-1] [M5:3.8.1-1] [M5:3.10.1-1] */
static wq_writer begin_request(uint8_t *dst, uint32_t room, uint8_t type, uint8_t version, uint16_t packet_id,
                               wq_bytes properties, uint64_t remaining) {
  wq_writer w = wq_packet_begin(dst, room, type, 2, remaining);
  wq_write_u16(&w, packet_id);
  wq_write_properties(&w, version, properties);
  return w;
}

uint32_t wq_subscribe_encode(uint8_t *dst, uint32_t room, uint8_t version, uint16_t packet_id, wq_bytes properties,
                             const wq_subscription *subscriptions, size_t count) {
  uint64_t remaining = subscribe_remaining(version, properties, subscriptions, count);
  wq_writer w = begin_request(dst, room, WQ_SUBSCRIBE, version, packet_id, properties, remaining);
  for (size_t i = 0; i < count && !w.failed; i++) {
    wq_write_binary(&w, subscriptions[i].filter);
    wq_write_u8(&w, options_of(version, &subscriptions[i]));
  }
  return wq_packet_end(&w, dst);
}

uint32_t wq_unsubscribe_encode(uint8_t *dst, uint32_t room, uint8_t version, uint16_t packet_id, wq_bytes properties,
                               const wq_bytes *filters, size_t count) {
  uint64_t remaining = unsubscribe_remaining(version, properties, filters, count);
  wq_writer w = begin_request(dst, room, WQ_UNSUBSCRIBE, version, packet_id, properties, remaining);
  for (size_t i = 0; i < count && !w.failed; i++)
    wq_write_binary(&w, filters[i]);
  return wq_packet_end(&w, dst);
}

static int read_answer(wq_suback_packet *p, uint8_t type, uint8_t version, wq_bytes body) {
  wq_reader r = wq_reader_of(body);
  *p = (wq_suback_packet){0};
  int error = wq_read_packet_id(&r, &p->packet_id);
  if (error == 0) error = wq_read_properties(&r, version, 1u << type, &p->properties);
  if (error != 0) return error;
  p->reasons = wq_read_bytes(&r, wq_reader_left(&r));
  if (type == WQ_UNSUBACK && version < WQ_MQTT_5_0) return p->reasons.len != 0 ? WQ_E_MALFORMED : 0;
  if (p->reasons.len == 0) /* one for each filter [M3:3.8.4-5] [M5:3.8.4-6] [M5:3.11.3-2] */
    return WQ_E_PROTOCOL;
  for (uint32_t i = 0; i < p->reasons.len; i++)
    if (wq_reason_listed(type, version, p->reasons.data[i]) == NULL)
      return WQ_E_PROTOCOL; /* [M3:3.9.3-2] [M5:3.9.3-2] [M5:3.8.4-7] [M5:3.11.3-2] */
  return 0;
}

int wq_suback_decode(wq_suback_packet *p, uint8_t version, wq_bytes body) {
  return read_answer(p, WQ_SUBACK, version, body);
}

int wq_unsuback_decode(wq_suback_packet *p, uint8_t version, wq_bytes body) {
  return read_answer(p, WQ_UNSUBACK, version, body);
}

uint32_t wq_suback_encode(uint8_t *dst, uint32_t room, uint8_t type, uint8_t version, const wq_suback_packet *p) {
  wq_bytes reasons = p->reasons;
  if (type == WQ_UNSUBACK && version < WQ_MQTT_5_0) reasons = (wq_bytes){NULL, 0};
  wq_writer w = wq_packet_begin(dst, room, type, 0, 2 + wq_properties_size(version, p->properties) + reasons.len);
  wq_write_u16(&w, p->packet_id);
  wq_write_properties(&w, version, p->properties);
  wq_write_bytes(&w, reasons);
  return wq_packet_end(&w, dst);
}
