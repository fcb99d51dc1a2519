/* SPDX-License-Identifier: MIT
 * Replays conversation vectors natively: every `in` is fed at every chunk size, each chunk at the end of a guarded page,
 * and the log must be the same each time. tests/vectors/README.md has the language; run.test.js does the same in wasm.
 *
 * usage: vectors FILE... (default: tests/vectors/client/ *.txt) */
#include "../unit/check.h"
#include "../unit/guard.h"
#include "script.h"

#include <glob.h>
#include <stdarg.h>

#define LOG_LINES 4096
#define NAMES_MAX 4096
#define REFS_MAX 64
#define OUT_MAX (1 << 20)
#define WHOLE UINT32_MAX /* chunk size: all at once */

typedef struct run {
  wq_client *client;
  void *memory;
  void *blocks[64];
  int blocks_n;
  uint64_t now;
  guard page;
  uint32_t chunk;
  char *log[LOG_LINES];
  int log_n, log_read;
  char *names[NAMES_MAX];                    /* topic names by id */
  uint32_t tokens[REFS_MAX], acks[REFS_MAX]; /* #1, #2, ... of the script */
  int tokens_n, acks_n;
  uint8_t *out;
  uint32_t out_n;
  const uint8_t *fed; /* what offsets without CARRY are relative to */
  char stream_head[512];
  uint8_t *stream;
  uint32_t stream_n, stream_total;
  const script_line *line;
} run;

static void complain(const run *r, const char *form, ...) {
  char text[2 * SCRIPT_LINE_MAX];
  va_list args;
  va_start(args, form);
  vsnprintf(text, sizeof text, form, args);
  va_end(args);
  if (check_note(false))
    printf("FAIL %s\n  line %d, chunks of %u: %s\n", check_state.title, r->line->number, r->chunk, text);
}

static void log_line(run *r, const char *form, ...) {
  char text[SCRIPT_LINE_MAX];
  va_list args;
  va_start(args, form);
  vsnprintf(text, sizeof text, form, args);
  va_end(args);
  if (r->log_n == LOG_LINES) {
    complain(r, "the log is full");
    return;
  }
  char *copy = malloc(strlen(text) + 1);
  strcpy(copy, text);
  r->log[r->log_n++] = copy;
}

/* Text for bytes of any kind: printable ones as they are, others as \xx. */
static const char *printable(const uint8_t *bytes, uint32_t n, char *dst, size_t room) {
  size_t at = 0;
  for (uint32_t i = 0; i < n && at + 8 < room; i++)
    at += (size_t)(bytes[i] > 0x20 && bytes[i] < 0x7f && bytes[i] != '\\'
                       ? snprintf(dst + at, room - at, "%c", bytes[i])
                       : snprintf(dst + at, room - at, "\\%02x", bytes[i]));
  dst[at] = 0;
  return dst;
}

/* Up to 64 bytes in hex; more, by their count and sum. */
static const char *shown(const uint8_t *bytes, uint32_t n, char *dst, size_t room) {
  if (n > 64) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
      sum = sum * 31 + bytes[i];
    snprintf(dst, room, "%u:%08x", n, sum);
    return dst;
  }
  dst[0] = 0;
  for (uint32_t i = 0; i < n; i++)
    snprintf(dst + 2 * i, room - 2 * i, "%02x", bytes[i]);
  return dst;
}

static const uint8_t *base_of(const run *r, const wq_event *e) {
  size_t n;
  return e->flags & WQ_EVF_CARRY ? wq_carry(r->client, &n) : r->fed;
}

/* " props=..." or nothing. */
static const char *props_of(const run *r, const wq_event *e, char *dst, size_t room) {
  dst[0] = 0;
  if (e->props_off == WQ_NO_PROPS) return dst;
  const uint8_t *at = base_of(r, e) + e->props_off;
  uint32_t n = 0;
  for (int shift = 0;; shift += 7) {
    n |= (uint32_t)(*at & 0x7f) << shift;
    if (!(*at++ & 0x80)) break;
  }
  char hex[160];
  if (n) snprintf(dst, room, " props=%s", shown(at, n, hex, sizeof hex));
  return dst;
}

static int token_ref(const run *r, uint32_t token) {
  for (int i = 0; i < r->tokens_n; i++)
    if (r->tokens[i] == token) return i + 1;
  return 0;
}

