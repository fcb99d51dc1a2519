/* SPDX-License-Identifier: MIT
 * Forms: that each service's is in order, and that each thing a person can get wrong is told by its name. */
#include "provider.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static uint32_t told[2]; /* faults that came, one bit each */

static int check(const form *f, uint32_t *field) {
  int fault = wq_values_check(f->service, f->values, WQ_FIELDS_MAX, field);
  if (fault < 0) told[-fault / 32] |= 1u << (-fault % 32);
  return fault;
}

/* ------------------------------------------------------------------------------------------------ the forms */

/* In a list as "value=label,value=label". */
static bool among(wq_bytes list, const char *word, size_t length) {
  for (uint32_t start = 0, i = 0; i < list.len; i++) {
    if (list.data[i] == ',') start = i + 1;
    if (list.data[i] == '=' && i - start == length && memcmp(list.data + start, word, length) == 0) return true;
  }
  return false;
}

static void field_in_order(uint32_t service, const wq_field *field) {
  wq_field auth;
  CHECK(strchr("tiohuancfskbp", field->kind) != NULL);
  CHECK(field->name.len != 0 && field->label.len != 0);
  for (uint32_t i = 0; i < field->name.len; i++)
    CHECK(strchr("abcdefghijklmnopqrstuvwxyz-", field->name.data[i]) != NULL);
  if (field->when.len != 0 && CHECK(wq_field_at(service, field_named(service, "auth"), &auth))) {
    const char *at = (const char *)field->when.data, *end = at + field->when.len;
    while (at < end) {
      const char *comma = memchr(at, ',', (size_t)(end - at));
      size_t length = comma != NULL ? (size_t)(comma - at) : (size_t)(end - at);
      CHECK(among(auth.initial, at, length));
      at += length + 1;
    }
  }
  int commas = 0, labels = 0;
  for (uint32_t i = 0; i < field->initial.len; i++) {
    commas += field->initial.data[i] == ',';
    labels += field->initial.data[i] == '=';
  }
  if (field->kind == WQ_FIELD_NUMBER) CHECK_INT(commas, 2);
  if (field->kind == WQ_FIELD_CHOICE) CHECK(commas > 0);
  CHECK_INT(labels, field->kind == WQ_FIELD_CHOICE ? commas + 1 : 0);
  if (wq_field_secret(field->kind)) CHECK_INT(field->initial.len, 0);
}

static void in_order(void) {
  for (uint32_t service = 0; service < WQ_SERVICES; service++) {
    const wq_service_info *info = wq_service_at(service);
    wq_field field, other;
    uint32_t n = 0, lines = 0;
    for (; wq_field_at(service, n, &field); n++) {
      field_in_order(service, &field);
      for (uint32_t k = 0; k < n && wq_field_at(service, k, &other); k++)
        CHECK(field.name.len != other.name.len || memcmp(field.name.data, other.name.data, field.name.len) != 0);
    }
    for (const char *at = info->form; *at != 0; at++)
      lines += *at == '\n';
    CHECK_INT(n, lines);
    CHECK(n > 0 && n <= WQ_FIELDS_MAX);
    CHECK(info->versions != 0 && info->title[0] != 0 && info->name[0] != 0);
  }
  CHECK(wq_service_at(WQ_SERVICES) == NULL);
  wq_field field;
  CHECK(!wq_field_at(WQ_SERVICES, 0, &field));
  CHECK(!wq_field_at(WQ_AWS, 1000, &field));
}

/* What a form holds initially is no fault of the person. */
static void initials(void) {
  for (uint32_t service = 0; service < WQ_SERVICES; service++) {
    form f = {.service = service};
    uint32_t field;
    int fault = check(&f, &field);
    CHECK(fault == 0 || fault == WQ_FAULT_MISSING);
    wq_field found;
    if (fault != 0) CHECK(wq_field_at(service, field, &found) && found.initial.len == 0);
  }
}

/* ------------------------------------------------------------------------------------------------ values */

