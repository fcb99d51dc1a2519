/* SPDX-License-Identifier: MIT
 * What leaves the client, and whether it may: ids, DUP, quotas, limits, order. Judged when the host takes it out of the
 * output, so also if it never arrives. */
#include "model.h"

#include "codec/frame.h"

static const char *const topics[TOPICS] = {"t",
                                           "a/b",
                                           "a/c",
                                           "fleet/1/telemetry",
                                           "fleet/2/telemetry",
                                           "fleet/3/telemetry",
                                           "x/y/z",
                                           "fleet/4",
                                           "fleet/5",
                                           "fleet/6/état",
                                           "$SYS/uptime",
                                           "/",
                                           "//",
                                           "long/",
                                           "q",
                                           "r",
                                           "s",
                                           "u",
                                           "v",
                                           "w"};

/* One of the names is longer than what the client gives ids and aliases to. */
wq_bytes model_topic(uint8_t topic) {
  static uint8_t longest[700];
  if (strcmp(topics[topic], "long/") != 0)
    return (wq_bytes){(const uint8_t *)topics[topic], (uint32_t)strlen(topics[topic])};
  memset(longest, 'l', sizeof longest);
  return (wq_bytes){longest, sizeof longest};
}

uint8_t model_payload_byte(uint32_t number, uint32_t at) {
  return (uint8_t)(at < 2 ? number >> (8 * at) : number * 7 + at * 3 + at / 256);
}

uint32_t model_payload_read(model *m, wq_bytes payload) {
  MUST(payload.len >= 2);
  const uint32_t number = (uint32_t)(payload.data[0] | payload.data[1] << 8);
  for (uint32_t i = 2; i < payload.len; i++)
    MUST(payload.data[i] == model_payload_byte(number, i));
  return number;
}

/* ------------------------------------------------------------------------------------------------ ids in order */

void ids_push(model *m, ids *list, uint16_t id) {
  MUST(list->n < PACKETS_MAX);
  list->all[list->n++] = id;
}

static bool ids_next_is(ids *list, uint16_t id) {
  if (list->first == list->n || list->all[list->first] != id) return false;
  list->first++;
  return true;
}

/* The message that an id is in use for. */
static uint32_t by_id(const model *m, uint16_t id) { return m->holder[id] == REQUEST ? NONE : m->holder[id] - 1u; }

static void push_up(model *m, packet p) {
  packets *on = &m->upwards;
  MUST(on->n < PACKETS_MAX);
  on->all[on->n++] = p;
}

/* ------------------------------------------------------------------------------------------------ PUBLISH */

static uint8_t topic_of(model *m, const wq_publish_packet *p) {
  uint8_t topic = 0;
  while (topic < TOPICS &&
         (p->topic.len != model_topic(topic).len || memcmp(p->topic.data, model_topic(topic).data, p->topic.len) != 0))
    topic++;
  wq_property alias;
  if (!p->properties.len || !wq_properties_find(p->properties, WQ_P_TOPIC_ALIAS, &alias)) {
    MUST(topic < TOPICS);
    return topic;
  }
  MUST(alias.number >= 1 && alias.number <= m->alias_max);
  if (p->topic.len) {
    MUST(topic < TOPICS);
    m->client_aliases[alias.number] = (uint8_t)(1 + topic);
  }
  MUST(m->client_aliases[alias.number]);
  return (uint8_t)(m->client_aliases[alias.number] - 1);
}

/* Messages that the server must have room for by its Receive Maximum [M5:3.3.4-7]. */
static uint32_t under_way(const model *m, bool counting_all) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < m->up_n; i++)
    n += m->up[i].flying && m->up[i].qos && (counting_all || m->up[i].released || m->up[i].sent_on == m->connection);
  return n;
}

static void sent_acknowledged(model *m, uint32_t number, const wq_publish_packet *p) {
  upward *u = &m->up[number];
  MUST(u->fate == OPEN);
  MUST(p->packet_id &&
       (m->holder[p->packet_id] == 0 || m->holder[p->packet_id] == 1 + number)); /* in use by nobody else */
  MUST(u->id == 0 || u->id == p->packet_id);
  MUST(!u->released);                /* from then on PUBREL */
  MUST(u->sent_on != m->connection); /* once a connection */
  if (u->flying)
    MUST(p->dup);
  else /* what waited may have been in the output when the last connection ended */
    MUST(!p->dup || (m->resumed && u->during != m->connection));
  if (!u->resend && u->session) MUST(u->session == m->session);
  if (!u->session) u->session = m->session;
  u->flying = true;
  u->sent_on = m->connection;
  u->id = p->packet_id;
  m->holder[u->id] = (uint16_t)(1 + number);
  MUST(under_way(m, false) <= m->receive_maximum);
  MUST(under_way(m, true) <= m->config.inflight_max);
}

