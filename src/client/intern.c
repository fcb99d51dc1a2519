/* SPDX-License-Identifier: MIT
 * See intern.h. A table of chains: heads hold the id of a chain's first name. When the names outnumber the heads,
 * a larger table of heads is asked for, and the old one becomes cells. A full table lets go of a name that was not used
 * since the clock's hand last passed. */
#include "intern.h"

#include <string.h>

#define HEADS_PER_SEGMENT (WQ_BLOCK_SIZE / 4u)
#define CHAIN_MAX 64u /* names in one bucket: with a secret seed never reached by chance */
#define TEXT_INLINE 45u

typedef struct wq_topic {
  uint32_t hash;
  uint32_t next; /* in the bucket */
  uint32_t more; /* chain with the text past TEXT_INLINE */
  uint32_t pins; /* how many aliases name it */
  uint16_t len;
  uint8_t used;
  uint8_t text[TEXT_INLINE];
} wq_topic;

_Static_assert(sizeof(wq_topic) == WQ_CELL_SIZE, "a topic fits one cell");

static wq_topic *topic_at(const wq_intern *t, uint32_t id) { return wq_cell(t->cells, id); }

static uint32_t *head_of(wq_intern *t, uint32_t hash) {
  uint32_t i = hash & (t->heads_n - 1);
  return &t->segments[i / HEADS_PER_SEGMENT][i % HEADS_PER_SEGMENT];
}

void wq_intern_init(wq_intern *t, wq_cells *cells, uint32_t max, const uint32_t seed[4], uint32_t *first_heads) {
  memset(t, 0, sizeof *t);
  t->cells = cells;
  t->max = max;
  memcpy(t->seed, seed, sizeof t->seed);
  t->heads_n = WQ_INTERN_HEADS_FIRST;
  t->segments[0] = first_heads;
  memset(first_heads, 0, WQ_INTERN_HEADS_FIRST * sizeof(uint32_t));
}

static uint64_t load64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static uint64_t stir(uint64_t h, uint64_t word) {
  h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
  return h ^ (h >> 32);
}

/* The last bytes of a name, at most 8: overlapping those before where it is long enough, which costs no loop. */
static uint64_t last_word(const uint8_t *p, uint32_t n) {
  if (n >= 8) return load64(p + n - 8);
  uint64_t word = 0;
  for (uint32_t i = 0; i < n; i++)
    word |= (uint64_t)p[i] << (8 * i);
  return word;
}

uint32_t wq_intern_hash(const wq_intern *t, wq_bytes name) {
  const uint8_t *p = name.data;
  const uint32_t n = name.len;
  uint64_t h = ((uint64_t)t->seed[0] << 32 | t->seed[1]) + n;
  for (uint32_t i = 0; i + 8 < n; i += 8)
    h = stir(h, load64(p + i));
  h = stir(h, last_word(p, n));
  h = stir(h, (uint64_t)t->seed[2] << 32 | t->seed[3]); /* so that all bits reach the lowest, which choose the bucket */
  return (uint32_t)stir(h, h >> 29);
}

bool wq_text_equal(const uint8_t *a, const uint8_t *b, uint32_t n) {
  uint64_t difference = 0;
  for (uint32_t i = 0; i + 8 < n; i += 8)
    difference |= load64(a + i) ^ load64(b + i);
  return (difference | (last_word(a, n) ^ last_word(b, n))) == 0;
}

static bool same_text(const wq_intern *t, const wq_topic *topic, wq_bytes name) {
  if (topic->len != name.len) return false;
  uint32_t head = name.len < TEXT_INLINE ? name.len : TEXT_INLINE;
  if (!wq_text_equal(topic->text, name.data, head)) return false;
  return name.len == head || wq_chain_equals(t->cells, topic->more, name.data + head, name.len - head);
}

uint32_t wq_intern_find(wq_intern *t, wq_bytes name, uint32_t hash) {
  for (uint32_t id = *head_of(t, hash); id;) {
    wq_topic *topic = topic_at(t, id);
    if (topic->hash == hash && same_text(t, topic, name)) {
      topic->used = 1;
      return id;
    }
    id = topic->next;
  }
  return 0;
}