typedef struct wrong {
  const char *service, *field, *value;
  int fault;
} wrong;

static const struct {
  const char *service, *field, *value;
} complete[] = {
    {"aws", "host", "a-ats.iot.us-east-1.amazonaws.com"},
    {"aws", "access-key", "AKIDEXAMPLE"},
    {"aws", "secret-key", "secret"},
    {"azure-iot-hub", "host", "h.azure-devices.net"},
    {"azure-iot-hub", "device", "d"},
    {"azure-iot-hub", "module", "m"},
    {"azure-iot-hub", "key", "c2VjcmV0"},
    {"azure-event-grid", "host", "ns.ts.eventgrid.azure.net"},
    {"azure-event-grid", "token", "e30.e30.c2ln"},
    {"clearblade", "url", "ws://localhost:9000"},
    {"clearblade", "project", "p"},
    {"clearblade", "region", "r"},
    {"clearblade", "registry", "g"},
    {"clearblade", "device", "d"},
    {"alibaba", "product", "pk"},
    {"alibaba", "device", "dn"},
    {"alibaba", "secret", "ds"},
    {"scaleway", "id", "f926489b-92d4-4572-bc96-dfad83c3db4b"},
    {"cumulocity", "host", "t.cumulocity.com"},
    {"cumulocity", "tenant", "t1"},
    {"cumulocity", "username", "u"},
    {"cumulocity", "password", "p"},
    {"cumulocity", "device", "d"},
    {"broker", "url", "wss://broker.example/mqtt"},
};

static char good_key[8192]; /* PEM, made by keys() */

static form filled(const char *service) {
  form f = {.service = service_named(service)};
  for (size_t i = 0; i < sizeof complete / sizeof complete[0]; i++)
    if (strcmp(complete[i].service, service) == 0) fill(&f, complete[i].field, complete[i].value);
  if (f.service == WQ_CLEARBLADE) fill(&f, "key", good_key);
  return f;
}

