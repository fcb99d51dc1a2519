/* SPDX-License-Identifier: MIT
 * Bytes to packets, wherever they are cut [M3:6.0.0-2] [M5:6.0.0-2]. A packet that lies whole in the fed data is decoded where it is. One that was cut is put together in
 * the carry, but for the payload of a large PUBLISH, which the host passes over (wq_skip). Lengths that a packet declares
 * reserve nothing: the carry grows as bytes come.
 *
 * The carry holds [0..carry_done) a packet that events point into, then [carry_done..carry_n) the beginning of the next. */
#include "client.h"

#include <string.h>

/* Is all further input ignored? */
static bool over(const wq_client *c) { return c->status == WQ_DISCONNECTING || c->status == WQ_FAILED; }

/* Can one more packet be handled: room for its events, its records, and the answer it may call for? */
static bool ready(const wq_client *c) {
  return wq_events_room(c, WQ_EVENTS_PER_PACKET) && wq_output_free(c) >= WQ_OUTPUT_RESERVE && !wq_owed_full(c) &&
         wq_records_room(c) && !c->confirming;
}

/* Too large for us: in 5.0 the server's fault; in 3.x a PUBLISH is passed over, and nothing else can be so large.
 * Whatever made it so large: [M5:3.2.2-19] [M5:3.2.2-20] [M5:3.4.2-2] [M5:3.4.2-3] [M5:3.5.2-2] [M5:3.5.2-3] [M5:3.6.2-2]
 * [M5:3.6.2-3] [M5:3.7.2-2] [M5:3.7.2-3] [M5:3.9.2-1] [M5:3.9.2-2] [M5:3.11.2-1] [M5:3.11.2-2] [M5:3.14.2-3]
 * [M5:3.14.2-4] [M5:3.15.2-2] [M5:3.15.2-3] */
static bool too_large(const wq_client *c, const wq_frame *frame) {
  return frame->header + frame->remaining > c->config.packet_size_max &&
         (c->negotiated.version == WQ_MQTT_5_0 || frame->type != WQ_PUBLISH); /* [M5:3.1.2-24] */
}

static int read_frame(const wq_client *c, wq_bytes bytes, wq_frame *frame) {
  int got = wq_frame_read(bytes, c->negotiated.version, frame);
  return got > 0 && too_large(c, frame) ? WQ_E_PACKET_SIZE : got;
}

/* The fed data goes on into the payload of a PUBLISH: take what is there, leave the rest to the host. */
static size_t stream(wq_client *c, size_t available) {
  size_t part = c->skip < available ? c->skip : available;
  c->skip -= (uint32_t)part;
  return part;
}

static void stream_end(wq_client *c) {
  if (c->skip_discard) {
    if (c->skip_handle) wq_ack(c, c->skip_handle, 0, c->now);
    return;
  }
  wq_event *event = wq_event_add(c, WQ_EV_PAYLOAD);
  event->aux = c->skip_handle;
  event->packet_id = wq_owed_packet_id(c, c->skip_handle);
}

static bool streams(const wq_client *c, const wq_frame *frame) {
  return frame->type == WQ_PUBLISH &&
         (frame->remaining > c->config.stream_min || frame->header + frame->remaining > c->config.packet_size_max);
}

static int handle(wq_client *c, const wq_frame *frame, wq_bytes packet, wq_origin origin, uint64_t now_ms) {
  const wq_bytes body = {packet.data + frame->header, frame->remaining};
  return frame->type == WQ_PUBLISH ? wq_receive_publish(c, frame, body, &origin)
                                   : wq_receive(c, frame, body, origin, now_ms);
}

/* Copy until the carry's packet has `until` bytes. False: the fed data ends before. WQ_E_MEMORY if the carry is full. */
static int carry_until(wq_client *c, uint32_t until, const uint8_t *data, size_t length, size_t *at) {
  uint32_t have = c->carry_n - c->carry_done;
  if (have >= until) return 1;
  size_t part = until - have < length - *at ? until - have : length - *at;
  if (c->carry_n + part > c->carry_size) {
    uint32_t size = c->carry_size;
    while (size < c->carry_n + part)
      size *= 2;
    wq_want(c, WQ_WANT_CARRY, size);
    return WQ_E_MEMORY;
  }
  memcpy(c->carry + c->carry_n, data + *at, part);
  c->carry_n += (uint32_t)part;
  *at += part;
  return have + part >= until;
}

