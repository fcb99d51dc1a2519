/* SPDX-License-Identifier: MIT
 * The loop: poll() over every client's socket, timers, and a pipe by which a signal handler may stop it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

uint64_t wqn_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

wqn_loop *wqn_loop_new(void) {
  wqn_loop *loop = calloc(1, sizeof *loop);
  if (!loop) return NULL;
  if (pipe(loop->wake) != 0) {
    free(loop);
    return NULL;
  }
  for (int end = 0; end < 2; end++) {
    fcntl(loop->wake[end], F_SETFL, O_NONBLOCK);
    fcntl(loop->wake[end], F_SETFD, FD_CLOEXEC);
  }
  return loop;
}

void wqn_loop_free(wqn_loop *loop) {
  if (!loop) return;
  while (loop->clients) {
    wqn_client *c = loop->clients;
    loop->clients = c->next;
    wqn_client_destroy(c);
  }
  wqn_tls_free_all(&loop->tls);
  close(loop->wake[0]);
  close(loop->wake[1]);
  free(loop->polled);
  free(loop);
}

void wqn_loop_stop(wqn_loop *loop) {
  int kept = errno; /* a signal handler must not change it */
  ssize_t written = write(loop->wake[1], "", 1);
  (void)written; /* a full pipe wakes as well */
  errno = kept;
}

/* ------------------------------------------------------------------------------------------------ timers */

void wqn_timer_stop(wqn_loop *loop, wqn_timer *timer) {
  if (timer->due == 0) return;
  if (timer->previous)
    timer->previous->next = timer->next;
  else
    loop->timers = timer->next;
  if (timer->next) timer->next->previous = timer->previous;
  timer->due = 0;
}

void wqn_timer_start(wqn_loop *loop, wqn_timer *timer, uint64_t delay_ms) {
  wqn_timer_stop(loop, timer);
  timer->due = wqn_now() + (delay_ms ? delay_ms : 1); /* so that none can keep fire_timers() busy for ever */
  timer->previous = NULL;
  timer->next = loop->timers;
  if (loop->timers) loop->timers->previous = timer;
  loop->timers = timer;
}

/* Fire what is due. A timer may stop any other, so the search starts again after each. */
static void fire_timers(wqn_loop *loop, uint64_t now) {
  for (wqn_timer *timer = loop->timers; timer;) {
    if (timer->due > now) {
      timer = timer->next;
      continue;
    }
    wqn_timer_stop(loop, timer);
    timer->fire(timer, timer->user);
    timer = loop->timers;
  }
}

/* ------------------------------------------------------------------------------------------------ rounds */

static void reap(wqn_loop *loop) {
  for (wqn_client **at = &loop->clients; *at;) {
    wqn_client *c = *at;
    if (!c->freed) {
      at = &c->next;
      continue;
    }
    *at = c->next;
    loop->client_count--;
    wqn_client_destroy(c);
  }
}

/* Serve whoever has work of its own; then, since a callback may have given work to others, see who is next and when. */
static uint64_t serve_due(wqn_loop *loop) {
  uint64_t now = wqn_now();
  uint64_t earliest = UINT64_MAX;
  for (wqn_client *c = loop->clients; c; c = c->next) {
    if (!c->freed && wqn_client_deadline(c, now) <= now) wqn_client_serve(c, now, false);
  }
  for (const wqn_client *c = loop->clients; c; c = c->next) {
    uint64_t deadline = wqn_client_deadline(c, now);
    if (deadline < earliest) earliest = deadline;
  }
  for (const wqn_timer *timer = loop->timers; timer; timer = timer->next) {
    if (timer->due < earliest) earliest = timer->due;
  }
  return earliest;
}

/* Room to poll everybody and the pipe. If there is no memory, those beyond the room wait a round. */
static size_t polled_room(wqn_loop *loop) {
  size_t wanted = loop->client_count + 1;
  if (wanted > loop->polled_room) {
    struct pollfd *polled = realloc(loop->polled, 2 * wanted * sizeof *polled);
    if (polled) {
      loop->polled = polled;
      loop->polled_room = 2 * wanted;
    }
  }
  return loop->polled_room;
}

static int timeout_until(uint64_t deadline, uint64_t now) {
  if (deadline == UINT64_MAX) return -1;
  if (deadline <= now) return 0;
  return deadline - now < INT_MAX ? (int)(deadline - now) : INT_MAX;
}

/* Returns false if wqn_loop_stop() was called. */
static bool wait_and_serve(wqn_loop *loop, uint64_t deadline) {
  size_t room = polled_room(loop);
  nfds_t count = 0;
  if (room > 0) loop->polled[count++] = (struct pollfd){.fd = loop->wake[0], .events = POLLIN};
  for (wqn_client *c = loop->clients; c; c = c->next) {
    short events = c->freed ? 0 : wqn_client_events(c);
    c->poll = events && count < room ? &loop->polled[count++] : NULL;
    if (c->poll) *c->poll = (struct pollfd){.fd = c->transport.fd, .events = events};
  }
  uint64_t now = wqn_now();
  int ready = poll(loop->polled, count, timeout_until(deadline, now));
  if (ready <= 0) return true;
  now = wqn_now();
  for (wqn_client *c = loop->clients; c; c = c->next) {
    short seen = c->poll ? c->poll->revents : 0;
    if (seen && !c->freed) wqn_client_serve(c, now, (seen & ~POLLOUT) != 0);
  }
  uint8_t drained[16];
  return count == 0 || !loop->polled[0].revents || read(loop->wake[0], drained, sizeof drained) <= 0;
}

void wqn_loop_run(wqn_loop *loop) {
  bool running = true;
  while (running) {
    fire_timers(loop, wqn_now());
    uint64_t deadline = serve_due(loop);
    reap(loop);
    running = wait_and_serve(loop, deadline);
  }
}
