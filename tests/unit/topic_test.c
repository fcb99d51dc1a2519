/* SPDX-License-Identifier: MIT
 * Topic names, topic filters, and which filter matches which name. */
#include "check.h"
#include "guard.h"

#include "codec/topic.h"

static guard input, input2;

static wq_bytes put(guard g, const char *text) {
  return (wq_bytes){guard_put(g, text, strlen(text)), (uint32_t)strlen(text)};
}

static void names(void) {
  static const char *const good[] = {
      "a",      "/",          "//",         " ",     "a/b",
      "$SYS/x", "$share/g/a", "Gebäude/°C", "a b/c", "a/long/topic/name/of/more/than/one/word"};
  static const char *const bad[] = {"", "+", "#", "a/+", "a/#", "a+b", "a/long/topic/name/of/more/than/one/wor#"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    CHECK(wq_topic_name_valid(put(input, good[i])));
    CHECK_INT(wq_topic_name_check(put(input, good[i])), 0);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK(!wq_topic_name_valid(put(input, bad[i])));
    CHECK_INT(wq_topic_name_check(put(input, bad[i])), WQ_E_TOPIC_INVALID);
  }
  CHECK_INT(wq_topic_name_check((wq_bytes){(const uint8_t *)"a\0", 2}), WQ_E_MALFORMED);
  CHECK_INT(wq_topic_name_check((wq_bytes){(const uint8_t *)"\xC0\x80", 2}), WQ_E_MALFORMED);
}

/* every byte at every place of names of 1 to 40 bytes: the eight-byte stride, its rest and its overlap */
static void every_place(void) {
  uint8_t text[40];
  memset(text, 'a', sizeof text);
  for (uint32_t length = 1; length <= sizeof text; length++) {
    for (uint32_t at = 0; at < length; at++) {
      for (unsigned c = 0; c < 256; c++) {
        text[at] = (uint8_t)c;
        wq_bytes name = {guard_put(input, text, length), length};
        bool want = c != 0 && c < 0x80 && c != '+' && c != '#';
        CHECK_INT(wq_topic_name_valid(name), want);
        name.data = guard_put_first(input, text, length);
        CHECK_INT(wq_topic_name_valid(name), want);
      }
      text[at] = 'a';
    }
  }
}

static void lengths(void) {
  static uint8_t text[65536];
  memset(text, 'x', sizeof text);
  CHECK(wq_topic_name_valid((wq_bytes){text, 65535}));
  CHECK(!wq_topic_name_valid((wq_bytes){text, 65536}));
  CHECK(wq_topic_filter_valid((wq_bytes){text, 65535}));
  CHECK(!wq_topic_filter_valid((wq_bytes){text, 65536}));
  CHECK(!wq_topic_name_valid((wq_bytes){NULL, 0}));
  CHECK(!wq_topic_filter_valid((wq_bytes){NULL, 0}));
}

static void filters(void) {
  static const char *const good[] = {
      "a",    "/",      "+",          "#",          "+/+",          "/+",         "+/",     "a/+/b",     "a/#", "/#",
      "a//#", "$SYS/#", "$share/g/a", "$share/g/#", "$share/g/+/a", "$share/g//", "$share", "$shared/x", "é/+"};
  static const char *const bad[] = {
      "",          "a#",        "#a",         "#/",          "#/a",         "a/#/b",   "##",
      "a+",        "+a",        "a/+b",       "a/b+/c",      "++",          "$share/", "$share/g",
      "$share/g/", "$share//a", "$share/+/a", "$share/g#/a", "$share/g/a#", "\xFF",    "a/\xC3"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    if (!CHECK(wq_topic_filter_valid(put(input, good[i])))) printf("  %s\n", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (!CHECK(!wq_topic_filter_valid(put(input, bad[i])))) printf("  %s\n", bad[i]);
  CHECK(wq_topic_filter_has_wildcard(put(input, "a/+")));
  CHECK(wq_topic_filter_has_wildcard(put(input, "#")));
  CHECK(!wq_topic_filter_has_wildcard(put(input, "a/b")));
  CHECK(wq_topic_filter_is_shared(put(input, "$share/g/a")));
  CHECK(!wq_topic_filter_is_shared(put(input, "$share")));
  CHECK(!wq_topic_filter_is_shared(put(input, "$SHARE/g/a")));
}

static void matches(void) {
  static const struct {
    const char *filter, *topic;
    bool want;
  } rows[] = {
      {"a", "a", true},
      {"a", "A", false}, /* [M3:4.7.3-4] [M5:4.7.3-4] */
      {"a", "a/", false},
      {"a/", "a", false},
      {"/a", "a", false},
      {"sport/tennis/player1/#", "sport/tennis/player1", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
      {"sport/tennis/player1/#", "sport/tennis/player12", false},
      {"sport/#", "sport", true},
      {"sport/#", "sports", false},
      {"#", "a", true},
      {"#", "/", true},
      {"sport/tennis/+", "sport/tennis/player1", true},
      {"sport/tennis/+", "sport/tennis/player1/ranking", false},
      {"sport/+", "sport", false},
      {"sport/+", "sport/", true},
      {"+/+", "/finance", true},
      {"/+", "/finance", true},
      {"+", "/finance", false},
      {"+/tennis/#", "sport/tennis", true},
      {"+/tennis/#", "sport/golf", false},
      {"a/+/c", "a/b/c", true},
      {"a/+/c", "a//c", true},
      {"a/+/c", "a/b/d/c", false},
      {"#", "$SYS/uptime", false}, /* [M3:4.7.2-1] [M5:4.7.2-1] */
      {"+/uptime", "$SYS/uptime", false},
      {"$SYS/#", "$SYS/uptime", true},
      {"$SYS/+", "$SYS/uptime", true},
      {"a/#", "a/$x", true},
      {"$share/g/a/+", "a/b", true},
      {"$share/g/a/+", "$share/g/a/b", false},
      {"$share/g/#", "$SYS/uptime", false},
      {"$share/g/$SYS/#", "$SYS/uptime", true},
      {"$share/g//", "/", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    bool got = wq_topic_matches(put(input, rows[i].filter), put(input2, rows[i].topic));
    if (!CHECK_INT(got, rows[i].want)) printf("  %s %s\n", rows[i].filter, rows[i].topic);
  }
}

int main(void) {
  input = guard_make(4096);
  input2 = guard_make(4096);
  check_case("topic names [M3:4.7.1-1] [M3:4.7.3-1] [M5:4.7.0-1] [M5:4.7.3-1]", names);
  check_case("a bad byte in a name is found at every place [M3:4.7.3-2] [M5:4.7.3-2]", every_place);
  check_case("names and filters have 1 to 65535 bytes [M3:4.7.3-1] [M3:4.7.3-3] [M5:4.7.3-1] [M5:4.7.3-3]", lengths);
  check_case("filters [M3:4.7.1-2] [M3:4.7.1-3] [M5:4.7.1-1] [M5:4.7.1-2] [M5:4.8.2-1] [M5:4.8.2-2]", filters);
  check_case("matching [M3:4.7.2-1] [M3:4.7.3-4] [M5:4.7.2-1] [M5:4.7.3-4]", matches);
  return check_close();
}
