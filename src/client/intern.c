/* SPDX-License-Identifier: MIT
 * See intern.h. A table of chains: heads hold the id of a chain's first name. When the names outnumber the heads,
 * a larger table of heads is asked for, and the old one becomes cells. A full table lets go of a name that was not used
 * since the clock's hand last passed. */
#include "intern.h"

#include <string.h>

#define HEADS_PER_BLOCK (WQ_BLOCK_SIZE / 4u)
#define HEADS_BITS 14u /* in one block */
#define HEADS_MAX_BITS 20u
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

static uint32_t inline_of(wq_bytes name) { return name.len < TEXT_INLINE ? name.len : TEXT_INLINE; }

static uint32_t heads_n(const wq_intern *t) { return 1u << t->heads_bits; }

/* The next size of the table: those that are left behind become cells, so the first that came in a block fills it. */
static uint32_t larger(const wq_intern *t) { return t->heads_bits < HEADS_BITS ? HEADS_BITS : t->heads_bits + 3; }

/* The bucket is said by the upper bits, which depend on all of a name. */
static uint32_t *head_of(const wq_intern *t, uint32_t hash) { return &t->heads[hash >> (32 - t->heads_bits)]; }

/* SplitMix64: 64 well mixed bits from a state that was moved on. */
static uint64_t mixed(uint64_t state) {
  state = (state ^ (state >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  state = (state ^ (state >> 27)) * UINT64_C(0x94D049BB133111EB);
  return state ^ (state >> 31);
}

/* The next 64 bits of the keys, from two streams, so that all of the seed counts. */
static uint64_t next_key(uint64_t state[2]) {
  for (int i = 0; i < 2; i++)
    state[i] += UINT64_C(0x9E3779B97F4A7C15);
  return mixed(state[0] ^ mixed(state[1]));
}

void wq_intern_init(wq_intern *t, wq_cells *cells, uint32_t max, const uint32_t seed[4], uint32_t *first_heads) {
  uint64_t state[2] = {(uint64_t)seed[0] << 32 | seed[1], (uint64_t)seed[2] << 32 | seed[3]};
  memset(t, 0, sizeof *t);
  t->cells = cells;
  t->max = max;
  t->heads = first_heads;
  t->heads_bits = WQ_INTERN_FIRST_BITS;
  memset(first_heads, 0, WQ_INTERN_HEADS_FIRST * sizeof(uint32_t));
  for (uint32_t i = 0; i < WQ_INTERN_KEYS; i++)
    t->keys[i] = next_key(state);
}

static uint32_t load32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static uint64_t load64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* A name of less than 8 bytes; with its length it says what they are. */
static uint64_t short_word(const uint8_t *p, uint32_t n) {
  if (n >= 4) return load32(p) | (uint64_t)load32(p + n - 4) << 32;
  return n ? (uint64_t)(p[0] | p[n / 2] << 8 | p[n - 1] << 16) : 0;
}

static uint64_t product(const uint64_t *keys, uint32_t low, uint32_t high) {
  return (keys[0] + low) * (keys[1] + high);
}

/* The last 8 bytes overlap those before, which costs no loop. */
static inline uint64_t products(const uint64_t *keys, const uint8_t *at, uint32_t n) {
  if (n < 8) {
    const uint64_t word = short_word(at, n);
    return product(keys, (uint32_t)word, (uint32_t)(word >> 32));
  }
  uint64_t sum = 0;
  const uint8_t *const last = at + n - 8;
  for (; at < last; at += 8, keys += 2)
    sum += product(keys, load32(at), load32(at + 4));
  return sum + product(keys, load32(last), load32(last + 4));
}

/* Multilinear hashing (Lemire and Kaser, "Strongly universal string hashing is fast"): whoever chose two names, without the
 * keys theirs are equal with a chance of 2^-32; and no step waits for the one before. */
static inline uint32_t usual_hash(const wq_intern *t, wq_bytes name) {
  return (uint32_t)((t->keys[0] + t->keys[1] * name.len + products(t->keys + 2, name.data, name.len)) >> 32);
}

uint32_t wq_intern_hash(const wq_intern *t, wq_bytes name) {
  /* A longer name begins the keys anew: few have an id. */
  uint64_t sum = t->keys[1] * name.len;
  for (; name.len > WQ_INTERN_TEXT_MAX; name.len -= WQ_INTERN_TEXT_MAX, name.data += WQ_INTERN_TEXT_MAX)
    sum += products(t->keys + 2, name.data, WQ_INTERN_TEXT_MAX);
  return usual_hash(t, name) + (uint32_t)(sum >> 32);
}

static inline bool text_equal(const uint8_t *a, const uint8_t *b, uint32_t n) {
  if (n < 8) return short_word(a, n) == short_word(b, n);
  const uint8_t *const last = a + n - 8;
  uint64_t difference = load64(last) ^ load64(b + n - 8);
  for (; a < last; a += 8, b += 8)
    difference |= load64(a) ^ load64(b);
  return difference == 0;
}

bool wq_text_equal(const uint8_t *a, const uint8_t *b, uint32_t n) { return text_equal(a, b, n); }

uint32_t wq_intern_find(wq_intern *t, wq_bytes name, uint32_t *hash) {
  const uint32_t h = *hash = name.len <= WQ_INTERN_TEXT_MAX ? usual_hash(t, name) : wq_intern_hash(t, name);
  const uint32_t inline_n = inline_of(name);
  for (uint32_t id = *head_of(t, h); id;) {
    wq_topic *topic = topic_at(t, id);
    if (topic->hash == h && topic->len == name.len && text_equal(topic->text, name.data, inline_n) &&
        (name.len == inline_n || wq_chain_equals(t->cells, topic->more, name.data + inline_n, name.len - inline_n))) {
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
  if (t->count >= heads_n(t) && t->heads_bits < HEADS_MAX_BITS) {
    *bytes = sizeof(uint32_t) << larger(t);
    return WQ_WANT_HEADS;
  }
  return t->cells->available < cells_for(name) && wq_cells_can_grow(t->cells) ? WQ_WANT_CELLS : WQ_WANT_NOTHING;
}

void wq_intern_grow(wq_intern *t, void *block) {
  uint32_t *const old = t->heads, old_n = heads_n(t);
  t->heads_bits = larger(t);
  t->heads = block;
  memset(block, 0, heads_n(t) * sizeof(uint32_t));
  for (uint32_t i = 0; i < old_n; i++) {
    for (uint32_t id = old[i]; id;) {
      wq_topic *topic = topic_at(t, id);
      uint32_t next = topic->next, *head = head_of(t, topic->hash);
      topic->next = *head;
      *head = id;
      id = next;
    }
  }
  t->hand = 0;
  for (uint32_t i = 0; i < old_n / HEADS_PER_BLOCK; i++)
    wq_cells_add(t->cells, old + (size_t)i * HEADS_PER_BLOCK);
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
  for (uint32_t step = 0; step < 2 * heads_n(t); step++) {
    t->hand = (t->hand + 1) & (heads_n(t) - 1);
    for (uint32_t *link = &t->heads[t->hand]; *link;) {
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
  uint32_t inline_n = inline_of(name);
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
