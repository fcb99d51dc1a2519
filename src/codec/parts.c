/* SPDX-License-Identifier: MIT
 * Pieces that several packets are made of. */
#include "parts.h"

#include "frame.h"
#include "prop.h"

int wq_read_properties(wq_reader *r, uint8_t version, uint32_t packets, wq_bytes *properties) {
  *properties = (wq_bytes){NULL, 0};
  if (version < WQ_MQTT_5_0) return 0;
  uint32_t length = wq_read_varint(r);
  *properties = wq_read_bytes(r, length);
  return r->failed ? WQ_E_MALFORMED : wq_properties_check(*properties, packets);
}

int wq_read_packet_id(wq_reader *r, uint16_t *packet_id) {
  *packet_id = wq_read_u16(r);
  if (r->failed) return WQ_E_MALFORMED;
  return *packet_id != 0 ? 0 : WQ_E_PROTOCOL; /* [M3:2.3.1-1] [M3:2.3.1-4] [M5:2.2.1-4] */
}

uint64_t wq_properties_size(uint8_t version, wq_bytes properties) {
  return version < WQ_MQTT_5_0 ? 0 : wq_varint_size(properties.len) + (uint64_t)properties.len;
}

void wq_write_properties(wq_writer *w, uint8_t version, wq_bytes properties) {
  if (version < WQ_MQTT_5_0) return;
  wq_write_varint(w, properties.len); /* also 0 [M5:2.2.2-1] */
  wq_write_bytes(w, properties);
}

uint64_t wq_packet_size(uint64_t remaining) {
  return remaining > WQ_VARINT_MAX ? UINT64_MAX : 1 + wq_varint_size((uint32_t)remaining) + remaining;
}

wq_writer wq_packet_begin(uint8_t *dst, uint32_t room, uint8_t type, uint8_t flags, uint64_t remaining) {
  if (wq_packet_size(remaining) > room) return (wq_writer){dst, dst, true};
  uint32_t head = wq_frame_head_write(dst, type, flags, (uint32_t)remaining);
  return wq_writer_of(dst + head, room - head);
}

uint32_t wq_packet_end(const wq_writer *w, const uint8_t *dst) { return w->failed ? 0 : (uint32_t)(w->at - dst); }
