/* SPDX-License-Identifier: MIT
 * From CONNECT to CONNACK, and the ways a connection ends. */
#include "client.h"

#include "../codec/reasons.h"
#include "../codec/topic.h"
#include "../codec/utf8.h"

#include <string.h>

#define CONNACK_TIMEOUT_MS 30000u
#define OWN_PROPERTIES_MAX 16u /* Receive Maximum 3, Maximum Packet Size 5, Topic Alias Maximum 3 */

static bool text_ok(wq_bytes text) { return !text.len || wq_utf8_valid(text); }

static int check_will(const wq_connect_args *a) {
  if (a->will_qos > 2) return WQ_E_ARG;                       /* [M3:3.1.2-14] [M5:3.1.2-12] */
  if (!wq_topic_name_valid(a->will_topic)) return WQ_E_TOPIC; /* [M3:3.1.3-10] [M5:3.1.3-11] */
  if (a->will_properties.len && (a->version < WQ_MQTT_5_0 || wq_properties_check(a->will_properties, WQ_IN_WILL)))
    return WQ_E_PROPERTY;
  return a->will_payload.len > UINT16_MAX ? WQ_E_ARG : 0;
}

static int check_args(const wq_connect_args *a) {
  if (a->size < sizeof *a || a->version < WQ_MQTT_3_1 || a->version > WQ_MQTT_5_0) return WQ_E_ARG;
  if (!text_ok(a->client_id) || !text_ok(a->username))
    return WQ_E_UTF8; /* [M3:3.1.3-4] [M3:3.1.3-11] [M5:3.1.3-4] [M5:3.1.3-12] */
  if (a->version < WQ_MQTT_5_0 && a->password.data && !a->username.data) return WQ_E_VERSION; /* [M3:3.1.2-22] */
  if (!a->client_id.len && (a->version == WQ_MQTT_3_1 || (a->version == WQ_MQTT_3_1_1 && !a->clean)))
    return WQ_E_VERSION; /* [M3:3.1.3-7] */
  if (a->password.len > UINT16_MAX) return WQ_E_ARG;
  if (a->properties.len) {
    wq_property own;
    if (a->version < WQ_MQTT_5_0 || wq_properties_check(a->properties, 1u << WQ_CONNECT) ||
        wq_properties_find(a->properties, WQ_P_RECEIVE_MAXIMUM, &own) ||
        wq_properties_find(a->properties, WQ_P_MAXIMUM_PACKET_SIZE, &own) ||
        wq_properties_find(a->properties, WQ_P_TOPIC_ALIAS_MAXIMUM, &own))
      return WQ_E_PROPERTY;
  }
  return a->has_will ? check_will(a) : 0;
}

/* The limits of ours that differ from the protocol's defaults, as properties. Returns their length. */
static uint32_t own_properties(const wq_config *config, uint8_t dst[OWN_PROPERTIES_MAX]) {
  const wq_property own[] = {
      {.id = WQ_P_RECEIVE_MAXIMUM, .number = config->receive_max},
      {.id = WQ_P_MAXIMUM_PACKET_SIZE, .number = config->packet_size_max},
      {.id = WQ_P_TOPIC_ALIAS_MAXIMUM, .number = config->topic_alias_max},
  };
  uint32_t n = 0;
  if (config->receive_max < UINT16_MAX) wq_property_write(dst, OWN_PROPERTIES_MAX, &n, &own[0]);
  wq_property_write(dst, OWN_PROPERTIES_MAX, &n, &own[1]);
  if (config->topic_alias_max) wq_property_write(dst, OWN_PROPERTIES_MAX, &n, &own[2]);
  return n;
}

/* The number of a property of CONNECT, or what its absence means. */
static uint32_t asked(const wq_connect_args *a, uint8_t id, uint32_t absent) {
  wq_property p;
  return a->properties.len && wq_properties_find(a->properties, id, &p) ? p.number : absent;
}

