/* SPDX-License-Identifier: MIT
 * The connection cut after every byte, in both directions, of a conversation with QoS 0, 1 and 2 both ways; and the host
 * killed at each of its steps, with a store as wasmqtt.h describes it. Each time a server that keeps the session is told
 * everything again until all is settled, and what both ends got is compared with what was sent. */
#include "check.h"
#include "codec/packet.h"
#include "wasmqtt.h"

#include <setjmp.h>
#include <stdlib.h>

#define MESSAGES 6 /* each way: QoS 0, 1, 2, 0, 1, 2 */
#define PIPE_MAX 4096
#define NEVER UINT32_MAX

static uint8_t qos_of(int message) { return (uint8_t)(message % 3); }

/* The server gives both its QoS 2 messages the same packet id, the second when it is free again. */
static uint16_t server_id(int message) {
  return (uint16_t)(qos_of(message) == 2 ? 102 : qos_of(message) ? 100 + message : 0);
}

/* ---- the server: one session, which outlives connections */

enum delivery { WAITS, SENT, RELEASED, DONE };

typedef struct server {
  uint8_t version;
  bool has_session;
  enum delivery to_client[MESSAGES];
  bool received[256]; /* packet ids of QoS 2 between PUBREC and PUBREL */
  int got[MESSAGES];  /* how often each message of the client arrived */
  int last[3];        /* the last message of each QoS that arrived first */
  uint8_t in[PIPE_MAX], out[PIPE_MAX];
  uint32_t in_n, out_n;
} server;

static void server_send(server *s, const wq_packet *p) {
  s->out_n += wq_packet_encode(s->out + s->out_n, PIPE_MAX - s->out_n, s->version, p);
}

static void server_ack(server *s, uint8_t type, uint16_t packet_id) {
  server_send(s, &(wq_packet){.type = type, .u.ack = {.packet_id = packet_id}});
}

static void server_publish(server *s, int i, bool dup) {
  const char payload = (char)('0' + i);
  wq_packet p = {.type = WQ_PUBLISH, .u.publish = {.qos = qos_of(i), .dup = dup && qos_of(i)}};
  p.u.publish.packet_id = server_id(i);
  p.u.publish.topic = (wq_bytes){(const uint8_t *)"down", 4};
  p.u.publish.payload = (wq_bytes){(const uint8_t *)&payload, 1};
  server_send(s, &p);
}

/* Send what waits and may be sent. */
static void server_go_on(server *s) {
  for (int i = 0; i < MESSAGES; i++) {
    if (s->to_client[i] != WAITS || (i == 5 && s->to_client[2] != DONE)) continue;
    server_publish(s, i, false);
    s->to_client[i] = qos_of(i) ? SENT : DONE;
  }
}

static void server_connected(server *s, const wq_connect_packet *p) {
  CHECK(!p->clean || !s->has_session);
  server_send(s, &(wq_packet){.type = WQ_CONNACK, .u.connack = {.session_present = s->has_session}});
  s->has_session = true;
  for (int i = 0; i < MESSAGES; i++) {
    if (s->to_client[i] == RELEASED) server_ack(s, WQ_PUBREL, server_id(i));
    if (s->to_client[i] == SENT) server_publish(s, i, true);
  }
  server_go_on(s);
}

/* An acknowledgement of the client: the message it is for, which must be there. */
static enum delivery *server_acked(server *s, uint16_t packet_id) {
  for (int i = 0; i < MESSAGES; i++)
    if (server_id(i) == packet_id && (s->to_client[i] == SENT || s->to_client[i] == RELEASED)) return &s->to_client[i];
  check_that(false, "an acknowledgement of what was sent", __FILE__, __LINE__);
  return &s->to_client[0];
}

static void server_got(server *s, const wq_publish_packet *p) {
  const int i = p->payload.data[0] - '0';
  if (p->qos == 2 && s->received[p->packet_id & 255]) {
    CHECK(p->dup);
  } else {
    CHECK_INT(p->qos, qos_of(i));
    if (!s->got[i]++) {
      CHECK(i > s->last[p->qos]); /* in the order of publishing [M3:4.6.0-1] [M5:4.6.0-1] */
      s->last[p->qos] = i;
    }
  }
  if (p->qos == 2) s->received[p->packet_id & 255] = true;
  if (p->qos) server_ack(s, p->qos == 1 ? WQ_PUBACK : WQ_PUBREC, p->packet_id);
}

