/* SPDX-License-Identifier: MIT
 * A fleet of simulated devices, each with an MQTT 5.0 connection of its own over WebSocket: something for a dashboard to
 * show, and an example of the native host. `fleet --help` tells how to use it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "crypto.h"
#include "device.h"

enum { DEVICES_MAX = 9999, GOODBYE_MS = 2000, SPARE_FILES = 32 };

static const char help[] = "fleet [options]   simulated devices on an MQTT broker; Ctrl-C ends them\n"
                           "  --url URL       broker; default ws://127.0.0.1:9001/mqtt\n"
                           "  --ca FILE       PEM file of the authority that signed a wss:// broker's certificate\n"
                           "  --devices N     how many, 1 to 9999; default 50\n"
                           "  --first N       number of the first one; default 1\n"
                           "  --only ID       just this one, such as dev-0007\n"
                           "  --interval MS   between reports, 100 to 3600000; default 1000\n"
                           "  --seed N        the same numbers again; default: others each time\n";

typedef struct program {
  fleet fleet; /* first, so that the fleet's callbacks find their program */
  device *devices;
  const char *url;
  uint32_t first;
  uint32_t gone;  /* devices that will not come back */
  bool connected; /* somebody was online: the broker is there, and worth waiting for */
  bool announced; /* said that everybody is online */
  bool lost;      /* said that the connection is lost; somebody is not back yet */
  bool leaving;
  int status;
} program;

/* ------------------------------------------------------------------------------------------------ what devices tell */

static uint32_t count_online(const program *p) {
  uint32_t online = 0;
  for (uint32_t i = 0; i < p->fleet.count; i++)
    online += p->devices[i].online;
  return online;
}

static void on_online(fleet *f, device *d) {
  (void)d;
  program *p = (program *)f;
  uint32_t online = count_online(p);
  p->connected = true;
  if (p->announced || online + p->gone < f->count) return;
  p->announced = true;
  p->lost = false;
  printf("fleet: %u devices online\n", online);
}

/* Somebody went for good. */
static void count_gone(program *p) {
  p->gone++;
  if (p->gone < p->fleet.count) return;
  if (!p->leaving) p->status = 1;
  wqn_loop_stop(p->fleet.loop);
}

static void on_offline(fleet *f, device *d, const wqn_error *error, bool coming_back) {
  program *p = (program *)f;
  if (error && !p->leaving) {
    if (!p->connected) {
      /* Whatever is wrong, it is so from the start: somebody should look. */
      if (p->status == 0) fprintf(stderr, "fleet: %s\n", error->text);
      p->status = 1;
      wqn_loop_stop(f->loop);
      return;
    }
    if (!coming_back)
      fprintf(stderr, "fleet: %s gave up: %s\n", d->id, error->text);
    else if (!p->lost)
      printf("fleet: connection lost, trying again: %s\n", error->text);
    p->lost = p->lost || coming_back;
    p->announced = p->announced && !coming_back;
  }
  if (!coming_back) count_gone(p);
}

/* ------------------------------------------------------------------------------------------------ options */

static int usage(const char *why, const char *what) {
  fprintf(stderr, "fleet: %s%s; `fleet --help` lists the options\n", why, what);
  return 2;
}

static bool read_number(const char *text, uint64_t low, uint64_t high, uint64_t *number) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno || *end || *text < '0' || *text > '9' || value < low || value > high) return false;
  *number = value;
  return true;
}

/* Returns 0, or the exit status that its message goes with. */
static int read_options(program *p, char **at) {
  uint64_t devices = 50, first = 1, interval = 1000;
  for (; *at; at += 2) {
    const char *name = at[0], *value = at[1];
    bool good = true;
    if (!value) return usage("missing value for ", name);
    if (strcmp(name, "--url") == 0) {
      p->url = value;
    } else if (strcmp(name, "--ca") == 0) {
      p->fleet.options.ca_file = value;
    } else if (strcmp(name, "--devices") == 0) {
      good = read_number(value, 1, DEVICES_MAX, &devices);
    } else if (strcmp(name, "--first") == 0) {
      good = read_number(value, 1, DEVICES_MAX, &first);
    } else if (strcmp(name, "--only") == 0) {
      good = strncmp(value, "dev-", 4) == 0 && read_number(value + 4, 1, DEVICES_MAX, &first);
      devices = 1;
    } else if (strcmp(name, "--interval") == 0) {
      good = read_number(value, DEVICE_INTERVAL_MIN_MS, DEVICE_INTERVAL_MAX_MS, &interval);
    } else if (strcmp(name, "--seed") == 0) {
      good = read_number(value, 0, UINT64_MAX, &p->fleet.seed);
    } else {
      return usage("unknown option ", name);
    }
    if (!good) return usage("bad value for ", name);
  }
  if (first + devices - 1 > DEVICES_MAX) return usage("devices are numbered up to 9999", "");
  p->first = (uint32_t)first;
  p->fleet.count = (uint32_t)devices;
  p->fleet.interval_ms = (uint32_t)interval;
  return 0;
}