static const wrong wrongs[] = {
    {"aws", "host", "", WQ_FAULT_MISSING},
    {"aws", "host", " \n", WQ_FAULT_MISSING},
    {"aws", "host", "https://a.iot.us-east-1.amazonaws.com", WQ_FAULT_HOST},
    {"aws", "host", "a.iot.us-east-1.amazonaws.com/mqtt", WQ_FAULT_HOST},
    {"aws", "host", "a.iot.us-east-1.amazonaws.com:0", WQ_FAULT_HOST},
    {"aws", "host", "a.iot.us-east-1.amazonaws.com:65536", WQ_FAULT_HOST},
    {"aws", "host", "a.iot.us-east-1.amazonaws.com:65535", 0},
    {"aws", "host", "a.iot:1:2", WQ_FAULT_HOST},
    {"aws", "host", ":443", WQ_FAULT_HOST},
    {"aws", "host", "a b", WQ_FAULT_HOST},
    {"aws", "host", "-", WQ_FAULT_HOST},
    {"aws", "host", ".", WQ_FAULT_HOST},
    {"aws", "host", "a..iot.us-east-1.amazonaws.com", WQ_FAULT_HOST},
    {"aws", "host", ".a.iot.us-east-1.amazonaws.com", WQ_FAULT_HOST},
    {"aws", "host", "-a.iot.us-east-1.amazonaws.com", WQ_FAULT_HOST},
    {"aws", "host", "a-.iot.us-east-1.amazonaws.com", WQ_FAULT_HOST},
    {"aws", "host", "a.-iot.us-east-1.amazonaws.com", WQ_FAULT_HOST},
    {"aws", "host", "a.iot.us-east-1.amazonaws.com-", WQ_FAULT_HOST},
    {"aws", "host", "a.iot.us-east-1.amazonaws.com..", WQ_FAULT_HOST},
    {"aws", "host", "a.iot.us-east-1.amazonaws.com.", 0},
    {"aws", "host", "a--b.iot.us-east-1.amazonaws.com:1", 0},
    {"aws", "host", "a@b", WQ_FAULT_HOST},
    {"aws", "host", "\xC3\xA4.iot.eu-west-1.amazonaws.com", WQ_FAULT_HOST},
    {"aws", "host", "HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey=c2VjcmV0", WQ_FAULT_CONNECTION_STRING},
    {"aws", "host", "localhost:4566", WQ_FAULT_REGION},
    {"aws", "host", "x.iot.us-east-1", WQ_FAULT_REGION},
    {"aws", "auth", "sigv5", WQ_FAULT_CHOICE},
    {"aws", "auth", "sigv4,authorizer", WQ_FAULT_CHOICE},
    {"aws", "auth", "Access keys (signed URL)", WQ_FAULT_CHOICE},
    {"aws", "auth", "sigv4=Access keys (signed URL)", WQ_FAULT_CHOICE},
    {"scaleway", "plan", "dedicated", 0},
    {"scaleway", "plan", "Dedicated", WQ_FAULT_CHOICE},
    {"aws", "access-key", "AKID EXAMPLE", WQ_FAULT_SPACE},
    {"aws", "access-key", "AKID\nEXAMPLE", WQ_FAULT_SPACE},
    {"aws", "access-key", "AKID\xC3\xA4", WQ_FAULT_TEXT},
    {"aws", "access-key", " AKID ", 0},
    {"aws", "secret-key", "aws_secret_access_key = wJalr", WQ_FAULT_ASSIGNMENT},
    {"aws", "secret-key", "AKIAIOSFODNN7EXAMPLE", WQ_FAULT_ACCESS_KEY_ID},
    {"aws", "secret-key", "ASIAIOSFODNN7EXAMPLE", WQ_FAULT_ACCESS_KEY_ID},
    {"aws", "secret-key", "AKIAIOSFODNN7EXAMPLE/", 0},
    {"aws", "expires", "0", WQ_FAULT_NUMBER},
    {"aws", "expires", "604801", WQ_FAULT_NUMBER},
    {"aws", "expires", "604800", 0},
    {"aws", "expires", "1", 0},
    {"aws", "expires", "1e3", WQ_FAULT_NUMBER},
    {"aws", "expires", "-1", WQ_FAULT_NUMBER},
    {"aws", "expires", "4294967297", WQ_FAULT_NUMBER},
    {"aws", "client", "a\x7F", WQ_FAULT_TEXT},
    {"aws", "client", "a\tb", WQ_FAULT_TEXT},
    {"aws", "client", "\xED\xA0\x80", WQ_FAULT_TEXT},
    {"aws", "device", "a/b", WQ_FAULT_ID},
    {"aws", "device", "a+b", WQ_FAULT_ID},
    {"aws", "prefix", "a/b", 0},
    {"aws", "prefix", "a/#", WQ_FAULT_ID},
    {"azure-iot-hub", "key", "secret", WQ_FAULT_BASE64},
    {"azure-iot-hub", "key", "c2VjcmV", WQ_FAULT_BASE64},
    {"azure-iot-hub", "key", "c2Vj=mV0", WQ_FAULT_BASE64},
    {"azure-iot-hub", "key", "c2V-cmV0", WQ_FAULT_BASE64},
    {"azure-iot-hub", "key", "c2Vjcm U=", WQ_FAULT_SPACE},
    {"azure-iot-hub", "key", "c2VjcmU=c2VjcmU=", WQ_FAULT_BASE64},
    {"azure-iot-hub", "key", "HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0", WQ_FAULT_CONNECTION_STRING},
    {"azure-iot-hub", "key", "SharedAccessSignature sr=h&sig=s&se=1", WQ_FAULT_SAS_TOKEN},
    {"azure-iot-hub", "host", "", WQ_FAULT_MISSING},
    {"azure-iot-hub", "device", "d/m", WQ_FAULT_ID},
    {"azure-iot-hub", "ttl", "59", WQ_FAULT_NUMBER},
    {"azure-event-grid", "token", "e30.e30", WQ_FAULT_JWT},
    {"azure-event-grid", "token", "e30.e30.c2ln.x", WQ_FAULT_JWT},
    {"azure-event-grid", "token", ".e30.c2ln", WQ_FAULT_JWT},
    {"azure-event-grid", "token", "e30.e30.", WQ_FAULT_JWT},
    {"azure-event-grid", "token", "e30.e3*.c2ln", WQ_FAULT_JWT},
    {"azure-event-grid", "token", "e30.W3siZXhwIjoxNzAwMDAzNjAwfV0.c2ln", WQ_FAULT_JWT}, /* [{"exp":1700003600}] */
    {"azure-event-grid", "token", "e30.eyJleHAiOjE3MDAwMDM2MDA.c2ln", WQ_FAULT_JWT},     /* {"exp":1700003600 */
    {"azure-event-grid", "token", "e30.MTcwMDAwMzYwMA.c2ln", WQ_FAULT_JWT},              /* 1700003600 */
    {"azure-event-grid", "path", "mqtt", WQ_FAULT_URL},
    {"azure-event-grid", "path", "/mq tt", WQ_FAULT_SPACE},
    {"azure-event-grid", "path", "/mqtt#x", WQ_FAULT_URL},
    {"alibaba", "sign-method", "hmacmd5", WQ_FAULT_MD5},
    {"clearblade", "project", "my\"project", WQ_FAULT_ID},
    {"clearblade", "project", "my\\project", WQ_FAULT_ID},
    {"clearblade", "project", "My-project", WQ_FAULT_ID},
    {"clearblade", "project", "example.com:my-project", 0},
    {"alibaba", "product", "p k", WQ_FAULT_ID},
    {"alibaba", "region", "Singapore 1", WQ_FAULT_ID},
    {"alibaba", "tls", "yes", WQ_FAULT_CHOICE},
    {"alibaba", "client", "a|b", WQ_FAULT_ID},
    {"alibaba", "client", "12345678901234567890123456789012345678901234567890123456789012345", WQ_FAULT_CLIENT_ID},
    {"alibaba", "client", "1234567890123456789012345678901234567890123456789012345678901234", 0},
    {"alibaba", "timestamp", "12a", WQ_FAULT_NUMBER},
    {"alibaba", "timestamp", "123456789012345678901", WQ_FAULT_NUMBER},
    {"alibaba", "timestamp", "12345678901234567890", 0},
    {"cumulocity", "device", "d:x", WQ_FAULT_ID},
    {"cumulocity", "template", "x:y", WQ_FAULT_ID},
    {"cumulocity", "password", " a b ", 0},
    {"cumulocity", "password", "a\xFF", WQ_FAULT_TEXT},
    {"alibaba", "product", "[::1]", WQ_FAULT_ID},
    {"broker", "url", "ws://[::1]:9001/mqtt", 0},
    {"broker", "url", "ws://[fe80::1.2.3.4]/", 0},
    {"broker", "url", "ws://my_broker:9001", 0},
    {"broker", "url", "WSS://Broker.Example/Mqtt", 0},
    {"broker", "url", "Ws://b:1", 0},
    {"broker", "url", "wss//b", WQ_FAULT_URL},
    {"broker", "url", "ws\x1A//b", WQ_FAULT_URL},
    {"broker", "url", "wsss://b", WQ_FAULT_URL},
    {"broker", "url", "s://b", WQ_FAULT_URL},
    {"broker", "url", "ws:/", WQ_FAULT_URL},
    {"broker", "url", "ws://-", WQ_FAULT_URL},
    {"broker", "url", "wss://a..b/mqtt", WQ_FAULT_URL},
    {"broker", "url", "ws://[::1]:", WQ_FAULT_URL},
    {"broker", "url", "ws://[::1", WQ_FAULT_URL},
    {"broker", "url", "ws://[]/", WQ_FAULT_URL},
    {"broker", "url", "ws://[::g]/", WQ_FAULT_URL},
    {"broker", "url", "ws://[::1]9001/", WQ_FAULT_URL},
    {"broker", "url", "ws://[::1]:0/", WQ_FAULT_URL},
    {"broker", "url", "ws://a[::1]/", WQ_FAULT_URL},
    {"broker", "url", "mqtt://broker.example", WQ_FAULT_URL},
    {"broker", "url", "wss://", WQ_FAULT_URL},
    {"broker", "url", "wss:///mqtt", WQ_FAULT_URL},
    {"broker", "url", "wss://user:password@broker.example/", WQ_FAULT_URL},
    {"broker", "url", "wss://broker.example/#x", WQ_FAULT_URL},
    {"broker", "url", "wss://broker.example/a b", WQ_FAULT_URL},
    {"broker", "url", "ws://localhost:9001?x=1", 0},
};