static void server_packet(server *s, const wq_packet *p) {
  switch (p->type) {
  case WQ_CONNECT: server_connected(s, &p->u.connect); break;
  case WQ_PUBLISH: server_got(s, &p->u.publish); break;
  case WQ_PUBREL: /* of an id that is not in use, it is answered all the same */
    s->received[p->u.ack.packet_id & 255] = false;
    server_ack(s, WQ_PUBCOMP, p->u.ack.packet_id);
    break;
  case WQ_PUBACK: *server_acked(s, p->u.ack.packet_id) = DONE; break;
  case WQ_PUBREC:
    *server_acked(s, p->u.ack.packet_id) = RELEASED;
    server_ack(s, WQ_PUBREL, p->u.ack.packet_id);
    break;
  case WQ_PUBCOMP:
    CHECK(server_acked(s, p->u.ack.packet_id) == &s->to_client[s->to_client[2] == DONE ? 5 : 2]);
    *server_acked(s, p->u.ack.packet_id) = DONE;
    server_go_on(s);
    break;
  default: check_that(false, "a packet that this client has reason to send", __FILE__, __LINE__);
  }
}

static void server_read(server *s) {
  wq_packet p;
  int64_t n;
  while ((n = wq_packet_decode(&p, s->version, (wq_bytes){s->in, s->in_n})) > 0) {
    server_packet(s, &p);
    s->in_n -= (uint32_t)n;
    memmove(s->in, s->in + n, s->in_n);
  }
  CHECK_INT(n, 0);
}

/* ---- the store, which outlives the host */

typedef struct stored {
  bool there, released;
  uint16_t packet_id;
  uint32_t token; /* of this life */
} stored;

typedef struct store {
  stored out[MESSAGES];
  bool received[65536];  /* inbound QoS 2 ids that were handled */
  int handled[MESSAGES]; /* what the application did with messages; its own record, made while it handles them */
  int settled[MESSAGES];
  bool published;
} store;

/* ---- the host */

typedef struct host {
  server *server;
  store *store;
  wq_client *client;
  void *memory;
  uint8_t block[65536] __attribute__((aligned(16)));
  uint64_t now;
  bool broken;               /* the transport is cut, which nobody has noticed yet */
  uint32_t up, down;         /* bytes that may still pass */
  uint32_t up_n, down_n;     /* bytes that passed */
  uint32_t steps, step_last; /* killed at step_last */
  int handling;              /* the message in the handler; -1: none */
  jmp_buf killed;
} host;

static void step(host *h) {
  if (h->steps++ == h->step_last) longjmp(h->killed, 1);
}

static void host_begin(host *h) {
  wq_config config;
  wq_config_init(&config);
  config.records_max = 64;
  config.topics_max = 16;
  size_t size = wq_client_size(&config);
  h->memory = aligned_alloc(16, size);
  h->client = wq_client_init(h->memory, size, &config);
}

static uint32_t host_token(int token) {
  CHECK(token > 0);
  return (uint32_t)token;
}

static wq_publish_args message(int i, const char *payload) {
  return (wq_publish_args){.size = sizeof(wq_publish_args),
                           .qos = qos_of(i),
                           .topic = {(const uint8_t *)"up", 2},
                           .payload = {(const uint8_t *)payload, 1}};
}

/* Take up what the store has, in the order of publishing. */
static void host_restore(host *h) {
  for (int i = 0; i < MESSAGES; i++) {
    stored *m = &h->store->out[i];
    const char payload = (char)('0' + i);
    const wq_publish_args args = message(i, &payload);
    if (m->there) m->token = host_token(wq_restore(h->client, &args, m->packet_id, m->released, h->now));
  }
  for (uint32_t id = 1; id < 65536; id++)
    if (h->store->received[id]) CHECK_INT(wq_restore_received(h->client, (uint16_t)id), 0);
}