static const char *topic_of(run *r, const wq_event *e) {
  static char text[1024];
  const uint8_t *bytes = base_of(r, e) + e->topic_off;
  if (e->topic_len > 64)
    shown(bytes, e->topic_len, text, sizeof text);
  else
    printable(bytes, e->topic_len, text, sizeof text);
  if (!e->topic_id) return text;
  if (e->topic_id >= NAMES_MAX) {
    complain(r, "topic id %u", e->topic_id);
    return text;
  }
  char **name = &r->names[e->topic_id];
  if (e->flags & WQ_EVF_NEW_TOPIC) {
    if (*name) complain(r, "topic id %u is in use", e->topic_id);
    free(*name);
    *name = malloc(strlen(text) + 1);
    strcpy(*name, text);
  } else if (!*name) {
    complain(r, "topic id %u was never named", e->topic_id);
    return text;
  } else if (e->topic_len && strcmp(*name, text) != 0) {
    complain(r, "topic id %u is %s, not %s", e->topic_id, *name, text);
  }
  return *name;
}

static void log_payload(run *r, const char *head, const uint8_t *payload, uint32_t n) {
  char hex[160];
  log_line(r, "%s payload=%s", head, shown(payload, n, hex, sizeof hex));
}

static void log_publish(run *r, const wq_event *e, size_t fed_n) {
  char head[512], props[200];
  snprintf(head, sizeof head, "PUBLISH topic=%s qos=%d retain=%d dup=%d id=%d%s", topic_of(r, e), e->flags & WQ_EVF_QOS,
           (e->flags & WQ_EVF_RETAIN) != 0, (e->flags & WQ_EVF_DUP) != 0, e->packet_id,
           props_of(r, e, props, sizeof props));
  if (e->aux) r->acks[r->acks_n++] = e->aux;
  if (!(e->flags & WQ_EVF_STREAM)) {
    log_payload(r, head, base_of(r, e) + e->off, e->len);
    return;
  }
  snprintf(r->stream_head, sizeof r->stream_head, "%s", head);
  r->stream = realloc(r->stream, e->len + 1);
  r->stream_total = e->len;
  r->stream_n = (uint32_t)(fed_n - e->off < e->len ? fed_n - e->off : e->len);
  memcpy(r->stream, r->fed + e->off, r->stream_n);
}

static void log_event(run *r, const wq_event *e, size_t fed_n) {
  char props[200], hex[160];
  const char *p = props_of(r, e, props, sizeof props);
  switch (e->type) {
  case WQ_EV_CONNACK:
    log_line(r, "CONNACK session=%d reason=%d%s", (e->flags & WQ_EVF_SESSION) != 0, e->reason, p);
    break;
  case WQ_EV_PUBLISH: log_publish(r, e, fed_n); break;
  case WQ_EV_PAYLOAD:
    if (r->stream_n != r->stream_total) complain(r, "the payload has %u of %u bytes", r->stream_n, r->stream_total);
    log_payload(r, r->stream_head, r->stream, r->stream_n);
    break;
  case WQ_EV_SETTLED:
    log_line(r, "SETTLED #%d %s reason=%d%s", token_ref(r, e->aux),
             WQ_EVENT_RESULT(e) ? wq_error_name(WQ_EVENT_RESULT(e)) : "ok", e->reason, p);
    break;
  case WQ_EV_SUBACK:
  case WQ_EV_UNSUBACK:
    log_line(r, "%s #%d codes=%s%s", e->type == WQ_EV_SUBACK ? "SUBACK" : "UNSUBACK", token_ref(r, e->aux),
             shown(base_of(r, e) + e->off, e->len, hex, sizeof hex), p);
    break;
  case WQ_EV_DISCONNECT: log_line(r, "DISCONNECT reason=%d%s", e->reason, p); break;
  case WQ_EV_AUTH: log_line(r, "AUTH reason=%d%s", e->reason, p); break;
  case WQ_EV_PONG: log_line(r, "PONG"); break;
  case WQ_EV_TOPIC_GONE: /* which one depends on the hash's seed */
    log_line(r, r->names[e->topic_id] ? "GONE" : "GONE, but it had no name");
    free(r->names[e->topic_id]);
    r->names[e->topic_id] = NULL;
    break;
  case WQ_EV_OVERSIZE: log_line(r, "OVERSIZE topic=%s length=%u", topic_of(r, e), e->len); break;
  case WQ_EV_RECEIVED: log_line(r, "TAKEN #%d reason=%d%s", token_ref(r, e->aux), e->reason, p); break;
  case WQ_EV_STRAY_ACK: log_line(r, "STRAY type=%u id=%d", e->aux, e->packet_id); break;
  default: complain(r, "event of type %d", e->type);
  }
}

