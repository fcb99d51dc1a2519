/* SPDX-License-Identifier: MIT
 * Logins by the vectors, through the OpenSSL host; and what a login must not do: leave secrets behind, overrun its room,
 * take values that are none. */
#include "guard.h"
#include "provider.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static wq_login login;

/* ------------------------------------------------------------------------------------------------ vectors */

/* The public half of the vector's key: SubjectPublicKeyInfo of P-256, then x and y. */
static EVP_PKEY *public_key(void) {
  static const uint8_t der[] = {
      0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE,
      0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x60, 0xFE, 0xD4, 0xBA, 0x25, 0x5A, 0x9D, 0x31, 0xC9, 0x61, 0xEB,
      0x74, 0xC6, 0x35, 0x6D, 0x68, 0xC0, 0x49, 0xB8, 0x92, 0x3B, 0x61, 0xFA, 0x6C, 0xE6, 0x69, 0x62, 0x2E, 0x60, 0xF2,
      0x9F, 0xB6, 0x79, 0x03, 0xFE, 0x10, 0x08, 0xB8, 0xBC, 0x99, 0xA4, 0x1A, 0xE9, 0xE9, 0x56, 0x28, 0xBC, 0x64, 0xF2,
      0xF1, 0xB2, 0x0C, 0x2D, 0x7E, 0x9F, 0x51, 0x77, 0xA3, 0xC2, 0x94, 0xD4, 0x46, 0x22, 0x99};
  const unsigned char *at = der;
  return d2i_PUBKEY(NULL, &at, sizeof der);
}

