/* SPDX-License-Identifier: MIT
 * The server: all that the specification lets one do. It answers late and in any order, uses packet ids, aliases and quotas
 * to their limits, refuses, loses sessions, says good-bye and has its connections cut. */
#include "model.h"

#define SERVER_IDS 40u  /* few, so that they are used again */
#define STRAY_ID 60000u /* ids that the client does not come to */
#define BURST_3 20u     /* messages under way at once where the client cannot say how many it takes */

void server_put(model *m, const wq_packet *p, packet note) {
  uint32_t n = wq_packet_encode(m->in + m->in_n, WIRE_MAX - m->in_n, m->version, p);
  MUST(n);
  packets *on = &m->downwards;
  MUST(on->n < PACKETS_MAX);
  m->in_n += n;
  note.type = p->type;
  note.end = m->in_n;
  on->all[on->n++] = note;
  if (m->trace)
    printf("%8llu server sends %u id %u number %u reason %u\n", (unsigned long long)m->now, note.type, note.id,
           note.number, note.reason);
}

void server_connection(model *m) {
  m->answers_n = 0;
  m->server_said_goodbye = m->refused = false;
  memset(m->server_aliases, 0, sizeof m->server_aliases);
}

/* ------------------------------------------------------------------------------------------------ connecting */

static void new_session(model *m) {
  m->has_session = true;
  m->session_told = false;
  m->server_session++;
  memset(m->server_received, 0, sizeof m->server_received);
  memset(m->server_number, 0, sizeof m->server_number);
  for (uint32_t i = 0; i < m->down_n; i++) {
    downward *d = &m->down[i];
    if (d->stage != SENT && d->stage != RELEASED) continue;
    d->lost = true;
    d->stage = DONE;
  }
}

static void limit(model *m, wq_bytes *properties, uint8_t *bytes, uint8_t id, uint32_t value) {
  MUST(wq_property_write(bytes, 64, &properties->len, &(wq_property){.id = id, .number = value}) == 0);
}

static void accept(model *m, const packet *connect) {
  const bool v31 = m->version == WQ_MQTT_3_1;
  m->clean = connect->flag;
  const bool kept = m->has_session && !m->clean && (m->session_told || v31) && (v31 || m->calm || !chance(m, 4));
  if (!kept) new_session(m);
  uint8_t bytes[64];
  wq_packet p = {.type = WQ_CONNACK, .u.connack = {.session_present = kept && !v31, .properties = {bytes, 0}}};
  m->receive_maximum = m->packet_size = UINT32_MAX;
  m->maximum_qos = 2;
  m->retain_available = true;
  m->alias_max = 0;
  if (m->version == WQ_MQTT_5_0) {
    wq_bytes *to = &p.u.connack.properties;
    m->alias_max = choose(m, ALIASES_MAX + 1);
    if (m->alias_max) limit(m, to, bytes, WQ_P_TOPIC_ALIAS_MAXIMUM, m->alias_max);
    if (chance(m, 2)) limit(m, to, bytes, WQ_P_RECEIVE_MAXIMUM, m->receive_maximum = 1 + choose(m, 4));
    if (chance(m, 3)) limit(m, to, bytes, WQ_P_MAXIMUM_PACKET_SIZE, m->packet_size = 60 + choose(m, 2000));
    if (chance(m, 10)) limit(m, to, bytes, WQ_P_MAXIMUM_QOS, m->maximum_qos = choose(m, 2));
    if (chance(m, 10)) limit(m, to, bytes, WQ_P_RETAIN_AVAILABLE, m->retain_available = false);
    if (chance(m, 4)) limit(m, to, bytes, WQ_P_SERVER_KEEP_ALIVE, 1 + choose(m, 60));
  }
  server_put(m, &p, (packet){.flag = kept});
}

static void take_connect(model *m, const packet *connect) {
  if (m->calm || !chance(m, 12)) {
    accept(m, connect);
    return;
  }
  m->refused = true;
  const uint8_t reason = m->version == WQ_MQTT_5_0 ? 0x88 : 3;
  server_put(m, &(wq_packet){.type = WQ_CONNACK, .u.connack = {.reason = reason}}, (packet){.reason = reason});
}

/* ------------------------------------------------------------------------------------------------ what came */

static void answer(model *m, uint8_t type, const packet *to, uint8_t reason, uint32_t number) {
  MUST(m->answers_n < PACKETS_MAX);
  m->answers[m->answers_n++] = (packet){.type = type, .id = to->id, .reason = reason, .number = number};
}

/* QoS 2 once in each session; and what is not to be sent in another in one of them. */
static void taken(model *m, uint32_t number) {
  upward *u = &m->up[number];
  if (u->qos == 2) MUST(u->taken_in != m->server_session);
  if (!u->resend) MUST(!u->taken || (u->qos == 1 && u->taken_in == m->server_session));
  u->taken++;
  u->taken_in = m->server_session;
}