/* As carry_on(), but that part of the fed data is in the carry when it returns WQ_E_MEMORY. */
static int carried_packet(wq_client *c, const uint8_t *data, size_t length, size_t *at, uint64_t now_ms) {
  wq_frame frame;
  int got;
  while ((got = read_frame(c, (wq_bytes){c->carry + c->carry_done, c->carry_n - c->carry_done}, &frame)) == 0)
    if ((got = carry_until(c, c->carry_n - c->carry_done + 1, data, length, at)) <= 0) return got;
  if (got < 0) return got;
  const uint32_t whole = frame.header + frame.remaining;
  uint32_t need = whole;
  if (streams(c, &frame)) {
    /* Only the variable header; grown to as much as the decoder asks for, so that no payload gets in. */
    for (need = 0;;) {
      const uint32_t have = c->carry_n - c->carry_done;
      const wq_bytes body = {c->carry + c->carry_done + frame.header, have - frame.header};
      const wq_origin origin = {c->carry, WQ_EVF_CARRY, *at};
      if ((got = wq_receive_publish(c, &frame, body, &origin)) <= 0) break;
      need = frame.header + (uint32_t)got;
      if ((got = carry_until(c, need, data, length, at)) <= 0) return got;
    }
    need = c->carry_n - c->carry_done;
  } else {
    if ((got = carry_until(c, need, data, length, at)) <= 0) return got;
    const wq_bytes packet = {c->carry + c->carry_done, need};
    got = handle(c, &frame, packet, (wq_origin){c->carry, WQ_EVF_CARRY, 0}, now_ms);
  }
  if (got < 0) return got;
  c->carry_done += need;
  if (need < whole) { /* its payload is streamed */
    *at += stream(c, length - *at);
    if (c->skip) return 0;
    stream_end(c);
  }
  return 1;
}

/* Go on with the packet in the carry. 1: it is done with; 0: the fed data is used up; or an error. */
static int carry_on(wq_client *c, const uint8_t *data, size_t length, size_t *at, uint64_t now_ms) {
  const uint32_t had = c->carry_n;
  int got = carried_packet(c, data, length, at, now_ms);
  if (got == WQ_E_MEMORY) { /* nothing is taken, else the host would have nothing to feed again */
    c->carry_n = had;
    *at = 0;
  }
  return got;
}

/* The packet at data[*at..length). As carry_on(). */
static int in_place(wq_client *c, const uint8_t *data, size_t length, size_t *at, uint64_t now_ms) {
  wq_frame frame;
  const uint32_t left = (uint32_t)(length - *at);
  const wq_bytes bytes = {data + *at, left};
  const wq_origin origin = {data, 0, length};
  int got = read_frame(c, bytes, &frame);
  if (got < 0) return got;
  if (got && frame.header + frame.remaining <= left) {
    got = handle(c, &frame, bytes, origin, now_ms);
    *at += got < 0 ? 0 : frame.header + frame.remaining;
    return got < 0 ? got : 1;
  }
  if (got && streams(c, &frame)) {
    const wq_bytes body = {bytes.data + frame.header, left - frame.header};
    got = wq_receive_publish(c, &frame, body, &origin);
    if (got < 0) return got;
    if (got == 0) {
      *at += frame.header + frame.remaining - c->skip; /* to the payload */
      *at += stream(c, length - *at);
      return 0;
    }
  }
  return carry_until(c, left, data, length, at) < 0 ? WQ_E_MEMORY : 0;
}

/* Go past what nearly all packets are, as many as there are of them: PUBLISH with QoS 0, whole, of up to 16 KiB, without
 * properties, and of a known topic, whose name was checked when it became known. Nothing that ready() asks for changes by
 * them but the room for events. Stops before any other packet: receive.c knows what is wrong with it, if anything. */
