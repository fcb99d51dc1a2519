/* SPDX-License-Identifier: MIT
 * What the boundaries of both modules are written with: rows of the layout, which tells JavaScript numbers and offsets, and
 * exported functions. */
#ifndef WQ_WASM_SHIM_H
#define WQ_WASM_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* A row of the layout. size 0: `value` is a number (an enum's, or a struct's size); else a field's offset. */
typedef struct wq_wasm_row {
  const char *name; /* NULL ends the table */
  int32_t value;
  uint32_t size;
} wq_wasm_row;

#define NUMBER(name)                                                                                                   \
  { #name, (int32_t)(name), 0 }
#define STRUCT(type)                                                                                                   \
  { #type, (int32_t)sizeof(type), 0 }
#define FIELD(type, field)                                                                                             \
  { #type "." #field, (int32_t)offsetof(type, field), sizeof(((type *)0)->field) }

/* Declared where it is defined, since nothing in C calls it. */
#define EXPORT(type, name, ...)                                                                                        \
  type name(__VA_ARGS__);                                                                                              \
  type name(__VA_ARGS__)

extern uint8_t __heap_base; /* from the linker: where static data and the stack end */

#endif
