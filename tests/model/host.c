/* SPDX-License-Identifier: MIT
 * The host: it does its work in any order, in small pieces and late; and it keeps the books of what it is told. */
#include "model.h"

#include "client/client.h"

#define FILTERS_MAX 3u

/* ------------------------------------------------------------------------------------------------ what it is told */

static upward *by_token(model *m, uint32_t token) {
  for (uint32_t i = 0; token && i < m->up_n; i++)
    if (m->up[i].token == token && m->up[i].fate == OPEN) return &m->up[i];
  return NULL;
}

static wq_publish_packet packet_of(const upward *u, uint8_t properties[8]) {
  wq_publish_packet p = {.qos = u->qos,
                         .retain = u->retain,
                         .topic = model_topic(u->topic),
                         .properties = {properties, 0},
                         .payload = {NULL, u->size}};
  if (u->expiry >= 0)
    wq_property_write(properties, 8, &p.properties.len,
                      &(wq_property){.id = WQ_P_MESSAGE_EXPIRY_INTERVAL, .number = (uint32_t)u->expiry});
  return p;
}

static bool over_limit(const model *m, const upward *u) {
  uint8_t properties[8];
  const wq_publish_packet p = packet_of(u, properties);
  return wq_publish_size(m->version, &p) > m->packet_size || u->qos > m->maximum_qos ||
         (u->retain && !m->retain_available);
}

static void told_settled(model *m, const wq_event *e) {
  upward *u = by_token(m, e->aux);
  MUST(u != NULL); /* else it was settled before, or never given */
  const int32_t result = WQ_EVENT_RESULT(e);
  switch (result) {
  case 0: MUST(!u->qos || u->taken); break;
  case WQ_E_STATE: MUST(!u->qos); break;
  case WQ_E_OUTCOME_UNKNOWN: MUST(u->qos && !u->resend && u->during != m->connection && !m->resumed); break;
  case WQ_E_SERVER_LIMIT:
    MUST(over_limit(m, u));
    /* What was under way is given up with its id: a server must do so too, or take another message of that id for it. */
    if (u->flying) m->server_received[u->id] = false;
    break;
  case WQ_E_EXPIRED: MUST(u->expiry >= 0 && m->now >= u->at + (uint64_t)u->expiry * 1000 && !u->flying); break;
  default: MUST(WQ_IS_REFUSED(result) && u->qos && e->reason == WQ_REFUSED_REASON(result));
  }
  u->fate = SETTLED;
  u->result = result;
  u->flying = false;
  if (u->id) m->holder[u->id] = 0;
}

static void told_connack(model *m, const wq_event *e) {
  MUST(!m->greeted);
  m->greeted = true;
  if (WQ_EVENT_RESULT(e)) {
    MUST(m->refused);
    return;
  }
  m->resumed = (e->flags & WQ_EVF_SESSION) != 0;
  if (!m->resumed) wire_session_lost(m);
  m->session_told = true;
}

static void told_answer(model *m, const wq_event *e) {
  uint32_t i = 0;
  while (i < m->requests_n && m->requests[i] != e->aux)
    i++;
  MUST(i < m->requests_n && m->request_ids[i] && e->packet_id == m->request_ids[i]);
  MUST(e->len == (e->type == WQ_EV_SUBACK || m->version == WQ_MQTT_5_0 ? m->request_filters[i] : 0));
  m->holder[m->request_ids[i]] = 0;
  m->requests_n--;
  for (; i < m->requests_n; i++) {
    m->requests[i] = m->requests[i + 1];
    m->request_ids[i] = m->request_ids[i + 1];
    m->request_filters[i] = m->request_filters[i + 1];
  }
}

static uint8_t topic_named(model *m, const wq_event *e, const uint8_t *from) {
  uint8_t topic = 0;
  if (e->topic_len) {
    while (topic < TOPICS && (model_topic(topic).len != e->topic_len ||
                              memcmp(model_topic(topic).data, from + e->topic_off, e->topic_len) != 0))
      topic++;
    MUST(topic < TOPICS);
  }
  if (!e->topic_id) return topic;
  MUST(e->topic_id < sizeof m->names);
  if (e->flags & WQ_EVF_NEW_TOPIC) {
    MUST(e->topic_len && !m->names[e->topic_id]);
    m->names[e->topic_id] = (uint8_t)(1 + topic);
  }
  MUST(m->names[e->topic_id] && (!e->topic_len || m->names[e->topic_id] == 1 + topic));
  return (uint8_t)(m->names[e->topic_id] - 1);
}

