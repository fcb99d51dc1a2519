/* SPDX-License-Identifier: MIT
 * Acknowledgements that we owe the server. They leave in the order in which the messages came, whatever order the host
 * handles them in: a ring of handles, flushed from its start while entries are ready. [M3:4.6.0-2] [M3:4.6.0-3]
 * [M5:4.6.0-2] [M5:4.6.0-3]
 *
 * PUBACK and PUBREC repeat the id [M3:3.3.4-1] [M5:3.3.4-1] [M3:4.3.2-2] [M5:4.3.2-4] [M5:4.3.3-8]. A QoS 1 message is
 * forgotten with its PUBACK, so that its id means a new one [M5:4.3.2-5]. What time a message had left changes nothing
 * here [M5:4.3.3-13].
 *
 * A QoS 2 PUBLISH is in `handling` from its arrival to its PUBREC and in `received` from then to its PUBREL, so it reaches
 * the host once [M3:4.3.3-2] [M5:4.3.3-10]. That the host was done with it is recorded at once, whether PUBREC can leave
 * already or not. */
#include "client.h"

#include "../codec/reasons.h"

#include <string.h>

static wq_owed *owed_at(const wq_client *c, uint32_t handle) { return &c->owed[handle / 2 & (c->owed_n - 1)]; }

/* The next that may leave, or NULL. */
static wq_owed *next_ready(const wq_client *c) {
  wq_owed *owed = owed_at(c, c->owed_first);
  return c->status == WQ_CONNECTED && c->owed_first != c->owed_next && owed->ready ? owed : NULL;
}

/* Bytes of a packet with properties, and those of it behind the fixed header. */
static uint32_t remaining(uint32_t props_len) { return 3 + wq_varint_size(props_len) + props_len; }
static uint32_t size_with(uint32_t props_len) {
  return 1 + wq_varint_size(remaining(props_len)) + remaining(props_len);
}

bool wq_owed_can_leave(const wq_client *c) {
  const wq_owed *owed = next_ready(c);
  return owed && wq_output_free(c) >= (owed->props_len ? size_with(owed->props_len) : 8); /* see write_ack() */
}

/* Is this a message that must not be told again? One refused is not: its id means a new message [M5:4.3.3-9]. */
static bool done(const wq_owed *owed) { return owed->qos == 2 && owed->ready && owed->reason < 0x80; }

static void ready(wq_client *c, wq_owed *owed, uint8_t reason) {
  owed->ready = true;
  owed->reason = reason;
  if (owed->qos == 2 && !owed->repeat)
    wq_record_add(c, done(owed) ? WQ_RECORD_RECEIVED : WQ_RECORD_COMPLETED, owed->packet_id, 0);
}

uint32_t wq_owe(wq_client *c, uint16_t packet_id, uint8_t qos, bool is_ready, bool repeat) {
  uint32_t handle = c->owed_next;
  c->owed_next += 2;
  wq_owed *owed = owed_at(c, handle);
  *owed = (wq_owed){.packet_id = packet_id, .qos = qos, .repeat = repeat};
  if (qos == 2 && !repeat) wq_bit_set(c->handling, packet_id);
  if (is_ready) ready(c, owed, 0);
  return handle;
}

uint16_t wq_owed_packet_id(const wq_client *c, uint32_t handle) { return handle ? owed_at(c, handle)->packet_id : 0; }

/* PUBREC is sent: the message is ours from here to PUBREL, unless it was refused. */
static void received(wq_client *c, const wq_owed *owed) {
  if (owed->repeat) return;
  wq_bit_clear(c->handling, owed->packet_id);
  if (!done(owed)) return;
  wq_bit_set(c->received, owed->packet_id);
  c->unreleased++;
}

static void forget_properties(wq_client *c, wq_owed *owed) {
  wq_chain_give(&c->cells, owed->props);
  owed->props = owed->props_len = 0;
}

