/* SPDX-License-Identifier: MIT
 * Private keys as JSON Web Keys (RFC 7517, RFC 7518 section 6), written as PKCS#8, which is what signing takes. DER has each
 * length before what it is of, so it is written from its end. */
#include "base64.h"
#include "json.h"
#include "service.h"

/* What fits of it lies at the end of the room; n counts on, so that no room at all gives the length. */
typedef struct der {
  uint8_t *dst;
  uint32_t room, n;
  uint32_t top; /* n after the last byte that was not zero, */
  uint8_t last; /* which was this */
} der;

static void put(der *d, uint8_t byte) {
  if (d->n < d->room) d->dst[d->room - 1 - d->n] = byte;
  d->n++;
  if (byte != 0) d->top = d->n, d->last = byte;
}

static void put_bytes(der *d, const char *bytes, uint32_t n) {
  while (n-- != 0)
    put(d, (uint8_t)bytes[n]);
}

/* Tag and length of what was written since n was `from`. */
static void put_head(der *d, uint8_t tag, uint32_t from) {
  uint32_t length = d->n - from;
  if (length < 0x80) {
    put(d, (uint8_t)length);
  } else {
    uint8_t count = 0x80;
    for (; length != 0; length >>= 8, count++)
      put(d, (uint8_t)length);
    put(d, count);
  }
  put(d, tag);
}

/* What a member says in base64url. Returns 0 or a fault. */
static int put_decoded(der *d, wq_bytes jwk, const char *name) {
  const wq_bytes value = wq_json_get(jwk, name);
  uint8_t four[4], three[3];
  int32_t n = 3;
  if (value.data == NULL) return WQ_FAULT_KEY_JWK_MEMBER;
  if (value.data[0] != '"' || value.len == 2) return WQ_FAULT_KEY_JWK;
  const uint32_t length = value.len - 2;
  for (uint32_t end = length, start; end != 0; end = start) {
    start = (end - 1) & ~UINT32_C(3);
    for (uint32_t k = 0; k < 4; k++) {
      const uint8_t c = start + k < end ? value.data[1 + start + k] : '=';
      four[k] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    n = wq_base64_decode(three, (wq_bytes){four, 4});
    if (n < 3 && end != length) n = -1;
    if (n < 0) break;
    for (uint32_t k = (uint32_t)n; k != 0; k--)
      put(d, three[k - 1]);
  }
  wq_wipe(four, sizeof four), wq_wipe(three, sizeof three);
  return n < 0 ? WQ_FAULT_KEY_JWK : 0;
}

/* As an INTEGER: without zeros in front, which some programs write into JSON Web Keys too; but with one if the number would
 * be negative, or has no byte at all. */
static int put_integer(der *d, wq_bytes jwk, const char *name) {
  const uint32_t from = d->n;
  const int fault = put_decoded(d, jwk, name);
  const bool none = d->top <= from;
  d->n = none ? from : d->top;
  if (none || (d->last & 0x80) != 0) put(d, 0);
  put_head(d, 0x02, from);
  return fault;
}

/* Of as many bytes as P-256 has it. */
static int put_field(der *d, wq_bytes jwk, const char *name) {
  const uint32_t from = d->n;
  const int fault = put_decoded(d, jwk, name);
  return fault == 0 && d->n - from != 32 ? WQ_FAULT_KEY_JWK : fault;
}

/* RSAPrivateKey (RFC 8017, A.1.2) */
static int put_rsa(der *d, wq_bytes jwk) {
  static const char members[][3] = {"qi", "dq", "dp", "q", "p", "d", "e", "n"};
  int fault = 0;
  for (size_t i = 0; fault == 0 && i < sizeof members / sizeof members[0]; i++)
    fault = put_integer(d, jwk, members[i]);
  put_bytes(d, "\x02\x01\x00", 3);
  return fault;
}

/* ECPrivateKey (RFC 5915, 3), with the public key, which some Web Crypto wants */
static int put_p256(der *d, wq_bytes jwk) {
  int fault = put_field(d, jwk, "y");
  if (fault == 0) fault = put_field(d, jwk, "x");
  put_bytes(d, "\xA1\x44\x03\x42\x00\x04", 6);
  if (fault == 0) fault = put_field(d, jwk, "d");
  put_bytes(d, "\x02\x01\x01\x04\x20", 5);
  return fault;
}

int wq_jwk_read(uint8_t *dst, uint32_t room, wq_bytes text, uint32_t *length, int *algorithm) {
  const wq_bytes jwk = wq_json_read(text), type = wq_json_get(jwk, "kty"), curve = wq_json_get(jwk, "crv");
  const bool rsa = wq_json_is(type, "RSA"), elliptic = wq_json_is(type, "EC");
  der d = {dst, room, 0, 0, 0};
  if (jwk.data == NULL) return WQ_FAULT_KEY_JWK;
  if (type.data == NULL || (elliptic && curve.data == NULL)) return WQ_FAULT_KEY_JWK_MEMBER;
  if (!rsa && !(elliptic && wq_json_is(curve, "P-256"))) return WQ_FAULT_KEY_KIND;
  if (wq_json_get(jwk, "d").data == NULL) return WQ_FAULT_KEY_PUBLIC;
  if (wq_json_get(jwk, "oth").data != NULL) return WQ_FAULT_KEY_REFUSED; /* of more than two primes */
  *algorithm = rsa ? WQ_RS256 : WQ_ES256;
  const int fault = rsa ? put_rsa(&d, jwk) : put_p256(&d, jwk);
  put_head(&d, 0x30, 0);
  put_head(&d, 0x04, 0);
  if (rsa)
    put_bytes(&d, "\x02\x01\x00\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00", 18);
  else
    put_bytes(&d, "\x02\x01\x00\x30\x13\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07",
              24);
  put_head(&d, 0x30, 0);
  *length = d.n;
  return fault;
}