/* ------------------------------------------------------------------------------------------------ the program */

static wqn_loop *signalled; /* what the signal handler stops */

static void on_signal(int number) {
  (void)number;
  wqn_loop_stop(signalled);
}

static void catch_signals(wqn_loop *loop) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}; /* the second one ends at once */
  signalled = loop;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* As many sockets as devices. Returns false, having said why, if the system does not allow that. */
static bool raise_file_limit(uint32_t devices) {
  struct rlimit limit;
  rlim_t wanted = (rlim_t)devices + SPARE_FILES;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return true;
  rlim_t had = limit.rlim_cur;
  limit.rlim_cur = wanted;
  if (limit.rlim_max >= wanted && setrlimit(RLIMIT_NOFILE, &limit) == 0) return true;
  fprintf(stderr, "fleet: %u devices need %llu open files, and %llu are allowed: raise the limit (ulimit -n %llu)\n",
          devices, (unsigned long long)wanted, (unsigned long long)had, (unsigned long long)wanted);
  return false;
}

static void set_options(program *p) {
  wqn_options *o = &p->fleet.options;
  o->url = p->url;
  o->retry_min_ms = 500;
  o->retry_max_ms = 10000;
  /* A device says little: small tables let hundreds live in one process. */
  wq_config_init(&o->config);
  o->config.events_max = 64;
  o->config.output_size = 8192;
  o->config.carry_size = 4096;
  o->config.topics_max = 64;
  o->config.queue_max = 64;
  o->config.inflight_max = 16;
  o->config.receive_max = 16;
  o->config.packet_size_max = 65536;
}

static void stop_waiting(wqn_timer *timer, void *user) {
  (void)timer;
  wqn_loop_stop(user);
}

static void leave(program *p) {
  wqn_timer deadline = {.fire = stop_waiting, .user = p->fleet.loop};
  p->leaving = true;
  p->gone = 0;
  printf("fleet: going offline\n");
  wqn_timer_start(p->fleet.loop, &deadline, GOODBYE_MS);
  for (uint32_t i = 0; i < p->fleet.count; i++)
    device_leave(&p->devices[i]);
  wqn_loop_run(p->fleet.loop);
  wqn_timer_stop(p->fleet.loop, &deadline);
}

static int run(program *p) {
  p->fleet.on_online = on_online;
  p->fleet.on_offline = on_offline;
  if (!raise_file_limit(p->fleet.count)) return 1;
  set_options(p);
  catch_signals(p->fleet.loop);
  printf("fleet: connecting %u devices to %.*s\n", p->fleet.count, (int)strcspn(p->url, "?"), p->url);
  for (uint32_t i = 0; i < p->fleet.count; i++) {
    device_start(&p->devices[i], &p->fleet, p->first + i, (double)i / p->fleet.count);
  }
  wqn_loop_run(p->fleet.loop);
  if (p->status == 0) leave(p);
  for (uint32_t i = 0; i < p->fleet.count; i++)
    command_abort(&p->devices[i]);
  return p->status;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    fputs(help, stdout);
    return 0;
  }
  setvbuf(stdout, NULL, _IOLBF, 0); /* whoever reads this through a pipe wants it now */
  program p = {.url = "ws://127.0.0.1:9001/mqtt"};
  wq_crypto_random((uint8_t *)&p.fleet.seed, sizeof p.fleet.seed);
  int status = read_options(&p, argv + 1);
  if (status) return status;
  p.devices = calloc(p.fleet.count, sizeof *p.devices);
  p.fleet.loop = wqn_loop_new();
  if (p.devices && p.fleet.loop) {
    status = run(&p);
  } else {
    fprintf(stderr, "fleet: no memory for %u devices\n", p.fleet.count);
    status = 1;
  }
  wqn_loop_free(p.fleet.loop);
  free(p.devices);
  return status;
}
