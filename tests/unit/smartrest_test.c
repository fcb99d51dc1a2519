/* SPDX-License-Identifier: MIT
 * SmartREST: what the vectors (tests/provider) do not reach. Topics, sizes, memory that is used up, values that are not
 * text, and errors of the server. */
#include "check.h"
#include "guard.h"

#include "codec/packet.h"
#include "provider/smartrest.h"

#define FIELDS 8

static guard memory, input, list;

static wq_bytes text(const char *t) { return (wq_bytes){(const uint8_t *)t, (uint32_t)strlen(t)}; }

/* at the end of a guarded page */
static wq_bytes put(const char *t) { return (wq_bytes){guard_put(input, t, strlen(t)), (uint32_t)strlen(t)}; }

static void check_same(wq_bytes got, const char *want) {
  CHECK_BYTES(got.data, got.len, text(want).data, text(want).len);
}

/* ---------------------------------------------------------------------------------------------------- topics */

static void topics(void) {
  static const struct {
    const char *topic;
    uint8_t kind, mode;
    const char *name;
  } good[] = {{"s/us", WQ_SMARTREST_US, 's', NULL},      {"t/us", WQ_SMARTREST_US, 't', NULL},
              {"q/us/kid", WQ_SMARTREST_US, 'q', "kid"}, {"c/us/a/b", WQ_SMARTREST_US, 'c', "a/b"},
              {"s/uc/x", WQ_SMARTREST_UC, 's', "x"},     {"c/uc/my id", WQ_SMARTREST_UC, 'c', "my id"},
              {"s/ud", WQ_SMARTREST_UD, 's', NULL},      {"t/ud", WQ_SMARTREST_UD, 't', NULL},
              {"s/ut/x", WQ_SMARTREST_UT, 's', "x"},     {"s/ucr", WQ_SMARTREST_UCR, 's', NULL},
              {"s/uat", WQ_SMARTREST_UAT, 's', NULL},    {"s/ds", WQ_SMARTREST_DS, 's', NULL},
              {"s/dc/x", WQ_SMARTREST_DC, 's', "x"},     {"s/dd", WQ_SMARTREST_DD, 's', NULL},
              {"s/dt", WQ_SMARTREST_DT, 's', NULL},      {"s/dcr", WQ_SMARTREST_DCR, 's', NULL},
              {"s/dat", WQ_SMARTREST_DAT, 's', NULL},    {"s/e", WQ_SMARTREST_E, 's', NULL}};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    wq_smartrest_topic t;
    uint32_t length = (uint32_t)strlen(good[i].topic);
    CHECK_INT(wq_smartrest_topic_read(put(good[i].topic), &t), 0);
    CHECK_INT(t.kind, good[i].kind);
    CHECK_INT(t.mode, good[i].mode);
    if (good[i].name == NULL)
      CHECK(t.name.data == NULL);
    else
      check_same(t.name, good[i].name);
    uint8_t *room = guard_room(memory, length);
    CHECK_INT(wq_smartrest_topic_write(room, length, &t), length);
    check_same((wq_bytes){room, length}, good[i].topic);
    CHECK_INT(wq_smartrest_topic_write(guard_room(memory, length - 1), length - 1, &t), WQ_E_FULL);
  }
}

static void no_topics(void) {
  static const char *const bad[] = {"",         "s",       "s/",      "s/x",    "us",        "x/us",      "S/us",
                                    "s/us/",    "s/us//a", "s/us/a/", "s/us/+", "s/us/#",    "s/uc",      "s/uc/",
                                    "s/uc/a/b", "s/ud/a",  "s/ut",    "t/ut/x", "s/ucr/x",   "t/ucr",     "q/ds",
                                    "s/ds/a",   "s/dc",    "t/dc/x",  "t/e",    "s/e/x",     "s/usx",     "s/u",
                                    "s//us",    "/s/us",   "s/dat/",  "c/dt",   "s/us/\x80", "s/uc/\xC3", "devices/a"};
  wq_smartrest_topic t = {.kind = 99};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (!CHECK_INT(wq_smartrest_topic_read(put(bad[i]), &t), WQ_E_TOPIC)) printf("  %s\n", bad[i]);
  CHECK_INT(t.kind, 99);
  static const wq_smartrest_topic none[] = {{.kind = 0, .mode = 's'},
                                            {.kind = WQ_SMARTREST_E + 1, .mode = 's'},
                                            {.kind = WQ_SMARTREST_US, .mode = 0},
                                            {.kind = WQ_SMARTREST_DS, .mode = 't'},
                                            {.kind = WQ_SMARTREST_UC, .mode = 's'},
                                            {.kind = WQ_SMARTREST_US, .mode = 's', .name = {(const uint8_t *)"", 0}}};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
    CHECK_INT(wq_smartrest_topic_write(memory.start, 100, &none[i]), WQ_E_TOPIC);
}

