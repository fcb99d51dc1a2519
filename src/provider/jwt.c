/* SPDX-License-Identifier: MIT
 * JSON Web Tokens (RFC 7519): made with a private key; and looked into, when a person brings a finished one. */
#include "json.h"
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

/* The claims are an object of JSON; "exp" is a number, maybe with a fraction (RFC 7519, 2 and 4.1.4). */
static int find_expiry(wq_bytes claims, uint64_t *unix_s) {
  uint8_t text[WQ_LOGIN_ROOM];
  uint32_t length = 0;
  if (claims.len > sizeof text) return WQ_FAULT_TOO_LONG;
  for (uint32_t i = 0; i < claims.len; i += 4) {
    uint8_t four[4] = {'=', '=', '=', '='};
    for (uint32_t k = 0; k < 4 && i + k < claims.len; k++)
      four[k] = plain(claims.data[i + k]);
    const int32_t n = wq_base64_gather(text + length, 3, (wq_bytes){four, 4});
    if (n <= 0) return WQ_FAULT_JWT;
    length += (uint32_t)n;
  }
  const wq_bytes object = wq_json_read((wq_bytes){text, length});
  if (object.data == NULL || object.data[0] != '{') return WQ_FAULT_JWT;
  wq_bytes number = wq_json_get(object, "exp");
  uint32_t point;
  if (!wq_text_find(number, "e", NULL) && wq_text_find(number, ".", &point)) number.len = point;
  if (!wq_json_number(number, unix_s)) *unix_s = 0;
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
