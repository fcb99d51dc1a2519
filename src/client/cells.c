/* SPDX-License-Identifier: MIT
 * See cells.h. Invariants: `available` is the length of the free list plus the cells never used; a cell is in the free
 * list, never used, or owned by exactly one topic, message or chain. */
#include "cells.h"

#include "../codec/bytes.h"

#include <string.h>

/* The first four bytes of a free cell, and of each cell of a chain. */
typedef struct wq_link {
  uint32_t next;
  uint8_t bytes[WQ_CHAIN_BYTES];
} wq_link;

static wq_link *link_at(const wq_cells *cells, uint32_t cell) { return wq_cell(cells, cell); }

void wq_cells_init(wq_cells *cells, uint8_t **blocks, uint32_t blocks_max, uint8_t *first, uint32_t first_n) {
  cells->blocks = blocks;
  cells->blocks_max = blocks_max;
  cells->blocks_n = 1;
  cells->blocks[0] = first;
  cells->first_n = first_n;
  cells->fresh = 1;
  cells->free = 0;
  cells->available = first_n - 1;
}

bool wq_cells_can_grow(const wq_cells *cells) { return cells->blocks_n < cells->blocks_max; }

bool wq_cells_add(wq_cells *cells, void *block) {
  if (!wq_cells_can_grow(cells)) return false;
  cells->blocks[cells->blocks_n++] = block;
  cells->available += WQ_BLOCK_CELLS;
  return true;
}

uint32_t wq_cells_take(wq_cells *cells) {
  uint32_t cell = cells->free;
  cells->available--;
  if (cell) {
    cells->free = link_at(cells, cell)->next;
    return cell;
  }
  if (cells->fresh == cells->first_n) cells->fresh = WQ_BLOCK_CELLS; /* the first block is shorter than the others */
  return cells->fresh++;
}

void wq_cells_give(wq_cells *cells, uint32_t cell) {
  link_at(cells, cell)->next = cells->free;
  cells->free = cell;
  cells->available++;
}

void wq_chain_append(wq_chain_writer *w, wq_bytes bytes) {
  const uint8_t *at = bytes.data;
  uint32_t left = bytes.len;
  while (left) {
    if (!w->last || w->used == WQ_CHAIN_BYTES) {
      uint32_t cell = wq_cells_take(w->cells);
      link_at(w->cells, cell)->next = 0;
      if (w->last)
        link_at(w->cells, w->last)->next = cell;
      else
        w->first = cell;
      w->last = cell;
      w->used = 0;
    }
    uint32_t n = WQ_CHAIN_BYTES - w->used;
    if (n > left) n = left;
    wq_copy(link_at(w->cells, w->last)->bytes + w->used, at, n);
    w->used += n;
    at += n;
    left -= n;
  }
}

void wq_chain_read(wq_chain_reader *r, uint8_t *dst, uint32_t n) {
  while (n) {
    const wq_link *link = link_at(r->cells, r->cell);
    if (r->used == WQ_CHAIN_BYTES) {
      r->cell = link->next;
      r->used = 0;
      continue;
    }
    uint32_t part = WQ_CHAIN_BYTES - r->used;
    if (part > n) part = n;
    if (dst) {
      wq_copy(dst, link->bytes + r->used, part);
      dst += part;
    }
    r->used += part;
    n -= part;
  }
}

bool wq_chain_equals(const wq_cells *cells, uint32_t first, const uint8_t *bytes, uint32_t n) {
  while (n) {
    const wq_link *link = link_at(cells, first);
    uint32_t part = n < WQ_CHAIN_BYTES ? n : WQ_CHAIN_BYTES;
    if (memcmp(link->bytes, bytes, part) != 0) return false;
    first = link->next;
    bytes += part;
    n -= part;
  }
  return true;
}

void wq_chain_give(wq_cells *cells, uint32_t first) {
  while (first) {
    uint32_t next = link_at(cells, first)->next;
    wq_cells_give(cells, first);
    first = next;
  }
}
