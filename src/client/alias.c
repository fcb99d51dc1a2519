/* SPDX-License-Identifier: MIT
 * See alias.h. While aliases are free a topic gets one at its first message: the 3 bytes are back with the second, and
 * most clients have few topics. When all are given, the one longest out of use goes to another topic, but only to one that
 * came before and since when that alias was not used. So names used once (topics of answers, say) push out none that are in
 * use; and topics that come in turn, more than there are aliases, do not take them from each other without end, as with a
 * plain least-recently-used rule, which then pays for each announcement and never gains. */
#include "alias.h"

#include "intern.h"

#include <string.h>

typedef struct wq_alias {
  uint32_t hash;
  uint32_t used;         /* the clock when it was last used */
  uint16_t next;         /* in its bucket */
  uint16_t newer, older; /* by use */
  uint16_t len;
  uint8_t text[WQ_ALIAS_TOPIC_MAX];
} wq_alias;

typedef struct wq_seen {
  uint32_t hash; /* two topics of one hash are taken for one here: an alias is given too early, to the right topic */
  uint32_t at;   /* 0: none */
} wq_seen;

static uint32_t buckets_for(uint32_t size) {
  uint32_t n = 1;
  while (n < 2 * size)
    n *= 2;
  return n;
}

size_t wq_aliases_size(uint32_t size) {
  return size ? (size + 1) * sizeof(wq_alias) + buckets_for(size) * (sizeof(wq_seen) + sizeof(uint16_t)) : 0;
}

void wq_aliases_init(wq_aliases *t, void *memory, uint32_t size) {
  memset(t, 0, sizeof *t);
  if (!size) return;
  uint32_t buckets = buckets_for(size);
  t->size = size;
  t->mask = buckets - 1;
  t->table = memory;
  t->seen = (void *)(t->table + size + 1);
  t->heads = (void *)(t->seen + buckets);
}

void wq_aliases_begin(wq_aliases *t, uint32_t server_max) {
  t->max = server_max < t->size ? server_max : t->size; /* [M5:3.2.2-17] [M5:3.2.2-18] [M5:3.3.2-9] */
  t->count = t->clock = 0;
  t->newest = t->oldest = 0;
  if (!t->max) return;
  memset(t->seen, 0, (t->mask + 1) * sizeof *t->seen);
  memset(t->heads, 0, (t->mask + 1) * sizeof *t->heads);
}

static void list_remove(wq_aliases *t, uint16_t i) {
  const wq_alias *alias = &t->table[i];
  if (alias->newer)
    t->table[alias->newer].older = alias->older;
  else
    t->newest = alias->older;
  if (alias->older)
    t->table[alias->older].newer = alias->newer;
  else
    t->oldest = alias->newer;
}

static void list_add(wq_aliases *t, uint16_t i) {
  wq_alias *alias = &t->table[i];
  alias->newer = 0;
  alias->older = t->newest;
  if (t->newest)
    t->table[t->newest].newer = i;
  else
    t->oldest = i;
  t->newest = i;
}

static void bucket_remove(wq_aliases *t, uint16_t i) {
  uint16_t *link = &t->heads[t->table[i].hash & t->mask];
  while (*link != i)
    link = &t->table[*link].next;
  *link = t->table[i].next;
}

/* The alias that the topic of `hash` may have, taken from its present topic; 0: none. */
static uint16_t take(wq_aliases *t, uint32_t hash) {
  if (t->count < t->max) return (uint16_t)++t->count; /* never 0 [M5:3.3.2-8] */
  wq_seen *seen = &t->seen[hash & t->mask];
  const bool came = seen->at && seen->hash == hash;
  const uint32_t unused_since = seen->at - t->table[t->oldest].used; /* the clock may wrap */
  *seen = (wq_seen){hash, t->clock};
  if (!came || unused_since > UINT32_MAX / 2) return 0;
  uint16_t i = t->oldest;
  seen->at = 0;
  list_remove(t, i);
  bucket_remove(t, i);
  return i;
}

uint16_t wq_alias_find(wq_aliases *t, wq_bytes topic, uint32_t hash) {
  t->clock++;
  for (uint16_t i = t->heads[hash & t->mask]; i; i = t->table[i].next) {
    wq_alias *alias = &t->table[i];
    if (alias->hash != hash || alias->len != topic.len || !wq_text_equal(alias->text, topic.data, topic.len)) continue;
    alias->used = t->clock;
    if (i != t->newest) {
      list_remove(t, i);
      list_add(t, i);
    }
    return i;
  }
  return 0;
}

uint16_t wq_alias_give(wq_aliases *t, wq_bytes topic, uint32_t hash) {
  const uint16_t i = take(t, hash);
  if (!i) return 0;
  wq_alias *alias = &t->table[i];
  uint16_t *head = &t->heads[hash & t->mask];
  alias->hash = hash;
  alias->used = t->clock;
  alias->len = (uint16_t)topic.len;
  memcpy(alias->text, topic.data, topic.len);
  alias->next = *head;
  *head = i;
  list_add(t, i);
  return i;
}
