/* SPDX-License-Identifier: MIT
 * The topics that SmartREST goes over, and what a packet to one of them may hold. */
#include "smartrest.h"

#include "codec/bytes.h"
#include "codec/topic.h"

/* what a kind of topic has besides its word */
enum { MODES = 1, MAY_NAME = 2, MUST_NAME = 4 };

static const struct {
  char word[4];
  uint8_t has;
} kinds[] = {[WQ_SMARTREST_US] = {"us", MODES | MAY_NAME},
             [WQ_SMARTREST_UC] = {"uc", MODES | MUST_NAME},
             [WQ_SMARTREST_UD] = {"ud", MODES},
             [WQ_SMARTREST_UT] = {"ut", MUST_NAME},
             [WQ_SMARTREST_UCR] = {"ucr", 0},
             [WQ_SMARTREST_UAT] = {"uat", 0},
             [WQ_SMARTREST_DS] = {"ds", 0},
             [WQ_SMARTREST_DC] = {"dc", MUST_NAME},
             [WQ_SMARTREST_DD] = {"dd", 0},
             [WQ_SMARTREST_DT] = {"dt", 0},
             [WQ_SMARTREST_DCR] = {"dcr", 0},
             [WQ_SMARTREST_DAT] = {"dat", 0},
             [WQ_SMARTREST_E] = {"e", 0}};

static uint32_t word_of(uint8_t kind, wq_bytes *word) {
  uint32_t n = 0;
  while (n < sizeof kinds[0].word && kinds[kind].word[n] != '\0')
    n++;
  *word = (wq_bytes){(const uint8_t *)kinds[kind].word, n};
  return n;
}

/* A child may be named by the way to it; an X-ID is one level. */
static bool name_fits(uint8_t kind, wq_bytes name) {
  if (name.data == NULL) return (kinds[kind].has & MUST_NAME) == 0;
  if ((kinds[kind].has & (MAY_NAME | MUST_NAME)) == 0 || !wq_topic_name_valid(name)) return false;
  uint8_t before = '/';
  for (uint32_t i = 0; i < name.len; before = name.data[i++])
    if (name.data[i] == '/' && (before == '/' || kind != WQ_SMARTREST_US)) return false;
  return before != '/';
}

static bool topic_fits(const wq_smartrest_topic *t) {
  if (t->kind < WQ_SMARTREST_US || t->kind > WQ_SMARTREST_E || !name_fits(t->kind, t->name)) return false;
  switch (t->mode) {
  case WQ_SMARTREST_PERSISTENT: return true;
  case WQ_SMARTREST_TRANSIENT:
  case WQ_SMARTREST_QUIESCENT:
  case WQ_SMARTREST_CEP: return (kinds[t->kind].has & MODES) != 0;
  default: return false;
  }
}

int wq_smartrest_topic_read(wq_bytes topic, wq_smartrest_topic *t) {
  if (topic.len < 3 || topic.data[1] != '/') return WQ_E_TOPIC;
  wq_bytes word = {topic.data + 2, 0}, known;
  while (2 + word.len < topic.len && word.data[word.len] != '/')
    word.len++;
  wq_smartrest_topic got = {.kind = WQ_SMARTREST_US, .mode = topic.data[0]};
  if (2 + word.len < topic.len) got.name = (wq_bytes){word.data + word.len + 1, topic.len - 3 - word.len};
  for (; got.kind <= WQ_SMARTREST_E; got.kind++) {
    word_of(got.kind, &known);
    if (!wq_bytes_equal(word, known)) continue;
    if (!topic_fits(&got)) break;
    *t = got;
    return 0;
  }
  return WQ_E_TOPIC;
}

int wq_smartrest_topic_write(uint8_t *dst, uint32_t room, const wq_smartrest_topic *t) {
  if (!topic_fits(t)) return WQ_E_TOPIC;
  wq_writer w = wq_writer_of(dst, room);
  wq_bytes word;
  word_of(t->kind, &word);
  wq_write_u8(&w, t->mode);
  wq_write_u8(&w, '/');
  wq_write_bytes(&w, word);
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
