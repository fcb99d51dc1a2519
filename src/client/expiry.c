/* SPDX-License-Identifier: MIT
 * How long messages may wait: the Message Expiry Interval, counted down by the monotonic clock. What is over is looked for
 * in the whole queue, but only when the earliest moment has passed, and at most once in PACE_MS; what comes first in the
 * queue is seen to by wq_publish_pump() as well, so that nothing leaves late. */
#include "client.h"

#define PACE_MS 1000u

void wq_expiry_start(wq_client *c, wq_message *m, wq_bytes properties, uint64_t now_ms) {
  wq_bytes rest = properties;
  wq_property p;
  m->expires = WQ_NEVER;
  while (wq_property_read(&rest, &p) > 0) {
    if (p.id != WQ_P_MESSAGE_EXPIRY_INTERVAL) continue;
    m->expires = now_ms + p.number * UINT64_C(1000);
    m->expires_at = (uint32_t)(rest.data - properties.data) - 4;
    wq_expiry_resume(c, m);
    return;
  }
}

void wq_expiry_resume(wq_client *c, const wq_message *m) {
  if (m->expires < c->expiry_at) c->expiry_at = m->expires;
}

void wq_expiry_count_down(const wq_message *m, uint8_t *properties, uint64_t now_ms) {
  if (m->expires == WQ_NEVER) return;
  wq_bytes interval = {properties + m->expires_at, 4};
  wq_reader r = wq_reader_of(interval);
  if (wq_read_u32(&r) == 0) return;
  /* To a server 0 may mean "never", so what is over and must be sent again has 1. [M5:4.3.3-7] */
  uint64_t left = m->expires > now_ms ? (m->expires - now_ms + 999) / 1000 : 1;
  wq_writer w = wq_writer_of(properties + m->expires_at, 4);
  wq_write_u32(&w, (uint32_t)left);
}

void wq_expire(wq_client *c, uint64_t now_ms) {
  if (now_ms < c->expiry_at) return;
  c->expiry_at = WQ_NEVER;
  for (int lane = 0; lane < 2; lane++)
    for (uint32_t cell = c->waiting[lane].first, after; cell; cell = after) {
      const wq_message *m = wq_message_at(c, cell);
      after = m->next;
      if (wq_expired(m, now_ms))
        wq_settle_later(c, &c->waiting[lane], cell, WQ_E_EXPIRED);
      else if (m->progress == WQ_WAITING)
        wq_expiry_resume(c, m);
    }
  if (c->expiry_at != WQ_NEVER && c->expiry_at < now_ms + PACE_MS) c->expiry_at = now_ms + PACE_MS;
}

uint64_t wq_expiry_deadline(const wq_client *c) {
  return c->waiting[0].first || c->waiting[1].first ? c->expiry_at : WQ_NEVER;
}
