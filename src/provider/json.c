/* SPDX-License-Identifier: MIT
 * JSON. A reader that failed has nothing left, so that every loop here ends by itself. */
#include "json.h"

#include "../codec/utf8.h"

static const wq_bytes nothing = {NULL, 0};

/* 0 at the end, which no part of JSON begins with */
static uint8_t peek(const wq_reader *r) { return r->at != r->end ? *r->at : 0; }

static bool take(wq_reader *r, char c) {
  if (peek(r) != (uint8_t)c) return false;
  r->at++;
  return true;
}

static void expect(wq_reader *r, char c) {
  if (!take(r, c)) wq_reader_fail(r);
}

static void skip_space(wq_reader *r) {
  while (take(r, ' ') || take(r, '\t') || take(r, '\n') || take(r, '\r'))
    ;
}

/* ------------------------------------------------------------------------------------------------ strings */

static uint32_t read_hex(wq_reader *r) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) {
    uint8_t c = wq_read_u8(r), letter = (uint8_t)((c | 0x20) - 'a');
    if ((uint8_t)(c - '0') > 9 && letter > 5) wq_reader_fail(r);
    value = value << 4 | ((uint8_t)(c - '0') < 10 ? c - (uint32_t)'0' : letter + 10u);
  }
  return value;
}

/* Past one character of a string: what it stands for in the result; an escape as its code, bytes as they are. */
static uint32_t read_character(wq_reader *r, bool *escaped) {
  static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  uint8_t c = wq_read_u8(r);
  *escaped = c == '\\';
  if (c < 0x20) wq_reader_fail(r);
  if (c != '\\') return c;
  c = wq_read_u8(r);
  if (c == 'u') return read_hex(r);
  const char *at = c != 0 ? strchr(escapes, c) : NULL;
  if (at != NULL) return (uint8_t)meanings[at - escapes];
  wq_reader_fail(r);
  return 0;
}

/* Behind the opening quote; to behind the closing one. */
static void skip_string(wq_reader *r) {
  bool escaped;
  while (!r->failed && !take(r, '"'))
    read_character(r, &escaped);
}

static void write_code(wq_writer *w, uint32_t code) {
  if (code < 0x80) {
    wq_write_u8(w, (uint8_t)code);
    return;
  }
  uint32_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  wq_write_u8(w, (uint8_t)(0xFF00u >> (more + 1) | code >> 6 * more));
  while (more-- != 0)
    wq_write_u8(w, (uint8_t)(0x80 | (code >> 6 * more & 0x3F)));
}

/* What stands between quotes, decoded. A surrogate on its own becomes three bytes that are not UTF-8, for the caller to
 * see. */
static void write_decoded(wq_writer *w, wq_bytes inside) {
  wq_reader r = wq_reader_of(inside);
  bool escaped;
  while (r.at != r.end) {
    uint32_t code = read_character(&r, &escaped);
    if (!escaped) {
      wq_write_u8(w, (uint8_t)code);
      continue;
    }
    wq_reader ahead = r;
    if (code >> 10 == 0x36 && take(&ahead, '\\') && take(&ahead, 'u')) {
      uint32_t low = read_hex(&ahead);
      if (low >> 10 == 0x37) {
        code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
        r = ahead;
      }
    }
    write_code(w, code);
  }
  if (r.failed) wq_writer_fail(w);
}

static wq_bytes inside(wq_bytes string) {
  if (string.len < 2 || string.data[0] != '"') return nothing;
  return (wq_bytes){string.data + 1, string.len - 2};
}

int32_t wq_json_text(wq_bytes value, uint8_t *dst, uint32_t room) {
  wq_writer w = wq_writer_of(dst, room);
  wq_bytes text = inside(value);
  if (text.data == NULL) return -1;
  write_decoded(&w, text);
  text = (wq_bytes){dst, (uint32_t)(w.at - dst)};
  return !w.failed && wq_utf8_valid(text) ? (int32_t)text.len : -1;
}

static bool says(wq_bytes text, const char *wanted, uint32_t length) {
  uint8_t decoded[64];
  wq_writer w = wq_writer_of(decoded, sizeof decoded);
  if (text.data == NULL) return false;
  write_decoded(&w, text);
  return !w.failed &&
         wq_bytes_equal((wq_bytes){decoded, (uint32_t)(w.at - decoded)}, (wq_bytes){(const uint8_t *)wanted, length});
}

