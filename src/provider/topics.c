/* SPDX-License-Identifier: MIT
 * Topics, from the table that each service's file has. A row makes topics, reads them, and makes the filter for them:
 *
 *   kind direction ['!'] pattern LF
 *
 * kind       one character of KINDS
 * direction  '>' from devices, and operators subscribe to it; ')' from devices; '<' to devices, which subscribe to it;
 *            '(' to devices, which need not or cannot
 * '!'        its filter is only for a seat without scope
 * pattern    %d device, %s scope, %n name, %r request, each one level or the beginning of one; %N name, to the end;
 *            %c status; %+ and %- mean status 200 and 400 and stand for nothing; %b a property bag, to the end; %q a bag
 *            behind '?', with the request as its $rid; '|' the filter ends here with #
 *
 * Of a kind's rows the first whose parts are there is taken. */
#include "service.h"

#include "../codec/topic.h"

#define KINDS "OTERrGSDdCANJUuXQPq" /* in the order of enum wq_topic_kind */

typedef struct topic_row {
  uint8_t kind;
  bool outward; /* from devices */
  bool subscribed;
  bool unscoped;
  const char *pattern; /* ends with a line feed */
} topic_row;

static const char *rows_of(const wq_seat *seat) {
  const wq_service_def *def = wq_service_def_at(seat->service);
  return def != NULL ? def->topics : "";
}

/* The row that begins at *at, which moves behind it; false after the last. */
static bool next_row(const char **at, topic_row *row) {
  const char *text = *at;
  if (*text == '\0') return false;
  const char direction = text[1];
  row->kind = (uint8_t)(strchr(KINDS, text[0]) - KINDS);
  row->outward = direction == '>' || direction == ')';
  row->subscribed = direction == '>' || direction == '<';
  row->unscoped = text[2] == '!';
  row->pattern = text + (row->unscoped ? 3 : 2);
  *at = strchr(text, '\n') + 1;
  return true;
}

/* The part of a topic that a letter of a pattern means; NULL for those that are none. */
static wq_bytes *part_of(wq_topic *t, char letter) {
  switch (letter) {
  case 'd': return &t->device;
  case 's': return &t->scope;
  case 'n':
  case 'N': return &t->name;
  case 'r': return &t->request;
  default: return NULL;
  }
}

/* What a part cannot hold: a scope that a pattern begins with may be several levels, as may what goes on to the end. */
static const char *forbidden(char letter, bool first) {
  return letter == 'N' || (letter == 's' && first) ? "+#" : "/+#";
}

static bool has(wq_bytes text, const char *characters) {
  for (uint32_t i = 0; i < text.len; i++)
    if (text.data[i] == 0 || strchr(characters, text.data[i]) != NULL) return true;
  return false;
}

/* ------------------------------------------------------------------------------------------------ to a topic */

static void write_request(wq_writer *w, const wq_topic *t) {
  if (t->request.len != 0) {
    wq_write_bytes(w, WQ_TEXT("?$rid="));
    wq_write_bytes(w, t->request);
  }
  if (t->bag.len != 0) wq_write_u8(w, t->request.len != 0 ? '&' : '?');
  wq_write_bytes(w, t->bag);
}

/* WQ_TOPIC_E_KIND: a part that the pattern needs is not there */
static int write_row(const char *pattern, const wq_topic *t, wq_writer *w) {
  wq_topic parts = *t;
  const char *const start = pattern;
  for (; *pattern != '\n'; pattern++) {
    if (*pattern != '%') {
      if (*pattern != '|') wq_write_u8(w, (uint8_t)*pattern);
      continue;
    }
    const char letter = *++pattern;
    const wq_bytes *part = part_of(&parts, letter);
    if (part != NULL) {
      if (part->len == 0) return WQ_TOPIC_E_KIND;
      if (has(*part, forbidden(letter, pattern == start + 1))) return WQ_TOPIC_E_PART;
      wq_write_bytes(w, *part);
    } else if (letter == 'c') {
      if (t->status == 0) return WQ_TOPIC_E_KIND;
      wq_write_number(w, t->status);
    } else if (letter == '+' || letter == '-') {
      if ((t->status >= 400) != (letter == '-')) return WQ_TOPIC_E_KIND;
    } else if (letter == 'b' || letter == 'q') {
      if (has(t->bag, "/+#") || has(t->request, "/+#&")) return WQ_TOPIC_E_PART;
      if (letter == 'q')
        write_request(w, t);
      else
        wq_write_bytes(w, t->bag);
    }
  }
  return 0;
}

int32_t wq_topic_build(const wq_seat *seat, const wq_topic *parts, uint8_t *dst, uint32_t room) {
  wq_topic t = *parts;
  const char *at = rows_of(seat);
  topic_row row;
  if (t.device.len == 0) t.device = seat->device;
  if (t.scope.len == 0) t.scope = seat->scope;
  while (next_row(&at, &row)) {
    if (row.kind != t.kind) continue;
    wq_writer w = wq_writer_of(dst, room);
    int error = write_row(row.pattern, &t, &w);
    if (error == WQ_TOPIC_E_KIND) continue;
    if (error != 0) return error;
    if (w.failed) return WQ_TOPIC_E_ROOM;
    wq_bytes topic = {dst, (uint32_t)(w.at - dst)};
    return wq_topic_name_valid(topic) ? (int32_t)topic.len : WQ_TOPIC_E_PART;
  }
  return WQ_TOPIC_E_KIND;
}

