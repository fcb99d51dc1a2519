/* SPDX-License-Identifier: MIT
 * An open WebSocket on a transport, by wslay; the client's side of it, or the server's. Message boundaries mean nothing to MQTT, so bytes are handed on
 * as they come and no message is ever put together here. */
#ifndef WASMQTT_NATIVE_WEBSOCKET_H
#define WASMQTT_NATIVE_WEBSOCKET_H

#include <wslay/wslay.h>

#include "transport.h"

#define WQN_WS_CHUNK 4096u

typedef struct wqn_ws {
  struct wslay_event_context *wslay; /* NULL: closed */
  wqn_transport *transport;
  const uint8_t *early; /* what came behind the HTTP answer, in the same read */
  size_t early_length;
  uint8_t in[WQN_WS_CHUNK]; /* payload bytes for the caller, who sets in_length to 0 when done with them */
  size_t in_length;
  uint8_t opcode;    /* of the frame under way */
  bool text;         /* the server sent a text message, which MQTT forbids */
  enum wqn_io ended; /* WQN_IO_END or WQN_IO_FAILED once the transport gave that; else 0 */
  char reason[124];  /* of the server's close frame, printable */
  bool close_queued; /* our close frame is on its way; nothing may follow it */
} wqn_ws;

/* wqn_ws_open - `early` must stay in place until it was read. Returns 0, or -1 if there is no memory. */
int wqn_ws_open(wqn_ws *ws, wqn_transport *transport, const uint8_t *early, size_t early_length);

/* wqn_ws_accept - the same for the server's side. */
int wqn_ws_accept(wqn_ws *ws, wqn_transport *transport, const uint8_t *early, size_t early_length);

/* wqn_ws_read - take in what came, up to one chunk. Returns 1 if there are bytes in ws->in, 0 if there are none for now, or
 * -1 with *error once the connection is over. */
int wqn_ws_read(wqn_ws *ws, const wqn_url *url, wqn_error *error);

/* wqn_ws_send - queue one binary message (copied). Returns 0, or -1 if there is no memory. */
int wqn_ws_send(wqn_ws *ws, const uint8_t *bytes, size_t length);

/* wqn_ws_close - queue a close frame. code: RFC 6455, section 7.4.1. reason: printable ASCII, of which 123 bytes are sent;
 * NULL: none. */
void wqn_ws_close(wqn_ws *ws, uint16_t code, const char *reason);

/* wqn_ws_flush - write what is queued, as far as the transport takes it. A failure shows in the next wqn_ws_read(). */
void wqn_ws_flush(wqn_ws *ws);

/* wqn_ws_blocked - something is queued still. */
bool wqn_ws_blocked(const wqn_ws *ws);

/* wqn_ws_finished - both sides have sent their close frame. */
bool wqn_ws_finished(const wqn_ws *ws);

/* wqn_ws_free - may be repeated. */
void wqn_ws_free(wqn_ws *ws);

#endif
