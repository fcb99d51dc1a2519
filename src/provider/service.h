/* SPDX-License-Identifier: MIT
 * What one service's file consists of, and what those files share. Not public: see provider.h.
 *
 * A service is a table and, where its login is computed, one function. Its texts are read by small parsers: the form by
 * form.c, the topics by topics.c, which say what they look like. */
#ifndef WQ_PROVIDER_SERVICE_H
#define WQ_PROVIDER_SERVICE_H

#include "../codec/bytes.h"
#include "provider.h"

/* wq_rule_row - plan: 0, or the first character of the value of the field "plan" with which the row holds; note: what the
 * service does, as a sentence, or NULL. */
typedef struct wq_rule_row {
  uint8_t rule, action;
  char plan;
  uint32_t number;
  const char *note;
} wq_rule_row;

/* wq_values - what a person filled in, as wq_values_check() was given it. */
typedef struct wq_values {
  uint32_t service;
  const wq_bytes *values;
  uint32_t count;
} wq_values;

typedef struct wq_service_def {
  wq_service_info info;
  const char *topics;
  const wq_rule_row *rules;
  uint8_t rules_n;
  bool own_topics; /* a device may use no other device's topics */
  /* Beyond what the fields' kinds say; NULL: nothing. Returns 0 or a fault, with the name of its field. */
  int (*check)(const wq_values *values, const char **field);
  /* The phases of a login, 0 and up: starts an operation on login->op and returns WQ_LOGIN_PENDING, or sets the result and
   * returns WQ_LOGIN_DONE, or a fault. */
  int (*login)(wq_login *login);
} wq_service_def;

#define WQ_VERSIONS_3 (WQ_VERSION_BIT(WQ_MQTT_3_1_1))
#define WQ_VERSIONS_ALL (WQ_VERSION_BIT(WQ_MQTT_3_1) | WQ_VERSION_BIT(WQ_MQTT_3_1_1) | WQ_VERSION_BIT(WQ_MQTT_5_0))
#define WQ_VERSIONS_NEW (WQ_VERSION_BIT(WQ_MQTT_3_1_1) | WQ_VERSION_BIT(WQ_MQTT_5_0))

const wq_service_def *wq_service_def_at(uint32_t service);

extern const wq_service_def wq_aws, wq_azure_iot_hub, wq_azure_event_grid, wq_clearblade, wq_alibaba, wq_scaleway,
    wq_cumulocity, wq_brokers[];

/* The convention for topics where they are free: PREFIX/DEVICE/... */
#define WQ_FREE_TOPICS_OUT                                                                                             \
  "T>%s/%d/telemetry\n"                                                                                                \
  "E>%s/%d/events/%n\n"                                                                                                \
  "E>%s/%d/events\n"                                                                                                   \
  "A>%s/%d/responses/%n/%r\n"                                                                                          \
  "A>%s/%d/responses/%n\n"                                                                                             \
  "C<%s/%d/commands/%n/%r\n"                                                                                           \
  "C<%s/%d/commands/%n\n"
#define WQ_FREE_TOPICS_STATE                                                                                           \
  "R>%s/%d/state\n"                                                                                                    \
  "D<%s/%d/desired\n"

/* The two fields that go with it. */
#define WQ_FREE_FIELDS                                                                                                 \
  "i|device|||Device|Its name in topics; empty: to watch and command other devices\n"                                  \
  "o|prefix||devices|Topic prefix|Topics begin with it: devices/NAME/telemetry\n"

/* ------------------------------------------------------------------------------------------------ text.c */

#define WQ_TEXT(literal) ((wq_bytes){(const uint8_t *)(literal), (uint32_t)sizeof(literal) - 1})

wq_bytes wq_text_of(const char *text);
bool wq_text_is(wq_bytes bytes, const char *text);
bool wq_text_starts(wq_bytes bytes, const char *text);
bool wq_text_find(wq_bytes bytes, const char *text, uint32_t *at); /* *at: where it begins; may be NULL */

/* wq_text_first - the first word of such a list. */
wq_bytes wq_text_first(wq_bytes list);

/* wq_text_word - `word` is one of the words, parted by commas, of `list`; what stands behind a = is no part of them. */
bool wq_text_word(wq_bytes list, wq_bytes word);

/* wq_text_number - digits only, 1 to 9 of them. */
bool wq_text_number(wq_bytes digits, uint32_t *number);