/* ------------------------------------------------------------------------------------------------ from a topic */

static wq_bytes take(wq_bytes *from, uint32_t length) {
  wq_bytes taken = {from->data, length};
  if (length == 0) return taken; /* data may be NULL */
  *from = (wq_bytes){from->data + length, from->len - length};
  return taken;
}

/* How much of the level that begins here a part is: what the pattern goes on with ends the level. */
static uint32_t part_length(wq_bytes topic, const char *pattern) {
  uint32_t level = 0, behind = 0;
  while (level < topic.len && topic.data[level] != '/')
    level++;
  while (pattern[behind] != '/' && pattern[behind] != '\n')
    behind++;
  if (level <= behind || memcmp(topic.data + level - behind, pattern, behind) != 0) return 0;
  return level - behind;
}

/* the value of $rid in a bag */
static wq_bytes request_in(wq_bytes bag) {
  uint32_t at;
  if (!wq_text_find(bag, "$rid=", &at) || (at != 0 && bag.data[at - 1] != '&')) return (wq_bytes){NULL, 0};
  take(&bag, at + 5);
  for (uint32_t i = 0; i < bag.len; i++)
    if (bag.data[i] == '&') bag.len = i;
  return bag;
}

static bool read_part(const wq_seat *seat, const char *pattern, wq_bytes *topic, wq_topic *t) {
  const char letter = pattern[0];
  wq_bytes *part = part_of(t, letter);
  const wq_bytes own = letter == 'd' ? seat->device : letter == 's' ? seat->scope : (wq_bytes){NULL, 0};
  uint32_t length = letter == 'N' ? topic->len : part_length(*topic, pattern + 1);
  uint32_t number;
  if (own.len != 0) {
    length = own.len;
    if (topic->len < length || memcmp(topic->data, own.data, length) != 0) return false;
  }
  wq_bytes value = take(topic, length);
  if (length == 0) return false;
  if (part != NULL) {
    *part = value;
    return true;
  }
  if (length > 3 || !wq_text_number(value, &number)) return false;
  t->status = (uint16_t)number;
  return true;
}

static bool read_row(const wq_seat *seat, const char *pattern, wq_bytes topic, wq_topic *t) {
  for (; *pattern != '\n'; pattern++) {
    if (*pattern == '|') continue;
    if (*pattern != '%') {
      if (topic.len == 0 || take(&topic, 1).data[0] != (uint8_t)*pattern) return false;
      continue;
    }
    switch (*++pattern) {
    case '+': t->status = 200; break;
    case '-': t->status = 400; break;
    case 'b':
    case 'q':
      if (topic.len != 0 && topic.data[0] == '?') take(&topic, 1);
      t->bag = take(&topic, topic.len);
      if (*pattern == 'q') t->request = request_in(t->bag);
      break;
    default:
      if (!read_part(seat, pattern, &topic, t)) return false;
    }
  }
  return topic.len == 0;
}

static int read_topic(const wq_seat *seat, bool outward, wq_bytes topic, wq_topic *parts) {
  const char *at = rows_of(seat);
  topic_row row;
  while (next_row(&at, &row)) {
    if (row.outward != outward) continue;
    *parts = (wq_topic){.kind = row.kind};
    if (read_row(seat, row.pattern, topic, parts)) return 0;
  }
  *parts = (wq_topic){0};
  return WQ_TOPIC_E_KIND;
}

int wq_topic_read(const wq_seat *seat, wq_bytes topic, wq_topic *parts) {
  return read_topic(seat, seat->device.len == 0, topic, parts);
}

bool wq_topic_known(const wq_seat *seat, bool own, wq_bytes topic, wq_topic *parts) {
  const wq_seat anybody = {seat->service, {NULL, 0}, {NULL, 0}};
  return read_topic(own ? seat : &anybody, true, topic, parts) == 0;
}

/* ------------------------------------------------------------------------------------------------ filters */

/* WQ_TOPIC_E_KIND: not for this seat */
static int write_filter(const wq_seat *seat, const char *pattern, wq_writer *w) {
  const char *const start = pattern;
  for (; *pattern != '\n'; pattern++) {
    if (*pattern == '|') break;
    if (*pattern != '%') {
      wq_write_u8(w, (uint8_t)*pattern);
      continue;
    }
    const char letter = *++pattern;
    if (letter == '+' || letter == '-') continue;
    if (strchr("Nbq", letter) != NULL) break;
    const wq_bytes own = letter == 'd' ? seat->device : letter == 's' ? seat->scope : (wq_bytes){NULL, 0};
    if (letter == 's' && own.len == 0) return WQ_TOPIC_E_KIND;
    if (has(own, forbidden(letter, pattern == start + 1))) return WQ_TOPIC_E_PART;
    wq_write_bytes(w, own.len != 0 ? own : WQ_TEXT("+"));
    while (own.len == 0 && pattern[1] != '/' && pattern[1] != '\n')
      pattern++;
  }
  if (*pattern != '\n') wq_write_u8(w, '#');
  return 0;
}

