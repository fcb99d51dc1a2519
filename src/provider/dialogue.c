/* SPDX-License-Identifier: MIT
 * What all dialogues have in common: connecting, subscribing, one request at a time, asking again, deadlines. */
#include "dialogue_own.h"

#include "../codec/utf8.h"

#define ANSWER_MS 10000u /* after which a request is taken to be lost */
#define WAIT_S_MAX 60u   /* between tries */
#define REFUSALS_MAX 3u

enum phase {
  AWAY,       /* no connection; at until_ms one is wanted, if that is the dialogue's business */
  CONNECTING, /* CONNECT was said */
  CONNECTED,  /* SUBSCRIBE is to be said */
  SUBSCRIBING,
  READY,
  DONE,
  FAILED
};

static const wq_dialogue_def *def_of(const wq_dialogue *d) {
  static const wq_dialogue_def *const defs[] = {&wq_dialogue_register, &wq_dialogue_state, &wq_dialogue_jobs,
                                                &wq_dialogue_operations};
  return defs[d->args.kind];
}

/* ------------------------------------------------------------------------------------------------ for its kinds */

void wq_dialogue_want(wq_dialogue *d, uint8_t request) { d->wanted |= (uint8_t)WQ_WANT(request); }

uint8_t wq_dialogue_answered(wq_dialogue *d) {
  const uint8_t request = d->asked;
  d->asked = WQ_ASKED_NOTHING;
  if (request != WQ_ASKED_NOTHING) d->request[request].tries = 0;
  return request;
}

/* 2, 4, 8... seconds */
static uint32_t pause_s(uint32_t tries) { return tries < 6 ? 1u << tries : WAIT_S_MAX; }

void wq_dialogue_again(wq_dialogue *d, uint32_t seconds, uint16_t status, wq_step *step) {
  const wq_dialogue_def *def = def_of(d);
  const uint8_t request = d->asked;
  const uint32_t own = pause_s(d->request[request].tries);
  d->status = status;
  if (def->tries != 0 && d->request[request].tries >= def->tries) {
    wq_dialogue_answered(d);
    def->given_up(d, request, status, step);
    return;
  }
  if (seconds > WAIT_S_MAX) seconds = WAIT_S_MAX;
  d->asked = WQ_ASKED_NOTHING;
  d->request[request].not_before_ms = d->now_ms + (seconds > own ? seconds : own) * UINT64_C(1000);
  wq_dialogue_want(d, request);
}

void wq_dialogue_fail(wq_dialogue *d, int fault, uint16_t status, wq_bytes words, wq_step *step) {
  wq_wipe(d->kept, sizeof d->kept);
  d->phase = FAILED;
  d->fault = (int16_t)fault;
  d->status = status;
  d->detail = words;
  step->kind = WQ_STEP_FAILED;
}

void wq_dialogue_tell(wq_step *step, uint8_t tell, uint16_t status, uint64_t version) {
  step->kind = WQ_STEP_TELL;
  step->tell = tell;
  step->status = status;
  step->version = version;
}

bool wq_dialogue_busy(uint32_t status) { return status == 429 || (status >= 500 && status < 600); }

bool wq_dialogue_is_ours(const wq_dialogue *d, wq_bytes number) {
  uint8_t digits[10];
  wq_writer w = wq_writer_of(digits, sizeof digits);
  wq_write_number(&w, d->id);
  return d->asked != WQ_ASKED_NOTHING && wq_bytes_equal(number, wq_dialogue_written(digits, &w));
}

wq_bytes wq_dialogue_topic(const wq_dialogue *d, wq_writer *w, wq_topic parts) {
  uint8_t digits[10];
  wq_writer number = wq_writer_of(digits, sizeof digits);
  wq_write_number(&number, d->id);
  if (parts.request.len == 0) parts.request = wq_dialogue_written(digits, &number);
  int32_t n = wq_topic_build(&d->args.seat, &parts, w->at, (uint32_t)(w->end - w->at));
  const wq_bytes topic = {w->at, n < 0 ? 0 : (uint32_t)n};
  w->at += topic.len;
  if (n < 0) wq_writer_fail(w);
  return topic;
}

wq_bytes wq_dialogue_words(wq_dialogue *d, wq_bytes json) {
  int32_t n = wq_json_text(json, d->words, sizeof d->words);
  return (wq_bytes){d->words, n < 0 ? 0 : (uint32_t)n};
}

