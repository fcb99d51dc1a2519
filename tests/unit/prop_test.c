/* SPDX-License-Identifier: MIT
 * Properties: the table against a second reading of the specification, encoding both ways, and the check for a
 * packet. */
#include "check.h"
#include "guard.h"

#include "codec/prop.h"

static guard input, output;

/* One letter a packet, in the order of their numbers; W is the will. Read from the chapters of the packets, where the
 * table of the codec follows the summary [M5:2.2.2.2]. */
static const char letters[] = "WCcPAVLDSsUuQqXH";
static const struct {
  uint8_t id;
  const char *type, *packets, *name;
} rows[] = {
    {0x01, "byte", "WP", "payloadFormatIndicator"},
    {0x02, "four bytes", "WP", "messageExpiryInterval"},
    {0x03, "text", "WP", "contentType"},
    {0x08, "text", "WP", "responseTopic"},
    {0x09, "binary", "WP", "correlationData"},
    {0x0B, "varint", "PS", "subscriptionIdentifier"},
    {0x11, "four bytes", "CcX", "sessionExpiryInterval"},
    {0x12, "text", "c", "assignedClientIdentifier"},
    {0x13, "two bytes", "c", "serverKeepAlive"},
    {0x15, "text", "CcH", "authenticationMethod"},
    {0x16, "binary", "CcH", "authenticationData"},
    {0x17, "byte", "C", "requestProblemInformation"},
    {0x18, "four bytes", "W", "willDelayInterval"},
    {0x19, "byte", "C", "requestResponseInformation"},
    {0x1A, "text", "c", "responseInformation"},
    {0x1C, "text", "cX", "serverReference"},
    {0x1F, "text", "cAVLDsuXH", "reasonString"},
    {0x21, "two bytes", "Cc", "receiveMaximum"},
    {0x22, "two bytes", "Cc", "topicAliasMaximum"},
    {0x23, "two bytes", "P", "topicAlias"},
    {0x24, "byte", "c", "maximumQoS"},
    {0x25, "byte", "c", "retainAvailable"},
    {0x26, "pair", "WCcPAVLDSsUuXH", "userProperties"},
    {0x27, "four bytes", "Cc", "maximumPacketSize"},
    {0x28, "byte", "c", "wildcardSubscriptionAvailable"},
    {0x29, "byte", "c", "subscriptionIdentifiersAvailable"},
    {0x2A, "byte", "c", "sharedSubscriptionAvailable"},
};
#define ROWS (sizeof rows / sizeof rows[0])

static wq_bytes text(const char *s) { return (wq_bytes){(const uint8_t *)s, (uint32_t)strlen(s)}; }

static uint32_t packets_of(const char *named) {
  uint32_t packets = 0;
  for (uint32_t type = 0; letters[type] != 0; type++)
    if (strchr(named, letters[type]) != NULL) packets |= 1u << type;
  return packets;
}

/* encode one property with number 1 or the text "x" at *length */
static void add(uint8_t *to, uint32_t *length, uint8_t id, uint32_t number) {
  wq_property p = {.id = id, .number = number, .a = text("x"), .b = text("y")};
  CHECK_INT(wq_property_write(to, 256, length, &p), 0);
}

static int check(const uint8_t *bytes, uint32_t length, uint32_t packets) {
  return wq_properties_check((wq_bytes){guard_put(input, bytes, length), length}, packets);
}

static void table(void) {
  static const char *const types[] = {"", "byte", "two bytes", "four bytes", "varint", "text", "binary", "pair"};
  size_t known = 0;
  for (unsigned id = 0; id < 256; id++)
    known += wq_property_info((uint8_t)id) != NULL;
  CHECK_INT(known, ROWS);
  for (size_t i = 0; i < ROWS; i++) {
    const wq_property_info_t *info = wq_property_info(rows[i].id);
    if (!CHECK(info != NULL)) continue;
    CHECK_INT(info->id, rows[i].id);
    CHECK_TEXT(types[info->type], rows[i].type);
    CHECK_TEXT(info->name, rows[i].name);
    CHECK_INT(info->packets, packets_of(rows[i].packets));
    CHECK_INT(info->repeats, rows[i].id == WQ_P_USER_PROPERTY || rows[i].id == WQ_P_SUBSCRIPTION_IDENTIFIER);
  }
}

