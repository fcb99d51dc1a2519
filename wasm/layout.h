/* SPDX-License-Identifier: MIT
 * The layout: the numbers and structs that JavaScript is to know of a module. Its rows are in the file LAYOUT.
 * web/layout.js reads them when the JavaScript is built, from a module that is linked for that alone: the ones that users
 * load export nothing of this, so that none of it is in them. */
#include "shim.h"

#define NUMBER(name) {NULL, #name, name},
#define STRUCT(type) {NULL, "sizeof_" #type, sizeof(type)},
/* For Memory.get() and set(): its offset, and how many bytes it has; 0: it is no number. */
#define FIELD(type, field) {NULL, #type "." #field, FIELD_OF(type, field)},
#define FIELD_OF(type, field) (offsetof(type, field) << 8 | (SIZE(type, field) <= 8 ? SIZE(type, field) : 0))
#define SIZE(type, field) sizeof(((type *)0)->field)
/* For a view whose elements are so large: how many of them lie before it. Of another size, it does not compile. */
#define BYTE(type, field) ELEMENT(type, field, 1)
#define HALF(type, field) ELEMENT(type, field, 2)
#define WORD(type, field) ELEMENT(type, field, 4)
#define DOUBLE(type, field) ELEMENT(type, field, 8)
#define ELEMENT(type, field, size)                                                                                     \
  {NULL, #type "." #field, offsetof(type, field) / (SIZE(type, field) == (size) ? (size) : 0)},
/* The names of an enum, from which JavaScript has its own: WQ_FIELD_PRIVATE_KEY is "private-key" in FIELD there; and of
 * fields. What follows is of the last group. */
#define NAME(group, prefix, name) {#group, #name, prefix##name},
#define MEMBER(group, type, field) {#group, #field, FIELD_OF(type, field)},

typedef struct wq_wasm_layout_row {
  const char *group; /* or NULL */
  const char *name;
  int64_t value;
} wq_wasm_layout_row;

static const wq_wasm_layout_row layout[] = {
#include LAYOUT
    {NULL, NULL, 0}};

EXPORT(const wq_wasm_layout_row *, wq_wasm_layout, void) { return layout; }
EXPORT(const wq_property_info_t *, wq_wasm_property_info, uint32_t id) { return wq_property_info((uint8_t)id); }