static int from_base64url(uint8_t *dst, const char *text) {
  char plain[1024];
  size_t n = strlen(text);
  for (size_t i = 0; i <= n; i++)
    plain[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
  while (n % 4 != 0)
    plain[n++] = '=';
  return EVP_DecodeBlock(dst, (const uint8_t *)plain, (int)n);
}

/* A signature is new each time: the signed part is the vector's, and the vector's key accepts the rest. */
static void es256_verifies(const char *got, const char *want) {
  const char *dot = strrchr(got, '.');
  size_t signed_length = (size_t)(dot - got);
  uint8_t raw[96], der[80];
  CHECK_INT(strncmp(got, want, signed_length + 1), 0);
  CHECK_INT(strlen(dot + 1), 86);
  if (from_base64url(raw, dot + 1) != 66) return;
  ECDSA_SIG *signature = ECDSA_SIG_new();
  ECDSA_SIG_set0(signature, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
  unsigned char *end = der;
  int der_length = i2d_ECDSA_SIG(signature, &end);
  EVP_PKEY *key = public_key();
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  CHECK_INT(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
  CHECK_INT(EVP_DigestVerify(context, der, (size_t)der_length, (const uint8_t *)got, signed_length), 1);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  ECDSA_SIG_free(signature);
}

static int begin(const form *f, uint64_t time, uint64_t random) {
  return wq_login_begin(&login, f->service, f->values, WQ_FIELDS_MAX, time * 1000 + 999, random); /* in mid-second */
}

static vector rs256;

static void vector_run(const vector *v) {
  if (strcmp(v->title, "vector: ClearBlade, RS256") == 0) rs256 = *v;
  vector_check(v, &login, begin(&v->filled, v->time, v->random), es256_verifies);
}

/* ------------------------------------------------------------------------------------------------ besides */

static char pem_password[WQ_LOGIN_ROOM + 1];

/* The same key as PEM, as files have it, gives the same token as its base64 alone. */
static void pem(void) {
  static const char *const ends[] = {"\n", "\r\n"};
  const vector *v = &rs256;
  const wq_bytes alone = v->filled.values[field_named(WQ_CLEARBLADE, "key")];
  for (int i = 0; i < 2; i++) {
    static char file[4096];
    int n = snprintf(file, sizeof file, "Bag Attributes%s-----BEGIN PRIVATE KEY-----%s", ends[i], ends[i]);
    for (uint32_t at = 0; at < alone.len; at += 64)
      n += snprintf(file + n, sizeof file - (size_t)n, "%.*s%s", alone.len - at < 64 ? (int)(alone.len - at) : 64,
                    (const char *)alone.data + at, ends[i]);
    snprintf(file + n, sizeof file - (size_t)n, "-----END PRIVATE KEY-----%s", ends[i]);
    form f = v->filled;
    fill(&f, "key", file);
    CHECK_INT(begin(&f, v->time, v->random), WQ_LOGIN_DONE);
    snprintf(pem_password, sizeof pem_password, "%s", as_text(login.password));
    CHECK_INT(begin(&v->filled, v->time, v->random), WQ_LOGIN_DONE);
    CHECK_TEXT(pem_password, as_text(login.password));
  }
}

/* A token says when it is over by its own member exp, and not one inside another; or nothing, and then it is taken as it is. */
static void token_expiry(void) {
  static const struct {
    const char *token;
    uint64_t expires;
  } tokens[] = {
      {"e30.eyJleHAiOjE3MDAwMDM2MDB9.c2ln", 1700003600},                         /* {"exp":1700003600} */
      {"e30.eyJzdWIiOiJleHAiLCJleHAiOjE3MDAwMDM2MDAsImEiOjF9.c2ln", 1700003600}, /* {"sub":"exp","exp":...,"a":1} */
      {"e30.eyJhIjoiPz8_Pj4-IiwiZXhwIjogMTcwMDAwMzYwMH0.c2ln", 1700003600}, /* - and _; {"a":"???>>>","exp": ...} */
      {"e30.eyJleHAiOjE3MDAwMDM2MDAuNX0.c2ln", 1700003600},                 /* {"exp":1700003600.5} */
      {"e30.eyJzdWIiOiJ4In0.c2ln", 0},                                      /* {"sub":"x"} */
      {"e30.eyJhIjp7ImV4cCI6MTYwMDAwMDAwMH0sImV4cCI6MTcwMDAwMzYwMH0.c2ln",
       1700003600}, /* {"a":{"exp":1600000000},"exp":1700003600} */
      {"e30.eyJleHAiOjE3MDAwMDM2MDAsImEiOlt7ImV4cCI6MX1dfQ.c2ln", 1700003600}, /* {"exp":1700003600,"a":[{"exp":1}]} */
      {"e30.eyJhIjp7ImV4cCI6MTYwMDAwMDAwMH19.c2ln", 0},                        /* {"a":{"exp":1600000000}} */
      {"e30.eyJhIjoiXCJleHBcIjoxNjAwMDAwMDAwIn0.c2ln", 0},                     /* {"a":"\"exp\":1600000000"} */
      {"e30.eyJleHAiOiIxNzAwMDAzNjAwIn0.c2ln", 0},                             /* {"exp":"1700003600"} */
      {"e30.eyJleHAiOjEuN2U5fQ.c2ln", 0},                                      /* {"exp":1.7e9} */
      {"e30.eyJcdTAwNjV4cCIgOgoxNzAwMDAzNjAwIH0.c2ln", 1700003600},            /* {"\u0065xp" : 1700003600 } */
      {"e30.eyJleHAiOjEsImV4cCI6MTcwMDAwMzYwMH0.c2ln", 1700003600},            /* {"exp":1,"exp":1700003600} */
      {"e30.e30.c2ln", 0},
  };
  form f = {.service = WQ_AZURE_EVENT_GRID};
  fill(&f, "host", "h.example");
  for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
    fill(&f, "token", tokens[i].token);
    CHECK_INT(begin(&f, 1700000000, 0), WQ_LOGIN_DONE);
    CHECK_INT(login.expires_ms, tokens[i].expires * 1000);
    CHECK_INT(login.renew_ms, tokens[i].expires != 0 ? (tokens[i].expires - 300) * 1000 : 0);
  }
  fill(&f, "token", tokens[0].token);
  CHECK_INT(begin(&f, 1700003599, 0), WQ_LOGIN_DONE);
  CHECK_INT(begin(&f, 1700003600, 0), WQ_FAULT_EXPIRED);
  CHECK_TEXT(field_name(f.service, login.fault_field), "token");
}

/* A short token is renewed a fifth of its time before its end; a long one, five minutes. */
static void renewal(void) {
  static const struct {
    const char *ttl;
    uint64_t renew;
  } ttls[] = {{"60", 48}, {"1500", 1200}, {"1505", 1205}, {"86400", 86100}};
  form f = {.service = WQ_AZURE_IOT_HUB};
  fill(&f, "host", "h.example");
  fill(&f, "device", "d");
  fill(&f, "key", "c2VjcmV0");
  for (size_t i = 0; i < sizeof ttls / sizeof ttls[0]; i++) {
    fill(&f, "ttl", ttls[i].ttl);
    CHECK_INT(begin(&f, 1000000, 0), WQ_LOGIN_DONE);
    CHECK_INT(login.renew_ms, (1000000 + ttls[i].renew) * 1000);
    CHECK_INT(login.expires_ms, (1000000 + (uint64_t)atoi(ttls[i].ttl)) * 1000);
  }
}

int main(void) {
  vectors_run(vector_run);
  check_case("login: a private key as PEM, in lines", pem);
  check_case("login: what a finished token says of its end", token_expiry);
  check_case("login: when a new one is due", renewal);
  return check_close();
}
