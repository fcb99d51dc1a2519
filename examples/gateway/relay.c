/* SPDX-License-Identifier: MIT
 * One page's WebSocket and the connection to the target that belongs to it. */
#include "relay.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 16, BAD_GATEWAY = 1014 }; /* chunks each way before others have their turn; a registered close code */

/* What errors of the WebSocket name as the other end. */
static const wqn_url page_name = {.authority = "the page"};

relay *relay_new(const gateway *g, int fd, const char *from, bool crowded) {
  relay *r = calloc(1, sizeof *r);
  if (!r) {
    close(fd);
    return NULL;
  }
  r->gateway = g;
  wqn_transport_init(&r->page);
  wqn_transport_init(&r->target);
  r->page.fd = fd;
  r->deadline = wqn_now() + OPEN_MS;
  snprintf(r->from, sizeof r->from, "%s", from);
  snprintf(r->request.page, sizeof r->request.page, "a program");
  if (crowded) {
    request_refuse(&r->request, 503, "as many connections as --max allows are open");
    r->state = RELAY_REFUSED;
  }
  return r;
}

void relay_free(relay *r) {
  wqn_ws_free(&r->ws);
  wqn_transport_close(&r->page);
  wqn_transport_close(&r->target);
  free(r);
}

static void enter(relay *r, enum relay_state state, uint64_t limit_ms) {
  r->state = state;
  r->deadline = limit_ms ? wqn_now() + limit_ms : UINT64_MAX;
}

static void end(relay *r, const char *why) {
  if (why && !r->why.text[0]) wqn_fail(&r->why, WQN_WEBSOCKET, 0, "%s", why);
  enter(r, RELAY_ENDED, 0);
}

/* ------------------------------------------------------------------------------------------------ HTTP */

/* Send the answer as far as the page takes it. Returns true once it is sent. */
static bool send_answer(relay *r) {
  request *q = &r->request;
  while (q->answer_sent < q->answer_length) {
    ssize_t n =
        wqn_transport_write(&r->page, (const uint8_t *)q->answer + q->answer_sent, q->answer_length - q->answer_sent);
    if (n == WQN_IO_AGAIN) return false;
    if (n < 0) {
      end(r, "the page left during the handshake");
      return false;
    }
    q->answer_sent += (uint32_t)n;
  }
  return true;
}

/* The answer to a good request was sent: open both ends. */
static void open_relay(relay *r) {
  request *q = &r->request;
  if (wqn_ws_accept(&r->ws, &r->page, q->bytes + q->head, q->length - q->head)) {
    end(r, "no memory for a WebSocket");
    return;
  }
  enter(r, RELAY_OPENING, OPEN_MS);
  if (wqn_transport_start(&r->target, &r->gateway->target, &r->why)) {
    wqn_ws_close(&r->ws, BAD_GATEWAY, r->why.text);
    enter(r, RELAY_TARGET_GONE, CLOSE_MS);
  }
}

/* All is said to the page: wait for it to leave. */
static void linger(relay *r) {
  shutdown(r->page.fd, SHUT_WR);
  enter(r, RELAY_LINGERING, CLOSE_MS);
}

static void serve_refused(relay *r) {
  if (!r->why.text[0]) wqn_fail(&r->why, WQN_UPGRADE, 0, "%s", r->request.why);
  if (send_answer(r)) linger(r);
}

static void serve_request(relay *r) {
  request *q = &r->request;
  while (q->answer_length == 0) {
    ssize_t n = wqn_transport_read(&r->page, q->bytes + q->length, sizeof q->bytes - q->length);
    if (n == WQN_IO_AGAIN) return;
    if (n < 0) {
      end(r, "the page left during the handshake");
      return;
    }
    q->length += (uint32_t)n;
    int status = request_judge(q, &r->gateway->rules);
    if (status == 0 || status == 101) continue;
    enter(r, RELAY_REFUSED, CLOSE_MS);
    serve_refused(r);
    return;
  }
  if (send_answer(r)) open_relay(r);
}

static void serve_lingering(relay *r) {
  uint8_t rest[1024];
  ssize_t n;
  while ((n = wqn_transport_read(&r->page, rest, sizeof rest)) > 0) {
  }
  if (n != WQN_IO_AGAIN) end(r, NULL);
}

/* ------------------------------------------------------------------------------------------------ bytes */

/* Take in what the page sent, while the last of it is on its way. Returns whether something came. */
static bool read_page(relay *r) {
  wqn_error why;
  if (r->ws.in_length > 0 || r->state == RELAY_PAGE_GONE) return false;
  int got = wqn_ws_read(&r->ws, &page_name, &why);
  if (got >= 0) return got > 0;
  if (r->state == RELAY_TARGET_GONE) return false;
  r->why = why;
  if (r->ws.text) wqn_ws_close(&r->ws, WSLAY_CODE_UNSUPPORTED_DATA, "MQTT travels in binary messages");
  if (r->state == RELAY_OPENING) r->ws.in_length = 0; /* nobody is there yet to hear it */
  enter(r, RELAY_PAGE_GONE, CLOSE_MS);
  return false;
}

/* The target is gone, or cannot be reached. `code` and `why` go to the page. */
static void lose_target(relay *r, uint16_t code, const char *why) {
  if (r->state == RELAY_PAGE_GONE) {
    end(r, why);
    return;
  }
  if (!r->why.text[0]) wqn_fail(&r->why, WQN_TCP, 0, "%s", why);
  wqn_ws_close(&r->ws, code, why);
  wqn_transport_close(&r->target);
  enter(r, RELAY_TARGET_GONE, CLOSE_MS);
}