static size_t plain_publishes(wq_client *c, const uint8_t *data, size_t length, size_t at) {
  const uint32_t size_max = c->config.packet_size_max;
  const uint32_t has_properties = c->negotiated.version == WQ_MQTT_5_0;
  if (c->status != WQ_CONNECTED) return at;
  wq_event *event = c->events + c->events_n;
  const wq_event *const end = c->events + c->config.events_max - (WQ_EVENTS_PER_PACKET - 1);
  while (length - at > 2 && event < end) {
    const uint8_t *const packet = data + at;
    uint32_t header = 2, remaining = packet[1];
    if ((packet[0] & ~1u) != WQ_PUBLISH << 4) break;
    if (remaining >= 0x80) {
      if (packet[2] == 0 || packet[2] >= 0x80) break;
      remaining += (packet[2] - 1u) << 7;
      header = 3;
    }
    if (remaining > length - at - header || remaining < 2 || header + remaining > size_max) break;
    const uint8_t *const body = packet + header;
    const wq_bytes topic = {body + 2, (uint32_t)(body[0] << 8 | body[1])};
    const uint32_t head = 2 + topic.len + has_properties;
    if (head > remaining || (has_properties && body[head - 1] != 0)) break;
    uint32_t hash;
    const uint32_t id = wq_intern_find(&c->topics, topic, &hash);
    if (!id) break;
    const uint32_t body_off = (uint32_t)at + header;
    *event++ = (wq_event){
        .type = WQ_EV_PUBLISH,
        .flags = packet[0] & 1 ? WQ_EVF_RETAIN : 0,
        .topic_id = id,
        .off = body_off + head,
        .len = remaining - head,
        .topic_len = (uint16_t)topic.len,
        .topic_off = body_off + 2,
        .props_off = has_properties ? body_off + head - 1 : WQ_NO_PROPS,
    };
    at += header + remaining;
  }
  const uint32_t count = (uint32_t)(event - c->events) - c->events_n;
  c->events_n += count;
  c->stats.packets_in += count;
  return at;
}

/* The same of what nearly all acknowledgements are: PUBACK, PUBREC and PUBCOMP without a reason code. 1, or an error. */
static int plain_acks(wq_client *c, const uint8_t *data, size_t length, size_t *at) {
  while (c->status == WQ_CONNECTED && length - *at >= 4 && data[*at + 1] == 2 && ready(c)) {
    const uint8_t *const packet = data + *at;
    const uint8_t type = packet[0] >> 4;
    const wq_ack_packet p = {.packet_id = (uint16_t)(packet[2] << 8 | packet[3])};
    const bool plain = type == WQ_PUBACK || type == WQ_PUBREC || type == WQ_PUBCOMP;
    if (!plain || packet[0] & 15 || !p.packet_id) break;
    const int error = wq_receive_ack(c, type, &p, (wq_origin){data, 0, length});
    if (error) return error;
    c->stats.packets_in++;
    *at += 4;
  }
  return 1;
}

int64_t wq_feed(wq_client *client, const uint8_t *data, size_t length, uint64_t now_ms) {
  wq_client *c = client;
  if (c->status == WQ_IDLE || wq_skip(c)) return WQ_E_STATE;
  wq_input_begin(c, now_ms);
  const size_t most = length < UINT32_MAX ? length : UINT32_MAX; /* events have offsets of 32 bits */
  size_t at = 0;
  int got = 1;
  if (length) wq_alive(c, now_ms);
  while (got > 0 && at < most && !over(c) && ready(c)) {
    if (c->carry_n > c->carry_done) {
      got = carry_on(c, data, most, &at, now_ms);
      continue;
    }
    const size_t before = at;
    at = plain_publishes(c, data, most, at);
    got = plain_acks(c, data, most, &at);
    if (at == before && got > 0) got = in_place(c, data, most, &at, now_ms);
  }
  if (over(c)) return (int64_t)length;
  if (got == WQ_E_MEMORY) {
    if (at == 0) return got;
    wq_want(c, WQ_WANT_NOTHING, 0); /* it is asked for when the rest is fed */
  } else if (got < 0) {
    return wq_fail(c, got);
  }
  wq_publish_pump(c, now_ms);
  wq_settle_drain(c);
  return (int64_t)at;
}

uint32_t wq_skip(const wq_client *client) { return over(client) ? 0 : client->skip; }

int wq_skipped(wq_client *client, uint32_t count, uint64_t now_ms) {
  wq_client *c = client;
  if (!wq_skip(c) || count > c->skip) return WQ_E_ARG;
  wq_input_begin(c, now_ms);
  wq_alive(c, now_ms);
  c->skip -= count;
  if (!c->skip) {
    stream_end(c);
    wq_publish_pump(c, now_ms);
    wq_settle_drain(c);
  }
  return 0;
}
