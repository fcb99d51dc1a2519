/* SPDX-License-Identifier: MIT
 * Base64: the vectors of RFC 4648, every short input there and back, and what is none. */
#include "check.h"
#include "guard.h"

#include "provider/base64.h"

static guard input;

static wq_bytes guarded(const void *bytes, size_t length) {
  return (wq_bytes){guard_put(input, bytes, length), (uint32_t)length};
}

/* What the RFC calls "foobar", one byte more each time. */
static void vectors(void) {
  static const char *const want[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (uint32_t n = 0; n <= 6; n++) {
    uint8_t text[8], back[8];
    uint32_t length = wq_base64_encode(text, guarded("foobar", n));
    CHECK_BYTES(text, length, (const uint8_t *)want[n], strlen(want[n]));
    CHECK_INT(length, WQ_BASE64_SIZE(n));
    int32_t got = wq_base64_decode(back, guarded(want[n], length));
    CHECK_BYTES(back, (size_t)got, (const uint8_t *)"foobar", n);
  }
}

static void url(void) {
  static const uint8_t bytes[] = {0xFB, 0xEF, 0xBE, 0xFF};
  uint8_t text[8];
  uint32_t length = wq_base64_encode(text, guarded(bytes, 4));
  CHECK_BYTES(text, length, (const uint8_t *)"++++/w==", 8);
  length = wq_base64url_encode(text, guarded(bytes, 4));
  CHECK_BYTES(text, length, (const uint8_t *)"----_w", 6);
}

/* Four characters are base64 if and only if encoding what they stand for gives them again. */
static void every_digit(void) {
  for (uint32_t place = 0; place < 4; place++) {
    for (uint32_t c = 0; c < 256; c++) {
      static const char *const around[] = {"AAAA", "zz==", "w5A=", "Q=Q=", "===="};
      for (uint32_t k = 0; k < 5; k++) {
        uint8_t text[4], back[3], again[4];
        memcpy(text, around[k], 4);
        text[place] = (uint8_t)c;
        int32_t n = wq_base64_decode(back, guarded(text, 4));
        bool canonical = n > 0 && wq_base64_encode(again, guarded(back, (uint32_t)n)) == 4 && !memcmp(text, again, 4);
        CHECK_INT(n > 0, canonical);
        const bool digits = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", (int)c) && c;
        if (k == 0) CHECK_INT(n, digits ? 3 : place == 3 && c == '=' ? 2 : -1);
      }
    }
  }
}

static void refused(void) {
  static const char *const bad[] = {"A",        "AA",   "AAA",     "AAAAA",    "=AAA",      "A===", "====",
                                    "Zg==Zg==", "Zg=A", "Zm9vYg=", "AAAA====", "Zm9v\nYg=", "Zh==", "Zm9="};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    uint8_t back[16];
    if (!CHECK_INT(wq_base64_decode(back, guarded(bad[i], strlen(bad[i]))), -1)) printf("  for %s\n", bad[i]);
  }
}

int main(void) {
  input = guard_make(64);
  check_case("base64: the vectors of RFC 4648, both ways", vectors);
  check_case("base64: the alphabet of URLs has - and _ and no padding", url);
  check_case("base64: a byte in each place is a digit or refused", every_digit);
  check_case("base64: lengths, padding and leftover bits that no encoder writes are refused", refused);
  return check_close();
}