static stored *by_token(host *h, uint32_t token) {
  for (int i = 0; i < MESSAGES; i++)
    if (h->store->out[i].there && h->store->out[i].token == token) return &h->store->out[i];
  return NULL;
}

/* Each record is one transaction of the store. */
static void host_store(host *h) {
  size_t n;
  for (wq_records(h->client, &n); n; wq_records(h->client, &n)) {
    const wq_record r = *wq_records(h->client, &n);
    stored *m = by_token(h, r.token);
    step(h);
    switch (r.type) {
    case WQ_RECORD_SENT: m->packet_id = r.packet_id; break;
    case WQ_RECORD_RELEASED: m->released = true; break;
    case WQ_RECORD_RECEIVED: h->store->received[r.packet_id] = true; break;
    case WQ_RECORD_COMPLETED: h->store->received[r.packet_id] = false; break;
    default:
      memset(h->store->received, 0, sizeof h->store->received);
      for (int i = 0; i < MESSAGES; i++)
        h->store->out[i].packet_id = 0, h->store->out[i].released = false;
    }
    CHECK_INT(wq_records_done(h->client, 1), 0);
  }
}

static void host_send(host *h) {
  wq_output_view view;
  for (wq_output(h->client, &view); view.len; wq_output(h->client, &view)) {
    host_store(h);
    for (uint32_t i = 0; i < view.len; i++) {
      step(h);
      if (h->up_n >= h->up) h->broken = true;
      if (h->broken) continue;
      h->up_n++;
      h->server->in[h->server->in_n++] = view.data[i];
      server_read(h->server);
    }
    wq_output_ack(h->client, view.len);
  }
}

static void host_event(host *h, const wq_event *e, const uint8_t *fed) {
  size_t n;
  if (e->type == WQ_EV_SETTLED) {
    stored *m = by_token(h, e->aux);
    CHECK(m != NULL);
    CHECK_INT(WQ_EVENT_RESULT(e), 0);
    step(h);
    h->store->settled[m - h->store->out]++;
    *m = (stored){0};
  }
  if (e->type != WQ_EV_PUBLISH) return;
  const int i = (e->flags & WQ_EVF_CARRY ? wq_carry(h->client, &n) : fed)[e->off] - '0';
  step(h);
  h->handling = i;
  h->store->handled[i]++;
  step(h);
  if (!e->aux) return;
  CHECK_INT(wq_ack(h->client, e->aux, 0, h->now), 0);
  host_store(h); /* as the host must before it hands out the next, to be exact about what was in a handler */
  h->handling = -1;
}

static void host_drain(host *h, const uint8_t *fed) {
  size_t n;
  const wq_event *events = wq_events(h->client, &n);
  for (size_t i = 0; i < n; i++)
    host_event(h, &events[i], fed);
  host_send(h);
}

static void host_tick(host *h) {
  while (wq_deadline(h->client) <= h->now) {
    CHECK_INT(wq_tick(h->client, h->now), 0);
    host_drain(h, NULL);
  }
}

/* All that the server has sent, byte by byte. */
static void host_receive(host *h) {
  for (uint32_t at = 0; at < h->server->out_n && !h->broken; at++) {
    step(h);
    if (h->down_n >= h->down) {
      h->broken = true;
      break;
    }
    h->down_n++;
    const uint8_t byte = h->server->out[at];
    int64_t got;
    while ((got = wq_feed(h->client, &byte, 1, h->now)) == WQ_E_MEMORY)
      CHECK_INT(wq_add_memory(h->client, h->block, sizeof h->block), 0);
    if (!CHECK_INT(got, 1)) return;
    host_drain(h, &byte);
    host_tick(h);
  }
  h->server->out_n = 0;
}

static void host_publish(host *h) {
  if (h->store->published) return;
  for (int i = 0; i < MESSAGES; i++) {
    const char payload = (char)('0' + i);
    const wq_publish_args args = message(i, &payload);
    int token;
    while ((token = wq_publish(h->client, &args, h->now)) == WQ_E_MEMORY)
      CHECK_INT(wq_add_memory(h->client, h->block, sizeof h->block), 0);
    if (qos_of(i)) h->store->out[i] = (stored){.there = true, .token = host_token(token)};
  }
  h->store->published = true;
}

