/* SPDX-License-Identifier: MIT
 * Configuration, memory, status, statistics: see wasmqtt.h and client.h. */
#include "client.h"

#include <string.h>

#define FIRST_CELLS 64u
#define BLOCKS_LIMIT 4096u

void wq_config_init(wq_config *config) {
  memset(config, 0, sizeof *config);
  config->size = sizeof *config;
}

static uint32_t value_or(uint32_t value, uint32_t fallback) { return value ? value : fallback; }

static bool within(uint32_t value, uint32_t low, uint32_t high) { return value >= low && value <= high; }

/* The config with its defaults filled in; false if a field is out of range. */
static bool config_read(wq_config *to, const wq_config *from) {
  memset(to, 0, sizeof *to);
  memcpy(to, from, from->size < sizeof *to ? from->size : sizeof *to);
  to->size = sizeof *to;
  to->events_max = value_or(to->events_max, 512);
  to->output_size = value_or(to->output_size, 81920);
  to->carry_size = value_or(to->carry_size, 16384);
  to->topics_max = value_or(to->topics_max, 131072);
  to->queue_max = value_or(to->queue_max, 10000);
  to->inflight_max = value_or(to->inflight_max, 100);
  to->receive_max = value_or(to->receive_max, 1024);
  to->packet_size_max = value_or(to->packet_size_max, 16777216);
  to->stream_min = value_or(to->stream_min, 16384);
  to->topic_alias_out_max = value_or(to->topic_alias_out_max, 16);
  if (to->topic_alias_out_max == WQ_NO_ALIASES) to->topic_alias_out_max = 0;
  return (!to->records_max || within(to->records_max, 64, 65536)) && within(to->events_max, 16, 65536) &&
         within(to->output_size, 4096, 16777216) && within(to->carry_size, 1024, 16777216) &&
         within(to->topics_max, 16, 1000000) && within(to->queue_max, 1, 1000000) &&
         within(to->inflight_max, 1, 65535) && within(to->receive_max, 1, 65535) &&
         within(to->packet_size_max, 1024, 268435460) && to->topic_alias_max <= 1024 &&
         to->topic_alias_max < to->topics_max && within(to->stream_min, 1024, 268435455) &&
         to->topic_alias_out_max <= 1024 && to->publish_rate <= 1000000;
}

static uint32_t power_of_two(uint32_t at_least) {
  uint32_t n = 1;
  while (n < at_least)
    n *= 2;
  return n;
}

/* The parts of the fixed memory, one after the other, each aligned to 16 bytes. */
typedef struct wq_parts {
  uint32_t owed_n, slots_n, blocks_max;
  size_t client, events, output, carry, aliases, owed, slots, received, handling, heads, blocks, cells, aliases_out,
      records, total;
} wq_parts;

static size_t place(size_t *at, size_t bytes) {
  size_t here = *at;
  *at += (bytes + 15) & ~(size_t)15;
  return here;
}

static wq_parts parts_of(const wq_config *config) {
  wq_parts p;
  size_t at = 0;
  /* Enough blocks for every name at its longest, and for every message at 1 KiB. */
  uint64_t blocks = 2 + ((uint64_t)config->topics_max * 5 + (uint64_t)config->queue_max * 18) / WQ_BLOCK_CELLS +
                    ((uint64_t)config->topic_alias_max * 1100) / WQ_BLOCK_CELLS;
  p.blocks_max = blocks > BLOCKS_LIMIT ? BLOCKS_LIMIT : (uint32_t)blocks;
  p.owed_n = power_of_two(config->receive_max + 1);
  p.slots_n = power_of_two(2 * config->inflight_max + 2 * WQ_REQUESTS_MAX);
  if (p.slots_n > 65536) p.slots_n = 65536;
  p.client = place(&at, sizeof(wq_client));
  p.events = place(&at, config->events_max * sizeof(wq_event));
  p.output = place(&at, config->output_size);
  p.carry = place(&at, config->carry_size);
  p.aliases = place(&at, (config->topic_alias_max + 1) * sizeof(uint32_t));
  p.owed = place(&at, p.owed_n * sizeof(wq_owed));
  p.slots = place(&at, p.slots_n * sizeof(uint32_t));
  p.received = place(&at, WQ_PACKET_ID_BYTES);
  p.handling = place(&at, WQ_PACKET_ID_BYTES);
  p.heads = place(&at, WQ_INTERN_HEADS_FIRST * sizeof(uint32_t));
  p.blocks = place(&at, p.blocks_max * sizeof(uint8_t *));
  p.cells = place(&at, FIRST_CELLS * WQ_CELL_SIZE);
  p.aliases_out = place(&at, wq_aliases_size(config->topic_alias_out_max));
  p.records = place(&at, wq_records_size(config->records_max, p.owed_n));
  p.total = at;
  return p;
}

