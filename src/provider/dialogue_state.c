/* SPDX-License-Identifier: MIT
 * State: AWS's shadows, Azure's twin, Alibaba's shadow, Scaleway's twin documents. Versions tell what was missed:
 *
 *   Azure    counts changes of the desired state, and sends each as a patch: one that is not the next needs the whole again
 *   AWS      counts all changes, and sends all that is still to be done (the delta): the newest says everything; one that
 *            was missed shows when the answer to a report skips a version
 *   Alibaba  counts all changes, and sends the whole desired state
 *
 * A change that comes while the whole is on its way is not told: the whole has it, or is asked for again. */
#include "dialogue_own.h"

enum request { GET = 0, REPORT = 1 };

static bool filter(const wq_dialogue *d, uint32_t index, wq_writer *w) {
  static const struct {
    uint8_t kind;
    uint16_t status;
  } named[] = {{WQ_TOPIC_STATE, 200},
               {WQ_TOPIC_STATE, 400},
               {WQ_TOPIC_REPORTED, 200},
               {WQ_TOPIC_REPORTED, 400},
               {WQ_TOPIC_DESIRED, 0}};
  const wq_seat *seat = &d->args.seat;
  const uint32_t room = (uint32_t)(w->end - w->at);
  uint32_t kinds = WQ_TOPIC_BIT(WQ_TOPIC_STATE) | WQ_TOPIC_BIT(WQ_TOPIC_REPORTED);
  int32_t n = 0;
  if (seat->service == WQ_AWS) { /* a filter for each topic: wildcards are advised against */
    if (index < sizeof named / sizeof named[0]) {
      const wq_topic parts = {.kind = named[index].kind, .status = named[index].status, .name = d->args.name};
      n = wq_topic_build(seat, &parts, w->at, room);
    }
  } else {
    if (seat->service == WQ_AZURE_IOT_HUB) kinds |= WQ_TOPIC_BIT(WQ_TOPIC_DESIRED);
    n = wq_topic_filter(seat, kinds, index, w->at, room);
  }
  if (n < 0) wq_writer_fail(w);
  if (n > 0) w->at += n;
  return n > 0;
}

/* A shadow may have been deleted meanwhile, and count from 1 again. */
static void ready(wq_dialogue *d) {
  d->have = d->seen = 0;
  d->request[GET].tries = 0;
  wq_dialogue_want(d, GET);
}

/* ------------------------------------------------------------------------------------------------ requests */

static void write_version(const wq_dialogue *d, wq_writer *w) {
  if (!d->only_unchanged || d->base == 0) return;
  wq_write_bytes(w, WQ_TEXT(",\"version\":"));
  wq_write_number(w, d->base);
}

/* What stands before and behind the document in a report. */
static void write_report(wq_dialogue *d, wq_writer *w, wq_step *step) {
  const uint8_t *start = w->at, *middle;
  switch (d->args.seat.service) {
  case WQ_AWS:
    wq_write_bytes(w, WQ_TEXT("{\"state\":{\"reported\":"));
    middle = w->at;
    wq_write_bytes(w, WQ_TEXT("},\"clientToken\":\""));
    wq_write_number(w, d->id);
    wq_write_u8(w, '"');
    write_version(d, w);
    wq_write_u8(w, '}');
    break;
  case WQ_SCALEWAY:
    wq_write_bytes(w, WQ_TEXT("{\"data\":"));
    middle = w->at;
    write_version(d, w);
    wq_write_u8(w, '}');
    break;
  case WQ_ALIBABA:
    wq_write_bytes(w, WQ_TEXT("{\"id\":\""));
    wq_write_number(w, d->id);
    wq_write_bytes(w, WQ_TEXT("\",\"version\":\"1.0\",\"params\":"));
    middle = w->at;
    wq_write_bytes(w, WQ_TEXT(",\"method\":\"thing.event.property.post\"}"));
    break;
  default: middle = start;
  }
  step->document = true;
  step->head = (wq_bytes){start, (uint32_t)(middle - start)};
  step->tail = wq_dialogue_written(middle, w);
}

static void ask(wq_dialogue *d, uint8_t request, wq_writer *w, wq_step *step) {
  wq_topic parts = {.kind = request == GET ? WQ_TOPIC_STATE_GET : WQ_TOPIC_REPORT, .name = d->args.name};
  uint8_t bag[32];
  wq_writer condition = wq_writer_of(bag, sizeof bag);
  if (request == REPORT && d->args.seat.service == WQ_AZURE_IOT_HUB && d->only_unchanged && d->base != 0) {
    wq_write_bytes(&condition, WQ_TEXT("$version="));
    wq_write_number(&condition, d->base);
    parts.bag = wq_dialogue_written(bag, &condition);
  }
  step->topic = wq_dialogue_topic(d, w, parts);
  if (request == REPORT)
    write_report(d, w, step);
  else if (d->args.seat.service == WQ_ALIBABA)
    step->head = WQ_TEXT("{\"method\":\"get\"}");
}

