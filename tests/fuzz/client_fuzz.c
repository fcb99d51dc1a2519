/* SPDX-License-Identifier: MIT
 * libFuzzer target of the client machine. The first byte chooses version and config; then come commands of one byte
 * with their operands: bytes from the server in pieces, work of the host, time, lost connections. What must hold
 * whatever happens: no event points outside its bytes, each token settles once, a topic id means what it was said to
 * mean, wq_tick() gets on with what wq_deadline() asks for, and a failed connection says nothing more. */
#include "wasmqtt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKENS_MAX 256
#define IDS_MAX 65536
#define BLOCKS_MAX 64

typedef struct fuzz {
  const uint8_t *at, *end;
  wq_client *client;
  void *blocks[BLOCKS_MAX];
  int blocks_n;
  uint64_t now;
  uint8_t version;
  uint32_t tokens[TOKENS_MAX];
  int tokens_n;
  uint32_t acks[TOKENS_MAX];
  int acks_n;
  uint8_t named[IDS_MAX]; /* topic ids in use */
} fuzz;

static void must(bool good) {
  if (!good) abort();
}

static uint8_t next(fuzz *f) { return f->at < f->end ? *f->at++ : 0; }

static void check_span(const fuzz *f, const wq_event *e, size_t fed, uint32_t off, uint64_t len) {
  size_t room = fed;
  if (e->flags & WQ_EVF_CARRY) wq_carry(f->client, &room);
  must(off + len <= room);
}

static void settled(fuzz *f, uint32_t token) {
  for (int i = 0; i < f->tokens_n; i++)
    if (f->tokens[i] == token) {
      f->tokens[i] = f->tokens[--f->tokens_n];
      return;
    }
  abort(); /* it was settled before, or never given */
}

static void check_publish(fuzz *f, const wq_event *e, size_t fed) {
  check_span(f, e, fed, e->topic_off, e->topic_len);
  must(e->topic_id < IDS_MAX);
  if (e->flags & WQ_EVF_NEW_TOPIC) {
    must(e->topic_id && !f->named[e->topic_id]);
    f->named[e->topic_id] = 1;
  }
  must(e->topic_id ? f->named[e->topic_id] : e->topic_len);
  if (e->type == WQ_EV_OVERSIZE) return;
  must((e->aux != 0) == ((e->flags & WQ_EVF_QOS) != 0));
  if (e->aux && f->acks_n < TOKENS_MAX) f->acks[f->acks_n++] = e->aux;
  if (e->flags & WQ_EVF_STREAM)
    must(e->off <= fed);
  else
    check_span(f, e, fed, e->off, e->len);
}

static void check_events(fuzz *f, size_t fed) {
  size_t n;
  const wq_event *events = wq_events(f->client, &n);
  for (size_t i = 0; i < n; i++) {
    const wq_event *e = &events[i];
    if (e->props_off != WQ_NO_PROPS) check_span(f, e, fed, e->props_off, 1);
    switch (e->type) {
    case WQ_EV_OVERSIZE:
    case WQ_EV_PUBLISH: check_publish(f, e, fed); break;
    case WQ_EV_TOPIC_GONE:
      must(f->named[e->topic_id]);
      f->named[e->topic_id] = 0;
      break;
    case WQ_EV_SETTLED: settled(f, e->aux); break;
    case WQ_EV_SUBACK:
    case WQ_EV_UNSUBACK: check_span(f, e, fed, e->off, e->len); break;
    default: must(e->type > WQ_EV_NONE && e->type <= WQ_EV_STRAY_ACK);
    }
  }
}

static bool give_memory(fuzz *f, int64_t got) {
  if (got != WQ_E_MEMORY || f->blocks_n == BLOCKS_MAX) return false;
  size_t wanted = wq_memory_wanted(f->client);
  must(wanted > 0);
  f->blocks[f->blocks_n] = aligned_alloc(16, (wanted + 15) & ~(size_t)15);
  return wq_add_memory(f->client, f->blocks[f->blocks_n++], wanted) == 0;
}

static void drain_output(fuzz *f) {
  wq_output_view view;
  for (wq_output(f->client, &view); view.len || view.token; wq_output(f->client, &view))
    must(wq_output_ack(f->client, view.len) == 0);
}