/* A message is there as a whole. */
static void told_message(model *m, const wq_event *e, uint8_t topic, wq_bytes payload) {
  const uint32_t number = model_payload_read(m, payload);
  MUST(number < m->down_n);
  downward *d = &m->down[number];
  MUST(payload.len == d->size && topic == d->topic && (e->flags & WQ_EVF_QOS) == d->qos);
  MUST(((e->flags & WQ_EVF_RETAIN) != 0) == d->retain && (e->aux != 0) == (d->qos != 0));
  MUST(((e->flags & WQ_EVF_DUP) != 0) <= (d->delivered_on != m->connection));
  MUST(d->delivered_on != m->connection && !d->received); /* QoS 2: once [M5:4.3.3-10] */
  MUST(number + 1 > m->last_delivered);                   /* in the server's order [M5:4.6.0-6] */
  m->last_delivered = number + 1;
  d->delivered++;
  d->delivered_on = m->connection;
  if (!e->aux) return;
  MUST(m->handles_n < PACKETS_MAX);
  m->handle_of[m->handles_n] = number;
  m->handles[m->handles_n++] = e->aux;
}

static void told_publish(model *m, const wq_event *e, const uint8_t *data, uint32_t fed, const uint8_t *from) {
  const uint8_t topic = topic_named(m, e, from);
  if (e->type == WQ_EV_OVERSIZE) {
    MUST(m->version < WQ_MQTT_5_0);
    return;
  }
  if (!(e->flags & WQ_EVF_STREAM)) {
    told_message(m, e, topic, (wq_bytes){from + e->off, e->len});
    return;
  }
  MUST(e->len <= PAYLOAD_MAX && e->off <= fed);
  m->stream_n = fed - e->off < e->len ? fed - e->off : e->len;
  memcpy(m->stream, data + e->off, m->stream_n);
  m->stream_event = *e;
  m->stream_event.topic_id = topic;
}

/* The events of an input call that took data[0..taken). */
static void told(model *m, const uint8_t *data, uint32_t taken) {
  size_t n, carried;
  const wq_event *events = wq_events(m->client, &n);
  const uint8_t *carry = wq_carry(m->client, &carried);
  for (size_t i = 0; i < n; i++) {
    const wq_event *e = &events[i];
    const uint8_t *from = e->flags & WQ_EVF_CARRY ? carry : data;
    switch (e->type) {
    case WQ_EV_CONNACK: told_connack(m, e); break;
    case WQ_EV_OVERSIZE:
    case WQ_EV_PUBLISH: told_publish(m, e, data, taken, from); break;
    case WQ_EV_PAYLOAD:
      MUST(m->stream_n == m->stream_event.len && e->aux == m->stream_event.aux);
      told_message(m, &m->stream_event, (uint8_t)m->stream_event.topic_id, (wq_bytes){m->stream, m->stream_n});
      m->stream_event.len = 0;
      break;
    case WQ_EV_SETTLED: told_settled(m, e); break;
    case WQ_EV_SUBACK:
    case WQ_EV_UNSUBACK: told_answer(m, e); break;
    case WQ_EV_TOPIC_GONE:
      MUST(m->names[e->topic_id]);
      m->names[e->topic_id] = 0;
      break;
    case WQ_EV_DISCONNECT: MUST(m->server_said_goodbye); break;
    case WQ_EV_PONG: break;
    case WQ_EV_RECEIVED: MUST(by_token(m, e->aux) && e->reason == 0x10); break;
    default: MUST(e->type == WQ_EV_STRAY_ACK);
    }
  }
}

/* ------------------------------------------------------------------------------------------------ its edges */

