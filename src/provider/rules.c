/* SPDX-License-Identifier: MIT
 * What a service's table says of packets before they are made, in words, and how fast. */
#include "service.h"

#include "../codec/topic.h"

void wq_rules_init(wq_rules *rules, const wq_seat *seat, const wq_bytes *values, uint32_t count) {
  const wq_service_def *def = wq_service_def_at(seat->service);
  const wq_values all = {seat->service, values, count};
  *rules = (wq_rules){.seat = *seat};
  if (def == NULL) return;
  const wq_bytes plan = wq_value(&all, "plan");
  for (uint32_t i = 0; i < def->rules_n; i++) {
    const wq_rule_row *row = &def->rules[i];
    if (row->plan != 0 && (plan.len == 0 || plan.data[0] != (uint8_t)row->plan)) continue;
    rules->action[row->rule] = row->action;
    rules->number[row->rule] = row->number;
  }
  rules->action[WQ_RULE_VERSION] = WQ_ACTION_REFUSE;
  rules->number[WQ_RULE_VERSION] = def->info.versions;
}

/* ------------------------------------------------------------------------------------------------ checks */

typedef struct checking {
  const wq_rules *rules;
  wq_finding *at;
} checking;

static void found(checking *c, uint8_t rule, uint32_t index, uint32_t value) {
  *c->at++ = (wq_finding){rule, c->rules->action[rule], (uint16_t)index, value};
}

/* The rule is broken, if there is such a rule. */
static void breaks(checking *c, uint8_t rule, bool broken) {
  if (broken && c->rules->action[rule] != WQ_ACTION_NONE) found(c, rule, 0, c->rules->number[rule]);
}

static void above(checking *c, uint8_t rule, uint64_t amount) { breaks(c, rule, amount > c->rules->number[rule]); }

static bool starts_with(wq_bytes text, char first) { return text.len != 0 && text.data[0] == (uint8_t)first; }

static void check_retain(checking *c, bool retain, wq_bytes topic, wq_bytes payload) {
  const uint32_t allowed = c->rules->number[WQ_RULE_RETAIN];
  breaks(c, WQ_RULE_RETAIN, retain && (allowed == 0 || starts_with(topic, '$')));
  if (retain) above(c, WQ_RULE_RETAIN_BYTES, payload.len);
}

static bool has_property(wq_bytes properties, uint8_t id) {
  wq_property property;
  while (wq_property_read(&properties, &property) > 0)
    if (property.id == id) return true;
  return false;
}

static void check_keep_alive(checking *c, uint16_t seconds) {
  const wq_rules *r = c->rules;
  const bool none = seconds == 0 && r->action[WQ_RULE_KEEP_ALIVE_MAX] != WQ_ACTION_NONE;
  breaks(c, WQ_RULE_KEEP_ALIVE_MIN, !none && seconds < r->number[WQ_RULE_KEEP_ALIVE_MIN]);
  breaks(c, WQ_RULE_KEEP_ALIVE_MAX, none || seconds > r->number[WQ_RULE_KEEP_ALIVE_MAX]);
}

uint32_t wq_check_connect(const wq_rules *rules, const wq_connect_args *args, wq_finding *findings) {
  checking c = {rules, findings};
  wq_topic parts;
  breaks(&c, WQ_RULE_VERSION, (rules->number[WQ_RULE_VERSION] & WQ_VERSION_BIT(args->version)) == 0);
  if (args->has_will) {
    above(&c, WQ_RULE_QOS, args->will_qos);
    check_retain(&c, args->will_retain, args->will_topic, args->will_payload);
    breaks(&c, WQ_RULE_WILL, true);
    breaks(&c, WQ_RULE_WILL_TOPIC,
           !wq_topic_known(&rules->seat, true, args->will_topic, &parts) || parts.kind != WQ_TOPIC_TELEMETRY);
  }
  breaks(&c, WQ_RULE_CLEAN, !args->clean);
  check_keep_alive(&c, args->keep_alive);
  above(&c, WQ_RULE_CLIENT_ID_BYTES, args->client_id.len);
  breaks(&c, WQ_RULE_CLIENT_ID_FIRST, starts_with(args->client_id, (char)rules->number[WQ_RULE_CLIENT_ID_FIRST]));
  breaks(&c, WQ_RULE_CONNECT_PROPERTIES, has_property(args->properties, WQ_P_USER_PROPERTY));
  if (args->has_will) above(&c, WQ_RULE_PAYLOAD_BYTES, args->will_payload.len);
  return (uint32_t)(c.at - findings);
}

