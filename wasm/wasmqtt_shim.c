/* SPDX-License-Identifier: MIT
 * The boundary: what the wasm module exports. Nothing here decides anything; each function hands its arguments to the core
 * and then tells, in one flat struct, all that the host will want to know next, so that a message from a socket costs one
 * call. Byte arguments lie one after the other in a static scratch area, or in structs at its beginning; the offsets and
 * numbers that JavaScript needs for that are told when it is built (layout.h). Times are doubles, since a 64-bit integer
 * would come out as a BigInt. One instance of the module holds one client. */
#include "../src/crypto.h"
#include "../src/provider/scram.h"
#include "../src/wasmqtt.h"
#include "shim.h"

enum {
  WQ_WASM_INPUT_SIZE = 65536 + 4096,  /* a 64 KiB message with the heads of its frames and packets is one call */
  WQ_WASM_SCRATCH_SIZE = 81920 + 8192 /* what fits in the core's output, and structs that point to it */
};

/* Bits of wq_wasm_publish()'s flags. */
enum {
  WQ_WASM_QOS = 0x03, /* mask */
  WQ_WASM_RETAIN = 0x04,
  WQ_WASM_HOST_PAYLOAD = 0x08,
  WQ_WASM_RESEND = 0x10,
  WQ_WASM_RELEASED = 0x20 /* of wq_wasm_restore() */
};

/* All that a call may change. */
typedef struct wq_wasm_state {
  double deadline; /* infinity: never */
  const wq_event *events;
  uint32_t events_count;
  const uint8_t *carry;
  uint32_t carry_len;
  wq_output_view output;
  uint32_t skip;
  uint32_t status;
  uint32_t memory_wanted;
  const wq_record *records;
  uint32_t records_count;
  uint32_t publish_room, queue_room;
  uint32_t maximum_qos; /* if there is room for any */
} wq_wasm_state;

/* A message that has nothing but topic and payload, which follows. */
typedef struct wq_wasm_gathered {
  const uint8_t *topic;
  uint32_t topic_len_flags; /* the length, and 16 bits above it WQ_WASM_QOS and WQ_WASM_RESEND */
  uint32_t payload_len;
} wq_wasm_gathered;

static wq_client *client;
static wq_config config;
static wq_wasm_state state;
static wq_crypto_op operation;
static wq_scram scram;
static uint8_t input[WQ_WASM_INPUT_SIZE];
static union {
  uint8_t bytes[WQ_WASM_SCRATCH_SIZE];
  wq_connect_args connect;
  wq_subscription subscriptions[WQ_WASM_SCRATCH_SIZE / sizeof(wq_subscription)];
  wq_bytes filters[WQ_WASM_SCRATCH_SIZE / sizeof(wq_bytes)];
} scratch;

/* ------------------------------------------------------------------------------------------------ layout and places */

#define LAYOUT "wasmqtt_layout.def"
#include "layout.h"

_Static_assert(offsetof(wq_event, type) == 0 && offsetof(wq_event, reason) == 1 && offsetof(wq_event, flags) == 2,
               "core.js reads them as one word");

EXPORT(const wq_wasm_state *, wq_wasm_state_at, void) { return &state; }
EXPORT(uint8_t *, wq_wasm_input, void) { return input; }
EXPORT(uint8_t *, wq_wasm_scratch, void) { return scratch.bytes; }
EXPORT(uint8_t *, wq_wasm_heap, void) { return &__heap_base; }

EXPORT(const char *, wq_wasm_error_name, int error) { return wq_error_name(error); }
EXPORT(const char *, wq_wasm_error_text, int error) { return wq_error_text(error); }

EXPORT(const char *, wq_wasm_reason_name, uint32_t packet_type, uint32_t version, uint32_t reason) {
  return wq_reason_name((uint8_t)packet_type, (uint8_t)version, (uint8_t)reason);
}

/* ------------------------------------------------------------------------------------------------ the client */

static int told(int result) {
  size_t count, carried, records;
  uint64_t deadline = wq_deadline(client);
  state.deadline = deadline == UINT64_MAX ? __builtin_inf() : (double)deadline;
  state.events = wq_events(client, &count), state.events_count = (uint32_t)count;
  state.carry = wq_carry(client, &carried), state.carry_len = (uint32_t)carried;
  wq_output(client, &state.output);
  state.skip = wq_skip(client);
  state.status = (uint32_t)wq_client_status(client);
  state.memory_wanted = (uint32_t)wq_memory_wanted(client);
  state.records = wq_records(client, &records), state.records_count = (uint32_t)records;
  state.publish_room = wq_publish_room(client);
  state.queue_room = wq_queue_room(client);
  state.maximum_qos = wq_negotiated(client)->maximum_qos;
  return result;
}

