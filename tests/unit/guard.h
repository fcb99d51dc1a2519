/* SPDX-License-Identifier: MIT
 * Memory that ends where the next byte cannot be touched: an over-read or an over-write by one stops the test. */
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
  uint8_t *end; /* the first byte that cannot be touched */
  size_t room;  /* bytes before it */
} guard;

/* guard_make - `room` bytes at least, with a page behind them that is not to be touched. Lives as long as the program. */
static inline guard guard_make(size_t room) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t size = (room + page - 1) / page * page;
  int zero = open("/dev/zero", O_RDWR);
  uint8_t *start = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
  if (zero < 0 || start == MAP_FAILED || mprotect(start + size, page, PROT_NONE) != 0) {
    perror("guard page");
    exit(2);
  }
  close(zero);
  return (guard){start + size, size};
}

/* guard_room - the last `length` bytes; length is at most g.room. */
static inline uint8_t *guard_room(guard g, size_t length) { return g.end - length; }

/* guard_put - a copy of bytes that ends at the page. */
static inline uint8_t *guard_put(guard g, const void *bytes, size_t length) {
  uint8_t *copy = guard_room(g, length);
  if (length != 0) memcpy(copy, bytes, length);
  return copy;
}
#endif
