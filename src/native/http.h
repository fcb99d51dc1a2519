/* SPDX-License-Identifier: MIT
 * The head of an HTTP message as a WebSocket's opening handshake needs it: request or answer, always untrusted. */
#ifndef WASMQTT_NATIVE_HTTP_H
#define WASMQTT_NATIVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define WQN_HTTP_KEY 24u    /* characters of a Sec-WebSocket-Key */
#define WQN_HTTP_ACCEPT 28u /* of the Sec-WebSocket-Accept that answers it */

typedef struct wqn_span {
  const char *at; /* NULL: absent */
  size_t length;
} wqn_span;

/* wqn_span_is - the same text, whatever its case. */
bool wqn_span_is(wqn_span s, const char *text);

/* wqn_span_trim - without spaces and tabs around it. */
wqn_span wqn_span_trim(wqn_span s);

/* wqn_span_next - take the next of comma-separated tokens off *rest. false if there are no more. */
bool wqn_span_next(wqn_span *rest, wqn_span *token);

/* wqn_span_has_token - one of its comma-separated tokens is `token`, whatever its case. */
bool wqn_span_has_token(wqn_span s, const char *token);

/* wqn_http_end - how many bytes the head has, its empty line included; 0 if that has not come yet. */
size_t wqn_http_end(const void *bytes, size_t length);

/* wqn_http_header - where to put the value of a header that may stand there once. */
typedef struct wqn_http_header {
  const char *name;
  wqn_span *value;
} wqn_http_header;

/* wqn_http_read - the first line, and the values of the headers that are wanted. text, length: a head as wqn_http_end() found
 * it. false if it is malformed, or repeats a header that is wanted. */
bool wqn_http_read(const char *text, size_t length, wqn_span *first, const wqn_http_header *wanted, size_t count);

/* wqn_http_accept - the Sec-WebSocket-Accept for a key of WQN_HTTP_KEY characters [RFC 6455, section 4.2.2]. false if the
 * host's cryptography fails. */
bool wqn_http_accept(char accept[WQN_HTTP_ACCEPT + 1], const char *key);

#endif
