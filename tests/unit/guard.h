/* SPDX-License-Identifier: MIT
 * Memory whose neighbours cannot be touched: a read or a write one byte past its end, or before it, stops the test. */
#ifndef WQ_UNIT_GUARD_H
#define WQ_UNIT_GUARD_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct guard {
  uint8_t *start; /* the byte before cannot be touched */
  uint8_t *end;   /* nor can this one */
} guard;

/* guard_make - `room` bytes at least, between two pages that are not to be touched. Lives as long as the program. */
static inline guard guard_make(size_t room) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t size = (room + page - 1) / page * page;
  int zero = open("/dev/zero", O_RDWR);
  uint8_t *start = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE, zero, 0);
  if (zero < 0 || start == MAP_FAILED || mprotect(start + page, size, PROT_READ | PROT_WRITE) != 0) {
    perror("guard page");
    exit(2);
  }
  close(zero);
  return (guard){start + page, start + page + size};
}

/* guard_room - the last `length` bytes; no more than guard_make() was asked for. */
static inline uint8_t *guard_room(guard g, size_t length) { return g.end - length; }

/* guard_put - a copy of bytes that ends at the page behind. */
static inline uint8_t *guard_put(guard g, const void *bytes, size_t length) {
  uint8_t *copy = guard_room(g, length);
  if (length != 0) memcpy(copy, bytes, length);
  return copy;
}

/* guard_put_first - a copy of bytes that begins at the page before. */
static inline uint8_t *guard_put_first(guard g, const void *bytes, size_t length) {
  if (length != 0) memcpy(g.start, bytes, length);
  return g.start;
}
#endif
