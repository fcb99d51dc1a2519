/* SPDX-License-Identifier: MIT
 * JSON Web Tokens (RFC 7519): made with a private key; and looked into, when a person brings a finished one. */
#include "service.h"

/* Append the base64url of a text to what is signed. */
static void append_part(wq_login *l, wq_bytes text) {
  wq_writer w = {l->at, l->end, false};
  wq_write_base64(&w, text, true);
  if (w.failed) l->status = WQ_FAULT_TOO_LONG;
  l->part[0].len += (uint32_t)(w.at - l->at);
  l->at = w.at;
}

int wq_jwt_sign(wq_login *l, const char *key, const char *claims) {
  uint32_t length;
  int algorithm;
  int fault = wq_key_read(NULL, 0, wq_login_value(l, key), &length, &algorithm);
  if (fault != 0) return fault;
  wq_bytes body = wq_login_text(l, claims);
  l->part[0] = (wq_bytes){l->at, 0};
  append_part(l, algorithm == WQ_RS256 ? WQ_TEXT("{\"alg\":\"RS256\",\"typ\":\"JWT\"}")
                                       : WQ_TEXT("{\"alg\":\"ES256\",\"typ\":\"JWT\"}"));
  l->part[0].len += wq_login_text(l, ".").len;
  append_part(l, body);
  if ((size_t)(l->end - l->at) < length) return WQ_FAULT_TOO_LONG;
  wq_key_read(l->at, length, wq_login_value(l, key), &length,
              &algorithm); /* the key lies in the room for this call only */
  wq_crypto_sign(&l->op, algorithm, l->at, length, l->part[0].data, l->part[0].len);
  wq_wipe(l->at, length);
  return WQ_LOGIN_PENDING;
}

/* One character of base64url as base64 has it. */
static uint8_t plain(uint8_t c) { return c == '-' ? '+' : c == '_' ? '/' : c; }

/* Decode base64url in pieces of four characters, looking for "exp": and the digits behind it. */
static int find_expiry(wq_bytes claims, uint64_t *unix_s) {
  static const char name[] = "\"exp\":";
  uint32_t matched = 0, digits = 0;
  *unix_s = 0;
  for (uint32_t i = 0; i < claims.len; i += 4) {
    uint8_t four[4] = {'=', '=', '=', '='}, three[3];
    for (uint32_t k = 0; k < 4 && i + k < claims.len; k++)
      four[k] = plain(claims.data[i + k]);
    int32_t n = wq_base64_gather(three, 3, (wq_bytes){four, 4});
    if (n <= 0) return WQ_FAULT_JWT;
    for (int32_t k = 0; k < n; k++) {
      uint8_t c = three[k];
      if (matched < sizeof name - 1) {
        matched = c == (uint8_t)name[matched] ? matched + 1 : c == '"';
      } else if ((uint8_t)(c - '0') < 10 && digits < 12) {
        *unix_s = *unix_s * 10 + c - '0';
        digits++;
      } else if (c != ' ' || digits != 0) {
        digits = 12; /* behind the number */
      }
    }
  }
  return 0;
}

int wq_jwt_expiry(wq_bytes token, uint64_t *unix_s) {
  uint32_t dot[2] = {0, 0}, dots = 0;
  for (uint32_t i = 0; i < token.len; i++) {
    if (token.data[i] != '.') continue;
    if (dots == 2) return WQ_FAULT_JWT;
    dot[dots++] = i;
  }
  if (dots != 2 || dot[0] == 0 || dot[1] + 1 == token.len) return WQ_FAULT_JWT;
  return find_expiry((wq_bytes){token.data + dot[0] + 1, dot[1] - dot[0] - 1}, unix_s);
}
