/* SPDX-License-Identifier: MIT
 * A gateway for services that have no WebSocket: pages connect here, and what they say goes to one broker over TCP or TLS,
 * where it may show a client certificate, which a browser cannot do. `gateway --help` tells how to use it.
 *
 * It listens on the loopback address unless told otherwise, since what travels over ws:// can be read on its way: for pages
 * on other machines, put a web server with a certificate in front of it. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"

enum { CROWD = 8, SPARE_FILES = 32, PAUSE_MS = 1000 }; /* CROWD: connections above --max that are told so */

typedef struct program {
  gateway gateway;
  options options;
  wqn_tls *tls_list;
  int listener;
  int wake[2]; /* a pipe: the signal handler writes, poll() sees it */
  relay *relays;
  unsigned count;
  uint64_t paused; /* until when no connection is accepted, since the system has no file descriptor left */
  struct pollfd *polled;
} program;

/* ------------------------------------------------------------------------------------------------ start */

static int fail(const char *what, const char *why) {
  fprintf(stderr, "gateway: %s: %s\n", what, why);
  return 1;
}

/* The key's own question at the terminal would stop a program that nobody sits in front of. */
static int no_passphrase(char *dst, int room, int writing, void *user) {
  (void)dst, (void)room, (void)writing, (void)user;
  return 0;
}

static int use_certificate(SSL_CTX *context, const options *o) {
  const char *key = o->key ? o->key : o->certificate;
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context, o->certificate) != 1)
    return fail(o->certificate, "cannot be read, or holds no certificate in PEM form");
  if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
    return fail(key,
                "cannot be read, holds no private key in PEM form, is encrypted, or belongs to another certificate");
  return 0;
}

static int set_up_tls(program *p) {
  wqn_error error;
  const options *o = &p->options;
  unsigned char alpn[256];
  if (!p->gateway.target.tls) return 0;
  p->gateway.tls = wqn_tls_get(&p->tls_list, o->ca, &error);
  if (!p->gateway.tls) return fail("TLS", error.text);
  SSL_CTX *context = p->gateway.tls->context;
  alpn[0] = (unsigned char)(o->alpn ? strlen(o->alpn) : 0);
  if (o->alpn) memcpy(alpn + 1, o->alpn, alpn[0]);
  SSL_CTX_set_alpn_protos(context, alpn, o->alpn ? alpn[0] + 1u : 0); /* HTTP's is there, and does not belong */
  int failed = o->certificate ? use_certificate(context, o) : 0;
  ERR_clear_error();
  return failed;
}

static int set_flags(int fd) { return fcntl(fd, F_SETFL, O_NONBLOCK) | fcntl(fd, F_SETFD, FD_CLOEXEC); }

static int open_listener(program *p) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *address;
  int on = 1;
  int failed = getaddrinfo(p->options.host, p->options.port, &hints, &address);
  if (failed) return fail(p->options.host, gai_strerror(failed));
  p->listener = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
  bool good = p->listener >= 0 && set_flags(p->listener) == 0 &&
              setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
              bind(p->listener, address->ai_addr, address->ai_addrlen) == 0 && listen(p->listener, 128) == 0;
  freeaddrinfo(address);
  return good ? 0 : fail("cannot listen there (see --listen)", strerror(errno));
}

/* Two sockets for each connection. */
static int raise_file_limit(const program *p) {
  struct rlimit limit;
  rlim_t wanted = 2 * ((rlim_t)p->options.max + CROWD) + SPARE_FILES;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return 0;
  limit.rlim_cur = wanted;
  if (limit.rlim_max >= wanted && setrlimit(RLIMIT_NOFILE, &limit) == 0) return 0;
  return fail("--max", "the system allows too few open files for that: raise the limit (ulimit -n), or take fewer");
}

