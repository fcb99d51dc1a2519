/* SPDX-License-Identifier: MIT
 * Encoders at their limits: what cannot be a packet is refused, by size and by encoder alike. What they write for
 * packets that can be is the business of packets_test.c. */
#include "check.h"
#include "guard.h"

#include "codec/packet.h"

#define REMAINING_MAX 268435455u
#define PACKET_MAX 268435460u

static guard output;
static uint8_t long_text[65536];
static uint8_t room[70000];

static wq_bytes text(uint32_t length) { return (wq_bytes){long_text, length}; }

/* Payloads of any length can be counted: a head does not read them. */
static void publish_sizes(void) {
  wq_publish_packet p = {.topic = text(1)};
  static const struct {
    uint32_t payload;
    uint64_t size;
  } rows[] = {{0, 5},
              {124, 129},
              {125, 131}, /* the length takes a second byte */
              {16380, 16386},
              {16381, 16388},
              {2097148, 2097155},
              {2097149, 2097157},
              {REMAINING_MAX - 3, PACKET_MAX},
              {REMAINING_MAX - 2, UINT64_MAX},
              {UINT32_MAX, UINT64_MAX}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    p.payload = (wq_bytes){NULL, rows[i].payload};
    bool can_be = rows[i].size != UINT64_MAX;
    CHECK(wq_publish_size(WQ_MQTT_3_1_1, &p) == rows[i].size);
    uint32_t head = can_be ? (uint32_t)(rows[i].size - rows[i].payload) : 0;
    CHECK_INT(wq_publish_head_encode(room, sizeof room, WQ_MQTT_3_1_1, &p), head);
    for (uint32_t less = 0; less < head; less++)
      CHECK_INT(wq_publish_head_encode(guard_room(output, less), less, WQ_MQTT_3_1_1, &p), 0);
    if (head != 0) CHECK_INT(wq_publish_head_encode(guard_room(output, head), head, WQ_MQTT_3_1_1, &p), head);
  }
}

static void publish_plain(void) {
  static const uint32_t lengths[] = {0,   1,   7,   8,   9,   64,    113,   114,   115,
                                     116, 117, 118, 119, 120, 16000, 16369, 16370, 16375};
  static uint8_t whole[sizeof room], payload[16384];
  for (size_t i = 0; i < sizeof payload; i++)
    payload[i] = (uint8_t)(i * 7);
  for (uint8_t version = WQ_MQTT_3_1; version <= WQ_MQTT_5_0; version++) {
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
      for (uint32_t topic = 1; topic <= 65535; topic = topic < 20 ? topic + 1 : topic * 5 + 5) {
        const uint8_t qos = (uint8_t)((topic + i) % 3);
        const uint16_t packet_id = qos ? (uint16_t)(topic * 257) : 0;
        wq_publish_packet p = {
            .topic = text(topic), .payload = {payload, lengths[i]}, .qos = qos, .packet_id = packet_id};
        const uint32_t size = wq_publish_encode(whole, sizeof whole, version, &p);
        if (size == 0) continue;
        uint8_t *dst = guard_room(output, topic + lengths[i] + 10);
        CHECK_INT(wq_publish_plain_encode(dst, version, qos, packet_id, p.topic, p.payload), size);
        CHECK(memcmp(dst, whole, size) == 0);
      }
    }
  }
}

static void publish_in_3x(void) {
  wq_publish_packet p = {.topic = text(1), .properties = {(const uint8_t *)"\x01\x01", 2}};
  CHECK_INT(wq_publish_size(WQ_MQTT_5_0, &p), 8);
  CHECK_INT(wq_publish_size(WQ_MQTT_3_1_1, &p), 5);
  CHECK_INT(wq_publish_encode(room, sizeof room, WQ_MQTT_3_1_1, &p), 5);
  wq_ack_packet ack = {.packet_id = 1, .reason = 0x92, .properties = p.properties};
  CHECK_INT(wq_ack_encode(room, sizeof room, WQ_PUBREL, WQ_MQTT_3_1, &ack), 4);
  wq_reason_packet reason = {.reason = 4};
  CHECK_INT(wq_reason_encode(room, sizeof room, WQ_DISCONNECT, WQ_MQTT_3_1_1, &reason), 2);
  CHECK_INT(wq_reason_encode(room, sizeof room, WQ_AUTH, WQ_MQTT_3_1_1, &reason), 0); /* there is none */
  wq_suback_packet unsuback = {.packet_id = 1, .reasons = {(const uint8_t *)"\0", 1}};
  CHECK_INT(wq_suback_encode(room, sizeof room, WQ_UNSUBACK, WQ_MQTT_3_1_1, &unsuback), 4);
  wq_connack_packet connack = {.session_present = true};
  CHECK_INT(wq_connack_encode(room, sizeof room, WQ_MQTT_3_1, &connack), 4);
  CHECK_INT(room[2], 0); /* 3.1 has no Session Present */
}

