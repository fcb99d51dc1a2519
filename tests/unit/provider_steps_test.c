/* SPDX-License-Identifier: MIT
 * Logins on a crypto host of the test's own, which is slow, as Web Crypto is, may fail, and signs ES256 with the nonce of RFC
 * 6979: the vectors step by step, byte for byte; nothing secret left behind; every failure in words. */
#include "provider.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>

/* ------------------------------------------------------------------------------------------------ the crypto host */

static struct {
  wq_crypto_op *op; /* under way; its result is in `result` */
  wq_crypto_op result;
  int begun;
  int fails_at;    /* the operation, counted from 1, that fails */
  int32_t failure; /* with this status */
  bool known;      /* all of this login's work was legal */
} host;

/* The result is kept back until deliver(). */
static void begin(wq_crypto_op *op) {
  if (host.op != NULL) host.known = false; /* two at once */
  host.op = op;
  host.begun++;
  op->status = WQ_CRYPTO_PENDING;
}

static void deliver(void) {
  wq_crypto_op *op = host.op;
  host.op = NULL;
  if (host.begun == host.fails_at) {
    op->status = host.failure;
    return;
  }
  memcpy(op->result, host.result.result, host.result.length);
  op->length = host.result.length;
  op->status = WQ_CRYPTO_DONE;
}

static const EVP_MD *md_of(int hash) { return hash == WQ_SHA1 ? EVP_sha1() : EVP_sha256(); }

int wq_crypto_random(uint8_t *bytes, uint32_t length) {
  memset(bytes, 7, length);
  return 0;
}

void wq_crypto_digest(wq_crypto_op *op, int hash, const uint8_t *data, uint32_t length) {
  begin(op);
  EVP_Digest(data, length, host.result.result, &host.result.length, md_of(hash), NULL);
}

void wq_crypto_hmac(wq_crypto_op *op, int hash, const uint8_t *key, uint32_t key_length, const uint8_t *data,
                    uint32_t length) {
  begin(op);
  HMAC(md_of(hash), key, (int)key_length, data, length, host.result.result, &host.result.length);
}

void wq_crypto_pbkdf2(wq_crypto_op *op, int hash, const uint8_t *password, uint32_t password_length,
                      const uint8_t *salt, uint32_t salt_length, uint32_t iterations, uint32_t result_length) {
  (void)hash, (void)password, (void)password_length, (void)salt, (void)salt_length, (void)iterations;
  begin(op);
  host.result.length = result_length;
}

static void hmac_parts(uint8_t out[32], const uint8_t key[32], const uint8_t v[32], int octet, const uint8_t x[32],
                       const uint8_t h[32]) {
  uint8_t text[97];
  size_t n = 32;
  memcpy(text, v, 32);
  if (octet >= 0) text[n++] = (uint8_t)octet;
  if (x != NULL) {
    memcpy(text + n, x, 32);
    memcpy(text + n + 32, h, 32);
    n += 64;
  }
  HMAC(EVP_sha256(), key, 32, text, n, out, NULL);
}

/* RFC 6979, 3.2, for P-256 and SHA-256, whose first candidate is as good as always below the order */
static void nonce_of(uint8_t nonce[32], const uint8_t x[32], const uint8_t h[32]) {
  uint8_t k[32] = {0}, v[32], next[32];
  memset(v, 1, sizeof v);
  for (int octet = 0; octet < 2; octet++) {
    hmac_parts(next, k, v, octet, x, h);
    memcpy(k, next, 32);
    hmac_parts(next, k, v, -1, NULL, NULL);
    memcpy(v, next, 32);
  }
  hmac_parts(nonce, k, v, -1, NULL, NULL);
}