/* "127.0.0.1:8080", "[::1]:8080" */
static const char *name_address(char *dst, size_t room, const struct sockaddr *address, socklen_t length) {
  char host[48], port[8];
  if (getnameinfo(address, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "an unknown address";
  snprintf(dst, room, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
  return dst;
}

static bool is_loopback(const struct sockaddr_storage *address) {
  if (address->ss_family == AF_INET)
    return (ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24) == 127;
  return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static void announce(const program *p) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  char name[64];
  if (getsockname(p->listener, (struct sockaddr *)&address, &length) != 0) return;
  printf("gateway: ws://%s%s leads to %s port %s over %s\n",
         name_address(name, sizeof name, (struct sockaddr *)&address, length), p->gateway.rules.path,
         p->gateway.target.host, p->gateway.target.port, p->gateway.tls ? "TLS" : "TCP");
  if (!is_loopback(&address))
    printf("gateway: other machines reach this address, and ws:// is not encrypted: see examples/gateway/README.md\n");
}

/* ------------------------------------------------------------------------------------------------ connections */

static void accept_one(program *p, uint64_t now) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  char name[64];
  int on = 1;
  int fd = accept(p->listener, (struct sockaddr *)&address, &length);
  if (fd < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED) p->paused = now + PAUSE_MS;
    return;
  }
  set_flags(fd);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); /* a page whose machine vanished does not stay for ever */
  relay *r = relay_new(&p->gateway, fd, name_address(name, sizeof name, (struct sockaddr *)&address, length),
                       p->count >= p->options.max);
  if (!r) return;
  r->next = p->relays;
  p->relays = r;
  p->count++;
}

static void say_end(const relay *r) {
  printf("gateway: %s (%s) ended: %llu bytes up, %llu down; %s\n", r->from, r->request.page, (unsigned long long)r->up,
         (unsigned long long)r->down, r->why.text[0] ? r->why.text : "it took too long to close");
}

static void reap(program *p) {
  for (relay **at = &p->relays; *at;) {
    relay *r = *at;
    if (r->state != RELAY_ENDED) {
      at = &r->next;
      continue;
    }
    *at = r->next;
    say_end(r);
    relay_free(r);
    p->count--;
  }
}

/* ------------------------------------------------------------------------------------------------ the loop */

static bool accepting(const program *p, uint64_t now) { return p->count < p->options.max + CROWD && now >= p->paused; }

/* How long poll() may wait. */
static int patience(const program *p, uint64_t now) {
  uint64_t until = p->paused > now ? p->paused : UINT64_MAX;
  for (const relay *r = p->relays; r; r = r->next) {
    if (relay_pending(r)) return 0;
    if (r->deadline < until) until = r->deadline;
  }
  if (until == UINT64_MAX) return -1;
  return until > now ? (int)(until - now) : 0;
}

/* One turn. Returns false once a signal came. */
static bool turn(program *p) {
  uint64_t now = wqn_now();
  nfds_t count = 2;
  p->polled[0] = (struct pollfd){.fd = p->wake[0], .events = POLLIN};
  p->polled[1] = (struct pollfd){.fd = accepting(p, now) ? p->listener : -1, .events = POLLIN};
  for (relay *r = p->relays; r; r = r->next, count += 2) {
    r->polled = &p->polled[count];
    relay_poll(r, r->polled);
  }
  if (poll(p->polled, count, patience(p, now)) < 0) return errno == EINTR;
  now = wqn_now();
  for (relay *r = p->relays; r; r = r->next) {
    if (r->polled[0].revents || r->polled[1].revents || r->deadline <= now || relay_pending(r)) relay_serve(r, now);
  }
  reap(p);
  if (p->polled[1].revents) accept_one(p, now);
  return !p->polled[0].revents;
}

static int signal_pipe; /* where the signal handler writes */

static void on_signal(int number) {
  int kept = errno;
  ssize_t written = write(signal_pipe, "", 1);
  (void)number, (void)written;
  errno = kept;
}

static int catch_signals(program *p) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}; /* the second one ends at once */
  if (pipe(p->wake) != 0 || set_flags(p->wake[0]) || set_flags(p->wake[1])) return fail("pipe", strerror(errno));
  signal_pipe = p->wake[1];
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  return 0;
}

static int run(program *p) {
  if (raise_file_limit(p) || set_up_tls(p) || catch_signals(p) || open_listener(p)) return 1;
  p->polled = calloc(2 + 2 * ((size_t)p->options.max + CROWD), sizeof *p->polled);
  if (!p->polled) return fail("no memory", "take a smaller --max");
  announce(p);
  while (turn(p)) {
  }
  printf("gateway: closing %u connections\n", p->count);
  return 0;
}

int main(int argc, char **argv) {
  static program p = {.listener = -1, .wake = {-1, -1}};
  (void)argc;
  setvbuf(stdout, NULL, _IOLBF, 0); /* whoever reads this through a pipe wants it now */
  int status = options_read(&p.options, &p.gateway, argv + 1);
  if (status >= 0) return status;
  status = run(&p);
  while (p.relays) {
    relay *r = p.relays;
    p.relays = r->next;
    relay_free(r);
  }
  if (p.listener >= 0) close(p.listener);
  free(p.polled);
  wqn_tls_free_all(&p.tls_list);
  return status;
}
