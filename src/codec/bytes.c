/* SPDX-License-Identifier: MIT
 * The readers and writers that are too long, or too seldom called, to be inline. */
#include "bytes.h"

uint32_t wq_read_u32(wq_reader *r) {
  if (wq_reader_left(r) < 4) {
    wq_reader_fail(r);
    return 0;
  }
  uint32_t v = (uint32_t)r->at[0] << 24 | (uint32_t)r->at[1] << 16 | (uint32_t)r->at[2] << 8 | r->at[3];
  r->at += 4;
  return v;
}

uint32_t wq_read_varint(wq_reader *r) {
  uint32_t v = 0;
  for (unsigned shift = 0; shift <= 21; shift += 7) {
    uint8_t byte = wq_read_u8(r);
    v |= (uint32_t)(byte & 0x7F) << shift;
    if (byte >= 0x80) continue;
    if (byte == 0 && shift != 0) /* a shorter form exists [M5:1.5.5-1] */
      break;
    return r->failed ? 0 : v;
  }
  wq_reader_fail(r);
  return 0;
}

void wq_write_u32(wq_writer *w, uint32_t v) {
  if (w->end - w->at < 4) {
    wq_writer_fail(w);
    return;
  }
  w->at[0] = (uint8_t)(v >> 24);
  w->at[1] = (uint8_t)(v >> 16);
  w->at[2] = (uint8_t)(v >> 8);
  w->at[3] = (uint8_t)v;
  w->at += 4;
}

void wq_write_varint(wq_writer *w, uint32_t v) {
  if (v > WQ_VARINT_MAX) {
    wq_writer_fail(w);
    return;
  }
  for (; v >= 0x80; v >>= 7)
    wq_write_u8(w, (uint8_t)(v | 0x80));
  wq_write_u8(w, (uint8_t)v);
}

void wq_write_binary(wq_writer *w, wq_bytes b) {
  if (b.len > WQ_STRING_MAX) {
    wq_writer_fail(w);
    return;
  }
  wq_write_u16(w, (uint16_t)b.len);
  wq_write_bytes(w, b);
}

bool wq_bytes_equal(wq_bytes a, wq_bytes b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
