/* SPDX-License-Identifier: MIT
 * The gateway's command line. */
#ifndef GATEWAY_OPTIONS_H
#define GATEWAY_OPTIONS_H

#include "relay.h"

typedef struct options {
  char host[WQN_URL_HOST_MAX + 1], port[6]; /* where to listen */
  const char *ca, *certificate, *key, *alpn;
  unsigned max;
} options;

/* options_read - fill *o and *g from the arguments behind the program's name. Returns -1 to go on, or else the exit status,
 * having said why. */
int options_read(options *o, gateway *g, char **arguments);

#endif
