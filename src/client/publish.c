/* SPDX-License-Identifier: MIT
 * Publishing: straight into the output where nothing waits and there is room, otherwise from a queue; and again after a
 * reconnect, in the order of the first time. [M3:4.6.0-1] [M5:4.6.0-1] */
#include "client.h"

#include "../codec/topic.h"

#define PUBLISH_DUP 0x08u

static wq_publish_packet packet_of(const wq_message *m) {
  return (wq_publish_packet){.qos = m->qos,
                             .retain = m->retain,
                             .dup = m->sent_before,
                             .packet_id = m->packet_id,
                             .topic = {NULL, m->topic_len},
                             .properties = {NULL, m->props_len},
                             .payload = {NULL, m->payload_len}};
}

static uint64_t size_of(const wq_client *c, const wq_publish_packet *p) {
  return wq_publish_size(c->negotiated.version, p);
}

/* What the server of this connection would not take, of this size. */
static bool over_server_limit(const wq_client *c, const wq_publish_packet *p, uint64_t size) {
  const wq_negotiated_t *n = &c->negotiated;
  return p->qos > n->maximum_qos || (p->retain && !n->retain_available) || size > n->maximum_packet_size;
}

/* May one more message with QoS 1 or 2 be under way? Nothing else waits for it. [M5:3.3.4-7] [M5:3.3.4-8] [M5:4.9.0-3] */
static bool quota_left(const wq_client *c) {
  return c->quota > 0 && !c->held && c->inflight.count - c->given_up < c->config.inflight_max && wq_records_room(c) &&
         c->inflight.count + c->requests.count < UINT16_MAX; /* a packet id is free */
}

/* When one more PUBLISH may leave, by the config's publish_rate: a token bucket that holds a second's worth. */
static uint64_t turn(const wq_client *c) {
  const uint32_t rate = c->config.publish_rate;
  const uint64_t full = rate ? c->paced_us + 1000000 / rate : 0;
  return full > 1000000 ? (full - 1000000 + 999) / 1000 : 0;
}

/* A PUBLISH was written. */
static void output_add(wq_client *c, uint32_t size, uint64_t now_ms) {
  const uint32_t rate = c->config.publish_rate;
  if (c->paced_us < now_ms * 1000) c->paced_us = now_ms * 1000;
  if (rate) c->paced_us += 1000000 / rate;
  wq_output_add(c, size, now_ms);
}

/* Give the topic of `p` an alias if it may have one and the packet that says so fits: its place then, else NULL. */
static uint8_t *announce_alias(wq_client *c, wq_publish_packet *p, uint32_t hash, uint32_t elsewhere, uint64_t *size) {
  p->alias = 1; /* all are of one size */
  const uint64_t with_alias = size_of(c, p);
  uint8_t *dst = with_alias <= c->negotiated.maximum_packet_size
                     ? wq_output_room(c, (uint32_t)(with_alias - elsewhere), true)
                     : NULL;
  p->alias = dst ? wq_alias_give(&c->aliases, p->topic, hash) : 0;
  if (!p->alias) return NULL;
  *size = with_alias;
  return dst;
}

/* Room in the output for `p` of *size bytes, without those of its payload that are `elsewhere`; with an alias if that can
 * be, which changes both. NULL if there is none now. There is room only if the packet would fit with its topic and without
 * an alias, so that what can be sent is not decided by what was. */
static uint8_t *room_for(wq_client *c, wq_publish_packet *p, uint32_t elsewhere, uint64_t *size) {
  uint8_t *dst = wq_output_room(c, (uint32_t)(*size - elsewhere), true); /* wq_publish() saw to it that it may fit */
  if (!dst || !wq_alias_wanted(&c->aliases, p->topic)) return dst;
  const uint32_t hash = wq_intern_hash(&c->topics, p->topic);
  if ((p->alias = wq_alias_find(&c->aliases, p->topic, hash)) != 0) {
    p->topic.len = 0;
    *size = size_of(c, p);
    return dst;
  }
  uint8_t *longer = announce_alias(c, p, hash, elsewhere, size);
  return longer ? longer : wq_output_room(c, (uint32_t)(*size - elsewhere), true); /* the area may have been moved */
}

