/* SPDX-License-Identifier: MIT
 * The boundary of the second module, dist/providers.wasm: src/provider for JavaScript. As in wasmqtt_shim.c, nothing here decides
 * anything. Arguments that are texts lie as wq_bytes at the beginning of the scratch area, what they point to behind them.
 * One instance holds one seat's rules, one login, one dialogue, and one writer and one reader of SmartREST. */
#include "../src/crypto.h"
#include "../src/provider/dialogue.h"
#include "../src/provider/provider.h"
#include "../src/provider/smartrest.h"
#include "shim.h"

#include <string.h>

#define WQ_WASM_SCRATCH_SIZE 73728u /* the longest topic, and structs */
#define RESULT_SIZE 20480u          /* the largest packet of Cumulocity */
#define FIELDS_MAX 1024u
#define BAG_SIZE 8192u

/* Bits of flags. */
enum {
  WQ_WASM_QOS = 0x03, /* mask */
  WQ_WASM_RETAIN = 0x04,
  WQ_WASM_CLEAN = 0x08,
  WQ_WASM_WILL = 0x10,
  WQ_WASM_NAMED = 0x20 /* there are user properties, or a subscription identifier */
};

static wq_login login;
static wq_seat seat;
static wq_rules rules;
static wq_finding findings[WQ_FINDINGS_MAX];
static wq_pace paces[WQ_RULES];
static wq_topic topic;
static wq_dialogue dialogue;
static wq_step step;
static uint32_t ticket;
static uint32_t fault_field, bag_len;
static wq_bytes pair[2], input;
static wq_smartrest_writer writer;
static wq_smartrest_reader reader;
static wq_smartrest_topic smartrest_topic;
static wq_smartrest_template template;
static wq_smartrest_args args;
static wq_smartrest_arg arg;
static wq_smartrest_failure failure;
static wq_smartrest_sent sent;
static wq_bytes fields[FIELDS_MAX];
static uint8_t result[RESULT_SIZE], bag[BAG_SIZE], row[RESULT_SIZE];
static union {
  uint8_t bytes[WQ_WASM_SCRATCH_SIZE];
  wq_bytes texts[WQ_WASM_SCRATCH_SIZE / sizeof(wq_bytes)];
  wq_subscription subscriptions[WQ_WASM_SCRATCH_SIZE / sizeof(wq_subscription)];
} scratch;

/* ------------------------------------------------------------------------------------------------ layout and places */

#define LAYOUT "providers_layout.def"
#include "layout.h"

EXPORT(uint8_t *, wq_wasm_scratch, void) { return scratch.bytes; }
EXPORT(uint8_t *, wq_wasm_result, void) { return result; }
EXPORT(uint8_t *, wq_wasm_heap, void) { return &__heap_base; }

/* ------------------------------------------------------------------------------------------------ forms and logins */

EXPORT(const wq_service_info *, wq_wasm_service, uint32_t service) { return wq_service_at(service); }
EXPORT(bool, wq_wasm_field_secret, uint32_t kind) { return wq_field_secret((uint8_t)kind); }
EXPORT(const char *, wq_wasm_fault_text, int fault) { return wq_fault_text(fault); }

/* Texts: the values. */
EXPORT(int, wq_wasm_values_check, uint32_t service, uint32_t count) {
  return wq_values_check(service, scratch.texts, count, &fault_field);
}
EXPORT(uint32_t, wq_wasm_fault_field, void) { return fault_field; }

/* Texts: the values. What it gives points to them. */
EXPORT(const wq_seat *, wq_wasm_seat, uint32_t service, uint32_t count) {
  seat = wq_seat_of(service, scratch.texts, count);
  return &seat;
}

/* Texts: the values. */
EXPORT(int, wq_wasm_login_begin, uint32_t service, uint32_t count, double unix_ms) {
  uint64_t random, now = unix_ms >= 0 && unix_ms < 1e18 ? (uint64_t)unix_ms : UINT64_MAX;
  if (wq_crypto_random((uint8_t *)&random, sizeof random) != 0) return WQ_FAULT_INSECURE;
  return wq_login_begin(&login, service, scratch.texts, count, now, random);
}

EXPORT(int, wq_wasm_login_step, void) { return wq_login_step(&login); }
EXPORT(const wq_login *, wq_wasm_login, void) { return &login; }

/* ------------------------------------------------------------------------------------------------ rules */

/* Texts: the values. The seat's names stay where they are. */
EXPORT(wq_rules *, wq_wasm_rules_init, uint32_t service, const uint8_t *device, uint32_t device_len,
       const uint8_t *scope, uint32_t scope_len, uint32_t count) {
  seat = (wq_seat){service, {device, device_len}, {scope, scope_len}};
  wq_rules_init(&rules, &seat, scratch.texts, count);
  return &rules;
}

EXPORT(const wq_finding *, wq_wasm_findings, void) { return findings; }

