/* SPDX-License-Identifier: MIT
 * Asking for credentials: Azure's Device Provisioning Service, Cumulocity's bootstrap user, Alibaba's dynamic registration.
 * What was given is kept in d->kept, as d->value[]. */
#include "dialogue_own.h"

#include "../codec/utf8.h"
#include "smartrest.h"

enum request { REGISTER = 0, POLL = 1 };

#define RETRY_S 3u     /* if Azure does not say */
#define BOOTSTRAP_S 5u /* between two questions to Cumulocity */
#define NO_WORDS ((wq_bytes){NULL, 0})

static bool filter(const wq_dialogue *d, uint32_t index, wq_writer *w) {
  const uint32_t room = (uint32_t)(w->end - w->at);
  int32_t n = wq_topic_filter(&d->args.seat, WQ_TOPIC_BIT(WQ_TOPIC_REGISTERED), index, w->at, room);
  if (n < 0) wq_writer_fail(w);
  if (n > 0) w->at += n;
  return n > 0;
}

static void ready(wq_dialogue *d) {
  if (d->args.seat.service == WQ_ALIBABA) return; /* it answers unasked */
  wq_dialogue_want(d, d->value[2].len != 0 ? POLL : REGISTER);
}

static void ask(wq_dialogue *d, uint8_t request, wq_writer *w, wq_step *step) {
  wq_topic parts = {.kind = request == POLL ? WQ_TOPIC_REGISTER_POLL : WQ_TOPIC_REGISTER};
  uint8_t bag[WQ_DIALOGUE_ROOM];
  uint32_t length = 0;
  if (request == POLL) {
    if (wq_bag_write(bag, sizeof bag, &length, WQ_TEXT("operationId"), d->value[2]) != 0) wq_writer_fail(w);
    parts.bag = (wq_bytes){bag, length};
  }
  step->topic = wq_dialogue_topic(d, w, parts);
  if (d->args.seat.service == WQ_CUMULOCITY) { /* the answer comes whenever somebody accepts */
    step->qos = 0;
    d->request[REGISTER].tries = 0;
    wq_dialogue_again(d, BOOTSTRAP_S, 0, step);
    return;
  }
  if (request == POLL) return;
  const uint8_t *start = w->at;
  wq_write_bytes(w, WQ_TEXT("{\"registrationId\":"));
  wq_json_write(w, d->args.seat.device);
  wq_write_u8(w, '}');
  step->head = wq_dialogue_written(start, w);
}

/* A JSON string as one of the values, behind those that are kept. An empty one is none. */
static bool keep(wq_dialogue *d, uint32_t index, wq_bytes json) {
  uint32_t at = 0;
  for (uint32_t i = 0; i < index; i++)
    at += d->value[i].len;
  int32_t n = wq_json_text(json, d->kept + at, sizeof d->kept - at);
  if (n <= 0) return false;
  d->value[index] = (wq_bytes){d->kept + at, (uint32_t)n};
  return true;
}

/* ------------------------------------------------------------------------------------------------ Azure */

static uint32_t retry_after(wq_bytes bag) {
  uint8_t decoded[256];
  wq_bytes name, value;
  uint32_t seconds;
  while (wq_bag_read(&bag, decoded, sizeof decoded, &name, &value) == 1)
    if (wq_text_is(name, "retry-after") && wq_text_number(value, &seconds)) return seconds;
  return RETRY_S;
}

static void azure_error(wq_dialogue *d, uint16_t status, wq_bytes json, wq_step *step) {
  int fault = WQ_DIALOGUE_E_STATUS;
  if (status == 401 || status == 403) fault = WQ_DIALOGUE_E_UNAUTHORIZED;
  if (status == 404) fault = WQ_DIALOGUE_E_UNKNOWN;
  wq_dialogue_fail(d, fault, status, wq_dialogue_words(d, wq_json_get(json, "message")), step);
}

static void azure_assigned(wq_dialogue *d, wq_bytes json, wq_step *step) {
  memset(d->value, 0, sizeof d->value);
  const bool good = keep(d, 0, wq_json_get(json, "registrationState.assignedHub")) &&
                    keep(d, 1, wq_json_get(json, "registrationState.deviceId"));
  d->value[2] = d->args.seat.device; /* of which a group's key makes the device's */
  if (good && wq_host_ok(d->value[0]))
    d->done = true;
  else
    wq_dialogue_fail(d, WQ_DIALOGUE_E_ANSWER, 200, NO_WORDS, step);
}

