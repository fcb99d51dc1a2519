/* SPDX-License-Identifier: MIT
 * SmartREST rows out: quoting, the check of each row by the table, and the cutting of many rows into payloads. */
#include "smartrest.h"

#include "codec/bytes.h"
#include "codec/utf8.h"

int wq_smartrest_writer_init(wq_smartrest_writer *w, uint8_t *dst, uint32_t room, wq_bytes topic,
                             uint32_t payload_max) {
  wq_smartrest_topic t;
  if (wq_smartrest_topic_read(topic, &t) != 0 || t.kind > WQ_SMARTREST_UT) return WQ_E_TOPIC;
  *w = (wq_smartrest_writer){.dst = dst, .room = room, .payload_max = payload_max, .kind = t.kind, .mode = t.mode};
  return 0;
}

static void fail(wq_smartrest_writer *w, int error) {
  if (w->error == 0) w->error = error;
}

/* at fault is the row as such */
static void fail_row(wq_smartrest_writer *w, int error) {
  if (w->error != 0) return;
  w->position = 0;
  w->arg = (wq_smartrest_arg){0};
  w->error = error;
}

/* ---------------------------------------------------------------------------------------------------- fields */

static void put(wq_smartrest_writer *w, wq_bytes bytes) {
  if (bytes.len > w->room - w->len) {
    fail_row(w, WQ_E_FULL);
    return;
  }
  if (bytes.len != 0) memcpy(w->dst + w->len, bytes.data, bytes.len);
  w->len += bytes.len;
}

static void put_byte(wq_smartrest_writer *w, uint8_t byte) { put(w, (wq_bytes){&byte, 1}); }

static bool needs_quotes(wq_bytes value) {
  if (value.len == 0) return false;
  if (value.data[0] <= ' ' || value.data[value.len - 1] <= ' ') return true;
  for (uint32_t i = 0; i < value.len; i++)
    switch (value.data[i]) {
    case '"':
    case ',':
    case '\n':
    case '\r':
    case '\t': return true;
    default: break;
    }
  return false;
}

/* A backslash has no escape of its own. So, within quotes, one at the end would make the closing quote part of the value;
 * and where quotes are doubled, one before a quote would be taken for its escape. */
static void put_field(wq_smartrest_writer *w, wq_bytes value) {
  if (!wq_utf8_valid(value)) {
    fail(w, WQ_SMARTREST_E_TEXT);
    return;
  }
  if (!needs_quotes(value)) {
    put(w, value);
    return;
  }
  bool backslash = false;
  put_byte(w, '"');
  for (uint32_t i = 0; i < value.len && w->error == 0; i++) {
    uint8_t c = value.data[i];
    if (c == '"') {
      if (backslash && w->doubled) fail(w, WQ_SMARTREST_E_BACKSLASH);
      put_byte(w, w->doubled ? '"' : '\\');
    }
    put_byte(w, c);
    backslash = c == '\\';
  }
  if (backslash) fail(w, WQ_SMARTREST_E_BACKSLASH);
  put_byte(w, '"');
}

/* ---------------------------------------------------------------------------------------------------- rows */

static bool is_checked(const wq_smartrest_writer *w) { return w->known.pattern != NULL; }

/* Whether the id is one that could be published here. Often it is the one of the row before. */
static void judge_id(wq_smartrest_writer *w, wq_bytes id) {
  if (id.len == 0) fail(w, WQ_SMARTREST_E_ID);
  bool known = is_checked(w) && wq_bytes_equal(w->known.id, id);
  if (!known && !wq_smartrest_find(w->kind, id, &w->known) && w->kind == WQ_SMARTREST_US)
    wq_smartrest_find(WQ_SMARTREST_DS, id, &w->known);
  if (!is_checked(w)) {
    if (w->kind == WQ_SMARTREST_UT) fail(w, WQ_SMARTREST_E_ID);
    return;
  }
  uint8_t group = id.data[0];
  bool few = w->mode == WQ_SMARTREST_QUIESCENT || w->mode == WQ_SMARTREST_CEP;
  if (w->known.role != WQ_SMARTREST_PUBLISHED) fail(w, WQ_SMARTREST_E_RECEIVED);
  if (few && group != '2' && group != '4') fail(w, WQ_SMARTREST_E_MODE);
  wq_smartrest_args_begin(&w->args, &w->known);
}

int wq_smartrest_begin(wq_smartrest_writer *w, wq_bytes id) {
  w->open = true;
  w->len = w->row;
  w->error = 0;
  w->position = 0;
  w->arg = (wq_smartrest_arg){0};
  judge_id(w, id);
  if (w->len != 0) put_byte(w, '\n');
  w->key = w->len;
  put_field(w, id);
  return w->error;
}

static void judge_value(wq_smartrest_writer *w, wq_bytes value) {
  wq_smartrest_arg *arg = &w->arg;
  if (!wq_smartrest_args_next(&w->args, value, arg)) {
    fail(w, WQ_SMARTREST_E_TOO_MANY);
  } else if (value.len == 0) {
    if (arg->required) fail(w, WQ_SMARTREST_E_MISSING);
  } else if (!wq_smartrest_type_fits(arg->type, value) ||
             (arg->type == WQ_SMARTREST_API && w->args.then == NULL)) { /* an API that the method does not have */
    fail(w, WQ_SMARTREST_E_TYPE);
  }
}

