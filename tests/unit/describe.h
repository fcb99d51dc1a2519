/* SPDX-License-Identifier: MIT
 * A decoded packet as one line of text that a person can read and a test can compare. */
#ifndef WQ_UNIT_DESCRIBE_H
#define WQ_UNIT_DESCRIBE_H

#include "codec/packet.h"
#include "codec/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define DESCRIBE_ROOM 65536

typedef struct describe_text {
  char text[DESCRIBE_ROOM];
  size_t length;
} describe_text;

__attribute__((format(printf, 2, 3))) static inline void describe_add(describe_text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(t->text + t->length, DESCRIBE_ROOM - t->length, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= DESCRIBE_ROOM - t->length) {
    fprintf(stderr, "a description does not fit\n");
    exit(2);
  }
  t->length += (size_t)n;
}

/* in quotes; control characters, quotes and what is not UTF-8 as \xHH */
static inline void describe_bytes(describe_text *t, wq_bytes b) {
  bool text = wq_utf8_valid(b);
  describe_add(t, "\"");
  for (uint32_t i = 0; i < b.len; i++) {
    uint8_t c = b.data[i];
    bool plain = c >= 0x80 ? text : c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
    if (plain && t->length + 1 < DESCRIBE_ROOM)
      t->text[t->length++] = (char)c; /* nearly all bytes; printf would take most of a test's time */
    else
      describe_add(t, "\\x%02X", c);
  }
  describe_add(t, "\"");
}

static inline void describe_field(describe_text *t, const char *name, wq_bytes b) {
  if (b.data == NULL) return;
  describe_add(t, " %s=", name);
  describe_bytes(t, b);
}

static inline void describe_properties(describe_text *t, wq_bytes properties) {
  wq_property p;
  int more;
  while ((more = wq_property_read(&properties, &p)) > 0) {
    describe_add(t, " %s=", wq_property_info(p.id)->name);
    if (p.type <= WQ_T_VARINT)
      describe_add(t, "%u", p.number);
    else
      describe_bytes(t, p.a);
    if (p.type == WQ_T_PAIR) {
      describe_add(t, ":");
      describe_bytes(t, p.b);
    }
  }
  if (more < 0) describe_add(t, " (malformed properties)");
}

static inline void describe_connect(describe_text *t, const wq_connect_packet *p) {
  describe_add(t, " version=%u%s keepAlive=%u", p->version, p->clean ? " clean" : "", p->keep_alive);
  describe_field(t, "clientId", p->client_id);
  describe_properties(t, p->properties);
  describe_field(t, "username", p->username);
  describe_field(t, "password", p->password);
  if (!p->has_will) return;
  describe_add(t, " will: qos=%u%s", p->will_qos, p->will_retain ? " retain" : "");
  describe_field(t, "topic", p->will_topic);
  describe_properties(t, p->will_properties);
  describe_field(t, "payload", p->will_payload);
}

static inline void describe_publish(describe_text *t, const wq_publish_packet *p) {
  describe_add(t, " qos=%u%s%s", p->qos, p->retain ? " retain" : "", p->dup ? " dup" : "");
  if (p->qos != 0) describe_add(t, " id=%u", p->packet_id);
  describe_field(t, "topic", p->topic);
  describe_properties(t, p->properties);
  describe_field(t, "payload", p->payload);
}

static inline void describe_filters(describe_text *t, uint8_t type, wq_bytes filters) {
  wq_subscription s;
  if (type == WQ_UNSUBSCRIBE) {
    while (wq_unsubscribe_next(&filters, &s.filter) > 0)
      describe_field(t, "filter", s.filter);
    return;
  }
  while (wq_subscribe_next(&filters, &s) > 0) {
    describe_field(t, "filter", s.filter);
    describe_add(t, " qos=%u%s%s", s.qos, s.no_local ? " noLocal" : "",
                 s.retain_as_published ? " retainAsPublished" : "");
    if (s.retain_handling != 0) describe_add(t, " retainHandling=%u", s.retain_handling);
  }
}

static inline void describe_packet(describe_text *t, uint8_t version, const wq_packet *p) {
  static const char *const names[] = {"",        "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
                                      "PUBREL",  "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
                                      "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};
  t->length = 0;
  describe_add(t, "%s", names[p->type]);
  switch (p->type) {
  case WQ_CONNECT: describe_connect(t, &p->u.connect); break;
  case WQ_CONNACK:
    describe_add(t, "%s reason=0x%02X", p->u.connack.session_present ? " sessionPresent" : "", p->u.connack.reason);
    describe_properties(t, p->u.connack.properties);
    break;
  case WQ_PUBLISH: describe_publish(t, &p->u.publish); break;
  case WQ_PUBACK:
  case WQ_PUBREC:
  case WQ_PUBREL:
  case WQ_PUBCOMP:
    describe_add(t, " id=%u", p->u.ack.packet_id);
    if (version == WQ_MQTT_5_0) describe_add(t, " reason=0x%02X", p->u.ack.reason);
    describe_properties(t, p->u.ack.properties);
    break;
  case WQ_SUBSCRIBE:
  case WQ_UNSUBSCRIBE:
    describe_add(t, " id=%u", p->u.subscribe.packet_id);
    describe_properties(t, p->u.subscribe.properties);
    describe_filters(t, p->type, p->u.subscribe.filters);
    break;
  case WQ_SUBACK:
  case WQ_UNSUBACK:
    describe_add(t, " id=%u", p->u.suback.packet_id);
    describe_properties(t, p->u.suback.properties);
    for (uint32_t i = 0; i < p->u.suback.reasons.len; i++)
      describe_add(t, "%s0x%02X", i == 0 ? " reasons=" : ",", p->u.suback.reasons.data[i]);
    break;
  case WQ_DISCONNECT:
  case WQ_AUTH:
    if (version == WQ_MQTT_5_0) describe_add(t, " reason=0x%02X", p->u.reason.reason);
    describe_properties(t, p->u.reason.properties);
    break;
  default: /* PINGREQ, PINGRESP: nothing to tell */ break;
  }
}
#endif
