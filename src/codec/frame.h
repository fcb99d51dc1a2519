/* SPDX-License-Identifier: MIT
 * The fixed header: where one packet ends and the next begins [M3:2.2] [M5:2.1.1]. */
#ifndef WQ_CODEC_FRAME_H
#define WQ_CODEC_FRAME_H

#include "../wasmqtt.h"

typedef struct wq_frame {
  uint8_t type;       /* enum wq_packet_type */
  uint8_t flags;      /* low four bits of the first byte */
  uint32_t header;    /* bytes of the fixed header, 2..5 */
  uint32_t remaining; /* bytes after it; header + remaining is the packet's size */
} wq_frame;

/* By version and type: a bit for each value of the flags that may be. */
extern const uint16_t wq_frame_flags[WQ_MQTT_5_0 + 1][16];
/* A first byte that those do not allow is malformed; otherwise it is a packet that must not come. */
bool wq_frame_malformed(uint8_t type, uint8_t flags, uint8_t version);

/* wq_frame_read - the fixed header at the start of `bytes`; an error is told as soon as the byte that shows it is
 * there. version: 0 is not known yet, and only a CONNECT, which tells it, can come [M3:3.1.0-1] [M5:3.1.0-1].
 * Returns 1, 0 if more bytes are needed, WQ_E_MALFORMED (type 0, reserved flags not as they must be, a length of more
 * than four bytes or not minimal [M3:2.2.2-2] [M5:2.1.3-1] [M5:1.5.5-1], QoS 3 [M3:3.3.1-4] [M5:3.3.1-4]), or
 * WQ_E_PROTOCOL (type 15, AUTH, before 5.0; no CONNECT with version 0; DUP with QoS 0 [M3:3.3.1-2] [M5:3.3.1-2]).
 * In 3.1, which has no rule against them, DUP is also accepted with QoS 0 and in PUBREL, SUBSCRIBE and UNSUBSCRIBE; all
 * other flags are checked as in 3.1.1. */
static inline int wq_frame_read(wq_bytes bytes, uint8_t version, wq_frame *frame) {
  if (bytes.len == 0) return 0;
  const uint8_t type = bytes.data[0] >> 4, flags = bytes.data[0] & 0x0F;
  if ((wq_frame_flags[version][type] >> flags & 1) == 0)
    return wq_frame_malformed(type, flags, version) ? WQ_E_MALFORMED : WQ_E_PROTOCOL;
  uint32_t remaining = 0;
  for (uint32_t i = 1; i <= 4; i++) {
    if (i == bytes.len) return 0;
    const uint8_t byte = bytes.data[i];
    remaining |= (uint32_t)(byte & 0x7F) << 7 * (i - 1);
    if (byte >= 0x80) continue;
    if (byte == 0 && i > 1) /* a shorter form exists [M5:1.5.5-1] */
      break;
    *frame = (wq_frame){type, flags, i + 1, remaining};
    return 1;
  }
  return WQ_E_MALFORMED;
}

/* wq_frame_head_write - write type, flags and remaining length; returns the bytes used, 2..5. dst has room for 5. */
uint32_t wq_frame_head_write(uint8_t *dst, uint8_t type, uint8_t flags, uint32_t remaining);
#endif
