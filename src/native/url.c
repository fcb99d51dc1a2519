/* SPDX-License-Identifier: MIT
 * ws:// and wss:// addresses, strictly: what a browser would repair is refused here with a reason. */
#include "url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char default_path[] = "/mqtt";

static int bad(wqn_error *error, const char *why) { return wqn_fail(error, WQN_OPTIONS, 0, "%s", why); }

static bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool is_ipv4(const char *host) {
  struct in_addr address;
  return inet_pton(AF_INET, host, &address) == 1;
}

/* The host up to `end`, brackets taken off. Returns what follows it, or NULL. */
static const char *parse_host(wqn_url *url, const char *at, const char *end, wqn_error *error) {
  bool bracket = at < end && *at == '[';
  const char *start = bracket ? at + 1 : at;
  const char *stop = start;
  if (bracket) {
    while (stop < end && *stop != ']')
      stop++;
    if (stop == end) return bad(error, "the URL has a [ without its ]"), NULL;
  } else {
    while (stop < end && *stop != ':')
      stop++;
  }
  size_t length = (size_t)(stop - start);
  if (length == 0) return bad(error, "the URL has no host name: write ws://host:port/path"), NULL;
  if (length > WQN_URL_HOST_MAX) return bad(error, "the URL's host name is longer than 253 characters"), NULL;
  memcpy(url->host, start, length);
  url->host[length] = '\0';

  if (bracket) {
    struct in6_addr address;
    if (inet_pton(AF_INET6, url->host, &address) != 1)
      return bad(error, "the URL's [...] is not an IPv6 address"), NULL;
    url->host_is_ip = true;
    return stop + 1;
  }
  for (size_t i = 0; i < length; i++) {
    if (!is_host_char(url->host[i]))
      return bad(error, "the URL's host name may hold letters, digits, '-', '.' and '_' only"), NULL;
  }
  url->host_is_ip = is_ipv4(url->host);
  return stop;
}

static int parse_port(wqn_url *url, const char *at, const char *end, wqn_error *error) {
  unsigned port = url->tls ? 443 : 80;
  if (at < end) {
    if (*at++ != ':') return bad(error, "the URL has something other than a port after its host");
    if (at == end || end - at > 5) return bad(error, "the URL's port must be a number from 1 to 65535");
    for (port = 0; at < end; at++) {
      if (*at < '0' || *at > '9') return bad(error, "the URL's port must be a number from 1 to 65535");
      port = port * 10 + (unsigned)(*at - '0');
    }
    if (port == 0 || port > 65535) return bad(error, "the URL's port must be a number from 1 to 65535");
  }
  snprintf(url->port, sizeof url->port, "%u", port & 0xFFFFu);
  return 0;
}

static int parse_target(wqn_url *url, const char *at, wqn_error *error) {
  size_t length = strlen(at);
  size_t prefix = *at == '/' ? 0 : sizeof default_path - 1;
  if (length + prefix > WQN_URL_TARGET_MAX)
    return bad(error, "the URL is too long: 4096 bytes of path and query at most");
  for (size_t i = 0; i < length; i++) {
    if (at[i] == '#') return bad(error, "the URL has a fragment (#...), which a WebSocket cannot have");
    if (at[i] <= 0x20 || at[i] >= 0x7F)
      return bad(error, "the URL's path has a space or a character outside ASCII: write it percent-encoded");
  }
  memcpy(url->target, default_path, prefix);
  memcpy(url->target + prefix, at, length + 1);
  url->path_length = strcspn(url->target, "?");
  return 0;
}

int wqn_url_parse(wqn_url *url, const char *text, wqn_error *error) {
  memset(url, 0, sizeof *url);
  if (strncasecmp(text, "ws://", 5) == 0) {
    text += 5;
  } else if (strncasecmp(text, "wss://", 6) == 0) {
    text += 6;
    url->tls = true;
  } else {
    return bad(error, "the URL must begin with ws:// or wss://: this client speaks MQTT over WebSocket only");
  }

  const char *end = text + strcspn(text, "/?#");
  if (memchr(text, '@', (size_t)(end - text)))
    return bad(error, "the URL holds a user name: give user name and password as options, not in the URL");
  const char *after_host = parse_host(url, text, end, error);
  if (!after_host) return -1;
  if (parse_port(url, after_host, end, error)) return -1;
  if (parse_target(url, end, error)) return -1;

  bool ipv6 = strchr(url->host, ':') != NULL;
  bool own_port = strcmp(url->port, url->tls ? "443" : "80") == 0;
  snprintf(url->authority, sizeof url->authority, "%s%s%s%s%s", ipv6 ? "[" : "", url->host, ipv6 ? "]" : "",
           own_port ? "" : ":", own_port ? "" : url->port);
  return 0;
}
