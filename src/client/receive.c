/* SPDX-License-Identifier: MIT
 * What each packet of the server means. Every function here returns 0 or the error that ends the connection, and has
 * changed nothing when it returns WQ_E_MEMORY. */
#include "client.h"

#include "../codec/topic.h"

static uint32_t offset(wq_origin origin, const uint8_t *at) { return (uint32_t)(at - origin.base); }

/* Where the length of `properties` stands. */
static uint32_t props_offset(const wq_client *c, wq_origin origin, wq_bytes properties) {
  if (c->negotiated.version < WQ_MQTT_5_0 || !properties.data) return WQ_NO_PROPS;
  return offset(origin, properties.data) - wq_varint_size(properties.len);
}

/* A host that asked for no problem information gets none but in PUBLISH, CONNACK and DISCONNECT. [M5:3.1.2-29] */
static int problems_check(const wq_client *c, wq_bytes properties) {
  wq_property p;
  const bool told = c->no_problems && (wq_properties_find(properties, WQ_P_REASON_STRING, &p) ||
                                       wq_properties_find(properties, WQ_P_USER_PROPERTY, &p));
  return told ? WQ_E_PROTOCOL : 0;
}

/* ---- PUBLISH */

/* Which names get an id if they have none. */
enum learning {
  LEARN_NONE,  /* the host will not hear of the message, and so not of the name */
  LEARN_SHORT, /* those of usual length */
  LEARN_ANY    /* also long ones: an alias is to stand for the name */
};

/* The id of a topic name, known or new. 0 in *id: it has none. */
static int topic_id(wq_client *c, wq_bytes name, enum learning learning, uint32_t *id, bool *is_new) {
  *is_new = false;
  uint32_t hash;
  *id = wq_intern_find(&c->topics, name, &hash);
  if (*id) return 0;
  int error = wq_topic_name_check(name); /* [M3:3.3.2-1] [M3:3.3.2-2] [M5:3.3.2-1] [M5:3.3.2-2] [M5:1.5.4-1] */
  if (error) return error;
  if (learning == LEARN_NONE || (learning == LEARN_SHORT && name.len > WQ_INTERN_TEXT_MAX)) return 0;
  size_t bytes;
  enum wq_want wants = wq_intern_wants(&c->topics, name, &bytes);
  if (wants != WQ_WANT_NOTHING) {
    wq_want(c, wants, bytes);
    return WQ_E_MEMORY;
  }
  uint32_t gone;
  *id = wq_intern_add(&c->topics, name, hash, &gone);
  if (gone) wq_event_add(c, WQ_EV_TOPIC_GONE)->topic_id = gone;
  *is_new = *id != 0;
  return 0;
}

/* The topic of a PUBLISH through its alias, if it has one. [M5:3.3.2-8] [M5:3.3.2-10] [M5:3.3.2-11]
 * [M5:3.1.2-26] [M5:3.1.2-27]
 * `told`: the host will hear of it. An alias set by a message that it does not hear of, for a name that it does not know,
 * is lost: the name could not be told when the alias is used. */
static int aliased_topic(wq_client *c, const wq_publish_packet *p, bool told, uint32_t *id, bool *is_new) {
  wq_property alias;
  if (!p->properties.len || !wq_properties_find(p->properties, WQ_P_TOPIC_ALIAS, &alias))
    return p->topic.len ? topic_id(c, p->topic, told ? LEARN_SHORT : LEARN_NONE, id, is_new) : WQ_E_PROTOCOL;
  if (alias.number == 0 || alias.number > c->config.topic_alias_max) return WQ_E_TOPIC_ALIAS;
  uint32_t *slot = &c->alias_topics[alias.number];
  if (!p->topic.len) {
    *id = *slot;
    return *slot ? 0 : WQ_E_TOPIC_ALIAS;
  }
  int error = topic_id(c, p->topic, told ? LEARN_ANY : LEARN_NONE, id, is_new);
  if (error) return error;
  if (*id) wq_intern_pin(&c->topics, *id);
  if (*slot) wq_intern_unpin(&c->topics, *slot);
  *slot = *id;
  return 0;
}

/* What to do with a PUBLISH. */
enum admission {
  ADMIT,  /* tell the host */
  REPEAT, /* the host had it: PUBREC again */
  IGNORE  /* the host has it: PUBREC will come */
};

