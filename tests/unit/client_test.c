/* SPDX-License-Identifier: MIT
 * The client machine beyond what conversations (tests/vectors/client) can say: limits of its memory, floods, and every
 * change of one byte in what a server sends, at each state. */
#include "check.h"
#include "guard.h"
#include "wasmqtt.h"

#define BLOCKS 512

typedef struct host {
  wq_client *client;
  void *memory, *blocks[BLOCKS];
  int blocks_n;
  uint64_t now;
} host;

static wq_bytes text(const char *s) { return (wq_bytes){(const uint8_t *)s, (uint32_t)strlen(s)}; }

static host host_make(const wq_config *config) {
  host h = {.now = 1};
  size_t size = wq_client_size(config);
  h.memory = aligned_alloc(16, size);
  h.client = wq_client_init(h.memory, size, config);
  return h;
}

static void host_end(host *h) {
  for (int i = 0; i < h->blocks_n; i++)
    free(h->blocks[i]);
  free(h->memory);
}

static bool give_memory(host *h, int64_t got) {
  if (got != WQ_E_MEMORY || h->blocks_n == BLOCKS) return false;
  size_t wanted = wq_memory_wanted(h->client);
  h->blocks[h->blocks_n] = aligned_alloc(16, wanted);
  return wq_add_memory(h->client, h->blocks[h->blocks_n++], wanted) == 0;
}

static uint32_t drop_output(host *h) {
  uint32_t bytes = 0;
  wq_output_view view;
  for (wq_output(h->client, &view); view.len || view.token; wq_output(h->client, &view)) {
    bytes += view.len;
    wq_output_ack(h->client, view.len);
  }
  return bytes;
}

static void online(host *h, uint8_t version) {
  wq_connect_args args = {.size = sizeof args, .version = version, .client_id = text("a")};
  CHECK_INT(wq_connect(h->client, &args, h->now), 0);
  drop_output(h);
  const uint8_t connack[] = {0x20, version == 5 ? 3 : 2, 0, 0, 0};
  size_t n = version == 5 ? 5 : 4;
  CHECK_INT(wq_feed(h->client, connack, n, h->now), n);
  CHECK_INT(wq_client_status(h->client), WQ_CONNECTED);
}

/* A QoS 0 PUBLISH of 3.1.1 with an empty payload. */
static size_t publish_of(uint8_t *dst, const char *topic) {
  size_t n = strlen(topic);
  dst[0] = 0x30;
  dst[1] = (uint8_t)(n + 2);
  dst[2] = 0;
  dst[3] = (uint8_t)n;
  memcpy(dst + 4, topic, n);
  return n + 4;
}

static void config_ranges(void) {
  wq_config config;
  wq_config_init(&config);
  size_t size = wq_client_size(&config);
  CHECK(size > 0);
  void *memory = aligned_alloc(16, size + 16);
  CHECK(wq_client_init(memory, size, &config) != NULL);
  CHECK(wq_client_init(memory, size - 1, &config) == NULL);
  CHECK(wq_client_init((char *)memory + 8, size + 8, &config) == NULL);
  CHECK(wq_client_init(NULL, size, &config) == NULL);
  uint32_t *const fields[] = {&config.events_max, &config.output_size,     &config.carry_size,
                              &config.topics_max, &config.packet_size_max, &config.stream_min};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    *fields[i] = 1;
    CHECK_INT(wq_client_size(&config), 0);
    *fields[i] = UINT32_MAX;
    CHECK_INT(wq_client_size(&config), 0);
    *fields[i] = 0;
  }
  config.inflight_max = 65535;
  config.receive_max = 65535;
  CHECK(wq_client_size(&config) > size);
  config.receive_max = 65536;
  CHECK_INT(wq_client_size(&config), 0);
  config.receive_max = 0;
  config.topics_max = 16;
  config.topic_alias_max = 15;
  CHECK(wq_client_size(&config) > 0);
  config.topic_alias_max = 16; /* each alias keeps a name */
  CHECK_INT(wq_client_size(&config), 0);
  config.topic_alias_max = 0;
  config.topic_alias_out_max = 1025;
  CHECK_INT(wq_client_size(&config), 0);
  config.topic_alias_out_max = 1024;
  CHECK(wq_client_size(&config) > size);
  config.topic_alias_out_max = WQ_NO_ALIASES;
  CHECK(wq_client_size(&config) > 0);
  free(memory);
}

/* Fields that a caller compiled against an older header does not know keep their default. */
static void config_of_an_older_caller(void) {
  wq_config config;
  wq_config_init(&config);
  size_t size = wq_client_size(&config);
  config.topics_max = 1; /* out of range, if it were read */
  config.size = offsetof(wq_config, topics_max);
  CHECK_INT(wq_client_size(&config), size);
}

static void more_memory(void) {
  wq_config config;
  wq_config_init(&config);
  host h = host_make(&config);
  _Alignas(16) static uint8_t block[65536];
  CHECK_INT(wq_memory_wanted(h.client), 0);
  CHECK_INT(wq_add_memory(h.client, block, sizeof block), WQ_E_STATE);
  wq_publish_args args = {.size = sizeof args, .qos = 1, .topic = text("t"), .payload = {block, 16000}};
  CHECK_INT(wq_publish(h.client, &args, h.now), WQ_E_MEMORY);
  CHECK_INT(wq_stats(h.client)->queued, 0);
  size_t wanted = wq_memory_wanted(h.client);
  CHECK_INT(wq_add_memory(h.client, block, wanted - 1), WQ_E_ARG);
  CHECK_INT(wq_add_memory(h.client, block + 8, wanted), WQ_E_ARG);
  CHECK(give_memory(&h, WQ_E_MEMORY));
  CHECK(wq_publish(h.client, &args, h.now) > 0);
  CHECK_INT(wq_stats(h.client)->queued, 1);
  host_end(&h);
}

/* Use up cells of the client's own with names. */
static void take_cells(host *h, int cells) {
  char topic[16];
  uint8_t packet[80];
  for (int i = 0; i < cells; i++) {
    snprintf(topic, sizeof topic, "c%d", i);
    size_t n = publish_of(packet, topic);
    CHECK_INT(wq_feed(h->client, packet, n, h->now), n);
  }
}