void wq_write_number(wq_writer *w, uint64_t number);
void wq_write_hex(wq_writer *w, wq_bytes bytes); /* lower case */
void wq_write_base64(wq_writer *w, wq_bytes bytes, bool url);
void wq_write_encoded(wq_writer *w, wq_bytes bytes); /* RFC 3986: all but A-Z a-z 0-9 - . _ ~ as %XX, upper case */
void wq_write_date(wq_writer *w, uint64_t unix_s);   /* 20150830T123600Z */

/* wq_base64_gather - as wq_base64_decode(), but space between the characters is passed over, and dst may be too small: it
 * gets what fits. Returns how many bytes the text stands for, -1: it is not base64. */
int32_t wq_base64_gather(uint8_t *dst, uint32_t room, wq_bytes text);

/* wq_wipe - zeros that no optimiser leaves out. */
void wq_wipe(void *at, size_t length);

/* ------------------------------------------------------------------------------------------------ form.c */

/* wq_form_find - a field by its name; WQ_FIELDS_MAX: there is none. */
uint32_t wq_form_find(uint32_t service, const char *name, wq_field *field);

/* wq_form_value - what counts for that field: without space around it; the initial value if it is empty; data NULL if it
 * is empty still, or not asked for. */
wq_bytes wq_form_value(const wq_values *values, const wq_field *field, uint32_t index);

/* wq_value - the same by the field's name; data NULL also if there is no such field. */
wq_bytes wq_value(const wq_values *values, const char *name);

bool wq_host_ok(wq_bytes host);   /* a host name, with or without a port */
int wq_url_check(wq_bytes value); /* of a WebSocket: 0 or WQ_FAULT_URL */

/* ------------------------------------------------------------------------------------------------ login.c */

wq_bytes wq_login_value(const wq_login *login, const char *name);
bool wq_login_is(const wq_login *login, const char *name, const char *value);
uint32_t wq_login_number(const wq_login *login, const char *name); /* 0 if it is not filled in */

/* wq_login_text - a text in the login's room, good until the login ends. In the format,
 *   {name}   is the value of that field     {0} to {3}  login->part[0] to [3]
 *   {#}      is the last result in hex      {+}  in base64     {-}  in base64 for URLs
 *   {^...}   any of them, percent-encoded (by wq_write_encoded())
 *   {{       is {
 * If there is no room, the login fails when it is done. */
wq_bytes wq_login_text(wq_login *login, const char *format);

wq_bytes wq_login_decimal(wq_login *login, uint64_t number);

/* wq_login_client - the field "client"; if it is empty, "device"; if that is too, an id made at random. */
wq_bytes wq_login_client(wq_login *login);

/* wq_login_user - user name and password from the fields "username" and "password". */
void wq_login_user(wq_login *login);

/* wq_login_hmac - start an HMAC. Returns WQ_LOGIN_PENDING. */
int wq_login_hmac(wq_login *login, int hash, wq_bytes key, wq_bytes data);

/* wq_login_expires - in so many whole seconds; a new login is due a while before that. */
void wq_login_expires(wq_login *login, uint32_t seconds);

/* wq_login_property - append to login->properties a string or binary property. Nothing else may be written between. */
void wq_login_property(wq_login *login, uint8_t id, wq_bytes value);

/* ------------------------------------------------------------------------------------------------ key.c, jwk.c, jwt.c */

/* wq_key_read - a private key from PEM, from its base64 alone, or from a JSON Web Key: as PKCS#8 into dst, if it has room
 * for it. *length: of the key; *algorithm: enum wq_sign_algorithm. Returns 0 or a fault. */
int wq_key_read(uint8_t *dst, uint32_t room, wq_bytes text, uint32_t *length, int *algorithm);

/* wq_jwk_read - the same of a JSON Web Key. */
int wq_jwk_read(uint8_t *dst, uint32_t room, wq_bytes text, uint32_t *length, int *algorithm);

/* wq_jwt_sign - start the signature of a token: login->part[0] becomes what is signed, "header.claims". Ends the use of the
 * field `key`. Returns WQ_LOGIN_PENDING or a fault. */
int wq_jwt_sign(wq_login *login, const char *key, const char *claims);

/* wq_jwt_expiry - the claim "exp" of a finished token into *unix_s, 0 if it has none. Returns 0, WQ_FAULT_JWT, or
 * WQ_FAULT_TOO_LONG: no login has room for it. */
int wq_jwt_expiry(wq_bytes token, uint64_t *unix_s);

/* ------------------------------------------------------------------------------------------------ topics.c */

/* wq_topic_known - devices publish to that topic, or subscribe to that filter, as the service has it; own: only with the
 * seat's names. */
bool wq_topic_known(const wq_seat *seat, bool own, wq_bytes topic, wq_topic *parts);
bool wq_filter_known(const wq_seat *seat, wq_bytes filter);

#endif
