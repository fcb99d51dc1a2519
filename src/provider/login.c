/* SPDX-License-Identifier: MIT
 * The machine that runs a service's phases, and the texts they make. Results grow from the start of the room, a copy of the
 * values grows from its end, where it is wiped once they are used. */
#include "service.h"

#define CLOCK_END_MS UINT64_C(253402300800000) /* the year 10000 */
#define RESULT_TEXT (2 * WQ_CRYPTO_RESULT_MAX)
#define RENEW_EARLY_S 300u /* or a fifth of the time, if that is less */

/* ------------------------------------------------------------------------------------------------ values */

static wq_values values_of(const wq_login *l) { return (wq_values){l->seat.service, l->values, WQ_FIELDS_MAX}; }

wq_bytes wq_login_value(const wq_login *l, const char *name) {
  const wq_values values = values_of(l);
  return wq_value(&values, name);
}

bool wq_login_is(const wq_login *l, const char *name, const char *value) {
  return wq_text_is(wq_login_value(l, name), value);
}

uint32_t wq_login_number(const wq_login *l, const char *name) {
  uint32_t number = 0;
  wq_text_number(wq_login_value(l, name), &number);
  return number;
}

/* ------------------------------------------------------------------------------------------------ texts */

static wq_writer writer_of(const wq_login *l) { return (wq_writer){l->at, l->end, false}; }

/* what was written since l->at */
static wq_bytes taken(wq_login *l, const wq_writer *w) {
  wq_bytes text = {l->at, (uint32_t)(w->at - l->at)};
  l->at = w->at;
  if (w->failed) l->status = WQ_FAULT_TOO_LONG;
  return text;
}

/* What a token stands for; a result as text goes into `scratch`. */
static wq_bytes token_value(const wq_login *l, wq_bytes token, uint8_t *scratch) {
  const wq_bytes result = {l->op.result, l->op.length};
  wq_writer w = {scratch, scratch + RESULT_TEXT, false};
  char name[32] = "";
  memcpy(name, token.data, token.len < sizeof name ? token.len : sizeof name - 1);
  if (name[0] >= '0' && name[0] <= '3') return l->part[name[0] - '0'];
  switch (name[0]) {
  case '#': wq_write_hex(&w, result); break;
  case '+':
  case '-': wq_write_base64(&w, result, name[0] == '-'); break;
  default: return wq_login_value(l, name);
  }
  return (wq_bytes){scratch, (uint32_t)(w.at - scratch)};
}

wq_bytes wq_login_text(wq_login *l, const char *format) {
  wq_writer w = writer_of(l);
  for (const char *at = format; *at != '\0'; at++) {
    if (*at != '{' || *++at == '{') {
      wq_write_u8(&w, (uint8_t)*at);
      continue;
    }
    const bool encoded = *at == '^';
    if (encoded) at++;
    const char *end = strchr(at, '}');
    uint8_t scratch[RESULT_TEXT];
    wq_bytes value = token_value(l, (wq_bytes){(const uint8_t *)at, (uint32_t)(end - at)}, scratch);
    if (encoded)
      wq_write_encoded(&w, value);
    else
      wq_write_bytes(&w, value);
    at = end;
  }
  return taken(l, &w);
}

wq_bytes wq_login_decimal(wq_login *l, uint64_t number) {
  wq_writer w = writer_of(l);
  wq_write_number(&w, number);
  return taken(l, &w);
}

wq_bytes wq_login_client(wq_login *l) {
  if (wq_login_value(l, "client").len != 0) return wq_login_text(l, "{client}");
  if (wq_login_value(l, "device").len != 0) return wq_login_text(l, "{device}");
  uint8_t random[6]; /* with the word before, 20 bytes: 3.1 has 23 */
  memcpy(random, &l->random, sizeof random);
  wq_writer w = writer_of(l);
  wq_write_bytes(&w, WQ_TEXT("wasmqtt-"));
  wq_write_hex(&w, (wq_bytes){random, sizeof random});
  return taken(l, &w);
}

void wq_login_user(wq_login *l) {
  wq_bytes name = wq_login_text(l, "{username}"), password = wq_login_text(l, "{password}");
  if (name.len != 0 || password.len != 0) l->username = name; /* 3.x has no password without a name [M3:3.1.2-22] */
  if (password.len != 0) l->password = password;
}

void wq_login_property(wq_login *l, uint8_t id, wq_bytes value) {
  const wq_property property = {.id = id, .a = value};
  uint32_t length = 0;
  if (l->properties.data == NULL) l->properties.data = l->at;
  if (wq_property_write(l->at, (uint32_t)(l->end - l->at), &length, &property) != 0) l->status = WQ_FAULT_TOO_LONG;
  l->properties.len += length;
  l->at += length;
}

/* ------------------------------------------------------------------------------------------------ steps */

int wq_login_hmac(wq_login *l, int hash, wq_bytes key, wq_bytes data) {
  wq_crypto_hmac(&l->op, hash, key.data, key.len, data.data, data.len);
  return WQ_LOGIN_PENDING;
}

