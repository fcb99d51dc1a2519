/* SPDX-License-Identifier: MIT
 * What Cumulocity says on s/e, and which of the rows that were published it says it about. It names the template's id
 * and neither the topic nor the packet, so the rows published last are remembered here. */
#include "smartrest.h"

#include "codec/bytes.h"

/* two digits and a comma, as each error begins */
static bool begins_error(const uint8_t *at, const uint8_t *end) {
  return end - at >= 3 && at[0] >= '1' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9' && at[2] == ',';
}

/* The words may hold commas and line feeds without being quoted: they go on to the next line that begins an error. */
bool wq_smartrest_failure_read(wq_bytes *rest, wq_smartrest_failure *f) {
  const uint8_t *at = rest->data, *end = at + rest->len;
  while (at != end && (*at == '\n' || *at == '\r'))
    at++;
  const uint8_t *from = at, *stop = at;
  while (stop != end && !(*stop == '\n' && begins_error(stop + 1, end)))
    stop++;
  *rest = (wq_bytes){stop, (uint32_t)(end - stop)};
  *f = (wq_smartrest_failure){0};
  if (begins_error(at, stop)) {
    f->code = (uint16_t)((at[0] - '0') * 10 + at[1] - '0');
    f->id.data = at += 3;
    while (at != stop && *at != ',' && *at != '\n')
      at++;
    f->id.len = (uint32_t)(at - f->id.data);
    if (at != stop) at++;
  }
  while (stop != at && (stop[-1] == '\n' || stop[-1] == '\r'))
    stop--;
  f->cause = (wq_bytes){at, (uint32_t)(stop - at)};
  return stop != from;
}

/* ---------------------------------------------------------------------------------------------------- what it is about */

static uint32_t hash(wq_bytes id) { /* FNV-1a */
  uint32_t h = 2166136261u;
  for (uint32_t i = 0; i < id.len; i++)
    h = (h ^ id.data[i]) * 16777619u;
  return h;
}

void wq_smartrest_sent_add(wq_smartrest_sent *s, wq_bytes payload, uint32_t token) {
  wq_bytes row;
  for (s->payload = 0; wq_smartrest_next_row(&payload, &row); s->payload++, s->next++) {
    wq_bytes id = {row.data, 0};
    while (id.len != row.len && row.data[id.len] != ',' && row.data[id.len] != '\r')
      id.len++;
    uint32_t slot = s->next % WQ_SMARTREST_SENT_MAX;
    s->rows[slot].id = hash(id);
    s->rows[slot].token = token;
    s->rows[slot].row = s->payload + 1;
    if (s->count < WQ_SMARTREST_SENT_MAX) s->count++;
  }
}

/* the n-th latest, from 1 */
static void tell(const wq_smartrest_sent *s, uint32_t n, uint32_t *token, uint32_t *row) {
  uint32_t slot = (s->next - n) % WQ_SMARTREST_SENT_MAX;
  *token = s->rows[slot].token;
  *row = s->rows[slot].row;
}

uint32_t wq_smartrest_sent_find(const wq_smartrest_sent *s, const wq_smartrest_failure *f, uint32_t *token,
                                uint32_t *row) {
  uint32_t id = hash(f->id), found = 0, number = 0;
  for (uint32_t n = s->count; n >= 1; n--)
    if (s->rows[(s->next - n) % WQ_SMARTREST_SENT_MAX].id == id) {
      tell(s, n, token, row);
      found++;
    }
  if (found != 0) return found;
  for (uint32_t i = 0; i < f->id.len; i++) {
    uint32_t digit = f->id.data[i] - (uint32_t)'0';
    if (digit > 9 || number > s->payload) return 0;
    number = number * 10 + digit;
  }
  if (number == 0 || number > s->payload || s->payload - number >= s->count) return 0;
  tell(s, s->payload - number + 1, token, row);
  return 1;
}
