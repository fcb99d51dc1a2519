/* SPDX-License-Identifier: MIT
 * The topics that SmartREST goes over, and what a packet to one of them may hold. */
#include "smartrest.h"

#include "codec/bytes.h"
#include "codec/topic.h"

/* A word of up to three letters, and what a topic may have besides it. */
enum { MODES = 1, CHILD = 2, XID = 4 };
static const char kinds[][4] = {[WQ_SMARTREST_US] = {'u', 's', 0, MODES | CHILD},
                                [WQ_SMARTREST_UC] = {'u', 'c', 0, MODES | XID},
                                [WQ_SMARTREST_UD] = {'u', 'd', 0, MODES},
                                [WQ_SMARTREST_UT] = {'u', 't', 0, XID},
                                [WQ_SMARTREST_UCR] = {'u', 'c', 'r', 0},
                                [WQ_SMARTREST_UAT] = {'u', 'a', 't', 0},
                                [WQ_SMARTREST_DS] = {'d', 's', 0, 0},
                                [WQ_SMARTREST_DC] = {'d', 'c', 0, XID},
                                [WQ_SMARTREST_DD] = {'d', 'd', 0, 0},
                                [WQ_SMARTREST_DT] = {'d', 't', 0, 0},
                                [WQ_SMARTREST_DCR] = {'d', 'c', 'r', 0},
                                [WQ_SMARTREST_DAT] = {'d', 'a', 't', 0},
                                [WQ_SMARTREST_E] = {'e', 0, 0, 0}};

static wq_bytes word_of(uint8_t kind) {
  const char *word = kinds[kind];
  return (wq_bytes){(const uint8_t *)word, word[1] == 0 ? 1 : word[2] == 0 ? 2 : 3};
}

/* A child may be named by the way to it; an X-ID is one level. */
static bool topic_fits(const wq_smartrest_topic *t) {
  if (t->kind < WQ_SMARTREST_US || t->kind > WQ_SMARTREST_E) return false;
  int has = kinds[t->kind][3];
  switch (t->mode) {
  case WQ_SMARTREST_PERSISTENT: break;
  case WQ_SMARTREST_TRANSIENT:
  case WQ_SMARTREST_QUIESCENT:
  case WQ_SMARTREST_CEP:
    if (has & MODES) break;
    return false;
  default: return false;
  }
  if (t->name.data == NULL) return !(has & XID);
  uint8_t before = '/';
  for (uint32_t i = 0; i < t->name.len; before = t->name.data[i++])
    if (t->name.data[i] == '/' && (before == '/' || has & XID)) return false;
  return has & (CHILD | XID) && before != '/' && wq_topic_name_valid(t->name);
}

int wq_smartrest_topic_read(wq_bytes topic, wq_smartrest_topic *t) {
  if (topic.len < 3 || topic.data[1] != '/') return WQ_E_TOPIC;
  wq_bytes word = {topic.data + 2, 0};
  uint32_t left = topic.len - 2;
  while (word.len != left && word.data[word.len] != '/')
    word.len++;
  wq_smartrest_topic got = {.kind = WQ_SMARTREST_US, .mode = topic.data[0]};
  if (word.len != left) got.name = (wq_bytes){word.data + word.len + 1, left - word.len - 1};
  while (got.kind <= WQ_SMARTREST_E && !wq_bytes_equal(word, word_of(got.kind)))
    got.kind++;
  if (!topic_fits(&got)) return WQ_E_TOPIC;
  *t = got;
  return 0;
}

int wq_smartrest_topic_write(uint8_t *dst, uint32_t room, const wq_smartrest_topic *t) {
  if (!topic_fits(t)) return WQ_E_TOPIC;
  wq_writer w = wq_writer_of(dst, room);
  wq_write_u8(&w, t->mode);
  wq_write_u8(&w, '/');
  wq_write_bytes(&w, word_of(t->kind));
  if (t->name.data != NULL) wq_write_u8(&w, '/');
  wq_write_bytes(&w, t->name);
  return w.failed ? WQ_E_FULL : (int)(w.at - dst);
}

uint32_t wq_smartrest_payload_max(uint32_t packet_max, uint32_t topic_len, uint8_t qos, uint32_t properties) {
  uint64_t before = 2 + (uint64_t)topic_len + (qos != 0 ? 2 : 0) + properties;
  uint32_t remaining = packet_max > WQ_VARINT_MAX ? WQ_VARINT_MAX : packet_max;
  while (remaining != 0 && 1 + wq_varint_size(remaining) + remaining > packet_max)
    remaining--;
  return remaining > before ? (uint32_t)(remaining - before) : 0;
}
