/* SPDX-License-Identifier: MIT
 * Topic names <-> small ids, so that a repeated name crosses to the host as a number. Bounded by a count of names; the hash
 * is keyed, since strangers choose the names. A name's id is the index of its first cell. */
#ifndef WQ_CLIENT_INTERN_H
#define WQ_CLIENT_INTERN_H

#include "cells.h"

#define WQ_INTERN_TEXT_MAX 256u                     /* longer names get no id, unless a topic alias needs one */
#define WQ_INTERN_KEYS (2 + WQ_INTERN_TEXT_MAX / 4) /* of the hash: one for each word of such a name, and two for all */
#define WQ_INTERN_FIRST_BITS 10u                    /* heads inside the client itself, as a power of two */
#define WQ_INTERN_HEADS_FIRST (1u << WQ_INTERN_FIRST_BITS)

typedef struct wq_intern {
  wq_cells *cells;
  uint32_t *heads;
  uint32_t heads_bits; /* 2^heads_bits of them */
  uint32_t max, count;
  uint32_t hand; /* the clock's hand: the next bucket to look for a name that was not used */
  uint64_t keys[WQ_INTERN_KEYS];
} wq_intern;

void wq_intern_init(wq_intern *t, wq_cells *cells, uint32_t max, const uint32_t seed[4], uint32_t *first_heads);

/* memcmp() looks at single bytes in wasm; this does not. */
bool wq_text_equal(const uint8_t *a, const uint8_t *b, uint32_t n);

uint32_t wq_intern_hash(const wq_intern *t, wq_bytes name);
/* The id of a name known, or 0. Marks it used. *hash is its wq_intern_hash(). */
uint32_t wq_intern_find(wq_intern *t, wq_bytes name, uint32_t *hash);
/* What must be given before `name` can be added: WQ_WANT_HEADS (wq_intern_grow), WQ_WANT_CELLS, in a block of *bytes; or
 * WQ_WANT_NOTHING. */
enum wq_want wq_intern_wants(const wq_intern *t, wq_bytes name, size_t *bytes);
/* A larger table of heads; the block has the size that wq_intern_wants() said. */
void wq_intern_grow(wq_intern *t, void *block);
/* Add a valid name that is not there. *gone is the id of a name that had to leave, or 0. Returns 0 if the table is full
 * of names that may not leave, or its bucket is crowded. */
uint32_t wq_intern_add(wq_intern *t, wq_bytes name, uint32_t hash, uint32_t *gone);

/* A pinned name does not leave (topic aliases name it). */
void wq_intern_pin(wq_intern *t, uint32_t id);
void wq_intern_unpin(wq_intern *t, uint32_t id);

#endif
