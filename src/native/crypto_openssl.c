/* SPDX-License-Identifier: MIT
 * crypto.h by OpenSSL 3. Every operation completes at once, so an op is never WQ_CRYPTO_PENDING. */
#include <limits.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

#include "../crypto.h"

/* limits of crypto.h, and the bytes of a P-256 number */
enum { ES256_HALF = 32, PBKDF2_ITERATIONS_MAX = 10000000, PBKDF2_RESULT_MAX = 64 };

static const EVP_MD *hash_of(int hash) {
  switch (hash) {
  case WQ_SHA1: return EVP_sha1();
  case WQ_SHA256: return EVP_sha256();
  default: return NULL;
  }
}

/* OpenSSL must not be given NULL for something of no bytes, where it takes NULL to mean "as before". */
static const uint8_t *not_null(const uint8_t *bytes) { return bytes ? bytes : (const uint8_t *)""; }

/* OpenSSL's error queue is the thread's own: leave nothing in it for whoever looks next. */
static void finish(wq_crypto_op *op, int32_t status) {
  ERR_clear_error();
  if (status != WQ_CRYPTO_DONE) op->length = 0;
  op->status = status;
}

int wq_crypto_random(uint8_t *bytes, uint32_t length) {
  if (length > INT_MAX) return WQ_CRYPTO_E_UNAVAILABLE;
  return RAND_bytes(bytes, (int)length) == 1 ? 0 : WQ_CRYPTO_E_UNAVAILABLE;
}

void wq_crypto_digest(wq_crypto_op *op, int hash, const uint8_t *data, uint32_t length) {
  const EVP_MD *md = hash_of(hash);
  if (!md) {
    finish(op, WQ_CRYPTO_E_ARG);
    return;
  }
  int done = EVP_Digest(not_null(data), length, op->result, &op->length, md, NULL);
  finish(op, done == 1 ? WQ_CRYPTO_DONE : WQ_CRYPTO_E_FAILED);
}

void wq_crypto_hmac(wq_crypto_op *op, int hash, const uint8_t *key, uint32_t key_length, const uint8_t *data,
                    uint32_t length) {
  const EVP_MD *md = hash_of(hash);
  if (!md || key_length > INT_MAX) {
    finish(op, WQ_CRYPTO_E_ARG);
    return;
  }
  const uint8_t *done = HMAC(md, not_null(key), (int)key_length, not_null(data), length, op->result, &op->length);
  finish(op, done ? WQ_CRYPTO_DONE : WQ_CRYPTO_E_FAILED);
}

void wq_crypto_pbkdf2(wq_crypto_op *op, int hash, const uint8_t *password, uint32_t password_length,
                      const uint8_t *salt, uint32_t salt_length, uint32_t iterations, uint32_t result_length) {
  const EVP_MD *md = hash_of(hash);
  if (!md || password_length > INT_MAX || salt_length > INT_MAX || iterations < 1 ||
      iterations > PBKDF2_ITERATIONS_MAX || result_length < 1 || result_length > PBKDF2_RESULT_MAX) {
    finish(op, WQ_CRYPTO_E_ARG);
    return;
  }
  int done = PKCS5_PBKDF2_HMAC((const char *)not_null(password), (int)password_length, not_null(salt), (int)salt_length,
                               (int)iterations, md, (int)result_length, op->result);
  op->length = result_length;
  finish(op, done == 1 ? WQ_CRYPTO_DONE : WQ_CRYPTO_E_FAILED);
}

/* ------------------------------------------------------------------------------------------------ signatures */

/* The key, if it is one for that algorithm; or NULL. */
static EVP_PKEY *read_key(int algorithm, const uint8_t *pkcs8, uint32_t length) {
  const unsigned char *at = pkcs8;
  PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)length);
  EVP_PKEY *key = info && at == pkcs8 + length ? EVP_PKCS82PKEY(info) : NULL;
  PKCS8_PRIV_KEY_INFO_free(info);
  if (!key) return NULL;

  char group[32] = "";
  size_t group_length = 0;
  bool usable = false;
  if (algorithm == WQ_RS256) {
    usable = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_size(key) <= WQ_CRYPTO_RESULT_MAX;
  } else if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &group_length)) {
    usable = strcmp(group, "prime256v1") == 0;
  }
  if (usable) return key;
  EVP_PKEY_free(key);
  return NULL;
}

/* OpenSSL gives an ECDSA signature as DER; what goes into a token is r, then s, each 32 bytes. */
static int32_t der_to_raw(wq_crypto_op *op, size_t der_length) {
  const unsigned char *at = op->result;
  ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)der_length);
  if (!signature) return WQ_CRYPTO_E_FAILED;
  bool fits = BN_bn2binpad(ECDSA_SIG_get0_r(signature), op->result, ES256_HALF) == ES256_HALF &&
              BN_bn2binpad(ECDSA_SIG_get0_s(signature), op->result + ES256_HALF, ES256_HALF) == ES256_HALF;
  ECDSA_SIG_free(signature);
  op->length = 2 * ES256_HALF;
  return fits ? WQ_CRYPTO_DONE : WQ_CRYPTO_E_FAILED;
}

void wq_crypto_sign(wq_crypto_op *op, int algorithm, const uint8_t *pkcs8, uint32_t pkcs8_length, const uint8_t *data,
                    uint32_t length) {
  if (algorithm != WQ_RS256 && algorithm != WQ_ES256) {
    finish(op, WQ_CRYPTO_E_ARG);
    return;
  }
  EVP_PKEY *key = pkcs8 ? read_key(algorithm, pkcs8, pkcs8_length) : NULL;
  if (!key) {
    finish(op, WQ_CRYPTO_E_KEY);
    return;
  }
  int32_t status = WQ_CRYPTO_E_FAILED;
  size_t signature_length = sizeof op->result;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
      EVP_DigestSign(context, op->result, &signature_length, not_null(data), length) == 1) {
    op->length = (uint32_t)signature_length;
    status = algorithm == WQ_ES256 ? der_to_raw(op, signature_length) : WQ_CRYPTO_DONE;
  }
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  finish(op, status);
}
