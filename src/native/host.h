/* SPDX-License-Identifier: MIT
 *
 * host.h - a POSIX host for the core: MQTT over WebSocket (wslay), plain or over TLS (OpenSSL), many connections in one
 * thread on poll(). It opens and closes sockets, feeds what comes to the core, sends what the core has to say, gives it
 * memory and time, puts large payloads together, and reconnects where that is asked for.
 *
 *   wqn_loop *loop = wqn_loop_new();
 *   wqn_client *client = wqn_open(loop, &options, &error);
 *   wqn_loop_run(loop);
 *   wqn_loop_free(loop);
 *
 * Threads: a loop and all that belongs to it is for one thread, but for wqn_loop_stop(). No signal is sent or caught.
 * Callbacks run inside wqn_loop_run() only, and may call anything here but wqn_loop_run() and wqn_loop_free().
 * Names are looked up with getaddrinfo(), which may block for as long as the system's resolver does. */
#ifndef WASMQTT_NATIVE_HOST_H
#define WASMQTT_NATIVE_HOST_H

#include "../wasmqtt.h"

typedef struct wqn_loop wqn_loop;
typedef struct wqn_client wqn_client;

/* ------------------------------------------------------------------------------------------------ errors */

/* enum wqn_phase - how far a connection had come. */
enum wqn_phase {
  WQN_OPTIONS = 1,   /* options or URL: nothing was tried */
  WQN_RESOLVE = 2,   /* finding the address of the host name */
  WQN_TCP = 3,       /* reaching the address */
  WQN_TLS = 4,       /* handshake, certificate, host name */
  WQN_UPGRADE = 5,   /* HTTP answer to the WebSocket request */
  WQN_WEBSOCKET = 6, /* the open WebSocket: closed, cut off, or misused by the server */
  WQN_MQTT = 7,      /* refused, disconnected or timed out by MQTT's own rules */
  WQN_MEMORY = 8     /* this machine has no memory left */
};

/* wqn_error - what went wrong. text is one line for a person, in printable ASCII: no secrets, no query of the URL. */
typedef struct wqn_error {
  enum wqn_phase phase;
  int code; /* UPGRADE: HTTP status; WEBSOCKET: close code; MQTT: enum wq_error; TCP: errno; where there is none: 0 */
  char text[400];
} wqn_error;

/* wqn_phase_name - "tls" for WQN_TLS, ... Static. */
const char *wqn_phase_name(enum wqn_phase phase);

/* ------------------------------------------------------------------------------------------------ the loop */

/* wqn_loop_new - NULL if there is no memory or no file descriptor left. */
wqn_loop *wqn_loop_new(void);

/* wqn_loop_run - serve clients and timers until wqn_loop_stop(). May be called again after it returned. */
void wqn_loop_run(wqn_loop *loop);

/* wqn_loop_stop - make wqn_loop_run() return soon. The one call allowed in a signal handler or another thread. */
void wqn_loop_stop(wqn_loop *loop);

/* wqn_loop_free - cut off and free every client, without a callback, then the loop. NULL is allowed. */
void wqn_loop_free(wqn_loop *loop);

/* wqn_now - monotonic milliseconds: the clock of the loop, of its timers and of the core. */
uint64_t wqn_now(void);

/* wqn_timer - calls `fire` once, at or after `due`. Owned by the caller: zero it, set fire and user; it must stay in place
 * while it runs. A timer may start itself again. */
typedef struct wqn_timer {
  void (*fire)(struct wqn_timer *timer, void *user);
  void *user;
  uint64_t due; /* wqn_now() plus the delay; 0: not running */
  struct wqn_timer *previous, *next;
} wqn_timer;

void wqn_timer_start(wqn_loop *loop, wqn_timer *timer, uint64_t delay_ms); /* restarts one that runs */
void wqn_timer_stop(wqn_loop *loop, wqn_timer *timer);                     /* harmless if it does not run */

