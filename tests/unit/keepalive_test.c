/* SPDX-License-Identifier: MIT
 * A week of keep-alive on a clock that is driven by wq_deadline() alone: what leaves when, and what becomes of servers that
 * answer late, or no longer. */
#include "check.h"
#include "wasmqtt.h"

#include <stdlib.h>

#define WEEK_MS (7u * 24 * 3600 * 1000)
#define NEVER UINT64_MAX
#define ANSWERS 64 /* PINGRESPs under way */

/* The peers and the times between them. All times in ms. */
typedef struct world {
  wq_client *client;
  void *memory, *block;
  uint64_t now, began, end;
  uint32_t random;
  uint32_t keep_alive, quiet;         /* quiet: after so long without output, PINGREQ is due */
  bool dead;                          /* the server takes everything and says nothing */
  uint32_t answer_within;             /* the server answers a PINGREQ after up to so long; 0: at once */
  uint32_t send_every, receive_every; /* on average; 0: never */
  uint32_t round;                     /* timers ring at multiples of it only; 0: when they should */

  uint64_t answers[ANSWERS]; /* ring: when each PINGRESP comes */
  uint32_t answers_first, answers_n;
  uint64_t send_at, receive_at;
  uint64_t out_at, heard_at;
  uint64_t gap;                 /* the longest time between two packets of ours */
  uint32_t pings, ticks, early; /* early: PINGREQs that there was no need of yet */
} world;

static uint32_t pick(world *w, uint32_t below) {
  w->random = w->random * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)(w->random >> 8) * below >> 24);
}

static uint64_t next(world *w, uint32_t every) { return every ? w->now + 1 + pick(w, 2 * every) : NEVER; }

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* What the client put into its output leaves, at this moment. */
static void drain(world *w) {
  wq_output_view view;
  for (wq_output(w->client, &view); view.len; wq_output(w->client, &view)) {
    if (w->now - w->out_at > w->gap) w->gap = w->now - w->out_at;
    for (uint32_t at = 0; at < view.len; at += 2u + view.data[at + 1]) {
      if (view.data[at] != 0xc0) continue;
      w->pings++;
      w->early += w->now < w->out_at + w->quiet && w->now < w->heard_at + w->keep_alive * 1000u;
      if (w->dead) continue;
      CHECK(w->answers_n < ANSWERS);
      uint64_t at_once = w->now + (w->answer_within ? pick(w, w->answer_within) : 0);
      uint64_t before = w->answers_n ? w->answers[(w->answers_first + w->answers_n - 1) % ANSWERS] : 0;
      w->answers[(w->answers_first + w->answers_n++) % ANSWERS] = at_once > before ? at_once : before;
    }
    w->out_at = w->now;
    CHECK_INT(wq_output_ack(w->client, view.len), 0);
  }
}

static void feed(world *w, const void *bytes, size_t n) {
  w->heard_at = w->now;
  CHECK_INT(wq_feed(w->client, bytes, n, w->now), n);
  drain(w);
}

static world begin(uint32_t keep_alive) {
  static uint32_t seed;
  wq_config config;
  wq_config_init(&config);
  size_t size = wq_client_size(&config);
  uint32_t ms = keep_alive * 1000;
  world w = {.now = 1000, .began = 1000, .out_at = 1000, .keep_alive = keep_alive, .random = ++seed};
  w.quiet = ms - (ms / 4 < 5000 ? ms / 4 : 5000);
  w.end = w.now + WEEK_MS;
  w.memory = aligned_alloc(16, size);
  w.client = wq_client_init(w.memory, size, &config);
  wq_connect_args args = {.size = sizeof args, .version = WQ_MQTT_3_1_1, .keep_alive = (uint16_t)keep_alive};
  args.clean = true;
  args.client_id = (wq_bytes){(const uint8_t *)"a", 1};
  CHECK_INT(wq_connect(w.client, &args, w.now), 0);
  drain(&w);
  feed(&w, "\x20\x02\0\0", 4);
  CHECK_INT(wq_client_status(w.client), WQ_CONNECTED);
  return w;
}

static void end(world *w) {
  free(w->memory);
  free(w->block);
}