int32_t wq_topic_filter(const wq_seat *seat, uint32_t kinds, uint32_t index, uint8_t *dst, uint32_t room) {
  const char *at = rows_of(seat);
  topic_row row;
  while (next_row(&at, &row)) {
    const bool outward = seat->device.len == 0;
    if (!row.subscribed || row.outward != outward || (kinds & WQ_TOPIC_BIT(row.kind)) == 0) continue;
    if (row.unscoped && seat->scope.len != 0) continue;
    wq_writer w = wq_writer_of(dst, room);
    int error = write_filter(seat, row.pattern, &w);
    if (error == WQ_TOPIC_E_KIND) continue;
    if (error != 0) return error;
    if (index-- != 0) continue;
    if (w.failed) return WQ_TOPIC_E_ROOM;
    const wq_bytes filter = {dst, (uint32_t)(w.at - dst)};
    return wq_topic_filter_valid(filter) ? (int32_t)filter.len
                                         : WQ_TOPIC_E_PART; /* a seat's scope may begin with "$share/" */
  }
  return 0;
}

/* Where the service has any level, a filter may have a certain one; what ends with # has to end so. */
static bool filter_fits(wq_bytes made, wq_bytes filter) {
  while (made.len != 0 && filter.len != 0) {
    const bool any = made.data[0] == '+';
    if (!any && made.data[0] != filter.data[0]) return false;
    take(&made, 1);
    take(&filter, 1);
    while (any && filter.len != 0 && filter.data[0] != '/')
      take(&filter, 1);
  }
  return made.len == filter.len;
}

bool wq_filter_known(const wq_seat *seat, wq_bytes filter) {
  const char *at = rows_of(seat);
  topic_row row;
  uint8_t made[512];
  while (next_row(&at, &row)) {
    wq_writer w = wq_writer_of(made, sizeof made);
    if (row.outward || write_filter(seat, row.pattern, &w) != 0 || w.failed) continue;
    if (filter_fits((wq_bytes){made, (uint32_t)(w.at - made)}, filter)) return true;
  }
  return false;
}

/* ------------------------------------------------------------------------------------------------ property bags */

int wq_bag_write(uint8_t *dst, uint32_t room, uint32_t *length, wq_bytes name, wq_bytes value) {
  wq_writer w = {dst + *length, dst + room, false};
  if (*length != 0) wq_write_u8(&w, '&');
  wq_write_encoded(&w, name);
  if (value.data != NULL) wq_write_u8(&w, '=');
  wq_write_encoded(&w, value);
  if (w.failed) return WQ_TOPIC_E_ROOM;
  *length = (uint32_t)(w.at - dst);
  return 0;
}

static uint32_t hex_value(uint8_t c) {
  uint32_t letter = (c | 0x20u) - 'a';
  return (uint8_t)(c - '0') < 10 ? (uint32_t)(c - '0') : letter < 6 ? letter + 10 : 16;
}

static int write_decoded(wq_writer *w, wq_bytes text, wq_bytes *decoded) {
  const uint8_t *start = w->at;
  for (uint32_t i = 0; i < text.len; i++) {
    uint8_t c = text.data[i];
    if (c == '%') {
      if (text.len - i < 3) return WQ_TOPIC_E_BAG;
      uint32_t high = hex_value(text.data[i + 1]), low = hex_value(text.data[i + 2]);
      if (high > 15 || low > 15) return WQ_TOPIC_E_BAG;
      c = (uint8_t)(high << 4 | low);
      i += 2;
    }
    wq_write_u8(w, c);
  }
  *decoded = (wq_bytes){start, (uint32_t)(w->at - start)};
  return w->failed ? WQ_TOPIC_E_ROOM : 0;
}

int wq_bag_read(wq_bytes *bag, uint8_t *dst, uint32_t room, wq_bytes *name, wq_bytes *value) {
  if (bag->len == 0) return 0;
  uint32_t end = 0, equals;
  while (end < bag->len && bag->data[end] != '&')
    end++;
  wq_bytes rest = *bag, property = take(&rest, end), text = {NULL, 0};
  if (rest.len != 0) take(&rest, 1);
  const bool pair = wq_text_find(property, "=", &equals);
  wq_bytes key = property;
  if (pair) {
    text = property;
    key = take(&text, equals);
    take(&text, 1);
  }
  wq_writer w = wq_writer_of(dst, room);
  int error = write_decoded(&w, key, name);
  *value = (wq_bytes){NULL, 0};
  if (error == 0 && pair) error = write_decoded(&w, text, value);
  if (error != 0) return error;
  *bag = rest;
  return 1;
}
