/* SPDX-License-Identifier: MIT
 * Reading and writing bytes within bounds. A reader or writer that would cross its end fails and stays failed, so a
 * sequence of calls needs one check at its end. What runs for every message is inline. */
#ifndef WQ_CODEC_BYTES_H
#define WQ_CODEC_BYTES_H

#include "../wasmqtt.h"

#include <string.h>

#define WQ_VARINT_MAX 268435455u /* [M3:2.2.3] [M5:1.5.5] */
#define WQ_STRING_MAX 65535u     /* [M3:1.5.3] [M5:1.5.4] [M5:1.5.6] */

typedef struct wq_reader {
  const uint8_t *at, *end;
  bool failed; /* a read went past the end, or a varint was too long or not minimal; then at == end */
} wq_reader;

typedef struct wq_writer {
  uint8_t *at, *end;
  bool failed; /* a write did not fit; nothing past `end` was touched; then at == end */
} wq_writer;

uint32_t wq_read_u32(wq_reader *r);
uint32_t wq_read_varint(wq_reader *r); /* minimal form only [M5:1.5.5-1] */

void wq_write_u32(wq_writer *w, uint32_t v);
void wq_write_varint(wq_writer *w, uint32_t v); /* v over WQ_VARINT_MAX fails the writer */
void wq_write_binary(wq_writer *w, wq_bytes b); /* two length bytes, then b; over 65535 bytes fails the writer */

bool wq_bytes_equal(wq_bytes a, wq_bytes b);

/* wq_copy - memcpy() for what is short most times, and may be nothing. */
static inline void wq_copy(uint8_t *to, const uint8_t *from, size_t n) {
#ifdef __wasm__ /* where the compiler makes a call into the engine of memcpy(), which takes ten times as long */
  if (n >= 8 && n <= 256) {
    const uint8_t *const last = from + n - 8; /* which overlaps those before */
    uint64_t word;
    __builtin_memcpy(&word, last, 8);
    __builtin_memcpy(to + n - 8, &word, 8);
    for (; from < last; from += 8, to += 8) {
      __builtin_memcpy(&word, from, 8);
      __builtin_memcpy(to, &word, 8);
    }
    return;
  }
#endif
  if (n != 0) memcpy(to, from, n); /* which must not see NULL */
}

static inline uint32_t wq_varint_size(uint32_t v) { return v < 128 ? 1 : v < 16384 ? 2 : v < 2097152 ? 3 : 4; }

static inline wq_reader wq_reader_of(wq_bytes bytes) {
  const uint8_t *data = bytes.data != NULL ? bytes.data : (const uint8_t *)"";
  return (wq_reader){data, data + bytes.len, false};
}

static inline uint32_t wq_reader_left(const wq_reader *r) { return (uint32_t)(r->end - r->at); }

/* wq_reader_fail - nothing more can be read. */
static inline void wq_reader_fail(wq_reader *r) {
  r->at = r->end;
  r->failed = true;
}

static inline uint8_t wq_read_u8(wq_reader *r) {
  if (r->at == r->end) {
    r->failed = true;
    return 0;
  }
  return *r->at++;
}

static inline uint16_t wq_read_u16(wq_reader *r) {
  if (wq_reader_left(r) < 2) {
    wq_reader_fail(r);
    return 0;
  }
  uint16_t v = (uint16_t)(r->at[0] << 8 | r->at[1]);
  r->at += 2;
  return v;
}

/* wq_read_bytes - n bytes as a view; data is NULL if and only if the reader failed. */
static inline wq_bytes wq_read_bytes(wq_reader *r, uint32_t n) {
  if (r->failed || wq_reader_left(r) < n) {
    wq_reader_fail(r);
    return (wq_bytes){NULL, 0};
  }
  wq_bytes view = {r->at, n};
  r->at += n;
  return view;
}

/* wq_read_binary - two length bytes, then that many, as a view. */
static inline wq_bytes wq_read_binary(wq_reader *r) {
  uint16_t n = wq_read_u16(r);
  return wq_read_bytes(r, n);
}

static inline wq_writer wq_writer_of(uint8_t *bytes, uint32_t room) { return (wq_writer){bytes, bytes + room, false}; }

/* wq_writer_fail - nothing more can be written. */
static inline void wq_writer_fail(wq_writer *w) {
  w->at = w->end;
  w->failed = true;
}

static inline void wq_write_u8(wq_writer *w, uint8_t v) {
  if (w->at == w->end)
    w->failed = true;
  else
    *w->at++ = v;
}

static inline void wq_write_u16(wq_writer *w, uint16_t v) {
  if (w->end - w->at < 2) {
    wq_writer_fail(w);
    return;
  }
  w->at[0] = (uint8_t)(v >> 8);
  w->at[1] = (uint8_t)v;
  w->at += 2;
}

static inline void wq_write_bytes(wq_writer *w, wq_bytes b) {
  if ((size_t)(w->end - w->at) < b.len) {
    wq_writer_fail(w);
    return;
  }
  wq_copy(w->at, b.data, b.len);
  w->at += b.len;
}

/* wq_write_alias - the property Topic Alias, 3 bytes. */
static inline void wq_write_alias(wq_writer *w, uint16_t alias) {
  wq_write_u8(w, WQ_P_TOPIC_ALIAS);
  wq_write_u16(w, alias);
}
#endif
