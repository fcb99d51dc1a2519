/* SPDX-License-Identifier: MIT
 * The layout: what a module tells JavaScript of its numbers and structs. Its rows are in the file LAYOUT, which is read
 * twice, for the names and for their values: one array of both would be half as large again, with a pointer to each name.
 * A name that begins with a dot or a space goes on from the last one that does not. */
#include "shim.h"

#define NUMBER(name) ROW(#name, name)
#define STRUCT(type) ROW(#type, sizeof(type))
#define FIELD(type, field) ROW("." #field, offsetof(type, field) << 8 | SIZE(sizeof(((type *)0)->field)))
#define SIZE(size) ((size) < 256 ? (size) : 0)
/* The names of an enum, from which JavaScript has its own: WQ_FIELD_PRIVATE_KEY is the field kind "private-key" there. */
#define GROUP(name) ROW(#name, 0)
#define NAME(prefix, name) ROW(" " #name, prefix##name)

#define ROW(name, value) name "\0"
static const char layout_names[] =
#include LAYOUT
    ;
#undef ROW

#define ROW(name, value) (int32_t)(value),
static const int32_t layout_values[] = {
#include LAYOUT
};
#undef ROW

/* The names, with NULs between them, and as many values: a number, or a field's offset << 8 | its size. */
typedef struct wq_wasm_layout_t {
  const char *names;
  uint32_t names_size;
  const int32_t *values;
} wq_wasm_layout_t;

static const wq_wasm_layout_t layout = {layout_names, sizeof layout_names - 2, layout_values};
