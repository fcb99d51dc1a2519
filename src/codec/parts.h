/* SPDX-License-Identifier: MIT
 * What the packet_*.c files share: the pieces that several packets are made of. */
#ifndef WQ_CODEC_PARTS_H
#define WQ_CODEC_PARTS_H

#include "bytes.h"

/* wq_read_properties - property length and properties, checked for `packets` (see wq_properties_check()). In 3.x
 * there are none: *properties becomes absent and nothing is read. Returns 0 or an error. */
int wq_read_properties(wq_reader *r, uint8_t version, uint32_t packets, wq_bytes *properties);

/* wq_read_packet_id - into *packet_id; WQ_E_MALFORMED if it is cut off, WQ_E_PROTOCOL if it is 0 [M3:2.3.1-1]
 * [M5:2.2.1-3] [M5:2.2.1-4]. */
int wq_read_packet_id(wq_reader *r, uint16_t *packet_id);

uint64_t wq_properties_size(uint8_t version, wq_bytes properties); /* with their length; 0 in 3.x */
void wq_write_properties(wq_writer *w, uint8_t version, wq_bytes properties);

/* wq_packet_size - of a packet with `remaining` bytes behind its fixed header; UINT64_MAX if there can be no such
 * packet. */
uint64_t wq_packet_size(uint64_t remaining);

/* wq_packet_begin - a writer behind the fixed header; failed if the packet cannot be or does not fit. */
wq_writer wq_packet_begin(uint8_t *dst, uint32_t room, uint8_t type, uint8_t flags, uint64_t remaining);

/* wq_packet_end - the bytes written since dst; 0 if the writer failed. */
uint32_t wq_packet_end(const wq_writer *w, const uint8_t *dst);

static inline uint64_t wq_binary_size(wq_bytes b) { return 2 + (uint64_t)b.len; }
#endif
