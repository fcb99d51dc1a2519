/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory) {
  if (!memory) {
    fputs("out of memory\n", stderr);
    exit(2);
  }
  return memory;
}

static void cut(script_line *line) {
  memcpy(line->copy, line->text, sizeof line->copy);
  size_t name = strcspn(line->copy, " ");
  if (strncmp(line->copy, "in ", 3) == 0 || strncmp(line->copy, "out ", 4) == 0 || strncmp(line->copy, "log ", 4) == 0)
    line->copy[name] = 0; /* what follows is bytes or a line of the log */
  char *arrow = strstr(line->copy, " => ");
  if (arrow) {
    *arrow = 0;
    line->expect = arrow + 4;
  }
  for (char *word = strtok(line->copy, " "); word; word = strtok(NULL, " ")) {
    if (line->words_n == SCRIPT_WORDS_MAX) {
      printf("line %d: too many words\n", line->number);
      exit(2);
    }
    line->words[line->words_n++] = word;
  }
}

script_file script_read(const char *path) {
  script_file file = {0};
  FILE *in = fopen(path, "r");
  if (!in) {
    perror(path);
    exit(2);
  }
  char text[SCRIPT_LINE_MAX];
  for (int number = 1; fgets(text, sizeof text, in); number++) {
    text[strcspn(text, "\r\n")] = 0;
    if (strncmp(text, "## ", 3) == 0) {
      file.scripts = must(realloc(file.scripts, (size_t)(file.scripts_n + 1) * sizeof(script)));
      script *s = &file.scripts[file.scripts_n++];
      memset(s, 0, sizeof *s);
      snprintf(s->title, sizeof s->title, "%.250s", text + 3);
      continue;
    }
    const char *start = text + strspn(text, " ");
    if (text[0] != ' ' || !*start || *start == '#') continue; /* prose, or a comment */
    if (!file.scripts_n) {
      printf("%s:%d: a command before the first title\n", path, number);
      exit(2);
    }
    script *s = &file.scripts[file.scripts_n - 1];
    s->lines = must(realloc(s->lines, (size_t)(s->lines_n + 1) * sizeof(script_line)));
    memset(&s->lines[s->lines_n], 0, sizeof(script_line));
    s->lines[s->lines_n].number = number;
    snprintf(s->lines[s->lines_n].text, SCRIPT_LINE_MAX, "%s", start);
    s->lines_n++;
  }
  fclose(in);
  for (int i = 0; i < file.scripts_n; i++) /* only now: the lines do not move any more */
    for (int j = 0; j < file.scripts[i].lines_n; j++)
      cut(&file.scripts[i].lines[j]);
  return file;
}

const char *script_value(const script_line *line, const char *key, int *at) {
  size_t n = strlen(key);
  for (int i = at ? *at : 1; i < line->words_n; i++)
    if (strncmp(line->words[i], key, n) == 0 && line->words[i][n] == '=') {
      if (at) *at = i + 1;
      return line->words[i] + n + 1;
    }
  return NULL;
}

uint32_t script_number(const script_line *line, const char *key, uint32_t fallback) {
  const char *value = script_value(line, key, NULL);
  return value ? (uint32_t)strtoul(value, NULL, 0) : fallback;
}

static uint32_t hex_digit(char c) {
  const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);
  if (!c || !at) {
    printf("not a hex digit: '%c'\n", c);
    exit(2);
  }
  return (uint32_t)(at - digits);
}

uint32_t script_hex(const char *text, uint8_t *bytes) {
  uint32_t n = 0;
  while (*text) {
    if (*text == ' ') {
      text++;
      continue;
    }
    bool repeats = *text == '(';
    text += repeats;
    uint8_t byte = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    text += 2;
    uint32_t times = 1;
    if (repeats) {
      char *end;
      times = (uint32_t)strtoul(text + 1, &end, 10);
      text = end + 1;
    }
    if (bytes) memset(bytes + n, byte, times);
    n += times;
  }
  return n;
}

/* Bytes that were asked for, until the program ends. */
static struct kept {
  struct kept *next;
  uint8_t bytes[];
} * all_kept;

wq_bytes script_bytes(const script_line *line, const char *key) {
  const char *value = script_value(line, key, NULL);
  if (value) return (wq_bytes){(const uint8_t *)value, (uint32_t)strlen(value)};
  char hex_key[64];
  snprintf(hex_key, sizeof hex_key, "%s_hex", key);
  if (!(value = script_value(line, hex_key, NULL))) return (wq_bytes){NULL, 0};
  uint32_t n = script_hex(value, NULL);
  struct kept *kept = must(malloc(sizeof *kept + n + 1));
  kept->next = all_kept;
  all_kept = kept;
  script_hex(value, kept->bytes);
  return (wq_bytes){kept->bytes, n};
}
