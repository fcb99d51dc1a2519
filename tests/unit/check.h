/* SPDX-License-Identifier: MIT
 * What a unit test program needs: cases with a title, checks that say what they got, and one closing line.
 *
 *   int main(void) {
 *     check_case("what must hold [M5:x]", some_function);
 *     return check_close();
 *   }
 *
 * A case passes if it made a check and none failed. */
#ifndef WQ_UNIT_CHECK_H
#define WQ_UNIT_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CHECK_SHOWN 5 /* failures printed for one case; the rest is counted */

static struct {
  const char *title;
  int made, bad; /* checks of this case */
  int passed, failed;
} check_state;

static inline void check_begin(const char *title) {
  check_state.title = title;
  check_state.made = check_state.bad = 0;
}

static inline void check_end(void) {
  if (check_state.made == 0) printf("FAIL %s: nothing was checked\n", check_state.title);
  if (check_state.bad > CHECK_SHOWN) printf("FAIL %s: %d more\n", check_state.title, check_state.bad - CHECK_SHOWN);
  if (check_state.made == 0 || check_state.bad != 0)
    check_state.failed++;
  else
    check_state.passed++;
}

static inline void check_case(const char *title, void (*run)(void)) {
  check_begin(title);
  run();
  check_end();
}

/* check_close - the closing line; returns what main() returns. */
static inline int check_close(void) {
  printf("%d passed, %d failed\n", check_state.passed, check_state.failed);
  return check_state.failed != 0 || check_state.passed == 0;
}

/* true if this failure is to be printed */
static inline bool check_note(bool good) {
  check_state.made++;
  return !good && ++check_state.bad <= CHECK_SHOWN;
}

static inline bool check_that(bool good, const char *what, const char *file, int line) {
  if (check_note(good)) printf("FAIL %s (%s:%d): %s\n", check_state.title, file, line, what);
  return good;
}

static inline bool check_int(int64_t got, int64_t want, const char *what, const char *file, int line) {
  if (check_note(got == want))
    printf("FAIL %s (%s:%d): %s is %lld, not %lld\n", check_state.title, file, line, what, (long long)got,
           (long long)want);
  return got == want;
}

static inline bool check_text(const char *got, const char *want, const char *what, const char *file, int line) {
  bool good = strcmp(got, want) == 0;
  if (check_note(good))
    printf("FAIL %s (%s:%d): %s is\n  %s\nnot\n  %s\n", check_state.title, file, line, what, got, want);
  return good;
}

static inline void check_dump(const char *label, const uint8_t *bytes, size_t length) {
  printf("  %s", label);
  for (size_t i = 0; i < length; i++)
    printf(" %02X", bytes[i]);
  printf("\n");
}

static inline bool check_bytes(const uint8_t *got, size_t got_length, const uint8_t *want, size_t want_length,
                               const char *what, const char *file, int line) {
  bool good = got_length == want_length && (want_length == 0 || memcmp(got, want, want_length) == 0);
  if (check_note(good)) {
    printf("FAIL %s (%s:%d): %s\n", check_state.title, file, line, what);
    check_dump("got ", got, got_length);
    check_dump("want", want, want_length);
  }
  return good;
}

/* Each is true if the check held. */
#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(got, want) check_int((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_TEXT(got, want) check_text((got), (want), #got, __FILE__, __LINE__)
#define CHECK_BYTES(got, got_length, want, want_length)                                                                \
  check_bytes((got), (got_length), (want), (want_length), #got, __FILE__, __LINE__)
#endif