static void wrong_values(void) {
  for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
    form f = filled(wrongs[i].service);
    uint32_t field;
    CHECK_INT(check(&f, &field), 0);
    fill(&f, wrongs[i].field, wrongs[i].value);
    if (!CHECK_INT(check(&f, &field), wrongs[i].fault)) printf("  %s: %s\n", wrongs[i].field, wrongs[i].value);
    const char *at_fault = wrongs[i].fault == WQ_FAULT_REGION ? "region" : wrongs[i].field;
    if (wrongs[i].fault != 0) CHECK_TEXT(field_name(f.service, field), at_fault);
  }
}

static void together(void) {
  uint32_t field;
  form f = filled("aws");
  fill(&f, "auth", "authorizer");
  CHECK_INT(check(&f, &field), 0);
  fill(&f, "token", "t");
  CHECK_INT(check(&f, &field), WQ_FAULT_SIGNATURE);
  fill(&f, "token-key", "k");
  CHECK_INT(check(&f, &field), WQ_FAULT_SIGNATURE);
  fill(&f, "token-signature", "c2ln");
  CHECK_INT(check(&f, &field), 0);
  fill(&f, "auth", "sigv4"); /* what another way of signing in asks for does not count */
  fill(&f, "token", "");
  CHECK_INT(check(&f, &field), 0);

  f = filled("alibaba"); /* the client id is made of both, where none is filled in */
  fill(&f, "product", "a123456789b");
  fill(&f, "device", "1234567890123456789012345678901234567890123456789012");
  CHECK_INT(check(&f, &field), 0);
  fill(&f, "device", "12345678901234567890123456789012345678901234567890123");
  CHECK_INT(check(&f, &field), WQ_FAULT_CLIENT_ID);
  CHECK_TEXT(field_name(f.service, field), "client");
  fill(&f, "client", "short");
  CHECK_INT(check(&f, &field), 0);

  f = filled("azure-iot-hub");
  fill(&f, "module", "a/b"); /* not asked for: the key is the device's */
  CHECK_INT(check(&f, &field), 0);
  fill(&f, "auth", "module");
  CHECK_INT(check(&f, &field), WQ_FAULT_ID);
  fill(&f, "auth", "policy");
  CHECK_INT(check(&f, &field), 0);
  fill(&f, "auth", "dps");
  fill(&f, "host", "");
  CHECK_INT(check(&f, &field), WQ_FAULT_MISSING);
  CHECK_TEXT(field_name(f.service, field), "id-scope");
  fill(&f, "id-scope", "0ne1");
  CHECK_INT(check(&f, &field), 0);
}