/* A packet that came in pieces is not taken whole and then kept back: its last piece is asked for again. */
static void memory_for_a_cut_packet(void) {
  wq_config config;
  wq_config_init(&config);
  host h = host_make(&config);
  online(&h, 4);
  take_cells(&h, 63);
  uint8_t packet[80];
  size_t count, carried, n = publish_of(packet, "one more");
  CHECK_INT(wq_feed(h.client, packet, 5, h.now), 5);
  CHECK_INT(wq_feed(h.client, packet + 5, n - 5, h.now), WQ_E_MEMORY);
  CHECK_INT(wq_feed(h.client, packet + 5, n - 5, h.now), WQ_E_MEMORY);
  CHECK(give_memory(&h, WQ_E_MEMORY));
  CHECK_INT(wq_feed(h.client, packet + 5, n - 5, h.now), n - 5);
  const wq_event *e = wq_events(h.client, &count);
  CHECK_INT(count, 1);
  CHECK_INT(e->type, WQ_EV_PUBLISH);
  CHECK(memcmp(wq_carry(h.client, &carried) + e->topic_off, "one more", 8) == 0);
  host_end(&h);
}

/* A settlement that waits for an input call outlives one that wants memory first. */
static void memory_before_a_settlement(void) {
  wq_config config;
  wq_config_init(&config);
  host h = host_make(&config);
  online(&h, 4);
  take_cells(&h, 61);
  wq_publish_args args = {.size = sizeof args, .topic = text("t"), .host_payload = true, .payload = {NULL, 50000}};
  int token = wq_publish(h.client, &args, h.now);
  CHECK(token > 0);
  drop_output(&h);
  CHECK_INT(wq_remove(h.client, (uint32_t)token), WQ_E_STATE); /* it was sent, if not told yet */
  char name[121];
  uint8_t packet[128];
  memset(name, 'n', 120);
  name[120] = 0;
  size_t count, n = publish_of(packet, name);
  CHECK_INT(wq_feed(h.client, packet, n, h.now), WQ_E_MEMORY);
  CHECK(give_memory(&h, WQ_E_MEMORY));
  CHECK_INT(wq_feed(h.client, packet, n, h.now), n);
  const wq_event *e = wq_events(h.client, &count);
  CHECK_INT(count, 2);
  CHECK_INT(e[0].type, WQ_EV_PUBLISH);
  CHECK_INT(e[1].type, WQ_EV_SETTLED);
  CHECK_INT(e[1].aux, token);
  CHECK_INT(wq_remove(h.client, (uint32_t)token), WQ_E_TOKEN);
  host_end(&h);
}

/* Every packet id in use, though more could be in flight: the rest waits without asking for the time. */
static void packet_ids_used_up(void) {
  wq_config config;
  wq_config_init(&config);
  config.inflight_max = 65535;
  config.queue_max = 100000;
  host h = host_make(&config);
  online(&h, 4);
  const wq_subscription sub = {.filter = text("a")};
  int got;
  for (int i = 0; i < 64; i++) {
    do
      got = wq_subscribe(h.client, &sub, 1, (wq_bytes){0}, h.now);
    while (give_memory(&h, got));
    CHECK(got > 0);
  }
  wq_publish_args args = {.size = sizeof args, .qos = 1, .topic = text("t")};
  for (int i = 0; i < 65536; i++) {
    do
      got = wq_publish(h.client, &args, h.now);
    while (give_memory(&h, got));
    CHECK(got > 0);
    drop_output(&h);
  }
  CHECK_INT(wq_stats(h.client)->inflight, 65535 - 64);
  CHECK_INT(wq_deadline(h.client), UINT64_MAX);
  const uint8_t puback[] = {0x40, 2, 0x12, 0x34};
  CHECK_INT(wq_feed(h.client, puback, 4, h.now), 4);
  CHECK_INT(wq_stats(h.client)->inflight, 65535 - 64);
  CHECK_INT(wq_deadline(h.client), UINT64_MAX);
  host_end(&h);
}

/* Publish with QoS 1 and have it acknowledged. Returns the packet id. */
static unsigned publish_one(host *h) {
  const wq_publish_args args = {.size = sizeof args, .qos = 1, .topic = text("t")};
  int got;
  do
    got = wq_publish(h->client, &args, h->now);
  while (give_memory(h, got));
  CHECK(got > 0);
  wq_output_view view;
  wq_output(h->client, &view);
  const uint8_t puback[] = {0x40, 2, view.data[5], view.data[6]};
  wq_output_ack(h->client, view.len);
  CHECK_INT(wq_feed(h->client, puback, sizeof puback, h->now), 4);
  return (unsigned)puback[2] << 8 | puback[3];
}

/* A server that lowers its Maximum Packet Size within a session may have a message that is over it now. */
static void packet_id_of_what_was_given_up(void) {
  static const uint8_t lowered[] = {0x20, 8, 1, 0, 5, 0x27, 0, 0, 0, 20}, lost[] = {0x20, 3, 0, 0, 0};
  wq_config config;
  wq_config_init(&config);
  host h = host_make(&config);
  wq_connect_args connect = {.size = sizeof connect, .version = 5, .client_id = text("a")};
  wq_publish_args args = {
      .size = sizeof args, .qos = 2, .topic = text("t"), .payload = text("more than 20 bytes with its head")};
  online(&h, 5);
  int got;
  do
    got = wq_publish(h.client, &args, h.now);
  while (give_memory(&h, got));
  drop_output(&h);
  wq_lost(h.client, h.now);
  CHECK_INT(wq_connect(h.client, &connect, h.now), 0);
  drop_output(&h);
  CHECK_INT(wq_feed(h.client, lowered, sizeof lowered, h.now), sizeof lowered);
  for (int i = 0; i < 1000; i++) /* more often than there are places for ids */
    CHECK(publish_one(&h) % 512 != 1);
  wq_lost(h.client, h.now);
  CHECK_INT(wq_connect(h.client, &connect, h.now), 0);
  drop_output(&h);
  CHECK_INT(wq_feed(h.client, lost, sizeof lost, h.now), sizeof lost);
  bool again = false;
  for (int i = 0; i < 1000; i++)
    again = again || publish_one(&h) % 512 == 1;
  CHECK(again);
  host_end(&h);
}