static void given_up(wq_dialogue *d, uint8_t request, uint16_t status, wq_step *step) {
  (void)d;
  wq_dialogue_tell(step, request == GET ? WQ_TELL_STATE : WQ_TELL_REPORTED, status, 0);
}

/* ------------------------------------------------------------------------------------------------ answers */

/* What a message says, whatever the service. */
typedef struct news {
  enum { NOTHING, WHOLE, CHANGE, REPORTED, OTHER_REPORTED } kind;
  uint32_t status;
  uint64_t version, base;
  wq_bytes desired, reported, words;
} news;

static uint64_t number_at(wq_bytes json, const char *path) {
  uint64_t n;
  return wq_json_number(wq_json_get(json, path), &n) ? n : 0;
}

/* the value of "$version" in a bag */
static uint64_t version_in(wq_bytes bag) {
  uint8_t decoded[64];
  wq_bytes name, value;
  uint64_t n;
  while (wq_bag_read(&bag, decoded, sizeof decoded, &name, &value) == 1)
    if (wq_text_is(name, "$version") && wq_json_number(value, &n)) return n;
  return 0;
}

static void read_azure(const wq_dialogue *d, const wq_topic *t, wq_bytes json, news *n) {
  n->status = t->status;
  if (t->kind == WQ_TOPIC_DESIRED) {
    n->kind = CHANGE;
    n->version = version_in(t->bag);
    n->desired = json;
  } else if (t->kind == WQ_TOPIC_STATE && wq_dialogue_is_ours(d, t->request)) {
    n->kind = d->asked == GET ? WHOLE : REPORTED;
    n->desired = wq_json_get(json, "desired");
    n->reported = wq_json_get(json, "reported");
    n->version = number_at(json, d->asked == GET ? "desired.$version" : "$version");
    n->base = number_at(json, "reported.$version");
    n->words = wq_json_get(json, "message");
    if (d->asked == REPORT) n->version = n->base = version_in(t->bag);
  }
}

static void read_aws(const wq_dialogue *d, const wq_topic *t, wq_bytes json, news *n) {
  uint8_t token[12];
  const int32_t length = wq_json_text(wq_json_get(json, "clientToken"), token, sizeof token);
  const uint64_t code = number_at(json, "code");
  n->status = t->status == 400 && code >= 400 && code < 600 ? (uint32_t)code : t->status;
  n->version = n->base = number_at(json, "version");
  n->words = wq_json_get(json, "message");
  if (t->kind == WQ_TOPIC_DESIRED) {
    n->kind = CHANGE;
    n->desired = wq_json_get(json, "state");
  } else if (t->kind == WQ_TOPIC_STATE && d->asked == GET) {
    n->kind = WHOLE;
    n->desired = wq_json_get(json, "state.desired");
    n->reported = wq_json_get(json, "state.reported");
  } else if (t->kind == WQ_TOPIC_REPORTED) {
    const bool ours = length > 0 && wq_dialogue_is_ours(d, (wq_bytes){token, (uint32_t)length});
    n->kind = ours ? REPORTED : OTHER_REPORTED; /* everybody is told of everybody's updates */
  }
}

static void read_scaleway(const wq_dialogue *d, const wq_topic *t, wq_bytes json, news *n) {
  n->status = wq_json_get(json, "actual_version").data != NULL ? 409 : t->status;
  n->version = n->base = number_at(json, "version");
  n->desired = wq_json_get(json, "data");
  n->words = wq_json_get(json, "error");
  if (t->kind == WQ_TOPIC_STATE && d->asked == GET) n->kind = WHOLE;
  if (t->kind == WQ_TOPIC_REPORTED && d->asked == REPORT) n->kind = REPORTED;
}

static void read_alibaba(const wq_dialogue *d, const wq_topic *t, wq_bytes json, news *n) {
  uint8_t id[12];
  if (t->kind == WQ_TOPIC_REPORTED) {
    const int32_t length = wq_json_text(wq_json_get(json, "id"), id, sizeof id);
    if (length <= 0 || !wq_dialogue_is_ours(d, (wq_bytes){id, (uint32_t)length})) return;
    n->kind = REPORTED;
    n->status = (uint32_t)number_at(json, "code");
    n->words = wq_json_get(json, "message");
  } else if (t->kind == WQ_TOPIC_STATE) {
    const wq_bytes payload = wq_json_get(json, "payload"), method = wq_json_get(json, "method");
    const uint64_t version = number_at(json, "version"), code = number_at(payload, "content.errorcode");
    n->version = version != 0 ? version : number_at(payload, "version");
    n->desired = wq_json_get(payload, "state.desired");
    n->reported = wq_json_get(payload, "state.reported");
    n->words = wq_json_get(payload, "content.errormessage");
    n->status = wq_json_is(wq_json_get(payload, "status"), "success") ? 200
                : code >= 400 && code < 600                           ? (uint32_t)code
                                                                      : 400;
    if (wq_json_is(method, "control")) n->kind = CHANGE;
    if (wq_json_is(method, "reply") && d->asked == GET) n->kind = WHOLE;
  }
}