static void give_memory(model *m) {
  const size_t wanted = wq_memory_wanted(m->client);
  MUST(wanted > 0);
  void *block = aligned_alloc(16, (wanted + 15) & ~(size_t)15);
  void **more = realloc(m->blocks, (m->blocks_n + 1) * sizeof *more);
  MUST(block && more);
  m->blocks = more;
  m->blocks[m->blocks_n++] = block;
  MUST(wq_add_memory(m->client, block, wanted) == 0);
}

static bool over(const model *m) {
  const enum wq_status status = wq_client_status(m->client);
  return status == WQ_FAILED || status == WQ_DISCONNECTING;
}

void host_feed(model *m, uint32_t most) {
  if (wq_client_status(m->client) == WQ_IDLE) return;
  uint32_t n = m->in_n - m->in_fed;
  if (n > most) n = most;
  if (!n) return;
  if (over(m)) { /* all input is taken, and means nothing */
    m->in_fed += n;
    MUST(wq_feed(m->client, m->in + m->in_fed - n, n, m->now) == n);
    return;
  }
  const uint32_t skip = wq_skip(m->client);
  if (skip) {
    if (n > skip) n = skip;
    if (m->stream_event.len) {
      MUST(m->stream_n + n <= m->stream_event.len);
      memcpy(m->stream + m->stream_n, m->in + m->in_fed, n);
      m->stream_n += n;
    }
    MUST(wq_skipped(m->client, n, m->now) == 0);
    told(m, NULL, 0);
    wire_read(m, n);
    return;
  }
  uint8_t *piece = malloc(n); /* of its own, so that a byte too far is seen */
  MUST(piece != NULL);
  memcpy(piece, m->in + m->in_fed, n);
  const int64_t got = wq_feed(m->client, piece, n, m->now);
  if (got >= 0) told(m, piece, (uint32_t)got);
  free(piece);
  if (got == WQ_E_MEMORY) {
    if (chance(m, 3)) give_memory(m); /* or later */
    return;
  }
  MUST(got >= 0 && got <= n);
  MUST(wq_client_status(m->client) != WQ_FAILED || m->refused || m->server_said_goodbye);
  wire_read(m, (uint32_t)got);
}

/* A payload that stays with the host follows what is in the output. */
static void drain_payload(model *m, uint32_t token, uint32_t length) {
  upward *u = by_token(m, token);
  MUST(u != NULL && u->size == length);
  uint8_t payload[PAYLOAD_MAX];
  for (uint32_t i = 0; i < length; i++)
    payload[i] = model_payload_byte((uint32_t)(u - m->up), i);
  wire_sent(m, payload, length);
}

void host_drain(model *m, bool all) {
  wq_output_view view;
  for (wq_output(m->client, &view); view.len || view.token; wq_output(m->client, &view)) {
    const uint32_t n = all ? view.len : choose(m, view.len + 1);
    wire_sent(m, view.data, n);
    if (view.token && n == view.len) drain_payload(m, view.token, view.payload_len);
    MUST(wq_output_ack(m->client, n) == 0);
    if (!all) return;
  }
}

/* What is due is done, and nothing is due for ever. */
void host_time(model *m) {
  for (int calls = 0; wq_deadline(m->client) <= m->now; calls++) {
    const enum wq_status before = wq_client_status(m->client);
    const int error = wq_tick(m->client, m->now);
    if (error == WQ_E_CONNACK_TIMEOUT) MUST(!m->greeted);
    MUST(!error || error == WQ_E_CONNACK_TIMEOUT || error == WQ_E_PING_TIMEOUT || before == WQ_FAILED);
    told(m, NULL, 0);
    MUST(calls < 4);
  }
}

/* ------------------------------------------------------------------------------------------------ its work */

void host_connect(model *m) {
  static const uint8_t expiry[] = {WQ_P_SESSION_EXPIRY_INTERVAL, 0, 0, 0xFF, 0xFF};
  static const uint16_t keep_alives[] = {0, 10, 60};
  const bool clean = m->version == WQ_MQTT_3_1 ? m->always_clean : !m->calm && chance(m, 8);
  const wq_connect_args args = {.size = sizeof args,
                                .version = m->version,
                                .clean = clean,
                                .keep_alive = keep_alives[choose(m, 3)],
                                .client_id = {(const uint8_t *)"model", 5},
                                .properties = {expiry, m->version == WQ_MQTT_5_0 ? sizeof expiry : 0}};
  wire_connection(m);
  server_connection(m);
  MUST(wq_connect(m->client, &args, m->now) == 0);
}

