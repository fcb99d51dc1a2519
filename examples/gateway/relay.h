/* SPDX-License-Identifier: MIT
 * One page's WebSocket and the connection to the target that belongs to it. Bytes pass unread both ways, and each side is
 * read only while the other takes them, so what waits here is bounded whatever either does. */
#ifndef GATEWAY_RELAY_H
#define GATEWAY_RELAY_H

#include <poll.h>

#include "native/websocket.h"
#include "request.h"

enum { OPEN_MS = 10000, CLOSE_MS = 5000, DOWN_CHUNK = 16384 };

/* What all relays share. */
typedef struct gateway {
  request_rules rules;
  wqn_url target;
  wqn_tls *tls; /* NULL: plain TCP */
} gateway;

enum relay_state {
  RELAY_REQUEST, /* HTTP from the page */
  RELAY_OPENING, /* the WebSocket is open; TCP and TLS to the target are not */
  RELAY_OPEN,
  RELAY_PAGE_GONE,   /* what it said last is on its way to the target */
  RELAY_TARGET_GONE, /* what it said last, and a close frame, are on their way to the page */
  RELAY_REFUSED,     /* the answer that says so is on its way */
  RELAY_LINGERING, /* all is said; a socket closed with bytes unread would take it back, so wait for the page to leave */
  RELAY_ENDED
};

typedef struct relay {
  const gateway *gateway;
  struct relay *next;
  enum relay_state state;
  uint64_t deadline; /* of the state; UINT64_MAX: none */
  wqn_transport page, target;
  wqn_ws ws;
  request request;
  size_t up_sent;        /* of ws.in, to the target */
  uint64_t up, down;     /* bytes relayed */
  char from[64];         /* the page's address */
  wqn_error why;         /* why it ended; text only */
  struct pollfd *polled; /* two places in one round: page and target */
} relay;

/* relay_new - for an accepted socket, which it owns from now on. crowded: say so and end. NULL if there is no memory. */
relay *relay_new(const gateway *g, int fd, const char *from, bool crowded);

/* relay_poll - fill two places, page and target, with what to wait for. fd is -1 where there is nothing. */
void relay_poll(relay *r, struct pollfd polled[2]);

/* relay_pending - something can be done though poll() does not say so. */
bool relay_pending(const relay *r);

/* relay_serve - do what can be done now. */
void relay_serve(relay *r, uint64_t now);

void relay_free(relay *r);

#endif