/* Write a message of `size` bytes as it was just given. False if there is no room, or it is not its turn. */
static inline bool write_new(wq_client *c, wq_publish_packet *p, uint64_t size, uint64_t now_ms) {
  if (turn(c) > now_ms) return false;
  uint8_t *dst = room_for(c, p, 0, &size);
  if (dst) output_add(c, wq_publish_encode(dst, (uint32_t)size, c->negotiated.version, p), now_ms);
  return dst != NULL;
}

/* The same from its cells. */
static bool write_message(wq_client *c, const wq_message *m, uint64_t now_ms) {
  if (turn(c) > now_ms) return false;
  wq_publish_packet p = packet_of(m);
  const bool v5 = c->negotiated.version == WQ_MQTT_5_0;
  uint8_t topic[WQ_ALIAS_TOPIC_MAX];
  if (m->topic_len <= sizeof topic) { /* a longer one needs none in one piece: it has no alias */
    wq_chain_read(&(wq_chain_reader){&c->cells, m->data, 0}, topic, m->topic_len);
    p.topic.data = topic;
  }
  const uint32_t elsewhere = m->host_payload ? m->payload_len : 0;
  uint64_t whole = size_of(c, &p);
  uint8_t *dst = room_for(c, &p, elsewhere, &whole);
  if (!dst) return false;
  const uint32_t size = (uint32_t)(whole - elsewhere);
  const uint32_t props_len = wq_publish_properties_len(&p);
  uint32_t remaining =
      2u + p.topic.len + (m->qos ? 2u : 0u) + m->payload_len + (v5 ? wq_varint_size(props_len) + props_len : 0u);
  /* DUP is for what went out before, with the same id. [M5:4.3.2-2] [M5:4.3.3-2] */
  uint8_t flags = (uint8_t)((m->sent_before ? PUBLISH_DUP : 0u) | (uint32_t)m->qos << 1 | (m->retain ? 1u : 0u));
  uint32_t head = wq_frame_head_write(dst, WQ_PUBLISH, flags, remaining);
  wq_writer w = wq_writer_of(dst + head, size - head);
  wq_chain_reader from = {&c->cells, m->data, 0};
  wq_write_u16(&w, (uint16_t)p.topic.len);
  wq_chain_read(&from, p.topic.len ? w.at : NULL, m->topic_len);
  w.at += p.topic.len;
  if (m->qos) wq_write_u16(&w, m->packet_id);
  if (v5) {
    wq_write_varint(&w, props_len);
    wq_chain_read(&from, w.at, m->props_len);
    wq_expiry_count_down(m, w.at, now_ms);
    w.at += m->props_len;
    if (p.alias) wq_write_alias(&w, p.alias);
  } else { /* queued for 5.0, sent to 3.x: the properties stay behind */
    wq_chain_read(&from, NULL, m->props_len);
  }
  if (!m->host_payload) wq_chain_read(&from, w.at, m->payload_len);
  output_add(c, size, now_ms);
  if (m->host_payload) {
    c->cut_token = m->token;
    c->cut_len = m->payload_len;
  }
  return true;
}

/* A message with QoS 1 or 2, in no list, is under way from now on. */
static void take_off(wq_client *c, uint32_t cell) {
  wq_message *m = wq_message_at(c, cell);
  wq_record_add(c, WQ_RECORD_SENT, m->packet_id, m->token);
  c->quota--;
  m->progress = WQ_SENT;
  wq_list_append(c, &c->inflight, cell);
}

/* A message with QoS 1 or 2 leaves `waiting` for `inflight`. False if something it needs is lacking. `new`: it was just given
 * like this, with its `size`; NULL: before, or its payload is the host's. */