/* An enum admission, or an error. */
static int admit(const wq_client *c, const wq_publish_packet *p) {
  const bool v5 = c->negotiated.version == WQ_MQTT_5_0;
  if (p->qos == 2 && wq_bit(c->received, p->packet_id)) return REPEAT;
  if (p->qos == 2 && wq_bit(c->handling, p->packet_id)) /* servers of 3.1 send again when they grow impatient */
    return p->dup && !v5 ? IGNORE : WQ_E_PROTOCOL;
  if (p->qos && v5 && wq_owed_count(c) + c->unreleased >= c->config.receive_max)
    return WQ_E_RECEIVE_MAX; /* [M5:3.3.4-9] */
  return ADMIT;
}

/* The payload goes on behind the fed data. */
static void stream(wq_client *c, uint32_t payload_len, uint32_t handle, bool discard) {
  c->skip = payload_len;
  c->skip_handle = handle;
  c->skip_discard = discard;
}

int wq_receive_publish(wq_client *c, const wq_frame *frame, wq_bytes body, const wq_origin *origin) {
  wq_publish_packet p;
  if (c->status != WQ_CONNECTED) return WQ_E_PROTOCOL;
  int error = wq_publish_decode(&p, c->negotiated.version, frame->flags, body, frame->remaining);
  if (error) return error;
  const int admission = p.qos ? admit(c, &p) : ADMIT;
  if (admission < 0) return admission;
  bool is_new = false;
  uint32_t id = 0;
  if ((error = aliased_topic(c, &p, admission == ADMIT, &id, &is_new)) != 0) return error;
  c->stats.packets_in++;
  const bool oversize = frame->header + frame->remaining > c->config.packet_size_max;
  const bool discard = admission != ADMIT || oversize;
  const bool streamed = body.len < frame->remaining;
  const uint32_t missing = frame->remaining - body.len; /* of the payload */
  uint32_t handle = 0;
  if (p.qos && admission != IGNORE) handle = wq_owe(c, p.packet_id, p.qos, discard && !streamed, admission == REPEAT);
  if (streamed) stream(c, p.payload.len + missing, handle, discard);
  if (admission == ADMIT)
    *wq_event_new(c) = (wq_event){
        .type = oversize ? WQ_EV_OVERSIZE : WQ_EV_PUBLISH,
        .flags = (uint16_t)(origin->flags | p.qos | (p.retain ? WQ_EVF_RETAIN : 0) | (p.dup ? WQ_EVF_DUP : 0) |
                            (is_new ? WQ_EVF_NEW_TOPIC : 0) | (streamed ? WQ_EVF_STREAM : 0)),
        .topic_id = id,
        .topic_off = offset(*origin, p.topic.data),
        .topic_len = (uint16_t)p.topic.len,
        .packet_id = p.packet_id,
        .off = streamed ? (uint32_t)(origin->fed_end - p.payload.len) : offset(*origin, p.payload.data),
        .len = p.payload.len + missing,
        .props_off = props_offset(c, *origin, p.properties),
        .aux = oversize ? 0 : handle,
    };
  if (discard && !streamed) wq_owed_flush(c);
  return 0;
}

/* ---- acknowledgements of what we sent */

static void stray(wq_client *c, uint8_t type, uint16_t packet_id) {
  wq_event *event = wq_event_add(c, WQ_EV_STRAY_ACK);
  event->aux = type;
  event->packet_id = packet_id;
  c->stats.stray_acks++;
}

static void settle(wq_client *c, uint32_t cell, const wq_ack_packet *p, wq_origin origin) {
  if (c->quota < c->negotiated.receive_maximum) /* [M5:4.9.0-2] */
    c->quota++;
  if (wq_message_at(c, cell)->kind == WQ_KIND_GIVEN_UP) {
    wq_forget(c, &c->inflight, cell);
    return;
  }
  /* After PUBREC the server has the message. A PUBCOMP that says 0x92 comes where the first one was lost. */
  const bool refused = p->reason >= 0x80 && wq_message_at(c, cell)->progress != WQ_RELEASED;
  const int32_t result = refused ? WQ_REFUSED(p->reason) : 0;
  wq_settle_now(c, &c->inflight, cell, result, p->reason, props_offset(c, origin, p->properties), origin.flags);
}

/* PUBREC says what the host would not know by PUBCOMP. */
static void tell_received(wq_client *c, const wq_message *m, const wq_ack_packet *p, wq_origin origin) {
  if (!p->reason && !p->properties.len) return;
  wq_event *event = wq_event_add(c, WQ_EV_RECEIVED);
  event->aux = m->token;
  event->packet_id = p->packet_id;
  event->reason = p->reason;
  event->flags = origin.flags;
  event->props_off = props_offset(c, origin, p->properties);
}