/* ------------------------------------------------------------------------------------------------ begin */

static bool keep_name(wq_writer *w, wq_bytes from, wq_bytes *to) {
  *to = (wq_bytes){w->at, from.len};
  wq_write_bytes(w, from);
  return !w->failed && wq_utf8_valid(from);
}

int wq_dialogue_begin(wq_dialogue *d, const wq_dialogue_args *args, uint64_t now_ms) {
  const uint32_t service = args->seat.service;
  const wq_dialogue_args given = *args; /* may be d's own */
  wq_dialogue_wipe(d);
  if (given.kind > WQ_DIALOGUE_OPERATIONS) return WQ_E_ARG;
  d->args = given;
  const bool named = given.kind == WQ_DIALOGUE_STATE && (service == WQ_AWS || service == WQ_SCALEWAY);
  const bool needs_name = given.kind == WQ_DIALOGUE_STATE && service == WQ_SCALEWAY;
  wq_writer w = wq_writer_of(d->names, sizeof d->names);
  if (service > 7 || (def_of(d)->services >> service & 1) == 0) return WQ_E_ARG;
  if (given.seat.device.len == 0) return WQ_E_ARG; /* an operator's seat */
  if (given.name.len != 0 ? !named : needs_name) return WQ_E_ARG;
  if (!keep_name(&w, given.seat.device, &d->args.seat.device)) return WQ_E_ARG;
  if (!keep_name(&w, given.seat.scope, &d->args.seat.scope)) return WQ_E_ARG;
  if (!keep_name(&w, given.name, &d->args.name)) return WQ_E_ARG;
  d->asked = WQ_ASKED_NOTHING;
  d->next = service == WQ_ALIBABA ? UINT32_C(1) << 31 : 1; /* there, ids are shared with other posts of the device */
  d->first = true;
  d->until_ms = now_ms;
  d->deadline_ms = UINT64_MAX;
  if (given.kind == WQ_DIALOGUE_REGISTER) {
    uint32_t seconds = given.deadline_s;
    if (seconds == 0) seconds = service == WQ_CUMULOCITY ? 1800 : 300;
    d->deadline_ms = now_ms + seconds * UINT64_C(1000);
  }
  return 0;
}

void wq_dialogue_wipe(wq_dialogue *d) { wq_wipe(d, sizeof *d); }

/* ------------------------------------------------------------------------------------------------ heard */

static void connection_lost(wq_dialogue *d) {
  const wq_dialogue_def *def = def_of(d);
  if (d->phase == AWAY || d->phase >= DONE) return;
  if (def->lost != NULL) def->lost(d);
  if (d->asked != WQ_ASKED_NOTHING) wq_dialogue_want(d, d->asked);
  d->asked = WQ_ASKED_NOTHING;
  d->phase = AWAY;
  d->until_ms = d->now_ms + pause_s(d->connects) * UINT64_C(1000);
  if (d->connects < 6) d->connects++;
}

/* Server unavailable, busy, connection rate exceeded: in 3.x 3, in 5.0 over 0x80. Cumulocity says 5 under load too. */
static bool passing(const wq_dialogue *d, uint8_t code) {
  if (code == 5 && d->args.seat.service == WQ_CUMULOCITY) return d->refusals < REFUSALS_MAX;
  return code == 3 || code == 0x88 || code == 0x89 || code == 0x9F;
}

static void connection_refused(wq_dialogue *d, uint8_t code, wq_step *step) {
  if (!def_of(d)->connects) return; /* the login is the host's business */
  if (!passing(d, code)) {
    wq_dialogue_fail(d, WQ_DIALOGUE_E_REFUSED, code, (wq_bytes){NULL, 0}, step);
    return;
  }
  d->refusals++;
  connection_lost(d);
}

static void subscribed(wq_dialogue *d, wq_bytes codes, wq_step *step) {
  if (d->phase != SUBSCRIBING) return;
  for (uint32_t i = 0; i < codes.len; i++) {
    if (codes.data[i] < 0x80) continue;
    wq_dialogue_fail(d, WQ_DIALOGUE_E_SUBSCRIBE, codes.data[i], (wq_bytes){NULL, 0}, step);
    return;
  }
  d->phase = READY;
  d->connects = 0;
  def_of(d)->ready(d);
}

