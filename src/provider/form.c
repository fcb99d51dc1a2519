/* SPDX-License-Identifier: MIT
 * Forms: reading a service's fields, and judging what a person filled in. The form's text is ours, so its own shape is not
 * checked here but by the tests. */
#include "service.h"

#include "../codec/utf8.h"

static wq_bytes column(const char **at) {
  const char *start = *at, *end = start;
  while (*end != '|' && *end != '\n')
    end++;
  *at = end + 1;
  return (wq_bytes){(const uint8_t *)start, (uint32_t)(end - start)};
}

bool wq_field_at(uint32_t service, uint32_t index, wq_field *field) {
  const wq_service_def *def = wq_service_def_at(service);
  if (def == NULL) return false;
  const char *at = def->info.form;
  for (; *at != '\0'; index--) {
    wq_bytes kind = column(&at);
    field->kind = kind.data[0];
    field->required = kind.len > 1;
    field->name = column(&at);
    field->when = column(&at);
    field->initial = column(&at);
    field->label = column(&at);
    field->help = column(&at);
    if (index == 0) return true;
  }
  return false;
}

uint32_t wq_form_find(uint32_t service, const char *name, wq_field *field) {
  for (uint32_t i = 0; wq_field_at(service, i, field); i++)
    if (wq_text_is(field->name, name)) return i;
  return WQ_FIELDS_MAX;
}

/* ------------------------------------------------------------------------------------------------ values */

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static wq_bytes trimmed(wq_bytes b) {
  while (b.len != 0 && is_space(b.data[0]))
    b = (wq_bytes){b.data + 1, b.len - 1};
  while (b.len != 0 && is_space(b.data[b.len - 1]))
    b.len--;
  return b;
}

static bool counts(const wq_values *values, const wq_field *field) {
  return field->when.len == 0 || wq_text_word(field->when, wq_value(values, "auth"));
}

wq_bytes wq_form_value(const wq_values *values, const wq_field *field, uint32_t index) {
  wq_bytes value = {NULL, 0};
  if (!counts(values, field)) return value;
  if (index < values->count) value = values->values[index];
  if (field->kind != WQ_FIELD_PASSWORD) value = trimmed(value);
  if (value.len == 0) value = wq_text_first(field->initial);
  return value.len != 0 ? value : (wq_bytes){NULL, 0};
}

wq_bytes wq_value(const wq_values *values, const char *name) {
  wq_field field;
  uint32_t index = wq_form_find(values->service, name, &field);
  return index < WQ_FIELDS_MAX ? wq_form_value(values, &field, index) : (wq_bytes){NULL, 0};
}

/* A form has one of these fields at most. */
wq_seat wq_seat_of(uint32_t service, const wq_bytes *values, uint32_t count) {
  static const char *const scopes[] = {"prefix", "module", "product"};
  const wq_values all = {service, values, count};
  wq_seat seat = {service, wq_value(&all, "device"), {NULL, 0}};
  for (uint32_t i = 0; seat.scope.len == 0 && i < 3; i++)
    seat.scope = wq_value(&all, scopes[i]);
  const wq_bytes registration = wq_value(&all, "registration"); /* with DPS, while the hub is unknown */
  if (registration.len != 0 && wq_value(&all, "host").len == 0) seat.device = registration;
  return seat;
}

/* ------------------------------------------------------------------------------------------------ checks by kind */

static int check_text(wq_bytes value, const char *forbidden) {
  if (!wq_utf8_valid(value)) return WQ_FAULT_TEXT;
  for (uint32_t i = 0; i < value.len; i++) {
    if (value.data[i] < ' ' || value.data[i] == 0x7F) return WQ_FAULT_TEXT;
    if (strchr(forbidden, value.data[i]) != NULL) return WQ_FAULT_ID;
  }
  return 0;
}

static int check_visible(wq_bytes value) {
  for (uint32_t i = 0; i < value.len; i++)
    if (value.data[i] <= ' ' || value.data[i] > '~') return value.data[i] <= ' ' ? WQ_FAULT_SPACE : WQ_FAULT_TEXT;
  return 0;
}

/* Where an IPv6 address in brackets ends; 0: there is none. Whether it is a good one the browser says. */
static uint32_t ipv6(wq_bytes host) {
  for (uint32_t i = 1; i < host.len && host.data[0] == '['; i++) {
    uint8_t c = host.data[i];
    if (c == ']') return i > 2 ? i + 1 : 0;
    if ((uint8_t)((c | 0x20) - 'a') >= 6 && (uint8_t)(c - '0') >= 10 && c != ':' && c != '.') return 0;
  }
  return 0;
}

/* Labels with a dot between them, and maybe one behind the last. No label is empty, or begins or ends with '-'. */
static bool name_ok(const uint8_t *name, uint32_t length) {
  uint8_t before = '.';
  for (uint32_t i = 0; i < length; before = name[i++]) {
    uint8_t c = name[i];
    bool sign = c == '-' || c == '.'; /* beside a dot there is none */
    if (!sign && (uint8_t)((c | 0x20) - 'a') >= 26 && (uint8_t)(c - '0') >= 10 && c != '_') return false;
    if ((before == '.' && sign) || (before == '-' && c == '.')) return false;
  }
  return length != 0 && before != '-';
}