void wq_login_expires(wq_login *l, uint32_t seconds) {
  uint32_t early = seconds / 5 < RENEW_EARLY_S ? seconds / 5 : RENEW_EARLY_S;
  l->expires_ms = (l->unix_ms / 1000 + seconds) * 1000; /* as in a token: the same one must not seem to last longer */
  l->renew_ms = l->expires_ms - early * UINT64_C(1000);
}

void wq_login_wipe(wq_login *l) { wq_wipe(l, sizeof *l); }

/* Of what has no room the longest value is told: it is the one to be wrong, as a file in place of a key. */
static uint32_t longest(const wq_login *l) {
  uint32_t field = 0;
  for (uint32_t i = 1; i < WQ_FIELDS_MAX; i++)
    if (l->values[i].len > l->values[field].len) field = i;
  return field;
}

static int fail(wq_login *l, int fault, uint32_t field) {
  if (fault == WQ_FAULT_TOO_LONG && field == WQ_FIELDS_MAX) field = longest(l);
  wq_login_wipe(l);
  l->fault_field = (uint8_t)field;
  return l->status = fault;
}

static int crypto_fault(int32_t status) {
  switch (status) {
  case WQ_CRYPTO_E_UNAVAILABLE: return WQ_FAULT_INSECURE;
  case WQ_CRYPTO_E_KEY: return WQ_FAULT_KEY_REFUSED;
  default: return WQ_FAULT_CRYPTO;
  }
}

static int finish(wq_login *l) {
  wq_wipe(l->end, (size_t)(l->room + WQ_LOGIN_ROOM - l->end));
  wq_wipe(l->values, sizeof l->values);
  wq_wipe(l->part, sizeof l->part);
  wq_wipe(&l->op, sizeof l->op);
  return l->status = WQ_LOGIN_DONE;
}

int wq_login_step(wq_login *l) {
  const wq_service_def *def = wq_service_def_at(l->seat.service);
  while (l->status == WQ_LOGIN_PENDING && l->op.status != WQ_CRYPTO_PENDING) {
    if (l->op.status < 0) return fail(l, crypto_fault(l->op.status), WQ_FIELDS_MAX);
    int result = def->login(l);
    if (l->status < 0) result = l->status;                      /* no room */
    if (result == WQ_LOGIN_DONE) result = wq_url_check(l->url); /* names are part of it */
    if (result < 0) return fail(l, result, l->fault_field);
    if (result == WQ_LOGIN_DONE) return finish(l);
  }
  return l->status;
}

/* A host name as the Host header has it, since that may be signed: in lower case, without the port that wss has anyway. */
static uint32_t host_header(uint8_t *host, uint32_t length, bool tls) {
  for (uint32_t i = 0; i < length; i++)
    if ((uint8_t)(host[i] - 'A') < 26) host[i] |= 0x20;
  return tls && length > 4 && memcmp(host + length - 4, ":443", 4) == 0 ? length - 4 : length;
}

/* The values that count, into the end of the room. Returns false if they do not fit. */
static bool keep_values(wq_login *l, const wq_values *values) {
  wq_field field;
  const bool tls = !wq_text_is(wq_value(values, "tls"), "0"); /* most services have no such field */
  for (uint32_t i = 0; wq_field_at(values->service, i, &field); i++) {
    wq_bytes value = l->values[i] = wq_form_value(values, &field, i);
    if (value.len == 0) continue;
    if (value.len > (size_t)(l->end - l->room)) return false;
    l->end -= value.len;
    memcpy(l->end, value.data, value.len);
    l->values[i] = (wq_bytes){l->end, value.len};
    if (field.kind == WQ_FIELD_HOST) l->values[i].len = host_header(l->end, value.len, tls);
  }
  return true;
}

int wq_login_begin(wq_login *l, uint32_t service, const wq_bytes *values, uint32_t count, uint64_t unix_ms,
                   uint64_t random) {
  const wq_values all = {service, values, count};
  const wq_service_def *def = wq_service_def_at(service);
  uint32_t field;
  wq_login_wipe(l);
  int fault = wq_values_check(service, values, count, &field);
  if (fault != 0) return fail(l, fault, field);
  if (unix_ms >= CLOCK_END_MS) return fail(l, WQ_FAULT_CLOCK, WQ_FIELDS_MAX);
  l->at = l->room;
  l->end = l->room + WQ_LOGIN_ROOM;
  l->fault_field = WQ_FIELDS_MAX;
  l->unix_ms = unix_ms;
  l->random = random;
  l->seat.service = service;
  l->subprotocol = WQ_TEXT("mqtt");
  l->versions = def->info.versions;
  l->clean = def->info.clean;
  l->keep_alive = def->info.keep_alive;
  if (!keep_values(l, &all)) return fail(l, WQ_FAULT_TOO_LONG, WQ_FIELDS_MAX);
  const wq_seat seat = wq_seat_of(service, l->values, WQ_FIELDS_MAX);
  l->part[0] = seat.device;
  l->seat.device = wq_login_text(l, "{0}");
  l->part[0] = seat.scope;
  l->seat.scope = wq_login_text(l, "{0}");
  l->part[0] = (wq_bytes){NULL, 0};
  l->status = WQ_LOGIN_PENDING;
  return wq_login_step(l);
}