/* A topic or filter as AWS counts it: without "$share/NAME/" or "$aws/rules/NAME/". */
static wq_bytes counted(wq_bytes topic) {
  uint32_t at = wq_text_starts(topic, "$share/") ? 7 : wq_text_starts(topic, "$aws/rules/") ? 11 : 0;
  if (at == 0) return topic;
  while (at < topic.len && topic.data[at] != '/')
    at++;
  if (at < topic.len) at++;
  return (wq_bytes){topic.data + at, topic.len - at};
}

static uint32_t slashes(wq_bytes topic) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < topic.len; i++)
    n += topic.data[i] == '/';
  return n;
}

static uint32_t varint_size(uint64_t n) { return n < 128 ? 1 : n < 16384 ? 2 : n < 2097152 ? 3 : 4; }

static uint64_t packet_size(const wq_publish_args *args, uint8_t version) {
  uint64_t rest = 2 + (uint64_t)args->topic.len + (args->qos != 0 ? 2 : 0) + args->payload.len;
  if (version == WQ_MQTT_5_0) rest += varint_size(args->properties.len) + (uint64_t)args->properties.len;
  return 1 + varint_size(rest) + rest;
}

uint32_t wq_check_publish(const wq_rules *rules, const wq_publish_args *args, uint8_t version, wq_finding *findings) {
  checking c = {rules, findings};
  const wq_service_def *def = wq_service_def_at(rules->seat.service);
  const wq_bytes topic = counted(args->topic);
  wq_topic parts = {0};
  bool known = wq_topic_known(&rules->seat, def != NULL && def->own_topics, args->topic, &parts);
  above(&c, WQ_RULE_QOS, args->qos);
  check_retain(&c, args->retain, args->topic, args->payload);
  above(&c, WQ_RULE_PAYLOAD_BYTES, args->payload.len);
  if (parts.kind == WQ_TOPIC_REPORT) above(&c, WQ_RULE_STATE_BYTES, args->payload.len);
  above(&c, WQ_RULE_PACKET_BYTES, packet_size(args, version));
  above(&c, WQ_RULE_TOPIC_BYTES, topic.len);
  above(&c, WQ_RULE_TOPIC_SLASHES, slashes(topic));
  breaks(&c, WQ_RULE_TOPIC, !known && (rules->number[WQ_RULE_TOPIC] == 0 || starts_with(args->topic, '$')));
  return (uint32_t)(c.at - findings);
}

/* One rule, for the first filter that breaks it. */
static bool filter_breaks(const wq_rules *r, uint8_t rule, const wq_subscription *s) {
  const wq_bytes filter = counted(s->filter);
  const bool wildcard = wq_topic_filter_has_wildcard(filter);
  switch (rule) {
  case WQ_RULE_TOPIC_BYTES: return filter.len > r->number[rule];
  case WQ_RULE_TOPIC_SLASHES: return slashes(filter) > r->number[rule];
  case WQ_RULE_SUBSCRIBE_QOS: return s->qos > r->number[rule];
  case WQ_RULE_FILTER: return !wq_filter_known(&r->seat, s->filter);
  case WQ_RULE_WILDCARDS: return wildcard;
  case WQ_RULE_WILDCARD_RETAINED: return wildcard && s->retain_handling != 2;
  default: return false;
  }
}

uint32_t wq_check_subscribe(const wq_rules *rules, const wq_subscription *subscriptions, uint32_t count,
                            wq_bytes properties, uint32_t active, wq_finding *findings) {
  checking c = {rules, findings};
  for (uint8_t rule = 0; rule <= WQ_RULE_WILDCARD_RETAINED; rule++) {
    uint32_t i = 0;
    if (rules->action[rule] == WQ_ACTION_NONE) continue;
    while (i < count && !filter_breaks(rules, rule, &subscriptions[i]))
      i++;
    if (i < count) found(&c, rule, i, rules->number[rule]);
  }
  breaks(&c, WQ_RULE_SUBSCRIPTION_ID, has_property(properties, WQ_P_SUBSCRIPTION_IDENTIFIER));
  above(&c, WQ_RULE_FILTERS_AT_ONCE, count);
  above(&c, WQ_RULE_FILTERS, (uint64_t)active + count);
  return (uint32_t)(c.at - findings);
}

