/* SPDX-License-Identifier: MIT
 * Properties of our acknowledgements, which wait in the client's memory until their turn and for room. What they look like
 * is in tests/vectors/client/answers.txt. */
#include "check.h"
#include "wasmqtt.h"

#include <stdlib.h>

enum { OUTPUT = 4096 };

static wq_client *c;
static void *memory;
static uint8_t reason_string[OUTPUT] = {0x1f};

static void begin(void) {
  wq_config config;
  wq_config_init(&config);
  config.output_size = OUTPUT;
  const size_t size = wq_client_size(&config);
  memory = aligned_alloc(16, size);
  c = wq_client_init(memory, size, &config);
}

static uint32_t drop_output(void) {
  wq_output_view view;
  wq_output(c, &view);
  wq_output_ack(c, view.len);
  return view.len;
}

static void online(void) {
  const wq_connect_args args = {.size = sizeof args, .version = 5, .client_id = {(const uint8_t *)"a", 1}};
  CHECK_INT(wq_connect(c, &args, 1), 0);
  drop_output();
  CHECK_INT(wq_feed(c, (const uint8_t[]){0x20, 3, 0, 0, 0}, 5, 1), 5);
}

/* A message of the server's with QoS 1 comes: its handle. */
static uint32_t message(uint8_t packet_id) {
  const uint8_t publish[] = {0x32, 6, 0, 1, 't', 0, packet_id, 0};
  size_t n;
  CHECK_INT(wq_feed(c, publish, sizeof publish, 1), sizeof publish);
  return wq_events(c, &n)[n - 1].aux;
}

/* A Reason String that is `size` bytes as a property. */
static wq_bytes reason_of(uint32_t size) {
  memset(reason_string + 3, 'x', size - 3);
  reason_string[1] = (uint8_t)((size - 3) >> 8);
  reason_string[2] = (uint8_t)(size - 3);
  return (wq_bytes){reason_string, size};
}

/* Leave so many bytes of room in the output. */
static void fill_output(uint32_t room) {
  static const uint8_t payload[OUTPUT];
  wq_publish_args args = {.size = sizeof args, .topic = {(const uint8_t *)"t", 1}};
  args.payload = (wq_bytes){payload, OUTPUT - room - 7};
  CHECK_INT(wq_publish(c, &args, 1), 0);
}

static void waits_for_room(void) {
  enum { SIZE = 1 + 2 + 2 + 1 + 2 + 300 }; /* fixed header, packet id, reason, length, properties */
  begin();
  online();
  const uint32_t first = message(1), second = message(2);
  fill_output(SIZE);
  CHECK_INT(wq_ack_with(c, first, 0x83, reason_of(300), 1), 0);
  CHECK_INT(drop_output(), OUTPUT);
  fill_output(SIZE - 1);
  CHECK_INT(wq_ack_with(c, second, 0x83, reason_of(300), 1), 0);
  CHECK_INT(wq_stats(c)->unacked, 1);
  CHECK(wq_deadline(c) > 1); /* nothing can be done now */
  CHECK_INT(drop_output(), OUTPUT - SIZE + 1);
  CHECK_INT(wq_deadline(c), 0);
  CHECK_INT(wq_tick(c, 1), 0);
  CHECK_INT(drop_output(), SIZE);
  CHECK_INT(wq_stats(c)->unacked, 0);
  free(memory);
}

static void wants_memory(void) {
  _Alignas(16) static uint8_t block[65536];
  begin();
  online();
  const uint32_t handle = message(1);
  CHECK_INT(wq_ack_with(c, handle, 0x83, reason_of(4000), 1), WQ_E_MEMORY);
  CHECK_INT(wq_stats(c)->unacked, 1);
  CHECK_INT(drop_output(), 0);
  CHECK_INT(wq_memory_wanted(c), sizeof block);
  CHECK_INT(wq_add_memory(c, block, sizeof block), 0);
  CHECK_INT(wq_ack_with(c, handle, 0x83, reason_of(4000), 1), 0);
  CHECK_INT(drop_output(), 1 + 2 + 2 + 1 + 2 + 4000);
  free(memory);
}

/* What a client has by itself is enough for ever, whether the acknowledgements leave or their connection ends first. */
static void gives_memory_back(void) {
  begin();
  online();
  for (int i = 0; i < 100; i++) {
    const uint32_t early = message(1), late = message(2);
    CHECK_INT(wq_ack_with(c, late, 0x83, reason_of(1000), 1), 0);
    CHECK_INT(wq_ack_with(c, late, 0x83, reason_of(1000), 1), 0); /* does nothing, as wq_ack() */
    if (i % 2) {
      CHECK_INT(wq_ack(c, early, 0, 1), 0);
      CHECK(drop_output() > 1000);
    } else {
      CHECK_INT(wq_lost(c, 1), 0);
      CHECK_INT(wq_ack_with(c, early, 0x83, reason_of(1000), 1), 0);
      online();
    }
  }
  free(memory);
}

int main(void) {
  check_case("an acknowledgement waits until its properties have room too", waits_for_room);
  check_case("memory for properties is asked for before anything changes", wants_memory);
  check_case("memory of properties comes back", gives_memory_back);
  return check_close();
}
