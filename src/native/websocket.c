/* SPDX-License-Identifier: MIT
 * An open WebSocket by wslay. wslay's callbacks do no more than move bytes: whatever follows from them is done by the
 * caller, outside of wslay, where the connection may be ended. */
#include "websocket.h"

#include <stdio.h>
#include <string.h>

#include "../crypto.h"

enum { REASON_MAX = 123 }; /* what a control frame has room for behind the code [RFC 6455, section 5.5] */

/* ------------------------------------------------------------------------------------------------ wslay's callbacks */

/* One read fills `in` at most once: payload bytes never outnumber the bytes read, since wslay hands them on at once. */
static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *bytes, size_t room, int flags, void *user) {
  (void)flags;
  wqn_ws *ws = user;
  ssize_t n = WQN_IO_AGAIN;
  if (room > sizeof ws->in) room = sizeof ws->in;
  if (ws->in_length == 0) {
    if (ws->early_length > 0) {
      n = (ssize_t)(room < ws->early_length ? room : ws->early_length);
      memcpy(bytes, ws->early, (size_t)n);
      ws->early += n;
      ws->early_length -= (size_t)n;
    } else {
      n = wqn_transport_read(ws->transport, bytes, room);
    }
  }
  if (n > 0) return n;
  if (n != WQN_IO_AGAIN) ws->ended = (enum wqn_io)n;
  wslay_event_set_error(wslay, n == WQN_IO_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
  return -1;
}

static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *bytes, size_t length, int flags, void *user) {
  (void)flags;
  wqn_ws *ws = user;
  ssize_t n = wqn_transport_write(ws->transport, bytes, length);
  if (n > 0) return n;
  if (n != WQN_IO_AGAIN) ws->ended = (enum wqn_io)n;
  wslay_event_set_error(wslay, n == WQN_IO_AGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
  return -1;
}

static int on_mask(wslay_event_context_ptr wslay, uint8_t *bytes, size_t length, void *user) {
  (void)user;
  if (wq_crypto_random(bytes, (uint32_t)length) == 0) return 0;
  wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
  return -1;
}

static void on_frame(wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_start_arg *frame,
                     void *user) {
  wqn_ws *ws = user;
  ws->opcode = frame->opcode;
  if (frame->opcode != WSLAY_TEXT_FRAME) return; /* [M3:6.0.0-1] [M5:6.0.0-1] */
  ws->text = true;
  wslay_event_shutdown_read(wslay);
}

static void on_chunk(wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_chunk_arg *chunk,
                     void *user) {
  wqn_ws *ws = user;
  if (ws->text || wslay_is_ctrl_frame(ws->opcode)) return;
  if (chunk->data_length > sizeof ws->in - ws->in_length) { /* on_recv() keeps this from happening */
    wslay_event_shutdown_read(wslay);
    return;
  }
  memcpy(ws->in + ws->in_length, chunk->data, chunk->data_length);
  ws->in_length += chunk->data_length;
}

static void on_message(wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *message, void *user) {
  (void)wslay;
  wqn_ws *ws = user;
  if (message->opcode == WSLAY_CONNECTION_CLOSE && message->msg_length > 2)
    wqn_printable(ws->reason, sizeof ws->reason, message->msg + 2, message->msg_length - 2);
}

static int start(wqn_ws *ws, wqn_transport *transport, bool server, const uint8_t *early, size_t early_length) {
  static const struct wslay_event_callbacks callbacks = {
      .recv_callback = on_recv,
      .send_callback = on_send,
      .genmask_callback = on_mask,
      .on_frame_recv_start_callback = on_frame,
      .on_frame_recv_chunk_callback = on_chunk,
      .on_msg_recv_callback = on_message,
  };
  memset(ws, 0, sizeof *ws);
  ws->transport = transport;
  ws->early = early;
  ws->early_length = early_length;
  int failed = server ? wslay_event_context_server_init(&ws->wslay, &callbacks, ws)
                      : wslay_event_context_client_init(&ws->wslay, &callbacks, ws);
  if (failed) return -1;
  wslay_event_config_set_no_buffering(ws->wslay, 1);
  return 0;
}

int wqn_ws_open(wqn_ws *ws, wqn_transport *transport, const uint8_t *early, size_t early_length) {
  return start(ws, transport, false, early, early_length);
}

int wqn_ws_accept(wqn_ws *ws, wqn_transport *transport, const uint8_t *early, size_t early_length) {
  return start(ws, transport, true, early, early_length);
}

void wqn_ws_free(wqn_ws *ws) {
  if (ws->wslay) wslay_event_context_free(ws->wslay);
  ws->wslay = NULL;
}

/* ------------------------------------------------------------------------------------------------ reading */

static int over(const wqn_ws *ws, const wqn_url *url, wqn_error *error) {
  const char *server = url->authority;
  if (ws->text)
    return wqn_fail(error, WQN_WEBSOCKET, WSLAY_CODE_UNSUPPORTED_DATA,
                    "%s sent a text message: MQTT travels in binary ones, so this is no MQTT server", server);
  if (wslay_event_get_close_received(ws->wslay)) {
    unsigned code = wslay_event_get_status_code_received(ws->wslay);
    return wqn_fail(error, WQN_WEBSOCKET, (int)code, "%s closed the WebSocket (code %u%s%s)", server, code,
                    ws->reason[0] ? ": " : "", ws->reason);
  }
  if (ws->ended == WQN_IO_END)
    return wqn_fail(error, WQN_WEBSOCKET, WSLAY_CODE_ABNORMAL_CLOSURE, "%s ended the connection without a word",
                    server);
  if (ws->ended == WQN_IO_FAILED)
    return wqn_fail(error, WQN_WEBSOCKET, WSLAY_CODE_ABNORMAL_CLOSURE, "the connection to %s broke (%s)", server,
                    strerror(ws->transport->last_errno));
  return wqn_fail(error, WQN_WEBSOCKET, WSLAY_CODE_PROTOCOL_ERROR, "%s broke the WebSocket protocol", server);
}

int wqn_ws_read(wqn_ws *ws, const wqn_url *url, wqn_error *error) {
  bool failed = false;
  if (ws->in_length == 0 && !ws->ended && wslay_event_get_read_enabled(ws->wslay))
    failed = wslay_event_recv(ws->wslay) != 0;
  if (ws->in_length > 0) return 1;
  if (!failed && !ws->ended && wslay_event_get_read_enabled(ws->wslay)) return 0;
  return over(ws, url, error);
}

/* ------------------------------------------------------------------------------------------------ writing */

int wqn_ws_send(wqn_ws *ws, const uint8_t *bytes, size_t length) {
  struct wslay_event_msg message = {.opcode = WSLAY_BINARY_FRAME, .msg = bytes, .msg_length = length};
  /* Once a close frame came or went nothing more can be said, and nothing needs to: reading tells that it is over. */
  return wslay_event_queue_msg(ws->wslay, &message) == WSLAY_ERR_NOMEM ? -1 : 0;
}

void wqn_ws_close(wqn_ws *ws, uint16_t code, const char *reason) {
  size_t length = reason ? strlen(reason) : 0;
  if (ws->close_queued) return;
  ws->close_queued = true;
  if (length > REASON_MAX) length = REASON_MAX;
  (void)wslay_event_queue_close(ws->wslay, code, (const uint8_t *)reason,
                                length); /* it fails only where one is queued already */
}

void wqn_ws_flush(wqn_ws *ws) {
  if (ws->ended || !wslay_event_want_write(ws->wslay)) return;
  if (wslay_event_send(ws->wslay) != 0 && !ws->ended) ws->ended = WQN_IO_FAILED;
}

bool wqn_ws_blocked(const wqn_ws *ws) { return !ws->ended && wslay_event_want_write(ws->wslay); }

bool wqn_ws_finished(const wqn_ws *ws) {
  return ws->ended || (wslay_event_get_close_received(ws->wslay) && wslay_event_get_close_sent(ws->wslay));
}