/* What stands in a URL before the path; from: where the port begins behind an address in brackets; 0: there is a name. */
static bool authority_ok(wq_bytes host, uint32_t from) {
  uint32_t colon = from, port = 443;
  while (colon < host.len && host.data[colon] != ':')
    colon++;
  if (from == 0 ? !name_ok(host.data, colon) : colon != from) return false;
  if (colon != host.len && !wq_text_number((wq_bytes){host.data + colon + 1, host.len - colon - 1}, &port))
    return false;
  return port != 0 && port <= 65535;
}

/* A scheme, in capitals too. What else would be taken for one has signs that cannot be seen. */
static bool scheme_is(wq_bytes url, const char *scheme) {
  for (uint32_t i = 0; scheme[i] != '\0'; i++)
    if (i == url.len || (url.data[i] | 0x20) != (uint8_t)scheme[i]) return false;
  return true;
}

bool wq_host_ok(wq_bytes host) { return authority_ok(host, 0); }

static int check_host(wq_bytes value) {
  if (wq_host_ok(value)) return 0;
  return wq_text_find(value, "HostName=", NULL) ? WQ_FAULT_CONNECTION_STRING : WQ_FAULT_HOST;
}

/* the authority has to be a host: a user name and password in a URL are refused by browsers, and logged by others */
int wq_url_check(wq_bytes value) {
  uint32_t at = scheme_is(value, "wss://") ? 6 : scheme_is(value, "ws://") ? 5 : 0;
  uint32_t end = at;
  while (end < value.len && value.data[end] != '/' && value.data[end] != '?')
    end++;
  if (at == 0 || check_visible(value) != 0 || wq_text_find(value, "#", NULL)) return WQ_FAULT_URL;
  const wq_bytes host = {value.data + at, end - at};
  return authority_ok(host, ipv6(host)) ? 0 : WQ_FAULT_URL;
}

static int check_number(wq_bytes value, wq_bytes range) {
  uint32_t number, bound[3] = {0, 0, 0};
  for (uint32_t k = 0; k < 3; k++) {
    wq_bytes word = wq_text_first(range);
    wq_text_number(word, &bound[k]);
    uint32_t used = word.len < range.len ? word.len + 1 : word.len;
    range = (wq_bytes){range.data + used, range.len - used};
  }
  return wq_text_number(value, &number) && number >= bound[1] && number <= bound[2] ? 0 : WQ_FAULT_NUMBER;
}

/* What people paste instead of a key. */
static int check_key(wq_bytes value) {
  if (wq_text_find(value, "SharedAccessKey=", NULL)) return WQ_FAULT_CONNECTION_STRING;
  if (wq_text_starts(value, "SharedAccessSignature ")) return WQ_FAULT_SAS_TOKEN;
  if (wq_text_find(value, "aws_", NULL) && wq_text_find(value, "=", NULL)) return WQ_FAULT_ASSIGNMENT;
  return check_visible(value);
}

static int check_base64(wq_bytes value) {
  int fault = check_key(value);
  if (fault != 0) return fault;
  return wq_base64_gather(NULL, 0, value) > 0 ? 0 : WQ_FAULT_BASE64;
}

static int check_private_key(wq_bytes value) {
  uint32_t length;
  int algorithm;
  return wq_key_read(NULL, 0, value, &length, &algorithm);
}

static int check_value(const wq_field *field, wq_bytes value) {
  if (value.len > 65535) return WQ_FAULT_TOO_LONG; /* of a text in a packet */
  switch (field->kind) {
  case WQ_FIELD_ID: return check_text(value, "/+#");
  case WQ_FIELD_TOPIC: return check_text(value, "+#");
  case WQ_FIELD_HOST: return check_host(value);
  case WQ_FIELD_URL: return wq_url_check(value);
  case WQ_FIELD_PATH:
    return value.data[0] != '/' || wq_text_find(value, "#", NULL) ? WQ_FAULT_URL : check_visible(value);
  case WQ_FIELD_NUMBER: return check_number(value, field->initial);
  case WQ_FIELD_CHOICE:
    if (wq_text_is(value, "hmacmd5")) return WQ_FAULT_MD5;
    return wq_text_word(field->initial, value) ? 0 : WQ_FAULT_CHOICE;
  case WQ_FIELD_FLAG: return wq_text_is(value, "0") || wq_text_is(value, "1") ? 0 : WQ_FAULT_CHOICE;
  case WQ_FIELD_PASSWORD: return wq_utf8_valid(value) ? 0 : WQ_FAULT_TEXT;
  case WQ_FIELD_KEY: return check_key(value);
  case WQ_FIELD_BASE64: return check_base64(value);
  case WQ_FIELD_PRIVATE_KEY: return check_private_key(value);
  default: return check_text(value, "");
  }
}

int wq_values_check(uint32_t service, const wq_bytes *values, uint32_t count, uint32_t *at) {
  const wq_service_def *def = wq_service_def_at(service);
  const wq_values all = {service, values, count};
  wq_field field;
  const char *name = "";
  int fault = 0;
  *at = WQ_FIELDS_MAX;
  if (def == NULL) return WQ_FAULT_SERVICE;
  for (uint32_t i = 0; fault == 0 && wq_field_at(service, i, &field); i++) {
    wq_bytes value = wq_form_value(&all, &field, i);
    if (value.len != 0)
      fault = check_value(&field, value);
    else if (field.required && counts(&all, &field))
      fault = WQ_FAULT_MISSING;
    *at = i;
  }
  if (fault == 0 && def->check != NULL) {
    fault = def->check(&all, &name);
    *at = wq_form_find(service, name, &field);
  }
  return fault;
}
