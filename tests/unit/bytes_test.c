/* SPDX-License-Identifier: MIT
 * Readers and writers stay within their bounds, and stay failed. */
#include "check.h"
#include "guard.h"

#include "codec/bytes.h"

static guard input, output;

static wq_reader reader(const char *bytes, uint32_t length) {
  return wq_reader_of((wq_bytes){guard_put(input, bytes, length), length});
}

static void numbers(void) {
  wq_reader r = reader("\x01\x02\x03\xFF\xFE\xFD\xFC", 7);
  CHECK_INT(wq_read_u8(&r), 0x01);
  CHECK_INT(wq_read_u16(&r), 0x0203);
  CHECK_INT(wq_reader_left(&r), 4);
  CHECK_INT(wq_read_u32(&r), 0xFFFEFDFC);
  CHECK(!r.failed);
  CHECK_INT(wq_read_u8(&r), 0);
  CHECK(r.failed);
  uint8_t *dst = guard_room(output, 7);
  wq_writer w = wq_writer_of(dst, 7);
  wq_write_u8(&w, 0x01);
  wq_write_u16(&w, 0x0203);
  wq_write_u32(&w, 0xFFFEFDFC);
  CHECK(!w.failed && w.at == w.end);
  CHECK_BYTES(dst, 7, (const uint8_t *)"\x01\x02\x03\xFF\xFE\xFD\xFC", 7);
}

static void cut_off(void) {
  for (uint32_t there = 0; there < 4; there++) {
    wq_reader r = reader("\x00\x02\x00", there < 3 ? there : 3);
    if (there < 2) {
      CHECK_INT(wq_read_u16(&r), 0);
    } else if (there == 2) {
      CHECK(wq_read_bytes(&r, 3).data == NULL);
    } else {
      CHECK_INT(wq_read_u32(&r), 0);
    }
    CHECK(r.failed);
    CHECK_INT(wq_reader_left(&r), 0);
    CHECK(wq_read_bytes(&r, 0).data == NULL); /* stays failed, even where nothing is asked */
    CHECK_INT(wq_read_u8(&r), 0);
  }
}

static void views(void) {
  wq_reader r = reader("\x00\x03"
                       "abc"
                       "\x00\x00"
                       "\x00\x02"
                       "d",
                       10);
  wq_bytes abc = wq_read_binary(&r), empty = wq_read_binary(&r);
  CHECK(wq_bytes_equal(abc, (wq_bytes){(const uint8_t *)"abc", 3}));
  CHECK(!wq_bytes_equal(abc, (wq_bytes){(const uint8_t *)"abd", 3}));
  CHECK(!wq_bytes_equal(abc, (wq_bytes){(const uint8_t *)"ab", 2}));
  CHECK(empty.data != NULL && empty.len == 0);
  CHECK(wq_bytes_equal(empty, (wq_bytes){NULL, 0}));
  CHECK(wq_read_binary(&r).data == NULL && r.failed);
  wq_reader none = wq_reader_of((wq_bytes){NULL, 0});
  CHECK(wq_read_bytes(&none, 0).data != NULL);
  CHECK(!none.failed);
}

/* the values where the specification's table changes size, and their shortest forms */
static const struct {
  uint32_t value;
  const char *bytes;
  uint32_t size;
} varints[] = {{0, "\x00", 1},
               {127, "\x7F", 1},
               {128, "\x80\x01", 2},
               {16383, "\xFF\x7F", 2},
               {16384, "\x80\x80\x01", 3},
               {2097151, "\xFF\xFF\x7F", 3},
               {2097152, "\x80\x80\x80\x01", 4},
               {268435455, "\xFF\xFF\xFF\x7F", 4}};

static void varint_forms(void) {
  for (size_t i = 0; i < sizeof varints / sizeof varints[0]; i++) {
    uint32_t size = varints[i].size;
    CHECK_INT(wq_varint_size(varints[i].value), size);
    wq_reader r = reader(varints[i].bytes, size);
    CHECK_INT(wq_read_varint(&r), varints[i].value);
    CHECK(!r.failed && wq_reader_left(&r) == 0);
    for (uint32_t room = 0; room <= size; room++) {
      uint8_t *dst = guard_room(output, room);
      wq_writer w = wq_writer_of(dst, room);
      wq_write_varint(&w, varints[i].value);
      CHECK_INT(w.failed, room < size);
      if (room == size) CHECK_BYTES(dst, size, (const uint8_t *)varints[i].bytes, size);
      wq_reader cut = reader(varints[i].bytes, room);
      wq_read_varint(&cut);
      CHECK_INT(cut.failed, room < size);
    }
  }
}

static void varint_refused(void) {
  static const struct {
    const char *bytes;
    uint32_t size;
  } bad[] = {
      {"\x80\x00", 2}, {"\xFF\x00", 2}, {"\x80\x80\x00", 3}, {"\x81\x80\x80\x00", 4}, {"\x80\x80\x80\x80\x01", 5}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    wq_reader r = reader(bad[i].bytes, bad[i].size);
    CHECK_INT(wq_read_varint(&r), 0);
    CHECK(r.failed);
  }
  uint8_t dst[8];
  wq_writer w = wq_writer_of(dst, sizeof dst);
  wq_write_varint(&w, WQ_VARINT_MAX + 1);
  CHECK(w.failed);
}

static void full(void) {
  for (uint32_t room = 0; room < 5; room++) {
    wq_writer w = wq_writer_of(guard_room(output, room), room);
    wq_write_binary(&w, (wq_bytes){(const uint8_t *)"abc", 3});
    CHECK(w.failed);
    wq_write_u8(&w, 1); /* stays failed, and touches nothing */
    CHECK(w.failed && w.at == w.end);
  }
  wq_writer w = wq_writer_of(guard_room(output, 3), 3);
  wq_write_u32(&w, 1);
  CHECK(w.failed);
  w = wq_writer_of(guard_room(output, 1), 1);
  wq_write_u16(&w, 1);
  CHECK(w.failed);
  w = wq_writer_of(guard_room(output, 0), 0);
  wq_write_bytes(&w, (wq_bytes){NULL, 0});
  CHECK(!w.failed);
}

static void long_binary(void) {
  static uint8_t bytes[65536], dst[65540];
  wq_writer w = wq_writer_of(dst, sizeof dst);
  wq_write_binary(&w, (wq_bytes){bytes, 65535});
  CHECK(!w.failed && w.at == dst + 65537);
  w = wq_writer_of(dst, sizeof dst);
  wq_write_binary(&w, (wq_bytes){bytes, 65536});
  CHECK(w.failed);
}

int main(void) {
  input = guard_make(64);
  output = guard_make(64);
  check_case("numbers are big-endian", numbers);
  check_case("a read past the end fails, and so do all after it", cut_off);
  check_case("binary data and strings are views", views);
  check_case("variable byte integers take the shortest form [M5:1.5.5-1]", varint_forms);
  check_case("variable byte integers that are too long or not minimal are refused [M5:1.5.5-1]", varint_refused);
  check_case("a write past the end fails, and so do all after it", full);
  check_case("binary data ends at 65535 bytes [M3:4.7.3-3] [M5:4.7.3-3]", long_binary);
  return check_close();
}
