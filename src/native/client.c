/* SPDX-License-Identifier: MIT
 * One client's way from address to open WebSocket, down again, and up again where reconnecting is asked for. Every step is
 * non-blocking but the name look-up; wqn_client_serve() goes on from wherever the client stands. */
#include "client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../crypto.h"

enum {
  OPEN_TIMEOUT_MS = 30000,
  RETRY_MAX_MS = 120000,
  STABLE_MS = 10000,  /* a connection that lasted this long starts the back-off afresh */
  CLOSING_MS = 3000,  /* for the last output and the closing handshake */
  READS_AT_ONCE = 16, /* chunks read before the other clients have their turn */
  BLOCKED_TICK_MS = 1000
};

/* ------------------------------------------------------------------------------------------------ the end of one */

/* An end that another attempt cannot change. */
static bool is_final(const wqn_error *error) {
  switch (error->phase) {
  case WQN_OPTIONS:
  case WQN_MEMORY: return true;
  case WQN_MQTT: break;
  default: return false;
  }
  if (!WQ_IS_REFUSED(error->code)) return false;
  switch (WQ_REFUSED_REASON(error->code)) {
  case 0x00: /* DISCONNECT: normal */
  case 0x03: /* 3.x CONNACK: server unavailable */
  case 0x80: /* unspecified */
  case 0x83: /* implementation specific */
  case 0x88: /* server unavailable */
  case 0x89: /* server busy */
  case 0x8B: /* server shutting down */
  case 0x8D: /* keep alive timeout */
  case 0x97: /* quota exceeded */
  case 0x9F: /* connection rate exceeded */
  case 0xA0: /* maximum connect time */ return false;
  default: return true; /* bad credentials, taken over by another client, ... */
  }
}

/* The delay before the next attempt: doubled each time, half of it random so that many clients do not come back at once. */
static uint32_t next_delay(wqn_client *c, uint64_t now) {
  if (c->connected_at && now - c->connected_at >= STABLE_MS) c->attempts = 0;
  uint64_t delay = (uint64_t)c->retry_min_ms << (c->attempts < 20 ? c->attempts : 20);
  if (delay > c->retry_max_ms) delay = c->retry_max_ms;
  uint32_t random = 0;
  (void)wq_crypto_random((uint8_t *)&random, sizeof random); /* without it, the delay is the shortest */
  c->attempts++;
  return (uint32_t)(delay / 2 + random % (delay / 2 + 1) + 1);
}

static void drop_connection(wqn_client *c) {
  wqn_ws_free(&c->ws);
  wqn_transport_close(&c->transport);
  wqn_exchange_lost(c);
}

/* The connection, or the attempt, is over. error: NULL if that was asked for. */
static void finish(wqn_client *c, const wqn_error *error) {
  wqn_error copy;
  uint32_t retry_ms = 0;
  uint64_t now = wqn_now();
  if (c->close_wanted) error = NULL; /* however it came to its end, it was to end */
  if (error) copy = *error;          /* it may be c->failure, which the application's calls can overwrite */
  drop_connection(c);
  if (error && c->retry_min_ms > 0 && !is_final(&copy)) retry_ms = next_delay(c, now);
  c->state = retry_ms ? WQN_WAITING : WQN_ENDED;
  c->deadline = retry_ms ? now + retry_ms : UINT64_MAX;
  c->failed = false;
  c->connected_at = 0;
  if (!c->freed && c->callbacks.on_closed) c->callbacks.on_closed(c, error ? &copy : NULL, retry_ms, c->callbacks.user);
}

/* Send what is left, then a close frame, then wait for the server's. */
static void begin_closing(wqn_client *c) {
  c->state = WQN_CLOSING;
  c->deadline = wqn_now() + CLOSING_MS;
}

static void fail_softly(wqn_client *c) {
  c->failed = true;
  begin_closing(c);
}

/* ------------------------------------------------------------------------------------------------ opening */

