/* SPDX-License-Identifier: MIT
 * AWS's jobs: the next one is started, told, updated until it is over, and then the next. The job at hand is kept as
 * d->value[0], its execution's number as d->run, its version as d->have. */
#include "dialogue_own.h"

/* An update goes before the question for the next job, to which it may give another answer. */
enum request { UPDATE = 0, START = 1 };

static const char *const statuses[] = {"IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"};

static bool filter(const wq_dialogue *d, uint32_t index, wq_writer *w) {
  const uint32_t room = (uint32_t)(w->end - w->at);
  int32_t n = wq_topic_filter(&d->args.seat, WQ_TOPIC_BIT(WQ_TOPIC_JOB), index, w->at, room);
  if (n < 0) wq_writer_fail(w);
  if (n > 0) w->at += n;
  return n > 0;
}

static bool updating(const wq_dialogue *d) { return d->asked == UPDATE || (d->wanted & WQ_WANT(UPDATE)) != 0; }

static bool at_work(const wq_dialogue *d) { return d->value[0].len != 0; }

static void ready(wq_dialogue *d) {
  d->request[START].tries = 0;
  wq_dialogue_want(d, START);
}

static void ask(wq_dialogue *d, uint8_t request, wq_writer *w, wq_step *step) {
  if (request == START) {
    step->topic = wq_dialogue_topic(d, w, (wq_topic){.kind = WQ_TOPIC_JOB_NEXT});
  } else {
    step->topic = wq_dialogue_topic(d, w, (wq_topic){.kind = WQ_TOPIC_JOB_UPDATE, .request = d->value[0]});
  }
  const uint8_t *start = w->at;
  wq_write_bytes(w, WQ_TEXT("{\"clientToken\":\""));
  wq_write_number(w, d->id);
  wq_write_u8(w, '"');
  if (request == UPDATE) {
    wq_write_bytes(w, WQ_TEXT(",\"status\":\""));
    wq_write_bytes(w, wq_text_of(statuses[d->job_status]));
    wq_write_bytes(w, WQ_TEXT("\",\"expectedVersion\":"));
    wq_write_number(w, d->have);
    wq_write_bytes(w, WQ_TEXT(",\"includeJobExecutionState\":true"));
    if (d->with_details) wq_write_bytes(w, WQ_TEXT(",\"statusDetails\":"));
    step->document = d->with_details;
  }
  step->head = wq_dialogue_written(start, w);
  step->tail = WQ_TEXT("}");
}

/* ------------------------------------------------------------------------------------------------ answers */

static uint64_t number_at(wq_bytes json, const char *path) {
  uint64_t n;
  return wq_json_number(wq_json_get(json, path), &n) ? n : 0;
}

static bool is_ours(const wq_dialogue *d, wq_bytes json) {
  uint8_t token[12];
  const int32_t length = wq_json_text(wq_json_get(json, "clientToken"), token, sizeof token);
  return length > 0 && wq_dialogue_is_ours(d, (wq_bytes){token, (uint32_t)length});
}

/* The name stays in place for the views that this step has on it. */
static void drop(wq_dialogue *d) {
  d->value[0].len = 0;
  d->wanted &= (uint8_t)~WQ_WANT(UPDATE);
  if (d->asked == UPDATE) wq_dialogue_answered(d);
}

static void gone(wq_dialogue *d, wq_step *step) {
  wq_dialogue_tell(step, WQ_TELL_JOB_GONE, 410, d->have);
  step->name = d->value[0];
  drop(d);
}

/* Whether the job that an execution names is the one at hand. */
static bool same(const wq_dialogue *d, wq_bytes execution) {
  uint8_t id[64];
  const int32_t length = wq_json_text(wq_json_get(execution, "jobId"), id, sizeof id);
  return length > 0 && wq_bytes_equal((wq_bytes){id, (uint32_t)length}, d->value[0]) &&
         number_at(execution, "executionNumber") == d->run;
}

/* The answer to START: the job to be done, or none. */
static void started(wq_dialogue *d, wq_bytes json, wq_step *step) {
  const wq_bytes execution = wq_json_get(json, "execution"), id = wq_json_get(execution, "jobId");
  wq_dialogue_answered(d);
  if (at_work(d) && same(d, execution)) { /* the host has it since an earlier connection */
    d->have = number_at(execution, "versionNumber");
    return;
  }
  if (at_work(d)) { /* tell that first, and ask anew */
    gone(d, step);
    wq_dialogue_want(d, START);
    return;
  }
  const int32_t length = wq_json_text(id, d->kept, 64);
  if (length <= 0) return;
  d->value[0] = (wq_bytes){d->kept, (uint32_t)length};
  d->have = number_at(execution, "versionNumber");
  d->run = number_at(execution, "executionNumber");
  wq_dialogue_tell(step, WQ_TELL_JOB, 200, d->have);
  step->name = d->value[0];
  step->text = wq_json_get(execution, "jobDocument");
  step->details = wq_json_get(execution, "statusDetails");
}

