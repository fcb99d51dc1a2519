/* SPDX-License-Identifier: MIT
 * libFuzzer target of src/provider: forms, topics and property bags are text of strangers. The first byte chooses the service,
 * the second what is done; the rest is texts, parted by the byte FF. What must hold whatever they are: a login that is done
 * is one that CONNECT can carry, and shows no view outside itself; a topic that is built is one, and is read by the other
 * side; a filter is one; a private key that is to sign is one element of DER; a bag that was read can be written and read again; findings are in order. */
#include "codec/prop.h"
#include "codec/topic.h"
#include "codec/utf8.h"
#include "provider/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXTS_MAX WQ_FIELDS_MAX
#define PART_MARK 0xFF /* never part of UTF-8 */

static void must(bool good) {
  if (!good) abort();
}

/* ------------------------------------------------------------------------------------------------ the crypto host */

/* What it gives is of no matter, but when, and that it may fail. */
static struct {
  wq_crypto_op *op;
  uint32_t length;
  uint8_t ways; /* a bit for each operation: at once or later; its last bits say whether one fails */
} host;

static void work(wq_crypto_op *op, uint32_t length, const uint8_t *data, uint32_t data_length) {
  uint8_t sum = 0;
  for (uint32_t i = 0; i < data_length; i++) /* reads all that it was given */
    sum = (uint8_t)(sum + data[i]);
  must(host.op == NULL);
  host.length = length;
  host.ways = (uint8_t)(host.ways >> 1 | host.ways << 7);
  op->length = length;
  memset(op->result, sum, length);
  op->status = host.ways & 1 ? WQ_CRYPTO_PENDING : (host.ways & 0xF0) == 0xF0 ? WQ_CRYPTO_E_FAILED : WQ_CRYPTO_DONE;
  host.op = op->status == WQ_CRYPTO_PENDING ? op : NULL;
}

int wq_crypto_random(uint8_t *bytes, uint32_t length) {
  memset(bytes, 0, length);
  return 0;
}

void wq_crypto_digest(wq_crypto_op *op, int hash, const uint8_t *data, uint32_t length) {
  work(op, hash == WQ_SHA1 ? 20 : 32, data, length);
}

void wq_crypto_hmac(wq_crypto_op *op, int hash, const uint8_t *key, uint32_t key_length, const uint8_t *data,
                    uint32_t length) {
  must(key_length == 0 || key != NULL);
  work(op, hash == WQ_SHA1 ? 20 : 32, data, length);
}

void wq_crypto_pbkdf2(wq_crypto_op *op, int hash, const uint8_t *password, uint32_t password_length,
                      const uint8_t *salt, uint32_t salt_length, uint32_t iterations, uint32_t result_length) {
  (void)op, (void)hash, (void)password, (void)password_length, (void)salt, (void)salt_length, (void)iterations;
  (void)result_length;
  abort();
}

void wq_crypto_sign(wq_crypto_op *op, int algorithm, const uint8_t *pkcs8, uint32_t pkcs8_length, const uint8_t *data,
                    uint32_t length) {
  must(pkcs8 != NULL && pkcs8_length > 4 && pkcs8[0] == 0x30);
  const uint32_t head = pkcs8[1] < 0x80 ? 2 : 2 + (pkcs8[1] & 3u);
  uint32_t inside = head == 2 ? pkcs8[1] : 0;
  for (uint32_t i = 2; i < head; i++)
    inside = inside << 8 | pkcs8[i];
  must(head + inside == pkcs8_length);
  work(op, algorithm == WQ_ES256 ? 64 : 512, data, length);
}

/* ------------------------------------------------------------------------------------------------ login */

static wq_login login;

static void within(wq_bytes view) {
  const uint8_t *start = (const uint8_t *)&login, *end = start + sizeof login;
  if (view.len > 6) must(view.data >= start && view.data + view.len <= end); /* "mqtt", "unused" are static */
}

static void visible(wq_bytes text) {
  for (uint32_t i = 0; i < text.len; i++)
    must(text.data[i] > ' ' && text.data[i] <= '~');
}

static void login_is_good(void) {
  const wq_bytes views[] = {login.url,      login.subprotocol, login.client_id,   login.username,
                            login.password, login.properties,  login.seat.device, login.seat.scope};
  for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
    within(views[i]);
  must(login.url.len > 5 && memcmp(login.url.data, "ws", 2) == 0);
  visible(login.url);
  must(wq_utf8_valid(login.client_id) && wq_utf8_valid(login.username));
  must(login.password.len <= 65535);
  must(login.password.data == NULL || login.username.data != NULL);
  must(login.versions != 0 && login.renew_ms <= login.expires_ms);
  must(wq_properties_check(login.properties, WQ_VERSION_BIT(WQ_CONNECT)) == 0);
  must(login.properties.len == 0 || login.versions == WQ_VERSION_BIT(WQ_MQTT_5_0));
}