size_t wq_client_size(const wq_config *config) {
  wq_config full;
  return config && config_read(&full, config) ? parts_of(&full).total : 0;
}

wq_client *wq_client_init(void *memory, size_t length, const wq_config *config) {
  wq_config full;
  if (!memory || (uintptr_t)memory % 16 || !config || !config_read(&full, config)) return NULL;
  wq_parts p = parts_of(&full);
  if (length < p.total) return NULL;
  uint8_t *base = memory;
  memset(base, 0, p.total);
  wq_client *c = memory;
  c->config = full;
  c->events = (void *)(base + p.events);
  c->output = base + p.output;
  c->carry = base + p.carry;
  c->carry_size = full.carry_size;
  c->alias_topics = (void *)(base + p.aliases);
  c->owed = (void *)(base + p.owed);
  c->owed_n = p.owed_n;
  c->owed_first = c->owed_next = 1;
  c->slots = (void *)(base + p.slots);
  c->slots_n = p.slots_n;
  c->received = base + p.received;
  c->handling = base + p.handling;
  wq_cells_init(&c->cells, (void *)(base + p.blocks), p.blocks_max, base + p.cells, FIRST_CELLS);
  c->records = (void *)(base + p.records);
  c->expiry_at = WQ_NEVER;
  wq_aliases_init(&c->aliases, base + p.aliases_out, full.topic_alias_out_max);
  wq_intern_init(&c->topics, &c->cells, full.topics_max, full.seed, (void *)(base + p.heads));
  return c;
}

void wq_want(wq_client *c, enum wq_want want, size_t bytes) {
  c->want = want;
  c->want_bytes = bytes;
}

size_t wq_memory_wanted(const wq_client *client) { return client->want_bytes; }

int wq_add_memory(wq_client *client, void *block, size_t length) {
  wq_client *c = client;
  if (c->want == WQ_WANT_NOTHING) return WQ_E_STATE;
  if (!block || (uintptr_t)block % 16 || length < c->want_bytes) return WQ_E_ARG;
  switch (c->want) {
  case WQ_WANT_CELLS: wq_cells_add(&c->cells, block); break;
  case WQ_WANT_HEADS: wq_intern_grow(&c->topics, block); break;
  case WQ_WANT_CARRY:
    memcpy(block, c->carry, c->carry_n);
    c->carry = block;
    c->carry_size = (uint32_t)c->want_bytes;
    break;
  case WQ_WANT_NOTHING: break;
  }
  wq_want(c, WQ_WANT_NOTHING, 0);
  return 0;
}

enum wq_status wq_client_status(const wq_client *client) { return client->status; }

const wq_negotiated_t *wq_negotiated(const wq_client *client) { return &client->negotiated; }

const wq_stats_t *wq_stats(wq_client *client) {
  wq_client *c = client;
  c->stats.queued = c->waiting[0].count + c->waiting[1].count;
  c->stats.inflight = c->inflight.count - c->given_up;
  c->stats.unacked = wq_owed_count(c);
  c->stats.topics = c->topics.count;
  return &c->stats;
}

const wq_event *wq_events(const wq_client *client, size_t *count) {
  *count = client->events_n;
  return client->events;
}

const uint8_t *wq_carry(const wq_client *client, size_t *length) {
  *length = client->carry_n;
  return client->carry;
}

void wq_input_begin(wq_client *c, uint64_t now_ms) {
  c->events_n = 0;
  if (now_ms > c->now) c->now = now_ms;
  if (c->carry_done) {
    c->carry_n -= c->carry_done;
    memmove(c->carry, c->carry + c->carry_done, c->carry_n);
    c->carry_done = 0;
  }
}