int wq_connect(wq_client *client, const wq_connect_args *args, uint64_t now_ms) {
  wq_client *c = client;
  if (c->status != WQ_IDLE) return WQ_E_STATE;
  int error = check_args(args);
  if (error) return error;
  const wq_connect_args *a = args;
  wq_connect_packet p = {.version = a->version,
                         .clean = a->clean,
                         .has_will = a->has_will,
                         .will_qos = a->will_qos,
                         .will_retain = a->will_retain,
                         .keep_alive = a->keep_alive,
                         .client_id = a->client_id,
                         .properties = a->properties,
                         .username = a->username,
                         .password = a->password,
                         .will_topic = a->will_topic,
                         .will_payload = a->will_payload,
                         .will_properties = a->will_properties};
  /* The properties are put together behind where the packet will stand: the output is empty now. */
  uint8_t own[OWN_PROPERTIES_MAX];
  uint32_t own_n = a->version == WQ_MQTT_5_0 ? own_properties(&c->config, own) : 0;
  uint32_t room = c->config.output_size;
  if (own_n) {
    uint32_t all = own_n + a->properties.len;
    if (a->properties.len > room / 2) return WQ_E_FULL;
    room -= all;
    uint8_t *joined = c->output + room;
    memcpy(joined, own, own_n);
    if (a->properties.len) memcpy(joined + own_n, a->properties.data, a->properties.len);
    p.properties = (wq_bytes){joined, all};
  }
  uint32_t size = wq_connect_encode(c->output, room, &p);
  if (!size) return WQ_E_FULL;
  wq_input_begin(c, now_ms);
  wq_property found;
  c->has_auth = a->properties.len && wq_properties_find(a->properties, WQ_P_AUTHENTICATION_METHOD, &found);
  c->auth_method = c->has_auth ? wq_intern_hash(&c->topics, found.a) : 0;
  c->session_expiry_asked = asked(a, WQ_P_SESSION_EXPIRY_INTERVAL, 0);
  c->no_client_id = a->version == WQ_MQTT_5_0 && !a->client_id.len;
  c->no_responses = a->version == WQ_MQTT_5_0 && !asked(a, WQ_P_REQUEST_RESPONSE_INFORMATION, 0);
  c->no_problems = a->version == WQ_MQTT_5_0 && !asked(a, WQ_P_REQUEST_PROBLEM_INFORMATION, 1);
  c->clean = a->clean;
  c->negotiated =
      (wq_negotiated_t){.version = a->version, .keep_alive = a->keep_alive, .receive_maximum = a->receive_maximum};
  c->connack_by = now_ms + (a->connack_timeout_ms ? a->connack_timeout_ms : CONNACK_TIMEOUT_MS);
  c->status = WQ_CONNECTING;
  wq_output_add(c, size, now_ms);
  return 0;
}

bool wq_auth_method_is(const wq_client *c, wq_bytes properties) {
  wq_property method;
  return c->has_auth && wq_properties_find(properties, WQ_P_AUTHENTICATION_METHOD, &method) &&
         wq_intern_hash(&c->topics, method.a) == c->auth_method;
}

static void negotiate(wq_client *c, wq_bytes properties) {
  wq_negotiated_t *n = &c->negotiated;
  n->maximum_qos = c->no_qos2 && n->version < WQ_MQTT_5_0 ? 1 : 2;
  n->retain_available = true;
  n->wildcard_available = true;
  n->identifiers_available = n->shared_available = n->version == WQ_MQTT_5_0;
  if (n->version == WQ_MQTT_5_0 || !n->receive_maximum) n->receive_maximum = UINT16_MAX;
  n->maximum_packet_size = WQ_VARINT_MAX + 5;
  n->session_expiry_interval = n->version == WQ_MQTT_5_0 ? c->session_expiry_asked : (c->clean ? 0 : UINT32_MAX);
  wq_property p;
  while (wq_property_read(&properties, &p) > 0) {
    switch (p.id) {
    case WQ_P_SESSION_EXPIRY_INTERVAL: n->session_expiry_interval = p.number; break;
    case WQ_P_RECEIVE_MAXIMUM: n->receive_maximum = (uint16_t)p.number; break;
    case WQ_P_MAXIMUM_QOS: n->maximum_qos = (uint8_t)p.number; break;
    case WQ_P_RETAIN_AVAILABLE: n->retain_available = p.number != 0; break;
    case WQ_P_MAXIMUM_PACKET_SIZE: n->maximum_packet_size = p.number; break;
    case WQ_P_TOPIC_ALIAS_MAXIMUM: n->topic_alias_maximum = (uint16_t)p.number; break;
    case WQ_P_WILDCARD_SUBSCRIPTION_AVAILABLE: n->wildcard_available = p.number != 0; break;
    case WQ_P_SUBSCRIPTION_IDENTIFIER_AVAILABLE: n->identifiers_available = p.number != 0; break;
    case WQ_P_SHARED_SUBSCRIPTION_AVAILABLE: n->shared_available = p.number != 0; break;
    case WQ_P_SERVER_KEEP_ALIVE: /* [M5:3.1.2-21] [M5:3.2.2-21] */ n->keep_alive = (uint16_t)p.number; break;
    default: break;
    }
  }
}

/* From here on the connection counts, and with it what the server says of the session. */
static void accept(wq_client *c) {
  const wq_negotiated_t *n = &c->negotiated;
  c->confirming = false;
  c->status = WQ_CONNECTED;
  c->quota = n->receive_maximum;
  wq_aliases_begin(&c->aliases, n->topic_alias_maximum);
  /* What a session kept counts with its other half only, and ends without it.
   * [M3:3.1.2-4] [M3:3.1.2-6] [M5:3.1.2-4] [M5:3.2.2-3] [M5:3.2.2-5] */
  if (!n->session_present) {
    wq_record_add(c, WQ_RECORD_SESSION_LOST, 0, 0);
    wq_received_forget(c);
  }
  wq_publish_resume(c, n->session_present);
}