bool wq_json_is(wq_bytes value, const char *text) { return says(inside(value), text, (uint32_t)strlen(text)); }

/* ------------------------------------------------------------------------------------------------ values */

static void skip_digits(wq_reader *r) {
  if ((uint8_t)(peek(r) - '0') > 9) wq_reader_fail(r);
  while ((uint8_t)(peek(r) - '0') < 10)
    r->at++;
}

static void skip_number(wq_reader *r) {
  take(r, '-');
  if (!take(r, '0')) skip_digits(r);
  if (take(r, '.')) skip_digits(r);
  if (take(r, 'e') || take(r, 'E')) {
    if (!take(r, '+')) take(r, '-');
    skip_digits(r);
  }
}

static void skip_word(wq_reader *r, const char *word) {
  while (*word != '\0')
    expect(r, *word++);
}

static void skip_value(wq_reader *r, uint32_t depth);

/* One member or element: the name, of an object, and where the value begins. The reader goes behind it. */
static const uint8_t *skip_member(wq_reader *r, bool object, uint32_t depth, wq_bytes *name) {
  skip_space(r);
  if (object) {
    expect(r, '"');
    const uint8_t *start = r->at;
    skip_string(r);
    if (!r->failed) *name = (wq_bytes){start, (uint32_t)(r->at - start) - 1};
    skip_space(r);
    expect(r, ':');
    skip_space(r);
  }
  const uint8_t *value = r->at;
  skip_value(r, depth);
  return value;
}

static void skip_members(wq_reader *r, bool object, uint32_t depth) {
  const char close = object ? '}' : ']';
  wq_bytes name;
  if (depth > WQ_JSON_DEPTH_MAX) wq_reader_fail(r);
  skip_space(r);
  if (take(r, close)) return;
  do {
    skip_member(r, object, depth, &name);
    skip_space(r);
  } while (take(r, ','));
  expect(r, close);
}

static void skip_value(wq_reader *r, uint32_t depth) {
  switch (peek(r)) {
  case '{':
  case '[': {
    const bool object = *r->at++ == '{';
    skip_members(r, object, depth + 1);
    return;
  }
  case '"': r->at++, skip_string(r); return;
  case 't': skip_word(r, "true"); return;
  case 'f': skip_word(r, "false"); return;
  case 'n': skip_word(r, "null"); return;
  default: skip_number(r);
  }
}

wq_bytes wq_json_read(wq_bytes text) {
  wq_reader r = wq_reader_of(text);
  skip_space(&r);
  const uint8_t *start = r.at;
  skip_value(&r, 0);
  const wq_bytes value = {start, (uint32_t)(r.at - start)};
  skip_space(&r);
  return r.failed || r.at != r.end ? nothing : value;
}

static wq_bytes member(wq_bytes value, const char *name, uint32_t length) {
  wq_reader r = wq_reader_of(value);
  wq_bytes found = nothing, each = nothing;
  if (!take(&r, '{')) return nothing;
  do {
    const uint8_t *start = skip_member(&r, true, 0, &each);
    if (!r.failed && says(each, name, length)) found = (wq_bytes){start, (uint32_t)(r.at - start)};
    skip_space(&r);
  } while (take(&r, ','));
  return found;
}

wq_bytes wq_json_get(wq_bytes value, const char *path) {
  for (;;) {
    const char *end = strchr(path, '.');
    value = member(value, path, end != NULL ? (uint32_t)(end - path) : (uint32_t)strlen(path));
    if (end == NULL) return value;
    path = end + 1;
  }
}

bool wq_json_number(wq_bytes value, uint64_t *number) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < value.len; i++) {
    uint32_t digit = value.data[i] - (uint32_t)'0';
    if (digit > 9 || i == 16) return false;
    n = n * 10 + digit;
  }
  *number = n;
  return value.len != 0 && n < UINT64_C(1) << 53;
}

void wq_json_write(wq_writer *w, wq_bytes text) {
  static const char hex[] = "0123456789abcdef";
  wq_write_u8(w, '"');
  for (uint32_t i = 0; i < text.len; i++) {
    const uint8_t c = text.data[i];
    if (c < 0x20) {
      const uint8_t escape[] = {'\\', 'u', '0', '0', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15]};
      wq_write_bytes(w, (wq_bytes){escape, sizeof escape});
      continue;
    }
    if (c == '"' || c == '\\') wq_write_u8(w, '\\');
    wq_write_u8(w, c);
  }
  wq_write_u8(w, '"');
}
