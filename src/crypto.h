/* SPDX-License-Identifier: MIT
 *
 * crypto.h - the cryptography a host must offer. The core never computes a hash itself: a browser has Web Crypto
 * (wasm/library_webcrypto.js), a POSIX program OpenSSL (src/native/crypto_openssl.c).
 *
 * All but randomness is asynchronous: a call starts an operation and returns; the host later writes the result into the
 * caller's wq_crypto_op, sets its status last, and lets the caller's step machine run again. A host may complete at once.
 * Input bytes are copied before a call returns. The op must stay in place until it is no longer WQ_CRYPTO_PENDING. */
#ifndef WASMQTT_CRYPTO_H
#define WASMQTT_CRYPTO_H

#include <stdint.h>

enum wq_hash { WQ_SHA1 = 1, WQ_SHA256 = 256 };

enum wq_sign_algorithm { WQ_RS256 = 1, WQ_ES256 = 2 };

/* Largest result: an RSA-4096 signature. */
#define WQ_CRYPTO_RESULT_MAX 512

enum wq_crypto_status {
  WQ_CRYPTO_DONE = 0,
  WQ_CRYPTO_PENDING = 1,
  WQ_CRYPTO_E_ARG = -1,         /* unknown algorithm, length out of range */
  WQ_CRYPTO_E_KEY = -2,         /* the key cannot be read or used */
  WQ_CRYPTO_E_UNAVAILABLE = -3, /* no cryptography here: in a browser, the page is not a secure context */
  WQ_CRYPTO_E_FAILED = -4       /* the host's cryptography failed */
};

/* wq_crypto_op - one operation. Owned by the caller. result[0..length) is valid once status is WQ_CRYPTO_DONE. */
typedef struct wq_crypto_op {
  int32_t status; /* enum wq_crypto_status */
  uint32_t length;
  uint8_t result[WQ_CRYPTO_RESULT_MAX];
} wq_crypto_op;

/* wq_crypto_random - fill with random bytes fit for keys, at once. Returns 0 or WQ_CRYPTO_E_UNAVAILABLE. */
int wq_crypto_random(uint8_t *bytes, uint32_t length);

/* wq_crypto_digest - hash `data`. Result: 20 (SHA-1) or 32 (SHA-256) bytes. */
void wq_crypto_digest(wq_crypto_op *op, int hash, const uint8_t *data, uint32_t length);

/* wq_crypto_hmac - HMAC of `data`. An empty key is allowed. Result as wq_crypto_digest(). */
void wq_crypto_hmac(wq_crypto_op *op, int hash, const uint8_t *key, uint32_t key_length, const uint8_t *data,
                    uint32_t length);

/* wq_crypto_pbkdf2 - derive result_length bytes, 1..64, from a password. iterations: 1..10000000. */
void wq_crypto_pbkdf2(wq_crypto_op *op, int hash, const uint8_t *password, uint32_t password_length,
                      const uint8_t *salt, uint32_t salt_length, uint32_t iterations, uint32_t result_length);

/* wq_crypto_sign - sign `data` with a private key (PKCS#8 DER). algorithm: enum wq_sign_algorithm. Result: for RS256 as
 * long as the modulus; for ES256 64 bytes, r then s. */
void wq_crypto_sign(wq_crypto_op *op, int algorithm, const uint8_t *pkcs8, uint32_t pkcs8_length, const uint8_t *data,
                    uint32_t length);

#endif