int wq_accept(wq_client *client, uint64_t now_ms) {
  wq_client *c = client;
  if (!c->confirming) return WQ_E_STATE;
  if (now_ms > c->now) c->now = now_ms;
  accept(c);
  return 0;
}

/* The connection is over [M3:3.2.2-5] [M5:3.2.2-7] [M5:4.13.2-1]. */
static void refused(wq_client *c, wq_event *event, uint8_t reason) {
  event->reason = reason;
  event->topic_off = (uint32_t)WQ_REFUSED(reason);
  c->status = WQ_FAILED;
  c->failure = WQ_REFUSED(reason);
}

/* A second CONNACK must not come [M5:3.2.0-2]. But in 3.1.1, which has no other way to say why, Cumulocity ends connections
 * with one: the only packet out of place that is told. */
static int second_connack(wq_client *c, wq_bytes body) {
  wq_connack_packet p;
  if (c->negotiated.version == WQ_MQTT_5_0) return WQ_E_PROTOCOL;
  const int error = wq_connack_decode(&p, c->negotiated.version, body);
  if (error || !p.reason) return error ? error : WQ_E_PROTOCOL;
  refused(c, wq_event_add(c, WQ_EV_CONNACK), p.reason);
  return 0;
}

int wq_receive_connack(wq_client *c, wq_bytes body, wq_origin origin) {
  if (c->status != WQ_CONNECTING) return second_connack(c, body);
  wq_connack_packet p;
  wq_negotiated_t *n = &c->negotiated;
  /* A server that knows no 5.0 may refuse it in the form of 3.1.1: the one packet that is taken in the other form. */
  const bool old_form = n->version == WQ_MQTT_5_0 && body.len == 2 && body.data[0] == 0 && body.data[1] == 1;
  int error = wq_connack_decode(&p, old_form ? WQ_MQTT_3_1_1 : n->version, body);
  if (error) return error;
  /* A host that has no session left says so by `clean`; then the server has none of ours either. */
  if (p.session_present && (c->clean || p.reason))
    return WQ_E_PROTOCOL; /* [M3:3.2.2-1] [M3:3.2.2-4] [M5:3.2.2-2] [M5:3.2.2-4] [M5:3.2.2-6] */
  wq_property found;
  if (c->has_auth ? !p.reason && !wq_auth_method_is(c, p.properties)
                  : wq_properties_find(p.properties, WQ_P_AUTHENTICATION_METHOD, &found))
    return WQ_E_PROTOCOL; /* [M5:4.12.0-5] [M5:4.12.0-6] */
  if (c->no_responses && wq_properties_find(p.properties, WQ_P_RESPONSE_INFORMATION, &found))
    return WQ_E_PROTOCOL; /* [M5:3.1.2-28] */
  if (c->no_client_id && !p.reason && !wq_properties_find(p.properties, WQ_P_ASSIGNED_CLIENT_IDENTIFIER, &found))
    return WQ_E_PROTOCOL; /* nobody would know whose session it is [M5:3.1.3-7] [M5:3.2.2-16] */
  wq_event *event = wq_event_add(c, WQ_EV_CONNACK);
  if (n->version == WQ_MQTT_5_0 && !old_form)
    event->props_off = (uint32_t)(p.properties.data - origin.base) - wq_varint_size(p.properties.len);
  event->flags = (uint16_t)(origin.flags | (p.session_present ? (uint16_t)WQ_EVF_SESSION : 0));
  if (p.reason) {
    refused(c, event, p.reason);
    return 0;
  }
  n->session_present = n->version == WQ_MQTT_3_1 ? !c->clean : p.session_present;
  if (n->session_present) event->flags |= WQ_EVF_SESSION;
  negotiate(c, p.properties);
  if (c->has_auth)
    c->confirming = true; /* the server may have to prove itself by what it sent */
  else
    accept(c);
  return 0;
}

/* The DISCONNECT reason for what the peer did wrong [M5:4.13]. */
static uint8_t disconnect_reason(int error) {
  switch (error) {
  case WQ_E_MALFORMED: return 0x81;
  case WQ_E_TOPIC_INVALID: return 0x90;
  case WQ_E_RECEIVE_MAX: return 0x93;
  case WQ_E_TOPIC_ALIAS: return 0x94;
  case WQ_E_PACKET_SIZE: return 0x95;
  default: return 0x82;
  }
}

