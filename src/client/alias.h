/* SPDX-License-Identifier: MIT
 * Topic aliases for what is published in 5.0: which topic the server knows by which number on this connection. */
#ifndef WQ_CLIENT_ALIAS_H
#define WQ_CLIENT_ALIAS_H

#include "../wasmqtt.h"

/* In each packet an alias costs 3 bytes, and one more if the property length grows by it; a name costs its own length. */
#define WQ_ALIAS_TOPIC_MIN 5u
#define WQ_ALIAS_TOPIC_MAX 256u /* so that names have their place in the fixed memory */

struct wq_alias;
struct wq_seen;

typedef struct wq_aliases {
  struct wq_alias *table; /* [1..size]: an alias is its index */
  struct wq_seen *seen;   /* by hash: topics that have no alias, and when they came */
  uint16_t *heads;        /* by hash: the first alias of the bucket */
  uint32_t mask;          /* of seen and heads */
  uint32_t size;
  uint32_t max;   /* on this connection; 0: none */
  uint32_t count; /* given */
  uint32_t clock; /* messages that came by */
  uint16_t newest, oldest;
} wq_aliases;

/* Bytes for at most `size` aliases. */
size_t wq_aliases_size(uint32_t size);
void wq_aliases_init(wq_aliases *t, void *memory, uint32_t size);
/* A connection begins whose server takes `server_max` aliases: all are free. [M5:3.3.2-7] */
void wq_aliases_begin(wq_aliases *t, uint32_t server_max);

static inline bool wq_alias_wanted(const wq_aliases *t, wq_bytes topic) {
  return t->max && topic.len >= WQ_ALIAS_TOPIC_MIN && topic.len <= WQ_ALIAS_TOPIC_MAX;
}

/* For a topic that is wq_alias_wanted(), about to be sent, with its wq_intern_hash(). */
/* wq_alias_find - the alias by which the server knows it; 0: none. */
uint16_t wq_alias_find(wq_aliases *t, wq_bytes topic, uint32_t hash);
/* wq_alias_give - after wq_alias_find() found none: the alias that it may have from now on, 0: none. The packet that says
 * so must go into the output next. */
uint16_t wq_alias_give(wq_aliases *t, wq_bytes topic, uint32_t hash);

#endif