static void start_attempt(wqn_client *c) {
  wqn_error error;
  c->state = WQN_OPENING;
  c->deadline = wqn_now() + c->open_timeout_ms;
  c->failed = false;
  if (wqn_transport_start(&c->transport, &c->url, &error)) finish(c, &error);
}

static void start_upgrade(wqn_client *c) {
  static const char *const subprotocols[] = {
      [WQ_MQTT_3_1] = "mqttv3.1", [WQ_MQTT_3_1_1] = "mqtt", [WQ_MQTT_5_0] = "mqtt"};
  uint8_t nonce[WQN_UPGRADE_NONCE];
  wqn_error error;
  if (wq_crypto_random(nonce, sizeof nonce)) {
    wqn_fail(&error, WQN_UPGRADE, 0, "OpenSSL has no random numbers");
    finish(c, &error);
    return;
  }
  if (wqn_upgrade_begin(&c->upgrade, &c->url, subprotocols[c->connect.version], nonce, &error)) {
    finish(c, &error);
    return;
  }
  c->request_sent = 0;
  c->state = WQN_UPGRADING;
}

static void start_mqtt(wqn_client *c, size_t http_length) {
  wqn_upgrade *u = &c->upgrade;
  wqn_error error;
  if (wqn_ws_open(&c->ws, &c->transport, u->response + http_length, u->response_length - http_length)) {
    wqn_fail(&error, WQN_MEMORY, 0, "no memory left for a WebSocket");
    finish(c, &error);
    return;
  }
  c->state = WQN_OPEN;
  c->deadline = UINT64_MAX; /* from here on the core minds the time */
  if (wqn_exchange_start(c)) fail_softly(c);
}

static void serve_opening(wqn_client *c) {
  wqn_error error;
  int opened = wqn_transport_step(&c->transport, &c->url, c->tls, &error);
  if (opened < 0) finish(c, &error);
  if (opened > 0) start_upgrade(c);
}

static void serve_upgrading(wqn_client *c) {
  wqn_upgrade *u = &c->upgrade;
  wqn_error error;
  while (c->request_sent < u->request_length) {
    ssize_t n = wqn_transport_write(&c->transport, (const uint8_t *)u->request + c->request_sent,
                                    u->request_length - c->request_sent);
    if (n < 0) break; /* if it failed for good, reading says so, maybe with an answer that says why */
    c->request_sent += (size_t)n;
  }
  ssize_t n =
      wqn_transport_read(&c->transport, u->response + u->response_length, sizeof u->response - u->response_length);
  if (n == WQN_IO_AGAIN) return;
  if (n < 0) {
    if (c->tls && u->response_length == 0 && n == WQN_IO_FAILED)
      wqn_fail(&error, WQN_TLS, 0, "%s broke off after the TLS handshake: it may want a client certificate",
               c->url.authority);
    else
      wqn_upgrade_cut(u, &c->url, &error);
    finish(c, &error);
    return;
  }
  u->response_length += (size_t)n;
  int http_length = wqn_upgrade_check(u, &c->url, &error);
  if (http_length < 0) finish(c, &error);
  if (http_length > 0) start_mqtt(c, (size_t)http_length);
}

static void timed_out(wqn_client *c) {
  wqn_error error;
  bool upgrading = c->state == WQN_UPGRADING;
  enum wqn_phase phase = upgrading ? WQN_UPGRADE : c->transport.handshaking ? WQN_TLS : WQN_TCP;
  wqn_fail(&error, phase, 0, "%s did not %s within %u s: check host and port, and firewalls on the way",
           c->url.authority, upgrading ? "answer the WebSocket request" : "take the connection",
           c->open_timeout_ms / 1000);
  finish(c, &error);
}

/* ------------------------------------------------------------------------------------------------ open, and closing */

/* Bytes that poll() does not see: behind the HTTP answer, or inside TLS. */
static bool has_input(const wqn_client *c) {
  return (c->state == WQN_OPEN && c->ws.early_length > 0) || wqn_transport_pending(&c->transport);
}