/* s = (h + r x) / k, with r the abscissa of k G */
static void sign_es256(const BIGNUM *x, const uint8_t *data, uint32_t length) {
  uint8_t h[32], secret[32], nonce[32];
  EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  const BIGNUM *order = EC_GROUP_get0_order(group);
  BN_CTX *context = BN_CTX_new();
  EVP_Digest(data, length, h, NULL, EVP_sha256(), NULL);
  BIGNUM *hash = BN_bin2bn(h, 32, NULL), *reduced = BN_new(), *r = BN_new(), *s = BN_new();
  BN_nnmod(reduced, hash, order, context);
  BN_bn2binpad(reduced, h, 32);
  BN_bn2binpad(x, secret, 32);
  nonce_of(nonce, secret, h);
  BIGNUM *k = BN_bin2bn(nonce, 32, NULL);
  EC_POINT *point = EC_POINT_new(group);
  EC_POINT_mul(group, point, k, NULL, NULL, context);
  EC_POINT_get_affine_coordinates(group, point, r, NULL, context);
  BN_nnmod(r, r, order, context);
  BN_mod_mul(s, r, x, order, context);
  BN_mod_add(s, s, hash, order, context);
  BN_mod_inverse(k, k, order, context);
  BN_mod_mul(s, s, k, order, context);
  BN_bn2binpad(r, host.result.result, 32);
  BN_bn2binpad(s, host.result.result + 32, 32);
  host.result.length = 64;
  EC_POINT_free(point);
  EC_GROUP_free(group);
  BN_free(hash), BN_free(reduced), BN_free(r), BN_free(s), BN_free(k);
  BN_CTX_free(context);
}

void wq_crypto_sign(wq_crypto_op *op, int algorithm, const uint8_t *pkcs8, uint32_t pkcs8_length, const uint8_t *data,
                    uint32_t length) {
  begin(op);
  const unsigned char *at = pkcs8;
  EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)pkcs8_length);
  if (key == NULL || at != pkcs8 + pkcs8_length) {
    host.known = false;
  } else if (algorithm == WQ_ES256) {
    BIGNUM *x = NULL;
    EVP_PKEY_get_bn_param(key, "priv", &x);
    sign_es256(x, data, length);
    BN_free(x);
  } else {
    size_t room = sizeof host.result.result;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key);
    EVP_DigestSign(context, host.result.result, &room, data, length);
    host.result.length = (uint32_t)room;
    EVP_MD_CTX_free(context);
  }
  EVP_PKEY_free(key);
}

/* ------------------------------------------------------------------------------------------------ helpers */

static wq_login login;

static bool holds(wq_bytes in, const void *what, size_t length) {
  for (size_t i = 0; length != 0 && i + length <= in.len; i++)
    if (memcmp(in.data + i, what, length) == 0) return true;
  return false;
}

/* `in` holds that secret, or what its base64 stands for. */
static bool tells(wq_bytes in, const wq_field *field, wq_bytes secret) {
  uint8_t key[4096];
  if (secret.len < 6 || !wq_field_secret(field->kind)) return false;
  if (holds(in, secret.data, secret.len)) return true;
  if (field->kind != WQ_FIELD_BASE64 && field->kind != WQ_FIELD_PRIVATE_KEY) return false;
  int n = EVP_DecodeBlock(key, secret.data, (int)secret.len);
  return n >= 20 && holds(in, key + n - 19, 16); /* 3 less, for what padding stood for */
}

/* While an operation is under way, secrets are in the values alone. */
static void nothing_beside(const form *f) {
  const wq_bytes front = {login.room, (uint32_t)(login.end - login.room)};
  wq_field field;
  for (uint32_t i = 0; wq_field_at(f->service, i, &field); i++)
    if (i != field_named(WQ_AWS, "access-key") || f->service != WQ_AWS) CHECK(!tells(front, &field, f->values[i]));
}

static int run(const form *f, uint64_t time, uint64_t random) {
  host.op = NULL;
  host.begun = 0;
  host.known = true;
  int status = wq_login_begin(&login, f->service, f->values, WQ_FIELDS_MAX, time * 1000, random);
  while (status == WQ_LOGIN_PENDING) {
    if (!CHECK(host.op == &login.op)) break;
    CHECK_INT(wq_login_step(&login), WQ_LOGIN_PENDING); /* an early call is harmless */
    nothing_beside(f);
    deliver();
    status = wq_login_step(&login);
  }
  CHECK(host.known);
  CHECK_INT(wq_login_step(&login), status); /* and so is a late one */
  return status;
}

