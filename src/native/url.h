/* SPDX-License-Identifier: MIT
 * ws:// and wss:// addresses. */
#ifndef WASMQTT_NATIVE_URL_H
#define WASMQTT_NATIVE_URL_H

#include "error.h"

#define WQN_URL_HOST_MAX 253     /* the longest name DNS carries */
#define WQN_URL_TARGET_MAX 4096u /* signed URLs carry long queries */

typedef struct wqn_url {
  bool tls;
  bool host_is_ip;                      /* IPv4 or IPv6 literal: no SNI, certificate checked for an address */
  char host[WQN_URL_HOST_MAX + 1];      /* without brackets */
  char port[6];                         /* decimal */
  char authority[WQN_URL_HOST_MAX + 9]; /* for the Host header: brackets, and the port unless it is the scheme's own */
  char target[WQN_URL_TARGET_MAX + 1];  /* path and query; begins with '/' */
  size_t path_length;                   /* of target, without the query: what errors may show */
} wqn_url;

/* wqn_url_parse - take an address apart. Every byte of host and target is then printable ASCII without space, so neither
 * can break out of an HTTP request line. Returns 0, or -1 with *error. */
int wqn_url_parse(wqn_url *url, const char *text, wqn_error *error);

#endif