static void take_publish(model *m, const packet *p) {
  const upward *u = &m->up[p->number];
  const bool v5 = m->version == WQ_MQTT_5_0;
  const uint8_t said = v5 && !m->calm && chance(m, 15) ? (chance(m, 2) ? 0x97 : 0x87) : v5 && chance(m, 5) ? 0x10 : 0;
  if (u->qos == 2 && m->server_received[p->id]) {
    MUST(p->flag && m->server_number[p->id] == 1 + p->number); /* DUP, or another message would be taken for this */
    answer(m, WQ_PUBREC, p, 0, p->number);
    return;
  }
  if (said < 0x80) taken(m, p->number);
  if (u->qos == 1) answer(m, WQ_PUBACK, p, said, p->number);
  if (u->qos < 2) return;
  m->server_received[p->id] = said < 0x80;
  m->server_number[p->id] = (uint16_t)(1 + p->number);
  answer(m, WQ_PUBREC, p, said, p->number);
}

static downward *by_id(model *m, uint16_t id) {
  for (uint32_t i = 0; i < m->down_n; i++)
    if (m->down[i].id == id && (m->down[i].stage == SENT || m->down[i].stage == RELEASED)) return &m->down[i];
  return NULL;
}

static void take_acknowledgement(model *m, const packet *p) {
  downward *d = by_id(m, p->id);
  if (!d && p->type == WQ_PUBCOMP) return; /* of a PUBREL that was sent again */
  MUST(d != NULL);
  MUST(d->stage == (p->type == WQ_PUBCOMP ? RELEASED : SENT));
  if (p->type != WQ_PUBREC || p->reason >= 0x80) {
    d->stage = DONE;
    return;
  }
  d->stage = RELEASED;
  answer(m, WQ_PUBREL, p, 0, NONE);
}

static void take(model *m, const packet *p) {
  uint32_t number;
  switch (p->type) {
  case WQ_CONNECT: take_connect(m, p); break;
  case WQ_PUBLISH: take_publish(m, p); break;
  case WQ_PUBREL:
    number = m->server_number[p->id] - 1u;
    answer(m, WQ_PUBCOMP, p, m->server_received[p->id] || m->version < WQ_MQTT_5_0 ? 0 : 0x92, number);
    m->server_received[p->id] = false;
    break;
  case WQ_PUBACK:
  case WQ_PUBREC:
  case WQ_PUBCOMP: take_acknowledgement(m, p); break;
  case WQ_SUBSCRIBE: answer(m, WQ_SUBACK, p, 0, p->number); break;
  case WQ_UNSUBSCRIBE: answer(m, WQ_UNSUBACK, p, 0, p->number); break;
  case WQ_PINGREQ: answer(m, WQ_PINGRESP, p, 0, NONE); break;
  default: break; /* DISCONNECT */
  }
}

/* ------------------------------------------------------------------------------------------------ what goes */

static void send_answer(model *m) {
  static const uint8_t granted[] = {0, 1, 2, 0x80, 0, 1};
  /* Any order is the server's right, but mostly it is the old one. */
  const uint32_t which = chance(m, 4) ? choose(m, m->answers_n) : 0;
  const packet a = m->answers[which];
  memmove(&m->answers[which], &m->answers[which + 1], (--m->answers_n - which) * sizeof a);
  wq_packet p = {.type = a.type};
  switch (a.type) {
  case WQ_SUBACK: p.u.suback = (wq_suback_packet){.packet_id = a.id, .reasons = {granted, a.number}}; break;
  case WQ_UNSUBACK:
    p.u.suback = (wq_suback_packet){.packet_id = a.id, .reasons = {(const uint8_t *)"\0\0\0", a.number}};
    break;
  case WQ_PINGRESP: break;
  default: p.u.ack = (wq_ack_packet){.packet_id = a.id, .reason = a.reason};
  }
  if (a.type == WQ_PUBREL) {
    downward *d = by_id(m, a.id);
    MUST(d != NULL);
    d->sent_on = m->connection;
  }
  server_put(m, &p, a);
}

/* An acknowledgement of what the client knows nothing of: harmless. */
static void send_stray(model *m) {
  static const uint8_t types[] = {WQ_PUBACK, WQ_PUBREC, WQ_PUBCOMP};
  const packet note = {.type = types[choose(m, 3)], .id = (uint16_t)(STRAY_ID + choose(m, 5)), .number = NONE};
  server_put(m, &(wq_packet){.type = note.type, .u.ack = {.packet_id = note.id}}, note);
}

static bool quota_left(const model *m) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < m->down_n; i++) {
    const downward *d = &m->down[i];
    n += d->qos && d->published_on == m->connection && (d->stage == SENT || d->stage == RELEASED);
  }
  return n < (m->version == WQ_MQTT_5_0 ? m->config.receive_max : BURST_3);
}