/* The codec is asked how large a packet really is. */
static void payload_sizes(void) {
  static uint8_t payload[17000], properties[200], packet[17400];
  static const uint32_t limits[] = {
      WQ_SMARTREST_PACKET_MAX, 20, 21, 129, 130, 131, 132, 1000, 16385, 16386, 16387, 16388};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
    for (uint8_t qos = 0; qos <= 2; qos++)
      for (uint32_t length = 4; length < 16; length += 5)
        for (int v5 = 0; v5 <= 1; v5++) {
          wq_publish_packet p = {
              .qos = qos, .packet_id = qos != 0, .topic = {(const uint8_t *)"s/us/a/long/one", length}};
          uint8_t version = v5 ? WQ_MQTT_5_0 : WQ_MQTT_3_1_1;
          uint32_t most = wq_smartrest_payload_max(limits[i], length, qos, (uint32_t)v5);
          if (v5) p.properties = (wq_bytes){properties, 0};
          wq_packet whole = {.type = WQ_PUBLISH, .u.publish = p};
          whole.u.publish.payload = (wq_bytes){payload, most};
          uint32_t size = wq_packet_encode(packet, sizeof packet, version, &whole);
          whole.u.publish.payload.len = most + 1;
          uint32_t larger = wq_packet_encode(packet, sizeof packet, version, &whole);
          if (most != 0) CHECK(size != 0 && size <= limits[i]);
          CHECK(larger > limits[i]);
        }
  CHECK_INT(wq_smartrest_payload_max(WQ_SMARTREST_PACKET_MAX, 4, 0, 0), 16175);
  CHECK_INT(wq_smartrest_payload_max(WQ_SMARTREST_PACKET_MAX, 4, 1, 0), 16173);
  CHECK_INT(wq_smartrest_payload_max(0, 4, 0, 0), 0);
  CHECK_INT(wq_smartrest_payload_max(8, 4, 0, 0), 0);
  CHECK_INT(wq_smartrest_payload_max(9, 4, 0, 0), 1);
  CHECK_INT(wq_smartrest_payload_max(UINT32_MAX, UINT32_MAX, 2, UINT32_MAX), 0);
  CHECK_INT(wq_smartrest_payload_max(UINT32_MAX, 4, 0, 0), 268435455 - 6);
}

/* ---------------------------------------------------------------------------------------------------- writer */

static wq_smartrest_writer writer(const char *topic, uint32_t room, uint32_t payload_max) {
  wq_smartrest_writer w;
  CHECK_INT(wq_smartrest_writer_init(&w, guard_room(memory, room), room, put(topic), payload_max), 0);
  return w;
}

static void writer_topics(void) {
  static const char *const none[] = {"s/ucr", "s/uat", "s/ds", "s/e", "s/dc/x", "s/u", ""};
  wq_smartrest_writer w;
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
    CHECK_INT(wq_smartrest_writer_init(&w, memory.start, 10, put(none[i]), 10), WQ_E_TOPIC);
}

static void writer_values(void) {
  wq_smartrest_writer w = writer("s/ud", 400, 400);
  wq_smartrest_begin(&w, text("5"));
  wq_smartrest_integer(&w, 0);
  wq_smartrest_integer(&w, -7);
  wq_smartrest_integer(&w, INT64_MIN);
  wq_smartrest_integer(&w, INT64_MAX);
  wq_smartrest_boolean(&w, true);
  wq_smartrest_boolean(&w, false);
  wq_smartrest_text(&w, (wq_bytes){NULL, 0});
  CHECK_INT(wq_smartrest_end(&w), 0);
  check_same(wq_smartrest_rows(&w), "5,0,-7,-9223372036854775808,9223372036854775807,true,false,");
}