void host_lost(model *m) {
  if (m->trace) printf("%8llu the connection ends\n", (unsigned long long)m->now);
  MUST(wq_lost(m->client, m->now) == 0);
  told(m, NULL, 0);
  for (uint32_t i = 0; i < m->requests_n; i++)
    if (m->request_ids[i]) m->holder[m->request_ids[i]] = 0;
  m->requests_n = m->handles_n = 0;
  m->stream_event.len = m->stream_n = 0;
}

static void publish(model *m) {
  if (m->up_n == MESSAGES_MAX || m->calm) return;
  const uint32_t number = m->up_n;
  upward u = {.topic = (uint8_t)choose(m, TOPICS),
              .qos = (uint8_t)choose(m, 3),
              .retain = chance(m, 8),
              .expiry = m->version == WQ_MQTT_5_0 && chance(m, 6) ? (int64_t)choose(m, 8) : -1,
              .at = m->now,
              .during = m->greeted && wq_client_status(m->client) != WQ_IDLE ? m->connection : 0};
  const uint8_t resend = (uint8_t)choose(m, 3);
  u.resend = (u.qos && resend == WQ_RESEND_ALWAYS) || (resend == WQ_RESEND_BY_QOS && u.qos == 1);
  u.size = 2 + (chance(m, 8) ? choose(m, PAYLOAD_MAX - 2) : choose(m, 40));
  uint8_t payload[PAYLOAD_MAX], properties[8];
  for (uint32_t i = 0; i < u.size; i++)
    payload[i] = model_payload_byte(number, i);
  const wq_publish_packet p = packet_of(&u, properties);
  const bool elsewhere = chance(m, 6);
  const wq_publish_args args = {.size = sizeof args,
                                .qos = u.qos,
                                .retain = u.retain,
                                .host_payload = elsewhere,
                                .resend = resend,
                                .topic = p.topic,
                                .properties = p.properties,
                                .payload = {elsewhere ? NULL : payload, u.size}};
  const bool connected = wq_client_status(m->client) == WQ_CONNECTED;
  int got = wq_publish(m->client, &args, m->now);
  if (got == WQ_E_MEMORY && chance(m, 2)) {
    give_memory(m);
    got = wq_publish(m->client, &args, m->now);
  }
  if (got < 0) {
    MUST(got == WQ_E_MEMORY || got == WQ_E_FULL || (got == WQ_E_SERVER_LIMIT && connected && over_limit(m, &u)) ||
         (got == WQ_E_STATE && (!connected || m->said_goodbye)));
    return;
  }
  if (got == 0) {
    MUST(!u.qos && connected);
    u.fate = SETTLED;
  } else {
    MUST(by_token(m, (uint32_t)got) == NULL);
    u.token = (uint32_t)got;
  }
  m->up[m->up_n++] = u;
  if (m->trace) printf("%8llu publish %u qos %u token %d\n", (unsigned long long)m->now, number, u.qos, got);
}

static void request(model *m) {
  static const char *const texts[FILTERS_MAX] = {"a/#", "fleet/+/telemetry", "#"};
  wq_subscription subscriptions[FILTERS_MAX];
  wq_bytes filters[FILTERS_MAX];
  const uint8_t n = (uint8_t)(1 + choose(m, FILTERS_MAX));
  if (m->calm || m->requests_n == 64) return;
  for (uint32_t i = 0; i < n; i++) {
    filters[i] = (wq_bytes){(const uint8_t *)texts[i], (uint32_t)strlen(texts[i])};
    subscriptions[i] = (wq_subscription){.filter = filters[i], .qos = (uint8_t)choose(m, 3)};
  }
  const bool subscribes = chance(m, 2);
  const int got = subscribes ? wq_subscribe(m->client, subscriptions, n, (wq_bytes){0}, m->now)
                             : wq_unsubscribe(m->client, filters, n, (wq_bytes){0}, m->now);
  if (got < 0) {
    if (got == WQ_E_MEMORY && chance(m, 2)) give_memory(m);
    MUST(got == WQ_E_STATE || got == WQ_E_FULL || got == WQ_E_MEMORY || got == WQ_E_SERVER_LIMIT);
    return;
  }
  m->requests[m->requests_n] = (uint32_t)got;
  m->request_ids[m->requests_n] = 0;
  m->request_filters[m->requests_n++] = n;
}

