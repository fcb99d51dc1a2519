/* SPDX-License-Identifier: MIT
 * Just enough JSON: the arguments of a command, read from one flat object, and text put together within bounds. */
#ifndef FLEET_JSON_H
#define FLEET_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type { JSON_ABSENT, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

typedef struct json_value {
  enum json_type type;
  double number;
  char text[64]; /* of a string; a longer one, or one with an escape, is not accepted */
} json_value;

/* json_member - the member `name` of the flat object in bytes[0..length), or JSON_ABSENT. No bytes at all count as {}.
 * Returns false if it is not an object of strings, numbers, true, false and null. */
bool json_member(const uint8_t *bytes, size_t length, const char *name, json_value *value);

/* json_text - text that grows; `full` once something did not fit. */
typedef struct json_text {
  char bytes[1024];
  size_t length;
  bool full;
} json_text;

/* json_add - append as printf() does. What comes from outside must not go in by %s: see json_add_string(). */
void json_add(json_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* json_add_string - append a string in quotes, escaped. */
void json_add_string(json_text *text, const char *string);

#endif