static void writer_dates(void) {
  static const struct {
    int64_t ms;
    const char *date;
  } dates[] = {{0, "1970-01-01T00:00:00.000Z"},
               {-1, "1969-12-31T23:59:59.999Z"},
               {1371913394000, "2013-06-22T15:03:14.000Z"},
               {951782400000, "2000-02-29T00:00:00.000Z"},
               {951868799999, "2000-02-29T23:59:59.999Z"},
               {951868800000, "2000-03-01T00:00:00.000Z"},
               {4107542399999, "2100-02-28T23:59:59.999Z"},
               {4107542400000, "2100-03-01T00:00:00.000Z"},
               {1735689599123, "2024-12-31T23:59:59.123Z"},
               {-62167219200000, "0000-01-01T00:00:00.000Z"},
               {-62162035200000, "0000-03-01T00:00:00.000Z"},
               {253402300799999, "9999-12-31T23:59:59.999Z"}};
  for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
    wq_smartrest_writer w = writer("s/us", 60, 60);
    wq_smartrest_begin(&w, text("304"));
    wq_smartrest_text(&w, text("t"));
    wq_smartrest_text(&w, text(""));
    CHECK_INT(wq_smartrest_date(&w, dates[i].ms), 0); /* and it fits the type that the table wants */
    CHECK_INT(wq_smartrest_end(&w), 0);
    char want[60];
    snprintf(want, sizeof want, "304,t,,%s", dates[i].date);
    check_same(wq_smartrest_rows(&w), want);
  }
  wq_smartrest_writer w = writer("s/us", 60, 60);
  wq_smartrest_begin(&w, text("211"));
  wq_smartrest_integer(&w, 1);
  CHECK_INT(wq_smartrest_date(&w, 253402300800000), WQ_E_ARG);
  CHECK_INT(wq_smartrest_date(&w, -62167219200001), WQ_E_ARG);
  CHECK_INT(wq_smartrest_end(&w), 0);
  check_same(wq_smartrest_rows(&w), "211,1");
}

static void types(void) {
  static const struct {
    uint8_t type;
    const char *good, *bad;
  } values[] = {
      {'n', "0 -0 12 007 1.5 -1.25e3 1E+9 1e-9", "- . 1. .5 1e 1e+ +1 1,5 0x10 1.5.2 NaN Infinity 1-1 e5"},
      {'i', "0 -12 12", "1.0 +1 - 1e3 12a"},
      {'u', "0 12", "-1 1.5 a"},
      {'d', "2016-06-22T17:03:14.000+02:00 2016-06-22T17:03:14Z 2016-12-31T23:59:59.1-2359 2021-10-23T19:03:26+0100",
       "2016-06-22 2016-06-22T17:03:14 2016-06-22T17:03:14.1 2016-06-22T17:03Z 2016-20-22T17:03:14Z "
       "2016-06-42T17:03:14Z "
       "2016-06-22T30:03:14Z 2016-06-22T17:60:14Z 2016-06-22T17:03:60Z 2016-06-22T17:03:14.Z 2016-06-22t17:03:14Z "
       "2016-06-22T17:03:14Z+ 2016-06-22T17:03:14+2 2016-06-22T17:03:14+30:00 2016-06-22T17:03:14+02:60 "
       "2016-06-22T17:03:14+02:000 216-06-22T17:03:14Z 20166-06-22T17:03:14Z 2016/06/22T17:03:14Z 2016-6-22T17:03:14Z"},
      {'b', "true false", "True 1 yes or"},
      {'s', "CRITICAL MAJOR MINOR WARNING", "critical MAJ MAJORS or ,"},
      {'k', "ACTIVE ACKNOWLEDGED CLEARED", "PENDING"},
      {'o', "PENDING EXECUTING SUCCESSFUL FAILED", "DONE"},
      {'m', "GET PUT POST", "DELETE get"},
      {'a', "INVENTORY MEASUREMENT ALARM EVENT OPERATION", "EVENTS"},
      {'v', "STRING DATE NUMBER INTEGER UNSIGNED FLAG SEVERITY ALARMSTATUS OPERATIONSTATUS", "BOOLEAN"},
      {'p', "a $.a[*].b a?b a(b", "$[?(@.a)] ?("},
      {'t', "anything", NULL}};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    for (int good = 0; good <= 1; good++) {
      const char *words = good ? values[i].good : values[i].bad;
      while (words != NULL && *words != '\0') {
        size_t length = strcspn(words, " ");
        wq_bytes word = {guard_put(input, words, length), (uint32_t)length};
        if (!CHECK(wq_smartrest_type_fits(values[i].type, word) == (good != 0))) printf("  %.*s\n", (int)length, words);
        words += length + (words[length] == ' ');
      }
    }
}

