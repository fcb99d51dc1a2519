/* SPDX-License-Identifier: MIT
 * crypto.h by OpenSSL, against published vectors: FIPS 180, RFC 2202, RFC 4231, RFC 6070, RFC 7515. */
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "check.h"
#include "crypto.h"

/* The RSA key, its signature and the EC key of RFC 7515, appendices A.2 and A.3: PKCS#8 in base64. */
static const char rsa_key[] =
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXOjS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSX"
    "xbbqY913EeZ8dCn5VrD7io8ImtxLaYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNnjuygxmj3"
    "AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKj"
    "lnAqH2QbgtPr8jkiGUkftoaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHgVFbK5emhAgMBAAEC"
    "ggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe"
    "46sui395IW/GO+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M/V51gfpRLI9JYanr"
    "C4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneuf"
    "uBiB4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0KpLttoLhyt3SmqdEf/kgHePDdtzEafpAu"
    "+cS191R2JiuoF2yzWXnwFDcqGigp5BNr0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqElMGA"
    "g+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7"
    "vMVgePsLq6XtON4tB5kP9jAPrq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNwkgMTP1FZ1wKB"
    "gAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgw"
    "o59dkpN75gJLVds29+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/evpitUf+4JYbLpvNXWcY"
    "052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcGyoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+"
    "CCoRjaZjOYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd+DlcxyVuuM9s"
    "QLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56"
    "03k2+ZQwVK0JKSHuLFkuQ3U=";
static const char rsa_signature[] =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB//dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh+0Qc/lF5YKt/O8W2Fp5jujGbds9"
    "uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB++f/nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB"
    "/eSN9383LcOLn6/dO++xi12jzDwusC+eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq"
    "Vt5AXLIhWkWywlVmtVrBp0igcN/IoypGlUPQGe77Rw==";
static const char ec_key[] =
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIffH1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/"
    "zc4ncPbEXUGDy+5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt";
static const char signed_text[] = "eyJhbGciOiJSUzI1NiJ9."
                                  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290"
                                  "Ijp0cnVlfQ";

static const uint8_t *bytes(const char *text) { return (const uint8_t *)text; }

static uint32_t length_of(const char *text) { return (uint32_t)strlen(text); }

static const char *hex(const wq_crypto_op *op) {
  static char text[2 * WQ_CRYPTO_RESULT_MAX + 1];
  for (uint32_t i = 0; i < op->length; i++)
    snprintf(text + 2 * (size_t)i, 3, "%02x", op->result[i]);
  text[2 * (size_t)op->length] = '\0';
  return text;
}

static uint32_t from_base64(uint8_t *dst, const char *text) {
  uint32_t length = length_of(text);
  int n = EVP_DecodeBlock(dst, bytes(text), (int)length);
  int padding = (text[length - 1] == '=') + (text[length - 2] == '=');
  return (uint32_t)(n - padding);
}

static void random_bytes(void) {
  uint8_t first[32] = {0}, second[32] = {0};
  CHECK_INT(wq_crypto_random(first, sizeof first), 0);
  CHECK_INT(wq_crypto_random(second, sizeof second), 0);
  CHECK(memcmp(first, second, sizeof first) != 0);
}

