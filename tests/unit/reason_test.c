/* SPDX-License-Identifier: MIT
 * Reason codes, packet by packet, and the names and sentences of errors. */
#include "check.h"

#include "codec/reasons.h"
#include "wasmqtt.h"

/* The lists in the chapters of the packets, where the codec's table follows the summary [M5:2.4]. */
static const struct {
  uint8_t type, version;
  const char *codes;
} lists[] = {
    {WQ_CONNACK, 5, "00 80 81 82 83 84 85 86 87 88 89 8A 8C 90 95 97 99 9A 9B 9C 9D 9F"}, /* [M5:3.2.2-8] */
    {WQ_PUBACK, 5, "00 10 80 83 87 90 91 97 99"},                                         /* [M5:3.4.2-1] */
    {WQ_PUBREC, 5, "00 10 80 83 87 90 91 97 99"},                                         /* [M5:3.5.2-1] */
    {WQ_PUBREL, 5, "00 92"},                                                              /* [M5:3.6.2-1] */
    {WQ_PUBCOMP, 5, "00 92"},                                                             /* [M5:3.7.2-1] */
    {WQ_SUBACK, 5, "00 01 02 80 83 87 8F 91 97 9E A1 A2"},                                /* [M5:3.9.3-2] */
    {WQ_UNSUBACK, 5, "00 11 80 83 87 8F 91"},                                             /* [M5:3.11.3-2] */
    {WQ_DISCONNECT, 5, /* [M5:3.14.2-1]; 8C by the summary alone */
     "00 04 80 81 82 83 87 89 8B 8C 8D 8E 8F 90 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F A0 A1 A2"},
    {WQ_AUTH, 5, "00 18 19"}, /* [M5:3.15.2-1] */
    {WQ_CONNACK, 4, "00 01 02 03 04 05"},
    {WQ_CONNACK, 3, "00 01 02 03 04 05"},
    {WQ_SUBACK, 4, "00 01 02 80"}, /* [M3:3.9.3-2] */
    {WQ_SUBACK, 3, "00 01 02"},
};

static void listed(void) {
  for (uint8_t version = 3; version <= 5; version++) {
    for (unsigned type = 0; type < 256; type++) {
      const char *codes = "";
      for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (lists[i].type == type && lists[i].version == version) codes = lists[i].codes;
      for (unsigned code = 0; code < 256; code++) {
        char hex[3];
        snprintf(hex, sizeof hex, "%02X", code);
        const char *name = wq_reason_listed((uint8_t)type, version, (uint8_t)code);
        CHECK_INT(name != NULL, strstr(codes, hex) != NULL);
        CHECK_TEXT(wq_reason_name((uint8_t)type, version, (uint8_t)code), name != NULL ? name : "Unknown reason code");
      }
    }
  }
}

static void named(void) {
  CHECK_TEXT(wq_reason_name(WQ_PUBACK, 5, 0), "Success");
  CHECK_TEXT(wq_reason_name(WQ_DISCONNECT, 5, 0), "Normal disconnection");
  CHECK_TEXT(wq_reason_name(WQ_SUBACK, 5, 0), "Granted QoS 0");
  CHECK_TEXT(wq_reason_name(WQ_CONNACK, 5, 0x87), "Not authorized");
  CHECK_TEXT(wq_reason_name(WQ_CONNACK, 4, 0), "Connection Accepted");
  CHECK_TEXT(wq_reason_name(WQ_CONNACK, 3, 5), "Connection Refused, not authorized");
  CHECK_TEXT(wq_reason_name(WQ_SUBACK, 4, 0x80), "Failure");
  CHECK_TEXT(wq_reason_name(WQ_PUBACK, 5, 0x8B), "Unknown reason code");
}

static void errors(void) {
  static const struct {
    int error;
    const char *name;
  } rows[] = {{0, "WQ_OK"},
              {-101, "WQ_E_ARG"},
              {-102, "WQ_E_STATE"},
              {-103, "WQ_E_TOPIC"},
              {-104, "WQ_E_FILTER"},
              {-105, "WQ_E_UTF8"},
              {-106, "WQ_E_PROPERTY"},
              {-107, "WQ_E_VERSION"},
              {-108, "WQ_E_TOKEN"},
              {-109, "WQ_E_SERVER_LIMIT"},
              {-201, "WQ_E_MALFORMED"},
              {-202, "WQ_E_PROTOCOL"},
              {-203, "WQ_E_TOPIC_INVALID"},
              {-204, "WQ_E_TOPIC_ALIAS"},
              {-205, "WQ_E_RECEIVE_MAX"},
              {-206, "WQ_E_PACKET_SIZE"},
              {-207, "WQ_E_CONNACK_TIMEOUT"},
              {-208, "WQ_E_PING_TIMEOUT"},
              {-301, "WQ_E_FULL"},
              {-302, "WQ_E_MEMORY"},
              {-310, "WQ_E_OUTCOME_UNKNOWN"},
              {-311, "WQ_E_EXPIRED"},
              {-500, "WQ_E_REFUSED"},
              {-628, "WQ_E_REFUSED"},
              {-755, "WQ_E_REFUSED"},
              {-901, "WQ_E_FATAL"}};
  for (int error = 0; error > -1000; error--) {
    bool refused = WQ_IS_REFUSED(error);
    const char *want = "WQ_E_UNKNOWN";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
      if (rows[i].error == error) want = rows[i].name;
    CHECK_TEXT(wq_error_name(error), refused ? "WQ_E_REFUSED" : want);
    const char *text = wq_error_text(error);
    CHECK(strlen(text) > 8 && text[strlen(text) - 1] == '.');
    bool unknown = strcmp(want, "WQ_E_UNKNOWN") == 0 && !refused;
    CHECK_INT(strcmp(text, wq_error_text(1)) == 0, unknown); /* a known error has a sentence of its own */
  }
  CHECK_INT(WQ_REFUSED_REASON(WQ_REFUSED(0x87)), 0x87);
}

int main(void) {
  check_case("each packet has the reason codes of its chapter [M5:2.4] [M3:3.2.2.3] [M3:3.9.3-2]", listed);
  check_case("a code is called what its packet means by it", named);
  check_case("every error has its name and a sentence", errors);
  return check_close();
}