static void feed(fuzz *f) {
  size_t n = next(f);
  if (n > (size_t)(f->end - f->at)) n = (size_t)(f->end - f->at);
  uint8_t *piece = malloc(n + 1); /* of its own, so that a byte too far is seen */
  memcpy(piece, f->at, n);
  uint8_t *exact = realloc(piece, n ? n : 1);
  const uint8_t *bytes = exact;
  f->at += n;
  while (n) {
    uint32_t skip = wq_skip(f->client);
    if (skip) {
      uint32_t part = skip < n ? skip : (uint32_t)n;
      must(wq_skipped(f->client, part, f->now) == 0);
      check_events(f, 0);
      bytes += part;
      n -= part;
      continue;
    }
    int64_t got = wq_feed(f->client, bytes, n, f->now);
    if (give_memory(f, got)) continue;
    check_events(f, got < 0 ? n : (size_t)got);
    if (got < 0 && got != WQ_E_STATE && got != WQ_E_MEMORY) must(wq_client_status(f->client) == WQ_FAILED);
    if (got <= 0) break;
    bytes += got;
    n -= (size_t)got;
  }
  free(exact);
}

static void publish(fuzz *f) {
  static const uint8_t bytes[300] = "topic";
  uint8_t how = next(f);
  wq_publish_args args = {.size = sizeof args,
                          .qos = how & 3,
                          .retain = (how & 4) != 0,
                          .host_payload = (how & 8) != 0,
                          .resend = (how & 16) != 0,
                          .topic = {bytes, 1 + (how >> 6)},
                          .payload = {bytes, next(f)}};
  if (f->tokens_n == TOKENS_MAX) return;
  int got;
  do
    got = wq_publish(f->client, &args, f->now);
  while (give_memory(f, got));
  if (got > 0) f->tokens[f->tokens_n++] = (uint32_t)got;
}

static void connect_again(fuzz *f) {
  uint8_t how = next(f);
  static const uint8_t method[] = {0x15, 0, 1, 's'};
  wq_connect_args args = {.size = sizeof args,
                          .version = f->version,
                          .clean = (how & 1) != 0,
                          .keep_alive = how >> 2,
                          .client_id = {method, 3}};
  if (f->version == WQ_MQTT_5_0 && (how & 2)) args.properties = (wq_bytes){method, sizeof method};
  if (wq_connect(f->client, &args, f->now) == 0) check_events(f, 0);
}

static void tick(fuzz *f) {
  int calls = 0;
  do {
    wq_tick(f->client, f->now);
    check_events(f, 0);
    must(++calls < 10); /* what can be done is done: no host is kept busy for nothing */
  } while (wq_deadline(f->client) <= f->now);
}

static void command(fuzz *f) {
  static const uint8_t filter[] = "a/#";
  const wq_subscription sub = {.filter = {filter, 3}, .qos = 1};
  uint32_t ref;
  switch (next(f) % 13) {
  case 0:
  case 1:
  case 2:
  case 3: feed(f); break;
  case 4: publish(f); break;
  case 5:
    if (f->acks_n) wq_ack(f->client, f->acks[next(f) % f->acks_n], next(f), f->now);
    break;
  case 6: drain_output(f); break;
  case 7:
    f->now += next(f) * 100u;
    tick(f);
    break;
  case 8: wq_subscribe(f->client, &sub, 1, (wq_bytes){0}, f->now); break;
  case 9:
    if (!f->tokens_n) break;
    ref = f->tokens[next(f) % f->tokens_n];
    if (wq_remove(f->client, ref) == 0) settled(f, ref);
    break;
  case 10:
    wq_lost(f->client, f->now);
    check_events(f, 0);
    connect_again(f);
    break;
  case 11: wq_disconnect(f->client, 0, (wq_bytes){0}, f->now); break;
  case 12: wq_ping(f->client, next(f) * 100u, f->now); break;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz *f = calloc(1, sizeof *f);
  f->at = data;
  f->end = data + size;
  uint8_t how = next(f);
  f->version = (uint8_t)(3 + how % 3);
  wq_config config;
  wq_config_init(&config);
  config.events_max = 16;
  config.output_size = 4096;
  config.carry_size = 1024;
  config.topics_max = 16;
  config.queue_max = 8;
  config.inflight_max = 1 + (how >> 2 & 3);
  config.receive_max = 4;
  config.stream_min = 1024;
  config.packet_size_max = 2048;
  config.topic_alias_max = how >> 4 & 7;
  void *memory = aligned_alloc(16, wq_client_size(&config));
  f->client = wq_client_init(memory, wq_client_size(&config), &config);
  must(f->client != NULL);
  connect_again(f);
  while (f->at < f->end)
    command(f);
  /* All that is under way ends, once: taken back, or settled after a session that was lost. */
  wq_lost(f->client, f->now);
  check_events(f, 0);
  tick(f);
  must(wq_stats(f->client)->unacked == 0);
  must(wq_stats(f->client)->queued + wq_stats(f->client)->inflight == (uint32_t)f->tokens_n);
  for (int i = 0; i < f->blocks_n; i++)
    free(f->blocks[i]);
  free(memory);
  free(f);
  return 0;
}