/* The output takes one of two repeats; a new message would fit beside it, and has to wait. */
static void new_behind_repeats(void) {
  static const uint8_t kept[] = {0x20, 3, 1, 0, 0};
  static uint8_t payload[2500];
  wq_config config;
  wq_config_init(&config);
  config.output_size = 4096;
  host h = host_make(&config);
  wq_connect_args connect = {.size = sizeof connect, .version = 5, .client_id = text("a")};
  wq_publish_args args = {.size = sizeof args, .qos = 1, .topic = text("t"), .payload = {payload, sizeof payload}};
  online(&h, 5);
  for (int i = 0; i < 2; i++) {
    int got;
    do
      got = wq_publish(h.client, &args, h.now);
    while (give_memory(&h, got));
    CHECK(got > 0);
    drop_output(&h);
  }
  wq_lost(h.client, h.now);
  CHECK_INT(wq_connect(h.client, &connect, h.now), 0);
  drop_output(&h);
  CHECK_INT(wq_feed(h.client, kept, sizeof kept, h.now), sizeof kept);
  args.payload.len = 1;
  CHECK(wq_publish(h.client, &args, h.now) > 0);
  uint8_t ids[4];
  int count = 0;
  wq_output_view view;
  for (wq_output(h.client, &view); view.len && count < 4; wq_output(h.client, &view)) {
    for (uint32_t at = 0; at < view.len && count < 4;) { /* type, length in one byte or two, topic of one, id */
      const uint32_t head = view.data[at + 1] & 0x80 ? 3 : 2;
      const uint32_t remaining = (view.data[at + 1] & 0x7Fu) | (head == 3 ? (uint32_t)view.data[at + 2] << 7 : 0);
      ids[count++] = view.data[at + head + 4];
      at += head + remaining;
    }
    wq_output_ack(h.client, view.len);
    wq_tick(h.client, h.now);
  }
  CHECK_INT(count, 3);
  CHECK(ids[0] == 1 && ids[1] == 2 && ids[2] == 3);
  host_end(&h);
}

/* JavaScript's strings cannot even say this. */
static void text_that_is_none(void) {
  static const uint8_t overlong[] = {0xC0, 0xAF}, surrogate[] = {0xED, 0xA0, 0x80}, nul[] = {'a', 0};
  const wq_bytes bad[] = {{overlong, 2}, {surrogate, 3}, {nul, 2}};
  for (uint8_t version = 4; version <= 5; version++)
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
      wq_config config;
      wq_config_init(&config);
      host h = host_make(&config);
      const wq_connect_args connect = {
          .size = sizeof connect, .version = version, .client_id = text("a"), .has_will = true, .will_topic = bad[i]};
      CHECK_INT(wq_connect(h.client, &connect, h.now), WQ_E_TOPIC);
      online(&h, version);
      const wq_subscription sub = {.filter = bad[i]};
      CHECK_INT(wq_subscribe(h.client, &sub, 1, (wq_bytes){0}, h.now), WQ_E_FILTER);
      CHECK_INT(wq_unsubscribe(h.client, &bad[i], 1, (wq_bytes){0}, h.now), WQ_E_FILTER);
      host_end(&h);
    }
}

/* No PINGREQ can go into the middle of a payload, and no answer is missed meanwhile; afterwards it is due. */
static void keep_alive_during_a_payload(void) {
  wq_config config;
  wq_config_init(&config);
  host h = host_make(&config);
  wq_connect_args connect = {.size = sizeof connect, .version = 4, .keep_alive = 20, .client_id = text("a")};
  CHECK_INT(wq_connect(h.client, &connect, h.now), 0);
  drop_output(&h);
  const uint8_t connack[] = {0x20, 2, 0, 0}, pingresp[] = {0xd0, 0};
  CHECK_INT(wq_feed(h.client, connack, 4, h.now), 4);
  CHECK_INT(wq_ping(h.client, 1000, h.now), 0);
  wq_publish_args args = {.size = sizeof args, .topic = text("t"), .host_payload = true, .payload = {NULL, 50000}};
  CHECK(wq_publish(h.client, &args, h.now) > 0);
  CHECK_INT(wq_ping(h.client, 1000, h.now), WQ_E_FULL);
  CHECK_INT(wq_feed(h.client, pingresp, 2, h.now), 0);
  for (int i = 0; i < 100; i++) {
    h.now += 1000;
    CHECK_INT(wq_tick(h.client, h.now), 0);
    CHECK(wq_deadline(h.client) > h.now);
  }
  drop_output(&h);
  CHECK_INT(wq_feed(h.client, pingresp, 2, h.now), 2);
  CHECK(wq_deadline(h.client) <= h.now);
  CHECK_INT(wq_tick(h.client, h.now), 0);
  CHECK_INT(drop_output(&h), 2);
  CHECK(wq_deadline(h.client) > h.now);
  host_end(&h);
}

/* A PINGREQ that is said to be sent is. */
static void ping_without_room(void) {
  wq_config config;
  wq_config_init(&config);
  config.output_size = 4097;
  host h = host_make(&config);
  online(&h, 4);
  uint64_t before = wq_stats(h.client)->packets_out, pings = 0;
  while (pings < 4096 && wq_ping(h.client, 1000, h.now) == 0)
    pings++;
  CHECK_INT(pings, 2048);
  CHECK_INT(wq_stats(h.client)->packets_out - before, pings);
  host_end(&h);
}

/* After DISCONNECT input is taken, whatever was waited for before. */
static void input_after_disconnect(void) {
  wq_config config;
  wq_config_init(&config);
  config.receive_max = 1;
  host h = host_make(&config);
  online(&h, 4);
  const uint8_t publish[] = {0x32, 5, 0, 1, 'a', 0, 7}, pingresp[] = {0xd0, 0};
  size_t count;
  CHECK_INT(wq_feed(h.client, publish, sizeof publish, h.now), sizeof publish);
  CHECK_INT(wq_feed(h.client, pingresp, 2, h.now), 0);
  CHECK_INT(wq_disconnect(h.client, 0, (wq_bytes){0}, h.now), 0);
  CHECK_INT(wq_feed(h.client, pingresp, 2, h.now), 2);
  wq_events(h.client, &count);
  CHECK_INT(count, 0);
  host_end(&h);
}

/* Offsets of events have 32 bits: no more is taken at once than they reach. The file has holes between the heads. */
static void more_than_offsets_reach(void) {
  if (sizeof(size_t) < 8) return;
  enum { PACKETS = 18 };
  const size_t size = 268435460;
  FILE *file = tmpfile();
  if (!CHECK(file && ftruncate(fileno(file), PACKETS * (off_t)size) == 0)) return;
  for (int i = 0; i < PACKETS; i++)
    CHECK_INT(pwrite(fileno(file), "\x30\xff\xff\xff\x7f\0\1t", 8, i * (off_t)size), 8);
  uint8_t *bytes = mmap(NULL, PACKETS * size, PROT_READ, MAP_SHARED, fileno(file), 0);
  if (!CHECK(bytes != MAP_FAILED)) return;
  wq_config config;
  wq_config_init(&config);
  config.packet_size_max = (uint32_t)size;
  host h = host_make(&config);
  online(&h, 4);
  size_t count;
  int64_t got = wq_feed(h.client, bytes, PACKETS * size, h.now);
  const wq_event *e = wq_events(h.client, &count);
  CHECK_INT(got, UINT32_MAX);
  CHECK_INT(count, 16);
  for (size_t i = 0; i < count; i++)
    CHECK_INT(e[i].off, i * size + 8);
  CHECK_INT(wq_skip(h.client), 16 * size - UINT32_MAX);
  host_end(&h);
  munmap(bytes, PACKETS * size);
  fclose(file);
}