static void publish(world *w) {
  wq_publish_args args = {.size = sizeof args, .topic = {(const uint8_t *)"t", 1}};
  int64_t got = wq_publish(w->client, &args, w->now);
  if (got == WQ_E_MEMORY) {
    size_t wanted = wq_memory_wanted(w->client);
    w->block = aligned_alloc(16, wanted);
    CHECK_INT(wq_add_memory(w->client, w->block, wanted), 0);
    got = wq_publish(w->client, &args, w->now);
  }
  CHECK(got >= 0);
  drain(w);
}

/* When the host's timer for this deadline rings. */
static uint64_t rings(const world *w, uint64_t deadline) {
  if (deadline == NEVER || !w->round) return deadline;
  uint64_t from = deadline > w->now ? deadline : w->now + 1;
  return (from + w->round - 1) / w->round * w->round;
}

/* The clock goes from moment to moment until the end, or an error, which is returned. */
static int run(world *w) {
  w->send_at = next(w, w->send_every);
  w->receive_at = next(w, w->receive_every);
  for (;;) {
    uint64_t deadline = wq_deadline(w->client);
    CHECK(deadline > w->now || w->round); /* whatever was due is done: no spinning */
    uint64_t answer = w->answers_n ? w->answers[w->answers_first] : NEVER;
    uint64_t ring = rings(w, deadline);
    uint64_t then = sooner(sooner(ring, answer), sooner(w->send_at, w->receive_at));
    if (then > w->end) break;
    w->now = then;
    if (answer == then) {
      w->answers_first = (w->answers_first + 1) % ANSWERS;
      w->answers_n--;
      feed(w, "\xd0", 2);
    }
    if (w->receive_at == then) {
      feed(w, "\x30\x03\0\1t", 5);
      w->receive_at = next(w, w->receive_every);
    }
    if (w->send_at == then) {
      publish(w);
      w->send_at = next(w, w->send_every);
    }
    if (wq_deadline(w->client) > then) continue; /* as a host does: any occasion is one to look */
    w->ticks++;
    int error = wq_tick(w->client, then);
    drain(w);
    if (error) return error;
  }
  w->now = w->end;
  if (w->now - w->out_at > w->gap) w->gap = w->now - w->out_at;
  return 0;
}

#define INTERVALS_N 5
static const uint32_t INTERVALS[INTERVALS_N] = {1, 5, 60, 1200, 65535};

static uint32_t answer_time(uint32_t keep_alive) { return keep_alive < 20 ? keep_alive * 1000 : 20000; }

static void quiet_week(void) {
  for (int i = 0; i < INTERVALS_N; i++) {
    world w = begin(INTERVALS[i]);
    CHECK_INT(run(&w), 0);
    CHECK_INT(w.pings, WEEK_MS / w.quiet);
    CHECK_INT(w.ticks, w.pings);
    CHECK_INT(w.gap, w.quiet);
    CHECK(w.gap <= w.keep_alive * 1000u);
    end(&w);
  }
}

static void no_keep_alive(void) {
  world w = begin(0);
  w.send_every = w.receive_every = 3600000;
  CHECK_INT(wq_deadline(w.client), NEVER);
  CHECK_INT(run(&w), 0);
  CHECK_INT(w.pings, 0);
  CHECK_INT(w.ticks, 0);
  end(&w);
}

/* Traffic both ways, seldom and often, and answers that take nearly all the time that they may. */
static void busy_week(void) {
  for (int i = 0; i < INTERVALS_N; i++) {
    for (uint32_t often = 0; often < 9; often++) {
      static const uint32_t THIRDS[] = {0, 1, 9};
      world w = begin(INTERVALS[i]);
      w.send_every = INTERVALS[i] * 1000 * THIRDS[often % 3] / 3;
      w.receive_every = INTERVALS[i] * 1000 * THIRDS[often / 3] / 3;
      w.answer_within = answer_time(INTERVALS[i]);
      if (w.keep_alive < 60) w.end = w.now + WEEK_MS / 7; /* intervals enough */
      CHECK_INT(run(&w), 0);
      CHECK(w.gap <= w.quiet);
      CHECK_INT(w.early, 0);
      CHECK(w.pings <= WEEK_MS / w.quiet);
      CHECK(w.ticks <= 2 * w.pings + 1);
      end(&w);
    }
  }
}

