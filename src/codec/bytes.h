/* SPDX-License-Identifier: MIT
 * Reading and writing bytes within bounds. A reader or writer that would cross its end fails and stays failed, so a
 * sequence of calls needs one check at its end. */
#ifndef WQ_CODEC_BYTES_H
#define WQ_CODEC_BYTES_H

#include "../wasmqtt.h"

#define WQ_VARINT_MAX 268435455u /* [M3:2.2.3] [M5:1.5.5] */

typedef struct wq_reader {
  const uint8_t *at, *end;
  bool failed; /* a read went past the end, or a varint was not minimal */
} wq_reader;

typedef struct wq_writer {
  uint8_t *at, *end;
  bool failed; /* a write did not fit; nothing past `end` was touched */
} wq_writer;

wq_reader wq_reader_of(wq_bytes bytes);
uint32_t wq_reader_left(const wq_reader *r);
uint8_t wq_read_u8(wq_reader *r);
uint16_t wq_read_u16(wq_reader *r);
uint32_t wq_read_u32(wq_reader *r);
uint32_t wq_read_varint(wq_reader *r);           /* minimal form only [M5:1.5.5-1] */
wq_bytes wq_read_bytes(wq_reader *r, uint32_t n); /* n bytes as a view; data is never NULL on success */
wq_bytes wq_read_binary(wq_reader *r);           /* two length bytes, then that many */

wq_writer wq_writer_of(uint8_t *bytes, uint32_t room);
void wq_write_u8(wq_writer *w, uint8_t v);
void wq_write_u16(wq_writer *w, uint16_t v);
void wq_write_u32(wq_writer *w, uint32_t v);
void wq_write_varint(wq_writer *w, uint32_t v);  /* v over WQ_VARINT_MAX fails the writer */
void wq_write_bytes(wq_writer *w, wq_bytes b);
void wq_write_binary(wq_writer *w, wq_bytes b);  /* over 65535 bytes fails the writer */
uint32_t wq_varint_size(uint32_t v);             /* 1..4 */

bool wq_bytes_equal(wq_bytes a, wq_bytes b);
#endif
