/* SPDX-License-Identifier: MIT
 * The properties of MQTT 5.0 [M5:2.2.2]: one table says what each is called, how it is encoded and where it may
 * stand. */
#include "prop.h"

#include "bytes.h"
#include "topic.h"
#include "utf8.h"

#define IN(type) (1u << WQ_##type)
#define IN_ACKS (IN(PUBACK) | IN(PUBREC) | IN(PUBREL) | IN(PUBCOMP) | IN(SUBACK) | IN(UNSUBACK))
#define IN_MESSAGE (IN(PUBLISH) | WQ_IN_WILL)
#define IN_LOGIN (IN(CONNECT) | IN(CONNACK) | IN(AUTH))

/* [M5:2.2.2.2] table 2-4 */
#define PROPERTIES                                                                                                     \
  ROW(WQ_P_PAYLOAD_FORMAT_INDICATOR, WQ_T_BYTE, false, IN_MESSAGE, "payloadFormatIndicator")                           \
  ROW(WQ_P_MESSAGE_EXPIRY_INTERVAL, WQ_T_U32, false, IN_MESSAGE, "messageExpiryInterval")                              \
  ROW(WQ_P_CONTENT_TYPE, WQ_T_STRING, false, IN_MESSAGE, "contentType")                                                \
  ROW(WQ_P_RESPONSE_TOPIC, WQ_T_STRING, false, IN_MESSAGE, "responseTopic")                                            \
  ROW(WQ_P_CORRELATION_DATA, WQ_T_BINARY, false, IN_MESSAGE, "correlationData")                                        \
  ROW(WQ_P_SUBSCRIPTION_IDENTIFIER, WQ_T_VARINT, true, IN(PUBLISH) | IN(SUBSCRIBE), "subscriptionIdentifier")          \
  ROW(WQ_P_SESSION_EXPIRY_INTERVAL, WQ_T_U32, false, IN(CONNECT) | IN(CONNACK) | IN(DISCONNECT),                       \
      "sessionExpiryInterval")                                                                                         \
  ROW(WQ_P_ASSIGNED_CLIENT_IDENTIFIER, WQ_T_STRING, false, IN(CONNACK), "assignedClientIdentifier")                    \
  ROW(WQ_P_SERVER_KEEP_ALIVE, WQ_T_U16, false, IN(CONNACK), "serverKeepAlive")                                         \
  ROW(WQ_P_AUTHENTICATION_METHOD, WQ_T_STRING, false, IN_LOGIN, "authenticationMethod")                                \
  ROW(WQ_P_AUTHENTICATION_DATA, WQ_T_BINARY, false, IN_LOGIN, "authenticationData")                                    \
  ROW(WQ_P_REQUEST_PROBLEM_INFORMATION, WQ_T_BYTE, false, IN(CONNECT), "requestProblemInformation")                    \
  ROW(WQ_P_WILL_DELAY_INTERVAL, WQ_T_U32, false, WQ_IN_WILL, "willDelayInterval")                                      \
  ROW(WQ_P_REQUEST_RESPONSE_INFORMATION, WQ_T_BYTE, false, IN(CONNECT), "requestResponseInformation")                  \
  ROW(WQ_P_RESPONSE_INFORMATION, WQ_T_STRING, false, IN(CONNACK), "responseInformation")                               \
  ROW(WQ_P_SERVER_REFERENCE, WQ_T_STRING, false, IN(CONNACK) | IN(DISCONNECT), "serverReference")                      \
  ROW(WQ_P_REASON_STRING, WQ_T_STRING, false, IN(CONNACK) | IN_ACKS | IN(DISCONNECT) | IN(AUTH), "reasonString")       \
  ROW(WQ_P_RECEIVE_MAXIMUM, WQ_T_U16, false, IN(CONNECT) | IN(CONNACK), "receiveMaximum")                              \
  ROW(WQ_P_TOPIC_ALIAS_MAXIMUM, WQ_T_U16, false, IN(CONNECT) | IN(CONNACK), "topicAliasMaximum")                       \
  ROW(WQ_P_TOPIC_ALIAS, WQ_T_U16, false, IN(PUBLISH), "topicAlias")                                                    \
  ROW(WQ_P_MAXIMUM_QOS, WQ_T_BYTE, false, IN(CONNACK), "maximumQoS")                                                   \
  ROW(WQ_P_RETAIN_AVAILABLE, WQ_T_BYTE, false, IN(CONNACK), "retainAvailable")                                         \
  ROW(WQ_P_USER_PROPERTY, WQ_T_PAIR, true,                                                                             \
      IN_LOGIN | IN_MESSAGE | IN_ACKS | IN(SUBSCRIBE) | IN(UNSUBSCRIBE) | IN(DISCONNECT), "userProperties")            \
  ROW(WQ_P_MAXIMUM_PACKET_SIZE, WQ_T_U32, false, IN(CONNECT) | IN(CONNACK), "maximumPacketSize")                       \
  ROW(WQ_P_WILDCARD_SUBSCRIPTION_AVAILABLE, WQ_T_BYTE, false, IN(CONNACK), "wildcardSubscriptionAvailable")            \
  ROW(WQ_P_SUBSCRIPTION_IDENTIFIER_AVAILABLE, WQ_T_BYTE, false, IN(CONNACK), "subscriptionIdentifiersAvailable")       \
  ROW(WQ_P_SHARED_SUBSCRIPTION_AVAILABLE, WQ_T_BYTE, false, IN(CONNACK), "sharedSubscriptionAvailable")

