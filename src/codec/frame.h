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

/* wq_frame_read - the fixed header at the start of `bytes`; an error is told as soon as the byte that shows it is
 * there. version: 0 is not known yet, and only a CONNECT, which tells it, can come [M3:3.1.0-1] [M5:3.1.0-1].
 * Returns 1, 0 if more bytes are needed, WQ_E_MALFORMED (type 0, reserved flags not as they must be, a length of more
 * than four bytes or not minimal [M3:2.2.2-2] [M5:2.1.3-1] [M5:1.5.5-1], QoS 3 [M3:3.3.1-4] [M5:3.3.1-4]), or
 * WQ_E_PROTOCOL (type 15, AUTH, before 5.0; no CONNECT with version 0; DUP with QoS 0 [M3:3.3.1-2] [M5:3.3.1-2]).
 * In 3.1, which has no rule against them, DUP is also accepted with QoS 0 and in PUBREL, SUBSCRIBE and UNSUBSCRIBE; all
 * other flags are checked as in 3.1.1. */
int wq_frame_read(wq_bytes bytes, uint8_t version, wq_frame *frame);

/* wq_frame_head_write - write type, flags and remaining length; returns the bytes used, 2..5. dst has room for 5. */
uint32_t wq_frame_head_write(uint8_t *dst, uint8_t type, uint8_t flags, uint32_t remaining);
#endif
