/* SPDX-License-Identifier: MIT
 * A non-blocking byte stream: TCP, or TLS over it. The addresses of a name are tried one after the other. */
#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void wqn_transport_init(wqn_transport *t) {
  memset(t, 0, sizeof *t);
  t->fd = -1;
}

static void close_socket(wqn_transport *t) {
  SSL_free(t->session);
  t->session = NULL;
  if (t->fd >= 0) close(t->fd);
  t->fd = -1;
  t->connecting = t->handshaking = t->wants_write = false;
}

void wqn_transport_close(wqn_transport *t) {
  close_socket(t);
  if (t->addresses) freeaddrinfo(t->addresses);
  t->addresses = NULL;
  t->next = NULL;
}

/* ------------------------------------------------------------------------------------------------ opening */

static bool connect_to(wqn_transport *t, const struct addrinfo *address) {
  int on = 1;
  t->fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
  if (t->fd < 0) {
    t->last_errno = errno;
    return false;
  }
  /* What the core puts out is whole messages, gathered already: holding them back only adds delay. */
  setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fcntl(t->fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(t->fd, F_SETFD, FD_CLOEXEC) == 0 &&
      (connect(t->fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS)) {
    t->connecting = true; /* also where it is done already: the step asks the socket */
    return true;
  }
  t->last_errno = errno;
  close_socket(t);
  return false;
}

static int connect_next(wqn_transport *t, const wqn_url *url, wqn_error *error) {
  while (t->next) {
    const struct addrinfo *address = t->next;
    t->next = address->ai_next;
    if (connect_to(t, address)) return 0;
  }
  const char *hint = "check host and port";
  if (t->last_errno == ECONNREFUSED) hint = "nothing listens there; is the broker running, and is the port right?";
  if (t->last_errno == EMFILE || t->last_errno == ENFILE) hint = "raise the limit of open files (ulimit -n)";
  return wqn_fail(error, WQN_TCP, t->last_errno, "cannot connect to %s port %s (%s): %s", url->host, url->port,
                  strerror(t->last_errno), hint);
}

int wqn_transport_start(wqn_transport *t, const wqn_url *url, wqn_error *error) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  if (url->host_is_ip) hints.ai_flags |= AI_NUMERICHOST;
  int failed = getaddrinfo(url->host, url->port, &hints, &t->addresses);
  if (failed) {
    t->addresses = NULL;
    return wqn_fail(error, WQN_RESOLVE, 0, "cannot find the address of %s (%s): check its spelling and the network",
                    url->host, gai_strerror(failed));
  }
  t->next = t->addresses;
  return connect_next(t, url, error);
}

static int step_tls(wqn_transport *t, const wqn_url *url, wqn_error *error) {
  ERR_clear_error();
  int done = SSL_do_handshake(t->session);
  if (done == 1) {
    t->handshaking = t->wants_write = false;
    return 1;
  }
  int why = SSL_get_error(t->session, done);
  t->wants_write = why == SSL_ERROR_WANT_WRITE;
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
  return wqn_tls_explain(t->session, url, error);
}

int wqn_transport_step(wqn_transport *t, const wqn_url *url, wqn_tls *tls, wqn_error *error) {
  if (t->connecting) {
    struct pollfd writable = {.fd = t->fd, .events = POLLOUT};
    if (poll(&writable, 1, 0) == 0) return 0;
    int failed = 0;
    socklen_t length = sizeof failed;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &failed, &length) != 0) failed = errno;
    if (failed) {
      t->last_errno = failed;
      close_socket(t);
      return connect_next(t, url, error);
    }
    t->connecting = false;
    if (!tls) return 1;
    t->session = wqn_tls_session(tls, t->fd, url, error);
    if (!t->session) return -1;
    t->handshaking = true;
  }
  return t->handshaking ? step_tls(t, url, error) : 1;
}

/* ------------------------------------------------------------------------------------------------ moving bytes */

short wqn_transport_events(const wqn_transport *t, bool want_read, bool want_write) {
  if (t->connecting) return POLLOUT;
  if (t->handshaking) return t->wants_write ? POLLOUT : POLLIN;
  short events = 0;
  if (want_read) events |= POLLIN;
  if (want_write || t->wants_write) events |= POLLOUT;
  return events;
}

bool wqn_transport_pending(const wqn_transport *t) { return t->session && SSL_pending(t->session) > 0; }

/* What a call on the TLS session that moved nothing means. */
static ssize_t tls_outcome(wqn_transport *t, int result) {
  switch (SSL_get_error(t->session, result)) {
  case SSL_ERROR_WANT_READ: return WQN_IO_AGAIN;
  case SSL_ERROR_WANT_WRITE: t->wants_write = true; return WQN_IO_AGAIN;
  case SSL_ERROR_ZERO_RETURN: return WQN_IO_END;
  case SSL_ERROR_SYSCALL:
    if (errno == 0) return WQN_IO_END; /* the peer left without TLS's goodbye: the WebSocket's close frame tells more */
    t->last_errno = errno;
    return WQN_IO_FAILED;
  default: t->last_errno = EPROTO; return WQN_IO_FAILED;
  }
}

static ssize_t tcp_outcome(wqn_transport *t) {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return WQN_IO_AGAIN;
  t->last_errno = errno;
  return WQN_IO_FAILED;
}

ssize_t wqn_transport_read(wqn_transport *t, uint8_t *bytes, size_t room) {
  if (t->session) {
    ERR_clear_error();
    errno = 0;
    t->wants_write = false;
    int n = SSL_read(t->session, bytes, room > INT_MAX ? INT_MAX : (int)room);
    return n > 0 ? n : tls_outcome(t, n);
  }
  ssize_t n = recv(t->fd, bytes, room, 0);
  if (n > 0) return n;
  return n == 0 ? WQN_IO_END : tcp_outcome(t);
}

ssize_t wqn_transport_write(wqn_transport *t, const uint8_t *bytes, size_t length) {
  if (t->session) {
    ERR_clear_error();
    errno = 0;
    t->wants_write = false;
    int n = SSL_write(t->session, bytes, length > INT_MAX ? INT_MAX : (int)length);
    return n > 0 ? n : tls_outcome(t, n);
  }
  ssize_t n = send(t->fd, bytes, length, MSG_NOSIGNAL);
  return n >= 0 ? n : tcp_outcome(t);
}