void host_acknowledge(model *m, uint32_t which) {
  const bool refuse = m->version == WQ_MQTT_5_0 && !m->calm && chance(m, 12);
  downward *d = &m->down[m->handle_of[which]];
  static const uint8_t why[] = {0x1f, 0, 12, 'q', 'u', 'o', 't', 'a', ' ', 'i', 's', ' ', 'u', 'p', '!'};
  const wq_bytes properties = {why, refuse && chance(m, 2) ? sizeof why : 0};
  int got;
  while ((got = wq_ack_with(m->client, m->handles[which], refuse ? 0x97 : 0, properties, m->now)) == WQ_E_MEMORY)
    give_memory(m);
  MUST(got == 0);
  d->acknowledged = !refuse;
  m->handles_n--;
  memmove(&m->handles[which], &m->handles[which + 1], (m->handles_n - which) * sizeof m->handles[0]);
  memmove(&m->handle_of[which], &m->handle_of[which + 1], (m->handles_n - which) * sizeof m->handle_of[0]);
}

static void take_back(model *m) {
  if (!m->up_n) return;
  upward *u = &m->up[choose(m, m->up_n)];
  const int got = wq_remove(m->client, u->token);
  if (u->fate != OPEN) {
    MUST(got == WQ_E_TOKEN || by_token(m, u->token));
    return;
  }
  MUST(got == WQ_E_STATE || (got == 0 && !u->flying));
  if (got == 0) u->fate = REMOVED;
}

static void goodbye(model *m) {
  const uint8_t reason = m->version == WQ_MQTT_5_0 && chance(m, 2) ? 4 : 0;
  const int got = wq_disconnect(m->client, reason, (wq_bytes){0}, m->now);
  MUST(got == 0 || got == WQ_E_STATE || got == WQ_E_FULL);
}

/* A connection that is up, or over and not closed yet. */
static void connected_step(model *m) {
  if (over(m) && chance(m, 4)) {
    host_drain(m, true);
    server_cut(m);
    return;
  }
  switch (choose(m, 24)) {
  case 0:
  case 1:
  case 2:
  case 3:
  case 4:
  case 5: host_feed(m, chance(m, 2) ? WIRE_MAX : 1 + choose(m, 30)); break;
  case 6:
  case 7:
  case 8:
  case 9: host_drain(m, !chance(m, 3)); break;
  case 10:
  case 11:
  case 12:
    if (m->handles_n) host_acknowledge(m, chance(m, 2) ? 0 : choose(m, m->handles_n));
    break;
  case 13: request(m); break;
  case 14:
    if (chance(m, 8)) server_cut(m);
    break;
  case 15:
    if (chance(m, 20)) goodbye(m);
    break;
  case 16:
    if (chance(m, 8)) wq_ping(m->client, 1 + choose(m, 5000), m->now);
    break;
  default: publish(m);
  }
}

void host_step(model *m) {
  m->now += chance(m, 20) ? choose(m, 3000) : choose(m, 20);
  wq_output_view view;
  wq_output(m->client, &view);
  if (!view.len && !view.token) m->empty_at = m->now;
  if (chance(m, 50)) m->client->packet_id = (uint16_t)choose(m, 8); /* as if packet ids had gone round */
  if (chance(m, 24))
    take_back(m);
  else if (wq_client_status(m->client) != WQ_IDLE)
    connected_step(m);
  else if (chance(m, 3))
    host_connect(m);
  else
    publish(m);
  host_time(m);
}

bool host_done(const model *m) {
  for (uint32_t i = 0; i < m->up_n; i++)
    if (m->up[i].fate == OPEN) return false;
  wq_output_view view;
  wq_output(m->client, &view);
  return m->handles_n == 0 && m->requests_n == 0 && view.len == 0 && view.token == 0;
}