/* Counted down, and not sent for the first time when it is over */
static void check_expiry(model *m, const upward *u, const wq_publish_packet *p) {
  wq_property interval;
  if (m->version < WQ_MQTT_5_0) {
    MUST(!p->properties.len);
    return;
  }
  const bool has = p->properties.len && wq_properties_find(p->properties, WQ_P_MESSAGE_EXPIRY_INTERVAL, &interval);
  MUST(has == (u->expiry >= 0));
  if (!has) return;
  const uint64_t over = u->at + (uint64_t)u->expiry * 1000;
  MUST(interval.number <= u->expiry && (interval.number || !u->expiry));
  if (m->empty_at < u->at) return;
  MUST(over > m->empty_at || u->flying || !u->expiry || (m->resumed && u->during != m->connection));
  if (over > m->empty_at) MUST(interval.number <= (over - m->empty_at + 999) / 1000);
}

/* publish_rate: a second's worth at once at most. */
static void check_rate(model *m) {
  if (!m->config.publish_rate) return;
  if (m->paced_us < m->empty_at * 1000) m->paced_us = m->empty_at * 1000;
  m->paced_us += 1000000 / m->config.publish_rate;
  MUST(m->paced_us <= m->now * 1000 + 1000000);
}

static void sent_publish(model *m, const wq_publish_packet *p, uint64_t size, packet *note) {
  const uint32_t number = model_payload_read(m, p->payload);
  MUST(number < m->up_n);
  upward *u = &m->up[number];
  MUST(u->fate != REMOVED);
  MUST(p->payload.len == u->size && p->qos == u->qos && p->retain == u->retain);
  MUST(topic_of(m, p) == u->topic);
  MUST(size <= m->packet_size && p->qos <= m->maximum_qos && (!p->retain || m->retain_available));
  uint32_t *last = &m->last_sent[u->qos != 0];
  MUST(number + 1 > *last); /* in the order of wq_publish() [M5:4.6.0-1] */
  *last = number + 1;
  check_expiry(m, u, p);
  check_rate(m);
  if (u->qos) {
    sent_acknowledged(m, number, p);
  } else {
    MUST(!u->sent_on && !p->dup && (u->fate == OPEN || u->result == 0 || u->result == WQ_E_STATE));
    u->sent_on = m->connection;
  }
  note->number = number;
  note->flag = p->dup;
  note->id = p->packet_id;
}

/* ------------------------------------------------------------------------------------------------ all packets */

static void sent_release(model *m, uint16_t id, uint8_t reason) {
  const uint32_t number = by_id(m, id);
  upward *u = number == NONE ? NULL : &m->up[number];
  if (u && u->released && u->sent_on != m->connection) { /* of an earlier connection: sent again once */
    MUST(reason == 0);
    u->sent_on = m->connection;
    return;
  }
  MUST(ids_next_is(&m->releases, id)); /* in the order of PUBREC [M5:4.6.0-4] */
  MUST(u ? u->released && !reason : m->version < WQ_MQTT_5_0 || reason == 0x92);
}

static void sent_acknowledgement(model *m, uint8_t type, uint16_t id, uint8_t reason) {
  MUST(ids_next_is(&m->owed, id)); /* in the order in which the messages came [M5:4.6.0-2] [M5:4.6.0-3] */
  for (uint32_t i = 0; i < m->down_n; i++) {
    downward *d = &m->down[i];
    if (d->id != id || d->sent_on != m->connection || d->stage == QUEUED) continue;
    if (d->stage == DONE) continue; /* an older message with that id */
    MUST(type == (d->qos == 2 ? WQ_PUBREC : WQ_PUBACK));
    MUST(d->acknowledged || reason >= 0x80 || d->oversize);
    if (d->qos == 2 && reason < 0x80) d->received = true;
    return;
  }
  FAIL("an acknowledgement for nothing");
}