/* Whatever we do: to a server that is gone, messages with QoS 0 can be sent for ever. */
static void dead_server(void) {
  for (int i = 0; i < INTERVALS_N; i++) {
    for (uint32_t run_n = 0; run_n < 20; run_n++) {
      world w = begin(INTERVALS[i]);
      w.send_every = run_n % 2 ? INTERVALS[i] * 1000 / (1 + run_n / 2) : 0;
      w.end = w.now + pick(&w, 100) * (w.keep_alive * 100);
      CHECK_INT(run(&w), 0);
      w.dead = true;
      w.answers_n = 0;
      w.end += WEEK_MS;
      CHECK_INT(run(&w), WQ_E_PING_TIMEOUT);
      CHECK(w.now - w.heard_at <= w.keep_alive * 1000u + answer_time(w.keep_alive));
      if (!w.send_every) CHECK_INT(w.now - w.heard_at, w.quiet + answer_time(w.keep_alive));
      CHECK_INT(wq_deadline(w.client), NEVER);
      end(&w);
    }
  }
}

/* A hidden page: timers ring once a minute, so a PINGREQ may be due for a while; told of it, the client takes the minute
 * before, and any message on the way. */
static void throttled_week(void) {
  for (int i = 0; i < INTERVALS_N; i++) {
    if (INTERVALS[i] < 60) continue;
    world w = begin(INTERVALS[i]);
    w.round = 60000;
    w.receive_every = 30000;
    wq_throttled(w.client, true);
    CHECK_INT(run(&w), 0);
    uint32_t third = w.keep_alive * 1000 / 3;
    CHECK(w.gap >= third && w.gap <= third + 60000);
    CHECK(w.gap < w.keep_alive * 1500u); /* when the server would let us go */
    CHECK(w.pings >= WEEK_MS / (third + 60000));
    wq_throttled(w.client, false);
    CHECK_INT(wq_deadline(w.client), w.out_at + w.quiet);
    w.dead = true;
    w.answers_n = w.receive_every = 0;
    wq_throttled(w.client, true);
    w.end += WEEK_MS;
    CHECK_INT(run(&w), WQ_E_PING_TIMEOUT);
    CHECK(w.now - w.heard_at <= third + 3 * 60000u); /* asked, asked once more since nobody looked in time, given up */
    end(&w);
  }
}

/* Short intervals in a hidden page: messages that come are chances to ping. */
static void throttled_with_traffic(void) {
  world w = begin(30);
  w.round = 60000;
  w.receive_every = 4000; /* at most 8 s apart */
  CHECK_INT(run(&w), 0);
  CHECK(w.gap > 25000); /* and up to 33 s */
  uint64_t late = w.gap;
  end(&w);
  w = begin(30);
  w.round = 60000;
  w.receive_every = 4000;
  wq_throttled(w.client, true);
  CHECK_INT(run(&w), 0);
  CHECK(w.gap <= 18001 && w.gap < late);
  end(&w);
}

/* The machine sleeps again and again, at any moment, whether a PINGREQ is unanswered or not; the answer that came meanwhile
 * is read after the tick. A server that is there is never lost. */
static void sleeper(void) {
  for (int i = 0; i < INTERVALS_N; i++) {
    world w = begin(INTERVALS[i]);
    for (uint32_t sleeps = 0; sleeps < 2000; sleeps++) {
      w.answer_within = answer_time(INTERVALS[i]);
      w.end = w.now + pick(&w, 2000 * INTERVALS[i]);
      CHECK_INT(run(&w), 0);
      w.now += 600000;
      w.out_at = w.now; /* nobody could have sent anything */
      CHECK_INT(wq_tick(w.client, w.now), 0);
      drain(&w);
      for (; w.answers_n; w.answers_n--) {
        w.answers_first = (w.answers_first + 1) % ANSWERS;
        feed(&w, "\xd0", 2);
      }
    }
    end(&w);
  }
}

int main(void) {
  check_case(
      "a quiet week: PINGREQ a little before its time, no deadline twice, none missed [M3:3.1.2-23] [M5:3.1.2-20]",
      quiet_week);
  check_case("a week without keep-alive: nothing is due", no_keep_alive);
  check_case("a week with traffic and slow answers: never more than the interval without a packet of ours", busy_week);
  check_case("a server that fell silent is found in time, whatever is sent to it [M3:3.12.4-1] [M5:3.12.4-1]",
             dead_server);
  check_case("a week of timers that ring once a minute", throttled_week);
  check_case("where timers ring late, what comes is a chance to ping", throttled_with_traffic);
  check_case("sleep at any moment loses no server that is there", sleeper);
  return check_close();
}