static bool in_result(wq_bytes secret) {
  const wq_bytes results[] = {login.url, login.client_id, login.username, login.password, login.properties};
  for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
    if (holds(results[i], secret.data, secret.len)) return true;
  return false;
}

/* No secret is in the struct but those that a result needs as they are. */
static void nothing_left(const form *f) {
  static const wq_crypto_op nothing;
  const wq_bytes all = {(const uint8_t *)&login, sizeof login};
  wq_field field;
  CHECK(memcmp(&login.op, &nothing, sizeof nothing) == 0);
  for (uint32_t i = 0; wq_field_at(f->service, i, &field); i++)
    if (!in_result(f->values[i])) CHECK(!tells(all, &field, f->values[i]));
}

/* ------------------------------------------------------------------------------------------------ cases */

static void same(const char *got, const char *want) { CHECK_TEXT(got, want); }

static void vector_run(const vector *v) {
  int status = run(&v->filled, v->time, v->random);
  vector_check(v, &login, status, same);
  if (status == WQ_LOGIN_DONE) nothing_left(&v->filled);
}

static void vector_fails(const vector *v) {
  static const struct {
    int32_t status;
    int fault;
  } failures[] = {{WQ_CRYPTO_E_UNAVAILABLE, WQ_FAULT_INSECURE},
                  {WQ_CRYPTO_E_KEY, WQ_FAULT_KEY_REFUSED},
                  {WQ_CRYPTO_E_FAILED, WQ_FAULT_CRYPTO},
                  {WQ_CRYPTO_E_ARG, WQ_FAULT_CRYPTO}};
  int status = run(&v->filled, v->time, v->random), steps = host.begun;
  for (int i = 1; i <= steps && status == WQ_LOGIN_DONE; i++) {
    for (size_t k = 0; k < sizeof failures / sizeof failures[0]; k++) {
      host.fails_at = i;
      host.failure = failures[k].status;
      CHECK_INT(run(&v->filled, v->time, v->random), failures[k].fault);
      CHECK_INT(login.status, failures[k].fault);
      login.status = 0;
      login.fault_field = 0;
      static const wq_login empty;
      CHECK(memcmp(&login, &empty, sizeof login) == 0);
    }
  }
  host.fails_at = 0;
  CHECK(true);
}

/* The chain of keys of AWS is five operations and a digest; a SAS token one; a group's two. */
static void how_many(void) {
  form f = {.service = WQ_AWS};
  fill(&f, "host", "x-ats.iot.eu-west-1.amazonaws.com");
  fill(&f, "access-key", "AKID");
  fill(&f, "secret-key", "secret");
  CHECK_INT(run(&f, 1, 0), WQ_LOGIN_DONE);
  CHECK_INT(host.begun, 6);
  f = (form){.service = WQ_AZURE_IOT_HUB};
  fill(&f, "host", "h");
  fill(&f, "device", "d");
  fill(&f, "key", "c2VjcmV0");
  CHECK_INT(run(&f, 1, 0), WQ_LOGIN_DONE);
  CHECK_INT(host.begun, 1);
  fill(&f, "auth", "dps-group");
  CHECK_INT(run(&f, 1, 0), WQ_LOGIN_DONE);
  CHECK_INT(host.begun, 2);
  f = (form){.service = WQ_EMQX};
  CHECK_INT(run(&f, 1, 0), WQ_LOGIN_DONE);
  CHECK_INT(host.begun, 0);
}

static void wiped(void) {
  static const wq_login empty;
  form f = {.service = WQ_SCALEWAY};
  fill(&f, "id", "f926489b-92d4-4572-bc96-dfad83c3db4b");
  CHECK_INT(run(&f, 1, 0), WQ_LOGIN_DONE);
  wq_login_wipe(&login);
  CHECK(memcmp(&login, &empty, sizeof login) == 0);
}

int main(void) {
  vectors_run(vector_run);
  vectors_run(vector_fails);
  check_case("login: one operation after the other, as many as it takes", how_many);
  check_case("login: wiping leaves zeros", wiped);
  return check_close();
}