static void counts(void) {
  form f = filled("scaleway");
  uint32_t field;
  CHECK_INT(wq_values_check(f.service, f.values, 1, &field), 0); /* fewer values: the rest is not filled in */
  CHECK_INT(wq_values_check(f.service, NULL, 0, &field), WQ_FAULT_MISSING);
  f.service = WQ_SERVICES;
  CHECK_INT(check(&f, &field), WQ_FAULT_SERVICE);
  static wq_login login;
  CHECK_INT(wq_login_begin(&login, WQ_SERVICES, f.values, 1, 1, 1), WQ_FAULT_SERVICE);
}

/* ------------------------------------------------------------------------------------------------ private keys */

static const char *pem_text(BIO *bio) {
  static char text[8192];
  int n = BIO_read(bio, text, sizeof text - 1);
  text[n > 0 ? n : 0] = 0;
  BIO_free(bio);
  return text;
}

/* the base64 alone */
static const char *armour_off(const char *pem) {
  static char text[8192];
  const char *start = strchr(pem, '\n') + 1, *end = strstr(start, "-----END");
  snprintf(text, sizeof text, "%.*s", (int)(end - start), start);
  return text;
}

static int key_fault(const char *key) {
  form f = filled("clearblade");
  uint32_t field;
  fill(&f, "key", key);
  int fault = check(&f, &field);
  if (fault != 0) CHECK_TEXT(field_name(f.service, field), "key");
  return fault;
}

