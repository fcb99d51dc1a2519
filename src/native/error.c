/* SPDX-License-Identifier: MIT
 * Errors as one line for a person. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

int wqn_fail(wqn_error *error, enum wqn_phase phase, int code, const char *format, ...) {
  va_list arguments;
  error->phase = phase;
  error->code = code;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return -1;
}

const char *wqn_printable(char *dst, size_t room, const void *bytes, size_t length) {
  const uint8_t *from = bytes;
  size_t n = length < room - 1 ? length : room - 1;
  for (size_t i = 0; i < n; i++)
    dst[i] = from[i] >= 0x20 && from[i] < 0x7F ? (char)from[i] : '?';
  dst[n] = '\0';
  return dst;
}

const char *wqn_phase_name(enum wqn_phase phase) {
  static const char *const names[] = {
      [WQN_OPTIONS] = "options", [WQN_RESOLVE] = "resolve",     [WQN_TCP] = "tcp",   [WQN_TLS] = "tls",
      [WQN_UPGRADE] = "upgrade", [WQN_WEBSOCKET] = "websocket", [WQN_MQTT] = "mqtt", [WQN_MEMORY] = "memory",
  };
  return phase >= WQN_OPTIONS && phase <= WQN_MEMORY ? names[phase] : "unknown";
}