static bool move_acknowledged(wq_client *c, uint32_t cell, wq_publish_packet *new, uint64_t size, uint64_t now_ms) {
  wq_message *m = wq_message_at(c, cell);
  if (turn(c) > now_ms || !quota_left(c) || !wq_packet_id_take(c, cell)) return false;
  if (new) new->packet_id = m->packet_id;
  if (!(new ? write_new(c, new, size, now_ms) : write_message(c, m, now_ms))) {
    wq_packet_id_give(c, m);
    return false;
  }
  wq_list_remove(c, &c->waiting[1], cell);
  take_off(c, cell);
  return true;
}

static bool move_unacknowledged(wq_client *c, uint32_t cell, uint64_t now_ms) {
  wq_message *m = wq_message_at(c, cell);
  if (m->progress != WQ_WAITING || !write_message(c, m, now_ms)) return false;
  if (m->host_payload)
    m->progress = WQ_SENT; /* until the host has sent its bytes, see wq_output_ack() */
  else
    wq_settle_later(c, &c->waiting[0], cell, 0);
  return true;
}

/* A message that was sent on an earlier connection is over a limit of this one. Its id stays taken while the session may
 * know it: the server could have that PUBLISH, and would take the next one with its id for a repeat. */
static void give_up(wq_client *c, uint32_t cell) {
  wq_message *m = wq_message_at(c, cell);
  const uint16_t packet_id = m->packet_id;
  wq_chain_give(&c->cells, m->data); /* of which one becomes the cell that is needed */
  m->data = 0;
  wq_settle_later(c, &c->inflight, cell, WQ_E_SERVER_LIMIT); /* moves again_at on */
  if (m->qos < 2) return;
  const uint32_t kept = wq_message_new(c, WQ_KIND_GIVEN_UP);
  wq_message_at(c, kept)->qos = 2;
  wq_message_at(c, kept)->progress = WQ_SENT;
  wq_packet_id_set(c, kept, packet_id);
  wq_list_prepend(c, &c->inflight, kept);
  c->given_up++;
}

/* What was in flight when the last connection ended goes first: PUBREL, then PUBLISH with DUP, each in its old order.
 * [M3:4.4.0-1] [M5:4.4.0-1] */
static bool send_again(wq_client *c, uint64_t now_ms) {
  while (c->again_at) {
    wq_message *m = wq_message_at(c, c->again_at);
    const wq_publish_packet p = packet_of(m);
    if (m->again && m->progress == WQ_RELEASED) { /* never its PUBLISH [M5:4.3.3-6] */
      if (!wq_output_ack_packet(c, WQ_PUBREL, m->packet_id, 0)) return false;
    } else if (m->again && over_server_limit(c, &p, size_of(c, &p))) {
      give_up(c, c->again_at);
      continue;
    } else if (m->again) {
      if (c->quota <= 0 || !write_message(c, m, now_ms)) return false;
      c->quota--;
    }
    m->again = false;
    c->again_at = m->next;
  }
  return true;
}

void wq_publish_pump(wq_client *c, uint64_t now_ms) {
  if (c->status != WQ_CONNECTED) return; /* [M5:3.1.2-30] */
  wq_owed_flush(c);
  if (!send_again(c, now_ms)) return;
  for (int lane = 1; lane >= 0; lane--) {
    uint32_t cell;
    while ((cell = c->waiting[lane].first) != 0) {
      wq_message *m = wq_message_at(c, cell);
      wq_publish_packet p = packet_of(m);
      if (wq_expired(m, now_ms))
        wq_settle_later(c, &c->waiting[lane], cell, WQ_E_EXPIRED);
      else if (m->progress == WQ_WAITING && over_server_limit(c, &p, size_of(c, &p)))
        wq_settle_later(c, &c->waiting[lane], cell, WQ_E_SERVER_LIMIT);
      else if (!(lane ? move_acknowledged(c, cell, NULL, 0, now_ms) : move_unacknowledged(c, cell, now_ms)))
        break;
    }
  }
}

