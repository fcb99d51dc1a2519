/* SPDX-License-Identifier: MIT
 * Messages that wait or are under way, packet ids, settlement. See client.h for the lists. */
#include "client.h"

#include <string.h>

wq_message *wq_message_at(const wq_client *c, uint32_t cell) { return wq_cell(&c->cells, cell); }

void wq_list_append(wq_client *c, wq_list *list, uint32_t cell) {
  wq_message *m = wq_message_at(c, cell);
  m->prev = list->last;
  m->next = 0;
  if (list->last)
    wq_message_at(c, list->last)->next = cell;
  else
    list->first = cell;
  list->last = cell;
  list->count++;
}

void wq_list_prepend(wq_client *c, wq_list *list, uint32_t cell) {
  wq_message *m = wq_message_at(c, cell);
  m->prev = 0;
  m->next = list->first;
  if (list->first)
    wq_message_at(c, list->first)->prev = cell;
  else
    list->last = cell;
  list->first = cell;
  list->count++;
}

void wq_list_remove(wq_client *c, wq_list *list, uint32_t cell) {
  wq_message *m = wq_message_at(c, cell);
  if (list == &c->inflight && c->again_at == cell) c->again_at = m->next;
  if (m->prev)
    wq_message_at(c, m->prev)->next = m->next;
  else
    list->first = m->next;
  if (m->next)
    wq_message_at(c, m->next)->prev = m->prev;
  else
    list->last = m->prev;
  list->count--;
}

uint32_t wq_message_new(wq_client *c, uint8_t kind) {
  uint32_t cell = wq_cells_take(&c->cells);
  wq_message *m = wq_message_at(c, cell);
  memset(m, 0, sizeof *m);
  /* Named no more before all others were, so a token that was kept too long means nothing. */
  c->last_token = c->last_token % INT32_MAX + 1;
  m->token = c->last_token;
  m->kind = kind;
  return cell;
}

void wq_message_free(wq_client *c, uint32_t cell) {
  wq_message *m = wq_message_at(c, cell);
  wq_chain_give(&c->cells, m->data);
  m->token = 0;
  wq_cells_give(&c->cells, cell);
}

static uint32_t *slot_of(const wq_client *c, uint16_t packet_id) { return &c->slots[packet_id & (c->slots_n - 1)]; }

bool wq_packet_id_free(const wq_client *c, uint16_t packet_id) { return *slot_of(c, packet_id) == 0; }

void wq_packet_id_set(wq_client *c, uint32_t cell, uint16_t packet_id) {
  *slot_of(c, packet_id) = cell;
  wq_message_at(c, cell)->packet_id = packet_id;
}

/* An id that is not in use [M3:2.3.1-2] [M3:4.3.2-1] [M5:4.3.2-1] [M5:4.3.3-1]. It stays the message's, however often that is
 * sent, until wq_packet_id_give() [M3:2.3.1-3]. */
bool wq_packet_id_take(wq_client *c, uint32_t cell) {
  for (uint32_t tries = 0; tries < c->slots_n; tries++) {
    c->packet_id = (uint16_t)(c->packet_id + 1);
    if (c->packet_id == 0) /* [M3:2.3.1-1] [M5:2.2.1-3] */
      c->packet_id = 1;
    if (wq_packet_id_free(c, c->packet_id)) {
      wq_packet_id_set(c, cell, c->packet_id);
      return true;
    }
  }
  return false;
}

void wq_packet_id_give(wq_client *c, wq_message *m) {
  if (m->packet_id) *slot_of(c, m->packet_id) = 0;
  m->packet_id = 0;
}

uint32_t wq_packet_id_find(const wq_client *c, uint16_t packet_id) {
  uint32_t cell = *slot_of(c, packet_id);
  return cell && wq_message_at(c, cell)->packet_id == packet_id ? cell : 0;
}

void wq_forget(wq_client *c, wq_list *list, uint32_t cell) {
  wq_message *m = wq_message_at(c, cell);
  if (m->kind == WQ_KIND_GIVEN_UP) c->given_up--;
  wq_list_remove(c, list, cell);
  wq_packet_id_give(c, m);
  wq_message_free(c, cell);
}

void wq_settle_later(wq_client *c, wq_list *list, uint32_t cell, int32_t result) {
  wq_message *m = wq_message_at(c, cell);
  wq_list_remove(c, list, cell);
  wq_packet_id_give(c, m);
  m->progress = WQ_SETTLING;
  m->result = result;
  wq_list_append(c, &c->settling, cell);
}

void wq_settle_now(wq_client *c, wq_list *list, uint32_t cell, int32_t result, uint8_t reason, uint32_t props_off,
                   uint16_t flags) {
  wq_message *m = wq_message_at(c, cell);
  wq_event *event = wq_event_add(c, WQ_EV_SETTLED);
  event->aux = m->token;
  event->packet_id = m->packet_id;
  event->topic_off = (uint32_t)result;
  event->reason = reason;
  event->props_off = props_off;
  event->flags = flags;
  wq_forget(c, list, cell);
}

void wq_settle_drain(wq_client *c) {
  while (c->settling.first && wq_events_room(c, 1))
    wq_settle_now(c, &c->settling, c->settling.first, wq_message_at(c, c->settling.first)->result, 0, WQ_NO_PROPS, 0);
}

int wq_remove(wq_client *client, uint32_t token) {
  wq_client *c = client;
  for (int lane = 0; lane < 2; lane++)
    for (uint32_t at = c->waiting[lane].first; at; at = wq_message_at(c, at)->next)
      if (wq_message_at(c, at)->token == token) {
        if (wq_message_at(c, at)->progress != WQ_WAITING) return WQ_E_STATE; /* its payload is being sent by the host */
        wq_forget(c, &c->waiting[lane], at);
        return 0;
      }
  const wq_list *const sent[] = {&c->inflight, &c->settling};
  for (int i = 0; i < 2; i++)
    for (uint32_t at = sent[i]->first; at; at = wq_message_at(c, at)->next)
      if (wq_message_at(c, at)->token == token) return WQ_E_STATE;
  return WQ_E_TOKEN;
}