static void azure_message(wq_dialogue *d, const wq_topic *topic, wq_bytes payload, wq_step *step) {
  if (!wq_dialogue_is_ours(d, topic->request)) return;
  const wq_bytes json = wq_json_read(payload), status = wq_json_get(json, "status");
  if (wq_dialogue_busy(topic->status)) {
    wq_dialogue_again(d, retry_after(topic->bag), topic->status, step);
    return;
  }
  const uint8_t request = wq_dialogue_answered(d);
  d->status = 0;
  if (topic->status >= 300) {
    azure_error(d, topic->status, json, step);
  } else if (wq_json_is(status, "assigned")) {
    azure_assigned(d, json, step);
  } else if (wq_json_is(status, "assigning") || wq_json_is(status, "unassigned")) {
    if (request == REGISTER) { /* the operation's id takes the place of the third value until there are others */
      memset(d->value, 0, sizeof d->value);
      if (!keep(d, 2, wq_json_get(json, "operationId"))) {
        wq_dialogue_fail(d, WQ_DIALOGUE_E_ANSWER, topic->status, NO_WORDS, step);
        return;
      }
    }
    uint32_t seconds = retry_after(topic->bag);
    d->request[POLL].not_before_ms = d->now_ms + (seconds > 60 ? 60 : seconds) * UINT64_C(1000);
    wq_dialogue_want(d, POLL);
  } else if (wq_json_is(status, "failed")) {
    const wq_bytes words = wq_dialogue_words(d, wq_json_get(json, "registrationState.errorMessage"));
    wq_dialogue_fail(d, WQ_DIALOGUE_E_ASSIGNMENT, topic->status, words, step);
  } else {
    const int fault = wq_json_is(status, "disabled") ? WQ_DIALOGUE_E_DISABLED : WQ_DIALOGUE_E_ANSWER;
    wq_dialogue_fail(d, fault, topic->status, NO_WORDS, step);
  }
}

/* ------------------------------------------------------------------------------------------------ Cumulocity */

/* 70,TENANT,USER,PASSWORD; rows that are none are passed over, since the question is asked again anyway. */
static void cumulocity_message(wq_dialogue *d, wq_bytes payload) {
  wq_bytes fields[8];
  wq_smartrest_reader reader;
  wq_smartrest_reader_init(&reader, d->kept, sizeof d->kept, fields, 8);
  for (int got; (got = wq_smartrest_read(&reader, &payload, true)) != 0;) {
    if (got != 1 || reader.count < 4 || !wq_text_is(fields[0], "70")) continue;
    bool good = true;
    for (uint32_t i = 0; i < 3; i++) {
      d->value[i] = fields[i + 1];
      good = good && fields[i + 1].len != 0 && wq_utf8_valid(fields[i + 1]);
    }
    d->done = good;
    if (good) return;
  }
  memset(d->value, 0, sizeof d->value);
}

/* ------------------------------------------------------------------------------------------------ Alibaba */

static bool for_another(wq_bytes json, const char *name, wq_bytes own) {
  uint8_t text[256];
  const wq_bytes value = wq_json_get(json, name);
  if (value.data == NULL) return false;
  int32_t n = wq_json_text(value, text, sizeof text);
  return n < 0 || !wq_bytes_equal((wq_bytes){text, (uint32_t)n}, own);
}

/* {"productKey":,"deviceName":,"deviceSecret":}; of a device that was not in the console, "clientId" and "deviceToken"
 * take the secret's place. */
static void alibaba_message(wq_dialogue *d, wq_bytes payload, wq_step *step) {
  const wq_bytes json = wq_json_read(payload), token = wq_json_get(json, "deviceToken");
  memset(d->value, 0, sizeof d->value);
  if (for_another(json, "deviceName", d->args.seat.device) || for_another(json, "productKey", d->args.seat.scope))
    wq_dialogue_fail(d, WQ_DIALOGUE_E_DEVICE, 0, NO_WORDS, step);
  else if (token.data != NULL ? keep(d, 0, token) && keep(d, 1, wq_json_get(json, "clientId"))
                              : keep(d, 0, wq_json_get(json, "deviceSecret")))
    d->done = true;
  else
    wq_dialogue_fail(d, WQ_DIALOGUE_E_ANSWER, 0, NO_WORDS, step);
}

static void message(wq_dialogue *d, const wq_topic *topic, wq_bytes payload, wq_step *step) {
  if (topic->kind != WQ_TOPIC_REGISTERED) return;
  switch (d->args.seat.service) {
  case WQ_AZURE_IOT_HUB: azure_message(d, topic, payload, step); break;
  case WQ_CUMULOCITY: cumulocity_message(d, payload); break;
  default: alibaba_message(d, payload, step);
  }
}

const wq_dialogue_def wq_dialogue_register = {
    .services = 1 << WQ_AZURE_IOT_HUB | 1 << WQ_ALIBABA | 1 << WQ_CUMULOCITY,
    .connects = true,
    .filter = filter,
    .ready = ready,
    .ask = ask,
    .message = message,
};
