/* SPDX-License-Identifier: MIT
 * UTF-8 validation: eight bytes at a time while the text is ASCII, which topics nearly always are, and one character at
 * a time where it is not. */
#include "utf8.h"

#include "bytes.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* length of the well-formed character at `at`, which is not ASCII; 0 if there is none (Unicode, table 3-7) */
static uint32_t character(const uint8_t *at, const uint8_t *end) {
  uint8_t lead = at[0], low = 0x80, high = 0xBF; /* bounds of the second byte */
  uint32_t n;
  if (lead >= 0xC2 && lead <= 0xDF) {
    n = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    n = 3;
    if (lead == 0xE0)
      low = 0xA0; /* below: overlong */
    else if (lead == 0xED)
      high = 0x9F; /* above: surrogates [M3:1.5.3-1] [M5:1.5.4-1] */
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    n = 4;
    if (lead == 0xF0)
      low = 0x90;
    else if (lead == 0xF4)
      high = 0x8F; /* above: past U+10FFFF */
  } else {
    return 0;
  }
  if (end - at < (ptrdiff_t)n || at[1] < low || at[1] > high) return 0;
  for (uint32_t i = 2; i < n; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  return n;
}

bool wq_utf8_valid(wq_bytes text) {
  if (text.len > WQ_STRING_MAX) return false;
  wq_reader r = wq_reader_of(text);
  while (r.at != r.end) {
    while (r.end - r.at >= 8) {
      uint64_t word;
      memcpy(&word, r.at, 8);
      if ((((word - ONES) | word) & HIGHS) != 0) /* a byte is 0, or 0x80 and up */
        break;
      r.at += 8;
    }
    for (unsigned i = 0; i < 8 && r.at != r.end; i++) {
      if (*r.at == 0) /* [M3:1.5.3-2] [M5:1.5.4-2] */
        return false;
      uint32_t n = *r.at < 0x80 ? 1 : character(r.at, r.end);
      if (n == 0) return false;
      r.at += n;
    }
  }
  return true;
}
