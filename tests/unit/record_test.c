/* SPDX-License-Identifier: MIT
 * Records of a host that does not take them: nothing is lost, overrun or spun on. What they say is in
 * tests/vectors/client/record.txt; what they are good for, in cut_test.c. */
#include "check.h"
#include "wasmqtt.h"

#include <stdlib.h>

#define RECORDS 64

static void *memory;
static uint8_t block[65536] __attribute__((aligned(16)));

static wq_client *online(uint32_t receive_max) {
  wq_config config;
  wq_config_init(&config);
  config.records_max = RECORDS;
  config.receive_max = receive_max;
  config.inflight_max = 1000;
  size_t size = wq_client_size(&config);
  memory = aligned_alloc(16, size);
  wq_client *c = wq_client_init(memory, size, &config);
  const wq_connect_args args = {.size = sizeof args, .version = WQ_MQTT_3_1_1, .client_id = {(const uint8_t *)"c", 1}};
  CHECK_INT(wq_connect(c, &args, 1), 0);
  CHECK_INT(wq_feed(c, (const uint8_t[]){0x20, 2, 1, 0}, 4, 1), 4);
  return c;
}

static uint32_t send_all(wq_client *c) {
  wq_output_view view;
  wq_output(c, &view);
  wq_output_ack(c, view.len);
  return view.len;
}

static size_t records(const wq_client *c) {
  size_t n;
  wq_records(c, &n);
  return n;
}

static void ranges(void) {
  wq_config config;
  wq_config_init(&config);
  const size_t none = wq_client_size(&config);
  config.records_max = 63;
  CHECK_INT(wq_client_size(&config), 0);
  config.records_max = 65537;
  CHECK_INT(wq_client_size(&config), 0);
  config.records_max = 64;
  CHECK(wq_client_size(&config) > none);
}

static void what_leaves(void) {
  wq_client *c = online(10);
  const wq_publish_args args = {.size = sizeof args, .qos = 1, .topic = {(const uint8_t *)"t", 1}};
  for (int i = 0; i < 200; i++) {
    int token = wq_publish(c, &args, 1);
    if (token == WQ_E_MEMORY) {
      CHECK_INT(wq_add_memory(c, block, sizeof block), 0);
      token = wq_publish(c, &args, 1);
    }
    CHECK(token > 0);
  }
  CHECK_INT(records(c), RECORDS);
  CHECK(wq_deadline(c) > 1); /* nothing can be done, so nothing is due */
  send_all(c);
  CHECK_INT(wq_tick(c, 1), 0);
  CHECK_INT(send_all(c), 0);
  CHECK_INT(wq_records_done(c, RECORDS + 1), WQ_E_ARG);
  CHECK_INT(wq_records_done(c, RECORDS - 1), 0);
  CHECK_INT(records(c), 1);
  CHECK_INT(wq_deadline(c), 0);
  CHECK_INT(wq_tick(c, 1), 0);
  CHECK_INT(send_all(c), (RECORDS - 1) * 7);
  CHECK_INT(records(c), RECORDS);
  free(memory);
}

/* 200 QoS 2 messages at once, their acknowledgements, then their PUBRELs. */
static void what_comes(void) {
  enum { N = 200 };
  wq_client *c = online(N);
  send_all(c);
  uint8_t bytes[N * 7], rel[N * 4];
  for (uint16_t i = 0; i < N; i++) {
    memcpy(bytes + i * 7, (const uint8_t[]){0x34, 5, 0, 1, 't', 1, (uint8_t)i}, 7);
    memcpy(rel + i * 4, (const uint8_t[]){0x62, 2, 1, (uint8_t)i}, 4);
  }
  int64_t taken = wq_feed(c, bytes, sizeof bytes, 1);
  if (taken == WQ_E_MEMORY) {
    CHECK_INT(wq_add_memory(c, block, sizeof block), 0);
    taken = wq_feed(c, bytes, sizeof bytes, 1);
  }
  CHECK_INT(taken, sizeof bytes);
  size_t n;
  const wq_event *events = wq_events(c, &n);
  CHECK_INT(n, N);
  for (size_t i = 0; i < n; i++)
    CHECK_INT(wq_ack(c, events[i].aux, 0, 1), 0);
  CHECK_INT(records(c), N); /* each has its room, whatever waits */
  send_all(c);
  CHECK_INT(wq_feed(c, rel, sizeof rel, 1), 0);
  CHECK(wq_deadline(c) > 1);
  CHECK_INT(wq_records_done(c, N - RECORDS + 3), 0);
  CHECK_INT(wq_feed(c, rel, sizeof rel, 1), 3 * 4);
  CHECK_INT(records(c), RECORDS);
  CHECK_INT(wq_records_done(c, RECORDS), 0);
  CHECK_INT(wq_feed(c, rel + 3 * 4, sizeof rel - 3 * 4, 1), RECORDS * 4);
  const wq_record *record = wq_records(c, &n);
  CHECK_INT(record->type, WQ_RECORD_COMPLETED);
  CHECK_INT(record->packet_id, 259);
  free(memory);
}

int main(void) {
  check_case("config: ranges", ranges);
  check_case("no message leaves without room for its record", what_leaves);
  check_case("input waits for room; acknowledgements have theirs", what_comes);
  return check_close();
}