static const char *const record_names[] = {"", "SENT", "RELEASED", "RECEIVED", "COMPLETED", "SESSION_LOST"};

/* What would have to be stored before the output leaves. */
static void drain_records(run *r) {
  size_t n;
  const wq_record *records = wq_records(r->client, &n);
  for (size_t i = 0; i < n; i++) {
    const wq_record *record = &records[i];
    char of[32] = "", packet[32] = "";
    if (record->token) snprintf(of, sizeof of, " #%d", token_ref(r, record->token));
    if (record->packet_id) snprintf(packet, sizeof packet, " packet=%d", record->packet_id);
    log_line(r, "RECORD %s%s%s", record_names[record->type], of, packet);
  }
  wq_records_done(r->client, n);
}

static void drain_output(run *r) {
  wq_output_view view;
  drain_records(r);
  for (wq_output(r->client, &view); view.len || view.token; wq_output(r->client, &view)) {
    if (r->out_n + view.len + view.payload_len > OUT_MAX) {
      complain(r, "too much output");
      exit(1);
    }
    memcpy(r->out + r->out_n, view.data, view.len);
    r->out_n += view.len;
    memset(r->out + r->out_n, 'P', view.payload_len);
    r->out_n += view.token ? view.payload_len : 0;
    wq_output_ack(r->client, view.len);
  }
}

/* After an input call: its events, then the output. */
static void drain(run *r, size_t fed_n) {
  size_t n;
  const wq_event *events = wq_events(r->client, &n);
  for (size_t i = 0; i < n; i++)
    log_event(r, &events[i], fed_n);
  drain_output(r);
}

/* Give what WQ_E_MEMORY asked for. */
static bool give_memory(run *r, int64_t got) {
  if (got != WQ_E_MEMORY || r->blocks_n == 64) return false;
  size_t n = wq_memory_wanted(r->client);
  void *block = aligned_alloc(16, (n + 15) & ~(size_t)15);
  r->blocks[r->blocks_n++] = block;
  return wq_add_memory(r->client, block, n) == 0;
}

/* Input calls until nothing is due. */
static int64_t settle(run *r, int64_t got) {
  while (got >= 0 && wq_deadline(r->client) <= r->now) {
    got = wq_tick(r->client, r->now);
    drain(r, 0);
  }
  return got;
}

static int64_t feed(run *r, const uint8_t *bytes, uint32_t n) {
  int64_t got = 0;
  while (n) {
    uint32_t skip = wq_skip(r->client);
    if (skip) {
      uint32_t part = skip < n ? skip : n;
      if (r->stream_n + part <= r->stream_total) memcpy(r->stream + r->stream_n, bytes, part);
      r->stream_n += part;
      wq_skipped(r->client, part, r->now);
      drain(r, 0);
      bytes += part;
      n -= part;
      continue;
    }
    r->fed = guard_put(r->page, bytes, n);
    got = wq_feed(r->client, r->fed, n, r->now);
    if (got < 0) {
      if (give_memory(r, got)) continue;
      drain(r, 0);
      log_line(r, "ERROR %s", wq_error_name((int)got));
      return got;
    }
    drain(r, (size_t)got);
    if (got == 0) break;
    bytes += got;
    n -= (uint32_t)got;
  }
  if (n) log_line(r, "WAITS");
  return settle(r, got);
}

static void command_in(run *r) {
  const char *text = r->line->text + 2;
  uint32_t n = script_hex(text, NULL);
  uint8_t *bytes = malloc(n + 1);
  script_hex(text, bytes);
  int64_t got = 0;
  for (uint32_t at = 0; at < n && got >= 0;) {
    uint32_t part = n - at < r->chunk ? n - at : r->chunk;
    got = feed(r, bytes + at, part);
    at += part;
  }
  free(bytes);
}

