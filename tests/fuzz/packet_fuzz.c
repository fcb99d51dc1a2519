/* SPDX-License-Identifier: MIT
 * libFuzzer target of the codec. The first byte chooses the version (and whether a PUBLISH is also decoded in
 * pieces), the rest is a stream of packets. Whatever decodes must encode, to no more bytes than it came in, and what
 * that gives must decode and encode to itself. */
#include "codec/frame.h"
#include "codec/packet.h"
#include "codec/topic.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good) {
  if (!good) abort();
}

/* memory of exactly that size, so that AddressSanitizer sees the first byte behind it */
static uint8_t *room_for(size_t size) {
  uint8_t *room = malloc(size);
  must(room != NULL || size == 0);
  return room;
}

static void check_stable(uint8_t version, const wq_packet *p, uint32_t size) {
  uint8_t *once = room_for(size);
  uint32_t shorter = wq_packet_encode(once, size, version, p);
  must(shorter > 0 && shorter <= size);
  wq_packet again;
  must(wq_packet_decode(&again, version, (wq_bytes){once, shorter}) == shorter);
  must(again.type == p->type);
  uint8_t *twice = room_for(shorter);
  must(wq_packet_encode(twice, shorter, version, &again) == shorter);
  must(memcmp(once, twice, shorter) == 0);
  must(wq_packet_encode(twice, shorter - 1, version, &again) == 0);
  free(once);
  free(twice);
}

/* A PUBLISH whose bytes come one by one is judged like the whole. */
static void check_pieces(uint8_t version, wq_bytes whole) {
  wq_frame frame;
  if (wq_frame_read(whole, version, &frame) != 1 || frame.type != WQ_PUBLISH) return;
  wq_bytes body = {whole.data + frame.header, frame.remaining};
  wq_publish_packet all, part;
  int want = wq_publish_decode(&all, version, frame.flags, body, frame.remaining);
  must(want <= 0);
  uint32_t there = 0;
  for (int got; there <= frame.remaining; there = (uint32_t)got) {
    uint8_t *copy = room_for(there);
    if (there != 0) memcpy(copy, body.data, there);
    got = wq_publish_decode(&part, version, frame.flags, (wq_bytes){copy, there}, frame.remaining);
    free(copy);
    if (got <= 0) {
      must(got == want);
      return;
    }
    must(got > (int)there);
  }
  abort(); /* it asked for more than there is */
}

static void check_filter(wq_bytes filter) {
  static const wq_bytes topic = {(const uint8_t *)"$a/b//c", 7};
  must(wq_topic_filter_valid(filter));
  bool literal = !wq_topic_filter_has_wildcard(filter) && !wq_topic_filter_is_shared(filter);
  if (literal) must(wq_topic_name_valid(filter) && wq_topic_matches(filter, filter));
  bool equal = filter.len == topic.len && memcmp(filter.data, topic.data, topic.len) == 0;
  bool matches = wq_topic_matches(filter, topic);
  must(!literal || matches == equal);
}

static void check_filters(const wq_packet *p) {
  wq_subscription s;
  wq_bytes filter, list = p->u.subscribe.filters;
  if (p->type == WQ_SUBSCRIBE)
    while (wq_subscribe_next(&list, &s) > 0)
      check_filter(s.filter);
  else
    while (wq_unsubscribe_next(&list, &filter) > 0)
      check_filter(filter);
  must(list.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t versions[] = {0, WQ_MQTT_3_1, WQ_MQTT_3_1_1, WQ_MQTT_5_0};
  if (size == 0) return 0;
  uint8_t version = versions[data[0] & 3];
  bool pieces = (data[0] & 4) != 0;
  uint32_t length = (uint32_t)size - 1;
  uint8_t *stream = room_for(length);
  if (length != 0) memcpy(stream, data + 1, length);
  wq_packet p;
  int64_t taken;
  for (uint32_t at = 0; at < length; at += (uint32_t)taken) {
    wq_bytes left = {stream + at, length - at};
    taken = wq_packet_decode(&p, version, left);
    must(taken <= (int64_t)left.len && (taken >= 0 || (taken <= WQ_E_MALFORMED && taken >= WQ_E_PACKET_SIZE)));
    if (pieces && taken != 0) check_pieces(version, left);
    if (taken <= 0) break;
    check_stable(version, &p, (uint32_t)taken);
    if (p.type == WQ_SUBSCRIBE || p.type == WQ_UNSUBSCRIBE) check_filters(&p);
    if (p.type == WQ_CONNECT) version = p.u.connect.version;
  }
  free(stream);
  return 0;
}
