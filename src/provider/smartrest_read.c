/* SPDX-License-Identifier: MIT
 * SmartREST rows in. Bytes of a row are kept as they came until the row is whole, and its fields are then unquoted where
 * they lie: so a row that turns out to be malformed can be read again from its second line on. */
#include "smartrest.h"

#include "codec/bytes.h"

enum state {
  START,  /* of a field */
  PLAIN,  /* in a field without quotes */
  QUOTED, /* in a field with quotes */
  ESCAPE, /* behind a backslash there */
  CLOSED, /* behind a quote there, which is the last one unless another follows */
  RETURN  /* behind a CR behind that: only LF may follow */
};

/* What is done with the bytes of a row that cannot be had. */
enum skip {
  NOTHING,
  REST_OF_ROW, /* it is too long: pass over it, quotes and all */
  REST_OF_LINE /* it is malformed: pass over its first line */
};

/* The next byte begins a row. */
static void begin_row(wq_smartrest_reader *r) {
  r->base = r->scanned;
  r->row_line = r->now_line;
  r->state = START;
  r->skip = NOTHING;
}

static void begin_message(wq_smartrest_reader *r) {
  r->base = r->scanned = r->len = 0;
  r->now_line = r->now_column = 1;
  begin_row(r);
}

void wq_smartrest_reader_init(wq_smartrest_reader *r, uint8_t *buffer, uint32_t room, wq_bytes *fields,
                              uint32_t fields_room) {
  *r = (wq_smartrest_reader){.buffer = buffer, .room = room, .fields = fields, .fields_room = fields_room};
  begin_message(r);
}

static int at_place(wq_smartrest_reader *r, int result, uint32_t line, uint32_t column) {
  r->line = line;
  r->column = column;
  return result;
}

/* ---------------------------------------------------------------------------------------------------- fields */

/* Unquote a field where it lies; returns what is behind it. It is known to be well-formed. */
static uint8_t *unquote(uint8_t *at, const uint8_t *end, wq_bytes *field) {
  uint8_t *to = at;
  *field = (wq_bytes){at, 0};
  if (at != end && *at == '"') {
    for (at++;; *to++ = *at++) {
      bool before_quote = end - at > 1 && at[1] == '"';
      if (before_quote && (*at == '\\' || *at == '"'))
        at++;
      else if (*at == '"')
        break;
    }
    at++;
  } else {
    while (at != end && *at != ',')
      at++;
    to = at;
  }
  field->len = (uint32_t)(to - field->data);
  return at;
}

/* the row that is whole; 0 if it is empty */
static int take_row(wq_smartrest_reader *r) {
  uint8_t *at = r->buffer + r->base, *end = r->buffer + r->scanned;
  if (at != end && end[-1] == '\r') end--;
  if (at == end) return 0;
  for (;;) {
    if (r->count == r->fields_room) {
      r->count = 0;
      return at_place(r, WQ_SMARTREST_E_FIELDS, r->row_line, 1);
    }
    at = unquote(at, end, &r->fields[r->count++]);
    if (at == end) return at_place(r, 1, r->row_line, 1);
    at++; /* the comma */
  }
}

/* ---------------------------------------------------------------------------------------------------- rows */

enum verdict { GOES_ON, ENDS, MALFORMED };

/* what a byte does to the row */
static enum verdict judge(wq_smartrest_reader *r, uint8_t c) {
  switch (r->state) {
  case QUOTED: r->state = c == '\\' ? ESCAPE : c == '"' ? CLOSED : QUOTED; return GOES_ON;
  case ESCAPE: r->state = c == '\\' ? ESCAPE : QUOTED; return GOES_ON;
  case RETURN: return c == '\n' ? ENDS : MALFORMED;
  default: break;
  }
  if (c == '\n') return ENDS;
  if (c == ',') {
    r->state = START;
  } else if (r->state == START) {
    r->state = c == '"' ? QUOTED : PLAIN;
    r->quote_line = r->now_line;
    r->quote_column = r->now_column;
  } else if (r->state == CLOSED && c == '"') {
    r->state = QUOTED;
  } else if (r->state == CLOSED && c == '\r') {
    r->state = RETURN;
  } else if (r->state == CLOSED || c == '"') {
    return MALFORMED;
  }
  return GOES_ON;
}

/* Go on behind the first line of a malformed row. Returns the error, or 0 if the row had one before. */
static int drop_line(wq_smartrest_reader *r, int error, uint32_t line, uint32_t column) {
  bool silent = r->skip != NOTHING;
  uint32_t feed = r->base;
  while (feed != r->scanned && r->buffer[feed] != '\n')
    feed++;
  if (feed != r->scanned) {
    r->scanned = feed + 1;
    r->now_line = r->row_line + 1;
    r->now_column = 1;
    begin_row(r);
  } else {
    r->base = r->scanned;
    r->skip = REST_OF_LINE;
  }
  return silent ? 0 : at_place(r, error, line, column);
}

/* Keep a byte of the row; false if there is no room. */
static bool keep(wq_smartrest_reader *r, uint8_t c) {
  if (r->len == r->room) {
    if (r->base == 0) return false;
    memmove(r->buffer, r->buffer + r->base, r->len - r->base);
    r->len -= r->base;
    r->scanned = r->len;
    r->base = 0;
  }
  r->buffer[r->len++] = c;
  r->scanned = r->len;
  return true;
}

static int end_message(wq_smartrest_reader *r) {
  int result = 0;
  if (r->skip == NOTHING && (r->state == QUOTED || r->state == ESCAPE))
    return drop_line(r, WQ_SMARTREST_E_UNCLOSED, r->quote_line, r->quote_column);
  if (r->skip == NOTHING) result = take_row(r);
  if (result == 0)
    begin_message(r);
  else
    begin_row(r);
  return result;
}

int wq_smartrest_read(wq_smartrest_reader *r, wq_bytes *in, bool last) {
  r->count = 0;
  int result = 0;
  while (result == 0) {
    bool again = r->scanned != r->len; /* a byte that was read before, in a row that was malformed */
    if (!again && in->len == 0) return last ? end_message(r) : 0;
    uint8_t c = again ? r->buffer[r->scanned] : *in->data;
    enum verdict verdict = r->skip != REST_OF_LINE ? judge(r, c) : c == '\n' ? ENDS : GOES_ON;
    if (verdict == MALFORMED) {
      result = drop_line(r, WQ_SMARTREST_E_QUOTE, r->now_line, r->now_column);
      continue;
    }
    if (verdict == ENDS && r->skip == NOTHING) result = take_row(r);
    if (again)
      r->scanned++;
    else
      *in = (wq_bytes){in->data + 1, in->len - 1};
    r->now_column = c == '\n' ? 1 : r->now_column + 1;
    r->now_line += c == '\n';
    if (verdict == ENDS) {
      begin_row(r);
    } else if (!again && r->skip == NOTHING && !keep(r, c)) {
      r->scanned = r->len = 0;
      r->skip = REST_OF_ROW;
      result = at_place(r, WQ_SMARTREST_E_ROW, r->row_line, 1);
    }
  }
  return result;
}
