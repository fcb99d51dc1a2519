/* SPDX-License-Identifier: MIT
 * UTF-8: every character, every sequence of up to three bytes, and every place in the eight-byte stride. */
#include "check.h"
#include "guard.h"

#include "codec/utf8.h"

static guard input;

static bool valid(const void *bytes, size_t length) {
  return wq_utf8_valid((wq_bytes){guard_put(input, bytes, length), (uint32_t)length});
}

/* the textbook encoder, as oracle */
static size_t encode(uint32_t c, uint8_t *to) {
  if (c < 0x80) return to[0] = (uint8_t)c, 1;
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, c >>= 6)
    to[i] = (uint8_t)(0x80 | (c & 0x3F));
  static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  to[0] = (uint8_t)(lead[n] | c);
  return n;
}

static void every_character(void) {
  uint8_t bytes[4];
  for (uint32_t c = 0; c <= 0x110FFF; c++) {
    size_t n = encode(c, bytes);
    bool want = c != 0 && c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
    CHECK_INT(valid(bytes, n), want);
    if (n > 1) CHECK(!valid(bytes, n - 1));
  }
}

/* A sequence is one character if it is what the encoder makes of the number in it. */
static bool one_character(const uint8_t *b, size_t n) {
  uint32_t c = n == 1 ? b[0] : b[0] & (0x7Fu >> n);
  for (size_t i = 1; i < n; i++)
    c = c << 6 | (b[i] & 0x3F);
  uint8_t again[4];
  return c != 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF) && encode(c, again) == n && memcmp(b, again, n) == 0;
}

static bool oracle(const uint8_t *b, size_t n) {
  if (n == 0) return true;
  for (size_t first = 1; first <= n && first <= 4; first++)
    if (one_character(b, first) && oracle(b + first, n - first)) return true;
  return false;
}

static void every_sequence(void) {
  uint8_t b[4];
  for (uint32_t i = 0; i < 1u << 24; i += i < 0x800000 ? 251 : 1) { /* ASCII leads thinly: their rests come again */
    b[0] = (uint8_t)(i >> 16);
    b[1] = (uint8_t)(i >> 8);
    b[2] = (uint8_t)i;
    bool want = oracle(b, 3);
    if (valid(b, 3) != want) CHECK_INT(i, -1);
  }
  for (uint32_t i = 0; i < 1u << 16; i++) {
    b[0] = (uint8_t)(i >> 8);
    b[1] = (uint8_t)i;
    CHECK_INT(valid(b, 2), oracle(b, 2));
    for (uint32_t lead = 0xF0; lead <= 0xFF; lead++) { /* four bytes; the last two by their bounds */
      static const uint8_t tails[] = {0x7F, 0x80, 0xBF, 0xC0};
      uint8_t four[] = {(uint8_t)lead, b[0], tails[b[1] & 3], tails[b[1] >> 2 & 3]};
      CHECK_INT(valid(four, 4), oracle(four, 4));
    }
  }
}

static void every_place(void) {
  uint8_t text[40];
  for (size_t length = 1; length <= sizeof text; length++) {
    memset(text, 'a', length);
    CHECK(valid(text, length));
    for (size_t at = 0; at < length; at++) {
      text[at] = 0;
      CHECK(!valid(text, length)); /* [M3:1.5.3-2] [M5:1.5.4-2] */
      text[at] = 0x80;
      CHECK(!valid(text, length));
      text[at] = 0x7F;
      CHECK(valid(text, length));
      if (at + 1 < length) {
        memcpy(text + at, "\xC3\xA9", 2);
        CHECK(valid(text, length));
        memset(text + at, 'a', 2);
      }
      text[at] = 0xC3; /* the second byte is an 'a', or missing */
      CHECK(!valid(text, length));
      text[at] = 'a';
    }
  }
}

static void marks(void) {
  CHECK(valid("\xEF\xBB\xBF", 3));
  CHECK(valid("\xEF\xBF\xBF", 3)); /* a noncharacter is a character to MQTT */
  CHECK(valid("\x01\x1F\x7F\xC2\x80", 5));
  CHECK(wq_utf8_valid((wq_bytes){NULL, 0}));
}

static void longest(void) {
  static uint8_t text[65536];
  memset(text, 'x', sizeof text);
  CHECK(valid(text, 65535));
  CHECK(!valid(text, 65536));
  memcpy(text + 65533, "\xE2\x82\xAC", 3);
  CHECK(!valid(text, 65535));
  CHECK(valid(text + 1, 65535));
}

int main(void) {
  input = guard_make(65536);
  check_case("every character is text but surrogates and U+0000 [M3:1.5.3-1] [M5:1.5.4-1]", every_character);
  check_case("sequences of two, three and four bytes are judged as Unicode does [M3:1.5.3-1] [M5:1.5.4-1]",
             every_sequence);
  check_case("a bad byte is found at every place [M3:1.5.3-2] [M5:1.5.4-2]", every_place);
  check_case("byte order mark, controls, noncharacters and no text at all are text [M3:1.5.3-3] [M5:1.5.4-3]", marks);
  check_case("text ends at 65535 bytes", longest);
  return check_close();
}