/* 100 000 names: each gets an id of its own, keeps it, and nothing but memory that was asked for is used. */
static void many_topics(void) {
  enum { TOPICS = 100000 };
  wq_config config;
  wq_config_init(&config);
  config.seed[0] = 7;
  host h = host_make(&config);
  online(&h, 4);
  static uint32_t ids[TOPICS];
  static uint8_t taken[1 << 20];
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < TOPICS; i++) {
      char topic[64];
      uint8_t packet[80];
      snprintf(topic, sizeof topic, i % 3 ? "site/%d" : "a/rather/long/name/that/needs/two/cells/for/its/text/%d", i);
      size_t n = publish_of(packet, topic), count;
      int64_t got;
      do
        got = wq_feed(h.client, packet, n, h.now);
      while (give_memory(&h, got));
      CHECK_INT(got, n);
      const wq_event *e = wq_events(h.client, &count);
      CHECK_INT(count, 1);
      if (round == 0) {
        ids[i] = e->topic_id;
        CHECK(e->topic_id && e->topic_id < sizeof taken && !taken[e->topic_id]);
        CHECK(e->flags & WQ_EVF_NEW_TOPIC);
        taken[e->topic_id] = 1;
      } else {
        CHECK_INT(e->topic_id, ids[i]);
        CHECK(!(e->flags & WQ_EVF_NEW_TOPIC));
      }
    }
  CHECK_INT(wq_stats(h.client)->topics, TOPICS);
  host_end(&h);
}

/* A stranger who makes up names for ever gets no more memory than the table may have. */
static void topics_without_end(void) {
  wq_config config;
  wq_config_init(&config);
  config.topics_max = 1000;
  host h = host_make(&config);
  online(&h, 4);
  int gone = 0;
  for (int i = 0; i < 200000; i++) {
    char topic[64];
    uint8_t packet[80];
    snprintf(topic, sizeof topic, "%d", i);
    size_t n = publish_of(packet, topic), count;
    int64_t got;
    do
      got = wq_feed(h.client, packet, n, h.now);
    while (give_memory(&h, got));
    const wq_event *e = wq_events(h.client, &count);
    for (size_t k = 0; k < count; k++)
      gone += e[k].type == WQ_EV_TOPIC_GONE;
  }
  CHECK_INT(wq_stats(h.client)->topics, 1000);
  CHECK_INT(gone, 199000);
  CHECK(h.blocks_n <= 4);
  host_end(&h);
}

/* More packets than events: feed stops, and goes on after a drain. */
static void few_events(void) {
  wq_config config;
  wq_config_init(&config);
  config.events_max = 16;
  host h = host_make(&config);
  online(&h, 4);
  uint8_t bytes[5 * 100];
  for (size_t i = 0; i < 100; i++)
    publish_of(bytes + 5 * i, "t");
  size_t at = 0, seen = 0;
  while (at < sizeof bytes) {
    int64_t got = wq_feed(h.client, bytes + at, sizeof bytes - at, h.now);
    if (!CHECK(got > 0)) break;
    at += (size_t)got;
    size_t count;
    wq_events(h.client, &count);
    CHECK(count <= 16);
    seen += count;
  }
  CHECK_INT(seen, 100);
  host_end(&h);
}

/* An output that the host does not drain: QoS 0 waits and then is refused, input waits, and all goes on afterwards. */
static void full_output(void) {
  wq_config config;
  wq_config_init(&config);
  config.output_size = 4096;
  config.queue_max = 10;
  host h = host_make(&config);
  online(&h, 4);
  static const uint8_t payload[1000];
  wq_publish_args args = {.size = sizeof args, .topic = text("t"), .payload = {payload, sizeof payload}};
  int sent = 0, waiting = 0, got;
  while ((got = wq_publish(h.client, &args, h.now)) >= 0 || give_memory(&h, got))
    got == 0 ? sent++ : (waiting += got > 0);
  CHECK_INT(got, WQ_E_FULL);
  CHECK_INT(sent, 4);
  CHECK_INT(waiting, 10);
  size_t count, settled = 0;
  uint32_t bytes = drop_output(&h);
  while (wq_deadline(h.client) <= h.now) {
    CHECK_INT(wq_tick(h.client, h.now), 0);
    const wq_event *e = wq_events(h.client, &count);
    for (size_t i = 0; i < count; i++)
      settled += e[i].type == WQ_EV_SETTLED && WQ_EVENT_RESULT(&e[i]) == 0;
    bytes += drop_output(&h);
  }
  CHECK_INT(settled, 10);
  CHECK_INT(bytes, 14 * 1006);
  host_end(&h);
}

/* A host may be told of a message's end after many others came and went. */
static void tokens_are_not_given_again(void) {
  wq_config config;
  wq_config_init(&config);
  host h = host_make(&config);
  wq_publish_args args = {.size = sizeof args, .topic = text("t"), .qos = 1};
  int first = 0;
  for (int i = 0; i < 100000; i++) {
    int token;
    while (give_memory(&h, token = wq_publish(h.client, &args, h.now)))
      ;
    if (i == 0) first = token;
    CHECK(token > 0);
    if (!CHECK((token == first) == (i == 0)) || !CHECK_INT(wq_remove(h.client, (uint32_t)token), 0)) break;
  }
  CHECK_INT(wq_remove(h.client, (uint32_t)first), WQ_E_TOKEN);
  host_end(&h);
}

/* Connected with a CONNACK of 5.0 with these properties. */
static host online_with(const wq_config *config, const char *properties, uint8_t len) {
  host h = host_make(config);
  wq_connect_args connect = {.size = sizeof connect, .version = 5, .client_id = text("a")};
  CHECK_INT(wq_connect(h.client, &connect, h.now), 0);
  drop_output(&h);
  uint8_t connack[32] = {0x20, (uint8_t)(len + 3), 0, 0, len};
  memcpy(connack + 5, properties, len);
  CHECK_INT(wq_feed(h.client, connack, len + 5u, h.now), len + 5);
  return h;
}