static void fuzz_login(uint32_t service, const wq_bytes *texts, uint32_t count, uint8_t ways) {
  uint32_t field;
  host.op = NULL;
  host.ways = ways;
  int fault = wq_values_check(service, texts, count, &field);
  int status = wq_login_begin(&login, service, texts, count, UINT64_C(1700000000000), 12345);
  must(fault == 0 || (status == fault && login.fault_field == field));
  for (uint32_t steps = 0; status == WQ_LOGIN_PENDING; steps++) {
    must(steps < 8 && host.op == &login.op);
    must(wq_login_step(&login) == WQ_LOGIN_PENDING);
    host.op->status = WQ_CRYPTO_DONE;
    host.op = NULL;
    status = wq_login_step(&login);
  }
  must(status == login.status);
  if (status == WQ_LOGIN_DONE)
    login_is_good();
  else
    must(status < 0 && wq_fault_text(status)[0] != 0);
}

/* A JSON Web Key whose members are the texts, as they are or in base64url, but for one that is left out: no fuzzer thinks
 * of their names. */
static void fuzz_jwk(const wq_bytes *texts, uint8_t way) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  static const char *const members[2][8] = {{"d", "y", "x"}, {"d", "qi", "dq", "dp", "q", "p", "e", "n"}};
  static uint8_t key[8192];
  const bool rsa = way & 1, encoded = way & 2;
  const uint32_t count = rsa ? 8 : 3;
  uint32_t n = (uint32_t)sprintf((char *)key, rsa ? "{\"kty\":\"RSA\"" : "{\"kty\":\"EC\",\"crv\":\"P-256\"");
  for (uint32_t i = 0; i < count; i++) {
    if (i == way >> 4) continue;
    n += (uint32_t)sprintf((char *)key + n, ",\"%s\":\"", members[rsa][i]);
    for (uint32_t k = 0; k < texts[i].len && k < 900; k++)
      key[n++] = encoded ? (uint8_t)digits[texts[i].data[k] & 63] : texts[i].data[k];
    key[n++] = '"';
  }
  key[n++] = '}';
  const wq_bytes values[] = {{(const uint8_t *)"ws://h", 6},
                             {(const uint8_t *)"p", 1},
                             {(const uint8_t *)"r", 1},
                             {(const uint8_t *)"r", 1},
                             {(const uint8_t *)"d", 1},
                             {key, n},
                             {NULL, 0}};
  fuzz_login(WQ_CLEARBLADE, values, 7, way);
}

/* ------------------------------------------------------------------------------------------------ topics */

