/* SPDX-License-Identifier: MIT
 * The table of reason codes [M5:2.4] and of the return codes before them [M3:3.2.2.3] [M3:3.9.3]. */
#include "reasons.h"

typedef struct reason_row {
  uint8_t code;
  uint16_t packets; /* 1 << packet type */
  const char *name;
} reason_row;

#define IN(type) (1u << WQ_##type)
#define IN_RECEIPTS (IN(PUBACK) | IN(PUBREC))
#define IN_RELEASES (IN(PUBREL) | IN(PUBCOMP))
#define IN_SUBACKS (IN(SUBACK) | IN(UNSUBACK))
#define IN_ENDS (IN(CONNACK) | IN(DISCONNECT))
#define IN_GRANTS (IN(SUBACK) | IN(DISCONNECT))

static const reason_row codes[] = {
    {0x00, IN(CONNACK) | IN_RECEIPTS | IN_RELEASES | IN(UNSUBACK) | IN(AUTH), "Success"},
    {0x00, IN(DISCONNECT), "Normal disconnection"},
    {0x00, IN(SUBACK), "Granted QoS 0"},
    {0x01, IN(SUBACK), "Granted QoS 1"},
    {0x02, IN(SUBACK), "Granted QoS 2"},
    {0x04, IN(DISCONNECT), "Disconnect with Will Message"},
    {0x10, IN_RECEIPTS, "No matching subscribers"},
    {0x11, IN(UNSUBACK), "No subscription existed"},
    {0x18, IN(AUTH), "Continue authentication"},
    {0x19, IN(AUTH), "Re-authenticate"},
    {0x80, IN_ENDS | IN_RECEIPTS | IN_SUBACKS, "Unspecified error"},
    {0x81, IN_ENDS, "Malformed Packet"},
    {0x82, IN_ENDS, "Protocol Error"},
    {0x83, IN_ENDS | IN_RECEIPTS | IN_SUBACKS, "Implementation specific error"},
    {0x84, IN(CONNACK), "Unsupported Protocol Version"},
    {0x85, IN(CONNACK), "Client Identifier not valid"},
    {0x86, IN(CONNACK), "Bad User Name or Password"},
    {0x87, IN_ENDS | IN_RECEIPTS | IN_SUBACKS, "Not authorized"},
    {0x88, IN(CONNACK), "Server unavailable"},
    {0x89, IN_ENDS, "Server busy"},
    {0x8A, IN(CONNACK), "Banned"},
    {0x8B, IN(DISCONNECT), "Server shutting down"},
    {0x8C, IN_ENDS, "Bad authentication method"}, /* in DISCONNECT by table 2-6, though 3.14.2.1 leaves it out */
    {0x8D, IN(DISCONNECT), "Keep Alive timeout"},
    {0x8E, IN(DISCONNECT), "Session taken over"},
    {0x8F, IN_SUBACKS | IN(DISCONNECT), "Topic Filter invalid"},
    {0x90, IN_ENDS | IN_RECEIPTS, "Topic Name invalid"},
    {0x91, IN_RECEIPTS | IN_SUBACKS, "Packet Identifier in use"},
    {0x92, IN_RELEASES, "Packet Identifier not found"},
    {0x93, IN(DISCONNECT), "Receive Maximum exceeded"},
    {0x94, IN(DISCONNECT), "Topic Alias invalid"},
    {0x95, IN_ENDS, "Packet too large"},
    {0x96, IN(DISCONNECT), "Message rate too high"},
    {0x97, IN_ENDS | IN_RECEIPTS | IN(SUBACK), "Quota exceeded"},
    {0x98, IN(DISCONNECT), "Administrative action"},
    {0x99, IN_ENDS | IN_RECEIPTS, "Payload format invalid"},
    {0x9A, IN_ENDS, "Retain not supported"},
    {0x9B, IN_ENDS, "QoS not supported"},
    {0x9C, IN_ENDS, "Use another server"},
    {0x9D, IN_ENDS, "Server moved"},
    {0x9E, IN_GRANTS, "Shared Subscriptions not supported"},
    {0x9F, IN_ENDS, "Connection rate exceeded"},
    {0xA0, IN(DISCONNECT), "Maximum connect time"},
    {0xA1, IN_GRANTS, "Subscription Identifiers not supported"},
    {0xA2, IN_GRANTS, "Wildcard Subscriptions not supported"},
};

static const reason_row codes_3x[] = {
    {0x00, IN(CONNACK), "Connection Accepted"},
    {0x01, IN(CONNACK), "Connection Refused, unacceptable protocol version"},
    {0x02, IN(CONNACK), "Connection Refused, identifier rejected"},
    {0x03, IN(CONNACK), "Connection Refused, Server unavailable"},
    {0x04, IN(CONNACK), "Connection Refused, bad user name or password"},
    {0x05, IN(CONNACK), "Connection Refused, not authorized"},
    {0x00, IN(SUBACK), "Success - Maximum QoS 0"},
    {0x01, IN(SUBACK), "Success - Maximum QoS 1"},
    {0x02, IN(SUBACK), "Success - Maximum QoS 2"},
    {0x80, IN(SUBACK), "Failure"},
};

static const char *find(const reason_row *rows, size_t count, uint8_t packet_type, uint8_t code) {
  for (size_t i = 0; i < count; i++)
    if (rows[i].code == code && (rows[i].packets >> packet_type & 1) != 0) return rows[i].name;
  return NULL;
}

const char *wq_reason_listed(uint8_t packet_type, uint8_t version, uint8_t reason) {
  if (packet_type > WQ_AUTH) return NULL;
  if (version == WQ_MQTT_5_0) return find(codes, sizeof codes / sizeof codes[0], packet_type, reason);
  if (version == WQ_MQTT_3_1 && packet_type == WQ_SUBACK && reason > 2) /* 3.1 cannot say that it refused */
    return NULL;
  return find(codes_3x, sizeof codes_3x / sizeof codes_3x[0], packet_type, reason);
}