/* Messages of all sizes, as many as wq_publish_room() says: each goes into the output at once. */
static void as_much_as_there_is_room(void) {
  enum { ROUNDS = 2000 };
  static const uint8_t payload[16384];
  static char topic[300];
  memset(topic, 't', sizeof topic);
  for (int kind = 0; kind < 3; kind++) {
    wq_config config;
    wq_config_init(&config);
    config.output_size = kind == 2 ? 4096 : 0;
    host h = host_make(&config);
    if (kind == 0)
      online(&h, 4);
    else
      host_end(&h), h = online_with(&config, "\x22\xff\xff", 3); /* aliases */
    uint32_t random = 1, sent = 0, full = 0;
    for (int round = 0; round < ROUNDS; round++) {
      for (uint32_t room = wq_publish_room(h.client), size;; room -= size, sent++) {
        random = random * 1664525 + 1013904223;
        const uint32_t r = random >> 8, topic_len = 1 + r % 300;
        wq_publish_args args = {.size = sizeof args,
                                .topic = {(const uint8_t *)topic, topic_len},
                                .payload = {payload, r / 300 % (r % 7 ? 200 : 16385)}};
        size = WQ_PUBLISH_HEAD + topic_len + args.payload.len;
        if (size > room) break;
        if (!CHECK_INT(wq_publish(h.client, &args, h.now), 0)) break;
      }
      wq_output_view view;
      wq_output(h.client, &view);
      full += view.len > (config.output_size ? 3000u : 60000u);
      random = random * 1664525 + 1013904223;
      wq_output_ack(h.client, (random >> 8) % (view.len + 1));
    }
    CHECK(sent > ROUNDS && full > 10);
    host_end(&h);
  }
}

/* The same of messages with QoS 1 and 2 and wq_queue_room(), while the server takes only some of them at a time. */
static void as_much_as_can_wait(void) {
  enum { ROUNDS = 300 };
  static const uint8_t payload[16384];
  static char topic[300];
  memset(topic, 't', sizeof topic);
  for (int kind = 0; kind < 3; kind++) {
    wq_config config;
    wq_config_init(&config);
    if (kind == 1) config.queue_max = 50;
    host h = online_with(&config, kind == 2 ? "\x21\x00\x03\x22\xff\xff" : "", kind == 2 ? 6 : 0);
    uint32_t random = 1, kept = 0, sent = 0, settled = 0;
    for (int round = 0; round < ROUNDS; round++) {
      uint32_t room = wq_publish_room(h.client), queue_room = wq_queue_room(h.client);
      for (uint32_t size;; room -= size + WQ_PUBLISH_HEAD) {
        random = random * 1664525 + 1013904223;
        const uint32_t r = random >> 8, topic_len = 1 + r % 300;
        wq_publish_args args = {.size = sizeof args,
                                .qos = (uint8_t)(r / 7 % 3),
                                .topic = {(const uint8_t *)topic, topic_len},
                                .payload = {payload, r / 300 % (r % 11 ? 200 : 3000)}};
        size = topic_len + args.payload.len;
        if (size + WQ_PUBLISH_HEAD > room || (args.qos && size + WQ_QUEUE_HEAD > queue_room)) break;
        if (args.qos) queue_room -= size + WQ_QUEUE_HEAD;
        const int got = wq_publish(h.client, &args, h.now);
        if (!CHECK(args.qos ? got > 0 : got == 0)) return;
        kept += args.qos > 0;
      }
      /* One that grows the memory, and answers to what went out. */
      wq_publish_args more = {.size = sizeof more, .qos = 1, .topic = text("t"), .payload = {payload, 100}};
      int got;
      while (give_memory(&h, got = wq_publish(h.client, &more, h.now)))
        ;
      CHECK(got > 0 || got == WQ_E_FULL);
      kept += got > 0;
      wq_output_view view;
      wq_output(h.client, &view);
      static uint8_t answers[200000];
      size_t n = 0;
      for (uint32_t at = 0; at < view.len; sent++) {
        uint32_t head, len;
        const uint8_t *packet = view.data + at;
        for (head = 1, len = 0; packet[head] & 128; head++)
          len |= (packet[head] & 127u) << 7 * (head - 1);
        len |= (uint32_t)packet[head] << 7 * (head - 1);
        const uint8_t *id = packet + head + 1;
        const bool publish = packet[0] >> 4 == 3;
        if (publish) id += 2 + (id[0] << 8 | id[1]);
        at += head + 1 + len;
        if (publish && !(packet[0] & 6)) continue;
        const uint8_t answer[] = {publish ? (packet[0] & 2 ? 0x40 : 0x50) : 0x70, 2, id[0], id[1]};
        memcpy(answers + n, answer, sizeof answer);
        n += sizeof answer;
      }
      wq_output_ack(h.client, view.len);
      for (size_t at = 0; at < n;) {
        const int64_t took = wq_feed(h.client, answers + at, n - at, h.now);
        if (!CHECK(took > 0)) return;
        at += (size_t)took;
        size_t count;
        const wq_event *events = wq_events(h.client, &count);
        for (size_t i = 0; i < count; i++)
          settled += events[i].type == WQ_EV_SETTLED;
      }
    }
    CHECK(kept > ROUNDS && sent > ROUNDS && settled > ROUNDS / 2);
    CHECK(settled <= kept && kept - settled <= wq_stats(h.client)->inflight + wq_stats(h.client)->queued);
    host_end(&h);
  }
}

static void no_room_to_promise(void) {
  wq_config config;
  wq_config_init(&config);
  host h = host_make(&config);
  CHECK_INT(wq_publish_room(h.client), 0);
  wq_connect_args connect = {.size = sizeof connect, .version = 4, .client_id = text("a")};
  CHECK_INT(wq_connect(h.client, &connect, h.now), 0);
  CHECK_INT(wq_publish_room(h.client), 0);
  host_end(&h);

  h = host_make(&config);
  online(&h, 4);
  CHECK_INT(wq_publish_room(h.client), 81920 - 64);
  wq_publish_args large = {.size = sizeof large, .topic = text("t"), .host_payload = true, .payload = {NULL, 20000}};
  int token;
  while (give_memory(&h, token = wq_publish(h.client, &large, h.now)))
    ;
  CHECK(token > 0);
  CHECK_INT(wq_publish_room(h.client), 0); /* its bytes come next */
  host_end(&h);

  h = online_with(&config, "\x27\x00\x01\x3f\xff", 5); /* a Maximum Packet Size that a message may be over */
  CHECK_INT(wq_publish_room(h.client), 0);
  host_end(&h);
  h = online_with(&config, "\x27\x00\x01\x40\x00", 5);
  CHECK(wq_publish_room(h.client) > 0);
  wq_disconnect(h.client, 0, (wq_bytes){0}, h.now);
  CHECK_INT(wq_publish_room(h.client), 0);
  host_end(&h);

  config.publish_rate = 1000;
  h = host_make(&config);
  online(&h, 4);
  CHECK_INT(wq_publish_room(h.client), 0);
  host_end(&h);

  config.publish_rate = 0;
  config.output_size = 4096;
  h = host_make(&config);
  online(&h, 4);
  static const uint8_t payload[1000];
  wq_publish_args args = {.size = sizeof args, .topic = text("t"), .payload = {payload, sizeof payload}};
  int got;
  while ((got = wq_publish(h.client, &args, h.now)) == 0 || give_memory(&h, got))
    ;
  CHECK(got > 0);
  wq_output_view view;
  wq_output(h.client, &view);
  wq_output_ack(h.client, view.len - 1);
  CHECK_INT(wq_publish_room(h.client), 0); /* what waits goes first */
  host_end(&h);
}