static void allowed(void) {
  for (size_t i = 0; i < ROWS; i++) {
    for (uint32_t type = 0; letters[type] != 0; type++) {
      uint8_t bytes[256];
      uint32_t length = 0;
      if (rows[i].id == WQ_P_AUTHENTICATION_DATA && strchr(rows[i].packets, letters[type]) != NULL)
        add(bytes, &length, WQ_P_AUTHENTICATION_METHOD, 0);
      add(bytes, &length, rows[i].id, 1);
      bool may = strchr(rows[i].packets, letters[type]) != NULL;
      CHECK_INT(check(bytes, length, 1u << type), may ? 0 : WQ_E_MALFORMED);
      if (!may) continue;
      add(bytes, &length, rows[i].id, 1);
      bool twice =
          rows[i].id == WQ_P_USER_PROPERTY || (rows[i].id == WQ_P_SUBSCRIPTION_IDENTIFIER && type == WQ_PUBLISH);
      CHECK_INT(check(bytes, length, 1u << type), twice ? 0 : WQ_E_PROTOCOL);
    }
  }
  CHECK_INT(wq_properties_check((wq_bytes){NULL, 0}, 1u << WQ_CONNECT), 0);
}

static void ranges(void) {
  static const struct {
    uint8_t id;
    uint32_t number;
    uint32_t packet;
    int want;
  } values[] = {
      {WQ_P_RECEIVE_MAXIMUM, 0, WQ_CONNECT, WQ_E_PROTOCOL},
      {WQ_P_RECEIVE_MAXIMUM, 65535, WQ_CONNACK, 0},
      {WQ_P_MAXIMUM_PACKET_SIZE, 0, WQ_CONNACK, WQ_E_PROTOCOL},
      {WQ_P_MAXIMUM_PACKET_SIZE, 0xFFFFFFFF, WQ_CONNECT, 0},
      {WQ_P_TOPIC_ALIAS, 0, WQ_PUBLISH, WQ_E_TOPIC_ALIAS},
      {WQ_P_TOPIC_ALIAS, 65535, WQ_PUBLISH, 0},
      {WQ_P_TOPIC_ALIAS_MAXIMUM, 0, WQ_CONNACK, 0},
      {WQ_P_SUBSCRIPTION_IDENTIFIER, 0, WQ_SUBSCRIBE, WQ_E_PROTOCOL},
      {WQ_P_SUBSCRIPTION_IDENTIFIER, 268435455, WQ_PUBLISH, 0},
      {WQ_P_SERVER_KEEP_ALIVE, 0, WQ_CONNACK, 0},
      {WQ_P_SESSION_EXPIRY_INTERVAL, 0, WQ_DISCONNECT, 0},
  };
  uint8_t bytes[256];
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    uint32_t length = 0;
    add(bytes, &length, values[i].id, values[i].number);
    CHECK_INT(check(bytes, length, 1u << values[i].packet), values[i].want);
  }
  for (size_t i = 0; i < ROWS; i++) { /* every single byte is 0 or 1 */
    if (strcmp(rows[i].type, "byte") != 0) continue;
    for (uint32_t number = 0; number < 256; number++) {
      uint32_t length = 0;
      add(bytes, &length, rows[i].id, number);
      uint32_t packets = packets_of(rows[i].packets);
      CHECK_INT(check(bytes, length, packets), number <= 1 ? 0 : WQ_E_PROTOCOL);
    }
  }
}

static void authentication(void) {
  uint8_t bytes[256];
  uint32_t length = 0;
  add(bytes, &length, WQ_P_AUTHENTICATION_DATA, 0);
  CHECK_INT(check(bytes, length, 1u << WQ_CONNECT), WQ_E_PROTOCOL);
  add(bytes, &length, WQ_P_AUTHENTICATION_METHOD, 0); /* the order does not count */
  CHECK_INT(check(bytes, length, 1u << WQ_CONNECT), 0);
}

static void response_topic(void) {
  static const struct {
    const char *topic;
    int want;
  } topics[] = {{"a/b", 0}, {"a/+", WQ_E_PROTOCOL}, {"#", WQ_E_PROTOCOL}, {"", WQ_E_PROTOCOL}};
  for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
    uint8_t bytes[64];
    uint32_t length = 0;
    wq_property p = {.id = WQ_P_RESPONSE_TOPIC, .a = text(topics[i].topic)};
    CHECK_INT(wq_property_write(bytes, sizeof bytes, &length, &p), 0);
    CHECK_INT(check(bytes, length, 1u << WQ_PUBLISH), topics[i].want);
    CHECK_INT(check(bytes, length, WQ_IN_WILL), topics[i].want);
  }
}

