/* SPDX-License-Identifier: MIT
 * Cumulocity's operations. 501, 502 and 503 name a fragment, and the service takes them to mean the oldest operation of it
 * that waits (501) or is at work (502, 503). So they go one at a time, each acknowledged before the next, and an answer
 * waits for those of older operations of its kind. What waits is begun before the service is asked what else waits (500),
 * or it would come a second time.
 *
 * If the connection breaks before an acknowledgement, nobody knows what the service took: then all of that fragment that
 * are at work there are set to FAILED (507), and are over here. */
#include "dialogue_own.h"

#include "../codec/utf8.h"

enum request { CLEAR = 0, ROW = 1, PENDING = 2 };

enum operation_state { WAITING, WORKING, ANSWERED, LOST };
enum operation_result { NONE, GOOD, BAD };

static bool filter(const wq_dialogue *d, uint32_t index, wq_writer *w) {
  (void)d;
  if (index == 0) wq_write_bytes(w, WQ_TEXT("s/ds"));
  return index == 0;
}

static void ready(wq_dialogue *d) {
  if ((d->first && !d->args.resume) || d->unsure.name_len != 0) wq_dialogue_want(d, CLEAR);
  wq_dialogue_want(d, PENDING);
}

static bool alike(const wq_operation *a, const wq_operation *b) {
  return a->child_len == b->child_len && a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

/* To be begun, or to be answered and nothing older of its kind is unanswered. */
static bool has_row(const wq_dialogue *d, const wq_operation *o) {
  if (o->state == WAITING) return true;
  for (const wq_operation *older = d->operation; older < o; older++)
    if (alike(older, o)) return false;
  return o->state == WORKING && o->result != NONE;
}

/* The oldest with a row; NULL: none. */
static const wq_operation *next_row(const wq_dialogue *d) {
  for (uint32_t i = 0; i < d->operations_n; i++)
    if (has_row(d, &d->operation[i])) return &d->operation[i];
  return NULL;
}

static wq_operation *find(wq_dialogue *d, uint32_t ticket) {
  for (uint32_t i = 0; i < d->operations_n; i++)
    if (d->operation[i].ticket == ticket) return &d->operation[i];
  return NULL;
}

static void ask(wq_dialogue *d, uint8_t request, wq_writer *w, wq_step *step) {
  const wq_operation *o = request == ROW ? next_row(d) : request == CLEAR ? &d->unsure : NULL;
  const char *id = request == CLEAR ? "507," : "500";
  wq_topic parts = {.kind = WQ_TOPIC_TELEMETRY};
  if (request == ROW) {
    id = o->state == WAITING ? "501," : o->result == GOOD ? "503," : "502,";
    step->document = o->state != WAITING && o->document;
    step->ticket = d->ticket = o->ticket;
  }
  if (o != NULL) parts.scope = (wq_bytes){o->name, o->child_len};
  step->qos = 1;
  step->topic = wq_dialogue_topic(d, w, parts);
  const uint8_t *start = w->at;
  wq_write_bytes(w, wq_text_of(id));
  if (o != NULL) wq_write_bytes(w, (wq_bytes){o->name + o->child_len, (uint32_t)(o->name_len - o->child_len)});
  if (request == CLEAR) wq_write_bytes(w, WQ_TEXT(",The device lost track of it"));
  if (step->document) wq_write_u8(w, ',');
  step->head = wq_dialogue_written(start, w);
}

static void published(wq_dialogue *d, wq_step *step) {
  (void)step;
  const uint8_t request = wq_dialogue_answered(d);
  if (request == CLEAR) {
    d->first = false;
    d->unsure.name_len = d->unsure.child_len = 0;
  } else if (request == ROW) {
    wq_operation *o = find(d, d->ticket);
    o->state = o->state == WAITING ? WORKING : ANSWERED;
  }
}

static void lost(wq_dialogue *d) {
  d->wanted = 0;
  if (d->asked != ROW) return;
  wq_dialogue_answered(d);
  d->unsure = *find(d, d->ticket);
  for (uint32_t i = 0; i < d->operations_n; i++)
    if (alike(&d->operation[i], &d->unsure)) d->operation[i].state = LOST;
}

/* Tell of the first that is over; otherwise see to the next row. */
static void pump(wq_dialogue *d, wq_step *step) {
  for (uint32_t i = 0; i < d->operations_n; i++) {
    const wq_operation *o = &d->operation[i];
    if (o->state != ANSWERED && o->state != LOST) continue;
    wq_dialogue_tell(step, WQ_TELL_OPERATION, o->state == ANSWERED ? 200 : 410, 0);
    step->ticket = o->ticket;
    d->operations_n--;
    memmove(&d->operation[i], &d->operation[i + 1], (d->operations_n - i) * sizeof d->operation[0]);
    return;
  }
  if (next_row(d) != NULL && d->asked == WQ_ASKED_NOTHING) wq_dialogue_want(d, ROW);
}

static void message(wq_dialogue *d, const wq_topic *topic, wq_bytes payload, wq_step *step) {
  (void)d, (void)topic, (void)payload, (void)step; /* rows are the host's: smartrest.h */
}

/* ------------------------------------------------------------------------------------------------ the app */

/* A name that needs no quotes in a row, and of a child no more than one level of a topic. */
static bool plain(wq_bytes name, const char *never) {
  for (uint32_t i = 0; i < name.len; i++)
    if (name.data[i] <= ' ' || strchr(never, name.data[i]) != NULL) return false;
  return wq_utf8_valid(name);
}

int wq_dialogue_operation(wq_dialogue *d, wq_bytes child, wq_bytes fragment, uint32_t *ticket) {
  if (d->args.kind != WQ_DIALOGUE_OPERATIONS) return WQ_E_STATE;
  if (fragment.len == 0 || fragment.len > WQ_OPERATION_NAME_MAX || child.len > WQ_OPERATION_NAME_MAX - fragment.len)
    return WQ_E_ARG;
  if (!plain(child, "/+#") || !plain(fragment, ",\"")) return WQ_E_ARG;
  if (d->operations_n == WQ_OPERATIONS_MAX) return WQ_E_FULL;
  wq_operation *o = &d->operation[d->operations_n++];
  *o = (wq_operation){.ticket = *ticket = ++d->tickets,
                      .child_len = (uint8_t)child.len,
                      .name_len = (uint8_t)(child.len + fragment.len)};
  if (child.len != 0) memcpy(o->name, child.data, child.len);
  memcpy(o->name + child.len, fragment.data, fragment.len);
  return 0;
}

int wq_dialogue_finish(wq_dialogue *d, uint32_t ticket, bool good, bool document) {
  if (d->args.kind != WQ_DIALOGUE_OPERATIONS) return WQ_E_STATE;
  wq_operation *o = find(d, ticket);
  if (o == NULL || o->result != NONE || o->state > WORKING) return WQ_E_TOKEN;
  o->result = good ? GOOD : BAD;
  o->document = document;
  return 0;
}

const wq_dialogue_def wq_dialogue_operations = {
    .services = 1 << WQ_CUMULOCITY,
    .filter = filter,
    .ready = ready,
    .ask = ask,
    .message = message,
    .published = published,
    .lost = lost,
    .pump = pump,
};
