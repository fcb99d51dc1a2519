/* SPDX-License-Identifier: MIT
 * libFuzzer target of SmartREST. The first two bytes choose memory and pieces, the rest is a message: however it is cut,
 * its rows and errors must be the same; what is read, then written, must be read again as it was; and no parser of a
 * topic, a type, an operation or an error may pass its bounds. */
#include "provider/smartrest.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good) {
  if (!good) abort();
}

/* memory of exactly that size, so that AddressSanitizer sees the first byte behind it */
static uint8_t *room_for(size_t size) {
  uint8_t *room = malloc(size);
  must(room != NULL || size == 0);
  return room;
}

/* what a message comes to, in one number */
typedef struct sum {
  uint64_t hash;
  uint32_t rows, errors;
} sum;

static void add(sum *s, const void *bytes, size_t length) {
  for (size_t i = 0; i < length; i++)
    s->hash = (s->hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
  s->hash = (s->hash ^ length) * UINT64_C(1099511628211);
}

/* A row that was read and can be written is read again as it was. */
static void check_again(const wq_smartrest_reader *r, uint32_t size, bool doubled) {
  static const char topic[] = "s/uc/x";
  wq_bytes fields[FIELDS_MAX];
  uint32_t room = 2 * size + 3 * FIELDS_MAX;
  uint8_t *text = room_for(room), *buffer = room_for(room);
  wq_smartrest_writer w;
  must(wq_smartrest_writer_init(&w, text, room, (wq_bytes){(const uint8_t *)topic, sizeof topic - 1}, room) == 0);
  w.doubled = doubled;
  int written = wq_smartrest_row(&w, r->fields, r->count);
  must(written == 0 || written == WQ_SMARTREST_E_TEXT || written == WQ_SMARTREST_E_BACKSLASH ||
       (written == WQ_SMARTREST_E_ID && r->fields[0].len == 0));
  if (written == 0) {
    wq_bytes rows = wq_smartrest_rows(&w), rest = rows, payload;
    must(wq_smartrest_split(&rest, rows.len, &payload) == 1 && payload.len == rows.len && rest.len == 0);
    wq_smartrest_reader again;
    wq_smartrest_reader_init(&again, buffer, room, fields, FIELDS_MAX);
    must(wq_smartrest_read(&again, &rows, true) == 1 && again.count == r->count);
    for (uint32_t i = 0; i < r->count; i++)
      must(fields[i].len == r->fields[i].len && memcmp(fields[i].data, r->fields[i].data, fields[i].len) == 0);
    must(wq_smartrest_read(&again, &rows, true) == 0);
  }
  free(text);
  free(buffer);
}

/* The fields of a row go through the table as what each kind of topic may bring. */
static void check_named(const wq_smartrest_reader *r) {
  wq_smartrest_template t;
  wq_smartrest_args a;
  wq_smartrest_arg arg;
  char said[300];
  for (uint8_t kind = WQ_SMARTREST_US; kind <= WQ_SMARTREST_E; kind++) {
    if (!wq_smartrest_find(kind, r->fields[0], &t)) continue;
    wq_smartrest_args_begin(&a, &t);
    for (uint32_t i = 1; i < r->count; i++)
      if (wq_smartrest_args_next(&a, r->fields[i], &arg)) wq_smartrest_type_fits(arg.type, r->fields[i]);
    wq_smartrest_args_missing(&a, &arg);
    wq_smartrest_get(&t, r->fields, r->count, "name", 1);
  }
  static const char *const topics[] = {"s/us", "q/us/kid", "s/ut/x"};
  for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
    uint8_t text[64];
    wq_smartrest_writer w;
    must(wq_smartrest_writer_init(&w, text, sizeof text,
                                  (wq_bytes){(const uint8_t *)topics[i], (uint32_t)strlen(topics[i])}, 50) == 0);
    for (int twice = 0; twice < 2; twice++) {
      bool good = wq_smartrest_row(&w, r->fields, r->count) == 0;
      must((wq_smartrest_describe(&w, said, sizeof said) == 0) == good);
    }
  }
}

static sum read_message(wq_bytes message, uint32_t room, uint32_t fields_room, uint32_t piece, bool first) {
  wq_bytes fields[FIELDS_MAX];
  uint8_t *buffer = room_for(room);
  wq_smartrest_reader r;
  sum s = {0};
  wq_smartrest_reader_init(&r, buffer, room, fields, fields_room);
  for (uint32_t at = 0, n; at < message.len || at == 0; at += n) {
    n = message.len - at < piece ? message.len - at : piece;
    uint8_t *copy = room_for(n);
    if (n != 0) memcpy(copy, message.data + at, n);
    wq_bytes in = {copy, n};
    for (int got; (got = wq_smartrest_read(&r, &in, at + n == message.len)) != 0;) {
      must(got == 1 ? r.count != 0 && r.count <= fields_room : r.count == 0);
      must(got == 1 || got == WQ_SMARTREST_E_QUOTE || got == WQ_SMARTREST_E_UNCLOSED || got == WQ_SMARTREST_E_ROW ||
           got == WQ_SMARTREST_E_FIELDS);
      add(&s, &got, sizeof got);
      add(&s, &r.line, sizeof r.line);
      add(&s, &r.column, sizeof r.column);
      for (uint32_t i = 0; i < r.count; i++)
        add(&s, fields[i].data, fields[i].len);
      s.rows += got == 1;
      s.errors += got < 0;
      must(s.rows + s.errors <= message.len + 1); /* each costs a byte at least */
      if (got == 1 && first) {
        check_again(&r, message.len, (s.rows & 1) != 0);
        check_named(&r);
      }
    }
    must(in.len == 0);
    free(copy);
    if (n == 0) break;
  }
  free(buffer);
  return s;
}

static void check_others(wq_bytes message) {
  wq_smartrest_topic t;
  uint8_t *back = room_for(message.len);
  if (wq_smartrest_topic_read(message, &t) == 0)
    must(wq_smartrest_topic_write(back, message.len, &t) == (int)message.len &&
         memcmp(back, message.data, message.len) == 0);
  free(back);

  wq_smartrest_sent sent = {0};
  wq_smartrest_failure f;
  uint32_t token, row;
  wq_smartrest_failure_read(message, &f);
  must(f.id.len + f.cause.len <= message.len);
  wq_smartrest_sent_add(&sent, message, 1);
  if (wq_smartrest_sent_find(&sent, f.id, &token, &row) != 0) must(token == 1 && row >= 1 && row <= sent.next);

  wq_bytes rest = message, payload;
  uint32_t max = message.len / 3 + 1;
  for (int got; (got = wq_smartrest_split(&rest, max, &payload)) != 0;)
    must(payload.len != 0 && (got == 1 ? payload.len <= max : payload.len > max));
  must(rest.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  uint32_t length = (uint32_t)size - 2;
  uint8_t *copy = room_for(length);
  if (length != 0) memcpy(copy, data + 2, length);
  wq_bytes message = {copy, length};
  uint32_t room = data[0] < 128 ? length + 1 : data[0] - 127u, fields_room = (data[1] & 31u) + 1;
  sum whole = read_message(message, room, fields_room, UINT32_MAX, true);
  sum bytes = read_message(message, room, fields_room, 1, false);
  sum pieces = read_message(message, room, fields_room, (data[1] >> 5) + 2u, false);
  must(whole.hash == bytes.hash && whole.rows == bytes.rows && whole.errors == bytes.errors);
  must(whole.hash == pieces.hash);
  check_others(message);
  free(copy);
  return 0;
}
