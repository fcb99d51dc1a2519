/* SPDX-License-Identifier: MIT
 * The gateway's command line. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEFAULT = 100, MAX_MOST = 10000 };

static const char help[] =
    "gateway [options] TARGET   lets pages speak MQTT over WebSocket with a broker that has TCP or TLS only\n"
    "  TARGET                tcp://host[:1883] or tls://host[:8883]; all connections go there and nowhere else\n"
    "  --listen HOST:PORT    where pages connect to; default 127.0.0.1:8080; port 0: any that is free\n"
    "  --path PATH           of the WebSocket; default /mqtt\n"
    "  --origin ORIGIN       a site whose pages may come, such as https://app.example, or null for pages from disk;\n"
    "                        may be repeated; default: sites on this machine (localhost, 127.0.0.1, [::1])\n"
    "  --ca FILE             PEM file of the authority that signed the target's certificate; default: the system's\n"
    "  --cert FILE           PEM file of a client certificate and its chain, to show to the target\n"
    "  --key FILE            PEM file of its private key, not encrypted; default: in the same file\n"
    "  --alpn NAME           protocol to ask the target for within TLS, such as x-amzn-mqtt-ca for AWS on port 443\n"
    "  --max N               connections at once, 1 to 10000; default 100\n";

static int usage(const char *why, const char *what) {
  fprintf(stderr, "gateway: %s%s; `gateway --help` lists the options\n", why, what);
  return 2;
}

/* A target is an address as wqn_url_parse() takes them, under other schemes and with other ports. */
static int read_target(gateway *g, const char *text) {
  char url[WQN_URL_HOST_MAX + 32];
  wqn_error error;
  bool tls = strncmp(text, "tls://", 6) == 0;
  if (!tls && strncmp(text, "tcp://", 6) != 0) return usage("the target begins with tcp:// or tls://, unlike ", text);
  const char *host = text + 6;
  if (strchr(host, '/')) return usage("the target has a path, which TCP does not know: ", text);
  const char *colon = strrchr(host, ':');
  bool port = colon && !strchr(colon, ']');
  int length = snprintf(url, sizeof url, "%s://%s%s/", tls ? "wss" : "ws", host, port ? "" : tls ? ":8883" : ":1883");
  if (length < 0 || (size_t)length >= sizeof url) return usage("the target's name is too long: ", text);
  if (wqn_url_parse(&g->target, url, &error)) return usage("the target is wrong: ", error.text);
  return 0;
}

static int read_listen(options *o, const char *text) {
  const char *colon = strrchr(text, ':');
  if (!colon || colon == text) return usage("--listen wants host:port, unlike ", text);
  size_t length = (size_t)(colon - text);
  bool bracket = text[0] == '[' && text[length - 1] == ']';
  if (bracket) {
    text++;
    length -= 2;
  }
  char *rest;
  unsigned long port = strtoul(colon + 1, &rest, 10);
  if (length > WQN_URL_HOST_MAX || *rest || colon[1] < '0' || colon[1] > '9' || port > 65535)
    return usage("bad value for ", "--listen");
  memcpy(o->host, text, length);
  o->host[length] = '\0';
  snprintf(o->port, sizeof o->port, "%u", (unsigned)port);
  return 0;
}

static int read_one(options *o, gateway *g, const char *name, const char *value) {
  if (strcmp(name, "--listen") == 0) return read_listen(o, value);
  if (strcmp(name, "--origin") == 0) {
    if (g->rules.origin_count == ORIGINS_MAX) return usage("too many of ", name);
    g->rules.origins[g->rules.origin_count++] = value;
  } else if (strcmp(name, "--path") == 0) {
    if (value[0] != '/') return usage("a path begins with /: ", value);
    g->rules.path = value;
  } else if (strcmp(name, "--ca") == 0) {
    o->ca = value;
  } else if (strcmp(name, "--cert") == 0) {
    o->certificate = value;
  } else if (strcmp(name, "--key") == 0) {
    o->key = value;
  } else if (strcmp(name, "--alpn") == 0) {
    if (strlen(value) > 255 || !*value) return usage("bad value for ", name);
    o->alpn = value;
  } else if (strcmp(name, "--max") == 0) {
    char *rest;
    unsigned long max = strtoul(value, &rest, 10);
    if (*rest || value[0] < '0' || value[0] > '9' || max < 1 || max > MAX_MOST) return usage("bad value for ", name);
    o->max = (unsigned)max;
  } else {
    return usage("unknown option ", name);
  }
  return 0;
}

int options_read(options *o, gateway *g, char **arguments) {
  const char *target = NULL;
  memset(o, 0, sizeof *o);
  o->max = MAX_DEFAULT;
  g->rules.path = "/mqtt";
  read_listen(o, "127.0.0.1:8080");
  for (char **at = arguments; *at; at++) {
    if (strcmp(*at, "--help") == 0) {
      fputs(help, stdout);
      return 0;
    }
    if (strncmp(*at, "--", 2) != 0) {
      if (target) return usage("one gateway has one target; a second one is ", *at);
      target = *at;
      continue;
    }
    if (!at[1]) return usage("missing value for ", *at);
    int status = read_one(o, g, at[0], at[1]);
    if (status) return status;
    at++;
  }
  if (!target) return usage("the target is missing", "");
  int status = read_target(g, target);
  if (status) return status;
  if (!g->target.tls && (o->ca || o->certificate || o->key || o->alpn))
    return usage("--ca, --cert, --key and --alpn are for tls:// targets", "");
  if (o->key && !o->certificate) return usage("--key without --cert", "");
  return -1;
}