/* memory of every size: what does not fit is dropped, and what is there stays */
static void writer_full(void) {
  static const char whole[] = "100,a,\"b, \\\"c\\\"\"\n400,t,\"x\ny\"";
  uint32_t length = sizeof whole - 1, first = (uint32_t)(strchr(whole, '\n') - whole);
  for (uint32_t room = 0; room <= length; room++) {
    wq_smartrest_writer w = writer("s/us", room, 1000);
    wq_bytes create[] = {text("100"), text("a"), text("b, \"c\"")}, event[] = {text("400"), text("t"), text("x\ny")};
    CHECK_INT(wq_smartrest_row(&w, create, 3), room >= first ? 0 : WQ_E_FULL);
    if (room < first) continue;
    CHECK_INT(wq_smartrest_row(&w, event, 3), room >= length ? 0 : WQ_E_FULL);
    wq_bytes rows = wq_smartrest_rows(&w);
    CHECK_BYTES(rows.data, rows.len, text(whole).data, room >= length ? length : first);
    if (room >= length) continue;
    char said[80];
    uint32_t n = wq_smartrest_describe(&w, said, sizeof said);
    check_same((wq_bytes){(uint8_t *)said, n}, "400 createEvent: no room is left for it");
    wq_smartrest_clear(&w);
    CHECK_INT(wq_smartrest_rows(&w).len, 0);
    CHECK_INT(wq_smartrest_row(&w, event, 3), 0);
    check_same(wq_smartrest_rows(&w), "400,t,\"x\ny\"");
  }
}

static void writer_states(void) {
  wq_smartrest_writer w = writer("s/us", 200, 200);
  CHECK_INT(wq_smartrest_text(&w, text("a")), WQ_E_STATE);
  CHECK_INT(wq_smartrest_end(&w), WQ_E_STATE);
  CHECK_INT(wq_smartrest_begin(&w, text("100")), 0);
  CHECK_INT(wq_smartrest_text(&w, text("left")), 0);
  CHECK_INT(wq_smartrest_begin(&w, text("104")), 0);
  CHECK_INT(wq_smartrest_text(&w, text("up")), 0);
  CHECK_INT(wq_smartrest_end(&w), 0);
  CHECK_INT(wq_smartrest_text(&w, text("a")), WQ_E_STATE);
  CHECK_INT(wq_smartrest_end(&w), WQ_E_STATE);
  CHECK_INT(wq_smartrest_begin(&w, text("117")), 0);
  CHECK_INT(wq_smartrest_text(&w, text("x")), WQ_SMARTREST_E_TYPE);
  CHECK_INT(wq_smartrest_text(&w, text("7")), WQ_SMARTREST_E_TYPE);
  CHECK_INT(w.position, 1);
  check_same(w.arg.name, "minutes");
  CHECK_INT(wq_smartrest_end(&w), WQ_SMARTREST_E_TYPE);
  CHECK_INT(wq_smartrest_row(&w, NULL, 0), WQ_SMARTREST_E_ID);
  check_same(wq_smartrest_rows(&w), "104,up");
}

/* a description is cut where its room ends */
static void description_cut(void) {
  static const char want[] =
      "117 setRequiredInterval, argument 1 (minutes): the value does not fit; wanted is an integer";
  wq_smartrest_writer w = writer("s/us", 200, 200);
  CHECK_INT(wq_smartrest_describe(&w, (char *)guard_room(list, 10), 10), 0);
  wq_bytes row[] = {text("117"), text("x")};
  wq_smartrest_row(&w, row, 2);
  for (uint32_t room = 0; room < sizeof want + 5; room++) {
    char *at = (char *)guard_room(list, room);
    uint32_t n = wq_smartrest_describe(&w, at, room);
    CHECK_BYTES((uint8_t *)at, n, (const uint8_t *)want, room < sizeof want ? room : sizeof want - 1);
  }
}

/* every error has words of its own */
static void error_texts(void) {
  static const int errors[] = {-151, -152, -153, -154, -155, -156, -157, -158, -159, -160, -251, -252, -351, -352};
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    CHECK(strlen(wq_smartrest_error_text(errors[i])) > 10);
    for (size_t k = 0; k < i; k++)
      CHECK(strcmp(wq_smartrest_error_text(errors[i]), wq_smartrest_error_text(errors[k])) != 0);
  }
  CHECK_TEXT(wq_smartrest_error_text(WQ_E_TOPIC), "");
}