/* The table without its names, which a module that does not tell them need not have; indexed by id, with rows of zeros for
 * the ids that are not in use. */
typedef struct property_rule {
  uint8_t type;
  bool repeats;
  uint16_t packets;
} property_rule;

#define ROW(id, type, repeats, packets, name) [id] = {type, repeats, packets},
static const property_rule rules[] = {PROPERTIES};
#undef ROW

static const property_rule *rule_of(uint8_t id) { return &rules[id < sizeof rules / sizeof rules[0] ? id : 0]; }

const wq_property_info_t *wq_property_info(uint8_t id) {
#define ROW(id, type, repeats, packets, name) [id] = {id, type, repeats, packets, name},
  static const wq_property_info_t table[] = {PROPERTIES};
#undef ROW
  return id < sizeof table / sizeof table[0] && table[id].name != NULL ? &table[id] : NULL;
}

/* length-prefixed bytes that must be text */
static bool read_string(wq_reader *r, wq_bytes *text) {
  *text = wq_read_binary(r);
  return !r->failed && wq_utf8_valid(*text); /* [M5:1.5.4-1] [M5:1.5.4-2] [M5:1.5.7-1] [M5:3.3.2-13] [M5:3.3.2-19] */
}

int wq_property_read(wq_bytes *properties, wq_property *property) {
  if (properties->len == 0) return 0;
  wq_reader r = wq_reader_of(*properties);
  wq_property p = {.id = wq_read_u8(&r)}; /* a varint in the specification, but every id is below 128 */
  p.type = rule_of(p.id)->type;
  if (p.type == 0) return WQ_E_MALFORMED;
  bool text = true;
  switch (p.type) {
  case WQ_T_BYTE: p.number = wq_read_u8(&r); break;
  case WQ_T_U16: p.number = wq_read_u16(&r); break;
  case WQ_T_U32: p.number = wq_read_u32(&r); break;
  case WQ_T_VARINT: p.number = wq_read_varint(&r); break;
  case WQ_T_STRING: text = read_string(&r, &p.a); break;
  case WQ_T_BINARY: p.a = wq_read_binary(&r); break;
  default: /* WQ_T_PAIR */ text = read_string(&r, &p.a) && read_string(&r, &p.b); break;
  }
  if (r.failed || !text) return WQ_E_MALFORMED;
  *properties = (wq_bytes){r.at, wq_reader_left(&r)};
  *property = p;
  return 1;
}

