/* SPDX-License-Identifier: MIT
 * SmartREST for tests in another language: a command a line on the standard input, its answer a line of JSON on the
 * standard output. Bytes are in hex, "-" is none of them.
 *
 *   read BYTES...                      rows of a message that comes in these pieces. Each row is the list of its fields;
 *                                      an error is [number, line, column]
 *   write TOPIC MAX FORM FIELD,...     rows, each of them its fields with commas between. MAX: bytes of a payload;
 *                                      FORM: "escaped" or "doubled". Gives "results" of each row (0, or the error), what
 *                                      "describe" says of each, and the "payloads" of all
 *   named KIND BYTES                   one row, by the table of topic KIND: its "name", and "args" as [name, round, value]
 *   list                               all templates: [id, kind, role, name, args], args as [name, type, required, repeats] */
#include "../unit/guard.h"

#include "provider/smartrest.h"

#define FIELDS_ROOM 4096

static guard input, row;
static wq_bytes fields[FIELDS_ROOM];

static void refuse(const char *what) {
  fprintf(stderr, "smartrest_probe: %s\n", what);
  exit(2);
}

/* hex where it stands; returns its length in bytes */
static uint32_t unhex(char *text) {
  uint32_t n = 0;
  unsigned byte;
  if (strcmp(text, "-") == 0) return 0;
  for (const char *at = text; *at != '\0'; at += 2) {
    if (sscanf(at, "%2x", &byte) != 1) refuse("not hex");
    text[n++] = (char)byte;
  }
  return n;
}

static void print_hex(wq_bytes bytes) {
  putchar('"');
  for (uint32_t i = 0; i < bytes.len; i++)
    printf("%02x", bytes.data[i]);
  putchar('"');
}

static void print_name(wq_bytes name) { printf("\"%.*s\"", (int)name.len, (const char *)name.data); }

static wq_smartrest_reader new_reader(void) {
  wq_smartrest_reader r;
  wq_smartrest_reader_init(&r, row.start, (uint32_t)(row.end - row.start), fields, FIELDS_ROOM);
  return r;
}

static void do_read(char *pieces) {
  wq_smartrest_reader r = new_reader();
  const char *separator = "";
  putchar('[');
  for (char *piece = strtok(pieces, " "), *next; piece != NULL; piece = next) {
    next = strtok(NULL, " ");
    uint32_t length = unhex(piece);
    wq_bytes in = {guard_put(input, piece, length), length};
    for (int got; (got = wq_smartrest_read(&r, &in, next == NULL)) != 0; separator = ",") {
      printf("%s[", separator);
      if (got < 0) printf("%d,%u,%u", got, r.line, r.column);
      for (uint32_t i = 0; i < r.count; i++) {
        if (i != 0) putchar(',');
        print_hex(r.fields[i]);
      }
      putchar(']');
    }
  }
  puts("]");
}

static void do_write(char *arguments) {
  char *save, *topic = strtok_r(arguments, " ", &save), *max = strtok_r(NULL, " ", &save);
  char *form = strtok_r(NULL, " ", &save), text[256];
  uint32_t payload_max = (uint32_t)strtoul(max, NULL, 10), length = unhex(topic);
  wq_smartrest_writer w;
  const char *separator = "";
  int made = wq_smartrest_writer_init(&w, row.start, (uint32_t)(row.end - row.start),
                                      (wq_bytes){guard_put(input, topic, length), length}, payload_max);
  if (made != 0) {
    printf("{\"init\":%d}\n", made);
    return;
  }
  w.doubled = strcmp(form, "doubled") == 0;
  printf("{\"results\":[");
  for (char *line; (line = strtok_r(NULL, " ", &save)) != NULL; separator = ",") {
    uint32_t count = 0;
    for (char *at = line, *end; at != NULL; at = end) {
      end = strchr(at, ',');
      if (end != NULL) *end++ = '\0';
      if (count == FIELDS_ROOM) refuse("too many fields");
      uint32_t n = unhex(at);
      fields[count++] = (wq_bytes){(const uint8_t *)at, n};
    }
    int result = wq_smartrest_row(&w, fields, count);
    uint32_t n = wq_smartrest_describe(&w, text, sizeof text);
    printf("%s[%d,\"%.*s\"]", separator, result, (int)n, text);
  }
  printf("],\"payloads\":[");
  wq_bytes rest = wq_smartrest_rows(&w), payload;
  separator = "";
  for (int more; (more = wq_smartrest_split(&rest, payload_max, &payload)) != 0; separator = ",") {
    if (more < 0) refuse("a row that was taken is too long");
    printf("%s", separator);
    print_hex(payload);
  }
  puts("]}");
}

static void do_named(char *arguments) {
  char *kind = strtok(arguments, " "), *hex = strtok(NULL, " ");
  wq_smartrest_reader r = new_reader();
  wq_smartrest_template t;
  wq_smartrest_args a;
  wq_smartrest_arg arg;
  uint32_t length = unhex(hex);
  wq_bytes in = {(const uint8_t *)hex, length};
  if (wq_smartrest_read(&r, &in, true) != 1 || !wq_smartrest_find((uint8_t)atoi(kind), r.fields[0], &t)) {
    puts("null");
    return;
  }
  printf("{\"id\":%.*s,\"role\":\"%c\",\"name\":", (int)t.id.len, (const char *)t.id.data, t.role);
  print_name(t.name);
  printf(",\"args\":[");
  wq_smartrest_args_begin(&a, &t);
  for (uint32_t i = 1; i < r.count; i++) {
    wq_smartrest_args_next(&a, r.fields[i], &arg);
    printf("%s[", i == 1 ? "" : ",");
    print_name(arg.name);
    printf(",%u,", arg.round);
    print_hex(r.fields[i]);
    putchar(']');
  }
  puts("]}");
}

static void do_list(void) {
  wq_smartrest_template t;
  putchar('[');
  for (uint32_t i = 0; wq_smartrest_at(i, &t); i++) {
    wq_smartrest_args a;
    wq_smartrest_arg arg;
    const char *separator = "";
    printf("%s[%.*s,%u,\"%c\",", i == 0 ? "" : ",", (int)t.id.len, (const char *)t.id.data, t.kind, t.role);
    print_name(t.name);
    printf(",[");
    wq_smartrest_args_begin(&a, &t);
    for (; wq_smartrest_args_next(&a, (wq_bytes){NULL, 0}, &arg); separator = ",") {
      printf("%s[", separator);
      print_name(arg.name);
      printf(",\"%c\",%s,%s]", arg.type, arg.required ? "true" : "false", arg.repeats ? "true" : "false");
    }
    printf("]]");
  }
  puts("]");
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  input = guard_make(1 << 20);
  row = guard_make(1 << 18);
  for (ssize_t n; (n = getline(&line, &room, stdin)) > 0;) {
    if (line[n - 1] == '\n') line[n - 1] = '\0';
    char *arguments = strchr(line, ' ');
    if (arguments != NULL) *arguments++ = '\0';
    if (strcmp(line, "list") == 0)
      do_list();
    else if (arguments == NULL)
      refuse("no such command");
    else if (strcmp(line, "read") == 0)
      do_read(arguments);
    else if (strcmp(line, "write") == 0)
      do_write(arguments);
    else if (strcmp(line, "named") == 0)
      do_named(arguments);
    else
      refuse("no such command");
  }
  free(line);
  return 0;
}