static void inside(wq_bytes part, wq_bytes whole) {
  if (part.len != 0) must(part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void fuzz_build(const wq_seat *seat, const wq_topic *parts) {
  uint8_t built[512];
  int32_t n = wq_topic_build(seat, parts, built, sizeof built);
  must(n < 0 ? n >= WQ_TOPIC_E_BAG : n <= (int32_t)sizeof built);
  if (n < 0) return;
  const wq_bytes topic = {built, (uint32_t)n};
  const wq_seat device = {seat->service, parts->device.len != 0 ? parts->device : seat->device,
                          parts->scope.len != 0 ? parts->scope : seat->scope};
  const wq_seat operator= {seat->service, {NULL, 0}, device.scope};
  wq_topic again;
  must(wq_topic_name_valid(topic));
  must(wq_topic_read(&operator, topic, &again) == 0 || device.device.len == 0 ||
       wq_topic_read(&device, topic, &again) == 0);
}

static void fuzz_topics(uint32_t service, const wq_bytes *texts, uint8_t kind) {
  const wq_seat seat = {service, texts[1], texts[2]};
  wq_topic parts;
  uint8_t filter[256];
  int32_t n;
  if (wq_topic_read(&seat, texts[0], &parts) == 0) {
    const wq_bytes views[] = {parts.device, parts.scope, parts.name, parts.request, parts.bag};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
      inside(views[i], texts[0]);
    fuzz_build(&seat, &parts);
  }
  const wq_topic asked = {.kind = kind % 20, .status = kind, .name = texts[3], .request = texts[4], .bag = texts[5]};
  fuzz_build(&seat, &asked);
  for (uint32_t i = 0; (n = wq_topic_filter(&seat, ~0u, i, filter, sizeof filter)) > 0; i++)
    must(wq_topic_filter_valid((wq_bytes){filter, (uint32_t)n}));
}

static void fuzz_bag(wq_bytes text) {
  uint8_t decoded[1024], written[4096], room[1024];
  wq_bytes bag = text, name, value, name2, value2;
  int result;
  uint32_t rounds = 0;
  while ((result = wq_bag_read(&bag, decoded, sizeof decoded, &name, &value)) == 1) {
    uint32_t length = 0;
    must(++rounds <= text.len);
    must(wq_bag_write(written, sizeof written, &length, name, value) == 0);
    wq_bytes again = {written, length};
    if (length == 0) continue;
    must(wq_bag_read(&again, room, sizeof room, &name2, &value2) == 1 && again.len == 0);
    must(name.len == name2.len && value.len == value2.len && (value.data == NULL) == (value2.data == NULL));
    must(name.len == 0 || memcmp(name.data, name2.data, name.len) == 0);
    must(value.len == 0 || memcmp(value.data, value2.data, value.len) == 0);
  }
  must(result == 0 ? bag.len == 0 : result == WQ_TOPIC_E_ROOM || result == WQ_TOPIC_E_BAG);
}

/* ------------------------------------------------------------------------------------------------ rules */

static void in_order(const wq_rules *rules, const wq_finding *findings, uint32_t n, uint32_t filters) {
  uint8_t text[300];
  must(n <= WQ_FINDINGS_MAX);
  for (uint32_t i = 0; i < n; i++) {
    must(i == 0 || findings[i - 1].rule < findings[i].rule);
    must(findings[i].action == rules->action[findings[i].rule] && findings[i].action != WQ_ACTION_NONE);
    must(findings[i].index < filters);
    must(wq_rule_text(rules, findings[i].rule, text, sizeof text) > 20);
  }
}

static void fuzz_rules(uint32_t service, const wq_bytes *texts, uint8_t way) {
  const wq_seat seat = {service, texts[1], texts[2]};
  wq_rules rules;
  wq_finding findings[WQ_FINDINGS_MAX];
  wq_rules_init(&rules, &seat, texts, TEXTS_MAX);
  const wq_connect_args connect = {.size = sizeof connect,
                                   .version = (uint8_t)(3 + way % 3),
                                   .clean = (way & 8) != 0,
                                   .has_will = (way & 16) != 0,
                                   .will_retain = (way & 32) != 0,
                                   .will_qos = way >> 6 & 1,
                                   .keep_alive = (uint16_t)(way * 7),
                                   .client_id = texts[0],
                                   .properties = texts[3],
                                   .will_topic = texts[4],
                                   .will_payload = texts[5]};
  in_order(&rules, findings, wq_check_connect(&rules, &connect, findings), 1);
  const wq_publish_args publish = {.size = sizeof publish,
                                   .qos = way % 3,
                                   .retain = (way & 8) != 0,
                                   .topic = texts[0],
                                   .properties = texts[3],
                                   .payload = texts[4]};
  in_order(&rules, findings, wq_check_publish(&rules, &publish, (uint8_t)(3 + way % 3), findings), 1);
  wq_subscription many[TEXTS_MAX];
  for (uint32_t i = 0; i < TEXTS_MAX; i++)
    many[i] = (wq_subscription){.filter = texts[i], .qos = (uint8_t)(i % 3)};
  in_order(&rules, findings, wq_check_subscribe(&rules, many, TEXTS_MAX, texts[3], way, findings), TEXTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wq_bytes texts[TEXTS_MAX] = {{NULL, 0}};
  if (size < 3) return 0;
  const uint32_t service = data[0] % (WQ_SERVICES + 1);
  const uint8_t what = data[1], way = data[2];
  uint32_t at = 3;
  for (uint32_t n = 0; n < TEXTS_MAX && at < size; n++) {
    const uint32_t start = at;
    while (at < size && data[at] != PART_MARK)
      at++;
    texts[n] = (wq_bytes){data + start, at - start};
    at++;
  }
  switch (what % 5) {
  case 0: fuzz_login(service, texts, TEXTS_MAX, way); break;
  case 1: fuzz_topics(service, texts, way); break;
  case 2: fuzz_bag(texts[0]); break;
  case 3: fuzz_jwk(texts, way); break;
  default: fuzz_rules(service, texts, way);
  }
  return 0;
}