static void publish_topics(void) {
  wq_publish_packet p = {.topic = text(65535)};
  CHECK_INT(wq_publish_encode(room, sizeof room, WQ_MQTT_3_1_1, &p), 65541);
  p.topic = text(65536);
  CHECK(wq_publish_size(WQ_MQTT_3_1_1, &p) > PACKET_MAX);
  CHECK_INT(wq_publish_encode(room, sizeof room, WQ_MQTT_3_1_1, &p), 0);
  CHECK_INT(wq_publish_head_encode(room, sizeof room, WQ_MQTT_3_1_1, &p), 0);
}

static void connect_texts(void) {
  for (int field = 0; field < 5; field++) {
    for (uint32_t length = 65535; length <= 65536; length++) {
      wq_connect_packet p = {.version = WQ_MQTT_3_1_1, .has_will = true, .client_id = text(1), .will_topic = text(1)};
      wq_bytes *fields[] = {&p.client_id, &p.will_topic, &p.will_payload, &p.username, &p.password};
      *fields[field] = text(length);
      CHECK_INT(wq_connect_encode(room, sizeof room, &p) != 0, length == 65535);
    }
  }
}

static void filter_texts(void) {
  for (uint32_t length = 65535; length <= 65536; length++) {
    bool can_be = length == 65535;
    wq_bytes none = {NULL, 0};
    wq_subscription two[] = {{.filter = text(3)}, {.filter = text(length)}};
    uint64_t size = 1 + 3 + 2 + (2 + 3 + 1) + (2 + (uint64_t)length + 1);
    CHECK(can_be ? wq_subscribe_size(4, none, two, 2) == size : wq_subscribe_size(4, none, two, 2) > PACKET_MAX);
    CHECK_INT(wq_subscribe_encode(room, sizeof room, 4, 1, none, two, 2), can_be ? size : 0);
    wq_bytes filters[] = {text(3), text(length)};
    CHECK(can_be ? wq_unsubscribe_size(4, none, filters, 2) == size - 2
                 : wq_unsubscribe_size(4, none, filters, 2) > PACKET_MAX);
    CHECK_INT(wq_unsubscribe_encode(room, sizeof room, 4, 1, none, filters, 2), can_be ? size - 2 : 0);
  }
}

static void many_filters(void) {
  static wq_subscription subscriptions[4097];
  static wq_bytes filters[4097];
  for (size_t i = 0; i < 4097; i++)
    filters[i] = subscriptions[i].filter = text(65533);
  wq_bytes none = {NULL, 0};
  CHECK(wq_subscribe_size(4, none, subscriptions, 4095) <= PACKET_MAX);
  CHECK(wq_subscribe_size(4, none, subscriptions, 4097) > PACKET_MAX);
  CHECK(wq_unsubscribe_size(4, none, filters, 4096) <= PACKET_MAX);
  CHECK(wq_unsubscribe_size(4, none, filters, 4097) > PACKET_MAX);
  CHECK_INT(wq_subscribe_encode(room, sizeof room, 4, 1, none, subscriptions, 4097), 0);
  CHECK_INT(wq_unsubscribe_encode(room, sizeof room, 4, 1, none, filters, 4097), 0);
}

static void no_packet(void) {
  wq_packet p = {.type = 0};
  CHECK_INT(wq_packet_encode(room, sizeof room, WQ_MQTT_5_0, &p), 0);
  p.type = 16;
  CHECK_INT(wq_packet_encode(room, sizeof room, WQ_MQTT_5_0, &p), 0);
}

int main(void) {
  output = guard_make(2 * sizeof room);
  memset(long_text, 'x', sizeof long_text);
  check_case("PUBLISH: size and head around every step of the remaining length [M3:2.2.3] [M5:2.1.4]", publish_sizes);
  check_case("PUBLISH: a plain one is written as any other", publish_plain);
  check_case("properties, reasons and AUTH are left out of 3.x", publish_in_3x);
  check_case("PUBLISH: a topic ends at 65535 bytes [M3:4.7.3-3] [M5:4.7.3-3]", publish_topics);
  check_case("CONNECT: each text ends at 65535 bytes", connect_texts);
  check_case("SUBSCRIBE and UNSUBSCRIBE: a filter ends at 65535 bytes [M3:4.7.3-3] [M5:4.7.3-3]", filter_texts);
  check_case("SUBSCRIBE and UNSUBSCRIBE: too many filters are refused", many_filters);
  check_case("a type that is none encodes to nothing", no_packet);
  return check_close();
}