static void hear(wq_dialogue *d, const wq_heard *heard, wq_step *step) {
  const wq_dialogue_def *def = def_of(d);
  wq_topic topic;
  switch (heard->kind) {
  case WQ_HEARD_CONNECTED:
    if (d->phase > CONNECTING) connection_lost(d); /* an end that was not reported */
    d->phase = CONNECTED;
    d->refusals = 0;
    break;
  case WQ_HEARD_SUBSCRIBED: subscribed(d, heard->payload, step); break;
  case WQ_HEARD_MESSAGE:
    if (d->phase == READY && wq_topic_read(&d->args.seat, heard->topic, &topic) == 0)
      def->message(d, &topic, heard->payload, step);
    break;
  case WQ_HEARD_PUBLISHED:
    if (def->published != NULL && d->asked != WQ_ASKED_NOTHING && heard->request == d->id) def->published(d, step);
    break;
  case WQ_HEARD_CLOSED: connection_lost(d); break;
  case WQ_HEARD_REFUSED: connection_refused(d, heard->code, step); break;
  default: break;
  }
}

/* ------------------------------------------------------------------------------------------------ what to do */

static void subscribe(wq_dialogue *d, wq_step *step) {
  wq_writer w = wq_writer_of(d->text, sizeof d->text);
  step->kind = WQ_STEP_SUBSCRIBE;
  step->qos = d->args.seat.service == WQ_SCALEWAY ? 0 : 1; /* more is not for its shared plan */
  for (uint32_t i = 0; i < WQ_STEP_FILTERS_MAX; i++) {
    uint8_t *start = w.at;
    if (!def_of(d)->filter(d, i, &w)) break;
    step->filters[step->filters_n++] = wq_dialogue_written(start, &w);
  }
  d->phase = SUBSCRIBING;
  if (w.failed) wq_dialogue_fail(d, WQ_DIALOGUE_E_ROOM, 0, (wq_bytes){NULL, 0}, step);
}

static void ask(wq_dialogue *d, uint8_t request, wq_step *step) {
  wq_writer w = wq_writer_of(d->text, sizeof d->text);
  d->wanted &= (uint8_t)~WQ_WANT(request);
  d->asked = request;
  d->id = d->next++;
  d->until_ms = d->now_ms + ANSWER_MS;
  if (d->request[request].tries < UINT8_MAX) d->request[request].tries++;
  step->kind = WQ_STEP_PUBLISH;
  step->request = d->id;
  def_of(d)->ask(d, request, &w, step);
  if (w.failed) wq_dialogue_fail(d, WQ_DIALOGUE_E_ROOM, 0, (wq_bytes){NULL, 0}, step);
}

/* The first request that is wanted and may go; otherwise when one may. */
static void ask_next(wq_dialogue *d, wq_step *step) {
  for (uint8_t i = 0; i < WQ_ASKED_NOTHING; i++) {
    if ((d->wanted & WQ_WANT(i)) == 0) continue;
    if (d->request[i].not_before_ms <= d->now_ms) {
      ask(d, i, step);
      return;
    }
    if (d->request[i].not_before_ms < step->until_ms) step->until_ms = d->request[i].not_before_ms;
  }
}

static void pump_ready(wq_dialogue *d, wq_step *step) {
  const wq_dialogue_def *def = def_of(d);
  if (def->pump != NULL) def->pump(d, step);
  if (step->kind != WQ_STEP_WAIT) return;
  if (d->asked != WQ_ASKED_NOTHING && def->published == NULL) {
    step->until_ms = d->until_ms;
    if (d->now_ms < d->until_ms) return;
    step->until_ms = UINT64_MAX;
    wq_dialogue_again(d, 0, 0, step);
  }
  if (step->kind == WQ_STEP_WAIT && d->asked == WQ_ASKED_NOTHING) ask_next(d, step);
}

static void pump(wq_dialogue *d, wq_step *step) {
  const wq_dialogue_def *def = def_of(d);
  switch (d->phase) {
  case AWAY:
    if (!def->connects) break;
    if (d->now_ms < d->until_ms) {
      step->until_ms = d->until_ms;
      break;
    }
    d->phase = CONNECTING;
    step->kind = WQ_STEP_CONNECT;
    break;
  case CONNECTED:
    subscribe(d, step);
    if (step->kind != WQ_STEP_SUBSCRIBE || step->filters_n != 0) break;
    step->kind = WQ_STEP_WAIT;
    subscribed(d, (wq_bytes){NULL, 0}, step); /* nothing to subscribe to */
    pump_ready(d, step);
    break;
  case READY: pump_ready(d, step); break;
  default: break;
  }
}

