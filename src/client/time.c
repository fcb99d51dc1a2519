/* SPDX-License-Identifier: MIT
 * Deadlines and keep-alive. PINGREQ goes out whenever nothing else did for long enough, also while another is unanswered:
 * its answer may be behind much that comes, and the server counts from what it got. Any byte from the server proves that
 * it is there. While a payload of the host's is on its way, keep-alive rests: nothing can be sent in the middle of it. */
#include "client.h"

#define PING_SIZE 2u
#define PING_TIMEOUT_MAX_MS 20000u
#define MARGIN_MAX_MS 5000u

/* When a PINGREQ is due: a little before the server would have to miss us [M3:3.1.2-23] [M5:3.1.2-20]. */
static uint64_t ping_due(const wq_client *c) {
  uint32_t ms = c->negotiated.keep_alive * 1000u;
  uint32_t margin = ms / 4 < MARGIN_MAX_MS ? ms / 4 : MARGIN_MAX_MS;
  return c->output_at + ms - margin;
}

static bool keeps_alive(const wq_client *c) {
  return c->status == WQ_CONNECTED && c->negotiated.keep_alive && !c->cut_token &&
         (!c->pinging || wq_output_free(c) >= PING_SIZE);
}

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t wq_deadline(const wq_client *client) {
  const wq_client *c = client;
  if (c->settling.first || wq_publish_can_move(c)) return 0;
  uint64_t due = wq_expiry_deadline(c);
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
  if (c->status == WQ_CONNECTED && c->pinging && now_ms >= c->ping_by) { /* [M3:3.12.4-1] [M5:3.12.4-1] */
    c->status = WQ_FAILED;
    return c->failure = WQ_E_PING_TIMEOUT;
  }
  wq_publish_pump(c, now_ms);
  wq_settle_drain(c);
  if (keeps_alive(c) && now_ms >= ping_due(c)) {
    uint32_t timeout = c->negotiated.keep_alive * 1000u;
    if (!c->pinging) expect_answer(c, timeout < PING_TIMEOUT_MAX_MS ? timeout : PING_TIMEOUT_MAX_MS, now_ms);
    ping(c, now_ms);
  }
  return 0;
}

void wq_alive(wq_client *client, uint64_t now_ms) {
  wq_client *c = client;
  if (c->pinging) c->ping_by = now_ms + c->ping_timeout;
}

int wq_ping(wq_client *client, uint32_t timeout_ms, uint64_t now_ms) {
  wq_client *c = client;
  if (c->status != WQ_CONNECTED) return WQ_E_STATE;
  if (!timeout_ms) return WQ_E_ARG;
  if (wq_output_free(c) < PING_SIZE) return WQ_E_FULL;
  expect_answer(c, timeout_ms, now_ms);
  ping(c, now_ms);
  return 0;
}
