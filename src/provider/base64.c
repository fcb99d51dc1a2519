/* SPDX-License-Identifier: MIT
 * The digits are computed, not looked up: no table is indexed by a secret. */
#include "base64.h"

/* The digit of a value below 64; the last two are what the alphabets differ in. */
static uint8_t digit(uint32_t value, const char last[2]) {
  if (value < 26) return (uint8_t)('A' + value);
  if (value < 52) return (uint8_t)('a' + value - 26);
  if (value < 62) return (uint8_t)('0' + value - 52);
  return (uint8_t)last[value - 62];
}

static uint32_t encode(uint8_t *dst, wq_bytes bytes, const char last[2], bool padded) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < bytes.len; i += 3) {
    uint32_t left = bytes.len - i;
    uint32_t bits = (uint32_t)bytes.data[i] << 16;
    if (left > 1) bits |= (uint32_t)bytes.data[i + 1] << 8;
    if (left > 2) bits |= bytes.data[i + 2];
    for (uint32_t k = 0; k < 4; k++) {
      if (k <= left)
        dst[n++] = digit(bits >> (18 - 6 * k) & 63, last);
      else if (padded)
        dst[n++] = '=';
    }
  }
  return n;
}

uint32_t wq_base64_encode(uint8_t *dst, wq_bytes bytes) { return encode(dst, bytes, "+/", true); }

uint32_t wq_base64url_encode(uint8_t *dst, wq_bytes bytes) { return encode(dst, bytes, "-_", false); }

/* The value of a digit; 64: it is none. */
static uint32_t value_of(uint8_t c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26u;
  if (c >= '0' && c <= '9') return c - '0' + 52u;
  return c == '+' ? 62 : c == '/' ? 63 : 64;
}

int32_t wq_base64_decode(uint8_t *dst, wq_bytes text) {
  if (text.len % 4) return -1;
  int32_t n = 0;
  for (uint32_t i = 0; i < text.len; i += 4) {
    const uint8_t *at = text.data + i;
    uint32_t digits = 4;
    if (i + 4 == text.len && at[3] == '=') digits = at[2] == '=' ? 2 : 3;
    uint32_t bits = 0;
    for (uint32_t k = 0; k < digits; k++) {
      uint32_t value = value_of(at[k]);
      if (value == 64) return -1;
      bits |= value << (18 - 6 * k);
    }
    if (bits & (UINT32_C(0xFFFFFF) >> (8 * (digits - 1)))) return -1;
    for (uint32_t k = 0; k + 1 < digits; k++)
      dst[n++] = (uint8_t)(bits >> (16 - 8 * k));
  }
  return n;
}