static uint32_t cells_for(wq_bytes name) {
  return 1 + (name.len > TEXT_INLINE ? wq_chain_cells(name.len - TEXT_INLINE) : 0);
}

enum wq_want wq_intern_wants(const wq_intern *t, wq_bytes name, size_t *bytes) {
  *bytes = WQ_BLOCK_SIZE;
  if (t->count >= t->heads_n && t->heads_n < HEADS_PER_SEGMENT * WQ_INTERN_SEGMENTS) {
    if (t->heads_n >= HEADS_PER_SEGMENT) *bytes = (size_t)t->heads_n * 8 * sizeof(uint32_t);
    return WQ_WANT_HEADS;
  }
  return t->cells->available < cells_for(name) && wq_cells_can_grow(t->cells) ? WQ_WANT_CELLS : WQ_WANT_NOTHING;
}

void wq_intern_grow(wq_intern *t, void *block) {
  uint32_t *old[WQ_INTERN_SEGMENTS];
  uint32_t old_n = t->heads_n, old_segments = old_n / HEADS_PER_SEGMENT;
  memcpy(old, t->segments, sizeof old);
  t->heads_n = old_segments ? old_n * 8 : HEADS_PER_SEGMENT;
  memset(block, 0, (size_t)t->heads_n * 4);
  for (uint32_t i = 0; i < t->heads_n / HEADS_PER_SEGMENT; i++)
    t->segments[i] = (uint32_t *)block + (size_t)i * HEADS_PER_SEGMENT;
  for (uint32_t i = 0; i < old_n; i++) {
    for (uint32_t id = old[i / HEADS_PER_SEGMENT][i % HEADS_PER_SEGMENT]; id;) {
      wq_topic *topic = topic_at(t, id);
      uint32_t next = topic->next, *head = head_of(t, topic->hash);
      topic->next = *head;
      *head = id;
      id = next;
    }
  }
  t->hand = 0;
  for (uint32_t i = 0; i < old_segments; i++)
    wq_cells_add(t->cells, old[i]);
}

static void drop(wq_intern *t, uint32_t *link) {
  uint32_t id = *link;
  wq_topic *topic = topic_at(t, id);
  *link = topic->next;
  wq_chain_give(t->cells, topic->more);
  wq_cells_give(t->cells, id);
  t->count--;
}

/* Second chance: the hand goes round the buckets, twice at most, and takes the first name not used since its last visit. */
static uint32_t evict(wq_intern *t) {
  for (uint32_t step = 0; step < 2 * t->heads_n; step++) {
    t->hand = (t->hand + 1) & (t->heads_n - 1);
    for (uint32_t *link = head_of(t, t->hand); *link;) {
      wq_topic *topic = topic_at(t, *link);
      if (!topic->used && !topic->pins) {
        uint32_t id = *link;
        drop(t, link);
        return id;
      }
      topic->used = 0;
      link = &topic->next;
    }
  }
  return 0;
}

uint32_t wq_intern_add(wq_intern *t, wq_bytes name, uint32_t hash, uint32_t *gone) {
  *gone = 0;
  uint32_t crowd = 0;
  for (uint32_t id = *head_of(t, hash); id; id = topic_at(t, id)->next)
    crowd++;
  if (crowd >= CHAIN_MAX) return 0;
  if (t->count >= t->max || t->cells->available < cells_for(name)) {
    *gone = evict(t);
    if (!*gone || t->cells->available < cells_for(name)) return 0;
  }
  uint32_t id = wq_cells_take(t->cells), *head = head_of(t, hash);
  wq_topic *topic = topic_at(t, id);
  uint32_t inline_n = name.len < TEXT_INLINE ? name.len : TEXT_INLINE;
  memcpy(topic->text, name.data, inline_n);
  wq_chain_writer w = {.cells = t->cells};
  wq_chain_append(&w, (wq_bytes){name.data + inline_n, name.len - inline_n});
  topic->hash = hash;
  topic->next = *head;
  topic->more = w.first;
  topic->pins = 0;
  topic->len = (uint16_t)name.len;
  topic->used = 1;
  *head = id;
  t->count++;
  return id;
}

void wq_intern_pin(wq_intern *t, uint32_t id) { topic_at(t, id)->pins++; }

void wq_intern_unpin(wq_intern *t, uint32_t id) { topic_at(t, id)->pins--; }