/* The beginning of what lies in the scratch area from *at on; *at moves past it. */
static wq_bytes take(uint32_t *at, uint32_t len) {
  wq_bytes bytes = {scratch.bytes + *at, len};
  *at += len;
  return bytes;
}

/* Fill the config with defaults; the host then changes its fields and calls wq_wasm_init(). */
EXPORT(wq_config *, wq_wasm_config, void) {
  wq_config_init(&config);
  return &config;
}

EXPORT(uint32_t, wq_wasm_client_size, void) { return (uint32_t)wq_client_size(&config); }

EXPORT(int, wq_wasm_init, uint8_t *memory, uint32_t length) {
  int error = wq_crypto_random((uint8_t *)config.seed, sizeof config.seed);
  if (error) return error;
  client = wq_client_init(memory, length, &config);
  return client ? told(0) : WQ_E_ARG;
}

EXPORT(int, wq_wasm_add_memory, uint8_t *block, uint32_t length) { return told(wq_add_memory(client, block, length)); }

/* The scratch area begins with a wq_connect_args. */
EXPORT(int, wq_wasm_connect, double now) { return told(wq_connect(client, &scratch.connect, (uint64_t)now)); }

EXPORT(int, wq_wasm_disconnect, uint32_t reason, uint32_t properties_len, double now) {
  uint32_t at = 0;
  return told(wq_disconnect(client, (uint8_t)reason, take(&at, properties_len), (uint64_t)now));
}

EXPORT(int, wq_wasm_auth, uint32_t reason, uint32_t properties_len, double now) {
  uint32_t at = 0;
  return told(wq_auth(client, (uint8_t)reason, take(&at, properties_len), (uint64_t)now));
}

EXPORT(int, wq_wasm_accept, double now) { return told(wq_accept(client, (uint64_t)now)); }
EXPORT(int, wq_wasm_lost, double now) { return told(wq_lost(client, (uint64_t)now)); }

/* The first `length` bytes of the input area. */
EXPORT(int, wq_wasm_feed, uint32_t length, double now) {
  return told((int)wq_feed(client, input, length, (uint64_t)now));
}

EXPORT(int, wq_wasm_skipped, uint32_t count, double now) { return told(wq_skipped(client, count, (uint64_t)now)); }
EXPORT(int, wq_wasm_output_ack, uint32_t count) { return told(wq_output_ack(client, count)); }
EXPORT(int, wq_wasm_tick, double now) { return told(wq_tick(client, (uint64_t)now)); }

EXPORT(void, wq_wasm_alive, double now) {
  wq_alive(client, (uint64_t)now);
  told(0);
}

EXPORT(void, wq_wasm_throttled, uint32_t throttled) {
  wq_throttled(client, throttled);
  told(0);
}

EXPORT(void, wq_wasm_hold, uint32_t held) {
  wq_hold(client, held);
  told(0);
}

EXPORT(int, wq_wasm_ping, uint32_t timeout_ms, double now) { return told(wq_ping(client, timeout_ms, (uint64_t)now)); }

/* Scratch: the topic unless it stands elsewhere, properties, and the payload unless it stays with the host. */
static wq_publish_args message(const uint8_t *topic, uint32_t topic_len, uint32_t properties_len, uint32_t payload_len,
                               uint32_t flags) {
  uint32_t at = topic == scratch.bytes ? topic_len : 0;
  wq_publish_args args = {.size = sizeof args, .qos = flags & WQ_WASM_QOS, .retain = flags & WQ_WASM_RETAIN};
  args.host_payload = flags & WQ_WASM_HOST_PAYLOAD;
  args.resend = flags & WQ_WASM_RESEND ? WQ_RESEND_ALWAYS : WQ_RESEND_NEVER;
  args.topic = (wq_bytes){topic, topic_len};
  args.properties = take(&at, properties_len);
  args.payload = take(&at, payload_len);
  return args;
}

EXPORT(int, wq_wasm_publish, const uint8_t *topic, uint32_t topic_len, uint32_t properties_len, uint32_t payload_len,
       uint32_t flags, double now) {
  const wq_publish_args args = message(topic, topic_len, properties_len, payload_len, flags);
  return told(wq_publish(client, &args, (uint64_t)now));
}

/* Scratch: messages one after the other, each a wq_wasm_gathered, its payload, and what is missing to the next word; then,
 * from its beginning, the tokens of those with QoS 1 and 2. The host has seen to it that wq_publish_room() and
 * wq_queue_room() have them all. */