/* The server broke the protocol: the connection ends [M3:4.8.0-1]. */
int wq_fail(wq_client *c, int error) {
  c->status = WQ_FAILED;
  c->failure = error;
  uint8_t *dst;
  if (c->negotiated.version == WQ_MQTT_5_0 && (dst = wq_output_room(c, 8, false)) != NULL) {
    const wq_reason_packet p = {.reason = disconnect_reason(error)};
    wq_output_add(c, wq_reason_encode(dst, 8, WQ_DISCONNECT, WQ_MQTT_5_0, &p), c->now);
  }
  return error;
}

static int send_reason(wq_client *c, uint8_t type, uint8_t reason, wq_bytes properties, uint64_t now_ms) {
  if (c->negotiated.version < WQ_MQTT_5_0 && reason) return WQ_E_VERSION;
  if (reason && !wq_reason_listed(type, WQ_MQTT_5_0, reason)) return WQ_E_ARG; /* [M5:3.14.2-1] [M5:3.15.2-1] */
  if (properties.len && (c->negotiated.version < WQ_MQTT_5_0 || wq_properties_check(properties, 1u << type)))
    return WQ_E_PROPERTY;
  uint64_t most = (uint64_t)properties.len + 16;
  if (most > c->config.output_size) return WQ_E_ARG;
  uint8_t *dst = wq_output_room(c, (uint32_t)most, false);
  if (!dst) return WQ_E_FULL;
  const wq_reason_packet p = {.reason = reason, .properties = properties};
  uint32_t size = wq_reason_encode(dst, (uint32_t)most, type, c->negotiated.version, &p);
  /* [M5:3.2.2-15] [M5:3.14.2-3] [M5:3.14.2-4] [M5:3.15.2-2] [M5:3.15.2-3] */
  if ((c->status == WQ_CONNECTED || c->confirming) && size > c->negotiated.maximum_packet_size)
    return WQ_E_SERVER_LIMIT;
  wq_output_add(c, size, now_ms);
  return 0;
}

int wq_disconnect(wq_client *client, uint8_t reason, wq_bytes properties, uint64_t now_ms) {
  wq_client *c = client;
  if (c->status != WQ_CONNECTED && !c->confirming) return WQ_E_STATE;
  wq_property expiry;
  if (properties.len && !wq_properties_check(properties, 1u << WQ_DISCONNECT) && !c->session_expiry_asked &&
      wq_properties_find(properties, WQ_P_SESSION_EXPIRY_INTERVAL, &expiry) && expiry.number)
    return WQ_E_PROPERTY; /* an expiry of 0 at CONNECT cannot become another, 3.14.2.2.2 */
  int error = send_reason(c, WQ_DISCONNECT, reason, properties, now_ms);
  if (error) return error;
  c->status = WQ_DISCONNECTING;
  c->confirming = false;
  return 0;
}

int wq_auth(wq_client *client, uint8_t reason, wq_bytes properties, uint64_t now_ms) {
  wq_client *c = client;
  if (c->status != WQ_CONNECTING && c->status != WQ_CONNECTED) return WQ_E_STATE;
  if (c->negotiated.version < WQ_MQTT_5_0) return WQ_E_VERSION;
  if (!c->has_auth || (reason == 0x19 && c->status != WQ_CONNECTED)) return WQ_E_STATE;
  if (reason != 0x18 && reason != 0x19) return WQ_E_ARG;
  if (wq_properties_check(properties, 1u << WQ_AUTH) || !wq_auth_method_is(c, properties))
    return WQ_E_PROPERTY; /* [M5:4.12.0-5] [M5:4.12.1-1] */
  return send_reason(c, WQ_AUTH, reason, properties, now_ms);
}

/* What is in flight and what was received stays: only the next CONNACK tells whether the session goes on.
 * [M3:3.1.3-2] [M3:4.1.0-1] [M3:4.1.0-2] [M5:3.1.2-23] [M5:3.1.3-2] [M5:4.1.0-1] */
int wq_lost(wq_client *client, uint64_t now_ms) {
  wq_client *c = client;
  wq_output_clear(c);
  c->carry_n = c->carry_done = 0;
  c->skip = 0;
  c->pinging = false;
  c->again_at = 0;
  c->held = c->confirming = false;
  c->failure = 0;
  c->status = WQ_IDLE;
  wq_owed_forget(c);
  for (uint32_t alias = 1; alias <= c->config.topic_alias_max; alias++) {
    if (c->alias_topics[alias]) wq_intern_unpin(&c->topics, c->alias_topics[alias]);
    c->alias_topics[alias] = 0; /* [M5:3.3.2-7] */
  }
  while (c->requests.first)
    wq_forget(c, &c->requests, c->requests.first);
  while (c->waiting[0].first)
    wq_settle_later(c, &c->waiting[0], c->waiting[0].first, WQ_E_STATE);
  wq_input_begin(c, now_ms);
  wq_settle_drain(c);
  return 0;
}