/* text that a person typed */
static void split_text(void) {
  wq_bytes rest = put("\n\n100,a\r\n\n400,t,\"x\n\ny\"\n\n"), payload;
  CHECK_INT(wq_smartrest_split(&rest, 100, &payload), 1);
  check_same(payload, "100,a\r\n\n400,t,\"x\n\ny\"");
  CHECK_INT(wq_smartrest_split(&rest, 100, &payload), 0);
  rest = put("100,a\n400,t,\"x\n\ny\"\n500\n501,a");
  CHECK_INT(wq_smartrest_split(&rest, 9, &payload), 1);
  check_same(payload, "100,a");
  CHECK_INT(wq_smartrest_split(&rest, 9, &payload), WQ_SMARTREST_E_SIZE);
  check_same(payload, "400,t,\"x\n\ny\"");
  CHECK_INT(wq_smartrest_split(&rest, 9, &payload), 1);
  check_same(payload, "500\n501,a");
  CHECK_INT(wq_smartrest_split(&rest, 9, &payload), 0);
  rest = (wq_bytes){NULL, 0};
  CHECK_INT(wq_smartrest_split(&rest, 9, &payload), 0);
}

/* ---------------------------------------------------------------------------------------------------- reader */

/* What a message comes to, as text: fields in <>, errors as number@line:column. */
static const char *read_text(const char *message, uint32_t room, uint32_t fields_room, uint32_t piece) {
  static char out[2000];
  size_t at = 0, length = strlen(message), from = 0;
  wq_smartrest_reader r;
  wq_smartrest_reader_init(&r, guard_room(memory, room), room,
                           (wq_bytes *)(void *)guard_room(list, fields_room * sizeof(wq_bytes)), fields_room);
  for (int twice = 0; twice < 2; twice++, from = 0) { /* a reader is as new after a message */
    out[at = 0] = '\0';
    do {
      uint32_t n = length - from < piece ? (uint32_t)(length - from) : piece;
      wq_bytes in = {guard_put(input, message + from, n), n};
      from += n;
      for (int got; (got = wq_smartrest_read(&r, &in, from == length)) != 0;) {
        if (got < 0) at += (size_t)snprintf(out + at, sizeof out - at, "%d@%u:%u", got, r.line, r.column);
        if (got > 0) at += (size_t)snprintf(out + at, sizeof out - at, "%u:", r.line);
        for (uint32_t i = 0; i < r.count; i++)
          at += (size_t)snprintf(out + at, sizeof out - at, "<%.*s>", (int)r.fields[i].len,
                                 (const char *)r.fields[i].data);
        at += (size_t)snprintf(out + at, sizeof out - at, " ");
      }
      CHECK_INT(in.len, 0);
    } while (from < length);
  }
  return out;
}

static void check_read(const char *message, uint32_t room, uint32_t fields_room, const char *want) {
  for (uint32_t piece = 1; piece <= strlen(message) + 1; piece++)
    CHECK_TEXT(read_text(message, room, fields_room, piece), want);
}

static void reader_rows(void) {
  check_read("", 10, 8, "");
  check_read("\n\r\n\n", 10, 8, "");
  check_read("500", 10, 8, "1:<500> ");
  check_read("500\r\n\n501,a\r\n", 10, 8, "1:<500> 3:<501><a> ");
  check_read("a,,\n,\n", 10, 8, "1:<a><><> 2:<><> ");
  check_read("\"a\"\r\n\"\"\r", 10, 8, "1:<a> 2:<> ");
  check_read("a\rb\r", 10, 8, "1:<a\rb> ");
  check_read(" a , b", 10, 8, "1:< a >< b> ");
  check_read("1,\"a\nb\"\n2", 20, 8, "1:<1><a\nb> 3:<2> ");
  check_read("1,\"\\\"\",\"\"\"\",\"\\\\\\\"\"", 40, 8, "1:<1><\"><\"><\\\\\"> ");
}

