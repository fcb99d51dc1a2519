/* SPDX-License-Identifier: MIT
 * A non-blocking byte stream: TCP, or TLS over it. */
#ifndef WASMQTT_NATIVE_TRANSPORT_H
#define WASMQTT_NATIVE_TRANSPORT_H

#include <sys/types.h>

#include "tls.h"

/* What a read or write gives where it gives no bytes. */
enum wqn_io { WQN_IO_AGAIN = -1, WQN_IO_END = -2, WQN_IO_FAILED = -3 };

typedef struct wqn_transport {
  int fd; /* -1: closed */
  SSL *session;
  struct addrinfo *addresses;  /* what the name stands for */
  const struct addrinfo *next; /* the address to try when this one fails */
  bool connecting;             /* TCP's handshake is under way */
  bool handshaking;            /* TLS's is */
  bool wants_write;            /* the TLS session cannot go on before it may write, whatever it was asked for */
  int last_errno;              /* of a failed read, write or connect */
} wqn_transport;

/* wqn_transport_init - closed, and safe to close. */
void wqn_transport_init(wqn_transport *t);

/* wqn_transport_start - look the name up and begin. Returns 0, or -1 with *error. */
int wqn_transport_start(wqn_transport *t, const wqn_url *url, wqn_error *error);

/* wqn_transport_step - go on opening; call when poll() says so. tls: NULL for plain TCP. Returns 1 once open, 0 to be called
 * again, -1 with *error. */
int wqn_transport_step(wqn_transport *t, const wqn_url *url, wqn_tls *tls, wqn_error *error);

/* wqn_transport_events - what poll() is to wait for. */
short wqn_transport_events(const wqn_transport *t, bool want_read, bool want_write);

/* wqn_transport_pending - bytes wait inside TLS, where poll() does not see them. */
bool wqn_transport_pending(const wqn_transport *t);

/* wqn_transport_read, _write - bytes moved (over 0), or enum wqn_io. */
ssize_t wqn_transport_read(wqn_transport *t, uint8_t *bytes, size_t room);
ssize_t wqn_transport_write(wqn_transport *t, const uint8_t *bytes, size_t length);

/* wqn_transport_close - at once, whatever is under way; may be repeated. */
void wqn_transport_close(wqn_transport *t);

#endif