/* ------------------------------------------------------------------------------------------------ what they mean */

static bool worked(uint32_t status) { return status >= 200 && status < 300; }

static void tell(wq_dialogue *d, uint8_t kind, const news *n, wq_step *step) {
  wq_dialogue_tell(step, kind, (uint16_t)(n->status < 1000 ? n->status : 500), n->version);
  if (!worked(n->status)) {
    step->version = 0;
    step->detail = wq_dialogue_words(d, n->words);
    return;
  }
  step->desired = n->desired;
  step->reported = n->reported;
}

static void see(wq_dialogue *d, uint64_t version) {
  if (version > d->seen) d->seen = version;
}

static void whole(wq_dialogue *d, news *n, wq_step *step) {
  if (worked(n->status) && n->version == 0 && n->desired.data == NULL && n->reported.data == NULL)
    n->status = 502; /* no state at all */
  if (wq_dialogue_busy(n->status)) {
    wq_dialogue_again(d, 0, (uint16_t)n->status, step);
    return;
  }
  wq_dialogue_answered(d);
  if (worked(n->status)) {
    d->have = n->version;
    d->base = n->base;
    if (d->seen > n->version) { /* it was made before a change that was passed over */
      d->asked = GET;
      d->request[GET].tries = 1;
      wq_dialogue_again(d, 0, 0, step);
      d->seen = n->version;
    }
    see(d, n->version);
  }
  tell(d, WQ_TELL_STATE, n, step);
}

static void change(wq_dialogue *d, news *n, wq_step *step) {
  const bool patch = d->args.seat.service == WQ_AZURE_IOT_HUB;
  n->status = 200;
  if (n->version == 0 || n->desired.data == NULL) return;
  const bool fetching = d->asked == GET || (d->wanted & WQ_WANT(GET)) != 0;
  see(d, n->version);
  if (fetching || n->version <= d->have) return;
  if (patch && n->version != d->have + 1) {
    wq_dialogue_want(d, GET);
    return;
  }
  d->have = n->version;
  if (!patch) d->base = n->version;
  tell(d, WQ_TELL_DESIRED, n, step);
}

static void reported(wq_dialogue *d, news *n, wq_step *step) {
  const bool counts_all = d->args.seat.service == WQ_AWS;
  if (wq_dialogue_busy(n->status)) {
    wq_dialogue_again(d, 0, (uint16_t)n->status, step);
    return;
  }
  wq_dialogue_answered(d);
  if (worked(n->status)) {
    if (counts_all && d->seen != 0 && n->version > d->seen + 1) wq_dialogue_want(d, GET);
    if (counts_all) see(d, n->version);
    d->base = n->version;
    n->desired = n->reported = (wq_bytes){NULL, 0};
  } else if (n->status == 409 || n->status == 412) {
    wq_dialogue_want(d, GET);
  }
  tell(d, WQ_TELL_REPORTED, n, step);
}

static void message(wq_dialogue *d, const wq_topic *topic, wq_bytes payload, wq_step *step) {
  const wq_bytes json = wq_json_read(payload);
  news n = {0};
  if (!wq_bytes_equal(topic->name, d->args.name)) return; /* of another shadow or document */
  switch (d->args.seat.service) {
  case WQ_AWS: read_aws(d, topic, json, &n); break;
  case WQ_AZURE_IOT_HUB: read_azure(d, topic, json, &n); break;
  case WQ_SCALEWAY: read_scaleway(d, topic, json, &n); break;
  default: read_alibaba(d, topic, json, &n);
  }
  switch (n.kind) {
  case WHOLE: whole(d, &n, step); break;
  case CHANGE: change(d, &n, step); break;
  case REPORTED: reported(d, &n, step); break;
  case OTHER_REPORTED:
    if (worked(n.status)) see(d, n.version);
    break;
  default: break;
  }
}

/* ------------------------------------------------------------------------------------------------ the app */

int wq_dialogue_get(wq_dialogue *d) {
  if (d->args.kind != WQ_DIALOGUE_STATE) return WQ_E_STATE;
  if (d->asked != GET) wq_dialogue_want(d, GET);
  return 0;
}

int wq_dialogue_report(wq_dialogue *d, bool only_unchanged) {
  if (d->args.kind != WQ_DIALOGUE_STATE || d->asked == REPORT || (d->wanted & WQ_WANT(REPORT)) != 0) return WQ_E_STATE;
  d->only_unchanged = only_unchanged;
  wq_dialogue_want(d, REPORT);
  return 0;
}

const wq_dialogue_def wq_dialogue_state = {
    .services = 1 << WQ_AWS | 1 << WQ_AZURE_IOT_HUB | 1 << WQ_ALIBABA | 1 << WQ_SCALEWAY,
    .tries = 5,
    .filter = filter,
    .ready = ready,
    .ask = ask,
    .message = message,
    .given_up = given_up,
};