static void past_deadline(wq_dialogue *d, wq_step *step) {
  int fault = d->args.seat.service == WQ_CUMULOCITY ? WQ_DIALOGUE_E_UNACCEPTED : WQ_DIALOGUE_E_DEADLINE;
  if (wq_dialogue_busy(d->status)) fault = WQ_DIALOGUE_E_BUSY;
  wq_dialogue_fail(d, fault, d->status, (wq_bytes){NULL, 0}, step);
}

/* ------------------------------------------------------------------------------------------------ the end */

static const struct {
  const char *name;
  uint8_t value; /* of wq_dialogue.value, from 1; 0: the text */
  const char *text;
} results[][WQ_STEP_VALUES_MAX] = {
    {{"host", 1, NULL}, {"device", 2, NULL}, {"registration", 3, NULL}},                          /* Azure */
    {{"auth", 0, "device"}, {"secret", 1, NULL}},                                                 /* Alibaba */
    {{"auth", 0, "token"}, {"client", 2, NULL}, {"token", 1, NULL}},                              /* the same */
    {{"auth", 0, "password"}, {"tenant", 1, NULL}, {"username", 2, NULL}, {"password", 3, NULL}}, /* Cumulocity */
};

static void tell_result(const wq_dialogue *d, wq_step *step) {
  const uint32_t service = d->args.seat.service;
  uint32_t row = 0;
  if (service == WQ_ALIBABA) row = d->value[1].len != 0 ? 2 : 1;
  if (service == WQ_CUMULOCITY) row = 3;
  step->kind = WQ_STEP_DONE;
  for (uint32_t i = 0; i < WQ_STEP_VALUES_MAX && results[row][i].name != NULL; i++) {
    wq_dialogue_value *value = &step->values[step->values_n++];
    wq_field field = {0};
    wq_form_find(service, results[row][i].name, &field);
    value->name = wq_text_of(results[row][i].name);
    value->value =
        results[row][i].text != NULL ? wq_text_of(results[row][i].text) : d->value[results[row][i].value - 1];
    value->secret = wq_field_secret(field.kind);
  }
}

void wq_dialogue_step(wq_dialogue *d, const wq_heard *heard, uint64_t now_ms, wq_step *step) {
  *step = (wq_step){.kind = WQ_STEP_WAIT, .until_ms = UINT64_MAX};
  d->now_ms = now_ms;
  if (d->phase < DONE && now_ms >= d->deadline_ms) past_deadline(d, step);
  if (d->phase < DONE && heard != NULL) hear(d, heard, step);
  if (d->phase < DONE && step->kind == WQ_STEP_WAIT) pump(d, step);
  if (d->done && d->phase < DONE) d->phase = DONE;
  if (d->phase == DONE) tell_result(d, step);
  if (d->phase == FAILED) {
    step->kind = WQ_STEP_FAILED;
    step->fault = d->fault;
    step->status = d->status;
    step->detail = d->detail;
  }
  if (step->kind == WQ_STEP_WAIT && d->deadline_ms < step->until_ms) step->until_ms = d->deadline_ms;
}

const char *wq_dialogue_fault_text(int fault) {
  static const char *const texts[] = {
      "The service refused the login; check the key or password, the ids and the host name.",
      "The service refused a subscription that this needs; see what the device is allowed to.",
      "The service gave no answer in the time allowed; check the host name and the ids, and try again.",
      "Nobody accepted the device in the time allowed; accept it where devices are registered, and try again.",
      "The service was too busy for the time allowed; try again later.",
      "The service does not take the key for this device; check the key, the scope and the device's id.",
      "The service does not know this device; check its id, or enrol it first.",
      "The service answered with an error; its words say more.",
      "The service could not assign the device to a hub; check the enrolment's hubs.",
      "The device's enrolment is disabled; enable it where devices are enrolled.",
      "The service gave an answer that cannot be understood.",
      "The service gave an answer for another device; check the ids.",
      "A name, or an answer of the service, is too long.",
  };
  return fault < 0 && fault >= WQ_DIALOGUE_E_ROOM ? texts[-fault - 1] : "There is no error.";
}
