/* SPDX-License-Identifier: MIT
 * The walk in wasm: what a client whose core is wasm cannot do without. It finds packets, their topics by hash and their
 * payloads, and writes messages. Nothing is checked, and two topics with one hash are the same to it. */
#include <stdint.h>

enum { BYTES = 65536, TOPICS = 1 << 17, NAMES = 1 << 22 };

/* A message that came. */
typedef struct message {
  uint32_t topic; /* number; 0 is none */
  uint32_t topic_at, payload_at, end;
} message;

/* A message to be sent, in `input`, the payload behind it, and what is missing to the next word. */
typedef struct gathered {
  uint32_t name, topic_len, payload_len;
} gathered;

static struct { uint32_t hash, topic; } topics[TOPICS];
static uint32_t topics_count;
static _Alignas(4) uint8_t input[2 * BYTES];
static uint8_t output[2 * BYTES];
static message messages[BYTES / 4];
static uint8_t names[NAMES];

uint8_t *walk_input(void);
uint8_t *walk_output(void);
message *walk_messages(void);
uint8_t *walk_names(void);
uint32_t walk_take(uint32_t len, uint32_t version);
uint32_t walk_write(uint32_t len, uint32_t version);

uint8_t *walk_input(void) { return input; }
uint8_t *walk_output(void) { return output; }
message *walk_messages(void) { return messages; }
uint8_t *walk_names(void) { return names; }

static uint32_t number_of(const uint8_t *topic, uint32_t len) {
  uint32_t hash = 2166136261u;
  for (uint32_t i = 0; i < len; i++)
    hash = (hash ^ topic[i]) * 16777619u;
  for (uint32_t at = hash % TOPICS;; at = (at + 1) % TOPICS) {
    if (topics[at].topic != 0 && topics[at].hash == hash) return topics[at].topic;
    if (topics[at].topic != 0) continue;
    topics[at].hash = hash;
    return topics[at].topic = ++topics_count;
  }
}

/* Returns how many PUBLISH packets with QoS 0 input[0..len) has; all of them are whole. */
uint32_t walk_take(uint32_t len, uint32_t version) {
  uint32_t count = 0;
  for (uint32_t at = 0; at < len; count++) {
    uint32_t i = at + 1, rest = 0, shift = 0;
    do {
      rest |= (uint32_t)(input[i] & 127) << shift;
      shift += 7;
    } while (input[i++] >= 128);
    message *const m = &messages[count];
    const uint32_t topic_len = (uint32_t)(input[i] << 8 | input[i + 1]);
    m->topic_at = i + 2;
    m->topic = number_of(input + m->topic_at, topic_len);
    m->payload_at = m->topic_at + topic_len + (version == 5);
    m->end = at = i + rest;
  }
  return count;
}

static uint8_t *copy(uint8_t *to, const uint8_t *from, uint32_t len) {
  uint32_t i = 0;
  for (uint64_t word; i + 8 <= len; i += 8) {
    __builtin_memcpy(&word, from + i, 8);
    __builtin_memcpy(to + i, &word, 8);
  }
  for (; i < len; i++)
    to[i] = from[i];
  return to + len;
}

/* Writes the messages that input[0..len) has as PUBLISH packets with QoS 0. Returns the bytes of output. */
uint32_t walk_write(uint32_t len, uint32_t version) {
  uint8_t *to = output;
  for (uint32_t at = 0; at < len; at = (at + 3) & ~3u) {
    gathered one;
    __builtin_memcpy(&one, input + at, sizeof one);
    at += (uint32_t)sizeof one;
    *to++ = 0x30;
    uint32_t rest = 2 + one.topic_len + (version == 5) + one.payload_len;
    for (; rest >= 128; rest >>= 7)
      *to++ = (uint8_t)(rest | 128);
    *to++ = (uint8_t)rest;
    *to++ = (uint8_t)(one.topic_len >> 8);
    *to++ = (uint8_t)one.topic_len;
    to = copy(to, names + one.name, one.topic_len);
    if (version == 5) *to++ = 0;
    to = copy(to, input + at, one.payload_len);
    at += one.payload_len;
  }
  return (uint32_t)(to - output);
}