static void lose_target_by(relay *r, enum wqn_io how) {
  /* TLS 1.3 tells of a client certificate that is missing or refused only now. */
  const char *alert = how == WQN_IO_FAILED && r->target.session ? ERR_reason_error_string(ERR_peek_error()) : NULL;
  char text[124];
  if (how == WQN_IO_END) {
    lose_target(r, WSLAY_CODE_NORMAL_CLOSURE, "the target closed the connection");
    return;
  }
  snprintf(text, sizeof text, "the connection to the target broke (%s)",
           alert ? alert : strerror(r->target.last_errno));
  lose_target(r, BAD_GATEWAY, text);
}

/* Returns whether something went up. */
static bool write_target(relay *r) {
  if (r->up_sent == r->ws.in_length) return false;
  ssize_t n = wqn_transport_write(&r->target, r->ws.in + r->up_sent, r->ws.in_length - r->up_sent);
  if (n == WQN_IO_AGAIN) return false;
  if (n < 0) {
    lose_target_by(r, (enum wqn_io)n);
    return false;
  }
  r->up_sent += (size_t)n;
  r->up += (uint64_t)n;
  if (r->up_sent == r->ws.in_length) r->up_sent = r->ws.in_length = 0;
  return true;
}

/* Returns whether something came down. */
static bool read_target(relay *r) {
  uint8_t chunk[DOWN_CHUNK];
  if (r->state != RELAY_OPEN || wqn_ws_blocked(&r->ws)) return false;
  ssize_t n = wqn_transport_read(&r->target, chunk, sizeof chunk);
  if (n == WQN_IO_AGAIN) return false;
  if (n < 0) {
    lose_target_by(r, (enum wqn_io)n);
    return false;
  }
  r->down += (uint64_t)n;
  if (wqn_ws_send(&r->ws, chunk, (size_t)n)) end(r, "no memory for a WebSocket message");
  return true;
}

static void step_target(relay *r) {
  int opened = wqn_transport_step(&r->target, &r->gateway->target, r->gateway->tls, &r->why);
  if (opened < 0) lose_target(r, BAD_GATEWAY, r->why.text);
  if (opened > 0) enter(r, RELAY_OPEN, 0);
}

static void serve_open(relay *r) {
  bool moved = true;
  for (int round = 0; moved && round < ROUNDS; round++) {
    moved = read_page(r);
    if (r->state == RELAY_OPENING) step_target(r);
    if (r->state == RELAY_OPEN || r->state == RELAY_PAGE_GONE) moved |= write_target(r);
    moved |= read_target(r);
    if (r->state != RELAY_ENDED) wqn_ws_flush(&r->ws);
  }
  if (r->state == RELAY_PAGE_GONE && r->ws.in_length == 0 && !wqn_ws_blocked(&r->ws)) {
    wqn_transport_close(&r->target);
    linger(r);
  }
  if (r->state == RELAY_TARGET_GONE) {
    r->ws.in_length = r->up_sent = 0; /* nobody is left to hear it */
    /* wslay does not know 1014, so the page's echo of it counts as its mistake, and ends reading all the same. */
    if (r->ws.ended || (!wqn_ws_blocked(&r->ws) && !wslay_event_get_read_enabled(r->ws.wslay))) linger(r);
  }
}

/* ------------------------------------------------------------------------------------------------ poll */

void relay_serve(relay *r, uint64_t now) {
  switch (r->state) {
  case RELAY_REQUEST: serve_request(r); break;
  case RELAY_REFUSED: serve_refused(r); break;
  case RELAY_LINGERING: serve_lingering(r); break;
  case RELAY_OPENING:
  case RELAY_OPEN:
  case RELAY_PAGE_GONE:
  case RELAY_TARGET_GONE: serve_open(r); break;
  case RELAY_ENDED: return;
  }
  if (now < r->deadline) return;
  if (r->state == RELAY_OPENING)
    lose_target(r, BAD_GATEWAY, "the target cannot be reached: it did not answer within 10 seconds");
  else
    end(r, r->state == RELAY_REQUEST ? "the page did not finish its request within 10 seconds" : NULL);
}

void relay_poll(relay *r, struct pollfd polled[2]) {
  bool http = !r->ws.wslay || r->state == RELAY_LINGERING;
  bool answering = r->request.answer_sent < r->request.answer_length;
  bool room = r->ws.in_length == 0 && r->state != RELAY_PAGE_GONE;
  bool opening = r->state == RELAY_OPENING;
  polled[0] = (struct pollfd){.fd = r->page.fd};
  polled[0].events =
      http ? (short)(answering ? POLLOUT : POLLIN) : wqn_transport_events(&r->page, room, wqn_ws_blocked(&r->ws));
  polled[1] = (struct pollfd){.fd = r->target.fd};
  if (opening || r->target.fd >= 0)
    polled[1].events = wqn_transport_events(&r->target, r->state == RELAY_OPEN && !wqn_ws_blocked(&r->ws),
                                            !opening && r->ws.in_length > 0);
  for (int side = 0; side < 2; side++) {
    if (!polled[side].events) polled[side].fd = -1; /* a hang-up of one that nobody asks about would wake us for ever */
  }
}

bool relay_pending(const relay *r) {
  if (r->state == RELAY_OPEN && !wqn_ws_blocked(&r->ws) && wqn_transport_pending(&r->target)) return true;
  return r->ws.wslay && r->state <= RELAY_OPEN && r->ws.in_length == 0 && r->ws.early_length > 0;
}
