/* SPDX-License-Identifier: MIT
 * libFuzzer target of the client machine. The first byte chooses version and config; then come commands of one byte
 * with their operands: bytes from the server in pieces, work of the host, time, lost connections. What must hold
 * whatever happens: no event points outside its bytes, each token settles once, a topic id means what it was said to
 * mean, wq_tick() gets on with what wq_deadline() asks for, a failed connection says nothing more; and what leaves is whole
 * packets, in which a topic alias is within the server's limit and means the topic that was published. */
#include "codec/frame.h"
#include "codec/packet.h"
#include "codec/prop.h"
#include "wasmqtt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKENS_MAX 256
#define IDS_MAX 65536
#define BLOCKS_MAX 64
#define ALIASES_MAX 8

/* The topics published, and the payload that says which of them it is. */
static const char *const topics[] = {"t", "to/p", "topic", "some/longer/topic"};

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
  uint8_t named[IDS_MAX];           /* topic ids in use */
  uint8_t aliases[ALIASES_MAX + 1]; /* 1 + the topic that the server knows by that alias; 0: none */
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
    default: must(e->type > WQ_EV_NONE && e->type <= WQ_EV_RECEIVED);
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

static void check_topic(fuzz *f, const wq_publish_packet *p, bool host_payload) {
  wq_property alias = {0};
  int topic = -1;
  for (int i = 0; i < 4; i++)
    if (p->topic.len == strlen(topics[i]) && memcmp(p->topic.data, topics[i], p->topic.len) == 0) topic = i;
  if (wq_properties_find(p->properties, WQ_P_TOPIC_ALIAS, &alias)) {
    must(alias.number <= ALIASES_MAX && alias.number <= wq_negotiated(f->client)->topic_alias_maximum);
    if (p->topic.len) f->aliases[alias.number] = (uint8_t)(1 + topic);
    topic = f->aliases[alias.number] - 1;
  }
  must(topic >= 0);
  if (!host_payload && p->payload.len) must(p->payload.data[0] == topic);
}

static void check_output(fuzz *f, const wq_output_view *view) {
  wq_frame frame;
  wq_bytes left = {view->data, view->len};
  while (left.len) {
    must(wq_frame_read(left, f->version, &frame) > 0);
    const uint64_t whole = frame.header + (uint64_t)frame.remaining;
    const bool host_payload = whole > left.len;
    must(!host_payload || (view->token && whole - left.len == view->payload_len));
    const uint32_t n = host_payload ? left.len : (uint32_t)whole;
    if (frame.type == WQ_PUBLISH) {
      wq_publish_packet p;
      const wq_bytes body = {left.data + frame.header, n - frame.header};
      must(wq_publish_decode(&p, f->version, frame.flags, body, frame.remaining) == 0);
      must(f->version < WQ_MQTT_5_0 || whole <= wq_negotiated(f->client)->maximum_packet_size);
      check_topic(f, &p, view->token && n == left.len);
    }
    left = (wq_bytes){left.data + n, left.len - n};
  }
}

static void drain_output(fuzz *f) {
  wq_output_view view;
  for (wq_output(f->client, &view); view.len || view.token; wq_output(f->client, &view)) {
    check_output(f, &view);
    must(wq_output_ack(f->client, view.len) == 0);
  }
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
  static uint8_t payload[300];
  uint8_t how = next(f), properties[] = {2, 0, 0, 0, next(f)};
  const char *topic = topics[how >> 6];
  payload[0] = how >> 6;
  wq_publish_args args = {.size = sizeof args,
                          .qos = how & 3,
                          .retain = (how & 4) != 0,
                          .host_payload = (how & 8) != 0,
                          .resend = how >> 4 & 3,
                          .topic = {(const uint8_t *)topic, (uint32_t)strlen(topic)},
                          .properties = {properties, how & 32 ? sizeof properties : 0},
                          .payload = {payload, next(f)}};
  if (f->tokens_n == TOKENS_MAX) return;
  int got;
  do
    got = wq_publish(f->client, &args, f->now);
  while (give_memory(f, got));
  if (got > 0) f->tokens[f->tokens_n++] = (uint32_t)got;
}

static void acknowledge(fuzz *f) {
  static const uint8_t why[] = {0x1f, 0, 3, 'a', 'b', 'c', 0x26, 0, 1, 'd', 0, 0};
  const uint32_t handle = f->acks[next(f) % f->acks_n];
  const uint8_t reason = next(f);
  int got;
  do
    got = wq_ack_with(f->client, handle, reason, (wq_bytes){why, reason & 1 ? sizeof why : 0}, f->now);
  while (give_memory(f, got));
}

static void connect_again(fuzz *f) {
  uint8_t how = next(f);
  static const uint8_t method[] = {0x15, 0, 1, 's'};
  wq_connect_args args = {.size = sizeof args,
                          .version = f->version,
                          .clean = (how & 1) != 0,
                          .keep_alive = how >> 2,
                          .client_id = {method + 3, 1}};
  if (f->version == WQ_MQTT_5_0 && (how & 2)) args.properties = (wq_bytes){method, sizeof method};
  must(wq_connect(f->client, &args, f->now) == 0);
  check_events(f, 0);
  memset(f->aliases, 0, sizeof f->aliases);
}

/* The server accepts, with few topic aliases; found by chance this would take long. */
static void greet(fuzz *f) {
  uint8_t how = next(f);
  const uint8_t connack[] = {0x20, 6, how & 1, 0, 3, WQ_P_TOPIC_ALIAS_MAXIMUM, 0, how >> 4};
  if (f->version < WQ_MQTT_5_0 || wq_client_status(f->client) != WQ_CONNECTING) return;
  const int64_t got = wq_feed(f->client, connack, sizeof connack, f->now);
  check_events(f, got < 0 ? sizeof connack : (size_t)got);
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
  switch (next(f) % 15) {
  case 0:
  case 1:
  case 2:
  case 3: feed(f); break;
  case 4: publish(f); break;
  case 5:
    if (f->acks_n) acknowledge(f);
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
  case 13: greet(f); break;
  case 14: wq_hold(f->client, next(f) & 1); break;
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
  config.publish_rate = how % 5;
  config.topic_alias_out_max = how >> 7 ? ALIASES_MAX : 2;
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