static bool fits_now(const wq_client *c, uint32_t cell) {
  const wq_message *m = wq_message_at(c, cell);
  const wq_publish_packet p = packet_of(m);
  const uint64_t size = size_of(c, &p);
  return over_server_limit(c, &p, size) ||
         size - (m->host_payload ? m->payload_len : 0) + WQ_OUTPUT_RESERVE <= wq_output_free(c);
}

uint64_t wq_publish_deadline(const wq_client *c) {
  if (c->status != WQ_CONNECTED || c->cut_token) return UINT64_MAX;
  if (wq_owed_can_leave(c)) return 0;
  for (uint32_t cell = c->again_at; cell; cell = wq_message_at(c, cell)->next) {
    const wq_message *m = wq_message_at(c, cell);
    if (m->again && m->progress == WQ_RELEASED) return wq_output_free(c) >= 8 ? 0 : UINT64_MAX;
    if (m->again) return c->quota > 0 && fits_now(c, cell) ? turn(c) : UINT64_MAX;
  }
  const bool can_move = (c->waiting[1].first && quota_left(c) && fits_now(c, c->waiting[1].first)) ||
                        (c->waiting[0].first && fits_now(c, c->waiting[0].first));
  return can_move ? turn(c) : UINT64_MAX;
}

void wq_publish_resume(wq_client *c, bool session_present) {
  if (session_present) {
    for (uint32_t cell = c->inflight.last, n = c->inflight.count, before; n; cell = before, n--) {
      wq_message *m = wq_message_at(c, cell);
      before = m->prev;
      m->again = m->kind == WQ_KIND_PUBLISH || m->progress == WQ_RELEASED;
      m->sent_before = m->progress == WQ_SENT; /* [M3:3.3.1-1] [M5:3.3.1-1] */
      if (m->progress != WQ_RELEASED) continue;
      /* PUBREL waits for no quota [M5:4.9.0-3], so it goes before what may have to; but its message counts until PUBCOMP
       * [M5:3.3.4-7]. */
      c->quota--;
      wq_list_remove(c, &c->inflight, cell);
      wq_list_prepend(c, &c->inflight, cell);
    }
    c->again_at = c->inflight.first;
    return;
  }
  /* From the last to the first, so that what goes back into the queue is there in its old order. */
  for (uint32_t cell = c->inflight.last, before; cell; cell = before) {
    wq_message *m = wq_message_at(c, cell);
    before = m->prev;
    if (m->kind == WQ_KIND_GIVEN_UP) {
      wq_forget(c, &c->inflight, cell);
    } else if (m->progress == WQ_RELEASED) {
      wq_settle_later(c, &c->inflight, cell, 0); /* PUBREC said that the server has it */
    } else if (!m->resend) {
      wq_settle_later(c, &c->inflight, cell, WQ_E_OUTCOME_UNKNOWN);
    } else {
      wq_list_remove(c, &c->inflight, cell);
      wq_packet_id_give(c, m);
      m->progress = WQ_WAITING;
      m->sent_before = m->again = false;
      wq_list_prepend(c, &c->waiting[1], cell);
      wq_expiry_resume(c, m);
    }
  }
}

static wq_publish_packet packet_to_be(const wq_publish_args *args) {
  return (wq_publish_packet){.qos = args->qos,
                             .retain = args->retain,
                             .topic = args->topic,
                             .properties = args->properties,
                             .payload = args->payload};
}