static void reader_malformed(void) {
  check_read("a\"b\n500", 20, 8, "-251@1:2 2:<500> ");
  check_read("\"a\"b\n500", 20, 8, "-251@1:4 2:<500> ");
  check_read("\"a\"\rb\n500", 20, 8, "-251@1:5 2:<500> ");
  check_read("100,\"a\n500\n501,x", 20, 8, "-252@1:5 2:<500> 3:<501><x> ");
  check_read("100,\"a\\\n500\n", 20, 8, "-252@1:5 2:<500> ");
  check_read("\"\n\"\n\"", 20, 8, "1:<\n> -252@3:1 ");
  check_read("100,\"a\n511,s,\"cmd\"\n500", 30, 8, "-251@2:8 2:<511><s><cmd> 3:<500> ");
  check_read("1,\"a\n2,\"b\n3,\"c\n4", 30, 8, "-251@2:4 -251@3:4 -252@3:3 4:<4> ");
}

/* a row too long for its memory costs itself only, quotes and all */
static void reader_full(void) {
  check_read("123456", 6, 8, "1:<123456> ");
  check_read("123456\n7\n", 6, 8, "1:<123456> 2:<7> ");
  check_read("1234567\n7\n", 6, 8, "-351@1:1 2:<7> ");
  check_read("7\n1,\"3\n5,6\"\n7\n8", 6, 8, "1:<7> -351@2:1 4:<7> 5:<8> ");
  check_read("7\n1,\"3\n5,6\"x\"\n7\n8", 6, 8, "1:<7> -351@2:1 4:<7> 5:<8> ");
  check_read("1,\"3\n5,67890", 6, 8, "-351@1:1 ");
  check_read("a\nb\nc\nd\ne\nf\ng,h,i\n", 6, 8, "1:<a> 2:<b> 3:<c> 4:<d> 5:<e> 6:<f> 7:<g><h><i> ");
  check_read("\"a\nb\nc,\"de\nfg", 9, 8, "-251@3:4 2:<b> -252@3:3 4:<fg> ");
  check_read("1,2,3\n1,2\n1,2,3,4", 20, 2, "-352@1:1 2:<1><2> -352@3:1 ");
  check_read("1,2,3\n4", 20, 1, "-352@1:1 2:<4> ");
}

static void named_fields(void) {
  wq_smartrest_template t;
  static const char row[] = "516,dev,a,1,u,b,2";
  wq_bytes fields[FIELDS], in = put(row);
  wq_smartrest_reader r;
  wq_smartrest_reader_init(&r, guard_room(memory, 30), 30, fields, FIELDS);
  CHECK_INT(wq_smartrest_read(&r, &in, true), 1);
  CHECK(wq_smartrest_find(WQ_SMARTREST_DS, fields[0], &t));
  check_same(t.name, "c8y_SoftwareList");
  CHECK_INT(t.role, WQ_SMARTREST_OPERATION);
  check_same(wq_smartrest_get(&t, fields, r.count, "serial", 0), "dev");
  check_same(wq_smartrest_get(&t, fields, r.count, "name", 0), "a");
  check_same(wq_smartrest_get(&t, fields, r.count, "name", 1), "b");
  check_same(wq_smartrest_get(&t, fields, r.count, "version", 1), "2");
  CHECK(wq_smartrest_get(&t, fields, r.count, "url", 1).data == NULL);
  CHECK(wq_smartrest_get(&t, fields, r.count, "name", 2).data == NULL);
  CHECK(wq_smartrest_get(&t, fields, r.count, "nam", 0).data == NULL);
}

/* a template is not found by what only looks like its id, nor on another topic */
static void not_found(void) {
  static const char *const ids[] = {"",     "0",    "10",    "99",  "103",  "0100",       "1000",
                                    "100 ", " 100", "100\n", "1e2", "-100", "4294967396", "10O"};
  wq_smartrest_template t;
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    CHECK(!wq_smartrest_find(WQ_SMARTREST_US, put(ids[i]), &t));
    CHECK(t.pattern == NULL);
  }
  for (uint8_t kind = 0; kind < 20; kind++)
    CHECK(wq_smartrest_find(kind, put("100"), &t) == (kind == WQ_SMARTREST_US));
  CHECK(!wq_smartrest_at(1000, &t));
}

/* ---------------------------------------------------------------------------------------------------- errors on s/e */

static void check_failure(const char *payload, uint16_t code, const char *id, const char *cause) {
  wq_smartrest_failure f;
  wq_smartrest_failure_read(put(payload), &f);
  CHECK_INT(f.code, code);
  check_same(f.id, id);
  check_same(f.cause, cause);
}

