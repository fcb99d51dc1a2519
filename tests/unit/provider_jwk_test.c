/* SPDX-License-Identifier: MIT
 * JSON Web Keys become the PKCS#8 that OpenSSL writes of the same key, byte for byte; and each way in which one can be wrong
 * is told. */
#include "check.h"
#include "guard.h"

#include "provider/base64.h"
#include "provider/service.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define TEXT_MAX 8192
#define DER_MAX 4096

static guard texts, results;

/* ------------------------------------------------------------------------------------------------ keys as JSON Web Keys */

typedef struct member {
  const char *name, *param;
} member;

static const member rsa_members[] = {
    {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
    {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
    {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};
static const member ec_members[] = {
    {"x", OSSL_PKEY_PARAM_EC_PUB_X}, {"y", OSSL_PKEY_PARAM_EC_PUB_Y}, {"d", OSSL_PKEY_PARAM_PRIV_KEY}};

/* A member, its number at least `width` bytes long. */
static int put_number(char *at, EVP_PKEY *key, member m, int width) {
  BIGNUM *number = NULL;
  uint8_t bytes[600];
  int length = sprintf(at, ",\"%s\":\"", m.name);
  EVP_PKEY_get_bn_param(key, m.param, &number);
  const int n = BN_num_bytes(number) > width ? BN_num_bytes(number) : width;
  BN_bn2binpad(number, bytes, n);
  length += (int)wq_base64url_encode((uint8_t *)at + length, (wq_bytes){bytes, (uint32_t)n});
  BN_free(number);
  return length + sprintf(at + length, "\"");
}

/* `without`: a member that is left out, or NULL */
static void rsa_jwk(char *text, EVP_PKEY *key, int width, const char *without) {
  int n = sprintf(text, "{\"kty\":\"RSA\",\"alg\":\"RS256\"");
  for (size_t i = 0; i < sizeof rsa_members / sizeof rsa_members[0]; i++)
    if (without == NULL || strcmp(rsa_members[i].name, without) != 0)
      n += put_number(text + n, key, rsa_members[i], width);
  sprintf(text + n, "}");
}

static void ec_jwk(char *text, EVP_PKEY *key, int width, const char *without) {
  int n = sprintf(text, "{ \"kty\": \"EC\",\r\n \"crv\": \"P-256\"");
  for (size_t i = 0; i < sizeof ec_members / sizeof ec_members[0]; i++)
    if (without == NULL || strcmp(ec_members[i].name, without) != 0)
      n += put_number(text + n, key, ec_members[i], width);
  sprintf(text + n, "\n}");
}

/* wq_key_read() as it is used: for the length, then for the key. */
static int read_key(const char *text, uint32_t *length, int *algorithm) {
  const wq_bytes bytes = {guard_put(texts, text, strlen(text)), (uint32_t)strlen(text)};
  int fault = wq_key_read(NULL, 0, bytes, length, algorithm);
  if (fault != 0) return fault;
  uint32_t again = 0;
  CHECK_INT(wq_key_read(guard_room(results, *length), *length, bytes, &again, algorithm), 0);
  CHECK_INT(again, *length);
  return 0;
}

static int fault_of(const char *text) {
  uint32_t length;
  int algorithm;
  return read_key(text, &length, &algorithm);
}

static void same_as_openssl(const char *text, EVP_PKEY *key, int wanted) {
  uint8_t der[DER_MAX], *end = der;
  uint32_t length = 0;
  int algorithm = 0;
  PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
  const int n = i2d_PKCS8_PRIV_KEY_INFO(info, &end);
  CHECK_INT(read_key(text, &length, &algorithm), 0);
  CHECK_INT(algorithm, wanted);
  CHECK_BYTES(guard_room(results, length), length, der, (size_t)n);
  PKCS8_PRIV_KEY_INFO_free(info);
}

static void rsa(void) {
  char text[TEXT_MAX];
  const unsigned bits[] = {1024, 1024, 1024, 1032, 2048};
  for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
    EVP_PKEY *key = EVP_RSA_gen(bits[i]);
    rsa_jwk(text, key, 0, NULL);
    same_as_openssl(text, key, WQ_RS256);
    rsa_jwk(text, key, 140, NULL); /* with zeros in front */
    same_as_openssl(text, key, WQ_RS256);
    EVP_PKEY_free(key);
  }
}

static void p256(void) {
  char text[TEXT_MAX];
  for (int short_ones = 0; short_ones < 2;) { /* numbers that begin with a zero keep it */
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIGNUM *secret = NULL;
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret);
    short_ones += BN_num_bytes(secret) < 32;
    ec_jwk(text, key, 32, NULL);
    same_as_openssl(text, key, WQ_ES256);
    ec_jwk(text, key, 0, NULL); /* without it, they are not whole */
    if (BN_num_bytes(secret) < 32) CHECK_INT(fault_of(text), WQ_FAULT_KEY_JWK);
    BN_clear_free(secret);
    EVP_PKEY_free(key);
  }
}

/* ------------------------------------------------------------------------------------------------ what is wrong */

static void wrong(void) {
  char text[TEXT_MAX];
  EVP_PKEY *rsa_key = EVP_RSA_gen(1024), *ec_key = EVP_EC_gen("P-256");
  for (size_t i = 0; i < sizeof rsa_members / sizeof rsa_members[0]; i++) {
    rsa_jwk(text, rsa_key, 0, rsa_members[i].name);
    CHECK_INT(fault_of(text), strcmp(rsa_members[i].name, "d") == 0 ? WQ_FAULT_KEY_PUBLIC : WQ_FAULT_KEY_JWK_MEMBER);
  }
  for (size_t i = 0; i < sizeof ec_members / sizeof ec_members[0]; i++) {
    ec_jwk(text, ec_key, 32, ec_members[i].name);
    CHECK_INT(fault_of(text), strcmp(ec_members[i].name, "d") == 0 ? WQ_FAULT_KEY_PUBLIC : WQ_FAULT_KEY_JWK_MEMBER);
  }
  ec_jwk(text, ec_key, 33, NULL); /* a number of another length */
  CHECK_INT(fault_of(text), WQ_FAULT_KEY_JWK);
  ec_jwk(text, ec_key, 32, NULL); /* cut anywhere, it is no JSON */
  CHECK_INT(fault_of(text), 0);
  for (size_t n = strlen(text) - 1; n > 0; n--) {
    text[n] = 0;
    CHECK_INT(fault_of(text), WQ_FAULT_KEY_JWK);
  }
  rsa_jwk(text, rsa_key, 0, NULL);
  sprintf(text + strlen(text) - 1, ",\"oth\":[]}"); /* more than two primes */
  CHECK_INT(fault_of(text), WQ_FAULT_KEY_REFUSED);
  EVP_PKEY_free(rsa_key), EVP_PKEY_free(ec_key);

  static const struct {
    const char *text;
    int fault;
  } rows[] = {
      {"{}", WQ_FAULT_KEY_JWK_MEMBER},
      {"{\"keys\":[{\"kty\":\"EC\"}]}", WQ_FAULT_KEY_JWK_MEMBER},
      {"{\"kty\":\"EC\",\"d\":\"AA\"}", WQ_FAULT_KEY_JWK_MEMBER},
      {"{\"kty\":\"oct\",\"k\":\"AA\"}", WQ_FAULT_KEY_KIND},
      {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\",\"d\":\"AA\"}", WQ_FAULT_KEY_KIND},
      {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\",\"d\":\"AA\"}", WQ_FAULT_KEY_KIND},
      {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", WQ_FAULT_KEY_PUBLIC},
      {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":1,\"y\":1,\"x\":1}", WQ_FAULT_KEY_JWK},
      {"{\"kty\":\"RSA\",\"d\":\"\",\"qi\":\"\"}", WQ_FAULT_KEY_JWK},
      {"{\"kty\":\"RSA\",\"d\":\"AQ\",\"qi\":\"A\"}", WQ_FAULT_KEY_JWK},        /* no whole byte */
      {"{\"kty\":\"RSA\",\"d\":\"AQ\",\"qi\":\"AR\"}", WQ_FAULT_KEY_JWK},       /* bits beyond it */
      {"{\"kty\":\"RSA\",\"d\":\"AQ\",\"qi\":\"AQ==AQ\"}", WQ_FAULT_KEY_JWK},   /* two in one */
      {"{\"kty\":\"RSA\",\"d\":\"AQ\",\"qi\":\"\\u0041Q\"}", WQ_FAULT_KEY_JWK}, /* nobody writes it so */
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_INT(fault_of(rows[i].text), rows[i].fault);
}

/* Zero is one byte; so a key of zeros has a length, and is refused where it is to sign. */
static void zero(void) {
  uint32_t length = 0;
  int algorithm = 0;
  static const uint8_t inside[] = {0x30, 0x1B, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x02, 0x01,
                                   0x00, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00,
                                   0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00};
  CHECK_INT(
      read_key("{\"kty\":\"RSA\",\"n\":\"AA\",\"e\":\"AAAA\",\"d\":\"AA\",\"p\":\"AA\",\"q\":\"AA\",\"dp\":\"AA\","
               "\"dq\":\"AA\",\"qi\":\"AA\"}",
               &length, &algorithm),
      0);
  CHECK_BYTES(guard_room(results, sizeof inside), sizeof inside, inside, sizeof inside);
}

int main(void) {
  texts = guard_make(TEXT_MAX), results = guard_make(DER_MAX);
  check_case("JSON Web Key: RSA, as OpenSSL writes it", rsa);
  check_case("JSON Web Key: P-256, as OpenSSL writes it", p256);
  check_case("JSON Web Key: what is wrong with it", wrong);
  check_case("JSON Web Key: zero", zero);
  return check_close();
}