EXPORT(int, wq_wasm_publish_gathered, uint32_t length, double now) {
  uint32_t told_at = 0;
  for (uint32_t at = 0; at < length; at = (at + 3) & ~3u) {
    wq_wasm_gathered one;
    __builtin_memcpy(&one, take(&at, sizeof one).data, sizeof one);
    const uint32_t flags = one.topic_len_flags >> 16;
    const wq_publish_args args = {.size = sizeof args,
                                  .qos = flags & WQ_WASM_QOS,
                                  .resend = flags & WQ_WASM_RESEND ? WQ_RESEND_ALWAYS : WQ_RESEND_NEVER,
                                  .topic = {one.topic, one.topic_len_flags & 0xffff},
                                  .payload = take(&at, one.payload_len)};
    const int token = wq_publish(client, &args, (uint64_t)now);
    if (token < 0) return told(token);
    if (args.qos) {
      __builtin_memcpy(scratch.bytes + told_at, &token, sizeof token); /* over what was read */
      told_at += sizeof token;
    }
  }
  return told(0);
}

EXPORT(int, wq_wasm_restore, const uint8_t *topic, uint32_t topic_len, uint32_t properties_len, uint32_t payload_len,
       uint32_t flags, uint32_t packet_id, double now) {
  const wq_publish_args args = message(topic, topic_len, properties_len, payload_len, flags);
  return told(wq_restore(client, &args, (uint16_t)packet_id, flags & WQ_WASM_RELEASED, (uint64_t)now));
}

EXPORT(int, wq_wasm_restore_received, uint32_t packet_id) {
  return told(wq_restore_received(client, (uint16_t)packet_id));
}

EXPORT(int, wq_wasm_records_done, uint32_t count) { return told(wq_records_done(client, count)); }

EXPORT(int, wq_wasm_remove, uint32_t token) { return told(wq_remove(client, token)); }

/* Scratch: `count` wq_subscription or wq_bytes, then the properties. */
EXPORT(int, wq_wasm_subscribe, uint32_t count, uint32_t properties_len, double now) {
  uint32_t at = count * (uint32_t)sizeof *scratch.subscriptions;
  return told(wq_subscribe(client, scratch.subscriptions, count, take(&at, properties_len), (uint64_t)now));
}

EXPORT(int, wq_wasm_unsubscribe, uint32_t count, uint32_t properties_len, double now) {
  uint32_t at = count * (uint32_t)sizeof *scratch.filters;
  return told(wq_unsubscribe(client, scratch.filters, count, take(&at, properties_len), (uint64_t)now));
}

EXPORT(int, wq_wasm_ack, uint32_t handle, uint32_t reason, uint32_t properties_len, double now) {
  uint32_t at = 0;
  return told(wq_ack_with(client, handle, (uint8_t)reason, take(&at, properties_len), (uint64_t)now));
}

EXPORT(const wq_negotiated_t *, wq_wasm_negotiated, void) { return wq_negotiated(client); }
EXPORT(const wq_stats_t *, wq_wasm_stats, void) { return wq_stats(client); }

/* ------------------------------------------------------------------------------------------------ cryptography */

/* One operation at a time; its arguments lie in the scratch area. */
EXPORT(const wq_crypto_op *, wq_wasm_crypto_op, void) { return &operation; }

EXPORT(int, wq_wasm_random, uint32_t length) { return wq_crypto_random(scratch.bytes, length); }

EXPORT(void, wq_wasm_digest, int hash, uint32_t length) { wq_crypto_digest(&operation, hash, scratch.bytes, length); }

EXPORT(void, wq_wasm_hmac, int hash, uint32_t key_len, uint32_t data_len) {
  wq_crypto_hmac(&operation, hash, scratch.bytes, key_len, scratch.bytes + key_len, data_len);
}

EXPORT(void, wq_wasm_pbkdf2, int hash, uint32_t password_len, uint32_t salt_len, uint32_t iterations, uint32_t length) {
  const uint8_t *salt = scratch.bytes + password_len;
  wq_crypto_pbkdf2(&operation, hash, scratch.bytes, password_len, salt, salt_len, iterations, length);
}

EXPORT(void, wq_wasm_sign, int algorithm, uint32_t key_len, uint32_t data_len) {
  wq_crypto_sign(&operation, algorithm, scratch.bytes, key_len, scratch.bytes + key_len, data_len);
}

/* ------------------------------------------------------------------------------------------------ SCRAM-SHA-256 */

/* Scratch: user name, password, nonce. */
EXPORT(int, wq_wasm_scram_start, uint32_t username_len, uint32_t password_len, uint32_t nonce_len) {
  uint32_t at = 0;
  wq_bytes username = take(&at, username_len), password = take(&at, password_len);
  return wq_scram_start(&scram, username, password, take(&at, nonce_len));
}

EXPORT(int, wq_wasm_scram_receive, uint32_t length) {
  uint32_t at = 0;
  return wq_scram_receive(&scram, take(&at, length));
}

EXPORT(int, wq_wasm_scram_step, void) { return wq_scram_step(&scram); }
EXPORT(const char *, wq_wasm_scram_message, void) { return wq_scram_message(&scram); }
EXPORT(const char *, wq_wasm_scram_error_text, int error) { return wq_scram_error_text(error); }