static void digests(void) {
  wq_crypto_op op;
  wq_crypto_digest(&op, WQ_SHA1, bytes("abc"), 3);
  CHECK_INT(op.status, WQ_CRYPTO_DONE);
  CHECK_TEXT(hex(&op), "a9993e364706816aba3e25717850c26c9cd0d89d");
  wq_crypto_digest(&op, WQ_SHA256, bytes("abc"), 3);
  CHECK_TEXT(hex(&op), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  wq_crypto_digest(&op, WQ_SHA256, NULL, 0);
  CHECK_TEXT(hex(&op), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  wq_crypto_digest(&op, 512, bytes("abc"), 3);
  CHECK_INT(op.status, WQ_CRYPTO_E_ARG);
  CHECK_INT(op.length, 0);
}

static void hmacs(void) {
  static const char question[] = "what do ya want for nothing?";
  wq_crypto_op op;
  wq_crypto_hmac(&op, WQ_SHA1, bytes("Jefe"), 4, bytes(question), length_of(question));
  CHECK_INT(op.status, WQ_CRYPTO_DONE);
  CHECK_TEXT(hex(&op), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  wq_crypto_hmac(&op, WQ_SHA256, bytes("Jefe"), 4, bytes(question), length_of(question));
  CHECK_TEXT(hex(&op), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  wq_crypto_hmac(&op, 0, bytes("k"), 1, bytes("x"), 1);
  CHECK_INT(op.status, WQ_CRYPTO_E_ARG);
}

static void hmac_empty_key(void) {
  wq_crypto_op op;
  wq_crypto_hmac(&op, WQ_SHA256, NULL, 0, NULL, 0);
  CHECK_INT(op.status, WQ_CRYPTO_DONE);
  CHECK_TEXT(hex(&op), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  wq_crypto_hmac(&op, WQ_SHA1, bytes(""), 0, bytes(""), 0);
  CHECK_TEXT(hex(&op), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

static void pbkdf2(void) {
  wq_crypto_op op;
  wq_crypto_pbkdf2(&op, WQ_SHA1, bytes("password"), 8, bytes("salt"), 4, 4096, 20);
  CHECK_INT(op.status, WQ_CRYPTO_DONE);
  CHECK_TEXT(hex(&op), "4b007901b765489abead49d926f721d065a429c1");
  wq_crypto_pbkdf2(&op, WQ_SHA256, bytes("password"), 8, bytes("salt"), 4, 4096, 32);
  CHECK_TEXT(hex(&op), "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
  wq_crypto_pbkdf2(&op, WQ_SHA256, bytes("p"), 1, bytes("s"), 1, 0, 32);
  CHECK_INT(op.status, WQ_CRYPTO_E_ARG);
  wq_crypto_pbkdf2(&op, WQ_SHA256, bytes("p"), 1, bytes("s"), 1, 10000001, 32);
  CHECK_INT(op.status, WQ_CRYPTO_E_ARG);
  wq_crypto_pbkdf2(&op, WQ_SHA256, bytes("p"), 1, bytes("s"), 1, 1, 65);
  CHECK_INT(op.status, WQ_CRYPTO_E_ARG);
  wq_crypto_pbkdf2(&op, WQ_SHA256, bytes("p"), 1, bytes("s"), 1, 1, 0);
  CHECK_INT(op.status, WQ_CRYPTO_E_ARG);
}

static void sign_rs256(void) {
  wq_crypto_op op;
  uint8_t key[2048], want[512];
  uint32_t key_length = from_base64(key, rsa_key);
  uint32_t want_length = from_base64(want, rsa_signature);
  wq_crypto_sign(&op, WQ_RS256, key, key_length, bytes(signed_text), length_of(signed_text));
  CHECK_INT(op.status, WQ_CRYPTO_DONE);
  CHECK_BYTES(op.result, op.length, want, want_length);
}

/* An ECDSA signature is new each time: what can be checked is that the public key accepts it. */
static void sign_es256(void) {
  wq_crypto_op op;
  uint8_t key[512], der[80];
  uint32_t key_length = from_base64(key, ec_key);
  wq_crypto_sign(&op, WQ_ES256, key, key_length, bytes(signed_text), length_of(signed_text));
  CHECK_INT(op.status, WQ_CRYPTO_DONE);
  CHECK_INT(op.length, 64);

  ECDSA_SIG *signature = ECDSA_SIG_new();
  ECDSA_SIG_set0(signature, BN_bin2bn(op.result, 32, NULL), BN_bin2bn(op.result + 32, 32, NULL));
  unsigned char *end = der;
  int der_length = i2d_ECDSA_SIG(signature, &end);
  const unsigned char *at = key;
  EVP_PKEY *pair = d2i_AutoPrivateKey(NULL, &at, (long)key_length);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  CHECK_INT(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pair), 1);
  CHECK_INT(EVP_DigestVerify(context, der, (size_t)der_length, bytes(signed_text), length_of(signed_text)), 1);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(pair);
  ECDSA_SIG_free(signature);
}

static void sign_refuses(void) {
  wq_crypto_op op;
  uint8_t rsa[2048], ec[512];
  uint32_t rsa_length = from_base64(rsa, rsa_key), ec_length = from_base64(ec, ec_key);
  wq_crypto_sign(&op, WQ_ES256, rsa, rsa_length, bytes("x"), 1);
  CHECK_INT(op.status, WQ_CRYPTO_E_KEY);
  wq_crypto_sign(&op, WQ_RS256, ec, ec_length, bytes("x"), 1);
  CHECK_INT(op.status, WQ_CRYPTO_E_KEY);
  wq_crypto_sign(&op, WQ_RS256, NULL, 0, bytes("x"), 1);
  CHECK_INT(op.status, WQ_CRYPTO_E_KEY);
  wq_crypto_sign(&op, 3, rsa, rsa_length, bytes("x"), 1);
  CHECK_INT(op.status, WQ_CRYPTO_E_ARG);
  for (uint32_t length = 0; length < ec_length; length++) {
    wq_crypto_sign(&op, WQ_ES256, ec, length, bytes("x"), 1);
    CHECK_INT(op.status, WQ_CRYPTO_E_KEY);
  }
  wq_crypto_sign(&op, WQ_ES256, ec, ec_length + 1, bytes("x"), 1); /* a byte too many, whatever it is */
  CHECK_INT(op.status, WQ_CRYPTO_E_KEY);
}

int main(void) {
  check_case("random: two draws differ", random_bytes);
  check_case("digest: SHA-1 and SHA-256 of FIPS 180; an unknown hash is refused", digests);
  check_case("HMAC: RFC 2202 and RFC 4231, case 2", hmacs);
  check_case("HMAC: an empty key works", hmac_empty_key);
  check_case("PBKDF2: RFC 6070 and SHA-256; iterations and length are bounded", pbkdf2);
  check_case("sign: RS256 gives the signature of RFC 7515, A.2", sign_rs256);
  check_case("sign: ES256 gives r and s that the public key of RFC 7515, A.3 accepts", sign_es256);
  check_case("sign: wrong, missing, cut and trailing keys are refused", sign_refuses);
  return check_close();
}