static const char *pkcs8(EVP_PKEY *key, const EVP_CIPHER *cipher) {
  BIO *bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, cipher != NULL ? "pw" : NULL, cipher != NULL ? 2 : 0, NULL, NULL);
  return pem_text(bio);
}

static const char *traditional(EVP_PKEY *key, const EVP_CIPHER *cipher) {
  BIO *bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey_traditional(bio, key, cipher, (const uint8_t *)"pw", cipher != NULL ? 2 : 0, NULL, NULL);
  return pem_text(bio);
}

static const char *public_pem(EVP_PKEY *key) {
  BIO *bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key);
  return pem_text(bio);
}

static void keys(void) {
  EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-384");
  EVP_PKEY *edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  EVP_PKEY *const good[] = {rsa, ec};
  for (int i = 0; i < 2; i++) {
    snprintf(good_key, sizeof good_key, "%s", pkcs8(good[i], NULL));
    CHECK_INT(key_fault(good_key), 0);
    CHECK_INT(key_fault(armour_off(pkcs8(good[i], NULL))), 0);
    CHECK_INT(key_fault(public_pem(good[i])), WQ_FAULT_KEY_PUBLIC);
    CHECK_INT(key_fault(armour_off(public_pem(good[i]))), WQ_FAULT_KEY_PUBLIC);
    CHECK_INT(key_fault(pkcs8(good[i], EVP_aes_256_cbc())), WQ_FAULT_KEY_ENCRYPTED);
    CHECK_INT(key_fault(armour_off(pkcs8(good[i], EVP_aes_256_cbc()))), WQ_FAULT_KEY_ENCRYPTED);
    CHECK_INT(key_fault(traditional(good[i], EVP_aes_256_cbc())), WQ_FAULT_KEY_ENCRYPTED);
  }
  CHECK_INT(key_fault(traditional(rsa, NULL)), WQ_FAULT_KEY_PKCS1);
  CHECK_INT(key_fault(armour_off(traditional(rsa, NULL))), WQ_FAULT_KEY_PKCS1);
  CHECK_INT(key_fault(traditional(ec, NULL)), WQ_FAULT_KEY_SEC1);
  CHECK_INT(key_fault(armour_off(traditional(ec, NULL))), WQ_FAULT_KEY_SEC1);
  CHECK_INT(key_fault(pkcs8(other, NULL)), WQ_FAULT_KEY_KIND);
  CHECK_INT(key_fault(pkcs8(edwards, NULL)), WQ_FAULT_KEY_KIND);
  CHECK_INT(key_fault("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"), WQ_FAULT_KEY_CERTIFICATE);
  CHECK_INT(key_fault("MBgwFqADAgECAhRDPawHd1XTHCoAAAAAAAA="), WQ_FAULT_KEY_CERTIFICATE);
  CHECK_INT(key_fault(" {\"kty\":\"EC\",\"crv\":\"P-256\"}"), WQ_FAULT_KEY_PUBLIC);
  CHECK_INT(key_fault("{\"private_key\":\"-----BEGIN PRIVATE KEY-----\"}"), WQ_FAULT_KEY_JWK_MEMBER);
  CHECK_INT(key_fault("{\"kty\""), WQ_FAULT_KEY_JWK);
  CHECK_INT(key_fault("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----"),
            WQ_FAULT_KEY_FORM);
  CHECK_INT(key_fault("-----BEGIN PRIVATE KEY-----\nMIIE"), WQ_FAULT_KEY_FORM);
  CHECK_INT(key_fault("my key"), WQ_FAULT_KEY_FORM);
  CHECK_INT(key_fault("AAAA"), WQ_FAULT_KEY_FORM);

  /* cut anywhere, it is none */
  char text[8192];
  snprintf(text, sizeof text, "%s", armour_off(pkcs8(ec, NULL)));
  for (size_t n = strlen(text) - 1; n-- > 0;) { /* its last character is a line feed */
    text[n] = 0;
    int fault = key_fault(text);
    CHECK(fault == WQ_FAULT_KEY_FORM || fault == WQ_FAULT_MISSING);
  }
  EVP_PKEY_free(rsa), EVP_PKEY_free(ec), EVP_PKEY_free(other), EVP_PKEY_free(edwards);
}

