/* SPDX-License-Identifier: MIT
 * The memory of what follows the load: cells of 64 bytes, carved from blocks that the host gives and never moved. Topic
 * names, queued messages and their bytes all live in cells, so freeing leaves no holes that a later request cannot use. */
#ifndef WQ_CLIENT_CELLS_H
#define WQ_CLIENT_CELLS_H

#include "../wasmqtt.h"

/* What more memory would be for. */
enum wq_want { WQ_WANT_NOTHING, WQ_WANT_CELLS, WQ_WANT_HEADS, WQ_WANT_CARRY };

#define WQ_CELL_SIZE 64u
#define WQ_BLOCK_CELLS 1024u
#define WQ_BLOCK_SIZE (WQ_CELL_SIZE * WQ_BLOCK_CELLS)
#define WQ_CHAIN_BYTES (WQ_CELL_SIZE - 4u) /* what a cell of a chain carries beside its link */

typedef struct wq_cells {
  uint8_t **blocks; /* blocks[0] is the small one inside the client itself */
  uint32_t blocks_max, blocks_n;
  uint32_t first_n;   /* cells in blocks[0]; cell 0 is never given out: index 0 means none */
  uint32_t fresh;     /* the next cell never used */
  uint32_t free;      /* list of cells given back */
  uint32_t available; /* cells that wq_cells_take() can still give */
} wq_cells;

void wq_cells_init(wq_cells *cells, uint8_t **blocks, uint32_t blocks_max, uint8_t *first, uint32_t first_n);
/* Add one block of WQ_BLOCK_SIZE bytes; false if there is no place to note it. */
bool wq_cells_add(wq_cells *cells, void *block);
bool wq_cells_can_grow(const wq_cells *cells);

/* Take one cell, its bytes undefined. The caller has checked `available`. */
uint32_t wq_cells_take(wq_cells *cells);
void wq_cells_give(wq_cells *cells, uint32_t cell);

static inline void *wq_cell(const wq_cells *cells, uint32_t cell) {
  return cells->blocks[cell / WQ_BLOCK_CELLS] + (size_t)(cell % WQ_BLOCK_CELLS) * WQ_CELL_SIZE;
}

/* A chain: bytes over as many cells as they need, in order. */
static inline uint32_t wq_chain_cells(uint64_t bytes) {
  return (uint32_t)((bytes + WQ_CHAIN_BYTES - 1) / WQ_CHAIN_BYTES);
}

typedef struct wq_chain_writer {
  wq_cells *cells;
  uint32_t first, last, used; /* used: bytes in the last cell */
} wq_chain_writer;
void wq_chain_append(wq_chain_writer *w, wq_bytes bytes);

typedef struct wq_chain_reader {
  const wq_cells *cells;
  uint32_t cell, used;
} wq_chain_reader;
void wq_chain_read(wq_chain_reader *r, uint8_t *dst, uint32_t n); /* dst NULL: pass over n bytes */
bool wq_chain_equals(const wq_cells *cells, uint32_t first, const uint8_t *bytes, uint32_t n);
void wq_chain_give(wq_cells *cells, uint32_t first);

#endif