/* ------------------------------------------------------------------------------------------------ clients */

/* wqn_message - one inbound PUBLISH, its payload whole. Views are good until the callback returns. */
typedef struct wqn_message {
  wq_bytes topic;
  wq_bytes payload;
  wq_bytes properties; /* encoded, without their length: wq_property_read() */
  uint8_t qos;
  bool retain;
  bool dup;
} wqn_message;

typedef struct wqn_callbacks {
  /* A message came. QoS 1 and 2 are acknowledged when this returns, unless it called wqn_close(). */
  void (*on_message)(wqn_client *client, const wqn_message *message, void *user);

  /* Any other event of wasmqtt.h: CONNACK, SETTLED, SUBACK, ... body: the reason codes of SUBACK and UNSUBACK. */
  void (*on_event)(wqn_client *client, const wq_event *event, wq_bytes body, wq_bytes properties, void *user);

  /* The connection ended or could not be opened. error: NULL if wqn_close() asked for it. retry_ms: when the next attempt
   * begins; 0: the client has ended, and serves for nothing but wqn_free(). */
  void (*on_closed)(wqn_client *client, const wqn_error *error, uint32_t retry_ms, void *user);
  void *user;
} wqn_callbacks;

/* wqn_options - zero it, then set what you need. */
typedef struct wqn_options {
  const char *url;          /* ws://host:port/path or wss://...; without a path: /mqtt. No user name, no fragment */
  const char *ca_file;      /* PEM file of the authorities to trust; NULL: the system's. wss always checks both the
                               certificate and the name; there is no way around it */
  wq_config config;         /* wq_config_init() first. Seeds left 0 are filled with randomness; topic_alias_max is 0 */
  wq_connect_args connect;  /* what it points to must live as long as the client. The version chooses the subprotocol */
  uint32_t open_timeout_ms; /* for the way up to the open WebSocket; 0: 30000. CONNACK has its own time */
  uint32_t retry_min_ms;    /* reconnect after a failure: first delay, doubled each time, half of it random; 0: never */
  uint32_t retry_max_ms;    /* largest delay; 0: 120000. Refusals that time does not cure are not tried again */
  wqn_callbacks callbacks;  /* any may be NULL */
} wqn_options;

/* wqn_open - start connecting. `options` is copied (not what it points to, but for url and ca_file).
 * Returns NULL, and why in *error, if options, URL or CA file are wrong or there is no memory; other failures come
 * through on_closed. */
wqn_client *wqn_open(wqn_loop *loop, const wqn_options *options, wqn_error *error);

/* wqn_close - end: DISCONNECT, then the WebSocket's closing handshake, each bounded in time. on_closed tells. What was
 * published before leaves first; its acknowledgements are not waited for. */
void wqn_close(wqn_client *client);

/* wqn_free - cut off (an open connection's will is then published by the server) and forget. No callback follows. Legal
 * in the client's own callbacks. NULL is allowed. */
void wqn_free(wqn_client *client);

/* wqn_connected - CONNACK came, and nothing ended the connection yet. */
bool wqn_connected(const wqn_client *client);

/* wqn_core - the client in the core, for wq_negotiated(), wq_stats() and other calls that only look. */
wq_client *wqn_core(wqn_client *client);

/* wqn_publish - as wq_publish(), with a payload of any size: over 16384 bytes it is copied and kept until it is settled.
 * host_payload is not to be set. WQ_E_MEMORY here means that the machine has none left. */
int wqn_publish(wqn_client *client, const wq_publish_args *args);

/* wqn_subscribe, wqn_unsubscribe - as wq_subscribe() and wq_unsubscribe(). Not repeated on a reconnect: do it on CONNACK. */
int wqn_subscribe(wqn_client *client, const wq_subscription *subscriptions, size_t count, wq_bytes properties);
int wqn_unsubscribe(wqn_client *client, const wq_bytes *filters, size_t count, wq_bytes properties);

#endif
