/* SPDX-License-Identifier: MIT
 * What the tests of src/provider share: filling in forms by the names of fields, and the vectors of
 * tests/vectors/provider/login.txt, whose head explains their form. */
#ifndef WQ_UNIT_PROVIDER_H
#define WQ_UNIT_PROVIDER_H

#include "check.h"

#include "provider/provider.h"

#include <stdlib.h>

static inline wq_bytes text_bytes(const char *text) {
  return (wq_bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static inline uint32_t service_named(const char *name) {
  for (uint32_t i = 0; i < WQ_SERVICES; i++)
    if (strcmp(wq_service_at(i)->name, name) == 0) return i;
  printf("there is no service %s\n", name);
  exit(2);
}

static inline uint32_t field_named(uint32_t service, const char *name) {
  wq_field field;
  for (uint32_t i = 0; wq_field_at(service, i, &field); i++)
    if (field.name.len == strlen(name) && memcmp(field.name.data, name, field.name.len) == 0) return i;
  printf("%s has no field %s\n", wq_service_at(service)->name, name);
  exit(2);
}

static inline const char *field_name(uint32_t service, uint32_t index) {
  static char name[64];
  wq_field field;
  if (!wq_field_at(service, index, &field)) return "(none)";
  snprintf(name, sizeof name, "%.*s", (int)field.name.len, (const char *)field.name.data);
  return name;
}

/* A form, filled in. */
typedef struct form {
  uint32_t service;
  wq_bytes values[WQ_FIELDS_MAX];
} form;

static inline void fill(form *f, const char *name, const char *value) {
  f->values[field_named(f->service, name)] = text_bytes(value);
}

/* ------------------------------------------------------------------------------------------------ vectors */

#define LINES_MAX 24

typedef struct vector {
  char title[200];
  form filled;
  uint64_t time, random;
  uint8_t version;
  char *will_topic, *will_payload;
  char *wants[LINES_MAX]; /* lines that say what is to come out */
  int wants_n;
} vector;

static inline void vector_line(vector *v, char *line) {
  char *rest = strchr(line, ' ');
  char *value = rest != NULL ? rest + 1 : line + strlen(line);
  if (strncmp(line, "service ", 8) == 0) v->filled.service = service_named(value);
  if (strncmp(line, "time ", 5) == 0) v->time = strtoull(value, NULL, 10);
  if (strncmp(line, "random ", 7) == 0) v->random = strtoull(value, NULL, 10);
  if (strncmp(line, "version ", 8) == 0) v->version = (uint8_t)atoi(value);
  if (strncmp(line, "will ", 5) == 0) {
    v->will_topic = value;
    v->will_payload = strchr(value, ' ') + 1;
    v->will_payload[-1] = 0;
  }
  if (line[0] == '<') {
    while (*value == ' ')
      value++;
    char *end = strchr(value, ' ');
    *end = 0;
    fill(&v->filled, value, end + 1);
  }
  if (strchr(">!x", line[0]) != NULL || strncmp(line, "connect ", 8) == 0) v->wants[v->wants_n++] = line;
}

/* vectors_run - run(vector) for each one, as a case of its own. */
static inline void vectors_run(void (*run)(const vector *v)) {
  static char text[65536];
  FILE *file = fopen("tests/vectors/provider/login.txt", "r");
  size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
  if (length == 0 || length == sizeof text - 1) {
    printf("tests/vectors/provider/login.txt: missing or too long\n");
    exit(2);
  }
  fclose(file);
  text[length] = 0;
  vector v = {.version = 0};
  for (char *line = text, *next; line != NULL; line = next) {
    next = strchr(line, '\n');
    if (next != NULL) *next++ = 0;
    if (line[0] == '*') {
      v = (vector){.version = WQ_MQTT_3_1_1};
      snprintf(v.title, sizeof v.title, "vector: %s", line + 2);
    } else if (line[0] != 0 && line[0] != '#') {
      vector_line(&v, line);
    } else if (v.version != 0) {
      check_begin(v.title);
      run(&v);
      check_end();
      v.version = 0;
    }
  }
}

static inline const char *as_text(wq_bytes b) {
  static char text[WQ_LOGIN_ROOM + 1];
  if (b.data == NULL) return "(none)";
  memcpy(text, b.data, b.len);
  text[b.len] = 0;
  return text;
}

static inline const char *as_hex(const uint8_t *bytes, uint32_t length) {
  static char text[8192];
  for (uint32_t i = 0; i < length; i++)
    snprintf(text + 2 * (size_t)i, 3, "%02x", bytes[i]);
  text[2 * (size_t)length] = 0;
  return text;
}

static inline const char *as_number(uint64_t n) {
  static char text[24];
  snprintf(text, sizeof text, "%llu", (unsigned long long)n);
  return text;
}

/* login_result - a result by the name that vectors have for it. */
static inline const char *login_result(const wq_login *l, const char *name) {
  if (strcmp(name, "url") == 0) return as_text(l->url);
  if (strcmp(name, "subprotocol") == 0) return as_text(l->subprotocol);
  if (strcmp(name, "client_id") == 0) return as_text(l->client_id);
  if (strcmp(name, "username") == 0) return as_text(l->username);
  if (strcmp(name, "password") == 0 || strcmp(name, "es256") == 0) return as_text(l->password);
  if (strcmp(name, "properties") == 0) return as_hex(l->properties.data, l->properties.len);
  if (strcmp(name, "device") == 0) return as_text(l->seat.device);
  if (strcmp(name, "scope") == 0) return as_text(l->seat.scope);
  if (strcmp(name, "expires") == 0) return as_number(l->expires_ms / 1000);
  if (strcmp(name, "renew") == 0) return as_number(l->renew_ms / 1000);
  if (strcmp(name, "provisioning") == 0) return as_number(l->provisioning);
  if (strcmp(name, "reauthenticate") == 0) return as_number(l->reauthenticate);
  printf("a login has no %s\n", name);
  exit(2);
}

/* connect_packet - CONNECT in hex, as the client makes it of a login. */
static inline const char *connect_packet(const vector *v, const wq_login *l) {
  static uint8_t memory[1 << 22] __attribute__((aligned(16)));
  wq_config config;
  wq_config_init(&config);
  config.topics_max = 1024;
  config.receive_max = 65535; /* what is a default of 5.0 is left out of CONNECT */
  config.packet_size_max = 268435455;
  wq_client *client = wq_client_init(memory, sizeof memory, &config);
  wq_connect_args args = {
      .size = sizeof args,
      .version = v->version,
      .clean = l->clean,
      .keep_alive = l->keep_alive,
      .client_id = l->client_id,
      .username = l->username,
      .password = l->password,
      .properties = l->properties,
      .has_will = v->will_topic != NULL,
  };
  if (args.has_will) {
    args.will_topic = text_bytes(v->will_topic);
    args.will_payload = text_bytes(v->will_payload);
  }
  CHECK((l->versions & WQ_VERSION_BIT(v->version)) != 0);
  if (!CHECK(client != NULL) || !CHECK_INT(wq_connect(client, &args, 1), 0)) return "";
  wq_output_view view;
  wq_output(client, &view);
  return as_hex(view.data, view.len);
}

/* vector_check - what came out against what the vector wants; `es256` for the signature, which may be made anew. */
static inline void vector_check(const vector *v, wq_login *l, int status,
                                void (*es256)(const char *got, const char *want)) {
  bool refused = v->wants_n == 1 && v->wants[0][0] == 'x';
  if (!refused) CHECK_INT(status, WQ_LOGIN_DONE);
  if (status < 0) CHECK_INT(l->status, status);
  for (int i = 0; i < v->wants_n; i++) {
    char line[4096];
    snprintf(line, sizeof line, "%s", v->wants[i]);
    if (strncmp(line, "connect ", 8) == 0) {
      CHECK_TEXT(connect_packet(v, l), line + 8);
      continue;
    }
    char *name = line + 2, *want = strchr(name, ' ');
    *want++ = 0;
    if (line[0] == 'x') {
      CHECK_INT(status, atoi(name));
      CHECK_TEXT(field_name(v->filled.service, l->fault_field), want);
      CHECK(wq_fault_text(status)[0] != 0);
    } else if (status != WQ_LOGIN_DONE) {
      continue;
    } else if (strcmp(name, "es256") == 0) {
      es256(login_result(l, name), want);
    } else if (line[0] == '!') {
      CHECK(strcmp(login_result(l, name), want) != 0);
    } else {
      CHECK_TEXT(login_result(l, name), want);
    }
  }
}
#endif
