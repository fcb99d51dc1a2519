/* SPDX-License-Identifier: MIT
 * Chance: splitmix64 from a seed, or the bytes that a fuzzer made. */
#include "model.h"

uint32_t choose(model *m, uint32_t n) {
  if (m->bytes) {
    if (m->bytes == m->bytes_end) return 0;
    uint32_t got = *m->bytes++;
    if (n > 256 && m->bytes < m->bytes_end) got = got << 8 | *m->bytes++;
    return got % n;
  }
  uint64_t z = m->random += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
  return (uint32_t)((z ^ z >> 31) % n);
}

bool choices_left(const model *m) { return !m->bytes || m->bytes < m->bytes_end; }