/* QoS 0 that waits when the connection goes settles with an error; no token is lost. */
static void waiting_when_lost(void) {
  wq_config config;
  wq_config_init(&config);
  config.output_size = 4096;
  host h = host_make(&config);
  online(&h, 4);
  wq_publish_args args = {.size = sizeof args, .topic = text("t"), .host_payload = true, .payload = {NULL, 50000}};
  int first = wq_publish(h.client, &args, h.now), second = wq_publish(h.client, &args, h.now);
  CHECK(first > 0 && second > 0 && first != second);
  CHECK_INT(wq_remove(h.client, (uint32_t)first), WQ_E_STATE);
  wq_output_view view;
  wq_output(h.client, &view);
  CHECK_INT(view.token, first);
  CHECK_INT(view.payload_len, 50000);
  wq_lost(h.client, h.now);
  size_t count;
  const wq_event *e = wq_events(h.client, &count);
  CHECK_INT(count, 2);
  CHECK_INT(e[0].aux, first);
  CHECK_INT(e[1].aux, second);
  CHECK_INT(WQ_EVENT_RESULT(&e[0]), WQ_E_STATE);
  CHECK_INT(wq_deadline(h.client), UINT64_MAX);
  host_end(&h);
}

static void resend_out_of_range(void) {
  wq_config config;
  wq_config_init(&config);
  host h = host_make(&config);
  wq_publish_args args = {.size = sizeof args, .qos = 1, .resend = WQ_RESEND_NEVER, .topic = text("t")};
  CHECK(wq_publish(h.client, &args, h.now) > 0);
  args.resend++;
  CHECK_INT(wq_publish(h.client, &args, h.now), WQ_E_ARG);
  host_end(&h);
}

/* What a server makes of a PUBLISH with QoS 0, no properties of its own and one byte of payload. */
typedef struct alias_server {
  char names[1025][64];
  uint32_t max, seen, with_alias;
} alias_server;

/* Reads packets until that were `n` bytes. Returns how many they were. */
static uint32_t alias_server_read(alias_server *s, const uint8_t *at, uint32_t n, char topics[][64]) {
  const uint8_t *const begin = at;
  for (const uint8_t *end = at + n; at < end; s->seen++) {
    uint32_t len = (uint32_t)(at[2] << 8 | at[3]);
    const uint8_t *props = at + 4 + len, *payload = props + 1 + props[0];
    CHECK_INT(at[0], 0x30);
    CHECK_INT(at[1], payload + 1 - (at + 2));
    const uint32_t alias = props[0] ? (uint32_t)(props[2] << 8 | props[3]) : 0;
    CHECK(props[0] == 0 || (props[0] == 3 && props[1] == 0x23 && alias > 0 && alias <= s->max));
    char name[64] = {0};
    memcpy(name, at + 4, len);
    if (alias && len) strcpy(s->names[alias], name);
    CHECK_TEXT(len ? name : s->names[alias], topics[*payload]);
    s->with_alias += len == 0;
    at = payload + 1;
  }
  return (uint32_t)(at - begin);
}

/* Whatever is published in whatever order, the server takes each message for its topic. */
static void aliases_as_a_server_reads_them(void) {
  enum { TOPICS = 200, MESSAGES = 20000 };
  static char topics[TOPICS][64];
  for (int i = 0; i < TOPICS; i++)
    snprintf(topics[i], sizeof topics[i], i % 5 ? "some/topic/%d" : "t%d", i);
  static const uint32_t maxima[] = {1, 2, 16, 150, 1024};
  for (size_t k = 0; k < sizeof maxima / sizeof *maxima; k++) {
    wq_config config;
    wq_config_init(&config);
    config.topic_alias_out_max = maxima[k];
    config.output_size = 4096;
    host h = host_make(&config);
    wq_connect_args connect = {.size = sizeof connect, .version = 5, .client_id = text("a")};
    CHECK_INT(wq_connect(h.client, &connect, h.now), 0);
    drop_output(&h);
    const uint8_t connack[] = {0x20, 6, 0, 0, 3, 0x22, 0xff, 0xff};
    CHECK_INT(wq_feed(h.client, connack, sizeof connack, h.now), sizeof connack);
    static alias_server server;
    server = (alias_server){.max = maxima[k]};
    uint32_t random = 1;
    for (int i = 0; i < MESSAGES; i++) {
      random = random * 1664525 + 1013904223;
      const uint32_t r = random >> 8;
      const uint8_t which = (uint8_t)(r % 4 ? r / 4 % 8 : r / 4 % TOPICS); /* a few of them most of the time */
      wq_publish_args args = {.size = sizeof args, .topic = text(topics[which]), .payload = {&which, 1}};
      CHECK_INT(wq_publish(h.client, &args, h.now), 0);
      wq_output_view view;
      wq_output(h.client, &view);
      if (view.len < 3000) continue;
      /* Not all of it, so that the rest is moved when the area's end is reached. */
      wq_output_ack(h.client, alias_server_read(&server, view.data, view.len / 2, topics));
    }
    CHECK(server.seen > MESSAGES - 400);
    CHECK(maxima[k] < 16 || server.with_alias > server.seen / 2);
    host_end(&h);
  }
}

