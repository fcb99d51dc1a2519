/* SPDX-License-Identifier: MIT
 * Filling a wqn_error. Text from the network passes through wqn_printable() first. */
#ifndef WASMQTT_NATIVE_ERROR_H
#define WASMQTT_NATIVE_ERROR_H

#include "host.h"

/* wqn_fail - fill *error. Returns -1, for `return wqn_fail(...)`. */
int wqn_fail(wqn_error *error, enum wqn_phase phase, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* wqn_printable - copy `length` bytes as text that is safe to print: whatever is not printable ASCII becomes '?', and what
 * does not fit is cut. Returns dst. */
const char *wqn_printable(char *dst, size_t room, const void *bytes, size_t length);

#endif
