/* SPDX-License-Identifier: MIT
 * Between the open WebSocket and the core: memory, output, input, events, and payloads too large for the core. The clock is
 * read for every call to the core, since a callback in between may have given it a later time. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum { CORE_PAYLOAD_MAX = 16384 }; /* wq_publish_args.payload */

static int no_memory(wqn_client *c) {
  return wqn_fail(&c->failure, WQN_MEMORY, 0, "no memory left for the connection to %s", c->url.authority);
}

bool wqn_exchange_stopped(const wqn_client *c) { return c->close_wanted || c->freed; }

/* ------------------------------------------------------------------------------------------------ memory */

/* Give the core the block that its last WQ_E_MEMORY asked for. */
static bool give_memory(wqn_client *c) {
  size_t wanted = wq_memory_wanted(c->core);
  if (wanted == 0 || wanted > SIZE_MAX - sizeof(wqn_block) - 15) return false;
  size_t size = (sizeof(wqn_block) + wanted + 15) & ~(size_t)15;
  wqn_block *block = aligned_alloc(16, size);
  if (!block) return false;
  if (wq_add_memory(c->core, block + 1, size - sizeof *block) != 0) {
    free(block);
    return false;
  }
  block->next = c->blocks;
  c->blocks = block;
  return true;
}

static void drop_payload(wqn_client *c, uint32_t token) {
  for (wqn_payload **at = &c->payloads; *at; at = &(*at)->next) {
    if ((*at)->token != token) continue;
    wqn_payload *payload = *at;
    *at = payload->next;
    free(payload);
    return;
  }
}

static const wqn_payload *find_payload(const wqn_client *c, uint32_t token) {
  const wqn_payload *payload = c->payloads;
  while (payload && payload->token != token)
    payload = payload->next;
  return payload;
}

static void drop_assembly(wqn_client *c) {
  free(c->assembly.buffer);
  c->assembly = (wqn_assembly){0};
}

void wqn_exchange_free(wqn_client *c) {
  drop_assembly(c);
  while (c->payloads)
    drop_payload(c, c->payloads->token);
  while (c->blocks) {
    wqn_block *block = c->blocks;
    c->blocks = block->next;
    free(block);
  }
}

/* ------------------------------------------------------------------------------------------------ output */

/* Copy up to `room` bytes of what the core has to say. A payload of ours follows the bytes that lead to it; they are
 * acknowledged together, as the core wants it. */
static size_t gather(wqn_client *c, uint8_t *batch, size_t room) {
  size_t used = 0;
  while (used < room) {
    wq_output_view view;
    wq_output(c->core, &view);
    if (view.len == 0 && view.token == 0) break;

    size_t n = view.len - c->data_queued;
    if (n > room - used) n = room - used;
    memcpy(batch + used, view.data + c->data_queued, n);
    used += n;
    if (view.token == 0) {
      wq_output_ack(c->core, (uint32_t)n);
      continue;
    }
    c->data_queued += (uint32_t)n;
    if (c->data_queued < view.len) break;

    const wqn_payload *payload = find_payload(c, view.token);
    n = view.payload_len - c->payload_queued;
    if (n > room - used) n = room - used;
    memcpy(batch + used, payload->bytes + c->payload_queued, n);
    used += n;
    c->payload_queued += (uint32_t)n;
    if (c->payload_queued < view.payload_len) break;
    wq_output_ack(c->core, view.len);
    c->data_queued = c->payload_queued = 0;
  }
  return used;
}

int wqn_exchange_flush(wqn_client *c) {
  for (;;) {
    wqn_ws_flush(&c->ws);
    if (c->ws.ended || wqn_ws_blocked(&c->ws)) return 0;
    size_t n = gather(c, c->loop->batch, sizeof c->loop->batch);
    if (n == 0) return 0;
    if (wqn_ws_send(&c->ws, c->loop->batch, n)) return no_memory(c);
  }
}

/* ------------------------------------------------------------------------------------------------ events */

/* Where an event's offsets point to, and how far they may reach. */
typedef struct area {
  const uint8_t *bytes;
  size_t length;
} area;

static wq_bytes view_of(area a, uint32_t off, uint32_t length) {
  if (off > a.length || length > a.length - off) return (wq_bytes){0}; /* a bug of the core's must not become ours */
  return (wq_bytes){a.bytes + off, length};
}

/* The properties behind the length that stands at `off`. */
static wq_bytes properties_of(area a, uint32_t off) {
  uint32_t length = 0;
  if (off == WQ_NO_PROPS) return (wq_bytes){0};
  for (unsigned shift = 0; shift < 28 && off < a.length; shift += 7) {
    uint8_t byte = a.bytes[off++];
    length |= (uint32_t)(byte & 0x7F) << shift;
    if (!(byte & 0x80)) return view_of(a, off, length);
  }
  return (wq_bytes){0};
}