static void send_publish(model *m, uint32_t number) {
  downward *d = &m->down[number];
  uint8_t payload[PAYLOAD_MAX], properties[8];
  for (uint32_t i = 0; i < d->size; i++)
    payload[i] = model_payload_byte(number, i);
  wq_packet p = {.type = WQ_PUBLISH,
                 .u.publish = {.qos = d->qos,
                               .retain = d->retain,
                               .dup = d->stage == SENT,
                               .topic = model_topic(d->topic),
                               .properties = {properties, 0},
                               .payload = {payload, d->size}}};
  if (m->version == WQ_MQTT_5_0 && m->config.topic_alias_max && chance(m, 2)) {
    const uint32_t alias = 1 + choose(m, m->config.topic_alias_max);
    wq_property_write(properties, sizeof properties, &p.u.publish.properties.len,
                      &(wq_property){.id = WQ_P_TOPIC_ALIAS, .number = alias});
    if (m->server_aliases[alias] == 1 + d->topic && !chance(m, 4)) p.u.publish.topic.len = 0;
    m->server_aliases[alias] = (uint8_t)(1 + d->topic);
  }
  if (d->qos && d->stage == QUEUED) {
    do
      d->id = (uint16_t)(1 + choose(m, SERVER_IDS + (m->calm ? number : 0)));
    while (by_id(m, d->id) && !m->bytes);
    if (by_id(m, d->id)) return;
    d->session = m->server_session;
  }
  p.u.publish.packet_id = d->qos ? d->id : 0;
  d->stage = d->qos ? SENT : DONE;
  d->sent_on = d->published_on = m->connection;
  server_put(m, &p, (packet){.id = d->id, .number = number, .flag = p.u.publish.dup});
}

/* The first message that is to go: what was under way when the last connection ended, then new ones, in their order. */
static bool send_next(model *m) {
  for (uint32_t i = 0; i < m->down_n; i++) {
    downward *d = &m->down[i];
    if (d->stage == DONE || (d->stage != QUEUED && d->sent_on == m->connection)) continue;
    if (d->stage == RELEASED) {
      bool queued = false; /* the answer to a PUBREC of this connection */
      for (uint32_t k = 0; k < m->answers_n; k++)
        queued |= m->answers[k].type == WQ_PUBREL && m->answers[k].id == d->id;
      if (queued) continue;
      d->sent_on = m->connection;
      server_put(m, &(wq_packet){.type = WQ_PUBREL, .u.ack = {.packet_id = d->id}}, (packet){.id = d->id});
      return true;
    }
    if (d->qos && !quota_left(m)) return false;
    send_publish(m, i);
    return true;
  }
  return false;
}

static void new_message(model *m) {
  if (m->down_n == MESSAGES_MAX || m->calm) return;
  downward *d = &m->down[m->down_n];
  *d = (downward){.topic = (uint8_t)choose(m, TOPICS), .qos = (uint8_t)choose(m, 3), .retain = chance(m, 8)};
  d->size = 2 + (chance(m, 8) ? choose(m, PAYLOAD_MAX - 2) : choose(m, 40));
  const uint64_t size = wq_publish_size(
      m->version,
      &(wq_publish_packet){.qos = d->qos, .topic = model_topic(d->topic), .payload = {NULL, d->size}, .alias = 1});
  d->oversize = size > m->config.packet_size_max;
  if (d->oversize && m->version == WQ_MQTT_5_0) return; /* the client said that it does not take it */
  m->down_n++;
}

/* ------------------------------------------------------------------------------------------------ steps */

void server_cut(model *m) {
  if (m->version < WQ_MQTT_5_0 && m->clean) m->has_session = false;
  host_lost(m);
}

static bool speaks(const model *m) {
  return m->upwards.first > 0 && !m->refused && !m->server_said_goodbye && m->in_n < WIRE_MAX / 2 &&
         m->out_n < WIRE_MAX / 2;
}

void server_step(model *m) {
  packets *on = &m->upwards;
  switch (choose(m, 8)) {
  case 0:
  case 1:
    for (uint32_t n = m->calm ? PACKETS_MAX : 1 + choose(m, 4); n && on->first < on->n && !m->refused; n--)
      take(m, &on->all[on->first++]);
    break;
  case 2:
  case 3:
    if (m->answers_n && speaks(m)) send_answer(m);
    break;
  case 4: new_message(m); break;
  case 5:
  case 6:
    if (speaks(m)) send_next(m);
    break;
  case 7:
    if (!speaks(m) || m->calm) break;
    if (chance(m, 4)) send_stray(m);
    if (m->version < WQ_MQTT_5_0 || !chance(m, 40)) break;
    server_put(m, &(wq_packet){.type = WQ_DISCONNECT, .u.reason = {.reason = 0x8B}}, (packet){0});
    m->server_said_goodbye = true;
    break;
  }
}

bool server_done(const model *m) {
  for (uint32_t i = 0; i < m->down_n; i++)
    if (m->down[i].stage != DONE) return false;
  return m->answers_n == 0 && m->upwards.first == m->upwards.n && m->in_fed == m->in_n;
}
