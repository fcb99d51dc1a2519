/* SPDX-License-Identifier: MIT
 * Topic names and filters. Names are checked for every PUBLISH, so eight bytes at a time while they are ASCII. */
#include "topic.h"

#include "bytes.h"
#include "utf8.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)
#define SHARE_PREFIX 7u /* bytes of "$share/" */

static wq_bytes rest(wq_bytes b, uint32_t from) { return (wq_bytes){b.data + from, b.len - from}; }

static bool has(wq_bytes b, uint8_t byte) { return b.len != 0 && memchr(b.data, byte, b.len) != NULL; }

/* Bits of HIGHS, unless all eight bytes are characters from comma to DEL, which + and # come before: one test for what
 * nearly all names are made of. */
static inline uint64_t unusual(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word | (word - ',' * ONES);
}

bool wq_topic_name_valid(wq_bytes topic) {
  if (topic.len == 0 || topic.len > WQ_STRING_MAX) /* [M3:4.7.3-1] [M3:4.7.3-3] [M5:4.7.3-1] [M5:4.7.3-3] */
    return false;
  if (topic.len >= 8) {
    const uint8_t *const last = topic.data + topic.len - 8; /* eight that overlap those before */
    uint64_t bits = unusual(last);
    for (const uint8_t *at = topic.data; at < last; at += 8)
      bits |= unusual(at);
    if ((bits & HIGHS) == 0) return true;
  }
  return wq_utf8_valid(topic) && !wq_topic_filter_has_wildcard(topic);
}

int wq_topic_name_check(wq_bytes topic) {
  if (wq_topic_name_valid(topic)) return 0;
  return wq_utf8_valid(topic) ? WQ_E_TOPIC_INVALID : WQ_E_MALFORMED;
}

bool wq_topic_filter_has_wildcard(wq_bytes filter) { return has(filter, '+') || has(filter, '#'); }

bool wq_topic_filter_is_shared(wq_bytes filter) {
  return filter.len >= SHARE_PREFIX && memcmp(filter.data, "$share/", SHARE_PREFIX) == 0;
}

/* what follows the share name; empty if the filter ends before */
static wq_bytes unshared(wq_bytes filter) {
  uint32_t at = SHARE_PREFIX;
  while (at < filter.len && filter.data[at] != '/')
    at++;
  return rest(filter, at < filter.len ? at + 1 : at);
}

static bool wildcards_placed(wq_bytes filter) {
  for (uint32_t i = 0; i < filter.len; i++) {
    uint8_t c = filter.data[i];
    if (c != '+' && c != '#') continue;
    if (i != 0 && filter.data[i - 1] != '/') return false;
    bool last = i + 1 == filter.len;
    if (!last && (c == '#' || filter.data[i + 1] != '/')) /* [M3:4.7.1-2] [M3:4.7.1-3] [M5:4.7.1-1] [M5:4.7.1-2] */
      return false;
  }
  return true;
}

bool wq_topic_filter_valid(wq_bytes filter) {
  if (filter.len == 0 || !wq_utf8_valid(filter)) return false;
  if (!wq_topic_filter_is_shared(filter)) return wildcards_placed(filter);
  wq_bytes tail = unshared(filter);
  if (tail.len == 0) /* no filter after the name, or no slash [M5:4.8.2-2] */
    return false;
  wq_bytes name = {filter.data + SHARE_PREFIX, filter.len - SHARE_PREFIX - tail.len - 1};
  return name.len != 0 && !wq_topic_filter_has_wildcard(name) && wildcards_placed(tail);
}

/* the next level of `levels`, without its slash; `levels` moves behind it, to data NULL after the last level */
static wq_bytes next_level(wq_bytes *levels) {
  const uint8_t *slash = levels->len != 0 ? memchr(levels->data, '/', levels->len) : NULL;
  wq_bytes level = *levels;
  if (slash == NULL) {
    *levels = (wq_bytes){NULL, 0};
  } else {
    level.len = (uint32_t)(slash - levels->data);
    *levels = rest(*levels, level.len + 1);
  }
  return level;
}

/* Byte by byte: no case, no form of Unicode is like another [M3:4.7.3-4] [M5:4.7.3-4]. */
bool wq_topic_matches(wq_bytes filter, wq_bytes topic) {
  if (wq_topic_filter_is_shared(filter)) filter = unshared(filter);
  if (topic.data[0] == '$' && (filter.data[0] == '+' || filter.data[0] == '#')) /* [M3:4.7.2-1] [M5:4.7.2-1] */
    return false;
  while (filter.data != NULL) {
    wq_bytes wanted = next_level(&filter);
    if (wanted.len == 1 && wanted.data[0] == '#') /* also the parent: "a/#" matches "a" */
      return true;
    if (topic.data == NULL) return false;
    wq_bytes level = next_level(&topic);
    bool any = wanted.len == 1 && wanted.data[0] == '+';
    if (!any && !wq_bytes_equal(wanted, level)) return false;
  }
  return topic.data == NULL;
}