static void deliver(wqn_client *c, const wqn_message *message, uint32_t handle) {
  if (c->callbacks.on_message) c->callbacks.on_message(c, message, c->callbacks.user);
  if (handle && !wqn_exchange_stopped(c)) wq_ack(c->core, handle, 0, wqn_now());
}

static bool assembly_add(wqn_assembly *a, const uint8_t *bytes, size_t length) {
  if (length > a->room - a->used) {
    /* Grow with what has come; a length that a packet declares reserves nothing. */
    size_t room = a->used + length > 2 * a->room ? a->used + length : 2 * a->room;
    uint8_t *buffer = realloc(a->buffer, room);
    if (!buffer) return false;
    a->buffer = buffer;
    a->room = room;
  }
  if (length > 0) memcpy(a->buffer + a->used, bytes, length);
  a->used += length;
  return true;
}

static bool assembly_start(wqn_client *c, const wq_event *event, wq_bytes topic, wq_bytes properties, area fed) {
  wqn_assembly *a = &c->assembly;
  drop_assembly(c);
  a->flags = event->flags;
  a->topic_length = topic.len;
  a->properties_length = properties.len;
  size_t off = event->off < fed.length ? event->off : fed.length;
  return assembly_add(a, topic.data, topic.len) && assembly_add(a, properties.data, properties.len) &&
         assembly_add(a, fed.bytes + off, fed.length - off);
}

static void assembly_deliver(wqn_client *c, uint32_t handle) {
  wqn_assembly a = c->assembly;
  size_t head = (size_t)a.topic_length + a.properties_length;
  wqn_message message = {
      .topic = {a.buffer, a.topic_length},
      .properties = {a.buffer + a.topic_length, a.properties_length},
      .payload = {a.buffer + head, (uint32_t)(a.used - head)},
      .qos = a.flags & WQ_EVF_QOS,
      .retain = (a.flags & WQ_EVF_RETAIN) != 0,
      .dup = (a.flags & WQ_EVF_DUP) != 0,
  };
  c->assembly = (wqn_assembly){0};
  deliver(c, &message, handle);
  free(a.buffer);
}

/* What the connection dies of, where an event says so. */
static int verdict_of(wqn_client *c, const wq_event *event) {
  const char *server = c->url.authority;
  if (event->type == WQ_EV_CONNACK && WQ_EVENT_RESULT(event) != 0)
    return wqn_fail(&c->failure, WQN_MQTT, WQ_EVENT_RESULT(event), "%s refused the MQTT connection: %s", server,
                    wq_reason_name(WQ_CONNACK, c->connect.version, WQ_REFUSED_REASON(WQ_EVENT_RESULT(event))));
  if (event->type == WQ_EV_DISCONNECT)
    return wqn_fail(&c->failure, WQN_MQTT, WQ_REFUSED(event->reason), "%s disconnected: %s", server,
                    wq_reason_name(WQ_DISCONNECT, c->connect.version, event->reason));
  return 0;
}

static int handle_event(wqn_client *c, const wq_event *event, area fed, area carry) {
  area base = event->flags & WQ_EVF_CARRY ? carry : fed;
  wq_bytes properties = properties_of(base, event->props_off);
  if (event->type == WQ_EV_PUBLISH) {
    wq_bytes topic = view_of(base, event->topic_off, event->topic_len);
    if (event->flags & WQ_EVF_STREAM) return assembly_start(c, event, topic, properties, fed) ? 0 : no_memory(c);
    wqn_message message = {
        .topic = topic,
        .properties = properties,
        .payload = view_of(base, event->off, event->len),
        .qos = event->flags & WQ_EVF_QOS,
        .retain = (event->flags & WQ_EVF_RETAIN) != 0,
        .dup = (event->flags & WQ_EVF_DUP) != 0,
    };
    deliver(c, &message, event->aux);
    return 0;
  }
  if (event->type == WQ_EV_PAYLOAD) {
    if (c->assembly.buffer) assembly_deliver(c, event->aux);
    return 0;
  }
  if (event->type == WQ_EV_CONNACK && WQ_EVENT_RESULT(event) == 0) {
    c->connected_at = wqn_now();
    wq_accept(c->core, wqn_now()); /* this host has no method that has the server prove itself */
  }
  bool codes = event->type == WQ_EV_SUBACK || event->type == WQ_EV_UNSUBACK;
  wq_bytes body = codes ? view_of(base, event->off, event->len) : (wq_bytes){0};
  if (c->callbacks.on_event) c->callbacks.on_event(c, event, body, properties, c->callbacks.user);
  if (event->type == WQ_EV_SETTLED) drop_payload(c, event->aux);
  return verdict_of(c, event);
}

/* The events of the last input call, whose data was fed. */
static int dispatch(wqn_client *c, area fed) {
  size_t count;
  area carry;
  const wq_event *events = wq_events(c->core, &count);
  carry.bytes = wq_carry(c->core, &carry.length);
  for (size_t i = 0; i < count && !wqn_exchange_stopped(c); i++) {
    if (handle_event(c, &events[i], fed, carry)) return -1;
  }
  return 0;
}