/* ------------------------------------------------------------------------------------------------ in words */

/* '#' is the rule's number. A rule whose number changes what it says has a second text, behind the line feed, for 0. */
static const char *const texts[WQ_RULES] = {
    "it does not speak that version of MQTT; leave protocolVersion unset",
    "the highest QoS of a message is #; publish with QoS # or less",
    "topics that begin with $ take no retained messages; publish without retain\n"
    "nothing is retained; publish without retain",
    "a retained message has at most # bytes; make it smaller, or publish without retain",
    "wills are not published; let a server notice that the device is gone",
    "a will can only go to the topic for telemetry; use that one",
    "sessions are not kept; connect with clean: true",
    "the keep-alive is # s at least; use that",
    "the keep-alive is # s at most, and never none; use that",
    "a client id has at most # bytes; choose a shorter one",
    "a client id cannot begin with a sign like $; choose another",
    "CONNECT cannot carry user properties; leave them out",
    "a payload has at most # bytes; send it in parts",
    "reported state has at most # bytes; report less, or send it as telemetry",
    "a whole packet has at most # bytes; send it in parts",
    "a topic has at most # bytes; choose a shorter one",
    "a topic has at most # slashes; choose one with fewer levels",
    "of the topics with $ it takes those that it knows; see its documentation\n"
    "it takes only its own topics, with this device's name; use sendTelemetry() and its kin, or see its documentation",
    "the highest QoS of a subscription is #; subscribe with QoS # or less",
    "it knows no such filter for this device; subscribe to the topics of its documentation",
    "filters cannot have wildcards; subscribe to each topic",
    "a filter with wildcards gets no retained messages; subscribe to each topic whose last value is wanted",
    "it has no subscription identifiers; subscribe without",
    "a SUBSCRIBE has at most # filters; send several",
    "a connection has at most # filters; use fewer, or another connection",
    "at most # messages may be under way; wait for acknowledgements",
    "it takes # messages a second; send slower",
    "it takes # connections a second; wait before the next",
};

static const char *note_of(const wq_service_def *def, uint8_t rule) {
  for (uint32_t i = 0; i < def->rules_n; i++)
    if (def->rules[i].rule == rule) return def->rules[i].note;
  return NULL;
}

/* byte by byte: what does not fit whole is cut, and not left out */
static void put(wq_writer *w, const wq_rules *rules, uint8_t rule, const char *text) {
  for (; *text != '\0' && *text != '\n'; text++) {
    if (*text == '#')
      wq_write_number(w, rules->number[rule]);
    else
      wq_write_u8(w, (uint8_t)*text);
  }
}

static const char *text_of(const wq_rules *rules, uint8_t rule) {
  const char *second = strchr(texts[rule], '\n');
  return second != NULL && rules->number[rule] == 0 ? second + 1 : texts[rule];
}

wq_bytes wq_rule_clause(const wq_rules *rules, uint8_t rule) {
  if (rule >= WQ_RULES) return (wq_bytes){NULL, 0};
  const char *text = text_of(rules, rule);
  return (wq_bytes){(const uint8_t *)text, (uint32_t)strcspn(text, ";")};
}

uint32_t wq_rule_text(const wq_rules *rules, uint8_t rule, uint8_t *dst, uint32_t room) {
  const wq_service_def *def = wq_service_def_at(rules->seat.service);
  if (def == NULL || rule >= WQ_RULES) return 0;
  wq_writer w = wq_writer_of(dst, room);
  const char *note = note_of(def, rule);
  put(&w, rules, rule, def->info.title);
  put(&w, rules, rule, ": ");
  put(&w, rules, rule, text_of(rules, rule));
  if (note != NULL) {
    put(&w, rules, rule, ". ");
    put(&w, rules, rule, note);
  }
  return (uint32_t)(w.at - dst);
}

/* ------------------------------------------------------------------------------------------------ pace */

uint32_t wq_pace_take(wq_pace *pace, uint32_t rate, uint64_t now_ms) {
  if (rate == 0) return 0;
  const uint64_t now = now_ms * 1000, each = 1000000 / rate + (1000000 % rate != 0);
  uint64_t full = pace->full_us > now ? pace->full_us : now;
  full += each;
  const uint64_t limit = now + (each > 1000000 ? each : 1000000);
  if (full > limit) return (uint32_t)((full - limit + 999) / 1000);
  pace->full_us = full;
  return 0;
}