/* Where the packet fits with its topic, but not with an alias beside it, it goes out without. */
static void alias_without_room(void) {
  wq_config config;
  wq_config_init(&config);
  config.output_size = 4096;
  for (uint32_t spare = 0; spare < 8; spare++) {
    host h = host_make(&config);
    wq_connect_args connect = {.size = sizeof connect, .version = 5, .client_id = text("a")};
    CHECK_INT(wq_connect(h.client, &connect, h.now), 0);
    drop_output(&h);
    const uint8_t connack[] = {0x20, 6, 0, 0, 3, 0x22, 0, 9};
    CHECK_INT(wq_feed(h.client, connack, sizeof connack, h.now), sizeof connack);
    static const uint8_t payload[4096];
    /* 64 bytes stay free in any case; heads have 3 + 2 + 1 bytes, and the topic */
    wq_publish_args args = {.size = sizeof args, .topic = text("t"), .payload = {payload, 4096 - 64 - 12 - spare - 7}};
    CHECK_INT(wq_publish(h.client, &args, h.now), 0);
    args.topic = text("fives");
    args.payload.len = 2;
    CHECK_INT(wq_publish(h.client, &args, h.now), 0); /* 12 bytes without an alias */
    wq_output_view view;
    wq_output(h.client, &view);
    CHECK_INT(view.len, 4096 - 64 - spare + (spare >= 3 ? 3 : 0));
    host_end(&h);
  }
}

/* 10 000 messages that end one after the other: each is told once, in time, and looking for them is rare. */
static void many_expire(void) {
  enum { MESSAGES = 10000, STEP = 7 };
  wq_config config;
  wq_config_init(&config);
  config.events_max = 64;
  host h = host_make(&config);
  static uint64_t ends[MESSAGES];
  static uint32_t tokens[MESSAGES];
  for (int i = 0; i < MESSAGES; i++) {
    const uint8_t properties[] = {2, 0, 0, 0, (uint8_t)(1 + i % 100)};
    wq_publish_args args = {
        .size = sizeof args, .qos = 1, .topic = text("t"), .properties = {properties, sizeof properties}};
    int got;
    do
      got = wq_publish(h.client, &args, h.now);
    while (give_memory(&h, got));
    CHECK(got > 0);
    tokens[i] = (uint32_t)got;
    ends[i] = h.now + properties[4] * 1000u;
    h.now += i % STEP == 0;
  }
  int told = 0, ticks = 0;
  while (wq_deadline(h.client) != UINT64_MAX && ticks < 2 * MESSAGES) {
    if (wq_deadline(h.client) > h.now) h.now = wq_deadline(h.client);
    CHECK_INT(wq_tick(h.client, h.now), 0);
    ticks++;
    size_t count;
    const wq_event *e = wq_events(h.client, &count);
    for (size_t k = 0; k < count; k++, told++) {
      int i = 0;
      while (i < MESSAGES && tokens[i] != e[k].aux)
        i++;
      if (!CHECK(i < MESSAGES)) break;
      tokens[i] = 0;
      CHECK_INT(WQ_EVENT_RESULT(&e[k]), WQ_E_EXPIRED);
      CHECK(h.now >= ends[i] && h.now <= ends[i] + 1000);
    }
  }
  CHECK_INT(told, MESSAGES);
  CHECK(ticks < 400); /* one look a second for 100 s, and what one tick's events do not hold */
  CHECK_INT(wq_stats(h.client)->queued, 0);
  host_end(&h);
}

/* What is over is not sent, also where the host brings CONNACK before it looks at the clock; QoS 0 that waits for room too. */
static void expired_before_room(void) {
  wq_config config;
  wq_config_init(&config);
  config.output_size = 4096;
  host h = host_make(&config);
  const uint8_t second[] = {2, 0, 0, 0, 1};
  static const uint8_t payload[3000];
  wq_publish_args args = {.size = sizeof args, .qos = 1, .topic = text("t"), .properties = {second, sizeof second}};
  const int first = wq_publish(h.client, &args, h.now);
  CHECK(first > 0);
  h.now += 1000;
  wq_connect_args connect = {.size = sizeof connect, .version = 5, .client_id = text("a")};
  CHECK_INT(wq_connect(h.client, &connect, h.now), 0);
  drop_output(&h);
  const uint8_t connack[] = {0x20, 3, 0, 0, 0};
  CHECK_INT(wq_feed(h.client, connack, sizeof connack, h.now), sizeof connack);
  size_t count;
  const wq_event *e = wq_events(h.client, &count);
  CHECK_INT(count, 2);
  CHECK_INT(e[1].aux, first);
  CHECK_INT(WQ_EVENT_RESULT(&e[1]), WQ_E_EXPIRED);
  CHECK_INT(drop_output(&h), 0);

  args.qos = 0;
  args.payload = (wq_bytes){payload, sizeof payload};
  CHECK_INT(wq_publish(h.client, &args, h.now), 0);
  int got;
  do
    got = wq_publish(h.client, &args, h.now);
  while (give_memory(&h, got));
  CHECK(got > 0);
  CHECK_INT(wq_tick(h.client, h.now), 0); /* the moment of the first message was noted, and has passed */
  CHECK_INT(wq_deadline(h.client), h.now + 1000);
  h.now += 1000;
  CHECK_INT(wq_tick(h.client, h.now), 0);
  e = wq_events(h.client, &count);
  CHECK_INT(count, 1);
  CHECK_INT(e->aux, got);
  CHECK_INT(WQ_EVENT_RESULT(e), WQ_E_EXPIRED);
  CHECK(drop_output(&h) < 3100);
  CHECK_INT(wq_deadline(h.client), UINT64_MAX);
  host_end(&h);
}

/* Everything a server may send, for the test below. */
static const struct {
  uint8_t version;
  const char *hex;
} server_packets[] = {
    {4, "20020000"},
    {4, "20020005"},
    {5, "2009000006220 00a210014"},
    {5, "200e00000b 1f0003626164 2600016100 0162"},
    {4, "3009000361 2f6268656c6c"},
    {5, "3211000361 2f620007 0801000800 01720900"},
    {5, "300a000361 2f6203230001 78"},
    {4, "40020001"},
    {5, "40030001 10"},
    {5, "5008000197041f000162"},
    {4, "62020007"},
    {4, "70020001"},
    {4, "9003000101"},
    {5, "9009000205 1f00026e6f87"},
    {4, "b0020001"},
    {5, "b00400010011"},
    {4, "d000"},
    {5, "e00787051f00026e6f"},
    {5, "f0091807150001731600 00"},
};

static size_t unhex(const char *hex, uint8_t *dst) {
  size_t n = 0;
  unsigned byte;
  for (; *hex; hex++)
    if (*hex != ' ') {
      char pair[3] = {hex[0], hex[1] == ' ' ? hex[2] : hex[1], 0};
      sscanf(pair, "%2x", &byte);
      dst[n++] = (uint8_t)byte;
      hex += hex[1] == ' ' ? 2 : 1;
    }
  return n;
}

enum { AT_CONNECTING, AT_CONNECTED, AT_WORK, STATES };

