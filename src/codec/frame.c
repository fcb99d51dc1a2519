/* SPDX-License-Identifier: MIT
 * The fixed header. */
#include "frame.h"

#include "bytes.h"

#define DUP 8u
#define QOS_MASK 6u
#define QOS_3 6u

static int flags_check(uint8_t type, uint8_t flags, uint8_t version) {
  if (type == WQ_PUBLISH) {
    if ((flags & QOS_MASK) == QOS_3) /* [M3:3.3.1-4] [M5:3.3.1-4] */
      return WQ_E_MALFORMED;
    if ((flags & (DUP | QOS_MASK)) == DUP && version != WQ_MQTT_3_1)
      return WQ_E_PROTOCOL; /* [M3:3.3.1-2] [M3:4.3.1-1] [M5:3.3.1-2] [M5:4.3.1-1] */
    return 0;
  }
  if (type == WQ_PUBREL || type == WQ_SUBSCRIBE || type == WQ_UNSUBSCRIBE) {
    uint8_t free = version == WQ_MQTT_3_1 ? DUP : 0;
    /* [M3:3.6.1-1] [M3:3.8.1-1] [M3:3.10.1-1] [M5:3.6.1-1] [M5:3.8.1-1] [M5:3.10.1-1] */
    return (flags & ~free) == 2 ? 0 : WQ_E_MALFORMED;
  }
  /* [M3:2.2.2-1] [M3:2.2.2-2] [M3:3.14.1-1] [M5:2.1.3-1] [M5:3.14.1-1] [M5:3.15.1-1] */
  return flags == 0 ? 0 : WQ_E_MALFORMED;
}

int wq_frame_read(wq_bytes bytes, uint8_t version, wq_frame *frame) {
  if (bytes.len == 0) return 0;
  uint8_t type = bytes.data[0] >> 4, flags = bytes.data[0] & 0x0F;
  if (type == 0) return WQ_E_MALFORMED;
  bool unexpected = version == 0 ? type != WQ_CONNECT : type == WQ_AUTH && version < WQ_MQTT_5_0;
  if (unexpected) return WQ_E_PROTOCOL; /* [M3:3.1.0-1] [M5:3.1.0-1] */
  int error = flags_check(type, flags, version);
  if (error != 0) return error;
  uint32_t remaining = 0;
  for (uint32_t i = 1; i <= 4; i++) {
    if (i == bytes.len) return 0;
    uint8_t byte = bytes.data[i];
    remaining |= (uint32_t)(byte & 0x7F) << 7 * (i - 1);
    if (byte >= 0x80) continue;
    if (byte == 0 && i > 1) /* a shorter form exists [M5:1.5.5-1] */
      break;
    *frame = (wq_frame){type, flags, i + 1, remaining};
    return 1;
  }
  return WQ_E_MALFORMED;
}

uint32_t wq_frame_head_write(uint8_t *dst, uint8_t type, uint8_t flags, uint32_t remaining) {
  wq_writer w = wq_writer_of(dst, 5);
  wq_write_u8(&w, (uint8_t)(type << 4 | flags));
  wq_write_varint(&w, remaining);
  return (uint32_t)(w.at - dst);
}