int wq_receive_ack(wq_client *c, uint8_t type, const wq_ack_packet *p, wq_origin origin) {
  const bool v5 = c->negotiated.version == WQ_MQTT_5_0;
  uint32_t cell = wq_packet_id_find(c, p->packet_id);
  if (!cell) {
    stray(c, type, p->packet_id);
    if (type == WQ_PUBREC && p->reason < 0x80) /* [M3:4.3.3-1] [M5:4.3.3-4]; 0x92: packet identifier not found */
      wq_output_ack_packet(c, WQ_PUBREL, p->packet_id, v5 ? 0x92 : 0);
    return 0;
  }
  wq_message *m = wq_message_at(c, cell);
  if (m->kind == WQ_KIND_PUBLISH && m->qos == 2 && type == WQ_PUBACK && !v5) {
    /* RabbitMQ takes QoS 2 for QoS 1 without saying so. The connection ends, as it must; but were the message sent again on
     * the next, that would have no end. */
    c->no_qos2 = true;
    if (m->progress == WQ_SENT) wq_settle_now(c, &c->inflight, cell, WQ_E_SERVER_LIMIT, 0, WQ_NO_PROPS, 0);
    return WQ_E_PROTOCOL;
  }
  const bool given_up = m->kind == WQ_KIND_GIVEN_UP;
  if ((m->kind != WQ_KIND_PUBLISH && !given_up) || m->qos != (type == WQ_PUBACK ? 1 : 2)) return WQ_E_PROTOCOL;
  if (type == WQ_PUBREC && p->reason < 0x80) { /* at once, so in the order of PUBREC [M3:4.6.0-4] [M5:4.6.0-4] */
    if (m->progress == WQ_SENT && !given_up) {
      wq_record_add(c, WQ_RECORD_RELEASED, p->packet_id, m->token);
      tell_received(c, m, p, origin);
    }
    m->progress = WQ_RELEASED;
    m->again = false;
    wq_output_ack_packet(c, WQ_PUBREL, p->packet_id, 0);
    return 0;
  }
  if (m->progress != (type == WQ_PUBCOMP ? WQ_RELEASED : WQ_SENT)) return WQ_E_PROTOCOL;
  settle(c, cell, p, origin); /* by an error code too [M5:4.4.0-2] */
  return 0;
}

static int receive_ack(wq_client *c, uint8_t type, wq_bytes body, wq_origin origin) {
  wq_ack_packet p;
  int error = wq_ack_decode(&p, type, c->negotiated.version, body);
  if (!error) error = problems_check(c, p.properties);
  return error ? error : wq_receive_ack(c, type, &p, origin);
}

static int receive_pubrel(wq_client *c, wq_bytes body) {
  wq_ack_packet p;
  int error = wq_ack_decode(&p, WQ_PUBREL, c->negotiated.version, body);
  if (!error) error = problems_check(c, p.properties);
  if (error) return error;
  if (wq_bit(c->handling, p.packet_id)) return WQ_E_PROTOCOL; /* PUBREC was not sent */
  const bool known = wq_bit(c->received, p.packet_id);
  if (known) {
    wq_bit_clear(c->received, p.packet_id);
    wq_record_add(c, WQ_RECORD_COMPLETED, p.packet_id, 0);
    if (c->unreleased) c->unreleased--;
  } else {
    stray(c, WQ_PUBREL, p.packet_id);
  }
  /* [M3:4.3.3-2] [M5:4.3.3-11]; from here on the id means a new message [M5:4.3.3-12] */
  wq_output_ack_packet(c, WQ_PUBCOMP, p.packet_id, known || c->negotiated.version < WQ_MQTT_5_0 ? 0 : 0x92);
  return 0;
}