int wq_publish_check(const wq_client *c, const wq_publish_args *args, uint64_t *size) {
  if (args->size < sizeof *args || args->qos > 2 || args->resend > WQ_RESEND_NEVER ||
      (!args->host_payload && args->payload.len > WQ_PAYLOAD_MAX))
    return WQ_E_ARG;
  if (!wq_topic_name_valid(args->topic)) return WQ_E_TOPIC;
  if (args->properties.len) {
    wq_property alias;
    if (wq_properties_check(args->properties, 1u << WQ_PUBLISH) ||
        wq_properties_find(args->properties, WQ_P_TOPIC_ALIAS, &alias) ||
        wq_properties_find(args->properties, WQ_P_SUBSCRIPTION_IDENTIFIER, &alias)) /* [M5:3.3.4-6] */
      return WQ_E_PROPERTY;
    if (c->status == WQ_CONNECTED && c->negotiated.version < WQ_MQTT_5_0) return WQ_E_PROPERTY;
  }
  /* What would never fit is not kept; with the length of properties, which the connection it waits for may need. */
  const wq_publish_packet p = packet_to_be(args);
  *size = wq_publish_size(WQ_MQTT_5_0, &p);
  const uint64_t here = *size - (args->host_payload ? args->payload.len : 0);
  return here + WQ_OUTPUT_RESERVE > c->config.output_size ? WQ_E_ARG : 0;
}

/* The message in cells of its own, which are there; in no list, and without a time when it expires. */
static uint32_t copy_message(wq_client *c, const wq_publish_args *args) {
  const uint32_t cell = wq_message_new(c, WQ_KIND_PUBLISH);
  wq_chain_writer w = {.cells = &c->cells};
  wq_chain_append(&w, args->topic);
  wq_chain_append(&w, args->properties);
  if (!args->host_payload) wq_chain_append(&w, args->payload);
  wq_message *m = wq_message_at(c, cell);
  m->data = w.first;
  m->topic_len = (uint16_t)args->topic.len;
  m->props_len = args->properties.len;
  m->payload_len = args->payload.len;
  m->qos = args->qos;
  m->retain = args->retain;
  m->host_payload = args->host_payload;
  m->resend = args->resend ? args->resend == WQ_RESEND_ALWAYS : args->qos < 2;
  return cell;
}

uint32_t wq_enqueue(wq_client *c, const wq_publish_args *args, uint64_t now_ms, int *error) {
  if (c->waiting[0].count + c->waiting[1].count + c->inflight.count >= c->config.queue_max) {
    *error = WQ_E_FULL;
    return 0;
  }
  uint64_t bytes = (uint64_t)args->topic.len + args->properties.len + (args->host_payload ? 0 : args->payload.len);
  if (c->cells.available < 1 + wq_chain_cells(bytes)) {
    *error = wq_cells_can_grow(&c->cells) ? WQ_E_MEMORY : WQ_E_FULL;
    if (*error == WQ_E_MEMORY) wq_want(c, WQ_WANT_CELLS, WQ_BLOCK_SIZE);
    return 0;
  }
  const uint32_t cell = copy_message(c, args);
  wq_expiry_start(c, wq_message_at(c, cell), args->properties, now_ms);
  wq_list_append(c, &c->waiting[args->qos ? 1 : 0], cell);
  return cell;
}

_Static_assert(WQ_QUEUE_HEAD >= 2 * WQ_CHAIN_BYTES, "a cell for the message, and one that is not full");

/* What send_plain() sends with QoS 1 or 2 is in flight from the beginning: its cell; 0 if something that it needs is
 * lacking. */
static uint32_t track_plain(wq_client *c, const wq_publish_args *args) {
  if (c->again_at || c->waiting[0].count + c->inflight.count >= c->config.queue_max || !quota_left(c)) return 0;
  if (c->cells.available < 1 + wq_chain_cells((uint64_t)args->topic.len + args->payload.len)) return 0;
  const uint32_t cell = copy_message(c, args);
  if (!wq_packet_id_take(c, cell)) {
    wq_message_free(c, cell);
    return 0;
  }
  wq_message_at(c, cell)->expires = WQ_NEVER;
  take_off(c, cell);
  return cell;
}

/* What nearly all messages are: nothing waits before them, and they have no properties. Returns as wq_publish(), or
 * WQ_E_ARG: this is no such message, or not a good one. */
