/* SPDX-License-Identifier: MIT
 * What the tests of dialogues share: a dialogue on a clock of its own, told what is heard, whose steps are compared as one
 * line each:
 *
 *   connect | subscribe QOS FILTER... | publish QOS TOPIC PAYLOAD | wait MS | wait | done NAME=VALUE...
 *   tell WHAT STATUS [vVERSION] [#TICKET] [NAME=...]... | failed FAULT STATUS [WORDS]
 *
 * <doc> stands for the host's document, a star behind a value for a secret one; waiting is told from now. */
#ifndef WQ_UNIT_DIALOGUE_H
#define WQ_UNIT_DIALOGUE_H

#include "guard.h"
#include "provider.h"

#include "provider/dialogue.h"

static wq_dialogue dialogue;
static uint64_t now = 1000000;
static guard topic_room, payload_room;
static char said[4096];

static inline void say(const char *before, wq_bytes bytes, const char *after) {
  size_t n = strlen(said);
  const char *text = bytes.len != 0 ? (const char *)bytes.data : "";
  snprintf(said + n, sizeof said - n, "%s%.*s%s", before, (int)bytes.len, text, after);
}

static inline void say_number(const char *before, int64_t number) {
  size_t n = strlen(said);
  snprintf(said + n, sizeof said - n, "%s%lld", before, (long long)number);
}

static inline void say_part(const char *name, wq_bytes part) {
  if (part.data == NULL || part.len == 0) return;
  say(" ", text_bytes(name), "=");
  say("", part, "");
}

static inline const char *describe_step(const wq_step *s) {
  static const char *const tells[] = {"state", "desired", "reported", "job", "gone", "updated", "operation"};
  static const wq_bytes empty = {NULL, 0};
  said[0] = '\0';
  switch (s->kind) {
  case WQ_STEP_WAIT:
    say("wait", empty, "");
    if (s->until_ms != UINT64_MAX) say_number(" ", (int64_t)(s->until_ms - now));
    break;
  case WQ_STEP_CONNECT: say("connect", empty, ""); break;
  case WQ_STEP_SUBSCRIBE:
    say_number("subscribe ", s->qos);
    for (int i = 0; i < s->filters_n; i++)
      say(" ", s->filters[i], "");
    break;
  case WQ_STEP_PUBLISH:
    say_number("publish ", s->qos);
    say(" ", s->topic, " ");
    say("", s->head, s->document ? "<doc>" : "");
    say("", s->tail, "");
    if (s->ticket != 0) say_number(" #", s->ticket);
    break;
  case WQ_STEP_TELL:
    say("tell ", text_bytes(tells[s->tell]), "");
    say_number(" ", s->status);
    if (s->version != 0) say_number(" v", (int64_t)s->version);
    if (s->ticket != 0) say_number(" #", s->ticket);
    say_part("name", s->name);
    say_part("desired", s->desired);
    say_part("reported", s->reported);
    say_part("details", s->details);
    say_part("text", s->text);
    say_part("detail", s->detail);
    break;
  case WQ_STEP_DONE:
    say("done", empty, "");
    for (int i = 0; i < s->values_n; i++) {
      say(" ", s->values[i].name, "=");
      say("", s->values[i].value, s->values[i].secret ? "*" : "");
    }
    break;
  default:
    say_number("failed ", s->fault);
    say_number(" ", s->status);
    say(s->detail.len != 0 ? " " : "", s->detail, "");
  }
  return said;
}

static inline wq_step stepped(const wq_heard *heard) {
  wq_step step;
  wq_dialogue_step(&dialogue, heard, now, &step);
  return step;
}

/* The next step when that is heard; each is compared where it is called. */
static inline const char *hear(uint8_t kind) {
  const wq_step step = stepped(&(wq_heard){.kind = kind});
  return describe_step(&step);
}

static inline const char *nothing(void) {
  const wq_step step = stepped(NULL);
  return describe_step(&step);
}

static inline const char *later(uint64_t ms) {
  now += ms;
  return nothing();
}

static inline const char *granted(const char *codes) {
  const wq_step step = stepped(&(wq_heard){.kind = WQ_HEARD_SUBSCRIBED, .payload = text_bytes(codes)});
  return describe_step(&step);
}

static inline const char *refused(uint8_t code) {
  const wq_step step = stepped(&(wq_heard){.kind = WQ_HEARD_REFUSED, .code = code});
  return describe_step(&step);
}

static inline const char *message_bytes(const char *topic, const char *payload, size_t length) {
  const size_t n = strlen(topic);
  const wq_step step = stepped(&(wq_heard){.kind = WQ_HEARD_MESSAGE,
                                           .topic = {guard_put(topic_room, topic, n), (uint32_t)n},
                                           .payload = {guard_put(payload_room, payload, length), (uint32_t)length}});
  return describe_step(&step);
}

static inline const char *message(const char *topic, const char *payload) {
  return message_bytes(topic, payload, strlen(payload));
}

/* JSON with ' for ", so that it can be read here. */
static inline const char *json(const char *text) {
  static char quoted[4096];
  size_t n = 0;
  for (; text[n] != '\0'; n++)
    quoted[n] = text[n] == '\'' ? '"' : text[n];
  quoted[n] = '\0';
  return quoted;
}

static inline int begin_as(uint8_t kind, uint32_t service, const char *device, const char *scope, const char *name) {
  const wq_dialogue_args args = {
      .kind = kind, .seat = {service, text_bytes(device), text_bytes(scope)}, .name = text_bytes(name)};
  return wq_dialogue_begin(&dialogue, &args, now);
}

static inline void rooms_make(void) {
  topic_room = guard_make(4096);
  payload_room = guard_make(65536);
}
#endif
