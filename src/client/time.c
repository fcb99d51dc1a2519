/* SPDX-License-Identifier: MIT
 * Deadlines and keep-alive. PINGREQ goes out whenever nothing else did for long enough, also while another is unanswered:
 * its answer may be behind much that comes, and the server counts from what it got. Another goes out when nothing came for
 * the whole interval: to a server that is gone, messages with QoS 0 can be sent for a long time. Any byte from the server
 * proves that it is there. While a payload of the host's is on its way, keep-alive rests: nothing can be sent in the
 * middle of it.
 * A tick that comes late tells of a host that slept: what is overdue then says nothing about the server. */
#include "client.h"

#define PING_SIZE 2u
#define PING_TIMEOUT_MAX_MS 20000u
#define MARGIN_MAX_MS 5000u
#define LATE_MS 1000u  /* a host that looks so much after a deadline did not run in between */
#define PROBE_MS 5000u /* time for an answer after that */

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* When a PINGREQ is due: a little before the server would have to miss us [M3:3.1.2-23] [M5:3.1.2-20], or when we miss the
 * server, which need not answer all that we send. */
static uint64_t ping_due(const wq_client *c) {
  uint32_t ms = c->negotiated.keep_alive * 1000u;
  uint64_t due = c->output_at + (c->throttled ? ms / 3 : ms - least(ms / 4, MARGIN_MAX_MS));
  return c->pinging ? due : sooner(due, c->heard_at + ms);
}

static bool keeps_alive(const wq_client *c) {
  return c->status == WQ_CONNECTED && c->negotiated.keep_alive && !c->cut_token &&
         (!c->pinging || wq_output_free(c) >= PING_SIZE);
}

uint64_t wq_deadline(const wq_client *client) {
  const wq_client *c = client;
  if (c->settling.first) return 0;
  uint64_t due = sooner(wq_expiry_deadline(c), wq_publish_deadline(c));
  if (c->status == WQ_CONNECTING) return sooner(due, c->connack_by);
  if (c->status != WQ_CONNECTED) return due;
  if (c->pinging) due = sooner(due, c->ping_by);
  return keeps_alive(c) ? sooner(due, ping_due(c)) : due;
}

static void ping(wq_client *c, uint64_t now_ms) {
  uint8_t *dst = wq_output_room(c, PING_SIZE, false);
  if (dst) /* otherwise the host does not get its bytes out, and the time runs all the same */
    wq_output_add(c, wq_ping_encode(dst, PING_SIZE, WQ_PINGREQ), now_ms);
  if (!c->pinging) c->ping_at = now_ms;
  c->pinging = true;
}

static void expect_answer(wq_client *c, uint32_t timeout_ms, uint64_t now_ms) {
  c->ping_timeout = timeout_ms;
  c->ping_by = now_ms + timeout_ms;
  c->asked_again = false;
}

/* The server fell silent. But where nobody looked when the time was over, its answer may wait unread, so it is asked once
 * more. [M3:3.12.4-1] [M5:3.12.4-1] */
static bool unanswered(wq_client *c, uint64_t now_ms) {
  if (c->status != WQ_CONNECTED || !c->pinging || now_ms < c->ping_by) return false;
  if (c->asked_again || now_ms - c->ping_by <= LATE_MS) return true;
  expect_answer(c, least(c->ping_timeout, PROBE_MS), now_ms);
  c->asked_again = true;
  ping(c, now_ms);
  return false;
}

int wq_tick(wq_client *client, uint64_t now_ms) {
  wq_client *c = client;
  wq_input_begin(c, now_ms);
  wq_expire(c, now_ms);
  wq_settle_drain(c);
  if (c->status == WQ_FAILED) return c->failure;
  if (c->status == WQ_CONNECTING && now_ms >= c->connack_by) { /* [M3:3.1.4-4] [M5:3.1.4-5] */
    c->status = WQ_FAILED;
    return c->failure = WQ_E_CONNACK_TIMEOUT;
  }
  if (c->pinging && (c->cut_token || wq_owed_full(c))) /* it is the host that does not read on */
    expect_answer(c, c->ping_timeout, now_ms);
  if (unanswered(c, now_ms)) {
    c->status = WQ_FAILED;
    return c->failure = WQ_E_PING_TIMEOUT;
  }
  wq_publish_pump(c, now_ms);
  wq_settle_drain(c);
  if (keeps_alive(c) && now_ms >= ping_due(c)) {
    uint32_t most = now_ms - ping_due(c) > LATE_MS ? PROBE_MS : PING_TIMEOUT_MAX_MS;
    if (!c->pinging) expect_answer(c, least(c->negotiated.keep_alive * 1000u, most), now_ms);
    ping(c, now_ms);
  }
  return 0;
}

void wq_alive(wq_client *client, uint64_t now_ms) {
  wq_client *c = client;
  c->heard_at = now_ms;
  if (c->pinging) expect_answer(c, c->ping_timeout, now_ms);
}

void wq_throttled(wq_client *client, bool throttled) { client->throttled = throttled; }

int wq_ping(wq_client *client, uint32_t timeout_ms, uint64_t now_ms) {
  wq_client *c = client;
  if (c->status != WQ_CONNECTED) return WQ_E_STATE;
  if (!timeout_ms) return WQ_E_ARG;
  if (wq_output_free(c) < PING_SIZE) return WQ_E_FULL;
  expect_answer(c, timeout_ms, now_ms);
  ping(c, now_ms);
  return 0;
}