static int send_plain(wq_client *c, const wq_publish_args *args, uint64_t now_ms) {
  const wq_bytes topic = args->topic, payload = args->payload;
  if (args->size < sizeof *args || args->qos > c->negotiated.maximum_qos || args->resend > WQ_RESEND_NEVER ||
      args->retain || args->host_payload || args->properties.len || payload.len > WQ_PAYLOAD_MAX)
    return WQ_E_ARG;
  if (c->status != WQ_CONNECTED || c->waiting[args->qos ? 1 : 0].first || c->config.publish_rate) return WQ_E_ARG;
  if (wq_alias_wanted(&c->aliases, topic) || !wq_topic_name_valid(topic)) return WQ_E_ARG;
  const uint32_t most = 5 + 2 + topic.len + 2 + 1 + payload.len;
  uint8_t *dst = most <= c->negotiated.maximum_packet_size ? wq_output_room(c, most, true) : NULL;
  if (!dst) return WQ_E_ARG;
  if (now_ms > c->now) c->now = now_ms;
  uint32_t token = 0;
  uint16_t packet_id = 0;
  if (args->qos) {
    const uint32_t cell = track_plain(c, args);
    if (!cell) return WQ_E_ARG;
    token = wq_message_at(c, cell)->token;
    packet_id = wq_message_at(c, cell)->packet_id;
  }
  const uint8_t version = c->negotiated.version;
  wq_output_add(c, wq_publish_plain_encode(dst, version, args->qos, packet_id, topic, payload), now_ms);
  return (int)token;
}

int wq_publish(wq_client *client, const wq_publish_args *args, uint64_t now_ms) {
  wq_client *c = client;
  const int sent = send_plain(c, args, now_ms);
  if (sent >= 0) return sent;
  uint64_t size;
  int error = wq_publish_check(c, args, &size);
  if (error) return error;
  if (c->status == WQ_DISCONNECTING || (args->qos == 0 && c->status != WQ_CONNECTED)) return WQ_E_STATE;
  if (now_ms > c->now) c->now = now_ms;
  wq_publish_packet p = packet_to_be(args);
  if (c->status == WQ_CONNECTED) {
    if (c->negotiated.version < WQ_MQTT_5_0) size = size_of(c, &p);
    if (over_server_limit(c, &p, size)) return WQ_E_SERVER_LIMIT;
    if (args->qos == 0 && !args->host_payload && !c->waiting[0].first && write_new(c, &p, size, now_ms)) return 0;
  }
  uint32_t cell = wq_enqueue(c, args, now_ms, &error);
  if (!cell) return error;
  uint32_t token = wq_message_at(c, cell)->token;
  if (c->status == WQ_CONNECTED && !c->again_at && c->waiting[args->qos ? 1 : 0].first == cell) {
    if (args->qos)
      move_acknowledged(c, cell, args->host_payload ? NULL : &p, size, now_ms);
    else
      move_unacknowledged(c, cell, now_ms);
  }
  return (int)token;
}

/* Topic aliases need no look: they are given only where the packet fits without. */
uint32_t wq_publish_room(const wq_client *client) {
  const wq_client *c = client;
  const uint32_t left = wq_output_free(c);
  const bool limited = c->config.publish_rate || c->negotiated.maximum_packet_size < c->config.output_size;
  if (c->status != WQ_CONNECTED || c->waiting[0].first || limited || left < WQ_OUTPUT_RESERVE) return 0;
  return left - WQ_OUTPUT_RESERVE;
}

uint32_t wq_queue_room(const wq_client *client) {
  const wq_client *c = client;
  const uint32_t count = c->waiting[0].count + c->waiting[1].count + c->inflight.count;
  if (count >= c->config.queue_max) return 0;
  const uint64_t messages = (uint64_t)(c->config.queue_max - count) * WQ_QUEUE_HEAD;
  const uint64_t bytes = (uint64_t)c->cells.available * WQ_CHAIN_BYTES;
  return (uint32_t)(messages < bytes ? messages : bytes);
}

void wq_hold(wq_client *client, bool held) { client->held = held; }
