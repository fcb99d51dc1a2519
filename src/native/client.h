/* SPDX-License-Identifier: MIT
 * What the parts of the host share: the insides of a loop and of a client. client.c takes a connection from address to
 * WebSocket and down again; exchange.c moves bytes between the open WebSocket and the core. */
#ifndef WASMQTT_NATIVE_CLIENT_H
#define WASMQTT_NATIVE_CLIENT_H

#include "http_upgrade.h"
#include "websocket.h"

#define WQN_BATCH 65536u /* bytes of the largest WebSocket message sent */

struct wqn_loop {
  wqn_client *clients;
  size_t client_count;
  wqn_timer *timers;
  wqn_tls *tls;
  int wake[2]; /* a pipe: wqn_loop_stop() writes, poll() sees it */
  struct pollfd *polled;
  size_t polled_room;
  uint8_t batch[WQN_BATCH]; /* where output is gathered */
};

enum wqn_state {
  WQN_WAITING,   /* for the next attempt, at `deadline` */
  WQN_OPENING,   /* TCP and TLS */
  WQN_UPGRADING, /* HTTP */
  WQN_OPEN,      /* the core is connecting or connected */
  WQN_CLOSING,   /* the last output and the close frame are on their way, until `deadline` */
  WQN_ENDED
};

/* A block given to the core; its memory follows, aligned as the core wants it. */
typedef struct wqn_block {
  _Alignas(16) struct wqn_block *next;
} wqn_block;

/* A payload kept for the core under its token; its bytes follow. */
typedef struct wqn_payload {
  struct wqn_payload *next;
  uint32_t token;
  uint32_t length;
  uint8_t bytes[];
} wqn_payload;

/* A message whose payload comes in pieces. buffer: topic, properties, then as much of the payload as came. */
typedef struct wqn_assembly {
  uint8_t *buffer;
  size_t room, used;
  uint32_t topic_length, properties_length;
  uint16_t flags; /* of its event; meaningful while buffer is set */
} wqn_assembly;

struct wqn_client {
  wqn_loop *loop;
  wqn_client *next;
  enum wqn_state state;
  uint64_t deadline;   /* of the state; UINT64_MAX: none */
  bool attention;      /* work was queued: serve without waiting for the socket */
  bool close_wanted;   /* wqn_close() */
  bool freed;          /* wqn_free(): the loop forgets it once no callback can be running */
  struct pollfd *poll; /* its place in loop->polled during one round; NULL: none */

  wqn_url url;
  wqn_tls *tls; /* NULL: plain */
  wq_connect_args connect;
  uint32_t open_timeout_ms, retry_min_ms, retry_max_ms;
  wqn_callbacks callbacks;
  uint32_t attempts; /* in a row that did not last */
  uint64_t connected_at;

  wqn_transport transport;
  wqn_upgrade upgrade;
  size_t request_sent;
  wqn_ws ws;

  wq_client *core;
  void *core_memory;
  wqn_block *blocks;
  wqn_payload *payloads;
  wqn_assembly assembly;
  size_t in_taken;      /* of ws.in, by the core */
  uint32_t data_queued; /* of the core's output view, not yet acknowledged because its payload has not gone */
  uint32_t payload_queued;

  bool failed; /* `failure` is why the connection is being closed */
  wqn_error failure;
};

/* -- client.c */

/* wqn_client_serve - do what can be done now. readable: poll() says that the socket has something. */
void wqn_client_serve(wqn_client *c, uint64_t now, bool readable);

/* wqn_client_deadline - when to serve it though nothing happened; UINT64_MAX: never. */
uint64_t wqn_client_deadline(const wqn_client *c, uint64_t now);

/* wqn_client_events - what to poll its socket for; 0: nothing. */
short wqn_client_events(const wqn_client *c);

void wqn_client_destroy(wqn_client *c);

/* -- exchange.c: the open WebSocket and the core. Those that return int give 0, or -1 with c->failure filled. */

/* wqn_exchange_start - put CONNECT into the output. */
int wqn_exchange_start(wqn_client *c);

/* wqn_exchange_tick - let the core do what is due. */
int wqn_exchange_tick(wqn_client *c);

/* wqn_exchange_feed - give ws.in to the core. Bytes that it cannot take yet stay, and keep more from being read. */
int wqn_exchange_feed(wqn_client *c);

/* wqn_exchange_flush - send the core's output, as far as the transport takes it. */
int wqn_exchange_flush(wqn_client *c);

/* wqn_exchange_lost - tell the core that the connection is gone. */
void wqn_exchange_lost(wqn_client *c);

/* wqn_exchange_stopped - the application closed or freed the client: call nothing of its any more. */
bool wqn_exchange_stopped(const wqn_client *c);

/* wqn_exchange_free - blocks, payloads, what was being put together. */
void wqn_exchange_free(wqn_client *c);

#endif