/* notify-next says which job is next, which is the one at hand until that is over. notify has a list of all. */
static void notified(wq_dialogue *d, wq_bytes json, wq_step *step) {
  if (json.data == NULL || wq_json_get(json, "jobs").data != NULL) return;
  const wq_bytes execution = wq_json_get(json, "execution");
  if (at_work(d) && (same(d, execution) || (updating(d) && d->job_status != WQ_JOB_IN_PROGRESS))) return;
  if (d->asked != START) wq_dialogue_want(d, START);
  if (at_work(d)) gone(d, step);
}

static uint16_t status_of(wq_bytes code) {
  static const struct {
    const char *code;
    uint16_t status;
  } codes[] = {{"VersionMismatch", 409},  {"InvalidStateTransition", 409}, {"TerminalStateReached", 410},
               {"ResourceNotFound", 404}, {"RequestThrottled", 429},       {"InternalError", 500}};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (wq_json_is(code, codes[i].code)) return codes[i].status;
  return 400;
}

static void update_over(wq_dialogue *d, uint16_t status, wq_step *step) {
  const bool over = status == 404 || status == 410 || (status == 200 && d->job_status != WQ_JOB_IN_PROGRESS);
  wq_dialogue_answered(d);
  wq_dialogue_tell(step, WQ_TELL_JOB_UPDATED, status, d->have);
  step->name = d->value[0];
  if (!over) return;
  drop(d);
  wq_dialogue_want(d, START);
}

/* An update that was made on another version: perhaps its own forerunner, whose answer was lost. */
static void rejected(wq_dialogue *d, wq_bytes json, wq_step *step) {
  const wq_bytes state = wq_json_get(json, "executionState"), now = wq_json_get(state, "status");
  const uint64_t version = number_at(state, "versionNumber");
  uint16_t status = status_of(wq_json_get(json, "code"));
  if (wq_dialogue_busy(status)) {
    wq_dialogue_again(d, 0, status, step);
    return;
  }
  if (status == 409 && wq_json_is(now, statuses[d->job_status]) && d->job_status != WQ_JOB_IN_PROGRESS) {
    status = 200;
  } else if (status == 409 && version > d->have && (wq_json_is(now, "IN_PROGRESS") || wq_json_is(now, "QUEUED"))) {
    d->have = version;
    wq_dialogue_again(d, 0, status, step);
    return;
  } else if (status == 409 && now.data != NULL && !wq_json_is(now, "IN_PROGRESS") && !wq_json_is(now, "QUEUED")) {
    status = 410;
  }
  update_over(d, status, step);
  if (status != 200) step->detail = wq_dialogue_words(d, wq_json_get(json, "message"));
}

static void updated(wq_dialogue *d, const wq_topic *topic, wq_bytes json, wq_step *step) {
  if (d->asked != UPDATE || !is_ours(d, json) || !wq_bytes_equal(topic->request, d->value[0])) return;
  if (topic->status != 200) {
    rejected(d, json, step);
    return;
  }
  const uint64_t version = number_at(json, "executionState.versionNumber");
  d->have = version != 0 ? version : d->have + 1;
  update_over(d, 200, step);
}

static void message(wq_dialogue *d, const wq_topic *topic, wq_bytes payload, wq_step *step) {
  const wq_bytes json = wq_json_read(payload);
  if (topic->kind == WQ_TOPIC_JOB_UPDATED) {
    updated(d, topic, json, step);
  } else if (topic->kind == WQ_TOPIC_JOB && topic->status == 0) {
    notified(d, json, step);
  } else if (topic->kind == WQ_TOPIC_JOB && topic->request.len == 0 && d->asked == START && is_ours(d, json)) {
    if (topic->status == 200)
      started(d, json, step);
    else
      wq_dialogue_again(d, 0, status_of(wq_json_get(json, "code")), step);
  }
}

static void given_up(wq_dialogue *d, uint8_t request, uint16_t status, wq_step *step) {
  if (request == UPDATE) update_over(d, status, step);
}

int wq_dialogue_job(wq_dialogue *d, uint8_t status, bool details) {
  if (d->args.kind != WQ_DIALOGUE_JOBS || status > WQ_JOB_REJECTED || !at_work(d) || updating(d)) return WQ_E_STATE;
  d->job_status = status;
  d->with_details = details;
  d->request[UPDATE].tries = 0;
  d->request[UPDATE].not_before_ms = 0;
  wq_dialogue_want(d, UPDATE);
  return 0;
}

const wq_dialogue_def wq_dialogue_jobs = {
    .services = 1 << WQ_AWS,
    .tries = 5,
    .filter = filter,
    .ready = ready,
    .ask = ask,
    .message = message,
    .given_up = given_up,
};