static bool write_ack(wq_client *c, const wq_owed *owed) {
  const uint8_t type = owed->qos == 2 ? WQ_PUBREC : WQ_PUBACK;
  const uint32_t n = owed->props_len, size = size_with(n);
  if (!n) return wq_output_ack_packet(c, type, owed->packet_id, owed->reason); /* of 8 bytes at most */
  uint8_t *dst = wq_output_room(c, size, false);
  if (!dst) return false;
  const uint32_t head = wq_frame_head_write(dst, type, 0, remaining(n));
  wq_writer w = wq_writer_of(dst + head, size - head);
  wq_write_u16(&w, owed->packet_id);
  wq_write_u8(&w, owed->reason);
  wq_write_varint(&w, n);
  wq_chain_read(&(wq_chain_reader){&c->cells, owed->props, 0}, w.at, n);
  wq_output_add(c, size, c->now);
  return true;
}

void wq_owed_flush(wq_client *c) {
  for (wq_owed *owed; (owed = next_ready(c)) != NULL; c->owed_first += 2) {
    if (!write_ack(c, owed)) return;
    forget_properties(c, owed);
    if (owed->qos == 2) received(c, owed);
  }
}

void wq_owed_forget(wq_client *c) {
  for (; c->owed_first != c->owed_next; c->owed_first += 2) {
    wq_owed *owed = owed_at(c, c->owed_first);
    forget_properties(c, owed);
    /* Its PUBREC had to wait for another's acknowledgement. That of a repeat has: its id may be free by now. */
    if (done(owed) && !owed->repeat) wq_bit_set(c->received, owed->packet_id);
  }
  c->unreleased = 0;
  memset(c->handling, 0, WQ_PACKET_ID_BYTES);
}

void wq_received_forget(wq_client *c) { memset(c->received, 0, WQ_PACKET_ID_BYTES); }

/* Keep the properties until their packet can leave; those that would make it too large for the server are left out.
 * [M5:3.4.2-2] [M5:3.4.2-3] [M5:3.5.2-2] [M5:3.5.2-3] */
static int keep_properties(wq_client *c, wq_owed *owed, wq_bytes properties) {
  if (!properties.len) return 0;
  if (c->negotiated.version < WQ_MQTT_5_0 || wq_properties_check(properties, 1u << WQ_PUBACK)) /* PUBREC has the same */
    return WQ_E_PROPERTY;
  if (properties.len > c->config.output_size || size_with(properties.len) + WQ_OUTPUT_RESERVE > c->config.output_size)
    return WQ_E_ARG;
  if (size_with(properties.len) > c->negotiated.maximum_packet_size) return 0;
  if (c->cells.available < wq_chain_cells(properties.len)) {
    if (!wq_cells_can_grow(&c->cells)) return WQ_E_FULL;
    wq_want(c, WQ_WANT_CELLS, WQ_BLOCK_SIZE);
    return WQ_E_MEMORY;
  }
  wq_chain_writer w = {.cells = &c->cells};
  wq_chain_append(&w, properties);
  owed->props = w.first;
  owed->props_len = properties.len;
  return 0;
}

int wq_ack_with(wq_client *client, uint32_t handle, uint8_t reason, wq_bytes properties, uint64_t now_ms) {
  wq_client *c = client;
  if (handle % 2 == 0 || (int32_t)(handle - c->owed_next) >= 0) return WQ_E_ARG;
  if ((int32_t)(handle - c->owed_first) < 0) return 0; /* its connection ended */
  if (reason && (reason < 0x80 || !wq_reason_listed(WQ_PUBACK, c->negotiated.version, reason)))
    return WQ_E_ARG; /* [M5:3.4.2-1] [M5:3.5.2-1]: PUBREC has the same codes */
  wq_owed *owed = owed_at(c, handle);
  if (owed->ready) return 0;
  const int error = keep_properties(c, owed, properties);
  if (error) return error;
  ready(c, owed, reason);
  if (now_ms > c->now) c->now = now_ms;
  wq_owed_flush(c);
  return 0;
}

int wq_ack(wq_client *client, uint32_t handle, uint8_t reason, uint64_t now_ms) {
  return wq_ack_with(client, handle, reason, (wq_bytes){NULL, 0}, now_ms);
}