/* ------------------------------------------------------------------------------------------------ large values */

/* The room ends at every point of making a login: it is done, or too long, and never past its end. */
static void room(void) {
  static wq_login login;
  static char token[70000];
  memset(token, '+', sizeof token - 1);
  form f = filled("aws");
  uint32_t done = 0, long_ones = 0;
  for (size_t n = 1000; n < sizeof token; n += n < 17000 ? 7 : 9999) {
    f.values[field_named(WQ_AWS, "session-token")] = (wq_bytes){(const uint8_t *)token, (uint32_t)n};
    int status = wq_login_begin(&login, WQ_AWS, f.values, WQ_FIELDS_MAX, 1, 1);
    CHECK(status == WQ_LOGIN_DONE || status == WQ_FAULT_TOO_LONG);
    done += status == WQ_LOGIN_DONE;
    long_ones += status == WQ_FAULT_TOO_LONG;
    if (status == WQ_FAULT_TOO_LONG) CHECK_TEXT(field_name(f.service, login.fault_field), "session-token");
  }
  CHECK(done > 10 && long_ones > 10);
  told[-WQ_FAULT_TOO_LONG / 32] |= 1u << (-WQ_FAULT_TOO_LONG % 32);

  f = filled("azure-iot-hub");
  memset(token, 'A', sizeof token - 1);
  for (uint32_t n = 4; n < 17000; n += n < 8000 ? 400 : 4) {
    f.values[field_named(f.service, "key")] = (wq_bytes){(const uint8_t *)token, n};
    int status = wq_login_begin(&login, f.service, f.values, WQ_FIELDS_MAX, 1, 1);
    CHECK(status == WQ_LOGIN_DONE || status == WQ_FAULT_TOO_LONG);
    if (n < 9000) CHECK_INT(status, WQ_LOGIN_DONE);
    if (n > 9500) CHECK_INT(status, WQ_FAULT_TOO_LONG); /* there is no room for the decoded key beside it */
    if (n > 9500) CHECK_TEXT(field_name(f.service, login.fault_field), "key");
  }
}

