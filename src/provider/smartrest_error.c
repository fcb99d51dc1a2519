/* SPDX-License-Identifier: MIT
 * What Cumulocity says on s/e, and which of the rows that were published it says it about. It names the template's id
 * and neither the topic nor the packet, so the rows published last are remembered here. */
#include "smartrest.h"

#include "codec/bytes.h"

/* The words are all that is behind the second comma: they may hold more of them without being quoted. */
void wq_smartrest_failure_read(wq_bytes payload, wq_smartrest_failure *f) {
  const uint8_t *at = payload.data, *end = at + payload.len;
  *f = (wq_smartrest_failure){.cause = payload};
  if (payload.len < 3 || at[0] < '1' || at[0] > '9' || at[1] < '0' || at[1] > '9' || at[2] != ',') return;
  f->code = (uint16_t)((at[0] - '0') * 10 + at[1] - '0');
  f->id.data = at += 3;
  while (at != end && *at != ',')
    at++;
  f->id.len = (uint32_t)(at - f->id.data);
  if (at != end) at++;
  f->cause = (wq_bytes){at, (uint32_t)(end - at)};
}

static uint32_t hash(const uint8_t *id, uint32_t len) { /* FNV-1a */
  uint32_t h = 2166136261u;
  for (uint32_t i = 0; i < len; i++)
    h = (h ^ id[i]) * 16777619u;
  return h;
}

void wq_smartrest_sent_add(wq_smartrest_sent *s, wq_bytes payload, uint32_t token) {
  wq_bytes row;
  for (uint32_t n = 1; wq_smartrest_next_row(&payload, &row); n++) {
    uint32_t len = 0, slot = s->next++ % WQ_SMARTREST_SENT_MAX;
    while (len != row.len && row.data[len] != ',' && row.data[len] != '\r')
      len++;
    s->rows[slot].id = hash(row.data, len);
    s->rows[slot].token = token;
    s->rows[slot].row = n;
  }
}

uint32_t wq_smartrest_sent_find(const wq_smartrest_sent *s, wq_bytes id, uint32_t *token, uint32_t *row) {
  uint32_t wanted = hash(id.data, id.len), found = 0;
  for (uint32_t i = 0; i < WQ_SMARTREST_SENT_MAX; i++) { /* from the oldest on */
    uint32_t slot = (s->next + i) % WQ_SMARTREST_SENT_MAX;
    if (s->rows[slot].row == 0 || s->rows[slot].id != wanted) continue;
    *token = s->rows[slot].token;
    *row = s->rows[slot].row;
    found++;
  }
  return found;
}