int wq_smartrest_text(wq_smartrest_writer *w, wq_bytes value) {
  if (!w->open) return WQ_E_STATE;
  if (w->error != 0) return w->error;
  uint32_t position = ++w->position;
  /* Empty ones wait for one that is not: at the end of a row they are as good as left out. */
  if (is_checked(w) && value.len != 0)
    while (w->args.count != position && w->error == 0) {
      w->position = w->args.count + 1;
      judge_value(w, w->position == position ? value : (wq_bytes){(const uint8_t *)"", 0});
    }
  put_byte(w, ',');
  put_field(w, value);
  if (position == 1) w->key_len = w->len - w->key;
  return w->error;
}

/* In a collection a message id has one template of each kind. Rows are compared as they are written. */
static bool is_duplicate(const wq_smartrest_writer *w) {
  wq_bytes rows = wq_smartrest_rows(w), row;
  while (wq_smartrest_next_row(&rows, &row))
    if (row.len >= w->key_len && memcmp(row.data, w->dst + w->key, w->key_len) == 0 &&
        (row.len == w->key_len || row.data[w->key_len] == ','))
      return true;
  return false;
}

int wq_smartrest_end(wq_smartrest_writer *w) {
  if (!w->open) return WQ_E_STATE;
  w->open = false;
  if (w->error != 0) return w->error;
  uint32_t missing = is_checked(w) ? wq_smartrest_args_missing(&w->args, &w->arg) : 0;
  bool collection = w->kind == WQ_SMARTREST_UT; /* must be one payload */
  if (missing != 0) {
    w->position = missing;
    fail(w, WQ_SMARTREST_E_MISSING);
  } else if (w->len - (collection ? 0 : w->key) > w->payload_max) {
    fail_row(w, WQ_SMARTREST_E_SIZE);
  } else if (collection && is_duplicate(w)) {
    fail_row(w, WQ_SMARTREST_E_DUPLICATE);
  } else {
    w->row = w->len;
  }
  return w->error;
}

int wq_smartrest_row(wq_smartrest_writer *w, const wq_bytes *fields, uint32_t count) {
  wq_smartrest_begin(w, count != 0 ? fields[0] : (wq_bytes){NULL, 0});
  for (uint32_t i = 1; i < count; i++)
    wq_smartrest_text(w, fields[i]);
  return wq_smartrest_end(w);
}

/* ---------------------------------------------------------------------------------------------------- values */

/* at least `least` digits, before `end`; returns where they begin */
static uint8_t *digits_before(uint8_t *end, uint64_t n, unsigned least) {
  for (unsigned i = 0; i < least || n != 0; i++, n /= 10)
    *--end = (uint8_t)('0' + n % 10);
  return end;
}

int wq_smartrest_integer(wq_smartrest_writer *w, int64_t value) {
  uint8_t text[20]; /* the least one with its sign */
  uint8_t *end = text + sizeof text;
  uint8_t *at = digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
  if (value < 0) *--at = '-';
  return wq_smartrest_text(w, (wq_bytes){at, (uint32_t)(end - at)});
}

int wq_smartrest_boolean(wq_smartrest_writer *w, bool value) {
  return wq_smartrest_text(w, value ? (wq_bytes){(const uint8_t *)"true", 4} : (wq_bytes){(const uint8_t *)"false", 5});
}

/* The Gregorian calendar, from days since 0000-03-01: a year begins in March, so that a leap day is its last; eras of 400
 * years are alike. */
int wq_smartrest_date(wq_smartrest_writer *w, int64_t unix_ms) {
  const int64_t to_1970 = 62162035200000, day_ms = 86400000; /* from 0000-03-01 */
  if (unix_ms < -62167219200000 || unix_ms > 253402300799999) return WQ_E_ARG;
  uint64_t since = (uint64_t)(unix_ms + to_1970 + 146097 * day_ms); /* from an era before, so that it is positive */
  uint32_t days = (uint32_t)(since / (uint64_t)day_ms), ms = (uint32_t)(since % (uint64_t)day_ms);
  uint32_t era = days / 146097, day = days % 146097;
  uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  day -= 365 * year + year / 4 - year / 100;
  uint32_t month = (5 * day + 2) / 153; /* from March */
  day -= (153 * month + 2) / 5;
  year += (era - 1) * 400 + (month >= 10 ? 1 : 0); /* of the era before, -1: January and February make it 0 */
  uint8_t text[] = "yyyy-mm-ddThh:mm:ss.mmmZ";
  digits_before(text + 4, year, 4);
  digits_before(text + 7, month < 10 ? month + 3 : month - 9, 2);
  digits_before(text + 10, day + 1, 2);
  digits_before(text + 13, ms / 3600000, 2);
  digits_before(text + 16, ms / 60000 % 60, 2);
  digits_before(text + 19, ms / 1000 % 60, 2);
  digits_before(text + 23, ms % 1000, 3);
  return wq_smartrest_text(w, (wq_bytes){text, sizeof text - 1});
}

