/* SPDX-License-Identifier: MIT
 * One flat JSON object, read strictly within its bytes. Commands come from strangers. */
#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cursor {
  const uint8_t *at, *end;
} cursor;

static int peek(const cursor *c) { return c->at < c->end ? *c->at : -1; }

static void skip_space(cursor *c) {
  while (peek(c) == ' ' || peek(c) == '\t' || peek(c) == '\n' || peek(c) == '\r')
    c->at++;
}

static bool take(cursor *c, char wanted) {
  skip_space(c);
  if (peek(c) != wanted) return false;
  c->at++;
  return true;
}

static bool take_word(cursor *c, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0) return false;
  c->at += length;
  return true;
}

static bool read_string(cursor *c, char *text, size_t room) {
  size_t length = 0;
  if (!take(c, '"')) return false;
  for (int byte; (byte = peek(c)) != '"'; c->at++) {
    if (byte < 0x20 || byte == '\\' || length == room - 1) return false;
    text[length++] = (char)byte;
  }
  c->at++;
  text[length] = '\0';
  return true;
}

static bool read_number(cursor *c, double *number) {
  char text[32];
  size_t length = 0;
  while (peek(c) >= 0 && strchr("+-.0123456789eE", peek(c)) && length < sizeof text - 1)
    text[length++] = (char)*c->at++;
  text[length] = '\0';
  char *end;
  *number = strtod(text, &end);
  return length > 0 && *end == '\0' && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
}

static bool read_value(cursor *c, json_value *value) {
  skip_space(c);
  if (peek(c) == '"') {
    value->type = JSON_STRING;
    return read_string(c, value->text, sizeof value->text);
  }
  if (take_word(c, "true")) return value->type = JSON_TRUE, true;
  if (take_word(c, "false")) return value->type = JSON_FALSE, true;
  if (take_word(c, "null")) return value->type = JSON_NULL, true;
  value->type = JSON_NUMBER;
  return read_number(c, &value->number);
}

bool json_member(const uint8_t *bytes, size_t length, const char *name, json_value *value) {
  value->type = JSON_ABSENT;
  if (length == 0) return true;
  cursor c = {bytes, bytes + length};
  skip_space(&c);
  if (c.at == c.end) return true;
  if (!take(&c, '{')) return false;
  if (!take(&c, '}')) {
    do {
      char member[64];
      json_value found;
      if (!read_string(&c, member, sizeof member) || !take(&c, ':') || !read_value(&c, &found)) return false;
      if (strcmp(member, name) == 0) *value = found;
    } while (take(&c, ','));
    if (!take(&c, '}')) return false;
  }
  skip_space(&c);
  return c.at == c.end;
}

void json_add(json_text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(text->bytes + text->length, sizeof text->bytes - text->length, format, arguments);
  va_end(arguments);
  if (n < 0 || (size_t)n >= sizeof text->bytes - text->length) {
    text->full = true;
    return;
  }
  text->length += (size_t)n;
}

void json_add_string(json_text *text, const char *string) {
  json_add(text, "\"");
  for (; *string; string++) {
    unsigned char c = (unsigned char)*string;
    if (c < 0x20)
      json_add(text, "\\u%04x", c);
    else
      json_add(text, c == '"' || c == '\\' ? "\\%c" : "%c", c);
  }
  json_add(text, "\"");
}
