/* SPDX-License-Identifier: MIT
 * The area of bytes to send: appended at its end, acknowledged from its start, moved down only when its end is reached. */
#include "client.h"

#include <string.h>

uint8_t *wq_output_room(wq_client *c, uint32_t n, bool reserve) {
  if (c->cut_token) return NULL;
  uint64_t need = (uint64_t)n + (reserve ? WQ_OUTPUT_RESERVE : 0);
  if (need > wq_output_free(c)) return NULL;
  if (c->config.output_size - c->output_tail < need) {
    memmove(c->output, c->output + c->output_head, c->output_tail - c->output_head);
    c->output_tail -= c->output_head;
    c->output_head = 0;
  }
  return c->output + c->output_tail;
}

void wq_output_add(wq_client *c, uint32_t n, uint64_t now_ms) {
  c->output_tail += n;
  c->output_at = now_ms;
  c->stats.packets_out++;
}

/* Of the same id, and without properties, so never too large for a server. [M3:2.3.1-6] [M5:2.2.1-5] [M5:3.6.2-2]
 * [M5:3.6.2-3] [M5:3.7.2-2] [M5:3.7.2-3] */
bool wq_output_ack_packet(wq_client *c, uint8_t type, uint16_t packet_id, uint8_t reason) {
  uint8_t *dst = wq_output_room(c, 8, false);
  if (!dst) return false;
  wq_ack_packet ack = {.packet_id = packet_id, .reason = reason};
  wq_output_add(c, wq_ack_encode(dst, 8, type, c->negotiated.version, &ack), c->now);
  return true;
}

void wq_output_clear(wq_client *c) {
  c->output_head = c->output_tail = 0;
  c->cut_token = c->cut_len = 0;
}

void wq_output(const wq_client *client, wq_output_view *view) {
  view->data = client->output + client->output_head;
  view->len = client->output_tail - client->output_head;
  view->token = client->cut_token;
  view->payload_len = client->cut_len;
}

int wq_output_ack(wq_client *client, uint32_t count) {
  wq_client *c = client;
  if (count > c->output_tail - c->output_head) return WQ_E_ARG;
  c->output_head += count;
  if (c->output_head < c->output_tail) return 0;
  wq_output_clear(c);
  uint32_t first = c->waiting[0].first;
  if (first && wq_message_at(c, first)->progress == WQ_SENT)
    wq_settle_later(c, &c->waiting[0], first, 0); /* a QoS 0 payload of the host's is on its way */
  return 0;
}
