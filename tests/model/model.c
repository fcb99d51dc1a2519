/* SPDX-License-Identifier: MIT
 * One run: trouble for a while, then calm until all is done, then the books are closed. */
#include "model.h"

#include "client/client.h"

#define STEPS 600u
#define CALM_STEPS 20000u

_Noreturn void model_fail(model *m, const char *what, const char *file, int line) {
  snprintf(m->failure, sizeof m->failure, "%s:%d: %s", file, line, what);
  longjmp(m->failed, 1);
}

static void begin(model *m) {
  wq_config *c = &m->config;
  m->version = (uint8_t)(3 + choose(m, 3));
  m->always_clean = chance(m, 3);
  m->session = m->server_session = 1;
  m->now = 1000;
  wq_config_init(c);
  c->events_max = 16;
  c->output_size = 4096;
  c->carry_size = 1024;
  c->topics_max = 16;
  c->stream_min = 1024;
  c->queue_max = 4 + choose(m, 40);
  c->inflight_max = 1 + choose(m, 6);
  c->receive_max = 1 + choose(m, 6);
  c->packet_size_max = chance(m, 2) ? 2048 : 16384;
  c->topic_alias_max = choose(m, ALIASES_MAX + 1);
  c->publish_rate = chance(m, 3) ? 2 + choose(m, 100) : 0;
  c->topic_alias_out_max = chance(m, 4) ? WQ_NO_ALIASES : 1 + choose(m, ALIASES_MAX);
  m->memory = aligned_alloc(16, wq_client_size(c));
  m->client = wq_client_init(m->memory, wq_client_size(c), c);
  MUST(m->client != NULL);
}

/* Nothing goes wrong any more, and everybody does all that can be done. */
static void calm_step(model *m) {
  const enum wq_status status = wq_client_status(m->client);
  m->now += 20;
  if (status == WQ_IDLE) host_connect(m);
  host_drain(m, true);
  if (status == WQ_FAILED || status == WQ_DISCONNECTING || m->refused || m->server_said_goodbye) {
    server_cut(m);
    return;
  }
  server_step(m);
  host_feed(m, WIRE_MAX);
  while (m->handles_n)
    host_acknowledge(m, 0);
  host_time(m);
}

static void close_books(model *m) {
  const wq_stats_t *stats = wq_stats(m->client);
  MUST(stats->queued == 0 && stats->inflight == 0 && stats->unacked == 0);
  uint32_t taken = 0;
  for (uint32_t i = 0; i < m->client->slots_n; i++)
    taken += m->client->slots[i] != 0;
  MUST(taken == m->client->given_up); /* every other packet id is free again */
  for (uint32_t i = 0; i < m->up_n; i++) {
    const upward *u = &m->up[i];
    MUST(u->fate != OPEN);
    if (u->fate != SETTLED || !u->qos) continue;
    if (u->result == 0) MUST(u->taken && (u->answers || u->was_released));
    if (WQ_IS_REFUSED(u->result)) MUST(u->answers == 1 && u->answer == WQ_REFUSED_REASON(u->result));
    MUST(u->answers <= 1);
  }
  for (uint32_t i = 0; i < m->down_n; i++) {
    const downward *d = &m->down[i];
    if (d->qos && !d->lost && !d->oversize) MUST(d->delivered); /* at least once; not again is told as it happens */
  }
}

static void run(model *m) {
  begin(m);
  for (uint32_t i = 0; i < STEPS && choices_left(m); i++) {
    if (chance(m, 3) && wq_client_status(m->client) != WQ_IDLE)
      server_step(m);
    else
      host_step(m);
  }
  if (m->trace) printf("%8llu calm\n", (unsigned long long)m->now);
  m->calm = true;
  m->bytes = NULL;
  uint32_t steps = 0;
  while (!(host_done(m) && server_done(m) && wq_client_status(m->client) == WQ_CONNECTED))
    if (++steps > CALM_STEPS)
      FAIL("it never comes to rest");
    else
      calm_step(m);
  close_books(m);
}

const char *model_run(uint64_t seed, const uint8_t *bytes, size_t length, bool trace) {
  static model only; /* large: made anew for each run it would take most of the time */
  model *m = &only;
  memset(m, 0, sizeof *m);
  m->random = seed;
  m->bytes = bytes;
  m->bytes_end = bytes ? bytes + length : NULL;
  m->trace = trace;
  if (setjmp(m->failed) == 0) run(m);
  for (uint32_t i = 0; i < m->blocks_n; i++)
    free(m->blocks[i]);
  free(m->blocks);
  free(m->memory);
  return m->failure[0] ? m->failure : NULL;
}