static void failures(void) {
  check_failure("40,999,No static template for this message id", 40, "999", "No static template for this message id");
  check_failure("41,100,Device already existing", 41, "100", "Device already existing");
  check_failure("50,100,Error on device creation, message: \"x\"\ny", 50, "100",
                "Error on device creation, message: \"x\"\ny");
  check_failure("45,,x", 45, "", "x");
  check_failure("43,myId", 43, "myId", "");
  check_failure("43,", 43, "", "");
  static const char *const others[] = {"",      "4",       "43",     "something else", "05,1,x",
                                       "4,1,x", "400,1,x", "x5,1,x", "5x,1,x"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    check_failure(others[i], 0, "", others[i]);
}

static void check_found(const wq_smartrest_sent *s, const char *id, uint32_t found, uint32_t token, uint32_t row) {
  uint32_t got_token = 0, got_row = 0;
  CHECK_INT(wq_smartrest_sent_find(s, put(id), &got_token, &got_row), found);
  CHECK_INT(got_token, token);
  CHECK_INT(got_row, row);
}

static void sent(void) {
  wq_smartrest_sent s = {0};
  check_found(&s, "100", 0, 0, 0);
  check_found(&s, "", 0, 0, 0);
  wq_smartrest_sent_add(&s, put("100,a\n200,\"x\n500\",s,1"), 1);
  check_found(&s, "100", 1, 1, 1);
  check_found(&s, "200", 1, 1, 2);
  check_found(&s, "500", 0, 0, 0); /* that was in quotes */
  check_found(&s, "20", 0, 0, 0);
  wq_smartrest_sent_add(&s, put("500\r\n\n200,f,s,1\nmine,own\n"), 2);
  check_found(&s, "500", 1, 2, 1);
  check_found(&s, "200", 2, 2, 2);
  check_found(&s, "mine", 1, 2, 3);
  check_found(&s, "100", 1, 1, 1);
  wq_smartrest_sent_add(&s, (wq_bytes){NULL, 0}, 3);
  for (uint32_t i = 0; i < WQ_SMARTREST_SENT_MAX - 1; i++)
    wq_smartrest_sent_add(&s, put("999,x"), 100 + i);
  check_found(&s, "999", WQ_SMARTREST_SENT_MAX - 1, 100 + WQ_SMARTREST_SENT_MAX - 2, 1);
  check_found(&s, "mine", 1, 2, 3);
  wq_smartrest_sent_add(&s, put("999,x"), 5);
  check_found(&s, "mine", 0, 0, 0); /* it was too long ago */

  static char many[4 * 100 + 16];
  for (int i = 0; i < 100; i++)
    snprintf(many + 4 * i, 16, "%d\n", 600 + i);
  wq_smartrest_sent_add(&s, put(many), 7);
  check_found(&s, "699", 1, 7, 100);
  check_found(&s, "636", 1, 7, 37);
  check_found(&s, "635", 0, 0, 0);
  s.next = UINT32_MAX - 1; /* the count goes round */
  wq_smartrest_sent_add(&s, put("1\n2\n1\n3\n1"), 8);
  check_found(&s, "1", 3, 8, 5);
}

int main(void) {
  memory = guard_make(8192);
  input = guard_make(8192);
  list = guard_make(8192);
  check_case("topics: read and written", topics);
  check_case("topics: what is none is refused", no_topics);
  check_case("the largest payload makes the largest packet", payload_sizes);
  check_case("writer: topics that rows are not published to", writer_topics);
  check_case("writer: integers and booleans", writer_values);
  check_case("writer: dates", writer_dates);
  check_case("types: what fits and what does not", types);
  check_case("writer: memory that is used up", writer_full);
  check_case("writer: calls out of order, and a row with an error", writer_states);
  check_case("writer: a description is cut off at its room", description_cut);
  check_case("each error has its text", error_texts);
  check_case("payloads are cut from text that was not written here", split_text);
  check_case("reader: rows in pieces of every size", reader_rows);
  check_case("reader: a malformed row costs its first line", reader_malformed);
  check_case("reader: rows and fields beyond the memory", reader_full);
  check_case("fields by their names", named_fields);
  check_case("templates that are not there", not_found);
  check_case("errors of the server", failures);
  check_case("errors of the server are tied to rows", sent);
  return check_close();
}
