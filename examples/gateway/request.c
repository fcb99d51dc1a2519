/* SPDX-License-Identifier: MIT
 * A page's request for a WebSocket. The Origin is what protects the target: any page that the user has open can ask for a
 * WebSocket to this machine, and only its browser says truthfully which page it was. A program that is no browser sends
 * none, and could reach the target by itself as well. */
#include "request.h"

#include <stdio.h>
#include <string.h>

#include "native/error.h"
#include "native/http.h"

typedef struct head {
  wqn_span method, path;
  wqn_span host, upgrade, connection, key, version, protocols, origin;
} head;

static const char *status_text(int status) {
  switch (status) {
  case 400: return "Bad Request";
  case 403: return "Forbidden";
  case 404: return "Not Found";
  case 405: return "Method Not Allowed";
  case 426: return "Upgrade Required";
  case 431: return "Request Header Fields Too Large";
  default: return "Service Unavailable";
  }
}

int request_refuse(request *r, int status, const char *why) {
  r->why = why;
  int length =
      snprintf(r->answer, sizeof r->answer,
               "HTTP/1.1 %d %s\r\n"
               "%sConnection: close\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: %zu\r\n"
               "\r\n"
               "%s\n",
               status, status_text(status), status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "",
               strlen(why) + 1, why);
  r->answer_length = (uint32_t)length;
  return status;
}

/* "GET /mqtt?query HTTP/1.1" */
static bool read_first(wqn_span line, head *h) {
  const char *space = memchr(line.at, ' ', line.length);
  if (!space) return false;
  h->method = (wqn_span){line.at, (size_t)(space - line.at)};
  wqn_span rest = {space + 1, line.length - h->method.length - 1};
  space = memchr(rest.at, ' ', rest.length);
  if (!space || rest.length - (size_t)(space - rest.at) != 9 || memcmp(space, " HTTP/1.1", 9) != 0) return false;
  h->path = (wqn_span){rest.at, (size_t)(space - rest.at)};
  const char *query = memchr(h->path.at, '?', h->path.length);
  if (query) h->path.length = (size_t)(query - h->path.at);
  return true;
}

static bool read_head(const char *text, size_t length, head *h) {
  memset(h, 0, sizeof *h);
  const wqn_http_header wanted[] = {
      {"Host", &h->host},
      {"Upgrade", &h->upgrade},
      {"Connection", &h->connection},
      {"Sec-WebSocket-Key", &h->key},
      {"Sec-WebSocket-Version", &h->version},
      {"Sec-WebSocket-Protocol", &h->protocols},
      {"Origin", &h->origin},
  };
  wqn_span first;
  return wqn_http_read(text, length, &first, wanted, sizeof wanted / sizeof wanted[0]) && read_first(first, h);
}

/* http or https, this machine's own name, any port. */
static bool is_local(wqn_span origin) {
  static const char *const hosts[] = {"http://localhost",  "http://127.0.0.1",  "http://[::1]",
                                      "https://localhost", "https://127.0.0.1", "https://[::1]"};
  for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
    size_t length = strlen(hosts[i]);
    if (origin.length < length || !wqn_span_is((wqn_span){origin.at, length}, hosts[i])) continue;
    if (origin.length == length || origin.at[length] == ':') return true;
  }
  return false;
}

static bool may_come(const request_rules *rules, wqn_span origin) {
  if (!origin.at) return true;
  if (rules->origin_count == 0) return is_local(origin);
  for (unsigned i = 0; i < rules->origin_count; i++) {
    if (wqn_span_is(origin, rules->origins[i])) return true;
  }
  return false;
}

/* The first subprotocol offered that stands for MQTT, in the case that it has to have; NULL: none. */
static const char *choose_protocol(wqn_span offered) {
  for (wqn_span each; wqn_span_next(&offered, &each);) {
    if (each.length == 4 && memcmp(each.at, "mqtt", 4) == 0) return "mqtt";
    if (each.length == 8 && memcmp(each.at, "mqttv3.1", 8) == 0) return "mqttv3.1";
  }
  return NULL;
}

static int accept_it(request *r, const head *h) {
  const char *protocol = choose_protocol(h->protocols);
  char accept[WQN_HTTP_ACCEPT + 1];
  if (!protocol) return request_refuse(r, 400, "offer the subprotocol mqtt (or mqttv3.1): only MQTT passes here");
  if (!wqn_http_accept(accept, h->key.at)) return request_refuse(r, 503, "OpenSSL offers no SHA-1 here");
  int length = snprintf(r->answer, sizeof r->answer,
                        "HTTP/1.1 101 Switching Protocols\r\n"
                        "Upgrade: websocket\r\n"
                        "Connection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n"
                        "Sec-WebSocket-Protocol: %s\r\n"
                        "\r\n",
                        accept, protocol);
  r->answer_length = (uint32_t)length;
  return 101;
}

int request_judge(request *r, const request_rules *rules) {
  head h;
  size_t length = wqn_http_end(r->bytes, r->length);
  if (length == 0) {
    return r->length < sizeof r->bytes ? 0 : request_refuse(r, 431, "the request's headers are over 8 KiB");
  }
  r->head = (uint32_t)length;
  if (!read_head((const char *)r->bytes, length, &h) || !h.host.at)
    return request_refuse(r, 400, "this is no well-formed HTTP/1.1 request");
  if (h.origin.at) wqn_printable(r->page, sizeof r->page, h.origin.at, h.origin.length);
  if (h.method.length != 3 || memcmp(h.method.at, "GET", 3) != 0)
    return request_refuse(r, 405, "only GET is known here");
  if (h.path.length != strlen(rules->path) || memcmp(h.path.at, rules->path, h.path.length) != 0)
    return request_refuse(r, 404, "no WebSocket is at this path");
  if (!may_come(rules, h.origin))
    return request_refuse(r, 403, "this page's origin may not use the gateway: name it with --origin");
  if (!wqn_span_is(h.upgrade, "websocket") || !wqn_span_has_token(h.connection, "upgrade") ||
      !wqn_span_is(h.version, "13"))
    return request_refuse(r, 426, "a WebSocket of version 13 is here, and nothing else");
  if (h.key.length != WQN_HTTP_KEY) return request_refuse(r, 400, "the request has no valid Sec-WebSocket-Key");
  return accept_it(r, &h);
}