static int64_t command_connect(run *r) {
  const script_line *l = r->line;
  wq_connect_args a = {.size = sizeof a,
                       .version = (uint8_t)script_number(l, "version", 5),
                       .clean = script_number(l, "clean", 1) != 0,
                       .has_will = script_value(l, "will_topic", NULL) != NULL,
                       .will_qos = (uint8_t)script_number(l, "will_qos", 0),
                       .will_retain = script_number(l, "will_retain", 0) != 0,
                       .keep_alive = (uint16_t)script_number(l, "keep_alive", 0),
                       .connack_timeout_ms = script_number(l, "timeout", 0),
                       .client_id = script_bytes(l, "client_id"),
                       .username = script_bytes(l, "username"),
                       .password = script_bytes(l, "password"),
                       .properties = script_bytes(l, "props"),
                       .will_topic = script_bytes(l, "will_topic"),
                       .will_payload = script_bytes(l, "will_payload"),
                       .will_properties = script_bytes(l, "will_props"),
                       .receive_maximum = (uint16_t)script_number(l, "receive_max", 0)};
  return wq_connect(r->client, &a, r->now);
}

static int64_t command_publish(run *r, bool restore) {
  const script_line *l = r->line;
  wq_publish_args a = {.size = sizeof a,
                       .qos = (uint8_t)script_number(l, "qos", 0),
                       .retain = script_number(l, "retain", 0) != 0,
                       .host_payload = script_value(l, "host", NULL) != NULL,
                       .resend = (uint8_t)script_number(l, "resend", WQ_RESEND_BY_QOS),
                       .topic = script_bytes(l, "topic"),
                       .properties = script_bytes(l, "props"),
                       .payload = script_bytes(l, "payload")};
  if (a.host_payload) a.payload = (wq_bytes){NULL, script_number(l, "host", 0)};
  int64_t got;
  do
    got = restore ? wq_restore(r->client, &a, (uint16_t)script_number(l, "packet", 0),
                               script_number(l, "released", 0) != 0, r->now)
                  : wq_publish(r->client, &a, r->now);
  while (give_memory(r, got));
  return got;
}

static int64_t command_subscribe(run *r) {
  const script_line *l = r->line;
  wq_subscription subs[SCRIPT_WORDS_MAX];
  size_t n = 0;
  int at = 1;
  for (const char *filter; (filter = script_value(l, "filter", &at)) != NULL; n++) {
    script_line rest = *l; /* the options that follow this filter */
    for (int i = 1; i < at; i++)
      rest.words[i] = "";
    subs[n] = (wq_subscription){.filter = {(const uint8_t *)filter, (uint32_t)strlen(filter)},
                                .qos = (uint8_t)script_number(&rest, "qos", 0),
                                .no_local = script_number(&rest, "no_local", 0) != 0,
                                .retain_as_published = script_number(&rest, "retain_as_published", 0) != 0,
                                .retain_handling = (uint8_t)script_number(&rest, "retain_handling", 0)};
  }
  return wq_subscribe(r->client, subs, n, script_bytes(l, "props"), r->now);
}

static int64_t command_unsubscribe(run *r) {
  wq_bytes filters[SCRIPT_WORDS_MAX];
  size_t n = 0;
  int at = 1;
  for (const char *filter; (filter = script_value(r->line, "filter", &at)) != NULL; n++)
    filters[n] = (wq_bytes){(const uint8_t *)filter, (uint32_t)strlen(filter)};
  return wq_unsubscribe(r->client, filters, n, script_bytes(r->line, "props"), r->now);
}

/* The thing that "#2" names. */
static uint32_t referred(const run *r, const uint32_t *refs, int n) {
  const char *word = r->line->words_n > 1 ? r->line->words[1] : "";
  int i = word[0] == '#' ? atoi(word + 1) : 0;
  if (i < 1 || i > n) {
    complain(r, "%s names nothing", word);
    return 0;
  }
  return refs[i - 1];
}

static int64_t command_ack(run *r) {
  const uint32_t handle = referred(r, r->acks, r->acks_n);
  int64_t got;
  do
    got = wq_ack_with(r->client, handle, (uint8_t)script_number(r->line, "reason", 0), script_bytes(r->line, "props"),
                      r->now);
  while (give_memory(r, got));
  return got;
}

static void expect_log(run *r) {
  const char *want = r->line->text + 4;
  if (r->log_read == r->log_n)
    complain(r, "the log ended; wanted %s", want);
  else if (strcmp(r->log[r->log_read], want) != 0)
    complain(r, "logged %s\n  wanted %s", r->log[r->log_read], want);
  else
    check_note(true);
  if (r->log_read < r->log_n) r->log_read++;
}