/* SUBACK, UNSUBACK. */
static int receive_suback(wq_client *c, uint8_t type, wq_bytes body, wq_origin origin) {
  wq_suback_packet p;
  const uint8_t version = c->negotiated.version;
  int error = type == WQ_SUBACK ? wq_suback_decode(&p, version, body) : wq_unsuback_decode(&p, version, body);
  if (!error) error = problems_check(c, p.properties);
  if (error) return error;
  /* [M3:2.3.1-7] [M3:3.8.4-2] [M3:3.10.4-4] [M5:2.2.1-6] [M5:3.8.4-2] [M5:3.10.4-5] */
  uint32_t cell = wq_packet_id_find(c, p.packet_id);
  if (!cell) {
    stray(c, type, p.packet_id);
    return 0;
  }
  wq_message *m = wq_message_at(c, cell);
  if (m->kind != (type == WQ_SUBACK ? WQ_KIND_SUBSCRIBE : WQ_KIND_UNSUBSCRIBE)) return WQ_E_PROTOCOL;
  const bool has_reasons = type == WQ_SUBACK || version == WQ_MQTT_5_0;
  if (has_reasons && p.reasons.len != m->filters) /* [M3:3.8.4-5] [M5:3.8.4-6] */
    return WQ_E_PROTOCOL;
  wq_event *event = wq_event_add(c, type == WQ_SUBACK ? WQ_EV_SUBACK : WQ_EV_UNSUBACK);
  event->aux = m->token;
  event->packet_id = p.packet_id;
  event->flags = origin.flags;
  event->off = has_reasons ? offset(origin, p.reasons.data) : 0;
  event->len = has_reasons ? p.reasons.len : 0;
  event->props_off = props_offset(c, origin, p.properties);
  wq_forget(c, &c->requests, cell);
  return 0;
}

/* ---- the others */

static int receive_pingresp(wq_client *c, wq_bytes body, uint64_t now_ms) {
  if (body.len) return WQ_E_MALFORMED;
  wq_event *event = wq_event_add(c, WQ_EV_PONG);
  event->aux = c->pinging ? (uint32_t)(now_ms - c->ping_at) : 0;
  c->pinging = false;
  return 0;
}

static int receive_reason(wq_client *c, uint8_t type, wq_bytes body, wq_origin origin) {
  wq_reason_packet p;
  if (c->negotiated.version < WQ_MQTT_5_0)
    return WQ_E_PROTOCOL; /* only a client may send DISCONNECT, and AUTH does not exist */
  int error = type == WQ_AUTH ? wq_auth_decode(&p, body) : wq_disconnect_decode(&p, c->negotiated.version, body);
  if (!error && type == WQ_AUTH) error = problems_check(c, p.properties);
  if (error) return error;
  if (type == WQ_AUTH && p.reason != 0x18 && (p.reason || c->status == WQ_CONNECTING))
    return WQ_E_PROTOCOL; /* only a client re-authenticates, and success before CONNACK is CONNACK [M5:3.15.2-1] [M5:4.12.0-2] */
  wq_property expiry;
  if (type == WQ_AUTH ? !c->has_auth || (p.properties.len && !wq_auth_method_is(c, p.properties))
                      : wq_properties_find(p.properties, WQ_P_SESSION_EXPIRY_INTERVAL, &expiry))
    return WQ_E_PROTOCOL; /* [M5:3.14.2-2] [M5:4.12.0-5] [M5:4.12.0-6] */
  wq_event *event = wq_event_add(c, type == WQ_AUTH ? WQ_EV_AUTH : WQ_EV_DISCONNECT);
  event->reason = p.reason;
  event->flags = origin.flags;
  event->props_off = props_offset(c, origin, p.properties);
  if (type == WQ_DISCONNECT) { /* re-authentication may have failed [M5:4.12.1-2] [M5:4.13.2-1] */
    c->status = WQ_FAILED;
    c->failure = WQ_REFUSED(p.reason);
  }
  return 0;
}

int wq_receive(wq_client *c, const wq_frame *frame, wq_bytes body, wq_origin origin, uint64_t now_ms) {
  int error;
  if (c->status == WQ_CONNECTING && frame->type != WQ_CONNACK && frame->type != WQ_AUTH &&
      !(frame->type == WQ_DISCONNECT && c->negotiated.version == WQ_MQTT_5_0))
    return WQ_E_PROTOCOL; /* [M3:3.2.0-1] [M5:3.2.0-1]; a DISCONNECT ends it, as it must: [M5:3.14.0-1] */
  switch (frame->type) {
  case WQ_CONNACK: error = wq_receive_connack(c, body, origin); break;
  case WQ_PUBACK:
  case WQ_PUBREC:
  case WQ_PUBCOMP: error = receive_ack(c, frame->type, body, origin); break;
  case WQ_PUBREL: error = receive_pubrel(c, body); break;
  case WQ_SUBACK:
  case WQ_UNSUBACK: error = receive_suback(c, frame->type, body, origin); break;
  case WQ_PINGRESP: error = receive_pingresp(c, body, now_ms); break;
  case WQ_DISCONNECT:
  case WQ_AUTH: error = receive_reason(c, frame->type, body, origin); break;
  default: /* CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ: a client's packets */ error = WQ_E_PROTOCOL;
  }
  if (!error) c->stats.packets_in++;
  return error;
}