/* Texts: client id, topic of the will. */
EXPORT(uint32_t, wq_wasm_check_connect, uint32_t version, uint32_t flags, uint32_t keep_alive, uint32_t will_len) {
  static const uint8_t named[] = {WQ_P_USER_PROPERTY, 0, 0, 0, 0};
  wq_connect_args connect = {.size = sizeof connect, .version = (uint8_t)version, .client_id = scratch.texts[0]};
  connect.clean = flags & WQ_WASM_CLEAN, connect.keep_alive = (uint16_t)keep_alive;
  connect.has_will = flags & WQ_WASM_WILL, connect.will_retain = flags & WQ_WASM_RETAIN;
  connect.will_qos = flags & WQ_WASM_QOS, connect.will_topic = scratch.texts[1];
  connect.will_payload.len = will_len;
  if (flags & WQ_WASM_NAMED) connect.properties = (wq_bytes){named, sizeof named};
  return wq_check_connect(&rules, &connect, findings);
}

/* Text: the topic. Of payload and properties only the lengths count. */
EXPORT(uint32_t, wq_wasm_check_publish, uint32_t payload_len, uint32_t properties_len, uint32_t flags,
       uint32_t version) {
  wq_publish_args publish = {.size = sizeof publish, .qos = flags & WQ_WASM_QOS, .retain = flags & WQ_WASM_RETAIN};
  publish.topic = scratch.texts[0];
  publish.payload.len = payload_len;
  publish.properties.len = properties_len;
  return wq_check_publish(&rules, &publish, (uint8_t)version, findings);
}

/* Scratch: `count` wq_subscription. */
EXPORT(uint32_t, wq_wasm_check_subscribe, uint32_t count, uint32_t flags, uint32_t active) {
  static const uint8_t named[] = {WQ_P_SUBSCRIPTION_IDENTIFIER, 1};
  const wq_bytes properties = {named, flags & WQ_WASM_NAMED ? sizeof named : 0};
  return wq_check_subscribe(&rules, scratch.subscriptions, count, properties, active, findings);
}

EXPORT(uint32_t, wq_wasm_rule_text, uint32_t rule) {
  return wq_rule_text(&rules, (uint8_t)rule, result, sizeof result);
}

EXPORT(uint32_t, wq_wasm_rule_clause, uint32_t rule) {
  const wq_bytes clause = wq_rule_clause(&rules, (uint8_t)rule);
  memcpy(result, clause.data, clause.len);
  return clause.len;
}

/* rule: WQ_RULE_PUBLISH_RATE or WQ_RULE_CONNECT_RATE. */
EXPORT(uint32_t, wq_wasm_pace_take, uint32_t rule, double now) {
  const bool paced = rules.action[rule] == WQ_ACTION_ADJUST;
  return wq_pace_take(&paces[rule], paced ? rules.number[rule] : 0, (uint64_t)now);
}

/* ------------------------------------------------------------------------------------------------ topics */

/* Texts: name and value of a property for the next wq_wasm_topic_build(). */
EXPORT(int, wq_wasm_bag_write, bool has_value) {
  const wq_bytes none = {NULL, 0};
  return wq_bag_write(bag, sizeof bag, &bag_len, scratch.texts[0], has_value ? scratch.texts[1] : none);
}

EXPORT(void, wq_wasm_bag_clear, void) { bag_len = 0; }

/* Texts: device, scope, name, request. Returns the length of the topic, which is the result. */
EXPORT(int, wq_wasm_topic_build, uint32_t kind, uint32_t status) {
  const wq_bytes *t = scratch.texts;
  topic = (wq_topic){(uint8_t)kind, (uint16_t)status, t[0], t[1], t[2], t[3], {bag, bag_len}};
  return wq_topic_build(&rules.seat, &topic, result, sizeof result);
}

/* Texts: a topic. What it gives points to it; NULL: it is none of the service's. */
EXPORT(const wq_topic *, wq_wasm_topic_read, void) {
  return wq_topic_read(&rules.seat, scratch.texts[0], &topic) == 0 ? &topic : NULL;
}

/* The next property of that topic: name and value. NULL: there is none, or none that can be read. */
EXPORT(const wq_bytes *, wq_wasm_bag_read, void) {
  return wq_bag_read(&topic.bag, result, sizeof result, &pair[0], &pair[1]) > 0 ? pair : NULL;
}

EXPORT(int, wq_wasm_topic_filter, uint32_t kinds, uint32_t index) {
  return wq_topic_filter(&rules.seat, kinds, index, result, sizeof result);
}

/* ------------------------------------------------------------------------------------------------ dialogues */

/* Texts: device, scope, name. */
EXPORT(int, wq_wasm_dialogue_begin, uint32_t service, uint32_t kind, bool resume, uint32_t deadline_s, double now) {
  const wq_bytes *t = scratch.texts;
  const wq_dialogue_args given = {(uint8_t)kind, resume, deadline_s, {service, t[0], t[1]}, t[2]};
  return wq_dialogue_begin(&dialogue, &given, (uint64_t)now);
}

