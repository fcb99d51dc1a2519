/* SPDX-License-Identifier: MIT
 * JSON: what is and what is not, values under names, strings, numbers; and no read past the end, however a text is cut. */
#include "guard.h"
#include "provider.h"

#include "provider/json.h"

static guard room;

static wq_bytes put(const char *text, size_t length) {
  return (wq_bytes){guard_put(room, text, length), (uint32_t)length};
}

static void is_json(void) {
  static const char *const good[] = {
      "null",     "true",       "false",       "0",           "-0",
      "10",       "-12.50e+3",  "0E-1",        "\"\"",        "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
      "[]",       "[1]",        "[ 1 , 2 ]",   "{}",          "{ }",
      "[\n]",     "{\"a\":1}",  "{\"\":[{}]}", " \t\r\n1 \n", "{\"a\":1,\"a\":2}",
      "\"\x7F\"", "\"\\ud800\""};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    size_t length = strlen(good[i]);
    CHECK(wq_json_read(put(good[i], length)).data != NULL);
    for (size_t cut = 0; cut < length; cut++) { /* no read past the end */
      wq_bytes part = put(good[i], cut);
      if (wq_json_read(part).data == NULL) CHECK(wq_json_get(part, "a.a").len <= cut);
    }
  }
}

static void is_none(void) {
  static const char *const bad[] = {"",          " ",           "nul",        "nulls", "True",   "01",
                                    "-",         "+1",          ".5",         "1.",    "1e",     "1e+",
                                    "0x1",       "NaN",         "1 2",        "\"",    "\"\n\"", "\"\\x\"",
                                    "\"\\u12\"", "\"\\u12g4\"", "'a'",        "[",     "]",      "[1",
                                    "[1,]",      "[,1]",        "[1 2]",      "{",     "}",      "{\"a\"}",
                                    "{\"a\":}",  "{a:1}",       "{\"a\":1,}", "{,}",   "{1:2}",  "{\"a\" 1}",
                                    "[1}",       "{\"a\":1]",   "// \n1",     "\"\\",  "-a",     "\xEF\xBB\xBF 1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (!CHECK(wq_json_read(put(bad[i], strlen(bad[i]))).data == NULL)) printf("  %s\n", bad[i]);
  CHECK(wq_json_read(put("1\0", 2)).data == NULL);
  CHECK(wq_json_read((wq_bytes){NULL, 0}).data == NULL);
}

static void depth(void) {
  char text[2 * WQ_JSON_DEPTH_MAX + 3];
  for (size_t deep = WQ_JSON_DEPTH_MAX; deep <= WQ_JSON_DEPTH_MAX + 1; deep++) {
    memset(text, '[', deep);
    text[deep] = '1';
    memset(text + deep + 1, ']', deep);
    CHECK_INT(wq_json_read(put(text, 2 * deep + 1)).data != NULL, deep < WQ_JSON_DEPTH_MAX + 1);
    CHECK_INT(wq_json_read(put(text, deep)).len, 0);
  }
}

static const char *got(const char *json, const char *path) {
  static char text[200];
  wq_bytes value = wq_json_get(wq_json_read(put(json, strlen(json))), path);
  if (value.data == NULL) return "none";
  snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.data);
  return text;
}

static void members(void) {
  static const char json[] = " { \"a\" : { \"b\" : [ 1, {\"c\":2} ] , \"$version\":7 } , \"x\":\"}\", \"e\":{}, "
                             "\"c\":null,\"d\":1,\"d\":\"2\" } ";
  CHECK_TEXT(got(json, "a.b"), "[ 1, {\"c\":2} ]");
  CHECK_TEXT(got(json, "a.$version"), "7");
  CHECK_TEXT(got(json, "x"), "\"}\"");
  CHECK_TEXT(got(json, "c"), "null");
  CHECK_TEXT(got(json, "d"), "\"2\"");
  CHECK_TEXT(got(json, "e"), "{}");
  CHECK_TEXT(got(json, "e.a"), "none");
  CHECK_TEXT(got(json, "b"), "none");
  CHECK_TEXT(got(json, "a.b.c"), "none");
  CHECK_TEXT(got(json, "x.c"), "none");
  CHECK_TEXT(got(json, "z.z"), "none");
  CHECK_TEXT(got("{\"\\u0061\\/\":1}", "a/"), "1");
  CHECK_TEXT(got("{\"ab\":1}", "a"), "none");
  CHECK_TEXT(got("{\"a\\u0000\":1}", "a"), "none");
  CHECK_TEXT(got("[1]", "a"), "none");
}

static int32_t text_of(const char *json, uint8_t *dst, uint32_t size) {
  return wq_json_text(put(json, strlen(json)), dst, size);
}

static void texts(void) {
  static const char escaped[] = "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\uDE00 \xC3\xA9\"";
  static const char meant[] = "\"\\/\b\f\n\r\t\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 \xC3\xA9";
  uint8_t dst[64], *edge = guard_room(guard_make(sizeof meant - 1), sizeof meant - 1);
  CHECK_INT(text_of(escaped, edge, sizeof meant - 1), sizeof meant - 1);
  CHECK_BYTES(edge, sizeof meant - 1, (const uint8_t *)meant, sizeof meant - 1);
  CHECK_INT(text_of(escaped, dst, sizeof meant - 2), -1);
  CHECK_INT(text_of("\"\"", dst, 0), 0);
  static const char *const bad[] = {
      "1",   "\"", "", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud800\\u0061\"", "\"\\udc00\"", "\"\xC3\"", "\"\\ud800\\n\"",
      "null"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    CHECK_INT(text_of(bad[i], dst, sizeof dst), -1);
  CHECK(wq_json_is(put("\"a\\u0062\"", 9), "ab"));
  CHECK(!wq_json_is(put("\"abc\"", 5), "ab"));
  CHECK(!wq_json_is(put("ab", 2), "ab"));
}

static void numbers(void) {
  uint64_t n = 1;
  CHECK(wq_json_number(put("0", 1), &n) && n == 0);
  CHECK(wq_json_number(put("9007199254740991", 16), &n) && n == UINT64_C(9007199254740991));
  static const char *const bad[] = {"", "9007199254740992", "10000000000000000", "-1", "1.0", "1e3", "\"1\"", "null"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    CHECK(!wq_json_number(put(bad[i], strlen(bad[i])), &n));
}

/* What is written is read as it was. */
static void written(void) {
  uint8_t text[40], json[6 * sizeof text + 2], again[sizeof text];
  for (uint32_t i = 0; i < sizeof text; i++)
    text[i] = (uint8_t)(i + 1);
  text[sizeof text - 1] = '\\';
  wq_writer w = wq_writer_of(json, sizeof json);
  wq_json_write(&w, (wq_bytes){text, sizeof text});
  const wq_bytes value = wq_json_read((wq_bytes){json, (uint32_t)(w.at - json)});
  CHECK(!w.failed && value.data != NULL);
  CHECK_INT(wq_json_text(value, again, sizeof again), sizeof text);
  CHECK_BYTES(again, sizeof again, text, sizeof text);
}

int main(void) {
  room = guard_make(4096);
  check_case("JSON: what is", is_json);
  check_case("JSON: what is not", is_none);
  check_case("JSON: depth is bounded", depth);
  check_case("JSON: members by path, the last of a name, names with escapes", members);
  check_case("JSON: strings decoded, within their room, only as UTF-8", texts);
  check_case("JSON: whole numbers", numbers);
  check_case("JSON: what is written is read", written);
  return check_close();
}