/* A client in that state: connected, and with one of each handshake under way. */
static host host_at(int state, uint8_t version) {
  wq_config config;
  wq_config_init(&config);
  config.topic_alias_max = 2;
  config.packet_size_max = 4096;
  config.topics_max = 16;
  config.events_max = 16;
  config.output_size = 4096;
  config.carry_size = 1024;
  config.queue_max = 4;
  config.inflight_max = 4;
  config.receive_max = 16;
  host h = host_make(&config);
  if (state == AT_CONNECTING) {
    wq_connect_args args = {.size = sizeof args, .version = version, .client_id = text("a")};
    wq_connect(h.client, &args, h.now);
    return h;
  }
  online(&h, version);
  if (state == AT_CONNECTED) return h;
  wq_publish_args args = {.size = sizeof args, .qos = 1, .topic = text("t"), .payload = text("x")};
  const wq_subscription sub = {.filter = text("a/#"), .qos = 2};
  wq_publish(h.client, &args, h.now);
  args.qos = 2;
  wq_publish(h.client, &args, h.now);
  wq_subscribe(h.client, &sub, 1, (wq_bytes){0}, h.now);
  return h;
}

/* Feed whatever it is, in one piece or byte by byte, as a host would; then see that the client still keeps its rules. */
static void feed_hostile(int state, uint8_t version, const uint8_t *bytes, size_t n, size_t chunk, guard page) {
  host h = host_at(state, version);
  int64_t got = 0;
  for (size_t at = 0; at < n && got >= 0;) {
    uint32_t skip = wq_skip(h.client);
    size_t part = n - at < chunk ? n - at : chunk;
    if (skip) {
      part = skip < part ? skip : part;
      got = wq_skipped(h.client, (uint32_t)part, h.now);
    } else {
      got = wq_feed(h.client, guard_put(page, bytes + at, part), part, h.now);
      if (give_memory(&h, got)) {
        got = 0;
        continue;
      }
    }
    size_t count;
    const wq_event *e = wq_events(h.client, &count);
    CHECK(count <= 16);
    for (size_t i = 0; i < count; i++)
      if (e[i].type == WQ_EV_PUBLISH && e[i].aux) CHECK_INT(wq_ack(h.client, e[i].aux, 0, h.now), 0);
    drop_output(&h);
    if (got > 0 || skip)
      at += skip ? part : (size_t)got;
    else if (got == 0)
      break;
  }
  if (got < 0) {
    CHECK(got < -200 && got > -300);
    CHECK_INT(wq_client_status(h.client), WQ_FAILED);
    CHECK_INT(wq_feed(h.client, bytes, n, h.now), n);
  }
  wq_lost(h.client, h.now);
  online(&h, version);
  host_end(&h);
}

static void every_changed_byte(void) {
  guard page = guard_make(256);
  for (size_t v = 0; v < sizeof server_packets / sizeof *server_packets; v++) {
    uint8_t bytes[64];
    size_t n = unhex(server_packets[v].hex, bytes);
    for (int state = 0; state < STATES; state++)
      for (size_t at = 0; at < n; at++) {
        uint8_t kept = bytes[at];
        for (int value = 0; value < 256; value++) {
          bytes[at] = (uint8_t)value;
          feed_hostile(state, server_packets[v].version, bytes, n, 1, page);
          feed_hostile(state, server_packets[v].version, bytes, n, n, page);
        }
        bytes[at] = kept;
      }
  }
}

static void every_truncation(void) {
  guard page = guard_make(256);
  for (size_t v = 0; v < sizeof server_packets / sizeof *server_packets; v++) {
    uint8_t bytes[64];
    size_t n = unhex(server_packets[v].hex, bytes);
    for (int state = 0; state < STATES; state++)
      for (size_t part = 0; part <= n; part++) {
        feed_hostile(state, server_packets[v].version, bytes, part, 1, page);
        feed_hostile(state, server_packets[v].version, bytes, part, n, page);
      }
  }
}

int main(void) {
  check_case("config: ranges, size, alignment", config_ranges);
  check_case("config: a caller with an older header", config_of_an_older_caller);
  check_case("memory is asked for before anything changes", more_memory);
  check_case("memory for a packet that came in pieces", memory_for_a_cut_packet);
  check_case("a settlement outlives a call that wants memory", memory_before_a_settlement);
  check_case("every packet id in use; one that PUBACK freed is taken again [M3:2.3.1-2] [M3:2.3.1-3]",
             packet_ids_used_up);
  check_case("a new message does not overtake what is sent again [M3:4.6.0-1] [M5:4.6.0-1]", new_behind_repeats);
  check_case("an id stays taken where the server may hold it for a message that was given up [M5:4.3.3-1]",
             packet_id_of_what_was_given_up);
  check_case("filters and will topics that are not UTF-8 [M3:3.1.3-10] [M3:3.8.3-1] [M3:3.10.3-1] [M5:3.1.3-11] "
             "[M5:3.8.3-1] [M5:3.10.3-1]",
             text_that_is_none);
  check_case("keep-alive rests during a payload of the host's", keep_alive_during_a_payload);
  check_case("PINGREQ needs its two bytes of room", ping_without_room);
  check_case("input after DISCONNECT is taken and ignored", input_after_disconnect);
  check_case("more input than offsets can reach", more_than_offsets_reach);
  check_case("100 000 topic names keep their ids", many_topics);
  check_case("topic names without end take no memory without end", topics_without_end);
  check_case("input stops where events would not fit", few_events);
  check_case("a full output: QoS 0 waits, is refused, and goes on", full_output);
  check_case("the token of a message that is done means no other", tokens_are_not_given_again);
  check_case("as much as wq_publish_room() says goes into the output at once", as_much_as_there_is_room);
  check_case("as much as wq_queue_room() says is kept", as_much_as_can_wait);
  check_case("wq_publish_room() promises nothing where a message may be refused or has to wait", no_room_to_promise);
  check_case("QoS 0 that waits settles when the connection is lost", waiting_when_lost);
  check_case("resend: no other value than those of enum wq_resend", resend_out_of_range);
  check_case("topic aliases mean to the server what was published [M5:3.2.2-17] [M5:3.3.2-8]",
             aliases_as_a_server_reads_them);
  check_case("a new topic alias needs room of its own", alias_without_room);
  check_case("10 000 messages expire, each once and in time", many_expire);
  check_case("what is over does not leave", expired_before_room);
  check_case("every truncation of a server's packet, at each state", every_truncation);
  check_case("every change of one byte in a server's packet, at each state", every_changed_byte);
  return check_close();
}