/* every property, written into exactly its room, read back, and cut at every byte */
static void round_trip(void) {
  for (size_t i = 0; i < ROWS; i++) {
    uint8_t bytes[256];
    uint32_t length = 0;
    add(bytes, &length, rows[i].id, 1);
    wq_property p = {.id = rows[i].id, .number = 1, .a = text("x"), .b = text("y")};
    for (uint32_t room = 0; room <= length; room++) {
      uint32_t at = 0;
      uint8_t *dst = guard_room(output, room);
      CHECK_INT(wq_property_write(dst, room, &at, &p), room < length ? WQ_E_FULL : 0);
      CHECK_INT(at, room < length ? 0 : length);
      if (room == length) CHECK_BYTES(dst, room, bytes, length);
      wq_bytes left = {guard_put(input, bytes, room), room};
      wq_property got;
      int want = room == 0 ? 0 : room < length ? WQ_E_MALFORMED : 1;
      CHECK_INT(wq_property_read(&left, &got), want);
      CHECK_INT(left.len, want == 1 ? 0 : room); /* moved past it, or not at all */
      if (want != 1) continue;
      CHECK_INT(got.id, rows[i].id);
      if (got.type <= WQ_T_VARINT)
        CHECK_INT(got.number, 1);
      else
        CHECK_BYTES(got.a.data, got.a.len, (const uint8_t *)"x", 1);
      if (got.type == WQ_T_PAIR) CHECK_BYTES(got.b.data, got.b.len, (const uint8_t *)"y", 1);
    }
  }
}

static void refused(void) {
  static uint8_t longer[65536];
  memset(longer, 'x', sizeof longer);
  static uint8_t room[65600];
  wq_bytes too_long = {longer, 65536}, bad = {(const uint8_t *)"\xFF", 1}, zero = {(const uint8_t *)"", 1};
  const struct {
    wq_property p;
    int want;
  } writes[] = {
      {{.id = 0x00}, WQ_E_ARG},
      {{.id = 0x04}, WQ_E_ARG},
      {{.id = 0xFF}, WQ_E_ARG},
      {{.id = WQ_P_MAXIMUM_QOS, .number = 256}, WQ_E_ARG},
      {{.id = WQ_P_TOPIC_ALIAS, .number = 65536}, WQ_E_ARG},
      {{.id = WQ_P_SUBSCRIPTION_IDENTIFIER, .number = 268435456}, WQ_E_ARG},
      {{.id = WQ_P_CONTENT_TYPE, .a = too_long}, WQ_E_ARG},
      {{.id = WQ_P_CORRELATION_DATA, .a = too_long}, WQ_E_ARG},
      {{.id = WQ_P_USER_PROPERTY, .a = text("a"), .b = too_long}, WQ_E_ARG},
      {{.id = WQ_P_CONTENT_TYPE, .a = bad}, WQ_E_UTF8},
      {{.id = WQ_P_CONTENT_TYPE, .a = zero}, WQ_E_UTF8},
      {{.id = WQ_P_USER_PROPERTY, .a = bad, .b = text("b")}, WQ_E_UTF8},
      {{.id = WQ_P_USER_PROPERTY, .a = text("a"), .b = bad}, WQ_E_UTF8},
      {{.id = WQ_P_CORRELATION_DATA, .a = bad}, 0},
      {{.id = WQ_P_CORRELATION_DATA, .a = {longer, 65535}}, 0},
      {{.id = WQ_P_USER_PROPERTY, .a = text("a"), .b = {longer, 65535}}, 0},
  };
  for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
    uint32_t length = 5;
    CHECK_INT(wq_property_write(room, sizeof room, &length, &writes[i].p), writes[i].want);
    if (writes[i].want != 0) CHECK_INT(length, 5);
  }
  uint32_t past = 9;
  wq_property p = {.id = WQ_P_MAXIMUM_QOS};
  CHECK_INT(wq_property_write(room, 8, &past, &p), WQ_E_ARG);
}

static void find(void) {
  uint8_t bytes[256];
  uint32_t length = 0;
  add(bytes, &length, WQ_P_TOPIC_ALIAS, 7);
  add(bytes, &length, WQ_P_SUBSCRIPTION_IDENTIFIER, 1);
  add(bytes, &length, WQ_P_SUBSCRIPTION_IDENTIFIER, 2);
  wq_bytes all = {guard_put(input, bytes, length), length};
  wq_property p;
  CHECK(wq_properties_find(all, WQ_P_TOPIC_ALIAS, &p) && p.number == 7);
  CHECK(wq_properties_find(all, WQ_P_SUBSCRIPTION_IDENTIFIER, &p) && p.number == 1);
  CHECK(!wq_properties_find(all, WQ_P_CONTENT_TYPE, &p));
}

int main(void) {
  input = guard_make(4096);
  output = guard_make(4096);
  check_case("27 properties: their encodings, names and packets [M5:2.2.2.2]", table);
  check_case("a property is refused in other packets, and twice [M5:2.2.2.2]", allowed);
  check_case("values out of range [M5:3.3.2-8]", ranges);
  check_case("Authentication Data needs a Method", authentication);
  check_case("Response Topic is a topic name [M5:3.3.2-14] [M5:4.7.3-1]", response_topic);
  check_case("every property writes and reads back, and cut off is malformed", round_trip);
  check_case("what cannot be written is refused and changes nothing [M5:1.5.4-1] [M5:1.5.7-1]", refused);
  check_case("the first of an id is found", find);
  return check_close();
}