/* An error of the core's, as ours. */
static int core_failed(wqn_client *c, int error) {
  return wqn_fail(&c->failure, WQN_MQTT, error, "%s: %s", c->url.authority, wq_error_text(error));
}

/* ------------------------------------------------------------------------------------------------ input calls */

static const area nothing = {0};

int wqn_exchange_start(wqn_client *c) {
  int result;
  c->in_taken = 0;
  c->data_queued = c->payload_queued = 0;
  while ((result = wq_connect(c->core, &c->connect, wqn_now())) == WQ_E_MEMORY) {
    if (!give_memory(c)) return no_memory(c);
  }
  if (result) return wqn_fail(&c->failure, WQN_OPTIONS, result, "the connection's options: %s", wq_error_text(result));
  return dispatch(c, nothing);
}

int wqn_exchange_tick(wqn_client *c) {
  int result;
  if (wq_deadline(c->core) > wqn_now()) return 0;
  while ((result = wq_tick(c->core, wqn_now())) == WQ_E_MEMORY) {
    if (!give_memory(c)) return no_memory(c);
  }
  if (dispatch(c, nothing)) return -1;
  return result ? core_failed(c, result) : 0;
}

/* Bytes of a payload that the core leaves to us. */
static int take_skipped(wqn_client *c, const uint8_t *bytes, size_t left, uint32_t skip) {
  uint32_t n = left < skip ? (uint32_t)left : skip;
  if (c->assembly.buffer && !assembly_add(&c->assembly, bytes, n)) return no_memory(c);
  c->in_taken += n;
  wq_skipped(c->core, n, wqn_now());
  return dispatch(c, nothing);
}

int wqn_exchange_feed(wqn_client *c) {
  bool stuck = false;
  while (c->in_taken < c->ws.in_length && !wqn_exchange_stopped(c)) {
    const uint8_t *bytes = c->ws.in + c->in_taken;
    size_t left = c->ws.in_length - c->in_taken;
    uint32_t skip = wq_skip(c->core);
    if (skip > 0) {
      if (take_skipped(c, bytes, left, skip)) return -1;
      continue;
    }
    int64_t taken = wq_feed(c->core, bytes, left, wqn_now());
    if (taken == WQ_E_MEMORY) {
      if (!give_memory(c)) return no_memory(c);
      continue;
    }
    if (dispatch(c, (area){bytes, taken > 0 ? (size_t)taken : left})) return -1;
    if (taken < 0) return core_failed(c, (int)taken);
    c->in_taken += (size_t)taken;
    if (wqn_exchange_flush(c)) return -1;
    /* It may have waited for its events to be read, or its output to be sent. If it still takes nothing, it waits for what
     * only time brings. */
    if (taken == 0 && (stuck || wqn_ws_blocked(&c->ws))) return 0;
    stuck = taken == 0;
  }
  c->in_taken = 0;
  c->ws.in_length = 0;
  return 0;
}

void wqn_exchange_lost(wqn_client *c) {
  drop_assembly(c);
  if (wq_client_status(c->core) == WQ_IDLE) return;
  wq_lost(c->core, wqn_now());
  dispatch(c, nothing); /* it cannot fail twice */
}

/* ------------------------------------------------------------------------------------------------ work */

int wqn_publish(wqn_client *c, const wq_publish_args *args) {
  wqn_payload *payload = NULL;
  wq_publish_args mine = *args;
  if (args->payload.len > CORE_PAYLOAD_MAX) {
    payload = malloc(sizeof *payload + args->payload.len);
    if (!payload) return WQ_E_MEMORY;
    memcpy(payload->bytes, args->payload.data, args->payload.len);
    payload->length = args->payload.len;
    mine.host_payload = true;
  }
  int result;
  do
    result = wq_publish(c->core, &mine, wqn_now());
  while (result == WQ_E_MEMORY && give_memory(c));
  if (payload && result > 0) {
    payload->token = (uint32_t)result;
    payload->next = c->payloads;
    c->payloads = payload;
  } else {
    free(payload);
  }
  c->attention = true;
  return result;
}

int wqn_subscribe(wqn_client *c, const wq_subscription *subscriptions, size_t count, wq_bytes properties) {
  int result;
  do
    result = wq_subscribe(c->core, subscriptions, count, properties, wqn_now());
  while (result == WQ_E_MEMORY && give_memory(c));
  c->attention = true;
  return result;
}

int wqn_unsubscribe(wqn_client *c, const wq_bytes *filters, size_t count, wq_bytes properties) {
  int result;
  do
    result = wq_unsubscribe(c->core, filters, count, properties, wqn_now());
  while (result == WQ_E_MEMORY && give_memory(c));
  c->attention = true;
  return result;
}