/* the argument mistakes that need no room to be seen */
static int writable(uint8_t type, const wq_property *p) {
  static const uint32_t most[] = {
      [WQ_T_BYTE] = 0xFF, [WQ_T_U16] = 0xFFFF, [WQ_T_U32] = 0xFFFFFFFF, [WQ_T_VARINT] = WQ_VARINT_MAX};
  if (type == 0) return WQ_E_ARG;
  if (type <= WQ_T_VARINT) return p->number <= most[type] ? 0 : WQ_E_ARG;
  if (p->a.len > WQ_STRING_MAX || (type == WQ_T_PAIR && p->b.len > WQ_STRING_MAX)) return WQ_E_ARG;
  if (type != WQ_T_BINARY && !wq_utf8_valid(p->a)) return WQ_E_UTF8;
  return type != WQ_T_PAIR || wq_utf8_valid(p->b) ? 0 : WQ_E_UTF8;
}

int wq_property_write(uint8_t *dst, uint32_t room, uint32_t *len, const wq_property *property) {
  const uint8_t type = rule_of(property->id)->type;
  int error = writable(type, property);
  if (error != 0) return error;
  if (*len > room) return WQ_E_ARG;
  wq_writer w = wq_writer_of(dst + *len, room - *len);
  wq_write_u8(&w, property->id);
  switch (type) {
  case WQ_T_BYTE: wq_write_u8(&w, (uint8_t)property->number); break;
  case WQ_T_U16: wq_write_u16(&w, (uint16_t)property->number); break;
  case WQ_T_U32: wq_write_u32(&w, property->number); break;
  case WQ_T_VARINT: wq_write_varint(&w, property->number); break;
  case WQ_T_PAIR:
    wq_write_binary(&w, property->a);
    wq_write_binary(&w, property->b);
    break;
  default: /* WQ_T_STRING, WQ_T_BINARY */ wq_write_binary(&w, property->a); break;
  }
  if (w.failed) return WQ_E_FULL;
  *len = (uint32_t)(w.at - dst);
  return 0;
}

/* what the specification says of one property's value, beyond its encoding */
static int value_check(const wq_property *p) {
  if (p->type == WQ_T_BYTE) /* all eight are 0 or 1 */
    return p->number <= 1 ? 0 : WQ_E_PROTOCOL;
  switch (p->id) {
  case WQ_P_RECEIVE_MAXIMUM:
  case WQ_P_MAXIMUM_PACKET_SIZE:
  case WQ_P_SUBSCRIPTION_IDENTIFIER: return p->number != 0 ? 0 : WQ_E_PROTOCOL;
  case WQ_P_TOPIC_ALIAS: return p->number != 0 ? 0 : WQ_E_TOPIC_ALIAS;            /* [M5:3.3.2-8] */
  case WQ_P_RESPONSE_TOPIC: return wq_topic_name_valid(p->a) ? 0 : WQ_E_PROTOCOL; /* [M5:3.3.2-14] [M5:4.7.3-1] */
  default: return 0;
  }
}

int wq_properties_check(wq_bytes properties, uint32_t packets) {
  uint64_t seen = 0; /* one bit an id; the largest is 0x2A */
  wq_property p;
  int more;
  while ((more = wq_property_read(&properties, &p)) > 0) {
    const property_rule *rule = rule_of(p.id);
    if ((rule->packets & packets) == 0) return WQ_E_MALFORMED; /* [M5:2.2.2.2] */
    /* a SUBSCRIBE has one Subscription Identifier, a server's PUBLISH one for each subscription that matched
     * [M5:3.3.4-4] */
    bool repeats = rule->repeats && !(p.id == WQ_P_SUBSCRIPTION_IDENTIFIER && packets == IN(SUBSCRIBE));
    if (!repeats && (seen >> p.id & 1) != 0) return WQ_E_PROTOCOL;
    seen |= UINT64_C(1) << p.id;
    int error = value_check(&p);
    if (error != 0) return error;
  }
  if (more < 0) return more;
  bool data_alone = (seen >> WQ_P_AUTHENTICATION_DATA & 1) != 0 && (seen >> WQ_P_AUTHENTICATION_METHOD & 1) == 0;
  return data_alone ? WQ_E_PROTOCOL : 0;
}

bool wq_properties_find(wq_bytes properties, uint8_t id, wq_property *property) {
  while (wq_property_read(&properties, property) > 0)
    if (property->id == id) return true;
  return false;
}
