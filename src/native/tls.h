/* SPDX-License-Identifier: MIT
 * TLS by OpenSSL: contexts shared by all connections that trust the same authorities, sessions that check certificate and
 * name, and OpenSSL's failures put into words. */
#ifndef WASMQTT_NATIVE_TLS_H
#define WASMQTT_NATIVE_TLS_H

#include <openssl/ssl.h>

#include "url.h"

/* wqn_tls - one set of trusted authorities. Reading the system's takes tens of milliseconds, hence the list. */
typedef struct wqn_tls {
  SSL_CTX *context;
  BIO_METHOD *bio;
  char *ca_file; /* NULL: the system's */
  struct wqn_tls *next;
} wqn_tls;

/* wqn_tls_get - the entry for ca_file in *list, made if it is not there. NULL with *error if the file cannot be used. */
wqn_tls *wqn_tls_get(wqn_tls **list, const char *ca_file, wqn_error *error);

/* wqn_tls_free_all - no session may be left. */
void wqn_tls_free_all(wqn_tls **list);

/* wqn_tls_session - a client session on the socket `fd` (which stays the caller's) that will accept a certificate for
 * url's host only. NULL with *error if there is no memory. */
SSL *wqn_tls_session(wqn_tls *tls, int fd, const wqn_url *url, wqn_error *error);

/* wqn_tls_explain - fill *error for a handshake that failed. Returns -1. */
int wqn_tls_explain(const SSL *session, const wqn_url *url, wqn_error *error);

#endif