static void expect_out(run *r) {
  const char *text = r->line->text + 3;
  uint32_t n = script_hex(text, NULL);
  uint8_t *want = malloc(n + 1);
  script_hex(text, want);
  bool same = n == r->out_n && memcmp(want, r->out, n) == 0;
  check_note(same);
  if (!same) {
    check_state.bad--;
    complain(r, "wrong output");
    if (check_state.bad <= CHECK_SHOWN) {
      check_dump("got ", r->out, r->out_n < 200 ? r->out_n : 200);
      check_dump("want", want, n < 200 ? n : 200);
    }
  }
  r->out_n = 0;
  free(want);
}

static void expect_deadline(run *r) {
  const char *want = r->line->words[1];
  uint64_t at = wq_deadline(r->client);
  char got[32];
  if (at == UINT64_MAX)
    strcpy(got, "never");
  else
    snprintf(got, sizeof got, "%lld", (long long)(at - r->now));
  if (strcmp(got, want) != 0) complain(r, "the deadline is %s, wanted %s", got, want);
}

static const char *const status_names[] = {"IDLE", "CONNECTING", "CONNECTED", "DISCONNECTING", "FAILED"};

/* Commands that do something; true if `name` is one. */
static bool act(run *r, const char *name) {
  int64_t got = 0;
  bool gives_token = false, input = false;
  if (strcmp(name, "connect") == 0)
    got = command_connect(r), input = got == 0;
  else if (strcmp(name, "publish") == 0)
    got = command_publish(r, false), gives_token = true;
  else if (strcmp(name, "restore") == 0)
    got = command_publish(r, true), gives_token = true;
  else if (strcmp(name, "restore_received") == 0)
    got = wq_restore_received(r->client, (uint16_t)script_number(r->line, "packet", 0));
  else if (strcmp(name, "subscribe") == 0)
    got = command_subscribe(r), gives_token = true;
  else if (strcmp(name, "unsubscribe") == 0)
    got = command_unsubscribe(r), gives_token = true;
  else if (strcmp(name, "ack") == 0)
    got = command_ack(r);
  else if (strcmp(name, "remove") == 0)
    got = wq_remove(r->client, referred(r, r->tokens, r->tokens_n));
  else if (strcmp(name, "disconnect") == 0)
    got =
        wq_disconnect(r->client, (uint8_t)script_number(r->line, "reason", 0), script_bytes(r->line, "props"), r->now);
  else if (strcmp(name, "auth") == 0)
    got = wq_auth(r->client, (uint8_t)script_number(r->line, "reason", 0), script_bytes(r->line, "props"), r->now);
  else if (strcmp(name, "accept") == 0)
    got = wq_accept(r->client, r->now);
  else if (strcmp(name, "ping") == 0)
    got = wq_ping(r->client, script_number(r->line, "timeout", 0), r->now);
  else if (strcmp(name, "alive") == 0)
    wq_alive(r->client, r->now);
  else if (strcmp(name, "hold") == 0 || strcmp(name, "go_on") == 0)
    wq_hold(r->client, *name == 'h');
  else if (strcmp(name, "lost") == 0)
    got = wq_lost(r->client, r->now), input = true;
  else if (strcmp(name, "tick") == 0)
    r->now += script_number(r->line, "ms", 0), got = wq_tick(r->client, r->now), input = true;
  else
    return false;
  if (gives_token && got > 0) r->tokens[r->tokens_n++] = (uint32_t)got;
  if (input)
    drain(r, 0);
  else
    drain_output(r);
  settle(r, 0);
  const char *want = r->line->expect ? r->line->expect : "ok";
  const char *is = got < 0 ? wq_error_name((int)got) : gives_token && got == 0 ? "sent" : "ok";
  if (strcmp(is, want) != 0) complain(r, "%s gave %s, wanted %s", name, is, want);
  return true;
}

