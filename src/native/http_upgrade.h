/* SPDX-License-Identifier: MIT
 * The HTTP half of a WebSocket's opening handshake [RFC 6455, section 4]: the request, and a strict look at the answer. */
#ifndef WASMQTT_NATIVE_HTTP_UPGRADE_H
#define WASMQTT_NATIVE_HTTP_UPGRADE_H

#include "url.h"

#define WQN_UPGRADE_RESPONSE_MAX 8192u /* bytes of status line and headers; a server that sends more is refused */
#define WQN_UPGRADE_NONCE 16u

typedef struct wqn_upgrade {
  char request[WQN_URL_TARGET_MAX + WQN_URL_HOST_MAX + 256];
  size_t request_length;
  char accept[29];         /* what the server must answer to our key */
  const char *subprotocol; /* the one offered */
  uint8_t response[WQN_UPGRADE_RESPONSE_MAX];
  size_t response_length; /* the caller appends to response and counts it here */
} wqn_upgrade;

/* wqn_upgrade_begin - write the request and clear the response. nonce: random. subprotocol: static text. Returns 0, or -1
 * with *error if the host's cryptography fails. */
int wqn_upgrade_begin(wqn_upgrade *upgrade, const wqn_url *url, const char *subprotocol,
                      const uint8_t nonce[WQN_UPGRADE_NONCE], wqn_error *error);

/* wqn_upgrade_check - look at the response so far. Returns 0 if more is needed, -1 with *error if this is no WebSocket, or
 * else how many bytes of the response are HTTP: what follows them is WebSocket already. */
int wqn_upgrade_check(const wqn_upgrade *upgrade, const wqn_url *url, wqn_error *error);

/* wqn_upgrade_cut - fill *error for a connection that the server closed before its answer was complete. Returns -1. */
int wqn_upgrade_cut(const wqn_upgrade *upgrade, const wqn_url *url, wqn_error *error);

#endif