/* The connection is over; say so if MQTT had not begun. */
static void finish_cut(wqn_client *c, const wqn_error *why) {
  static const char *const versions[] = {[WQ_MQTT_3_1] = "3.1", [WQ_MQTT_3_1_1] = "3.1.1", [WQ_MQTT_5_0] = "5.0"};
  wqn_error error = *why;
  if (wq_client_status(c->core) == WQ_CONNECTING)
    wqn_fail(&error, why->phase, why->code, "%.300s before it answered CONNECT: it may not speak MQTT %s", why->text,
             versions[c->connect.version]);
  wqn_ws_flush(&c->ws); /* the answer to a close frame */
  finish(c, &error);
}

static void serve_open(wqn_client *c, bool readable) {
  wqn_error error;
  if (wqn_exchange_tick(c) || wqn_exchange_flush(c) || wqn_exchange_feed(c)) {
    fail_softly(c);
    return;
  }
  readable = readable || has_input(c);
  for (int reads = 0; readable && reads < READS_AT_ONCE && c->ws.in_length == 0; reads++) {
    int got = wqn_ws_read(&c->ws, &c->url, &error);
    if (got == 0) break;
    if (got < 0) {
      finish_cut(c, &error);
      return;
    }
    if (wqn_exchange_feed(c)) {
      fail_softly(c);
      return;
    }
  }
  if (c->close_wanted) begin_closing(c);
}

static void serve_closing(wqn_client *c) {
  static const wq_bytes none = {0};
  wqn_error unused;
  if (!c->failed && wq_client_status(c->core) == WQ_CONNECTED)
    wq_disconnect(c->core, 0, none, wqn_now()); /* if there is no room yet, there will be when it is tried again */
  bool said = c->failed || wq_client_status(c->core) != WQ_CONNECTED;
  bool dead = wqn_exchange_flush(c) != 0;
  if (said && !wqn_ws_blocked(&c->ws)) {
    wqn_ws_close(&c->ws,
                 c->failed && c->failure.phase == WQN_MQTT && !WQ_IS_REFUSED(c->failure.code)
                     ? WSLAY_CODE_PROTOCOL_ERROR
                     : WSLAY_CODE_NORMAL_CLOSURE,
                 NULL);
    wqn_ws_flush(&c->ws);
  }
  while (wqn_ws_read(&c->ws, &c->url, &unused) > 0)
    c->ws.in_length = 0;
  if (dead || wqn_ws_finished(&c->ws) || wqn_now() >= c->deadline) finish(c, c->failed ? &c->failure : NULL);
}

/* ------------------------------------------------------------------------------------------------ for the loop */

void wqn_client_serve(wqn_client *c, uint64_t now, bool readable) {
  c->attention = false;
  if (c->close_wanted && (c->state == WQN_WAITING || c->state == WQN_OPENING || c->state == WQN_UPGRADING)) {
    finish(c, NULL);
    return;
  }
  if ((c->state == WQN_OPENING || c->state == WQN_UPGRADING) && now >= c->deadline) {
    timed_out(c);
    return;
  }
  if (c->state == WQN_WAITING && now >= c->deadline) start_attempt(c);
  /* One state may lead straight into the next. */
  if (c->state == WQN_OPENING) serve_opening(c);
  if (c->state == WQN_UPGRADING) serve_upgrading(c);
  if (c->state == WQN_OPEN) serve_open(c, readable);
  if (c->state == WQN_CLOSING) serve_closing(c);
}

uint64_t wqn_client_deadline(const wqn_client *c, uint64_t now) {
  bool may_read = c->state != WQN_OPEN || c->ws.in_length == 0;
  if (c->attention || (may_read && has_input(c))) return now;
  if (c->state != WQN_OPEN) return c->deadline;
  uint64_t core = wq_deadline(c->core);
  /* Work that waits for room in the output is due at once and all the time; it is the socket that has to be waited for. */
  return core <= now && wqn_ws_blocked(&c->ws) ? now + BLOCKED_TICK_MS : core;
}