/* One connection, until nothing moves any more. */
static void host_connection(host *h) {
  h->broken = false;
  h->server->in_n = h->server->out_n = 0;
  const wq_connect_args args = {
      .size = sizeof args, .version = h->server->version, .client_id = {(const uint8_t *)"c", 1}};
  CHECK_INT(wq_connect(h->client, &args, h->now), 0);
  host_send(h);
  for (int rounds = 0; rounds < 100 && !h->broken && (h->server->out_n || rounds < 2); rounds++) {
    host_receive(h);
    if (wq_client_status(h->client) == WQ_CONNECTED) host_publish(h);
    host_send(h);
    host_tick(h);
  }
  CHECK_INT(wq_lost(h->client, h->now), 0);
  host_drain(h, NULL);
}

static bool all_settled(const host *h) {
  for (int i = 0; i < MESSAGES; i++)
    if (h->store->out[i].there || h->server->to_client[i] != DONE) return false;
  return h->store->published;
}

/* `twice`: what may have been handled twice, since the host died in its handler. */
static void check_result(const host *h, int twice) {
  for (int i = 0; i < MESSAGES; i++) {
    const int up = h->server->got[i], down = h->store->handled[i];
    if (qos_of(i) == 0) CHECK(up <= 1 && down <= 1);
    if (qos_of(i) == 1) CHECK(up >= 1 && down >= 1);
    if (qos_of(i) == 2) CHECK_INT(up, 1);
    if (qos_of(i) == 2) CHECK(down == 1 || (down == 2 && i == twice));
    if (qos_of(i)) CHECK_INT(h->store->settled[i], 1);
  }
}

/* Run to the end; cut once after `up` or `down` bytes, or killed once at step `kill`. False: that was never reached. */
static bool run(uint8_t version, uint32_t up, uint32_t down, uint32_t kill) {
  static host h;
  static server s;
  static store kept;
  h = (host){.server = &s, .store = &kept, .now = 1000, .up = up, .down = down, .step_last = kill, .handling = -1};
  s = (server){.version = version, .last = {-1, -1, -1}};
  memset(&kept, 0, sizeof kept);
  static volatile bool reached;
  static volatile int twice;
  reached = false;
  twice = -1;
  if (setjmp(h.killed)) {
    reached = true;
    twice = h.handling;
    free(h.memory);
    h.step_last = NEVER;
    h.handling = -1;
  }
  host_begin(&h);
  host_restore(&h);
  for (int connections = 0; connections < 4 && !all_settled(&h); connections++) {
    host_connection(&h);
    reached = reached || h.broken;
    h.up = h.down = NEVER;
  }
  CHECK(all_settled(&h));
  check_result(&h, twice);
  free(h.memory);
  return reached;
}

static void cut_everywhere(uint8_t version) {
  uint32_t n = 0;
  while (run(version, n, NEVER, NEVER))
    n++;
  CHECK(n > 90);
  for (n = 0; run(version, NEVER, n, NEVER);)
    n++;
  CHECK(n > 90);
}

static void kill_everywhere(uint8_t version) {
  uint32_t n = 0;
  while (run(version, NEVER, NEVER, n))
    n++;
  CHECK(n > 200);
}

static void cut_3_1_1(void) { cut_everywhere(WQ_MQTT_3_1_1); }
static void cut_5_0(void) { cut_everywhere(WQ_MQTT_5_0); }
static void kill_3_1_1(void) { kill_everywhere(WQ_MQTT_3_1_1); }
static void kill_5_0(void) { kill_everywhere(WQ_MQTT_5_0); }

int main(void) {
  check_case("3.1.1, cut after every byte [M3:4.4.0-1] [M3:4.3.2-1] [M3:4.3.3-1] [M3:4.3.3-2]", cut_3_1_1);
  check_case("5.0, cut after every byte [M5:4.4.0-1] [M5:4.3.3-6] [M5:4.3.3-10]", cut_5_0);
  check_case("3.1.1, the host killed at each step", kill_3_1_1);
  check_case("5.0, the host killed at each step", kill_5_0);
  return check_close();
}