/* What looks like a key as far as a form looks: an elliptic one of so many bytes. */
static const char *large_key(uint32_t length) {
  static uint8_t der[13000], text[18000];
  static const uint8_t head[] = {0x30, 0x82, 0,    0,    0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
                                 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
  memcpy(der, head, sizeof head);
  der[2] = (uint8_t)((length - 4) >> 8);
  der[3] = (uint8_t)(length - 4);
  EVP_EncodeBlock(text, der, (int)length);
  return (const char *)text;
}

/* A key is decoded in the room that is left, for the call that signs with it. */
static void large_keys(void) {
  static wq_login login;
  form f = filled("clearblade");
  for (uint32_t length = 3000; length < 12900; length += 300) {
    fill(&f, "key", large_key(length));
    int status = wq_login_begin(&login, f.service, f.values, WQ_FIELDS_MAX, 1, 1);
    CHECK(status == (length < 6700 ? WQ_FAULT_KEY_REFUSED : length > 7000 ? WQ_FAULT_TOO_LONG : status));
  }
}

/* What passes as a field may still make no address. */
static void addresses(void) {
  static wq_login login;
  form f = filled("alibaba");
  fill(&f, "region", "cn-shanghai:1");
  CHECK_INT(wq_login_begin(&login, f.service, f.values, WQ_FIELDS_MAX, 1, 1), WQ_FAULT_URL);
  f = filled("azure-event-grid");
  fill(&f, "path", "/a?b=%20");
  CHECK_INT(wq_login_begin(&login, f.service, f.values, WQ_FIELDS_MAX, 1, 1), WQ_LOGIN_DONE);
}

static void clock_and_expiry(void) {
  static wq_login login;
  form f = filled("aws");
  CHECK_INT(wq_login_begin(&login, WQ_AWS, f.values, WQ_FIELDS_MAX, UINT64_C(253402300799999), 1), WQ_LOGIN_DONE);
  CHECK(strstr(as_text(login.url), "X-Amz-Date=99991231T235959Z") != NULL);
  CHECK_INT(wq_login_begin(&login, WQ_AWS, f.values, WQ_FIELDS_MAX, UINT64_C(253402300800000), 1), WQ_FAULT_CLOCK);
  CHECK_INT(login.fault_field, WQ_FIELDS_MAX);
  static const struct {
    uint64_t unix_s;
    const char *date;
  } dates[] = {{0, "19700101T000000Z"},          {951782399, "20000228T235959Z"},  {951782400, "20000229T000000Z"},
               {951868800, "20000301T000000Z"},  {1078012800, "20040229T000000Z"}, {4107542399, "21000228T235959Z"},
               {4107542400, "21000301T000000Z"}, {1767225599, "20251231T235959Z"}, {1767225600, "20260101T000000Z"}};
  for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
    wq_login_begin(&login, WQ_AWS, f.values, WQ_FIELDS_MAX, dates[i].unix_s * 1000 + 999, 1);
    CHECK(strstr(as_text(login.url), dates[i].date) != NULL);
  }
}

/* Each fault has its own text, and all but those of the host's cryptography came up here. */
static void texts(void) {
  static const int elsewhere[] = {WQ_FAULT_EXPIRED, WQ_FAULT_CLOCK, WQ_FAULT_INSECURE, WQ_FAULT_KEY_REFUSED,
                                  WQ_FAULT_CRYPTO};
  for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
    told[-elsewhere[i] / 32] |= 1u << (-elsewhere[i] % 32);
  for (int fault = -1; fault >= WQ_FAULT_CLIENT_ID; fault--) {
    CHECK(strlen(wq_fault_text(fault)) > 10);
    CHECK((told[-fault / 32] >> (-fault % 32) & 1) != 0);
    for (int other = -1; other > fault; other--)
      CHECK(strcmp(wq_fault_text(fault), wq_fault_text(other)) != 0);
  }
  CHECK_TEXT(wq_fault_text(0), "");
  CHECK_TEXT(wq_fault_text(WQ_FAULT_CLIENT_ID - 1), "");
}

int main(void) {
  check_case("forms are in order: kinds, names, conditions, initial values", in_order);
  check_case("what a form holds initially is no fault", initials);
  check_case("private keys: PKCS#8 of RSA and P-256, and every other form by its name", keys);
  check_case("values: each mistake has its fault and field", wrong_values);
  check_case("values: what belongs together, and what is not asked for", together);
  check_case("values: fewer than fields; no such service", counts);
  check_case("values of any length: done or too long", room);
  check_case("private keys of any length: refused, or too long", large_keys);
  check_case("addresses: what the fields make is checked again", addresses);
  check_case("the clock: dates from 1970 to 9999", clock_and_expiry);
  check_case("faults: a text each, and each comes up", texts);
  return check_close();
}