short wqn_client_events(const wqn_client *c) {
  switch (c->state) {
  case WQN_OPENING: return wqn_transport_events(&c->transport, true, true);
  case WQN_UPGRADING: return wqn_transport_events(&c->transport, true, c->request_sent < c->upgrade.request_length);
  case WQN_OPEN: return wqn_transport_events(&c->transport, c->ws.in_length == 0, wqn_ws_blocked(&c->ws));
  case WQN_CLOSING: return wqn_transport_events(&c->transport, true, wqn_ws_blocked(&c->ws));
  default: return 0;
  }
}

/* ------------------------------------------------------------------------------------------------ public */

static int configure(wqn_client *c, const wqn_options *options, wqn_error *error) {
  static const uint32_t no_seed[4];
  wq_config config = options->config;
  if (wqn_url_parse(&c->url, options->url, error)) return -1;
  if (c->url.tls) {
    c->tls = wqn_tls_get(&c->loop->tls, options->ca_file, error);
    if (!c->tls) return -1;
  }
  c->connect = options->connect;
  c->connect.size = sizeof c->connect;
  if (c->connect.version < WQ_MQTT_3_1 || c->connect.version > WQ_MQTT_5_0)
    return wqn_fail(error, WQN_OPTIONS, 0, "the protocol version must be 3 (MQTT 3.1), 4 (3.1.1) or 5 (5.0)");
  c->open_timeout_ms = options->open_timeout_ms ? options->open_timeout_ms : OPEN_TIMEOUT_MS;
  c->retry_min_ms = options->retry_min_ms;
  c->retry_max_ms = options->retry_max_ms ? options->retry_max_ms : RETRY_MAX_MS;
  c->callbacks = options->callbacks;

  config.topic_alias_max = 0; /* so that every message carries its topic */
  if (memcmp(config.seed, no_seed, sizeof no_seed) == 0 && wq_crypto_random((uint8_t *)config.seed, sizeof config.seed))
    return wqn_fail(error, WQN_OPTIONS, 0, "OpenSSL has no random numbers");
  size_t size = wq_client_size(&config);
  if (size == 0) return wqn_fail(error, WQN_OPTIONS, 0, "a field of the core's configuration is out of its range");
  c->core_memory = aligned_alloc(16, (size + 15) & ~(size_t)15);
  c->core = wq_client_init(c->core_memory, size, &config);
  if (!c->core) return wqn_fail(error, WQN_MEMORY, 0, "no memory for another client");
  return 0;
}

wqn_client *wqn_open(wqn_loop *loop, const wqn_options *options, wqn_error *error) {
  wqn_client *c = calloc(1, sizeof *c);
  if (!c) {
    wqn_fail(error, WQN_MEMORY, 0, "no memory for another client");
    return NULL;
  }
  c->loop = loop;
  wqn_transport_init(&c->transport);
  if (configure(c, options, error)) {
    free(c->core_memory);
    free(c);
    return NULL;
  }
  c->state = WQN_WAITING;
  c->attention = true; /* deadline 0: the first attempt is due */
  c->next = loop->clients;
  loop->clients = c;
  loop->client_count++;
  return c;
}

void wqn_client_destroy(wqn_client *c) {
  wqn_ws_free(&c->ws);
  wqn_transport_close(&c->transport);
  wqn_exchange_free(c);
  free(c->core_memory);
  free(c);
}

void wqn_close(wqn_client *client) {
  if (client->state == WQN_ENDED) return;
  client->close_wanted = true;
  client->attention = true;
}

void wqn_free(wqn_client *client) {
  if (!client) return;
  client->freed = true;
  client->attention = true; /* the loop sees to it soon */
}

bool wqn_connected(const wqn_client *client) {
  return client->state == WQN_OPEN && wq_client_status(client->core) == WQ_CONNECTED;
}

wq_client *wqn_core(wqn_client *client) { return client->core; }