static void begin(run *r, const script *s) {
  wq_config config;
  wq_config_init(&config);
  config.topics_max = 16;
  for (int i = 0; i < s->lines_n && strcmp(s->lines[i].words[0], "config") == 0; i++) {
    const script_line *l = &s->lines[i];
    config.events_max = script_number(l, "events_max", config.events_max);
    config.output_size = script_number(l, "output_size", config.output_size);
    config.carry_size = script_number(l, "carry_size", config.carry_size);
    config.topics_max = script_number(l, "topics_max", config.topics_max);
    config.queue_max = script_number(l, "queue_max", config.queue_max);
    config.inflight_max = script_number(l, "inflight_max", config.inflight_max);
    config.receive_max = script_number(l, "receive_max", config.receive_max);
    config.packet_size_max = script_number(l, "packet_size_max", config.packet_size_max);
    config.topic_alias_max = script_number(l, "topic_alias_max", config.topic_alias_max);
    config.stream_min = script_number(l, "stream_min", config.stream_min);
    config.topic_alias_out_max = script_number(l, "topic_alias_out_max", config.topic_alias_out_max);
    config.records_max = script_number(l, "records_max", config.records_max);
    config.publish_rate = script_number(l, "publish_rate", config.publish_rate);
  }
  size_t size = wq_client_size(&config);
  r->memory = aligned_alloc(16, size);
  r->client = wq_client_init(r->memory, size, &config);
  r->now = 1000000;
}

static void end(run *r) {
  for (int i = 0; i < r->blocks_n; i++)
    free(r->blocks[i]);
  for (int i = 0; i < r->log_n; i++)
    free(r->log[i]);
  for (int i = 0; i < NAMES_MAX; i++)
    free(r->names[i]);
  free(r->memory);
  free(r->stream);
  free(r->out);
}

static void replay(const script *s, uint32_t chunk, guard page) {
  run r = {.chunk = chunk, .page = page, .out = malloc(OUT_MAX)};
  begin(&r, s);
  if (!r.client) {
    r.line = &s->lines[0];
    complain(&r, "the config is refused");
    return;
  }
  for (int i = 0; i < s->lines_n && !check_state.bad; i++) {
    const char *name = (r.line = &s->lines[i])->words[0];
    if (strcmp(name, "log") == 0) {
      expect_log(&r);
      continue;
    }
    if (strcmp(name, "out") == 0)
      expect_out(&r);
    else if (strcmp(name, "deadline") == 0)
      expect_deadline(&r);
    else if (strcmp(name, "status") == 0) {
      if (strcmp(status_names[wq_client_status(r.client)], r.line->words[1]) != 0)
        complain(&r, "the status is %s", status_names[wq_client_status(r.client)]);
    } else {
      if (r.log_read != r.log_n) complain(&r, "not expected: %s", r.log[r.log_read]);
      r.log_read = r.log_n;
      if (strcmp(name, "in") == 0)
        command_in(&r);
      else if (strcmp(name, "config") != 0 && !act(&r, name))
        complain(&r, "no such command: %s", name);
    }
  }
  if (!check_state.bad && r.log_read != r.log_n) complain(&r, "not expected: %s", r.log[r.log_read]);
  if (!check_state.bad && r.out_n) complain(&r, "%u bytes of output not expected, the first %02X", r.out_n, r.out[0]);
  check_note(true);
  end(&r);
}

/* The longest `in`. */
static uint32_t longest(const script *s) {
  uint32_t n = 0;
  for (int i = 0; i < s->lines_n; i++)
    if (strcmp(s->lines[i].words[0], "in") == 0) {
      uint32_t m = script_hex(s->lines[i].text + 2, NULL);
      n = m > n ? m : n;
    }
  return n;
}

static void run_script(const script *s, guard page) {
  check_begin(s->title);
  uint32_t most = longest(s);
  for (uint32_t chunk = 1; chunk < most && !check_state.bad; chunk += chunk < 256 ? 1 : chunk / 3)
    replay(s, chunk, page);
  if (!check_state.bad) replay(s, WHOLE, page);
  check_end();
}

static void run_file(const char *path, guard page) {
  script_file file = script_read(path);
  for (int i = 0; i < file.scripts_n; i++) {
    run_script(&file.scripts[i], page);
    free(file.scripts[i].lines);
  }
  free(file.scripts);
}

int main(int argc, char **argv) {
  guard page = guard_make(1 << 20);
  if (argc > 1) {
    for (int i = 1; i < argc; i++)
      run_file(argv[i], page);
    return check_close();
  }
  glob_t paths;
  if (glob("tests/vectors/client/*.txt", 0, NULL, &paths) != 0) {
    puts("no vectors; run from the project's folder");
    return 2;
  }
  for (size_t i = 0; i < paths.gl_pathc; i++)
    run_file(paths.gl_pathv[i], page);
  globfree(&paths);
  return check_close();
}
