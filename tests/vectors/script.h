/* SPDX-License-Identifier: MIT
 * The text of a conversation vector (tests/vectors/README.md), line by line. */
#ifndef WQ_VECTORS_SCRIPT_H
#define WQ_VECTORS_SCRIPT_H

#include "wasmqtt.h"

#define SCRIPT_LINE_MAX 4096
#define SCRIPT_WORDS_MAX 64

/* One line: a command, its key=value words, and what is expected after "=>" (NULL if nothing is). */
typedef struct script_line {
  int number;
  char text[SCRIPT_LINE_MAX]; /* as it stands, without the indentation */
  char copy[SCRIPT_LINE_MAX]; /* cut into words */
  const char *words[SCRIPT_WORDS_MAX];
  int words_n;
  const char *expect;
} script_line;

typedef struct script {
  char title[256];
  script_line *lines;
  int lines_n;
} script;

typedef struct script_file {
  script *scripts;
  int scripts_n;
} script_file;

/* Read a whole file; prints what is wrong and exits on a malformed one. Lives as long as the program. */
script_file script_read(const char *path);

/* The value of `key`, from word *at on (NULL: from the first); *at is moved past it. NULL if there is none. */
const char *script_value(const script_line *line, const char *key, int *at);
uint32_t script_number(const script_line *line, const char *key, uint32_t fallback);

/* The bytes that `text` writes down: pairs of hex digits, blanks ignored, (hh*N) repeats. Returns their count; exits on
 * other text. Room for it all is the caller's (bytes NULL: only count). */
uint32_t script_hex(const char *text, uint8_t *bytes);

/* The value of `key` as bytes, from text or, where the key is followed by _hex, from hex. data NULL if there is none.
 * Lives as long as the program. */
wq_bytes script_bytes(const script_line *line, const char *key);

#endif
