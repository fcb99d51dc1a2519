/* SPDX-License-Identifier: MIT
 * What the core alone costs, natively, on one core: messages a second through wq_feed() and out of wq_publish(), with all
 * that is checked. `native` prints a table; `native CASE N` does N batches of one case and prints nothing, for a profiler
 * that counts instructions (see native.sh). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wasmqtt.h"

enum { BATCH = 32, TOPICS = 1000, BATCHES = 1000, ROUNDS = 15, BLOCKS = 64 };

typedef struct bench {
  wq_client *client;
  void *memory, *blocks[BLOCKS];
  int blocks_n;
  uint8_t *bytes; /* BATCHES batches, one behind the other */
  size_t ends[BATCHES + 1];
  uint64_t sum; /* so that nothing is optimised away */
} bench;

typedef struct bench_case {
  const char *name;
  uint8_t version, qos;
  uint32_t payload;
  bool out;
} bench_case;

static const bench_case cases[] = {
    {"in, QoS 0, 3.1.1, 64 bytes", 4, 0, 64, false}, {"in, QoS 0, 5.0, 64 bytes", 5, 0, 64, false},
    {"in, QoS 1, 5.0, 64 bytes", 5, 1, 64, false},   {"in, QoS 0, 5.0, 1 KiB", 5, 0, 1024, false},
    {"out, QoS 0, 3.1.1, 64 bytes", 4, 0, 64, true}, {"out, QoS 0, 5.0, 64 bytes", 5, 0, 64, true},
    {"out, QoS 1, 5.0, 64 bytes", 5, 1, 64, true},   {"out, QoS 2, 5.0, 64 bytes", 5, 2, 64, true},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static void fail(const char *why) {
  fprintf(stderr, "bench: %s\n", why);
  exit(1);
}

static uint32_t topic_of(char *dst, uint32_t n) {
  return (uint32_t)sprintf(dst, "site/%u/sensor/temperature", (unsigned)(n * 7 % TOPICS));
}

/* One PUBLISH at `dst`; returns its length. */
static size_t put_publish(uint8_t *dst, const bench_case *what, uint32_t n) {
  char topic[64];
  uint8_t *at = dst;
  uint32_t topic_len = topic_of(topic, n);
  uint32_t remaining = 2 + topic_len + (what->qos ? 2 : 0) + (what->version == 5 ? 1 : 0) + what->payload;
  *at++ = (uint8_t)(0x30 | what->qos << 1);
  do {
    *at++ = (uint8_t)((remaining & 127) | (remaining > 127 ? 128 : 0));
    remaining >>= 7;
  } while (remaining);
  *at++ = 0;
  *at++ = (uint8_t)topic_len;
  memcpy(at, topic, topic_len);
  at += topic_len;
  if (what->qos) {
    uint32_t id = n % 20 + 1;
    *at++ = 0;
    *at++ = (uint8_t)id;
  }
  if (what->version == 5) *at++ = 0;
  memset(at, (int)(n & 127), what->payload);
  return (size_t)(at - dst) + what->payload;
}

static void give_memory(bench *b) {
  size_t wanted = wq_memory_wanted(b->client);
  if (!wanted || b->blocks_n == BLOCKS) fail("no more memory for the client");
  void *block = b->blocks[b->blocks_n++] = aligned_alloc(64, (wanted + 63) / 64 * 64);
  if (!block || wq_add_memory(b->client, block, wanted)) fail("memory was refused");
}

static void feed(bench *b, const uint8_t *bytes, size_t length) {
  while (length) {
    int64_t taken = wq_feed(b->client, bytes, length, 1);
    if (taken == WQ_E_MEMORY) {
      give_memory(b);
      continue;
    }
    if (taken <= 0) fail("the client does not take what the bench feeds it");
    size_t count;
    const wq_event *events = wq_events(b->client, &count);
    for (size_t i = 0; i < count; i++) {
      const wq_event *e = &events[i];
      if (e->type == WQ_EV_SETTLED) b->sum += e->aux;
      if (e->type != WQ_EV_PUBLISH) continue;
      b->sum += bytes[e->off] + e->topic_id;
      if (e->aux) wq_ack(b->client, e->aux, 0, 1);
    }
    bytes += taken;
    length -= (size_t)taken;
  }
}

static void drain(bench *b) {
  wq_output_view view;
  for (wq_output(b->client, &view); view.len; wq_output(b->client, &view)) {
    b->sum += view.data[0];
    wq_output_ack(b->client, view.len);
  }
}

/* What a server says to the packets at `bytes`: PUBACK or PUBREC, PUBCOMP. Returns the length of it at `dst`. */
static size_t answers(uint8_t *dst, const uint8_t *bytes, size_t length) {
  size_t n = 0;
  for (size_t at = 0, remaining; at < length; at += remaining) {
    const uint8_t head = bytes[at++];
    remaining = 0;
    for (unsigned shift = 0, more = 128; more; shift += 7) {
      more = bytes[at] & 128u;
      remaining |= (size_t)(bytes[at++] & 127u) << shift;
    }
    const bool publish = head >> 4 == 3;
    const uint8_t *id = bytes + at + (publish ? 2 + (bytes[at] << 8 | bytes[at + 1]) : 0);
    const uint8_t answer[] = {publish ? (head & 2 ? 0x40 : 0x50) : 0x70, 2, id[0], id[1]};
    memcpy(dst + n, answer, sizeof answer);
    n += sizeof answer;
  }
  return n;
}

/* Have the server take the output, and answer, until all is done. */
static void settle(bench *b) {
  wq_output_view view;
  uint8_t bytes[BATCH * 4];
  for (wq_output(b->client, &view); view.len; wq_output(b->client, &view)) {
    size_t n = answers(bytes, view.data, view.len);
    wq_output_ack(b->client, view.len);
    feed(b, bytes, n);
  }
}

static void begin(bench *b, const bench_case *what) {
  static const uint8_t connack4[] = {0x20, 2, 0, 0}, connack5[] = {0x20, 3, 0, 0, 0};
  wq_config config;
  wq_config_init(&config);
  memset(b, 0, sizeof *b);
  size_t size = wq_client_size(&config);
  b->memory = aligned_alloc(64, (size + 63) / 64 * 64);
  b->bytes = malloc((size_t)BATCHES * BATCH * (what->payload + 64));
  if (!b->memory || !b->bytes) fail("no memory");
  b->client = wq_client_init(b->memory, size, &config);
  wq_connect_args args = {.size = sizeof args, .version = what->version, .clean = true};
  args.client_id = (wq_bytes){(const uint8_t *)"bench", 5};
  if (wq_connect(b->client, &args, 1)) fail("wq_connect");
  drain(b);
  if (what->version == 5)
    feed(b, connack5, sizeof connack5);
  else
    feed(b, connack4, sizeof connack4);
  size_t at = 0;
  for (uint32_t batch = 0, n = 0; batch < BATCHES; batch++) {
    for (uint32_t i = 0; i < BATCH; i++, n++)
      at += put_publish(b->bytes + at, what, n);
    b->ends[batch + 1] = at;
  }
}

static void end(bench *b) {
  for (int i = 0; i < b->blocks_n; i++)
    free(b->blocks[i]);
  free(b->memory);
  free(b->bytes);
}

static void publish_batch(bench *b, const bench_case *what, const wq_bytes *topics, uint32_t batch) {
  wq_publish_args args = {.size = sizeof args, .qos = what->qos, .payload = {b->bytes, what->payload}};
  for (uint32_t i = 0; i < BATCH; i++) {
    args.topic = topics[(batch * BATCH + i) % TOPICS];
    int result;
    while ((result = wq_publish(b->client, &args, 1)) == WQ_E_MEMORY)
      give_memory(b);
    if (what->qos ? result <= 0 : result != 0) fail("a message is not taken");
  }
  if (what->qos)
    settle(b);
  else
    drain(b);
}

static void run(bench *b, const bench_case *what, uint32_t batches) {
  static char names[TOPICS][64];
  wq_bytes topics[TOPICS];
  for (uint32_t n = 0; n < TOPICS; n++)
    topics[n] = (wq_bytes){(const uint8_t *)names[n], topic_of(names[n], n)};
  for (uint32_t batch = 0; batch < batches; batch++) {
    if (what->out) {
      publish_batch(b, what, topics, batch);
      continue;
    }
    const uint32_t one = batch % BATCHES;
    feed(b, b->bytes + b->ends[one], b->ends[one + 1] - b->ends[one]);
    drain(b);
  }
}

/* Of the processor: another program may want it too. */
static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void measure(const bench_case *what) {
  bench b;
  double taken[ROUNDS];
  begin(&b, what);
  run(&b, what, BATCHES);
  for (int round = 0; round < ROUNDS; round++) {
    double start = seconds();
    run(&b, what, BATCHES);
    taken[round] = seconds() - start;
  }
  qsort(taken, ROUNDS, sizeof taken[0], compare);
  double each = taken[ROUNDS / 2] / ((double)BATCHES * BATCH);
  printf("%-30s %8.1f ns a message %8.2f million a second\n", what->name, each * 1e9, 1e-6 / each);
  if (b.sum == 0) fail("nothing came");
  end(&b);
}

int main(int argc, char **argv) {
  if (argc == 3) {
    bench b;
    long one = strtol(argv[1], NULL, 10), batches = strtol(argv[2], NULL, 10);
    if (one < 0 || one >= CASES || batches < 0) fail("which case?");
    begin(&b, &cases[one]);
    run(&b, &cases[one], BATCHES);
    run(&b, &cases[one], (uint32_t)batches);
    end(&b);
    return 0;
  }
  for (int i = 0; i < CASES; i++)
    measure(&cases[i]);
  return 0;
}
