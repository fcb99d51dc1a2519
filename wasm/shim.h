/* SPDX-License-Identifier: MIT
 * What the boundaries of both modules are written with. */
#ifndef WQ_WASM_SHIM_H
#define WQ_WASM_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* Declared where it is defined, since nothing in C calls it. */
#define EXPORT(type, name, ...)                                                                                        \
  type name(__VA_ARGS__);                                                                                              \
  type name(__VA_ARGS__)

extern uint8_t __heap_base; /* from the linker: where static data and the stack end */

#endif