/* ---------------------------------------------------------------------------------------------------- many rows */

wq_bytes wq_smartrest_rows(const wq_smartrest_writer *w) { return (wq_bytes){w->dst, w->row}; }

void wq_smartrest_clear(wq_smartrest_writer *w) {
  w->row = w->len = 0;
  w->open = false;
}

bool wq_smartrest_next_row(wq_bytes *rest, wq_bytes *row) {
  const uint8_t *at = rest->data, *end = at + rest->len;
  while (at != end && *at == '\n')
    at++;
  *row = (wq_bytes){at, 0};
  bool quoted = false, first = true; /* first of its field */
  for (; at != end && (quoted || *at != '\n'); at++) {
    if (quoted && (*at == '\\' || *at == '"') && end - at > 1 && at[1] == '"')
      at++;
    else if (*at == '"' && (quoted || first))
      quoted = !quoted;
    first = !quoted && *at == ',';
  }
  row->len = (uint32_t)(at - row->data);
  *rest = (wq_bytes){at, (uint32_t)(end - at)};
  return row->len != 0;
}

int wq_smartrest_split(wq_bytes *rest, uint32_t payload_max, wq_bytes *payload) {
  wq_bytes row, left = *rest;
  *payload = (wq_bytes){NULL, 0};
  while (wq_smartrest_next_row(&left, &row)) {
    if (payload->data == NULL) payload->data = row.data;
    uint32_t len = (uint32_t)(row.data + row.len - payload->data);
    if (len > payload_max && payload->len != 0) return 1;
    payload->len = len;
    *rest = left;
    if (len > payload_max) return WQ_SMARTREST_E_SIZE;
  }
  *rest = left;
  return payload->len != 0;
}

/* ---------------------------------------------------------------------------------------------------- errors */

const char *wq_smartrest_error_text(int error) {
  switch (error) {
  case WQ_SMARTREST_E_MISSING: return "a required argument is missing";
  case WQ_SMARTREST_E_TOO_MANY: return "the template has no such argument";
  case WQ_SMARTREST_E_TYPE: return "the value does not fit";
  case WQ_SMARTREST_E_TEXT: return "the value is not UTF-8 text, or is too long";
  case WQ_SMARTREST_E_BACKSLASH:
    return "a backslash before a quote, or at the end of a value in quotes, cannot be written";
  case WQ_SMARTREST_E_RECEIVED: return "this template is received, not published";
  case WQ_SMARTREST_E_MODE: return "the modes q/ and c/ take measurements and events only";
  case WQ_SMARTREST_E_ID: return "a row must begin with the id of a template, on s/ut with 10 or 11";
  case WQ_SMARTREST_E_DUPLICATE: return "the collection has this message id already";
  case WQ_SMARTREST_E_SIZE: return "too large for one packet";
  case WQ_SMARTREST_E_QUOTE: return "a quote inside an unquoted field, or text behind a closing quote";
  case WQ_SMARTREST_E_UNCLOSED: return "a quoted field does not end";
  case WQ_SMARTREST_E_ROW: return "the row is too long to be read";
  case WQ_SMARTREST_E_FIELDS: return "the row has too many fields to be read";
  default: return "";
  }
}

/* as much as there is room for */
static void say(wq_writer *out, const void *text, uint32_t len) {
  for (uint32_t i = 0; i < len && out->at != out->end; i++)
    *out->at++ = ((const uint8_t *)text)[i];
}

static void say_text(wq_writer *out, const char *text) { say(out, text, (uint32_t)strlen(text)); }

static void say_number(wq_writer *out, uint32_t n) {
  uint8_t text[10], *end = text + sizeof text, *at = digits_before(end, n, 1);
  say(out, at, (uint32_t)(end - at));
}

uint32_t wq_smartrest_describe(const wq_smartrest_writer *w, char *dst, uint32_t room) {
  wq_writer out = wq_writer_of((uint8_t *)dst, room);
  if (w->error == 0) return 0;
  if (is_checked(w)) {
    say(&out, w->known.id.data, w->known.id.len);
    say_text(&out, " ");
    say(&out, w->known.name.data, w->known.name.len);
  } else {
    say_text(&out, "row");
  }
  if (w->position != 0) {
    say_text(&out, ", argument ");
    say_number(&out, w->position);
  }
  if (w->arg.name.len != 0) {
    say_text(&out, " (");
    say(&out, w->arg.name.data, w->arg.name.len);
    say_text(&out, ")");
  }
  say_text(&out, ": ");
  say_text(&out, w->error == WQ_E_FULL ? "no room is left for it" : wq_smartrest_error_text(w->error));
  if (w->error == WQ_SMARTREST_E_MISSING || w->error == WQ_SMARTREST_E_TYPE) {
    say_text(&out, "; wanted is ");
    say_text(&out, wq_smartrest_type_text(w->arg.type));
  }
  return (uint32_t)(out.at - (uint8_t *)dst);
}