static void sent_packet(model *m, const wq_packet *p, uint64_t size) {
  packet note = {.type = p->type};
  MUST(!m->said_goodbye);
  MUST((p->type == WQ_CONNECT) == !m->open);
  MUST(m->greeted || p->type == WQ_CONNECT);
  MUST(size <= m->packet_size);
  m->open = true;
  switch (p->type) {
  case WQ_CONNECT: note.flag = p->u.connect.clean; break;
  case WQ_PUBLISH: sent_publish(m, &p->u.publish, size, &note); break;
  case WQ_PUBREL: sent_release(m, p->u.ack.packet_id, p->u.ack.reason); break;
  case WQ_PUBACK:
  case WQ_PUBREC: sent_acknowledgement(m, p->type, p->u.ack.packet_id, p->u.ack.reason); break;
  case WQ_PUBCOMP: MUST(ids_next_is(&m->completes, p->u.ack.packet_id)); break;
  case WQ_SUBSCRIBE:
  case WQ_UNSUBSCRIBE:
    MUST(p->u.subscribe.packet_id && m->holder[p->u.subscribe.packet_id] == 0);
    m->holder[p->u.subscribe.packet_id] = REQUEST;
    for (uint32_t i = 0; i < m->requests_n && !note.number; i++)
      if (!m->request_ids[i]) {
        m->request_ids[i] = p->u.subscribe.packet_id;
        note.number = m->request_filters[i];
      }
    break;
  case WQ_PINGREQ: m->pings++; break;
  case WQ_DISCONNECT: m->said_goodbye = true; break;
  default: FAIL("a packet that no client sends");
  }
  if (p->type != WQ_CONNECT && p->type != WQ_PUBLISH && p->type != WQ_SUBSCRIBE && p->type != WQ_UNSUBSCRIBE) {
    note.id = p->type < WQ_PINGREQ ? p->u.ack.packet_id : 0;
    note.reason = p->type < WQ_PINGREQ ? p->u.ack.reason : 0;
  } else if (p->type != WQ_PUBLISH && p->type != WQ_CONNECT) {
    note.id = p->u.subscribe.packet_id;
  }
  push_up(m, note);
  if (m->trace)
    printf("%8llu client sends %u id %u number %u reason %u flag %d\n", (unsigned long long)m->now, note.type, note.id,
           note.number, note.reason, note.flag);
}

void wire_sent(model *m, const uint8_t *bytes, uint32_t n) {
  MUST(n <= WIRE_MAX - m->out_n);
  memcpy(m->out + m->out_n, bytes, n);
  m->out_n += n;
  for (;;) {
    wq_packet p;
    const wq_bytes left = {m->out + m->out_read, m->out_n - m->out_read};
    const int64_t size = wq_packet_decode(&p, m->open ? m->version : 0, left);
    MUST(size >= 0);
    if (!size) return;
    sent_packet(m, &p, (uint64_t)size);
    m->out_read += (uint32_t)size;
  }
}

/* ------------------------------------------------------------------------------------------------ connections */

void wire_connection(model *m) {
  m->connection++;
  m->open = m->greeted = m->said_goodbye = m->resumed = false;
  m->packet_size = UINT32_MAX;
  m->last_sent[0] = m->last_sent[1] = m->last_delivered = 0;
  m->releases.first = m->releases.n = m->owed.first = m->owed.n = m->completes.first = m->completes.n = 0;
  m->out_n = m->out_read = m->in_n = m->in_fed = 0;
  m->upwards.first = m->upwards.n = m->downwards.first = m->downwards.n = 0;
  m->pings = 0;
  memset(m->client_aliases, 0, sizeof m->client_aliases);
}

/* The client reads that the server knows nothing any more: what becomes of each message is told by events. */
void wire_session_lost(model *m) {
  m->session++;
  memset(m->holder, 0, sizeof m->holder);
  for (uint32_t i = 0; i < m->up_n; i++) {
    upward *u = &m->up[i];
    u->flying = u->released = false;
    u->id = 0;
  }
  for (uint32_t i = 0; i < m->down_n; i++)
    m->down[i].acknowledged = m->down[i].received = false;
}

/* ------------------------------------------------------------------------------------------------ what was read */

static void read_publish(model *m, const packet *p) {
  const downward *d = &m->down[p->number];
  if (d->qos) ids_push(m, &m->owed, d->id);
  /* The host has it, or had it and said so. */
  MUST(d->delivered_on == m->connection || (d->qos == 2 && d->acknowledged) || d->oversize);
}

static void read_acknowledgement(model *m, const packet *p) {
  const uint32_t number = p->number;
  if (p->type == WQ_PUBREC && p->reason < 0x80) {
    ids_push(m, &m->releases, p->id);
    if (number == NONE) return;
    MUST(m->up[number].fate == OPEN);
    m->up[number].released = m->up[number].was_released = true;
    m->up[number].sent_on = m->connection;
  } else if (number != NONE) {
    upward *u = &m->up[number];
    u->answers++;
    u->answer = p->reason;
    MUST(u->fate == SETTLED); /* by that very packet */
    MUST(u->result == (p->reason >= 0x80 && p->type != WQ_PUBCOMP ? WQ_REFUSED(p->reason) : 0));
  }
}

void wire_read(model *m, uint32_t n) {
  packets *on = &m->downwards;
  m->in_fed += n;
  for (; on->first < on->n && on->all[on->first].end <= m->in_fed; on->first++) {
    const packet *p = &on->all[on->first];
    switch (p->type) {
    case WQ_PUBLISH: read_publish(m, p); break;
    case WQ_PUBACK:
    case WQ_PUBREC:
    case WQ_PUBCOMP: read_acknowledgement(m, p); break;
    case WQ_PUBREL: ids_push(m, &m->completes, p->id); break;
    case WQ_PINGRESP: m->pings -= m->pings > 0; break;
    default: break;
    }
  }
}