/* Texts: a topic. What it gives points to what was heard. */
EXPORT(const wq_step *, wq_wasm_dialogue_step, uint32_t heard, uint32_t code, uint32_t request, const uint8_t *payload,
       uint32_t payload_len, double now) {
  const wq_heard given = {(uint8_t)heard, (uint8_t)code, request, scratch.texts[0], {payload, payload_len}};
  wq_dialogue_step(&dialogue, &given, (uint64_t)now, &step);
  return &step;
}

EXPORT(int, wq_wasm_dialogue_get, void) { return wq_dialogue_get(&dialogue); }
EXPORT(int, wq_wasm_dialogue_report, bool only_unchanged) { return wq_dialogue_report(&dialogue, only_unchanged); }
EXPORT(int, wq_wasm_dialogue_job, uint32_t status, bool details) {
  return wq_dialogue_job(&dialogue, (uint8_t)status, details);
}

/* Texts: child, fragment. The ticket, or an error. */
EXPORT(int, wq_wasm_dialogue_operation, void) {
  const int error = wq_dialogue_operation(&dialogue, scratch.texts[0], scratch.texts[1], &ticket);
  return error != 0 ? error : (int)ticket;
}

EXPORT(int, wq_wasm_dialogue_finish, uint32_t of, bool good, bool document) {
  return wq_dialogue_finish(&dialogue, of, good, document);
}

EXPORT(const char *, wq_wasm_dialogue_fault_text, int fault) { return wq_dialogue_fault_text(fault); }

/* ------------------------------------------------------------------------------------------------ SmartREST */

EXPORT(const char *, wq_wasm_smartrest_error_text, int error) { return wq_smartrest_error_text(error); }

/* Texts: a topic. NULL: it is none of SmartREST. */
EXPORT(const wq_smartrest_topic *, wq_wasm_smartrest_topic, void) {
  return wq_smartrest_topic_read(scratch.texts[0], &smartrest_topic) == 0 ? &smartrest_topic : NULL;
}

/* Texts: the topic. The rows are the result, and not longer than the payload of a packet of so many bytes with QoS 1. */
EXPORT(int, wq_wasm_smartrest_writer, uint32_t packet_max) {
  const uint32_t payload_max = wq_smartrest_payload_max(packet_max, scratch.texts[0].len, 1, 0);
  const uint32_t room = payload_max < sizeof result ? payload_max : (uint32_t)sizeof result;
  return wq_smartrest_writer_init(&writer, result, room, scratch.texts[0], payload_max);
}

/* Texts: the fields. */
EXPORT(int, wq_wasm_smartrest_row, uint32_t count) { return wq_smartrest_row(&writer, scratch.texts, count); }
EXPORT(uint32_t, wq_wasm_smartrest_rows, void) { return wq_smartrest_rows(&writer).len; }
EXPORT(void, wq_wasm_smartrest_clear, void) { wq_smartrest_clear(&writer); }

/* Into the scratch area. */
EXPORT(uint32_t, wq_wasm_smartrest_describe, void) {
  return wq_smartrest_describe(&writer, (char *)scratch.bytes, sizeof scratch.bytes);
}

EXPORT(const wq_smartrest_reader *, wq_wasm_smartrest_reader, void) {
  wq_smartrest_reader_init(&reader, row, sizeof row, fields, FIELDS_MAX);
  return &reader;
}

/* Scratch: bytes to be read. */
EXPORT(void, wq_wasm_smartrest_feed, uint32_t length) { input = (wq_bytes){scratch.bytes, length}; }
EXPORT(int, wq_wasm_smartrest_read, bool last) { return wq_smartrest_read(&reader, &input, last); }
EXPORT(const wq_bytes *, wq_wasm_smartrest_fields, void) { return fields; }

/* The template of the row just read, on a topic of that kind. NULL: unknown. */
EXPORT(const wq_smartrest_template *, wq_wasm_smartrest_find, uint32_t kind) {
  if (!wq_smartrest_find((uint8_t)kind, fields[0], &template)) return NULL;
  wq_smartrest_args_begin(&args, &template);
  return &template;
}

/* Which argument the field with that index is; they are asked for one after the other. */
EXPORT(const wq_smartrest_arg *, wq_wasm_smartrest_arg, uint32_t index) {
  return wq_smartrest_args_next(&args, fields[index], &arg) ? &arg : NULL;
}

/* Scratch: a payload of s/e. */
EXPORT(const wq_smartrest_failure *, wq_wasm_smartrest_failure, uint32_t length) {
  wq_smartrest_failure_read((wq_bytes){scratch.bytes, length}, &failure);
  return &failure;
}

/* Scratch: a payload that is published. */
EXPORT(void, wq_wasm_smartrest_sent, uint32_t length, uint32_t token) {
  wq_smartrest_sent_add(&sent, (wq_bytes){scratch.bytes, length}, token);
}

/* The rows that an error could be about: how many there are; of the latest, token and number are the result. */
EXPORT(uint32_t, wq_wasm_smartrest_cause, void) {
  uint32_t at[2] = {0, 0};
  const uint32_t count = wq_smartrest_sent_find(&sent, failure.id, &at[0], &at[1]);
  memcpy(result, at, sizeof at);
  return count;
}
